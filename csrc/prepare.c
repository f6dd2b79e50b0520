/* Preparing a frame for its sizes: sizes are worked out, tensors get their places, kernels look at them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fence.h"
#include "memory.h"
#include "results.h"
#include "runner.h"

hl_status hl_fail(hl_run *run, hl_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->message, sizeof run->message, format, arguments);
    va_end(arguments);
    return status;
}

hl_status hl_refuse(hl_prepare *prep, hl_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prep->message, sizeof prep->message, format, arguments);
    va_end(arguments);
    return status;
}

static const char *dtype_name(int32_t dtype) {
    static const char *const names[] = {
        [HL_FLOAT32] = "float32", [HL_FLOAT64] = "float64", [HL_INT32] = "int32", [HL_UINT8] = "uint8", [HL_INT16] = "int16",
        [HL_INT8] = "int8", [HL_STRING] = "string", [HL_COMPLEX64] = "complex64", [HL_INT64] = "int64", [HL_BOOL] = "bool",
        [HL_BFLOAT16] = "bfloat16", [HL_UINT16] = "uint16", [HL_COMPLEX128] = "complex128", [HL_FLOAT16] = "float16",
        [HL_RESOURCE] = "resource", [HL_VARIANT] = "variant", [HL_UINT32] = "uint32", [HL_UINT64] = "uint64",
    };
    const char *name = dtype > 0 && dtype < (int32_t)(sizeof names / sizeof *names) ? names[dtype] : NULL;
    return name ? name : "an unknown type";
}

hl_status hl_no_kernel(hl_prepare *prep, const char *what) {
    char types[HL_MESSAGE_BYTES / 2] = "";
    size_t length = 0;
    for (int i = 0; i < prep->n_in + prep->n_out; i++) {
        const hl_tensor *operand = i < prep->n_in ? prep->in[i] : prep->out[i - prep->n_in];
        const char *name = dtype_name(operand->dtype);
        bool known = false;
        for (int k = 0; k < i && !known; k++)
            known = (k < prep->n_in ? prep->in[k] : prep->out[k - prep->n_in])->dtype == operand->dtype;
        if (known || length + strlen(name) + 3 > sizeof types) continue;
        length += (size_t)snprintf(types + length, sizeof types - length, "%s%s", length ? ", " : "", name);
    }
    return hl_refuse(prep, HL_UNIMPLEMENTED, "there is no kernel for %s%s%s", what ? what : "", what ? " of " : "", types);
}

hl_status hl_run_nothing(const hl_instr *ins, hl_run *run) {
    (void)ins, (void)run;
    return HL_OK;
}

/* ---- sizes ---- */

static bool size_compute(hl_size_operation operation, int64_t a, int64_t b, int64_t *out) {
    switch (operation) {
    case HL_SIZE_ADD: return !__builtin_add_overflow(a, b, out);
    case HL_SIZE_SUB: return !__builtin_sub_overflow(a, b, out);
    case HL_SIZE_MUL: return !__builtin_mul_overflow(a, b, out);
    case HL_SIZE_FLOORDIV:
        if (b == 0) return *out = 0, true; /* an empty extent: the kernel or a check refuses it */
        *out = a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
        return true;
    case HL_SIZE_MOD:
        if (b == 0) return *out = 0, true;
        *out = a % b + ((a % b != 0) && ((a < 0) != (b < 0)) ? b : 0);
        return true;
    case HL_SIZE_MAX: return *out = a > b ? a : b, true;
    case HL_SIZE_MIN: return *out = a < b ? a : b, true;
    case HL_SIZE_BROADCAST:
        *out = a == 1 ? b : a;
        return a == b || a == 1 || b == 1;
    case HL_SIZE_EQUAL: return *out = a, a == b;
    case HL_SIZE_INFER:
        if (b == 0) return *out = 0, a == 0;
        *out = a / b;
        return a % b == 0;
    case HL_SIZE_WRAP: return *out = a < 0 ? a + b : a, true;
    case HL_SIZE_OR_ELSE: return *out = a == -1 ? b : a, true;
    case HL_SIZE_INDEX: return *out = a < 0 ? a + b : a, -b <= a && a < b;
    case HL_SIZE_WITHIN: return *out = a, 0 <= a && a <= b;
    case HL_SIZE_NATURAL: return *out = a, 0 <= a;
    case HL_SIZE_STEP: return *out = a < 0 ? -a : a, a != 0;
    case HL_SIZE_ONCE: return *out = a, a <= b;
    }
    return false;
}

