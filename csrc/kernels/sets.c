/* Vectors as sets: distinct elements and rows in the order of their first appearance, and differences. */
#include <string.h>

#include "plan.h"
#include "stretches.h"

/* A hash table with open addressing in scratch: slots hold positions + 1 of elements, 0 where they are free. */
typedef struct set_params {
    int64_t n, other;  /* elements of the first and of the second vector; rows, and the elements of one */
    uint64_t mask;     /* slots - 1 */
    uint64_t key;      /* what is mixed into the bits of elements */
    int64_t size;      /* bytes of an element */
    int64_t capacity;  /* elements of the output */
    int64_t reg;       /* where the count goes */
    hl_dtype dtype;
    bool wide;         /* whether indices are int64 */
} set_params;

enum { FIRST_SLOTS = 1 << 16 };

/* An element may cost a visit to far memory: few are looked at in between. */
static bool stopped_at(hl_run *run, int64_t i) { return (i & 0x1fff) == 0 && hl_is_stopped(run); }

/* Of the bits of elements: that of a negative zero, 0 where there is none, and the most that is equal to itself. */
typedef struct equality { uint64_t negative_zero, most; } equality;

static equality equality_of(hl_dtype dtype) {
    switch (dtype) {
    case HL_FLOAT32: return (equality){0x80000000u, 0x7f800000u};
    case HL_FLOAT64: return (equality){(uint64_t)1 << 63, (uint64_t)0x7ff << 52};
    case HL_FLOAT16: return (equality){0x8000u, 0x7c00u};
    case HL_BFLOAT16: return (equality){0x8000u, 0x7f80u};
    default: return (equality){0, UINT64_MAX};
    }
}

/* The bits of an element of `size` bytes; zeros of both signs are one element. */
static inline uint64_t bits_at(const void *data, int64_t size, equality equal, int64_t i) {
    uint64_t bits = 0;
    memcpy(&bits, (const char *)data + i * size, (size_t)size);
    return bits == equal.negative_zero ? 0 : bits;
}

/* NaN equals nothing, itself included. */
static inline bool equals_nothing(equality equal, uint64_t bits) { return (bits & ~equal.negative_zero) > equal.most; }

/* What tells where the search for an element begins, by its upper bits: the lower ones of a product know nothing of what its factor's upper
 * bits are, and whole numbers as doubles differ in nothing else. Of one product alone numbers that follow each other at some distances
 * are all in one place, where a search among 100,000 takes seconds: so the upper bits change another factor. */
static inline uint64_t mixed(uint64_t bits) {
    bits *= 0x9E3779B97F4A7C15u;
    return (bits ^ bits >> 32) * 0xD6E8FEB86659FD93u;
}
static inline uint64_t place_of(uint64_t mixed_bits, uint64_t mask) { return mixed_bits >> __builtin_clzll(mask); }

/* A key that nobody knows who chooses elements, of where the system has put this plan's memory: numbers that are all searched for in one
 * place, for a key that is known, are in as many places as others. */
static uint64_t key_at(const void *memory) { return mixed((uint64_t)(uintptr_t)memory); }

/* The slot that holds an equal element of `data`, or the free one where it belongs. */
static uint64_t slot_of(const set_params *p, const int64_t *slots, const void *data, uint64_t bits) {
    const equality equal = equality_of(p->dtype);
    uint64_t slot = place_of(mixed(bits ^ p->key), p->mask);
    while (slots[slot] && (equals_nothing(equal, bits) || bits_at(data, p->size, equal, slots[slot] - 1) != bits))
        slot = (slot + 1) & p->mask;
    return slot;
}

static void put_index(const set_params *p, void *out, int64_t at, int64_t index) {
    if (p->wide) ((int64_t *)out)[at] = index;
    else ((int32_t *)out)[at] = (int32_t)index;
}

