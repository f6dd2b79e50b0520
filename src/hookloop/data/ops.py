"""The op types of datasets and iterators; all run in Python."""

from __future__ import annotations

import itertools
import json

import numpy as np

from .. import errors
from ..graph.describe import message_name
from ..ops.registry import OpDef, no_gradient, register
from ..ops.shape_functions import nothing, scalar, unknown
from ..shapes import as_shape, text, to_internal
from . import pipeline
from .function import as_component, function_of
from .iterator_state import IteratorState
from .rewriting import rewritten

_SPEC = {"output_types": None, "output_shapes": None}


def dataset_op(name, inputs, host, **attrs):
    """A dataset: what its elements are is among its attributes, their types unless those of its inputs say so."""
    spec = {"output_shapes": None} if "Toutput_types" in attrs else _SPEC
    return OpDef(name, inputs, "handle: variant", attrs={**spec, **attrs}, shape=scalar, host=host, stateful=True,
                 gradient=no_gradient)  # fmt: skip


def file_op(name, inputs, host):
    """A dataset of the strings in files."""
    return OpDef(name, inputs, "handle: variant", shape=scalar, host=host, stateful=True, gradient=no_gradient)


def _transformation(name, host, parameters="", **attrs):
    """A dataset of one other dataset and scalars."""
    inputs = "input_dataset: variant" + (", " + parameters if parameters else "")
    return dataset_op(name, inputs, lambda call, source, *values: host(source, *[v.item() for v in values]), **attrs)


def _with_function(name, host, parameters="", attr="f", **attrs):
    """A dataset of another one and a traced function; the tensors that it captured are inputs."""
    count = parameters.count(":")
    inputs = "input_dataset: variant, other_arguments: Targuments" + (", " + parameters if parameters else "")

    def run(call, source, *values):
        captured = values[: len(values) - count]
        numbers = [value.item() for value in values[len(values) - count :]]
        return host(source, function_of(call, attr).bound(call, captured), *numbers)

    return dataset_op(name, inputs, run, **{attr: None, "Targuments": [], **attrs})


def _run_batch(source, size, drop_remainder, whole=False):
    if size <= 0:
        raise ValueError("Batch size must be greater than zero.")
    return pipeline.batched(source, size, drop_remainder, pipeline.stacked, whole)


def _check_calls(calls):
    """How many calls there may be at once is nothing here, but what TensorFlow refuses is refused."""
    if calls <= 0 and calls != -1:  # AUTOTUNE
        raise ValueError("num_parallel_calls must be greater than zero.")


def _run_parallel_map(source, function, calls):
    _check_calls(calls)
    return pipeline.mapped(source, function)


def _run_map_and_batch(source, function, size, calls, drop_remainder):
    batches = _run_batch(pipeline.mapped(source, function), size, drop_remainder, True)
    _check_calls(calls)
    return batches


def _run_padded_batch(call, source, size, *values):
    count = call.attr("N")
    shapes, fill, drop_remainder = values[:count], values[count:-1], values[-1].item()
    if size <= 0:
        raise ValueError("Batch size must be greater than zero.")
    return pipeline.batched(source, size.item(), drop_remainder, pipeline.padding(shapes, fill))


def _run_shuffle(call, source, size, seed, seed2):
    seeds = (seed.item(), seed2.item())
    return pipeline.shuffled(source, size.item(), seeds, call.attr("reshuffle_each_iteration"))


def _run_shuffle_and_repeat(source, size, seed, seed2, count):
    return pipeline.shuffled_and_repeated(source, size, (seed, seed2), count)


def _run_optimize(call, source, names):
    return rewritten(source, frozenset(name.decode() for name in names))


def _run_interleave(source, function, cycle, block, *_):
    for name, number in (("cycle_length", cycle), ("block_length", block)):
        if number <= 0:
            raise ValueError(f"{name} must be greater than zero.")
    return pipeline.interleaved(source, function, cycle, block)


def _run_parallel_interleave(source, function, cycle, block, calls):
    elements = _run_interleave(source, function, cycle, block)
    _check_calls(calls)
    if calls > cycle:
        raise ValueError("num_parallel_calls must less than or equal to cycle_length.")
    return elements


def _run_reduce(call, source, *values):
    count = len(call.attr("Tstate"))
    state = values[:count]
    function = function_of(call).bound(call, values[count:])
    for element in source.iterate():
        state = function((*state, *element))
    return list(state)


