/* Rows by index: gathering them, scattering and summing them. Indices are int32 or int64 and are checked. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "elementwise_types.h"
#include "complex_types.h"
#include "row_indices.h"
#include "rows.h"
#include "stretches.h"
#include "plan.h"
#include "pool.h"

/* The text "indices[0,1]" of a position in the tensor of indices. */
static void position_text(char *text, size_t size, int64_t position, int rank, const int64_t *dims) {
    int64_t index[HL_MAX_RANK] = {0};
    for (int axis = rank - 1; axis >= 0; axis--) {
        index[axis] = position % dims[axis];
        position /= dims[axis];
    }
    size_t used = 0;
    text[0] = 0;
    for (int axis = 0; axis < rank && used + 24 < size; axis++) {
        char digits[24];
        int n = 0;
        int64_t value = index[axis];
        do digits[n++] = (char)('0' + value % 10);
        while ((value /= 10) > 0);
        if (axis) text[used++] = ',';
        while (n) text[used++] = digits[--n];
        text[used] = 0;
    }
}

static hl_status out_of_range(hl_run *run, int64_t position, int rank, const int64_t *dims, int64_t index, int64_t limit) {
    char text[160];
    position_text(text, sizeof text, position, rank, dims);
    return hl_fail(run, HL_INVALID_ARGUMENT, "indices%s%s%s = %lld is not in [0, %lld)", rank ? "[" : "", text, rank ? "]" : "",
                   (long long)index, (long long)limit);
}

/* --- gather: params [outer, limit, inner], out [outer, count, inner] ------------------------------------------------ */

typedef struct gather_params {
    int64_t batch, outer, limit, count; /* indices are [batch, count]; params [batch, outer, limit, inner] */
    int64_t bytes;                      /* of one row */
    int64_t row_stride, outer_stride;   /* bytes between rows of params */
    bool wide;
    int rank;
    int64_t dims[HL_MAX_RANK];
    double cost_ns;
} gather_params;

typedef struct gather_job { const gather_params *p; const char *params; const void *indices; char *out; int64_t chunk; } gather_job;

enum {
    AHEAD = 8, AHEAD_ELEMENTS = 64, /* rows, and short ones: so far ahead is what will be read asked for */
    MOST_PICKED = 1024              /* columns of rows that are taken from a register */
};

/* Rows of one number of bytes, `bytes` where that is not a constant. */
#define GATHER_ROWS(index_type, size)                                                                            \
    for (int64_t k = 0; k < count; k++) {                                                                        \
        const char *row = params + ((const index_type *)indices)[k] * p->row_stride;                             \
        if ((size) > 32 && k + AHEAD < count) {                                                                  \
            const char *coming = params + ((const index_type *)indices)[k + AHEAD] * p->row_stride;              \
            for (int64_t at = 0; at < (size) && at < 512; at += 64) __builtin_prefetch(coming + at);             \
        }                                                                                                        \
        if ((size) <= 32 && next) __builtin_prefetch(row + next);                                                \
        copy_row(out + k * (size), row, size);                                                                   \
    }                                                                                                            \
    break

#if SIMD_BYTES >= 32
#define GATHER_SMALL(index_type)                                  \
    case 1: GATHER_ROWS(index_type, 1);                           \
    case 2: GATHER_ROWS(index_type, 2);                           \
    case 12: GATHER_ROWS(index_type, 12);
#else
#define GATHER_SMALL(index_type)
#endif

#define GATHER_SIZES(index_type)                                  \
    switch (p->bytes) {                                           \
    GATHER_SMALL(index_type)                                      \
    case 4: GATHER_ROWS(index_type, 4);                           \
    case 8: GATHER_ROWS(index_type, 8);                           \
    case 16: GATHER_ROWS(index_type, 16);                         \
    case 32: GATHER_ROWS(index_type, 32);                         \
    case 64: GATHER_ROWS(index_type, 64);                         \
    case 128: GATHER_ROWS(index_type, 128);                       \
    default: GATHER_ROWS(index_type, p->bytes);                   \
    }

/* `count` rows that follow each other in the output, from one matrix of params; the same rows of a matrix `next` bytes on will
 * be wanted, where that is not 0. */
static void gather_rows(const gather_params *p, const char *params, const void *indices, int64_t count, int64_t next, char *out) {
    if (p->wide) {
        GATHER_SIZES(int64_t)
    } else {
        GATHER_SIZES(int32_t)
    }
}

