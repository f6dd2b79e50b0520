/* Bands of matrices, and products of vectors in three dimensions. */
#include <string.h>

#include "elementwise_types.h"
#include "plan.h"
#include "stretches.h"

typedef struct band_params { int64_t matrices, rows, columns, size; bool wide; } band_params;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t bound_at(const void *data, bool wide) { return wide ? *(const int64_t *)data : *(const int32_t *)data; }

/* band_part: (matrices, lower, upper) -> the same with 0 outside the band; a negative bound keeps the whole triangle. */
static hl_status run_band_part(const hl_instr *ins, hl_run *run) {
    void *const *arg = ins->arg;
    const band_params *p = ins->p[2].p;
    const int64_t lower = bound_at(arg[1], p->wide), upper = bound_at(arg[2], p->wide);
    if (lower > p->rows)
        return hl_fail(run, HL_INVALID_ARGUMENT, "num_lower must be negative or less or equal to number of rows (%lld) got: %lld",
                       (long long)p->rows, (long long)lower);
    if (upper > p->columns)
        return hl_fail(run, HL_INVALID_ARGUMENT, "num_upper must be negative or less or equal to number of columns (%lld) got: %lld",
                       (long long)p->columns, (long long)upper);
    const int64_t bytes = p->columns * p->size, rows = p->matrices * p->rows;
    for (int64_t r = 0; r < rows;) {
        const int64_t row = r % p->rows;
        const char *from = (const char *)arg[0] + r * bytes;
        char *to = (char *)arg[3] + r * bytes;
        int64_t first = lower < 0 ? 0 : row - lower, end = upper < 0 ? p->columns : row + upper + 1, same = 1;
        first = first < 0 ? 0 : first > p->columns ? p->columns : first;
        end = end > p->columns ? p->columns : end < first ? first : end;
        if (first == p->columns) same = p->rows - row; /* no row behind it has anything either */
        else if (first == 0 && end == p->columns) same = lower < 0 ? p->rows - row : smaller(p->rows, lower + 1) - row; /* whole ones */
        same = smaller(same, 1 + STRETCH / (bytes + 1));
        if ((same * bytes >= 4096 || (r & 1023) == 0) && hl_is_stopped(run)) return run->stopped;
        if (same > 1 && first == p->columns) {
            memset(to, 0, (size_t)(same * bytes));
        } else if (same > 1) {
            memmove(to, from, (size_t)(same * bytes));
        } else {
            memset(to, 0, (size_t)(first * p->size));
            memmove(to + first * p->size, from + first * p->size, (size_t)((end - first) * p->size));
            memset(to + end * p->size, 0, (size_t)((p->columns - end) * p->size));
        }
        r += same;
    }
    return HL_OK;
}

static hl_status prepare_band_part(hl_prepare *prep) {
    band_params *p = prep->params;
    const hl_tensor *x = prep->in[0];
    p->rows = x->dims[x->rank - 2];
    p->columns = x->dims[x->rank - 1];
    const int64_t elements = p->rows * p->columns;
    p->matrices = elements ? x->size / elements : 0;
    p->size = (int64_t)hl_dtype_size(x->dtype);
    p->wide = prep->in[1]->dtype == HL_INT64;
    prep->cost_ns = (double)(x->size * p->size) * 0.1 + 5;
    prep->ins->fn = run_band_part;
    return HL_OK;
}

/* cross: (x, y) -> the cross products of their rows of 3. */
#define CROSS(tag, dtype, S, C, LOAD, STORE, unused)                                                              \
    static hl_status cross_##tag(const hl_instr *ins, hl_run *run) {                                             \
        for (int64_t i = 0; i < ins->p[0].i; i += 3) {                                                           \
            if (hl_is_stopped_at(run, i / 3)) return run->stopped;                                        \
            const S *a = (const S *)ins->arg[0] + i, *b = (const S *)ins->arg[1] + i;                            \
            S *out = (S *)ins->arg[2] + i;                                                                       \
            const C x0 = LOAD(a[0]), x1 = LOAD(a[1]), x2 = LOAD(a[2]);                                           \
            const C y0 = LOAD(b[0]), y1 = LOAD(b[1]), y2 = LOAD(b[2]);                                           \
            out[0] = (S)STORE((C)(x1 * y2 - x2 * y1));                                                           \
            out[1] = (S)STORE((C)(x2 * y0 - x0 * y2));                                                           \
            out[2] = (S)STORE((C)(x0 * y1 - x1 * y0));                                                           \
        }                                                                                                        \
        return HL_OK;                                                                                            \
    }
EACH_NUMBER(CROSS, 0)
#define CASE(tag, dtype, S, C, LOAD, STORE, op) \
    case dtype: prep->ins->fn = op##_##tag; return HL_OK;

static hl_status prepare_cross(hl_prepare *prep) {
    prep->ins->p[0].i = prep->in[0]->size;
    prep->cost_ns = (double)prep->in[0]->size + 5;
    switch (prep->out[0]->dtype) {
        EACH_NUMBER(CASE, cross)
    default: return hl_no_kernel(prep, NULL);
    }
}

static const hl_kernel table[] = {
    {"cross", prepare_cross, 0},
    {"band_part", prepare_band_part, sizeof(band_params)},
};

HL_FAMILY(matrix, table);
