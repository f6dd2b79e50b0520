"""The function of a one-shot iterator: it makes the iterator's dataset."""

from __future__ import annotations

from ..graph.graph import Graph
from ..ops.core import placeholder
from .rewriting import rewritten

_MOST_BYTES = 1 << 30  # of constants in the function: they are in the graph once more, and a message has at most 2 GB


class OneShotFunction:
    """The nodes that a dataset depends on, in the place of a function that was traced.

    Args:
      name: its name in the iterator's node.
      dataset: the `Dataset`.
    """

    def __init__(self, name, dataset):
        self.name = name
        self._variant, self._options, self._element = dataset._variant_tensor, dataset._options, dataset._element

    def dataset(self, session):
        """What is gone through, as a session makes it."""
        return rewritten(session.run(self._variant), frozenset(self._options._rules()))

    def definitions(self):
        """The function as a list of `FunctionDef`s, with the nodes that TensorFlow adds for options and its optimizer.

        There is none where the dataset's arrays are so large that a file could not hold them twice.
        """
        from .dataset import DatasetV1Adapter
        from .function_def import Body, definition

        needed, pending = set(), [self._variant.op]
        while pending:
            op = pending.pop()
            if op not in needed:
                needed.add(op)
                pending += [*(t.op for t in op.inputs), *op.control_inputs]
        if sum(op._attrs["value"].nbytes for op in needed if op.type == "Const") > _MOST_BYTES:
            return []
        around = Graph()
        with around.as_default():
            source = placeholder(self._variant.dtype, [])
            optimized = DatasetV1Adapter(source, self._element, self._options)._optimized()
        prefix = "OptimizeDataset/"
        body = Body()
        for op in sorted(needed, key=lambda op: op._id):
            body.add(op, prefix)
        body.stands_for[source] = body.reference(self._variant)
        for op in around.get_operations():
            if op is not source.op:
                body.add(op)
        found = definition(self.name, body, [], [(body.reference(optimized), optimized.dtype, "modeldataset")])
        found.signature.is_stateful = True
        found.attr["_disable_call_shape_inference"].b = True
        return [found]
