/* Chains of elementwise kernels in one instruction: a block of the operands goes through all of them while it is in the
 * cache.
 *
 * The steps are the elementwise kernels themselves: their own prepare functions choose the loops, so a chain gives the same
 * numbers as its kernels one by one. What a step leaves for later ones lies in scratch, in slots that the compiler has
 * assigned (src/hookloop/compile/passes/fuse_elementwise.py); what leaves the chain is written where it belongs.
 *
 * Attributes: the numbers of slots and of steps, then for each step its kernel, the dtype of its result, the numbers of its
 * operands and of its own attributes, the operands (inputs first, the result last), the attributes. An operand is an index
 * into the instruction's operands, or behind those a slot.
 *
 * Of rows that are much shorter than a block, several go through the steps together: operands whose rows do not follow each other
 * (a column that is added to all, a row of biases, a part of wider rows) are put together in slots before, results taken apart after.
 *
 * At the levels of AVX2 and AVX-512 steps that follow each other and do little to each element go through registers together
 * (register_steps.h).
 */
#include "elementwise.h"
#include "gathered_rows.h"
#include "register_steps.h"
#include "rows.h"

enum {
    MAX_STEPS = 32, MAX_SLOTS = 16, MAX_OPERANDS = 24,
    SHORT_STEPS_ROW = 256,           /* elements of a row that goes through the steps with others */
    OF_PROGRAMS = STEPS_IN_REGISTERS ? 2 : 0, /* addresses behind those of slots: whether results go past the cache, the end */
    CHUNK_NS = 3000,                 /* estimated time of what a thread takes at once, at most one block longer */
    STEP_NS = 3
};

#define TAKEN_NS 0.3 /* an element that is taken by a table */

typedef struct fused_step {
    ew_loop loop;
    hl_value param;
    int16_t operands;
    bool still;                        /* one element stands for all along the innermost axis */
    int16_t operand[EW_MOST_OPERANDS];
    int64_t stride[EW_MOST_OPERANDS];  /* bytes along the innermost axis */
#if STEPS_IN_REGISTERS
    const reg_operation *operation;    /* that does the same to what is in registers, or NULL */
    hl_dtype dtype;                    /* of its operands */
    int16_t joined, program, lanes;    /* how many steps from this one on are a program, where it begins, of a vector */
#endif
} fused_step;

typedef struct fused {
    int operands, steps, slots, outer, n_gathered;
    int64_t n, rows;                   /* of the innermost axis; of the outer ones together */
    int64_t dims[HL_MAX_RANK];
    int64_t strides[HL_MAX_RANK][MAX_OPERANDS];
    int64_t inner[MAX_OPERANDS];
    int64_t together, last_together;     /* rows of a block, and of the last one along its axis; 1 where they are not short */
    int row_axes;                        /* a row is that many axes behind the outer ones, and the innermost one */
    int64_t innermost;                   /* elements of that */
    gathered gathered[MAX_OPERANDS];     /* whose slots lie behind the steps' */
    int n_tables;                        /* of gathered ones, behind the slots of streamed results */
    int n_streamed;                      /* results that are more than the cache should keep */
    int streamed[MAX_OPERANDS];          /* their slots lie behind those of gathered ones */
    int64_t blocks_per_row, blocks;
    int64_t blocks_alone, blocks_shared; /* a chunk, of one thread and of several */
    double cost_ns;
    int summed;                          /* the result that is added up instead of stored (fused_sum.h), or -1 */
    fused_step step[MAX_STEPS];
#if STEPS_IN_REGISTERS
    bool joins;                          /* there are programs */
    bool goes_past[MAX_OPERANDS];        /* streamed results that programs alone make: they need no slot */
    reg_step program[4 * MAX_STEPS];
#endif
} fused;

/* --- running -------------------------------------------------------------------------------------------------------- */

#if STEPS_IN_REGISTERS
/* Of n elements those behind `from` through steps one by one. What is compared for a choice lies where their numbers will:
 * the slot's begin may have numbers that others still want. */
static void run_rest(const fused_step *s, const fused_step *end, int64_t from, int64_t n, char *const *base) {
    const int64_t size = SIMD_BYTES / s->lanes;
    for (; s < end && from < n; s++) {
        char *data[EW_MOST_OPERANDS];
        for (int k = 0; k < s->operands; k++) data[k] = base[s->operand[k]] + from * (s->stride[k] == 1 ? size : s->stride[k]);
        s->loop(n - from, data, s->stride, &s->param);
    }
}
#endif

