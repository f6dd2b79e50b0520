"""Datasets of the records of CSV files."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from functools import partial

import numpy as np

from .. import dtypes
from ..errors import InvalidArgumentError, OutOfRangeError
from ..files.os_errors import translated
from ..files.paths import local_path
from ..graph.describe import message_name
from ..ops.build import apply_op, constant, convert_to_tensor
from ..ops.parsing import _chosen, _field_value, _fields
from . import ops
from .dataset import Dataset, DatasetV1Adapter, _scalar
from .iterator import spec_attrs
from .pipeline import DatasetState, Elements
from .readers import _opened
from .structure import TensorLeaf

_TYPES = (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64, dtypes.string)
_BUFFER = 4 * 1024 * 1024


class CsvDataset(DatasetV1Adapter):
    """The records of CSV files, a tuple of scalars each.

    Args:
      filenames: a string or strings.
      record_defaults: for each column a type, where a value must be there, or a tensor with the value of one that is missing.
      compression_type: "GZIP", "ZLIB" or "".
      buffer_size: accepted.
      header: whether the first record of a file is left out.
      field_delim: what stands between fields, one character.
      use_quote_delim: whether quotes enclose fields.
      na_value: a text that stands for a missing field too.
      select_cols: the columns that are wanted, in order; by default all.

    Raises:
      TypeError: for a default of another type than these: float32, float64, int32, int64, string.
    """

    def __init__(self, filenames, record_defaults, compression_type=None, buffer_size=None, header=False, field_delim=",",
                 use_quote_delim=True, na_value="", select_cols=None):  # fmt: skip
        names = convert_to_tensor(filenames, dtypes.string, name="filenames")
        compression = convert_to_tensor(compression_type or "", dtypes.string, name="compression_type")
        defaults = [_required(value) if _is_type(value) else value for value in record_defaults]
        defaults = [_checked(convert_to_tensor(value, name=f"record_defaults_{i}")) for i, value in enumerate(defaults)]
        inputs = [
            names, compression, _scalar(_BUFFER if buffer_size is None else buffer_size, "buffer_size"),
            convert_to_tensor(header, dtypes.bool, name="header"),
            convert_to_tensor(field_delim, dtypes.string, name="field_delim"),
            convert_to_tensor(use_quote_delim, dtypes.bool, name="use_quote_delim"),
            convert_to_tensor(na_value, dtypes.string, name="na_value"),
            convert_to_tensor(np.array(select_cols or [], np.int64), dtypes.int64, name="select_cols"), defaults,
        ]  # fmt: skip
        element = tuple([TensorLeaf(default.dtype, []) for default in defaults])
        super().__init__(
            apply_op("CSVDataset", inputs, {"output_shapes": spec_attrs(element)["output_shapes"]}), element
        )


def _required(dtype):
    """The default of a column where there must be a value: an empty tensor."""
    dtype = dtypes.as_dtype(dtype)
    return constant(np.array([], object if dtype is dtypes.string else dtype.as_numpy_dtype), dtype)


def _is_type(value):
    return isinstance(value, (dtypes.DType, type))


def _checked(tensor):
    if tensor.dtype.base_dtype not in _TYPES:
        raise TypeError(f"expected a column of {', '.join(t.name for t in _TYPES)}, got {tensor.dtype.name}")
    return tensor


def make_csv_dataset(file_pattern, batch_size, column_names=None, column_defaults=None, label_name=None, select_columns=None,
                     field_delim=",", use_quote_delim=True, na_value="", header=True, num_epochs=None, shuffle=True,
                     shuffle_buffer_size=10000, shuffle_seed=None, prefetch_buffer_size=None, num_parallel_reads=None,
                     sloppy=False, num_rows_for_inference=100, compression_type=None, ignore_errors=False):  # fmt: skip
    """Batches of the records of CSV files: dictionaries of columns, or pairs of these and a label.

    Args:
      file_pattern: a pattern of names of files, or a list of such.
      batch_size: how many records are in a batch.
      column_names: by default those in the files' headers.
      column_defaults: for the columns in question a type or a default; by default found out from the first records.
      label_name: the column that is the label.
      select_columns: the columns that are wanted, by name or place; by default all.
      field_delim, use_quote_delim, na_value, header, compression_type: as of `CsvDataset`.
      num_epochs: how often the files are gone through; None: without end, and batches are full.
      shuffle, shuffle_buffer_size, shuffle_seed: whether files and records are shuffled, and how.
      prefetch_buffer_size: batches that may be prepared ahead.
      num_parallel_reads: of how many files records are taken in turn.
      sloppy: accepted: records come in a fixed order.
      num_rows_for_inference: the records that are read to find out types; None for all.
      ignore_errors: whether records that cannot be read are left out.

    Raises:
      ValueError: where no file matches, or names of columns do not fit.
    """
    from . import experimental

    filenames = _matching(file_pattern)
    dataset = Dataset.from_tensor_slices(filenames)
    if shuffle:
        dataset = dataset.shuffle(len(filenames), shuffle_seed)
    read = partial(_rows, field_delim=field_delim.encode(), quotes=use_quote_delim, compression=compression_type or "")
    if column_names is None:
        if not header:
            raise ValueError("Cannot infer column names without a header line.")
        column_names = _names_in(filenames, read)
    if len(column_names) != len(set(column_names)):
        raise ValueError("Cannot have duplicate column names.")
    places = None
    if select_columns is not None:
        places = _places(select_columns, column_names)
    if column_defaults is None:
        every = range(len(column_names)) if places is None else places
        column_defaults = _found_out(
            filenames, read, every, len(column_names), na_value, header, num_rows_for_inference
        )
    else:
        column_defaults = [_checked(_required(value)) if _is_type(value) else value for value in column_defaults]
    if places is not None:
        column_names = [column_names[i] for i in places]
    if len(column_defaults) != len(column_names):
        raise ValueError(
            f"expected as many defaults as columns, {len(column_names)}, got {len(column_defaults)}: {column_defaults}"
        )
    if label_name is not None and label_name not in column_names:
        raise ValueError("`label_name` provided must be one of the columns.")

    def records_of(filename):
        records = CsvDataset(
            filename, record_defaults=column_defaults, select_cols=places, field_delim=field_delim,
            use_quote_delim=use_quote_delim, na_value=na_value, header=header, compression_type=compression_type,
        )  # fmt: skip
        return records.apply(experimental.ignore_errors()) if ignore_errors else records

    def named(*columns):
        features = OrderedDict(zip(column_names, columns))
        return features if label_name is None else (features, features.pop(label_name))

    dataset = dataset.apply(
        experimental.parallel_interleave(records_of, cycle_length=num_parallel_reads or 1, sloppy=sloppy)
    )
    if shuffle and num_epochs != 1:
        dataset = dataset.apply(experimental.shuffle_and_repeat(shuffle_buffer_size, num_epochs, shuffle_seed))
    elif shuffle:
        dataset = dataset.shuffle(shuffle_buffer_size, shuffle_seed)
    elif num_epochs != 1:
        dataset = dataset.repeat(num_epochs)
    dataset = dataset.batch(batch_size, drop_remainder=num_epochs is None).map(named)
    return dataset.prefetch(experimental.AUTOTUNE if prefetch_buffer_size is None else prefetch_buffer_size)


def _matching(patterns):
    from ..io import gfile

    patterns = [patterns] if isinstance(patterns, (str, bytes)) else list(patterns)
    if not patterns:
        raise ValueError("File pattern is empty.")
    found = sorted({name for pattern in patterns for name in gfile.glob(pattern)})
    if not found:
        raise ValueError(f"No files match {patterns}.")
    return found


def _names_in(filenames, read):
    first = None
    for name in filenames:
        names = [field.decode() for field in next(read(name), [])]
        if first is not None and names != first:
            raise ValueError("Files have different column names in the header row.")
        first = names
    return first


def _places(columns, names):
    for column in columns:
        if column not in names if isinstance(column, str) else not 0 <= column < len(names):
            raise ValueError(f"there is no column {column!r}: the columns are {names}")
    found = sorted(names.index(column) if isinstance(column, str) else column for column in columns)
    if len(set(found)) != len(found):
        raise ValueError("select_columns contains duplicate columns.")
    return found


def _found_out(filenames, read, places, count, na_value, header, most):
    """A default for each column: the empty value of the narrowest type that its fields fit."""
    kinds = [None] * len(places)
    rows = itertools.chain.from_iterable(itertools.islice(read(name), int(header), None) for name in filenames)
    for fields in itertools.islice(rows, most):
        if len(fields) != count:
            raise ValueError(f"Problem inferring types: CSV row has different number of fields than expected, {count}.")
        for k, place in enumerate(places):
            kinds[k] = _wider(kinds[k], fields[place], na_value.encode())
    found = [_INFERRED[-1 if kind is None else kind] for kind in kinds]
    return [constant([""] if dtype is dtypes.string else [0], dtype) for dtype in found]


_INFERRED = [dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64, dtypes.string]


def _wider(kind, field, na_value):
    if not field or field == na_value:
        return kind
    for k in range(kind or 0, len(_INFERRED)):
        try:
            value = _field_value(field, _INFERRED[k])
        except (ValueError, UnicodeDecodeError):
            continue
        if _INFERRED[k] is not dtypes.float32 or abs(value) <= float(np.finfo(np.float32).max) or np.isinf(value):
            return k
    raise AssertionError("every field is a text")


# --- what they do ---------------------------------------------------------------------------------------


def _records(path, quotes, compression):
    """The records of a file: a line, or several where its end is inside of quotes."""
    with translated(path), _opened(path, compression) as file:
        held = b""
        for line in file:
            held += line
            if quotes and held.count(b'"') % 2:
                continue
            yield held[:-2] if held.endswith(b"\r\n") else held[:-1] if held.endswith(b"\n") else held
            held = b""
        if held:
            yield held


def _rows(path, field_delim, quotes, compression):
    for record in _records(path, quotes, compression):
        yield list(_fields(record, field_delim, quotes))


def _values(record, columns, defaults, delimiter, quotes, missing):
    fields = list(_fields(record, delimiter, quotes)) or [b""]
    if not len(columns) and len(fields) > len(defaults):
        raise _invalid(f"Expect {len(defaults)} fields but have more in record")
    fields = _chosen(fields, columns)
    if len(fields) < len(defaults) and not (len(fields) == 1 and not fields[0]):
        raise _invalid(f"Expect {len(defaults)} fields but have {len(fields)} in record")
    found = []
    for i, (default, dtype) in enumerate(defaults):
        field = fields[i] if i < len(fields) else b""
        if not field or field == missing:
            if not default.size:
                raise _invalid(f"Field {i} is required but missing in record!")
            found.append(np.array(default.ravel()[0], object if dtype is dtypes.string else dtype.as_numpy_dtype))
            continue
        try:
            value = _field_value(field, dtype)
        except (ValueError, UnicodeDecodeError):
            name = message_name(dtype)
            text = field.decode(errors="replace")
            raise _invalid(f"Field {i} in record is not a valid {name}: {text}") from None
        found.append(np.array(value, object if dtype is dtypes.string else dtype.as_numpy_dtype))
    return tuple(found)


def _invalid(text):
    return InvalidArgumentError(None, None, text)


def read_records(place, sources, paths, compression, header, columns, defaults, delimiter, quotes, missing):
    waiting, records = list(paths), None

    def step():
        nonlocal records
        while True:
            if records is None:
                if not waiting:
                    raise StopIteration
                records = _records(waiting[0], quotes, compression)
                if header and next(records, None) is None:
                    waiting.pop(0)
                    raise OutOfRangeError(None, None, "Can't read header of empty file") from None
            for record in records:
                return _values(record, columns, defaults, delimiter, quotes, missing)
            records = None
            waiting.pop(0)

    return Elements(step)


def _run_csv(call, names, compression, buffer_size, header, delimiter, quotes, missing, columns, *defaults):
    if names.ndim > 1:
        raise ValueError("`filenames` must be a scalar or a vector.")
    compression = compression.item().decode()
    if compression not in ("", "GZIP", "ZLIB"):
        raise ValueError("Unsupported compression_type.")
    if len(delimiter.item()) != 1:
        raise ValueError("field_delim should be only 1 char")
    columns = columns.tolist()
    if columns and len(columns) != len(defaults):
        raise ValueError("select_cols should match output size")
    if any(a >= b for a, b in itertools.pairwise(columns)):
        raise ValueError("select_cols should be strictly increasing indices")
    if columns and columns[0] < 0:
        raise ValueError("select_cols should be non-negative indices")
    for i, default in enumerate(defaults):
        if default.size > 1:
            raise ValueError(f"There should only be 1 default per field but field {i} has {default.size}")
    typed = list(zip(defaults, [dtype.base_dtype for dtype in call.attr("output_types")]))
    paths = [local_path(name) for name in names.ravel()]
    return DatasetState(read_records, (), paths, compression, header.item(), columns, typed, delimiter.item(), quotes.item(), missing.item())  # fmt: skip


ops.register(
    ops.dataset_op("CSVDataset",
                   "filenames: string, compression_type: string, buffer_size: int64, header: bool, field_delim: string, "
                   "use_quote_delim: bool, na_value: string, select_cols: int64, record_defaults: output_types", _run_csv,
                   output_types=[]),
)  # fmt: skip
