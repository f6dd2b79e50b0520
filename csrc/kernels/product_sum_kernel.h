/* Sums of products, and of squared differences, of one real type, included by product_sum.c once for float and once for double.
 *
 * In the names of float_names.h.
 */

/* total[i] += what each of `rows` sums has gathered, which begins anew. */
SIMD_INLINE void NAME(flush)(VEC *sum, double *total, int64_t rows) {
    REAL gathered[LANES];
    STORE(gathered, SUM_ROWS(sum));
    for (int64_t i = 0; i < rows; i++) total[i] += (double)gathered[i];
    for (int i = 0; i < LANES; i++) sum[i] = (VEC){0};
}

/* What is summed: a product, or the square of a difference. */
SIMD_INLINE VEC NAME(summand)(const bool differs, VEC a, VEC b) { return differs ? (a - b) * (a - b) : a * b; }

/* Outputs from `first` on, as many as a vector has lanes or fewer, whose products lie along both operands. */
SIMD_INLINE void NAME(dots)(const bool differs, const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t first,
                            int64_t rows) {
    const REAL *a_row[LANES], *b_row[LANES];
    double total[LANES] = {0};
    VEC sum[LANES];
    for (int64_t i = 0; i < LANES; i++) {
        const place at = place_of(p->kept, p->kept_rank, first + (i < rows ? i : 0));
        a_row[i] = a + at.a, b_row[i] = b + at.b;
        sum[i] = (VEC){0};
    }
    for (int64_t outer = 0; outer < p->reduced_count; outer++) {
        const place at = place_of(p->reduced, p->reduced_rank, outer);
        for (int64_t j0 = 0; j0 < p->inner.size; j0 += BLOCK) {
            const int64_t end = p->inner.size - j0 < BLOCK ? p->inner.size : j0 + BLOCK;
            int64_t j = j0;
            for (; j + LANES <= end; j += LANES)
#pragma GCC unroll 16
                for (int i = 0; i < LANES; i++)
                    sum[i] += NAME(summand)(differs, LOAD(a_row[i] + at.a + j), LOAD(b_row[i] + at.b + j));
            if (j < end)
#pragma GCC unroll 16
                for (int i = 0; i < LANES; i++)
                    sum[i] += NAME(summand)(differs, LOAD_PART(a_row[i] + at.a + j, (int)(end - j)),
                                            LOAD_PART(b_row[i] + at.b + j, (int)(end - j)));
            if (end < p->inner.size || outer + 1 < p->reduced_count) NAME(flush)(sum, total, rows);
        }
    }
    NAME(flush)(sum, total, rows);
    for (int64_t i = 0; i < rows; i++) out[first + i] = (REAL)total[i];
}

static void NAME(product_dots)(const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t first, int64_t rows) {
    NAME(dots)(false, p, a, b, out, first, rows);
}
static void NAME(difference_dots)(const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t first, int64_t rows) {
    NAME(dots)(true, p, a, b, out, first, rows);
}

/* sum[i] of up to `rows` rows of n numbers that are evenly apart; of those beyond it is what the last one gives. */
SIMD_INLINE void NAME(row_sums)(const bool differs, const REAL *a, int64_t a_step, const REAL *b, int64_t b_step, int64_t n,
                                VEC *sum, int64_t rows) {
    enum { TOGETHER = LANES < 4 ? LANES : 4 }; /* as many as hide an addition's time, and whose addresses stay in registers */
    const REAL *a_row[TOGETHER], *b_row[TOGETHER];
    _Pragma("GCC unroll 4") for (int i = 0; i < TOGETHER; i++) {
        const int64_t row = i < rows ? i : rows - 1;
        a_row[i] = a + row * a_step, b_row[i] = b + row * b_step;
        sum[i] = (VEC){0};
    }
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        _Pragma("GCC unroll 4") for (int i = 0; i < TOGETHER; i++)
            sum[i] += NAME(summand)(differs, LOAD(a_row[i] + j), LOAD(b_row[i] + j));
    if (j < n)
        _Pragma("GCC unroll 4") for (int i = 0; i < TOGETHER; i++)
            sum[i] += NAME(summand)(differs, LOAD_PART(a_row[i] + j, (int)(n - j)), LOAD_PART(b_row[i] + j, (int)(n - j)));
}

/* What `dots` gives, of rows of up to a block that are evenly apart. */
SIMD_INLINE void NAME(row_dots)(const bool differs, const REAL *a, int64_t a_step, const REAL *b, int64_t b_step, int64_t n,
                                REAL *out, int64_t rows) {
    for (int64_t first = 0; first < rows; first += LANES) {
        const int64_t count = rows - first < LANES ? rows - first : LANES;
        VEC sum[LANES];
        for (int64_t i = 0; i < LANES; i += LANES < 4 ? LANES : 4) {
            if (i < count) NAME(row_sums)(differs, a + (first + i) * a_step, a_step, b + (first + i) * b_step, b_step, n, sum + i, count - i);
            else _Pragma("GCC unroll 4") for (int k = 0; k < (LANES < 4 ? LANES : 4); k++) sum[i + k] = (VEC){0};
        }
        const VEC total = SUM_ROWS(sum) + SPLAT(0);
        if (count == LANES) STORE(out + first, total);
        else STORE_PART(out + first, total, (int)count);
    }
}

