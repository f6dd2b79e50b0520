/* Walking several operands of one broadcast shape together: the shared half of all elementwise kernels.
 *
 * An op gives loops over one axis. prepare collapses the axes that all operands walk alike; what is dense in all of
 * them runs as one loop, picked for where its inputs stand still (a scalar) and where they move.
 */
#ifndef HOOKLOOP_ELEMENTWISE_H
#define HOOKLOOP_ELEMENTWISE_H

#include "gathered_rows.h"
#include "plan.h"
#include "pool.h"
#include "rows.h"

enum { EW_MOST_OPERANDS = 4, EW_CHUNK = 16384, EW_STREAM_BLOCK = 8192 /* bytes */ };

/* One axis of n elements: pointers and byte strides, inputs first, the output last. */
typedef hl_status (*ew_loop)(int64_t n, char *const *data, const int64_t *stride, const hl_value *param);

/* What a kernel that is not one dense loop walks. */
typedef struct ew_walk {
    ew_loop loop;
    int operands, outer; /* axes beside the innermost one */
    int64_t n;           /* of the innermost axis */
    int64_t count;       /* iterations of the outer axes */
    int64_t dims[HL_MAX_RANK];
    int64_t strides[HL_MAX_RANK][EW_MOST_OPERANDS];
    int64_t inner[EW_MOST_OPERANDS];
    hl_value param;
    double cost_ns;
    int n_gathered, n_tables; /* of short rows */
    int row_axes;      /* that are a row with the innermost one, behind the outer ones */
    int64_t innermost; /* elements of that one, then */
    bool streams;
    gathered gathered[EW_MOST_OPERANDS];
} ew_walk;

/* The byte strides of an operand seen in the output's shape: 0 along the axes that it is broadcast over. */
static inline void ew_strides(const hl_tensor *t, int rank, int64_t *stride) {
    const int64_t size = (int64_t)hl_dtype_size(t->dtype);
    const int missing = rank - t->rank;
    for (int axis = 0; axis < rank; axis++) {
        const int own = axis - missing;
        stride[axis] = own < 0 || t->dims[own] == 1 ? 0 : t->strides[own] * size;
    }
}

/* Fills the walk: axes of size 1 vanish, neighbours that every operand walks as one become one. */
static inline void ew_collapse(ew_walk *walk, hl_tensor *const *operand, int operands, const hl_tensor *out) {
    int64_t stride[EW_MOST_OPERANDS][HL_MAX_RANK];
    int64_t dims[HL_MAX_RANK], kept[HL_MAX_RANK][EW_MOST_OPERANDS];
    int rank = 0;
    for (int k = 0; k < operands; k++) ew_strides(operand[k], out->rank, stride[k]);
    for (int axis = 0; axis < out->rank; axis++) {
        if (out->dims[axis] == 1) continue;
        bool joins = rank > 0;
        for (int k = 0; k < operands && joins; k++) joins = kept[rank - 1][k] == stride[k][axis] * out->dims[axis];
        if (!joins) dims[rank++] = 1;
        dims[rank - 1] *= out->dims[axis];
        for (int k = 0; k < operands; k++) kept[rank - 1][k] = stride[k][axis];
    }
    walk->operands = operands;
    walk->n_gathered = walk->n_tables = walk->row_axes = 0;
    walk->outer = rank > 0 ? rank - 1 : 0;
    walk->n = rank > 0 ? dims[rank - 1] : 1;
    if (out->size == 0) walk->n = 0, walk->outer = 0;
    walk->count = 1;
    for (int k = 0; k < operands; k++) walk->inner[k] = rank > 0 ? kept[rank - 1][k] : 0;
    for (int axis = 0; axis < walk->outer; axis++) {
        walk->dims[axis] = dims[axis];
        walk->count *= dims[axis];
        for (int k = 0; k < operands; k++) walk->strides[axis][k] = kept[axis][k];
    }
}

/* Runs the outer iterations from first to last. */
static inline hl_status ew_rows(const ew_walk *walk, void *const *base, int64_t first, int64_t last) {
    int64_t index[HL_MAX_RANK];
    char *data[EW_MOST_OPERANDS];
    int64_t rest = first;
    for (int k = 0; k < walk->operands; k++) data[k] = base[k];
    for (int axis = walk->outer - 1; axis >= 0; axis--) {
        index[axis] = rest % walk->dims[axis];
        rest /= walk->dims[axis];
        for (int k = 0; k < walk->operands; k++) data[k] += index[axis] * walk->strides[axis][k];
    }
    for (int64_t row = first;;) {
        const hl_status status = walk->loop(walk->n, data, walk->inner, &walk->param);
        if (status != HL_OK || ++row >= last) return status;
        for (int axis = walk->outer - 1; axis >= 0; axis--) {
            for (int k = 0; k < walk->operands; k++) data[k] += walk->strides[axis][k];
            if (++index[axis] < walk->dims[axis]) break;
            for (int k = 0; k < walk->operands; k++) data[k] -= walk->dims[axis] * walk->strides[axis][k];
            index[axis] = 0;
        }
    }
}

