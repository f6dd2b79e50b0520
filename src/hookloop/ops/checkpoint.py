"""Ops that write and read checkpoints: what a `Saver` puts into the graph."""

from __future__ import annotations

import os
from contextlib import suppress

import numpy as np

from .. import dtypes, errors
from ..files import slices
from ..files.paths import local_path
from ..graph.describe import message_name
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar

__all__: list[str] = []


def _path(value):
    return local_path(value[()] if isinstance(value, np.ndarray) else value)


def _texts(array):
    return [text.decode(errors="surrogateescape") for text in np.ravel(array).tolist()]


def _same_length(names, specs, count):
    if not len(names) == len(specs) == count:
        raise errors.InvalidArgumentError(
            None, None, f"expected as many names and slices as tensors, {count}, got {len(names)} and {len(specs)}"
        )


def items_to_save(op, names, specs, tensors):
    """What `bundle.write` takes, for the values of the inputs of a SaveV2 node.

    Raises:
      InvalidArgumentError: where they do not fit each other.
    """
    names, specs = _texts(names), _texts(specs)
    _same_length(names, specs, len(tensors))
    items = []
    for name, spec, array, dtype in zip(names, specs, tensors, op.get_attr("dtypes")):
        partition = slices.parse(spec) if spec else None
        if partition is not None:
            expected = tuple([r.stop - r.start for r in slices.ranges(*partition)])
            if array.shape != expected:
                raise errors.InvalidArgumentError(
                    None, None, f"expected a slice of shape {expected} for {name!r}, got {array.shape}"
                )
        items.append((name, array, _stored_as(dtype), partition))
    return items


def _stored_as(dtype):
    """The type under which a checkpoint holds values: an object's state is a text."""
    return dtypes.string if dtype is dtypes.variant else dtype


def write_items(path, items):
    """Writes a checkpoint, and makes its directory where there is none: that one, and none above it."""
    from ..files import bundle
    from ..files.os_errors import make_directory

    path = local_path(path)
    directory = os.path.dirname(path)
    if directory and not os.path.isdir(directory):
        make_directory(directory)
    try:
        bundle.write(path, items)
    except BaseException:
        if "_temp_" in os.path.basename(directory):  # of the shards of one save, which nobody else would remove
            with suppress(OSError):
                os.rmdir(directory)
        raise


def _run_save(call, prefix, names, specs, *tensors):
    write_items(_path(prefix), items_to_save(call.op, names, specs, tensors))
    return ()


def _run_restore(call, prefix, names, specs):
    from ..files.bundle import BundleReader

    wanted = call.attr("dtypes")
    names, specs = _texts(names), _texts(specs)
    _same_length(names, specs, len(wanted))
    reader = BundleReader(_path(prefix))
    return reader.read_all(_of_types(reader, zip(names, specs, wanted)), len(wanted))


def _of_types(reader, wanted):
    """(name, partition) for each (name, text of a slice, type), where a checkpoint has that type under the name."""
    for name, spec, dtype in wanted:
        if name in reader and (found := reader.dtype(name)) is not dtype and found != _stored_as(dtype.base_dtype):
            raise errors.InvalidArgumentError(
                None, None,
                f"tensor_name = {name}; expected dtype {message_name(dtype.base_dtype)} does not equal original dtype "
                f"{message_name(reader.dtype(name))}",
            )  # fmt: skip
        yield name, slices.parse(spec) if spec else None


def _restored_shapes(c):
    """A slice's shape is known where its text is."""
    specs = _texts(c.constant(2)) if c.has_constant(2) else [""] * len(c.op.outputs)
    shapes = []
    for spec in specs:
        partition = slices.parse(spec)
        shapes.append(None if partition is None else tuple([r.stop - r.start for r in slices.ranges(*partition)]))
    return shapes


def _run_sharded_filename(call, base, shard, shards):
    for name, value in (("basename", base), ("shard", shard), ("num_shards", shards)):
        if value.shape:
            raise errors.InvalidArgumentError(None, None, f"{name} must be a scalar, got shape {list(value.shape)}")
    return f"{_path(base)}-{int(shard):05d}-of-{int(shards):05d}".encode()


def _run_merge(call, prefixes, destination):
    from ..files import bundle

    paths = [local_path(prefix) for prefix in np.ravel(prefixes)]
    bundle.merge(paths, _path(destination))
    if call.attr("delete_old_dirs"):
        for directory in {os.path.dirname(path) for path in paths}:
            if directory and directory != os.path.dirname(_path(destination)):
                with suppress(OSError):
                    os.rmdir(directory)
    return ()


register(
    OpDef("SaveV2", "prefix: string, tensor_names: string, shape_and_slices: string, tensors: dtypes", "",
          attrs={"dtypes": []}, shape=nothing, host=_run_save, stateful=True, gradient=no_gradient),
    OpDef("RestoreV2", "prefix: string, tensor_names: string, shape_and_slices: string", "tensors: dtypes",
          attrs={"dtypes": []}, shape=_restored_shapes, host=_run_restore, stateful=True, gradient=no_gradient),
    OpDef("ShardedFilename", "basename: string, shard: int32, num_shards: int32", "filename: string", shape=scalar,
          ranks={"basename": 0, "shard": 0, "num_shards": 0},
          host=_run_sharded_filename, gradient=no_gradient),
    OpDef("MergeV2Checkpoints", "checkpoint_prefixes: string, destination_prefix: string", "",
          attrs={"delete_old_dirs": True}, shape=nothing, host=_run_merge, stateful=True, gradient=no_gradient),
)  # fmt: skip
