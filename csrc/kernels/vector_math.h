/* Elementary functions over whole vectors, at most 2 units in the last place off over all of their range.
 *
 * Results that would be subnormal are 0, and subnormal arguments count as 0, as everywhere in a run. Products that must
 * not round are written for processors with and without fused multiply-add. Functions of floats that cost nothing more
 * are computed in double, with shorter polynomials (the tables named LOW).
 */
#ifndef HOOKLOOP_VECTOR_MATH_H
#define HOOKLOOP_VECTOR_MATH_H

#include <math.h>

#include "simd.h"
#include "vector_math_tables.h"

/* --- lanes -------------------------------------------------------------------------------------------------------- */

/* The bits of numbers, whose sums and differences may wrap. */
typedef uint32_t bits_f32 __attribute__((vector_size(SIMD_BYTES)));
typedef uint64_t bits_f64 __attribute__((vector_size(SIMD_BYTES)));

/* Lane by lane, mask is all ones or all zeros as comparisons give it. */
SIMD_INLINE simd_f32 select_f32(simd_i32 mask, simd_f32 yes, simd_f32 no) {
    return (simd_f32)((mask & (simd_i32)yes) | (~mask & (simd_i32)no));
}
SIMD_INLINE simd_f64 select_f64(simd_i64 mask, simd_f64 yes, simd_f64 no) {
    return (simd_f64)((mask & (simd_i64)yes) | (~mask & (simd_i64)no));
}

/* The larger and smaller; b where a is not a number. */
#if defined(__AVX512F__)
SIMD_INLINE simd_f32 max_f32(simd_f32 a, simd_f32 b) { return (simd_f32)_mm512_max_ps((__m512)a, (__m512)b); }
SIMD_INLINE simd_f32 min_f32(simd_f32 a, simd_f32 b) { return (simd_f32)_mm512_min_ps((__m512)a, (__m512)b); }
SIMD_INLINE simd_f64 max_f64(simd_f64 a, simd_f64 b) { return (simd_f64)_mm512_max_pd((__m512d)a, (__m512d)b); }
SIMD_INLINE simd_f64 min_f64(simd_f64 a, simd_f64 b) { return (simd_f64)_mm512_min_pd((__m512d)a, (__m512d)b); }
#elif defined(__AVX__)
SIMD_INLINE simd_f32 max_f32(simd_f32 a, simd_f32 b) { return (simd_f32)_mm256_max_ps((__m256)a, (__m256)b); }
SIMD_INLINE simd_f32 min_f32(simd_f32 a, simd_f32 b) { return (simd_f32)_mm256_min_ps((__m256)a, (__m256)b); }
SIMD_INLINE simd_f64 max_f64(simd_f64 a, simd_f64 b) { return (simd_f64)_mm256_max_pd((__m256d)a, (__m256d)b); }
SIMD_INLINE simd_f64 min_f64(simd_f64 a, simd_f64 b) { return (simd_f64)_mm256_min_pd((__m256d)a, (__m256d)b); }
#else
SIMD_INLINE simd_f32 max_f32(simd_f32 a, simd_f32 b) { return select_f32(a > b, a, b); }
SIMD_INLINE simd_f32 min_f32(simd_f32 a, simd_f32 b) { return select_f32(a < b, a, b); }
SIMD_INLINE simd_f64 max_f64(simd_f64 a, simd_f64 b) { return select_f64(a > b, a, b); }
SIMD_INLINE simd_f64 min_f64(simd_f64 a, simd_f64 b) { return select_f64(a < b, a, b); }
#endif

/* The larger and smaller; where operands are not numbers the first that is none. */
#if defined(__AVX512F__)
#define HELD_BOUND(name, suffix, V, mask_bound, cmp_mask)                                       \
    SIMD_INLINE simd_##suffix name##_##suffix(simd_##suffix a, simd_##suffix b) {                      \
        return (simd_##suffix)mask_bound((V)a, cmp_mask((V)a, (V)a, _CMP_ORD_Q), (V)a, (V)b);          \
    }
HELD_BOUND(max_or_nan, f32, __m512, _mm512_mask_max_ps, _mm512_cmp_ps_mask)
HELD_BOUND(min_or_nan, f32, __m512, _mm512_mask_min_ps, _mm512_cmp_ps_mask)
HELD_BOUND(max_or_nan, f64, __m512d, _mm512_mask_max_pd, _mm512_cmp_pd_mask)
HELD_BOUND(min_or_nan, f64, __m512d, _mm512_mask_min_pd, _mm512_cmp_pd_mask)
#else
#define HELD_BOUND(name, suffix, bound)                                                                \
    SIMD_INLINE simd_##suffix name##_##suffix(simd_##suffix a, simd_##suffix b) {                      \
        return select_##suffix(a != a, a, bound(a, b));                                                \
    }
HELD_BOUND(max_or_nan, f32, max_f32)
HELD_BOUND(min_or_nan, f32, min_f32)
HELD_BOUND(max_or_nan, f64, max_f64)
HELD_BOUND(min_or_nan, f64, min_f64)
#endif
#undef HELD_BOUND

SIMD_INLINE simd_f32 abs_f32(simd_f32 x) { return (simd_f32)((simd_i32)x & 0x7fffffff); }
SIMD_INLINE simd_f64 abs_f64(simd_f64 x) { return (simd_f64)((simd_i64)x & 0x7fffffffffffffff); }
SIMD_INLINE simd_f32 with_sign_f32(simd_f32 size, simd_f32 sign) {
    return (simd_f32)((simd_i32)size | ((simd_i32)sign & (int32_t)0x80000000));
}
SIMD_INLINE simd_f64 with_sign_f64(simd_f64 size, simd_f64 sign) {
    return (simd_f64)((simd_i64)size | ((simd_i64)sign & (int64_t)0x8000000000000000));
}

SIMD_INLINE int any_i32(simd_i32 mask) {
#if defined(__AVX512F__)
    return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(__AVX__)
    return _mm256_movemask_ps((__m256)mask) != 0;
#else
    int any = 0;
    for (int i = 0; i < F32_LANES; i++) any |= mask[i];
    return any != 0;
#endif
}
SIMD_INLINE int any_i64(simd_i64 mask) {
#if defined(__AVX512F__)
    return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif defined(__AVX__)
    return _mm256_movemask_pd((__m256d)mask) != 0;
#else
    int64_t any = 0;
    for (int i = 0; i < F64_LANES; i++) any |= mask[i];
    return any != 0;
#endif
}