typedef struct ew_job {
    const ew_walk *walk;
    void *const *base;
    int64_t rows; /* outer iterations a chunk; 0 where the one row is cut instead */
    _Atomic int status;
} ew_job;

static void ew_chunk(void *argument, int64_t chunk, int worker) {
    ew_job *job = argument;
    const ew_walk *walk = job->walk;
    hl_status status;
    (void)worker;
    if (job->rows) {
        const int64_t first = chunk * job->rows, end = first + job->rows;
        status = ew_rows(walk, job->base, first, end < walk->count ? end : walk->count);
    } else {
        char *data[EW_MOST_OPERANDS];
        const int64_t first = chunk * EW_CHUNK, left = walk->n - first;
        for (int k = 0; k < walk->operands; k++) data[k] = (char *)job->base[k] + first * walk->inner[k];
        status = walk->loop(left < EW_CHUNK ? left : EW_CHUNK, data, walk->inner, &walk->param);
    }
    if (status != HL_OK) job->status = status;
}

/* Walks everything, on the pool where that pays. */
static inline hl_status ew_run(const ew_walk *walk, void *const *base, hl_run *run) {
    if (walk->n == 0 || walk->count == 0) return HL_OK;
    if ((run->threads == 1 && !run->poll) || walk->n * walk->count <= EW_CHUNK) return ew_rows(walk, base, 0, walk->count);
    ew_job job = {.walk = walk, .base = base};
    int64_t chunks;
    if (walk->count == 1) {
        chunks = (walk->n + EW_CHUNK - 1) / EW_CHUNK;
    } else {
        job.rows = walk->n >= EW_CHUNK ? 1 : EW_CHUNK / walk->n;
        chunks = (walk->count + job.rows - 1) / job.rows;
    }
    hl_parallel(run, chunks, walk->cost_ns, ew_chunk, &job);
    return (hl_status)job.status;
}

/* --- results that are more than the cache should keep: made in a small block, and from there written past it -------- */

static inline hl_status ew_stream_row(const ew_walk *walk, char *const *from, int64_t n, char *block) {
    const int out = walk->operands - 1;
    const int64_t size = walk->inner[out], step = EW_STREAM_BLOCK / size;
    hl_status status = HL_OK;
    for (int64_t at = 0; at < n && status == HL_OK; at += step) {
        const int64_t count = n - at < step ? n - at : step;
        char *data[EW_MOST_OPERANDS];
        for (int k = 0; k < out; k++) data[k] = from[k] + at * walk->inner[k];
        data[out] = block;
        status = walk->loop(count, data, walk->inner, &walk->param);
        stream_bytes(from[out] + at * size, block, count * size);
    }
    return status;
}

typedef struct ew_stream_job {
    const ew_walk *walk;
    void *const *base;
    int64_t chunks_per_row;
    int64_t rows; /* outer iterations a chunk of short rows; 0 where a chunk is a part of a row */
    char *scratch;
    int64_t scratch_bytes;
    _Atomic int status;
} ew_stream_job;

/* A part of a row. */
static void ew_stream_chunk(void *argument, int64_t chunk, int worker) {
    ew_stream_job *job = argument;
    const ew_walk *walk = job->walk;
    const int64_t first = chunk % job->chunks_per_row * EW_CHUNK, left = walk->n - first;
    int64_t row = chunk / job->chunks_per_row;
    char *data[EW_MOST_OPERANDS];
    for (int k = 0; k < walk->operands; k++) data[k] = (char *)job->base[k] + first * walk->inner[k];
    for (int axis = walk->outer - 1; axis >= 0; row /= walk->dims[axis], axis--)
        for (int k = 0; k < walk->operands; k++) data[k] += row % walk->dims[axis] * walk->strides[axis][k];
    const hl_status status = ew_stream_row(walk, data, left < EW_CHUNK ? left : EW_CHUNK, job->scratch + worker * job->scratch_bytes);
    fence_streams();
    if (status != HL_OK) job->status = status;
}

