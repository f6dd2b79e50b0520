"""Matrix products, and what is made of them: tensordot, einsum, norms, the identity matrix."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN
from .array import concat, expand_dims, ones, rank, reshape, shape, squeeze, stack, transpose, zeros
from .build import apply_op, constant, convert_to_tensor
from .gather import gather
from .math import minimum
from .math_unary import conjugated, sqrt
from .ranges import range as range_
from .reduce import reduce_max, reduce_prod, reduce_sum, renamed
from .registry import OpDef, register
from .select import where

__all__ = ["einsum", "eye", "matmul", "norm", "sparse_matmul", "tensordot", "trace"]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PRODUCT_TYPES = frozenset(
    (dtypes.bfloat16, dtypes.float16, dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64,
     dtypes.complex64, dtypes.complex128)
)  # fmt: skip
_SPARSE_TYPES = frozenset((dtypes.float32, dtypes.bfloat16))


# --- definitions ----------------------------------------------------------------------------------------


def _transposes(node):
    """Whether each operand is transposed; the adjoint of a real matrix is its transpose."""
    attrs = node.attrs
    if "adj_x" in attrs:
        return int(attrs["adj_x"]), int(attrs["adj_y"])
    return int(attrs["transpose_a"]), int(attrs["transpose_b"])


def _matrix(c, i, transposed):
    """The rows and columns of an operand."""
    rows, columns = c.shape(i)[-2:]
    return (columns, rows) if transposed else (rows, columns)


def _product_shape(c):
    for i in (0, 1):
        if c.known(i) and len(c.shape(i)) != 2:
            c.fail(f"Shape must be rank 2 but is rank {len(c.shape(i))}")
    c.fallback((UNKNOWN, UNKNOWN))
    rows, inner = _matrix(c, 0, c.attr("transpose_a")) if c.known(0) else (UNKNOWN, UNKNOWN)
    inner_b, columns = _matrix(c, 1, c.attr("transpose_b")) if c.known(1) else (UNKNOWN, UNKNOWN)
    c.merge(inner, inner_b)
    return (rows, columns)


def _half_known_product_shape(c):
    """What one of the operands tells of a product whose batch both have."""
    if c.known(0):
        return (*c.shape(0)[:-2], _matrix(c, 0, c.attr("adj_x"))[0], UNKNOWN)
    return (*c.shape(1)[:-2], UNKNOWN, _matrix(c, 1, c.attr("adj_y"))[1])


def _batch_product_shape(c):
    shapes = [c.shape(i) for i in (0, 1)]
    rows, inner = _matrix(c, 0, c.attr("adj_x"))
    inner_b, columns = _matrix(c, 1, c.attr("adj_y"))
    batch = c.broadcast(shapes[0][:-2], shapes[1][:-2])
    c.merge(inner, inner_b)
    return (*batch, rows, columns)


def _same_batch_product_shape(c):
    if not (c.known(0) and c.known(1)):
        return _half_known_product_shape(c)
    c.merge_shapes(c.shape(0)[:-2], c.shape(1)[:-2])
    return _batch_product_shape(c)


def _reference_product(node, a, b):
    transpose_a, transpose_b = _transposes(node)
    out = node.attrs.get("T", dtypes.float32).as_numpy_dtype
    wide = np.float32 if a.dtype.itemsize == 2 else a.dtype
    a, b = a.astype(wide), b.astype(wide)
    conjugate = (lambda x: x.conj()) if "adj_x" in node.attrs else (lambda x: x)
    a = conjugate(np.swapaxes(a, -1, -2)) if transpose_a else a
    b = conjugate(np.swapaxes(b, -1, -2)) if transpose_b else b
    return np.matmul(a, b).astype(out)


def _sparse_product_lower(c, node):
    """A product of float32, whatever the operands are."""
    operands = []
    for value in node.inputs:
        operands.append(value if value.dtype == dtypes.float32 else c.temp(dtypes.float32, value.shape))
        if operands[-1] is not value:
            c.emit("cast", [value], [operands[-1]])
    c.emit("matmul", operands, node.outputs, _transposes(node))


def _product_gradient(op, grad):
    a, b = conjugated(op.inputs[0]), conjugated(op.inputs[1])
    transpose_a, transpose_b = op.get_attr("transpose_a"), op.get_attr("transpose_b")
    if not transpose_a and not transpose_b:
        return [_product(grad, b, False, True), _product(a, grad, True, False)]
    if not transpose_a:
        return [_product(grad, b, False, False), _product(grad, a, True, False)]
    if not transpose_b:
        return [_product(b, grad, False, True), _product(a, grad, False, False)]
    return [_product(b, grad, True, True), _product(grad, a, True, True)]


def _product(a, b, transpose_a, transpose_b):
    return apply_op("MatMul", [a, b], {"transpose_a": transpose_a, "transpose_b": transpose_b})


def _sparse_product_gradient(op, grad):
    """Products that pass on which operand has many zeros: those of relu's gradient may have them too."""
    a, b = op.inputs
    hints = {a: op.get_attr("a_is_sparse"), b: op.get_attr("b_is_sparse"), grad: grad.op.type == "ReluGrad"}

    def product(x, y, dtype, transpose_x=False, transpose_y=False):
        sparse_x, sparse_y = hints[x], hints[y]
        if transpose_y:
            y = transpose(y)
        return cast(matmul(x, y, transpose_x, a_is_sparse=sparse_x, b_is_sparse=sparse_y), dtype)

    from .cast import cast

    transpose_a, transpose_b = op.get_attr("transpose_a"), op.get_attr("transpose_b")
    if transpose_a:
        grad_a = product(b, grad, a.dtype, transpose_b, True)
    else:
        grad_a = product(grad, b, a.dtype, False, not transpose_b)
    if transpose_b:
        return [grad_a, product(grad, a, b.dtype, True, transpose_a)]
    return [grad_a, product(a, grad, b.dtype, not transpose_a)]


