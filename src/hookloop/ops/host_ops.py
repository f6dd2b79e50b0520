"""The ops that run in Python, under the interpreter's lock: the whole list. Every other op is a kernel.

An op belongs here only where its work is Python's own: calling a user's function, text, files, blocking on other
threads; or that of a library that NumPy brings along, LAPACK.
"""

from __future__ import annotations

_CALLS = frozenset(("BranchTaken", "EagerPyFunc", "EagerPyFuncGradient", "PyFunc", "PyFuncStateless"))

_SESSION_TENSORS = frozenset(("DeleteSessionTensor", "GetSessionHandle", "GetSessionTensor"))

_PRINTING = frozenset(("Assert", "Print", "PrintV2", "StringFormat", "Timestamp"))

_TEXT = frozenset((
    "AsString", "DecodeBase64", "DecodeCompressed", "DecodeJSONExample", "DecodeRaw", "EncodeBase64", "Fingerprint", "ReduceJoin", "RegexFullMatch", "RegexReplace",
    "StaticRegexFullMatch", "StaticRegexReplace", "StringJoin", "StringLength", "StringLower", "StringStrip",
    "StringToHashBucket", "StringToHashBucketFast", "StringToHashBucketStrong", "StringToNumber", "StringUpper",
    "SdcaFprint", "Substr", "UnicodeTranscode", "UnsortedSegmentJoin",
))  # fmt: skip

_FILES = frozenset(("MatchingFiles", "ReadFile", "WriteFile"))

_READERS = frozenset((
    "FixedLengthRecordReaderV2", "IdentityReaderV2", "ReaderNumRecordsProducedV2", "ReaderNumWorkUnitsCompletedV2",
    "ReaderReadUpToV2", "ReaderReadV2", "ReaderResetV2", "ReaderRestoreStateV2", "ReaderSerializeStateV2", "TFRecordReaderV2",
    "TextLineReaderV2", "WholeFileReaderV2", "RecordInput",
))  # fmt: skip

_RECORDS = frozenset(
    "DecodeCSV ParseExample ParseSequenceExample ParseSingleExample ParseSingleSequenceExample ParseTensor SerializeTensor".split()
)

_QUEUES = frozenset((
    "FIFOQueueV2", "PaddingFIFOQueueV2", "PriorityQueueV2", "RandomShuffleQueueV2", "QueueCloseV2", "QueueDequeueManyV2",
    "QueueDequeueUpToV2", "QueueDequeueV2", "QueueEnqueueManyV2", "QueueEnqueueV2", "QueueIsClosedV2", "QueueSizeV2",
))  # fmt: skip

_OF_MAPS = ("Clear", "IncompleteSize", "Peek", "Size", "Stage", "Unstage", "UnstageNoKey")
_STAGES = frozenset(("Stage", "StageClear", "StagePeek", "StageSize", "Unstage")) | {
    kind + name for kind in ("Map", "OrderedMap") for name in _OF_MAPS
}

_MUTEXES = frozenset(("ConsumeMutexLock", "MutexLock", "MutexV2"))

_ACCUMULATORS = frozenset((
    "AccumulatorNumAccumulated", "AccumulatorSetGlobalStep", "ResourceAccumulatorApplyGradient",
    "ResourceAccumulatorNumAccumulated", "ResourceAccumulatorSetGlobalStep", "ResourceAccumulatorTakeGradient",
    "ResourceConditionalAccumulator", "SparseAccumulatorApplyGradient", "SparseAccumulatorTakeGradient",
    "SparseConditionalAccumulator",
))  # fmt: skip

_BARRIERS = frozenset((
    "Barrier", "BarrierClose", "BarrierIncompleteSize", "BarrierInsertMany", "BarrierReadySize", "BarrierTakeMany",
))  # fmt: skip

_DATASETS = frozenset((
    "BatchDatasetV2", "CacheDataset", "ConcatenateDataset", "FilterDataset", "FlatMapDataset", "InterleaveDataset",
    "MapAndBatchDataset", "MapDataset", "ModelDataset", "OptimizeDataset", "PaddedBatchDatasetV2", "ParallelInterleaveDatasetV2",
    "ParallelMapDataset", "PrefetchDataset", "RangeDataset", "ReduceDataset", "RepeatDataset", "ShardDataset",
    "ShuffleAndRepeatDataset", "ShuffleDataset", "SkipDataset", "TakeDataset", "TensorDataset", "TensorSliceDataset",
    "UnbatchDataset", "WindowDataset", "ZipDataset", "DatasetToSingleElement", "IgnoreErrorsDataset", "TakeWhileDataset",
    "MaxIntraOpParallelismDataset", "PrivateThreadPoolDataset", "DatasetCardinality", "DirectedInterleaveDataset",
    "FixedLengthRecordDatasetV2", "GroupByWindowDataset", "ParallelInterleaveDataset", "RandomDataset", "ScanDataset", "TFRecordDataset",
    "TextLineDataset", "UniqueDataset",
))  # fmt: skip

_ITERATORS = frozenset((
    "IteratorFromStringHandleV2", "IteratorGetNext", "IteratorToStringHandle", "IteratorV2", "MakeIterator", "OneShotIterator",
    "SerializeIterator", "DeserializeIterator", "BytesProducedStatsDataset", "LatencyStatsDataset", "CSVDataset", "SqlDataset", "DatasetToTFRecord", "ExperimentalGroupByReducerDataset",
    "IteratorGetNextAsOptional", "OptionalFromValue", "OptionalNone", "OptionalHasValue", "OptionalGetValue",
))  # fmt: skip

_CHECKPOINTS = frozenset(("MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"))

_SUMMARIES = frozenset((
    "AudioSummaryV2", "HistogramSummary", "ImageSummary", "MergeSummary", "ScalarSummary", "TensorSummaryV2",
))  # fmt: skip

_LISTS = frozenset((
    "EmptyTensorList", "TensorListElementShape", "TensorListFromTensor", "TensorListGather", "TensorListGetItem",
    "TensorListLength", "TensorListPopBack", "TensorListPushBack", "TensorListReserve", "TensorListResize", "TensorListSetItem",
    "TensorListStack",
))  # fmt: skip

_LAPACK = frozenset((
    "LogMatrixDeterminant", "Lu", "MatrixDeterminant", "MatrixInverse", "MatrixLogarithm", "MatrixSolve",
    "MatrixSolveLs", "MatrixSquareRoot", "Qr", "SelfAdjointEigV2", "Svd",
))  # fmt: skip

HOST_OPS = (
    _CALLS | _SESSION_TENSORS | _PRINTING | _TEXT | _FILES | _READERS | _RECORDS | _QUEUES | _MUTEXES | _STAGES | _ACCUMULATORS | _BARRIERS | _DATASETS | _ITERATORS | _CHECKPOINTS | _SUMMARIES
    | _LAPACK | _LISTS
)  # fmt: skip
