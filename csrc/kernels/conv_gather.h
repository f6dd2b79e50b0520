/* Convolutions and their gradients of one real type, by the tiles of conv_tile.h; included once for float and double. */

SIMD_INLINE void NAME(copy_row)(REAL *to, const REAL *from, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) STORE(to + i, LOAD(from + i));
    if (i < n) STORE_PART(to + i, LOAD_PART(from + i, (int)(n - i)), (int)(n - i));
}

SIMD_INLINE void NAME(zero_row)(REAL *to, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) STORE(to + i, (VEC){0});
    if (i < n) STORE_PART(to + i, (VEC){0}, (int)(n - i));
}

/* Copies the region of images n0 to n1; what lies outside an image is 0. */
static void NAME(copy_region)(const conv_region *region, const int64_t *size, int64_t channels, const REAL *images, int64_t n0,
                              int64_t n1, REAL *to) {
    const int64_t *origin = region->origin, *extent = region->extent;
    const int64_t left = conv_max(0, conv_min(-origin[2], extent[2]));
    const int64_t end = conv_max(left, conv_min(size[2] - origin[2], extent[2]));
    for (int64_t n = n0; n < n1; n++)
        for (int64_t p0 = origin[0]; p0 < origin[0] + extent[0]; p0++)
            for (int64_t p1 = origin[1]; p1 < origin[1] + extent[1]; p1++, to += extent[2] * channels) {
                if (p0 < 0 || p0 >= size[0] || p1 < 0 || p1 >= size[1]) {
                    NAME(zero_row)(to, extent[2] * channels);
                    continue;
                }
                const REAL *row = images + (((n * size[0] + p0) * size[1] + p1) * size[2] + origin[2]) * channels;
                NAME(zero_row)(to, left * channels);
                NAME(copy_row)(to + left * channels, row + left * channels, (end - left) * channels);
                NAME(zero_row)(to + end * channels, (extent[2] - end) * channels);
            }
}

/* ---- forward, and the gradient of the image ---- */

/* Where each target position of the block reads, and where it is written. */
static int64_t NAME(point_positions)(const conv_gather *g, const conv_phase *phase, const conv_region *region, const REAL *source,
                                     REAL *target, const conv_block *block, const REAL **a, REAL **c) {
    const conv_phase *p = phase;
    int64_t at = 0;
    for (int64_t n = block->n0; n < block->n1; n++)
        for (int64_t i0 = block->r0; i0 < block->r1; i0++)
            for (int64_t i1 = 0; i1 < p[1].count; i1++) {
                const REAL *from = source + (n - block->n0) * region->image +
                                   (p[0].stride * i0 + p[0].first - region->origin[0]) * region->step[0] +
                                   (p[1].stride * i1 + p[1].first - region->origin[1]) * region->step[1] +
                                   (p[2].first - region->origin[2]) * region->step[2];
                const int64_t row = (n * g->target[0] + p[0].start + p[0].step * i0) * g->target[1] + p[1].start + p[1].step * i1;
                REAL *to = target + (row * g->target[2] + p[2].start) * g->columns;
                const int64_t from_step = p[2].stride * region->step[2], to_step = p[2].step * g->columns;
                for (int64_t i2 = 0; i2 < p[2].count; i2++, at++, from += from_step, to += to_step) a[at] = from, c[at] = to;
            }
    return at;
}

/* The steps that the tiles did not do, over rows of a panel of the target that are done. */
static void NAME(finish)(const conv_gather *g, void *const *operand, REAL *const *c, int64_t rows, int64_t column, int64_t columns) {
    const REAL *target = operand[g->n_in];
    for (int64_t i = 0; i < rows;) {
        int64_t run = 1;
        while (i + run < rows && c[i + run] == c[i] + run * g->columns) run++;
        const int64_t position = (c[i] - target) / g->columns;
        for (int k = g->n_in_tiles; k < g->n_steps; k++) {
            const step *s = &g->steps[k];
            const REAL *y = s->operand ? (const REAL *)operand[s->operand] + position * s->y.row + column * s->y.column : NULL;
            NAME(apply_step)(s, y, c[i] + column, g->columns, run, columns);
        }
        i += run;
    }
}

