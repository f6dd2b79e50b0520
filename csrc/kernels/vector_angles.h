/* Sines, cosines and tangents, their inverses, and hyperbolic functions over whole vectors: see vector_math.h. */
#ifndef HOOKLOOP_VECTOR_ANGLES_H
#define HOOKLOOP_VECTOR_ANGLES_H

#include "vector_math.h"

/* --- sine and cosine ------------------------------------------------------------------------------------------------
 * x = n pi/2 + r + lost, pi/2 in three parts of which two are short, so that n times them is exact up to LARGE. */

#define SIN_LARGE 1.0e6
#define HALF_PI_F32 1.57079637f
#define HALF_PI_LOST_F32 -4.37113883e-8f /* what it lacks */
#define HALF_PI_F64 1.57079632679489661923
#define HALF_PI_LOST_F64 6.12323399573676603587e-17

typedef struct quarter_f64 { simd_f64 r, lost; simd_i64 n; } quarter_f64;

SIMD_INLINE quarter_f64 reduce_turn_f64(simd_f64 x) {
    const simd_f64 magic = splat_f64(6755399441055744.0), shifted = x * 0.63661977236758134308 + magic, n = shifted - magic;
    const simd_f64 rest = x - n * 1.57079632673412561417e+00, second = n * 6.07710050630396597660e-11;
    const simd_f64 r = rest - second;
    return (quarter_f64){r, ((rest - r) - second) - n * 2.02226624879595063154e-21, (simd_i64)shifted};
}

SIMD_INLINE simd_f64 sin_of_turn_f64(quarter_f64 turn, int add) {
    const simd_i64 n = turn.n + add;
    const simd_f64 r = turn.r, z = r * r, half = 0.5 * z, w = 1.0 - half;
    const simd_f64 sine = r + (r * z * POLYNOMIAL(SIN_F64, z) + turn.lost * w);
    const simd_f64 cosine = w + (((1.0 - w) - half) + (z * z * POLYNOMIAL(COS_F64, z) - r * turn.lost));
    return (simd_f64)((simd_i64)select_f64((n & 1) == 0, sine, cosine) ^ ((n & 2) << 62));
}
SIMD_INLINE simd_f64 sin_of_turn_low(quarter_f64 turn, int add) {
    const simd_i64 n = turn.n + add;
    const simd_f64 r = turn.r + turn.lost, z = r * r;
    const simd_f64 sine = r + r * z * POLYNOMIAL(SIN_LOW, z);
    const simd_f64 cosine = 1.0 - 0.5 * z + z * z * POLYNOMIAL(COS_LOW, z);
    return (simd_f64)((simd_i64)select_f64((n & 1) == 0, sine, cosine) ^ ((n & 2) << 62));
}

#if FLOATS_ALONE
/* The parts of pi/2 have all of a float's bits: what is left of x less n times the first is exact. */
typedef struct quarter_f32 { simd_f32 r; simd_i32 n; } quarter_f32;
SIMD_INLINE quarter_f32 reduce_turn_f32(simd_f32 x) {
    const simd_f32 magic = splat_f32(12582912.0f), shifted = x * 0.636619772f + magic, n = shifted - magic;
    const simd_f32 first = rest_f32(x, n, splat_f32(HALF_PI_F32)), second = rest_f32(first, n, splat_f32(HALF_PI_LOST_F32));
    return (quarter_f32){rest_f32(second, n, splat_f32(-1.71512451e-15f)), (simd_i32)shifted};
}
SIMD_INLINE simd_f32 sin_of_turn_f32(quarter_f32 turn, int add) {
    const simd_i32 n = turn.n + add;
    const simd_f32 r = turn.r, z = r * r;
    const simd_f32 sine = r + r * z * POLYNOMIAL_F32(SIN_F32, z);
    const simd_f32 cosine = 1.0f - 0.5f * z + z * z * POLYNOMIAL_F32(COS_F32, z);
    return (simd_f32)((simd_i32)select_f32((n & 1) == 0, sine, cosine) ^ ((n & 2) << 30));
}
#define SMALL_TURN(name, add) \
    SIMD_INLINE simd_f32 name##_small_f32(simd_f32 x) { return sin_of_turn_f32(reduce_turn_f32(x), add); }
#else
#define SMALL_TURN(name, add) IN_DOUBLE(name##_small_f32, name##_low_f64)
#endif

