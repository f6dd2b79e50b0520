/* Batches: every row once an epoch, in place or gathered, from several threads at a time, ahead of them, after a fork. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batches.h"
#include "harness.h"
#include "shuffle.h"

enum { ROWS = 1000, WIDTH = 37, BATCH = 48, EPOCHS = 3, CALLERS = 3 };

static float values[ROWS][WIDTH];
static _Atomic int released;

static void release(void *owner) {
    CHECK(owner == values);
    released++;
}

static hl_iterator *start(int64_t shuffle, int64_t ahead, int64_t skipped) {
    const hl_component components[2] = {
        {.data = (const char *)values, .row_bytes = sizeof values[0], .dtype = HL_FLOAT32, .rank = 1, .dims = {WIDTH}},
        {.start = 5, .step = 2, .row_bytes = 8, .dtype = HL_INT64},
    };
    hl_stage_spec stages[4] = {{.kind = HL_STAGE_ROWS, .number = ROWS}};
    int n = 1;
    if (shuffle) stages[n++] = (hl_stage_spec){.kind = HL_STAGE_SHUFFLE, .number = shuffle, .second = EPOCHS, .key = 3, .stream = 9};
    else stages[n++] = (hl_stage_spec){.kind = HL_STAGE_REPEAT, .number = EPOCHS};
    stages[n++] = (hl_stage_spec){.kind = HL_STAGE_BATCH, .number = BATCH};
    hl_batches *batches = hl_batches_new(components, 2, hl_indices_new(stages, n), ahead, values, release);
    CHECK(batches);
    CHECK(hl_batches_skip(batches, skipped, skipped * BATCH));
    hl_iterator *iterator = calloc(1, sizeof *iterator);
    hl_iterator_open(iterator);
    hl_iterator_start(iterator, batches);
    return iterator;
}

static void stop(hl_iterator *iterator) {
    hl_iterator_close(iterator);
    free(iterator);
}

typedef struct caller { hl_iterator *iterator; int64_t seen[ROWS]; pthread_t thread; } caller;

static void *take_all(void *arg) {
    caller *c = arg;
    hl_run run = {.pool = hl_pool_get(3), .threads = 3};
    hl_batch *batch = NULL;
    hl_status status;
    while ((status = hl_iterator_next(c->iterator, &run, &batch, NULL, NULL)) == HL_OK)
        for (int64_t k = 0; k < batch->rows; k++) {
            const int64_t row = (((int64_t *)batch->data[1])[k] - 5) / 2;
            CHECK(row >= 0 && row < ROWS);
            CHECK(!memcmp(batch->data[0] + k * (int64_t)sizeof values[0], values[row], sizeof values[0]));
            c->seen[row]++;
        }
    CHECK(status == HL_OUT_OF_RANGE && !batch);
    return NULL;
}

static void test_every_row_once_an_epoch(int64_t shuffle, int64_t ahead, int n_callers) {
    hl_iterator *iterator = start(shuffle, ahead, 0);
    caller *callers = calloc((size_t)n_callers, sizeof *callers);
    for (int k = 0; k < n_callers; k++) {
        callers[k].iterator = iterator;
        pthread_create(&callers[k].thread, NULL, take_all, &callers[k]);
    }
    for (int k = 0; k < n_callers; k++) pthread_join(callers[k].thread, NULL);
    for (int row = 0; row < ROWS; row++) {
        int64_t seen = 0;
        for (int k = 0; k < n_callers; k++) seen += callers[k].seen[row];
        CHECK(seen == EPOCHS);
    }
    hl_progress progress;
    CHECK(hl_iterator_progress(iterator, &progress));
    CHECK(progress.rows == ROWS * EPOCHS && progress.elements == (ROWS * EPOCHS + BATCH - 1) / BATCH && progress.round == ROWS);
    free(callers);
    stop(iterator);
}

static void test_a_held_batch_outlives_its_pass(void) {
    hl_iterator *iterator = start(100, 3, 0);
    hl_run run = {.pool = hl_pool_get(2), .threads = 2};
    hl_batch *batch = NULL;
    CHECK(hl_iterator_next(iterator, &run, &batch, NULL, NULL) == HL_OK);
    const int before = released;
    hl_iterator_start(iterator, NULL);
    CHECK(released == before);
    const int64_t row = (((int64_t *)batch->data[1])[0] - 5) / 2;
    CHECK(!memcmp(batch->data[0], values[row], sizeof values[0]));
    CHECK(hl_iterator_next(iterator, &run, &batch, NULL, NULL) == HL_UNIMPLEMENTED && !batch);
    CHECK(released == before + 1);
    stop(iterator);
}

static void test_going_on_is_the_same(int64_t shuffle) {
    for (int64_t skipped = 0; skipped <= 60; skipped += 7) {
        hl_iterator *all = start(shuffle, 2, 0), *rest = start(shuffle, 0, skipped);
        hl_batch *expected = NULL, *found = NULL;
        for (int64_t k = 0; k < skipped; k++) CHECK(hl_iterator_next(all, NULL, &expected, NULL, NULL) == HL_OK);
        for (int k = 0; k < 4; k++) {
            const hl_status status = hl_iterator_next(all, NULL, &expected, NULL, NULL);
            CHECK(hl_iterator_next(rest, NULL, &found, NULL, NULL) == status);
            if (status != HL_OK) break;
            CHECK(expected->rows == found->rows);
            CHECK(!memcmp(expected->data[0], found->data[0], (size_t)found->rows * sizeof values[0]));
        }
        hl_batch_free(expected), hl_batch_free(found);
        stop(all), stop(rest);
    }
}

static void test_a_child_of_fork_goes_on(void) {
    hl_iterator *iterator = start(300, 4, 0);
    hl_run run = {.pool = hl_pool_get(2), .threads = 2};
    hl_batch *batch = NULL;
    CHECK(hl_iterator_next(iterator, &run, &batch, NULL, NULL) == HL_OK);
    const pid_t child = fork();
    if (child == 0) {
        caller c = {.iterator = iterator};
        take_all(&c);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    hl_batch_free(batch);
    stop(iterator);
}

/* Rows that are copied through a buffer come in the order in which a chain hands them out. */
static void test_a_shuffle_of_copied_rows(int64_t size) {
    const hl_stage_spec stages[2] = {
        {.kind = HL_STAGE_ROWS, .number = ROWS},
        {.kind = HL_STAGE_SHUFFLE, .number = size, .second = 1, .key = 3, .stream = 9},
    };
    hl_indices *indices = hl_indices_new(stages, 2);
    hl_shuffle *shuffle = hl_shuffle_new(size, 3, 9);
    const int64_t held_rows = size < ROWS ? size : ROWS, row = (int64_t)sizeof values[0];
    char *held = malloc((size_t)(held_rows * row)), *out = malloc((size_t)(BATCH * row));
    hl_shuffle_column column = {.row_bytes = row, .in = (const char *)values, .held = held, .out = out};
    hl_shuffle_rows rows = {.n_columns = 1, .columns = &column};
    for (int64_t expected;;) {
        rows.given = 0, rows.n_out = BATCH, rows.n_in = rows.taken + 7 < ROWS ? rows.taken + 7 : ROWS, rows.last = rows.n_in == ROWS;
        CHECK(hl_shuffle_move(shuffle, &rows));
        CHECK(rows.last || rows.given == BATCH || rows.taken == rows.n_in);
        for (int64_t k = 0; k < rows.given; k++) {
            CHECK(hl_indices_next(indices, &expected) == 1);
            CHECK(!memcmp(out + k * row, values[expected], (size_t)row));
        }
        if (rows.last && !rows.given) break;
    }
    CHECK(hl_indices_next(indices, &(int64_t){0}) == 0 && hl_shuffle_held(shuffle) == 0);
    hl_shuffle_free(shuffle);
    hl_indices_free(indices);
    free(held);
    free(out);
}