static void gather_chunk(void *argument, int64_t chunk, int worker) {
    const gather_job *job = argument;
    const gather_params *p = job->p;
    const int64_t matrices = p->batch * p->outer, total = matrices * p->count, index_bytes = p->wide ? 8 : 4;
    const int64_t end = (chunk + 1) * job->chunk < total ? (chunk + 1) * job->chunk : total;
    const int64_t ahead = p->batch == 1 ? 1 + AHEAD_ELEMENTS / (p->count + 1) : matrices; /* as many matrices */
    (void)worker;
    for (int64_t at = chunk * job->chunk; at < end;) {
        const int64_t k = at % p->count, outer = at / p->count;
        const int64_t count = p->count - k < end - at ? p->count - k : end - at;
        gather_rows(p, job->params + outer * p->outer_stride,
                    (const char *)job->indices + (outer / p->outer * p->count + k) * index_bytes, count,
                    outer + ahead < matrices ? ahead * p->outer_stride : 0, job->out + at * p->bytes);
        at += count;
    }
}

#if SIMD_BYTES == 64
/* Columns of rows that follow each other, of elements of a word or two: from one register or two that have a row, or by the processor's
 * own gathering. */
#define PICK(name, type, index_type, LANES, mask_type, load, store, permute, permute2, gather)                        \
    static void name(const gather_params *p, const char *params, const void *indices, char *out, int64_t rows) {      \
        index_type place[MOST_PICKED];                                                                                \
        const int64_t blocks = (p->count + LANES - 1) / LANES;                                                        \
        const mask_type last = (mask_type)((1u << (p->count - (blocks - 1) * LANES)) - 1);                            \
        const mask_type low = (mask_type)((1u << smaller(p->limit, LANES)) - 1);                                      \
        const mask_type high = (mask_type)((1u << smaller(p->limit > LANES ? p->limit - LANES : 0, LANES)) - 1);      \
        for (int64_t k = 0; k < blocks * LANES; k++)                                                                  \
            place[k] = k < p->count ? (index_type)index_at(indices, p->wide, k) : 0;                                  \
        for (int64_t row = 0; row < rows; row++) {                                                                    \
            const type *x = (const type *)params + row * p->limit;                                                    \
            type *to = (type *)out + row * p->count;                                                                  \
            __m512i a = _mm512_setzero_si512(), b = a;                                                                \
            if (p->limit <= 2 * LANES) a = load(low, x), b = high ? load(high, x + LANES) : a;                        \
            for (int64_t block = 0; block < blocks; block++) {                                                        \
                const __m512i at = _mm512_loadu_si512(place + block * LANES);                                         \
                const mask_type lanes = block + 1 < blocks ? (mask_type)-1 : last;                                    \
                store(to + block * LANES, lanes,                                                                      \
                      p->limit <= LANES       ? permute(at, a)                                                        \
                      : p->limit <= 2 * LANES ? permute2(a, at, b)                                                    \
                                              : gather(_mm512_setzero_si512(), lanes, at, x, sizeof(type)));          \
            }                                                                                                         \
        }                                                                                                             \
    }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
PICK(pick_4, int32_t, int32_t, 16, __mmask16, _mm512_maskz_loadu_epi32, _mm512_mask_storeu_epi32, _mm512_permutexvar_epi32,
     _mm512_permutex2var_epi32, _mm512_mask_i32gather_epi32)
PICK(pick_8, int64_t, int64_t, 8, __mmask8, _mm512_maskz_loadu_epi64, _mm512_mask_storeu_epi64, _mm512_permutexvar_epi64,
     _mm512_permutex2var_epi64, _mm512_mask_i64gather_epi64)

static void pick_chunk(void *argument, int64_t chunk, int worker) {
    const gather_job *job = argument;
    const gather_params *p = job->p;
    const int64_t first = chunk * job->chunk, rows = smaller(job->chunk, p->outer - first);
    (void)worker;
    (p->bytes == 4 ? pick_4 : pick_8)(p, job->params + first * p->outer_stride, job->indices, job->out + first * p->count * p->bytes, rows);
}

/* Of few columns of wide rows the lines are to be asked for instead. */
static bool picks_columns(const gather_params *p) {
    return p->batch == 1 && (p->bytes == 4 || p->bytes == 8) && p->outer >= 8 && p->count <= MOST_PICKED && p->count * 4 >= p->limit;
}
#endif

