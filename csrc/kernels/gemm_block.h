/* A part of a sum of products over a block of C: one block of k after the other, panel by panel; included by gemm_kernel.h, once for each
 * type. */

/* Which part of the sum a call of block makes, and where it goes. */
typedef struct NAME(part) {
    int index;              /* of the product */
    int64_t k_first, k_end; /* of its k, at multiples of its block size */
    REAL *c;
    int64_t c_row;
    bool begins, ends;      /* the sum; one that does not begin continues what c holds, unless it is alone */
    bool alone;             /* c is memory of its own, added later */
    const REAL *others;     /* the parts that are added once this one is made; or NULL */
} NAME(part);

/* How many of the columns of a single row that are left the next strip makes: strips of about the same number of vectors. */
static int64_t NAME(strip_columns)(int64_t columns) {
    const int64_t vectors = SIMD_FREE_MASKS ? (columns + LANES - 1) / LANES : columns / LANES;
    const int64_t strips = (vectors + STRIP - 1) / STRIP, width = (vectors + strips - 1) / strips * LANES;
    return width < columns ? width : columns;
}

/* The B of the panel that comes after that of column n and this block of k: beside it, else of the next block of k, else of the
 * task that probably comes next. NULL: there is none as wide. */
static const REAL *NAME(next_panel)(const gemm *g, const NAME(part) *part, const REAL *b, int64_t k0, int64_t k, int64_t n0,
                                    int64_t n1, int64_t n) {
    const product *p = &g->products[part->index];
    const int64_t columns = MAX_VECTORS * LANES;
    if (n + 2 * columns <= n1) return b + k0 * p->b.row + n + columns;
    if (k0 + k < part->k_end) return b + (k0 + k) * p->b.row + n0;
    return n1 + columns <= g->n ? b + part->k_first * p->b.row + n1 : NULL;
}

/* What a call of block makes, from what. */
typedef struct NAME(job) {
    const gemm *g;
    const gemm_data *data;
    const NAME(part) *part;
    const product *p;
    int64_t m0, m1, n0, n1;
    const REAL *a, *b; /* A from row m0 on, all of B */
    REAL *c, *packed_a, *packed_b;
    bool by_row, sums_columns;
} NAME(job);

/* The columns of a panel, and which of the tiles' widths makes them. */
typedef struct NAME(panel_columns) {
    int64_t columns;
    int vectors, width, last_lanes;
    bool wide_part; /* the last of several vectors is part of one */
} NAME(panel_columns);

static NAME(panel_columns) NAME(next_columns)(int64_t left) {
    NAME(panel_columns) at = {.vectors = MAX_VECTORS, .width = WIDTHS - 1, .last_lanes = LANES};
    if (PART_LOADS) { /* as many vectors as are left, of which the last may be a part */
        at.columns = left < MAX_VECTORS * LANES ? left : MAX_VECTORS * LANES;
        at.vectors = (int)((at.columns + LANES - 1) / LANES);
        at.last_lanes = (int)(at.columns - (at.vectors - 1) * LANES);
        at.width = 2 * at.vectors - 1 - (at.last_lanes < LANES);
        at.wide_part = at.vectors > 1 && at.last_lanes < LANES;
        return at;
    }
    while (at.vectors > 1 && left < at.vectors * LANES) at.vectors /= 2, at.width--;
    at.columns = left < at.vectors * LANES ? left : at.vectors * LANES;
    if (at.columns < LANES) at.width = 0, at.last_lanes = (int)at.columns;
    return at;
}

/* The rows of A of a block of k, packed where the tiles should have them so. */
static const REAL *NAME(rows_of_a)(const NAME(job) *j, int64_t k0, int64_t k) {
    const product *p = j->p;
    const REAL *a = j->a + k0 * p->a.column;
    if (!p->pack_a) return a;
#if !SIMD_FREE_MASKS
    if (j->by_row) NAME(pack_a_rows)(a, p->a.row, j->m1 - j->m0, k, j->packed_a);
    else
#endif
    NAME(pack_a)(p, a, j->m1 - j->m0, k, j->packed_a);
    return j->packed_a;
}

