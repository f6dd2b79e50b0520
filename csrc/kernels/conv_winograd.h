/* Minimal filtering (conv_winograd_types.h) of one real type, by the tiles of conv_tile.h; included once for float and double.
 *
 * The points are 0, 5/8, -5/8, 3/2, -3/2 and infinity. Of the symmetric ones with short binary fractions these lose the fewest
 * digits, so all constants but the factors at the end are exact; points that differ in sign alone share their even and odd halves.
 *
 * Pointers end in their axes: p point, t tile, c channel of the source, k column of the target, w vectors of a panel's columns.
 */
#define A ((REAL)0.625) /* points A, -A, B, -B */
#define B ((REAL)1.5)
#define AA (A * A)
#define BB (B * B)

/* One axis: the 6 values of the source, from its positions. */
SIMD_INLINE void NAME(spread)(const VEC *d, VEC *at) {
    const VEC even_a = d[4] - BB * d[2], odd_a = d[3] - BB * d[1];
    const VEC even_b = d[4] - AA * d[2], odd_b = d[3] - AA * d[1];
    at[0] = d[4] + (AA * BB * d[0] - (AA + BB) * d[2]);
    at[1] = even_a + A * odd_a;
    at[2] = even_a - A * odd_a;
    at[3] = even_b + B * odd_b;
    at[4] = even_b - B * odd_b;
    at[5] = d[5] + (AA * BB * d[1] - (AA + BB) * d[3]);
}

/* One axis: the values of a polynomial of n coefficients at the points; at infinity that is the last one. */
SIMD_INLINE void NAME(evaluate)(const int n, const VEC *x, VEC *at) {
    const VEC even_a = n == 5 ? x[0] + AA * (x[2] + AA * x[4]) : n > 2 ? x[0] + AA * x[2] : x[0];
    const VEC even_b = n == 5 ? x[0] + BB * (x[2] + BB * x[4]) : n > 2 ? x[0] + BB * x[2] : x[0];
    const VEC odd_a = n > 3 ? x[1] + AA * x[3] : x[1], odd_b = n > 3 ? x[1] + BB * x[3] : x[1];
    at[0] = x[0];
    at[1] = even_a + A * odd_a;
    at[2] = even_a - A * odd_a;
    at[3] = even_b + B * odd_b;
    at[4] = even_b - B * odd_b;
    at[5] = x[n - 1];
}

/* One axis: n sums of the values at the points. */
SIMD_INLINE void NAME(collect)(const int n, const VEC *at, VEC *y) {
    const VEC even_a = at[1] + at[2], odd_a = at[1] - at[2], even_b = at[3] + at[4], odd_b = at[3] - at[4];
    y[0] = at[0] + (even_a + even_b);
    y[1] = A * odd_a + B * odd_b;
    if (n > 2) y[2] = AA * even_a + BB * even_b;
    if (n > 3) y[3] = AA * A * odd_a + BB * B * odd_b;
    if (n > 4) y[4] = AA * AA * even_a + BB * BB * even_b;
    y[n - 1] += at[5];
}

/* What the products at a point are divided by: its distances to the other points, multiplied. */
static const REAL NAME(winograd_factors)[WINOGRAD_POINTS] = {
    1 / (AA * BB),         1 / (2 * AA * (AA - BB)), 1 / (2 * AA * (AA - BB)),
    1 / (2 * BB * (BB - AA)), 1 / (2 * BB * (BB - AA)), 1,
};

