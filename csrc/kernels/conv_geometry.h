/* The sizes of convolutions and pools: what their attributes say, and where windows lie.
 *
 * Images are [batch, spatial axes, channels] with one to three spatial axes. They are always seen with three: axes that are
 * missing have size 1 and a window of 1. Of two axes (rows, columns) the first and the last are used, so that work can be
 * cut along axis 0, and axis 2 lies in memory beside the channels.
 *
 * Attributes of each such kernel: the kind of padding, then for each spatial axis: stride, dilation, the border before.
 */
#ifndef HOOKLOOP_CONV_GEOMETRY_H
#define HOOKLOOP_CONV_GEOMETRY_H

#include "../plan.h"

enum { CONV_AXES = 3, CONV_FIRST_ATTRIBUTE = 1, CONV_ATTRIBUTES = 3 };
typedef enum conv_padding { CONV_VALID = 0, CONV_SAME = 1, CONV_EXPLICIT = 2 } conv_padding;
enum { CONV_PADDINGS = 3, CONV_DIRECT = 4 }; /* the bits of the kind; with CONV_DIRECT no multiplication is saved */

/* One axis: target position i sees the image at i * stride - before + tap * dilation. */
typedef struct conv_axis {
    int64_t image, target, window, stride, dilation, before;
} conv_axis;

static inline int64_t conv_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t conv_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t conv_max(int64_t a, int64_t b) { return a > b ? a : b; }

/* Which of the three axes a tensor's spatial axis is. */
static inline int conv_axis_of(int spatial_rank, int axis) {
    static const int place[CONV_AXES][CONV_AXES] = {{2}, {0, 2}, {0, 1, 2}};
    return place[spatial_rank - 1][axis];
}

/* Fills the axes from the sizes of image and target; `windows` are the sizes of the window along the spatial axes. */
static inline void conv_read_axes(conv_axis *axes, const hl_prepare *prep, const hl_tensor *image, const hl_tensor *target,
                                  const int64_t *windows) {
    const int rank = image->rank - 2;
    const hl_value *attr = prep->attr + CONV_FIRST_ATTRIBUTE;
    for (int axis = 0; axis < CONV_AXES; axis++) axes[axis] = (conv_axis){1, 1, 1, 1, 1, 0};
    for (int axis = 0; axis < rank; axis++, attr += CONV_ATTRIBUTES) {
        conv_axis *a = &axes[conv_axis_of(rank, axis)];
        *a = (conv_axis){image->dims[axis + 1], target->dims[axis + 1], windows[axis], attr[0].i, attr[1].i, attr[2].i};
        if ((prep->attr[0].i & CONV_PADDINGS) == CONV_SAME) {
            const int64_t span = (a->window - 1) * a->dilation + 1;
            a->before = conv_max(0, (a->target - 1) * a->stride + span - a->image) / 2;
        }
    }
}

/* One axis of one phase: target index start + step * i, for i below count, sees the source at stride * i + first + dilation *
 * j, under tap + tap_step * j of the filter, for j below taps. */
typedef struct conv_phase { int64_t count, start, step, stride, first, dilation, taps, tap, tap_step; } conv_phase;

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

#endif
