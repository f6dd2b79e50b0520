"""Variables in several parts along one axis, and the partitioners that say in how many."""

from __future__ import annotations

import math

from . import dtypes
from .graph.scopes import control_dependencies, name_scope
from .graph.tensor import Tensor
from .ops.build import register_tensor_conversion_function
from .ops.operators import OVERLOADABLE_OPERATORS
from .shapes import TensorShape, as_shape

__all__ = [
    "create_partitioned_variables", "fixed_size_partitioner", "min_max_variable_partitioner",
    "variable_axis_size_partitioner",
]  # fmt: skip


class PartitionInfo:
    """Which part of a variable an initializer makes.

    Attributes:
      full_shape: the shape of the whole variable.
      var_offset: where the part begins.
    """

    def __init__(self, full_shape, var_offset):
        self.full_shape = list(full_shape)
        self.var_offset = list(var_offset)

    def single_offset(self, shape):
        """Where the part begins on the axis that is divided."""
        return self.var_offset[self.single_slice_dim(shape) or 0]

    def single_slice_dim(self, shape):
        """The axis that is divided, None where the part is the whole."""
        divided = [i for i, (part, whole) in enumerate(zip(shape, self.full_shape)) if int(part) != whole]
        if len(divided) > 1:
            raise ValueError(f"Cannot use single_slice_dim() with shape {shape}: it is sliced along axes {divided}")
        return divided[0] if divided else None


class SaveSliceInfo:
    """Which part of a whole a variable is in a checkpoint."""

    def __init__(self, full_name=None, full_shape=None, var_offset=None, var_shape=None):
        self.full_name, self.full_shape = full_name, full_shape
        self.var_offset, self.var_shape = var_offset, var_shape

    @property
    def spec(self):
        """The text that names the part: the whole's shape, then start and length on each axis."""
        whole = " ".join(str(d) for d in self.full_shape)
        return whole + " " + ":".join(f"{o},{s}" for o, s in zip(self.var_offset, self.var_shape))


