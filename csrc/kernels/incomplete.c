/* Incomplete gamma and beta functions, Bessel functions, and the next representable number. */
#define _GNU_SOURCE /* lgamma_r */
#include <math.h>

#include "elementwise.h"
#include "elementwise_types.h"
#include "special.h"

enum { MOST_TERMS = 2000 };

static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/* --- incomplete gamma functions, with their derivatives by a -------------------------------------------------------- */

typedef struct gamma_value { double value, slope; } gamma_value; /* no slope is worked out where a constant `sloped` is false */
#define INLINE static inline __attribute__((always_inline))

/* P(a, x) = x^a e^-x / gamma(a + 1) (1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ...), quick where x is below a. */
INLINE gamma_value lower_series(double a, double x, const bool sloped) {
    double term = 1, sum = 1, term_slope = 0, sum_slope = 0;
    for (int k = 1; k < MOST_TERMS; k++) {
        const double ratio = x / (a + k);
        if (sloped) term_slope = ratio * (term_slope - term / (a + k)), sum_slope += term_slope;
        term *= ratio;
        sum += term;
        if (term <= sum * 1e-17 && (!sloped || fabs(term_slope) <= fabs(sum_slope) * 1e-17)) break;
    }
    const double factor = exp(a * log(x) - x - log_gamma(a + 1));
    return (gamma_value){factor * sum, sloped ? factor * (sum_slope + sum * (log(x) - digamma(a + 1))) : 0};
}

/* Q(a, x) by its continued fraction: numerators p and denominators q of its convergents, and their slopes. */
INLINE gamma_value upper_fraction(double a, double x, const bool sloped) {
    const double big = 4503599627370496.0;
    double y = 1 - a, z = x + y + 1;
    double p2 = 1, q2 = x, p1 = x + 1, q1 = z * x;
    double dp2 = 0, dq2 = 0, dp1 = 0, dq1 = -x;
    double value = p1 / q1, slope = sloped ? (dp1 - value * dq1) / q1 : 0;
    for (int k = 1; k < MOST_TERMS; k++) {
        y++, z += 2;
        const double weight = y * k, weight_slope = -k;
        const double p = p1 * z - p2 * weight, q = q1 * z - q2 * weight;
        const double dp = sloped ? dp1 * z - p1 - dp2 * weight - p2 * weight_slope : 0;
        const double dq = sloped ? dq1 * z - q1 - dq2 * weight - q2 * weight_slope : 0;
        bool settled = false;
        if (q != 0) {
            const double next = p / q, next_slope = sloped ? (dp - next * dq) / q : 0;
            settled = fabs(value - next) <= 1e-16 * fabs(next) && fabs(slope - next_slope) <= 1e-16 * (1 + fabs(next_slope));
            value = next, slope = next_slope;
        }
        p2 = p1, p1 = p, q2 = q1, q1 = q;
        dp2 = dp1, dp1 = dp, dq2 = dq1, dq1 = dq;
        if (fabs(p) > big) {
            p2 /= big, p1 /= big, q2 /= big, q1 /= big;
            dp2 /= big, dp1 /= big, dq2 /= big, dq1 /= big;
        }
        if (settled) break;
    }
    const double factor = exp(a * log(x) - x - log_gamma(a));
    return (gamma_value){factor * value, sloped ? factor * (slope + value * (log(x) - digamma(a))) : 0};
}

/* P(a, x), or Q(a, x) = 1 - P(a, x). */
INLINE gamma_value incomplete_gamma(double a, double x, const bool upper, const bool sloped) {
    if (x == 0 && !upper) return (gamma_value){0, 0};
    if (!(x >= 0) || !(a > 0) || isinf(a)) return (gamma_value){NAN, NAN};
    if (x == 0 || isinf(x)) return (gamma_value){(x == 0) == upper, 0};
    const bool by_fraction = x > 1 && x > a;
    const gamma_value found = by_fraction ? upper_fraction(a, x, sloped) : lower_series(a, x, sloped);
    return by_fraction == upper ? found : (gamma_value){1 - found.value, -found.slope};
}

/* --- the incomplete beta function ------------------------------------------------------------------------------------- */

/* Lentz' evaluation of the continued fraction that is quick where x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int k = 1; k < MOST_TERMS; k++) {
        for (int odd = 0; odd < 2; odd++) {
            const double step = odd ? -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
                                    : k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
            d = 1 + step * d, c = 1 + step / c;
            d = 1 / (fabs(d) < tiny ? tiny : d), c = fabs(c) < tiny ? tiny : c;
            value *= d * c;
        }
        if (fabs(d * c - 1) < 1e-16) break;
    }
    return value;
}

static double incomplete_beta(double a, double b, double x) {
    if (!(a > 0) || !(b > 0) || isinf(a) || isinf(b) || !(x >= 0) || !(x <= 1)) return NAN;
    if (x == 0 || x == 1) return x;
    const double factor = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return factor * beta_fraction(a, b, x) / a;
    return 1 - factor * beta_fraction(b, a, 1 - x) / b;
}

/* --- modified Bessel functions of order 0 and 1, times e^-|x| ------------------------------------------------------------- */

