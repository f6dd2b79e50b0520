/* Matrix products: C = op(A) op(B), batched with broadcast. Floats by register tiles (gemm_kernel.h), integers and
 * the 16-bit floats by plain loops. */
#include "../plan.h"
#include "../pool.h"
#include "epilogue.h"
#include "float_names.h"
#include "half.h"
#include "vector_math.h"

#include <stdatomic.h>

#if defined(__AVX512F__)
#define ROWS 6
#define MAX_VECTORS 4
#define WIDTHS 8
#define GFLOPS 150.0
#elif defined(__AVX__)
#define ROWS 6
#define MAX_VECTORS 2
#define WIDTHS 4
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

/* Whether tiles read parts of vectors where B lies, and panels of several vectors may end in part of one. */
#define PART_LOADS (SIMD_BYTES >= 32)
/* Whether narrow panels take two packed tiles of A at once. */
#define TILE_PAIRS (SIMD_BYTES == 32)
/* Whether tiles ask for the next tile's rows of an A that comes from memory. */
#define ASKS_FOR_ROWS (SIMD_BYTES == 32)
/* Whether wide rows of sums that short are made by themselves. */
#define SHORT_SUMS (SIMD_BYTES == 32)

static const double UPDATE_NS = 0.1; /* an element, beside its products */

enum {
    MAX_K_BLOCK = SIMD_BYTES == 64 ? 768 : SIMD_BYTES == 32 ? 512 : 384, /* of a panel of B: 192 KB, which the second-level cache feeds
                                                 * fast enough to wide tiles; else about what the first-level cache holds */
    SHORT_K_BLOCK = SIMD_BYTES == 32 ? 256 : MAX_K_BLOCK, /* of a panel that the first-level cache keeps also where its rows lie apart */
    PACKED_PANELS = SIMD_BYTES == 64 ? 1 : 4, /* that the rows of B are wide where it is packed: 256 bytes or 1 KB */
    CUT_K = 256,         /* from here on there are at least two blocks of k */
    SINGLE_ROW_VECTORS = SIMD_FREE_MASKS ? 2 : 4, /* of a row of C that is made in one go */
    SHORT_SUM_MOST = 3,  /* products */
    STRIP = 8,           /* vectors of a strip of a single row */
    ASKING_TILES = 8,    /* from the end of a panel: so late that what they ask for is not pushed out again */
    FINISHED_AT_ONCE = 4096, /* elements of rows of few columns that steps go over together */
    PACKED_COLUMNS = 256, /* of C that a packed A should serve */
    MAX_M_BLOCK = 480,   /* rows of A that stay in the second-level cache while the panels pass */
    GROUP = 4,           /* panels of a large B that are packed at once */
    LARGE_B = 1 << 19,   /* elements; half as many where C has more rows */
    STRETCH_BYTES = 1 << 20, /* of A and B, which stay in the caches while one thread makes block after block of C, */
    STRETCHED_C_BYTES = 2 << 20, /* and of a C that does */
    ASKED_BYTES = 1 << 20,   /* of an A that the second-level cache has not kept, */
    LEAST_ASKED_K = 64,      /* and of which a tile takes so long that the next one's rows arrive */
    KEPT_B_BYTES = SIMD_BYTES == 64 ? 512 << 10 : 320 << 10, /* of a B in rows that the second-level cache keeps beside some rows of A */
    EVEN_BLOCKS = 4,     /* of rows, so that two or four threads part where the matrix's halves and quarters do: as those of other
                          * instructions that have the same matrix */
    TASK_NS = 4000,
    LONGEST_TASK_NS = 5000000, /* between tasks a run looks whether to go on */
    TALL_ROWS = 512,
    TALL_BLOCKS = 16,    /* of a tall C: its columns are cut only where its rows are too few for so many */
    LEAST_HALF_ROWS = 12 * ROWS, /* of a product that would be one block otherwise */
    MAX_TASKS = 64,
    MIN_CUT_FLOPS = 1000000,
    MOST_KEPT_BYTES = 1 << 20,
    K_BLOCKS = 16,       /* of a long sum, between additions */
    CACHE_GBYTES = 64,
    RATE = 3,            /* the input of updates with their rate, behind the variable */
    FEW_ROWS = 4,        /* that are made at once of small matrices of a batch, */
    FEW_ELEMENTS = 16,   /* which have at most so many rows, columns and products a sum */
    MAX_PRODUCTS = 8,
    MAX_OPERANDS = 2 * MAX_PRODUCTS + MAX_STEPS
};

/* What a tile does beside its products: it sums B's columns, copies B's rows for the tiles that follow, or asks for those of the
 * panel that comes next. */
typedef enum beside { NOTHING, SUM_B, PACK_B, ASK_FOR_NEXT } beside;

/* How a tile reads A: along each row, or down a column; TWO_TILES of ROWS are packed one behind the other. UPDATING reads down a column, and
 * takes a rate times what it makes from C. */
typedef enum layout { ROW_BY_ROW, ROWS_BESIDE, TWO_TILES, UPDATING } layout;

/* How long dots are, in vectors: so short that four or two of them share one, less than four, or more. */
typedef enum dot_length { FOUR_A_VECTOR, TWO_A_VECTOR, SHORT, LONG } dot_length;

/* Some blocks of k, which are summed for all of C before the next ones. */
typedef struct stretch { int64_t first, end; } stretch;

