/* Keys of 32 or 64 bits put in ascending order by vectors: runs that are sorted in registers, then merged two by two.
 *
 * `bits` is a constant, 32 or 64; keys are signed, lengths are counted in vectors of 32 bytes. Equal keys cannot be told apart.
 * Only processors with AVX2 have it: KEYS_ARE_SORTED says so. */
#ifndef HOOKLOOP_SORTED_KEYS_H
#define HOOKLOOP_SORTED_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "plan.h"
#include "pool.h"
#include "simd.h"

#if defined(__AVX2__)
#define KEYS_ARE_SORTED 1
enum { KEY_BYTES = 32, BLOCK_KEYS = 8 /* vectors that are sorted in registers */, RUN_KEYS = 2 /* vectors that are merged at a time */,
       ASKED_KEYS = 4096 /* vectors that are merged before it is asked whether to go on */ };

/* Of two vectors the lesser of each lane, and the greater. */
SIMD_INLINE void order_keys(const int bits, __m256i *low, __m256i *high) {
    const __m256i a = *low, b = *high;
    if (bits == 32) {
        *low = _mm256_min_epi32(a, b), *high = _mm256_max_epi32(a, b);
        return;
    }
    const __m256i greater = _mm256_cmpgt_epi64(a, b);
    *low = _mm256_blendv_epi8(a, b, greater), *high = _mm256_blendv_epi8(b, a, greater);
}

SIMD_INLINE __m256i reversed_keys(const int bits, __m256i x) {
    return bits == 32 ? _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)) : _mm256_permute4x64_epi64(x, 0x1b);
}

/* A vector whose keys rise and then fall, or fall and then rise, becomes a sorted one: keys at half a vector's distance are
 * ordered, then those at a quarter's. */
SIMD_INLINE __m256i sorted_lanes(const int bits, __m256i x) {
    __m256i other = _mm256_permute2x128_si256(x, x, 1);
    if (bits == 64) {
        const __m256i upper = _mm256_setr_epi64x(0, 0, -1, -1), odd = _mm256_setr_epi64x(0, -1, 0, -1);
        x = _mm256_blendv_epi8(x, other, _mm256_xor_si256(_mm256_cmpgt_epi64(x, other), upper));
        other = _mm256_shuffle_epi32(x, 0x4e);
        return _mm256_blendv_epi8(x, other, _mm256_xor_si256(_mm256_cmpgt_epi64(x, other), odd));
    }
    x = _mm256_blend_epi32(_mm256_min_epi32(x, other), _mm256_max_epi32(x, other), 0xf0);
    other = _mm256_shuffle_epi32(x, 0x4e);
    x = _mm256_blend_epi32(_mm256_min_epi32(x, other), _mm256_max_epi32(x, other), 0xcc);
    other = _mm256_shuffle_epi32(x, 0xb1);
    return _mm256_blend_epi32(_mm256_min_epi32(x, other), _mm256_max_epi32(x, other), 0xaa);
}

/* The two halves of some vectors, each sorted, become one sorted run. The first half is turned round: where runs are merged it has just
 * been loaded, and the second one is waited for. */
SIMD_INLINE void merge_keys(const int bits, __m256i *v, const int count) {
    const int half = count / 2;
    __m256i turned[BLOCK_KEYS / 2];
    _Pragma("GCC unroll 4") for (int i = 0; i < half; i++) turned[i] = reversed_keys(bits, v[half - 1 - i]);
    _Pragma("GCC unroll 4") for (int i = 0; i < half; i++) v[i] = turned[i];
    _Pragma("GCC unroll 4") for (int distance = half; distance > 0; distance /= 2)
        _Pragma("GCC unroll 8") for (int i = 0; i < count; i++)
            if ((i & distance) == 0) order_keys(bits, &v[i], &v[i + distance]);
    _Pragma("GCC unroll 8") for (int i = 0; i < count; i++) v[i] = sorted_lanes(bits, v[i]);
}