SIMD_INLINE simd_f32 root_f32(simd_f32 x) {
#if defined(__AVX512F__)
    return (simd_f32)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX__)
    return (simd_f32)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < F32_LANES; i++) x[i] = sqrtf(x[i]);
    return x;
#endif
}
SIMD_INLINE simd_f64 root_f64(simd_f64 x) {
#if defined(__AVX512F__)
    return (simd_f64)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX__)
    return (simd_f64)_mm256_sqrt_pd((__m256d)x);
#else
    for (int i = 0; i < F64_LANES; i++) x[i] = sqrt(x[i]);
    return x;
#endif
}

/* 1 / sqrt(x), by an estimate of 14 bits and a step of Newton's where there is one. */
SIMD_INLINE simd_f32 rsqrt_f32(simd_f32 x) {
#if defined(__AVX512F__)
    const simd_f32 y = (simd_f32)_mm512_rsqrt14_ps((__m512)x), product = x * y;
    const simd_f32 better = y + 0.5f * y * (1.0f - product * y);
    return select_f32((y > 0.0f) & (y < INFINITY), better, y); /* of 0, infinity and what is no number the estimate is exact */
#else
    return 1.0f / root_f32(x);
#endif
}

/* x / y, rounded as a division is, for x beyond 2^-100 (otherwise 2 units off at most). Where there are estimates of 14 bits: by one
 * of 1 / y, a step of Newton's and a correction by what is left (P. Markstein, "IA-64 and Elementary Functions", 2000). It pays where
 * roots are taken beside it: they leave the divider no time. */
SIMD_INLINE simd_f32 quotient_f32(simd_f32 x, simd_f32 y) {
#if defined(__AVX512F__)
    const simd_f32 estimate = (simd_f32)_mm512_rcp14_ps((__m512)y);
    const simd_f32 inverse = estimate + estimate * (1.0f - estimate * y), near = x * inverse;
    const simd_f32 quotient = near + inverse * (x - near * y);
    /* Of 0, infinity and what is no number it is no number; of y beyond 2^125 the estimate would be subnormal. */
    const __mmask16 fit = _mm512_cmp_ps_mask((__m512)abs_f32(y), _mm512_set1_ps(0x1p125f), _CMP_LE_OQ);
    const __mmask16 usual = _mm512_mask_cmp_ps_mask(fit, (__m512)quotient, (__m512)quotient, _CMP_ORD_Q);
    if (__builtin_expect(usual != (__mmask16)-1, 0))
        return (simd_f32)_mm512_mask_div_ps((__m512)quotient, (__mmask16)~usual, (__m512)x, (__m512)y);
    return quotient;
#else
    return x / y;
#endif
}

/* Lanes for which the vector's way does not hold, by libm. */
#define LANES_BY_LIBM(value, x, lanes, mask, function) \
    for (int i = 0; i < lanes; i++)                    \
        if ((mask)[i]) (value)[i] = function((x)[i])

/* A function by libm alone, which is quicker where there are no fused multiply-adds. */
#define BY_LIBM(suffix, LANES, op, function)                      \
    SIMD_INLINE simd_##suffix op##_##suffix(simd_##suffix x) {    \
        for (int i = 0; i < LANES; i++) x[i] = function(x[i]);    \
        return x;                                                 \
    }

/* A vector of floats as two of doubles, and back. */
typedef float simd_f32_half __attribute__((vector_size(SIMD_BYTES / 2)));
typedef struct double_pair { simd_f64 low, high; } double_pair;
SIMD_INLINE double_pair widen_f32(simd_f32 x) {
    simd_f32_half half[2];
    memcpy(half, &x, sizeof x);
    return (double_pair){__builtin_convertvector(half[0], simd_f64), __builtin_convertvector(half[1], simd_f64)};
}
SIMD_INLINE simd_f32 narrow_f64(simd_f64 low, simd_f64 high) {
    const simd_f32_half half[2] = {__builtin_convertvector(low, simd_f32_half), __builtin_convertvector(high, simd_f32_half)};
    simd_f32 value;
    memcpy(&value, half, sizeof value);
    return value;
}

/* A float function of one operand from a double one. */
#define IN_DOUBLE(name, function)                                     \
    SIMD_INLINE simd_f32 name(simd_f32 x) {                           \
        const double_pair wide = widen_f32(x);                        \
        return narrow_f64(function(wide.low), function(wide.high));   \
    }

/* Whether functions of floats that take products which do not round are computed in float: half as many vectors as in double, and no conversions. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define FLOATS_ALONE 1
#else
#define FLOATS_ALONE 0
#endif

/* What a * b loses by rounding to `product`. */
SIMD_INLINE simd_f64 product_error_f64(simd_f64 a, simd_f64 b, simd_f64 product) {
#if defined(__AVX512F__)
    return (simd_f64)_mm512_fmsub_pd((__m512d)a, (__m512d)b, (__m512d)product);
#elif defined(__FMA__)
    return (simd_f64)_mm256_fmsub_pd((__m256d)a, (__m256d)b, (__m256d)product);
#else
    const int64_t upper = (int64_t)0xfffffffff8000000; /* 26 bits of the mantissa */
    const simd_f64 ah = (simd_f64)((simd_i64)a & upper), al = a - ah;
    const simd_f64 bh = (simd_f64)((simd_i64)b & upper), bl = b - bh;
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
#endif
}

SIMD_INLINE simd_f32 product_error_f32(simd_f32 a, simd_f32 b, simd_f32 product) {
#if defined(__AVX512F__)
    return (simd_f32)_mm512_fmsub_ps((__m512)a, (__m512)b, (__m512)product);
#elif defined(__FMA__)
    return (simd_f32)_mm256_fmsub_ps((__m256)a, (__m256)b, (__m256)product);
#else
    const int32_t upper = (int32_t)0xfffff000; /* 12 bits of the mantissa */
    const simd_f32 ah = (simd_f32)((simd_i32)a & upper), al = a - ah;
    const simd_f32 bh = (simd_f32)((simd_i32)b & upper), bl = b - bh;
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
#endif
}

