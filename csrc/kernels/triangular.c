/* Systems of equations with triangular matrices, and Cholesky's factors, for batches of matrices of real or complex numbers. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "complex_types.h"
#include "simd.h"

enum { TASK_NS = 20000 };
#define GFLOPS 10.0

typedef struct solve_params {
    int64_t n, columns, matrices, per_task;
    bool lower, adjoint;
    double cost_ns;
} solve_params;

#define TYPE float
#define PART float
#define NAME(x) x##_f32
#define VEC simd_f32
#define LANES F32_LANES
#define LOAD load_f32
#define LOAD_PART load_part_f32
#define STORE store_f32
#define STORE_PART store_part_f32
#define SPLAT splat_f32
#define CONJUGATE SAME
#define REAL_PART SAME
#define ROOT sqrtf
#include "triangular_kernel.h"

#define TYPE double
#define PART double
#define NAME(x) x##_f64
#define VEC simd_f64
#define LANES F64_LANES
#define LOAD load_f64
#define LOAD_PART load_part_f64
#define STORE store_f64
#define STORE_PART store_part_f64
#define SPLAT splat_f64
#define CONJUGATE SAME
#define REAL_PART SAME
#define ROOT sqrt
#include "triangular_kernel.h"

/* Complex numbers are vectors of one lane. */
#define LOAD_ONE(from) (*(from))
#define LOAD_FIRST(from, count) ((void)(count), *(from))
#define STORE_ONE(to, value) (*(to) = (value))
#define STORE_FIRST(to, value, count) ((void)(count), *(to) = (value))

#define TYPE float complex
#define PART float
#define NAME(x) x##_c64
#define VEC float complex
#define LANES 1
#define LOAD LOAD_ONE
#define LOAD_PART LOAD_FIRST
#define STORE STORE_ONE
#define STORE_PART STORE_FIRST
#define SPLAT SAME
#define CONJUGATE conjf
#define REAL_PART crealf
#define ROOT sqrtf
#include "triangular_kernel.h"

#define TYPE double complex
#define PART double
#define NAME(x) x##_c128
#define VEC double complex
#define LANES 1
#define LOAD LOAD_ONE
#define LOAD_PART LOAD_FIRST
#define STORE STORE_ONE
#define STORE_PART STORE_FIRST
#define SPLAT SAME
#define CONJUGATE conj
#define REAL_PART creal
#define ROOT sqrt
#include "triangular_kernel.h"

/* ---- running ---- */

/* Makes one matrix of the result. False: there is none. */
typedef bool (*matrix_fn)(const solve_params *p, const void *matrix, const void *right, void *result, void *scratch, hl_run *run,
                          int worker);

typedef struct job {
    const solve_params *p;
    void *const *arg; /* the matrices, the right sides of a system, the results */
    hl_run *run;
    int64_t size; /* of an element */
    bool system;
    matrix_fn fn;
    _Atomic bool failed;
} job;

static void run_task(void *argument, int64_t chunk, int worker) {
    job *j = argument;
    const solve_params *p = j->p;
    const int64_t end = (chunk + 1) * p->per_task < p->matrices ? (chunk + 1) * p->per_task : p->matrices;
    const int64_t matrix = p->n * p->n * j->size, side = j->system ? p->n * p->columns * j->size : matrix;
    char *scratch = j->run->scratch + worker * j->run->scratch_bytes;
    for (int64_t i = chunk * p->per_task; i < end && !j->failed; i++) {
        const char *right = j->system ? (const char *)j->arg[1] + i * side : NULL;
        char *result = (char *)j->arg[1 + j->system] + i * side;
        if (!j->fn(p, (const char *)j->arg[0] + i * matrix, right, result, scratch, j->run, worker)) j->failed = true;
    }
}

static hl_status run_all(const hl_instr *ins, hl_run *run, bool system, const char *failure) {
    const solve_params *p = ins->p[2].p;
    job j = {.p = p, .arg = ins->arg, .run = run, .size = ins->p[0].i, .system = system, .fn = (matrix_fn)ins->p[1].p};
    if (p->matrices == 0) return HL_OK;
    hl_parallel(run, (p->matrices + p->per_task - 1) / p->per_task, p->cost_ns, run_task, &j);
    return j.failed ? hl_fail(run, HL_INVALID_ARGUMENT, "%s", failure) : HL_OK;
}

static hl_status run_solve(const hl_instr *ins, hl_run *run) {
    return run_all(ins, run, true, "Input matrix is not invertible.");
}

static hl_status run_factor(const hl_instr *ins, hl_run *run) {
    return run_all(ins, run, false, "Cholesky decomposition was not successful. The input might not be valid.");
}

/* ---- preparing ---- */

/* The sizes that both have in common, of matrices whose work is so many multiplications each. */
static solve_params *prepare_sizes(hl_prepare *prep, int64_t columns, double products) {
    const hl_tensor *x = prep->in[0];
    solve_params *p = prep->params;
    p->n = x->dims[x->rank - 1];
    p->columns = columns;
    p->matrices = p->n ? x->size / (p->n * p->n) : 0;
    const double each = 20 + 2 * products / GFLOPS;
    p->per_task = each < TASK_NS ? (int64_t)(TASK_NS / each) : 1;
    p->cost_ns = prep->cost_ns = 5 + each * (double)p->matrices;
    prep->ins->p[0].i = (int64_t)hl_dtype_size(x->dtype);
    return p;
}

/* triangular_solve: (matrices, right sides) -> solutions. Attributes: lower, adjoint. */
static hl_status prepare_solve(hl_prepare *prep) {
    const hl_tensor *right = prep->in[1];
    const int64_t n = right->dims[right->rank - 2], columns = right->dims[right->rank - 1];
    solve_params *p = prepare_sizes(prep, columns, 0.5 * (double)(n * n) * (double)columns);
    p->lower = prep->attr[0].i;
    p->adjoint = prep->attr[1].i;
    switch (prep->out[0]->dtype) {
    case HL_FLOAT32: prep->ins->p[1].p = (void *)solve_f32; break;
    case HL_FLOAT64: prep->ins->p[1].p = (void *)solve_f64; break;
    case HL_COMPLEX64: prep->ins->p[1].p = (void *)solve_c64; break;
    case HL_COMPLEX128: prep->ins->p[1].p = (void *)solve_c128; break;
    default: return hl_no_kernel(prep, NULL);
    }
    prep->ins->fn = run_solve;
    return HL_OK;
}

/* cholesky: matrices -> their factors. */
static hl_status prepare_factor(hl_prepare *prep) {
    const hl_tensor *x = prep->in[0];
    const double n = (double)x->dims[x->rank - 1];
    const solve_params *p = prepare_sizes(prep, 0, n * n * n / 6);
    switch (x->dtype) {
    case HL_FLOAT32: prep->ins->p[1].p = (void *)factor_f32; break;
    case HL_FLOAT64: prep->ins->p[1].p = (void *)factor_f64; break;
    case HL_COMPLEX64: prep->ins->p[1].p = (void *)factor_c64; break;
    case HL_COMPLEX128: prep->ins->p[1].p = (void *)factor_c128; break;
    default: return hl_no_kernel(prep, NULL);
    }
    prep->scratch_bytes = BLOCK * p->n * prep->ins->p[0].i;
    prep->ins->fn = run_factor;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"triangular_solve", prepare_solve, sizeof(solve_params)},
    {"cholesky", prepare_factor, sizeof(solve_params)},
};

HL_FAMILY(triangular, table);
