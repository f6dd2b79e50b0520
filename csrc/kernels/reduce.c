/* Reductions over any axes: sum, mean, product, extrema, all, any, sum of squares; and sum_to, which undoes a broadcast.
 *
 * Adjacent axes of one kind are merged, so that few patterns are left: rows whose elements are reduced, or rows that are
 * added up element by element, each with outer loops. Outputs are made in strips; where there are few outputs and much
 * to add, each strip is cut into parts whose number depends on the sizes alone.
 */
#include <math.h>

#include "../plan.h"
#include "complex_types.h"
#include "../pool.h"
#include "half_vectors.h"
#include "simd.h"
#include "sum_order.h"
#include "vector_math.h"

enum {
    LANES = 32,
    ROW_BLOCK = 64,    /* rows that are summed in lanes before they go to a total */
    COLUMNS = 512,     /* outputs of a strip of columns */
    ROWS = 256,        /* outputs of a strip of rows */
    SHORT = 512,       /* elements of rows of which several are reduced at once */
    FEW_ROWS = 4,      /* outputs from which on that pays: fewer rows are reduced one by one */
    MOST_FEW = 8,      /* elements of rows that are summed a row a lane */
    FEW = 16           /* columns of which several rows are taken as one */
};

typedef enum operation {
    REDUCE_SUM, REDUCE_SQUARES, REDUCE_DISTANCES, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN, REDUCE_ALL, REDUCE_ANY, OPERATIONS
} operation;
typedef enum finishing { FINISH_PLAIN, FINISH_MEAN, FINISH_HALF, FINISH_ROOT } finishing;

/* `count` outputs that lie together: of a strip of columns, columns of one row; else rows, one output each. */
typedef struct strip { int64_t row, column, count; } strip;

typedef struct reduction reduction;
typedef void (*part_fn)(const reduction *r, const char *x, const char *centers, const strip *s, int64_t first, int64_t end,
                        void *totals);

typedef struct reducer {
    part_fn part[OPERATIONS];
    void (*merge)(operation op, void *into, const void *from, int64_t count);
    void (*finish)(const reduction *r, const void *totals, char *out, int64_t first, int64_t count);
    size_t size, total_size;
} reducer;

/* A prepared reduction. Outer axes are row-major; strides are in elements. */
struct reduction {
    const reducer *reducer;
    part_fn part;
    operation op;
    finishing finish;
    bool inner_reduced;
    int kept_rank, reduced_rank;
    int64_t inner, kept, reduced; /* the innermost axis; products of the outer axes of each kind */
    int64_t kept_dims[HL_MAX_RANK], kept_strides[HL_MAX_RANK];
    int64_t reduced_dims[HL_MAX_RANK], reduced_strides[HL_MAX_RANK];
    int64_t per_output;
    int operands; /* the last two: centers, or the input again, and the output */
    int64_t strips, strips_per_row, outputs_per_strip;
    int64_t length, parts, part_length; /* of what is cut into parts: reduced rows, or the elements of one row */
    int64_t strips_per_task;
    double cost_ns;
};

static inline int64_t offset_of(int64_t index, int rank, const int64_t *dims, const int64_t *strides) {
    if (rank == 0) return 0;
    int64_t offset = 0;
    for (int axis = rank - 1; axis > 0; axis--) {
        offset += index % dims[axis] * strides[axis];
        index /= dims[axis];
    }
    return offset + index * strides[0];
}
static inline int64_t kept_offset(const reduction *r, int64_t row) {
    return offset_of(row, r->kept_rank, r->kept_dims, r->kept_strides);
}
static inline int64_t reduced_offset(const reduction *r, int64_t row) {
    return offset_of(row, r->reduced_rank, r->reduced_dims, r->reduced_strides);
}

static int64_t first_output(const reduction *r, const strip *s) {
    return r->inner_reduced ? s->row : s->row * r->inner + s->column;
}

#define SAME(x) (x)
#define FLOAT_MEAN(total, n) ((total) / (double)(n))
#define INTEGER_MEAN(total, n) ((n) ? (total) / (n) : 0)

