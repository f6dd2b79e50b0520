/* How a convolution is cut: phases, blocks, regions and segments, whatever the type of its elements.
 *
 * Forward, a target position sums over taps and channels of the image. The gradient of the image is the same with image and
 * target exchanged and the filter turned round: with a stride, the positions fall into phases, each of which sees every
 * stride-th tap. The channels under a row of taps lie side by side in the source. Beyond its edges there are zeros, which
 * are met in one of two ways. Either a block of target positions reads a region of the source that is copied with its border;
 * or the positions are sorted by the taps that see the source, and the others are skipped: then all is read in place.
 * On an image of 14 by 14 a window of 5 by 5 sees zeros with a sixth of its taps.
 */
#ifndef HOOKLOOP_CONV_GATHER_TYPES_H
#define HOOKLOOP_CONV_GATHER_TYPES_H

#include "conv_geometry.h"
#include "conv_winograd_types.h"
#include "epilogue.h"
#include "simd.h"

#if defined(__AVX512F__) || defined(__aarch64__)
#define CONV_MAX_ROWS 12
#define CONV_MAX_VECTORS 4
static const int conv_rows[CONV_MAX_VECTORS] = {12, 12, 8, 6};
#ifdef __AVX512F__
#define CONV_PACKS 1
#define CONV_STREAMS 1
#endif
#elif defined(__AVX__)
#define CONV_MAX_ROWS 12
#define CONV_MAX_VECTORS 3
#define CONV_PANEL_VECTORS 2
static const int conv_rows[CONV_MAX_VECTORS] = {12, 6, 4};
#define CONV_PACKS 1
#else
#define CONV_MAX_ROWS 8
#define CONV_MAX_VECTORS 2
static const int conv_rows[CONV_MAX_VECTORS] = {8, 4};
#endif

/* The vectors of a panel. Where it has fewer than there may be, the last one of an odd number has one more: the tiles of a single vector
 * are slower. */
#ifndef CONV_PANEL_VECTORS
#define CONV_PANEL_VECTORS CONV_MAX_VECTORS
#endif

/* Whether what tiles read is packed where several read it, and asked for ahead. */
#ifndef CONV_PACKS
#define CONV_PACKS 0
#endif

/* Whether tiles ask for what lies ahead in a B that they read in place, and for what short sums are written to. */
#ifndef CONV_STREAMS
#define CONV_STREAMS 0
#endif

/* What is packed, by the width of a panel and the size of the first-level cache: of the rows of a filter's gradient those that
 * CONV_PACKED_PANELS panels at least read, or so many channels under windows of one position, and, panels together, so many positions of a
 * row; of positions, as many as leave a panel of B in that cache; of a filter all at once where more than CONV_PACKED_BLOCKS blocks read it.
 * Tiles ask for a line every CONV_ASKING_STEPS of k, for which one panel may be enough; what is packed later they want no nearer than in
 * CONV_ASKED_LEVEL of the caches (3 is the first one, 2 the second). */
#ifdef __AVX512F__
enum { CONV_PACKED_PANELS = 2, CONV_PACKED_CHANNELS = 64, CONV_PACKED_RUNS = 32, CONV_PACKED_POSITIONS = 128, CONV_PACKED_BLOCKS = 2 };
enum { CONV_ASKING_STEPS = 2, CONV_ASKS_IN_ONE = 1, CONV_AHEAD_BYTES = 4096, CONV_ASKED_LEVEL = 2 };
#else
enum { CONV_PACKED_PANELS = 4, CONV_PACKED_CHANNELS = 1 << 30, CONV_PACKED_RUNS = 0, CONV_PACKED_POSITIONS = 256, CONV_PACKED_BLOCKS = 1 };
enum { CONV_ASKING_STEPS = 4, CONV_ASKS_IN_ONE = 0, CONV_ASKED_LEVEL = 3 };
#endif