static inline void run_step(const fused_step *s, int64_t n, char *const *base) {
    char *data[EW_MOST_OPERANDS];
    for (int k = 0; k < s->operands; k++) data[k] = base[s->operand[k]];
    s->loop(s->still ? 1 : n, data, s->stride, &s->param);
}

#if STEPS_IN_REGISTERS
static __attribute__((noinline)) void run_joined_steps(const fused *f, int64_t n, char **base) {
    for (const fused_step *s = f->step, *end = s + f->steps; s < end; s++) {
        if (s->joined) {
            const int64_t done = reg_run_program(f->program + s->program, n, s->lanes, base, f->operands + f->slots + 1);
            run_rest(s, s + s->joined, done, n, base);
            s += s->joined - 1;
        } else {
            run_step(s, n, base);
        }
    }
}
#endif

/* n elements; base has the addresses of the operands, and of the slots behind them. */
static inline void run_steps(const fused *f, int64_t n, char **base) {
#if STEPS_IN_REGISTERS
    if (f->joins) {
        run_joined_steps(f, n, base);
        return;
    }
#endif
    for (const fused_step *s = f->step, *end = s + f->steps; s < end; s++) run_step(s, n, base);
}

static inline void point_slots(const fused *f, char **base, char *scratch) {
    for (int slot = 0; slot < f->slots; slot++) base[f->operands + slot] = scratch + slot * SLOT_BYTES;
#if STEPS_IN_REGISTERS
    base[f->operands + f->slots] = NULL; /* nothing goes past the cache */
#endif
}

static inline char *table_in(const fused *f, char *slots, int table) {
    return slots + (f->n_gathered + f->n_streamed + table) * SLOT_BYTES;
}

/* Fills the tables of where gathered elements lie. */
static void fill_tables(const fused *f, char *slots) {
    for (int i = 0; i < f->n_gathered; i++) {
        const gathered *g = &f->gathered[i];
        if (g->table < 0) continue;
        int32_t *table = (int32_t *)table_in(f, slots, g->table);
        table[0] = 0;
        int64_t count = add_distances(table, 1, f->innermost, g->element_step);
        for (int axis = f->outer + f->row_axes - 1; axis >= f->outer; axis--)
            count = add_distances(table, count, f->dims[axis], f->strides[axis][g->operand]);
        add_distances(table, count, f->together, g->row_step);
    }
}

/* A block of several rows; base has the addresses of their operands, `held` of the rows that a slot has only repeated so far. */
static void run_rows(const fused *f, int64_t rows, char **base, char *slots, const char **held) {
    char *apart[MAX_OPERANDS];
    for (int i = 0; i < f->n_gathered; i++) {
        const gathered *g = &f->gathered[i];
        char *slot = slots + i * SLOT_BYTES;
        apart[i] = base[g->operand];
        base[g->operand] = slot;
        if (g->is_result || (g->row_step == 0 && held[i] == apart[i])) continue;
        if (g->table < 0) move_rows(g, rows, f->n, apart[i], slot);
        else take_by_table(g, (const int32_t *)table_in(f, slots, g->table), rows * f->n, apart[i], slot);
        held[i] = rows == f->together ? apart[i] : NULL;
    }
    run_steps(f, rows * f->n, base);
    for (int i = 0; i < f->n_gathered; i++)
        if (f->gathered[i].is_result) move_rows(&f->gathered[i], rows, f->n, apart[i], slots + i * SLOT_BYTES);
}

/* Whether programs write a result past the cache themselves, and may do so where this block's lie. */
#if STEPS_IN_REGISTERS
static inline bool goes_past(const fused *f, int operand) { return f->goes_past[operand]; }
static inline bool let_pass(const fused *f, char **base) {
    bool passes = true;
    for (int i = 0; i < f->n_streamed; i++)
        passes = passes && !(goes_past(f, f->streamed[i]) && (uintptr_t)base[f->streamed[i]] % SIMD_BYTES);
    base[f->operands + f->slots] = passes ? base[0] : NULL;
    return passes;
}
#else
#define goes_past(f, operand) false
#define let_pass(f, base) false
#endif

