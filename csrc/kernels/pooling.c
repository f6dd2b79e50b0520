/* Pools over windows of images, and their gradients: maxima of every number type, means of floats. */
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "conv_geometry.h"
#include "half.h"
#include "simd.h"
#include "vector_math.h"

/* Bytes of channels that go together; where they are few vectors, more of what needs few registers, whose sums would wait for each
 * other. And whether windows of 2 by 2 and 3 by 3 are unrolled. */
enum { POOL_GROUP_BYTES = 2 * SIMD_BYTES, POOL_GROUP = POOL_GROUP_BYTES };
#if defined(__AVX__) && !defined(__AVX512F__)
enum { POOL_MAXIMA_BYTES = 4 * SIMD_BYTES, POOL_MEANS_BYTES = 8 * SIMD_BYTES };
#define POOL_UNROLLS 1
#else
enum { POOL_MAXIMA_BYTES = POOL_GROUP_BYTES, POOL_MEANS_BYTES = POOL_GROUP_BYTES };
#define POOL_UNROLLS 0
#endif

typedef struct pool pool;
/* Works on the target positions of row (i0, i1) of image n, channels c0 to c1. */
typedef void (*pool_row)(const pool *p, void *const *operand, int64_t n, int64_t i0, int64_t i1, int64_t c0, int64_t c1);

struct pool {
    conv_axis axis[CONV_AXES];
    int64_t step[CONV_AXES], image; /* elements between positions, and between images */
    int64_t batch, channels;
    pool_row row;
    int64_t rows_per_chunk, channel_parts, chunks; /* a chunk is rows of one image, or all of them for a part of the channels */
    bool overlapping, batch_in_index, wide_index;
    bool positive;     /* only maxima above 0 pass their gradient on */
    int zeroed;        /* operand to be filled with zeros, -1: none */
    int64_t element;   /* bytes of one */
    double cost_ns;
};

#define NAME(x) x##_f32
#define VEC simd_f32
#define INDEX_VEC simd_i32
#define SELECT select_f32
#define S float
#define C float
#define INDEX int32_t
#define LOAD
#define STORE
#define POOL_MEANS
#define POOL_FAST
#include "pooling_window.h"
#define NAME(x) x##_f64
#define VEC simd_f64
#define INDEX_VEC simd_i64
#define SELECT select_f64
#define S double
#define C double
#define INDEX int64_t
#define LOAD
#define STORE
#define POOL_MEANS
#define POOL_FAST
#include "pooling_window.h"
#define NAME(x) x##_f16
#define S uint16_t
#define C float
#define INDEX int32_t
#define LOAD half_to_float
#define STORE float_to_half
#define POOL_MEANS
#include "pooling_window.h"
#define NAME(x) x##_bf16
#define S uint16_t
#define C float
#define INDEX int32_t
#define LOAD bfloat_to_float
#define STORE float_to_bfloat
#define POOL_MEANS
#include "pooling_window.h"
#define NAME(x) x##_i8
#define S int8_t
#define C int32_t
#define INDEX int32_t
#define LOAD
#define STORE
#include "pooling_window.h"
#define NAME(x) x##_u8
#define S uint8_t
#define C int32_t
#define INDEX int32_t
#define LOAD
#define STORE
#include "pooling_window.h"
#define NAME(x) x##_i16
#define S int16_t
#define C int32_t
#define INDEX int32_t
#define LOAD
#define STORE
#include "pooling_window.h"
#define NAME(x) x##_u16
#define S uint16_t
#define C int32_t
#define INDEX int32_t
#define LOAD
#define STORE
#include "pooling_window.h"
#define NAME(x) x##_i32
#define S int32_t
#define C int32_t
#define INDEX int32_t
#define LOAD
#define STORE
#include "pooling_window.h"
#define NAME(x) x##_u32
#define S uint32_t
#define C uint32_t
#define INDEX int32_t
#define LOAD
#define STORE
#include "pooling_window.h"
#define NAME(x) x##_i64
#define S int64_t
#define C int64_t
#define INDEX int64_t
#define LOAD
#define STORE
#include "pooling_window.h"
#define NAME(x) x##_u64
#define S uint64_t
#define C uint64_t
#define INDEX int64_t
#define LOAD
#define STORE
#include "pooling_window.h"

/* ---- running ---- */

typedef struct pool_job {
    const pool *p;
    void *const *operand;
} pool_job;

