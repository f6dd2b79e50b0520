/* Rows of C whose sums have up to SHORT_SUM_MOST products; included by gemm_kernel.h where the AVX2 level is compiled, once for
 * each type.
 *
 * Such a product writes more than it multiplies: C is made along its rows, a few of them at once, whose factors from A stay in
 * registers, where tiles would go down panels of two vectors. Each sum is the chain that a tile makes. */

/* A vector of columns of so many rows; factor[i * k + j] is the factor of row i and row j of B. */
SIMD_INLINE void NAME(short_vector)(const int rows, const int k, const NAME(panel) *panel, const VEC *factor, const REAL *b,
                                    const REAL *start, REAL *c, int64_t n, const int count) {
    VEC b_row[SHORT_SUM_MOST];
#pragma GCC unroll 4
    for (int j = 0; j < k; j++) b_row[j] = LOAD_PART(b + j * panel->b_stride + n, count);
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
        VEC sum = (VEC){0};
#pragma GCC unroll 4
        for (int j = 0; j < k; j++) sum += factor[i * k + j] * b_row[j];
        if (start) sum += LOAD_PART(start + i * panel->start_stride + n, count);
        if (panel->clamps) sum = NAME(relu_step)(sum);
        else if (panel->gate) sum = NAME(relu_grad_step)(sum, LOAD_PART(panel->gate + i * panel->gate_stride + n, count));
        STORE_PART(c + i * panel->c_stride + n, sum, count);
    }
}

SIMD_INLINE void NAME(short_rows_of)(const int rows, const int k, const NAME(panel) *panel, const REAL *a, int64_t a_row, const REAL *b,
                                     const REAL *start, REAL *c, int64_t columns) {
    VEC factor[4 * SHORT_SUM_MOST];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < k; j++) factor[i * k + j] = SPLAT(a[i * a_row + j * panel->a_stride]);
    int64_t n = 0;
    for (; n + LANES <= columns; n += LANES) NAME(short_vector)(rows, k, panel, factor, b, start, c, n, LANES);
    if (n < columns) NAME(short_vector)(rows, k, panel, factor, b, start, c, n, (int)(columns - n));
}

#define SHORT_ROWS(rows, k)                                                                                                     \
    static __attribute__((noinline)) void NAME(short_rows_##rows##x##k)(const NAME(panel) *panel, const REAL *a, int64_t a_row, \
                                                                        const REAL *b, const REAL *start, REAL *c, int64_t columns) { \
        NAME(short_rows_of)(rows, k, panel, a, a_row, b, start, c, columns);                                                    \
    }
SHORT_ROWS(1, 1) SHORT_ROWS(1, 2) SHORT_ROWS(1, 3) SHORT_ROWS(4, 1) SHORT_ROWS(4, 2) SHORT_ROWS(4, 3)
#undef SHORT_ROWS

/* `rows` rows of C from that of c on; panel->a_stride is between the columns of A. */
static void NAME(short_sums)(NAME(panel) *panel, const NAME(ends) *ends, int64_t rows, int64_t columns, const REAL *a, int64_t a_row,
                             const REAL *b, REAL *c) {
    typedef void (*rows_fn)(const NAME(panel) *, const REAL *, int64_t, const REAL *, const REAL *, REAL *, int64_t);
    static const rows_fn variants[2][SHORT_SUM_MOST] = {
        {NAME(short_rows_1x1), NAME(short_rows_1x2), NAME(short_rows_1x3)},
        {NAME(short_rows_4x1), NAME(short_rows_4x2), NAME(short_rows_4x3)},
    };
    const int first = ends->first_step + (ends->last ? NAME(take_step)(panel, ends) : 0);
    const REAL *start = ends->start;
    for (int64_t m = 0, height; m < rows; m += height) {
        height = rows - m >= 4 ? 4 : 1;
        variants[height == 4][panel->k - 1](panel, a, a_row, b, start, c, columns);
        if (ends->last) NAME(finish)(ends->g, ends->data, first, ends->m + m, ends->n, height, columns, panel->c_stride, c);
        if (panel->gate) panel->gate += height * panel->gate_stride;
        if (start) start += height * panel->start_stride;
        a += height * a_row;
        c += height * panel->c_stride;
    }
}
