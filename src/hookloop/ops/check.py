"""Assertions about values, ranks and types: `tf.assert_equal` and its relatives."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors
from ..graph.scopes import name_scope
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN, as_shape, to_internal
from . import kinds
from .array import rank as rank_of
from .array import reshape, size, strided_slice
from .array import shape as shape_of
from .build import apply_op, convert_to_tensor
from .core import no_op, with_dependencies
from .math import equal, greater, greater_equal, less, less_equal, logical_or, not_equal
from .math_unary import abs as absolute
from .printing import Assert
from .reduce import reduce_all
from .registry import OpDef, register
from .tensor_util import constant_value

__all__ = [
    "assert_equal", "assert_greater", "assert_greater_equal", "assert_integer", "assert_less", "assert_less_equal",
    "assert_near", "assert_negative", "assert_non_negative", "assert_non_positive", "assert_none_equal",
    "assert_positive", "assert_proper_iterable", "assert_rank", "assert_rank_at_least", "assert_rank_in",
    "assert_same_float_dtype", "assert_scalar", "assert_type", "ensure_shape", "is_non_decreasing",
    "is_numeric_tensor", "is_strictly_increasing",
]  # fmt: skip


# --- comparisons ----------------------------------------------------------------------------------------


def _comparison(sign, function, static, says):
    """The assertion that `function(x, y)` holds for all elements."""
    default_name = {"==": "assert_equal", "!=": "assert_none_equal", "<": "assert_less", "<=": "assert_less_equal",
                    ">": "assert_greater", ">=": "assert_greater_equal"}[sign]  # fmt: skip

    def check(x, y, data=None, summarize=None, message=None, name=None):
        if sign == "==":
            # The names of TensorFlow's nodes tell that it opens this scope twice.
            with name_scope(name, default_name, [x, y, data]):
                if x is y:
                    return no_op()
        with name_scope(name, default_name, [x, y, data]):
            x = convert_to_tensor(x, name="x")
            y = convert_to_tensor(y, name="y")
            if data is None:
                data = [
                    f"Condition x {sign} y did not hold element-wise:", f"x ({x.name}) = ", x, f"y ({y.name}) = ", y,
                ]  # fmt: skip
            if message is not None:
                data = [message, *data]
            condition = reduce_all(function(x, y))
            known_x, known_y = constant_value(x), constant_value(y)
            if known_x is not None and known_y is not None:
                _refuse_static(np.all(static(known_x, known_y)), data)
            return Assert(condition, data, summarize=summarize)

    check.__name__ = check.__qualname__ = default_name
    check.__doc__ = f"""An operation that fails unless {says}.

    Args:
      x, y: numeric tensors that can be broadcast.
      data: tensors to show on failure; by default x and y.
      summarize: how many elements of each to show.
      message: text to begin with.
      name: the operation's name.

    Returns:
      The operation; it raises `InvalidArgumentError` when it runs.

    Raises:
      InvalidArgumentError: where x and y are known, and break the condition, already now.
    """
    return check


def _refuse_static(holds, data):
    if not holds:
        raise errors.InvalidArgumentError(None, None, "\n".join([_static_text(x) for x in data]))


def _static_text(value):
    known = constant_value(value) if isinstance(value, Tensor) else None
    return str(value if known is None else known)


assert_equal = _comparison("==", equal, np.equal, "x equals y in every element")
assert_none_equal = _comparison("!=", not_equal, np.not_equal, "x differs from y in every element")
assert_less = _comparison("<", less, np.less, "x is less than y in every element")
assert_less_equal = _comparison("<=", less_equal, np.less_equal, "x is at most y in every element")
assert_greater = _comparison(">", greater, np.greater, "x is greater than y in every element")
assert_greater_equal = _comparison(">=", greater_equal, np.greater_equal, "x is at least y in every element")


def _sign(default_name, condition, compare):
    """The assertion about the sign of all elements; `compare(x, zero)` gives the one it rests on."""

    def check(x, data=None, summarize=None, message=None, name=None):
        with name_scope(name, default_name, [x, data]):
            x = convert_to_tensor(x, name="x")
            if data is None:
                told = f"Condition x {condition} 0 did not hold element-wise:"
                shown = f"x ({x.name}) = "
                data = [message or "", *([told + shown] if condition == "<=" else [told, shown]), x]
            zero = convert_to_tensor(0, dtype=x.dtype)
            return compare(x, zero, data, summarize)

    check.__name__ = check.__qualname__ = default_name
    check.__doc__ = f"""An operation that fails unless every element of x is {condition} 0.

    Args:
      x: a numeric tensor.
      data: tensors to show on failure; by default x.
      summarize: how many elements of each to show.
      message: text to begin with.
      name: the operation's name.

    Returns:
      The operation; it raises `InvalidArgumentError` when it runs.

    Raises:
      InvalidArgumentError: where x is known, and breaks the condition, already now.
    """
    return check


assert_negative = _sign(
    "assert_negative", "<", lambda x, zero, data, summarize: assert_less(x, zero, data=data, summarize=summarize)
)
assert_positive = _sign(
    "assert_positive", ">", lambda x, zero, data, summarize: assert_less(zero, x, data=data, summarize=summarize)
)
assert_non_positive = _sign(
    "assert_non_positive",
    "<=",
    lambda x, zero, data, summarize: assert_less_equal(x, zero, data=data, summarize=summarize),
)
assert_non_negative = _sign(
    "assert_non_negative",
    ">=",
    lambda x, zero, data, summarize: assert_less_equal(zero, x, data=data, summarize=summarize),
)


def assert_near(x, y, rtol=None, atol=None, data=None, summarize=None, message=None, name=None):
    """An operation that fails unless x and y are close: |x - y| < atol + rtol * |y| in every element.

    Args:
      x, y: tensors of one floating-point type.
      rtol, atol: the relative and the absolute tolerance; by default ten times the type's epsilon.
      data: tensors to show on failure; by default x and y.
      summarize: how many elements of each to show.
      message: text to begin with.
      name: the operation's name.

    Returns:
      The operation; it raises `InvalidArgumentError` when it runs.
    """
    with name_scope(name, "assert_near", [x, y, rtol, atol, data]):
        x = convert_to_tensor(x, name="x")
        y = convert_to_tensor(y, name="y", dtype=x.dtype)
        epsilon = np.finfo(x.dtype.base_dtype.as_numpy_dtype).eps
        rtol = convert_to_tensor(10 * epsilon if rtol is None else rtol, name="rtol", dtype=x.dtype)
        atol = convert_to_tensor(10 * epsilon if atol is None else atol, name="atol", dtype=x.dtype)
        if data is None:
            told = f"x and y not equal to tolerance rtol = {rtol}, atol = {atol}"
            data = [message or "", told, f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
        tolerance = atol + rtol * absolute(y)
        condition = reduce_all(less(absolute(x - y), tolerance))
        return Assert(condition, data, summarize=summarize)


# --- ranks ----------------------------------------------------------------------------------------------


def _check_rank(x, ranks, holds, condition, data, summarize):
    """An operation that checks the rank of x: `holds(rank, ranks)` now, or `condition(rank, ranks)` in a run."""
    for rank in ranks:
        assert_type(rank, dtypes.int32)
    known = [constant_value(rank) for rank in ranks]
    if all(rank is not None for rank in known):
        if any(rank.ndim != 0 for rank in known):
            raise ValueError("Rank must be a scalar.")
        found = x.shape.ndims
        if found is not None:
            if not holds(found, known):
                raise _WrongRank(found)
            return no_op(name="static_checks_determined_all_ok")
    checked = condition(rank_of(x), ranks)
    for rank, value in zip(ranks, known):
        if value is None:
            scalar_check = assert_rank(rank, 0, data=["Rank must be a scalar. Received rank: ", rank])
            checked = with_dependencies([scalar_check], checked)
    return Assert(checked, data, summarize=summarize)


class _WrongRank(Exception):
    """The rank that is known does not fit."""


def _assert_ranks(x, ranks, phrase, wanted, holds, condition, data, summarize, message):
    message = message or ""
    if data is None:
        data = [message, f"Tensor {x.name} must have rank {phrase}".rstrip(), *ranks, "Received shape: ", shape_of(x)]
    try:
        return _check_rank(x, ranks, holds, condition, data, summarize)
    except _WrongRank as wrong:
        between = f" {phrase} " if phrase else " "
        raise ValueError(
            f"{message}.  Tensor {x.name} must have rank{between}{wanted()}.  Received rank {wrong.args[0]}, shape {x.shape}"
        ) from None


def assert_rank(x, rank, data=None, summarize=None, message=None, name=None):
    """An operation that fails unless x has the rank `rank`.

    Args:
      x: a tensor.
      rank: an integer scalar.
      data: tensors to show on failure; by default the rank and x's shape.
      summarize: how many elements of each to show.
      message: text to begin with.
      name: the operation's name.

    Returns:
      The operation, which does nothing where the rank is known to be right.

    Raises:
      ValueError: where the rank is known to be wrong.
    """
    with name_scope(name, "assert_rank", [x, rank, *(data or ())]):
        x = convert_to_tensor(x, name="x")
        rank = convert_to_tensor(rank, name="rank")
        return _assert_ranks(
            x, [rank], "", lambda: constant_value(rank), lambda found, known: found == known[0],
            lambda found, ranks: equal(found, ranks[0]), data, summarize, message,
        )  # fmt: skip


def assert_rank_at_least(x, rank, data=None, summarize=None, message=None, name=None):
    """An operation that fails unless x has at least the rank `rank`; see `assert_rank`."""
    with name_scope(name, "assert_rank_at_least", [x, rank, *(data or ())]):
        x = convert_to_tensor(x, name="x")
        rank = convert_to_tensor(rank, name="rank")
        return _assert_ranks(
            x, [rank], "at least", lambda: constant_value(rank), lambda found, known: found >= known[0],
            lambda found, ranks: greater_equal(found, ranks[0]), data, summarize, message,
        )  # fmt: skip


def assert_rank_in(x, ranks, data=None, summarize=None, message=None, name=None):
    """An operation that fails unless the rank of x is one of `ranks`; see `assert_rank`."""
    with name_scope(name, "assert_rank_in", [x, *ranks, *(data or ())]):
        x = convert_to_tensor(x, name="x")
        ranks = tuple([convert_to_tensor(rank, name="rank") for rank in ranks])
        return _assert_ranks(
            x, ranks, "in", lambda: tuple(constant_value(r) for r in ranks), lambda found, known: found in known,
            _rank_in, data, summarize, message,
        )  # fmt: skip


def _rank_in(found, ranks):
    if not ranks:
        return convert_to_tensor(False)
    result = equal(ranks[0], found)
    for rank in ranks[1:]:
        result = logical_or(result, equal(rank, found))
    return result


def assert_scalar(tensor, name=None, message=None):
    """The tensor, which must be known to be a scalar.

    Raises:
      ValueError: where its shape is another, or not known.
    """
    with name_scope(name, "assert_scalar", [tensor]) as scope:
        tensor = convert_to_tensor(tensor, name=scope)
        if tensor.shape.ndims != 0:
            raise ValueError(f"{message or ''}Expected scalar shape for {tensor.name}, saw shape: {tensor.shape}.")
        return tensor


# --- types ----------------------------------------------------------------------------------------------


def assert_type(tensor, tf_type, message=None, name=None):
    """An operation that does nothing: the type is checked now.

    Raises:
      TypeError: where the tensor has another type.
    """
    with name_scope(name, "assert_type", [tensor]):
        tensor = convert_to_tensor(tensor, name="tensor")
        tf_type = dtypes.as_dtype(tf_type)
        if tensor.dtype != tf_type:
            raise TypeError(f"{message or ''}  {tensor.name} must be of type {tf_type}")
        return no_op("statically_determined_correct_type")


def assert_integer(x, message=None, name=None):
    """An operation that does nothing: that x holds integers is checked now.

    Raises:
      TypeError: where x has another type.
    """
    with name_scope(name, "assert_integer", [x]):
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_integer:
            raise TypeError(f'{message or ""}  Expected "x" to be integer type.  Found: {x.name} of dtype {x.dtype}')
        return no_op("statically_determined_was_integer")


def assert_same_float_dtype(tensors=None, dtype=None):
    """The one floating-point type of all tensors, float32 where nothing tells it.

    Args:
      tensors: tensors; None among them is skipped.
      dtype: the type that they must have.

    Raises:
      ValueError: where types differ, or are not floating point.
    """
    first = None
    for tensor in tensors or ():
        if tensor is None:
            continue
        found = tensor.dtype.base_dtype
        if dtype is None:
            dtype, first = found, tensor
        elif found is not dtypes.as_dtype(dtype):
            like = f" as {first.name}" if first is not None else ""
            raise ValueError(f"{tensor.name}, type={found}, must be of the same type ({dtype}){like}.")
    dtype = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    if not dtype.is_floating:
        raise ValueError(f"Expected floating point type, got {dtype}.")
    return dtype


def is_numeric_tensor(tensor):
    """Whether it is a tensor of numbers."""
    return isinstance(tensor, Tensor) and tensor.dtype.base_dtype in kinds.NUMBER


def assert_proper_iterable(values):
    """Checks that `values` is a container, not one tensor, array or text.

    Raises:
      TypeError: where it is not.
    """
    if isinstance(values, (Tensor, np.ndarray, bytes, str)) or hasattr(values, "dense_shape"):
        raise TypeError(f'Expected argument "values" to be a "proper" iterable.  Found: {type(values)}')
    if not hasattr(values, "__iter__"):
        raise TypeError(f'Expected argument "values" to be iterable.  Found: {type(values)}')


# --- order and shape ------------------------------------------------------------------------------------


def _differences(x):
    """The differences of neighbours in x, which is flattened."""
    from .control_flow import cond

    x = reshape(x, [-1])
    if not is_numeric_tensor(x):
        raise TypeError(f"Expected x to be numeric, instead found: {x}")
    is_short = less(size(x), 2)
    count = shape_of(x) - 1
    return cond(
        is_short,
        lambda: convert_to_tensor([], dtype=x.dtype),
        lambda: strided_slice(x, [1], [1] + count) - strided_slice(x, [0], count),
    )


def is_non_decreasing(x, name=None):
    """Whether no element of x, flattened, is less than the one before: a boolean scalar."""
    with name_scope(name, "is_non_decreasing", [x]):
        differences = _differences(x)
        return reduce_all(less_equal(convert_to_tensor(0, dtype=differences.dtype), differences))


def is_strictly_increasing(x, name=None):
    """Whether each element of x, flattened, is greater than the one before: a boolean scalar."""
    with name_scope(name, "is_strictly_increasing", [x]):
        differences = _differences(x)
        return reduce_all(less(convert_to_tensor(0, dtype=differences.dtype), differences))


def _ensured(c):
    wanted = to_internal(c.attr("shape"))
    if not c.known(0) or wanted is None:
        return wanted if wanted is not None else c.shape(0)
    found = c.shape(0)
    if not hasattr(c, "decide"):  # while the graph is built
        if len(found) != len(wanted):
            c.fail(f"Shape must be rank {len(wanted)} but is rank {len(found)}")
        return c.merge_shapes(wanted, found)
    try:
        if len(found) == len(wanted):
            return tuple(d if w is UNKNOWN else c.merge(d, w) for d, w in zip(found, wanted))
    except ValueError:
        pass
    return c.fail(_ensure_text(c.op, ",".join([str(d) if isinstance(d, int) else "?" for d in found])))


def _ensure_text(op, found):
    wanted = ",".join(["?" if d is None else str(d) for d in as_shape(op.get_attr("shape")).as_list()])
    return f"Shape of tensor {op.inputs[0].op.name} [{found}] is not compatible with expected shape [{wanted}]."


def _ensure_reference(node, x):
    if not as_shape(node.attrs["shape"]).is_compatible_with(np.shape(x)):
        raise ValueError(_ensure_text(node.op, ",".join(map(str, np.shape(x)))))
    return x


register(
    OpDef("EnsureShape", "input: T", "output: T", attrs={"shape": None}, shape=_ensured,
          lower=lambda c, node: c.alias(node.outputs[0], node.inputs[0]), reference=_ensure_reference, can_fail=True,
          gradient=lambda op, grad: [grad]),
)  # fmt: skip


def ensure_shape(x, shape, name=None):
    """The tensor x, which must have a shape compatible with `shape` in every run.

    Args:
      x: a tensor.
      shape: a `TensorShape` or a list.
      name: the node's name.

    Returns:
      A tensor of that static shape. Running it raises `InvalidArgumentError` for another shape.

    Raises:
      ValueError: where x's static shape is not compatible.
    """
    return apply_op("EnsureShape", [x], {"shape": as_shape(shape)}, name)
