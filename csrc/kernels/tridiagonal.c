/* Products with tridiagonal matrices and systems of their equations, for batches of matrices of real or complex numbers. */
#include <math.h>
#include <stdatomic.h>

#include "elementwise_types.h"
#include "complex_types.h"
#include "plan.h"
#include "pool.h"

enum { TASK_NS = 20000, ROWS_BETWEEN_LOOKS = 4096 };

typedef struct band_system {
    int64_t n, columns, matrices, per_task;
    double cost_ns;
    bool pivots;
} band_system;

typedef enum outcome { SOLVED, SINGULAR, WANTS_PIVOTS, STOPPED } outcome;
/* Makes one matrix of the result. A product has three diagonals, a system all of them in one operand. */
typedef outcome (*solve_fn)(const band_system *s, const void *diagonals, const void *right, void *result, void *scratch, hl_run *run,
                            int worker);
typedef outcome (*product_fn)(const band_system *s, const void *const *diagonals, const void *right, void *result, hl_run *run,
                              int worker);

#define SIZE_OF_NUMBER(x) _Generic((x), float: fabsf, double: fabs, float complex: cabsf, double complex: cabs)(x)
#define EACH_COLUMN IVDEP for (int64_t k = 0; k < s->columns; k++)
#define MAY_STOP(i) if ((i) % ROWS_BETWEEN_LOOKS == 0 && hl_is_stopped_for(run, worker)) return STOPPED

#define TRIDIAGONAL(tag, dtype, S, C, LOAD, STORE, unused)                                                                  \
    /* Elimination with the larger of two rows in front; `u` has what is left of the rows: three diagonals. */              \
    static outcome pivoting_##tag(const band_system *s, const void *diagonals, const void *right, void *result, void *scratch, \
                                  hl_run *run, int worker) {                                                                \
        const int64_t n = s->n;                                                                                             \
        const S *above = diagonals, *diagonal = above + n, *below = diagonal + n, *b = right;                               \
        S *x = result, *u0 = scratch, *u1 = u0 + n, *u2 = u1 + n;                                                           \
        u0[0] = diagonal[0];                                                                                                \
        u1[0] = above[0];                                                                                                   \
        EACH_COLUMN x[k] = b[k];                                                                                            \
        for (int64_t i = 0; i < n - 1; i++) {                                                                               \
            S *now = x + i * s->columns, *next = now + s->columns;                                                          \
            const S *own = b + (i + 1) * s->columns;                                                                        \
            MAY_STOP(i);                                                                                                    \
            if (SIZE_OF_NUMBER(u0[i]) >= SIZE_OF_NUMBER(below[i + 1])) {                                                    \
                if (u0[i] == 0) return SINGULAR;                                                                            \
                const S factor = below[i + 1] / u0[i];                                                                      \
                u0[i + 1] = diagonal[i + 1] - factor * u1[i];                                                               \
                EACH_COLUMN next[k] = own[k] - factor * now[k];                                                             \
                u1[i + 1] = above[i + 1];                                                                                   \
                u2[i] = 0;                                                                                                  \
            } else {                                                                                                        \
                const S factor = u0[i] / below[i + 1];                                                                      \
                u0[i + 1] = u1[i] - factor * diagonal[i + 1];                                                               \
                EACH_COLUMN {                                                                                               \
                    const S old = now[k];                                                                                   \
                    now[k] = own[k];                                                                                        \
                    next[k] = old - factor * own[k];                                                                        \
                }                                                                                                           \
                u0[i] = below[i + 1];                                                                                       \
                u1[i] = diagonal[i + 1];                                                                                    \
                u2[i] = i + 2 < n ? above[i + 1] : 0;                                                                       \
                u1[i + 1] = -factor * u2[i];                                                                                \
            }                                                                                                               \
        }                                                                                                                   \
        if (u0[n - 1] == 0) return SINGULAR;                                                                                \
        for (int64_t i = n - 1; i >= 0; i--) {                                                                              \
            S *now = x + i * s->columns;                                                                                    \
            const S *next = now + s->columns, *after = next + s->columns;                                                   \
            MAY_STOP(i);                                                                                                    \
            if (i == n - 1) EACH_COLUMN now[k] = now[k] / u0[i];                                                            \
            else if (i == n - 2) EACH_COLUMN now[k] = (now[k] - u1[i] * next[k]) / u0[i];                                   \
            else EACH_COLUMN now[k] = (now[k] - u1[i] * next[k] - u2[i] * after[k]) / u0[i];                                \
        }                                                                                                                   \
        return SOLVED;                                                                                                      \
    }                                                                                                                       \
    static outcome straight_##tag(const band_system *s, const void *diagonals, const void *right, void *result, void *scratch, \
                                  hl_run *run, int worker) {                                                                \
        const int64_t n = s->n;                                                                                             \
        const S *above = diagonals, *diagonal = above + n, *below = diagonal + n, *b = right;                               \
        S *x = result, *u = scratch;                                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                                                   \
            const S pivot = i ? diagonal[i] - below[i] * u[i - 1] : diagonal[0];                                            \
            S *now = x + i * s->columns;                                                                                    \
            const S *own = b + i * s->columns, *before = now - s->columns;                                                  \
            MAY_STOP(i);                                                                                                    \
            if (pivot == 0) return WANTS_PIVOTS;                                                                            \
            u[i] = above[i] / pivot;                                                                                        \
            if (i) EACH_COLUMN now[k] = (own[k] - below[i] * before[k]) / pivot;                                            \
            else EACH_COLUMN now[k] = own[k] / pivot;                                                                       \
        }                                                                                                                   \
        for (int64_t i = n - 2; i >= 0; i--) {                                                                              \
            S *now = x + i * s->columns;                                                                                    \
            const S *next = now + s->columns;                                                                               \
            MAY_STOP(i);                                                                                                    \
            EACH_COLUMN now[k] -= u[i] * next[k];                                                                           \
        }                                                                                                                   \
        return SOLVED;                                                                                                      \
    }                                                                                                                       \
    static outcome product_##tag(const band_system *s, const void *const *diagonals, const void *right, void *result,       \
                                 hl_run *run, int worker) {                                                                 \
        const S *above = diagonals[0], *diagonal = diagonals[1], *below = diagonals[2];                                     \
        for (int64_t i = 0; i < s->n; i++) {                                                                                \
            const S *own = (const S *)right + i * s->columns, *next = own + s->columns, *before = own - s->columns;         \
            const S a = above[i], d = diagonal[i], u = below[i];                                                            \
            S *out = (S *)result + i * s->columns;                                                                          \
            MAY_STOP(i);                                                                                                    \
            if (s->n == 1) EACH_COLUMN out[k] = d * own[k];                                                                 \
            else if (i == 0) EACH_COLUMN out[k] = d * own[k] + a * next[k];                                                 \
            else if (i == s->n - 1) EACH_COLUMN out[k] = u * before[k] + d * own[k];                                        \
            else EACH_COLUMN out[k] = u * before[k] + d * own[k] + a * next[k];                                             \
        }                                                                                                                   \
        return SOLVED;                                                                                                      \
    }