/* The tiles of all positions for the panels of the block's columns, summing one group of segments. */
static void NAME(gather_group)(const conv_gather *g, void *const *operand, conv_segment *segments, int64_t n, bool first,
                               bool last, const conv_block *block, int64_t positions, const REAL *const *a, REAL *const *c,
                               const conv_scratch *own) {
    const REAL *filter = operand[1], *bias = last && g->bias ? operand[g->bias] : NULL;
    NAME(tiling) t = {.segments = segments, .n_segments = n, .a_step = 1, .accumulate = !first, .relu = last && g->relu};
    for (int64_t column = block->column0; column < block->column1;) {
        const int64_t left = block->column1 - column;
        const int vectors = NAME(panel_vectors)(left, &t.last_lanes);
        t.b = filter;
        t.segments = segments;
        t.column = column;
        t.bias = bias ? bias + column : NULL;
        if (g->columns != vectors * LANES) {
            NAME(pack_columns)(filter + column, g->columns, left, vectors * LANES, segments, n, own->packed_segments, (REAL *)own->packed);
            t.b = (const REAL *)own->packed;
            t.segments = own->packed_segments;
        }
        int64_t tiles = conv_ceil(positions, conv_rows[vectors - 1]);
        for (int64_t at = 0; at < positions; tiles--) {
            const int64_t rows = conv_ceil(positions - at, tiles);
            NAME(tiles)[vectors - 1][rows - 1](&t, a + at, c + at);
            if (last && g->n_steps > g->n_in_tiles)
                NAME(finish)(g, operand, c + at, rows, column, conv_min(left, vectors * LANES));
            at += rows;
        }
        column += vectors * LANES;
    }
}

static void NAME(gather_block)(const conv_gather *g, void *const *operand, int64_t phase_index, const conv_block *block,
                               char *scratch) {
    conv_phase phase[CONV_AXES];
    conv_region region;
    conv_find_phases(g, phase_index, phase);
    conv_block part = *block;
    part.r1 = conv_min(part.r1, phase[0].count);
    if (part.r0 >= part.r1 || phase[1].count == 0 || phase[2].count == 0) return;
    const conv_scratch own = conv_lay_out(&g->layout, scratch);
    const REAL *images = operand[0];
    if (conv_find_region(g, phase, &part, &region)) {
        images += part.n0 * region.image;
    } else {
        NAME(copy_region)(&region, g->source, g->channels, operand[0], part.n0, part.n1, (REAL *)own.region);
        images = (const REAL *)own.region;
    }
    const REAL **a = (const REAL **)own.a;
    REAL **c = (REAL **)own.c;
    const int64_t positions = NAME(point_positions)(g, phase, &region, images, operand[g->n_in], &part, a, c);
    const int64_t n = conv_find_segments(g, phase, &region, own.segments);
    int64_t from = 0;
    do {
        int64_t to = from, length = 0;
        while (to < n && (to == from || length + own.segments[to].length <= g->k_block)) length += own.segments[to++].length;
        NAME(gather_group)(g, operand, own.segments + from, to - from, from == 0, to == n, &part, positions, a, c, &own);
        from = to;
    } while (from < n);
}

/* ---- the gradient of the filter ---- */

/* Where each row of the filter's gradient reads in the first window, and where its sums go. */
static void NAME(point_rows)(const conv_filter *f, const conv_region *region, const REAL *images, REAL *sums, int64_t row0,
                             int64_t row1, const REAL **a, REAL **c) {
    const conv_axis *axis = f->gather.axis;
    const int64_t channels = f->gather.channels;
    for (int64_t row = row0; row < row1; row++) {
        int64_t tap = row / channels;
        const int64_t channel = row % channels, tap2 = tap % axis[2].window;
        tap /= axis[2].window;
        a[row - row0] = images + tap / axis[1].window * axis[0].dilation * region->step[0] +
                        tap % axis[1].window * axis[1].dilation * region->step[1] +
                        tap2 * axis[2].dilation * region->step[2] + channel;
        c[row - row0] = sums + row * f->gather.columns;
    }
}

