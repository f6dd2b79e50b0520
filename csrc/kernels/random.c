/* Random numbers: Philox 4x32-10 (Salmon et al. 2011), with TensorFlow 1.15's keys, streams and transforms.
 *
 * Operand 0 is the op's hl_stream. An execution of a uniform or normal op reserves 256 blocks an output, whatever it
 * uses; other ops reserve what is said at each. Blocks are numbered, so that any part of the output can be made alone.
 */
#define _GNU_SOURCE /* sincosf */
#include <math.h>
#include <string.h>

#include "half.h"
#include "philox.h"
#include "plan.h"
#include "pool.h"
#include "rows.h"
#include "stretches.h"
#include "vector_angles.h"
#include "vector_math.h"

enum { CHUNK_BLOCKS = 4096 };

/* --- halves ---------------------------------------------------------------------------------------------------- */

/* Sixteen bits are stored: a uniform half has its 10 bits from the low ones of a word. */
static inline uint16_t uniform_half(uint32_t x) {
    const uint16_t bits = (uint16_t)((x & 0x3ffu) | 15u << 10);
    return float_to_half(half_to_float(bits) - 1.0f);
}
static inline uint16_t uniform_bfloat(uint32_t x) {
    const uint16_t bits = (uint16_t)((x & 0x7fu) | 127u << 7);
    return float_to_bfloat(bfloat_to_float(bits) - 1.0f);
}

/* --- normal floats, a vector of blocks at a time -------------------------------------------------------------------- */

SIMD_INLINE simd_f32 uniform_vector(const uint32_t *word) {
    const simd_i32 bits = (simd_i32)load_f32((const float *)word);
    return (simd_f32)((bits & 0x7fffff) | 0x3f800000) - 1.0f;
}

/* Box and Muller's transform of two words of each block, rounded where normal_floats rounds. */
SIMD_INLINE void normal_vectors(const uint32_t *word0, const uint32_t *word1, simd_f32 *f0, simd_f32 *f1) {
    const double_pair u1 = widen_f32(max_f32(uniform_vector(word0), splat_f32(1.0e-7f))), u2 = widen_f32(uniform_vector(word1));
    const simd_f32 squared = -2.0f * narrow_f64(log_low_f64(u1.low), log_low_f64(u1.high));
    const simd_f32 radius = root_f32(squared);
    const double_pair angle = widen_f32(narrow_f64(2.0 * M_PI * u2.low, 2.0 * M_PI * u2.high));
    const quarter_f64 low = reduce_turn_f64(angle.low), high = reduce_turn_f64(angle.high);
    *f0 = narrow_f64(sin_of_turn_low(low, 0), sin_of_turn_low(high, 0)) * radius;
    *f1 = narrow_f64(sin_of_turn_low(low, 1), sin_of_turn_low(high, 1)) * radius;
}

/* Four outputs of each block, in their order. */
static void normal_many(uint32_t word[BLOCK_WORDS][MANY], float *out) {
    for (int from = 0; from < MANY; from += F32_LANES) {
        simd_f32 a, b, c, d;
        normal_vectors(word[0] + from, word[1] + from, &a, &b);
        normal_vectors(word[2] + from, word[3] + from, &c, &d);
        const simd_f32 ac = interleave_low_f32(a, c), last_ac = interleave_high_f32(a, c);
        const simd_f32 bd = interleave_low_f32(b, d), last_bd = interleave_high_f32(b, d);
        float *at = out + 4 * from;
        store_f32(at, interleave_low_f32(ac, bd));
        store_f32(at + F32_LANES, interleave_high_f32(ac, bd));
        store_f32(at + 2 * F32_LANES, interleave_low_f32(last_ac, last_bd));
        store_f32(at + 3 * F32_LANES, interleave_high_f32(last_ac, last_bd));
    }
}

/* --- filling an output ------------------------------------------------------------------------------------------- */

typedef enum distribution { UNIFORM, NORMAL, TRUNCATED } distribution;

