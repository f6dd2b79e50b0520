/* Batch normalization and normalization across neighbouring channels, with their gradients: images [.., channels] of float,
 * or of the 16-bit floats with statistics in float. */
#include <math.h>
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "half.h"
#include "vector_math.h"

enum {
    SUM_BLOCKS = 32,      /* at most so many partial sums of a channel, by sizes alone */
    ROWS_PER_BLOCK = 64
};

typedef enum storage { AS_FLOAT, AS_HALF, AS_BFLOAT } storage;

typedef struct batch_norm {
    int64_t rows, channels, blocks, rows_per_block, chunks, rows_per_chunk;
    float epsilon;
    bool training;
    storage storage;
    double cost_ns;
} batch_norm;

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* A row as floats: itself, or converted into the buffer. */
static const float *as_floats(const void *data, int64_t at, int64_t n, storage storage, float *buffer) {
    if (storage == AS_FLOAT) return (const float *)data + at;
    const uint16_t *from = (const uint16_t *)data + at;
    if (storage == AS_HALF)
        for (int64_t i = 0; i < n; i++) buffer[i] = half_to_float(from[i]);
    else
        for (int64_t i = 0; i < n; i++) buffer[i] = bfloat_to_float(from[i]);
    return buffer;
}

/* Where a row of results is worked out: in place, or in the buffer; put_back stores it. */
static float *row_of(void *data, int64_t at, storage storage, float *buffer) {
    return storage == AS_FLOAT ? (float *)data + at : buffer;
}

static void put_back(void *data, int64_t at, int64_t n, storage storage, const float *buffer) {
    if (storage == AS_FLOAT) return;
    uint16_t *to = (uint16_t *)data + at;
    if (storage == AS_HALF)
        for (int64_t i = 0; i < n; i++) to[i] = float_to_half(buffer[i]);
    else
        for (int64_t i = 0; i < n; i++) to[i] = float_to_bfloat(buffer[i]);
}

/* ---- running ---- */

/* Scratch of the caller: partial sums of the blocks (two rows each), three rows of per-channel numbers, and for each
 * worker two rows of converted elements. */
typedef struct batch_job {
    const batch_norm *p;
    void *const *operand;
    hl_run *run;
    float *sums;         /* blocks x 2 x channels */
    float *row[3];       /* per channel */
} batch_job;

static float *converted(const batch_job *job, int worker, int which) {
    char *own = job->run->scratch + worker * job->run->scratch_bytes;
    const int64_t shared = (2 * job->p->blocks + 3) * job->p->channels;
    return (float *)own + shared + which * job->p->channels;
}

static batch_job start(const hl_instr *ins, hl_run *run) {
    const batch_norm *p = ins->p[2].p;
    batch_job job = {p, hl_args(ins), run, (float *)run->scratch, {0}};
    for (int i = 0; i < 3; i++) job.row[i] = job.sums + (2 * p->blocks + i) * p->channels;
    return job;
}

static void block_rows(const batch_norm *p, int64_t block, int64_t *row0, int64_t *row1) {
    *row0 = block * p->rows_per_block;
    *row1 = min_of(*row0 + p->rows_per_block, p->rows);
}

/* Adds the blocks of one of the two kinds of sums, in their order. */
static void add_blocks(const batch_job *job, int kind, float *total) {
    const batch_norm *p = job->p;
    for (int64_t c = 0; c < p->channels; c++) total[c] = 0;
    for (int64_t block = 0; block < p->blocks; block++) {
        const float *from = job->sums + (2 * block + kind) * p->channels;
        for (int64_t c = 0; c < p->channels; c++) total[c] += from[c];
    }
}

static void sum_chunk(void *arg, int64_t block, int worker) {
    const batch_job *job = arg;
    const batch_norm *p = job->p;
    float *sum = job->sums + 2 * block * p->channels;
    int64_t row0, row1;
    block_rows(p, block, &row0, &row1);
    memset(sum, 0, (size_t)p->channels * sizeof(float));
    for (int64_t row = row0; row < row1; row++) {
        const float *x = as_floats(job->operand[0], row * p->channels, p->channels, p->storage, converted(job, worker, 0));
        for (int64_t c = 0; c < p->channels; c++) sum[c] += x[c];
    }
}

