/* The gradient of a filter of several panels of columns, of one real type; included once for float and double.
 *
 * A block's rows of A and a group of its panels of B are packed, so that the tiles read what lies side by side. Of A a tile reads a few
 * channels of each position: its lines would be pushed out of the first-level cache before the next tile reads the rest of them. Of B
 * a panel is part of a line or two of each position, which memory does not bring ahead; a group of panels is read in long pieces. Tiles
 * ask for what is packed after them.
 */

/* `rows` elements of each step, to CONV_PACKED_ROWS a step; those that come next are asked for, `ahead` elements from here. Eight
 * elements where a vector has them go where those of the next step will. */
SIMD_INLINE void NAME(pack_run)(const int rows, const REAL *from, int64_t step, int64_t length, int64_t ahead, REAL *to) {
    int64_t k = 0;
    enum { WIDE = 8 };
    if (rows == CONV_PACKED_ROWS && (int)LANES >= WIDE)
        for (; k < length - 1; k++, from += step, to += CONV_PACKED_ROWS) {
            __builtin_prefetch(from + ahead);
            memcpy(to, from, WIDE * sizeof(REAL));
        }
    for (; k < length; k++, from += step, to += CONV_PACKED_ROWS) {
        __builtin_prefetch(from + ahead);
        memcpy(to, from, (size_t)rows * sizeof(REAL));
    }
}

/* Rows of one tile, `length` elements of each. Those that lie side by side, as the channels of a tap do, are copied together. */
static void NAME(pack_tile_rows)(const REAL *const *row, int64_t rows, int64_t at, int64_t step, int64_t length, int64_t ahead,
                                 REAL *to) {
    for (int64_t i = 0, run; i < rows; i += run) {
        run = 1;
        while (i + run < rows && row[i + run] == row[i] + run) run++;
        const REAL *from = row[i] + at;
        switch (run) {
        case 1: NAME(pack_run)(1, from, step, length, ahead, to + i); break;
        case 2: NAME(pack_run)(2, from, step, length, ahead, to + i); break;
        case 3: NAME(pack_run)(3, from, step, length, ahead, to + i); break;
        case 4: NAME(pack_run)(4, from, step, length, ahead, to + i); break;
        case 5: NAME(pack_run)(5, from, step, length, ahead, to + i); break;
        default: NAME(pack_run)(CONV_PACKED_ROWS, from, step, length, ahead, to + i);
        }
    }
}

/* All rows as far as the segments go, tile after tile; the pointers then go there. A few positions of all tiles go together: the
 * channels of a position are read once. Returns how much the rows take. */
static int64_t NAME(pack_filter_rows)(const REAL **a, int64_t rows, int64_t step, const conv_segment *segments, int64_t n, REAL *to) {
    /* Positions as far apart as pages fall on the same few lines of the cache, and those that are asked for too. */
    const int64_t all_tiles = conv_ceil(rows, CONV_PACKED_ROWS), bytes = step * (int64_t)sizeof(REAL);
    const int64_t together = bytes % 4096 == 0 ? 4 : bytes % 2048 == 0 ? 8 : bytes % 1024 == 0 ? 16 : 32;
    int64_t length = 0, done = 0;
    for (int64_t s = 0; s < n; s++) length += segments[s].length;
    const int64_t tile = length * CONV_PACKED_ROWS;
    for (const conv_segment *s = segments; s < segments + n; done += s->length, s++)
        for (int64_t k = 0; k < s->length; k += together)
            for (int64_t at = 0, tiles = all_tiles, some; at < rows; at += some, tiles--) {
                some = conv_ceil(rows - at, tiles);
                NAME(pack_tile_rows)(a + at, some, s->a + k * step, step, conv_min(together, s->length - k), together * step,
                                     to + (all_tiles - tiles) * tile + (done + k) * CONV_PACKED_ROWS);
            }
    for (int64_t at = 0, tiles = all_tiles, some; at < rows; at += some, tiles--) {
        some = conv_ceil(rows - at, tiles);
        for (int64_t i = 0; i < some; i++) a[at + i] = to + (all_tiles - tiles) * tile + i;
    }
    return all_tiles * tile;
}

/* The segments of packed rows: those that follow each other in B become one. Returns how many there are. */
static int64_t NAME(point_at_packed)(conv_segment *segments, int64_t n) {
    int64_t found = 0, at = 0;
    for (int64_t s = 0; s < n; s++) {
        const conv_segment segment = {at * CONV_PACKED_ROWS, segments[s].b, segments[s].length};
        at += segment.length;
        if (found > 0 && segments[found - 1].b + segments[found - 1].length == segment.b) segments[found - 1].length += segment.length;
        else segments[found++] = segment;
    }
    return found;
}

