/* Numbers in order, and where things are: ranges, permutations, true elements, one-hot rows. */
#include <math.h>
#include <string.h>

#include "complex_types.h"
#include "elementwise_types.h"
#include "integers.h"
#include "plan.h"
#include "pool.h"
#include "rows.h"
#include "simd.h"
#include "stretches.h"

/* --- ranges ------------------------------------------------------------------------------------------------------- */

#define RANGE(tag, dtype, S, C, LOAD, STORE, unused)                                                \
    static hl_status range_##tag(const hl_instr *ins, hl_run *run) {                                \
        const C start = LOAD(*(const S *)ins->arg[0]), delta = LOAD(*(const S *)ins->arg[1]);       \
        S *out = ins->arg[2];                                                                       \
        C value = start;                                                                            \
        for (STRETCHES(run, first, end, ins->p[0].i))                                               \
            for (int64_t i = first; i < end; i++, value = (C)(value + delta)) out[i] = (S)STORE(value); \
        return HL_OK;                                                                               \
    }
EACH_NUMBER(RANGE, 0)
#define RANGE_CASE(tag, dtype, S, C, LOAD, STORE, op) \
    case dtype: prep->ins->fn = op##_##tag; return HL_OK;

static hl_status prepare_range(hl_prepare *prep) {
    prep->ins->p[0].i = prep->out[0]->size;
    prep->cost_ns = (double)prep->out[0]->size + 3;
    switch (prep->out[0]->dtype) {
        EACH_NUMBER(RANGE_CASE, range)
    default: return hl_no_kernel(prep, NULL);
    }
}

/* range_count: how many numbers a range of floats has; the attribute is the register it goes to. */
#define RANGE_COUNT(tag, dtype, S, C, LOAD, STORE, unused)                                                         \
    static hl_status range_count_##tag(const hl_instr *ins, hl_run *run) {                                         \
        const C start = LOAD(*(const S *)ins->arg[0]), limit = LOAD(*(const S *)ins->arg[1]);                      \
        const C delta = LOAD(*(const S *)ins->arg[2]); /* the count is that of the type's own arithmetic */        \
        if (delta == 0) return hl_fail(run, HL_INVALID_ARGUMENT, "Requires delta != 0");                           \
        if ((delta > 0 && start > limit) || (delta < 0 && start < limit))                                          \
            return hl_fail(run, HL_INVALID_ARGUMENT, "Requires start %s limit when delta %s 0, got %g and %g",     \
                           delta > 0 ? "<=" : ">=", delta > 0 ? ">" : "<", (double)start, (double)limit);                      \
        run->regs[ins->p[0].i] = float_to_i64(ceil(fabs((double)((limit - start) / delta))));                              \
        return HL_OK;                                                                                              \
    }
EACH_NUMBER(RANGE_COUNT, 0)

static hl_status prepare_range_count(hl_prepare *prep) {
    prep->ins->p[0].i = prep->attr[0].i;
    prep->cost_ns = 5;
    switch (prep->in[0]->dtype) {
        EACH_NUMBER(RANGE_CASE, range_count)
    default: return hl_no_kernel(prep, NULL);
    }
}

#define LIN_SPACE(tag, dtype, S, C, LOAD, STORE, unused)                                         \
    static hl_status lin_space_##tag(const hl_instr *ins, hl_run *run) {                         \
        const C start = LOAD(*(const S *)ins->arg[0]), stop = LOAD(*(const S *)ins->arg[1]);     \
        const int64_t n = ins->p[0].i;                                                           \
        S *out = ins->arg[2];                                                                    \
        const C step = n > 1 ? (stop - start) / (C)(n - 1) : 0;                                  \
        for (STRETCHES(run, first, end, n))                                                      \
            for (int64_t i = first; i < end; i++) out[i] = (S)STORE((C)(start + step * (C)i));   \
        if (n > 1 && run->stopped == HL_OK) out[n - 1] = *(const S *)ins->arg[1];                \
        return HL_OK;                                                                            \
    }
