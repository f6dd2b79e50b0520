/* Indices of rows: reading them, and finding one that is no row. */
#ifndef HOOKLOOP_ROW_INDICES_H
#define HOOKLOOP_ROW_INDICES_H

#include <stdbool.h>
#include <stdint.h>

static inline int64_t index_at(const void *indices, bool wide, int64_t i) {
    return wide ? ((const int64_t *)indices)[i] : ((const int32_t *)indices)[i];
}

/* The first index that is not in [0, limit), or -1. Negative ones are large without their sign. */
static inline int64_t first_unfit(const void *indices, bool wide, int64_t count, int64_t limit) {
    uint64_t most = 0;
    if (wide) {
        for (int64_t i = 0; i < count; i++) {
            const uint64_t index = (uint64_t)((const int64_t *)indices)[i];
            most = index > most ? index : most;
        }
    } else {
        uint32_t most_32 = 0;
        for (int64_t i = 0; i < count; i++) {
            const uint32_t index = (uint32_t)((const int32_t *)indices)[i];
            most_32 = index > most_32 ? index : most_32;
        }
        most = most_32 > INT32_MAX ? UINT64_MAX : most_32;
    }
    if (count == 0 || most < (uint64_t)limit) return -1;
    for (int64_t i = 0; i < count; i++) {
        const int64_t index = index_at(indices, wide, i);
        if (index < 0 || index >= limit) return i;
    }
    return -1;
}

#endif