def _batch_product_gradients(op, grad):
    x, y = op.inputs
    adj_x, adj_y = op.get_attr("adj_x"), op.get_attr("adj_y")
    if not adj_x and not adj_y:
        return matmul(grad, y, adjoint_b=True), matmul(x, grad, adjoint_a=True)
    if not adj_x:
        return matmul(grad, y), matmul(grad, x, adjoint_a=True)
    if not adj_y:
        return matmul(y, grad, adjoint_b=True), matmul(x, grad)
    return matmul(y, grad, adjoint_a=True, adjoint_b=True), matmul(grad, x, adjoint_a=True, adjoint_b=True)


def _batch_product_gradient(op, grad):
    return list(_batch_product_gradients(op, grad))


def _broadcast_product_gradient(op, grad):
    """The same, summed over the axes of the batch along which an operand was broadcast."""
    grad_x, grad_y = _batch_product_gradients(op, grad)
    static_x, static_y = op.inputs[0].get_shape(), op.inputs[1].get_shape()
    if static_x.is_fully_defined() and static_x == static_y:
        return [grad_x, grad_y]
    shape_x, shape_y = shape(op.inputs[0]), shape(op.inputs[1])
    axes_x, axes_y = apply_op("BroadcastGradientArgs", [shape_x[:-2], shape_y[:-2]])
    grad_x = reshape(reduce_sum(grad_x, axes_x), shape_x)
    return [grad_x, reshape(reduce_sum(grad_y, axes_y), shape_y)]


def _batch_product_lower(c, node):
    operands, adjoint = list(node.inputs), _transposes(node)
    for i, x in enumerate(operands):
        if adjoint[i] and x.dtype.is_complex:
            operands[i] = c.temp(x.dtype, x.shape)
            c.emit("conjugate", [x], [operands[i]])
    c.emit("matmul", operands, node.outputs, adjoint)


