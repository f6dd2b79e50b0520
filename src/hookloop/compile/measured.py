"""Ops whose results have sizes that only running tells: one that repeats another gives the other's results.

The passes share what has equal shapes; two sizes that are told by two calls are never known to be equal, so it is decided here.
Two embeddings of the same indices find the distinct ones once, several tensors are masked by one search.
"""

from __future__ import annotations

from .ir import ARENA, CONSTANT, FEED, walk


class MeasuredOps:
    """What such ops of a program have given.

    Attributes:
      found: op type -> key -> outputs.
    """

    def __init__(self):
        self.found: dict = {}

    def saved(self):
        """What is known now, for `restore`: what an attempt that is given up has computed is not in the plan."""
        return {kind: dict(found) for kind, found in self.found.items()}

    def restore(self, saved):
        self.found = saved

    def repeated(self, lowerer, node):
        """The outputs of an earlier op of the block that is the same with the same inputs, or None."""
        found = self.found.get(node.op.type)
        if found is None:
            return None
        outputs = found.get(_key(lowerer, node))
        if outputs is None or any(_is_written_again(lowerer.root, value.buffer) for value in node.inputs):
            return None
        return outputs

    def note(self, lowerer, node):
        """Remembers what an op has given."""
        key = _key(lowerer, node)
        if key is not None and not node.op_def.stateful and not node.op_def.can_fail:
            self.found.setdefault(node.op.type, {})[key] = list(node.outputs)


def _key(lowerer, node):
    """Equal for ops that are the same with the same inputs; None where inputs may change or are not in memory."""
    key = [
        id(lowerer.block),
        tuple(sorted((name, repr(value)) for name, value in node.op._attrs.items() if name[0] != "_")),
    ]
    for value in node.inputs:
        buffer = value.buffer
        if buffer is None or buffer.kind not in (ARENA, CONSTANT, FEED):
            return None
        key += id(buffer), value.offset, value.shape, value.strides, value.dtype.name
    return tuple(key)


def _is_written_again(block, buffer):
    """Whether more than one instruction so far may have written a buffer."""
    if buffer.kind in (CONSTANT, FEED):
        return False
    writers = 0
    for instr in walk(block):
        values = (*instr.outputs, *instr.inputs) if instr.effect else instr.outputs
        writers += any(value.buffer is buffer for value in values)
    return writers > 1