/* c - a * b, rounded once, where c is not that product as it was rounded: the compiler would take the two for one. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
SIMD_INLINE simd_f32 rest_f32(simd_f32 c, simd_f32 a, simd_f32 b) { return c - a * b; } /* contracted by the compiler */
SIMD_INLINE simd_f64 rest_f64(simd_f64 c, simd_f64 a, simd_f64 b) { return c - a * b; }
#else
SIMD_INLINE simd_f32 rest_f32(simd_f32 c, simd_f32 a, simd_f32 b) {
    const double_pair x = widen_f32(a), y = widen_f32(b), z = widen_f32(c);
    return narrow_f64(z.low - x.low * y.low, z.high - x.high * y.high);
}
SIMD_INLINE simd_f64 rest_f64(simd_f64 c, simd_f64 a, simd_f64 b) {
    const simd_f64 product = a * b;
    return (c - product) - product_error_f64(a, b, product);
}
#endif

/* c[0] + c[1] x + ... Where few vectors fit the processor's schedulers at a time, even and odd powers are added up apart: what
 * waits for each other is half as long. */
#define POWERS_APART 6
#define POLYNOMIAL(c, x) polynomial_f64(c, (int)(sizeof(c) / sizeof *(c)), x)
#define POLYNOMIAL_F32(c, x) polynomial_f32(c, (int)(sizeof(c) / sizeof *(c)), x)
#define POLYNOMIAL_OF(suffix, REAL)                                                                       \
    SIMD_INLINE simd_##suffix powers_##suffix(const double *c, int from, int step, simd_##suffix x) {     \
        simd_##suffix value = splat_##suffix((REAL)c[from]);                                              \
        _Pragma("GCC unroll 32") for (int i = from - step; i >= 0; i -= step) value = value * x + (REAL)c[i]; \
        return value;                                                                                     \
    }                                                                                                     \
    SIMD_INLINE simd_##suffix polynomial_##suffix(const double *c, int count, simd_##suffix x) {          \
        if (sizeof(REAL) == 4 || count < POWERS_APART) return powers_##suffix(c, count - 1, 1, x);                             \
        const simd_##suffix square = x * x;                                                               \
        const int even = (count - 1) / 2 * 2, odd = count / 2 * 2 - 1;                                    \
        return powers_##suffix(c + 1, odd - 1, 2, square) * x + powers_##suffix(c, even, 2, square);      \
    }
POLYNOMIAL_OF(f64, double)
POLYNOMIAL_OF(f32, float)

/* --- exp ------------------------------------------------------------------------------------------------------------
 * x = n ln 2 + r, a polynomial in r, and 2^n: in two factors where one would under- or overflow early. Adding the magic
 * number 1.5 * 2^23 (2^52) rounds to an integer, which is then in the lower bits. */

/* lost: what r lost by rounding; magic: n and the magic number, of which shifts leave nothing in the exponent. */
typedef struct exponent_f32 { simd_f32 r, lost, n; simd_i32 bits, magic; } exponent_f32;
typedef struct exponent_f64 { simd_f64 r, lost, n; simd_i64 bits, magic; } exponent_f64;

SIMD_INLINE exponent_f32 reduce_exp_f32(simd_f32 x) {
    const simd_f32 magic = splat_f32(12582912.0f), shifted = x * 1.44269504088896341f + magic, n = shifted - magic;
    const simd_f32 head = x - n * 0.693359375f, tail = n * -2.12194440e-4f, r = head - tail;
    return (exponent_f32){r, (head - r) - tail, n, (simd_i32)shifted - (simd_i32)magic, (simd_i32)shifted};
}
SIMD_INLINE exponent_f64 reduce_exp_f64(simd_f64 x) {
    const simd_f64 magic = splat_f64(6755399441055744.0), shifted = x * 1.4426950408889634074 + magic, n = shifted - magic;
    const simd_f64 head = x - n * 6.93147180369123816490e-01, tail = n * 1.90821492927058770002e-10, r = head - tail;
    return (exponent_f64){r, (head - r) - tail, n, (simd_i64)shifted - (simd_i64)magic, (simd_i64)shifted};
}

SIMD_INLINE simd_f32 scale_f32(simd_f32 value, exponent_f32 e) {
#if defined(__AVX512F__)
    return (simd_f32)_mm512_scalef_ps((__m512)value, (__m512)e.n);
#else
    const simd_i32 half = e.bits >> 1;
    return value * (simd_f32)((half + 127) << 23) * (simd_f32)((e.bits - half + 127) << 23);
#endif
}
SIMD_INLINE simd_f64 scale_f64(simd_f64 value, exponent_f64 e) {
#if defined(__AVX512F__)
    return (simd_f64)_mm512_scalef_pd((__m512d)value, (__m512d)e.n);
#else
    const simd_i64 half = (simd_i64)((simd_i32)e.bits >> 1); /* wide shifts that keep the sign are missing */
    return value * (simd_f64)((half + 1023) << 52) * (simd_f64)((e.bits - half + 1023) << 52);
#endif
}

/* Adds n to the exponent of a normal number that stays one. */
SIMD_INLINE simd_f32 raise_f32(simd_f32 value, exponent_f32 e) { return (simd_f32)((simd_i32)value + (e.magic << 23)); }
SIMD_INLINE simd_f64 raise_f64(simd_f64 value, exponent_f64 e) { return (simd_f64)((simd_i64)value + (e.magic << 52)); }

/* e^r - 1 for |r| up to ln(2) / 2. */
SIMD_INLINE simd_f32 expm1_core_f32(exponent_f32 e) {
    const simd_f32 r = e.r;
    simd_f32 p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + e.lost + r;
}
SIMD_INLINE simd_f64 expm1_core_f64(exponent_f64 e) {
    return POLYNOMIAL(EXP_CORE_F64, e.r) * (e.r * e.r) + e.lost + e.r;
}

