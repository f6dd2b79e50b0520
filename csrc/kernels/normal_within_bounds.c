/* Normal numbers between bounds, of which each row of the output may have its own, with TensorFlow 1.15's draws of one thread.
 *
 * Operands: the stream; means, deviations, lowest and highest numbers, each of one element or one for each row. All rows draw from
 * one sequence of groups (a block's four floats or two doubles), a row from where the one before it stopped: no row can be made
 * before the ones before it. Where all parameters are scalars, rows are of 100 numbers whatever the output's shape is. */
#include <math.h>

#include "philox.h"
#include "plan.h"

enum { PARAMETERS = 4, BATCH = 100, MOST_TRIES = 1000, GROUPS_BETWEEN_LOOKS = 0xfff };

typedef struct bounded {
    hl_dtype dtype;
    int64_t rows, numbers, total; /* numbers of a row; the last may have fewer */
    int64_t step[PARAMETERS];     /* 0 where one is for all */
} bounded;

typedef struct groups { uint64_t key, stream, index; } groups;

static inline void uniform_float_group(groups *g, float *out) {
    const block b = philox(g->key, g->stream, g->index++);
    uniform4(&b, out);
}

static inline void uniform_double_group(groups *g, double *out) {
    const block b = philox(g->key, g->stream, g->index++);
    uniform2(&b, out);
}

static inline void normal_float_group(groups *g, float *out) {
    const block b = philox(g->key, g->stream, g->index++);
    normal4(&b, out);
}

static inline void normal_double_group(groups *g, double *out) {
    const block b = philox(g->key, g->stream, g->index++);
    normal2(&b, out);
}

/* C. P. Robert, Simulation of truncated normal variables (1995): normal numbers where the bounds leave most of them, else uniform or
 * exponential ones that are accepted by chance. Returns how many it made: fewer than `count` where MOST_TRIES in turn were not
 * accepted, as the bounds are further from the mean than floats tell apart, or where the run is to stop. */
#define ROW(T, GROUP, EXP, LOG, SQRT)                                                                                           \
    static int64_t T##_row(groups *g, int64_t count, T mean, T deviation, T lowest, T highest, T *out, hl_run *run) {           \
        if ((isinf(lowest) && lowest < 0) || highest < mean) { /* the finite bound, or the nearer one, is the lower */          \
            const T other = lowest;                                                                                             \
            lowest = highest, highest = other, deviation = -deviation;                                                          \
        }                                                                                                                       \
        const T from = (lowest - mean) / deviation, to = (highest - mean) / deviation, width = to - from, root = SQRT(from * from + 4);\
        const T widest = 2 * EXP((T)0.5 + from * (from - root) / 4) / (from + root);                                            \
        T drawn[GROUP], chance[GROUP];                                                                                          \
        int64_t made = 0;                                                                                                       \
        int tries = 0;                                                                                                          \
        if ((from < (T)-1.3 && to >= 0) || (to > (T)1.3 && from <= 0)) {                                                        \
            for (;;) {                                                                                                          \
                if ((g->index & GROUPS_BETWEEN_LOOKS) == 0 && hl_is_stopped(run)) return made;                                  \
                normal_##T##_group(g, drawn);                                                                                   \
                for (int i = 0; i < GROUP; i++) {                                                                               \
                    if (drawn[i] >= from && drawn[i] <= to) {                                                                   \
                        out[made++] = drawn[i] * deviation + mean, tries = 0;                                                   \
                        if (made == count) return made;                                                                         \
                    } else if (++tries >= MOST_TRIES) return made;                                                              \
                }                                                                                                               \
            }                                                                                                                   \
        }                                                                                                                       \
        const bool uniform = width < widest;                                                                                    \
        const T rate = (from + root) / 2, nearest = from < 0 ? 0 : from * from;                                                 \
        for (;;) {                                                                                                              \
            if ((g->index & GROUPS_BETWEEN_LOOKS) <= 1 && hl_is_stopped(run)) return made;                                      \
            uniform_##T##_group(g, drawn);                                                                                      \
            if (uniform) uniform_##T##_group(g, chance);                                                                        \
            for (int i = 0; i < GROUP; i += uniform ? 1 : 2) {                                                                  \
                T z, off;                                                                                                       \
                bool accepted;                                                                                                  \
                if (uniform) {                                                                                                  \
                    z = drawn[i] * width + from;                                                                                \
                    accepted = chance[i] <= EXP((nearest - z * z) / 2);                                                         \
                } else {                                                                                                        \
                    z = -LOG(drawn[i]) / rate + from;                                                                           \
                    off = from < rate ? rate - z : from - rate;                                                                 \
                    accepted = drawn[i + 1] <= EXP(-off * off / 2) && z < to;                                                   \
                }                                                                                                               \
                if (!accepted) {                                                                                                \
                    if (++tries >= MOST_TRIES) return made;                                                                     \
                    continue;                                                                                                   \
                }                                                                                                               \
                out[made++] = z * deviation + mean, tries = 0;                                                                  \
                if (made == count) return made;                                                                                 \
            }                                                                                                                   \
        }                                                                                                                       \
    }

