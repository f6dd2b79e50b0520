/* Elementwise ops of one operand. */
#define _GNU_SOURCE /* lgamma_r */
#include <math.h>

#include "elementwise.h"
#include "elementwise_types.h"
#include "vector_math.h"
#include "special.h"

#define SAME(tag, dtype, S, C, LOAD, STORE, op, EXPR) UNARY_LOOP(ew_##op##_##tag, S, C, LOAD, S, STORE, EXPR)
#define TEST(tag, dtype, S, C, LOAD, STORE, op, EXPR) UNARY_LOOP(ew_##op##_##tag, S, C, LOAD, uint8_t, PLAIN, EXPR)
#define ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, dtype, ew_##op##_##tag},
#define TEST_ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, HL_BOOL, ew_##op##_##tag},

/* Functions over whole vectors: dense data directly, other strides through a vector's worth of memory. */
#define VECTOR_LOOP(name, T, V, LANES, load, load_part, store, store_part, FUNCTION)                            \
    static hl_status name(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {         \
        (void)param;                                                                                            \
        if (stride[0] == (int64_t)sizeof(T) && stride[1] == (int64_t)sizeof(T)) {                               \
            const T *a = (const T *)data[0];                                                                    \
            T *out = (T *)data[1];                                                                              \
            int64_t i = 0;                                                                                      \
            for (; i + LANES <= n; i += LANES) store(out + i, FUNCTION(load(a + i)));                           \
            if (i < n) store_part(out + i, FUNCTION(load_part(a + i, (int)(n - i))), (int)(n - i));             \
            return HL_OK;                                                                                       \
        }                                                                                                       \
        for (int64_t first = 0; first < n; first += LANES) {                                                    \
            const int64_t count = n - first < LANES ? n - first : LANES;                                        \
            T lanes[LANES] = {0};                                                                               \
            for (int64_t i = 0; i < count; i++) lanes[i] = *(const T *)(data[0] + (first + i) * stride[0]);     \
            store(lanes, FUNCTION(load(lanes)));                                                                \
            for (int64_t i = 0; i < count; i++) *(T *)(data[1] + (first + i) * stride[1]) = lanes[i];           \
        }                                                                                                       \
        return HL_OK;                                                                                           \
    }
#define VECTOR(op)                                                                                              \
    VECTOR_LOOP(ew_##op##_f32, float, simd_f32, F32_LANES, load_f32, load_part_f32, store_f32, store_part_f32, op##_f32)  \
    VECTOR_LOOP(ew_##op##_f64, double, simd_f64, F64_LANES, load_f64, load_part_f64, store_f64, store_part_f64, op##_f64)

/* --- definitions ---------------------------------------------------------------------------------------------- */

#define F(function, x) _Generic((x), float: function##f, default: function)(x)
#define ABS(x) ((x) < 0 ? -(x) : (x))
#define SIGN(x) (((x) > 0) - ((x) < 0)) /* 0 for NaN, as in TensorFlow */

static float sigmoidf(float x) { return 1 / (1 + expf(-x)); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static float softplusf(float x) {
    const float threshold = -13.942385f; /* log(epsilon) + 2 */
    return x > -threshold ? x : x < threshold ? expf(x) : log1pf(expf(x));
}
static double softplus(double x) {
    const double threshold = -34.04365338911715;
    return x > -threshold ? x : x < threshold ? exp(x) : log1p(exp(x));
}

static float digammaf(float x) { return (float)digamma(x); }
static float rsqrtf(float x) { return 1 / sqrtf(x); }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}
static float log_gammaf(float x) {
    int sign;
    return lgammaf_r(x, &sign);
}

/* --- the ops -------------------------------------------------------------------------------------------------- */

EACH_NUMBER(SAME, neg, -x)
VARIANTS(neg, EACH_NUMBER(ROW, neg))

EACH_NUMBER(SAME, abs, ABS(x))
VARIANTS(abs, EACH_NUMBER(ROW, abs))

EACH_NUMBER(SAME, sign, SIGN(x))
VARIANTS(sign, EACH_NUMBER(ROW, sign))

EACH_NUMBER(SAME, square, x * x)
VARIANTS(square, EACH_NUMBER(ROW, square))

EACH_FLOAT(SAME, sqrt, F(sqrt, x))
VARIANTS(sqrt, EACH_FLOAT(ROW, sqrt))

EACH_FLOAT(SAME, rsqrt, F(rsqrt, x))
VARIANTS(rsqrt, EACH_FLOAT(ROW, rsqrt))

EACH_FLOAT(SAME, reciprocal, 1 / x)
EACH_INT(SAME, reciprocal, x ? 1 / x : 0)
VARIANTS(reciprocal, EACH_FLOAT(ROW, reciprocal) EACH_INT(ROW, reciprocal))

VECTOR(exp)
EACH_HALF(SAME, exp, F(exp, x))
VARIANTS(exp, EACH_FLOAT(ROW, exp))

VECTOR(log)
EACH_HALF(SAME, log, F(log, x))
VARIANTS(log, EACH_FLOAT(ROW, log))

VECTOR(sigmoid)
EACH_HALF(SAME, sigmoid, F(sigmoid, x))
VARIANTS(sigmoid, EACH_FLOAT(ROW, sigmoid))

VECTOR(tanh)
EACH_HALF(SAME, tanh, F(tanh, x))
VARIANTS(tanh, EACH_FLOAT(ROW, tanh))

EACH_FLOAT(SAME, expm1, F(expm1, x))
VARIANTS(expm1, EACH_FLOAT(ROW, expm1))

EACH_FLOAT(SAME, log1p, F(log1p, x))
VARIANTS(log1p, EACH_FLOAT(ROW, log1p))

EACH_FLOAT(SAME, sin, F(sin, x))
VARIANTS(sin, EACH_FLOAT(ROW, sin))

EACH_FLOAT(SAME, cos, F(cos, x))
VARIANTS(cos, EACH_FLOAT(ROW, cos))

EACH_FLOAT(SAME, tan, F(tan, x))
VARIANTS(tan, EACH_FLOAT(ROW, tan))

EACH_FLOAT(SAME, asin, F(asin, x))
VARIANTS(asin, EACH_FLOAT(ROW, asin))

EACH_FLOAT(SAME, acos, F(acos, x))
VARIANTS(acos, EACH_FLOAT(ROW, acos))

EACH_FLOAT(SAME, atan, F(atan, x))
VARIANTS(atan, EACH_FLOAT(ROW, atan))

EACH_FLOAT(SAME, sinh, F(sinh, x))
VARIANTS(sinh, EACH_FLOAT(ROW, sinh))

EACH_FLOAT(SAME, cosh, F(cosh, x))
VARIANTS(cosh, EACH_FLOAT(ROW, cosh))

EACH_FLOAT(SAME, asinh, F(asinh, x))
VARIANTS(asinh, EACH_FLOAT(ROW, asinh))

EACH_FLOAT(SAME, acosh, F(acosh, x))
VARIANTS(acosh, EACH_FLOAT(ROW, acosh))

EACH_FLOAT(SAME, atanh, F(atanh, x))
VARIANTS(atanh, EACH_FLOAT(ROW, atanh))

EACH_FLOAT(SAME, erf, F(erf, x))
VARIANTS(erf, EACH_FLOAT(ROW, erf))

EACH_FLOAT(SAME, erfc, F(erfc, x))
VARIANTS(erfc, EACH_FLOAT(ROW, erfc))

EACH_FLOAT(SAME, digamma, F(digamma, x))
VARIANTS(digamma, EACH_FLOAT(ROW, digamma))

EACH_FLOAT(SAME, softplus, F(softplus, x))
VARIANTS(softplus, EACH_FLOAT(ROW, softplus))

EACH_FLOAT(SAME, lgamma, F(log_gamma, x))
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

EACH_FLOAT(SAME, elu, x < 0 ? F(expm1, x) : x)
VARIANTS(elu, EACH_FLOAT(ROW, elu))

EACH_FLOAT(SAME, selu, x < 0 ? (__typeof__(x))1.7580993408473766 * F(expm1, x) : (__typeof__(x))1.0507009873554805 * x)
VARIANTS(selu, EACH_FLOAT(ROW, selu))

EACH_FLOAT(SAME, leaky_relu, x > 0 ? x : x * param->f)
VARIANTS(leaky_relu, EACH_FLOAT(ROW, leaky_relu))

EACH_FLOAT(SAME, softsign, x / (1 + ABS(x)))
VARIANTS(softsign, EACH_FLOAT(ROW, softsign))

EACH_FLOAT(TEST, is_nan, x != x)
VARIANTS(is_nan, EACH_FLOAT(TEST_ROW, is_nan))

EACH_FLOAT(TEST, is_inf, !!isinf(x))
VARIANTS(is_inf, EACH_FLOAT(TEST_ROW, is_inf))

EACH_FLOAT(TEST, is_finite, !!isfinite(x))
VARIANTS(is_finite, EACH_FLOAT(TEST_ROW, is_finite))

/* --- table ------------------------------------------------------------------------------------------------------------- */

#define PREPARE(op, cost)                                                                              \
    static hl_status prepare_##op(hl_prepare *prep) {                                                 \
        return ew_prepare(prep, op##_variants, cost, prep->n_attr ? prep->attr[0] : (hl_value){0});    \
    }

PREPARE(neg, 0.1)
PREPARE(abs, 0.1)
PREPARE(sign, 0.1)
PREPARE(square, 0.1)
PREPARE(sqrt, 0.3)
PREPARE(rsqrt, 0.5)
PREPARE(reciprocal, 0.3)
PREPARE(exp, 0.6)
PREPARE(log, 0.6)
PREPARE(sigmoid, 0.6)
PREPARE(tanh, 0.6)
PREPARE(expm1, 10)
PREPARE(log1p, 10)
PREPARE(sin, 10)
PREPARE(cos, 10)
PREPARE(tan, 10)
PREPARE(asin, 10)
PREPARE(acos, 10)
PREPARE(atan, 10)
PREPARE(sinh, 10)
PREPARE(cosh, 10)
PREPARE(asinh, 10)
PREPARE(acosh, 10)
PREPARE(atanh, 10)
PREPARE(erf, 10)
PREPARE(erfc, 10)
PREPARE(digamma, 10)
PREPARE(softplus, 10)
PREPARE(lgamma, 20)
PREPARE(floor, 0.1)
PREPARE(ceil, 0.1)
PREPARE(rint, 0.1)
PREPARE(round, 0.1)
PREPARE(invert, 0.1)
PREPARE(logical_not, 0.1)
PREPARE(relu, 0.1)
PREPARE(relu6, 0.1)
PREPARE(elu, 5)
PREPARE(selu, 5)
PREPARE(leaky_relu, 0.1)
PREPARE(softsign, 0.1)
PREPARE(is_nan, 0.1)
PREPARE(is_inf, 0.1)
PREPARE(is_finite, 0.1)

static const hl_kernel table[] = {
    {"neg", prepare_neg, sizeof(ew_walk)},
    {"abs", prepare_abs, sizeof(ew_walk)},
    {"sign", prepare_sign, sizeof(ew_walk)},
    {"square", prepare_square, sizeof(ew_walk)},
    {"sqrt", prepare_sqrt, sizeof(ew_walk)},
    {"rsqrt", prepare_rsqrt, sizeof(ew_walk)},
    {"reciprocal", prepare_reciprocal, sizeof(ew_walk)},
    {"exp", prepare_exp, sizeof(ew_walk)},
    {"log", prepare_log, sizeof(ew_walk)},
    {"sigmoid", prepare_sigmoid, sizeof(ew_walk)},
    {"tanh", prepare_tanh, sizeof(ew_walk)},
    {"expm1", prepare_expm1, sizeof(ew_walk)},
    {"log1p", prepare_log1p, sizeof(ew_walk)},
    {"sin", prepare_sin, sizeof(ew_walk)},
    {"cos", prepare_cos, sizeof(ew_walk)},
    {"tan", prepare_tan, sizeof(ew_walk)},
    {"asin", prepare_asin, sizeof(ew_walk)},
    {"acos", prepare_acos, sizeof(ew_walk)},
    {"atan", prepare_atan, sizeof(ew_walk)},
    {"sinh", prepare_sinh, sizeof(ew_walk)},
    {"cosh", prepare_cosh, sizeof(ew_walk)},
    {"asinh", prepare_asinh, sizeof(ew_walk)},
    {"acosh", prepare_acosh, sizeof(ew_walk)},
    {"atanh", prepare_atanh, sizeof(ew_walk)},
    {"erf", prepare_erf, sizeof(ew_walk)},
    {"erfc", prepare_erfc, sizeof(ew_walk)},
    {"digamma", prepare_digamma, sizeof(ew_walk)},
    {"softplus", prepare_softplus, sizeof(ew_walk)},
    {"lgamma", prepare_lgamma, sizeof(ew_walk)},
    {"floor", prepare_floor, sizeof(ew_walk)},
    {"ceil", prepare_ceil, sizeof(ew_walk)},
    {"rint", prepare_rint, sizeof(ew_walk)},
    {"round", prepare_round, sizeof(ew_walk)},
    {"invert", prepare_invert, sizeof(ew_walk)},
    {"logical_not", prepare_logical_not, sizeof(ew_walk)},
    {"relu", prepare_relu, sizeof(ew_walk)},
    {"relu6", prepare_relu6, sizeof(ew_walk)},
    {"elu", prepare_elu, sizeof(ew_walk)},
    {"selu", prepare_selu, sizeof(ew_walk)},
    {"leaky_relu", prepare_leaky_relu, sizeof(ew_walk)},
    {"softsign", prepare_softsign, sizeof(ew_walk)},
    {"is_nan", prepare_is_nan, sizeof(ew_walk)},
    {"is_inf", prepare_is_inf, sizeof(ew_walk)},
    {"is_finite", prepare_is_finite, sizeof(ew_walk)},
};

HL_FAMILY(elementwise_unary, table);
