/* The rows of a sorted segment put together in registers: float and double rows of up to eight vectors.
 *
 * The last vector of a row ends where the row does, and may begin within the one before it: so whole vectors are loaded and stored.
 * Rows of less than a vector are loaded by a mask, where that costs no more. */
#ifndef HOOKLOOP_SEGMENT_VECTORS_H
#define HOOKLOOP_SEGMENT_VECTORS_H

#include <math.h>

#include "row_indices.h"
#include "segment_rows.h"
#include "vector_math.h"

enum { MOST_VECTORS = 8, STRIP = 4 };

typedef struct segment_source {
    const void *data, *numbers, *indices; /* indices: of the rows that are picked, or NULL */
    bool wide, wide_index;
    int64_t row, rows;                    /* elements of one, and how many there are */
} segment_source;

/* The rows from `first` on that have its number, up to `end`: where they end. Where they go on, `to` has what is made of those before. */
typedef int64_t (*take_segment)(const segment_source *source, int64_t first, int64_t end, bool goes_on, void *to);

enum { FOLD_SUM, FOLD_LARGEST, FOLD_LEAST };

/* b where a is not a number; an instruction at the baseline too. */
#if defined(__SSE2__) && !defined(__AVX__)
#include <emmintrin.h>
#define LARGER_f32(a, b) (simd_f32)_mm_max_ps((__m128)(a), (__m128)(b))
#define SMALLER_f32(a, b) (simd_f32)_mm_min_ps((__m128)(a), (__m128)(b))
#define LARGER_f64(a, b) (simd_f64)_mm_max_pd((__m128d)(a), (__m128d)(b))
#define SMALLER_f64(a, b) (simd_f64)_mm_min_pd((__m128d)(a), (__m128d)(b))
#else
#define LARGER_f32 max_f32
#define SMALLER_f32 min_f32
#define LARGER_f64 max_f64
#define SMALLER_f64 min_f64
#endif

/* The largest and the least begin with an infinity where there are several rows: so a NaN is none of them. */
#define SEGMENT_VECTORS(suffix, S, LANES)                                                                         \
    SIMD_INLINE simd_##suffix fold_##suffix(const int fold, simd_##suffix held, simd_##suffix row) {              \
        return fold == FOLD_SUM ? held + row : fold == FOLD_LARGEST ? LARGER_##suffix(row, held) : SMALLER_##suffix(row, held);\
    }                                                                                                             \
    SIMD_INLINE int64_t take_rows_##suffix(const int fold, const int vectors, const bool part, const bool picked, \
                                           const segment_source *source, int64_t first, int64_t end, bool goes_on, S *to) {\
        const int64_t row = source->row, tail = row - LANES;                                                      \
        const S *data = source->data;                                                                             \
        const void *numbers = source->numbers, *indices = source->indices;                                        \
        const bool wide = source->wide, wide_index = source->wide_index;                                          \
        const int64_t number = index_at(numbers, wide, first);                                                    \
        simd_##suffix held[MOST_VECTORS];                                                                         \
        int64_t i = first;                                                                                        \
        const S *from = goes_on ? to : data + (picked ? index_at(indices, wide_index, i) : i) * row;              \
        _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)                                                 \
            held[v] = part ? load_part_##suffix(from, (int)row) : load_##suffix(from + (v + 1 < vectors ? v * LANES : tail));\
        i += !goes_on;                                                                                            \
        if (fold != FOLD_SUM && i < end && index_at(numbers, wide, i) == number)                                  \
            _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)                                             \
                held[v] = fold_##suffix(fold, splat_##suffix(fold == FOLD_LARGEST ? -(S)INFINITY : (S)INFINITY), held[v]);\
        for (; i < end && index_at(numbers, wide, i) == number; i++) {                                            \
            from = data + (picked ? index_at(indices, wide_index, i) : i) * row;                                  \
            if (picked && i + AHEAD_ROWS < source->rows) {                                                        \
                const S *coming = data + index_at(indices, wide_index, i + AHEAD_ROWS) * row;                     \
                _Pragma("GCC unroll 8") for (int at = 0; at < vectors * SIMD_BYTES; at += 64) __builtin_prefetch((const char *)coming + at);\
            }                                                                                                     \
            _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)                                             \
                held[v] = fold_##suffix(fold, held[v], part ? load_part_##suffix(from, (int)row)                  \
                                                            : load_##suffix(from + (v + 1 < vectors ? v * LANES : tail)));\
        }                                                                                                         \
        _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++) {                                               \
            if (part) store_part_##suffix(to, held[v], (int)row);                                                 \
            else store_##suffix(to + (v + 1 < vectors ? v * LANES : tail), held[v]);                              \
        }                                                                                                         \
        return i;                                                                                                 \
    }                                                                                                             \
    EACH_WIDTH(EACH_FOLD, suffix, S)                                                                              \
    static take_segment take_of_##suffix(int fold, bool picked, int64_t row) {                                    \
        static const take_segment takes[][4] = {EACH_WIDTH(FOLD_ROW, suffix, S)};                                 \
        const int64_t vectors = row < LANES ? 0 : (row + LANES - 1) / LANES;                                      \
        if (row < 1 || vectors > MOST_VECTORS || (row < LANES && !PARTS_OF_VECTORS)) return NULL;                 \
        return takes[vectors - !PARTS_OF_VECTORS][picked ? 3 : fold];                                             \
    }
