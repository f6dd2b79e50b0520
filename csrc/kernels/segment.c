/* Sorted segments: rows with equal, ascending numbers reduced to one; also of rows picked by index. */
#include <math.h>
#include <string.h>

#include "complex_types.h"
#include "elementwise_types.h"
#include "plan.h"
#include "rows.h"
#include "segment_numbers.h"
#include "segment_rows.h"
#include "segment_vectors.h"
#include "stretches.h"

/* What the attribute of segment_reduce says; ops/segment.py has the same numbers. */
enum { SUM, MEAN, SQRT_N, PROD, MAX, MIN };

/* What is done for one type: rows that follow each other, or those of some indices, go into one; n elements are divided by what the
 * number of a segment's rows makes. */
typedef struct sorted_op {
    void (*combine)(void *to, const void *data, int64_t rows, int64_t n);
    void (*combine_picked)(void *to, const void *data, const void *indices, bool wide, int64_t rows, int64_t n);
    void (*divide)(void *to, int64_t n, double divisor);
    fold_numbers numbers; /* of rows of one element, or NULL */
    take_segment take;    /* or NULL */
} sorted_op;

typedef struct sorted_params {
    int64_t rows, row, segments, limit; /* rows to reduce, elements of one, rows out, rows of data */
    int64_t row_bytes;
    int64_t reg;
    int kind;
    bool wide, wide_index, picked;      /* picked: there is an operand of row indices */
    sorted_op op;
    bool starts_anew;                   /* the first of several rows is combined with `one` too */
    char one[16];                       /* of the type: a product without rows, or below or above all numbers */
    double cost_ns;
} sorted_params;

static int64_t read_number(const void *numbers, bool wide, int64_t i) {
    return wide ? ((const int64_t *)numbers)[i] : ((const int32_t *)numbers)[i];
}

/* segment_count: (numbers) -> the register gets the last number + 1. */
static hl_status run_segment_count(const hl_instr *ins, hl_run *run) {
    const sorted_params *p = ins->p[2].p;
    const int64_t last = p->rows ? read_number(ins->arg[0], p->wide, p->rows - 1) : -1;
    run->regs[p->reg] = last < 0 ? 0 : last + 1;
    return HL_OK;
}

static hl_status prepare_segment_count(hl_prepare *prep) {
    sorted_params *p = prep->params;
    p->rows = prep->in[0]->size;
    p->wide = prep->in[0]->dtype == HL_INT64;
    p->reg = prep->attr[0].i;
    prep->cost_ns = 3;
    prep->ins->fn = run_segment_count;
    return HL_OK;
}

/* The last number, which tells how many segments there are unless that is given. */
static hl_status check_last(const sorted_params *p, const void *numbers, hl_run *run) {
    const int64_t last = p->rows ? read_number(numbers, p->wide, p->rows - 1) : 0;
    if (last < 0) return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids must be >= 0");
    if (p->rows && last >= p->segments) return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids must be < num_segments");
    return HL_OK;
}

/* What stops a reduction at a row: an unfit number, or that the run is to stop. */
static hl_status check_row(const sorted_params *p, const void *numbers, const void *indices, int64_t i, hl_run *run) {
    if ((p->row >= 1024 || (i & 1023) == 0) && hl_is_stopped(run)) return run->stopped;
    const int64_t number = read_number(numbers, p->wide, i);
    if (i && number < read_number(numbers, p->wide, i - 1))
        return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids are not increasing");
    if (number < 0 || number >= p->segments) {
        int64_t next = i; /* the order is looked at before the range, segment by segment */
        while (next < p->rows && read_number(numbers, p->wide, next) == number) next++;
        if (next < p->rows && read_number(numbers, p->wide, next) < number)
            return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids are not increasing");
        return hl_fail(run, HL_INVALID_ARGUMENT, "Segment id %lld out of range [0, %lld), possibly because 'segment_ids' input "
                       "is not sorted.", (long long)number, (long long)p->segments);
    }
    if (p->picked) {
        const int64_t index = read_number(indices, p->wide_index, i);
        if (index < 0 || index >= p->limit)
            return hl_fail(run, HL_INVALID_ARGUMENT, "Bad: indices[%lld] == %lld out of range [0, %lld)", (long long)i,
                           (long long)index, (long long)p->limit);
    }
    return HL_OK;
}