#if defined(__AVX512F__)
/* NaN stays NaN: the bounds come first, and max and min give their second operand where one is none. */
SIMD_INLINE simd_f32 exp_f32(simd_f32 x) {
    const exponent_f32 e = reduce_exp_f32(max_f32(splat_f32(-104.0f), min_f32(splat_f32(89.0f), x)));
    return scale_f32(expm1_core_f32(e) + 1.0f, e);
}
SIMD_INLINE simd_f64 exp_f64(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(max_f64(splat_f64(-746.0), min_f64(splat_f64(710.0), x)));
    return scale_f64(expm1_core_f64(e) + 1.0, e);
}

/* In double, good enough for a float. */
SIMD_INLINE simd_f64 exp_low_f64(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(max_f64(splat_f64(-746.0), min_f64(splat_f64(710.0), x)));
    return scale_f64(POLYNOMIAL(EXP_CORE_LOW, e.r) * (e.r * e.r) + e.r + 1.0, e);
}
#define exp_inside_f64 exp_f64
#define exp_inside_low exp_low_f64
#define exp_below_f32 exp_f32
#else
/* The results of arguments beyond those whose exponential is a normal number; NaN stays NaN. */
SIMD_INLINE simd_f32 exp_edges_f32(simd_f32 x, float lowest, float highest, simd_f32 value) {
    value = (simd_f32)((simd_i32)value & ~(x < lowest));
    return select_f32(x <= highest, value, x + INFINITY);
}
SIMD_INLINE simd_f64 exp_edges_f64(simd_f64 x, double lowest, double highest, simd_f64 value) {
    value = (simd_f64)((simd_i64)value & ~(x < lowest));
    return select_f64(x <= highest, value, x + (double)INFINITY);
}
#if FLOATS_ALONE
/* Of |r| up to ln(2) / 2, without what r lost: 1 unit off instead of 0.9, in four fifths of the time. */
SIMD_INLINE simd_f32 expm1_rough_f32(simd_f32 r) { return POLYNOMIAL_F32(EXP_CORE_F32, r) * (r * r) + r; }
SIMD_INLINE simd_f32 exp_f32(simd_f32 x) {
    const exponent_f32 e = reduce_exp_f32(x);
    return exp_edges_f32(x, -87.3365402f, 88.7228317f, raise_f32(expm1_rough_f32(e.r) + 1.0f, e));
}
/* Where x is not above 0. NaN stays NaN, as what it is multiplied by does not matter. */
SIMD_INLINE simd_f32 exp_below_f32(simd_f32 x) {
    const exponent_f32 e = reduce_exp_f32(x);
    const simd_f32 power = (simd_f32)((e.magic << 23) + 0x3f800000);
    return (simd_f32)((simd_i32)(expm1_rough_f32(e.r) * power + power) & ~(x < -87.3365402f));
}
#else
SIMD_INLINE simd_f32 exp_f32(simd_f32 x) {
    const exponent_f32 e = reduce_exp_f32(x);
    return exp_edges_f32(x, -87.3365402f, 88.7228317f, raise_f32(expm1_core_f32(e) + 1.0f, e));
}
#define exp_below_f32 exp_f32
#endif
SIMD_INLINE simd_f64 exp_f64(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(x);
    return exp_edges_f64(x, -708.39641853226408, 709.78271289338397, raise_f64(expm1_core_f64(e) + 1.0, e));
}

/* In double, good enough for a float; `inside` where the result is known to be a normal number. */
SIMD_INLINE simd_f64 exp_inside_low(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(x);
    return raise_f64(POLYNOMIAL(EXP_CORE_LOW, e.r) * (e.r * e.r) + e.r + 1.0, e);
}
SIMD_INLINE simd_f64 exp_inside_f64(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(x);
    return raise_f64(expm1_core_f64(e) + 1.0, e);
}
SIMD_INLINE simd_f64 exp_low_f64(simd_f64 x) {
    return exp_edges_f64(x, -708.39641853226408, 709.78271289338397, exp_inside_low(x));
}
#endif

#if defined(__AVX512F__)
/* 2^n (e^r - 1) + (2^n - 1); where 2^n is large, e^x - 1. */
SIMD_INLINE simd_f32 expm1_f32(simd_f32 x) {
    const exponent_f32 e = reduce_exp_f32(max_f32(splat_f32(-30.0f), min_f32(splat_f32(89.0f), x)));
    const simd_f32 core = expm1_core_f32(e), power = (simd_f32)((e.bits + 127) << 23);
    const simd_f32 value = core * power + (power - 1.0f);
    return select_f32(e.n > 30.0f, scale_f32(core + 1.0f, e), select_f32(abs_f32(x) < 1e-8f, x, value));
}
SIMD_INLINE simd_f64 expm1_f64(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(max_f64(splat_f64(-60.0), min_f64(splat_f64(710.0), x)));
    const simd_f64 core = expm1_core_f64(e), power = (simd_f64)((e.bits + 1023) << 52);
    const simd_f64 value = core * power + (power - 1.0);
    return select_f64(e.n > 60.0, scale_f64(core + 1.0, e), select_f64(abs_f64(x) < 1e-17, x, value));
}

#else
/* Twice 2^(n - 1) (e^r - 1) + (2^(n - 1) - 1/2): the largest n would have no power. */
SIMD_INLINE simd_f32 expm1_f32(simd_f32 x) {
    const exponent_f32 e = reduce_exp_f32(max_f32(splat_f32(-30.0f), min_f32(splat_f32(89.0f), x)));
    const simd_f32 half = (simd_f32)((e.magic << 23) + (126 << 23)), value = expm1_core_f32(e) * half + (half - 0.5f);
    return select_f32(abs_f32(x) < 1e-8f, x, value + value);
}
SIMD_INLINE simd_f64 expm1_f64(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(max_f64(splat_f64(-60.0), min_f64(splat_f64(710.0), x)));
    const simd_f64 half = (simd_f64)((e.magic << 52) + ((int64_t)1022 << 52)), value = expm1_core_f64(e) * half + (half - 0.5);
    return select_f64(abs_f64(x) < 1e-17, x, value + value);
}
#endif

/* e^x / 2 from 0 on, as far as that is a number. */
SIMD_INLINE simd_f32 half_exp_f32(simd_f32 x) {
    const exponent_f32 e = reduce_exp_f32(x);
    return raise_f32((simd_f32)((simd_i32)(expm1_core_f32(e) + 1.0f) - (1 << 23)), e);
}
SIMD_INLINE simd_f64 half_exp_f64(simd_f64 x) {
    const exponent_f64 e = reduce_exp_f64(x);
    return raise_f64((simd_f64)((simd_i64)(expm1_core_f64(e) + 1.0) - ((int64_t)1 << 52)), e);
}