/* Adds (or begins with) the sums of one block of images for rows row0 to row1. */
static void NAME(filter_block)(const conv_filter *f, const conv_phase *phase, const void *source, const void *grad, REAL *sums,
                               bool first, const conv_block *block, int64_t row0, int64_t row1, const conv_scratch *own) {
    const conv_gather *g = &f->gather;
    conv_region region;
    const REAL *images = source;
    const bool direct = conv_find_region(g, phase, block, &region);
    if (!direct) {
        NAME(copy_region)(&region, g->source, g->channels, source, block->n0, block->n1, (REAL *)own->region);
        images = (const REAL *)own->region;
    }
    const REAL **a = (const REAL **)own->a;
    REAL **c = (REAL **)own->c;
    NAME(point_rows)(f, &region, images, sums, row0, row1, a, c);
    const int64_t n = conv_find_position_segments(g, phase, &region, direct ? 0 : block->n0, block, own->segments);
    NAME(tiling) t = {.n_segments = n, .a_step = phase[2].stride * region.step[2], .accumulate = !first};
    for (int64_t column = 0; column < g->columns;) {
        const int64_t left = g->columns - column;
        const int vectors = NAME(panel_vectors)(left, &t.last_lanes);
        t.b = grad;
        t.segments = own->segments;
        t.column = column;
        if (g->columns != vectors * LANES) {
            NAME(pack_columns)(t.b + column, g->columns, left, vectors * LANES, own->segments, n, own->packed_segments, (REAL *)own->packed);
            t.b = (const REAL *)own->packed;
            t.segments = own->packed_segments;
        }
        int64_t tiles = conv_ceil(row1 - row0, conv_rows[vectors - 1]);
        for (int64_t at = 0; at < row1 - row0; tiles--) {
            const int64_t rows = conv_ceil(row1 - row0 - at, tiles);
            NAME(tiles)[vectors - 1][rows - 1](&t, a + at, c + at);
            at += rows;
        }
        column += vectors * LANES;
    }
}

static void NAME(filter_task)(const conv_filter *f, const void *source, const void *grad, void *sums, int64_t block0,
                              int64_t block1, int64_t row0, int64_t row1, char *scratch) {
    const conv_scratch own = conv_lay_out(&f->gather.layout, scratch);
    conv_phase phase[CONV_AXES];
    conv_find_phases(&f->gather, 0, phase);
    for (int64_t i = block0; i < block1; i++) {
        const conv_block block = conv_block_at(&f->gather, i);
        NAME(filter_block)(f, phase, source, grad, sums, i == block0, &block, row0, row1, &own);
    }
    if (block0 == block1)
        for (int64_t row = row0; row < row1; row++) NAME(zero_row)((REAL *)sums + row * f->gather.columns, f->gather.columns);
}

/* sums[i] += more[i] over all the blocks, in their order. */
static void NAME(add_blocks)(void *sums, const void *more, int64_t blocks, int64_t size, int64_t i0, int64_t i1) {
    REAL *to = sums;
    for (int64_t block = 0; block < blocks; block++) {
        const REAL *from = (const REAL *)more + block * size;
        int64_t i = i0;
        for (; i + LANES <= i1; i += LANES) STORE(to + i, LOAD(to + i) + LOAD(from + i));
        for (; i < i1; i++) to[i] += from[i];
    }
}

#undef REAL
#undef VEC
#undef LANES
#undef NAME
#undef LOAD
#undef LOAD_PART
#undef STORE
#undef STORE_PART
#undef SPLAT
#undef SELECT
#undef EXP
#undef SIGMOID
#undef TANH
#undef ELU
#undef SELU
#undef SOFTPLUS