/* A sum of squares that overflowed has no root: what x86 makes of NaN. */
#define FLOAT_ROOT(total) sqrt((double)(total))
#define INTEGER_ROOT(total) ((total) < 0 ? (sizeof(TYPE) < 4 ? 0 : LOWEST) : (TOTAL)sqrt((double)(total)))

/* Integers of 32 and 64 bits are loaded as floats of their size are. */
typedef uint32_t simd_u32 __attribute__((vector_size(SIMD_BYTES)));
typedef uint64_t simd_u64 __attribute__((vector_size(SIMD_BYTES)));
#define VECTOR_SELECT(tag, VECTOR, MASK)                                                        \
    SIMD_INLINE VECTOR select_##tag(MASK mask, VECTOR yes, VECTOR no) {                         \
        return (VECTOR)((mask & (MASK)yes) | (~mask & (MASK)no));                               \
    }
VECTOR_SELECT(i32, simd_i32, simd_i32)
VECTOR_SELECT(i64, simd_i64, simd_i64)
SIMD_INLINE simd_i32 max_or_nan_i32(simd_i32 a, simd_i32 b) { return select_i32(a > b, a, b); }
SIMD_INLINE simd_i32 min_or_nan_i32(simd_i32 a, simd_i32 b) { return select_i32(a < b, a, b); }
SIMD_INLINE simd_i64 max_or_nan_i64(simd_i64 a, simd_i64 b) { return select_i64(a > b, a, b); }
SIMD_INLINE simd_i64 min_or_nan_i64(simd_i64 a, simd_i64 b) { return select_i64(a < b, a, b); }

/* Asks for the four vectors of AHEAD bytes further on: where few of what is to come fit the processor's queues, memory waits. */
#if SIMD_BYTES == 32
enum { AHEAD = 2048 };
#define ASK_AHEAD(x) (__builtin_prefetch((const char *)(x) + AHEAD), __builtin_prefetch((const char *)(x) + AHEAD + 64))
#elif SIMD_BYTES == 64
enum { AHEAD = 2048 };
#define ASK_AHEAD(x)                                                                                     \
    (__builtin_prefetch((const char *)(x) + AHEAD), __builtin_prefetch((const char *)(x) + AHEAD + 64),  \
     __builtin_prefetch((const char *)(x) + AHEAD + 128), __builtin_prefetch((const char *)(x) + AHEAD + 192))
#else
#define ASK_AHEAD(x) ((void)0)
#endif

/* Elements, pairs of them and quarters of a vector of two vectors, moved as in sum_rows of simd.h. */
#define MOVED_32(a, b, ...) (VEC) SIMD_SHUFFLE(simd_i32, (simd_f32)(a), (simd_f32)(b), __VA_ARGS__)
#define MOVED_64(a, b, ...) (VEC) SIMD_SHUFFLE(simd_i64, (simd_f64)(a), (simd_f64)(b), __VA_ARGS__)
#define PAIRS_FIRST(a, b) MOVED_32(a, b, F32_FIRSTS)
#define PAIRS_LAST(a, b) MOVED_32(a, b, F32_LASTS)
#define HALVES_FIRST(a, b) MOVED_64(a, b, F64_FIRSTS)
#define HALVES_LAST(a, b) MOVED_64(a, b, F64_LASTS)
#define QUARTERS_FIRST(a, b) MOVED_64(a, b, F64_EVEN_QUARTERS)
#define QUARTERS_LAST(a, b) MOVED_64(a, b, F64_ODD_QUARTERS)
#define LOAD_PART_I32(x, count) (simd_i32) load_part_f32((const float *)(x), count)
#define LOAD_PART_I64(x, count) (simd_i64) load_part_f64((const double *)(x), count)

/* Floats of 16 bits are added as those of 32 are, eight at a time. */
#if SIMD_BYTES >= 32 && defined(__F16C__)
#define HALVES_BY_VECTORS 1
static inline float as_float(float x) { return x; }
#define LOAD_HALVES(tag)                                                               \
    SIMD_INLINE simd_f32 load_lanes_of_##tag(const uint16_t *from, int count) {        \
        return count >= F32_LANES ? load_##tag(from) : load_part_##tag(from, count);   \
    }
