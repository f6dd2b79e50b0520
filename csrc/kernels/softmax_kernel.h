/* Softmax and cross-entropies of rows of one real type, included by softmax.c once for each.
 *
 * In the names of float_names.h. Expects EXP and LOG_SCALAR.
 */

/* Lanes beyond `count` are set to `fill`. */
SIMD_INLINE VEC NAME(load_filled)(const REAL *x, int count, REAL fill) {
    return SELECT(LANE_INDEX < (INDEX)count, LOAD_PART(x, count), SPLAT(fill));
}

SIMD_INLINE REAL NAME(lanes_max)(VEC v) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        const VEC even = EVEN_LANES(v, v), odd = ODD_LANES(v, v);
        v = MAX(even, odd);
    }
    return v[0];
}

SIMD_INLINE REAL NAME(lanes_sum)(VEC v) {
    for (int half = LANES / 2; half > 0; half /= 2) v = EVEN_LANES(v, v) + ODD_LANES(v, v);
    return v[0];
}

/* NaN is passed over: it comes back by the sum of exponentials. */
SIMD_INLINE VEC NAME(row_max_lanes)(const REAL *x, int64_t n) {
    if (n < LANES) return NAME(load_filled)(x, (int)n, -(REAL)INFINITY);
    VEC best = MAX(LOAD(x), SPLAT(-(REAL)INFINITY));
    int64_t i = LANES;
    if (n >= 4 * LANES) {
        VEC a = best, b = best, c = best;
        for (i = 0; i + 4 * LANES <= n; i += 4 * LANES) {
            best = MAX(LOAD(x + i), best);
            a = MAX(LOAD(x + i + LANES), a);
            b = MAX(LOAD(x + i + 2 * LANES), b);
            c = MAX(LOAD(x + i + 3 * LANES), c);
        }
        best = MAX(MAX(best, a), MAX(b, c));
    }
    for (; i + LANES <= n; i += LANES) best = MAX(LOAD(x + i), best);
    return i < n ? MAX(NAME(load_filled)(x + i, (int)(n - i), -(REAL)INFINITY), best) : best;
}

static REAL NAME(row_max)(const REAL *x, int64_t n) { return NAME(lanes_max)(NAME(row_max_lanes)(x, n)); }

/* The sum of exp(x - shift); stores the terms where `terms` is given. */
SIMD_INLINE VEC NAME(row_exp_lanes)(const REAL *x, int64_t n, REAL shift, REAL *terms) {
    VEC sum = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __builtin_prefetch(x + n + i); /* the next row's maximum is waited for, while this is arithmetic */
        if (terms) __builtin_prefetch(terms + n + i, 1);
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
    return sum;
}

static REAL NAME(row_exp_sum)(const REAL *x, int64_t n, REAL shift, REAL *terms) {
    return NAME(lanes_sum)(terms ? NAME(row_exp_lanes)(x, n, shift, terms) : NAME(row_exp_lanes)(x, n, shift, NULL));
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
    REAL label_sum = 0, weighted = 0;
    if (labels_step == 1) {
        VEC sums = {0}, products = {0};
        for (int64_t i = 0; i < n; i += LANES) {
            const int count = n - i < LANES ? (int)(n - i) : LANES;
            const VEC label = LOAD_PART(labels + i, count), shifted = LOAD_PART(x + i, count) - top;
            sums += label;
            products += SELECT(label == 0, (VEC){0}, label * shifted);
        }
        label_sum = NAME(lanes_sum)(sums), weighted = NAME(lanes_sum)(products);
    } else {
        label_sum = *labels * (REAL)n;
        for (int64_t i = 0; i < n; i++) weighted += *labels == 0 ? 0 : *labels * (x[i] - top);
    }
    const REAL sum = NAME(row_exp_sum)(x, n, top, gradient);
    *loss = label_sum * LOG_SCALAR(sum) - weighted;
    const REAL scale = 1 / sum;
    if (labels_step == 1)
        for (int64_t i = 0; i < n; i++) gradient[i] = gradient[i] * scale - labels[i];
    else
        for (int64_t i = 0; i < n; i++) gradient[i] = gradient[i] * scale - *labels;
}

static void NAME(sparse_row)(const REAL *x, int64_t n, int64_t label, REAL *loss, REAL *gradient) {
    const REAL top = NAME(row_max)(x, n), shifted = x[label] - top;
    const REAL sum = NAME(row_exp_sum)(x, n, top, gradient);
    *loss = LOG_SCALAR(sum) - shifted;
    const REAL scale = 1 / sum;
    for (int64_t i = 0; i < n; i++) gradient[i] *= scale;
    gradient[label] -= 1;
}

/* ---- rows of middling length: as many as a vector has lanes at a time, whose lanes are put together together ---- */

/* The largest number and the sum of each row's lanes, in the rows' order. */
SIMD_INLINE VEC NAME(max_rows)(VEC *row) {
    TRANSPOSE(row);
    _Pragma("GCC unroll 4") for (int half = LANES / 2; half > 0; half /= 2)
        _Pragma("GCC unroll 8") for (int i = 0; i < half; i++) row[i] = MAX(row[i], row[i + half]);
    return row[0];
}

