/* Convolutions of images with many channels, and their two gradients: float and double, one to three spatial axes. */
#include <string.h>

#include "../plan.h"
#include "../pool.h"
#include "conv_gather_types.h"
#include "float_names.h"
#include "rows.h"
#include "vector_math.h"

#if defined(__AVX512F__)
#define GFLOPS 110.0
#elif defined(__AVX__)
#define GFLOPS 60.0
#else
#define GFLOPS 12.0
#endif

/* The columns of dots (conv_tile.h), and how many rows they take at most: four rows, of which a vector's lanes hold the sums of all
 * columns; with few lanes more, as multiply-adds of fewer sums would wait for each other. */
#if CONV_PACKS && !defined(__AVX512F__)
#define DOT_MOST_ROWS 8
#define DOTS_OF(lanes) ((lanes) / 2)
#else
#define DOT_MOST_ROWS 4
#define DOTS_OF(lanes) ((lanes) / 4)
#endif
#define FLOATS f32
#define DOT_COLUMNS DOTS_OF(SIMD_BYTES / 4)
#include "epilogue_kernel.h"
#include "conv_tile.h"
#include "conv_gather.h"
#include "conv_winograd.h"
#undef DOT_COLUMNS
#undef FLOATS

#define FLOATS f64
#define DOT_COLUMNS DOTS_OF(SIMD_BYTES / 8)
#include "epilogue_kernel.h"
#include "conv_tile.h"
#include "conv_gather.h"
#include "conv_winograd.h"
#undef FLOATS

/* ---- running ---- */

typedef struct gather_job {
    const conv_gather *g;
    void *const *operand;
    hl_run *run;
    bool wide;
} gather_job;

static void gather_chunk(void *arg, int64_t chunk, int worker) {
    const gather_job *job = arg;
    const conv_gather *g = job->g;
    const int64_t part = chunk / g->phases % g->column_parts, columns = conv_ceil(g->columns, g->column_parts);
    const int64_t lanes = SIMD_BYTES / (job->wide ? 8 : 4), whole = CONV_PANEL_VECTORS * lanes, width = conv_ceil(columns, whole) * whole;
    conv_block block = conv_block_at(g, chunk / g->phases / g->column_parts);
    block.column0 = part * width;
    block.column1 = block.column0 + conv_cut_columns(g->columns - block.column0, width, lanes);
    if (block.column0 >= block.column1 || (part > 0 && conv_cut_columns(g->columns - block.column0 + width, width, lanes) > width)) return;
    char *scratch = job->run->scratch + worker * job->run->scratch_bytes;
    const void *panels = CONV_PACKS && g->filter_rows ? job->run->shared : NULL;
    (job->wide ? gather_block_f64 : gather_block_f32)(g, job->operand, chunk % g->phases, &block, panels, scratch);
    if (CONV_STREAMS && g->passes_cache) fence_streams();
}

#if CONV_PACKS
enum { PACK_CHUNK = 64 /* rows */ };

static void pack_chunk(void *arg, int64_t chunk, int worker) {
    const gather_job *job = arg;
    (void)worker;
    const int64_t row0 = chunk * PACK_CHUNK, row1 = conv_min(row0 + PACK_CHUNK, job->g->filter_rows);
    (job->wide ? pack_filter_f64 : pack_filter_f32)(job->g, job->operand[1], row0, row1, job->run->shared);
}
#endif

static hl_status run_gather(const hl_instr *ins, hl_run *run) {
    const conv_gather *g = ins->p[2].p;
    gather_job job = {g, g->n_in + 1 > HL_DIRECT_ARGS ? hl_args(ins) : ins->arg, run, ins->p[0].i};
#if CONV_PACKS
    if (g->filter_rows) hl_parallel(run, conv_ceil(g->filter_rows, PACK_CHUNK), 0.5 * (double)(g->filter_rows * g->columns), pack_chunk, &job);
#endif
    hl_parallel(run, g->image_blocks * g->row_blocks * g->column_parts * g->phases, g->cost_ns, gather_chunk, &job);
    return HL_OK;
}

typedef struct filter_job {
    const conv_filter *f;
    const hl_instr *ins;
    hl_run *run;
    bool wide, not_finite;
} filter_job;

static char *partial_sums(const filter_job *job, int64_t sum_block) {
    if (sum_block == 0) return job->ins->arg[2];
    return job->run->shared + (sum_block - 1) * job->f->size * (job->wide ? 8 : 4);
}

