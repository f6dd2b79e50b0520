# The C side as Cython sees it: what it uses of the headers in csrc.
cimport numpy as np
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


cdef extern from "plan.h" nogil:
    ctypedef enum hl_status:
        HL_OK, HL_CANCELLED, HL_INVALID_ARGUMENT, HL_DEADLINE_EXCEEDED, HL_RESOURCE_EXHAUSTED
        HL_FAILED_PRECONDITION, HL_OUT_OF_RANGE, HL_INTERNAL, HL_RAISED, HL_RESTART, HL_PAUSED
    enum:
        HL_MAX_RANK, HL_DIRECT_ARGS
        HL_FLOAT32, HL_FLOAT64, HL_INT32, HL_UINT8, HL_INT16, HL_INT8, HL_STRING, HL_COMPLEX64, HL_INT64, HL_BOOL, HL_BFLOAT16
        HL_UINT16, HL_COMPLEX128, HL_FLOAT16, HL_RESOURCE, HL_VARIANT, HL_UINT32, HL_UINT64
    ctypedef union hl_value:
        int64_t i
        double f
        void *p
    ctypedef struct hl_tensor:
        char *data
        int64_t size
        int dtype
        int32_t rank
        bint contiguous
        int64_t dims[10]
        int64_t strides[10]
    ctypedef struct hl_pool:
        pass
    ctypedef struct hl_run:
        int64_t *regs
        char *scratch
        int64_t scratch_bytes
        char *shared
        hl_pool *pool
        int threads
        hl_status (*poll)(hl_run *run) noexcept nogil
        hl_status stopped
        char message[384]
        void *frame
    ctypedef struct hl_instr:
        hl_status (*fn)(const hl_instr *ins, hl_run *run) noexcept nogil
        void *arg[4]
        hl_value p[3]
    ctypedef struct hl_prepare:
        int n_in, n_out, n_attr
        hl_tensor **input "in"
        hl_tensor **out
        const hl_value *attr
        hl_instr *ins
        void *params
        const int64_t *regs
        int64_t scratch_bytes
        int64_t shared_bytes
        double cost_ns
        const char *choice
        char message[384]
    ctypedef struct hl_kernel:
        const char *name
        hl_status (*prepare)(hl_prepare *prep) noexcept nogil
        size_t param_bytes
    ctypedef struct hl_stream:
        uint64_t key
        uint64_t counter
        uint64_t stream
        int64_t *weights
    size_t hl_dtype_size(int dtype)
    size_t hl_param_bytes(const hl_kernel *kernel, const hl_value *attr)


cdef extern from "indices.h" nogil:
    ctypedef struct hl_stage_spec:
        int32_t kind, reseeds
        int64_t number, second
        uint64_t key, stream
    ctypedef struct hl_indices:
        pass
    hl_indices *hl_indices_new(const hl_stage_spec *stages, int n_stages)
    void hl_indices_free(hl_indices *indices)
    int64_t hl_indices_most(const hl_indices *indices)
    bint hl_indices_grouped(const hl_indices *indices)
    bint hl_indices_ascend(const hl_indices *indices)
    int64_t hl_indices_next(hl_indices *indices, int64_t *out)
    int64_t hl_indices_some(hl_indices *indices, int64_t *out, int64_t n)
    void hl_indices_open(hl_indices *indices)
    bint hl_indices_paused(const hl_indices *indices)
    int64_t hl_indices_pass(hl_indices *indices, int64_t count)


cdef extern from "shuffle.h" nogil:
    ctypedef struct hl_shuffle:
        pass
    ctypedef struct hl_shuffle_column:
        int64_t row_bytes
        const char *input "in"
        char *held
        char *out
    ctypedef struct hl_shuffle_rows:
        int n_columns
        hl_shuffle_column *columns
        int64_t n_in, n_out
        bint last
        int64_t taken, given
    hl_shuffle *hl_shuffle_new(int64_t size, uint64_t key, uint64_t stream)
    void hl_shuffle_free(hl_shuffle *shuffle)
    int64_t hl_shuffle_held(const hl_shuffle *shuffle)
    int64_t hl_shuffle_places(const hl_shuffle *shuffle)
    int64_t hl_shuffle_put(hl_shuffle *shuffle)
    int64_t hl_shuffle_draw(hl_shuffle *shuffle)
    bint hl_shuffle_end_round(hl_shuffle *shuffle)
    bint hl_shuffle_move(hl_shuffle *shuffle, hl_shuffle_rows *rows)