static void describe_refusal(char *text, size_t room, hl_size_operation operation, int64_t a, int64_t b) {
    if (operation == HL_SIZE_INDEX)
        snprintf(text, room, "slice index %lld out of bounds of an axis of %lld elements", (long long)a, (long long)b);
    else if (operation == HL_SIZE_WITHIN)
        snprintf(text, room, "Expected a size in [0, %lld], but got %lld", (long long)b, (long long)a);
    else if (operation == HL_SIZE_STEP)
        snprintf(text, room, "strides must be non-zero");
    else if (operation == HL_SIZE_ONCE)
        snprintf(text, room, "an axis specified more than once: %lld times", (long long)a);
    else if (operation == HL_SIZE_NATURAL)
        snprintf(text, room, "a size must not be negative, got %lld", (long long)a);
    else
        snprintf(text, room, "sizes %lld and %lld do not fit", (long long)a, (long long)b);
}

static hl_status compute_sizes(hl_frame *frame, const hl_group_spec *group) {
    int64_t *regs = frame->regs;
    const hl_size_op *op = frame->plan->size_ops + group->first_size_op;
    for (const hl_size_op *end = op + group->n_size_ops; op < end; op++) {
        if (__builtin_expect(!size_compute((hl_size_operation)op->operation, regs[op->a], regs[op->b], &regs[op->out]), 0)) {
            frame->failed_node = op->node;
            frame->failed_sizes[0] = regs[op->a];
            frame->failed_sizes[1] = regs[op->b];
            frame->prepared = false;
            describe_refusal(frame->run.message, sizeof frame->run.message, (hl_size_operation)op->operation,
                             regs[op->a], regs[op->b]);
            return HL_INVALID_ARGUMENT;
        }
    }
    return HL_OK;
}

static bool size_tensor(hl_frame *frame, const hl_tensor_spec *spec, hl_tensor *tensor) {
    const int64_t *regs = frame->regs;
    const int32_t *dim = frame->plan->dims + spec->first_dim;
    tensor->dtype = (hl_dtype)spec->dtype;
    tensor->rank = spec->rank;
    int64_t size = 1;
    for (int axis = 0; axis < spec->rank; axis++) {
        tensor->dims[axis] = regs[dim[axis]];
        if (tensor->dims[axis] < 0 || __builtin_mul_overflow(size, tensor->dims[axis], &size)) return false;
    }
    if (size > HL_MOST_ELEMENTS) return false;
    tensor->size = size;
    int64_t stride = 1;
    tensor->contiguous = true;
    for (int axis = spec->rank - 1; axis >= 0; axis--) {
        tensor->strides[axis] = spec->strided ? regs[dim[spec->rank + axis]] : stride;
        if (spec->strided && tensor->dims[axis] != 1 && tensor->strides[axis] != stride) tensor->contiguous = false;
        stride = (int64_t)((uint64_t)stride * (uint64_t)tensor->dims[axis]); /* of no elements the other sizes may be anything */
    }
    if (size == 0) tensor->contiguous = true;
    return true;
}

/* The node whose instruction makes a tensor, or -1. */
static int32_t maker_of(const hl_plan *plan, int32_t tensor) {
    for (int32_t i = 0; i < plan->n_instrs; i++) {
        const hl_instr_spec *spec = &plan->instrs[i];
        for (int32_t k = spec->n_in; k < spec->n_in + spec->n_out; k++)
            if (plan->operands[spec->first_operand + k] == tensor) return spec->node;
    }
    return -1;
}

