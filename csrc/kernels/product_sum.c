/* Sums of the products of two tensors over some of their axes, without the products in memory: the scores of embeddings, their
 * gradients, squared lengths; and of their squared differences, as of points and centers.
 *
 * Products are gathered in a vector's lanes over blocks, and the blocks' sums in double: the order depends on the sizes alone.
 */
#include "../plan.h"
#include "../pool.h"
#include "float_names.h"

enum {
    BLOCK = 4096,   /* elements of a row that are summed before they go to a total */
    ROW_BLOCK = 64, /* rows likewise */
    STRIP = 8,      /* vectors of a strip of columns */
    CHAINS = 8,     /* of a single sum */
    PART = 32768,   /* products of a single sum that one task makes, or as many more as make */
    MOST_PARTS = 64,
    MOST_FEW = 8,   /* products of a sum of few */
    FEW_ROWS = 512, /* such sums of a unit */
    DOT_ROWS = 64,  /* longer ones, of rows that are evenly apart, */
    MOST_ROW = 512, /* of at most as many products: more rows at once hide more of what memory takes */
    LEAST_ROWS = 4, /* along an axis: fewer are gathered from several places */
    TASK_NS = 10000
};

/* An axis of the products: its size, and the operands' strides in elements, 0 where an operand does not move. */
typedef struct axis { int64_t size, a, b; } axis;
typedef struct place { int64_t a, b; } place;

/* How the outputs are made: along both operands, many, those of rows that are evenly apart, of few products each, or one of them, along rows of both or of
 * the second alone, or one by one with any strides. */
typedef enum way { DOTS, ROW_DOTS, FEW_PRODUCTS, SINGLE_DOT, COLUMNS_OF_TWO, SCALED_COLUMNS, ONE_BY_ONE } way;

typedef struct product_sum product_sum;
typedef void (*unit_fn)(const product_sum *p, const char *a, const char *b, char *out, int64_t unit);

/* A prepared sum. `inner` is the innermost axis; of the others those that stay and those that are summed, row-major; where rows are
 * walked, the last of those that stay is `along`. */
struct product_sum {
    unit_fn unit;
    way way;
    bool differs, inner_reduced, swapped; /* it sums squared differences instead of products */
    axis inner, along, kept[HL_MAX_RANK], reduced[HL_MAX_RANK];
    int kept_rank, reduced_rank;
    int64_t kept_count, reduced_count;
    int64_t strips, units, units_per_task; /* strips of columns, or units of `unit_rows` rows */
    int64_t unit_rows;
    int64_t part_length; /* of a single sum, whose units are its parts */
    double cost_ns;
};

SIMD_INLINE place place_of(const axis *axes, int rank, int64_t index) {
    place at = {0, 0};
    if (rank == 1) return (place){index * axes[0].a, index * axes[0].b};
    for (int i = rank - 1; i >= 0; i--) {
        const int64_t k = index % axes[i].size;
        index /= axes[i].size;
        at.a += k * axes[i].a, at.b += k * axes[i].b;
    }
    return at;
}

#define FLOATS f32
#include "product_sum_kernel.h"
#undef FLOATS

#define FLOATS f64
#include "product_sum_kernel.h"
#undef FLOATS

/* ---- running ---- */

typedef struct product_sum_task { const product_sum *p; const char *a, *b; char *out; } product_sum_task;

static void run_task(void *argument, int64_t chunk, int worker) {
    const product_sum_task *task = argument;
    const product_sum *p = task->p;
    (void)worker;
    const int64_t first = chunk * p->units_per_task, end = first + p->units_per_task;
    for (int64_t unit = first; unit < end && unit < p->units; unit++) p->unit(p, task->a, task->b, task->out, unit);
}

static hl_status product_sum_run(const hl_instr *ins, hl_run *run) {
    const product_sum *p = ins->p[2].p;
    product_sum_task task = {p, ins->arg[p->swapped], ins->arg[!p->swapped], ins->arg[2]};
    hl_parallel(run, (p->units + p->units_per_task - 1) / p->units_per_task, p->cost_ns, run_task, &task);
    return HL_OK;
}

