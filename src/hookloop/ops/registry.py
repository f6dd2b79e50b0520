"""What an op is: one `OpDef` per op type, in one place, and the table of them.

To add an op, write its `OpDef` in the module of its family and, where no kernel fits, a kernel in
`csrc/kernels`. `Tanh` in `math_unary.py` is a good one to copy.
"""

from __future__ import annotations

from importlib import import_module

_registry: dict[str, OpDef] = {}

# Op types of modules that are loaded when one of them, or a public function of theirs, is first asked for.
_LATER = {
    name: module
    for module, names in {
        ".data": """BatchDatasetV2 BytesProducedStatsDataset CSVDataset CacheDataset ConcatenateDataset
            DatasetCardinality DatasetToSingleElement DatasetToTFRecord DeserializeIterator
            DirectedInterleaveDataset ExperimentalGroupByReducerDataset FilterDataset FixedLengthRecordDatasetV2
            FlatMapDataset GroupByWindowDataset IgnoreErrorsDataset InterleaveDataset IteratorFromStringHandleV2
            IteratorGetNext IteratorGetNextAsOptional IteratorToStringHandle IteratorV2 LatencyStatsDataset
            MakeIterator MapAndBatchDataset MapDataset MaxIntraOpParallelismDataset ModelDataset OneShotIterator
            OptimizeDataset OptionalFromValue OptionalGetValue OptionalHasValue OptionalNone PaddedBatchDatasetV2
            ParallelInterleaveDataset ParallelInterleaveDatasetV2 ParallelMapDataset PrefetchDataset
            PrivateThreadPoolDataset RandomDataset RangeDataset ReduceDataset RepeatDataset ScanDataset
            SerializeIterator ShardDataset ShuffleAndRepeatDataset ShuffleDataset SkipDataset SqlDataset
            TFRecordDataset TakeDataset TakeWhileDataset TensorDataset TensorSliceDataset TextLineDataset
            UnbatchDataset UniqueDataset WindowDataset ZipDataset""",  # the room
        "accumulators": """AccumulatorNumAccumulated AccumulatorSetGlobalStep ResourceAccumulatorApplyGradient
            ResourceAccumulatorNumAccumulated ResourceAccumulatorSetGlobalStep ResourceAccumulatorTakeGradient
            ResourceConditionalAccumulator SparseAccumulatorApplyGradient SparseAccumulatorTakeGradient
            SparseConditionalAccumulator""",
        "barrier": "Barrier BarrierClose BarrierIncompleteSize BarrierInsertMany BarrierReadySize BarrierTakeMany",
        "bits": "CompareAndBitpack Fingerprint PopulationCount",
        "branch_taken": "BranchTaken",
        "candidates": """AllCandidateSampler ComputeAccidentalHits FixedUnigramCandidateSampler LearnedUnigramCandidateSampler
            LogUniformCandidateSampler SparseToDense ThreadUnsafeUnigramCandidateSampler UniformCandidateSampler""",
        "critical_section": "ConsumeMutexLock MutexLock MutexV2",
        "data_formats": "DataFormatDimMap DataFormatVecPermute",
        "decoding": "DecodeCompressed DecodeJSONExample",
        "diagonals": "MatrixDiagPartV2 MatrixDiagV2 MatrixSetDiagV2",
        "dilation": "Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput",
        "fake_quant": """FakeQuantWithMinMaxArgs FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVars
            FakeQuantWithMinMaxVarsGradient FakeQuantWithMinMaxVarsPerChannel FakeQuantWithMinMaxVarsPerChannelGradient""",
        "fractional_pools": "FractionalAvgPool FractionalAvgPoolGrad FractionalMaxPool FractionalMaxPoolGrad",
        "inplace": "DeepCopy Empty InplaceAdd InplaceSub InplaceUpdate",
        "map_staging": """MapClear MapIncompleteSize MapPeek MapSize MapStage MapUnstage MapUnstageNoKey
            OrderedMapClear OrderedMapIncompleteSize OrderedMapPeek OrderedMapSize OrderedMapStage OrderedMapUnstage OrderedMapUnstageNoKey""",
        "matrix_functions": "Lu MatrixLogarithm MatrixSquareRoot",
        "patches": "ExtractImagePatches ExtractVolumePatches",
        "sequence_examples": "ParseSequenceExample ParseSingleSequenceExample",
        "parsing": "DecodeCSV ParseExample ParseSingleExample ParseTensor SerializeTensor",
        "py_function": "EagerPyFunc EagerPyFuncGradient",
        "quantize": "QuantizeAndDequantizeV2",
        "random_within_bounds": "ParameterizedTruncatedNormal",
        "readers": """FixedLengthRecordReaderV2 IdentityReaderV2 ReaderNumRecordsProducedV2 ReaderNumWorkUnitsCompletedV2
            ReaderReadUpToV2 ReaderReadV2 ReaderResetV2 ReaderRestoreStateV2 ReaderSerializeStateV2 TFRecordReaderV2
            TextLineReaderV2 WholeFileReaderV2""",
        "record_input": "RecordInput",
        "session_handles": "DeleteSessionTensor GetSessionHandle GetSessionTensor",
        "sdca": "SdcaFprint SdcaOptimizer SdcaShrinkL1",
        "staging": "Stage StageClear StagePeek StageSize Unstage",
        "stateless_random": """StatelessMultinomial StatelessRandomNormal StatelessRandomUniform StatelessRandomUniformInt
            StatelessTruncatedNormal""",
        "tensor_lists": """EmptyTensorList TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem
            TensorListLength TensorListPopBack TensorListPushBack TensorListReserve TensorListResize TensorListSetItem
            TensorListStack""",
        "text_encodings": "UnicodeTranscode UnsortedSegmentJoin",
        "tridiagonal": "TridiagonalMatMul TridiagonalSolve",
    }.items()
    for name in names.split()
}


