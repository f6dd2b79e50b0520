/* Convolutions of each channel with a filter of its own, of one real type; included once for float and double.
 *
 * Channels are taken in groups of whole vectors, whose sums stay in registers while the taps (or the positions) pass; where
 * windows see the same taps, those of several positions at once, so that the filter is loaded once for them.
 * In the names of float_names.h.
 */

enum { NAME(GROUP) = GROUP_VECTORS * LANES };

/* The taps of the window along one axis at one position that lie inside the image; t is moved there. */
SIMD_INLINE void NAME(find_taps_along)(const depthwise *d, int axis, int64_t position, depthwise_taps *t) {
    const conv_axis *a = &d->axis[axis];
    const int64_t start = position * a->stride - a->before;
    int64_t first = 0, end = a->window;
    if (start < 0) first = a->dilation == 1 ? -start : conv_ceil(-start, a->dilation);
    if (start + (a->window - 1) * a->dilation >= a->image) /* divides only at the image's end */
        end = start < a->image ? (a->image - 1 - start) / a->dilation + 1 : 0;
    t->first[axis] = first;
    t->count[axis] = conv_max(0, end - first);
    t->image += (start + first * a->dilation) * d->image_step[axis];
    t->filter += first * d->filter_step[axis];
}

/* The same of axes 0 and 1, for a row. */
SIMD_INLINE depthwise_taps NAME(taps_of_row)(const depthwise *d, int64_t position0, int64_t position1) {
    depthwise_taps t = {.filter = d->filter_origin};
    NAME(find_taps_along)(d, 0, position0, &t);
    NAME(find_taps_along)(d, 1, position1, &t);
    return t;
}

#include "conv_depthwise_flat.h"

#define EACH_TAP                                           \
    for (int64_t k0 = 0; k0 < t.count[0]; k0++)            \
        for (int64_t k1 = 0; k1 < t.count[1]; k1++)        \
            for (int64_t k2 = 0; k2 < t.count[2]; k2++)
#define IMAGE_TAP \
    (t.image + k0 * d->axis[0].dilation * d->image_step[0] + k1 * d->axis[1].dilation * d->image_step[1] + \
     k2 * d->axis[2].dilation * d->image_step[2])
#define FILTER_TAP (t.filter + k0 * d->filter_step[0] + k1 * d->filter_step[1] + k2 * d->filter_step[2])

/* Positions side by side, vectors of their channels side by side: whole ones, or the first `lanes` of one. */
#define LOAD_SOME(from) (lanes == LANES ? LOAD(from) : LOAD_PART(from, lanes))
SIMD_INLINE void NAME(depthwise_tile)(const depthwise *d, const depthwise_taps t, const REAL *image, const REAL *filter, REAL *to,
                                      const int positions, const int vectors, const int lanes) {
    const int64_t step = d->axis[2].stride * d->image_step[2], to_step = d->step[2] * d->channels;
    VEC sum[TILE_SUMS];
    _Pragma("GCC unroll 8") for (int i = 0; i < positions * vectors; i++) sum[i] = (VEC){0};
    EACH_TAP {
        const REAL *x = image + IMAGE_TAP, *f = filter + FILTER_TAP;
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            const VEC factor = LOAD_SOME(f + v * LANES);
            _Pragma("GCC unroll 4") for (int i = 0; i < positions; i++)
                sum[i * vectors + v] += LOAD_SOME(x + i * step + v * LANES) * factor;
        }
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < positions; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            REAL *out = to + i * to_step + v * LANES;
            if (lanes == LANES) STORE(out, sum[i * vectors + v]);
            else STORE_PART(out, sum[i * vectors + v], lanes);
        }
}

/* The same where windows of `window` taps along axis 2 follow each other there: each element of the image is loaded once for
 * all that see it. */
