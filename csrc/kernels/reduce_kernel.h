/* Reductions of one type, included by reduce.c once for each.
 *
 * Expects TYPE (as stored), LANE (as computed), WRAP (LANE, or its unsigned form so that integers wrap), TOTAL (in which
 * blocks are added up), TO_LANE(x), FROM_TOTAL(x), LOWEST, HIGHEST, MEAN_OF(total, n), ROOT_OF(total) and NAME(x); LOGICAL or
 * COMPLEX where the type is one. Complex numbers have products and sums of squared lengths here. Where the type has vectors: VEC,
 * VEC_WRAP, VEC_INDEX, VEC_LANES, VEC_LANE_INDEX, VEC_LOAD_PART, VEC_SPLAT, NAME(select), NAME(max_or_nan) and
 * NAME(min_or_nan), and VEC_SUM where a vector's lanes are added in registers. CENTERED where there are sums of squared
 * distances from a center, one of each output.
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

/* What an element adds; `center` is looked at where distances are summed. */
SIMD_INLINE LANE NAME(lane_of)(const operation op, const TYPE *x, const TYPE *center) {
    LANE value = TO_LANE(*x);
    if (op == REDUCE_DISTANCES) value = (LANE)((WRAP)value - (WRAP)TO_LANE(*center));
    return op == REDUCE_SQUARES || op == REDUCE_DISTANCES ? (LANE)((WRAP)value * (WRAP)CONJUGATE(value)) : value;
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

#ifdef VEC

SIMD_INLINE VEC NAME(combine_vectors)(const operation op, VEC a, VEC b) {
    switch (op) {
    case REDUCE_PROD: return (VEC)((VEC_WRAP)a * (VEC_WRAP)b);
    case REDUCE_MAX: return NAME(max_or_nan)(a, b);
    case REDUCE_MIN: return NAME(min_or_nan)(a, b);
    default: return (VEC)((VEC_WRAP)a + (VEC_WRAP)b);
    }
}

/* The first `count` lanes of a row's next vector; the others change no result. */
SIMD_INLINE VEC NAME(load_lanes)(const operation op, const TYPE *x, VEC center, int count) {
    VEC v = VEC_LOAD_PART(x, count);
    if (op == REDUCE_DISTANCES) v = (VEC)((VEC_WRAP)v - (VEC_WRAP)center);
    if (count < VEC_LANES && op != REDUCE_SUM && op != REDUCE_SQUARES)
        v = NAME(select)(VEC_LANE_INDEX < (VEC_INDEX)count, v, VEC_SPLAT(NAME(start)(op)));
    return op == REDUCE_SQUARES || op == REDUCE_DISTANCES ? (VEC)((VEC_WRAP)v * (VEC_WRAP)v) : v;
}

/* The center of a row in every lane. */
SIMD_INLINE VEC NAME(spread)(const operation op, const TYPE *center) {
    return op == REDUCE_DISTANCES ? VEC_SPLAT(*center) : (VEC){0};
}

#define ROW_ARGUMENTS const operation op, const TYPE *x, VEC center, int64_t n
#define LANES_AT(at, count) NAME(load_lanes)(op, x + (at), center, count)
#define COMBINED(a, b) NAME(combine_vectors)(op, a, b)
#include "row_lanes.h"
#endif

#if LOGICAL
#define WORD_ROW 128 /* elements: a longer row is gone through by vectors */
/* Whether a word has a true element; whether it has none that is false, for all. */
SIMD_INLINE uint64_t NAME(found)(const operation op, uint64_t word) {
    const uint64_t lowest = 0x0101010101010101u, highest = lowest << 7;
    return op == REDUCE_ANY ? word : (word - lowest) & ~word & highest;
}
/* A row of 8 to WORD_ROW elements by words of 8, of which the last one ends with the row. */
SIMD_INLINE bool NAME(word_row)(const operation op, const TYPE *x, int64_t n) {
    uint64_t found = 0; /* not 0 where an element is true for any, false for all */
    for (int64_t i = 0; i < n; i += 8) {
        uint64_t word;
        memcpy(&word, x + (i + 8 <= n ? i : n - 8), sizeof word);
        found |= NAME(found)(op, word);
    }
    return op == REDUCE_ANY ? found != 0 : found == 0;
}
/* Rows of fewer than 8 elements that follow each other: a word has the next ones too, which are not looked at. */
SIMD_INLINE void NAME(part_words)(const operation op, const TYPE *x, int64_t n, int64_t rows, TOTAL *total) {
    const uint64_t others = ~(uint64_t)0 << (8 * n);
    int64_t i = 0;
    for (; i < rows && (rows - i) * n >= 8; i++) {
        uint64_t word;
        memcpy(&word, x + i * n, sizeof word);
        const uint64_t found = NAME(found)(op, op == REDUCE_ANY ? word & ~others : word | others);
        total[i] = op == REDUCE_ANY ? found != 0 : found == 0;
    }
    for (; i < rows; i++) {
        bool any = false, all = true;
        for (int64_t j = 0; j < n; j++) any = any || x[i * n + j], all = all && x[i * n + j];
        total[i] = op == REDUCE_ANY ? any : all;
    }
}
/* Long rows by blocks of SOON elements, up to the first that decides: what comes after it changes nothing. */
SIMD_INLINE bool NAME(long_row)(const operation op, const TYPE *x, int64_t n) {
    enum { SOON = 512, TOGETHER = 64 };
    for (int64_t from = 0; from < n; from += SOON) {
        const int64_t count = n - from < SOON ? n - from : SOON;
        uint8_t lane[TOGETHER] = {0}, found = 0; /* not 0 where an element is true for any, false for all */
        int64_t i = 0;
        for (; i + TOGETHER <= count; i += TOGETHER)
            for (int j = 0; j < TOGETHER; j++) lane[j] |= op == REDUCE_ANY ? x[from + i + j] : x[from + i + j] == 0;
        for (int j = 0; j < TOGETHER; j++) found |= lane[j];
        for (; i < count; i++) found |= op == REDUCE_ANY ? x[from + i] : x[from + i] == 0;
        if (found) return op == REDUCE_ANY;
    }
    return op == REDUCE_ALL;
}
#endif

SIMD_INLINE TOTAL NAME(row)(const operation op, const TYPE *x, const TYPE *center, int64_t n) {
#if LOGICAL
    return n >= 8 && n <= WORD_ROW ? NAME(word_row)(op, x, n) : NAME(long_row)(op, x, n);
#endif
#ifdef VEC
    enum { ADDED = SUMMED_TOGETHER(VEC_LANES) };
#else
    enum { ADDED = SUM_BLOCK };
#endif
    TOTAL total = (TOTAL)NAME(start)(op);
    for (int64_t from = 0; from < n; from += ADDED) {
        const int64_t count = n - from < ADDED ? n - from : ADDED;
        const TYPE *block = x + from;
        LANE lane[LANES];
#ifdef VEC_SUM
        if (op == REDUCE_SUM || op == REDUCE_SQUARES || op == REDUCE_DISTANCES) {
            const VEC spread = NAME(spread)(op, center);
            const VEC v = count > VEC_LANES ? NAME(row_lanes)(op, block, spread, count)
                                            : NAME(load_lanes)(op, block, spread, (int)count);
            total += (TOTAL)VEC_SUM(v);
            continue;
        }
#endif
        if (count < LANES) {
            enum { FEW_LANES = 8 };
            int64_t i = 0;
            for (int j = 0; j < FEW_LANES; j++) lane[j] = NAME(start)(op);
            for (; i + FEW_LANES <= count; i += FEW_LANES)
                for (int j = 0; j < FEW_LANES; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j, center));
            for (int j = 0; i + j < count; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j, center));
            for (int half = FEW_LANES / 2; half > 0; half /= 2)
                for (int j = 0; j < half; j++) lane[j] = NAME(combine)(op, lane[j], lane[j + half]);
        } else {
#ifdef VEC
            const VEC v = NAME(row_lanes)(op, block, NAME(spread)(op, center), count);
            memcpy(lane, &v, sizeof v);
            for (int half = VEC_LANES / 2; half > 0; half /= 2)
                for (int j = 0; j < half; j++) lane[j] = NAME(combine)(op, lane[j], lane[j + half]);
#else
            for (int j = 0; j < LANES; j++) lane[j] = NAME(lane_of)(op, block + j, center);
            int64_t i = LANES;
            for (; i + LANES <= count; i += LANES)
                for (int j = 0; j < LANES; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j, center));
            for (int j = 0; i + j < count; j++) lane[j] = NAME(combine)(op, lane[j], NAME(lane_of)(op, block + i + j, center));
            for (int half = LANES / 2; half > 0; half /= 2)
                for (int j = 0; j < half; j++) lane[j] = NAME(combine)(op, lane[j], lane[j + half]);
#endif
        }
        total = NAME(combine_total)(op, total, (TOTAL)lane[0]);
    }
    return total;
}

