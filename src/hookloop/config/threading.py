"""`tf.config.threading`: numbers that are remembered. A session's threads are those of its `ConfigProto`, as in TensorFlow."""

__all__ = [
    "get_inter_op_parallelism_threads",
    "get_intra_op_parallelism_threads",
    "set_inter_op_parallelism_threads",
    "set_intra_op_parallelism_threads",
]

_threads = {"inter": 0, "intra": 0}


def get_inter_op_parallelism_threads():
    """What `set_inter_op_parallelism_threads` was given; 0 before."""
    return _threads["inter"]


def get_intra_op_parallelism_threads():
    """What `set_intra_op_parallelism_threads` was given; 0 before."""
    return _threads["intra"]


def set_inter_op_parallelism_threads(num_threads):
    """Is remembered."""
    _threads["inter"] = num_threads


def set_intra_op_parallelism_threads(num_threads):
    """Is remembered; what sessions use is `ConfigProto(intra_op_parallelism_threads=)`."""
    _threads["intra"] = num_threads


def __dir__():
    return list(__all__)
