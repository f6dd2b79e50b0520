"""TensorFlow's `tensorflow.python`, for programs that import public names by the paths of its files."""

from ..module_paths import install

_MATH = ("", "math", "nn", "linalg", "random", "strings", "debugging", "io")

# TensorFlow's modules have the functions of their generated twins too.
_OPS = (*_MATH, "?ops.op_functions")

_TABLE = {
    "ops.session_ops": ("", "ops.session_handles"),
    **dict.fromkeys(("client.session", "client.client_lib"), ("", "session_conversions")),
    **dict.fromkeys(
        ("data.ops.dataset_ops", "data.ops.iterator_ops", "data.ops.readers", "data.ops.optional_ops"),
        ("data", "data.experimental"),
    ),
    **{f"framework.{name}": ("",) for name in """constant_op device_spec importer indexed_slices random_seed
        tensor_conversion_registry tensor_util type_spec""".split()},
    "framework.tensor_spec": ("", "type_specs"),
    "framework.dtypes": ("dtypes", ""),
    "framework.sparse_tensor": ("",),
    **{f"eager.{name}": ("",) for name in "backprop core def_function function wrap_function".split()},
    "eager.test": ("test",),
    "compat.compat": ("compat",),
    "data.util.structure": ("data.specs", "data.experimental"),
    "framework.config": ("config.experimental", "config.threading", "config.optimizer", "config"),
    **{f"data.experimental.ops.{name}": ("data.experimental",) for name in """batching cardinality counter enumerate_ops error_ops
        get_single_element grouping interleave_ops iterator_ops optimization_options parsing_ops prefetching_ops random_ops readers
        resampling scan_ops shuffle_ops stats_aggregator stats_ops stats_options take_while_ops threading_options unique
        writers""".split()},
    "framework.errors": ("errors",),
    "framework.errors_impl": ("errors",),
    "framework.framework_lib": ("",),
    "framework.graph_io": ("train",),
    "framework.graph_util": ("graph_util",),
    "framework.graph_util_impl": ("graph_util",),
    "framework.ops": ("", "python.framework.graph_elements", "python.framework.op_statistics"),
    "framework.tensor_shape": ("shapes", ""),
    "framework.versions": ("", "version"),
    "autograph.impl.api": ("autograph.experimental",),
    "layers.utils": (),
    "module.module": ("module",),
    "lib.io.python_io": ("python_io", "io"),
    "lib.io.tf_record": ("python_io", "io"),
    **{f"ops.{name}": _OPS for name in """array_ops bitwise_ops candidate_sampling_ops check_ops clip_ops confusion_matrix
        control_flow_ops custom_gradient data_flow_ops embedding_ops functional_ops histogram_ops io_ops linalg_ops logging_ops
        lookup_ops manip_ops map_fn math_ops numerics parsing_ops random_ops script_ops sets_impl sort_ops special_math_ops
        state_ops stateless_random_ops string_ops template tensor_array_ops""".split()},
    **{f"ops.gen_{name}_ops": ("ops.op_functions",) for name in """array bitwise candidate_sampling checkpoint control_flow data_flow
        dataset experimental_dataset functional image io linalg list logging lookup manip math nn parsing random resource_variable
        script sdca set sparse spectral state stateless_random string summary""".split()},
    "training.gen_training_ops": ("ops.op_functions",),
    "training.training_ops": ("ops.op_functions",),
    # Imported for the gradients that they register.
    **{f"ops.{name}_grad": ("",) for name in "array control_flow data_flow linalg manip math nn optional random state tensor_array".split()},
    "ops.bitwise_ops": ("bitwise", "?ops.op_functions"),
    "ops.control_flow_v2_toggles": ("preambles",),
    "ops.critical_section_ops": ("",),
    "ops.summary_ops_v2": (),
    "ops.ctc_ops": ("ops.ctc_labels",),
    "ops.image_grad": ("",),
    **dict.fromkeys(("ops.image_ops", "ops.image_ops_impl"), ("image", *_OPS)),
    "ops.init_ops_v2": ("compat.v2.initializers", "compat.v2"),
    "ops.linalg_ops_impl": ("linalg",),
    "ops.list_ops": ("?ops.op_functions", ""),
    "ops.gradient_checker": ("test",),
    "ops.gradients": ("", "gradients"),
    "ops.gradients_util": ("", "gradients"),
    "ops.gradients_impl": ("", "gradients"),
    "ops.init_ops": ("", "initializers"),
    "ops.inplace_ops": ("ops.inplace",),
    "ops.standard_ops": (*_MATH, "initializers"),
    "ops.linalg.linalg": ("linalg",),
    "ops.linalg.linalg_impl": ("linalg",),
    **dict.fromkeys(("ops.nn", "ops.nn_impl", "ops.nn_ops"), ("nn", *_OPS)),
    "ops.parallel_for": ("ops.parallel_for",),
    "ops.parallel_for.control_flow_ops": ("ops.parallel_for",),
    "ops.parallel_for.gradients": ("jacobians",),
    "ops.partitioned_variables": ("", "partitioned"),
    "ops.resource_variable_ops": ("variables", "?ops.op_functions"),
    "ops.resources": ("ops.resources",),
    "ops.string_ops": ("strings", "", "?ops.op_functions"),
    "ops.unconnected_gradients": ("",),
    "ops.variable_scope": ("", "variable_scope"),
    "ops.variables": ("", "variables", "partitioned"),
    "platform.app": ("app",),
    "platform.benchmark": ("test",),
    "platform.flags": ("flags",),
    "platform.gfile": ("gfile",),
    "platform.googletest": ("test",),
    "platform.resource_loader": ("resource_loader",),
    "summary.plugin_asset": ("summary.plugin_assets",),
    "platform.sysconfig": ("sysconfig",),
    "platform.test": ("test",),
    "pywrap_tensorflow": ("train", "errors"),
    **{f"saved_model.{name}": (f"saved_model.{name}", "saved_model", "?saved_model._more_names") for name in """builder constants
        loader main_op signature_constants signature_def_utils tag_constants utils""".split()},
    **{f"saved_model.{name}_impl": (f"saved_model.{name}", "saved_model", "?saved_model._more_names") for name in """builder loader
        main_op signature_def_utils utils""".split()},
    "saved_model.model_utils.mode_keys": ("estimator.mode_keys",),
    "saved_model.saved_model": ("saved_model",),
    "saved_model.simple_save": ("saved_model",),
    "summary.summary": ("summary", ""),
    "summary.writer.event_file_writer": ("?summary.writer",),
    "ops.summary_op_util": ("ops.summary",),
    "summary.summary_iterator": ("train",),
    "training.checkpoint_state_pb2": ("files.messages",),
    **{f"training.{name}": ("train",) for name in """basic_loops basic_session_run_hooks evaluation input queue_runner_impl
        server_lib summary_io training warm_starting_util""".split()},
    **{f"training.{name}": ("train", f"train.{name}") for name in """adadelta adagrad adagrad_da adam checkpoint_management
        checkpoint_utils coordinator device_setter ftrl gradient_descent learning_rate_decay momentum moving_averages optimizer
        proximal_adagrad proximal_gradient_descent queue_runner rmsprop session_manager session_run_hook slot_creator supervisor
        sync_replicas_optimizer training_util""".split()},
    **{f"training.experimental.{name}": ("train.experimental",) for name in "loss_scale loss_scale_optimizer mixed_precision".split()},
    "training.monitored_session": ("train", "train.session_levels", "train.monitored_session", "train.monitored_training_session"),
    "training.saver": ("train", "train.saver", "train.saver_builder", "train.saveable"),
    "training.saving.saveable_object": ("train.saveable",),
    "training.saving.saveable_object_util": ("train.saveable",),
    "training.slot_creator": ("train.slot_creator",),
    "training.tracking.base": ("trackable", "train"),
    "training.tracking.tracking": ("trackable", "train"),
    "training.tracking.util": ("train",),
    "util.compat": ("compat",),
    "util.compat_internal": ("compat",),
    "util.nest": ("nest", "python.util.shallow", "python.util.paths"),
    # Python's own modules, which decorated functions here need no others for.
    "util.tf_contextlib": (":contextlib",),
    "util.tf_inspect": (":inspect",),
}  # fmt: skip

