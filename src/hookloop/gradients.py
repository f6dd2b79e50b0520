"""`tf.gradients`: the reverse walk, in TensorFlow 1.15's order, so that its nodes have the same names."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

from . import dtypes
from .graph.operation import Operation
from .graph.scopes import collector_paused, colocate_with, name_scope
from .graph.tensor import Tensor
from .ops.array import fill, reshape, shape, size, zeros, zeros_like
from .ops.build import constant, convert_to_tensor
from .ops.cast import cast
from .ops.core import identity, stop_gradient
from .ops.core import tuple as gate
from .ops.indexed_slices import IndexedSlices
from .ops.select import accumulate_n, add_n
from .ops.slicing import concat
from .region_gradients import brings_in, current_level, pushes, source_op
from .shapes import as_shape

__all__ = ["AggregationMethod", "NoGradient", "NotDifferentiable", "RegisterGradient", "UnconnectedGradients", "gradients",
           "hessians", "no_gradient"]  # fmt: skip

_registered: dict = {}


class AggregationMethod:
    """How gradients that meet are summed: at once, in pairs one after the other, or at once where more than two
    of known shape meet."""

    ADD_N = 0
    DEFAULT = ADD_N
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


_METHODS = frozenset((
    AggregationMethod.ADD_N, AggregationMethod.EXPERIMENTAL_TREE, AggregationMethod.EXPERIMENTAL_ACCUMULATE_N,
))  # fmt: skip


class UnconnectedGradients(enum.Enum):
    """What the gradient is of something that the ys do not depend on."""

    NONE = "none"
    ZERO = "zero"


class RegisterGradient:
    """A decorator that makes function(op, *gradients) the gradient of an op type, or of a name for
    `Graph.gradient_override_map`.

    Raises:
      KeyError: where the name has a gradient already.
    """

    def __init__(self, op_type):
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._op_type = op_type

    def __call__(self, function):
        _register(self._op_type, function)
        return function


def _register(op_type, function):
    from .ops import registry

    known = registry._registry.get(op_type)
    if op_type in _registered or (known is not None and known.gradient is not None):
        raise KeyError(f"Registering two gradient with name '{op_type}'!")
    _registered[op_type] = function


def NotDifferentiable(op_type):
    """Says that an op type has no gradient: None flows back from it.

    Raises:
      TypeError: where `op_type` is no string.
    """
    if not isinstance(op_type, str):
        raise TypeError("op_type must be a string")
    from .ops.registry import no_gradient

    _register(op_type, no_gradient)


NoGradient = no_gradient = NotDifferentiable


def gradient_function(op):
    """function(op, *gradients) for an operation.

    Raises:
      LookupError: where it has none.
    """
    name = op._attrs.get("_gradient_op_type")
    if name is not None:
        name = name.decode() if isinstance(name, bytes) else name
        function = _registered.get(name) or _gradient_of_type(name)
        if function is None:
            raise LookupError(
                f"No gradient defined for operation '{op.name}' (op type: {op.type}): the registry of gradients has no {name!r}"
            )
        return function
    function = _registered.get(op.type) or op.op_def.gradient
    if function is None:
        raise LookupError(f"No gradient defined for operation '{op.name}' (op type: {op.type})")
    return function


def _gradient_of_type(name):
    """The gradient that ops of a type have, or None: types are names of gradients too."""
    from .ops.registry import lookup

    try:
        return lookup(name).gradient
    except ValueError:
        return None


def is_trainable(tensor):
    """Whether a gradient may flow through a tensor."""
    dtype = tensor.dtype.base_dtype
    return dtype.is_floating or dtype.is_complex or dtype.name in ("resource", "variant")


# --- what lies between xs and ys ------------------------------------------------------------------------------


class _Between:
    """The nodes on a path from xs to ys, and how many of their consumers are still to come.

    A node is an operation, or a whole conditional or loop (region_gradients.py).

    Attributes:
      pending: node -> consumers on a path whose gradients are not there yet.
      reachable: the ys' nodes that depend on an x.
    """

    def __init__(self, to_ops, from_ops, level):
        self._level = level
        self._nodes = nodes = {}
        self._before = {}
        reached = self._reached(from_ops, self._behind(to_ops))
        starts = [op for op in to_ops if op in reached]
        queue = deque(to_ops)
        while queue:
            op = queue.popleft()
            if op in reached and op not in nodes:
                node = nodes[op] = level.node(op)
                if node is not op:
                    node.ops.append(op)
                if not level.is_border(op):
                    queue.extend([t.op for t in op.inputs])
        self.reachable = {nodes[op] for op in starts}
        self.pending = pending = dict.fromkeys(nodes.values(), 0)
        for op in nodes:
            for node in self.before(op):
                pending[node] += 1

    def _behind(self, to_ops):
        """All that the ys depend on, however many other ops the graph has."""
        behind, stack = set(to_ops), list(to_ops)
        is_border = self._level.is_border
        while stack:
            op = stack.pop()
            if op.type == "StackV2":  # what is taken from the stack depends on what is put there
                more = pushes(op)
            else:
                more = () if is_border(op) else [t.op for t in op.inputs]
            for other in more:
                if other not in behind:
                    behind.add(other)
                    stack.append(other)
        return behind

    def _reached(self, from_ops, behind):
        """Those of the ops behind the ys that depend on an x."""
        reached, first = set(), set(from_ops)
        stack = [op for op in from_ops if op in behind]
        is_border = self._level.is_border
        while stack:
            op = stack.pop()
            if op in reached or (op not in first and is_border(op)):
                continue
            reached.add(op)
            if op.type == "StackPushV2":
                stack.append(source_op(op.inputs[0]))
            for output in op.outputs:
                if output._consumers and is_trainable(output):
                    stack.extend([other for other in output._consumers if other in behind])
        return reached

    def before(self, op):
        """The other nodes that an op's inputs come from, once for each input."""
        found = self._before.get(op)
        if found is None:
            found = self._before[op] = [] if self._level.is_border(op) else self._sources(op)
        return found

    def _sources(self, op):
        nodes = self._nodes
        own = nodes[op]
        found = [nodes.get(t.op, own) for t in op.inputs]
        return [node for node in found if node is not own]

    def node_of(self, op):
        return self._nodes.get(op)

    def stops(self, from_ops, stop_ops):
        """The operations behind which nothing is asked for."""
        return {op for op in from_ops if op not in self._nodes or not self._goes_on(op)} | set(stop_ops)

    def _goes_on(self, op):
        """Whether something before an x depends on another x; in a region, where the way of single operations is asked for."""
        if self._nodes[op] is not op:
            return not self._level.is_border(op) and any(t.op in self._nodes for t in op.inputs)
        return any(self.pending[node] > 0 for node in self.before(op))


