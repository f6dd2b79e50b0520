/* Morphological dilation of images: the largest of sums of pixels and a filter's elements, and its gradients. */
#include <float.h>
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "half.h"

enum {
    CHANNELS = 64, /* that are worked on together */
    STRETCH = 1 << 16 /* taps between which a run may be stopped */
};

typedef struct dilation_axis {
    int64_t image, filter, target, stride, rate, before;
} dilation_axis;

typedef struct dilation dilation;
/* Works on the channels c0 to c1, at most CHANNELS, of one position. */
typedef void (*dilation_at)(const dilation *d, void *const *operand, int64_t n, int64_t y, int64_t x, int64_t c0, int64_t c1);

struct dilation {
    dilation_axis y, x;
    int64_t batch, channels, element, chunks, rows_per_chunk;
    double cost_ns;
    dilation_at at;
};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* The taps of a window that lie in the image: at each, `pixel` and `tap` are its places, in elements, of channel 0. */
#define EACH_TAP(d, n, y0, x0)                                                                                          \
    for (int64_t dy = 0; dy < (d)->y.filter; dy++)                                                                      \
        for (int64_t dx = 0, iy = (y0) + dy * (d)->y.rate; dx < (d)->x.filter && iy >= 0 && iy < (d)->y.image; dx++)    \
            for (int64_t ix = (x0) + dx * (d)->x.rate, once = 1; once && ix >= 0 && ix < (d)->x.image; once = 0)        \
                for (int64_t pixel = (((n) * (d)->y.image + iy) * (d)->x.image + ix) * (d)->channels,                   \
                             tap = (dy * (d)->x.filter + dx) * (d)->channels, first = 1; first; first = 0)

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Sums are rounded to the type, as TensorFlow's are. The gradients go to the first of the largest; where no sum exceeds the lowest
 * number, to the first pixel that the window reaches, and to the first element of the filter. */
#define DILATION(type, S, C, LOAD, STORE, LOWEST)                                                                      \
    static void dilate_##type(const dilation *d, void *const *operand, int64_t n, int64_t y, int64_t x, int64_t c0, int64_t c1) { \
        const S *image = operand[0], *filter = operand[1];                                                              \
        S *out = (S *)operand[2] + ((n * d->y.target + y) * d->x.target + x) * d->channels;                             \
        const int64_t y0 = y * d->y.stride - d->y.before, x0 = x * d->x.stride - d->x.before;                           \
        C best[CHANNELS];                                                                                               \
        for (int64_t c = 0; c < c1 - c0; c++) best[c] = LOWEST;                                                         \
        EACH_TAP(d, n, y0, x0) {                                                                                        \
            const S *from = image + pixel + c0, *with = filter + tap + c0;                                              \
            for (int64_t c = 0; c < c1 - c0; c++) {                                                                     \
                const C sum = LOAD((S)STORE(LOAD(from[c]) + LOAD(with[c])));                                            \
                best[c] = sum > best[c] ? sum : best[c];                                                                \
            }                                                                                                           \
        }                                                                                                               \
        for (int64_t c = c0; c < c1; c++) out[c] = (S)STORE(best[c - c0]);                                              \
    }                                                                                                                   \
    /* Adds the gradient of a position to `out` at the place of each channel's largest sum: of a pixel, or of a tap. */ \
    ALWAYS_INLINE void slope_##type(const dilation *d, void *const *operand, int64_t n, int64_t y, int64_t x, int64_t c0, int64_t c1, \
                                const bool of_filter) {                                                                 \
        const S *image = operand[0], *filter = operand[1];                                                              \
        const S *grad = (const S *)operand[2] + ((n * d->y.target + y) * d->x.target + x) * d->channels;                \
        S *out = operand[3];                                                                                            \
        const int64_t y0 = y * d->y.stride - d->y.before, x0 = x * d->x.stride - d->x.before;                           \
        const int64_t corner = ((n * d->y.image + larger(y0, 0)) * d->x.image + larger(x0, 0)) * d->channels;           \
        C best[CHANNELS];                                                                                               \
        int64_t place[CHANNELS];                                                                                        \
        for (int64_t c = 0; c < c1 - c0; c++) best[c] = LOWEST, place[c] = of_filter ? 0 : corner;                      \
        EACH_TAP(d, n, y0, x0) {                                                                                        \
            for (int64_t c = 0; c < c1 - c0; c++) {                                                                     \
                const C sum = LOAD((S)STORE(LOAD(image[pixel + c0 + c]) + LOAD(filter[tap + c0 + c])));                 \
                if (sum > best[c]) best[c] = sum, place[c] = of_filter ? tap : pixel;                                   \
            }                                                                                                           \
        }                                                                                                               \
        for (int64_t c = c0; c < c1; c++) {                                                                             \
            S *to = out + place[c - c0] + c;                                                                            \
            *to = (S)STORE(LOAD(*to) + LOAD(grad[c]));                                                                  \
        }                                                                                                               \
    }                                                                                                                   \
    static void slope_of_image_##type(const dilation *d, void *const *operand, int64_t n, int64_t y, int64_t x, int64_t c0, int64_t c1) { \
        slope_##type(d, operand, n, y, x, c0, c1, false);                                                               \
    }                                                                                                                   \
    static void slope_of_filter_##type(const dilation *d, void *const *operand, int64_t n, int64_t y, int64_t x, int64_t c0, int64_t c1) { \
        slope_##type(d, operand, n, y, x, c0, c1, true);                                                                \
    }