_RENAMED = {
    # Libraries choose a branch by this path, as Sonnet does.
    "layers.utils": {
        "constant_value": "python.framework.smart_cond.smart_constant_value",
        "smart_cond": "python.framework.smart_cond.smart_cond",
    },
    "data.ops.dataset_ops": {
        "DatasetV1Adapter": "data.Dataset",
        **{f"get_legacy_output_{what}": f"data.get_output_{what}" for what in ("classes", "shapes", "types")},
    },
    "client.session": {"BaseSession": "session.BaseSession", "_DeviceAttributes": "session._DeviceAttributes"},
    "framework.ops": {
        "IndexedSlicesValue": "fetches.IndexedSlicesValue", "_colocate_with": "colocate_with",
        "_TensorLike": "python.framework.graph_elements.TensorLike",
        "_as_graph_element": "python.framework.graph_elements.as_graph_element",
        "_NodeDef": "python.framework.graph_elements.new_node_def",
        "_assert_same_graph": "python.framework.graph_elements.assert_same_graph",
        "_get_graph_from_inputs": "python.framework.graph_elements.graph_from_inputs",
        "get_gradient_function": "gradients.gradient_function",
        "internal_convert_to_tensor_or_indexed_slices": "python.framework.graph_elements.convert_to_tensor_or_indexed_slices",
        "_default_graph_stack": "graph.stack.graphs", "_default_session_stack": "graph.stack.sessions",
        "internal_convert_to_tensor": "convert_to_tensor",
    },
    "saved_model.model_utils.mode_keys": {"EstimatorModeKeys": "estimator.ModeKeys"},
    "training.saving.saveable_object_util": {
        "op_list_to_dict": "train.saveable.named", "validate_and_slice_inputs": "train.saveable.saveables",
    },
    "ops.script_ops": {"eager_py_func": "py_function"},
    # Libraries that have copies of TensorFlow's own functions call these.
    "framework.constant_op": {
        "_constant_tensor_conversion_function": "ops.build._convert_constant",
        "_dimension_tensor_conversion_function": "ops.build._convert_dimension",
        "_tensor_shape_tensor_conversion_function": "ops.build._convert_shape",
    },
    "framework.type_spec": {"BatchableTypeSpec": "type_specs.BatchableTypeSpec"},
    "framework.random_seed": {"DEFAULT_GRAPH_SEED": "graph.random_seed.DEFAULT_GRAPH_SEED"},
    "framework.tensor_util": {
        **{name: f"python.framework.graph_elements.{name}" for name in ("maybe_set_static_shape", "shape_tensor")},
        "MakeNdarray": "make_ndarray", "ShapeEquals": "ops.tensor_util.shapes_equal", "constant_value": "get_static_value",
        "constant_value_as_shape": "ops.tensor_util.constant_value_as_shape",
    },
    "ops.init_ops": {
        "Zeros": "zeros_initializer", "Ones": "ones_initializer", "Constant": "constant_initializer",
        "RandomUniform": "random_uniform_initializer", "RandomNormal": "random_normal_initializer",
        "TruncatedNormal": "truncated_normal_initializer", "UniformUnitScaling": "uniform_unit_scaling_initializer",
        "VarianceScaling": "variance_scaling_initializer", "Orthogonal": "orthogonal_initializer",
        "GlorotUniform": "glorot_uniform_initializer", "GlorotNormal": "glorot_normal_initializer",
        "_compute_fans": "initializers._fans", "Identity": "initializers.identity", "Initializer": "initializers.Initializer",
    },
    "ops.array_ops": {"gather_v2": "compat.v2.gather", "pad_v2": "compat.v2.pad", "listdiff": "python.ops.other_functions.listdiff", "shape_internal": "ops.array.shape_internal"},
    "ops.control_flow_ops": {
        "with_dependencies": "ops.core.with_dependencies", "_Enter": "ops.control_flow_nodes.enter", "_Identity": "identity",
        "_NextIteration": "ops.control_flow_nodes.next_iteration",
        "_case_helper": "ops.conditional.case_helper",
        "_SwitchRefOrTensor": "ops.control_flow_nodes.switch_ref_or_tensor",
        **{name: f"ops.control_flow_slices.{name}" for name in ("exit", "merge", "switch")},
        **{name: f"ops.control_flow_context.{name}" for name in ("CondContext", "ControlFlowContext", "WhileContext")},
    },
    "ops.data_flow_ops": {"Barrier": "ops.barrier.Barrier", "RecordInput": "ops.record_input.RecordInput", "MapStagingArea": "ops.map_staging.MapStagingArea", "StagingArea": "ops.staging.StagingArea"},
    "ops.logging_ops": {"print_v2": "print"},
    "ops.math_ops": {
        "reduced_shape": "python.ops.other_functions.reduced_shape", "_bucketize": "ops.op_functions.bucketize", "neg": "negative", "floor_mod": "floormod", "real_div": "realdiv", "truncate_div": "truncatediv", "truncate_mod": "truncatemod",
    },
    "ops.nn_impl": {"_compute_sampled_logits": "ops.candidates._sampled_logits", "_sum_rows": "ops.candidates._sum_rows"},
    "ops.parallel_for": {name: f"jacobians.{name}" for name in ("batch_jacobian", "jacobian")},
    "ops.random_ops": {
        "random_poisson_v2": "compat.v2.random.poisson",
        "parameterized_truncated_normal": "ops.random_within_bounds.parameterized_truncated_normal",
    },
    "ops.stateless_random_ops": {
        f"stateless_{name}": f"random.stateless_{name.removeprefix('random_')}"
        for name in ("random_uniform", "random_normal")
    },
    "ops.string_ops": {f"string_{name}": f"strings.{name}" for name in ("format", "length", "lower", "upper")},
    "ops.summary_ops_v2": {name: f"summary.{name}" for name in ("all_v2_summary_ops", "initialize")},
    "ops.summary_op_util": {"summary_scope": "summary.functions.summary_scope"},
    "ops.confusion_matrix": {"remove_squeezable_dimensions": "python.ops.other_functions.remove_squeezable_dimensions"},
    "ops.state_ops": {name: f"python.ops.other_functions.{name}" for name in ("variable_op", "variable_op_v2")},
    "ops.variable_scope": {
        "variable": "Variable", "_VariableStore": "variable_scope._Store", "_get_default_variable_store": "variable_scope._store",
    },
    "platform.googletest": {"GetTempDir": "test.get_temp_dir"},
    "pywrap_tensorflow": {
        "CheckpointReader": "train.checkpoint_utils.CheckpointReader", "EventsWriter": "summary.events_writer.EventsWriter",
        "TF_TryEvaluateConstant_wrapper": "python.framework.smart_cond.try_evaluate_constant",
    },
    "summary.writer.event_file_writer": {"EventFileWriter": "summary.writer.EventFileWriter"},
    "training.basic_session_run_hooks": {"_as_graph_element": "train.training_util.watched_element"},
    "training.saver": {"saver_pb2": "core.protobuf.saver_pb2."},
    "training.evaluation": {
        "_StopAfterNEvalsHook": "contrib.training.StopAfterNEvalsHook",
        **{f"_{name}": f"contrib.training.{name}" for name in ("evaluate_once", "get_or_create_eval_step")},
    },
    "training.tracking.base": {
        "OBJECT_GRAPH_PROTO_KEY": "trackable.OBJECT_GRAPH_KEY", "VARIABLE_VALUE_KEY": "trackable.VARIABLE_VALUE",
    },
    "training.summary_io": {"SummaryWriterCache": "summary.FileWriterCache"},
    "util.nest": {"is_sequence": "nest.is_nested", "_is_namedtuple": "python.util.shallow.is_namedtuple"},
}  # fmt: skip

