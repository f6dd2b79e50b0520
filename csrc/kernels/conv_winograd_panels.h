/* Minimal filtering with a large filter, of one real type; included by conv_winograd.h.
 *
 * A transformed filter is four times as large as the filter. Where no cache near a core keeps it, storing it and reading it for each block
 * of tiles takes longer than the multiplications. So a task transforms a piece of it, some channels of a panel of columns, and multiplies
 * it at once by the values of all tiles of its block; those are transformed before, for all tasks. The sums of a filter's gradient, which
 * are as large, are transformed back by the task that makes them.
 */

/* Some channels of a panel of a filter or of its gradient, of which the tiles ask for some rows each: all at once they would stand before
 * what the tiles wait for. */
typedef struct NAME(asked_piece) {
    const REAL *from;
    int64_t row, rows, channels, row_step, tap_step, width;
    bool to_write;
} NAME(asked_piece);

static NAME(asked_piece) NAME(ask_for_piece)(const conv_winograd *w, const winograd_panel *p, const REAL *f__ijck, int64_t c0, int64_t c1, bool to_write) {
    return (NAME(asked_piece)){f__ijck + c0 * w->columns + p->column, 0, w->window * w->window * (c1 - c0), c1 - c0, w->columns,
                               w->channels * w->columns, p->columns, to_write};
}

SIMD_INLINE void NAME(ask_for_rows)(NAME(asked_piece) *asked, int64_t rows) {
    enum { LINE = HL_ALIGNMENT / sizeof(REAL), SECOND_LEVEL = 2 };
    for (const int64_t end = conv_min(asked->row + rows, asked->rows); asked->row < end; asked->row++) {
        const REAL *from = asked->from + asked->row / asked->channels * asked->tap_step + asked->row % asked->channels * asked->row_step;
        for (int64_t j = 0; j < asked->width; j += LINE) {
            if (asked->to_write) __builtin_prefetch(from + j, 1);
            else __builtin_prefetch(from + j, 0, SECOND_LEVEL);
        }
    }
}

/* The products of one point as by `multiply`, of whose tiles each asks for so many rows. */
SIMD_INLINE void NAME(multiply_and_ask)(const REAL *const *a, int64_t a_at, int64_t a_step, const REAL *b, int64_t k, int vectors, bool accumulate,
                                        REAL *const *c, int64_t c_at, int64_t rows, NAME(asked_piece) *asked, int64_t asked_rows) {
    int64_t at = 0;
    for (int64_t tiles = conv_ceil(rows, conv_rows[vectors - 1]), some; at < rows; tiles--, at += some) {
        some = conv_ceil(rows - at, tiles);
        NAME(ask_for_rows)(asked, asked_rows);
        NAME(multiply)(a + at, a_at, a_step, b, k, vectors, accumulate, c + at, c_at, some);
    }
}

/* ---- forward, and the gradient of the image ---- */

/* The values of one tile: x__bqptc, of blocks b of tiles and pieces q of channels. */
static void NAME(transform_for_panels)(const conv_winograd *w, const void *x__nyxc, int64_t first_block, int64_t tile, void *shared, char *scratch) {
    const winograd_tile t = winograd_tile_at(w, tile);
    const int64_t point = winograd_piece_point(w, sizeof(REAL)), next = WINOGRAD_PRODUCTS * point, pieces = conv_ceil(w->channels, w->piece);
    REAL *zeros = (REAL *)(scratch + w->zeros);
    REAL *to = (REAL *)shared + (tile / w->block_tiles - first_block) * pieces * next + tile % w->block_tiles * w->piece;
    NAME(zero_row)(zeros, w->channels);
    NAME(transform_pieces)(w, &t, x__nyxc, 0, w->channels, w->piece, next, zeros, point, to);
}

static void NAME(transform_panel)(const conv_winograd *w, const winograd_panel *p, const REAL *f__ijck, int64_t c0, int64_t c1, REAL *f__pcw) {
    if (w->window == 3) NAME(transform_panel_of)(3, w, p, f__ijck, c0, c1, f__pcw);
    else NAME(transform_panel_of)(5, w, p, f__ijck, c0, c1, f__pcw);
}

