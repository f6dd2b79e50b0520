/* sparse_to_dense: a tensor of one value, but for the elements that coordinates name. */
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "stretches.h"

typedef struct dense_params {
    int64_t count, size, total, dims[HL_MAX_RANK];
    int rank;
    bool wide, one_value, validated;
} dense_params;

static int64_t coordinate(const dense_params *p, const void *indices, int64_t i, int axis) {
    const int64_t at = i * p->rank + axis;
    return p->wide ? ((const int64_t *)indices)[at] : ((const int32_t *)indices)[at];
}

/* "[1,2]" */
static void describe(char *text, size_t room, const dense_params *p, const void *indices, int64_t i) {
    size_t used = (size_t)snprintf(text, room, "[");
    for (int axis = 0; axis < p->rank && used < room; axis++) {
        const int64_t value = indices ? coordinate(p, indices, i, axis) : p->dims[axis];
        used += (size_t)snprintf(text + used, room - used, "%s%lld", axis ? "," : "", (long long)value);
    }
    if (used < room) snprintf(text + used, room - used, "]");
}

static hl_status refuse_index(hl_run *run, const dense_params *p, const void *indices, int64_t i, const char *why) {
    char index[128], shape[128] = "";
    describe(index, sizeof index, p, indices, i);
    if (!why) describe(shape, sizeof shape, p, NULL, 0);
    return hl_fail(run, HL_INVALID_ARGUMENT, "indices[%lld] = %s is %s%s", (long long)i, index,
                   why ? why : "out of bounds: need 0 <= index < ", shape);
}

/* Whether coordinates i come before, at or behind those of i - 1: negative, 0, positive. */
static int order_of(const dense_params *p, const void *indices, int64_t i) {
    for (int axis = 0; axis < p->rank; axis++) {
        const int64_t before = coordinate(p, indices, i - 1, axis), here = coordinate(p, indices, i, axis);
        if (before != here) return here < before ? -1 : 1;
    }
    return 0;
}

static hl_status run_sparse_to_dense(const hl_instr *ins, hl_run *run) {
    const dense_params *p = ins->p[2].p;
    const void *indices = ins->arg[0];
    char *out = ins->arg[3];
    const size_t size = (size_t)p->size;
    for (STRETCHES(run, first, end, p->total))
        for (int64_t i = first; i < end; i++) memcpy(out + i * p->size, ins->arg[2], size);
    for (int64_t i = 0; i < p->count; i++) {
        if (hl_is_stopped_at(run, i)) return run->stopped;
        int64_t at = 0;
        for (int axis = 0; axis < p->rank; axis++) {
            const int64_t k = coordinate(p, indices, i, axis);
            if (k < 0 || k >= p->dims[axis]) return refuse_index(run, p, indices, i, NULL);
            at = at * p->dims[axis] + k;
        }
        const int order = p->validated && i ? order_of(p, indices, i) : 1;
        if (order < 0)
            return refuse_index(run, p, indices, i, "out of order. Many sparse ops require sorted indices.");
        if (order == 0) return refuse_index(run, p, indices, i, "repeated");
        memcpy(out + at * p->size, (const char *)ins->arg[1] + (p->one_value ? 0 : i * p->size), size);
    }
    return HL_OK;
}

/* indices [count, rank], values [count] or one, what the other elements are; the attribute: whether the order is checked */
static hl_status prepare_sparse_to_dense(hl_prepare *prep) {
    dense_params *p = prep->params;
    const hl_tensor *indices = prep->in[0], *out = prep->out[0];
    p->rank = out->rank;
    memcpy(p->dims, out->dims, (size_t)out->rank * sizeof *out->dims);
    p->count = indices->dims[0];
    p->total = out->size;
    p->size = (int64_t)hl_dtype_size(out->dtype);
    p->wide = indices->dtype == HL_INT64;
    p->one_value = prep->in[1]->rank == 0;
    p->validated = prep->attr[0].i;
    prep->cost_ns = (double)out->size + (double)p->count * 5 + 10;
    prep->ins->fn = run_sparse_to_dense;
    return HL_OK;
}

static const hl_kernel table[] = {{"sparse_to_dense", prepare_sparse_to_dense, sizeof(dense_params)}};

HL_FAMILY(sparse, table);
