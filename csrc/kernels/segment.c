/* Sorted segments: rows with equal, ascending numbers reduced to one; also of rows picked by index. */
#include <math.h>
#include <string.h>

#include "complex_types.h"
#include "elementwise_types.h"
#include "complex_types.h"
#include "plan.h"
#include "stretches.h"

/* What the attribute of segment_reduce says; ops/segment.py has the same numbers. */
enum { SUM, MEAN, SQRT_N, PROD, MAX, MIN };

typedef struct sorted_params {
    int64_t rows, row, segments, limit; /* rows to reduce, elements of one, rows out, rows of data */
    int64_t bytes;                      /* of the output */
    int64_t reg, together;              /* together: the most rows that are gone through at once */
    int kind;
    bool wide, wide_index, picked;      /* picked: there is an operand of row indices */
} sorted_params;

static int64_t read_number(const void *numbers, bool wide, int64_t i) {
    return wide ? ((const int64_t *)numbers)[i] : ((const int32_t *)numbers)[i];
}

/* segment_count: (numbers) -> the register gets the last number + 1. */
static hl_status run_segment_count(const hl_instr *ins, hl_run *run) {
    const sorted_params *p = ins->p[2].p;
    const int64_t last = p->rows ? read_number(ins->arg[0], p->wide, p->rows - 1) : -1;
    run->regs[p->reg] = last < 0 ? 0 : last + 1;
    return HL_OK;
}

static hl_status prepare_segment_count(hl_prepare *prep) {
    sorted_params *p = prep->params;
    p->rows = prep->in[0]->size;
    p->wide = prep->in[0]->dtype == HL_INT64;
    p->reg = prep->attr[0].i;
    prep->cost_ns = 3;
    prep->ins->fn = run_segment_count;
    return HL_OK;
}

/* The last number, which tells how many segments there are unless that is given. */
static hl_status check_last(const sorted_params *p, const void *numbers, hl_run *run) {
    const int64_t last = p->rows ? read_number(numbers, p->wide, p->rows - 1) : 0;
    if (last < 0) return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids must be >= 0");
    if (p->rows && last >= p->segments) return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids must be < num_segments");
    return HL_OK;
}

/* What stops a reduction at a row: an unfit number, or that the run is to stop. */
static hl_status check_row(const sorted_params *p, const void *numbers, const void *indices, int64_t i, hl_run *run) {
    if ((p->row >= 1024 || (i & 1023) == 0) && hl_is_stopped(run)) return run->stopped;
    const int64_t number = read_number(numbers, p->wide, i);
    if (i && number < read_number(numbers, p->wide, i - 1))
        return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids are not increasing");
    if (number < 0 || number >= p->segments) {
        int64_t next = i; /* the order is looked at before the range, segment by segment */
        while (next < p->rows && read_number(numbers, p->wide, next) == number) next++;
        if (next < p->rows && read_number(numbers, p->wide, next) < number)
            return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids are not increasing");
        return hl_fail(run, HL_INVALID_ARGUMENT, "Segment id %lld out of range [0, %lld), possibly because 'segment_ids' input "
                       "is not sorted.", (long long)number, (long long)p->segments);
    }
    if (p->picked) {
        const int64_t index = read_number(indices, p->wide_index, i);
        if (index < 0 || index >= p->limit)
            return hl_fail(run, HL_INVALID_ARGUMENT, "Bad: indices[%lld] == %lld out of range [0, %lld)", (long long)i,
                           (long long)index, (long long)p->limit);
    }
    return HL_OK;
}

/* The row of a gradient that goes to another row: the numbers of segments may come in any order here. */
static hl_status check_spread(const sorted_params *p, const void *numbers, const void *indices, int64_t i, hl_run *run) {
    if ((p->row >= 1024 || (i & 1023) == 0) && hl_is_stopped(run)) return run->stopped;
    const int64_t number = read_number(numbers, p->wide, i), index = read_number(indices, p->wide_index, i);
    if (number < 0 || number >= p->segments)
        return hl_fail(run, HL_INVALID_ARGUMENT, "Segment id %lld out of range [0, %lld).", (long long)number,
                       (long long)p->segments);
    if (index < 0 || index >= p->limit)
        return hl_fail(run, HL_INVALID_ARGUMENT, "Index %lld out of range [0, %lld).", (long long)index, (long long)p->limit);
    return HL_OK;
}

/* Complex numbers have no order; the op does not allow them where it wants one. */
#define ORDERED(x, y) ((x) > (y))
#define UNORDERED(x, y) false

enum {
    TOGETHER = 16, /* elements of a row: of so many the result is kept while the rows of a segment are gone through */
    LONG_ROW = 64  /* elements of one from which on row after row is taken */
};