/* A block of `rows` rows of n elements whose results go to slots, and from there past the cache: of `base` those are changed. */
static void run_streamed(const fused *f, int64_t rows, int64_t n, char **base, char *slots, const char **held) {
    char *to[MAX_OPERANDS];
    const bool past = let_pass(f, base);
    for (int i = 0; i < f->n_streamed; i++) {
        to[i] = base[f->streamed[i]];
        if (!(past && goes_past(f, f->streamed[i]))) base[f->streamed[i]] = slots + (f->n_gathered + i) * SLOT_BYTES;
    }
    if (f->together > 1) run_rows(f, rows, base, slots, held);
    else run_steps(f, n, base);
    for (int i = 0; i < f->n_streamed; i++) {
        const int k = f->streamed[i];
        if (past && goes_past(f, k)) continue;
        stream_bytes(to[i], slots + (f->n_gathered + i) * SLOT_BYTES, (f->together > 1 ? rows * f->n : n) * f->inner[k]);
    }
}

static inline void *const *operands_of(const fused *f, const hl_instr *ins) {
    return f->operands > HL_DIRECT_ARGS ? hl_args(ins) : (void *const *)ins->arg;
}

static hl_status run_block(const hl_instr *ins, hl_run *run) {
    const fused *f = ins->p[2].p;
    void *const *from = operands_of(f, ins);
    char *base[MAX_OPERANDS + MAX_SLOTS + OF_PROGRAMS];
    for (int k = 0; k < f->operands; k++) base[k] = from[k];
    point_slots(f, base, run->scratch);
    run_steps(f, f->n, base);
    return HL_OK;
}

typedef struct fused_job {
    const fused *f;
    void *const *from;
    int64_t blocks;
    bool streams;
    char *scratch;
    int64_t scratch_bytes;
} fused_job;

/* Not where a result is an operand's own memory: the cache has it by then. */
static bool may_stream(const fused *f, void *const *from) {
    for (int i = 0; i < f->n_streamed; i++)
        for (int k = 0; k < f->operands; k++)
            if (k != f->streamed[i] && from[k] == from[f->streamed[i]]) return false;
    return f->n_streamed > 0;
}

/* A place among the blocks, which are gone through in the order of the results' elements. */
typedef struct block_walk {
    char *row[MAX_OPERANDS];
    int64_t index[HL_MAX_RANK], at; /* of the outer axes; elements of the row before the block */
} block_walk;

static void walk_to(block_walk *w, const fused *f, void *const *from, int64_t block) {
    int64_t rest = block / f->blocks_per_row;
    w->at = block % f->blocks_per_row * BLOCK;
    for (int k = 0; k < f->operands; k++) w->row[k] = from[k];
    for (int axis = f->outer - 1; axis >= 0; axis--) {
        w->index[axis] = rest % f->dims[axis];
        rest /= f->dims[axis];
        for (int k = 0; k < f->operands; k++) w->row[k] += w->index[axis] * f->strides[axis][k];
    }
}

static inline void walk_on(block_walk *w, const fused *f) {
    if ((w->at += BLOCK) < f->n) return;
    w->at = 0;
    for (int axis = f->outer - 1; axis >= 0; axis--) {
        for (int k = 0; k < f->operands; k++) w->row[k] += f->strides[axis][k];
        if (++w->index[axis] < f->dims[axis]) break;
        for (int k = 0; k < f->operands; k++) w->row[k] -= f->dims[axis] * f->strides[axis][k];
        w->index[axis] = 0;
    }
}

/* What of scratch a worker's blocks go through. */
typedef struct workplace { char *slots; bool streams; const char *held[MAX_OPERANDS]; } workplace;

/* Takes the block at a place through the steps; returns how many elements it has. `summed` is where those go that are added up. */
static inline int64_t run_block_at(const block_walk *w, const fused *f, char **base, workplace *place, char *summed) {
    for (int k = 0; k < f->operands; k++) base[k] = w->row[k] + w->at * f->inner[k];
    if (f->summed >= 0) base[f->summed] = summed;
    const int64_t n = f->n - w->at < BLOCK ? f->n - w->at : BLOCK;
    const bool is_last = f->together > 1 && w->index[f->outer - 1] == f->dims[f->outer - 1] - 1;
    const int64_t rows = is_last ? f->last_together : f->together;
    if (place->streams) run_streamed(f, rows, n, base, place->slots, place->held);
    else if (f->together > 1) run_rows(f, rows, base, place->slots, place->held);
    else run_steps(f, n, base);
    return f->together > 1 ? rows * f->n : n;
}

