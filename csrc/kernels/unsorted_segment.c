/* Unsorted segments: (data, segment numbers) -> out, rows with equal numbers reduced to one; a negative number drops its row. */
#include <float.h>
#include <string.h>

#include "complex_types.h"
#include "elementwise_types.h"
#include "plan.h"
#include "pool.h"
#include "row_indices.h"
#include "segment_rows.h"
#include "simd.h"
#if defined(__SSE2__) && !defined(__AVX__)
#include <emmintrin.h>
#endif

enum { NEAR_BYTES = 1 << 18 /* of a result that the second cache keeps */ };

typedef struct segment_params segment_params;
typedef void (*take_fn)(const segment_params *p, const hl_instr *ins, const int64_t *row, int64_t from, int64_t count);

/* What is done for one type: n elements become the value of a segment without rows; rows of a list, or, where that is NULL, those
 * from `from` on go where their numbers say. */
typedef struct segment_op {
    void (*fill)(void *out, int64_t n);
    take_fn take;
} segment_op;

struct segment_params {
    int64_t rows, row, segments, size; /* row: elements of one, each of `size` bytes */
    bool wide, in_turn;                /* in_turn: a row waits for the one before it where both have one number */
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

/* Rows that follow each other. False where the run is to stop. */
static bool take_rows(const segment_job *job, int64_t first, int64_t end, int worker) {
    const segment_params *p = job->p;
    const int64_t together = 1 + LOOK_ELEMENTS / (p->row + 1);
    for (int64_t from = first; from < end; from += together) {
        if (from > first && hl_is_stopped_for(job->run, worker)) return false;
        p->op.take(p, job->ins, NULL, from, end - from < together ? end - from : together);
    }
    return true;
}

/* Short rows of ascending numbers. Those of one segment wait for each other, so several parts, each with segments of its own, are gone
 * through in turn: a row of each. */
static void take_in_turn(const segment_job *job, int64_t first, int64_t end, int worker) {
    const segment_params *p = job->p;
    int64_t bound[TURNS + 1], found[FOUND_ROWS], look = 0;
    part_sorted_rows(job->ins->arg[1], p->wide, first, end, TURNS, bound);
    const int64_t shortest = shortest_turn(bound);
    for (int64_t done = 0; done < shortest; done += FOUND_ROWS / TURNS) {
        const int64_t n = shortest - done < FOUND_ROWS / TURNS ? shortest - done : FOUND_ROWS / TURNS;
        if (look >= LOOK_ELEMENTS && (look = 0, hl_is_stopped_for(job->run, worker))) return;
        for (int64_t i = 0; i < n; i++)
            for (int part = 0; part < TURNS; part++) found[i * TURNS + part] = bound[part] + done + i;
        p->op.take(p, job->ins, found, 0, n * TURNS);
        look += n * TURNS * (p->row + 1);
    }
    for (int part = 0; part < TURNS; part++)
        if (!take_rows(job, bound[part] + shortest, bound[part + 1], worker)) return;
}

/* Some rows of ascending numbers, and the segments from the first row's to before the next part's. */
static void sorted_chunk(void *argument, int64_t chunk, int worker) {
    const segment_job *job = argument;
    const segment_params *p = job->p;
    const void *numbers = job->ins->arg[1];
    const int64_t first = job->bound[chunk], last = job->bound[chunk + 1];
    const int64_t place = chunk ? segment_from(numbers, p->wide, first) : 0;
    const int64_t behind = chunk + 1 < job->parts ? segment_from(numbers, p->wide, last) : p->segments;
    if (!fill_segments(job, place, behind, worker)) return;
    if (p->in_turn) take_in_turn(job, first, last, worker);
    else (void)take_rows(job, first, last, worker);
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
        else if (p->row == 1) TAKE_ROWS(S, C, LOAD, STORE, EXPR, 1, LISTED)                                       \
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

/* Float and double rows of two elements and more, by vectors as long as half a row at least, two at most: the second one ends where the row
 * does, and may begin within the first, so both are made before one is stored. (Of longer vectors a part would be loaded and stored, and
 * what follows wait until it is in the cache.) */
#define PIECES(bytes, suffix, S, MASK)                                                                                          \
    typedef S piece##bytes##_##suffix __attribute__((vector_size(bytes)));                                                      \
    typedef piece##bytes##_##suffix piece##bytes##_at_##suffix __attribute__((aligned(sizeof(S)), may_alias));                  \
    typedef MASK mask##bytes##_##suffix __attribute__((vector_size(bytes)));                                                    \
    PIECE_TAKES(bytes, suffix, S, sum, x + y)                                                                                   \
    PIECE_TAKES(bytes, suffix, S, max, MAX_##bytes##_##suffix(x, y))                                                            \
    PIECE_TAKES(bytes, suffix, S, min, MIN_##bytes##_##suffix(x, y))
/* As LARGER and SMALLER: y where one is not a number. */
#define EITHER(bytes, suffix, is_first)                                                                     \
    (piece##bytes##_##suffix)(((mask##bytes##_##suffix)x & (mask##bytes##_##suffix)(is_first)) |            \
                              ((mask##bytes##_##suffix)y & ~(mask##bytes##_##suffix)(is_first)))
#define MAX_8_f32(x, y) EITHER(8, f32, x > y)
#define MIN_8_f32(x, y) EITHER(8, f32, x < y)
#if defined(__SSE2__)
#define MAX_16_f32(x, y) (piece16_f32)_mm_max_ps((__m128)x, (__m128)y)
#define MIN_16_f32(x, y) (piece16_f32)_mm_min_ps((__m128)x, (__m128)y)
#define MAX_16_f64(x, y) (piece16_f64)_mm_max_pd((__m128d)x, (__m128d)y)
#define MIN_16_f64(x, y) (piece16_f64)_mm_min_pd((__m128d)x, (__m128d)y)
#define MAX_32_f32(x, y) (piece32_f32)_mm256_max_ps((__m256)x, (__m256)y)
#define MIN_32_f32(x, y) (piece32_f32)_mm256_min_ps((__m256)x, (__m256)y)
#define MAX_32_f64(x, y) (piece32_f64)_mm256_max_pd((__m256d)x, (__m256d)y)
#define MIN_32_f64(x, y) (piece32_f64)_mm256_min_pd((__m256d)x, (__m256d)y)
#define MAX_64_f32(x, y) (piece64_f32)_mm512_max_ps((__m512)x, (__m512)y)
#define MIN_64_f32(x, y) (piece64_f32)_mm512_min_ps((__m512)x, (__m512)y)
#define MAX_64_f64(x, y) (piece64_f64)_mm512_max_pd((__m512d)x, (__m512d)y)
#define MIN_64_f64(x, y) (piece64_f64)_mm512_min_pd((__m512d)x, (__m512d)y)
#else
#define MAX_16_f32(x, y) EITHER(16, f32, x > y)
#define MIN_16_f32(x, y) EITHER(16, f32, x < y)
#define MAX_16_f64(x, y) EITHER(16, f64, x > y)
#define MIN_16_f64(x, y) EITHER(16, f64, x < y)
#endif
enum { ONE = 1, TWO };
#define PIECE_TAKES(bytes, suffix, S, op, EXPR)                                                                                 \
    SIMD_INLINE piece##bytes##_##suffix op##_piece##bytes##_##suffix(const S *to, const S *in) {                                \
        const piece##bytes##_##suffix x = *(const piece##bytes##_at_##suffix *)to, y = *(const piece##bytes##_at_##suffix *)in; \
        return EXPR;                                                                                                            \
    }                                                                                                                           \
    SIMD_INLINE void op##_rows##bytes##_##suffix(const int pieces, const segment_params *p, const hl_instr *ins,                \
                                                 const int64_t *row, int64_t from, int64_t count) {                             \
        enum { PIECE = bytes / sizeof(S) };                                                                                     \
        const int64_t n = pieces == ONE ? PIECE : p->row, last = pieces == ONE ? 0 : (n - 1) % PIECE + 1;                       \
        const bool far = p->segments * n * (int64_t)sizeof(S) > NEAR_BYTES, wide = p->wide;                                     \
        const void *numbers = ins->arg[1];                                                                                      \
        const S *data = ins->arg[0];                                                                                            \
        S *out = ins->arg[2];                                                                                                   \
        for (int64_t i = 0; i < count; i++) {                                                                                   \
            const int64_t place = row ? row[i] : from + i, ahead = i + AHEAD_ROWS < count ? i + AHEAD_ROWS : i;                 \
            S *to = out + index_at(numbers, wide, place) * n;                                                                   \
            const S *in = data + place * n;                                                                                     \
            if (far) __builtin_prefetch(out + index_at(numbers, wide, row ? row[ahead] : from + ahead) * n, 1);                 \
            const piece##bytes##_##suffix head = op##_piece##bytes##_##suffix(to, in);                                          \
            const piece##bytes##_##suffix tail = pieces == ONE ? head : op##_piece##bytes##_##suffix(to + last, in + last);     \
            *(piece##bytes##_at_##suffix *)to = head;                                                                           \
            if (pieces != ONE) *(piece##bytes##_at_##suffix *)(to + last) = tail;                                               \
        }                                                                                                                       \
    }                                                                                                                           \
    PIECE_TAKE(bytes, ONE, suffix, op)                                                                                          \
    PIECE_TAKE(bytes, TWO, suffix, op)                                                                                          \
    static take_fn op##_by##bytes##_##suffix(int64_t row) {                                                                     \
        const int64_t all = row * (int64_t)sizeof(S);                                                                           \
        return all == bytes ? op##_ONE_##bytes##_##suffix : all > bytes && all <= 2 * bytes ? op##_TWO_##bytes##_##suffix : NULL; \
    }
#define PIECE_TAKE(bytes, pieces, suffix, op)                                                                                   \
    static void op##_##pieces##_##bytes##_##suffix(const segment_params *p, const hl_instr *ins, const int64_t *row, int64_t from, int64_t count) { \
        if (row) op##_rows##bytes##_##suffix(pieces, p, ins, row, from, count);                                                 \
        else op##_rows##bytes##_##suffix(pieces, p, ins, NULL, from, count);                                                    \
    }
PIECES(8, f32, float, int32_t)
PIECES(16, f32, float, int32_t)
PIECES(16, f64, double, int64_t)
#if SIMD_BYTES >= 32
PIECES(32, f32, float, int32_t)
PIECES(32, f64, double, int64_t)
#endif
#if SIMD_BYTES >= 64
PIECES(64, f32, float, int32_t)
PIECES(64, f64, double, int64_t)
#endif

#if SIMD_BYTES >= 64
#define LONGEST(op, suffix) op##_by64_##suffix(row) ? op##_by64_##suffix(row) : op##_by32_##suffix(row) ? op##_by32_##suffix(row)
#elif SIMD_BYTES >= 32
#define LONGEST(op, suffix) op##_by32_##suffix(row) ? op##_by32_##suffix(row)
#else
#define LONGEST(op, suffix) false ? NULL
#endif
#define BY_PIECES(op)                                                                                               \
    static take_fn op##_by_pieces_f32(int64_t row) {                                                                \
        return LONGEST(op, f32) : op##_by16_f32(row) ? op##_by16_f32(row) : op##_by8_f32(row);                      \
    }                                                                                                               \
    static take_fn op##_by_pieces_f64(int64_t row) { return LONGEST(op, f64) : op##_by16_f64(row); }
BY_PIECES(sum)
BY_PIECES(max)
BY_PIECES(min)

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
    p->in_turn = p->row == 1;
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

#define PREPARE_BY_PIECES(reducer)                                                        \
    static hl_status prepare_##reducer##_by_pieces(hl_prepare *prep) {                    \
        segment_params *p = prep->params;                                                 \
        const hl_status status = prepare_##reducer(prep);                                 \
        const hl_dtype dtype = prep->out[0]->dtype;                                       \
        const take_fn take = dtype == HL_FLOAT32   ? reducer##_by_pieces_f32(p->row)      \
                             : dtype == HL_FLOAT64 ? reducer##_by_pieces_f64(p->row)      \
                                                   : NULL;                                \
        if (take) p->op.take = take, p->in_turn = true;                                   \
        return status;                                                                    \
    }
PREPARE_BY_PIECES(sum)
PREPARE_BY_PIECES(max)
PREPARE_BY_PIECES(min)

static const hl_kernel table[] = {
    {"unsorted_segment_sum", prepare_sum_by_pieces, sizeof(segment_params)},
    {"unsorted_segment_prod", prepare_prod, sizeof(segment_params)},
    {"unsorted_segment_max", prepare_max_by_pieces, sizeof(segment_params)},
    {"unsorted_segment_min", prepare_min_by_pieces, sizeof(segment_params)},
};

HL_FAMILY(unsorted_segment, table);
