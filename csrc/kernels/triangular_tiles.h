/* Products in tiles and substitution for triangular matrices of one type. Included for each type by triangular_kernel.h and lu_kernel.h.
 *
 * Expects TYPE, NAME(x), VEC, LANES, LOAD, LOAD_PART, STORE, STORE_PART, SPLAT and CONJUGATE.
 */
#ifndef HOOKLOOP_TRIANGULAR_TILES_H
#define HOOKLOOP_TRIANGULAR_TILES_H
enum {
    BLOCK = 16, /* rows that are solved for together; the work inside a block is not vectorised */
    TILE_ROWS = 4,
    TILE_VECTORS = 2,
};
#define SAME(x) (x)
#endif

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
