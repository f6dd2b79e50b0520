/* Vectors of the widest registers of the ISA level a file is compiled for: types, loads, stores, and parts of a
 * vector without touching memory beyond it. */
#ifndef HOOKLOOP_SIMD_H
#define HOOKLOOP_SIMD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define SIMD_BYTES 64
#elif defined(__AVX__)
#define SIMD_BYTES 32
#else
#define SIMD_BYTES 16
#endif

/* Whether loading part of a vector costs no more than loading all of it. */
#if defined(__AVX512F__)
#define SIMD_FREE_MASKS 1
#else
#define SIMD_FREE_MASKS 0
#endif

/* Whether loops of a single vector are unrolled: one whose few instructions lie in two lines takes two cycles a turn, twice
 * what its loads and its store take. */
#if defined(__AVX2__) && !defined(__AVX512F__)
#define SIMD_SHORT_LOOPS_CROSS_LINES 1
#else
#define SIMD_SHORT_LOOPS_CROSS_LINES 0
#endif

#define SIMD_INLINE static inline __attribute__((always_inline))

enum { F32_LANES = SIMD_BYTES / 4, F64_LANES = SIMD_BYTES / 8 };

typedef float simd_f32 __attribute__((vector_size(SIMD_BYTES)));
typedef double simd_f64 __attribute__((vector_size(SIMD_BYTES)));
typedef int32_t simd_i32 __attribute__((vector_size(SIMD_BYTES)));
typedef int64_t simd_i64 __attribute__((vector_size(SIMD_BYTES)));

/* The same at any address of an element. */
typedef simd_f32 simd_f32_at __attribute__((aligned(4), may_alias));
typedef simd_f64 simd_f64_at __attribute__((aligned(8), may_alias));

SIMD_INLINE simd_f32 load_f32(const float *from) { return *(const simd_f32_at *)from; }
SIMD_INLINE simd_f64 load_f64(const double *from) { return *(const simd_f64_at *)from; }
SIMD_INLINE void store_f32(float *to, simd_f32 value) { *(simd_f32_at *)to = value; }
SIMD_INLINE void store_f64(double *to, simd_f64 value) { *(simd_f64_at *)to = value; }
SIMD_INLINE simd_f32 splat_f32(float value) { return value - (simd_f32){0}; }
SIMD_INLINE simd_f64 splat_f64(double value) { return value - (simd_f64){0}; }

/* The first `count` lanes (0 to all); the others load as 0 and are not stored. */
#if defined(__AVX512F__)
SIMD_INLINE simd_f32 load_part_f32(const float *from, int count) {
    return (simd_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
}
SIMD_INLINE simd_f64 load_part_f64(const double *from, int count) {
    return (simd_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), from);
}
SIMD_INLINE void store_part_f32(float *to, simd_f32 value, int count) {
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)value);
}
SIMD_INLINE void store_part_f64(double *to, simd_f64 value, int count) {
    _mm512_mask_storeu_pd(to, (__mmask8)((1u << count) - 1), (__m512d)value);
}
/* `old`, of which the `count` lanes from `first` on are loaded from `from`; those before and behind are not looked at. */
SIMD_INLINE simd_f32 load_into_f32(simd_f32 old, const float *from, int first, int count) {
    return (simd_f32)_mm512_mask_loadu_ps((__m512)old, (__mmask16)(((1u << count) - 1) << first), from - first);
}
SIMD_INLINE simd_f64 load_into_f64(simd_f64 old, const double *from, int first, int count) {
    return (simd_f64)_mm512_mask_loadu_pd((__m512d)old, (__mmask8)(((1u << count) - 1) << first), from - first);
}
#elif defined(__AVX__)
SIMD_INLINE __m256i first_lanes_32(int count) {
    const simd_i32 lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return (__m256i)(lane < count);
}
SIMD_INLINE __m256i first_lanes_64(int count) {
    const simd_i64 lane = {0, 1, 2, 3};
    return (__m256i)(lane < (int64_t)count);
}
SIMD_INLINE simd_f32 load_part_f32(const float *from, int count) {
    return (simd_f32)_mm256_maskload_ps(from, first_lanes_32(count));
}
SIMD_INLINE simd_f64 load_part_f64(const double *from, int count) {
    return (simd_f64)_mm256_maskload_pd(from, first_lanes_64(count));
}
/* In pieces: a store by a mask takes AMD's processors 12 cycles, and loads that follow it wait until it is in the cache. */
SIMD_INLINE void store_part_f32(float *to, simd_f32 value, int count) {
    if (count >= 8) {
        _mm256_storeu_ps(to, (__m256)value);
        return;
    }
    __m128 rest = _mm256_castps256_ps128((__m256)value);
    if (count & 4) {
        _mm_storeu_ps(to, rest);
        rest = _mm256_extractf128_ps((__m256)value, 1), to += 4;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)to, rest);
        rest = _mm_movehl_ps(rest, rest), to += 2;
    }
    if (count & 1) _mm_store_ss(to, rest);
}
SIMD_INLINE void store_part_f64(double *to, simd_f64 value, int count) {
    if (count >= 4) {
        _mm256_storeu_pd(to, (__m256d)value);
        return;
    }
    __m128d rest = _mm256_castpd256_pd128((__m256d)value);
    if (count & 2) {
        _mm_storeu_pd(to, rest);
        rest = _mm256_extractf128_pd((__m256d)value, 1), to += 2;
    }
    if (count & 1) _mm_store_sd(to, rest);
}
#else
SIMD_INLINE simd_f32 load_part_f32(const float *from, int count) {
    simd_f32 value = {0};
    memcpy(&value, from, (size_t)count * sizeof(float));
    return value;
}
SIMD_INLINE simd_f64 load_part_f64(const double *from, int count) {
    simd_f64 value = {0};
    memcpy(&value, from, (size_t)count * sizeof(double));
    return value;
}
SIMD_INLINE void store_part_f32(float *to, simd_f32 value, int count) {
    memcpy(to, &value, (size_t)count * sizeof(float));
}
SIMD_INLINE void store_part_f64(double *to, simd_f64 value, int count) {
    memcpy(to, &value, (size_t)count * sizeof(double));
}
#endif

