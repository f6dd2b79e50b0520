/* Convolutions of few channels with a filter of their own each, where windows follow each other: what lies side by side along a row,
 * several positions with all their channels, fills a vector. Included by conv_depthwise_kernel.h, once for float and once for double.
 *
 * The filter's element of a channel stands in the lanes of that channel; where the channels do not divide a vector, its last lanes are
 * of no use. Sums are made tap by tap in the order of the other ways, and of taps inside the image only.
 */

/* Whether a row is taken so: at least two positions fit into a vector. */
static bool NAME(is_flat)(const depthwise *d) {
    const int64_t taps = d->axis[0].window * d->axis[1].window * d->axis[2].window;
    return d->axis[2].stride == 1 && d->step[2] == 1 && d->channels <= LANES / 2 && taps <= FLAT_TAPS;
}

/* The lanes of a vector that whole positions fill. */
SIMD_INLINE int64_t NAME(flat_lanes)(const depthwise *d) { return LANES / d->channels * d->channels; }

/* The filter's taps in the order in which windows have them. */
static void NAME(flat_filter)(const depthwise *d, const REAL *filter, VEC *factors) {
    const conv_axis *a = d->axis;
    for (int64_t k0 = 0; k0 < a[0].window; k0++)
        for (int64_t k1 = 0; k1 < a[1].window; k1++)
            for (int64_t k2 = 0; k2 < a[2].window; k2++) {
                const REAL *f = filter + d->filter_origin + k0 * d->filter_step[0] + k1 * d->filter_step[1] + k2 * d->filter_step[2];
                REAL lane[LANES];
                for (int64_t i = 0; i < LANES; i++) lane[i] = f[i % d->channels];
                *factors++ = LOAD(lane);
            }
}

/* Vectors side by side, whose windows lie inside the image along axis 2: whole ones, or the first `lanes` of one. */
SIMD_INLINE void NAME(flat_tile)(const int vectors, const int lanes, const depthwise *d, const depthwise_taps *t, const REAL *image,
                                 const VEC *factors, REAL *to) {
    const conv_axis *a = d->axis;
    const int64_t step = NAME(flat_lanes)(d), tap = a[2].dilation * d->channels;
    VEC sum[FLAT_VECTORS];
    _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++) sum[v] = (VEC){0};
    for (int64_t k0 = 0; k0 < t->count[0]; k0++)
        for (int64_t k1 = 0; k1 < t->count[1]; k1++) {
            const REAL *x = image + t->image + k0 * a[0].dilation * d->image_step[0] + k1 * a[1].dilation * d->image_step[1];
            const VEC *f = factors + ((t->first[0] + k0) * a[1].window + t->first[1] + k1) * a[2].window;
            for (int64_t k2 = 0; k2 < a[2].window; k2++, x += tap) {
                const VEC factor = f[k2];
                _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)
                    sum[v] += (lanes == LANES ? LOAD(x + v * step) : LOAD_PART(x + v * step, lanes)) * factor;
            }
        }
    _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++) {
        if (lanes == LANES) STORE(to + v * step, sum[v]); /* the next one writes the lanes of no use */
        else STORE_PART(to + v * step, sum[v], lanes);
    }
}

/* A position at the image's edge, tap by tap. */
static void NAME(flat_edge)(const depthwise *d, const depthwise_taps *t, const REAL *image, const REAL *filter, REAL *to) {
    const conv_axis *a = d->axis;
    for (int64_t c = 0; c < d->channels; c++) {
        REAL sum = 0;
        for (int64_t k0 = 0; k0 < t->count[0]; k0++)
            for (int64_t k1 = 0; k1 < t->count[1]; k1++) {
                const REAL *x = image + t->image + k0 * a[0].dilation * d->image_step[0] + k1 * a[1].dilation * d->image_step[1] + c;
                const REAL *f = filter + t->filter + k0 * d->filter_step[0] + k1 * d->filter_step[1] + c;
                for (int64_t k2 = 0; k2 < t->count[2]; k2++)
                    sum += x[k2 * a[2].dilation * d->image_step[2]] * f[k2 * d->filter_step[2]];
            }
        to[c] = sum;
    }
}

