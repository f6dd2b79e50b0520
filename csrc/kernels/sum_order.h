/* The order in which all of a tensor is summed, which depends on its size alone: parts, of a number of blocks each. */
#ifndef HOOKLOOP_SUM_ORDER_H
#define HOOKLOOP_SUM_ORDER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SUM_BLOCK = 4096, /* elements of a row summed in lanes before they go to a total */
    PART_ELEMENTS = 32768,
    MAX_PARTS = 64
};

/* Fewer lanes are longer chains of additions. */
#define SUMMED_TOGETHER(lanes) ((lanes) < 8 ? SUM_BLOCK / 4 : SUM_BLOCK)

static inline bool has_parts(int64_t elements) { return elements >= 2 * PART_ELEMENTS; }
static inline int64_t most_parts(int64_t elements) {
    return elements / PART_ELEMENTS < MAX_PARTS ? elements / PART_ELEMENTS : MAX_PARTS;
}

#endif
