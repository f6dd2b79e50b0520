/* The 16-bit floats are storage types: converted to float, computed, and rounded back to nearest even. */
#ifndef HOOKLOOP_HALF_H
#define HOOKLOOP_HALF_H

#include <stdint.h>
#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

static inline float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float bfloat_to_float(uint16_t b) { return float_of_bits((uint32_t)b << 16); }

static inline uint16_t float_to_bfloat(float value) {
    const uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40); /* a NaN stays one */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#if defined(__F16C__)
static inline float half_to_float(uint16_t h) { return _cvtsh_ss(h); }
static inline uint16_t float_to_half(float value) { return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT); }
#else
/* In integers throughout: subnormal halves must survive a run that flushes denormals. */
static inline float half_to_float(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = h >> 10 & 0x1f, mantissa = h & 0x3ff;
    if (exponent == 0x1f) return float_of_bits(sign | 0x7f800000 | mantissa << 13);
    if (exponent == 0) {
        if (mantissa == 0) return float_of_bits(sign);
        exponent = 1;
        while (!(mantissa & 0x400)) mantissa <<= 1, exponent--;
        mantissa &= 0x3ff;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

static inline uint16_t float_to_half(float value) {
    const uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffff;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* rounds beyond 65504 */
    if (magnitude < 0x33000001) return sign;                       /* at most half the smallest */
    const int32_t exponent = (int32_t)(magnitude >> 23) - 112;
    const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    const int shift = exponent > 0 ? 13 : 14 - exponent;
    const uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
    uint32_t result = exponent > 0 ? kept - 0x400 + ((uint32_t)exponent << 10) : kept;
    if (rest > half || (rest == half && (kept & 1))) result++;
    return (uint16_t)(sign | result);
}
#endif

#endif
