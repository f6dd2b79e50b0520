/* Convolutions of each channel with a filter of its own, of one real type; included once for float and double.
 *
 * Channels are taken in groups of whole vectors, whose sums stay in registers while the taps (or the positions) pass; where
 * windows see the same taps, those of several positions at once, so that the filter is loaded once for them.
 * Expects REAL, VEC, LANES, NAME(x), LOAD, LOAD_PART, STORE, STORE_PART.
 */

enum { NAME(GROUP) = GROUP_VECTORS * LANES };

/* The taps of the window at one position that lie inside the image. */
SIMD_INLINE void NAME(find_taps)(const depthwise *d, const int64_t *position, depthwise_taps *t) {
    t->image = 0;
    t->filter = d->filter_origin;
    for (int i = 0; i < CONV_AXES; i++) {
        const conv_axis *a = &d->axis[i];
        const int64_t start = position[i] * a->stride - a->before;
        const int64_t first = start < 0 ? conv_ceil(-start, a->dilation) : 0;
        const int64_t end = conv_min(a->window, start < a->image ? (a->image - 1 - start) / a->dilation + 1 : 0);
        t->count[i] = conv_max(0, end - first);
        t->image += (start + first * a->dilation) * d->image_step[i];
        t->filter += first * d->filter_step[i];
    }
}

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
    const int64_t step = d->axis[2].stride * d->image_step[2];
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
            REAL *out = to + i * d->channels + v * LANES;
            if (lanes == LANES) STORE(out, sum[i * vectors + v]);
            else STORE_PART(out, sum[i * vectors + v], lanes);
        }
}
#undef LOAD_SOME

/* Whether the windows of so many positions from one on lie inside the image along axis 2. */
static inline bool NAME(is_inside)(const conv_axis *a, int64_t position, int64_t positions) {
    const int64_t start = position * a->stride - a->before;
    return position + positions <= a->target && start >= 0 &&
           start + (positions - 1) * a->stride + (a->window - 1) * a->dilation < a->image;
}

/* Rows (axes 0 and 1) row0 to row1 of the targets of all images. */
static void NAME(depthwise_rows)(const depthwise *d, const void *images, const void *filters, void *targets, int64_t row0, int64_t row1) {
    const int64_t rows = d->axis[0].target * d->axis[1].target, channels = d->channels;
    REAL *to = (REAL *)targets + row0 * d->axis[2].target * channels;
    for (int64_t row = row0; row < row1; row++) {
        int64_t position[CONV_AXES] = {row % rows / d->axis[1].target, row % d->axis[1].target, 0};
        const REAL *image = (const REAL *)images + row / rows * d->image_size, *filter = filters;
        while (position[2] < d->axis[2].target) {
            depthwise_taps t;
            int64_t c = 0;
            NAME(find_taps)(d, position, &t);
            if (NAME(is_inside)(&d->axis[2], position[2], TOGETHER)) {
                for (; c + NAME(GROUP) <= channels; c += NAME(GROUP))
                    NAME(depthwise_tile)(d, t, image + c, filter + c, to + c, TOGETHER, GROUP_VECTORS, LANES);
                for (; c < channels; c += LANES)
                    NAME(depthwise_tile)(d, t, image + c, filter + c, to + c, TOGETHER, 1, (int)conv_min(LANES, channels - c));
                position[2] += TOGETHER, to += TOGETHER * channels;
                continue;
            }
            for (; c + NAME(GROUP) <= channels; c += NAME(GROUP))
                NAME(depthwise_tile)(d, t, image + c, filter + c, to + c, 1, GROUP_VECTORS, LANES);
            for (; c < channels; c += LANES)
                NAME(depthwise_tile)(d, t, image + c, filter + c, to + c, 1, 1, (int)conv_min(LANES, channels - c));
            position[2]++, to += channels;
        }
    }
}

/* One image's gradient, channels c0 to c1: every position adds to what its window saw. */
static void NAME(depthwise_image)(const depthwise *d, const void *grads, const void *filters, void *images, int64_t n, int64_t c0, int64_t c1) {
    const int64_t channels = d->channels, rows = d->axis[0].target * d->axis[1].target;
    REAL *image = (REAL *)images + n * d->image_size;
    for (int64_t at = 0; at < d->image_size; at += channels) memset(image + at + c0, 0, (size_t)(c1 - c0) * sizeof(REAL));
    const REAL *grad = (const REAL *)grads + n * rows * d->axis[2].target * channels;
    for (int64_t row = 0; row < rows; row++) {
        int64_t position[CONV_AXES] = {row / d->axis[1].target, row % d->axis[1].target, 0};
        for (; position[2] < d->axis[2].target; position[2]++, grad += channels) {
            depthwise_taps t;
            NAME(find_taps)(d, position, &t);
            for (int64_t c = c0; c < c1; c += LANES) {
                const int lanes = (int)conv_min(LANES, c1 - c);
                const VEC g = LOAD_PART(grad + c, lanes);
                EACH_TAP {
                    REAL *to = image + IMAGE_TAP + c;
                    STORE_PART(to, LOAD_PART(to, lanes) + g * LOAD_PART((const REAL *)filters + FILTER_TAP + c, lanes), lanes);
                }
            }
        }
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
        REAL *sum_row = sums;
        for (int64_t k0 = 0; k0 < axis[0].window; k0++)
            for (int64_t k1 = 0; k1 < axis[1].window; k1++)
                for (int64_t k2 = 0; k2 < axis[2].window; k2++, sum_row += channels) {
                    const int64_t p0 = i0 * axis[0].stride - axis[0].before + k0 * axis[0].dilation;
                    const int64_t p1 = i1 * axis[1].stride - axis[1].before + k1 * axis[1].dilation;
                    const int64_t start = k2 * axis[2].dilation - axis[2].before;
                    if (p0 < 0 || p0 >= axis[0].image || p1 < 0 || p1 >= axis[1].image) continue;
                    const int64_t first = start < 0 ? conv_ceil(-start, axis[2].stride) : 0;
                    const int64_t end = conv_min(axis[2].target, start < axis[2].image ? (axis[2].image - 1 - start) / axis[2].stride + 1 : 0);
                    const REAL *x = image + p0 * d->image_step[0] + p1 * d->image_step[1] + start * channels;
                    const int64_t step = axis[2].stride * channels;
                    int64_t c = 0;
                    for (; c + NAME(GROUP) <= channels; c += NAME(GROUP)) {
                        VEC sum[GROUP_VECTORS] = {{0}};
                        for (int64_t i = first; i < end; i++)
#pragma GCC unroll 4
                            for (int v = 0; v < GROUP_VECTORS; v++)
                                sum[v] += LOAD(x + i * step + c + v * LANES) * LOAD(grad + i * channels + c + v * LANES);
#pragma GCC unroll 4
                        for (int v = 0; v < GROUP_VECTORS; v++) STORE(sum_row + c + v * LANES, LOAD(sum_row + c + v * LANES) + sum[v]);
                    }
                    for (; c < channels; c += LANES) {
                        const int lanes = (int)conv_min(LANES, channels - c);
                        VEC sum = {0};
                        for (int64_t i = first; i < end; i++)
                            sum += LOAD_PART(x + i * step + c, lanes) * LOAD_PART(grad + i * channels + c, lanes);
                        STORE_PART(sum_row + c, LOAD_PART(sum_row + c, lanes) + sum, lanes);
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
#undef REAL
#undef VEC
#undef LANES
#undef NAME
#undef LOAD
#undef LOAD_PART
#undef STORE
#undef STORE_PART
