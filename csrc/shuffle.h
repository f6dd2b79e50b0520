/* A shuffle of elements that somebody else makes: rows that are put into a buffer and drawn from it.
 *
 * The order is that of HL_STAGE_SHUFFLE in indices.h, which takes rows of arrays where they lie: here they are copied into places
 * of the buffer, whose memory is the caller's.
 */
#ifndef HOOKLOOP_SHUFFLE_H
#define HOOKLOOP_SHUFFLE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct hl_shuffle hl_shuffle;

/* size: elements in the buffer, at least 1. NULL: out of memory. */
hl_shuffle *hl_shuffle_new(int64_t size, uint64_t key, uint64_t stream);
void hl_shuffle_free(hl_shuffle *shuffle);

int64_t hl_shuffle_held(const hl_shuffle *shuffle);
int64_t hl_shuffle_places(const hl_shuffle *shuffle); /* the most that were ever held */

/* Puts an element into the buffer; returns its place, below the most that were ever held; negative: out of memory. */
int64_t hl_shuffle_put(hl_shuffle *shuffle);
/* Draws an element, of the first round that has any; returns its place, which is free from now on. Some must be held. */
int64_t hl_shuffle_draw(hl_shuffle *shuffle);
/* What is put from now on is of another round. False: out of memory. */
bool hl_shuffle_end_round(hl_shuffle *shuffle);

/* One component of the elements: rows that come, places of the buffer, rows that are drawn. */
typedef struct hl_shuffle_column {
    int64_t row_bytes;
    const char *in;
    char *held, *out;
} hl_shuffle_column;

typedef struct hl_shuffle_rows {
    int n_columns;
    hl_shuffle_column *columns;
    int64_t n_in, n_out;
    bool last;           /* nothing comes after the rows that come: the buffer need not be full */
    int64_t taken, given; /* how far it has come */
} hl_shuffle_rows;

/* Fills the buffer, draws, and so on, until n_out are drawn, or a row is wanted that has not come. False: out of memory. */
bool hl_shuffle_move(hl_shuffle *shuffle, hl_shuffle_rows *rows);

#endif
