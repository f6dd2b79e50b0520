"""What `python.util.nest` says of where the leaves of structures are: paths of indices, keys and names of fields."""

from ... import nest
from .shallow import assert_shallow_structure

__all__ = [
    "flatten_with_joined_string_paths", "flatten_with_tuple_paths", "flatten_with_tuple_paths_up_to",
    "get_traverse_shallow_structure", "is_sequence_or_composite", "map_structure_with_paths", "map_structure_with_tuple_paths",
    "map_structure_with_tuple_paths_up_to", "yield_flat_paths",
]  # fmt: skip


def is_sequence_or_composite(seq):
    """Whether something is a structure; tensors made of several are none here."""
    return nest.is_nested(seq)


def _steps(structure):
    """The keys of a structure's parts, in the order of its leaves, each with its part."""
    if isinstance(structure, dict):
        return [(key, structure[key]) for key in sorted(structure)]
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return list(zip(structure._fields, structure))
    return list(enumerate(nest._children(structure)))


def _paired(shallow_tree, input_tree, path=()):
    """Paths to the leaves of a shallow structure, each with what the other structure has there."""
    if not nest.is_nested(shallow_tree):
        yield path, input_tree
        return
    parts = dict(_steps(input_tree))
    for key, shallow in _steps(shallow_tree):
        yield from _paired(shallow, parts[key], (*path, key))


def yield_flat_paths(nest, expand_composites=False):
    """The path to each leaf, in the order of `flatten`: a tuple of indices, keys and names of fields."""
    for path, _ in _paired(nest, nest):
        yield path


def flatten_with_tuple_paths(structure, expand_composites=False):
    """Pairs of each leaf's path and the leaf."""
    return list(_paired(structure, structure))


def flatten_with_joined_string_paths(structure, separator="/", expand_composites=False):
    """Pairs of each leaf's path, as a text, and the leaf."""
    return [(separator.join(map(str, path)), leaf) for path, leaf in _paired(structure, structure)]


def flatten_with_tuple_paths_up_to(
    shallow_tree, input_tree, check_types=True, expand_composites=False, check_subtrees_length=True
):
    """Pairs of the path to each leaf of a shallower structure, and what a structure has there."""
    assert_shallow_structure(shallow_tree, input_tree, check_types, expand_composites, check_subtrees_length)
    return list(_paired(shallow_tree, input_tree))


def map_structure_with_tuple_paths_up_to(shallow_tree, func, *inputs, **kwargs):
    """Calls a function with paths to the leaves of a shallower structure and what structures have there.

    Args:
      shallow_tree: its form is that of the result.
      func: is called with a path, a part of each structure, and the other keywords.
      inputs: structures.
      check_types: False where structures of different kinds may go together.
      check_subtrees_length: whether each structure has no more parts than the shallow one.

    Raises:
      ValueError: there is no structure, or the numbers of parts or the keys differ.
      TypeError: structures are of different kinds.
    """
    if not inputs:
        raise ValueError("Cannot map over no sequences")
    check_types = kwargs.pop("check_types", True)
    lengths = kwargs.pop("check_subtrees_length", True)
    kwargs.pop("expand_composites", None)
    for tree in inputs:
        assert_shallow_structure(shallow_tree, tree, check_types, check_subtrees_length=lengths)
    found = []
    for of_leaf in zip(*[_paired(shallow_tree, tree) for tree in inputs]):
        found.append(func(of_leaf[0][0], *[part for _, part in of_leaf], **kwargs))
    return nest.pack_sequence_as(shallow_tree, found)


def map_structure_with_tuple_paths(func, *structure, **kwargs):
    """Calls a function with the path to each leaf and the leaves of structures there; gives the results in their form."""
    return map_structure_with_tuple_paths_up_to(structure[0], func, *structure, **kwargs)


def map_structure_with_paths(func, *structure, **kwargs):
    """As `map_structure_with_tuple_paths`, with paths as texts: keys with "/" between them."""

    def with_text(path, *leaves, **others):
        return func("/".join(map(str, path)), *leaves, **others)

    return map_structure_with_tuple_paths_up_to(structure[0], with_text, *structure, **kwargs)


def get_traverse_shallow_structure(traverse_fn, structure, expand_composites=False):
    """A shallow structure of bools, which says how deep a function wants a structure to be gone through.

    Args:
      traverse_fn: says of a structure whether its parts are gone through: a bool, or one for each of them.
      structure: the structure.
      expand_composites: accepted.

    Raises:
      TypeError: it says something else.
    """
    wanted = traverse_fn(structure)
    if not nest.is_nested(structure):
        if not isinstance(wanted, bool):
            raise TypeError(f"traverse_fn returned structure: {wanted} for non-structure: {structure}")
        return wanted
    children = nest._children(structure)
    if isinstance(wanted, bool):
        if not wanted:
            return False
        return nest._like(structure, [get_traverse_shallow_structure(traverse_fn, child) for child in children])
    if not nest.is_nested(wanted):
        raise TypeError(f"traverse_fn returned a non-bool scalar: {wanted} for input: {structure}")
    assert_shallow_structure(wanted, structure)
    answers = nest._children(wanted)
    if not all(isinstance(answer, bool) for answer in answers):
        raise TypeError(
            f"traverse_fn didn't return a depth=1 structure of bools.  saw: {wanted}  for structure: {structure}"
        )
    return nest._like(
        structure,
        [answer and get_traverse_shallow_structure(traverse_fn, child) for answer, child in zip(answers, children)],
    )
