"""`do_quantize_training_on_graphdef`: a GraphDef whose products and convolutions take rounded inputs."""

from __future__ import annotations

import numpy as np

from .. import errors
from ..dtypes import as_dtype, float32, int32
from ..graph.graph_def import set_attr
from ..import_graph import Importer
from ..shapes import TensorShape

__all__ = ["do_quantize_training_on_graphdef"]

_REWRITTEN = frozenset(("MatMul", "Conv2D"))
_DECAY = 0.999  # of the averages that follow the ends of a range
_MOST_UNKNOWN = 2  # inputs of ops whose numbers nothing is known of: they are taken for the model's inputs

_CAPITALS = {"float64": "DOUBLE", "float16": "HALF"}

# What is known of the numbers that ops give: whether they have a sign, and their range.
_KNOWN = {
    "Const": (True, None), "Variable": (True, None), "VariableV2": (True, None), "Relu": (False, None),
    "Relu6": (False, (0.0, 6.0)), "Sigmoid": (False, (0.0, 1.0)), "Tanh": (True, (-1.0, 1.0)),
}  # fmt: skip
# Ops that give numbers of their first input.
_PASSING = frozenset((
    "AvgPool", "AvgPool3D", "ConcatV2", "Identity", "MaxPool", "MaxPool3D", "Reshape",
))  # fmt: skip


def do_quantize_training_on_graphdef(input_graph, num_bits):
    """A graph that trains as it will run when it is quantized: what MatMul and Conv2D take is rounded to a few bits.

    The range of each input is that of the activation it comes from; else averages in new variables follow it, which begin with
    the first values that they see. Ops under the name "gradients" stay as they are.

    Args:
      input_graph: a `GraphDef` without functions of its own.
      num_bits: how many bits the numbers are rounded to.

    Returns:
      A new `GraphDef`. Its nodes are sorted so that inputs come first, the new ones last.

    Raises:
      TypeError: where an argument has another type.
      OutOfRangeError: `num_bits` is not between 1 and 63.
      NotFoundError: an op type that is not known.
      InvalidArgumentError: nodes that do not fit together, or numbers to be rounded that are not float32.
      UnimplementedError: more than two inputs to round come from ops whose numbers nothing is known of.
    """
    if not hasattr(input_graph, "node") or not hasattr(input_graph, "versions"):
        raise TypeError(f"expected input_graph to be a GraphDef, got {type(input_graph)}")
    if isinstance(num_bits, bool) or not isinstance(num_bits, (int, np.integer)):
        raise TypeError(f"expected num_bits to be an integer, got {num_bits!r}")
    if not 1 <= num_bits <= 63:
        raise errors.OutOfRangeError(None, None, f"num_bits should be in range [1, 63] but is: {num_bits}")
    try:
        nodes = Importer(None, input_graph, {}, "").checked_nodes()
    except ValueError as error:
        raise errors.InvalidArgumentError(None, None, str(error)) from None
    result = type(input_graph)()
    result.library.SetInParent()
    result.library.CopyFrom(input_graph.library)
    result.versions.SetInParent()
    result.versions.CopyFrom(input_graph.versions)
    rewriting = _Rewriting(result, nodes, int(num_bits))
    for node, place in rewriting.places():
        rewriting.round_input(node, place)
    return result


def _normal(inputs):
    """A node's inputs as TensorFlow writes them: those that only come before it last, each once, in the order of their names."""
    data = [text[:-2] if text.endswith(":0") else text for text in inputs if not text.startswith("^")]
    return data + sorted({text for text in inputs if text.startswith("^")})


