"""`tf.contrib.predictor`: a SavedModel as a function of values."""

from __future__ import annotations

from ..graph.graph import Graph
from ..saved_model import loader, signature_constants, tag_constants
from ..session import Session

__all__ = ["from_saved_model"]


class _SavedModelPredictor:
    """A graph with what it holds in a session, called with the values of its inputs by name.

    Args:
      graph, session: where it runs.
      feed_tensors, fetch_tensors: its inputs and outputs by name.
    """

    def __init__(self, graph, session, feed_tensors, fetch_tensors):
        self._graph = graph
        self._session = session
        self._feed_tensors = feed_tensors
        self._fetch_tensors = fetch_tensors

    graph = property(lambda self: self._graph, doc="The graph.")
    session = property(lambda self: self._session, doc="The session.")
    feed_tensors = property(lambda self: self._feed_tensors, doc="The inputs by name.")
    fetch_tensors = property(lambda self: self._fetch_tensors, doc="The outputs by name.")

    def __call__(self, input_dict):
        """The outputs by name.

        Args:
          input_dict: values of inputs by name; one that has a default may be missing.

        Raises:
          ValueError: for names that are no input's.
        """
        unexpected = set(input_dict) - set(self._feed_tensors)
        if unexpected:
            raise ValueError(f"Got unexpected keys in input_dict: {unexpected}\nexpected: {set(self._feed_tensors)}")
        return self._session.run(self._fetch_tensors, {self._feed_tensors[key]: input_dict[key] for key in input_dict})

    def __repr__(self):
        return f"SavedModelPredictor with feed tensors {self._feed_tensors} and fetch_tensors {self._fetch_tensors}"


def from_saved_model(
    export_dir, signature_def_key=None, signature_def=None, input_names=None, output_names=None, tags=None, graph=None,
    config=None,
):  # fmt: skip
    """A function of a SavedModel's inputs, a dict by name, that gives its outputs, a dict by name.

    Args:
      export_dir: the SavedModel's directory.
      signature_def_key: which of its signatures; by default the default of serving.
      signature_def: a signature in its place.
      input_names, output_names: in its place, name -> name of a tensor.
      tags: the tags of the meta graph, between commas; by default that of serving.
      graph: the graph into which it is loaded; by default one of its own.
      config: the session's `ConfigProto`.

    Raises:
      ValueError: where more than one says what inputs and outputs are, or only one of both.
    """
    if (input_names is None) != (output_names is None):
        raise ValueError("input_names and output_names must both be specified or both be unspecified.")
    if sum(said is not None for said in (signature_def_key, signature_def, input_names)) > 1:
        raise ValueError(
            "You must specify at most one of signature_def_key OR signature_def OR(input_names AND output_names)."
        )
    graph = graph or Graph()
    with graph.as_default():
        session = Session(config=config)
        loaded = loader.load(session, (tags or tag_constants.SERVING).split(","), export_dir)
    if input_names is None:
        key = signature_def_key or signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        signature = signature_def or loaded.signature_def[key]
        input_names = {name: info.name for name, info in signature.inputs.items()}
        output_names = {name: info.name for name, info in signature.outputs.items()}
    feeds = {name: graph.get_tensor_by_name(tensor) for name, tensor in input_names.items()}
    fetches = {name: graph.get_tensor_by_name(tensor) for name, tensor in output_names.items()}
    return _SavedModelPredictor(graph, session, feeds, fetches)