LOAD_HALVES(f16)
LOAD_HALVES(bf16)
#define select_f16 select_f32
#define select_bf16 select_f32
#define max_or_nan_f16 max_or_nan_f32
#define max_or_nan_bf16 max_or_nan_f32
#define min_or_nan_f16 min_or_nan_f32
#define min_or_nan_bf16 min_or_nan_f32
#else
#define HALVES_BY_VECTORS 0
#endif

#define LOGICAL 0
#define COMPLEX 0
#define CONJUGATE SAME
#define TYPE float
#define LANE float
#define WRAP float
#define TOTAL double
#define TOTAL_WRAP double
#define TO_LANE SAME
#define FROM_TOTAL (float)
#define LOWEST (-INFINITY)
#define HIGHEST INFINITY
#define MEAN_OF FLOAT_MEAN
#define ROOT_OF FLOAT_ROOT
#define VEC simd_f32
#define VEC_WRAP simd_f32
#define VEC_INDEX int32_t
#define VEC_LANES F32_LANES
#define VEC_LANE_INDEX lane_index_f32()
#define VEC_LOAD_PART load_part_f32
#define VEC_SPLAT(x) ((x) - (VEC){0})
#define NAME(x) x##_f32
#define VEC_SUM sum_lanes_f32
#define CENTERED
#include "reduce_kernel.h"
#define TYPE double
#define LANE double
#define WRAP double
#define TOTAL double
#define TOTAL_WRAP double
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST (-(double)INFINITY)
#define HIGHEST ((double)INFINITY)
#define MEAN_OF FLOAT_MEAN
#define ROOT_OF FLOAT_ROOT
#define VEC simd_f64
#define VEC_WRAP simd_f64
#define VEC_INDEX int64_t
#define VEC_LANES F64_LANES
#define VEC_LANE_INDEX lane_index_f64()
#define VEC_LOAD_PART load_part_f64
#define VEC_SPLAT(x) ((x) - (VEC){0})
#define NAME(x) x##_f64
#define VEC_SUM sum_lanes_f64
#define CENTERED
#include "reduce_kernel.h"
#define TYPE uint16_t
#define LANE float
#define WRAP float
#define TOTAL double
#define TOTAL_WRAP double
#define TO_LANE half_to_float
#define FROM_TOTAL(x) float_to_half((float)(x))
#define LOWEST (-INFINITY)
#define HIGHEST INFINITY
#define MEAN_OF FLOAT_MEAN
#define ROOT_OF FLOAT_ROOT
#if HALVES_BY_VECTORS
#define VEC simd_f32
#define VEC_WRAP simd_f32
#define VEC_INDEX int32_t
#define VEC_LANES F32_LANES
#define VEC_LANE_INDEX lane_index_f32()
#define VEC_LOAD_PART load_lanes_of_f16
#define VEC_SPLAT(x) (_Generic((x), float: as_float, default: half_to_float)(x) - (VEC){0})
#define VEC_SUM sum_lanes_f32
#endif
#define NAME(x) x##_f16
#define CENTERED
#include "reduce_kernel.h"
#define TYPE uint16_t
#define LANE float
#define WRAP float
#define TOTAL double
#define TOTAL_WRAP double
#define TO_LANE bfloat_to_float
#define FROM_TOTAL(x) float_to_bfloat((float)(x))
#define LOWEST (-INFINITY)
#define HIGHEST INFINITY
#define MEAN_OF FLOAT_MEAN
#define ROOT_OF FLOAT_ROOT
#if HALVES_BY_VECTORS
#define VEC simd_f32
#define VEC_WRAP simd_f32
#define VEC_INDEX int32_t
#define VEC_LANES F32_LANES
#define VEC_LANE_INDEX lane_index_f32()
#define VEC_LOAD_PART load_lanes_of_bf16
#define VEC_SPLAT(x) (_Generic((x), float: as_float, default: bfloat_to_float)(x) - (VEC){0})
#define VEC_SUM sum_lanes_f32
#endif
#define NAME(x) x##_bf16
#define CENTERED
#include "reduce_kernel.h"
#define TYPE int32_t
#define LANE int32_t
#define WRAP uint32_t
#define TOTAL int32_t
#define TOTAL_WRAP uint32_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#define MEAN_OF(total, n) (int32_t) INTEGER_MEAN(total, n)
#define ROOT_OF INTEGER_ROOT
#define VEC simd_i32
#define VEC_WRAP simd_u32
#define VEC_INDEX int32_t
#define VEC_LANES F32_LANES
#define VEC_LANE_INDEX lane_index_f32()
#define VEC_LOAD_PART LOAD_PART_I32
#define VEC_SPLAT(x) ((x) - (VEC){0})
#define NAME(x) x##_i32
#include "reduce_kernel.h"
#define TYPE int64_t
#define LANE int64_t
#define WRAP uint64_t
#define TOTAL int64_t
#define TOTAL_WRAP uint64_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#define MEAN_OF INTEGER_MEAN
#define ROOT_OF INTEGER_ROOT
#define VEC simd_i64
#define VEC_WRAP simd_u64
#define VEC_INDEX int64_t
#define VEC_LANES F64_LANES
#define VEC_LANE_INDEX lane_index_f64()
#define VEC_LOAD_PART LOAD_PART_I64
#define VEC_SPLAT(x) ((x) - (VEC){0})
#define NAME(x) x##_i64
#include "reduce_kernel.h"
#define TYPE int16_t
#define LANE int16_t
#define WRAP uint32_t
#define TOTAL int16_t
#define TOTAL_WRAP uint32_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST INT16_MIN
#define HIGHEST INT16_MAX
#define MEAN_OF(total, n) (int16_t) INTEGER_MEAN(total, n)
#define ROOT_OF INTEGER_ROOT
#define NAME(x) x##_i16
#include "reduce_kernel.h"
#define TYPE int8_t
#define LANE int8_t
#define WRAP uint32_t
#define TOTAL int8_t
#define TOTAL_WRAP uint32_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST INT8_MIN
#define HIGHEST INT8_MAX
#define MEAN_OF(total, n) (int8_t) INTEGER_MEAN(total, n)
#define ROOT_OF INTEGER_ROOT
#define NAME(x) x##_i8
#include "reduce_kernel.h"
#define TYPE uint64_t
#define LANE uint64_t
#define WRAP uint64_t
#define TOTAL uint64_t
#define TOTAL_WRAP uint64_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST 0
#define HIGHEST UINT64_MAX
#define MEAN_OF(total, n) (uint64_t) INTEGER_MEAN(total, n)
#define ROOT_OF INTEGER_ROOT
#define NAME(x) x##_u64
#include "reduce_kernel.h"
#define TYPE uint32_t
#define LANE uint32_t
#define WRAP uint32_t
#define TOTAL uint32_t
#define TOTAL_WRAP uint32_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST 0
#define HIGHEST UINT32_MAX
#define MEAN_OF(total, n) (uint32_t) INTEGER_MEAN(total, n)
#define ROOT_OF INTEGER_ROOT
#define NAME(x) x##_u32
#include "reduce_kernel.h"
#define TYPE uint16_t
#define LANE uint16_t
#define WRAP uint32_t
#define TOTAL uint16_t
#define TOTAL_WRAP uint32_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST 0
#define HIGHEST UINT16_MAX
#define MEAN_OF(total, n) (uint16_t) INTEGER_MEAN(total, n)
#define ROOT_OF INTEGER_ROOT
#define NAME(x) x##_u16
#include "reduce_kernel.h"
#define TYPE uint8_t
#define LANE uint8_t
#define WRAP uint32_t
#define TOTAL uint8_t
#define TOTAL_WRAP uint32_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST 0
#define HIGHEST UINT8_MAX
#define MEAN_OF(total, n) (uint8_t) INTEGER_MEAN(total, n)
#define ROOT_OF INTEGER_ROOT
#define NAME(x) x##_u8
#include "reduce_kernel.h"
#undef LOGICAL
#define LOGICAL 1
#define TYPE uint8_t
#define LANE uint8_t
#define WRAP uint32_t
#define TOTAL uint8_t
#define TOTAL_WRAP uint32_t
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST 0
#define HIGHEST 1
#define MEAN_OF(total, n) (total)
#define ROOT_OF INTEGER_ROOT
#define NAME(x) x##_bool
#include "reduce_kernel.h"
#undef LOGICAL
#undef COMPLEX
#undef CONJUGATE
#define LOGICAL 0
#define COMPLEX 1
#define CONJUGATE conj
#define TYPE float complex
#define LANE float complex
#define WRAP float complex
#define TOTAL double complex
#define TOTAL_WRAP double complex
#define TO_LANE SAME
#define FROM_TOTAL (float complex)
#define LOWEST 0
#define HIGHEST 0
#define MEAN_OF FLOAT_MEAN
#define ROOT_OF FLOAT_ROOT
#define NAME(x) x##_c64
#include "reduce_kernel.h"
#define TYPE double complex
#define LANE double complex
#define WRAP double complex
#define TOTAL double complex
#define TOTAL_WRAP double complex
#define TO_LANE SAME
#define FROM_TOTAL SAME
#define LOWEST 0
#define HIGHEST 0
#define MEAN_OF FLOAT_MEAN
#define ROOT_OF FLOAT_ROOT
#define NAME(x) x##_c128
#include "reduce_kernel.h"