/* Where the tiles of a panel that begins at column n read B: where it lies, or a copy, that the first tile makes or that is made here. */
static const REAL *NAME(panel_of_b)(const NAME(job) *j, NAME(panel) *panel, const NAME(panel_columns) *at, int64_t k0, int64_t n, int64_t n_end) {
    const product *p = j->p;
    const REAL *b = j->b + k0 * p->b.row + n * p->b.column;
    const bool full = at->columns == MAX_VECTORS * LANES;
    panel->next = NULL;
    panel->asks_for_rows = ASKS_FOR_ROWS && n == j->n0 && at->vectors == MAX_VECTORS && !at->wide_part && j->by_row && !p->pack_a &&
                           p->a.row == panel->k && panel->k >= LEAST_ASKED_K && j->g->m * panel->k * (int64_t)sizeof(REAL) >= ASKED_BYTES;
    if (PART_LOADS) panel->filled_up = false;
#if !SIMD_FREE_MASKS
    if (p->large && p->b.column == 1 && full) {
        const int64_t in_group = (n - j->n0) % (GROUP * at->columns), left = (n_end - n) / at->columns * at->columns;
        if (in_group == 0)
            NAME(pack_group)(b, p->b.row, panel->k, left < GROUP * at->columns ? left : GROUP * at->columns, j->packed_b);
        panel->b_stride = at->columns;
        return j->packed_b + in_group * panel->k;
    }
#endif
    if (p->pack_b && p->b.column == 1 && full && j->m1 - j->m0 >= ROWS && !j->sums_columns) {
        panel->packed = j->packed_b;
        panel->next = NAME(next_panel)(j->g, j->part, j->b, k0, panel->k, j->n0, j->n1, n);
        panel->next_stride = p->b.row;
    } else if (p->pack_b || (at->columns < LANES && !PART_LOADS)) {
        panel->b_stride = at->vectors * LANES;
        NAME(pack_b)(p, b, panel->k, at->columns, panel->b_stride, j->packed_b);
        if (PART_LOADS) panel->filled_up = true;
        return j->packed_b;
    }
    return b;
}

/* A strip of a single row from column n on, or all of the columns of a very short sum. Returns how many columns were made: 0 where tiles
 * should make them. */
static int64_t NAME(columns_without_tiles)(const NAME(job) *j, NAME(panel) *panel, const NAME(ends) *ends, const NAME(panel_columns) *at,
                                           const REAL *a, int64_t k0, int64_t n_end) {
    const product *p = j->p;
    const int64_t n = ends->n;
    const REAL *b = j->b + k0 * p->b.row + n * p->b.column;
    if (j->g->m == 1 && !p->pack_b && !j->sums_columns && (SIMD_FREE_MASKS || at->columns >= LANES)) {
        const int64_t columns = NAME(strip_columns)(n_end - n);
        panel->last_lanes = (int)((columns - 1) % LANES + 1);
        NAME(row_strips)[(columns - 1) / LANES](panel, a, b, ends->start, j->c + n);
        if (ends->last) NAME(finish)(j->g, j->data, ends->first_step, j->m0, n, 1, columns, panel->c_stride, j->c + n);
        return columns;
    }
#if SHORT_SUMS
    if (p->k <= SHORT_SUM_MOST && p->k > 0 && p->b.column == 1 && !p->pack_b && n_end - n > MAX_VECTORS * LANES) {
        panel->a_stride = p->a.column;
        if (j->sums_columns) NAME(sum_columns)(b, p->b.row, p->k, n_end - n, false, (REAL *)j->data->sums + n);
        NAME(short_sums)(panel, ends, j->m1 - j->m0, n_end - n, a, p->a.row, b, j->c + n);
        return n_end - n;
    }
#endif
    return 0;
}

