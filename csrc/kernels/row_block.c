/* Instructions that work row by row, run over blocks of rows: a block goes through all of them while the second-level cache has it,
 * so rows come from memory once.
 *
 * The steps are kernels that never fail, prepared for as many rows as a block has: a step gives each row the bits that its kernel
 * gives it among all rows (src/hookloop/compile/passes/block_rows.py takes those of which that is true). What only the steps read lies
 * in slots of scratch. Where the rows are few, they are one block, and each step may be shared by threads.
 *
 * A step may sum all rows (the gradient of a bias, a mean loss): then each block gives a part, and the parts are put together in
 * double, block by block, when all are there. Of one block the step writes the result itself.
 *
 * Attributes: how many first axes are the rows, the operand that tells their number, the numbers of steps, of slots and of views; for
 * each slot the elements of a row and the bytes of an element; for each view what it looks at (an operand of the instruction, or
 * behind those a slot), its dtype, the elements between its rows, the rank of a row, its dims, its strides; for each step its kernel,
 * the numbers of its inputs, of its outputs and of its own attributes, whether nothing after it reads what it writes, and for each
 * operand its place (an operand of the instruction, or behind those a view), how it goes with the rows (`manner`), and how many of its
 * first axes the rows are, or are left out; then the attributes.
 */
#include "../plan.h"
#include "../pool.h"

enum {
    MOST_STEPS = 16, MOST_USES = 96, MOST_STEP_OPERANDS = 24, MOST_SLOTS = 16,
    BLOCK_BYTES = 512 << 10,   /* of what the steps touch of a block's rows */
    LARGE_BYTES = 2 << 20,     /* of all rows, from which on blocks of them pay */
    LEAST_ROWS = 64,           /* of what is cut into blocks: where rows are fewer, a reduction of one may be cut into parts */
    LEAST_OF_BLOCK = 4,        /* short rows are reduced several at once (reduce.c) */
    BLOCK_ELEMENTS = 1 << 15   /* of an operand's rows: no reduction of twice as many is cut into parts */
};

/* How an operand goes with the rows: the same for all, one row after the other, or a result of all rows: a sum, or a mean. */
typedef enum manner { STANDS, MOVES, SUMS, MEANS } manner;

/* An operand of a step: an address, and the bytes between rows, or between blocks' parts of a result. */
typedef struct use {
    int32_t place; /* an operand of the instruction, or behind those a slot, or behind those all parts */
    int64_t row_bytes, block_bytes;
} use;

/* A result of all rows, whose blocks' parts lie in the memory that is shared. */
typedef struct closing {
    int operand;
    bool is_mean, wide;
    int64_t n, offset; /* elements; bytes to the first part */
} closing;

typedef struct step {
    const hl_kernel *kernel;
    const hl_value *attr;
    int n_in, n_out, n_attr, first_use;
    bool is_last;                  /* nothing after it reads what it writes */
    const hl_value *operand;       /* three attributes for each */
    hl_instr instr[2];             /* for one row more than each block has, and as many */
} step;

typedef struct row_block {
    int operands, steps, slots, uses, closings;
    int64_t rows, blocks, rows_each, longer; /* the first `longer` blocks have a row more */
    int64_t slot_offset[MOST_SLOTS], slot_bytes[MOST_SLOTS], slots_bytes; /* slot_bytes: of a row */
    double cost_ns;
    int64_t totals_offset, parts_bytes;
    closing closing[MOST_STEPS];
    use use[MOST_USES];
    step step[MOST_STEPS];
} row_block;

static inline int64_t round_to_line(int64_t bytes) { return (bytes + HL_ALIGNMENT - 1) / HL_ALIGNMENT * HL_ALIGNMENT; }

/* ---- running ---- */

static char *address_of(const row_block *b, const use *u, void *const *operands, int64_t block, int64_t first, char *slots, char *parts) {
    if (u->place < b->operands) return (char *)operands[u->place] + first * u->row_bytes;
    if (u->place < b->operands + b->slots) return slots + b->slot_offset[u->place - b->operands];
    return parts + b->closing[u->place - b->operands - b->slots].offset + block * u->block_bytes;
}