/* Where there is no room for a tensor, -1: for what instructions need while they run. */
static hl_status out_of_memory(hl_frame *frame, int32_t tensor, int64_t bytes) {
    char shape[160] = "";
    frame->prepared = false;
    frame->failed_node = tensor < 0 ? -1 : maker_of(frame->plan, tensor);
    if (tensor >= 0) {
        const hl_tensor *t = &frame->tensors[tensor];
        int length = 0;
        for (int axis = 0; axis < t->rank && length < (int)sizeof shape - 24; axis++)
            length += snprintf(shape + length, sizeof shape - (size_t)length, axis ? ",%lld" : "%lld", (long long)t->dims[axis]);
    }
    return hl_fail(&frame->run, HL_RESOURCE_EXHAUSTED, "OOM when allocating %s%s%s: %lld bytes are needed",
                   tensor < 0 ? "working memory" : "tensor with shape[", shape, tensor < 0 ? "" : "]", (long long)bytes);
}

static int32_t largest_in_arena(const hl_frame *frame) {
    int32_t found = -1;
    for (int32_t k = 0; k < frame->plan->n_tensors; k++)
        if (frame->plan->tensors[k].storage == HL_IN_ARENA && frame->plan->tensors[k].group == 0 &&
            (found < 0 || tensor_bytes(&frame->tensors[k]) > tensor_bytes(&frame->tensors[found])))
            found = k;
    return found;
}

/* There is no room for a result: told by the tensor that an instruction makes of it. */
static hl_status out_of_memory_for_result(hl_frame *frame, int32_t result) {
    const hl_plan *plan = frame->plan;
    int32_t tensor = plan->result_tensors[result];
    for (int32_t k = 0; k < plan->n_tensors; k++)
        if (plan->tensors[k].storage == HL_IN_RESULT && plan->tensors[k].index == result && maker_of(plan, k) >= 0) tensor = k;
    return out_of_memory(frame, tensor, frame->results[result].bytes);
}

/* Sizes the results of a group. Memory that fits is kept where it was not given away. */
static hl_status place_results(hl_frame *frame, int32_t group) {
    const hl_plan *plan = frame->plan;
    for (int32_t r = 0; r < plan->n_results; r++) {
        const int32_t tensor = plan->result_tensors[r];
        hl_result *result = &frame->results[r];
        if (plan->tensors[tensor].group != group) continue;
        result->bytes = tensor_bytes(&frame->tensors[tensor]);
        if (result->data && hl_result_fits(hl_result_capacity(result->data), (size_t)result->bytes)) continue;
        hl_result_free(result->data);
        result->data = hl_result_new((size_t)result->bytes);
        if (!result->data) return out_of_memory_for_result(frame, r);
    }
    return HL_OK;
}

static hl_status place_arena(hl_frame *frame) {
    const hl_plan *plan = frame->plan;
    int64_t offset = 0;
    for (int32_t slot = 0; slot < plan->n_arena_slots; slot++) {
        frame->slot_offset[slot] = offset;
#ifdef HL_FENCE
        frame->slot_offset[slot] += hl_fence_start(frame->slot_bytes[slot]);
        offset += hl_fence_pages(frame->slot_bytes[slot]) + HL_FENCE_PAGE;
        continue;
#endif
        if (__builtin_add_overflow(offset, (int64_t)round_up((size_t)frame->slot_bytes[slot], HL_ALIGNMENT), &offset))
            return out_of_memory(frame, largest_in_arena(frame), INT64_MAX);
    }
    if (!hl_arena_reserve(frame->arena, offset)) return out_of_memory(frame, largest_in_arena(frame), offset);
    frame->arena_base = frame->arena->base;
    return HL_OK;
}

