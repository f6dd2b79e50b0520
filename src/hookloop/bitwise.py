"""`tf.bitwise`: operations on the bits of integers."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__,
    "",
    {name: f"ops.math.{name}" for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")}
    | {"invert": "ops.math_unary.invert"},
)