/* Squares of the distances from the mean, which is in row 0. */
static void square_chunk(void *arg, int64_t block, int worker) {
    const batch_job *job = arg;
    const batch_norm *p = job->p;
    float *sum = job->sums + (2 * block + 1) * p->channels;
    const float *mean = job->row[0];
    int64_t row0, row1;
    block_rows(p, block, &row0, &row1);
    memset(sum, 0, (size_t)p->channels * sizeof(float));
    for (int64_t row = row0; row < row1; row++) {
        const float *x = as_floats(job->operand[0], row * p->channels, p->channels, p->storage, converted(job, worker, 0));
        for (int64_t c = 0; c < p->channels; c++) sum[c] += (x[c] - mean[c]) * (x[c] - mean[c]);
    }
}

/* y = (x - mean) * factor + offset: mean in row 0, factor in row 1. */
static void scale_chunk(void *arg, int64_t chunk, int worker) {
    const batch_job *job = arg;
    const batch_norm *p = job->p;
    const float *mean = job->row[0], *factor = job->row[1], *offset = job->operand[2];
    const int64_t end = min_of((chunk + 1) * p->rows_per_chunk, p->rows);
    for (int64_t row = chunk * p->rows_per_chunk; row < end; row++) {
        const int64_t at = row * p->channels;
        const float *x = as_floats(job->operand[0], at, p->channels, p->storage, converted(job, worker, 0));
        float *y = row_of(job->operand[5], at, p->storage, converted(job, worker, 1));
        for (int64_t c = 0; c < p->channels; c++) y[c] = (x[c] - mean[c]) * factor[c] + offset[c];
        put_back(job->operand[5], at, p->channels, p->storage, y);
    }
}

/* Operands: x, scale, offset, mean, variance; y, mean, variance, saved mean, saved variance. */
static hl_status run_batch_norm(const hl_instr *ins, hl_run *run) {
    batch_job job = start(ins, run);
    const batch_norm *p = job.p;
    const int64_t channels = p->channels;
    const size_t bytes = (size_t)channels * sizeof(float);
    float *mean = job.row[0], *factor = job.row[1], *variance = job.row[2];
    const float *scale = job.operand[1];
    float *of_batch[2] = {job.operand[6], job.operand[7]}, *saved[2] = {job.operand[8], job.operand[9]};
    if (p->training) {
        const float count = (float)p->rows, unbiased = p->rows > 1 ? count / (count - 1) : 1;
        hl_parallel(run, p->blocks, p->cost_ns, sum_chunk, &job);
        add_blocks(&job, 0, mean);
        for (int64_t c = 0; c < channels; c++) mean[c] = p->rows ? mean[c] / count : NAN;
        hl_parallel(run, p->blocks, p->cost_ns, square_chunk, &job);
        add_blocks(&job, 1, variance);
        for (int64_t c = 0; c < channels; c++) variance[c] = p->rows ? variance[c] / count : NAN;
        for (int64_t c = 0; c < channels; c++) of_batch[1][c] = variance[c] * unbiased;
    } else {
        memcpy(mean, job.operand[3], bytes);
        memcpy(variance, job.operand[4], bytes);
        memcpy(of_batch[1], variance, bytes);
    }
    for (int64_t c = 0; c < channels; c++) factor[c] = scale[c] / sqrtf(variance[c] + p->epsilon);
    memcpy(of_batch[0], mean, bytes);
    memcpy(saved[0], mean, bytes);
    memcpy(saved[1], variance, bytes);
    hl_parallel(run, p->chunks, p->cost_ns, scale_chunk, &job);
    return HL_OK;
}

/* Sums of the gradient, and of the gradient times the distance from the mean. */
static void gradient_sum_chunk(void *arg, int64_t block, int worker) {
    const batch_job *job = arg;
    const batch_norm *p = job->p;
    float *sum = job->sums + 2 * block * p->channels, *weighted = sum + p->channels;
    const float *mean = job->operand[3];
    int64_t row0, row1;
    block_rows(p, block, &row0, &row1);
    memset(sum, 0, 2 * (size_t)p->channels * sizeof(float));
    for (int64_t row = row0; row < row1; row++) {
        const int64_t at = row * p->channels;
        const float *g = as_floats(job->operand[0], at, p->channels, p->storage, converted(job, worker, 0));
        const float *x = as_floats(job->operand[1], at, p->channels, p->storage, converted(job, worker, 1));
        for (int64_t c = 0; c < p->channels; c++) {
            sum[c] += g[c];
            weighted[c] += g[c] * (x[c] - mean[c]);
        }
    }
}