/* What stands in it stays: an array that is written row by row grows. */
static bool grow(char **data, int64_t *capacity, int64_t bytes) {
    if (*data && bytes <= *capacity) return true;
    int64_t wanted = HL_FENCED ? bytes : bytes + bytes / 2;
    char *fresh = hl_allocate((size_t)wanted);
    if (!fresh) return false;
    if (*data) memcpy(fresh, *data, (size_t)*capacity);
    hl_free(*data);
    *data = fresh;
    *capacity = wanted;
    return true;
}

/* Sizes every tensor of the group, then makes room: arena slots together, grown and folded buffers one by one. */
static hl_status size_group(hl_frame *frame, const hl_group_spec *group) {
    const hl_plan *plan = frame->plan;
    const int32_t *order = plan->tensor_order + group->first_tensor;
    if (group == plan->groups) memset(frame->slot_bytes, 0, (size_t)plan->n_arena_slots * sizeof(int64_t));
    for (int32_t k = 0; k < group->n_tensors; k++) {
        const hl_tensor_spec *spec = &plan->tensors[order[k]];
        hl_tensor *tensor = &frame->tensors[order[k]];
        if (!size_tensor(frame, spec, tensor)) {
            frame->prepared = false;
            frame->failed_node = maker_of(plan, order[k]);
            return hl_fail(&frame->run, HL_INVALID_ARGUMENT, "a size is negative or too large");
        }
        if (spec->strided) continue;
        int64_t bytes = tensor_bytes(tensor) + frame->regs[spec->offset] * (int64_t)hl_dtype_size(tensor->dtype);
        if (spec->storage == HL_IN_ARENA) {
            if (bytes > frame->slot_bytes[spec->index]) frame->slot_bytes[spec->index] = bytes;
        } else if (spec->storage == HL_IN_GROWN) {
            if (!grow(&frame->grown[spec->index], &frame->grown_bytes[spec->index], bytes)) return out_of_memory(frame, order[k], bytes);
        } else if (spec->storage == HL_IN_FOLDED && !frame->folded_done) {
            if (!grow(&frame->folded[spec->index], &frame->folded_bytes[spec->index], bytes)) return out_of_memory(frame, order[k], bytes);
        }
    }
    const hl_status status = place_results(frame, (int32_t)(group - plan->groups));
    return status == HL_OK && group == plan->groups ? place_arena(frame) : status;
}

static char *storage_base(hl_frame *frame, const hl_tensor_spec *spec) {
    switch ((hl_storage)spec->storage) {
    case HL_IN_ARENA: return frame->arena_base + frame->slot_offset[spec->index];
    case HL_IN_GROWN: return frame->grown[spec->index];
    case HL_IN_RESULT: return frame->results[spec->index].data;
    case HL_IN_CONSTANT: return frame->plan->constants[spec->index];
    case HL_IN_FOLDED: return frame->folded[spec->index];
    case HL_IN_VARIABLE: return frame->variables[spec->index]->data;
    case HL_IN_FLAG: return (char *)&frame->variables[spec->index]->initialized;
    case HL_IN_FEED: return frame->feeds[spec->index];
    case HL_IN_STREAM: return (char *)frame->streams[spec->index];
    case HL_IN_STACK: return (char *)&frame->stacks[spec->index];
    case HL_IN_OBJECT: return NULL;
    }
    return NULL;
}

static void point_tensors(hl_frame *frame, const hl_group_spec *group) {
    const int32_t *order = frame->plan->tensor_order + group->first_tensor;
    for (int32_t k = 0; k < group->n_tensors; k++) {
        const hl_tensor_spec *spec = &frame->plan->tensors[order[k]];
        hl_tensor *tensor = &frame->tensors[order[k]];
        char *base = storage_base(frame, spec);
        tensor->data = base ? base + frame->regs[spec->offset] * (int64_t)hl_dtype_size(tensor->dtype) : NULL;
    }
}

