"""Ops that tell what a run computes: assertions and printing."""

from __future__ import annotations

import itertools
import os
import sys

from .. import dtypes, errors
from ..graph.scopes import name_scope
from ..graph.stack import executing_eagerly
from ..graph.tensor import Tensor
from .build import apply_op, convert_n_to_tensor, convert_to_tensor
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar, unchanged

__all__ = ["Assert", "Print", "print", "timestamp"]


# --- assertions -----------------------------------------------------------------------------------------


def _run_assert(call, condition, *data):
    if condition.ndim != 0:
        raise errors.InvalidArgumentError(
            None, None, f"In[0] should be a scalar: [{','.join(map(str, condition.shape))}]"
        )
    if not condition.item():
        from .summarize import summarize

        limit = call.attr("summarize")
        texts = [f"[{summarize(array, limit)}]" for array in data]
        raise errors.InvalidArgumentError(None, None, "assertion failed: " + " ".join(texts))
    return ()


def Assert(condition, data, summarize=None, name=None):
    """An operation that fails where `condition` is false, showing `data`.

    Args:
      condition: a boolean scalar.
      data: a list of tensors to show.
      summarize: how many elements of each to show; 3 by default, -1 for all.
      name: the operation's name.

    Returns:
      The operation: make what relies on the condition depend on it. Running it raises `InvalidArgumentError`
      where the condition is false.
    """
    with name_scope(name, "Assert", [condition, data]):
        shown = convert_n_to_tensor(data)
        attrs = {"summarize": 3 if summarize is None else summarize}
        if executing_eagerly() or all(x.dtype.base_dtype in (dtypes.string, dtypes.int32) for x in shown):
            # Such data costs nothing, as what is there: the node stands alone.
            return apply_op("Assert", [condition, data], attrs, "Assert")
        from .control_flow import cond
        from .core import no_op

        condition = convert_to_tensor(condition, name="Condition")
        guarded = cond(
            condition, no_op, lambda: apply_op("Assert", [condition, data], attrs, "Assert"), name="AssertGuard"
        )
        return guarded.op


# --- printing -------------------------------------------------------------------------------------------


def _write(text, stream):
    stream.write(text)
    stream.flush()


def _run_print(call, value, *data):
    counts = call.session._resources.setdefault("print counts", {})
    count = counts[call.op_name] = counts.get(call.op_name, 0) + 1
    if 0 <= call.attr("first_n") < count:
        return value
    from .summarize import summarize

    limit = call.attr("summarize")
    text = call.attr("message").decode(errors="replace") + "".join(f"[{summarize(array, limit)}]" for array in data)
    _write(text + "\n", sys.stderr)
    return value


def Print(input_, data, message=None, first_n=None, summarize=None, name=None):
    """Passes `input_` through, and writes `data` to the standard error when it is computed.

    Args:
      input_: a tensor.
      data: a list of tensors to write.
      message: text before them.
      first_n: writes only the first n times; always by default.
      summarize: how many elements of each to write; 3 by default, -1 for all.
      name: the node's name.

    Returns:
      A tensor with the value of `input_`.
    """
    attrs = {
        "message": message or "",
        "first_n": -1 if first_n is None else first_n,
        "summarize": 3 if summarize is None else summarize,
    }
    return apply_op("Print", [input_, data], attrs, name)


_LEVELS = {"log(debug)": "debug", "log(info)": "info", "log(warning)": "warning", "log(error)": "error"}


def _run_print_v2(call, text):
    target = call.attr("output_stream").decode()
    text = text[()].decode(errors="replace")
    end = call.attr("end").decode(errors="replace")
    if target == "stdout":
        _write(text + end, sys.stdout)
    elif target == "stderr":
        _write(text + end, sys.stderr)
    elif target.startswith("file://"):
        with open(target[len("file://") :], "a", encoding="utf-8") as file:
            file.write(text + end)
    else:
        from .. import logging

        getattr(logging, _LEVELS[target])("%s", text + end.rstrip("\n"))
    return ()


def _run_timestamp(call):
    import time

    return time.time()


def _run_string_format(call, *values):
    from .summarize import format_array

    placeholder = call.attr("placeholder").decode()
    pieces = call.attr("template").decode().split(placeholder)
    ends = call.attr("summarize")
    texts = [format_array(value, ends) for value in values]
    joined = pieces[0] + "".join(text + piece for text, piece in zip(texts, pieces[1:]))
    return joined.encode()


register(
    OpDef("Assert", "condition: bool, data: T", "", attrs={"T": [], "summarize": 3}, shape=nothing, host=_run_assert,
          stateful=True, gradient=no_gradient),
    OpDef("Print", "input: T, data: U", "output: T", attrs={"U": [], "message": b"", "first_n": -1, "summarize": 3},
          shape=unchanged, host=_run_print, stateful=True, gradient=lambda op, grad: [grad] + [None] * (len(op.inputs) - 1)),
    OpDef("PrintV2", "input: string", "", attrs={"output_stream": b"stderr", "end": b"\n"}, shape=nothing,
          host=_run_print_v2, stateful=True, gradient=no_gradient),
    OpDef("StringFormat", "inputs: T", "output: string", attrs={"T": [], "template": b"%s", "placeholder": b"%s", "summarize": 3},
          shape=scalar, host=_run_string_format, gradient=no_gradient),
    OpDef("Timestamp", "", "ts: float64", shape=scalar, host=_run_timestamp, stateful=True, gradient=no_gradient),
)  # fmt: skip