def _batch_product(name, shape, gradient):
    return OpDef(name, "x: T, y: T", "output: T", attrs={"adj_x": False, "adj_y": False},
                 types={"T": _PRODUCT_TYPES}, least_ranks={"x": 2, "y": 2}, shape=shape, gradient=gradient,
                 lower=_batch_product_lower, views="rows", reference=_reference_product)  # fmt: skip


register(
    OpDef("MatMul", "a: T, b: T", "product: T", attrs={"transpose_a": False, "transpose_b": False},
          types={"T": _PRODUCT_TYPES}, shape=_product_shape, gradient=_product_gradient, kernel="matmul",
          params=_transposes, views="rows", reference=_reference_product),
    OpDef("SparseMatMul", "a: Ta, b: Tb", "product: float32",
          attrs={"transpose_a": False, "transpose_b": False, "a_is_sparse": False, "b_is_sparse": False,
                 "Ta": dtypes.float32, "Tb": dtypes.float32},
          types={"Ta": _SPARSE_TYPES, "Tb": _SPARSE_TYPES}, shape=_product_shape, gradient=_sparse_product_gradient,
          lower=_sparse_product_lower, views="rows", reference=_reference_product),
    _batch_product("BatchMatMul", _same_batch_product_shape, _batch_product_gradient),
    _batch_product("BatchMatMulV2", _batch_product_shape, _broadcast_product_gradient),
)  # fmt: skip


# --- products -------------------------------------------------------------------------------------------


def matmul(a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, a_is_sparse=False,
           b_is_sparse=False, name=None):  # fmt: skip
    """The product of matrices, or of batches of them, which are broadcast.

    Args:
      a, b: tensors of at least two axes, the last two of which are the matrices'.
      transpose_a, transpose_b: whether an operand is transposed first.
      adjoint_a, adjoint_b: whether it is transposed and conjugated first.
      a_is_sparse, b_is_sparse: hints that an operand has many zeros.
      name: the node's name.

    Raises:
      ValueError: where sizes do not fit, or an operand is both transposed and adjoint.
      TypeError: where the operands' types differ.
    """
    with name_scope(name, "MatMul", [a, b]) as scope:
        if transpose_a and adjoint_a:
            raise ValueError("Only one of transpose_a and adjoint_a can be True.")
        if transpose_b and adjoint_b:
            raise ValueError("Only one of transpose_b and adjoint_b can be True.")
        a = convert_to_tensor(a, name="a")
        b = convert_to_tensor(b, name="b", preferred_dtype=a.dtype.base_dtype)
        sparse = a_is_sparse or b_is_sparse  # then they are matrices, where nothing says otherwise
        if _has_batch(a, not sparse) or _has_batch(b, not sparse):
            if transpose_a or adjoint_a:
                a, adjoint_a = conjugated(a) if transpose_a else a, True
            if transpose_b or adjoint_b:
                b, adjoint_b = conjugated(b) if transpose_b else b, True
            return apply_op("BatchMatMulV2", [a, b], {"adj_x": bool(adjoint_a), "adj_y": bool(adjoint_b)}, scope)
        a = conjugated(a) if adjoint_a else a
        b = conjugated(b) if adjoint_b else b
        attrs = {"transpose_a": bool(transpose_a or adjoint_a), "transpose_b": bool(transpose_b or adjoint_b)}
        mixed = a.dtype != b.dtype and dtypes.bfloat16 in (a.dtype.base_dtype, b.dtype.base_dtype)
        if (sparse or mixed) and a.dtype in _SPARSE_TYPES and b.dtype in _SPARSE_TYPES:
            attrs.update(a_is_sparse=bool(a_is_sparse), b_is_sparse=bool(b_is_sparse))
            return apply_op("SparseMatMul", [a, b], attrs, scope)
        return apply_op("MatMul", [a, b], attrs, scope)


def _has_batch(x, unknown=True):
    return unknown if x._shape is None else len(x._shape) > 2