static void run_chunk(void *argument, int64_t chunk, int worker) {
    const fused_job *job = argument;
    const fused *f = job->f;
    const int64_t first = chunk * job->blocks, end = first + job->blocks, last = end < f->blocks ? end : f->blocks;
    char *base[MAX_OPERANDS + MAX_SLOTS + OF_PROGRAMS], *scratch = job->scratch + worker * job->scratch_bytes;
    workplace place = {scratch + f->slots * SLOT_BYTES, job->streams, {NULL}};
    block_walk w;
    point_slots(f, base, scratch);
    fill_tables(f, place.slots);
    walk_to(&w, f, job->from, first);
    for (int64_t block = first; block < last; block++, walk_on(&w, f)) run_block_at(&w, f, base, &place, NULL);
    if (job->streams) fence_streams();
}

static hl_status run_blocks(const hl_instr *ins, hl_run *run) {
    const fused *f = ins->p[2].p;
    const int64_t blocks = run->threads == 1 ? f->blocks_alone : f->blocks_shared;
    void *const *from = operands_of(f, ins);
    fused_job job = {f, from, blocks, may_stream(f, from), run->scratch, run->scratch_bytes};
    hl_parallel(run, (f->blocks + blocks - 1) / blocks, f->cost_ns, run_chunk, &job);
    return HL_OK;
}

/* --- preparing ------------------------------------------------------------------------------------------------------ */

/* Axes of size 1 vanish, neighbours that every operand walks as one become one; the last one is the innermost. */
static void collapse(fused *f, const hl_prepare *prep) {
    const hl_tensor *out = prep->out[0];
    int64_t stride[MAX_OPERANDS][HL_MAX_RANK];
    int rank = 0;
    for (int k = 0; k < f->operands; k++) ew_strides(k < prep->n_in ? prep->in[k] : prep->out[k - prep->n_in], out->rank, stride[k]);
    for (int axis = 0; axis < out->rank; axis++) {
        if (out->dims[axis] == 1) continue;
        bool joins = rank > 0;
        for (int k = 0; k < f->operands && joins; k++) joins = f->strides[rank - 1][k] == stride[k][axis] * out->dims[axis];
        if (!joins) f->dims[rank++] = 1;
        f->dims[rank - 1] *= out->dims[axis];
        for (int k = 0; k < f->operands; k++) f->strides[rank - 1][k] = stride[k][axis];
    }
    f->n = f->rows = 1;
    for (int k = 0; k < f->operands; k++) f->inner[k] = rank ? f->strides[rank - 1][k] : 0;
    if (rank) f->n = f->dims[rank - 1];
    f->outer = rank ? rank - 1 : 0;
    for (int axis = 0; axis < f->outer; axis++) f->rows *= f->dims[axis];
}

static int operand_size(const hl_prepare *prep, int k) {
    return (int)hl_dtype_size((k < prep->n_in ? prep->in[k] : prep->out[k - prep->n_in])->dtype);
}

/* The dims and an operand's steps of the axes from `first` on. Returns how many these are. */
static int axes_from(const fused *f, int first, int k, int64_t *dims, int64_t *steps) {
    int axes = 0;
    for (int axis = first; axis < f->outer; axis++) dims[axes] = f->dims[axis], steps[axes++] = f->strides[axis][k];
    dims[axes] = f->n, steps[axes++] = f->inner[k];
    return axes;
}

/* How many of the last outer axes are a row with the innermost one: those that are short together, if all results lie so. */
static int whole_axes(const fused *f, const hl_prepare *prep) {
    int64_t dims[HL_MAX_RANK], steps[HL_MAX_RANK], row = f->n;
    int first = f->outer;
    while (first > 1 && row * f->dims[first - 1] <= WHOLE_AXES) row *= f->dims[--first];
    for (int k = 0; k < f->operands; k++) {
        gathered g = {.size = operand_size(prep, k)};
        int tables = 0;
        const int axes = axes_from(f, first - 1, k, dims, steps);
        if (!are_gathered(&g, axes, dims, steps, &tables) || !tables) continue;
        if (k >= prep->n_in || !has_distances(axes, dims, steps)) return 0;
    }
    return f->outer - first;
}

