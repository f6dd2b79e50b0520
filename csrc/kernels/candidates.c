/* Candidates: classes drawn as negative examples, with TensorFlow 1.15's draws, and which of them are true classes.
 *
 * Operand 0 of a sampler is the op's hl_stream; an execution reserves 512 blocks a candidate. Words are taken one by one. UNIGRAMS has
 * three more, one element a class: how likely it is, and its place in the table of the alias method (A. Walker, "An Efficient Method for
 * Generating Discrete Random Variables with General Distributions", 1977): the share that is its own, and the class that has the rest.
 * LEARNED has what it has seen with its stream, as a Fenwick tree (P. Fenwick, "A New Data Structure for Cumulative Frequency Tables",
 * 1994): weights[i], from 1 on, is how often the i & -i classes before class i count.
 */
#include <math.h>
#include <string.h>

#include "philox.h"
#include "plan.h"

enum { BLOCKS_A_CANDIDATE = 512, TRIES_BETWEEN_LOOKS = 4096 };

typedef enum sampler { UNIFORM, LOG_UNIFORM, UNIGRAMS, LEARNED } sampler;

typedef struct candidate_params {
    sampler kind;
    int64_t wanted, classes, range;
    bool unique;
    double log_range;
} candidate_params;

/* What a run draws from. */
typedef struct unigrams {
    const float *likely, *own;
    const int32_t *other;
    int64_t *weights, total; /* of LEARNED */
} unigrams;

typedef struct words {
    const hl_stream *stream;
    uint64_t next;
    block current;
    int used;
} words;

static uint32_t next_word(words *w) {
    if (w->used == BLOCK_WORDS) {
        w->current = philox(w->stream->key, w->stream->stream, w->next++);
        w->used = 0;
    }
    return w->current.word[w->used++];
}

static uint64_t next_long(words *w) {
    const uint32_t low = next_word(w);
    return low | (uint64_t)next_word(w) << 32;
}

/* Below n, each number as likely as the others. */
static int64_t below(words *w, uint64_t n) {
    if ((n & (n - 1)) == 0) return (int64_t)(next_long(w) & (n - 1));
    uint64_t drawn;
    do drawn = next_long(w);
    while (drawn < ~(uint64_t)0 % n);
    return (int64_t)(drawn % n);
}

/* The same by single words. */
static uint32_t below_word(words *w, uint32_t n) {
    if ((n & (n - 1)) == 0) return next_word(w) & (n - 1);
    uint32_t drawn;
    do drawn = next_word(w);
    while (drawn < ~(uint32_t)0 % n + 1);
    return drawn % n;
}

/* How often the classes before one count together: relaxed, as other threads may learn meanwhile. */
static int64_t count_before(const int64_t *weights, int64_t number) {
    int64_t count = 0;
    for (int64_t i = number; i > 0; i &= i - 1) count += atomic_load_explicit((const _Atomic int64_t *)&weights[i], memory_order_relaxed);
    return count;
}

static void learn(int64_t *weights, int64_t classes, int64_t number) {
    for (int64_t i = number + 1; i <= classes; i += i & -i)
        atomic_fetch_add_explicit((_Atomic int64_t *)&weights[i], 1, memory_order_relaxed);
}

/* The class that the count before which is `left` at most, and that with itself is more. */
static int64_t class_at(const int64_t *weights, int64_t classes, int64_t left) {
    int64_t found = 0, step = 1;
    while (step <= classes / 2) step *= 2;
    for (; step > 0; step /= 2) {
        if (found + step > classes) continue;
        const int64_t count = atomic_load_explicit((const _Atomic int64_t *)&weights[found + step], memory_order_relaxed);
        if (count <= left) found += step, left -= count;
    }
    return found < classes ? found : classes - 1;
}

