# Written by tools/make_stubs.py.
from typing import Any

from .custom_gradient import (
    custom_gradient as custom_gradient,
    grad_pass_through as grad_pass_through,
    recompute_grad as recompute_grad,
)
from .dtypes import (
    DType as DType,
    QUANTIZED_DTYPES as QUANTIZED_DTYPES,
    as_dtype as as_dtype,
    bfloat16 as bfloat16,
    bool as bool,
    complex128 as complex128,
    complex64 as complex64,
    double as double,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    half as half,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    int8 as int8,
    qint16 as qint16,
    qint32 as qint32,
    qint8 as qint8,
    quint16 as quint16,
    quint8 as quint8,
    resource as resource,
    string as string,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
    uint8 as uint8,
    variant as variant,
)
from .explain import (
    explain as explain,
)
from .gradients import (
    AggregationMethod as AggregationMethod,
    NoGradient as NoGradient,
    NotDifferentiable as NotDifferentiable,
    RegisterGradient as RegisterGradient,
    UnconnectedGradients as UnconnectedGradients,
    gradients as gradients,
    hessians as hessians,
    no_gradient as no_gradient,
)
from .graph.collections import (
    GraphKeys as GraphKeys,
    add_to_collection as add_to_collection,
    add_to_collections as add_to_collections,
    get_collection as get_collection,
    get_collection_ref as get_collection_ref,
)
from .graph.device import (
    DeviceSpec as DeviceSpec,
)
from .graph.graph import (
    Graph as Graph,
)
from .graph.operation import (
    Operation as Operation,
)
from .graph.random_seed import (
    get_seed as get_seed,
    set_random_seed as set_random_seed,
)
from .graph.scopes import (
    colocate_with as colocate_with,
    container as container,
    control_dependencies as control_dependencies,
    device as device,
    init_scope as init_scope,
    name_scope as name_scope,
    op_scope as op_scope,
)
from .graph.stack import (
    executing_eagerly as executing_eagerly,
    get_default_graph as get_default_graph,
    get_default_session as get_default_session,
    reset_default_graph as reset_default_graph,
)
from .graph.tensor import (
    Tensor as Tensor,
)
from .import_graph import (
    import_graph_def as import_graph_def,
)
from .initializers import (
    constant_initializer as constant_initializer,
    glorot_normal_initializer as glorot_normal_initializer,
    glorot_uniform_initializer as glorot_uniform_initializer,
    ones_initializer as ones_initializer,
    orthogonal_initializer as orthogonal_initializer,
    random_normal_initializer as random_normal_initializer,
    random_uniform_initializer as random_uniform_initializer,
    truncated_normal_initializer as truncated_normal_initializer,
    uniform_unit_scaling_initializer as uniform_unit_scaling_initializer,
    variance_scaling_initializer as variance_scaling_initializer,
    zeros_initializer as zeros_initializer,
)
from .ops.array import (
    broadcast_dynamic_shape as broadcast_dynamic_shape,
    broadcast_static_shape as broadcast_static_shape,
    broadcast_to as broadcast_to,
    concat as concat,
    expand_dims as expand_dims,
    fill as fill,
    invert_permutation as invert_permutation,
    matrix_transpose as matrix_transpose,
    ones as ones,
    ones_like as ones_like,
    parallel_stack as parallel_stack,
    rank as rank,
    reshape as reshape,
    shape as shape,
    shape_n as shape_n,
    size as size,
    slice as slice,
    split as split,
    squeeze as squeeze,
    stack as stack,
    strided_slice as strided_slice,
    tile as tile,
    transpose as transpose,
    unstack as unstack,
    zeros as zeros,
    zeros_like as zeros_like,
)
from .ops.batch_gather import (
    batch_gather as batch_gather,
)
from .ops.build import (
    constant as constant,
    convert_to_tensor as convert_to_tensor,
    convert_to_tensor_or_indexed_slices as convert_to_tensor_or_indexed_slices,
    is_tensor as is_tensor,
    register_tensor_conversion_function as register_tensor_conversion_function,
)
from .ops.cast import (
    cast as cast,
    saturate_cast as saturate_cast,
    to_bfloat16 as to_bfloat16,
    to_complex128 as to_complex128,
    to_complex64 as to_complex64,
    to_double as to_double,
    to_float as to_float,
    to_int32 as to_int32,
    to_int64 as to_int64,
)
from .ops.check import (
    assert_equal as assert_equal,
    assert_greater as assert_greater,
    assert_greater_equal as assert_greater_equal,
    assert_integer as assert_integer,
    assert_less as assert_less,
    assert_less_equal as assert_less_equal,
    assert_near as assert_near,
    assert_negative as assert_negative,
    assert_non_negative as assert_non_negative,
    assert_non_positive as assert_non_positive,
    assert_none_equal as assert_none_equal,
    assert_positive as assert_positive,
    assert_proper_iterable as assert_proper_iterable,
    assert_rank as assert_rank,
    assert_rank_at_least as assert_rank_at_least,
    assert_rank_in as assert_rank_in,
    assert_same_float_dtype as assert_same_float_dtype,
    assert_scalar as assert_scalar,
    assert_type as assert_type,
    ensure_shape as ensure_shape,
    is_non_decreasing as is_non_decreasing,
    is_numeric_tensor as is_numeric_tensor,
    is_strictly_increasing as is_strictly_increasing,
)
from .ops.clip import (
    clip_by_average_norm as clip_by_average_norm,
    clip_by_global_norm as clip_by_global_norm,
    clip_by_norm as clip_by_norm,
    clip_by_value as clip_by_value,
    global_norm as global_norm,
)
from .ops.control_flow import (
    case as case,
    cond as cond,
    switch_case as switch_case,
    while_loop as while_loop,
)
from .ops.core import (
    group as group,
    guarantee_const as guarantee_const,
    identity as identity,
    identity_n as identity_n,
    initialize_all_tables as initialize_all_tables,
    no_op as no_op,
    placeholder as placeholder,
    placeholder_with_default as placeholder_with_default,
    stop_gradient as stop_gradient,
    tables_initializer as tables_initializer,
    tuple as tuple,
)
from .ops.counting import (
    bincount as bincount,
    confusion_matrix as confusion_matrix,
    count_up_to as count_up_to,
    histogram_fixed_width as histogram_fixed_width,
    histogram_fixed_width_bins as histogram_fixed_width_bins,
    repeat as repeat,
    unravel_index as unravel_index,
)
from .ops.decompositions import (
    cholesky as cholesky,
    cholesky_solve as cholesky_solve,
    matrix_determinant as matrix_determinant,
    matrix_inverse as matrix_inverse,
    matrix_solve as matrix_solve,
    matrix_solve_ls as matrix_solve_ls,
    matrix_triangular_solve as matrix_triangular_solve,
    qr as qr,
    self_adjoint_eig as self_adjoint_eig,
    self_adjoint_eigvals as self_adjoint_eigvals,
    svd as svd,
)
from .ops.dynamic import (
    dynamic_partition as dynamic_partition,
    dynamic_stitch as dynamic_stitch,
)
from .ops.files import (
    matching_files as matching_files,
    read_file as read_file,
    write_file as write_file,
)
from .ops.functional import (
    foldl as foldl,
    foldr as foldr,
    map_fn as map_fn,
    scan as scan,
)
from .ops.gather import (
    boolean_mask as boolean_mask,
    gather as gather,
    gather_nd as gather_nd,
    one_hot as one_hot,
    scatter_nd as scatter_nd,
    sequence_mask as sequence_mask,
)
from .ops.incomplete import (
    betainc as betainc,
    igamma as igamma,
    igammac as igammac,
)
from .ops.indexed_slices import (
    IndexedSlices as IndexedSlices,
)
from .ops.linalg import (
    einsum as einsum,
    eye as eye,
    matmul as matmul,
    norm as norm,
    sparse_matmul as sparse_matmul,
    tensordot as tensordot,
    trace as trace,
)
from .ops.math import (
    add as add,
    atan2 as atan2,
    div as div,
    div_no_nan as div_no_nan,
    divide as divide,
    equal as equal,
    floor_div as floor_div,
    floordiv as floordiv,
    floormod as floormod,
    greater as greater,
    greater_equal as greater_equal,
    less as less,
    less_equal as less_equal,
    logical_and as logical_and,
    logical_or as logical_or,
    logical_xor as logical_xor,
    maximum as maximum,
    minimum as minimum,
    mod as mod,
    multiply as multiply,
    not_equal as not_equal,
    pow as pow,
    realdiv as realdiv,
    scalar_mul as scalar_mul,
    squared_difference as squared_difference,
    subtract as subtract,
    truediv as truediv,
    truncatediv as truncatediv,
    truncatemod as truncatemod,
)
from .ops.math_unary import (
    abs as abs,
    acos as acos,
    acosh as acosh,
    add_check_numerics_ops as add_check_numerics_ops,
    asin as asin,
    asinh as asinh,
    atan as atan,
    atanh as atanh,
    ceil as ceil,
    check_numerics as check_numerics,
    cos as cos,
    cosh as cosh,
    digamma as digamma,
    erf as erf,
    erfc as erfc,
    exp as exp,
    expm1 as expm1,
    floor as floor,
    is_finite as is_finite,
    is_inf as is_inf,
    is_nan as is_nan,
    lgamma as lgamma,
    log as log,
    log1p as log1p,
    log_sigmoid as log_sigmoid,
    logical_not as logical_not,
    negative as negative,
    reciprocal as reciprocal,
    rint as rint,
    round as round,
    rsqrt as rsqrt,
    sigmoid as sigmoid,
    sign as sign,
    sin as sin,
    sinh as sinh,
    sqrt as sqrt,
    square as square,
    tan as tan,
    tanh as tanh,
    verify_tensor_all_finite as verify_tensor_all_finite,
)
from .ops.matrix import (
    cross as cross,
    diag as diag,
    diag_part as diag_part,
    matrix_band_part as matrix_band_part,
    matrix_diag as matrix_diag,
    matrix_diag_part as matrix_diag_part,
    matrix_set_diag as matrix_set_diag,
)
from .ops.padding import (
    pad as pad,
    reverse as reverse,
    reverse_v2 as reverse_v2,
)
from .ops.parts import (
    angle as angle,
    complex as complex,
    conj as conj,
    imag as imag,
    real as real,
)
from .ops.printing import (
    Assert as Assert,
    Print as Print,
    print as print,
    timestamp as timestamp,
)
from .ops.py_func import (
    numpy_function as numpy_function,
    py_func as py_func,
)
from .ops.queues import (
    FIFOQueue as FIFOQueue,
    PaddingFIFOQueue as PaddingFIFOQueue,
    PriorityQueue as PriorityQueue,
    QueueBase as QueueBase,
    RandomShuffleQueue as RandomShuffleQueue,
)
from .ops.random import (
    multinomial as multinomial,
    random_crop as random_crop,
    random_gamma as random_gamma,
    random_normal as random_normal,
    random_poisson as random_poisson,
    random_shuffle as random_shuffle,
    random_uniform as random_uniform,
    truncated_normal as truncated_normal,
)
from .ops.ranges import (
    lin_space as lin_space,
    linspace as linspace,
    range as range,
)
from .ops.rearrange import (
    batch_to_space as batch_to_space,
    batch_to_space_nd as batch_to_space_nd,
    bitcast as bitcast,
    depth_to_space as depth_to_space,
    meshgrid as meshgrid,
    required_space_to_batch_paddings as required_space_to_batch_paddings,
    reverse_sequence as reverse_sequence,
    roll as roll,
    space_to_batch as space_to_batch,
    space_to_batch_nd as space_to_batch_nd,
    space_to_depth as space_to_depth,
)
from .ops.reduce import (
    arg_max as arg_max,
    arg_min as arg_min,
    argmax as argmax,
    argmin as argmin,
    count_nonzero as count_nonzero,
    cumprod as cumprod,
    cumsum as cumsum,
    reduce_all as reduce_all,
    reduce_any as reduce_any,
    reduce_logsumexp as reduce_logsumexp,
    reduce_max as reduce_max,
    reduce_mean as reduce_mean,
    reduce_min as reduce_min,
    reduce_prod as reduce_prod,
    reduce_sum as reduce_sum,
)
from .ops.scatter import (
    batch_scatter_update as batch_scatter_update,
    scatter_nd_add as scatter_nd_add,
    scatter_nd_sub as scatter_nd_sub,
    scatter_nd_update as scatter_nd_update,
    tensor_scatter_add as tensor_scatter_add,
    tensor_scatter_nd_add as tensor_scatter_nd_add,
    tensor_scatter_nd_sub as tensor_scatter_nd_sub,
    tensor_scatter_nd_update as tensor_scatter_nd_update,
    tensor_scatter_sub as tensor_scatter_sub,
    tensor_scatter_update as tensor_scatter_update,
)
from .ops.segment import (
    segment_max as segment_max,
    segment_mean as segment_mean,
    segment_min as segment_min,
    segment_prod as segment_prod,
    segment_sum as segment_sum,
    sparse_segment_mean as sparse_segment_mean,
    sparse_segment_sqrt_n as sparse_segment_sqrt_n,
    sparse_segment_sum as sparse_segment_sum,
    unsorted_segment_max as unsorted_segment_max,
    unsorted_segment_mean as unsorted_segment_mean,
    unsorted_segment_min as unsorted_segment_min,
    unsorted_segment_prod as unsorted_segment_prod,
    unsorted_segment_sqrt_n as unsorted_segment_sqrt_n,
    unsorted_segment_sum as unsorted_segment_sum,
)
from .ops.select import (
    accumulate_n as accumulate_n,
    add_n as add_n,
    where as where,
    where_v2 as where_v2,
)
from .ops.sets import (
    setdiff1d as setdiff1d,
    unique as unique,
    unique_with_counts as unique_with_counts,
)
from .ops.slicing import (
    newaxis as newaxis,
)
from .ops.sorting import (
    argsort as argsort,
    searchsorted as searchsorted,
    sort as sort,
)
from .ops.special import (
    lbeta as lbeta,
    polygamma as polygamma,
    zeta as zeta,
)
from .ops.state import (
    assign as assign,
    assign_add as assign_add,
    assign_sub as assign_sub,
    is_variable_initialized as is_variable_initialized,
    scatter_add as scatter_add,
    scatter_div as scatter_div,
    scatter_max as scatter_max,
    scatter_min as scatter_min,
    scatter_mul as scatter_mul,
    scatter_sub as scatter_sub,
    scatter_update as scatter_update,
)
from .ops.strings import (
    as_string as as_string,
    decode_base64 as decode_base64,
    decode_raw as decode_raw,
    encode_base64 as encode_base64,
    reduce_join as reduce_join,
    regex_replace as regex_replace,
    string_join as string_join,
    string_strip as string_strip,
    string_to_hash_bucket as string_to_hash_bucket,
    string_to_hash_bucket_fast as string_to_hash_bucket_fast,
    string_to_hash_bucket_strong as string_to_hash_bucket_strong,
    string_to_number as string_to_number,
    substr as substr,
)
from .ops.tensor_array import (
    TensorArray as TensorArray,
)
from .ops.tensor_util import (
    get_static_value as get_static_value,
    make_ndarray as make_ndarray,
    make_tensor_proto as make_tensor_proto,
)
from .partitioned import (
    create_partitioned_variables as create_partitioned_variables,
    fixed_size_partitioner as fixed_size_partitioner,
    min_max_variable_partitioner as min_max_variable_partitioner,
    variable_axis_size_partitioner as variable_axis_size_partitioner,
)
from .preambles import (
    control_flow_v2_enabled as control_flow_v2_enabled,
    disable_control_flow_v2 as disable_control_flow_v2,
    disable_eager_execution as disable_eager_execution,
    disable_resource_variables as disable_resource_variables,
    disable_tensor_equality as disable_tensor_equality,
    disable_v2_behavior as disable_v2_behavior,
    disable_v2_tensorshape as disable_v2_tensorshape,
    enable_eager_execution as enable_eager_execution,
    enable_v2_tensorshape as enable_v2_tensorshape,
)
from .session import (
    InteractiveSession as InteractiveSession,
    Session as Session,
)
from .template import (
    make_template as make_template,
)
from .type_specs import (
    TensorSpec as TensorSpec,
    TypeSpec as TypeSpec,
)
from .variable_scope import (
    AUTO_REUSE as AUTO_REUSE,
    VariableScope as VariableScope,
    enable_resource_variables as enable_resource_variables,
    get_local_variable as get_local_variable,
    get_variable as get_variable,
    get_variable_scope as get_variable_scope,
    no_regularizer as no_regularizer,
    resource_variables_enabled as resource_variables_enabled,
    variable_op_scope as variable_op_scope,
    variable_scope as variable_scope,
)
from .variables import (
    Variable as Variable,
    VariableAggregation as VariableAggregation,
    VariableSynchronization as VariableSynchronization,
    all_variables as all_variables,
    assert_variables_initialized as assert_variables_initialized,
    global_variables as global_variables,
    global_variables_initializer as global_variables_initializer,
    initialize_all_variables as initialize_all_variables,
    initialize_local_variables as initialize_local_variables,
    initialize_variables as initialize_variables,
    local_variables as local_variables,
    local_variables_initializer as local_variables_initializer,
    model_variables as model_variables,
    moving_average_variables as moving_average_variables,
    report_uninitialized_variables as report_uninitialized_variables,
    trainable_variables as trainable_variables,
    variable_creator_scope as variable_creator_scope,
    variables_initializer as variables_initializer,
)
from .ops.accumulators import ConditionalAccumulator as ConditionalAccumulator
from .ops.accumulators import ConditionalAccumulatorBase as ConditionalAccumulatorBase
from .ops.critical_section import CriticalSection as CriticalSection
from .ops.parsing import FixedLenFeature as FixedLenFeature
from .ops.parsing import FixedLenSequenceFeature as FixedLenSequenceFeature
from .ops.readers import FixedLengthRecordReader as FixedLengthRecordReader
from .ops.readers import IdentityReader as IdentityReader
from .module import Module as Module
from .ops.readers import ReaderBase as ReaderBase
from .ops.accumulators import SparseConditionalAccumulator as SparseConditionalAccumulator
from .ops.readers import TFRecordReader as TFRecordReader
from .ops.readers import TextLineReader as TextLineReader
from .ops.readers import WholeFileReader as WholeFileReader
from .ops.decoding import decode_compressed as decode_compressed
from .ops.parsing import decode_csv as decode_csv
from .ops.decoding import decode_json_example as decode_json_example
from .ops.session_handles import delete_session_tensor as delete_session_tensor
from .ops.patches import extract_image_patches as extract_image_patches
from .ops.patches import extract_volume_patches as extract_volume_patches
from .ops.fake_quant import fake_quant_with_min_max_args as fake_quant_with_min_max_args
from .ops.fake_quant import fake_quant_with_min_max_args_gradient as fake_quant_with_min_max_args_gradient
from .ops.fake_quant import fake_quant_with_min_max_vars as fake_quant_with_min_max_vars
from .ops.fake_quant import fake_quant_with_min_max_vars_gradient as fake_quant_with_min_max_vars_gradient
from .ops.fake_quant import fake_quant_with_min_max_vars_per_channel as fake_quant_with_min_max_vars_per_channel
from .ops.fake_quant import fake_quant_with_min_max_vars_per_channel_gradient as fake_quant_with_min_max_vars_per_channel_gradient
from .ops.bits import fingerprint as fingerprint
from .ops.session_handles import get_session_handle as get_session_handle
from .ops.session_handles import get_session_tensor as get_session_tensor
from .ops.matrix_functions import matrix_square_root as matrix_square_root
from .ops.parsing import parse_example as parse_example
from .ops.parsing import parse_single_example as parse_single_example
from .ops.sequence_examples import parse_single_sequence_example as parse_single_sequence_example
from .ops.parsing import parse_tensor as parse_tensor
from .ops.py_function import py_function as py_function
from .ops.parsing import serialize_tensor as serialize_tensor
from .ops.candidates import sparse_to_dense as sparse_to_dense
from .ops.parallel_for import vectorized_map as vectorized_map
from . import app as app
from . import autograph as autograph
from . import bitwise as bitwise
from . import compat as compat
from . import config as config
from . import contrib as contrib
from . import data as data
from . import debugging as debugging
from . import estimator as estimator
from . import flags as flags
from . import gfile as gfile
from . import graph_util as graph_util
from . import image as image
from . import initializers as initializers
from . import io as io
from . import linalg as linalg
from . import logging as logging
from . import manip as manip
from . import math as math
from . import nest as nest
from . import nn as nn
from . import python_io as python_io
from . import quantization as quantization
from . import queue as queue
from . import random as random
from . import raw_ops as raw_ops
from . import resource_loader as resource_loader
from . import saved_model as saved_model
from . import strings as strings
from . import summary as summary
from . import sysconfig as sysconfig
from . import test as test
from . import train as train
from . import version as version
from . import dtypes as dtypes, errors as errors
from .errors import OpError as OpError
from .compat import dimension_at_index as dimension_at_index, dimension_value as dimension_value
from .shapes import Dimension as Dimension, TensorShape as TensorShape

__version__: str
__git_version__: str
__compiler_version__: str
__cxx11_abi_flag__: int
__monolithic_build__: int
VERSION: str
GIT_VERSION: str
COMPILER_VERSION: str
CXX11_ABI_FLAG: int
GRAPH_DEF_VERSION: int
GRAPH_DEF_VERSION_MIN_CONSUMER: int
GRAPH_DEF_VERSION_MIN_PRODUCER: int
MONOLITHIC_BUILD: int

def get_logger() -> Any: ...
def get_include() -> str: ...

# Protocol buffers, loaded when they are first asked for.
AttrValue: Any
ConfigProto: Any
Event: Any
GPUOptions: Any
GraphDef: Any
GraphOptions: Any
HistogramProto: Any
LogMessage: Any
MetaGraphDef: Any
NameAttrList: Any
NodeDef: Any
OptimizerOptions: Any
RunMetadata: Any
RunOptions: Any
SessionLog: Any
Summary: Any
SummaryMetadata: Any
TensorInfo: Any
