/* Batches of products of small matrices, included by gemm.c once for float and once for double: a matrix of such a batch takes less time
 * than finding the way to the tiles of gemm_kernel.h. Every element of C is one chain of multiply-adds in ascending k.
 *
 * In the names of float_names.h.
 */

/* Some rows of one C, of one or two vectors, the last of which has `lanes` columns. */
SIMD_INLINE void NAME(few_rows)(const int rows, const int vectors, const product *p, const REAL *a, const REAL *b, int lanes, REAL *c,
                                int64_t c_row) {
    VEC sum[FEW_ROWS][2];
    _Pragma("GCC unroll 8") for (int i = 0; i < rows * vectors; i++) sum[i / vectors][i % vectors] = (VEC){0};
    for (int64_t k = 0; k < p->k; k++, a += p->a.column, b += p->b.row) {
        VEC row[2];
        _Pragma("GCC unroll 2") for (int v = 0; v < vectors; v++) row[v] = v == vectors - 1 ? LOAD_PART(b + v * LANES, lanes) : LOAD(b);
        _Pragma("GCC unroll 4") for (int i = 0; i < rows; i++) {
            const VEC x = SPLAT(a[i * p->a.row]);
            _Pragma("GCC unroll 2") for (int v = 0; v < vectors; v++) sum[i][v] = sum[i][v] + x * row[v];
        }
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < rows; i++, c += c_row) {
        if (vectors == 2) STORE(c, sum[i][0]);
        STORE_PART(c + (vectors - 1) * LANES, sum[i][vectors - 1], lanes);
    }
}

SIMD_INLINE void NAME(few_vectors)(const int vectors, const gemm *g, const product *p, const REAL *a, const REAL *b, REAL *c) {
    const int lanes = (int)g->n - (vectors - 1) * LANES;
    const int64_t left = g->m % FEW_ROWS;
    for (int64_t m = 0; m + FEW_ROWS <= g->m; m += FEW_ROWS, a += FEW_ROWS * p->a.row, c += FEW_ROWS * g->c.row)
        NAME(few_rows)(FEW_ROWS, vectors, p, a, b, lanes, c, g->c.row);
    if (left == 3) NAME(few_rows)(3, vectors, p, a, b, lanes, c, g->c.row);
    else if (left == 2) NAME(few_rows)(2, vectors, p, a, b, lanes, c, g->c.row);
    else if (left == 1) NAME(few_rows)(1, vectors, p, a, b, lanes, c, g->c.row);
}

/* Some products of the batch. A transposed B is copied into rows. */
static void NAME(few)(const gemm *g, const gemm_data *data, int64_t first, int64_t end) {
    const product *own = &g->products[0];
    const bool turned = own->b.column != 1;
    product p = *own;
    REAL rows[FEW_ELEMENTS * FEW_ELEMENTS + LANES];
    if (turned) p.b.row = g->n;
    for (int64_t i = first; i < end; i++) {
        const REAL *a = (const REAL *)(data->in[0] + i * own->a.batch[0]), *b = (const REAL *)(data->in[1] + i * own->b.batch[0]);
        REAL *c = (REAL *)(data->c + i * g->c.batch[0]);
        if (turned) {
            for (int64_t k = 0; k < p.k; k++)
                for (int64_t n = 0; n < g->n; n++) rows[k * g->n + n] = b[k * own->b.row + n * own->b.column];
            b = rows;
        }
        if (g->n <= LANES) NAME(few_vectors)(1, g, &p, a, b, c);
        else NAME(few_vectors)(2, g, &p, a, b, c);
    }
}
