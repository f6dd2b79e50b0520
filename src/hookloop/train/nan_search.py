"""Where a NaN came from: the tensors that a loss is made of, computed once more after the step that failed.

What this can promise: a value that was fed is the step's own, and so are random numbers and elements of datasets: the
streams are set back for the search, an element that Python made is still there. Variables have changed since: those that the update left not finite are taken as the
latest checkpoint has them, else at their initial values; the others as they are now. So what is found is an op that makes
such a value out of finite ones with the input of that step; the text says which values were not the step's own.
"""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from ..graph.collections import GraphKeys
from ..ops.variable_key import VARIABLES

__all__ = ["where_nan_came_from"]

_READS = VARIABLES | {"ReadVariableOp"}


def where_nan_came_from(loss, session, feed_dict, draws=True):
    """Names the first op that produced a value that is not finite, and the user's line that made it.

    Args:
      loss: the tensor that was NaN.
      session: the session below the hooks.
      feed_dict: what the caller and other hooks fed.
      draws: whether to take the next elements of iterators where those that the step had cannot be had again.

    Returns:
      Sentences.
    """
    try:
        return _Search(loss, session, feed_dict, draws).text()
    except Exception as error:  # the search is an extra: the error that it explains must reach the user
        return f"Where it came from was not found: {str(error).splitlines()[0] if str(error) else type(error).__name__}"


def _is_bad(value):
    return not np.isfinite(value).all()


def _is_floating(tensor):
    return tensor.dtype.base_dtype.is_floating


def _resource_name(handle):
    """The name under which a session has an iterator."""
    name = handle._attrs.get("shared_name", b"")
    return (name.decode() if isinstance(name, bytes) else name) or handle.name


def _is_result(op):
    """Whether an op gives what a loop or a conditional has computed."""
    return op.type in ("Exit", "Merge") or op.type.startswith("TensorArray")


def _is_drawn(op):
    return op.type == "IteratorGetNext" or op.op_def.stateful == "stream"


def _is_harmless(op):
    """Whether an op may be run once more because another waits for it."""
    if op.type in _READS or op.type in ("Assert", "NoOp"):
        return True
    return not op.op_def.stateful and not op.op_def.writes and op.type != "Placeholder"


