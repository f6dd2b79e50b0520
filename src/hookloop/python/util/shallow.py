"""What `python.util.nest` has beside `tf.nest`: structures that are looked at down to the leaves of a shallower one."""

from ... import nest

__all__ = ["assert_shallow_structure", "flatten_dict_items", "flatten_up_to", "map_structure_up_to"]


def assert_shallow_structure(
    shallow_tree, input_tree, check_types=True, expand_composites=False, check_subtrees_length=True
):
    """Checks that a structure has the form of a shallower one, whose leaves may be structures in it.

    Raises:
      TypeError: a structure is wanted where there is none, or one of another kind.
      ValueError: the numbers of parts or the keys differ.
    """
    if not nest.is_nested(shallow_tree):
        return
    if not nest.is_nested(input_tree):
        raise TypeError(
            f"If shallow structure is a sequence, input must also be a sequence. Input has type: {type(input_tree)}."
        )
    if check_types and not nest._alike(shallow_tree, input_tree) and not isinstance(input_tree, type(shallow_tree)):
        raise TypeError(
            "The two structures don't have the same sequence type. Input structure has type "
            f"{type(input_tree)}, while shallow structure has type {type(shallow_tree)}."
        )
    if isinstance(shallow_tree, dict):
        if check_subtrees_length and len(shallow_tree) != len(input_tree):
            raise ValueError(_lengths(shallow_tree, input_tree))
        missing = sorted(set(shallow_tree) - set(input_tree))
        if missing:
            raise ValueError(
                "The shallow_tree's keys are not a subset of the input_tree's keys. The shallow_tree has the following keys that "
                f"are not in the input_tree: {missing}."
            )
        pairs = [(shallow_tree[key], input_tree[key]) for key in shallow_tree]
    else:
        fewer = len(input_tree) < len(shallow_tree)
        if fewer or (check_subtrees_length and len(shallow_tree) != len(input_tree)):
            raise ValueError(_lengths(shallow_tree, input_tree))
        pairs = zip(nest._children(shallow_tree), nest._children(input_tree))
    for shallow, deep in pairs:
        assert_shallow_structure(shallow, deep, check_types, expand_composites, check_subtrees_length)


def _lengths(shallow_tree, input_tree):
    return (
        f"The two structures don't have the same sequence length. Input structure has length {len(input_tree)}, while "
        f"shallow structure has length {len(shallow_tree)}."
    )


def flatten_up_to(shallow_tree, input_tree, check_types=True, expand_composites=False, check_subtrees_length=True):
    """The parts of a structure at the leaves of a shallower one, as a list."""
    assert_shallow_structure(shallow_tree, input_tree, check_types, expand_composites, check_subtrees_length)
    return _flattened(shallow_tree, input_tree)


def _flattened(shallow_tree, input_tree):
    if not nest.is_nested(shallow_tree):
        return [input_tree]
    if isinstance(shallow_tree, dict):
        pairs = [(shallow_tree[key], input_tree[key]) for key in sorted(shallow_tree)]
    else:
        pairs = zip(nest._children(shallow_tree), nest._children(input_tree))
    return [part for shallow, deep in pairs for part in _flattened(shallow, deep)]


def map_structure_up_to(shallow_tree, func, *inputs, **kwargs):
    """Calls a function with the parts of structures at the leaves of a shallower one; gives the results in its form.

    Raises:
      ValueError: there is no structure.
    """
    if not inputs:
        raise ValueError("Cannot map over no sequences")
    flat = [flatten_up_to(shallow_tree, tree, **kwargs) for tree in inputs]
    return nest.pack_sequence_as(shallow_tree, [func(*parts) for parts in zip(*flat)])


def flatten_dict_items(dictionary):
    """A dict whose keys and values may be structures of as many leaves, as one of their leaves.

    Raises:
      TypeError: it is no dict.
      ValueError: a key and its value have different numbers of leaves, or a key comes twice.
    """
    if not isinstance(dictionary, dict):
        raise TypeError("input must be a dictionary")
    flat = {}
    for key, value in dictionary.items():
        if nest.is_nested(key):
            keys, values = nest.flatten(key), nest.flatten(value)
            if len(keys) != len(values):
                raise ValueError(
                    f"Could not flatten dictionary. Key had {len(keys)} elements, but value had {len(values)} elements. "
                    f"Key: {keys}, value: {values}."
                )
            pairs = zip(keys, values)
        else:
            pairs = [(key, value)]
        for one, part in pairs:
            if one in flat:
                raise ValueError(f"Could not flatten dictionary: key {one} is not unique.")
            flat[one] = part
    return flat


def is_namedtuple(instance, strict=False):
    """Whether something is a namedtuple; where `strict`, whether its class is one itself and inherits from none."""
    kind = type(instance)
    named = isinstance(instance, tuple) and isinstance(getattr(kind, "_fields", None), tuple)
    return named and all(isinstance(field, str) for field in kind._fields) and (not strict or kind.__base__ is tuple)
