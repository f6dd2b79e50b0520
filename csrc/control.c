/* The runner's own instructions: jumps, sizes that running tells, calls to the host, saved values of loops, and the
 * shapes of variables. Kernels of the same form as all others; they know the frame that they run in. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "memory.h"
#include "runner.h"

static hl_frame *frame_of(hl_run *run) { return run->frame; }

static hl_status run_end(const hl_instr *ins, hl_run *run) {
    (void)ins, (void)run;
    return HL_END;
}

static hl_status prepare_end(hl_prepare *prep) { return prep->ins->fn = run_end, HL_OK; }

static hl_status run_jump(const hl_instr *ins, hl_run *run) {
    run->next = frame_of(run)->code + ins->p[0].i;
    return HL_JUMP;
}

static hl_status prepare_jump(hl_prepare *prep) {
    prep->ins->p[0] = prep->attr[0];
    return prep->ins->fn = run_jump, HL_OK;
}

static hl_status run_jump_back(const hl_instr *ins, hl_run *run) {
    hl_status status = hl_frame_poll(frame_of(run));
    return status == HL_OK ? run_jump(ins, run) : status;
}

static hl_status prepare_jump_back(hl_prepare *prep) {
    prep->ins->p[0] = prep->attr[0];
    prep->cost_ns = -1;
    return prep->ins->fn = run_jump_back, HL_OK;
}

static hl_status run_jump_unless(const hl_instr *ins, hl_run *run) {
    return *(const uint8_t *)ins->arg[0] ? HL_OK : run_jump(ins, run);
}

static hl_status prepare_jump_unless(hl_prepare *prep) {
    if (prep->in[0]->size != 1)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "The condition must be a scalar, got a tensor of rank %d with %lld elements",
                         prep->in[0]->rank, (long long)prep->in[0]->size);
    prep->ins->p[0] = prep->attr[0];
    return prep->ins->fn = run_jump_unless, HL_OK;
}

static hl_status run_resize(const hl_instr *ins, hl_run *run) {
    hl_frame *frame = frame_of(run);
    const hl_plan *plan = frame->plan;
    int32_t g = (int32_t)ins->p[0].i;
    const hl_group_spec *group = &plan->groups[g];
    bool stale = frame->group_prepared[g] < frame->group_changed[0];
    for (int32_t k = 0; k < group->n_deps && !stale; k++)
        stale = frame->group_prepared[g] < frame->group_changed[plan->group_deps[group->first_dep + k]];
    for (int32_t k = 0; k < group->n_watch && !stale; k++) {
        int32_t reg = plan->watched[group->first_watch + k];
        stale = frame->seen[reg] != frame->regs[reg];
    }
    if (!stale) return HL_OK;
    hl_status status = hl_frame_resize(frame, g);
    if (status != HL_OK) {
        frame->group_prepared[g] = -1;
        return status;
    }
    run->next = ins + 1; /* a jump: whoever walks looks again whether the run has become a long one */
    return HL_JUMP;
}

static hl_status prepare_resize(hl_prepare *prep) {
    prep->ins->p[0] = prep->attr[0];
    return prep->ins->fn = run_resize, HL_OK;
}

static int64_t read_integer(const void *data, hl_dtype dtype, int64_t at) {
    return dtype == HL_INT64 ? ((const int64_t *)data)[at] : ((const int32_t *)data)[at];
}

/* load_sizes: attributes are the registers that the operand's elements go to. */
typedef struct size_list { hl_dtype dtype; int32_t count; const hl_value *regs; } size_list;

static hl_status run_load_sizes(const hl_instr *ins, hl_run *run) {
    const size_list *list = ins->p[2].p;
    for (int32_t k = 0; k < list->count; k++) run->regs[list->regs[k].i] = read_integer(ins->arg[0], list->dtype, k);
    return HL_OK;
}

static hl_status run_store_sizes(const hl_instr *ins, hl_run *run) {
    const size_list *list = ins->p[2].p;
    for (int32_t k = 0; k < list->count; k++) {
        int64_t value = run->regs[list->regs[k].i];
        if (list->dtype == HL_INT64) ((int64_t *)ins->arg[0])[k] = value;
        else ((int32_t *)ins->arg[0])[k] = (int32_t)value;
    }
    return HL_OK;
}

static hl_status prepare_size_list(hl_prepare *prep, const hl_tensor *tensor, hl_run_fn fn) {
    size_list *list = prep->params;
    if (tensor->dtype != HL_INT32 && tensor->dtype != HL_INT64)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "sizes must be int32 or int64");
    if (tensor->size != prep->n_attr)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "expected %d sizes, got %lld", prep->n_attr, (long long)tensor->size);
    *list = (size_list){tensor->dtype, prep->n_attr, prep->attr};
    return prep->ins->fn = fn, HL_OK;
}

