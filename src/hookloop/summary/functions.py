"""The functions that add summaries to a graph: TensorFlow 1.15's nodes, tags and collections."""

from __future__ import annotations

from contextlib import contextmanager

from ..graph.collections import GraphKeys
from ..graph.scopes import name_scope
from ..graph.stack import get_default_graph
from ..ops.build import apply_op, convert_to_tensor
from ..ops.summary import clean_tag

__all__ = [
    "all_v2_summary_ops", "audio", "get_summary_description", "histogram", "image", "initialize", "merge", "merge_all",
    "scalar", "tensor_summary", "text",
]  # fmt: skip


@contextmanager
def summary_scope(name, family=None, default_name=None, values=None):
    """Opens a summary's name scope; gives its tag and the scope."""
    name = clean_tag(name)
    family = clean_tag(family)
    base = name if family is None else f"{family}/{name}"
    with name_scope(base, default_name, values or []) as scope:
        yield (scope.rstrip("/") if family is None else f"{family}/{scope.rstrip('/')}"), scope


def _collect(value, collections):
    get_default_graph().add_to_collections([GraphKeys.SUMMARIES] if collections is None else collections, value)
    return value


def _number(op, name, value):
    """How many are shown: a whole number from 1 on; three where there is none.

    Raises:
      TypeError: for no number.
      ValueError: for a smaller one.
    """
    if value is None:
        return 3
    if not hasattr(value, "__int__"):
        raise TypeError(f"Expected int for argument '{name}' not {value!r}.")
    if int(value) < 1:
        raise ValueError(f"Attr '{name}' of '{op}' Op passed {int(value)} less than minimum 1.")
    return int(value)


def scalar(name, tensor, collections=None, family=None):
    """A summary of one number.

    Args:
      name: its name, and its tag.
      tensor: a scalar.
      collections: the graph collections it is added to; SUMMARIES by default.
      family: a prefix of the tag, which TensorBoard groups by.

    Returns:
      A string scalar, a serialized `Summary`.
    """
    with summary_scope(name, family, values=[tensor]) as (tag, scope):
        return _collect(apply_op("ScalarSummary", [tag, tensor], name=scope), collections)


def histogram(name, values, collections=None, family=None):
    """A summary of the distribution of a tensor's elements; arguments as for `scalar`.

    Running it raises `InvalidArgumentError` where one is not finite.
    """
    with summary_scope(name, family, default_name="HistogramSummary", values=[values]) as (tag, scope):
        return _collect(apply_op("HistogramSummary", [tag, values], name=scope), collections)


def image(name, tensor, max_outputs=3, collections=None, family=None):
    """A summary of images.

    Args:
      name: its name; the images' tags are below it.
      tensor: images [batch, height, width, channels], 1, 3 or 4 channels, uint8 or float: floats are stretched to the
        range of the colors.
      max_outputs: how many of the batch.
      collections, family: as for `scalar`.

    Returns:
      A string scalar, a serialized `Summary`.
    """
    with summary_scope(name, family, values=[tensor]) as (tag, scope):
        attrs = {"max_images": _number("ImageSummary", "max_images", max_outputs)}
        return _collect(apply_op("ImageSummary", [tag, tensor], attrs, scope), collections)


def audio(name, tensor, sample_rate, max_outputs=3, collections=None, family=None):
    """A summary of sound.

    Args:
      name: its name; the clips' tags are below it.
      tensor: clips [batch, frames, channels] or [batch, frames], from -1 to 1.
      sample_rate: frames per second.
      max_outputs: how many of the batch.
      collections, family: as for `scalar`.

    Returns:
      A string scalar, a serialized `Summary`.
    """
    with summary_scope(name, family, values=[tensor]) as (tag, scope):
        sample_rate = convert_to_tensor(sample_rate, dtype="float32", name="sample_rate")
        attrs = {"max_outputs": _number("AudioSummaryV2", "max_outputs", max_outputs)}
        value = apply_op("AudioSummaryV2", [tag, tensor, sample_rate], attrs, scope)
        return _collect(value, collections)


def text(name, tensor, collections=None):
    """A summary of text.

    Args:
      name: its name, and its tag.
      tensor: a string tensor; TensorBoard shows one or two axes as a table.
      collections: as for `scalar`.

    Returns:
      A string scalar, a serialized `Summary`.

    Raises:
      ValueError: where the tensor is no text.
    """
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

    tensor = convert_to_tensor(tensor)
    if tensor.dtype.base_dtype.name != "string":
        raise ValueError(f"Expected tensor {tensor.name} to have dtype string, got {tensor.dtype}")
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return tensor_summary(name, tensor, collections=collections, summary_metadata=metadata)


def tensor_summary(name, tensor, summary_description=None, collections=None, summary_metadata=None, family=None,
                   display_name=None):  # fmt: skip
    """A summary of a whole tensor.

    Args:
      name: its name, and its tag.
      tensor: any tensor.
      summary_description: text for its reader.
      collections, family: as for `scalar`.
      summary_metadata: a `SummaryMetadata`, which says what shows it.
      display_name: its name in TensorBoard.

    Returns:
      A string scalar, a serialized `Summary`.
    """
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

    metadata = SummaryMetadata()
    if summary_metadata is not None:
        metadata.CopyFrom(summary_metadata)
    if display_name is not None:
        metadata.display_name = display_name
    if summary_description is not None:
        metadata.summary_description = summary_description
    with summary_scope(name, family, values=[tensor]) as (tag, scope):
        value = apply_op("TensorSummaryV2", [tag, tensor, metadata.SerializeToString()], name=scope)
        return _collect(value, collections)


def merge(inputs, collections=None, name=None):
    """Several summaries as one.

    Args:
      inputs: a list of them. Running it raises `InvalidArgumentError` where two have one tag.
      collections: the graph collections it is added to; none by default.
      name: its name.

    Returns:
      A string scalar, a serialized `Summary`.

    Raises:
      TypeError: where it is no list.
      ValueError: where there are none.
    """
    name = clean_tag(name)
    with name_scope(name, "Merge", inputs if isinstance(inputs, (list, tuple)) else None):
        if not isinstance(inputs, (list, tuple)):
            raise TypeError(f"Expected list for 'inputs' argument to 'merge_summary' Op, not {inputs!r}.")
        if not inputs:
            raise ValueError("List argument 'inputs' to 'MergeSummary' Op with length 0 shorter than minimum length 1.")
        value = apply_op("MergeSummary", [list(inputs)], name=name)
    return _collect(value, [] if collections is None else collections)


def merge_all(key=GraphKeys.SUMMARIES, scope=None, name=None):
    """All summaries of a collection as one; None where there are none.

    Args:
      key: the collection.
      scope: only those whose name matches.
      name: its name.
    """
    found = get_default_graph().get_collection(key, scope=scope)
    return merge(found, name=name) if found else None


def get_summary_description(node_def):
    """The `SummaryDescription` of a TensorSummary node.

    Raises:
      ValueError: for another node.
    """
    if node_def.op != "TensorSummary":
        raise ValueError(f"Can't get_summary_description on {node_def.op}")
    from google.protobuf import json_format

    from .. import messages

    return json_format.Parse(node_def.attr["description"].s, messages.SummaryDescription())


def all_v2_summary_ops():
    """The ops of the second kind of summaries in the default graph: none, this is TensorFlow 1's first kind."""
    return []


def initialize(graph=None, session=None):
    """Accepted: there are no writers in the graph to be initialized."""
