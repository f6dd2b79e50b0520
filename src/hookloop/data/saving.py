"""Iterators in checkpoints: how far they have come, saved and restored by a `Saver`, a `Checkpoint` or a hook of their own."""

from __future__ import annotations

from ..graph.collections import get_collection
from ..graph.scopes import colocate_with
from ..ops.build import apply_op
from ..train.checkpoint_management import checkpoint_state_to_go_on_from, latest_checkpoint
from ..train.checkpoint_saver_hook import CheckpointSaverHook
from ..train.saveable import SaveableObject, SaveSpec
from ..train.saver import Saver
from ..train.session_run_hook import SessionRunHook
from .iterator import GLOBAL_ITERATORS


class IteratorSaveable(SaveableObject):
    """What a `Saver` saves of an iterator.

    Args:
      resource: the tensor that stands for the iterator.
      name: under which it is saved.
      key: the key of its state; by default the name.
    """

    def __init__(self, resource, name, key=None):
        state = apply_op("SerializeIterator", [resource])
        super().__init__(resource, [SaveSpec(state, "", key or name)], name)

    def restore(self, restored_tensors, restored_shapes):
        with colocate_with(self.op):
            return apply_op("DeserializeIterator", [self.op, restored_tensors[0]])


def make_saveable_from_iterator(iterator):
    """What a `Saver` needs to save and restore how far an iterator has come.

    Args:
      iterator: an `Iterator`. It goes on when it is restored, so its initializer has to run before.

    Returns:
      A `SaveableObject`, for a saver's `var_list` or for the collection `GraphKeys.SAVEABLE_OBJECTS`.
    """
    resource = iterator._iterator_resource
    return IteratorSaveable(resource, resource.name, resource.name + "-state")


class CheckpointInputPipelineHook(SessionRunHook):
    """Saves all iterators of the graph when and where an estimator saves its checkpoints, and goes on where they stood.

    The files are named `input.ckpt-STEP`, and `checkpoint_input` says which is the latest: they are beside those of the model.

    Args:
      estimator: an object with `model_dir`, and with `_config` or `config` that has `save_checkpoints_secs` or
        `save_checkpoints_steps`.

    Raises:
      ValueError: where not exactly one of the two is set.
    """

    def __init__(self, estimator):
        config = getattr(estimator, "_config", None) or estimator.config
        prefix = "input"
        if getattr(config, "num_worker_replicas", 1) > 1:
            prefix += f"_{config.task_type}_{config.task_id}"
        self._checkpoint_saver_hook = CheckpointSaverHook(
            estimator.model_dir,
            save_secs=config.save_checkpoints_secs,
            save_steps=config.save_checkpoints_steps,
            checkpoint_basename=prefix + ".ckpt",
        )
        self._latest_filename = "checkpoint_" + prefix
        self._first_run = True

    def begin(self):
        saver_hook = self._checkpoint_saver_hook
        if saver_hook._saver is None and saver_hook._scaffold is None:
            saveables = [_of_resource(resource) for resource in get_collection(GLOBAL_ITERATORS)]
            saver_hook._saver = _InputSaver(saveables, self._latest_filename)
        saver_hook.begin()

    def before_run(self, run_context):
        if self._first_run:  # all hooks have made what their iterators need
            self._restore_or_save(run_context.session)
            self._first_run = False
        return self._checkpoint_saver_hook.before_run(run_context)

    def _restore_or_save(self, session):
        saver_hook = self._checkpoint_saver_hook
        checkpoint_state_to_go_on_from(saver_hook._checkpoint_dir, self._latest_filename)  # raises where it is damaged
        latest = latest_checkpoint(saver_hook._checkpoint_dir, self._latest_filename)
        if latest is not None:
            saver_hook._get_saver().restore(session, latest)
            return
        global_step = session.run(saver_hook._global_step_tensor)
        saver_hook._save(session, global_step)
        saver_hook._timer.update_last_triggered_step(global_step)

    def after_run(self, run_context, run_values):
        self._checkpoint_saver_hook.after_run(run_context, run_values)

    def end(self, session):
        self._checkpoint_saver_hook.end(session)


def _of_resource(resource):
    return IteratorSaveable(resource, resource.name, resource.name + "-state")


class _InputSaver(Saver):
    """A saver whose state file has a name of its own, so that it stands beside another's."""

    def __init__(self, var_list, latest_filename):
        super().__init__(var_list)
        self._latest_filename = latest_filename

    def save(self, sess, save_path, global_step=None, latest_filename=None, meta_graph_suffix="meta",
             write_meta_graph=True, write_state=True, strip_default_attrs=False, save_debug_info=False):  # fmt: skip
        return super().save(
            sess, save_path, global_step, latest_filename or self._latest_filename, meta_graph_suffix, write_meta_graph,
            write_state, strip_default_attrs, save_debug_info,
        )  # fmt: skip