/* Both axes, from n by n to 6 by 6 and back; `scaled`: the values are multiplied by the factors too. */
SIMD_INLINE void NAME(evaluate_square)(const int n, const bool scaled, const VEC *x, REAL *to, int64_t point) {
    VEC half[WINOGRAD_POINTS][5], at[WINOGRAD_POINTS];
#pragma GCC unroll 5
    for (int j = 0; j < n; j++) {
        VEC column[5];
#pragma GCC unroll 5
        for (int i = 0; i < n; i++) column[i] = x[i * n + j];
        NAME(evaluate)(n, column, at);
#pragma GCC unroll 6
        for (int i = 0; i < WINOGRAD_POINTS; i++) half[i][j] = at[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < WINOGRAD_POINTS; i++) {
        NAME(evaluate)(n, half[i], at);
#pragma GCC unroll 6
        for (int j = 0; j < WINOGRAD_POINTS; j++) {
            const REAL factor = NAME(winograd_factors)[i] * NAME(winograd_factors)[j];
            STORE(to + (i * WINOGRAD_POINTS + j) * point, scaled ? at[j] * factor : at[j]);
        }
    }
}

SIMD_INLINE void NAME(collect_square)(const int n, const bool scaled, const REAL *from, int64_t point, VEC *y) {
    VEC half[5][WINOGRAD_POINTS], at[WINOGRAD_POINTS], sums[5];
#pragma GCC unroll 6
    for (int j = 0; j < WINOGRAD_POINTS; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < WINOGRAD_POINTS; i++) {
            const REAL factor = NAME(winograd_factors)[i] * NAME(winograd_factors)[j];
            const VEC value = LOAD(from + (i * WINOGRAD_POINTS + j) * point);
            at[i] = scaled ? value * factor : value;
        }
        NAME(collect)(n, at, sums);
#pragma GCC unroll 5
        for (int i = 0; i < n; i++) half[i][j] = sums[i];
    }
#pragma GCC unroll 5
    for (int i = 0; i < n; i++) NAME(collect)(n, half[i], y + i * n);
}

/* Whether each lane of n vectors is finite. */
SIMD_INLINE bool NAME(all_finite)(const int n, const VEC *y) {
    VEC nothing = {0};
#pragma GCC unroll 25
    for (int i = 0; i < n; i++) nothing += (REAL)0 * y[i];
    return !ANY_NAN(nothing);
}

/* ---- panels ---- */

/* The panel from a column on, within its part; `filter` is where its transformed filter begins. */
static winograd_panel NAME(panel_at)(const conv_winograd *w, int64_t column, int64_t filter) {
    winograd_panel p = {.column = column, .filter = filter};
    const int64_t end = conv_min(w->columns, (column / w->part_columns + 1) * w->part_columns);
    int last_lanes;
    if (column >= w->columns) return p; /* behind the last one */
    p.vectors = NAME(panel_vectors)(end - column, false, &last_lanes);
    p.width = p.vectors * LANES;
    p.columns = conv_min(end - column, p.width);
    p.point = winograd_stride(w->channels, p.width, sizeof(REAL));
    return p;
}

static winograd_panel NAME(next_panel)(const conv_winograd *w, const winograd_panel *p) {
    return NAME(panel_at)(w, p->column + p->columns, p->filter + WINOGRAD_PRODUCTS * p->point);
}

/* The first panel of a part: all parts before it are whole panels. */
static winograd_panel NAME(first_panel)(const conv_winograd *w, int64_t part) {
    const int64_t column = part * w->part_columns, whole = w->panel_columns;
    return NAME(panel_at)(w, column, column / whole * WINOGRAD_PRODUCTS * winograd_stride(w->channels, whole, sizeof(REAL)));
}

/* ---- transforming ---- */

/* One panel of the filter of channels c0 to c1 (excluded): f__pcw from its first channel on. */
SIMD_INLINE void NAME(transform_panel_of)(const int window, const conv_winograd *w, const winograd_panel *p, const REAL *f__ijck, int64_t c0,
                                          int64_t c1, REAL *f__pcw) {
    VEC taps[25];
    const int64_t tap = w->channels * w->columns;
    for (int64_t c = c0; c < c1; c++)
        for (int64_t v = 0; v < p->vectors; v++) {
            const REAL *from = f__ijck + c * w->columns + p->column + v * LANES;
            const int lanes = (int)conv_min(LANES, p->columns - v * LANES);
#pragma GCC unroll 25
            for (int i = 0; i < window * window; i++) taps[i] = lanes == LANES ? LOAD(from + i * tap) : LOAD_PART(from + i * tap, lanes);
            NAME(evaluate_square)(window, true, taps, f__pcw + (c - c0) * p->width + v * LANES, p->point);
        }
}

