/* Rows of few elements as vectors of columns, and back: as many rows as a vector has lanes.
 *
 * Of two to four elements, dense, a vector of a column picks its elements from the vectors of the rows one after the other, by
 * shuffles of two vectors; which lanes these are is known when this is compiled. Only where such a shuffle is one instruction
 * (FEW_COLUMNS_SHUFFLE).
 */
#ifndef HOOKLOOP_FEW_COLUMNS_H
#define HOOKLOOP_FEW_COLUMNS_H

#include "simd.h"

enum { FEW_COLUMNS = 4 };

#if SIMD_FREE_MASKS && !defined(__clang__)
#define FEW_COLUMNS_SHUFFLE 1
#else
#define FEW_COLUMNS_SHUFFLE 0
#endif

#if FEW_COLUMNS_SHUFFLE
#define FEW_COLUMNS_OF(suffix, index, REAL, LANES, SHIFT)                                                                       \
    SIMD_INLINE void part_columns_##suffix(const int columns, const REAL *rows, simd_##suffix *column) {                        \
        const simd_##index own = lane_index_##suffix();                                                                         \
        simd_##suffix v[FEW_COLUMNS];                                                                                           \
        _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) v[j] = load_##suffix(rows + j * LANES);                       \
        _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) {                                                             \
            const simd_##index place = own * columns + j, lane = place & (LANES - 1);                                           \
            simd_##suffix x = v[0];                                                                                             \
            _Pragma("GCC unroll 3") for (int from = 1; from < columns; from++) {                                                \
                const simd_##index here = (place >> SHIFT) == from;                                                             \
                x = __builtin_shuffle(x, v[from], (here & (lane + LANES)) | (~here & (from == 1 ? lane : own)));                \
            }                                                                                                                   \
            column[j] = x;                                                                                                      \
        }                                                                                                                       \
    }                                                                                                                           \
    SIMD_INLINE void join_columns_##suffix(const int columns, const simd_##suffix *column, simd_##suffix *v) {                  \
        const simd_##index own = lane_index_##suffix();                                                                         \
        _Pragma("GCC unroll 4") for (int i = 0; i < columns; i++) {                                                             \
            const simd_##index place = own + i * LANES, row = place / columns, from_column = place - row * columns;             \
            simd_##suffix x = column[0];                                                                                        \
            _Pragma("GCC unroll 3") for (int from = 1; from < columns; from++) {                                                \
                const simd_##index here = from_column == from;                                                                  \
                x = __builtin_shuffle(x, column[from], (here & (row + LANES)) | (~here & (from == 1 ? row : own)));             \
            }                                                                                                                   \
            v[i] = x;                                                                                                           \
        }                                                                                                                       \
    }
FEW_COLUMNS_OF(f32, i32, float, F32_LANES, 4)
FEW_COLUMNS_OF(f64, i64, double, F64_LANES, 3)
#endif

/* Transposes the two halves of as many vectors as a half has lanes, each by itself: rows in the lower and in the upper halves become
 * columns of the rows of both, and back. */
#if SIMD_FREE_MASKS
#define EVEN_QUARTERS_OF_BOTH(a, b) SIMD_SHUFFLE(simd_i64, a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define ODD_QUARTERS_OF_BOTH(a, b) SIMD_SHUFFLE(simd_i64, a, b, 2, 3, 10, 11, 6, 7, 14, 15)
SIMD_INLINE void transpose_halves_f64(simd_f64 *row) {
    _Pragma("GCC unroll 2") for (int i = 0; i < 4; i += 2) {
        const simd_f64 a = row[i], b = row[i + 1];
        row[i] = SIMD_SHUFFLE(simd_i64, a, b, F64_FIRSTS), row[i + 1] = SIMD_SHUFFLE(simd_i64, a, b, F64_LASTS);
    }
    _Pragma("GCC unroll 2") for (int i = 0; i < 2; i++) {
        const simd_f64 a = row[i], b = row[i + 2];
        row[i] = EVEN_QUARTERS_OF_BOTH(a, b), row[i + 2] = ODD_QUARTERS_OF_BOTH(a, b);
    }
}
SIMD_INLINE void transpose_halves_f32(simd_f32 *row) {
    _Pragma("GCC unroll 2") for (int i = 0; i < 8; i += 4) {
        const simd_f32 a = row[i], b = row[i + 1], c = row[i + 2], d = row[i + 3];
        const simd_f32 ab = SIMD_SHUFFLE(simd_i32, a, b, F32_FIRSTS), last_ab = SIMD_SHUFFLE(simd_i32, a, b, F32_LASTS);
        const simd_f32 cd = SIMD_SHUFFLE(simd_i32, c, d, F32_FIRSTS), last_cd = SIMD_SHUFFLE(simd_i32, c, d, F32_LASTS);
        row[i] = SIMD_FIRSTS_64(f32, ab, cd), row[i + 1] = SIMD_LASTS_64(f32, ab, cd);
        row[i + 2] = SIMD_FIRSTS_64(f32, last_ab, last_cd), row[i + 3] = SIMD_LASTS_64(f32, last_ab, last_cd);
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) {
        const simd_f64 a = (simd_f64)row[i], b = (simd_f64)row[i + 4];
        row[i] = (simd_f32)EVEN_QUARTERS_OF_BOTH(a, b), row[i + 4] = (simd_f32)ODD_QUARTERS_OF_BOTH(a, b);
    }
}
/* Stores the `count` lanes from `first` on. */
SIMD_INLINE void store_from_f32(float *to, simd_f32 value, int first, int count) {
    _mm512_mask_storeu_ps(to - first, (__mmask16)(((1u << count) - 1) << first), (__m512)value);
}
SIMD_INLINE void store_from_f64(double *to, simd_f64 value, int first, int count) {
    _mm512_mask_storeu_pd(to - first, (__mmask8)(((1u << count) - 1) << first), (__m512d)value);
}
#endif

#endif