enum {
    CONV_PACKED_ROWS = 6,         /* that lie side by side */
    CONV_ACROSS_BYTES = 256 << 10, /* of a filter whose panels are all packed at once */
    CONV_PACKED_STEP = 128,       /* bytes between positions at least: those of fewer share lines */
    CONV_PACKED_GROUP = 8,        /* panels that are packed together */
    CONV_KEPT_BYTES = 1 << 20,    /* of a target that caches near a core keep */
    CONV_SHORT_SUM = 256,         /* products, whose tiles wait for the lines of the target */
    CONV_MAX_K_BLOCK = 1024,      /* rows of B that stay in the second-level cache while the tiles of a block pass */
    CONV_REGION_BYTES = 256 << 10,
    CONV_WANTED_TASKS = 16,
    CONV_ENOUGH_POSITIONS = 48,   /* of a block: below it, what is done once for it weighs too much */
    CONV_GOOD_POSITIONS = 256,
    CONV_GOOD_ROWS = 192,         /* of a filter's gradient that one task works on */
    CONV_MAX_SPANS = 33           /* of an axis: a window of 17 at both of its edges */
};

/* A run of k: A advances by a step from `a` on, B by rows from row `b` on. */
typedef struct conv_segment { int64_t a, b, length; } conv_segment;

/* Rows of B, from row `b` on: those under the taps j0 and j1 of the first axes, from element k of the row of taps and channels. */
typedef struct conv_run { int64_t j0, j1, k, length, b; } conv_run;

/* Positions i0 to i1 (excluded) of one axis, which see the source under the taps lo to hi (excluded). */
typedef struct conv_span { int64_t i0, i1, lo, hi; } conv_span;
typedef struct conv_spans { int64_t n[CONV_AXES]; conv_span of[CONV_AXES][CONV_MAX_SPANS]; } conv_spans;

/* Images n0 to n1 (excluded), positions r0 to r1 of axis 0, some of the target's columns. */
typedef struct conv_block {
    int64_t n0, n1, r0, r1, column0, column1;
#if CONV_PACKS
    bool goes_on; /* the next one comes next, in this task or in one like it */
#endif
} conv_block;

/* The part of the source that a block reads: its first position, its extent, and steps in elements. */
typedef struct conv_region { int64_t origin[CONV_AXES], extent[CONV_AXES], step[CONV_AXES], image; } conv_region;

/* Offsets in a worker's scratch. */
typedef struct conv_layout { int64_t region, packed, a, c, segments, runs, bytes; } conv_layout;
typedef struct conv_scratch { char *region, *packed; void *a, *c; conv_segment *segments; conv_run *runs; } conv_scratch;

typedef struct conv_gather {
    conv_axis axis[CONV_AXES];
    int64_t batch, channels, columns; /* of the source, and of the target */
    int64_t source[CONV_AXES], target[CONV_AXES];
    int64_t k_block, images_per_block, rows_per_block, image_blocks, row_blocks, column_parts, phases;
    bool transposed;
    bool dots;                      /* whether there are so few columns that vectors go along k */
    bool passes_cache;              /* whether the target is more than the cache should keep, and nothing reads it here */
    bool exact;                     /* whether taps beyond the edges are skipped */
    int n_in, n_steps, n_in_tiles;  /* the steps that end a sum, and how many of them the tiles do themselves */
    int bias;                       /* the operand that the tiles add, 0: none */
    bool relu;                      /* whether the tiles do it */
    step steps[MAX_STEPS];
    double cost_ns;
    conv_layout layout;
    conv_winograd winograd; /* where that is chosen */
    int64_t filter_rows;    /* of the filter whose panels are packed once for all blocks, 0: not so */
} conv_gather;

typedef struct conv_filter {
    conv_gather gather;
    int64_t rows, size;                  /* of the gradient: taps and channels, elements */
    int64_t blocks, sum_blocks;          /* of images, and how many partial sums they are added up in */
    int64_t row_parts, rows_per_part;
    int64_t packed_rows;                 /* where they are in scratch, 0: none are packed */
} conv_filter;

static inline void conv_find_phases(const conv_gather *g, int64_t index, conv_phase *phase) {
    for (int axis = CONV_AXES - 1; axis >= 0; axis--) {
        const int64_t phases = g->transposed ? g->axis[axis].stride : 1;
        conv_find_phase(&g->axis[axis], g->transposed, index % phases, &phase[axis]);
        index /= phases;
    }
}

static inline conv_block conv_block_at(const conv_gather *g, int64_t index) {
    const int64_t n0 = index / g->row_blocks * g->images_per_block, r0 = index % g->row_blocks * g->rows_per_block;
    return (conv_block){n0, conv_min(n0 + g->images_per_block, g->batch), r0, r0 + g->rows_per_block, 0, g->columns};
}

