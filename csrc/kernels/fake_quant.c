/* Numbers rounded to those that integers of a few bits would keep, still as floats, and what their gradients are. */
#include <math.h>

#include "plan.h"
#include "pool.h"
#include "stretches.h"

enum { BLOCK = 1 << 14, LANES = 8 };

typedef struct fake_quant_params {
    int64_t size, channels, block; /* numbers; ranges, one for all or one for each place of the last axis; numbers of a chunk */
    double cost;
    float least, most; /* of the integers */
} fake_quant_params;

/* The ranges of all channels, moved so that zero is one of their steps. A range of nothing but zero changes gradients in nothing. */
typedef struct ranges {
    float *low, *high, *step, *inverse;
} ranges;

static ranges nudged(const fake_quant_params *p, const float *min, const float *max, void *scratch) {
    float *of = scratch;
    const ranges r = {of, of + p->channels, of + 2 * p->channels, of + 3 * p->channels};
    for (int64_t c = 0; c < p->channels; c++) {
        const float step = (max[c] - min[c]) / (p->most - p->least);
        const float from_min = p->least - min[c] / step;
        const float zero = from_min < p->least ? p->least : from_min > p->most ? p->most : roundf(from_min);
        const bool nothing = min[c] == 0 && max[c] == 0;
        r.low[c] = nothing ? 0 : (p->least - zero) * step;
        r.high[c] = nothing ? 0 : (p->most - zero) * step;
        r.step[c] = nothing ? 0 : step;
        r.inverse[c] = nothing ? 0 : 1 / step;
    }
    return r;
}

typedef struct job {
    const fake_quant_params *p;
    ranges r;
    const float *x, *gradient, *min, *max;
    float *out;
} job;

/* What is not a number stays so. */
static inline float at_most(float x, float high) { return x > high ? high : x; }
static inline float at_least(float x, float low) { return x < low ? low : x; }

#define ROUNDED(x, low, high, step, inverse) floorf((at_least(at_most(x, high), low) - low) * inverse + 0.5f) * step + low

static void round_chunk(void *arg, int64_t chunk, int worker) {
    const job *j = arg;
    const fake_quant_params *p = j->p;
    (void)worker;
    const int64_t first = chunk * p->block, end = first + p->block < p->size ? first + p->block : p->size;
    const float *restrict x = j->x;
    float *restrict out = j->out;
    if (p->channels == 1) {
        const float low = *j->r.low, high = *j->r.high, step = *j->r.step, inverse = *j->r.inverse;
        for (int64_t i = first; i < end; i++) out[i] = ROUNDED(x[i], low, high, step, inverse);
        return;
    }
    const float *restrict low = j->r.low, *restrict high = j->r.high, *restrict step = j->r.step, *restrict inverse = j->r.inverse;
    for (int64_t row = first; row < end; row += p->channels)
        for (int64_t c = 0; c < p->channels; c++)
            out[row + c] = ROUNDED(x[row + c], low[c], high[c], step[c], inverse[c]);
}

static void gradient_chunk(void *arg, int64_t chunk, int worker) {
    const job *j = arg;
    const fake_quant_params *p = j->p;
    (void)worker;
    const int64_t first = chunk * p->block, end = first + p->block < p->size ? first + p->block : p->size;
    for (int64_t row = first; row < end; row += p->channels == 1 ? p->block : p->channels) {
        const int64_t width = p->channels == 1 ? end - first : p->channels;
        for (int64_t i = 0; i < width; i++) {
            const int64_t c = p->channels == 1 ? 0 : i;
            const bool passes = (j->x[row + i] >= j->r.low[c] && j->x[row + i] <= j->r.high[c]) || (j->min[c] == 0 && j->max[c] == 0);
            j->out[row + i] = passes ? j->gradient[row + i] : 0;
        }
    }
}

