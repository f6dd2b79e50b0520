"""`Saver`: saves variables to checkpoints and restores them."""

from __future__ import annotations

import os
import time
import weakref
from contextlib import contextmanager, nullcontext

import numpy as np

from .. import errors, logging
from ..files import run_state as state_file
from ..files.paths import local_path
from ..graph.stack import get_default_graph
from ..ops.checkpoint import items_to_save, write_items
from ..variables import _all_saveable_objects
from . import checkpoint_management as management
from . import run_state
from .background import BackgroundWriter
from .object_graph import read_object_graph
from .saveable import saveables
from .saver_builder import BulkSaverBuilder, SaverNames
from .saver_builder import saver_def as _saver_def
from .training_util import global_step as _global_step

__all__ = ["Saver"]

_MOST_STEP_DIGITS = 8
_SECONDS_AN_HOUR = 3600.0

_CAUSES = {
    errors.NotFoundError: "a Variable name or other graph key that is missing from the checkpoint",
    errors.InvalidArgumentError: "a mismatch between the current graph and the graph from the checkpoint",
}


class Saver:
    """Saves variables to checkpoints in TensorFlow's V2 format and restores them.

    Args:
      var_list: variables, or a dictionary name in the checkpoint -> variable; by default all global variables.
      reshape: whether a checkpoint may have other shapes of as many elements.
      sharded: whether each device writes a file of its own.
      max_to_keep: how many checkpoints to keep; None or 0 for all. Each save removes one at most.
      keep_checkpoint_every_n_hours: of the older ones, one in so many hours is kept; all of them where it is 0 or None.
      name: the name scope of the nodes; beside `saver_def`, the scope that they were imported into.
      restore_sequentially: accepted; all variables are restored at once.
      saver_def: a `SaverDef`: the nodes are in the graph already.
      builder: a `BaseSaverBuilder`, which makes the nodes; by default one that reads all variables by one node.
      defer_build: whether the nodes are only made by `build()`.
      allow_empty: whether there may be no variables.
      write_version: the format, V2; V2 is written where it is V1 too, with a warning.
      pad_step_number: whether a step has leading zeros, so that names sort as steps do.
      save_relative_paths: accepted; paths in the state file are relative to its directory, which can be moved.
      filename: the checkpoint's prefix where none is fed.
      async_save: whether `save` only copies the values, and a thread writes the files. An error in it is raised by the next
        step of a monitored session, or by the next `save`, `restore` or `wait`. What a builder's own `save_op` does is done in
        `save`.

    Raises:
      TypeError: where `var_list` has something else than variables.
      ValueError: where there is nothing to save, or a variable comes twice.
    """

    def __init__(self, var_list=None, reshape=False, sharded=False, max_to_keep=5, keep_checkpoint_every_n_hours=10000.0,
                 name=None, restore_sequentially=False, saver_def=None, builder=None, defer_build=False, allow_empty=False,
                 write_version=2, pad_step_number=False, save_relative_paths=False, filename=None,
                 async_save=False):  # fmt: skip
        if defer_build and var_list:
            raise ValueError(
                "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or var_list=None."
            )
        self._var_list = var_list
        self._builder = BulkSaverBuilder(write_version) if builder is None else builder
        self._reshape = reshape
        self._sharded = sharded
        self._restore_sequentially = restore_sequentially
        self._max_to_keep = max_to_keep
        self._keep_checkpoint_every_n_hours = keep_checkpoint_every_n_hours
        self._name = name
        self._allow_empty = allow_empty
        self._pad_step_number = pad_step_number
        self._filename = filename
        self._is_empty = False
        self._is_built = False
        self._writer = BackgroundWriter() if async_save else None
        self._loop = None  # a weak reference to the monitored session that was told of the thread's error, or None
        self._last_checkpoints = []  # (prefix, seconds since 1970), oldest first
        self._checkpoints_to_be_deleted = []
        self._saver_def = None
        self._object_saver = None  # names -> keys of object-based checkpoints, and the saver that restores by them
        self._names = None  # `SaverNames` once the nodes are there
        if saver_def is not None:
            self._take(_in_scope(saver_def, name))
            self._max_to_keep = saver_def.max_to_keep
            self._keep_checkpoint_every_n_hours = saver_def.keep_checkpoint_every_n_hours
        if not defer_build:
            self.build()

    # --- the nodes ----------------------------------------------------------------------------------------

    def build(self):
        """Adds the nodes to the graph, once.

        Raises:
          ValueError: where there is nothing to save and `allow_empty` is not set.
        """
        if self._is_built:
            return
        self._is_built = True
        if self._names is None:
            if self._var_list is None:
                self._var_list = _all_saveable_objects()
            if not self._var_list:
                if not self._allow_empty:
                    raise ValueError("No variables to save")
                self._is_empty = True
                return
            self._add_nodes()
        self._next_checkpoint_time = time.time() + self._kept_period()

    def _add_nodes(self):
        """Lets the builder add the nodes; ours makes no message of protocol buffers, which takes time, where nobody asks for it."""
        if type(self._builder) is BulkSaverBuilder:
            self._names = self._builder._add_nodes(
                self._var_list, self._reshape, self._sharded, self._name, self._restore_sequentially, self._filename
            )
        else:
            self._take(
                self._builder._build_internal(
                    self._var_list, reshape=self._reshape, sharded=self._sharded, max_to_keep=self._max_to_keep,
                    keep_checkpoint_every_n_hours=self._keep_checkpoint_every_n_hours, name=self._name,
                    restore_sequentially=self._restore_sequentially, filename=self._filename, build_save=True, build_restore=True,
                )
            )  # fmt: skip

    def _take(self, definition):
        """Takes over nodes that are in the graph.

        Raises:
          ValueError: where it is no `SaverDef`, or lacks a name.
        """
        if not hasattr(definition, "restore_op_name"):
            raise ValueError(f"saver_def must be a SaverDef: {definition}")
        if not definition.save_tensor_name:
            raise ValueError(f"saver_def must specify the save_tensor_name: {definition}")
        if not definition.restore_op_name:
            raise ValueError(f"saver_def must specify the restore_op_name: {definition}")
        self._saver_def = definition
        self._names = SaverNames(
            definition.filename_tensor_name, definition.save_tensor_name, definition.restore_op_name
        )

    @property
    def saver_def(self):
        """The `SaverDef`; None where there is nothing to save."""
        if self._saver_def is None and self._names is not None:
            self._saver_def = _saver_def(
                self._names, self._max_to_keep, self._keep_checkpoint_every_n_hours, self._sharded
            )
        return self._saver_def

    def as_saver_def(self):
        """The `SaverDef` message: names of the nodes, and how many checkpoints are kept."""
        return self.saver_def

    def to_proto(self, export_scope=None):
        """The `SaverDef`, the names without an outer scope; None where the nodes are not in that scope."""
        if export_scope is None:
            return self.saver_def
        prefix = export_scope.rstrip("/") + "/"
        definition = self.saver_def
        if not (definition.filename_tensor_name.startswith(prefix) and definition.save_tensor_name.startswith(prefix)):
            return None
        copy = type(definition)()
        copy.CopyFrom(definition)
        for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
            setattr(copy, field, getattr(copy, field)[len(prefix) :])
        return copy

    @staticmethod
    def from_proto(saver_def, import_scope=None):
        """A saver of nodes that are in the graph, the names below an outer scope."""
        return Saver(saver_def=saver_def, name=import_scope)

    # --- which checkpoints there are ----------------------------------------------------------------------

    @property
    def last_checkpoints(self):
        """The prefixes of the checkpoints that are kept, oldest first."""
        return [prefix for prefix, _ in self._last_checkpoints]

    def set_last_checkpoints(self, last_checkpoints):
        """The old form of `set_last_checkpoints_with_time`, without times."""
        if not isinstance(last_checkpoints, list):
            raise AssertionError(f"expected a list of prefixes, got {last_checkpoints!r}")
        self._last_checkpoints = [(prefix, np.inf) for prefix in last_checkpoints]

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time):
        """Says which checkpoints there are: (prefix, seconds since 1970) pairs, oldest first."""
        if not isinstance(last_checkpoints_with_time, list):
            raise AssertionError(f"expected a list of pairs, got {last_checkpoints_with_time!r}")
        self._last_checkpoints = last_checkpoints_with_time

    def recover_last_checkpoints(self, checkpoint_paths):
        """Takes over checkpoints of an earlier program, those that are still there."""
        found = [path for path in checkpoint_paths if management.checkpoint_exists(path)]
        self.set_last_checkpoints_with_time(list(zip(found, management.get_checkpoint_mtimes(found))))

    def _kept_period(self):
        """The seconds between two old checkpoints that are kept."""
        return (self._keep_checkpoint_every_n_hours or 0.0) * _SECONDS_AN_HOUR

    def _note_checkpoint(self, prefix, meta_graph_suffix):
        """Puts a new checkpoint at the end of the list; those that are too many are to be deleted."""
        if not self._max_to_keep:
            return
        kept = [pair for pair in self._last_checkpoints if pair[0] != prefix]
        kept.append((prefix, time.time()))
        self._last_checkpoints = kept
        if len(kept) > max(self._max_to_keep, 0):  # one alone: those that an earlier program kept beyond them stay
            oldest = kept.pop(0)
            if oldest[1] > self._next_checkpoint_time:
                self._next_checkpoint_time += self._kept_period()
            else:
                self._checkpoints_to_be_deleted.append(oldest)

    def _delete_old(self, meta_graph_suffix):
        """Removes what is too much: only once the state file names it no more."""
        while self._checkpoints_to_be_deleted:
            prefix, _ = self._checkpoints_to_be_deleted.pop(0)
            try:
                management.remove_checkpoint(prefix, meta_graph_suffix=meta_graph_suffix)
            except OSError as error:
                logging.warning("Ignoring: %s", error)

    # --- saving and restoring -----------------------------------------------------------------------------

    def save(self, sess, save_path, global_step=None, latest_filename=None, meta_graph_suffix="meta", write_meta_graph=True,
             write_state=True, strip_default_attrs=False, save_debug_info=False):  # fmt: skip
        """Saves the variables.

        Args:
          sess: a session, or a monitored one.
          save_path: the prefix of the checkpoint's files.
          global_step: a number behind the prefix: an int, a tensor or a variable.
          latest_filename: the name of the state file, "checkpoint" by default.
          meta_graph_suffix: the ending of the graph's file.
          write_meta_graph: whether the graph is written too.
          write_state: whether the state file is brought up to date.
          strip_default_attrs: whether the graph's file leaves out attributes with their default.
          save_debug_info: accepted.

        Returns:
          The prefix of the checkpoint; None where there was nothing to save.

        Raises:
          TypeError: `sess` is no session.
          ValueError: `save_path` is empty, `latest_filename` has a directory, or the directory to save to cannot be made: the
            one above it does not exist.
          RuntimeError: `defer_build` was set and `build()` not called.
          OpError: the files cannot be written; an older checkpoint is as it was.
        """
        if not self._is_built:
            raise RuntimeError("`build()` should be called before save if defer_build==True")
        latest_filename = latest_filename or "checkpoint"
        if os.path.split(latest_filename)[0]:
            raise ValueError("'latest_filename' must not contain path components")
        session = _session(sess)
        save_path = _prefix_text(save_path)
        prefix = self._prefix(session, save_path, global_step)
        if os.path.basename(prefix) == latest_filename and not self._sharded:
            raise ValueError(f"'latest_filename' collides with 'save_path': '{latest_filename}' and '{prefix}'")
        self.wait()

        def meta_graph():
            return self._meta_graph(session.graph, strip_default_attrs) if write_meta_graph else None

        def export(message):
            if message is not None:
                _write_meta_graph(f"{prefix}.{meta_graph_suffix}", message)

        def record():
            if write_state:
                self._record(prefix, latest_filename, meta_graph_suffix)

        if self._is_empty:
            export(meta_graph())
            return None
        state = run_state.collect(session)
        beside = nullcontext() if state is None else state_file.written_beside(prefix, state)
        if self._writer is None or getattr(type(self._builder), "save_op", None) is not BulkSaverBuilder.save_op:
            with beside, _directory_named(save_path):
                session.run(self._names.save, {self._names.prefix: prefix})
            record()
            export(meta_graph())
        else:
            self._write_in_thread(session, save_path, prefix, beside, record, meta_graph, export)
        return prefix

    def _meta_graph(self, graph, strip_default_attrs):
        from .meta_graph import export_meta_graph

        with graph.as_default():
            return export_meta_graph(saver_def=self.saver_def, strip_default_attrs=strip_default_attrs)

    def _write_in_thread(self, session, save_path, prefix, beside, record, meta_graph, export):
        """Copies what is to be saved; a thread writes it."""
        nodes = self._save_nodes(session.graph)
        values = session.run([list(node.inputs)[1:] for node in nodes])
        final = session.graph.finalized  # else the program may change it meanwhile
        message = None if final else meta_graph()
        items = [item for node, (n, s, *tensors) in zip(nodes, values) for item in items_to_save(node, n, s, tensors)]

        def write():
            with beside, _directory_named(save_path):
                write_items(prefix, items)
            record()
            export(meta_graph() if final else message)

        loop = run_state.monitored_session(session)
        self._loop = None if loop is None else weakref.ref(loop)
        resources = getattr(session, "_resources", None)
        if resources is not None:
            resources[("writer", id(self._writer))] = self._writer
        self._writer.start(write, None if loop is None else loop.report)

    def _save_nodes(self, graph):
        """The nodes that write tensors, of which there is one for each device."""
        found, seen, left = [], set(), [graph.get_tensor_by_name(self._names.save).op]
        while left:
            op = left.pop()
            if op in seen:
                continue
            seen.add(op)
            if op.type == "SaveV2":
                found.append(op)
            else:
                left += [*(tensor.op for tensor in op.inputs), *op.control_inputs]
        return found[::-1]

    def wait(self):
        """Waits until what `async_save` has begun is written.

        Raises:
          OpError, ValueError: as of `save`: it could not be written; raised once, by whatever comes first: a step of the
            monitored session, or this.
        """
        if self._writer is None:
            return
        try:
            self._writer.wait()
        except Exception as error:
            loop = self._loop() if self._loop is not None else None
            if loop is None or loop.take_reported() is error:
                raise

    def _record(self, prefix, latest_filename, meta_graph_suffix):
        """Brings the list of checkpoints and the state file up to date."""
        self._note_checkpoint(prefix, meta_graph_suffix)
        kept = management.with_latest(self.last_checkpoints, prefix)
        management._update(os.path.dirname(prefix), prefix, kept, latest_filename, True)
        self._delete_old(meta_graph_suffix)

    def _prefix(self, session, save_path, global_step):
        if global_step is None:
            return save_path
        if not isinstance(global_step, (int, np.integer)):
            global_step = _global_step(session, global_step)
        return f"{save_path}-{int(global_step):0{_MOST_STEP_DIGITS if self._pad_step_number else 1}d}"

    def restore(self, sess, save_path):
        """Restores the variables.

        Args:
          sess: a session, or a monitored one.
          save_path: the prefix of the checkpoint's files.

        Raises:
          ValueError: there is no checkpoint of this prefix.
          NotFoundError: the checkpoint has no tensor of a variable's name, or the directory is not there.
          InvalidArgumentError: a tensor has another shape or type than its variable.
          DataLossError: the files are corrupt, or the prefix is itself a file. In each of these cases no variable has changed.
        """
        if self._is_empty:
            return
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        self.wait()
        prefix = os.fsdecode(save_path)
        _check_is_checkpoint(prefix)
        logging.info("Restoring parameters from %s", prefix)
        session = _session(sess)
        try:
            session.run(self._names.restore, {self._names.prefix: prefix})
        except (errors.NotFoundError, errors.InvalidArgumentError) as error:
            if isinstance(error, errors.NotFoundError) and self._restore_objects(session, prefix):
                return
            raise type(error)(
                None, error.op,
                f"Restoring from checkpoint failed. This is most likely due to {_CAUSES[type(error)]}. Please ensure that you "
                f"have not altered the graph expected based on the checkpoint. Original error:\n\n{error.message}",
            ) from error  # fmt: skip

    def _restore_objects(self, session, prefix):
        """Restores an object-based checkpoint by the names that its variables had; False where it is none.

        Raises:
          NotFoundError: where a variable of that name was not in it.
        """
        message = read_object_graph(prefix)
        if message is None:
            return False
        logging.warning(
            "Restoring an object-based checkpoint using a name-based saver. This may be somewhat fragile, and will re-build the "
            "Saver. Instead, consider loading object-based checkpoints using tf.train.Checkpoint()."
        )
        keys = {a.full_name: a.checkpoint_key for node in message.nodes for a in node.attributes if a.full_name}
        if self._object_saver is None or self._object_saver[0] != keys:
            with session.graph.as_default():
                self._object_saver = keys, Saver(_renamed(self._var_list, keys, prefix))
        self._object_saver[1].restore(session, prefix)
        return True

    def export_meta_graph(self, filename=None, collection_list=None, as_text=False, export_scope=None, clear_devices=False,
                          clear_extraneous_savers=False, strip_default_attrs=False, save_debug_info=False):  # fmt: skip
        """The graph with this saver as a `MetaGraphDef`; see `tf.train.export_meta_graph`."""
        from .meta_graph import export_meta_graph

        return export_meta_graph(
            filename=filename, graph_def=get_default_graph().as_graph_def(add_shapes=True), saver_def=self.saver_def,
            collection_list=collection_list, as_text=as_text, export_scope=export_scope, clear_devices=clear_devices,
            clear_extraneous_savers=clear_extraneous_savers, strip_default_attrs=strip_default_attrs,
        )  # fmt: skip