#ifdef VEC
/* ---- short rows, as many as a vector has lanes at a time: each row in lanes, then the lanes of all rows together ---- */

/* Of `count` rows (at most VEC_LANES) of n elements; those behind the last may be any row. */
SIMD_INLINE void NAME(short_rows)(const operation op, const TYPE *const *row, const TYPE *center, int64_t n, int count,
                                  TOTAL *total) {
    VEC v[VEC_LANES];
    LANE lanes[VEC_LANES];
    if (n <= VEC_LANES) {
        _Pragma("GCC unroll 16") for (int i = 0; i < VEC_LANES; i++) 
            v[i] = NAME(load_lanes)(op, row[i], NAME(spread)(op, center + (i < count ? i : 0)), (int)n);
    } else {
        for (int i = 0; i < VEC_LANES; i++)
            v[i] = i < count ? NAME(row_lanes)(op, row[i], NAME(spread)(op, center + i), n) : v[0];
    }
#define STEP(name) NAME(combine_vectors)(op, name##_FIRST(v[2 * i], v[2 * i + 1]), name##_LAST(v[2 * i], v[2 * i + 1]))
    int rows = VEC_LANES / 2;
    if (sizeof(LANE) == 4) {
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) v[i] = STEP(PAIRS);
        rows /= 2;
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < rows; i++) v[i] = STEP(HALVES);
    _Pragma("GCC unroll 2") for (rows /= 2; rows > 0; rows /= 2)
        _Pragma("GCC unroll 2") for (int i = 0; i < rows; i++) v[i] = STEP(QUARTERS);