/* --- log ------------------------------------------------------------------------------------------------------------
 * x = 2^e m with m from sqrt(1/2) to sqrt(2), and a function of m - 1. */

SIMD_INLINE simd_f32 log_edges_f32(simd_f32 x, simd_f32 value) {
    value = select_f32(x < 1.17549435e-38f, select_f32(x < 0.0f, splat_f32(NAN), splat_f32(-INFINITY)), value);
    return select_f32(x < INFINITY, value, x); /* infinity and NaN as they are */
}
SIMD_INLINE simd_f64 log_edges_f64(simd_f64 x, simd_f64 value) {
    const simd_f64 none = splat_f64(NAN), lowest = splat_f64(-(double)INFINITY);
    value = select_f64(x < 2.2250738585072014e-308, select_f64(x < 0.0, none, lowest), value);
    return select_f64(x < (double)INFINITY, value, x);
}

/* x = 2^e m of a positive normal x. */
typedef struct binary_f32 { simd_f32 e, m; } binary_f32;
SIMD_INLINE binary_f32 split_f32(simd_f32 x) {
    const simd_i32 steps = (simd_i32)((bits_f32)x - 0x3f3504f3) >> 23; /* floor(log2(x / sqrt(1/2))) */
    return (binary_f32){__builtin_convertvector(steps, simd_f32), (simd_f32)((bits_f32)x - ((bits_f32)steps << 23))};
}

/* e ln 2 + log(1 + f), f from sqrt(1/2) - 1 to sqrt(2) - 1. */
SIMD_INLINE simd_f32 log_of_parts_f32(simd_f32 e, simd_f32 f) {
    const simd_f32 square = f * f;
    simd_f32 p = 7.0376836292e-2f * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const simd_f32 tail = p * f * square - e * 2.12194440e-4f - 0.5f * square;
    return f + tail + e * 0.693359375f;
}
SIMD_INLINE simd_f32 log_f32(simd_f32 x) {
    const binary_f32 parts = split_f32(x);
    return log_edges_f32(x, log_of_parts_f32(parts.e, parts.m - 1.0f));
}

/* x = 2^e m of a positive normal x, e as a double. */
typedef struct binary_f64 { simd_f64 e, m; } binary_f64;
SIMD_INLINE binary_f64 split_f64(simd_f64 x) {
#if defined(__AVX512F__)
    const simd_i64 steps = (simd_i64)((bits_f64)x - 0x3fe6a09e667f3bcd) >> 52;
    return (binary_f64){__builtin_convertvector(steps, simd_f64), (simd_f64)((bits_f64)x - ((bits_f64)steps << 52))};
#else
    /* Shifts that keep the sign and conversions of such integers are missing: 1024 is added to e, and 2^52. */
    const bits_f64 raised = (bits_f64)x + (((uint64_t)1024 << 52) - 0x3fe6a09e667f3bcd);
    const simd_f64 e = (simd_f64)(raised >> 52 | 0x4330000000000000) - (4503599627370496.0 + 1024.0);
    return (binary_f64){e, (simd_f64)((raised & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd)};
#endif
}

/* s = f / (2 + f): log(1 + f) = f - (f^2 / 2 - s (f^2 / 2 + R)), R = log((1 + s) / (1 - s)) - 2 s, over s. */
SIMD_INLINE simd_f64 log_of_parts_f64(simd_f64 e, simd_f64 f) {
    const simd_f64 half = 0.5 * f * f, s = f / (2.0 + f), square = s * s;
    const simd_f64 rest = square * (0.66666666666666666 + square * POLYNOMIAL(LOG_TAIL_F64, square));
    const simd_f64 low = s * (half + rest) + e * 1.90821492927058770002e-10;
    return e * 6.93147180369123816490e-01 - ((half - low) - f);
}
SIMD_INLINE simd_f64 log_f64(simd_f64 x) {
    const binary_f64 parts = split_f64(x);
    return log_edges_f64(x, log_of_parts_f64(parts.e, parts.m - 1.0));
}

/* 1 + x = 2^e m, where e comes from what the sum rounds to: m - 1 = 2^-e x + (2^-e - 1) loses nothing that counts. Where 2^-e
 * might be no normal number x is large enough for the sum itself. */
#define LOG1P(suffix, one, one_bits, large)                                                            \
    SIMD_INLINE simd_##suffix log1p_##suffix(simd_##suffix x) {                                              \
        const simd_##suffix sum = one + x;                                                                   \
        const binary_##suffix parts = split_##suffix(sum);                                                   \
        const simd_##suffix power = (simd_##suffix)((bits_##suffix)parts.m - (bits_##suffix)sum + one_bits);     \
        const simd_##suffix f = select_##suffix(x < large, x * power + (power - one), parts.m - one);        \
        return log_edges_##suffix(sum, log_of_parts_##suffix(parts.e, f));                                   \
    }
LOG1P(f32, 1.0f, 0x3f800000, 0x1p60f)
LOG1P(f64, 1.0, 0x3ff0000000000000, 0x1p60)
#undef LOG1P

/* --- sigmoid, tanh, softplus ---------------------------------------------------------------------------------------- */

/* e / (1 + e) or 1 / (1 + e) with e = e^-|x|; the quotient is put right by what it and the sum lose. */
#define SIGMOID_OF(suffix, one)                                                                              \
    SIMD_INLINE simd_##suffix sigmoid_##suffix(simd_##suffix x) {                                         \
        const simd_##suffix e = exp_##suffix(-abs_##suffix(x)), sum = one + e, lost = e - (sum - one);    \
        const simd_##suffix over = select_##suffix(x < 0, e, splat_##suffix(one)), inverse = one / sum;   \
        const simd_##suffix quotient = over * inverse;                                                    \
        return quotient + (rest_##suffix(over, quotient, sum) - quotient * lost) * inverse;                        \
    }
