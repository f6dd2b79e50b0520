"""Compiling a request: the way in, and the order of the stages."""

from __future__ import annotations

import numpy as np

from .. import errors
from ..graph.describe import describe, uninitialized
from ..graph.scopes import collector_paused
from . import memory, passes
from .arrays import handle_as_value
from .assemble import Assembler, TooManyAxes
from .early_checks import check_rows_early
from .host import Uneven, called_by
from .ir import FLAG, MAX_RANK, STACK, VARIABLE, Block, walk
from .lower import Lowerer, SpecializeValue
from .node import Node, Specialize
from .one_branch import ContinueBranches, DecideBranch
from .open_shapes import open_shapes
from .order import OrderedUnits
from .regions import RaisedGraph
from .same_sizes import same_sizes
from .sizes import FUNCTIONS, Size

_MOST_SPECIALIZATIONS = 64

verifier = None  # function(program, stage) that is called after every stage: tests set it to `verify.verify`


class Feed:
    """A fed tensor and the shape of the value at hand; `value` is the array itself."""

    __slots__ = ("tensor", "shape", "value")

    def __init__(self, tensor, shape, value=None):
        self.tensor = tensor
        self.shape = tuple(shape)
        self.value = value


class Request:
    """What is asked for, and what is known of it now.

    Args:
      fetches: tensors whose values are returned.
      targets: operations that must run.
      feeds: list of `Feed`.
      variable_shape: function(key) -> the current dimensions of a session's variable, or None.
      host_shapes: tensor -> shape that a host op's output had in the last run.
      unequal: host ops whose outputs had different first sizes in some run.
      loose: keys of variables that may have another shape than their nodes tell.
      done: operations that an earlier part of a partial run has run: nothing waits for them.

    Attributes:
      same, apart: open axes of feeds that are as long as others, and those that are not: see same_sizes.py.
      decided: the predicates of conditionals of which the plan has the branch alone that is taken.
      continued: conditionals, of loops, of which what stands behind them is in the plan once for each branch.
      uneven: ops that make TensorArrays whose elements may have several shapes.
      row_ranks: what makes a TensorArray that the host fills -> the ranks of its elements.
      assumed: what the plan takes for granted of host ops' outputs, and a run may find otherwise: ("rank", tensor) ->
        rank, ("size", tensor, axis) -> size, ("equal", op) -> True, all first sizes.
      fixed: (tensor, axis) of the host ops' sizes on which the plan's structure depends.
    """

    def __init__(self, fetches, targets, feeds, variable_shape, host_shapes, unequal=frozenset(), loose=frozenset(),
                 done=frozenset()):  # fmt: skip
        self.fetches = fetches
        self.targets = targets
        self.feeds = feeds
        self.variable_shape = variable_shape
        self.host_shapes = host_shapes
        self.unequal = unequal
        self.loose = loose
        self.done = done
        self.same, self.apart = same_sizes(feeds)
        self.special: set = set()
        self.decided: dict = {}  # in the order in which they were decided: so plans make their calls in one order
        self.continued: set = set()
        self.uneven: set = set()
        self.row_ranks: dict = {}
        self.special_values: dict = {}
        self.pushed: dict = {}
        self.assumed: dict = {}
        self.fixed: set = set()

    def assumed_rank(self, tensor, guess=0):
        """The rank that a host op's output had in the last run; `guess` before the first."""
        shape = self.host_shapes.get(tensor)
        rank = self.assumed["rank", tensor] = guess if shape is None else len(shape)
        return rank

    def assumed_size(self, tensor, axis):
        shape = self.host_shapes.get(tensor, ())
        size = self.assumed["size", tensor, axis] = shape[axis] if axis < len(shape) else 1
        return size


