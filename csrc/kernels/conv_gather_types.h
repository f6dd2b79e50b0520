/* How a convolution is cut: phases, blocks, regions and segments, whatever the type of its elements.
 *
 * Forward, a target position sums over taps and channels of the image. The gradient of the image is the same with image and
 * target exchanged and the filter turned round: with a stride, the positions fall into phases, each of which sees every
 * stride-th tap. A block of target positions reads a region of the source, copied with its border of zeros so that
 * the channels under a row of taps lie side by side; where no border is needed it is read in place.
 */
#ifndef HOOKLOOP_CONV_GATHER_TYPES_H
#define HOOKLOOP_CONV_GATHER_TYPES_H

#include "conv_geometry.h"
#include "epilogue.h"
#include "simd.h"

#if defined(__AVX512F__) || defined(__aarch64__)
#define CONV_MAX_ROWS 12
#define CONV_MAX_VECTORS 4
static const int conv_rows[CONV_MAX_VECTORS] = {12, 12, 8, 6};
#elif defined(__AVX__)
#define CONV_MAX_ROWS 12
#define CONV_MAX_VECTORS 2
static const int conv_rows[CONV_MAX_VECTORS] = {12, 6};
#else
#define CONV_MAX_ROWS 8
#define CONV_MAX_VECTORS 2
static const int conv_rows[CONV_MAX_VECTORS] = {8, 4};
#endif

enum {
    CONV_MAX_K_BLOCK = 1024,      /* rows of B that stay in the second-level cache while the tiles of a block pass */
    CONV_REGION_BYTES = 256 << 10,
    CONV_WANTED_TASKS = 16,
    CONV_ENOUGH_POSITIONS = 48,   /* of a block: below it, what is done once for it weighs too much */
    CONV_GOOD_POSITIONS = 256,
    CONV_GOOD_ROWS = 192          /* of a filter's gradient that one task works on */
};

/* A run of k: A advances by a step from `a` on, B by rows from row `b` on. */
typedef struct conv_segment { int64_t a, b, length; } conv_segment;

/* One axis of one phase: target index start + step * i, for i below count, sees the source at stride * i + first + dilation *
 * j, under tap + tap_step * j of the filter, for j below taps. */
typedef struct conv_phase { int64_t count, start, step, stride, first, dilation, taps, tap, tap_step; } conv_phase;

/* Images n0 to n1 (excluded), positions r0 to r1 of axis 0, some of the target's columns. */
typedef struct conv_block { int64_t n0, n1, r0, r1, column0, column1; } conv_block;

/* The part of the source that a block reads: its first position, its extent, and steps in elements. */
typedef struct conv_region { int64_t origin[CONV_AXES], extent[CONV_AXES], step[CONV_AXES], image; } conv_region;

/* Offsets in a worker's scratch. */
typedef struct conv_layout { int64_t region, packed, a, c, segments, packed_segments, bytes; } conv_layout;
typedef struct conv_scratch { char *region, *packed; void *a, *c; conv_segment *segments, *packed_segments; } conv_scratch;

typedef struct conv_gather {
    conv_axis axis[CONV_AXES];
    int64_t batch, channels, columns; /* of the source, and of the target */
    int64_t source[CONV_AXES], target[CONV_AXES];
    int64_t k_block, images_per_block, rows_per_block, image_blocks, row_blocks, column_parts, phases;
    bool transposed;
    int n_in, n_steps, n_in_tiles;  /* the steps that end a sum, and how many of them the tiles do themselves */
    int bias;                       /* the operand that the tiles add, 0: none */
    bool relu;                      /* whether the tiles do it */
    step steps[MAX_STEPS];
    double cost_ns;
    conv_layout layout;
} conv_gather;

typedef struct conv_filter {
    conv_gather gather;
    int64_t rows, size;                  /* of the gradient: taps and channels, elements */
    int64_t blocks, sum_blocks;          /* of images, and how many partial sums they are added up in */
    int64_t row_parts, rows_per_part, shared_bytes;
} conv_filter;

