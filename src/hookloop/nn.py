"""`tf.nn`: the ops of neural networks."""

from .namespace import attributes
from .nn_swish import swish

_OF_NN = """batch_norm_with_global_normalization batch_normalization bias_add compute_average_loss l2_loss
    l2_normalize log_poisson_loss log_softmax moments normalize_moments scale_regularization_loss
    sigmoid_cross_entropy_with_logits softmax softmax_cross_entropy_with_logits
    softmax_cross_entropy_with_logits_v2 sparse_softmax_cross_entropy_with_logits sufficient_statistics
    weighted_cross_entropy_with_logits weighted_moments xw_plus_b zero_fraction"""
_OF_ACTIVATIONS = "crelu elu leaky_relu relu relu6 relu_layer selu softplus softsign"

_OF_CONVOLUTION = """atrous_conv2d atrous_conv2d_transpose conv1d conv1d_transpose conv2d conv2d_backprop_filter
    conv2d_backprop_input conv2d_transpose conv3d conv3d_backprop_filter conv3d_backprop_filter_v2 conv3d_transpose
    conv_transpose convolution depthwise_conv2d depthwise_conv2d_backprop_filter depthwise_conv2d_backprop_input
    depthwise_conv2d_native depthwise_conv2d_native_backprop_filter depthwise_conv2d_native_backprop_input
    separable_conv2d with_space_to_batch"""
_OF_CANDIDATES = """all_candidate_sampler compute_accidental_hits fixed_unigram_candidate_sampler
    learned_unigram_candidate_sampler log_uniform_candidate_sampler nce_loss sampled_softmax_loss uniform_candidate_sampler"""
_OF_POOLING = """avg_pool avg_pool1d avg_pool2d avg_pool3d avg_pool_v2 max_pool max_pool1d max_pool2d max_pool3d max_pool_v2
    max_pool_with_argmax pool"""

__getattr__, _names = attributes(
    __name__,
    "depth_to_space sigmoid space_to_batch space_to_depth tanh",
    {
        **{name: f"ops.nn.{name}" for name in _OF_NN.split()},
        **{name: f"ops.convolution.{name}" for name in _OF_CONVOLUTION.split()},
        **{name: f"ops.candidates.{name}" for name in _OF_CANDIDATES.split()},
        **{name: f"ops.pooling.{name}" for name in _OF_POOLING.split()},
        **{name: f"ops.activations.{name}" for name in _OF_ACTIVATIONS.split()},
        **{name: f"ops.normalization.{name}" for name in "fused_batch_norm local_response_normalization lrn".split()},
        **{name: f"ops.fractional_pools.{name}" for name in "fractional_avg_pool fractional_max_pool".split()},
        **{name: f"ops.dilation.{name}" for name in "dilation2d erosion2d".split()},
        "collapse_repeated": "ops.ctc_labels.collapse_repeated",
        "dropout": "ops.dropout.dropout",
        "embedding_lookup": "ops.embedding.embedding_lookup",
        "in_top_k": "ops.reduce.in_top_k",
        "top_k": "ops.reduce.top_k",
    },
)


def __dir__():
    return sorted([*_names(), swish.__name__])
