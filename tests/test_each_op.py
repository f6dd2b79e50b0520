"""Each op in each dtype: values and gradients recorded from TensorFlow 1.15, on both executors."""

import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop.ops import registry

from .fixtures import op_cases, op_inputs
from .test_op_values import ABSENT, CASES, RECORDINGS, build, weighted_sum

FIXTURES = Path(__file__).parent / "fixtures"
# A unit in the last place, about: what two libraries' roundings of one function differ by.
ROUNDING = {
    "bfloat16": 8e-3,
    "float16": 1e-3,
    "float32": 1e-6,
    "float64": 1e-13,
    "complex64": 2e-6,
    "complex128": 1e-13,
}
SUM, GRADIENT = 4, 5  # roundings that count


class Recorded:
    """What tests/fixtures/record_each_op.py wrote."""

    def __init__(self):
        self.cases = json.loads((FIXTURES / "each_op.json").read_text())
        with np.load(FIXTURES / "each_op.npz") as file:
            self.flat = dict(file)

    def array(self, place):
        dtype, shape, offset = place
        if dtype == "string":
            return np.array([word.encode("latin-1") for word in offset], object).reshape(shape)
        flat = self.flat["float32" if dtype == "bfloat16" else dtype]
        return flat[offset : offset + int(np.prod(shape, dtype=int))].reshape(shape)


RECORDED = Recorded()


def widened(tensor):
    return tf.cast(tensor, tf.float32) if tensor.dtype.base_dtype == tf.bfloat16 else tensor


class Built:
    """The tensors of an expression in one dtype, in the default graph."""

    def __init__(self, case, dtype, recorded):
        self.dtype, self.recorded, self.sums, self.feeds, inputs = dtype, recorded, case.sums, {}, {}
        before = len(tf.global_variables())
        for name, (kind, shape) in case.inputs.items():
            value = op_inputs.make_input(kind, shape, dtype)
            holder = tf.placeholder(tf.string if dtype == "string" else value.dtype, shape)
            self.feeds[holder] = value
            inputs[name] = tf.cast(holder, tf.bfloat16) if dtype == "bfloat16" else holder
        result = eval(case.expression, dict(op_inputs.helpers(tf), **inputs))
        outputs = list(result) if isinstance(result, (list, tuple)) else [result]
        self.outputs = [tf.convert_to_tensor(output) for output in outputs]
        self.variables = tf.global_variables()[before:]
        slopes = []
        if recorded["gradients"]:
            slopes = tf.gradients(weighted_sum(self.outputs[0]), [inputs[name] for name in recorded["gradients"]])
        self.slopes = [tf.convert_to_tensor(slope) for slope in slopes]
        self.fetches = [widened(tensor) for tensor in self.outputs + self.slopes]

    def compare(self, values):
        """What differs, in words."""
        names = [f"output {i}" for i in range(len(self.outputs))] + [
            f"gradient of {n}" for n in self.recorded["gradients"]
        ]
        places = self.recorded["outputs"] + list(self.recorded["gradients"].values())
        if len(self.outputs) != len(self.recorded["outputs"]):
            return [f"{len(self.outputs)} outputs, {len(self.recorded['outputs'])} recorded"]
        tensors = self.outputs + self.slopes
        roundings = [SUM if self.sums else 1] * len(self.outputs) + [GRADIENT] * len(self.slopes)
        found = [difference(*item) for item in zip(tensors, values, places, roundings)]
        return [f"{self.dtype}, {name}: {text}" for name, text in zip(names, found) if text]


def difference(tensor, value, place, roundings):
    """How an array differs from the recorded one, or None.

    Where there are many roundings they are measured against the largest element: sums cancel. Those of 16-bit numbers are
    rounded to 16 bits after every addition there, which is not done here.
    """
    value, expected = np.asarray(value), RECORDED.array(place)
    if tensor.dtype.base_dtype.name != place[0]:
        return f"expected {place[0]}, got {tensor.dtype.base_dtype.name}"
    if value.shape != expected.shape:
        return f"expected shape {expected.shape}, got {value.shape}"
    tolerance = ROUNDING.get(place[0], 0)
    try:
        if not tolerance:
            np.testing.assert_array_equal(value, expected)
        else:
            tolerance *= roundings * (4 if roundings > 1 and "float16" in place[0] else 1)
            finite = np.abs(expected[np.isfinite(expected)]).astype(np.float64)
            scale = finite.max(initial=0 if roundings == SUM else 1) if roundings > 1 else 1
            wide = np.complex128 if expected.dtype.kind == "c" else np.float64
            np.testing.assert_allclose(value.astype(wide), expected.astype(wide), tolerance, tolerance * scale)
    except AssertionError as error:
        return str(error)
    return None


