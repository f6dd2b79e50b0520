/* How often values appear, where they belong among sorted ones, and positions as coordinates. */
#include <string.h>

#include "elementwise_types.h"
#include "plan.h"
#include "stretches.h"

#define CASE(tag, dtype, S, C, LOAD, STORE, op) \
    case dtype: prep->ins->fn = op##_##tag; return HL_OK;

static void put_index(void *out, bool wide, int64_t at, int64_t value) {
    if (wide) ((int64_t *)out)[at] = value;
    else ((int32_t *)out)[at] = (int32_t)value;
}

static int64_t get_index(const void *in, bool wide, int64_t at) {
    return wide ? ((const int64_t *)in)[at] : ((const int32_t *)in)[at];
}

/* --- counts of integers -------------------------------------------------------------------------------------- */

typedef struct count_params { int64_t n, bins, bytes; bool weighted, wide; } count_params;

enum {
    FEW_BINS = 256, /* of which several tables are kept: a bin that comes again waits for its count otherwise */
    TABLES = 4
};

/* Counts numbers in tables in turn, those beyond the last bin in one behind it. Negative where a number is. */
static int32_t count_few(const int32_t *numbers, int64_t n, int64_t bins, uint32_t table[TABLES][FEW_BINS + 1]) {
    int32_t all = 0;
    int64_t i = 0;
    memset(table, 0, TABLES * sizeof *table);
#define COUNT(k, number) table[k][(uint32_t)(number) < (uint64_t)bins ? (number) : FEW_BINS]++, all |= (number)
    for (; i + TABLES <= n; i += TABLES)
        for (int k = 0; k < TABLES; k++) COUNT(k, numbers[i + k]);
    for (; i < n; i++) COUNT(0, numbers[i]);
#undef COUNT
    return all;
}

/* bincount: (integers, weights or nothing) -> sums of weights; integers beyond the last bin are left out. */
#define BINCOUNT(tag, dtype, S, C, LOAD, STORE, unused)                                                           \
    static hl_status bincount_##tag(const hl_instr *ins, hl_run *run) {                                          \
        const count_params *p = ins->p[2].p;                                                                     \
        const int32_t *numbers = ins->arg[0];                                                                    \
        const S *weights = ins->arg[1];                                                                          \
        S *out = ins->arg[2];                                                                                    \
        clear_bytes(run, out, p->bytes);                                                                         \
        if (!p->weighted && p->bins <= FEW_BINS && p->n >= 4 * FEW_BINS) {                                       \
            for (STRETCHES(run, first, end, p->n)) {                                                             \
                uint32_t table[TABLES][FEW_BINS + 1];                                                            \
                if (count_few(numbers + first, end - first, p->bins, table) < 0)                                 \
                    return hl_fail(run, HL_INVALID_ARGUMENT, "Input arr must be non-negative!");                 \
                for (int64_t bin = 0; bin < p->bins; bin++)                                                      \
                    for (int k = 0; k < TABLES; k++) out[bin] += (S)table[k][bin];                               \
            }                                                                                                    \
            return run->stopped;                                                                                 \
        }                                                                                                        \
        for (int64_t i = 0; i < p->n; i++) {                                                                     \
            if (hl_is_stopped_at(run, i)) return run->stopped;                                           \
            if (numbers[i] < 0) return hl_fail(run, HL_INVALID_ARGUMENT, "Input arr must be non-negative!");     \
            if (numbers[i] < p->bins) out[numbers[i]] += p->weighted ? weights[i] : (S)1;                        \
        }                                                                                                        \
        return HL_OK;                                                                                            \
    }
EACH_WIDE_FLOAT(BINCOUNT, 0)
EACH_SIGNED(BINCOUNT, 0)

static hl_status prepare_bincount(hl_prepare *prep) {
    count_params *p = prep->params;
    p->n = prep->in[0]->size;
    p->weighted = prep->in[1]->size > 0;
    if (p->weighted && prep->in[1]->size != p->n)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "weights must have as many elements as the integers, %lld, but has %lld",
                         (long long)p->n, (long long)prep->in[1]->size);
    p->bins = prep->out[0]->size;
    p->bytes = p->bins * (int64_t)hl_dtype_size(prep->out[0]->dtype);
    prep->cost_ns = (double)p->n * 2 + (double)p->bytes * 0.1;
    switch (prep->out[0]->dtype) {
        EACH_WIDE_FLOAT(CASE, bincount)
        EACH_SIGNED(CASE, bincount)
    default: return hl_no_kernel(prep, NULL);
    }
}

enum { HISTOGRAM_BLOCK = 1024 /* values whose bins are found before they are counted */ };