SIMD_INLINE void NAME(depthwise_slide)(const int window, const depthwise *d, const depthwise_taps *t, const REAL *image, const REAL *filter,
                                       REAL *to, const int vectors, const int lanes) {
    const int64_t to_step = d->step[2] * d->channels;
    VEC sum[SLIDE * GROUP_VECTORS];
    _Pragma("GCC unroll 16") for (int i = 0; i < SLIDE * vectors; i++) sum[i] = (VEC){0};
    for (int64_t k0 = 0; k0 < t->count[0]; k0++)
        for (int64_t k1 = 0; k1 < t->count[1]; k1++) {
            const REAL *x = image + t->image + k0 * d->axis[0].dilation * d->image_step[0] + k1 * d->axis[1].dilation * d->image_step[1];
            const REAL *f = filter + t->filter + k0 * d->filter_step[0] + k1 * d->filter_step[1];
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
                VEC factor[SLIDE_WINDOW];
                _Pragma("GCC unroll 8") for (int k2 = 0; k2 < window; k2++)
                    factor[k2] = LOAD_SOME(f + k2 * d->filter_step[2] + v * LANES);
                _Pragma("GCC unroll 16") for (int i = 0; i < SLIDE + window - 1; i++) {
                    const VEC element = LOAD_SOME(x + i * d->image_step[2] + v * LANES);
                    _Pragma("GCC unroll 8") for (int k2 = 0; k2 < window; k2++)
                        if (i - k2 >= 0 && i - k2 < SLIDE) sum[(i - k2) * vectors + v] += element * factor[k2];
                }
            }
        }
    _Pragma("GCC unroll 4") for (int i = 0; i < SLIDE; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            REAL *out = to + i * to_step + v * LANES;
            if (lanes == LANES) STORE(out, sum[i * vectors + v]);
            else STORE_PART(out, sum[i * vectors + v], lanes);
        }
}

/* Where the vector begins that has the last channels, from `c` on: where parts of a vector are slow it is a whole one that makes
 * some again. */
SIMD_INLINE int64_t NAME(last_channels)(const depthwise *d, int64_t c) {
    return SIMD_FREE_MASKS || d->channels < LANES ? c : d->channels - LANES;
}

/* Positions side by side, all channels. */
SIMD_INLINE void NAME(depthwise_tiles)(const int positions, const depthwise *d, const depthwise_taps *t, const REAL *image, const REAL *filter,
                                       REAL *to) {
    int64_t c = 0;
    for (; c + NAME(GROUP) <= d->channels; c += NAME(GROUP))
        NAME(depthwise_tile)(d, *t, image + c, filter + c, to + c, positions, GROUP_VECTORS, LANES);
    for (; c + LANES <= d->channels; c += LANES) NAME(depthwise_tile)(d, *t, image + c, filter + c, to + c, positions, 1, LANES);
    if (c == d->channels) return;
    c = NAME(last_channels)(d, c);
    if (d->channels - c == LANES) NAME(depthwise_tile)(d, *t, image + c, filter + c, to + c, positions, 1, LANES);
    else NAME(depthwise_tile)(d, *t, image + c, filter + c, to + c, positions, 1, (int)(d->channels - c));
}

/* SLIDE positions, all channels. */
#define DEPTHWISE_SLIDE(window)                                                                                                 \
    static void NAME(depthwise_slide_##window)(const depthwise *d, const depthwise_taps *t, const REAL *image, const REAL *filter, REAL *to) { \
        int64_t c = 0;                                                                                                          \
        for (; c + SLIDE_VECTORS * LANES <= d->channels; c += SLIDE_VECTORS * LANES)                                            \
            NAME(depthwise_slide)(window, d, t, image + c, filter + c, to + c, SLIDE_VECTORS, LANES);                           \
        for (; c + LANES <= d->channels; c += LANES)                                                                            \
            NAME(depthwise_slide)(window, d, t, image + c, filter + c, to + c, 1, LANES);                                       \
        if (c == d->channels) return;                                                                                           \
        c = NAME(last_channels)(d, c);                                                                                          \
        if (d->channels - c == LANES) NAME(depthwise_slide)(window, d, t, image + c, filter + c, to + c, 1, LANES);             \
        else NAME(depthwise_slide)(window, d, t, image + c, filter + c, to + c, 1, (int)(d->channels - c));                     \
    }
DEPTHWISE_SLIDE(3)
DEPTHWISE_SLIDE(5)
DEPTHWISE_SLIDE(7)
#undef DEPTHWISE_SLIDE

typedef void (*NAME(depthwise_slide_fn))(const depthwise *d, const depthwise_taps *t, const REAL *image, const REAL *filter, REAL *to);
static NAME(depthwise_slide_fn) NAME(depthwise_slide_of)(const conv_axis *a) {
    if (a->stride != 1 || a->dilation != 1) return NULL;
    return a->window == 3   ? NAME(depthwise_slide_3)
           : a->window == 5 ? NAME(depthwise_slide_5)
           : a->window == 7 ? NAME(depthwise_slide_7)
                            : NULL;
}

/* Whether the windows of so many positions from one on lie inside the image along axis 2. */
static inline bool NAME(is_inside)(const conv_axis *a, int64_t position, int64_t positions) {
    const int64_t start = position * a->stride - a->before;
    return position + positions <= a->target && start >= 0 &&
           start + (positions - 1) * a->stride + (a->window - 1) * a->dilation < a->image;
}