static hl_prepare preparation(hl_frame *frame, int32_t i) {
    const hl_plan *plan = frame->plan;
    const hl_instr_spec *spec = &plan->instrs[i];
    hl_tensor **operands = frame->operands + spec->first_operand;
    return (hl_prepare){.n_in = spec->n_in, .n_out = spec->n_out, .n_attr = spec->n_attr,
                        .in = operands, .out = operands + spec->n_in, .attr = plan->attrs + spec->first_attr,
                        .ins = &frame->code[i], .params = frame->params + frame->first_param[i], .regs = frame->regs};
}

/* Stands for an instruction that could not be prepared: reached, it fails with the reason. */
static hl_status run_refused(const hl_instr *ins, hl_run *run) {
    hl_frame *frame = run->frame;
    const int32_t i = (int32_t)(ins - frame->code);
    hl_prepare prep = preparation(frame, i);
    prep.message[0] = 0;
    const hl_status status = frame->plan->kernels[i]->prepare(&prep);
    frame->code[i].fn = run_refused;
    return status == HL_OK ? HL_OK : hl_fail(run, status, "%s", prep.message);
}

enum { UNKNOWN_COST_NS = 1000000, DISPATCH_NS = 2 };

/* What an instruction counts for in its plan's cost, where its kernel estimates so much, or (negative) cannot tell. */
static double counted_cost(double cost_ns) { return cost_ns < 0 ? UNKNOWN_COST_NS : cost_ns + DISPATCH_NS; }

static hl_status prepare_instr(hl_frame *frame, int32_t i) {
    const hl_plan *plan = frame->plan;
    const hl_instr_spec *spec = &plan->instrs[i];
    hl_instr *ins = &frame->code[i];
    int32_t n = spec->n_in + spec->n_out;
    hl_tensor **operands = frame->operands + spec->first_operand;
    if (n > HL_DIRECT_ARGS) {
        void **pointers = frame->pointers + frame->first_pointer[i];
        for (int32_t k = 0; k < n; k++) pointers[k] = operands[k]->data;
        ins->arg[0] = pointers;
    } else {
        for (int32_t k = 0; k < n; k++) ins->arg[k] = operands[k]->data;
    }
    hl_prepare prep = preparation(frame, i);
    prep.message[0] = 0;
    ins->p[2].p = prep.params;
    hl_status status = plan->kernels[i]->prepare(&prep);
    if (status != HL_OK && spec->conditional) {
        ins->fn = run_refused;
        return HL_OK;
    }
    if (status != HL_OK) {
        frame->prepared = false;
        frame->failed_instr = i;
        frame->failed_node = spec->node;
        return hl_fail(&frame->run, status, "%s", prep.message);
    }
    if (prep.scratch_bytes > frame->scratch_need) frame->scratch_need = prep.scratch_bytes;
    if (prep.shared_bytes > frame->shared_need) frame->shared_need = prep.shared_bytes;
    frame->cost_ns += counted_cost(prep.cost_ns) - counted_cost(frame->instr_cost[i]); /* later groups are sized in the run */
    frame->instr_cost[i] = prep.cost_ns;
    return HL_OK;
}

void hl_frame_point_scratch(hl_frame *frame) {
    hl_run *run = &frame->run;
    run->scratch = frame->arena->scratch;
    run->shared = run->scratch ? run->scratch + run->scratch_bytes * run->threads : NULL;
    hl_fence_scratch(frame);
}

static hl_status reserve_scratch(hl_frame *frame) {
    hl_arena *arena = frame->arena;
    int64_t each = (int64_t)round_up((size_t)frame->scratch_need, HL_ALIGNMENT);
    int64_t shared = (int64_t)round_up((size_t)frame->shared_need, HL_ALIGNMENT);
#ifdef HL_FENCE
    each = hl_fence_pages(each) + HL_FENCE_PAGE;
    shared = hl_fence_pages(shared);
#endif
    int64_t wanted = each * frame->run.threads + shared;
    if (wanted > arena->scratch_capacity) {
        char *fresh = hl_allocate((size_t)wanted);
        if (!fresh) return out_of_memory(frame, -1, wanted);
        hl_free(arena->scratch);
        arena->scratch = fresh;
        arena->scratch_capacity = wanted;
    }
    frame->run.scratch_bytes = each;
    hl_frame_point_scratch(frame);
    return HL_OK;
}

