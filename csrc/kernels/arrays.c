/* TensorArrays: elements are written once; the size of some grows with what is written. */
#include <string.h>

#include "plan.h"

typedef struct extend_params { int64_t count, size, before; bool wide; } extend_params;

/* array_extend: (indices) -> the registers of the attributes: the array's size with these rows, and that of before. */
static hl_status run_array_extend(const hl_instr *ins, hl_run *run) {
    const extend_params *p = ins->p[2].p;
    int64_t size = run->regs[p->size];
    run->regs[p->before] = size;
    for (int64_t i = 0; i < p->count; i++) {
        const int64_t index = p->wide ? ((const int64_t *)ins->arg[0])[i] : ((const int32_t *)ins->arg[0])[i];
        if (index >= size) size = index + 1;
    }
    run->regs[p->size] = size;
    return HL_OK;
}

static hl_status prepare_array_extend(hl_prepare *prep) {
    extend_params *p = prep->params;
    *p = (extend_params){prep->in[0]->size, prep->attr[0].i, prep->attr[1].i, prep->in[0]->dtype == HL_INT64};
    prep->cost_ns = 3 + (double)p->count;
    prep->ins->fn = run_array_extend;
    return HL_OK;
}

/* array_clear: zeros in the rows behind the size of before, whose register is the attribute. */
static hl_status run_array_clear(const hl_instr *ins, hl_run *run) {
    const int64_t before = run->regs[ins->p[0].i], rows = ins->p[1].i, bytes = ins->p[2].i;
    if (rows > before) memset((char *)ins->arg[0] + before * bytes, 0, (size_t)((rows - before) * bytes));
    return HL_OK;
}

static hl_status prepare_array_clear(hl_prepare *prep) {
    const hl_tensor *rows = prep->out[0];
    prep->ins->p[0] = prep->attr[0];
    prep->ins->p[1].i = rows->dims[0];
    prep->ins->p[2].i = rows->dims[0] ? rows->size / rows->dims[0] * (int64_t)hl_dtype_size(rows->dtype) : 0;
    prep->cost_ns = 3;
    prep->ins->fn = run_array_clear;
    return HL_OK;
}

/* array_shape: registers of the attributes: the size of before, the number of rows and whether an element was written, then pairs
 * of the size of an array's elements along an axis and that of an element which is written. The first element decides, also one of
 * size 0; another one must be as large. */
typedef struct shape_params { int64_t count, before, rows, written, pairs[2 * HL_MAX_RANK]; } shape_params;

static hl_status run_array_shape(const hl_instr *ins, hl_run *run) {
    const shape_params *p = ins->p[2].p;
    const bool first = !run->regs[p->written];
    run->regs[p->written] = 1;
    run->regs[p->before] = first ? 0 : run->regs[p->rows];
    for (int64_t k = 0; k < p->count; k++) {
        const int64_t given = run->regs[p->pairs[2 * k + 1]];
        int64_t *size = &run->regs[p->pairs[2 * k]];
        if (first) *size = given;
        if (*size != given)
            return hl_fail(run, HL_INVALID_ARGUMENT,
                           "Could not write to TensorArray because the value shape is incompatible with the TensorArray's inferred "
                           "element shape: an axis has %lld elements, expected %lld",
                           (long long)given, (long long)*size);
    }
    return HL_OK;
}

static hl_status prepare_array_shape(hl_prepare *prep) {
    shape_params *p = prep->params;
    p->before = prep->attr[0].i;
    p->rows = prep->attr[1].i;
    p->written = prep->attr[2].i;
    p->count = (prep->n_attr - 3) / 2;
    for (int64_t i = 0; i < 2 * p->count; i++) p->pairs[i] = prep->attr[3 + i].i;
    prep->cost_ns = 3;
    prep->ins->fn = run_array_shape;
    return HL_OK;
}

/* array_claim: (a mark for each row, indices) marks rows as written, none of which may be so already. */
static hl_status run_array_claim(const hl_instr *ins, hl_run *run) {
    uint8_t *written = ins->arg[0];
    for (int64_t i = 0; i < ins->p[1].i; i++) {
        const int64_t index = ins->p[2].i ? ((const int64_t *)ins->arg[1])[i] : ((const int32_t *)ins->arg[1])[i];
        if (index < 0 || index >= ins->p[0].i) continue; /* the write itself refuses it */
        if (written[index])
            return hl_fail(run, HL_INVALID_ARGUMENT,
                           "Could not write to TensorArray index %lld because it has already been written to.", (long long)index);
        written[index] = 1;
    }
    return HL_OK;
}

static hl_status prepare_array_claim(hl_prepare *prep) {
    prep->ins->p[0].i = prep->in[0]->size;
    prep->ins->p[1].i = prep->in[1]->size;
    prep->ins->p[2].i = prep->in[1]->dtype == HL_INT64;
    prep->cost_ns = 2 + (double)prep->in[1]->size;
    prep->ins->fn = run_array_claim;
    return HL_OK;
}

/* array_written: (a mark for each row, indices) refuses to read rows that were not written. */
static hl_status run_array_written(const hl_instr *ins, hl_run *run) {
    const uint8_t *written = ins->arg[0];
    for (int64_t i = 0; i < ins->p[1].i; i++) {
        const int64_t index = ins->p[2].i ? ((const int64_t *)ins->arg[1])[i] : ((const int32_t *)ins->arg[1])[i];
        if (index < 0 || index >= ins->p[0].i || written[index]) continue; /* the read itself refuses the first two */
        return hl_fail(run, HL_INVALID_ARGUMENT,
                       "Could not read from TensorArray index %lld: it has not been written to, and the element shape is not fully "
                       "defined", (long long)index);
    }
    return HL_OK;
}

static hl_status prepare_array_written(hl_prepare *prep) {
    const hl_status status = prepare_array_claim(prep);
    prep->ins->fn = run_array_written;
    return status;
}

static const hl_kernel table[] = {
    {"array_claim", prepare_array_claim, 0},
    {"array_written", prepare_array_written, 0},
    {"array_extend", prepare_array_extend, sizeof(extend_params)},
    {"array_clear", prepare_array_clear, 0},
    {"array_shape", prepare_array_shape, sizeof(shape_params)},
};

HL_FAMILY(arrays, table);