/* A tile of packed rows by a panel: all its rows have one pointer. Every few steps it asks for a line from `next` on. */
SIMD_INLINE void NAME(packed_tile)(const int rows, const NAME(tiling) *t, const REAL *a, REAL *const *c, const char *next, int64_t next_step) {
    enum { VECTORS = CONV_PANEL_VECTORS };
    VEC sum[CONV_PACKED_ROWS][VECTORS];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) sum[i][v] = (VEC){0};
    for (const conv_segment *s = t->segments, *end = s + t->n_segments; s < end; s++) {
        const REAL *at = a + s->a, *b = t->b + s->b * VECTORS * LANES;
        for (int64_t left = s->length; left > 0; left -= CONV_ASKING_STEPS, next += next_step) {
            __builtin_prefetch(next, 0, CONV_ASKED_LEVEL);
            for (int64_t k = conv_min(left, CONV_ASKING_STEPS); k > 0; k--, at += CONV_PACKED_ROWS, b += VECTORS * LANES) {
                VEC b_row[VECTORS];
#pragma GCC unroll 4
                for (int v = 0; v < VECTORS; v++) b_row[v] = LOAD(b + v * LANES);
#pragma GCC unroll 6
                for (int i = 0; i < rows; i++) {
                    const VEC x = SPLAT(at[i]);
#pragma GCC unroll 4
                    for (int v = 0; v < VECTORS; v++) sum[i][v] += x * b_row[v];
                }
            }
        }
    }
    const int lanes = t->last_lanes;
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        REAL *to = c[i] + t->column, *last = to + (VECTORS - 1) * LANES;
#pragma GCC unroll 3
        for (int v = 0; v < VECTORS - 1; v++, to += LANES) STORE(to, t->accumulate ? sum[i][v] + LOAD(to) : sum[i][v]);
        VEC end = sum[i][VECTORS - 1];
        if (t->accumulate) end += lanes == LANES ? LOAD(last) : LOAD_PART(last, lanes);
        if (lanes == LANES) STORE(last, end);
        else STORE_PART(last, end, lanes);
    }
}

#define PACKED_TILE(rows)                                                                                                          \
    static __attribute__((noinline)) void NAME(packed_tile_##rows)(const NAME(tiling) *t, const REAL *a, REAL *const *c,           \
                                                                   const char *next, int64_t next_step) {                          \
        NAME(packed_tile)(rows, t, a, c, next, next_step);                                                                         \
    }
PACKED_TILE(1) PACKED_TILE(2) PACKED_TILE(3) PACKED_TILE(4) PACKED_TILE(5) PACKED_TILE(6)
#undef PACKED_TILE

/* The tiles of so many packed rows of a panel, `k` steps of each. */
static void NAME(packed_tiles)(const NAME(tiling) *t, int vectors, int64_t k, const REAL *const *a, REAL *const *c, int64_t rows, conv_asking *asking) {
    static void (*const tile[])(const NAME(tiling) *, const REAL *, REAL *const *, const char *, int64_t) = {
        NAME(packed_tile_1), NAME(packed_tile_2), NAME(packed_tile_3), NAME(packed_tile_4), NAME(packed_tile_5), NAME(packed_tile_6)};
    if (vectors != CONV_PANEL_VECTORS) {
        NAME(filter_tiles)(t, vectors, true, a, c, rows);
        return;
    }
    int64_t at = 0, step;
    for (int64_t tiles = conv_ceil(rows, CONV_PACKED_ROWS), some; at < rows; at += some, tiles--) { /* as they were packed */
        some = conv_ceil(rows - at, tiles);
        const char *next = conv_next_asked(asking, k / CONV_ASKING_STEPS, &step);
        tile[some - 1](t, a[at], c + at, next, step);
    }
}