/* Counts the bins of a block in two tables in turn. */
static void count_in_turn(const int32_t *bin, int64_t n, uint32_t table[2][FEW_BINS]) {
    int64_t i = 0;
    for (; i + 2 <= n; i += 2) table[0][bin[i]]++, table[1][bin[i + 1]]++;
    if (i < n) table[0][bin[i]]++;
}

/* histogram: (values, range) -> counts of bins of one width; what is outside counts in the first or the last bin. */
#define HISTOGRAM(tag, dtype, S, C, LOAD, STORE, unused)                                                          \
    static hl_status histogram_##tag(const hl_instr *ins, hl_run *run) {                                         \
        const count_params *p = ins->p[2].p;                                                                     \
        const S *values = ins->arg[0], *range = ins->arg[1];                                                     \
        const double low = (double)LOAD(range[0]), high = (double)LOAD(range[1]);                                \
        if (!(low < high))                                                                                       \
            return hl_fail(run, HL_INVALID_ARGUMENT,                                                             \
                           "value_range should satisfy value_range[0] < value_range[1], but got '[%g, %g]'", low, high); \
        const double step = (high - low) / (double)p->bins, last = (double)(p->bins - 1);                        \
        clear_bytes(run, ins->arg[2], p->bytes);                                                                 \
        for (STRETCHES(run, first, end, p->n)) {                                                                 \
            uint32_t table[2][FEW_BINS] = {{0}};                                                                 \
            for (int64_t from = first; from < end; from += HISTOGRAM_BLOCK) {                                    \
                const int64_t n = end - from < HISTOGRAM_BLOCK ? end - from : HISTOGRAM_BLOCK;                   \
                int32_t bin[HISTOGRAM_BLOCK];                                                                    \
                for (int64_t i = 0; i < n; i++) {                                                                \
                    const double value = (double)LOAD(values[from + i]), ratio = (value - low) / step;           \
                    const double place = value > low ? ratio : 0;                                                \
                    bin[i] = (int32_t)(place < last ? place : last);                                             \
                }                                                                                                \
                if (p->bins <= FEW_BINS) count_in_turn(bin, n, table);                                           \
                else if (p->wide) for (int64_t i = 0; i < n; i++) ((int64_t *)ins->arg[2])[bin[i]]++;            \
                else for (int64_t i = 0; i < n; i++) ((int32_t *)ins->arg[2])[bin[i]]++;                         \
            }                                                                                                    \
            for (int64_t bin = 0; p->bins <= FEW_BINS && bin < p->bins; bin++)                                   \
                put_index(ins->arg[2], p->wide, bin,                                                             \
                          get_index(ins->arg[2], p->wide, bin) + table[0][bin] + table[1][bin]);                 \
        }                                                                                                        \
        return run->stopped;                                                                                     \
    }
EACH_WIDE_FLOAT(HISTOGRAM, 0)
EACH_SIGNED(HISTOGRAM, 0)

static hl_status prepare_histogram(hl_prepare *prep) {
    count_params *p = prep->params;
    p->n = prep->in[0]->size;
    p->bins = prep->out[0]->size;
    p->bytes = p->bins * (int64_t)hl_dtype_size(prep->out[0]->dtype);
    p->wide = prep->out[0]->dtype == HL_INT64;
    if (prep->in[1]->size != 2) return hl_refuse(prep, HL_INVALID_ARGUMENT, "value_range should be a vector of 2 elements.");
    if (p->bins <= 0) return hl_refuse(prep, HL_INVALID_ARGUMENT, "nbins should be a positive number, but got '0'");
    prep->cost_ns = (double)p->n * 3 + (double)p->bytes * 0.1;
    switch (prep->in[0]->dtype) {
        EACH_WIDE_FLOAT(CASE, histogram)
        EACH_SIGNED(CASE, histogram)
    default: return hl_no_kernel(prep, NULL);
    }
}

/* --- places among sorted values ------------------------------------------------------------------------------ */

typedef struct bound_params { int64_t rows, length, count; bool upper, wide; } bound_params;

enum { TOGETHER = 8 /* values whose places are looked for at once: each step of one waits for the step before */ };

/* bounds: (sorted rows, values) -> places; the attribute tells whether behind equal ones. Every value takes the same steps, so that no
 * processor has to guess which half it goes to. */