static void filter_chunk(void *arg, int64_t chunk, int worker) {
    const filter_job *job = arg;
    const conv_filter *f = job->f;
    const int64_t sum_block = chunk / f->row_parts, part = chunk % f->row_parts;
    const int64_t block0 = sum_block * f->blocks / f->sum_blocks, block1 = (sum_block + 1) * f->blocks / f->sum_blocks;
    const int64_t row0 = part * f->rows_per_part, row1 = conv_min(row0 + f->rows_per_part, f->rows);
    char *scratch = job->run->scratch + worker * job->run->scratch_bytes;
    (job->wide ? filter_task_f64 : filter_task_f32)(f, job->ins->arg[0], job->ins->arg[1], partial_sums(job, sum_block), block0,
                                                    block1, row0, row1, scratch);
}

enum { ADD_CHUNK = 8192 };

static void add_chunk(void *arg, int64_t chunk, int worker) {
    const filter_job *job = arg;
    (void)worker;
    const int64_t i0 = chunk * ADD_CHUNK, i1 = conv_min(i0 + ADD_CHUNK, job->f->size);
    (job->wide ? add_blocks_f64 : add_blocks_f32)(partial_sums(job, 0), partial_sums(job, 1), job->f->sum_blocks - 1,
                                                  job->f->size, i0, i1);
}

static hl_status run_filter(const hl_instr *ins, hl_run *run) {
    const conv_filter *f = ins->p[2].p;
    filter_job job = {f, ins, run, ins->p[0].i, false};
    hl_parallel(run, f->sum_blocks * f->row_parts, f->gather.cost_ns, filter_chunk, &job);
    if (f->sum_blocks > 1)
        hl_parallel(run, conv_ceil(f->size, ADD_CHUNK), (double)(f->size * f->sum_blocks) * 0.15, add_chunk, &job);
    return HL_OK;
}

/* ---- running by fewer multiplications ---- */

enum { FILTER_CHUNK = 8 /* channels */ };

static void transform_chunk(void *arg, int64_t chunk, int worker) {
    const gather_job *job = arg;
    const conv_winograd *w = &job->g->winograd;
    (void)worker;
    const int64_t c0 = chunk * FILTER_CHUNK, c1 = conv_min(c0 + FILTER_CHUNK, w->channels);
    (job->wide ? transform_filter_f64 : transform_filter_f32)(w, job->operand[1], c0, c1, job->run->shared);
}

static void winograd_chunk(void *arg, int64_t chunk, int worker) {
    const gather_job *job = arg;
    const conv_winograd *w = &job->g->winograd;
    const int64_t block = chunk / w->parts, part = chunk % w->parts, t0 = block * w->block_tiles;
    const int64_t t1 = conv_min(t0 + w->block_tiles, w->n_tiles);
    char *scratch = job->run->scratch + worker * job->run->scratch_bytes;
    (job->wide ? winograd_tiles_f64 : winograd_tiles_f32)(job->g, job->operand, job->run->shared, t0, t1, part, scratch);
}

#if WINOGRAD_BY_PANELS
enum { TILE_CHUNK = 4 /* tiles */ };

typedef struct panels_job {
    const gather_job *of;
    int64_t first_block, first_tile, end_tile; /* of the group */
} panels_job;

static void values_chunk(void *arg, int64_t chunk, int worker) {
    const panels_job *job = arg;
    const gather_job *of = job->of;
    const conv_winograd *w = &of->g->winograd;
    char *scratch = of->run->scratch + worker * of->run->scratch_bytes;
    const int64_t t0 = job->first_tile + chunk * TILE_CHUNK, t1 = conv_min(t0 + TILE_CHUNK, job->end_tile);
    for (int64_t t = t0; t < t1; t++)
        (of->wide ? transform_for_panels_f64 : transform_for_panels_f32)(w, of->operand[0], job->first_block, t, of->run->shared, scratch);
}

static void panel_chunk(void *arg, int64_t chunk, int worker) {
    const panels_job *job = arg;
    const gather_job *of = job->of;
    const conv_winograd *w = &of->g->winograd;
    const int64_t real_bytes = of->wide ? 8 : 4, block = chunk / w->parts, part = chunk % w->parts;
    const char *values = of->run->shared + block * conv_ceil(w->channels, w->piece) * WINOGRAD_PRODUCTS * winograd_piece_point(w, real_bytes) * real_bytes;
    char *scratch = of->run->scratch + worker * of->run->scratch_bytes;
    (of->wide ? winograd_panel_f64 : winograd_panel_f32)(of->g, of->operand, values, job->first_block + block, part, scratch);
}

/* Group by group, whose values are kept for all panels. */
static void run_panels(const gather_job *job) {
    const conv_winograd *w = &job->g->winograd;
    for (int64_t block = 0; block < w->blocks && job->run->stopped == HL_OK; block += WINOGRAD_GROUP_BLOCKS) {
        const int64_t blocks = conv_min(WINOGRAD_GROUP_BLOCKS, w->blocks - block), first = block * w->block_tiles;
        const double share = (double)blocks / (double)w->blocks;
        panels_job group = {job, block, first, conv_min(w->n_tiles, first + blocks * w->block_tiles)};
        hl_parallel(job->run, conv_ceil(group.end_tile - first, TILE_CHUNK), share * 0.05 * w->tiles_ns, values_chunk, &group);
        hl_parallel(job->run, blocks * w->parts, share * (w->filter_ns + w->tiles_ns), panel_chunk, &group);
    }
}
#endif