/* Whether any lane is not a number. */
#if defined(__AVX512F__)
SIMD_INLINE bool any_nan_f32(simd_f32 x) { return _mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q) != 0; }
SIMD_INLINE bool any_nan_f64(simd_f64 x) { return _mm512_cmp_pd_mask((__m512d)x, (__m512d)x, _CMP_UNORD_Q) != 0; }
#elif defined(__AVX__)
SIMD_INLINE bool any_nan_f32(simd_f32 x) { return _mm256_movemask_ps((__m256)(x != x)) != 0; }
SIMD_INLINE bool any_nan_f64(simd_f64 x) { return _mm256_movemask_pd((__m256d)(x != x)) != 0; }
#else
SIMD_INLINE bool any_nan_f32(simd_f32 x) { return x[0] != x[0] || x[1] != x[1] || x[2] != x[2] || x[3] != x[3]; }
SIMD_INLINE bool any_nan_f64(simd_f64 x) { return x[0] != x[0] || x[1] != x[1]; }
#endif

/* interleave_low(a, b) = a0 b0 a1 b1 ..., interleave_high the same from the middle on; even_lanes(a, b) = a0 a2 ...
 * b0 b2 ..., odd_lanes likewise. */
#if defined(__clang__)
#define SIMD_SHUFFLE(index, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SIMD_SHUFFLE(index, a, b, ...) __builtin_shuffle(a, b, (index){__VA_ARGS__})
#endif
#if SIMD_BYTES == 64
#define F32_INDEX 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define F64_INDEX 0, 1, 2, 3, 4, 5, 6, 7
#define F32_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define F32_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define F32_EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define F32_ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define F64_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define F64_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define F64_EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define F64_ODD 1, 3, 5, 7, 9, 11, 13, 15
#elif SIMD_BYTES == 32
#define F32_INDEX 0, 1, 2, 3, 4, 5, 6, 7
#define F64_INDEX 0, 1, 2, 3
#define F32_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define F32_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define F32_EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define F32_ODD 1, 3, 5, 7, 9, 11, 13, 15
#define F64_LOW 0, 4, 1, 5
#define F64_HIGH 2, 6, 3, 7
#define F64_EVEN 0, 2, 4, 6
#define F64_ODD 1, 3, 5, 7
#else
#define F32_INDEX 0, 1, 2, 3
#define F64_INDEX 0, 1
#define F32_LOW 0, 4, 1, 5
#define F32_HIGH 2, 6, 3, 7
#define F32_EVEN 0, 2, 4, 6
#define F32_ODD 1, 3, 5, 7
#define F64_LOW 0, 2
#define F64_HIGH 1, 3
#define F64_EVEN 0, 2
#define F64_ODD 1, 3
#endif
/* 0, 1, 2, ... */
SIMD_INLINE simd_i32 lane_index_f32(void) { return (simd_i32){F32_INDEX}; }
SIMD_INLINE simd_i64 lane_index_f64(void) { return (simd_i64){F64_INDEX}; }
SIMD_INLINE simd_f32 interleave_low_f32(simd_f32 a, simd_f32 b) { return SIMD_SHUFFLE(simd_i32, a, b, F32_LOW); }
SIMD_INLINE simd_f32 interleave_high_f32(simd_f32 a, simd_f32 b) { return SIMD_SHUFFLE(simd_i32, a, b, F32_HIGH); }
SIMD_INLINE simd_f32 even_lanes_f32(simd_f32 a, simd_f32 b) { return SIMD_SHUFFLE(simd_i32, a, b, F32_EVEN); }
SIMD_INLINE simd_f32 odd_lanes_f32(simd_f32 a, simd_f32 b) { return SIMD_SHUFFLE(simd_i32, a, b, F32_ODD); }
SIMD_INLINE simd_f64 interleave_low_f64(simd_f64 a, simd_f64 b) { return SIMD_SHUFFLE(simd_i64, a, b, F64_LOW); }
SIMD_INLINE simd_f64 interleave_high_f64(simd_f64 a, simd_f64 b) { return SIMD_SHUFFLE(simd_i64, a, b, F64_HIGH); }
SIMD_INLINE simd_f64 even_lanes_f64(simd_f64 a, simd_f64 b) { return SIMD_SHUFFLE(simd_i64, a, b, F64_EVEN); }
SIMD_INLINE simd_f64 odd_lanes_f64(simd_f64 a, simd_f64 b) { return SIMD_SHUFFLE(simd_i64, a, b, F64_ODD); }