#undef STEP
    memcpy(lanes, v, sizeof lanes);
    for (int i = 0; i < count; i++) total[i] = (TOTAL)lanes[i];
}

#if !LOGICAL && !COMPLEX
/* Sums of rows of n elements that follow each other, which are those of short_rows: lanes that are not there add 0. */
SIMD_INLINE void NAME(few_sums)(const int n, const TYPE *x, int64_t rows, TOTAL *restrict total) {
    for (int64_t i = 0; i < rows; i++) {
        LANE v[MOST_FEW];
        _Pragma("GCC unroll 8") for (int j = 0; j < n; j++) v[j] = NAME(lane_of)(REDUCE_SUM, x + i * n + j, x);
#define ADD(a, b) \
    if (b < n) v[a] = NAME(combine)(REDUCE_SUM, v[a], v[b]);
        if (sizeof(LANE) == 4) { ADD(0, 2) ADD(1, 3) ADD(4, 6) ADD(5, 7) ADD(0, 1) ADD(4, 5) }
        else { ADD(0, 1) ADD(2, 3) ADD(4, 5) ADD(6, 7) ADD(0, 2) ADD(4, 6) }
        ADD(0, 4)
#undef ADD
        total[i] = (TOTAL)(n < VEC_LANES ? NAME(combine)(REDUCE_SUM, v[0], NAME(start)(REDUCE_SUM)) : v[0]);
    }
}
#endif

