/* Copies of panels of B and of tiles of A that lie as the tiles read them; included by gemm_kernel.h, once for each type. */

/* The transposition of a block of LANES rows of `count` elements (LANES for all), rows apart by `stride`. */
SIMD_INLINE void NAME(transpose_block)(const REAL *from, int64_t stride, int64_t rows, int count, REAL *to,
                                       int64_t to_stride) {
    VEC row[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        const REAL *source = from + (i < rows ? i : 0) * stride;
        row[i] = count == LANES ? LOAD(source) : LOAD_PART(source, count);
    }
    TRANSPOSE(row);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (i < count) STORE(to + i * to_stride, row[i]);
}

/* The same for a `count` for which a vector would be mostly empty. */
SIMD_INLINE void NAME(transpose_few)(const REAL *from, int64_t stride, int64_t rows, int count, REAL *to, int64_t to_stride) {
    for (int c = 0; c < count; c++) {
        VEC row;
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) row[i] = from[(i < rows ? i : 0) * stride + c];
        STORE(to + c * to_stride, row);
    }
}

/* Copies k rows of a panel of B so that they lie `width` apart, a multiple of LANES. The columns that fill it up are
 * never stored to C: they may hold anything finite or not. */
static void NAME(pack_b)(const product *p, const REAL *b, int64_t k, int64_t columns, int64_t width, REAL *to) {
    if (p->b.column == 1) {
        for (int64_t i = 0; i < k; i++, b += p->b.row, to += width) {
            int64_t j = 0;
            for (; j + LANES <= columns; j += LANES) STORE(to + j, LOAD(b + j));
            if (j < columns) STORE(to + j, LOAD_PART(b + j, (int)(columns - j)));
        }
        return;
    }
    for (int64_t j = 0; j < columns; j += LANES)
        for (int64_t i = 0; i < k; i += LANES) {
            const REAL *from = b + j * p->b.column + i;
            if (k - i >= LANES)
                NAME(transpose_block)(from, p->b.column, columns - j, LANES, to + i * width + j, width);
            else if (k - i <= LANES / 8)
                NAME(transpose_few)(from, p->b.column, columns - j, (int)(k - i), to + i * width + j, width);
            else
                NAME(transpose_block)(from, p->b.column, columns - j, (int)(k - i), to + i * width + j, width);
        }
}

/* Copies k rows of A stored transposed into tiles of ROWS: tile, k, row. Goes by blocks of few rows, so that lines
 * that are powers of two apart do not push each other out of the cache. */
static void NAME(pack_a)(const product *p, const REAL *a, int64_t rows, int64_t k, REAL *to) {
    enum { K_STEP = 8, ROW_STEP = 16 * ROWS };
    for (int64_t k0 = 0; k0 < k; k0 += K_STEP) {
        const int64_t k1 = k - k0 < K_STEP ? k : k0 + K_STEP;
        for (int64_t block = 0; block < rows; block += ROW_STEP) {
            const int64_t end = rows - block < ROW_STEP ? rows : block + ROW_STEP;
            for (int64_t row = block; row < end; row += ROWS) {
                const REAL *from = a + row + k0 * p->a.column;
                REAL *tile = to + row * k + k0 * ROWS;
                if (!SIMD_FREE_MASKS && LANES > ROWS && rows - row >= LANES) {
                    /* What a vector has beyond the tile's rows lies where those of the next k go. */
                    int64_t i = k0;
                    for (; i < k1 - (k1 == k); i++, from += p->a.column, tile += ROWS) STORE(tile, LOAD(from));
                    if (k1 == k) memcpy(tile, from, ROWS * sizeof(REAL));
                } else if (end - row >= ROWS) {
                    for (int64_t i = k0; i < k1; i++, from += p->a.column, tile += ROWS) memcpy(tile, from, ROWS * sizeof(REAL));
                } else {
                    const size_t bytes = (size_t)(end - row) * sizeof(REAL);
                    for (int64_t i = k0; i < k1; i++, from += p->a.column, tile += ROWS) memcpy(tile, from, bytes);
                }
            }
        }
    }
}

#if !SIMD_FREE_MASKS
/* Copies k rows of as many panels of B as `columns` are, a row of all of them at a time, to one place for each panel: long pieces
 * of each row, asked for ahead, where a panel's own are a line of the cache. */
static void NAME(pack_group)(const REAL *b, int64_t b_row, int64_t k, int64_t columns, REAL *to) {
    enum { COLUMNS = MAX_VECTORS * LANES, AHEAD = 8, LINE = 64 / sizeof(REAL) };
    for (int64_t i = 0; i < k; i++, b += b_row, to += COLUMNS) {
        const REAL *next = b + (i + AHEAD < k ? AHEAD : 0) * b_row;
        for (int64_t j = 0; j < columns; j += LINE) __builtin_prefetch(next + j);
        for (int64_t j = 0; j < columns; j += COLUMNS)
#pragma GCC unroll 4
            for (int v = 0; v < MAX_VECTORS; v++) STORE(to + j * k + v * LANES, LOAD(b + j + v * LANES));
    }
}

/* Copies rows of an A that lies along k into tiles of ROWS, as pack_a does: a tile, k and row. The rows that fill up the last
 * tile are copies of another one. */
static void NAME(pack_a_rows)(const REAL *a, int64_t a_row, int64_t rows, int64_t k, REAL *to) {
    for (int64_t m = 0; m < rows; m += ROWS, a += ROWS * a_row, to += ROWS * k) {
        const REAL *next = a + (m + 2 * ROWS <= rows ? ROWS : 0) * a_row;
        int64_t i = 0;
        for (; i + LANES <= k; i += LANES) {
            for (int64_t j = 0; j < (i % (2 * LANES) ? 0 : ROWS); j++) __builtin_prefetch(next + j * a_row + i);
            /* A vector that reaches into the next column's rows is stored before them: the last rows first. */
#pragma GCC unroll 2
            for (int first = (ROWS - 1) / LANES * LANES; first >= 0; first -= LANES) {
                VEC row[LANES];
#pragma GCC unroll 16
                for (int j = 0; j < LANES; j++) {
                    const int64_t at = first + j < ROWS && m + first + j < rows ? first + j : 0;
                    row[j] = LOAD(a + at * a_row + i);
                }
                TRANSPOSE(row);
#pragma GCC unroll 16
                for (int j = 0; j < LANES; j++) STORE(to + (i + j) * ROWS + first, row[j]);
            }
        }
        for (; i < k; i++)
            for (int64_t j = 0; j < ROWS; j++) to[i * ROWS + j] = a[(m + j < rows ? j : 0) * a_row + i];
    }
}
#endif
