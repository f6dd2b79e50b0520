"""Gradients of whole regions: a conditional's is a conditional, a loop's is a loop that runs backwards.

The reverse walk takes a conditional or a loop as one node. Its gradient is built by a reverse walk of the
region's own ops, inside a context of its own; what that needs of the forward pass the contexts bring in
(ops/control_flow_context.py): values of a branch as they are, values of a loop from stacks.
"""

from __future__ import annotations

from .graph.stack import get_default_graph
from .graph.tensor import Tensor
from .ops.array import shape, zeros, zeros_like
from .ops.build import constant
from .ops.cast import cast
from .ops.control_flow_context import WhileContext
from .ops.control_flow_nodes import branch_results, is_exit, output_context
from .ops.core import identity
from .ops.indexed_slices import IndexedSlices
from .ops.slicing import concat
from .ops.while_loop import build_loop
from .shapes import as_shape

_MERGES = frozenset(("Merge", "RefMerge"))
_SWITCHES = frozenset(("Switch", "RefSwitch"))
_BRINGS_IN = frozenset(("Switch", "RefSwitch", "Enter", "RefEnter"))
_TAKES_ROWS = frozenset(("Gather", "GatherV2", "ResourceGather"))


class Level:
    """The region that a walk stays in: what in it is one op, and what a whole conditional or loop.

    Args:
      context: the context whose ops the walk takes one by one, with those of the contexts around it.
      borders: ops behind which the walk does not look: where values enter the region.
    """

    def __init__(self, context, borders=()):
        self._chain = set()
        self._borders = set(borders)
        self._composites = {}
        while context is not None:
            self._chain.add(context)
            context = context.outer_context

    def node(self, op):
        """The op itself, or the conditional or loop of this level that it is part of."""
        context = op._control_flow_context
        if op.type in _MERGES:
            contexts = getattr(op, "_cond_contexts", None)
            context = contexts[0] if contexts else context
        if context is None or context in self._chain:
            return op
        while context.outer_context is not None and context.outer_context not in self._chain:
            context = context.outer_context
        if context.IsCondContext() and context.branch == 0:
            context = context._twin
        composite = self._composites.get(context)
        if composite is None:
            kind = Loop if context.IsWhileContext() else Conditional
            composite = self._composites[context] = kind(context)
        return composite

    @property
    def in_loop(self):
        """Whether a loop's body is around."""
        return any(context.IsWhileContext() for context in self._chain)

    def is_border(self, op):
        """Whether the walk ends at an op: it is one, or a loop variable of a loop around."""
        if op in self._borders:
            return True
        return op.type in _SWITCHES and op.inputs[1].op.type == "LoopCond" and op._control_flow_context in self._chain


def brings_in(op):
    """Whether an op only brings a value of an outer region into its own."""
    if op.type not in _SWITCHES:
        return op.type in _BRINGS_IN
    context = op._control_flow_context
    return context is not None and (context.IsWhileContext() or context.brings_in(op))


