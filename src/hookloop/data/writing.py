"""Datasets that are written to files."""

from __future__ import annotations

from .. import dtypes
from ..ops.build import apply_op, convert_to_tensor
from ..ops.registry import OpDef, no_gradient, register
from ..ops.shape_functions import nothing


class TFRecordWriter:
    """Writes the elements of a dataset of strings to a TFRecord file.

    Args:
      filename: the file.
      compression_type: "GZIP", "ZLIB" or "".
    """

    def __init__(self, filename, compression_type=None):
        self._filename = convert_to_tensor(filename, dtypes.string, name="filename")
        self._compression_type = convert_to_tensor(compression_type or "", dtypes.string, name="compression_type")

    def write(self, dataset):
        """The operation that writes a dataset.

        Raises:
          TypeError: where its elements are no string scalars.
        """
        from .dataset import Dataset

        if not isinstance(dataset, Dataset):
            raise TypeError("`dataset` must be a `tf.data.Dataset` object.")
        if dataset.output_types is not dtypes.string or not dataset.output_shapes.is_compatible_with([]):
            raise TypeError(
                f"`dataset` must produce scalar `DT_STRING` tensors whereas it produces shape {dataset.output_shapes} and types "
                f"{dataset.output_types}"
            )
        return apply_op("DatasetToTFRecord", [dataset._variant_tensor, self._filename, self._compression_type])


def _run_write(call, source, filename, compression):
    from ..io.tf_record import TFRecordOptions, TFRecordWriter

    options = TFRecordOptions(compression.item().decode())
    with TFRecordWriter(filename.item().decode(errors="surrogateescape"), options) as writer:
        for (record,) in source.iterate():
            writer.write(record.item())
            call.check()
    return ()


register(
    OpDef("DatasetToTFRecord", "input_dataset: variant, filename: string, compression_type: string", "", shape=nothing,
          host=_run_write, stateful=True, gradient=no_gradient),
)  # fmt: skip
