/* Batches of examples gathered from arrays that stay where they are: NumPy arrays, memory maps.
 *
 * hl_batches is one pass over a dataset: arrays, and the chain that orders their rows (indices.h). hl_batch is what a step gets:
 * pointers to rows that follow each other in memory. Rows that already do are handed out in place, others are gathered, ahead of
 * the step by the pool's workers where that pays. hl_iterator is a program's iterator, which starts one pass after another.
 *
 * A batch keeps its pass, and a pass its arrays, by counting references: several frames may hold batches of one iterator.
 */
#ifndef HOOKLOOP_BATCHES_H
#define HOOKLOOP_BATCHES_H

#include <stdatomic.h>

#include "indices.h"
#include "plan.h"

/* One array of a dataset, by rows; or numbers that are worked out: start + step * index. */
typedef struct hl_component {
    const char *data; /* NULL: numbers, int64 */
    int64_t start, step;
    int64_t row_bytes;
    int32_t dtype, rank; /* of a row */
    int64_t dims[HL_MAX_RANK];
} hl_component;

typedef struct hl_batches hl_batches;

typedef struct hl_batch {
    hl_batches *of;
    int64_t rows;
    char **data; /* by component */
    /* The rest is batches.c's own: */
    struct hl_batch *next;
    char *memory, **room;
    int64_t *index;
    int64_t chunk_rows;
    struct hl_later *filling;
    bool filled;
} hl_batch;

typedef void (*hl_release_fn)(void *owner);

/* Takes the indices over. ahead: how many batches may be prepared before a step wants them. Calls release(owner), from any
 * thread, when nobody needs the arrays any more. NULL: out of memory. */
hl_batches *hl_batches_new(const hl_component *components, int n_components, hl_indices *indices, int64_t ahead, void *owner,
                           hl_release_fn release);
void hl_batches_unref(hl_batches *batches);

int hl_batches_count(const hl_batches *batches); /* of components */
const hl_component *hl_batches_component(const hl_batches *batches, int k);
uint64_t hl_batches_pass(const hl_batches *batches);
bool hl_batches_grouped(const hl_batches *batches); /* whether rows are an axis of what is handed out */

/* A program's iterator. */
typedef struct hl_iterator {
    atomic_int lock;
    hl_batches *batches; /* NULL: it is not started, or its dataset is no chain over arrays */
    _Atomic uint64_t pass; /* a number that no other pass of the process has; 0 without one */
    struct hl_iterator *previous, *next; /* all of the process, for fork */
} hl_iterator;

void hl_iterator_open(hl_iterator *iterator); /* of zeroed memory */
void hl_iterator_close(hl_iterator *iterator);
void hl_iterator_start(hl_iterator *iterator, hl_batches *batches); /* takes the reference over; NULL: none */

/* Gives *batch back, if there is one, and puts the next one in its place, none where it fails: HL_OK; HL_OUT_OF_RANGE at the end;
 * HL_UNIMPLEMENTED without a pass, or where `fits` says no to it; HL_RESOURCE_EXHAUSTED; HL_PAUSED where it takes long: the same call
 * goes on. */
typedef bool (*hl_fits_fn)(const hl_batches *batches, void *arg);
hl_status hl_iterator_next(hl_iterator *iterator, hl_run *run, hl_batch **batch, hl_fits_fn fits, void *arg);
void hl_batch_free(hl_batch *batch);
bool hl_iterator_fits(hl_iterator *iterator, hl_fits_fn fits, void *arg); /* the same question alone; false without a pass */

/* How far the steps have come since the start: what is prepared ahead does not count. */
typedef struct hl_progress {
    int64_t elements, rows;
    int64_t round; /* rows of one round of the outermost repetition; 0 where nothing repeats */
} hl_progress;
bool hl_iterator_progress(hl_iterator *iterator, hl_progress *progress);   /* false: no pass */

/* Goes on, on a pass that has just started, as if so many elements had been handed out. */
bool hl_batches_skip(hl_batches *batches, int64_t elements, int64_t rows); /* false: there are not so many */

#endif
