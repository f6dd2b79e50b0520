/* A chain of elementwise kernels of which all elements of one result are added up, included by fused.c: the result lies in scratch,
 * as much of it as a sum goes through in lanes. Its bits are those of the chain and of reduce.c's sum, which adds in the same order.
 *
 * Attributes: which output has the sum or the mean, whether it is the mean, the rank of what is added up, its sizes (see elements_of), then
 * those of the chain.
 */
#include "sum_order.h"

typedef struct fused_sum {
    fused f;
    bool is_mean, is_wide;                /* of doubles */
    int64_t size;                         /* elements that are added up */
    int64_t part_length, parts;
    int64_t block, blocks_per_part, blocks; /* elements of a block; blocks that have sums of their own */
    int64_t blocks_alone, blocks_shared;  /* of a task, of one thread and of several */
    int64_t held_at;                      /* where the elements of a block lie in scratch */
    double cost_ns;
} fused_sum;

#define ASK_AHEAD(x) ((void)0)
#define TYPE float
#define VEC simd_f32
#define VEC_LANES F32_LANES
#define NAME(x) x##_f32
#define ROW_ARGUMENTS const TYPE *x, int64_t n
#define LANES_AT(at, count) load_part_f32(x + (at), count)
#define COMBINED(a, b) ((a) + (b))
#include "row_lanes.h"
#undef TYPE
#undef VEC
#undef VEC_LANES
#undef NAME
#define TYPE double
#define VEC simd_f64
#define VEC_LANES F64_LANES
#define NAME(x) x##_f64
#define ROW_ARGUMENTS const TYPE *x, int64_t n
#define LANES_AT(at, count) load_part_f64(x + (at), count)
#define COMBINED(a, b) ((a) + (b))
#include "row_lanes.h"
#undef TYPE
#undef VEC
#undef VEC_LANES
#undef NAME
#undef ASK_AHEAD

/* The sum of a block of n elements. */
static double block_sum(bool wide, const char *x, int64_t n) {
    if (wide) {
        const double *row = (const double *)x;
        return sum_lanes_f64(n > F64_LANES ? row_lanes_f64(row, n) : load_part_f64(row, (int)n));
    }
    const float *row = (const float *)x;
    return (double)sum_lanes_f32(n > F32_LANES ? row_lanes_f32(row, n) : load_part_f32(row, (int)n));
}

typedef struct sum_job {
    const fused_sum *s;
    void *const *from;
    double *sums; /* of blocks */
    int64_t blocks; /* of a task */
    bool streams;
    char *scratch;
    int64_t scratch_bytes;
} sum_job;

/* The elements of a block of the sum, in a task that goes through them in their order. */
typedef struct held_elements {
    char *data;
    int64_t begin, end; /* which elements it has */
} held_elements;

/* The first element of the steps' block that has element `i`; `block` is that block. */
static int64_t block_of_element(const fused *f, int64_t i, int64_t *block) {
    const int64_t row = i / f->n;
    if (f->together == 1) {
        const int64_t at = i % f->n / BLOCK;
        *block = row * f->blocks_per_row + at;
        return row * f->n + at * BLOCK;
    }
    const int64_t groups = f->dims[f->outer - 1], rows = (groups - 1) * f->together + f->last_together;
    const int64_t group = row % rows / f->together;
    *block = row / rows * groups + group;
    return (row / rows * rows + group * f->together) * f->n;
}

/* Takes elements of operands that are dense, or one, through the steps, from any element on, to `held`. */
static void make_flat(const fused_sum *s, void *const *from, int64_t first, int64_t end, char **base, workplace *place, char *held) {
    const fused *f = &s->f;
    const int64_t together = f->slots || place->streams ? BLOCK : end - first; /* what needs no slots may be longer than they are */
    for (int64_t at = first; at < end; at += together) {
        const int64_t n = end - at < together ? end - at : together;
        for (int k = 0; k < f->operands; k++) base[k] = (char *)from[k] + at * f->inner[k];
        base[f->summed] = held + (at - first) * f->inner[f->summed];
        if (place->streams) run_streamed(f, 1, n, base, place->slots, place->held);
        else run_steps(f, n, base);
    }
}

