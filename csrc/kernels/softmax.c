/* Softmax, log-softmax and the cross-entropies with their gradients, over rows (the last axis). */
#include <stdio.h>

#include "../plan.h"
#include "../pool.h"
#include "exp_difference.h"
#include "few_columns.h"
#include "float_names.h"
#include "half.h"
#include "row_indices.h"

enum {
    TASK_NS = 10000,
    LABELS_SHOWN = 200,
    NARROW = 32, /* columns up to which several rows are taken at once, a row a lane */
    MIDDLING = 256 /* columns up to which several rows' sums are made at once */
};

typedef enum row_kind { ROW_SOFTMAX, ROW_LOG_SOFTMAX, ROW_DENSE, ROW_SPARSE } row_kind;

/* What is largest is subtracted: no sum of exponentials is beyond the largest number. */
#define EXP NAME(exp_difference)
#define LOG_SCALAR(x) _Generic((x), float: logf, double: log)(x)
#define FLOATS f32
#include "softmax_kernel.h"
#undef FLOATS
#define FLOATS f64
#include "softmax_kernel.h"
#undef FLOATS

/* Prepared rows. Of labels and logits of the dense cross-entropy, row and element steps are 0 where they are broadcast. */
typedef struct rows {
    row_kind kind;
    hl_dtype dtype, label_dtype;
    int64_t rows, columns;
    int64_t x_row, x_step, labels_row, labels_step;
    int64_t losses; /* of the dense cross-entropy */
    bool narrow, middling;
    int64_t rows_per_task, tasks;
    double cost_ns;
} rows;

typedef struct rows_task {
    const rows *r;
    const char *x, *labels;
    char *out, *gradient;
    float *scratch;       /* 16-bit floats: two rows of float for each worker */
    int64_t scratch_floats;
} rows_task;

static int64_t label_at(const rows *r, const char *labels, int64_t row) {
    return r->label_dtype == HL_INT32 ? ((const int32_t *)labels)[row] : ((const int64_t *)labels)[row];
}

/* The classes of `count` rows, at most as many as a vector has lanes; those of the other lanes are 0. */
static void find_classes(const rows *r, const char *labels, int64_t row, int count, int64_t *classes) {
    if (r->kind != ROW_SPARSE) return;
    memset(classes, 0, F32_LANES * sizeof *classes);
    if (r->label_dtype == HL_INT32) for (int i = 0; i < count; i++) classes[i] = ((const int32_t *)labels)[row + i];
    else memcpy(classes, (const int64_t *)labels + row, (size_t)count * sizeof *classes);
}

static void row_f32(const rows_task *task, int64_t row) {
    const rows *r = task->r;
    const float *x = (const float *)task->x + row * r->x_row, *labels = (const float *)task->labels;
    float *out = (float *)task->out, *gradient = (float *)task->gradient + row * r->columns;
    switch (r->kind) {
    case ROW_SOFTMAX: softmax_row_f32(x, r->columns, out + row * r->columns); break;
    case ROW_LOG_SOFTMAX: log_softmax_row_f32(x, r->columns, out + row * r->columns); break;
    case ROW_DENSE:
        dense_row_f32(x, r->x_step, labels + row * r->labels_row, r->labels_step, r->columns, out + row, gradient);
        break;
    case ROW_SPARSE: sparse_row_f32(x, r->columns, label_at(r, task->labels, row), out + row, gradient); break;
    }
}

static void row_f64(const rows_task *task, int64_t row) {
    const rows *r = task->r;
    const double *x = (const double *)task->x + row * r->x_row, *labels = (const double *)task->labels;
    double *out = (double *)task->out, *gradient = (double *)task->gradient + row * r->columns;
    switch (r->kind) {
    case ROW_SOFTMAX: softmax_row_f64(x, r->columns, out + row * r->columns); break;
    case ROW_LOG_SOFTMAX: log_softmax_row_f64(x, r->columns, out + row * r->columns); break;
    case ROW_DENSE:
        dense_row_f64(x, r->x_step, labels + row * r->labels_row, r->labels_step, r->columns, out + row, gradient);
        break;
    case ROW_SPARSE: sparse_row_f64(x, r->columns, label_at(r, task->labels, row), out + row, gradient); break;
    }
}

