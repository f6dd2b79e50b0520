/* Triangular matrices of one type: products in tiles, solutions, Cholesky's factor. Included by triangular.c for each type.
 *
 * Expects TYPE, PART (of its real numbers), NAME(x), VEC, LANES, LOAD, LOAD_PART, STORE, STORE_PART, SPLAT, CONJUGATE, REAL_PART
 * and ROOT.
 */

/* A matrix of coefficients: element (i, k) is at[i * row + k * column], conjugated where it is an adjoint's. */
typedef struct NAME(coefficients) {
    const TYPE *at;
    int64_t row, column;
    bool conjugated;
} NAME(coefficients);

SIMD_INLINE TYPE NAME(coefficient)(const NAME(coefficients) *a, int64_t i, int64_t k) {
    const TYPE x = a->at[i * a->row + k * a->column];
    return a->conjugated ? CONJUGATE(x) : x;
}

/* c[i, j] -= the sum over k of a(i, k) b[k, j], for a tile that stays in registers; its last vector has `lanes` columns. */
SIMD_INLINE void NAME(tile)(const int rows, const int vectors, const bool part, const NAME(coefficients) *a, int64_t i0,
                            int64_t k_size, const TYPE *b, int64_t b_row, TYPE *c, int64_t c_row, int lanes) {
#define IS_PART (part && v == vectors - 1)
    VEC sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sum[i][v] = IS_PART ? LOAD_PART(c + i * c_row + v * LANES, lanes) : LOAD(c + i * c_row + v * LANES);
    for (int64_t k = 0; k < k_size; k++, b += b_row) {
        VEC b_part[TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) b_part[v] = IS_PART ? LOAD_PART(b + v * LANES, lanes) : LOAD(b + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            const VEC x = SPLAT(NAME(coefficient)(a, i0 + i, k));
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sum[i][v] -= x * b_part[v];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            if (IS_PART) STORE_PART(c + i * c_row + v * LANES, sum[i][v], lanes);
            else STORE(c + i * c_row + v * LANES, sum[i][v]);
        }
#undef IS_PART
}

/* The same for all of c [rows, columns]. Row i0 of the coefficients belongs to the first of c. */
static void NAME(subtract_product)(const NAME(coefficients) *a, int64_t i0, int64_t k_size, const TYPE *b, int64_t b_row, TYPE *c,
                                   int64_t c_row, int64_t rows, int64_t columns) {
    if (k_size == 0) return;
    for (int64_t j = 0; j < columns;) {
        const int64_t left = columns - j;
        const int vectors = left > LANES ? 2 : 1, lanes = (int)(left >= vectors * LANES ? LANES : left - (vectors - 1) * LANES);
#define RUN_TILE(rows, vectors, part) \
    NAME(tile)(rows, vectors, part, a, i0 + i, k_size, b + j, b_row, c + i * c_row + j, c_row, lanes)
#define RUN_ROWS(rows)                                                                                                \
    (lanes < LANES ? vectors == 2 ? RUN_TILE(rows, 2, true) : RUN_TILE(rows, 1, true)                                   \
                   : vectors == 2 ? RUN_TILE(rows, 2, false) : RUN_TILE(rows, 1, false))
        int64_t i = 0;
        for (; i + TILE_ROWS <= rows; i += TILE_ROWS) RUN_ROWS(TILE_ROWS);
        for (; i < rows; i++) RUN_ROWS(1);
        j += vectors * LANES;
    }
#undef RUN_TILE
#undef RUN_ROWS
}

static void NAME(divide_row)(TYPE *row, int64_t columns, TYPE pivot) {
    for (int64_t j = 0; j < columns; j++) row[j] /= pivot;
}

/* x [n, columns] becomes the solution of a x = x, block after block: what is known of it is subtracted in tiles. */
static void NAME(substitute)(const NAME(coefficients) *a, bool lower, int64_t n, TYPE *x, int64_t x_row, int64_t columns, hl_run *run,
                             int worker) {
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    for (int64_t block = 0; block < blocks && !hl_is_stopped_for(run, worker); block++) {
        const int64_t at = lower ? block : blocks - 1 - block;
        const int64_t i0 = at * BLOCK, i1 = i0 + BLOCK < n ? i0 + BLOCK : n;
        const NAME(coefficients) known = {a->at + (lower ? 0 : i1) * a->column, a->row, a->column, a->conjugated};
        NAME(subtract_product)(&known, i0, lower ? i0 : n - i1, x + (lower ? 0 : i1) * x_row, x_row, x + i0 * x_row, x_row, i1 - i0, columns);
        for (int64_t step = i0; step < i1; step++) {
            const int64_t i = lower ? step : i1 - 1 - (step - i0);
            const int64_t first = lower ? i0 : i + 1, end = lower ? i : i1;
            const NAME(coefficients) own = {a->at + first * a->column, a->row, a->column, a->conjugated};
            NAME(subtract_product)(&own, i, end - first, x + first * x_row, x_row, x + i * x_row, x_row, 1, columns);
            NAME(divide_row)(x + i * x_row, columns, NAME(coefficient)(a, i, i));
        }
    }
}

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
