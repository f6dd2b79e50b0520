/* One pool a process. A job is cut into as many ranges of chunks as threads may take part; each thread claims from the
 * front of its own range, then from the back of the others': so the same thread gets the same chunks in every step, whose
 * data its own cache holds, and whoever is late is helped, but with the little that an owner who has begun will have done
 * soon. The caller returns when every chunk is done, so it waits for nobody who has not claimed one. Workers spin for a
 * while after a job, so that the next instruction of a step finds them awake, then park.
 */
#define _GNU_SOURCE /* sched_getcpu, cpu_set_t */
#include "pool.h"
#include "pool_parts.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "sharing.h"

enum {
    MAX_WORKERS = 63,
    JOBS = 8,               /* runs of several Python threads that may share the pool at once */
    LATER = 4,              /* jobs more, of work that is wanted later */
    WAKE_COST_NS = 50000,   /* less work than this in a run does not pay for waking parked workers */
    SHARE_COST_NS = 5000,   /* nor this in an instruction for handing work to one that still spins */
    KEPT_NS = 20000,        /* so much work is left to an owner that has begun: data that change their cache cost more than waiting */
    PATIENCE_NS = 10000,    /* how long the caller spins for the last ones before it takes them or offers its processor */
    LEAST_PAUSE_NS = 500000, /* how long nobody is woken after a worker woke on the caller's own processor: */
    MOST_PAUSE_NS = 16000000 /* twice as long each time in a row, up to this */
};

/* The chunks of one range that nobody has claimed: generation (32 bits), first (16), end (16). The generation changes with
 * every job, so that a worker that was held up between looking and claiming cannot claim from a later one. Whoever has claimed
 * a chunk and not yet counted it as done holds the job's other fields still. */
typedef struct range { _Alignas(64) _Atomic uint64_t word; } range;
enum { MOST_UNITS = (1 << 16) - 1 };

static uint64_t range_word(uint32_t generation, uint64_t first, uint64_t end) {
    return (uint64_t)generation << 32 | first << 16 | end;
}

/* Claims are of units: `group` chunks each, 1 unless there are very many chunks. */
typedef struct job {
    _Alignas(64) _Atomic uint64_t header; /* generation (32 bits), units left to an owner (16), threads that may take part */
    _Atomic int64_t units;
    int64_t n_chunks, group;
    hl_chunk_fn fn;
    void *arg;
    uint32_t generation;
    _Atomic bool taken; /* by a caller */
    _Alignas(64) _Atomic int64_t done; /* units */
    range ranges[MAX_WORKERS + 1];
} job;

struct hl_later { job job; hl_pool *pool; };

typedef struct worker {
    _Alignas(64) hl_pool *pool;
    int index; /* 1 and up: the caller is 0 */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool parked, stop; /* under the lock */
} worker;

struct hl_pool {
    int forks; /* how many forks this process had behind it */
    _Atomic int n_workers; /* of which each is in its place before it is counted */
    worker *workers[MAX_WORKERS];
    _Alignas(64) _Atomic uint64_t posted; /* counts jobs: what a spinning worker waits to see change */
    _Atomic int latest;                   /* which job that was */
    _Atomic int caller_cpu;               /* and where its caller ran */
    _Alignas(64) _Atomic int spinning;
    _Atomic int parked;
    _Atomic int64_t pause_ns, no_wake_before;
    job jobs[JOBS];
    hl_later later[LATER];
};

static hl_pool *pool;
static _Atomic int forks;
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

