/* Elementwise ops of one operand. */
#define _GNU_SOURCE /* lgamma_r */
#include <math.h>

#include "complex_vectors.h"
#include "elementwise.h"
#include "elementwise_halves.h"
#include "elementwise_types.h"
#include "half_vectors.h"
#include "vector_angles.h"
#include "vector_gamma.h"
#include "vector_math.h"

#define SAME(tag, dtype, S, C, LOAD, STORE, op, EXPR) UNARY_LOOP(ew_##op##_##tag, S, C, LOAD, S, STORE, EXPR)
#define TEST(tag, dtype, S, C, LOAD, STORE, op, EXPR) UNARY_LOOP(ew_##op##_##tag, S, C, LOAD, uint8_t, PLAIN, EXPR)
#define SAME_HALF(tag, dtype, op, EXPR) HALF_LOOP(tag, op, 1, false)
#define TEST_HALF(tag, dtype, op, EXPR) HALF_LOOP(tag, op, 1, true)
#define BITS_HALF(tag, dtype, op, EXPR) UNARY_LOOP(ew_##op##_##tag, uint16_t, uint16_t, PLAIN, uint16_t, PLAIN, EXPR)
#define ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, dtype, ew_##op##_##tag},
#define TEST_ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, HL_BOOL, ew_##op##_##tag},

