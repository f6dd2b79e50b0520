"""`tf.py_function`: a Python function of tensors that have values, as an op; gradients go through what it does with tensors.

A call gets tensors of a small graph of its own, whose values a session of that graph computes when they are asked for. The
gradient op takes the graph of the call whose inputs it has, or calls the function once more.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors
from ..graph.graph import Graph
from ..graph.scopes import control_dependencies
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from .build import apply_op, constant, convert_to_tensor, register_tensor_conversion_function
from .core import placeholder
from .py_func import Function, argument_of, as_array, checked, error_of, registered
from .registry import OpDef, no_gradient, register
from .shape_functions import unknown

__all__ = ["py_function"]


class EagerTensor(Tensor):
    """A tensor of a call: it has a value."""

    __slots__ = ()

    def numpy(self):
        """The value, an array or a scalar."""
        return self.graph.value_of(self)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numpy(), dtype)

    def __bool__(self):
        return bool(self.numpy())

    def __int__(self):
        return int(self.numpy())

    def __index__(self):
        return int(self.numpy()).__index__()

    def __float__(self):
        return float(self.numpy())

    def __len__(self):
        if not self.shape.ndims:
            raise TypeError("Scalar tensor has no `len()`")
        return len(self.numpy())

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def __str__(self):
        return f"tf.Tensor({self.numpy()}, shape={self.shape}, dtype={self.dtype.name})"

    def __repr__(self):
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={self.numpy()!r}>"

    def __format__(self, text):
        return format(self.numpy(), text) if text else str(self)


def _converted_itself(value, dtype=None, name=None, as_ref=False):
    """A tensor of a call is used as it is in that call's graph, and as its value in another."""
    if dtype is not None and value.dtype.base_dtype is not dtypes.as_dtype(dtype).base_dtype:
        raise ValueError(
            f"Tensor conversion requested dtype {dtypes.as_dtype(dtype).name} for Tensor with dtype {value.dtype.name}: {value!r}"
        )
    return value if value.graph is get_default_graph() else constant(value.numpy(), value.dtype, name=name or "Const")


register_tensor_conversion_function(EagerTensor, _converted_itself, 0)


