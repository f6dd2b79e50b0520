"""The pass for steps of gradient descent whose gradient is a matrix product: the product's tiles move the variable.

The gradient, as large as the variable, is then neither stored nor read again. The product runs where the update stood: behind all that
can fail, as everything does that writes a variable.
"""

from __future__ import annotations

from ..ir import VARIABLE, Instr, same_shape
from .products import product_of
from .uses import each_of, is_whole

LEAST_ROWS, LEAST_COLUMNS = 8, 16  # of a variable: one that is smaller is updated in no time
# Multiply-adds, about 0.1 s of them: a longer product stays where Ctrl-C is heard, which is not where variables are written.
MOST_PRODUCTS = 1 << 32
USUAL_BATCH = 512  # where only a run tells its size


def update_in_products(program):
    """Gives products the updates that alone want their result."""
    for uses, block, item in each_of(program, ("apply_gradient_descent",), with_effects=True):
        _fuse(uses, block, item)


def _fuse(uses, block, item):
    variable, gradient, rate = item.inputs
    if not _is_matrix(variable) or not is_whole(gradient):
        return
    made = uses.only_writer(gradient)
    product = product_of(made)
    if product is None or len(product.factors) > 1 or product.steps or not product.factors[0].transpose_a:
        return
    if not (same_shape(gradient.shape, variable.shape) and same_shape(product.out.shape, variable.shape)):
        return
    if _takes_long(variable, made.inputs[0].shape[0]):
        return
    if any(v.buffer.memory == variable.buffer.memory for v in (*made.inputs, rate)):
        return
    if not uses.may_join(block, made, gradient, item):
        return
    inputs, outputs = [*made.inputs, variable, rate], [variable, *made.outputs[1:]]
    update = Instr("matmul_update", inputs, outputs, made.params, item.node, effect=True, views="rows")
    update.writes_variable = True
    uses.join(made, item, update)
    update.note("update_in_products", "moves the variable where the gradient is in registers")


def _takes_long(variable, batch):
    """Whether the product of a gradient should end where Ctrl-C is heard."""
    rows, columns = variable.shape
    return rows * columns * (batch if isinstance(batch, int) else USUAL_BATCH) > MOST_PRODUCTS


def _is_matrix(variable):
    """Whether it is a variable that is a matrix of floats, large enough."""
    if variable.buffer.kind != VARIABLE or not is_whole(variable) or len(variable.shape) != 2:
        return False
    if variable.dtype.name not in ("float32", "float64"):
        return False
    rows, columns = variable.shape
    return isinstance(rows, int) and isinstance(columns, int) and rows >= LEAST_ROWS and columns >= LEAST_COLUMNS