static hl_status run_steps(const row_block *b, void *const *operands, int64_t block, char *slots, char *parts, hl_run *run) {
    const int variant = block >= b->longer;
    const int64_t first = block * b->rows_each + (variant ? b->longer : block);
    for (const step *s = b->step, *end = s + b->steps; s < end; s++) {
        hl_instr ins = s->instr[variant];
        void *pointers[MOST_STEP_OPERANDS];
        const int n = s->n_in + s->n_out;
        void **address = n > HL_DIRECT_ARGS ? pointers : ins.arg;
        for (int k = 0; k < n; k++) address[k] = address_of(b, &b->use[s->first_use + k], operands, block, first, slots, parts);
        if (n > HL_DIRECT_ARGS) ins.arg[0] = pointers;
        const hl_status status = ins.fn(&ins, run);
        if (status != HL_OK) return status;
    }
    return HL_OK;
}

typedef struct block_job {
    const row_block *b;
    void *const *operands;
    const hl_run *run;
} block_job;

static void run_chunk(void *argument, int64_t block, int worker) {
    const block_job *job = argument;
    char *scratch = job->run->scratch + worker * job->run->scratch_bytes;
    hl_run alone = {.regs = job->run->regs, .threads = 1, .scratch = scratch + job->b->slots_bytes,
                    .scratch_bytes = job->run->scratch_bytes - job->b->slots_bytes};
    run_steps(job->b, job->operands, block, scratch, job->run->shared, &alone);
}

/* total[i] += weight * part[i] */
#define ADD_PARTS(T)                                                                                      \
    for (int64_t block = 0; block < b->blocks; block++) {                                                 \
        const T *part = (const T *)(shared + c->offset) + block * c->n;                                   \
        const double weight = c->is_mean ? (double)(b->rows_each + (block < b->longer)) : 1;              \
        for (int64_t i = 0; i < c->n; i++) total[i] += weight * (double)part[i];                          \
    }                                                                                                     \
    for (int64_t i = 0; i < c->n; i++) ((T *)out)[i] = (T)(c->is_mean ? total[i] / (double)b->rows : total[i]);

/* Puts the blocks' parts of a result together: their order is that of the blocks, whoever made them. */
static void close_result(const row_block *b, const closing *c, char *shared, void *out) {
    double *total = (double *)(shared + b->totals_offset);
    for (int64_t i = 0; i < c->n; i++) total[i] = 0;
    if (c->wide) {
        ADD_PARTS(double)
    } else {
        ADD_PARTS(float)
    }
}

static inline void *const *operands_of(const row_block *b, const hl_instr *ins) {
    return b->operands > HL_DIRECT_ARGS ? hl_args(ins) : (void *const *)ins->arg;
}

static hl_status run_blocks(const hl_instr *ins, hl_run *run) {
    const row_block *b = ins->p[2].p;
    block_job job = {b, operands_of(b, ins), run};
    hl_parallel(run, b->blocks, b->cost_ns, run_chunk, &job);
    for (int i = 0; i < b->closings; i++) close_result(b, &b->closing[i], run->shared, job.operands[b->closing[i].operand]);
    return HL_OK;
}

static hl_status run_whole(const hl_instr *ins, hl_run *run) {
    const row_block *b = ins->p[2].p;
    return run_steps(b, operands_of(b, ins), 0, run->shared, NULL, run);
}

/* ---- preparing ---- */

/* One row of what is looked at, behind an axis for the rows. */
typedef struct view { int base; hl_tensor row; } view;

/* The operands of the instruction, and views of them and of slots. */
typedef struct places { const hl_prepare *prep; int operands; view view[MOST_USES]; } places;

static const hl_tensor *tensor_at(const places *p, int64_t place) {
    if (place >= p->operands) return &p->view[place - p->operands].row;
    return place < p->prep->n_in ? p->prep->in[place] : p->prep->out[place - p->prep->n_in];
}

/* What an operand of a step is in a block of `rows` rows. */
static hl_tensor described(const places *p, const hl_value *operand, int64_t rows) {
    const hl_tensor *of = tensor_at(p, operand[0].i);
    const int leading = (int)operand[2].i;
    hl_tensor t = {.dtype = of->dtype, .size = 1, .contiguous = true};
    if (operand[1].i == MOVES) t.dims[0] = rows, t.strides[0] = of->strides[leading - 1], t.rank = 1;
    for (int axis = leading; axis < of->rank; axis++, t.rank++)
        t.dims[t.rank] = of->dims[axis], t.strides[t.rank] = of->strides[axis];
    for (int axis = t.rank - 1; axis >= 0; axis--) {
        if (t.dims[axis] != 1 && t.strides[axis] != t.size) t.contiguous = false;
        t.size *= t.dims[axis];
    }
    t.contiguous = t.contiguous || t.size == 0;
    return t;
}

