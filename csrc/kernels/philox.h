/* Philox 4x32-10 (Salmon et al. 2011), with TensorFlow 1.15's transforms of its words to floats. */
#ifndef HOOKLOOP_PHILOX_H
#define HOOKLOOP_PHILOX_H

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "plan.h"
#include "simd.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { RESERVED = 256, BLOCK_WORDS = 4 };

typedef struct block { uint32_t word[BLOCK_WORDS]; } block;

static inline block philox(uint64_t key, uint64_t stream, uint64_t index) {
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (block){{c0, c1, c2, c3}};
}

/* Many blocks, as vectors: a lane holds a word of a block in its lower half, and in its upper one what counts for nothing. */
enum { MANY = 16, PHILOX_LANES = SIMD_BYTES / 8, PHILOX_VECTORS = MANY / PHILOX_LANES };
typedef uint64_t simd_u64 __attribute__((vector_size(SIMD_BYTES)));
typedef struct philox_lanes { simd_u64 word[BLOCK_WORDS][PHILOX_VECTORS]; } philox_lanes;

/* Products of the lower halves of 64-bit lanes. */
SIMD_INLINE simd_u64 multiply_halves(simd_u64 a, simd_u64 b) {
#if defined(__AVX512F__)
    return (simd_u64)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (simd_u64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (simd_u64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

SIMD_INLINE philox_lanes philox_blocks(uint64_t key, uint64_t stream, uint64_t index, uint64_t step) {
    philox_lanes c;
    const simd_u64 zero = {0};
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma GCC unroll 8
    for (int v = 0; v < PHILOX_VECTORS; v++) {
#pragma GCC unroll 8
        for (int i = 0; i < PHILOX_LANES; i++) c.word[0][v][i] = index + (uint64_t)(v * PHILOX_LANES + i) * step;
        c.word[1][v] = c.word[0][v] >> 32, c.word[2][v] = zero + stream, c.word[3][v] = zero + (stream >> 32);
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
#pragma GCC unroll 8
        for (int v = 0; v < PHILOX_VECTORS; v++) {
            const simd_u64 a = multiply_halves(c.word[0][v], zero + 0xD2511F53u), b = multiply_halves(c.word[2][v], zero + 0xCD9E8D57u);
            c.word[0][v] = (b >> 32) ^ c.word[1][v] ^ (zero + k0);
            c.word[2][v] = (a >> 32) ^ c.word[3][v] ^ (zero + k1);
            c.word[1][v] = b, c.word[3][v] = a;
        }
    return c;
}

/* Blocks `step` apart: word k of block i is word[k][i]. */
SIMD_INLINE void philox_many(uint64_t key, uint64_t stream, uint64_t index, uint64_t step, uint32_t word[BLOCK_WORDS][MANY]) {
    const philox_lanes c = philox_blocks(key, stream, index, step);
#pragma GCC unroll 4
    for (int k = 0; k < BLOCK_WORDS; k++)
#pragma GCC unroll 8
        for (int v = 0; v < PHILOX_VECTORS; v++)
#pragma GCC unroll 8
            for (int i = 0; i < PHILOX_LANES; i++) word[k][v * PHILOX_LANES + i] = (uint32_t)c.word[k][v][i];
}

/* Blocks that follow each other, with their words in order. */
SIMD_INLINE void philox_words(uint64_t key, uint64_t stream, uint64_t index, uint32_t word[MANY * BLOCK_WORDS]) {
    const philox_lanes c = philox_blocks(key, stream, index, 1);
#pragma GCC unroll 8
    for (int v = 0; v < PHILOX_VECTORS; v++) {
        const simd_f64 first = (simd_f64)((c.word[0][v] & 0xffffffffu) | c.word[1][v] << 32);
        const simd_f64 second = (simd_f64)((c.word[2][v] & 0xffffffffu) | c.word[3][v] << 32);
        float *to = (float *)(void *)word + F32_LANES * 2 * v;
        store_f32(to, (simd_f32)interleave_low_f64(first, second));
        store_f32(to + F32_LANES, (simd_f32)interleave_high_f64(first, second));
    }
}

/* Takes blocks from the stream; several runs may do so at once. */
static inline uint64_t reserve(hl_stream *stream, uint64_t blocks) {
    return atomic_fetch_add((_Atomic uint64_t *)&stream->counter, blocks);
}

/* --- transforms: one block to 4 floats or 2 doubles ----------------------------------------------------------- */

static inline float uniform_float(uint32_t x) {
    const uint32_t bits = (x & 0x7fffffu) | 0x3f800000u;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value - 1.0f;
}

static inline double uniform_double(uint32_t x0, uint32_t x1) {
    const uint64_t bits = (uint64_t)1023 << 52 | (uint64_t)(x0 & 0xfffffu) << 32 | x1;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value - 1.0;
}

/* Box and Muller's transform in single precision, as TensorFlow rounds it. */
static inline void normal_floats(uint32_t x0, uint32_t x1, float *f0, float *f1) {
    const float epsilon = 1.0e-7f;
    float u1 = uniform_float(x0);
    if (u1 < epsilon) u1 = epsilon;
    const float angle = (float)(2.0 * M_PI * (double)uniform_float(x1));
    const float radius = sqrtf(-2.0f * logf(u1));
    *f0 = sinf(angle) * radius;
    *f1 = cosf(angle) * radius;
}

static inline void normal_doubles(const block *b, double *d0, double *d1) {
    const double epsilon = 1.0e-7;
    double u1 = uniform_double(b->word[0], b->word[1]);
    if (u1 < epsilon) u1 = epsilon;
    const double angle = 2 * M_PI * uniform_double(b->word[2], b->word[3]);
    const double radius = sqrt(-2.0 * log(u1));
    *d0 = sin(angle) * radius;
    *d1 = cos(angle) * radius;
}

static inline void uniform4(const block *b, float *out) {
    for (int k = 0; k < 4; k++) out[k] = uniform_float(b->word[k]);
}
static inline void uniform2(const block *b, double *out) {
    out[0] = uniform_double(b->word[0], b->word[1]);
    out[1] = uniform_double(b->word[2], b->word[3]);
}
static inline void normal4(const block *b, float *out) {
    normal_floats(b->word[0], b->word[1], &out[0], &out[1]);
    normal_floats(b->word[2], b->word[3], &out[2], &out[3]);
}
static inline void normal2(const block *b, double *out) { normal_doubles(b, &out[0], &out[1]); }

#endif
