/* What rows with the same index sum up to: of the gradient of a product of gathered rows, which is then one of the table's. */
#include <string.h>

#include "elementwise_types.h"
#include "plan.h"
#include "pool.h"
#include "row_indices.h"
#include "rows.h"
#include "stretches.h"

enum {
    PARTS = 4,        /* of the columns, so that two or four threads part evenly */
    LEAST_COLUMNS = 64,
    LOOK_ROWS = 1024  /* between two looks whether to go on */
};

typedef struct row_group { int64_t count, stride; } row_group;

/* Row i of the table is table_bytes long; that of the sums has `columns` elements. */
typedef struct row_sums {
    int64_t table_rows, table_bytes, table_stride;
    int64_t columns, block, groups;
    bool wide;
    double cost_ns;
    row_group group[];
} row_sums;

typedef struct row_sums_job { const row_sums *p; void *const *data; hl_run *run; } row_sums_job;

/* Some columns of all sums. Every element is summed in the order of the rows. */
#define SUM_COLUMNS(tag, dtype, S, C, LOAD, STORE, unused)                                               \
    static void sum_columns_##tag(void *argument, int64_t chunk, int worker) {                           \
        const row_sums_job *job = argument;                                                              \
        const row_sums *p = job->p;                                                                      \
        const int64_t first = chunk * p->block, left = p->columns - first;                               \
        const int64_t n = left < p->block ? left : p->block;                                             \
        S *sums = (S *)job->data[2 * p->groups + 2] + first;                                             \
        for (int64_t r = 0; r < p->table_rows; r++) memset(sums + r * p->columns, 0, (size_t)n * sizeof(S)); \
        for (int64_t g = 0; g < p->groups; g++) {                                                        \
            const void *indices = job->data[1 + g];                                                      \
            const S *rows = (const S *)job->data[1 + p->groups + g] + first;                             \
            for (int64_t r = 0; r < p->group[g].count; r++) {                                            \
                if (r % LOOK_ROWS == 0 && hl_is_stopped_for(job->run, worker)) return;                   \
                S *to = sums + index_at(indices, p->wide, r) * p->columns;                               \
                const S *from = rows + r * p->group[g].stride;                                           \
                IVDEP for (int64_t k = 0; k < n; k++) to[k] += from[k];                                  \
            }                                                                                            \
        }                                                                                                \
    }
EACH_WIDE_FLOAT(SUM_COLUMNS, 0)

/* The rows of the table that have an index, zeros in place of the others: those take no part, whatever stands in them. */
static hl_status take_named_rows(const row_sums *p, void *const *data, hl_run *run) {
    char *named = run->scratch, *out = data[2 * p->groups + 1];
    clear_bytes(run, named, p->table_rows);
    for (int64_t g = 0; g < p->groups; g++) {
        const void *indices = data[1 + g];
        const int64_t unfit = first_unfit(indices, p->wide, p->group[g].count, p->table_rows);
        if (unfit >= 0)
            return hl_fail(run, HL_INVALID_ARGUMENT, "indices[%lld] = %lld is not in [0, %lld)", (long long)unfit,
                           (long long)index_at(indices, p->wide, unfit), (long long)p->table_rows);
        for (STRETCHES(run, first, end, p->group[g].count))
            for (int64_t r = first; r < end; r++) named[index_at(indices, p->wide, r)] = 1;
    }
    for (int64_t r = 0; r < p->table_rows; r++) {
        if (r % LOOK_ROWS == 0 && hl_is_stopped(run)) return run->stopped;
        if (named[r]) copy_row(out + r * p->table_bytes, (const char *)data[0] + r * p->table_stride, p->table_bytes);
        else memset(out + r * p->table_bytes, 0, (size_t)p->table_bytes);
    }
    return HL_OK;
}

#define RUN(tag, dtype, S, C, LOAD, STORE, unused)                                                       \
    static hl_status run_##tag(const hl_instr *ins, hl_run *run) {                                       \
        const row_sums *p = ins->p[2].p;                                                                 \
        row_sums_job job = {p, hl_args(ins), run};                                                       \
        const hl_status status = take_named_rows(p, job.data, run);                                      \
        if (status != HL_OK) return status;                                                              \
        hl_parallel(run, (p->columns + p->block - 1) / p->block, p->cost_ns, sum_columns_##tag, &job);   \
        return run->stopped;                                                                             \
    }
EACH_WIDE_FLOAT(RUN, 0)

static int64_t row_stride(const hl_tensor *t) { return t->dims[0] == 1 ? t->dims[1] : t->strides[0]; }

/* sum_by_row: (table, the indices of each group, the rows of each group) -> the table's rows that an index names, the sums of the
 * rows of each index. Attribute: how many groups. */
static hl_status prepare_row_sums(hl_prepare *prep) {
    row_sums *p = prep->params;
    const hl_tensor *table = prep->in[0];
    const int64_t size = (int64_t)hl_dtype_size(table->dtype);
    int64_t rows = 0;
    p->groups = prep->attr[0].i;
    p->table_rows = table->dims[0];
    p->table_bytes = table->dims[1] * size;
    p->table_stride = row_stride(table) * size;
    p->columns = prep->out[1]->dims[1];
    p->wide = prep->in[1]->dtype == HL_INT64;
    for (int64_t g = 0; g < p->groups; g++) {
        const hl_tensor *t = prep->in[1 + p->groups + g];
        p->group[g] = (row_group){t->dims[0], row_stride(t)};
        rows += t->dims[0];
    }
    p->block = p->columns ? (p->columns + PARTS * LEAST_COLUMNS - 1) / (PARTS * LEAST_COLUMNS) * LEAST_COLUMNS : 1;
    prep->scratch_bytes = p->table_rows;
    p->cost_ns = prep->cost_ns = (double)(rows * p->columns) * 0.1 + (double)(p->table_rows * p->columns) * 0.1 + 10;
    switch (table->dtype) {
#define CASE(tag, dtype, S, C, LOAD, STORE, unused) \
    case dtype: prep->ins->fn = run_##tag; return HL_OK;
        EACH_WIDE_FLOAT(CASE, 0)
    default: return hl_no_kernel(prep, NULL);
    }
}

static size_t group_bytes(const hl_value *attr) { return (size_t)attr[0].i * sizeof(row_group); }

static const hl_kernel table[] = {
    {"sum_by_row", prepare_row_sums, sizeof(row_sums), group_bytes},
};

HL_FAMILY(row_sums, table);
