"""The functions whose arguments `tf.compat.v2` has in another order, under other names, or fewer of: the arguments of each."""

CHANGED = {
    "": """
        argmax: input, axis=None, output_type=int64, name=None
        argmin: input, axis=None, output_type=int64, name=None
        assert_equal: x, y, message=None, summarize=None, name=None
        assert_greater: x, y, message=None, summarize=None, name=None
        assert_less: x, y, message=None, summarize=None, name=None
        assert_rank: x, rank, message=None, name=None
        batch_to_space: input, block_shape, crops, name=None
        boolean_mask: tensor, mask, axis=None, name='boolean_mask'
        case: pred_fn_pairs, default=None, exclusive=False, strict=False, name='case'
        cond: pred, true_fn=None, false_fn=None, name=None
        constant: value, dtype=None, shape=None, name='Const'
        convert_to_tensor: value, dtype=None, dtype_hint=None, name=None
        device: device_name
        expand_dims: input, axis, name=None
        gather: params, indices, validate_indices=None, axis=None, batch_dims=0, name=None
        gather_nd: params, indices, batch_dims=0, name=None
        gradients: ys, xs, grad_ys=None, name='gradients', gate_gradients=False, aggregation_method=None, stop_gradients=None, unconnected_gradients=UnconnectedGradients.NONE
        hessians: ys, xs, gate_gradients=False, aggregation_method=None, name='hessians'
        norm: tensor, ord='euclidean', axis=None, keepdims=None, name=None
        ones_like: input, dtype=None, name=None
        pad: tensor, paddings, mode='CONSTANT', constant_values=0, name=None
        reduce_all: input_tensor, axis=None, keepdims=False, name=None
        reduce_any: input_tensor, axis=None, keepdims=False, name=None
        reduce_logsumexp: input_tensor, axis=None, keepdims=False, name=None
        reduce_max: input_tensor, axis=None, keepdims=False, name=None
        reduce_mean: input_tensor, axis=None, keepdims=False, name=None
        reduce_min: input_tensor, axis=None, keepdims=False, name=None
        reduce_prod: input_tensor, axis=None, keepdims=False, name=None
        reduce_sum: input_tensor, axis=None, keepdims=False, name=None
        reverse_sequence: input, seq_lengths, seq_axis=None, batch_axis=None, name=None
        shape: input, out_type=int32, name=None
        size: input, out_type=int32, name=None
        space_to_batch: input, block_shape, paddings, name=None
        squeeze: input, axis=None, name=None
        transpose: a, perm=None, conjugate=False, name='transpose'
        tuple: tensors, control_inputs=None, name=None
        variable_creator_scope: variable_creator
        where: condition, x=None, y=None, name=None
        while_loop: cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True, swap_memory=False, maximum_iterations=None, name=None
        zeros_like: input, dtype=None, name=None
    """,
    "debugging": """
        assert_all_finite: x, message, name=None
        assert_equal: x, y, message=None, summarize=None, name=None
        assert_greater: x, y, message=None, summarize=None, name=None
        assert_greater_equal: x, y, message=None, summarize=None, name=None
        assert_integer: x, message=None, name=None
        assert_less: x, y, message=None, summarize=None, name=None
        assert_less_equal: x, y, message=None, summarize=None, name=None
        assert_near: x, y, rtol=None, atol=None, message=None, summarize=None, name=None
        assert_negative: x, message=None, summarize=None, name=None
        assert_non_negative: x, message=None, summarize=None, name=None
        assert_non_positive: x, message=None, summarize=None, name=None
        assert_none_equal: x, y, summarize=None, message=None, name=None
        assert_positive: x, message=None, summarize=None, name=None
        assert_rank: x, rank, message=None, name=None
        assert_rank_at_least: x, rank, message=None, name=None
        assert_rank_in: x, ranks, message=None, name=None
        assert_scalar: tensor, message=None, name=None
        assert_shapes: shapes, data=None, summarize=None, message=None, name=None
        assert_type: tensor, tf_type, message=None, name=None
    """,
    "io": """
        decode_csv: records, record_defaults, field_delim=',', use_quote_delim=True, na_value='', select_cols=None, name=None
        decode_raw: input_bytes, out_type, little_endian=True, fixed_length=None, name=None
        parse_example: serialized, features, example_names=None, name=None
        parse_single_example: serialized, features, example_names=None, name=None
    """,
    "linalg": """
        l2_normalize: x, axis=None, epsilon=1e-12, name=None
        norm: tensor, ord='euclidean', axis=None, keepdims=None, name=None
    """,
    "math": """
        argmax: input, axis=None, output_type=int64, name=None
        argmin: input, axis=None, output_type=int64, name=None
        bincount: arr, weights=None, minlength=None, maxlength=None, dtype=int32, name=None
        confusion_matrix: labels, predictions, num_classes=None, weights=None, dtype=int32, name=None
        count_nonzero: input, axis=None, keepdims=None, dtype=int64, name=None
        in_top_k: targets, predictions, k, name=None
        l2_normalize: x, axis=None, epsilon=1e-12, name=None
        log_softmax: logits, axis=None, name=None
        reduce_all: input_tensor, axis=None, keepdims=False, name=None
        reduce_any: input_tensor, axis=None, keepdims=False, name=None
        reduce_logsumexp: input_tensor, axis=None, keepdims=False, name=None
        reduce_max: input_tensor, axis=None, keepdims=False, name=None
        reduce_mean: input_tensor, axis=None, keepdims=False, name=None
        reduce_min: input_tensor, axis=None, keepdims=False, name=None
        reduce_prod: input_tensor, axis=None, keepdims=False, name=None
        reduce_sum: input_tensor, axis=None, keepdims=False, name=None
        softmax: logits, axis=None, name=None
    """,
    "nn": """
        avg_pool: input, ksize, strides, padding, data_format=None, name=None
        avg_pool2d: input, ksize, strides, padding, data_format='NHWC', name=None
        batch_norm_with_global_normalization: input, mean, variance, beta, gamma, variance_epsilon, scale_after_normalization, name=None
        conv1d: input, filters, stride, padding, data_format='NWC', dilations=None, name=None
        conv2d: input, filters, strides, padding, data_format='NHWC', dilations=None, name=None
        conv2d_transpose: input, filters, output_shape, strides, padding='SAME', data_format='NHWC', dilations=None, name=None
        conv3d: input, filters, strides, padding, data_format='NDHWC', dilations=None, name=None
        conv3d_transpose: input, filters, output_shape, strides, padding='SAME', data_format='NDHWC', dilations=None, name=None
        convolution: input, filters, strides=None, padding='VALID', data_format=None, dilations=None, name=None
        crelu: features, axis=-1, name=None
        depth_to_space: input, block_size, data_format='NHWC', name=None
        depthwise_conv2d: input, filter, strides, padding, data_format=None, dilations=None, name=None
        dropout: x, rate, noise_shape=None, seed=None, name=None
        embedding_lookup: params, ids, max_norm=None, name=None
        in_top_k: targets, predictions, k, name=None
        l2_normalize: x, axis=None, epsilon=1e-12, name=None
        log_softmax: logits, axis=None, name=None
        max_pool: input, ksize, strides, padding, data_format=None, name=None
        moments: x, axes, shift=None, keepdims=False, name=None
        nce_loss: weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None, remove_accidental_hits=False, name='nce_loss'
        pool: input, window_shape, pooling_type, strides=None, padding='VALID', data_format=None, dilations=None, name=None
        sampled_softmax_loss: weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None, remove_accidental_hits=True, seed=None, name='sampled_softmax_loss'
        separable_conv2d: input, depthwise_filter, pointwise_filter, strides, padding, data_format=None, dilations=None, name=None
        sigmoid_cross_entropy_with_logits: labels=None, logits=None, name=None
        softmax: logits, axis=None, name=None
        softmax_cross_entropy_with_logits: labels, logits, axis=-1, name=None
        space_to_batch: input, block_shape, paddings, name=None
        space_to_depth: input, block_size, data_format='NHWC', name=None
        sparse_softmax_cross_entropy_with_logits: labels, logits, name=None
        sufficient_statistics: x, axes, shift=None, keepdims=False, name=None
        weighted_cross_entropy_with_logits: labels, logits, pos_weight, name=None
        weighted_moments: x, axes, frequency_weights, keepdims=False, name=None
    """,
    "random": """
        poisson: shape, lam, dtype=float32, seed=None, name=None
    """,
    "strings": """
        length: input, unit='BYTE', name=None
        reduce_join: inputs, axis=None, keepdims=False, separator='', name=None
        substr: input, pos, len, unit='BYTE', name=None
        to_hash_bucket: input, num_buckets, name=None
        to_number: input, out_type=float32, name=None
    """,
}
