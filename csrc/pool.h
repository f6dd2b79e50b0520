/* The thread pool: the caller takes chunks itself and never waits for a worker that has not started.
 *
 * Work is split over outputs, so that a result does not depend on the number of threads; a kernel that sums
 * across chunks must cut the sum into blocks whose number depends on the size alone.
 */
#ifndef HOOKLOOP_POOL_H
#define HOOKLOOP_POOL_H

#include "plan.h"

/* chunk runs from 0 to n_chunks - 1; worker is the index of the caller (0) or worker (1..), for its scratch. */
typedef void (*hl_chunk_fn)(void *arg, int64_t chunk, int worker);

/* Whether a chunk that takes longer than a few ms is to be left: the caller asks, workers see what it was told. */
static inline bool hl_is_stopped_for(hl_run *run, int worker) {
    return worker == 0 ? hl_is_stopped(run) : __atomic_load_n(&run->stopped, __ATOMIC_RELAXED) != HL_OK;
}

/* Runs fn for every chunk, on this thread alone where cost_ns (of all chunks) does not pay for waking a worker. Chunks
 * are left undone once the run is to stop (run->stopped). */
void hl_parallel(hl_run *run, int64_t n_chunks, double cost_ns, hl_chunk_fn fn, void *arg);

/* The same for work that is wanted later: workers that have nothing else to do take chunks from now on, and turn to other work in
 * between. NULL where none is likely to. `arg` stays until hl_later_finish, which does what is left; it returns false where
 * that is not known, in the child of a fork: then all chunks are to be run again. */
typedef struct hl_later hl_later;
hl_later *hl_later_begin(hl_run *run, int64_t n_chunks, double cost_ns, hl_chunk_fn fn, void *arg);
bool hl_later_finish(hl_later *later);

hl_pool *hl_pool_get(int threads); /* the process's pool, grown to that many threads; rebuilt after a fork */
void hl_pool_stop(void);           /* joins the workers (tests, interpreter exit) */

#endif
