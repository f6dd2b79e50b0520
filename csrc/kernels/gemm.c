/* Matrix products: C = op(A) op(B), batched with broadcast. Floats by register tiles (gemm_kernel.h), integers and
 * the 16-bit floats by plain loops. */
#include "../plan.h"
#include "../pool.h"
#include "half.h"
#include "simd.h"

#if defined(__AVX512F__)
#define ROWS 6
#define MAX_VECTORS 4
#define WIDTHS 4
#define GFLOPS 150.0
#elif defined(__AVX__)
#define ROWS 6
#define MAX_VECTORS 2
#define WIDTHS 3
#define GFLOPS 70.0
#elif defined(__aarch64__)
#define ROWS 6
#define MAX_VECTORS 4
#define WIDTHS 4
#define GFLOPS 20.0
#else
#define ROWS 4
#define MAX_VECTORS 2
#define WIDTHS 3
#define GFLOPS 15.0
#endif

enum {
    MAX_K_BLOCK = 768,   /* of a panel: 192 KB of B, which the second-level cache feeds fast enough */
    MAX_M_BLOCK = 480,   /* rows of A that stay in the second-level cache while the panels pass */
    TASK_NS = 15000,
    MAX_TASKS = 64,
    MAX_BATCH_AXES = HL_MAX_RANK - 2
};

typedef struct gemm gemm;
/* Computes C[m0:m1, n0:n1] of one product. */
typedef void (*gemm_fn)(const gemm *g, const char *a, const char *b, char *c, int64_t m0, int64_t m1, int64_t n0,
                        int64_t n1, char *scratch);

/* A prepared product. Strides are in elements: A[m, k] is a[m * a_row + k * a_k], and so on. */
struct gemm {
    gemm_fn fn;
    int64_t m, n, k;
    int64_t a_row, a_k, b_k, b_column, c_row;
    int64_t k_block, m_block, n_block, m_blocks, n_blocks;
    int64_t batch, units_per_task, tasks;
    double cost_ns;
    bool pack_a, pack_b, dots, single_row, accumulate, swap;
    int batch_rank;
    int64_t batch_dims[MAX_BATCH_AXES];
    int64_t a_batch[MAX_BATCH_AXES], b_batch[MAX_BATCH_AXES], c_batch[MAX_BATCH_AXES]; /* strides in bytes */
};

#define REAL float
#define VEC simd_f32
#define LANES F32_LANES
#define NAME(x) x##_f32
#define LOAD load_f32
#define LOAD_PART load_part_f32
#define STORE store_f32
#define STORE_PART store_part_f32
#define SPLAT splat_f32
#define TRANSPOSE transpose_f32
#define EVEN_LANES even_lanes_f32
#define ODD_LANES odd_lanes_f32
#include "gemm_kernel.h"

#define REAL double
#define VEC simd_f64
#define LANES F64_LANES
#define NAME(x) x##_f64
#define LOAD load_f64
#define LOAD_PART load_part_f64
#define STORE store_f64
#define STORE_PART store_part_f64
#define SPLAT splat_f64
#define TRANSPOSE transpose_f64
#define EVEN_LANES even_lanes_f64
#define ODD_LANES odd_lanes_f64
#include "gemm_kernel.h"

/* The other types: rows of C in a buffer of sums. Integers are unsigned here, so that they wrap. */
#define PLAIN_GEMM(suffix, type, sum_type, TO_SUM, FROM_SUM)                                                       \
    static void plain_##suffix(const gemm *g, const char *a_bytes, const char *b_bytes, char *c_bytes, int64_t m0, \
                               int64_t m1, int64_t n0, int64_t n1, char *scratch) {                                \
        enum { COLUMNS = 128 };                                                                                    \
        const type *a = (const type *)a_bytes, *b = (const type *)b_bytes;                                         \
        (void)scratch;                                                                                             \
        for (int64_t m = m0; m < m1; m++)                                                                          \
            for (int64_t n = n0; n < n1; n += COLUMNS) {                                                           \
                const int64_t columns = n1 - n < COLUMNS ? n1 - n : COLUMNS;                                       \
                type *c = (type *)c_bytes + m * g->c_row + n;                                                      \
                sum_type sum[COLUMNS];                                                                             \
                for (int64_t j = 0; j < columns; j++) sum[j] = g->accumulate ? TO_SUM(c[j]) : 0;                   \
                for (int64_t k = 0; k < g->k; k++) {                                                               \
                    const sum_type x = TO_SUM(a[m * g->a_row + k * g->a_k]);                                       \
                    const type *b_row = b + k * g->b_k + n * g->b_column;                                          \
                    if (g->b_column == 1)                                                                          \
                        for (int64_t j = 0; j < columns; j++) sum[j] += x * TO_SUM(b_row[j]);                      \
                    else                                                                                           \
                        for (int64_t j = 0; j < columns; j++) sum[j] += x * TO_SUM(b_row[j * g->b_column]);        \
                }                                                                                                  \
                for (int64_t j = 0; j < columns; j++) c[j] = FROM_SUM(sum[j]);                                     \
            }                                                                                                      \
    }