/* The row of a gradient that goes to another row: the numbers of segments may come in any order here. */
static hl_status check_spread(const sorted_params *p, const void *numbers, const void *indices, int64_t i, hl_run *run) {
    if ((p->row >= 1024 || (i & 1023) == 0) && hl_is_stopped(run)) return run->stopped;
    const int64_t number = read_number(numbers, p->wide, i), index = read_number(indices, p->wide_index, i);
    if (number < 0 || number >= p->segments)
        return hl_fail(run, HL_INVALID_ARGUMENT, "Segment id %lld out of range [0, %lld).", (long long)number,
                       (long long)p->segments);
    if (index < 0 || index >= p->limit)
        return hl_fail(run, HL_INVALID_ARGUMENT, "Index %lld out of range [0, %lld).", (long long)index, (long long)p->limit);
    return HL_OK;
}

/* What stops a reduction, looked for where something does not fit. */
static hl_status refuse_rows(const sorted_params *p, const void *numbers, const void *indices, hl_run *run) {
    for (int64_t i = 0; i < p->rows; i++) {
        const hl_status status = check_row(p, numbers, indices, i, run);
        if (status != HL_OK) return status;
    }
    return hl_fail(run, HL_INVALID_ARGUMENT, "segment ids are not increasing");
}

typedef struct sorted_job {
    const sorted_params *p;
    const void *data, *numbers, *indices;
    char *out;
    hl_run *run;
    int64_t parts;
    int64_t bound[MOST_PARTS + 1]; /* rows, each the first of a segment */
} sorted_job;

/* Fills memory with what its first bytes become. */
static void repeat_one(char *to, const char *one, int64_t size, int64_t bytes) {
    memcpy(to, one, (size_t)size);
    for (int64_t done = size; done < bytes; done *= 2) memcpy(to + done, to, (size_t)(bytes - done < done ? bytes - done : done));
}

/* Segments without rows: zeros, or ones of a product. */
static bool fill_empty(const sorted_job *job, int64_t first, int64_t end, int worker) {
    const sorted_params *p = job->p;
    if (p->row == 0) return true; /* of rows without elements there may be any number */
    const int64_t whole = 1 + LOOK_ELEMENTS / (p->row + 1), size = p->row_bytes / p->row;
    for (int64_t place = first; place < end; place += whole) {
        const int64_t count = end - place < whole ? end - place : whole;
        char *to = job->out + place * p->row_bytes;
        if (p->kind != PROD) memset(to, 0, (size_t)(count * p->row_bytes));
        else repeat_one(to, p->one, size, count * p->row_bytes);
        if (count == whole && hl_is_stopped_for(job->run, worker)) return false;
    }
    return true;
}

static inline const char *row_at(const sorted_job *job, int64_t i) {
    const sorted_params *p = job->p;
    return (const char *)job->data + (p->picked ? read_number(job->indices, p->wide_index, i) : i) * p->row_bytes;
}

static void divide_segment(const sorted_params *p, int64_t rows, char *to) {
    if (rows > 1 && (p->kind == MEAN || p->kind == SQRT_N)) p->op.divide(to, p->row, p->kind == MEAN ? (double)rows : sqrt((double)rows));
}

/* Rows from `first` to before `end`, all of one segment. False where the run is to stop. */
static bool reduce_segment(const sorted_job *job, int64_t first, int64_t end, char *to, int worker) {
    const sorted_params *p = job->p;
    const int64_t together = 1 + LOOK_ELEMENTS / (p->row + 1);
    if (p->picked) ask_for_row(row_at(job, first + AHEAD_ROWS < p->rows ? first + AHEAD_ROWS : first), p->row_bytes);
    const bool anew = p->starts_anew && end - first > 1;
    if (anew)
        repeat_one(to, p->one, p->row_bytes / p->row, p->row_bytes);
    else
        copy_row(to, row_at(job, first), p->row_bytes);
    for (int64_t from = first + !anew; from < end; from += together) {
        const int64_t count = end - from < together ? end - from : together;
        if (p->picked)
            p->op.combine_picked(to, job->data, (const char *)job->indices + from * (p->wide_index ? 8 : 4), p->wide_index, count, p->row);
        else
            p->op.combine(to, row_at(job, from), count, p->row);
        if (count == together && hl_is_stopped_for(job->run, worker)) return false;
    }
    divide_segment(p, end - first, to);
    return true;
}

