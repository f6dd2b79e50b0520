"""`tf.math`: TensorFlow's other name for the functions of arithmetic."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__,
    """abs accumulate_n acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh betainc bincount
    ceil confusion_matrix conj cos cosh count_nonzero cumprod cumsum digamma divide equal erf erfc exp expm1
    floor floordiv floormod greater greater_equal igamma igammac imag invert_permutation is_finite is_inf
    is_nan is_non_decreasing is_strictly_increasing lbeta less less_equal lgamma log log1p log_sigmoid
    logical_and logical_not logical_or logical_xor maximum minimum mod multiply negative not_equal polygamma
    pow real reciprocal reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
    reduce_sum rint round rsqrt scalar_mul segment_max segment_mean segment_min segment_prod segment_sum
    sigmoid sign sin sinh sqrt square squared_difference subtract tan tanh truediv unsorted_segment_max
    unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n
    unsorted_segment_sum zeta""",
    {
        "divide_no_nan": "div_no_nan",
        **{
            name: f"nn.{name}"
            for name in (
                "in_top_k", "l2_normalize", "log_softmax", "softmax", "softplus", "softsign", "top_k",
                "zero_fraction",
            )
        },
        **{
            name: f"ops.math.{name}"
            for name in ("multiply_no_nan", "polyval", "reciprocal_no_nan", "xdivy", "xlogy")
        },
        **{
            name: f"ops.incomplete.{name}"
            for name in ("bessel_i0", "bessel_i0e", "bessel_i1", "bessel_i1e", "nextafter")
        },
        **{
            name: f"ops.reduce.{name}"
            for name in ("cumulative_logsumexp", "reduce_euclidean_norm", "reduce_std", "reduce_variance")
        },
    },
)  # fmt: skip
