/* Shuffling rows through a buffer. */
#include "shuffle.h"

#include "shuffle_ring.h"

struct hl_shuffle {
    int64_t size;
    words draws;
    ring held;           /* of places */
    int64_t *free_place; /* a stack of places that were drawn */
    int64_t n_free, free_room, places;
};

hl_shuffle *hl_shuffle_new(int64_t size, uint64_t key, uint64_t stream) {
    hl_shuffle *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->size = size;
    seed_words(&s->draws, key, stream, 0);
    return s;
}

void hl_shuffle_free(hl_shuffle *s) {
    if (!s) return;
    free(s->held.slot);
    free(s->held.round_end);
    free(s->free_place);
    free(s);
}

int64_t hl_shuffle_held(const hl_shuffle *s) { return s->held.end - s->held.first; }

int64_t hl_shuffle_places(const hl_shuffle *s) { return s->places; }

/* Room for all places on the stack of free ones: so a draw cannot fail. */
static bool note_place(hl_shuffle *s) {
    if (s->places == s->free_room) {
        const int64_t room = s->free_room ? 2 * s->free_room : FIRST_ROOM;
        int64_t *grown = room > INT64_MAX / 16 ? NULL : realloc(s->free_place, (size_t)room * sizeof *grown);
        if (!grown) return false;
        s->free_place = grown;
        s->free_room = room;
    }
    s->places++;
    return true;
}

int64_t hl_shuffle_put(hl_shuffle *s) {
    if (hl_shuffle_held(s) == s->held.room && !grow_ring(&s->held, s->size)) return -1;
    if (!s->n_free && !note_place(s)) return -1;
    const int64_t place = s->n_free ? s->free_place[--s->n_free] : s->places - 1;
    put(&s->held, place);
    return place;
}

int64_t hl_shuffle_draw(hl_shuffle *s) {
    const int64_t place = draw(&s->held, &s->draws);
    s->free_place[s->n_free++] = place;
    return place;
}

bool hl_shuffle_end_round(hl_shuffle *s) { return end_round(&s->held); }

bool hl_shuffle_move(hl_shuffle *s, hl_shuffle_rows *rows) {
    while (rows->given < rows->n_out) {
        while (hl_shuffle_held(s) < s->size && rows->taken < rows->n_in) {
            const int64_t place = hl_shuffle_put(s);
            if (place < 0) return false;
            for (int k = 0; k < rows->n_columns; k++) {
                const hl_shuffle_column *c = &rows->columns[k];
                memcpy(c->held + place * c->row_bytes, c->in + rows->taken * c->row_bytes, (size_t)c->row_bytes);
            }
            rows->taken++;
        }
        if ((hl_shuffle_held(s) < s->size && !rows->last) || hl_shuffle_held(s) == 0) return true;
        const int64_t place = hl_shuffle_draw(s);
        for (int k = 0; k < rows->n_columns; k++) {
            const hl_shuffle_column *c = &rows->columns[k];
            memcpy(c->out + rows->given * c->row_bytes, c->held + place * c->row_bytes, (size_t)c->row_bytes);
        }
        rows->given++;
    }
    return true;
}