@pytest.mark.parametrize("key", RECORDED.cases)
def test_as_in_tensorflow(key, executor):
    built, failures = [], []
    for dtype, recorded in RECORDED.cases[key].items():
        try:
            built.append(Built(op_cases.CASES[key], dtype, recorded))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            failures.append(f"{dtype}: {type(error).__name__}: {error}")
    feeds = {holder: value for case in built for holder, value in case.feeds.items()}
    with tf.Session() as session:
        session.run([variable.initializer for variable in tf.global_variables()], feeds)
        for case in built:
            try:
                failures += case.compare(session.run(case.fetches, case.feeds))
            except tf.errors.OpError as error:
                failures.append(f"{case.dtype}: {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)


# --- every op ---------------------------------------------------------------------------------------------------

# Ops that no recorded expression has, by why.
UNRECORDED = {
    "by the path of a file alone: tests/ops/test_inplace.py": "DeepCopy Empty InplaceAdd InplaceSub InplaceUpdate",
    "in no public function: tests/ops/test_sorting.py": "Bucketize",
    "in no public function: tests/ops/test_distinct_rows.py": "UniqueV2 UniqueWithCountsV2",
    "in no public function: tests/ops/test_random_within_bounds.py": "ParameterizedTruncatedNormal",
    "lists, which only imported graphs have: tests/ops/test_tensor_lists.py": "EmptyTensorList TensorListElementShape "
    "TensorListFromTensor TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack "
    "TensorListReserve TensorListResize TensorListSetItem TensorListStack",
    "older forms, which only imported graphs have": "BatchMatMul Div FusedBatchNorm FusedBatchNormGrad "
    "FusedBatchNormGradV2 FusedBatchNormV2 InTopK Inv InvGrad Mod OnesLike RefEnter RefExit RefMerge RefNextIteration "
    "RefIdentity RefSwitch Snapshot SoftplusGrad Variable",
    "no values": "ControlTrigger TensorArrayCloseV3",
    "arrays joined and split: tests/ops/test_arrays_of_several_shapes.py": "TensorArrayConcatV3 TensorArraySplitV3",
    "lists of features: tests/ops/test_sequence_examples.py": "ParseSequenceExample ParseSingleSequenceExample",
    "compressed text and JSON: tests/ops/test_decoding.py": "DecodeCompressed DecodeJSONExample",
    "files and records: tests/ops/test_readers.py": "DecodeCSV ParseExample ParseSingleExample ParseTensor SerializeTensor "
    "FixedLengthRecordReaderV2 IdentityReaderV2 ReaderNumRecordsProducedV2 ReaderNumWorkUnitsCompletedV2 ReaderReadUpToV2 "
    "ReaderReadV2 ReaderResetV2 ReaderRestoreStateV2 ReaderSerializeStateV2 TFRecordReaderV2 TextLineReaderV2 WholeFileReaderV2",
    "order of examples, references, words of 64 bits: tests/train/test_sdca.py": "SdcaFprint SdcaOptimizer SdcaShrinkL1",
    "tensors that a session keeps: tests/ops/test_session_handles.py": "DeleteSessionTensor GetSessionHandle GetSessionTensor",
    "in no program's graph: tests/ops/test_branches_of_different_ranks.py": "BranchTaken",
    "functions of the program: tests/ops/test_py_function.py": "EagerPyFunc EagerPyFuncGradient",
    "what depends on earlier runs: tests/ops/test_candidates.py": "LearnedUnigramCandidateSampler "
    "ThreadUnsafeUnigramCandidateSampler",
    "what runs alone: tests/ops/test_critical_section.py": "ConsumeMutexLock MutexLock MutexV2",
    "elements for later steps: tests/ops/test_staging.py": "Stage StageClear StagePeek StageSize Unstage",
    "elements by keys: tests/ops/test_map_staging.py": "MapClear MapIncompleteSize MapPeek MapSize MapStage MapUnstage "
    "MapUnstageNoKey OrderedMapClear OrderedMapIncompleteSize OrderedMapPeek OrderedMapSize OrderedMapStage OrderedMapUnstage "
    "OrderedMapUnstageNoKey",
    "queues": "FIFOQueueV2 PaddingFIFOQueueV2 PriorityQueueV2 RandomShuffleQueueV2 QueueCloseV2 QueueDequeueManyV2 "
    "QueueDequeueUpToV2 QueueDequeueV2 QueueEnqueueManyV2 QueueEnqueueV2 QueueIsClosedV2 QueueSizeV2",
    "gradients that threads hand in: tests/train/test_sync_replicas.py": "AccumulatorNumAccumulated AccumulatorSetGlobalStep "
    "ResourceAccumulatorApplyGradient ResourceAccumulatorNumAccumulated ResourceAccumulatorSetGlobalStep "
    "ResourceAccumulatorTakeGradient ResourceConditionalAccumulator SparseAccumulatorApplyGradient "
    "SparseAccumulatorTakeGradient SparseConditionalAccumulator",
    "summaries": "AudioSummaryV2 HistogramSummary ImageSummary MergeSummary ScalarSummary TensorSummaryV2",
    "files and messages": "MatchingFiles MergeV2Checkpoints Print PrintV2 ReadFile RestoreV2 SaveV2 ShardedFilename WriteFile",
    "values that threads put together: tests/ops/test_barrier.py": "Barrier BarrierClose BarrierIncompleteSize BarrierInsertMany "
    "BarrierReadySize BarrierTakeMany",
    "records in a random order: tests/ops/test_record_input.py": "RecordInput",
    "optimizers of tf.contrib.opt: tests/test_contrib_opt.py": "ApplyAdaMax ApplyAddSign ApplyPowerSign ResourceApplyAdaMax "
    "ResourceApplyAddSign ResourceApplyPowerSign",
    "in tf.raw_ops alone: tests/ops/test_raw_ops.py": "ApplyAdagradV2 ResourceApplyAdagradV2 ResourceApplyAdamWithAmsgrad "
    "ResourceApplyKerasMomentum ResourceSparseApplyAdagradV2 ResourceSparseApplyKerasMomentum SparseApplyAdagradV2 "
    "ApproximateEqual CompareAndBitpack DataFormatDimMap DataFormatVecPermute Fingerprint MatrixDiagPartV2 MatrixDiagV2 MatrixSetDiagV2 "
    "FractionalAvgPool FractionalAvgPoolGrad FractionalMaxPool FractionalMaxPoolGrad NthElement PopulationCount Reverse TridiagonalMatMul TridiagonalSolve",
    "what Python or the clock says": "PyFunc PyFuncStateless Timestamp",
    "patterns that are no constants": "RegexFullMatch RegexReplace",
}


def recorded_types():
    """The types of the ops that recorded expressions, and their gradients, are made of."""
    found = set()
    for name, key in CASES:
        with tf.Graph().as_default() as graph:
            if not any(absent in RECORDINGS[name].cases[key]["expression"] for absent in ABSENT):
                build(RECORDINGS[name], key)
            found |= {op.type for op in graph.get_operations()}
    for key, case in RECORDED.cases.items():
        with tf.Graph().as_default() as graph:
            for dtype in {"float32", "complex64", "string", next(iter(case))} & set(case):
                Built(op_cases.CASES[key], dtype, case[dtype])
            found |= {op.type for op in graph.get_operations()}
    return found


def is_of_another_table(op):
    """Datasets, images, iterators and optionals have fixtures of their own."""
    return op.host is not None and any(word in op.name for word in ("Dataset", "Iterator", "Optional"))


def test_every_op_is_recorded():
    registry.load_all()
    known = {name for name, op in registry._registry.items() if not is_of_another_table(op)}
    listed = set(" ".join(UNRECORDED.values()).split())
    recorded = recorded_types()
    assert known - recorded - listed == set(), "not recorded: add them to tests/fixtures/op_cases.py"
    assert listed & recorded == set()
    assert listed - known == set()