/* Of rows (axes 0 and 1) row0 to row1 of the targets of all images the positions of one phase. */
static void NAME(depthwise_rows)(const depthwise *d, const void *images, const void *filters, void *targets, int64_t row0, int64_t row1) {
    const int64_t rows = d->size[0] * d->size[1], channels = d->channels, to_step = d->step[2] * channels;
    const NAME(depthwise_slide_fn) slide = NAME(depthwise_slide_of)(&d->axis[2]);
    const bool flat = NAME(is_flat)(d);
    VEC factors[FLAT_TAPS];
    if (flat) NAME(flat_filter)(d, filters, factors);
    for (int64_t row = row0; row < row1; row++) {
        const int64_t i0 = row % rows / d->size[1] - d->start[0], i1 = row % d->size[1] - d->start[1];
        if (i0 % d->step[0] != 0 || i1 % d->step[1] != 0) continue; /* another phase's */
        const depthwise_taps row_taps = NAME(taps_of_row)(d, i0 / d->step[0], i1 / d->step[1]);
        const REAL *image = (const REAL *)images + row / rows * d->image_size, *filter = filters;
        REAL *to = (REAL *)targets + (row * d->size[2] + d->start[2]) * channels;
        if (flat) {
            NAME(flat_row)(d, &row_taps, image, filter, factors, to);
            continue;
        }
        int64_t position = 0;
        while (position < d->axis[2].target) {
            depthwise_taps t = row_taps;
            NAME(find_taps_along)(d, 2, position, &t);
            if (slide && NAME(is_inside)(&d->axis[2], position, SLIDE)) {
                slide(d, &t, image, filter, to);
                position += SLIDE, to += SLIDE * to_step;
                continue;
            }
            if (NAME(is_inside)(&d->axis[2], position, TOGETHER)) {
                NAME(depthwise_tiles)(TOGETHER, d, &t, image, filter, to);
                position += TOGETHER, to += TOGETHER * to_step;
                continue;
            }
            NAME(depthwise_tiles)(1, d, &t, image, filter, to);
            position++, to += to_step;
        }
    }
}

/* The sums of taps side by side over `positions` that all of them see: an element of the gradient is loaded once for its taps. */
SIMD_INLINE void NAME(depthwise_sums)(const int taps, const int vectors, const int lanes, const depthwise *d, const REAL *image, const REAL *grad,
                                      int64_t positions, REAL *sums) {
    const int64_t step = d->axis[2].stride * d->channels, tap = d->axis[2].dilation * d->channels;
    VEC sum[FILTER_TAPS * GROUP_VECTORS];
    _Pragma("GCC unroll 16") for (int i = 0; i < taps * vectors; i++) sum[i] = (VEC){0};
    for (int64_t i = 0; i < positions; i++, image += step, grad += d->channels)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            const VEC g = LOAD_SOME(grad + v * LANES);
            _Pragma("GCC unroll 4") for (int t = 0; t < taps; t++) sum[t * vectors + v] += LOAD_SOME(image + t * tap + v * LANES) * g;
        }
    _Pragma("GCC unroll 4") for (int t = 0; t < taps; t++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            REAL *to = sums + t * d->channels + v * LANES;
            const VEC total = LOAD_SOME(to) + sum[t * vectors + v];
            if (lanes == LANES) STORE(to, total);
            else STORE_PART(to, total, lanes);
        }
}

/* The same for all channels. */
#define DEPTHWISE_SUMS(taps, vectors)                                                                                            \
    static void NAME(depthwise_sums_##taps)(const depthwise *d, const REAL *image, const REAL *grad, int64_t positions, REAL *sums) { \
        int64_t c = 0;                                                                                                           \
        for (; c + (vectors) * LANES <= d->channels; c += (vectors) * LANES)                                                     \
            NAME(depthwise_sums)(taps, vectors, LANES, d, image + c, grad + c, positions, sums + c);                             \
        for (; c + LANES <= d->channels; c += LANES)                                                                             \
            NAME(depthwise_sums)(taps, 1, LANES, d, image + c, grad + c, positions, sums + c);                                   \
        if (c < d->channels)                                                                                                     \
            NAME(depthwise_sums)(taps, 1, (int)(d->channels - c), d, image + c, grad + c, positions, sums + c);                  \
    }
DEPTHWISE_SUMS(1, 4)
DEPTHWISE_SUMS(2, 4)
DEPTHWISE_SUMS(3, 4)
DEPTHWISE_SUMS(4, 3)
#undef DEPTHWISE_SUMS
#undef LOAD_SOME