/* fake_quant: (x, min, max) -> out. */
static hl_status run_fake_quant(const hl_instr *ins, hl_run *run) {
    const fake_quant_params *p = ins->p[2].p;
    job j = {.p = p, .r = nudged(p, ins->arg[1], ins->arg[2], run->scratch), .x = ins->arg[0], .out = ins->arg[3]};
    hl_parallel(run, p->block ? (p->size + p->block - 1) / p->block : 0, p->cost, round_chunk, &j);
    return run->stopped;
}

/* fake_quant_gradient: (gradient, x, min, max) -> by x, by min, by max. What lies outside of the range moves with its ends. */
static hl_status run_fake_quant_gradient(const hl_instr *ins, hl_run *run) {
    const fake_quant_params *p = ins->p[2].p;
    void *const *data = hl_args(ins);
    const float *gradient = data[0], *x = data[1], *min = data[2], *max = data[3];
    job j = {.p = p, .r = nudged(p, min, max, run->scratch), .x = x, .gradient = gradient, .min = min, .max = max, .out = data[4]};
    hl_parallel(run, p->block ? (p->size + p->block - 1) / p->block : 0, p->cost, gradient_chunk, &j);
    if (run->stopped != HL_OK) return run->stopped;
    float *by_min = data[5], *by_max = data[6];
    const int64_t lanes = p->channels == 1 ? LANES : p->channels;
    if (lanes == 0) return HL_OK;
    double *below = (double *)((char *)run->scratch + 4 * (p->channels + 4) * (int64_t)sizeof(float)), *above = below + lanes;
    for (int64_t k = 0; k < lanes; k++) below[k] = above[k] = 0;
    for (STRETCHES(run, first, end, (p->size + lanes - 1) / lanes)) {
        for (int64_t row = first; row < end; row++) {
            const int64_t width = row * lanes + lanes <= p->size ? lanes : p->size - row * lanes;
            for (int64_t k = 0; k < width; k++) {
                const int64_t i = row * lanes + k, c = p->channels == 1 ? 0 : k;
                const bool nothing = min[c] == 0 && max[c] == 0;
                below[k] += !nothing && x[i] < j.r.low[c] ? gradient[i] : 0;
                above[k] += !nothing && x[i] > j.r.high[c] ? gradient[i] : 0;
            }
        }
    }
    if (p->channels == 1) {
        for (int64_t k = 1; k < lanes; k++) below[0] += below[k], above[0] += above[k];
    }
    for (int64_t c = 0; c < p->channels; c++) by_min[c] = (float)below[c], by_max[c] = (float)above[c];
    return run->stopped;
}

/* Attributes: the least and the largest integer. */
static hl_status prepare(hl_prepare *prep, int x, double cost, hl_status (*run)(const hl_instr *, hl_run *)) {
    fake_quant_params *p = prep->params;
    p->size = prep->in[x]->size;
    p->channels = prep->in[x + 1]->size;
    p->block = p->channels == 1 ? BLOCK : p->channels == 0 ? 0 : p->channels * (p->channels < BLOCK ? BLOCK / p->channels : 1);
    p->least = (float)prep->attr[0].i;
    p->most = (float)prep->attr[1].i;
    const int64_t lanes = p->channels == 1 ? LANES : p->channels;
    prep->scratch_bytes = 4 * (p->channels + 4) * (int64_t)sizeof(float) + 2 * lanes * (int64_t)sizeof(double);
    prep->cost_ns = p->cost = (double)p->size * cost + (double)p->channels * 4 + 5;
    prep->ins->fn = run;
    return HL_OK;
}

static hl_status prepare_fake_quant(hl_prepare *prep) { return prepare(prep, 0, 0.3, run_fake_quant); }

static hl_status prepare_fake_quant_gradient(hl_prepare *prep) { return prepare(prep, 1, 1.5, run_fake_quant_gradient); }

static const hl_kernel table[] = {
    {"fake_quant", prepare_fake_quant, sizeof(fake_quant_params)},
    {"fake_quant_gradient", prepare_fake_quant_gradient, sizeof(fake_quant_params)},
};

HL_FAMILY(fake_quant, table);
