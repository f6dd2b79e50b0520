"""A dataset of the rows that a database answers a query with."""

from __future__ import annotations

import re

import numpy as np

from .. import dtypes
from ..errors import InvalidArgumentError, UnknownError
from ..ops.build import apply_op, convert_to_tensor
from ..shapes import TensorShape
from . import ops
from .dataset import DatasetV1Adapter
from .iterator import element_of, spec_attrs
from .pipeline import DatasetState, Elements
from .structure import map_structure

_TYPES = (dtypes.string, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint16, dtypes.bool,
          dtypes.float64)  # fmt: skip


class SqlDataset(DatasetV1Adapter):
    """The rows of a query, a tuple of scalars each.

    Args:
      driver_name: "sqlite".
      data_source_name: the file of the database.
      query: the query.
      output_types: a tuple of the columns' types.
    """

    def __init__(self, driver_name, data_source_name, query, output_types):
        inputs = [
            convert_to_tensor(value, dtypes.string, name=name)
            for name, value in (("driver_name", driver_name), ("data_source_name", data_source_name), ("query", query))
        ]
        element = element_of(output_types, map_structure(lambda _: TensorShape([]), output_types))
        super().__init__(apply_op("SqlDataset", inputs, spec_attrs(element)), element)


def _run_sql(call, driver, source, query):
    types = [dtype.base_dtype for dtype in call.attr("output_types")]
    for dtype in types:
        if dtype not in _TYPES:
            raise ValueError(
                "Each element of `output_types_` must be one of: DT_STRING, DT_INT8, DT_INT16, DT_INT32, DT_INT64, DT_UINT8, "
                "DT_UINT16, DT_BOOL, DT_DOUBLE "
            )
    name = driver.item().decode()
    if name != "sqlite":
        raise ValueError(
            f"The database type, {name}, is not supported by SqlDataset. The set of supported databases is: {{'sqlite'}}."
        )
    return DatasetState(rows, (), source.item().decode(), query.item().decode(), types)


def rows(place, sources, database, query, types):
    found = None

    def step():
        nonlocal found
        if found is None:
            found = _answer(database, query, len(types))
        return tuple([_value(value, dtype) for value, dtype in zip(next(found), types)])

    return Elements(step)


def _answer(database, query, count):
    """The rows of a query; the database is closed behind them.

    Raises:
      UnknownError: what the database says.
      InvalidArgumentError: where the rows have another number of columns.
    """
    import sqlite3
    from contextlib import closing
    from pathlib import Path

    def answered():
        with closing(connection):
            yield from cursor

    try:
        connection = sqlite3.connect(f"{Path(database).absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            cursor = connection.execute(query)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise UnknownError(None, None, f"Prepare() failed: {error}: {query}") from None
    columns = len(cursor.description or ())
    if columns != count:
        connection.close()
        raise InvalidArgumentError(
            None, None,
            f"The number of columns in query ({columns}) must match the number of elements in output_types ({count}).",
        )  # fmt: skip
    return answered()


def _value(value, dtype):
    """A field as a type: as SQLite converts it, integers modulo the type's size."""
    if dtype is dtypes.string:
        text = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        return np.array(text, object)
    number = _number(value)
    if dtype is dtypes.float64:
        return np.array(number, np.float64)
    if dtype is dtypes.bool:
        return np.array(int(number) != 0)
    return np.array(int(number), np.int64).astype(dtype.as_numpy_dtype)


_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _number(value):
    if value is None:
        return 0
    if isinstance(value, (int, float)):
        return value
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    found = _NUMBER.match(text)
    return (
        0 if found is None else float(found.group()) if found.group(2) or "." in found.group() else int(found.group())
    )


ops.register(
    ops.dataset_op("SqlDataset", "driver_name: string, data_source_name: string, query: string", _run_sql),
)
