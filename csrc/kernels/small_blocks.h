/* Small blocks of 32-bit words that lie one behind the other, each made of a small block of another tensor in an order that all share:
 * short rows that are repeated or turned round, elements of short rows. As many blocks together as fit a vector, by one shuffle.
 */
#ifndef HOOKLOOP_SMALL_BLOCKS_H
#define HOOKLOOP_SMALL_BLOCKS_H

#include <string.h>

#include "simd.h"

/* Only where a shuffle that is not known when this is compiled is one instruction. */
#if SIMD_BYTES >= 32 && !defined(__clang__)
#define SMALL_BLOCKS 1
#else
#define SMALL_BLOCKS 0
#endif

enum { MOST_BLOCK_WORDS = 64 };

/* Word i of a block is word place[i] of `span` words, as many as a vector has lanes at most. */
typedef struct block_order {
    int words, span;
    uint8_t place[MOST_BLOCK_WORDS];
} block_order;

#if SMALL_BLOCKS
/* `step` words of `from` lie between two blocks. A vector may reach into the blocks behind, which are stored after it. */
static void copy_blocks(const block_order *order, const char *from, int64_t step, char *to, int64_t blocks) {
    enum { WORD = 4, VECTORS = MOST_BLOCK_WORDS / F32_LANES };
    const int words = order->words;
    int64_t block = 0;
    if (words <= F32_LANES) {
        simd_i32 index = {0};
        int together = F32_LANES / words;
        while (together > 1 && (step < 0 || (together - 1) * step + order->span > F32_LANES)) together--;
        for (int i = 0; i < together * words; i++) index[i] = (int)(i / words * step) + order->place[i % words];
        const int count = (int)((together - 1) * step) + order->span;
        for (; block * words + F32_LANES <= blocks * words; block += together) {
            const simd_f32 v = load_part_f32((const float *)(from + block * step * WORD), count);
            store_f32((float *)(to + block * words * WORD), __builtin_shuffle(v, index));
        }
    } else {
        simd_i32 index[VECTORS];
        const int vectors = (words + F32_LANES - 1) / F32_LANES;
        for (int k = 0; k < vectors; k++)
            for (int i = 0; i < F32_LANES; i++) index[k][i] = order->place[(k < vectors - 1 ? k * F32_LANES : words - F32_LANES) + i];
        for (; block < blocks; block++) {
            const simd_f32 v = load_part_f32((const float *)(from + block * step * WORD), order->span);
            float *place = (float *)(to + block * words * WORD);
            for (int k = 0; k < vectors - 1; k++) store_f32(place + k * F32_LANES, __builtin_shuffle(v, index[k]));
            store_f32(place + words - F32_LANES, __builtin_shuffle(v, index[vectors - 1]));
        }
    }
    for (; block < blocks; block++)
        for (int i = 0; i < words; i++) memcpy(to + (block * words + i) * WORD, from + (block * step + order->place[i]) * WORD, WORD);
}
#endif

#endif