typedef struct fill_params { distribution kind; hl_dtype dtype; int64_t n; double cost_ns; } fill_params;

typedef struct fill_job {
    const fill_params *params;
    uint64_t key, stream, first;
    void *out;
} fill_job;

/* The small ones of `count` values, until there are 4 of them. */
static int keep_small(const float *value, int count, int found, float *out) {
    for (int k = 0; k < count && found < 4; k++)
        if (fabsf(value[k]) < 2.0f) out[found++] = value[k];
    return found;
}

/* A group's blocks start 256 outputs' worth after the last one's; it draws until it has enough small values. The first blocks
 * of many groups are made together, the others of those that want more. */
static void truncated_many(const fill_job *job, int64_t group, float *out) {
    uint32_t word[BLOCK_WORDS][MANY];
    float value[4 * MANY];
    const uint64_t first = job->first + (uint64_t)group * RESERVED;
    philox_many(job->key, job->stream, first, RESERVED, word);
    normal_many(word, value);
    for (int i = 0; i < MANY; i++) {
        float more[4 * MANY];
        int found = keep_small(value + 4 * i, 4, 0, out + 4 * i);
        for (uint64_t at = 1; found < 4; at += MANY) {
            philox_many(job->key, job->stream, first + (uint64_t)i * RESERVED + at, 1, word);
            normal_many(word, more);
            found = keep_small(more, 4 * MANY, found, out + 4 * i);
        }
    }
}

static void truncated_doubles(const fill_job *job, int64_t group, double *out) {
    uint64_t index = job->first + (uint64_t)group * (RESERVED / 2);
    for (int found = 0; found < 2;) {
        const block b = philox(job->key, job->stream, index++);
        double value[2];
        normal2(&b, value);
        for (int k = 0; k < 2 && found < 2; k++)
            if (fabs(value[k]) < 2.0) out[found++] = value[k];
    }
}

static void fill_doubles(const fill_job *job, int64_t from, int64_t to) {
    const fill_params *p = job->params;
    for (int64_t group = from; group < to && 2 * group < p->n; group++) {
        const block b = philox(job->key, job->stream, job->first + (uint64_t)group);
        double value[2];
        if (p->kind == UNIFORM) uniform2(&b, value);
        else if (p->kind == NORMAL) normal2(&b, value);
        else truncated_doubles(job, group, value);
        for (int64_t k = 0; k < 2 && 2 * group + k < p->n; k++) ((double *)job->out)[2 * group + k] = value[k];
    }
}

static void store(const fill_params *p, void *out, int64_t at, float value, uint32_t word) {
    if (p->dtype == HL_FLOAT32) ((float *)out)[at] = value;
    else if (p->kind == UNIFORM)
        ((uint16_t *)out)[at] = p->dtype == HL_FLOAT16 ? uniform_half(word) : uniform_bfloat(word);
    else ((uint16_t *)out)[at] = p->dtype == HL_FLOAT16 ? float_to_half(value) : float_to_bfloat(value);
}

/* Groups of single precision, many at a time: what does not fit the output is left out. */
static void fill_floats(const fill_job *job, int64_t from, int64_t to) {
    const fill_params *p = job->params;
    for (int64_t group = from; group < to && 4 * group < p->n; group += MANY) {
        uint32_t word[4 * MANY], apart[BLOCK_WORDS][MANY];
        float made[4 * MANY];
        const int64_t left = p->n - 4 * group, count = left < 4 * MANY ? left : 4 * MANY;
        const bool direct = p->dtype == HL_FLOAT32 && count == 4 * MANY;
        float *value = direct ? (float *)job->out + 4 * group : made;
        if (p->kind == NORMAL) {
            philox_many(job->key, job->stream, job->first + (uint64_t)group, 1, apart);
            normal_many(apart, value);
        } else if (p->kind == TRUNCATED) {
            truncated_many(job, group, value);
        } else {
            philox_words(job->key, job->stream, job->first + (uint64_t)group, word);
            for (int k = 0; k < 4 * MANY; k += F32_LANES) store_f32(value + k, uniform_vector(word + k));
        }
        if (direct) continue;
        for (int64_t k = 0; k < count; k++) store(p, job->out, 4 * group + k, value[k], p->kind == UNIFORM ? word[k] : 0);
    }
}

