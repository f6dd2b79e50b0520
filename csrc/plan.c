/* Preparing a frame for its sizes, and running it. */
#include "runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "memory.h"
#include "pool.h"

enum {
    ARENA_WINDOW = 64,         /* runs after which an arena that was not needed is given back */
    LONG_COST_NS = 10000,      /* plans estimated above this may share instructions with workers */
    POLL_COST_NS = 1000000,    /* plans estimated above this look at the clock between instructions */
    POLL_PERIOD_NS = 10000000,
    MOST_TRACED = 1 << 20      /* instructions of a run that are traced */
};

static const int64_t MOST_ELEMENTS = INT64_MAX / 32; /* of a tensor: its bytes can be counted, whatever its type */

#ifdef HL_DEBUG
static hl_counters counters;
#define HL_COUNT(what) __atomic_fetch_add(&counters.what, 1, __ATOMIC_RELAXED)
const hl_counters *hl_debug_counters(void) { return &counters; }
#else
#define HL_COUNT(what) (void)0
const hl_counters *hl_debug_counters(void) { return NULL; }
#endif

int64_t hl_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

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

/* ---- memory ---- */

hl_arena *hl_arena_new(void) { return calloc(1, sizeof(hl_arena)); }

void hl_arena_free(hl_arena *arena) {
    if (!arena) return;
    hl_block_free(arena->base, arena->capacity);
    free(arena->scratch);
    free(arena);
}

static bool arena_reserve(hl_arena *arena, int64_t bytes) {
    if (bytes <= arena->capacity) return true;
    if (bytes > (int64_t)1 << 46) return false;
    int64_t capacity = (int64_t)round_up((size_t)bytes, bytes < HL_LARGE_BYTES ? HL_ALIGNMENT : 4096);
    char *base = hl_block_new(capacity);
    if (!base) return false;
    hl_block_free(arena->base, arena->capacity);
    arena->base = base;
    arena->capacity = capacity;
    return true;
}

/* Gives back the pages that the last runs did not use; addresses stay valid. */
static void arena_note_use(hl_arena *arena, int64_t bytes) {
    if (bytes > arena->recent_use) arena->recent_use = bytes;
    if (++arena->runs < ARENA_WINDOW) return;
    int64_t keep = (int64_t)round_up((size_t)arena->recent_use, 4096);
    if (arena->capacity > 2 * keep + HL_LARGE_BYTES) hl_block_give_back(arena->base + keep, arena->capacity - keep);
    arena->runs = 0;
    arena->recent_use = 0;
}

hl_status hl_variable_reshape(hl_variable *variable, int rank, const int64_t *dims) {
    int64_t size = 1;
    for (int axis = 0; axis < rank; axis++)
        if (__builtin_mul_overflow(size, dims[axis], &size) || size > MOST_ELEMENTS) return HL_RESOURCE_EXHAUSTED;
    int64_t bytes = size * (int64_t)hl_dtype_size((hl_dtype)variable->dtype);
    if (!variable->data || bytes > variable->capacity) {
        char *data = hl_block_new(bytes);
        if (!data) return HL_RESOURCE_EXHAUSTED;
        if (bytes < HL_LARGE_BYTES) memset(data, 0, (size_t)bytes);
        hl_block_free(variable->data, variable->capacity);
        variable->data = data;
        variable->capacity = bytes;
    }
    variable->rank = rank;
    for (int axis = 0; axis < rank; axis++) variable->dims[axis] = dims[axis];
    return HL_OK;
}

/* ---- frames ---- */

static void *zeroed(size_t count, size_t size) { return calloc(count ? count : 1, size); }