static hl_status run_winograd(const hl_instr *ins, hl_run *run) {
    const conv_gather *g = ins->p[2].p;
    const conv_winograd *w = &g->winograd;
    gather_job job = {g, g->n_in + 1 > HL_DIRECT_ARGS ? hl_args(ins) : ins->arg, run, ins->p[0].i};
#if WINOGRAD_BY_PANELS
    if (w->piece) {
        run_panels(&job);
        return HL_OK;
    }
#endif
    hl_parallel(run, conv_ceil(w->channels, FILTER_CHUNK), w->filter_ns, transform_chunk, &job);
    hl_parallel(run, w->blocks * w->parts, w->tiles_ns, winograd_chunk, &job);
    return HL_OK;
}

static void winograd_sum_chunk(void *arg, int64_t chunk, int worker) {
    const filter_job *job = arg;
    const conv_winograd *w = &job->f->gather.winograd;
    const int64_t sum_block = chunk / w->channel_parts, part = chunk % w->channel_parts;
    const int64_t block0 = sum_block * w->blocks / w->sum_blocks, block1 = (sum_block + 1) * w->blocks / w->sum_blocks;
    const int64_t c0 = part * w->part_channels, c1 = conv_min(c0 + w->part_channels, w->channels);
    char *sums = job->run->shared + sum_block * w->filter_bytes;
    char *scratch = job->run->scratch + worker * job->run->scratch_bytes;
    for (int64_t block = block0; block < block1 && !hl_is_stopped_for(job->run, worker); block++) {
        const int64_t t0 = block * w->block_tiles, t1 = conv_min(t0 + w->block_tiles, w->n_tiles);
        if (job->wide) winograd_sum_f64(w, job->ins->arg[0], job->ins->arg[1], t0, t1, c0, c1, block > block0, (double *)sums, scratch);
        else winograd_sum_f32(w, job->ins->arg[0], job->ins->arg[1], t0, t1, c0, c1, block > block0, (float *)sums, scratch);
    }
}

static void winograd_gradient_chunk(void *arg, int64_t chunk, int worker) {
    filter_job *job = arg;
    const conv_winograd *w = &job->f->gather.winograd;
    (void)worker;
    const int64_t c0 = chunk * FILTER_CHUNK, c1 = conv_min(c0 + FILTER_CHUNK, w->channels);
    if (!(job->wide ? winograd_gradient_f64 : winograd_gradient_f32)(w, job->run->shared, c0, c1, job->ins->arg[2]))
        __atomic_store_n(&job->not_finite, true, __ATOMIC_RELAXED);
}

#if WINOGRAD_BY_PANELS
static void both_values_chunk(void *arg, int64_t tile, int worker) {
    const filter_job *job = arg;
    char *scratch = job->run->scratch + worker * job->run->scratch_bytes;
    (job->wide ? transform_both_f64 : transform_both_f32)(&job->f->gather.winograd, job->ins->arg[0], job->ins->arg[1], tile, job->run->shared, scratch);
}

static void piece_chunk(void *arg, int64_t chunk, int worker) {
    filter_job *job = arg;
    const conv_winograd *w = &job->f->gather.winograd;
    char *scratch = job->run->scratch + worker * job->run->scratch_bytes;
    if (!(job->wide ? winograd_piece_f64 : winograd_piece_f32)(w, job->run->shared, chunk / w->parts, chunk % w->parts, job->ins->arg[2], scratch))
        __atomic_store_n(&job->not_finite, true, __ATOMIC_RELAXED);
}
#endif

/* The sums, and their transforms back. */
static void sum_and_transform(filter_job *job) {
    hl_run *run = job->run;
    const conv_winograd *w = &job->f->gather.winograd;
#if WINOGRAD_BY_PANELS
    if (w->piece) {
        hl_parallel(run, w->n_tiles, 0.1 * w->tiles_ns, both_values_chunk, job);
        hl_parallel(run, w->channel_parts * w->parts, w->tiles_ns + w->filter_ns, piece_chunk, job);
        return;
    }
#endif
    hl_parallel(run, w->sum_blocks * w->channel_parts, w->tiles_ns, winograd_sum_chunk, job);
    if (run->stopped == HL_OK) hl_parallel(run, conv_ceil(w->channels, FILTER_CHUNK), w->filter_ns, winograd_gradient_chunk, job);
}