static void fill_chunk(void *argument, int64_t chunk, int worker) {
    const fill_job *job = argument;
    (void)worker;
    if (job->params->dtype == HL_FLOAT64) fill_doubles(job, chunk * CHUNK_BLOCKS, (chunk + 1) * CHUNK_BLOCKS);
    else fill_floats(job, chunk * CHUNK_BLOCKS, (chunk + 1) * CHUNK_BLOCKS);
}

static hl_status run_fill(const hl_instr *ins, hl_run *run) {
    hl_stream *stream = ins->arg[0];
    const fill_params *p = ins->p[2].p;
    const fill_job job = {p, stream->key, stream->stream, reserve(stream, (uint64_t)p->n * RESERVED), ins->arg[1]};
    const int64_t groups = p->dtype == HL_FLOAT64 ? (p->n + 1) / 2 : (p->n + 3) / 4;
    hl_parallel(run, (groups + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS, p->cost_ns, fill_chunk, (void *)&job);
    return HL_OK;
}

static hl_status prepare_fill(hl_prepare *prep, distribution kind, double cost) {
    fill_params *p = prep->params;
    const hl_tensor *out = prep->out[0];
    if (out->dtype != HL_FLOAT32 && out->dtype != HL_FLOAT64 && out->dtype != HL_FLOAT16 && out->dtype != HL_BFLOAT16)
        return hl_no_kernel(prep, NULL);
    *p = (fill_params){kind, out->dtype, out->size, (double)out->size * cost + 20};
    prep->cost_ns = p->cost_ns;
    prep->ins->fn = run_fill;
    return HL_OK;
}

static hl_status prepare_uniform(hl_prepare *prep) { return prepare_fill(prep, UNIFORM, 1.1); }
static hl_status prepare_normal(hl_prepare *prep) { return prepare_fill(prep, NORMAL, 3); }
static hl_status prepare_truncated(hl_prepare *prep) { return prepare_fill(prep, TRUNCATED, 8); }

/* --- integers ----------------------------------------------------------------------------------------------------- */

static hl_status run_uniform_int(const hl_instr *ins, hl_run *run) {
    hl_stream *stream = ins->arg[0];
    const int64_t n = ins->p[0].i;
    const bool wide = ins->p[1].i;
    const int64_t low = wide ? *(const int64_t *)ins->arg[1] : *(const int32_t *)ins->arg[1];
    const int64_t high = wide ? *(const int64_t *)ins->arg[2] : *(const int32_t *)ins->arg[2];
    if (low >= high && n)
        return hl_fail(run, HL_INVALID_ARGUMENT, "Need minval < maxval, got %lld >= %lld", (long long)low, (long long)high);
    const uint64_t first = reserve(stream, (uint64_t)n * RESERVED);
    uint32_t word[4 * MANY];
    for (int64_t from = 0, end; from < n; from = end) {
        const int64_t together = wide ? 2 * MANY : 4 * MANY;
        if (hl_is_stopped_at(run, from)) return run->stopped;
        end = from + together < n ? from + together : n;
        philox_words(stream->key, stream->stream, first + (uint64_t)(from / (wide ? 2 : 4)), word);
        if (wide) {
            const uint64_t range = (uint64_t)high - (uint64_t)low;
            for (int64_t i = from; i < end; i++) {
                const uint64_t x = (uint64_t)word[2 * (i - from)] | (uint64_t)word[2 * (i - from) + 1] << 32;
                ((int64_t *)ins->arg[3])[i] = (int64_t)((uint64_t)low + x % range);
            }
        } else {
            const uint32_t range = (uint32_t)high - (uint32_t)low;
            for (int64_t i = from; i < end; i++)
                ((int32_t *)ins->arg[3])[i] = (int32_t)((uint32_t)low + word[i - from] % range);
        }
    }
    return HL_OK;
}

static hl_status prepare_uniform_int(hl_prepare *prep) {
    prep->ins->p[0].i = prep->out[0]->size;
    prep->ins->p[1].i = prep->out[0]->dtype == HL_INT64;
    prep->cost_ns = (double)prep->out[0]->size * 10 + 20;
    prep->ins->fn = run_uniform_int;
    return HL_OK;
}

/* --- shuffle: reserves (rows + 2) / 4 blocks ---------------------------------------------------------------------- */

typedef struct shuffle_params { int64_t rows, bytes; } shuffle_params;

enum { DRAWN = 4 * MANY, SHUFFLE_AHEAD = 8 /* rows: so far ahead is what will be read asked for */ };

/* The places that some rows from row i on are swapped with, each the row itself or one behind it. How many. */
static int64_t draw_places(const hl_stream *stream, uint64_t first, int64_t i, int64_t rows, int64_t place[DRAWN]) {
    uint32_t word[DRAWN];
    const int64_t n = rows - 1 - i < DRAWN ? rows - 1 - i : DRAWN;
    philox_words(stream->key, stream->stream, first + (uint64_t)(i / 4), word);
    for (int64_t k = 0; k < n; k++) place[k] = i + k + word[k] % (uint32_t)(rows - i - k);
    return n;
}

/* Elements that are swapped where they lie: those of a block of places are asked for before. */
#define SHUFFLE_ELEMENTS(T)                                                                                     \
    static hl_status shuffle_##T(const hl_stream *stream, uint64_t first, T *x, int64_t rows, hl_run *run) {    \
        int64_t place[DRAWN];                                                                                   \
        for (int64_t i = 0, n; i + 1 < rows; i += n) {                                                          \
            if ((i & 0xfff) == 0 && hl_is_stopped(run)) return run->stopped;                                    \
            n = draw_places(stream, first, i, rows, place);                                                     \
            for (int64_t k = 0; k < n; k++) __builtin_prefetch(x + place[k], 1);                                \
            for (int64_t k = 0; k < n; k++) {                                                                   \
                const T held = x[i + k];                                                                        \
                x[i + k] = x[place[k]];                                                                         \
                x[place[k]] = held;                                                                             \
            }                                                                                                   \
        }                                                                                                       \
        return HL_OK;                                                                                           \
    }
