/* Long work of one thread in stretches of about a millisecond, between which a run may be stopped. */
#ifndef HOOKLOOP_STRETCHES_H
#define HOOKLOOP_STRETCHES_H

#include <string.h>

#include "plan.h"

enum { STRETCH = 1 << 16 };

static inline int64_t stretch_end(hl_run *run, int64_t first, int64_t n) {
    if (first >= n || hl_is_stopped(run)) return first;
    return n - first < STRETCH ? n : first + STRETCH;
}

/* for (STRETCHES(run, first, end, n)) has first and end of each stretch of n elements, up to where the run is stopped. */
#define STRETCHES(run, first, end, n)                                                     \
    int64_t first = 0, end = stretch_end(run, 0, n); first < end; first = end, end = stretch_end(run, first, n)

static inline void clear_bytes(hl_run *run, void *data, int64_t bytes) {
    const int64_t blocks = (bytes + 15) / 16;
    for (STRETCHES(run, first, end, blocks)) {
        const int64_t last = end * 16 < bytes ? end * 16 : bytes;
        memset((char *)data + first * 16, 0, (size_t)(last - first * 16));
    }
}

/* Copies to the same bytes or to others that do not overlap. */
static inline void copy_bytes(hl_run *run, void *to, const void *from, int64_t bytes) {
    if (to == from) return;
    const int64_t blocks = (bytes + 15) / 16;
    for (STRETCHES(run, first, end, blocks)) {
        const int64_t last = end * 16 < bytes ? end * 16 : bytes;
        memcpy((char *)to + first * 16, (const char *)from + first * 16, (size_t)(last - first * 16));
    }
}

#endif
