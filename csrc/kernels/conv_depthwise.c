/* Convolutions of each channel with a filter of its own, and their gradients: float and double. */
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "conv_geometry.h"
#include "float_names.h"

enum {
    GROUP_VECTORS = 4,
    TOGETHER = 2, /* positions */
    TILE_SUMS = 8,
    SLIDE = 4, /* positions of windows that follow each other */
    SLIDE_WINDOW = 7,
    SLIDE_VECTORS = SIMD_BYTES == 64 ? 4 : 2,
    FILTER_TAPS = 4, /* side by side, of a filter's gradient */
    FLAT_VECTORS = 8, /* side by side, of several positions each */
    FLAT_TAPS = 256, /* of a window at most; ops/conv.py has the same number */
    MAX_SUM_BLOCKS = 16
};

typedef struct depthwise {
    conv_axis axis[CONV_AXES];
    int64_t image_step[CONV_AXES], filter_step[CONV_AXES]; /* elements between positions */
    int64_t batch, channels, image_size, filter_size;
    int64_t filter_origin;                           /* where the first tap is */
    int64_t size[CONV_AXES];                         /* positions that are written along each axis, those of all phases */
    int64_t start[CONV_AXES], step[CONV_AXES];       /* and where those of this phase are */
    int64_t phases, rows_per_chunk, sum_blocks, chunks;
    double cost_ns;
    bool wide;
} depthwise;

/* Where the taps of a window begin, the first one along each axis, and how many there are. */
typedef struct depthwise_taps { int64_t image, filter, first[CONV_AXES], count[CONV_AXES]; } depthwise_taps;

#define FLOATS f32
#include "conv_depthwise_kernel.h"
#undef FLOATS

#define FLOATS f64
#include "conv_depthwise_kernel.h"
#undef FLOATS

/* The gradient of the image is a convolution of the target's with the filter turned round. With strides the image's positions
 * fall into phases, each of which sees every stride-th tap: this one in place of `d`, whose axes are those forward. */
static void find_phase(const depthwise *d, int64_t index, depthwise *found) {
    *found = *d;
    found->image_size = d->channels;
    for (int axis = CONV_AXES - 1; axis >= 0; axis--) {
        const conv_axis *a = &d->axis[axis];
        const int64_t phases = conv_min(a->stride, a->image);
        conv_phase p;
        conv_find_phase(a, true, index % phases, &p);
        index /= phases;
        found->axis[axis] = (conv_axis){a->target, p.count, p.taps, 1, p.dilation, -p.first};
        found->image_step[axis] = found->image_size;
        found->image_size *= a->target;
        found->filter_origin += (a->window - 1 - p.tap) * d->filter_step[axis];
        found->filter_step[axis] = -p.tap_step * d->filter_step[axis];
        found->start[axis] = p.start;
        found->step[axis] = p.step;
    }
}

/* ---- running ---- */

typedef struct depthwise_job {
    const depthwise *d;
    void *const *operand;
    hl_run *run;
} depthwise_job;

static void forward_chunk(void *arg, int64_t chunk, int worker) {
    const depthwise_job *job = arg;
    const depthwise *d = job->d;
    (void)worker;
    const int64_t row0 = chunk * d->rows_per_chunk;
    const int64_t row1 = conv_min(row0 + d->rows_per_chunk, d->batch * d->size[0] * d->size[1]);
    for (int64_t index = 0; index < d->phases; index++) {
        depthwise phase;
        if (d->phases > 1) find_phase(d, index, &phase);
        (d->wide ? depthwise_rows_f64 : depthwise_rows_f32)(d->phases > 1 ? &phase : d, job->operand[0], job->operand[1],
                                                            job->operand[2], row0, row1);
    }
}

static void filter_chunk(void *arg, int64_t chunk, int worker) {
    const depthwise_job *job = arg;
    const depthwise *d = job->d;
    (void)worker;
    const int64_t n0 = chunk * d->batch / d->sum_blocks, n1 = (chunk + 1) * d->batch / d->sum_blocks;
    char *sums = chunk == 0 ? job->operand[2] : job->run->scratch + (chunk - 1) * d->filter_size * (d->wide ? 8 : 4);
    if (d->wide) depthwise_filter_f64(d, job->operand[0], job->operand[1], (double *)sums, n0, n1);
    else depthwise_filter_f32(d, job->operand[0], job->operand[1], (float *)sums, n0, n1);
}

static hl_status run_forward(const hl_instr *ins, hl_run *run) {
    const depthwise *d = ins->p[2].p;
    depthwise_job job = {d, ins->arg, run};
    hl_parallel(run, d->chunks, d->cost_ns, forward_chunk, &job);
    return HL_OK;
}