/* Takes blocks of rows through the steps until the elements up to `end` are there, of which those before `first` are no longer wanted. */
static void make_rows(const sum_job *job, int64_t first, int64_t end, char **base, workplace *place, block_walk *w, held_elements *held) {
    const fused *f = &job->s->f;
    const int64_t size = f->inner[f->summed];
    if (held->begin < first && held->end > first)
        memmove(held->data, held->data + (first - held->begin) * size, (size_t)((held->end - first) * size));
    if (held->end >= first) held->begin = first;
    while (held->end < end) {
        held->end += run_block_at(w, f, base, place, held->data + (held->end - held->begin) * size);
        walk_on(w, f);
    }
}

static void sum_blocks(void *argument, int64_t task, int worker) {
    const sum_job *job = argument;
    const fused_sum *s = job->s;
    const fused *f = &s->f;
    const int64_t first = task * job->blocks, last = first + job->blocks < s->blocks ? first + job->blocks : s->blocks;
    char *base[MAX_OPERANDS + MAX_SLOTS + OF_PROGRAMS], *scratch = job->scratch + worker * job->scratch_bytes;
    workplace place = {scratch + f->slots * SLOT_BYTES, job->streams, {NULL}};
    held_elements held = {scratch + s->held_at, 0, -1};
    block_walk w;
    point_slots(f, base, scratch);
    fill_tables(f, place.slots);
    for (int64_t block = first; block < last; block++) {
        const int64_t part = block / s->blocks_per_part * s->part_length, at = part + block % s->blocks_per_part * s->block;
        const int64_t part_end = part + s->part_length < s->size ? part + s->part_length : s->size;
        const int64_t end = at + s->block < part_end ? at + s->block : part_end;
        job->sums[block] = 0;
        if (at >= end) continue; /* a part's last block may be none */
        if (f->outer == 0) {
            make_flat(s, job->from, at, end, base, &place, held.data);
            held.begin = at;
        } else {
            if (held.end < 0) {
                int64_t from;
                held.begin = held.end = block_of_element(f, at, &from);
                walk_to(&w, f, job->from, from);
            }
            make_rows(job, at, end, base, &place, &w, &held);
        }
        job->sums[block] = block_sum(s->is_wide, held.data + (at - held.begin) * (s->is_wide ? 8 : 4), end - at);
    }
    if (job->streams) fence_streams();
}

/* What the blocks' sums make together: block by block the parts', and those part by part. */
static double sum_of_blocks(const fused_sum *s, const double *sums) {
    double total = 0;
    for (int64_t part = 0; part < s->parts; part++) {
        double of_part = 0;
        for (int64_t i = 0; i < s->blocks_per_part; i++) of_part += sums[part * s->blocks_per_part + i];
        total = part ? total + of_part : of_part;
    }
    return s->is_mean ? total / (double)s->size : total;
}

static void store_sum(const fused_sum *s, void *const *from, double sum) {
    if (s->is_wide) *(double *)from[s->f.summed] = sum;
    else *(float *)from[s->f.summed] = (float)sum;
}

/* What is one block, and needs no walk. */
static hl_status run_single_block(const hl_instr *ins, hl_run *run) {
    const fused_sum *s = ins->p[2].p;
    void *const *from = operands_of(&s->f, ins);
    char *base[MAX_OPERANDS + MAX_SLOTS + OF_PROGRAMS], *held = run->scratch + s->held_at;
    workplace place;
    place.streams = false;
    point_slots(&s->f, base, run->scratch);
    make_flat(s, from, 0, s->size, base, &place, held);
    const double sum = 0 + block_sum(s->is_wide, held, s->size); /* which makes a positive zero of a negative one */
    store_sum(s, from, s->is_mean ? sum / (double)s->size : sum);
    return HL_OK;
}