static int64_t get_index(const set_params *p, const void *in, int64_t at) {
    return p->wide ? ((const int64_t *)in)[at] : ((const int32_t *)in)[at];
}

static void prepare_set(hl_prepare *prep, int64_t stored) {
    set_params *p = prep->params;
    uint64_t slots = 16;
    while (slots < (uint64_t)stored * 2) slots *= 2;
    p->mask = slots - 1;
    p->key = key_at(p);
    p->n = prep->in[0]->size;
    p->dtype = prep->in[0]->dtype;
    p->size = (int64_t)hl_dtype_size(p->dtype);
    prep->scratch_bytes = (int64_t)(slots * sizeof(int64_t));
    prep->cost_ns = (double)p->n * 5 + (double)slots * 0.2;
}

static hl_status refuse_wide(hl_prepare *prep) {
    if (hl_dtype_size(prep->in[0]->dtype) > 8 || prep->in[0]->dtype == HL_STRING)
        return hl_no_kernel(prep, NULL);
    return HL_OK;
}

/* --- distinct elements ------------------------------------------------------------------------------------------ */

/* A distinct element and its number + 1, 0 where the entry is free: what is compared lies in one line of the cache. */
typedef struct entry { uint64_t bits; int64_t number; } entry;

enum { AHEAD = 8 /* elements: so far ahead is what will be looked at asked for */ };

/* The entry of an equal element, or the free one where it belongs. */
static inline entry *entry_of(entry *entries, uint64_t mask, uint64_t bits, uint64_t mixed_bits) {
    uint64_t slot = place_of(mixed_bits, mask);
    while (entries[slot].number && entries[slot].bits != bits) slot = (slot + 1) & mask;
    return &entries[slot];
}

/* Numbers the elements, of which each has `size` bytes. */
static inline __attribute__((always_inline)) hl_status number_elements(const set_params *p, const int64_t size, const equality equal,
                                                                       const char *data, void *out, hl_run *run) {
    entry *entries = (entry *)run->scratch;
    entry *distinct = entries + p->mask + 1; /* those in the table, one after the other */
    const uint64_t key = p->key;
    uint64_t mask = p->mask < FIRST_SLOTS - 1 ? p->mask : FIRST_SLOTS - 1; /* few slots stay in the cache */
    int64_t count = 0, stored = 0;
    uint64_t ahead[AHEAD] = {0}; /* of the next elements */
    clear_bytes(run, entries, (int64_t)((mask + 1) * sizeof(entry)));
    for (int64_t i = 0; i < AHEAD && i < p->n; i++) ahead[i] = mixed(bits_at(data, size, equal, i) ^ key);
    for (int64_t i = 0; i < p->n; i++) {
        if (stopped_at(run, i)) return run->stopped;
        const uint64_t bits = bits_at(data, size, equal, i), mixed_bits = ahead[i % AHEAD];
        if (i + AHEAD < p->n) {
            ahead[i % AHEAD] = mixed(bits_at(data, size, equal, i + AHEAD) ^ key);
            __builtin_prefetch(&entries[place_of(ahead[i % AHEAD], mask)]);
        }
        if (equals_nothing(equal, bits)) {
            put_index(p, out, i, count++);
            continue;
        }
        entry *found = entry_of(entries, mask, bits, mixed_bits);
        if (!found->number) {
            *found = distinct[stored++] = (entry){bits, ++count};
        }
        put_index(p, out, i, found->number - 1); /* before the table moves */
        if (mask < p->mask && (uint64_t)stored * 2 > mask) {
            mask = mask * 4 + 3 < p->mask ? mask * 4 + 3 : p->mask;
            clear_bytes(run, entries, (int64_t)((mask + 1) * sizeof(entry)));
            for (int64_t k = 0; k < stored; k++) {
                if (stopped_at(run, k)) return run->stopped;
                *entry_of(entries, mask, distinct[k].bits, mixed(distinct[k].bits ^ key)) = distinct[k];
            }
        }
    }
    run->regs[p->reg] = count;
    return HL_OK;
}

