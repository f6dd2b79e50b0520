"""`tf.cond`, `tf.case` and `tf.switch_case`: one of several branches runs."""

from __future__ import annotations

import functools

from .. import dtypes, nest
from ..graph.collections import GraphKeys
from ..graph.scopes import control_dependencies, name_scope
from ..graph.stack import executing_eagerly, get_default_graph
from ..graph.tensor import Tensor
from .build import constant, convert_to_tensor
from .cast import cast
from .control_flow_context import CondContext
from .control_flow_nodes import merge, switch, switch_variable
from .core import identity
from .indexed_slices import IndexedSlices
from .tensor_parts import parts, restored

__all__ = ["case", "cond", "switch_case"]


def make_branches(pred):
    """The contexts of the true and the false branch of a new conditional."""
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool")
    off, on = switch_variable(pred) if hasattr(pred, "read_value") else switch(pred, pred)
    pivot_on = identity(on, name="switch_t")
    pivot_off = identity(off, name="switch_f")
    pred = identity(pred, name="pred_id")
    taken, other = CondContext(pred, pivot_on, 1), CondContext(pred, pivot_off, 0)
    taken._twin, other._twin = other, taken
    for tensor in (on, off, pivot_on, pivot_off, pred):
        tensor.graph.prevent_fetching(tensor.op)
    return taken, other