static hl_status run_gather(const hl_instr *ins, hl_run *run) {
    const gather_params *p = ins->p[2].p;
    const int64_t unfit = first_unfit(ins->arg[1], p->wide, p->batch * p->count, p->limit);
    if (unfit >= 0) return out_of_range(run, unfit, p->rank, p->dims, index_at(ins->arg[1], p->wide, unfit), p->limit);
    const int64_t total = p->batch * p->outer * p->count;
    if (total == 0) return HL_OK;
    gather_job job = {p, ins->arg[0], ins->arg[1], ins->arg[2], total};
#if SIMD_BYTES == 64
    if (picks_columns(p)) {
        job.chunk = 1 + (1 << 14) / p->count;
        hl_parallel(run, (p->outer + job.chunk - 1) / job.chunk, p->cost_ns, pick_chunk, &job);
        return HL_OK;
    }
#endif
    if ((run->threads > 1 || run->poll) && total * p->bytes > 1 << 16) job.chunk = 1 + (1 << 14) / (p->bytes + 1);
    hl_parallel(run, (total + job.chunk - 1) / job.chunk, p->cost_ns, gather_chunk, &job);
    return HL_OK;
}

/* Attributes: the axis, and how many leading axes params and indices share. */
static hl_status prepare_gather(hl_prepare *prep) {
    gather_params *p = prep->params;
    const hl_tensor *params = prep->in[0], *indices = prep->in[1];
    const int axis = (int)prep->attr[0].i, shared = (int)prep->attr[1].i;
    const int64_t size = (int64_t)hl_dtype_size(params->dtype);
    int64_t inner = 1;
    p->batch = p->outer = p->count = 1;
    for (int k = 0; k < shared; k++) p->batch *= params->dims[k];
    for (int k = shared; k < axis; k++) p->outer *= params->dims[k];
    for (int k = axis + 1; k < params->rank; k++) inner *= params->dims[k];
    for (int k = shared; k < indices->rank; k++) p->count *= indices->dims[k];
    p->limit = params->dims[axis];
    p->bytes = inner * size;
    p->row_stride = p->bytes;
    p->outer_stride = p->limit * p->bytes;
    p->wide = indices->dtype == HL_INT64;
    p->rank = indices->rank;
    memcpy(p->dims, indices->dims, (size_t)indices->rank * sizeof *p->dims);
    p->cost_ns = prep->cost_ns = (double)prep->out[0]->size * (double)size * 0.1 + (double)p->count * 2 + 5;
    prep->ins->fn = p->batch * p->outer ? run_gather : hl_run_nothing; /* places are looked at where there is one to be taken */
    return HL_OK;
}

/* check_gathered: (params, indices). Fails where a gather of the same along the first axis does. */
static hl_status run_check_gathered(const hl_instr *ins, hl_run *run) {
    const gather_params *p = ins->p[2].p;
    const int64_t unfit = first_unfit(ins->arg[1], p->wide, p->count, p->limit);
    return unfit < 0 ? HL_OK : out_of_range(run, unfit, p->rank, p->dims, index_at(ins->arg[1], p->wide, unfit), p->limit);
}

static hl_status prepare_check_gathered(hl_prepare *prep) {
    gather_params *p = prep->params;
    const hl_tensor *indices = prep->in[1];
    p->limit = prep->in[0]->dims[0];
    p->count = indices->size;
    p->wide = indices->dtype == HL_INT64;
    p->rank = indices->rank;
    memcpy(p->dims, indices->dims, (size_t)indices->rank * sizeof *p->dims);
    prep->cost_ns = 5 + (double)p->count * 0.1;
    prep->ins->fn = run_check_gathered;
    return HL_OK;
}

/* --- gather_nd and scatter_nd: indices [count, depth] into the first axes -------------------------------------------- */

typedef struct nd_params {
    int64_t count, depth, bytes, row, out_bytes;
    int64_t limit[HL_MAX_RANK], stride[HL_MAX_RANK]; /* in rows */
    int64_t dims[HL_MAX_RANK]; /* of the whole */
    int rank;
    bool wide, gathers;
    double cost_ns;
} nd_params;

static void shape_text(const nd_params *p, char *shape, int size) {
    int length = 0;
    for (int k = 0; k < p->rank && length < size - 24; k++)
        length += snprintf(shape + length, (size_t)(size - length), k ? ",%lld" : "%lld", (long long)p->dims[k]);
}

