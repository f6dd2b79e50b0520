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
#include "vector_angles.h"
#include "vector_math.h"

enum { CHUNK = 256, /* a multiple of MANY */
       FIRST_BY_VECTORS = SIMD_BYTES < 64 };

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

/* ---- the first numbers that many outputs draw, by vectors ----
 *
 * Most are accepted; an output whose are not begins again alone, as above. What is decided by a comparison is decided in double as
 * there, and by the same operations but for the last bits of logarithms and angles: results of 64 bits are not made so. */

enum { ACCEPTED = -1, UNKNOWN = 0, REJECTED = 1 };
typedef struct attempt { double value[MANY]; int64_t outcome[MANY]; } attempt;

SIMD_INLINE simd_f64 uniform_lanes(simd_u64 x0, simd_u64 x1) {
    return (simd_f64)((uint64_t)1023 << 52 | (x0 & 0xfffff) << 32 | (x1 & 0xffffffff)) - 1.0;
}

SIMD_INLINE void keep_attempt(attempt *a, int vector, simd_f64 value, simd_i64 accepted) {
    store_f64(a->value + vector * F64_LANES, value);
    memcpy(a->outcome + vector * F64_LANES, &accepted, sizeof accepted);
}

/* A normal number of each output's first block, and the uniform ones of the next. */
static void gamma_attempt(uint64_t key, uint64_t stream, uint64_t first, const double *alphas, attempt *a) {
    const philox_lanes n = philox_blocks(key, stream, first, RESERVED), u = philox_blocks(key, stream, first + 1, RESERVED);
    for (int v = 0; v < PHILOX_VECTORS; v++) {
        const simd_f64 alpha = load_f64(alphas + v * F64_LANES), u1 = uniform_lanes(n.word[0][v], n.word[1][v]);
        const simd_f64 radius = root_f64(-2.0 * log_f64(max_f64(u1, splat_f64(1.0e-7))));
        const simd_f64 x = sin_of_turn_f64(reduce_turn_f64(2 * M_PI * uniform_lanes(n.word[2][v], n.word[3][v])), 1) * radius;
        const simd_i64 small = alpha < 1.0;
        const simd_f64 shape = alpha + select_f64(small, splat_f64(2.0 / 3), splat_f64(-1.0 / 3)), c = 1.0 / 3 / root_f64(shape);
        const simd_f64 root = 1.0 + c * x, cube = root * root * root;
        const simd_i64 accepted = (root > 0.0) & (uniform_lanes(u.word[2][v], u.word[3][v]) < 1.0 - 0.0331 * (x * x) * (x * x));
        simd_f64 value = shape * cube;
        if (any_i64(small)) value = select_f64(small, value * pow_f64(uniform_lanes(u.word[0][v], u.word[1][v]), 1.0 / alpha), value);
        keep_attempt(a, v, value, accepted & (alpha != 1.0));
    }
}

/* How many uniform numbers it takes each output until their product is small: all are accepted. */
static void product_attempt(uint64_t key, uint64_t stream, uint64_t first, const double *rates, attempt *a) {
    double limits[MANY];
    for (int i = 0; i < MANY; i++) limits[i] = i > 0 && rates[i] == rates[i - 1] ? limits[i - 1] : exp(-rates[i]);
    simd_f64 product[PHILOX_VECTORS], count[PHILOX_VECTORS];
    for (int v = 0; v < PHILOX_VECTORS; v++) product[v] = splat_f64(1), count[v] = splat_f64(0);
    for (simd_i64 left = (simd_i64){0} - 1; any_i64(left); first++) {
        const philox_lanes u = philox_blocks(key, stream, first, RESERVED);
        left = (simd_i64){0};
        for (int v = 0; v < PHILOX_VECTORS; v++) {
            const simd_f64 limit = load_f64(limits + v * F64_LANES);
            product[v] *= uniform_lanes(u.word[2][v], u.word[3][v]);
            count[v] += (simd_f64)((product[v] > limit) & (simd_i64)splat_f64(1));
            product[v] *= uniform_lanes(u.word[0][v], u.word[1][v]);
            count[v] += (simd_f64)((product[v] > limit) & (simd_i64)splat_f64(1));
            left |= product[v] > limit;
        }
    }
    for (int v = 0; v < PHILOX_VECTORS; v++) keep_attempt(a, v, count[v], product[v] <= product[v]);
}

/* log(k!) by Stirling's series, from LEAST_STIRLING on to 1e-10. */
#define LEAST_STIRLING 7.0
SIMD_INLINE simd_f64 log_factorial(simd_f64 k) {
    const simd_f64 z = k + 1.0, y = 1.0 / z, square = y * y;
    const simd_f64 tail = y * (1.0 / 12 + square * (-1.0 / 360 + square * (1.0 / 1260 + square * (-1.0 / 1680))));
    return (z - 0.5) * log_f64(z) - z + 0.91893853320467274178 + tail;
}

/* One pair of uniform numbers each: a comparison with the box inside accepts most. What the logarithms say counts where they are
 * further apart than they may be wrong. */