def sparse_matmul(a, b, transpose_a=False, transpose_b=False, a_is_sparse=False, b_is_sparse=False, name=None):
    """The product of two matrices of which one may have many zeros; the arguments are those of matmul."""
    attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b, "a_is_sparse": a_is_sparse,
             "b_is_sparse": b_is_sparse}  # fmt: skip
    return apply_op("SparseMatMul", [a, b], {k: bool(v) for k, v in attrs.items()}, name)


def matvec(a, b, transpose_a=False, adjoint_a=False, a_is_sparse=False, b_is_sparse=False, name=None):
    """The product of a matrix and a vector, or of batches of them; the arguments are those of matmul."""
    with name_scope(name, "MatVec", [a, b]):
        output = matmul(a, expand_dims(b, -1), transpose_a=transpose_a, adjoint_a=adjoint_a,
                        a_is_sparse=a_is_sparse, b_is_sparse=b_is_sparse)  # fmt: skip
        return squeeze(output, axis=-1)


# --- tensordot ------------------------------------------------------------------------------------------


def tensordot(a, b, axes, name=None):
    """The sum of products over pairs of axes of two tensors.

    Args:
      a, b: tensors of one type.
      axes: a number N for the last N axes of a and the first N of b; or two lists of axes, of a and of b.
      name: the nodes' scope.

    Raises:
      ValueError: where the axes do not exist or their numbers differ.
    """
    with name_scope(name, "Tensordot", [a, b, axes]) as scope:
        a = convert_to_tensor(a, name="a")
        b = convert_to_tensor(b, name="b")
        a_axes, b_axes = _axis_pairs(a, axes)
        a_matrix, a_free, a_free_static = _as_matrix(a, a_axes, False)
        b_matrix, b_free, b_free_static = _as_matrix(b, b_axes, True)
        product = matmul(a_matrix, b_matrix)
        if isinstance(a_free, list) and isinstance(b_free, list):
            return reshape(product, a_free + b_free, name=scope)
        a_free = convert_to_tensor(a_free, dtype=dtypes.int32, name="Const") if isinstance(a_free, list) else a_free
        b_free = convert_to_tensor(b_free, dtype=dtypes.int32, name="Const") if isinstance(b_free, list) else b_free
        product = reshape(product, concat([a_free, b_free], 0), name=scope)
        if a_free_static is not None and b_free_static is not None:
            product.set_shape(a_free_static + b_free_static)
        return product


def _axis_pairs(a, axes):
    """The axes of each operand that are summed over: lists, or tensors."""
    if isinstance(axes, (int, np.integer)):
        if axes < 0:
            raise ValueError("'axes' must be at least 0.")
        if a._shape is not None:
            ndims = len(a._shape)
            if axes > ndims:
                raise ValueError(f"'axes' must not be larger than the number of dimensions of tensor {a}.")
            return list(range(ndims - axes, ndims)), list(range(axes))
        ndims = rank(a)
        return range_(ndims - axes, ndims, dtype=dtypes.int32), range_(axes, dtype=dtypes.int32)
    if isinstance(axes, (list, tuple)):
        if len(axes) != 2:
            raise ValueError("'axes' must be an integer or have length 2.")
        a_axes, b_axes = ([x] if isinstance(x, (int, np.integer)) else x for x in axes)
        if isinstance(a_axes, (list, tuple)) and isinstance(b_axes, (list, tuple)) and len(a_axes) != len(b_axes):
            raise ValueError(f"Different number of contraction axes 'a' and 'b', {len(a_axes)} != {len(b_axes)}.")
        return a_axes, b_axes
    axes = convert_to_tensor(axes, name="axes", dtype=dtypes.int32)
    return axes[0], axes[1]