/* Squares of keys, transposed. */
SIMD_INLINE void transpose_keys_32(__m256i *v) {
    __m256i pairs[8], fours[8];
    _Pragma("GCC unroll 4") for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]), pairs[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
    }
    _Pragma("GCC unroll 2") for (int i = 0; i < 8; i += 4)
        _Pragma("GCC unroll 2") for (int part = 0; part < 2; part++) {
            fours[i + 2 * part] = _mm256_unpacklo_epi64(pairs[i + part], pairs[i + 2 + part]);
            fours[i + 2 * part + 1] = _mm256_unpackhi_epi64(pairs[i + part], pairs[i + 2 + part]);
        }
    _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
        v[i + 4] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
    }
}
SIMD_INLINE void transpose_keys_64(__m256i *v) {
    const __m256i low = _mm256_unpacklo_epi64(v[0], v[1]), high = _mm256_unpackhi_epi64(v[0], v[1]);
    const __m256i next_low = _mm256_unpacklo_epi64(v[2], v[3]), next_high = _mm256_unpackhi_epi64(v[2], v[3]);
    v[0] = _mm256_permute2x128_si256(low, next_low, 0x20), v[2] = _mm256_permute2x128_si256(low, next_low, 0x31);
    v[1] = _mm256_permute2x128_si256(high, next_high, 0x20), v[3] = _mm256_permute2x128_si256(high, next_high, 0x31);
}

/* A block in registers: each lane's eight keys by a network of 19 comparisons, then lanes become runs, which are merged. */
SIMD_INLINE void sort_block(const int bits, __m256i *keys) {
    static const uint8_t network[19][2] = {{0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 1}, {2, 3},
                                           {4, 5}, {6, 7}, {2, 4}, {3, 5}, {1, 4}, {3, 6}, {1, 2}, {3, 4}, {5, 6}};
    __m256i v[BLOCK_KEYS];
    _Pragma("GCC unroll 8") for (int i = 0; i < BLOCK_KEYS; i++) v[i] = _mm256_loadu_si256(keys + i);
    _Pragma("GCC unroll 19") for (int i = 0; i < 19; i++) order_keys(bits, &v[network[i][0]], &v[network[i][1]]);
    if (bits == 32) {
        transpose_keys_32(v);
        _Pragma("GCC unroll 4") for (int i = 0; i < 8; i += 2) merge_keys(32, v + i, 2);
    } else {
        transpose_keys_64(v), transpose_keys_64(v + 4);
        const __m256i second = v[1], third = v[2], fourth = v[3], fifth = v[4], sixth = v[5], seventh = v[6];
        v[1] = fifth, v[2] = second, v[3] = sixth, v[4] = third, v[5] = seventh, v[6] = fourth;
    }
    merge_keys(bits, v, 4), merge_keys(bits, v + 4, 4);
    merge_keys(bits, v, 8);
    _Pragma("GCC unroll 8") for (int i = 0; i < BLOCK_KEYS; i++) _mm256_storeu_si256(keys + i, v[i]);
}

/* Whether the key at one place is at most that at another. */
SIMD_INLINE bool is_at_most(const int bits, const void *a, const void *b) {
    int64_t left, right;
    if (bits == 64) {
        memcpy(&left, a, sizeof left), memcpy(&right, b, sizeof right);
        return left <= right;
    }
    int32_t short_left, short_right;
    memcpy(&short_left, a, sizeof short_left), memcpy(&short_right, b, sizeof short_right);
    return short_left <= short_right;
}

/* Merges the next of a run with what is at hand, in the second half of v. The lesser half goes out, or the greater one; the other is
 * at hand then. */
SIMD_INLINE void merge_next(const int bits, const bool upwards, __m256i *v, const __m256i *from, __m256i *out) {
    _Pragma("GCC unroll 2") for (int i = 0; i < RUN_KEYS; i++) v[i] = _mm256_loadu_si256(from + i);
    merge_keys(bits, v, 2 * RUN_KEYS);
    _Pragma("GCC unroll 2") for (int i = 0; i < RUN_KEYS; i++) {
        _mm256_storeu_si256(out + i, v[upwards ? i : RUN_KEYS + i]);
        if (!upwards) v[RUN_KEYS + i] = v[i];
    }
}

