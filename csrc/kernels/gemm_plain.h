/* Products of the other types: rows of C in a buffer of sums. Integers are unsigned here, so that they wrap. Included by gemm.c. */
#define PLAIN_GEMM(suffix, type, sum_type, TO_SUM, FROM_SUM)                                                          \
    static void in_rows_##suffix(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1, int64_t n0, int64_t n1, \
                                 char *scratch) {                                                                     \
        enum { COLUMNS = 128 };                                                                                       \
        const product *p = &g->products[0];                                                                           \
        const type *a = (const type *)data->in[0], *b = (const type *)data->in[1];                                    \
        (void)scratch;                                                                                                \
        for (int64_t m = m0; m < m1; m++)                                                                             \
            for (int64_t n = n0; n < n1; n += COLUMNS) {                                                              \
                const int64_t columns = n1 - n < COLUMNS ? n1 - n : COLUMNS;                                          \
                type *c = (type *)data->c + m * g->c.row + n;                                                         \
                sum_type sum[COLUMNS] = {0};                                                                          \
                for (int64_t k = 0; k < p->k; k++) {                                                                  \
                    const sum_type x = TO_SUM(a[m * p->a.row + k * p->a.column]);                                     \
                    const type *b_row = b + k * p->b.row + n * p->b.column;                                           \
                    if (p->b.column == 1)                                                                             \
                        for (int64_t j = 0; j < columns; j++) sum[j] += x * TO_SUM(b_row[j]);                         \
                    else                                                                                              \
                        for (int64_t j = 0; j < columns; j++) sum[j] += x * TO_SUM(b_row[j * p->b.column]);           \
                }                                                                                                     \
                for (int64_t j = 0; j < columns; j++) c[j] = FROM_SUM(sum[j]);                                        \
            }                                                                                                         \
    }
#define SAME(x) (x)
#define UNSIGNED_32(x) ((uint32_t)(x))
PLAIN_GEMM(i32, uint32_t, uint32_t, SAME, SAME)
PLAIN_GEMM(i64, uint64_t, uint64_t, SAME, SAME)
PLAIN_GEMM(f16, uint16_t, float, half_to_float, float_to_half)
PLAIN_GEMM(bf16, uint16_t, float, bfloat_to_float, float_to_bfloat)
#define plain_f16 in_rows_f16
#define plain_bf16 in_rows_bf16

/* Sums of integers may be made in any order: those along a row of A and a column of B that is dense go by vectors. */
#define INTEGER_GEMM(suffix, type)                                                                                    \
    static void plain_##suffix(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1, int64_t n0, int64_t n1,  \
                               char *scratch) {                                                                       \
        enum { LEAST_DOT = 16 };                                                                                      \
        const product *p = &g->products[0];                                                                           \
        if (p->a.column != 1 || p->b.row != 1 || p->k < LEAST_DOT || (g->n > 1 && p->b.column == 1)) {                \
            in_rows_##suffix(g, data, m0, m1, n0, n1, scratch);                                                       \
            return;                                                                                                   \
        }                                                                                                             \
        for (int64_t m = m0; m < m1; m++)                                                                             \
            for (int64_t n = n0; n < n1; n++) {                                                                       \
                const type *a = (const type *)data->in[0] + m * p->a.row;                                             \
                const type *b = (const type *)data->in[1] + n * p->b.column;                                          \
                type sum = 0;                                                                                         \
                for (int64_t k = 0; k < p->k; k++) sum += a[k] * b[k];                                                \
                ((type *)data->c)[m * g->c.row + n] = sum;                                                            \
            }                                                                                                         \
    }
INTEGER_GEMM(i32, uint32_t)
INTEGER_GEMM(i64, uint64_t)

/* Complex numbers: the products by A's real parts and those by its imaginary parts are sums of their own, so that both go along the parts of
 * B's row as they lie. A few rows of C share a row of B whose elements lie apart. */
#define COMPLEX_GEMM(suffix, real)                                                                                                \
    static void plain_##suffix(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1, int64_t n0, int64_t n1,             \
                               char *scratch) {                                                                                  \
        enum { COLUMNS = 64, AT_ONCE = 4 };                                                                                      \
        const product *p = &g->products[0];                                                                                      \
        const real *a = (const real *)data->in[0], *b = (const real *)data->in[1];                                              \
        (void)scratch;                                                                                                           \
        for (int64_t m = m0; m < m1; m += AT_ONCE)                                                                               \
            for (int64_t n = n0; n < n1; n += COLUMNS) {                                                                         \
                const int64_t rows = m1 - m < AT_ONCE ? m1 - m : AT_ONCE, columns = n1 - n < COLUMNS ? n1 - n : COLUMNS;         \
                real by_real[AT_ONCE][2 * COLUMNS] = {{0}}, by_imaginary[AT_ONCE][2 * COLUMNS] = {{0}}, gathered[2 * COLUMNS];   \
                for (int64_t k = 0; k < p->k; k++) {                                                                             \
                    const real *b_row = b + 2 * (k * p->b.row + n * p->b.column);                                                \
                    if (p->b.column != 1) {                                                                                      \
                        for (int64_t j = 0; j < columns; j++) memcpy(gathered + 2 * j, b_row + 2 * j * p->b.column, 2 * sizeof(real)); \
                        b_row = gathered;                                                                                        \
                    }                                                                                                            \
                    for (int64_t i = 0; i < rows; i++) {                                                                         \
                        const real *x = a + 2 * ((m + i) * p->a.row + k * p->a.column);                                          \
                        for (int64_t j = 0; j < 2 * columns; j++) {                                                              \
                            by_real[i][j] += x[0] * b_row[j];                                                                    \
                            by_imaginary[i][j] += x[1] * b_row[j];                                                               \
                        }                                                                                                        \
                    }                                                                                                            \
                }                                                                                                                \
                for (int64_t i = 0; i < rows; i++) {                                                                             \
                    real *c = (real *)data->c + 2 * ((m + i) * g->c.row + n);                                                    \
                    for (int64_t j = 0; j < 2 * columns; j += 2) {                                                               \
                        c[j] = by_real[i][j] - by_imaginary[i][j + 1];                                                           \
                        c[j + 1] = by_real[i][j + 1] + by_imaginary[i][j];                                                       \
                    }                                                                                                            \
                }                                                                                                                \
            }                                                                                                                    \
    }
COMPLEX_GEMM(c64, float)
COMPLEX_GEMM(c128, double)

#undef PLAIN_GEMM
#undef COMPLEX_GEMM
