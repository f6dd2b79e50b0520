"""The reference executor: the same ordered regions, op by op in NumPy.

It is the oracle of the tests, used where `HOOKLOOP_EXECUTOR=reference` is set. It shares the raising and
the order of a request with the compiler, and nothing after: no passes, no placement, no C.
"""

from __future__ import annotations

import time

import numpy as np

from . import errors
from ._reference_arrays import ArrayOps, ArrayRows
from ._reference_shapes import check_shapes
from .compile.arrays import fetched_handle
from .compile.branch_values import NEVER, Choice, never_there, not_there
from .compile.guards import check_predicate
from .compile.host import NO_VALUE
from .compile.loops import missing_of_variable
from .compile.order import ALIASES
from .compile.pipeline import Feed, order_request
from .compile.regions import COPY, IF, LOOP, waited_for_though_fed
from .graph.describe import closed_meanwhile, describe, fed_where_written, missing_feed, no_kernel
from .ops import registry
from .ops.mismatches import explained_of_array
from .ops.reference_node import ReferenceNode
from .ops.variable_key import VARIABLES, check_variable_type, type_of_elements, variable_key

# How often a step looks whether its session was closed.
_LOOK_PERIOD_NS = 10_000_000

_NOTHING = frozenset(("NoOp", "ControlTrigger", "StackCloseV2"))


def _computed(array):
    """What is computed with: bfloat16, of which NumPy knows little, is how numbers are stored."""
    dtype = getattr(array, "dtype", None)
    of_others = isinstance(dtype, np.dtype) and dtype.kind == "V"
    return array.astype(np.float32) if of_others and dtype.name == "bfloat16" else array


class _Alias:
    """The value of a tensor that is a variable's memory: read when it is used."""

    __slots__ = ("key", "op")

    def __init__(self, key, op):
        self.key = key
        self.op = op


class ReferenceExecutor:
    """Runs requests of one session. Its variables are the session's own buffers."""

    def __init__(self, session):
        self._session = session

    def run(self, tensors, targets, feed_tensors, values, deadline=0, done=frozenset(), times=None):
        """The values of `tensors`, after all `targets` have run; nothing waits for ops that are `done`.

        Where `times` is given, it gets for each op that ran what `step_stats.fill_step_stats` takes.

        Raises:
          hookloop.errors.OpError: an error while an op ran; no variable is changed.
        """
        feeds = [Feed(t, np.shape(v), v) for t, v in zip(feed_tensors, values)]
        units = order_request(tensors, targets, feeds, done)
        step = ReferenceStep(self._session, units, deadline, times)
        self._session._check_open()  # since the request was looked at another thread may have closed it
        step.fed = dict(zip(feed_tensors, values))
        step.fed_ops = waited_for_though_fed(step.fed, targets)
        step.environment.update(step.fed)
        try:
            for tensor in tensors:
                conditions = units.presence.of_tensor(tensor)
                if conditions is NEVER:
                    raise never_there(tensor.op)
                if conditions:
                    step.fetched.setdefault(tensor.op, []).append(tensor)
            step.run_units(units.root)
            for tensor in (tensor for of_op in step.fetched.values() for tensor in of_op):  # of branches too
                step.require(units.presence.of_tensor(tensor), tensor.op)
            return [step.fetch(t) for t in tensors]
        except BaseException:
            step.roll_back()
            self._session._step_failed()
            raise