/* The sum of a vector's lanes: halves are added until one lane is left. */
#if defined(__AVX__)
SIMD_INLINE float sum_lanes_f32(simd_f32 x) {
#if defined(__AVX512F__)
    const __m256 half = _mm512_castps512_ps256((__m512)x) + (__m256)_mm512_extractf64x4_pd((__m512d)x, 1);
#else
    const __m256 half = (__m256)x;
#endif
    const __m128 quarter = _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
    const __m128 pair = quarter + _mm_movehl_ps(quarter, quarter);
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}
SIMD_INLINE double sum_lanes_f64(simd_f64 x) {
#if defined(__AVX512F__)
    const __m256d half = _mm512_castpd512_pd256((__m512d)x) + _mm512_extractf64x4_pd((__m512d)x, 1);
#else
    const __m256d half = (__m256d)x;
#endif
    const __m128d pair = _mm256_castpd256_pd128(half) + _mm256_extractf128_pd(half, 1);
    return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}
#else
SIMD_INLINE float sum_lanes_f32(simd_f32 x) {
    for (int half = F32_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) x[j] += x[j + half];
    return x[0];
}
SIMD_INLINE double sum_lanes_f64(simd_f64 x) { return x[0] + x[1]; }
#endif

/* sum_rows(row): the sum of each of as many rows as a vector has lanes, in the rows' order. The first steps stay inside
 * 128 bits, where a shuffle costs least; the tree of additions is the same for every row. */