EACH_FLOAT(LIN_SPACE, 0)

static hl_status prepare_lin_space(hl_prepare *prep) {
    prep->ins->p[0].i = prep->out[0]->size;
    prep->cost_ns = (double)prep->out[0]->size + 3;
    switch (prep->out[0]->dtype) {
        EACH_FLOAT(RANGE_CASE, lin_space)
    default: return hl_no_kernel(prep, NULL);
    }
}

/* --- permutations ---------------------------------------------------------------------------------------------------- */

#define INVERT(name, T)                                                                                             \
    static hl_status name(const hl_instr *ins, hl_run *run) {                                                       \
        const T *in = ins->arg[0];                                                                                  \
        T *out = ins->arg[1];                                                                                       \
        const int64_t n = ins->p[0].i;                                                                              \
        for (STRETCHES(run, first, end, n))                                                                         \
            for (int64_t i = first; i < end; i++) out[i] = -1;                                                      \
        for (int64_t i = 0; i < n; i++) {                                                                           \
            if (hl_is_stopped_at(run, i)) return run->stopped;                                              \
            if (in[i] < 0 || in[i] >= n) return hl_fail(run, HL_INVALID_ARGUMENT, "%lld is not between 0 and %lld", \
                                                        (long long)in[i], (long long)n);                            \
            if (out[in[i]] != -1) return hl_fail(run, HL_INVALID_ARGUMENT, "%lld is duplicated in the input.",      \
                                                 (long long)in[i]);                                                 \
            out[in[i]] = (T)i;                                                                                      \
        }                                                                                                           \
        return HL_OK;                                                                                               \
    }
INVERT(invert_32, int32_t)
INVERT(invert_64, int64_t)

static hl_status prepare_invert(hl_prepare *prep) {
    prep->ins->p[0].i = prep->in[0]->size;
    prep->cost_ns = (double)prep->in[0]->size + 3;
    prep->ins->fn = prep->in[0]->dtype == HL_INT64 ? invert_64 : invert_32;
    return HL_OK;
}

/* --- true elements ------------------------------------------------------------------------------------------------------ */

enum { WHERE_BLOCK = 1024 };

/* where_count: how many elements are not 0; the attribute is the register. where_fill: their coordinates. */
typedef struct where_params { int64_t n, size; int rank; int64_t dims[HL_MAX_RANK]; hl_dtype dtype; } where_params;

/* Which elements from `first` on, at most a block of them, are not 0. */
static const uint8_t *true_bytes(const where_params *p, const void *data, int64_t first, int64_t n, uint8_t *is_true) {
#define TRUE_BYTES(T, EXPR)                                                  \
    do {                                                                     \
        const T *x = (const T *)data + first;                                \
        for (int64_t i = 0; i < n; i++) is_true[i] = (EXPR);                 \
    } while (0)
    const bool is_half = p->dtype == HL_FLOAT16 || p->dtype == HL_BFLOAT16;
    if (p->size == 1) return (const uint8_t *)data + first;
    if (is_half) TRUE_BYTES(uint16_t, (x[i] & 0x7fff) != 0);
    else if (p->size == 2) TRUE_BYTES(uint16_t, x[i] != 0);
    else if (p->dtype == HL_FLOAT32) TRUE_BYTES(float, x[i] != 0);
    else if (p->size == 4) TRUE_BYTES(uint32_t, x[i] != 0);
    else if (p->dtype == HL_FLOAT64) TRUE_BYTES(double, x[i] != 0);
    else if (p->dtype == HL_COMPLEX64) TRUE_BYTES(float complex, x[i] != 0);
    else if (p->size == 8) TRUE_BYTES(uint64_t, x[i] != 0);
    else TRUE_BYTES(double complex, x[i] != 0);
#undef TRUE_BYTES
    return is_true;
}

