/* Numbers from a fuzzer's bytes; zeros where they have come to their end. */
#ifndef HOOKLOOP_FUZZ_BYTES_H
#define HOOKLOOP_FUZZ_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct bytes { const uint8_t *at, *end; } bytes;

static inline uint8_t one_byte(bytes *b) { return b->at < b->end ? *b->at++ : 0; }

/* 0 to most, for a small `most`. */
static inline int64_t up_to(bytes *b, int64_t most) { return one_byte(b) % (most + 1); }

/* Mostly small, or -1; now and then any integer there is. */
static inline int64_t any_number(bytes *b) {
    const uint8_t kind = one_byte(b);
    if (kind < 224) return (int64_t)kind % 16 - 1;
    uint64_t value = 0;
    for (int k = 0; k < 8; k++) value = value << 8 | one_byte(b);
    return kind < 240 ? (int64_t)value : (int64_t)(INT64_MAX - value % 4);
}

#endif