class _CallGraph(Graph):
    """The graph of one call: its tensors have values."""

    _is_eager = True

    def __init__(self, call):
        super().__init__()
        self._call = call
        self._session = None
        self._values = {}
        self._over = set()  # what has happened: what is behind it does not make it happen again

    def _add_node(self, *arguments, **named):
        op = super()._add_node(*arguments, **named)
        for tensor in op.outputs:
            tensor.__class__ = EagerTensor
        if op._control_inputs:
            op._control_inputs = [before for before in op._control_inputs if before not in self._over]
        if op._control_flow_context is None and _happens_once(op):
            self._run_once(op)
        return op

    def _run_once(self, op):
        """What gives something else each time, or shows, happens where it is written: once, whoever asks for values later."""
        self._over.add(op)
        if op.outputs:
            self.values_of(op.outputs)
        else:
            self._run(op)

    def add_input(self, array):
        """A tensor with a value that is known."""
        dtype = dtypes.string if array.dtype == object else dtypes.as_dtype(array.dtype)
        with self.as_default():
            tensor = placeholder(dtype, array.shape)
        self._values[tensor] = array
        return tensor

    def values_of(self, tensors):
        wanted = [tensor for tensor in tensors if tensor not in self._values]
        if wanted:
            self._values.update(zip(wanted, self._run(wanted)))
        return [self._values[tensor] for tensor in tensors]

    def _run(self, fetches):
        if self._session is None:
            self._session = self._call.new_session(self)
        return self._session.run(fetches, self._known_before(fetches))

    def _known_before(self, fetches):
        """The values that are known where a computation begins: all of them would make each request another, and a longer one."""
        feeds, seen = {}, set()
        ops = [
            fetch.op if isinstance(fetch, Tensor) else fetch
            for fetch in (fetches if isinstance(fetches, list) else [fetches])
        ]
        while ops:
            op = ops.pop()
            if op in seen:
                continue
            seen.add(op)
            ops.extend(op.control_inputs)
            for tensor in op.inputs:
                if tensor in self._values:
                    feeds[tensor] = self._values[tensor]
                else:
                    ops.append(tensor.op)
        return feeds

    def release(self):
        """Gives back what computes values; who asks for another one later gets it again."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def value_of(self, tensor):
        found = argument_of(np.asarray(self.values_of([tensor])[0], object if tensor.dtype == dtypes.string else None))
        return found.copy() if isinstance(found, np.ndarray) else found


def _happens_once(op):
    """Whether running an operation again is not the same: random numbers, printing, checks, calls of the host.

    A variable is read and written where the function says so. What has to do with other objects (arrays of loops, queues) runs
    with what it is wanted for.
    """
    if any(tensor.op.type == "VarHandleOp" for tensor in op.inputs):
        return True
    ends = (*op.inputs, *op.outputs)
    objects = any(t.dtype._is_ref_dtype or t.dtype.name in ("resource", "variant") for t in ends)
    return bool(op.op_def.stateful) and not op.op_def.written(op) and not objects


class _Call:
    """What a call was given and what it gave.

    Attributes:
      arrays: the values of its inputs, which the function may not have changed.
      inputs, outputs: tensors of its graph; an output that was made without them is an array.
    """

    def __init__(self, call, arrays):
        token = call.attr("token").decode()
        self.token = token
        self.graph = _CallGraph(call)
        self.arrays = [np.array(array) for array in arrays]
        self.inputs = [self.graph.add_input(array) for array in self.arrays]
        self.outputs = []

    def run(self, wanted):
        """The function's results as arrays of the wanted types."""
        function = registered(self.token)
        try:
            with self.graph.as_default():
                found = function(*self.inputs)
                if not isinstance(found, (list, tuple)):
                    found = [] if found is None else [found]
                if len(found) == len(wanted):
                    self.outputs = [self._converted(value, dtype) for value, dtype in zip(found, wanted)]
                    tensors = [value for value in self.outputs if isinstance(value, Tensor)]
                    values = dict(zip(tensors, self.graph.values_of(tensors)))
        except Exception as error:
            raise error_of(error) from error
        if len(found) != len(wanted):
            raise errors.InvalidArgumentError(
                None, None, f"{self.token} returns {len(found)} values, but expects to see {len(wanted)} values."
            )
        arrays = [as_array(values[value] if isinstance(value, Tensor) else value) for value in self.outputs]
        return [checked(self.token, i, array, dtype) for i, (array, dtype) in enumerate(zip(arrays, wanted))]

    @staticmethod
    def _converted(value, dtype):
        """A result as a tensor, or as an array where it is one of the type already.

        Raises:
          ValueError, TypeError: it has another type.
        """
        if isinstance(value, Tensor):
            if value.dtype.base_dtype is not dtype.base_dtype:
                raise ValueError(
                    f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype {value.dtype.name}: {value!r}"
                )
            return value
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype == dtype.as_numpy_dtype:
            return value
        return convert_to_tensor(value, dtype)

    def gradients(self, slopes):
        """The gradients by the inputs, for those of the outputs."""
        from ..gradients import gradients

        with self.graph.as_default():
            pairs = [
                (output, convert_to_tensor(slope))
                for output, slope in zip(self.outputs, slopes)
                if isinstance(output, Tensor) and output.dtype.is_floating
            ]
            found = [None] * len(self.inputs)
            if pairs:
                found = gradients([y for y, _ in pairs], self.inputs, [dy for _, dy in pairs])
            found = [slope if slope is None else convert_to_tensor(slope) for slope in found]
            tensors = [slope for slope in found if slope is not None]
            values = dict(zip(tensors, self.graph.values_of(tensors)))
        return [np.zeros_like(a) if s is None else values[s] for a, s in zip(self.arrays, found)]


