"""`tf.saved_model.builder`: writes a SavedModel, graphs with the values of their variables in a directory."""

from __future__ import annotations

import filecmp
import os
import shutil

import numpy as np

from .. import logging
from ..files.atomic import write_atomically
from ..files.os_errors import make_directories, translated
from ..files.paths import local_path
from ..graph.collections import GraphKeys
from ..graph.operation import Operation
from ..graph.tensor import Tensor
from ..train.saver import Saver
from ..variables import _all_saveable_objects
from . import constants, signature_constants, tag_constants
from ._more_names import INIT_OP_SIGNATURE_KEY, TRAIN_OP_SIGNATURE_KEY
from .signature_def_utils import predict_signature_def

__all__ = ["SavedModelBuilder"]


def __dir__():
    return list(__all__)


class SavedModelBuilder:
    """Collects graphs, all with the same variables, and writes them to a directory.

    Args:
      export_dir: the directory; it must be empty or not exist.

    Raises:
      AssertionError: where it holds something.
    """

    def __init__(self, export_dir):
        from ..files.messages import SavedModel

        self._export_dir = local_path(export_dir)
        if os.path.isdir(self._export_dir) and os.listdir(self._export_dir):
            raise AssertionError(
                "Export directory already exists, and isn't empty. Please choose a different export directory, or delete "
                f"all the contents of the specified directory: {self._export_dir}"
            )
        make_directories(self._export_dir)
        self._saved_model = SavedModel(saved_model_schema_version=constants.SAVED_MODEL_SCHEMA_VERSION)
        self._has_saved_variables = False

    def add_meta_graph_and_variables(self, sess, tags, signature_def_map=None, assets_collection=None,
                                     legacy_init_op=None, clear_devices=False, main_op=None, strip_default_attrs=False,
                                     saver=None):  # fmt: skip
        """Adds the session's graph and writes the values of its variables.

        Args:
          sess: the session.
          tags: words that say what the graph is for.
          signature_def_map: name -> `SignatureDef`.
          assets_collection: constant text tensors, the names of files that are copied into the directory.
          legacy_init_op: the old name of `main_op`.
          clear_devices: whether the nodes' devices are left out.
          main_op: an op that is run after loading.
          strip_default_attrs: whether attributes with their default are left out.
          saver: the saver that writes the variables; by default one of all variables.

        Raises:
          AssertionError: where variables were written before, or a signature lacks a name.
          KeyError: where a signature has a name that is reserved.
          TypeError: where an op is none.
        """
        if self._has_saved_variables:
            raise AssertionError(
                "Graph state including variables and assets has already been saved. Please invoke `add_meta_graph()` instead."
            )
        _check_signatures(signature_def_map)
        with sess.graph.as_default():
            assets = self._collections(sess.graph, assets_collection, main_op or legacy_init_op)
            saver = saver or _sharded_saver()
            directory = os.path.join(self._export_dir, constants.VARIABLES_DIRECTORY)
            make_directories(directory)
            prefix = os.path.join(directory, constants.VARIABLES_FILENAME)
            saver.save(sess, prefix, write_meta_graph=False, write_state=False)
            self._add(saver, tags, signature_def_map, assets, clear_devices, strip_default_attrs)
        self._has_saved_variables = True

    def add_meta_graph(self, tags, signature_def_map=None, assets_collection=None, legacy_init_op=None, clear_devices=False,
                       main_op=None, strip_default_attrs=False, saver=None):  # fmt: skip
        """Adds the default graph, whose variables are those that were written. The arguments are as above.

        Raises:
          AssertionError: where no variables were written yet, or a signature lacks a name.
          TypeError: where an op is none.
        """
        if not self._has_saved_variables:
            raise AssertionError(
                "Graph state including variables and assets has not been saved yet. Please invoke "
                "`add_meta_graph_and_variables()` first."
            )
        from ..graph.stack import get_default_graph

        _check_signatures(signature_def_map)
        assets = self._collections(get_default_graph(), assets_collection, main_op or legacy_init_op)
        self._add(saver or _sharded_saver(), tags, signature_def_map, assets, clear_devices, strip_default_attrs)

    def save(self, as_text=False):
        """Writes the file of the graphs.

        Args:
          as_text: whether it is text.

        Returns:
          The file's name, as bytes.

        Raises:
          OpError: where it cannot be written.
        """
        name = constants.SAVED_MODEL_FILENAME_PBTXT if as_text else constants.SAVED_MODEL_FILENAME_PB
        path = os.path.join(self._export_dir, name)
        if as_text:
            from google.protobuf import text_format

            data = text_format.MessageToString(self._saved_model).encode()
        else:
            data = self._saved_model.SerializeToString()
        make_directories(self._export_dir)
        write_atomically(path, data)
        logging.info("SavedModel written to: %s", path)
        return path.encode()

    # --- parts ----------------------------------------------------------------------------------------------

    def _collections(self, graph, assets_collection, main_op):
        """Copies assets, and notes the op that runs after loading; gives the assets' `AssetFileDef`s."""
        assets = self._copy_assets(assets_collection)
        if main_op is not None:
            if not isinstance(main_op, Operation):
                raise TypeError(f"main_op needs to be an Operation: {main_op!r}")
            for key in (constants.MAIN_OP_KEY, constants.LEGACY_INIT_OP_KEY):
                if graph.get_collection(key):
                    raise ValueError(f"Graph already contains one or more main ops under the collection {key}.")
            graph.add_to_collection(constants.MAIN_OP_KEY, main_op)
        return assets

    def _copy_assets(self, tensors):
        from tensorboard.compat.proto.meta_graph_pb2 import AssetFileDef

        found, sources = [], {}
        for tensor in tensors or ():
            path = _asset_path(tensor)
            name = _unused_name(os.path.basename(path), path, sources)
            sources.setdefault(name, path)
            definition = AssetFileDef(filename=name)
            definition.tensor_info.name = tensor.name
            found.append(definition)
        if sources:
            directory = os.path.join(self._export_dir, constants.ASSETS_DIRECTORY)
            make_directories(directory)
            for name, path in sources.items():
                with translated(path):
                    shutil.copyfile(path, os.path.join(directory, name))
        logging.info("No assets to save." if tensors is None else "Assets added to graph.")
        if sources:
            logging.info("Assets written to: %s", directory)
        else:
            logging.info("No assets to write.")
        return found

    def _add(self, saver, tags, signatures, assets, clear_devices, strip_default_attrs):
        message = saver.export_meta_graph(clear_devices=clear_devices, strip_default_attrs=strip_default_attrs)
        message.meta_info_def.tags.extend(tags)
        for name, signature in (signatures or {}).items():
            message.signature_def[name].CopyFrom(signature)
        message.asset_file_def.extend(assets)
        for asset in assets:
            message.collection_def[constants.ASSETS_KEY].any_list.value.add(
                type_url="type.googleapis.com/tensorflow.AssetFileDef", value=asset.SerializeToString()
            )
        self._saved_model.meta_graphs.add().CopyFrom(message)


