"""`warm_start`: variables take their initial values from an earlier training's checkpoint, rows by vocabulary."""

from __future__ import annotations

import collections
import re

import numpy as np

from .. import logging
from ..files.paths import local_path
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph
from ..ops.build import constant
from ..ops.gather import gather
from ..ops.select import where
from ..ops.state import assign
from ..trackable import OBJECT_GRAPH_KEY
from ..variables import Variable
from .checkpoint_utils import _prefix_of, init_from_checkpoint, load_checkpoint, restored
from .object_graph import read_object_graph

__all__ = ["VocabInfo", "warm_start"]


class VocabInfo(
    collections.namedtuple(
        "VocabInfo",
        "new_vocab new_vocab_size num_oov_buckets old_vocab old_vocab_size backup_initializer axis",
    )
):
    """How the rows (or columns) of an embedding move from one vocabulary to another.

    Args:
      new_vocab: path of the vocabulary of today, a word a line.
      new_vocab_size: how many of its words are used.
      num_oov_buckets: rows behind the words, for words that are not in it.
      old_vocab: path of the vocabulary of the checkpoint.
      old_vocab_size: how many of its words were used; -1 for all.
      backup_initializer: initial values of words that the old vocabulary lacks; zeros by default.
      axis: 0 where the words are rows, 1 where they are columns.
    """

    def __new__(cls, new_vocab, new_vocab_size, num_oov_buckets, old_vocab, old_vocab_size=-1, backup_initializer=None,
                axis=0):  # fmt: skip
        if axis not in (0, 1):
            raise ValueError(
                "The only supported values for the axis argument are 0 and 1.  Provided axis: " + str(axis)
            )
        return super().__new__(
            cls, new_vocab, new_vocab_size, num_oov_buckets, old_vocab, old_vocab_size, backup_initializer, axis
        )


def warm_start(ckpt_to_initialize_from, vars_to_warm_start=".*", var_name_to_vocab_info=None,
               var_name_to_prev_var_name=None):  # fmt: skip
    """Makes the initializers of variables read a checkpoint.

    Args:
      ckpt_to_initialize_from: a prefix, or a directory, whose latest checkpoint is read.
      vars_to_warm_start: a regular expression that the names ("w:0") of trainable variables match at their beginning; a list of
        such expressions for all global variables, or of variables; None for those with a vocabulary only.
      var_name_to_vocab_info: name -> `VocabInfo`.
      var_name_to_prev_var_name: name -> name in the checkpoint, where it is another.

    Raises:
      ValueError: a variable is not in the checkpoint, has another shape, or a name matches nothing.
      NotFoundError: there is no checkpoint of the prefix.
    """
    infos = dict(var_name_to_vocab_info or {})
    logging.info("Warm-starting from: %s", ckpt_to_initialize_from)
    groups = _grouped(vars_to_warm_start)
    reader = load_checkpoint(ckpt_to_initialize_from)
    previous = dict(var_name_to_prev_var_name or {})
    if not previous and reader.has_tensor(OBJECT_GRAPH_KEY):
        previous = _keys_of_objects(ckpt_to_initialize_from, groups)
    for name in infos:
        groups.setdefault(name, _parts_named(name))
    warm = 0
    for name, variables in sorted(groups.items()):
        if name not in infos and not vars_to_warm_start:
            continue
        warm += 1
        source = previous.get(name)
        if name in infos:
            _warm_start_by_vocabulary(variables, ckpt_to_initialize_from, source or name, infos[name])
        else:
            target = variables if len(variables) > 1 else variables[0]
            init_from_checkpoint(ckpt_to_initialize_from, {source or name: target})
    logging.info("Warm-started %d variables.", warm)
    unused = set(previous) - set(groups)
    if unused:
        raise ValueError(
            f"You provided the following variables in var_name_to_prev_var_name that were not used: {unused}.  "
            f"Perhaps you misspelled them?  Here is the list of viable variable names: {groups.keys()}"
        )


def _keys_of_objects(checkpoint, names):
    """Name of a variable -> its key in a checkpoint of objects.

    Raises:
      ValueError: it has none of one of the names.
    """
    nodes = read_object_graph(_prefix_of(checkpoint)).nodes
    keys = {attribute.full_name: attribute.checkpoint_key for node in nodes for attribute in node.attributes}
    missing = set(names) - set(keys)
    if missing:
        raise ValueError(
            "Attempting to warm-start from an object-based checkpoint, but found that the checkpoint did not contain values for "
            f"all variables. The following variables were missing: {missing}"
        )
    return {name: keys[name] for name in names}