cdef extern from "batches.h" nogil:
    ctypedef struct hl_component:
        const char *data
        int64_t start, step, row_bytes
        int32_t dtype, rank
        int64_t dims[10]
    ctypedef struct hl_batches:
        pass
    ctypedef struct hl_batch:
        hl_batches *of
        int64_t rows
        char **data
    ctypedef struct hl_iterator:
        hl_batches *batches
    ctypedef struct hl_progress:
        int64_t elements, rows, round
    hl_batches *hl_batches_new(const hl_component *components, int n_components, hl_indices *indices, int64_t ahead,
                               void *owner, void (*release)(void *) noexcept)
    void hl_batches_unref(hl_batches *batches)
    int hl_batches_count(const hl_batches *batches)
    const hl_component *hl_batches_component(const hl_batches *batches, int k)
    bint hl_batches_grouped(const hl_batches *batches)
    bint hl_batches_skip(hl_batches *batches, int64_t elements, int64_t rows)
    void hl_iterator_open(hl_iterator *iterator)
    void hl_iterator_close(hl_iterator *iterator)
    void hl_iterator_start(hl_iterator *iterator, hl_batches *batches)
    hl_status hl_iterator_next(hl_iterator *iterator, hl_run *run, hl_batch **batch, void *fits, void *arg)
    bint hl_iterator_progress(hl_iterator *iterator, hl_progress *progress)
    void hl_batch_free(hl_batch *batch)


cdef extern from "memory.h" nogil:
    void hl_block_free(char *block, int64_t bytes)

cdef extern from "frame.h" nogil:
    enum: HL_POLL_PERIOD_NS
    ctypedef struct hl_size_op:
        int32_t operation
    ctypedef struct hl_tensor_spec:
        int32_t dtype
    ctypedef struct hl_batch_spec:
        int32_t node
    ctypedef struct hl_instr_spec:
        int32_t conditional, first_operand, n_in, n_out, first_attr, n_attr, node, group
    ctypedef struct hl_group_spec:
        int32_t first_size_op
    ctypedef struct hl_use:
        int32_t bound
    ctypedef struct hl_plan:
        int32_t n_regs, n_size_ops, n_tensors, n_instrs, n_operands, n_attrs, n_groups, n_dims
        int32_t n_arena_slots, n_grown, n_constants, n_folded, n_variables, n_feeds, n_streams, n_stacks, n_objects
        int32_t n_batches
        int32_t n_results, n_uses, prologue_end, commit, interruptible
        const int64_t *initial_regs
        const hl_size_op *size_ops
        const hl_tensor_spec *tensors
        const int32_t *dims
        const hl_instr_spec *instrs
        const int32_t *operands
        const hl_value *attrs
        const hl_kernel **kernels
        const hl_group_spec *groups
        const int32_t *tensor_order
        const int32_t *instr_order
        const int32_t *watched
        const int32_t *group_deps
        const hl_use *uses
        const int32_t *first_use
        const int32_t *result_tensors
        const hl_batch_spec *batches
        const int32_t *batch_axes
        void **constants
    ctypedef struct hl_variable:
        char *data
        int64_t capacity
        int64_t dims[10]
        int32_t rank
        int32_t dtype
        uint8_t initialized
    bint hl_variable_is_initialized(const hl_variable *variable)
    ctypedef struct hl_arena:
        char *base
        int64_t capacity
    ctypedef struct hl_frame:
        const hl_plan *plan
        hl_tensor *tensors
        int64_t *regs
        char **feeds
        hl_variable **variables
        hl_stream **streams
        hl_iterator **iterators
        bint prepared
        bint asks_host
        hl_run run
        double cost_ns
        int32_t failed_instr
        int32_t failed_node
        int64_t failed_sizes[2]
        hl_status (*host)(hl_frame *frame, int32_t instr, int64_t host) noexcept
        hl_status (*poll)(hl_frame *frame) noexcept
        void *owner
        int64_t poll_at_ns
    hl_arena *hl_arena_new()
    void hl_arena_free(hl_arena *arena)
    hl_frame *hl_frame_new(const hl_plan *plan, hl_arena *arena)
    void hl_frame_free(hl_frame *frame)
    hl_status hl_frame_prepare(hl_frame *frame, bint force)
    bint hl_frame_is_settled(const hl_frame *frame)
    hl_status hl_frame_begin(hl_frame *frame, bint force)
    void hl_frame_bind_feed(hl_frame *frame, int32_t feed, char *data)
    enum: HL_LARGE_RESULT_BYTES
    char *hl_frame_take_result(hl_frame *frame, int32_t tensor)
    hl_status hl_frame_run(hl_frame *frame)
    ctypedef struct hl_trace_entry:
        int64_t begin_ns, end_ns
        int32_t instr
    ctypedef struct hl_trace:
        hl_trace_entry *entries
        int64_t count, capacity, dropped
    hl_status hl_frame_run_traced(hl_frame *frame, hl_trace *trace)
    hl_status hl_variable_reshape(hl_variable *variable, int rank, const int64_t *dims)
    int hl_variable_shape(const hl_variable *variable, int64_t *dims)
    const hl_kernel *hl_control_kernel(const char *name)
    ctypedef struct hl_counters:
        uint64_t runs, instructions, preparations
    const hl_counters *hl_debug_counters()