#define TURN_FUNCTION(name, add)                                                                                     \
    SIMD_INLINE simd_f64 name##_low_f64(simd_f64 x) { return sin_of_turn_low(reduce_turn_f64(x), add); }             \
    SIMD_INLINE simd_f64 name##_f64(simd_f64 x) {                                                                    \
        simd_f64 value = sin_of_turn_f64(reduce_turn_f64(x), add);                                                   \
        const simd_i64 large = ~(abs_f64(x) < SIN_LARGE);                                                            \
        if (__builtin_expect(any_i64(large), 0)) LANES_BY_LIBM(value, x, F64_LANES, large, name);                    \
        return value;                                                                                                \
    }                                                                                                                \
    SMALL_TURN(name, add)                                                                                            \
    SIMD_INLINE simd_f32 name##_f32(simd_f32 x) {                                                                    \
        simd_f32 value = name##_small_f32(x);                                                                        \
        const simd_i32 large = ~(abs_f32(x) < (float)SIN_LARGE);                                                     \
        if (__builtin_expect(any_i32(large), 0)) LANES_BY_LIBM(value, x, F32_LANES, large, name##f);                 \
        return value;                                                                                                \
    }
TURN_FUNCTION(sin, 0)
TURN_FUNCTION(cos, 1)

SIMD_INLINE simd_f64 tan_low_f64(simd_f64 x) {
    const quarter_f64 turn = reduce_turn_f64(x);
    const simd_f64 r = turn.r + turn.lost, z = r * r;
    const simd_f64 sine = r + r * z * POLYNOMIAL(SIN_LOW, z), cosine = 1.0 - 0.5 * z + z * z * POLYNOMIAL(COS_LOW, z);
    const simd_i64 even = (turn.n & 1) == 0;
    const simd_f64 value = select_f64(even, sine, cosine) / select_f64(even, cosine, sine);
    return (simd_f64)((simd_i64)value ^ (turn.n << 63));
}
IN_DOUBLE(tan_small_f32, tan_low_f64)
SIMD_INLINE simd_f32 tan_f32(simd_f32 x) {
    simd_f32 value = tan_small_f32(x);
    const simd_i32 large = ~(abs_f32(x) < (float)SIN_LARGE);
    if (__builtin_expect(any_i32(large), 0)) LANES_BY_LIBM(value, x, F32_LANES, large, tanf);
    return select_f32(abs_f32(x) < 1e-5f, x, value);
}
/* Sine and cosine in two parts each, and what their quotient loses. */
SIMD_INLINE simd_f64 tan_of_turn_f64(quarter_f64 turn) {
    const simd_f64 r = turn.r, z = r * r, half = 0.5 * z, w = 1.0 - half;
    const simd_f64 sine_rest = r * z * POLYNOMIAL(SIN_F64, z) + turn.lost * w;
    const simd_f64 cosine_rest = ((1.0 - w) - half) + (z * z * POLYNOMIAL(COS_F64, z) - r * turn.lost);
    const simd_f64 sine = r + sine_rest, sine_low = (r - sine) + sine_rest;
    const simd_f64 cosine = w + cosine_rest, cosine_low = (w - cosine) + cosine_rest;
    const simd_i64 even = (turn.n & 1) == 0;
    const simd_f64 over = select_f64(even, sine, cosine), over_low = select_f64(even, sine_low, cosine_low);
    const simd_f64 under = select_f64(even, cosine, sine), under_low = select_f64(even, cosine_low, sine_low);
    const simd_f64 inverse = 1.0 / under, quotient = over * inverse;
    const simd_f64 value = quotient + ((rest_f64(over, quotient, under) + over_low) - quotient * under_low) * inverse;
    return (simd_f64)((simd_i64)value ^ (turn.n << 63));
}
SIMD_INLINE simd_f64 tan_f64(simd_f64 x) {
    simd_f64 value = tan_of_turn_f64(reduce_turn_f64(x));
    const simd_i64 large = ~(abs_f64(x) < SIN_LARGE);
    if (__builtin_expect(any_i64(large), 0)) LANES_BY_LIBM(value, x, F64_LANES, large, tan);
    return select_f64(x == 0.0, x, value); /* -0 too */
}

/* --- their inverses: of floats polynomials of an argument up to 1 or 5/8 ------------------------------------------------- */