# --- gradients on their way -----------------------------------------------------------------------------------


def _present(gradient):
    return gradient is not None


class _Accumulated:
    """The gradients that have arrived at each output of each operation."""

    def __init__(self, method):
        self._found = {}
        self._method = method

    def add(self, tensor, gradient):
        lists = self._found.get(tensor.op)
        if lists is None:
            lists = self._found[tensor.op] = [[] for _ in tensor.op.outputs]
        found = lists[tensor.value_index]
        if isinstance(found, list):
            found.append(gradient)
        else:
            lists[tensor.value_index] = [found, gradient]

    def collect(self, op):
        """One gradient for each output, summed where several have arrived; None where there is none."""
        lists = self._found.get(op)
        if lists is None:
            return [None] * len(op.outputs)
        for i, found in enumerate(lists):
            if isinstance(found, list):
                found = [g for g in found if g is not None]
                lists[i] = _sum(found, op, self._method) if found else None
        return list(lists)

    def of(self, tensor):
        lists = self._found.get(tensor.op)
        if lists is None:
            return None
        found = lists[tensor.value_index]
        if isinstance(found, list):
            found = [g for g in found if g is not None]
            found = lists[tensor.value_index] = _sum(found, tensor.op, self._method) if found else None
        return found


class _Until:
    """The gradients that have arrived at the results of a region, but for those behind which nothing is asked for."""

    def __init__(self, found, stops):
        self._found = found
        self._stops = stops

    def of(self, tensor):
        return None if tensor.op in self._stops else self._found.of(tensor)