def _in_scope(saver_def, scope):
    """A message whose names stand below an outer scope."""
    if not scope or not hasattr(saver_def, "restore_op_name"):
        return saver_def
    copy = type(saver_def)()
    copy.CopyFrom(saver_def)
    for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
        if getattr(copy, field):
            setattr(copy, field, f"{scope.rstrip('/')}/{getattr(copy, field)}")
    return copy


@contextmanager
def _directory_named(save_path):
    """What writes files there fails with a sentence where there is no directory for them."""
    try:
        yield
    except (errors.FailedPreconditionError, errors.NotFoundError) as error:
        if os.path.isdir(os.path.dirname(local_path(save_path)) or "."):
            raise
        raise ValueError(f"Parent directory of {save_path} doesn't exist, can't save.") from error


def _renamed(var_list, keys, prefix):
    """What is saved, by the keys of an object-based checkpoint: variable's name -> key."""
    if var_list is None:
        var_list = _all_saveable_objects()
    found = saveables(var_list)
    missing = sorted({spec.name for saveable in found for spec in saveable.specs} - set(keys))
    if missing:
        raise errors.NotFoundError(
            None, None,
            f"expected variables {missing} in the object-based checkpoint {prefix}, by their names: it has {sorted(keys)}. "
            "A Saver(var_list=...) of those that it has restores them; where names have changed, give a dictionary with the "
            "old names as keys.",
        )  # fmt: skip
    for saveable in found:
        for spec in saveable.specs:
            spec.name = keys[spec.name]
        saveable.name = keys.get(saveable.name, saveable.name)
    return found


