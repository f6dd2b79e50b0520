/* The last few columns of C, for which a vector along the columns would be mostly empty; included by gemm_kernel.h.
 *
 * Where A lies along k they are dots, whose chains run in a vector's lanes: of as many rows and columns at once as give a vector
 * of sums, so that a row of A is read once for all of them. Where A lies along the rows of C, vectors go down these.
 */
enum {
    NAME(FEW) = LANES / 4, /* columns at most */
    NAME(SHORT_SUM) = 10,  /* products of a sum, up to which a vector that is mostly empty costs less for four columns */
    NAME(COLUMN_STEP) = 16 * LANES
};

/* Columns of C at once: 1, 2 or 4, of which the last may be no column of C. */
SIMD_INLINE int NAME(column_group)(int64_t few) { return few == 1 ? 1 : few == 2 ? 2 : 4; }

/* How many last columns of C are made here. */
SIMD_INLINE int64_t NAME(few_columns)(const gemm *g, const product *p) {
    const int64_t rest = g->n % LANES, group = NAME(column_group)(rest);
    if (rest > NAME(FEW) || g->m == 1 || p->k < 4) return 0;
    if (SIMD_FREE_MASKS && group == 4 && p->a.column == 1 && p->k <= NAME(SHORT_SUM) && g->n > LANES) return 0; /* less than adding up lanes */
    if (g->n > LANES) return rest;
    /* All of C: where there is enough to multiply, and fewer rows than a vector has lanes do not make four columns of three. */
    const bool pays = 4 * p->k >= group * LANES && g->m * p->k >= 4 * group * LANES && (rest != 3 || g->m >= LANES);
    return g->n > 1 && pays ? rest : 0;
}

/* Puts vectors that hold columns together to rows of so many elements. */
SIMD_INLINE void NAME(columns_to_rows)(const int columns, VEC *v) {
    if (columns == 2) {
        const VEC a = v[0], b = v[1];
        v[0] = INTERLEAVE_LOW(a, b), v[1] = INTERLEAVE_HIGH(a, b);
    } else if (columns == 4) {
        const VEC a = v[0], b = v[1], c = v[2], d = v[3];
        const VEC low = INTERLEAVE_LOW(a, c), high = INTERLEAVE_HIGH(a, c), other_low = INTERLEAVE_LOW(b, d), other_high = INTERLEAVE_HIGH(b, d);
        v[0] = INTERLEAVE_LOW(low, other_low), v[1] = INTERLEAVE_HIGH(low, other_low);
        v[2] = INTERLEAVE_LOW(high, other_high), v[3] = INTERLEAVE_HIGH(high, other_high);
    }
}

/* And apart again. */
SIMD_INLINE void NAME(rows_to_columns)(const int columns, VEC *v) {
    if (columns == 2) {
        const VEC a = v[0], b = v[1];
        v[0] = EVEN_LANES(a, b), v[1] = ODD_LANES(a, b);
    } else if (columns == 4) {
        const VEC even = EVEN_LANES(v[0], v[1]), odd = ODD_LANES(v[0], v[1]), even_2 = EVEN_LANES(v[2], v[3]), odd_2 = ODD_LANES(v[2], v[3]);
        v[0] = EVEN_LANES(even, even_2), v[2] = ODD_LANES(even, even_2);
        v[1] = EVEN_LANES(odd, odd_2), v[3] = ODD_LANES(odd, odd_2);
    }
}

/* Of one or two last products of each sum the factors from B, as the sums lie in a vector; the others are no sum's last ones. */
typedef struct NAME(last_factors) {
    int count;
    VEC factor[2];
} NAME(last_factors);

/* A vector of a number of each row, for all its columns. */
SIMD_INLINE VEC NAME(spread_rows)(const int columns, const REAL *const *row, int64_t at) {
    const __typeof__(LANE_INDEX) lane = LANE_INDEX;
    VEC x = SPLAT(row[0][at]);
    for (int i = 1; i < LANES / columns; i++) x = SELECT(lane >= i * columns, SPLAT(row[i][at]), x);
    return x;
}