/* Short rows of a dense result, as many as fill a block at a time. */
static void ew_stream_rows_chunk(void *argument, int64_t chunk, int worker) {
    ew_stream_job *job = argument;
    const ew_walk *walk = job->walk;
    const int out = walk->operands - 1;
    const int64_t bytes = walk->n * walk->inner[out], together = EW_STREAM_BLOCK / bytes;
    const int64_t last = (chunk + 1) * job->rows < walk->count ? (chunk + 1) * job->rows : walk->count;
    char *block = job->scratch + worker * job->scratch_bytes;
    hl_status status = HL_OK;
    for (int64_t row = chunk * job->rows, end; row < last && status == HL_OK; row = end) {
        void *base[EW_MOST_OPERANDS];
        end = row + together < last ? row + together : last;
        for (int k = 0; k < out; k++) base[k] = job->base[k];
        base[out] = block - row * bytes; /* of which this row's place is the block */
        status = ew_rows(walk, base, row, end);
        stream_bytes((char *)job->base[out] + row * bytes, block, (end - row) * bytes);
    }
    fence_streams();
    if (status != HL_OK) job->status = status;
}

/* --- short rows of a dense result: many at a time, with operands that do not follow each other so put together before --------- */

typedef struct ew_short_job {
    const ew_walk *walk;
    void *const *base;
    bool streams;
    int64_t chunks, chunk_rows; /* along the last outer axis */
    char *scratch;
    int64_t scratch_bytes;
    _Atomic int status;
} ew_short_job;

/* The dims and an operand's steps of the axes from `first` on. Returns how many these are. */
static inline int ew_axes_from(const ew_walk *walk, int first, int k, int64_t *dims, int64_t *steps) {
    int axes = 0;
    for (int axis = first; axis < walk->outer; axis++) dims[axes] = walk->dims[axis], steps[axes++] = walk->strides[axis][k];
    dims[axes] = walk->n, steps[axes++] = walk->inner[k];
    return axes;
}

/* Whether elements of an operand lie a few of its own apart. */
static inline bool ew_is_stepped(const ew_walk *walk, hl_tensor *const *operand) {
    bool is_stepped = false;
    for (int k = 0; k < walk->operands - 1; k++)
        is_stepped |= has_short_steps(walk->inner[k], (int64_t)hl_dtype_size(operand[k]->dtype));
    return is_stepped;
}

/* Makes two axes of the innermost one, whose rows then have so many elements. */
static inline void ew_part_row(ew_walk *walk, int64_t row) {
    if (row == 0 || walk->outer + 1 >= HL_MAX_RANK) return;
    walk->dims[walk->outer] = walk->n / row;
    for (int k = 0; k < walk->operands; k++) walk->strides[walk->outer][k] = row * walk->inner[k];
    walk->count *= walk->n / row;
    walk->outer++;
    walk->n = row;
}

/* Whether short rows go together, the last axes as one row where they are short: `out` tells their number. Says which operands are
 * gathered. */
static inline bool ew_groups_rows(ew_walk *walk, hl_tensor *const *operand, const hl_tensor *out) {
    if (!out->contiguous) return false;
    const bool is_stepped = ew_is_stepped(walk, operand);
    if (is_stepped && walk->n > SHORT_ROW) ew_part_row(walk, row_within(walk->n, out));
    int64_t dims[HL_MAX_RANK], steps[HL_MAX_RANK], row = walk->n;
    int first = walk->outer;
    if (walk->outer == 0 || walk->n > (is_stepped ? BLOCK : SHORT_ROW)) return false;
    while (first > 1 && row * walk->dims[first - 1] <= WHOLE_AXES) row *= walk->dims[--first];
    if (row * walk->dims[first - 1] < 4 * SHORT_ROW) return false;
    walk->n_gathered = walk->n_tables = 0;
    for (int k = 0; k < walk->operands; k++) {
        gathered g = {.operand = k, .size = (int)hl_dtype_size(operand[k]->dtype)};
        const int tables = walk->n_tables, axes = ew_axes_from(walk, first - 1, k, dims, steps);
        if (g.size > 8) return false;
        if (!are_gathered(&g, axes, dims, steps, &walk->n_tables)) continue;
        if (k == walk->operands - 1 || (walk->n_tables > tables && !has_distances(axes, dims, steps))) return false;
        walk->gathered[walk->n_gathered++] = g;
    }
    walk->row_axes = walk->outer - first;
    walk->innermost = walk->n;
    walk->n = row;
    walk->outer = first;
    walk->count = 1;
    for (int axis = 0; axis < first; axis++) walk->count *= walk->dims[axis];
    for (int i = 0; i < walk->n_gathered; i++) walk->inner[walk->gathered[i].operand] = walk->gathered[i].size;
    return true;
}

