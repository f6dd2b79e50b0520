/* The logarithm of the gamma function and its derivative over whole vectors: see vector_math.h. */
#ifndef HOOKLOOP_VECTOR_GAMMA_H
#define HOOKLOOP_VECTOR_GAMMA_H

#include "special.h"
#include "vector_math.h"

static inline double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}
static inline float log_gammaf(float x) {
    int sign;
    return lgammaf_r(x, &sign);
}

#if FLOATS_ALONE
/* Up to 4.5 x = k + t with k whole, and log(gamma(x)) is that of 2 + t, which is t (1 + t) times a polynomial, less the logarithm of x (x + 1)
 * or x, or with that of x - 1 or (x - 1) (x - 2). From 4.5 on it is (x - 1/2) (log(x) - 1) + log(2 pi) / 2 - 1/2 and a polynomial of 1 / x^2,
 * over x. Up to 4.5 the logarithm that counts is that of what this gives. */
typedef struct gamma_parts { simd_f64 t, argument; simd_i64 lowest, lower, upper, large; } gamma_parts;
SIMD_INLINE gamma_parts split_gamma(simd_f64 x, simd_f64 k) {
    const simd_i64 large = x >= 4.5, lowest = k == 0.0, lower = k < 2.0, upper = (k > 2.0) & ~large;
    const simd_f64 more = select_f64((k > 3.0) & ~large, x - 2.0, splat_f64(1.0));
    return (gamma_parts){x - k, select_f64(lowest, x * x + x, select_f64(upper, x - 1.0, x) * more), lowest, lower, upper, large};
}
SIMD_INLINE simd_f64 nearest_f64(simd_f64 x) { return (x + 6755399441055744.0) - 6755399441055744.0; }

/* Next to 1 the t that logarithm and polynomial have in common is left out of both; what x (x + 1) and products lose is put right; from 1.3 to
 * 2.5 nothing is taken off, where the result is small. Sums are in the order that loses least. */
SIMD_INLINE simd_f64 lgamma_above_f64(simd_f64 x) {
    const gamma_parts part = split_gamma(x, select_f64((x >= 1.3) & (x < 2.0), splat_f64(2.0), nearest_f64(x)));
    const simd_f64 t = part.t, none = splat_f64(0.0), lost = (x - part.argument) + x * x;
    const binary_f64 binary = split_f64(part.argument);
    const simd_f64 power = (simd_f64)((bits_f64)binary.m - (bits_f64)part.argument + 0x3ff0000000000000);
    const simd_f64 f = (binary.m - 1.0) + select_f64(part.lowest, lost * power, none), half = 0.5 * f * f, s = f / (2.0 + f), square = s * s;
    const simd_f64 rest = square * (0.66666666666666666 + square * POLYNOMIAL(LOG_TAIL_F64, square));
    /* the logarithm is whole + f - bend */
    const simd_f64 bend = half - (s * (half + rest) + binary.e * 1.90821492927058770002e-10);
    const simd_f64 whole = binary.e * 6.93147180369123816490e-01;
    const simd_f64 up = 1.0 + t, euler = select_f64(part.lower, splat_f64(0.57721566490153286), none);
    const simd_f64 inner = 0.42278433509846714 + select_f64(part.lower, up, t) * POLYNOMIAL(LGAMMA_F64, t);
    const simd_f64 outer = select_f64(part.lower, t, up), product = outer * inner - euler;
    const simd_f64 beside = select_f64(part.lower, t - f, none), early = select_f64(part.lowest, beside, none);
    const simd_f64 product_lost = t * product_error_f64(outer, inner, product);
    const simd_f64 little = select_f64(part.lower, early + bend, select_f64(part.upper, f - bend, product_lost));
    const simd_f64 most = select_f64(part.lower, (beside - early) - whole, select_f64(part.upper, whole, none));
    const simd_f64 near = (t * product + little) + most, inverse = 1.0 / x;
    const simd_f64 series = 0.41893853320467274 + inverse * POLYNOMIAL(BINET_F64, inverse * inverse);
    const simd_f64 far = (x - 0.5) * ((whole - 1.0) + (f - bend)) + series;
    return select_f64(part.large, far, select_f64(x == 0.0, splat_f64((double)INFINITY), near));
}
SIMD_INLINE simd_f64 lgamma_above_low(simd_f64 x) {
    const gamma_parts part = split_gamma(x, nearest_f64(x));
    const simd_f64 t = part.t, none = splat_f64(0.0), log = log_rough_f64(part.argument), inverse = 1.0 / x;
    const simd_f64 core = t * (1.0 + t) * (0.42278433509846714 + t * POLYNOMIAL(LGAMMA_LOW, t));
    const simd_f64 near = core + select_f64(part.lower, -log, select_f64(part.upper, log, none));
    const simd_f64 far = (x - 0.5) * (log - 1.0) + (0.41893853320467274 + inverse * POLYNOMIAL(BINET_LOW, inverse * inverse));
    return select_f64(part.large, far, select_f64(x == 0.0, splat_f64((double)INFINITY), near));
}
IN_DOUBLE(lgamma_above_f32, lgamma_above_low)

