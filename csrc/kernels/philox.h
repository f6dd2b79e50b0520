/* Philox 4x32-10 (Salmon et al. 2011), with TensorFlow 1.15's transforms of its words to floats. */
#ifndef HOOKLOOP_PHILOX_H
#define HOOKLOOP_PHILOX_H

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "plan.h"

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

/* Many blocks, `step` apart: word k of block i is word[k][i]. The loops over blocks are vectors. */
enum { MANY = 16 };
static inline void philox_many(uint64_t key, uint64_t stream, uint64_t index, uint64_t step,
                               uint32_t word[BLOCK_WORDS][MANY]) {
    uint32_t *c0 = word[0], *c1 = word[1], *c2 = word[2], *c3 = word[3];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int i = 0; i < MANY; i++) {
        c0[i] = (uint32_t)(index + (uint64_t)i * step), c1[i] = (uint32_t)((index + (uint64_t)i * step) >> 32);
        c2[i] = (uint32_t)stream, c3[i] = (uint32_t)(stream >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < MANY; i++) {
            const uint64_t a = (uint64_t)0xD2511F53u * c0[i], b = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(b >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(a >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)b;
            c3[i] = (uint32_t)a;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
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
