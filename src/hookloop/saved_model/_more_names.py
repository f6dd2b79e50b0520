"""Names that TensorFlow's modules of SavedModels have beside their public ones."""

from __future__ import annotations

from .signature_def_utils import build_signature_def
from .utils import build_tensor_info

__all__ = ["supervised_eval_signature_def", "supervised_train_signature_def"]

DEFAULT_EVAL_SIGNATURE_DEF_KEY = "eval"
DEFAULT_TRAIN_SIGNATURE_DEF_KEY = "train"
EVAL = "eval"
EXTRA_ASSETS_DIRECTORY = "assets.extra"
INIT_OP_SIGNATURE_KEY = "__saved_model_init_op"
SUPERVISED_EVAL_METHOD_NAME = "tensorflow/supervised/eval"
SUPERVISED_TRAIN_METHOD_NAME = "tensorflow/supervised/training"
TRAIN_OP_KEY = "saved_model_train_op"
TRAIN_OP_SIGNATURE_KEY = "__saved_model_train_op"


def supervised_train_signature_def(inputs, loss, predictions=None, metrics=None):
    """The signature of a step of training.

    Args:
      inputs: name -> tensor.
      loss, predictions, metrics: name -> tensor, of the outputs.

    Raises:
      ValueError: where there are no inputs.
    """
    return _signature(SUPERVISED_TRAIN_METHOD_NAME, inputs, (loss, predictions, metrics))


def supervised_eval_signature_def(inputs, loss, predictions=None, metrics=None):
    """The signature of an evaluation; arguments as above."""
    return _signature(SUPERVISED_EVAL_METHOD_NAME, inputs, (loss, predictions, metrics))


def _signature(method, inputs, outputs):
    if not inputs:
        raise ValueError(f"{method} inputs cannot be None or empty.")
    tensors = {name: tensor for part in outputs for name, tensor in (part or {}).items()}
    infos = [{name: build_tensor_info(tensor) for name, tensor in part.items()} for part in (inputs, tensors)]
    return build_signature_def(*infos, method)