/* The rows from `first` on that have its number, in registers: where they end, or -1 where the run is to stop. */
static int64_t take_whole_segment(const sorted_job *job, const segment_source *source, int64_t first, int64_t last, char *to, int worker) {
    const sorted_params *p = job->p;
    const int64_t together = 1 + LOOK_ELEMENTS / (p->row + 1);
    int64_t end = first;
    for (;;) {
        const int64_t most = last - end < together ? last : end + together;
        end = p->op.take(source, end, most, end > first, to);
        if (end < most || end == last || read_number(job->numbers, p->wide, end) != read_number(job->numbers, p->wide, first)) break;
        if (hl_is_stopped_for(job->run, worker)) return -1;
    }
    divide_segment(p, end - first, to);
    return end;
}

/* A part's segments where rows are single numbers. */
static void numbers_chunk(const sorted_job *job, int64_t chunk, int worker) {
    const sorted_params *p = job->p;
    const segment_source source = {job->data, job->numbers, job->indices, p->wide, p->wide_index, p->row, p->rows};
    const int64_t begin = job->bound[chunk], last = job->bound[chunk + 1];
    const int64_t place = chunk ? segment_from(job->numbers, p->wide, begin) : 0;
    const int64_t places_end = chunk + 1 < job->parts ? segment_from(job->numbers, p->wide, last) : p->segments;
    int64_t bound[TURNS + 1];
    if (places_end > place && !fill_empty(job, place, places_end, worker)) return;
    part_sorted_rows(job->numbers, p->wide, begin, last, TURNS, bound);
    (void)p->op.numbers(&source, bound, job->out, job->run, worker);
}

/* The segments of some rows, and those without rows before and behind each, put together in registers. */
static void take_chunk(const sorted_job *job, int64_t chunk, int worker) {
    const sorted_params *p = job->p;
    const segment_source source = {job->data, job->numbers, job->indices, p->wide, p->wide_index, p->row, p->rows};
    const int64_t last = job->bound[chunk + 1];
    int64_t place = chunk ? segment_from(job->numbers, p->wide, job->bound[chunk]) : 0, look = 0;
    for (int64_t first = job->bound[chunk], end; first < last; first = end) {
        const int64_t number = read_number(job->numbers, p->wide, first);
        if (number > place && !fill_empty(job, place, number, worker)) return;
        end = take_whole_segment(job, &source, first, last, job->out + number * p->row_bytes, worker);
        if (end < 0) return;
        place = number + 1;
        look += (end - first) * (p->row + 1);
        if (look >= LOOK_ELEMENTS && (look = 0, hl_is_stopped_for(job->run, worker))) return;
    }
    (void)fill_empty(job, place, chunk + 1 < job->parts ? segment_from(job->numbers, p->wide, last) : p->segments, worker);
}

/* The same of any type and any length of rows. */
static void reduce_chunk(void *argument, int64_t chunk, int worker) {
    const sorted_job *job = argument;
    const sorted_params *p = job->p;
    const int64_t last = job->bound[chunk + 1];
    if (p->op.numbers) {
        numbers_chunk(job, chunk, worker);
        return;
    }
    if (p->op.take) {
        take_chunk(job, chunk, worker);
        return;
    }
    int64_t place = chunk ? segment_from(job->numbers, p->wide, job->bound[chunk]) : 0, look = 0;
    for (int64_t first = job->bound[chunk], end; first < last; first = end) {
        const int64_t number = read_number(job->numbers, p->wide, first);
        for (end = first + 1; end < last && read_number(job->numbers, p->wide, end) == number;) end++;
        if (number > place && !fill_empty(job, place, number, worker)) return;
        if (!reduce_segment(job, first, end, job->out + number * p->row_bytes, worker)) return;
        place = number + 1;
        look += (end - first) * (p->row + 1);
        if (look >= LOOK_ELEMENTS && (look = 0, hl_is_stopped_for(job->run, worker))) return;
    }
    (void)fill_empty(job, place, chunk + 1 < job->parts ? segment_from(job->numbers, p->wide, last) : p->segments, worker);
}

