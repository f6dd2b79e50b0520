"""`tf.saved_model.loader`: reads a SavedModel into a session."""

from __future__ import annotations

import os

from .. import logging
from ..files.paths import local_path
from ..graph.collection_def import prepend_scope
from ..train.meta_graph import import_meta_graph_with_saver
from ..train.saver import Saver
from . import constants

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
    export_dir = local_path(export_dir)
    message = _with_tags(_read(export_dir), tags)
    with sess.graph.as_default():
        saver = import_meta_graph_with_saver(message, import_scope=import_scope, **saver_kwargs)
        prefix = os.path.join(export_dir, constants.VARIABLES_DIRECTORY, constants.VARIABLES_FILENAME)
        if os.path.exists(prefix + ".index"):
            (saver or Saver()).restore(sess, prefix)
        else:
            logging.info("The specified SavedModel has no variables; no checkpoints were restored.")
        op_name = _main_op_name(message)
        if op_name:
            sess.run(prepend_scope(op_name, import_scope), _assets(message, export_dir, import_scope))
    return message


def _read(export_dir):
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    from ..files.messages import SavedModel

    binary = os.path.join(export_dir, constants.SAVED_MODEL_FILENAME_PB)
    text = os.path.join(export_dir, constants.SAVED_MODEL_FILENAME_PBTXT)
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
        f"MetaGraphDef associated with tags {str(list(tags)).strip('[]')} could not be found in SavedModel. To inspect available "
        f"tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`\navailable_tags: {available}"
    )


def _main_op_name(message):
    """The op to run after loading: the main op, or one under an older name; None where there is none."""
    signature = message.signature_def.get("__saved_model_init_op") if message.signature_def else None
    if signature is not None:
        return signature.outputs["__saved_model_init_op"].name
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