def _sum(gradients, op, method):
    """One gradient of an operation's output out of all that have arrived."""
    if len(gradients) == 1:
        return gradients[0]
    if not any(isinstance(g, Tensor) for g in gradients):
        return _joined(gradients)
    if not all(isinstance(g, Tensor) for g in gradients):
        return add_n(gradients)
    if method == AggregationMethod.ADD_N:
        return _sum_by_device(gradients)
    known = any(g.get_shape().is_fully_defined() for g in gradients)
    if method == AggregationMethod.EXPERIMENTAL_ACCUMULATE_N and len(gradients) > 2 and known:
        return accumulate_n(gradients)
    with name_scope(op.name + "_gradient_sum"):
        total = gradients[0]
        for gradient in gradients[1:]:
            total = add_n([total, gradient])
    return total


def _sum_by_device(gradients):
    """The sum of the sums of what lies on each device, each beside the first that it adds."""
    by_device = {}
    for gradient in gradients:
        by_device.setdefault(gradient.device, []).append(gradient)
    sums = []
    for device in sorted(by_device):
        with colocate_with(by_device[device][0].op, ignore_existing=True):
            sums.append(add_n(by_device[device]))
    return add_n(sums)


def _joined(gradients):
    """Sums of sparse gradients are their rows one after the other."""
    indices = [s.indices for s in gradients]
    if any(i.dtype != indices[0].dtype for i in indices):
        indices = [cast(i, dtypes.int64) for i in indices]
    return IndexedSlices(concat([s.values for s in gradients], 0), concat(indices, 0), gradients[0].dense_shape)


# --- the walk -------------------------------------------------------------------------------------------------


def _as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def gradients(ys, xs, grad_ys=None, name="gradients", colocate_gradients_with_ops=False, gate_gradients=False,
              aggregation_method=None, stop_gradients=None, unconnected_gradients=UnconnectedGradients.NONE):  # fmt: skip
    """The derivatives of the sum of `ys` with respect to each of `xs`.

    Args:
      ys: a tensor or a list of them.
      xs: a tensor or variable, or a list of them.
      grad_ys: gradients of the ys themselves; ones by default.
      name: the scope of the new nodes.
      colocate_gradients_with_ops: whether the nodes carry the device of the op whose gradients they are, and lie beside it.
      gate_gradients: True lets no gradient of an op be used before all of them are there.
      aggregation_method: see `AggregationMethod`.
      stop_gradients: tensors that are taken as constants.
      unconnected_gradients: what stands for the gradient of an x on which no y depends.

    Returns:
      A list with a tensor, an `IndexedSlices` or None for each x.

    Raises:
      LookupError: an op on the way has no gradient.
      ValueError: the lists do not fit, or a choice is unknown.
      TypeError: a gradient that is no tensor, or one that is given for an integer.
    """
    ys, xs = _as_list(ys), _as_list(xs)
    stop_gradients = [] if stop_gradients is None else _as_list(stop_gradients)
    grad_ys = [None] * len(ys) if grad_ys is None else _as_list(grad_ys)
    try:
        unconnected = UnconnectedGradients(unconnected_gradients)
    except ValueError:
        raise ValueError(f"Unknown value for unconnected_gradients: {unconnected_gradients!r}") from None
    method = AggregationMethod.DEFAULT if aggregation_method is None else aggregation_method
    if method not in _METHODS:
        raise ValueError(f"Invalid aggregation_method specified {aggregation_method}.")
    with name_scope(name, "gradients", [*ys, *xs, *stop_gradients, *[g for g in grad_ys if g is not None]]):
        ys = [y if isinstance(y, IndexedSlices) else convert_to_tensor(y, name="y") for y in ys]
        xs = [_differentiated(x) for x in xs]
        stops = [t if hasattr(t, "op") else convert_to_tensor(t) for t in stop_gradients]
        options = _Options(gate_gradients, method, colocate_with if colocate_gradients_with_ops else _anywhere)
        grad_ys = _initial_gradients(grad_ys, ys, options.beside)
        level = current_level()
        _refuse_initial_values(ys, xs, stops, level)
        with collector_paused():
            found = _walk(ys, xs, grad_ys, [t.op for t in stops], options, level)
    return [_finished(found.of(x), x, unconnected) for x in xs]