/* Numbers below 0 by the C library. */
SIMD_INLINE simd_f64 lgamma_f64(simd_f64 x) {
    simd_f64 value = lgamma_above_f64(x);
    const simd_i64 below = x < 0.0;
    if (__builtin_expect(any_i64(below), 0)) LANES_BY_LIBM(value, x, F64_LANES, below, log_gamma);
    return value;
}
SIMD_INLINE simd_f32 lgamma_f32(simd_f32 x) {
    simd_f32 value = lgamma_above_f32(x);
    const simd_i32 below = x < 0.0f;
    if (__builtin_expect(any_i32(below), 0)) LANES_BY_LIBM(value, x, F32_LANES, below, log_gammaf);
    return value;
}
#else
/* Without multiply-adds the C library is quicker; but it is more than 2 units off for numbers from 8 on, whose logarithm in two parts is better. */
static inline double stirling(double x) {
    union { double number; int64_t bits; } m = {x};
    const int64_t steps = (m.bits - 0x3fe6a09e667f3bcd) >> 52; /* floor(log2(x / sqrt(1/2))) */
    m.bits -= steps * ((int64_t)1 << 52);
    const double e = (double)steps, inverse = 1 / x, w = inverse * inverse;
    const double *const c = BINET_F64, w2 = w * w; /* of 9 terms the last is nothing here; two sums wait half as long as one */
    const double series = ((c[6] * w2 + c[4]) * w2 + c[2]) * w2 + c[0] + w * (((c[7] * w2 + c[5]) * w2 + c[3]) * w2 + c[1]);
    const double log_less_one = (e * 6.93147180369123816490e-01 - 1) + (log(m.number) + e * 1.90821492927058770002e-10);
    return (x - 0.5) * log_less_one + (0.41893853320467274 + inverse * series);
}
static inline double log_gamma_up(double x) { return x >= 8 ? stirling(x) : log_gamma(x); }
static inline float log_gammaf_up(float x) {
    const double inverse = 1 / (double)x, series = inverse * (1.0 / 12 - inverse * inverse * (1.0 / 360));
    return x >= 8 ? (float)((x - 0.5) * (log(x) - 1) + (0.41893853320467274 + series)) : log_gammaf(x);
}
BY_LIBM(f64, F64_LANES, lgamma, log_gamma_up)
BY_LIBM(f32, F32_LANES, lgamma, log_gammaf_up)
#endif

/* Below 6 by that of x + 6 less 1 / x + ... + 1 / (x + 5), whose pairs from both ends have z, z + 4 and z + 6 below them, z = x (x + 5). Numbers
 * that are not above 0 one by one, as in special.h. */
SIMD_INLINE simd_f64 digamma_f64(simd_f64 x) {
    const simd_i64 low = x < 6.0;
    const simd_f64 w = select_f64(low, x + 6.0, x), inverse = 1.0 / w, square = inverse * inverse;
    const simd_f64 z = x * (x + 5.0), over = (3.0 * z + 20.0) * z + 24.0, under = ((z + 10.0) * z + 24.0) * z;
    const simd_f64 steps = (simd_f64)((simd_i64)((x + x + 5.0) * over / under) & low);
    simd_f64 value = (log_f64(w) - (0.5 * inverse + square * POLYNOMIAL(DIGAMMA_TAIL, square))) - steps;
    const simd_i64 below = x <= 0.0;
    if (__builtin_expect(any_i64(below), 0)) LANES_BY_LIBM(value, x, F64_LANES, below, digamma);
    return value;
}
IN_DOUBLE(digamma_f32, digamma_f64)

#endif