/* The operands' data, moved to one product of the batch. */
typedef struct gemm_data {
    const char *const *in; /* A and B of each product, then the steps' operands */
    char *c, *sums;
    const stretch *stretch; /* of the k of a single product; or NULL: all of it */
} gemm_data;

/* Memory for the operands' pointers, where they are not as the instruction has them. */
typedef const char *gemm_operands[MAX_OPERANDS];

/* One of the products that are summed: A[m, k] is a[m * a.row + k * a.column], B[k, n] likewise. */
typedef struct product {
    int64_t k, k_block;
    matrix a, b;
    bool pack_a, pack_b;
    bool large; /* panels of B are packed by groups, and one thread packs A once */
} product;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

typedef struct gemm gemm;
/* Computes C[m0:m1, n0:n1] of one element of the batch. */
typedef void (*gemm_fn)(const gemm *g, const gemm_data *data, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                        char *scratch);

/* A prepared sum of products with its epilogue.
 *
 * How the work is cut decides which thread's cache holds what. Weights are B of the forward product (a task has a block of
 * its k), transposed B of the product that goes backward (a task has a block of its n) and C of the product that makes their
 * gradient (a task has a block of its m): always the same rows of the weights, so that no thread reads what another one
 * is going to update. */
struct gemm {
    gemm_fn fn;
    void (*few)(const gemm *g, const gemm_data *data, int64_t first, int64_t end); /* of a batch of small matrices, or NULL */
    void (*k_block)(const gemm *g, const gemm_data *data, int64_t number, char *parts, bool last, int64_t m0, int64_t m1,
                    int64_t n0, int64_t n1, char *scratch);
    void (*add_k_blocks)(const gemm *g, const gemm_data *data, const char *parts, int64_t m0, int64_t m1, int64_t n0,
                         int64_t n1);
    int64_t m, n;
    matrix c;
    int64_t row_unit, row_units; /* rows that stay together, and how many times those: the blocks share them evenly */
    int64_t n_block, m_blocks, n_blocks;
    int64_t batch, units_per_task, tasks;
    int64_t packed_b; /* elements of scratch before the packed A */
    int64_t k_blocks; /* 1 unless k is cut among the tasks: so many of it at a time */
    int64_t k_stretch; /* which one thread sums for all of C at once */
    int64_t counters_bytes, shared_bytes; /* of the first worker's scratch: counters and the blocks of k */
    double cost_ns;
    int n_in, n_products, n_steps, batch_rank;
    bool dots, single_row, swapped, sums;
    bool n_first;       /* tasks run down the columns of blocks, not along the rows */
    bool joins;         /* one thread takes several blocks of columns at once */
    bool updates;       /* C is a variable, and the product the gradient by which it descends: that */
    bool updates_in_tiles; /* stays in registers, else it lies in memory of its own */
    bool starts_with_y; /* the first step's operand is what the sum starts from */
    int64_t batch_dims[EPILOGUE_BATCH_AXES];
    step steps[MAX_STEPS];
    product products[];
};

/* The first row of a block of rows. */
static int64_t first_row(const gemm *g, int64_t block) {
    const int64_t row = block * g->row_units / g->m_blocks * g->row_unit;
    return row < g->m ? row : g->m;
}

static int64_t k_blocks_of(const gemm *g, const stretch *k) { return ceil_div(k->end - k->first, g->products[0].k_block); }

#if !SIMD_FREE_MASKS
/* Where the block of rows that row m is in ends. */
static int64_t end_of_rows(const gemm *g, int64_t m) {
    int64_t block = 1;
    while (first_row(g, block) <= m) block++;
    return first_row(g, block);
}
#endif

#define FLOATS f32
#include "gemm_kernel.h"
#include "gemm_few.h"
#undef FLOATS

#define FLOATS f64
#include "gemm_kernel.h"
#include "gemm_few.h"
#undef FLOATS

#include "gemm_plain.h"

/* ---- running ---- */

typedef struct gemm_task {
    const gemm *g;
    const gemm_data *data;
    char *scratch;
    int64_t scratch_bytes;
} gemm_task;

/* How the kernel's input i lies in memory. */
static const matrix *input_matrix(const gemm *g, int i) {
    const int factors = 2 * g->n_products;
    if (i >= factors) {
        int s = 0;
        while (g->steps[s].operand != i) s++;
        return &g->steps[s].y;
    }
    return i % 2 ? &g->products[i / 2].b : &g->products[i / 2].a;
}

/* Moves the data to one element of the batch. */
static gemm_data at_element(const gemm *g, const gemm_data *first, int64_t element, gemm_operands in) {
    gemm_data data = *first;
    data.in = in;
    memcpy(in, first->in, (size_t)g->n_in * sizeof *in);
    for (int axis = g->batch_rank - 1; axis >= 0; axis--) {
        const int64_t index = element % g->batch_dims[axis];
        element /= g->batch_dims[axis];
        for (int i = 0; i < g->n_in; i++) in[i] += index * input_matrix(g, i)->batch[axis];
        data.c += index * g->c.batch[axis];
    }
    return data;
}

/* One block of C: its rows and columns. */
typedef struct block_place { int64_t m0, m1, n0, n1; } block_place;

static block_place place_of(const gemm *g, int64_t block) {
    const int64_t row = g->n_first ? block % g->m_blocks : block / g->n_blocks;
    const int64_t column = g->n_first ? block / g->m_blocks : block % g->n_blocks;
    const int64_t n0 = column * g->n_block;
    return (block_place){first_row(g, row), first_row(g, row + 1), n0, n0 + g->n_block < g->n ? n0 + g->n_block : g->n};
}