SIMD_INLINE NAME(last_factors) NAME(last_factors_of)(const int columns, const REAL *x, int64_t x_stride, int64_t k) {
    const int rest = (int)(k % LANES);
    NAME(last_factors) last = {.count = k > LANES && rest <= 2 ? rest : 0};
    REAL pattern[LANES];
    for (int i = 0; i < last.count; i++) {
#pragma GCC unroll 16
        for (int lane = 0; lane < LANES; lane++) pattern[lane] = x[lane % columns * x_stride + k - last.count + i];
        last.factor[i] = LOAD(pattern);
    }
    return last;
}

/* The sums of `count` rows and of columns x that are apart by x_stride, row by row: rows * columns are the lanes of a vector. */
SIMD_INLINE VEC NAME(some_products)(const int columns, const bool whole, const REAL *a, int64_t a_stride, const REAL *x, int64_t x_stride,
                                    int count, int64_t k, const NAME(last_factors) *last) {
    enum { MOST = LANES };
    const int rows = LANES / columns;
    const REAL *row[MOST];
    VEC sum[MOST];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) row[i] = a + (whole || i < count ? i : 0) * a_stride;
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) sum[i] = (VEC){0};
    int64_t at = 0;
    for (; at + LANES <= k; at += LANES) {
        VEC factor[NAME(FEW) < 4 ? 4 : NAME(FEW)];
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++) factor[j] = LOAD(x + j * x_stride + at);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const VEC y = LOAD(row[i] + at);
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++) sum[i * columns + j] += y * factor[j];
        }
    }
    if (at + last->count < k) {
        const int rest = (int)(k - at);
        VEC factor[NAME(FEW) < 4 ? 4 : NAME(FEW)];
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++) factor[j] = LOAD_PART(x + j * x_stride + at, rest);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const VEC y = LOAD_PART(row[i] + at, rest);
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++) sum[i * columns + j] += y * factor[j];
        }
    }
    VEC sums = SUM_ROWS(sum);
    for (int i = 0; i < last->count; i++) sums += NAME(spread_rows)(columns, row, at + i) * last->factor[i];
    return sums;
}

/* out: m rows of `columns` sums, each of a row of A and a column of x. */
SIMD_INLINE void NAME(products_of)(const int columns, const REAL *a, int64_t a_stride, const REAL *x, int64_t x_stride, REAL *out,
                                   int64_t m, int64_t k) {
    const int rows = LANES / columns;
    const NAME(last_factors) last = NAME(last_factors_of)(columns, x, x_stride, k);
    for (int64_t m0 = 0; m0 < m; m0 += rows, a += rows * a_stride, out += LANES) {
        if (m - m0 >= rows) STORE(out, NAME(some_products)(columns, true, a, a_stride, x, x_stride, rows, k, &last));
        else STORE(out, NAME(some_products)(columns, false, a, a_stride, x, x_stride, (int)(m - m0), k, &last));
    }
}

/* The same for an A that lies along m, up to MAX_VECTORS + 1 vectors of it at once; b[k * b_row + j * b_column] is B. */
SIMD_INLINE void NAME(weighted_of)(const int columns, const int vectors, const REAL *a, int64_t a_stride, const REAL *b, int64_t b_row,
                                   int64_t b_column, int few, REAL *out, int lanes, int64_t k) {
    /* Multiply-adds that wait for each other: chains enough to hide it. */
    const int chains = columns * vectors >= 4 ? 1 : 4 / (columns * vectors);
    VEC sum[4][4][MAX_VECTORS + 1];
#pragma GCC unroll 4
    for (int chain = 0; chain < chains; chain++)
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
#pragma GCC unroll 5
            for (int v = 0; v < vectors; v++) sum[chain][j][v] = (VEC){0};
    const REAL *column[4];
#pragma GCC unroll 4
    for (int j = 0; j < columns; j++) column[j] = b + (j < few ? j : 0) * b_column;
#define ADD_PRODUCTS(chain, i)                                                                                       \
    {                                                                                                                \
        VEC x[MAX_VECTORS + 1];                                                                                      \
        _Pragma("GCC unroll 5") for (int v = 0; v < vectors; v++) x[v] =                                             \
            v == vectors - 1 ? LOAD_PART(a + (i) * a_stride + v * LANES, lanes) : LOAD(a + (i) * a_stride + v * LANES); \
        _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) {                                                  \
            const VEC factor = SPLAT(column[j][(i) * b_row]);                                                        \
            _Pragma("GCC unroll 5") for (int v = 0; v < vectors; v++) sum[chain][j][v] += factor * x[v];             \
        }                                                                                                            \
    }
    int64_t i = 0;
    for (; i + chains <= k; i += chains) {
#pragma GCC unroll 4
        for (int chain = 0; chain < chains; chain++) ADD_PRODUCTS(chain, i + chain)
    }
    for (; i < k; i++) ADD_PRODUCTS(0, i)