/* unique_index: (x) -> for each element the number of its value; the register gets how many values there are. */
static hl_status run_unique_index(const hl_instr *ins, hl_run *run) {
    const set_params *p = ins->p[2].p;
    const equality equal = equality_of(p->dtype), of_integers = equality_of(HL_INT64); /* known when this is compiled */
    if (p->dtype == HL_FLOAT32) return number_elements(p, 4, equality_of(HL_FLOAT32), ins->arg[0], ins->arg[1], run);
    if (p->dtype == HL_FLOAT64) return number_elements(p, 8, equality_of(HL_FLOAT64), ins->arg[0], ins->arg[1], run);
    if (p->size == 4) return number_elements(p, 4, of_integers, ins->arg[0], ins->arg[1], run);
    if (p->size == 8) return number_elements(p, 8, of_integers, ins->arg[0], ins->arg[1], run);
    return number_elements(p, p->size, equal, ins->arg[0], ins->arg[1], run);
}

static hl_status prepare_unique_index(hl_prepare *prep) {
    set_params *p = prep->params;
    prepare_set(prep, prep->in[0]->size);
    prep->scratch_bytes = (int64_t)((p->mask + 1 + (uint64_t)p->n) * sizeof(entry));
    p->wide = prep->out[0]->dtype == HL_INT64;
    p->reg = prep->attr[0].i;
    prep->ins->fn = run_unique_index;
    return refuse_wide(prep);
}

/* Every element goes where the next value belongs, and stays there where it is one: no branch to guess. */
static inline __attribute__((always_inline)) hl_status take_values(const set_params *p, const int64_t size, const bool wide,
                                                                   const hl_instr *ins, hl_run *run) {
    int64_t seen = 0;
    for (int64_t i = 0; i < p->n && seen < p->capacity; i++) {
        if (stopped_at(run, i)) return run->stopped;
        memcpy((char *)ins->arg[2] + seen * size, (const char *)ins->arg[0] + i * size, (size_t)size);
        seen += (wide ? ((const int64_t *)ins->arg[1])[i] : ((const int32_t *)ins->arg[1])[i]) == seen;
    }
    return HL_OK;
}

/* unique_values: (x, numbers) -> the values; what comes first counts. */
static hl_status run_unique_values(const hl_instr *ins, hl_run *run) {
    const set_params *p = ins->p[2].p;
    if (p->size == 4 && !p->wide) return take_values(p, 4, false, ins, run);
    if (p->size == 8 && !p->wide) return take_values(p, 8, false, ins, run);
    return take_values(p, p->size, p->wide, ins, run);
}

static hl_status prepare_unique_values(hl_prepare *prep) {
    set_params *p = prep->params;
    p->n = prep->in[0]->size;
    p->size = (int64_t)hl_dtype_size(prep->in[0]->dtype);
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->capacity = prep->out[0]->size;
    prep->cost_ns = (double)p->n * 2 + 5;
    prep->ins->fn = run_unique_values;
    return HL_OK;
}

/* unique_counts: (numbers) -> how often each appears. */
static hl_status run_unique_counts(const hl_instr *ins, hl_run *run) {
    const set_params *p = ins->p[2].p;
    clear_bytes(run, ins->arg[1], p->capacity * (p->wide ? 8 : 4));
    for (int64_t i = 0; i < p->n; i++) {
        if (stopped_at(run, i)) return run->stopped;
        const int64_t number = get_index(p, ins->arg[0], i);
        put_index(p, ins->arg[1], number, get_index(p, ins->arg[1], number) + 1);
    }
    return HL_OK;
}

static hl_status prepare_unique_counts(hl_prepare *prep) {
    set_params *p = prep->params;
    p->n = prep->in[0]->size;
    p->wide = prep->out[0]->dtype == HL_INT64;
    p->capacity = prep->out[0]->size;
    prep->cost_ns = (double)p->n * 2 + 5;
    prep->ins->fn = run_unique_counts;
    return HL_OK;
}

