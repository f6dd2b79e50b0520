/* Shuffles and batches of datasets: drawing words, making places of them, gathering rows. No instruction of a plan: input asks for the
 * functions (csrc/input.h). */
#include "input.h"

#include "philox.h"
#include "plan.h"
#include "rows.h"

enum { FAR_ROW = 64, LONG_ROW = 512 };
_Static_assert(HL_WORDS == MANY * BLOCK_WORDS, "words are drawn by as many blocks as are made together");

static void draw_words(uint64_t key, uint64_t stream, uint64_t counter, uint32_t *word) {
    philox_words(key, stream, counter, word);
}

/* As many words as doubles are a vector. */
typedef int32_t half_i32 __attribute__((vector_size(SIMD_BYTES / 2)));
typedef uint32_t half_u32 __attribute__((vector_size(SIMD_BYTES / 2)));
typedef half_u32 half_u32_at __attribute__((aligned(4), may_alias));

/* Remainders by a division of doubles: the quotient of two that hold such integers, cut off, is exact. */
static void make_places(uint32_t *place, const uint32_t *word, int64_t n, int32_t count, int32_t step) {
    half_i32 left;
    for (int k = 0; k < F64_LANES; k++) left[k] = count - step * k;
    for (int64_t first = 0; first < n; first += F64_LANES, left -= step * F64_LANES) {
        const half_i32 few = left < 2, modulus = (left & ~few) | (few & 2);
        const half_u32 w = *(const half_u32_at *)(word + first);
        const simd_f64 value = __builtin_convertvector((half_i32)(w ^ 0x80000000u), simd_f64) + 2147483648.0;
        const half_i32 times = __builtin_convertvector(value / __builtin_convertvector(modulus, simd_f64), half_i32);
        *(half_u32_at *)(place + first) = w - (half_u32)times * (half_u32)modulus;
    }
}

#define GATHER(size)                                                                                           \
    for (int64_t k = 0; k < rows; k++) {                                                                       \
        if ((size) >= FAR_ROW && k + 1 < rows) __builtin_prefetch(from + index[k + 1] * (size));               \
        if ((size) > LONG_ROW) memcpy(to + k * (size), from + index[k] * (size), (size_t)(size));              \
        else copy_row(to + k * (size), from + index[k] * (size), size);                                        \
    }                                                                                                          \
    break

static void gather_rows(char *to, const char *from, const int64_t *index, int64_t rows, int64_t bytes) {
    switch (bytes) {
    case 1: GATHER(1);
    case 4: GATHER(4);
    case 8: GATHER(8);
    default:
        if (bytes >= 32 && bytes < 64) { GATHER((bytes & 31) + 32); } /* which the compiler knows to be within these */
        GATHER(bytes);
    }
}

static hl_status prepare_input(hl_prepare *prep) {
    *(hl_input *)prep->params = (hl_input){draw_words, make_places, gather_rows};
    return HL_OK;
}

static const hl_kernel table[] = {{"input", prepare_input, sizeof(hl_input)}};
HL_FAMILY(input, table);