def _run_single(call, source):
    elements = list(itertools.islice(source.iterate(), 2))
    if len(elements) != 1:
        raise ValueError("Dataset was empty." if not elements else "Dataset had more than one element.")
    return list(elements[0])


def _run_cardinality(call, source):
    from .cardinality import cardinality_of

    return [np.array(cardinality_of(source), np.int64)]


_FUNCTION = {"use_inter_op_parallelism": True, "preserve_cardinality": False}

register(
    dataset_op("RangeDataset", "start: int64, stop: int64, step: int64",
                lambda call, start, stop, step: pipeline.counted(start.item(), stop.item(), step.item())),
    dataset_op("TensorDataset", "components: Toutput_types", lambda call, *c: pipeline.single(c), Toutput_types=[]),
    dataset_op("TensorSliceDataset", "components: Toutput_types", lambda call, *c: pipeline.slices(c), Toutput_types=[]),
    dataset_op("ZipDataset", "input_datasets: N * variant", lambda call, *sources: pipeline.zipped(sources)),
    dataset_op("ConcatenateDataset", "input_dataset: variant, another_dataset: variant",
                lambda call, first, second: pipeline.concatenated(first, second)),
    _with_function("MapDataset", pipeline.mapped, **_FUNCTION),
    _with_function("ParallelMapDataset", _run_parallel_map, "num_parallel_calls: int32", sloppy=False, **_FUNCTION),
    _with_function("FilterDataset", pipeline.filtered, attr="predicate"),
    _with_function("TakeWhileDataset", pipeline.taken_while, attr="predicate"),
    _transformation("IgnoreErrorsDataset", pipeline.without_errors),
    OpDef("DatasetToSingleElement", "dataset: variant", "components: output_types", attrs={"output_types": [], "output_shapes": None},
          shape=unknown, host=_run_single, stateful=True, gradient=no_gradient),
    _with_function("FlatMapDataset", lambda source, function: pipeline.interleaved(source, function, 1, 1)),
    _with_function("InterleaveDataset", _run_interleave, "cycle_length: int64, block_length: int64"),
    _with_function("ParallelInterleaveDatasetV2", _run_parallel_interleave,
                   "cycle_length: int64, block_length: int64, num_parallel_calls: int64", sloppy=False),
    _with_function("ParallelInterleaveDataset", _run_interleave,
                   "cycle_length: int64, block_length: int64, sloppy: bool, buffer_output_elements: int64, "
                   "prefetch_input_elements: int64"),
    _with_function("MapAndBatchDataset", _run_map_and_batch,
                   "batch_size: int64, num_parallel_calls: int64, drop_remainder: bool", preserve_cardinality=False),
    _transformation("BatchDatasetV2", _run_batch, "batch_size: int64, drop_remainder: bool", parallel_copy=False),
    dataset_op("PaddedBatchDatasetV2",
                "input_dataset: variant, batch_size: int64, padded_shapes: N * int64, padding_values: Toutput_types, "
                "drop_remainder: bool", _run_padded_batch, parallel_copy=False, Toutput_types=[]),
    dataset_op("ShuffleDataset", "input_dataset: variant, buffer_size: int64, seed: int64, seed2: int64", _run_shuffle,
                reshuffle_each_iteration=True),
    _transformation("ShuffleAndRepeatDataset", _run_shuffle_and_repeat,
                    "buffer_size: int64, seed: int64, seed2: int64, count: int64"),
    dataset_op("RandomDataset", "seed: int64, seed2: int64",
               lambda call, seed, seed2: pipeline.randomness((seed.item(), seed2.item()))),
    dataset_op("DirectedInterleaveDataset", "selector_input_dataset: variant, data_input_datasets: N * variant",
               lambda call, *sources: pipeline.directed(sources)),
    OpDef("DatasetCardinality", "input_dataset: variant", "cardinality: int64", shape=scalar, host=_run_cardinality,
          stateful=True, gradient=no_gradient),
    _transformation("RepeatDataset", pipeline.repeated, "count: int64"),
    _transformation("TakeDataset", pipeline.taken, "count: int64"),
    _transformation("SkipDataset", pipeline.skipped, "count: int64"),
    _transformation("ShardDataset", pipeline.sharded, "num_shards: int64, index: int64", require_non_empty=False),
    _transformation("WindowDataset", pipeline.windows, "size: int64, shift: int64, stride: int64, drop_remainder: bool"),
    _transformation("UnbatchDataset", pipeline.unbatched),
    _transformation("CacheDataset", lambda source, name: pipeline.cached(source, name.decode()), "filename: string"),
    _transformation("PrefetchDataset", pipeline.prefetched, "buffer_size: int64", slack_period=0, legacy_autotune=True),
    dataset_op("OptimizeDataset", "input_dataset: variant, optimizations: string", _run_optimize, optimization_configs=[]),
    _transformation("MaxIntraOpParallelismDataset", lambda source, _: source, "max_intra_op_parallelism: int64"),
    _transformation("PrivateThreadPoolDataset", lambda source, _: source, "num_threads: int64"),
    _transformation("BytesProducedStatsDataset", lambda source, tag: source, "tag: string"),
    _transformation("LatencyStatsDataset", lambda source, tag: source, "tag: string"),
    _transformation("ModelDataset", lambda source: source, algorithm=0, cpu_budget=0),
    OpDef("ReduceDataset", "input_dataset: variant, initial_state: Tstate, other_arguments: Targuments",
          "components: output_types", attrs={"f": None, "Tstate": [], "Targuments": [], "output_types": [],
          "output_shapes": None, "use_inter_op_parallelism": True}, shape=unknown, host=_run_reduce, stateful=True,
          gradient=no_gradient),
)  # fmt: skip


