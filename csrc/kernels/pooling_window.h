/* The windows of pools over one element type; included by pooling.c once for each.
 *
 * Channels are taken in parts: in the types with POOL_FAST of a fixed number of whole vectors first, so that their maxima
 * and sums stay in registers, then what is left by vectors. Among equal elements the first of a window is its maximum; a NaN
 * exceeds every number.
 *
 * Expects S (stored), C (computed), INDEX (an integer of C's size), LOAD, STORE, NAME(x); with POOL_FAST also VEC, INDEX_VEC
 * and SELECT.
 */

/* Whether a value is the maximum from here on; for integers the same as >. */
#define EXCEEDS(value, best) (!((value) <= (best)) & ((best) == (best)))

/* The elements that a window covers: from the first one on, taps of three axes. */
typedef struct NAME(window) {
    const S *from;
    int64_t count[CONV_AXES], step[CONV_AXES];
} NAME(window);

/* small code rather than vectors */
#define GROUP_INLINE static __attribute__((noinline, optimize("no-tree-vectorize")))

#define EACH_TAP(w)                                              \
    for (int64_t k0 = 0; k0 < (w)->count[0]; k0++)               \
        for (int64_t k1 = 0; k1 < (w)->count[1]; k1++)           \
            for (int64_t k2 = 0; k2 < (w)->count[2]; k2++)
#define TAP_OFFSET(w) (k0 * (w)->step[0] + k1 * (w)->step[1] + k2 * (w)->step[2])

#ifdef POOL_FAST
/* The same by vectors: `vectors` whole ones side by side, or the first `count` lanes of one. */
enum { NAME(LANES) = SIMD_BYTES / sizeof(C), NAME(MOST) = POOL_GROUP_BYTES / SIMD_BYTES,
       NAME(MOST_MAXIMA) = POOL_MAXIMA_BYTES / SIMD_BYTES, NAME(MOST_MEANS) = POOL_MEANS_BYTES / SIMD_BYTES };
#define LOAD_SOME(from) (count == NAME(LANES) ? NAME(load)(from) : NAME(load_part)(from, count))
#define STORE_SOME(to, value) (count == NAME(LANES) ? NAME(store)(to, value) : NAME(store_part)(to, value, count))
#define EACH_VECTOR _Pragma("GCC unroll 8") for (int k = 0; k < vectors; k++)
#define PLACE(k) (channel + (k) * NAME(LANES))

/* The maximum of one vector and the tap that has it, where elements may be no numbers. */
static __attribute__((noinline)) VEC NAME(careful_max)(const NAME(window) *w, int64_t channel, int count, INDEX_VEC *which) {
    VEC best = LOAD_SOME(w->from + channel);
    INDEX_VEC found = {0};
    INDEX tap = 0;
    EACH_TAP(w) {
        const VEC value = LOAD_SOME(w->from + TAP_OFFSET(w) + channel);
        const INDEX_VEC exceeds = ~(value <= best) & (best == best);
        found = (exceeds & tap) | (~exceeds & found);
        best = SELECT(exceeds, value, best);
        tap++;
    }
    *which = found;
    return best;
}

/* Maxima, and where `places` asks for them the taps that have them. A sum that is a number has no NaN in it. */
SIMD_INLINE void NAME(max_vectors)(const NAME(window) *w, int64_t channel, const int vectors, const int count, const bool places,
                                   VEC *best, INDEX_VEC *which) {
    VEC total[NAME(MOST_MAXIMA)];
    INDEX tap = 0;
    EACH_VECTOR best[k] = NAME(splat)(-(C)INFINITY), which[k] = (INDEX_VEC){0}, total[k] = (VEC){0};
    EACH_TAP(w) {
        const S *from = w->from + TAP_OFFSET(w);
        EACH_VECTOR {
            const VEC value = LOAD_SOME(from + PLACE(k));
            if (places) {
                const INDEX_VEC exceeds = value > best[k];
                which[k] = (exceeds & tap) | (~exceeds & which[k]);
            }
            best[k] = NAME(max)(value, best[k]);
            total[k] += value;
        }
        tap++;
    }
    VEC all = total[0];
    EACH_VECTOR if (k > 0) all += total[k];
    if (__builtin_expect(NAME(any_nan)(all), 0))
        EACH_VECTOR best[k] = NAME(careful_max)(w, PLACE(k), count, &which[k]);
}