#undef ADD_PRODUCTS
#pragma GCC unroll 5
    for (int v = 0; v < vectors; v++) {
        VEC total[4];
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++) {
            total[j] = sum[0][j][v];
#pragma GCC unroll 3
            for (int chain = 1; chain < chains; chain++) total[j] += sum[chain][j][v];
        }
        NAME(columns_to_rows)(columns, total);
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++) STORE(out + (v * columns + j) * LANES, total[j]);
    }
}

#define WEIGHTED(vectors)                                                                                              \
    static __attribute__((noinline)) void NAME(weighted_##vectors)(int columns, const REAL *a, int64_t a_stride, const REAL *b,        \
                                         int64_t b_row, int64_t b_column, int few, REAL *out, int lanes, int64_t k) {  \
        if (columns == 1) NAME(weighted_of)(1, vectors, a, a_stride, b, b_row, b_column, few, out, lanes, k);          \
        else if (columns == 2) NAME(weighted_of)(2, vectors, a, a_stride, b, b_row, b_column, few, out, lanes, k);     \
        else if (NAME(FEW) == 4) NAME(weighted_of)(4, vectors, a, a_stride, b, b_row, b_column, few, out, lanes, k);   \
    }
WEIGHTED(1)
WEIGHTED(2)
WEIGHTED(3)
#if MAX_VECTORS == 4
WEIGHTED(4)
WEIGHTED(5)
#endif
#undef WEIGHTED

/* The same for one or two rows of the result: B's rows are read as vectors that have `few` elements. */
SIMD_INLINE void NAME(weighted_rows)(const int rows, const REAL *a, int64_t a_stride, const REAL *b, int64_t b_row, int few, REAL *out,
                                     int columns, int64_t k) {
    enum { CHAINS = 4 };
    VEC sum[CHAINS][2] = {{{0}}};
    int64_t i = 0;
    for (; i + CHAINS <= k; i += CHAINS)
#pragma GCC unroll 4
        for (int chain = 0; chain < CHAINS; chain++) {
            const VEC y = LOAD_PART(b + (i + chain) * b_row, few);
#pragma GCC unroll 2
            for (int row = 0; row < rows; row++) sum[chain][row] += SPLAT(a[(i + chain) * a_stride + row]) * y;
        }
    for (; i < k; i++) {
        const VEC y = LOAD_PART(b + i * b_row, few);
#pragma GCC unroll 2
        for (int row = 0; row < rows; row++) sum[0][row] += SPLAT(a[i * a_stride + row]) * y;
    }
#pragma GCC unroll 2
    for (int row = 0; row < rows; row++)
        STORE_PART(out + row * columns, (sum[0][row] + sum[1][row]) + (sum[2][row] + sum[3][row]), columns);
}

static void NAME(weighted_columns)(int columns, const REAL *a, int64_t a_stride, const REAL *b, int64_t b_row, int64_t b_column, int few,
                                   REAL *out, int64_t m, int64_t k) {
    typedef void (*weighted_fn)(int, const REAL *, int64_t, const REAL *, int64_t, int64_t, int, REAL *, int, int64_t);
    static const weighted_fn variants[] = {NAME(weighted_1), NAME(weighted_2), NAME(weighted_3),
#if MAX_VECTORS == 4
                                           NAME(weighted_4), NAME(weighted_5),
#endif
    };
    /* One or two rows beyond whole vectors are not worth a vector for each of four columns. */
    const int64_t rest = columns == 4 && b_column == 1 && m > LANES && m % LANES <= 2 ? m % LANES : 0;
    m -= rest;
    if (rest == 1) NAME(weighted_rows)(1, a + m, a_stride, b, b_row, few, out + m * columns, columns, k);
    else if (rest == 2) NAME(weighted_rows)(2, a + m, a_stride, b, b_row, few, out + m * columns, columns, k);
    while (m > 0) {
        const int64_t left = (m + LANES - 1) / LANES, vectors = left <= MAX_VECTORS + 1 ? left : MAX_VECTORS;
        const int64_t count = m < vectors * LANES ? m : vectors * LANES;
        variants[vectors - 1](columns, a, a_stride, b, b_row, b_column, few, out, (int)(count - (vectors - 1) * LANES), k);
        a += count, m -= count, out += vectors * LANES * columns;
    }
}