hl_frame *hl_frame_new(const hl_plan *plan, hl_arena *arena) {
    hl_frame *frame = calloc(1, sizeof *frame);
    if (!frame) return NULL;
    frame->plan = plan;
    frame->arena = arena;
    int64_t param_bytes = 0, n_pointers = 0;
    for (int32_t i = 0; i < plan->n_instrs; i++) {
        param_bytes += (int64_t)round_up(plan->kernels[i]->param_bytes, 16);
        int32_t n = plan->instrs[i].n_in + plan->instrs[i].n_out;
        if (n > HL_DIRECT_ARGS) n_pointers += n;
    }
    frame->code = (hl_instr *)hl_allocate((size_t)plan->n_instrs * sizeof(hl_instr));
    frame->tensors = zeroed((size_t)plan->n_tensors, sizeof(hl_tensor));
    frame->operands = zeroed((size_t)plan->n_operands, sizeof(hl_tensor *));
    frame->pointers = zeroed((size_t)n_pointers, sizeof(void *));
    frame->first_pointer = zeroed((size_t)plan->n_instrs, sizeof(int32_t));
    frame->params = hl_allocate((size_t)param_bytes);
    frame->first_param = zeroed((size_t)plan->n_instrs, sizeof(int64_t));
    frame->regs = zeroed((size_t)plan->n_regs, sizeof(int64_t));
    frame->seen = zeroed((size_t)plan->n_regs, sizeof(int64_t));
    frame->group_prepared = zeroed((size_t)plan->n_groups, sizeof(int64_t));
    frame->group_changed = zeroed((size_t)plan->n_groups, sizeof(int64_t));
    frame->slot_offset = zeroed((size_t)plan->n_arena_slots, sizeof(int64_t));
    frame->slot_bytes = zeroed((size_t)plan->n_arena_slots, sizeof(int64_t));
    frame->grown = zeroed((size_t)plan->n_grown, sizeof(char *));
    frame->grown_bytes = zeroed((size_t)plan->n_grown, sizeof(int64_t));
    frame->folded = zeroed((size_t)plan->n_folded, sizeof(char *));
    frame->folded_bytes = zeroed((size_t)plan->n_folded, sizeof(int64_t));
    frame->feeds = zeroed((size_t)plan->n_feeds, sizeof(char *));
    frame->variables = zeroed((size_t)plan->n_variables, sizeof(hl_variable *));
    frame->streams = zeroed((size_t)plan->n_streams, sizeof(hl_stream *));
    frame->iterators = zeroed((size_t)plan->n_batches, sizeof(hl_iterator *));
    frame->batches = zeroed((size_t)plan->n_batches, sizeof(hl_batch *));
    frame->matches = zeroed((size_t)plan->n_batches, sizeof(hl_batch_match));
    frame->stacks = zeroed((size_t)plan->n_stacks, sizeof(hl_stack));
    frame->instr_cost = zeroed((size_t)plan->n_instrs, sizeof(double));
    if (!frame->code || !frame->tensors || !frame->operands || !frame->pointers || !frame->first_pointer ||
        !frame->params || !frame->first_param || !frame->regs || !frame->seen || !frame->group_prepared ||
        !frame->group_changed || !frame->slot_offset || !frame->slot_bytes || !frame->grown || !frame->grown_bytes ||
        !frame->folded || !frame->folded_bytes || !frame->feeds || !frame->variables || !frame->streams ||
        !frame->iterators || !frame->batches || !frame->matches || !frame->stacks || !frame->instr_cost) {
        hl_frame_free(frame);
        return NULL;
    }
    memset(frame->code, 0, (size_t)plan->n_instrs * sizeof(hl_instr));
    memset(frame->params, 0, round_up((size_t)param_bytes, HL_ALIGNMENT));
    memcpy(frame->regs, plan->initial_regs, (size_t)plan->n_regs * sizeof(int64_t));
    for (int32_t k = 0; k < plan->n_operands; k++) frame->operands[k] = &frame->tensors[plan->operands[k]];
    int64_t param = 0;
    int32_t pointer = 0;
    for (int32_t i = 0; i < plan->n_instrs; i++) {
        int32_t n = plan->instrs[i].n_in + plan->instrs[i].n_out;
        frame->first_param[i] = param;
        param += (int64_t)round_up(plan->kernels[i]->param_bytes, 16);
        frame->first_pointer[i] = n > HL_DIRECT_ARGS ? pointer : -1;
        if (n > HL_DIRECT_ARGS) pointer += n;
    }
    frame->run.regs = frame->regs;
    frame->run.frame = frame;
    frame->run.threads = 1;
    frame->failed_instr = frame->failed_node = -1;
    return frame;
}