static int64_t draw(const candidate_params *p, const unigrams *table, words *w) {
    if (p->kind == UNIFORM) return below(w, (uint64_t)p->range);
    if (p->kind == LEARNED) {
        const int64_t total = table->total;
        return class_at(table->weights, p->range, total <= UINT32_MAX ? below_word(w, (uint32_t)total) : below(w, (uint64_t)total));
    }
    if (p->kind == UNIGRAMS) {
        const float share = uniform_float(next_word(w));
        const uint32_t number = below_word(w, (uint32_t)p->range);
        return share < table->own[number] ? (int64_t)number : table->other[number];
    }
    const uint32_t x0 = next_word(w);
    const double u = uniform_double(x0, next_word(w));
    return ((int64_t)exp(u * p->log_range) - 1) % p->range;
}

static float probability(const candidate_params *p, const unigrams *table, int64_t number) {
    if (p->kind == UNIFORM) return (float)(1.0 / (double)p->range);
    if (p->kind == LEARNED) {
        const int64_t count = count_before(table->weights, number + 1) - count_before(table->weights, number);
        return (float)count / (float)table->total;
    }
    if (p->kind == UNIGRAMS) return number >= 0 && number < p->range ? table->likely[number] : 0;
    return (float)(log(((double)number + 2.0) / ((double)number + 1.0)) / p->log_range);
}

/* How often a class is expected among the candidates. */
static float expected(const candidate_params *p, const unigrams *table, int64_t number, int64_t tries) {
    const float likely = probability(p, table, number);
    if (tries == p->wanted) return likely * (float)p->wanted;
    return (float)-expm1((double)tries * log1p(-(double)likely));
}

/* A set of numbers by open addressing; the table holds each number + 1, and 0 where there is none. */
static bool insert(int64_t *table, uint64_t mask, int64_t number) {
    uint64_t at = (uint64_t)number * 0x9E3779B97F4A7C15u >> 20 & mask;
    for (; table[at]; at = (at + 1) & mask)
        if (table[at] == number + 1) return false;
    table[at] = number + 1;
    return true;
}

static uint64_t slots_of(int64_t wanted) {
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)wanted) slots *= 2;
    return slots;
}

static hl_status run_candidates(const hl_instr *ins, hl_run *run) {
    void **const arg = hl_args(ins);
    hl_stream *stream = arg[0];
    const candidate_params *p = ins->p[2].p;
    unigrams of = {.weights = stream->weights};
    if (p->kind == UNIGRAMS) of.likely = arg[2], of.own = arg[3], of.other = arg[4];
    if (p->kind == LEARNED) of.total = count_before(of.weights, p->range);
    void **const results = arg + (p->kind == UNIGRAMS ? 5 : 2);
    const int64_t *classes = arg[1];
    int64_t *out = results[0], tries = 0, *table = (int64_t *)run->scratch;
    for (int64_t i = 0; p->kind == LEARNED && i < p->classes; i++)
        if (classes[i] < 0 || classes[i] >= p->range)
            return hl_fail(run, HL_INVALID_ARGUMENT, "true_classes must be in [0, %lld), got %lld", (long long)p->range,
                           (long long)classes[i]);
    words w = {stream, reserve(stream, BLOCKS_A_CANDIDATE * (uint64_t)p->wanted), {{0}}, BLOCK_WORDS};
    const uint64_t mask = slots_of(p->wanted) - 1;
    if (p->unique) memset(table, 0, (mask + 1) * sizeof *table);
    for (int64_t i = 0; i < p->wanted;) {
        out[i] = draw(p, &of, &w);
        if (!p->unique || insert(table, mask, out[i])) i++;
        if (++tries % TRIES_BETWEEN_LOOKS == 0 && hl_is_stopped(run)) return run->stopped;
    }
    for (int64_t i = 0; i < p->classes; i++) ((float *)results[1])[i] = expected(p, &of, classes[i], tries);
    for (int64_t i = 0; i < p->wanted; i++) ((float *)results[2])[i] = expected(p, &of, out[i], tries);
    for (int64_t i = 0; p->kind == LEARNED && i < p->classes; i++) learn(of.weights, p->range, classes[i]);
    return HL_OK;
}

