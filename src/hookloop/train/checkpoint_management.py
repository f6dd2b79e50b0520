"""The state file of a directory of checkpoints: which is the latest, and which are kept."""

from __future__ import annotations

import os
import re

from .. import errors, logging
from ..files import bundle, run_state
from ..files.atomic import write_atomically
from ..files.os_errors import translated
from ..files.paths import local_path

__all__ = [
    "checkpoint_exists", "generate_checkpoint_state_proto", "get_checkpoint_mtimes", "get_checkpoint_state",
    "latest_checkpoint", "remove_checkpoint", "update_checkpoint_state",
]  # fmt: skip


def _state_path(save_dir, latest_filename):
    return os.path.join(local_path(save_dir), os.fsdecode(latest_filename or "checkpoint"))


def with_latest(paths, latest):
    """The paths with the latest checkpoint as their last one; where it is to be added, that is logged."""
    paths = list(paths or [])
    if not paths or paths[-1] != latest:
        logging.info("%s is not in all_model_checkpoint_paths. Manually adding it.", latest)
        paths.append(latest)
    return paths


def generate_checkpoint_state_proto(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None,
                                    all_model_checkpoint_timestamps=None, last_preserved_timestamp=None):  # fmt: skip
    """The `CheckpointState` of a directory.

    Args:
      save_dir: the directory.
      model_checkpoint_path: the latest checkpoint.
      all_model_checkpoint_paths: all that are kept, oldest first; the latest is added where it is missing.
      all_model_checkpoint_timestamps: seconds since 1970 of each.
      last_preserved_timestamp: of the last one that is kept for ever.

    Raises:
      ValueError: where there are other numbers of timestamps than of paths.
    """
    from ..files.messages import CheckpointState

    paths = with_latest(all_model_checkpoint_paths, model_checkpoint_path)
    if all_model_checkpoint_timestamps and len(all_model_checkpoint_timestamps) != len(paths):
        raise ValueError(
            "Checkpoint timestamps, if provided, must match checkpoint paths "
            f"(got paths {paths} and timestamps {all_model_checkpoint_timestamps})"
        )
    if not os.path.isabs(save_dir):  # paths below a relative directory are relative to it
        paths = [path if os.path.isabs(path) else os.path.relpath(path, save_dir) for path in paths]
        if not os.path.isabs(model_checkpoint_path):
            model_checkpoint_path = os.path.relpath(model_checkpoint_path, save_dir)
    return CheckpointState(
        model_checkpoint_path=model_checkpoint_path, all_model_checkpoint_paths=paths,
        all_model_checkpoint_timestamps=all_model_checkpoint_timestamps, last_preserved_timestamp=last_preserved_timestamp,
    )  # fmt: skip


def update_checkpoint_state(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None, latest_filename=None,
                            all_model_checkpoint_timestamps=None, last_preserved_timestamp=None):  # fmt: skip
    """Writes the state file of a directory; arguments as for `generate_checkpoint_state_proto`.

    Args:
      latest_filename: the state file's name, "checkpoint" by default.

    Raises:
      RuntimeError: where a checkpoint has the state file's path.
      OpError: where the file cannot be written.
    """
    _update(
        save_dir, model_checkpoint_path, all_model_checkpoint_paths, latest_filename, False,
        all_model_checkpoint_timestamps, last_preserved_timestamp,
    )  # fmt: skip


def update_checkpoint_state_internal(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None, latest_filename=None,
                                     save_relative_paths=False, all_model_checkpoint_timestamps=None,
                                     last_preserved_timestamp=None):  # fmt: skip
    """As `update_checkpoint_state`; `save_relative_paths` says whether paths are written as seen from the directory."""
    _update(
        save_dir, model_checkpoint_path, all_model_checkpoint_paths, latest_filename, save_relative_paths,
        all_model_checkpoint_timestamps, last_preserved_timestamp,
    )  # fmt: skip


def _relative(path, save_dir):
    """A path below a directory without it, so that the directory can be moved; an absolute one elsewhere as it is."""
    inside = os.path.relpath(os.path.abspath(path), os.path.abspath(save_dir))
    return path if inside.startswith(os.pardir) and os.path.isabs(path) else inside


def _update(save_dir, latest, all_paths, latest_filename, relative, timestamps=None, last_preserved=None):
    path = _state_path(save_dir, latest_filename)
    save_dir, latest, all_paths = os.fsdecode(save_dir), os.fsdecode(latest), [os.fsdecode(p) for p in all_paths or []]
    if relative:
        latest = _relative(latest, save_dir)
        all_paths = [_relative(p, save_dir) for p in all_paths]
        save_dir = os.path.abspath(save_dir)  # the paths are relative to it already
    state = generate_checkpoint_state_proto(save_dir, latest, all_paths, timestamps, last_preserved)
    if path == latest:
        raise RuntimeError(
            f"Save path '{latest}' conflicts with path used for checkpoint state.  Please use a different save path."
        )
    from google.protobuf import text_format

    write_atomically(path, text_format.MessageToString(state).encode())


