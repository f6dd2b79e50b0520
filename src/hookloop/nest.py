"""Nested structures (`tf.nest`): lists, tuples, namedtuples and dicts, of anything.

A dict's values come in the order of its sorted keys, as TensorFlow takes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as"]


_nested_classes: dict = {}  # class -> whether its instances are structures
_MOST_CLASSES = 1024


def is_nested(seq):
    """Whether `seq` is a structure: a list, tuple, namedtuple or dict, but not text."""
    kind = seq.__class__
    nested = _nested_classes.get(kind)
    if nested is None:
        nested = _is_structure(seq)
        if type(seq) is kind and len(_nested_classes) < _MOST_CLASSES:
            _nested_classes[kind] = nested
    return nested


def _is_structure(seq):
    return isinstance(seq, (list, tuple, Mapping)) or (
        isinstance(seq, Sequence) and not isinstance(seq, (str, bytes, bytearray, memoryview, range))
    )


def _children(structure):
    if isinstance(structure, (list, tuple)):
        return structure
    if isinstance(structure, Mapping):
        try:
            return [structure[key] for key in sorted(structure)]
        except TypeError:
            raise TypeError("nest only supports dicts with sortable keys.") from None
    return list(structure)


def flatten(structure, expand_composites=False):
    """The leaves of a structure in order, as a list; a leaf alone gives a list of itself."""
    if not is_nested(structure):
        return [structure]
    leaves = []
    for child in _children(structure):
        if is_nested(child):
            leaves.extend(flatten(child))
        else:
            leaves.append(child)
    return leaves


def _like(structure, children):
    """A structure of the same kind with other children."""
    if structure.__class__ in (list, tuple):
        return structure.__class__(children)
    if isinstance(structure, Mapping):
        by_key = dict(zip(sorted(structure), children))
        items = [(key, by_key[key]) for key in structure]
        if hasattr(structure, "default_factory"):
            return type(structure)(structure.default_factory, items)
        return type(structure)(items)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*children)
    return type(structure)(children) if isinstance(structure, (list, tuple)) else list(children)


def pack_sequence_as(structure, flat_sequence, expand_composites=False):
    """The leaves of `flat_sequence` in the form of `structure`.

    Raises:
      ValueError: where their numbers differ.
      TypeError: where `flat_sequence` is not a sequence.
    """
    if not is_nested(flat_sequence):
        raise TypeError("flat_sequence must be a sequence")
    flat = list(flat_sequence)
    expected = len(flatten(structure))
    if not is_nested(structure):
        if len(flat) != 1:
            raise ValueError(f"Structure is a scalar but len(flat_sequence) == {len(flat)} > 1")
        return flat[0]
    if len(flat) != expected:
        raise ValueError(
            "Could not pack sequence. Structure had %d elements, but flat_sequence had %d elements.  Structure: %s, "
            "flat_sequence: %s." % (expected, len(flat), structure, flat)
        )
    leaves = iter(flat)
    return _pack(structure, leaves)


def _pack(structure, leaves):
    if not is_nested(structure):
        return next(leaves)
    return _like(structure, [_pack(child, leaves) for child in _children(structure)])


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False):
    """Checks that two structures have the same form.

    Raises:
      ValueError: where the number of leaves or the nesting differs.
      TypeError: where `check_types` and the kinds of sequence differ.
    """
    try:
        _compare(nest1, nest2, check_types)
    except (ValueError, TypeError) as error:
        first, second = (map_structure(lambda _: _DOT, nest) for nest in (nest1, nest2))
        raise type(error)(
            f"The two structures don't have the same nested structure.\n\nFirst structure: {_shown(nest1)}\n\nSecond structure: "
            f"{_shown(nest2)}\n\nMore specifically: {error}\nEntire first structure:\n{first}\nEntire second structure:\n{second}"
        ) from None


class _Dot:
    """Stands for a leaf where only the form of a structure is shown."""

    def __repr__(self):
        return "."


_DOT = _Dot()


def _shown(structure):
    return f"type={type(structure).__name__} str={structure}"


def _compare(first, second, check_types):
    if is_nested(first) != is_nested(second):
        nested, other = (first, second) if is_nested(first) else (second, first)
        raise ValueError(f'Substructure "{_shown(nested)}" is a sequence, while substructure "{_shown(other)}" is not')
    if not is_nested(first):
        return
    if check_types and type(first) is not type(second) and not _alike(first, second):
        raise TypeError(
            f"The two namedtuples don't have the same sequence type. First structure {_shown(first)} has type "
            f"{type(first).__name__}, while second structure {_shown(second)} has type {type(second).__name__}"
        )
    if isinstance(first, Mapping) and isinstance(second, Mapping) and set(first) != set(second):
        raise ValueError(
            f"The two dictionaries don't have the same set of keys. First structure has keys {_shown(list(first))}, while "
            f"second structure has keys {_shown(list(second))}"
        )
    left, right = _children(first), _children(second)
    if len(left) != len(right):
        raise ValueError(
            f"The two structures don't have the same number of elements. First structure: {_shown(first)}. Second structure: "
            f"{_shown(second)}"
        )
    for a, b in zip(left, right):
        _compare(a, b, check_types)


def _alike(first, second):
    """Two dicts, or two namedtuples of the same name and fields."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return True
    fields = getattr(first, "_fields", None)
    return (
        fields is not None
        and fields == getattr(second, "_fields", None)
        and (type(first).__name__ == type(second).__name__)
    )


def map_structure(func, *structure, **kwargs):
    """Applies `func` to the leaves of structures of one form, and gives the results in that form.

    Args:
      func: takes a leaf of each structure.
      *structure: the structures.
      check_types: whether the kinds of sequences must be the same, True by default.
      expand_composites: accepted.

    Raises:
      TypeError: where `func` is not callable.
      ValueError: without a structure, for other arguments, or where the forms of structures differ.
    """
    check_types = kwargs.pop("check_types", True)
    kwargs.pop("expand_composites", None)
    if kwargs:
        raise ValueError(
            f"Only valid keyword arguments are `check_types` and `expand_composites`, not: `{', '.join(sorted(kwargs))}`"
        )
    if not callable(func):
        raise TypeError(f"func must be callable, got: {func}")
    if not structure:
        raise ValueError("Must provide at least one structure")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types=check_types)
    flats = [flatten(each) for each in structure]
    return pack_sequence_as(structure[0], [func(*leaves) for leaves in zip(*flats)])


def __dir__():
    return sorted(__all__)
