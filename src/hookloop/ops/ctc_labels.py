"""Labels of sequences as connectionist temporal classification has them."""

from __future__ import annotations

from .. import dtypes
from ..graph.scopes import name_scope
from .array import expand_dims, ones_like, reshape, shape
from .build import convert_to_tensor
from .cast import cast
from .gather import boolean_mask, scatter_nd, sequence_mask
from .math import logical_and, not_equal
from .ranges import range as range_of
from .reduce import reduce_max, reduce_sum
from .slicing import concat

__all__ = ["collapse_repeated"]


def _size(tensor, axis):
    known = tensor.get_shape().as_list()[axis]
    return shape(tensor)[axis] if known is None else known


def collapse_repeated(labels, seq_length, name=None):
    """Labels that follow equal ones left out.

    Args:
      labels: [batch, longest], the labels of each sequence.
      seq_length: [batch], how many labels each has.
      name: the scope of the nodes.

    Returns:
      (labels, lengths): [batch, the longest that is left], filled up with 0, and how many labels each sequence has now.
    """
    with name_scope(name, "collapse_repeated_labels", [labels, seq_length]):
        labels = convert_to_tensor(labels, name="labels")
        seq_length = convert_to_tensor(seq_length, name="seq_length")
        kept = concat([ones_like(labels[:, :1], dtypes.bool), not_equal(labels[:, 1:], labels[:, :-1])], axis=1)
        kept = logical_and(kept, sequence_mask(seq_length, maxlen=_size(labels, 1)))
        lengths = reduce_sum(cast(kept, dtypes.int32), axis=1)
        longest = reduce_max(lengths)
        places = reshape(sequence_mask(lengths, maxlen=longest), [-1])
        flat, kept = reshape(labels, [-1]), reshape(kept, [-1])
        index = range_of(_size(places, 0))
        found = scatter_nd(
            indices=expand_dims(boolean_mask(index, places), axis=1),
            updates=boolean_mask(flat, kept),
            shape=shape(places),
        )
        return reshape(found, [_size(labels, 0), longest]), cast(lengths, seq_length.dtype)