cdef extern from "machine.h" nogil:
    int64_t hl_now_ns()
    unsigned hl_flush_denormals()
    void hl_restore_denormals(unsigned mode)


cdef extern from "native.h" nogil:
    ctypedef struct hl_hook_ctx:
        pass
    ctypedef int32_t (*hl_hook_fn)(hl_hook_ctx *ctx, void *user_data) noexcept
    ctypedef struct hl_hook_tensor:
        const void *data
        const int64_t *dims
        int64_t size
        int32_t rank, dtype
    ctypedef struct hl_native:
        hl_hook_fn fn
        void *user_data
        hl_hook_tensor *fetches
        int32_t n_fetches, result
        bint in_call
        char error[384]
    int32_t hl_native_call(hl_native *native, int64_t step, int64_t global_step)

cdef extern from "loop.h" nogil:
    ctypedef enum hl_counter_kind:
        HL_COUNT_RUNS, HL_COUNT_GLOBAL_STEP, HL_COUNT_SECONDS, HL_WATCH_FINITE
    ctypedef struct hl_trigger:
        hl_counter_kind kind
        bint after, has_threshold, first, started
        int32_t tensor
        double limit, last
    ctypedef struct hl_stacked:
        int32_t tensor, rank
        int64_t bytes
        char *data
        int64_t dims[10]
    ctypedef struct hl_row_feed:
        int32_t feed
        int64_t bytes
        char *data
    ctypedef enum hl_loop_end:
        HL_LOOP_DONE, HL_LOOP_DUE_BEFORE, HL_LOOP_DUE_AFTER, HL_LOOP_STOPPED, HL_LOOP_HOOK_STOPPED
        HL_LOOP_HOOK_FAILED, HL_LOOP_RESIZED, HL_LOOP_FAILED
    ctypedef struct hl_loop_hook:
        hl_native *native
        hl_trigger *trigger
        const int32_t *tensors
        bint due
    ctypedef struct hl_loop:
        hl_frame *frame
        int64_t n_steps, runs
        const hl_variable *global_step
        hl_trigger **triggers
        int32_t n_triggers
        hl_loop_hook *hooks
        int32_t n_hooks
        void *(*raised)()
        const hl_stacked *stacked
        int32_t n_stacked
        const hl_row_feed *row_feeds
        int32_t n_row_feeds
        const int32_t *stop
        int64_t steps_done
        hl_loop_end end
    ctypedef struct hl_counters_now:
        int64_t runs
        const hl_variable *global_step
        double seconds
        const hl_frame *frame
    bint hl_triggers_due(hl_trigger **triggers, int32_t n, bint after, const hl_counters_now *now)
    hl_status hl_loop_run(hl_loop *loop)
    hl_status hl_loop_run_rows(hl_loop *loop)
    bint hl_trigger_due(hl_trigger *trigger, double counter)
    bint hl_all_finite(const hl_tensor *tensor)
    int64_t hl_global_step(const hl_variable *variable)


cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, np.dtype descr, object base)

cdef extern from "numpy/arrayscalars.h":
    pass

cdef extern from *:
    """
    /* NumPy scalars as their types' allocators make them: NumPy's general function takes three times as long. */
    static CYTHON_INLINE PyObject *hl_float32_scalar(float value) {
        PyObject *scalar = (PyObject *)PyObject_New(PyFloatScalarObject, &PyFloatArrType_Type);
        if (scalar) ((PyFloatScalarObject *)scalar)->obval = value;
        return scalar;
    }
    static CYTHON_INLINE PyObject *hl_int64_scalar(npy_int64 value) {
        PyObject *scalar = (PyObject *)PyObject_New(PyInt64ScalarObject, &PyInt64ArrType_Type);
        if (scalar) ((PyInt64ScalarObject *)scalar)->obval = value;
        return scalar;
    }
    """
    object hl_float32_scalar(float value)
    object hl_int64_scalar(int64_t value)

cdef extern from "pool.h" nogil:
    hl_pool *hl_pool_get(int threads)


cdef extern from "isa.h" nogil:
    const hl_kernel *hl_find_kernel(const char *name)
    const char *hl_isa_name()
    int hl_isa_choose(const char *forced)
    const char *hl_isa_error()
    bint hl_isa_runs(const char *level)