def _as_matrix(x, axes, summed_first):
    """An operand as a matrix of free and summed axes; the free axes' sizes, as a list or a tensor, and if known."""
    if x._shape is not None and isinstance(axes, (list, tuple)):
        dims = list(x._shape)
        axes = [int(axis) + len(dims) if axis < 0 else int(axis) for axis in axes]
        free = [i for i in range(len(dims)) if i not in axes]
        free_dims = [dims[i] if isinstance(dims[i], int) else None for i in free]
        if all(isinstance(d, int) for d in dims):
            sizes = [int(np.prod([dims[i] for i in group], dtype=np.int64)) for group in (free, axes)]
            order = axes + free if summed_first else free + axes
            matrix = reshape(transpose(x, order), sizes[::-1] if summed_first else sizes)
            return matrix, free_dims, free_dims
        axes = constant(axes, dtypes.int32, name="axes")
        free = constant(free, dtypes.int32, name="free")
        sizes = shape(x)
        return (*_as_open_matrix(x, sizes, axes, free, summed_first), free_dims)

    free_dims = [None] * (len(x._shape) - axes.shape.as_list()[0]) if _countable(x, axes) else None
    sizes = shape(x)
    ndims = rank(x)
    axes = convert_to_tensor(axes, dtype=dtypes.int32, name="axes")
    axes = where(axes >= 0, axes, axes + ndims)
    free = apply_op("ListDiff", [range_(ndims), axes])[0]
    return (*_as_open_matrix(x, sizes, axes, free, summed_first), free_dims)


def _countable(x, axes):
    return x._shape is not None and isinstance(axes, Tensor) and axes._shape and isinstance(axes._shape[0], int)


def _as_open_matrix(x, sizes, axes, free, summed_first):
    free_sizes = gather(sizes, free)
    summed_sizes = gather(sizes, axes)
    free_count = reduce_prod(free_sizes)
    summed_count = reduce_prod(summed_sizes)
    order = concat([axes, free] if summed_first else [free, axes], 0)
    matrix_shape = stack([summed_count, free_count] if summed_first else [free_count, summed_count])
    return reshape(transpose(x, order), matrix_shape), free_sizes


# --- einsum ---------------------------------------------------------------------------------------------


def einsum(equation, *inputs, **kwargs):
    """A product of tensors, summed over the axes that the result does not name: "ij,jk->ik".

    Args:
      equation: the axes of each operand, and after "->" those of the result; `...` stands for the axes in between, as many as
        there are, which are broadcast.
      *inputs: the operands.
      name: the nodes' scope.

    Raises:
      ValueError: where the equation and the operands do not fit.
      TypeError: for another keyword.
    """
    name = kwargs.pop("name", None)
    if kwargs:
        raise TypeError("invalid keyword arguments for this function: " + ", ".join(sorted(kwargs)))
    with name_scope(name, "einsum", [equation, inputs]):
        inputs = [convert_to_tensor(x) for x in inputs]
        equation = equation.replace(" ", "")
        if len(inputs) == 1 and len(equation) == 2 and equation[0] == equation[1] and equation.isalpha():
            return trace(inputs[0], name="Trace")
        resolved = _without_ellipses(equation, inputs)
        operand_labels, output = _parse_equation(resolved, inputs)
        result, labels = inputs[0], operand_labels[0]
        if _must_multiply_all(inputs, operand_labels, output):
            return _multiply_all(inputs, operand_labels, output)
        for x, x_labels in zip(inputs[1:], operand_labels[1:]):
            summed = (set(labels) & set(x_labels)) - set(output)
            result, labels = _contract(result, labels, x, x_labels, summed)
        return _arrange(result, labels, output)