def string_format(template, inputs, placeholder="{}", summarize=3, name=None):
    """Text with tensors in it.

    Args:
      template: text with a placeholder for each tensor.
      inputs: a tensor or a list of tensors.
      placeholder: what stands for a tensor in the template.
      summarize: how many elements to show at either end of each axis; -1 for all.
      name: the node's name.

    Returns:
      A string scalar.

    Raises:
      ValueError: for another number of placeholders than of tensors.
    """
    inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    if template.count(placeholder) != len(inputs):
        raise ValueError(
            f"{template.count(placeholder)} placeholder(s) in template does not match {len(inputs)} tensor(s) "
            "provided as input"
        )
    attrs = {"template": template, "placeholder": placeholder, "summarize": summarize}
    return apply_op("StringFormat", [inputs], attrs, name)


_STREAM_NAMES = ("debug", "info", "warn", "warning", "error")


def _stream_name(stream):
    """What the attribute `output_stream` says for a stream or a logging function."""
    if isinstance(stream, str):
        if stream.startswith("file://"):
            return stream
        raise ValueError(f"Output stream {stream!r}: expected a file as in 'file:///some/path'")
    if stream is sys.stdout or stream == sys.__stdout__:
        return "stdout"
    if stream is None or stream is sys.stderr or stream == sys.__stderr__:
        return "stderr"
    from .. import logging

    for name in _STREAM_NAMES:
        if stream == getattr(logging, name, None):
            return f"log({'warning' if name == 'warn' else name})"
    raise ValueError(
        f"Output stream was not recognized: expected sys.stdout, sys.stderr, a tf.logging function or 'file://...', got {stream!r}"
    )


def print(*inputs, **kwargs):
    """An operation that writes values, Python's and tensors', when it runs.

    Args:
      *inputs: what to write: tensors, and structures of them.
      output_stream: `sys.stderr` (the default), `sys.stdout`, a function such as `tf.logging.info`, or
        "file://" and a path.
      summarize: how many elements to show at either end of each axis; 3 by default, -1 for all.
      sep: what separates the values; a blank by default.
      end: what ends the line; a line break by default.
      name: the operation's name.

    Returns:
      The operation.

    Raises:
      ValueError: for another keyword or an unknown stream.
    """
    stream = kwargs.pop("output_stream", None)
    name = kwargs.pop("name", None)
    summarize_ = kwargs.pop("summarize", 3)
    separator = kwargs.pop("sep", " ")
    end = kwargs.pop("end", os.linesep)
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments for tf.print: {kwargs}")
    target = _stream_name(stream)
    template, tensors = _template(inputs, separator)
    format_name = name + "_format" if name else None
    if len(inputs) == 1 and isinstance(inputs[0], Tensor) and _is_text(inputs[0]):
        text = inputs[0]
    else:
        mark = _unused_placeholder(template, tensors)
        filled = template.replace(_MARK, mark)
        text = string_format(filled, tensors, placeholder=mark, summarize=summarize_, name=format_name)
    return apply_op("PrintV2", [text], {"output_stream": target, "end": end}, name)


_MARK = "\0tensor\0"


def _is_text(tensor):
    return tensor.dtype.base_dtype is dtypes.string and tensor.shape.ndims == 0


def _template(inputs, separator):
    """The text with a mark for each tensor, and the tensors."""
    tensors = []
    return separator.join([_written(value, tensors, top=True) for value in inputs]), tensors


def _written(value, tensors, top=False):
    if isinstance(value, Tensor) or hasattr(value, "_as_graph_element"):
        tensors.append(convert_to_tensor(value))
        return _MARK
    if isinstance(value, dict):
        keys = list(value) if hasattr(value, "move_to_end") else sorted(value, key=_sort_key)
        return "{" + ", ".join([f"{_written(k, tensors)}: {_written(value[k], tensors)}" for k in keys]) + "}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        parts = [f"{field}={_written(part, tensors)}" for field, part in zip(value._fields, value)]
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, list):
        return "[" + ", ".join([_written(part, tensors) for part in value]) + "]"
    if isinstance(value, tuple):
        parts = [_written(part, tensors) for part in value]
        return "(" + ", ".join(parts) + (",)" if len(parts) == 1 else ")")
    return str(value) if top else repr(value)


def _sort_key(key):
    return key if isinstance(key, str) else str(key)


def _unused_placeholder(template, tensors):
    """`{}`, or where the text has that itself, a placeholder that it does not have."""
    if "{}" not in template:
        return "{}"
    return next(mark for i in itertools.count() if (mark := f"{{{i}}}") not in template)


def timestamp(name=None):
    """The seconds since 1970 when it is computed, as float64."""
    return apply_op("Timestamp", [], name=name)
