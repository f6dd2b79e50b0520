"""An iterator of a session: where its elements come from, how far it has come."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from functools import partial

from .. import errors, logging
from .blocks import by_blocks
from .function import assigned_in, assigns, begun, step
from .native import chain_of
from .pipeline import Place, seeds_of, with_seeds

_MOST_STEPPED_OVER = 5_000


class IteratorState:
    """An iterator of one session; several threads may ask it for elements.

    Args:
      cell: its place in C, which hands out the elements of chains over arrays; None where Python is to go through all.
      state: where it goes on when it starts.
    """

    components = ((), ())  # types and shapes of an element's components, as its node says; nothing where it does not

    def __init__(self, cell=None, state=None):
        self._cell = cell
        self._waiting = state
        self._dataset = None
        self._elements = None
        self._taken = self._failed = 0
        self._call = None
        self._lock = threading.Lock()

    def start(self, dataset):
        """Starts on a dataset, from its beginning or where a state says."""
        with self._lock:
            if self._waiting is not None and self._waiting.get("lenient"):
                self._go_on(dataset)
            else:
                self._start(dataset, self._waiting)
            self._waiting = None

    def _go_on(self, dataset):
        """Starts where a run stood; at the beginning where its input was another one, or had ended."""
        try:
            self._start(dataset, self._waiting)
        except ValueError as error:
            logging.warning(
                "The input is not the one that the checkpoint is of: it begins from its beginning. %s", error
            )
            self._start(dataset, None)
            return
        try:
            first = next(self._elements)
        except StopIteration:
            logging.info("The input had ended: it begins from its beginning.")
            self._start(dataset, None)
            return
        except errors.OpError:
            self._start(dataset, self._waiting)  # it is raised again where a step wants the element
            return
        if self._cell is not None and self._cell.started:
            self._start(dataset, self._waiting)  # what was looked at is handed out again
        else:
            self._elements = itertools.chain((first,), self._elements)

    def _start(self, dataset, state):
        taken = rows = failed = 0
        if state is not None:
            dataset = with_seeds(dataset, [tuple(seeds) for seeds in state["seeds"]])
            taken, rows, failed = state["elements"], state["examples"], state.get("failed", 0)
        own = begun(dataset, self)
        chain = chain_of(own) if self._cell is not None else None
        if chain is not None:
            self._cell.start(chain.components, chain.stages, chain.ahead, taken, rows)
            elements = iter(partial(self._cell.next, self._check), None)
        else:
            in_blocks = by_blocks if self._cell is not None and not assigns(own) else None
            place = Place({}, by_blocks=in_blocks, check=self._check)
            with _unchanged(assigned_in(own) if taken or failed else ()):
                elements = iter(own.iterate(place))
                if failed:
                    elements = _behind(elements, taken, failed)
                elif _passed(elements, taken) < taken:
                    raise _ended(taken)
            if self._cell is not None:
                self._cell.stop()
        self._dataset, self._elements, self._taken, self._failed = dataset, elements, taken, failed

    def _check(self):
        if self._call is not None:
            self._call.check()

    def next(self, call=None):
        """The next element.

        Args:
          call: the `HostCall` of the step that wants it: elements are passed over no longer than the step may take.

        Raises:
          FailedPreconditionError: before it was started.
          OutOfRangeError: at the end.
        """
        if self._elements is None:
            raise errors.FailedPreconditionError(
                None, None,
                "GetNext() failed because the iterator has not been initialized. Ensure that you have run the initializer "
                "operation for this iterator before getting the next element.",
            )  # fmt: skip
        with self._lock:
            self._call = call
            limited = call is not None and call.deadline_ns
            if limited:
                step.deadline_ns = limited
            try:
                for element in self._elements:  # a Ctrl-C is raised behind a call: here the element is counted before
                    self._taken += 1
                    return element
                raise errors.OutOfRangeError(None, None, "End of sequence")
            except (errors.CancelledError, errors.DeadlineExceededError):
                raise  # of the step and not of the element
            except errors.OutOfRangeError:
                raise
            except errors.OpError:
                self._failed += 1
                raise
            finally:
                self._call = None
                if limited:
                    step.deadline_ns = 0

    @property
    def started(self):
        """Whether it stands on a dataset."""
        return self._dataset is not None

    @property
    def in_c(self):
        """Whether plans take its elements without asking Python."""
        return self._cell is not None and self._cell.started

    def state_dict(self):
        """How far the steps have come, as numbers and lists; None before it was started. What is prepared ahead does not count.

        Returns:
          `epoch` (rounds of the outermost `repeat` that are over), `examples` (rows of the arrays), `elements` (batches,
          mostly), `seeds` (of each shuffle); `failed`, where elements have, how many these were.
        """
        with self._lock:
            if self._dataset is None:
                return self._waiting
            progress = self._cell.progress() if self._cell is not None else None
            elements, rows, a_round = progress or (self._taken, self._taken, 0)
            seeds = [list(pair) for pair in seeds_of(self._dataset)]
            state = {"epoch": rows // a_round if a_round else 0, "examples": rows, "elements": elements, "seeds": seeds}
            return {**state, "failed": self._failed} if self._failed else state

    def forget_waiting(self):
        """It starts at its beginning, not where a state says."""
        with self._lock:
            self._waiting = None

    def load_state_dict(self, state):
        """Goes on where another iterator over the same dataset stood.

        Raises:
          ValueError: where the dataset is made otherwise, or ends before.
        """
        with self._lock:
            if self._dataset is None:
                self._waiting = state
            else:
                self._start(self._dataset, state)

    def step_back(self):
        """Goes back by one element, where that is soon done: the first few thousand of a chain over arrays.

        Returns:
          The state that it was in, for `load_state_dict`; None where it stays.
        """
        state = self.state_dict()
        progress = self._cell.progress() if self._cell is not None else None
        if progress is None or not 0 < progress[0] <= _MOST_STEPPED_OVER:
            return None
        self.load_state_dict({**state, "epoch": 0, "examples": 0, "elements": 0})
        for _ in range(progress[0] - 1):
            self.next()
        return state


@contextmanager
def _unchanged(cells):
    """Variables keep their values: the elements that are passed over have changed them before."""
    values = [(cell, cell.snapshot()) for cell in cells]
    try:
        yield
    finally:
        for cell, value in values:
            cell.restore(value)


def _passed(elements, count):
    """Goes past so many elements; returns how many there were."""
    if count == 0:  # nothing is taken from the source either
        return 0
    skip = getattr(elements, "skip", None)
    return sum(1 for _ in itertools.islice(elements, count)) if skip is None else skip(count)


def _ended(taken):
    return ValueError(f"the dataset ends before element {taken}")


def _behind(elements, taken, failed):
    """What comes behind so many elements, and as many that have failed as are still there: a file may be whole by now."""
    passed = 0
    while passed < taken or failed:
        try:
            element = next(elements)
        except StopIteration:
            if passed < taken:
                raise _ended(taken) from None
            break
        except errors.OpError:
            if not failed:
                raise
            failed -= 1
            continue
        if passed == taken:
            return itertools.chain((element,), elements)
        passed += 1
    return elements