hl_status hl_frame_resize(hl_frame *frame, int32_t g) {
    HL_COUNT(preparations);
    const hl_plan *plan = frame->plan;
    const hl_group_spec *group = &plan->groups[g];
    frame->group_changed[g] = frame->group_prepared[g] = ++frame->clock;
    hl_status status = compute_sizes(frame, group);
    if (status == HL_OK) status = size_group(frame, group);
    if (status != HL_OK) return status;
    point_tensors(frame, group);
    const int32_t *order = plan->instr_order + group->first_instr;
    for (int32_t k = 0; k < group->n_instrs; k++)
        if ((status = prepare_instr(frame, order[k])) != HL_OK) return status;
    for (int32_t k = 0; k < group->n_watch; k++) {
        int32_t reg = plan->watched[group->first_watch + k];
        frame->seen[reg] = frame->regs[reg];
    }
    return reserve_scratch(frame);
}

hl_status hl_frame_prepare(hl_frame *frame, bool force) {
    const hl_plan *plan = frame->plan;
    if (frame->prepared && !force && frame->arena_base == frame->arena->base) {
        const int32_t *watch = plan->watched + plan->groups[0].first_watch;
        int32_t k = 0, n = plan->groups[0].n_watch;
        while (k < n && frame->seen[watch[k]] == frame->regs[watch[k]]) k++;
        if (k == n) return HL_OK;
    }
    frame->prepared = true;
    hl_status status = hl_frame_resize(frame, 0);
    if (status != HL_OK) {
        frame->prepared = false;
        return status;
    }
    double cost = 0;
    for (int32_t i = plan->prologue_end; i < plan->n_instrs; i++) cost += counted_cost(frame->instr_cost[i]);
    frame->cost_ns = cost;
    return HL_OK;
}

static inline void bind(hl_frame *frame, int32_t bound, char *data) {
    const int32_t *first = frame->plan->first_use + bound;
    for (const hl_place *place = frame->places + first[0]; place < frame->places + first[1]; place++) {
        char *address = data + *place->offset * place->element_bytes;
        place->tensor->data = address;
        if (place->operand) *place->operand = address;
    }
}

void hl_frame_bind_feed(hl_frame *frame, int32_t feed, char *data) {
    frame->feeds[feed] = data;
    bind(frame, feed, data);
}

/* ---- results ---- */

char *hl_frame_take_result(hl_frame *frame, int32_t tensor) {
    const hl_tensor_spec *spec = &frame->plan->tensors[tensor];
    if (spec->storage != HL_IN_RESULT) return NULL;
    hl_result *result = &frame->results[spec->index];
    char *data = result->data;
    if (!data || result->bytes < HL_LARGE_RESULT_BYTES || frame->tensors[tensor].data != data || !frame->tensors[tensor].contiguous ||
        tensor_bytes(&frame->tensors[tensor]) != result->bytes)
        return NULL;
    result->data = NULL;
    frame->lacks_results = true;
    return data;
}

hl_status hl_frame_renew_results(hl_frame *frame) {
    const hl_plan *plan = frame->plan;
    for (int32_t r = 0; r < plan->n_results; r++) {
        hl_result *result = &frame->results[r];
        if (result->data) continue;
        result->data = hl_result_new((size_t)result->bytes);
        if (!result->data) return out_of_memory_for_result(frame, r);
        bind(frame, plan->n_feeds + r, result->data);
    }
    frame->lacks_results = false;
    return HL_OK;
}