/* Rows of axes 0 and 1 of one image, all channels. */
static void row_chunk(void *arg, int64_t chunk, int worker) {
    const pool_job *job = arg;
    const pool *p = job->p;
    (void)worker;
    const int64_t rows = p->axis[0].target * p->axis[1].target;
    const int64_t end = conv_min((chunk + 1) * p->rows_per_chunk, p->batch * rows);
    for (int64_t row = chunk * p->rows_per_chunk; row < end; row++)
        p->row(p, job->operand, row / rows, row % rows / p->axis[1].target, row % p->axis[1].target, 0, p->channels);
}

/* Writes zeros to the channels c0 to c1 of an image. */
static void zero_image(const pool *p, char *image, int64_t c0, int64_t c1) {
    if (c0 == 0 && c1 == p->channels) {
        memset(image, 0, (size_t)(p->image * p->element));
        return;
    }
    for (int64_t at = 0; at < p->image; at += p->channels)
        memset(image + (at + c0) * p->element, 0, (size_t)((c1 - c0) * p->element));
}

/* All rows of one image, a part of the channels: windows may overlap in what they write. */
static void image_chunk(void *arg, int64_t chunk, int worker) {
    const pool_job *job = arg;
    const pool *p = job->p;
    (void)worker;
    const int64_t n = chunk / p->channel_parts, part = chunk % p->channel_parts;
    const int64_t c0 = part * p->channels / p->channel_parts, c1 = (part + 1) * p->channels / p->channel_parts;
    if (p->zeroed >= 0) zero_image(p, (char *)job->operand[p->zeroed] + n * p->image * p->element, c0, c1);
    for (int64_t i0 = 0; i0 < p->axis[0].target; i0++)
        for (int64_t i1 = 0; i1 < p->axis[1].target; i1++) p->row(p, job->operand, n, i0, i1, c0, c1);
}

static hl_status run_rows(const hl_instr *ins, hl_run *run) {
    const pool *p = ins->p[2].p;
    pool_job job = {p, ins->arg};
    hl_parallel(run, p->chunks, p->cost_ns, row_chunk, &job);
    return HL_OK;
}

static hl_status run_images(const hl_instr *ins, hl_run *run) {
    const pool *p = ins->p[2].p;
    pool_job job = {p, ins->arg};
    hl_parallel(run, p->chunks, p->cost_ns, image_chunk, &job);
    return HL_OK;
}

/* ---- preparing ---- */

/* What is common: the sizes, how the work is cut, what it costs. Attributes after those of the axes: windows. */
static bool prepare_pool(hl_prepare *prep, const hl_tensor *image, const hl_tensor *target, pool *p, bool by_image) {
    const int spatial = image->rank - 2;
    int64_t windows[CONV_AXES];
    for (int axis = 0; axis < spatial; axis++)
        windows[axis] = prep->attr[CONV_FIRST_ATTRIBUTE + CONV_ATTRIBUTES * spatial + axis].i;
    *p = (pool){.zeroed = -1, .element = (int64_t)hl_dtype_size(image->dtype)};
    conv_read_axes(p->axis, prep, image, target, windows);
    p->batch = image->dims[0];
    p->channels = image->dims[image->rank - 1];
    p->step[2] = p->channels;
    p->step[1] = p->axis[2].image * p->step[2];
    p->step[0] = p->axis[1].image * p->step[1];
    p->image = p->axis[0].image * p->step[0];
    int64_t taps = 1;
    bool covered = true;
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const conv_axis *a = &p->axis[axis];
        taps *= a->window;
        p->overlapping = p->overlapping || (a->stride < a->window && a->target > 1);
        covered = covered && (a->stride == a->window || a->target == 1) && (a->target - 1) * a->stride + a->window - a->before >= a->image;
    }
    p->cost_ns = 20 + 0.05 * (double)p->element * (double)(image->size + target->size) + 0.08 * (double)(target->size * taps);
    prep->cost_ns = p->cost_ns;
    if (image->size == 0 || target->size == 0) {
        p->chunks = 0;
        prep->ins->fn = run_rows;
        if (!by_image || image->size == 0) return false;
    }
    const int64_t rows = p->batch * p->axis[0].target * p->axis[1].target;
    const int64_t wanted = conv_max(1, conv_min(64, (int64_t)(p->cost_ns / 10000)));
    p->rows_per_chunk = conv_max(1, conv_ceil(rows, wanted));
    p->chunks = conv_ceil(rows, p->rows_per_chunk);
    prep->ins->fn = run_rows;
    if (by_image) {
        const int64_t parts = conv_min(conv_ceil(wanted, p->batch), p->channels / (POOL_GROUP_BYTES / p->element));
        p->channel_parts = conv_max(1, p->batch < 4 ? parts : 1);
        p->chunks = p->batch * p->channel_parts;
        if (!covered) p->zeroed = prep->n_in + prep->n_out - 1;
        prep->ins->fn = run_images;
    }
    return true;
}