#if SIMD_BYTES == 64
#define F32_FIRSTS 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define F32_LASTS 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define F64_FIRSTS 0, 8, 2, 10, 4, 12, 6, 14
#define F64_LASTS 1, 9, 3, 11, 5, 13, 7, 15
#define F64_EVEN_QUARTERS 0, 1, 4, 5, 8, 9, 12, 13
#define F64_ODD_QUARTERS 2, 3, 6, 7, 10, 11, 14, 15
#elif SIMD_BYTES == 32
#define F32_FIRSTS 0, 8, 1, 9, 4, 12, 5, 13
#define F32_LASTS 2, 10, 3, 11, 6, 14, 7, 15
#define F64_FIRSTS 0, 4, 2, 6
#define F64_LASTS 1, 5, 3, 7
#define F64_EVEN_QUARTERS 0, 1, 4, 5
#define F64_ODD_QUARTERS 2, 3, 6, 7
#else
#define F32_FIRSTS 0, 4, 1, 5
#define F32_LASTS 2, 6, 3, 7
#define F64_FIRSTS 0, 2
#define F64_LASTS 1, 3
#define F64_EVEN_QUARTERS 0, 1
#define F64_ODD_QUARTERS 2, 3
#endif
SIMD_INLINE simd_f64 add_pairs_f64(simd_f64 a, simd_f64 b) {
    return SIMD_SHUFFLE(simd_i64, a, b, F64_FIRSTS) + SIMD_SHUFFLE(simd_i64, a, b, F64_LASTS);
}
SIMD_INLINE simd_f64 add_quarters_f64(simd_f64 a, simd_f64 b) {
    return SIMD_SHUFFLE(simd_i64, a, b, F64_EVEN_QUARTERS) + SIMD_SHUFFLE(simd_i64, a, b, F64_ODD_QUARTERS);
}
SIMD_INLINE simd_f32 add_pairs_f32(simd_f32 a, simd_f32 b) {
    return SIMD_SHUFFLE(simd_i32, a, b, F32_FIRSTS) + SIMD_SHUFFLE(simd_i32, a, b, F32_LASTS);
}
SIMD_INLINE simd_f32 add_halves_f32(simd_f32 a, simd_f32 b) { /* two floats move as a double does */
    const simd_f64 x = (simd_f64)a, y = (simd_f64)b;
    return (simd_f32)SIMD_SHUFFLE(simd_i64, x, y, F64_FIRSTS) + (simd_f32)SIMD_SHUFFLE(simd_i64, x, y, F64_LASTS);
}
SIMD_INLINE simd_f32 add_quarters_f32(simd_f32 a, simd_f32 b) {
    const simd_f64 x = (simd_f64)a, y = (simd_f64)b;
    return (simd_f32)SIMD_SHUFFLE(simd_i64, x, y, F64_EVEN_QUARTERS) + (simd_f32)SIMD_SHUFFLE(simd_i64, x, y, F64_ODD_QUARTERS);
}
SIMD_INLINE simd_f32 sum_rows_f32(simd_f32 *row) {
    _Pragma("GCC unroll 8") for (int i = 0; i < F32_LANES / 2; i++) row[i] = add_pairs_f32(row[2 * i], row[2 * i + 1]);
    _Pragma("GCC unroll 4") for (int i = 0; i < F32_LANES / 4; i++) row[i] = add_halves_f32(row[2 * i], row[2 * i + 1]);
    _Pragma("GCC unroll 2") for (int rows = F32_LANES / 8; rows > 0; rows /= 2)
        _Pragma("GCC unroll 2") for (int i = 0; i < rows; i++) row[i] = add_quarters_f32(row[2 * i], row[2 * i + 1]);
    return row[0];
}
SIMD_INLINE simd_f64 sum_rows_f64(simd_f64 *row) {
    _Pragma("GCC unroll 4") for (int i = 0; i < F64_LANES / 2; i++) row[i] = add_pairs_f64(row[2 * i], row[2 * i + 1]);
    _Pragma("GCC unroll 2") for (int rows = F64_LANES / 4; rows > 0; rows /= 2)
        _Pragma("GCC unroll 2") for (int i = 0; i < rows; i++) row[i] = add_quarters_f64(row[2 * i], row[2 * i + 1]);
    return row[0];
}

/* The same for vectors that hold two rows each, one a half, or four, one a quarter: where row i lies is said by row_in_parts. */
SIMD_INLINE simd_f32 sum_parts_f32(const int parts, simd_f32 *v) {
    _Pragma("GCC unroll 4") for (int i = 0; i < F32_LANES / 2 / parts; i++) v[i] = add_pairs_f32(v[2 * i], v[2 * i + 1]);
    _Pragma("GCC unroll 2") for (int i = 0; i < F32_LANES / 4 / parts; i++) v[i] = add_halves_f32(v[2 * i], v[2 * i + 1]);
    return parts == 2 ? add_quarters_f32(v[0], v[1]) : v[0];
}
SIMD_INLINE simd_f64 sum_parts_f64(const int parts, simd_f64 *v) {
    _Pragma("GCC unroll 2") for (int i = 0; i < F64_LANES / 2 / parts; i++) v[i] = add_pairs_f64(v[2 * i], v[2 * i + 1]);
    return parts == 2 ? add_quarters_f64(v[0], v[1]) : v[0];
}
/* The row in this part of vector i, of a type with so many lanes. */
SIMD_INLINE int row_in_parts(const int parts, const int lanes, int i, int part) {
    const int quarter = lanes / 4;
    return i / quarter * parts * quarter + part * quarter + i % quarter;
}

/* Transposes a block of as many rows as a vector has lanes, in place: inside 128 bits first, then these quarters. `group` rows
 * are done by then. */