/* Where a sum is not finite all are made again by all multiplications: what is not finite stays in the taps that see it. */
static hl_status run_winograd_filter(const hl_instr *ins, hl_run *run) {
    const conv_filter *f = ins->p[2].p;
    filter_job job = {f, ins, run, ins->p[0].i, false};
    sum_and_transform(&job);
    if (run->stopped != HL_OK) return HL_OK;
    return __atomic_load_n(&job.not_finite, __ATOMIC_RELAXED) ? run_filter(ins, run) : HL_OK;
}

/* ---- preparing ---- */

/* Windows of one position at every position: all images are one, so that blocks need not end with an image. */
static void merge_images(conv_gather *g) {
    for (int i = 0; i < CONV_AXES; i++) {
        const conv_axis *axis = &g->axis[i];
        if (axis->window != 1 || axis->stride != 1 || axis->before != 0 || axis->image != axis->target) return;
    }
    g->axis[0].image = g->axis[0].target = g->batch * g->axis[0].image * g->axis[1].image;
    g->axis[1].image = g->axis[1].target = 1;
    g->batch = 1;
}

typedef struct conv_extent { int64_t count, span, stride; } conv_extent; /* the largest of all phases */

static conv_extent largest_phase(const conv_axis *axis, bool transposed) {
    conv_extent found = {0, 0, transposed ? 1 : axis->stride};
    for (int64_t i = 0; i < (transposed ? axis->stride : 1); i++) {
        conv_phase phase;
        conv_find_phase(axis, transposed, i, &phase);
        found.count = conv_max(found.count, phase.count);
        found.span = conv_max(found.span, phase.taps ? phase.dilation * (phase.taps - 1) + 1 : 0);
    }
    return found;
}

static int64_t extent_of(const conv_extent *e, int64_t count) { return count > 0 ? e->stride * (count - 1) + e->span : 0; }

/* Whether what a filter's gradient reads is packed, unless the positions of a row are too many for a block. */
static bool packs_rows(const conv_gather *g, int64_t real_bytes) {
    const int64_t panels = conv_ceil(g->columns * real_bytes, CONV_PANEL_VECTORS * SIMD_BYTES);
    const bool one_position = g->axis[0].window * g->axis[1].window * g->axis[2].window == 1;
    const bool enough = panels >= CONV_PACKED_PANELS || (one_position && g->channels >= CONV_PACKED_CHANNELS);
    return CONV_PACKS && g->channels * g->axis[2].stride * real_bytes >= CONV_PACKED_STEP && enough && panels * g->axis[2].target >= CONV_PACKED_RUNS;
}

/* Cuts the positions into blocks, by sizes alone, and lays out the scratch of a block. */
static void cut_blocks(conv_gather *g, int64_t real_bytes, int64_t rows_of_a, int64_t rows_of_b) {
    conv_extent e[CONV_AXES];
    for (int i = 0; i < CONV_AXES; i++) e[i] = largest_phase(&g->axis[i], g->transposed);
    const int64_t row_bytes = conv_max(1, extent_of(&e[1], e[1].count) * extent_of(&e[2], e[2].count) * g->channels * real_bytes);
    const int64_t row_positions = conv_max(1, e[1].count * e[2].count), positions = row_positions * e[0].count;
    const int64_t image_bytes = conv_max(1, extent_of(&e[0], e[0].count) * row_bytes);
    const int64_t panels = rows_of_b ? conv_min(CONV_WANTED_TASKS, conv_ceil(rows_of_a, CONV_GOOD_ROWS))
                                     : conv_ceil(g->columns * real_bytes, CONV_PANEL_VECTORS * SIMD_BYTES);
    const int64_t blocks = conv_ceil(CONV_WANTED_TASKS, panels), region = panels >= 4 ? 2 * CONV_REGION_BYTES : CONV_REGION_BYTES;
    g->images_per_block = 1;
    g->rows_per_block = conv_max(1, e[0].count);
    if (CONV_PACKS && rows_of_b && packs_rows(g, real_bytes)) { /* a panel of B should stay in the first-level cache */
        const int64_t cuts = conv_max(1, positions / CONV_PACKED_POSITIONS), most = conv_max(1, g->batch / blocks);
        g->rows_per_block = conv_max(1, conv_ceil(e[0].count, cuts));
        if (cuts == 1) g->images_per_block = conv_max(1, conv_min(CONV_PACKED_POSITIONS / conv_max(1, positions), most));
    } else if (image_bytes > region || (g->batch < blocks && g->cost_ns > 20000)) {
        const int64_t fitting = (region / row_bytes - e[0].span) / conv_max(1, e[0].stride) + 1;
        const int64_t wanted = conv_ceil(e[0].count, conv_ceil(blocks, conv_max(1, g->batch)));
        const int64_t enough = conv_ceil(CONV_ENOUGH_POSITIONS, row_positions);
        const int64_t rows = conv_min(fitting, conv_max(wanted, enough));
        g->rows_per_block = conv_max(1, conv_min(rows, g->rows_per_block));
    } else {
        const int64_t good = conv_ceil(CONV_GOOD_POSITIONS, conv_max(1, positions));
        const int64_t fitting = region / image_bytes;
        g->images_per_block = conv_max(1, conv_min(good, conv_min(fitting, conv_max(1, g->batch / blocks))));
    }
    g->row_blocks = conv_ceil(conv_max(1, e[0].count), g->rows_per_block);
    g->image_blocks = conv_ceil(g->batch, g->images_per_block);
    const int64_t tasks = conv_max(1, g->image_blocks * g->row_blocks);
    g->column_parts = g->cost_ns > 20000 ? conv_min(panels, conv_ceil(CONV_WANTED_TASKS, tasks)) : 1;

    const int64_t block_positions = g->images_per_block * g->rows_per_block * row_positions;
    const int64_t pieces = conv_ceil(conv_max(1, g->channels), g->k_block) + 1;
    const int64_t taps = g->axis[0].window * g->axis[1].window * g->axis[2].window;
    const int64_t segments = rows_of_b ? g->images_per_block * g->rows_per_block * e[1].count : taps * pieces;
    const int64_t lines = rows_of_a ? rows_of_a : block_positions;
    conv_layout *l = &g->layout;
    l->a = g->images_per_block * extent_of(&e[0], g->rows_per_block) * row_bytes;
    l->a = conv_ceil(l->a, HL_ALIGNMENT) * HL_ALIGNMENT;
    l->c = l->a + lines * (int64_t)sizeof(void *);
    l->segments = l->c + lines * (int64_t)sizeof(void *);
    l->runs = l->segments + segments * (int64_t)sizeof(conv_segment);
    l->packed = l->runs + (rows_of_b ? 0 : segments) * (int64_t)sizeof(conv_run);
    l->packed = conv_ceil(l->packed, HL_ALIGNMENT) * HL_ALIGNMENT;
    const int64_t b_rows = rows_of_b ? block_positions : g->k_block;
    l->bytes = l->packed + b_rows * CONV_MAX_VECTORS * SIMD_BYTES; /* the last panel is a whole one there */
    if (CONV_PACKS && !rows_of_b) l->bytes += CONV_ACROSS_BYTES;
}

