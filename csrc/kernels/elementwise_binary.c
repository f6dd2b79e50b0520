/* Elementwise ops of two operands, with broadcasting. */
#include <math.h>

#include "complex_vectors.h"
#include "divisors.h"
#include "elementwise.h"
#include "elementwise_halves.h"
#include "elementwise_types.h"
#include "powers.h"
#include "special.h"
#include "vector_angles.h"
#include "vector_math.h"

/* Dense loops for the ways two operands move, and one for any strides. GCC vectorises the dense ones; the output may be
 * an input's own buffer. EXPR is in x and y, of the computed type C. */
#define LOOP(name, S, C, LOAD, R, STORE, CHECK, EXPR)                                                          \
    static hl_status name(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {        \
        const int64_t s0 = stride[0], s1 = stride[1], s2 = stride[2];                                          \
        (void)param;                                                                                           \
        CHECK(S)                                                                                               \
        if (s2 == (int64_t)sizeof(R) && s0 == (int64_t)sizeof(S) && s1 == (int64_t)sizeof(S)) {                \
            const S *a = (const S *)data[0], *b = (const S *)data[1];                                          \
            R *out = (R *)data[2];                                                                             \
            IVDEP for (int64_t i = 0; i < n; i++) {                                                            \
                const C x = LOAD(a[i]), y = LOAD(b[i]);                                                        \
                out[i] = (R)STORE((C)(EXPR));                                                                       \
            }                                                                                                  \
        } else if (s2 == (int64_t)sizeof(R) && s0 == (int64_t)sizeof(S) && s1 == 0) {                          \
            const S *a = (const S *)data[0];                                                                   \
            const C y = LOAD(*(const S *)data[1]);                                                             \
            R *out = (R *)data[2];                                                                             \
            IVDEP for (int64_t i = 0; i < n; i++) {                                                            \
                const C x = LOAD(a[i]);                                                                        \
                out[i] = (R)STORE((C)(EXPR));                                                                       \
            }                                                                                                  \
        } else if (s2 == (int64_t)sizeof(R) && s0 == 0 && s1 == (int64_t)sizeof(S)) {                          \
            const C x = LOAD(*(const S *)data[0]);                                                             \
            const S *b = (const S *)data[1];                                                                   \
            R *out = (R *)data[2];                                                                             \
            IVDEP for (int64_t i = 0; i < n; i++) {                                                            \
                const C y = LOAD(b[i]);                                                                        \
                out[i] = (R)STORE((C)(EXPR));                                                                       \
            }                                                                                                  \
        } else {                                                                                               \
            for (int64_t i = 0; i < n; i++) {                                                                  \
                const C x = LOAD(*(const S *)(data[0] + i * s0)), y = LOAD(*(const S *)(data[1] + i * s1));    \
                *(R *)(data[2] + i * s2) = (R)STORE((C)(EXPR));                                                \
            }                                                                                                  \
        }                                                                                                      \
        return HL_OK;                                                                                          \
    }

#define UNCHECKED(S)
#define NO_ZEROS(S)                                                                     \
    {                                                                                   \
        int zeros = 0;                                                                  \
        if (s1 == (int64_t)sizeof(S))                                                   \
            for (int64_t i = 0; i < n; i++) zeros |= ((const S *)data[1])[i] == 0;      \
        else                                                                            \
            for (int64_t i = 0; i < (s1 ? n : n > 0); i++)                              \
                zeros |= *(const S *)(data[1] + i * s1) == 0;                           \
        if (zeros) return HL_INVALID_ARGUMENT;                                          \
    }
#define NOT_NEGATIVE(S)                                                      \
    for (int64_t i = 0; i < (s1 ? n : n > 0); i++)                           \
        if (*(const S *)(data[1] + i * s1) < (S)0) return HL_OUT_OF_RANGE;

/* Functions of two operands over whole vectors. An operand that does not move is spread once. */
#define VECTOR_LOOP(name, T, V, LANES, load, load_part, splat, store, store_part, FUNCTION)                                 \
    static hl_status name(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {                    \
        const int64_t size = (int64_t)sizeof(T);                                                                           \
        (void)param;                                                                                                       \
        if (stride[2] == size && (stride[0] == size || stride[0] == 0) && (stride[1] == size || stride[1] == 0)) {          \
            const T *a = (const T *)data[0], *b = (const T *)data[1];                                                      \
            T *out = (T *)data[2];                                                                                         \
            V x = splat(*a), y = splat(*b);                                                                                \
            const bool a_moves = stride[0] != 0, b_moves = stride[1] != 0;                                                 \
            int64_t i = 0;                                                                                                 \
            for (; i + LANES <= n; i += LANES) {                                                                           \
                if (a_moves) x = load(a + i);                                                                              \
                if (b_moves) y = load(b + i);                                                                              \
                store(out + i, FUNCTION(x, y));                                                                            \
            }                                                                                                              \
            if (i < n) {                                                                                                   \
                const int rest = (int)(n - i);                                                                             \
                if (a_moves) x = load_part(a + i, rest);                                                                   \
                if (b_moves) y = load_part(b + i, rest);                                                                   \
                store_part(out + i, FUNCTION(x, y), rest);                                                                 \
            }                                                                                                              \
            return HL_OK;                                                                                                  \
        }                                                                                                                  \
        for (int64_t first = 0; first < n; first += LANES) {                                                               \
            const int64_t count = n - first < LANES ? n - first : LANES;                                                   \
            T x[LANES] = {0}, y[LANES] = {0};                                                                              \
            for (int64_t i = 0; i < count; i++) {                                                                          \
                x[i] = *(const T *)(data[0] + (first + i) * stride[0]);                                                    \
                y[i] = *(const T *)(data[1] + (first + i) * stride[1]);                                                    \
            }                                                                                                              \
            store(x, FUNCTION(load(x), load(y)));                                                                          \
            for (int64_t i = 0; i < count; i++) *(T *)(data[2] + (first + i) * stride[2]) = x[i];                          \
        }                                                                                                                  \
        return HL_OK;                                                                                                      \
    }
#define VECTOR_AS(op, function)                                                                                             \
    VECTOR_LOOP(ew_##op##_f32, float, simd_f32, F32_LANES, load_f32, load_part_f32, splat_f32, store_f32, store_part_f32, function##_f32) \
    VECTOR_LOOP(ew_##op##_f64, double, simd_f64, F64_LANES, load_f64, load_part_f64, splat_f64, store_f64, store_part_f64, function##_f64)
#define VECTOR(op) VECTOR_AS(op, op)

#define COMPLEX_VECTOR_LOOP(op, tag, lanes, Z)                                                                              \
    VECTOR_LOOP(ew_##op##_##tag, Z, simd_##tag, lanes, load_##tag, load_part_##tag, splat_##tag, store_##tag, store_part_##tag, op##_##tag)

SIMD_INLINE simd_f32 xlogy_f32(simd_f32 x, simd_f32 y) { return select_f32(x == 0.0f, (simd_f32){0}, x * log_f32(y)); }
SIMD_INLINE simd_f64 xlogy_f64(simd_f64 x, simd_f64 y) { return select_f64(x == 0.0, (simd_f64){0}, x * log_f64(y)); }
SIMD_INLINE simd_f32 softplus_grad_f32(simd_f32 x, simd_f32 y) { return x / (1.0f + exp_f32(-y)); }
SIMD_INLINE simd_f64 softplus_grad_f64(simd_f64 x, simd_f64 y) { return x / (1.0 + exp_f64(-y)); }

/* X macros: an op over types, its result of the same type or bool. */
#define SAME(tag, dtype, S, C, LOAD, STORE, op, EXPR) LOOP(ew_##op##_##tag, S, C, LOAD, S, STORE, UNCHECKED, EXPR)
#define CHECKED(tag, dtype, S, C, LOAD, STORE, op, CHECK, EXPR) LOOP(ew_##op##_##tag, S, C, LOAD, S, STORE, CHECK, EXPR)
#define TEST(tag, dtype, S, C, LOAD, STORE, op, EXPR) LOOP(ew_##op##_##tag, S, C, LOAD, uint8_t, PLAIN, UNCHECKED, EXPR)
#define SAME_HALF(tag, dtype, op, EXPR) HALF_LOOP(tag, op, 2, false)
#define TEST_HALF(tag, dtype, op, EXPR) HALF_LOOP(tag, op, 2, true)
#define ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, dtype, ew_##op##_##tag},
#define TEST_ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, HL_BOOL, ew_##op##_##tag},

/* --- definitions that C's operators do not give ----------------------------------------------------------- */

static inline float floor_mod_f(float x, float y) {
    const float rest = fmodf(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
static inline double floor_mod_d(double x, double y) {
    const double rest = fmod(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
/* Of floats in double, where a quotient below 2^28 and its product are exact; the other lanes by libm. */
SIMD_INLINE simd_f64 floor_mod_low_f64(simd_f64 x, simd_f64 y) {
    const simd_f64 magic = splat_f64(6755399441055744.0), whole = (x / y + magic) - magic, rest = x - whole * y;
    const simd_i64 other_sign = (rest < 0.0) ^ (y < 0.0);
    return select_f64(rest == 0.0, with_sign_f64((simd_f64){0}, x), select_f64(other_sign, rest + y, rest));
}
SIMD_INLINE simd_f32 floor_mod_f32(simd_f32 x, simd_f32 y) {
    const double_pair a = widen_f32(x), b = widen_f32(y);
    simd_f32 value = narrow_f64(floor_mod_low_f64(a.low, b.low), floor_mod_low_f64(a.high, b.high));
    const simd_i32 rare = ~(abs_f32(x) < abs_f32(y) * 0x1p27f) | ~(abs_f32(y) < INFINITY);
    if (__builtin_expect(any_i32(rare), 0))
        for (int i = 0; i < F32_LANES; i++)
            if (rare[i]) value[i] = floor_mod_f(x[i], y[i]);
    return value;
}
/* Of doubles where the quotient is an integer and less than one rest from the next: what is left is exact then. */
SIMD_INLINE simd_f64 floor_mod_f64(simd_f64 x, simd_f64 y) {
    const simd_f64 magic = splat_f64(6755399441055744.0), rest = rest_f64(x, (x / y + magic) - magic, y);
    const simd_i64 other_sign = (rest < 0.0) ^ (y < 0.0);
    simd_f64 value = select_f64(rest == 0.0, with_sign_f64((simd_f64){0}, x), select_f64(other_sign, rest + y, rest));
    const simd_i64 rare = ~(abs_f64(x) < abs_f64(y) * 0x1p50) | ~(abs_f64(y) < 0x1p900) | (abs_f64(y) < 0x1p-900);
    if (__builtin_expect(any_i64(rare), 0))
        for (int i = 0; i < F64_LANES; i++)
            if (rare[i]) value[i] = floor_mod_d(x[i], y[i]);
    return value;
}
#define FLOOR(x) _Generic((x), float: floorf, default: floor)(x)
#define FMOD(x, y) _Generic((x), float: fmodf, default: fmod)(x, y)

/* The most negative number divided by -1 does not trap: it wraps. Of 32 bits quotients in double are exact enough to be cut, of 16
 * those in float, and there are vectors of them. */
static inline int64_t long_quotient(int64_t x, int64_t y) { return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y; }
static inline int32_t short_quotient(int32_t x, int32_t y) {
    return y == -1 ? (int32_t)(0 - (uint32_t)x) : (int32_t)((double)x / (double)y);
}
static inline int32_t small_quotient(int32_t x, int32_t y) { return (int32_t)((float)x / (float)y); }
#define DIVISIONS(width, T, U)                                                                                  \
    static inline T width##_rest(T x, T y) { return (T)((U)x - (U)width##_quotient(x, y) * (U)y); }             \
    static inline T width##_floor(T x, T y) {                                                                   \
        const T quotient = width##_quotient(x, y), rest = (T)((U)x - (U)quotient * (U)y);                       \
        return (T)((U)quotient - (U)((rest != 0) & ((x < 0) != (y < 0))));                                      \
    }                                                                                                           \
    static inline T width##_floor_rest(T x, T y) {                                                              \
        const T rest = width##_rest(x, y);                                                                      \
        return (rest != 0) & ((rest < 0) != (y < 0)) ? rest + y : rest;                                         \
    }
DIVISIONS(long, int64_t, uint64_t)
DIVISIONS(short, int32_t, uint32_t)
DIVISIONS(small, int32_t, uint32_t)
#define BY_WIDTH(what, x, y) _Generic((x), int64_t: long_##what, int32_t: short_##what, default: small_##what)(x, y)

/* Dense elements by one divisor for all, where there are enough for finding its factor. */
#define DIVISOR_LOOP(tag, T, op, what)                                                                               \
    static hl_status ew_##op##_##tag(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {   \
        const int64_t size = (int64_t)sizeof(T);                                                                     \
        if (n < 64 || stride[0] != size || stride[1] != 0 || stride[2] != size || *(const T *)data[1] < 2)           \
            return ew_each_##op##_##tag(n, data, stride, param);                                                     \
        const divisor_##tag divisor = divisor_##tag##_of(*(const T *)data[1]);                                       \
        const T *a = (const T *)data[0];                                                                             \
        T *out = (T *)data[2];                                                                                       \
        IVDEP for (int64_t i = 0; i < n; i++) out[i] = what##_by_##tag(divisor, a[i]);                               \
        return HL_OK;                                                                                                \
    }
#define DIVIDED(tag, dtype, S, C, LOAD, STORE, op, what)                                                             \
    LOOP(ew_each_##op##_##tag, S, C, LOAD, S, STORE, NO_ZEROS, BY_WIDTH(what, x, y))                                 \
    DIVISOR_LOOP(tag, S, op, what)
static inline int64_t integer_pow(int64_t x, int64_t y) {
    uint64_t result = 1, base = (uint64_t)x;
    for (; y > 0; y >>= 1, base *= base)
        if (y & 1) result *= base;
    return (int64_t)result;
}

/* A shift by fewer bits than none, or more than there are but one, is by that many: as in TensorFlow. */
#define BITS_BUT_ONE(x) ((__typeof__(x))(8 * sizeof(x) - 1))
#define SHIFT(x, y) ((y) < 0 ? 0 : (y) > BITS_BUT_ONE(x) ? BITS_BUT_ONE(x) : (y))
#define BITS_OF(x) _Generic((x), int64_t: (uint64_t)(x), uint64_t: (uint64_t)(x), default: (uint32_t)(x))

#define MAX(x, y) ((x) > (y) || (x) != (x) ? (x) : (y))
#define MIN(x, y) ((x) < (y) || (x) != (x) ? (x) : (y))

/* --- the ops -------------------------------------------------------------------------------------------------- */

EACH_NUMBER(SAME, add, x + y)
EACH_COMPLEX(SAME, add, x + y)
VARIANTS(add, EACH_NUMBER(ROW, add) EACH_COMPLEX(ROW, add))

EACH_NUMBER(SAME, sub, x - y)
EACH_COMPLEX(SAME, sub, x - y)
VARIANTS(sub, EACH_NUMBER(ROW, sub) EACH_COMPLEX(ROW, sub))

EACH_NUMBER(SAME, mul, x * y)
#if COMPLEX_VECTORS
COMPLEX_VECTOR_LOOP(mul, c64, C64_LANES, float complex)
COMPLEX_VECTOR_LOOP(mul, c128, C128_LANES, double complex)
#else
EACH_COMPLEX(SAME, mul, x * y)
#endif
VARIANTS(mul, EACH_NUMBER(ROW, mul) EACH_COMPLEX(ROW, mul))

EACH_FLOAT(SAME, mul_no_nan, y == 0 ? 0 : x * y)
EACH_COMPLEX(SAME, mul_no_nan, y == 0 ? 0 : x * y)
VARIANTS(mul_no_nan, EACH_FLOAT(ROW, mul_no_nan) EACH_COMPLEX(ROW, mul_no_nan))

EACH_FLOAT(SAME, div, x / y)
EACH_WIDE_SIGNED(CHECKED, div, NO_ZEROS, BY_WIDTH(quotient, x, y))
EACH_SMALL(CHECKED, div, NO_ZEROS, BY_WIDTH(quotient, x, y))
EACH_WIDE_UNSIGNED(CHECKED, div, NO_ZEROS, x / y)
#if COMPLEX_VECTORS
COMPLEX_VECTOR_LOOP(div, c64, C64_LANES, float complex)
SAME(c128, HL_COMPLEX128, double complex, double complex, PLAIN, PLAIN, div, x / y)
#else
EACH_COMPLEX(SAME, div, x / y)
#endif
VARIANTS(div, EACH_FLOAT(ROW, div) EACH_SIGNED(ROW, div) EACH_UNSIGNED(ROW, div) EACH_COMPLEX(ROW, div))

EACH_FLOAT(SAME, floor_div, FLOOR(x / y))
EACH_WIDE_SIGNED(DIVIDED, floor_div, floor)
EACH_SMALL(CHECKED, floor_div, NO_ZEROS, BY_WIDTH(floor, x, y))
EACH_WIDE_UNSIGNED(CHECKED, floor_div, NO_ZEROS, x / y)
VARIANTS(floor_div, EACH_FLOAT(ROW, floor_div) EACH_SIGNED(ROW, floor_div) EACH_UNSIGNED(ROW, floor_div))

VECTOR(floor_mod)
EACH_HALF(SAME, floor_mod, )
EACH_WIDE_SIGNED(DIVIDED, floor_mod, floor_rest)
EACH_SMALL(CHECKED, floor_mod, NO_ZEROS, BY_WIDTH(floor_rest, x, y))
EACH_WIDE_UNSIGNED(CHECKED, floor_mod, NO_ZEROS, x % y)
VARIANTS(floor_mod, EACH_FLOAT(ROW, floor_mod) EACH_SIGNED(ROW, floor_mod) EACH_UNSIGNED(ROW, floor_mod))

EACH_FLOAT(SAME, truncate_mod, FMOD(x, y))
EACH_WIDE_SIGNED(CHECKED, truncate_mod, NO_ZEROS, BY_WIDTH(rest, x, y))
EACH_SMALL(CHECKED, truncate_mod, NO_ZEROS, BY_WIDTH(rest, x, y))
EACH_WIDE_UNSIGNED(CHECKED, truncate_mod, NO_ZEROS, x % y)
VARIANTS(truncate_mod, EACH_FLOAT(ROW, truncate_mod) EACH_SIGNED(ROW, truncate_mod) EACH_UNSIGNED(ROW, truncate_mod))

EACH_FLOAT(SAME, div_no_nan, y == 0 ? 0 : x / y)
EACH_COMPLEX(SAME, div_no_nan, y == 0 ? 0 : x / y)
VARIANTS(div_no_nan, EACH_FLOAT(ROW, div_no_nan) EACH_COMPLEX(ROW, div_no_nan))

EACH_FLOAT(SAME, xdivy, x == 0 ? 0 : x / y)
EACH_COMPLEX(SAME, xdivy, x == 0 ? 0 : x / y)
VARIANTS(xdivy, EACH_FLOAT(ROW, xdivy) EACH_COMPLEX(ROW, xdivy))

VECTOR(xlogy)
EACH_HALF(SAME, xlogy, )
EACH_COMPLEX(SAME, xlogy, x == 0 ? 0 : x * CX(log, y))
VARIANTS(xlogy, EACH_FLOAT(ROW, xlogy) EACH_COMPLEX(ROW, xlogy))

VECTOR_AS(any_pow, pow)
VECTOR_AS(looked_at_pow, power)
/* One exponent for all is looked at once. */
#define POW(tag, T)                                                                                             \
    static hl_status ew_pow_##tag(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) { \
        const bool as_it_is = stride[1] == 0 && n > 0 && !has_own_way_##tag(*(const T *)data[1]);               \
        return (as_it_is ? ew_any_pow_##tag : ew_looked_at_pow_##tag)(n, data, stride, param);                  \
    }
POW(f32, float)
POW(f64, double)
EACH_HALF(SAME, pow, )
EACH_SIGNED(CHECKED, pow, NOT_NEGATIVE, integer_pow(x, y))
EACH_UNSIGNED(SAME, pow, integer_pow((int64_t)x, (int64_t)y))
EACH_COMPLEX(SAME, pow, CX2(pow, x, y))
VARIANTS(pow, EACH_FLOAT(ROW, pow) EACH_SIGNED(ROW, pow) EACH_UNSIGNED(ROW, pow) EACH_COMPLEX(ROW, pow))

EACH_NUMBER(SAME, maximum, MAX(x, y))
VARIANTS(maximum, EACH_NUMBER(ROW, maximum))

EACH_NUMBER(SAME, minimum, MIN(x, y))
VARIANTS(minimum, EACH_NUMBER(ROW, minimum))

EACH_NUMBER(SAME, squared_difference, (x - y) * (x - y))
EACH_COMPLEX(SAME, squared_difference, (x - y) * CX_CONJ(x - y))
VARIANTS(squared_difference, EACH_NUMBER(ROW, squared_difference) EACH_COMPLEX(ROW, squared_difference))

EACH_FLOAT(SAME, zeta, (__typeof__(x))hurwitz_zeta(x, y))
VARIANTS(zeta, EACH_FLOAT(ROW, zeta))

EACH_FLOAT(SAME, polygamma, (__typeof__(x))polygamma(x, y))
VARIANTS(polygamma, EACH_FLOAT(ROW, polygamma))

VECTOR(atan2)
EACH_HALF(SAME, atan2, )
VARIANTS(atan2, EACH_FLOAT(ROW, atan2))

EACH_BOOL(SAME, logical_and, x && y)
VARIANTS(logical_and, EACH_BOOL(ROW, logical_and))

EACH_BOOL(SAME, logical_or, x || y)
VARIANTS(logical_or, EACH_BOOL(ROW, logical_or))

EACH_INT(SAME, bitwise_and, x & y)
VARIANTS(bitwise_and, EACH_INT(ROW, bitwise_and))

EACH_INT(SAME, bitwise_or, x | y)
VARIANTS(bitwise_or, EACH_INT(ROW, bitwise_or))

EACH_INT(SAME, bitwise_xor, x ^ y)
VARIANTS(bitwise_xor, EACH_INT(ROW, bitwise_xor))

EACH_INT(SAME, left_shift, BITS_OF(x) << SHIFT(x, y))
VARIANTS(left_shift, EACH_INT(ROW, left_shift))

EACH_INT(SAME, right_shift, x >> SHIFT(x, y))
VARIANTS(right_shift, EACH_INT(ROW, right_shift))

EACH_NUMBER(TEST, equal, x == y)
EACH_BOOL(TEST, equal, x == y)
EACH_COMPLEX(TEST, equal, x == y)
VARIANTS(equal, EACH_NUMBER(TEST_ROW, equal) EACH_BOOL(TEST_ROW, equal) EACH_COMPLEX(TEST_ROW, equal))

EACH_NUMBER(TEST, not_equal, x != y)
EACH_BOOL(TEST, not_equal, x != y)
EACH_COMPLEX(TEST, not_equal, x != y)
VARIANTS(not_equal, EACH_NUMBER(TEST_ROW, not_equal) EACH_BOOL(TEST_ROW, not_equal) EACH_COMPLEX(TEST_ROW, not_equal))

EACH_NUMBER(TEST, less, x < y)
VARIANTS(less, EACH_NUMBER(TEST_ROW, less))

EACH_NUMBER(TEST, less_equal, x <= y)
VARIANTS(less_equal, EACH_NUMBER(TEST_ROW, less_equal))

EACH_NUMBER(TEST, greater, x > y)
VARIANTS(greater, EACH_NUMBER(TEST_ROW, greater))

EACH_NUMBER(TEST, greater_equal, x >= y)
VARIANTS(greater_equal, EACH_NUMBER(TEST_ROW, greater_equal))

EACH_FLOAT(SAME, tanh_grad, y * (1 - x * x))
EACH_COMPLEX(SAME, tanh_grad, y * (1 - x * x))
VARIANTS(tanh_grad, EACH_FLOAT(ROW, tanh_grad) EACH_COMPLEX(ROW, tanh_grad))

EACH_FLOAT(SAME, sigmoid_grad, y * x * (1 - x))
EACH_COMPLEX(SAME, sigmoid_grad, y * x * (1 - x))
VARIANTS(sigmoid_grad, EACH_FLOAT(ROW, sigmoid_grad) EACH_COMPLEX(ROW, sigmoid_grad))

/* Where no gradient comes, none goes on, whatever the slope is: a root of 0 behind a choice of something else. */
EACH_FLOAT(SAME, sqrt_grad, y == 0 ? 0 : y * 0.5 / x)
EACH_COMPLEX(SAME, sqrt_grad, y == 0 ? 0 : y * 0.5f / CX_CONJ(x))
VARIANTS(sqrt_grad, EACH_FLOAT(ROW, sqrt_grad) EACH_COMPLEX(ROW, sqrt_grad))

EACH_FLOAT(SAME, rsqrt_grad, y == 0 ? 0 : -0.5 * y * x * x * x)
EACH_COMPLEX(SAME, rsqrt_grad, y == 0 ? 0 : -0.5f * y * CX_CONJ(x * x * x))
VARIANTS(rsqrt_grad, EACH_FLOAT(ROW, rsqrt_grad) EACH_COMPLEX(ROW, rsqrt_grad))

EACH_FLOAT(SAME, reciprocal_grad, y == 0 ? 0 : -y * x * x)
EACH_COMPLEX(SAME, reciprocal_grad, y == 0 ? 0 : -y * CX_CONJ(x * x))
VARIANTS(reciprocal_grad, EACH_FLOAT(ROW, reciprocal_grad) EACH_COMPLEX(ROW, reciprocal_grad))

EACH_NUMBER(SAME, relu_grad, y > 0 ? x : 0)
VARIANTS(relu_grad, EACH_NUMBER(ROW, relu_grad))

EACH_FLOAT(SAME, relu6_grad, y > 0 && y < 6 ? x : 0)
VARIANTS(relu6_grad, EACH_FLOAT(ROW, relu6_grad))

EACH_FLOAT(SAME, elu_grad, y < 0 ? (y + 1) * x : x)
VARIANTS(elu_grad, EACH_FLOAT(ROW, elu_grad))

EACH_FLOAT(SAME, selu_grad, y < 0 ? x * (y + 1.7580993408473766) : x * 1.0507009873554805)
VARIANTS(selu_grad, EACH_FLOAT(ROW, selu_grad))

VECTOR(softplus_grad)
EACH_HALF(SAME, softplus_grad, )
VARIANTS(softplus_grad, EACH_FLOAT(ROW, softplus_grad))

EACH_FLOAT(SAME, softsign_grad, x / ((1 + (y < 0 ? -y : y)) * (1 + (y < 0 ? -y : y))))
VARIANTS(softsign_grad, EACH_FLOAT(ROW, softsign_grad))

EACH_FLOAT(SAME, leaky_relu_grad, LEAKY(x, y, param->f))
VARIANTS(leaky_relu_grad, EACH_FLOAT(ROW, leaky_relu_grad))

/* --- table ------------------------------------------------------------------------------------------------------- */

/* Each op, and its nanoseconds an element. */
#define OPS(X) \
    X(add, 0.12) \
    X(sub, 0.12) \
    X(mul, 0.12) \
    X(mul_no_nan, 0.12) \
    X(div, 0.12) \
    X(floor_div, 0.5) \
    X(floor_mod, 2) \
    X(truncate_mod, 5) \
    X(div_no_nan, 0.12) \
    X(xdivy, 0.12) \
    X(xlogy, 0.5) \
    X(pow, 2) \
    X(maximum, 0.12) \
    X(minimum, 0.12) \
    X(squared_difference, 0.12) \
    X(atan2, 1) \
    X(zeta, 100) \
    X(polygamma, 150) \
    X(logical_and, 0.12) \
    X(logical_or, 0.12) \
    X(bitwise_and, 0.12) \
    X(bitwise_or, 0.12) \
    X(bitwise_xor, 0.12) \
    X(left_shift, 0.12) \
    X(right_shift, 0.12) \
    X(equal, 0.12) \
    X(not_equal, 0.12) \
    X(less, 0.12) \
    X(less_equal, 0.12) \
    X(greater, 0.12) \
    X(greater_equal, 0.12) \
    X(tanh_grad, 0.12) \
    X(sigmoid_grad, 0.12) \
    X(sqrt_grad, 0.12) \
    X(rsqrt_grad, 0.12) \
    X(reciprocal_grad, 0.12) \
    X(relu_grad, 0.12) \
    X(relu6_grad, 0.12) \
    X(elu_grad, 0.12) \
    X(selu_grad, 0.12) \
    X(softplus_grad, 0.4) \
    X(softsign_grad, 0.12) \
    X(leaky_relu_grad, 0.12)

#define PREPARE(op, cost)                                                                              \
    static hl_status prepare_##op(hl_prepare *prep) {                                                 \
        return ew_prepare(prep, op##_variants, cost, prep->n_attr ? prep->attr[0] : (hl_value){0});    \
    }
OPS(PREPARE)

#define ENTRY(op, cost) {#op, prepare_##op, sizeof(ew_walk)},
static const hl_kernel table[] = {OPS(ENTRY)};

HL_FAMILY(elementwise_binary, table);
