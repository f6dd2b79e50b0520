/* Complex numbers by vectors at the levels of AVX2 and AVX-512: products, squares, quotients, conjugates and absolute values.
 *
 * C's product and quotient look at each result for what is not a number, which keeps their loops from vectors. Here a vector has the plain
 * formula, and only a lane whose real or imaginary part is not a number is made again by C's operator, which knows of infinities.
 */
#ifndef HOOKLOOP_COMPLEX_VECTORS_H
#define HOOKLOOP_COMPLEX_VECTORS_H

#include "complex_types.h"
#include "simd.h"

#if defined(__AVX2__) && defined(__FMA__)
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
/* The instructions on vectors of pairs, of either width. What subtracts and adds by turns has no wide form: a product with 1 is exact. */
#if defined(__AVX512F__)
#define WIDE(name) _mm512_##name
typedef __m512 floats;
typedef __m512d doubles;
typedef __m256 half_floats;
SIMD_INLINE floats addsub_f32(floats a, floats b) { return _mm512_fmaddsub_ps(a, _mm512_set1_ps(1.0f), b); }
SIMD_INLINE floats with_odd_f32(floats a, floats odd) { return _mm512_mask_mov_ps(a, 0xaaaa, odd); }
SIMD_INLINE doubles with_odd_f64(doubles a, doubles odd) { return _mm512_mask_mov_pd(a, 0xaa, odd); }
SIMD_INLINE doubles swapped_f64(doubles a) { return _mm512_permute_pd(a, 0x55); }
SIMD_INLINE doubles odd_twice_f64(doubles a) { return _mm512_permute_pd(a, 0xff); }
SIMD_INLINE doubles evens_first_f64(doubles a) { return _mm512_permutexvar_pd(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), a); }
SIMD_INLINE half_floats lower_f32(floats a) { return _mm512_castps512_ps256(a); }
SIMD_INLINE half_floats upper_f32(floats a) { return _mm512_extractf32x8_ps(a, 1); }
SIMD_INLINE floats joined_f32(half_floats low, half_floats high) { return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1); }
SIMD_INLINE doubles splat_pair_f64(double complex value) {
    return _mm512_broadcast_f64x2(_mm_setr_pd(creal(value), cimag(value)));
}
#else
#define WIDE(name) _mm256_##name
typedef __m256 floats;
typedef __m256d doubles;
typedef __m128 half_floats;
SIMD_INLINE floats addsub_f32(floats a, floats b) { return _mm256_addsub_ps(a, b); }
SIMD_INLINE floats with_odd_f32(floats a, floats odd) { return _mm256_blend_ps(a, odd, 0xaa); }
SIMD_INLINE doubles with_odd_f64(doubles a, doubles odd) { return _mm256_blend_pd(a, odd, 0xa); }
SIMD_INLINE doubles swapped_f64(doubles a) { return _mm256_permute_pd(a, 0x5); }
SIMD_INLINE doubles odd_twice_f64(doubles a) { return _mm256_permute_pd(a, 0xf); }
SIMD_INLINE doubles evens_first_f64(doubles a) { return _mm256_permute4x64_pd(a, 0xd8); }
SIMD_INLINE half_floats lower_f32(floats a) { return _mm256_castps256_ps128(a); }
SIMD_INLINE half_floats upper_f32(floats a) { return _mm256_extractf128_ps(a, 1); }
SIMD_INLINE floats joined_f32(half_floats low, half_floats high) { return _mm256_set_m128(high, low); }
SIMD_INLINE doubles splat_pair_f64(double complex value) { return _mm256_setr_pd(creal(value), cimag(value), creal(value), cimag(value)); }
#endif
SIMD_INLINE simd_c64 splat_c64(float complex value) {
    double both;
    memcpy(&both, &value, sizeof both);
    return (simd_c64)WIDE(set1_pd)(both);
}
SIMD_INLINE simd_c128 splat_c128(double complex value) { return (simd_c128)splat_pair_f64(value); }

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
SIMD_INLINE simd_c64 plain_product_c64(simd_c64 a, simd_c64 b) {
    const floats x = (floats)a, y = (floats)b, crossed = WIDE(mul_ps)(WIDE(movehdup_ps)(x), WIDE(permute_ps)(y, 0xb1));
    return (simd_c64)addsub_f32(WIDE(mul_ps)(WIDE(moveldup_ps)(x), y), crossed);
}
/* What C makes of a product whose both parts are no number: with an infinite operand or product of parts it is infinite. Numbers that
 * have left the plane, as in a picture of Mandelbrot's set, come here in each step. */