/* One sum, of parts whose number depends on the sizes alone. */
static hl_status single_run(const hl_instr *ins, hl_run *run) {
    const product_sum *p = ins->p[2].p;
    double *parts = (double *)run->scratch, total = 0;
    product_sum_task task = {p, ins->arg[0], ins->arg[1], run->scratch};
    hl_parallel(run, p->units, p->cost_ns, run_task, &task);
    for (int64_t i = 0; i < p->units; i++) total += parts[i];
    if (p->unit == unit_f64) *(double *)ins->arg[2] = total;
    else *(float *)ins->arg[2] = (float)total;
    return HL_OK;
}

/* ---- preparing ---- */

/* The stride with which an operand moves along an axis of the products; axes are counted from the last. */
static int64_t stride_along(const hl_tensor *t, int from_last) {
    const int i = t->rank - 1 - from_last;
    return i < 0 || t->dims[i] == 1 ? 0 : t->strides[i];
}

static int64_t size_along(const hl_tensor *t, int from_last) {
    const int i = t->rank - 1 - from_last;
    return i < 0 ? 1 : t->dims[i];
}

/* Adds an axis inside those of its kind, or makes the last one of them longer where both operands walk on evenly. */
static void add_axis(axis *axes, int *rank, bool joins, axis next) {
    if (joins && *rank > 0) {
        axis *last = &axes[*rank - 1];
        if (last->a == next.a * next.size && last->b == next.b * next.size) {
            *last = (axis){last->size * next.size, next.a, next.b};
            return;
        }
    }
    axes[(*rank)++] = next;
}

/* Sorts the axes of the products into those that stay and those that are summed, and takes the innermost one out. */
static void sort_axes(product_sum *p, const hl_tensor *a, const hl_tensor *b, uint64_t reduced_axes) {
    const int rank = a->rank > b->rank ? a->rank : b->rank;
    bool last_reduced = false, any = false;
    for (int i = 0; i < rank; i++) {
        const int from_last = rank - 1 - i;
        const int64_t left = size_along(a, from_last), right = size_along(b, from_last);
        const axis next = {left == 1 ? right : left, stride_along(a, from_last), stride_along(b, from_last)};
        if (next.size == 1) continue;
        const bool reduces = reduced_axes >> i & 1;
        const bool joins = any && last_reduced == reduces; /* its neighbour is of the same kind */
        if (reduces) add_axis(p->reduced, &p->reduced_rank, joins, next);
        else add_axis(p->kept, &p->kept_rank, joins, next);
        last_reduced = reduces, any = true;
    }
    p->inner = (axis){1, 0, 0};
    p->inner_reduced = last_reduced;
    if (any) p->inner = last_reduced ? p->reduced[--p->reduced_rank] : p->kept[--p->kept_rank];
    p->kept_count = p->reduced_count = 1;
    for (int i = 0; i < p->kept_rank; i++) p->kept_count *= p->kept[i].size;
    for (int i = 0; i < p->reduced_rank; i++) p->reduced_count *= p->reduced[i].size;
}

static void swap_operands(product_sum *p) {
    axis *const lists[] = {p->kept, p->reduced, &p->inner};
    const int counts[] = {p->kept_rank, p->reduced_rank, 1};
    for (int list = 0; list < 3; list++)
        for (int i = 0; i < counts[list]; i++) {
            axis *each = &lists[list][i];
            *each = (axis){each->size, each->b, each->a};
        }
    p->swapped = true;
}

/* Whether sums of rows that end with the innermost axis are made row after row along the axis outside it: there are enough of them. */
static bool walks_rows(const product_sum *p) {
    const int64_t rows = p->kept_rank ? p->kept[p->kept_rank - 1].size : 1;
    return p->reduced_count == 1 && p->inner.size > 0 && p->inner.size <= MOST_ROW && (p->kept_rank <= 1 || rows >= LEAST_ROWS);
}