/* size, or half a turn or a whole pi without it, as the masks say. */
SIMD_INLINE simd_f32 reflect_f32(simd_i32 mask, float turns, simd_f32 size) {
    return select_f32(mask, turns * HALF_PI_F32 - (size - turns * HALF_PI_LOST_F32), size);
}
SIMD_INLINE simd_f32 atan_unit_f32(simd_f32 t) {
    const simd_f32 z = t * t;
    return t + t * z * POLYNOMIAL_F32(ATAN_UNIT, z);
}
SIMD_INLINE simd_f32 atan_f32(simd_f32 x) {
    const simd_f32 size = abs_f32(x);
    const simd_i32 steep = size > 1.0f;
    return with_sign_f32(reflect_f32(steep, 1.0f, atan_unit_f32(select_f32(steep, 1.0f / size, size))), x);
}
SIMD_INLINE simd_f32 atan2_f32(simd_f32 y, simd_f32 x) {
    const simd_f32 width = abs_f32(x), height = abs_f32(y);
    const simd_i32 steep = height > width;
    const simd_f32 over = select_f32(steep, width, height), under = select_f32(steep, height, width);
    const simd_f32 t = select_f32(under == 0.0f, splat_f32(0.0f), select_f32(over == under, splat_f32(1.0f), over / under));
    const simd_f32 right = reflect_f32(steep, 1.0f, atan_unit_f32(t));
    const simd_f32 turned = with_sign_f32(reflect_f32((simd_i32)x < 0, 2.0f, right), y);
    return select_f32((x != x) | (y != y), x + y, turned);
}

/* asin(t) for t up to 5/8. */
SIMD_INLINE simd_f32 asin_near_f32(simd_f32 t) {
    const simd_f32 z = t * t;
    return t + t * z * POLYNOMIAL_F32(ASIN_NEAR, z);
}
/* From 5/8 on by half the angle: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)). */
SIMD_INLINE simd_f32 asin_f32(simd_f32 x) {
    const simd_f32 size = abs_f32(x);
    const simd_i32 far = size > 0.625f;
    const simd_f32 core = asin_near_f32(select_f32(far, root_f32(0.5f * (1.0f - size)), size));
    return with_sign_f32(reflect_f32(far, 1.0f, select_f32(far, core + core, core)), x);
}
SIMD_INLINE simd_f32 acos_f32(simd_f32 x) {
    const simd_f32 size = abs_f32(x);
    const simd_i32 far = size > 0.625f;
    const simd_f32 core = asin_near_f32(select_f32(far, root_f32(0.5f * (1.0f - size)), x));
    return reflect_f32(far & (x < 0.0f), 2.0f, reflect_f32(~far, 1.0f, select_f32(far, core + core, core)));
}