/* The filter of channels c0 to c1 (excluded), by panels: f__pcw. */
SIMD_INLINE void NAME(transform_filter_of)(const int window, const conv_winograd *w, const REAL *f__ijck, int64_t c0, int64_t c1,
                                           REAL *f__pcw) {
    for (winograd_panel p = NAME(first_panel)(w, 0); p.columns > 0; p = NAME(next_panel)(w, &p))
        NAME(transform_panel_of)(window, w, &p, f__ijck, c0, c1, f__pcw + p.filter + c0 * p.width);
}
static void NAME(transform_filter)(const conv_winograd *w, const void *from, int64_t c0, int64_t c1, void *to) {
    if (w->window == 3) NAME(transform_filter_of)(3, w, from, c0, c1, to);
    else NAME(transform_filter_of)(5, w, from, c0, c1, to);
}

/* The source of channels c0 to c1 under a tile: x__pc from its first channel on, values of a point `point` apart, those of each `piece`
 * channels `next` apart. Positions beyond the edges read zeros__c. */
SIMD_INLINE void NAME(transform_pieces)(const conv_winograd *w, const winograd_tile *t, const REAL *x__nyxc, int64_t c0, int64_t c1, int64_t piece,
                                        int64_t next, const REAL *zeros__c, int64_t point, REAL *x__pc) {
    const REAL *from[WINOGRAD_PRODUCTS];
    for (int i = 0; i < WINOGRAD_POINTS; i++)
        for (int j = 0; j < WINOGRAD_POINTS; j++) {
            const int64_t y = t->y + w->first[0] + i, x = t->x + w->first[1] + j;
            const bool inside = y >= 0 && y < w->source[0] && x >= 0 && x < w->source[1];
            from[i * WINOGRAD_POINTS + j] = inside ? x__nyxc + ((t->n * w->source[0] + y) * w->source[1] + x) * w->channels : zeros__c;
        }
    for (int64_t c = c0, in_piece = 0; c < c1; c += LANES, in_piece += LANES) {
        if (in_piece == piece) x__pc += next, in_piece = 0;
        VEC half[WINOGRAD_POINTS][WINOGRAD_POINTS], d[WINOGRAD_POINTS], at[WINOGRAD_POINTS];
        const int lanes = (int)conv_min(LANES, c1 - c);
#pragma GCC unroll 6
        for (int j = 0; j < WINOGRAD_POINTS; j++) {
#pragma GCC unroll 6
            for (int i = 0; i < WINOGRAD_POINTS; i++) {
                const REAL *position = from[i * WINOGRAD_POINTS + j] + c;
                d[i] = SIMD_FREE_MASKS || lanes < LANES ? LOAD_PART(position, lanes) : LOAD(position);
            }
            NAME(spread)(d, at);
#pragma GCC unroll 6
            for (int i = 0; i < WINOGRAD_POINTS; i++) half[i][j] = at[i];
        }
#pragma GCC unroll 6
        for (int i = 0; i < WINOGRAD_POINTS; i++) {
            NAME(spread)(half[i], at);
#pragma GCC unroll 6
            for (int j = 0; j < WINOGRAD_POINTS; j++) STORE(x__pc + (i * WINOGRAD_POINTS + j) * point + in_piece, at[j]);
        }
    }
}
static void NAME(transform_source)(const conv_winograd *w, const winograd_tile *t, const REAL *x__nyxc, int64_t c0, int64_t c1,
                                   const REAL *zeros__c, int64_t point, REAL *x__pc) {
    NAME(transform_pieces)(w, t, x__nyxc, c0, c1, c1 - c0 + LANES, 0, zeros__c, point, x__pc);
}