class Program:
    """A lowered request on its way through the passes."""

    def __init__(self, request, lowerer):
        self.request = request
        self.sizes = lowerer.sizes
        self.root = lowerer.root
        self.prologue = []
        self.fetches = lowerer.fetched
        self.nodes = lowerer.nodes
        self.hosts = lowerer.hosts
        self.batches = lowerer.batches
        self.feeds = request.feeds
        self.variables = list(lowerer.variables)
        self.interruptible = False
        self.arena_slots = self.n_results = 0
        self.late_failures = []  # instructions behind the commit point whose rows may not exist: see early_checks.py
        self.streams = {id(b) for k, b in lowerer.buffers.items() if isinstance(k, tuple) and k[0] == "stream"}
        self.uses = None  # what passes know of readers and writers, and of kernels: see passes/uses.py
        self.kernels = None, ()
        self._hints = {}

    @property
    def results(self):
        batches = (value for call in self.batches for value, _ in call.components)
        return [*self.fetches, *(v for _, _, outputs in self.hosts for v in outputs), *batches]

    def instructions(self):
        return [*self.prologue, *walk(self.root)]

    def hint(self, size) -> int:
        """What a size is with the feeds at hand, for choosing slots; 1 where only running tells."""
        if not isinstance(size, Size):
            return int(size)
        found = self._hints.get(id(size))
        if found is None:
            found = 0
            for monomial, coefficient in size.terms.items():
                for atom in monomial:
                    coefficient *= self._hint_atom(self.sizes.atoms[atom])
                found += coefficient
            self._hints[id(size)] = found
        return found

    def _hint_atom(self, atom):
        if atom.operation is not None:
            return FUNCTIONS[atom.operation](self.hint(atom.left), self.hint(atom.right))
        if atom.origin is None:
            return 1
        kind, of, axis = atom.origin
        if kind == "feed":
            return int(self.request.feeds[of].shape[axis])
        shape = self.request.host_shapes.get(of, ())  # of a host op's output in the last run
        return int(shape[axis]) if axis < len(shape) else 1


def _effects_of(fetches):
    """What happens whenever a function is called: operations of its graph. None for any other graph."""
    graph = fetches[0].graph if fetches else None
    return graph.effects if graph is not None and graph._outer is not None else ()


def order_request(fetches, targets, feeds, done=frozenset()):
    """The ordered regions of a request: what both executors run."""
    effects = _effects_of(fetches)
    raised = RaisedGraph(fetches, [*targets, *effects], {f.tensor for f in feeds}, done)
    units = OrderedUnits(raised, fetches, any(op.op_def.writes for op in effects))
    units.finish()
    return units


def lower_request(request):
    """The program of a request before the passes: what lowered it, and the `Program`.

    Lowering begins anew where it turns out that the plan's structure depends on a size or a value.
    """
    units = order_request(request.fetches, request.targets, request.feeds, request.done)
    for _ in range(_MOST_SPECIALIZATIONS):
        request.pushed = {}
        request.assumed = {}
        lowerer = Lowerer(request, units)
        try:
            lowerer.fetched = _fetch_values(lowerer, request) if lowerer.run() else []
        except Specialize as wanted:
            _specialize(request, wanted)
            continue
        except DecideBranch as wanted:
            request.decided[wanted.predicate] = True
            continue
        except ContinueBranches as wanted:
            request.continued.add(wanted.unit)
            continue
        except Uneven as found:
            request.uneven.add(found.op)
            continue
        except SpecializeValue as wanted:
            feed = request.feeds[wanted.feed]
            if feed.value is None or wanted.feed in request.special_values:
                raise ValueError("a value that decides the plan's structure is not known before the run") from None
            request.special_values[wanted.feed] = np.array(feed.value)
            continue
        break
    else:
        raise ValueError("the request depends on more sizes than a plan can be compiled for")
    units.raised.release()
    program = Program(request, lowerer)
    if verifier is not None:
        verifier(program, "lowering")
    return lowerer, program


def run_passes(program):
    """Rewrites a program by the passes in force."""
    for rewrite in passes.PASSES:
        rewrite(program)
        if verifier is not None:
            verifier(program, rewrite.__name__)


def plan_program(request):
    """The program of a request, rewritten and with every buffer in its place: (what lowered it, the `Program`)."""
    for feed in request.feeds:
        if len(feed.shape) > MAX_RANK:
            raise ValueError(
                f"feeds of at most {MAX_RANK} axes are supported, that of {feed.tensor.name!r} has {len(feed.shape)}"
            )
    lowerer, program = lower_request(request)
    run_passes(program)
    check_rows_early(program)
    program.arena_slots = memory.place(program)
    return lowerer, program


def _assembled(lowerer, program):
    try:
        return Assembler(program).run()
    except TooManyAxes as error:
        op = lowerer.nodes[error.node] if error.node >= 0 else None
        where = f" {describe(op)}" if op is not None else ""
        raise errors.UnimplementedError(None, op, f"{error}{where}") from None