class _Rewriting:
    """The new GraphDef."""

    def __init__(self, result, nodes, bits):
        self._result, self._bits = result, bits
        self._nodes, self._rounded = {}, {}
        for node in nodes:
            added = result.node.add()
            added.CopyFrom(node)
            added.input[:] = _normal(node.input)
            self._nodes[added.name] = added

    def _source(self, text):
        """The node and the number of its output that an input names."""
        name, _, index = text.rpartition(":")
        return (self._nodes[name], int(index)) if name in self._nodes and index.isdecimal() else (self._nodes[text], 0)

    def places(self):
        """The inputs to round: (node, place)."""
        found, unknown = [], 0
        for node in self._nodes.values():
            if node.op not in _REWRITTEN or node.name.startswith("gradients"):
                continue
            for place, text in enumerate(node.input):
                if text.startswith("^"):
                    continue
                source = self._source(text)[0]
                unknown += self._known(source) is None
                if unknown > _MOST_UNKNOWN:
                    raise errors.UnimplementedError(
                        None, None, f"Found an unknown op: {source.name} with type: {source.op}; Unknown ops are considered as "
                        f"model input for now and only {_MOST_UNKNOWN} inputs are supported currently.",
                    )  # fmt: skip
                found.append((node, place))
        return found

    def _known(self, node):
        """(whether its numbers have a sign, their range or None) of a node, or None where nothing is known."""
        passed = False
        while node.op in _PASSING and node.input and not node.input[0].startswith("^"):
            node, passed = self._source(node.input[0])[0], True
        known = _KNOWN.get(node.op)
        return (True, None) if known is None and passed else known

    def round_input(self, node, place):
        """Puts the rounding of an input in its place; inputs of several nodes are rounded once."""
        text = node.input[place]
        if text not in self._rounded:
            dtype = as_dtype(node.attr["T"].type)
            source, index = self._source(text)
            base = source.name if index == 0 else f"{source.name}_{index}"
            self._rounded[text] = self._round(text, base, dtype, self._known(source) or (True, None))
        node.input[place] = self._rounded[text]

    def _round(self, text, base, dtype, known):
        signed, ends = known
        if dtype is not float32:
            raise errors.InvalidArgumentError(
                None, None, f"Inconsistent values for attr 'T' DT_FLOAT vs. DT_{_CAPITALS.get(dtype.name, dtype.name.upper())} "
                f"while building the nodes that round '{text}': numbers of float32 alone are rounded",
            )  # fmt: skip
        if ends is not None:
            ends = [self._constant(f"{base}/{name}", end) for name, end in zip(("InputMin", "InputMax"), ends)]
        else:
            ends = self._followed_range(text, base)
        return self._add(
            f"{base}/QuantizeAndDequantizeV2", "QuantizeAndDequantizeV2", [text, *ends], T=dtype, signed_input=signed,
            num_bits=self._bits, range_given=True, round_mode=b"HALF_TO_EVEN", narrow_range=False,
        )  # fmt: skip

    def _followed_range(self, text, base):
        """The ends of a range as averages follow them."""
        decay = self._constant(f"{base}/Decay", _DECAY)
        axes = f"{base}/ReductionAxes"
        start, step = (self._constant(f"{axes}/{n}", v, int32) for n, v in (("RangeStart", 0), ("RangeDelta", 1)))
        rank = self._add(f"{axes}/InputRank", "Rank", [text], T=float32)
        axes = self._add(f"{axes}/ReductionAxes", "Range", [start, rank, step], Tidx=int32)
        ends = [
            self._add(f"{base}/{kind}", kind, [text, axes], T=float32, Tidx=int32, keep_dims=False)
            for kind in ("Min", "Max")
        ]
        return [self._average(end, decay) for end in ends]

    def _average(self, value, decay):
        """The moving average of a value, which is the value itself the first time."""
        attrs = {"dtype": float32, "shape": TensorShape([]), "container": b"", "shared_name": b""}
        variable = self._add(f"{value}/Variable", "VariableV2", [], **attrs)
        there = self._add(f"{value}/IsInitialized", "IsVariableInitialized", [variable], dtype=float32)
        switch = self._add(f"{value}/Switch", "Switch", [value, there], T=float32)
        one = self._constant(f"{value}/EMA/OneConst", 1.0)

        def arithmetic(name, op, a, b):
            return self._add(f"{value}/EMA/{name}", op, [a, b], T=float32)

        rest = arithmetic("DecayComplement", "Sub", one, decay)
        difference = arithmetic("ValueDiff", "Sub", variable, f"{switch}:1")
        change = arithmetic("UpdateValue", "Mul", difference, rest)
        average = arithmetic("EMAValue", "Sub", variable, change)
        merge = self._add(f"{value}/Merge", "Merge", [switch, average], T=float32, N=2)
        return self._add(
            f"{value}/AssignValue", "Assign", [variable, merge], T=float32, use_locking=True, validate_shape=True
        )

    def _constant(self, name, value, dtype=float32):
        return self._add(name, "Const", [], dtype=dtype, value=np.array(value, dtype.as_numpy_dtype))

    def _add(self, name, op, inputs, **attrs):
        node = self._result.node.add(name=name, op=op, input=inputs)
        for key, value in attrs.items():
            set_attr(node.attr[key], value)
        return name
