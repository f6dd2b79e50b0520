/* Copying rows: short ones inline, by vectors that may overlap at a row's end; those of much memory past the cache. */
#ifndef HOOKLOOP_ROWS_H
#define HOOKLOOP_ROWS_H

#include <string.h>

#include "../plan.h"
#include "simd.h"

typedef struct row_piece { char bytes[SIMD_BYTES]; } row_piece;

#define ROW_ENDS(size)                                  \
    do {                                                \
        char head[size], tail[size];                    \
        memcpy(head, from, size);                       \
        memcpy(tail, from + bytes - size, size);        \
        memcpy(to, head, size);                         \
        memcpy(to + bytes - size, tail, size);          \
        return;                                         \
    } while (0)

/* Copies a row to memory that is not the row's own. */
SIMD_INLINE void copy_row(char *to, const char *from, int64_t bytes) {
    if (bytes >= SIMD_BYTES) {
        int64_t at = 0;
        row_piece piece;
        for (; at + SIMD_BYTES <= bytes; at += SIMD_BYTES) {
            memcpy(&piece, from + at, SIMD_BYTES);
            memcpy(to + at, &piece, SIMD_BYTES);
        }
        if (at < bytes) {
            memcpy(&piece, from + bytes - SIMD_BYTES, SIMD_BYTES);
            memcpy(to + bytes - SIMD_BYTES, &piece, SIMD_BYTES);
        }
        return;
    }
#if SIMD_BYTES == 64
    if (bytes >= 32) ROW_ENDS(32);
#endif
#if SIMD_BYTES >= 32
    if (bytes >= 16) ROW_ENDS(16);
#endif
    if (bytes >= 8) ROW_ENDS(8);
    if (bytes >= 4) ROW_ENDS(4);
    for (int64_t i = 0; i < bytes; i++) to[i] = from[i];
}

/* The same of a long row, with stores that cross no line of the cache. */
static inline void copy_long_row(char *to, const char *from, int64_t bytes) {
    int64_t at = SIMD_BYTES - (int64_t)((uintptr_t)to % SIMD_BYTES);
    row_piece piece[4];
    memcpy(piece, from, SIMD_BYTES);
    memcpy(to, piece, SIMD_BYTES);
    for (; at + (int64_t)sizeof piece <= bytes; at += (int64_t)sizeof piece) {
        _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) memcpy(&piece[i], from + at + i * SIMD_BYTES, SIMD_BYTES);
        _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) memcpy(to + at + i * SIMD_BYTES, &piece[i], SIMD_BYTES);
    }
    if (at < bytes) copy_row(to + at, from + at, bytes - at);
}

/* The same for rows of any length, and memory that may be the row's own. The C library copies long rows by an instruction that takes
 * up to ten times as long on some processors where what is written does not lie as what is read does in a page; very long ones go past the
 * cache there. */
static inline void move_row(char *to, const char *from, int64_t bytes) {
    enum { INSTRUCTION_BYTES = 2048, MOST_BYTES = 1 << 22, PAGE = 4096, LINE = 64 };
    const bool apart = to >= from + bytes || from >= to + bytes;
    const bool behind = (size_t)((uintptr_t)to - (uintptr_t)from - 1) % PAGE < LINE - 1;
    const bool slow = behind || (SIMD_BYTES == 64 && bytes < MOST_BYTES);
    if (bytes >= INSTRUCTION_BYTES && apart && slow) copy_long_row(to, from, bytes);
    else memmove(to, from, (size_t)bytes);
}

enum {
    CHUNK_BYTES = 1 << 14,    /* of rows that a thread takes at once, and of what tells where they are */
    STREAMED_BYTES = 8 << 20, /* of a result that is more than the cache should keep */
    STREAMED_ROW = 1024       /* of its rows, from which on passing the cache pays */
};

/* Whether a result of so many bytes, with those of the other blocks of rows, is more than the cache should keep. */
static inline bool passes_cache(const hl_prepare *prep, int64_t bytes) {
    return bytes * (prep->blocks ? prep->blocks : 1) >= STREAMED_BYTES;
}

/* Copies so that the cache keeps what it has; fence_streams() before others look at the result. */
static inline void stream_bytes(char *to, const char *from, int64_t bytes) {
    const int64_t off = -(int64_t)(uintptr_t)to & (SIMD_BYTES - 1), head = off < bytes ? off : bytes;
    int64_t at = head;
    memmove(to, from, (size_t)head);
    for (; at + SIMD_BYTES <= bytes; at += SIMD_BYTES) stream_f32((float *)(to + at), load_f32((const float *)(from + at)));
    memmove(to + at, from + at, (size_t)(bytes - at));
}

#endif
