/* Elementary functions over whole vectors, within a few units in the last place over all of their range. */
#ifndef HOOKLOOP_VECTOR_MATH_H
#define HOOKLOOP_VECTOR_MATH_H

#include <math.h>

#include "simd.h"

/* Lane by lane, mask is all ones or all zeros as comparisons give it. */
SIMD_INLINE simd_f32 select_f32(simd_i32 mask, simd_f32 yes, simd_f32 no) {
    return (simd_f32)((mask & (simd_i32)yes) | (~mask & (simd_i32)no));
}
SIMD_INLINE simd_f64 select_f64(simd_i64 mask, simd_f64 yes, simd_f64 no) {
    return (simd_f64)((mask & (simd_i64)yes) | (~mask & (simd_i64)no));
}

/* The larger and smaller; b where a is not a number. */
SIMD_INLINE simd_f32 max_f32(simd_f32 a, simd_f32 b) { return select_f32(a > b, a, b); }
SIMD_INLINE simd_f32 min_f32(simd_f32 a, simd_f32 b) { return select_f32(a < b, a, b); }
SIMD_INLINE simd_f64 max_f64(simd_f64 a, simd_f64 b) { return select_f64(a > b, a, b); }
SIMD_INLINE simd_f64 min_f64(simd_f64 a, simd_f64 b) { return select_f64(a < b, a, b); }

