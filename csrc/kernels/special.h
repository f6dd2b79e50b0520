/* Special functions of two arguments, in double. */
#ifndef HOOKLOOP_SPECIAL_H
#define HOOKLOOP_SPECIAL_H

#include <math.h>

/* The Hurwitz zeta function: a sum of (q + k)^-x, its tail by Euler and Maclaurin. */
static double hurwitz_zeta(double x, double q) {
    /* (2 j)! / B(2 j), by which the j-th term of the tail is divided. */
    static const double divisor[] = {12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1.8924375803183791606e9,
                                     7.47242496e10, -2.950130727918164224e12, 1.1646782814350067249e14,
                                     -4.5979787224074726105e15, 1.8152105401943546773e17, -7.1661652561756670113e18};
    if (x == 1) return INFINITY;
    if (!(x > 1)) return NAN;
    if (q <= 0) {
        if (q == floor(q)) return INFINITY;
        if (x != floor(x)) return NAN;
    }
    if (q < -100) { /* The terms below 0 are those of a sum that begins above it: going through them would take for ever. */
        const double part = q - floor(q);
        const double below = hurwitz_zeta(x, 1 - part) - hurwitz_zeta(x, 1 - q);
        return hurwitz_zeta(x, part) + (fmod(x, 2) == 0 ? below : -below);
    }
    double sum = 0;
    for (; q < fmax(10, x); q++) { /* the tail's terms become smaller only where q is about as large as x */
        const double term = pow(q, -x);
        sum += term;
        if (q > 1 && fabs(term) <= fabs(sum) * 1e-17) return sum;
    }
    const double power = pow(q, -x);
    if (power == 0) return sum;
    sum += power * (q / (x - 1) + 0.5);
    double factor = x * power / q;
    for (int j = 0; j < 12; j++) {
        const double term = factor / divisor[j];
        sum += term;
        if (fabs(term) <= fabs(sum) * 1e-17) break;
        factor *= (x + 2 * j + 1) * (x + 2 * j + 2) / (q * q);
    }
    return sum;
}

/* digamma: the asymptotic series after stepping up to 10, and reflection below 0. */
static double digamma(double x) {
    double result = 0;
    if (x <= 0) {
        if (x == floor(x)) return INFINITY; /* a pole, as TensorFlow has it */
        return digamma(1 - x) - M_PI / tan(M_PI * x);
    }
    for (; x < 10; x++) result -= 1 / x;
    const double inverse = 1 / (x * x);
    const double series = inverse * (1.0 / 12 - inverse * (1.0 / 120 - inverse * (1.0 / 252 - inverse * (1.0 / 240 -
                          inverse * (1.0 / 132 - inverse * (691.0 / 32760 - inverse / 12))))));
    return result + log(x) - 0.5 / x - series;
}

/* The n-th derivative of digamma. */
static inline double polygamma(double n, double x) {
    if (n == 0) return digamma(x);
    if (n < 0 || n != floor(n)) return NAN;
    const double value = tgamma(n + 1) * hurwitz_zeta(n + 1, x);
    return fmod(n, 2) == 0 ? -value : value;
}

#endif