class Conditional:
    """A conditional as one node of a walk."""

    def __init__(self, context):
        self._branches = (context._twin, context)
        self.name = context.pred.op.name
        self.ops = []  # those between xs and ys, in the order in which the walk found them

    def gradients(self, found, walk):
        """(outer tensor, its gradient) for each value that the branches take from outside."""
        from .ops.conditional import make_branches

        ends = [(y, found.of(y)) for op in self.ops for y in op.outputs]
        ends = [(y, grad) for y, grad in ends if grad is not None]
        if not ends:
            return []
        taken, other = make_branches(self._branches[1].pred)
        contexts = (other, taken)
        for context, forward in zip(contexts, self._branches):
            context._forward_branch = forward
        inside = set(self.ops)
        walked = [self._walk_branch(side, contexts[side], ends, inside, walk) for side in (0, 1)]
        outer = dict.fromkeys([*walked[1], *walked[0]])
        return [(tensor, self._merged(tensor, contexts, walked)) for tensor in outer]

    def _result(self, y, side):
        """What a branch gives for a tensor that is used outside: for a result, or for a value of the branch itself; None for another's."""
        contexts = getattr(y.op, "_cond_contexts", None)
        if contexts and contexts[0] in self._branches:
            return branch_results(y.op)[side] if y.value_index == 0 else None
        context = output_context(y.op)
        while context not in self._branches:
            context = context.outer_context
        return y if context is self._branches[side] else None

    def _walk_branch(self, side, context, ends, inside, walk):
        """Outer tensor -> gradient, in a branch of the backward conditional; `ends` are pairs of a tensor used outside and its gradient."""
        forward = self._branches[side]
        captured = {t: outer for t, outer in forward._captured.items() if t.op in inside or self._enters(t, inside)}
        if not captured:
            return {}
        level = Level(forward, (tensor.op for tensor in forward._captured))
        context.Enter()
        try:
            results = [(self._result(y, side), y, grad) for y, grad in ends]
            results = [(y, _of_branch(grad, y, whole)) for y, whole, grad in results if y is not None]
            gradients = walk([y for y, _ in results], list(captured), [grad for _, grad in results], level)
            return self._by_outer(captured, gradients)
        finally:
            context.Exit()

    def _enters(self, tensor, inside):
        """Whether a value comes in through a Switch that stands before both branches, as a program makes one by hand."""
        context = tensor.op._control_flow_context
        return context not in self._branches and any(op in inside for op in tensor._consumers)

    @staticmethod
    def _by_outer(captured, gradients):
        found = {}
        for outer, gradient in zip(captured.values(), gradients):
            if gradient is not None:
                found[outer] = added(found[outer], gradient) if outer in found else gradient
        return found

    @staticmethod
    def _merged(outer, contexts, walked):
        """The gradient of an outer tensor from both branches; zeros where one has none."""
        from .ops.conditional import merge_results

        sparse = any(isinstance(side.get(outer), IndexedSlices) for side in walked)
        flat = []
        for context, side in zip(contexts, walked):
            context.Enter()
            try:
                gradient = side.get(outer)
                if gradient is None:
                    gradient = no_rows(outer) if sparse else zeros_for(outer)
                elif sparse:
                    gradient = as_slices(gradient)
                parts = [gradient.values, gradient.indices, gradient.dense_shape] if sparse else [gradient]
                if sparse and parts[1].dtype.name != "int64":
                    parts[1] = cast(parts[1], "int64")
                flat.append([context.result_of(part) for part in parts])
                context.ExitResult(flat[-1])
            finally:
                context.Exit()
        merged = merge_results(contexts[1], contexts[0], flat[1], flat[0])
        return IndexedSlices(*merged) if sparse else merged[0]