def _refuse_initial_values(ys, xs, stops, level):
    """Refuses, in the body of a loop, a gradient that goes back through the first value of one of its variables."""
    if not level.in_loop:
        return
    ends = {t.op for t in (*xs, *stops)}
    variables = [op for op in _back_from([_tensor_of(y).op for y in ys], ends) if level.is_border(op)]
    if not variables:
        return
    before = _back_from([op.inputs[0].op for op in variables], ())
    for x in xs:
        if x.op in before:
            raise ValueError(
                f"Cannot compute gradient inside while loop with respect to op '{x.op.name}'. We do not support taking the "
                "gradient wrt or through the initial value of a loop variable: it may be taken by values that no iteration "
                "changes, and by the arguments of the loop's body."
            )


def _back_from(ops, ends):
    """The ops that some depend on through what has gradients, down to `ends`."""
    found, stack = set(), list(ops)
    while stack:
        op = stack.pop()
        if op not in found:
            found.add(op)
            if op not in ends:
                stack.extend(t.op for t in op.inputs if is_trainable(t))
    return found


def _differentiated(x):
    if getattr(x, "_is_resource", False):
        return x.handle
    if isinstance(x, IndexedSlices):
        return x.values
    return convert_to_tensor(x, name="x", as_ref=True)


def _finished(gradient, x, unconnected):
    if gradient is None and unconnected is UnconnectedGradients.ZERO:
        if x.op.type == "VarHandleOp":
            return zeros(constant(as_shape(x.op.get_attr("shape")).as_list(), dtypes.int32), x.op.get_attr("dtype"))
        return zeros_like(x)
    return gradient


class _Options(NamedTuple):
    """What the caller of `gradients` has chosen."""

    gate_gradients: bool
    method: int
    beside: Callable  # function(op): the context for the nodes of its gradients


def _anywhere(op):
    return nullcontext()


def _initial_gradients(grad_ys, ys, beside):
    if len(grad_ys) != len(ys):
        raise ValueError(f"Passed {len(grad_ys)} grad_ys for {len(ys)} ys")
    given = [
        g if g is None or isinstance(g, IndexedSlices) else convert_to_tensor(g, name=f"grad_y_{i}")
        for i, g in enumerate(grad_ys)
    ]
    found = []
    for i, (grad_y, y) in enumerate(zip(given, ys)):
        with beside(_tensor_of(y).op):
            found.append(_initial_gradient(grad_y, y, i))
    return found


def _initial_gradient(grad_y, y, i):
    dtype = y.dtype.base_dtype
    if grad_y is None:
        if dtype.is_complex:
            raise TypeError(f"Gradients of complex tensors must set grad_ys (y.dtype = {dtype!r})")
        return fill(shape(y), constant(1, dtype=dtype, name=f"grad_ys_{i}"))
    given = grad_y.dtype.base_dtype
    if (dtype.is_floating or dtype.is_integer) and not (given.is_floating or given.is_integer):
        raise TypeError(
            f"Gradient type {given.name} generated for real or integer-valued tensor {y} with type {dtype.name} "
            "must be real or integer"
        )
    return _passed_on(grad_y, f"grad_ys_{i}")


def _passed_on(gradient, name):
    if isinstance(gradient, IndexedSlices):
        indices, values = identity(gradient.indices, f"{name}_indices"), identity(gradient.values, f"{name}_values")
        shape = None if gradient.dense_shape is None else identity(gradient.dense_shape, f"{name}_shape")
        return IndexedSlices(values, indices, shape)
    return identity(gradient, name)


def _walk(ys, xs, grad_ys, stop_ops, options, level):
    to_ops = list(dict.fromkeys(_tensor_of(y).op for y in ys))
    from_ops = [x.op for x in xs]
    between = _Between(to_ops, from_ops, level)
    pending = between.pending
    found = _Accumulated(options.method)
    for y, grad_y in zip(ys, grad_ys):
        found.add(_tensor_of(y), grad_y)
    starts = dict.fromkeys(between.node_of(op) for op in to_ops)
    queue = deque(node for node in starts if node in between.reachable and pending[node] == 0)
    stops = between.stops(from_ops, stop_ops)

    def walk_region(ys, xs, grad_ys, level):
        inner = _walk(ys, xs, grad_ys, stop_ops, options, level)
        return [inner.of(x) for x in xs]

    while queue:
        node = queue.popleft()
        if isinstance(node, Operation):
            with options.beside(node):
                arrived = zip(node.inputs, _input_gradients(node, found, stops, options.gate_gradients))
        else:
            with name_scope(node.name + "_grad"):
                arrived = node.gradients(_Until(found, stops), walk_region)
        for tensor, gradient in arrived:
            if gradient is not None:
                _check_shape(node, tensor, gradient)
                found.add(tensor, gradient)
        for op in [node] if isinstance(node, Operation) else node.ops:
            for before in between.before(op):
                pending[before] -= 1
                if pending[before] == 0:
                    queue.append(before)
    return found