/* Of doubles: an argument up to sqrt(2) - 1 or 1/2, and what is added to its function in two parts. */
SIMD_INLINE simd_f64 atan_added_f64(simd_f64 t, simd_f64 eighths) {
    const simd_f64 z = t * t, low = eighths * (0.5 * HALF_PI_LOST_F64);
    return eighths * (0.5 * HALF_PI_F64) + (t + (t * z * POLYNOMIAL(ATAN_F64, z) + low));
}
SIMD_INLINE simd_f64 atan_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), one = splat_f64(1.0);
    const simd_i64 far = size > 0.41421356237309503, steep = size > 2.4142135623730949;
    const simd_f64 over = select_f64(steep, -one, select_f64(far, size - 1.0, size));
    const simd_f64 under = select_f64(steep, size, select_f64(far, size + 1.0, one));
    const simd_f64 eighths = (simd_f64)((simd_i64)one & far) + (simd_f64)((simd_i64)one & steep);
    return with_sign_f64(atan_added_f64(over / under, eighths), x);
}
SIMD_INLINE simd_f64 atan2_f64(simd_f64 y, simd_f64 x) {
    const simd_f64 one = splat_f64(1.0), none = splat_f64(0.0), both = abs_f64(x) + abs_f64(y);
    /* their sum should be a number, and what is left of the larger one a normal number */
    const simd_f64 share = select_f64(both > 1e300, splat_f64(0x1p-8), select_f64(both < 1e-280, splat_f64(0x1p100), one));
    const simd_f64 width = abs_f64(x) * share, height = abs_f64(y) * share;
    const simd_i64 steep = height > width, even = height == width;
    const simd_f64 less = select_f64(steep, width, height), more = select_f64(steep, height, width);
    const simd_i64 far = ((less > 0.41421356237309503 * more) | even) & (more > 0.0);
    const simd_f64 over = select_f64(even, none, select_f64(far, less - more, less));
    const simd_f64 t = over / select_f64(even, one, select_f64(far, less + more, more));
    /* far: pi/4 + atan(t), its complement pi/4 - atan(t); from the other side of the axis pi less that */
    const simd_i64 left = (simd_i64)x < 0, turned = steep ^ left;
    const simd_f64 eighths = select_f64(far, select_f64(left, splat_f64(3.0), one),
                                        select_f64(steep, splat_f64(2.0), (simd_f64)((simd_i64)splat_f64(4.0) & left)));
    const simd_f64 value = with_sign_f64(atan_added_f64((simd_f64)((simd_i64)t ^ (turned & (int64_t)0x8000000000000000)), eighths), y);
    return select_f64((x != x) | (y != y), x + y, value);
}
/* asin(t) / t - 1, of the square of t. */
SIMD_INLINE simd_f64 asin_rest_f64(simd_f64 z) { return z * POLYNOMIAL(ASIN_F64, z); }
/* The root of z in two parts. */
typedef struct root_f64_parts { simd_f64 head, tail; } root_f64_parts;
SIMD_INLINE root_f64_parts root_parts_f64(simd_f64 z) {
    const simd_f64 root = root_f64(z);
    return (root_f64_parts){root, rest_f64(z, root, root) / max_f64(root + root, splat_f64(1e-300))};
}
/* From 1/2 on by half the angle. */
SIMD_INLINE simd_f64 asin_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), half = 0.5 * (1.0 - size);
    const simd_i64 far = size > 0.5;
    const simd_f64 rest = asin_rest_f64(select_f64(far, half, size * size));
    const root_f64_parts root = root_parts_f64(half);
    const simd_f64 turned = (HALF_PI_F64 - 2.0 * root.head) - (2.0 * (root.head * rest + root.tail) - HALF_PI_LOST_F64);
    return with_sign_f64(select_f64(far, turned, size + size * rest), x);
}
SIMD_INLINE simd_f64 acos_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), half = 0.5 * (1.0 - size);
    const simd_i64 far = size > 0.5;
    const simd_f64 rest = asin_rest_f64(select_f64(far, half, size * size));
    const root_f64_parts root = root_parts_f64(half);
    const simd_f64 low = root.head * rest + root.tail, angle = 2.0 * (root.head + low);
    const simd_f64 left = (2.0 * HALF_PI_F64 - 2.0 * root.head) - (2.0 * low - 2.0 * HALF_PI_LOST_F64);
    return select_f64(far, select_f64(x < 0.0, left, angle), HALF_PI_F64 - (x - (HALF_PI_LOST_F64 - x * rest)));
}

/* --- hyperbolic functions ------------------------------------------------------------------------------------------------
 * Up to 1 a polynomial, from there on (e^x - e^-x) / 2. */

#define HYPERBOLIC(suffix, one, quarter, infinity, table, highest)                                                     \
    SIMD_INLINE simd_##suffix sinh_##suffix(simd_##suffix x) {                                                         \
        const simd_##suffix size = abs_##suffix(x), z = x * x, half = half_exp_##suffix(size);                         \
        const simd_##suffix far = with_sign_##suffix(select_##suffix(size <= highest, half - quarter / half, size * infinity), x); \
        return select_##suffix(size < one, x + x * z * polynomial_##suffix(table, (int)(sizeof(table) / sizeof *(table)), z), far); \
    }                                                                                                                  \
    SIMD_INLINE simd_##suffix cosh_##suffix(simd_##suffix x) {                                                         \
        const simd_##suffix size = abs_##suffix(x), half = half_exp_##suffix(size);                                    \
        return select_##suffix(size <= highest, half + quarter / half, size * infinity);                               \
    }
HYPERBOLIC(f64, 1.0, 0.25, (double)INFINITY, SINH_F64, 710.47586007394386)
/* Up to 3 - 2 sqrt(2) half of the series that the logarithm takes. */
SIMD_INLINE simd_f64 atanh_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), twice = size + size, z = x * x;
    const simd_f64 near = x + x * z * (0.33333333333333333 + 0.5 * z * POLYNOMIAL(LOG_TAIL_F64, z));
    const simd_f64 far = 0.5 * log1p_f64(twice + twice * size / (1.0 - size));
    const simd_f64 beyond = select_f64(size > 1.0, splat_f64(NAN), with_sign_f64(far, x)); /* of large ones the sums lose the 1 */
    return select_f64(size < 0.17157287525380990, near, beyond);
}