static void run_task(void *argument, int64_t chunk, int worker) {
    const gemm_task *task = argument;
    const gemm *g = task->g;
    char *scratch = task->scratch + worker * task->scratch_bytes + g->shared_bytes;
    const int64_t per_element = g->m_blocks * g->n_blocks;
    const int64_t units = g->batch * per_element, first = chunk * g->units_per_task;
    const int64_t end = first + g->units_per_task < units ? first + g->units_per_task : units;
    if (!SIMD_FREE_MASKS && g->few) {
        g->few(g, task->data, first, end);
        return;
    }
    for (int64_t unit = first; unit < end; unit++) {
        const block_place at = place_of(g, unit % per_element);
        if (g->batch == 1) {
            g->fn(g, task->data, at.m0, at.m1, at.n0, at.n1, scratch);
        } else {
            gemm_operands in;
            const gemm_data data = at_element(g, task->data, unit / per_element, in);
            g->fn(g, &data, at.m0, at.m1, at.n0, at.n1, scratch);
        }
    }
}

/* A block of k of a block of C. Whoever makes the last one of a block of C adds them all, always in the same order. Each block of k begins
 * with other blocks of C: so threads that are at several of them end with blocks of C that the others have made long before, each with
 * as many, and ask for those while they multiply. */
static void run_k_block(void *argument, int64_t chunk, int worker) {
    const gemm_task *task = argument;
    const gemm *g = task->g;
    const int64_t blocks = g->m_blocks * g->n_blocks, number = chunk / blocks, all = k_blocks_of(g, task->data->stretch);
    const int64_t block = (chunk + number * blocks / all) % blocks;
    const block_place at = place_of(g, block);
    _Atomic int32_t *made = (_Atomic int32_t *)task->scratch;
    char *parts = task->scratch + g->counters_bytes;
    const bool last = atomic_load_explicit(&made[block], memory_order_relaxed) == all - 1;
    g->k_block(g, task->data, number, parts, last, at.m0, at.m1, at.n0, at.n1,
               task->scratch + worker * task->scratch_bytes + g->shared_bytes);
    if (atomic_fetch_add_explicit(&made[block], 1, memory_order_acq_rel) == all - 1)
        g->add_k_blocks(g, task->data, parts, at.m0, at.m1, at.n0, at.n1);
}

/* Where the instruction's operands are; A and B change places where the product is seen as (BᵀAᵀ)ᵀ. */
SIMD_INLINE gemm_data collect(const gemm *g, const hl_instr *ins, gemm_operands swapped) {
    void *const *args = g->n_in + 1 + g->sums > HL_DIRECT_ARGS ? hl_args(ins) : ins->arg;
    gemm_data data = {(const char *const *)args, args[g->n_in], g->sums ? args[g->n_in + 1] : NULL, NULL};
    if (!g->swapped) return data;
    data.in = swapped;
    for (int i = 0; i < g->n_in; i++) swapped[i < 2 * g->n_products ? i ^ 1 : i] = args[i];
    return data;
}

/* How many blocks of rows one thread takes at once, so that what it packs of B serves as many rows as the cache has of A. */
static int64_t joined_row_blocks(const gemm *g) {
    const int64_t rows = ceil_div(g->row_units, g->m_blocks) * g->row_unit;
    const int64_t blocks = rows < MAX_M_BLOCK ? MAX_M_BLOCK / rows : 1;
    return blocks < g->m_blocks ? blocks : g->m_blocks;
}

/* How much of k one thread sums for all of C before it goes on: each block of C would otherwise read a long A and B from memory. */
static int64_t stretch_of_k(const gemm *g, int64_t element_bytes) {
    const product *p = &g->products[0];
    if (g->n_products > 1 || p->k == 0 || g->m * g->n * element_bytes > STRETCHED_C_BYTES) return p->k;
    const int64_t block_bytes = (g->m + g->n) * p->k_block * element_bytes;
    return (block_bytes < STRETCH_BYTES ? STRETCH_BYTES / block_bytes : 1) * p->k_block;
}

/* One thread packs A once for the columns of as many blocks as it may take before it looks whether to go on. */
static void run_alone(hl_run *run, const gemm *g, gemm_data data) {
    char *scratch = run->scratch + g->shared_bytes;
    const int64_t k = g->products[0].k;
    const double parts = (double)(g->m_blocks * g->n_blocks) * (g->k_stretch < k ? (double)k / (double)g->k_stretch : 1);
    const int64_t at_once = (int64_t)(LONGEST_TASK_NS * parts / g->cost_ns) + 1;
    const int64_t row_blocks = joined_row_blocks(g) < at_once ? joined_row_blocks(g) : at_once;
    const int64_t joined = at_once / row_blocks, step = joined < g->n_blocks ? joined * g->n_block : g->n;
    stretch now = {0, 0};
    data.stretch = g->n_products == 1 ? &now : NULL;
    do {
        now.end = k - now.first > g->k_stretch ? now.first + g->k_stretch : k;
        for (int64_t block = 0; block < g->m_blocks; block += row_blocks) {
            const int64_t end = block + row_blocks < g->m_blocks ? block + row_blocks : g->m_blocks;
            for (int64_t n = 0; n < g->n; n += step) {
                if (hl_is_stopped(run)) return;
                g->fn(g, &data, first_row(g, block), first_row(g, end), n, n + step < g->n ? n + step : g->n, scratch);
            }
        }
        now.first = now.end;
    } while (now.first < k);
}

