"""Variables that get values of the program, or of a checkpoint, by feeding them."""

from __future__ import annotations

import os

import numpy as np

from ... import logging
from ...graph.collections import GraphKeys
from ...graph.stack import get_default_graph
from ...ops.core import group, placeholder
from ...train.checkpoint_utils import NewCheckpointReader
from ...train.saver import Saver
from .variables import get_variable_full_name

__all__ = ["assign_from_checkpoint", "assign_from_checkpoint_fn", "assign_from_values", "assign_from_values_fn"]


def _assigned(variable, value, feed_dict):
    """The operation that gives a variable what is fed; the value goes into `feed_dict`."""
    fed = placeholder(variable.dtype.base_dtype, variable.get_shape(), name="placeholder/" + variable.op.name)
    feed_dict[fed] = value
    return variable.assign(fed)


def assign_from_values(var_names_to_values):
    """An operation that gives variables values.

    Args:
      var_names_to_values: a dictionary, the name of a variable -> an array of as many elements.

    Returns:
      (the operation, what is to be fed to it).

    Raises:
      ValueError: a variable is not there.
    """
    feed_dict, operations = {}, []
    for name, value in var_names_to_values.items():
        variable = _variable_named(name)
        operations.append(_assigned(variable, value.reshape(variable.get_shape().as_list()), feed_dict))
    return group(*operations), feed_dict


def _variable_named(name):
    found = get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, name)
    if not found:
        raise ValueError(f"Variable {name} wasn't found")
    if len(found) == 1:
        return found[0]
    for variable in found:
        if variable.op.name == name:
            return variable
    raise ValueError(f"Variable {name} doesn't uniquely identify a variable")


def assign_from_values_fn(var_names_to_values):
    """`assign_from_values` as a function(session) that does it."""
    operation, feed_dict = assign_from_values(var_names_to_values)
    return lambda session: session.run(operation, feed_dict)


def assign_from_checkpoint(model_path, var_list, ignore_missing_vars=False):
    """An operation that gives variables values of a checkpoint.

    Args:
      model_path: the checkpoint's prefix.
      var_list: a list of variables; or a dictionary, name in the checkpoint -> variable, or list of the parts of one.
      ignore_missing_vars: whether what the checkpoint has not is left out, and named in the log.

    Returns:
      (the operation, what is to be fed to it).

    Raises:
      ValueError: the checkpoint has a variable not, or one of another shape.
    """
    reader = NewCheckpointReader(model_path)
    feed_dict, operations = {}, []
    for name, variables in _by_name(var_list).items():
        if not reader.has_tensor(name):
            if not ignore_missing_vars:
                raise ValueError(f"Checkpoint is missing variable [{name}]")
            logging.warning("Checkpoint is missing variable [%s]", name)
            continue
        value = np.asarray(reader.get_tensor(name))
        operations += [_assigned(variable, _part_of(variable, name, value), feed_dict) for variable in variables]
    return group(*operations), feed_dict


def _by_name(var_list):
    """Name in the checkpoint -> its variables."""
    if not isinstance(var_list, (list, tuple)):
        return {name: v if isinstance(v, (list, tuple)) else [v] for name, v in var_list.items()}
    found = {}
    for variable in var_list:
        found.setdefault(get_variable_full_name(variable), []).append(variable)
    return found


def _part_of(variable, name, value):
    """What a variable gets of a checkpoint's value: all of it, or its part."""
    info = variable._save_slice_info
    if info:
        return value[tuple(slice(start, start + size) for start, size in zip(info.var_offset, info.var_shape))]
    if variable.get_shape() != value.shape:
        raise ValueError(
            f"Total size of new array must be unchanged for {name} lh_shape: [{value.shape}], rh_shape: [{variable.get_shape()}]"
        )
    return value


def assign_from_checkpoint_fn(model_path, var_list, ignore_missing_vars=False, reshape_variables=False):
    """A function(session) that restores variables from a checkpoint.

    Args:
      model_path: the checkpoint's prefix.
      var_list: variables, or a dictionary, name in the checkpoint -> variable.
      ignore_missing_vars: whether what the checkpoint has not is left out, and named in the log.
      reshape_variables: whether they may have another shape there.

    Returns:
      The function; None where the checkpoint has none of them.

    Raises:
      ValueError: there are no variables.
    """
    if not var_list:
        raise ValueError("var_list cannot be empty")
    if ignore_missing_vars:
        reader = NewCheckpointReader(model_path)
        wanted = var_list if isinstance(var_list, dict) else {v.op.name: v for v in var_list}
        var_list = {name: v for name, v in wanted.items() if reader.has_tensor(name)}
        for name in wanted.keys() - var_list.keys():
            logging.warning("Variable %s missing in checkpoint %s", name, os.fsdecode(model_path))
    if not var_list:
        logging.warning("No Variables to restore")
        return None
    saver = Saver(var_list, reshape=reshape_variables)
    return lambda session: saver.restore(session, model_path)
