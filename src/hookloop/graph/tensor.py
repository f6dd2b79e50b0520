"""`Tensor`: an output of an operation. Its operators are put on by `ops/operators.py`."""

from __future__ import annotations

from .. import shapes
from .._core import TensorFields
from ..errors import OperatorNotAllowedInGraphError
from .references import Reference
from .stack import session_for

__all__ = ["Tensor"]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tensor_operators import TensorOperators
else:
    TensorOperators = object


class Tensor(TensorFields, TensorOperators):
    """The symbolic value of one output of an operation; a session computes it.

    Attributes:
      op: the `Operation` that computes it.
      value_index: which of its outputs it is.
      dtype: the type of its elements.
      graph: the `Graph` that it belongs to.
    """

    __slots__ = ("__dict__", "__weakref__")

    # NumPy arrays leave `array + tensor` to the tensor.
    __array_priority__ = 100

    @property
    def name(self):
        """The name of the operation that makes it, a colon and which output it is: "x:0"."""
        return f"{self.op.name}:{self.value_index}"

    @property
    def device(self):
        """The device of the operation that makes it."""
        return self.op.device

    @property
    def shape(self):
        """The static shape, a `TensorShape`."""
        return shapes.from_internal(self._shape)

    def get_shape(self):
        """The static shape, a `TensorShape`."""
        return shapes.from_internal(self._shape)

    def _shape_tuple(self):
        return None if self._shape is None else tuple(d if isinstance(d, int) else None for d in self._shape)

    def _rank(self):
        return None if self._shape is None else len(self._shape)

    def set_shape(self, shape):
        """Adds what the caller knows to the static shape.

        Raises:
          ValueError: where it contradicts what is known.
        """
        self._shape = shapes.merge(self._shape, shapes.to_internal(shape))
        self.graph._version += 1

    def consumers(self):
        """The operations that take this tensor; one that takes it twice stands there twice."""
        return [op for op in dict.fromkeys(self._consumers) for t in op.inputs if t is self]

    def eval(self, feed_dict=None, session=None):
        """Computes this tensor in a session, by default in the default session.

        Returns:
          A NumPy array or scalar.

        Raises:
          ValueError: where there is no session, or its graph is another.
        """
        session = session_for(self.graph, session, "evaluate tensor", "eval")
        return session.run(self, feed_dict)

    def _as_graph_element(self):
        return self

    def _as_tf_output(self):
        """What TensorFlow's wrapper of C takes for a tensor: here it is the tensor."""
        return self

    def __iter__(self):
        raise OperatorNotAllowedInGraphError(
            f"iterating over `tf.Tensor` is not allowed in Graph execution: {self!r} has no values "
            "before a session runs it. Use tf.unstack or tf.map_fn."
        )

    def __bool__(self):
        raise OperatorNotAllowedInGraphError(
            "using a `tf.Tensor` as a Python `bool` is not allowed in Graph execution. Use "
            "`if t is not None:` to test whether a tensor is defined, and tf.cond to execute subgraphs "
            f"conditioned on the value of {self!r}."
        )

    __nonzero__ = __bool__  # by which libraries of both Pythons take the operator from the class

    def __len__(self):
        raise TypeError(
            f"len is not well defined for symbolic Tensors. ({self.name}) Please call `x.shape` rather than "
            "`len(x)` for shape information."
        )

    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError(f"Cannot convert a symbolic Tensor ({self.name}) to a numpy array.")

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__

    def experimental_ref(self):
        """A reference that hashes by identity; its `deref()` is the tensor."""
        return Reference(self)

    def __copy__(self):
        return self

    @staticmethod
    def _override_operator(operator, function):
        setattr(Tensor, operator, function)

    def __str__(self):
        shape = "" if self._shape is None else f", shape={self.shape}"
        device = f", device={self.device}" if self.device else ""
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name}{device})'

    def __repr__(self):
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"