EACH_WIDE_FLOAT(TRIDIAGONAL, 0)
EACH_COMPLEX(TRIDIAGONAL, 0)

/* ---- running ---- */

typedef struct job {
    const band_system *s;
    void *const *arg;
    hl_run *run;
    int64_t size; /* of an element */
    void *fn;
    _Atomic int outcome;
} job;

static void solve_task(void *argument, int64_t chunk, int worker) {
    job *j = argument;
    const band_system *s = j->s;
    const int64_t end = (chunk + 1) * s->per_task < s->matrices ? (chunk + 1) * s->per_task : s->matrices;
    const int64_t band = 3 * s->n * j->size, side = s->n * s->columns * j->size;
    for (int64_t i = chunk * s->per_task; i < end && !j->outcome; i++) {
        const outcome found = ((solve_fn)j->fn)(s, (const char *)j->arg[0] + i * band, (const char *)j->arg[1] + i * side,
                                                (char *)j->arg[2] + i * side, j->run->scratch + worker * j->run->scratch_bytes,
                                                j->run, worker);
        if (found != SOLVED) j->outcome = found;
    }
}

static void product_task(void *argument, int64_t chunk, int worker) {
    job *j = argument;
    const band_system *s = j->s;
    const int64_t end = (chunk + 1) * s->per_task < s->matrices ? (chunk + 1) * s->per_task : s->matrices;
    const int64_t band = s->n * j->size, side = s->n * s->columns * j->size;
    for (int64_t i = chunk * s->per_task; i < end && !j->outcome; i++) {
        const void *diagonals[3];
        for (int d = 0; d < 3; d++) diagonals[d] = (const char *)j->arg[d] + i * band;
        const outcome found =
            ((product_fn)j->fn)(s, diagonals, (const char *)j->arg[3] + i * side, (char *)j->arg[4] + i * side, j->run, worker);
        if (found != SOLVED) j->outcome = found;
    }
}