/* Rows that follow each other into one, in their order. */
#define COMBINE(name, S, EXPR)                                                                                     \
    static void name(S *restrict to, const S *restrict from, int64_t rows, int64_t row) {                         \
        int64_t k = 0;                                                                                            \
        for (int64_t r = 0; row >= LONG_ROW && r < rows; r++)                                                     \
            for (k = 0; k < row; k++) {                                                                           \
                const S a = to[k], b = from[r * row + k];                                                         \
                to[k] = (EXPR);                                                                                   \
            }                                                                                                     \
        for (; k + TOGETHER <= row; k += TOGETHER) {                                                              \
            S held[TOGETHER];                                                                                     \
            memcpy(held, to + k, sizeof held);                                                                    \
            for (int64_t r = 0; r < rows; r++)                                                                    \
                for (int j = 0; j < TOGETHER; j++) {                                                              \
                    const S a = held[j], b = from[r * row + k + j];                                               \
                    held[j] = (EXPR);                                                                             \
                }                                                                                                 \
            memcpy(to + k, held, sizeof held);                                                                    \
        }                                                                                                         \
        for (; k < row; k++) {                                                                                    \
            S a = to[k];                                                                                          \
            for (int64_t r = 0; r < rows; r++) {                                                                  \
                const S b = from[r * row + k];                                                                    \
                a = (EXPR);                                                                                       \
            }                                                                                                     \
            to[k] = a;                                                                                            \
        }                                                                                                         \
    }

/* (data, numbers) or (data, numbers, row indices) -> out; a segment without rows is 0, a product 1. */
#define SEGMENT_REDUCE(tag, dtype, S, C, LOAD, STORE, LARGER)                                                      \
    COMBINE(add_rows_##tag, S, (S)STORE((C)(LOAD(a) + LOAD(b))))                                                  \
    COMBINE(multiply_rows_##tag, S, (S)STORE((C)(LOAD(a) * LOAD(b))))                                             \
    COMBINE(largest_of_rows_##tag, S, LARGER(LOAD(b), LOAD(a)) ? b : a)                                           \
    COMBINE(least_of_rows_##tag, S, LARGER(LOAD(a), LOAD(b)) ? b : a)                                             \
    static void combine_##tag(int kind, S *to, const S *from, int64_t rows, int64_t row) {                        \
        switch (kind) {                                                                                           \
        case PROD: multiply_rows_##tag(to, from, rows, row); break;                                               \
        case MAX: largest_of_rows_##tag(to, from, rows, row); break;                                              \
        case MIN: least_of_rows_##tag(to, from, rows, row); break;                                                \
        default: add_rows_##tag(to, from, rows, row);                                                             \
        }                                                                                                         \
    }                                                                                                             \
    static void divide_##tag(int kind, S *to, int64_t n, int64_t count) {                                         \
        if (count < 2 || (kind != MEAN && kind != SQRT_N)) return;                                                \
        const double divisor = kind == MEAN ? (double)count : sqrt((double)count);                                \
        for (int64_t k = 0; k < n; k++) to[k] = (S)STORE((C)(LOAD(to[k]) / (C)divisor));                          \
    }                                                                                                             \
    static hl_status segment_reduce_##tag(const hl_instr *ins, hl_run *run) {                                     \
        const sorted_params *p = ins->p[2].p;                                                                     \
        const S *data = ins->arg[0];                                                                              \
        const void *numbers = ins->arg[1], *indices = ins->arg[2];                                                \
        S *out = ins->arg[p->picked ? 3 : 2], *to = NULL;                                                         \
        int64_t count = 0, current = -1, floor = 0, look = 0;                                                     \
        if (check_last(p, numbers, run) != HL_OK) return HL_INVALID_ARGUMENT;                                     \
        clear_bytes(run, out, p->bytes);                                                                          \
        if (p->kind == PROD)                                                                                      \
            for (STRETCHES(run, first, end, p->bytes / (int64_t)sizeof(S)))                                       \
                for (int64_t k = first; k < end; k++) out[k] = (S)STORE((C)1);                                    \
        for (int64_t i = 0, end; i < p->rows; i = end) {                                                          \
            const int64_t number = read_number(numbers, p->wide, i), most = i + p->together;                      \
            if (i >= look) { /* whether the run is to stop */                                                     \
                if (hl_is_stopped(run)) return run->stopped;                                                      \
                look = p->row >= 1024 ? i : i + 1024;                                                             \
            }                                                                                                     \
            if (number < floor || number >= p->segments || p->picked) {                                           \
                const hl_status status = check_row(p, numbers, indices, i, run);                                  \
                if (status != HL_OK) return status;                                                               \
            }                                                                                                     \
            for (end = i + 1; end < p->rows && end < most && read_number(numbers, p->wide, end) == number;) end++; \
            floor = number;                                                                                       \
            const S *from = data + (p->picked ? read_number(indices, p->wide_index, i) : i) * p->row;             \
            count += end - i;                                                                                     \
            if (number == current) {                                                                              \
                combine_##tag(p->kind, to, from, end - i, p->row);                                                \
                continue;                                                                                         \
            }                                                                                                     \
            if (to) divide_##tag(p->kind, to, p->row, count - (end - i));                                         \
            to = out + number * p->row;                                                                           \
            current = number;                                                                                     \
            count = end - i;                                                                                      \
            for (int64_t k = 0; k < p->row; k++) to[k] = from[k];                                                 \
            if (end - i > 1) combine_##tag(p->kind, to, from + p->row, end - i - 1, p->row);                      \
        }                                                                                                         \
        if (to) divide_##tag(p->kind, to, p->row, count);                                                         \
        return HL_OK;                                                                                             \
    }
EACH_NUMBER(SEGMENT_REDUCE, ORDERED)
EACH_COMPLEX(SEGMENT_REDUCE, UNORDERED)

#define CASE(tag, dtype, S, C, LOAD, STORE, op) \
    case dtype: prep->ins->fn = op##_##tag; return HL_OK;

static int64_t row_size(const hl_tensor *t) {
    int64_t row = 1;
    for (int axis = 1; axis < t->rank; axis++) row *= t->dims[axis];
    return row;
}

static hl_status prepare_segment_reduce(hl_prepare *prep) {
    sorted_params *p = prep->params;
    p->rows = prep->in[1]->size;
    p->row = row_size(prep->in[0]);
    p->limit = prep->in[0]->dims[0];
    p->segments = prep->out[0]->dims[0];
    p->bytes = prep->out[0]->size * (int64_t)hl_dtype_size(prep->out[0]->dtype);
    p->kind = (int)prep->attr[0].i;
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->picked = prep->n_in == 3;
    p->wide_index = p->picked && prep->in[2]->dtype == HL_INT64;
    p->together = p->picked || p->row >= 1024 ? 1 : 4096 / (p->row + 1) + 1;
    prep->cost_ns = (double)(p->rows * p->row) + (double)prep->out[0]->size * 0.2 + 5;
    switch (prep->out[0]->dtype) {
        EACH_NUMBER(CASE, segment_reduce)
        EACH_COMPLEX(CASE, segment_reduce)
    default: return hl_no_kernel(prep, NULL);
    }
}

/* segment_spread: (grad, numbers, row indices) -> out, the gradient of a mean (or / sqrt(n)) of picked rows. */
#define SEGMENT_SPREAD(tag, dtype, S, C, LOAD, STORE, unused)                                                      \
    static hl_status segment_spread_##tag(const hl_instr *ins, hl_run *run) {                                     \
        const sorted_params *p = ins->p[2].p;                                                                     \
        const S *grad = ins->arg[0];                                                                              \
        S *out = ins->arg[3];                                                                                     \
        int64_t *counts = (int64_t *)run->scratch;                                                                \
        clear_bytes(run, out, p->bytes);                                                                          \
        clear_bytes(run, counts, p->segments * 8);                                                                \
        for (int64_t i = 0; i < p->rows; i++) {                                                                   \
            const hl_status status = check_spread(p, ins->arg[1], ins->arg[2], i, run);                           \
            if (status != HL_OK) return status;                                                                   \
            counts[read_number(ins->arg[1], p->wide, i)]++;                                                       \
        }                                                                                                         \
        for (int64_t i = 0; i < p->rows; i++) {                                                                   \
            const hl_status status = check_spread(p, ins->arg[1], ins->arg[2], i, run);                           \
            if (status != HL_OK) return status;                                                                   \
            const int64_t number = read_number(ins->arg[1], p->wide, i);                                          \
            const C scale = (C)(1 / (p->kind == MEAN ? (double)counts[number] : sqrt((double)counts[number])));   \
            const S *from = grad + number * p->row;                                                               \
            S *to = out + read_number(ins->arg[2], p->wide_index, i) * p->row;                                    \
            for (int64_t k = 0; k < p->row; k++) to[k] = (S)STORE((C)(LOAD(to[k]) + LOAD(from[k]) * scale));      \
        }                                                                                                         \
        return HL_OK;                                                                                             \
    }