#if FLOATS_ALONE
/* Of doubles the logarithm of 1 and what is above it; of what is so large that its square might be none, ln 2 and the logarithm of it. */
SIMD_INLINE simd_f64 asinh_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), square = size * size;
    const simd_i64 large = size > 0x1p60;
    const simd_f64 beyond = size + square / (1.0 + root_f64(square + 1.0));
    const simd_f64 value = log1p_f64(select_f64(large, size, beyond));
    return with_sign_f64(value + (simd_f64)((simd_i64)splat_f64(0.69314718055994530942) & large), x);
}
SIMD_INLINE simd_f64 acosh_f64(simd_f64 x) {
    const simd_f64 above = x - 1.0, square = above * above + (above + above);
    const simd_i64 large = x > 0x1p60;
    const root_f64_parts root = root_parts_f64(square);
    const simd_f64 value = log1p_f64(select_f64(large, x, root.head + (above + root.tail)));
    return select_f64(x < 1.0, splat_f64(NAN), value + (simd_f64)((simd_i64)splat_f64(0.69314718055994530942) & large));
}
#else
BY_LIBM(f64, F64_LANES, asinh, asinh)
BY_LIBM(f64, F64_LANES, acosh, acosh)
#endif

/* Of floats in double: the root of 1 + x^2 less 1 is exact enough beside x, which it vanishes beside where it is not. */
SIMD_INLINE simd_f64 log1p_low_f64(simd_f64 x) {
    const simd_f64 sum = 1.0 + x;
    const binary_f64 parts = split_f64(sum);
    const simd_f64 power = (simd_f64)((bits_f64)parts.m - (bits_f64)sum + 0x3ff0000000000000), f = x * power + (power - 1.0);
    const simd_f64 s = f / (2.0 + f), square = s * s;
    return parts.e * 0.69314718055994530942 + (2.0 * s + s * square * (0.66666666666666666 + square * POLYNOMIAL(LOG_TAIL_LOW, square)));
}
SIMD_INLINE simd_f64 asinh_low_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x), value = log1p_low_f64(size + (root_f64(size * size + 1.0) - 1.0));
    return select_f64(size < (double)INFINITY, with_sign_f64(value, x), x);
}
SIMD_INLINE simd_f64 acosh_low_f64(simd_f64 x) {
    const simd_f64 beyond = x - 1.0, value = log1p_low_f64(beyond + root_f64(beyond * (beyond + 2.0)));
    return select_f64(x < 1.0, splat_f64(NAN), select_f64(x < (double)INFINITY, value, x));
}
IN_DOUBLE(asinh_f32, asinh_low_f64)
IN_DOUBLE(acosh_f32, acosh_low_f64)
#if FLOATS_ALONE
HYPERBOLIC(f32, 1.0f, 0.25f, INFINITY, SINH_F32, 89.4159851f)
SIMD_INLINE simd_f32 atanh_f32(simd_f32 x) {
    const simd_f32 size = abs_f32(x), z = x * x, far = 0.5f * log_f32((1.0f + size) / (1.0f - size));
    return select_f32(size < 0.5f, x + x * z * POLYNOMIAL_F32(ATANH_F32, z), with_sign_f32(far, x));
}
#else
SIMD_INLINE simd_f64 sinh_low_f64(simd_f64 x) {
    const simd_f64 grown = expm1_f64(abs_f64(x));
    const simd_f64 share = select_f64(grown < (double)INFINITY, grown / (grown + 1.0), splat_f64(1.0));
    return with_sign_f64(0.5 * (grown + share), x);
}
SIMD_INLINE simd_f64 cosh_low_f64(simd_f64 x) {
    const simd_f64 e = exp_low_f64(abs_f64(x));
    return 0.5 * (e + 1.0 / e);
}
SIMD_INLINE simd_f64 atanh_low_f64(simd_f64 x) {
    const simd_f64 size = abs_f64(x);
    return with_sign_f64(0.5 * log1p_f64(2.0 * size / (1.0 - size)), x);
}
IN_DOUBLE(sinh_f32, sinh_low_f64)
IN_DOUBLE(cosh_f32, cosh_low_f64)
IN_DOUBLE(atanh_f32, atanh_low_f64)
#endif
#undef HYPERBOLIC

#endif
