/* Rows that do not follow each other, or are one row again and again, put together in a slot of scratch: what has short rows goes
 * through loops many rows at a time.
 *
 * Where the last axes together are short, too, a row is all of them, and a table tells where the elements of a block lie that are
 * neither a row nor one element: so the differences of n points of two coordinates and k others go by hundreds of them. */
#ifndef HOOKLOOP_GATHERED_ROWS_H
#define HOOKLOOP_GATHERED_ROWS_H

#include "rows.h"

enum {
    BLOCK = 1024,                   /* elements that go through a loop together */
    SHORT_ROW = 64,                 /* elements of a row that goes with others */
    WHOLE_AXES = 512,               /* elements of the axes that are a row together, at most */
    SLOT_BYTES = BLOCK * 8 + 3 * 64 /* not a multiple of a page: slots side by side in the cache */
};

/* An operand whose rows are put together in a slot. */
typedef struct gathered {
    int operand, size; /* bytes of an element */
    bool is_result;
    int64_t row_step, element_step; /* bytes between its rows and its elements; 0: the same again */
    int table;                      /* that says where its elements lie, or -1 */
} gathered;

/* How an operand's rows are put together; false where they are one after the other anyway, or one element. The axes are that of the rows
 * and those that are a row together, the innermost last; steps are in bytes. `tables` counts those that are needed. */
static inline bool are_gathered(gathered *g, int axes, const int64_t *dims, const int64_t *steps, int *tables) {
    int64_t dense = g->size;
    bool is_dense = true, is_still = true;
    for (int axis = axes - 1; axis > 0; dense *= dims[axis--]) {
        is_dense = is_dense && steps[axis] == dense;
        is_still = is_still && steps[axis] == 0;
    }
    g->row_step = steps[0];
    g->element_step = steps[axes - 1];
    g->table = axes > 2 && !is_dense && !is_still ? (*tables)++ : -1;
    return !(is_still && steps[0] == 0) && !(is_dense && steps[0] == dense);
}

/* Whether a table can say where the elements of a block lie. */
static inline bool has_distances(int axes, const int64_t *dims, const int64_t *steps) {
    int64_t most = 0;
    for (int axis = 0; axis < axes; axis++) {
        const int64_t step = steps[axis] < 0 ? -steps[axis] : steps[axis];
        if (step > INT32_MAX / BLOCK) return false;
        most += step * (dims[axis] < BLOCK ? dims[axis] : BLOCK);
    }
    return most <= INT32_MAX;
}

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

/* Goes on with the table of the distances of elements from the first, in bytes: `dim` times the `count` that it has, `step` apart. */
static inline int64_t add_distances(int32_t *table, int64_t count, int64_t dim, int64_t step) {
    for (int64_t have = 1; have < dim; have *= 2) {
        const int64_t more = (dim - have < have ? dim - have : have) * count;
        const int32_t further = (int32_t)(have * step), *from = table;
        int32_t *to = table + have * count;
        _Pragma("GCC ivdep") for (int64_t i = 0; i < more; i++) to[i] = from[i] + further;
    }
    return count * dim;
}

#define TAKE_ELEMENTS(T)                                                                                        \
    _Pragma("GCC unroll 4") for (; i < n; i++) ((T *)slot)[i] = *(const T *)(from + table[i]);                  \
    break
/* Puts n elements together that lie where the table says. */
static inline void take_by_table(const gathered *g, const int32_t *table, int64_t n, const char *from, char *slot) {
    int64_t i = 0;
#if defined(__AVX512F__)
    if (g->size == 4)
        for (; i + 16 <= n; i += 16) _mm512_storeu_si512(slot + i * 4, _mm512_i32gather_epi32(_mm512_loadu_si512(table + i), from, 1));
    else if (g->size == 8)
        for (; i + 8 <= n; i += 8)
            _mm512_storeu_si512(slot + i * 8, _mm512_i32gather_epi64(_mm256_loadu_si256((const __m256i *)(table + i)), from, 1));
#endif
    BY_SIZE(TAKE_ELEMENTS)
}

#undef TAKE_ELEMENTS
#undef BY_SIZE
#undef MOVE_ELEMENTS
#undef FILL_ROWS

#endif