/* The products of one point: sums__rw of `rows` rows, over `k` elements of them, a_step apart. All lie in scratch. */
SIMD_INLINE void NAME(multiply)(const REAL *const *a, int64_t a_at, int64_t a_step, const REAL *b, int64_t k, int vectors, bool accumulate,
                                REAL *const *c, int64_t c_at, int64_t rows) {
    const conv_segment segment = {a_at, 0, k};
    const NAME(tiling) t = {.segments = &segment, .n_segments = 1, .b = b, .a_step = a_step, .column = c_at, .accumulate = accumulate,
                            .last_lanes = LANES};
    int64_t at = 0;
    for (int64_t tiles = conv_ceil(rows, conv_rows[vectors - 1]); at < rows; tiles--) {
        const int64_t some = conv_ceil(rows - at, tiles);
        NAME(tiles)[vectors - 1][some - 1](&t, a + at, c + at);
        at += some;
    }
}

/* ---- forward, and the gradient of the image ---- */

/* The sums of a tile for one vector of columns by all multiplications: what is not finite stays in the windows that see it. A tap
 * beyond the edges is skipped or multiplied by zero, as the tiles of the whole convolution do. */
static __attribute__((noinline)) void NAME(multiply_directly)(const conv_gather *g, const winograd_tile *t, const REAL *x__nyxc,
                                                              const REAL *f__ijck, int64_t column, int lanes, const REAL *zeros__c,
                                                              REAL *packed, VEC *y) {
    const conv_winograd *w = &g->winograd;
    const REAL *row[4];
    REAL *sum[4], sums[16][LANES] __attribute__((aligned(SIMD_BYTES))) = {{0}};
    const conv_segment segment = {0, 0, w->channels};
    const NAME(tiling) tiling = {.segments = &segment, .n_segments = 1, .b = packed, .a_step = 1, .accumulate = true, .last_lanes = LANES};
    for (int64_t tap = 0; tap < w->window * w->window; tap++) {
        NAME(pack_rows)(f__ijck + tap * w->channels * w->columns + column, w->columns, w->channels, lanes, LANES, packed);
        for (int64_t i = 0; i < t->height; i++) {
            const int64_t from_y = t->y + i + w->first[0] + tap / w->window;
            int rows = 0;
            for (int64_t j = 0; j < t->width; j++) {
                const int64_t from_x = t->x + j + w->first[1] + tap % w->window;
                const bool inside = from_y >= 0 && from_y < w->source[0] && from_x >= 0 && from_x < w->source[1];
                if (!inside && g->exact) continue;
                row[rows] = inside ? x__nyxc + ((t->n * w->source[0] + from_y) * w->source[1] + from_x) * w->channels : zeros__c;
                sum[rows++] = sums[i * w->tile + j];
            }
            if (rows) NAME(tiles)[0][rows - 1](&tiling, row, sum);
        }
    }
    for (int i = 0; i < w->tile * w->tile; i++) y[i] = LOAD(sums[i]);
}

/* What the tiles of a block have in common. */
typedef struct NAME(winograd_block) {
    const conv_gather *g;
    const REAL *source, *filter, *bias;
    REAL *target;
    void *const *operand;
    const REAL *zeros;
    REAL *products__ptw, *packed;
    int64_t point;
} NAME(winograd_block);

