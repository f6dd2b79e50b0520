/* Matrix products of one real type, included by gemm.c once for float and once for double.
 *
 * C is made in panels of `vectors` vectors of columns; in a panel, tiles of up to ROWS rows are kept in registers while
 * k runs. Every element of C is one chain of multiply-adds in ascending k, cut at multiples of a block size that depends
 * on K alone: so the result is the same however the matrix is cut into panels, tiles and tasks. A product of a single
 * narrow row is never cut, and has four chains.
 *
 * Expects REAL, VEC, LANES, NAME(x), LOAD, LOAD_PART, STORE, STORE_PART, SPLAT, TRANSPOSE, EVEN_LANES, ODD_LANES.
 */

/* What the tiles of one panel have in common. */
typedef struct NAME(panel) {
    int64_t k;
    int64_t a_stride; /* between rows of A where they are read by row, else between its columns */
    int64_t b_stride;
    int64_t c_stride;
    bool accumulate;
    int last_lanes; /* of the last vector */
} NAME(panel);

typedef void (*NAME(tile_fn))(const NAME(panel) *panel, const REAL *a, const REAL *b, REAL *c);

SIMD_INLINE void NAME(tile)(const int rows, const int vectors, const bool by_row, const bool part,
                            const NAME(panel) *panel, const REAL *a, const REAL *b, REAL *c) {
    VEC sum[2 * ROWS][MAX_VECTORS];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[i][v] = (VEC){0};
    const int64_t a_stride = panel->a_stride, b_stride = panel->b_stride;
    const int lanes = panel->last_lanes;
    /* A base for each three rows: x86 addresses base, base + stride and base + 2 strides for free. */
    const REAL *base[(2 * ROWS + 2) / 3];
#pragma GCC unroll 4
    for (int g = 0; g < (rows + 2) / 3; g++) base[g] = a + 3 * g * a_stride;
    for (int64_t k = panel->k; k > 0; k--) {
        VEC b_row[MAX_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            b_row[v] = part && SIMD_FREE_MASKS && v == vectors - 1 ? LOAD_PART(b + v * LANES, lanes)
                                                                   : LOAD(b + v * LANES);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            const VEC x = SPLAT(by_row ? base[i / 3][i % 3 * a_stride] : a[i]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sum[i][v] += x * b_row[v];
        }
        if (by_row) {
#pragma GCC unroll 4
            for (int g = 0; g < (rows + 2) / 3; g++) base[g]++;
        } else {
            a += a_stride;
        }
        b += b_stride;
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            REAL *to = c + i * panel->c_stride + v * LANES;
            if (part && v == vectors - 1) {
                STORE_PART(to, panel->accumulate ? LOAD_PART(to, lanes) + sum[i][v] : sum[i][v], lanes);
            } else {
                STORE(to, panel->accumulate ? LOAD(to) + sum[i][v] : sum[i][v]);
            }
        }
}

#define TILE(rows, vectors, layout, by_row, width, part)                                                        \
    static void NAME(tile_##rows##x##vectors##layout##width)(const NAME(panel) *panel, const REAL *a,           \
                                                             const REAL *b, REAL *c) {                          \
        NAME(tile)(rows, vectors, by_row, part, panel, a, b, c);                                                \
    }
#define TILES_OF_ROWS(rows, layout, by_row) \
    TILE(rows, 1, layout, by_row, part, true) TILE(rows, 1, layout, by_row, full, false) \
    TILE(rows, 2, layout, by_row, full, false)
#if MAX_VECTORS == 4
#define TILES(rows, layout, by_row) TILES_OF_ROWS(rows, layout, by_row) TILE(rows, 4, layout, by_row, full, false)
#define TILE_NAMES(rows, layout)                                                                         \
    {NAME(tile_##rows##x1##layout##part), NAME(tile_##rows##x1##layout##full), NAME(tile_##rows##x2##layout##full), \
     NAME(tile_##rows##x4##layout##full)}
#else
#define TILES(rows, layout, by_row) TILES_OF_ROWS(rows, layout, by_row)
#define TILE_NAMES(rows, layout) \
    {NAME(tile_##rows##x1##layout##part), NAME(tile_##rows##x1##layout##full), NAME(tile_##rows##x2##layout##full)}
#endif
TILES(1, _row, true) TILES(2, _row, true) TILES(3, _row, true) TILES(4, _row, true)
TILES(1, _col, false) TILES(2, _col, false) TILES(3, _col, false) TILES(4, _col, false)
#if ROWS == 6
TILES(5, _row, true) TILES(6, _row, true) TILES(5, _col, false) TILES(6, _col, false)
TILE(12, 1, _row, true, part, true) TILE(12, 1, _row, true, full, false)
TILE(12, 1, _col, false, part, true) TILE(12, 1, _col, false, full, false)
#if MAX_VECTORS == 4
TILE(12, 2, _row, true, full, false) TILE(12, 2, _col, false, full, false)
#endif
#endif

/* By layout of A, rows - 1, and width: part of one vector, one, two, four. */
static const NAME(tile_fn) NAME(tiles)[2][ROWS][WIDTHS] = {
    {TILE_NAMES(1, _row), TILE_NAMES(2, _row), TILE_NAMES(3, _row), TILE_NAMES(4, _row),
#if ROWS == 6
     TILE_NAMES(5, _row), TILE_NAMES(6, _row),
#endif
    },
    {TILE_NAMES(1, _col), TILE_NAMES(2, _col), TILE_NAMES(3, _col), TILE_NAMES(4, _col),
#if ROWS == 6
     TILE_NAMES(5, _col), TILE_NAMES(6, _col),
#endif
    },
};
/* Tiles of twice as many rows, for panels narrow enough; NULL where the registers do not suffice. */
static const NAME(tile_fn) NAME(tall_tiles)[2][WIDTHS] = {
#if ROWS == 6 && MAX_VECTORS == 4
    {NAME(tile_12x1_rowpart), NAME(tile_12x1_rowfull), NAME(tile_12x2_rowfull), NULL},
    {NAME(tile_12x1_colpart), NAME(tile_12x1_colfull), NAME(tile_12x2_colfull), NULL},
#elif ROWS == 6
    {NAME(tile_12x1_rowpart), NAME(tile_12x1_rowfull), NULL},
    {NAME(tile_12x1_colpart), NAME(tile_12x1_colfull), NULL},
#else
    {NULL}, {NULL},
#endif
};

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

/* Copies k rows of a panel of B so that they lie `width` apart, a multiple of LANES. The columns that fill it up are
 * never stored to C: they may hold anything finite or not. */
static void NAME(pack_b)(const gemm *g, const REAL *b, int64_t k, int64_t columns, int64_t width, REAL *to) {
    if (g->b_column == 1) {
        for (int64_t i = 0; i < k; i++, b += g->b_k, to += width) {
            int64_t j = 0;
            for (; j + LANES <= columns; j += LANES) STORE(to + j, LOAD(b + j));
            if (j < columns) STORE(to + j, LOAD_PART(b + j, (int)(columns - j)));
        }
        return;
    }
    for (int64_t j = 0; j < columns; j += LANES)
        for (int64_t i = 0; i < k; i += LANES) {
            const REAL *from = b + j * g->b_column + i;
            if (k - i >= LANES)
                NAME(transpose_block)(from, g->b_column, columns - j, LANES, to + i * width + j, width);
            else
                NAME(transpose_block)(from, g->b_column, columns - j, (int)(k - i), to + i * width + j, width);
        }
}

/* Copies k rows of A stored transposed into tiles of ROWS: tile, k, row. Goes by blocks of few rows, so that lines
 * that are powers of two apart do not push each other out of the cache. */
static void NAME(pack_a)(const gemm *g, const REAL *a, int64_t rows, int64_t k, REAL *to) {
    enum { K_STEP = 8, ROW_STEP = 16 * ROWS };
    for (int64_t k0 = 0; k0 < k; k0 += K_STEP) {
        const int64_t k1 = k - k0 < K_STEP ? k : k0 + K_STEP;
        for (int64_t block = 0; block < rows; block += ROW_STEP) {
            const int64_t end = rows - block < ROW_STEP ? rows : block + ROW_STEP;
            for (int64_t row = block; row < end; row += ROWS) {
                const REAL *from = a + row + k0 * g->a_k;
                REAL *tile = to + row * k + k0 * ROWS;
                if (end - row >= ROWS) {
                    for (int64_t i = k0; i < k1; i++, from += g->a_k, tile += ROWS) memcpy(tile, from, ROWS * sizeof(REAL));
                } else {
                    const size_t bytes = (size_t)(end - row) * sizeof(REAL);
                    for (int64_t i = k0; i < k1; i++, from += g->a_k, tile += ROWS) memcpy(tile, from, bytes);
                }
            }
        }
    }
}

/* The tiles of one panel, from top to bottom. */
static void NAME(run_panel)(const NAME(panel) *panel, int width, bool by_row, bool packed, int64_t rows, int64_t a_row,
                            const REAL *a, const REAL *b, REAL *c) {
    const NAME(tile_fn) tall = packed ? NULL : NAME(tall_tiles)[!by_row][width];
    if (tall)
        for (; rows >= 2 * ROWS; rows -= 2 * ROWS) {
            tall(panel, a, b, c);
            a += 2 * ROWS * a_row;
            c += 2 * ROWS * panel->c_stride;
        }
    int64_t tiles = (rows + ROWS - 1) / ROWS;
    while (tiles > 0) {
        int64_t height = packed ? (rows < ROWS ? rows : ROWS) : (rows + tiles - 1) / tiles;
        NAME(tiles)[!by_row][height - 1][width](panel, a, b, c);
        a += packed ? ROWS * panel->k : height * a_row;
        c += height * panel->c_stride;
        rows -= height;
        tiles--;
    }
}

/* C[m0:m1, n0:n1] of one product. */
static void NAME(block)(const gemm *g, const REAL *a, const REAL *b, REAL *c, int64_t m0, int64_t m1, int64_t n0,
                        int64_t n1, char *scratch) {
    REAL *packed_b = (REAL *)scratch, *packed_a = packed_b + g->k_block * MAX_VECTORS * LANES;
    const bool by_row = g->a_k == 1 && g->m > 1;
    a += m0 * g->a_row;
    c += m0 * g->c_row;
    for (int64_t k0 = 0; k0 < g->k; k0 += g->k_block) {
        NAME(panel) panel = {.k = g->k - k0 < g->k_block ? g->k - k0 : g->k_block,
                             .a_stride = g->pack_a ? ROWS : by_row ? g->a_row : g->a_k,
                             .c_stride = g->c_row,
                             .accumulate = k0 > 0 || g->accumulate};
        const REAL *a_block = a + k0 * g->a_k;
        if (g->pack_a) NAME(pack_a)(g, a_block, m1 - m0, panel.k, packed_a), a_block = packed_a;
        for (int64_t n = n0; n < n1;) {
            int vectors = MAX_VECTORS, width = WIDTHS - 1;
            while (vectors > 1 && n1 - n < vectors * LANES) vectors /= 2, width--;
            int64_t columns = n1 - n < vectors * LANES ? n1 - n : vectors * LANES;
            panel.last_lanes = LANES;
            if (columns < LANES) width = 0, panel.last_lanes = (int)columns;
            const REAL *b_panel = b + k0 * g->b_k + n * g->b_column;
            panel.b_stride = g->b_k;
            if (g->pack_b || (columns < LANES && !SIMD_FREE_MASKS)) {
                panel.b_stride = vectors * LANES;
                NAME(pack_b)(g, b_panel, panel.k, columns, panel.b_stride, packed_b);
                b_panel = packed_b;
            }
            NAME(run_panel)(&panel, width, by_row && !g->pack_a, g->pack_a, m1 - m0, g->a_row, a_block, b_panel, c + n);
            n += columns;
        }
    }
}

/* out[m] (+)= rows[m] . x for rows apart by row_stride: LANES sums at a time, added up by a tree of shuffles. */
static void NAME(dots)(const REAL *rows, int64_t row_stride, const REAL *x, REAL *out, int64_t out_stride, int64_t m,
                       int64_t k, bool accumulate) {
    for (int64_t m0 = 0; m0 < m; m0 += LANES) {
        const int count = m - m0 < LANES ? (int)(m - m0) : LANES;
        const REAL *row[LANES];
        VEC sum[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) {
            row[i] = rows + (m0 + (i < count ? i : 0)) * row_stride;
            sum[i] = (VEC){0};
        }
        int64_t j = 0;
        for (; j + LANES <= k; j += LANES) {
            const VEC factor = LOAD(x + j);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) sum[i] += LOAD(row[i] + j) * factor;
        }
        if (j < k) {
            const int rest = (int)(k - j);
            const VEC factor = LOAD_PART(x + j, rest);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) sum[i] += LOAD_PART(row[i] + j, rest) * factor;
        }
#pragma GCC unroll 4
        for (int half = LANES / 2; half >= 1; half /= 2)
#pragma GCC unroll 8
            for (int i = 0; i < half; i++)
                sum[i] = EVEN_LANES(sum[2 * i], sum[2 * i + 1]) + ODD_LANES(sum[2 * i], sum[2 * i + 1]);
        const VEC total = sum[0];
        REAL *to = out + m0 * out_stride;
        if (out_stride == 1) {
            VEC old = accumulate ? LOAD_PART(to, count) : (VEC){0};
            STORE_PART(to, old + total, count);
        } else {
            for (int i = 0; i < count; i++) to[i * out_stride] = (accumulate ? to[i * out_stride] : 0) + total[i];
        }
    }
}

/* One row of C, no wider than a vector: four chains over k instead of one, whose multiply-adds wait for each other. */
static void NAME(single_row)(const gemm *g, const REAL *a, const REAL *b, REAL *c) {
    enum { CHAINS = 4 };
    const int lanes = (int)g->n;
    VEC sum[CHAINS] = {{0}};
    int64_t k = 0;
    for (; k + CHAINS <= g->k; k += CHAINS, a += CHAINS * g->a_k, b += CHAINS * g->b_k)
#pragma GCC unroll 4
        for (int i = 0; i < CHAINS; i++) sum[i] += SPLAT(a[i * g->a_k]) * LOAD_PART(b + i * g->b_k, lanes);
    for (; k < g->k; k++, a += g->a_k, b += g->b_k) sum[0] += SPLAT(*a) * LOAD_PART(b, lanes);
    const VEC total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    STORE_PART(c, g->accumulate ? LOAD_PART(c, lanes) + total : total, lanes);
}

static void NAME(one)(const gemm *g, const char *a, const char *b, char *c, int64_t m0, int64_t m1, int64_t n0,
                      int64_t n1, char *scratch) {
    if (g->dots)
        NAME(dots)((const REAL *)a + m0 * g->a_row, g->a_row, (const REAL *)b, (REAL *)c + m0 * g->c_row, g->c_row,
                   m1 - m0, g->k, g->accumulate);
    else if (g->single_row)
        NAME(single_row)(g, (const REAL *)a, (const REAL *)b, (REAL *)c);
    else
        NAME(block)(g, (const REAL *)a, (const REAL *)b, (REAL *)c, m0, m1, n0, n1, scratch);
}

#undef TILE
#undef TILES_OF_ROWS
#undef TILES
#undef TILE_NAMES
#undef REAL
#undef VEC
#undef LANES
#undef NAME
#undef LOAD
#undef LOAD_PART
#undef STORE
#undef STORE_PART
#undef SPLAT
#undef TRANSPOSE
#undef EVEN_LANES
#undef ODD_LANES
