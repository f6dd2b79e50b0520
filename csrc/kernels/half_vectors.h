/* 16-bit floats as vectors of floats: loads that widen, stores that round to nearest even. */
#ifndef HOOKLOOP_HALF_VECTORS_H
#define HOOKLOOP_HALF_VECTORS_H

#include "half.h"
#include "simd.h"

typedef uint32_t simd_bits __attribute__((vector_size(SIMD_BYTES)));
typedef uint16_t simd_half __attribute__((vector_size(SIMD_BYTES / 2)));

#if defined(__AVX512F__)
SIMD_INLINE simd_f32 load_f16(const uint16_t *from) {
    return (simd_f32)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}
SIMD_INLINE void store_f16(uint16_t *to, simd_f32 value) {
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT));
}
#elif defined(__F16C__)
SIMD_INLINE simd_f32 load_f16(const uint16_t *from) {
    return (simd_f32)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
}
SIMD_INLINE void store_f16(uint16_t *to, simd_f32 value) {
    _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph((__m256)value, _MM_FROUND_TO_NEAREST_INT));
}
#else
SIMD_INLINE simd_f32 load_f16(const uint16_t *from) {
    simd_f32 value = {0};
    for (int i = 0; i < F32_LANES; i++) value[i] = half_to_float(from[i]);
    return value;
}
SIMD_INLINE void store_f16(uint16_t *to, simd_f32 value) {
    for (int i = 0; i < F32_LANES; i++) to[i] = float_to_half(value[i]);
}
#endif

SIMD_INLINE simd_f32 load_bf16(const uint16_t *from) {
    simd_half half;
    memcpy(&half, from, sizeof half);
    return (simd_f32)(__builtin_convertvector(half, simd_bits) << 16);
}
SIMD_INLINE void store_bf16(uint16_t *to, simd_f32 value) {
    const simd_bits bits = (simd_bits)value, none = (simd_bits)(value != value); /* a NaN stays one */
    const simd_bits rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, kept = bits >> 16 | 0x40;
    const simd_half half = __builtin_convertvector((none & kept) | (~none & rounded), simd_half);
    memcpy(to, &half, sizeof half);
}

/* The first few lanes, the others 0. */
#if SIMD_BYTES == 32
SIMD_INLINE void copy_first_halves(uint16_t *lanes, const uint16_t *from, int count) {
    uint64_t low = 0, high = 0;
    uint32_t pair;
    if (count >= 4) { /* two words of four, of which those may be the same that both have */
        memcpy(&low, from, sizeof low);
        memcpy(&high, from + count - 4, sizeof high);
        high = count == 4 ? 0 : high >> (F32_LANES - count) * 16;
    } else if (count >= 2) {
        memcpy(&pair, from, sizeof pair);
        low = pair | (count == 3 ? (uint64_t)from[2] << 32 : 0);
    } else if (count == 1) {
        low = from[0];
    }
    memcpy(lanes, &low, sizeof low);
    memcpy(lanes + 4, &high, sizeof high);
}
#else
SIMD_INLINE void copy_first_halves(uint16_t *lanes, const uint16_t *from, int count) {
    for (int i = 0; i < count; i++) lanes[i] = from[i];
}
#endif

#define HALF_PARTS(tag)                                                                 \
    SIMD_INLINE simd_f32 load_part_##tag(const uint16_t *from, int count) {             \
        uint16_t lanes[F32_LANES] = {0};                                                \
        copy_first_halves(lanes, from, count);                                          \
        return load_##tag(lanes);                                                       \
    }                                                                                   \
    SIMD_INLINE void store_part_##tag(uint16_t *to, simd_f32 value, int count) {        \
        uint16_t lanes[F32_LANES];                                                      \
        store_##tag(lanes, value);                                                      \
        for (int i = 0; i < count; i++) to[i] = lanes[i];                               \
    }
HALF_PARTS(f16)
HALF_PARTS(bf16)

#endif
