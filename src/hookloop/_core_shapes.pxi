# Static shapes: what nearly every shape function asks and gives while a graph is built. `ops/shape_context.py` has the rest.

cdef object shape_context_type = None
cdef object describe_failure = None
cdef object unknown_size = None
cdef object shape_text = None


def shape_inference(context, failure, unknown, text):
    """Says what shape functions meet.

    Args:
      context: the class of which they get an instance.
      failure: function(op, error) that words that they refuse the inputs.
      unknown: the size of which nothing is known.
      text: function(shape) that shows one.
    """
    global shape_context_type, describe_failure, unknown_size, shape_text
    shape_context_type, describe_failure, unknown_size, shape_text = context, failure, unknown, text


class LeaveShapeFunction(Exception):
    """Something that a shape function needs is not known."""


@cython.auto_pickle(False)
cdef class ShapeContextFields:
    """What nearly every shape function asks."""

    cdef public object op
    cdef public object _fallback
    cdef public int _depth

    def __init__(self, op, int depth=0):
        self.op = op
        self._depth = depth

    @cython.boundscheck(True)
    def shape(self, Py_ssize_t i):
        """The dimensions of input i; where its rank is not known the function is left."""
        shape = (<TensorFields?>(<OperationFields?>self.op).inputs[i])._shape
        if shape is None:
            raise LeaveShapeFunction
        return shape

    @cython.boundscheck(True)
    def known(self, Py_ssize_t i):
        """Whether the rank of input i is known."""
        return (<TensorFields?>(<OperationFields?>self.op).inputs[i])._shape is not None

    def attr(self, name):
        """An attribute's value."""
        return (<OperationFields?>self.op)._attrs[name]

    def merge(self, a, b):
        """The dimension that is both.

        Raises:
          ValueError: where both are known and differ.
        """
        return merged_size(a, b)

    def merge_shapes(self, s, t):
        """The shape that is both.

        Raises:
          ValueError: where ranks or known dimensions differ.
        """
        cdef Py_ssize_t i
        if s is None or t is None:
            return t if s is None else s
        cdef Py_ssize_t rank = len(s)
        if rank != len(t):
            raise ValueError(
                f"Shapes must be equal rank, but are {rank} and {len(t)}: {shape_text(s)} and {shape_text(t)}"
            )
        cdef list both = []
        for i in range(rank):
            a, b = s[i], t[i]
            if a is not unknown_size and b is not unknown_size and a != b:
                raise ValueError(
                    f"Dimension {i} in both shapes must be equal, but are {a} and {b}. "
                    f"Shapes are {shape_text(s)} and {shape_text(t)}."
                )
            both.append(b if a is unknown_size else a)
        return tuple(both)

    def broadcast(self, s, t):
        """The shape to which both are broadcast.

        Raises:
          ValueError: where they cannot be.
        """
        cdef Py_ssize_t i
        if s is None or t is None:
            return None
        if s is t or not t:
            return s
        if not s:
            return t
        cdef tuple longer = tuple(s if len(s) >= len(t) else t)
        cdef tuple shorter = tuple(t if len(s) >= len(t) else s)
        cdef Py_ssize_t more = len(longer) - len(shorter)
        cdef list found = []
        for i in range(len(longer)):
            found.append(longer[i] if i < more else broadcast_size(longer[i], shorter[i - more]))
        return tuple(found)


cdef object merged_size(a, b):
    if a is unknown_size:
        return b
    if b is not unknown_size and a != b:
        raise ValueError(f"Dimensions must be equal, but are {a} and {b}")
    return a


cdef object broadcast_size(a, b):
    if a is unknown_size or b is unknown_size:
        if a is unknown_size:
            a, b = b, a
        return a if a is not unknown_size and a > 1 else unknown_size
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    raise ValueError(f"Dimensions must be equal, but are {a} and {b}")


# --- shape functions that many ops share: each takes a `ShapeContext`, or the compiler's context -------------------


@cython.boundscheck(True)
def unchanged(c):
    """Every output has the shape of the first input."""
    cdef OperationFields op
    if type(c) is shape_context_type:
        op = <OperationFields>(<ShapeContextFields>c).op
        shape = (<TensorFields>(<list>op.inputs)[0])._shape
        return shape if len(<list>op.outputs) == 1 else [shape] * len(<list>op.outputs)
    shape = c.shape(0) if c.known(0) else None
    return shape if len(c.op.outputs) == 1 else [shape] * len(c.op.outputs)


def scalar(c):
    """Every output is a scalar."""
    count = len(c.op.outputs)
    return () if count == 1 else [()] * count


def broadcast(c):
    """The shape to which the two inputs are broadcast."""
    if not (c.known(0) and c.known(1)):
        return None
    return c.broadcast(c.shape(0), c.shape(1))


cdef int infer_shapes(OperationFields op, list outputs) except -1:
    """Sets the static shapes of an operation's outputs; an error names the op, its inputs' shapes and the user's line."""
    cdef ShapeContextFields context
    cdef Py_ssize_t i
    function = op.op_def.shape
    if function is None:
        return 0
    context = <ShapeContextFields>hl_new(shape_context_type, ())
    context.op = op
    try:
        shapes = function(context)
    except LeaveShapeFunction:
        shapes = context._fallback
        if shapes is None:
            return 0
    except ValueError as error:
        raise ValueError(describe_failure(op, error)) from None
    if shapes is None or type(shapes) is tuple:
        (<TensorFields>outputs[0])._shape = shapes
        return 0
    if len(shapes) != len(outputs):
        raise ValueError(f"the shape function of {op.type} gives {len(shapes)} shapes for {len(outputs)} outputs")
    for i in range(len(outputs)):
        (<TensorFields>outputs[i])._shape = shapes[i]
    return 0


def of_value(c):
    """The shape of the array that is the attribute `value`."""
    return c.attr("value").shape