/* sum[c] combined with columns c of four rows, or of one. */
SIMD_INLINE void NAME(add_four)(const operation op, const TYPE *a, const TYPE *b, const TYPE *d, const TYPE *e, const TYPE *center,
                                int64_t columns, LANE *sum) {
    int64_t c = 0;
#define LANES_OF(row, count) NAME(load_lanes)(op, row + c, middle, count)
#define ADD_VECTOR(count)                                                                                                 \
    const VEC middle = op == REDUCE_DISTANCES ? VEC_LOAD_PART(center + c, count) : (VEC){0};                              \
    const VEC ab = NAME(combine_vectors)(op, LANES_OF(a, count), LANES_OF(b, count));                                     \
    const VEC de = NAME(combine_vectors)(op, LANES_OF(d, count), LANES_OF(e, count));                                     \
    VEC so_far; /* sum has room for whole vectors */                                                                      \
    memcpy(&so_far, sum + c, sizeof so_far);                                                                              \
    so_far = NAME(combine_vectors)(op, so_far, NAME(combine_vectors)(op, ab, de));                                        \
    memcpy(sum + c, &so_far, sizeof so_far)
    for (; c + VEC_LANES <= columns; c += VEC_LANES) { ADD_VECTOR(VEC_LANES); }
    if (c < columns) { ADD_VECTOR((int)(columns - c)); }
#undef ADD_VECTOR
}
SIMD_INLINE void NAME(add_one)(const operation op, const TYPE *a, const TYPE *center, int64_t columns, LANE *sum) {
    for (int64_t c = 0; c < columns; c += VEC_LANES) {
        const int count = columns - c < VEC_LANES ? (int)(columns - c) : VEC_LANES;
        const VEC middle = op == REDUCE_DISTANCES ? VEC_LOAD_PART(center + c, count) : (VEC){0};
        VEC so_far;
        memcpy(&so_far, sum + c, sizeof so_far);
        so_far = NAME(combine_vectors)(op, so_far, LANES_OF(a, count));
        memcpy(sum + c, &so_far, sizeof so_far);
    }
}
#undef LANES_OF
#else
SIMD_INLINE void NAME(add_four)(const operation op, const TYPE *a, const TYPE *b, const TYPE *d, const TYPE *e, const TYPE *center,
                                int64_t columns, LANE *sum) {
#define LANE_OF(row) NAME(lane_of)(op, row + c, center + c)
    for (int64_t c = 0; c < columns; c++) {
        const LANE ab = NAME(combine)(op, LANE_OF(a), LANE_OF(b)), de = NAME(combine)(op, LANE_OF(d), LANE_OF(e));
        sum[c] = NAME(combine)(op, sum[c], NAME(combine)(op, ab, de));
    }
}
SIMD_INLINE void NAME(add_one)(const operation op, const TYPE *a, const TYPE *center, int64_t columns, LANE *sum) {
    for (int64_t c = 0; c < columns; c++) sum[c] = NAME(combine)(op, sum[c], LANE_OF(a));
}
#undef LANE_OF
#endif

/* Rows from r0 to r1 of `columns` columns, into totals; `step` elements apart, or as the reduction says where that is 0. */
SIMD_INLINE void NAME(columns)(const operation op, const reduction *r, const TYPE *x, const TYPE *center, int64_t step,
                               int64_t r0, int64_t r1, int64_t columns, TOTAL *total) {
    LANE sum[COLUMNS];
#define ROW(row) (x + (step ? (row) * step : reduced_offset(r, row)))
    for (int64_t c = 0; c < columns; c++) total[c] = (TOTAL)NAME(start)(op);
    for (int64_t from = r0; from < r1; from += ROW_BLOCK) {
        const int64_t end = r1 - from < ROW_BLOCK ? r1 : from + ROW_BLOCK;
        for (int64_t c = 0; c < columns; c++) sum[c] = NAME(start)(op);
        int64_t row = from;
        for (; row + 4 <= end; row += 4) 
            NAME(add_four)(op, ROW(row), ROW(row + 1), ROW(row + 2), ROW(row + 3), center, columns, sum);
        for (; row < end; row++) NAME(add_one)(op, ROW(row), center, columns, sum);
        for (int64_t c = 0; c < columns; c++) total[c] = NAME(combine_total)(op, total[c], (TOTAL)sum[c]);
    }
#undef ROW
}

