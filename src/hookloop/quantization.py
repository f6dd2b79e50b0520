"""`tf.quantization`: TensorFlow's other name for numbers that are rounded to steps."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__,
    """fake_quant_with_min_max_args fake_quant_with_min_max_args_gradient fake_quant_with_min_max_vars
    fake_quant_with_min_max_vars_gradient fake_quant_with_min_max_vars_per_channel
    fake_quant_with_min_max_vars_per_channel_gradient""",
    {"quantize_and_dequantize": "ops.quantize.quantize_and_dequantize"},
)