static hl_status run_filter(const hl_instr *ins, hl_run *run) {
    const depthwise *d = ins->p[2].p;
    depthwise_job job = {d, ins->arg, run};
    hl_parallel(run, d->chunks, d->cost_ns, filter_chunk, &job);
    if (d->wide) depthwise_add_f64(d, ins->arg[2], (const double *)run->scratch);
    else depthwise_add_f32(d, ins->arg[2], (const float *)run->scratch);
    return HL_OK;
}

/* ---- preparing ---- */

/* What is common; false where there is nothing to do. A filter has one element a tap and channel. */
static bool prepare_depthwise(hl_prepare *prep, const hl_tensor *image, const hl_tensor *filter, const hl_tensor *target,
                              const hl_tensor *out) {
    depthwise *d = prep->params;
    *d = (depthwise){.batch = image->dims[0], .channels = image->dims[image->rank - 1], .wide = out->dtype == HL_FLOAT64};
    conv_read_axes(d->axis, prep, image, target, filter->dims);
    d->image_step[2] = d->filter_step[2] = d->channels;
    d->filter_size = d->axis[2].window * d->channels;
    d->image_size = d->axis[2].image * d->channels;
    for (int axis = 1; axis >= 0; axis--) {
        d->image_step[axis] = d->image_size;
        d->filter_step[axis] = d->filter_size;
        d->image_size *= d->axis[axis].image;
        d->filter_size *= d->axis[axis].window;
    }
    for (int axis = 0; axis < CONV_AXES; axis++) d->size[axis] = d->axis[axis].target, d->step[axis] = 1;
    d->phases = 1;
    const int64_t taps = d->channels ? d->filter_size / d->channels : 0;
    d->cost_ns = 20 + 0.08 * (d->wide ? 2 : 1) * (double)target->size * (double)conv_max(1, taps);
    prep->cost_ns = d->cost_ns;
    prep->ins->fn = hl_run_nothing;
    return out->size > 0;
}

static bool is_real(hl_dtype dtype) { return dtype == HL_FLOAT32 || dtype == HL_FLOAT64; }

static void cut_rows(hl_prepare *prep, depthwise *d) {
    const int64_t rows = d->batch * d->size[0] * d->size[1];
    d->rows_per_chunk = conv_ceil(rows, conv_max(1, conv_min(64, (int64_t)(d->cost_ns / 10000))));
    d->chunks = conv_ceil(rows, d->rows_per_chunk);
    prep->ins->fn = run_forward;
}

/* conv_depthwise: (image, filter) -> target; all have the same channels. */
static hl_status prepare_forward(hl_prepare *prep) {
    depthwise *d = prep->params;
    if (!is_real(prep->out[0]->dtype)) return hl_no_kernel(prep, "a convolution");
    if (!prepare_depthwise(prep, prep->in[0], prep->in[1], prep->out[0], prep->out[0])) return HL_OK;
    cut_rows(prep, d);
    return HL_OK;
}

/* conv_depthwise_image_gradient: (gradient of the target, filter) -> gradient of the image. */
static hl_status prepare_image(hl_prepare *prep) {
    depthwise *d = prep->params;
    if (!is_real(prep->out[0]->dtype)) return hl_no_kernel(prep, "a convolution");
    if (!prepare_depthwise(prep, prep->out[0], prep->in[1], prep->in[0], prep->out[0])) return HL_OK;
    for (int axis = 0; axis < CONV_AXES; axis++) {
        d->size[axis] = d->axis[axis].image;
        d->phases *= conv_min(d->axis[axis].stride, d->axis[axis].image);
    }
    cut_rows(prep, d);
    if (d->phases == 1) { /* the same for all chunks */
        const depthwise forward = *d;
        find_phase(&forward, 0, d);
    }
    return HL_OK;
}

/* conv_depthwise_filter_gradient: (image, gradient of the target) -> gradient of the filter. */
static hl_status prepare_filter(hl_prepare *prep) {
    depthwise *d = prep->params;
    if (!is_real(prep->out[0]->dtype)) return hl_no_kernel(prep, "a convolution");
    if (!prepare_depthwise(prep, prep->in[0], prep->out[0], prep->in[1], prep->out[0])) return HL_OK;
    d->sum_blocks = d->cost_ns > 20000 ? conv_max(1, conv_min(MAX_SUM_BLOCKS, d->batch)) : 1;
    d->chunks = d->sum_blocks;
    prep->scratch_bytes = (d->sum_blocks - 1) * d->filter_size * (d->wide ? 8 : 4);
    prep->ins->fn = run_filter;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"conv_depthwise", prepare_forward, sizeof(depthwise)},
    {"conv_depthwise_image_gradient", prepare_image, sizeof(depthwise)},
    {"conv_depthwise_filter_gradient", prepare_filter, sizeof(depthwise)},
};

HL_FAMILY(conv_depthwise, table);