#define TAKE(name, fold, vectors, picked, suffix, S)                                                              \
    static int64_t take_##name##vectors##_##suffix(const segment_source *s, int64_t first, int64_t end, bool goes_on, void *to) {\
        return take_rows_##suffix(fold, vectors ? vectors : 1, !vectors, picked, s, first, end, goes_on, to);     \
    }
#define EACH_FOLD(vectors, suffix, S)                                                                             \
    TAKE(sum, FOLD_SUM, vectors, false, suffix, S)                                                                \
    TAKE(largest, FOLD_LARGEST, vectors, false, suffix, S)                                                        \
    TAKE(least, FOLD_LEAST, vectors, false, suffix, S)                                                            \
    TAKE(picked, FOLD_SUM, vectors, true, suffix, S)
#define FOLD_ROW(vectors, suffix, S)                                                                              \
    {take_sum##vectors##_##suffix, take_largest##vectors##_##suffix, take_least##vectors##_##suffix, take_picked##vectors##_##suffix},
#define EACH_WHOLE_WIDTH(X, ...)                                                                                  \
    X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__)                                       \
    X(5, __VA_ARGS__) X(6, __VA_ARGS__) X(7, __VA_ARGS__) X(8, __VA_ARGS__)
#if defined(__AVX__)
#define PARTS_OF_VECTORS 1
#define EACH_WIDTH(X, ...) X(0, __VA_ARGS__) EACH_WHOLE_WIDTH(X, __VA_ARGS__)
#else
#define PARTS_OF_VECTORS 0
#define EACH_WIDTH(X, ...) EACH_WHOLE_WIDTH(X, __VA_ARGS__)
#endif
SEGMENT_VECTORS(f32, float, F32_LANES)
SEGMENT_VECTORS(f64, double, F64_LANES)

/* The largest and the least of other rows that follow each other, some vectors of all rows at a time; those of less than a vector by
 * columns. The last vector may begin within the one before it as well, since what is bounded twice is the same. */
#define BOUNDS_OF_ROWS(suffix, S, LANES)                                                                          \
    SIMD_INLINE void bound_strip_##suffix(const int fold, const int vectors, S *to, const S *row, int64_t rows, int64_t n) {\
        simd_##suffix held[MOST_VECTORS];                                                                         \
        _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++) held[v] = load_##suffix(to + v * LANES);        \
        for (int64_t r = 0; r < rows; r++, row += n)                                                              \
            _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++)                                             \
                held[v] = fold_##suffix(fold, held[v], load_##suffix(row + v * LANES));                           \
        _Pragma("GCC unroll 8") for (int v = 0; v < vectors; v++) store_##suffix(to + v * LANES, held[v]);        \
    }                                                                                                             \
    SIMD_INLINE void bound_rows_##suffix(const int fold, S *to, const S *data, int64_t rows, int64_t n) {         \
        int64_t k = 0;                                                                                            \
        for (; n < LANES && k < n; k++) {                                                                         \
            S held = to[k];                                                                                       \
            for (int64_t r = 0; r < rows; r++) {                                                                  \
                const S x = data[r * n + k];                                                                      \
                held = (fold == FOLD_LARGEST ? x > held : x < held) ? x : held;                                   \
            }                                                                                                     \
            to[k] = held;                                                                                         \
        }                                                                                                         \
        for (; k + STRIP * LANES <= n; k += STRIP * LANES) bound_strip_##suffix(fold, STRIP, to + k, data + k, rows, n);\
        for (; k + LANES <= n; k += LANES) bound_strip_##suffix(fold, 1, to + k, data + k, rows, n);              \
        if (k < n) bound_strip_##suffix(fold, 1, to + n - LANES, data + n - LANES, rows, n);                      \
    }                                                                                                             \
    static void largest_of_rows_##suffix(void *to, const void *data, int64_t rows, int64_t n) {                   \
        bound_rows_##suffix(FOLD_LARGEST, to, data, rows, n);                                                     \
    }                                                                                                             \
    static void least_of_rows_##suffix(void *to, const void *data, int64_t rows, int64_t n) {                     \
        bound_rows_##suffix(FOLD_LEAST, to, data, rows, n);                                                       \
    }
BOUNDS_OF_ROWS(f32, float, F32_LANES)
BOUNDS_OF_ROWS(f64, double, F64_LANES)

#endif
