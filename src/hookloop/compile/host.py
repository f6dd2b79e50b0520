"""Lowering of host ops: an instruction that calls Python, and one that takes results whose sizes only it told.

Variables of text are objects as well: calls read and write them.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN
from .ir import OBJECT, VARIABLE, Buffer, Instr, Value
from .sizes import Size

NO_VALUE = np.array(None)  # in the place of a variable's handle


# The attribute of a "host" instruction is 2 * the number of its call, plus 1 where it only stores what that call, made before, has
# returned (`_host_call` in _core_run.pxi).


def call_host(lowerer, what, inputs=(), outputs=(), node=-1, fresh=()):
    """Emits a call of the host.

    Args:
      what: the op whose function is called; "move": the object is handed on; ("read" or "write", key): a variable of text is;
        an error: it is raised.
      inputs, outputs: values.
      node: the index of the op that an error names.
      fresh: sizes that the call tells. What depends on them is prepared after it: a second instruction stores the results.
    """
    index = len(lowerer.hosts)
    lowerer.hosts.append((what, list(inputs), list(outputs)))
    lowerer.append(Instr("host", inputs, () if fresh else outputs, (2 * index,), node, effect=True, defines=fresh))
    if fresh:
        lowerer.resize(fresh)
        lowerer.append(Instr("host", (), outputs, (2 * index + 1,), node, effect=True))


def called_by(instr):
    """The number of the call that a host instruction makes, or stores the results of."""
    return instr.params[0] >> 1


def only_stores(instr):
    """Whether a host instruction only stores what a call has returned."""
    return instr.params[0] & 1 == 1


def lower_host(lowerer, node, context):
    op = node.op
    note_rank(lowerer, op, node.inputs)
    inputs = [_input(lowerer, node, i, value) for i, value in enumerate(node.inputs)]
    extra = lowerer.units.raised.waiting.extra_input(op)
    if extra is not None:
        inputs.append(Value(dtypes.resource, (), Buffer(OBJECT, dtypes.resource, 1, extra)))
    outputs, sizes = [], OpenSizes(lowerer, op)
    for tensor, shape in zip(op.outputs, shapes_of(node, context)):
        outputs.append(_output(lowerer, tensor, shape, sizes))
    call_host(lowerer, op, inputs, outputs, node.index, sizes.fresh)
    lowerer.environment.update(zip(op.outputs, outputs))


# --- arrays of rows ---------------------------------------------------------------------------------------

_HANDED_ON = frozenset(("Enter", "Identity", "Switch", "TensorArrayGradV3"))
_WRITES = {"TensorArrayWriteV3": (2, 0), "TensorArrayScatterV3": (2, 1), "TensorArraySplitV3": (1, 0)}
_READS = {"TensorArrayReadV3": 0, "TensorArrayGatherV3": 1, "TensorArrayConcatV3": 0}


class Uneven(Exception):
    """An array's elements may have several shapes, so host calls move them: the request is lowered anew with that in mind."""

    def __init__(self, op):
        super().__init__(f"the elements of {op.name!r} may have several shapes")
        self.op = op


def array_of(handle):
    """The op that made an array, or that whose gradients it has; None where that cannot be told."""
    op = handle.op
    while op.type in _HANDED_ON:
        op = op.inputs[0].op
    return op if op.type == "TensorArrayV3" else None


def note_rank(lowerer, op, inputs):
    """Remembers how many axes the elements have that an op writes into an array on the host."""
    place, axes = _WRITES.get(op.type, (0, 0))
    if place and inputs[place].shape is not None:
        made = array_of(op.inputs[0])
        ranks = lowerer.request.row_ranks.setdefault(made, set())
        ranks.add(len(inputs[place].shape) - axes)
        if len(ranks) == 2 and made in lowerer.ranks_taken:
            raise Uneven(made)  # what was read before it is lowered anew


def rank_of_rows(lowerer, op):
    """How many axes that has which an op takes out of an array on the host, as far as writes have told."""
    if op.type not in _READS:
        return None
    made = array_of(op.inputs[0])
    ranks = lowerer.request.row_ranks.get(made, ())
    if len(ranks) != 1:
        return None
    lowerer.ranks_taken.add(made)
    return next(iter(ranks)) + _READS[op.type]


# --- inputs and outputs -----------------------------------------------------------------------------------

# What a call of these keeps of its inputs stays as it is: constants are handed over as they are, and not copied.
_KEEPERS = frozenset(("TensorDataset", "TensorSliceDataset"))


def is_handle(node, i):
    """Whether a host op gets a variable itself: its function finds it in the session, where it may have no value yet."""
    return node.op_def.host is not None and node.op.inputs[i].dtype.name == "resource"


def _input(lowerer, node, i, value):
    if _is_object(value):
        return value
    if is_handle(node, i):
        return Value(value.dtype, (), Buffer(OBJECT, value.dtype, 1, NO_VALUE))
    constant = lowerer.literal_of(value) if node.op.type in _KEEPERS else None
    if constant is not None:
        return Value(value.dtype, value.shape, Buffer(OBJECT, value.dtype, 1, constant))
    return lowerer.operand(value, None, node)