/* A row of 16-bit floats, by way of float. */
static void row_half(const rows_task *task, int64_t row, int worker) {
    const rows *r = task->r;
    const bool half = r->dtype == HL_FLOAT16;
    const uint16_t *x = (const uint16_t *)task->x + row * r->x_row;
    float *wide = task->scratch + worker * task->scratch_floats, *result = wide + r->columns, *labels = result + r->columns;
    float loss = 0;
    for (int64_t i = 0; i < r->columns; i++)
        wide[i] = half ? half_to_float(x[i * r->x_step]) : bfloat_to_float(x[i * r->x_step]);
    uint16_t *out = (uint16_t *)task->out + row * r->columns, *loss_out = NULL;
    if (r->kind == ROW_DENSE || r->kind == ROW_SPARSE) {
        loss_out = (uint16_t *)task->out + row;
        out = (uint16_t *)task->gradient + row * r->columns;
    }
    switch (r->kind) {
    case ROW_SOFTMAX: softmax_row_f32(wide, r->columns, result); break;
    case ROW_LOG_SOFTMAX: log_softmax_row_f32(wide, r->columns, result); break;
    case ROW_DENSE: {
        const uint16_t *source = (const uint16_t *)task->labels + row * r->labels_row;
        for (int64_t i = 0; i < r->columns; i++)
            labels[i] = half ? half_to_float(source[i * r->labels_step]) : bfloat_to_float(source[i * r->labels_step]);
        dense_row_f32(wide, 1, labels, 1, r->columns, &loss, result);
        break;
    }
    case ROW_SPARSE: sparse_row_f32(wide, r->columns, label_at(r, task->labels, row), &loss, result); break;
    }
    for (int64_t i = 0; i < r->columns; i++) out[i] = half ? float_to_half(result[i]) : float_to_bfloat(result[i]);
    if (loss_out) *loss_out = half ? float_to_half(loss) : float_to_bfloat(loss);
}

static void narrow(const rows_task *task, int64_t row, int count) {
    const rows *r = task->r;
    const int64_t at = row * r->columns;
    int64_t classes[F32_LANES];
    find_classes(r, task->labels, row, count, classes);
    const bool one_a_row = r->kind == ROW_DENSE || r->kind == ROW_SPARSE;
    if (r->dtype == HL_FLOAT32)
        narrow_rows_f32(r->kind, (const float *)task->x + at, (const float *)task->labels + row * r->labels_row,
                        r->labels_row, classes, count, (int)r->columns, (float *)task->out + (one_a_row ? row : at),
                        (float *)task->gradient + at);
    else
        narrow_rows_f64(r->kind, (const double *)task->x + at, (const double *)task->labels + row * r->labels_row,
                        r->labels_row, classes, count, (int)r->columns, (double *)task->out + (one_a_row ? row : at),
                        (double *)task->gradient + at);
}

static void block(const rows_task *task, int64_t row, int count) {
    const rows *r = task->r;
    const int64_t at = row * r->columns, out = r->kind == ROW_SPARSE ? row : at;
    int64_t classes[F32_LANES];
    find_classes(r, task->labels, row, count, classes);
    if (r->dtype == HL_FLOAT32)
        block_rows_f32(r->kind, (const float *)task->x + at, classes, count, r->columns, (float *)task->out + out,
                       (float *)task->gradient + at);
    else
        block_rows_f64(r->kind, (const double *)task->x + at, classes, count, r->columns, (double *)task->out + out,
                       (double *)task->gradient + at);
}