SIMD_INLINE void take_first(__m256i *v, const __m256i *from) {
    _Pragma("GCC unroll 2") for (int i = 0; i < RUN_KEYS; i++) v[RUN_KEYS + i] = _mm256_loadu_si256(from + i);
}

/* Two sorted runs of whole pairs of vectors, one behind the other, become one elsewhere, from both ends at once, as each merge waits
 * for the one before. Which run goes on is computed, not branched on, but where one is used up: it is a guess each time. False where
 * it is to stop. */
SIMD_INLINE bool merge_runs(const int bits, const __m256i *keys, int64_t middle, int64_t count, __m256i *out, hl_run *run, int worker) {
    __m256i low[2 * RUN_KEYS], high[2 * RUN_KEYS];
    const char *const last_key = (const char *)(keys + RUN_KEYS) - bits / 8; /* of what begins at `keys` */
    int64_t a = RUN_KEYS, b = middle + RUN_KEYS, a_end = middle - 2 * RUN_KEYS, b_end = count - 2 * RUN_KEYS;
    const int64_t upper = count / RUN_KEYS / 2 * RUN_KEYS, lower = count - upper; /* vectors that come from each end */
    __m256i *end = out + count - RUN_KEYS;
    take_first(low, keys + middle), take_first(high, keys + count - RUN_KEYS);
    merge_next(bits, true, low, keys, out), merge_next(bits, false, high, keys + middle - RUN_KEYS, end);
    for (int64_t i = RUN_KEYS; i < lower; i += RUN_KEYS) {
        if (i % ASKED_KEYS == 0 && hl_is_stopped_for(run, worker)) return false;
        int64_t from_a = a == middle ? 0 : b == count ? 1 : is_at_most(bits, keys + a, keys + b);
        const int64_t from = b + ((a - b) & -from_a);
        a += from_a * RUN_KEYS, b += (1 - from_a) * RUN_KEYS;
        merge_next(bits, true, low, keys + from, out + i);
        if (i == upper) break;
        int64_t from_b = b_end < middle ? 0 : a_end < 0 ? 1
                         : is_at_most(bits, last_key + a_end * KEY_BYTES, last_key + b_end * KEY_BYTES);
        const int64_t from_end = a_end + ((b_end - a_end) & -from_b);
        b_end -= from_b * RUN_KEYS, a_end -= (1 - from_b) * RUN_KEYS;
        merge_next(bits, false, high, keys + from_end, end - i);
    }
    return true;
}

/* How many vectors n keys take, and how many there have to be room for. */
SIMD_INLINE int64_t vectors_of_keys(int64_t n, int64_t key_size) {
    const int64_t run = RUN_KEYS * KEY_BYTES / key_size;
    return (n + run - 1) / run * RUN_KEYS;
}
SIMD_INLINE int64_t room_for_keys(int64_t n, int64_t key_size) {
    return (vectors_of_keys(n, key_size) + BLOCK_KEYS - 1) / BLOCK_KEYS * BLOCK_KEYS;
}

/* Sorts some vectors of keys, whose room is filled with the greatest key. Gives where they are then: there or in `other`, or NULL
 * where it is to stop. */
SIMD_INLINE __m256i *sort_keys(const int bits, __m256i *keys, __m256i *other, int64_t count, hl_run *run, int worker) {
    for (int64_t i = 0; i < count; i += BLOCK_KEYS) {
        if (i % ASKED_KEYS == ASKED_KEYS - BLOCK_KEYS && hl_is_stopped_for(run, worker)) return NULL;
        sort_block(bits, keys + i);
    }
    for (int64_t width = BLOCK_KEYS; width < count; width *= 2) {
        for (int64_t i = 0; i < count; i += 2 * width) {
            const int64_t left = count - i;
            if (left <= width) memcpy(other + i, keys + i, (size_t)left * KEY_BYTES);
            else if (!merge_runs(bits, keys + i, width, left < 2 * width ? left : 2 * width, other + i, run, worker)) return NULL;
        }
        if (count >= ASKED_KEYS && hl_is_stopped_for(run, worker)) return NULL;
        __m256i *const sorted = other;
        other = keys, keys = sorted;
    }
    return keys;
}
#else
#define KEYS_ARE_SORTED 0
#endif

#endif
