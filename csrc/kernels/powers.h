/* Powers by vectors: those that a root, a quotient or a few products give take a fraction of what others do.
 *
 * What a lane gives is told by its two numbers alone, so one exponent for all gives the bits that as many as there are numbers give.
 */
#ifndef HOOKLOOP_POWERS_H
#define HOOKLOOP_POWERS_H

#include "vector_math.h"

/* Whether roots give the powers of a number: of one that is not negative, and no smaller than a normal one but for 0. */
SIMD_INLINE simd_i32 has_root_f32(simd_f32 x) { return (simd_i32)(x >= 1.17549435e-38f) | (simd_i32)(((simd_i32)x & INT32_MAX) == 0); }
SIMD_INLINE simd_i64 has_root_f64(simd_f64 x) {
    return (simd_i64)(x >= 2.2250738585072014e-308) | (simd_i64)(((simd_i64)x & INT64_MAX) == 0);
}

/* Whether an exponent is none for pow_f32, pow_f64. */
static inline bool has_own_way_f32(float y) { return y == 0.5f || y == 1.5f || y == -0.5f || y == 4.0f || y == -2.0f; }
static inline bool has_own_way_f64(double y) { return y == 0.5 || y == 1.5 || y == -0.5; }

/* x ** 4 and x ** -2, in double, where a square is exact. */
SIMD_INLINE simd_f32 even_powers_f32(simd_f32 x, simd_i32 inverse) {
    const double_pair wide = widen_f32(x);
    const simd_f64 low = wide.low * wide.low, high = wide.high * wide.high;
    if (!any_i32(inverse)) return narrow_f64(low * low, high * high);
    return select_f32(inverse, narrow_f64(1.0 / low, 1.0 / high), narrow_f64(low * low, high * high));
}

/* x ** y for y of 1/2, 3/2 and -1/2, of numbers that have a root. */
#define ROOT_POWERS(suffix, any)                                                                               \
    SIMD_INLINE simd_##suffix root_powers_##suffix(simd_##suffix x, simd_##suffix y) {                         \
        const simd_##suffix size = abs_##suffix(x), root = root_##suffix(size);                                \
        const simd_##suffix value = select_##suffix(y == 1.5f, size * root, root);                             \
        return any(y == -0.5f) ? select_##suffix(y == -0.5f, 1.0f / root, value) : value;                      \
    }
ROOT_POWERS(f32, any_i32)
ROOT_POWERS(f64, any_i64)

SIMD_INLINE simd_f32 power_f32(simd_f32 x, simd_f32 y) {
    const simd_i32 of_roots = (simd_i32)(abs_f32(y) == 0.5f) | (simd_i32)(y == 1.5f);
    const simd_i32 inverse = (simd_i32)(y == -2.0f), even = inverse | (simd_i32)(y == 4.0f);
    if (!any_i32(of_roots | even)) return pow_f32(x, y);
    const simd_i32 done = even | (of_roots & has_root_f32(x));
    simd_f32 value = x;
    if (any_i32(of_roots)) value = root_powers_f32(x, y);
    if (any_i32(even)) value = select_f32(even, even_powers_f32(x, inverse), value);
    return any_i32(~done) ? select_f32(done, value, pow_f32(x, y)) : value;
}

SIMD_INLINE simd_f64 power_f64(simd_f64 x, simd_f64 y) {
    const simd_i64 of_roots = (simd_i64)(abs_f64(y) == 0.5) | (simd_i64)(y == 1.5);
    if (!any_i64(of_roots)) return pow_f64(x, y);
    const simd_i64 done = of_roots & has_root_f64(x);
    const simd_f64 value = root_powers_f64(x, y);
    return any_i64(~done) ? select_f64(done, value, pow_f64(x, y)) : value;
}

#endif
