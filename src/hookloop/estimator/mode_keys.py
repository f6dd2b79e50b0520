"""What a function that builds a model is asked to build it for."""

__all__ = ["ModeKeys"]


class ModeKeys:
    """What a model is built for: `TRAIN`, `EVAL` or `PREDICT`."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "infer"