SIMD_INLINE void NAME(max_part)(const NAME(window) *w, int64_t channel, const int vectors, const int count, S *to) {
    VEC best[NAME(MOST_MAXIMA)];
    INDEX_VEC which[NAME(MOST_MAXIMA)];
    NAME(max_vectors)(w, channel, vectors, count, false, best, which);
    EACH_VECTOR STORE_SOME(to + PLACE(k), best[k]);
}

SIMD_INLINE void NAME(max_gradient_part)(const NAME(window) *w, int64_t channel, const int vectors, const int count, const S *grad,
                                         S *to, const bool add, const bool positive) {
    const VEC zero = {0};
    VEC best[NAME(MOST)], g[NAME(MOST)];
    INDEX_VEC which[NAME(MOST)];
    NAME(max_vectors)(w, channel, vectors, count, true, best, which);
    EACH_VECTOR g[k] = LOAD_SOME(grad + PLACE(k));
    if (positive) EACH_VECTOR g[k] = SELECT(best[k] > zero, g[k], zero);
    INDEX tap = 0;
    EACH_TAP(w) {
        S *out = to + TAP_OFFSET(w);
        EACH_VECTOR {
            const VEC share = SELECT(which[k] == tap, g[k], zero);
            STORE_SOME(out + PLACE(k), add ? LOAD_SOME(out + PLACE(k)) + share : share);
        }
        tap++;
    }
}

SIMD_INLINE void NAME(max_select_part)(const NAME(window) *w, int64_t channel, const int vectors, const int count, const S *source,
                                       S *to) {
    VEC best[NAME(MOST)], chosen[NAME(MOST)];
    INDEX_VEC which[NAME(MOST)];
    NAME(max_vectors)(w, channel, vectors, count, true, best, which);
    EACH_VECTOR chosen[k] = (VEC){0};
    INDEX tap = 0;
    EACH_TAP(w) {
        const S *from = source + TAP_OFFSET(w);
        EACH_VECTOR chosen[k] = SELECT(which[k] == tap, LOAD_SOME(from + PLACE(k)), chosen[k]);
        tap++;
    }
    EACH_VECTOR STORE_SOME(to + PLACE(k), chosen[k]);
}

SIMD_INLINE void NAME(mean_part)(const NAME(window) *w, int64_t channel, const int vectors, const int count, C taps, S *to) {
    VEC sum[NAME(MOST_MEANS)];
    EACH_VECTOR sum[k] = (VEC){0};
    EACH_TAP(w) {
        const S *from = w->from + TAP_OFFSET(w);
        EACH_VECTOR sum[k] += LOAD_SOME(from + PLACE(k));
    }
    EACH_VECTOR STORE_SOME(to + PLACE(k), sum[k] / taps);
}

SIMD_INLINE void NAME(mean_gradient_part)(const NAME(window) *w, int64_t channel, const int vectors, const int count, C taps,
                                          const S *grad, S *to, const bool add) {
    VEC g[NAME(MOST)];
    EACH_VECTOR g[k] = LOAD_SOME(grad + PLACE(k)) / taps;
    EACH_TAP(w) {
        S *out = to + TAP_OFFSET(w);
        EACH_VECTOR STORE_SOME(out + PLACE(k), add ? LOAD_SOME(out + PLACE(k)) + g[k] : g[k]);
    }
}
#else

GROUP_INLINE void NAME(max_part)(const NAME(window) *w, int64_t channel, const int64_t n, S *to) {
    C best[POOL_GROUP];
    const S *first = w->from + channel;
    for (int64_t c = 0; c < n; c++) best[c] = LOAD(first[c]);
    EACH_TAP(w) {
        const S *x = w->from + TAP_OFFSET(w) + channel;
        for (int64_t c = 0; c < n; c++) {
            const C value = LOAD(x[c]);
            best[c] = EXCEEDS(value, best[c]) ? value : best[c];
        }
    }
    for (int64_t c = 0; c < n; c++) to[channel + c] = (S)STORE(best[c]);
}

