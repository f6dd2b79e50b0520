/* Where the best element of a short row is, by AVX2 or AVX-512.
 *
 * As many rows as a vector has lanes go together, each in a lane: squares of them are transposed, and each column is compared with the
 * best so far. Of the rows that are left each lane keeps its best and the place of that, and at the end the first of the best lanes
 * counts. In longer rows the best is found first, and then its place. */
#ifndef HOOKLOOP_ARG_ROWS_H
#define HOOKLOOP_ARG_ROWS_H

#include <string.h>

#include "simd.h"

enum {
    LEAST_ARG_ROW = SIMD_BYTES == 64 ? 16 : 12, /* elements of a row: of fewer, of which a vector must be filled, one by one takes no longer */
    MOST_GROUPED = 32,                          /* of longer ones each alone takes less */
    LEAST_LONG = SIMD_BYTES == 64 ? 64 : 48,    /* from here on what is best is looked for first, and then where */
    SHORT_ARG_ROW = 2048 /* longer rows are searched in blocks, which the first cache still has when the place is looked for */
};

#if SIMD_BYTES == 64 /* which is a masked move there */
#define ARG_SELECT(mask, a, b) ((__typeof__(a))(((mask) & (__typeof__(mask))(a)) | (~(mask) & (__typeof__(mask))(b))))
#define ARG_OWN_32 {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
#define ARG_OWN_64 {0, 1, 2, 3, 4, 5, 6, 7}
#else
#define ARG_SELECT(mask, a, b) ((__typeof__(a))_mm256_blendv_epi8((__m256i)(b), (__m256i)(a), (__m256i)(mask)))
#define ARG_OWN_32 {0, 1, 2, 3, 4, 5, 6, 7}
#define ARG_OWN_64 {0, 1, 2, 3}
#endif

/* A row of at least `lanes` elements; `worst` is better than none. */
#define ARG_ROW(name, T, vector, places, place_type, lanes, worst, BETTER)                                                     \
    SIMD_INLINE void name##_take(const T *x, int64_t i, places own, vector *best, places *at) {                                \
        vector value;                                                                                                          \
        memcpy(&value, x + i, sizeof value);                                                                                   \
        const places is_better = (places)(value BETTER *best);                                                                 \
        *best = ARG_SELECT(is_better, value, *best);                                                                           \
        *at = ARG_SELECT(is_better, own + (place_type)i, *at);                                                                 \
    }                                                                                                                          \
    SIMD_INLINE int64_t name##_row(const T *x, int64_t n) {                                                                    \
        const places own = (sizeof(T) == 4 ? (places)(simd_i32)ARG_OWN_32 : (places)(simd_i64)ARG_OWN_64);                                 \
        vector best = (vector){0} + worst, other = best;                                                                       \
        places at = {0}, other_at = {0};                                                                                       \
        int64_t i = 0;                                                                                                         \
        for (; i + 2 * lanes <= n; i += 2 * lanes) {                                                                           \
            name##_take(x, i, own, &best, &at);                                                                                \
            name##_take(x, i + lanes, own, &other, &other_at);                                                                 \
        }                                                                                                                      \
        if (i + lanes <= n) name##_take(x, i, own, &best, &at), i += lanes;                                                    \
        if (i < n) name##_take(x, n - lanes, own, &other, &other_at); /* some once more, which changes nothing */              \
        vector most = ARG_SELECT((places)(other BETTER best), other, best);                                                    \
        for (int half = lanes / 2; half > 0; half /= 2) {                                                                      \
            const vector turned = __builtin_shuffle(most, own ^ half);                                                         \
            most = ARG_SELECT((places)(turned BETTER most), turned, most);                                                     \
        }                                                                                                                      \
        const places none = (places){0} + ((place_type)1 << (8 * sizeof(place_type) - 2));                                     \
        places first = ARG_SELECT((places)(best == most), at, none);                                                           \
        const places other_first = ARG_SELECT((places)(other == most), other_at, none);                                        \
        first = ARG_SELECT(other_first < first, other_first, first);                                                           \
        for (int half = lanes / 2; half > 0; half /= 2) {                                                                      \
            const places turned = __builtin_shuffle(first, own ^ half);                                                        \
            first = ARG_SELECT(turned < first, turned, first);                                                                 \
        }                                                                                                                      \
        return first[0];                                                                                                       \
    }

