"""`tf.nn`: the ops of neural networks."""

from .namespace import attributes

_OF_NN = """batch_norm_with_global_normalization batch_normalization bias_add compute_average_loss l2_loss
    l2_normalize log_poisson_loss log_softmax moments normalize_moments scale_regularization_loss
    sigmoid_cross_entropy_with_logits softmax softmax_cross_entropy_with_logits
    softmax_cross_entropy_with_logits_v2 sparse_softmax_cross_entropy_with_logits sufficient_statistics
    weighted_cross_entropy_with_logits weighted_moments xw_plus_b zero_fraction"""
_OF_ACTIVATIONS = "crelu elu leaky_relu relu relu6 relu_layer selu softplus softsign swish"

__getattr__, __dir__ = attributes(
    __name__,
    "depth_to_space sigmoid space_to_batch space_to_depth tanh",
    {
        **{name: f"ops.nn.{name}" for name in _OF_NN.split()},
        **{name: f"ops.activations.{name}" for name in _OF_ACTIVATIONS.split()},
        "dropout": "ops.dropout.dropout",
        "embedding_lookup": "ops.embedding.embedding_lookup",
        "in_top_k": "ops.reduce.in_top_k",
        "top_k": "ops.reduce.top_k",
    },
)
