/* Unsorted segments: (data, segment numbers) -> out, rows with equal numbers reduced to one; a negative number drops its row. */
#include <float.h>
#include <string.h>

#include "complex_types.h"
#include "elementwise_types.h"
#include "plan.h"
#include "pool.h"
#include "row_indices.h"
#include "segment_rows.h"

enum { NEAR_BYTES = 1 << 18 /* of a result that the second cache keeps */ };

typedef struct segment_params segment_params;

/* What is done for one type: n elements become the value of a segment without rows; rows of a list, or, where that is NULL, those
 * from `from` on go where their numbers say. */
typedef struct segment_op {
    void (*fill)(void *out, int64_t n);
    void (*take)(const segment_params *p, const hl_instr *ins, const int64_t *row, int64_t from, int64_t count);
} segment_op;

struct segment_params {
    int64_t rows, row, segments, size; /* row: elements of one, each of `size` bytes */
    bool wide;
    segment_op op;
    double cost_ns;
};

typedef struct segment_job {
    const segment_params *p;
    const hl_instr *ins;
    hl_run *run;
    int64_t parts;
    int64_t bound[MOST_PARTS + 1]; /* rows of ascending numbers */
} segment_job;

/* Gives segments the value of one without rows. False where the run is to stop. */
static bool fill_segments(const segment_job *job, int64_t first, int64_t end, int worker) {
    const segment_params *p = job->p;
    if (p->row == 0) return true; /* of rows without elements there may be any number */
    const int64_t whole = 1 + LOOK_ELEMENTS / (p->row + 1);
    for (int64_t place = first; place < end; place += whole) {
        const int64_t count = end - place < whole ? end - place : whole;
        p->op.fill((char *)job->ins->arg[2] + place * p->row * p->size, count * p->row);
        if (count == whole && hl_is_stopped_for(job->run, worker)) return false;
    }
    return true;
}

/* Some rows of ascending numbers, and the segments from the first row's to before the next part's. */
static void sorted_chunk(void *argument, int64_t chunk, int worker) {
    const segment_job *job = argument;
    const segment_params *p = job->p;
    const void *numbers = job->ins->arg[1];
    const int64_t first = job->bound[chunk], last = job->bound[chunk + 1], together = 1 + LOOK_ELEMENTS / (p->row + 1);
    const int64_t place = chunk ? segment_from(numbers, p->wide, first) : 0;
    const int64_t behind = chunk + 1 < job->parts ? segment_from(numbers, p->wide, last) : p->segments;
    if (!fill_segments(job, place, behind, worker)) return;
    for (int64_t from = first; from < last; from += together) {
        if (from > first && hl_is_stopped_for(job->run, worker)) return;
        p->op.take(p, job->ins, NULL, from, last - from < together ? last - from : together);
    }
}

/* Numbers in any order, on one thread: parts of the segments or of the columns take two threads longer, as each reads what the other
 * needs too. */
static hl_status run_any_order(const segment_job *job, bool drops) {
    const segment_params *p = job->p;
    int64_t look = 0, found[FOUND_ROWS];
    if (!fill_segments(job, 0, p->segments, 0)) return job->run->stopped;
    for (int64_t from = 0; from < p->rows; from += FOUND_ROWS) {
        const int64_t n = p->rows - from < FOUND_ROWS ? p->rows - from : FOUND_ROWS;
        if (look >= LOOK_ELEMENTS && (look = 0, hl_is_stopped(job->run))) return job->run->stopped;
        if (drops) p->op.take(p, job->ins, found, from, find_rows(job->ins->arg[1], p->wide, from, n, 0, p->segments, found));
        else p->op.take(p, job->ins, NULL, from, n);
        look += n * (p->row + 1);
    }
    return HL_OK;
}

/* The largest number; and whether one is negative. */
#define LARGEST(T)                                                                     \
    static int64_t largest_##T(const T *numbers, int64_t rows, bool *is_negative) {    \
        T most = -1, signs = 0;                                                        \
        for (int64_t i = 0; i < rows; i++) {                                           \
            most = numbers[i] > most ? numbers[i] : most;                              \
            signs |= numbers[i];                                                       \
        }                                                                              \
        *is_negative = signs < 0;                                                      \
        return most;                                                                   \
    }
