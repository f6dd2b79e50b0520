"""`Optimizer`: gradients of a loss, and the ops that apply them to variables."""

from __future__ import annotations

from .. import dtypes
from ..gradients import gradients
from ..graph.collections import GraphKeys
from ..graph.scopes import collector_paused, colocate_with, control_dependencies, name_scope
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from ..nest import flatten
from ..ops.build import apply_op, convert_to_tensor
from ..ops.core import group
from ..ops.core import tuple as tuple_of
from ..ops.indexed_slices import IndexedSlices
from ..ops.state import assign_add
from ..trackable import Trackable, TrackableReference
from ..variables import Variable, trainable_variables
from . import slot_creator

__all__ = ["Optimizer"]


def _is_resource(variable):
    return getattr(variable, "_is_resource", False)


def _apply(optimizer, grad, variable):
    """The op that applies one gradient, by the kinds of the gradient and of the variable."""
    if not isinstance(variable, Variable):
        raise NotImplementedError("Trying to update a Tensor ", variable)
    if isinstance(grad, IndexedSlices):
        if variable.constraint is not None:
            raise RuntimeError("Cannot use a constraint function on a sparse variable.")
        if _is_resource(variable):
            return optimizer._resource_apply_sparse_duplicate_indices(grad.values, variable, grad.indices)
        return optimizer._apply_sparse_duplicate_indices(grad, variable)
    apply_dense = optimizer._resource_apply_dense if _is_resource(variable) else optimizer._apply_dense
    update = apply_dense(grad, variable)
    if variable.constraint is None:
        return update
    with control_dependencies([update]):
        return variable.assign(variable.constraint(variable))


def _flatten(variables):
    return flatten(variables)