static __attribute__((noinline, unused)) simd_c64 infinite_products_c64(simd_c64 a, simd_c64 b, simd_c64 value) {
    const int32_t one = 0x3f800000, infinity = 0x7f800000;
    simd_i32 x = (simd_i32)a, y = (simd_i32)b;
    const simd_i32 sizes_x = x & INT32_MAX, sizes_y = y & INT32_MAX, none = (simd_i32)value & INT32_MAX;
    const simd_i32 signs_x = x & INT32_MIN, signs_y = y & INT32_MIN;
    const simd_i32 infinite_x = (simd_i32)(sizes_x == infinity), infinite_y = (simd_i32)(sizes_y == infinity);
#define SWAPPED(x) ((simd_i32)WIDE(permute_ps)((floats)(x), 0xb1))
#define BOTH(x) ((x) & SWAPPED(x))
#define EITHER(x) ((x) | SWAPPED(x))
#define CHOSEN(mask, x, y) (((mask) & (x)) | (~(mask) & (y)))
    const simd_i32 straight = (simd_i32)WIDE(mul_ps)((floats)a, (floats)b) & INT32_MAX;
    const simd_i32 crossed = (simd_i32)WIDE(mul_ps)((floats)a, WIDE(permute_ps)((floats)b, 0xb1)) & INT32_MAX;
    const simd_i32 beyond = EITHER((simd_i32)(straight == infinity) | (simd_i32)(crossed == infinity));
    const simd_i32 either_x = EITHER(infinite_x), either_y = EITHER(infinite_y), either = either_x | either_y;
    const simd_i32 again = BOTH((simd_i32)(none > infinity)) & (either | beyond);
    const simd_i32 to_zero_x = (simd_i32)(sizes_x > infinity) & (either_y | (beyond & ~either));
    const simd_i32 to_zero_y = (simd_i32)(sizes_y > infinity) & (either_x | (beyond & ~either));
    x = CHOSEN(either_x, (infinite_x & one) | signs_x, CHOSEN(to_zero_x, signs_x, x));
    y = CHOSEN(either_y, (infinite_y & one) | signs_y, CHOSEN(to_zero_y, signs_y, y));
    const simd_c64 made = plain_product_c64((simd_c64)x, (simd_c64)y) * splat_f32(__builtin_inff());
    return (simd_c64)CHOSEN(again, (simd_i32)made, (simd_i32)value);
#undef SWAPPED
#undef BOTH
#undef EITHER
#undef CHOSEN
}
SIMD_INLINE simd_c64 mul_c64(simd_c64 a, simd_c64 b) {
    const simd_c64 value = plain_product_c64(a, b);
    return __builtin_expect(any_nan_f32(value), 0) ? infinite_products_c64(a, b, value) : value;
}
SIMD_INLINE simd_c128 mul_c128(simd_c128 a, simd_c128 b) {
    const doubles x = (doubles)a, y = (doubles)b, crossed = WIDE(mul_pd)(odd_twice_f64(x), swapped_f64(y));
    const simd_c128 value = (simd_c128)WIDE(fmaddsub_pd)(WIDE(movedup_pd)(x), y, crossed);
    BY_LANES(c128, double complex, C128_LANES, any_nan_f64, a, b, value, x * y)
}

