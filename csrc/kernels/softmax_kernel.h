/* Softmax and cross-entropies of rows of one real type, included by softmax.c once for each.
 *
 * Expects REAL, VEC, INDEX, LANES, LANE_INDEX, NAME(x), LOAD, LOAD_PART, STORE, STORE_PART, SPLAT, SELECT, EVEN_LANES,
 * ODD_LANES, EXP, LOG_SCALAR.
 */

/* A NaN wins. */
SIMD_INLINE VEC NAME(larger)(VEC x, VEC best) { return SELECT((x > best) | (x != x), x, best); }

/* Lanes beyond `count` are set to `fill`. */
SIMD_INLINE VEC NAME(load_filled)(const REAL *x, int count, REAL fill) {
    return SELECT(LANE_INDEX < (INDEX)count, LOAD_PART(x, count), SPLAT(fill));
}

SIMD_INLINE REAL NAME(lanes_max)(VEC v) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        const VEC even = EVEN_LANES(v, v), odd = ODD_LANES(v, v);
        v = NAME(larger)(even, odd);
    }
    return v[0];
}

SIMD_INLINE REAL NAME(lanes_sum)(VEC v) {
    for (int half = LANES / 2; half > 0; half /= 2) v = EVEN_LANES(v, v) + ODD_LANES(v, v);
    return v[0];
}

static REAL NAME(row_max)(const REAL *x, int64_t n) {
    VEC best = SPLAT(-(REAL)INFINITY);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) best = NAME(larger)(LOAD(x + i), best);
    if (i < n) best = NAME(larger)(NAME(load_filled)(x + i, (int)(n - i), -(REAL)INFINITY), best);
    return NAME(lanes_max)(best);
}

/* The sum of exp(x - shift); stores the terms where `terms` is given. */
SIMD_INLINE REAL NAME(row_exp_sum)(const REAL *x, int64_t n, REAL shift, REAL *terms) {
    VEC sum = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const VEC term = EXP(LOAD(x + i) - shift);
        if (terms) STORE(terms + i, term);
        sum += term;
    }
    if (i < n) {
        const VEC term = EXP(NAME(load_filled)(x + i, (int)(n - i), -(REAL)INFINITY) - shift);
        if (terms) STORE_PART(terms + i, term, (int)(n - i));
        /* Where shift is -infinity the filling gives NaN, as the row itself does. */
        sum += term;
    }
    return NAME(lanes_sum)(sum);
}

static void NAME(softmax_row)(const REAL *x, int64_t n, REAL *out) {
    const REAL sum = NAME(row_exp_sum)(x, n, NAME(row_max)(x, n), out);
    const REAL scale = 1 / sum;
    for (int64_t i = 0; i < n; i++) out[i] *= scale;
}

static void NAME(log_softmax_row)(const REAL *x, int64_t n, REAL *out) {
    const REAL top = NAME(row_max)(x, n);
    const REAL log_sum = LOG_SCALAR(NAME(row_exp_sum)(x, n, top, NULL));
    for (int64_t i = 0; i < n; i++) out[i] = x[i] - top - log_sum;
}

/* loss = sum(labels * (log(sum(exp(x - max))) - (x - max))), gradient = softmax(x) - labels. `step` is 0 where one
 * number serves the whole row. */
static void NAME(dense_row)(const REAL *x, int64_t x_step, const REAL *labels, int64_t labels_step, int64_t n, REAL *loss,
                            REAL *gradient) {
    if (x_step == 0) {
        for (int64_t i = 0; i < n; i++) gradient[i] = *x;
        x = gradient;
    }
    const REAL top = NAME(row_max)(x, n);
    REAL lanes[16] = {0};
    if (labels_step == 1)
        for (int64_t i = 0; i < n; i += 16) {
            const int count = n - i < 16 ? (int)(n - i) : 16;
            for (int j = 0; j < count; j++) lanes[j] += labels[i + j] == 0 ? 0 : labels[i + j] * (x[i + j] - top);
        }
    else
        for (int64_t i = 0; i < n; i++) lanes[i % 16] += *labels == 0 ? 0 : *labels * (x[i] - top);
    REAL label_sum = 0, weighted = 0;
    for (int j = 0; j < 16; j++) weighted += lanes[j];
    for (int64_t i = 0; i < n; i++) label_sum += labels[i * labels_step];
    const REAL sum = NAME(row_exp_sum)(x, n, top, gradient);
    *loss = label_sum * LOG_SCALAR(sum) - weighted;
    const REAL scale = 1 / sum;
    for (int64_t i = 0; i < n; i++) gradient[i] = gradient[i] * scale - labels[i * labels_step];
}

static void NAME(sparse_row)(const REAL *x, int64_t n, int64_t label, REAL *loss, REAL *gradient) {
    const REAL top = NAME(row_max)(x, n), shifted = x[label] - top;
    const REAL sum = NAME(row_exp_sum)(x, n, top, gradient);
    *loss = LOG_SCALAR(sum) - shifted;
    const REAL scale = 1 / sum;
    for (int64_t i = 0; i < n; i++) gradient[i] *= scale;
    gradient[label] -= 1;
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
#undef EXP
#undef INDEX
#undef LANE_INDEX
#undef SELECT
#undef EVEN_LANES
#undef ODD_LANES
#undef LOG_SCALAR
