"""The names that `tf.compat.v2` shares with TensorFlow's first API, by the namespace in which they stand."""

SAME = {
    "": """
        AggregationMethod Assert CriticalSection DType Graph IndexedSlices Module Operation RegisterGradient Tensor
        TensorArray TensorShape TensorSpec TypeSpec UnconnectedGradients VariableSynchronization abs acos acosh add
        add_n argsort as_dtype as_string asin asinh atan atan2 atanh bfloat16 bitcast bool broadcast_dynamic_shape
        broadcast_static_shape broadcast_to cast clip_by_global_norm clip_by_norm clip_by_value complex complex128
        complex64 concat control_dependencies cos cosh cumsum custom_gradient divide double dynamic_partition
        dynamic_stitch einsum ensure_shape equal executing_eagerly exp extract_volume_patches eye fill float16 float32
        fingerprint float64 floor foldl foldr get_logger get_static_value grad_pass_through greater greater_equal group
        guarantee_const half histogram_fixed_width histogram_fixed_width_bins identity identity_n import_graph_def
        init_scope int16 int32 int64 int8 is_tensor less less_equal linspace logical_and logical_not logical_or
        make_ndarray make_tensor_proto map_fn matmul matrix_square_root maximum meshgrid minimum multiply negative
        no_gradient no_op not_equal numpy_function one_hot ones parallel_stack pow print py_function qint16 qint32
        qint8 quint16 quint8 range rank realdiv recompute_grad register_tensor_conversion_function repeat
        required_space_to_batch_paddings reshape resource reverse roll round saturate_cast scan scatter_nd
        searchsorted sequence_mask shape_n sigmoid sign sin sinh slice sort space_to_batch_nd split sqrt square stack
        stop_gradient strided_slice string subtract switch_case tan tanh tensor_scatter_nd_add tensor_scatter_nd_sub
        tensor_scatter_nd_update tensordot tile timestamp truediv truncatediv truncatemod uint16 uint32 uint64 uint8
        unique unique_with_counts unravel_index unstack variant vectorized_map zeros
    """,
    "debugging": """
        Assert assert_proper_iterable assert_same_float_dtype check_numerics is_numeric_tensor
    """,
    "io": """
        FixedLenFeature FixedLenSequenceFeature TFRecordOptions TFRecordWriter decode_base64 decode_compressed
        decode_json_example encode_base64 match_filenames_once matching_files parse_sequence_example
        parse_single_sequence_example parse_tensor read_file serialize_tensor write_file write_graph
    """,
    "linalg": """
        adjoint band_part cholesky cholesky_solve cross det diag diag_part eigh eigvalsh einsum expm eye global_norm
        inv logdet logm lstsq lu matmul matrix_rank matrix_transpose matvec normalize pinv qr set_diag slogdet solve
        sqrtm svd tensor_diag tensor_diag_part tensordot trace triangular_solve tridiagonal_matmul
        tridiagonal_solve
    """,
    "math": """
        abs accumulate_n acos acosh add add_n angle asin asinh atan atan2 atanh bessel_i0 bessel_i0e bessel_i1
        bessel_i1e betainc ceil conj cos cosh cumprod cumsum cumulative_logsumexp digamma divide divide_no_nan equal
        erf erfc exp expm1 floor floordiv floormod greater greater_equal igamma igammac imag invert_permutation
        is_finite is_inf is_nan is_non_decreasing is_strictly_increasing lbeta less less_equal lgamma log log1p
        log_sigmoid logical_and logical_not logical_or logical_xor maximum minimum mod multiply multiply_no_nan
        negative nextafter not_equal polygamma polyval pow real reciprocal reciprocal_no_nan reduce_euclidean_norm
        reduce_std reduce_variance rint round rsqrt segment_max segment_mean segment_min segment_prod segment_sum
        sigmoid sign sin sinh softplus softsign sqrt square squared_difference subtract tan tanh top_k truediv
        unsorted_segment_max unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n
        unsorted_segment_sum xdivy xlogy zero_fraction zeta
    """,
    "nn": """
        all_candidate_sampler atrous_conv2d atrous_conv2d_transpose avg_pool1d avg_pool3d batch_normalization bias_add collapse_repeated
        compute_accidental_hits compute_average_loss conv1d_transpose conv_transpose depthwise_conv2d_backprop_filter
        depthwise_conv2d_backprop_input elu fixed_unigram_candidate_sampler l2_loss leaky_relu
        learned_unigram_candidate_sampler local_response_normalization log_poisson_loss lrn max_pool1d max_pool2d
        max_pool3d normalize_moments relu relu6 scale_regularization_loss selu sigmoid softplus softsign swish tanh
        top_k with_space_to_batch zero_fraction
    """,
    "random": """
        all_candidate_sampler categorical fixed_unigram_candidate_sampler gamma learned_unigram_candidate_sampler
        log_uniform_candidate_sampler normal shuffle stateless_categorical stateless_normal stateless_truncated_normal
        stateless_uniform truncated_normal uniform uniform_candidate_sampler
    """,
    "strings": """
        as_string format join lower regex_full_match regex_replace strip to_hash_bucket_fast to_hash_bucket_strong
        unicode_transcode unsorted_segment_join upper
    """,
    "train": """
        BytesList CheckpointManager ClusterDef ClusterSpec Coordinator Example ExponentialMovingAverage Feature
        FeatureList FeatureLists Features FloatList Int64List JobDef SequenceExample ServerDef checkpoints_iterator
        get_checkpoint_state latest_checkpoint list_variables load_checkpoint load_variable
    """,
}