/* Makes two axes of the innermost one, whose rows then have so many elements. */
static void part_row(fused *f, int64_t row) {
    if (row == 0 || f->outer + 1 >= HL_MAX_RANK) return;
    f->dims[f->outer] = f->n / row;
    for (int k = 0; k < f->operands; k++) f->strides[f->outer][k] = row * f->inner[k];
    f->rows *= f->n / row;
    f->outer++;
    f->n = row;
}

/* Takes several rows along the last outer axis as one block where they are short. */
static void group_rows(fused *f, const hl_prepare *prep) {
    int64_t dims[HL_MAX_RANK], steps[HL_MAX_RANK];
    f->together = 1;
    f->n_gathered = f->n_tables = f->row_axes = 0;
    if (prep->out[0]->size == 0) return;
    bool is_stepped = false;
    for (int k = 0; k < prep->n_in; k++) is_stepped |= has_short_steps(f->inner[k], operand_size(prep, k));
    if (is_stepped && f->n > SHORT_STEPS_ROW) part_row(f, row_within(f->n, prep->out[0]));
    if (f->outer == 0 || f->n > (is_stepped ? BLOCK / 2 : SHORT_STEPS_ROW) || f->dims[f->outer - 1] < 2) return;
    for (int k = 0; k < f->operands; k++)
        if (operand_size(prep, k) > 8) return;
    f->row_axes = whole_axes(f, prep);
    const int last = f->outer - f->row_axes - 1;
    for (int k = 0; k < f->operands; k++) {
        gathered g = {.operand = k, .size = operand_size(prep, k), .is_result = k >= prep->n_in};
        const int axes = axes_from(f, last, k, dims, steps);
        if (are_gathered(&g, axes, dims, steps, &f->n_tables)) f->gathered[f->n_gathered++] = g;
    }
    f->innermost = f->n;
    f->outer = last + 1;
    f->rows = 1;
    for (int i = 0; i < f->row_axes; i++) f->n *= f->dims[f->outer + i];
    f->together = f->dims[last] < BLOCK / f->n ? f->dims[last] : BLOCK / f->n;
    f->last_together = (f->dims[last] - 1) % f->together + 1;
    f->dims[last] = (f->dims[last] + f->together - 1) / f->together;
    for (int axis = 0; axis < f->outer; axis++) f->rows *= f->dims[axis];
    for (int k = 0; k < f->operands; k++) f->strides[last][k] *= f->together;
    for (int i = 0; i < f->n_gathered; i++) f->inner[f->gathered[i].operand] = f->gathered[i].size;
}

/* Which results are written past the cache: large ones in dense rows of several lines. */
static void choose_streamed(fused *f, const hl_prepare *prep) {
    f->n_streamed = 0;
    for (int k = prep->n_in; k < f->operands; k++) {
        const hl_tensor *out = prep->out[k - prep->n_in];
        const int64_t size = (int64_t)hl_dtype_size(out->dtype);
        bool is_gathered = k == f->summed || size > 8 || f->inner[k] != size || f->n * f->together * size < STREAMED_ROW ||
                           !passes_cache(prep, out->size * size);
        for (int i = 0; i < f->n_gathered; i++) is_gathered = is_gathered || f->gathered[i].operand == k;
        if (!is_gathered) f->streamed[f->n_streamed++] = k;
    }
}

/* Asks a step's kernel for its loop, by two elements of its operands' dtypes. Adds its cost for an element. */
static hl_status prepare_step(hl_prepare *prep, fused_step *s, const hl_kernel *kernel, const hl_dtype *dtypes, int n_attr,
                              const hl_value *attr, double *cost) {
    hl_tensor tensors[EW_MOST_OPERANDS] = {0};
    hl_tensor *pointers[EW_MOST_OPERANDS];
    ew_walk walk = {0};
    hl_instr instr = {0};
    if (kernel->param_bytes != sizeof walk) return hl_refuse(prep, HL_INTERNAL, "%s is no elementwise kernel", kernel->name);
    for (int k = 0; k < s->operands; k++) {
        tensors[k] = (hl_tensor){.size = 2, .dtype = dtypes[k], .rank = 1, .dims = {2}, .strides = {1}};
        pointers[k] = &tensors[k];
    }
    instr.p[2].p = &walk;
    hl_prepare inner = {.n_in = s->operands - 1, .n_out = 1, .n_attr = n_attr, .in = pointers,
                        .out = pointers + s->operands - 1, .attr = attr, .ins = &instr, .params = &walk, .regs = prep->regs};
    const hl_status status = kernel->prepare(&inner);
    if (status != HL_OK) return hl_refuse(prep, status, "%s", inner.message);
    s->loop = walk.loop;
    s->param = walk.param;
    *cost += inner.cost_ns > STEP_NS ? (inner.cost_ns - STEP_NS) / 2 : 0;
    return HL_OK;
}