/* What the sums of `rows` rows cost for each element of k, in multiply-adds of a vector: a few of them take as long as one. */
static double tiles_cost(int64_t rows, int vectors) {
    enum { LATENCY = 5 };
    const int64_t tiles = conv_ceil(rows, conv_rows[vectors - 1]);
    return tiles ? (double)tiles * conv_max(LATENCY, conv_ceil(rows, tiles) * vectors) : 0;
}

/* The cost of the sums of all positions if taps beyond the edges are skipped, over what it is if they are not; 1 if that is not
 * to be had. */
static double share_of_exact(const conv_gather *g, const conv_phase *phase, int64_t images, int vectors) {
    const double segments = 2, plain_segments = 1; /* what one costs, in elements of k: of unequal length they are mispredicted */
    const double channels = (double)g->channels;
    conv_spans spans;
    double exact = 0, whole = (double)images;
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const conv_phase *p = &phase[axis];
        whole *= (double)p->count * (axis < 2 ? (double)p->taps : (double)p->taps * channels + plain_segments);
        spans.n[axis] = conv_find_spans(p, g->source[axis], 0, p->count, spans.of[axis], CONV_MAX_SPANS);
        if (spans.n[axis] > CONV_MAX_SPANS) return 1;
    }
    for (int64_t index = 0, n = conv_count_classes(&spans); index < n; index++) {
        conv_span span[CONV_AXES];
        conv_class_at(&spans, index, span);
        const double rows_of_taps = (double)((span[0].hi - span[0].lo) * (span[1].hi - span[1].lo));
        exact += rows_of_taps * ((double)(span[2].hi - span[2].lo) * channels + segments) * tiles_cost(images * conv_positions_of(span), vectors);
    }
    return whole > 0 ? exact / (whole * vectors) : 1;
}

/* The same for the gradient of a filter, whose rows see the positions. */
static double share_of_exact_rows(const conv_gather *g, const conv_phase *phase, int vectors) {
    double seen = 1, positions = 1;
    if (g->channels < conv_rows[vectors - 1]) return 1; /* a tile less than full reads the gradient too often */
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const conv_phase *p = &phase[axis];
        positions *= (double)(p->count * p->taps);
        int64_t found = 0;
        for (int64_t j = 0; j < p->taps; j++) {
            const conv_span span = conv_find_positions(p, g->source[axis], j, 0, p->count);
            found += span.i1 - span.i0;
        }
        seen *= (double)found;
    }
    return positions > 0 ? seen / positions * tiles_cost(g->channels, vectors) / (double)(g->channels * vectors) : 1;
}

