/* The memory of arenas and variables, in blocks: small ones from malloc, large ones mapped. */
#define _GNU_SOURCE /* madvise, MAP_ANONYMOUS */
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fence.h"
#include "runner.h"

enum {
    HUGE_BYTES = 4 << 20,    /* from here on of huge pages where the system has some, as NumPy's arrays are */
    MOVED_BYTES = 4 << 20,   /* that are copied before they are given back */
    ARENA_WINDOW = 64        /* runs after which an arena that was not needed is given back */
};

static const int64_t MOST_BYTES = (int64_t)1 << 46;

/* Not a constant: the system rounds what is given back up to its own pages, and those of AArch64 may be of 64 KB. */
static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

char *hl_allocate(size_t bytes) {
    if (bytes > (size_t)MOST_BYTES) return NULL;
#ifdef HL_FENCE
    return hl_fence_new((int64_t)bytes);
#else
    return aligned_alloc(HL_ALIGNMENT, round_up(bytes ? bytes : 1, HL_ALIGNMENT));
#endif
}

void hl_free(char *data) {
#ifdef HL_FENCE
    hl_fence_free(data);
#else
    free(data);
#endif
}

void hl_ask_for_huge_pages(char *data, size_t bytes) {
    const size_t page = page_bytes();
    char *first = (char *)round_up((size_t)data, page), *end = (char *)((size_t)(data + bytes) / page * page);
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_BYTES) madvise(first, (size_t)(end - first), MADV_HUGEPAGE); /* rows far apart cost fewer translations */
#else
    (void)first, (void)end;
#endif
}

char *hl_block_new(int64_t bytes) {
    if (HL_FENCED || bytes < HL_LARGE_BYTES) return hl_allocate((size_t)bytes);
    if (bytes > MOST_BYTES) return NULL;
    char *block = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return NULL;
    hl_ask_for_huge_pages(block, (size_t)bytes);
    return block;
}

void hl_block_free(char *block, int64_t bytes) {
    if (!block) return;
    if (HL_FENCED || bytes < HL_LARGE_BYTES) hl_free(block);
    else munmap(block, (size_t)bytes);
}

void hl_block_give_back(char *data, int64_t bytes) {
    const size_t page = page_bytes();
    char *first = (char *)round_up((size_t)data, page), *end = (char *)((size_t)(data + bytes) / page * page);
    if (first < end) madvise(first, (size_t)(end - first), MADV_DONTNEED);
}

void hl_block_move(char *to, char *from, int64_t bytes) {
    const size_t page = page_bytes();
    char *given = from; /* up to here */
    for (int64_t done = 0; done < bytes;) {
        const int64_t piece = bytes - done < MOVED_BYTES ? bytes - done : MOVED_BYTES;
        memcpy(to + done, from + done, (size_t)piece);
        done += piece;
        char *end = (char *)((size_t)(from + done) / page * page);
        if (end > given) hl_block_give_back(given, end - given), given = end;
    }
}

/* ---- arenas and variables ---- */

hl_arena *hl_arena_new(void) { return calloc(1, sizeof(hl_arena)); }

void hl_arena_free(hl_arena *arena) {
    if (!arena) return;
    hl_block_free(arena->base, arena->capacity);
    hl_free(arena->scratch);
    free(arena);
}

bool hl_arena_reserve(hl_arena *arena, int64_t bytes) {
    if (bytes <= arena->capacity) return true;
    if (bytes > MOST_BYTES) return false;
    int64_t capacity = (int64_t)round_up((size_t)bytes, !HL_FENCED && bytes < HL_LARGE_BYTES ? HL_ALIGNMENT : 4096);
    char *base = hl_block_new(capacity);
    if (!base) return false;
    hl_block_free(arena->base, arena->capacity);
    arena->base = base;
    arena->capacity = capacity;
    return true;
}

void hl_arena_note_use(hl_arena *arena, int64_t bytes) {
    if (bytes > arena->recent_use) arena->recent_use = bytes;
    if (++arena->runs < ARENA_WINDOW) return;
    int64_t keep = (int64_t)round_up((size_t)arena->recent_use, 4096);
    if (arena->capacity > 2 * keep + HL_LARGE_BYTES) hl_block_give_back(arena->base + keep, arena->capacity - keep);
    arena->runs = 0;
    arena->recent_use = 0;
}

hl_status hl_variable_reshape(hl_variable *variable, int rank, const int64_t *dims) {
    int64_t size = 1;
    for (int axis = 0; axis < rank; axis++)
        if (__builtin_mul_overflow(size, dims[axis], &size) || size > HL_MOST_ELEMENTS) return HL_RESOURCE_EXHAUSTED;
    int64_t bytes = size * (int64_t)hl_dtype_size((hl_dtype)variable->dtype);
    if (!variable->data || bytes > variable->capacity) {
        char *data = hl_block_new(bytes);
        if (!data) return HL_RESOURCE_EXHAUSTED;
        if (bytes < HL_LARGE_BYTES) memset(data, 0, (size_t)bytes);
        hl_block_free(variable->data, variable->capacity);
        variable->data = data;
        variable->capacity = bytes;
    }
    for (int axis = 0; axis < rank; axis++) __atomic_store_n(&variable->dims[axis], dims[axis], __ATOMIC_RELAXED);
    __atomic_store_n(&variable->rank, rank, __ATOMIC_RELEASE);
    return HL_OK;
}

int hl_variable_shape(const hl_variable *variable, int64_t *dims) {
    const int rank = __atomic_load_n(&variable->rank, __ATOMIC_ACQUIRE);
    for (int axis = 0; axis < rank; axis++) dims[axis] = __atomic_load_n(&variable->dims[axis], __ATOMIC_RELAXED);
    return rank;
}
