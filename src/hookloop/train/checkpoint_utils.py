"""Reading checkpoints without a graph, and initial values that come from one."""

from __future__ import annotations

import os
import time

from .. import logging
from ..files.bundle import BundleReader
from ..files.paths import local_path
from ..graph.scopes import device, name_scope
from ..ops.build import apply_op
from ..partitioned import PartitionedVariable
from ..shapes import as_shape
from ..variable_scope import _store
from ..variables import Variable
from .checkpoint_management import get_checkpoint_state, latest_checkpoint
from .saveable import VariableSaveable

__all__ = [
    "NewCheckpointReader", "checkpoints_iterator", "init_from_checkpoint", "list_variables", "load_checkpoint",
    "load_variable",
]  # fmt: skip


class CheckpointReader:
    """Reads the tensors of a checkpoint.

    Args:
      prefix: the path without the files' endings.

    Raises:
      NotFoundError: where there is no such checkpoint.
      InvalidArgumentError: where its directory is not there either.
      DataLossError: where its index is corrupt.
    """

    def __init__(self, prefix):
        self._reader = BundleReader(prefix)

    def get_variable_to_shape_map(self):
        """Name -> list of sizes."""
        return {name: list(shape) for name, shape in self._reader.shapes().items()}

    def get_variable_to_dtype_map(self):
        """Name -> DType."""
        return {name: self._reader.dtype(name) for name in self._reader.names()}

    def has_tensor(self, tensor_str):
        return _text(tensor_str) in self._reader

    def get_tensor(self, tensor_str):
        """A tensor's value: an array, or for a scalar NumPy's scalar or bytes.

        Raises:
          NotFoundError: where there is no such tensor.
          DataLossError: where its bytes are not there, or their checksum does not fit.
          TypeError: where its name is no text and no bytes.
        """
        return self._reader.read(_text(tensor_str))[()]

    def debug_string(self):
        """A line for each tensor, and for each slice of a tensor in parts: its key in the index, type and shape, as bytes."""
        lines = [
            b"%b (DT_%b) [%b]\n" % (key, _enum_name(dtype).encode(), ",".join(map(str, shape)).encode())
            for key, dtype, shape in self._reader.parts()
        ]
        return b"".join(lines)


def _text(name):
    """A tensor's name, which may be bytes."""
    if not isinstance(name, (str, bytes)):
        raise TypeError(f"Expected binary or unicode string, got {name!r}")
    return name if isinstance(name, str) else name.decode(errors="surrogateescape")


def _enum_name(dtype):
    from tensorboard.compat.proto.types_pb2 import DataType

    return DataType.Name(dtype.as_datatype_enum).removeprefix("DT_")


def NewCheckpointReader(filepattern):
    """A reader of the checkpoint of this prefix; see `CheckpointReader`."""
    return CheckpointReader(os.fsdecode(filepattern))


def _prefix_of(path):
    """The prefix that a path means: that of a directory's latest checkpoint, or itself.

    Raises:
      ValueError: where a directory has no checkpoint.
    """
    path = os.fsdecode(path)
    if not os.path.isdir(local_path(path)):
        return path
    found = latest_checkpoint(path)
    if found is None:
        raise ValueError(f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}")
    return found


def load_checkpoint(ckpt_dir_or_file):
    """A reader of a checkpoint.

    Args:
      ckpt_dir_or_file: a prefix, or a directory, whose latest checkpoint is read.

    Raises:
      ValueError: where a directory has no checkpoint.
      NotFoundError: where there is no checkpoint of a prefix.
    """
    return NewCheckpointReader(_prefix_of(ckpt_dir_or_file))