EACH_WIDE_FLOAT(SEGMENT_SPREAD, 0)

static hl_status prepare_segment_spread(hl_prepare *prep) {
    sorted_params *p = prep->params;
    p->rows = prep->in[1]->size;
    p->row = row_size(prep->in[0]);
    p->segments = prep->in[0]->dims[0];
    p->limit = prep->out[0]->dims[0];
    p->bytes = prep->out[0]->size * (int64_t)hl_dtype_size(prep->out[0]->dtype);
    p->kind = (int)prep->attr[0].i;
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->wide_index = prep->in[2]->dtype == HL_INT64;
    p->picked = true;
    prep->scratch_bytes = (p->segments + 1) * (int64_t)sizeof(int64_t);
    prep->cost_ns = (double)(p->rows * p->row) + (double)prep->out[0]->size * 0.2 + 5;
    switch (prep->out[0]->dtype) {
        EACH_WIDE_FLOAT(CASE, segment_spread)
    default: return hl_no_kernel(prep, NULL);
    }
}

static const hl_kernel table[] = {
    {"segment_count", prepare_segment_count, sizeof(sorted_params)},
    {"segment_reduce", prepare_segment_reduce, sizeof(sorted_params)},
    {"segment_spread", prepare_segment_spread, sizeof(sorted_params)},
};

HL_FAMILY(segment, table);
