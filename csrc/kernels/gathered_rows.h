/* Rows that do not follow each other, or are one row again and again, put together in a slot of scratch: what has short rows goes
 * through loops many rows at a time. */
#ifndef HOOKLOOP_GATHERED_ROWS_H
#define HOOKLOOP_GATHERED_ROWS_H

#include "rows.h"

enum {
    BLOCK = 1024,                   /* elements that go through a loop together */
    SHORT_ROW = 64,                 /* elements of a row that goes with others */
    SLOT_BYTES = BLOCK * 8 + 3 * 64 /* not a multiple of a page: slots side by side in the cache */
};

/* An operand whose rows are put together in a slot. */
typedef struct gathered {
    int operand, size; /* bytes of an element */
    bool is_result;
    int64_t row_step, element_step; /* bytes between its rows and its elements; 0: the same again */
} gathered;

/* Whole vectors are written: what is behind a row is the next one's, or the slot's rest. */
#define FILL_ROWS(T)                                                                                   \
    for (int64_t row = 0; row < rows; row++, apart += g->row_step, slot += bytes) {                    \
        T pattern[SIMD_BYTES / sizeof(T)];                                                             \
        for (size_t i = 0; i < SIMD_BYTES / sizeof(T); i++) pattern[i] = *(const T *)apart;            \
        for (int64_t at = 0; at < bytes; at += SIMD_BYTES) memcpy(slot + at, pattern, SIMD_BYTES);     \
    }                                                                                                  \
    break
#define MOVE_ELEMENTS(T)                                                                               \
    for (int64_t row = 0; row < rows; row++, apart += g->row_step, slot += bytes)                      \
        for (int64_t i = 0; i < n; i++) {                                                              \
            T *outside = (T *)(apart + i * g->element_step), *inside = (T *)slot + i;                  \
            if (g->is_result) *outside = *inside;                                                      \
            else *inside = *outside;                                                                   \
        }                                                                                              \
    break
#define BY_SIZE(MOVE)                                                                                  \
    switch (g->size) {                                                                                 \
    case 1: MOVE(uint8_t);                                                                             \
    case 2: MOVE(uint16_t);                                                                            \
    case 4: MOVE(uint32_t);                                                                            \
    default: MOVE(uint64_t);                                                                           \
    }

/* Puts rows together in a slot, or takes those of a result apart again. */
static inline void move_rows(const gathered *g, int64_t rows, int64_t n, char *apart, char *slot) {
    const int64_t bytes = n * g->size;
    if (g->element_step == g->size) {
        for (int64_t row = 0; row < rows; row++, apart += g->row_step, slot += bytes)
            copy_row(g->is_result ? apart : slot, g->is_result ? slot : apart, bytes);
    } else if (g->element_step == 0) {
        BY_SIZE(FILL_ROWS)
    } else {
        BY_SIZE(MOVE_ELEMENTS)
    }
}

#undef BY_SIZE
#undef MOVE_ELEMENTS
#undef FILL_ROWS

#endif