# --- the ops ----------------------------------------------------------------------------------------------------


def _run(call, *arrays):
    made = _Call(call, arrays)
    results = made.run(call.attr("Tout"))
    if call.attr("token") in getattr(call.op.graph, "_differentiated_functions", ()):
        call.resource_state["call of py_function", call.attr("token")] = made
    else:
        made.graph.release()
    return results


def _run_gradient(call, *arrays):
    """The inputs of the call come first, then the gradients of its outputs."""
    count = call.attr("inputs")
    inputs, slopes = arrays[:count], arrays[count:]
    made = call.resource_state.pop(("call of py_function", call.attr("token")), None)
    if made is None or not all(map(_is_same, made.arrays, inputs)):
        made = _Call(call, inputs)
        made.run(call.attr("Touts"))
    try:
        found = made.gradients(slopes)
    except (LookupError, TypeError, ValueError) as error:
        raise error_of(error) from error
    made.graph.release()
    return [slope for slope, dtype in zip(found, call.attr("Tin")[:count]) if dtype.is_floating]


def _is_same(a, b):
    return (
        a.shape == b.shape
        and a.dtype == b.dtype
        and (a.tobytes() == b.tobytes() if a.dtype != object else (a == b).all())
    )


def _gradient(op, *slopes):
    graph = op.graph
    graph.__dict__.setdefault("_differentiated_functions", set()).add(op.get_attr("token"))
    wanted = [tensor.dtype.base_dtype for tensor in op.inputs if tensor.dtype.is_floating]
    if not wanted:
        return [None] * len(op.inputs)
    attrs = {"token": op.get_attr("token"), "inputs": len(op.inputs), "Tout": wanted, "Touts": op.get_attr("Tout")}
    slopes = [slope if slope is not None else _zeros(output) for output, slope in zip(op.outputs, slopes)]
    with control_dependencies([op]):
        found = iter(apply_op("EagerPyFuncGradient", [[*op.inputs, *slopes]], attrs))
    return [_shaped(next(found), tensor) if tensor.dtype.is_floating else None for tensor in op.inputs]


def _zeros(output):
    from .array import zeros_like

    return zeros_like(output)


def _shaped(slope, tensor):
    slope.set_shape(tensor.get_shape())
    return slope


register(
    OpDef("EagerPyFunc", "input: Tin", "output: Tout", attrs={"token": b"", "is_async": False, "Tin": [], "Tout": []},
          shape=unknown, host=_run, stateful=True, gradient=_gradient),
    OpDef("EagerPyFuncGradient", "input: Tin", "output: Tout",
          attrs={"token": b"", "inputs": 0, "Tin": [], "Tout": [], "Touts": []}, shape=unknown, host=_run_gradient,
          stateful=True, gradient=no_gradient),
)  # fmt: skip


def py_function(func, inp, Tout, name=None):
    """Makes a Python function of tensors that have values an op; see `py_func` for functions of arrays.

    Args:
      func: takes a tensor for each of `inp`, with a value (`numpy()`; `if x > 0:`), and returns tensors or values. Gradients go
        through what it does with tensors; each call compiles that anew, so that a function of arrays is much faster.
      inp: a list of tensors.
      Tout: the dtype of the result, or a list or tuple of dtypes.
      name: the node's name.

    Returns:
      A tensor of unknown shape, or a list of them where `Tout` is one; the `Operation` where it is empty.
      Running it raises the errors of `py_func`.

    Raises:
      ValueError: `func` cannot be called.
    """
    if not callable(func):
        raise ValueError(f"Expected func to be callable, got func of type {type(func)}")
    function = Function(func)
    is_list = isinstance(Tout, (list, tuple))
    attrs = {"token": function.token, "Tout": [dtypes.as_dtype(t) for t in (Tout if is_list else [Tout])]}
    get_default_graph().__dict__.setdefault("_py_funcs", []).append(function)
    result = apply_op("EagerPyFunc", [inp], attrs, name)
    return result if is_list or not isinstance(result, list) else result[0]
