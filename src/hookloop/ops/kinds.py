"""Sets of dtypes that op definitions allow."""

from __future__ import annotations

from .. import dtypes

FLOAT = frozenset((dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64))
COMPLEX = frozenset((dtypes.complex64, dtypes.complex128))
SIGNED = frozenset((dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64))
UNSIGNED = frozenset((dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64))
INTEGER = SIGNED | UNSIGNED
REAL = FLOAT | INTEGER
NUMBER = REAL | COMPLEX
ANALYTIC = FLOAT | COMPLEX
BOOL = frozenset((dtypes.bool,))
INDEX = frozenset((dtypes.int32, dtypes.int64))
QUANTIZED = dtypes.QUANTIZED_DTYPES