LARGEST(int32_t)
LARGEST(int64_t)

static hl_status refuse_number(const segment_params *p, const void *numbers, hl_run *run) {
    int64_t i = 0;
    while (i + 1 < p->rows && index_at(numbers, p->wide, i) < p->segments) i++;
    return hl_fail(run, HL_INVALID_ARGUMENT, "segment_ids[%lld] = %lld is out of range [0, %lld)", (long long)i,
                   (long long)index_at(numbers, p->wide, i), (long long)p->segments);
}

static hl_status run_segment(const hl_instr *ins, hl_run *run) {
    const segment_params *p = ins->p[2].p;
    const void *numbers = ins->arg[1];
    bool drops;
    const int64_t most = p->wide ? largest_int64_t(numbers, p->rows, &drops) : largest_int32_t(numbers, p->rows, &drops);
    if (most >= p->segments) return refuse_number(p, numbers, run);
    segment_job job = {.p = p, .ins = ins, .run = run};
    if (!is_ascending(numbers, p->wide, p->rows)) return run_any_order(&job, drops);
    int64_t first = 0;
    while (first < p->rows && index_at(numbers, p->wide, first) < 0) first++;
    job.parts = parts_for(hl_threads_for(run, p->cost_ns));
    part_sorted_rows(numbers, p->wide, first, p->rows, job.parts, job.bound);
    hl_parallel(run, job.parts, p->cost_ns, sorted_chunk, &job);
    return HL_OK;
}

#define TAKE_ROWS(S, C, LOAD, STORE, EXPR, n, ROW)                                                                \
    for (int64_t i = 0; i < count; i++) {                                                                         \
        S *restrict to = out + index_at(ins->arg[1], p->wide, ROW(i)) * (n);                                      \
        const S *restrict in = data + ROW(i) * (n);                                                               \
        const int64_t coming = ROW((i + AHEAD_ROWS < count ? i + AHEAD_ROWS : i));                                          \
        if (far) __builtin_prefetch(out + index_at(ins->arg[1], p->wide, coming) * (n), 1);                       \
        _Pragma("GCC ivdep") for (int64_t k = 0; k < (n); k++) to[k] = (S)STORE((C)(EXPR(LOAD(to[k]), LOAD(in[k])))); \
    }
#define LISTED(i) row[i]
#define FOLLOWING(i) (from + (i))

#define SEGMENT(tag, dtype, S, C, LOAD, STORE, op, START, EXPR)                                                       static void fill_##op##_##tag(void *out, int64_t n) {                                                                 const S start = (S)STORE((C)(START));                                                                             for (int64_t i = 0; i < n; i++) ((S *)out)[i] = start;                                                        }                                                                                                                 static void take_##op##_##tag(const segment_params *p, const hl_instr *ins, const int64_t *row, int64_t from, int64_t count) { \
        const S *data = ins->arg[0];                                                                              \
        S *out = ins->arg[2];                                                                                     \
        const bool far = p->segments * p->row * (int64_t)sizeof(S) > NEAR_BYTES;                                  \
        if (p->row == 1 && !row) TAKE_ROWS(S, C, LOAD, STORE, EXPR, 1, FOLLOWING)                                 \
        else if (!row) TAKE_ROWS(S, C, LOAD, STORE, EXPR, p->row, FOLLOWING)                                      \
        else TAKE_ROWS(S, C, LOAD, STORE, EXPR, p->row, LISTED)                                                   \
    }
