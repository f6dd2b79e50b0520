/* Triangular matrices of one type: solutions, Cholesky's factor. Included by triangular.c for each type.
 *
 * Expects what triangular_tiles.h does, and PART (the type's real numbers), REAL_PART and ROOT.
 */
#include "triangular_tiles.h"

/* The same for one column: rows of coefficients that lie side by side are dots, columns that do are subtracted from what follows. */
static void NAME(substitute_column)(const NAME(coefficients) *a, bool lower, int64_t n, TYPE *x) {
    for (int64_t step = 0; step < n; step++) {
        const int64_t i = lower ? step : n - 1 - step;
        const int64_t first = lower ? 0 : i + 1, count = lower ? i : n - 1 - i;
        if (a->column == 1) {
            const TYPE *row = a->at + i * a->row + first;
            VEC sum[2] = {SPLAT(0), SPLAT(0)};
            int64_t k = 0;
            for (; k + 2 * LANES <= count; k += 2 * LANES)
#pragma GCC unroll 2
                for (int v = 0; v < 2; v++) sum[v] += LOAD(row + k + v * LANES) * LOAD(x + first + k + v * LANES);
            for (; k < count; k += LANES) {
                const int lanes = count - k < LANES ? (int)(count - k) : LANES;
                sum[0] += LOAD_PART(row + k, lanes) * LOAD_PART(x + first + k, lanes);
            }
            TYPE lane[LANES], total = 0;
            STORE(lane, sum[0] + sum[1]);
            for (int l = 0; l < LANES; l++) total += lane[l];
            x[i] = (x[i] - total) / a->at[i * (a->row + a->column)];
        } else {
            x[i] /= a->at[i * (a->row + a->column)];
            const int64_t rest = lower ? i + 1 : 0, end = lower ? n : i;
            const TYPE *column = a->at + i * a->column;
            const VEC known = SPLAT(x[i]);
            for (int64_t k = rest; k < end; k += LANES) {
                const int lanes = end - k < LANES ? (int)(end - k) : LANES;
                STORE_PART(x + k, LOAD_PART(x + k, lanes) - known * LOAD_PART(column + k, lanes), lanes);
            }
        }
    }
}

/* solution = the x of matrix x = right, or of its adjoint. False: a pivot is 0 or no number. */
static bool NAME(solve)(const solve_params *p, const void *matrix, const void *right, void *solution, void *scratch, hl_run *run,
                        int worker) {
    (void)scratch;
    const TYPE *m = matrix;
    TYPE *x = solution;
    if (p->columns == 0) return true;
    for (int64_t i = 0; i < p->n; i++) {
        const TYPE pivot = m[i * (p->n + 1)];
        if (pivot == 0 || pivot != pivot) return false;
    }
    const NAME(coefficients) a = {m, p->adjoint ? 1 : p->n, p->adjoint ? p->n : 1, p->adjoint};
    memmove(x, right, (size_t)(p->n * p->columns) * sizeof(TYPE));
    if (p->columns == 1 && LANES > 1) NAME(substitute_column)(&a, p->lower != p->adjoint, p->n, x);
    else NAME(substitute)(&a, p->lower != p->adjoint, p->n, x, p->columns, p->columns, run, worker);
    return true;
}

/* Factors the block of a row-major matrix at its diagonal. False: a pivot is not positive; one that is no number goes on. */
static bool NAME(factor_block)(TYPE *l, int64_t row, int64_t size) {
    for (int64_t j = 0; j < size; j++) {
        PART pivot = REAL_PART(l[j * row + j]);
        for (int64_t k = 0; k < j; k++) pivot -= REAL_PART(l[j * row + k] * CONJUGATE(l[j * row + k]));
        if (pivot <= 0) return false;
        const PART root = ROOT(pivot);
        l[j * row + j] = root;
        for (int64_t i = j + 1; i < size; i++) {
            TYPE x = l[i * row + j];
            for (int64_t k = 0; k < j; k++) x -= l[i * row + k] * CONJUGATE(l[j * row + k]);
            l[i * row + j] = x / root;
        }
    }
    return true;
}

/* factor = the lower triangle L with L times its adjoint being the matrix, of which the upper triangle is not looked at. Goes from
 * block to block: the rows below it, whose adjoint lies in scratch, are solved for and subtracted from what is right of them. */
static bool NAME(factor)(const solve_params *p, const void *matrix, const void *right, void *factor, void *scratch, hl_run *run,
                         int worker) {
    const int64_t n = p->n;
    (void)right;
    TYPE *l = factor, *panel = scratch;
    memmove(l, matrix, (size_t)(n * n) * sizeof(TYPE));
    for (int64_t b0 = 0; b0 < n && !hl_is_stopped_for(run, worker); b0 += BLOCK) {
        const int64_t b1 = b0 + BLOCK < n ? b0 + BLOCK : n, size = b1 - b0, rows = n - b1;
        if (!NAME(factor_block)(l + b0 * (n + 1), n, size)) return false;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t k = 0; k < size; k++) panel[k * rows + i] = CONJUGATE(l[(b1 + i) * n + b0 + k]);
        const NAME(coefficients) own = {l + b0 * (n + 1), n, 1, false}, below = {l + b1 * n + b0, n, 1, false};
        NAME(substitute)(&own, true, size, panel, rows, rows, run, worker);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t k = 0; k < size; k++) l[(b1 + i) * n + b0 + k] = CONJUGATE(panel[k * rows + i]);
        for (int64_t i = 0; i < rows; i += BLOCK) {
            const int64_t end = i + BLOCK < rows ? i + BLOCK : rows;
            NAME(subtract_product)(&below, i, size, panel, rows, l + (b1 + i) * n + b1, n, end - i, end);
        }
    }
    for (int64_t i = 0; i < n; i++) memset(l + i * n + i + 1, 0, (size_t)(n - i - 1) * sizeof(TYPE));
    return true;
}

#undef TYPE
#undef PART
#undef NAME
#undef VEC
#undef LANES
#undef LOAD
#undef LOAD_PART
#undef STORE
#undef STORE_PART
#undef SPLAT
#undef CONJUGATE
#undef REAL_PART
#undef ROOT