/* Counts by sums that fit bytes. */
static int64_t count_bytes(const uint8_t *data, int64_t n) {
    int64_t count = 0, i = 0;
    uint8_t lanes[64] = {0};
    for (; i + 64 <= n; i += 64)
        for (int k = 0; k < 64; k++) lanes[k] = (uint8_t)(lanes[k] + (data[i + k] != 0));
    for (int k = 0; k < 64; k++) count += lanes[k];
    for (; i < n; i++) count += data[i] != 0;
    return count;
}

static hl_status run_where_count(const hl_instr *ins, hl_run *run) {
    const where_params *p = ins->p[2].p;
    uint8_t block[WHERE_BLOCK];
    int64_t count = 0;
    for (int64_t from = 0; from < p->n; from += WHERE_BLOCK) {
        const int64_t n = p->n - from < WHERE_BLOCK ? p->n - from : WHERE_BLOCK;
        if (hl_is_stopped_at(run, from)) return run->stopped;
        count += count_bytes(true_bytes(p, ins->arg[0], from, n, block), n);
    }
    run->regs[ins->p[0].i] = count;
    return HL_OK;
}

/* The positions of the true ones of a block, of which the first is `from`: each is written where the next true one's goes, and stays
 * where it is one. How many there are. */
static int64_t find_true(const uint8_t *is_true, int64_t n, int64_t from, int64_t *found) {
    int64_t count = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t bytes;
        memcpy(&bytes, is_true + i, sizeof bytes);
        if (bytes == 0) continue;
#if SIMD_BYTES == 64
        const __mmask8 is_found = (__mmask8)_mm_test_epi8_mask(_mm_cvtsi64_si128((int64_t)bytes), _mm_set1_epi8(-1));
        const __m512i place = _mm512_add_epi64(_mm512_set1_epi64(from + i), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
        _mm512_storeu_si512(found + count, _mm512_maskz_compress_epi64(is_found, place)); /* count is not above i */
        count += __builtin_popcount(is_found);
        continue;
#endif
        for (int64_t k = i; k < i + 8; k++) {
            found[count] = from + k;
            count += is_true[k] != 0;
        }
    }
    for (; i < n; i++) {
        found[count] = from + i;
        count += is_true[i] != 0;
    }
    return count;
}

/* Goes on to the row along the last axis that has a position: `index` are the coordinates of the one that begins at `begin`. */
static void go_on_to(const where_params *p, int64_t position, int64_t *index, int64_t *begin) {
    const int last = p->rank - 1;
    for (; position - *begin >= p->dims[last]; *begin += p->dims[last])
        for (int axis = last - 1; axis >= 0 && ++index[axis] == p->dims[axis]; axis--) index[axis] = 0;
}

/* Positions that go upwards, as coordinates. */
static int64_t *put_coordinates(const where_params *p, const int64_t *found, int64_t count, int64_t *index, int64_t *begin, int64_t *out) {
    const int last = p->rank - 1;
    for (int64_t i = 0; i < count; i++, out += p->rank) {
        go_on_to(p, found[i], index, begin);
        for (int axis = 0; axis < last; axis++) out[axis] = index[axis];
        out[last] = found[i] - *begin;
    }
    return out;
}

static hl_status run_where_fill(const hl_instr *ins, hl_run *run) {
    const where_params *p = ins->p[2].p;
    int64_t *out = ins->arg[1], found[WHERE_BLOCK], index[HL_MAX_RANK] = {0}, begin = 0;
    uint8_t block[WHERE_BLOCK];
    for (int64_t from = 0; from < p->n; from += WHERE_BLOCK) {
        const int64_t n = p->n - from < WHERE_BLOCK ? p->n - from : WHERE_BLOCK;
        if (hl_is_stopped_at(run, from)) return run->stopped;
        const int64_t count = find_true(true_bytes(p, ins->arg[0], from, n, block), n, from, found);
        if (p->rank > 1) {
            out = put_coordinates(p, found, count, index, &begin, out);
            go_on_to(p, from + n - 1, index, &begin); /* here, and not behind many blocks of none: a run may be stopped in between */
        } else if (p->rank == 1) {
            memcpy(out, found, (size_t)count * sizeof *found);
            out += count;
        }
    }
    return HL_OK;
}

