/* The gradient of a filter of several panels of columns, of one real type; included once for float and double.
 *
 * A block's rows of A and a group of its panels of B are packed, so that the tiles read what lies side by side. Of A a tile reads a few
 * channels of each position: its lines would be pushed out of the first-level cache before the next tile reads the rest of them. Of B
 * a panel is part of a line or two of each position, which memory does not bring ahead; a group of panels is read in long pieces.
 */

/* `rows` elements of each step, to CONV_PACKED_ROWS a step; those that come next are asked for, `ahead` elements from here. */
SIMD_INLINE void NAME(pack_run)(const int rows, const REAL *from, int64_t step, int64_t length, int64_t ahead, REAL *to) {
    for (int64_t k = 0; k < length; k++, from += step, to += CONV_PACKED_ROWS) {
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
    enum { FAR_BYTES = 2048 }; /* as far apart, more positions would push each other out of the cache */
    const int64_t all_tiles = conv_ceil(rows, CONV_PACKED_ROWS), together = step * (int64_t)sizeof(REAL) < FAR_BYTES ? 32 : 16;
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

/* Adds (or begins with) the sums of one block for rows row0 to row1; the block's images begin at `images`. */
static void NAME(filter_packed)(const conv_filter *f, const conv_phase *phase, const conv_region *region, const REAL *images, const REAL *grad,
                                REAL *sums, bool first, const conv_block *block, int64_t row0, int64_t row1, const conv_scratch *own) {
    const conv_gather *g = &f->gather;
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
        }
        const int vectors = NAME(panel_vectors)(g->columns - t.column, &t.last_lanes);
        t.b = packed_b + (t.column - group) * k;
        for (int64_t row = row0, end; row < row1; row = end) {
            end = row1;
            if (g->exact) {
                conv_span span[CONV_AXES];
                end = NAME(rows_alike)(f, phase, block, row, row1, span);
                t.n_segments = conv_find_position_segments(phase, region, block, span, true, own->segments);
                t.n_segments = NAME(point_at_packed)(own->segments, t.n_segments);
            }
            NAME(filter_tiles)(&t, vectors, a + row - row0, c + row - row0, end - row);
        }
        t.column += vectors * LANES;
    }
}
