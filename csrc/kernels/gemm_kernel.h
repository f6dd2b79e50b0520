/* Matrix products of one real type, included by gemm.c once for float and once for double.
 *
 * C is made in panels of `vectors` vectors of columns; in a panel, tiles of up to ROWS rows are kept in registers while
 * k runs. Every element of C is one chain of multiply-adds in ascending k, cut at multiples of a block size that depends
 * on K alone: so the result is the same however the matrix is cut into panels, tiles and tasks, and whether the blocks of
 * k are added one after the other or made by several threads and added then. A product of a single narrow row is never cut,
 * and has four chains; a few last columns of C, or all where there are few, for which a vector would be mostly empty, are dots,
 * whose chains run in a vector's lanes. All this is told by sizes, which also say how C is cut into tasks.
 *
 * In the names of float_names.h.
 */
#include "epilogue_kernel.h"

/* What the tiles of one panel have in common. */
typedef struct NAME(panel) {
    int64_t k;
    int64_t a_stride; /* between rows of A where they are read by row, else between its columns */
    int64_t b_stride;
    int64_t c_stride;
    int64_t start_stride; /* of what the sum starts from */
    int last_lanes;       /* of the last vector */
    bool clamps;          /* a first step STEP_RELU is made in the registers */
    bool filled_up;       /* B is packed, its last vector whole */
    const REAL *gate;     /* the operand of a first step STEP_RELU_GRAD that is made there, at the tile's first element; or NULL */
    int64_t gate_stride;
    REAL rate;            /* of tiles that update C */
    REAL *sums;           /* of B's columns, made by the first tile */
    REAL *packed;         /* where the first tile copies the rows of B for those that follow; or NULL */
    const REAL *next;     /* the rows of B of the panel that comes next, which the last tiles ask for, a vector each; or NULL */
    int64_t next_stride;
    bool asks_for_rows;   /* each tile asks for the rows of A that the next one takes */
} NAME(panel);

/* start: what the sum starts from, C itself where it is continued, or NULL. */
typedef void (*NAME(tile_fn))(const NAME(panel) *panel, const REAL *a, const REAL *b, const REAL *start, REAL *c);

/* To sum B the last row of A is ones: its row of C are the sums of B's columns. */
SIMD_INLINE void NAME(tile)(const int rows, const int vectors, const layout layout, const bool part, const beside beside,
                            const NAME(panel) *panel, const REAL *a, const REAL *b, const REAL *start, REAL *c) {
    const bool ones = beside == SUM_B, by_row = layout == ROW_BY_ROW, updates = layout == UPDATING;
    VEC sum[2 * ROWS][MAX_VECTORS];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[i][v] = (VEC){0};
    const int64_t a_stride = panel->a_stride, b_stride = panel->b_stride;
    const int lanes = panel->last_lanes;
    REAL *packed = panel->packed;
    const REAL *next = panel->next;
    /* A base for each three rows: x86 addresses base, base + stride and base + 2 strides for free. */
    const REAL *base[(2 * ROWS + 2) / 3];
#pragma GCC unroll 4
    for (int g = 0; g < (rows + 2) / 3; g++) base[g] = a + 3 * g * a_stride;
    const REAL *second = a + ROWS * panel->k;
    if (updates) { /* C is wanted behind the products */
#pragma GCC unroll 12
        for (int i = 0; i < rows - ones; i++) __builtin_prefetch(c + i * panel->c_stride, 1);
    }
#define ADD_PRODUCTS(by_mask)                                                                                              \
    for (int64_t k = panel->k; k > 0; k--) {                                                                               \
        VEC b_row[MAX_VECTORS];                                                                                            \
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++)                                                          \
            b_row[v] = (by_mask) && v == vectors - 1 ? LOAD_PART(b + v * LANES, lanes) : LOAD(b + v * LANES);              \
        if (beside == ASK_FOR_NEXT) {                                                                                      \
            __builtin_prefetch(next);                                                                                      \
            next += panel->next_stride;                                                                                    \
        }                                                                                                                  \
        if (beside == PACK_B) {                                                                                            \
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) STORE(packed + v * LANES, b_row[v]);                 \
            packed += vectors * LANES;                                                                                     \
        }                                                                                                                  \
        _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++) {                                                          \
            const bool one = ones && i == rows - 1;                                                                        \
            const VEC x = one ? (VEC){0} : SPLAT(by_row ? base[i / 3][i % 3 * a_stride]                                    \
                                                 : layout == TWO_TILES && i >= ROWS ? second[i - ROWS] : a[i]);            \
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++)                                                      \
                sum[i][v] = one ? sum[i][v] + b_row[v] : sum[i][v] + x * b_row[v];                                         \
        }                                                                                                                  \
        if (by_row) {                                                                                                      \
            _Pragma("GCC unroll 4") for (int g = 0; g < (rows + 2) / 3; g++) base[g]++;                                    \
        } else {                                                                                                           \
            a += a_stride, second += a_stride;                                                                             \
        }                                                                                                                  \
        b += b_stride;                                                                                                     \
    }
    if (PART_LOADS && part && panel->filled_up) { /* a load by a mask takes the place of a multiply-add, and comes late to a fresh copy */
        ADD_PRODUCTS(false)
    } else {
        ADD_PRODUCTS(part && PART_LOADS)
    }
