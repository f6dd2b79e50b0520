/* Reductions of one type, included by reduce.c once for each.
 *
 * Expects TYPE (as stored), LANE (as computed), WRAP (LANE, or its unsigned form so that integers wrap), TOTAL (in which
 * blocks are added up), TO_LANE(x), FROM_TOTAL(x), LOWEST, HIGHEST, MEAN_OF(total, n), ROOT_OF(total) and NAME(x); LOGICAL or
 * COMPLEX where the type is one. Complex numbers have products and sums of squared lengths here.
 *
 * Sums go over LANES lanes in blocks, and the blocks' sums into a TOTAL: the order depends on the sizes alone.
 */

SIMD_INLINE LANE NAME(start)(const operation op) {
    switch (op) {
    case REDUCE_PROD: case REDUCE_ALL: return 1;
    case REDUCE_MAX: return LOWEST;
    case REDUCE_MIN: return HIGHEST;
    default: return 0;
    }
}

SIMD_INLINE LANE NAME(lane_of)(const operation op, const TYPE *x) {
    const LANE value = TO_LANE(*x);
    return op == REDUCE_SQUARES ? (LANE)((WRAP)value * (WRAP)CONJUGATE(value)) : value;
}

/* A NaN wins every comparison, so that it is seen. */
#if COMPLEX
#define FIRST_IF(comparison) 0
#else
#define FIRST_IF(comparison) ((comparison) || a != a ? a : b)
#endif
#define COMBINE(type, wrap)                                              \
    switch (op) {                                                        \
    case REDUCE_PROD: return (type)((wrap)a * (wrap)b);                  \
    case REDUCE_MAX: return FIRST_IF(a > b);                               \
    case REDUCE_MIN: return FIRST_IF(a < b);                               \
    case REDUCE_ALL: return (type)(a != 0 && b != 0);                    \
    case REDUCE_ANY: return (type)(a != 0 || b != 0);                    \
    default: return (type)((wrap)a + (wrap)b);                           \
    }
SIMD_INLINE LANE NAME(combine)(const operation op, LANE a, LANE b) { COMBINE(LANE, WRAP) }
SIMD_INLINE TOTAL NAME(combine_total)(const operation op, TOTAL a, TOTAL b) { COMBINE(TOTAL, TOTAL_WRAP) }
#undef COMBINE
#undef FIRST_IF

SIMD_INLINE TOTAL NAME(row)(const operation op, const TYPE *x, int64_t n) {
    TOTAL total = (TOTAL)NAME(start)(op);
    for (int64_t from = 0; from < n; from += BLOCK) {
        const int64_t count = n - from < BLOCK ? n - from : BLOCK;
        const TYPE *block = x + from;
        LANE lane[LANES];
        if (count < LANES) {
            enum { FEW = 8 };
            int64_t i = 0;
            for (int j = 0; j < FEW; j++) lane[j] = NAME(start)(op);
            for (; i + FEW <= count; i += FEW)
                for (int j = 0; j < FEW; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j));
            for (int j = 0; i + j < count; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j));
            for (int half = FEW / 2; half > 0; half /= 2)
                for (int j = 0; j < half; j++) lane[j] = NAME(combine)(op, lane[j], lane[j + half]);
        } else {
            for (int j = 0; j < LANES; j++) lane[j] = NAME(lane_of)(op, block + j);
            int64_t i = LANES;
            for (; i + LANES <= count; i += LANES)
                for (int j = 0; j < LANES; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j));
            for (int j = 0; i + j < count; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j));
            for (int half = LANES / 2; half > 0; half /= 2)
                for (int j = 0; j < half; j++) lane[j] = NAME(combine)(op, lane[j], lane[j + half]);
        }
        total = NAME(combine_total)(op, total, (TOTAL)lane[0]);
    }
    return total;
}

/* Rows from r0 to r1 of `columns` columns, into totals. */
SIMD_INLINE void NAME(columns)(const operation op, const reduction *r, const TYPE *x, int64_t r0, int64_t r1,
                               int64_t columns, TOTAL *total) {
    LANE sum[COLUMNS];
    for (int64_t c = 0; c < columns; c++) total[c] = (TOTAL)NAME(start)(op);
    for (int64_t from = r0; from < r1; from += ROW_BLOCK) {
        const int64_t end = r1 - from < ROW_BLOCK ? r1 : from + ROW_BLOCK;
        for (int64_t c = 0; c < columns; c++) sum[c] = NAME(start)(op);
        int64_t row = from;
        for (; row + 4 <= end; row += 4) {
            const TYPE *a = x + reduced_offset(r, row), *b = x + reduced_offset(r, row + 1);
            const TYPE *d = x + reduced_offset(r, row + 2), *e = x + reduced_offset(r, row + 3);
            for (int64_t c = 0; c < columns; c++) {
                const LANE ab = NAME(combine)(op, NAME(lane_of)(op, a + c), NAME(lane_of)(op, b + c));
                const LANE de = NAME(combine)(op, NAME(lane_of)(op, d + c), NAME(lane_of)(op, e + c));
                sum[c] = NAME(combine)(op, sum[c], NAME(combine)(op, ab, de));
            }
        }
        for (; row < end; row++) {
            const TYPE *a = x + reduced_offset(r, row);
            for (int64_t c = 0; c < columns; c++) sum[c] = NAME(combine)(op, sum[c], NAME(lane_of)(op, a + c));
        }
        for (int64_t c = 0; c < columns; c++) total[c] = NAME(combine_total)(op, total[c], (TOTAL)sum[c]);
    }
}