static const hl_value *read_views(places *p, const hl_value *attr, int views) {
    for (view *v = p->view; v < p->view + views; v++) {
        hl_tensor *row = &v->row;
        v->base = (int)attr[0].i;
        *row = (hl_tensor){.dtype = (hl_dtype)attr[1].i, .rank = (int32_t)attr[3].i + 1, .dims = {1}, .strides = {attr[2].i}};
        attr += 4;
        for (int axis = 1; axis < row->rank; axis++) row->dims[axis] = (attr++)->i;
        for (int axis = 1; axis < row->rank; axis++) row->strides[axis] = (attr++)->i;
    }
    return attr;
}

/* Reads the steps; finds how many elements of a row an operand has at most. */
static bool read_steps(row_block *b, const places *p, const hl_value *attr, int64_t *longest) {
    int uses = 0;
    for (step *s = b->step; s < b->step + b->steps; s++) {
        *s = (step){.kernel = attr[0].p, .n_in = (int)attr[1].i, .n_out = (int)attr[2].i, .n_attr = (int)attr[3].i,
                    .is_last = attr[4].i, .first_use = uses, .operand = attr + 5};
        const int n = s->n_in + s->n_out;
        if (n > MOST_STEP_OPERANDS || uses + n > MOST_USES) return false;
        for (int k = 0; k < n; k++) {
            const hl_value *operand = s->operand + 3 * k;
            const hl_tensor one = described(p, operand, 1);
            const int place = (int)operand[0].i;
            const bool moves = operand[1].i == MOVES;
            b->use[uses++] = (use){place < p->operands ? place : p->view[place - p->operands].base,
                                   moves ? one.strides[0] * (int64_t)hl_dtype_size(one.dtype) : 0, 0};
            if (moves && one.size > *longest) *longest = one.size;
        }
        s->attr = s->operand + 3 * n;
        attr = s->attr + s->n_attr;
    }
    return true;
}

/* How many rows a block has: `row_bytes` of a row are touched, `longest` elements are an operand's most. */
static void cut_rows(row_block *b, int64_t row_bytes, int64_t longest) {
    b->blocks = 1, b->rows_each = b->rows, b->longer = 0;
    if (b->rows < LEAST_ROWS || longest * LEAST_OF_BLOCK > BLOCK_ELEMENTS || b->rows * row_bytes < LARGE_BYTES) return;
    int64_t n = BLOCK_BYTES / row_bytes;
    if (n > BLOCK_ELEMENTS / longest) n = BLOCK_ELEMENTS / longest;
    if (n > b->rows / 8) n = b->rows / 8; /* so that a row more is never many */
    if (n < LEAST_OF_BLOCK) n = LEAST_OF_BLOCK;
    b->blocks = b->rows / n;
    b->rows_each = b->rows / b->blocks;
    b->longer = b->rows % b->blocks;
}

/* Prepares a step for blocks of `rows` rows, of which there are `count`. */
static hl_status prepare_step(hl_prepare *prep, const row_block *b, const places *p, step *s, int variant, char *params) {
    const int64_t count = variant ? b->blocks - b->longer : b->longer;
    hl_tensor tensors[MOST_STEP_OPERANDS];
    hl_tensor *pointers[MOST_STEP_OPERANDS];
    for (int k = 0; k < s->n_in + s->n_out; k++) {
        tensors[k] = described(p, s->operand + 3 * k, b->rows_each + !variant);
        pointers[k] = &tensors[k];
    }
    hl_prepare inner = {.n_in = s->n_in, .n_out = s->n_out, .n_attr = s->n_attr, .in = pointers, .out = pointers + s->n_in,
                        .attr = s->attr, .ins = &s->instr[variant], .params = params, .regs = prep->regs,
                        .blocks = s->is_last ? b->blocks : 1};
    s->instr[variant].p[2].p = params;
    const hl_status status = s->kernel->prepare(&inner);
    if (status != HL_OK) return hl_refuse(prep, status, "%s", inner.message);
    if (inner.scratch_bytes > prep->scratch_bytes) prep->scratch_bytes = inner.scratch_bytes;
    prep->cost_ns += inner.cost_ns * (double)count;
    return HL_OK;
}