def get_checkpoint_state(checkpoint_dir, latest_filename=None):
    """The `CheckpointState` that the state file of a directory holds, None where there is none or it is no such file.

    Args:
      checkpoint_dir: the directory.
      latest_filename: the state file's name, "checkpoint" by default.

    Raises:
      ValueError: where the file names no checkpoint.
    """
    try:
        return _read_state(checkpoint_dir, latest_filename)
    except errors.OpError as error:
        logging.warning("%s", _in_words(error))
        logging.warning("%s: Checkpoint ignored", _state_path(checkpoint_dir, latest_filename))
        return None


def checkpoint_state_to_go_on_from(checkpoint_dir, latest_filename=None):
    """As `get_checkpoint_state`, for who would begin anew, and save over what is there, where there is no state file.

    Raises:
      OpError: where there is one that cannot be read.
      ValueError: where the file names no checkpoint.
    """
    try:
        return _read_state(checkpoint_dir, latest_filename)
    except errors.OpError as error:
        path = _state_path(checkpoint_dir, latest_filename)
        raise type(error)(
            None, None,
            f"expected {path} to be the state file that names the latest checkpoint of its directory, but it cannot be read: "
            f"{_in_words(error)}. Nothing was restored or written. Delete the file to begin anew, or name the checkpoint to go on "
            f"from by tf.train.update_checkpoint_state({os.fsdecode(checkpoint_dir)!r}, PREFIX){_newest(checkpoint_dir)}",
        ) from None  # fmt: skip


def _in_words(error):
    return error.message if isinstance(error, errors.DataLossError) else f"{type(error).__name__}: {error.message}"


def _newest(checkpoint_dir):
    """The checkpoint of a directory that was written last, in words; nothing where there is none."""
    directory = local_path(checkpoint_dir)
    try:
        found = [os.path.join(directory, name) for name in os.listdir(directory) if name.endswith(".index")]
        newest = max(found, key=os.path.getmtime, default=None)
    except OSError:
        newest = None
    return f"; the newest one is {newest.removesuffix('.index')!r}" if newest else ""


def _read_state(checkpoint_dir, latest_filename):
    from google.protobuf import text_format

    from ..files.messages import CheckpointState

    checkpoint_dir = os.fsdecode(checkpoint_dir)
    path = _state_path(checkpoint_dir, latest_filename)
    if not os.path.exists(path):
        return None
    try:
        with translated(path), open(path, "rb") as file:
            state = text_format.Merge(file.read().decode(), CheckpointState())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise errors.DataLossError(None, None, f"{type(error).__name__}: {error}") from None
    if not state.model_checkpoint_path:
        raise ValueError(f"Invalid checkpoint state loaded from {checkpoint_dir}")
    if not os.path.isabs(state.model_checkpoint_path):
        state.model_checkpoint_path = os.path.join(checkpoint_dir, state.model_checkpoint_path)
    for i, other in enumerate(state.all_model_checkpoint_paths):
        if not os.path.isabs(other):
            state.all_model_checkpoint_paths[i] = os.path.join(checkpoint_dir, other)
    return state


def latest_checkpoint(checkpoint_dir, latest_filename=None):
    """The prefix of the latest checkpoint in a directory, None where there is none.

    Args:
      checkpoint_dir: the directory.
      latest_filename: the state file's name, "checkpoint" by default.
    """
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    if checkpoint_exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    logging.error("Couldn't match files for checkpoint %s", state.model_checkpoint_path)
    return None


def checkpoint_exists(checkpoint_prefix):
    """Whether there is a checkpoint of this prefix."""
    return bundle.exists(checkpoint_prefix)


def get_checkpoint_mtimes(checkpoint_prefixes):
    """When each of the checkpoints was written, in seconds since 1970; those that are gone are left out."""
    return [
        float(os.path.getmtime(bundle.index_path(prefix)))
        for prefix in checkpoint_prefixes
        if checkpoint_exists(prefix)
    ]


def remove_checkpoint(checkpoint_prefix, checkpoint_format_version=2, meta_graph_suffix="meta"):
    """Removes the files of a checkpoint: its index, its data, its graph, and what stands beside it.

    Args:
      checkpoint_prefix: the prefix.
      checkpoint_format_version: accepted.
      meta_graph_suffix: the ending of the graph's file.
    """
    checkpoint_prefix = local_path(checkpoint_prefix)
    bundle.remove(checkpoint_prefix, f"{checkpoint_prefix}.{meta_graph_suffix}", run_state.path_of(checkpoint_prefix))


def meta_graph_filename(checkpoint_filename, meta_graph_suffix="meta"):
    """The file of the graph of a checkpoint, which may be named by one of its shards."""
    return ".".join([re.sub(r"-[\d\?]+-of-\d+$", "", checkpoint_filename), meta_graph_suffix])