#define SAME(x) (x)
#define UNSIGNED_32(x) ((uint32_t)(x))
PLAIN_GEMM(i32, uint32_t, uint32_t, SAME, SAME)
PLAIN_GEMM(i64, uint64_t, uint64_t, SAME, SAME)
PLAIN_GEMM(f16, uint16_t, float, half_to_float, float_to_half)
PLAIN_GEMM(bf16, uint16_t, float, bfloat_to_float, float_to_bfloat)

/* ---- running ---- */

typedef struct gemm_task {
    const gemm *g;
    const char *a, *b;
    char *c, *scratch;
    int64_t scratch_bytes;
} gemm_task;

static void run_unit(const gemm_task *task, int64_t unit, char *scratch) {
    const gemm *g = task->g;
    const int64_t per_product = g->m_blocks * g->n_blocks;
    int64_t product = unit / per_product, block = unit % per_product;
    const char *a = task->a, *b = task->b;
    char *c = task->c;
    for (int axis = g->batch_rank - 1; axis >= 0; axis--) {
        const int64_t index = product % g->batch_dims[axis];
        product /= g->batch_dims[axis];
        a += index * g->a_batch[axis];
        b += index * g->b_batch[axis];
        c += index * g->c_batch[axis];
    }
    const int64_t m0 = block / g->n_blocks * g->m_block, n0 = block % g->n_blocks * g->n_block;
    const int64_t m1 = m0 + g->m_block < g->m ? m0 + g->m_block : g->m;
    const int64_t n1 = n0 + g->n_block < g->n ? n0 + g->n_block : g->n;
    g->fn(g, a, b, c, m0, m1, n0, n1, scratch);
}

static void run_task(void *argument, int64_t chunk, int worker) {
    const gemm_task *task = argument;
    const gemm *g = task->g;
    const int64_t units = g->batch * g->m_blocks * g->n_blocks;
    const int64_t first = chunk * g->units_per_task;
    const int64_t end = first + g->units_per_task < units ? first + g->units_per_task : units;
    for (int64_t unit = first; unit < end; unit++) run_unit(task, unit, task->scratch + worker * task->scratch_bytes);
}

static hl_status gemm_run(const hl_instr *ins, hl_run *run) {
    const gemm *g = ins->p[2].p;
    gemm_task task = {g, ins->arg[g->swap], ins->arg[!g->swap], ins->arg[2], run->scratch, run->scratch_bytes};
    hl_parallel(run, g->tasks, g->cost_ns, run_task, &task);
    return HL_OK;
}

/* One product small enough for one task. */
static hl_status gemm_run_small(const hl_instr *ins, hl_run *run) {
    const gemm *g = ins->p[2].p;
    g->fn(g, ins->arg[g->swap], ins->arg[!g->swap], ins->arg[2], 0, g->m, 0, g->n, run->scratch);
    return HL_OK;
}

static hl_status gemm_run_empty(const hl_instr *ins, hl_run *run) {
    (void)ins, (void)run;
    return HL_OK;
}

/* ---- preparing ---- */

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* The strides of a matrix operand's rows and columns; those of axes of size 1 are never used, and are made 1. */
static void matrix_strides(const hl_tensor *t, bool transposed, int64_t *row, int64_t *column) {
    const int r = t->rank - 2, c = t->rank - 1;
    const int64_t row_stride = t->dims[r] == 1 ? 1 : t->strides[r];
    const int64_t column_stride = t->dims[c] == 1 ? 1 : t->strides[c];
    *row = transposed ? column_stride : row_stride;
    *column = transposed ? row_stride : column_stride;
}