/* Finds the results of all rows, and where the parts of them lie that blocks make. */
static void place_parts(row_block *b, const places *p) {
    int64_t most = 0;
    for (step *s = b->step; s < b->step + b->steps; s++)
        for (int k = s->n_in; k < s->n_in + s->n_out; k++) {
            const hl_value *operand = s->operand + 3 * k;
            if (operand[1].i != SUMS && operand[1].i != MEANS) continue;
            const hl_tensor *out = tensor_at(p, operand[0].i);
            const int64_t bytes = out->size * (int64_t)hl_dtype_size(out->dtype);
            b->use[s->first_use + k] = (use){b->operands + b->slots + b->closings, 0, bytes};
            b->closing[b->closings++] = (closing){(int)operand[0].i, operand[1].i == MEANS, out->dtype == HL_FLOAT64, out->size, b->parts_bytes};
            b->parts_bytes += round_to_line(bytes * b->blocks);
            if (out->size > most) most = out->size;
        }
    b->totals_offset = b->parts_bytes;
    b->parts_bytes += round_to_line(most * (int64_t)sizeof(double));
}

static void place_slots(row_block *b) {
    for (int i = 0; i < b->slots; i++) {
        b->slot_offset[i] = b->slots_bytes;
        b->slots_bytes += round_to_line(b->slot_bytes[i] * (b->rows_each + 1)) + 3 * HL_ALIGNMENT; /* not a multiple of a page */
    }
}

static hl_status prepare_row_block(hl_prepare *prep) {
    row_block *b = prep->params;
    const hl_value *attr = prep->attr + 5;
    const int axes = (int)prep->attr[0].i, views = (int)prep->attr[4].i;
    places p = {.prep = prep, .operands = prep->n_in + prep->n_out};
    char *params = (char *)(b + 1);
    int64_t row_bytes = 1, longest = 1;
    *b = (row_block){.operands = p.operands, .steps = (int)prep->attr[2].i, .slots = (int)prep->attr[3].i, .rows = 1};
    if (b->steps > MOST_STEPS || b->slots > MOST_SLOTS || views > MOST_USES)
        return hl_refuse(prep, HL_INTERNAL, "%d steps on %d slots and %d views are too many", b->steps, b->slots, views);
    for (int i = 0; i < b->slots; i++, attr += 2) row_bytes += b->slot_bytes[i] = attr[0].i * attr[1].i;
    attr = read_views(&p, attr, views);
    for (int axis = 0; axis < axes; axis++) b->rows *= tensor_at(&p, prep->attr[1].i)->dims[axis];
    for (int k = 0; k < p.operands && b->rows; k++) /* what does not go along with the rows is a row at most */
        row_bytes += tensor_at(&p, k)->size / b->rows * (int64_t)hl_dtype_size(tensor_at(&p, k)->dtype);
    if (!read_steps(b, &p, attr, &longest)) return hl_refuse(prep, HL_INTERNAL, "%d steps have too many operands", b->steps);
    cut_rows(b, row_bytes, longest);
    if (b->blocks > 1) place_parts(b, &p);
    for (step *s = b->step; s < b->step + b->steps; s++)
        for (int variant = 0; variant < 2; variant++) {
            const hl_status status = variant || b->longer ? prepare_step(prep, b, &p, s, variant, params) : HL_OK;
            if (status != HL_OK) return status;
            params += round_to_line((int64_t)hl_param_bytes(s->kernel, s->attr));
        }
    place_slots(b);
    b->cost_ns = prep->cost_ns;
    prep->ins->fn = b->blocks > 1 ? run_blocks : run_whole;
    if (b->blocks > 1) prep->scratch_bytes = round_to_line(prep->scratch_bytes) + b->slots_bytes;
    prep->shared_bytes = b->blocks > 1 ? b->parts_bytes : b->slots_bytes;
    return HL_OK;
}

/* Two of each step's: for blocks of as many rows, and of one more. */
static size_t params_of_steps(const hl_value *attr) {
    const int steps = (int)attr[2].i, slots = (int)attr[3].i, views = (int)attr[4].i;
    size_t bytes = 0;
    attr += 5 + 2 * slots;
    for (int v = 0; v < views; v++) attr += 4 + 2 * attr[3].i;
    for (int s = 0; s < steps; s++) {
        const hl_value *own = attr + 5 + 3 * (attr[1].i + attr[2].i);
        bytes += 2 * (size_t)round_to_line((int64_t)hl_param_bytes(attr[0].p, own));
        attr = own + attr[3].i;
    }
    return bytes;
}

static const hl_kernel table[] = {{"row_block", prepare_row_block, sizeof(row_block), params_of_steps}};

HL_FAMILY(row_block, table);