#define ADD(x, y) ((x) + (y))
#define MULTIPLY(x, y) ((x) * (y))
#define LARGER(x, y) ((x) > (y) ? (x) : (y)) /* a NaN is taken, and the number behind it takes its place, as in TensorFlow */
#define SMALLER(x, y) ((x) < (y) ? (x) : (y))
EACH_NUMBER(SEGMENT, sum, 0, ADD)
EACH_COMPLEX(SEGMENT, sum, 0, ADD)
EACH_NUMBER(SEGMENT, prod, 1, MULTIPLY)
EACH_COMPLEX(SEGMENT, prod, 1, MULTIPLY)
EACH_WIDE_FLOAT(SEGMENT, max, sizeof start == 8 ? -DBL_MAX : -FLT_MAX, LARGER)
EACH_WIDE_FLOAT(SEGMENT, min, sizeof start == 8 ? DBL_MAX : FLT_MAX, SMALLER)
SEGMENT(f16, HL_FLOAT16, uint16_t, float, half_to_float, float_to_half, max, -65504, LARGER)
SEGMENT(f16, HL_FLOAT16, uint16_t, float, half_to_float, float_to_half, min, 65504, SMALLER)
#define BFLOAT_MAX bfloat_to_float(0x7f7f)
SEGMENT(bf16, HL_BFLOAT16, uint16_t, float, bfloat_to_float, float_to_bfloat, max, -BFLOAT_MAX, LARGER)
SEGMENT(bf16, HL_BFLOAT16, uint16_t, float, bfloat_to_float, float_to_bfloat, min, BFLOAT_MAX, SMALLER)
#define LOWEST(S) (!((S)-1 > 0) ? (S)((uint64_t)1 << (8 * sizeof(S) - 1)) : (S)0)
#define HIGHEST(S) ((S) ~LOWEST(S))
#define SEGMENT_MAX(tag, dtype, S, C, LOAD, STORE, op) SEGMENT(tag, dtype, S, C, LOAD, STORE, op, LOWEST(S), LARGER)
#define SEGMENT_MIN(tag, dtype, S, C, LOAD, STORE, op) SEGMENT(tag, dtype, S, C, LOAD, STORE, op, HIGHEST(S), SMALLER)
EACH_INT(SEGMENT_MAX, max)
EACH_INT(SEGMENT_MIN, min)

static hl_status run_only_fill(const hl_instr *ins, hl_run *run) {
    const segment_params *p = ins->p[2].p;
    (void)run;
    p->op.fill(ins->arg[2], p->segments * p->row);
    return HL_OK;
}

static void prepare_segment(hl_prepare *prep) {
    segment_params *p = prep->params;
    p->rows = prep->in[1]->size;
    p->segments = prep->out[0]->dims[0];
    p->row = p->rows ? prep->in[0]->size / p->rows : p->segments ? prep->out[0]->size / p->segments : 0;
    p->size = (int64_t)hl_dtype_size(prep->out[0]->dtype);
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->cost_ns = prep->cost_ns = (double)p->rows * 1.5 + (double)prep->in[0]->size * 0.15 + (double)prep->out[0]->size * 0.1 + 5;
    prep->ins->fn = prep->in[0]->size ? run_segment : run_only_fill; /* numbers of rows without elements are not looked at */
}

#define CASE(tag, dtype, S, C, LOAD, STORE, name) \
    case dtype: p->op = (segment_op){fill_##name##_##tag, take_##name##_##tag}; return HL_OK;
#define PREPARE_SEGMENT(op, EACH)                         \
    static hl_status prepare_##op(hl_prepare *prep) {    \
        segment_params *p = prep->params;                \
        prepare_segment(prep);                           \
        switch (prep->out[0]->dtype) {                   \
            EACH(CASE, op)                               \
        default: return hl_no_kernel(prep, NULL);        \
        }                                                \
    }
#define EACH_FIELD_NUMBER(X, ...) EACH_NUMBER(X, __VA_ARGS__) EACH_COMPLEX(X, __VA_ARGS__)
PREPARE_SEGMENT(sum, EACH_FIELD_NUMBER)
PREPARE_SEGMENT(prod, EACH_FIELD_NUMBER)
PREPARE_SEGMENT(max, EACH_NUMBER)
PREPARE_SEGMENT(min, EACH_NUMBER)

static const hl_kernel table[] = {
    {"unsorted_segment_sum", prepare_sum, sizeof(segment_params)},
    {"unsorted_segment_prod", prepare_prod, sizeof(segment_params)},
    {"unsorted_segment_max", prepare_max, sizeof(segment_params)},
    {"unsorted_segment_min", prepare_min, sizeof(segment_params)},
};

HL_FAMILY(unsorted_segment, table);