ROW(float, 4, expf, logf, sqrtf)
ROW(double, 2, exp, log, sqrt)

#define ALL_ROWS(T)                                                                                                             \
    static hl_status all_##T##_rows(const bounded *p, groups *g, void *const *arg, hl_run *run) {                               \
        for (int64_t row = 0; row < p->rows; row++) {                                                                           \
            T value[PARAMETERS];                                                                                                \
            for (int i = 0; i < PARAMETERS; i++) value[i] = ((const T *)arg[1 + i])[row * p->step[i]];                          \
            if (!(value[1] > 0 && value[2] < value[3] && (isfinite(value[2]) || isfinite(value[3]))))                           \
                return hl_fail(run, HL_INVALID_ARGUMENT,                                                                        \
                               "Invalid parameters: a deviation of %g, numbers between %g and %g", (double)value[1],            \
                               (double)value[2], (double)value[3]);                                                             \
            const int64_t first = row * p->numbers, count = first + p->numbers < p->total ? p->numbers : p->total - first;      \
            T *out = (T *)arg[1 + PARAMETERS] + first;                                                                          \
            const int64_t made = T##_row(g, count, value[0], value[1], value[2], value[3], out, run);                           \
            if (run->stopped != HL_OK) return run->stopped;                                                                     \
            if (made < count) return hl_fail(run, HL_INTERNAL, "none of %d numbers was accepted between %g and %g", MOST_TRIES, (double)value[2], (double)value[3]); \
        }                                                                                                                       \
        return HL_OK;                                                                                                           \
    }

ALL_ROWS(float)
ALL_ROWS(double)

static hl_status run_bounded(const hl_instr *ins, hl_run *run) {
    void **const arg = hl_args(ins);
    hl_stream *stream = arg[0];
    const bounded *p = ins->p[2].p;
    if (p->total == 0) return HL_OK;
    const uint64_t blocks = (uint64_t)(p->rows * 2 * MOST_TRIES * (p->numbers + 3) / 4);
    groups g = {stream->key, stream->stream, reserve(stream, blocks)};
    return p->dtype == HL_FLOAT64 ? all_double_rows(p, &g, arg, run) : all_float_rows(p, &g, arg, run);
}

static hl_status prepare_bounded(hl_prepare *prep) {
    static const char *const name[PARAMETERS] = {"means", "stddevs", "minvals", "maxvals"};
    bounded *p = prep->params;
    const hl_tensor *out = prep->out[0];
    if (out->rank == 0) return hl_refuse(prep, HL_INVALID_ARGUMENT, "Shape tensor must not be empty");
    *p = (bounded){out->dtype, out->dims[0], out->dims[0] ? out->size / out->dims[0] : 0, out->size, {0}};
    bool same = true;
    for (int i = 0; i < PARAMETERS; i++) {
        const int64_t size = prep->in[1 + i]->size;
        if (size != 1 && size != out->dims[0])
            return hl_refuse(prep, HL_INVALID_ARGUMENT, "Input %s should have length 1 or shape[0], got shape: [%lld]", name[i],
                             (long long)size);
        p->step[i] = size != 1;
        same &= prep->in[1 + i]->rank == 0;
    }
    if (same) p->rows = (out->size + BATCH - 1) / BATCH, p->numbers = BATCH;
    prep->cost_ns = (double)out->size * 20 + 20;
    prep->ins->fn = run_bounded;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"normal_within_bounds", prepare_bounded, sizeof(bounded)},
};

HL_FAMILY(normal_within_bounds, table);
