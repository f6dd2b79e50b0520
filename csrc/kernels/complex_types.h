/* The complex element types of elementwise kernels, and C's functions of them by either width. */
#ifndef HOOKLOOP_COMPLEX_TYPES_H
#define HOOKLOOP_COMPLEX_TYPES_H

#include <complex.h>
#undef I

/* As EACH_FLOAT of elementwise_types.h. */
#define EACH_COMPLEX(X, ...)                                                           \
    X(c64, HL_COMPLEX64, float complex, float complex, PLAIN, PLAIN, __VA_ARGS__)      \
    X(c128, HL_COMPLEX128, double complex, double complex, PLAIN, PLAIN, __VA_ARGS__)

/* CX(exp, x) is cexpf or cexp. */
#define CX(function, x) _Generic((x), float complex: c##function##f, default: c##function)(x)
#define CX2(function, x, y) _Generic((x), float complex: c##function##f, default: c##function)(x, y)
#define CX_CONJ(x) _Generic((x), float complex: conjf, default: conj)(x)

/* 0 at 0, else the number of length 1 in x's direction. */
#define COMPLEX_SIGN(x) ((x) == 0 ? 0 : (x) / CX(abs, x))

#endif