/* Threads share the blocks of k, some of them at a time: what they have made is added before the next ones take its memory. */
static void share_k(hl_run *run, const gemm *g, gemm_data data) {
    const product *p = &g->products[0];
    const int64_t all = ceil_div(p->k, p->k_block), at_once = g->k_blocks * p->k_block;
    gemm_task task = {g, &data, run->scratch, run->scratch_bytes};
    stretch now = {0, 0};
    data.stretch = &now;
    do {
        now.end = p->k - now.first > at_once ? now.first + at_once : p->k;
        const int64_t blocks = k_blocks_of(g, &now);
        memset(run->scratch, 0, (size_t)g->counters_bytes);
        hl_parallel(run, blocks * g->m_blocks * g->n_blocks, g->cost_ns * (double)blocks / (double)all, run_k_block, &task);
        now.first = now.end;
    } while (now.first < p->k && !hl_is_stopped(run));
}

static void multiply(hl_run *run, const gemm *g, const gemm_data *data) {
    gemm_task task = {g, data, run->scratch, run->scratch_bytes};
    if (g->k_blocks > 1 && run->threads > 1) {
        share_k(run, g, *data);
    } else if (!SIMD_FREE_MASKS && g->joins && run->threads == 1) {
        run_alone(run, g, *data);
    } else {
        hl_parallel(run, g->tasks, g->cost_ns, run_task, &task);
    }
}

static hl_status gemm_run(const hl_instr *ins, hl_run *run) {
    const gemm *g = ins->p[2].p;
    gemm_operands swapped;
    const gemm_data data = collect(g, ins, swapped);
    multiply(run, g, &data);
    return HL_OK;
}

typedef struct late_update {
    const gemm *g;
    char *variable;
    const char *gradient, *rate;
} late_update;

static void run_update(void *argument, int64_t block, int worker) {
    const late_update *u = argument;
    const gemm *g = u->g;
    const int64_t first = first_row(g, block) * g->n, n = first_row(g, block + 1) * g->n - first;
    (void)worker;
    if (g->k_block == k_block_f32) descend_f32((float *)u->variable + first, (const float *)u->gradient + first, *(const float *)u->rate, n);
    else descend_f64((double *)u->variable + first, (const double *)u->gradient + first, *(const double *)u->rate, n);
}

/* All of the gradient first, then the variable in the parts in which that was made. */
static hl_status gemm_run_late(const hl_instr *ins, hl_run *run) {
    const gemm *g = ins->p[2].p;
    gemm_operands swapped;
    gemm_data data = collect(g, ins, swapped);
    late_update update = {g, data.c, run->shared, data.in[RATE]};
    data.c = run->shared;
    multiply(run, g, &data);
    hl_parallel(run, g->m_blocks, (double)(g->m * g->n) * UPDATE_NS, run_update, &update);
    return HL_OK;
}

/* Small enough for one task. */
static hl_status gemm_run_small(const hl_instr *ins, hl_run *run) {
    const gemm *g = ins->p[2].p;
    gemm_operands swapped;
    const gemm_data data = collect(g, ins, swapped);
    g->fn(g, &data, 0, g->m, 0, g->n, run->scratch + g->shared_bytes);
    return HL_OK;
}

static hl_status gemm_run_empty(const hl_instr *ins, hl_run *run) {
    const gemm *g = ins->p[2].p;
    (void)run;
    if (g->sums && g->n) { /* C has no rows, B may have */
        gemm_operands swapped;
        const gemm_data data = collect(g, ins, swapped);
        g->fn(g, &data, 0, 0, 0, g->n, run->scratch + g->shared_bytes);
    }
    return HL_OK;
}

/* ---- preparing ---- */

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* The strides of rows and columns; those of axes of size 1 are never used, and are made 1. */
static void place_matrix(const hl_tensor *t, bool transposed, matrix *place) {
    const int r = t->rank - 2, c = t->rank - 1;
    const int64_t row_stride = t->dims[r] == 1 ? 1 : t->strides[r];
    const int64_t column_stride = t->dims[c] == 1 ? 1 : t->strides[c];
    place->row = transposed ? column_stride : row_stride;
    place->column = transposed ? row_stride : column_stride;
}

/* Along an axis of C that has one element any stride will do. It is that of a dense operand, so that a sum may start from it: the
 * operand may be C's own memory. */
static void place_single_column(const gemm *g, matrix *y) {
    if (g->n == 1 && (g->m == 1 || y->row)) y->column = 1;
    if (g->n == 1 && g->m == 1) y->row = 1;
}

static int64_t batch_stride(const hl_tensor *t, int axes_from_matrix) {
    const int axis = t->rank - 3 - axes_from_matrix;
    if (axis < 0 || t->dims[axis] == 1) return 0;
    return t->strides[axis] * (int64_t)hl_dtype_size(t->dtype);
}