typedef void (*NAME(columns_fn))(const reduction *, const TYPE *, const TYPE *, int64_t, int64_t, int64_t, int64_t, TOTAL *);

/* A few columns of rows that follow each other: as many rows as fill a strip are taken as one. */
SIMD_INLINE void NAME(few_columns)(const operation op, NAME(columns_fn) columns_total, const reduction *r, const TYPE *x,
                                   const TYPE *center, int64_t first, int64_t end, int64_t columns, TOTAL *total) {
    TOTAL wide[COLUMNS];
    TYPE centers[COLUMNS];
    const int64_t together = COLUMNS / columns, rows = (end - first) / together;
    x += first * columns;
    if (op == REDUCE_DISTANCES)
        for (int64_t c = 0; c < together * columns; c++) centers[c] = center[c % columns];
    columns_total(r, x, centers, together * columns, 0, rows, together * columns, wide);
    columns_total(r, x, center, columns, rows * together, end - first, columns, total);
    for (int64_t row = 0; row < together; row++)
        for (int64_t c = 0; c < columns; c++) total[c] = NAME(combine_total)(op, total[c], wide[row * columns + c]);
}

/* The totals of one part of one strip of outputs: see `strip` in reduce.c. */
SIMD_INLINE void NAME(part)(const operation op, TOTAL (*row_total)(const TYPE *, const TYPE *, int64_t),
                            NAME(columns_fn) columns_total, const reduction *r, const char *input, const char *centers,
                            const strip *s, int64_t first, int64_t end, void *totals) {
    const TYPE *x = (const TYPE *)input, *center = op == REDUCE_DISTANCES ? (const TYPE *)centers + first_output(r, s) : x;
    TOTAL *total = totals;
    if (!r->inner_reduced) {
        const int64_t step = r->reduced_rank == 1 ? r->reduced_strides[0] : 0;
        x += kept_offset(r, s->row) + s->column;
        if (step == s->count && step <= FEW && end - first > COLUMNS)
            NAME(few_columns)(op, columns_total, r, x, center, first, end, s->count, total);
        else
            columns_total(r, x, center, step, first, end, s->count, total);
        return;
    }
#ifdef VEC
    const bool any_order = op == REDUCE_MAX || op == REDUCE_MIN;
#if !LOGICAL && !COMPLEX
    if (op == REDUCE_SUM && r->kept >= FEW_ROWS && r->reduced == 1 && r->inner <= VEC_LANES && r->kept_rank == 1 && r->kept_strides[0] == r->inner &&
        end - first == r->inner) {
#define FEW_SUMS(n) case n: NAME(few_sums)(n, x + s->row * n, s->count, total); return;
        switch (r->inner) { FEW_SUMS(2) FEW_SUMS(3) FEW_SUMS(4) FEW_SUMS(5) FEW_SUMS(6) FEW_SUMS(7) FEW_SUMS(8) default: break; }
#undef FEW_SUMS
    }
#endif
    if (r->reduced == 1 && r->inner <= (any_order ? SUM_BLOCK : SHORT) && r->kept >= FEW_ROWS && end > first) {
        for (int64_t i = 0; i < s->count; i += VEC_LANES) {
            const TYPE *row[VEC_LANES];
            const int count = s->count - i < VEC_LANES ? (int)(s->count - i) : VEC_LANES;
            for (int k = 0; k < VEC_LANES; k++) row[k] = x + kept_offset(r, s->row + i + (k < count ? k : 0)) + first;
            NAME(short_rows)(op, row, center + i, end - first, count, total + i);
        }
        return;
    }
#endif
#if LOGICAL
    const int64_t length = end - first;
    if (r->reduced == 1 && length < 8 && length == r->inner && r->kept_rank <= 1) { /* whole rows */
        NAME(part_words)(op, x + s->row * length, length, s->count, total);
        return;
    }
#endif
#if defined(VEC) && SIMD_FREE_MASKS
    if (any_order && r->reduced > 1 && r->inner > 1) { /* all rows of an output in lanes, which are put together once */
        const VEC none = NAME(spread)(op, x);
        for (int64_t i = 0; i < s->count; i++) {
            const TYPE *base = x + kept_offset(r, s->row + i);
            VEC held = VEC_SPLAT(NAME(start)(op));
            for (int64_t row = first; row < end; row++) {
                const TYPE *at = base + reduced_offset(r, row);
                const VEC v = r->inner > VEC_LANES ? NAME(row_lanes)(op, at, none, r->inner) : NAME(load_lanes)(op, at, none, (int)r->inner);
                held = NAME(combine_vectors)(op, held, v);
            }
            LANE lane[VEC_LANES];
            memcpy(lane, &held, sizeof held);
            for (int half = VEC_LANES / 2; half > 0; half /= 2)
                for (int j = 0; j < half; j++) lane[j] = NAME(combine)(op, lane[j], lane[j + half]);
            total[i] = (TOTAL)lane[0];
        }
        return;
    }
#endif
    for (int64_t i = 0; i < s->count; i++) {
        const TYPE *base = x + kept_offset(r, s->row + i);
        if (r->reduced == 1) {
            total[i] = row_total(base + first, center + i, end - first);
            continue;
        }
        total[i] = (TOTAL)NAME(start)(op);
        for (int64_t row = first; row < end; row++)
            total[i] = NAME(combine_total)(op, total[i], row_total(base + reduced_offset(r, row), center + i, r->inner));
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

#define PART(op_name, op)                                                                                              \
    static __attribute__((noinline)) TOTAL NAME(row_##op_name)(const TYPE *x, const TYPE *center, int64_t n) {         \
        return NAME(row)(op, x, center, n);                                                                            \
    }                                                                                                                  \
    static __attribute__((noinline)) void NAME(columns_##op_name)(const reduction *r, const TYPE *x, const TYPE *center, \
                                                                  int64_t step, int64_t r0, int64_t r1, int64_t columns, \
                                                                  TOTAL *total) {                                      \
        NAME(columns)(op, r, x, center, step, r0, r1, columns, total);                                                 \
    }                                                                                                                  \
    static void NAME(part_##op_name)(const reduction *r, const char *x, const char *centers, const strip *s, int64_t a, \
                                     int64_t b, void *totals) {                                                        \
        NAME(part)(op, NAME(row_##op_name), NAME(columns_##op_name), r, x, centers, s, a, b, totals);                  \
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
#ifdef CENTERED
PART(distances, REDUCE_DISTANCES)
#endif
static const reducer NAME(reducer) = {
    {[REDUCE_SUM] = NAME(part_sum), [REDUCE_PROD] = NAME(part_prod), [REDUCE_MAX] = NAME(part_max),
     [REDUCE_MIN] = NAME(part_min), [REDUCE_SQUARES] = NAME(part_squares),
#ifdef CENTERED
     [REDUCE_DISTANCES] = NAME(part_distances),
#endif
    },
    NAME(merge), NAME(finish), sizeof(TYPE), sizeof(TOTAL)};
#endif
#undef PART
#undef VEC
#undef VEC_WRAP
#undef VEC_INDEX
#undef VEC_LANES
#undef VEC_LANE_INDEX
#undef VEC_LOAD_PART
#undef VEC_SPLAT
#undef VEC_SUM
#undef CENTERED
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