static hl_status prepare_where(hl_prepare *prep, hl_run_fn fn) {
    where_params *p = prep->params;
    const hl_tensor *in = prep->in[0];
    p->n = in->size;
    p->size = (int64_t)hl_dtype_size(in->dtype);
    p->rank = in->rank;
    p->dtype = in->dtype;
    memcpy(p->dims, in->dims, (size_t)in->rank * sizeof *in->dims);
    if (prep->n_attr) prep->ins->p[0] = prep->attr[0];
    prep->cost_ns = (double)in->size * 2 + 5;
    prep->ins->fn = fn;
    return HL_OK;
}

static hl_status prepare_where_count(hl_prepare *prep) { return prepare_where(prep, run_where_count); }
static hl_status prepare_where_fill(hl_prepare *prep) { return prepare_where(prep, run_where_fill); }

/* --- one-hot rows ---------------------------------------------------------------------------------------------------------- */

/* The indices are seen as [before, behind], the output as [before, depth, behind]. */
typedef struct one_hot_params {
    int64_t before, behind, depth, size;
    int64_t rows; /* that are made together in a block; 0 where a row is longer than one, or all are shorter */
    bool streams, by_vectors;
    double cost_ns;
    hl_dtype index;
} one_hot_params;

enum {
    ONE_HOT_BLOCK = 16384, /* bytes */
    ONE_HOT_BLOCKS = 16,   /* of a chunk */
    ONE_HOT_SHORT = 64,    /* elements of a row that is compared with its index as a whole */
    ONE_HOT_INDICES = 512  /* that are read before their rows are made */
};

static int64_t index_value(const void *data, hl_dtype dtype, int64_t i) {
    return dtype == HL_INT64 ? ((const int64_t *)data)[i] : dtype == HL_UINT8 ? ((const uint8_t *)data)[i]
                                                                              : ((const int32_t *)data)[i];
}

static void fill_elements(char *out, const char *value, int64_t size, int64_t first, int64_t end) {
#define FILL(T)                                                         \
    case sizeof(T): {                                                   \
        T element;                                                      \
        memcpy(&element, value, sizeof element);                        \
        for (int64_t i = first; i < end; i++) ((T *)out)[i] = element;  \
        return;                                                         \
    }
    switch (size) {
        FILL(uint8_t)
        FILL(uint16_t)
        FILL(uint32_t)
        FILL(uint64_t)
    default:
        for (int64_t i = first; i < end; i++) memcpy(out + i * size, value, (size_t)size);
    }
#undef FILL
}

static inline void put_element(char *to, const char *value, int64_t size) {
    switch (size) {
    case 1: memcpy(to, value, 1); return;
    case 4: memcpy(to, value, 4); return;
    case 8: memcpy(to, value, 8); return;
    default: memcpy(to, value, (size_t)size);
    }
}

/* Rows of short depth whose elements are 32 bits: each place is compared with its row's index, of as many rows together as fit a vector.
 * A vector may reach into the rows behind, which are made after it. `at` has room for a vector behind the rows' indices. */
