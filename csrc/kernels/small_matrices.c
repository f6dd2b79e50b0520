/* Inverses, determinants and solutions of batches of small matrices of real numbers: each lane of a vector has a matrix of its own, or
 * where they are few or have more rows, a matrix at a time by vectors along its rows.
 *
 * Rows are exchanged for the largest pivot, as LAPACK exchanges them. A vector of lanes has 32 bytes at every level.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "simd.h"

enum {
    GROUP_BYTES = 32,
    MOST_ROWS = 16,               /* of those in lanes */
    MOST_COLUMNS = 2 * MOST_ROWS, /* the matrix' and the right side's */
    TASK_NS = 20000,
};

typedef struct small_params {
    int64_t n, columns, matrices, per_task;
    int64_t in_size, right_size, out_size; /* bytes of a matrix, a right side, a result */
    int lanes; /* 1: a matrix at a time by rows */
    bool adjoint;
    double cost_ns;
} small_params;

/* Where a group is worked on. */
typedef struct workplace {
    void *scratch;
    hl_run *run;
    int worker;
} workplace;

#define TYPE float
#define INTEGER int32_t
#define NAME(x) x##_f32
#define GROUP_LANES 8
#define INTEGER_LIMIT INT32_MAX
#define INFINITE 0x7f800000
#define VEC simd_f32
#define LANES F32_LANES
#define LOAD load_f32
#define LOAD_PART load_part_f32
#define STORE store_f32
#define STORE_PART store_part_f32
#define SPLAT splat_f32
#define TRANSPOSE transpose_f32
#define CONJUGATE SAME
#include "lu_kernel.h"
#include "small_matrices_kernel.h"

#define TYPE double
#define INTEGER int64_t
#define NAME(x) x##_f64
#define GROUP_LANES 4
#define INTEGER_LIMIT INT64_MAX
#define INFINITE 0x7ff0000000000000
#define VEC simd_f64
#define LANES F64_LANES
#define LOAD load_f64
#define LOAD_PART load_part_f64
#define STORE store_f64
#define STORE_PART store_part_f64
#define SPLAT splat_f64
#define TRANSPOSE transpose_f64
#define CONJUGATE SAME
#include "lu_kernel.h"
#include "small_matrices_kernel.h"

/* ---- running ---- */

/* Makes `count` results, and second ones where there are two. False: one has none. */
typedef bool (*group_fn)(const small_params *p, const void *matrix, const void *right, void *result, void *second, int count,
                         const workplace *where);

typedef struct job {
    const small_params *p;
    const char *matrix, *right;
    char *result, *second;
    group_fn fn;
    hl_run *run;
    _Atomic bool failed;
} job;

static void run_task(void *argument, int64_t chunk, int worker) {
    job *j = argument;
    const small_params *p = j->p;
    const int64_t end = (chunk + 1) * p->per_task < p->matrices ? (chunk + 1) * p->per_task : p->matrices;
    const workplace where = {j->run->scratch + worker * j->run->scratch_bytes, j->run, worker};
    for (int64_t i = chunk * p->per_task; i < end && !j->failed; i += p->lanes) {
        const int count = end - i < p->lanes ? (int)(end - i) : p->lanes;
        const char *right = j->right ? j->right + i * p->right_size : NULL;
        char *second = j->second ? j->second + i * p->out_size : NULL;
        if (!j->fn(p, j->matrix + i * p->in_size, right, j->result + i * p->out_size, second, count, &where)) j->failed = true;
    }
}