def _without_ellipses(equation, inputs):
    """The equation with letters of their own for the axes that `...` stands for; the last axes of several are the same ones."""
    if "..." not in equation:
        return equation
    if "." in equation.replace("...", ""):
        raise ValueError('period "." found outside of ellipsis')
    left, arrow, output = equation.partition("->")
    counts = []
    for labels, x in zip(left.split(","), inputs):
        if labels.count("...") > 1:
            raise ValueError("Unable to resolve ellipsis. Excess number found.")
        if "..." in labels:
            if x._shape is None:
                raise ValueError("Unable to statically infer ellipsis axes.")
            counts.append(len(x._shape) - len(labels) + 3)
            if counts[-1] < 0:
                raise ValueError("Ellipses lengths do not match.")
    unused = [letter for letter in reversed(_LETTERS) if letter not in equation]
    axes = "".join(reversed(unused[: max(counts, default=0)]))
    own = iter(counts)
    operands = []
    for labels in left.split(","):
        if "..." in labels:
            count = next(own, 0)
            labels = labels.replace("...", axes[len(axes) - count :])
        operands.append(labels)
    if not arrow:
        letters = left.replace(",", "").replace("...", "")
        output = "..." + "".join(sorted(a for a in set(letters) if letters.count(a) == 1))
    return ",".join(operands) + "->" + output.replace("...", axes)


def _must_multiply_all(inputs, operand_labels, output):
    """Whether two operands at a time do not do: more share a sum, or an axis of size 1 is repeated."""
    sizes: dict = {}
    for labels, x in zip(operand_labels, inputs):
        for label, size in zip(labels, x._shape or ()):
            sizes.setdefault(label, []).append(size)
    return any(
        (len(found) > 2 and label not in output) or (1 in found and any(isinstance(s, int) and s != 1 for s in found))
        for label, found in sizes.items()
    )


def _parse_equation(equation, inputs):
    left, arrow, output = equation.partition("->")
    operands = left.split(",")
    letters = left.replace(",", "")
    if set(letters + output) - set(_LETTERS) or not left:
        raise ValueError(f"Indices have incorrect format: {equation}")
    if len(operands) != len(inputs):
        raise ValueError(f'Got {len(inputs)} arguments for equation "{equation}", expecting {len(operands)}')
    if not arrow:
        output = "".join(sorted(a for a in set(letters) if letters.count(a) == 1))
    for place, (labels, x) in enumerate(zip(operands, inputs)):
        if len(set(labels)) != len(labels):
            raise ValueError(f"Subscript not supported: an axis appears more than once: {labels}")
        if x._shape is None and len(inputs) == 1:
            continue
        if x._shape is None:
            raise ValueError(f"Cannot take the length of shape with unknown rank: operand {place} of einsum is {x}")
        if len(x._shape) != len(labels) and len(inputs) > 1:
            raise ValueError(f"Tensor t{min(place, 1)} of rank {len(x._shape)} does not match einsum reduction of length "
                             f"{len(labels)}: {labels!r} in {equation!r}")  # fmt: skip
        if len(x._shape) != len(labels):
            raise ValueError(f"Shape rank of {x} is {len(x._shape)}, expected {len(labels)} for subscript {labels!r}")
    if set(output) - set(letters) or len(set(output)) != len(output):
        raise ValueError(f"Invalid equation: {equation}")
    return operands, output


def _arrange(x, labels, output):
    """Sums over the axes that are left, and puts the others in order."""
    left = [i for i, a in enumerate(labels) if a not in output]
    if left:
        x = reduce_sum(x, axis=left)
    labels = [a for a in labels if a in output]
    return _transposed(x, [labels.index(a) for a in output])


def _transposed(x, order):
    return x if order == list(range(len(order))) else transpose(x, order)


def _contract(x, x_labels, y, y_labels, summed):
    """The product of two operands, summed over `summed`, and its labels."""
    both = sorted(a for a in x_labels if a in y_labels and a not in summed)
    only_x = sorted(a for a in x_labels if a not in y_labels)
    only_y = sorted(a for a in y_labels if a not in x_labels)
    summed = sorted(summed)
    x_order = both + only_x + summed
    y_order = both + summed + only_y
    x = _transposed(x, [x_labels.index(a) for a in x_order])
    y = _transposed(y, [y_labels.index(a) for a in y_order])
    if not summed:
        for _ in only_y:
            x = expand_dims(x, -1)
        for _ in only_x:
            y = expand_dims(y, len(both))
        return apply_op("Mul", [x, y], name="Mul"), both + only_x + only_y
    x_sizes = _sizes_of(x)
    x_count = _total(x_sizes[len(both) : -len(summed)])
    summed_count = _total(x_sizes[-len(summed) :])
    x = _reshaped(x, x_sizes[: len(both)] + [x_count, summed_count])
    y_sizes = _sizes_of(y)
    y_count = _total(y_sizes[len(both) + len(summed) :])
    y = _reshaped(y, y_sizes[: len(both)] + [summed_count, y_count])
    result = matmul(x, y)
    sizes = x_sizes[: len(both) + len(only_x)] + y_sizes[len(y_sizes) - len(only_y) :]
    return _reshaped(result, sizes), both + only_x + only_y