def _tensor_of(y):
    return y.values if isinstance(y, IndexedSlices) else y


def _input_gradients(op, found, stops, gate_gradients):
    out_gradients = found.collect(op)
    if not [1 for gradient in out_gradients if gradient is not None] or op in stops:
        return [None] * len(op.inputs)
    if brings_in(op):
        return [next(filter(_present, out_gradients)), *[None] * (len(op.inputs) - 1)]
    function = gradient_function(op) if op.inputs else None
    if function is None:
        return [None] * len(op.inputs)
    for i, output in enumerate(op.outputs):
        if out_gradients[i] is None and is_trainable(output):
            out_gradients[i] = _zeros(output)
    with name_scope(op.name + "_grad"):
        in_gradients = _as_list(function(op, *out_gradients))
        if len(in_gradients) != len(op.inputs):
            raise ValueError(
                f"Num gradients {len(in_gradients)} generated for op {op.name} do not match num inputs {len(op.inputs)}"
            )
        if gate_gradients and sum(g is not None for g in in_gradients) > 1:
            with op.graph.alone_on(""):
                in_gradients = gate(in_gradients)
    return in_gradients


def _zeros(tensor):
    """Zeros for an output on which nothing depends."""
    if tensor.dtype.base_dtype.name == "resource":
        return None

    return zeros_like(tensor, optimize=False) if tensor.dtype.base_dtype.name != "variant" else None


def _check_shape(op, tensor, gradient):
    if not isinstance(gradient, (Tensor, IndexedSlices)):
        raise TypeError(
            f"expected a tensor as the gradient of {tensor.name!r}, got {gradient!r} from the gradient of {op.name!r}"
        )
    if (
        isinstance(gradient, Tensor)
        and isinstance(op, Operation)
        and (gradient._shape is None or gradient._shape != tensor._shape)
        and tensor.dtype.base_dtype.name not in ("resource", "variant")
    ):
        try:
            gradient.set_shape(tensor.get_shape())
        except ValueError:
            raise ValueError(
                "Incompatible shapes between op input and calculated input gradient.  "
                f"Forward operation: {op.name}.  Input index: {list(op.inputs).index(tensor)}. Original input shape: "
                f"{tensor.get_shape()}.  Calculated input gradient shape: {gradient.get_shape()}"
            ) from None


def _hessian_vector_product(ys, xs, v):
    """The products of the second derivatives of the sum of `ys` by `xs` with vectors `v` of the shapes of `xs`.

    Raises:
      ValueError: where there are not as many vectors as xs.
    """
    if len(v) != len(xs):
        raise ValueError("xs and v must have the same length.")
    slopes = gradients(ys, xs)
    products = [slope * stop_gradient(vector) for slope, vector in zip(slopes, v) if slope is not None]
    return gradients(products, xs)


def hessians(ys, xs, name="hessians", colocate_gradients_with_ops=False, gate_gradients=False, aggregation_method=None):
    """The second derivatives of the sum of `ys` with respect to each of `xs`, of shape x.shape + x.shape."""
    xs = _as_list(xs)
    options = {
        "colocate_gradients_with_ops": colocate_gradients_with_ops, "gate_gradients": gate_gradients,
        "aggregation_method": aggregation_method,
    }  # fmt: skip
    return [_second_derivatives(first, x) for first, x in zip(gradients(ys, xs, **options), xs)]


def _second_derivatives(first, x):
    """A loop over the elements of a gradient: the gradient of each is a row."""
    from .ops.tensor_array import TensorArray
    from .ops.while_loop import while_loop

    first = reshape(first, [-1])
    count = size(x)
    start = [constant(0, dtypes.int32), TensorArray(x.dtype, count)]
    _, rows = while_loop(
        lambda i, _: i < count,
        lambda i, rows: (i + 1, rows.write(i, gradients(first[i], x)[0])),
        start,
    )
    form = shape(x)
    return reshape(rows.stack(), concat((form, form), 0))
