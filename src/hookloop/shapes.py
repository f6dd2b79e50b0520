"""Static shapes: the size `UNKNOWN`, and TensorFlow's `TensorShape` and `Dimension`.

Inside hookloop a shape is a tuple whose elements are ints or UNKNOWN, or None where not even the rank is
known. `TensorShape` is its public face.
"""

from __future__ import annotations

import operator

__all__ = [
    "Dimension",
    "TensorShape",
    "as_dimension",
    "as_shape",
    "scalar",
    "unknown_shape",
    "vector",
]


class _Unknown:
    """The size of which nothing is known. Arithmetic gives UNKNOWN again; it equals nothing, not even itself."""

    __slots__ = ()

    def _unknown(self, other):
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _unknown

    def __mul__(self, other):
        return 0 if isinstance(other, int) and other == 0 else self

    __rmul__ = __mul__

    def __neg__(self):
        return self

    def _false(self, other):
        return False

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _false

    def __ne__(self, other):
        return True

    def __hash__(self):
        return 0x5EED

    def __bool__(self):
        raise TypeError("whether an unknown size is zero is not known")

    def __repr__(self):
        return "?"

    def __reduce__(self):
        return "UNKNOWN"


UNKNOWN = _Unknown()
MOST_SIZES = 1 << 20  # that one tensor can tell: each is an object, and a register of a plan


def is_defined(shape):
    """Whether every size of an internal shape is known."""
    return shape is not None and not [d for d in shape if not isinstance(d, int)]


def text(shape):
    """A shape as errors show it: "[?,3]", or "<unknown>"."""
    if shape is None:
        return "<unknown>"
    return "[" + ",".join(str(d) if isinstance(d, int) else "?" for d in shape) + "]"


def _division_by(text):
    def refuse(self, other):
        raise TypeError(f"unsupported operand type(s) for /: {text}, please use // instead")

    return refuse