# --- iterators ------------------------------------------------------------------------------------------


def _waiting_states(session):
    """States for iterators that are not there yet, by name."""
    return session._resources.setdefault(("iterator states",), {})


def iterator_states(session):
    """How far each iterator of a session has come: name -> `IteratorState.state_dict`."""
    found = {key[1]: value for key, value in list(session._resources.items()) if key[0] == "iterator"}
    states = {**_waiting_states(session), **{name: iterator.state_dict() for name, iterator in found.items()}}
    return {name: state for name, state in states.items() if state is not None}


def restore_iterators(session, states):
    """Goes on where other iterators stood; one that is not there yet does when it starts.

    Args:
      session: a session.
      states: what `iterator_states` gave.

    Raises:
      ValueError: where an iterator's dataset is made otherwise than the one whose state it is.
    """
    for name, state in states.items():
        iterator = session._resources.get(("iterator", name))
        if iterator is not None:
            iterator.load_state_dict(state)
        else:
            _waiting_states(session)[name] = state


def forget_states(session, operation):
    """The iterators that an operation starts begin at their beginning, whatever state waits for them.

    Args:
      session: a session.
      operation: an iterator's initializer, or a group of such.
    """
    pending, seen = [operation], set()
    while pending:
        op = pending.pop()
        if op in seen:
            continue
        seen.add(op)
        if op.type == "MakeIterator":
            place = op.inputs[1].op
            name = (place.get_attr("shared_name") or place.name.encode()).decode()
            _waiting_states(session).pop(name, None)
            started = session._resources.get(("iterator", name))
            if started is not None:
                started.forget_waiting()
        pending += op.control_inputs


def _iterator_of(session, op):
    """The iterator that an op names, made where it is not there yet; a one-shot iterator is started."""
    from .function_import import named

    cell = session._iterator(op) if session._reference is None else None
    key = "iterator", (op.get_attr("shared_name") or op.name.encode()).decode()
    found = session._resources.get(key)
    if found is None:
        found = IteratorState(cell, _waiting_states(session).pop(key[1], None))
        found.components = op.get_attr("output_types"), op.get_attr("output_shapes")
        if op.type == "OneShotIterator":
            found.start(named(op, "dataset_factory").dataset(session))
        found = session._resources.setdefault(key, found)
    return found


def _run_iterator(call):
    return _iterator_of(call.session, call.op)


def _run_make(call, dataset, iterator):
    iterator.start(dataset)
    return ()


def _run_next(call, iterator=None):
    known = call.resource_state.get(("next", call.op))
    if known is None:
        if iterator is None:  # it is taken before all else, and so is its iterator
            known = _iterator_of(call.session, call.op.inputs[0].op), call.attr("output_types")
            call.resource_state["next", call.op] = known
        else:
            known = iterator, call.attr("output_types")
    iterator, types = known
    element = [
        value if type(value) is np.ndarray else as_component(value, t) for value, t in zip(iterator.next(call), types)
    ]
    call.resource_state["element", call.op] = element  # for the search for what a step made of it
    return element