/* Says which indices do not fit, all of them, and into what. */
static hl_status refuse_nd(const nd_params *p, const void *indices, int64_t i, hl_run *run) {
    char at[160] = "", shape[160] = "";
    int length = 0;
    for (int64_t k = 0; k < p->depth && length < (int)sizeof at - 24; k++)
        length += snprintf(at + length, sizeof at - (size_t)length, k ? ", %lld" : "%lld",
                           (long long)index_at(indices, p->wide, i * p->depth + k));
    shape_text(p, shape, sizeof shape);
    return hl_fail(run, HL_INVALID_ARGUMENT, "indices[%lld] = [%s] does not index into %sshape [%s]", (long long)i, at,
                   p->gathers ? "param " : "", shape);
}

/* The row that an index names; -1 where it does not fit. */
static inline __attribute__((always_inline)) int64_t nd_place(const nd_params *p, const void *indices, int64_t i) {
    int64_t row = 0;
    for (int64_t k = 0; k < p->depth; k++) {
        const int64_t index = index_at(indices, p->wide, i * p->depth + k);
        if (index < 0 || index >= p->limit[k]) return -1;
        row += index * p->stride[k];
    }
    return row;
}

enum { ND_BLOCK = 256 }; /* indices whose rows are found together */

/* The rows that `count` indices from `first` on name. False: one does not fit. */
static inline __attribute__((always_inline)) bool places_of(const nd_params *p, const int64_t depth, const bool wide, const void *indices,
                                                           int64_t first, int64_t count, int64_t *place) {
    bool unfit = false;
    for (int64_t i = 0; i < count; i++) {
        uint64_t row = 0;
        for (int64_t k = 0; k < depth; k++) {
            const uint64_t index = (uint64_t)index_at(indices, wide, (first + i) * depth + k);
            unfit |= index >= (uint64_t)p->limit[k];
            row += k + 1 < depth ? index * (uint64_t)p->stride[k] : index;
        }
        place[i] = (int64_t)row;
    }
    return !unfit;
}
static bool nd_places(const nd_params *p, const void *indices, int64_t first, int64_t count, int64_t *place) {
    if (p->depth == 2) return p->wide ? places_of(p, 2, true, indices, first, count, place) : places_of(p, 2, false, indices, first, count, place);
    if (p->depth == 3) return p->wide ? places_of(p, 3, true, indices, first, count, place) : places_of(p, 3, false, indices, first, count, place);
    return places_of(p, p->depth, p->wide, indices, first, count, place);
}

static inline __attribute__((always_inline)) hl_status nd_row(const nd_params *p, const void *indices, int64_t i, hl_run *run, int64_t *row) {
    *row = 0;
    if ((p->bytes >= 4096 || (i & 1023) == 0) && hl_is_stopped(run)) return run->stopped;
    *row = nd_place(p, indices, i);
    return *row < 0 ? refuse_nd(p, indices, i, run) : HL_OK;
}

static void prepare_nd(nd_params *p, const hl_tensor *indices, const hl_tensor *whole) {
    p->depth = indices->rank ? indices->dims[indices->rank - 1] : 1;
    p->count = p->depth ? indices->size / p->depth : 1;
    if (!p->depth)
        for (int axis = 0; axis + 1 < indices->rank; axis++) p->count *= indices->dims[axis];
    p->wide = indices->dtype == HL_INT64;
    p->rank = whole->rank;
    memcpy(p->dims, whole->dims, (size_t)whole->rank * sizeof *p->dims);
    int64_t rows = 1;
    for (int64_t k = p->depth - 1; k >= 0; k--) {
        p->limit[k] = whole->dims[k];
        p->stride[k] = rows;
        rows *= whole->dims[k];
    }
    p->row = 1;
    for (int k = (int)p->depth; k < whole->rank; k++) p->row *= whole->dims[k];
    p->bytes = p->row * (int64_t)hl_dtype_size(whole->dtype);
    p->out_bytes = whole->size * (int64_t)hl_dtype_size(whole->dtype);
}

typedef struct nd_job {
    const nd_params *p;
    const char *params;
    const void *indices;
    char *out;
    int64_t chunk;
    _Atomic int64_t unfit; /* the first index that does not fit */
} nd_job;