#undef ADD_PRODUCTS
#define EACH_SUM(...)                                                   \
    _Pragma("GCC unroll 12") for (int i = 0; i < rows - ones; i++)      \
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {     \
            const bool is_part = part && v == vectors - 1;              \
            (void)is_part;                                              \
            __VA_ARGS__                                                 \
        }
    if (updates) {
        EACH_SUM(const REAL *from = c + i * panel->c_stride + v * LANES;
                 sum[i][v] = (is_part ? LOAD_PART(from, lanes) : LOAD(from)) - panel->rate * sum[i][v];)
    } else if (start) {
        EACH_SUM(const REAL *from = start + i * panel->start_stride + v * LANES;
                 sum[i][v] += is_part ? LOAD_PART(from, lanes) : LOAD(from);)
    }
    if (updates) {
    } else if (panel->clamps) {
        EACH_SUM(sum[i][v] = NAME(relu_step)(sum[i][v]);)
    } else if (panel->gate) {
        EACH_SUM(const REAL *from = panel->gate + i * panel->gate_stride + v * LANES;
                 const VEC y = is_part ? LOAD_PART(from, lanes) : LOAD(from);
                 sum[i][v] = NAME(relu_grad_step)(sum[i][v], y);)
    }
    EACH_SUM(REAL *to = c + i * panel->c_stride + v * LANES;
             if (is_part) STORE_PART(to, sum[i][v], lanes);
             else STORE(to, sum[i][v]);)
#undef EACH_SUM
    for (int v = 0; v < (ones ? vectors : 0); v++) STORE(panel->sums + v * LANES, sum[rows - 1][v]);
}

/* A strip of a single row of C: wide, because each row of B is read once and should be read in long pieces, and because
 * multiply-adds of few vectors wait for each other. */
SIMD_INLINE void NAME(row_strip)(const int vectors, const NAME(panel) *panel, const REAL *a, const REAL *b, const REAL *start, REAL *c) {
    const int last = vectors - 1, lanes = panel->last_lanes;
    VEC sum[STRIP];
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++) sum[v] = (VEC){0};
    for (int64_t k = panel->k; k > 0; k--, a += panel->a_stride, b += panel->b_stride) {
        const VEC x = SPLAT(*a);
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            sum[v] += x * (SIMD_FREE_MASKS && v == last ? LOAD_PART(b + v * LANES, lanes) : LOAD(b + v * LANES));
    }
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++) {
        const int count = SIMD_FREE_MASKS && v == last ? lanes : LANES;
        STORE_PART(c + v * LANES, start ? LOAD_PART(start + v * LANES, count) + sum[v] : sum[v], count);
    }
}
#define ROW_STRIP(vectors)                                                                                                \
    static void NAME(row_strip_##vectors)(const NAME(panel) *panel, const REAL *a, const REAL *b, const REAL *start, REAL *c) { \
        NAME(row_strip)(vectors, panel, a, b, start, c);                                                                  \
    }
ROW_STRIP(1) ROW_STRIP(2) ROW_STRIP(3) ROW_STRIP(4) ROW_STRIP(5) ROW_STRIP(6) ROW_STRIP(7) ROW_STRIP(8)
static const NAME(tile_fn) NAME(row_strips)[STRIP] = {
    NAME(row_strip_1), NAME(row_strip_2), NAME(row_strip_3), NAME(row_strip_4),
    NAME(row_strip_5), NAME(row_strip_6), NAME(row_strip_7), NAME(row_strip_8),
};

#define TILE(rows, vectors, suffix, layout, width, part)                                                        \
    static void NAME(tile_##rows##x##vectors##suffix##width)(const NAME(panel) *panel, const REAL *a,           \
                                                             const REAL *b, const REAL *start, REAL *c) {       \
        NAME(tile)(rows, vectors, layout, part, NOTHING, panel, a, b, start, c);                               \
    }
#define TILES_OF_ROWS(rows, suffix, layout) \
    TILE(rows, 1, suffix, layout, part, true) TILE(rows, 1, suffix, layout, full, false) \
    TILE(rows, 2, suffix, layout, full, false)