static hl_status prepare_load_sizes(hl_prepare *prep) { return prepare_size_list(prep, prep->in[0], run_load_sizes); }
static hl_status prepare_store_sizes(hl_prepare *prep) { return prepare_size_list(prep, prep->out[0], run_store_sizes); }

/* copy_sizes: attributes are n sources, then n destinations; all are read before any is written. */
static hl_status run_copy_sizes(const hl_instr *ins, hl_run *run) {
    const size_list *list = ins->p[2].p;
    int64_t values[64];
    int32_t n = list->count / 2;
    for (int32_t k = 0; k < n; k++) values[k] = run->regs[list->regs[k].i];
    for (int32_t k = 0; k < n; k++) run->regs[list->regs[n + k].i] = values[k];
    return HL_OK;
}

static hl_status prepare_copy_sizes(hl_prepare *prep) {
    size_list *list = prep->params;
    if (prep->n_attr > 128) return hl_refuse(prep, HL_INVALID_ARGUMENT, "too many sizes change at once");
    *list = (size_list){HL_INT64, prep->n_attr, prep->attr};
    return prep->ins->fn = run_copy_sizes, HL_OK;
}

/* The host computes in the caller's floating-point mode. */
static hl_status run_host(const hl_instr *ins, hl_run *run) {
    hl_frame *frame = frame_of(run);
    hl_restore_denormals(frame->caller_mode);
    hl_status status = frame->host(frame, (int32_t)(ins - frame->code), ins->p[0].i);
    hl_flush_denormals();
    return status;
}

static hl_status prepare_host(hl_prepare *prep) {
    prep->ins->p[0] = prep->attr[0];
    prep->cost_ns = -1;
    return prep->ins->fn = run_host, HL_OK;
}

static hl_status run_mark_initialized(const hl_instr *ins, hl_run *run) {
    (void)run;
    __atomic_store_n((uint8_t *)ins->arg[0], 1, __ATOMIC_RELEASE);
    return HL_OK;
}

static hl_status prepare_mark_initialized(hl_prepare *prep) { return prep->ins->fn = run_mark_initialized, HL_OK; }

static hl_status run_check_initialized(const hl_instr *ins, hl_run *run) {
    if (__atomic_load_n((const uint8_t *)ins->arg[0], __ATOMIC_ACQUIRE)) return HL_OK;
    return hl_fail(run, HL_FAILED_PRECONDITION, "Attempting to use uninitialized value");
}

static hl_status prepare_check_initialized(hl_prepare *prep) { return prep->ins->fn = run_check_initialized, HL_OK; }

/* A saved value is followed by its dimensions and their number, so that a stack can be read from its end. */
typedef struct stack_value { int64_t bytes; int32_t rank; int64_t dims[HL_MAX_RANK]; } stack_value;

static hl_status run_stack_push(const hl_instr *ins, hl_run *run) {
    hl_stack *stack = ins->arg[0];
    const stack_value *value = ins->p[2].p;
    int64_t wanted = stack->used + (int64_t)round_up((size_t)value->bytes, 16) + (value->rank + 1) * 8;
    if (wanted > stack->capacity) {
        char *data = realloc(stack->data, (size_t)(2 * wanted));
        if (!data) return hl_fail(run, HL_RESOURCE_EXHAUSTED, "out of memory: %lld bytes are needed for saved loop values", (long long)wanted);
        stack->data = data;
        stack->capacity = 2 * wanted;
    }
    char *top = stack->data + stack->used;
    memcpy(top, ins->arg[1], (size_t)value->bytes);
    top += round_up((size_t)value->bytes, 16);
    memcpy(top, value->dims, (size_t)value->rank * 8);
    int64_t rank = value->rank;
    memcpy(top + rank * 8, &rank, 8);
    stack->used = wanted;
    return HL_OK;
}

static hl_status prepare_stack_push(hl_prepare *prep) {
    stack_value *value = prep->params;
    const hl_tensor *tensor = prep->in[1];
    value->bytes = tensor_bytes(tensor);
    value->rank = tensor->rank;
    memcpy(value->dims, tensor->dims, (size_t)tensor->rank * 8);
    return prep->ins->fn = run_stack_push, HL_OK;
}

static hl_status run_stack_pop(const hl_instr *ins, hl_run *run) {
    hl_stack *stack = ins->arg[0];
    const stack_value *value = ins->p[2].p;
    int64_t bytes = (int64_t)round_up((size_t)value->bytes, 16) + (value->rank + 1) * 8;
    if (bytes > stack->used) return hl_fail(run, HL_INTERNAL, "a stack of saved loop values is empty");
    stack->used -= bytes;
    memcpy(ins->arg[1], stack->data + stack->used, (size_t)value->bytes);
    return HL_OK;
}