/* dx = g * factor - (x - mean) * slope - base: factor, slope and base in rows 0 to 2. */
static void gradient_chunk(void *arg, int64_t chunk, int worker) {
    const batch_job *job = arg;
    const batch_norm *p = job->p;
    const float *factor = job->row[0], *slope = job->row[1], *base = job->row[2], *mean = job->operand[3];
    const int64_t end = min_of((chunk + 1) * p->rows_per_chunk, p->rows);
    for (int64_t row = chunk * p->rows_per_chunk; row < end; row++) {
        const int64_t at = row * p->channels;
        const float *g = as_floats(job->operand[0], at, p->channels, p->storage, converted(job, worker, 0));
        const float *x = as_floats(job->operand[1], at, p->channels, p->storage, converted(job, worker, 1));
        float *dx = row_of(job->operand[5], at, p->storage, converted(job, worker, 0));
        for (int64_t c = 0; c < p->channels; c++) dx[c] = g[c] * factor[c] - (x[c] - mean[c]) * slope[c] - base[c];
        put_back(job->operand[5], at, p->channels, p->storage, dx);
    }
}

/* Operands: gradient of y, x, scale, mean, variance; gradients of x, scale, offset. */
static hl_status run_batch_norm_gradient(const hl_instr *ins, hl_run *run) {
    batch_job job = start(ins, run);
    const batch_norm *p = job.p;
    const float *scale = job.operand[2], *variance = job.operand[4];
    float *of_scale = job.operand[6], *of_offset = job.operand[7];
    hl_parallel(run, p->blocks, p->cost_ns, gradient_sum_chunk, &job);
    add_blocks(&job, 0, of_offset);
    add_blocks(&job, 1, of_scale);
    const float count = (float)p->rows;
    for (int64_t c = 0; c < p->channels; c++) {
        const float inverse = 1 / sqrtf(variance[c] + p->epsilon);
        const float factor = scale[c] * inverse;
        job.row[0][c] = factor;
        job.row[1][c] = p->training && p->rows ? factor * inverse * inverse * of_scale[c] / count : 0;
        job.row[2][c] = p->training && p->rows ? factor * of_offset[c] / count : 0;
        of_scale[c] = p->rows ? of_scale[c] * inverse : 0; /* the statistics of nothing are not numbers */
    }
    hl_parallel(run, p->chunks, p->cost_ns, gradient_chunk, &job);
    return HL_OK;
}

/* ---- neighbouring channels ---- */

typedef struct lrn {
    int64_t rows, channels, radius, chunks, rows_per_chunk;
    int64_t width; /* elements of a row of scratch: with zeros for the neighbours of the first and last channels */
    float bias, alpha, beta;
    storage storage;
    double cost_ns;
} lrn;

typedef struct lrn_job {
    const lrn *p;
    void *const *operand;
    hl_run *run;
} lrn_job;

static float *lrn_row(const lrn_job *job, int worker, int which) {
    return (float *)(job->run->scratch + worker * job->run->scratch_bytes) + which * job->p->width;
}

/* The rows of scratch. */
enum { NORMS, FIRST, SECOND, THIRD, SQUARES, NEXT_SQUARES, RATIOS, RESULT, SUMS, CONVERTED, LRN_ROWS };

/* A row of scratch whose channels have zeros around them. */
static float *between_zeros(const lrn_job *job, int worker, int which) {
    float *row = lrn_row(job, worker, which);
    memset(row, 0, (size_t)job->p->width * sizeof *row);
    return row + job->p->radius;
}

/* sum[c] = what is around x[c], where zeros are around x; sum has room for whole vectors. */
static void sum_around(const lrn *p, const float *x, float *sum) {
    for (int64_t c = 0; c < p->channels; c += F32_LANES) {
        simd_f32 total = load_f32(x + c - p->radius);
        for (int64_t k = 1 - p->radius; k <= p->radius; k++) total += load_f32(x + c + k);
        store_f32(sum + c, total);
    }
}

/* The squares of a row of x. */
static void find_squares(const lrn_job *job, int worker, const void *operand, int64_t row, float *square) {
    const lrn *p = job->p;
    const float *x = as_floats(operand, row * p->channels, p->channels, p->storage, lrn_row(job, worker, CONVERTED));
    for (int64_t c = 0; c < p->channels; c++) square[c] = x[c] * x[c];
}