def _grouped(wanted):
    """Name of the whole -> its variables, of those to warm-start."""
    graph = get_default_graph()
    if isinstance(wanted, str) or wanted is None:
        logging.info("Warm-starting variables only in TRAINABLE_VARIABLES.")
    if isinstance(wanted, str):
        found = [v for v in graph.get_collection(GraphKeys.TRAINABLE_VARIABLES) if re.match(wanted, v.name)]
    elif wanted is None:  # they are known by name, and left alone
        found = graph.get_collection(GraphKeys.TRAINABLE_VARIABLES)
    elif isinstance(wanted, (list, tuple)) and all(isinstance(item, str) for item in wanted):
        every = graph.get_collection(GraphKeys.GLOBAL_VARIABLES)
        found = [v for v in every if any(re.match(pattern, v.name) for pattern in wanted)]
    elif isinstance(wanted, (list, tuple)) and all(isinstance(item, Variable) for item in wanted):
        found = list(wanted)
    else:
        raise ValueError(
            "If `vars_to_warm_start` is a list, it must be all `Variable` or all `str`.  "
            f"Given types are {[type(item).__name__ for item in wanted]}."
            if isinstance(wanted, (list, tuple))
            else f"`vars_to_warm_start must be a `list` or `str`.  Given type is {type(wanted)}"
        )
    groups = {}
    for variable in found:
        groups.setdefault(_whole_name(variable), []).append(variable)
    return groups


def _whole_name(variable):
    info = variable._get_save_slice_info()
    return info.full_name if info else variable.op.name


def _parts_named(name):
    every = get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)
    found = [v for v in every if _whole_name(v) == name]
    if not found:
        raise ValueError(
            f"You provided the following variables in var_name_to_vocab_info that were not used: {{{name!r}}}.  "
            f"Perhaps you misspelled them?  Here is the list of viable variable names: {[v.op.name for v in every]}"
        )
    return found


def _words(path, size):
    with open(local_path(path), encoding="utf-8") as file:
        words = [line.rstrip("\n") for line in file]
    return words if size < 0 else words[:size]


def _warm_start_by_vocabulary(parts, checkpoint, name, info):
    """Each part's rows come from the rows of the same words, or from the backup initializer."""
    reader = load_checkpoint(checkpoint)
    if not reader.has_tensor(name):
        raise ValueError(f"Tensor {name} is not found in {checkpoint} checkpoint")
    place = {word: row for row, word in enumerate(_words(info.old_vocab, info.old_vocab_size))}
    rows = [place.get(word, -1) for word in _words(info.new_vocab, info.new_vocab_size)]
    rows += [-1] * info.num_oov_buckets
    old = restored(_prefix_of(checkpoint), name, "", parts[0].dtype)
    old.set_shape(reader.get_variable_to_shape_map()[name])
    for part in parts:
        slice_info = part._get_save_slice_info()
        begin = slice_info.var_offset[info.axis] if slice_info else 0
        shape = part.get_shape().as_list()
        mine = np.array((rows + [-1] * shape[info.axis])[begin : begin + shape[info.axis]], np.int64)
        value = _remapped(part, old, mine, info, slice_info)
        part._initializer_op = assign(part, value) if not part._is_resource else part.assign(value, read_value=False)
        part._initial_value = value


def _remapped(part, old, rows, info, slice_info):
    """The old rows of a part's words; those that it lacks from the backup initializer."""
    shape = part.get_shape().as_list()
    found = gather(old, np.maximum(rows, 0), axis=info.axis)
    if slice_info is not None and info.axis == 1:
        found = found[slice_info.var_offset[0] : slice_info.var_offset[0] + shape[0]]
    if (rows >= 0).all():
        return found
    if info.backup_initializer is None:
        backup = constant(0, dtype=part.dtype.base_dtype, shape=shape)
    else:
        backup = info.backup_initializer(shape, dtype=part.dtype.base_dtype)
    known = rows >= 0
    mask = known[:, None] if info.axis == 0 else known[None, :]
    return where(np.broadcast_to(mask, shape), found, backup)