#if CONV_PACKS
/* The block after another one, of which there are no more where n0 is the batch. */
static inline conv_block conv_block_after(const conv_gather *g, const conv_block *block) {
    conv_block next = *block;
    next.r0 = block->r1 < g->target[0] ? block->r1 : 0;
    next.r1 = conv_min(next.r0 + g->rows_per_block, g->target[0]);
    if (next.r0 == 0) next.n0 = block->n1, next.n1 = conv_min(block->n1 + g->images_per_block, g->batch);
    return next;
}
#endif

/* The taps under which position i of an axis sees the source: from lo to hi (excluded). */
static inline void conv_find_taps(const conv_phase *p, int64_t source, int64_t i, int64_t *lo, int64_t *hi) {
    const int64_t at = p->stride * i + p->first;
    *lo = at >= 0 ? 0 : conv_ceil(-at, p->dilation);
    *hi = at >= source ? 0 : conv_min(p->taps, conv_ceil(source - at, p->dilation));
    if (*lo >= *hi) *lo = *hi = 0;
}

/* The positions i0 to i1 (excluded) under which tap j of an axis sees the source, as such. */
static inline conv_span conv_find_positions(const conv_phase *p, int64_t source, int64_t j, int64_t i0, int64_t i1) {
    const int64_t at = p->first + p->dilation * j;
    const int64_t begin = at >= 0 ? 0 : conv_ceil(-at, p->stride), end = at >= source ? 0 : conv_ceil(source - at, p->stride);
    conv_span found = {conv_max(i0, begin), conv_min(i1, end), j, j + 1};
    if (found.i1 < found.i0) found.i1 = found.i0;
    return found;
}

/* Cuts positions i0 to i1 (excluded) of an axis by the taps they see; returns the number of spans, or `limit` + 1 if it is more. */
static inline int64_t conv_find_spans(const conv_phase *p, int64_t source, int64_t i0, int64_t i1, conv_span *spans, int64_t limit) {
    int64_t n = 0;
    for (int64_t i = i0; i < i1;) {
        int64_t lo, hi, next = i + 1;
        conv_find_taps(p, source, i, &lo, &hi);
        if (lo == 0 && hi == p->taps && hi > 0) /* until the last tap of a position is beyond the edge */
            next = conv_min(i1, (source - 1 - p->first - p->dilation * (hi - 1)) / p->stride + 1);
        if (n > 0 && spans[n - 1].lo == lo && spans[n - 1].hi == hi) spans[n - 1].i1 = next;
        else if (n == limit) return limit + 1;
        else spans[n++] = (conv_span){i, next, lo, hi};
        i = next;
    }
    return n;
}

/* The spans of a block's positions. */
static inline void conv_cut_block(const conv_gather *g, const conv_phase *phase, const conv_block *block, conv_spans *spans) {
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const int64_t i0 = axis == 0 ? block->r0 : 0, i1 = axis == 0 ? block->r1 : phase[axis].count;
        spans->n[axis] = 1;
        spans->of[axis][0] = (conv_span){i0, i1, 0, phase[axis].taps};
        if (g->exact) spans->n[axis] = conv_find_spans(&phase[axis], g->source[axis], i0, i1, spans->of[axis], CONV_MAX_SPANS);
    }
}

static inline int64_t conv_count_classes(const conv_spans *spans) { return spans->n[0] * spans->n[1] * spans->n[2]; }

/* One span of each axis: the positions of a class see the same taps. */
static inline void conv_class_at(const conv_spans *spans, int64_t index, conv_span *span) {
    for (int axis = CONV_AXES - 1; axis >= 0; axis--) {
        span[axis] = spans->of[axis][index % spans->n[axis]];
        index /= spans->n[axis];
    }
}

static inline int64_t conv_positions_of(const conv_span *span) {
    return (span[0].i1 - span[0].i0) * (span[1].i1 - span[1].i0) * (span[2].i1 - span[2].i0);
}

