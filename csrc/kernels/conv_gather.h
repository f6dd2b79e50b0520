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

/* Where each target position of a class in the block reads, and where it is written; returns how many there are. */
static int64_t NAME(point_positions)(const conv_gather *g, const conv_phase *phase, const conv_region *region, const conv_span *span,
                                     const REAL *source, REAL *target, const conv_block *block, const REAL **a, REAL **c) {
    const conv_phase *p = phase;
    const int64_t first = conv_first_of(phase, region, span);
    const bool sees = span[0].lo < span[0].hi && span[1].lo < span[1].hi && span[2].lo < span[2].hi;
    const int64_t from_step = sees ? p[2].stride * region->step[2] : 0, to_step = p[2].step * g->columns;
    int64_t at = 0;
    for (int64_t n = block->n0; n < block->n1; n++)
        for (int64_t i0 = span[0].i0; i0 < span[0].i1; i0++)
            for (int64_t i1 = span[1].i0; i1 < span[1].i1; i1++) {
                const int64_t row_of_source = (n - block->n0) * region->image + p[0].stride * (i0 - span[0].i0) * region->step[0] +
                                              p[1].stride * (i1 - span[1].i0) * region->step[1];
                const REAL *from = sees ? source + first + row_of_source : source;
                const int64_t row = (n * g->target[0] + p[0].start + p[0].step * i0) * g->target[1] + p[1].start + p[1].step * i1;
                REAL *to = target + (row * g->target[2] + p[2].start + p[2].step * span[2].i0) * g->columns;
                for (int64_t i2 = span[2].i0; i2 < span[2].i1; i2++, at++, from += from_step, to += to_step) a[at] = from, c[at] = to;
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

#if CONV_PACKS
/* A group of `columns` of `rows` rows of B, which are those from `row` on in its panels of `width`, `panel` elements apart; the last
 * one may be narrower. */
static void NAME(pack_panels)(const REAL *b, int64_t b_step, int64_t row, int64_t rows, int64_t columns, int64_t width, int64_t panel, REAL *to) {
    enum { AHEAD = 4 }; /* rows that are asked for */
    const int64_t whole = conv_even_columns(columns, LANES) / width, rest = columns - whole * width, rest_width = conv_ceil(rest, LANES) * LANES;
    REAL *last = to + whole * panel + row * rest_width;
    to += row * width;
    for (int64_t k = 0; k < rows; k++, b += b_step, to += width, last += rest_width) {
        for (int64_t p = 0; p < whole; p++)
            for (int64_t j = 0; j < width; j += LANES) {
                __builtin_prefetch(b + AHEAD * b_step + p * width + j);
                STORE(to + p * panel + j, LOAD(b + p * width + j));
            }
        int64_t j = 0;
        for (; j + LANES <= rest; j += LANES) STORE(last + j, LOAD(b + whole * width + j));
        if (j < rest) STORE(last + j, LOAD_PART(b + whole * width + j, (int)(rest - j)));
    }
}

/* Rows row0 to row1 (excluded) of the whole filter by panels. */
static void NAME(pack_filter)(const conv_gather *g, const void *filter, int64_t row0, int64_t row1, void *panels) {
    const int64_t width = CONV_PANEL_VECTORS * LANES;
    NAME(pack_panels)((const REAL *)filter + row0 * g->columns, g->columns, row0, row1 - row0, g->columns, width, g->filter_rows * width, panels);
}
#endif

/* What the panels of a block have in common: its pointers lie by class. */
typedef struct NAME(gathering) {
    const conv_gather *g;
    void *const *operand;
    const conv_phase *phase;
    const conv_region *region;
    const conv_spans *spans;
    const conv_block *block;
    const REAL *const *a;
    REAL *const *c;
    const REAL *panels; /* of the whole filter, or NULL: they are packed where they are wanted */
    conv_scratch own;
} NAME(gathering);

#if CONV_STREAMS
/* Whether a tile's sums, ended in it, go to the target's memory: where its rows are whole lines. */
static bool NAME(passes_cache)(const conv_gather *g, void *const *operand) {
    return g->passes_cache && (uintptr_t)operand[g->n_in] % SIMD_BYTES == 0;
}
#endif

/* Whether caches near a core keep the target. */
static bool NAME(keeps_target)(const conv_gather *g) {
    return g->batch * g->target[0] * g->target[1] * g->target[2] * g->columns * (int64_t)sizeof(REAL) <= CONV_KEPT_BYTES;
}

/* Asks for the lines of a panel of `vectors` vectors that rows at to end (excluded) of the target are written to; at AVX2 that is one line. */
SIMD_INLINE void NAME(ask_for_target)(REAL *const *c, int64_t at, int64_t end, int64_t column, int64_t vectors) {
    enum { LINE = HL_ALIGNMENT / sizeof(REAL) };
    for (; at < end; at++)
        for (int64_t j = 0; j < vectors * (int64_t)LANES; j += LINE) __builtin_prefetch(c[at] + column + j, 1);
}

/* The tiles of all positions for one panel of columns, summing one group of runs. */
static void NAME(gather_panel)(const NAME(gathering) *k, const conv_run *runs, int64_t n, bool last, bool packed, int vectors,
                               NAME(tiling) *t) {
    const conv_gather *g = k->g;
    const int64_t classes = conv_count_classes(k->spans), images = k->block->n1 - k->block->n0;
    const int64_t columns = conv_min(k->block->column1 - t->column, vectors * LANES);
    const int64_t waits = vectors > 2 ? CONV_SHORT_SUM : CONV_SHORT_SUM / 16; /* narrow ones follow each other in memory */
#if CONV_STREAMS
    const bool asks = !t->passes_cache && !g->dots && last && !t->accumulate && conv_rows_of(runs, n) <= waits && !NAME(keeps_target)(g);
#else
    const bool asks = false;
#endif
    int64_t at = 0;
    for (int64_t index = 0; index < classes; index++) {
        conv_span span[CONV_AXES];
        conv_class_at(k->spans, index, span);
        t->n_segments = conv_find_segments(g, k->phase, k->region, span, runs, n, packed, k->own.segments);
        const int64_t end = at + images * conv_positions_of(span);
        const int64_t most = CONV_PACKS && g->dots ? conv_max(24, end - at) : conv_rows[vectors - 1];
        for (int64_t tiles = conv_ceil(end - at, most); at < end; tiles--) {
            const int64_t rows = conv_ceil(end - at, tiles);
            if (asks) NAME(ask_for_target)(k->c, at + rows, conv_min(at + 2 * rows, end), t->column, vectors);
            if (g->dots) NAME(dots)((int)g->columns, t, conv_rows_of(runs, n), k->a + at, rows, k->c + at);
            else NAME(tiles)[vectors - 1][rows - 1](t, k->a + at, k->c + at);
            if (last && g->n_steps > g->n_in_tiles) NAME(finish)(g, k->operand, k->c + at, rows, t->column, columns);
            at += rows;
        }
    }
}

/* The panels of the block's columns, summing one group of runs. */
static void NAME(gather_group)(const NAME(gathering) *k, const conv_run *runs, int64_t n, bool first, bool last) {
    const conv_gather *g = k->g;
    const REAL *filter = k->operand[1], *bias = last && g->bias ? k->operand[g->bias] : NULL, *panels = CONV_PACKS ? k->panels : NULL;
    NAME(tiling) t = {.segments = k->own.segments, .a_step = 1, .accumulate = !first, .relu = last && g->relu};
#if CONV_STREAMS
    t.passes_cache = first && last && NAME(passes_cache)(g, k->operand);
#endif
    for (t.column = k->block->column0; t.column < k->block->column1;) {
        const int64_t left = k->block->column1 - t.column;
        const int vectors = NAME(panel_vectors)(left, panels != NULL, &t.last_lanes);
        const bool packed = !panels && g->columns != vectors * LANES;
        t.b = panels ? panels + t.column * g->filter_rows : packed ? (const REAL *)k->own.packed : filter;
        t.bias = bias ? bias + t.column : NULL;
        REAL *to = (REAL *)k->own.packed;
        for (const conv_run *run = runs; g->dots && run < runs + n; to += run->length, run++)
            NAME(pack_columns)(filter + run->b * g->columns, run->length, g->columns, conv_rows_of(runs, n), to);
        for (const conv_run *run = runs; !g->dots && packed && run < runs + n; to += run->length * vectors * LANES, run++)
            NAME(pack_rows)(filter + run->b * g->columns + t.column, g->columns, run->length, left, vectors * LANES, to);
        NAME(gather_panel)(k, runs, n, last, packed, vectors, &t);
        t.column += vectors * LANES;
    }
}

#if CONV_PACKS
/* Positions `at` to `end` (excluded) of a class by the panels of columns column0 to column1 (excluded), from t->b on, of so many vectors or,
 * the last one, fewer. Where `finishes`, all columns of the block are done then. */
static void NAME(go_across)(const NAME(gathering) *k, NAME(tiling) *t, int64_t at, int64_t end, int64_t column0, int64_t column1, int64_t panel,
                            int most, bool finishes) {
    const conv_gather *g = k->g;
    const conv_block *block = k->block;
    const REAL *bias = g->bias ? k->operand[g->bias] : NULL, *const first = t->b;
    /* Of windows of one position the next tile reads what none has read yet: this one asks for it, so much in each panel. */
    const int64_t length = t->n_segments == 1 ? t->segments[0].length : 0, asking = conv_ceil(length, CONV_ASKING_STEPS);
    const int64_t panels = conv_max(1, conv_ceil(column1 - column0, most * LANES));
    const bool asks = length >= 4 * CONV_ASKING_STEPS && most == CONV_PANEL_VECTORS && end - at > 1 && k->a[at + 1] - k->a[at] == length;
#if CONV_STREAMS
    const bool kept = t->passes_cache || NAME(keeps_target)(g);
#else
    const bool kept = NAME(keeps_target)(g);
#endif
    for (int64_t tiles = conv_ceil(end - at, conv_rows[most - 1]), rows; at < end; at += rows, tiles--) {
        rows = conv_ceil(end - at, tiles);
        const int64_t asked = kept ? at : conv_min(at + 2 * rows, end); /* the lines of the target that are written next */
        t->b = first;
        t->next = (const char *)(k->a[at] + rows * length);
        t->next_step = asks ? rows * length * (int64_t)sizeof(REAL) / (panels * asking) : 0;
        for (t->column = column0; t->column < column1; t->column += most * LANES, t->b += panel) {
            const int64_t left = conv_min(most * LANES, column1 - t->column), vectors = conv_ceil(left, LANES);
            t->bias = bias ? bias + t->column : NULL;
            t->last_lanes = (int)(left - (vectors - 1) * LANES);
            NAME(ask_for_target)(k->c, at + rows, asked, t->column, vectors);
            if (asks && rows == CONV_PACKED_ROWS && vectors == CONV_PANEL_VECTORS) {
                NAME(tile_that_asks)(t, k->a + at, k->c + at);
                t->next += asking * t->next_step;
            } else {
                NAME(tiles)[vectors - 1][rows - 1](t, k->a + at, k->c + at);
            }
        }
        if (finishes && g->n_steps > g->n_in_tiles)
            NAME(finish)(g, k->operand, k->c + at, rows, block->column0, block->column1 - block->column0);
    }
}

/* Where all panels of a small filter are packed at once: each tile's positions take all of them one after the other, so that the
 * target is written in long pieces. */
static void NAME(gather_across)(const NAME(gathering) *k, const conv_run *runs, int64_t n, int64_t length) {
    const conv_gather *g = k->g;
    const int64_t column0 = k->block->column0, column1 = k->block->column1, columns = column1 - column0;
    const int64_t even = conv_even_columns(columns, LANES), images = k->block->n1 - k->block->n0;
    const int64_t panel_rows = k->panels ? g->filter_rows : length, width = CONV_PANEL_VECTORS * LANES;
    const bool in_place = g->columns == width && n == 1; /* the filter is a panel already */
    const REAL *filter = k->operand[1], *panels = k->panels ? k->panels + column0 * g->filter_rows : (const REAL *)k->own.packed;
    if (in_place) panels = filter + runs->b * g->columns;
    NAME(tiling) t = {.segments = k->own.segments, .a_step = 1, .relu = g->relu};
#if CONV_STREAMS
    t.passes_cache = NAME(passes_cache)(g, k->operand);
#endif
    int64_t at = 0;
    for (const conv_run *run = runs; !k->panels && !in_place && run < runs + n; at += run->length, run++)
        NAME(pack_panels)(filter + run->b * g->columns + column0, g->columns, at, run->length, columns, width, panel_rows * width,
                          (REAL *)k->own.packed);
    at = 0;
    for (int64_t index = 0; index < conv_count_classes(k->spans); index++) {
        conv_span span[CONV_AXES];
        conv_class_at(k->spans, index, span);
        t.n_segments = conv_find_segments(g, k->phase, k->region, span, runs, n, !k->panels, k->own.segments);
        const int64_t end = at + images * conv_positions_of(span);
        t.b = panels;
        NAME(go_across)(k, &t, at, end, column0, column0 + even, panel_rows * width, CONV_PANEL_VECTORS, even == columns);
        t.b = panels + even * panel_rows;
        if (even < columns) NAME(go_across)(k, &t, at, end, column0 + even, column1, 0, CONV_MAX_VECTORS, true);
        at = end;
    }
}
#endif

static void NAME(gather_block)(const conv_gather *g, void *const *operand, int64_t phase_index, const conv_block *block,
                               const void *panels, char *scratch) {
    conv_phase phase[CONV_AXES];
    conv_region region;
    conv_spans spans;
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
    conv_cut_block(g, phase, &part, &spans);
    const int64_t classes = conv_count_classes(&spans);
    int64_t positions = 0;
    for (int64_t index = 0; index < classes; index++) {
        conv_span span[CONV_AXES];
        conv_class_at(&spans, index, span);
        positions += NAME(point_positions)(g, phase, &region, span, images, operand[g->n_in], &part,
                                           (const REAL **)own.a + positions, (REAL **)own.c + positions);
    }
    const int64_t n = conv_find_runs(g, phase, own.runs);
    const NAME(gathering) k = {g, operand, phase, &region, &spans, &part, own.a, own.c, panels, own};
#if CONV_PACKS
    const int64_t all = conv_rows_of(own.runs, n), columns = part.column1 - part.column0;
    if (conv_goes_across(g, all, columns, sizeof(REAL))) {
        NAME(gather_across)(&k, own.runs, n, all);
        return;
    }
#endif
    int64_t from = 0;
    do {
        int64_t to = from, length = 0;
        while (to < n && (to == from || length + own.runs[to].length <= g->k_block)) length += own.runs[to++].length;
        NAME(gather_group)(&k, own.runs + from, to - from, from == 0, to == n);
        from = to;
    } while (from < n);
}

/* ---- the gradient of the filter ---- */

/* Where each row of the filter's gradient reads for the first position of a class, and where its sums go. */
static void NAME(point_rows)(const conv_filter *f, const conv_phase *phase, const conv_region *region, const conv_span *span,
                             const REAL *images, REAL *sums, int64_t row0, int64_t row1, const REAL **a, REAL **c) {
    const conv_axis *axis = f->gather.axis;
    const int64_t channels = f->gather.channels;
    int64_t first[CONV_AXES];
    for (int i = 0; i < CONV_AXES; i++) first[i] = phase[i].stride * span[i].i0 + phase[i].first - region->origin[i];
    for (int64_t row = row0; row < row1;) {
        const int64_t tap = row / channels, j2 = tap % axis[2].window, j1 = tap / axis[2].window % axis[1].window;
        const int64_t j0 = tap / axis[2].window / axis[1].window, end = conv_min(row1, (tap + 1) * channels);
        const REAL *from = images + (first[0] + j0 * axis[0].dilation) * region->step[0] + (first[1] + j1 * axis[1].dilation) * region->step[1] +
                           (first[2] + j2 * axis[2].dilation) * region->step[2] - tap * channels;
        for (; row < end; row++) {
            a[row - row0] = from + row;
            c[row - row0] = sums + row * f->gather.columns;
        }
    }
}

/* The rows from `row` on whose windows see the source at the same positions: those of a tap, or all. */
static int64_t NAME(rows_alike)(const conv_filter *f, const conv_phase *phase, const conv_block *block, int64_t row, int64_t row1,
                                conv_span *span) {
    const conv_gather *g = &f->gather;
    int64_t tap = row / g->channels;
    const int64_t end = g->exact ? conv_min(row1, (tap + 1) * g->channels) : row1;
    for (int axis = CONV_AXES - 1; axis >= 0; axis--) {
        const int64_t i0 = axis == 0 ? block->r0 : 0, i1 = axis == 0 ? block->r1 : phase[axis].count;
        const int64_t j = tap % g->axis[axis].window;
        tap /= g->axis[axis].window;
        span[axis] = g->exact ? conv_find_positions(&phase[axis], g->source[axis], j, i0, i1) : (conv_span){i0, i1, 0, 0};
    }
    return end;
}

/* The tiles of so many rows of a panel. */
SIMD_INLINE void NAME(filter_tiles)(const NAME(tiling) *t, int vectors, bool packed, const REAL *const *a, REAL *const *c, int64_t rows) {
    int64_t at = 0;
    for (int64_t tiles = conv_ceil(rows, conv_rows[vectors - 1]); at < rows; tiles--) {
        const int64_t tile_rows = conv_ceil(rows - at, tiles);
#if CONV_STREAMS
        if (!packed) NAME(streaming_tiles)[vectors - 1][tile_rows - 1](t, a + at, c + at);
        else
#endif
            NAME(tiles)[vectors - 1][tile_rows - 1](t, a + at, c + at);
        at += tile_rows;
    }
}

#if CONV_PACKS
#include "conv_filter_packed.h"
#endif

/* Adds (or begins with) the sums of one block of images for rows row0 to row1. */
static void NAME(filter_block)(const conv_filter *f, const conv_phase *phase, const void *source, const void *grad, REAL *sums,
                               bool first, const conv_block *block, int64_t row0, int64_t row1, const conv_scratch *own) {
    const conv_gather *g = &f->gather;
    conv_region region;
    const REAL *images = source;
    if (conv_find_region(g, phase, block, &region)) {
        images += block->n0 * region.image;
    } else {
        NAME(copy_region)(&region, g->source, g->channels, source, block->n0, block->n1, (REAL *)own->region);
        images = (const REAL *)own->region;
    }
#if CONV_PACKS
    if (f->packed_rows) {
        NAME(filter_packed)(f, phase, &region, source, images, grad, sums, first, block, row0, row1, own);
        return;
    }
#endif
    const REAL **a = (const REAL **)own->a;
    REAL **c = (REAL **)own->c;
    const int64_t row_positions = phase[1].count * phase[2].count, rows = block->r1 - block->r0;
    NAME(tiling) t = {.segments = own->segments, .a_step = phase[2].stride * region.step[2], .accumulate = !first};
    for (; t.column < g->columns;) {
        const int64_t left = g->columns - t.column;
        const int vectors = NAME(panel_vectors)(left, false, &t.last_lanes);
        const bool packed = g->columns != vectors * LANES;
        t.b = packed ? (const REAL *)own->packed : grad;
        for (int64_t n = block->n0; packed && n < block->n1; n++)
            NAME(pack_rows)((const REAL *)grad + (n * phase[0].count + block->r0) * row_positions * g->columns + t.column, g->columns,
                            rows * row_positions, left, vectors * LANES,
                            (REAL *)own->packed + (n - block->n0) * rows * row_positions * vectors * LANES);
        for (int64_t row = row0, end; row < row1; row = end) {
            conv_span span[CONV_AXES];
            end = NAME(rows_alike)(f, phase, block, row, row1, span);
            NAME(point_rows)(f, phase, &region, span, images, sums, row, end, a, c);
            t.n_segments = conv_find_position_segments(phase, &region, block, span, packed, own->segments);
            NAME(filter_tiles)(&t, vectors, packed, a, c, end - row);
        }
        t.column += vectors * LANES;
    }
}

static void NAME(filter_task)(const conv_filter *f, const void *source, const void *grad, void *sums, int64_t block0,
                              int64_t block1, int64_t row0, int64_t row1, char *scratch) {
    const conv_scratch own = conv_lay_out(&f->gather.layout, scratch);
    conv_phase phase[CONV_AXES];
    conv_find_phases(&f->gather, 0, phase);
    for (int64_t i = block0; i < block1; i++) {
        conv_block block = conv_block_at(&f->gather, i);
        block.r1 = conv_min(block.r1, phase[0].count);
#if CONV_PACKS
        block.goes_on = i + 1 < block1 || f->row_parts == 1;
#endif
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