def _sizes_of(x):
    """The sizes of a tensor: ints, and scalar tensors for those only a run tells."""
    sizes = list(x._shape)
    open_axes = [i for i, d in enumerate(sizes) if not isinstance(d, int)]
    if open_axes:
        shape_of_x = shape(x)
        for i in open_axes:
            sizes[i] = shape_of_x[i]
    return sizes


def _total(sizes):
    total = 1
    for size in sizes:
        total *= size
    return total


def _reshaped(x, sizes):
    dims = x._shape
    if len(sizes) == len(dims) and all(isinstance(s, int) and s == d for s, d in zip(sizes, dims)):
        return x
    return reshape(x, sizes)


def _multiply_all(inputs, operand_labels, output):
    """The sum of the product of all operands, each with all axes: for summed axes that more than two share."""
    summed = sorted(set("".join(operand_labels)) - set(output))
    every = summed + list(output)
    moved = []
    for x, labels in zip(inputs, operand_labels):
        order = sorted(range(len(labels)), key=lambda i: every.index(labels[i]))
        moved.append((_transposed(x, order), [labels[i] for i in order]))
    product = 1
    for factor in [_with_axes(x, labels, every) for x, labels in moved]:
        product = product * factor
    return reduce_sum(product, list(range(len(summed))))


def _with_axes(x, labels, every):
    """An operand with an axis of size 1 for each label that it does not have."""
    sizes = [d if isinstance(d, int) else -1 for d in x._shape]
    missing = [i for i, label in enumerate(every) if label not in labels]
    for i in missing:
        sizes.insert(i, 1)
    if sizes.count(-1) < 2:
        return reshape(x, sizes)
    for i in missing:
        x = expand_dims(x, i)
    return x


# --- norms, the identity, the trace ---------------------------------------------------------------------


def norm(tensor, ord="euclidean", axis=None, keepdims=None, name=None, keep_dims=None):
    """The norm of vectors or matrices.

    Args:
      tensor: a tensor of floats.
      ord: "euclidean", "fro", 1, 2, np.inf, or another positive number (vectors only).
      axis: an axis for vectors, two for matrices, None for all elements as one vector.
      keepdims: whether reduced axes stay, with size 1.
      name: the nodes' scope.
      keep_dims: the old name of keepdims.

    Raises:
      ValueError: where the norm is not defined for vectors or matrices, or axis is neither.
    """
    from .math import pow
    from .math_unary import abs

    keepdims = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    is_matrix = isinstance(axis, (list, tuple)) and len(axis) == 2
    if isinstance(axis, (list, tuple)):
        axis = tuple(axis)
        if not 1 <= len(axis) <= 2:
            raise ValueError("'axis' must be None, an integer, or a tuple of 1 or 2 unique integers")
        if is_matrix and axis[0] == axis[1]:
            raise ValueError("'axis' must be None, an integer, or a tuple of 2 unique integers")
    elif axis is not None:
        axis = (axis,)
    _check_norm(ord, is_matrix)
    with name_scope(name, "norm", [tensor]):
        tensor = convert_to_tensor(tensor)
        if ord in ("fro", "euclidean", 2, 2.0):
            if is_matrix and ord not in ("fro", "euclidean"):
                result = _largest_singular_value(tensor, axis)
            else:
                result = sqrt(reduce_sum(tensor * conjugated(tensor), axis, keepdims=True))
        else:
            result = abs(tensor)
            if ord == 1:
                result = reduce_sum(result, None if axis is None else axis[0], keepdims=True)
                result = reduce_max(result, axis[1], keepdims=True) if is_matrix else result
            elif ord == np.inf:
                result = reduce_sum(result, axis[1], keepdims=True) if is_matrix else result
                result = reduce_max(result, None if axis is None else axis[0], keepdims=True)
            else:
                total = reduce_sum(pow(result, ord), list(axis) if axis is not None else None, keepdims=True)
                result = pow(total, 1.0 / ord)
        return result if keepdims else squeeze(result, axis)


