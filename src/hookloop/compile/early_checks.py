"""Rows that a plan will write are looked for before it writes anything: a step that fails changes no variable.

Kernels that write rows check their indices before their first row, which is too late where another variable has been written by
then. Checks of their own stand before the commit point, but for indices that are known to be rows: those that have been gathered.
"""

from __future__ import annotations

from .ir import ARENA, CONSTANT, FEED, FOLDED, GROWN, Instr
from .passes.uses import equal_sizes, instructions_of
from .sizes import Size

_SCATTERS = ("scatter_add", "scatter_div", "scatter_max", "scatter_min", "scatter_mul", "scatter_sub", "scatter_sub_scaled",
             "scatter_update")  # fmt: skip


def check_rows_early(program):
    """Puts checks before the first write, and notes the instructions that may still fail behind it.

    Args:
      program: a `Program` after its passes; gets the attribute `late_failures`, instructions.
    """
    items = program.root.items
    program.late_failures = []
    commit = next((i for i, item in enumerate(items) if _writes_variable(item)), None)
    if commit is None or not any(_rows_of(instr) for item in items[commit:] for instr in instructions_of(item)):
        return
    before, checks, done = _Before(items[:commit]), [], set()
    for item in items[commit:]:
        for instr in instructions_of(item):
            rows = _rows_of(instr)
            if rows is None or instr is items[commit]:
                continue
            variable, indices = rows
            if instr is not item or not before.has(indices) or _is_grown(variable):  # a branch or a loop may not run
                program.late_failures.append(instr)
                continue
            key = variable.buffer.memory, id(indices.buffer), indices.offset
            if key not in done and not before.has_gathered(variable, indices):
                done.add(key)
                checks.append(Instr("check_rows", [variable, indices], (), (), instr.node, effect=True))
    items[commit:commit] = checks


def _writes_variable(item):
    if item.__class__ is Instr:
        return item.writes_variable
    return any(instr.writes_variable for instr in instructions_of(item))


def _rows_of(instr):
    """(variable, indices) of an instruction that writes rows of a variable, else None."""
    if instr.kernel in _SCATTERS and instr.writes_variable:
        return instr.inputs[0], instr.inputs[1]
    if instr.kernel.startswith("apply_") and instr.kernel != "apply_all" and instr.params and instr.params[0]:
        return instr.inputs[0], instr.inputs[-1]
    return None


def _is_grown(variable):
    """Whether a variable has its rows from an assignment in the same run."""
    return isinstance(variable.shape[0], Size) and variable.shape[0].group


class _Before:
    """What stands before the commit point."""

    def __init__(self, items):
        self._writers = {}
        self._gathered = []  # (how many rows, where the indices are)
        for instr in [instr for item in items for instr in instructions_of(item)]:
            for value in instr.outputs:
                self._writers.setdefault(id(value.buffer), []).append(instr)
            if instr.kernel in ("gather", "check_gathered") and not any(instr.params) and instr.inputs[0].shape:
                source, indices = instr.inputs
                self._gathered.append((source.shape[0], (id(indices.buffer), indices.offset)))

    def has(self, value):
        kind = value.buffer.kind
        return kind in (CONSTANT, FOLDED, FEED) or (kind in (ARENA, GROWN) and id(value.buffer) in self._writers)

    def has_gathered(self, variable, indices):
        """Whether the same rows, or those that `unique` took them from, have been read from a table of as many."""
        place = id(indices.buffer), indices.offset
        if any(found == place and equal_sizes(rows, variable.shape[0]) for rows, found in self._gathered):
            return True
        writers = self._writers.get(id(indices.buffer), ())
        if len(writers) != 1 or writers[0].kernel != "unique_values":
            return False
        return self.has_gathered(variable, writers[0].inputs[0])
