/* Complex numbers by vectors at the AVX2 level: products, squares, quotients, conjugates and absolute values.
 *
 * C's product and quotient look at each result for what is not a number, which keeps their loops from vectors. Here a vector has the plain
 * formula, and only a lane whose real or imaginary part is not a number is made again by C's operator, which knows of infinities.
 */
#ifndef HOOKLOOP_COMPLEX_VECTORS_H
#define HOOKLOOP_COMPLEX_VECTORS_H

#include "complex_types.h"
#include "simd.h"

#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
#define COMPLEX_VECTORS 1

enum { C64_LANES = F32_LANES / 2, C128_LANES = F64_LANES / 2 };
typedef simd_f32 simd_c64; /* real and imaginary parts by turns */
typedef simd_f64 simd_c128;

SIMD_INLINE simd_c64 load_c64(const float complex *from) { return load_f32((const float *)from); }
SIMD_INLINE simd_c128 load_c128(const double complex *from) { return load_f64((const double *)from); }
SIMD_INLINE void store_c64(float complex *to, simd_c64 value) { store_f32((float *)to, value); }
SIMD_INLINE void store_c128(double complex *to, simd_c128 value) { store_f64((double *)to, value); }
SIMD_INLINE simd_c64 load_part_c64(const float complex *from, int count) { return load_part_f32((const float *)from, 2 * count); }
SIMD_INLINE simd_c128 load_part_c128(const double complex *from, int count) { return load_part_f64((const double *)from, 2 * count); }
SIMD_INLINE void store_part_c64(float complex *to, simd_c64 value, int count) { store_part_f32((float *)to, value, 2 * count); }
SIMD_INLINE void store_part_c128(double complex *to, simd_c128 value, int count) { store_part_f64((double *)to, value, 2 * count); }
SIMD_INLINE simd_c64 splat_c64(float complex value) {
    double both;
    memcpy(&both, &value, sizeof both);
    return (simd_c64)_mm256_set1_pd(both);
}
SIMD_INLINE simd_c128 splat_c128(double complex value) { return (simd_c128)_mm256_setr_pd(creal(value), cimag(value), creal(value), cimag(value)); }

/* The vector with each lane that is not a number made by EXPR of the lanes x and y. */
#define BY_LANES(tag, Z, LANES, any_nan, a, b, value, EXPR)                     \
    if (__builtin_expect(any_nan(value), 0)) {                                  \
        Z left[LANES], right[LANES], result[LANES];                             \
        store_##tag(left, a), store_##tag(right, b), store_##tag(result, value); \
        for (int i = 0; i < LANES; i++) {                                       \
            const Z x = left[i], y = right[i];                                  \
            if (result[i] != result[i]) result[i] = (EXPR);                     \
        }                                                                       \
        return load_##tag(result);                                              \
    }                                                                           \
    return value;

/* Each product is rounded, as the compiler's loops over floats have it; over doubles it adds the first one unrounded. */
SIMD_INLINE simd_c64 mul_c64(simd_c64 a, simd_c64 b) {
    const __m256 x = (__m256)a, y = (__m256)b, crossed = _mm256_mul_ps(_mm256_movehdup_ps(x), _mm256_permute_ps(y, 0xb1));
    const simd_c64 value = (simd_c64)_mm256_addsub_ps(_mm256_mul_ps(_mm256_moveldup_ps(x), y), crossed);
    BY_LANES(c64, float complex, C64_LANES, any_nan_f32, a, b, value, x * y)
}
SIMD_INLINE simd_c128 mul_c128(simd_c128 a, simd_c128 b) {
    const __m256d x = (__m256d)a, y = (__m256d)b, crossed = _mm256_mul_pd(_mm256_permute_pd(x, 0xf), _mm256_permute_pd(y, 0x5));
    const simd_c128 value = (simd_c128)_mm256_fmaddsub_pd(_mm256_movedup_pd(x), y, crossed);
    BY_LANES(c128, double complex, C128_LANES, any_nan_f64, a, b, value, x * y)
}

/* The imaginary part is twice the rounded product of the parts. */
SIMD_INLINE simd_c64 square_c64(simd_c64 a) {
    const __m256 x = (__m256)a, odd = _mm256_movehdup_ps(x), both = _mm256_mul_ps(x, _mm256_permute_ps(x, 0xb1));
    const __m256 real = _mm256_fmsub_ps(x, x, _mm256_mul_ps(odd, odd));
    const simd_c64 value = (simd_c64)_mm256_blend_ps(real, _mm256_add_ps(both, both), 0xaa);
    BY_LANES(c64, float complex, C64_LANES, any_nan_f32, a, a, value, x * y)
}
SIMD_INLINE simd_c128 square_c128(simd_c128 a) {
    const __m256d x = (__m256d)a, odd = _mm256_permute_pd(x, 0xf), both = _mm256_mul_pd(x, _mm256_permute_pd(x, 0x5));
    const __m256d real = _mm256_fmsub_pd(x, x, _mm256_mul_pd(odd, odd));
    const simd_c128 value = (simd_c128)_mm256_blend_pd(real, _mm256_add_pd(both, both), 0xa);
    BY_LANES(c128, double complex, C128_LANES, any_nan_f64, a, a, value, x * y)
}

/* Quotients of floats are made in double, where no product of two is rounded. */
SIMD_INLINE __m128 quotients_of_pairs(__m128 a, __m128 b) {
    const __m256d x = _mm256_cvtps_pd(a), y = _mm256_cvtps_pd(b);
    const __m256d squares = _mm256_mul_pd(y, y), divisor = _mm256_add_pd(squares, _mm256_permute_pd(squares, 0x5));
    const __m256d crossed = _mm256_mul_pd(_mm256_permute_pd(x, 0x5), _mm256_permute_pd(y, 0xf));
    return _mm256_cvtpd_ps(_mm256_div_pd(_mm256_fmsubadd_pd(x, _mm256_movedup_pd(y), crossed), divisor));
}
SIMD_INLINE simd_c64 div_c64(simd_c64 a, simd_c64 b) {
    const __m256 x = (__m256)a, y = (__m256)b;
    const __m128 low = quotients_of_pairs(_mm256_castps256_ps128(x), _mm256_castps256_ps128(y));
    const __m128 high = quotients_of_pairs(_mm256_extractf128_ps(x, 1), _mm256_extractf128_ps(y, 1));
    const simd_c64 value = (simd_c64)_mm256_set_m128(high, low);
    BY_LANES(c64, float complex, C64_LANES, any_nan_f32, a, b, value, x / y)
}

/* Absolute values of floats are made in double, as hypotf makes them. */
SIMD_INLINE __m128 lengths_c64(simd_c64 a) {
    const __m256 x = (__m256)a;
    const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(x)), high = _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
    const __m256d sums = _mm256_hadd_pd(_mm256_mul_pd(low, low), _mm256_mul_pd(high, high));
    const __m128 value = _mm256_cvtpd_ps(_mm256_sqrt_pd(_mm256_permute4x64_pd(sums, 0xd8)));
    if (__builtin_expect(_mm_movemask_ps(_mm_cmpunord_ps(value, value)), 0)) { /* a length is infinite as soon as one part is */
        float complex parts[C64_LANES];
        store_c64(parts, a);
        return _mm_setr_ps(cabsf(parts[0]), cabsf(parts[1]), cabsf(parts[2]), cabsf(parts[3]));
    }
    return value;
}

#else
#define COMPLEX_VECTORS 0
#endif
#endif
