/* Several threads that run frames of one plan on one pool, for ThreadSanitizer: the runner's files are instrumented, the
 * kernels' are not. */
#include <pthread.h>

#include "harness.h"

enum { CALLERS = 4, ROUNDS = 60, MOST_ROWS = 700, COLUMNS = 96 };

/* out = relu(x y) for any number of rows: what is shared is the plan; each caller has a frame and an arena. */
typedef struct shared {
    builder *b;
    int32_t rows, out;
} shared;

static shared new_shared_plan(void) {
    builder *b = calloc(1, sizeof *b);
    const int32_t rows = new_register(b, 0), columns = new_register(b, COLUMNS);
    const int32_t wide[] = {rows, columns}, square[] = {columns, columns};
    watch(b, rows);
    b->plan.n_arena_slots = 1;
    const int32_t x = new_feed(b, HL_FLOAT32, 2, wide), y = new_feed(b, HL_FLOAT32, 2, square);
    const int32_t middle = new_tensor(b, HL_FLOAT32, HL_IN_ARENA, 0, 2, wide);
    const int32_t out = new_feed(b, HL_FLOAT32, 2, wide);
    const int32_t product[] = {x, y, middle}, relu[] = {middle, out};
    const hl_value attrs[] = {{.i = 0}, {.i = 0}};
    add_instr(b, hl_find_kernel("matmul"), 2, 1, product, 2, attrs);
    add_instr(b, hl_find_kernel("relu"), 1, 1, relu, 0, NULL);
    return (shared){b, rows, out};
}

typedef struct caller {
    hl_frame *frame;
    hl_arena *arena;
    int32_t rows;
    int index;
} caller;

static void *run_often(void *argument) {
    const caller *c = argument;
    float *x = malloc(sizeof(float) * MOST_ROWS * COLUMNS), *y = calloc(COLUMNS * COLUMNS, sizeof(float));
    float *out = malloc(sizeof(float) * MOST_ROWS * COLUMNS);
    for (int i = 0; i < COLUMNS; i++) y[i * COLUMNS + i] = 2;
    for (int i = 0; i < MOST_ROWS * COLUMNS; i++) x[i] = (float)(i % 7 + c->index);
    for (int round = 0; round < ROUNDS; round++) {
        const int64_t rows = round % 3 ? MOST_ROWS : 1 + round;
        c->frame->regs[c->rows] = rows;
        hl_frame_bind_feed(c->frame, 0, (char *)x);
        hl_frame_bind_feed(c->frame, 1, (char *)y);
        hl_frame_bind_feed(c->frame, 2, (char *)out);
        CHECK(hl_frame_prepare(c->frame, false) == HL_OK);
        CHECK(hl_frame_run(c->frame) == HL_OK);
        for (int64_t i = 0; i < rows * COLUMNS; i++) CHECK(out[i] == 2 * x[i]);
    }
    free(x), free(y), free(out);
    return NULL;
}

static void test_callers_share_a_plan_and_the_pool(void) {
    shared s = new_shared_plan();
    caller callers[CALLERS];
    pthread_t threads[CALLERS];
    for (int k = 0; k < CALLERS; k++) {
        caller *c = &callers[k];
        *c = (caller){.arena = hl_arena_new(), .rows = s.rows, .index = k};
        c->frame = k ? hl_frame_new(&s.b->plan, c->arena) : finish(s.b, c->arena);
        CHECK(c->frame);
        c->frame->run.threads = 2 + k % 2;
        c->frame->run.pool = hl_pool_get(c->frame->run.threads);
    }
    for (int k = 0; k < CALLERS; k++) pthread_create(&threads[k], NULL, run_often, &callers[k]);
    for (int k = 0; k < CALLERS; k++) pthread_join(threads[k], NULL);
    for (int k = 0; k < CALLERS; k++) hl_frame_free(callers[k].frame), hl_arena_free(callers[k].arena);
    free(s.b);
}

/* A loop in C polls while other threads run: the poll is the frame's own. */
static hl_status stop_after_some(hl_frame *frame) {
    int *left = frame->owner;
    return --*left > 0 ? HL_OK : HL_CANCELLED;
}

static void *loop_until_cancelled(void *unused) {
    (void)unused;
    int left = 3;
    builder *b = calloc(1, sizeof *b);
    const hl_value start[] = {{.i = 0}};
    add_instr(b, hl_control_kernel("jump_back"), 0, 0, NULL, 1, start);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    frame->poll = stop_after_some;
    frame->owner = &left;
    CHECK(hl_frame_prepare(frame, false) == HL_OK);
    CHECK(hl_frame_run(frame) == HL_CANCELLED && left == 0);
    hl_frame_free(frame), hl_arena_free(arena), free(b);
    return NULL;
}

static void test_loops_beside_each_other(void) {
    pthread_t threads[CALLERS];
    for (int k = 0; k < CALLERS; k++) pthread_create(&threads[k], NULL, loop_until_cancelled, NULL);
    for (int k = 0; k < CALLERS; k++) pthread_join(threads[k], NULL);
}

int main(void) {
    CHECK(hl_isa_choose(getenv("HOOKLOOP_ISA")) == 0);
    test_callers_share_a_plan_and_the_pool();
    test_loops_beside_each_other();
    hl_pool_stop();
    printf("threads: ok\n");
    return 0;
}