SHUFFLE_ELEMENTS(uint8_t)
SHUFFLE_ELEMENTS(uint16_t)
SHUFFLE_ELEMENTS(uint32_t)
SHUFFLE_ELEMENTS(uint64_t)

/* Of longer rows the numbers are shuffled, then each row is copied once. */
static hl_status shuffle_rows(const hl_stream *stream, uint64_t first, const char *in, char *out, const shuffle_params *p, hl_run *run) {
    uint32_t *from = (uint32_t *)run->shared; /* once, and not for each thread */
    for (int64_t i = 0; i < p->rows; i++) from[i] = (uint32_t)i;
    const hl_status status = shuffle_uint32_t(stream, first, from, p->rows, run);
    if (status != HL_OK) return status;
    for (int64_t i = 0; i < p->rows; i++) {
        if ((p->bytes >= STRETCH || (i & 0xff) == 0) && hl_is_stopped(run)) return run->stopped;
        if (i + SHUFFLE_AHEAD < p->rows) {
            const char *coming = in + from[i + SHUFFLE_AHEAD] * p->bytes;
            for (int64_t at = 0; at < p->bytes && at < 512; at += 64) __builtin_prefetch(coming + at);
        }
        copy_row(out + i * p->bytes, in + from[i] * p->bytes, p->bytes);
    }
    return HL_OK;
}

