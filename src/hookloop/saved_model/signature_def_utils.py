"""`tf.saved_model.signature_def_utils`: signatures, which name the inputs and outputs of a graph."""

from __future__ import annotations

from . import signature_constants as names
from .utils import build_tensor_info

__all__ = [
    "build_signature_def", "classification_signature_def", "is_valid_signature", "predict_signature_def",
    "regression_signature_def",
]  # fmt: skip


def __dir__():
    return list(__all__)


_STRING, _FLOAT = 7, 1  # TensorFlow's numbers of the types


def build_signature_def(inputs=None, outputs=None, method_name=None):
    """A `SignatureDef`.

    Args:
      inputs, outputs: name -> `TensorInfo`.
      method_name: what is computed, one of the method names in `signature_constants`.
    """
    from tensorboard.compat.proto.meta_graph_pb2 import SignatureDef

    signature = SignatureDef()
    for field, infos in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for name, info in (infos or {}).items():
            field[name].CopyFrom(info)
    if method_name is not None:
        signature.method_name = method_name
    return signature


def regression_signature_def(examples, predictions):
    """The signature of a regression: serialized examples in, floats out.

    Raises:
      ValueError: where a tensor is missing or has another type.
    """
    inputs = {names.REGRESS_INPUTS: _checked(examples, "Regression examples", _STRING, "a string")}
    if predictions is None:
        raise ValueError("Regression predictions cannot be None.")
    outputs = {names.REGRESS_OUTPUTS: _checked(predictions, "Regression output", _FLOAT, "a float")}
    return build_signature_def(inputs, outputs, names.REGRESS_METHOD_NAME)


def classification_signature_def(examples, classes, scores):
    """The signature of a classification: serialized examples in, class names, scores or both out.

    Raises:
      ValueError: where a tensor is missing or has another type.
    """
    if examples is None:
        raise ValueError("Classification examples cannot be None.")
    if classes is None and scores is None:
        raise ValueError("Classification classes and scores cannot both be None.")
    inputs = {names.CLASSIFY_INPUTS: _checked(examples, "Classification examples", _STRING, "a string")}
    outputs = {}
    if classes is not None:
        outputs[names.CLASSIFY_OUTPUT_CLASSES] = _checked(classes, "Classification classes", _STRING, "a string")
    if scores is not None:
        outputs[names.CLASSIFY_OUTPUT_SCORES] = _checked(scores, "Classification scores", _FLOAT, "a float")
    return build_signature_def(inputs, outputs, names.CLASSIFY_METHOD_NAME)


def predict_signature_def(inputs, outputs):
    """The signature of any computation.

    Args:
      inputs, outputs: name -> tensor.

    Raises:
      ValueError: where either is empty.
    """
    if not inputs:
        raise ValueError("Prediction inputs cannot be None or empty.")
    if not outputs:
        raise ValueError("Prediction outputs cannot be None or empty.")
    infos = [{name: build_tensor_info(tensor) for name, tensor in tensors.items()} for tensors in (inputs, outputs)]
    return build_signature_def(*infos, names.PREDICT_METHOD_NAME)


def _checked(tensor, what, datatype, kind):
    if tensor is None:
        raise ValueError(f"{what} cannot be None.")
    info = build_tensor_info(tensor)
    if info.dtype != datatype:
        raise ValueError(f"{what} must be {kind} Tensor.")
    return info


def is_valid_signature(signature_def):
    """Whether a signature is one that a server answers: of a known method, with the inputs and outputs it must have."""
    if signature_def is None:
        return False
    inputs, outputs = signature_def.inputs, signature_def.outputs
    method = signature_def.method_name
    if method == names.PREDICT_METHOD_NAME:
        return bool(inputs) and bool(outputs)
    if set(inputs) != {names.REGRESS_INPUTS} or inputs[names.REGRESS_INPUTS].dtype != _STRING:
        return False
    if method == names.REGRESS_METHOD_NAME:
        return set(outputs) == {names.REGRESS_OUTPUTS} and outputs[names.REGRESS_OUTPUTS].dtype == _FLOAT
    allowed = {names.CLASSIFY_OUTPUT_CLASSES: _STRING, names.CLASSIFY_OUTPUT_SCORES: _FLOAT}
    return method == names.CLASSIFY_METHOD_NAME and bool(outputs) and all(
        name in allowed and info.dtype == allowed[name] for name, info in outputs.items()
    )  # fmt: skip