static void transformed_attempt(uint64_t key, uint64_t stream, uint64_t first, const double *rates, double highest, attempt *t) {
    const philox_lanes blocks = philox_blocks(key, stream, first, RESERVED);
    double drawn[MANY], second[MANY], quotient[MANY];
    int64_t inside[MANY], outside[MANY];
    for (int v = 0; v < PHILOX_VECTORS; v++) {
        store_f64(drawn + v * F64_LANES, uniform_lanes(blocks.word[2][v], blocks.word[3][v]));
        store_f64(second + v * F64_LANES, uniform_lanes(blocks.word[0][v], blocks.word[1][v]));
    }
    for (int i = 0; i < MANY; i++) {
        const double rate = rates[i], b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
        const double u = drawn[i] - 0.5, v = second[i], shifted = 0.5 - fabs(u);
        const double k = floor((2 * a / shifted + b) * u + rate + 0.43);
        const bool is_high = k > highest, in_box = (shifted >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2));
        t->value[i] = k;
        inside[i] = -(int64_t)(in_box & (k <= highest));
        outside[i] = -(int64_t)(is_high | (!in_box && ((k < 0) | ((shifted < 0.013) & (v > shifted)))));
        quotient[i] = v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (shifted * shifted) + b);
    }
    for (int v = 0; v < PHILOX_VECTORS; v++) {
        const simd_f64 rate = load_f64(rates + v * F64_LANES), k = load_f64(t->value + v * F64_LANES), product = k * log_f64(rate);
        const simd_f64 above = (product - rate - log_factorial(k)) - log_f64(load_f64(quotient + v * F64_LANES));
        const simd_f64 margin = 1e-6 + 1e-11 * abs_f64(product);
        const simd_i64 known = k >= LEAST_STIRLING;
        simd_i64 in, out;
        memcpy(&in, inside + v * F64_LANES, sizeof in), memcpy(&out, outside + v * F64_LANES, sizeof out);
        const simd_i64 accepted = in | (~out & known & (above > margin)), rejected = ~accepted & (out | (known & (above < -margin)));
        const simd_i64 outcome = accepted | (rejected & REJECTED);
        memcpy(t->outcome + v * F64_LANES, &outcome, sizeof outcome);
    }
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

/* The first attempts of MANY outputs; false where there are none for such parameters. */
static bool attempt_many(const job *j, uint64_t first, const double *parameters, attempt *a) {
    const rejection *p = j->p;
    if (!FIRST_BY_VECTORS) return false;
    if (!p->poisson) {
        if (p->out_type == HL_FLOAT64) return false;
        gamma_attempt(j->key, j->stream, first, parameters, a);
        return true;
    }
    double least = parameters[0], most = parameters[0];
    bool known = true;
    for (int i = 0; i < MANY; i++) {
        known &= parameters[i] <= p->highest; /* false of what is not a number */
        least = parameters[i] < least ? parameters[i] : least;
        most = parameters[i] > most ? parameters[i] : most;
    }
    if (!known || least < 0 || (least < 10 && most >= 10)) return false;
    if (most < 10) product_attempt(j->key, j->stream, first, parameters, a);
    else transformed_attempt(j->key, j->stream, first, parameters, p->highest, a);
    return true;
}

static double draw_alone(const job *j, uint64_t index, double parameter) {
    draws d = {.key = j->key, .stream = j->stream, .index = index};
    return j->p->poisson ? poisson_of(parameter, j->p->highest, &d) : gamma_of(parameter, &d);
}

static void draw_chunk(void *argument, int64_t chunk, int worker) {
    const job *j = argument;
    const rejection *p = j->p;
    const int64_t total = p->samples * p->rates, end = (chunk + 1) * CHUNK < total ? (chunk + 1) * CHUNK : total;
    (void)worker;
    for (int64_t i = chunk * CHUNK; i < end; i += MANY) {
        const int64_t count = end - i < MANY ? end - i : MANY;
        const uint64_t first = j->first + (uint64_t)i * RESERVED;
        double parameters[MANY];
        attempt a;
        int64_t rate = i / p->samples, sample = i % p->samples;
        for (int64_t k = 0, at = rate, left = p->samples - sample; k < MANY; k++, left--) {
            if (left == 0 && k < count) at++, left = p->samples;
            parameters[k] = load(p->rate_type, j->rates, at);
        }
        const bool attempted = attempt_many(j, first, parameters, &a);
        for (int64_t k = 0; k < count; k++) {
            const int64_t outcome = attempted ? a.outcome[k] : UNKNOWN;
            const uint64_t next = first + (uint64_t)k * RESERVED + (outcome == REJECTED); /* which drew one block */
            const double value = outcome == ACCEPTED ? a.value[k] : draw_alone(j, next, parameters[k]);
            store(p->out_type, j->out, sample * p->rates + rate, value);
            if (++sample == p->samples) sample = 0, rate++;
        }
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
                     (double)out->size * (FIRST_BY_VECTORS && (poisson || out->dtype != HL_FLOAT64) ? 30 : 80) + 20};
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
