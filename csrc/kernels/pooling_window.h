/* The windows of pools over one element type; included by pooling.c once for each.
 *
 * Channels are taken in groups: in the types with POOL_FAST of a fixed number of whole vectors first, so that their maxima
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

#ifdef POOL_FAST
#define GROUP_INLINE SIMD_INLINE
#else /* small code rather than vectors */
#define GROUP_INLINE static __attribute__((noinline, optimize("no-tree-vectorize")))
#endif

#define EACH_TAP(w)                                              \
    for (int64_t k0 = 0; k0 < (w)->count[0]; k0++)               \
        for (int64_t k1 = 0; k1 < (w)->count[1]; k1++)           \
            for (int64_t k2 = 0; k2 < (w)->count[2]; k2++)
#define TAP_OFFSET(w) (k0 * (w)->step[0] + k1 * (w)->step[1] + k2 * (w)->step[2])

GROUP_INLINE void NAME(max_group)(const NAME(window) *w, int64_t channel, const int64_t n, S *to) {
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

GROUP_INLINE void NAME(max_gradient_group)(const NAME(window) *w, int64_t channel, const int64_t n, const S *grad, S *to, const bool add, const bool positive) {
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
GROUP_INLINE void NAME(max_select_group)(const NAME(window) *w, int64_t channel, const int64_t n, const S *source, S *to) {
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

#ifdef POOL_FAST
/* The same for what is left of the channels, fewer than a group: one vector, or its first `count` lanes. */
enum { NAME(LANES) = SIMD_BYTES / sizeof(C) };
#define LOAD_SOME(from) (count == NAME(LANES) ? NAME(load)(from) : NAME(load_part)(from, count))
#define STORE_SOME(to, value) (count == NAME(LANES) ? NAME(store)(to, value) : NAME(store_part)(to, value, count))

SIMD_INLINE VEC NAME(max_vector)(const NAME(window) *w, int64_t channel, const int count, INDEX_VEC *which) {
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

SIMD_INLINE void NAME(max_rest)(const NAME(window) *w, int64_t channel, const int count, S *to) {
    INDEX_VEC which;
    const VEC best = NAME(max_vector)(w, channel, count, &which);
    STORE_SOME(to + channel, best);
}

SIMD_INLINE void NAME(max_gradient_rest)(const NAME(window) *w, int64_t channel, const int count, const S *grad, S *to,
                                         const bool add, const bool positive) {
    const VEC zero = {0};
    INDEX_VEC which;
    const VEC best = NAME(max_vector)(w, channel, count, &which), arrived = LOAD_SOME(grad + channel);
    const VEC g = positive ? SELECT(best > zero, arrived, zero) : arrived;
    INDEX tap = 0;
    EACH_TAP(w) {
        S *out = to + TAP_OFFSET(w) + channel;
        const VEC share = SELECT(which == tap, g, zero);
        STORE_SOME(out, add ? LOAD_SOME(out) + share : share);
        tap++;
    }
}

SIMD_INLINE void NAME(max_select_rest)(const NAME(window) *w, int64_t channel, const int count, const S *source, S *to) {
    INDEX_VEC which;
    NAME(max_vector)(w, channel, count, &which);
    VEC chosen = {0};
    INDEX tap = 0;
    EACH_TAP(w) {
        chosen = SELECT(which == tap, LOAD_SOME(source + TAP_OFFSET(w) + channel), chosen);
        tap++;
    }
    STORE_SOME(to + channel, chosen);
}

SIMD_INLINE void NAME(mean_rest)(const NAME(window) *w, int64_t channel, const int count, C taps, S *to) {
    VEC sum = {0};
    EACH_TAP(w) sum += LOAD_SOME(w->from + TAP_OFFSET(w) + channel);
    STORE_SOME(to + channel, sum / taps);
}

SIMD_INLINE void NAME(mean_gradient_rest)(const NAME(window) *w, int64_t channel, const int count, C taps, const S *grad, S *to) {
    const VEC g = LOAD_SOME(grad + channel) / taps;
    EACH_TAP(w) {
        S *out = to + TAP_OFFSET(w) + channel;
        STORE_SOME(out, LOAD_SOME(out) + g);
    }
}
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

static int64_t NAME(window_at)(const pool *p, const S *image, int64_t n, int64_t i0, int64_t i1, int64_t i2, NAME(window) *w) {
    const int64_t at[CONV_AXES] = {i0, i1, i2};
    int64_t offset = n * p->image;
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const conv_axis *a = &p->axis[axis];
        const int64_t start = at[axis] * a->stride - a->before;
        const int64_t from = conv_max(start, 0);
        w->count[axis] = conv_max(0, conv_min(start + a->window, a->image) - from);
        w->step[axis] = p->step[axis];
        offset += from * p->step[axis];
    }
    w->from = image + offset;
    return offset;
}

/* Calls WHAT_group, and WHAT_rest for what is left, for the channels from c0 to c1 of a window. */
#ifdef POOL_FAST
#define EACH_GROUP(WHAT, ...)                                                                                      \
    {                                                                                                              \
        enum { GROUP = POOL_GROUP_BYTES / sizeof(C) };                                                             \
        int64_t channel = c0;                                                                                      \
        for (; channel + GROUP <= c1; channel += GROUP) NAME(WHAT##_group)(&w, channel, GROUP, __VA_ARGS__);       \
        for (; channel + NAME(LANES) <= c1; channel += NAME(LANES))                                                \
            NAME(WHAT##_rest)(&w, channel, NAME(LANES), __VA_ARGS__);                                              \
        if (channel < c1) NAME(WHAT##_rest)(&w, channel, (int)(c1 - channel), __VA_ARGS__);                        \
    }
#else
#define EACH_GROUP(WHAT, ...)                                                                                      \
    {                                                                                                              \
        enum { GROUP = POOL_GROUP_BYTES / sizeof(C) };                                                             \
        for (int64_t channel = c0; channel < c1; channel += GROUP)                                                 \
            NAME(WHAT##_group)(&w, channel, conv_min(GROUP, c1 - channel), __VA_ARGS__);                           \
    }
#endif

/* The target positions of one row of one image: i0 and i1 are given. */
static void NAME(max_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    NAME(window) w;
    S *to = (S *)operand[1] + ((n * p->axis[0].target + i0) * p->axis[1].target + i1) * p->axis[2].target * p->channels;
    for (int64_t i2 = 0; i2 < p->axis[2].target; i2++, to += p->channels) {
        NAME(window_at)(p, operand[0], n, i0, i1, i2, &w);
        EACH_GROUP(max, to)
    }
}

static void NAME(max_gradient_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    NAME(window) w;
    const S *grad = (const S *)operand[2] + ((n * p->axis[0].target + i0) * p->axis[1].target + i1) * p->axis[2].target * p->channels;
    for (int64_t i2 = 0; i2 < p->axis[2].target; i2++, grad += p->channels) {
        S *to = (S *)operand[3] + NAME(window_at)(p, operand[0], n, i0, i1, i2, &w);
        if (p->overlapping) {
            EACH_GROUP(max_gradient, grad, to, true, p->positive)
        } else {
            EACH_GROUP(max_gradient, grad, to, false, p->positive)
        }
    }
}

static void NAME(max_select_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    NAME(window) w;
    S *to = (S *)operand[3] + ((n * p->axis[0].target + i0) * p->axis[1].target + i1) * p->axis[2].target * p->channels;
    for (int64_t i2 = 0; i2 < p->axis[2].target; i2++, to += p->channels) {
        const S *source = (const S *)operand[2] + NAME(window_at)(p, operand[0], n, i0, i1, i2, &w);
        EACH_GROUP(max_select, source, to)
    }
}

/* Outputs: the maxima, and their indices. */
static void NAME(max_index_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    NAME(window) w;
    NAME(max_row)(p, operand, n, i0, i1, c0, c1);
    int64_t at = ((n * p->axis[0].target + i0) * p->axis[1].target + i1) * p->axis[2].target * p->channels;
    for (int64_t i2 = 0; i2 < p->axis[2].target; i2++, at += p->channels) {
        const int64_t origin = NAME(window_at)(p, operand[0], n, i0, i1, i2, &w) - (p->batch_in_index ? 0 : n * p->image);
        NAME(max_index)(&w, p->channels, origin, p->wide_index, operand[2], at);
    }
}

#ifdef POOL_MEANS
GROUP_INLINE void NAME(mean_group)(const NAME(window) *w, int64_t channel, const int64_t n, C count, S *to) {
    C sum[POOL_GROUP];
    for (int64_t c = 0; c < n; c++) sum[c] = 0;
    EACH_TAP(w) {
        const S *x = w->from + TAP_OFFSET(w) + channel;
        for (int64_t c = 0; c < n; c++) sum[c] += LOAD(x[c]);
    }
    for (int64_t c = 0; c < n; c++) to[channel + c] = (S)STORE(sum[c] / count);
}

GROUP_INLINE void NAME(mean_gradient_group)(const NAME(window) *w, int64_t channel, const int64_t n, C count, const S *grad, S *to) {
    C g[POOL_GROUP];
    for (int64_t c = 0; c < n; c++) g[c] = LOAD(grad[channel + c]) / count;
    EACH_TAP(w) {
        S *out = to + TAP_OFFSET(w) + channel;
        for (int64_t c = 0; c < n; c++) out[c] = (S)STORE(LOAD(out[c]) + g[c]);
    }
}

static void NAME(mean_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    NAME(window) w;
    S *to = (S *)operand[1] + ((n * p->axis[0].target + i0) * p->axis[1].target + i1) * p->axis[2].target * p->channels;
    for (int64_t i2 = 0; i2 < p->axis[2].target; i2++, to += p->channels) {
        NAME(window_at)(p, operand[0], n, i0, i1, i2, &w);
        const C count = (C)(w.count[0] * w.count[1] * w.count[2]);
        EACH_GROUP(mean, count, to)
    }
}

static void NAME(mean_gradient_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    NAME(window) w;
    const S *grad = (const S *)operand[0] + ((n * p->axis[0].target + i0) * p->axis[1].target + i1) * p->axis[2].target * p->channels;
    for (int64_t i2 = 0; i2 < p->axis[2].target; i2++, grad += p->channels) {
        S *to = (S *)operand[1] + NAME(window_at)(p, operand[1], n, i0, i1, i2, &w);
        const C count = (C)(w.count[0] * w.count[1] * w.count[2]);
        EACH_GROUP(mean_gradient, count, grad, to)
    }
}
#endif

#undef EACH_TAP
#undef EXCEEDS
#undef GROUP_INLINE
#undef TAP_OFFSET
#undef EACH_GROUP
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