#if FLOATS_ALONE
/* The same by one division; of what it loses itself nothing is put right. */
SIMD_INLINE simd_f32 sigmoid_f32(simd_f32 x) {
    const simd_f32 e = exp_below_f32(-abs_f32(x)), sum = 1.0f + e, lost = e - (sum - 1.0f);
    const simd_f32 quotient = select_f32(x < 0, e, splat_f32(1.0f)) / sum;
    return quotient - quotient * lost;
}
SIMD_INLINE simd_f64 sigmoid_f64(simd_f64 x) {
    const simd_f64 e = exp_f64(-abs_f64(x)), sum = 1.0 + e, lost = e - (sum - 1.0);
    const simd_f64 quotient = select_f64(x < 0, e, splat_f64(1.0)) / sum;
    return quotient - quotient * lost;
}
#else
SIGMOID_OF(f32, 1.0f)
SIGMOID_OF(f64, 1.0)
#endif

/* log(1 + e), e up to 1. */
SIMD_INLINE simd_f32 log1p_unit_f32(simd_f32 e) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return e + e * e * POLYNOMIAL_F32(LOG1P_UNIT, e);
#else
    return log1p_f32(e); /* products that are rounded make the polynomial 2.5 units wrong */
#endif
}
SIMD_INLINE simd_f32 softplus_f32(simd_f32 x) {
    return select_f32(x != x, x, max_f32(x, splat_f32(0.0f)) + log1p_unit_f32(exp_below_f32(-abs_f32(x))));
}
SIMD_INLINE simd_f64 softplus_f64(simd_f64 x) {
    /* 1 + e is between 1 and 2: its halves above sqrt(1/2) are what the logarithm wants */
    const simd_f64 e = exp_f64(-abs_f64(x)), one = splat_f64(1.0);
    const simd_i64 halved = e > 0.41421356237309503;
    const simd_f64 unit = log_of_parts_f64((simd_f64)((simd_i64)one & halved), select_f64(halved, 0.5 * e - 0.5, e));
    return select_f64(x != x, x, max_f64(x, splat_f64(0.0)) + unit);
}

#if defined(__AVX512F__)
/* By pieces, four an octave, whose coefficients lie in two registers each: half the time of the other way. */
SIMD_INLINE simd_f32 tanh_piece(const float *of_pieces, simd_i32 piece) {
    return (simd_f32)_mm512_permutex2var_ps(_mm512_loadu_ps(of_pieces), (__m512i)piece, _mm512_loadu_ps(of_pieces + 16));
}
SIMD_INLINE simd_f32 tanh_f32(simd_f32 x) {
    const simd_f32 size = abs_f32(x);
    const simd_i32 first = lane_index_f32() * 0 + ((0x3e000000 >> 21) - 1), last = first * 0 + 31; /* 1/8 begins piece 1 */
    simd_i32 piece = ((simd_i32)size >> 21) - first;
    piece = (simd_i32)_mm512_max_epi32(_mm512_setzero_si512(), _mm512_min_epi32((__m512i)last, (__m512i)piece));
    const simd_f32 d = min_f32(splat_f32(16.0f), size) - tanh_piece(TANH_MIDDLE, piece), square = d * d;
    const simd_f32 low = tanh_piece(TANH_1, piece) + tanh_piece(TANH_2, piece) * d;
    const simd_f32 middle = tanh_piece(TANH_3, piece) + tanh_piece(TANH_4, piece) * d;
    const simd_f32 high = tanh_piece(TANH_5, piece) + tanh_piece(TANH_6, piece) * d;
    const simd_f32 slope = low + square * (middle + square * high);
    return select_f32(x != x, x, with_sign_f32(tanh_piece(TANH_0, piece) + d * slope, x));
}
#elif defined(__AVX2__)
/* Near 0 an odd polynomial, else 1 - 1 / (e^(2|x|) / 2 + 1 / 2), where |x| = n ln(2) / 16 + r: eighths of a power of two lie in a
 * register, by the lower bits of n, so that a short polynomial in r is left. NaN stays NaN. */
SIMD_INLINE simd_f32 tanh_f32(simd_f32 x) {
    const simd_f32 size = min_f32(splat_f32(9.1f), abs_f32(x)), square = size * size;
    const simd_f32 magic = splat_f32(12582912.0f), shifted = size * 23.08312065422341f + magic;
    const simd_f32 r = size - (shifted - magic) * 0.04332169878499658f;
    const bits_f32 eighths = (bits_f32)_mm256_permutevar8x32_ps(_mm256_loadu_ps(HALF_EIGHTHS), (__m256i)shifted);
    const simd_f32 power = (simd_f32)(((bits_f32)shifted << 20 & 0xff800000) + eighths); /* half of it */
    const simd_f32 far = 1.0f - 1.0f / (POLYNOMIAL_F32(TANH_EXP, r) * power + 0.5f);
    return with_sign_f32(select_f32(size < 0.55f, size * square * POLYNOMIAL_F32(TANH_NEAR, square) + size, far), x);
}
#else
/* Near 0 an odd polynomial (Cephes tanhf), else from exp(2|x|). */
SIMD_INLINE simd_f32 tanh_f32(simd_f32 x) {
    const simd_f32 size = abs_f32(x), square = x * x;
    simd_f32 p = -5.70498872745e-3f * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    const simd_f32 near = size + size * square * p;
    const simd_f32 far = 1.0f - 2.0f / (exp_f32(size + size) + 1.0f);
    return with_sign_f32(select_f32(size < 0.625f, near, far), x);
}
#endif

/* Near 0 a rational function (Cephes tanh). */
SIMD_INLINE simd_f64 tanh_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), s = x * x;
    simd_f64 p = -9.64399179425052238628e-1 * s - 9.92877231001918586564e1;
    p = p * s - 1.61468768441708447952e3;
    simd_f64 q = s + 1.12811678491632931402e2;
    q = q * s + 2.23548839060100448583e3;
    q = q * s + 4.84406305325125486048e3;
    /* one division for it and for 1 - 2 / (e^(2|x|) + 1) */
    const simd_i64 near = size < 0.625;
    const simd_f64 over = select_f64(near, size * s * p, splat_f64(-2.0)), under = select_f64(near, q, exp_f64(size + size) + 1.0);
    return with_sign_f64(select_f64(near, size, splat_f64(1.0)) + over / under, x);
}

/* --- elu, selu: vectors with nothing below 0 need no exponential ------------------------------------------------------ */

