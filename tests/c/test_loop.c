/* The step loop: how it ends, what triggers see, what is stacked. */
#include "harness.h"

#include "loop.h"

/* count = count + 1, on a float in memory of the test. */
typedef struct counter {
    builder *b;
    hl_arena *arena;
    hl_frame *frame;
    float count, one;
    int32_t out;
} counter;

static counter new_counter(void) {
    counter c = {.b = calloc(1, sizeof(builder)), .one = 1};
    const int32_t x = new_feed(c.b, HL_FLOAT32, 0, NULL), one = new_feed(c.b, HL_FLOAT32, 0, NULL);
    c.out = new_feed(c.b, HL_FLOAT32, 0, NULL);
    const int32_t add[] = {x, one, c.out};
    add_instr(c.b, hl_find_kernel("add"), 2, 1, add, 0, NULL);
    c.arena = hl_arena_new();
    c.frame = finish(c.b, c.arena);
    return c;
}

static void bind(counter *c) {
    hl_frame_bind_feed(c->frame, 0, (char *)&c->count);
    hl_frame_bind_feed(c->frame, 1, (char *)&c->one);
    hl_frame_bind_feed(c->frame, 2, (char *)&c->count);
    CHECK(hl_frame_prepare(c->frame, false) == HL_OK);
}

static void free_counter(counter *c) { hl_frame_free(c->frame), hl_arena_free(c->arena), free(c->b); }

static void test_all_steps_are_made(void) {
    counter c = new_counter();
    bind(&c);
    hl_loop loop = {.frame = c.frame, .n_steps = 100000};
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DONE);
    CHECK(loop.steps_done == 100000 && c.count == 100000);
    loop.n_steps = 0;
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DONE && loop.steps_done == 0);
    free_counter(&c);
}

static void test_a_trigger_ends_the_loop(void) {
    counter c = new_counter();
    bind(&c);
    hl_trigger before = {.kind = HL_COUNT_RUNS, .limit = 4, .first = true}, at = {.kind = HL_COUNT_RUNS, .after = true, .has_threshold = true, .limit = 7};
    hl_trigger *triggers[] = {&before, &at};
    hl_loop loop = {.frame = c.frame, .n_steps = 100, .triggers = triggers, .n_triggers = 2};
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DUE_BEFORE && loop.steps_done == 0);
    before.started = true, before.last = 0; /* as if it had been called */
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DUE_BEFORE && loop.steps_done == 4);
    before.last = loop.runs = 4;
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DUE_AFTER && loop.steps_done == 3 && c.count == 7);
    free_counter(&c);
}

static void test_a_period_that_is_not_due_at_first_counts_from_the_first_look(void) {
    hl_trigger trigger = {.kind = HL_COUNT_RUNS, .limit = 3};
    CHECK(!hl_trigger_due(&trigger, 10) && !hl_trigger_due(&trigger, 12) && hl_trigger_due(&trigger, 13));
    hl_trigger threshold = {.kind = HL_COUNT_RUNS, .has_threshold = true, .limit = 3};
    CHECK(!hl_trigger_due(&threshold, 2) && hl_trigger_due(&threshold, 3) && hl_trigger_due(&threshold, 4));
}

static void test_the_global_step_is_read(void) {
    int64_t wide = 5;
    int32_t narrow = 6;
    hl_variable variable = {.data = (char *)&wide, .dtype = HL_INT64, .initialized = 1};
    CHECK(hl_global_step(&variable) == 5);
    variable.data = (char *)&narrow, variable.dtype = HL_INT32;
    CHECK(hl_global_step(&variable) == 6);
    variable.initialized = 0;
    CHECK(hl_global_step(&variable) == 0 && hl_global_step(NULL) == 0);
}

static void test_a_value_that_is_not_finite_ends_the_loop(void) {
    counter c = new_counter();
    c.one = 1e38f;
    bind(&c);
    hl_trigger watch = {.kind = HL_WATCH_FINITE, .after = true, .tensor = c.out};
    hl_trigger *triggers[] = {&watch};
    hl_loop loop = {.frame = c.frame, .n_steps = 100, .triggers = triggers, .n_triggers = 1};
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DUE_AFTER && loop.steps_done == 4);
    double values[] = {1, 2, NAN};
    hl_tensor tensor = {.data = (char *)values, .size = 2, .dtype = HL_FLOAT64};
    CHECK(hl_all_finite(&tensor));
    tensor.size = 3;
    CHECK(!hl_all_finite(&tensor));
    tensor.dtype = HL_INT64;
    CHECK(hl_all_finite(&tensor));
    free_counter(&c);
}

static void test_values_are_stacked(void) {
    counter c = new_counter();
    bind(&c);
    float *values = malloc(5 * sizeof(float));
    const hl_stacked stacked = {.tensor = c.out, .bytes = sizeof(float), .data = (char *)values};
    hl_loop loop = {.frame = c.frame, .n_steps = 5, .stacked = &stacked, .n_stacked = 1};
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DONE);
    for (int k = 0; k < 5; k++) CHECK(values[k] == (float)k + 1);
    const hl_stacked wider = {.tensor = c.out, .bytes = 2 * sizeof(float), .data = (char *)values};
    loop.stacked = &wider;
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_RESIZED && loop.steps_done == 1);
    free(values), free_counter(&c);
}

static int32_t stop;
static int polls;

static hl_status stop_at_third_poll(hl_frame *frame) {
    frame->poll_at_ns = 0;
    if (++polls == 3) stop = 1;
    return HL_OK;
}