#define MAX_CASES(op)                                                                                                     \
    switch (prep->in[0]->dtype) {                                                                                         \
    case HL_FLOAT32: p->row = op##_f32; break;                                                                            \
    case HL_FLOAT64: p->row = op##_f64; break;                                                                            \
    case HL_FLOAT16: p->row = op##_f16; break;                                                                            \
    case HL_BFLOAT16: p->row = op##_bf16; break;                                                                          \
    case HL_INT8: p->row = op##_i8; break;                                                                                \
    case HL_UINT8: p->row = op##_u8; break;                                                                               \
    case HL_INT16: p->row = op##_i16; break;                                                                              \
    case HL_UINT16: p->row = op##_u16; break;                                                                             \
    case HL_INT32: p->row = op##_i32; break;                                                                              \
    case HL_UINT32: p->row = op##_u32; break;                                                                             \
    case HL_INT64: p->row = op##_i64; break;                                                                              \
    case HL_UINT64: p->row = op##_u64; break;                                                                             \
    default: return hl_no_kernel(prep, "a pool");                                                                         \
    }
#define MEAN_CASES(op)                                                                                                    \
    switch (prep->in[0]->dtype) {                                                                                         \
    case HL_FLOAT32: p->row = op##_f32; break;                                                                            \
    case HL_FLOAT64: p->row = op##_f64; break;                                                                            \
    case HL_FLOAT16: p->row = op##_f16; break;                                                                            \
    case HL_BFLOAT16: p->row = op##_bf16; break;                                                                          \
    default: return hl_no_kernel(prep, "a pool");                                                                         \
    }

/* max_pool: image -> maxima. */
static hl_status prepare_max(hl_prepare *prep) {
    pool *p = prep->params;
    prepare_pool(prep, prep->in[0], prep->out[0], p, false);
    MAX_CASES(max_row)
    return HL_OK;
}

/* max_pool_gradient: (image, gradient of the maxima) -> gradient of the image. An attribute after the windows, if there is
 * one, asks that only maxima above 0 have one, as behind a relu. */
static hl_status prepare_max_gradient(hl_prepare *prep) {
    pool *p = prep->params;
    prepare_pool(prep, prep->in[0], prep->in[1], p, true);
    const int own = CONV_FIRST_ATTRIBUTE + (CONV_ATTRIBUTES + 1) * (prep->in[0]->rank - 2);
    p->positive = prep->n_attr > own && prep->attr[own].i;
    MAX_CASES(max_gradient_row)
    return HL_OK;
}

/* max_pool_gradient_of_all: the same where all that are equal to a maximum have its gradient. */
static hl_status prepare_max_gradient_of_all(hl_prepare *prep) {
    pool *p = prep->params;
    prepare_pool(prep, prep->in[0], prep->in[1], p, true);
    MEAN_CASES(max_ties_row)
    return HL_OK;
}

/* max_pool_select: (image, values of the image's shape) -> the values where the maxima are. */
static hl_status prepare_max_select(hl_prepare *prep) {
    pool *p = prep->params;
    prepare_pool(prep, prep->in[0], prep->out[0], p, false);
    MAX_CASES(max_select_row)
    return HL_OK;
}

/* max_pool_index: image -> (maxima, their indices). The last attribute: whether they count from the batch's start. */
static hl_status prepare_max_index(hl_prepare *prep) {
    pool *p = prep->params;
    prepare_pool(prep, prep->in[0], prep->out[0], p, false);
    p->batch_in_index = prep->attr[prep->n_attr - 1].i;
    p->wide_index = prep->out[1]->dtype == HL_INT64;
    MAX_CASES(max_index_row)
    return HL_OK;
}

/* mean_pool: image -> means of the elements that each window covers. */
static hl_status prepare_mean(hl_prepare *prep) {
    pool *p = prep->params;
    prepare_pool(prep, prep->in[0], prep->out[0], p, false);
    MEAN_CASES(mean_row)
    return HL_OK;
}