class Dimension:
    """One size of a `TensorShape`: `value` is an int, or None where it is not known."""

    __slots__ = ("_value",)

    def __init__(self, value):
        if value is None or value is UNKNOWN:
            self._value = None
            return
        if isinstance(value, Dimension):
            self._value = value._value
            return
        if hasattr(value, "as_datatype_enum"):
            raise TypeError(f"Cannot convert {value} to Dimension")
        try:
            self._value = int(value)
        except TypeError:
            raise TypeError(f"Cannot convert {value!r} to Dimension") from None
        if not isinstance(value, (str, bytes)) and not hasattr(value, "__index__") and self._value != value:
            raise ValueError(f"Ambiguous dimension: {value}")
        if self._value < 0:
            raise ValueError(f"Dimension {self._value} must be >= 0")

    @property
    def value(self):
        """The size, or None where it is not known."""
        return self._value

    def is_compatible_with(self, other):
        """Whether this size and `other` are equal, or one of them is not known."""
        if hasattr(other, "op"):
            return True  # a tensor, of which only a run tells
        other = as_dimension(other)
        return self._value == other._value or self._value is None or other._value is None

    def assert_is_compatible_with(self, other):
        """Raises a ValueError where this size and `other` are known and differ."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Dimensions {self} and {as_dimension(other)} are not compatible")

    def merge_with(self, other):
        """The dimension that is both.

        Raises:
          ValueError: where both are known and differ.
        """
        other = as_dimension(other)
        self.assert_is_compatible_with(other)
        return Dimension(other._value if self._value is None else self._value)

    def _arithmetic(self, other, function):
        try:
            other = as_dimension(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._value is None or other._value is None:
            return Dimension(None)
        return Dimension(function(self._value, other._value))

    def __add__(self, other):
        return self._arithmetic(other, operator.add)

    __radd__ = __add__

    def __sub__(self, other):
        return self._arithmetic(other, operator.sub)

    def __rsub__(self, other):
        return self._arithmetic(other, lambda a, b: b - a)

    def __mul__(self, other):
        return self._arithmetic(other, operator.mul)

    __rmul__ = __mul__

    def __floordiv__(self, other):
        return self._arithmetic(other, operator.floordiv)

    def __rfloordiv__(self, other):
        return self._arithmetic(other, lambda a, b: b // a)

    __div__ = __floordiv__
    __truediv__ = _division_by("'Dimension' and 'int'")
    __rtruediv__ = _division_by("'int' and 'Dimension'")

    def __mod__(self, other):
        return self._arithmetic(other, operator.mod)

    def __rmod__(self, other):
        return self._arithmetic(other, lambda a, b: b % a)

    def _compare(self, other, function):
        # None, neither true nor false, where a side is not known: as in TensorFlow 1.
        try:
            other = as_dimension(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._value is None or other._value is None:
            return None
        return function(self._value, other._value)

    def __eq__(self, other):
        return self._compare(other, operator.eq)

    def __ne__(self, other):
        return self._compare(other, operator.ne)

    def __lt__(self, other):
        return self._compare(other, operator.lt)

    def __le__(self, other):
        return self._compare(other, operator.le)

    def __gt__(self, other):
        return self._compare(other, operator.gt)

    def __ge__(self, other):
        return self._compare(other, operator.ge)

    def __hash__(self):
        return hash(self._value)

    def __int__(self):
        return self._value

    def __index__(self):
        if self._value is None:
            raise TypeError("an unknown Dimension cannot be used as an integer")
        return self._value

    __long__ = __int__

    def __str__(self):
        return "?" if self._value is None else str(self._value)

    def __repr__(self):
        return f"Dimension({self._value})"

    def __reduce__(self):
        return Dimension, (self._value,)


def as_dimension(value):
    """`value` as a `Dimension`."""
    return value if isinstance(value, Dimension) else Dimension(value)


# Whether the elements of a TensorShape are numbers and None instead of Dimensions: a switch of the program, as in TensorFlow.
_elements_are_numbers = False


def enable_v2_tensorshape():
    """From now on `shape[i]`, and what a loop over a shape gives, is an int, or None where the size is not known."""
    global _elements_are_numbers
    _elements_are_numbers = True


def disable_v2_tensorshape():
    """`shape[i]`, and what a loop over a shape gives, is a `Dimension`, as it is at the start."""
    global _elements_are_numbers
    _elements_are_numbers = False


def _element(size):
    if _elements_are_numbers:
        return size if isinstance(size, int) else None
    return Dimension(size)


class TensorShape:
    """The shape of a tensor as far as it is known before the graph runs.

    Args:
      dims: a list of sizes (None: not known), a single size, a TensorShapeProto, another shape, or None
        where not even the rank is known.
    """

    __slots__ = ("_dims",)

    def __init__(self, dims):
        self._dims = to_internal(dims)

    # --- what is known --------------------------------------------------------------------------------

    @property
    def dims(self):
        """A list of `Dimension`, or None."""
        return None if self._dims is None else [Dimension(d) for d in self._dims]

    @property
    def ndims(self):
        """The rank, or None."""
        return None if self._dims is None else len(self._dims)

    rank = ndims

    def as_list(self):
        """The sizes, None where one is not known.

        Raises:
          ValueError: where the rank is not known.
        """
        if self._dims is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return [d if isinstance(d, int) else None for d in self._dims]

    def num_elements(self):
        """The product of the sizes, or None where one is not known."""
        if not self.is_fully_defined():
            return None
        total = 1
        for d in self._dims:
            total *= d
        return total

    def is_fully_defined(self):
        """Whether rank and all sizes are known."""
        return is_defined(self._dims)

    def as_proto(self):
        """A TensorShapeProto."""
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

        if self._dims is None:
            return TensorShapeProto(unknown_rank=True)
        sizes = [d if isinstance(d, int) else -1 for d in self._dims]
        return TensorShapeProto(dim=[TensorShapeProto.Dim(size=d) for d in sizes])

    @property
    def dim(self):
        """The sizes as the message has them, which programs read of an attribute: each is the `size` of an element, -1 for unknown."""
        return self.as_proto().dim

    @property
    def unknown_rank(self):
        """Whether not even the rank is known, as the message says it."""
        return self._dims is None

    # --- two shapes -----------------------------------------------------------------------------------

    def merge_with(self, other):
        """The shape that is both.

        Raises:
          ValueError: where they cannot be one.
        """
        other = as_shape(other)
        try:
            return _wrap(merge(self._dims, other._dims))
        except ValueError:
            raise ValueError(f"Shapes {self} and {other} are not compatible") from None

    def concatenate(self, other):
        """This shape's sizes, then the other's."""
        other = as_shape(other)
        if self._dims is None or other._dims is None:
            return _wrap(None)
        return _wrap(self._dims + other._dims)

    def is_compatible_with(self, other):
        """Whether some full shape is described by both."""
        try:
            merge(self._dims, as_shape(other)._dims)
        except ValueError:
            return False
        return True

    def most_specific_compatible_shape(self, other):
        """The most specific shape that describes both."""
        other = as_shape(other)
        if self._dims is None or other._dims is None or len(self._dims) != len(other._dims):
            return _wrap(None)
        return _wrap(tuple(a if a == b else UNKNOWN for a, b in zip(self._dims, other._dims)))

    def assert_is_compatible_with(self, other):
        """Raises a ValueError unless this shape and `other` may be the same."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are incompatible")

    def assert_same_rank(self, other):
        """Raises a ValueError where both ranks are known and differ."""
        other = as_shape(other)
        if self._dims is not None and other._dims is not None and len(self._dims) != len(other._dims):
            raise ValueError(f"Shapes {self} and {other} must have the same rank")

    def assert_has_rank(self, rank):
        """Raises a ValueError unless the shape may have `rank` axes."""
        if self.ndims not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")

    def assert_is_fully_defined(self):
        """Raises a ValueError unless rank and all sizes are known."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def with_rank(self, rank):
        """This shape, with the given rank.

        Raises:
          ValueError: where its rank is another.
        """
        try:
            return self.merge_with(unknown_shape(rank))
        except ValueError:
            raise ValueError(f"Shape {self} must have rank {rank}") from None

    def with_rank_at_least(self, rank):
        """The shape itself.

        Raises:
          ValueError: where it has less than `rank` axes.
        """
        if self._dims is not None and len(self._dims) < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank):
        """The shape itself.

        Raises:
          ValueError: where it has more than `rank` axes.
        """
        if self._dims is not None and len(self._dims) > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    # --- as a sequence --------------------------------------------------------------------------------

    def __len__(self):
        if self._dims is None:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return len(self._dims)

    def __bool__(self):
        return self._dims is not None

    def __iter__(self):
        if self._dims is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter([_element(d) for d in self._dims])

    def __getitem__(self, key):
        if self._dims is not None:
            return _wrap(self._dims[key]) if isinstance(key, slice) else _element(self._dims[key])
        if not isinstance(key, slice):
            return _element(None)
        start, stop = key.start or 0, key.stop
        if key.step is not None:
            raise ValueError("Steps are not yet handled")
        if stop is None or (stop < 0 <= start) or (start < 0 and stop >= 0):
            return _wrap(None)
        return unknown_shape(max(0, stop - start))

    def __add__(self, other):
        return self.concatenate(other)

    def __radd__(self, other):
        return as_shape(other).concatenate(self)

    def __eq__(self, other):
        try:
            other = as_shape(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._dims is None or other._dims is None:
            return self._dims is other._dims
        return len(self._dims) == len(other._dims) and all(a == b for a, b in zip(self._dims, other._dims))

    def __ne__(self, other):
        try:
            other = as_shape(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._dims is None or other._dims is None:
            raise ValueError("The inequality of unknown TensorShapes is undefined.")
        return not self == other

    def __hash__(self):
        return hash(self._dims)

    def __str__(self):
        if self._dims is None:
            return "<unknown>"
        unknown = "None" if _elements_are_numbers else "?"
        sizes = [str(d) if isinstance(d, int) else unknown for d in self._dims]
        return f"({sizes[0]},)" if len(sizes) == 1 else "(" + ", ".join(sizes) + ")"

    def __repr__(self):
        return f"TensorShape({None if self._dims is None else list(self)})"

    def __reduce__(self):
        return TensorShape, (None if self._dims is None else self.as_list(),)


def to_internal(dims):
    """Whatever describes a shape, as a tuple of ints and UNKNOWN, or None."""
    if dims is None:
        return None
    if isinstance(dims, TensorShape):
        return dims._dims
    if isinstance(dims, (str, bytes)):
        raise TypeError(f"A string has ambiguous TensorShape, please wrap in a list or convert to an int: {dims}")
    if hasattr(dims, "unknown_rank"):  # a TensorShapeProto
        return None if dims.unknown_rank else tuple(UNKNOWN if d.size == -1 else d.size for d in dims.dim)
    try:
        iterator = iter(dims)
    except TypeError:
        return (_size(dims),)
    return tuple([_size(d) for d in iterator])


def _size(value):
    if value.__class__ is int and value >= 0:
        return value
    if value is None or value is UNKNOWN:
        return UNKNOWN
    value = as_dimension(value)._value
    return UNKNOWN if value is None else value


def _wrap(dims):
    """A TensorShape of an internal shape, without a copy."""
    shape = TensorShape.__new__(TensorShape)
    shape._dims = dims
    return shape


from_internal = _wrap


def merge(s, t):
    """The internal shape that is both.

    Raises:
      ValueError: where they cannot be one.
    """
    if s is None or t is None:
        return t if s is None else s
    if len(s) != len(t):
        raise ValueError(f"Shapes must be equal rank, but are {len(s)} and {len(t)}")
    merged = []
    for i, (a, b) in enumerate(zip(s, t)):
        if a is UNKNOWN:
            a = b
        elif b is not UNKNOWN and a != b:
            raise ValueError(
                f"Dimension {i} in both shapes must be equal, but are {a} and {b}. Shapes are {text(s)} and {text(t)}."
            )
        merged.append(a)
    return tuple(merged)


def as_shape(shape):
    """`shape` as a `TensorShape`."""
    return shape if isinstance(shape, TensorShape) else TensorShape(shape)


def unknown_shape(rank=None, **kwargs):
    """A shape of which at most the rank is known."""
    rank = kwargs.pop("ndims", rank)
    if kwargs:
        raise TypeError(f"Unknown argument: {sorted(kwargs)}")
    return _wrap(None if rank is None else (UNKNOWN,) * rank)


def scalar():
    """The shape of a scalar."""
    return _wrap(())


def vector(length):
    """The shape of a vector."""
    return TensorShape([length])


def matrix(rows, cols):
    """The shape of a matrix."""
    return TensorShape([rows, cols])