static hl_status cancel(hl_frame *frame) {
    (void)frame;
    return HL_CANCELLED;
}

static hl_status fail(hl_frame *frame) {
    (void)frame;
    return HL_DEADLINE_EXCEEDED;
}

static void test_a_stop_that_is_asked_for(void) {
    counter c = new_counter();
    bind(&c);
    c.frame->poll = stop_at_third_poll;
    hl_loop loop = {.frame = c.frame, .n_steps = INT64_MAX, .stop = &stop};
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_STOPPED);
    CHECK(loop.steps_done > 0 && polls == 3);
    c.frame->poll = cancel;
    c.frame->poll_at_ns = 0;
    stop = 0;
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_STOPPED && loop.steps_done == 0);
    c.frame->poll = fail;
    c.frame->poll_at_ns = 0;
    CHECK(hl_loop_run(&loop) == HL_DEADLINE_EXCEEDED && loop.end == HL_LOOP_FAILED && loop.steps_done == 0);
    free_counter(&c);
}

/* A native hook that notes what it was called with, and returns `result` once the step is `at`. */
typedef struct notes {
    int64_t calls, last_step, at;
    float last_value;
    int32_t result;
} notes;

static int32_t note(hl_hook_ctx *ctx, void *user_data) {
    notes *n = user_data;
    CHECK(ctx->abi_version == HOOKLOOP_ABI_VERSION && ctx->struct_size == sizeof(hl_hook_ctx));
    CHECK(ctx->phase == HL_HOOK_AFTER_RUN && ctx->n_fetches == 1 && ctx->fetches[0].size == 1 && ctx->fetches[0].rank == 0);
    CHECK(ctx->fetches[0].dtype == HL_HOOK_FLOAT32);
    n->calls++;
    n->last_step = ctx->step;
    n->last_value = *(const float *)ctx->fetches[0].data;
    if (ctx->step != n->at) return HL_HOOK_CONTINUE;
    if (n->result < 0) memset(ctx->error, 'x', (size_t)ctx->error_size); /* without a 0 at its end */
    return n->result;
}

static void test_native_hooks(void) {
    const int32_t results[] = {HL_HOOK_CONTINUE, HL_HOOK_STOP, -3};
    const hl_loop_end ends[] = {HL_LOOP_DONE, HL_LOOP_HOOK_STOPPED, HL_LOOP_HOOK_FAILED};
    for (int k = 0; k < 3; k++) {
        counter c = new_counter();
        bind(&c);
        notes every = {.at = -1}, third = {.at = 7, .result = results[k]};
        hl_hook_tensor views[2];
        hl_native natives[] = {{.fn = note, .user_data = &third, .fetches = &views[0], .n_fetches = 1},
                               {.fn = note, .user_data = &every, .fetches = &views[1], .n_fetches = 1}};
        hl_trigger triggers[] = {{.kind = HL_COUNT_RUNS, .first = true, .limit = 3}, {.kind = HL_COUNT_RUNS, .first = true, .limit = 1}};
        hl_loop_hook hooks[] = {{&natives[0], &triggers[0], &c.out, false}, {&natives[1], &triggers[1], &c.out, false}};
        hl_loop loop = {.frame = c.frame, .n_steps = 10, .hooks = hooks, .n_hooks = 2};
        CHECK(hl_loop_run(&loop) == HL_OK && loop.end == ends[k]);
        CHECK(loop.steps_done == (k == 0 ? 10 : 7) && third.calls == (k == 0 ? 4 : 3));
        CHECK(third.last_step == (k == 0 ? 10 : 7) && third.last_value == (float)third.last_step);
        CHECK(every.calls == (k == 0 ? 10 : k == 1 ? 7 : 6)); /* an error ends the step for those after it */
        if (k == 2) CHECK(natives[0].result == -3 && strlen(natives[0].error) == HL_NATIVE_ERROR_BYTES - 1);
        free_counter(&c);
    }
}

static void test_a_native_hook_leaves_the_step_to_a_trigger_that_is_due(void) {
    counter c = new_counter();
    bind(&c);
    notes every = {.at = -1};
    hl_hook_tensor view;
    hl_native native = {.fn = note, .user_data = &every, .fetches = &view, .n_fetches = 1};
    hl_trigger period = {.kind = HL_COUNT_RUNS, .first = true, .limit = 1};
    hl_trigger after = {.kind = HL_COUNT_RUNS, .after = true, .has_threshold = true, .limit = 4};
    hl_trigger *triggers[] = {&after};
    hl_loop_hook hook = {&native, &period, &c.out, false};
    hl_loop loop = {.frame = c.frame, .n_steps = 10, .hooks = &hook, .n_hooks = 1, .triggers = triggers, .n_triggers = 1};
    CHECK(hl_loop_run(&loop) == HL_OK && loop.end == HL_LOOP_DUE_AFTER);
    CHECK(loop.steps_done == 4 && every.calls == 3 && hook.due);
    free_counter(&c);
}

int main(void) {
    test_all_steps_are_made();
    test_a_trigger_ends_the_loop();
    test_a_period_that_is_not_due_at_first_counts_from_the_first_look();
    test_the_global_step_is_read();
    test_a_value_that_is_not_finite_ends_the_loop();
    test_values_are_stacked();
    test_a_stop_that_is_asked_for();
    test_native_hooks();
    test_a_native_hook_leaves_the_step_to_a_trigger_that_is_due();
    hl_pool_stop();
    printf("loop: ok\n");
    return 0;
}