EVERY_INPUT = ("every input",)

# Fields of TensorFlow's message that programs read of an `OpDef` (`op_proto.py`).
_OF_MESSAGE = frozenset(("input_arg", "output_arg", "attr", "is_stateful"))


class OpDef:
    """One op type: its signature, and all that the graph, the gradients and the compiler need of it.

    Args:
      name: TensorFlow's own type name, e.g. "AddV2".
      inputs, outputs: the signature in the manner of TensorFlow's op definitions: comma-separated
        "name: type", where type is a dtype ("int32"), a type attribute ("T"), a list ("N * T"), a list
        of mixed types ("Tvalues", an attribute that is a list of dtypes) or a reference ("Ref(T)").
      attrs: default values of the attributes that are not inferred from inputs, e.g. {"keep_dims": False}.
      types: type attribute -> the dtypes allowed (a frozenset of DType); checked when an op is built.
      shape: function(c) -> list of output shapes; `c` is a `ShapeContext`. A shape is a tuple of dimensions
        (an int, or a symbolic size that supports arithmetic), or None where not even the rank is known.
      symbolic: True where `reference` also computes on object arrays of symbolic sizes: the sizes
        that flow through such ops are worked out when the plan is compiled, not while it runs.
      value: function(c) -> list of arrays (or None each), for ops whose small integer outputs are known from the
        shapes of the inputs (Shape, Size, Rank); `symbolic` ops do not need it.
      gradient: function(op, *output_gradients) -> list with a Tensor, IndexedSlices or None for each input.
        Absent: asking for the gradient raises LookupError. `no_gradient` marks ops that have none.
      kernel: the name of the C kernel: one instruction, operands are the inputs, then the outputs.
      params: function(node) -> tuple of ints and floats that the kernel gets as its attributes.
      lower: function(c, node) for what is not one instruction: views, aliases, several kernels.
        `c` is a `NodeContext` (compile/node.py).
      reference: function(node, *arrays) -> array or tuple of arrays, in NumPy. The oracle of the tests.
      host: function(call, *arrays) -> arrays, for the enumerated ops that run in Python (HOST_OPS).
      rows: the same of an op that reads records, for many at once: the first input and the outputs have one more axis, in front.
      kernel_where: function(c) -> bool, of a host op that also has a kernel: whether the kernel takes inputs of these shapes.
      stateful: never merged with an equal op, never folded.
      learned: function(op) -> int64 array, of an op with a stream that learns: what it knows when a session begins.
      writes: indices of the inputs that are variables and are written, or `EVERY_INPUT`; see `written`.
      reads: indices of the inputs that are variables used as a reference but not written (IsVariableInitialized).
      overwrites: indices of the inputs whose buffer output 0 may take over (elementwise ops).
      views: "any" where the kernel takes any strides, "rows" where it wants the last axis contiguous
        (a leading dimension for the others), None where every operand must be contiguous.
      ranks: {name of an input: the rank that it must have}; checked before `shape` is asked.
      least_ranks: {name of an input: the rank that it must have at least}; checked likewise.
      minima: {name of an attribute: the least number, or the least length of the list, that it may be}; checked likewise.
      can_fail: the kernel may return an error while running (indices out of range): it runs before writes.
    """

    __slots__ = (
        "name", "inputs", "outputs", "attrs", "types", "shape", "symbolic", "value", "gradient", "kernel",
        "params", "lower", "reference", "host", "rows", "stateful", "writes", "reads", "overwrites", "views",
        "can_fail", "kernel_where", "learned", "ranks", "least_ranks", "minima", "_signature",
    )  # fmt: skip

    def __init__(self, name, inputs="", outputs="", *, attrs=None, types=None, shape=None, symbolic=False,
                 value=None, gradient=None, kernel=None, params=None, lower=None, reference=None, host=None, rows=None,
                 stateful=False, writes=(), reads=(), overwrites=(), views=None, ranks=None, can_fail=False,
                 kernel_where=None, learned=None, least_ranks=None, minima=None):  # fmt: skip
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.attrs = attrs or {}
        self.types = types or {}
        self.ranks = _places(inputs, ranks) if ranks else {}
        self.least_ranks = _places(inputs, least_ranks) if least_ranks else {}
        self.minima = minima or {}
        self.shape = _guarded(shape, self) if ranks or least_ranks or minima else shape
        self.symbolic = symbolic
        self.value = value
        self.gradient = gradient
        self.kernel = kernel
        self.params = params
        self.lower = lower
        self.reference = reference
        self.host = host
        self.rows = rows
        self.stateful = stateful
        self.writes = writes
        self.reads = reads
        self.overwrites = overwrites
        self.views = views
        self.can_fail = can_fail
        self.kernel_where = kernel_where
        self.learned = learned
        self._signature = None

    def __getattr__(self, name):
        if name not in _OF_MESSAGE:
            raise AttributeError(f"an OpDef has no attribute {name!r}")
        from .op_proto import op_def_proto

        return getattr(op_def_proto(self), name)

    def written(self, op):
        """The indices of an operation's inputs that are variables and are written."""
        return range(len(op.inputs)) if self.writes is EVERY_INPUT else self.writes


