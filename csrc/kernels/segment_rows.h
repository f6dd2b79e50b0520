/* The rows of segments, and the parts of those of ascending numbers that threads take: a segment's rows are taken in their order by one
 * thread. */
#ifndef HOOKLOOP_SEGMENT_ROWS_H
#define HOOKLOOP_SEGMENT_ROWS_H

#include <string.h>

#include "elementwise_types.h"
#include "plan.h"
#include "pool.h"
#include "pool_parts.h"
#include "row_indices.h"

enum {
    LOOK_ELEMENTS = 1 << 16, /* between two looks whether to go on */
    AHEAD_ROWS = 8,          /* so far ahead is what is picked asked for */
    ASKED_BYTES = 512,       /* of one */
    FOUND_ROWS = 512,        /* whose numbers are looked through at once */
    TURNS = 4,               /* parts of ascending numbers that are gone through in turn */
    PARTS_A_THREAD = 4,
    MOST_PARTS = 64
};

static inline void ask_for_row(const void *row, int64_t bytes) {
    for (int64_t at = 0; at < bytes && at < ASKED_BYTES; at += 64) __builtin_prefetch((const char *)row + at);
}

/* Whether no number is less than the one before it. */
static inline bool is_ascending(const void *numbers, bool wide, int64_t n) {
    enum { BLOCK = 256 };
    for (int64_t first = 1; first < n; first += BLOCK) {
        const int64_t end = first + BLOCK < n ? first + BLOCK : n;
        int falls = 0;
        if (wide) for (int64_t i = first; i < end; i++) falls |= ((const int64_t *)numbers)[i] < ((const int64_t *)numbers)[i - 1];
        else for (int64_t i = first; i < end; i++) falls |= ((const int32_t *)numbers)[i] < ((const int32_t *)numbers)[i - 1];
        if (falls) return false;
    }
    return true;
}

/* Where the parts of ascending numbers begin, each with a segment; from row `first` on. */
static inline void part_sorted_rows(const void *numbers, bool wide, int64_t first, int64_t rows, int64_t parts, int64_t *bound) {
    bound[0] = first;
    for (int64_t part = 1; part < parts; part++) {
        int64_t row = first + (rows - first) * part / parts;
        if (row < bound[part - 1]) row = bound[part - 1];
        while (row > first && row < rows && index_at(numbers, wide, row) == index_at(numbers, wide, row - 1)) row++;
        bound[part] = row;
    }
    bound[parts] = rows;
}

/* How many rows all parts have that are gone through in turn. */
static inline int64_t shortest_turn(const int64_t *bound) {
    int64_t shortest = bound[1] - bound[0];
    for (int part = 1; part < TURNS; part++)
        if (bound[part + 1] - bound[part] < shortest) shortest = bound[part + 1] - bound[part];
    return shortest;
}

/* The first segment behind those of the rows before this one, where a part's begin. */
static inline int64_t segment_from(const void *numbers, bool wide, int64_t row) {
    const int64_t number = row > 0 ? index_at(numbers, wide, row - 1) : -1;
    return number < 0 ? 0 : number + 1;
}

static inline int64_t parts_for(int threads) {
    if (threads == 1) return 1;
    return threads * PARTS_A_THREAD < MOST_PARTS ? threads * PARTS_A_THREAD : MOST_PARTS;
}

/* Which of n rows from `from` on have a place from `first` to before `end`: how many. Each is written where the next one goes, and stays where it is one. */
static inline int64_t find_rows(const void *numbers, bool wide, int64_t from, int64_t n, int64_t first, int64_t end, int64_t *found) {
    const uint64_t span = (uint64_t)(end - first);
    int64_t count = 0;
    if (wide) {
        for (int64_t i = from; i < from + n; i++) {
            found[count] = i;
            count += (uint64_t)((const int64_t *)numbers)[i] - (uint64_t)first < span;
        }
    } else {
        for (int64_t i = from; i < from + n; i++) {
            found[count] = i;
            count += (uint64_t)(((const int32_t *)numbers)[i] - first) < span;
        }
    }
    return count;
}

#endif