/* Transforms the products of a tile's panel back, and ends its sums. `whole`: the tile is inside, the panel of whole vectors. */
SIMD_INLINE void NAME(finish_tile_of)(const int tile, const bool whole, const NAME(winograd_block) *block, const winograd_panel *p,
                                      const winograd_tile *t, int64_t index) {
    const conv_gather *g = block->g;
    const conv_winograd *w = &g->winograd;
    const int64_t row = w->target[1] * w->columns;
    REAL *first = block->target + (t->n * w->target[0] + t->y) * row + t->x * w->columns + p->column;
    VEC y[16];
    for (int v = 0; v < p->vectors; v++) {
        const int64_t column = p->column + v * LANES;
        const int lanes = whole ? LANES : (int)conv_min(LANES, p->columns - v * LANES);
        NAME(collect_square)(tile, false, block->products__ptw + index * p->width + v * LANES, block->point, y);
        if (__builtin_expect(!NAME(all_finite)(tile * tile, y), 0)) {
            VEC sums[16];
            NAME(multiply_directly)(g, t, block->source, block->filter, column, lanes, block->zeros, block->packed, sums);
            for (int i = 0; i < tile * tile; i++) y[i] = sums[i];
        }
        const VEC bias = !block->bias ? (VEC){0} : whole ? LOAD(block->bias + column) : LOAD_PART(block->bias + column, lanes);
#pragma GCC unroll 4
        for (int i = 0; i < tile; i++)
#pragma GCC unroll 4
            for (int j = 0; j < tile; j++) {
                VEC value = y[i * tile + j];
                if (block->bias) value += bias;
                if (g->relu) value = SELECT((value > (VEC){0}) | (value != value), value, (VEC){0});
                REAL *to = first + i * row + j * w->columns + v * LANES;
                if (whole) STORE(to, value);
                else if (i < t->height && j < t->width) STORE_PART(to, value, lanes);
            }
    }
    if (g->n_steps > g->n_in_tiles) {
        REAL *to[16];
        int64_t positions = 0;
        for (int64_t i = 0; i < t->height; i++)
            for (int64_t j = 0; j < t->width; j++) to[positions++] = first + i * row + j * w->columns - p->column;
        NAME(finish)(g, block->operand, to, positions, p->column, p->columns);
    }
}
static void NAME(finish_tile)(const NAME(winograd_block) *block, const winograd_panel *p, const winograd_tile *t, int64_t index) {
    const int tile = block->g->winograd.tile;
    const bool whole = t->height == tile && t->width == tile && p->columns == p->width;
    if (tile == 4) {
        if (whole) NAME(finish_tile_of)(4, true, block, p, t, index);
        else NAME(finish_tile_of)(4, false, block, p, t, index);
    } else {
        if (whole) NAME(finish_tile_of)(2, true, block, p, t, index);
        else NAME(finish_tile_of)(2, false, block, p, t, index);
    }
}

/* Tiles t0 to t1 (excluded) of one part of the columns. */
static void NAME(winograd_tiles)(const conv_gather *g, void *const *operand, const void *filters, int64_t t0, int64_t t1, int64_t part,
                                 char *scratch) {
    const conv_winograd *w = &g->winograd;
    const int64_t tiles = t1 - t0, x_point = winograd_stride(w->block_tiles, w->padded_channels, sizeof(REAL));
    REAL *x__ptc = (REAL *)(scratch + w->values), *zeros = (REAL *)(scratch + w->zeros);
    const REAL **rows = (const REAL **)(scratch + w->rows);
    REAL **sums = (REAL **)(scratch + w->targets);
    NAME(winograd_block) block = {.g = g, .source = operand[0], .filter = operand[1], .bias = g->bias ? operand[g->bias] : NULL,
                                  .target = operand[g->n_in], .operand = operand, .zeros = zeros,
                                  .products__ptw = (REAL *)(scratch + w->products), .packed = (REAL *)(scratch + w->packed)};
    NAME(zero_row)(zeros, w->channels);
    for (int64_t i = 0; i < tiles; i++) {
        const winograd_tile t = winograd_tile_at(w, t0 + i);
        rows[i] = x__ptc + i * w->padded_channels;
        NAME(transform_source)(w, &t, block.source, 0, w->channels, zeros, x_point, x__ptc + i * w->padded_channels);
    }
    const int64_t end = conv_min(w->columns, (part + 1) * w->part_columns);
    for (winograd_panel p = NAME(first_panel)(w, part); p.column < end; p = NAME(next_panel)(w, &p)) {
        block.point = winograd_stride(w->block_tiles, p.width, sizeof(REAL));
        for (int64_t i = 0; i < tiles; i++) sums[i] = block.products__ptw + i * p.width;
        const int64_t pieces = conv_ceil(w->channels, WINOGRAD_K_BLOCK), piece = conv_ceil(w->channels, pieces);
        for (int64_t point = 0; point < WINOGRAD_PRODUCTS; point++) {
            const REAL *f__cw = (const REAL *)filters + p.filter + point * p.point;
            for (int64_t c = 0; c < w->channels; c += piece)
                NAME(multiply)(rows, point * x_point + c, 1, f__cw + c * p.width, conv_min(piece, w->channels - c), p.vectors, c > 0, sums,
                               point * block.point, tiles);
        }
        for (int64_t i = 0; i < tiles; i++) {
            const winograd_tile t = winograd_tile_at(w, t0 + i);
            NAME(finish_tile)(&block, &p, &t, i);
        }
    }
}

