/* A small harness: checks, buffers of exact size (so that the sanitizer sees every access past an end), plans by hand. */
#ifndef HOOKLOOP_TEST_HARNESS_H
#define HOOKLOOP_TEST_HARNESS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "isa.h"
#include "memory.h"
#include "pool.h"

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);      \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

enum { MOST_TENSORS = 16, MOST_INSTRS = 16, MOST_NUMBERS = 128 };

/* A plan that is put together by calls, and the tables behind it. All its tensors but arena slots are feeds. */
typedef struct builder {
    hl_plan plan;
    int64_t regs[MOST_NUMBERS];
    hl_size_op size_ops[MOST_NUMBERS];
    hl_tensor_spec tensors[MOST_TENSORS];
    int32_t dims[MOST_NUMBERS], operands[MOST_NUMBERS];
    hl_instr_spec instrs[MOST_INSTRS];
    hl_value attrs[MOST_NUMBERS];
    const hl_kernel *kernels[MOST_INSTRS];
    hl_group_spec groups[1];
    int32_t tensor_order[MOST_TENSORS], instr_order[MOST_INSTRS], watched[MOST_NUMBERS], group_deps[1];
    hl_use uses[MOST_NUMBERS];
    int32_t first_use[MOST_TENSORS + 1], result_tensors[MOST_TENSORS], slot_sizes[MOST_TENSORS];
} builder;

static inline int32_t new_register(builder *b, int64_t value) {
    b->regs[b->plan.n_regs] = value;
    return b->plan.n_regs++;
}

static inline void watch(builder *b, int32_t reg) { b->watched[b->groups[0].n_watch++] = reg; }

/* A tensor whose dimensions are in registers. */
static inline int32_t new_tensor(builder *b, hl_dtype dtype, hl_storage storage, int32_t index, int rank, const int32_t *regs) {
    hl_tensor_spec *spec = &b->tensors[b->plan.n_tensors];
    *spec = (hl_tensor_spec){.dtype = dtype, .rank = rank, .storage = storage, .index = index,
                             .offset = new_register(b, 0), .first_dim = b->plan.n_dims};
    for (int axis = 0; axis < rank; axis++) b->dims[b->plan.n_dims++] = regs[axis];
    b->tensor_order[b->plan.n_tensors] = b->plan.n_tensors;
    return b->plan.n_tensors++;
}

static inline int32_t new_feed(builder *b, hl_dtype dtype, int rank, const int32_t *regs) {
    return new_tensor(b, dtype, HL_IN_FEED, b->plan.n_feeds++, rank, regs);
}

static inline int32_t add_instr(builder *b, const hl_kernel *kernel, int n_in, int n_out, const int32_t *tensors, int n_attr,
                                const hl_value *attrs) {
    const int32_t i = b->plan.n_instrs++;
    b->kernels[i] = kernel;
    b->instrs[i] = (hl_instr_spec){.first_operand = b->plan.n_operands, .n_in = n_in, .n_out = n_out,
                                   .first_attr = b->plan.n_attrs, .n_attr = n_attr, .node = i};
    for (int k = 0; k < n_in + n_out; k++) b->operands[b->plan.n_operands++] = tensors[k];
    for (int k = 0; k < n_attr; k++) b->attrs[b->plan.n_attrs++] = attrs[k];
    b->instr_order[i] = i;
    return i;
}

/* Whether a tensor lies in a feed, or a result behind the feeds. */
static inline bool is_bound(const builder *b, int32_t tensor, int32_t bound) {
    const hl_tensor_spec *spec = &b->tensors[tensor];
    const int32_t n_feeds = b->plan.n_feeds;
    return bound < n_feeds ? spec->storage == HL_IN_FEED && spec->index == bound
                           : spec->storage == HL_IN_RESULT && spec->index == bound - n_feeds;
}