static void run_task(void *argument, int64_t chunk, int worker) {
    const rows_task *task = argument;
    const rows *r = task->r;
    const int64_t first = chunk * r->rows_per_task;
    const int64_t end = first + r->rows_per_task < r->rows ? first + r->rows_per_task : r->rows;
    if (r->narrow) {
        const int lanes = r->dtype == HL_FLOAT32 ? F32_LANES : F64_LANES;
        for (int64_t row = first; row < end; row += lanes) narrow(task, row, end - row < lanes ? (int)(end - row) : lanes);
        return;
    }
    if (r->middling) {
        const int lanes = r->dtype == HL_FLOAT32 ? F32_LANES : F64_LANES;
        for (int64_t row = first; row < end; row += lanes) block(task, row, end - row < lanes ? (int)(end - row) : lanes);
        return;
    }
    for (int64_t row = first; row < end; row++) {
        if (r->dtype == HL_FLOAT32) row_f32(task, row);
        else if (r->dtype == HL_FLOAT64) row_f64(task, row);
        else row_half(task, row, worker);
    }
}

static hl_status run_rows(const rows *r, rows_task task, hl_run *run) {
    task.r = r;
    task.scratch = (float *)run->scratch;
    task.scratch_floats = run->scratch_bytes / (int64_t)sizeof(float);
    hl_parallel(run, r->tasks, r->cost_ns, run_task, &task);
    return HL_OK;
}

static hl_status softmax_run(const hl_instr *ins, hl_run *run) {
    void *x = ins->arg[0], *out = ins->arg[1]; /* labels and gradient are not looked at */
    return run_rows(ins->p[2].p, (rows_task){.x = x, .labels = x, .out = out, .gradient = out}, run);
}

static hl_status dense_run(const hl_instr *ins, hl_run *run) {
    return run_rows(ins->p[2].p,
                    (rows_task){.x = ins->arg[0], .labels = ins->arg[1], .out = ins->arg[2], .gradient = ins->arg[3]}, run);
}

/* Sums of nothing, where there are no classes. */
static hl_status run_no_classes(const hl_instr *ins, hl_run *run) {
    const rows *r = ins->p[2].p;
    (void)run;
    memset(ins->arg[2], 0, (size_t)r->losses * hl_dtype_size(r->dtype));
    return HL_OK;
}

static hl_status fail_label(const rows *r, const char *labels, int64_t bad, hl_run *run) {
    char shown[LABELS_SHOWN];
    int used = 0;
    for (int64_t row = 0; row < r->rows && used < LABELS_SHOWN - 24; row++)
        used += snprintf(shown + used, (size_t)(LABELS_SHOWN - used), " %lld", (long long)label_at(r, labels, row));
    return hl_fail(run, HL_INVALID_ARGUMENT,
                   "Received a label value of %lld which is outside the valid range of [0, %lld).  Label values:%s",
                   (long long)bad, (long long)r->columns, shown);
}

static hl_status sparse_run(const hl_instr *ins, hl_run *run) {
    const rows *r = ins->p[2].p;
    const char *labels = ins->arg[1];
    const int64_t unfit = first_unfit(labels, r->label_dtype != HL_INT32, r->rows, r->columns);
    if (unfit >= 0) return fail_label(r, labels, label_at(r, labels, unfit), run);
    return run_rows(r, (rows_task){.x = ins->arg[0], .labels = labels, .out = ins->arg[2], .gradient = ins->arg[3]}, run);
}