/* What is packed next, of rows row0 to row1: the panels of B from column `column` on, or else the next block's first ones and its rows of A. */
static void NAME(ask_for)(const conv_filter *f, const REAL *source, const REAL *grad, const conv_block *block, int64_t column, int64_t row0,
                          int64_t row1, conv_asking *next) {
    const conv_gather *g = &f->gather;
    const int64_t width = CONV_PANEL_VECTORS * LANES, row_positions = g->target[1] * g->target[2], real_bytes = sizeof(REAL);
    *next = (conv_asking){0};
    const bool next_one = column == g->columns;
    const conv_block after = conv_block_after(g, block);
    if (next_one) {
        if (!block->goes_on || after.n0 == g->batch) return;
        column = 0, block = &after;
    }
    const int64_t columns = conv_cut_columns(g->columns - column, CONV_PACKED_GROUP * width, LANES);
    const int64_t first = (block->n0 * g->target[0] + block->r0) * row_positions, last = ((block->n1 - 1) * g->target[0] + block->r1) * row_positions;
    conv_add_asked(next, grad + first * g->columns + column, last - first, columns * real_bytes, g->columns * real_bytes);
    if (next_one) {
        const conv_axis *axis = &g->axis[0];
        const int64_t row = g->source[1] * g->source[2], from = conv_max(0, axis->stride * block->r0 - axis->before);
        const int64_t to = conv_min(g->source[0], axis->stride * (block->r1 - 1) - axis->before + axis->dilation * (axis->window - 1) + 1);
        const int64_t begin = (block->n0 * g->source[0] + from) * row, end = ((block->n1 - 1) * g->source[0] + to) * row;
        const bool one_tap = row0 / g->channels == (row1 - 1) / g->channels;
        const int64_t channel = one_tap ? row0 % g->channels : 0, channels = one_tap ? row1 - row0 : g->channels;
        conv_add_asked(next, source + begin * g->channels + channel, end - begin, channels * real_bytes, g->channels * real_bytes);
    }
}

/* Adds (or begins with) the sums of one block for rows row0 to row1; the block's images begin at `images`. */
static void NAME(filter_packed)(const conv_filter *f, const conv_phase *phase, const conv_region *region, const REAL *source, const REAL *images,
                                const REAL *grad, REAL *sums, bool first, const conv_block *block, int64_t row0, int64_t row1, const conv_scratch *own) {
    const conv_gather *g = &f->gather;
    conv_asking next = {0};
    const REAL **a = (const REAL **)own->a;
    REAL **c = (REAL **)own->c, *packed_b = (REAL *)own->packed;
    const int64_t row_positions = phase[1].count * phase[2].count, rows = (block->r1 - block->r0) * row_positions;
    const int64_t width = CONV_PANEL_VECTORS * LANES, k = (block->n1 - block->n0) * rows;
    NAME(tiling) t = {.segments = own->segments, .a_step = CONV_PACKED_ROWS, .accumulate = !first};
    REAL *packed_a = (REAL *)(own->region + f->packed_rows);
    for (int64_t row = row0, end; row < row1; row = end) {
        conv_span span[CONV_AXES];
        end = NAME(rows_alike)(f, phase, block, row, row1, span);
        NAME(point_rows)(f, phase, region, span, images, sums, row, end, a + row - row0, c + row - row0);
        t.n_segments = conv_find_position_segments(phase, region, block, span, true, own->segments);
        packed_a += NAME(pack_filter_rows)(a + row - row0, end - row, phase[2].stride * region->step[2], own->segments, t.n_segments, packed_a);
    }
    t.n_segments = NAME(point_at_packed)(own->segments, t.n_segments);
    for (int64_t group = 0, group_end = 0; t.column < g->columns;) {
        if (t.column == group_end) {
            const int64_t columns = conv_cut_columns(g->columns - t.column, CONV_PACKED_GROUP * width, LANES);
            group = group_end, group_end += columns;
            for (int64_t n = block->n0; n < block->n1; n++)
                NAME(pack_panels)(grad + (n * phase[0].count + block->r0) * row_positions * g->columns + group, g->columns,
                                  (n - block->n0) * rows, rows, columns, width, k * width, packed_b);
            NAME(ask_for)(f, source, grad, block, group_end, row0, row1, &next);
        }
        const int vectors = NAME(panel_vectors)(g->columns - t.column, true, &t.last_lanes);
        t.b = packed_b + (t.column - group) * k;
        for (int64_t row = row0, end; row < row1; row = end) {
            end = row1;
            if (g->exact) {
                conv_span span[CONV_AXES];
                end = NAME(rows_alike)(f, phase, block, row, row1, span);
                t.n_segments = conv_find_position_segments(phase, region, block, span, true, own->segments);
                t.n_segments = NAME(point_at_packed)(own->segments, t.n_segments);
            }
            NAME(packed_tiles)(&t, vectors, k, a + row - row0, c + row - row0, end - row, &next);
        }
        t.column += vectors * LANES;
    }
}