static int64_t batch_stride(const hl_tensor *t, int axes_from_matrix) {
    const int axis = t->rank - 3 - axes_from_matrix;
    if (axis < 0 || t->dims[axis] == 1) return 0;
    return t->strides[axis] * (int64_t)hl_dtype_size(t->dtype);
}

/* The axes of the batch, innermost last; axes that all operands walk evenly are merged. */
static void prepare_batch(gemm *g, const hl_tensor *a, const hl_tensor *b, const hl_tensor *c) {
    int rank = 0;
    int64_t dims[MAX_BATCH_AXES], strides[3][MAX_BATCH_AXES];
    const hl_tensor *operand[3] = {a, b, c};
    g->batch = 1;
    for (int i = 0; i < c->rank - 2; i++) { /* from the innermost outwards */
        const int64_t dim = c->dims[c->rank - 3 - i];
        g->batch *= dim;
        if (dim == 1) continue;
        bool merges = rank > 0;
        for (int o = 0; o < 3; o++) {
            strides[o][rank] = batch_stride(operand[o], i);
            merges = merges && strides[o][rank] == strides[o][rank - 1] * dims[rank - 1];
        }
        if (merges) {
            dims[rank - 1] *= dim;
        } else {
            dims[rank++] = dim;
        }
    }
    g->batch_rank = rank;
    for (int i = 0; i < rank; i++) {
        g->batch_dims[i] = dims[rank - 1 - i];
        g->a_batch[i] = strides[0][rank - 1 - i];
        g->b_batch[i] = strides[1][rank - 1 - i];
        g->c_batch[i] = strides[2][rank - 1 - i];
    }
}

/* Views the product as (BᵀAᵀ)ᵀ, for a C of one column that is written as a row. */
static void swap_operands(gemm *g) {
    int64_t t;
    t = g->m, g->m = g->n, g->n = t;
    t = g->a_row, g->a_row = g->b_column, g->b_column = t;
    t = g->a_k, g->a_k = g->b_k, g->b_k = t;
    for (int i = 0; i < g->batch_rank; i++) t = g->a_batch[i], g->a_batch[i] = g->b_batch[i], g->b_batch[i] = t;
    g->swap = !g->swap;
}

/* Chooses the variant for a product of floats with these sizes and strides. */
static void choose_float(gemm *g, int lanes) {
    if (g->n == 1 && g->a_k == 1 && g->b_k == 1) {
        g->dots = true;
    } else if (g->m == 1 && g->a_k == 1 && g->b_k == 1 && g->b_column != 1) {
        swap_operands(g);
        g->c_row = 1;
        g->dots = true;
    } else if (g->n == 1 && g->c_row == 1 && g->m > 1) {
        swap_operands(g);
    }
    const int64_t panel = MAX_VECTORS * lanes;
    g->k_block = ceil_div(g->k, ceil_div(g->k, MAX_K_BLOCK));
    /* A strided B is packed once it is used by several tiles; a transposed one always is. */
    g->single_row = !g->dots && g->m == 1 && g->n <= lanes && g->b_column == 1;
    g->pack_b = !g->dots && !g->single_row && (g->b_column != 1 || (g->m >= 16 * ROWS && g->b_k >= 4 * panel && g->k >= 64));
    g->pack_a = !g->dots && g->m > 1 && g->a_k != 1 && g->n > panel && g->k_block > 64 && g->a_k >= 4 * panel;
}