static double scaled_bessel(int order, double x) {
    const double size = fabs(x);
    double sum = 1, term = 1;
    if (isinf(x)) return order && x < 0 ? -0.0 : 0.0;
    if (size <= 20) { /* the power series: all its terms have one sign */
        const double square = size * size / 4;
        for (int k = 1; term > sum * 1e-17; k++) sum += term *= square / (k * (double)(k + order));
        sum *= exp(-size) * (order ? size / 2 : 1);
    } else { /* the asymptotic one, which at 20 is good to e^-40 */
        for (int k = 1; fabs(term) > sum * 1e-17 && k < 40; k++) {
            const double odd = 2 * k - 1;
            sum += term *= (odd * odd - 4 * order) / (8 * k * size);
        }
        sum /= sqrt(2 * M_PI * size);
    }
    return order && x < 0 ? -sum : sum;
}

/* --- the ops ------------------------------------------------------------------------------------------------------------------ */

#define BINARY(tag, dtype, S, C, LOAD, STORE, op, EXPR)                                                             \
    static hl_status op##_##tag(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {       \
        (void)param;                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                           \
            const S x = *(const S *)(data[0] + i * stride[0]), y = *(const S *)(data[1] + i * stride[1]);           \
            *(S *)(data[2] + i * stride[2]) = (S)(EXPR);                                                            \
        }                                                                                                           \
        return HL_OK;                                                                                               \
    }
#define TERNARY(tag, dtype, S, C, LOAD, STORE, op, EXPR)                                                            \
    static hl_status op##_##tag(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {       \
        (void)param;                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                           \
            const S a = *(const S *)(data[0] + i * stride[0]), b = *(const S *)(data[1] + i * stride[1]);           \
            const S x = *(const S *)(data[2] + i * stride[2]);                                                      \
            *(S *)(data[3] + i * stride[3]) = (S)(EXPR);                                                            \
        }                                                                                                           \
        return HL_OK;                                                                                               \
    }
#define SAME(tag, dtype, S, C, LOAD, STORE, op, EXPR) UNARY_LOOP(op##_##tag, S, C, LOAD, S, STORE, EXPR)
#define ROW(tag, dtype, S, C, LOAD, STORE, op) {dtype, dtype, op##_##tag},

EACH_WIDE_FLOAT(BINARY, igamma, incomplete_gamma(x, y, false, false).value)
VARIANTS(igamma, EACH_WIDE_FLOAT(ROW, igamma))

EACH_WIDE_FLOAT(BINARY, igammac, incomplete_gamma(x, y, true, false).value)
VARIANTS(igammac, EACH_WIDE_FLOAT(ROW, igammac))

EACH_WIDE_FLOAT(BINARY, igamma_grad_a, incomplete_gamma(x, y, false, true).slope)
VARIANTS(igamma_grad_a, EACH_WIDE_FLOAT(ROW, igamma_grad_a))

/* How a sample moves with alpha where its quantile stays: -(dP/da) / (dP/dx). */
static double gamma_sample_slope(double a, double x) {
    return -incomplete_gamma(a, x, false, true).slope * exp(x - (a - 1) * log(x) + lgamma(a));
}

EACH_WIDE_FLOAT(BINARY, random_gamma_grad, gamma_sample_slope(x, y))
VARIANTS(random_gamma_grad, EACH_WIDE_FLOAT(ROW, random_gamma_grad))

EACH_WIDE_FLOAT(TERNARY, betainc, incomplete_beta(a, b, x))
VARIANTS(betainc, EACH_WIDE_FLOAT(ROW, betainc))

EACH_FLOAT(SAME, bessel_i0e, (__typeof__(x))scaled_bessel(0, x))
VARIANTS(bessel_i0e, EACH_FLOAT(ROW, bessel_i0e))

EACH_FLOAT(SAME, bessel_i1e, (__typeof__(x))scaled_bessel(1, x))
VARIANTS(bessel_i1e, EACH_FLOAT(ROW, bessel_i1e))

#define NEXT_AFTER(x, y) _Generic((x), float: nextafterf, default: nextafter)(x, y)
EACH_WIDE_FLOAT(BINARY, next_after, NEXT_AFTER(x, y))
VARIANTS(next_after, EACH_WIDE_FLOAT(ROW, next_after))

#define PREPARE(op, cost) \
    static hl_status prepare_##op(hl_prepare *prep) { return ew_prepare(prep, op##_variants, cost, (hl_value){0}); }
PREPARE(igamma, 200)
PREPARE(igammac, 200)
PREPARE(igamma_grad_a, 300)
PREPARE(random_gamma_grad, 350)
PREPARE(betainc, 200)
PREPARE(bessel_i0e, 50)
PREPARE(bessel_i1e, 50)
PREPARE(next_after, 2)

static const hl_kernel table[] = {
    {"igamma", prepare_igamma, sizeof(ew_walk)},
    {"igammac", prepare_igammac, sizeof(ew_walk)},
    {"igamma_grad_a", prepare_igamma_grad_a, sizeof(ew_walk)},
    {"random_gamma_grad", prepare_random_gamma_grad, sizeof(ew_walk)},
    {"betainc", prepare_betainc, sizeof(ew_walk)},
    {"bessel_i0e", prepare_bessel_i0e, sizeof(ew_walk)},
    {"bessel_i1e", prepare_bessel_i1e, sizeof(ew_walk)},
    {"next_after", prepare_next_after, sizeof(ew_walk)},
};

HL_FAMILY(incomplete, table);