/* Decides, by sizes alone, whether taps beyond the edges are skipped: whether that saves enough. Returns the share of the sums' cost
 * that is left. */
static double choose_edges(conv_gather *g, bool filter, bool wide) {
    const double ENOUGH = 0.97;
    const int64_t lanes = wide ? F64_LANES : F32_LANES;
    const int vectors = conv_panel_vectors(conv_ceil(g->columns, lanes));
    conv_phase phase[CONV_AXES];
    g->exact = false;
    bool padded = false;
    for (int64_t index = 0; index < g->phases; index++) {
        conv_find_phases(g, index, phase);
        for (int axis = 0; axis < CONV_AXES; axis++) {
            const conv_phase *p = &phase[axis];
            const int64_t end = p->stride * (p->count - 1) + p->first + p->dilation * (p->taps - 1);
            padded = padded || (p->count && p->taps && (p->first < 0 || end >= g->source[axis]));
        }
        if (padded) break;
    }
    if (!padded) return 1;
    const double share = filter ? share_of_exact_rows(g, phase, vectors)
                                : share_of_exact(g, phase, g->images_per_block, vectors);
    g->exact = share < ENOUGH;
    if (!g->exact) return 1;
    if (filter) return share;
    for (int64_t index = 0; index < g->phases && g->exact; index++) { /* every phase must have room for its spans */
        conv_spans spans;
        conv_find_phases(g, index, phase);
        for (int axis = 0; axis < CONV_AXES; axis++)
            g->exact = g->exact && conv_find_spans(&phase[axis], g->source[axis], 0, phase[axis].count, spans.of[axis],
                                                   CONV_MAX_SPANS) <= CONV_MAX_SPANS;
    }
    return g->exact ? share : 1;
}

/* Decides, by sizes alone, whether multiplications are saved: where that is worth more than the transforms cost. `share`: of all
 * multiplications, those that the edges leave. */
static bool choose_winograd(hl_prepare *prep, conv_gather *g, bool filter, bool wide, double share) {
    enum { MAX_FILTER_BYTES = 48 << 20 };
    const double ENOUGH = 1.1;
    conv_winograd *w = &g->winograd;
    const int64_t real_bytes = wide ? 8 : 4;
    prep->choice = "all multiplications: HOOKLOOP_CONVOLUTION=direct asks for them";
    if (prep->attr[0].i & CONV_DIRECT) return false;
    prep->choice = "all multiplications: fewer suffice for windows of 3 by 3 and 5 by 5 without strides and dilations alone";
    if (!winograd_read(w, g->axis, g->transposed, g->batch, g->channels, g->columns)) return false;
    prep->choice = "all multiplications: saving some would cost more for so few channels or positions";
    const double positions = (double)(g->batch * w->target[0] * w->target[1]), vectors = (double)conv_ceil(g->columns, SIMD_BYTES / real_bytes);
    const double direct = share * positions * (double)(w->window * w->window) * (double)g->channels * vectors;
    if (w->n_tiles == 0 || !(winograd_gain(w, direct, share * g->cost_ns, real_bytes) >= ENOUGH)) return false;
    (filter ? winograd_cut_filter : winograd_cut)(w, CONV_PANEL_VECTORS, CONV_MAX_VECTORS, real_bytes);
#if WINOGRAD_BY_PANELS
    (filter ? winograd_cut_filter_panels : winograd_cut_panels)(w, real_bytes);
#endif
    const int64_t shared_bytes = w->piece ? w->shared_bytes : filter ? w->sum_blocks * w->filter_bytes : w->filter_bytes;
    prep->choice = "all multiplications: the filter's transform would be too large";
    if (shared_bytes > MAX_FILTER_BYTES) return false;
    prep->choice = w->window == 3 ? "minimal filtering: 36 multiplications instead of 144 for 4 by 4 positions"
                                  : "minimal filtering: 36 multiplications instead of 100 for 2 by 2 positions";
    prep->scratch_bytes = conv_max(prep->scratch_bytes, w->bytes);
    prep->shared_bytes = conv_max(prep->shared_bytes, shared_bytes);
    prep->cost_ns = w->filter_ns + w->tiles_ns;
    return true;
}

static bool is_real(hl_dtype dtype) { return dtype == HL_FLOAT32 || dtype == HL_FLOAT64; }

static double product_cost(int64_t positions, int64_t k, int64_t columns, bool wide) {
    return 50 + 2.0 * (double)positions * (double)k * (double)columns / (wide ? GFLOPS / 2 : GFLOPS);
}