/* The axes of the batch, innermost last; axes that all operands walk evenly are merged. */
static void prepare_batch(gemm *g, const hl_prepare *prep) {
    const hl_tensor *c = prep->out[0];
    const int operands = prep->n_in + 1;
    int rank = 0;
    int64_t dims[EPILOGUE_BATCH_AXES], strides[EPILOGUE_BATCH_AXES][MAX_OPERANDS + 1];
    g->batch = 1;
    for (int i = 0; i < c->rank - 2; i++) { /* from the innermost outwards */
        const int64_t dim = c->dims[c->rank - 3 - i];
        g->batch *= dim;
        if (dim == 1) continue;
        bool merges = rank > 0;
        for (int o = 0; o < operands; o++) {
            strides[rank][o] = batch_stride(o < prep->n_in ? prep->in[o] : c, i);
            merges = merges && strides[rank][o] == strides[rank - 1][o] * dims[rank - 1];
        }
        if (merges) {
            dims[rank - 1] *= dim;
        } else {
            dims[rank++] = dim;
        }
    }
    g->batch_rank = rank;
    for (int axis = 0; axis < rank; axis++) {
        const int64_t *from = strides[rank - 1 - axis];
        g->batch_dims[axis] = dims[rank - 1 - axis];
        for (int o = 0; o < prep->n_in; o++) ((matrix *)input_matrix(g, o))->batch[axis] = from[o];
        g->c.batch[axis] = from[prep->n_in];
    }
}

static void transpose_matrix(matrix *place) {
    const int64_t row = place->row;
    place->row = place->column;
    place->column = row;
}

/* Views the sum of products as (BᵀAᵀ)ᵀ, for a C of one column that is written as a row. */
static void swap_operands(gemm *g) {
    const int64_t m = g->m;
    g->m = g->n;
    g->n = m;
    for (int i = 0; i < g->n_products; i++) {
        product *p = &g->products[i];
        const matrix a = p->a;
        p->a = p->b;
        p->b = a;
        transpose_matrix(&p->a);
        transpose_matrix(&p->b);
    }
    for (int i = 0; i < g->n_steps; i++) transpose_matrix(&g->steps[i].y);
    transpose_matrix(&g->c);
    g->swapped = !g->swapped;
}

/* Whether C and the steps' operands can be walked down their columns as along a row; a reversed one cannot. */
static bool columns_are_dense(const gemm *g) {
    for (int i = 0; i < g->n_steps; i++)
        if (g->steps[i].y.row != 0 && g->steps[i].y.row != 1) return false;
    return g->c.row == 1;
}

static bool all_dots(const gemm *g) {
    for (int i = 0; i < g->n_products; i++)
        if (g->products[i].a.column != 1 || g->products[i].b.row != 1) return false;
    return true;
}

/* Whether one row of C, of a B whose columns are apart by `column`, is made in one go; long sums are cut among threads. */
static bool fits_single_row(const gemm *g, int64_t columns, int64_t column, int lanes) {
    return g->n_products == 1 && column == 1 && columns <= (g->products[0].k < CUT_K ? SINGLE_ROW_VECTORS : 1) * lanes;
}

/* Whether what is packed should serve as much as it can: B comes from the third-level cache, or an element takes so much longer to
 * multiply by than to copy, as doubles do. A transposed A of floats beside a B in rows gains nothing. */
static bool is_large(const gemm *g, const product *p, int lanes) {
    const int64_t elements = p->k * g->n;
    if (!p->pack_b || g->m < 16 * ROWS) return false;
    if (lanes == F64_LANES) return true;
    return (p->a.column == 1 || p->b.column != 1) && (elements >= LARGE_B || (elements >= LARGE_B / 2 && g->m >= 32 * ROWS));
}

/* Whether copying a B in rows pays although only a few tiles use what is copied: where a block of k is longer than the first-level cache
 * keeps of rows that lie apart, where the second-level cache does not keep B beside A, or where its rows are so far apart that they fall
 * on few lines of the caches; of vectors of whole lines also where the rows do not begin with one, so that each load takes two. */
static bool packs_for_few(const gemm *g, const product *p, int lanes) {
    const int64_t element = SIMD_BYTES / lanes, apart = p->b.row * element;
    if (p->k < 64 || apart < 256) return false;
    if (SIMD_FREE_MASKS) return g->m >= 4 * ROWS && (apart % 64 || p->k * g->n * element >= KEPT_B_BYTES);
    if (apart % 2048 == 0 || p->k_block > SHORT_K_BLOCK) return g->m >= 4 * ROWS;
    return g->m >= 8 * ROWS && (p->k * g->n * element >= KEPT_B_BYTES || (apart % 1024 == 0 && p->k >= 192));
}

/* Whether copying an A stored transposed pays although its rows are short: where a block of k has so many of them that the first-level
 * cache does not keep the lines that a tile takes a part of. */
static bool packs_narrow_a(const gemm *g, const product *p, int64_t panel) {
    return !SIMD_FREE_MASKS && p->k_block > SHORT_K_BLOCK && p->a.column >= panel && g->m >= 4 * ROWS && g->n >= 4 * panel;
}

/* How many blocks a sum is made in: an even number from CUT_K on, so that two threads part where the halves of B's rows do. */
static int64_t blocks_of_k(int64_t k) {
    if (k < CUT_K) return 1;
    const int64_t blocks = ceil_div(k, MAX_K_BLOCK);
    return blocks + blocks % 2;
}

/* Whether a variable may move where the tiles have its gradient in registers: they make all of it, each in one go. */
static bool may_update_in_tiles(const gemm *g) {
    const int64_t k = g->products[0].k;
    return !g->dots && !g->single_row && !g->swapped && g->m > 1 && g->products[0].a.column != 1 && k > SHORT_SUM_MOST && k <= MAX_K_BLOCK;
}