/* Softmax, or its logarithm, or the sparse cross-entropy, of `rows` rows, at most LANES, of n columns. */
static void NAME(block_rows)(row_kind kind, const REAL *x, const int64_t *classes, int rows, int64_t n, REAL *out,
                             REAL *gradient) {
    VEC lanes[LANES];
    REAL top[LANES], last[LANES];
    REAL *terms = kind == ROW_LOG_SOFTMAX ? NULL : kind == ROW_SOFTMAX ? out : gradient;
    for (int i = 0; i < LANES; i++) lanes[i] = i < rows ? NAME(row_max_lanes)(x + i * n, n) : lanes[0];
    STORE(top, NAME(max_rows)(lanes));
    if (terms)
        for (int i = 0; i < rows; i++) lanes[i] = NAME(row_exp_lanes)(x + i * n, n, top[i], terms + i * n);
    else
        for (int i = 0; i < rows; i++) lanes[i] = NAME(row_exp_lanes)(x + i * n, n, top[i], NULL);
    const VEC sum = SUM_ROWS(lanes);
    STORE(last, kind == ROW_LOG_SOFTMAX ? NAME(log)(sum) : 1 / sum);
    if (kind == ROW_SPARSE) STORE_PART(out, NAME(log)(sum), rows);
    for (int i = 0; i < rows; i++) {
        const REAL *from = x + i * n, scale = last[i], shift = top[i];
        if (terms) {
            REAL *to = terms + i * n;
            for (int64_t k = 0; k < n; k++) to[k] *= scale;
        } else {
            for (int64_t k = 0; k < n; k++) out[i * n + k] = from[k] - shift - scale;
        }
        if (kind == ROW_SPARSE) {
            out[i] -= from[classes[i]] - shift;
            gradient[i * n + classes[i]] -= 1;
        }
    }
}

/* ---- narrow rows: as many as a vector has lanes at a time, a row a lane ---- */

/* As many dense rows as a vector has lanes, of two or four columns: even and odd elements are parted, for four once more. */
SIMD_INLINE void NAME(load_parted)(const int columns, const REAL *x, VEC *column) {
    VEC v[4];
    _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) v[j] = LOAD(x + j * LANES);
    if (columns == 2) {
        column[0] = EVEN_LANES(v[0], v[1]), column[1] = ODD_LANES(v[0], v[1]);
        return;
    }
    const VEC even = EVEN_LANES(v[0], v[1]), odd = ODD_LANES(v[0], v[1]);
    const VEC last_even = EVEN_LANES(v[2], v[3]), last_odd = ODD_LANES(v[2], v[3]);
    column[0] = EVEN_LANES(even, last_even), column[2] = ODD_LANES(even, last_even);
    column[1] = EVEN_LANES(odd, last_odd), column[3] = ODD_LANES(odd, last_odd);
}

SIMD_INLINE void NAME(store_joined)(const int columns, const VEC *column, REAL *out) {
    VEC a = column[0], b = column[1];
    if (columns == 4) {
        const VEC c = column[2], d = column[3], other = INTERLEAVE_HIGH(a, c), last = INTERLEAVE_HIGH(b, d);
        STORE(out + 2 * LANES, INTERLEAVE_LOW(other, last));
        STORE(out + 3 * LANES, INTERLEAVE_HIGH(other, last));
        a = INTERLEAVE_LOW(a, c), b = INTERLEAVE_LOW(b, d);
    }
    STORE(out, INTERLEAVE_LOW(a, b));
    STORE(out + LANES, INTERLEAVE_HIGH(a, b));
}

SIMD_INLINE void NAME(load_columns)(const REAL *x, int64_t row_step, int rows, int columns, VEC *column) {
    if (rows == LANES && row_step == columns && columns < LANES) {
        if (columns == 2) { NAME(load_parted)(2, x, column); return; }
        if (columns == 4) { NAME(load_parted)(4, x, column); return; }
#if FEW_COLUMNS_SHUFFLE
        if (columns == 3) { NAME(part_columns)(3, x, column); return; }
#endif
    }
#if SIMD_FREE_MASKS
    if (columns <= LANES / 2) { /* two rows a vector: half of the shuffles */
        VEC block[LANES / 2];
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            const int other = i + LANES / 2;
            block[i] = LOAD_PART(x + (i < rows ? i : 0) * row_step, columns);
            block[i] = LOAD_INTO(block[i], x + (other < rows ? other : 0) * row_step, LANES / 2, columns);
        }
        TRANSPOSE_HALVES(block);
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) column[i] = block[i];
        return;
    }
#endif
    for (int from = 0; from < columns; from += LANES) {
        const int count = columns - from < LANES ? columns - from : LANES;
        VEC block[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) block[i] = LOAD_PART(x + (i < rows ? i : 0) * row_step + from, count);
        TRANSPOSE(block);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) column[from + i] = block[i];
    }
}