def _largest_singular_value(tensor, axis):
    """The 2-norm of matrices: their axes are moved to the end, and the axes of size 1 that are left, back."""
    from .math_unary import abs

    if tensor._shape is None:
        raise ValueError(f"the 2-norm of matrices needs a tensor of known rank, got {tensor}")
    count = len(tensor._shape)
    axis = [a % count for a in axis]
    before = [a for a in range(count) if a not in axis] + axis
    values = apply_op("Svd", [transpose(tensor, before)], {"compute_uv": False})[0]
    largest = expand_dims(reduce_max(abs(values), axis=-1, keepdims=True), axis=-1)
    return transpose(largest, [before.index(a) for a in range(count)])


def _check_norm(ord, is_matrix):
    known = ["euclidean", "fro", 1, 2, np.inf] if is_matrix else ["euclidean", 1, 2, np.inf]
    if ord not in known and (is_matrix or isinstance(ord, str) or np.iscomplex(ord) or not ord > 0):
        kind = "matrix" if is_matrix else "vector"
        raise ValueError(f"'ord' must be a supported {kind} norm in {known}, got {ord}")


def normalize(tensor, ord="euclidean", axis=None, name=None):
    """A tensor divided by its norm along `axis`, and the norm; the arguments are those of norm."""
    with name_scope(name, "normalize", [tensor]):
        tensor = convert_to_tensor(tensor)
        size = norm(tensor, ord, axis, keepdims=True)
        return tensor / size, size


def eye(num_rows, num_columns=None, batch_shape=None, dtype=dtypes.float32, name=None):
    """Identity matrices.

    Args:
      num_rows: a number or a scalar tensor.
      num_columns: the same; num_rows by default.
      batch_shape: leading axes, by default none.
      dtype: the type of the elements.
      name: the nodes' scope.
    """
    with name_scope(name, default_name="eye", values=[num_rows, num_columns, batch_shape]):
        is_square = num_columns is None
        batch_shape = [] if batch_shape is None else batch_shape
        num_columns = num_rows if is_square else num_columns
        open_size = isinstance(num_rows, Tensor) or isinstance(num_columns, Tensor)
        if not open_size:
            is_square = num_rows == num_columns
        if open_size or isinstance(batch_shape, Tensor):
            diagonal = minimum(num_rows, num_columns) if open_size else min(num_rows, num_columns)
            batch_shape = convert_to_tensor(batch_shape, name="shape", dtype=dtypes.int32)
            diagonal_shape = concat((batch_shape, [diagonal]), axis=0)
            shape = None if is_square else concat((batch_shape, [num_rows, num_columns]), axis=0)
        else:
            batch_shape = list(batch_shape)
            diagonal_shape = batch_shape + [min(num_rows, num_columns)]
            shape = batch_shape + [num_rows, num_columns]
        ones_on_diagonal = ones(diagonal_shape, dtype=dtype)
        if is_square:
            return apply_op("MatrixDiag", [ones_on_diagonal], name="diag")
        return apply_op("MatrixSetDiag", [zeros(shape, dtype=dtype), ones_on_diagonal], name="set_diag")


def trace(x, name=None):
    """The sum of the main diagonal of each matrix."""
    with name_scope(name, "Trace", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return reduce_sum(apply_op("MatrixDiagPart", [x], name="diag_part"), [-1], name=scope)