#define SAME(x) (x)
#define WRAPPING(x) ((uint64_t)(x))
DILATION(f32, float, float, SAME, SAME, -FLT_MAX)
DILATION(f64, double, double, SAME, SAME, -DBL_MAX)
DILATION(f16, uint16_t, float, half_to_float, float_to_half, -65504.0f)
DILATION(bf16, uint16_t, float, bfloat_to_float, float_to_bfloat, -3.38953138925153547590470800371487866880e38f)
DILATION(i8, int8_t, int32_t, SAME, SAME, INT8_MIN)
DILATION(u8, uint8_t, int32_t, SAME, SAME, 0)
DILATION(i16, int16_t, int32_t, SAME, SAME, INT16_MIN)
DILATION(u16, uint16_t, int32_t, SAME, SAME, 0)
DILATION(i32, int32_t, int64_t, SAME, SAME, INT32_MIN)
DILATION(u32, uint32_t, uint64_t, SAME, SAME, 0)
DILATION(i64, int64_t, int64_t, WRAPPING, SAME, INT64_MIN)
DILATION(u64, uint64_t, uint64_t, SAME, SAME, 0)

#define DILATION_CASES(op)                                       \
    switch (prep->in[0]->dtype) {                                \
    case HL_FLOAT32: d->at = op##_f32; break;                    \
    case HL_FLOAT64: d->at = op##_f64; break;                    \
    case HL_FLOAT16: d->at = op##_f16; break;                    \
    case HL_BFLOAT16: d->at = op##_bf16; break;                  \
    case HL_INT8: d->at = op##_i8; break;                        \
    case HL_UINT8: d->at = op##_u8; break;                       \
    case HL_INT16: d->at = op##_i16; break;                      \
    case HL_UINT16: d->at = op##_u16; break;                     \
    case HL_INT32: d->at = op##_i32; break;                      \
    case HL_UINT32: d->at = op##_u32; break;                     \
    case HL_INT64: d->at = op##_i64; break;                      \
    case HL_UINT64: d->at = op##_u64; break;                     \
    default: return hl_no_kernel(prep, "a dilation");            \
    }

/* ---- running ---- */

typedef struct dilation_job {
    const dilation *d;
    void *const *operand;
    hl_run *run;
} dilation_job;

/* Before a row of so many channels' results: whether the run is to stop; `since` counts the taps since the clock was looked at. */
static bool stopped_before(const dilation_job *job, int worker, int64_t channels, int64_t *since) {
    *since += job->d->x.target * job->d->y.filter * job->d->x.filter * channels;
    if (*since < STRETCH) return false;
    *since = 0;
    return hl_is_stopped_for(job->run, worker);
}

/* All channels of some rows of the result. */
static void rows_chunk(void *arg, int64_t chunk, int worker) {
    const dilation_job *job = arg;
    const dilation *d = job->d;
    int64_t since = 0;
    const int64_t end = smaller((chunk + 1) * d->rows_per_chunk, d->batch * d->y.target);
    for (int64_t row = chunk * d->rows_per_chunk; row < end && !stopped_before(job, worker, d->channels, &since); row++)
        for (int64_t x = 0; x < d->x.target; x++)
            for (int64_t c = 0; c < d->channels; c += CHANNELS)
                d->at(d, job->operand, row / d->y.target, row % d->y.target, x, c, smaller(c + CHANNELS, d->channels));
}