/* Finds what a block reads; returns whether it is read in place. */
static inline bool conv_find_region(const conv_gather *g, const conv_phase *phase, const conv_block *block, conv_region *region) {
    bool inside = true, empty = false;
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const conv_phase *p = &phase[axis];
        const int64_t i0 = axis == 0 ? block->r0 : 0, i1 = axis == 0 ? block->r1 : p->count;
        region->origin[axis] = p->stride * i0 + p->first;
        region->extent[axis] = p->taps ? p->stride * (i1 - 1 - i0) + p->dilation * (p->taps - 1) + 1 : 0;
        inside = inside && region->origin[axis] >= 0 && region->origin[axis] + region->extent[axis] <= g->source[axis];
        empty = empty || region->extent[axis] == 0;
    }
    inside = inside || empty || g->exact;
    const int64_t *size = inside ? g->source : region->extent;
    region->step[2] = g->channels;
    region->step[1] = size[2] * g->channels;
    region->step[0] = size[1] * region->step[1];
    region->image = size[0] * region->step[0];
    if (inside)
        for (int axis = 0; axis < CONV_AXES; axis++) region->origin[axis] = 0;
    return inside;
}

/* Where the first tap of a class lies for the first of its positions, from the start of an image. */
static inline int64_t conv_first_of(const conv_phase *phase, const conv_region *region, const conv_span *span) {
    int64_t at = 0;
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const conv_phase *p = &phase[axis];
        at += (p->stride * span[axis].i0 + p->first + p->dilation * span[axis].lo - region->origin[axis]) * region->step[axis];
    }
    return at;
}

/* The runs of taps and channels under a window, none longer than a block of k. */
static inline int64_t conv_find_runs(const conv_gather *g, const conv_phase *phase, conv_run *runs) {
    const conv_phase *p = phase;
    const bool side_by_side = p[2].dilation == 1 && p[2].tap_step == 1;
    const int64_t taps = side_by_side ? conv_min(p[2].taps, 1) : p[2].taps, length = g->channels * (side_by_side ? p[2].taps : 1);
    int64_t n = 0;
    for (int64_t j0 = 0; j0 < p[0].taps; j0++)
        for (int64_t j1 = 0; j1 < p[1].taps; j1++)
            for (int64_t j2 = 0; j2 < taps; j2++) {
                const int64_t tap = ((p[0].tap + p[0].tap_step * j0) * g->axis[1].window + p[1].tap + p[1].tap_step * j1) *
                                        g->axis[2].window + p[2].tap + p[2].tap_step * j2;
                for (int64_t k = 0; k < length; k += g->k_block)
                    runs[n++] = (conv_run){j0, j1, j2 * g->channels + k, conv_min(g->k_block, length - k), tap * g->channels + k};
            }
    return n;
}

/* The rows of B of so many runs. */
static inline int64_t conv_rows_of(const conv_run *runs, int64_t n) {
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) rows += runs[i].length;
    return rows;
}

/* What a class sees of the runs; `packed`: their rows of B lie one after the other. A counts from conv_first_of. */
static inline int64_t conv_find_segments(const conv_gather *g, const conv_phase *p, const conv_region *region, const conv_span *span,
                                         const conv_run *runs, int64_t n_runs, bool packed, conv_segment *segments) {
    int64_t n = 0, row = 0;
    for (const conv_run *run = runs; run < runs + n_runs; row += run->length, run++) {
        const int64_t k0 = conv_max(run->k, span[2].lo * g->channels), k1 = conv_min(run->k + run->length, span[2].hi * g->channels);
        if (run->j0 < span[0].lo || run->j0 >= span[0].hi || run->j1 < span[1].lo || run->j1 >= span[1].hi || k0 >= k1) continue;
        const int64_t j2 = k0 / g->channels;
        const int64_t a = p[0].dilation * (run->j0 - span[0].lo) * region->step[0] +
                          p[1].dilation * (run->j1 - span[1].lo) * region->step[1] +
                          p[2].dilation * (j2 - span[2].lo) * region->step[2] + k0 - j2 * g->channels;
        segments[n++] = (conv_segment){a, (packed ? row : run->b) + k0 - run->k, k1 - k0};
    }
    return n;
}

/* The rows of target positions of a class in a block; `packed`: only the block's lie in B. A counts from conv_first_of. */
static inline int64_t conv_find_position_segments(const conv_phase *p, const conv_region *region, const conv_block *block,
                                                  const conv_span *span, bool packed, conv_segment *segments) {
    const int64_t rows = packed ? block->r1 - block->r0 : p[0].count, n_base = packed ? block->n0 : 0, base = packed ? block->r0 : 0;
    int64_t count = 0;
    if (span[2].i0 == span[2].i1) return 0;
    for (int64_t n = block->n0; n < block->n1; n++)
        for (int64_t i0 = span[0].i0; i0 < span[0].i1; i0++)
            for (int64_t i1 = span[1].i0; i1 < span[1].i1; i1++) {
                const int64_t a = (n - block->n0) * region->image + p[0].stride * (i0 - span[0].i0) * region->step[0] +
                                  p[1].stride * (i1 - span[1].i0) * region->step[1];
                const int64_t b = (((n - n_base) * rows + i0 - base) * p[1].count + i1) * p[2].count + span[2].i0;
                segments[count++] = (conv_segment){a, b, span[2].i1 - span[2].i0};
            }
    return count;
}