/* Reads the steps that end a sum. The tiles add a bias of the columns and do a relu in registers, where these come first. */
static hl_status prepare_steps(hl_prepare *prep, conv_gather *g, int first_attr) {
    const hl_status status = epilogue_prepare(prep, first_attr, 2, g->steps, &g->n_steps);
    if (status != HL_OK) return status;
    g->n_in = prep->n_in;
    for (int i = 0; i < g->n_steps; i++) { /* a row of the target is a position: operands are whole, vectors or scalars */
        step *s = &g->steps[i];
        if (!s->operand) continue;
        const hl_tensor *y = prep->in[s->operand];
        const bool whole = y->size == prep->out[0]->size && y->rank > 1;
        if (!y->contiguous || (!whole && y->size != 1 && y->size != g->columns))
            return hl_refuse(prep, HL_INTERNAL, "a convolution's epilogue with an operand of another shape");
        s->y.row = whole ? g->columns : 0;
        s->y.column = whole || y->size == g->columns ? 1 : 0;
    }
    if (g->n_steps && g->steps[0].kind == STEP_ADD && g->steps[0].y.column && !g->steps[0].y.row)
        g->bias = g->steps[0].operand, g->n_in_tiles = 1;
    if (g->n_steps > g->n_in_tiles && g->steps[g->n_in_tiles].kind == STEP_RELU) g->relu = true, g->n_in_tiles++;
    return HL_OK;
}

/* Operands: source, filter [spatial, source's channels, target's channels], those of the steps; target. Steps (epilogue.h)
 * stand behind the attributes of the axes. */
static hl_status prepare_gather(hl_prepare *prep, bool transposed) {
    const hl_tensor *source = prep->in[0], *filter = prep->in[1], *target = prep->out[0];
    conv_gather *g = prep->params;
    *g = (conv_gather){.transposed = transposed};
    if (!is_real(target->dtype)) return hl_no_kernel(prep, "a convolution");
    const bool wide = target->dtype == HL_FLOAT64;
    const int64_t lanes = wide ? F64_LANES : F32_LANES;
    const double DOTS_SHARE = 0.4; /* of what whole vectors of columns would cost */
    if (transposed) conv_read_axes(g->axis, prep, target, source, filter->dims);
    else conv_read_axes(g->axis, prep, source, target, filter->dims);
    g->batch = source->dims[0];
    g->channels = source->dims[source->rank - 1];
    g->columns = target->dims[target->rank - 1];
    prep->ins->fn = hl_run_nothing;
    prep->cost_ns = 5;
    if (target->size == 0) return HL_OK;
    const hl_status status = prepare_steps(prep, g, CONV_FIRST_ATTRIBUTE + CONV_ATTRIBUTES * (source->rank - 2));
    if (status != HL_OK) return status;
    merge_images(g);
    g->phases = 1;
    int64_t k = g->channels, positions = source->size / conv_max(1, g->channels);
    for (int i = 0; i < CONV_AXES; i++) {
        g->source[i] = transposed ? g->axis[i].target : g->axis[i].image;
        g->target[i] = transposed ? g->axis[i].image : g->axis[i].target;
        if (transposed) g->phases *= g->axis[i].stride;
        k *= g->axis[i].window;
    }
    if (!transposed) positions = target->size / g->columns;
    g->k_block = conv_max(1, conv_ceil(k, conv_max(1, conv_ceil(k, CONV_MAX_K_BLOCK))));
    g->cost_ns = product_cost(positions, k, g->columns, wide);
    cut_blocks(g, wide ? 8 : 4, 0, 0);
    const double share = choose_edges(g, false, wide);
    g->dots = g->columns <= DOTS_OF(lanes) && g->channels >= lanes;
    if (g->dots) {
        prep->choice = "all multiplications: for so few channels behind it they go along those before it";
        g->cost_ns *= DOTS_SHARE;
    }
    prep->ins->p[0].i = wide;
    prep->scratch_bytes = g->layout.bytes;
    prep->cost_ns = g->cost_ns;
    if (!g->dots && choose_winograd(prep, g, false, wide, share)) {
        prep->ins->fn = run_winograd;
        return HL_OK;
    }
    prep->ins->fn = run_gather;
    g->passes_cache = passes_cache(prep, target->size * (wide ? 8 : 4)) && g->n_steps == g->n_in_tiles && g->columns % lanes == 0;
    if (CONV_PACKS && !g->dots && g->image_blocks * g->row_blocks > CONV_PACKED_BLOCKS && g->columns != conv_panel_vectors(conv_ceil(g->columns, lanes)) * lanes) {
        g->filter_rows = k;
        prep->shared_bytes = conv_max(prep->shared_bytes, k * conv_ceil(g->columns, lanes) * lanes * (wide ? 8 : 4));
    }
    return HL_OK;
}

/* conv: (image, filter, operands of the steps) -> target. */
static hl_status prepare_conv(hl_prepare *prep) { return prepare_gather(prep, false); }