/* Chooses the variant for floats with these sizes and strides. */
static void choose_float(gemm *g, int lanes) {
    const int64_t panel = MAX_VECTORS * lanes;
    if (g->n == 1 && g->m > 1 && columns_are_dense(g) && !all_dots(g)) swap_operands(g);
    else if (g->m == 1 && g->n > 1 && !g->sums && all_dots(g) && g->products[0].b.column != 1) swap_operands(g);
    g->dots = g->n == 1 && !g->sums && all_dots(g) && columns_are_dense(g);
    if (g->dots)
        for (int i = 0; i < g->n_steps; i++) transpose_matrix(&g->steps[i].y);
    g->single_row = !g->dots && g->m == 1 && (!g->sums || g->swapped) && fits_single_row(g, g->n, g->products[0].b.column, lanes);
    g->updates_in_tiles = g->updates && may_update_in_tiles(g);
    g->starts_with_y = g->n_steps > 0 && g->steps[0].kind == STEP_ADD && g->steps[0].y.column == 1;
    for (int i = 0; i < g->n_products && !g->dots; i++) {
        product *p = &g->products[i];
        p->k_block = g->updates_in_tiles ? p->k : ceil_div(p->k, blocks_of_k(p->k));
        /* A strided B is packed once it is used by several tiles; a transposed one always is. */
        p->pack_b = !g->single_row &&
                    (p->b.column != 1 || (g->m >= 16 * ROWS && p->b.row >= PACKED_PANELS * panel && p->k >= 64) || packs_for_few(g, p, lanes));
        p->pack_a = g->m > 1 && p->a.column != 1 && g->n > panel && p->k_block > 64 && (p->a.column >= 4 * panel || packs_narrow_a(g, p, panel));
        if (SIMD_FREE_MASKS) continue;
        p->large = is_large(g, p, lanes);
        /* Rows that far apart fall on the same lines of the cache: packing them pays sooner. */
        const bool collide = p->a.row * (SIMD_BYTES / lanes) % 4096 == 0;
        if (p->large && p->a.column == 1 && g->n >= (collide ? 16 : 32) * panel && p->k_block > 64) p->pack_a = true;
    }
}

/* Whether threads should share k, and how many blocks of it at a time: a B in rows that is larger than what they have to add, and of
 * which a thread's cache keeps its part until the next step; or a sum so long that they add a small C now and then. */
static void choose_k_blocks(gemm *g, int lanes) {
    const product *p = &g->products[0];
    const double bytes = SIMD_BYTES / lanes;
    g->k_blocks = 1;
    if (g->dots || g->single_row || g->sums || g->batch > 1 || g->n_products > 1 || p->b.column != 1 || p->k == 0) return;
    const bool kept = (double)p->k * (double)g->n * bytes <= MOST_KEPT_BYTES;
    if (!kept && (double)g->m * (double)g->n * bytes * (K_BLOCKS - 1) > MOST_KEPT_BYTES) return;
    const int64_t blocks = ceil_div(p->k, p->k_block);
    if (2 * g->m * (blocks - 1) <= p->k && 2.0 * (double)g->m * (double)g->n * (double)p->k > MIN_CUT_FLOPS)
        g->k_blocks = kept ? blocks : min_of(blocks, K_BLOCKS);
}

/* Whether A is so much larger than B that threads share its rows and each reads all of B, whoever has updated that. */
static bool is_tall(const gemm *g) { return g->m >= TALL_ROWS && g->m >= 4 * g->n; }