def _places(inputs, ranks):
    """The ranks by the inputs' indices."""
    names = [item.split(":")[0].strip() for item in inputs.split(",")]
    return {names.index(name): rank for name, rank in ranks.items()}


def _guarded(shape, op_def):
    """A shape function that first refuses attributes that are too small and inputs of another rank."""
    ranks, least_ranks, minima = op_def.ranks, op_def.least_ranks, op_def.minima

    def guarded(c):
        for name, least in minima.items():
            _check_minimum(c, op_def.name, name, least)
        for i, rank in ranks.items():
            if c.known(i) and len(c.shape(i)) != rank:
                c.fail(f"Shape must be rank {rank} but is rank {len(c.shape(i))}")
        for i, rank in least_ranks.items():
            if c.known(i) and len(c.shape(i)) < rank:
                c.fail(f"Shape must be at least rank {rank} but is rank {len(c.shape(i))}")
        return shape(c)

    return guarded


def _check_minimum(c, op_type, name, least):
    value = c.attr(name)
    if isinstance(value, int) and value < least:
        c.fail(f"Attr '{name}' of '{op_type}' Op passed {value} less than minimum {least}")
    if isinstance(value, (list, tuple)) and len(value) < least:
        c.fail(f"Attr '{name}' of '{op_type}' Op passed list of length {len(value)} less than minimum {least}")


def register(*definitions: OpDef) -> None:
    for definition in definitions:
        if definition.name in _registry:
            raise ValueError(f"op type {definition.name!r} is registered twice")
        _registry[definition.name] = definition


def lookup(name: str) -> OpDef:
    if name not in _registry and name in _LATER:
        import_module("." + _LATER[name], __package__)
    try:
        return _registry[name]
    except KeyError:
        raise ValueError(f"unknown op type {name!r}") from None


def load_all() -> None:
    """Loads the modules that are else loaded when they are first asked for."""
    for name in _LATER:
        lookup(name)


def registered() -> dict[str, OpDef]:
    """All ops by their names."""
    load_all()
    return dict(_registry)


def no_gradient(op, *gradients):
    """The gradient of ops through which nothing flows."""
    return [None] * len(op.inputs)
