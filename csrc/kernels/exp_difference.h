/* e^x of what is not above 0, as in sums of exponentials whose largest argument has been subtracted. */
#ifndef HOOKLOOP_EXP_DIFFERENCE_H
#define HOOKLOOP_EXP_DIFFERENCE_H

#include "vector_math.h"

#if defined(__AVX512F__)
/* Two thirds of the instructions of exp_f32: what the remainder loses is left out, and the polynomial ends in 1. NaN stays NaN, as max
 * gives its second operand where one is none. */
SIMD_INLINE simd_f32 exp_difference_f32(simd_f32 x) {
    x = max_f32(splat_f32(-104.0f), x);
    const simd_f32 magic = splat_f32(12582912.0f), n = (x * 1.44269504088896341f + magic) - magic;
    const simd_f32 r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    simd_f32 p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return (simd_f32)_mm512_scalef_ps((__m512)p, (__m512)n);
}
#else
#define exp_difference_f32 exp_below_f32
#endif
#define exp_difference_f64 exp_f64

#endif