static const reducer *reducer_of(hl_dtype dtype) {
    switch (dtype) {
    case HL_FLOAT32: return &reducer_f32;
    case HL_FLOAT64: return &reducer_f64;
    case HL_FLOAT16: return &reducer_f16;
    case HL_BFLOAT16: return &reducer_bf16;
    case HL_INT32: return &reducer_i32;
    case HL_INT64: return &reducer_i64;
    case HL_INT16: return &reducer_i16;
    case HL_INT8: return &reducer_i8;
    case HL_UINT64: return &reducer_u64;
    case HL_UINT32: return &reducer_u32;
    case HL_UINT16: return &reducer_u16;
    case HL_UINT8: return &reducer_u8;
    case HL_BOOL: return &reducer_bool;
    case HL_COMPLEX64: return &reducer_c64;
    case HL_COMPLEX128: return &reducer_c128;
    default: return NULL;
    }
}

/* ---- running ---- */

static strip strip_at(const reduction *r, int64_t index) {
    if (!r->inner_reduced) {
        const int64_t column = index % r->strips_per_row * r->outputs_per_strip;
        const int64_t rest = r->inner - column;
        return (strip){index / r->strips_per_row, column, rest < r->outputs_per_strip ? rest : r->outputs_per_strip};
    }
    const int64_t row = index * r->outputs_per_strip, rest = r->kept - row;
    return (strip){row, 0, rest < r->outputs_per_strip ? rest : r->outputs_per_strip};
}

