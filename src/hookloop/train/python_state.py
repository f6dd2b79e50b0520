"""`tf.train.experimental.PythonState`: an object of Python's own in an object-based checkpoint."""

from __future__ import annotations

import abc
import functools

from .. import dtypes
from ..graph.scopes import device
from ..ops.build import constant
from ..ops.core import no_op
from ..trackable import Trackable
from .saveable import SaveableObject, SaveSpec

__all__ = ["PythonState"]


class PythonStateSaveable(SaveableObject):
    """Text that a function gives when it is saved, and that another takes when it is restored.

    Args:
      name: the key.
      state: a function of no arguments that returns the text.
      take: a function that takes it.
    """

    def __init__(self, name, state, take):
        self._state, self._take = state, take
        with device("/cpu:0"):
            self._fed = constant("", dtype=dtypes.string)
        super().__init__(self._fed, [SaveSpec(self._fed, "", name, dtype=dtypes.string)], name)

    def feed(self):
        """The tensor that is fed when it is saved, and with what."""
        return {self._fed: self._state()}

    def python_restore(self, texts):
        (text,) = texts
        self._take(text)

    def restore(self, restored_tensors, restored_shapes):
        return no_op()


class PythonState(Trackable, abc.ABC):
    """An object whose state is a text in object-based checkpoints: written by `save`, given back at once by `restore`."""

    @abc.abstractmethod
    def serialize(self):
        """Its state as bytes or text."""

    @abc.abstractmethod
    def deserialize(self, string_value):
        """Takes the state that `serialize` gave, as bytes."""

    def _gather_saveables_for_checkpoint(self):
        return {"py_state": functools.partial(PythonStateSaveable, state=self.serialize, take=self.deserialize)}