SIMD_INLINE void NAME(store_columns)(const VEC *column, int rows, int columns, REAL *out) {
    if (rows == LANES && columns < LANES) {
        if (columns == 2) { NAME(store_joined)(2, column, out); return; }
        if (columns == 4) { NAME(store_joined)(4, column, out); return; }
#if FEW_COLUMNS_SHUFFLE
        if (columns == 3) {
            VEC row[FEW_COLUMNS];
            NAME(join_columns)(3, column, row);
            for (int j = 0; j < 3; j++) STORE(out + j * LANES, row[j]);
            return;
        }
#endif
    }
#if SIMD_FREE_MASKS
    if (columns <= LANES / 2) {
        VEC block[LANES / 2];
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) block[i] = column[i];
        TRANSPOSE_HALVES(block);
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            if (i < rows) STORE_PART(out + i * columns, block[i], columns);
            if (i + LANES / 2 < rows) STORE_FROM(out + (i + LANES / 2) * columns, block[i], LANES / 2, columns);
        }
        return;
    }
#endif
    for (int from = 0; from < columns; from += LANES) {
        const int count = columns - from < LANES ? columns - from : LANES;
        VEC block[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) block[i] = column[from + i];
        TRANSPOSE(block);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (i < rows) STORE_PART(out + i * columns + from, block[i], count);
    }
}

/* The same functions of `rows` rows, at most LANES, of at most NARROW columns. */
SIMD_INLINE void NAME(narrow_rows_of)(row_kind kind, const REAL *x, const REAL *labels, int64_t labels_row, const int64_t *classes,
                              int rows, const int columns, REAL *out, REAL *gradient) {
    VEC column[NARROW + LANES], term[NARROW + LANES], label[NARROW + LANES];
    NAME(load_columns)(x, columns, rows, columns, column);
    VEC top = SPLAT(-(REAL)INFINITY), sum = {0};
    for (int j = 0; j < columns; j++) top = MAX(column[j], top);
    for (int j = 0; j < columns; j++) {
        column[j] -= top;
        term[j] = EXP(column[j]);
        sum += term[j];
    }
    const VEC scale = 1 / sum;
    if (kind == ROW_SOFTMAX) {
        for (int j = 0; j < columns; j++) term[j] *= scale;
        NAME(store_columns)(term, rows, columns, out);
        return;
    }
    const VEC log_sum = NAME(log)(sum);
    if (kind == ROW_LOG_SOFTMAX) {
        for (int j = 0; j < columns; j++) column[j] -= log_sum;
        NAME(store_columns)(column, rows, columns, out);
        return;
    }
    VEC loss = log_sum;
    for (int j = 0; j < columns; j++) term[j] *= scale;
    if (kind == ROW_DENSE) {
        VEC label_sum = {0}, weighted = {0};
        NAME(load_columns)(labels, labels_row, rows, columns, label);
        for (int j = 0; j < columns; j++) {
            label_sum += label[j];
            weighted += SELECT(label[j] == 0, (VEC){0}, label[j] * column[j]);
            term[j] -= label[j];
        }
        loss = label_sum * log_sum - weighted;
    } else {
        REAL numbers[LANES]; /* of classes, exact as reals */
        for (int i = 0; i < LANES; i++) numbers[i] = (REAL)classes[i];
        const VEC class = LOAD(numbers);
        VEC chosen = {0};
        for (int j = 0; j < columns; j++) {
            chosen = SELECT(class == (REAL)j, column[j], chosen);
            term[j] = SELECT(class == (REAL)j, term[j] - 1, term[j]);
        }
        loss -= chosen;
    }
    STORE_PART(out, loss, rows);
    NAME(store_columns)(term, rows, columns, gradient);
}

#if SIMD_FREE_MASKS
/* Of the fewest columns, whole vectors of rows: so few vectors stay in registers. */
SIMD_INLINE void NAME(narrow_block)(row_kind kind, const REAL *x, const REAL *labels, int64_t labels_row, const int64_t *classes,
                                    const int columns, REAL *out, REAL *gradient) {
    if (kind == ROW_SOFTMAX) NAME(narrow_rows_of)(ROW_SOFTMAX, x, labels, labels_row, classes, LANES, columns, out, gradient);
    else NAME(narrow_rows_of)(kind, x, labels, labels_row, classes, LANES, columns, out, gradient);
}
#endif

static void NAME(narrow_rows)(row_kind kind, const REAL *x, const REAL *labels, int64_t labels_row, const int64_t *classes,
                              int rows, int columns, REAL *out, REAL *gradient) {
    switch (rows == LANES ? columns : 0) {
#if SIMD_FREE_MASKS
    case 2: NAME(narrow_block)(kind, x, labels, labels_row, classes, 2, out, gradient); break;
    case 3: NAME(narrow_block)(kind, x, labels, labels_row, classes, 3, out, gradient); break;
    case 4: NAME(narrow_block)(kind, x, labels, labels_row, classes, 4, out, gradient); break;
#endif
    default: NAME(narrow_rows_of)(kind, x, labels, labels_row, classes, rows, columns, out, gradient);
    }
}