/* Copies columns of B so that each lies along k. */
static void NAME(gather_columns)(int columns, const REAL *b, int64_t b_row, int64_t b_column, int few, int64_t k, REAL *to) {
    int64_t i = 0;
#define GATHER(columns)                                                                          \
    for (; i + LANES <= k; i += LANES) {                                                         \
        VEC v[4];                                                                                \
        for (int j = 0; j < columns; j++) v[j] = LOAD(b + i * columns + j * LANES);              \
        NAME(rows_to_columns)(columns, v);                                                       \
        for (int j = 0; j < columns; j++) STORE(to + j * k + i, v[j]);                           \
    }
    if (b_column == 1 && b_row == few && few == columns) { /* B is these columns */
        if (columns == 4) { GATHER(4) }
        else if (columns == 2) { GATHER(2) }
    }
#undef GATHER
    for (; i < k; i++)
        for (int j = 0; j < columns; j++) to[j * k + i] = b[i * b_row + (j < few ? j : 0) * b_column];
}

/* Row by row what an operand has for `few` columns of some rows, each row as wide as `columns`. */
SIMD_INLINE void NAME(gather_rows)(const int columns, const int few, const REAL *from, int64_t row, int64_t column, int64_t count, REAL *to) {
    if (column == 1) {
        for (int64_t i = 0; i < count; i++, from += row) memcpy(to + i * columns, from, (size_t)few * sizeof(REAL));
        return;
    }
    for (int64_t i = 0; i < count; i++, from += row)
#pragma GCC unroll 4
        for (int j = 0; j < few; j++) to[i * columns + j] = from[j * column];
}

/* What follows the sums of some rows, COLUMN_STEP sums at most and those of one or two rows more; the first is that of row m and
 * column n. */
SIMD_INLINE void NAME(end_columns_of)(const int columns, const int few, const NAME(panel) *panel, const NAME(ends) *ends, const REAL *start,
                                      int64_t m, int64_t count, REAL *sums, REAL *c) {
    const int64_t size = count * columns, c_stride = panel->c_stride;
    REAL y[NAME(COLUMN_STEP) + 4 * LANES];
    STORE(y, (VEC){0});
    const int first = ends->first_step;
    int end = ends->last ? ends->g->n_steps : first;
    const step *gate = columns == 1 && end > first && ends->g->steps[end - 1].kind == STEP_RELU_GRAD ? &ends->g->steps[--end] : NULL;
    for (int i = start ? first - 1 : first; i < end; i++) {
        const step *s = i < first ? NULL : &ends->g->steps[i]; /* NULL: what the sum starts from */
        const REAL *from = !s ? start : s->operand ? (const REAL *)ends->data->in[s->operand] + m * s->y.row + ends->n * s->y.column : NULL;
        const int64_t row = s ? s->y.row : panel->start_stride, column = s ? s->y.column : 1;
        const bool moves = from && row;
        const bool lies_so = s && moves && few == columns && row == columns && (columns == 1 || column == 1); /* as the sums do */
        const bool is_row = from && !moves && column; /* one for all rows */
        if (from && !lies_so && (moves || is_row)) NAME(gather_rows)(columns, few, from, row, column, moves ? count : LANES / columns, y);
        if (s && !is_row) { /* which looks up once what the step is */
            const step along = {.kind = s->kind, .parameter = s->parameter, .y = {.column = moves}};
            NAME(apply_step)(&along, !moves || lies_so ? from : y, sums, size, 1, size);
            continue;
        }
        for (int64_t at = 0; at < size; at += LANES) {
            const VEC x = LOAD(sums + at), operand = LOAD(y + (moves ? at : 0));
            STORE(sums + at, s ? NAME(step_vector)(s, x, operand) : operand + x);
        }
    }
    if (gate) { /* while the elements go to C: gathering what they are compared with would take longer */
        const REAL *from = (const REAL *)ends->data->in[gate->operand] + m * gate->y.row + ends->n * gate->y.column;
        for (int64_t i = 0; i < count; i++, c += c_stride, from += gate->y.row)
#pragma GCC unroll 4
            for (int j = 0; j < few; j++) /* vectors of one number, so that no branch is guessed */
                c[j] = NAME(relu_grad_step)(SPLAT(sums[i * columns + j]), SPLAT(from[j * gate->y.column]))[0];
        return;
    }
    if (ends->g->updates_in_tiles) {
        for (int64_t i = 0; i < count; i++, c += c_stride)
#pragma GCC unroll 4
            for (int j = 0; j < few; j++) c[j] = c[j] - panel->rate * sums[i * columns + j];
        return;
    }
    if (few == columns && c_stride == few) {
        memcpy(c, sums, (size_t)size * sizeof(REAL));
        return;
    }
    for (int64_t i = 0; i < count; i++, c += c_stride) memcpy(c, sums + i * columns, (size_t)few * sizeof(REAL));
}