static void run_strips(const reduction *r, const char *in, const char *centers, char *out, int64_t first, int64_t end) {
    double complex totals[COLUMNS]; /* no total is larger */
    for (int64_t index = first; index < end; index++) {
        const strip s = strip_at(r, index);
        r->part(r, in, centers, &s, 0, r->length, totals);
        r->reducer->finish(r, totals, out, first_output(r, &s), s.count);
    }
}

typedef struct reduce_task { const reduction *r; const char *in, *centers; char *out, *partials; } reduce_task;

static void run_task(void *argument, int64_t chunk, int worker) {
    const reduce_task *task = argument;
    const reduction *r = task->r;
    (void)worker;
    const int64_t first = chunk * r->strips_per_task, end = first + r->strips_per_task;
    run_strips(r, task->in, task->centers, task->out, first, end < r->strips ? end : r->strips);
}

static void run_part(void *argument, int64_t chunk, int worker) {
    const reduce_task *task = argument;
    const reduction *r = task->r;
    (void)worker;
    const strip s = strip_at(r, chunk / r->parts);
    const int64_t first = chunk % r->parts * r->part_length, end = first + r->part_length;
    char *totals = task->partials + chunk * r->outputs_per_strip * (int64_t)r->reducer->total_size;
    r->part(r, task->in, task->centers, &s, first, end < r->length ? end : r->length, totals);
}