/* --- distinct rows ------------------------------------------------------------------------------------------------ */

enum { BYTES_BETWEEN = 1 << 18 /* looks at whether to stop */ };

static bool equal_rows(const set_params *p, const char *data, equality equal, int64_t a, int64_t b) {
    for (int64_t k = 0; k < p->other; k++)
        if (bits_at(data, p->size, equal, a * p->other + k) != bits_at(data, p->size, equal, b * p->other + k)) return false;
    return true;
}

/* unique_rows_index: (x [n, ...]) -> for each row the number of its value; the register gets how many values there are. An entry of the
 * table has a row's bits mixed into one another, and the place + 1 of the first such row. */
static hl_status run_unique_rows_index(const hl_instr *ins, hl_run *run) {
    const set_params *p = ins->p[2].p;
    const equality equal = equality_of(p->dtype);
    entry *entries = (entry *)run->scratch;
    int64_t count = 0, bytes = 0;
    clear_bytes(run, entries, (int64_t)((p->mask + 1) * sizeof(entry)));
    if (hl_is_stopped(run)) return run->stopped; /* a table that is not empty may have no place left */
    for (int64_t i = 0; i < p->n; i++) {
        if ((bytes += p->size * p->other + 16) > BYTES_BETWEEN && (bytes = 0, hl_is_stopped(run))) return run->stopped;
        uint64_t all = p->key;
        bool nothing = false;
        for (int64_t k = 0; k < p->other; k++) {
            if ((k & 0xffff) == 0xffff && hl_is_stopped(run)) return run->stopped;
            const uint64_t bits = bits_at(ins->arg[0], p->size, equal, i * p->other + k);
            nothing |= equals_nothing(equal, bits);
            all = mixed(bits ^ all);
        }
        uint64_t slot = place_of(all, p->mask);
        while (!nothing && entries[slot].number &&
               (entries[slot].bits != all || !equal_rows(p, ins->arg[0], equal, entries[slot].number - 1, i)))
            slot = (slot + 1) & p->mask;
        if (nothing || !entries[slot].number) {
            if (!nothing) entries[slot] = (entry){all, i + 1};
            put_index(p, ins->arg[1], i, count++);
        } else {
            put_index(p, ins->arg[1], i, get_index(p, ins->arg[1], entries[slot].number - 1));
        }
    }
    run->regs[p->reg] = count;
    return HL_OK;
}

static int64_t elements_of_row(const hl_tensor *x) {
    int64_t elements = 1;
    for (int k = 1; k < x->rank; k++) elements *= x->dims[k];
    return elements;
}

static hl_status prepare_unique_rows_index(hl_prepare *prep) {
    set_params *p = prep->params;
    const int64_t rows = prep->in[0]->dims[0];
    prepare_set(prep, rows);
    p->n = rows;
    p->other = elements_of_row(prep->in[0]);
    prep->scratch_bytes = (int64_t)((p->mask + 1) * sizeof(entry));
    prep->cost_ns = (double)(prep->in[0]->size + rows) * 5;
    p->wide = prep->out[0]->dtype == HL_INT64;
    p->reg = prep->attr[0].i;
    prep->ins->fn = run_unique_rows_index;
    return refuse_wide(prep);
}

/* unique_rows_values: (x, numbers) -> the first row of each number. */
static hl_status run_unique_rows_values(const hl_instr *ins, hl_run *run) {
    const set_params *p = ins->p[2].p;
    int64_t seen = 0, bytes = 0;
    for (int64_t i = 0; i < p->n && seen < p->capacity; i++) {
        if ((bytes += 16) > BYTES_BETWEEN && (bytes = 0, hl_is_stopped(run))) return run->stopped;
        if (get_index(p, ins->arg[1], i) != seen) continue;
        memcpy((char *)ins->arg[2] + seen++ * p->size, (const char *)ins->arg[0] + i * p->size, (size_t)p->size);
        bytes += p->size;
    }
    return HL_OK;
}

