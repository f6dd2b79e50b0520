"""Rows of a tensor put, added or subtracted at places that are counted around (`python.ops.inplace_ops`), and tensors that are
made to be filled so.

TensorFlow writes into the tensor itself, whoever else reads it; here it stays what it was, and a plan copies it where that shows.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes
from .array import expand_dims, reshape, shape
from .build import apply_op, convert_to_tensor
from .cast import cast
from .registry import OpDef, register
from .shape_functions import sized_by_input, unchanged

__all__ = [
    "alias_inplace_add", "alias_inplace_sub", "alias_inplace_update", "empty", "empty_like", "inplace_add", "inplace_sub",
    "inplace_update",
]  # fmt: skip


def _text(sizes):
    return "[" + ",".join(str(d) if isinstance(d, (int, np.integer)) else "?" for d in sizes) + "]"


def _mismatch(found, places, rows):
    """What TensorFlow says of shapes that do not belong together, as far as their sizes are known; None where they do."""
    if len(places) != 1:
        return f"i must be a vector. {_text(places)}"
    if len(found) != len(rows):
        return f"x and v shape doesn't match (ranks differ): {_text(found)} vs. {_text(rows)}"
    for k in range(1, len(found)):
        if _differ(found[k], rows[k]):
            return f"x and v shape doesn't match at index {k} : {_text(found)} vs. {_text(rows)}"
    if not found or _differ(places[0], rows[0]):
        return f"i and x shape doesn't match at index 0: {_text(places)} vs. {_text(rows)}"
    return None


def _differ(a, b):
    return isinstance(a, int) and isinstance(b, int) and a != b


def _refused_type(type, dtype):
    if type != "InplaceUpdate" and dtype.base_dtype in (dtypes.bool, dtypes.string):
        return f"Unsupported data type: {dtype.base_dtype.name}"
    return None


def _checked(c):
    """The shape of x. TensorFlow looks at the others when the op is run."""
    found = c.shape(0)
    if c.known(1) and c.known(2):
        text = _mismatch(found, c.shape(1), c.shape(2)) or _refused_type(c.op.type, c.dtype(0))
        if text:
            c.fail_in_run(text)
            return found
        for a, b in zip((c.shape(1)[0], *found[1:]), c.shape(2)):
            c.merge(a, b)
    return found


def _lower(kernel):
    def lower(c, node):
        x, places, rows = node.inputs
        (out,) = node.outputs
        c.prepare(out)
        c.emit("copy", [x], [out])
        length = c.lowerer.symbolic(dtypes.int32, np.array(x.shape[0]))
        around = c.temp(dtypes.int32, places.shape)
        c.emit("floor_mod", [places, length], [around])
        column = c.temp(dtypes.int32, (*places.shape, 1))
        c.alias(column, around)
        c.emit(kernel, [column, rows], [c.window(out, out.shape, c.strides(out))])

    return lower


def _reference(type, change):
    def reference(node, x, places, rows):
        # What folds constants looks at no shapes.
        text = _mismatch(*(np.shape(value) for value in (x, places, rows))) or _refused_type(type, node.inputs[0].dtype)
        if text:
            raise ValueError(text)
        out = np.array(x)
        for place, row in zip(places, rows):
            out[place % len(out)] = row if change is None else change(out[place % len(out)], row)
        return out

    return reference


def _empty_reference(node, sizes):
    dtype = node.attrs["dtype"]
    sizes = [int(d) for d in sizes]
    return np.full(sizes, b"", object) if dtype.name == "string" else np.zeros(sizes, dtype.as_numpy_dtype)


def _empty_lower(c, node):
    (out,) = node.outputs
    c.emit("fill", [c.literal(np.zeros((), out.dtype.as_numpy_dtype))], [out])


def _empty_shape(c):
    if c.known(0) and len(c.shape(0)) == 1 and any(isinstance(d, int) and d == -1 for d in c.sizes(0)):
        c.fail_in_run("Dimension -1 must be >= 0")
    return sized_by_input(0)(c)


for _name, _change in (("Update", None), ("Add", np.add), ("Sub", np.subtract)):
    _type = f"Inplace{_name}"
    register(
        OpDef(_type, "x: T, i: int32, v: T", "y: T", shape=_checked, lower=_lower(f"scatter_nd_{_name.lower()}"),
              reference=_reference(_type, _change), can_fail=True),
    )  # fmt: skip
register(
    OpDef("DeepCopy", "x: T", "y: T", shape=unchanged, kernel="copy", reference=lambda node, x: np.array(x), stateful=True),
    OpDef("Empty", "shape: int32", "output: dtype", ranks={"shape": 1}, attrs={"init": False}, shape=_empty_shape,
          lower=_empty_lower, reference=_empty_reference, stateful=True),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def _changed(type, x, i, v):
    x, v = convert_to_tensor(x), convert_to_tensor(v)
    if i is None:
        whole = apply_op(type, [reshape(x, [1, -1]), [0], reshape(v, [1, -1])])
        return reshape(whole, shape(x))
    i = cast(i, dtypes.int32)
    if i.shape.ndims == 0:
        return apply_op(type, [x, reshape(i, [1]), expand_dims(v, 0)])
    return apply_op(type, [x, i, v])


def alias_inplace_update(x, i, v):
    """x with rows replaced.

    Args:
      x: a tensor.
      i: the rows' places, a vector or a scalar, counted from the end where negative, and around; None: all of x.
      v: what is put there: as many rows as `i` has places; one, where it is a scalar.
    """
    return _changed("InplaceUpdate", x, i, v)


def alias_inplace_add(x, i, v):
    """x with `v` added to the rows `i`, as `alias_inplace_update` takes them."""
    return _changed("InplaceAdd", x, i, v)


def alias_inplace_sub(x, i, v):
    """x with `v` subtracted from the rows `i`, as `alias_inplace_update` takes them."""
    return _changed("InplaceSub", x, i, v)


def _copied(x):
    return apply_op("DeepCopy", [x])


def inplace_update(x, i, v):
    """`alias_inplace_update` of a copy of x."""
    return alias_inplace_update(_copied(x), i, v)


def inplace_add(x, i, v):
    """`alias_inplace_add` to a copy of x."""
    return alias_inplace_add(_copied(x), i, v)


def inplace_sub(x, i, v):
    """`alias_inplace_sub` from a copy of x."""
    return alias_inplace_sub(_copied(x), i, v)


def empty(shape, dtype, init=False, name=None):
    """A tensor to be filled: zeros, whether `init` asks for them or not."""
    return apply_op("Empty", [shape], {"dtype": dtypes.as_dtype(dtype), "init": init}, name)


def empty_like(x, init=None):
    """`empty` of the shape and type of x."""
    x = convert_to_tensor(x)
    return empty(shape(x), x.dtype.base_dtype, init=bool(init))