static hl_status reduce_run(const hl_instr *ins, hl_run *run) {
    const reduction *r = ins->p[2].p;
    reduce_task task = {r, ins->arg[0], ins->arg[r->operands - 2], ins->arg[r->operands - 1], run->scratch};
    if (r->parts == 1) {
        hl_parallel(run, (r->strips + r->strips_per_task - 1) / r->strips_per_task, r->cost_ns, run_task, &task);
        return HL_OK;
    }
    hl_parallel(run, r->strips * r->parts, r->cost_ns, run_part, &task);
    const int64_t bytes = r->outputs_per_strip * (int64_t)r->reducer->total_size;
    for (int64_t index = 0; index < r->strips; index++) {
        const strip s = strip_at(r, index);
        char *totals = task.partials + index * r->parts * bytes;
        for (int64_t part = 1; part < r->parts; part++)
            r->reducer->merge(r->op, totals, totals + part * bytes, s.count);
        r->reducer->finish(r, totals, task.out, first_output(r, &s), s.count);
    }
    return HL_OK;
}

static hl_status reduce_run_small(const hl_instr *ins, hl_run *run) {
    const reduction *r = ins->p[2].p;
    (void)run;
    run_strips(r, ins->arg[0], ins->arg[r->operands - 2], ins->arg[r->operands - 1], 0, r->strips);
    return HL_OK;
}

static hl_status reduce_run_copy(const hl_instr *ins, hl_run *run) {
    (void)run;
    if (ins->arg[0] != ins->arg[1]) memcpy(ins->arg[1], ins->arg[0], (size_t)ins->p[0].i);
    return HL_OK;
}

#include "few_rows.h"

/* ---- preparing ---- */

/* Merges adjacent axes of one kind, and sets the outer axes of each kind and the innermost axis. */
static void merge_axes(reduction *r, const hl_tensor *in, uint64_t reduced_axes) {
    int rank = 0;
    int64_t dims[HL_MAX_RANK], strides[HL_MAX_RANK];
    bool is_reduced[HL_MAX_RANK];
    int64_t stride = 1;
    for (int axis = in->rank - 1; axis >= 0; axis--) { /* dims[0] is the innermost */
        const bool reduces = reduced_axes >> axis & 1;
        if (in->dims[axis] == 1) continue;
        if (rank > 0 && is_reduced[rank - 1] == reduces) {
            dims[rank - 1] *= in->dims[axis];
        } else {
            dims[rank] = in->dims[axis], strides[rank] = stride, is_reduced[rank++] = reduces;
        }
        stride *= in->dims[axis];
    }
    if (rank == 0) dims[0] = 1, strides[0] = 1, is_reduced[0] = false, rank = 1;
    r->inner = dims[0];
    r->inner_reduced = is_reduced[0];
    r->kept = r->reduced = 1;
    for (int axis = rank - 1; axis > 0; axis--) {
        if (is_reduced[axis]) {
            r->reduced_dims[r->reduced_rank] = dims[axis], r->reduced_strides[r->reduced_rank++] = strides[axis];
            r->reduced *= dims[axis];
        } else {
            r->kept_dims[r->kept_rank] = dims[axis], r->kept_strides[r->kept_rank++] = strides[axis];
            r->kept *= dims[axis];
        }
    }
}