/* What all kernels prepare alike; `like` has the shape of the rows. */
static hl_status prepare_rows(hl_prepare *prep, row_kind kind, const hl_tensor *like, hl_run_fn fn) {
    rows *r = prep->params;
    *r = (rows){.kind = kind, .dtype = like->dtype};
    double element_ns = 1;
    switch (like->dtype) {
    case HL_FLOAT32: break;
    case HL_FLOAT64: element_ns = 2; break;
    case HL_FLOAT16: case HL_BFLOAT16: element_ns = 5; break;
    default: return hl_no_kernel(prep, "softmax");
    }
    r->columns = like->rank ? like->dims[like->rank - 1] : 1;
    r->rows = r->columns ? like->size / r->columns : 0;
    r->x_row = r->labels_row = r->columns;
    r->x_step = r->labels_step = 1;
    r->cost_ns = prep->cost_ns = 10 + (double)r->rows * (15 + element_ns * (double)r->columns);
    const int64_t wanted = (int64_t)(r->cost_ns / TASK_NS) + 1;
    r->tasks = r->rows < wanted ? r->rows : wanted;
    if (r->tasks > 0) {
        r->rows_per_task = (r->rows + r->tasks - 1) / r->tasks;
        r->tasks = (r->rows + r->rows_per_task - 1) / r->rows_per_task;
    }
    if (like->dtype == HL_FLOAT16 || like->dtype == HL_BFLOAT16)
        prep->scratch_bytes = 3 * r->columns * (int64_t)sizeof(float);
    r->narrow = r->columns <= NARROW && (like->dtype == HL_FLOAT32 || like->dtype == HL_FLOAT64);
    r->middling = !r->narrow && r->columns <= MIDDLING && kind != ROW_DENSE && element_ns <= 2;
    prep->ins->fn = r->rows > 0 ? fn : hl_run_nothing;
    return HL_OK;
}

static hl_status softmax_prepare(hl_prepare *prep) {
    return prepare_rows(prep, ROW_SOFTMAX, prep->in[0], softmax_run);
}

static hl_status log_softmax_prepare(hl_prepare *prep) {
    return prepare_rows(prep, ROW_LOG_SOFTMAX, prep->in[0], softmax_run);
}

static void broadcast_steps(const hl_tensor *t, const hl_tensor *to, int64_t *row, int64_t *step) {
    const int64_t columns = t->rank ? t->dims[t->rank - 1] : 1, count = columns ? t->size / columns : 0;
    const int64_t to_columns = to->dims[to->rank - 1], to_count = to_columns ? to->size / to_columns : 0;
    *step = columns == 1 && to_columns != 1 ? 0 : 1;
    *row = count == 1 && to_count != 1 ? 0 : columns;
}

/* logits, labels -> loss, gradient; logits or labels may be one row or one column. */
static hl_status dense_prepare(hl_prepare *prep) {
    const hl_tensor *gradient = prep->out[1];
    hl_status status = prepare_rows(prep, ROW_DENSE, gradient, dense_run);
    if (status) return status;
    rows *r = prep->params;
    r->losses = prep->out[0]->size;
    if (r->columns == 0 && r->losses > 0) prep->ins->fn = run_no_classes;
    broadcast_steps(prep->in[0], gradient, &r->x_row, &r->x_step);
    broadcast_steps(prep->in[1], gradient, &r->labels_row, &r->labels_step);
    r->narrow = r->narrow && r->x_step && r->labels_step && r->x_row == r->columns;
    return HL_OK;
}

/* logits, labels (int32 or int64) -> loss, gradient */
static hl_status sparse_prepare(hl_prepare *prep) {
    hl_status status = prepare_rows(prep, ROW_SPARSE, prep->in[0], sparse_run);
    rows *r = prep->params;
    r->label_dtype = prep->in[1]->dtype;
    if (status == HL_OK && r->label_dtype != HL_INT32 && r->label_dtype != HL_INT64)
        return hl_refuse(prep, HL_UNIMPLEMENTED, "labels must be int32 or int64");
    if (status == HL_OK && r->columns == 0 && prep->in[1]->size > 0)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "Must have at least one class, but got logits of no columns");
    return status;
}

static const hl_kernel table[] = {
    {"softmax", softmax_prepare, sizeof(rows)},
    {"log_softmax", log_softmax_prepare, sizeof(rows)},
    {"softmax_cross_entropy", dense_prepare, sizeof(rows)},
    {"sparse_softmax_cross_entropy", sparse_prepare, sizeof(rows)},
};
HL_FAMILY(softmax, table);