#define ELU(suffix, integers, scale, low)                                                                          \
    SIMD_INLINE simd_##suffix elu_##suffix(simd_##suffix x) {                                                      \
        return any_##integers(x < 0) ? select_##suffix(x < 0, expm1_##suffix(x), x) : x;                           \
    }                                                                                                              \
    SIMD_INLINE simd_##suffix selu_##suffix(simd_##suffix x) {                                                     \
        return any_##integers(x < 0) ? select_##suffix(x < 0, low * expm1_##suffix(x), scale * x) : scale * x;     \
    }
ELU(f32, i32, 1.0507009873554805f, 1.7580993408473766f)
ELU(f64, i64, 1.0507009873554805, 1.7580993408473766)
#undef ELU

/* --- the error function --------------------------------------------------------------------------------------------- */

/* erfc(a) for a from 3/4 on: e^(-a^2) / (a + 2.5) times a smooth function of (a - 2.5) / (a + 2.5). In double it is
 * only right next to 1: erf needs no more, and erfc itself is libm's. */
#define ERFC_FAR(name, table, largest, exponential)                                            \
    SIMD_INLINE simd_f64 name(simd_f64 a) {                                                    \
        a = min_f64(splat_f64(largest), a);                                                    \
        const simd_f64 inverse = 1.0 / (a + 2.5);                                              \
        return exponential(-(a * a)) * POLYNOMIAL(table, (a - 2.5) * inverse) * inverse;       \
    }
ERFC_FAR(erfc_far_f64, ERFCX_F64, 6.0, exp_inside_f64)
ERFC_FAR(erfc_far_low, ERFCX_LOW, 10.4, exp_inside_low)

#define ERF(name, table, far_function)                                                                  \
    SIMD_INLINE simd_f64 name(simd_f64 x) {                                                             \
        const simd_f64 size = abs_f64(x);                                                               \
        const simd_f64 far = with_sign_f64(1.0 - far_function(max_f64(splat_f64(1.0), size)), x);       \
        return select_f64(size < 1.0, x + x * POLYNOMIAL(table, x * x), far);                           \
    }
ERF(erf_f64, ERF_F64, erfc_far_f64)
ERF(erf_low_f64, ERF_LOW, erfc_far_low)
SIMD_INLINE simd_f64 erfc_low_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), tail = erfc_far_low(max_f64(splat_f64(0.75), size));
    const simd_f64 near = 1.0 - (x + x * POLYNOMIAL(ERF_LOW, x * x));
    return select_f64(size < 0.75, near, select_f64(x < 0.0, 2.0 - tail, tail));
}
#if FLOATS_ALONE
/* x + x s / q in x^2 up to 1.2, from there on 1 - t^-8: one division serves both. */
SIMD_INLINE simd_f32 erf_f32(simd_f32 x) {
    const simd_f32 size = min_f32(splat_f32(4.0f), abs_f32(x)), square = size * size;
    const simd_f32 root = POLYNOMIAL_F32(ERFC_ROOT, size), fourth = (root * root) * (root * root);
    const simd_i32 far = size > 1.2f;
    const simd_f32 over = select_f32(far, splat_f32(-1.0f), POLYNOMIAL_F32(ERF_OVER, square));
    const simd_f32 under = select_f32(far, fourth * fourth, POLYNOMIAL_F32(ERF_UNDER, square));
    const simd_f32 base = select_f32(far, splat_f32(1.0f), size);
    return with_sign_f32(base + base * (over / under), x); /* one rounding: a product by itself would vanish next to 0 */
}
#else
/* 1 - e^(log(erfc x)) from 1 on: what the logarithm loses counts little there. Below, of x made large, whose product does not vanish. */
SIMD_INLINE simd_f32 erf_f32(simd_f32 x) {
    const simd_f32 size = abs_f32(x), far = min_f32(splat_f32(4.0f), size) - 1.0f, large = x * 0x1p32f;
    const simd_f32 tail = with_sign_f32(1.0f - exp_f32(POLYNOMIAL_F32(ERF_FAR, far)), x);
    return select_f32(size < 1.0f, (large + large * POLYNOMIAL_F32(ERF_LOW, x * x)) * 0x1p-32f, tail);
}
#endif
/* erfc: next to 0 1 - x is exact where the result is small; from 3/4 on e^(-a^2) / (a + 1/2) times a function of u = (a - 3) / (a + 3)
 * that hardly changes, so that its polynomial rounds little; what the square, the sum and the quotient lose is put right. Beyond `last` no
 * result is a normal number. */
#define ERFC(suffix, near_table, far_table, last)                                                                        \
    SIMD_INLINE simd_##suffix erfc_##suffix(simd_##suffix x) {                                                           \
        const simd_##suffix size = abs_##suffix(x), one = splat_##suffix(1);                                             \
        const simd_##suffix near = (one - x) - x * polynomial_##suffix(near_table, (int)(sizeof(near_table) / sizeof *(near_table)), x * x); \
        const simd_##suffix a = max_##suffix(splat_##suffix(0.75f), min_##suffix(splat_##suffix(last), size));           \
        const simd_##suffix sum = a + 0.5f, sum_low = a - (sum - 0.5f), other = a + 3.0f, both = one / (sum * other);    \
        const simd_##suffix inverse = both * other, u = (a - 3.0f) * (both * sum);                                       \
        const simd_##suffix first = splat_##suffix((__typeof__(a[0]))(far_table)[0]);                                    \
        const simd_##suffix bend = u * polynomial_##suffix(far_table + 1, (int)(sizeof(far_table) / sizeof *(far_table)) - 1, u); \
        const simd_##suffix factor = first + bend, factor_low = bend - (factor - first);                                 \
        const simd_##suffix square = a * a, lost = product_error_##suffix(a, a, square);                                 \
        const exponent_##suffix e = reduce_exp_##suffix(-square);                                                        \
        const simd_##suffix rest = expm1_core_##suffix(e), core = rest - (lost + lost * rest);                           \
        const simd_##suffix over = factor + factor * core, value = over * inverse;                                       \
        const simd_##suffix over_low = ((factor - over) + factor * core) + (factor_low + factor_low * core);             \
        const simd_##suffix right = value + ((rest_##suffix(over, value, sum) + over_low) - value * sum_low) * inverse;  \
        const simd_##suffix tail = select_##suffix(size < last, scale_##suffix(right, e), (simd_##suffix){0});           \
        const simd_##suffix far = select_##suffix(x < 0, 2 - tail, tail);                                                \
        return select_##suffix(size < 0.75f, near, select_##suffix(x != x, x, far));                                     \
    }