static hl_status prepare_real(hl_prepare *prep, const hl_tensor *in, const hl_tensor *out, operation op,
                              finishing finish, uint64_t reduced_axes) {
    reduction *r = prep->params;
    *r = (reduction){.op = op, .finish = finish, .operands = prep->n_in + prep->n_out};
    r->reducer = reducer_of(in->dtype);
    if (!r->reducer || !r->reducer->part[op])
        return hl_no_kernel(prep, "a reduction");
    r->part = r->reducer->part[op];
    merge_axes(r, in, reduced_axes);
    prep->ins->fn = hl_run_nothing;
    prep->cost_ns = 5;
    if (out->size == 0) return HL_OK;
    r->per_output = in->size / out->size;
    if (in->size == out->size && op != REDUCE_SQUARES && op != REDUCE_DISTANCES) {
        prep->ins->fn = reduce_run_copy;
        prep->ins->p[0].i = in->size * (int64_t)r->reducer->size;
        prep->cost_ns = 5 + (double)prep->ins->p[0].i * 0.05;
        return HL_OK;
    }
    if (in->size == 0) { /* each output is an empty reduction: take all outputs as rows of nothing */
        r->inner_reduced = true, r->inner = 0, r->reduced = 1, r->reduced_rank = 0;
        r->kept = out->size, r->kept_rank = 0;
    }
    if (has_few_rows(r, in->dtype)) return prepare_few_rows(prep, r, in->size);
    r->outputs_per_strip = r->inner_reduced ? ROWS : r->inner < COLUMNS ? r->inner : COLUMNS;
    if (r->inner_reduced && r->kept < ROWS) r->outputs_per_strip = r->kept;
    r->strips_per_row = r->inner_reduced ? 1 : (r->inner + r->outputs_per_strip - 1) / r->outputs_per_strip;
    r->length = r->inner_reduced && r->reduced == 1 ? r->inner : r->reduced;
    r->parts = 1;
    if (out->size <= COLUMNS && has_parts(in->size)) {
        r->parts = most_parts(in->size);
        if (r->inner_reduced && r->reduced == 1) { /* each row by itself, so that memory is gone through in its order */
            r->parts = r->parts / r->kept ? r->parts / r->kept : 1;
            if (r->parts > 1) r->outputs_per_strip = 1;
        }
        if (r->parts > r->length) r->parts = r->length;
        r->part_length = (r->length + r->parts - 1) / r->parts;
        r->parts = (r->length + r->part_length - 1) / r->part_length;
    }
    const double nanoseconds = 10 + (double)in->size * 0.15 + (double)out->size * 2;
    if (r->inner_reduced && r->parts == 1) { /* shorter strips where that gives the pool enough of them */
        int64_t tasks = (int64_t)(nanoseconds / 10000) + 1;
        if (tasks > 1) r->outputs_per_strip = (r->kept + tasks - 1) / tasks < ROWS ? (r->kept + tasks - 1) / tasks : ROWS;
    }
    r->strips = r->inner_reduced ? (r->kept + r->outputs_per_strip - 1) / r->outputs_per_strip : r->kept * r->strips_per_row;
    const int64_t wanted = (int64_t)(nanoseconds / 10000) + 1;
    const int64_t tasks = r->strips < wanted ? r->strips : wanted;
    r->strips_per_task = (r->strips + tasks - 1) / tasks;
    r->cost_ns = prep->cost_ns = nanoseconds;
    if (r->parts > 1) prep->scratch_bytes = r->strips * r->parts * r->outputs_per_strip * (int64_t)r->reducer->total_size;
    prep->ins->fn = r->parts > 1 || tasks > 1 ? reduce_run : reduce_run_small;
    return HL_OK;
}

/* A sum of complex numbers is one of pairs of real ones: an axis of 2 that stays. */
static hl_tensor as_pairs(const hl_tensor *t) {
    hl_tensor pairs = *t;
    pairs.dtype = t->dtype == HL_COMPLEX64 ? HL_FLOAT32 : HL_FLOAT64;
    pairs.size *= 2;
    pairs.dims[pairs.rank++] = 2;
    return pairs;
}

