/* One pool a process. A job is a counter of chunks that the caller and any idle worker claim from; the caller returns when
 * every chunk is done, so it waits only for workers that have started. Workers spin briefly after a job, then park.
 */
#define _GNU_SOURCE /* sched_getcpu */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    MAX_WORKERS = 255,
    JOBS = 8,               /* runs of several Python threads that may share the pool at once */
    WAKE_COST_NS = 50000,   /* less work than this does not pay for waking a parked worker */
    SHARE_COST_NS = 6000,   /* nor this for handing work to one that still spins */
    SPIN_NS = 60000
};

/* joined counts the workers that looked at the job (lower 20 bits) and those that left it (upper bits); the caller gives the
 * job back only when the two agree, so that no worker ever claims a chunk of the next one by mistake. */
typedef struct job {
    _Atomic uint64_t claim;
    _Atomic int64_t done;
    int64_t n_chunks;
    hl_chunk_fn fn;
    void *arg;
    int max_workers;
    _Atomic int caller_cpu;
    _Atomic int joined;
    _Atomic int taken; /* by a caller */
} job;

struct hl_pool {
    pid_t process;
    int n_workers;
    pthread_t threads[MAX_WORKERS];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    _Atomic int spinning;
    _Atomic int parked;
    _Atomic uint64_t posted; /* counts jobs: what a worker waits to see change */
    bool stop;
    job jobs[JOBS];
};

static hl_pool *pool;
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__)
    _mm_pause();
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/* What is not a number worth its time: results do not depend on the worker that made them. */
static void flush_denormals(void) {
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" ::"r"(mode | (1u << 24)));
#endif
}

static bool claim_chunk(job *j, uint64_t *chunk) {
    uint64_t seen = atomic_load_explicit(&j->claim, memory_order_acquire);
    for (;;) {
        uint64_t next = seen & 0xffffffffu;
        if (next >= (uint64_t)j->n_chunks) return false;
        if (atomic_compare_exchange_weak_explicit(&j->claim, &seen, seen + 1, memory_order_acq_rel, memory_order_acquire)) {
            *chunk = next;
            return true;
        }
    }
}

/* Takes chunks until there are none. */
static int64_t work(job *j, hl_chunk_fn fn, void *arg, int worker) {
    uint64_t chunk;
    int64_t count = 0;
    while (claim_chunk(j, &chunk)) {
        fn(arg, (int64_t)chunk, worker);
        count++;
    }
    return count;
}

/* Joins a job as one of its workers; a job that is over, or has enough of them, is left alone. */
static void help(job *j) {
    if (!atomic_load_explicit(&j->taken, memory_order_acquire)) return;
    int index = atomic_fetch_add_explicit(&j->joined, 1, memory_order_acq_rel) + 1;
    /* The caller frees a job only when no joined worker is left: until then its fields are stable. */
    if (atomic_load_explicit(&j->taken, memory_order_acquire) == 2 && index < 1 << 20 && index <= j->max_workers) {
        int64_t count = work(j, j->fn, j->arg, index);
        if (count) atomic_fetch_add_explicit(&j->done, count, memory_order_acq_rel);
    }
    atomic_fetch_add_explicit(&j->joined, 1 << 20, memory_order_acq_rel); /* left */
}

static bool on_callers_cpu(hl_pool *p) {
#if defined(__linux__)
    int cpu = sched_getcpu();
    for (int k = 0; k < JOBS; k++)
        if (atomic_load(&p->jobs[k].taken) == 2 && atomic_load(&p->jobs[k].caller_cpu) == cpu) return true;
#endif
    return false;
}

