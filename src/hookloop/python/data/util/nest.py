"""`python.data.util.nest`: structures of a dataset's elements, in which a list is a leaf."""

from ....data.structure import _children, flatten, pack
from ....data.structure import is_nested as is_sequence

__all__ = [
    "assert_same_structure", "assert_shallow_structure", "flatten", "flatten_up_to", "is_sequence", "map_structure",
    "map_structure_up_to", "pack_sequence_as",
]  # fmt: skip


def pack_sequence_as(structure, flat_sequence):
    """A structure with other leaves.

    Raises:
      TypeError: where the leaves are no list.
      ValueError: where there are more or fewer of them.
    """
    if not isinstance(flat_sequence, (tuple, dict, list)):
        raise TypeError("flat_sequence must be a sequence")
    if not is_sequence(structure):
        if len(flat_sequence) != 1:
            raise ValueError(f"Structure is a scalar but len(flat_sequence) == {len(flat_sequence)} > 1")
        return flat_sequence[0]
    count = len(flatten(structure))
    if count != len(flat_sequence):
        raise ValueError(
            f"Could not pack sequence. Structure had {count} elements, but flat_sequence had {len(flat_sequence)} elements.  "
            f"Structure: {structure}, flat_sequence: {flat_sequence}."
        )
    return pack(structure, list(flat_sequence))


def assert_same_structure(nest1, nest2, check_types=True):
    """Refuses structures that are nested in different ways.

    Raises:
      ValueError: where numbers of elements or keys differ.
      TypeError: where types do, and they count.
    """
    if is_sequence(nest1) != is_sequence(nest2) or len(flatten(nest1)) != len(flatten(nest2)):
        raise ValueError(
            f"The two structures don't have the same nested structure.\n\nFirst structure: {nest1}\n\nSecond structure: {nest2}"
        )
    if not is_sequence(nest1):
        return
    if check_types and type(nest1) is not type(nest2):
        raise TypeError(
            "The two structures don't have the same sequence type. First structure has type "
            f"{type(nest1)}, while second structure has type {type(nest2)}."
        )
    if isinstance(nest1, dict) and set(nest1) != set(nest2):
        raise ValueError(
            "The two dictionaries don't have the same set of keys. First structure has keys "
            f"{sorted(nest1)}, while second structure has keys {sorted(nest2)}."
        )
    for first, second in zip(_children(nest1), _children(nest2)):
        assert_same_structure(first, second, check_types)


def map_structure(func, *structure, **check_types_dict):
    """A function of the leaves of structures that are nested alike, in the first one's structure."""
    if not callable(func):
        raise TypeError(f"func must be callable, got: {func}")
    if not structure:
        raise ValueError("Must provide at least one structure")
    if check_types_dict and ("check_types" not in check_types_dict or len(check_types_dict) > 1):
        raise ValueError("Only valid keyword argument is check_types")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types_dict.get("check_types", True))
    return pack(structure[0], [func(*leaves) for leaves in zip(*map(flatten, structure))])


def assert_shallow_structure(shallow_tree, input_tree, check_types=True):
    """Refuses a structure that is not nested as another, which may end before it.

    Raises:
      ValueError: where numbers of elements or keys differ.
      TypeError: where the second ends first, or types differ and count.
    """
    if not is_sequence(shallow_tree):
        return
    if not is_sequence(input_tree):
        raise TypeError(
            f"If shallow structure is a sequence, input must also be a sequence. Input has type: {type(input_tree)}."
        )
    if check_types and not isinstance(input_tree, type(shallow_tree)):
        raise TypeError(
            "The two structures don't have the same sequence type. Input structure has type "
            f"{type(input_tree)}, while shallow structure has type {type(shallow_tree)}."
        )
    if len(input_tree) != len(shallow_tree):
        raise ValueError(
            "The two structures don't have the same sequence length. Input structure has length "
            f"{len(input_tree)}, while shallow structure has length {len(shallow_tree)}."
        )
    if check_types and isinstance(shallow_tree, dict) and set(input_tree) != set(shallow_tree):
        raise ValueError(
            "The two structures don't have the same keys. Input structure has keys "
            f"{list(input_tree)}, while shallow structure has keys {list(shallow_tree)}."
        )
    for shallow, deep in zip(_children(shallow_tree), _children(input_tree)):
        assert_shallow_structure(shallow, deep, check_types)


def flatten_up_to(shallow_tree, input_tree):
    """What stands in a structure at the places of another's leaves."""
    assert_shallow_structure(shallow_tree, input_tree)
    return list(_up_to(shallow_tree, input_tree))


def _up_to(shallow, deep):
    if not is_sequence(shallow):
        yield deep
        return
    for a, b in zip(_children(shallow), _children(deep)):
        yield from _up_to(a, b)


def map_structure_up_to(shallow_tree, func, *inputs):
    """A function of what stands in structures at the places of another's leaves, in that one's structure."""
    if not inputs:
        raise ValueError("Argument `inputs` is empty. Cannot map over no sequences.")
    for given in inputs:
        assert_shallow_structure(shallow_tree, given)
    return pack(shallow_tree, [func(*leaves) for leaves in zip(*(_up_to(shallow_tree, given) for given in inputs))])