#define BOUNDS(tag, dtype, S, C, LOAD, STORE, unused)                                                             \
    SIMD_INLINE void places_##tag(const S *row, int64_t length, const S *values, const int count, const bool upper, int64_t *place) { \
        C value[TOGETHER];                                                                                       \
        int64_t left = length;                                                                                   \
        for (int k = 0; k < count; k++) value[k] = LOAD(values[k]), place[k] = 0;                                \
        for (; left > 0; left -= left > 1 ? left / 2 : 1) {                                                      \
            const int64_t half = left > 1 ? left / 2 : 1;                                                        \
            _Pragma("GCC unroll 8") for (int k = 0; k < count; k++) {                                            \
                const C middle = LOAD(row[place[k] + half - 1]);                                                 \
                const bool is_behind = upper ? !(value[k] < middle) : middle < value[k];                         \
                place[k] += -(int64_t)is_behind & half;                                                          \
            }                                                                                                    \
        }                                                                                                        \
    }                                                                                                            \
    static hl_status bounds_##tag(const hl_instr *ins, hl_run *run) {                                            \
        const bound_params *p = ins->p[2].p;                                                                     \
        for (int64_t at = 0, n = p->rows * p->count, step; at < n; at += step) {                                 \
            int64_t place[TOGETHER];                                                                             \
            const int64_t left = p->count - at % p->count;                                                       \
            const S *row = (const S *)ins->arg[0] + at / p->count * p->length, *values = (const S *)ins->arg[1] + at; \
            if ((at & 0xffff) < TOGETHER && hl_is_stopped(run)) return run->stopped;                             \
            step = left >= TOGETHER ? TOGETHER : 1;                                                              \
            if (step == 1) places_##tag(row, p->length, values, 1, p->upper, place);                             \
            else if (p->upper) places_##tag(row, p->length, values, TOGETHER, true, place);                      \
            else places_##tag(row, p->length, values, TOGETHER, false, place);                                   \
            for (int64_t k = 0; k < step; k++) put_index(ins->arg[2], p->wide, at + k, place[k]);                \
        }                                                                                                        \
        return HL_OK;                                                                                            \
    }
EACH_NUMBER(BOUNDS, 0)

static hl_status prepare_bounds(hl_prepare *prep) {
    bound_params *p = prep->params;
    p->rows = prep->in[1]->dims[0];
    p->count = prep->in[1]->dims[1];
    p->length = prep->in[0]->dims[1];
    p->upper = prep->attr[0].i != 0;
    p->wide = prep->out[0]->dtype == HL_INT64;
    prep->cost_ns = (double)(p->rows * p->count) * 20 + 5;
    switch (prep->in[0]->dtype) {
        EACH_NUMBER(CASE, bounds)
    default: return hl_no_kernel(prep, NULL);
    }
}

/* --- coordinates --------------------------------------------------------------------------------------------- */

typedef struct unravel_params { int64_t n, axes; bool wide; } unravel_params;

/* unravel_index: (positions, dims) -> [axes, positions]. */
static hl_status run_unravel_index(const hl_instr *ins, hl_run *run) {
    const unravel_params *p = ins->p[2].p;
    int64_t total = 1;
    for (int64_t axis = 0; axis < p->axes; axis++) {
        const int64_t size = get_index(ins->arg[1], p->wide, axis);
        if (size == 0) return hl_fail(run, HL_INVALID_ARGUMENT, "Input dims cannot contain a dim of zero");
        if (__builtin_mul_overflow(total, size, &total))
            return hl_fail(run, HL_INVALID_ARGUMENT, "Input dims have more elements than can be counted");
    }
    for (int64_t i = 0; i < p->n; i++) {
        if (hl_is_stopped_at(run, i)) return run->stopped;
        int64_t position = get_index(ins->arg[0], p->wide, i);
        if (position < 0 || position >= total)
            return hl_fail(run, HL_INVALID_ARGUMENT, "index %lld is out of bound as with dims of %lld elements",
                           (long long)position, (long long)total);
        for (int64_t axis = p->axes - 1; axis >= 0; axis--) {
            const int64_t size = get_index(ins->arg[1], p->wide, axis);
            put_index(ins->arg[2], p->wide, axis * p->n + i, position % size);
            position /= size;
        }
    }
    return HL_OK;
}

static hl_status prepare_unravel_index(hl_prepare *prep) {
    unravel_params *p = prep->params;
    p->n = prep->in[0]->size;
    p->axes = prep->in[1]->size;
    p->wide = prep->in[0]->dtype == HL_INT64;
    prep->cost_ns = (double)(p->n * p->axes) * 5 + 5;
    prep->ins->fn = run_unravel_index;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"bincount", prepare_bincount, sizeof(count_params)},
    {"histogram", prepare_histogram, sizeof(count_params)},
    {"bounds", prepare_bounds, sizeof(bound_params)},
    {"unravel_index", prepare_unravel_index, sizeof(unravel_params)},
};

HL_FAMILY(counting, table);
