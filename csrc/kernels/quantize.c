/* Numbers rounded to the steps of a scale that keeps zero: (x, min, max) -> out, the range given or that of the numbers themselves. */
#include <float.h>
#include <math.h>

#include "plan.h"
#include "pool.h"
#include "stretches.h"

enum { BLOCK = 1 << 14 };

typedef struct quantize_params {
    int64_t size;
    double least, most; /* of the integers */
    bool given, half_up;
    double cost;
} quantize_params;

/* A scale: x stands for round(x * by) * step; x is cut off at low and high first. */
#define SCALE(name, real, infinite)                                                                       \
    typedef struct name##_scale {                                                                         \
        real low, high, by, step;                                                                         \
    } name##_scale;                                                                                       \
    static name##_scale name##_scale_of(const quantize_params *p, real low, real high) {                  \
        const real least = (real)p->least, most = (real)p->most;                                          \
        const real from_low = least * low > 0 ? least / low : infinite;                                   \
        const real from_high = most * high > 0 ? most / high : infinite;                                  \
        if (from_low < from_high) return (name##_scale){low, most * (low / least), from_low, low / least}; \
        return (name##_scale){least * (high / most), high, from_high, high / most};                       \
    }
SCALE(single, float, FLT_MAX)
SCALE(twice, double, DBL_MAX)

typedef struct job {
    const quantize_params *p;
    const void *x;
    void *out;
    single_scale single;
    twice_scale twice;
} job;

#define CHUNK(name, real, to_even, down)                                                                     \
    static void name##_chunk(void *arg, int64_t chunk, int worker) {                                         \
        const job *j = arg;                                                                                  \
        (void)worker;                                                                                        \
        const int64_t first = chunk * BLOCK, end = first + BLOCK < j->p->size ? first + BLOCK : j->p->size;  \
        const real *restrict x = j->x, low = j->name.low, high = j->name.high, by = j->name.by, step = j->name.step; \
        real *restrict out = j->out;                                                                         \
        if (!j->p->given)                                                                                    \
            for (int64_t i = first; i < end; i++) out[i] = (j->p->half_up ? down(x[i] * by + (real)0.5) : to_even(x[i] * by)) * step; \
        else                                                                                                 \
            for (int64_t i = first; i < end; i++) {                                                          \
                const real cut = x[i] < low ? low : x[i] > high ? high : x[i];                               \
                out[i] = (j->p->half_up ? down(cut * by + (real)0.5) : to_even(cut * by)) * step;            \
            }                                                                                                \
    }
CHUNK(single, float, rintf, floorf)
CHUNK(twice, double, rint, floor)

/* The smallest and the largest number; one that is none does not count. */
#define ENDS(name, real)                                                               \
    static void name##_ends(hl_run *run, const real *x, int64_t n, real *low, real *high) { \
        *low = *high = n ? x[0] : 0;                                                   \
        for (STRETCHES(run, first, end, n))                                            \
            for (int64_t i = first; i < end; i++) {                                    \
                if (!(*low <= x[i])) *low = x[i] == x[i] ? x[i] : *low;                \
                if (!(*high >= x[i])) *high = x[i] == x[i] ? x[i] : *high;             \
            }                                                                          \
    }
ENDS(single, float)
ENDS(twice, double)

#define RUN(name, real)                                                                                               \
    static hl_status run_##name(const hl_instr *ins, hl_run *run) {                                                   \
        const quantize_params *p = ins->p[2].p;                                                                       \
        real low = *(const real *)ins->arg[1], high = *(const real *)ins->arg[2];                                     \
        if (!p->given) name##_ends(run, ins->arg[0], p->size, &low, &high);                                           \
        else if (low > high)                                                                                          \
            return hl_fail(run, HL_INVALID_ARGUMENT, "Invalid range: input_min %g > input_max %g", (double)low, (double)high); \
        job j = {.p = p, .x = ins->arg[0], .out = ins->arg[3], .name = name##_scale_of(p, low, high)};                \
        if (run->stopped == HL_OK) hl_parallel(run, (p->size + BLOCK - 1) / BLOCK, p->cost, name##_chunk, &j);            \
        return run->stopped;                                                                                          \
    }
RUN(single, float)
RUN(twice, double)

/* Attributes: the least and the largest integer, whether the range is given, whether halves are rounded up. */
static hl_status prepare_quantize(hl_prepare *prep) {
    quantize_params *p = prep->params;
    p->size = prep->in[0]->size;
    p->least = prep->attr[0].f;
    p->most = prep->attr[1].f;
    p->given = prep->attr[2].i;
    p->half_up = prep->attr[3].i;
    p->cost = (double)p->size * 0.4;
    prep->cost_ns = p->cost + (p->given ? 5 : (double)p->size);
    if (prep->in[0]->dtype != HL_FLOAT32 && prep->in[0]->dtype != HL_FLOAT64)
        return hl_no_kernel(prep, "quantizing");
    prep->ins->fn = prep->in[0]->dtype == HL_FLOAT32 ? run_single : run_twice;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"quantize", prepare_quantize, sizeof(quantize_params)},
};

HL_FAMILY(quantize, table);