#if !PART_LOADS && MAX_VECTORS == 4
#define TILES(rows, suffix, layout) TILES_OF_ROWS(rows, suffix, layout) TILE(rows, 4, suffix, layout, full, false)
#define TILE_NAMES(rows, suffix)                                                                         \
    {NAME(tile_##rows##x1##suffix##part), NAME(tile_##rows##x1##suffix##full), NAME(tile_##rows##x2##suffix##full), \
     NAME(tile_##rows##x4##suffix##full)}
#elif MAX_VECTORS == 4
#define TILES(rows, suffix, layout)                                                                             \
    TILES_OF_ROWS(rows, suffix, layout) TILE(rows, 2, suffix, layout, part, true)                               \
    TILE(rows, 3, suffix, layout, part, true) TILE(rows, 3, suffix, layout, full, false)                        \
    TILE(rows, 4, suffix, layout, part, true) TILE(rows, 4, suffix, layout, full, false)
#define TILE_NAMES(rows, suffix)                                                                                     \
    {NAME(tile_##rows##x1##suffix##part), NAME(tile_##rows##x1##suffix##full), NAME(tile_##rows##x2##suffix##part), \
     NAME(tile_##rows##x2##suffix##full), NAME(tile_##rows##x3##suffix##part), NAME(tile_##rows##x3##suffix##full), \
     NAME(tile_##rows##x4##suffix##part), NAME(tile_##rows##x4##suffix##full)}
#elif PART_LOADS
#define TILES(rows, suffix, layout) TILES_OF_ROWS(rows, suffix, layout) TILE(rows, 2, suffix, layout, part, true)
#define TILE_NAMES(rows, suffix)                                                                         \
    {NAME(tile_##rows##x1##suffix##part), NAME(tile_##rows##x1##suffix##full), NAME(tile_##rows##x2##suffix##part), \
     NAME(tile_##rows##x2##suffix##full)}
#else
#define TILES(rows, suffix, layout) TILES_OF_ROWS(rows, suffix, layout)
#define TILE_NAMES(rows, suffix) \
    {NAME(tile_##rows##x1##suffix##part), NAME(tile_##rows##x1##suffix##full), NAME(tile_##rows##x2##suffix##full)}
#endif
TILES(1, _row, ROW_BY_ROW) TILES(2, _row, ROW_BY_ROW) TILES(3, _row, ROW_BY_ROW) TILES(4, _row, ROW_BY_ROW)
TILES(1, _col, ROWS_BESIDE) TILES(2, _col, ROWS_BESIDE) TILES(3, _col, ROWS_BESIDE) TILES(4, _col, ROWS_BESIDE)
TILES(1, _update, UPDATING) TILES(2, _update, UPDATING) TILES(3, _update, UPDATING) TILES(4, _update, UPDATING)
#if ROWS == 6
TILES(5, _row, ROW_BY_ROW) TILES(6, _row, ROW_BY_ROW) TILES(5, _col, ROWS_BESIDE) TILES(6, _col, ROWS_BESIDE)
TILES(5, _update, UPDATING) TILES(6, _update, UPDATING)
TILE(12, 1, _row, ROW_BY_ROW, part, true) TILE(12, 1, _row, ROW_BY_ROW, full, false)
TILE(12, 1, _col, ROWS_BESIDE, part, true) TILE(12, 1, _col, ROWS_BESIDE, full, false)
#if MAX_VECTORS == 4
TILE(12, 2, _row, ROW_BY_ROW, full, false) TILE(12, 2, _col, ROWS_BESIDE, full, false)
#if PART_LOADS
TILE(12, 2, _row, ROW_BY_ROW, part, true) TILE(12, 2, _col, ROWS_BESIDE, part, true)
#endif
#endif
#if TILE_PAIRS
TILE(12, 1, _two, TWO_TILES, part, true) TILE(12, 1, _two, TWO_TILES, full, false)
#endif
#endif

#define TILE_BESIDE(what, suffix, layout, BESIDE)                                                          \
    static void NAME(tile_that_##what##suffix)(const NAME(panel) *panel, const REAL *a, const REAL *b,     \
                                               const REAL *start, REAL *c) {                               \
        NAME(tile)(ROWS, MAX_VECTORS, layout, false, BESIDE, panel, a, b, start, c);                       \
    }
TILE_BESIDE(sums, _col, ROWS_BESIDE, SUM_B) TILE_BESIDE(sums, _update, UPDATING, SUM_B)
TILE_BESIDE(packs, _row, ROW_BY_ROW, PACK_B) TILE_BESIDE(packs, _col, ROWS_BESIDE, PACK_B) TILE_BESIDE(packs, _update, UPDATING, PACK_B)
TILE_BESIDE(asks, _row, ROW_BY_ROW, ASK_FOR_NEXT) TILE_BESIDE(asks, _col, ROWS_BESIDE, ASK_FOR_NEXT)
TILE_BESIDE(asks, _update, UPDATING, ASK_FOR_NEXT)

/* By layout of A. A layout's first tile of full height that does more beside; then by rows - 1 and width: part of one vector, one, then two, four
 * or, where panels may end in part of a vector, two to MAX_VECTORS, each with such a part and without. */
typedef struct NAME(tiles) {
    NAME(tile_fn) sums, packs, asks;
    NAME(tile_fn) of[ROWS][WIDTHS];
} NAME(tiles);
#if ROWS == 6
#define TILES_OF(suffix) {TILE_NAMES(1, suffix), TILE_NAMES(2, suffix), TILE_NAMES(3, suffix), TILE_NAMES(4, suffix), TILE_NAMES(5, suffix), \
                          TILE_NAMES(6, suffix)}
#else
#define TILES_OF(suffix) {TILE_NAMES(1, suffix), TILE_NAMES(2, suffix), TILE_NAMES(3, suffix), TILE_NAMES(4, suffix)}
#endif
static const NAME(tiles) NAME(tiles_of)[] = {
    [ROW_BY_ROW] = {NULL, NAME(tile_that_packs_row), NAME(tile_that_asks_row), TILES_OF(_row)},
    [ROWS_BESIDE] = {NAME(tile_that_sums_col), NAME(tile_that_packs_col), NAME(tile_that_asks_col), TILES_OF(_col)},
    [UPDATING] = {NAME(tile_that_sums_update), NAME(tile_that_packs_update), NAME(tile_that_asks_update), TILES_OF(_update)},
};
#undef TILES_OF
/* Tiles of twice as many rows, for panels narrow enough, of A by row, by column and in two packed tiles; NULL where the registers
 * do not suffice. */
static const NAME(tile_fn) NAME(tall_tiles)[2 + TILE_PAIRS][WIDTHS] = {
#if ROWS == 6 && MAX_VECTORS == 4 && PART_LOADS
    {NAME(tile_12x1_rowpart), NAME(tile_12x1_rowfull), NAME(tile_12x2_rowpart), NAME(tile_12x2_rowfull)},
    {NAME(tile_12x1_colpart), NAME(tile_12x1_colfull), NAME(tile_12x2_colpart), NAME(tile_12x2_colfull)},
#elif ROWS == 6 && MAX_VECTORS == 4
    {NAME(tile_12x1_rowpart), NAME(tile_12x1_rowfull), NAME(tile_12x2_rowfull)},
    {NAME(tile_12x1_colpart), NAME(tile_12x1_colfull), NAME(tile_12x2_colfull)},
#elif ROWS == 6
    {NAME(tile_12x1_rowpart), NAME(tile_12x1_rowfull)},
    {NAME(tile_12x1_colpart), NAME(tile_12x1_colfull)},
#endif
#if TILE_PAIRS
    {NAME(tile_12x1_twopart), NAME(tile_12x1_twofull)},
#endif
};

#include "gemm_pack.h"

/* Where what a sum starts from lies, and the steps that end it, for one panel: its first row and column in C. */
typedef struct NAME(ends) {
    const gemm *g;
    const gemm_data *data;
    const REAL *start;
    int first_step;
    bool last; /* the sum is complete: the steps follow */
    int64_t m, n;
    const REAL *parts; /* of the sum, which are added once this panel is made, each as large as C; or NULL */
} NAME(ends);

/* Asks for the blocks of k that row m of a panel will be the sum of: another thread may have made them. */
static void NAME(ask_for_parts)(const NAME(ends) *ends, int64_t m, int64_t columns) {
    const gemm *g = ends->g;
    const int64_t parts = k_blocks_of(g, ends->data->stretch) - 1;
    for (int64_t n = ends->n; n < ends->n + columns; n += 64 / (int64_t)sizeof(REAL)) {
        __builtin_prefetch((const REAL *)ends->data->c + m * g->c.row + n);
        for (int64_t i = 0; i < parts; i++) __builtin_prefetch(ends->parts + (i * g->m + m) * g->n + n);
    }
}

/* The steps from `first` on over C[m:m+rows, n:n+columns], which begins at c. */
static void NAME(finish)(const gemm *g, const gemm_data *data, int first, int64_t m, int64_t n, int64_t rows,
                         int64_t columns, int64_t c_stride, REAL *c) {
    for (int i = first; i < g->n_steps; i++) {
        const step *s = &g->steps[i];
        const REAL *y = s->operand ? (const REAL *)data->in[s->operand] + m * s->y.row + n * s->y.column : NULL;
        NAME(apply_step)(s, y, c, c_stride, rows, columns);
    }
}

/* The same over `count` columns of one row, whose sums are still in a vector. */
SIMD_INLINE VEC NAME(finish_vector)(const gemm *g, const gemm_data *data, int first, int64_t n, int count, VEC sums) {
    for (int i = first; i < g->n_steps; i++) {
        const step *s = &g->steps[i];
        VEC y = {0};
        if (s->operand) {
            const REAL *from = (const REAL *)data->in[s->operand] + n * s->y.column;
            y = s->y.column ? LOAD_PART(from, count) : SPLAT(*from);
        }
        sums = NAME(step_vector)(s, sums, y);
    }
    return sums;
}

/* The same over whole vectors of one row, c, which begins at column n: each step is looked up once for all of them. */
SIMD_INLINE void NAME(finish_vectors)(const int vectors, const NAME(ends) *ends, int64_t n, REAL *c) {
    VEC sums[NAME(STEP_VECTORS)];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sums[v] = LOAD(c + v * LANES);
    for (int i = ends->first_step; i < ends->g->n_steps; i++) {
        const step *s = &ends->g->steps[i];
        const REAL *y = s->operand ? (const REAL *)ends->data->in[s->operand] + n * s->y.column : NULL;
        NAME(step_vectors)(vectors, s, y, sums);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) STORE(c + v * LANES, sums[v]);
}

/* The same over so many vectors. */
static __attribute__((noinline)) void NAME(finish_row)(const NAME(ends) *ends, int64_t vectors, REAL *c) {
    if (ends->first_step == ends->g->n_steps) return;
    int64_t v = 0;
    for (; v + 4 <= vectors; v += 4) NAME(finish_vectors)(4, ends, ends->n + v * LANES, c + v * LANES);
    if (v + 2 <= vectors) NAME(finish_vectors)(2, ends, ends->n + v * LANES, c + v * LANES), v += 2;
    if (v < vectors) NAME(finish_vectors)(1, ends, ends->n + v * LANES, c + v * LANES);
}

/* Leaves the first step to the tiles where it costs less than going over C once more; how many steps these are. */
static int NAME(take_step)(NAME(panel) *panel, const NAME(ends) *ends) {
    const step *s = &ends->g->steps[ends->first_step];
    if (ends->first_step == ends->g->n_steps) return 0;
    panel->clamps = s->kind == STEP_RELU;
    const bool gated = s->kind == STEP_RELU_GRAD && s->y.column == 1;
    panel->gate = gated ? (const REAL *)ends->data->in[s->operand] + ends->m * s->y.row + ends->n : NULL;
    panel->gate_stride = s->y.row;
    return panel->clamps || gated;
}

/* The tiles of one panel, from top to bottom. */
static void NAME(run_panel)(NAME(panel) *panel, const NAME(ends) *ends, int width, bool by_row, bool packed,
                            int64_t rows, int64_t columns, int64_t a_row, const REAL *a, const REAL *b, REAL *c) {
    const bool updates = ends->g->updates_in_tiles;
    const NAME(tiles) *made_by = &NAME(tiles_of)[updates ? UPDATING : by_row ? ROW_BY_ROW : ROWS_BESIDE];
    /* Rows that far apart fall on the same lines of the cache: not too many of them at once. */
    const bool collide = by_row && a_row * (int64_t)sizeof(REAL) % 4096 == 0;
    const NAME(tile_fn) tall = (packed && !TILE_PAIRS) || collide || updates ? NULL : NAME(tall_tiles)[TILE_PAIRS && packed ? TWO_TILES : !by_row][width];
    const int64_t first_rows = panel->sums ? ROWS - 1 : panel->packed ? ROWS : 0; /* of a first tile that does more */
    const int in_registers = ends->last ? NAME(take_step)(panel, ends) : 0, first = ends->first_step + in_registers;
    const bool finishes = ends->last && first < ends->g->n_steps;
    /* Steps cost a call each for a tile: those of few columns wait for all rows, which are one row where they follow each other. */
    const bool at_once = finishes && columns < MAX_VECTORS * LANES && rows * columns <= FINISHED_AT_ONCE;
    const int64_t all_rows = rows;
    REAL *const all = c;
    const REAL *start = ends->start;
    int asks = panel->next ? MAX_VECTORS : 0;
    /* Tiles of twice as many rows; the other rows are shared evenly, the first `higher` tiles have one more. */
    int64_t m = ends->m, tall_tiles = tall ? (rows - first_rows) / (2 * ROWS) : 0;
    const int32_t others = (int32_t)(rows - first_rows - tall_tiles * 2 * ROWS), tiles = (others + ROWS - 1) / ROWS;
    const int32_t even = tiles ? others / tiles : 0;
    int32_t higher = others - even * tiles;
    int64_t asked = m;
    while (rows > 0) {
        int64_t height;
        if (ends->parts)
            for (; asked < m + 2 * ROWS && asked < m + rows; asked++) NAME(ask_for_parts)(ends, asked, columns);
        if (panel->sums) {
            height = first_rows;
            made_by->sums(panel, a, b, start, c);
            panel->sums = NULL;
        } else if (panel->packed) {
            height = first_rows;
            made_by->packs(panel, a, b, start, c);
            b = panel->packed;
            panel->b_stride = MAX_VECTORS * LANES;
            panel->packed = NULL;
        } else if (tall_tiles-- > 0) {
            height = 2 * ROWS;
            tall(panel, a, b, start, c);
        } else {
            height = packed ? (rows < ROWS ? rows : ROWS) : even + (higher-- > 0);
            if (asks > 0 && height == ROWS && rows <= ASKING_TILES * ROWS) {
                made_by->asks(panel, a, b, start, c);
                panel->next += LANES;
                asks--;
            } else if (ASKS_FOR_ROWS && panel->asks_for_rows && height == ROWS && rows > ROWS) {
                NAME(panel) asking = *panel;
                asking.next = a + ROWS * a_row, asking.next_stride = ROWS;
                NAME(tile_that_asks_row)(&asking, a, b, start, c);
            } else {
                made_by->of[height - 1][width](panel, a, b, start, c);
            }
        }
        if (finishes && !at_once) NAME(finish)(ends->g, ends->data, first, m, ends->n, height, columns, panel->c_stride, c);
        if (panel->gate) panel->gate += height * panel->gate_stride;
        a += packed ? (TILE_PAIRS && height > ROWS ? 2 : 1) * ROWS * panel->k : height * a_row;
        c += height * panel->c_stride;
        if (start) start += height * panel->start_stride;
        m += height;
        rows -= height;
    }
    if (at_once) NAME(finish)(ends->g, ends->data, first, ends->m, ends->n, all_rows, columns, panel->c_stride, all);
}

/* sums[j] (+)= the sum of column j of k rows of a panel of B. */
static void NAME(sum_columns)(const REAL *b, int64_t stride, int64_t k, int64_t columns, bool add, REAL *sums) {
    for (int64_t j = 0; j < columns; j += LANES) {
        const int count = columns - j < LANES ? (int)(columns - j) : LANES;
        VEC sum[4] = {{0}};
        int64_t i = 0;
        for (; i + 4 <= k; i += 4)
#pragma GCC unroll 4
            for (int chain = 0; chain < 4; chain++) sum[chain] += LOAD_PART(b + j + (i + chain) * stride, count);
        for (; i < k; i++) sum[0] += LOAD_PART(b + j + i * stride, count);
        const VEC total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        STORE_PART(sums + j, add ? LOAD_PART(sums + j, count) + total : total, count);
    }
}

/* The dots of `count` rows and x, added up by a tree of shuffles: as many rows as a vector has lanes where they are whole. */
SIMD_INLINE VEC NAME(some_dots)(const bool long_rows, const bool whole, const REAL *rows, int64_t row_stride, const REAL *x,
                                int count, int64_t k) {
    /* Of whole blocks a base for each three rows, as in a tile. */
    const REAL *row[LANES];
    VEC sum[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        row[i] = whole ? rows + i / 3 * 3 * row_stride : rows + (i < count ? i : 0) * row_stride;
        sum[i] = (VEC){0};
    }
#define ROW(i) (whole ? row[(i) / 3 * 3] + (i) % 3 * row_stride : row[i])
    int64_t j = 0;
    for (; long_rows && j + 4 * LANES <= k; j += 4 * LANES) { /* longer pieces of each row: memory likes them */
        const VEC factor[4] = {LOAD(x + j), LOAD(x + j + LANES), LOAD(x + j + 2 * LANES), LOAD(x + j + 3 * LANES)};
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
#pragma GCC unroll 4
            for (int u = 0; u < 4; u++) sum[i] += LOAD(ROW(i) + j + u * LANES) * factor[u];
    }
    for (; j + LANES <= k; j += LANES) {
        const VEC factor = LOAD(x + j);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) sum[i] += LOAD(ROW(i) + j) * factor;
    }
    if (j < k) {
        const int rest = (int)(k - j);
        const VEC factor = LOAD_PART(x + j, rest);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) sum[i] += LOAD_PART(ROW(i) + j, rest) * factor;
    }
#undef ROW
    return SUM_ROWS(sum);
}

#if SIMD_FREE_MASKS
/* The same for rows of up to LANES / parts elements: so many rows share a vector, and `factors` holds x as often. */
SIMD_INLINE VEC NAME(some_short_dots)(const int parts, const REAL *rows, int64_t row_stride, VEC factors, int count, int k) {
    VEC sum[LANES / 2];
#pragma GCC unroll 8
    for (int i = 0; i < LANES / parts; i++) {
        VEC x = {0};
#pragma GCC unroll 4
        for (int part = 0; part < parts; part++) {
            const int row = row_in_parts(parts, LANES, i, part);
            x = LOAD_INTO(x, rows + (row < count ? row : 0) * row_stride, part * (LANES / parts), k);
        }
        sum[i] = x * factors;
    }
    return SUM_PARTS(parts, sum);
}
#endif

/* out[m] = start[m] + rows[m] . x for rows apart by row_stride; then, where there are ends, the steps that follow. */
SIMD_INLINE void NAME(dots)(const dot_length length, const REAL *rows, int64_t row_stride, const REAL *x, const REAL *start,
                            const NAME(ends) *ends, REAL *out, int64_t m, int64_t k) {
#if SIMD_FREE_MASKS
    VEC factors = {0};
    const int parts = length == FOUR_A_VECTOR ? 4 : 2;
    for (int part = 0; part < (length <= TWO_A_VECTOR ? parts : 0); part++)
        factors = LOAD_INTO(factors, x, part * (LANES / parts), (int)k);
#endif
    for (int64_t m0 = 0; m0 < m; m0 += LANES) {
        const int count = m - m0 < LANES ? (int)(m - m0) : LANES;
        const REAL *from = rows + m0 * row_stride;
        VEC total;
#if SIMD_FREE_MASKS
        if (length <= TWO_A_VECTOR)
            total = count == LANES ? NAME(some_short_dots)(parts, from, row_stride, factors, LANES, (int)k)
                                   : NAME(some_short_dots)(parts, from, row_stride, factors, count, (int)k);
        else
#endif
            total = count == LANES ? NAME(some_dots)(length == LONG, true, from, row_stride, x, LANES, k)
                                   : NAME(some_dots)(length == LONG, false, from, row_stride, x, count, k);
        if (start) total += LOAD_PART(start + m0, count);
        if (count == LANES) STORE(out + m0, total); /* loads that follow at once need not wait for the cache, as after a store by a mask */
        else STORE_PART(out + m0, ends ? NAME(finish_vector)(ends->g, ends->data, ends->first_step, ends->n + m0, count, total) : total, count);
    }
    if (ends) NAME(finish_row)(ends, m / LANES, out);
}

#define DOTS(name, length)                                                                                                             \
    static __attribute__((noinline)) void NAME(name)(const REAL *rows, int64_t row_stride, const REAL *x, const REAL *start,          \
                                                     const NAME(ends) *ends, REAL *out, int64_t m, int64_t k) {                      \
        NAME(dots)(length, rows, row_stride, x, start, ends, out, m, k);                                                              \
    }
DOTS(long_dots, LONG)
DOTS(short_dots, SHORT)
#if SIMD_FREE_MASKS
DOTS(dots_of_halves, TWO_A_VECTOR)
DOTS(dots_of_quarters, FOUR_A_VECTOR)
#endif
#undef DOTS

typedef void (*NAME(dots_fn))(const REAL *rows, int64_t row_stride, const REAL *x, const REAL *start, const NAME(ends) *ends, REAL *out,
                              int64_t m, int64_t k);
static NAME(dots_fn) NAME(dots_of)(int64_t k) {
#if SIMD_FREE_MASKS
    if (k <= LANES / 4) return NAME(dots_of_quarters);
    if (k <= LANES / 2) return NAME(dots_of_halves);
#endif
    return k >= 4 * LANES ? NAME(long_dots) : NAME(short_dots);
}

#include "gemm_columns.h"
#if SHORT_SUMS
#include "gemm_short_sums.h"
#endif

/* The sum of k elements that are apart by stride. */
static REAL NAME(sum_elements)(const REAL *x, int64_t stride, int64_t k) {
    int64_t i = 0;
    if (stride == 1) {
        VEC sum[4] = {{0}};
        for (; i + 4 * LANES <= k; i += 4 * LANES)
#pragma GCC unroll 4
            for (int chain = 0; chain < 4; chain++) sum[chain] += LOAD(x + i + chain * LANES);
        for (; i + LANES <= k; i += LANES) sum[0] += LOAD(x + i);
        if (i < k) sum[1] += LOAD_PART(x + i, (int)(k - i));
        return SUM_LANES((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    REAL sum[4] = {0};
    for (; i + 4 <= k; i += 4)
#pragma GCC unroll 4
        for (int chain = 0; chain < 4; chain++) sum[chain] += x[(i + chain) * stride];
    for (; i < k; i++) sum[0] += x[i * stride];
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* The same for each of a few columns whose elements are apart by `row`. */
static void NAME(sum_few_columns)(const REAL *b, int64_t row, int64_t k, int64_t columns, int64_t column, bool add, REAL *sums) {
    for (int64_t j = 0; j < columns; j++, b += column) {
        const REAL total = NAME(sum_elements)(b, row, k);
        sums[j] = add ? sums[j] + total : total;
    }
}

#include "gemm_block.h"

/* Moves n elements of a variable by a gradient that lies in memory. */
static void NAME(descend)(REAL *variable, const REAL *gradient, REAL rate, int64_t n) {
    for (int64_t i = 0; i < n; i++) variable[i] = variable[i] - rate * gradient[i];
}

/* The block of k with this number, of a product whose k is cut among the tasks: the first one goes to C, the others to
 * memory of their own. `last`: it is probably the one after which they are added. */
static void NAME(k_block)(const gemm *g, const gemm_data *data, int64_t number, char *parts, bool last, int64_t m0, int64_t m1,
                          int64_t n0, int64_t n1, char *scratch) {
    const product *p = &g->products[0];
    const int64_t k_first = data->stretch->first + number * p->k_block;
    NAME(part) part = {.k_first = k_first, .k_end = k_first + p->k_block < p->k ? k_first + p->k_block : p->k,
                       .c = (REAL *)data->c, .c_row = g->c.row, .begins = k_first == 0, .alone = number > 0,
                       .others = last ? (const REAL *)parts : NULL};
    if (number > 0) part.c = (REAL *)parts + (number - 1) * g->m * g->n, part.c_row = g->n;
    NAME(block)(g, data, &part, m0, m1, n0, n1, scratch);
}

/* Adds the blocks of k of a row in their order, as they would have been added one after the other. */
SIMD_INLINE void NAME(add_row_of_k_blocks)(const gemm *g, int64_t parts, const REAL *part, int64_t columns, REAL *c) {
    int64_t n = 0;
    for (; n + LANES <= columns; n += LANES) {
        VEC sum = LOAD(c + n);
        for (int64_t i = 0; i < parts; i++) sum += LOAD(part + i * g->m * g->n + n);
        STORE(c + n, sum);
    }
    if (n == columns) return;
    const int count = (int)(columns - n);
    VEC sum = LOAD_PART(c + n, count);
    for (int64_t i = 0; i < parts; i++) sum += LOAD_PART(part + i * g->m * g->n + n, count);
    STORE_PART(c + n, sum, count);
}

/* The same over C[m0:m1, n0:n1]; then the steps, over as many rows at once as the first-level cache keeps. */
static void NAME(add_k_blocks)(const gemm *g, const gemm_data *data, const char *parts, int64_t m0, int64_t m1, int64_t n0,
                               int64_t n1) {
    enum { KEPT = 4096 / sizeof(REAL) };
    const int64_t blocks = k_blocks_of(g, data->stretch);
    const int64_t at_once = n1 - n0 < KEPT ? KEPT / (n1 - n0) : 1;
    for (int64_t first = m0; first < m1; first += at_once) {
        const int64_t rows = m1 - first < at_once ? m1 - first : at_once;
        REAL *c = (REAL *)data->c + first * g->c.row + n0;
        for (int64_t i = 0; i < rows; i++)
            NAME(add_row_of_k_blocks)(g, blocks - 1, (const REAL *)parts + (first + i) * g->n + n0, n1 - n0, c + i * g->c.row);
        if (data->stretch->end == g->products[0].k) NAME(finish)(g, data, g->starts_with_y, first, n0, rows, n1 - n0, g->c.row, c);
    }
}

/* C of one column that lies as a row does, of products whose A and B lie along k. */
static void NAME(column)(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1) {
    REAL *out = (REAL *)data->c + m0;
    const REAL *start = g->starts_with_y ? (const REAL *)data->in[g->steps[0].operand] + m0 : NULL;
    for (int i = 0; i < g->n_products; i++, start = out) {
        const product *p = &g->products[i];
        const REAL *rows = (const REAL *)data->in[2 * i] + m0 * p->a.row, *x = (const REAL *)data->in[2 * i + 1];
        const NAME(ends) ends = {.g = g, .data = data, .first_step = g->starts_with_y, .n = m0};
        NAME(dots_of)(p->k)(rows, p->a.row, x, start, i == g->n_products - 1 ? &ends : NULL, out, m1 - m0, p->k);
    }
}

/* One row of C of few vectors: several chains over k instead of one, whose multiply-adds wait for each other. */
SIMD_INLINE void NAME(single_row_of)(const int vectors, const int chains, const gemm *g, const gemm_data *data) {
    const product *p = &g->products[0];
    const REAL *a = (const REAL *)data->in[0], *b = (const REAL *)data->in[1];
    REAL *c = (REAL *)data->c;
    const int last = vectors - 1, lanes = (int)g->n - last * LANES;
    if (g->sums) *(REAL *)data->sums = NAME(sum_elements)(a, p->a.column, p->k); /* a column of B before they changed places */
    VEC sum[4][SINGLE_ROW_VECTORS] = {{{0}}};
    int64_t k = 0;
    for (; k + chains <= p->k; k += chains, a += chains * p->a.column, b += chains * p->b.row)
#pragma GCC unroll 4
        for (int i = 0; i < chains; i++) {
            const VEC x = SPLAT(a[i * p->a.column]);
#pragma GCC unroll 4
            for (int v = 0; v < last; v++) sum[i][v] += x * LOAD(b + i * p->b.row + v * LANES);
            sum[i][last] += x * LOAD_PART(b + i * p->b.row + last * LANES, lanes);
        }
    for (; k < p->k; k++, a += p->a.column, b += p->b.row) {
#pragma GCC unroll 4
        for (int v = 0; v < last; v++) sum[0][v] += SPLAT(*a) * LOAD(b + v * LANES);
        sum[0][last] += SPLAT(*a) * LOAD_PART(b + last * LANES, lanes);
    }
    const REAL *start = g->starts_with_y ? (const REAL *)data->in[g->steps[0].operand] : NULL;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        const VEC total = chains == 4 ? (sum[0][v] + sum[1][v]) + (sum[2][v] + sum[3][v]) : sum[0][v] + sum[1][v];
        const int count = v == last ? lanes : LANES;
        const VEC sums = start ? LOAD_PART(start + v * LANES, count) + total : total;
        STORE_PART(c + v * LANES, NAME(finish_vector)(g, data, g->starts_with_y, v * LANES, count, sums), count);
    }
}
static void NAME(single_row)(const gemm *g, const gemm_data *data) {
    if (g->n <= LANES) NAME(single_row_of)(1, 4, g, data);
    else if (g->n <= 2 * LANES) NAME(single_row_of)(2, 4, g, data);
#if !SIMD_FREE_MASKS
    else if (g->n <= 3 * LANES) NAME(single_row_of)(3, 2, g, data);
    else NAME(single_row_of)(4, 2, g, data);
#endif
}

/* A C of one number: several chains of multiply-adds along A and B, as each waits for the one before. Which products a chain has is told
 * by their number alone. */
SIMD_INLINE VEC NAME(single_dot)(const REAL *a, const REAL *b, int64_t n) {
    enum { CHAINS = 8 };
    VEC sum[CHAINS] = {{0}};
    int64_t k = 0;
    for (; k + CHAINS * LANES <= n; k += CHAINS * LANES)
#pragma GCC unroll 8
        for (int i = 0; i < CHAINS; i++) sum[i] += LOAD(a + k + i * LANES) * LOAD(b + k + i * LANES);
    for (; k + LANES <= n; k += LANES) sum[0] += LOAD(a + k) * LOAD(b + k);
    if (k < n) sum[1] += LOAD_PART(a + k, (int)(n - k)) * LOAD_PART(b + k, (int)(n - k));
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* The variants for a C of one column or one row, as gemm_fn has them. */
static void NAME(whole_column)(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1, int64_t n0, int64_t n1, char *scratch) {
    (void)n0, (void)n1, (void)scratch;
    if (g->m == 1 && g->n_products == 1 && !g->n_steps) {
        const VEC sums = NAME(single_dot)((const REAL *)data->in[0], (const REAL *)data->in[1], g->products[0].k);
        *(REAL *)data->c = SUM_LANES(sums);
        return;
    }
    NAME(column)(g, data, m0, m1);
}
static void NAME(whole_row)(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1, int64_t n0, int64_t n1, char *scratch) {
    (void)m0, (void)m1, (void)n0, (void)n1, (void)scratch;
    NAME(single_row)(g, data);
}

static void NAME(whole)(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1, int64_t n0, int64_t n1, char *scratch) {
    for (int i = 0; i < g->n_products; i++) {
        const stretch all = {0, g->products[i].k}, *k = data->stretch ? data->stretch : &all;
        const NAME(part) part = {.index = i, .k_first = k->first, .k_end = k->end, .c = (REAL *)data->c, .c_row = g->c.row,
                                 .begins = i == 0 && k->first == 0, .ends = i == g->n_products - 1};
        NAME(block)(g, data, &part, m0, m1, n0, n1, scratch);
    }
}

#undef TILE
#undef TILE_BESIDE
#undef TILES_OF_ROWS
#undef TILES
#undef TILE_NAMES