# Programs and suites put functions and classes of their own into these: what is there is the module itself.
_SAME = {
    "framework.test_combinations": "python.framework.combinations",
    "pywrap_tensorflow_internal": "python.pywrap_tensorflow", "platform.tf_logging": "logging", "summary.writer.writer": "summary.writer", "summary.writer.writer_cache": "summary.writer",
}  # fmt: skip

# What is in these is not there yet. Files that use one of them in a few functions import it at their top.
_BARE = """autograph.core.ag_ctx data.experimental.ops.distribute data.experimental.ops.distribute_options
    data.experimental.ops.map_defun data.experimental.ops.matching_files data.experimental.ops.optimization
    data.experimental.ops.sleep data.experimental.ops.snapshot data.experimental.ops.threadpool
    data.ops.multi_device_iterator_ops data.util.convert data.util.options data.util.random_seed data.util.sparse data.util.traverse
    distribute.collective_all_reduce_strategy distribute.distribute_coordinator distribute.distribute_lib
    distribute.distribution_strategy_context distribute.mirrored_strategy distribute.values
    feature_column.feature_column feature_column.feature_column_lib framework.auto_control_deps framework.c_api_util
    framework.convert_to_constants framework.cpp_shape_inference_pb2 framework.error_interpolation framework.func_graph
    framework.graph_to_function_def framework.kernels framework.load_library framework.op_def_library framework.test_ops
    framework.traceable_stack keras.engine.training keras.keras_parameterized keras.layers.core
    layers.convolutional layers.core layers.layers ops.batch_ops ops.boosted_trees_ops ops.collective_ops ops.cond_v2
    ops.control_flow_util_v2 ops.gen_stateful_random_ops
    ops.linalg.linear_operator ops.linalg.linear_operator_test_util ops.proto_ops ops.losses.losses ops.losses.losses_impl ops.losses.util ops.metrics ops.metrics_impl ops.op_selector
    ops.ragged.ragged_array_ops ops.ragged.ragged_conversion_ops ops.ragged.ragged_factory_ops ops.ragged.ragged_math_ops
    ops.ragged.ragged_string_ops ops.ragged.ragged_tensor ops.ragged.ragged_tensor_value
    ops.rnn ops.rnn_cell ops.rnn_cell_impl ops.sparse_ops ops.stateful_random_ops ops.weights_broadcast_ops
    ops.while_v2 platform.build_info platform.control_imports saved_model.nested_structure_coder
    summary.writer.event_file_writer_v2 training.checkpoint_ops training.saver_test_utils training.saving.functional_saver
    training.tensorboard_logging training.tracking.data_structures training.tracking.graph_view
    util.tf_should_use util.tf_stack""".split()  # fmt: skip

install(__name__, _TABLE, _RENAMED, _SAME, _BARE)
