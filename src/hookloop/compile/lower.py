"""Lowering: each op of the ordered regions becomes instructions over buffers.

Shapes are inferred on the way, with symbolic sizes; small integer tensors whose elements are known as sizes
(`tf.shape(x)[0] * 2`) are not computed while the plan runs, unless somebody wants them as data.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial

import numpy as np

from .. import dtypes, errors
from ..graph.describe import describe, fed_where_written, missing_feed, no_kernel, uninitialized
from ..ops.mismatches import explained
from ..ops.variable_key import VARIABLES, variable_key
from ..shapes import MOST_SIZES
from . import sizes as size_operations
from .arrays import ARRAY_OPS, is_on_host
from .batches import FirstElements, lower_batch
from .branch_values import NEVER
from .conditionals import lower_choice, lower_if
from .continued import is_continued, lower_continued, not_lowered
from .guards import guarded, not_taken, require, undecided
from .host import call_host, called_by, is_handle, is_text_variable, lower_host, read_text, write_text
from .ir import (
    CONSTANT,
    FEED,
    FLAG,
    OBJECT,
    STACK,
    STREAM,
    VARIABLE,
    Block,
    Buffer,
    Instr,
    Value,
    has_dense_rows,
)  # fmt: skip
from .loops import lower_loop
from .measured import MeasuredOps
from .node import Node, NodeContext, Specialize, Unfit, feeds_of, new_buffer
from .one_branch import DecideBranch
from .open_axes import OpenAxes
from .order import ALIASES
from .regions import COPY, IF, LOOP, OP, waited_for_though_fed
from .same_sizes import FeedSizes
from .sizes import Size, SizeTable
from .stacks import STACK_OPS
from .variables import assign_shape, check_handles, new_variable

_SYMBOLIC_LIMIT = 256  # elements of a tensor that is computed with sizes
# Ops whose few inputs may ask for any number of elements.
_MAKES_MANY = frozenset(
    "Bincount BroadcastTo Fill HistogramFixedWidth LinSpace MirrorPad OneHot Pad PadV2 Range ScatterNd SpaceToBatchND SparseToDense "
    "StatelessMultinomial StatelessRandomUniformInt Tile UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd "
    "UnsortedSegmentSum".split()
)
_OBJECTS = frozenset(("string", "resource", "variant"))
_NOTHING = frozenset(("NoOp", "ControlTrigger", "StackV2", "StackCloseV2"))
_WITHOUT_INPUTS = _NOTHING | VARIABLES | {"Placeholder", "Const", "Merge", "RefMerge"}
_NO_NUMBERS = frozenset((VARIABLE, OBJECT))


class Lowerer(OpenAxes):
    """Walks the ordered units of a request and emits blocks."""

    def __init__(self, request, plan_units):
        self.request = request
        self._fed = {}  # tensor -> value
        self._fetched = {}  # what is fetched and is not there in any case -> when it is
        self._fed_ops = set()  # those that make fed tensors, until they are run all the same
        self.sizes = SizeTable()
        self._feed_sizes = FeedSizes(request, self.sizes)
        self.units = plan_units
        self.presence = plan_units.presence
        self.tests = {}  # (block, conditions) -> whether they hold: see guards.py
        self.block = Block()
        self.root = self.block
        self.open_blocks = [self.block]
        self.looking = []  # those of them that are run where something is there, and belong to the region around
        self.arrays: dict = {}
        self.ranks_taken: set = set()  # what makes the arrays on the host whose elements' ranks were asked for
        self.even_lengths: dict = {}  # the buffer of a concatenation's lengths -> what each of them is
        self.environment: dict = {}
        self.told: dict = {}  # op -> a shape that the message wants if its sizes do not fit
        self.variables: dict = {}
        self.buffers: dict = {}
        self.nodes: list = []
        self.hosts: list = []  # calls: see host.py
        self.batches: list = []
        self.first = FirstElements(plan_units)
        self.copied: dict = {}
        self.must_exist: dict = {}
        self.open_ranks = {}
        self.loosened = set()
        self.declared = {}
        self.assigned: set = set()
        self.superseded = {}  # a variable's buffer -> (block, value, predicate that decides whether it is so) since it got another shape
        self.region_local: list = []
        self.depth = 0
        self.measured = MeasuredOps()
        self.around = []  # the predicates of the conditionals around what is lowered
        self.enclosing = []  # these conditionals, but for those behind whose branches the rest is lowered twice; None for a loop
        self.continued = set()  # the ops of such rests: what is outside has no value of theirs
        self.in_continued = 0
        self.taken = {}  # predicate -> which branch alone the plan has: see conditionals.py
        self.branch_lengths = {}  # size of a list of sizes that the branches of a conditional give -> the predicate that decides it

    # --- values -----------------------------------------------------------------------------------------

    def allocate(self, dtype, shape) -> Value:
        if dtype.name in _OBJECTS:
            return Value(dtype, shape, Buffer(OBJECT, dtype, 1, ("value",)))
        return Value(dtype, shape, new_buffer(dtype, shape))

    def literal(self, array) -> Value:
        dtype = dtypes.as_dtype(array.dtype) if array.dtype != object else dtypes.string
        if dtype.name == "string":
            return Value(dtype, array.shape, Buffer(OBJECT, dtype, array.size, array))
        if array.size > _SYMBOLIC_LIMIT:
            return Value(dtype, array.shape, Buffer(CONSTANT, dtype, array.size, np.ascontiguousarray(array)))
        key = (array.dtype.str, array.shape, array.tobytes())
        buffer = self.buffers.get(key)
        if buffer is None:
            buffer = self.buffers[key] = Buffer(CONSTANT, dtype, array.size, np.ascontiguousarray(array))
        return Value(dtype, array.shape, buffer, symbol=array if array.dtype.kind in "iub" else None)

    def literal_of(self, value):
        """The array of a value that is a constant of the graph, or None."""
        buffer = value.buffer
        if buffer is None or buffer.kind != CONSTANT or value.strides is not None or not _is_zero(value.offset):
            return None
        return buffer.source.reshape(value.shape) if buffer.source.size == value.size else None

    def symbolic(self, dtype, symbol) -> Value:
        symbol = np.asarray(symbol)
        if symbol.dtype == object and not any(isinstance(s, Size) for s in symbol.ravel()):
            symbol = symbol.astype(dtype.as_numpy_dtype)
        return Value(dtype, symbol.shape, symbol=symbol)

    def operand(self, value, views, node) -> Value:
        """The value as an instruction's input: computed, and dense unless the kernel takes views."""
        if value.deferred is not None:
            value = self.settled(value, node)
        if value.buffer is None:
            self._materialize(value, node)
        if value.dtype.name == "string" and is_text_variable(value):
            return read_text(self, value, node)
        if self.depth and value.symbol is not None:
            # the instruction keeps the buffer where the region is left and `value` forgets it
            value = Value(value.dtype, value.shape, value.buffer, value.strides, value.offset, value.symbol)
        if value.strides is None or views == "any" or (views == "rows" and has_dense_rows(value)):
            return value
        dense = self.allocate(value.dtype, value.shape)
        self.append(Instr("copy", [value], [dense], (), node.index))
        return dense

    def target(self, value, views) -> Value:
        if value.buffer is None:
            value.buffer = new_buffer(value.dtype, value.shape)
        if value.strides is None or views == "any" or (views == "rows" and has_dense_rows(value)):
            return value
        return self.allocate(value.dtype, value.shape)

    def _materialize(self, value, node):
        """Computes a symbolic value as data, once, where all later users can see it."""
        symbol = value.symbol
        if symbol.dtype != object:
            value.buffer = self.literal(np.asarray(symbol, value.dtype.as_numpy_dtype)).buffer
            return
        registers = [self.sizes.register(s) for s in symbol.ravel()]
        fresh = self.allocate(value.dtype, value.shape)
        self.append(Instr("store_sizes", (), [fresh], registers, node.index))
        value.buffer = fresh.buffer
        self._known_here(value, "buffer")

    def _known_here(self, value, what):
        """A value's `what` is there where the open region runs, and nowhere else; outside of regions, unless it is given up."""
        self.region_local.append((value, what))

    def unknown_constant(self, node, i):
        name = node.op.inputs[i].name
        feeds = feeds_of(self, node.inputs[i])
        if feeds:
            return SpecializeValue(feeds[0])
        text = (
            f"input {i} ({name!r}) of {node.op.type} {node.name!r} must be known before the run, and is computed in it"
        )
        return errors.UnimplementedError(None, node.op, text)

    # --- instructions -----------------------------------------------------------------------------------

    def append(self, item):
        self.block.items.append(item)

    def resize(self, sizes):
        for group in sorted({s.group for s in sizes if isinstance(s, Size) and s.group}):
            self.append(Instr("resize", (), (), (group,), effect=True))

    def load_sizes(self, value, node):
        """Turns the elements of an integer tensor that is computed in the run into size registers."""
        value = self.settled(value, node)
        if any(isinstance(d, Size) for d in value.shape):
            atoms = [a for d in value.shape for a in self.sizes.atoms_of(d)]
            decisive = next((self.branch_lengths[a] for a in atoms if a in self.branch_lengths), None)
            if decisive is not None:
                raise DecideBranch(decisive)
            raise Specialize(atoms, f"the number of sizes that {node.name!r} gets decides a rank")
        count = int(np.prod(value.shape, dtype=np.int64))
        group = self.sizes.new_group()
        if count > MOST_SIZES:
            raise ValueError(f"expected at most {MOST_SIZES} sizes or axes, got {count}")
        fresh = [self.sizes.fresh(group, signed=True) for _ in range(count)]
        source = self.operand(value, None, node)
        registers = [s.register for s in fresh]
        self.append(Instr("load_sizes", [source], (), registers, node.index, defines=fresh))
        self.resize(fresh)
        symbol = np.empty(count, object)
        symbol[:] = fresh
        value.symbol = symbol.reshape(value.shape)
        self._known_here(value, "symbol")

    # --- walking ----------------------------------------------------------------------------------------

    def run(self):
        for index, feed in enumerate(self.request.feeds):
            self._fed[feed.tensor] = self._feed_value(index, feed)
        self.environment.update(self._fed)
        self._fed_ops = waited_for_though_fed(self._fed, self.request.targets)
        for tensor in self.request.fetches:
            conditions = self.presence.of_tensor(tensor)
            if conditions is NEVER:
                require(self, conditions, tensor.op)
                return False
            if conditions:
                self._fetched[tensor] = conditions
        return self.lower_units(self.units.root)

    def _feed_value(self, index, feed):
        dtype = feed.tensor.dtype.base_dtype
        dims = self._feed_sizes.of(index, feed)
        kind = OBJECT if dtype.name in _OBJECTS else FEED
        size = 1
        for dim in dims:
            size = size * dim
        value = Value(dtype, dims, Buffer(kind, dtype, size, ("feed", index)))
        if index in self.request.special_values:
            value.symbol = np.array(self.request.special_values[index])
        return value

    def variable(self, op):
        key = variable_key(op)
        record = self.variables.get(key)
        if record is None:
            record = self.variables[key] = new_variable(self, op, key)
        return record

    def flag(self, op):
        """Whether a variable is initialized."""
        self.variable(op)
        return self._flag(variable_key(op))

    def _flag(self, key):
        name = ("flag", key)
        if name not in self.buffers:
            self.buffers[name] = Buffer(FLAG, dtypes.bool, 1, key)
        return Value(dtypes.bool, (), self.buffers[name])

    def _copy_early(self, variable, key):
        """Copies a variable's value before its region's first write; `key` is (the op that reads it, the variable's key)."""
        value = self._as_assigned(self.variable(variable))
        self.require(key[1], variable)
        self.copied[key] = self._copy(value, Node(variable, None, [], -1))

    def _copy(self, variable, node):
        """A variable's value as it is at this place."""
        if is_text_variable(variable):
            return read_text(self, variable, node)
        fresh = self.allocate(variable.dtype, variable.shape)
        self.append(Instr("copy", [variable], [fresh], (), node.index))
        return fresh

    def lower_units(self, units):
        """Lowers a region's units in their order, and returns whether the end of the region can be reached."""
        return self.lower_region(units, list) is not None

    def lower_region(self, units, end):
        """Lowers a region's units in their order.

        An op that does not fit a rank that is only guessed ends the region with the error: the call whose rank it is
        comes before it, and another rank makes the step start again with a plan for it. So does one that cannot be run in a
        branch or in a loop's body, which need not be reached.

        Args:
          units: the units.
          end: function() -> a list of values: what is wanted of the region where its end is reached. It is called for each way to
            the end that is lowered by itself: see continued.py.

        Returns:
          The values, or None where the end of the region cannot be reached.
        """
        block = self.block
        for place, unit in enumerate(units):
            if unit.kind == IF and is_continued(self, unit):
                rest = units[place + 1 :]
                return lower_continued(self, unit, rest, partial(self.lower_region, rest, end))
            before = len(block.items)
            try:
                if self._lower_unit(unit) is False:
                    return None
            except errors.OpError as error:
                del block.items[before:]
                if not self.depth and not self._guesses(block):
                    raise
                call_host(self, error)
                return None
        return end()

    def _lower_unit(self, unit):
        """Lowers a unit where it is run: behind a look at what it takes of branches that it does not stand in."""
        if unit.kind == COPY:
            return self._copy_early(unit.op, unit.copied)
        if not self.presence.conditional:
            return self._lower_run(unit) if unit.kind != OP or self.first.iterators else self._lower_op(unit.op)
        missing = unit.missing(self.presence)
        goes_on = self._lower_guarded(unit, missing) if missing else self._lower_run(unit)
        if goes_on is False:
            return False
        return self.depth > 0 or not self._fetched or self._require_fetched()

    def _lower_guarded(self, unit, missing):
        missing = undecided(self, missing, unit.op)
        if missing is not NEVER:
            with guarded(self, () if unit.op.type in ALIASES else missing, unit.op):
                goes_on = self._lower_run(unit)
            return goes_on if not missing else True
        return True

    def _require_fetched(self):
        """Ends the run where what is fetched of what has been lowered, in branches too, is not there; returns whether it can be."""
        for tensor in [tensor for tensor in self._fetched if tensor in self.environment]:
            conditions = undecided(self, self._fetched.pop(tensor), tensor.op)
            require(self, conditions, tensor.op)
            if conditions is NEVER:
                return False
        for tensor, conditions in self._fetched.items() if self.taken else ():
            contradicted = not_taken(self, conditions)
            if contradicted is not None:
                require(self, contradicted, tensor.op)
                return False
        return True

    def _lower_run(self, unit):
        if unit.kind in (IF, LOOP):
            goes_on = lower_if(self, unit) if unit.kind == IF else lower_loop(self, unit)
            self.environment.update(self._fed)
            return goes_on
        return self._lower_op(unit.op) if unit.op not in self.first.iterators else True

    def _guesses(self, block):
        """Whether a block calls an op whose output has a rank or size that is guessed: that of the last run is another one where feeds are."""
        guessed = {key[1].op for key in self.request.assumed if key[0] != "equal"}
        calls = [item for item in block.items if isinstance(item, Instr) and item.kernel == "host"]
        return any(self.hosts[called_by(item)][0] in guessed for item in calls)

    def value_of(self, tensor, reader=None):
        value = self.environment.get(tensor)
        if value is None:
            if tensor.op in self.continued and not self.in_continued:
                raise not_lowered(tensor)
            self._lower_op(tensor.op)
            value = self.environment[tensor]
        if reader is not None and value.buffer is not None and value.buffer.kind == VARIABLE:
            copy = self.copied.get((reader, value.buffer.source))
            if copy is not None:
                return copy
        return self._as_assigned(value) if self.superseded else value

    def _as_assigned(self, value):
        """A variable as the last assignment has left it: with another shape, in other memory."""
        while value.buffer in self.superseded:
            block, since, predicates = self.superseded[value.buffer]
            if block not in self.open_blocks:
                if predicates is not None:
                    raise DecideBranch(predicates)
                raise errors.UnimplementedError(
                    None, None, f"the variable {value.buffer.source!r} gets another shape in a loop: a step cannot use it behind that"
                )  # fmt: skip
            value = since
        return value

    def _lower_op(self, op):
        outputs = op.outputs
        is_fed = op in self._fed_ops
        if outputs and outputs[0] in self.environment and all(t in self.environment for t in outputs) and not is_fed:
            return
        try:
            self._dispatch(op)
            if is_fed:
                self._fed_ops.remove(op)
                self.environment.update(self._fed)
        except (ValueError, TypeError, IndexError, ZeroDivisionError) as error:
            text = str(error)
            if isinstance(error, Unfit):
                text = explained(op, [self._known_shape(t) for t in op.inputs], text, error.sizes)
            raise errors.InvalidArgumentError(None, op, f"{text} {describe(op, self.environment)}") from error

    def _known_shape(self, tensor):
        value = self.environment.get(tensor)
        return self._at_hand(value.shape) if value is not None else tensor._shape

    def _at_hand(self, shape):
        """A shape with the feeds' sizes as they are now, for messages; "?" is what only the run tells."""
        return shape and tuple([self._size_at_hand(d) for d in shape])

    def _size_at_hand(self, size):
        if not isinstance(size, Size):
            return size
        atom = next(iter(self.sizes.atoms_of(size)))
        origin = atom.origin if size.terms == {(atom.index,): 1} else None
        return int(self.request.feeds[origin[1]].shape[origin[2]]) if origin and origin[0] == "feed" else "?"

    def _dispatch(self, op):
        kind = op.type
        if kind in _WITHOUT_INPUTS:
            self._without_inputs(op, kind)
            return
        written = op.op_def.written(op)  # the variables themselves, whatever is read of them
        inputs = self._inputs(op, written) if op not in self.first.calls else []
        if inputs and op.inputs[0].dtype.name == "resource":
            check_handles(op, inputs)
        if kind in ALIASES:
            self._alias(op, inputs)
            return
        node = Node(op, op.op_def, inputs, len(self.nodes))
        if kind not in _BY_NAME:
            self.nodes.append(op)
            self._general(node)
        elif kind == "IdentityN":
            self.environment.update(zip(op.outputs, inputs))
        else:
            self.nodes.append(op)
            self._by_name(node, kind)

    def _inputs(self, op, written):
        known = self.environment.get
        values = [known(tensor) for tensor in op.inputs]
        if self.copied or self.superseded or None in values:
            return [self.value_of(t, None if i in written else op) for i, t in enumerate(op.inputs)]
        return values

    def _by_name(self, node, kind):
        if kind in _SPECIAL:
            getattr(self, "_op_" + kind)(node)
        elif kind in STACK_OPS:
            STACK_OPS[kind](self, node)
        elif is_on_host(self, node):
            self._general(node)
        else:
            self._read_variables(node)
            ARRAY_OPS[kind](self, node)

    def _without_inputs(self, op, kind):
        """Lowers what has no inputs, or chooses one of them."""
        if kind in _NOTHING:
            if kind == "StackV2":
                self.environment[op.outputs[0]] = Value(dtypes.resource, (), Buffer(STACK, dtypes.resource, 1, op))
            return
        if kind in VARIABLES:
            self.environment[op.outputs[0]] = self.variable(op)
            return
        if kind == "Placeholder":
            raise missing_feed(op)
        if kind == "Const":
            self._constant(op)
            return
        lower_choice(self, op)

    def _constant(self, op):
        array = op.get_attr("value")
        if not isinstance(array, np.ndarray):
            array = np.asarray(array)
        self.environment[op.outputs[0]] = self.literal(array)

    def _alias(self, op, inputs):
        value = inputs[0]
        if op in self.units.materialized and value.buffer is not None and value.buffer.kind == VARIABLE:
            self.require(value.buffer.source, op.inputs[0].op)
            value = self._copy(value, Node(op, None, [], self.node_index(op)))
        for tensor in op.outputs:
            self.environment[tensor] = value

    # --- plain ops --------------------------------------------------------------------------------------

    def _general(self, node):
        op, op_def = node.op, node.op_def
        numbers = known = True  # whether no input is a variable or an object; whether the elements of all are known
        for value in node.inputs:
            if value.deferred is not None:
                node.inputs = [self.settled(value, node) for value in node.inputs]
                return self._general(node)
            if value.symbol is None:
                known = False
            if value.buffer is not None and value.buffer.kind in _NO_NUMBERS:
                numbers = False
        context = NodeContext(node, self)
        if op_def.writes and op_def.written(op):
            self._write(node, context)
            return
        if not numbers:
            self._read_variables(node)
        if op_def.host is not None and not (op_def.kernel_where is not None and op_def.kernel_where(context)):
            lower = lower_batch if op in self.first else lower_host
            lower(self, node, context)
            return
        symbols = self._symbols(node, context) if known or op_def.value is not None else None
        if symbols is not None:
            for tensor, symbol in zip(op.outputs, symbols):
                self.environment[tensor] = self.symbolic(tensor.dtype.base_dtype, symbol)
            return
        if self._has_objects(node, numbers):
            lower_host(self, node, context)  # objects have no kernels: the op's reference computes with them
            return
        repeated = self.measured.repeated(self, node) if op.type in self.measured.found else None
        if repeated is not None:
            self.environment.update(zip(op.outputs, repeated))
            return
        self._outputs(node, context)
        before = len(self.block.items)
        if op_def.kernel is not None:
            context.emit(op_def.kernel, node.inputs, node.outputs, self._params(node), overwrites=op_def.overwrites)
        elif op_def.lower is not None:
            op_def.lower(context, node)
        else:
            raise errors.UnimplementedError(None, op, no_kernel(op))
        if op_def.stateful or (op_def.can_fail and op in self.units.kept):
            for item in self.block.items[before:]:
                if isinstance(item, Instr):
                    item.effect = True
        self._publish(node)
        if context.new_sizes:
            self.measured.note(self, node)

    def _has_objects(self, node, takes_none):
        """Whether an op takes or gives Python objects."""
        for tensor in node.op.outputs:
            if tensor.dtype.base_dtype.name in _OBJECTS:
                return True
        if takes_none:
            return False
        return bool([1 for value in node.inputs if value.buffer is not None and value.buffer.kind == OBJECT])

    @staticmethod
    def _params(node):
        return node.op_def.params(node) if node.op_def.params is not None else ()

    def _outputs(self, node, context):
        """Infers the shapes of the outputs; their buffers come with the first instruction that writes them."""
        shapes = node.op_def.shape(context)
        if shapes.__class__ is tuple:
            shapes = [shapes]
        for tensor, shape in zip(node.op.outputs, shapes):
            if shape is None:
                raise ValueError(f"the rank of {tensor.name!r} is not known before the run")
            if shape.__class__ is not tuple or [1 for dim in shape if dim.__class__ is not int]:
                shape = tuple([_plain(dim) for dim in shape])
            node.outputs.append(Value(tensor.dtype.base_dtype, shape))

    def _publish(self, node):
        if node.op not in self.units.must_copy:
            self.environment.update(zip(node.op.outputs, node.outputs))
            return
        for tensor, value in zip(node.op.outputs, node.outputs):
            if value.buffer is not None and value.buffer.kind == VARIABLE:
                fresh = self.allocate(value.dtype, value.shape)
                self.append(Instr("copy", [value], [fresh], (), node.index))
                value = fresh
            self.environment[tensor] = value

    def _symbols(self, node, context):
        op_def = node.op_def
        if op_def.value is not None:
            symbols = op_def.value(context)
            symbols = [symbols] if isinstance(symbols, np.ndarray) else symbols
            return symbols if symbols is not None and all(s is not None for s in symbols) else None
        symbols = [v.symbol for v in node.inputs]
        if [t for t in node.op.outputs if not (t.dtype.base_dtype.is_integer or t.dtype.base_dtype.is_bool)]:
            return None
        if any(s.size > _SYMBOLIC_LIMIT for s in symbols):
            return None
        open_sizes = any(s.dtype == object for s in symbols)
        if not op_def.symbolic and (open_sizes or op_def.stateful or op_def.reference is None or not symbols):
            return None  # what has only constants is worked out too: it may decide a rank
        if open_sizes:
            symbols = [s.astype(object) for s in symbols]
        if not self._small(node, context):
            return None
        if not open_sizes and op_def.shape is not None:
            # What it refuses in the run is refused in its words; the sizes that it makes here are no one's.
            op_def.shape(NodeContext(node, self))
        try:
            return self._symbolic_result(node, symbols)
        except (TypeError, ZeroDivisionError, IndexError):  # the kernel says it with the op's name, if it runs
            return None

    def _small(self, node, context):
        if node.op.type not in _MAKES_MANY:
            return True
        shapes = node.op_def.shape(context)
        shapes = [shapes] if isinstance(shapes, tuple) else shapes
        total = 1
        for dim in shapes[0]:
            if isinstance(dim, Size):
                return False
            total *= int(dim)
        return total <= _SYMBOLIC_LIMIT

    def _symbolic_result(self, node, symbols):
        extremum = {"Maximum": size_operations.MAX, "Minimum": size_operations.MIN}.get(node.op.type)
        if extremum is not None and any(s.dtype == object for s in symbols):
            left, right = np.broadcast_arrays(*[s.astype(object) for s in symbols])
            out = np.empty(left.shape, object)
            for at in np.ndindex(left.shape):
                out[at] = self.sizes.apply(extremum, left[at], right[at])
            return [out]
        result = node.op_def.reference(node, *symbols)
        return list(result) if isinstance(result, (tuple, list)) else [result]

    def stream(self, op):
        """The random stream of an op, as an operand."""
        key = ("stream", op)
        if key not in self.buffers:
            self.buffers[key] = Buffer(STREAM, dtypes.resource, 1, op)
        return Value(dtypes.resource, (), self.buffers[key])

    # --- variables --------------------------------------------------------------------------------------

    def require(self, key, op):
        """The variable must be initialized: at the start of the run, or here inside a region."""
        if key in self.must_exist:
            return
        if self.depth == 0:
            if key not in self.assigned:
                self.must_exist[key] = op
            return
        self.append(Instr("check_initialized", [self._flag(key)], (), (), self.node_index(op), effect=True))

    def node_index(self, op):
        self.nodes.append(op)
        return len(self.nodes) - 1

    def _read_variables(self, node):
        for i, value in enumerate(node.inputs):
            if value.buffer is not None and value.buffer.kind == VARIABLE:
                if i in node.op_def.reads or is_handle(node, i):
                    continue
                self.require(value.buffer.source, node.op)
                if value.shape is None:
                    raise uninitialized(value.buffer.source, node.op)

    def _write(self, node, context):
        op, op_def = node.op, node.op_def
        written = op_def.written(op)
        target = node.inputs[written[0]]
        key = target.buffer.source
        if target.buffer.kind != VARIABLE:
            raise errors.InvalidArgumentError(None, op, fed_where_written(op, written[0]))
        plain = op.type in ("Assign", "AssignVariableOp")
        for i, value in enumerate(node.inputs):
            if value.buffer is not None and value.buffer.kind == VARIABLE and not (plain and i in written):
                self.require(value.buffer.source, op)
        if plain:
            target = assign_shape(self, node, context, target)
            node.inputs[0] = target
        elif op_def.shape is not None:
            op_def.shape(context)
        before = len(self.block.items)
        if is_text_variable(target):
            if not plain:
                raise errors.UnimplementedError(
                    None,
                    op,
                    f"{op.type} {op.name!r} cannot run: variables of text are assigned as a whole {describe(op)}",
                )
            write_text(self, target, node.inputs[1], node)
        elif op_def.lower is not None:
            op_def.lower(context, node)
        else:
            context.emit(op_def.kernel, node.inputs, (), self._params(node))
        if plain:
            self.append(Instr("mark_initialized", [self._flag(key)], (), (), node.index))
            if self.depth == 0:
                self.assigned.add(key)
        for item in self.block.items[before:]:
            if isinstance(item, Instr) and any(
                v.buffer is not None and v.buffer.kind in (VARIABLE, FLAG)
                for v in ([item.inputs[i] for i in written if i < len(item.inputs)] + item.outputs)
            ):
                item.effect = item.writes_variable = True
        for tensor in op.outputs:
            self.environment[tensor] = node.outputs[0] if node.outputs else target

    def _op_IsVariableInitialized(self, node):
        self._initialized(node, node.op.inputs[0].op)

    def _op_VarIsInitializedOp(self, node):
        self._initialized(node, node.op.inputs[0].op)

    def _initialized(self, node, op):
        while op.type not in VARIABLES and op.inputs:  # an alias, or an assignment's output
            op = op.inputs[0].op
        out = self.allocate(dtypes.bool, ())
        self.append(Instr("copy", [self.flag(op)], [out], (), node.index))
        self.environment[node.op.outputs[0]] = out

    # --- regions ----------------------------------------------------------------------------------------

    @contextmanager
    def region(self, local, block=None):
        """Emits into a block of its own; what is known only there is added to `local`."""
        outer = self.block, self.region_local
        self.block, self.region_local = block or Block(), local
        self.open_blocks.append(self.block)
        self.depth += 1
        try:
            yield self.block
        finally:
            self.open_blocks.pop()
            self.block, self.region_local = outer
            self.depth -= 1

    @staticmethod
    def leave(local):
        """Forgets what was computed inside a region: who is outside computes it again."""
        for value, what in local:
            setattr(value, what, None)

    @staticmethod
    def holds_objects(dtype):
        """Whether values of a type are Python objects: texts, queues, iterators."""
        return dtype.name in _OBJECTS

    def is_object(self, tensor):
        """Whether a tensor's value is a Python object."""
        return self.holds_objects(tensor.dtype.base_dtype)

    def copy_sizes(self, pairs, node):
        """Sets size registers from other sizes, all at once."""
        if not pairs:
            return
        sources = [self.sizes.register(source) for source, _ in pairs]
        targets = [size.register for _, size in pairs]
        defines = [size for _, size in pairs]
        self.append(Instr("copy_sizes", (), (), sources + targets, node.index, effect=True, defines=defines))
        self.resize(defines)

    def move(self, value, out, node):
        """Copies a value, of numbers or of objects."""
        if out.buffer.kind == OBJECT:
            value = self.operand(value, None, node)
            call_host(self, "move", [value], [out], node.index)
            return
        if value.buffer is not None and value.buffer.kind == VARIABLE:
            self.require(value.buffer.source, node.op)
        value = self.operand(value, "any", node)
        self.append(Instr("copy", [value], [out], (), node.index))


class SpecializeValue(Exception):
    """The plan's structure depends on a fed value: it is compiled for that value alone."""

    def __init__(self, feed):
        super().__init__(f"the value of feed {feed} decides the plan's structure")
        self.feed = feed


def _is_zero(offset):
    return not isinstance(offset, Size) and offset == 0


_SPECIAL = frozenset(name.removeprefix("_op_") for name in dir(Lowerer) if name.startswith("_op_"))
_BY_NAME = frozenset(("IdentityN", *_SPECIAL, *STACK_OPS, *ARRAY_OPS))


def _plain(dim):
    return dim if isinstance(dim, Size) else int(dim)
