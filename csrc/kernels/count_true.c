/* How many elements of rows of bools are true: what sums and means of bools that are cast to numbers are.
 *
 * Counts are whole numbers up to the end, so in any order they are the sum: a long row is counted in parts.
 */
#include "../plan.h"
#include "../pool.h"
#include "simd.h"

enum {
    LANES = 64,
    TURNS = 255,     /* of a lane's counter of one byte */
    PART = 1 << 17,  /* elements of a long row that a task counts */
    TASK_NS = 10000
};

typedef struct count_true {
    int64_t rows, n;
    int64_t parts, rows_per_task;
    hl_dtype dtype;
    bool is_mean;
    double cost_ns;
} count_true;

/* How many of n are not 0. */
static int64_t count(const uint8_t *x, int64_t n) {
    int64_t total = 0, i = 0;
    while (i + LANES <= n) {
        uint8_t lane[LANES] = {0};
        const int64_t left = (n - i) / LANES, turns = left < TURNS ? left : TURNS;
        for (int64_t turn = 0; turn < turns; turn++, i += LANES)
            for (int j = 0; j < LANES; j++) lane[j] += x[i + j] != 0;
        for (int j = 0; j < LANES; j++) total += lane[j];
    }
    for (; i < n; i++) total += x[i] != 0;
    return total;
}

static void put(const count_true *p, void *out, int64_t row, int64_t total) {
    switch (p->dtype) {
    case HL_FLOAT32: ((float *)out)[row] = (float)(p->is_mean ? (double)total / (double)p->n : (double)total); break;
    case HL_FLOAT64: ((double *)out)[row] = p->is_mean ? (double)total / (double)p->n : (double)total; break;
    case HL_INT32: ((int32_t *)out)[row] = (int32_t)(p->is_mean ? (p->n ? total / p->n : 0) : total); break;
    default: ((int64_t *)out)[row] = p->is_mean ? (p->n ? total / p->n : 0) : total;
    }
}

typedef struct count_true_task { const count_true *p; const uint8_t *x; void *out; int64_t *totals; } count_true_task;

static void count_rows(void *argument, int64_t chunk, int worker) {
    const count_true_task *task = argument;
    const count_true *p = task->p;
    (void)worker;
    const int64_t first = chunk * p->rows_per_task, end = first + p->rows_per_task;
    for (int64_t row = first; row < end && row < p->rows; row++) put(p, task->out, row, count(task->x + row * p->n, p->n));
}

static void count_part(void *argument, int64_t chunk, int worker) {
    const count_true_task *task = argument;
    const count_true *p = task->p;
    (void)worker;
    const int64_t first = chunk % p->parts * PART, rest = p->n - first;
    task->totals[chunk] = count(task->x + chunk / p->parts * p->n + first, rest < PART ? rest : PART);
}

static hl_status count_true_run(const hl_instr *ins, hl_run *run) {
    const count_true *p = ins->p[2].p;
    count_true_task task = {p, ins->arg[0], ins->arg[1], (int64_t *)run->scratch};
    if (p->parts == 1) {
        hl_parallel(run, (p->rows + p->rows_per_task - 1) / p->rows_per_task, p->cost_ns, count_rows, &task);
        return HL_OK;
    }
    hl_parallel(run, p->rows * p->parts, p->cost_ns, count_part, &task);
    for (int64_t row = 0; row < p->rows; row++) {
        int64_t total = 0;
        for (int64_t part = 0; part < p->parts; part++) total += task.totals[row * p->parts + part];
        put(p, ins->arg[1], row, total);
    }
    return HL_OK;
}

/* bools -> how many are true along the last axes. Attributes: the axes, a bit mask; whether the mean is asked for. */
static hl_status count_true_prepare(hl_prepare *prep) {
    count_true *p = prep->params;
    const hl_tensor *in = prep->in[0], *out = prep->out[0];
    *p = (count_true){.rows = 1, .n = 1, .dtype = out->dtype, .is_mean = prep->attr[1].i != 0};
    const uint64_t axes = (uint64_t)prep->attr[0].i;
    for (int axis = 0; axis < in->rank; axis++) {
        if (axes >> axis & 1) p->n *= in->dims[axis];
        else if (p->n != 1) return hl_no_kernel(prep, "a count along axes that are not the last ones");
        else p->rows *= in->dims[axis];
    }
    if (in->dtype != HL_BOOL || (out->dtype != HL_FLOAT32 && out->dtype != HL_FLOAT64 && out->dtype != HL_INT32 && out->dtype != HL_INT64))
        return hl_no_kernel(prep, "a count");
    p->cost_ns = prep->cost_ns = 5 + (double)p->rows * ((double)p->n * 0.03 + 4);
    p->parts = p->n >= 2 * PART ? (p->n + PART - 1) / PART : 1;
    if (p->parts > 1) prep->scratch_bytes = p->rows * p->parts * (int64_t)sizeof(int64_t);
    const int64_t tasks = (int64_t)(p->cost_ns / TASK_NS) + 1;
    p->rows_per_task = p->rows <= tasks ? 1 : (p->rows + tasks - 1) / tasks;
    prep->ins->fn = out->size ? count_true_run : hl_run_nothing;
    return HL_OK;
}

static const hl_kernel table[] = {{"count_true", count_true_prepare, sizeof(count_true)}};
HL_FAMILY(count_true, table);