/* Some channels of all positions: windows may overlap in what they write, channels do not. */
static void channels_chunk(void *arg, int64_t chunk, int worker) {
    const dilation_job *job = arg;
    const dilation *d = job->d;
    int64_t since = 0;
    const int64_t c0 = chunk * d->channels / d->chunks, c1 = (chunk + 1) * d->channels / d->chunks;
    for (int64_t n = 0; n < d->batch; n++)
        for (int64_t y = 0; y < d->y.target; y++) {
            if (stopped_before(job, worker, c1 - c0, &since)) return;
            for (int64_t x = 0; x < d->x.target; x++)
                for (int64_t c = c0; c < c1; c += CHANNELS) d->at(d, job->operand, n, y, x, c, smaller(c + CHANNELS, c1));
        }
}

static hl_status run_dilation(const hl_instr *ins, hl_run *run) {
    const dilation *d = ins->p[2].p;
    dilation_job job = {d, ins->arg, run};
    hl_parallel(run, d->chunks, d->cost_ns, rows_chunk, &job);
    return HL_OK;
}

static hl_status run_slope(const hl_instr *ins, hl_run *run) {
    const dilation *d = ins->p[2].p;
    dilation_job job = {d, ins->arg, run};
    memset(ins->arg[3], 0, (size_t)d->element);
    hl_parallel(run, d->chunks, d->cost_ns, channels_chunk, &job);
    return HL_OK;
}

/* ---- preparing ---- */

static dilation_axis axis_of(int64_t image, int64_t filter, int64_t target, const hl_value *attr, bool same) {
    dilation_axis a = {image, filter, target, attr[0].i, attr[1].i, 0};
    if (same) a.before = larger((target - 1) * a.stride + (filter - 1) * a.rate + 1 - image, 0) / 2;
    return a;
}

/* Attributes: whether images have a border, then stride and rate of each axis. */
static dilation *prepare(hl_prepare *prep, const hl_tensor *target) {
    const hl_tensor *image = prep->in[0], *filter = prep->in[1];
    dilation *d = prep->params;
    *d = (dilation){.batch = image->dims[0], .channels = image->dims[3], .element = hl_dtype_size(image->dtype)};
    d->y = axis_of(image->dims[1], filter->dims[0], target->dims[1], prep->attr + 1, prep->attr[0].i);
    d->x = axis_of(image->dims[2], filter->dims[1], target->dims[2], prep->attr + 3, prep->attr[0].i);
    d->cost_ns = 20 + 1.0 * (double)target->size * (double)(d->y.filter * d->x.filter);
    prep->cost_ns = d->cost_ns;
    return d;
}

/* dilation: (images, filter) -> the largest sums. */
static hl_status prepare_dilation(hl_prepare *prep) {
    dilation *d = prepare(prep, prep->out[0]);
    DILATION_CASES(dilate)
    const int64_t rows = d->batch * d->y.target, wanted = larger(1, smaller(64, (int64_t)(d->cost_ns / 10000)));
    d->rows_per_chunk = larger(1, (rows + wanted - 1) / wanted);
    d->chunks = prep->out[0]->size ? (rows + d->rows_per_chunk - 1) / d->rows_per_chunk : 0;
    prep->ins->fn = run_dilation;
    return HL_OK;
}

static hl_status prepare_slope(hl_prepare *prep, dilation *d) {
    d->element *= prep->out[0]->size; /* bytes of the result */
    const int64_t wanted = larger(1, smaller(16, (int64_t)(d->cost_ns / 10000)));
    const bool nothing = !prep->in[0]->size || !prep->in[1]->size || !prep->in[2]->size;
    d->chunks = nothing ? 0 : smaller(wanted, d->channels);
    prep->ins->fn = run_slope;
    return HL_OK;
}

/* dilation_slope_of_image, dilation_slope_of_filter: (images, filter, gradient of the sums) -> gradient of one of them. */
static hl_status prepare_slope_of_image(hl_prepare *prep) {
    dilation *d = prepare(prep, prep->in[2]);
    DILATION_CASES(slope_of_image)
    return prepare_slope(prep, d);
}

static hl_status prepare_slope_of_filter(hl_prepare *prep) {
    dilation *d = prepare(prep, prep->in[2]);
    DILATION_CASES(slope_of_filter)
    return prepare_slope(prep, d);
}

static const hl_kernel table[] = {
    {"dilation", prepare_dilation, sizeof(dilation)},
    {"dilation_slope_of_image", prepare_slope_of_image, sizeof(dilation)},
    {"dilation_slope_of_filter", prepare_slope_of_filter, sizeof(dilation)},
};

HL_FAMILY(dilation, table);
