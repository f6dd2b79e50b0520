"""`SyncReplicasOptimizer`: gradients of several replicas are gathered, and applied as one."""

from __future__ import annotations

from .. import logging
from ..graph.collections import GraphKeys
from ..graph.scopes import colocate_with, control_dependencies, device, name_scope
from ..graph.tensor import Tensor
from ..ops.accumulators import ConditionalAccumulator, SparseConditionalAccumulator
from ..ops.array import fill
from ..ops.core import group, no_op
from ..ops.indexed_slices import IndexedSlices
from ..ops.queues import FIFOQueue
from ..ops.state import assign
from ..variables import Variable, global_variables, report_uninitialized_variables
from .optimizer import Optimizer
from .queue_runner import QueueRunner
from .session_manager import _ready
from .session_run_hook import SessionRunHook

__all__ = ["SyncReplicasOptimizer"]


class SyncReplicasOptimizer(Optimizer):
    """Gathers the gradients of several replicas of a step, which threads of one session run, and applies their mean.

    A replica's training operation adds its gradients and waits for a token, which it gets when the step has been made. What
    makes the step is a queue runner of the chief: see `make_session_run_hook`.

    Args:
      opt: the optimizer that applies the mean.
      replicas_to_aggregate: of how many gradients a step is made.
      total_num_replicas: how many replicas there are; by default as many.
      variable_averages: an `ExponentialMovingAverage` of the variables, or None.
      variables_to_average: which variables it is of.
      use_locking: as of `Optimizer`.
      name: of the operations.

    Attributes:
      local_step_init_op: after `apply_gradients`: the operation that a replica runs first.
      chief_init_op: the one that the chief runs first.
      ready_for_local_init_op: what is still to initialize before.
    """

    def __init__(self, opt, replicas_to_aggregate, total_num_replicas=None, variable_averages=None, variables_to_average=None,
                 use_locking=False, name="sync_replicas"):  # fmt: skip
        if total_num_replicas is None:
            total_num_replicas = replicas_to_aggregate
        super().__init__(use_locking, name)
        logging.info(
            "SyncReplicasV2: replicas_to_aggregate=%s; total_num_replicas=%s", replicas_to_aggregate, total_num_replicas
        )
        self._opt = opt
        self._replicas_to_aggregate = replicas_to_aggregate
        self._total_num_replicas = total_num_replicas
        self._tokens_per_step = max(total_num_replicas, replicas_to_aggregate)
        self._variable_averages = variable_averages
        self._variables_to_average = variables_to_average
        self._gradients_applied = False
        self._global_step = self._sync_token_queue = self._chief_queue_runner = None
        self._accumulator_list = []  # (accumulator, device)

    def compute_gradients(self, *args, **kwargs):
        """The gradients of the optimizer within; arguments as of its `compute_gradients`."""
        return self._opt.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """The operation that a replica runs: it hands in gradients, and waits until a step is made.

        Args:
          grads_and_vars: pairs as `compute_gradients` gives them.
          global_step: the variable that counts the steps, by which late gradients are known.
          name: accepted.

        Raises:
          ValueError: without gradients, or without a global step.
        """
        if not grads_and_vars:
            raise ValueError("Must supply at least one variable")
        if global_step is None:
            raise ValueError("Global step is required to check staleness")
        self._global_step = global_step
        anchor = no_op()
        with colocate_with(anchor):
            self._local_step = Variable(
                0, trainable=False, collections=[GraphKeys.LOCAL_VARIABLES], dtype=global_step.dtype.base_dtype,
                name="sync_rep_local_step",
            )  # fmt: skip
        self.local_step_init_op = assign(self._local_step, global_step)
        self.ready_for_local_init_op = report_uninitialized_variables(global_variables())
        with name_scope(None, self._name):
            handed_in, means = self._gather(grads_and_vars)
            with device(global_step.device), name_scope(""):
                update = self._opt.apply_gradients(
                    zip(means, [variable for _, variable in grads_and_vars]), global_step
                )
            train_op = self._wait_for_token(handed_in, update)
            init_ops = [self.local_step_init_op]
            for accumulator, where in self._accumulator_list:
                with device(where):
                    init_ops.append(accumulator.set_global_step(global_step, name="SetGlobalStep"))
            self.chief_init_op = group(*init_ops)
        self._gradients_applied = True
        return train_op

    def _gather(self, pairs):
        """The operations that hand in each gradient, and the means of what all replicas hand in."""
        handed_in, means = [], []
        for grad, variable in pairs:
            if grad is None:
                means.append(None)
                continue
            if not isinstance(grad, (Tensor, IndexedSlices)):
                raise ValueError("Unknown grad type!")
            shared = variable.name + "/grad_accum"
            with device(variable.device):
                if isinstance(grad, Tensor):
                    accumulator = ConditionalAccumulator(grad.dtype, variable.get_shape(), shared)
                    handed_in.append(accumulator.apply_grad(grad, self._local_step))
                    means.append(accumulator.take_grad(self._replicas_to_aggregate))
                else:
                    accumulator = SparseConditionalAccumulator(grad.dtype, (), shared)
                    handed_in.append(accumulator.apply_indexed_slices_grad(grad, self._local_step))
                    means.append(accumulator.take_indexed_slices_grad(self._replicas_to_aggregate))
                self._accumulator_list.append((accumulator, variable.device))
        return handed_in, means

    def _wait_for_token(self, handed_in, update):
        """The operation that waits for a token; the chief's queue runner hands tokens out after each update."""
        step = self._global_step
        with device(step.device), name_scope(""):
            self._sync_token_queue = FIFOQueue(
                -1, step.dtype.base_dtype, shapes=(), name="sync_token_q", shared_name="sync_token_q"
            )
            dummy = FIFOQueue(1, "int32", shapes=(), name="dummy_queue", shared_name="dummy_queue")
        with device(step.device), name_scope(""):
            with control_dependencies(handed_in):
                token = self._sync_token_queue.dequeue()
            train_op = assign(self._local_step, token)
            with control_dependencies([update]):
                tokens = fill([self._tokens_per_step], step)
                hand_out = self._sync_token_queue.enqueue_many((tokens,))
            if self._variable_averages is not None:
                with control_dependencies([hand_out]), name_scope(""):
                    hand_out = self._variable_averages.apply(self._variables_to_average)
            self._chief_queue_runner = QueueRunner(dummy, [hand_out])
        return train_op

    def get_chief_queue_runner(self):
        """The queue runner that makes the steps; the chief starts it.

        Raises:
          ValueError: before `apply_gradients`.
        """
        if not self._gradients_applied:
            raise ValueError("Should be called after apply_gradients().")
        return self._chief_queue_runner

    def get_init_tokens_op(self, num_tokens=-1):
        """The operation with which the chief hands out the first tokens.

        Args:
          num_tokens: how many; by default as many as a step has gradients.

        Raises:
          ValueError: before `apply_gradients`, and for fewer tokens than the first step needs.
        """
        if not self._gradients_applied:
            raise ValueError("get_init_tokens_op() should be called after apply_gradients().")
        needed = self._replicas_to_aggregate - self._total_num_replicas
        if num_tokens == -1:
            num_tokens = self._replicas_to_aggregate
        elif num_tokens < needed:
            raise ValueError(f"Too few tokens to finish the first step: {num_tokens} (given) vs {needed} (needed)")
        if num_tokens <= 0:
            return no_op(name="no_init_tokens")
        with device(self._global_step.device), name_scope(""):
            tokens = fill([num_tokens], self._global_step)
            return self._sync_token_queue.enqueue_many((tokens,))

    def make_session_run_hook(self, is_chief, num_tokens=-1):
        """The hook that prepares a session of a replica; the chief's starts what makes the steps.

        Args:
          is_chief: whether it is the chief's.
          num_tokens: as of `get_init_tokens_op`.
        """
        return _SyncReplicasOptimizerHook(self, is_chief, num_tokens)

    def get_slot(self, *args, **kwargs):
        """A slot of the optimizer within."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        """The names of the slots of the optimizer within."""
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self):
        """The variables of the optimizer within."""
        return self._opt.variables()


class _SyncReplicasOptimizerHook(SessionRunHook):
    """Runs what a replica runs first, and starts the chief's queue runner."""

    def __init__(self, sync_optimizer, is_chief, num_tokens):
        self._sync_optimizer = sync_optimizer
        self._is_chief = is_chief
        self._num_tokens = num_tokens

    def begin(self):
        optimizer = self._sync_optimizer
        if not optimizer._gradients_applied:
            raise ValueError("SyncReplicasOptimizer.apply_gradient should be called before using the hook.")
        self._ready_for_local_init_op = optimizer.ready_for_local_init_op
        self._q_runner = self._init_tokens_op = None
        if not self._is_chief:
            self._local_init_op = optimizer.local_step_init_op
            return
        self._local_init_op = optimizer.chief_init_op
        self._q_runner = optimizer.get_chief_queue_runner()
        self._init_tokens_op = optimizer.get_init_tokens_op(self._num_tokens)

    def after_create_session(self, session, coord):
        ready, message = _ready(
            self._ready_for_local_init_op, session, "Model is not ready for SyncReplicasOptimizer local init."
        )
        if not ready:
            raise RuntimeError(
                "Init operations did not make model ready for SyncReplicasOptimizer local_init. Init op: "
                f"{self._local_init_op.name}, error: {message}"
            )
        session.run(self._local_init_op)
        if self._init_tokens_op is not None:
            session.run(self._init_tokens_op)
        if self._q_runner is not None:
            self._q_runner.create_threads(session, coord=coord, daemon=True, start=True)