static hl_status prepare_stack_pop(hl_prepare *prep) {
    stack_value *value = prep->params;
    value->bytes = tensor_bytes(prep->out[0]);
    value->rank = prep->out[0]->rank;
    return prep->ins->fn = run_stack_pop, HL_OK;
}

/* stack_sizes: attributes are the registers for the dimensions of the value on top. */
static hl_status run_stack_sizes(const hl_instr *ins, hl_run *run) {
    const hl_stack *stack = ins->arg[0];
    const size_list *list = ins->p[2].p;
    if (stack->used < (list->count + 1) * 8) return hl_fail(run, HL_INTERNAL, "a stack of saved loop values is empty");
    const char *dims = stack->data + stack->used - (list->count + 1) * 8;
    for (int32_t k = 0; k < list->count; k++) memcpy(&run->regs[list->regs[k].i], dims + 8 * k, 8);
    return HL_OK;
}

static hl_status prepare_stack_sizes(hl_prepare *prep) {
    size_list *list = prep->params;
    *list = (size_list){HL_INT64, prep->n_attr, prep->attr};
    return prep->ins->fn = run_stack_sizes, HL_OK;
}

/* reshape_variable: makes room in a variable whose shape the graph leaves open. Attributes: the variable, then the
 * registers with its new dimensions. */
static hl_status run_reshape_variable(const hl_instr *ins, hl_run *run) {
    const size_list *list = ins->p[2].p;
    hl_frame *frame = frame_of(run);
    int64_t dims[HL_MAX_RANK];
    for (int32_t k = 1; k < list->count; k++) dims[k - 1] = run->regs[list->regs[k].i];
    hl_variable *variable = frame->variables[list->regs[0].i];
    char *before = variable->data;
    hl_status status = hl_variable_reshape(variable, list->count - 1, dims);
    if (status != HL_OK) return hl_fail(run, status, "out of memory for a variable");
    if (variable->data != before) frame->group_changed[0] = ++frame->clock;
    return HL_OK;
}

static hl_status prepare_reshape_variable(hl_prepare *prep) {
    size_list *list = prep->params;
    *list = (size_list){HL_INT64, prep->n_attr, prep->attr};
    return prep->ins->fn = run_reshape_variable, HL_OK;
}

/* move: (variable, value), an assignment of a value that nobody reads after. A large first value takes memory once: its pages are
 * given back as they are copied. Later ones stay, as the next run writes there again. Attribute: the variable. */
static hl_status run_move(const hl_instr *ins, hl_run *run) {
    const int64_t bytes = ins->p[0].i;
    const hl_variable *variable = frame_of(run)->variables[ins->p[1].i];
    if (bytes >= HL_LARGE_BYTES && !hl_variable_is_initialized(variable)) hl_block_move(ins->arg[0], ins->arg[1], bytes);
    else memmove(ins->arg[0], ins->arg[1], (size_t)bytes);
    return HL_OK;
}

static hl_status prepare_move(hl_prepare *prep) {
    prep->ins->p[0].i = tensor_bytes(prep->in[1]);
    prep->ins->p[1] = prep->attr[0];
    prep->cost_ns = (double)prep->ins->p[0].i * 0.1 + 2;
    return prep->ins->fn = run_move, HL_OK;
}

static const hl_kernel control_kernels[] = {
    {"end", prepare_end, 0},
    {"jump", prepare_jump, 0},
    {"jump_back", prepare_jump_back, 0},
    {"jump_unless", prepare_jump_unless, 0},
    {"resize", prepare_resize, 0},
    {"load_sizes", prepare_load_sizes, sizeof(size_list)},
    {"store_sizes", prepare_store_sizes, sizeof(size_list)},
    {"copy_sizes", prepare_copy_sizes, sizeof(size_list)},
    {"host", prepare_host, 0},
    {"mark_initialized", prepare_mark_initialized, 0},
    {"check_initialized", prepare_check_initialized, 0},
    {"stack_push", prepare_stack_push, sizeof(stack_value)},
    {"stack_pop", prepare_stack_pop, sizeof(stack_value)},
    {"stack_sizes", prepare_stack_sizes, sizeof(size_list)},
    {"move", prepare_move, 0},
    {"reshape_variable", prepare_reshape_variable, sizeof(size_list)},
};

const hl_kernel *hl_control_kernel(const char *name) {
    for (size_t k = 0; k < sizeof control_kernels / sizeof *control_kernels; k++)
        if (!strcmp(control_kernels[k].name, name)) return &control_kernels[k];
    return NULL;
}
