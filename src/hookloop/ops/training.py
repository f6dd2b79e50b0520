"""The update ops of the optimizers: `ApplyAdam` and its like, dense and for chosen rows.

A rule is one entry of `_RULES`; its four ops (on references and on resources, dense and sparse) come from it.
"""

from __future__ import annotations

import numpy as np

from . import kinds
from .registry import OpDef, register
from .shape_functions import shape_of_variable

__all__ = []

_FLOATS = kinds.FLOAT


class _Rule:
    """An update rule.

    Args:
      name: of the ops: Apply<name>, SparseApply<name>.
      kernel: its C kernel.
      slots: the names of the slot inputs.
      before, after: the scalar inputs before and after the gradient, as TensorFlow has them, perhaps with a type.
      grad: the gradient's name.
      step: function(slots and variable, grad, scalars, flag) -> their new values, the variable first.
      flag: the attribute that the rule looks at, and its default; a rule without one is told whether rows are chosen.
      sparse: whether there is an op for chosen rows.
      refs: whether there are ops on references.
    """

    def __init__(self, name, kernel, slots, before, after, grad, step, flag=None, sparse=True, refs=True):
        self.name, self.kernel, self.slots, self.before, self.after = name, kernel, slots, before, after
        self.grad, self.step, self.flag, self.sparse, self.refs = grad, step, flag, sparse, refs


def _gradient_descent(state, grad, scalars, flag):
    (variable,), (rate,) = state, scalars
    return (variable - rate * grad,)


def _momentum(state, grad, scalars, flag):
    (variable, accumulator), (rate, momentum) = state, scalars
    accumulator = accumulator * momentum + grad
    step = grad * rate + accumulator * momentum * rate if flag else accumulator * rate
    return variable - step, accumulator


def _adam(state, grad, scalars, flag):
    (variable, mean, square), (power1, power2, rate, beta1, beta2, epsilon) = state, scalars
    one = power1.dtype.type(1)
    rate = rate * np.sqrt(one - power2) / (one - power1)
    mean = mean + (grad - mean) * (one - beta1)
    square = square + (grad * grad - square) * (one - beta2)
    moment = grad * (one - beta1) + beta1 * mean if flag else mean
    return variable - moment * rate / (np.sqrt(square) + epsilon), mean, square


def _adagrad(state, grad, scalars, flag):
    (variable, accumulator), (rate,) = state, scalars
    if flag:
        accumulator = accumulator + grad * grad
    return variable - grad * rate / np.sqrt(accumulator), accumulator


def _rms_prop(state, grad, scalars, flag):
    (variable, square, moment), (rate, rho, momentum, epsilon) = state, scalars
    square = square + (grad * grad - square) * (rho.dtype.type(1) - rho)
    moment = moment * momentum + grad * rate / np.sqrt(square + epsilon)
    return variable - moment, square, moment


def _centered_rms_prop(state, grad, scalars, flag):
    (variable, mean, square, moment), (rate, rho, momentum, epsilon) = state, scalars
    rest = rho.dtype.type(1) - rho
    square = square + (grad * grad - square) * rest
    mean = mean + (grad - mean) * rest
    moment = moment * momentum + grad * rate / np.sqrt(square - mean * mean + epsilon)
    return variable - moment, mean, square, moment


def _adadelta(state, grad, scalars, flag):
    (variable, square, update), (rate, rho, epsilon) = state, scalars
    rest = rho.dtype.type(1) - rho
    square = square * rho + grad * grad * rest
    step = np.sqrt(update + epsilon) / np.sqrt(square + epsilon) * grad
    return variable - step * rate, square, update * rho + step * step * rest


def _shrunk(values, amount):
    """Values moved towards 0 by an amount, and no further."""
    return np.sign(values) * np.maximum(np.abs(values) - amount, values.dtype.type(0))


def _proximal_gradient_descent(state, grad, scalars, flag):
    (variable,), (rate, l1, l2) = state, scalars
    moved = variable - rate * grad
    return (_shrunk(moved, rate * np.maximum(l1, 0)) / (l2.dtype.type(1) + rate * l2),)


def _proximal_adagrad(state, grad, scalars, flag):
    (variable, accumulator), (rate, l1, l2) = state, scalars
    accumulator = accumulator + grad * grad
    rate = rate / np.sqrt(accumulator)
    return _shrunk(variable - grad * rate, rate * np.maximum(l1, 0)) / (l2.dtype.type(1) + rate * l2), accumulator


def _adagrad_da(state, grad, scalars, flag):
    (_, total, square), (rate, l1, l2, step) = state, scalars
    step = rate.dtype.type(step)
    total, square = total + grad, square + grad * grad
    return -rate * _shrunk(total, np.maximum(l1, 0) * step) / (l2 * step * rate + np.sqrt(square)), total, square