static hl_status prepare(hl_prepare *prep, operation op, finishing finish, uint64_t reduced_axes) {
    const hl_dtype dtype = prep->in[0]->dtype;
    if (op != REDUCE_SUM || (dtype != HL_COMPLEX64 && dtype != HL_COMPLEX128))
        return prepare_real(prep, prep->in[0], prep->out[0], op, finish, reduced_axes);
    if (prep->in[0]->rank == HL_MAX_RANK)
        return hl_refuse(prep, HL_UNIMPLEMENTED, "no kernel for a sum of complex numbers of rank %d", HL_MAX_RANK);
    const hl_tensor in = as_pairs(prep->in[0]), out = as_pairs(prep->out[0]);
    return prepare_real(prep, &in, &out, op, finish, reduced_axes & (((uint64_t)1 << prep->in[0]->rank) - 1));
}

/* Attribute: the axes, a bit mask. */
#define AXES_KERNEL(name, op, finish) \
    static hl_status name##_prepare(hl_prepare *prep) { return prepare(prep, op, finish, (uint64_t)prep->attr[0].i); }
AXES_KERNEL(sum, REDUCE_SUM, FINISH_PLAIN)
AXES_KERNEL(mean, REDUCE_SUM, FINISH_MEAN)
AXES_KERNEL(sum_squares, REDUCE_SQUARES, FINISH_PLAIN)
AXES_KERNEL(mean_squares, REDUCE_SQUARES, FINISH_MEAN)
/* (x, centers of the output's elements) -> sums of the squared distances. */
AXES_KERNEL(sum_distances, REDUCE_DISTANCES, FINISH_PLAIN)
AXES_KERNEL(mean_distances, REDUCE_DISTANCES, FINISH_MEAN)
AXES_KERNEL(prod, REDUCE_PROD, FINISH_PLAIN)
AXES_KERNEL(max, REDUCE_MAX, FINISH_PLAIN)
AXES_KERNEL(min, REDUCE_MIN, FINISH_PLAIN)
AXES_KERNEL(all, REDUCE_ALL, FINISH_PLAIN)
AXES_KERNEL(any, REDUCE_ANY, FINISH_PLAIN)
AXES_KERNEL(euclidean_norm, REDUCE_SQUARES, FINISH_ROOT)

static hl_status l2_loss_prepare(hl_prepare *prep) {
    return prepare(prep, REDUCE_SQUARES, FINISH_HALF, UINT64_MAX);
}

static hl_status sum_to_prepare(hl_prepare *prep) {
    const hl_tensor *in = prep->in[0], *out = prep->out[0];
    const int missing = in->rank - out->rank;
    uint64_t axes = 0;
    for (int axis = missing < 0 ? missing : 0; axis < in->rank; axis++) {
        const int64_t from = axis < 0 ? 1 : in->dims[axis], to = axis < missing ? 1 : out->dims[axis - missing];
        if (to != 1 && from != to)
            return hl_refuse(prep, HL_INVALID_ARGUMENT, "Incompatible shapes: axis %d has %lld elements, its sum is to have %lld",
                             axis, (long long)from, (long long)to);
        if (axis >= 0 && (axis < missing || (to == 1 && from != 1))) axes |= (uint64_t)1 << axis;
    }
    return prepare(prep, REDUCE_SUM, FINISH_PLAIN, axes);
}

static const hl_kernel table[] = {
    {"sum", sum_prepare, sizeof(reduction)},
    {"mean", mean_prepare, sizeof(reduction)},
    {"sum_squares", sum_squares_prepare, sizeof(reduction)},
    {"mean_squares", mean_squares_prepare, sizeof(reduction)},
    {"sum_distances", sum_distances_prepare, sizeof(reduction)},
    {"mean_distances", mean_distances_prepare, sizeof(reduction)},
    {"prod", prod_prepare, sizeof(reduction)},
    {"max", max_prepare, sizeof(reduction)},
    {"min", min_prepare, sizeof(reduction)},
    {"all", all_prepare, sizeof(reduction)},
    {"any", any_prepare, sizeof(reduction)},
    {"euclidean_norm", euclidean_norm_prepare, sizeof(reduction)},
    {"l2_loss", l2_loss_prepare, sizeof(reduction)},
    {"sum_to", sum_to_prepare, sizeof(reduction)},
};
HL_FAMILY(reduce, table);
