"""Objects that object-based checkpoints (`tf.train.Checkpoint`) follow: each names the objects that it depends on.

What a checkpoint holds for a dependency that is not there yet waits in the object that will have it, until it is added.
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple

__all__: list[str] = []

OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"  # under which a checkpoint has its graph of objects
VARIABLE_VALUE = "VARIABLE_VALUE"  # the attribute under which a variable is saved

TrackableReference = namedtuple("TrackableReference", ["name", "ref"])


class NoDependency:
    """Around a value: an attribute that is set to it does not become a dependency."""

    def __init__(self, value):
        self.value = value


class _Tracked:
    """What is known of one object's dependencies."""

    __slots__ = ("deferred", "references", "update_uid")

    def __init__(self):
        self.references = {}  # name -> object
        self.deferred = {}  # name -> positions in checkpoints that wait for it
        self.update_uid = -1  # the restore that has given the object its values


class Trackable:
    """An object that may be saved in object-based checkpoints.

    A subclass says what belongs to it by `_track_trackable`, and what it saves itself by `_gather_saveables_for_checkpoint`.
    """

    _tracking = None  # a _Tracked, made when it is needed: most variables are in no object-based checkpoint

    def _tracked(self):
        found = self._tracking
        if found is None:
            found = _Tracked()
            object.__setattr__(self, "_tracking", found)
        return found

    @property
    def _update_uid(self):
        return -1 if self._tracking is None else self._tracking.update_uid

    @_update_uid.setter
    def _update_uid(self, uid):
        self._tracked().update_uid = uid

    @property
    def _checkpoint_dependencies(self):
        """(name, object) pairs."""
        if self._tracking is None:
            return []
        return [TrackableReference(name, value) for name, value in self._tracking.references.items()]

    @property
    def _deferred_dependencies(self):
        return self._tracked().deferred

    def _lookup_dependency(self, name):
        """The object of this name, or None."""
        return None if self._tracking is None else self._tracking.references.get(name)

    def _track_trackable(self, trackable, name, overwrite=False):
        """Makes an object a dependency, and returns it.

        Raises:
          TypeError: where it cannot be in a checkpoint.
          ValueError: where another object has this name, without `overwrite`.
        """
        if not isinstance(trackable, Trackable):
            raise TypeError(f"Trackable._track_trackable() passed type {type(trackable)}, not a Trackable.")
        current = self._lookup_dependency(name)
        if current is not None and current is not trackable and not overwrite:
            raise ValueError(
                f"Called Trackable._track_trackable() with name='{name}', but a Trackable with this name is already declared as "
                "a dependency. Names must be unique (or overwrite=True)."
            )
        self._tracked().references[name] = trackable
        if current is None:
            self._handle_deferred_dependencies(name, trackable)
        return trackable

    def _untrack(self, name):
        if self._tracking is not None:
            self._tracking.references.pop(name, None)

    def _no_dependency(self, value):
        """What an attribute is set to where its value is to be no dependency: here the value, as only subclasses follow attributes."""
        return value

    def _handle_deferred_dependencies(self, name, trackable):
        """Gives a new dependency what checkpoints have for it, the latest restore first."""
        if self._tracking is None or not self._tracking.deferred:
            return
        waiting = self._tracking.deferred.pop(name, ())
        for position in sorted(waiting, key=lambda position: position.restore_uid, reverse=True):
            position.restore(trackable)

    def _gather_saveables_for_checkpoint(self):
        """What the object saves itself: attribute -> a variable, a `SaveableObject`, or a function name -> `SaveableObject`."""
        return {}


class AutoTrackable(Trackable):
    """A `Trackable` whose attributes are its dependencies; lists and dictionaries among them are followed too."""

    def __setattr__(self, name, value):
        if name in self.__dict__ and self.__dict__[name] is value:
            return
        wrapped = _wrapped(value)
        if isinstance(wrapped, Trackable) and not isinstance(value, NoDependency):
            self._track_trackable(wrapped, name, overwrite=True)
        super().__setattr__(name, wrapped)

    def __delattr__(self, name):
        self._untrack(name)
        super().__delattr__(name)

    def _no_dependency(self, value):
        return NoDependency(value)


def _wrapped(value):
    """A plain list or dictionary as one that is followed, what is in a `NoDependency`, or the value itself."""
    if isinstance(value, NoDependency):
        return value.value
    if type(value) is list:
        return TrackedList(value)
    if type(value) in (dict, OrderedDict):
        return TrackedDict(value)
    return value


class _Container(Trackable):
    """What both containers share: what they hold is looked at when it is wanted, however it came in."""

    __hash__ = None  # as lists and dictionaries

    def _named(self):
        """The objects in it that checkpoints follow: name -> object."""
        raise AssertionError(f"{type(self).__name__} does not say what it holds: define _named()")

    @property
    def _checkpoint_dependencies(self):
        return [TrackableReference(name, value) for name, value in self._named().items()]

    def _lookup_dependency(self, name):
        return self._named().get(name)

    def _taken(self, name, value):
        """A value as it is kept under a name; it gets what checkpoints have for that name."""
        value = _wrapped(value)
        if isinstance(value, Trackable):
            self._handle_deferred_dependencies(name, value)
        return value


class TrackedList(_Container, list):
    """A list whose elements are dependencies under their places: "0", "1", and so on. It should only grow."""

    def __init__(self, values=()):
        super().__init__()
        self._places = {}  # place -> the object that checkpoints have known there
        self.extend(values)

    def _named(self):
        found = {str(i): value for i, value in enumerate(self) if isinstance(value, Trackable)}
        for place, value in self._places.items():
            if found.get(place) is not value:
                raise ValueError(
                    f"Unable to save the object {list(self)} (a list wrapper constructed to track trackable objects). A list "
                    "element was replaced, deleted or moved, and the elements' places are their names in checkpoints."
                )
        self._places = found
        return found

    def append(self, value):
        super().append(self._taken(str(len(self)), value))
        if isinstance(self[-1], Trackable):
            self._places[str(len(self) - 1)] = self[-1]

    def extend(self, values):
        for value in values:
            self.append(value)

    def __iadd__(self, values):
        self.extend(values)
        return self


class TrackedDict(_Container, dict):
    """A dictionary whose values are dependencies under their keys."""

    def __init__(self, values=()):
        super().__init__()
        self.update(values)

    def _named(self):
        found = {key: value for key, value in self.items() if isinstance(value, Trackable)}
        for key in found:
            if not isinstance(key, str):
                raise ValueError(
                    f"Unable to save the object {dict(self)} (a dictionary wrapper constructed automatically on attribute "
                    f"assignment). The wrapped dictionary contains a non-string key, {key!r}, which maps to a trackable object."
                )
        return found

    def __setitem__(self, key, value):
        super().__setitem__(key, self._taken(key, value))

    def update(self, *values, **more):
        for key, value in dict(*values, **more).items():
            self[key] = value

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]