/* Cuts C into blocks, and the blocks of the batch into tasks for the pool. */
static void cut(gemm *g, int lanes, double gflops) {
    int64_t k = 0;
    bool pack_a = false, pack_b = false, large = false;
    for (int i = 0; i < g->n_products; i++) {
        k += g->products[i].k;
        pack_a = pack_a || g->products[i].pack_a;
        pack_b = pack_b || g->products[i].pack_b;
        large = large || (!SIMD_FREE_MASKS && g->products[i].large);
    }
    const int64_t columns = g->dots ? 1 : ceil_div(g->n, lanes) * lanes; /* a part of a vector costs as much as all of it */
    const double flops = 2.0 * (double)g->m * (double)columns * (double)max_of(k, 1);
    /* With few rows or columns, reading the larger operand takes longer than multiplying by it. */
    const double reading = (double)k * (double)max_of(g->m, g->n) * (double)(SIMD_BYTES / lanes) / CACHE_GBYTES;
    const double arithmetic = flops / gflops;
    g->cost_ns = 15.0 + (double)g->batch * (10.0 + (arithmetic > reading ? arithmetic : reading));
    const int64_t wanted = max_of(1, min_of(MAX_TASKS, (int64_t)(g->cost_ns / TASK_NS)));
    const int64_t per_element = max_of(1, ceil_div(wanted, max_of(g->batch, 1) * g->k_blocks));
    const int64_t panels = ceil_div(g->n, MAX_VECTORS * lanes);
    /* A packed panel of B should serve many rows, a packed A several panels. */
    const int64_t least_rows = (!pack_b ? 4 : panels >= 8 ? 40 : 12) * ROWS;
    const int64_t row_blocks = max_of(1, g->m / least_rows);
    if (pack_a) {
        g->m_blocks = min_of(row_blocks, per_element);
        g->n_blocks = min_of(ceil_div(g->n, PACKED_COLUMNS), ceil_div(per_element, g->m_blocks));
    } else if (is_tall(g)) {
        g->m_blocks = min_of(row_blocks, per_element);
        g->n_blocks = min_of(panels, ceil_div(min_of(per_element, TALL_BLOCKS), g->m_blocks));
    } else {
        g->n_blocks = min_of(panels, per_element);
        g->m_blocks = min_of(row_blocks, ceil_div(per_element, g->n_blocks));
    }
    if (!g->dots) g->m_blocks = max_of(g->m_blocks, ceil_div(g->m, MAX_M_BLOCK));
    if (!SIMD_FREE_MASKS && per_element > 1 && g->m_blocks * g->n_blocks == 1 && !(pack_a && g->k_blocks > 1)) { /* one thread joins them again */
        if (g->m >= 2 * LEAST_HALF_ROWS) g->m_blocks = 2;
        else if (panels > 1) g->n_blocks = 2;
    }
    if (pack_a) { /* a block is the least that a thread does before it looks whether to go on */
        const int64_t short_blocks = (int64_t)(g->cost_ns / (double)(max_of(g->batch, 1) * g->m_blocks * LONGEST_TASK_NS));
        g->n_blocks = max_of(g->n_blocks, min_of(ceil_div(g->n, PACKED_COLUMNS), short_blocks));
    }
    if (large) g->n_blocks = min_of(g->n_blocks, ceil_div(panels, GROUP));
    g->n_block = g->n_blocks > 1 ? ceil_div(panels, g->n_blocks) * MAX_VECTORS * lanes : g->n;
    g->n_blocks = ceil_div(g->n, g->n_block);
    g->row_unit = g->dots ? lanes : 2 * ROWS;
    g->row_units = ceil_div(g->m, g->row_unit);
    if (g->m_blocks > 2) g->m_blocks = ceil_div(g->m_blocks, EVEN_BLOCKS) * EVEN_BLOCKS;
    g->m_blocks = min_of(g->m_blocks, g->row_units);
    if (!SIMD_FREE_MASKS) g->joins = (pack_a || pack_b) && !g->dots && g->batch == 1 && g->m_blocks * g->n_blocks > 1;
    const int64_t units = g->batch * g->m_blocks * g->n_blocks;
    g->n_first = !g->dots && g->products[0].b.column != 1 && !is_tall(g);
    g->units_per_task = ceil_div(units, min_of(units, max_of(wanted, (int64_t)(g->cost_ns / LONGEST_TASK_NS))));
    g->tasks = ceil_div(units, g->units_per_task);
}

/* Whether the matrices are small, and lie as the loop over them takes them. */
static bool is_few(const gemm *g, int lanes) {
    const product *p = &g->products[0];
    return !SIMD_FREE_MASKS && g->n_products == 1 && !g->n_steps && !g->sums && !g->updates && !g->dots && !g->swapped && g->batch_rank <= 1 &&
           g->m > 1 && g->m <= FEW_ELEMENTS && p->k <= FEW_ELEMENTS && g->n > 1 && g->n <= 2 * lanes && g->n <= FEW_ELEMENTS &&
           (p->b.column == 1 || g->n <= lanes) && g->c.column == 1;
}

/* The memory in which panels of B, and A, are packed. */
static void reserve_scratch(gemm *g, hl_prepare *prep, int lanes) {
    int64_t packed_a = 0;
    for (int i = 0; i < g->n_products && !g->dots; i++) {
        const product *p = &g->products[i];
        if (p->pack_b || !SIMD_FREE_MASKS) g->packed_b = max_of(g->packed_b, (!SIMD_FREE_MASKS && p->large ? GROUP : 1) * p->k_block * MAX_VECTORS * lanes);
        g->packed_b = max_of(g->packed_b, lanes / 4 * p->k_block); /* the last few columns */
        const int64_t last = SIMD_FREE_MASKS ? 0 : lanes; /* of the vector with the last rows of A */
        const int64_t blocks = !SIMD_FREE_MASKS && g->joins ? joined_row_blocks(g) : 1;
        if (p->pack_a) packed_a = max_of(packed_a, ceil_div(g->row_units, g->m_blocks) * blocks * g->row_unit * p->k_block + last);
    }
    const int64_t size = (int64_t)hl_dtype_size(prep->out[0]->dtype);
    if (g->k_blocks > 1) {
        g->counters_bytes = ceil_div(g->m_blocks * g->n_blocks * (int64_t)sizeof(int32_t), 64) * 64;
        g->shared_bytes = g->counters_bytes + ceil_div((g->k_blocks - 1) * g->m * g->n * size, 64) * 64;
    }
    prep->scratch_bytes = g->shared_bytes + (g->packed_b + packed_a) * size;
    if (g->updates && !g->updates_in_tiles) prep->shared_bytes = g->m * g->n * size;
}

static hl_status prepare_plain(gemm *g, hl_prepare *prep) {
    const hl_dtype dtype = prep->out[0]->dtype;
    if (g->n_products > 1 || g->n_steps || g->sums || g->updates)
        return hl_no_kernel(prep, "an epilogue");
    switch (dtype) {
    case HL_INT32: case HL_UINT32: g->fn = plain_i32; break;
    case HL_INT64: case HL_UINT64: g->fn = plain_i64; break;
    case HL_FLOAT16: g->fn = plain_f16; break;
    case HL_BFLOAT16: g->fn = plain_bf16; break;
    case HL_COMPLEX64: g->fn = plain_c64; break;
    case HL_COMPLEX128: g->fn = plain_c128; break;
    default: return hl_no_kernel(prep, "a matrix product");
    }
    g->k_blocks = 1;
    if (prep->out[0]->size) cut(g, F32_LANES, 1);
    return HL_OK;
}