class Loop:
    """A loop as one node of a walk."""

    def __init__(self, context):
        self._context = context
        self.name = context.name
        self.ops = []

    def gradients(self, found, walk):
        """(outer tensor, its gradient) for each first value of a loop variable and each invariant.

        Raises:
          TypeError: where the loop is itself a gradient.
          ValueError: where the gradient is taken in another loop, each iteration of which would want what this one saved once.
        """
        context = self._context
        inside = set(self.ops)
        if not context.back_prop or not any(is_exit(op) and found.of(op.outputs[0]) is not None for op in self.ops):
            return []
        if context._forward is not None:
            raise TypeError(
                f"Second-order gradient for while loops not supported: {context.name!r} is a gradient itself."
            )
        self._check_place()
        variables = [v for v in context._variables if v[1].op in inside and _trainable(v[1])]
        invariants = {t: outer for t, outer in context._invariants.items() if t.op in inside and _trainable(t)}
        first = [None if v[4] is None else _dense(found.of(v[4])) for v in variables]
        first = [zeros_for(v[0] if v[4] is None else v[4]) if g is None else g for v, g in zip(variables, first)]
        sums = [(_Rows if _gives_rows(t, inside) else _Sum)(t, outer) for t, outer in invariants.items()]
        after = self._backward_loop(variables, invariants, first, sums, walk)
        outer = [v[0].op.inputs[0] for v in variables] + list(invariants.values())
        return [(tensor, gradient) for tensor, gradient in zip(outer, after) if gradient is not None]

    def _check_place(self):
        around = self._context.outer_context
        around = None if around is None else around.GetWhileContext()
        here = get_default_graph()._get_control_flow_context()
        here = None if here is None else here.GetWhileContext()
        if here is not around and (here is None or here._forward is not around or around is None):
            raise ValueError(
                f"Cannot use the gradient of the loop {self.name!r} in {'no loop' if here is None else repr(here.name)} "
                "because they are in different while loops."
            )

    def _backward_loop(self, variables, invariants, first, sums, walk):
        forward = self._context
        count = forward.count()
        backward = WhileContext(parallel_iterations=forward.parallel_iterations, forward=forward)
        borders = [v[2][1].op for v in forward._variables] + [t.op for t in forward._invariants]
        level = Level(forward, borders)
        number = len(variables)

        def body(left, *gradients):
            ys = [v[3].op.inputs[0] for v in variables]
            xs = [v[2][1] for v in variables] + list(invariants)
            found = walk(ys, xs, list(gradients[:number]), level)
            own = zip(map(_dense, found[:number]), xs, gradients[:number])
            before = [self._nothing(x, grad) if g is None else g for g, x, grad in own]
            totals = iter(gradients[number:])
            total = [part for s, g in zip(sums, found[number:]) for part in s.more(s.parts(totals), g)]
            return [left - 1, *before, *total]

        entering = [_both(v[1].get_shape(), g.get_shape()) for v, g in zip(variables, first)]
        shapes = [as_shape([]), *entering, *(shape for s in sums for shape in s.shapes)]
        begin = [count, *first, *(part for s in sums for part in s.first)]
        result = build_loop(backward, lambda left, *_: left > 0, body, begin, shapes, True)
        backward.order_by(backward._variables[0])
        own, totals = result[1 : 1 + number], iter(result[1 + number :])
        for gradient, variable in zip(own, variables):
            gradient.set_shape(variable[0].op.inputs[0].get_shape())  # also where iterations have others
        return [*own, *(s.whole(s.parts(totals)) for s in sums)]

    @staticmethod
    def _nothing(variable, gradient):
        """Zeros for a loop variable that the body does not use."""
        return zeros_like(gradient if gradient.get_shape().is_fully_defined() else variable)


class _Sum:
    """The gradient of an invariant, summed over the iterations."""

    found = False  # whether the body gives a gradient; where it does not the invariant has none

    def __init__(self, tensor, outer):
        self.first = [zeros_for(outer)]
        self.shapes = [self.first[0].get_shape()]

    def parts(self, tensors):
        """Its own ones of the loop's variables."""
        return [next(tensors) for _ in self.first]

    def more(self, parts, gradient):
        """Its variables after an iteration that gave a gradient, or None."""
        if gradient is None:
            return parts
        self.found = True
        return [parts[0] + _dense(gradient)]

    def whole(self, parts):
        """The gradient, of its variables after the loop, or None."""
        return parts[0] if self.found else None


class _Rows(_Sum):
    """The gradient of an invariant of which the iterations take rows alone: the rows of all iterations.

    As in TensorFlow, they begin with a row of zeros for row 0.
    """

    def __init__(self, tensor, outer):
        self._whole = no_rows(outer)
        self._indices = next(op.inputs[1].dtype.base_dtype for op in tensor._consumers if op.type in _TAKES_ROWS)
        row = self._whole.dense_shape[1:]
        static = self._whole.values.get_shape()
        values = zeros(concat([constant([1], dtype="int32"), row], 0), dtype=self._whole.values.dtype)
        self.first = [values, constant([0], dtype=self._indices)]
        self.shapes = [as_shape(None if static.ndims is None else [None, *static.as_list()[1:]]), as_shape([None])]

    def more(self, parts, gradient):
        if gradient is None:
            return parts
        self.found = True
        gradient = as_slices(gradient)
        return [concat([parts[0], gradient.values], 0), concat([parts[1], cast(gradient.indices, self._indices)], 0)]

    def whole(self, parts):
        return IndexedSlices(*parts, self._whole.dense_shape) if self.found else None