/* (data, numbers) or (data, numbers, row indices) -> out; a segment without rows is 0, a product 1. */
static hl_status run_segment_reduce(const hl_instr *ins, hl_run *run) {
    const sorted_params *p = ins->p[2].p;
    sorted_job job = {.p = p, .data = ins->arg[0], .numbers = ins->arg[1], .indices = p->picked ? ins->arg[2] : NULL,
                      .out = ins->arg[p->picked ? 3 : 2], .run = run};
    if (check_last(p, job.numbers, run) != HL_OK) return HL_INVALID_ARGUMENT;
    if (p->rows && (read_number(job.numbers, p->wide, 0) < 0 || !is_ascending(job.numbers, p->wide, p->rows) ||
                    (p->picked && first_unfit(job.indices, p->wide_index, p->rows, p->limit) >= 0)))
        return refuse_rows(p, job.numbers, job.indices, run);
    job.parts = parts_for(hl_threads_for(run, p->cost_ns));
    part_sorted_rows(job.numbers, p->wide, 0, p->rows, job.parts, job.bound);
    hl_parallel(run, job.parts, p->cost_ns, reduce_chunk, &job);
    return HL_OK;
}

enum {
    TOGETHER = 16, /* elements of a row: of so many a sum stays in registers while the rows of a segment are gone through */
    LONG_ROW = 64  /* elements of one from which on row after row is taken */
};

/* The first elements of rows that follow each other; `begin` becomes the first that is left. */
#define HOLD_ROWS(S, EXPR)                                                                                        \
    for (; n < LONG_ROW && begin + TOGETHER <= n; begin += TOGETHER) {                                            \
        S held[TOGETHER];                                                                                         \
        memcpy(held, to + begin, sizeof held);                                                                    \
        for (int64_t r = 0; r < rows; r++)                                                                        \
            for (int k = 0; k < TOGETHER; k++) {                                                                  \
                const S a = held[k], b = data[r * n + begin + k];                                                 \
                held[k] = (EXPR);                                                                                 \
            }                                                                                                     \
        memcpy(to + begin, held, sizeof held);                                                                    \
    }                                                                                                             \
    if (begin == n) return;

/* Rows into one: n elements of each, in the rows' order. ROW is where row r is, EXPR what a and b of it become. */
#define COMBINE_ROWS(S, EXPR, ROW)                                                                                \
    if (n == 1) {                                                                                                 \
        S a = *to;                                                                                                \
        for (int64_t r = 0; r < rows; r++) {                                                                      \
            const S b = *(ROW);                                                                                   \
            a = (EXPR);                                                                                           \
        }                                                                                                         \
        *to = a;                                                                                                  \
        return;                                                                                                   \
    }                                                                                                             \
    for (int64_t r = 0; r < rows; r++) {                                                                          \
        const S *restrict row = (ROW);                                                                            \
        _Pragma("GCC ivdep") for (int64_t k = begin; k < n; k++) {                                                \
            const S a = to[k], b = row[k];                                                                        \
            to[k] = (EXPR);                                                                                       \
        }                                                                                                         \
    }
#define HOLD_NOTHING(S, EXPR)
#define COMBINE(name, S, EXPR, HOLD)                                                                              \
    static void name(void *out, const void *in, int64_t rows, int64_t n) {                                        \
        S *restrict to = out;                                                                                     \
        const S *restrict data = in;                                                                              \
        int64_t begin = 0;                                                                                        \
        HOLD(S, EXPR)                                                                                             \
        COMBINE_ROWS(S, EXPR, data + r * n)                                                                       \
    }