static void one_hot_by_vectors(const int32_t *at, int64_t rows, int64_t depth, int32_t on, int32_t off, int32_t *out) {
    const simd_i32 lane = lane_index_f32(), ons = on - (simd_i32){0}, offs = off - (simd_i32){0};
    const int64_t last = rows * depth - F32_LANES; /* where a vector may begin */
    int64_t row = 0;
#define PUT_ONE_HOT(place, index, column)                                                       \
    do {                                                                                        \
        const simd_i32 here = (index) == (column);                                              \
        store_f32((float *)(out + (place)), (simd_f32)((here & ons) | (~here & offs)));         \
    } while (0)
#if SIMD_BYTES >= 32 && !defined(__clang__)
    if (depth <= F32_LANES / 2) {
        const int together = F32_LANES / (int)depth;
        simd_i32 of_row = lane, column = lane;
        for (int i = 0; i < F32_LANES; i++) of_row[i] = i / (int)depth, column[i] = i % (int)depth;
        for (; row * depth <= last; row += together)
            PUT_ONE_HOT(row * depth, __builtin_shuffle((simd_i32)load_f32((const float *)(at + row)), of_row), column);
    }
#endif
    if (depth <= F32_LANES)
        for (; row * depth <= last; row++) PUT_ONE_HOT(row * depth, at[row] - (simd_i32){0}, lane);
    else
        for (; row < rows; row++) {
            for (int column = 0; column < depth - F32_LANES; column += F32_LANES)
                PUT_ONE_HOT(row * depth + column, at[row] - (simd_i32){0}, lane + column);
            PUT_ONE_HOT((row + 1) * depth - F32_LANES, at[row] - (simd_i32){0}, lane + (int)(depth - F32_LANES));
        }
    for (; row < rows; row++)
        for (int64_t column = 0; column < depth; column++) out[row * depth + column] = at[row] == column ? on : off;
#undef PUT_ONE_HOT
}

/* Makes rows from `first` on by vectors. */
static void one_hot_rows(const one_hot_params *p, void *const *arg, int64_t first, int64_t rows, char *out) {
    int32_t at[ONE_HOT_INDICES + F32_LANES] = {0}, on, off;
    memcpy(&on, arg[1], sizeof on), memcpy(&off, arg[2], sizeof off);
    for (int64_t row = 0; row < rows; row += ONE_HOT_INDICES) {
        const int64_t count = rows - row < ONE_HOT_INDICES ? rows - row : ONE_HOT_INDICES;
        if (p->index == HL_INT32) memcpy(at, (const int32_t *)arg[0] + first + row, (size_t)count * sizeof *at);
        else if (p->index == HL_UINT8)
            for (int64_t i = 0; i < count; i++) at[i] = ((const uint8_t *)arg[0])[first + row + i];
        else
            for (int64_t i = 0; i < count; i++) {
                const int64_t index = ((const int64_t *)arg[0])[first + row + i];
                at[i] = (uint64_t)index < (uint64_t)p->depth ? (int32_t)index : -1;
            }
        one_hot_by_vectors(at, count, p->depth, on, off, (int32_t *)(out + row * p->depth * p->size));
    }
}

typedef struct one_hot_job {
    const one_hot_params *p;
    void *const *arg;
    char *scratch;
    int64_t scratch_bytes;
} one_hot_job;

/* Blocks of rows: one that is `off` everywhere gets its `on`s, is copied, and loses them again. */
static void one_hot_chunk(void *argument, int64_t chunk, int worker) {
    const one_hot_job *job = argument;
    const one_hot_params *p = job->p;
    const char *on = job->arg[1], *off = job->arg[2];
    const int64_t row_bytes = p->depth * p->size, first = chunk * ONE_HOT_BLOCKS * p->rows;
    const int64_t end = first + ONE_HOT_BLOCKS * p->rows < p->before ? first + ONE_HOT_BLOCKS * p->rows : p->before;
    if (p->by_vectors && !p->streams) {
        one_hot_rows(p, job->arg, first, end - first, (char *)job->arg[3] + first * row_bytes);
        return;
    }
    char *block = job->scratch + worker * job->scratch_bytes;
    if (!p->by_vectors) fill_elements(block, off, p->size, 0, p->rows * p->depth);
    for (int64_t row = first; row < end; row += p->rows) {
        const int64_t rows = end - row < p->rows ? end - row : p->rows;
        char *out = (char *)job->arg[3] + row * row_bytes;
        if (p->by_vectors) {
            one_hot_rows(p, job->arg, row, rows, block);
            stream_bytes(out, block, rows * row_bytes);
            continue;
        }
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t i = 0; i < rows; i++) {
                const int64_t at = index_value(job->arg[0], p->index, row + i);
                if (at >= 0 && at < p->depth) put_element(block + i * row_bytes + at * p->size, pass == 0 ? on : off, p->size);
            }
            if (pass) break;
            if (p->streams) stream_bytes(out, block, rows * row_bytes);
            else memcpy(out, block, (size_t)(rows * row_bytes));
        }
    }
    if (p->streams) fence_streams();
}