typedef void (*NAME(depthwise_sums_fn))(const depthwise *d, const REAL *image, const REAL *grad, int64_t positions, REAL *sums);
static const NAME(depthwise_sums_fn) NAME(depthwise_sums_of)[FILTER_TAPS] = {
    NAME(depthwise_sums_1), NAME(depthwise_sums_2), NAME(depthwise_sums_3), NAME(depthwise_sums_4),
};
static const NAME(depthwise_sums_fn) NAME(flat_sums_of)[FILTER_TAPS] = {
    NAME(flat_sums_1), NAME(flat_sums_2), NAME(flat_sums_3), NAME(flat_sums_4),
};

/* Some taps of axis 2 over a row of positions: those that all of the taps see together, the others tap by tap. */
static void NAME(depthwise_filter_taps)(const depthwise *d, const REAL *image, const REAL *grad, int64_t first_tap, int taps, REAL *sums) {
    const conv_axis *a = &d->axis[2];
    const int64_t channels = d->channels;
    const NAME(depthwise_sums_fn) *sums_of = a->stride == 1 && channels <= LANES / 2 ? NAME(flat_sums_of) : NAME(depthwise_sums_of);
    int64_t start[FILTER_TAPS], begin[FILTER_TAPS], end[FILTER_TAPS], all_begin = 0, all_end = a->target;
    for (int t = 0; t < taps; t++) {
        start[t] = (first_tap + t) * a->dilation - a->before;
        begin[t] = start[t] < 0 ? conv_ceil(-start[t], a->stride) : 0;
        end[t] = conv_min(a->target, start[t] < a->image ? (a->image - 1 - start[t]) / a->stride + 1 : 0);
        all_begin = conv_max(all_begin, begin[t]);
        all_end = conv_min(all_end, end[t]);
    }
    const bool some = all_begin < all_end;
    if (some)
        sums_of[taps - 1](d, image + (start[0] + all_begin * a->stride) * channels, grad + all_begin * channels,
                          all_end - all_begin, sums);
    for (int t = 0; t < taps; t++, sums += channels) {
        const REAL *seen = image + start[t] * channels;
        const int64_t before = some ? all_begin : end[t], behind = some ? all_end : end[t];
        if (begin[t] < before)
            sums_of[0](d, seen + begin[t] * a->stride * channels, grad + begin[t] * channels, before - begin[t], sums);
        if (behind < end[t])
            sums_of[0](d, seen + behind * a->stride * channels, grad + behind * channels, end[t] - behind, sums);
    }
}

/* sums (+)= the filter's gradient of images n0 to n1: for each row and tap, over the positions that see the image. */
static void NAME(depthwise_filter)(const depthwise *d, const void *images, const void *grads, REAL *sums, int64_t n0, int64_t n1) {
    const conv_axis *axis = d->axis;
    const int64_t channels = d->channels, rows = axis[0].target * axis[1].target;
    memset(sums, 0, (size_t)d->filter_size * sizeof(REAL));
    for (int64_t row = n0 * rows; row < n1 * rows; row++) {
        const int64_t i0 = row % rows / axis[1].target, i1 = row % axis[1].target;
        const REAL *image = (const REAL *)images + row / rows * d->image_size;
        const REAL *grad = (const REAL *)grads + row * axis[2].target * channels;
        for (int64_t k0 = 0; k0 < axis[0].window; k0++)
            for (int64_t k1 = 0; k1 < axis[1].window; k1++) {
                const int64_t p0 = i0 * axis[0].stride - axis[0].before + k0 * axis[0].dilation;
                const int64_t p1 = i1 * axis[1].stride - axis[1].before + k1 * axis[1].dilation;
                if (p0 < 0 || p0 >= axis[0].image || p1 < 0 || p1 >= axis[1].image) continue;
                const REAL *image_row = image + p0 * d->image_step[0] + p1 * d->image_step[1];
                REAL *sum_row = sums + k0 * d->filter_step[0] + k1 * d->filter_step[1];
                for (int64_t k2 = 0, taps; k2 < axis[2].window; k2 += taps) {
                    const int64_t left = axis[2].window - k2;
                    taps = conv_ceil(left, conv_ceil(left, FILTER_TAPS));
                    NAME(depthwise_filter_taps)(d, image_row, grad, k2, (int)taps, sum_row + k2 * channels);
                }
            }
    }
}

static void NAME(depthwise_add)(const depthwise *d, REAL *sums, const REAL *more) {
    for (int64_t block = 1; block < d->sum_blocks; block++, more += d->filter_size)
        for (int64_t i = 0; i < d->filter_size; i++) sums[i] += more[i];
}

#undef EACH_TAP
#undef IMAGE_TAP
#undef FILTER_TAP