static inline char *ew_table_in(char *slots, int table) { return slots + (EW_MOST_OPERANDS + 1 + table) * SLOT_BYTES; }

static inline void ew_fill_tables(const ew_walk *walk, char *slots) {
    for (int i = 0; i < walk->n_gathered; i++) {
        const gathered *g = &walk->gathered[i];
        if (g->table < 0) continue;
        int32_t *table = (int32_t *)ew_table_in(slots, g->table);
        const int64_t rows = walk->dims[walk->outer - 1], together = BLOCK / walk->n;
        table[0] = 0;
        int64_t count = add_distances(table, 1, walk->innermost, g->element_step);
        for (int axis = walk->outer + walk->row_axes - 1; axis >= walk->outer; axis--)
            count = add_distances(table, count, walk->dims[axis], walk->strides[axis][g->operand]);
        add_distances(table, count, rows < together ? rows : together, g->row_step);
    }
}

/* Rows along the last outer axis from first to end; data has the addresses of the first. */
static inline hl_status ew_short_rows(const ew_short_job *job, char *const *data, int64_t first, int64_t end, char *slots) {
    const ew_walk *walk = job->walk;
    const int last = walk->outer - 1, out = walk->operands - 1;
    const int64_t together = BLOCK / walk->n, bytes = walk->n * walk->inner[out];
    char *place[EW_MOST_OPERANDS], *streamed = slots + EW_MOST_OPERANDS * SLOT_BYTES;
    hl_status status = HL_OK;
    for (int64_t row = first; row < end && status == HL_OK; row += together) {
        const int64_t rows = end - row < together ? end - row : together;
        for (int k = 0; k <= out; k++) place[k] = data[k] + (row - first) * walk->strides[last][k];
        for (int i = 0; i < walk->n_gathered; i++) {
            const gathered *g = &walk->gathered[i];
            char *slot = slots + i * SLOT_BYTES;
            if (g->table >= 0) take_by_table(g, (const int32_t *)ew_table_in(slots, g->table), rows * walk->n, place[g->operand], slot);
            else if (row == first || g->row_step != 0) move_rows(g, rows, walk->n, place[g->operand], slot);
            place[g->operand] = slot;
        }
        char *const to = place[out];
        if (job->streams) place[out] = streamed;
        status = walk->loop(rows * walk->n, place, walk->inner, &walk->param);
        if (job->streams) stream_bytes(to, streamed, rows * bytes);
    }
    if (job->streams) fence_streams();
    return status;
}

static void ew_short_chunk(void *argument, int64_t chunk, int worker) {
    ew_short_job *job = argument;
    const ew_walk *walk = job->walk;
    const int last = walk->outer - 1;
    const int64_t first = chunk % job->chunks * job->chunk_rows, rest = walk->dims[last] - first;
    const int64_t end = first + (rest < job->chunk_rows ? rest : job->chunk_rows);
    int64_t index = chunk / job->chunks;
    char *data[EW_MOST_OPERANDS];
    for (int k = 0; k < walk->operands; k++) data[k] = (char *)job->base[k] + first * walk->strides[last][k];
    for (int axis = last - 1; axis >= 0; index /= walk->dims[axis], axis--)
        for (int k = 0; k < walk->operands; k++) data[k] += index % walk->dims[axis] * walk->strides[axis][k];
    char *const slots = job->scratch + worker * job->scratch_bytes;
    ew_fill_tables(walk, slots);
    const hl_status status = ew_short_rows(job, data, first, end, slots);
    if (status != HL_OK) job->status = status;
}

/* --- preparing and running an op that has one loop for each dtype -------------------------------------- */

/* The loops of one op: by the dtype of input 0; the end has dtype 0. */
typedef struct ew_variant { hl_dtype in, out; ew_loop loop; } ew_variant;

static inline hl_status ew_status(hl_status status, hl_run *run) {
    if (status == HL_OK) return status;
    if (status == HL_OUT_OF_RANGE)
        return hl_fail(run, HL_INVALID_ARGUMENT, "Integers to negative integer powers are not allowed");
    return hl_fail(run, HL_INVALID_ARGUMENT, "Integer division by zero");
}

static hl_status ew_run_walk(const hl_instr *ins, hl_run *run) {
    void *const *base = ((const ew_walk *)ins->p[2].p)->operands > HL_DIRECT_ARGS ? hl_args(ins) : ins->arg;
    return ew_status(ew_run(ins->p[2].p, base, run), run);
}