class PartitionedVariable:
    """Variables that are one along an axis: used as a tensor they are concatenated.

    Args:
      name: of the whole.
      shape, dtype: of the whole.
      variable_list: the parts, in their order.
      partitions: the number of parts along each axis; one at most is over 1.
    """

    def __init__(self, name, shape, dtype, variable_list, partitions):
        if len(partitions) != len(shape):
            raise ValueError(f"shape and partitions must have the same rank, got {shape} and {partitions}")
        if not variable_list:
            raise ValueError("variable_list may not be empty")
        if any(p <= 0 for p in partitions):
            raise ValueError(f"partition values must be positive: {partitions}")
        if sum(p > 1 for p in partitions) > 1:
            raise ValueError(f"Only one axis may be divided, partitions are {partitions}")
        self._name, self._shape, self._dtype = name, as_shape(shape), dtype
        self._variable_list, self._partitions = list(variable_list), list(partitions)

    def __iter__(self):
        return iter(self._variable_list)

    def __len__(self):
        return len(self._variable_list)

    def __repr__(self):
        return f"<tf.PartitionedVariable '{self._name}' shape={self._shape} dtype={self._dtype.name} parts={len(self)}>"

    def _get_variable_list(self):
        return self._variable_list

    def _get_partitions(self):
        return self._partitions

    name = property(lambda self: self._name, doc="The name of the whole.")
    dtype = property(lambda self: self._dtype, doc="The type of the elements.")
    shape = property(lambda self: self._shape, doc="The shape of the whole.")

    def get_shape(self):
        """The shape of the whole."""
        return self._shape

    def as_tensor(self):
        """The parts, concatenated."""
        from .ops.core import identity
        from .ops.slicing import concat

        with control_dependencies(None):
            whole = self._variable_list[0]
            if len(self._variable_list) > 1:
                axis = next(i for i, p in enumerate(self._partitions) if p > 1)
                with name_scope(self._name + "/ConcatPartitions/"):
                    whole = concat(self._variable_list, axis)
            with name_scope(None):
                return identity(whole, name=self._name)

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Gives each part its own part of a value; a list of their results."""
        return self._each("assign", value, use_locking, name, read_value)

    def assign_add(self, value, use_locking=False, name=None, read_value=True):
        """Adds to each part its own part of a value."""
        return self._each("assign_add", value, use_locking, name, read_value)

    def assign_sub(self, value, use_locking=False, name=None, read_value=True):
        """Subtracts from each part its own part of a value."""
        return self._each("assign_sub", value, use_locking, name, read_value)

    def _each(self, method, value, use_locking, name, read_value):
        from .ops.slicing import split

        if len(self) == 1:
            values = [value]
        else:
            axis = next(i for i, p in enumerate(self._partitions) if p > 1)
            values = split(value, [v.shape.as_list()[axis] for v in self], axis)
        return [getattr(v, method)(x, use_locking, name, read_value) for v, x in zip(self, values)]


def get_partitioned(store, get, arguments):
    """`get_variable` with a partitioner: the parts are variables `name/part_0` ..."""
    arguments = {k: v for k, v in arguments.items() if k not in ("store", "get", "get_partitioned")}
    partitioner = arguments.pop("partitioner")
    name, initializer = arguments.pop("name"), arguments.pop("initializer")
    if name in store.variables:
        raise ValueError(
            f"A partitioner was provided, but an unpartitioned version of the variable was found: {name}.  Perhaps a variable "
            "of the same name was already created without partitioning?"
        )
    shape = as_shape(arguments.pop("shape"))
    if not callable(partitioner):
        raise ValueError(f"Partitioner must be callable, but received: {partitioner}")
    if isinstance(initializer, Tensor):
        shape = shape.merge_with(initializer.get_shape())
    if not shape.is_fully_defined():
        raise ValueError(f"Shape of a new partitioned variable must be fully defined, but instead was {shape}.")
    if shape.ndims == 0:
        raise ValueError(f"A partitioned Variable must have rank at least 1, shape: {shape}")
    dtype = dtypes.as_dtype(arguments["dtype"] or initializer.dtype).base_dtype
    arguments["dtype"] = dtype
    partitions = _checked(partitioner(shape=shape, dtype=dtype), shape)
    if name in store.partitioned:
        return _found(store, name, shape, dtype, partitions, arguments["reuse"])
    if arguments["reuse"] is True:
        raise ValueError(
            f"PartitionedVariable {name} does not exist, or was not created with tf.get_variable(). Did you mean to set "
            "reuse=False or reuse=tf.AUTO_REUSE in VarScope?"
        )
    parts = []
    for i, (offset, size) in enumerate(_slices(shape.as_list(), partitions)):
        made = _part_initializer(initializer, dtype, shape.as_list(), offset, size)
        part = get(store, name=f"{name}/part_{i}", shape=size if callable(made) else None, initializer=made,
                   partitioner=None, **arguments)  # fmt: skip
        part._set_save_slice_info(SaveSliceInfo(name, shape.as_list(), offset, size))
        parts.append(part)
    whole = store.partitioned[name] = PartitionedVariable(name, shape, dtype, parts, partitions)
    return whole


def _checked(partitions, shape):
    if not isinstance(partitions, (list, tuple)):
        raise ValueError(f"Partitioner must return a sequence, but saw: {partitions}")
    partitions = [int(p) for p in partitions]
    if len(partitions) != shape.ndims:
        raise ValueError(
            f"Partitioner returned a partition list that does not match the Variable's rank: {partitions} vs. {shape}"
        )
    if any(p < 1 for p in partitions):
        raise ValueError(f"Partitioner returned zero partitions for some axes: {partitions}")
    if sum(p > 1 for p in partitions) > 1:
        raise ValueError(f"Can only slice a variable along one dimension: shape: {shape}, partitioning: {partitions}")
    return partitions


def _found(store, name, shape, dtype, partitions, reuse):
    found = store.partitioned[name]
    if not reuse:
        raise ValueError(
            f"Partitioned variable with name {name} already exists. Did you mean to set reuse=True or "
            "reuse=tf.AUTO_REUSE in VarScope?"
        )
    if not shape.is_compatible_with(found.get_shape()):
        raise ValueError(
            f"Trying to reuse partitioned variable {name}, but specified shape {shape} and found shape {found.get_shape()}."
        )
    if not dtype.is_compatible_with(found.dtype):
        raise ValueError(
            f"Trying to reuse partitioned variable {name}, but specified dtype {dtype.name} and found dtype {found.dtype.name}."
        )
    if found._get_partitions() != partitions:
        raise ValueError(
            f"Trying to reuse partitioned variable {name}, but specified partitions {partitions} and found partitions "
            f"{found._get_partitions()}."
        )
    return found


def _slices(shape, partitions):
    """(offset, shape) of each part: the first ones are one longer where it does not divide."""
    axis = next((i for i, p in enumerate(partitions) if p > 1), 0)
    count = partitions[axis]
    each, rest = divmod(shape[axis], count)
    start = 0
    for i in range(count):
        size = each + (i < rest)
        offset = [0] * len(shape)
        offset[axis] = start
        yield offset, [*shape[:axis], size, *shape[axis + 1 :]]
        start += size


def _part_initializer(initializer, dtype, shape, offset, size):
    from .initializers import glorot_uniform_initializer, zeros_initializer

    if initializer is None:
        initializer = glorot_uniform_initializer() if dtype.is_floating else zeros_initializer()
    if isinstance(initializer, type):
        initializer = initializer()
    if not callable(initializer):
        from .ops.array import slice as slice_of

        return slice_of(initializer, offset, size)
    info = PartitionInfo(shape, offset)
    return lambda: _call(initializer, size, dtype, info)


def _call(initializer, size, dtype, info):
    try:
        return initializer(size, dtype=dtype, partition_info=info)
    except TypeError as error:
        if "partition_info" not in str(error):
            raise
        return initializer(size, dtype=dtype)


# --- partitioners -----------------------------------------------------------------------------------------


def _check_axis(axis, shape):
    """Every partitioner refuses an axis that the variable has not when it is asked."""
    if not -shape.ndims <= axis < shape.ndims:
        raise ValueError(f"Can not partition variable along axis {axis} when shape is only {shape}")


def fixed_size_partitioner(num_shards, axis=0):
    """A partitioner that makes `num_shards` parts along an axis, or as many as it is long."""

    def partitioner(shape, **_):
        _check_axis(axis, shape)
        partitions = [1] * shape.ndims
        partitions[axis] = min(num_shards, shape.as_list()[axis])
        return partitions

    return partitioner


def variable_axis_size_partitioner(max_shard_bytes, axis=0, bytes_per_string_element=16, max_shards=None):
    """A partitioner that keeps each part under a size in bytes.

    Raises:
      ValueError: if a size or number is not positive.
    """
    if max_shard_bytes < 1 or bytes_per_string_element < 1:
        raise ValueError(
            f"Both max_shard_bytes and bytes_per_string_element must be positive. Currently: {max_shard_bytes} and {bytes_per_string_element}"
        )
    if max_shards and max_shards < 1:
        raise ValueError("max_shards must be positive.")

    def partitioner(shape, dtype):
        _check_axis(axis, shape)
        shape = shape if isinstance(shape, TensorShape) else as_shape(shape)
        dims, partitions = shape.as_list(), [1] * shape.ndims
        element = bytes_per_string_element if dtype.name == "string" else dtype.size
        row = element * math.prod(dims) / max(dims[axis], 1)
        rows = max(1, math.floor(max_shard_bytes / max(row, 1)))
        partitions[axis] = min(dims[axis], math.ceil(dims[axis] / rows))
        if max_shards:
            partitions[axis] = min(max_shards, partitions[axis])
        return partitions

    return partitioner


def min_max_variable_partitioner(max_partitions=1, axis=0, min_slice_size=256 << 10, bytes_per_string_element=16):
    """A partitioner that makes up to `max_partitions` parts of at least `min_slice_size` bytes."""

    def partitioner(shape, dtype):
        _check_axis(axis, shape)
        dims, partitions = shape.as_list(), [1] * shape.ndims
        element = bytes_per_string_element if dtype.name == "string" else dtype.size
        slices = math.ceil(element * math.prod(dims) / min_slice_size)
        partitions[axis] = max(1, min(dims[axis], max_partitions, slices))
        return partitions

    return partitioner


def create_partitioned_variables(shape, slicing, initializer, dtype=dtypes.float32, trainable=True, collections=None,
                                 name=None, reuse=None):  # fmt: skip
    """The parts, a list of variables, of a variable divided as `slicing` says: parts along each axis."""
    from .variable_scope import _get, _store, variable_scope

    if len(shape) != len(slicing):
        raise ValueError(
            f"The 'shape' and 'slicing' of a partitioned Variable must have the same length: {shape} and {slicing}"
        )
    with variable_scope(name, "PartitionedVariable", reuse=reuse) as scope:
        arguments = dict.fromkeys(("regularizer", "caching_device", "use_resource", "constraint", "synchronization",
                                   "aggregation"))  # fmt: skip
        arguments.update(name=scope.name, shape=shape, dtype=dtype, initializer=initializer, trainable=trainable,
                         reuse=scope.reuse, collections=collections, validate_shape=True,
                         partitioner=lambda **_: list(slicing))  # fmt: skip
        with name_scope(None):
            return list(get_partitioned(_store(), _get, arguments))


def _to_tensor(variable, dtype=None, name=None, as_ref=False):
    if dtype is not None and not dtype.is_compatible_with(variable.dtype):
        raise ValueError(
            f"Incompatible type conversion requested to type '{dtype.name}' for variable of type '{variable.dtype.name}'"
        )
    return variable.as_tensor()


def _add_operators():
    def operator(name):
        function = getattr(Tensor, name)
        return lambda self, *args: function(self.as_tensor(), *args)

    for name in OVERLOADABLE_OPERATORS:
        setattr(PartitionedVariable, name, operator(name))


register_tensor_conversion_function(PartitionedVariable, _to_tensor)
_add_operators()