/* One panel of columns of one block of tiles, whose values begin at x__qptc. */
static void NAME(winograd_panel)(const conv_gather *g, void *const *operand, const void *x__qptc, int64_t block_index, int64_t part, char *scratch) {
    const conv_winograd *w = &g->winograd;
    const int64_t t0 = block_index * w->block_tiles, tiles = conv_min(w->block_tiles, w->n_tiles - t0);
    const int64_t x_point = winograd_piece_point(w, sizeof(REAL));
    REAL *f__pcw = (REAL *)(scratch + w->values), *zeros = (REAL *)(scratch + w->zeros);
    const REAL *x__ptc = x__qptc, **rows = (const REAL **)(scratch + w->rows);
    REAL **sums = (REAL **)(scratch + w->targets);
    NAME(winograd_block) block = {.g = g, .source = operand[0], .filter = operand[1], .bias = g->bias ? operand[g->bias] : NULL,
                                  .target = operand[g->n_in], .operand = operand, .zeros = zeros,
                                  .products__ptw = (REAL *)(scratch + w->products), .packed = (REAL *)(scratch + w->packed)};
    winograd_panel p = NAME(panel_at)(w, part * w->part_columns, 0);
    p.point = winograd_stride(w->piece, p.width, sizeof(REAL));
    block.point = winograd_stride(w->block_tiles, p.width, sizeof(REAL));
    NAME(zero_row)(zeros, w->channels);
    for (int64_t i = 0; i < tiles; i++) sums[i] = block.products__ptw + i * p.width;
    for (int64_t c = 0; c < w->channels; c += w->piece, x__ptc += WINOGRAD_PRODUCTS * x_point) {
        const int64_t end = conv_min(w->channels, c + w->piece);
        NAME(transform_panel)(w, &p, operand[1], c, end, f__pcw);
        for (int64_t i = 0; i < tiles; i++) rows[i] = x__ptc + i * w->piece;
        NAME(asked_piece) next = NAME(ask_for_piece)(w, &p, operand[1], end, conv_min(w->channels, end + w->piece), false);
        const int64_t each = conv_ceil(next.rows, WINOGRAD_PRODUCTS * conv_ceil(tiles, conv_rows[p.vectors - 1]));
        for (int64_t point = 0; point < WINOGRAD_PRODUCTS; point++)
            NAME(multiply_and_ask)(rows, point * x_point, 1, f__pcw + point * p.point, end - c, p.vectors, c > 0, sums, point * block.point, tiles,
                                   &next, each);
    }
    for (int64_t i = 0; i < tiles; i++) {
        const winograd_tile t = winograd_tile_at(w, t0 + i);
        NAME(finish_tile)(&block, &p, &t, i);
    }
}

/* ---- the gradient of the filter ---- */

/* Where the values of a panel of the gradient of the target begin: behind all pieces of the source's. */
static REAL *NAME(panel_values)(const conv_winograd *w, void *shared, int64_t panel) {
    const int64_t point = winograd_stride(w->n_tiles, w->panel_columns, sizeof(REAL));
    return (REAL *)shared + (w->channel_parts * winograd_piece_point(w, sizeof(REAL)) + panel * point) * WINOGRAD_PRODUCTS;
}

/* The values of one tile of source and gradient: x__qptc by pieces, dy__kptw by panels. */
static void NAME(transform_both)(const conv_winograd *w, const void *x__nyxc, const void *dy__nyxk, int64_t tile, void *shared, char *scratch) {
    const winograd_tile t = winograd_tile_at(w, tile);
    NAME(transform_for_panels)(w, x__nyxc, 0, tile, shared, scratch);
    for (int64_t panel = 0; panel < w->parts; panel++) {
        const winograd_panel p = NAME(panel_at)(w, panel * w->panel_columns, 0);
        NAME(transform_target)(w, &p, &t, dy__nyxk, winograd_stride(w->n_tiles, p.width, sizeof(REAL)),
                               NAME(panel_values)(w, shared, panel) + tile * p.width);
    }
}

/* The gradient of one piece of channels by one panel of columns; returns whether all of it is finite. */
static bool NAME(winograd_piece)(const conv_winograd *w, void *shared, int64_t piece, int64_t panel, void *df__ijck, char *scratch) {
    const int64_t c0 = piece * w->piece, c1 = conv_min(c0 + w->piece, w->channels), x_point = winograd_piece_point(w, sizeof(REAL));
    winograd_panel p = NAME(panel_at)(w, panel * w->panel_columns, 0);
    const int64_t dy_point = winograd_stride(w->n_tiles, p.width, sizeof(REAL));
    const REAL *x__ptc = (const REAL *)shared + piece * WINOGRAD_PRODUCTS * x_point, *dy__ptw = NAME(panel_values)(w, shared, panel);
    REAL *sums__pcw = (REAL *)(scratch + w->values), **sums = (REAL **)(scratch + w->targets);
    const REAL **rows = (const REAL **)(scratch + w->rows);
    p.point = winograd_stride(w->piece, p.width, sizeof(REAL));
    for (int64_t c = c0; c < c1; c++) rows[c - c0] = x__ptc + c - c0, sums[c - c0] = sums__pcw + (c - c0) * p.width;
    NAME(asked_piece) target = NAME(ask_for_piece)(w, &p, df__ijck, c0, c1, true);
    const int64_t calls = WINOGRAD_PRODUCTS * conv_ceil(w->n_tiles, WINOGRAD_K_BLOCK) * conv_ceil(c1 - c0, conv_rows[p.vectors - 1]);
    for (int64_t point = 0; point < WINOGRAD_PRODUCTS; point++)
        for (int64_t t = 0; t < w->n_tiles; t += WINOGRAD_K_BLOCK)
            NAME(multiply_and_ask)(rows, point * x_point + t * w->piece, w->piece, dy__ptw + point * dy_point + t * p.width,
                                   conv_min(WINOGRAD_K_BLOCK, w->n_tiles - t), p.vectors, t > 0, sums, point * p.point, c1 - c0, &target,
                                   conv_ceil(target.rows, calls));
    return w->window == 3 ? NAME(gradient_panel_of)(3, true, w, &p, sums__pcw, c0, c1, df__ijck)
                          : NAME(gradient_panel_of)(5, true, w, &p, sums__pcw, c0, c1, df__ijck);
}