def _gives_rows(tensor, inside):
    """Whether all that the body makes of an invariant are rows of it."""
    users = [op for op in tensor._consumers if op in inside]
    return bool(users) and all(_takes_rows(op, tensor) for op in users)


def _takes_rows(op, tensor):
    if op.type not in _TAKES_ROWS or op.inputs[0] is not tensor or op._attrs.get("batch_dims"):
        return False
    return op.type != "GatherV2" or (op.inputs[2].op.type == "Const" and int(op.inputs[2].op._attrs["value"]) == 0)


def _of_branch(gradient, result, whole):
    """The gradient of a result as a tensor of the branch's own, where it has a shape that the conditional's has not: that of the other
    branch has another one."""
    if isinstance(gradient, IndexedSlices) or result._shape is None or result._shape == whole._shape:
        return gradient
    own = identity(gradient)
    own.set_shape(result.get_shape())
    return own


# --- values -----------------------------------------------------------------------------------------------------


def _both(shape, other):
    """What two shapes have in common."""
    if shape.ndims is None or shape.ndims != other.ndims:
        return as_shape(None)
    return as_shape([d if d == e else None for d, e in zip(shape.as_list(), other.as_list())])


def _trainable(tensor):
    from .gradients import is_trainable

    return is_trainable(tensor)


def source_op(tensor):
    """The op that a value comes from, behind what only brings it in."""
    op = tensor.op
    while op.type in _BRINGS_IN or op.type == "Identity":
        op = op.inputs[0].op
    return op


def pushes(stack):
    """The ops that put values on a stack."""
    found, tensors = [], list(stack.outputs)
    while tensors:
        for op in tensors.pop()._consumers:
            if op.type == "StackPushV2":
                found.append(op)
            elif op.type in _BRINGS_IN or op.type == "Identity":
                tensors.extend(op.outputs)
    return found


def zeros_for(tensor):
    """Zeros in the shape of a gradient of `tensor`; of the variable where it is a handle."""
    if tensor.dtype.base_dtype.name != "resource":
        return zeros_like(tensor)
    variable = source_op(tensor)
    return zeros(variable.get_attr("shape"), dtype=variable.get_attr("dtype").base_dtype)


def no_rows(tensor):
    """A sparse gradient of `tensor` without a row."""
    if tensor.dtype.base_dtype.name == "resource":
        variable = source_op(tensor)
        dtype = variable.get_attr("dtype").base_dtype
        dims = variable.get_attr("shape").as_list()
        form, row = constant(dims, dtype="int32"), constant([0, *dims[1:]], dtype="int32")
    else:
        dtype = tensor.dtype.base_dtype
        form = shape(tensor)
        row = concat([constant([0], dtype="int32"), form[1:]], 0)
    return IndexedSlices(zeros(row, dtype=dtype), zeros([0], dtype="int64"), form)


def as_slices(gradient):
    """A gradient as slices with a dense shape."""
    from .ops.array import shape
    from .ops.ranges import range

    slices = gradient
    if not isinstance(gradient, IndexedSlices):
        form = shape(gradient)
        slices = IndexedSlices(gradient, range(0, form[0]), form)
    if slices.dense_shape is None:
        raise ValueError(f"the sparse gradient {gradient} needs a dense shape to leave a conditional")
    if not isinstance(slices.dense_shape, Tensor):
        slices = IndexedSlices(slices.values, slices.indices, shape(slices.values))
    if slices.dense_shape.dtype.name != "int32":
        slices = IndexedSlices(slices.values, slices.indices, cast(slices.dense_shape, "int32"))
    return slices


def added(left, right):
    """The sum of two gradients."""
    from .gradients import AggregationMethod, _sum

    return _sum([left, right], None, AggregationMethod.DEFAULT)


def _dense(gradient):
    """A loop sums its gradients densely."""
    if isinstance(gradient, IndexedSlices):
        from .ops.build import convert_to_tensor

        return convert_to_tensor(gradient)
    return gradient


def current_level():
    """The level of a walk that starts where ops are made now."""
    return Level(get_default_graph()._get_control_flow_context())