/* conv_image_gradient: (gradient of the target, filter turned round and with its channel axes exchanged, operands of the
 * steps) -> gradient of the image. */
static hl_status prepare_image_gradient(hl_prepare *prep) { return prepare_gather(prep, true); }

/* Into how many parts the rows are cut, and into how many partial sums the blocks are added up: by sizes alone. Parts are
 * large, because each copies what it reads; sums are few where they are large. */
static void cut_sums(conv_filter *f) {
    enum { MAX_PARTIAL_SUMS = 1 << 20 /* elements */, WHOLE_TILES = 24 /* of any width */ };
    const conv_gather *g = &f->gather;
    f->blocks = g->image_blocks * g->row_blocks;
    f->sum_blocks = f->row_parts = 1;
    if (g->cost_ns > 20000) {
        const int64_t few = conv_max(1, MAX_PARTIAL_SUMS / conv_max(1, f->size));
        f->row_parts = conv_min(CONV_WANTED_TASKS, conv_ceil(f->rows, CONV_GOOD_ROWS));
        f->sum_blocks = conv_min(conv_min(f->blocks, conv_ceil(CONV_WANTED_TASKS, f->row_parts)), few);
        f->sum_blocks = conv_max(1, f->sum_blocks);
    }
    f->rows_per_part = conv_ceil(conv_ceil(f->rows, f->row_parts), WHOLE_TILES) * WHOLE_TILES;
    f->row_parts = conv_ceil(f->rows, f->rows_per_part);
}

/* Where rows are packed. */
static void place_packed_rows(conv_filter *f, int64_t real_bytes) {
    const conv_gather *g = &f->gather;
    const int64_t panels = conv_ceil(g->columns * real_bytes, CONV_PANEL_VECTORS * SIMD_BYTES);
    const int64_t positions = g->images_per_block * g->rows_per_block * g->target[1] * g->target[2];
    if (!packs_rows(g, real_bytes) || positions > 4 * CONV_PACKED_POSITIONS) return;
    const int64_t rows = conv_min(f->rows, f->rows_per_part), taps = rows / conv_max(1, g->channels) + 2;
    const int64_t tiles = conv_ceil(rows, CONV_PACKED_ROWS) + (g->exact ? taps : 0);
    conv_layout *l = &f->gather.layout;
    l->bytes = l->packed + conv_min(panels, CONV_PACKED_GROUP + 1) * positions * CONV_PANEL_VECTORS * SIMD_BYTES;
    f->packed_rows = conv_ceil(l->bytes, HL_ALIGNMENT) * HL_ALIGNMENT;
    l->bytes = f->packed_rows + tiles * CONV_PACKED_ROWS * positions * real_bytes;
}

/* conv_filter_gradient: (image, gradient of the target) -> gradient of the filter. */
static hl_status prepare_filter(hl_prepare *prep) {
    const hl_tensor *image = prep->in[0], *grad = prep->in[1], *out = prep->out[0];
    conv_filter *f = prep->params;
    conv_gather *g = &f->gather;
    *f = (conv_filter){0};
    if (!is_real(out->dtype)) return hl_no_kernel(prep, "a convolution");
    const bool wide = out->dtype == HL_FLOAT64;
    prep->ins->fn = hl_run_nothing;
    prep->cost_ns = 5;
    if (out->size == 0) return HL_OK;
    conv_read_axes(g->axis, prep, image, grad, out->dims);
    g->batch = image->dims[0];
    g->channels = image->dims[image->rank - 1];
    g->columns = grad->dims[grad->rank - 1];
    merge_images(g);
    for (int i = 0; i < CONV_AXES; i++) g->source[i] = g->axis[i].image, g->target[i] = g->axis[i].target;
    g->phases = 1;
    g->k_block = 1;
    f->size = out->size;
    f->rows = out->size / g->columns;
    const int64_t positions = grad->size / g->columns;
    g->cost_ns = product_cost(positions, f->rows, g->columns, wide);
    cut_blocks(g, wide ? 8 : 4, f->rows, 1);
    const double share = choose_edges(g, true, wide);
    if (positions == 0) g->image_blocks = 0;
    cut_sums(f);
    if (CONV_PACKS) place_packed_rows(f, wide ? 8 : 4);
    prep->ins->p[0].i = wide;
    prep->scratch_bytes = g->layout.bytes;
    prep->shared_bytes = (f->sum_blocks - 1) * f->size * (wide ? 8 : 4);
    prep->cost_ns = g->cost_ns;
    prep->ins->fn = choose_winograd(prep, g, true, wide, share) ? run_winograd_filter : run_filter;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"conv", prepare_conv, sizeof(conv_gather)},
    {"conv_image_gradient", prepare_image_gradient, sizeof(conv_gather)},
    {"conv_filter_gradient", prepare_filter, sizeof(conv_filter)},
};

HL_FAMILY(conv, table);