/* Cuts the product into units, and units into tasks for the pool. */
static void cut(gemm *g, int lanes, double gflops) {
    const double flops = 2.0 * (double)g->m * (double)g->n * (double)max_of(g->k, 1);
    g->cost_ns = 15.0 + (double)g->batch * (10.0 + flops / gflops);
    const int64_t wanted = max_of(1, min_of(MAX_TASKS, (int64_t)(g->cost_ns / TASK_NS)));
    const int64_t per_product = max_of(1, ceil_div(wanted, max_of(g->batch, 1)));
    const int64_t panels = ceil_div(g->n, MAX_VECTORS * lanes);
    const int64_t row_blocks = max_of(1, g->m / ((g->pack_b ? 16 : 4) * ROWS));
    if (g->pack_a) { /* what is packed should serve several panels: cut the rows first */
        g->m_blocks = min_of(row_blocks, per_product);
        g->n_blocks = min_of(ceil_div(panels, 4), ceil_div(per_product, g->m_blocks));
    } else {
        g->n_blocks = min_of(panels, per_product);
        g->m_blocks = min_of(row_blocks, ceil_div(per_product, g->n_blocks));
    }
    if (!g->dots) g->m_blocks = max_of(g->m_blocks, ceil_div(g->m, MAX_M_BLOCK));
    g->n_block = g->n_blocks > 1 ? ceil_div(panels, g->n_blocks) * MAX_VECTORS * lanes : g->n;
    g->n_blocks = ceil_div(g->n, g->n_block);
    g->m_block = g->m_blocks > 1 ? ceil_div(ceil_div(g->m, g->m_blocks), 2 * ROWS) * 2 * ROWS : g->m;
    g->m_blocks = ceil_div(g->m, g->m_block);
    const int64_t units = g->batch * g->m_blocks * g->n_blocks;
    g->units_per_task = ceil_div(units, min_of(units, wanted));
    g->tasks = ceil_div(units, g->units_per_task);
}

/* Attributes: transpose_a, transpose_b and, optionally, whether to add to what C holds. */
static hl_status matmul_prepare(hl_prepare *prep) {
    const hl_tensor *a = prep->in[0], *b = prep->in[1], *c = prep->out[0];
    gemm *g = prep->params;
    *g = (gemm){0};
    const bool transpose_a = prep->attr[0].i, transpose_b = prep->attr[1].i;
    g->accumulate = prep->n_attr > 2 && prep->attr[2].i;
    g->m = c->dims[c->rank - 2];
    g->n = c->dims[c->rank - 1];
    g->k = a->dims[a->rank - (transpose_a ? 2 : 1)];
    int64_t c_column;
    matrix_strides(a, transpose_a, &g->a_row, &g->a_k);
    matrix_strides(b, transpose_b, &g->b_k, &g->b_column);
    matrix_strides(c, false, &g->c_row, &c_column);
    prepare_batch(g, a, b, c);
    prep->ins->fn = gemm_run_empty;
    prep->cost_ns = 5;
    if (c->size == 0 || (g->k == 0 && g->accumulate)) return HL_OK;

    int lanes = F32_LANES;
    double gflops = 1;
    switch (g->k == 0 ? HL_INT32 : c->dtype) {
    case HL_FLOAT32: g->fn = one_f32, gflops = GFLOPS; break;
    case HL_FLOAT64: g->fn = one_f64, gflops = GFLOPS / 2, lanes = F64_LANES; break;
    case HL_INT32: case HL_UINT32: g->fn = plain_i32; break;
    case HL_INT64: case HL_UINT64: g->fn = plain_i64; break;
    case HL_FLOAT16: g->fn = plain_f16; break;
    case HL_BFLOAT16: g->fn = plain_bf16; break;
    default: return hl_refuse(prep, HL_UNIMPLEMENTED, "no kernel for a matrix product of dtype %d", (int)c->dtype);
    }
    const bool real = c->dtype == HL_FLOAT32 || c->dtype == HL_FLOAT64;
    if (g->k == 0) { /* an empty sum: zeros, whatever the type */
        switch (hl_dtype_size(c->dtype)) {
        case 2: g->fn = plain_f16; break;
        case 4: g->fn = plain_i32; break;
        default: g->fn = plain_i64; break;
        }
    } else if (real) {
        choose_float(g, lanes);
    }
    cut(g, lanes, gflops);
    if (real && g->k > 0 && !g->dots) {
        const int64_t b_elements = g->k_block * MAX_VECTORS * lanes;
        const int64_t a_elements = g->pack_a ? ceil_div(g->m_block, ROWS) * ROWS * g->k_block : 0;
        if (g->pack_a || g->pack_b || !SIMD_FREE_MASKS)
            prep->scratch_bytes = (b_elements + a_elements) * (int64_t)hl_dtype_size(c->dtype);
    }
    prep->cost_ns = g->cost_ns;
    prep->ins->fn = g->batch == 1 && g->m_blocks * g->n_blocks == 1 ? gemm_run_small : gemm_run;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"matmul", matmul_prepare, sizeof(gemm)},
};
HL_FAMILY(gemm, table);