static int current_cpu(void) {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

/* Claims a unit of the generation from the front of a range: its owner does. -1: there is none. */
static int64_t claim_front(range *r, uint32_t generation) {
    uint64_t seen = atomic_load_explicit(&r->word, memory_order_acquire);
    for (;;) {
        const uint64_t first = seen >> 16 & 0xffff, end = seen & 0xffff;
        if (seen >> 32 != generation || first == end) return -1;
        if (atomic_compare_exchange_weak_explicit(&r->word, &seen, range_word(generation, first + 1, end), memory_order_acq_rel,
                                                  memory_order_acquire))
            return (int64_t)first;
    }
}

/* From its back: the others do. They leave `spare` units to an owner that has begun, at `start`. */
static int64_t claim_back(range *r, uint32_t generation, uint64_t start, uint64_t spare) {
    uint64_t seen = atomic_load_explicit(&r->word, memory_order_acquire);
    for (;;) {
        const uint64_t first = seen >> 16 & 0xffff, end = seen & 0xffff;
        if (seen >> 32 != generation || end - first <= (first == start ? 0 : spare)) return -1;
        if (atomic_compare_exchange_weak_explicit(&r->word, &seen, range_word(generation, first, end - 1), memory_order_acq_rel,
                                                  memory_order_acquire))
            return (int64_t)(end - 1);
    }
}

static void run_unit(const job *j, int64_t unit, int index) {
    const int64_t first = unit * j->group, end = first + j->group < j->n_chunks ? first + j->group : j->n_chunks;
    for (int64_t chunk = first; chunk < end; chunk++) j->fn(j->arg, chunk, index);
}

/* Claims all that is left and leaves it undone. Gives how much that was. */
static int64_t abandon(job *j, uint32_t generation, int threads) {
    int64_t count = 0;
    for (int k = 0; k < threads; k++) {
        const uint64_t word = atomic_exchange_explicit(&j->ranges[k].word, range_word(generation, 0, 0), memory_order_acq_rel);
        count += (int64_t)(word & 0xffff) - (int64_t)(word >> 16 & 0xffff);
    }
    return count;
}

/* Claims a unit as thread `index` from the k-th range after its own. */
static int64_t claim_unit(job *j, uint64_t header, int index, int k, bool all) {
    const int threads = (int)(header & 0xffff), owner = (index + k) % threads;
    const uint32_t generation = (uint32_t)(header >> 32);
    if (k == 0) return claim_front(&j->ranges[owner], generation);
    const int64_t start = atomic_load_explicit(&j->units, memory_order_relaxed) * owner / threads;
    return claim_back(&j->ranges[owner], generation, (uint64_t)start, all ? 0 : header >> 16 & 0xffff);
}

/* Takes part in a job until nothing is left to claim, and counts what it did as done. Gives how much that was. The caller
 * gives its run and looks between units whether to go on. */
static int64_t work(job *j, int index, hl_run *run, bool all) {
    const uint64_t header = atomic_load_explicit(&j->header, memory_order_acquire);
    const int threads = (int)(header & 0xffff);
    int64_t count = 0;
    if (index >= threads) return 0;
    for (int k = 0; k < threads; k++)
        for (int64_t unit; (unit = claim_unit(j, header, index, k, all)) >= 0;) {
            run_unit(j, unit, index);
            count++;
            if (run && hl_is_stopped(run)) count += abandon(j, (uint32_t)(header >> 32), threads);
        }
    if (count) atomic_fetch_add_explicit(&j->done, count, memory_order_acq_rel);
    return count;
}

/* The same for work that is wanted later, which has one range, until other work is posted. */
static void work_ahead(hl_pool *p, job *j, int index, uint64_t seen) {
    const uint32_t generation = (uint32_t)(atomic_load_explicit(&j->header, memory_order_acquire) >> 32);
    int64_t count = 0, unit;
    while (atomic_load_explicit(&p->posted, memory_order_relaxed) == seen && (unit = claim_front(&j->ranges[0], generation)) >= 0) {
        run_unit(j, unit, index);
        count++;
    }
    if (count) atomic_fetch_add_explicit(&j->done, count, memory_order_acq_rel);
}

/* ---- workers ---- */

static bool on_callers_cpu(hl_pool *p) {
    const int cpu = current_cpu();
    return cpu >= 0 && cpu == atomic_load_explicit(&p->caller_cpu, memory_order_relaxed);
}

/* Waits for a job after the one seen, for a while and not where the caller wants to run. False: nothing came. */
static bool spin(hl_pool *p, uint64_t seen) {
    const int64_t until = hl_now_ns() + HL_SPIN_NS;
    bool came = false;
    atomic_fetch_add_explicit(&p->spinning, 1, memory_order_relaxed);
    for (int spins = 1;; spins++) {
        came = atomic_load_explicit(&p->posted, memory_order_acquire) != seen;
        if (came || ((spins & 63) == 0 && (on_callers_cpu(p) || hl_now_ns() > until))) break;
        hl_relax();
    }
    atomic_fetch_sub_explicit(&p->spinning, 1, memory_order_relaxed);
    return came;
}

/* Sleeps until somebody wakes this worker. False: the pool is stopped. */
static bool park(worker *w) {
    hl_pool *p = w->pool;
    pthread_mutex_lock(&w->lock);
    if (!w->stop) {
        w->parked = true;
        atomic_fetch_add(&p->parked, 1);
        while (w->parked && !w->stop) pthread_cond_wait(&w->wake, &w->lock);
    }
    const bool stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return !stop;
}

/* Moves this thread to another of the processors that it may run on, which the system often does only after milliseconds. False:
 * there is none. */
static bool leave_cpu(void) {
#if defined(__linux__)
    cpu_set_t allowed, others;
    const int cpu = current_cpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
    others = allowed;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return false;
    return sched_setaffinity(0, sizeof allowed, &allowed) == 0; /* free again to be moved by the system */
#else
    return false;
#endif
}

/* A worker woke where the caller runs, cannot leave and can only take time from it. Nobody is woken for a while. */
static void pause_waking(hl_pool *p) {
    int64_t pause = 2 * atomic_load(&p->pause_ns);
    if (pause < LEAST_PAUSE_NS) pause = LEAST_PAUSE_NS;
    if (pause > MOST_PAUSE_NS) pause = MOST_PAUSE_NS;
    atomic_store(&p->pause_ns, pause);
    atomic_store(&p->no_wake_before, hl_now_ns() + pause);
}

static void *worker_main(void *argument) {
    worker *w = argument;
    hl_pool *p = w->pool;
    uint64_t seen = 0;
    (void)hl_flush_denormals();
    for (;;) {
        if (!spin(p, seen)) {
            if (!park(w)) return NULL;
            while (on_callers_cpu(p) && !leave_cpu()) {
                pause_waking(p);
                if (!park(w)) return NULL;
            }
        }
        seen = atomic_load_explicit(&p->posted, memory_order_acquire);
        const int latest = atomic_load_explicit(&p->latest, memory_order_relaxed);
        int64_t count = 0;
        for (int k = 0; k < JOBS; k++) count += work(&p->jobs[(latest + k) % JOBS], w->index, NULL, false);
        for (int k = 0; k < LATER; k++) work_ahead(p, &p->later[k].job, w->index, seen);
        if (count && atomic_load_explicit(&p->pause_ns, memory_order_relaxed)) atomic_store(&p->pause_ns, 0);
    }
}

static void wake_workers(hl_pool *p, int most) {
    if (!atomic_load(&p->parked) || hl_now_ns() < atomic_load(&p->no_wake_before)) return;
    const int workers = atomic_load_explicit(&p->n_workers, memory_order_acquire);
    for (int k = 0; k < most && k < workers; k++) {
        worker *w = p->workers[k];
        pthread_mutex_lock(&w->lock);
        const bool was_parked = w->parked;
        if (was_parked) {
            w->parked = false;
            atomic_fetch_sub(&p->parked, 1);
            pthread_cond_signal(&w->wake);
        }
        pthread_mutex_unlock(&w->lock);
    }
}

/* ---- callers ---- */

static job *take_job(hl_pool *p) {
    for (int k = 0; k < JOBS; k++)
        if (!atomic_exchange_explicit(&p->jobs[k].taken, true, memory_order_acquire)) return &p->jobs[k];
    return NULL;
}

static void run_alone(hl_run *run, int64_t n_chunks, hl_chunk_fn fn, void *arg) {
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        fn(arg, chunk, 0);
        if (hl_is_stopped(run)) return;
    }
}