def _write_meta_graph(path, message):
    from .meta_graph import write_message

    write_message(path, message, False)


def _prefix_text(save_path):
    """The path as the state file can name it.

    Raises:
      ValueError: it is empty, or bytes that are no text.
    """
    save_path = os.fsdecode(save_path)
    if not save_path:
        raise ValueError("no path specified")
    if any("\ud800" <= c <= "\udfff" for c in save_path):
        raise ValueError(f"expected a path that is text in UTF-8, got {save_path!r}")
    return save_path


def _check_is_checkpoint(prefix):
    """Refuses what is no checkpoint's prefix; of which class the error is depends on what is there instead, as in TensorFlow."""
    if management.checkpoint_exists(prefix):
        return
    path = local_path(prefix)
    directory = os.path.dirname(path)
    if directory and not os.path.isdir(directory):
        text = f"{directory}; No such file or directory: it is that of the checkpoint {prefix}"
        raise errors.NotFoundError(None, None, text)
    if os.path.exists(path):
        found = "directory" if os.path.isdir(path) else "file"
        raise errors.DataLossError(
            None, None, f"Unable to open table file {prefix}: expected what the names of a checkpoint's files begin with, before "
            f".index, in TensorFlow's V2 format, got the name of a {found}: perhaps your file is in a different file format and "
            "you need to use a different restore operator?",
        )  # fmt: skip
    raise ValueError(f"The passed save_path is not a valid checkpoint: {prefix}")


def _session(sess):
    """The session that runs the graph, below a monitored one.

    Raises:
      TypeError: where it is none.
    """
    raw = sess._tf_sess() if hasattr(sess, "_tf_sess") else sess
    if not hasattr(raw, "run") or not hasattr(raw, "graph"):
        raise TypeError(f"'sess' must be a Session; {sess}")
    return raw


def _get_saver_or_default():
    """The saver of the graph's collection, or one of all variables, which is added to it.

    Raises:
      RuntimeError: where the collection has more than one.
    """
    from ..graph.collections import GraphKeys

    graph = get_default_graph()
    savers = graph.get_collection(GraphKeys.SAVERS)
    if len(savers) > 1:
        raise RuntimeError(
            f"More than one item in collection {GraphKeys.SAVERS}. Please indicate which one to use by passing it to the constructor."
        )
    if savers:
        return savers[0]
    saver = Saver(sharded=True, allow_empty=True)
    graph.add_to_collection(GraphKeys.SAVERS, saver)
    return saver
