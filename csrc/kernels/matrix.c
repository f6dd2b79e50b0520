/* Parts of matrices: bands. */
#include <string.h>

#include "plan.h"

typedef struct band_params { int64_t matrices, rows, columns, size; bool wide; } band_params;

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
    const int64_t bytes = p->columns * p->size;
    for (int64_t r = 0; r < p->matrices * p->rows; r++) {
        const int64_t row = r % p->rows;
        int64_t first = lower < 0 ? 0 : row - lower, end = upper < 0 ? p->columns : row + upper + 1;
        first = first < 0 ? 0 : first > p->columns ? p->columns : first;
        end = end > p->columns ? p->columns : end < first ? first : end;
        const char *from = (const char *)arg[0] + r * bytes;
        char *to = (char *)arg[3] + r * bytes;
        memset(to, 0, (size_t)(first * p->size));
        memmove(to + first * p->size, from + first * p->size, (size_t)((end - first) * p->size));
        memset(to + end * p->size, 0, (size_t)((p->columns - end) * p->size));
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

static const hl_kernel table[] = {
    {"band_part", prepare_band_part, sizeof(band_params)},
};

HL_FAMILY(matrix, table);