static hl_status run_shuffle(const hl_instr *ins, hl_run *run) {
    hl_stream *stream = ins->arg[0];
    const shuffle_params *p = ins->p[2].p;
    char *out = ins->arg[2];
    const uint64_t first = p->rows < 2 ? 0 : reserve(stream, (uint64_t)(p->rows + 2) / 4);
    const bool is_element = p->bytes == 1 || p->bytes == 2 || p->bytes == 4 || p->bytes == 8;
    if (p->rows >= 2 && !is_element) return shuffle_rows(stream, first, ins->arg[1], out, p, run);
    copy_bytes(run, out, ins->arg[1], p->rows * p->bytes);
    if (p->rows < 2 || run->stopped != HL_OK) return run->stopped;
    switch (p->bytes) {
    case 1: return shuffle_uint8_t(stream, first, (uint8_t *)out, p->rows, run);
    case 2: return shuffle_uint16_t(stream, first, (uint16_t *)out, p->rows, run);
    case 4: return shuffle_uint32_t(stream, first, (uint32_t *)out, p->rows, run);
    default: return shuffle_uint64_t(stream, first, (uint64_t *)out, p->rows, run);
    }
}

static hl_status prepare_shuffle(hl_prepare *prep) {
    shuffle_params *p = prep->params;
    const hl_tensor *in = prep->in[1];
    p->rows = in->rank ? in->dims[0] : 1;
    p->bytes = p->rows ? in->size / p->rows * (int64_t)hl_dtype_size(in->dtype) : 0;
    if (p->bytes != 1 && p->bytes != 2 && p->bytes != 4 && p->bytes != 8) prep->shared_bytes = p->rows * (int64_t)sizeof(uint32_t);
    prep->cost_ns = (double)p->rows * 20 + 10;
    prep->ins->fn = run_shuffle;
    return HL_OK;
}

/* --- multinomial: reserves 2 * rows * ceil4(samples) * 256 blocks ---------------------------------------------------- */

enum { DRAWN_ELEMENTS = 4096 /* of the rows of a chunk, and drawn of them */ };

typedef struct multinomial_params { int64_t rows, classes, samples; hl_dtype dtype; bool wide; double cost_ns; } multinomial_params;

static double logit_at(const multinomial_params *p, const void *logits, int64_t at) {
    switch (p->dtype) {
    case HL_FLOAT32: return ((const float *)logits)[at];
    case HL_FLOAT64: return ((const double *)logits)[at];
    case HL_FLOAT16: return half_to_float(((const uint16_t *)logits)[at]);
    case HL_BFLOAT16: return bfloat_to_float(((const uint16_t *)logits)[at]);
    case HL_INT32: return ((const int32_t *)logits)[at];
    default: return (double)((const int64_t *)logits)[at];
    }
}

/* The running totals of exp(logit - largest); a logit that is not finite has no weight. */
static double accumulate(const multinomial_params *p, const void *logits, int64_t row, double *total) {
    double largest = -INFINITY, sum = 0;
    for (int64_t c = 0; c < p->classes; c++) {
        const double x = logit_at(p, logits, row * p->classes + c);
        if (isfinite(x) && x > largest) largest = x;
    }
    for (int64_t c = 0; c < p->classes; c++) {
        const double x = logit_at(p, logits, row * p->classes + c);
        if (isfinite(x)) sum += exp(x - largest);
        total[c] = sum;
    }
    return sum;
}

typedef struct multinomial_job {
    const multinomial_params *p;
    const hl_stream *stream;
    const void *logits;
    void *out;
    uint64_t first;  /* of the stream's blocks */
    int64_t rows;    /* of a chunk */
    hl_run *run;
} multinomial_job;

/* The samples of one row, each of half a block of the stream. */
static void draw_row(const multinomial_job *job, int64_t row, double *total, int worker) {
    const multinomial_params *p = job->p;
    const double sum = accumulate(p, job->logits, row, total);
    for (int64_t s = 0; s < p->samples; s++) {
        if (s > 0 && s % STRETCH == 0 && hl_is_stopped_for(job->run, worker)) return;
        const int64_t drawn = row * p->samples + s;
        const block b = philox(job->stream->key, job->stream->stream, job->first + (uint64_t)(drawn / 2));
        const double wanted = uniform_double(b.word[2 * (drawn % 2)], b.word[2 * (drawn % 2) + 1]) * sum;
        int64_t low = 0, high = p->classes;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (total[middle] > wanted) high = middle;
            else low = middle + 1;
        }
        if (p->wide) ((int64_t *)job->out)[drawn] = low;
        else ((int32_t *)job->out)[drawn] = (int32_t)low;
    }
}