def load_variable(ckpt_dir_or_file, name):
    """The value that a checkpoint has under a name; `name` may end in ":0"."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))


def list_variables(ckpt_dir_or_file):
    """(name, shape) of what a checkpoint has, sorted by name; shapes are lists."""
    return list(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


def checkpoints_iterator(checkpoint_dir, min_interval_secs=0, timeout=None, timeout_fn=None):
    """Yields the prefix of each new checkpoint in a directory, as it comes.

    Args:
      checkpoint_dir: the directory.
      min_interval_secs: seconds at least between two of them.
      timeout: how many seconds to wait for the next; for ever by default.
      timeout_fn: called when they have passed: where it returns True, the iteration ends; else it waits again. Without
        it the iteration ends.
    """
    last = None
    while True:
        found = wait_for_new_checkpoint(checkpoint_dir, last, timeout=timeout)
        if found is None:
            if not timeout_fn:
                logging.info("Timed-out waiting for a checkpoint.")
                return
            if timeout_fn():
                return
            continue
        begin = time.monotonic()
        last = found
        yield last
        pause = begin + min_interval_secs - time.monotonic()
        if pause > 0:
            time.sleep(pause)


def wait_for_new_checkpoint(checkpoint_dir, last_checkpoint=None, seconds_to_sleep=1, timeout=None):
    """Waits until a directory has a checkpoint other than the last one.

    Args:
      checkpoint_dir: the directory.
      last_checkpoint: the prefix of the last checkpoint; None: any will do.
      seconds_to_sleep: how long to wait before looking again.
      timeout: seconds after which to give up; for ever by default.

    Returns:
      The prefix of the new checkpoint; None where the time has passed.
    """
    logging.info("Waiting for new checkpoint at %s", checkpoint_dir)
    stop = None if timeout is None else time.monotonic() + timeout
    while True:
        found = latest_checkpoint(checkpoint_dir) if get_checkpoint_state(checkpoint_dir) is not None else None
        if found is not None and found != last_checkpoint:
            logging.info("Found new checkpoint at %s", found)
            return found
        if stop is not None and time.monotonic() + seconds_to_sleep > stop:
            return None
        time.sleep(seconds_to_sleep)


# --- initial values ---------------------------------------------------------------------------------------


def init_from_checkpoint(ckpt_dir_or_file, assignment_map):
    """Makes the initializers of variables read a checkpoint.

    Args:
      ckpt_dir_or_file: a prefix, or a directory, whose latest checkpoint is read.
      assignment_map: where each value goes: name in the checkpoint -> name of a variable, a variable or the list of
        the parts of one; or "scope/" -> "other_scope/", for all variables of a scope ("/" is the outermost).

    Raises:
      ValueError: a name or a scope is not in the checkpoint or in the graph, or shapes differ.
      NotFoundError: there is no such checkpoint.
    """
    reader = load_checkpoint(ckpt_dir_or_file)
    shapes = reader.get_variable_to_shape_map()
    prefix = _prefix_of(ckpt_dir_or_file)
    for source, target in sorted(assignment_map.items(), key=lambda pair: pair[0]):
        variable = _named(target) if isinstance(target, str) else target
        if isinstance(variable, str):
            for name, found in _scope_pairs(source, variable, shapes, ckpt_dir_or_file):
                _initialize(name, found, prefix, shapes, ckpt_dir_or_file)
        else:
            _initialize(source, variable, prefix, shapes, ckpt_dir_or_file)


def _named(name):
    """The variable of this name, its parts where it has several; the name itself where it is a scope's."""
    found = _store().variables
    if name in found:
        return found[name]
    parts = _parts(name, found)
    return parts or name


def _parts(name, found):
    parts = []
    while f"{name}/part_{len(parts)}" in found:
        parts.append(found[f"{name}/part_{len(parts)}"])
    return parts


def _scope_pairs(source, target, shapes, where):
    """(name in the checkpoint, variable) of a whole scope."""
    if not source.endswith("/") or not target.endswith("/"):
        raise ValueError(
            f"Assignment map with scope only name {target} should map to scope only {source}. "
            "Should be 'scope/': 'other_scope/'."
        )
    scope = "" if target == "/" else target
    variables = _store().variables
    names = {name.split("/part_")[0] for name in variables if name.startswith(scope)}
    pairs = []
    for name in sorted(names):
        short = name[len(scope) :]
        wanted = short if source == "/" else source + short
        if wanted not in shapes:
            raise ValueError(f"Tensor {wanted} ({short} in {source}) is not found in {where} checkpoint")
        pairs.append((wanted, variables.get(name) or _parts(name, variables)))
    return pairs


def _initialize(name, target, prefix, shapes, where):
    """Sets the initializers of a variable, or of its parts."""
    alone = not isinstance(target, (list, tuple, PartitionedVariable))
    parts = [target] if alone else list(target)
    for part in parts:
        if not isinstance(part, Variable):
            raise TypeError(f"expected a variable or its name in the assignment map for {name!r}, got {part!r}")
    if name not in shapes:
        raise ValueError(f"Tensor {name} is not found in {where} checkpoint {shapes}")
    if not parts:
        return
    info = None if alone else parts[0]._get_save_slice_info()
    shape = as_shape(info.full_shape) if info else parts[0].get_shape()
    if not shape.is_compatible_with(shapes[name]):
        raise ValueError(
            f"Shape of variable {parts[0].name} ({shape}) doesn't match with shape of tensor {name} ({shapes[name]}) from "
            "checkpoint reader."
        )
    for part in parts:
        # One part alone is a variable like others, as in TensorFlow.
        info = None if alone else part._get_save_slice_info()
        set_checkpoint_initializer(part, prefix, name, info.spec if info else "")
    logging.debug("Initialize variable %s from checkpoint %s with %s", parts[0].name, prefix, name)


def restored(prefix, name, slice_spec, dtype, op_name="checkpoint_initializer"):
    """A tensor that reads a checkpoint's when it runs."""
    with device("CPU:0"), name_scope(None):
        return apply_op("RestoreV2", [prefix, [name], [slice_spec]], {"dtypes": [dtype.base_dtype]}, op_name)[0]


def set_checkpoint_initializer(variable, prefix, name, slice_spec):
    """Makes a variable's initializer read a checkpoint."""
    with name_scope(None):
        value = restored(prefix, name, slice_spec, variable.dtype)
        value.set_shape(variable.get_shape())
        saveable = VariableSaveable(variable, slice_spec, name)
        variable._initializer_op = saveable.restore([value], None)
    variable._initial_value = value