def _run_to_handle(call, iterator):
    for key, value in list(call.resource_state.items()):
        if value is iterator:
            return np.array("/".join(key).encode(), object)
    raise errors.NotFoundError(None, None, "the iterator is not of this session")


def _run_from_handle(call, handle):
    name = handle.item().decode(errors="replace")
    found = call.resource_state.get(tuple(name.split("/", 1)))
    if found is None:
        raise errors.InvalidArgumentError(None, None, f"The string handle {name!r} is of no iterator of this session.")
    checked = "checked", call.op, name  # once: both are what they are
    if checked not in call.resource_state:
        _check_components((call.attr("output_types"), call.attr("output_shapes")), found.components)
        call.resource_state[checked] = True
    return found


def _sizes(shape):
    return text(to_internal(as_shape(shape)))


def _check_components(expected, found):
    """Refuses the handle of an iterator over elements of other types or shapes than those that are asked for."""
    problem = None
    for mine, other, kind in zip(expected, found, ("types", "shapes")):
        if mine and other and len(mine) != len(other):
            problem = f"Number of components does not match: expected {len(mine)} {kind} but got {len(other)}."
            break
    for i, (mine, other) in enumerate(() if problem else zip(expected[0], found[0])):
        if mine != other:
            problem = (
                f"Data type mismatch at component {i}: expected {message_name(mine)} but got {message_name(other)}."
            )
            break
    for i, (mine, other) in enumerate(() if problem else zip(expected[1], found[1])):
        if not as_shape(mine).is_compatible_with(other):
            problem = f"Incompatible shapes at component {i}: expected {_sizes(mine)} but got {_sizes(other)}."
            break
    if problem:
        raise errors.InvalidArgumentError(None, None, problem)


def _run_serialize(call, iterator):
    state = iterator.state_dict() if iterator.started else None
    if state is None:
        raise errors.FailedPreconditionError(
            None, None,
            "Save() failed because the iterator has not been initialized. Ensure that you have run the initializer operation for "
            "this iterator before saving it.",
        )  # fmt: skip
    return np.array(json.dumps(state, sort_keys=True).encode(), object)


def _run_deserialize(call, iterator, serialized):
    if not iterator.started:
        raise errors.FailedPreconditionError(
            None, None,
            "Restore() failed because the iterator has not been initialized. Ensure that you have run the initializer operation "
            "for this iterator before restoring it.",
        )  # fmt: skip
    try:
        state = json.loads(serialized[()])
        seeds = [tuple(map(int, pair)) for pair in state["seeds"]]
        counts = {name: int(state.get(name, 0)) for name in ("epoch", "examples", "elements", "failed")}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise errors.DataLossError(
            None, None, f"what is to be restored is no state of an iterator: {error!r}"
        ) from None
    iterator.load_state_dict({"seeds": seeds, **counts})
    return ()


_PLACE = {"shared_name": b"", "container": b""}


def _iterator_op(name, inputs, outputs, host, shape=scalar, **attrs):
    return OpDef(name, inputs, outputs, attrs=attrs, shape=shape, host=host, stateful=True, gradient=no_gradient)


register(
    _iterator_op("IteratorV2", "", "handle: resource", _run_iterator, **_SPEC, **_PLACE),
    _iterator_op("OneShotIterator", "", "handle: resource", _run_iterator, dataset_factory=None, **_SPEC, **_PLACE),
    _iterator_op("MakeIterator", "dataset: variant, iterator: resource", "", _run_make, nothing),
    _iterator_op("IteratorGetNext", "iterator: resource", "components: output_types", _run_next, unknown,
                 output_types=[], output_shapes=None),
    _iterator_op("IteratorToStringHandle", "resource_handle: resource", "string_handle: string", _run_to_handle),
    _iterator_op("SerializeIterator", "resource_handle: resource", "serialized: variant", _run_serialize),
    _iterator_op("DeserializeIterator", "resource_handle: resource, serialized: variant", "", _run_deserialize, nothing),
    _iterator_op("IteratorFromStringHandleV2", "string_handle: string", "resource_handle: resource", _run_from_handle,
                 output_types=[], output_shapes=[]),
)  # fmt: skip