/* --- programs of steps whose values stay in registers --------------------------------------------------------------- */

#if STEPS_IN_REGISTERS
static inline int result_of(const fused_step *s) { return s->operand[s->operands - 1]; }

static inline int times_in(const fused_step *s, int at) {
    int times = 0;
    for (int k = 0; k < s->operands - 1; k++) times += s->operand[k] == at;
    return times;
}

/* How often the result of `s` is read before another step writes there; `lasts` where none does and others see it. */
static int times_read(const fused *f, const fused_step *s, bool *lasts) {
    const int at = result_of(s);
    int times = 0;
    *lasts = false;
    for (const fused_step *later = s + 1, *end = f->step + f->steps; later < end; later++) {
        times += times_in(later, at);
        if (result_of(later) == at) return times;
    }
    *lasts = at < f->operands;
    return times;
}

/* Whether a step's operands from one on lie in dense rows or are the same for all, and its result in dense rows. */
static bool has_dense_rows(const fused_step *s, int first) {
    const int64_t size = (int64_t)hl_dtype_size(s->dtype);
    for (int k = first; k < s->operands - 1; k++)
        if (s->stride[k] != size && s->stride[k] != 0) return false;
    return s->operation->compares || s->stride[s->operands - 1] == size;
}

/* Whether the next step is a choice by what this one has compared, which can be joined, and nobody else wants to know. */
static bool is_chosen_by(const fused *f, const fused_step *s) {
    const fused_step *next = s + 1;
    bool lasts;
    return next < f->step + f->steps && next->operation && next->operation->operands == 3 && next->operand[0] == result_of(s) &&
           next->dtype == s->dtype && !next->still && has_dense_rows(next, 1) && (next->stride[1] || next->stride[2]) &&
           times_read(f, s, &lasts) == 1 && !lasts;
}

/* Whether a step can be of a program: of an operation, on operands of one type in dense rows or the same for all. */
static bool can_be_joined(const fused *f, const fused_step *s) {
    if (!s->operation || s->still || (s->dtype != HL_FLOAT32 && s->dtype != HL_FLOAT64)) return false;
    const bool chooses = s->operation->operands == 3;
    if (s->operation->compares && !is_chosen_by(f, s)) return false;
    if (chooses && !(s > f->step && s[-1].operation && s[-1].operation->compares && can_be_joined(f, s - 1))) return false;
    return has_dense_rows(s, chooses);
}

/* Whether a step's result is wanted in memory: by others than the next step of the program, which finds it in registers. */
static bool is_stored(const fused *f, const fused_step *s, const fused_step *end) {
    const fused_step *next = s + 1;
    bool lasts;
    const int times = times_read(f, s, &lasts), by_next = next < end ? times_in(next, result_of(s)) : 0;
    if (lasts || by_next < times) return true;
    return times == 2 && strcmp(next->operation->name, "mul") != 0; /* a square is the only operation on it twice */
}

/* Whether a streamed result is written once, by a program that ends at `end`, and not read again from memory. */
static bool is_never_read(const fused *f, const fused_step *s, const fused_step *end) {
    const int at = result_of(s);
    int reads = s + 1 < end ? -(times_in(s + 1, at) == 1) : 0, writes = 0;
    for (int i = 0; i < f->steps; i++) reads += times_in(&f->step[i], at), writes += result_of(&f->step[i]) == at;
    return reads == 0 && writes == 1;
}

/* Whether a step writes where a program from `first` on reads one element for all: its next turn would find another one there. */
static bool writes_what_stands(const fused_step *first, const fused_step *s) {
    for (const fused_step *t = first; t <= s; t++)
        for (int k = 0; k < t->operands - 1; k++)
            if (t->stride[k] == 0 && t->operand[k] == result_of(s)) return true;
    return false;
}