/* mean_pool_gradient: gradient of the means -> gradient of the image. */
static hl_status prepare_mean_gradient(hl_prepare *prep) {
    pool *p = prep->params;
    prepare_pool(prep, prep->out[0], prep->in[0], p, true);
    MEAN_CASES(mean_gradient_row)
    return HL_OK;
}

/* max_pool_scatter: (gradient of the maxima, their indices) -> gradient of the image. Attribute: as for max_pool_index. */
typedef struct scatter { int64_t images, positions, image, element; bool batch_in_index, wide; } scatter;

#define SCATTER(tag, S, LOAD, STORE)                                                                      \
    static void scatter_##tag(const void *from, void *to, int64_t i, int64_t at) {                        \
        const S *grad = from;                                                                             \
        S *image = to;                                                                                    \
        image[at] = (S)STORE(LOAD(image[at]) + LOAD(grad[i]));                                            \
    }
SCATTER(f32, float, , )
SCATTER(f64, double, , )
SCATTER(f16, uint16_t, half_to_float, float_to_half)
SCATTER(bf16, uint16_t, bfloat_to_float, float_to_bfloat)
SCATTER(u8, uint8_t, , )
SCATTER(u16, uint16_t, , )
SCATTER(u32, uint32_t, , )
SCATTER(u64, uint64_t, , )
typedef void (*scatter_fn)(const void *grad, void *image, int64_t i, int64_t at);

static hl_status run_scatter(const hl_instr *ins, hl_run *run) {
    const scatter *s = ins->p[2].p;
    const scatter_fn add = (scatter_fn)ins->p[0].p;
    memset(ins->arg[2], 0, (size_t)(s->images * s->image * s->element));
    for (int64_t i = 0; i < s->images * s->positions; i++) {
        const int64_t index = s->wide ? ((const int64_t *)ins->arg[1])[i] : ((const int32_t *)ins->arg[1])[i];
        const int64_t n = i / s->positions, at = index + (s->batch_in_index ? 0 : n * s->image);
        if (at < n * s->image || at >= (n + 1) * s->image)
            return hl_fail(run, HL_INVALID_ARGUMENT, "Invalid argmax index %lld: the image has %lld elements", (long long)index,
                           (long long)s->image);
        add(ins->arg[0], ins->arg[2], i, at);
    }
    return HL_OK;
}

static hl_status prepare_scatter(hl_prepare *prep) {
    const hl_tensor *grad = prep->in[0], *out = prep->out[0];
    const int64_t images = out->dims[0];
    *(scatter *)prep->params = (scatter){images, images ? grad->size / images : 0, images ? out->size / images : 0,
                                         (int64_t)hl_dtype_size(out->dtype), prep->attr[0].i, prep->in[1]->dtype == HL_INT64};
    void *add = NULL;
    switch (out->dtype) {
    case HL_FLOAT32: add = (void *)scatter_f32; break;
    case HL_FLOAT64: add = (void *)scatter_f64; break;
    case HL_FLOAT16: add = (void *)scatter_f16; break;
    case HL_BFLOAT16: add = (void *)scatter_bf16; break;
    case HL_INT8: case HL_UINT8: add = (void *)scatter_u8; break;
    case HL_INT16: case HL_UINT16: add = (void *)scatter_u16; break;
    case HL_INT32: case HL_UINT32: add = (void *)scatter_u32; break;
    case HL_INT64: case HL_UINT64: add = (void *)scatter_u64; break;
    default: return hl_no_kernel(prep, "a pool");
    }
    prep->ins->p[0].p = add;
    prep->ins->fn = run_scatter;
    prep->cost_ns = 10 + 2.0 * (double)grad->size + 0.2 * (double)out->size;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"max_pool_scatter", prepare_scatter, sizeof(scatter)},
    {"max_pool", prepare_max, sizeof(pool)},
    {"max_pool_gradient", prepare_max_gradient, sizeof(pool)},
    {"max_pool_gradient_of_all", prepare_max_gradient_of_all, sizeof(pool)},
    {"max_pool_select", prepare_max_select, sizeof(pool)},
    {"max_pool_index", prepare_max_index, sizeof(pool)},
    {"mean_pool", prepare_mean, sizeof(pool)},
    {"mean_pool_gradient", prepare_mean_gradient, sizeof(pool)},
};

HL_FAMILY(pooling, table);