void hl_frame_free(hl_frame *frame) {
    if (!frame) return;
    const hl_plan *plan = frame->plan;
    if (frame->grown)
        for (int32_t i = 0; i < plan->n_grown; i++) free(frame->grown[i]);
    if (frame->folded)
        for (int32_t i = 0; i < plan->n_folded; i++) free(frame->folded[i]);
    if (frame->stacks)
        for (int32_t i = 0; i < plan->n_stacks; i++) free(frame->stacks[i].data);
    if (frame->batches)
        for (int32_t i = 0; i < plan->n_batches; i++) hl_batch_free(frame->batches[i]);
    free(frame->code), free(frame->tensors), free(frame->operands), free(frame->pointers), free(frame->first_pointer);
    free(frame->params), free(frame->first_param), free(frame->regs), free(frame->seen), free(frame->group_prepared);
    free(frame->group_changed), free(frame->slot_offset), free(frame->slot_bytes), free(frame->grown);
    free(frame->grown_bytes), free(frame->folded), free(frame->folded_bytes), free(frame->feeds);
    free(frame->variables), free(frame->streams), free(frame->iterators), free(frame->batches), free(frame->matches);
    free(frame->stacks), free(frame->instr_cost);
    free(frame);
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
    if (size > MOST_ELEMENTS) return false;
    tensor->size = size;
    int64_t stride = 1;
    tensor->contiguous = true;
    for (int axis = spec->rank - 1; axis >= 0; axis--) {
        tensor->strides[axis] = spec->strided ? regs[dim[spec->rank + axis]] : stride;
        if (spec->strided && tensor->dims[axis] != 1 && tensor->strides[axis] != stride) tensor->contiguous = false;
        stride *= tensor->dims[axis];
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

static hl_status place_arena(hl_frame *frame) {
    const hl_plan *plan = frame->plan;
    int64_t offset = 0;
    for (int32_t slot = 0; slot < plan->n_arena_slots; slot++) {
        frame->slot_offset[slot] = offset;
        if (__builtin_add_overflow(offset, (int64_t)round_up((size_t)frame->slot_bytes[slot], HL_ALIGNMENT), &offset))
            return out_of_memory(frame, largest_in_arena(frame), INT64_MAX);
    }
    if (!arena_reserve(frame->arena, offset)) return out_of_memory(frame, largest_in_arena(frame), offset);
    frame->arena_base = frame->arena->base;
    return HL_OK;
}

/* What stands in it stays: an array that is written row by row grows. */
static bool grow(char **data, int64_t *capacity, int64_t bytes) {
    if (*data && bytes <= *capacity) return true;
    int64_t wanted = bytes + bytes / 2;
    char *fresh = hl_allocate((size_t)wanted);
    if (!fresh) return false;
    if (*data) memcpy(fresh, *data, (size_t)*capacity);
    free(*data);
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
    return group == plan->groups ? place_arena(frame) : HL_OK;
}

static char *storage_base(hl_frame *frame, const hl_tensor_spec *spec) {
    switch ((hl_storage)spec->storage) {
    case HL_IN_ARENA: return frame->arena_base + frame->slot_offset[spec->index];
    case HL_IN_GROWN: return frame->grown[spec->index];
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

static double counted_cost(double cost_ns) { return cost_ns < 0 ? 1e6 : cost_ns + 2; }

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

static void point_scratch(hl_frame *frame) {
    hl_run *run = &frame->run;
    run->scratch = frame->arena->scratch;
    run->shared = run->scratch ? run->scratch + run->scratch_bytes * run->threads : NULL;
}

static hl_status reserve_scratch(hl_frame *frame) {
    hl_arena *arena = frame->arena;
    int64_t each = (int64_t)round_up((size_t)frame->scratch_need, HL_ALIGNMENT);
    int64_t shared = (int64_t)round_up((size_t)frame->shared_need, HL_ALIGNMENT);
    int64_t wanted = each * frame->run.threads + shared;
    if (wanted > arena->scratch_capacity) {
        char *fresh = hl_allocate((size_t)wanted);
        if (!fresh) return out_of_memory(frame, -1, wanted);
        free(arena->scratch);
        arena->scratch = fresh;
        arena->scratch_capacity = wanted;
    }
    frame->run.scratch_bytes = each;
    point_scratch(frame);
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

void hl_frame_bind_feed(hl_frame *frame, int32_t feed, char *data) {
    const hl_plan *plan = frame->plan;
    frame->feeds[feed] = data;
    for (int32_t k = plan->feed_first_use[feed]; k < plan->feed_first_use[feed + 1]; k++) {
        const hl_feed_use *use = &plan->feed_uses[k];
        hl_tensor *tensor = &frame->tensors[use->tensor];
        tensor->data = data + frame->regs[plan->tensors[use->tensor].offset] * (int64_t)hl_dtype_size(tensor->dtype);
        if (use->instr < 0) continue;
        int32_t pointers = frame->first_pointer[use->instr];
        if (pointers >= 0) frame->pointers[pointers + use->operand] = tensor->data;
        else frame->code[use->instr].arg[use->operand] = tensor->data;
    }
}

/* ---- denormals ---- */

unsigned hl_flush_denormals(void) {
#if defined(__x86_64__)
    unsigned mode = _mm_getcsr();
    if ((mode & 0x8040) != 0x8040) _mm_setcsr(mode | 0x8040);
    return mode;
#else
    return 0;
#endif
}

void hl_restore_denormals(unsigned mode) {
#if defined(__x86_64__)
    if ((mode & 0x8040) != 0x8040) _mm_setcsr(mode);
#else
    (void)mode;
#endif
}

/* ---- running ---- */

hl_status hl_frame_poll(hl_frame *frame) {
    int64_t now = hl_now_ns();
    if (now < frame->poll_at_ns) return HL_OK;
    frame->poll_at_ns = now + POLL_PERIOD_NS;
    if (!frame->poll) return HL_OK;
    hl_restore_denormals(frame->caller_mode); /* the host's handlers compute in the caller's mode */
    hl_status status = frame->poll(frame);
    hl_flush_denormals();
    return status;
}

static hl_status stopped(hl_frame *frame, const hl_instr *pc, hl_status status) {
    if (status == HL_END) return HL_OK;
    frame->failed_instr = (int32_t)(pc - frame->code);
    if (frame->failed_node < 0) frame->failed_node = frame->plan->instrs[frame->failed_instr].node;
    return status;
}

static hl_status poll_run(hl_run *run) {
    if (run->stopped == HL_OK) __atomic_store_n(&run->stopped, hl_frame_poll(run->frame), __ATOMIC_RELAXED); /* workers look at it */
    return run->stopped;
}

enum { UNPOLLED_INSTRUCTIONS = 8 };

/* Looks at the clock between instructions and inside long ones, until the first write: a step that was interrupted
 * changed nothing. Long instructions look themselves, so a few short ones may pass without. */
static hl_status walk_polling(hl_frame *frame, const hl_instr *pc, const hl_instr *end) {
    hl_run *run = &frame->run;
    const hl_instr *commit = frame->code + frame->plan->commit;
    hl_status status = HL_OK;
    unsigned passed = 0;
    run->stopped = HL_OK;
    while (pc != end) {
        run->poll = pc < commit ? poll_run : NULL;
        if (run->poll && passed++ % UNPOLLED_INSTRUCTIONS == 0 && (status = poll_run(run)) != HL_OK) break;
        HL_COUNT(instructions);
        status = pc->fn(pc, run);
        if (run->stopped != HL_OK) status = run->stopped;
        if (status == HL_OK) pc++;
        else if (status == HL_JUMP) pc = run->next;
        else break;
    }
    run->poll = NULL;
    run->stopped = HL_OK;
    return pc == end ? HL_OK : stopped(frame, pc, status);
}

static hl_status walk(hl_frame *frame, const hl_instr *pc) {
    hl_run *run = &frame->run;
    for (;;) {
        HL_COUNT(instructions);
        hl_status status = pc->fn(pc, run);
        if (__builtin_expect(status == HL_OK, 1)) {
            pc++;
        } else if (status == HL_JUMP) {
            pc = run->next;
            if (frame->cost_ns > POLL_COST_NS) return walk_polling(frame, pc, NULL); /* sizes that were just told made it long */
        } else {
            return stopped(frame, pc, status);
        }
    }
}

/* A run that is long enough for its instructions to be shared, and timed for that reason. */
static hl_status walk_long(hl_frame *frame, const hl_instr *pc) {
    hl_run *run = &frame->run;
    const bool polling = frame->cost_ns > POLL_COST_NS;
    if (run->threads == 1 || frame->plan->interruptible) return polling ? walk_polling(frame, pc, NULL) : walk(frame, pc);
    run->share_cost_ns = hl_sharing_threshold_ns(&frame->sharing, frame->cost_ns);
    const int64_t begin = hl_now_ns();
    const hl_status status = polling ? walk_polling(frame, pc, NULL) : walk(frame, pc);
    hl_sharing_note(&frame->sharing, (double)(hl_now_ns() - begin), frame->cost_ns);
    return status;
}

static void note_time(hl_trace *trace, int32_t instr, int64_t begin_ns, int64_t end_ns) {
    if (trace->count == trace->capacity) {
        const int64_t capacity = trace->capacity ? 2 * trace->capacity : 256;
        hl_trace_entry *entries = capacity > MOST_TRACED ? NULL : realloc(trace->entries, (size_t)capacity * sizeof *entries);
        if (!entries) {
            trace->dropped++;
            return;
        }
        trace->entries = entries;
        trace->capacity = capacity;
    }
    trace->entries[trace->count++] = (hl_trace_entry){begin_ns, end_ns, instr};
}

/* Takes the time of each instruction; looks at the clock for the host too. */
static hl_status walk_traced(hl_frame *frame, const hl_instr *pc, hl_trace *trace) {
    hl_run *run = &frame->run;
    const hl_instr *commit = frame->code + frame->plan->commit;
    for (;;) {
        if (pc < commit) {
            hl_status status = hl_frame_poll(frame);
            if (status != HL_OK) return stopped(frame, pc, status);
        }
        HL_COUNT(instructions);
        const int64_t begin = hl_now_ns();
        hl_status status = pc->fn(pc, run);
        if (status == HL_END) return HL_OK;
        note_time(trace, (int32_t)(pc - frame->code), begin, hl_now_ns());
        if (status == HL_OK) pc++;
        else if (status == HL_JUMP) pc = run->next;
        else return stopped(frame, pc, status);
    }
}

static inline __attribute__((always_inline)) hl_status step(hl_frame *frame, hl_trace *trace) {
    HL_COUNT(runs);
    const hl_plan *plan = frame->plan;
    frame->failed_instr = frame->failed_node = -1;
    frame->run.unshared_ns = 0;
    if (frame->run.scratch != frame->arena->scratch) point_scratch(frame); /* another plan of the arena needed more and moved it */
    if (__builtin_expect(!frame->folded_done, 0)) {
        hl_status status = walk_polling(frame, frame->code, frame->code + plan->prologue_end);
        if (status != HL_OK) return status;
        frame->folded_done = true;
    }
    for (int32_t k = 0; k < plan->n_stacks; k++) frame->stacks[k].used = 0;
    const hl_instr *start = frame->code + plan->prologue_end;
    hl_status status = trace                           ? walk_traced(frame, start, trace)
                       : frame->cost_ns > LONG_COST_NS ? walk_long(frame, start)
                                                       : walk(frame, start);
    if (frame->arena->capacity >= HL_LARGE_BYTES) {
        int32_t last = plan->n_arena_slots - 1;
        arena_note_use(frame->arena, last < 0 ? 0 : frame->slot_offset[last] + frame->slot_bytes[last]);
    }
    return status;
}

hl_status hl_frame_step(hl_frame *frame) { return step(frame, NULL); }

hl_status hl_frame_run_traced(hl_frame *frame, hl_trace *trace) {
    unsigned mode = frame->caller_mode = hl_flush_denormals();
    hl_status status = step(frame, trace);
    hl_restore_denormals(mode);
    return status;
}

hl_status hl_frame_run(hl_frame *frame) {
    if (frame->folded_done && frame->plan->prologue_end + 1 == frame->plan->n_instrs) return HL_OK; /* all of it was folded */
    unsigned mode = frame->caller_mode = hl_flush_denormals();
    hl_status status = hl_frame_step(frame);
    hl_restore_denormals(mode);
    return status;
}