/* Functions over whole vectors: dense data directly, other strides through a vector's worth of memory. */
#define VECTOR_LOOP(name, S, V, LANES, load, load_part, store, store_part, FUNCTION)                            \
    static hl_status name(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {         \
        (void)param;                                                                                            \
        if (stride[0] == (int64_t)sizeof(S) && stride[1] == (int64_t)sizeof(S)) {                               \
            const S *a = (const S *)data[0];                                                                    \
            S *out = (S *)data[1];                                                                              \
            int64_t i = 0;                                                                                      \
            for (; i + LANES <= n; i += LANES) store(out + i, FUNCTION(load(a + i)));                           \
            if (i < n) store_part(out + i, FUNCTION(load_part(a + i, (int)(n - i))), (int)(n - i));             \
            return HL_OK;                                                                                       \
        }                                                                                                       \
        for (int64_t first = 0; first < n; first += LANES) {                                                    \
            const int64_t count = n - first < LANES ? n - first : LANES;                                        \
            S lanes[LANES] = {0};                                                                               \
            for (int64_t i = 0; i < count; i++) lanes[i] = *(const S *)(data[0] + (first + i) * stride[0]);     \
            store(lanes, FUNCTION(load(lanes)));                                                                \
            for (int64_t i = 0; i < count; i++) *(S *)(data[1] + (first + i) * stride[1]) = lanes[i];           \
        }                                                                                                       \
        return HL_OK;                                                                                           \
    }
#define VECTOR(op)                                                                                                         \
    VECTOR_LOOP(ew_##op##_f64, double, simd_f64, F64_LANES, load_f64, load_part_f64, store_f64, store_part_f64, op##_f64)  \
    SINGLE_VECTOR(op)
/* Where double is libm's. */
#define SINGLE_VECTOR(op)                                                                                                  \
    VECTOR_LOOP(ew_##op##_f32, float, simd_f32, F32_LANES, load_f32, load_part_f32, store_f32, store_part_f32, op##_f32)   \
    VECTOR_LOOP(ew_##op##_f16, uint16_t, simd_f32, F32_LANES, load_f16, load_part_f16, store_f16, store_part_f16, op##_f32) \
    VECTOR_LOOP(ew_##op##_bf16, uint16_t, simd_f32, F32_LANES, load_bf16, load_part_bf16, store_bf16, store_part_bf16,      \
                op##_f32)

/* --- definitions ---------------------------------------------------------------------------------------------- */

#define F(function, x) _Generic((x), float: function##f, default: function)(x)
#define ABS(x) ((x) < 0 ? -(x) : (x)) /* -0 stays so */
#define MAGNITUDE(x) _Generic((x), float: fabsf((float)(x)), double: fabs((double)(x)), default: ABS(x))
#define SIGN(x) (((x) > 0) - ((x) < 0)) /* 0 for NaN, as in TensorFlow */

static double rsqrt(double x) { return 1 / sqrt(x); }

/* --- the ops -------------------------------------------------------------------------------------------------- */

EACH_WIDE_FLOAT(SAME, neg, -x)
EACH_HALF(BITS, neg, x ^ 0x8000)
EACH_INT(SAME, neg, -x)
EACH_COMPLEX(SAME, neg, -x)
VARIANTS(neg, EACH_NUMBER(ROW, neg) EACH_COMPLEX(ROW, neg))

EACH_WIDE_FLOAT(SAME, abs, MAGNITUDE(x))
EACH_HALF(BITS, abs, x & 0x7fff)
EACH_INT(SAME, abs, MAGNITUDE(x))
VARIANTS(abs, EACH_NUMBER(ROW, abs))

EACH_NUMBER(SAME, sign, SIGN(x))
EACH_COMPLEX(SAME, sign, COMPLEX_SIGN(x))
VARIANTS(sign, EACH_NUMBER(ROW, sign) EACH_COMPLEX(ROW, sign))

EACH_NUMBER(SAME, square, x * x)
#if COMPLEX_VECTORS
VECTOR_LOOP(ew_square_c64, float complex, simd_c64, C64_LANES, load_c64, load_part_c64, store_c64, store_part_c64, square_c64)
VECTOR_LOOP(ew_square_c128, double complex, simd_c128, C128_LANES, load_c128, load_part_c128, store_c128, store_part_c128, square_c128)
#else
EACH_COMPLEX(SAME, square, x * x)
#endif
VARIANTS(square, EACH_NUMBER(ROW, square) EACH_COMPLEX(ROW, square))

EACH_FLOAT(SAME, sqrt, F(sqrt, x))
EACH_COMPLEX(SAME, sqrt, CX(sqrt, x))
VARIANTS(sqrt, EACH_FLOAT(ROW, sqrt) EACH_COMPLEX(ROW, sqrt))

SINGLE_VECTOR(rsqrt)
UNARY_LOOP(ew_rsqrt_f64, double, double, PLAIN, double, PLAIN, rsqrt(x))
EACH_COMPLEX(SAME, rsqrt, 1 / CX(sqrt, x))
VARIANTS(rsqrt, EACH_FLOAT(ROW, rsqrt) EACH_COMPLEX(ROW, rsqrt))

EACH_FLOAT(SAME, reciprocal, 1 / x)
EACH_INT(SAME, reciprocal, x ? 1 / x : 0)
EACH_COMPLEX(SAME, reciprocal, 1 / x)
VARIANTS(reciprocal, EACH_FLOAT(ROW, reciprocal) EACH_INT(ROW, reciprocal) EACH_COMPLEX(ROW, reciprocal))

VECTOR(exp)
EACH_COMPLEX(SAME, exp, CX(exp, x))
VARIANTS(exp, EACH_FLOAT(ROW, exp) EACH_COMPLEX(ROW, exp))

VECTOR(log)
EACH_COMPLEX(SAME, log, CX(log, x))
VARIANTS(log, EACH_FLOAT(ROW, log) EACH_COMPLEX(ROW, log))

VECTOR(sigmoid)
EACH_COMPLEX(SAME, sigmoid, 1 / (1 + CX(exp, -x)))
VARIANTS(sigmoid, EACH_FLOAT(ROW, sigmoid) EACH_COMPLEX(ROW, sigmoid))

VECTOR(tanh)
EACH_COMPLEX(SAME, tanh, CX(tanh, x))
VARIANTS(tanh, EACH_FLOAT(ROW, tanh) EACH_COMPLEX(ROW, tanh))

VECTOR(expm1)
EACH_COMPLEX(SAME, expm1, CX(exp, x) - 1)
VARIANTS(expm1, EACH_FLOAT(ROW, expm1) EACH_COMPLEX(ROW, expm1))

VECTOR(log1p)
EACH_COMPLEX(SAME, log1p, CX(log, 1 + x))
VARIANTS(log1p, EACH_FLOAT(ROW, log1p) EACH_COMPLEX(ROW, log1p))

VECTOR(sin)
EACH_COMPLEX(SAME, sin, CX(sin, x))
VARIANTS(sin, EACH_FLOAT(ROW, sin) EACH_COMPLEX(ROW, sin))

VECTOR(cos)
EACH_COMPLEX(SAME, cos, CX(cos, x))
VARIANTS(cos, EACH_FLOAT(ROW, cos) EACH_COMPLEX(ROW, cos))

VECTOR(tan)
EACH_COMPLEX(SAME, tan, CX(tan, x))
VARIANTS(tan, EACH_FLOAT(ROW, tan) EACH_COMPLEX(ROW, tan))

VECTOR(asin)
VARIANTS(asin, EACH_FLOAT(ROW, asin))

VECTOR(acos)
VARIANTS(acos, EACH_FLOAT(ROW, acos))

VECTOR(atan)
VARIANTS(atan, EACH_FLOAT(ROW, atan))

VECTOR(sinh)
EACH_COMPLEX(SAME, sinh, CX(sinh, x))
VARIANTS(sinh, EACH_FLOAT(ROW, sinh) EACH_COMPLEX(ROW, sinh))

VECTOR(cosh)
EACH_COMPLEX(SAME, cosh, CX(cosh, x))
VARIANTS(cosh, EACH_FLOAT(ROW, cosh) EACH_COMPLEX(ROW, cosh))

VECTOR(asinh)
EACH_COMPLEX(SAME, asinh, CX(asinh, x))
VARIANTS(asinh, EACH_FLOAT(ROW, asinh) EACH_COMPLEX(ROW, asinh))

VECTOR(acosh)
EACH_COMPLEX(SAME, acosh, CX(acosh, x))
VARIANTS(acosh, EACH_FLOAT(ROW, acosh) EACH_COMPLEX(ROW, acosh))

VECTOR(atanh)
EACH_COMPLEX(SAME, atanh, CX(atanh, x))
VARIANTS(atanh, EACH_FLOAT(ROW, atanh) EACH_COMPLEX(ROW, atanh))

VECTOR(erf)
VARIANTS(erf, EACH_FLOAT(ROW, erf))

VECTOR(erfc)
VARIANTS(erfc, EACH_FLOAT(ROW, erfc))

VECTOR(digamma)
VARIANTS(digamma, EACH_FLOAT(ROW, digamma))

VECTOR(softplus)
VARIANTS(softplus, EACH_FLOAT(ROW, softplus))

VECTOR(lgamma)
VARIANTS(lgamma, EACH_FLOAT(ROW, lgamma))

EACH_FLOAT(SAME, floor, F(floor, x))
VARIANTS(floor, EACH_FLOAT(ROW, floor))

EACH_FLOAT(SAME, ceil, F(ceil, x))
VARIANTS(ceil, EACH_FLOAT(ROW, ceil))

EACH_FLOAT(SAME, rint, F(rint, x))
VARIANTS(rint, EACH_FLOAT(ROW, rint))

EACH_FLOAT(SAME, round, F(rint, x))
EACH_INT(SAME, round, x)
VARIANTS(round, EACH_FLOAT(ROW, round) EACH_INT(ROW, round))

EACH_INT(SAME, invert, ~x)
VARIANTS(invert, EACH_INT(ROW, invert))

EACH_BOOL(SAME, logical_not, !x)
VARIANTS(logical_not, EACH_BOOL(ROW, logical_not))

EACH_NUMBER(SAME, relu, x > 0 || x != x ? x : 0)
VARIANTS(relu, EACH_NUMBER(ROW, relu))

EACH_NUMBER(SAME, relu6, x > 6 ? 6 : x > 0 || x != x ? x : 0)
VARIANTS(relu6, EACH_NUMBER(ROW, relu6))

VECTOR(elu)
VARIANTS(elu, EACH_FLOAT(ROW, elu))

VECTOR(selu)
VARIANTS(selu, EACH_FLOAT(ROW, selu))

EACH_FLOAT(SAME, leaky_relu, LEAKY(x, x, param->f))
VARIANTS(leaky_relu, EACH_FLOAT(ROW, leaky_relu))

EACH_FLOAT(SAME, softsign, x / (1 + ABS(x)))
VARIANTS(softsign, EACH_FLOAT(ROW, softsign))

EACH_FLOAT(TEST, is_nan, x != x)
VARIANTS(is_nan, EACH_FLOAT(TEST_ROW, is_nan))

EACH_FLOAT(TEST, is_inf, !!isinf(x))
VARIANTS(is_inf, EACH_FLOAT(TEST_ROW, is_inf))

EACH_FLOAT(TEST, is_finite, !!isfinite(x))
VARIANTS(is_finite, EACH_FLOAT(TEST_ROW, is_finite))

/* How many bits are set: pairs, fours and bytes are added up beside each other, and a product adds the bytes. */
static inline uint8_t count_bits(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint8_t)((x * 0x0101010101010101u) >> 56);
}
#define WIDTH_MASK(x) (~UINT64_C(0) >> (64 - 8 * sizeof(x)))
#define COUNT_BITS(tag, dtype, S, C, LOAD, STORE, op, EXPR) UNARY_LOOP(ew_##op##_##tag, S, C, LOAD, uint8_t, PLAIN, EXPR)
#define COUNT_ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, HL_UINT8, ew_##op##_##tag},
EACH_INT(COUNT_BITS, population_count, count_bits((uint64_t)x & WIDTH_MASK(x)))
VARIANTS(population_count, EACH_INT(COUNT_ROW, population_count))

/* --- table ------------------------------------------------------------------------------------------------------------- */

/* Each op, and its nanoseconds an element. */
#define OPS(X) \
    X(neg, 0.1) \
    X(abs, 0.1) \
    X(sign, 0.1) \
    X(square, 0.1) \
    X(sqrt, 0.3) \
    X(rsqrt, 0.5) \
    X(reciprocal, 0.3) \
    X(exp, 0.3) \
    X(log, 0.4) \
    X(sigmoid, 0.4) \
    X(tanh, 0.4) \
    X(expm1, 0.5) \
    X(log1p, 0.6) \
    X(sin, 1) \
    X(cos, 1) \
    X(tan, 3) \
    X(asin, 1) \
    X(acos, 1) \
    X(atan, 1) \
    X(sinh, 3) \
    X(cosh, 3) \
    X(asinh, 2) \
    X(acosh, 2) \
    X(atanh, 3) \
    X(erf, 1.5) \
    X(erfc, 2) \
    X(digamma, 2) \
    X(softplus, 1) \
    X(lgamma, 4) \
    X(floor, 0.1) \
    X(ceil, 0.1) \
    X(rint, 0.1) \
    X(round, 0.1) \
    X(invert, 0.1) \
    X(logical_not, 0.1) \
    X(relu, 0.1) \
    X(relu6, 0.1) \
    X(elu, 0.5) \
    X(selu, 0.5) \
    X(leaky_relu, 0.1) \
    X(softsign, 0.1) \
    X(is_nan, 0.1) \
    X(is_inf, 0.1) \
    X(is_finite, 0.1) \
    X(population_count, 0.3)

#define PREPARE(op, cost)                                                                              \
    static hl_status prepare_##op(hl_prepare *prep) {                                                 \
        return ew_prepare(prep, op##_variants, cost, prep->n_attr ? prep->attr[0] : (hl_value){0});    \
    }
OPS(PREPARE)

#define ENTRY(op, cost) {#op, prepare_##op, sizeof(ew_walk)},
static const hl_kernel table[] = {OPS(ENTRY)};

HL_FAMILY(elementwise_unary, table);