class Optimizer(Trackable):
    """What all optimizers share: `minimize`, `compute_gradients`, `apply_gradients`, and slots.

    A subclass overrides `_prepare` (tensors of its hyperparameters), `_create_slots`, and `_apply_dense`,
    `_apply_sparse`, `_resource_apply_dense`, `_resource_apply_sparse` (the op that updates one variable); and
    `_finish`, `_apply_sparse_duplicate_indices`, `_valid_dtypes` where the defaults do not suit.

    Args:
      use_locking: whether two threads' updates of one variable exclude each other.
      name: prefix of the names of the ops and slots it makes.

    Raises:
      ValueError: without a name.
    """

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(self, use_locking, name):
        if not name:
            raise ValueError("Must specify the optimizer name")
        self._use_locking = use_locking
        self._name = name
        self._slots = {}
        self._non_slot_dict = {}
        self._deferred_slot_restorations = {}  # (slot's name, variable) -> what checkpoints have for a slot that is not there yet

    def get_name(self):
        """The name that its nodes' scope has."""
        return self._name

    def minimize(self, loss, global_step=None, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                 colocate_gradients_with_ops=False, name=None, grad_loss=None):  # fmt: skip
        """The op that makes one step towards a smaller loss.

        Args:
          loss: a tensor.
          global_step: a variable that the op adds 1 to once the variables are updated.
          var_list: the variables to change, by default those in TRAINABLE_VARIABLES.
          gate_gradients: GATE_NONE, GATE_OP or GATE_GRAPH.
          aggregation_method: how gradients of several paths add up.
          colocate_gradients_with_ops: accepted.
          name: of the op.
          grad_loss: the gradient of the loss itself.

        Raises:
          ValueError: where no variable has a gradient.
        """
        grads_and_vars = self.compute_gradients(
            loss, var_list=var_list, gate_gradients=gate_gradients, aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops, grad_loss=grad_loss,
        )  # fmt: skip
        if not any(grad is not None for grad, _ in grads_and_vars):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not support gradients, "
                f"between variables {[str(v) for _, v in grads_and_vars]} and loss {loss}."
            )
        return self.apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def compute_gradients(self, loss, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                          colocate_gradients_with_ops=False, grad_loss=None):  # fmt: skip
        """The gradients of a loss: a list of (gradient or None, variable). Arguments as in `minimize`.

        Raises:
          TypeError: where something to optimize is no variable.
          ValueError: where there is nothing to optimize, or a variable of an unfit dtype.
        """
        if gate_gradients not in (Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH):
            raise ValueError(
                "gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH.  "
                f"Not {gate_gradients}"
            )
        if callable(loss):
            loss = loss()
        self._assert_valid_dtypes([loss])
        if grad_loss is not None:
            self._assert_valid_dtypes([grad_loss])
        if var_list is None:
            var_list = trainable_variables() + get_default_graph().get_collection(
                GraphKeys.TRAINABLE_RESOURCE_VARIABLES
            )
        else:
            var_list = _flatten(var_list)
        if not var_list:
            raise ValueError("No variables to optimize.")
        targets = [self._target(variable) for variable in var_list]
        grads = gradients(
            loss, targets, grad_ys=grad_loss, gate_gradients=gate_gradients == Optimizer.GATE_OP,
            aggregation_method=aggregation_method, colocate_gradients_with_ops=colocate_gradients_with_ops,
        )  # fmt: skip
        if gate_gradients == Optimizer.GATE_GRAPH:
            grads = tuple_of(grads)
        pairs = list(zip(grads, var_list))
        self._assert_valid_dtypes([v for g, v in pairs if g is not None])
        return pairs

    @staticmethod
    def _target(variable):
        if isinstance(variable, Variable):
            return variable.handle if _is_resource(variable) else variable._ref()
        if isinstance(variable, Tensor):
            return variable
        raise NotImplementedError("Trying to optimize unsupported type ", variable)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """The op that applies gradients to variables.

        Args:
          grads_and_vars: pairs as `compute_gradients` gives them.
          global_step: a variable that the op adds 1 to once the variables are updated.
          name: of the op, by default the optimizer's.

        Raises:
          TypeError: where a gradient is none.
          ValueError: where there is no gradient at all.
        """
        pairs = [(self._gradient(grad), variable) for grad, variable in grads_and_vars]
        if not pairs:
            raise ValueError("No variables provided.")
        var_list = [variable for grad, variable in pairs if grad is not None]
        if not var_list:
            raise ValueError(f"No gradients provided for any variable: {[str(v) for _, v in pairs]}.")
        with control_dependencies(None), collector_paused():
            self._create_slots(var_list)
        updates = []
        with name_scope(name, self._name) as scope, collector_paused():
            self._prepare()
            for grad, variable in pairs:
                if grad is not None:
                    with name_scope("update_" + variable.op.name), colocate_with(variable):
                        updates.append(_apply(self, grad, variable))
            train_op = self._count(updates, global_step, scope)
        train_op = train_op.op if isinstance(train_op, Tensor) else train_op
        collected = get_default_graph().get_collection_ref(GraphKeys.TRAIN_OP)
        if train_op not in collected:
            collected.append(train_op)
        return train_op

    @staticmethod
    def _gradient(grad):
        if grad is None or isinstance(grad, (Tensor, IndexedSlices)):
            return grad
        try:
            return convert_to_tensor(grad)
        except TypeError:
            raise TypeError(f"Gradient must be convertible to a Tensor or IndexedSlices, or None: {grad}") from None

    def _count(self, updates, global_step, scope):
        """The updates as one op, with the global step counted after them."""
        if global_step is None:
            return self._finish(updates, scope)
        with control_dependencies([self._finish(updates, "update")]), colocate_with(global_step):
            if _is_resource(global_step):
                one = convert_to_tensor(1, dtype=global_step.dtype)
                return apply_op("AssignAddVariableOp", [global_step.handle, one], name=scope)
            return assign_add(global_step, 1, name=scope)

    # --- slots ----------------------------------------------------------------------------------------

    def get_slot(self, var, name):
        """The slot of a variable by its name, e.g. Adam's "m"; None where there is none."""
        return self._slots.get(name, {}).get(self._key(var))

    def get_slot_names(self):
        """The names of the slots, sorted."""
        return sorted(self._slots)

    def variables(self):
        """All variables that the optimizer made in the default graph, sorted by name."""
        graph = get_default_graph()
        own = [v for v in self._non_slot_variables() if v.graph is graph]
        own += [v for slots in self._slots.values() for v in slots.values() if v.graph is graph]
        return sorted(own, key=lambda v: v.name)

    @staticmethod
    def _key(variable):
        return variable.op.graph, variable.op.name

    def _slot_dict(self, slot_name):
        return self._slots.setdefault(slot_name, {})

    def _get_or_make_slot(self, var, val, slot_name, op_name):
        slots, key = self._slot_dict(slot_name), self._key(var)
        if key not in slots:
            slots[key] = self._restored_slot(slot_creator.create_slot(var, val, op_name), slot_name, key)
        return slots[key]

    def _get_or_make_slot_with_initializer(self, var, initializer, shape, dtype, slot_name, op_name):
        slots, key = self._slot_dict(slot_name), self._key(var)
        if key not in slots:
            slot = slot_creator.create_slot_with_initializer(var, initializer, shape, dtype, op_name)
            slots[key] = self._restored_slot(slot, slot_name, key)
        return slots[key]

    def _zeros_slot(self, var, slot_name, op_name):
        slots, key = self._slot_dict(slot_name), self._key(var)
        if key not in slots:
            slots[key] = self._restored_slot(slot_creator.create_zeros_slot(var, op_name), slot_name, key)
        return slots[key]

    def _create_non_slot_variable(self, initial_value, name, colocate_with):
        graph = colocate_with.graph
        key = (name, graph)
        variable = self._non_slot_dict.get(key)
        if variable is None:
            with graph.colocate_with(colocate_with):
                variable = Variable(initial_value, name=name, trainable=False, use_resource=_is_resource(colocate_with))
            self._handle_deferred_dependencies(name, variable)
            self._non_slot_dict[key] = variable
        return variable

    def _get_non_slot_variable(self, name, graph=None):
        return self._non_slot_dict.get((name, graph))

    def _non_slot_variables(self):
        return self._non_slot_dict.values()

    # --- in object-based checkpoints ---------------------------------------------------------------------

    @property
    def _checkpoint_dependencies(self):
        """Its own, and those of its variables that are no slots and belong to the default graph."""
        graph = get_default_graph()
        own = sorted(
            ((n, v) for (n, _), v in self._non_slot_dict.items() if v.graph is graph), key=lambda pair: pair[0]
        )
        return super()._checkpoint_dependencies + [TrackableReference(name, v) for name, v in own]

    def _lookup_dependency(self, name):
        found = super()._lookup_dependency(name)
        return self._get_non_slot_variable(name, get_default_graph()) if found is None else found

    def _restored_slot(self, slot, slot_name, key):
        """A new slot variable; it gets what checkpoints have for it, the latest restore first."""
        waiting = self._deferred_slot_restorations.pop((slot_name, key), ())
        for position in sorted(waiting, key=lambda position: position.restore_uid, reverse=True):
            position.restore(slot)
        return slot

    def _create_or_restore_slot_variable(self, slot_variable_position, slot_name, variable):
        """Gives the slot of a variable what a checkpoint has for it, now or when the slot is made."""
        key = self._key(variable)
        slot = self._slots.get(slot_name, {}).get(key)
        if slot is not None:
            slot_variable_position.restore(slot)
        else:
            self._deferred_slot_restorations.setdefault((slot_name, key), []).append(slot_variable_position)

    # --- what subclasses override -----------------------------------------------------------------------

    def _valid_dtypes(self):
        return {dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64}

    def _assert_valid_dtypes(self, tensors):
        valid = self._valid_dtypes()
        for tensor in tensors:
            dtype = tensor.dtype.base_dtype
            if dtype not in valid:
                raise ValueError(f"Invalid type {dtype!r} for {tensor.name}, expected: {list(valid)}.")

    def _create_slots(self, var_list):
        """Makes the slots of the variables; by default none."""

    def _prepare(self):
        """Makes the tensors that all updates share; by default none."""

    def _apply_dense(self, grad, var):
        """The op that updates `var` by the tensor `grad`."""
        raise NotImplementedError(f"{type(self).__name__} does not define _apply_dense")

    def _resource_apply_dense(self, grad, handle):
        """The op that updates a resource variable by the tensor `grad`."""
        raise NotImplementedError(f"{type(self).__name__} does not define _resource_apply_dense")

    def _apply_sparse(self, grad, var):
        """The op that updates rows of `var` by `grad`, IndexedSlices without equal indices."""
        raise NotImplementedError(f"{type(self).__name__} does not define _apply_sparse")

    def _resource_apply_sparse(self, grad, handle, indices):
        """The op that updates rows of a resource variable; `indices` has no equal ones."""
        raise NotImplementedError(f"{type(self).__name__} does not define _resource_apply_sparse")

    def _apply_sparse_duplicate_indices(self, grad, var):
        """As `_apply_sparse`, where indices may be equal: their slices are added up first."""
        values, indices = _deduplicate_indexed_slices(grad.values, grad.indices)
        return self._apply_sparse(IndexedSlices(values, indices, grad.dense_shape), var)

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        values, indices = _deduplicate_indexed_slices(grad, indices)
        return self._resource_apply_sparse(values, handle, indices)

    def _finish(self, update_ops, name_scope):
        """The op that stands for the whole update."""
        return group(*update_ops, name=name_scope)

    @staticmethod
    def _call_if_callable(param):
        return param() if callable(param) else param


def _deduplicate_indexed_slices(values, indices):
    """Slices whose indices are equal added up: (values, indices)."""
    from ..ops.array import shape
    from ..ops.segment import unsorted_segment_sum
    from ..ops.sets import unique

    distinct, positions = unique(indices)
    return unsorted_segment_sum(values, positions, shape(distinct)[0]), distinct