/* exp: x = n ln 2 + r, a polynomial in r, and 2^n in two factors so that neither under- nor overflows early. */
SIMD_INLINE simd_f32 exp_f32(simd_f32 x) {
    const simd_f32 clamped = max_f32(min_f32(x, splat_f32(89.0f)), splat_f32(-104.0f));
    const simd_f32 magic = splat_f32(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    const simd_f32 shifted = clamped * 1.44269504088896341f + magic;
    const simd_f32 n = shifted - magic;
    const simd_f32 r = clamped - n * 0.693359375f - n * -2.12194440e-4f;
    simd_f32 p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const simd_i32 exponent = (simd_i32)shifted - (simd_i32)magic, half = exponent >> 1;
    const simd_f32 low = (simd_f32)((half + 127) << 23), high = (simd_f32)((exponent - half + 127) << 23);
    return select_f32(x != x, x, p * low * high);
}

SIMD_INLINE simd_f64 exp_f64(simd_f64 x) {
    const simd_f64 clamped = max_f64(min_f64(x, splat_f64(710.0)), splat_f64(-746.0));
    const simd_f64 magic = splat_f64(6755399441055744.0); /* 1.5 * 2^52 */
    const simd_f64 shifted = clamped * 1.4426950408889634074 + magic;
    const simd_f64 n = shifted - magic;
    const simd_f64 r = clamped - n * 6.93145751953125e-1 - n * 1.42860682030941723212e-6;
    const simd_f64 square = r * r;
    simd_f64 p = 1.26177193074810590878e-4 * square + 3.02994407707441961300e-2;
    p = (p * square + 9.99999999999999999910e-1) * r;
    simd_f64 q = 3.00198505138664455042e-6 * square + 2.52448340349684104192e-3;
    q = q * square + 2.27265548208155028766e-1;
    q = q * square + 2.00000000000000000005;
    const simd_f64 value = 1.0 + 2.0 * (p / (q - p));
    const simd_i64 exponent = (simd_i64)shifted - (simd_i64)magic, half = exponent >> 1;
    const simd_f64 low = (simd_f64)((half + 1023) << 52), high = (simd_f64)((exponent - half + 1023) << 52);
    return select_f64(x != x, x, value * low * high);
}

/* log: x = 2^e m with m from sqrt(1/2) to sqrt(2), a polynomial in m - 1. Subnormal numbers count as 0. */
SIMD_INLINE simd_f32 log_f32(simd_f32 x) {
    const simd_i32 bits = (simd_i32)x;
    const simd_i32 steps = (bits - 0x3f3504f3) >> 23; /* floor(log2(x / sqrt(1/2))) */
    const simd_f32 e = __builtin_convertvector(steps, simd_f32);
    const simd_f32 f = (simd_f32)(bits - (steps << 23)) - 1.0f, square = f * f;
    simd_f32 p = 7.0376836292e-2f * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const simd_f32 tail = p * f * square - e * 2.12194440e-4f - 0.5f * square;
    simd_f32 value = f + tail + e * 0.693359375f;
    value = select_f32(x < 1.17549435e-38f, select_f32(x < 0.0f, splat_f32(NAN), splat_f32(-INFINITY)), value);
    return select_f32(x < INFINITY, value, x); /* infinity and NaN as they are */
}

SIMD_INLINE simd_f64 log_f64(simd_f64 x) {
    const simd_i64 bits = (simd_i64)x;
    const simd_i64 steps = (bits - 0x3fe6a09e667f3bcd) >> 52;
    const simd_f64 e = __builtin_convertvector(steps, simd_f64);
    const simd_f64 f = (simd_f64)(bits - (steps << 52)) - 1.0, square = f * f;
    simd_f64 p = 1.01875663804580931796e-4 * f + 4.97494994976747001425e-1;
    p = p * f + 4.70579119878881725854;
    p = p * f + 1.44989225341610930846e1;
    p = p * f + 1.79368678507819816313e1;
    p = p * f + 7.70838733755885391666;
    simd_f64 q = f + 1.12873587189167450590e1;
    q = q * f + 4.52279145837532221105e1;
    q = q * f + 8.29875266912776603211e1;
    q = q * f + 7.11544750618563894466e1;
    q = q * f + 2.31251620126765340583e1;
    const simd_f64 tail = f * (square * p / q) - e * 2.121944400546905827679e-4 - 0.5 * square;
    simd_f64 value = f + tail + e * 0.693359375;
    value = select_f64(x < 2.2250738585072014e-308, select_f64(x < 0.0, splat_f64(NAN), splat_f64(-(double)INFINITY)),
                       value);
    return select_f64(x < (double)INFINITY, value, x);
}

SIMD_INLINE simd_f32 sigmoid_f32(simd_f32 x) { return 1.0f / (1.0f + exp_f32(-x)); }
SIMD_INLINE simd_f64 sigmoid_f64(simd_f64 x) { return 1.0 / (1.0 + exp_f64(-x)); }

/* Near 0 an odd polynomial (Cephes tanhf), else from exp(2|x|). */
SIMD_INLINE simd_f32 tanh_f32(simd_f32 x) {
    const simd_f32 size = (simd_f32)((simd_i32)x & 0x7fffffff), square = x * x;
    simd_f32 p = -5.70498872745e-3f * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    const simd_f32 near = x + x * square * p;
    const simd_f32 far = 1.0f - 2.0f / (exp_f32(size + size) + 1.0f);
    const simd_f32 with_sign = (simd_f32)((simd_i32)far | ((simd_i32)x & (int32_t)0x80000000));
    return select_f32(size < 0.625f, near, select_f32(x != x, x, with_sign));
}
/* Cephes tanh. */
SIMD_INLINE simd_f64 tanh_f64(simd_f64 x) {
    const simd_f64 size = (simd_f64)((simd_i64)x & 0x7fffffffffffffff), s = x * x;
    simd_f64 p = -9.64399179425052238628e-1 * s - 9.92877231001918586564e1;
    p = p * s - 1.61468768441708447952e3;
    simd_f64 q = s + 1.12811678491632931402e2;
    q = q * s + 2.23548839060100448583e3;
    q = q * s + 4.84406305325125486048e3;
    const simd_f64 near = x + x * s * (p / q);
    const simd_f64 far = 1.0 - 2.0 / (exp_f64(size + size) + 1.0);
    const simd_f64 with_sign = (simd_f64)((simd_i64)far | ((simd_i64)x & (int64_t)0x8000000000000000));
    return select_f64(size < 0.625, near, select_f64(x != x, x, with_sign));
}

#endif