/* The totals of one part of one strip of outputs: see `strip` in reduce.c. */
SIMD_INLINE void NAME(part)(const operation op, TOTAL (*row_total)(const TYPE *, int64_t), const reduction *r,
                            const char *input, const strip *s, int64_t first, int64_t end, void *totals) {
    const TYPE *x = (const TYPE *)input;
    TOTAL *total = totals;
    if (!r->inner_reduced) {
        NAME(columns)(op, r, x + kept_offset(r, s->row) + s->column, first, end, s->count, total);
        return;
    }
    for (int64_t i = 0; i < s->count; i++) {
        const TYPE *base = x + kept_offset(r, s->row + i);
        if (r->reduced == 1) {
            total[i] = row_total(base + first, end - first);
            continue;
        }
        total[i] = (TOTAL)NAME(start)(op);
        for (int64_t row = first; row < end; row++)
            total[i] = NAME(combine_total)(op, total[i], row_total(base + reduced_offset(r, row), r->inner));
    }
}

static void NAME(merge)(operation op, void *into, const void *from, int64_t count) {
    TOTAL *to = into;
    const TOTAL *add = from;
    for (int64_t i = 0; i < count; i++) to[i] = NAME(combine_total)(op, to[i], add[i]);
}

static void NAME(finish)(const reduction *r, const void *totals, char *output, int64_t first, int64_t count) {
    const TOTAL *total = totals;
    TYPE *out = (TYPE *)output + first;
    switch (r->finish) {
    case FINISH_MEAN:
        for (int64_t i = 0; i < count; i++) out[i] = FROM_TOTAL(MEAN_OF(total[i], r->per_output));
        break;
    case FINISH_HALF:
        for (int64_t i = 0; i < count; i++) out[i] = FROM_TOTAL(total[i] / 2);
        break;
    case FINISH_ROOT:
        for (int64_t i = 0; i < count; i++) out[i] = FROM_TOTAL((TOTAL)ROOT_OF(total[i]));
        break;
    default:
        for (int64_t i = 0; i < count; i++) out[i] = FROM_TOTAL(total[i]);
    }
}

#define PART(op_name, op)                                                                                     \
    static __attribute__((noinline)) TOTAL NAME(row_##op_name)(const TYPE *x, int64_t n) {                    \
        return NAME(row)(op, x, n);                                                                           \
    }                                                                                                         \
    static void NAME(part_##op_name)(const reduction *r, const char *x, const strip *s, int64_t a, int64_t b, \
                                     void *totals) {                                                          \
        NAME(part)(op, NAME(row_##op_name), r, x, s, a, b, totals);                                           \
    }
#if LOGICAL
PART(all, REDUCE_ALL) PART(any, REDUCE_ANY)
static const reducer NAME(reducer) = {
    {[REDUCE_ALL] = NAME(part_all), [REDUCE_ANY] = NAME(part_any)}, NAME(merge), NAME(finish), sizeof(TYPE), sizeof(TOTAL)};
#elif COMPLEX
PART(prod, REDUCE_PROD) PART(squares, REDUCE_SQUARES)
static const reducer NAME(reducer) = {
    {[REDUCE_PROD] = NAME(part_prod), [REDUCE_SQUARES] = NAME(part_squares)},
    NAME(merge), NAME(finish), sizeof(TYPE), sizeof(TOTAL)};
#else
PART(sum, REDUCE_SUM) PART(prod, REDUCE_PROD) PART(max, REDUCE_MAX) PART(min, REDUCE_MIN) PART(squares, REDUCE_SQUARES)
static const reducer NAME(reducer) = {
    {[REDUCE_SUM] = NAME(part_sum), [REDUCE_PROD] = NAME(part_prod), [REDUCE_MAX] = NAME(part_max),
     [REDUCE_MIN] = NAME(part_min), [REDUCE_SQUARES] = NAME(part_squares)},
    NAME(merge), NAME(finish), sizeof(TYPE), sizeof(TOTAL)};
#endif
#undef PART
#undef TYPE
#undef LANE
#undef WRAP
#undef TOTAL
#undef TOTAL_WRAP
#undef TO_LANE
#undef FROM_TOTAL
#undef LOWEST
#undef HIGHEST
#undef MEAN_OF
#undef ROOT_OF
#undef NAME