/* ---- the gradient of the filter ---- */

/* The gradient of the target under a tile, one panel of its columns: dy__pw, values of a point `point` apart. */
SIMD_INLINE void NAME(transform_target_of)(const int tile, const bool whole, const conv_winograd *w, const winograd_panel *p,
                                           const winograd_tile *t, const REAL *dy__nyxk, int64_t point, REAL *dy__pw) {
    const int64_t row = w->target[1] * w->columns;
    const REAL *first = dy__nyxk + (t->n * w->target[0] + t->y) * row + t->x * w->columns + p->column;
    for (int v = 0; v < p->vectors; v++) {
        const int lanes = (int)conv_min(LANES, p->columns - v * LANES);
        VEC d[16];
#pragma GCC unroll 4
        for (int i = 0; i < tile; i++)
#pragma GCC unroll 4
            for (int j = 0; j < tile; j++) {
                const REAL *from = first + i * row + j * w->columns + v * LANES;
                if (whole) d[i * tile + j] = LOAD(from);
                else if (i < t->height && j < t->width) d[i * tile + j] = LOAD_PART(from, lanes);
                else d[i * tile + j] = (VEC){0};
            }
        NAME(evaluate_square)(tile, false, d, dy__pw + v * LANES, point);
    }
}
static void NAME(transform_target)(const conv_winograd *w, const winograd_panel *p, const winograd_tile *t, const REAL *dy__nyxk,
                                   int64_t point, REAL *dy__pw) {
    const bool whole = t->height == w->tile && t->width == w->tile && p->columns == p->width;
    if (w->tile == 4) {
        if (whole) NAME(transform_target_of)(4, true, w, p, t, dy__nyxk, point, dy__pw);
        else NAME(transform_target_of)(4, false, w, p, t, dy__nyxk, point, dy__pw);
    } else {
        if (whole) NAME(transform_target_of)(2, true, w, p, t, dy__nyxk, point, dy__pw);
        else NAME(transform_target_of)(2, false, w, p, t, dy__nyxk, point, dy__pw);
    }
}