class _Search:
    """The ancestors of a loss, in the order of their creation, and what is known of their values."""

    def __init__(self, loss, session, feed_dict, draws):
        graph = session.graph
        self._loss = graph.as_graph_element(loss)
        self._session = session
        self._draws = draws
        self._feeds = {graph.as_graph_element(key): np.asarray(value) for key, value in (feed_dict or {}).items()}
        self._ops = self._ancestors()
        self._elements = self._elements_at_hand()
        self._iterators = self._iterators_that_step_back()
        self._held = self._not_waited_for()
        self._known = self._computable()
        self._drawn = [op for op in self._ops if op in self._known and _is_drawn(op) and op not in self._elements]

    def _ancestors(self):
        found, waiting = set(), [self._loss]
        while waiting:
            tensor = waiting.pop()
            if tensor.op not in found:
                found.add(tensor.op)
                if tensor not in self._feeds:
                    waiting.extend(tensor.op.inputs)
        return sorted(found, key=lambda op: op._id)

    def _computable(self):
        """The ops that can be run once more: nothing that they depend on acts on the world, or waits for it."""
        blocked = set()  # where loops begin of which something cannot be run
        while True:
            known = self._reached(blocked)
            begin = {op for op in known if op.type == "Merge" and not all(self._is_there(t, known) for t in op.inputs)}
            if not begin:
                return known
            blocked |= begin

    def _reached(self, blocked):
        """The ops of which everything is known; what comes back to a loop's beginning is taken for known."""
        known = {op for op in self._ops if op in self._elements or any(output in self._feeds for output in op.outputs)}
        left = [op for op in self._ops if op not in known and op not in blocked and self._may_run(op)]
        while True:
            rest = []
            for op in left:
                if all(
                    self._is_there(t, known) or (op.type == "Merge" and t.op.type == "NextIteration") for t in op.inputs
                ):
                    known.add(op)
                else:
                    rest.append(op)
            if len(rest) == len(left):
                return known
            left = rest

    def _is_there(self, tensor, known):
        return tensor.op in known or tensor in self._feeds or tensor.dtype.name == "resource"

    def _may_run(self, op):
        if op.type in _READS:
            return True
        if op.type == "Placeholder" or op.op_def.writes:
            return False
        if op.type == "IteratorGetNext":
            allowed = (self._draws or op in self._iterators) and op._control_flow_context is None
        elif _is_drawn(op):
            allowed = op._control_flow_context is None
        else:
            allowed = not op.op_def.stateful or op.type.startswith("TensorArray")
        return allowed and self._held.isdisjoint(op.control_inputs)

    def _not_waited_for(self):
        """The ops that nothing may wait for once more: what acts on the world, and all that depends on it.

        The decision of a branch and an assertion are none of them.
        """
        seen, users = set(), {}
        waiting = [control for op in self._ops for control in op.control_inputs]
        while waiting:
            op = waiting.pop()
            if op in seen or any(output in self._feeds for output in op.outputs):
                continue
            seen.add(op)
            for other in (*(tensor.op for tensor in op.inputs), *op.control_inputs):
                users.setdefault(other, []).append(op)
                waiting.append(other)
        held, waiting = set(), [op for op in seen if not _is_harmless(op)]
        while waiting:
            op = waiting.pop()
            if op not in held:
                held.add(op)
                waiting.extend(users.get(op, ()))
        return held

    # --- the step's own random numbers and elements -------------------------------------------------------------

    def _elements_at_hand(self):
        """IteratorGetNext -> the element that the step had, where Python made it."""
        resources, found = getattr(self._session, "_resources", {}), {}
        for op in self._ops:
            element = resources.get(("element", op))
            if (
                element is None
                or op._control_flow_context is not None
                or any(t.dtype.name == "variant" for t in op.outputs)
            ):
                continue
            iterator = resources.get(("iterator", _resource_name(op.inputs[0].op)))
            if iterator is None or not iterator.in_c or self._session._runs_by_reference():
                found[op] = element
        return found

    def _iterators_that_step_back(self):
        """IteratorGetNext -> the iterator, where no other op takes its elements."""
        resources, found = getattr(self._session, "_resources", {}), {}
        for op in self._ops:
            handle = op.inputs[0] if op.type == "IteratorGetNext" else None
            if (
                handle is not None
                and op not in self._elements
                and sum(c.type == "IteratorGetNext" for c in handle._consumers) == 1
            ):
                iterator = resources.get(("iterator", _resource_name(handle.op)))
                state = iterator.step_back() if iterator is not None else None
                if state is not None:
                    iterator.load_state_dict(state)
                    found[op] = iterator
        return found

    @contextmanager
    def _set_back(self, feeds):
        """Random streams and iterators stand in here where they stood before the step; afterwards where they were."""
        streams = {
            op: self._session._stream(op)
            for op in self._drawn
            if op not in self._iterators and op.op_def.stateful == "stream"
        }
        stood = {op: cell.state() for op, cell in streams.items()}
        states = {iterator: iterator.state_dict() for iterator in self._iterators.values()}
        try:
            self._step_back()
            if streams:  # how many numbers the step drew: as many as are drawn now
                self._session.run([op.outputs[0] for op in streams], feeds)
                for op, cell in streams.items():
                    key, stream, counter, weights = stood[op]
                    learned = None if weights is None else 2 * weights - cell.weights
                    cell.restore(key, stream, max(2 * counter - cell.counter, 0), learned)
                for iterator, state in states.items():
                    iterator.load_state_dict(state)
                self._step_back()
            yield
        finally:
            for op, cell in streams.items():
                cell.restore(*stood[op])
            for iterator, state in states.items():
                iterator.load_state_dict(state)

    def _step_back(self):
        for iterator in self._iterators.values():
            iterator.step_back()

    # --- values -------------------------------------------------------------------------------------------

    def _damaged(self):
        """The variables below the loss that are not finite now."""
        below = {op for op in self._ops if op.type in VARIABLES}
        variables = [v for v in self._session.graph.get_collection(GraphKeys.GLOBAL_VARIABLES) if v.op in below]
        return [v for v in variables if v.dtype.base_dtype.is_floating and _is_bad(self._session.buffer(v))]

    def _choices(self, damaged):
        """What may stand for damaged variables, the likelier first: (values by op, what they are) pairs."""
        if not damaged:
            yield {}, ""
            return
        saved, prefix = self._saved(damaged)
        if saved:
            yield saved, f"as checkpoint '{prefix}' has it"
        yield (
            dict(zip([v.op for v in damaged], self._session.run([v.initial_value for v in damaged]))),
            "at its initial value",
        )

    def _saved(self, damaged):
        """The values of variables in the latest checkpoint of this run, where it has all of them, finite."""
        from .checkpoint_utils import load_checkpoint

        savers = self._session.graph.get_collection(GraphKeys.SAVERS)
        prefix = savers[0].last_checkpoints[-1] if savers and savers[0].last_checkpoints else None
        if prefix is None:
            return {}, None
        reader = load_checkpoint(prefix)
        if not all(reader.has_tensor(v.op.name) for v in damaged):
            return {}, None
        found = {v.op: reader.get_tensor(v.op.name) for v in damaged}
        fits = all(v.get_shape().is_compatible_with(found[v.op].shape) and not _is_bad(found[v.op]) for v in damaged)
        return (found, prefix) if fits else ({}, None)

    def _stand_ins(self, values):
        """Feeds that put other values in place of what variables hold."""
        feeds = {}
        for op in self._ops:
            handle = op.inputs[0].op if op.type == "ReadVariableOp" else op
            if handle in values and op.outputs[0].dtype.name != "resource":
                feeds[op.outputs[0]] = values[handle]
        return feeds

    def _values(self, stand_ins):
        wanted = [
            output
            for op in self._ops
            if op in self._known and (op._control_flow_context is None or op.type == "Exit")
            for output in op.outputs
            if _is_floating(output)
            and output not in self._feeds
            and output not in stand_ins
            and op not in self._elements
        ]
        elements = {t: value for op, element in self._elements.items() for t, value in zip(op.outputs, element)}
        feeds = {**elements, **self._feeds, **stand_ins}
        with self._set_back(feeds):
            values = dict(zip(wanted, self._session.run(wanted, feeds) if wanted else ()))
        values.update((tensor, value) for tensor, value in feeds.items() if _is_floating(tensor))
        return values

    # --- what is said -------------------------------------------------------------------------------------

    def text(self):
        damaged = self._damaged()
        for replaced, how in self._choices(damaged):
            values = self._values(self._stand_ins(replaced))
            op = self._first_bad(values)
            if op is not None:
                return self._found(op, values, damaged, how)
        if damaged:
            first = damaged[0]
            return (
                f"Variable '{first.op.name}'{_made_at(first.op)} is not finite: the update of this step or of an earlier one "
                "wrote it. With its initial value no op below the loss gives such a value."
            )
        unknown = next((op for op in self._ops if op not in self._known), None)
        if unknown is not None and self._loss not in values:
            return f"Where it came from was not found: {_named(unknown)} cannot be computed once more."
        return "Where it came from was not found: computed once more, after the step, the loss is finite."

    def _first_bad(self, values):
        """The op that made the first value that is not finite of those that lead to a NaN, or None."""
        loss = values.get(self._loss)
        if loss is not None and not np.isnan(loss).any():
            return None
        for op in self._ops:
            if any(np.isnan(values[t]).any() for t in op.outputs if t in values):
                return self._back(op, values)
        return None

    def _back(self, op, values):
        """From the op that made the NaN to the one that made the infinity it was made of; constants are meant to be so."""
        while True:
            bad = [t for t in op.inputs if t in values and _is_bad(values[t]) and t.op.type != "Const"]
            if not bad or any(output in self._feeds for output in op.outputs):
                return op
            op = min((t.op for t in bad), key=lambda op: op._id)

    def _inside(self, op, output, values):
        """Of a result of a loop or a conditional, what made it not finite there; else itself."""
        from .nan_inside import first_inside  # only what has failed needs it

        try:
            outside = {tensor: value for tensor, value in values.items() if not _is_result(tensor.op)}
            return first_inside(output, self._session, {**self._feeds, **outside}) or (op, output, values[output])
        except Exception:  # the reference cannot do all that plans can
            return op, output, values[output]

    def _found(self, op, values, damaged, how):
        output = next(t for t in op.outputs if t in values and _is_bad(values[t]))
        value = values[output]
        if _is_result(op) and output not in self._feeds:
            op, output, value = self._inside(op, output, values)
        value = np.asarray(value)
        what = "NaN" if np.isnan(value).any() else "infinite"
        count = f"{np.count_nonzero(~np.isfinite(value))} of {value.size} values not finite" if value.ndim else what
        verb = "was fed" if output in self._feeds else "gave"
        text = f"The first value that is not finite: {_named(op)} {verb} {what} ({output.dtype.name}{list(value.shape)}"
        text += f", {count})." if value.ndim else ")."
        others = [f"'{v.op.name}' {how} (it is not finite now)" for v in damaged]
        others += [
            f"other values of '{op.name}'"
            for op in self._drawn
            if op.type == "IteratorGetNext" and op not in self._iterators
        ]
        if others and output not in self._feeds:
            text += f" Found by computing the loss once more with {', '.join(others)}."
        return text


def _named(op):
    return f"'{op.name}' (op: '{op.type}'){_made_at(op)}"


def _made_at(op):
    where = op._location
    if where is None:
        return ""
    import linecache

    line = linecache.getline(*where).strip()
    return f", created at {where[0]}:{where[1]}" + (f" ({line})," if line else ",")