static hl_status run_one_hot_rows(const hl_instr *ins, hl_run *run) {
    const one_hot_params *p = ins->p[2].p;
    one_hot_job job = {p, ins->arg, run->scratch, run->scratch_bytes};
    const int64_t rows = ONE_HOT_BLOCKS * p->rows;
    hl_parallel(run, (p->before + rows - 1) / rows, p->cost_ns, one_hot_chunk, &job);
    return HL_OK;
}

static hl_status run_one_hot(const hl_instr *ins, hl_run *run) {
    void *const *arg = ins->arg;
    const one_hot_params *p = ins->p[2].p;
    const char *on = arg[1], *off = arg[2];
    char *out = arg[3];
    const size_t size = (size_t)p->size;
    for (STRETCHES(run, first, end, p->before * p->depth * p->behind)) fill_elements(out, off, p->size, first, end);
    for (int64_t b = 0; b < p->before; b++)
        for (int64_t k = 0; k < p->behind; k++) {
            if (hl_is_stopped_at(run, b * p->behind + k)) return run->stopped;
            const int64_t at = index_value(arg[0], p->index, b * p->behind + k);
            if (at >= 0 && at < p->depth) memcpy(out + ((b * p->depth + at) * p->behind + k) * p->size, on, size);
        }
    return HL_OK;
}

static hl_status prepare_one_hot(hl_prepare *prep) {
    one_hot_params *p = prep->params;
    const hl_tensor *out = prep->out[0];
    const int64_t axis = prep->attr[0].i;
    p->before = p->behind = 1;
    for (int k = 0; k < axis; k++) p->before *= out->dims[k];
    for (int k = (int)axis + 1; k < out->rank; k++) p->behind *= out->dims[k];
    p->depth = out->dims[axis];
    p->size = (int64_t)hl_dtype_size(out->dtype);
    p->index = prep->in[0]->dtype;
    const int64_t row_bytes = p->depth * p->size;
    p->by_vectors = p->behind == 1 && p->size == 4 && p->depth > 0 && p->depth <= ONE_HOT_SHORT;
    prep->cost_ns = p->cost_ns = (double)out->size * (double)p->size * 0.04 + (double)prep->in[0]->size * (p->by_vectors ? 0.25 : 1) + 5;
    p->rows = p->by_vectors || (p->behind == 1 && out->size * p->size > ONE_HOT_BLOCK) ? ONE_HOT_BLOCK / row_bytes : 0;
    p->streams = out->size * p->size >= STREAMED_BYTES;
    prep->scratch_bytes = p->by_vectors && !p->streams ? 0 : p->rows * row_bytes;
    prep->ins->fn = p->rows > 0 ? run_one_hot_rows : run_one_hot;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"range", prepare_range, 0},
    {"range_count", prepare_range_count, 0},
    {"lin_space", prepare_lin_space, 0},
    {"invert_permutation", prepare_invert, 0},
    {"where_count", prepare_where_count, sizeof(where_params)},
    {"where_fill", prepare_where_fill, sizeof(where_params)},
    {"one_hot", prepare_one_hot, sizeof(one_hot_params)},
};

HL_FAMILY(index, table);