/* Waits for what workers have begun; takes over what they do not get to. A worker may be waiting for this very processor, and
 * one in a long chunk hears from here that the run is to stop. */
static void wait_for_others(job *j, hl_run *run) {
    const int64_t units = atomic_load_explicit(&j->units, memory_order_relaxed);
    int64_t since = 0;
    for (int spins = 1; atomic_load_explicit(&j->done, memory_order_acquire) < units; spins++) {
        hl_relax();
        if (spins & 63) continue;
        const int64_t now = hl_now_ns();
        if (!since) since = now;
        (void)hl_is_stopped(run);
        if (now - since > PATIENCE_NS && !work(j, 0, run, true)) sched_yield();
    }
}

/* Fills in a job and lets everybody see it. */
static void publish(hl_pool *p, job *j, int latest, int threads, int64_t n_chunks, double cost_ns, hl_chunk_fn fn, void *arg) {
    j->fn = fn;
    j->arg = arg;
    j->n_chunks = n_chunks;
    j->group = (n_chunks + MOST_UNITS - 1) / MOST_UNITS;
    const int64_t units = (n_chunks + j->group - 1) / j->group;
    const uint64_t spare = (uint64_t)(KEPT_NS * (double)units / (cost_ns > KEPT_NS ? cost_ns : KEPT_NS));
    atomic_store_explicit(&j->units, units, memory_order_relaxed);
    j->generation++;
    atomic_store_explicit(&j->done, 0, memory_order_relaxed);
    for (int64_t k = 0; k < threads; k++) {
        const uint64_t word =
            range_word(j->generation, (uint64_t)(units * k / threads), (uint64_t)(units * (k + 1) / threads));
        atomic_store_explicit(&j->ranges[k].word, word, memory_order_release);
    }
    atomic_store_explicit(&p->caller_cpu, current_cpu(), memory_order_relaxed);
    atomic_store_explicit(&p->latest, latest, memory_order_relaxed);
    atomic_store_explicit(&j->header, (uint64_t)j->generation << 32 | spare << 16 | (uint64_t)threads,
                          memory_order_release);
    atomic_fetch_add_explicit(&p->posted, 1, memory_order_acq_rel);
}