/* The maximum, and which tap of the window has it, counted from 0. */
GROUP_INLINE void NAME(find_max)(const NAME(window) *w, int64_t channel, const int64_t n, INDEX *which, C *best) {
    const S *first = w->from + channel;
    for (int64_t c = 0; c < n; c++) best[c] = LOAD(first[c]), which[c] = 0;
    INDEX tap = 0;
    EACH_TAP(w) {
        const S *x = w->from + TAP_OFFSET(w) + channel;
        for (int64_t c = 0; c < n; c++) {
            const C value = LOAD(x[c]);
            which[c] = EXCEEDS(value, best[c]) ? tap : which[c];
            best[c] = EXCEEDS(value, best[c]) ? value : best[c];
        }
        tap++;
    }
}

GROUP_INLINE void NAME(max_gradient_part)(const NAME(window) *w, int64_t channel, const int64_t n, const S *grad, S *to,
                                          const bool add, const bool positive) {
    INDEX which[POOL_GROUP];
    C best[POOL_GROUP], g[POOL_GROUP];
    NAME(find_max)(w, channel, n, which, best);
    for (int64_t c = 0; c < n; c++) g[c] = LOAD(grad[channel + c]);
    if (positive)
        for (int64_t c = 0; c < n; c++) g[c] = best[c] > 0 ? g[c] : 0;
    INDEX tap = 0;
    EACH_TAP(w) {
        S *out = to + TAP_OFFSET(w) + channel;
        if (add) {
            for (int64_t c = 0; c < n; c++) out[c] = (S)STORE(LOAD(out[c]) + (which[c] == tap ? g[c] : 0));
        } else {
            for (int64_t c = 0; c < n; c++) out[c] = (S)STORE(which[c] == tap ? g[c] : 0);
        }
        tap++;
    }
}

/* The element of `source`, laid out as the image, where the maximum is. */
GROUP_INLINE void NAME(max_select_part)(const NAME(window) *w, int64_t channel, const int64_t n, const S *source, S *to) {
    INDEX which[POOL_GROUP];
    C best[POOL_GROUP];
    NAME(find_max)(w, channel, n, which, best);
    INDEX tap = 0;
    EACH_TAP(w) {
        const S *from = source + TAP_OFFSET(w) + channel;
        for (int64_t c = 0; c < n; c++) to[channel + c] = which[c] == tap ? from[c] : to[channel + c];
        tap++;
    }
}

#ifdef POOL_MEANS
GROUP_INLINE void NAME(mean_part)(const NAME(window) *w, int64_t channel, const int64_t n, C count, S *to) {
    C sum[POOL_GROUP];
    for (int64_t c = 0; c < n; c++) sum[c] = 0;
    EACH_TAP(w) {
        const S *x = w->from + TAP_OFFSET(w) + channel;
        for (int64_t c = 0; c < n; c++) sum[c] += LOAD(x[c]);
    }
    for (int64_t c = 0; c < n; c++) to[channel + c] = (S)STORE(sum[c] / count);
}

GROUP_INLINE void NAME(mean_gradient_part)(const NAME(window) *w, int64_t channel, const int64_t n, C count, const S *grad, S *to,
                                           const bool add) {
    C g[POOL_GROUP];
    for (int64_t c = 0; c < n; c++) g[c] = LOAD(grad[channel + c]) / count;
    EACH_TAP(w) {
        S *out = to + TAP_OFFSET(w) + channel;
        for (int64_t c = 0; c < n; c++) out[c] = (S)STORE((add ? LOAD(out[c]) : 0) + g[c]);
    }
}
#endif
#endif

/* Where the maximum is, as an index into the image (or the batch), whose element `origin` is the window's first. */
static void NAME(max_index)(const NAME(window) *w, int64_t channels, int64_t origin, bool wide, void *to, int64_t at) {
    for (int64_t c = 0; c < channels; c++) {
        C best = LOAD(w->from[c]);
        int64_t found = 0;
        EACH_TAP(w) {
            const C value = LOAD(w->from[TAP_OFFSET(w) + c]);
            if (EXCEEDS(value, best)) best = value, found = TAP_OFFSET(w);
        }
        if (wide) ((int64_t *)to)[at + c] = origin + found + c;
        else ((int32_t *)to)[at + c] = (int32_t)(origin + found + c);
    }
}