/* The panel that begins at column ends->n. Returns how many columns it has. */
static int64_t NAME(make_panel)(const NAME(job) *j, NAME(panel) *panel, const NAME(ends) *ends, const REAL *a, int64_t k0, int64_t n_end) {
    const product *p = j->p;
    const int64_t n = ends->n, rows = j->m1 - j->m0;
    const NAME(panel_columns) at = NAME(next_columns)(n_end - n);
    panel->last_lanes = at.last_lanes;
    panel->b_stride = p->b.row;
    const int64_t made = NAME(columns_without_tiles)(j, panel, ends, &at, a, k0, n_end);
    if (made) return made;
    const REAL *b = NAME(panel_of_b)(j, panel, &at, k0, n, n_end);
    if (j->sums_columns) {
        REAL *sums = (REAL *)j->data->sums + n;
        /* With a tile, in which B is read anyway, where enough rows are left for full tiles. */
        const bool by_tile = !j->by_row && !p->pack_a && rows >= 2 * ROWS && at.vectors == MAX_VECTORS && !at.wide_part && k0 == 0;
        if (by_tile) panel->sums = sums;
        else NAME(sum_columns)(b, panel->b_stride, panel->k, at.columns, k0 > 0, sums);
    }
    NAME(run_panel)(panel, ends, at.width, j->by_row && !p->pack_a, p->pack_a, rows, at.columns, p->a.row, a, b, j->c + n);
    return at.columns;
}

/* k products of each sum, from k0 on. */
static void NAME(make_block_of_k)(const NAME(job) *j, int64_t k0, int64_t k) {
    const gemm *g = j->g;
    const NAME(part) *part = j->part;
    const product *p = j->p;
    NAME(panel) panel = {.k = k, .a_stride = p->pack_a ? ROWS : j->by_row ? p->a.row : p->a.column,
                         .c_stride = part->c_row, .start_stride = part->c_row, .rate = g->updates ? *(const REAL *)j->data->in[RATE] : 0};
    const bool fresh = k0 == part->k_first && (part->begins || part->alone);
    NAME(ends) ends = {.g = g, .data = j->data, .first_step = g->starts_with_y, .m = j->m0,
                       .last = part->ends && k0 + k == p->k, .parts = part->others};
    const REAL *y = fresh && part->begins && g->starts_with_y
                        ? (const REAL *)j->data->in[g->steps[0].operand] + j->m0 * g->steps[0].y.row : NULL;
    if (y) panel.start_stride = g->steps[0].y.row;
    const REAL *a = NAME(rows_of_a)(j, k0, k);
    if (g->sums && g->swapped && j->n0 == 0) NAME(sum_few_columns)(a, p->a.column, k, 1, 0, k0 > 0, (REAL *)j->data->sums);
    const int64_t few = j->n1 == g->n ? NAME(few_columns)(g, p) : 0, n_end = j->n1 - few;
    for (ends.n = j->n0; ends.n < n_end;) {
        ends.start = y ? y + ends.n : fresh ? NULL : j->c + ends.n;
        ends.n += NAME(make_panel)(j, &panel, &ends, a, k0, n_end);
    }
    if (!few) return;
    const REAL *b = j->b + k0 * p->b.row + n_end * p->b.column;
    ends.n = n_end;
    NAME(last_columns)(p, &panel, &ends, j->m1 - j->m0, few, j->a + k0 * p->a.column, b,
                       y ? y + n_end : fresh ? NULL : j->c + n_end, j->c + n_end, j->packed_b);
    if (j->sums_columns) NAME(sum_few_columns)(b, p->b.row, k, few, p->b.column, k0 > 0, (REAL *)j->data->sums + n_end);
}

/* Makes a part of the sum over C[m0:m1, n0:n1]. */
static void NAME(block)(const gemm *g, const gemm_data *data, const NAME(part) *part, int64_t m0, int64_t m1, int64_t n0,
                        int64_t n1, char *scratch) {
    const product *p = &g->products[part->index];
    const NAME(job) job = {
        .g = g, .data = data, .part = part, .p = p, .m0 = m0, .m1 = m1, .n0 = n0, .n1 = n1,
        .a = (const REAL *)data->in[2 * part->index] + m0 * p->a.row, .b = (const REAL *)data->in[2 * part->index + 1],
        .c = part->c + m0 * part->c_row, .packed_b = (REAL *)scratch, .packed_a = (REAL *)scratch + g->packed_b,
        .by_row = p->a.column == 1 && g->m > 1, .sums_columns = g->sums && !g->swapped && m0 == 0};
    int64_t k0 = part->k_first;
    do {
        const int64_t k = part->k_end - k0 < p->k_block ? part->k_end - k0 : p->k_block;
        NAME(make_block_of_k)(&job, k0, k);
        k0 += k;
    } while (k0 < part->k_end);
}