int hl_threads_for(hl_run *run, double cost_ns) {
    hl_pool *p = run->pool;
    if (!p || run->threads == 1 || cost_ns < SHARE_COST_NS || cost_ns < run->share_cost_ns) return 1;
    if (atomic_load_explicit(&p->spinning, memory_order_relaxed) > 0 || run->unshared_ns + cost_ns >= WAKE_COST_NS) return run->threads;
    run->unshared_ns += cost_ns;
    return 1;
}

void hl_parallel(hl_run *run, int64_t n_chunks, double cost_ns, hl_chunk_fn fn, void *arg) {
    if (run->stopped != HL_OK) return;
    hl_pool *p = run->pool;
    if (!p || run->threads == 1 || n_chunks < 2 || cost_ns < SHARE_COST_NS || cost_ns < run->share_cost_ns) {
        run_alone(run, n_chunks, fn, arg);
        return;
    }
    bool wake = false;
    if (atomic_load_explicit(&p->spinning, memory_order_relaxed) == 0) {
        run->unshared_ns += cost_ns;
        wake = run->unshared_ns >= WAKE_COST_NS;
        if (!wake) {
            run_alone(run, n_chunks, fn, arg);
            return;
        }
        run->unshared_ns = 0;
    }
    if (p->forks != atomic_load_explicit(&forks, memory_order_relaxed)) p = run->pool = hl_pool_get(run->threads);
    job *j = p ? take_job(p) : NULL;
    if (!j) {
        run_alone(run, n_chunks, fn, arg);
        return;
    }
    int threads = run->threads <= MAX_WORKERS + 1 ? run->threads : MAX_WORKERS + 1;
    if (threads > n_chunks) threads = (int)n_chunks;
    publish(p, j, (int)(j - p->jobs), threads, n_chunks, cost_ns, fn, arg);
    if (wake || cost_ns >= WAKE_COST_NS) wake_workers(p, threads - 1);
    work(j, 0, run, false);
    wait_for_others(j, run);
    atomic_store_explicit(&j->taken, false, memory_order_release);
}

