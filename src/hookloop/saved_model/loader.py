"""`tf.saved_model.loader`: reads a SavedModel into a session."""

from __future__ import annotations

import os

from .. import logging
from ..files.paths import local_path
from ..graph.collection_def import prepend_scope
from ..train.meta_graph import fill_defaults, import_with_elements
from ..train.saver import Saver
from ..variables import _all_saveable_objects
from . import constants
from ._more_names import INIT_OP_SIGNATURE_KEY

__all__ = ["load", "maybe_saved_model_directory"]


def __dir__():
    return list(__all__)


def maybe_saved_model_directory(export_dir):
    """Whether a directory may hold a SavedModel: whether the file of its graphs is there."""
    names = (constants.SAVED_MODEL_FILENAME_PBTXT, constants.SAVED_MODEL_FILENAME_PB)
    return any(os.path.exists(os.path.join(local_path(export_dir), name)) for name in names)


def load(sess, tags, export_dir, import_scope=None, **saver_kwargs):
    """Adds a graph of a SavedModel to the session's graph, restores its variables and runs its main op.

    Args:
      sess: the session.
      tags: the words of the graph that is wanted: all of them.
      export_dir: the directory.
      import_scope: the scope of the new nodes.
      **saver_kwargs: `input_map`, as for `tf.import_graph_def`, and `clear_devices`.

    Returns:
      The `MetaGraphDef`, with the names of the file.

    Raises:
      OSError: where the directory holds no SavedModel.
      RuntimeError: where no graph has just these tags.
    """
    return SavedModelLoader(export_dir).load(sess, tags, import_scope, **saver_kwargs)


class SavedModelLoader:
    """A SavedModel, of which the parts of `load` are done one by one.

    Args:
      export_dir: the directory.

    Raises:
      OSError: where it holds no SavedModel.
    """

    def __init__(self, export_dir):
        self._export_dir = os.fsdecode(export_dir)
        self._saved_model = parse_saved_model(self._export_dir)

    @property
    def export_dir(self):
        return self._export_dir

    @property
    def variables_path(self):
        """The prefix of the variables' checkpoint."""
        return os.path.join(self._export_dir, constants.VARIABLES_DIRECTORY, constants.VARIABLES_FILENAME)

    @property
    def saved_model(self):
        """The message."""
        return self._saved_model

    def get_meta_graph_def_from_tags(self, tags):
        """The graph of just these tags, as a `MetaGraphDef`.

        Raises:
          RuntimeError: where there is none.
        """
        return _with_tags(self._saved_model, tags)

    def load_graph(self, graph, tags, import_scope=None, **saver_kwargs):
        """Adds the nodes and collections to a graph.

        Args:
          graph: the graph.
          tags, import_scope: as for `load`.
          **saver_kwargs: as for `load`, and `return_elements`.

        Returns:
          (the saver, or None where there are no variables; the list of what `return_elements` names, or None).
        """
        message = self.get_meta_graph_def_from_tags(tags)
        with graph.as_default():
            found = import_with_elements(message, import_scope=import_scope, **saver_kwargs)
        fill_defaults(message.graph_def)
        return found

    def restore_variables(self, sess, saver, import_scope=None):
        """Restores the variables.

        Args:
          sess: the session.
          saver: what `load_graph` gave.
          import_scope: the scope of the variables.

        Raises:
          ValueError: where there are variables, but no saver.
        """
        with sess.graph.as_default():
            if saver is None and not _all_saveable_objects(import_scope):
                logging.info("The specified SavedModel has no variables; no checkpoints were restored.")
            elif isinstance(saver, Saver):
                saver.restore(sess, self.variables_path)
            else:
                raise ValueError(
                    "No tf.train.Saver object was passed to the function SavedModelLoader.restore_variables. Since there are "
                    "variables in the graph, a saver is required."
                )

    def run_init_ops(self, sess, tags, import_scope=None):
        """Runs the main op, where there is one; what names assets names them where they are now."""
        message = self.get_meta_graph_def_from_tags(tags)
        op_name = _main_op_name(message)
        if op_name:
            with sess.graph.as_default():
                sess.run(prepend_scope(op_name, import_scope), _assets(message, self._export_dir, import_scope))

    def load(self, sess, tags, import_scope=None, **saver_kwargs):
        """All of it, as the function `load`."""
        saver, _ = self.load_graph(sess.graph, tags, import_scope, **saver_kwargs)
        self.restore_variables(sess, saver, import_scope)
        self.run_init_ops(sess, tags, import_scope)
        return self.get_meta_graph_def_from_tags(tags)


def parse_saved_model(export_dir):
    """The message that the directory of a SavedModel holds.

    Raises:
      OSError: where it holds none.
    """
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    from ..files.messages import SavedModel

    directory = local_path(export_dir)
    binary = os.path.join(directory, constants.SAVED_MODEL_FILENAME_PB)
    text = os.path.join(directory, constants.SAVED_MODEL_FILENAME_PBTXT)
    path = binary if os.path.exists(binary) else text
    if not os.path.exists(path):
        raise OSError(
            f"SavedModel file does not exist at: {export_dir}/"
            f"{{{constants.SAVED_MODEL_FILENAME_PBTXT}|{constants.SAVED_MODEL_FILENAME_PB}}}"
        )
    with open(path, "rb") as file:
        data = file.read()
    try:
        if path == binary:
            return SavedModel.FromString(data)
        return text_format.Parse(data.decode("utf-8"), SavedModel())
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise OSError(f"Cannot parse file {path}: {error}.") from None


def _with_tags(saved_model, tags):
    available = [set(message.meta_info_def.tags) for message in saved_model.meta_graphs]
    for message, its in zip(saved_model.meta_graphs, available):
        if its == set(tags):
            return message
    raise RuntimeError(
        f"MetaGraphDef associated with tags {str(tags).strip('[]')} could not be found in SavedModel. To inspect available "
        f"tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`\navailable_tags: {available}"
    )


def _main_op_name(message):
    """The op to run after loading: the main op, or one under an older name; None where there is none."""
    signature = message.signature_def.get(INIT_OP_SIGNATURE_KEY) if message.signature_def else None
    if signature is not None:
        return signature.outputs[INIT_OP_SIGNATURE_KEY].name
    for key in (constants.MAIN_OP_KEY, constants.LEGACY_INIT_OP_KEY):
        if key in message.collection_def:
            names = message.collection_def[key].node_list.value
            if len(names) != 1:
                raise RuntimeError(f"Expected exactly one main op in : {key}")
            return names[0]
    return None


def _assets(message, export_dir, import_scope):
    """Feeds of the tensors that name files: where these are now."""
    from tensorboard.compat.proto.meta_graph_pb2 import AssetFileDef

    definitions = list(message.asset_file_def)
    if not definitions and constants.ASSETS_KEY in message.collection_def:
        packed = message.collection_def[constants.ASSETS_KEY].any_list.value
        definitions = [AssetFileDef.FromString(item.value) for item in packed]
    directory = os.path.join(export_dir, constants.ASSETS_DIRECTORY)
    return {
        prepend_scope(d.tensor_info.name, import_scope): os.path.join(directory, d.filename).encode()
        for d in definitions
    }
