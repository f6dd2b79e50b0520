/* The memory of large results.
 *
 * A program that fetches the same tensor in each step drops one array as it gets the next. Fresh pages cost more than most
 * arithmetic on them, and malloc gives large blocks back to the system, so a few that were freed are kept here. No lock guards
 * them: a block is in a slot or belongs to who took it out, so a child of `fork` waits for nobody.
 */
#include "results.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "memory.h"
#include "plan.h"
#include "runner.h"

enum {
    KEPT_BLOCKS = 16,
    RECENT = 16, OLD = 128,       /* turns that passed a block by: old ones are given back */
    LEAST_KEPT_BYTES = 1 << 15    /* malloc is good at smaller ones */
};

/* Before the data, as long as its alignment. */
typedef struct header { size_t capacity; uint64_t freed_at; } header;
_Static_assert(sizeof(header) <= HL_ALIGNMENT, "the data behind it is aligned");

static _Atomic(char *) kept[KEPT_BLOCKS];
static _Atomic size_t kept_bytes;
static _Atomic uint64_t turn; /* of taking and freeing */

static header *header_of(const char *data) { return (header *)(data - HL_ALIGNMENT); }

size_t hl_results_kept(void) { return atomic_load(&kept_bytes); }

size_t hl_result_capacity(const char *data) { return header_of(data)->capacity; }

static void give_back(char *data) { hl_free(data - HL_ALIGNMENT); }

static bool put(char *data) {
    for (int slot = 0; slot < KEPT_BLOCKS; slot++) {
        char *empty = NULL;
        if (!atomic_load_explicit(&kept[slot], memory_order_relaxed) && atomic_compare_exchange_strong(&kept[slot], &empty, data)) return true;
    }
    return false;
}

static char *take_out(int slot) {
    char *data = atomic_load_explicit(&kept[slot], memory_order_relaxed) ? atomic_exchange(&kept[slot], NULL) : NULL;
    if (data) atomic_fetch_sub(&kept_bytes, hl_result_capacity(data));
    return data;
}

static void keep(char *data) {
    const size_t capacity = hl_result_capacity(data);
    if (atomic_fetch_add(&kept_bytes, capacity) + capacity <= HL_MOST_KEPT_BYTES && put(data)) return;
    atomic_fetch_sub(&kept_bytes, capacity);
    give_back(data);
}

/* A kept block that fits, or NULL. Blocks that more than `passes` turns have passed by are given back, until no more than `most`
 * bytes are kept. */
static char *look_through(size_t bytes, int64_t passes, size_t most) {
    const uint64_t now = atomic_load(&turn);
    char *found = NULL;
    for (int slot = 0; slot < KEPT_BLOCKS; slot++) {
        char *data = take_out(slot);
        if (!data) continue;
        const int64_t passed = (int64_t)(now - header_of(data)->freed_at); /* below 0 where another thread freed it since */
        if (!found && bytes && hl_result_fits(hl_result_capacity(data), bytes)) found = data;
        else if (passed > passes && atomic_load(&kept_bytes) + hl_result_capacity(data) > most) give_back(data);
        else keep(data);
    }
    return found;
}

char *hl_result_new(size_t bytes) {
    char *data = NULL;
    if (bytes >= LEAST_KEPT_BYTES && bytes <= HL_MOST_KEPT_BYTES) {
        atomic_fetch_add(&turn, 1);
        data = look_through(bytes, OLD, 0);
    }
    if (data || bytes > SIZE_MAX - 2 * HL_ALIGNMENT) return data;
    char *block = hl_allocate(bytes + HL_ALIGNMENT);
    if (!block) return NULL;
    hl_ask_for_huge_pages(block, bytes + HL_ALIGNMENT);
    data = block + HL_ALIGNMENT;
    header_of(data)->capacity = bytes;
    return data;
}

void hl_result_free(char *data) {
    if (!data) return;
    const size_t capacity = hl_result_capacity(data);
    if (capacity < LEAST_KEPT_BYTES || capacity > HL_MOST_KEPT_BYTES) {
        give_back(data);
        return;
    }
    /* What was freed last is taken next: older blocks make room for it. */
    for (int64_t passes = RECENT; atomic_load(&kept_bytes) + capacity > HL_MOST_KEPT_BYTES; passes = 0) {
        look_through(0, passes, HL_MOST_KEPT_BYTES - capacity);
        if (!passes) break;
    }
    header_of(data)->freed_at = atomic_fetch_add(&turn, 1);
    keep(data);
}