#define SIMD_FIRSTS_64(suffix, a, b) (simd_##suffix) SIMD_SHUFFLE(simd_i64, (simd_f64)(a), (simd_f64)(b), F64_FIRSTS)
#define SIMD_LASTS_64(suffix, a, b) (simd_##suffix) SIMD_SHUFFLE(simd_i64, (simd_f64)(a), (simd_f64)(b), F64_LASTS)
#define SIMD_EVEN_QUARTERS(suffix, a, b) \
    (simd_##suffix) SIMD_SHUFFLE(simd_i64, (simd_f64)(a), (simd_f64)(b), F64_EVEN_QUARTERS)
#define SIMD_ODD_QUARTERS(suffix, a, b) \
    (simd_##suffix) SIMD_SHUFFLE(simd_i64, (simd_f64)(a), (simd_f64)(b), F64_ODD_QUARTERS)
#if SIMD_BYTES == 64
#define SIMD_TRANSPOSE_QUARTERS(suffix, row, group)                                                     \
    _Pragma("GCC unroll 4") for (int i = 0; i < group; i++) {                                           \
        const simd_##suffix a = row[i], b = row[group + i], c = row[2 * group + i], d = row[3 * group + i]; \
        const simd_##suffix ab = SIMD_EVEN_QUARTERS(suffix, a, b), odd_ab = SIMD_ODD_QUARTERS(suffix, a, b); \
        const simd_##suffix cd = SIMD_EVEN_QUARTERS(suffix, c, d), odd_cd = SIMD_ODD_QUARTERS(suffix, c, d); \
        row[i] = SIMD_EVEN_QUARTERS(suffix, ab, cd);                                                    \
        row[2 * group + i] = SIMD_ODD_QUARTERS(suffix, ab, cd);                                         \
        row[group + i] = SIMD_EVEN_QUARTERS(suffix, odd_ab, odd_cd);                                    \
        row[3 * group + i] = SIMD_ODD_QUARTERS(suffix, odd_ab, odd_cd);                                 \
    }
#elif SIMD_BYTES == 32
#define SIMD_TRANSPOSE_QUARTERS(suffix, row, group)                                                     \
    _Pragma("GCC unroll 4") for (int i = 0; i < group; i++) {                                           \
        const simd_##suffix a = row[i], b = row[group + i];                                             \
        row[i] = SIMD_EVEN_QUARTERS(suffix, a, b);                                                      \
        row[group + i] = SIMD_ODD_QUARTERS(suffix, a, b);                                               \
    }
#else
#define SIMD_TRANSPOSE_QUARTERS(suffix, row, group)
#endif
SIMD_INLINE void transpose_f32(simd_f32 *row) {
    _Pragma("GCC unroll 4") for (int i = 0; i < F32_LANES; i += 4) {
        const simd_f32 a = row[i], b = row[i + 1], c = row[i + 2], d = row[i + 3];
        const simd_f32 ab = SIMD_SHUFFLE(simd_i32, a, b, F32_FIRSTS), last_ab = SIMD_SHUFFLE(simd_i32, a, b, F32_LASTS);
        const simd_f32 cd = SIMD_SHUFFLE(simd_i32, c, d, F32_FIRSTS), last_cd = SIMD_SHUFFLE(simd_i32, c, d, F32_LASTS);
        row[i] = SIMD_FIRSTS_64(f32, ab, cd);
        row[i + 1] = SIMD_LASTS_64(f32, ab, cd);
        row[i + 2] = SIMD_FIRSTS_64(f32, last_ab, last_cd);
        row[i + 3] = SIMD_LASTS_64(f32, last_ab, last_cd);
    }
    SIMD_TRANSPOSE_QUARTERS(f32, row, 4)
}
SIMD_INLINE void transpose_f64(simd_f64 *row) {
    _Pragma("GCC unroll 4") for (int i = 0; i < F64_LANES; i += 2) {
        const simd_f64 a = row[i], b = row[i + 1];
        row[i] = SIMD_FIRSTS_64(f64, a, b);
        row[i + 1] = SIMD_LASTS_64(f64, a, b);
    }
    SIMD_TRANSPOSE_QUARTERS(f64, row, 2)
}

/* Stores of whole lines that are not to be kept in the cache, where `to` is aligned to a vector; fence_streams() before others
 * look at them. */
#if defined(__AVX512F__)
SIMD_INLINE void stream_f32(float *to, simd_f32 value) { _mm512_stream_ps(to, (__m512)value); }
SIMD_INLINE void stream_f64(double *to, simd_f64 value) { _mm512_stream_pd(to, (__m512d)value); }
#elif defined(__AVX__)
SIMD_INLINE void stream_f32(float *to, simd_f32 value) { _mm256_stream_ps(to, (__m256)value); }
SIMD_INLINE void stream_f64(double *to, simd_f64 value) { _mm256_stream_pd(to, (__m256d)value); }
#else
SIMD_INLINE void stream_f32(float *to, simd_f32 value) { store_f32(to, value); }
SIMD_INLINE void stream_f64(double *to, simd_f64 value) { store_f64(to, value); }
#endif
SIMD_INLINE void fence_streams(void) {
#if defined(__AVX__)
    _mm_sfence();
#endif
}

#endif
