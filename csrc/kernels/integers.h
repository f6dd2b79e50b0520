/* Floating-point numbers made integers: those out of range become what x86's conversion gives, on every machine, where C leaves
 * it open and other processors give other integers. */
#ifndef HOOKLOOP_INTEGERS_H
#define HOOKLOOP_INTEGERS_H

#include <stdint.h>

static inline int32_t float_to_i32(double x) { return x >= -2147483648.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN; }
static inline int64_t float_to_i64(double x) {
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}
static inline uint64_t float_to_u64(double x) { /* beyond 2^64 everything is lost */
    const double half = 9223372036854775808.0;
    return x >= half ? (uint64_t)float_to_i64(x - half) ^ (uint64_t)INT64_MIN : (uint64_t)float_to_i64(x);
}

#endif