/* A chain that passes over many elements comes back now and then, and goes on where it stood. */
static void test_pauses(void) {
    enum { SOURCE = 1 << 21, HELD = 1 << 19, SHARDS = 1 << 17 };
    const hl_stage_spec stages[] = {{HL_STAGE_ROWS, 0, SOURCE, 0, 0, 0},
                                    {HL_STAGE_SHUFFLE, 0, HELD, 1, 7, 9},
                                    {HL_STAGE_SHARD, 0, SHARDS, 1, 0, 0},
                                    {HL_STAGE_BATCH, 0, 3, 0, 0, 0}};
    hl_indices *pausing = hl_indices_new(stages, 4), *one_by_one = hl_indices_new(stages, 2);
    CHECK(pausing && one_by_one);
    int64_t expected = -1, at = 0, found[3];
    int pauses = 0, rows = 0;
    for (;;) {
        const int64_t got = hl_indices_next(pausing, found);
        if (got == 0 && hl_indices_paused(pausing)) {
            pauses++;
            continue;
        }
        if (got == 0) break;
        for (int64_t k = 0; k < got; k++, rows++) {
            while (at < (int64_t)rows * SHARDS + 2)
                at += hl_indices_next(one_by_one, &expected); /* none where it pauses */
            CHECK(found[k] == expected);
        }
    }
    CHECK(rows == SOURCE / SHARDS && pauses > 4);
    hl_indices_free(pausing);
    hl_indices_free(one_by_one);
}

int main(int argc, char **argv) {
    (void)argv;
    for (int row = 0; row < ROWS; row++)
        for (int k = 0; k < WIDTH; k++) values[row][k] = (float)(row * WIDTH + k);
    test_every_row_once_an_epoch(0, 0, 1);
    test_every_row_once_an_epoch(0, 2, 2);
    for (int64_t ahead = 0; ahead < 4; ahead++) test_every_row_once_an_epoch(ROWS, ahead, 1);
    test_every_row_once_an_epoch(64, 3, CALLERS);
    test_every_row_once_an_epoch(5000, 3, CALLERS);
    test_a_held_batch_outlives_its_pass();
    test_going_on_is_the_same(0);
    test_going_on_is_the_same(ROWS);
    test_going_on_is_the_same(70);
    test_a_shuffle_of_copied_rows(1);
    test_a_shuffle_of_copied_rows(70);
    test_a_shuffle_of_copied_rows(5000);
    test_pauses();
    if (argc == 1) test_a_child_of_fork_goes_on();
    hl_pool_stop();
    puts("batches: ok");
    return 0;
}