/* Two rows of squares, of which one is filled while the other is read: what was just stored is slow to load at other places. */
typedef struct squares { float *now, *next; } squares;

static squares first_squares(const lrn_job *job, int worker, const void *operand, int64_t row) {
    const squares found = {between_zeros(job, worker, SQUARES), between_zeros(job, worker, NEXT_SQUARES)};
    find_squares(job, worker, operand, row, found.next);
    return found;
}

/* norm[c] = bias + alpha * the sum of squares around c, of a row; rows come one after the other. */
static void find_norms(const lrn_job *job, int worker, const void *operand, int64_t row, int64_t end, squares *s, float *norm) {
    const lrn *p = job->p;
    *s = (squares){s->next, s->now};
    if (row + 1 < end) find_squares(job, worker, operand, row + 1, s->next);
    sum_around(p, s->now, norm);
    for (int64_t c = 0; c < p->channels; c++) norm[c] = p->bias + p->alpha * norm[c];
}

/* power[c] = norm[c]^-beta, norm being positive. */
static void find_powers(const lrn *p, const float *norm, float *power) {
    for (int64_t c = 0; c < p->channels; c += F32_LANES) {
        const int lanes = (int)min_of(F32_LANES, p->channels - c);
        store_part_f32(power + c, exp_f32(splat_f32(-p->beta) * log_f32(load_part_f32(norm + c, lanes))), lanes);
    }
}

static void lrn_chunk(void *arg, int64_t chunk, int worker) {
    const lrn_job *job = arg;
    const lrn *p = job->p;
    float *norm = lrn_row(job, worker, NORMS);
    const int64_t end = min_of((chunk + 1) * p->rows_per_chunk, p->rows);
    squares square = first_squares(job, worker, job->operand[0], chunk * p->rows_per_chunk);
    for (int64_t row = chunk * p->rows_per_chunk; row < end; row++) {
        const int64_t at = row * p->channels;
        const float *x = as_floats(job->operand[0], at, p->channels, p->storage, lrn_row(job, worker, FIRST));
        find_norms(job, worker, job->operand[0], row, end, &square, norm);
        float *y = row_of(job->operand[1], at, p->storage, lrn_row(job, worker, RESULT));
        find_powers(p, norm, norm);
        for (int64_t c = 0; c < p->channels; c++) y[c] = x[c] * norm[c];
        put_back(job->operand[1], at, p->channels, p->storage, y);
    }
}

/* dx[k] = g[k] norm[k]^-beta - 2 alpha beta x[k] * the sum around k of g y / norm. */
static void lrn_gradient_chunk(void *arg, int64_t chunk, int worker) {
    const lrn_job *job = arg;
    const lrn *p = job->p;
    float *norm = lrn_row(job, worker, NORMS), *sum = lrn_row(job, worker, SUMS);
    float *ratio = between_zeros(job, worker, RATIOS);
    const int64_t end = min_of((chunk + 1) * p->rows_per_chunk, p->rows);
    squares square = first_squares(job, worker, job->operand[1], chunk * p->rows_per_chunk);
    for (int64_t row = chunk * p->rows_per_chunk; row < end; row++) {
        const int64_t at = row * p->channels;
        const float *g = as_floats(job->operand[0], at, p->channels, p->storage, lrn_row(job, worker, FIRST));
        const float *x = as_floats(job->operand[1], at, p->channels, p->storage, lrn_row(job, worker, SECOND));
        const float *y = as_floats(job->operand[2], at, p->channels, p->storage, lrn_row(job, worker, THIRD));
        find_norms(job, worker, job->operand[1], row, end, &square, norm);
        for (int64_t c = 0; c < p->channels; c++) ratio[c] = g[c] * y[c] / norm[c];
        find_powers(p, norm, norm);
        float *dx = row_of(job->operand[3], at, p->storage, lrn_row(job, worker, RESULT));
        sum_around(p, ratio, sum);
        for (int64_t c = 0; c < p->channels; c++) dx[c] = g[c] * norm[c] - 2 * p->alpha * p->beta * x[c] * sum[c];
        put_back(job->operand[3], at, p->channels, p->storage, dx);
    }
}