static void *worker_main(void *argument) {
    hl_pool *p = argument;
    flush_denormals();
    uint64_t seen = 0;
    for (;;) {
        atomic_fetch_add(&p->spinning, 1);
        int64_t until = now_ns() + SPIN_NS;
        int spins = 0;
        while (atomic_load_explicit(&p->posted, memory_order_acquire) == seen) {
            relax();
            if ((++spins & 63) == 0 && now_ns() > until) break;
        }
        atomic_fetch_sub(&p->spinning, 1);
        if (atomic_load_explicit(&p->posted, memory_order_acquire) == seen) {
            pthread_mutex_lock(&p->lock);
            atomic_fetch_add(&p->parked, 1);
            while (atomic_load(&p->posted) == seen && !p->stop) pthread_cond_wait(&p->wake, &p->lock);
            atomic_fetch_sub(&p->parked, 1);
            bool stop = p->stop;
            pthread_mutex_unlock(&p->lock);
            if (stop) return NULL;
        }
        seen = atomic_load_explicit(&p->posted, memory_order_acquire);
        if (on_callers_cpu(p)) sched_yield();
        for (int k = 0; k < JOBS; k++) help(&p->jobs[k]);
    }
}

static job *take_job(hl_pool *p) {
    for (int k = 0; k < JOBS; k++) {
        int free_job = 0;
        if (atomic_compare_exchange_strong(&p->jobs[k].taken, &free_job, 1)) return &p->jobs[k];
    }
    return NULL;
}

static void post(hl_pool *p, double cost_ns) {
    atomic_fetch_add_explicit(&p->posted, 1, memory_order_acq_rel);
    if (cost_ns < WAKE_COST_NS || !atomic_load(&p->parked)) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void run_alone(int64_t n_chunks, hl_chunk_fn fn, void *arg) {
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) fn(arg, chunk, 0);
}

void hl_parallel(hl_run *run, int64_t n_chunks, double cost_ns, hl_chunk_fn fn, void *arg) {
    hl_pool *p = run->pool;
    bool pays = p && run->threads > 1 && n_chunks > 1 && n_chunks < (int64_t)1 << 31 &&
                cost_ns >= (p && atomic_load_explicit(&p->spinning, memory_order_relaxed) ? SHARE_COST_NS : WAKE_COST_NS);
    if (pays && p->process != getpid()) p = run->pool = hl_pool_get(run->threads); /* a child after a fork */
    job *j = pays && p ? take_job(p) : NULL;
    if (!j) {
        run_alone(n_chunks, fn, arg);
        return;
    }
    j->fn = fn;
    j->arg = arg;
    j->n_chunks = n_chunks;
    j->max_workers = run->threads - 1;
#if defined(__linux__)
    atomic_store(&j->caller_cpu, sched_getcpu());
#endif
    atomic_store(&j->done, 0);
    atomic_store(&j->claim, 0);
    atomic_store_explicit(&j->taken, 2, memory_order_release);
    post(p, cost_ns);
    int64_t mine = work(j, fn, arg, 0);
    atomic_fetch_add_explicit(&j->done, mine, memory_order_acq_rel);
    while (atomic_load_explicit(&j->done, memory_order_acquire) < n_chunks) relax();
    atomic_store_explicit(&j->taken, 3, memory_order_release);
    /* Every worker that looked at the job has to leave it before it can be used again. */
    for (;;) {
        int joined = atomic_load_explicit(&j->joined, memory_order_acquire);
        if ((joined & ((1 << 20) - 1)) == joined >> 20) {
            if (atomic_compare_exchange_strong(&j->joined, &joined, 0)) break;
        }
        relax();
    }
    atomic_store_explicit(&j->taken, 0, memory_order_release);
}

static hl_pool *new_pool(void) {
    hl_pool *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->process = getpid();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    return p;
}

hl_pool *hl_pool_get(int threads) {
    pthread_mutex_lock(&pool_lock);
    if (!pool || pool->process != getpid()) pool = new_pool(); /* after a fork the parent's threads are not here */
    int wanted = threads - 1 < MAX_WORKERS ? threads - 1 : MAX_WORKERS;
    while (pool && pool->n_workers < wanted) {
        if (pthread_create(&pool->threads[pool->n_workers], NULL, worker_main, pool) != 0) break;
        pool->n_workers++;
    }
    hl_pool *p = pool;
    pthread_mutex_unlock(&pool_lock);
    return p;
}

void hl_pool_stop(void) {
    pthread_mutex_lock(&pool_lock);
    hl_pool *p = pool;
    pool = NULL;
    pthread_mutex_unlock(&pool_lock);
    if (!p) return;
    if (p->process == getpid()) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->lock);
        for (int k = 0; k < p->n_workers; k++) pthread_join(p->threads[k], NULL);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p);
}
