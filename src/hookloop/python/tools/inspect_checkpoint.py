"""`python.tools.inspect_checkpoint`: prints what is in a checkpoint."""

import re

from ...errors import OpError
from ...train import NewCheckpointReader

__all__ = ["print_tensors_in_checkpoint_file"]


def print_tensors_in_checkpoint_file(file_name, tensor_name, all_tensors, all_tensor_names=False,
                                     count_exclude_pattern=""):  # fmt: skip
    """Prints names and values of a checkpoint's tensors, and how many numbers they have.

    Args:
      file_name: the checkpoint's prefix.
      tensor_name: of the one whose value is printed; "" where none is meant: then types and shapes are printed.
      all_tensors: whether the values of all are printed.
      all_tensor_names: whether the names of all are printed.
      count_exclude_pattern: a regular expression of names that are not counted.
    """
    try:
        reader = NewCheckpointReader(file_name)
        if all_tensors or all_tensor_names:
            for name in sorted(reader.get_variable_to_shape_map()):
                print("tensor_name: ", name)
                if all_tensors:
                    print(reader.get_tensor(name))
        elif tensor_name:
            print("tensor_name: ", tensor_name)
            print(reader.get_tensor(tensor_name))
        else:
            print(reader.debug_string().decode("utf-8", errors="ignore"))
        print("# Total number of params: %d" % _count(reader, count_exclude_pattern))
    except OpError as error:
        print(error.message)


def _count(reader, excluded):
    total = 0
    for name, dims in reader.get_variable_to_shape_map().items():
        if excluded and re.match(excluded, name):
            continue
        count = 1
        for size in dims:
            count *= size
        total += count
    return total