/* Whether a program that begins at `first` may go on with a step; with a comparison only where it may with the choice behind it. */
static bool goes_on_with(const fused *f, const fused_step *first, const fused_step *s) {
    if (s == f->step + f->steps || !can_be_joined(f, s) || s->dtype != first->dtype || !times_in(s, result_of(s - 1))) return false;
    return !writes_what_stands(first, s) && !(s->operation->compares && writes_what_stands(first, s + 1));
}

static reg_step *add_load(const fused_step *s, int k, reg_step *to) {
    const bool wide = s->dtype == HL_FLOAT64, still = s->stride[k] == 0;
    const reg_run loads[2][2] = {{reg_load_along_f32, reg_load_still_f32}, {reg_load_along_f64, reg_load_still_f64}};
    *to = (reg_step){loads[wide][still], s->operand[k], 0};
    return to + 1;
}

/* The operation of a step, where `held` is the operand that is in registers. */
static reg_step *add_operation(const fused_step *s, int held, reg_step *to) {
    const reg_operation *o = s->operation;
    const int wide = s->dtype == HL_FLOAT64, x = s->operand[0], y = s->operand[1];
    if (o->operands == 3) {
        const reg_run chooses[2][3] = {{reg_choose_f32, reg_choose_still_along_f32, reg_choose_along_still_f32},
                                       {reg_choose_f64, reg_choose_still_along_f64, reg_choose_along_still_f64}};
        *to = (reg_step){chooses[wide][s->stride[1] == 0 ? 1 : s->stride[2] == 0 ? 2 : 0], y, s->operand[2]};
        return to + 1;
    }
    if (o->operands == 2 && y == held && x != held) {
        *to = (reg_step){o->turned[wide][s->stride[0] == 0], x, 0};
        return to + 1;
    }
    if (o->operands == 2 && x != held && (s->stride[0] || s->stride[1])) {
        *to = (reg_step){o->first[wide][s->stride[0] == 0 ? 1 : s->stride[1] == 0 ? 2 : 0], x, y};
        return to + 1;
    }
    if (x != held) to = add_load(s, 0, to);
    if (o->operands == 1) *to = (reg_step){o->run[wide][0], 0, 0};
    else if (x == y && strcmp(o->name, "mul") == 0) *to = (reg_step){wide ? reg_square_run_f64 : reg_square_run_f32, 0, 0};
    else *to = (reg_step){o->run[wide][s->stride[1] == 0], y, 0};
    return to + 1;
}

/* The program of the steps from `s` to `end`. */
static reg_step *add_program(fused *f, const fused_step *s, const fused_step *end, reg_step *to) {
    const bool wide = s->dtype == HL_FLOAT64;
    const reg_step *first = to;
    for (int held = -1; s < end; s++) {
        to = add_operation(s, held, to);
        held = result_of(s);
        if (!is_stored(f, s, end)) continue;
        bool past = false;
        for (int i = 0; i < f->n_streamed; i++) past = past || f->streamed[i] == held;
        if (past && is_never_read(f, s, end)) {
            f->goes_past[held] = true;
            *to++ = (reg_step){wide ? reg_store_past_f64 : reg_store_past_f32, held, f->operands + f->slots};
        } else {
            *to++ = (reg_step){wide ? reg_store_f64 : reg_store_f32, held, 0};
        }
    }
    *to = (reg_step){wide ? reg_turn_f64 : reg_turn_f32, (int32_t)(to - first), f->operands + f->slots + 1};
    return to + 1;
}

/* Finds what goes through registers together: steps of which each reads what the one before has made. In the cache a program pays
 * where two results or more are not stored; where results go past the cache it saves their way through slots, so one is enough.
 * What goes past the cache to several places goes there by a program each: lines of two in turn took a quarter longer. */
static void join_steps(fused *f) {
    const int least = f->n_streamed > 0 ? 1 : 2;
    reg_step *to = f->program;
    memset(f->goes_past, 0, sizeof f->goes_past);
    f->joins = false;
    for (fused_step *s = f->step, *last = s + f->steps, *end; s < last; s = end) {
        int handed = 0;
        s->joined = 0;
        end = s + 1;
        if (!can_be_joined(f, s)) continue;
        while (goes_on_with(f, s, end)) end->joined = 0, end++;
        for (const fused_step *t = s; t < end; t++) handed += !is_stored(f, t, end);
        if (handed < least) continue;
        f->joins = true;
        s->joined = (int16_t)(end - s);
        s->program = (int16_t)(to - f->program);
        s->lanes = s->dtype == HL_FLOAT64 ? F64_LANES : F32_LANES;
        to = add_program(f, s, end, to);
    }
}
#endif