def _ftrl(state, grad, scalars, rows):
    (variable, accumulator, linear), (rate, l1, l2, *shrinkage, power) = state, scalars
    following = accumulator + grad * grad
    if shrinkage:
        grad = grad + 2 * shrinkage[0] * variable
    root, root_before = following**-power, accumulator**-power
    linear = linear + grad - (root - root_before) / rate * variable
    moved = (np.clip(linear, -l1, l1) - linear) / (root / rate + 2 * l2)
    variable = moved if rows else np.where(np.abs(linear) > l1, moved, 0)
    return variable.astype(linear.dtype), following, linear


def _ada_max(state, grad, scalars, flag):
    (variable, mean, norm), (power, rate, beta1, beta2, epsilon) = state, scalars
    one = power.dtype.type(1)
    mean = mean + (grad - mean) * (one - beta1)
    norm = np.maximum(beta2 * norm, np.abs(grad))
    return variable - rate / (one - power) * (mean / (norm + epsilon)), mean, norm


def _add_sign(state, grad, scalars, flag):
    (variable, mean), (rate, alpha, decay, beta) = state, scalars
    mean = mean * beta + grad * (beta.dtype.type(1) - beta)
    return variable - rate * (alpha + decay * np.sign(grad) * np.sign(mean)) * grad, mean


def _power_sign(state, grad, scalars, flag):
    (variable, mean), (rate, logbase, decay, beta) = state, scalars
    mean = mean * beta + grad * (beta.dtype.type(1) - beta)
    return variable - rate * np.exp(logbase * decay * np.sign(grad) * np.sign(mean)) * grad, mean


def _adagrad_v2(state, grad, scalars, flag):
    (variable, accumulator), (rate, epsilon) = state, scalars
    if flag:
        accumulator = accumulator + grad * grad
    return variable - grad * rate / (np.sqrt(accumulator) + epsilon), accumulator


def _keras_momentum(state, grad, scalars, flag):
    (variable, accumulator), (rate, momentum) = state, scalars
    accumulator = accumulator * momentum - grad * rate
    return variable + (accumulator * momentum - grad * rate if flag else accumulator), accumulator


def _adam_amsgrad(state, grad, scalars, flag):
    (variable, mean, square, largest), (power1, power2, rate, beta1, beta2, epsilon) = state, scalars
    one = power1.dtype.type(1)
    rate = rate * np.sqrt(one - power2) / (one - power1)
    mean = mean + (grad - mean) * (one - beta1)
    square = square + (grad * grad - square) * (one - beta2)
    largest = np.maximum(largest, square)
    return variable - mean * rate / (np.sqrt(largest) + epsilon), mean, square, largest


_RULES = (
    _Rule("GradientDescent", "apply_gradient_descent", (), ("alpha",), (), "delta", _gradient_descent, sparse=False),
    _Rule("Momentum", "apply_momentum", ("accum",), ("lr",), ("momentum",), "grad", _momentum, ("use_nesterov", False)),
    _Rule("Adam", "apply_adam", ("m", "v"), ("beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon"), (), "grad",
          _adam, ("use_nesterov", False), sparse=False),
    _Rule("Adagrad", "apply_adagrad", ("accum",), ("lr",), (), "grad", _adagrad, ("update_slots", True)),
    _Rule("RMSProp", "apply_rms_prop", ("ms", "mom"), ("lr", "rho", "momentum", "epsilon"), (), "grad", _rms_prop),
    _Rule("CenteredRMSProp", "apply_centered_rms_prop", ("mg", "ms", "mom"), ("lr", "rho", "momentum", "epsilon"), (), "grad",
          _centered_rms_prop),
    _Rule("Adadelta", "apply_adadelta", ("accum", "accum_update"), ("lr", "rho", "epsilon"), (), "grad", _adadelta),
    _Rule("ProximalGradientDescent", "apply_proximal_gradient_descent", (), ("alpha", "l1", "l2"), (), "delta",
          _proximal_gradient_descent),
    _Rule("ProximalAdagrad", "apply_proximal_adagrad", ("accum",), ("lr", "l1", "l2"), (), "grad", _proximal_adagrad),
    _Rule("AdagradDA", "apply_adagrad_da", ("gradient_accumulator", "gradient_squared_accumulator"), (),
          ("lr", "l1", "l2", "global_step: int64"), "grad", _adagrad_da),
    _Rule("Ftrl", "apply_ftrl", ("accum", "linear"), (), ("lr", "l1", "l2", "lr_power"), "grad", _ftrl),
    _Rule("FtrlV2", "apply_ftrl_v2", ("accum", "linear"), (), ("lr", "l1", "l2", "l2_shrinkage", "lr_power"), "grad", _ftrl),
    _Rule("AdaMax", "apply_ada_max", ("m", "v"), ("beta1_power", "lr", "beta1", "beta2", "epsilon"), (), "grad", _ada_max,
          sparse=False),
    _Rule("AddSign", "apply_add_sign", ("m",), ("lr", "alpha", "sign_decay", "beta"), (), "grad", _add_sign, sparse=False),
    _Rule("PowerSign", "apply_power_sign", ("m",), ("lr", "logbase", "sign_decay", "beta"), (), "grad", _power_sign,
          sparse=False),
    _Rule("AdagradV2", "apply_adagrad_v2", ("accum",), ("lr", "epsilon"), (), "grad", _adagrad_v2, ("update_slots", True)),
    _Rule("KerasMomentum", "apply_keras_momentum", ("accum",), ("lr",), ("momentum",), "grad", _keras_momentum,
          ("use_nesterov", False), refs=False),
    _Rule("AdamWithAmsgrad", "apply_adam_amsgrad", ("m", "v", "vhat"),
          ("beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon"), (), "grad", _adam_amsgrad, sparse=False, refs=False),
)  # fmt: skip