#if SIMD_BYTES >= 32 && !defined(__clang__)
/* Whether a lane is set in four masks, and the bits of those that are. */
#if SIMD_BYTES == 64
SIMD_INLINE uint64_t arg_bits_32(const simd_i32 *hit) {
    uint64_t bits = 0;
    for (int k = 0; k < 4; k++) bits |= (uint64_t)_mm512_movepi32_mask((__m512i)hit[k]) << 16 * k;
    return bits;
}
SIMD_INLINE uint64_t arg_bits_64(const simd_i64 *hit) {
    uint64_t bits = 0;
    for (int k = 0; k < 4; k++) bits |= (uint64_t)_mm512_movepi64_mask((__m512i)hit[k]) << 8 * k;
    return bits;
}
#define ARG_ANY(hit, bits) (arg_bits_##bits(hit) != 0)
#else
SIMD_INLINE uint64_t arg_bits_32(const simd_i32 *hit) {
    uint64_t bits = 0;
    for (int k = 0; k < 4; k++) bits |= (uint64_t)_mm256_movemask_ps((__m256)hit[k]) << 8 * k;
    return bits;
}
SIMD_INLINE uint64_t arg_bits_64(const simd_i64 *hit) {
    uint64_t bits = 0;
    for (int k = 0; k < 4; k++) bits |= (uint64_t)_mm256_movemask_pd((__m256d)hit[k]) << 4 * k;
    return bits;
}
SIMD_INLINE bool arg_any(__m256i hit) { return !_mm256_testz_si256(hit, hit); }
#define ARG_ANY(hit, bits) arg_any((__m256i)((hit[0] | hit[1]) | (hit[2] | hit[3])))
#endif
#endif

/* A row of at least 4 * lanes elements: its best, and then where that is first. */
#define ARG_LONG(name, T, vector, places, lanes, worst, BETTER, bits)                                                          \
    SIMD_INLINE void name##_keep(const T *x, vector *best) {                                                                   \
        vector value;                                                                                                          \
        memcpy(&value, x, sizeof value);                                                                                       \
        *best = ARG_SELECT((places)(value BETTER *best), value, *best);                                                        \
    }                                                                                                                          \
    SIMD_INLINE T name##_best(const T *x, int64_t n) {                                                                         \
        const places own = (sizeof(T) == 4 ? (places)(simd_i32)ARG_OWN_32 : (places)(simd_i64)ARG_OWN_64);                                 \
        vector best[4];                                                                                                        \
        int64_t i = 0;                                                                                                         \
        for (int k = 0; k < 4; k++) best[k] = (vector){0} + worst;                                                             \
        for (; i + 4 * lanes <= n; i += 4 * lanes)                                                                             \
            _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++) name##_keep(x + i + k * lanes, &best[k]);                      \
        for (; i < n; i += lanes) name##_keep(x + (i + lanes <= n ? i : n - lanes), &best[0]);                                 \
        for (int k = 1; k < 4; k++) best[0] = ARG_SELECT((places)(best[k] BETTER best[0]), best[k], best[0]);                  \
        for (int half = lanes / 2; half > 0; half /= 2) {                                                                      \
            const vector turned = __builtin_shuffle(best[0], own ^ half);                                                      \
            best[0] = ARG_SELECT((places)(turned BETTER best[0]), turned, best[0]);                                            \
        }                                                                                                                      \
        return best[0][0];                                                                                                     \
    }                                                                                                                          \
    static int64_t name##_long(const T *x, int64_t n) {                                                                        \
        const T most = name##_best(x, n);                                                                                      \
        if (!(most BETTER worst)) return 0; /* nor is any of them */                                                           \
        for (int64_t from = 0; from < n; from += 4 * lanes) {                                                                  \
            const int64_t i = from <= n - 4 * lanes ? from : n - 4 * lanes;                                                    \
            places hit[4];                                                                                                     \
            _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++) {                                                              \
                vector value;                                                                                                  \
                memcpy(&value, x + i + k * lanes, sizeof value);                                                               \
                hit[k] = (places)(value == most);                                                                              \
            }                                                                                                                  \
            if (ARG_ANY(hit, bits)) return i + __builtin_ctzll(arg_bits_##bits(hit));                                          \
        }                                                                                                                      \
        return 0; /* another step has written the variable meanwhile */                                                        \
    }