#define COMBINE_PICKED(name, S, EXPR)                                                                             \
    static void name(void *out, const void *in, const void *indices, bool wide, int64_t rows, int64_t n) {        \
        S *restrict to = out;                                                                                     \
        const S *restrict data = in;                                                                              \
        const int64_t begin = 0;                                                                                  \
        COMBINE_ROWS(S, EXPR, data + read_number(indices, wide, r) * n)                                           \
    }
#define SEGMENT_SUM(tag, dtype, S, C, LOAD, STORE, unused)                                                        \
    COMBINE(add_rows_##tag, S, (S)STORE((C)(LOAD(a) + LOAD(b))), HOLD_ROWS)                                       \
    COMBINE_PICKED(add_picked_##tag, S, (S)STORE((C)(LOAD(a) + LOAD(b))))                                         \
    COMBINE(multiply_rows_##tag, S, (S)STORE((C)(LOAD(a) * LOAD(b))), HOLD_ROWS)                                  \
    static void divide_##tag(void *out, int64_t n, double divisor) {                                              \
        S *to = out;                                                                                              \
        for (int64_t k = 0; k < n; k++) to[k] = (S)STORE((C)(LOAD(to[k]) / (C)divisor));                          \
    }                                                                                                             \
    static void set_one_##tag(char *one) {                                                                        \
        const S value = (S)STORE((C)1);                                                                           \
        memcpy(one, &value, sizeof value);                                                                        \
    }
#define SEGMENT_LARGEST(tag, dtype, S, C, LOAD, STORE, HOLD)                                                      \
    COMBINE(largest_of_rows_##tag, S, LOAD(b) > LOAD(a) ? b : a, HOLD)                                            \
    COMBINE(least_of_rows_##tag, S, LOAD(a) > LOAD(b) ? b : a, HOLD)
EACH_NUMBER(SEGMENT_SUM, 0)
EACH_COMPLEX(SEGMENT_SUM, 0)
EACH_INT(SEGMENT_LARGEST, HOLD_NOTHING)
EACH_HALF(SEGMENT_LARGEST, HOLD_ROWS) /* what is held is converted by vectors */

static void choose_take(sorted_params *p, hl_dtype dtype) {
    const int fold = p->kind <= SQRT_N ? FOLD_SUM : p->kind == MAX ? FOLD_LARGEST : FOLD_LEAST;
    if (p->kind == PROD) return;
    if (dtype == HL_FLOAT32) p->op.take = take_of_f32(fold, p->picked, p->row);
    if (dtype == HL_FLOAT64) p->op.take = take_of_f64(fold, p->picked, p->row);
}

/* Rows of one element. Of long segments only sums of rows that follow each other are made so: others take longer for a number than its
 * turn saves there. */
static void choose_numbers(sorted_params *p, hl_dtype dtype) {
    enum { LONG_SEGMENT = 16 };
    if (p->row != 1 || ((p->kind != SUM || p->picked) && p->rows > LONG_SEGMENT * p->segments)) return;
#define CHOOSE(kind_of, all, picked_ones, tag) \
    if (p->kind == kind_of) p->op.numbers = p->picked ? picked_ones##_##tag : all##_##tag;
#define CHOOSE_FLOATS(tag)                                    \
    CHOOSE(SUM, sum_numbers, sum_picked, tag)                 \
    CHOOSE(MEAN, mean_numbers, mean_picked, tag)              \
    if (p->kind == MAX) p->op.numbers = largest_number_##tag; \
    if (p->kind == MIN) p->op.numbers = least_number_##tag;
    switch (dtype) {
    case HL_FLOAT32: CHOOSE_FLOATS(f32) break;
    case HL_FLOAT64: CHOOSE_FLOATS(f64) break;
    case HL_INT32: case HL_UINT32: CHOOSE(SUM, sum_numbers, sum_picked, i32) break;
    case HL_INT64: case HL_UINT64: CHOOSE(SUM, sum_numbers, sum_picked, i64) break;
    default: break;
    }
#undef CHOOSE_FLOATS
#undef CHOOSE
}

#define SUM_CASE(tag, dtype, S, C, LOAD, STORE, unused)                                                           \
    case dtype:                                                                                                   \
        set_one_##tag(p->one);                                                                                    \
        p->op = (sorted_op){p->kind == PROD ? multiply_rows_##tag : add_rows_##tag, add_picked_##tag, divide_##tag};\
        return true;
#define LARGEST_CASE(tag, dtype, S, C, LOAD, STORE, unused)                                                       \
    case dtype: p->op.combine = p->kind == MAX ? largest_of_rows_##tag : least_of_rows_##tag; return true;

/* What the largest and the least of several rows of floats start from: so a NaN is none of them, as in TensorFlow. */
static void start_from_infinity(sorted_params *p, hl_dtype dtype) {
    const float single = p->kind == MAX ? -INFINITY : INFINITY;
    const double wide = single;
    const uint16_t half = p->kind == MAX ? 0xfc00 : 0x7c00, bfloat = p->kind == MAX ? 0xff80 : 0x7f80;
    p->starts_anew = p->row > 0;
    switch (dtype) {
    case HL_FLOAT32: memcpy(p->one, &single, sizeof single); break;
    case HL_FLOAT64: memcpy(p->one, &wide, sizeof wide); break;
    case HL_FLOAT16: memcpy(p->one, &half, sizeof half); break;
    case HL_BFLOAT16: memcpy(p->one, &bfloat, sizeof bfloat); break;
    default: p->starts_anew = false;
    }
}

/* Complex numbers have no order; the ops do not allow them where they want one. Rows are only picked for sums. */
static bool find_op(sorted_params *p, hl_dtype dtype) {
    if (p->picked && p->kind > SQRT_N) return false;
    if (p->kind >= MAX) start_from_infinity(p, dtype);
    if (p->kind >= MAX) switch (dtype) {
        EACH_NUMBER(LARGEST_CASE, 0)
    default: return false;
    }
    switch (dtype) {
        EACH_NUMBER(SUM_CASE, 0)
        EACH_COMPLEX(SUM_CASE, 0)
    default: return false;
    }
}

static int64_t row_size(const hl_tensor *t) {
    int64_t row = 1;
    for (int axis = 1; axis < t->rank; axis++) row *= t->dims[axis];
    return row;
}

static hl_status prepare_segment_reduce(hl_prepare *prep) {
    sorted_params *p = prep->params;
    p->rows = prep->in[1]->size;
    p->row = row_size(prep->in[0]);
    p->row_bytes = p->row * (int64_t)hl_dtype_size(prep->out[0]->dtype);
    p->limit = prep->in[0]->dims[0];
    p->segments = prep->out[0]->dims[0];
    p->kind = (int)prep->attr[0].i;
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->picked = prep->n_in == 3;
    p->wide_index = p->picked && prep->in[2]->dtype == HL_INT64;
    p->cost_ns = prep->cost_ns = (double)p->rows * (p->picked ? 4 : 1) + (double)(p->rows * p->row) * 0.15 + (double)prep->out[0]->size * 0.1 + 5;
    prep->ins->fn = run_segment_reduce;
    if (!find_op(p, prep->out[0]->dtype)) return hl_no_kernel(prep, NULL);
    choose_numbers(p, prep->out[0]->dtype);
    choose_take(p, prep->out[0]->dtype);
    return HL_OK;
}

#define SEGMENT_SPREAD(tag, dtype, S, C, LOAD, STORE, unused)                                                     \
    static void spread_rows_##tag(const hl_instr *ins, const double *scales, int64_t first, int64_t end) {        \
        const sorted_params *p = ins->p[2].p;                                                                     \
        const S *grad = ins->arg[0];                                                                              \
        S *out = ins->arg[3];                                                                                     \
        for (int64_t i = first; i < end; i++) {                                                                   \
            const int64_t number = read_number(ins->arg[1], p->wide, i);                                          \
            const S *restrict from = grad + number * p->row;                                                      \
            S *restrict to = out + read_number(ins->arg[2], p->wide_index, i) * p->row;                           \
            const C scale = (C)scales[number];                                                                    \
            if (p->row == 1) {                                                                                    \
                *to = (S)STORE((C)(LOAD(*to) + LOAD(*from) * scale));                                             \
                continue;                                                                                         \
            }                                                                                                     \
            _Pragma("GCC ivdep") for (int64_t k = 0; k < p->row; k++) to[k] = (S)STORE((C)(LOAD(to[k]) + LOAD(from[k]) * scale));\
        }                                                                                                         \
    }
EACH_WIDE_FLOAT(SEGMENT_SPREAD, 0)

/* Adds how often each segment is named by some rows: four parts of them in turn, as one that is named twice in a row waits for itself. */
static void count_numbers(const sorted_params *p, const void *numbers, int64_t *counts, int64_t first, int64_t end) {
    const int64_t part = (end - first) / TURNS;
    for (int64_t i = first; i < first + part; i++)
        for (int turn = 0; turn < TURNS; turn++) counts[read_number(numbers, p->wide, i + turn * part)]++;
    for (int64_t i = first + TURNS * part; i < end; i++) counts[read_number(numbers, p->wide, i)]++;
}

/* How often each segment is named, and then what its rows are multiplied by: both take the same memory. */
static void find_scales(const sorted_params *p, const void *numbers, int64_t *counts, hl_run *run) {
    clear_bytes(run, counts, p->segments * 8);
    for (STRETCHES(run, first, end, p->rows))
        count_numbers(p, numbers, counts, first, end);
    for (STRETCHES(run, first, end, p->segments))
        for (int64_t k = first; k < end; k++) {
            const double count = counts[k] ? (double)counts[k] : 1, scale = 1 / (p->kind == MEAN ? count : sqrt(count));
            memcpy(counts + k, &scale, sizeof scale);
        }
}

/* segment_spread: (grad, numbers, row indices) -> out, the gradient of a mean (or / sqrt(n)) of picked rows. */
static hl_status run_segment_spread(const hl_instr *ins, hl_run *run) {
    const sorted_params *p = ins->p[2].p;
    if (first_unfit(ins->arg[1], p->wide, p->rows, p->segments) >= 0 || first_unfit(ins->arg[2], p->wide_index, p->rows, p->limit) >= 0)
        for (int64_t i = 0; i < p->rows; i++) {
            const hl_status status = check_spread(p, ins->arg[1], ins->arg[2], i, run);
            if (status != HL_OK) return status;
        }
    find_scales(p, ins->arg[1], (int64_t *)run->scratch, run);
    clear_bytes(run, ins->arg[3], p->limit * p->row_bytes);
    const int64_t together = 1 + LOOK_ELEMENTS / (p->row + 1);
    for (int64_t first = 0; first < p->rows; first += together) {
        if (run->stopped != HL_OK || hl_is_stopped(run)) return run->stopped;
        const int64_t end = p->rows - first < together ? p->rows : first + together;
        if (p->row_bytes == p->row * 8) spread_rows_f64(ins, (const double *)run->scratch, first, end);
        else spread_rows_f32(ins, (const double *)run->scratch, first, end);
    }
    return HL_OK;
}

static hl_status prepare_segment_spread(hl_prepare *prep) {
    sorted_params *p = prep->params;
    p->rows = prep->in[1]->size;
    p->row = row_size(prep->in[0]);
    p->segments = prep->in[0]->dims[0];
    p->limit = prep->out[0]->dims[0];
    p->row_bytes = p->row * (int64_t)hl_dtype_size(prep->out[0]->dtype);
    p->kind = (int)prep->attr[0].i;
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->wide_index = prep->in[2]->dtype == HL_INT64;
    p->picked = true;
    prep->scratch_bytes = (p->segments + 1) * (int64_t)sizeof(int64_t);
    p->cost_ns = prep->cost_ns = (double)p->rows * 5 + (double)(p->rows * p->row) * 0.15 + (double)prep->out[0]->size * 0.1 + 5;
    prep->ins->fn = run_segment_spread;
    return prep->out[0]->dtype == HL_FLOAT32 || prep->out[0]->dtype == HL_FLOAT64 ? HL_OK : hl_no_kernel(prep, NULL);
}

static const hl_kernel table[] = {
    {"segment_count", prepare_segment_count, sizeof(sorted_params)},
    {"segment_reduce", prepare_segment_reduce, sizeof(sorted_params)},
    {"segment_spread", prepare_segment_spread, sizeof(sorted_params)},
};

HL_FAMILY(segment, table);
