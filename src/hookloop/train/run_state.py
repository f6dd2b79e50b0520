"""The state of a run that is in no variable: random streams, how far inputs have come, what hooks remember.

A checkpoint that is written while a monitored session runs gets it beside it; a monitored session that saves checkpoints
goes on with it.
"""

from __future__ import annotations

import weakref

from ..data import ops as data
from ..files import run_state as file

__all__: list[str] = []

_MONITORED = ("monitored session",)  # among a session's resources: a weak reference to the monitored session above it
_WAITING = ("states of hooks",)


def attach(session, monitored):
    """Says which monitored session runs a session."""
    resources = getattr(session, "_resources", None)
    if isinstance(resources, dict):
        resources[_MONITORED] = weakref.ref(monitored)


def monitored_session(session):
    """The monitored session above a session, or None."""
    resources = getattr(session, "_resources", None)
    found = resources.get(_MONITORED) if isinstance(resources, dict) else None
    return None if found is None else found()


def call_last(session, function):
    """Calls a function once every hook has been told of a session that was made; at once where no session is being made.

    Args:
      session: the session.
      function: without arguments.
    """
    monitored = monitored_session(session)
    if monitored is None or monitored._last_calls is None:
        function()
    else:
        monitored._last_calls.append(function)


# --- saving ---------------------------------------------------------------------------------------------


def collect(session):
    """The state of the run that a session is of, None where no monitored session runs it.

    Raises:
      TypeError: where a hook's state is something that cannot be saved.
    """
    monitored = monitored_session(session)
    if monitored is None:
        return None
    streams = {op.name: _stream_state(cell) for op, cell in list(session._streams.items())}
    return {"streams": streams, "iterators": data.iterator_states(session), "hooks": _hooks_states(monitored)}


def _stream_state(cell):
    """Where a stream stands; behind that what its op has learned, of those that do."""
    *seeds, weights = cell.state()
    return seeds if weights is None else [*seeds, weights]


def _keyed(hooks):
    """(key, hook) pairs: the class's name, with _1, _2 and so on for others of that name."""
    counts, pairs = {}, []
    for hook in hooks:
        name = type(hook).__name__
        number = counts[name] = counts.get(name, -1) + 1
        pairs.append((f"{name}_{number}" if number else name, hook))
    return pairs


def _method(hook, name):
    """A method that the hook's class has: a mock has every method."""
    return getattr(hook, name) if callable(getattr(type(hook), name, None)) else None


def _hooks_states(monitored):
    found = {}
    triggers = monitored._trigger_states()
    for (key, hook), trigger in zip(_keyed(monitored._hooks), triggers):
        state_dict = _method(hook, "state_dict")
        entry = {}
        if state_dict is not None:
            entry["state"] = state_dict()
            file.encode(entry["state"], f"the state of {key}")  # an error names the hook
        if trigger is not None and isinstance(trigger["counter"], str):
            entry["trigger"] = trigger
        if entry:
            found[key] = entry
    return found


# --- going on -------------------------------------------------------------------------------------------


def restore(session, prefix):
    """Takes over random streams and inputs of the run that a checkpoint is of.

    Args:
      session: a session that has just restored the variables.
      prefix: the checkpoint's.

    The states of its hooks wait for `restore_hooks`.

    Raises:
      DataLossError: where the file beside it is corrupt.
    """
    state = file.read(prefix)
    if state is None:
        return
    session._resources[_WAITING] = state["hooks"]
    operations = {op.name: op for op in session.graph.get_operations()}
    for name, (key, stream, counter, *learned) in state["streams"].items():
        op = operations.get(name)
        if op is None or op.op_def.stateful != "stream":
            continue  # the program is another now
        cell = session._stream(op)
        seeded = op.get_attr("seed") or op.get_attr("seed2")
        if not seeded or (cell.key, cell.stream) == (key, stream):  # a seed that was changed begins its own stream
            fits = learned and cell.weights is not None and cell.weights.shape == learned[0].shape
            cell.restore(key, stream, counter, learned[0] if fits else None)
    data.restore_iterators(session, {n: {**s, "lenient": True} for n, s in state["iterators"].items()})


def begin_anew(session, operation):
    """What an operation starts is no part of the run: its inputs begin at their beginning."""
    resources = getattr(session, "_resources", None)
    if isinstance(resources, dict) and hasattr(operation, "control_inputs"):
        data.forget_states(session, operation)


def restore_hooks(monitored, session):
    """Gives hooks what they remembered, after their `after_create_session`; their triggers go on counting their period."""
    resources = getattr(session, "_resources", None)
    states = resources.pop(_WAITING, None) if isinstance(resources, dict) else None
    if states is None:
        return
    for key, hook in _keyed(monitored._hooks):
        entry, load = states.get(key, {}), _method(hook, "load_state_dict")
        if "state" in entry and load is not None:
            load(entry["state"])
    monitored._refresh()  # a hook may have other triggers now
    monitored._load_trigger_states([states.get(key, {}).get("trigger") for key, _ in _keyed(monitored._hooks)])
