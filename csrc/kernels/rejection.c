/* Random numbers by rejection: the gamma and the Poisson distribution, with TensorFlow 1.15's draws.
 *
 * Output i draws from the blocks that begin 256 * i behind the first one reserved, however many it takes. Operands: the
 * stream, the rates (or alphas); the output is [samples, rates]. */
#define _GNU_SOURCE
#include "elementwise_types.h"
#include "integers.h"
#include "philox.h"
#include "plan.h"
#include "pool.h"

enum { CHUNK = 256 };

/* Pairs of doubles from one block after another; the second of a pair comes first. */
typedef struct draws {
    uint64_t key, stream, index;
    double uniform[2], normal[2];
    int uniforms, normals;
} draws;

static double next_uniform(draws *d) {
    if (!d->uniforms) {
        const block b = philox(d->key, d->stream, d->index++);
        uniform2(&b, d->uniform);
        d->uniforms = 2;
    }
    return d->uniform[--d->uniforms];
}

static double next_normal(draws *d) {
    if (!d->normals) {
        const block b = philox(d->key, d->stream, d->index++);
        normal2(&b, d->normal);
        d->normals = 2;
    }
    return d->normal[--d->normals];
}

/* Marsaglia and Tsang, A Simple Method for Generating Gamma Variables (2000); below 1 with a power of a uniform. */
static double gamma_of(double alpha, draws *d) {
    if (alpha == 1.0) return -log(1.0 - next_uniform(d));
    const double shape = alpha + (alpha < 1 ? 2.0 / 3 : -1.0 / 3), c = 1.0 / 3 / sqrt(shape);
    for (;;) {
        const double x = next_normal(d);
        double v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        const double u = next_uniform(d);
        if (u < 1 - 0.0331 * (x * x) * (x * x) || log(u) < 0.5 * x * x + shape * (1 - v + log(v))) {
            const double result = shape * v;
            return alpha < 1 ? result * pow(next_uniform(d), 1 / alpha) : result;
        }
    }
}

/* Knuth's product of uniforms for small rates. */
static double poisson_by_product(double rate, double highest, draws *d) {
    const double limit = exp(-rate);
    double product = 1;
    for (double x = 0;; x += 1) {
        product *= next_uniform(d);
        if (product <= limit && x <= highest) return x;
    }
}

/* Hormann, The transformed rejection method for generating Poisson random variables (1993). */
static double poisson_by_rejection(double rate, double highest, draws *d) {
    const double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), log_rate = log(rate);
    for (;;) {
        const double u = next_uniform(d) - 0.5, v = next_uniform(d);
        const double shifted = 0.5 - fabs(u);
        const double k = floor((2 * a / shifted + b) * u + rate + 0.43);
        if (k > highest) continue;
        if (shifted >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k;
        if (k < 0 || (shifted < 0.013 && v > shifted)) continue;
        if (log(v * inverse_alpha / (a / (shifted * shifted) + b)) <= -rate + k * log_rate - lgamma(k + 1)) return k;
    }
}

static double poisson_of(double rate, double highest, draws *d) {
    if (!(rate >= 0) || isinf(rate)) return NAN;
    return rate < 10 ? poisson_by_product(rate, highest, d) : poisson_by_rejection(rate, highest, d);
}

typedef struct rejection {
    hl_dtype rate_type, out_type;
    int64_t samples, rates;
    bool poisson;
    double highest, cost_ns;
} rejection;

typedef struct job { const rejection *p; uint64_t key, stream, first; const void *rates; void *out; } job;

static double load(hl_dtype dtype, const void *data, int64_t at) {
    switch (dtype) {
    case HL_FLOAT32: return ((const float *)data)[at];
    case HL_FLOAT64: return ((const double *)data)[at];
    case HL_FLOAT16: return half_to_float(((const uint16_t *)data)[at]);
    case HL_INT32: return ((const int32_t *)data)[at];
    default: return (double)((const int64_t *)data)[at];
    }
}

static void store(hl_dtype dtype, void *data, int64_t at, double value) {
    switch (dtype) {
    case HL_FLOAT32: ((float *)data)[at] = (float)value; break;
    case HL_FLOAT64: ((double *)data)[at] = value; break;
    case HL_FLOAT16: ((uint16_t *)data)[at] = float_to_half((float)value); break;
    case HL_INT32: ((int32_t *)data)[at] = isnan(value) ? 0 : float_to_i32(value); break;
    default: ((int64_t *)data)[at] = isnan(value) ? 0 : float_to_i64(value);
    }
}

static void draw_chunk(void *argument, int64_t chunk, int worker) {
    const job *j = argument;
    const rejection *p = j->p;
    const int64_t total = p->samples * p->rates, end = (chunk + 1) * CHUNK < total ? (chunk + 1) * CHUNK : total;
    (void)worker;
    for (int64_t i = chunk * CHUNK; i < end; i++) {
        const int64_t rate = i / p->samples, sample = i % p->samples;
        draws d = {.key = j->key, .stream = j->stream, .index = j->first + (uint64_t)i * RESERVED};
        const double parameter = load(p->rate_type, j->rates, rate);
        const double value = p->poisson ? poisson_of(parameter, p->highest, &d) : gamma_of(parameter, &d);
        store(p->out_type, j->out, sample * p->rates + rate, value);
    }
}

/* Far below its rate a distribution has nothing that could be drawn: a number that the output's type has would never come. */
static bool out_of_reach(const rejection *p, double rate) {
    return p->poisson && rate - 5 * sqrt(rate) > p->highest && !isinf(rate);
}

static hl_status run_rejection(const hl_instr *ins, hl_run *run) {
    hl_stream *stream = ins->arg[0];
    const rejection *p = ins->p[2].p;
    const int64_t total = p->samples * p->rates;
    for (int64_t i = 0; i < p->rates && total > 0; i++) {
        const double rate = load(p->rate_type, ins->arg[1], i);
        if (out_of_reach(p, rate))
            return hl_fail(run, HL_INVALID_ARGUMENT, "a Poisson distribution of rate %g is out of the output's range", rate);
    }
    const job j = {p, stream->key, stream->stream, reserve(stream, (uint64_t)total * RESERVED), ins->arg[1], ins->arg[2]};
    hl_parallel(run, (total + CHUNK - 1) / CHUNK, p->cost_ns, draw_chunk, (void *)&j);
    return HL_OK;
}

static double highest_of(hl_dtype dtype) {
    switch (dtype) {
    case HL_FLOAT16: return 65504;
    case HL_FLOAT32: return 3.402823466e38;
    case HL_INT32: return INT32_MAX;
    case HL_INT64: return (double)INT64_MAX;
    default: return 1.7976931348623157e308;
    }
}

static hl_status prepare_rejection(hl_prepare *prep, bool poisson) {
    rejection *p = prep->params;
    const hl_tensor *rates = prep->in[1], *out = prep->out[0];
    const int64_t samples = rates->size ? out->size / rates->size : 0;
    *p = (rejection){rates->dtype, out->dtype, samples, rates->size, poisson, highest_of(out->dtype),
                     (double)out->size * 80 + 20};
    prep->cost_ns = p->cost_ns;
    prep->ins->fn = run_rejection;
    return HL_OK;
}

static hl_status prepare_gamma(hl_prepare *prep) { return prepare_rejection(prep, false); }
static hl_status prepare_poisson(hl_prepare *prep) { return prepare_rejection(prep, true); }

static const hl_kernel table[] = {
    {"random_gamma", prepare_gamma, sizeof(rejection)},
    {"random_poisson", prepare_poisson, sizeof(rejection)},
};

HL_FAMILY(rejection, table);