static void choose_way(product_sum *p, int64_t lanes) {
    if (p->inner_reduced) {
        const bool single = !p->differs && p->kept_count == 1 && p->reduced_count == 1;
        const bool few = p->inner.size <= MOST_FEW && p->inner.size <= lanes;
        p->way = p->inner.a != 1 || p->inner.b != 1 ? ONE_BY_ONE
                 : single                           ? SINGLE_DOT
                 : !walks_rows(p)                   ? DOTS
                 : few                              ? FEW_PRODUCTS
                                                    : ROW_DOTS;
        return;
    }
    if (p->differs) {
        p->way = ONE_BY_ONE;
        return;
    }
    if (p->inner.a == 1 && p->inner.b == 0) swap_operands(p);
    p->way = p->inner.b != 1 || p->inner.a > 1 || p->inner.a < 0 ? ONE_BY_ONE : p->inner.a ? COLUMNS_OF_TWO : SCALED_COLUMNS;
}

/* Parts the outputs into units. */
static void part(product_sum *p, int64_t lanes) {
    p->strips = p->inner_reduced ? 1 : (p->inner.size + STRIP * lanes - 1) / (STRIP * lanes);
    p->units = p->way == DOTS ? (p->kept_count + lanes - 1) / lanes : p->kept_count * p->strips;
    if (p->way == SINGLE_DOT) {
        const int64_t length = (p->inner.size + MOST_PARTS - 1) / MOST_PARTS;
        p->part_length = length < PART ? PART : (length + BLOCK - 1) / BLOCK * BLOCK;
        p->units = (p->inner.size + p->part_length - 1) / p->part_length;
    }
    if (p->way == ROW_DOTS || p->way == FEW_PRODUCTS) {
        p->along = p->kept_rank ? p->kept[--p->kept_rank] : (axis){1, 0, 0};
        p->unit_rows = p->way == ROW_DOTS ? DOT_ROWS : FEW_ROWS;
        p->strips = (p->along.size + p->unit_rows - 1) / p->unit_rows;
        p->units = p->along.size ? p->kept_count / p->along.size * p->strips : 0;
    }
}

static double cost_of(const product_sum *p, double outputs) {
    const double products = (double)p->kept_count * (double)p->reduced_count * (double)p->inner.size;
    const double product_ns = p->way == ONE_BY_ONE ? 1.5 : p->way == ROW_DOTS ? 0.07 : 0.1;
    return 10 + products * product_ns + outputs * (p->way == FEW_PRODUCTS ? 0.5 : p->way == ROW_DOTS ? 1 : 2);
}

static hl_status prepare(hl_prepare *prep, bool differs) {
    product_sum *p = prep->params;
    const hl_tensor *a = prep->in[0], *b = prep->in[1], *out = prep->out[0];
    const bool wide = out->dtype == HL_FLOAT64;
    *p = (product_sum){.unit = wide ? unit_f64 : unit_f32, .differs = differs};
    if ((!wide && out->dtype != HL_FLOAT32) || a->dtype != out->dtype || b->dtype != out->dtype)
        return hl_no_kernel(prep, differs ? "a sum of squared differences" : "a sum of products");
    sort_axes(p, a, b, (uint64_t)prep->attr[0].i);
    const int64_t lanes = wide ? F64_LANES : F32_LANES;
    choose_way(p, lanes);
    part(p, lanes);
    if (p->way == SINGLE_DOT) prep->scratch_bytes = p->units * (int64_t)sizeof(double);
    p->cost_ns = prep->cost_ns = cost_of(p, (double)out->size);
    const int64_t tasks = (int64_t)(p->cost_ns / TASK_NS) + 1;
    p->units_per_task = p->units <= tasks ? 1 : (p->units + tasks - 1) / tasks;
    if (p->way == SINGLE_DOT) p->units_per_task = 1;
    prep->ins->fn = !out->size ? hl_run_nothing : p->way == SINGLE_DOT ? single_run : product_sum_run;
    return HL_OK;
}

/* (a, b) -> the sums of their products over the axes of the attribute, a bit mask. */
static hl_status product_sum_prepare(hl_prepare *prep) { return prepare(prep, false); }
/* (a, b) -> the sums of their squared differences, likewise. */
static hl_status difference_sum_prepare(hl_prepare *prep) { return prepare(prep, true); }

static const hl_kernel table[] = {
    {"product_sum", product_sum_prepare, sizeof(product_sum)},
    {"squared_difference_sum", difference_sum_prepare, sizeof(product_sum)},
};
HL_FAMILY(product_sum, table);