static void gather_nd_chunk(void *argument, int64_t chunk, int worker) {
    nd_job *job = argument;
    const nd_params *p = job->p;
    const int64_t end = (chunk + 1) * job->chunk < p->count ? (chunk + 1) * job->chunk : p->count;
    (void)worker;
    for (int64_t first = chunk * job->chunk; first < end; first += ND_BLOCK) {
        int64_t place[ND_BLOCK], i = first;
        const int64_t count = end - first < ND_BLOCK ? end - first : ND_BLOCK;
        if (!nd_places(p, job->indices, first, count, place)) {
            while (i < first + count - 1 && nd_place(p, job->indices, i) >= 0) i++; /* another step may have made all fit meanwhile */
            int64_t seen = atomic_load_explicit(&job->unfit, memory_order_relaxed);
            while (i < seen && !atomic_compare_exchange_weak_explicit(&job->unfit, &seen, i, memory_order_relaxed, memory_order_relaxed)) {}
            return;
        }
        char *to = job->out + first * p->bytes;
        if (p->bytes == 4)
            for (int64_t k = 0; k < count; k++) memcpy(to + k * 4, job->params + place[k] * 4, 4);
        else if (p->bytes == 8)
            for (int64_t k = 0; k < count; k++) memcpy(to + k * 8, job->params + place[k] * 8, 8);
        else
            for (int64_t k = 0; k < count; k++) copy_row(to + k * p->bytes, job->params + place[k] * p->bytes, p->bytes);
    }
}

static hl_status run_gather_nd(const hl_instr *ins, hl_run *run) {
    const nd_params *p = ins->p[2].p;
    nd_job job = {p, ins->arg[0], ins->arg[1], ins->arg[2], 1 + CHUNK_BYTES / (p->bytes + 8 * p->depth + 1), p->count};
    hl_parallel(run, (p->count + job.chunk - 1) / job.chunk, p->cost_ns, gather_nd_chunk, &job);
    return job.unfit < p->count ? refuse_nd(p, ins->arg[1], job.unfit, run) : HL_OK;
}

/* Parts of nothing are refused, even those of no elements. */
static hl_status run_gather_of_nothing(const hl_instr *ins, hl_run *run) {
    char shape[160] = "";
    shape_text(ins->p[2].p, shape, sizeof shape);
    return hl_fail(run, HL_INVALID_ARGUMENT, "Requested more than 0 entries, but params is empty.  Params shape: [%s]", shape);
}

static hl_status prepare_gather_nd(hl_prepare *prep) {
    nd_params *p = prep->params;
    prepare_nd(p, prep->in[1], prep->in[0]);
    p->gathers = true;
    p->cost_ns = prep->cost_ns = (double)p->count * ((double)p->depth * 2 + (double)p->bytes * 0.1) + 5;
    prep->ins->fn = p->count && !prep->in[0]->size ? run_gather_of_nothing : run_gather_nd;
    return HL_OK;
}

/* scatter_nd: (indices, updates) -> out; duplicates are summed in the order of the indices. */
#define SCATTER_ND(tag, dtype, S, C, LOAD, STORE, unused)                                                         \
    static hl_status scatter_nd_##tag(const hl_instr *ins, hl_run *run) {                                         \
        const nd_params *p = ins->p[2].p;                                                                         \
        int64_t place[ND_BLOCK], begun = 0;                                                                       \
        clear_bytes(run, ins->arg[2], p->out_bytes);                                                              \
        for (; p->row == 1 && begun < p->count; begun += ND_BLOCK) {                                              \
            const int64_t count = p->count - begun < ND_BLOCK ? p->count - begun : ND_BLOCK;                      \
            if (hl_is_stopped(run)) return run->stopped;                                                          \
            if (!nd_places(p, ins->arg[0], begun, count, place)) break; /* which the loop below says */           \
            S *to = (S *)ins->arg[2];                                                                             \
            const S *from = (const S *)ins->arg[1] + begun;                                                       \
            for (int64_t k = 0; k < count; k++) to[place[k]] = (S)STORE((C)(LOAD(to[place[k]]) + LOAD(from[k]))); \
        }                                                                                                         \
        for (int64_t i = begun; i < p->count; i++) {                                                              \
            int64_t row;                                                                                          \
            const hl_status status = nd_row(p, ins->arg[0], i, run, &row);                                        \
            if (status != HL_OK) return status;                                                                   \
            S *to = (S *)ins->arg[2] + row * p->row;                                                              \
            const S *from = (const S *)ins->arg[1] + i * p->row;                                                  \
            for (int64_t k = 0; k < p->row; k++) to[k] = (S)STORE((C)(LOAD(to[k]) + LOAD(from[k])));              \
        }                                                                                                         \
        return HL_OK;                                                                                             \
    }