def compile_request(request):
    """Compiles a request to the tables of a plan.

    Args:
      request: a `Request`.

    Returns:
      A dict: the tables of csrc/frame.h, and `nodes` (the op of each node index), `open_shapes`
      (for messages), `must_exist` (variable key -> op),
      `special` (set of (feed, axis) the plan is compiled for), `same_sizes` and `sizes_apart` (as `Request.same`, `Request.apart`), `feed_registers`, `variable_registers`,
      `open_ranks` (variable key, the rank that it had, None without a value: the graph does not tell).
    """
    with collector_paused():  # until all that was made on the way is gone again
        return _compile(request)


def _compile(request):
    lowerer, program = plan_program(request)
    plan = _assembled(lowerer, program)
    plan["nodes"] = lowerer.nodes
    plan["open_shapes"] = open_shapes(lowerer.environment, lowerer.told)
    plan["must_exist"] = lowerer.must_exist
    plan["variable_ops"] = dict(lowerer.variables.items())
    plan["special"] = frozenset(request.special)
    plan["same_sizes"], plan["sizes_apart"] = request.same, request.apart
    plan["special_values"] = dict(request.special_values)
    plan["assumed"] = dict(request.assumed)
    first = lowerer.first.calls  # their elements are there before anything is done that would have to be undone
    plan["logs"] = any((key[1] if key[0] == "equal" else key[1].op) not in first for key in request.assumed)
    plan["undo"] = _writes_to_undo(program) if request.assumed else []
    plan.update(_open_registers(lowerer))
    plan["loosened"] = lowerer.loosened
    # A plan that raises an error may raise none once a variable has a value; any other one does not ask.
    raises = any(isinstance(called, errors.OpError) for called, *_ in lowerer.hosts)
    plan["open_ranks"] = [(key, rank) for key, rank in lowerer.open_ranks.items() if raises or rank is not None]
    return plan


def _writes_to_undo(program):
    """The variables that are written before a call that may make the step start again."""
    assuming = {key[1] if key[0] == "equal" else key[1].op for key in program.request.assumed}
    written, early = set(), False
    for item in program.root.items:
        instrs = list(walk(Block([item])))
        calls = [i for i in instrs if i.kernel == "host" and program.hosts[called_by(i)][0] in assuming]
        found = {v.buffer.source for i in instrs if i.writes_variable for v in (*i.inputs, *i.outputs)
                 if v.buffer is not None and v.buffer.kind in (VARIABLE, FLAG)}  # fmt: skip
        early = early or bool(calls and (written or found))
        written |= found
    return sorted(written) if early else []


def _fetch_values(lowerer, request):
    values = []
    for tensor in request.fetches:
        node = Node(tensor.op, None, [], lowerer.node_index(tensor.op))
        value = lowerer.settled(lowerer.value_of(tensor), node, exact=True)
        if value.buffer is not None and value.buffer.kind == VARIABLE:
            if value.buffer.source not in lowerer.assigned:
                lowerer.must_exist.setdefault(value.buffer.source, tensor.op)
            if value.shape is None:
                raise uninitialized(value.buffer.source, tensor.op)
        if value.buffer is not None and value.buffer.kind == STACK:
            value = handle_as_value(tensor)
        values.append(lowerer.operand(value, None, node))
    return values


def _specialize(request, wanted):
    found = False
    for atom in wanted.atoms:
        if atom.origin is not None and atom.origin[0] == "feed" and atom.origin[1:] not in request.special:
            request.special.add(atom.origin[1:])
            found = True
        elif atom.origin is not None and atom.origin[0] == "host" and atom.origin[1:] not in request.fixed:
            request.fixed.add(atom.origin[1:])
            found = True
    if not found:
        raise ValueError(f"{wanted.reason}, and only running tells it")


def _open_registers(lowerer):
    """Where the run path writes the sizes it finds: (feed, axis, register) and (variable key, axis, register)."""
    feeds, variables = [], []
    for atom in lowerer.sizes.atoms:
        if atom.origin is None or atom.origin[0] == "host":
            continue
        register = lowerer.sizes.register_of(atom.index)
        (feeds if atom.origin[0] == "feed" else variables).append((*atom.origin[1:], register))
    return {"feed_registers": feeds, "variable_registers": variables}


__all__ = ["Feed", "Request", "compile_request", "lower_request", "order_request", "plan_program", "run_passes"]