#if FLOATS_ALONE
ERFC(f64, ERF_F64, ERFC_FAR_F64, 26.543258454250985)
ERFC(f32, ERF_LOW, ERFC_FAR_F32, 9.19454956f)
#else
BY_LIBM(f64, F64_LANES, erfc, erfc)
IN_DOUBLE(erfc_f32, erfc_low_f64)
#endif
#undef ERFC

/* --- pow ------------------------------------------------------------------------------------------------------------
 * e^(y log |x|) for normal x and y that is finite, as a double not too large; the other lanes by libm. Below 0 the sign is that of odd
 * y, and there is no number for y that is not whole. */

/* In double, where 12 digits are enough: log_rough; those who draw numbers have all of them. */
#define LOG_LOW(name, table)                                                                                  \
    SIMD_INLINE simd_f64 name(simd_f64 x) {                                                                   \
        const binary_f64 parts = split_f64(x);                                                                \
        const simd_f64 f = parts.m - 1.0, s = f / (2.0 + f), square = s * s;                                  \
        const simd_f64 cube = s * square * (0.66666666666666666 + square * POLYNOMIAL(table, square));        \
        return parts.e * 0.69314718055994530942 + (2.0 * s + cube);                                           \
    }
LOG_LOW(log_low_f64, LOG_TAIL_F64)
LOG_LOW(log_rough_f64, LOG_TAIL_LOW)
#undef LOG_LOW
SIMD_INLINE simd_f64 pow_low_f64(simd_f64 x, simd_f64 y) { return exp_low_f64(y * log_rough_f64(x)); }

/* The logarithm in two doubles, some 65 bits together. */
SIMD_INLINE simd_f64 pow_core_f64(simd_f64 x, simd_f64 y) {
    const binary_f64 parts = split_f64(x);
    const simd_f64 e = parts.e, f = parts.m - 1.0;
    const simd_f64 g = 2.0 + f, g_low = f - (g - 2.0);
    const simd_f64 s = f / g, back = s * g;
    const simd_f64 s_low = (((f - back) - product_error_f64(s, g, back)) - s * g_low) / g;
    const simd_f64 square = s * s, square_low = product_error_f64(s, s, square) + 2.0 * s * s_low;
    const simd_f64 cube = square * s, cube_low = product_error_f64(square, s, cube) + (square_low * s + square * s_low);
    const simd_f64 two_thirds = splat_f64(0.66666666666666663), third = two_thirds * cube;
    const simd_f64 third_low = product_error_f64(two_thirds, cube, third) + (two_thirds * cube_low + 3.7007434154171886e-17 * cube);
    const simd_f64 rest = cube * square * POLYNOMIAL(LOG_TAIL_F64, square);
    /* e ln 2 + 2 s + third + the small ones, largest first */
    const simd_f64 whole = e * 6.93147180369123816490e-01, twice = 2.0 * s;
    const simd_f64 sum = whole + twice, sum_low = (whole - sum) + twice;
    const simd_f64 log = sum + third, log_low = (sum - log) + third;
    const simd_f64 low = log_low + (sum_low + (2.0 * s_low + third_low + (rest + e * 1.90821492927058770002e-10)));
    const simd_f64 head = log + low, tail = (log - head) + low;
    const simd_f64 power = y * head, lost = product_error_f64(y, head, power) + y * tail;
    const exponent_f64 split = reduce_exp_f64(max_f64(splat_f64(-746.0), min_f64(splat_f64(710.0), power)));
    const simd_f64 core = expm1_core_f64(split);
    return scale_f64(core + (lost + lost * core) + 1.0, split);
}

SIMD_INLINE simd_f64 pow_f64(simd_f64 x, simd_f64 y) {
    const simd_f64 size = abs_f64(x);
    simd_f64 value = pow_core_f64(size, y);
    const simd_i64 rare = ~((size >= 2.2250738585072014e-308) & (size < (double)INFINITY) & (abs_f64(y) < 1e9)); /* `lost` is small */
    const simd_i64 negative = x < 0.0;
    if (any_i64(negative)) {
        const simd_f64 shifted = y + 6755399441055744.0; /* whose last bit is that of the whole number next to y */
        const simd_i64 is_whole = shifted - 6755399441055744.0 == y, is_odd = -((simd_i64)shifted & 1);
        value = select_f64(negative & ~is_whole, splat_f64(-(double)NAN), select_f64(negative & is_odd, -value, value));
    }
    if (__builtin_expect(any_i64(rare), 0))
        for (int i = 0; i < F64_LANES; i++)
            if (rare[i]) value[i] = pow(x[i], y[i]);
    return value;
}
SIMD_INLINE simd_f32 pow_f32(simd_f32 x, simd_f32 y) {
    const simd_f32 size = abs_f32(x);
    const double_pair a = widen_f32(size), b = widen_f32(y);
    simd_f32 value = narrow_f64(pow_low_f64(a.low, b.low), pow_low_f64(a.high, b.high));
    const simd_i32 rare = ~((size >= 1.17549435e-38f) & (size < INFINITY) & (abs_f32(y) < INFINITY));
    const simd_i32 negative = x < 0.0f;
    if (any_i32(negative)) {
        const simd_i32 far = abs_f32(y) >= 16777216.0f; /* which are all even; a smaller one fits an integer */
        const simd_i32 whole = __builtin_convertvector((simd_f32)((simd_i32)y & ~far), simd_i32);
        const simd_i32 is_whole = far | (__builtin_convertvector(whole, simd_f32) == y), is_odd = -(whole & 1);
        value = select_f32(negative & ~is_whole, splat_f32(-NAN), select_f32(negative & is_odd, -value, value));
    }
    if (__builtin_expect(any_i32(rare), 0))
        for (int i = 0; i < F32_LANES; i++)
            if (rare[i]) value[i] = powf(x[i], y[i]);
    return value;
}

#endif