/* The part of the window that lies in the image along one axis; moves the window there. */
SIMD_INLINE int64_t NAME(window_along)(const pool *p, int axis, int64_t at, NAME(window) *w) {
    const conv_axis *a = &p->axis[axis];
    const int64_t start = at * a->stride - a->before, from = conv_max(start, 0);
    w->count[axis] = conv_max(0, conv_min(start + a->window, a->image) - from);
    w->step[axis] = p->step[axis];
    return from * p->step[axis];
}

/* Each window of a row: `w`, whose first element is `offset` elements behind the image's. */
#define EACH_WINDOW(origin)                                                                                        \
    NAME(window) w;                                                                                                \
    const int64_t row_offset = n * p->image + NAME(window_along)(p, 0, i0, &w) + NAME(window_along)(p, 1, i1, &w);  \
    int64_t offset;                                                                                                \
    for (int64_t i2 = 0; i2 < p->axis[2].target && (offset = row_offset + NAME(window_along)(p, 2, i2, &w),        \
                                                    w.from = (const S *)(origin) + offset, true); i2++)
#define ROW_OF_TARGET (((n * p->axis[0].target + i0) * p->axis[1].target + i1) * p->axis[2].target * p->channels)

/* Calls WHAT_part for the channels from c0 to c1 of a window, `most` vectors at once, then one, then what is left: where `again` says
 * that nothing is added to, and parts of a vector are slow, by a vector that makes some again. */
