/* Transposing blocks of elements of one or two bytes.
 *
 * A square block whose rows lie behind each other, cut into halves that are interleaved element by element, and that as often as a
 * row's length is halved until one element is left, is the transposed block: each time an element's place, as a binary number, is
 * turned by one digit, until those of its row are where those of its column were.
 */
#ifndef HOOKLOOP_SMALL_TRANSPOSES_H
#define HOOKLOOP_SMALL_TRANSPOSES_H

#include <string.h>

#include "simd.h"

enum { SMALL_BLOCK = 8 /* rows and columns that a block has at least */ };

typedef uint8_t small_1 __attribute__((vector_size(16)));
typedef uint16_t small_2 __attribute__((vector_size(16)));
#define LOW_1(a, b) SIMD_SHUFFLE(small_1, a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_1(a, b) SIMD_SHUFFLE(small_1, a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW_2(a, b) SIMD_SHUFFLE(small_2, a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_2(a, b) SIMD_SHUFFLE(small_2, a, b, 4, 12, 5, 13, 6, 14, 7, 15)

#define SMALL_TRANSPOSES(size, suffix, side, turns)                                                                            \
    /* A block of `side` rows and columns; the strides are of bytes. */                                                        \
    SIMD_INLINE void small_block_##suffix(const char *from, int64_t from_stride, char *to, int64_t to_stride) {                \
        enum { COUNT = side * side * size / 16, ROW = side * size, ROWS = 16 / ROW /* of a vector */ };                        \
        small_##size x[COUNT], next[COUNT];                                                                                    \
        _Pragma("GCC unroll 16") for (int k = 0; k < COUNT; k++)                                                               \
            _Pragma("GCC unroll 2") for (int r = 0; r < ROWS; r++)                                                             \
                memcpy((char *)&x[k] + r * ROW, from + (k * ROWS + r) * from_stride, ROW);                                     \
        _Pragma("GCC unroll 4") for (int turn = 0; turn < turns; turn++) {                                                     \
            _Pragma("GCC unroll 8") for (int k = 0; k < COUNT / 2; k++) {                                                      \
                next[2 * k] = LOW_##size(x[k], x[k + COUNT / 2]);                                                              \
                next[2 * k + 1] = HIGH_##size(x[k], x[k + COUNT / 2]);                                                         \
            }                                                                                                                  \
            _Pragma("GCC unroll 16") for (int k = 0; k < COUNT; k++) x[k] = next[k];                                           \
        }                                                                                                                      \
        _Pragma("GCC unroll 16") for (int k = 0; k < COUNT; k++)                                                               \
            _Pragma("GCC unroll 2") for (int r = 0; r < ROWS; r++)                                                             \
                memcpy(to + (k * ROWS + r) * to_stride, (const char *)&x[k] + r * ROW, ROW);                                   \
    }                                                                                                                          \
    /* to[i, j] = from[j, i]; the last blocks begin so early that they are whole, and do once more what others have done. */   \
    static void small_blocks_##suffix(const char *from, int64_t from_stride, char *to, int64_t to_stride, int64_t rows,        \
                                      int64_t columns) {                                                                       \
        for (int64_t i = 0; i < rows; i += side) {                                                                             \
            if (i > rows - side) i = rows - side;                                                                              \
            for (int64_t j = 0; j < columns; j += side) {                                                                      \
                if (j > columns - side) j = columns - side;                                                                    \
                small_block_##suffix(from + j * from_stride + i * size, from_stride, to + i * to_stride + j * size, to_stride); \
            }                                                                                                                  \
        }                                                                                                                      \
    }
SMALL_TRANSPOSES(1, 1_8, 8, 3)
SMALL_TRANSPOSES(1, 1_16, 16, 4)
SMALL_TRANSPOSES(2, 2_8, 8, 3)

/* The same as transpose_tile_4, of elements of one byte or of two. */
static void transpose_tile_1(const char *from, int64_t from_stride, char *to, int64_t to_stride, int64_t rows, int64_t columns) {
    if (rows >= 16 && columns >= 16) small_blocks_1_16(from, from_stride, to, to_stride, rows, columns);
    else if (rows >= SMALL_BLOCK && columns >= SMALL_BLOCK) small_blocks_1_8(from, from_stride, to, to_stride, rows, columns);
    else
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) to[i * to_stride + j] = from[j * from_stride + i];
}

static void transpose_tile_2(const char *from, int64_t from_stride, char *to, int64_t to_stride, int64_t rows, int64_t columns) {
    if (rows >= SMALL_BLOCK && columns >= SMALL_BLOCK) small_blocks_2_8(from, 2 * from_stride, to, 2 * to_stride, rows, columns);
    else
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) memcpy(to + 2 * (i * to_stride + j), from + 2 * (j * from_stride + i), 2);
}

#endif