/* attributes: which sampler, how many classes there are, whether all candidates differ, of UNIGRAMS about how many tries that takes */
static hl_status prepare_candidates(hl_prepare *prep) {
    candidate_params *p = prep->params;
    *p = (candidate_params){(sampler)prep->attr[0].i, prep->out[0]->size, prep->in[1]->size, prep->attr[1].i, prep->attr[2].i, 0};
    const int64_t columns = prep->in[1]->dims[1], true_columns = prep->out[1]->dims[1];
    if (columns != true_columns)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "true_classes must have num_true columns, expected: %lld was: %lld",
                         (long long)columns, (long long)true_columns);
    if (p->unique && p->wanted > p->range)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "Sampler's range is too small: %lld different candidates of %lld classes",
                         (long long)p->wanted, (long long)p->range);
    p->log_range = log1p((double)p->range);
    prep->scratch_bytes = p->unique ? (int64_t)(slots_of(p->wanted) * sizeof(int64_t)) : 0;
    const double tries = p->kind == UNIGRAMS ? (double)prep->attr[3].i : (double)p->wanted;
    prep->cost_ns = 20 + 60.0 * tries + 20.0 * (double)p->classes;
    prep->ins->fn = run_candidates;
    return HL_OK;
}

/* --- accidental hits: candidates that are a true class of a row -------------------------------------------------- */

typedef struct hit_params { int64_t rows, width, candidates; } hit_params;

static int64_t visit_hits(const hit_params *p, const int64_t *truth, const int64_t *drawn, int32_t *rows, int64_t *places,
                          float *weights) {
    int64_t count = 0;
    for (int64_t row = 0; row < p->rows; row++)
        for (int64_t j = 0; j < p->width; j++)
            for (int64_t k = p->candidates - 1; k >= 0; k--) { /* of one that was drawn twice, the last */
                if (truth[row * p->width + j] != drawn[k]) continue;
                if (rows) rows[count] = (int32_t)row, places[count] = k, weights[count] = -3.4028234663852886e38f;
                count++;
                break;
            }
    return count;
}

static hl_status run_hit_count(const hl_instr *ins, hl_run *run) {
    run->regs[ins->p[0].i] = visit_hits(ins->p[2].p, ins->arg[0], ins->arg[1], NULL, NULL, NULL);
    return HL_OK;
}

static hl_status run_hit_fill(const hl_instr *ins, hl_run *run) {
    void **const arg = hl_args(ins);
    (void)run;
    visit_hits(ins->p[2].p, arg[0], arg[1], arg[2], arg[3], arg[4]);
    return HL_OK;
}

static hl_status prepare_hits(hl_prepare *prep, hl_run_fn fn) {
    hit_params *p = prep->params;
    *p = (hit_params){prep->in[0]->dims[0], prep->in[0]->dims[1], prep->in[1]->size};
    if (prep->n_attr) prep->ins->p[0].i = prep->attr[0].i;
    prep->cost_ns = 20 + (double)(prep->in[0]->size * prep->in[1]->size);
    prep->ins->fn = fn;
    return HL_OK;
}

/* hit_count: the attribute is the register; hit_fill: rows, places among the candidates, weights */
static hl_status prepare_hit_count(hl_prepare *prep) { return prepare_hits(prep, run_hit_count); }
static hl_status prepare_hit_fill(hl_prepare *prep) { return prepare_hits(prep, run_hit_fill); }

static const hl_kernel table[] = {
    {"candidates", prepare_candidates, sizeof(candidate_params)},
    {"hit_count", prepare_hit_count, sizeof(hit_params)},
    {"hit_fill", prepare_hit_fill, sizeof(hit_params)},
};

HL_FAMILY(candidates, table);