def _lower(rule, sparse):
    """Operands in the kernel's order: variable, slots, gradient, scalars, indices."""
    states, before = 1 + len(rule.slots), len(rule.before)

    def lower(c, node):
        inputs = list(node.inputs)
        grad_at = states + before
        after = inputs[grad_at + 1 :]
        indices = [after.pop(0)] if sparse else []
        operands = inputs[:states] + [inputs[grad_at]] + inputs[states:grad_at] + after + indices
        flag = bool(node.attrs[rule.flag[0]]) if rule.flag else sparse
        c.emit(rule.kernel, operands, (), (int(sparse), int(flag)))

    return lower


def _reference(rule, sparse):
    states, before = 1 + len(rule.slots), len(rule.before)

    def reference(node, *arrays):
        state, scalars = arrays[:states], list(arrays[states : states + before])
        grad, after = arrays[states + before], list(arrays[states + before + 1 :])
        flag = bool(node.attrs[rule.flag[0]]) if rule.flag else sparse
        if not sparse:
            return rule.step(state, grad, scalars + after, flag)
        indices = after.pop(0)
        _check_rows(indices, len(state[0]))
        state = [np.array(s) for s in state]
        for position, row in enumerate(indices):
            values = rule.step([s[row] for s in state], grad[position], scalars + after, flag)
            for slot, value in zip(state, values):
                slot[row] = value
        return tuple(state)

    return reference


def _check_rows(indices, rows):
    for position, row in enumerate(indices):
        if not 0 <= row < rows:
            raise IndexError(f"indices[{position}] = {row} is not in [0, {rows})")


def _shape(rule, sparse, resource):
    states, before = 1 + len(rule.slots), len(rule.before)

    def shape(c):
        variable = shape_of_variable(c, 0)
        for i in range(1, states):
            variable = c.merge_shapes(variable, shape_of_variable(c, i))
        for i in (*range(states, states + before), *range(states + before + 1 + sparse, len(c.op.inputs))):
            if c.known(i) and len(c.shape(i)) != 0:
                c.fail(f"expected a scalar as input {i}, got shape {list(c.shape(i))}")
        grad = states + before
        if not sparse:
            variable = c.merge_shapes(variable, c.shape(grad)) if c.known(grad) else variable
            return [] if resource else variable
        if c.known(grad) and c.known(grad + 1) and variable is not None:
            if len(c.shape(grad + 1)) != 1:
                c.fail("expected indices of rank 1")
            c.merge_shapes(c.shape(grad), (*c.shape(grad + 1), *variable[1:]))
        return [] if resource else variable

    return shape


def _scalar(name):
    """A scalar in a signature: of the variable's type where its name says nothing else."""
    return f", {name}" if ":" in name else f", {name}: T"


def _define(rule, sparse, resource):
    handle = "resource" if resource else "Ref(T)"
    states = ", ".join(f"{name}: {handle}" for name in ("var", *rule.slots))
    scalars = "".join(_scalar(name) for name in rule.before)
    rows = ", indices: Tindices" if sparse else ""
    after = "".join(_scalar(name) for name in rule.after)
    attrs = {"use_locking": False}
    if rule.flag:
        attrs[rule.flag[0]] = rule.flag[1]
    name = ("Resource" if resource else "") + ("SparseApply" if sparse else "Apply") + rule.name
    types = {"T": _FLOATS, "Tindices": kinds.INDEX} if sparse else {"T": _FLOATS}
    grad = "grad" if sparse else rule.grad
    return OpDef(
        name, f"{states}{scalars}, {grad}: T{rows}{after}", "" if resource else "out: Ref(T)", attrs=attrs, types=types,
        shape=_shape(rule, sparse, resource), lower=_lower(rule, sparse), reference=_reference(rule, sparse),
        writes=tuple(range(1 + len(rule.slots))), stateful=True, can_fail=sparse,
    )  # fmt: skip


for _rule in _RULES:
    for _resource in (False, True) if _rule.refs else (True,):
        register(_define(_rule, False, _resource))
        if _rule.sparse:
            register(_define(_rule, True, _resource))