/* Sums of n products, which are those of `dots` where a row has no more than lanes: the same tree of additions. What is not
 * there is 0 in it, which makes a positive zero of a negative one; a product that 0 is added to is rounded before the next addition. */
SIMD_INLINE void NAME(few_products)(const bool differs, const int n, const REAL *a, const REAL *b, int64_t a_step, int64_t b_step,
                                    REAL *restrict out, int64_t rows) {
    for (int64_t i = 0; i < rows; i++) {
        REAL x[MOST_FEW];
        _Pragma("GCC unroll 8") for (int j = 0; j < n; j++) {
            const REAL left = a[i * a_step + j], right = b[i * b_step + j];
            x[j] = (differs ? (left - right) * (left - right) : left * right) + 0;
        }
#define ADD(i, j) \
    if (j < n) x[i] += x[j];
        if (sizeof(REAL) == sizeof(float)) { ADD(0, 2) ADD(1, 3) ADD(4, 6) ADD(5, 7) ADD(0, 1) ADD(4, 5) }
        else { ADD(0, 1) ADD(2, 3) ADD(4, 5) ADD(6, 7) ADD(0, 2) ADD(4, 6) }
        ADD(0, 4)
#undef ADD
        out[i] = x[0] + 0;
    }
}
static void NAME(few)(const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t rows) {
    const int64_t a_step = p->along.a, b_step = p->along.b;
#define FEW(n)                                                                                          \
    case n:                                                                                             \
        if (a_step == n && b_step == n && a == b) NAME(few_products)(false, n, a, a, n, n, out, rows);  \
        else if (a_step == n && b_step == n) NAME(few_products)(false, n, a, b, n, n, out, rows);       \
        else NAME(few_products)(false, n, a, b, a_step, b_step, out, rows);                             \
        break;
    switch (p->inner.size) { FEW(1) FEW(2) FEW(3) FEW(4) FEW(5) FEW(6) FEW(7) FEW(8) }
#undef FEW
}
static void NAME(few_differences)(const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t rows) {
    const int64_t a_step = p->along.a, b_step = p->along.b;
#define FEW(n)                                                                                          \
    case n:                                                                                             \
        if (a_step == 0 && b_step == n) NAME(few_products)(true, n, a, b, 0, n, out, rows);             \
        else if (a_step == n && b_step == n) NAME(few_products)(true, n, a, b, n, n, out, rows);        \
        else NAME(few_products)(true, n, a, b, a_step, b_step, out, rows);                              \
        break;
    switch (p->inner.size) { FEW(1) FEW(2) FEW(3) FEW(4) FEW(5) FEW(6) FEW(7) FEW(8) }
#undef FEW
}

/* A unit of rows along the last axis that stays. */
static void NAME(rows)(const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t unit) {
    const int64_t outer = unit / p->strips, first = unit % p->strips * p->unit_rows, rest = p->along.size - first;
    const int64_t rows = rest < p->unit_rows ? rest : p->unit_rows;
    const place at = place_of(p->kept, p->kept_rank, outer);
    a += at.a + first * p->along.a, b += at.b + first * p->along.b, out += outer * p->along.size + first;
    if (p->way == FEW_PRODUCTS) {
        if (p->differs) NAME(few_differences)(p, a, b, out, rows);
        else NAME(few)(p, a, b, out, rows);
    } else if (p->differs) NAME(row_dots)(true, a, p->along.a, b, p->along.b, p->inner.size, out, rows);
    else NAME(row_dots)(false, a, p->along.a, b, p->along.b, p->inner.size, out, rows);
}

/* The sum of n products that lie along both operands. */
static double NAME(dot_part)(const REAL *a, const REAL *b, int64_t n) {
    double total = 0;
    for (int64_t j0 = 0; j0 < n; j0 += BLOCK) {
        const int64_t end = n - j0 < BLOCK ? n : j0 + BLOCK;
        VEC sum[CHAINS] = {{0}};
        int64_t j = j0;
        for (; j + CHAINS * LANES <= end; j += CHAINS * LANES)
#pragma GCC unroll 8
            for (int i = 0; i < CHAINS; i++) sum[i] += LOAD(a + j + i * LANES) * LOAD(b + j + i * LANES);
        for (; j + LANES <= end; j += LANES) sum[0] += LOAD(a + j) * LOAD(b + j);
        if (j < end) sum[1] += LOAD_PART(a + j, (int)(end - j)) * LOAD_PART(b + j, (int)(end - j));
        total += (double)SUM_LANES(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])));
    }
    return total;
}

