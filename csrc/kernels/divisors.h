/* Integers divided by one divisor for all, and rounded down: by a multiplication, whose factor is found once. */
#ifndef HOOKLOOP_DIVISORS_H
#define HOOKLOOP_DIVISORS_H

#include <stdint.h>
#include <string.h>

/* Divisors are from 2 up to the largest of their type. */

/* Of 32 bits in double: (x + 1/2) / d is at least 1/(2 d) away from whole numbers, which is more than the rounding of its terms, so half
 * less than it is rounded to the quotient. A number of 1.5 * 2^52 more has it in its low bits. */
typedef struct divisor_i32 { double factor, less; int32_t own; } divisor_i32;

static inline divisor_i32 divisor_i32_of(int32_t own) { return (divisor_i32){1.0 / own, 0.5 / own - 0.5, own}; }

static inline int32_t floor_by_i32(const divisor_i32 d, int32_t x) {
    const double shifted = (x * d.factor + d.less) + 6755399441055744.0;
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int32_t)bits;
}

static inline int32_t floor_rest_by_i32(const divisor_i32 d, int32_t x) {
    return (int32_t)((uint32_t)x - (uint32_t)floor_by_i32(d, x) * (uint32_t)d.own);
}

/* Of 64 bits: with l such that 2^(l-1) < d <= 2^l the factor is the least number above 2^(63+l) / d. What a number below 2^63 times
 * that is off, divided so, is less than 1/d: whole parts are exact (Granlund and Montgomery, 1994). A negative number is -1 - n: its
 * quotient is -1 - that of n. */
typedef struct divisor_i64 { uint64_t factor; int64_t own; int shift; } divisor_i64;

static inline divisor_i64 divisor_i64_of(int64_t own) {
    int bits = 1;
    while (bits < 63 && (uint64_t)1 << bits < (uint64_t)own) bits++;
    return (divisor_i64){(uint64_t)(((unsigned __int128)1 << (63 + bits)) / (uint64_t)own + 1), own, bits - 1};
}

static inline int64_t floor_by_i64(const divisor_i64 d, int64_t x) {
    const uint64_t sign = (uint64_t)(x >> 63);
    const uint64_t high = (uint64_t)((unsigned __int128)d.factor * ((uint64_t)x ^ sign) >> 64);
    return (int64_t)((high >> d.shift) ^ sign);
}

static inline int64_t floor_rest_by_i64(const divisor_i64 d, int64_t x) {
    return (int64_t)((uint64_t)x - (uint64_t)floor_by_i64(d, x) * (uint64_t)d.own);
}

#endif
