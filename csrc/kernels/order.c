/* What depends on the order of elements: argmax and argmin, membership in the top k; and running totals. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "arg_rows.h"
#include "complex_types.h"
#include "half.h"

enum {
    STRIP = 512,  /* lines beside each other that are gone through together */
    PART = 16,    /* the fewest of them that a thread takes: a line of the cache */
    FEW_STRIP = 128, FEW_ROWS = 8, LEAST_TOGETHER = 4, /* of few lines so many rows as one at least, if so many of those follow */
    TASK_NS = 10000, BLOCK = 512, LANES = 32, LINES = 8,
    STRETCH = 1 << 16, /* elements between which a run may be stopped: looking at the clock takes as long as a short line */
    TOP_BLOCK = 4096 /* classes of in_top_k between which a run may be stopped */
};

/* An axis of `length` elements, `inner` apart, of which there are outer * inner. A line_fn does the lines from `first` to `end` of those
 * that start `outer` lines in; where inner is 1, `end` lines from line `outer` on. */
typedef struct lines lines;
typedef void (*line_fn)(const lines *l, const char *in, char *out, int64_t outer, int64_t first, int64_t end, hl_run *run, int worker);

struct lines {
    line_fn fn;
    int64_t outer, length, inner;
    bool exclusive, reverse, wide_index;
    int64_t lines_per_task;
    double cost_ns;
};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Of lines beside each other: one may be long. */
static bool stopped_at(hl_run *run, int worker, int64_t i) { return (i & 0xffff) == 0 && hl_is_stopped_for(run, worker); }

/* Of lines that lie together, before so many elements of one: `since` counts those since the clock was looked at. */
static bool stopped_before(hl_run *run, int worker, int64_t elements, int64_t *since) {
    *since += elements;
    if (*since < STRETCH) return false;
    *since = 0;
    return hl_is_stopped_for(run, worker);
}

/* ---- argmax and argmin ---- */

static void put_index(const lines *l, char *out, int64_t at, int64_t index) {
    if (l->wide_index) ((int64_t *)out)[at] = index;
    else ((int32_t *)out)[at] = (int32_t)index;
}

/* Lines beside each other, STRIP of them row by row: which row has the best of each, by a choice in the place of a branch. Few lines are
 * gone through by several rows as if those were one, and the first of their best ones counts. */