static hl_status run_fused_sum(const hl_instr *ins, hl_run *run) {
    const fused_sum *s = ins->p[2].p;
    void *const *from = operands_of(&s->f, ins);
    sum_job job = {s, from, (double *)run->shared, run->threads == 1 ? s->blocks_alone : s->blocks_shared,
                   may_stream(&s->f, from), run->scratch, run->scratch_bytes};
    hl_parallel(run, (s->blocks + job.blocks - 1) / job.blocks, s->cost_ns, sum_blocks, &job);
    store_sum(s, from, sum_of_blocks(s, job.sums));
    return HL_OK;
}

/* Cuts what is added up as reduce.c does. */
static void cut_into_blocks(fused_sum *s) {
    const int64_t parts = has_parts(s->size) ? most_parts(s->size) : 1;
    s->block = s->is_wide ? SUMMED_TOGETHER(F64_LANES) : SUMMED_TOGETHER(F32_LANES);
    s->part_length = (s->size + parts - 1) / parts;
    s->parts = s->size ? (s->size + s->part_length - 1) / s->part_length : 0;
    s->blocks_per_part = (s->part_length + s->block - 1) / s->block;
    s->blocks = s->parts * s->blocks_per_part;
}

/* A dense tensor of the sizes that the attributes tell: for each axis whether it is a register's, and that register or the size. */
static hl_tensor elements_of(const hl_value *sizes, int rank, hl_dtype dtype, const int64_t *regs) {
    hl_tensor t = {.size = 1, .dtype = dtype, .rank = rank, .contiguous = true};
    for (int axis = rank - 1; axis >= 0; axis--) {
        const int64_t size = sizes[2 * axis + 1].i;
        t.dims[axis] = sizes[2 * axis].i ? regs[size] : size;
        t.strides[axis] = t.size;
        t.size *= t.dims[axis];
    }
    return t;
}

static hl_status prepare_fused_sum(hl_prepare *prep) {
    fused_sum *s = prep->params;
    const hl_value *attr = prep->attr;
    const int at = (int)attr[0].i, rank = (int)attr[2].i;
    hl_tensor elements = elements_of(attr + 3, rank, prep->out[at]->dtype, prep->regs), *out[MAX_OPERANDS];
    hl_prepare inner = *prep;
    for (int k = 0; k < prep->n_out && k < MAX_OPERANDS; k++) out[k] = k == at ? &elements : prep->out[k];
    inner.out = out;
    inner.attr += 3 + 2 * rank;
    inner.n_attr -= 3 + 2 * rank;
    s->is_mean = attr[1].i != 0;
    s->is_wide = elements.dtype == HL_FLOAT64;
    s->size = elements.size;
    const hl_status status = prepare_steps(&inner, &s->f, prep->n_in + at);
    if (status != HL_OK) return hl_refuse(prep, status, "%s", inner.message);
    cut_into_blocks(s);
    s->held_at = inner.scratch_bytes;
    s->cost_ns = prep->cost_ns = inner.cost_ns + 0.05 * (double)s->size;
    prep->scratch_bytes = inner.scratch_bytes + (s->block + 2 * BLOCK) * (int64_t)hl_dtype_size(elements.dtype);
    prep->shared_bytes = s->blocks * (int64_t)sizeof(double);
    s->blocks_alone = 4;
    s->blocks_shared = s->blocks && CHUNK_NS * (double)s->blocks > s->cost_ns ? (int64_t)(CHUNK_NS * (double)s->blocks / s->cost_ns) : 1;
    prep->ins->fn = s->blocks == 1 && s->f.outer == 0 && s->f.n_streamed == 0 ? run_single_block : run_fused_sum;
    if (s->size == 1) prep->ins->fn = run_block; /* the sum of one element is that: a negative zero stays one */
    return HL_OK;
}