static hl_status prepare_unique_rows_values(hl_prepare *prep) {
    set_params *p = prep->params;
    p->n = prep->in[0]->dims[0];
    p->size = (int64_t)hl_dtype_size(prep->in[0]->dtype) * elements_of_row(prep->in[0]);
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->capacity = prep->out[0]->dims[0];
    prep->cost_ns = (double)p->n * 2 + (double)prep->in[0]->size * 0.5 + 5;
    prep->ins->fn = run_unique_rows_values;
    return HL_OK;
}

/* --- differences -------------------------------------------------------------------------------------------------- */

static void store_all(const set_params *p, int64_t *slots, const void *data, int64_t n, hl_run *run) {
    clear_bytes(run, slots, (int64_t)(p->mask + 1) * 8);
    for (int64_t i = 0; i < n && !stopped_at(run, i); i++) slots[slot_of(p, slots, data, bits_at(data, p->size, equality_of(p->dtype), i))] = i + 1;
}

/* list_diff_count: (x, y) -> the register gets how many elements of x are not in y. */
static hl_status run_list_diff_count(const hl_instr *ins, hl_run *run) {
    const set_params *p = ins->p[2].p;
    int64_t *slots = (int64_t *)run->scratch, count = 0;
    store_all(p, slots, ins->arg[1], p->other, run);
    for (int64_t i = 0; i < p->n && !stopped_at(run, i); i++)
        count += slots[slot_of(p, slots, ins->arg[1], bits_at(ins->arg[0], p->size, equality_of(p->dtype), i))] == 0;
    run->regs[p->reg] = count;
    return HL_OK;
}

/* list_diff_fill: (x, y) -> those elements, and where they are in x. */
static hl_status run_list_diff_fill(const hl_instr *ins, hl_run *run) {
    const set_params *p = ins->p[2].p;
    int64_t *slots = (int64_t *)run->scratch, at = 0;
    store_all(p, slots, ins->arg[1], p->other, run);
    for (int64_t i = 0; i < p->n && at < p->capacity; i++) {
        if (stopped_at(run, i)) return run->stopped;
        if (slots[slot_of(p, slots, ins->arg[1], bits_at(ins->arg[0], p->size, equality_of(p->dtype), i))]) continue;
        memcpy((char *)ins->arg[2] + at * p->size, (const char *)ins->arg[0] + i * p->size, (size_t)p->size);
        put_index(p, ins->arg[3], at++, i);
    }
    return HL_OK;
}

static hl_status prepare_list_diff(hl_prepare *prep) {
    set_params *p = prep->params;
    prepare_set(prep, prep->in[1]->size);
    p->other = prep->in[1]->size;
    if (prep->n_out) {
        p->capacity = prep->out[0]->size;
        p->wide = prep->out[1]->dtype == HL_INT64;
        prep->ins->fn = run_list_diff_fill;
    } else {
        p->reg = prep->attr[0].i;
        prep->ins->fn = run_list_diff_count;
    }
    return refuse_wide(prep);
}

static const hl_kernel table[] = {
    {"unique_index", prepare_unique_index, sizeof(set_params)},
    {"unique_values", prepare_unique_values, sizeof(set_params)},
    {"unique_counts", prepare_unique_counts, sizeof(set_params)},
    {"unique_rows_index", prepare_unique_rows_index, sizeof(set_params)},
    {"unique_rows_values", prepare_unique_rows_values, sizeof(set_params)},
    {"list_diff_count", prepare_list_diff, sizeof(set_params)},
    {"list_diff_fill", prepare_list_diff, sizeof(set_params)},
};

HL_FAMILY(sets, table);