static void NAME(end_columns)(int64_t few, const NAME(panel) *panel, const NAME(ends) *ends, const REAL *start, int64_t m, int64_t count,
                              REAL *sums, REAL *c) {
    switch (few) {
    case 1: NAME(end_columns_of)(1, 1, panel, ends, start, m, count, sums, c); break;
    case 2: NAME(end_columns_of)(2, 2, panel, ends, start, m, count, sums, c); break;
    case 3: NAME(end_columns_of)(4, 3, panel, ends, start, m, count, sums, c); break;
    default: NAME(end_columns_of)(4, 4, panel, ends, start, m, count, sums, c);
    }
}

/* Columns of C: a and b lie at the block of k and the first of them, c, start (or NULL) and ends at that column. */
static void NAME(last_columns)(const product *p, const NAME(panel) *panel, const NAME(ends) *ends, int64_t rows, int64_t few,
                               const REAL *a, const REAL *b, const REAL *start, REAL *c, REAL *scratch) {
    const int columns = NAME(column_group)(few);
    const int64_t k = panel->k, step = NAME(COLUMN_STEP) / columns;
    REAL sums[NAME(COLUMN_STEP) + 4 * LANES];
    const REAL *x = b;
    int64_t x_stride = p->b.column;
    if (p->a.column == 1 && (p->b.row != 1 || columns > few)) {
        NAME(gather_columns)(columns, b, p->b.row, p->b.column, (int)few, k, scratch);
        x = scratch, x_stride = k;
    }
    for (int64_t m = 0, count; m < rows; m += count) {
        count = rows - m <= step + 2 ? rows - m : step; /* one or two rows more rather than a step of their own */
#if !SIMD_FREE_MASKS
        if (ends->g->joins) { /* which sums share a vector is told by where the blocks of rows begin */
            const int64_t left = end_of_rows(ends->g, ends->m + m) - ends->m - m;
            count = left <= step + 2 ? left : step;
        }
#endif
        if (p->a.column != 1)
            NAME(weighted_columns)(columns, a + m, p->a.column, b, p->b.row, p->b.column, (int)few, sums, count, k);
        else if (columns == 1)
            NAME(dots_of)(k)(a + m * p->a.row, p->a.row, x, NULL, NULL, sums, count, k);
        else if (columns == 2)
            NAME(products_of)(2, a + m * p->a.row, p->a.row, x, x_stride, sums, count, k);
        else
            NAME(products_of)(NAME(FEW), a + m * p->a.row, p->a.row, x, x_stride, sums, count, k);
        NAME(end_columns)(few, panel, ends, start ? start + m * panel->start_stride : NULL, ends->m + m, count, sums,
                          c + m * panel->c_stride);
    }
}