static void multinomial_chunk(void *argument, int64_t chunk, int worker) {
    const multinomial_job *job = argument;
    const int64_t end = (chunk + 1) * job->rows < job->p->rows ? (chunk + 1) * job->rows : job->p->rows;
    double *total = (double *)(job->run->scratch + worker * job->run->scratch_bytes);
    for (int64_t row = chunk * job->rows; row < end; row++) draw_row(job, row, total, worker);
}

static hl_status run_multinomial(const hl_instr *ins, hl_run *run) {
    hl_stream *stream = ins->arg[0];
    const multinomial_params *p = ins->p[2].p;
    const uint64_t padded = (uint64_t)(p->samples + 3) / 4 * 4;
    multinomial_job job = {p, stream, ins->arg[1], ins->arg[2], reserve(stream, 2 * (uint64_t)p->rows * padded * RESERVED),
                           1 + DRAWN_ELEMENTS / (p->classes + p->samples + 1), run};
    hl_parallel(run, (p->rows + job.rows - 1) / job.rows, p->cost_ns, multinomial_chunk, &job);
    return HL_OK;
}

static hl_status prepare_multinomial(hl_prepare *prep) {
    multinomial_params *p = prep->params;
    const hl_tensor *logits = prep->in[1], *out = prep->out[0];
    *p = (multinomial_params){.rows = logits->dims[0], .classes = logits->dims[1], .samples = out->dims[1], .dtype = logits->dtype,
                              .wide = out->dtype == HL_INT64};
    if (p->classes == 0 && out->size) return hl_refuse(prep, HL_INVALID_ARGUMENT, "num_classes should be positive, got 0");
    prep->scratch_bytes = p->classes * (int64_t)sizeof(double) + 64;
    p->cost_ns = prep->cost_ns = (double)logits->size * 10 + (double)out->size * 20 + 20;
    prep->ins->fn = run_multinomial;
    return HL_OK;
}

/* --- streams that a seed makes ------------------------------------------------------------------------------------ */

/* seed_stream: two numbers -> an hl_stream, as the stateless ops of TensorFlow mix them. */
static hl_status run_seed_stream(const hl_instr *ins, hl_run *run) {
    const bool wide = ins->p[0].i;
    hl_stream *out = ins->arg[1];
    uint64_t seed[2];
    for (int i = 0; i < 2; i++)
        seed[i] = wide ? ((const uint64_t *)ins->arg[0])[i] : (uint64_t)(int64_t)((const int32_t *)ins->arg[0])[i];
    (void)run;
    const block mixed = philox(0x02461e293ec8f720u, seed[1], seed[0]);
    out->key = mixed.word[0] | (uint64_t)mixed.word[1] << 32;
    out->stream = mixed.word[2] | (uint64_t)mixed.word[3] << 32;
    out->counter = 0;
    return HL_OK;
}

static hl_status prepare_seed_stream(hl_prepare *prep) {
    if (prep->in[0]->size != 2)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "seed must have shape [2], got %lld elements", (long long)prep->in[0]->size);
    prep->ins->p[0].i = prep->in[0]->dtype == HL_INT64;
    prep->cost_ns = 30;
    prep->ins->fn = run_seed_stream;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"seed_stream", prepare_seed_stream, 0},
    {"random_uniform", prepare_uniform, sizeof(fill_params)},
    {"random_normal", prepare_normal, sizeof(fill_params)},
    {"truncated_normal", prepare_truncated, sizeof(fill_params)},
    {"random_uniform_int", prepare_uniform_int, 0},
    {"random_shuffle", prepare_shuffle, sizeof(shuffle_params)},
    {"multinomial", prepare_multinomial, sizeof(multinomial_params)},
};

HL_FAMILY(random, table);