hl_later *hl_later_begin(hl_run *run, int64_t n_chunks, double cost_ns, hl_chunk_fn fn, void *arg) {
    hl_pool *p = run->pool;
    if (!p || run->threads < 2 || n_chunks < 1 || p->forks != atomic_load_explicit(&forks, memory_order_relaxed)) return NULL;
    if (cost_ns < WAKE_COST_NS && !atomic_load_explicit(&p->spinning, memory_order_relaxed)) return NULL;
    for (int k = 0; k < LATER; k++) {
        hl_later *later = &p->later[k];
        if (atomic_exchange_explicit(&later->job.taken, true, memory_order_acquire)) continue;
        later->pool = p;
        publish(p, &later->job, atomic_load_explicit(&p->latest, memory_order_relaxed), 1, n_chunks, cost_ns, fn, arg);
        if (cost_ns >= WAKE_COST_NS) wake_workers(p, 1);
        return later;
    }
    return NULL;
}

bool hl_later_finish(hl_later *later) {
    if (later->pool->forks != atomic_load_explicit(&forks, memory_order_relaxed)) return false;
    hl_run whole = {.threads = 1}; /* that nothing stops */
    work(&later->job, 0, NULL, true);
    wait_for_others(&later->job, &whole);
    atomic_store_explicit(&later->job.taken, false, memory_order_release);
    return true;
}

/* ---- making and ending pools ---- */

static void before_fork(void) { pthread_mutex_lock(&pool_lock); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&pool_lock); }

/* The parent's threads are not here, and what they held stays held: the child makes a pool of its own. */
static void after_fork_in_child(void) {
    pool = NULL;
    atomic_fetch_add(&forks, 1);
    pthread_mutex_unlock(&pool_lock);
}

static void watch_forks(void) { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); }

static hl_pool *new_pool(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    hl_pool *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
    if (!p) return NULL;
    memset(p, 0, sizeof *p);
    p->forks = atomic_load(&forks);
    atomic_store(&p->caller_cpu, -1);
    return p;
}

/* Starts a thread that no signal of the process is given to: a program that waits for one, or has blocked it, does so in threads
 * of its own. What an instruction itself brings about still reaches its handler. */
static bool start_worker(worker *w) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) sigdelset(&blocked, own[k]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before); /* the thread inherits it */
    const bool started = pthread_create(&w->thread, NULL, worker_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static bool add_worker(hl_pool *p) {
    worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    if (!w) return false;
    memset(w, 0, sizeof *w);
    w->pool = p;
    const int place = atomic_load_explicit(&p->n_workers, memory_order_relaxed);
    w->index = place + 1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (!start_worker(w)) {
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->wake);
        free(w);
        return false;
    }
    p->workers[place] = w;
    atomic_store_explicit(&p->n_workers, place + 1, memory_order_release);
    return true;
}

hl_pool *hl_pool_get(int threads) {
    pthread_mutex_lock(&pool_lock);
    if (!pool) pool = new_pool();
    const int wanted = threads - 1 < MAX_WORKERS ? threads - 1 : MAX_WORKERS;
    while (pool && pool->n_workers < wanted)
        if (!add_worker(pool)) break;
    hl_pool *p = pool;
    pthread_mutex_unlock(&pool_lock);
    return p;
}

static void stop_worker(worker *w) {
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    free(w);
}

void hl_pool_stop(void) {
    pthread_mutex_lock(&pool_lock);
    hl_pool *p = pool;
    pool = NULL;
    pthread_mutex_unlock(&pool_lock);
    if (!p) return;
    for (int k = 0; k < p->n_workers; k++) stop_worker(p->workers[k]);
    free(p);
}