/* All positions of a row, whose taps along the other axes are known. */
static void NAME(flat_row)(const depthwise *d, const depthwise_taps *row_taps, const REAL *image, const REAL *filter, const VEC *factors,
                           REAL *to) {
    const conv_axis *a = &d->axis[2];
    const int64_t channels = d->channels, step = NAME(flat_lanes)(d);
    const int64_t begin = conv_min(a->target, conv_max(0, a->before));
    const int64_t end = conv_max(begin, conv_min(a->target, a->image - (a->window - 1) * a->dilation + a->before));
    for (int64_t position = 0; position < a->target; position++) {
        if (position == begin) position = end;
        if (position >= a->target) break;
        depthwise_taps t = *row_taps;
        NAME(find_taps_along)(d, 2, position, &t);
        NAME(flat_edge)(d, &t, image, filter, to + position * channels);
    }
    const REAL *seen = image - a->before * channels; /* what the first tap of the first position would see */
    int64_t i = begin * channels;
    const int64_t last = end * channels;
    for (; i + (FLAT_VECTORS - 1) * step + LANES <= last; i += FLAT_VECTORS * step)
        NAME(flat_tile)(FLAT_VECTORS, LANES, d, row_taps, seen + i, factors, to + i);
    for (; i + 3 * step + LANES <= last; i += 4 * step) NAME(flat_tile)(4, LANES, d, row_taps, seen + i, factors, to + i);
    for (; i + LANES <= last; i += step) NAME(flat_tile)(1, LANES, d, row_taps, seen + i, factors, to + i);
    if (i < last) NAME(flat_tile)(1, (int)(last - i), d, row_taps, seen + i, factors, to + i);
}

/* Sums of taps side by side over `positions` that all of them see, added to `sums`. */
SIMD_INLINE void NAME(flat_sums)(const int taps, const depthwise *d, const REAL *image, const REAL *grad, int64_t positions, REAL *sums) {
    const int64_t channels = d->channels, step = NAME(flat_lanes)(d), tap = d->axis[2].dilation * channels, last = positions * channels;
    VEC sum[FILTER_TAPS];
    _Pragma("GCC unroll 4") for (int t = 0; t < taps; t++) sum[t] = (VEC){0};
    int64_t i = 0;
    if (step == LANES) {
        for (; i + LANES <= last; i += LANES)
            _Pragma("GCC unroll 4") for (int t = 0; t < taps; t++) sum[t] += LOAD(image + i + t * tap) * LOAD(grad + i);
    }
    for (; i < last; i += step) {
        const int lanes = (int)conv_min(step, last - i);
        _Pragma("GCC unroll 4") for (int t = 0; t < taps; t++)
            sum[t] += LOAD_PART(image + i + t * tap, lanes) * LOAD_PART(grad + i, lanes);
    }
    _Pragma("GCC unroll 4") for (int t = 0; t < taps; t++) {
        REAL lane[LANES];
        STORE(lane, sum[t]);
        for (int64_t c = 0; c < channels; c++) {
            REAL total = 0;
            for (int64_t k = c; k < step; k += channels) total += lane[k];
            sums[t * channels + c] += total;
        }
    }
}
#define FLAT_SUMS(taps)                                                                                                              \
    static void NAME(flat_sums_##taps)(const depthwise *d, const REAL *image, const REAL *grad, int64_t positions, REAL *sums) {     \
        NAME(flat_sums)(taps, d, image, grad, positions, sums);                                                                     \
    }
FLAT_SUMS(1)
FLAT_SUMS(2)
FLAT_SUMS(3)
FLAT_SUMS(4)
#undef FLAT_SUMS