/* `summed` is the operand that is added up, or -1. */
static hl_status prepare_steps(hl_prepare *prep, fused *f, int summed) {
    const hl_value *attr = prep->attr;
    hl_dtype slot_dtype[MAX_SLOTS];
    int64_t slot_stride[MAX_SLOTS];
    double cost = 0;
    f->operands = prep->n_in + prep->n_out;
    f->summed = summed;
    f->slots = (int)(attr++)->i;
    f->steps = (int)(attr++)->i;
    if (f->operands > MAX_OPERANDS || f->slots > MAX_SLOTS || f->steps > MAX_STEPS)
        return hl_refuse(prep, HL_INTERNAL, "a chain of %d steps on %d operands is too long", f->steps, f->operands);
    collapse(f, prep);
    group_rows(f, prep);
    for (fused_step *s = f->step; s < f->step + f->steps; s++) {
        hl_dtype dtypes[EW_MOST_OPERANDS];
        const hl_kernel *kernel = (attr++)->p;
        const hl_dtype dtype = (hl_dtype)(attr++)->i;
        s->operands = (int16_t)(attr++)->i;
        const int n_attr = (int)(attr++)->i;
        s->still = true;
        for (int k = 0; k < s->operands; k++) {
            const int at = (int)(attr++)->i, slot = at - f->operands;
            s->operand[k] = (int16_t)at;
            if (k == s->operands - 1 && slot >= 0) {
                slot_dtype[slot] = dtype;
                slot_stride[slot] = s->still ? 0 : (int64_t)hl_dtype_size(dtype);
            }
            dtypes[k] = slot >= 0 ? slot_dtype[slot] : at < prep->n_in ? prep->in[at]->dtype : prep->out[at - prep->n_in]->dtype;
            s->stride[k] = slot >= 0 ? slot_stride[slot] : f->inner[at];
            s->still = s->still && s->stride[k] == 0;
        }
        const hl_status status = prepare_step(prep, s, kernel, dtypes, n_attr, attr, &cost);
        if (status != HL_OK) return status;
        attr += n_attr;
#if STEPS_IN_REGISTERS
        s->operation = reg_operation_of(kernel->name);
        s->dtype = dtypes[s->operands - 2];
#endif
    }
    f->blocks_per_row = (f->n + BLOCK - 1) / BLOCK;
    f->blocks = f->rows * f->blocks_per_row;
    choose_streamed(f, prep);
#if STEPS_IN_REGISTERS
    join_steps(f);
#endif
    prep->scratch_bytes = (f->slots + f->n_gathered + f->n_streamed + f->n_tables) * SLOT_BYTES;
    prep->cost_ns = f->cost_ns = cost * (double)prep->out[0]->size + (double)(STEP_NS * f->steps) * (double)f->blocks +
                                 (double)(STEP_NS * f->n_gathered) * (double)(f->blocks * f->together) +
                                 TAKEN_NS * f->n_tables * (double)prep->out[0]->size;
    f->blocks_alone = f->blocks_shared = f->n * f->together >= 16 * BLOCK ? 16 : 1 + 16 * BLOCK / (f->n * f->together + 1);
    if ((double)f->blocks_shared * f->cost_ns > CHUNK_NS * (double)f->blocks)
        f->blocks_shared = 1 + (int64_t)(CHUNK_NS * (double)f->blocks / f->cost_ns);
    return HL_OK;
}

static hl_status prepare_fused(hl_prepare *prep) {
    fused *f = prep->params;
    const hl_status status = prepare_steps(prep, f, -1);
    prep->ins->fn = f->blocks == 0 ? hl_run_nothing : f->blocks == 1 && f->together == 1 ? run_block : run_blocks;
    return status;
}

#include "fused_sum.h"

static const hl_kernel table[] = {{"fused", prepare_fused, sizeof(fused)}, {"fused_sum", prepare_fused_sum, sizeof(fused_sum)}};

HL_FAMILY(fused, table);