/* A strip of outputs that lie together, as the columns of the second operand do; the first one's lie so too, or are one. */
SIMD_INLINE void NAME(columns)(const bool a_moves, const product_sum *p, const REAL *a, const REAL *b, REAL *out,
                               int64_t count) {
    double total[STRIP * LANES] = {0};
    VEC sum[STRIP] = {{0}};
    const int whole = (int)(count / LANES), rest = (int)(count % LANES);
    for (int64_t r0 = 0; r0 < p->reduced_count; r0 += ROW_BLOCK) {
        const int64_t end = p->reduced_count - r0 < ROW_BLOCK ? p->reduced_count : r0 + ROW_BLOCK;
        for (int64_t r = r0; r < end; r++) {
            const place at = place_of(p->reduced, p->reduced_rank, r);
            const REAL *x = a + at.a, *y = b + at.b;
            const VEC factor = a_moves ? (VEC){0} : SPLAT(*x);
            if (whole == STRIP) {
#pragma GCC unroll 8
                for (int v = 0; v < STRIP; v++) sum[v] += (a_moves ? LOAD(x + v * LANES) : factor) * LOAD(y + v * LANES);
                continue;
            }
            for (int v = 0; v < whole; v++) sum[v] += (a_moves ? LOAD(x + v * LANES) : factor) * LOAD(y + v * LANES);
            if (rest)
                sum[whole] += (a_moves ? LOAD_PART(x + whole * LANES, rest) : factor) * LOAD_PART(y + whole * LANES, rest);
        }
        if (end == p->reduced_count && r0 == 0) break;
        for (int v = 0; v < STRIP; v++) {
            REAL gathered[LANES];
            STORE(gathered, sum[v]);
            for (int i = 0; i < LANES; i++) total[v * LANES + i] += (double)gathered[i];
            sum[v] = (VEC){0};
        }
    }
    if (p->reduced_count > ROW_BLOCK) {
        for (int64_t i = 0; i < count; i++) out[i] = (REAL)total[i];
        return;
    }
    for (int v = 0; v < whole; v++) STORE(out + v * LANES, sum[v]);
    if (rest) STORE_PART(out + whole * LANES, sum[whole], rest);
}
static void NAME(columns_of_two)(const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t count) {
    NAME(columns)(true, p, a, b, out, count);
}
static void NAME(scaled_columns)(const product_sum *p, const REAL *a, const REAL *b, REAL *out, int64_t count) {
    NAME(columns)(false, p, a, b, out, count);
}

/* One output, whatever the strides. */
static REAL NAME(one)(const product_sum *p, const REAL *a, const REAL *b) {
    const int64_t inner = p->inner_reduced ? p->inner.size : 1;
    double total = 0;
    for (int64_t r = 0; r < p->reduced_count; r++) {
        const place at = place_of(p->reduced, p->reduced_rank, r);
        for (int64_t j = 0; j < inner; j++) {
            const REAL left = a[at.a + j * p->inner.a], right = b[at.b + j * p->inner.b];
            total += (double)(p->differs ? (left - right) * (left - right) : left * right);
        }
    }
    return (REAL)total;
}

/* One unit of work: some outputs of rows, or a strip of columns. */
static void NAME(unit)(const product_sum *p, const char *a_data, const char *b_data, char *out_data, int64_t unit) {
    const REAL *a = (const REAL *)a_data, *b = (const REAL *)b_data;
    REAL *out = (REAL *)out_data;
    if (p->way == DOTS) {
        const int64_t first = unit * LANES, rest = p->kept_count - first;
        (p->differs ? NAME(difference_dots) : NAME(product_dots))(p, a, b, out, first, rest < LANES ? rest : LANES);
        return;
    }
    if (p->way == FEW_PRODUCTS || p->way == ROW_DOTS) {
        NAME(rows)(p, a, b, out, unit);
        return;
    }
    if (p->way == SINGLE_DOT) {
        const int64_t first = unit * p->part_length, rest = p->inner.size - first;
        ((double *)out_data)[unit] = NAME(dot_part)(a + first, b + first, rest < p->part_length ? rest : p->part_length);
        return;
    }
    if (p->inner_reduced) {
        const place at = place_of(p->kept, p->kept_rank, unit);
        out[unit] = NAME(one)(p, a + at.a, b + at.b);
        return;
    }
    const int64_t row = unit / p->strips, column = unit % p->strips * STRIP * LANES, rest = p->inner.size - column;
    const int64_t count = rest < STRIP * LANES ? rest : STRIP * LANES;
    const place at = place_of(p->kept, p->kept_rank, row);
    out += row * p->inner.size + column;
    a += at.a + column * p->inner.a, b += at.b + column * p->inner.b;
    switch (p->way) {
    case COLUMNS_OF_TWO: NAME(columns_of_two)(p, a, b, out, count); break;
    case SCALED_COLUMNS: NAME(scaled_columns)(p, a, b, out, count); break;
    default: for (int64_t j = 0; j < count; j++) out[j] = NAME(one)(p, a + j * p->inner.a, b + j * p->inner.b);
    }
}