/* Of `lanes` rows that follow each other: the place of each one's best. A whole vector is loaded from where a row begins, though it be
 * shorter. */
#define ARG_GROUP(name, T, vector, places, place_type, lanes, worst, BETTER, bits)                                             \
    /* Of rows of two: the second one is where it is better than the first, or that is not a number. */                        \
    SIMD_INLINE places name##_pairs(const T *x) {                                                                              \
        const vector none = (vector){0} + worst;                                                                               \
        simd_f##bits one, other; /* as floats, whatever they are: only moved as such */                                        \
        memcpy(&one, x, sizeof one), memcpy(&other, x + lanes, sizeof other);                                                  \
        const vector first = (vector)even_lanes_f##bits(one, other), second = (vector)odd_lanes_f##bits(one, other);           \
        return (places)(second BETTER ARG_SELECT((places)(first BETTER none), first, none)) & 1;                               \
    }                                                                                                                          \
    SIMD_INLINE places name##_group(const T *x, int64_t n) {                                                                   \
        vector best = (vector){0} + worst;                                                                                     \
        places at = {0};                                                                                                       \
        for (int64_t from = 0; from < n; from += lanes) {                                                                      \
            const int64_t first = from + lanes <= n || from == 0 ? from : n - lanes; /* some once more, which changes nothing */ \
            simd_f##bits column[lanes]; /* as floats, whatever they are: only moved as such */                                 \
            _Pragma("GCC unroll 16") for (int i = 0; i < lanes; i++) memcpy(&column[i], x + i * n + first, sizeof column[i]);     \
            transpose_f##bits(column);                                                                                         \
            _Pragma("GCC unroll 16") for (int j = 0; j < lanes; j++) {                                                          \
                if (first + j >= n) break;                                                                                     \
                const vector value = (vector)column[j];                                                                        \
                const places is_better = (places)(value BETTER best);                                                          \
                best = ARG_SELECT(is_better, value, best);                                                                     \
                at = ARG_SELECT(is_better, (places){0} + (place_type)(first + j), at);                                         \
            }                                                                                                                  \
        }                                                                                                                      \
        return at;                                                                                                             \
    }

#if SIMD_BYTES >= 32 && !defined(__clang__)
SIMD_INLINE void put_places_32(void *out, int64_t at, bool wide, simd_i32 places) {
    if (!wide) {
        memcpy((int32_t *)out + at, &places, sizeof places);
        return;
    }
    int64_t *to = (int64_t *)out + at;
#if SIMD_BYTES == 64
    const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256((__m512i)places));
    const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64((__m512i)places, 1));
#else
    const __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128((__m256i)places));
    const __m256i high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256((__m256i)places, 1));
#endif
    memcpy(to, &low, sizeof low);
    memcpy(to + F64_LANES, &high, sizeof high);
}
SIMD_INLINE void put_places_64(void *out, int64_t at, bool wide, simd_i64 places) {
    if (wide) memcpy((int64_t *)out + at, &places, sizeof places);
    else
        for (int i = 0; i < F64_LANES; i++) ((int32_t *)out)[at + i] = (int32_t)places[i];
}

#endif

/* All of it for a type: its rows, and groups of rows. */
#define ARG_ROWS(name, T, vector, places, place_type, bits, lanes, worst, BETTER)                                              \
    ARG_ROW(name, T, vector, places, place_type, lanes, worst, BETTER)                                                         \
    ARG_LONG(name, T, vector, places, lanes, worst, BETTER, bits)                                                              \
    ARG_GROUP(name, T, vector, places, place_type, lanes, worst, BETTER, bits)                                                 \
    /* Puts the places of as many of the rows as groups take; says of how many. */                                             \
    static int64_t name##_groups(const T *x, int64_t n, int64_t rows, void *out, int64_t at, bool wide) {                       \
        int64_t row = 0;                                                                                                       \
        const int64_t behind = n < lanes ? (lanes - 1) / n : 0; /* rows that the last one's vector reaches into */             \
        for (; row + lanes + behind <= rows; row += lanes)                                                                     \
            put_places_##bits(out, at + row, wide, n == 2 ? name##_pairs(x + row * n) : name##_group(x + row * n, n));          \
        return row;                                                                                                            \
    }

#endif