static inline void conv_find_phase(const conv_axis *axis, bool transposed, int64_t index, conv_phase *p) {
    if (!transposed) {
        *p = (conv_phase){axis->target, 0, 1, axis->stride, -axis->before, axis->dilation, axis->window, 0, 1};
        return;
    }
    int64_t a = axis->stride, b = axis->dilation;
    while (b) {
        const int64_t rest = a % b;
        a = b, b = rest;
    }
    const int64_t tap_step = axis->stride / a;
    *p = (conv_phase){.start = index, .step = axis->stride, .stride = 1, .dilation = axis->dilation / a, .tap_step = tap_step};
    p->count = axis->image > index ? conv_ceil(axis->image - index, axis->stride) : 0;
    int64_t tap = 0;
    while (tap < tap_step && (index + axis->before - tap * axis->dilation) % axis->stride != 0) tap++;
    if (tap == tap_step || tap >= axis->window) return; /* no window reaches these positions */
    p->taps = conv_ceil(axis->window - tap, tap_step);
    const int64_t last = tap + (p->taps - 1) * tap_step;
    p->first = (index + axis->before - last * axis->dilation) / axis->stride;
    p->tap = axis->window - 1 - last; /* of the filter turned round */
}

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
    inside = inside || empty;
    const int64_t *size = inside ? g->source : region->extent;
    region->step[2] = g->channels;
    region->step[1] = size[2] * g->channels;
    region->step[0] = size[1] * region->step[1];
    region->image = size[0] * region->step[0];
    if (inside)
        for (int axis = 0; axis < CONV_AXES; axis++) region->origin[axis] = 0;
    return inside;
}

/* The runs of taps and channels under a window, none longer than a block of k. */
static inline int64_t conv_find_segments(const conv_gather *g, const conv_phase *phase, const conv_region *region,
                                         conv_segment *segments) {
    const conv_phase *p = phase;
    const bool side_by_side = p[2].dilation == 1 && p[2].tap_step == 1;
    const int64_t runs = side_by_side ? p[2].taps > 0 : p[2].taps;
    const int64_t length = g->channels * (side_by_side ? p[2].taps : 1);
    int64_t n = 0;
    for (int64_t j0 = 0; j0 < p[0].taps; j0++)
        for (int64_t j1 = 0; j1 < p[1].taps; j1++)
            for (int64_t j2 = 0; j2 < runs; j2++) {
                const int64_t a = p[0].dilation * j0 * region->step[0] + p[1].dilation * j1 * region->step[1] +
                                  p[2].dilation * j2 * region->step[2];
                const int64_t tap = ((p[0].tap + p[0].tap_step * j0) * g->axis[1].window + p[1].tap + p[1].tap_step * j1) *
                                        g->axis[2].window + p[2].tap + p[2].tap_step * j2;
                for (int64_t k = 0; k < length; k += g->k_block)
                    segments[n++] = (conv_segment){a + k, tap * g->channels + k, conv_min(g->k_block, length - k)};
            }
    return n;
}

/* The rows of target positions of a block, of which image n_base lies at the start of the region. */
static inline int64_t conv_find_position_segments(const conv_gather *g, const conv_phase *phase, const conv_region *region,
                                                  int64_t n_base, const conv_block *block, conv_segment *segments) {
    const conv_phase *p = phase;
    int64_t count = 0;
    for (int64_t n = block->n0; n < block->n1; n++)
        for (int64_t i0 = block->r0; i0 < block->r1 && i0 < p[0].count; i0++)
            for (int64_t i1 = 0; i1 < p[1].count; i1++) {
                const int64_t a = (n - n_base) * region->image + (p[0].stride * i0 + p[0].first - region->origin[0]) * region->step[0] +
                                  (p[1].stride * i1 + p[1].first - region->origin[1]) * region->step[1] +
                                  (p[2].first - region->origin[2]) * region->step[2];
                segments[count++] = (conv_segment){a, ((n * p[0].count + i0) * p[1].count + i1) * p[2].count, p[2].count};
            }
    return count;
}

static inline conv_scratch conv_lay_out(const conv_layout *l, char *scratch) {
    return (conv_scratch){scratch + l->region, scratch + l->packed, scratch + l->a, scratch + l->c,
                          (conv_segment *)(scratch + l->segments), (conv_segment *)(scratch + l->packed_segments)};
}

#endif
