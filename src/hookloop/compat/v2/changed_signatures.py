"""The functions whose arguments `tf.compat.v2` has in another order, under other names, or fewer of: the arguments of each, in
their order, with "=" behind those that may be left out."""

CHANGED = {
    "": """
        argmax: input axis= output_type= name=
        argmin: input axis= output_type= name=
        assert_equal: x y message= summarize= name=
        assert_greater: x y message= summarize= name=
        assert_less: x y message= summarize= name=
        assert_rank: x rank message= name=
        batch_to_space: input block_shape crops name=
        boolean_mask: tensor mask axis= name=
        case: pred_fn_pairs default= exclusive= strict= name=
        cond: pred true_fn= false_fn= name=
        constant: value dtype= shape= name=
        convert_to_tensor: value dtype= dtype_hint= name=
        device: device_name
        expand_dims: input axis name=
        gather: params indices validate_indices= axis= batch_dims= name=
        gather_nd: params indices batch_dims= name=
        gradients: ys xs grad_ys= name= gate_gradients= aggregation_method= stop_gradients= unconnected_gradients=
        hessians: ys xs gate_gradients= aggregation_method= name=
        norm: tensor ord= axis= keepdims= name=
        ones_like: input dtype= name=
        pad: tensor paddings mode= constant_values= name=
        reduce_all: input_tensor axis= keepdims= name=
        reduce_any: input_tensor axis= keepdims= name=
        reduce_logsumexp: input_tensor axis= keepdims= name=
        reduce_max: input_tensor axis= keepdims= name=
        reduce_mean: input_tensor axis= keepdims= name=
        reduce_min: input_tensor axis= keepdims= name=
        reduce_prod: input_tensor axis= keepdims= name=
        reduce_sum: input_tensor axis= keepdims= name=
        reverse_sequence: input seq_lengths seq_axis= batch_axis= name=
        shape: input out_type= name=
        size: input out_type= name=
        space_to_batch: input block_shape paddings name=
        squeeze: input axis= name=
        transpose: a perm= conjugate= name=
        tuple: tensors control_inputs= name=
        variable_creator_scope: variable_creator
        where: condition x= y= name=
        while_loop: cond body loop_vars shape_invariants= parallel_iterations= back_prop= swap_memory= maximum_iterations= name=
        zeros_like: input dtype= name=
    """,
    "debugging": """
        assert_all_finite: x message name=
        assert_equal: x y message= summarize= name=
        assert_greater: x y message= summarize= name=
        assert_greater_equal: x y message= summarize= name=
        assert_integer: x message= name=
        assert_less: x y message= summarize= name=
        assert_less_equal: x y message= summarize= name=
        assert_near: x y rtol= atol= message= summarize= name=
        assert_negative: x message= summarize= name=
        assert_non_negative: x message= summarize= name=
        assert_non_positive: x message= summarize= name=
        assert_none_equal: x y summarize= message= name=
        assert_positive: x message= summarize= name=
        assert_rank: x rank message= name=
        assert_rank_at_least: x rank message= name=
        assert_rank_in: x ranks message= name=
        assert_scalar: tensor message= name=
        assert_shapes: shapes data= summarize= message= name=
        assert_type: tensor tf_type message= name=
    """,
    "io": """
        decode_csv: records record_defaults field_delim= use_quote_delim= na_value= select_cols= name=
        decode_raw: input_bytes out_type little_endian= fixed_length= name=
        parse_example: serialized features example_names= name=
        parse_single_example: serialized features example_names= name=
    """,
    "linalg": """
        l2_normalize: x axis= epsilon= name=
        norm: tensor ord= axis= keepdims= name=
    """,
    "math": """
        argmax: input axis= output_type= name=
        argmin: input axis= output_type= name=
        bincount: arr weights= minlength= maxlength= dtype= name=
        confusion_matrix: labels predictions num_classes= weights= dtype= name=
        count_nonzero: input axis= keepdims= dtype= name=
        in_top_k: targets predictions k name=
        l2_normalize: x axis= epsilon= name=
        log_softmax: logits axis= name=
        reduce_all: input_tensor axis= keepdims= name=
        reduce_any: input_tensor axis= keepdims= name=
        reduce_logsumexp: input_tensor axis= keepdims= name=
        reduce_max: input_tensor axis= keepdims= name=
        reduce_mean: input_tensor axis= keepdims= name=
        reduce_min: input_tensor axis= keepdims= name=
        reduce_prod: input_tensor axis= keepdims= name=
        reduce_sum: input_tensor axis= keepdims= name=
        softmax: logits axis= name=
    """,
    "nn": """
        avg_pool: input ksize strides padding data_format= name=
        avg_pool2d: input ksize strides padding data_format= name=
        batch_norm_with_global_normalization: input mean variance beta gamma variance_epsilon scale_after_normalization name=
        conv1d: input filters stride padding data_format= dilations= name=
        conv2d: input filters strides padding data_format= dilations= name=
        conv2d_transpose: input filters output_shape strides padding= data_format= dilations= name=
        conv3d: input filters strides padding data_format= dilations= name=
        conv3d_transpose: input filters output_shape strides padding= data_format= dilations= name=
        convolution: input filters strides= padding= data_format= dilations= name=
        crelu: features axis= name=
        depth_to_space: input block_size data_format= name=
        depthwise_conv2d: input filter strides padding data_format= dilations= name=
        dropout: x rate noise_shape= seed= name=
        embedding_lookup: params ids max_norm= name=
        in_top_k: targets predictions k name=
        l2_normalize: x axis= epsilon= name=
        log_softmax: logits axis= name=
        max_pool: input ksize strides padding data_format= name=
        moments: x axes shift= keepdims= name=
        nce_loss: weights biases labels inputs num_sampled num_classes num_true= sampled_values= remove_accidental_hits= name=
        pool: input window_shape pooling_type strides= padding= data_format= dilations= name=
        sampled_softmax_loss: weights biases labels inputs num_sampled num_classes num_true= sampled_values= remove_accidental_hits= seed= name=
        separable_conv2d: input depthwise_filter pointwise_filter strides padding data_format= dilations= name=
        sigmoid_cross_entropy_with_logits: labels= logits= name=
        softmax: logits axis= name=
        softmax_cross_entropy_with_logits: labels logits axis= name=
        space_to_batch: input block_shape paddings name=
        space_to_depth: input block_size data_format= name=
        sparse_softmax_cross_entropy_with_logits: labels logits name=
        sufficient_statistics: x axes shift= keepdims= name=
        weighted_cross_entropy_with_logits: labels logits pos_weight name=
        weighted_moments: x axes frequency_weights keepdims= name=
    """,
    "random": """
        poisson: shape lam dtype= seed= name=
    """,
    "strings": """
        length: input unit= name=
        reduce_join: inputs axis= keepdims= separator= name=
        substr: input pos len unit= name=
        to_hash_bucket: input num_buckets name=
        to_number: input out_type= name=
    """,
}