static inline bool ew_has_short_rows(const ew_walk *walk) { return walk->n * walk->inner[walk->operands - 1] < 4 * STREAMED_ROW; }

static hl_status ew_run_streamed(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    void *const *base = walk->operands > HL_DIRECT_ARGS ? hl_args(ins) : ins->arg;
    for (int k = 0; k < walk->operands - 1; k++) /* the cache has what is an operand's own memory by then */
        if (base[k] == base[walk->operands - 1]) return ew_run_walk(ins, run);
    ew_stream_job job = {.walk = walk, .base = base, .scratch = run->scratch, .scratch_bytes = run->scratch_bytes};
    if (ew_has_short_rows(walk)) {
        job.rows = EW_CHUNK / walk->n;
        hl_parallel(run, (walk->count + job.rows - 1) / job.rows, walk->cost_ns, ew_stream_rows_chunk, &job);
    } else {
        job.chunks_per_row = (walk->n + EW_CHUNK - 1) / EW_CHUNK;
        hl_parallel(run, job.chunks_per_row * walk->count, walk->cost_ns, ew_stream_chunk, &job);
    }
    return ew_status((hl_status)job.status, run);
}

static hl_status ew_run_short(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    void *const *base = walk->operands > HL_DIRECT_ARGS ? hl_args(ins) : ins->arg;
    ew_short_job job = {.walk = walk, .base = base, .streams = walk->streams, .chunk_rows = EW_CHUNK / walk->n,
                        .scratch = run->scratch, .scratch_bytes = run->scratch_bytes};
    for (int k = 0; k < walk->operands - 1; k++) /* the cache has what is an operand's own memory by then */
        if (base[k] == base[walk->operands - 1]) job.streams = false;
    const int64_t rows = walk->dims[walk->outer - 1];
    job.chunks = (rows + job.chunk_rows - 1) / job.chunk_rows;
    hl_parallel(run, walk->count / rows * job.chunks, walk->cost_ns, ew_short_chunk, &job);
    return ew_status((hl_status)job.status, run);
}

static inline bool ew_is_streamed(const hl_prepare *prep, const ew_walk *walk, const hl_tensor *out) {
    const int64_t size = (int64_t)hl_dtype_size(out->dtype);
    return passes_cache(prep, out->size * size) && walk->inner[walk->operands - 1] == size && (out->contiguous || !ew_has_short_rows(walk));
}

/* A single dense row, small enough for one thread. */
static hl_status ew_run_row(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    const hl_status status = ((ew_loop)ins->p[1].p)(ins->p[0].i, (char *const *)ins->arg, walk->inner, &walk->param);
    return status == HL_OK ? HL_OK : ew_status(status, run);
}

/* Loops may read an operand's only element before they count: not where there is none. */
/* cost is in nanoseconds an element. */
static inline hl_status ew_prepare(hl_prepare *prep, const ew_variant *variants, double cost, hl_value param) {
    ew_walk *walk = prep->params;
    const hl_tensor *out = prep->out[0];
    hl_tensor *operands[EW_MOST_OPERANDS];
    const int n = prep->n_in + 1;
    const ew_variant *variant = variants;
    while (variant->in && (variant->in != prep->in[prep->n_in - 1]->dtype || variant->out != out->dtype)) variant++;
    if (!variant->in) return hl_no_kernel(prep, NULL);
    for (int k = 0; k < prep->n_in; k++) operands[k] = prep->in[k];
    operands[n - 1] = prep->out[0];
    ew_collapse(walk, operands, n, out);
    walk->loop = variant->loop;
    walk->param = param;
    prep->cost_ns = walk->cost_ns = (double)out->size * cost + 3;
    prep->ins->p[0].i = walk->n;
    prep->ins->p[1].p = (void *)walk->loop;
    prep->ins->fn = out->size == 0 ? hl_run_nothing : walk->outer == 0 && walk->n <= EW_CHUNK ? ew_run_row : ew_run_walk;
    if (out->size && ew_groups_rows(walk, operands, out)) {
        walk->streams = passes_cache(prep, out->size * walk->inner[n - 1]);
        prep->ins->fn = ew_run_short;
        prep->scratch_bytes = (EW_MOST_OPERANDS + 1 + walk->n_tables) * SLOT_BYTES;
    } else if (ew_is_streamed(prep, walk, out)) {
        prep->ins->fn = ew_run_streamed;
        prep->scratch_bytes = EW_STREAM_BLOCK;
    }
    return HL_OK;
}

#endif
