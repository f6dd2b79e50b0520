/* What shuffles have in common: the words that they draw, and the ring of numbers that they draw from.
 *
 * Everything is here for the compiler to put in place: drawing is a few nanoseconds.
 */
#ifndef HOOKLOOP_SHUFFLE_RING_H
#define HOOKLOOP_SHUFFLE_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

enum { BLOCK_WORDS = 4, WORDS = HL_WORDS, BLOCKS = WORDS / BLOCK_WORDS, TOGETHER = HL_PLACES_TOGETHER, FIRST_ROOM = 1024 };

/* A stream of 32-bit words: TensorFlow's generator for two seeds. */
typedef struct words {
    uint64_t key, stream, counter; /* of blocks */
    int at;
    uint32_t word[WORDS + TOGETHER]; /* what stands behind the words counts for nothing */
} words;

/* What a shuffle holds: a ring of indices, of several rounds where it goes through its source several times. Only the first
 * round is drawn from. Positions count all indices since the opening. */
typedef struct ring {
    int64_t *slot;
    int64_t room, first, end;         /* of the ring; positions of the first and behind the last */
    int64_t first_slot, end_slot;     /* the same, modulo the room */
    int64_t *round_end;               /* positions where rounds end, but for the last one */
    int64_t rounds, rounds_room;
} ring;

/* ---- words ---- */

static inline void more_words(words *w) {
    hl_input_kernels()->words(w->key, w->stream, w->counter, w->word);
    w->counter += BLOCKS;
    w->at = 0;
}

static inline void seed_words(words *w, uint64_t key, uint64_t stream, uint64_t counter) {
    w->key = key;
    w->stream = stream;
    w->counter = counter / WORDS * BLOCKS;
    w->at = WORDS;
    if (counter % WORDS == 0) return;
    more_words(w);
    w->at = (int)(counter % WORDS);
}

static inline uint32_t next_word(words *w) {
    if (w->at == WORDS) more_words(w);
    return w->word[w->at++];
}

static inline uint64_t words_drawn(const words *w) { return w->counter * BLOCK_WORDS - (uint64_t)(WORDS - w->at); }

static inline void skip_words(words *w, uint64_t count) { seed_words(w, w->key, w->stream, words_drawn(w) + count); }

/* ---- shuffling ---- */

static inline bool grow_ring(ring *r, int64_t limit) {
    int64_t room = r->room ? 2 * r->room : FIRST_ROOM;
    if (room > limit) room = limit;
    int64_t *slot = room > INT64_MAX / 16 ? NULL : malloc((size_t)room * sizeof *slot);
    if (!slot) return false;
    const int64_t held = r->end - r->first;
    for (int64_t k = 0, from = r->first_slot; k < held; k++) {
        slot[k] = r->slot[from];
        if (++from == r->room) from = 0;
    }
    free(r->slot);
    r->slot = slot;
    r->room = room;
    r->first_slot = 0;
    r->end_slot = held == room ? 0 : held;
    return true;
}

static inline bool end_round(ring *r) {
    if (r->rounds ? r->round_end[r->rounds - 1] == r->end : r->first == r->end) return true; /* a round of nothing */
    if (r->rounds == r->rounds_room) {
        const int64_t room = r->rounds_room ? 2 * r->rounds_room : 4;
        int64_t *round_end = realloc(r->round_end, (size_t)room * sizeof *round_end);
        if (!round_end) return false;
        r->round_end = round_end;
        r->rounds_room = room;
    }
    r->round_end[r->rounds++] = r->end;
    return true;
}

static inline void put(ring *r, int64_t index) {
    r->slot[r->end_slot] = index;
    if (++r->end_slot == r->room) r->end_slot = 0;
    r->end++;
}

/* A random one of the first round's indices; the first takes its place. */
static inline int64_t draw(ring *r, words *w) {
    const int64_t end = r->rounds ? r->round_end[0] : r->end;
    const uint64_t count = (uint64_t)(end - r->first);
    const uint32_t word = next_word(w);
    int64_t slot = r->first_slot + (int64_t)(count >> 32 ? word : word % (uint32_t)count);
    if (slot >= r->room) slot -= r->room;
    const int64_t index = r->slot[slot];
    r->slot[slot] = r->slot[r->first_slot];
    if (++r->first_slot == r->room) r->first_slot = 0;
    if (++r->first == end && r->rounds) memmove(r->round_end, r->round_end + 1, (size_t)--r->rounds * sizeof *r->round_end);
    return index;
}

#endif
