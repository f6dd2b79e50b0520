/* The memory of arenas and variables: small blocks from malloc, large ones mapped. */
#define _GNU_SOURCE /* madvise, MAP_ANONYMOUS */
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner.h"

enum {
    HUGE_BYTES = 4 << 20,    /* from here on of huge pages where the system has some, as NumPy's arrays are */
    MOVED_BYTES = 4 << 20    /* that are copied before they are given back */
};

static const int64_t MOST_BYTES = (int64_t)1 << 46;

/* Not a constant: the system rounds what is given back up to its own pages, and those of AArch64 may be of 64 KB. */
static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

char *hl_allocate(size_t bytes) {
    if (bytes > (size_t)MOST_BYTES) return NULL;
    return aligned_alloc(HL_ALIGNMENT, round_up(bytes ? bytes : 1, HL_ALIGNMENT));
}

char *hl_block_new(int64_t bytes) {
    if (bytes < HL_LARGE_BYTES) return hl_allocate((size_t)bytes);
    if (bytes > MOST_BYTES) return NULL;
    char *block = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_BYTES) madvise(block, (size_t)bytes, MADV_HUGEPAGE); /* rows far apart in it cost fewer translations */
#endif
    return block;
}

void hl_block_free(char *block, int64_t bytes) {
    if (!block) return;
    if (bytes < HL_LARGE_BYTES) free(block);
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