def _is_object(value):
    return value.buffer is not None and value.buffer.kind == OBJECT


# Ops whose outputs are mostly one batch: their first sizes are taken to be equal until a run finds otherwise, so that
# `prediction - label` needs no decision about broadcasting.
_BATCHES = frozenset(("IteratorGetNext", "QueueDequeueUpToV2", "QueueDequeueManyV2"))


class OpenSizes:
    """The sizes of one op's outputs that only its call tells.

    Args:
      lowerer: the `Lowerer`.
      op: the op.
      group: of its registers: 0 where the call is made before the run; by default one of their own.

    Attributes:
      fresh: the registers that the call defines.
    """

    def __init__(self, lowerer, op, group=None):
        self._lowerer = lowerer
        self._op = op
        self._group = group
        self._first = None
        self._equal = op.type in _BATCHES and op not in lowerer.request.unequal
        self.fresh = []

    def size(self, tensor, axis):
        request = self._lowerer.request
        if (tensor, axis) in request.fixed:
            return request.assumed_size(tensor, axis)
        if axis == 0 and self._equal and self._first is not None:
            request.assumed["equal", self._op] = True
            return self._first
        sizes = self._lowerer.sizes
        if self._group is None:
            self._group = sizes.new_group()
        size = sizes.fresh(self._group, origin=("host", tensor, axis))
        self.fresh.append(size)
        if axis == 0:
            self._first = size
        return size


def _output(lowerer, tensor, shape, sizes):
    """A value for an output; sizes that are not known become registers."""
    dtype = tensor.dtype.base_dtype
    if dtype.name in ("resource", "variant"):
        return Value(dtype, (), Buffer(OBJECT, dtype, 1, ("host", tensor)))
    if shape is None:
        rank = rank_of_rows(lowerer, tensor.op)
        shape = (None,) * (
            lowerer.request.assumed_rank(tensor, _guessed_rank(lowerer, tensor)) if rank is None else rank
        )
    dims = [sizes.size(tensor, axis) if dim is None else dim for axis, dim in enumerate(shape)]
    if lowerer.is_object(tensor):
        return Value(dtype, tuple(dims), Buffer(OBJECT, dtype, 1, ("host", tensor)))
    return lowerer.allocate(dtype, tuple(dims))


def _guessed_rank(lowerer, tensor):
    """The rank of an output before its op's first call: none, or, where such a guess was wrong before, that of the op's first input."""
    known = lowerer.request.host_shapes
    if not tensor.op.inputs or not any(shape and other._shape is None for other, shape in known.items()):
        return 0
    value = lowerer.environment.get(tensor.op.inputs[0])
    return 0 if value is None or value.shape is None else len(value.shape)


def shapes_of(node, context):
    """What is known of the outputs' shapes: from the graph, else from the op's shape function."""
    inferred = _inferred(node, context)
    told = {atom for size in context.new_sizes for atom in context.lowerer.sizes.atoms_of(size)}  # by the call alone
    shapes = []
    for i, tensor in enumerate(node.op.outputs):
        static = tensor._shape
        if static is not None:
            static = tuple(None if d is UNKNOWN else d for d in static)
        found = inferred[i] if inferred is not None else None
        if found is not None and (static is None or None in static):
            static = tuple(d if _is_known(context, d, told) else None for d in found)
        shapes.append(static)
    return shapes


def _is_known(context, dim, told):
    """Whether a size is known before the call: a number, or a register that something else sets."""
    return isinstance(dim, int) or (isinstance(dim, Size) and told.isdisjoint(context.lowerer.sizes.atoms_of(dim)))


def _inferred(node, context):
    if node.op_def.shape is None or node.op.type in ("EagerPyFunc", "PyFunc"):
        return None
    try:
        shapes = node.op_def.shape(context)
    except (ValueError, TypeError, AttributeError):
        return None  # it works on static shapes only: the graph has what it found
    return [shapes] if isinstance(shapes, tuple) else shapes


# --- variables of text ------------------------------------------------------------------------------------


def is_text_variable(value):
    return value.dtype.name == "string" and value.buffer is not None and value.buffer.kind == VARIABLE


def read_text(lowerer, variable, node):
    """The text that a variable holds at this place, as an object that no kernel touches."""
    lowerer.require(variable.buffer.source, node.op)
    text = Value(variable.dtype, variable.shape, Buffer(OBJECT, variable.dtype, 1, ("text", len(lowerer.hosts))))
    call_host(lowerer, ("read", variable.buffer.source), (), [text], node.index)
    return text


def write_text(lowerer, variable, text, node):
    """Gives a variable of text another value."""
    text = lowerer.operand(text, None, node)
    index = len(lowerer.hosts)
    lowerer.hosts.append((("write", variable.buffer.source), [text], []))  # the session has the variable itself
    lowerer.append(Instr("host", [text], [variable], (2 * index,), node.index, effect=True))
