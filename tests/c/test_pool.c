/* The thread pool: every chunk is run once, from several callers at a time, also after a fork. */
#define _GNU_SOURCE /* cpu_set_t */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

enum { CHUNKS = 64, CALLERS = 3, ROUNDS = 400 };

static _Atomic long total;

static void work(void *marks, int64_t chunk, int worker) {
    volatile double sum = 0;
    for (int i = 0; i < 2000; i++) sum += i;
    CHECK(worker >= 0 && worker < 4);
    ((char *)marks)[chunk]++;
    atomic_fetch_add(&total, 1);
}

static void *call_often(void *rounds) {
    hl_run run = {.pool = hl_pool_get(4), .threads = 4};
    for (long round = 0; round < *(long *)rounds; round++) {
        char marks[CHUNKS] = {0};
        hl_parallel(&run, CHUNKS, 1e6, work, marks);
        for (int chunk = 0; chunk < CHUNKS; chunk++) CHECK(marks[chunk] == 1);
        if (round % 100 == 0) usleep(500);
    }
    return NULL;
}

static void test_several_callers(void) {
    pthread_t threads[CALLERS];
    long rounds = ROUNDS;
    for (int k = 0; k < CALLERS; k++) pthread_create(&threads[k], NULL, call_often, &rounds);
    for (int k = 0; k < CALLERS; k++) pthread_join(threads[k], NULL);
    CHECK(total == (long)CALLERS * ROUNDS * CHUNKS);
}

static void count(void *counts, int64_t chunk, int worker) {
    (void)worker;
    ((unsigned char *)counts)[chunk]++;
}

static void test_more_chunks_than_a_claim_has_bits_for(void) {
    const int64_t sizes[] = {2, 3, 65534, 65535, 65536, 65537, 200001};
    hl_run run = {.pool = hl_pool_get(4), .threads = 4};
    for (int s = 0; s < 7; s++) {
        unsigned char *counts = calloc(1, (size_t)sizes[s]);
        hl_parallel(&run, sizes[s], 1e6, count, counts);
        for (int64_t chunk = 0; chunk < sizes[s]; chunk++) CHECK(counts[chunk] == 1);
        free(counts);
    }
}

static void check_worker(void *threads, int64_t chunk, int worker) {
    (void)chunk;
    CHECK(worker < *(int *)threads);
}

/* A run of two threads has scratch memory for two, however many workers the pool has. */
static void test_no_more_workers_than_the_run_has_threads(void) {
    hl_pool *pool = hl_pool_get(4);
    for (int round = 0; round < 400; round++) {
        int threads = 2 + round % 3;
        hl_run run = {.pool = pool, .threads = threads};
        hl_parallel(&run, CHUNKS, 1e6, check_worker, &threads);
    }
}

static void *call_on_growing_pool(void *unused) {
    (void)unused;
    for (int round = 0; round < 100; round++) {
        int threads = 2 + round % 7;
        hl_run run = {.pool = hl_pool_get(threads), .threads = threads};
        hl_parallel(&run, CHUNKS, 1e6, check_worker, &threads);
    }
    return NULL;
}

static void test_a_pool_grows_while_it_works(void) {
    pthread_t threads[CALLERS];
    for (int k = 0; k < CALLERS; k++) pthread_create(&threads[k], NULL, call_on_growing_pool, NULL);
    for (int k = 0; k < CALLERS; k++) pthread_join(threads[k], NULL);
}

#if defined(__linux__)
static void check_affinity(void *callers, int64_t chunk, int worker) {
    (void)chunk, (void)worker;
    cpu_set_t allowed;
    CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    CHECK(CPU_EQUAL(&allowed, (cpu_set_t *)callers));
}

/* A worker that was woken on the caller's processor moves away and may be moved by the system afterwards. */
static void test_workers_may_run_where_the_caller_may(void) {
    cpu_set_t callers;
    CHECK(sched_getaffinity(0, sizeof callers, &callers) == 0);
    for (int round = 0; round < 200; round++) {
        hl_run run = {.pool = hl_pool_get(4), .threads = 4};
        hl_parallel(&run, CHUNKS, 1e6, check_affinity, &callers);
        if (round % 20 == 0) usleep(1000); /* they park meanwhile */
    }
}

static void *call_on_one_processor(void *rounds) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    hl_pool_stop(); /* the workers of the next pool inherit the set */
    return call_often(rounds);
}

static void test_one_processor_for_all(void) {
    pthread_t thread;
    long rounds = 100;
    pthread_create(&thread, NULL, call_on_one_processor, &rounds);
    pthread_join(thread, NULL);
    hl_pool_stop();
}
#endif

static void test_no_chunks(void) {
    hl_run run = {.pool = hl_pool_get(2), .threads = 2};
    hl_parallel(&run, 0, 1e9, work, NULL);
}

static hl_status stop_at_once(hl_run *run) { return run->stopped = HL_CANCELLED; }

/* A run that is to stop leaves the rest of its chunks undone, on one thread and on several, and takes no more work. */
static void test_a_run_that_stops(void) {
    enum { MANY = 1 << 18 };
    static char marks[MANY];
    for (int threads = 1; threads <= 4; threads += 3) {
        hl_run run = {.pool = hl_pool_get(4), .threads = threads, .poll = stop_at_once};
        int done = 0;
        memset(marks, 0, sizeof marks);
        hl_parallel(&run, sizeof marks, 1e9, work, marks);
        for (size_t chunk = 0; chunk < sizeof marks; chunk++) {
            CHECK(marks[chunk] <= 1);
            done += marks[chunk];
        }
        CHECK(done > 0 && done < MANY);
        hl_parallel(&run, sizeof marks, 1e9, work, marks);
        for (size_t chunk = 0; chunk < sizeof marks; chunk++) done -= marks[chunk];
        CHECK(done == 0);
        run.stopped = HL_OK;
        run.poll = NULL;
        hl_parallel(&run, CHUNKS, 1e9, work, marks);
    }
}

static void test_a_child_has_a_pool_of_its_own(void) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        long rounds = 20;
        call_often(&rounds);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv) {
    test_several_callers();
    test_no_chunks();
    test_more_chunks_than_a_claim_has_bits_for();
    test_no_more_workers_than_the_run_has_threads();
    test_a_pool_grows_while_it_works();
    test_a_run_that_stops();
#if defined(__linux__)
    test_workers_may_run_where_the_caller_may();
    test_one_processor_for_all();
#endif
    if (argc < 2 || strcmp(argv[1], "nofork")) test_a_child_has_a_pool_of_its_own();
    hl_pool_stop();
    printf("pool: ok\n");
    return 0;
}
