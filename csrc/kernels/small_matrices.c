/* Inverses, determinants and solutions of batches of small matrices of real numbers: each lane of a vector has a matrix of its own.
 *
 * Rows are exchanged for the largest pivot, as LAPACK exchanges them. A vector has 32 bytes at every level.
 */
#include <math.h>
#include <stdatomic.h>

#include "../plan.h"
#include "../pool.h"

enum {
    GROUP_BYTES = 32,
    MOST_ROWS = 16,                /* decompositions.py takes no larger ones here */
    MOST_COLUMNS = 2 * MOST_ROWS, /* the matrix' and the right side's */
    TASK_NS = 20000,
};

typedef struct small_params {
    int64_t n, columns, matrices, per_task;
    int64_t in_size, right_size, out_size; /* bytes of a matrix, a right side, a result */
    int lanes;
    bool adjoint;
    double cost_ns;
} small_params;

#define TYPE float
#define INTEGER int32_t
#define NAME(x) x##_f32
#define LANES 8
#define INTEGER_LIMIT INT32_MAX
#include "small_matrices_kernel.h"

#define TYPE double
#define INTEGER int64_t
#define NAME(x) x##_f64
#define LANES 4
#define INTEGER_LIMIT INT64_MAX
#include "small_matrices_kernel.h"

/* ---- running ---- */

/* Makes `count` results, and second ones where there are two. False: one has none. */
typedef bool (*group_fn)(const small_params *p, const void *matrix, const void *right, void *result, void *second, int count);

typedef struct job {
    const small_params *p;
    const char *matrix, *right;
    char *result, *second;
    group_fn fn;
    _Atomic bool failed;
} job;

static void run_task(void *argument, int64_t chunk, int worker) {
    job *j = argument;
    const small_params *p = j->p;
    const int64_t end = (chunk + 1) * p->per_task < p->matrices ? (chunk + 1) * p->per_task : p->matrices;
    (void)worker;
    for (int64_t i = chunk * p->per_task; i < end && !j->failed; i += p->lanes) {
        const int count = end - i < p->lanes ? (int)(end - i) : p->lanes;
        const char *right = j->right ? j->right + i * p->right_size : NULL;
        char *second = j->second ? j->second + i * p->out_size : NULL;
        if (!j->fn(p, j->matrix + i * p->in_size, right, j->result + i * p->out_size, second, count)) j->failed = true;
    }
}

static hl_status run_all(const hl_instr *ins, hl_run *run, bool system, bool two, const char *failure) {
    const small_params *p = ins->p[2].p;
    job j = {.p = p, .matrix = ins->arg[0], .right = system ? ins->arg[1] : NULL, .result = ins->arg[1 + system],
             .second = two ? ins->arg[2 + system] : NULL, .fn = (group_fn)ins->p[1].p};
    if (p->matrices == 0) return HL_OK;
    hl_parallel(run, (p->matrices + p->per_task - 1) / p->per_task, p->cost_ns, run_task, &j);
    return j.failed ? hl_fail(run, HL_INVALID_ARGUMENT, "%s", failure) : HL_OK;
}

static hl_status run_inverse(const hl_instr *ins, hl_run *run) { return run_all(ins, run, false, false, "Input is not invertible."); }
static hl_status run_determinant(const hl_instr *ins, hl_run *run) { return run_all(ins, run, false, false, ""); }
static hl_status run_log_determinant(const hl_instr *ins, hl_run *run) { return run_all(ins, run, false, true, ""); }
static hl_status run_solve(const hl_instr *ins, hl_run *run) {
    return run_all(ins, run, true, false, "Input matrix is not invertible.");
}

/* ---- preparing ---- */

static hl_status prepare(hl_prepare *prep, int64_t columns, group_fn of_floats, group_fn of_doubles) {
    const hl_tensor *x = prep->in[0];
    small_params *p = prep->params;
    if (x->dtype != HL_FLOAT32 && x->dtype != HL_FLOAT64) return hl_no_kernel(prep, NULL);
    const int64_t n = x->dims[x->rank - 1], size = (int64_t)hl_dtype_size(x->dtype);
    if (n < 1 || n > MOST_ROWS || columns > MOST_ROWS) return hl_no_kernel(prep, "matrices of more than 16 rows or columns");
    p->n = n;
    p->columns = columns;
    p->matrices = x->size / (n * n);
    p->lanes = GROUP_BYTES / (int)size;
    p->in_size = n * n * size;
    p->right_size = n * columns * size;
    p->out_size = columns ? n * columns * size : size;
    const double width = (double)(n + columns), each = 5 + 0.5 * (double)n * width + 0.12 * (double)(n * n) * width;
    const int64_t groups = each < TASK_NS / p->lanes ? (int64_t)(TASK_NS / p->lanes / each) : 1;
    p->per_task = groups * p->lanes;
    p->cost_ns = prep->cost_ns = 10 + each * (double)p->matrices;
    prep->ins->p[1].p = (void *)(x->dtype == HL_FLOAT32 ? of_floats : of_doubles);
    return HL_OK;
}

/* small_inverse: matrices -> their inverses. Attribute: adjoint. */
static hl_status prepare_inverse(hl_prepare *prep) {
    const hl_tensor *x = prep->in[0];
    prep->ins->fn = run_inverse;
    ((small_params *)prep->params)->adjoint = prep->attr[0].i;
    return prepare(prep, x->dims[x->rank - 1], solve_small_f32, solve_small_f64);
}

/* small_determinant: matrices -> their determinants. */
static hl_status prepare_determinant(hl_prepare *prep) {
    prep->ins->fn = run_determinant;
    return prepare(prep, 0, determinants_small_f32, determinants_small_f64);
}

/* small_log_determinant: matrices -> their determinants' signs, and the logarithms of their sizes. */
static hl_status prepare_log_determinant(hl_prepare *prep) {
    prep->ins->fn = run_log_determinant;
    return prepare(prep, 0, determinants_small_f32, determinants_small_f64);
}

/* small_solve: (matrices, right sides) -> solutions. Attribute: adjoint. */
static hl_status prepare_solve(hl_prepare *prep) {
    const hl_tensor *right = prep->in[1];
    prep->ins->fn = run_solve;
    ((small_params *)prep->params)->adjoint = prep->attr[0].i;
    return prepare(prep, right->dims[right->rank - 1], solve_small_f32, solve_small_f64);
}

static const hl_kernel table[] = {
    {"small_inverse", prepare_inverse, sizeof(small_params)},
    {"small_determinant", prepare_determinant, sizeof(small_params)},
    {"small_log_determinant", prepare_log_determinant, sizeof(small_params)},
    {"small_solve", prepare_solve, sizeof(small_params)},
};

HL_FAMILY(small_matrices, table);