def cond(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    """What `true_fn` gives where `pred` is true, else what `false_fn` gives; only that branch's ops run.

    Ops that are made outside the functions run in any case.

    Args:
      pred: a scalar boolean tensor.
      true_fn, false_fn: functions of no arguments that return tensors in the same nesting and of the same types.
      strict: True keeps a list or tuple of one tensor as it is.
      name: the scope of the nodes.
      fn1, fn2: the old names of `true_fn` and `false_fn`.

    Returns:
      What the functions return, as tensors.

    Raises:
      TypeError: where a branch is no function, `pred` is a Python bool, or the structures differ.
      ValueError: where the branches return nothing, or tensors of different types.
    """
    true_fn = _one_of(true_fn, fn1, "true_fn", "fn1")
    false_fn = _one_of(false_fn, fn2, "false_fn", "fn2")
    with name_scope(name, "cond", [pred]):
        if executing_eagerly() and get_default_graph()._get_control_flow_context() is None:
            result = true_fn() if convert_to_tensor(pred) else false_fn()
            return result if strict else _unpacked(result)
        taken, other = make_branches(pred)
        true_result, true_flat = _branch(taken, true_fn, "true_fn")
        false_result, false_flat = _branch(other, false_fn, "false_fn")
        if not strict:
            true_result, false_result = _unpacked(true_result), _unpacked(false_result)
        _check_structures(true_result, false_result)
        if not true_flat:
            raise ValueError("true_fn and false_fn must return at least one result.")
        _widen_indices(taken, true_result, true_flat, false_flat)
        _widen_indices(other, false_result, false_flat, true_flat)
        merged = merge_results(taken, other, true_flat, false_flat)
        if taken.outer_context is None:
            for context in (taken, other):
                get_default_graph().add_to_collection(GraphKeys.COND_CONTEXT, context)
        merged = restored(true_result, merged)
        return merged if strict else _unpacked(merged)


def _one_of(function, old, name, old_name):
    if old is not None:
        if function is not None:
            raise TypeError(f"cond(): {name} and {old_name} may not be set simultaneously.")
        function = old
    elif function is None:
        raise TypeError(f"cond(): {name} argument required")
    if not callable(function):
        raise TypeError(f"{name} must be callable.")
    return function


def _branch(context, function, name):
    """A branch's result in its own structure, and its tensors in this branch."""
    context.Enter()
    try:
        result = function()
        if result is None:
            raise ValueError(f"{name} must have a return value.")
        flat = [context.result_of(part) for leaf in nest.flatten(result) for part in parts(leaf)]
        context.ExitResult(flat)
    finally:
        context.Exit()
    return result, flat


def _unpacked(result):
    """A list or tuple of one element is that element."""
    if isinstance(result, (list, tuple)) and not hasattr(result, "_fields") and len(result) == 1:
        return result[0]
    return result


def _check_structures(true_result, false_result):
    nest.assert_same_structure(true_result, false_result)
    for yes, no in zip(nest.flatten(true_result), nest.flatten(false_result)):
        if _kind_of_parts(yes) != _kind_of_parts(no):
            raise ValueError(
                "Incompatible return values of true_fn and false_fn: slices must have the same parts in both, got "
                f"{yes} and {no}"
            )


def _kind_of_parts(leaf):
    """(whether a leaf is slices, how many tensors it consists of)."""
    return isinstance(leaf, IndexedSlices), len(parts(leaf))


def _widen_indices(context, result, flat, of_other):
    """Casts indices of a branch's slices to int64 in its tensors `flat`, where those of the other branch are of another type."""
    place = 0
    for leaf in nest.flatten(result):
        if isinstance(leaf, IndexedSlices):
            mine, its = flat[place + 1], of_other[place + 1]
            if mine.dtype != its.dtype and mine.dtype != dtypes.int64:
                context.Enter()
                flat[place + 1] = cast(mine, dtypes.int64)
                context.Exit()
        place += len(parts(leaf))


def merge_results(taken, other, true_flat, false_flat):
    """One tensor for each pair of results.

    Raises:
      ValueError: where the types of a pair, or the numbers of results, differ.
    """
    if len(true_flat) != len(false_flat):
        raise ValueError(f"true_fn and false_fn return {len(true_flat)} and {len(false_flat)} results")
    for yes, no in zip(true_flat, false_flat):
        if yes.dtype.base_dtype != no.dtype.base_dtype:
            raise ValueError(
                f"Outputs of true_fn and false_fn must have the same type: {yes.dtype.name}, {no.dtype.name}"
            )
    return [merge([no, yes], (other, taken))[0] for yes, no in zip(true_flat, false_flat)]


# --- case -------------------------------------------------------------------------------------------------------


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """What the function of the first true predicate gives.

    Args:
      pred_fn_pairs: a list of (predicate, function), or a dict predicate -> function.
      default: the function where none is true; without it that is an error of the run.
      exclusive: True checks that no more than one is true.
      strict: as in `cond`.
      name: the scope of the nodes.

    Returns:
      What the function returns.

    Raises:
      TypeError: where the pairs are none.
    """

    def conditional(predicate, function, otherwise):
        return cond(convert_to_tensor(predicate), true_fn=function, false_fn=otherwise, strict=strict)

    return _case(conditional, pred_fn_pairs, default, exclusive, name)


def _case(conditional, pred_fn_pairs, default, exclusive, name):
    """`case` by a function of a predicate and two branches."""
    pairs = _checked_pairs(pred_fn_pairs)
    if default is not None and not callable(default):
        raise TypeError("default must be callable.")
    predicates, functions = zip(*pairs) if pairs else ((), ())
    with name_scope(name, "case", [list(predicates)]):
        if not pairs:
            if default is None:
                raise ValueError("case() needs at least one pair or a default")
            return default()
        if default is None:
            predicates, functions, default = _last_is_default(predicates, functions)
        if not exclusive:
            return _nested(conditional, predicates, functions, default)
        with control_dependencies([_at_most(1, predicates, "Input error: exclusive=True")]):
            return _nested(conditional, predicates, functions, default)


def case_helper(cond_fn, pred_fn_pairs, default, exclusive, name, allow_python_preds=False, **cond_kwargs):
    """`case` by another function in the place of `cond`.

    Args:
      cond_fn: called with a predicate, `true_fn` and `false_fn`.
      pred_fn_pairs, default, exclusive, name: those of `case`.
      allow_python_preds: whether predicates may be bools.
      **cond_kwargs: further arguments of `cond_fn`.

    Raises:
      TypeError: where the pairs are none, or a predicate is a bool that may be none.
    """
    pairs = _checked_pairs(pred_fn_pairs)
    if not allow_python_preds and any(isinstance(predicate, bool) for predicate, _ in pairs):
        raise TypeError("pred must be a Tensor, got: bool")

    def conditional(predicate, function, otherwise):
        return cond_fn(predicate, true_fn=function, false_fn=otherwise, **cond_kwargs)

    return _case(conditional, pairs, default, exclusive, name)


def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """What the function of a number gives.

    Args:
      branch_index: an integer scalar, a tensor.
      branch_fns: a list of functions; or a dict number -> function, or a list of such pairs, with the numbers from 0 on.
      default: the function where there is none of the number; the last one by default.
      name: the scope of the nodes.

    Returns:
      What the function returns.

    Raises:
      TypeError: for an index that is no integer tensor, or what is no function.
      ValueError: where the numbers have gaps.
    """
    from .math import equal

    if not isinstance(branch_index, Tensor):
        raise TypeError(f"branch_index must a Tensor, got {type(branch_index)}")
    if not branch_index.dtype.is_integer:
        raise TypeError(f"branch_index must an integer Tensor, got {branch_index.dtype}")
    functions = _numbered(branch_fns)
    if default is not None and not callable(default):
        raise TypeError("default must be callable.")
    if default is None:
        functions, default = functions[:-1], functions[-1]
    with name_scope(name, "switch_case", [branch_index]):
        predicates = [equal(branch_index, constant(k, branch_index.dtype)) for k in range(len(functions))]
        return _nested(cond, predicates, functions, default)


def _numbered(branch_fns):
    """The functions in the order of their numbers."""
    if isinstance(branch_fns, dict):
        branch_fns = list(branch_fns.items())
    if not isinstance(branch_fns, (list, tuple)):
        raise TypeError("branch_fns must be a list, tuple, or dict")
    if not branch_fns:
        raise ValueError("Must provide at least one item in branch_fns")
    if all(callable(function) for function in branch_fns):
        branch_fns = list(enumerate(branch_fns))
    for entry in branch_fns:
        if not isinstance(entry, tuple) or len(entry) != 2:
            raise TypeError("Each entry in branch_fns must be a 2-tuple")
        if not isinstance(entry[0], int):
            raise TypeError(f"key must be a Python `int`, got {type(entry[0])}")
        if not callable(entry[1]):
            raise TypeError(f"fn for key {entry[0]} must be callable.")
    functions = dict(branch_fns)
    if sorted(functions) != list(range(len(branch_fns))):
        found = ",".join(map(str, sorted(functions)))
        raise ValueError(
            f"branch indices (keys) must form contiguous range of [0 to {len(branch_fns)}) but found {{{found}}}"
        )
    return [functions[k] for k in range(len(functions))]


def _checked_pairs(pairs):
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    if not isinstance(pairs, (list, tuple)):
        raise TypeError("fns must be a list, tuple, or dict")
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError("Each entry in pred_fn_pairs must be a 2-tuple")
        pred, function = pair
        if isinstance(pred, Tensor):
            if pred.dtype.base_dtype.name != "bool":
                raise TypeError(f"pred must be Tensor of type bool: {pred.name}")
        elif not isinstance(pred, bool):
            raise TypeError(f"pred must be a Tensor or bool, got {pred!r}")
        if not callable(function):
            raise TypeError(f"fn for pred {pred.name if isinstance(pred, Tensor) else pred} must be callable.")
    return list(pairs)


def _nested(conditional, predicates, functions, action):
    for predicate, function in zip(reversed(predicates), reversed(functions)):
        action = functools.partial(conditional, predicate, function, action)
    return action()


def _last_is_default(predicates, functions):
    """Without a default the last function is it; its predicate must be true then, and none of the others."""
    from .printing import Assert
    from .slicing import stack

    others, last = predicates[:-1], functions[-1]

    def default():
        values = stack(predicates, name="preds_c")
        text = "Input error: None of conditions evaluated as True:"
        others_text = f"Implementation error: selected default action #{len(others)} was called, but some of other predicates are True: "
        with control_dependencies([_at_most(0, others, others_text), Assert(predicates[-1], [text, values])]):
            return last()

    return others, functions[:-1], default


def _names(predicates):
    return ", ".join(p.name if isinstance(p, Tensor) else str(p) for p in predicates)


def _at_most(count, predicates, text):
    """An operation that fails where more than `count` of the predicates are true."""
    from .math import less_equal
    from .printing import Assert
    from .reduce import reduce_sum
    from .slicing import stack

    values = stack(predicates, name="preds_c")
    true = reduce_sum(cast(values, "int32"), name="num_true_conds")
    condition = less_equal(true, constant(count, name="n_true_conds"))
    text = f"{text}: more than {count} conditions ({_names(predicates)}) evaluated as True:"
    return Assert(condition, [text, values], summarize=len(predicates))


# --- for other modules ------------------------------------------------------------------------------------------


def smart_cond(pred, true_fn, false_fn, name=None):
    """`cond`, where the predicate is known now only the branch that is taken: no conditional is made then."""
    known = smart_constant_value(pred) if isinstance(pred, Tensor) else pred
    if known is None:
        return cond(pred, true_fn, false_fn, name=name)
    return true_fn() if bool(known) else false_fn()


def smart_case(pred_fn_pairs, default=None, exclusive=False, name="smart_case"):
    """`case`, where branches whose predicates are known now are taken or left out: no conditionals are made for them.

    Args:
      pred_fn_pairs, default, exclusive, name: as in `case`.

    Returns:
      What the function returns.

    Raises:
      TypeError: where the pairs are none.
    """
    return _case(smart_cond, pred_fn_pairs, default, exclusive, name)


def smart_constant_value(pred):
    """The value of a predicate that constants alone tell, else None."""
    from .tensor_util import constant_value, evaluated_constant

    known = constant_value(pred)
    return evaluated_constant(pred) if known is None else known