#define ARG_BESIDE(name, type, value_type, place_type, VALUE, worst, BETTER)                                \
    /* `step` elements lie between two rows. A row is -1 where none is better than the worst. False where the run is to stop. */\
    static bool name##_rows(const type *x, int64_t rows, int64_t step, int64_t count, value_type *restrict best, int64_t *row,\
                            hl_run *run, int worker) {                                                      \
        const int64_t block = 1 + STRETCH / (count + 1);                                                    \
        place_type at[STRIP];                                                                               \
        for (int64_t j = 0; j < count; j++) best[j] = worst, row[j] = -1;                                   \
        for (int64_t first = 0; first < rows; first += block) {                                             \
            const place_type n = (place_type)smaller(block, rows - first);                                  \
            if (first > 0 && hl_is_stopped_for(run, worker)) return false;                                  \
            for (int64_t j = 0; j < count; j++) at[j] = -1;                                                 \
            for (place_type i = 0; i < n; i++, x += step)                                                   \
                _Pragma("GCC ivdep") for (int64_t j = 0; j < count; j++) {                                  \
                    const value_type value = VALUE(x[j]);                                                   \
                    const bool is_better = value BETTER best[j];                                            \
                    best[j] = is_better ? value : best[j];                                                  \
                    at[j] = is_better ? i : at[j];                                                          \
                }                                                                                           \
            for (int64_t j = 0; j < count; j++) row[j] = at[j] < 0 ? row[j] : first + at[j];                \
        }                                                                                                   \
        return true;                                                                                        \
    }                                                                                                       \
    static void name##_few(const lines *l, const type *x, int64_t together, char *out, int64_t outer, hl_run *run, int worker) {\
        const int64_t inner = l->inner, wide = together * inner, rows = l->length / together;               \
        value_type best[FEW_STRIP];                                                                         \
        int64_t row[FEW_STRIP];                                                                             \
        if (!name##_rows(x, rows, wide, wide, best, row, run, worker)) return;                              \
        for (int64_t line = 0; line < inner; line++) {                                                      \
            value_type most = worst;                                                                        \
            int64_t index = 0;                                                                              \
            for (int64_t part = 0; part < together; part++) {                                               \
                const int64_t j = part * inner + line, place = row[j] * together + part;                    \
                const bool is_first = best[j] BETTER most || (best[j] == most && place < index);            \
                if (row[j] >= 0 && is_first) most = best[j], index = place;                                 \
            }                                                                                               \
            for (int64_t i = rows * together; i < l->length; i++)                                           \
                if (VALUE(x[i * inner + line]) BETTER most) most = VALUE(x[i * inner + line]), index = i;   \
            put_index(l, out, outer * inner + line, index);                                                 \
        }                                                                                                   \
    }                                                                                                       \
    static void name##_beside(const lines *l, const type *x, char *out, int64_t outer, int64_t first, int64_t end,\
                              hl_run *run, int worker) {                                                    \
        const int64_t together = smaller(FEW_STRIP / l->inner, l->length / FEW_ROWS);                       \
        if (together >= LEAST_TOGETHER && end - first == l->inner && SIMD_BYTES > 16) { \
            name##_few(l, x, together, out, outer, run, worker);                                            \
            return;                                                                                         \
        }                                                                                                   \
        for (int64_t from = first; from < end; from += STRIP) {                                             \
            const int64_t count = smaller(STRIP, end - from);                                               \
            value_type best[STRIP];                                                                         \
            int64_t row[STRIP];                                                                             \
            if (sizeof(place_type) == 8 || SIMD_BYTES == 16) { /* a branch takes less than choices of wide places */ \
                for (int64_t j = 0; j < count; j++) best[j] = worst, row[j] = 0;                            \
                for (int64_t i = 0; i < l->length; i++) {                                                   \
                    const type *at = x + i * l->inner + from;                                               \
                    if (stopped_at(run, worker, i * STRIP)) return;                                         \
                    for (int64_t j = 0; j < count; j++) {                                                   \
                        const value_type value = VALUE(at[j]);                                              \
                        if (value BETTER best[j]) best[j] = value, row[j] = i;                              \
                    }                                                                                       \
                }                                                                                           \
            } else if (!name##_rows(x + from, l->length, l->inner, count, best, row, run, worker)) return;  \
            for (int64_t j = 0; j < count; j++) put_index(l, out, outer * l->inner + from + j, row[j] < 0 ? 0 : row[j]);\
        }                                                                                                   \
    }

/* The first element that is better than all before it; a NaN is better than none. Of lines that lie together (inner is 1) there
 * are `end`: the best of a block of one, and where it improves on the blocks before, its place. */
#define ARG(name, type, value_type, VALUE, worst, BETTER, SHORT_ROW, SHORT_ROWS)                                    \
    static void name(const lines *l, const char *in, char *out, int64_t outer, int64_t first, int64_t end,          \
                     hl_run *run, int worker) {                                                                     \
        const type *x = (const type *)in + outer * l->length * l->inner;                                            \
        if (l->inner == 1) {                                                                                        \
            int64_t since = 0, line = 0;                                                                            \
            SHORT_ROWS(name)                                                                                        \
            for (; line < end; line++, x += l->length) {                                                            \
                SHORT_ROW(name)                                                                                     \
                value_type best = worst;                                                                            \
                int64_t index = 0;                                                                                  \
                if (l->length < LANES) {                                                                            \
                    for (int64_t i = 0; i < l->length; i++) {                                                       \
                        const value_type value = VALUE(x[i]);                                                       \
                        const bool is_better = value BETTER best;                                                   \
                        best = is_better ? value : best;                                                            \
                        index = is_better ? i : index;                                                              \
                    }                                                                                               \
                    put_index(l, out, outer + line, index);                                                         \
                    continue;                                                                                       \
                }                                                                                                   \
                for (int64_t from = 0; from < l->length; from += BLOCK) {                                           \
                    const int64_t block = smaller(BLOCK, l->length - from), lanes = block / LANES * LANES;          \
                    value_type lane[LANES], most = worst;                                                           \
                    if (stopped_before(run, worker, block, &since)) return;                                         \
                    for (int j = 0; j < LANES; j++) lane[j] = worst;                                                \
                    for (int64_t i = 0; i < lanes; i += LANES)                                                      \
                        for (int j = 0; j < LANES; j++) {                                                           \
                            const value_type value = VALUE(x[from + i + j]);                                        \
                            lane[j] = value BETTER lane[j] ? value : lane[j];                                       \
                        }                                                                                           \
                    for (int half = LANES / 2; half > 0; half /= 2)                                                 \
                        for (int j = 0; j < half; j++) lane[j] = lane[j + half] BETTER lane[j] ? lane[j + half] : lane[j]; \
                    most = lane[0];                                                                                 \
                    for (int64_t i = lanes; i < block; i++) most = VALUE(x[from + i]) BETTER most ? VALUE(x[from + i]) : most; \
                    if (!(most BETTER best)) continue;                                                              \
                    best = most, index = from;                                                                      \
                    for (int seen = 0; index < from + lanes; index += LANES) {                                      \
                        for (int j = 0; j < LANES; j++) seen |= VALUE(x[index + j]) == most;                        \
                        if (seen) break;                                                                            \
                    }                                                                                               \
                    const int64_t last = from + block - 1; /* where another step has written the variable meanwhile */ \
                    while (index < last && VALUE(x[index]) != most) index++;                                        \
                    index = smaller(index, last);                                                                   \
                }                                                                                                   \
                put_index(l, out, outer + line, index);                                                             \
            }                                                                                                       \
            return;                                                                                                 \
        }                                                                                                           \
        name##_beside(l, x, out, outer, first, end, run, worker);                                                   \
    }
#define SAME(x) (x)
#define NO_SHORT_ROW(name)
#define NO_SHORT_ROWS(name)
#if SIMD_BYTES >= 32 && !defined(__clang__)
ARG_ROWS(argmax_f32, float, simd_f32, simd_i32, int32_t, 32, F32_LANES, -INFINITY, >)
ARG_ROWS(argmin_f32, float, simd_f32, simd_i32, int32_t, 32, F32_LANES, INFINITY, <)
ARG_ROWS(argmax_f64, double, simd_f64, simd_i64, int64_t, 64, F64_LANES, -(double)INFINITY, >)
ARG_ROWS(argmin_f64, double, simd_f64, simd_i64, int64_t, 64, F64_LANES, (double)INFINITY, <)
ARG_ROWS(argmax_i32, int32_t, simd_i32, simd_i32, int32_t, 32, F32_LANES, INT32_MIN, >)
ARG_ROWS(argmin_i32, int32_t, simd_i32, simd_i32, int32_t, 32, F32_LANES, INT32_MAX, <)
ARG_ROWS(argmax_i64, int64_t, simd_i64, simd_i64, int64_t, 64, F64_LANES, INT64_MIN, >)
ARG_ROWS(argmin_i64, int64_t, simd_i64, simd_i64, int64_t, 64, F64_LANES, INT64_MAX, <)
#define SHORT_ROW(name)                                                                                             \
    if (l->length >= LEAST_ARG_ROW && l->length <= SHORT_ARG_ROW) {                                                 \
        if (stopped_before(run, worker, l->length, &since)) return;                                                 \
        put_index(l, out, outer + line, l->length >= LEAST_LONG ? name##_long(x, l->length) : name##_row(x, l->length)); \
        continue;                                                                                                   \
    }
#define SHORT_ROWS(name)                                                                                            \
    if (l->length <= MOST_GROUPED && l->length > 0)                                                                 \
        for (const int64_t most = STRETCH / l->length; line < end;) {                                               \
            const int64_t rows = smaller(most, end - line);                                                         \
            if (stopped_before(run, worker, rows * l->length, &since)) return;                                      \
            const int64_t done = name##_groups(x, l->length, rows, out, outer + line, l->wide_index);                \
            if (done == 0) break;                                                                                   \
            line += done, x += done * l->length;                                                                    \
        }
#else
#define SHORT_ROW(name)
#define SHORT_ROWS(name)
#endif
#define ARGS(suffix, type, value_type, place_type, VALUE, lowest, highest, SHORT)    \
    ARG_BESIDE(argmax_##suffix, type, value_type, place_type, VALUE, lowest, >)      \
    ARG_BESIDE(argmin_##suffix, type, value_type, place_type, VALUE, highest, <)     \
    ARG(argmax_##suffix, type, value_type, VALUE, lowest, >, SHORT, SHORT##S)        \
    ARG(argmin_##suffix, type, value_type, VALUE, highest, <, SHORT, SHORT##S)
ARGS(f32, float, float, int32_t, SAME, -INFINITY, INFINITY, SHORT_ROW)
ARGS(f64, double, double, int64_t, SAME, -(double)INFINITY, (double)INFINITY, SHORT_ROW)
ARGS(f16, uint16_t, float, int32_t, half_to_float, -INFINITY, INFINITY, NO_SHORT_ROW)
ARGS(bf16, uint16_t, float, int32_t, bfloat_to_float, -INFINITY, INFINITY, NO_SHORT_ROW)
ARGS(i64, int64_t, int64_t, int64_t, SAME, INT64_MIN, INT64_MAX, SHORT_ROW)
ARGS(i32, int32_t, int32_t, int32_t, SAME, INT32_MIN, INT32_MAX, SHORT_ROW)
ARGS(i16, int16_t, int32_t, int32_t, SAME, INT32_MIN, INT32_MAX, NO_SHORT_ROW)
ARGS(i8, int8_t, int32_t, int32_t, SAME, INT32_MIN, INT32_MAX, NO_SHORT_ROW)
ARGS(u64, uint64_t, uint64_t, int64_t, SAME, 0, UINT64_MAX, NO_SHORT_ROW)
ARGS(u32, uint32_t, uint32_t, int32_t, SAME, 0, UINT32_MAX, NO_SHORT_ROW)
ARGS(u16, uint16_t, int32_t, int32_t, SAME, INT32_MIN, INT32_MAX, NO_SHORT_ROW)
ARGS(u8, uint8_t, int32_t, int32_t, SAME, INT32_MIN, INT32_MAX, NO_SHORT_ROW)

/* ---- running totals ---- */

/* Totals of lines that lie together wait for each other's additions less when several lines are gone through at once. */
#define SCAN(name, type, sum_type, TO_SUM, FROM_SUM, start, OPERATOR)                                               \
    static inline __attribute__((always_inline)) bool name##_lines(const lines *l, const type *x, type *y,          \
                                                                   const int count, hl_run *run, int worker, int64_t *since) { \
        const int64_t step = l->reverse ? -1 : 1, n = l->length;                                                    \
        int64_t at = l->reverse ? n - 1 : 0;                                                                        \
        sum_type total[LINES];                                                                                      \
        for (int k = 0; k < count; k++) total[k] = start;                                                           \
        for (int64_t from = 0; from < n; from += STRETCH) {                                                         \
            const int64_t end = smaller(from + STRETCH, n);                                                         \
            if (stopped_before(run, worker, (end - from) * count, since)) return false;                             \
            for (int64_t i = from; i < end; i++, at += step)                                                        \
                _Pragma("GCC unroll 8") for (int k = 0; k < count; k++) {                                           \
                    const sum_type before = total[k];                                                               \
                    total[k] = (sum_type)OPERATOR(before, TO_SUM(x[k * n + at]));                                   \
                    y[k * n + at] = FROM_SUM(l->exclusive ? before : total[k]);                                     \
                }                                                                                                   \
        }                                                                                                           \
        return true;                                                                                                \
    }                                                                                                               \
    /* Lines beside each other; the result may be the input's own memory. */                                        \
    static inline __attribute__((always_inline)) bool name##_beside(const lines *l, const type *x, type *y,         \
                                                                    const int64_t count, const bool exclusive,      \
                                                                    hl_run *run, int worker) {                      \
        const int64_t step = l->reverse ? -l->inner : l->inner;                                                     \
        sum_type total[STRIP];                                                                                      \
        if (l->reverse) x += (l->length - 1) * l->inner, y += (l->length - 1) * l->inner;                           \
        for (int64_t j = 0; j < count; j++) total[j] = start;                                                       \
        for (int64_t i = 0; i < l->length; i++, x += step, y += step) {                                             \
            if (stopped_at(run, worker, i * STRIP)) return false;                                                   \
            _Pragma("GCC ivdep") for (int64_t j = 0; j < count; j++) {                                              \
                const sum_type before = total[j];                                                                   \
                total[j] = (sum_type)OPERATOR(before, TO_SUM(x[j]));                                                \
                y[j] = FROM_SUM(exclusive ? before : total[j]);                                                     \
            }                                                                                                       \
        }                                                                                                           \
        return true;                                                                                                \
    }                                                                                                               \
    static void name(const lines *l, const char *in, char *out, int64_t outer, int64_t first, int64_t end,          \
                     hl_run *run, int worker) {                                                                     \
        const int64_t base = outer * l->length * l->inner;                                                          \
        const type *x = (const type *)in + base;                                                                    \
        type *y = (type *)out + base;                                                                               \
        if (l->inner == 1) {                                                                                        \
            int64_t line = 0, since = 0;                                                                            \
            /* A sum of integers is there in the next cycle. */                                                     \
            const bool waits = (sum_type)0.5 != 0 || OPERATOR((sum_type)3, (sum_type)3) != (sum_type)6;             \
            for (; waits && line + LINES <= end; line += LINES)                                                     \
                if (!name##_lines(l, x + line * l->length, y + line * l->length, LINES, run, worker, &since)) return; \
            for (; line < end; line++)                                                                              \
                if (!name##_lines(l, x + line * l->length, y + line * l->length, 1, run, worker, &since)) return;   \
            return;                                                                                                 \
        }                                                                                                           \
        for (int64_t from = first; from < end; from += STRIP) {                                                     \
            const int64_t count = smaller(STRIP, end - from);                                                       \
            const bool goes_on = count == 1   ? name##_beside(l, x + from, y + from, 1, l->exclusive, run, worker)  \
                                 : count == 2 ? name##_beside(l, x + from, y + from, 2, l->exclusive, run, worker)  \
                                 : count == 3 ? name##_beside(l, x + from, y + from, 3, l->exclusive, run, worker)  \
                                 : count == 4 ? name##_beside(l, x + from, y + from, 4, l->exclusive, run, worker)  \
                                 : l->exclusive ? name##_beside(l, x + from, y + from, count, true, run, worker)    \
                                                : name##_beside(l, x + from, y + from, count, false, run, worker);  \
            if (!goes_on) return;                                                                                   \
        }                                                                                                           \
    }
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))

/* log(exp(a) + exp(b)) */
#define LOG_ADD(name, type, LOG1P, EXP)                                                 \
    static type name(type a, type b) {                                                  \
        const type larger = a > b ? a : b, less = a > b ? b : a;                        \
        return larger == less ? larger + (type)0.69314718055994530942                   \
                              : larger + LOG1P(EXP(less - larger));                     \
    }
LOG_ADD(log_add_f32, float, log1pf, expf)
LOG_ADD(log_add_f64, double, log1p, exp)

/* The start of a running logarithm of sums is the least number, in place of minus infinity. */
SCAN(cumlogsumexp_f32, float, float, SAME, SAME, -FLT_MAX, log_add_f32)
SCAN(cumlogsumexp_f64, double, double, SAME, SAME, -DBL_MAX, log_add_f64)
SCAN(cumlogsumexp_f16, uint16_t, float, half_to_float, float_to_half, -65504, log_add_f32)

#define SCANS(suffix, type, sum_type, TO_SUM, FROM_SUM)                 \
    SCAN(cumsum_##suffix, type, sum_type, TO_SUM, FROM_SUM, 0, PLUS)    \
    SCAN(cumprod_##suffix, type, sum_type, TO_SUM, FROM_SUM, 1, TIMES)
#define TO_U16(x) ((uint16_t)(x))
#define TO_U8(x) ((uint8_t)(x))
SCANS(f32, float, float, SAME, SAME)
SCANS(f64, double, double, SAME, SAME)
SCANS(f16, uint16_t, float, half_to_float, float_to_half)
SCANS(bf16, uint16_t, float, bfloat_to_float, float_to_bfloat)
SCANS(i64, uint64_t, uint64_t, SAME, SAME)
SCANS(i32, uint32_t, uint32_t, SAME, SAME)
SCANS(i16, uint16_t, uint32_t, SAME, TO_U16)
SCANS(i8, uint8_t, uint32_t, SAME, TO_U8)
SCANS(c64, float complex, float complex, SAME, SAME)
SCANS(c128, double complex, double complex, SAME, SAME)

/* ---- running ---- */

typedef struct lines_task { const lines *l; int64_t lines; const char *in; char *out; hl_run *run; } lines_task;

static void run_task(void *argument, int64_t chunk, int worker) {
    const lines_task *task = argument;
    const lines *l = task->l;
    int64_t line = chunk * task->lines;
    const int64_t end = smaller(line + task->lines, l->outer * l->inner);
    if (l->inner == 1) {
        if (line < end) l->fn(l, task->in, task->out, line, 0, end - line, task->run, worker);
        return;
    }
    while (line < end) {
        const int64_t outer = line / l->inner, first = line % l->inner, stop = smaller(l->inner, first + end - line);
        l->fn(l, task->in, task->out, outer, first, stop, task->run, worker);
        line += stop - first;
    }
}

static hl_status lines_run(const hl_instr *ins, hl_run *run) {
    const lines *l = ins->p[2].p;
    lines_task task = {l, l->lines_per_task, ins->arg[0], ins->arg[1], run};
    const int64_t share = (l->inner + run->threads - 1) / run->threads; /* lines beside each other want to be many */
    const int64_t wanted = smaller(l->inner, share < PART ? PART : smaller(share, STRIP));
    if (l->inner > 1 && task.lines < wanted) task.lines = wanted;
    hl_parallel(run, (l->outer * l->inner + task.lines - 1) / task.lines, l->cost_ns, run_task, &task);
    return HL_OK;
}

/* ---- preparing ---- */

static void set_lines(hl_prepare *prep, const hl_tensor *in, int64_t axis, double element_ns, hl_run_fn fn) {
    lines *l = prep->params;
    l->outer = l->inner = l->length = 1;
    for (int i = 0; i < in->rank; i++) {
        if (i < axis) l->outer *= in->dims[i];
        else if (i > axis) l->inner *= in->dims[i];
        else l->length = in->dims[i];
    }
    const int64_t count = l->outer * l->inner;
    prep->ins->fn = count > 0 ? fn : hl_run_nothing;
    l->cost_ns = prep->cost_ns = 10 + (double)count * (5 + element_ns * (double)l->length);
    if (count == 0) return;
    const int64_t wanted = (int64_t)(l->cost_ns / TASK_NS) + 1;
    l->lines_per_task = (count + wanted - 1) / wanted;
}

static hl_status refuse_no_line(hl_prepare *prep, const hl_tensor *in) {
    char shape[HL_MAX_RANK * 21 + 1];
    int at = 0;
    for (int i = 0; i < in->rank; i++)
        at += snprintf(shape + at, sizeof shape - (size_t)at, i ? ",%lld" : "%lld", (long long)in->dims[i]);
    return hl_refuse(prep, HL_INVALID_ARGUMENT, "Reduction axis %lld is empty in shape [%s]", (long long)prep->attr[0].i, shape);
}

/* Attribute: the axis. */
static hl_status arg_prepare(hl_prepare *prep, bool max) {
    const hl_tensor *in = prep->in[0];
    lines *l = prep->params;
    *l = (lines){.wide_index = prep->out[0]->dtype == HL_INT64};
    switch (in->dtype) {
#define CASE(dtype, suffix) case dtype: l->fn = max ? argmax_##suffix : argmin_##suffix; break
    CASE(HL_FLOAT32, f32); CASE(HL_FLOAT64, f64); CASE(HL_FLOAT16, f16); CASE(HL_BFLOAT16, bf16); CASE(HL_INT64, i64);
    CASE(HL_INT32, i32); CASE(HL_INT16, i16); CASE(HL_INT8, i8); CASE(HL_UINT64, u64); CASE(HL_UINT32, u32);
    CASE(HL_UINT16, u16); CASE(HL_UINT8, u8);
#undef CASE
    default: return hl_no_kernel(prep, max ? "argmax" : "argmin");
    }
    set_lines(prep, in, prep->attr[0].i, 1, lines_run);
    if (l->length == 0) return refuse_no_line(prep, in);
    return HL_OK;
}
static hl_status argmax_prepare(hl_prepare *prep) { return arg_prepare(prep, true); }
static hl_status argmin_prepare(hl_prepare *prep) { return arg_prepare(prep, false); }

/* Attributes: the axis, exclusive, reverse. */
static hl_status scan_prepare(hl_prepare *prep, bool sum) {
    const hl_tensor *in = prep->in[0];
    lines *l = prep->params;
    *l = (lines){.exclusive = prep->attr[1].i, .reverse = prep->attr[2].i};
    switch (in->dtype) {
#define CASE(dtype, suffix) case dtype: l->fn = sum ? cumsum_##suffix : cumprod_##suffix; break
    CASE(HL_FLOAT32, f32); CASE(HL_FLOAT64, f64); CASE(HL_FLOAT16, f16); CASE(HL_BFLOAT16, bf16); CASE(HL_INT64, i64);
    CASE(HL_UINT64, i64); CASE(HL_INT32, i32); CASE(HL_UINT32, i32); CASE(HL_INT16, i16); CASE(HL_UINT16, i16);
    CASE(HL_INT8, i8); CASE(HL_UINT8, i8); CASE(HL_COMPLEX64, c64); CASE(HL_COMPLEX128, c128);
#undef CASE
    default: return hl_no_kernel(prep, sum ? "cumsum" : "cumprod");
    }
    set_lines(prep, in, prep->attr[0].i, 1.5, lines_run);
    return HL_OK;
}
static hl_status cumlogsumexp_prepare(hl_prepare *prep) {
    lines *l = prep->params;
    *l = (lines){.exclusive = prep->attr[1].i, .reverse = prep->attr[2].i};
    switch (prep->in[0]->dtype) {
    case HL_FLOAT32: l->fn = cumlogsumexp_f32; break;
    case HL_FLOAT64: l->fn = cumlogsumexp_f64; break;
    case HL_FLOAT16: l->fn = cumlogsumexp_f16; break;
    default: return hl_no_kernel(prep, "cumulative_logsumexp");
    }
    set_lines(prep, prep->in[0], prep->attr[0].i, 15, lines_run);
    return HL_OK;
}

static hl_status cumsum_prepare(hl_prepare *prep) { return scan_prepare(prep, true); }
static hl_status cumprod_prepare(hl_prepare *prep) { return scan_prepare(prep, false); }

/* predictions float32[rows, classes], targets, k -> bool[rows]. */
static hl_status in_top_k_run(const hl_instr *ins, hl_run *run) {
    const int64_t rows = ins->p[0].i, classes = ins->p[1].i;
    const bool wide_targets = ins->p[2].i & 1, wide_k = ins->p[2].i & 2;
    const float *x = ins->arg[0];
    const int64_t k = wide_k ? *(const int64_t *)ins->arg[2] : *(const int32_t *)ins->arg[2];
    bool *out = ins->arg[3];
    for (int64_t row = 0; row < rows; row++, x += classes) {
        if ((classes >= 1024 || (row & 1023) == 0) && hl_is_stopped(run)) return run->stopped;
        const int64_t target = wide_targets ? ((const int64_t *)ins->arg[1])[row] : ((const int32_t *)ins->arg[1])[row];
        int32_t larger = 0, unfit = target < 0 || target >= classes;
        for (int64_t from = 0; !unfit && from < classes; from += TOP_BLOCK) {
            const int64_t end = smaller(from + TOP_BLOCK, classes);
            if (from > 0 && hl_is_stopped_at(run, from)) return run->stopped;
            for (int64_t i = from; i < end; i++) {
                unfit |= !(fabsf(x[i]) <= FLT_MAX);
                larger += x[i] > x[target];
            }
        }
        out[row] = !unfit && larger < k;
    }
    return HL_OK;
}

static hl_status in_top_k_prepare(hl_prepare *prep) {
    prep->ins->p[0].i = prep->in[0]->dims[0];
    prep->ins->p[1].i = prep->in[0]->dims[1];
    prep->ins->p[2].i = (prep->in[1]->dtype == HL_INT64) | (prep->in[2]->dtype == HL_INT64) << 1;
    prep->ins->fn = in_top_k_run;
    prep->cost_ns = 10 + (double)prep->in[0]->size;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"argmax", argmax_prepare, sizeof(lines)},   {"argmin", argmin_prepare, sizeof(lines)},
    {"cumsum", cumsum_prepare, sizeof(lines)},   {"cumprod", cumprod_prepare, sizeof(lines)},
    {"cumlogsumexp", cumlogsumexp_prepare, sizeof(lines)},
    {"in_top_k", in_top_k_prepare, 0},
};
HL_FAMILY(order, table);
