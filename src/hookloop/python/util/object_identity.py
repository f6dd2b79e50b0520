"""`python.util.object_identity`: sets and mappings of objects that are told apart by what they are, not by what they equal."""

import weakref
from collections.abc import MutableMapping, MutableSet

__all__ = [
    "ObjectIdentityDictionary", "ObjectIdentitySet", "ObjectIdentityWeakKeyDictionary", "ObjectIdentityWeakSet", "Reference",
]  # fmt: skip


class _ObjectIdentityWrapper:
    """An object that equals itself alone, whatever its class says of equality."""

    def __init__(self, wrapped):
        self._wrapped = wrapped

    @property
    def unwrapped(self):
        return self._wrapped

    def __eq__(self, other):
        if not isinstance(other, _ObjectIdentityWrapper):
            raise TypeError("Cannot compare wrapped object with unwrapped object")
        return self._wrapped is other._wrapped

    def __hash__(self):
        return id(self._wrapped)

    def __repr__(self):
        return f"<{type(self).__name__} wrapping {self._wrapped!r}>"


class _WeakObjectIdentityWrapper(_ObjectIdentityWrapper):
    """The same, which does not keep the object."""

    def __init__(self, wrapped):
        super().__init__(weakref.ref(wrapped))

    @property
    def unwrapped(self):
        return self._wrapped()


class Reference(_ObjectIdentityWrapper):
    """Stands for an object, which `deref` gives: as a key of a dictionary, say."""

    unwrapped = property()

    def deref(self):
        """The object."""
        return self._wrapped


class ObjectIdentityDictionary(MutableMapping):
    """A mapping whose keys are told apart by what they are."""

    _wrap_key = _ObjectIdentityWrapper

    def __init__(self):
        self._storage = {}

    def __getitem__(self, key):
        return self._storage[self._wrap_key(key)]

    def __setitem__(self, key, value):
        self._storage[self._wrap_key(key)] = value

    def __delitem__(self, key):
        del self._storage[self._wrap_key(key)]

    def __len__(self):
        return len(self._storage)

    def __iter__(self):
        for key in self._storage:
            yield key.unwrapped

    def __repr__(self):
        return f"ObjectIdentityDictionary({self._storage!r})"


def _living(storage, discard):
    """The objects of weak wrappers that are still there; the wrappers of others are discarded."""
    for key in list(storage):
        unwrapped = key.unwrapped
        if unwrapped is None:
            discard(key)
        else:
            yield unwrapped


class ObjectIdentityWeakKeyDictionary(ObjectIdentityDictionary):
    """The same, which does not keep its keys: they go when nobody else has them."""

    _wrap_key = _WeakObjectIdentityWrapper

    def __len__(self):
        return sum(1 for _ in self)

    def __iter__(self):
        return _living(self._storage, self._storage.__delitem__)


class ObjectIdentitySet(MutableSet):
    """A set whose elements are told apart by what they are."""

    _wrap_key = _ObjectIdentityWrapper

    def __init__(self, *args):
        self._storage = {self._wrap_key(item) for item in list(*args)}

    @classmethod
    def _from_storage(cls, storage):
        result = ObjectIdentitySet()
        result._storage = storage
        return result

    def __contains__(self, key):
        return self._wrap_key(key) in self._storage

    def add(self, key):
        """Adds an element."""
        self._storage.add(self._wrap_key(key))

    def discard(self, key):
        """Takes an element away, if it is there."""
        self._storage.discard(self._wrap_key(key))

    def update(self, items):
        """Adds several."""
        self._storage.update([self._wrap_key(item) for item in items])

    def intersection(self, items):
        """What is among others too, wrapped."""
        return self._storage.intersection([self._wrap_key(item) for item in items])

    def difference(self, items):
        """What is not among others."""
        return self._from_storage(self._storage.difference([self._wrap_key(item) for item in items]))

    def __len__(self):
        return len(self._storage)

    def __iter__(self):
        for key in list(self._storage):
            yield key.unwrapped


class ObjectIdentityWeakSet(ObjectIdentitySet):
    """The same, which does not keep its elements."""

    _wrap_key = _WeakObjectIdentityWrapper

    def __len__(self):
        return sum(1 for _ in self)

    def __iter__(self):
        return _living(self._storage, self._storage.discard)
