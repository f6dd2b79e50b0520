/* The memory of large results: it leaves with their values, and is kept for the next ones when these are dropped. */
#ifndef HOOKLOOP_RESULTS_H
#define HOOKLOOP_RESULTS_H

#include <stddef.h>

enum { HL_MOST_KEPT_BYTES = 64 << 20 }; /* of freed blocks, about what malloc keeps */

/* The bytes of the freed blocks that are kept. */
size_t hl_results_kept(void);

/* Aligned memory for at least so many bytes, what was freed before if that fits; NULL where there is none. */
char *hl_result_new(size_t bytes);

/* Frees what `hl_result_new` gave, or nothing where it is NULL. Any thread may call it. */
void hl_result_free(char *data);

/* How many bytes there is room for. */
size_t hl_result_capacity(const char *data);

/* Whether memory for so many bytes may serve for `bytes` of them: what is large is not kept by what is small. */
static inline int hl_result_fits(size_t capacity, size_t bytes) {
#ifdef HL_FENCE
    return bytes == capacity;
#else
    return bytes <= capacity && capacity - bytes <= capacity / 8 + 4096;
#endif
}

#endif
