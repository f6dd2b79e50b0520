/* Where the best element of a short row is, by AVX2: each lane keeps its best and the place of that, and at the end the first of the
 * best lanes counts. A row of a hundred elements is gone through once so, where blocks look for their best and then for its place. */
#ifndef HOOKLOOP_ARG_ROWS_H
#define HOOKLOOP_ARG_ROWS_H

#include <string.h>

#include "simd.h"

enum {
    LEAST_ARG_ROW = 12, /* elements of a row: of fewer, of which a vector must be filled, one by one takes no longer */
    SHORT_ARG_ROW = 384 /* of longer rows the search in blocks takes less */
};

#define ARG_SELECT(mask, a, b) ((__typeof__(a))_mm256_blendv_epi8((__m256i)(b), (__m256i)(a), (__m256i)(mask)))

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
        const places own = (sizeof(T) == 4 ? (places)(simd_i32){0, 1, 2, 3, 4, 5, 6, 7} : (places)(simd_i64){0, 1, 2, 3});    \
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

#endif