static hl_status run_all(const hl_instr *ins, hl_run *run, bool system, bool two, const char *failure) {
    const small_params *p = ins->p[2].p;
    job j = {.p = p, .matrix = ins->arg[0], .right = system ? ins->arg[1] : NULL, .result = ins->arg[1 + system],
             .second = two ? ins->arg[2 + system] : NULL, .fn = (group_fn)ins->p[1].p, .run = run};
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

/* Functions of floats and doubles: of a group in lanes, of a matrix by rows. */
typedef struct ways {
    group_fn lanes[2], rows[2];
} ways;

/* The time of one matrix in ns: of one among a full group in lanes, of one by rows. */
static double ns_in_lanes(double n, double columns) { return 5 + 0.5 * n * (n + columns) + 0.12 * n * n * (n + columns); }
static double ns_by_rows(double n, double columns, double size) { return 150 + 45 * n + 0.005 * size * n * n * (n + 2 * columns); }

static hl_status prepare(hl_prepare *prep, int64_t columns, ways ways) {
    const hl_tensor *x = prep->in[0];
    small_params *p = prep->params;
    if (x->dtype != HL_FLOAT32 && x->dtype != HL_FLOAT64) return hl_no_kernel(prep, NULL);
    const int64_t n = x->dims[x->rank - 1], size = (int64_t)hl_dtype_size(x->dtype);
    if (n < 1) return hl_no_kernel(prep, "matrices without rows");
    p->n = n;
    p->columns = columns;
    p->matrices = x->size / (n * n);
    p->lanes = GROUP_BYTES / (int)size;
    p->in_size = n * n * size;
    p->right_size = n * columns * size;
    p->out_size = columns ? n * columns * size : size;
    double each = ns_in_lanes((double)n, (double)columns);
    const double in_lanes = each * (double)((p->matrices + p->lanes - 1) / p->lanes * p->lanes);
    const double alone = ns_by_rows((double)n, (double)columns, (double)size);
    const bool rows = n > MOST_ROWS || columns > MOST_ROWS || alone * (double)p->matrices < in_lanes; /* a group takes as long for one */
    if (rows) {
        each = alone;
        p->lanes = 1;
        prep->scratch_bytes = lu_elements(n, columns) * size;
    }
    const int64_t groups = each < TASK_NS / p->lanes ? (int64_t)(TASK_NS / p->lanes / each) : 1;
    p->per_task = groups * p->lanes;
    p->cost_ns = prep->cost_ns = 10 + each * (double)p->matrices;
    prep->ins->p[1].p = (void *)(rows ? ways.rows : ways.lanes)[x->dtype == HL_FLOAT64];
    return HL_OK;
}

static const ways of_systems = {{solve_small_f32, solve_small_f64}, {solve_rows_f32, solve_rows_f64}};
static const ways of_determinants = {{determinants_small_f32, determinants_small_f64}, {determinant_by_rows_f32, determinant_by_rows_f64}};

/* small_inverse: matrices -> their inverses. Attribute: adjoint. */
static hl_status prepare_inverse(hl_prepare *prep) {
    const hl_tensor *x = prep->in[0];
    prep->ins->fn = run_inverse;
    ((small_params *)prep->params)->adjoint = prep->attr[0].i;
    return prepare(prep, x->dims[x->rank - 1], of_systems);
}

/* small_determinant: matrices -> their determinants. */
static hl_status prepare_determinant(hl_prepare *prep) {
    prep->ins->fn = run_determinant;
    return prepare(prep, 0, of_determinants);
}

/* small_log_determinant: matrices -> their determinants' signs, and the logarithms of their sizes. */
static hl_status prepare_log_determinant(hl_prepare *prep) {
    prep->ins->fn = run_log_determinant;
    return prepare(prep, 0, of_determinants);
}

/* small_solve: (matrices, right sides) -> solutions. Attribute: adjoint. */
static hl_status prepare_solve(hl_prepare *prep) {
    const hl_tensor *right = prep->in[1];
    prep->ins->fn = run_solve;
    ((small_params *)prep->params)->adjoint = prep->attr[0].i;
    return prepare(prep, right->dims[right->rank - 1], of_systems);
}

static const hl_kernel table[] = {
    {"small_inverse", prepare_inverse, sizeof(small_params)},
    {"small_determinant", prepare_determinant, sizeof(small_params)},
    {"small_log_determinant", prepare_log_determinant, sizeof(small_params)},
    {"small_solve", prepare_solve, sizeof(small_params)},
};

HL_FAMILY(small_matrices, table);
