/* Copies of elements that lie apart: every second, third or fourth one by shuffles of vectors, others four at a time.
 *
 * Left alone, GCC puts vectors together of elements that it loads one by one, or takes them apart, which takes longer than the copies.
 */
#ifndef HOOKLOOP_STRIDED_COPIES_H
#define HOOKLOOP_STRIDED_COPIES_H

#include <stdint.h>

/* Has the compiler take what a variable holds for unknown, so that it makes no part of a vector of it. */
#define APART_IS_UNKNOWN(x) __asm__("" : "+r"(x))

#define STRIDED_COPIES(name, T, most_step)                                                                                  \
    /* Element number `step` * i to place i: the step is known when this is compiled. */                                     \
    static inline __attribute__((always_inline)) void name##_stepping(int64_t n, const T *restrict from, const int step,     \
                                                                      T *restrict to) {                                      \
        for (int64_t i = 0; i < n; i++) to[i] = from[i * step];                                                             \
    }                                                                                                                       \
    /* Elements that are `step` bytes apart, to such as lie together. */                                                    \
    static inline void name##_together(int64_t n, const char *from, int64_t step, T *to) {                                  \
        const int64_t size = (int64_t)sizeof(T);                                                                            \
        int64_t i = 0;                                                                                                      \
        if (step == 2 * size) {                                                                                             \
            name##_stepping(n, (const T *)from, 2, to);                                                                     \
            return;                                                                                                         \
        }                                                                                                                   \
        if (most_step > 2 && step == 3 * size) {                                                                            \
            name##_stepping(n, (const T *)from, 3, to);                                                                     \
            return;                                                                                                         \
        }                                                                                                                   \
        if (most_step > 2 && step == 4 * size) {                                                                            \
            name##_stepping(n, (const T *)from, 4, to);                                                                     \
            return;                                                                                                         \
        }                                                                                                                   \
        for (; i + 4 <= n; i += 4, from += 4 * step) {                                                                      \
            T a = *(const T *)from, b = *(const T *)(from + step), c = *(const T *)(from + 2 * step), d = *(const T *)(from + 3 * step); \
            APART_IS_UNKNOWN(a);                                                                                            \
            APART_IS_UNKNOWN(b);                                                                                            \
            APART_IS_UNKNOWN(c);                                                                                            \
            APART_IS_UNKNOWN(d);                                                                                            \
            to[i] = a, to[i + 1] = b, to[i + 2] = c, to[i + 3] = d;                                                         \
        }                                                                                                                   \
        for (; i < n; i++, from += step) to[i] = *(const T *)from;                                                          \
    }                                                                                                                       \
    /* Elements to such as are `to_step` bytes apart. */                                                                    \
    static inline void name##_apart(int64_t n, const char *from, int64_t step, char *to, int64_t to_step) {                 \
        int64_t i = 0;                                                                                                      \
        for (; i + 4 <= n; i += 4, from += 4 * step, to += 4 * to_step) {                                                   \
            T a = *(const T *)from, b = *(const T *)(from + step), c = *(const T *)(from + 2 * step), d = *(const T *)(from + 3 * step); \
            APART_IS_UNKNOWN(a);                                                                                            \
            APART_IS_UNKNOWN(b);                                                                                            \
            APART_IS_UNKNOWN(c);                                                                                            \
            APART_IS_UNKNOWN(d);                                                                                            \
            *(T *)to = a, *(T *)(to + to_step) = b, *(T *)(to + 2 * to_step) = c, *(T *)(to + 3 * to_step) = d;             \
        }                                                                                                                   \
        for (; i < n; i++, from += step, to += to_step) *(T *)to = *(const T *)from;                                        \
    }

#endif
