/* Elementwise loops of 16-bit floats, made of those of floats: a block of elements is widened, computed with, and rounded back.
 *
 * A file that includes this gives the X of EACH_HALF(X, ...) as X_HALF(tag, dtype, ...), behind the X of floats.
 */
#ifndef HOOKLOOP_ELEMENTWISE_HALVES_H
#define HOOKLOOP_ELEMENTWISE_HALVES_H

#include "elementwise.h"
#include "elementwise_types.h"
#include "half_vectors.h"

enum { HALF_BLOCK = 512, HALF_MOST_INPUTS = 2 };

/* A vector of floats from half a one, and two to one. GCC makes two steps of each conversion of bfloat16 by vectors of 32 bytes. */
SIMD_INLINE simd_f32 widened_f16(const uint16_t *from) { return load_f16(from); }
SIMD_INLINE void store_two_f16(uint16_t *to, simd_f32 low, simd_f32 high) { store_f16(to, low), store_f16(to + F32_LANES, high); }
#if SIMD_BYTES == 32
SIMD_INLINE simd_f32 widened_bf16(const uint16_t *from) {
    return (simd_f32)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from)), 16);
}
SIMD_INLINE __m256i upper_halves(simd_f32 value) {
    const simd_bits bits = (simd_bits)value, none = (simd_bits)(value != value); /* a NaN stays one */
    return (__m256i)(((none & (bits | 0x400000)) | (~none & (bits + 0x7fff + (bits >> 16 & 1)))) >> 16);
}
SIMD_INLINE void store_two_bf16(uint16_t *to, simd_f32 low, simd_f32 high) {
    const __m256i packed = _mm256_packus_epi32(upper_halves(low), upper_halves(high)); /* by quarters: 0, 2, 1, 3 */
    _mm256_storeu_si256((__m256i *)to, _mm256_permute4x64_epi64(packed, 0xd8));
}
#else
SIMD_INLINE simd_f32 widened_bf16(const uint16_t *from) { return load_bf16(from); }
SIMD_INLINE void store_two_bf16(uint16_t *to, simd_f32 low, simd_f32 high) { store_bf16(to, low), store_bf16(to + F32_LANES, high); }
#endif

/* Elements that follow each other go by vectors, others one at a time. */
#define HALF_WAYS(tag, to_float, from_float)                                                                            \
    static void widen_##tag(float *to, const char *from, int64_t stride, int64_t n) {                                   \
        if (stride != (int64_t)sizeof(uint16_t)) {                                                                      \
            for (int64_t i = 0; i < n; i++) to[i] = to_float(*(const uint16_t *)(from + i * stride));                   \
            return;                                                                                                     \
        }                                                                                                               \
        const uint16_t *x = (const uint16_t *)from;                                                                     \
        int64_t i = 0;                                                                                                  \
        for (; i + F32_LANES <= n; i += F32_LANES) store_f32(to + i, widened_##tag(x + i));                             \
        for (; i < n; i++) to[i] = to_float(x[i]);                                                                      \
    }                                                                                                                   \
    static void round_##tag(char *to, const float *from, int64_t stride, int64_t n) {                                   \
        if (stride != (int64_t)sizeof(uint16_t)) {                                                                      \
            for (int64_t i = 0; i < n; i++) *(uint16_t *)(to + i * stride) = from_float(from[i]);                       \
            return;                                                                                                     \
        }                                                                                                               \
        uint16_t *out = (uint16_t *)to;                                                                                 \
        int64_t i = 0;                                                                                                  \
        for (; i + 2 * F32_LANES <= n; i += 2 * F32_LANES)                                                              \
            store_two_##tag(out + i, load_f32(from + i), load_f32(from + i + F32_LANES));                               \
        if (i + F32_LANES <= n) store_##tag(out + i, load_f32(from + i)), i += F32_LANES;                               \
        for (; i < n; i++) out[i] = from_float(from[i]);                                                                \
    }                                                                                                                   \
                                                                                                                        \
    /* The loop of floats over blocks; what it tests goes straight to the output, where nothing is rounded. */          \
    static hl_status by_floats_##tag(ew_loop loop, int inputs, bool tests, int64_t n, char *const *data,                \
                                     const int64_t *stride, const hl_value *param) {                                    \
        float block[HALF_MOST_INPUTS + 1][HALF_BLOCK];                                                                  \
        char *place[HALF_MOST_INPUTS + 1];                                                                              \
        int64_t step[HALF_MOST_INPUTS + 1];                                                                             \
        for (int k = 0; k <= inputs; k++) place[k] = (char *)block[k], step[k] = (int64_t)sizeof(float);                \
        for (int k = 0; k < inputs; k++)                                                                                \
            if (stride[k] == 0) widen_##tag(block[k], data[k], 0, 1), step[k] = 0;                                      \
        if (tests) step[inputs] = stride[inputs];                                                                       \
        hl_status status = HL_OK;                                                                                       \
        for (int64_t first = 0; first < n && status == HL_OK; first += HALF_BLOCK) {                                    \
            const int64_t count = n - first < HALF_BLOCK ? n - first : HALF_BLOCK;                                      \
            char *const out = data[inputs] + first * stride[inputs];                                                    \
            for (int k = 0; k < inputs; k++)                                                                            \
                if (stride[k] != 0) widen_##tag(block[k], data[k] + first * stride[k], stride[k], count);               \
            if (tests) place[inputs] = out;                                                                             \
            status = loop(count, place, step, param);                                                                   \
            if (!tests) round_##tag(out, block[inputs], stride[inputs], count);                                         \
        }                                                                                                               \
        return status;                                                                                                  \
    }
HALF_WAYS(f16, half_to_float, float_to_half)
HALF_WAYS(bf16, bfloat_to_float, float_to_bfloat)

#define HALF_LOOP(tag, op, inputs, tests)                                                                        \
    static hl_status ew_##op##_##tag(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) { \
        return by_floats_##tag(ew_##op##_f32, inputs, tests, n, data, stride, param);                            \
    }

#undef EACH_HALF
#define EACH_HALF(X, ...)                   \
    X##_HALF(f16, HL_FLOAT16, __VA_ARGS__)  \
    X##_HALF(bf16, HL_BFLOAT16, __VA_ARGS__)
#define ROW_HALF(tag, dtype, op) {dtype, dtype, ew_##op##_##tag},
#define TEST_ROW_HALF(tag, dtype, op) {dtype, HL_BOOL, ew_##op##_##tag},

#endif