def _sharded_saver():
    return Saver(_all_saveable_objects(), sharded=True, allow_empty=True)


def _check_signatures(signatures):
    for name, meaning in ((INIT_OP_SIGNATURE_KEY, "initialization"), (TRAIN_OP_SIGNATURE_KEY, "the train op")):
        if name in (signatures or {}):
            raise KeyError(f'SignatureDef map key "{name}" is reserved for {meaning}. Please use a different key.')
    for signature in (signatures or {}).values():
        for infos in (signature.inputs, signature.outputs):
            for info in infos.values():
                if info.WhichOneof("encoding") is None:
                    raise AssertionError(
                        "All TensorInfo protos used in the SignatureDefs must have one of the 'encoding' fields (e.g., name or "
                        f"coo_sparse) set: {info}"
                    )
                if not info.dtype:
                    raise AssertionError(
                        f"All TensorInfo protos used in the SignatureDefs must have the dtype field set: {info}"
                    )


def _asset_path(tensor):
    """The file that a constant names.

    Raises:
      TypeError: where it is no tensor, no constant, or no single text.
      ValueError: where it names nothing.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError("Asset path tensor must be a Tensor.")
    if tensor.op.type != "Const":
        raise TypeError("Asset path tensor must be of type constant.")
    if tensor.dtype.name != "string":
        raise TypeError("Asset path tensor must be of dtype string.")
    value = np.ravel(tensor.op.get_attr("value"))
    if len(value) != 1:
        raise TypeError("Asset path tensor must be a scalar.")
    if not value[0]:
        raise ValueError(f"Invalid asset filepath tensor {tensor}")
    return local_path(value[0])


def _unused_name(name, path, sources):
    """A name of its own for each file, where two in different directories have the same name and not the same content."""
    unused, count = name, 0
    while unused in sources and not _is_same(sources[unused], path):
        count += 1
        unused = f"{name}_{count}"
    return unused


def _is_same(one, other):
    return one == other or (os.path.exists(one) and os.path.exists(other) and filecmp.cmp(one, other, shallow=False))


def simple_save(session, export_dir, inputs, outputs, legacy_init_op=None):
    """Writes the session's graph and variables as a SavedModel with one signature, for serving.

    Args:
      session: the session.
      export_dir: the directory; it must be empty or not exist.
      inputs, outputs: name -> tensor.
      legacy_init_op: an op that is run after loading.

    Raises:
      AssertionError: where the directory holds something.
      ValueError: where there are no inputs or no outputs; nothing is written then.
    """
    signatures = {signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: predict_signature_def(inputs, outputs)}
    builder = SavedModelBuilder(export_dir)
    builder.add_meta_graph_and_variables(
        session, [tag_constants.SERVING], signatures,
        assets_collection=session.graph.get_collection(GraphKeys.ASSET_FILEPATHS), main_op=legacy_init_op, clear_devices=True,
    )  # fmt: skip
    builder.save()
