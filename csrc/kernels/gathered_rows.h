/* Rows that do not follow each other, or are one row again and again, put together in a slot of scratch: what has short rows goes
 * through loops many rows at a time.
 *
 * Where the last axes together are short, too, a row is all of them, and a table tells where the elements of a block lie that are
 * neither a row nor one element: so the differences of n points of two coordinates and k others go by hundreds of them. */
#ifndef HOOKLOOP_GATHERED_ROWS_H
#define HOOKLOOP_GATHERED_ROWS_H

#include "rows.h"
#include "small_blocks.h"
#include "strided_copies.h"

enum {
    BLOCK = 1024,                   /* elements that go through a loop together */
    SHORT_ROW = 64,                 /* elements of a row that goes with others */
    WHOLE_AXES = 512,               /* elements of the axes that are a row together, at most */
    MOST_STEP = 4, LEAST_STEPPED = 8, /* sizes of an element between two that go by vectors; elements of a row that does */
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
typedef uint32_t __attribute__((may_alias)) apart_4;
typedef uint64_t __attribute__((may_alias)) apart_8;
STRIDED_COPIES(take_4, apart_4, MOST_STEP)
STRIDED_COPIES(take_8, apart_8, MOST_STEP)

/* Whether an operand's elements are so few of its own apart that vectors of them are put together by shuffles. */
static inline bool has_short_steps(int64_t element_step, int64_t size) {
    return (size == 4 || size == 8) && element_step > size && element_step <= MOST_STEP * size && element_step % size == 0;
}

/* How many elements a row has that an axis of n of them may be parted into, as the result's last axes and parts of the one before them
 * are; 0 where there is none. */
static inline int64_t row_within(int64_t n, const hl_tensor *out) {
    int64_t row = 1;
    int axis = out->rank - 1;
    while (axis >= 0 && row * out->dims[axis] <= WHOLE_AXES) row *= out->dims[axis--];
    int64_t rest = axis >= 0 ? out->dims[axis] : 1;
    for (int64_t factor = 2; factor <= 7; factor++)
        while (row * factor <= WHOLE_AXES && rest % factor == 0) row *= factor, rest /= factor;
    return row >= LEAST_STEPPED && row < n && n % row == 0 ? row : 0;
}

#if SMALL_BLOCKS
/* Rows of few elements by shuffles, as many as a vector holds; false where they are not such. */
static inline bool move_small_rows(const gathered *g, int64_t rows, int64_t n, const char *apart, char *slot) {
    enum { WORD = 4, DENSE_BYTES = 32 };
    const int64_t size = g->size / WORD, step = g->element_step / WORD, row_step = g->row_step / WORD;
    const int64_t away = (n - 1) * (step < 0 ? -step : step), least = step < 0 ? -away : 0;
    if (g->size < WORD || n * size > MOST_BLOCK_WORDS || away + size > F32_LANES) return false;
    if (g->element_step % WORD != 0 || g->row_step % WORD != 0) return false;
    if (step == size && (n * g->size >= DENSE_BYTES || row_step < 0 || row_step + n * size > F32_LANES)) return false;
    block_order order = {.words = (int)(n * size), .span = (int)(away + size)};
    for (int64_t i = 0; i < n; i++)
        for (int64_t word = 0; word < size; word++) order.place[i * size + word] = (uint8_t)(i * step - least + word);
    copy_blocks(&order, apart + least * WORD, row_step, slot, rows);
    return true;
}
#else
static inline bool move_small_rows(const gathered *g, int64_t rows, int64_t n, const char *apart, char *slot) { return false; }
#endif

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
    if (!g->is_result && g->element_step != 0 && rows > 1 && move_small_rows(g, rows, n, apart, slot)) return;
    if (g->element_step == g->size) {
        for (int64_t row = 0; row < rows; row++, apart += g->row_step, slot += bytes)
            copy_row(g->is_result ? apart : slot, g->is_result ? slot : apart, bytes);
    } else if (g->element_step == 0) {
        BY_SIZE(FILL_ROWS)
    } else if (!g->is_result && n >= LEAST_STEPPED && has_short_steps(g->element_step, g->size)) {
        for (int64_t row = 0; row < rows; row++, apart += g->row_step, slot += bytes) {
            if (g->size == 4) take_4_together(n, apart, g->element_step, (apart_4 *)slot);
            else take_8_together(n, apart, g->element_step, (apart_8 *)slot);
        }
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