#ifdef POOL_FAST
#define EACH_PART_OF(window, most, again, WHAT, ...)                                                               \
    {                                                                                                              \
        int64_t channel = c0;                                                                                      \
        for (; channel + (most) * NAME(LANES) <= c1; channel += (most) * NAME(LANES))                              \
            NAME(WHAT##_part)(window, channel, most, NAME(LANES), __VA_ARGS__);                                    \
        for (; channel + NAME(LANES) <= c1; channel += NAME(LANES))                                                \
            NAME(WHAT##_part)(window, channel, 1, NAME(LANES), __VA_ARGS__);                                       \
        if (channel < c1 && (again) && !SIMD_FREE_MASKS && c1 - c0 >= NAME(LANES)) {                               \
            channel = c1 - NAME(LANES);                                                                            \
            NAME(WHAT##_part)(window, channel, 1, NAME(LANES), __VA_ARGS__);                                       \
        } else if (channel < c1) {                                                                                 \
            NAME(WHAT##_part)(window, channel, 1, (int)(c1 - channel), __VA_ARGS__);                               \
        }                                                                                                          \
    }
/* The same for any window of channels c0 to c1. */
#if POOL_UNROLLS
#define IS_SQUARE(size) (w.count[0] == (size) && w.count[1] == 1 && w.count[2] == (size))
#define SQUARE(size) ((NAME(window)){w.from, {size, 1, size}, {w.step[0], 0, w.step[2]}})
#define EACH_PART(most, again, WHAT, ...)                                                                          \
    if (IS_SQUARE(2)) {                                                                                            \
        const NAME(window) square = SQUARE(2);                                                                     \
        EACH_PART_OF(&square, most, again, WHAT, __VA_ARGS__)                                                      \
    } else if (IS_SQUARE(3)) {                                                                                     \
        const NAME(window) square = SQUARE(3);                                                                     \
        EACH_PART_OF(&square, most, again, WHAT, __VA_ARGS__)                                                      \
    } else {                                                                                                       \
        EACH_PART_OF(&w, most, again, WHAT, __VA_ARGS__)                                                           \
    }
#else
#define EACH_PART(most, again, WHAT, ...) EACH_PART_OF(&w, most, again, WHAT, __VA_ARGS__)
#endif
#else
#define EACH_PART(most, again, WHAT, ...)                                                                                       \
    {                                                                                                              \
        enum { GROUP = POOL_GROUP_BYTES / sizeof(C) };                                                             \
        for (int64_t channel = c0; channel < c1; channel += GROUP)                                                 \
            NAME(WHAT##_part)(&w, channel, conv_min(GROUP, c1 - channel), __VA_ARGS__);                            \
    }
#endif

/* The target positions of one row of one image: i0 and i1 are given. */
static void NAME(max_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    S *to = (S *)operand[1] + ROW_OF_TARGET;
    EACH_WINDOW(operand[0]) {
        EACH_PART(NAME(MOST_MAXIMA), true, max, to)
        to += p->channels;
    }
}

#ifdef POOL_MEANS
/* The gradient of maxima where each element that equals the maximum of a window gets all of its gradient. */
static void NAME(max_ties_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    enum { CHANNELS = 64 };
    const S *grad = (const S *)operand[1] + ROW_OF_TARGET;
    EACH_WINDOW(operand[0]) {
        S *to = (S *)operand[2] + offset;
        for (int64_t first = c0; first < c1; first += CHANNELS) {
            const int64_t count = conv_min(CHANNELS, c1 - first);
            C best[CHANNELS];
            for (int64_t c = 0; c < count; c++) best[c] = LOAD(w.from[first + c]);
            EACH_TAP(&w) {
                const S *from = w.from + TAP_OFFSET(&w) + first;
                for (int64_t c = 0; c < count; c++) best[c] = EXCEEDS(LOAD(from[c]), best[c]) ? LOAD(from[c]) : best[c];
            }
            EACH_TAP(&w) {
                const S *from = w.from + TAP_OFFSET(&w) + first;
                S *out = to + TAP_OFFSET(&w) + first;
                for (int64_t c = 0; c < count; c++) {
                    const C value = LOAD(from[c]);
                    const C share = value == best[c] || value != value ? LOAD(grad[first + c]) : 0;
                    out[c] = (S)STORE(p->overlapping ? LOAD(out[c]) + share : share);
                }
            }
        }
        grad += p->channels;
    }
}
#endif

static void NAME(max_gradient_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    const S *grad = (const S *)operand[1] + ROW_OF_TARGET;
    EACH_WINDOW(operand[0]) {
        S *to = (S *)operand[2] + offset;
        if (p->overlapping) {
            EACH_PART(NAME(MOST), false, max_gradient, grad, to, true, p->positive)
        } else {
            EACH_PART(NAME(MOST), true, max_gradient, grad, to, false, p->positive)
        }
        grad += p->channels;
    }
}

static void NAME(max_select_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    S *to = (S *)operand[2] + ROW_OF_TARGET;
    EACH_WINDOW(operand[0]) {
        const S *source = (const S *)operand[1] + offset;
        EACH_PART(NAME(MOST), true, max_select, source, to)
        to += p->channels;
    }
}

/* Outputs: the maxima, and their indices. */
static void NAME(max_index_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    int64_t at = ROW_OF_TARGET;
    NAME(max_row)(p, operand, n, i0, i1, c0, c1);
    EACH_WINDOW(operand[0]) {
        NAME(max_index)(&w, p->channels, offset - (p->batch_in_index ? 0 : n * p->image), p->wide_index, operand[2], at);
        at += p->channels;
    }
}

#ifdef POOL_MEANS
static void NAME(mean_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    S *to = (S *)operand[1] + ROW_OF_TARGET;
    EACH_WINDOW(operand[0]) {
        const C taps = (C)(w.count[0] * w.count[1] * w.count[2]);
        EACH_PART(NAME(MOST_MEANS), true, mean, taps, to)
        to += p->channels;
    }
}

static void NAME(mean_gradient_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    const S *grad = (const S *)operand[0] + ROW_OF_TARGET;
    EACH_WINDOW(operand[1]) {
        S *to = (S *)operand[1] + offset;
        const C taps = (C)(w.count[0] * w.count[1] * w.count[2]);
        if (p->overlapping) {
            EACH_PART(NAME(MOST), false, mean_gradient, taps, grad, to, true)
        } else {
            EACH_PART(NAME(MOST), true, mean_gradient, taps, grad, to, false)
        }
        grad += p->channels;
    }
}
#endif

#undef EACH_TAP
#undef EXCEEDS
#undef GROUP_INLINE
#undef TAP_OFFSET
#undef EACH_PART
#undef EACH_PART_OF
#undef IS_SQUARE
#undef SQUARE
#undef EACH_WINDOW
#undef ROW_OF_TARGET
#undef EACH_VECTOR
#undef PLACE
#undef LOAD_SOME
#undef STORE_SOME
#undef VEC
#undef INDEX_VEC
#undef SELECT
#undef S
#undef C
#undef INDEX
#undef LOAD
#undef STORE
#undef NAME
#undef POOL_MEANS
#undef POOL_FAST