/* Adds (or begins with) the products of tiles t0 to t1 (excluded), for channels c0 to c1 (excluded): sums__pcw by panels. */
static void NAME(winograd_sum)(const conv_winograd *w, const REAL *x__nyxc, const REAL *dy__nyxk, int64_t t0, int64_t t1, int64_t c0,
                               int64_t c1, bool accumulate, REAL *sums__pcw, char *scratch) {
    const int64_t tiles = t1 - t0, x_point = winograd_stride(w->block_tiles, w->part_channels, sizeof(REAL));
    REAL *x__ptc = (REAL *)(scratch + w->values), *dy__ptw = (REAL *)(scratch + w->products), *zeros = (REAL *)(scratch + w->zeros);
    const REAL **rows = (const REAL **)(scratch + w->rows);
    REAL **sums = (REAL **)(scratch + w->targets);
    NAME(zero_row)(zeros, w->channels);
    for (int64_t i = 0; i < tiles; i++) {
        const winograd_tile t = winograd_tile_at(w, t0 + i);
        NAME(transform_source)(w, &t, x__nyxc, c0, c1, zeros, x_point, x__ptc + i * w->part_channels);
    }
    for (int64_t c = c0; c < c1; c++) rows[c - c0] = x__ptc + c - c0;
    for (winograd_panel p = NAME(first_panel)(w, 0); p.columns > 0; p = NAME(next_panel)(w, &p)) {
        const int64_t dy_point = winograd_stride(w->block_tiles, p.width, sizeof(REAL));
        for (int64_t i = 0; i < tiles; i++) {
            const winograd_tile t = winograd_tile_at(w, t0 + i);
            NAME(transform_target)(w, &p, &t, dy__nyxk, dy_point, dy__ptw + i * p.width);
        }
        for (int64_t c = c0; c < c1; c++) sums[c - c0] = sums__pcw + p.filter + c * p.width;
        for (int64_t point = 0; point < WINOGRAD_PRODUCTS; point++)
            NAME(multiply)(rows, point * x_point, w->part_channels, dy__ptw + point * dy_point, tiles, p.vectors, accumulate, sums,
                           point * p.point, c1 - c0);
    }
}

/* Adds up the partial sums of a panel for channels c0 to c1 (excluded) in their order, if they are not `in_one`, and transforms them back;
 * returns whether all are finite. */
SIMD_INLINE bool NAME(gradient_panel_of)(const int window, const bool in_one, const conv_winograd *w, const winograd_panel *p, REAL *sums__bpcw, int64_t c0,
                                         int64_t c1, REAL *df__ijck) {
    bool finite = true;
    const int64_t next = w->filter_bytes / (int64_t)sizeof(REAL);
    for (int64_t c = c0; c < c1; c++)
        for (int v = 0; v < p->vectors; v++) {
            REAL *sums__p = sums__bpcw + (c - c0) * p->width + v * LANES;
            for (int i = 0; !in_one && i < WINOGRAD_PRODUCTS; i++) {
                VEC sum = LOAD(sums__p + i * p->point);
                for (int64_t b = 1; b < w->sum_blocks; b++) sum += LOAD(sums__p + b * next + i * p->point);
                const REAL factor = NAME(winograd_factors)[i / WINOGRAD_POINTS] * NAME(winograd_factors)[i % WINOGRAD_POINTS];
                STORE(sums__p + i * p->point, sum * factor);
            }
            VEC y[25];
            NAME(collect_square)(window, in_one, sums__p, p->point, y);
            finite = finite && NAME(all_finite)(window * window, y);
            const int lanes = (int)conv_min(LANES, p->columns - v * LANES);
            for (int i = 0; i < window * window; i++)
                STORE_PART(df__ijck + (i * w->channels + c) * w->columns + p->column + v * LANES, y[i], lanes);
        }
    return finite;
}
SIMD_INLINE bool NAME(winograd_gradient_of)(const int window, const conv_winograd *w, REAL *sums__bpcw, int64_t c0, int64_t c1,
                                            REAL *df__ijck) {
    bool finite = true;
    for (winograd_panel p = NAME(first_panel)(w, 0); p.columns > 0; p = NAME(next_panel)(w, &p))
        finite = NAME(gradient_panel_of)(window, false, w, &p, sums__bpcw + p.filter + c0 * p.width, c0, c1, df__ijck) && finite;
    return finite;
}
static bool NAME(winograd_gradient)(const conv_winograd *w, void *sums, int64_t c0, int64_t c1, void *to) {
    return w->window == 3 ? NAME(winograd_gradient_of)(3, w, sums, c0, c1, to) : NAME(winograd_gradient_of)(5, w, sums, c0, c1, to);
}

#if WINOGRAD_BY_PANELS
#include "conv_winograd_panels.h"
#endif

#undef A
#undef B
#undef AA
#undef BB