static hl_status run_solve(const hl_instr *ins, hl_run *run) {
    const band_system *s = ins->p[2].p;
    job j = {.s = s, .arg = ins->arg, .run = run, .size = ins->p[0].i, .fn = ins->p[1].p};
    if (s->matrices == 0) return HL_OK;
    hl_parallel(run, (s->matrices + s->per_task - 1) / s->per_task, s->cost_ns, solve_task, &j);
    switch (j.outcome) {
    case SINGULAR:
        return hl_fail(run, HL_INVALID_ARGUMENT, "%s",
                       s->n == 1 ? "The matrix is not invertible: it is a scalar with value zero." : "The matrix is not invertible.");
    case WANTS_PIVOTS:
        return hl_fail(run, HL_INVALID_ARGUMENT, "%s",
                       s->n == 1 ? "The matrix is not invertible: it is a scalar with value zero."
                                 : "The matrix is either not invertible, or requires pivoting. Try setting partial_pivoting = True.");
    case STOPPED: return run->stopped;
    default: return HL_OK;
    }
}

static hl_status run_product(const hl_instr *ins, hl_run *run) {
    const band_system *s = ins->p[2].p;
    job j = {.s = s, .arg = hl_args(ins), .run = run, .size = ins->p[0].i, .fn = ins->p[1].p};
    if (s->matrices) hl_parallel(run, (s->matrices + s->per_task - 1) / s->per_task, s->cost_ns, product_task, &j);
    return j.outcome == STOPPED ? run->stopped : HL_OK;
}

/* ---- preparing ---- */

static band_system *prepare_sizes(hl_prepare *prep, const hl_tensor *right, double row_ns, double column_ns) {
    band_system *s = prep->params;
    s->n = right->dims[right->rank - 2];
    s->columns = right->dims[right->rank - 1];
    s->matrices = right->size ? right->size / (s->n * s->columns) : 0;
    const double each = 20 + (double)s->n * (row_ns + column_ns * (double)s->columns);
    s->per_task = each < TASK_NS ? (int64_t)(TASK_NS / each) : 1;
    s->cost_ns = prep->cost_ns = 5 + each * (double)s->matrices;
    prep->ins->p[0].i = (int64_t)hl_dtype_size(right->dtype);
    return s;
}

/* tridiagonal_solve: (diagonals above, on and below, right sides) -> solutions. Attribute: whether rows change places. */
#define SOLVE_CASE(tag, dtype, S, C, LOAD, STORE, unused) \
    case dtype: prep->ins->p[1].p = s->pivots ? (void *)pivoting_##tag : (void *)straight_##tag; break;
static hl_status prepare_solve(hl_prepare *prep) {
    band_system *s = prepare_sizes(prep, prep->in[1], 15, 1.5);
    s->pivots = prep->attr[0].i;
    switch (prep->out[0]->dtype) {
        EACH_WIDE_FLOAT(SOLVE_CASE, 0)
        EACH_COMPLEX(SOLVE_CASE, 0)
    default: return hl_no_kernel(prep, NULL);
    }
    prep->scratch_bytes = 3 * s->n * prep->ins->p[0].i;
    prep->ins->fn = run_solve;
    return HL_OK;
}

/* tridiagonal_product: (the three diagonals, matrices) -> their products. */
#define PRODUCT_CASE(tag, dtype, S, C, LOAD, STORE, unused) \
    case dtype: prep->ins->p[1].p = (void *)product_##tag; break;
static hl_status prepare_product(hl_prepare *prep) {
    prepare_sizes(prep, prep->in[3], 3, 0.3);
    switch (prep->out[0]->dtype) {
        EACH_WIDE_FLOAT(PRODUCT_CASE, 0)
        EACH_COMPLEX(PRODUCT_CASE, 0)
    default: return hl_no_kernel(prep, NULL);
    }
    prep->ins->fn = run_product;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"tridiagonal_solve", prepare_solve, sizeof(band_system)},
    {"tridiagonal_product", prepare_product, sizeof(band_system)},
};

HL_FAMILY(tridiagonal, table);