/* Ends the plan and makes a frame of it. */
static inline hl_frame *finish(builder *b, hl_arena *arena) {
    add_instr(b, hl_control_kernel("end"), 0, 0, NULL, 0, NULL);
    int32_t n = 0;
    const int32_t n_bound = b->plan.n_feeds + b->plan.n_results;
    for (int32_t bound = 0; bound < n_bound; bound++) {
        b->first_use[bound] = n;
        for (int32_t tensor = 0; tensor < b->plan.n_tensors; tensor++)
            if (is_bound(b, tensor, bound)) b->uses[n++] = (hl_use){bound, -1, 0, tensor};
        for (int32_t i = 0; i < b->plan.n_instrs; i++)
            for (int32_t k = 0; k < b->instrs[i].n_in + b->instrs[i].n_out; k++) {
                const int32_t tensor = b->operands[b->instrs[i].first_operand + k];
                if (is_bound(b, tensor, bound)) b->uses[n++] = (hl_use){bound, i, k, tensor};
            }
    }
    b->first_use[n_bound] = n;
    hl_plan *p = &b->plan;
    p->n_uses = n;
    p->n_groups = 1;
    p->commit = p->n_instrs;
    b->groups[0].n_size_ops = p->n_size_ops;
    b->groups[0].n_tensors = p->n_tensors;
    b->groups[0].n_instrs = p->n_instrs;
    p->initial_regs = b->regs, p->size_ops = b->size_ops, p->tensors = b->tensors, p->dims = b->dims;
    p->instrs = b->instrs, p->operands = b->operands, p->attrs = b->attrs, p->kernels = b->kernels;
    p->groups = b->groups, p->tensor_order = b->tensor_order, p->instr_order = b->instr_order;
    p->watched = b->watched, p->group_deps = b->group_deps, p->uses = b->uses;
    p->first_use = b->first_use, p->result_tensors = b->result_tensors, p->slot_dtype_size = b->slot_sizes;
    hl_frame *frame = hl_frame_new(p, arena);
    CHECK(frame);
    frame->run.pool = hl_pool_get(2);
    return frame;
}

/* One operand of a kernel that is run alone. */
typedef struct operand {
    hl_dtype dtype;
    int rank;
    int64_t dims[4];
    const void *values; /* of an input; NULL: an output */
    int target_of;      /* of an output: the number, from 1 on, of the input whose memory it is; 0: it has its own */
} operand;

typedef struct alone {
    hl_status status;
    char message[HL_MESSAGE_BYTES];
    void *out[4]; /* the caller frees them */
} alone;

/* Runs a kernel on copies of the operands in blocks of exactly their size. */
static inline alone run_alone(const char *name, int threads, int n, const operand *operands, int n_attr, const hl_value *attrs) {
    builder *b = calloc(1, sizeof *b);
    int32_t tensors[8];
    char *data[8];
    int n_in = 0, n_out = 0;
    const hl_kernel *kernel = hl_find_kernel(name);
    if (!kernel) fprintf(stderr, "no kernel %s\n", name);
    CHECK(kernel);
    for (int k = 0; k < n; k++) {
        int32_t regs[4];
        int64_t size = 1;
        for (int axis = 0; axis < operands[k].rank; axis++) {
            regs[axis] = new_register(b, operands[k].dims[axis]);
            size *= operands[k].dims[axis];
        }
        tensors[k] = new_feed(b, operands[k].dtype, operands[k].rank, regs);
        const size_t bytes = (size_t)size * hl_dtype_size(operands[k].dtype);
        n_in += operands[k].values != NULL, n_out += !operands[k].values;
        if (operands[k].target_of) {
            data[k] = data[operands[k].target_of - 1];
            continue;
        }
        data[k] = malloc(bytes ? bytes : 1);
        if (operands[k].values) memcpy(data[k], operands[k].values, bytes);
        else memset(data[k], 0xcd, bytes);
    }
    add_instr(b, kernel, n_in, n_out, tensors, n_attr, attrs);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    frame->run.threads = threads;
    for (int k = 0; k < n; k++) hl_frame_bind_feed(frame, k, data[k]);
    alone result = {.status = hl_frame_prepare(frame, true)};
    if (result.status == HL_OK) {
        for (int k = 0; k < n; k++) hl_frame_bind_feed(frame, k, data[k]);
        result.status = hl_frame_run(frame);
    }
    memcpy(result.message, frame->run.message, sizeof result.message);
    for (int k = 0, out = 0; k < n; k++)
        if (!operands[k].values) result.out[out++] = data[k];
    for (int k = 0; k < n; k++) {
        bool is_result = !operands[k].values;
        for (int other = 0; other < n; other++) is_result = is_result || operands[other].target_of == k + 1;
        if (!is_result) free(data[k]);
    }
    hl_frame_free(frame);
    hl_arena_free(arena);
    free(b);
    return result;
}

#endif