class ReferenceStep(ArrayOps):
    """One run: the environment of values, and what to undo if it fails."""

    def __init__(self, session, units, deadline, times=None):
        self.session = session
        self.variables = session._variables  # a session that is closed meanwhile forgets them
        self.times = times
        self.look_at_ns = time.monotonic_ns() + _LOOK_PERIOD_NS
        self.units = units
        self.presence = units.presence
        self.fetched = {}  # op -> the fetched outputs that are not there in any case
        self.deadline = deadline
        self.environment = {}
        self.fed = {}
        self.fed_ops = set()
        self.copied = {}
        self.saved = {}
        self.stacks = {}

    # --- variables ----------------------------------------------------------------------------------------

    def cell(self, op):
        from .shapes import as_shape

        key = variable_key(op)
        found = self.variables.get(key)
        if found is None:
            from ._core import VariableCell

            dtype = type_of_elements(op)
            found = self.variables[key] = VariableCell(key, dtype._stored_number, dtype)
            static = as_shape(op.get_attr("shape"))
            if static.is_fully_defined():
                found.reshape(tuple(static.as_list()))
        elif found.dtype.base_dtype != op.get_attr("dtype").base_dtype:
            raise ValueError(f"variable {key} is of several types: nodes that share its name differ")
        return found

    def read(self, alias, reader):
        copy = self.copied.get((reader, alias.key))
        if copy is not None:
            return copy
        cell = self.variables[alias.key]
        if not cell.initialized:
            self.session._uninitialized(alias.key, reader)
        with self.session._lock:  # another thread's write may give it other memory
            return cell.view().copy()

    def write(self, alias, value, op):
        cell = self.variables[alias.key]
        value = np.asarray(value)
        if alias.key not in self.saved:
            self.saved[alias.key] = cell.snapshot()
        from .shapes import as_shape

        static = as_shape(alias.op.get_attr("shape"))
        validate = op._attrs.get("validate_shape", True)
        if static.is_fully_defined() and cell.shape is not None:
            static = as_shape(cell.shape)  # which an assignment that was not validated has changed
        if validate and static.ndims is not None and not static.is_compatible_with(value.shape):
            raise ValueError(
                f"Assign requires shapes of both tensors to match. lhs shape= {static.as_list()} "
                f"rhs shape= {list(value.shape)}"
            )
        cell.set(value)
        cell.mark()

    def roll_back(self):
        for key, snapshot in self.saved.items():
            self.variables[key].restore(snapshot)

    def copy_early(self, unit):
        self.copied.pop(unit.copied, None)
        cell = self.cell(unit.op)
        self.copied[unit.copied] = self.read(_Alias(cell.key, unit.op), unit.op)

    # --- walking ------------------------------------------------------------------------------------------

    def run_units(self, units):
        for unit in units:
            self.look_around()
            if unit.kind == COPY:
                self.copy_early(unit)
                continue
            if self.unmet(unit.missing(self.presence), unit.op) is None:
                self.run_unit(unit)
            for op in unit.ops if self.fetched else ():
                for tensor in self.fetched.get(op, ()):
                    self.require(self.presence.of_tensor(tensor), op)

    def look_around(self):
        """Ends a step whose time is over, and, every now and then as a plan looks, one whose session was closed."""
        now = time.monotonic_ns()
        if self.deadline and now > self.deadline:
            raise errors.DeadlineExceededError(None, None, "Timed out waiting for the step: its time limit has passed")
        if now > self.look_at_ns:
            self.look_at_ns = now + _LOOK_PERIOD_NS
            if self.session._closed:
                raise closed_meanwhile()

    def run_unit(self, unit):
        if unit.kind in (IF, LOOP):
            self.run_if(unit) if unit.kind == IF else self.run_loop(unit)
            self.environment.update(self.fed)
        else:
            self.run_op(unit.op)

    def unmet(self, conditions, op):
        """The error of an op that is run only under conditions, where they do not hold; else None."""
        if conditions is NEVER:
            return never_there(op)
        for condition in self.presence.in_order(conditions):
            side = self.side(condition.predicate, op)
            if isinstance(condition, Choice):
                error = self.unmet(condition.when_true if side else condition.when_false, op)
                if error is not None:
                    return error
            elif side != condition.branch:
                return not_there(op, *condition)
        return None

    def require(self, conditions, op):
        error = self.unmet(conditions, op)
        if error is not None:
            raise error

    def raw(self, tensor):
        if tensor not in self.environment:
            self.run_op(tensor.op)
        return self.environment[tensor]

    def value(self, tensor, reader):
        found = self.raw(tensor)
        return self.read(found, reader) if isinstance(found, _Alias) else found

    def argument(self, op, op_def, tensor):
        """The value of an input; host ops find the variables of which they get handles themselves."""
        if op_def.host is not None and tensor.dtype.name == "resource" and isinstance(self.raw(tensor), _Alias):
            return NO_VALUE
        return self.value(tensor, op)

    def fetch(self, tensor):
        value = self.value(tensor, tensor.op)
        if isinstance(value, np.ndarray):
            return value[()] if value.ndim == 0 else value.copy()
        return fetched_handle(tensor) if isinstance(value, ArrayRows) else value

    def side(self, predicate, op):
        """The branch that a predicate chooses, 1 or 0."""
        value = self.value(predicate, op)
        check_predicate(op, np.shape(value))
        return int(bool(value))

    def run_if(self, unit):
        side = self.side(unit.predicate, unit.op)
        branch = unit.then if side else unit.otherwise
        self.run_units(branch.units)
        for merge, result in zip(unit.merges, branch.results):
            if result is not None and self.unmet(self.presence.missing_in(result, branch.context), merge) is not None:
                result = None  # it is not there
            self.environment[merge.outputs[0]] = None if result is None else self.value(result, (merge, side))
            self.environment[merge.outputs[1]] = np.int32(0 if result is None else merge.inputs.index(result))

    def op_Merge(self, op):
        """One that a program has made: the first of its inputs that is there."""
        for place, tensor in enumerate(op.inputs):
            if self.unmet(self.presence.missing_in(tensor, op._control_flow_context), op) is None:
                self.environment.update(zip(op.outputs, (self.value(tensor, (op, place)), np.int32(place))))
                return

    op_RefMerge = op_Merge

    def run_loop(self, unit):
        variables = [v for v in unit.variables if v.switch is not None or v.next_iteration is not None]
        missing = [missing_of_variable(self.presence, unit, v) for v in variables]
        entered = [self.unmet(first, unit.op) is None for first, _ in missing]
        values = [self.value(v.enter.outputs[0], unit.op) if there else None for v, there in zip(variables, entered)]
        outside = dict(self.environment)
        while True:
            self.environment = dict(outside)
            for variable, value in zip(variables, values):
                self.environment[variable.merge.outputs[0]] = value
                if variable.switch is not None:
                    for tensor in variable.switch.outputs:
                        self.environment[tensor] = value
            self.run_units(unit.condition)
            goes_on = self.value(unit.loop_cond.inputs[0], unit.op)
            check_predicate(unit.loop_cond, np.shape(goes_on))
            if not goes_on:
                break
            self.run_units(unit.body)
            for index, variable in enumerate(variables):
                if entered[index]:
                    self.require(missing[index][1], variable.next_iteration)
                    values[index] = self.value(variable.next_iteration.inputs[0], variable.next_iteration)
        self.environment = outside
        for variable, value in zip(variables, values):
            for op in variable.exits:
                self.environment[op.outputs[0]] = value

    # --- ops ----------------------------------------------------------------------------------------------

    def run_op(self, op):
        is_fed = op in self.fed_ops
        if op.outputs and all(t in self.environment for t in op.outputs) and not is_fed:
            return
        try:
            self.dispatch(op) if self.times is None else self.dispatch_timed(op)
            if is_fed:
                self.fed_ops.remove(op)
                self.environment.update(self.fed)
        except (ValueError, TypeError, IndexError, ArithmeticError) as error:
            raise errors.InvalidArgumentError(
                None, op, f"{explained_of_array(op, str(error))} {describe(op)}"
            ) from error
        except MemoryError as error:
            raise errors.ResourceExhaustedError(None, op, f"OOM: {error} {describe(op)}") from error

    def dispatch_timed(self, op):
        """Runs an op and notes its time, which begins behind that of the ops that it has asked for its inputs."""
        begin = time.monotonic_ns()
        self.dispatch(op)
        begin = max(begin, self.times[-1][3]) if self.times else begin
        outputs = [(t.dtype.base_dtype._stored_number, self.shape_of(t)) for t in op.outputs]
        self.times.append((op.type, op, begin, time.monotonic_ns(), outputs))

    def shape_of(self, tensor):
        found = self.environment[tensor]
        if isinstance(found, _Alias):
            return self.variables[found.key].shape or ()
        return np.shape(found) if isinstance(found, (np.ndarray, np.generic)) else ()

    def dispatch(self, op):
        kind = op.type
        environment = self.environment
        if kind in _NOTHING:
            return
        if kind in VARIABLES:
            environment[op.outputs[0]] = _Alias(self.cell(op).key, op)
            return
        if kind == "Placeholder":
            raise missing_feed(op)
        if kind == "Const":
            environment[op.outputs[0]] = np.asarray(op.get_attr("value"))
            return
        if op.inputs and op.inputs[0].dtype.name == "resource":
            for handle in map(self.raw, op.inputs):
                if isinstance(handle, _Alias) and handle.op.type == "VarHandleOp":
                    check_variable_type(op, handle.op.get_attr("dtype"))
        if kind in ALIASES:
            value = self.raw(op.inputs[0])
            if op in self.units.materialized and isinstance(value, _Alias):
                value = self.read(value, op)
            for tensor in op.outputs:
                environment[tensor] = value
            return
        special = getattr(self, "op_" + kind, None)
        if special is not None:
            special(op)
        else:
            self.run_general(op)

    def run_general(self, op):
        op_def = registry.lookup(op.type)
        if op_def.host is None and op_def.reference is None:
            raise errors.UnimplementedError(None, op, no_kernel(op))
        if op_def.written(op):
            with self.session._lock:  # what a variable becomes of itself is one thing for the session's other threads
                self.run_write(op, op_def)
            return
        arrays = [self.argument(op, op_def, t) for t in op.inputs]
        check_shapes(op, arrays)
        if op_def.host is not None:
            extra = self.units.raised.waiting.extra_input(op)
            arrays += [] if extra is None else [extra]
            results = self.session._call_host(op, arrays, self.deadline)
        elif op_def.stateful == "stream":
            results = op_def.reference(ReferenceNode(op, arrays), self.session._stream(op), *arrays)
        else:
            if op.type != "Bitcast":
                arrays = [_computed(array) for array in arrays]
            with np.errstate(all="ignore"):
                results = op_def.reference(ReferenceNode(op, arrays), *arrays)
        self.publish(op, results)

    def publish(self, op, results):
        if not isinstance(results, (tuple, list)):
            results = (results,)
        for tensor, result in zip(op.outputs, results):
            dtype = tensor.dtype.base_dtype
            if dtype.name not in ("string", "resource", "variant"):
                result = np.asarray(result, dtype.as_numpy_dtype)
            elif isinstance(result, bytes):  # NumPy's functions give a text of an array without axes by itself
                result = np.array(result, object)
            self.environment[tensor] = result

    def run_write(self, op, op_def):
        targets = [self.raw(op.inputs[i]) for i in op_def.written(op)]
        for place, target in zip(op_def.written(op), targets):
            if not isinstance(target, _Alias):
                raise errors.InvalidArgumentError(None, op, fed_where_written(op, place))
        plain = op.type in ("Assign", "AssignVariableOp")
        arrays = []
        for i, tensor in enumerate(op.inputs):
            if plain and i in op_def.writes:
                arrays.append(None)
            else:
                arrays.append(self.value(tensor, op))
        if plain:
            results = (arrays[1],)
        else:
            check_shapes(op, arrays)
            with np.errstate(all="ignore"):
                results = op_def.reference(ReferenceNode(op, arrays), *arrays)
        if not isinstance(results, (tuple, list)):
            results = (results,)
        for target, result in zip(targets, results):
            self.write(target, np.asarray(result), op)
        values = results[len(targets) :]
        for i, tensor in enumerate(op.outputs):
            self.environment[tensor] = values[i] if values else targets[0]

    def op_IdentityN(self, op):
        for source, tensor in zip(op.inputs, op.outputs):
            self.environment[tensor] = self.raw(source) if tensor.dtype.name == "resource" else self.value(source, op)

    def op_IsVariableInitialized(self, op):
        alias = self.raw(op.inputs[0])
        self.environment[op.outputs[0]] = np.bool_(self.variables[alias.key].initialized)

    op_VarIsInitializedOp = op_IsVariableInitialized

    def op_StackV2(self, op):
        stack = self.stacks.setdefault(op, [])
        self.environment[op.outputs[0]] = stack

    def op_StackPushV2(self, op):
        value = self.value(op.inputs[1], op)
        self.raw(op.inputs[0]).append(value)
        self.environment[op.outputs[0]] = value

    def op_StackPopV2(self, op):
        self.environment[op.outputs[0]] = self.raw(op.inputs[0]).pop()