/* The imaginary part is twice the rounded product of the parts. */
SIMD_INLINE simd_c64 square_c64(simd_c64 a) {
    const floats x = (floats)a, odd = WIDE(movehdup_ps)(x), both = WIDE(mul_ps)(x, WIDE(permute_ps)(x, 0xb1));
    const floats real = WIDE(fmsub_ps)(x, x, WIDE(mul_ps)(odd, odd));
    const simd_c64 value = (simd_c64)with_odd_f32(real, WIDE(add_ps)(both, both));
    return __builtin_expect(any_nan_f32(value), 0) ? infinite_products_c64(a, a, value) : value;
}
SIMD_INLINE simd_c128 square_c128(simd_c128 a) {
    const doubles x = (doubles)a, odd = odd_twice_f64(x), both = WIDE(mul_pd)(x, swapped_f64(x));
    const doubles real = WIDE(fmsub_pd)(x, x, WIDE(mul_pd)(odd, odd));
    const simd_c128 value = (simd_c128)with_odd_f64(real, WIDE(add_pd)(both, both));
    BY_LANES(c128, double complex, C128_LANES, any_nan_f64, a, a, value, x * y)
}

/* Quotients of floats are made in double, where no product of two is rounded. */
SIMD_INLINE half_floats quotients_of_pairs(half_floats a, half_floats b) {
    const doubles x = WIDE(cvtps_pd)(a), y = WIDE(cvtps_pd)(b);
    const doubles squares = WIDE(mul_pd)(y, y), divisor = WIDE(add_pd)(squares, swapped_f64(squares));
    const doubles crossed = WIDE(mul_pd)(swapped_f64(x), odd_twice_f64(y));
    return WIDE(cvtpd_ps)(WIDE(div_pd)(WIDE(fmsubadd_pd)(x, WIDE(movedup_pd)(y), crossed), divisor));
}
SIMD_INLINE simd_c64 div_c64(simd_c64 a, simd_c64 b) {
    const floats x = (floats)a, y = (floats)b;
    const half_floats low = quotients_of_pairs(lower_f32(x), lower_f32(y)), high = quotients_of_pairs(upper_f32(x), upper_f32(y));
    const simd_c64 value = (simd_c64)joined_f32(low, high);
    BY_LANES(c64, float complex, C64_LANES, any_nan_f32, a, b, value, x / y)
}

/* The sums of the pairs' squares, in the pairs' order but for evens_first; infinite where a part is, which a part that is none does not
 * change. */
SIMD_INLINE doubles sums_of_pairs(doubles low, doubles high) {
    const doubles squares = WIDE(mul_pd)(low, low), more = WIDE(mul_pd)(high, high);
    const doubles sums = WIDE(add_pd)(WIDE(unpacklo_pd)(squares, more), WIDE(unpackhi_pd)(squares, more));
    if (__builtin_expect(!any_nan_f64((simd_f64)sums), 1)) return sums;
    const int64_t infinity = 0x7ff0000000000000;
    const simd_i64 first = (simd_i64)WIDE(unpacklo_pd)(squares, more), second = (simd_i64)WIDE(unpackhi_pd)(squares, more);
    const simd_i64 infinite = (simd_i64)(first == infinity) | (simd_i64)(second == infinity);
    return (doubles)((infinite & infinity) | (~infinite & (simd_i64)sums));
}

/* Absolute values of floats are made in double, as hypotf makes them. */
SIMD_INLINE void store_lengths_c64(float *to, simd_c64 a) {
    const doubles low = WIDE(cvtps_pd)(lower_f32((floats)a)), high = WIDE(cvtps_pd)(upper_f32((floats)a));
    const half_floats value = WIDE(cvtpd_ps)(WIDE(sqrt_pd)(evens_first_f64(sums_of_pairs(low, high))));
    memcpy(to, &value, sizeof value);
}

#else
#define COMPLEX_VECTORS 0
#endif
#endif