EACH_NUMBER(SCATTER_ND, 0)
EACH_COMPLEX(SCATTER_ND, 0)
#define IS_TRUE(x) ((x) != 0)
SCATTER_ND(b8, HL_BOOL, uint8_t, int, PLAIN, IS_TRUE, 0)
#define CASE(tag, dtype, S, C, LOAD, STORE, op) \
    case dtype: prep->ins->fn = op##_##tag; return HL_OK;

static hl_status prepare_scatter_nd(hl_prepare *prep) {
    prepare_nd(prep->params, prep->in[0], prep->out[0]);
    prep->cost_ns = (double)prep->out[0]->size * 0.2 + (double)prep->in[1]->size + 5;
    switch (prep->out[0]->dtype) {
        EACH_NUMBER(CASE, scatter_nd)
        EACH_COMPLEX(CASE, scatter_nd)
        EACH_BOOL(CASE, scatter_nd)
    default: return hl_no_kernel(prep, NULL);
    }
}

/* scatter_nd_update and so on: (indices, updates) -> out, whose other elements stay; indices are checked first. */
#define SCATTER_INTO(tag, dtype, S, C, LOAD, STORE, op, EXPR)                                                     \
    static hl_status op##_##tag(const hl_instr *ins, hl_run *run) {                                               \
        const nd_params *p = ins->p[2].p;                                                                         \
        int64_t row;                                                                                              \
        for (int64_t i = 0; i < p->count; i++) {                                                                  \
            const hl_status status = nd_row(p, ins->arg[0], i, run, &row);                                        \
            if (status != HL_OK) return status;                                                                   \
        }                                                                                                         \
        for (int64_t i = 0; i < p->count; i++) {                                                                  \
            nd_row(p, ins->arg[0], i, run, &row);                                                                 \
            S *to = (S *)ins->arg[2] + row * p->row;                                                              \
            const S *from = (const S *)ins->arg[1] + i * p->row;                                                  \
            for (int64_t k = 0; k < p->row; k++) {                                                                \
                const C x = LOAD(to[k]), y = LOAD(from[k]);                                                       \
                (void)x;                                                                                          \
                to[k] = (S)STORE((C)(EXPR));                                                                      \
            }                                                                                                     \
        }                                                                                                         \
        return HL_OK;                                                                                             \
    }
EACH_NUMBER(SCATTER_INTO, scatter_nd_add, x + y)
EACH_COMPLEX(SCATTER_INTO, scatter_nd_add, x + y)
EACH_NUMBER(SCATTER_INTO, scatter_nd_sub, x - y)
EACH_COMPLEX(SCATTER_INTO, scatter_nd_sub, x - y)
EACH_NUMBER(SCATTER_INTO, scatter_nd_update, y)
EACH_COMPLEX(SCATTER_INTO, scatter_nd_update, y)
EACH_BOOL(SCATTER_INTO, scatter_nd_update, y)

#define PREPARE_SCATTER_INTO(op, MORE)                              \
    static hl_status prepare_##op(hl_prepare *prep) {               \
        prepare_nd(prep->params, prep->in[0], prep->out[0]);        \
        prep->cost_ns = (double)prep->in[1]->size * 2 + 5;          \
        switch (prep->out[0]->dtype) {                              \
            EACH_NUMBER(CASE, op)                                   \
            EACH_COMPLEX(CASE, op)                                  \
            MORE                                                    \
        default: return hl_no_kernel(prep, NULL);                   \
        }                                                           \
    }
PREPARE_SCATTER_INTO(scatter_nd_add, )
PREPARE_SCATTER_INTO(scatter_nd_sub, )
PREPARE_SCATTER_INTO(scatter_nd_update, EACH_BOOL(CASE, scatter_nd_update))

static const hl_kernel table[] = {
    {"gather", prepare_gather, sizeof(gather_params)},
    {"check_gathered", prepare_check_gathered, sizeof(gather_params)},
    {"gather_nd", prepare_gather_nd, sizeof(nd_params)},
    {"scatter_nd", prepare_scatter_nd, sizeof(nd_params)},
    {"scatter_nd_add", prepare_scatter_nd_add, sizeof(nd_params)},
    {"scatter_nd_sub", prepare_scatter_nd_sub, sizeof(nd_params)},
    {"scatter_nd_update", prepare_scatter_nd_update, sizeof(nd_params)},
};

HL_FAMILY(gather, table);