static hl_status run_lrn(const hl_instr *ins, hl_run *run) {
    const lrn *p = ins->p[2].p;
    lrn_job job = {p, ins->arg, run};
    hl_parallel(run, p->chunks, p->cost_ns, ins->p[0].i ? lrn_gradient_chunk : lrn_chunk, &job);
    return HL_OK;
}

/* ---- preparing ---- */

static bool find_storage(hl_dtype dtype, storage *found) {
    switch (dtype) {
    case HL_FLOAT32: *found = AS_FLOAT; return true;
    case HL_FLOAT16: *found = AS_HALF; return true;
    case HL_BFLOAT16: *found = AS_BFLOAT; return true;
    default: return false;
    }
}

static int64_t chunk_rows(int64_t rows, double cost_ns) {
    return max_of(1, ceil_div(rows, max_of(1, min_of(64, (int64_t)(cost_ns / 10000)))));
}

/* Attributes: epsilon, whether the batch's own statistics are used. */
static hl_status prepare_batch(hl_prepare *prep, const hl_tensor *x, hl_run_fn fn) {
    batch_norm *p = prep->params;
    *p = (batch_norm){.epsilon = (float)prep->attr[0].f, .training = prep->attr[1].i};
    if (!find_storage(x->dtype, &p->storage))
        return hl_no_kernel(prep, "a batch normalization");
    p->channels = x->dims[x->rank - 1];
    p->rows = p->channels ? x->size / p->channels : 0;
    p->cost_ns = 30 + 0.3 * (double)x->size;
    p->rows_per_block = max_of(ROWS_PER_BLOCK, ceil_div(p->rows, SUM_BLOCKS));
    p->blocks = max_of(1, ceil_div(p->rows, p->rows_per_block));
    p->rows_per_chunk = chunk_rows(p->rows, p->cost_ns);
    p->chunks = ceil_div(p->rows, p->rows_per_chunk);
    prep->scratch_bytes = (2 * p->blocks + 5) * p->channels * (int64_t)sizeof(float);
    prep->cost_ns = p->cost_ns;
    prep->ins->fn = fn;
    return HL_OK;
}

static hl_status prepare_batch_norm(hl_prepare *prep) { return prepare_batch(prep, prep->in[0], run_batch_norm); }

static hl_status prepare_batch_norm_gradient(hl_prepare *prep) { return prepare_batch(prep, prep->in[1], run_batch_norm_gradient); }

/* Attributes: radius, bias, alpha, beta. */
static hl_status prepare_rows(hl_prepare *prep, bool gradient) {
    lrn *p = prep->params;
    const hl_tensor *x = prep->in[0];
    *p = (lrn){.radius = prep->attr[0].i, .bias = (float)prep->attr[1].f, .alpha = (float)prep->attr[2].f, .beta = (float)prep->attr[3].f};
    if (!find_storage(x->dtype, &p->storage))
        return hl_no_kernel(prep, "a local response normalization");
    p->channels = x->dims[x->rank - 1];
    p->rows = p->channels ? x->size / p->channels : 0;
    p->radius = max_of(0, min_of(p->radius, p->channels));
    p->width = p->channels + 2 * p->radius + F32_LANES;
    p->cost_ns = 20 + (double)x->size * (1 + 0.1 * (double)(2 * p->radius + 1));
    p->rows_per_chunk = chunk_rows(p->rows, p->cost_ns);
    p->chunks = ceil_div(p->rows, p->rows_per_chunk);
    prep->scratch_bytes = LRN_ROWS * p->width * (int64_t)sizeof(float);
    prep->cost_ns = p->cost_ns;
    prep->ins->p[0].i = gradient;
    prep->ins->fn = run_lrn;
    return HL_OK;
}

static hl_status prepare_lrn(hl_prepare *prep) { return prepare_rows(prep, false); }
static hl_status prepare_lrn_gradient(hl_prepare *prep) { return prepare_rows(prep, true); }

static const hl_kernel table[] = {
    {"batch_norm", prepare_batch_norm, sizeof(batch_norm)},
    {"batch_norm_gradient", prepare_batch_norm_gradient, sizeof(batch_norm)},
    {"lrn", prepare_lrn, sizeof(lrn)},
    {"lrn_gradient", prepare_lrn_gradient, sizeof(lrn)},
};

HL_FAMILY(normalization, table);