/* `transposes` are the attributes transpose_a, transpose_b of each product. */
static hl_status prepare(hl_prepare *prep, int n_products, int first_attr, bool updates) {
    const hl_tensor *c = prep->out[0];
    const hl_value *transposes = prep->attr + first_attr;
    gemm *g = prep->params;
    memset(g, 0, offsetof(gemm, batch_dims));
    g->n_in = prep->n_in;
    g->n_products = n_products;
    g->sums = prep->n_out > 1;
    g->updates = updates;
    g->m = c->dims[c->rank - 2];
    g->n = c->dims[c->rank - 1];
    hl_status status = epilogue_prepare(prep, first_attr + 2 * n_products, 2 * n_products, g->steps, &g->n_steps);
    if (status != HL_OK) return status;
    for (int i = 0; i < n_products; i++) {
        const hl_tensor *a = prep->in[2 * i], *b = prep->in[2 * i + 1];
        product *p = &g->products[i];
        if (a->dtype != c->dtype || b->dtype != c->dtype)
            return hl_refuse(prep, HL_INTERNAL, "a product of dtypes %d and %d in dtype %d", (int)a->dtype, (int)b->dtype, (int)c->dtype);
        *p = (product){.k = a->dims[a->rank - (transposes[2 * i].i ? 2 : 1)]};
        place_matrix(a, transposes[2 * i].i, &p->a);
        place_matrix(b, transposes[2 * i + 1].i, &p->b);
    }
    place_matrix(c, false, &g->c);
    for (int i = 0; i < g->n_steps; i++) place_single_column(g, &g->steps[i].y);
    prepare_batch(g, prep);
    if (c->dtype == HL_FLOAT32 || c->dtype == HL_FLOAT64) {
        const bool single = c->dtype == HL_FLOAT32;
        const int lanes = single ? F32_LANES : F64_LANES;
        g->k_block = single ? k_block_f32 : k_block_f64;
        g->add_k_blocks = single ? add_k_blocks_f32 : add_k_blocks_f64;
        choose_float(g, lanes);
        g->fn = g->dots ? (single ? whole_column_f32 : whole_column_f64) : g->single_row ? (single ? whole_row_f32 : whole_row_f64)
                                                                         : (single ? whole_f32 : whole_f64);
        choose_k_blocks(g, lanes);
        g->k_stretch = g->dots || c->size == 0 ? 0 : stretch_of_k(g, SIMD_BYTES / lanes);
        if (c->size) cut(g, lanes, single ? GFLOPS : GFLOPS / 2);
        else g->m_blocks = g->n_blocks = 1; /* of nothing */
        reserve_scratch(g, prep, lanes);
        if (c->size && c->rank > 2 && is_few(g, lanes)) g->few = single ? few_f32 : few_f64;
    } else {
        status = prepare_plain(g, prep);
        if (status != HL_OK) return status;
    }
    if (g->sums && c->rank > 2) return hl_refuse(prep, HL_INTERNAL, "sums of columns of a batch of products");
    prep->cost_ns = g->cost_ns + (g->updates ? (double)c->size * UPDATE_NS : 0);
    const bool small = g->batch == 1 && !g->few && g->m_blocks * g->n_blocks * g->k_blocks == 1;
    prep->ins->fn = c->size == 0 ? gemm_run_empty : g->updates && !g->updates_in_tiles ? gemm_run_late : small ? gemm_run_small : gemm_run;
    return HL_OK;
}

/* C = A B, then the steps. Inputs: A, B, the steps' operands. Outputs: C and, optionally, the sums of B's columns, without a
 * batch. Attributes: transpose_a, transpose_b, the steps. */
static hl_status matmul_prepare(hl_prepare *prep) { return prepare(prep, 1, 0, false); }

/* C = A0 B0 + A1 B1 + ..., then the steps: products of one result shape whose K may differ. Inputs: A0, B0, A1, B1, ...,
 * the steps' operands. Attributes: how many products, transpose_a and transpose_b of each, the steps. */
static hl_status sum_of_products_prepare(hl_prepare *prep) {
    const int64_t products = prep->attr[0].i;
    if (products < 1 || products > MAX_PRODUCTS)
        return hl_refuse(prep, HL_INTERNAL, "a sum of %d products, at most %d", (int)products, MAX_PRODUCTS);
    return prepare(prep, (int)products, 1, false);
}

/* A step of gradient descent of a matrix whose gradient is A B. Inputs: A, B, the variable, the rate. Outputs: the variable and, optionally, the
 * sums of B's columns. Attributes: transpose_a, transpose_b. */
static hl_status update_prepare(hl_prepare *prep) {
    if (prep->out[0]->rank != 2 || !prep->out[0]->contiguous) return hl_refuse(prep, HL_INTERNAL, "an update of what is no dense matrix");
    return prepare(prep, 1, 0, true);
}

static const hl_kernel table[] = {
    {"matmul", matmul_prepare, sizeof(gemm) + sizeof(product)},
    {"matmul_update", update_prepare, sizeof(gemm) + sizeof(product)},
    {"sum_of_products", sum_of_products_prepare, sizeof(gemm) + MAX_PRODUCTS * sizeof(product)},
};
HL_FAMILY(gemm, table);