/* The vectors of the first panel of so many. */
static inline int conv_panel_vectors(int64_t vectors) {
    if (CONV_PANEL_VECTORS == CONV_MAX_VECTORS) return (int)conv_ceil(vectors, conv_ceil(vectors, CONV_MAX_VECTORS));
    return (int)(vectors == CONV_MAX_VECTORS ? vectors : conv_min(vectors, CONV_PANEL_VECTORS));
}

/* The same where panels are packed, which are as wide as they may be but for the last. */
static inline int conv_packed_vectors(int64_t vectors) {
    return CONV_PANEL_VECTORS == CONV_MAX_VECTORS ? (int)conv_min(vectors, CONV_PANEL_VECTORS) : conv_panel_vectors(vectors);
}

/* The columns of so many that are in panels of CONV_PANEL_VECTORS, or less. */
static inline int64_t conv_even_columns(int64_t columns, int64_t lanes) {
    const int64_t vectors = conv_ceil(columns, lanes);
    return CONV_PANEL_VECTORS < CONV_MAX_VECTORS && vectors % 2 && vectors >= CONV_MAX_VECTORS ? (vectors - CONV_MAX_VECTORS) * lanes : columns;
}

/* The `wanted` first ones of `left` columns, or all where less than a panel would be left over. */
static inline int64_t conv_cut_columns(int64_t left, int64_t wanted, int64_t lanes) {
    const bool all = left <= wanted || (CONV_PANEL_VECTORS < CONV_MAX_VECTORS && left - wanted <= lanes);
    return all ? left : wanted;
}

/* Whether each tile's positions take all panels of columns one after the other: where a filter of so many rows and columns stays
 * in the cache. One panel does where its tiles ask for what they read next. */
static inline bool conv_goes_across(const conv_gather *g, int64_t rows, int64_t columns, int64_t real_bytes) {
    const int64_t panel_bytes = CONV_PANEL_VECTORS * SIMD_BYTES;
    const bool enough = columns * real_bytes > panel_bytes || (CONV_ASKS_IN_ONE && columns * real_bytes == panel_bytes && rows == g->channels);
    return CONV_PACKS && !g->dots && enough && rows * columns * real_bytes <= CONV_ACROSS_BYTES && rows <= g->k_block;
}

/* Lines of memory that tiles ask for while they are busy, a few of them in each: `rows` times `lines`, `step` bytes from row to row. All at
 * once they would stand before what the tiles wait for. */
typedef struct conv_asked { const char *from; int64_t rows, lines, step; } conv_asked;
typedef struct conv_asking { int64_t n, row, line; conv_asked of[2]; } conv_asking;

static inline void conv_add_asked(conv_asking *asking, const void *from, int64_t rows, int64_t bytes, int64_t step) {
    if (rows > 0) asking->of[asking->n++] = (conv_asked){from, rows, conv_ceil(bytes, HL_ALIGNMENT), step};
}

/* What the next tile asks for, up to `count` times: a line of each of so many rows, or the same one again where nothing is left. */
static inline const char *conv_next_asked(conv_asking *asking, int64_t count, int64_t *step) {
    *step = 0;
    if (asking->n == 0) return (const char *)asking;
    const conv_asked *a = &asking->of[asking->n - 1];
    const char *from = a->from + asking->row * a->step + HL_ALIGNMENT * asking->line;
    *step = a->step;
    asking->row += count;
    if (asking->row >= a->rows) {
        asking->row = 0;
        if (++asking->line == a->lines) asking->line = 0, asking->n--;
    }
    return from;
}

static inline conv_scratch conv_lay_out(const conv_layout *l, char *scratch) {
    return (conv_scratch){scratch + l->region, scratch + l->packed, scratch + l->a, scratch + l->c,
                          (conv_segment *)(scratch + l->segments), (conv_run *)(scratch + l->runs)};
}

#endif
