/* Which examples come next: the order in which a chain of dataset transformations hands out the rows of its arrays.
 *
 * A chain is a list of stages, the source first. Up to a batch stage an element is one index; from there on it is a group of
 * them. The order is exactly that of the stages in src/hookloop/data/pipeline.py, which is TensorFlow 1.15's.
 */
#ifndef HOOKLOOP_INDICES_H
#define HOOKLOOP_INDICES_H

#include <stdbool.h>
#include <stdint.h>

typedef enum hl_stage_kind {
    HL_STAGE_ROWS,    /* 0 to number - 1: a chain's first stage, and no other */
    HL_STAGE_SHUFFLE, /* number: elements in the buffer; second: rounds through its source, negative for ever */
    HL_STAGE_REPEAT,  /* number: rounds, negative for ever */
    HL_STAGE_TAKE,    /* number: elements, negative for all */
    HL_STAGE_SKIP,    /* number: elements */
    HL_STAGE_SHARD,   /* number: shards; second: which one */
    HL_STAGE_BATCH    /* number: rows; second: 1 where a batch that is not full is left out */
} hl_stage_kind;

typedef struct hl_stage_spec {
    int32_t kind;
    int32_t reseeds;  /* of a shuffle: every opening draws seeds, from words for these */
    int64_t number, second;
    uint64_t key, stream;
} hl_stage_spec;

typedef struct hl_indices hl_indices;

hl_indices *hl_indices_new(const hl_stage_spec *stages, int n_stages); /* NULL: out of memory */
void hl_indices_free(hl_indices *indices);

int64_t hl_indices_most(const hl_indices *indices);   /* rows of the largest element */
int64_t hl_indices_source(const hl_indices *indices); /* rows of the arrays */
bool hl_indices_grouped(const hl_indices *indices);   /* whether elements are batches */
bool hl_indices_ascend(const hl_indices *indices);    /* whether indices follow each other, but where a round ends */

/* Writes the indices of the next element; returns their number, 0 at the end or where it has paused, negative where memory is short. */
int64_t hl_indices_next(hl_indices *indices, int64_t *out);

/* Whether the last call has come back before its end, after a few ms of passing over elements or filling a buffer, so that somebody
 * may look at the clock and for signals: the same call goes on where it stood, whenever it is made. */
bool hl_indices_paused(const hl_indices *indices);

/* The same for up to n elements of a chain without batches: fewer now and then, none at its end or where it has paused. */
int64_t hl_indices_some(hl_indices *indices, int64_t *out, int64_t n);

/* Starts again from the beginning. Shuffles that draw new seeds when they start go on drawing. */
void hl_indices_open(hl_indices *indices);

/* Goes past elements, at most `count`; returns how many there were, up to the end or where it has paused. */
int64_t hl_indices_pass(hl_indices *indices, int64_t count);

/* Goes on as if so many elements had been handed out; whole rounds cost nothing. False where there are not so many. */
bool hl_indices_skip(hl_indices *indices, int64_t elements);

/* The number of rows in one round of the outermost repetition; 0 where nothing repeats. */
int64_t hl_indices_round(const hl_indices *indices);

#endif
