/* The runner: sizes that change, what fails, jumps, variables that take another shape. */
#include "harness.h"

static int polls;

static hl_status count_poll(hl_frame *frame) {
    (void)frame;
    return ++polls > 3 ? HL_CANCELLED : HL_OK;
}

/* out = x + y for vectors of any length: one register for both, so that equal sizes cost no preparation. */
static void test_a_size_may_change_between_runs(void) {
    builder *b = calloc(1, sizeof *b);
    const int32_t n = new_register(b, 0);
    watch(b, n);
    const int32_t x = new_feed(b, HL_FLOAT32, 1, &n), y = new_feed(b, HL_FLOAT32, 1, &n);
    b->plan.n_arena_slots = 1;
    const int32_t out = new_tensor(b, HL_FLOAT32, HL_IN_ARENA, 0, 1, &n);
    const int32_t add[] = {x, y, out};
    add_instr(b, hl_find_kernel("add"), 2, 1, add, 0, NULL);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    const int64_t lengths[] = {3, 1000, 3, 0, 17};
    for (int k = 0; k < 5; k++) {
        const int64_t length = lengths[k];
        float *data = malloc(sizeof(float) * (size_t)(length ? length : 1));
        for (int64_t i = 0; i < length; i++) data[i] = (float)i;
        frame->regs[n] = length;
        hl_frame_bind_feed(frame, 0, (char *)data);
        hl_frame_bind_feed(frame, 1, (char *)data);
        CHECK(hl_frame_prepare(frame, false) == HL_OK);
        CHECK(hl_frame_run(frame) == HL_OK);
        for (int64_t i = 0; i < length; i++) CHECK(((float *)frame->tensors[out].data)[i] == 2 * (float)i);
        free(data);
    }
    hl_frame_free(frame), hl_arena_free(arena), free(b);
}

static void test_sizes_that_do_not_fit_are_reported(void) {
    builder *b = calloc(1, sizeof *b);
    const int32_t left = new_register(b, 3), right = new_register(b, 4), checked = new_register(b, 0);
    watch(b, left), watch(b, right);
    b->size_ops[b->plan.n_size_ops++] = (hl_size_op){HL_SIZE_EQUAL, checked, left, right, 7};
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    CHECK(hl_frame_prepare(frame, false) == HL_INVALID_ARGUMENT);
    CHECK(!strcmp(frame->run.message, "sizes 3 and 4 do not fit"));
    CHECK(frame->failed_node == 7);
    frame->regs[right] = 3;
    CHECK(hl_frame_prepare(frame, false) == HL_OK && hl_frame_run(frame) == HL_OK);
    hl_frame_free(frame), hl_arena_free(arena), free(b);
}

static void test_a_size_too_large_for_memory_is_an_error(void) {
    builder *b = calloc(1, sizeof *b);
    const int32_t dims[] = {new_register(b, INT64_C(1) << 40), new_register(b, INT64_C(1) << 40)};
    b->plan.n_arena_slots = 1;
    const int32_t out = new_tensor(b, HL_FLOAT32, HL_IN_ARENA, 0, 2, dims);
    const int32_t zero = new_tensor(b, HL_FLOAT32, HL_IN_FEED, b->plan.n_feeds++, 0, NULL);
    const int32_t fill[] = {zero, out};
    add_instr(b, hl_find_kernel("fill"), 1, 1, fill, 0, NULL);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    CHECK(hl_frame_prepare(frame, false) == HL_INVALID_ARGUMENT);
    CHECK(strstr(frame->run.message, "too large"));
    hl_frame_free(frame), hl_arena_free(arena), free(b);
}

/* An endless loop is left when the poll function says so. */
static void test_a_loop_can_be_cancelled(void) {
    builder *b = calloc(1, sizeof *b);
    const hl_value start[] = {{.i = 0}};
    add_instr(b, hl_control_kernel("jump_back"), 0, 0, NULL, 1, start);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    frame->poll = count_poll;
    polls = 0;
    CHECK(hl_frame_prepare(frame, false) == HL_OK);
    CHECK(hl_frame_run(frame) == HL_CANCELLED);
    CHECK(polls == 4);
    hl_frame_free(frame), hl_arena_free(arena), free(b);
}

static void test_a_branch_is_taken_or_not(void) {
    for (int taken = 0; taken < 2; taken++) {
        builder *b = calloc(1, sizeof *b);
        const int32_t flag = new_feed(b, HL_BOOL, 0, NULL), x = new_feed(b, HL_FLOAT32, 0, NULL);
        const int32_t out = new_feed(b, HL_FLOAT32, 0, NULL);
        const hl_value past[] = {{.i = 2}};
        add_instr(b, hl_control_kernel("jump_unless"), 1, 0, &flag, 1, past);
        const int32_t add[] = {x, x, out};
        add_instr(b, hl_find_kernel("add"), 2, 1, add, 0, NULL);
        hl_arena *arena = hl_arena_new();
        hl_frame *frame = finish(b, arena);
        uint8_t truth = (uint8_t)taken;
        float value = 21, result = 0;
        hl_frame_bind_feed(frame, 0, (char *)&truth);
        hl_frame_bind_feed(frame, 1, (char *)&value);
        hl_frame_bind_feed(frame, 2, (char *)&result);
        CHECK(hl_frame_prepare(frame, false) == HL_OK && hl_frame_run(frame) == HL_OK);
        CHECK(result == (taken ? 42 : 0));
        hl_frame_free(frame), hl_arena_free(arena), free(b);
    }
}

/* A trace has each instruction that ran, with times that follow each other; what it made is the same. */
static void test_a_traced_run(void) {
    builder *b = calloc(1, sizeof *b);
    const int32_t flag = new_feed(b, HL_BOOL, 0, NULL), x = new_feed(b, HL_FLOAT32, 0, NULL);
    const hl_value past[] = {{.i = 2}};
    add_instr(b, hl_control_kernel("jump_unless"), 1, 0, &flag, 1, past);
    const int32_t add[] = {x, x, x};
    add_instr(b, hl_find_kernel("add"), 2, 1, add, 0, NULL);
    add_instr(b, hl_find_kernel("add"), 2, 1, add, 0, NULL);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    for (uint8_t taken = 0; taken < 2; taken++) {
        float value = 3;
        hl_trace trace = {0};
        hl_frame_bind_feed(frame, 0, (char *)&taken);
        hl_frame_bind_feed(frame, 1, (char *)&value);
        CHECK(hl_frame_prepare(frame, false) == HL_OK && hl_frame_run_traced(frame, &trace) == HL_OK);
        CHECK(value == (taken ? 12 : 6));
        CHECK(trace.count == 2 + taken && trace.dropped == 0);
        CHECK(trace.entries[0].instr == 0 && trace.entries[trace.count - 1].instr == 2);
        for (int64_t k = 0; k < trace.count; k++) {
            CHECK(trace.entries[k].begin_ns <= trace.entries[k].end_ns);
            CHECK(k == 0 || trace.entries[k - 1].end_ns <= trace.entries[k].begin_ns);
        }
        free(trace.entries);
    }
    hl_frame_free(frame), hl_arena_free(arena), free(b);
}

/* What a frame shares follows the time of its runs where they are long and there is somebody to share with, and only there. */
static void test_long_runs_of_several_threads_are_learned_from(void) {
    const int64_t lengths[] = {100, 1000000};
    float *data = calloc(1000000, sizeof *data);
    for (int threads = 1; threads <= 2; threads++)
        for (int k = 0; k < 2; k++) {
            builder *b = calloc(1, sizeof *b);
            const int32_t n = new_register(b, lengths[k]), x = new_feed(b, HL_FLOAT32, 1, &n);
            b->plan.n_arena_slots = 1;
            const int32_t add[] = {x, x, new_tensor(b, HL_FLOAT32, HL_IN_ARENA, 0, 1, &n)};
            add_instr(b, hl_find_kernel("add"), 2, 1, add, 0, NULL);
            hl_arena *arena = hl_arena_new();
            hl_frame *frame = finish(b, arena);
            frame->run.threads = threads;
            hl_frame_bind_feed(frame, 0, (char *)data);
            CHECK(hl_frame_prepare(frame, false) == HL_OK);
            for (int run = 0; run < 3; run++) CHECK(hl_frame_run(frame) == HL_OK);
            CHECK(frame->sharing.trials == (threads > 1 && lengths[k] > 1000 ? 3 : 0));
            frame->sharing = (hl_sharing){.level = HL_SHARE_LARGE, .kept = HL_SHARE_LARGE, .holding = true, .hold = 100};
            CHECK(hl_frame_run(frame) == HL_OK);
            CHECK((frame->run.share_cost_ns > 0) == (threads > 1 && lengths[k] > 1000));
            hl_frame_free(frame), hl_arena_free(arena), free(b);
        }
    free(data);
}

static void test_a_variable_takes_another_shape(void) {
    hl_variable variable = {.dtype = HL_FLOAT64, .rank = -1};
    const int64_t small[] = {2, 3}, large[] = {100, 7};
    CHECK(hl_variable_reshape(&variable, 2, small) == HL_OK);
    CHECK((uintptr_t)variable.data % HL_ALIGNMENT == 0);
    memset(variable.data, 1, 6 * sizeof(double));
    CHECK(hl_variable_reshape(&variable, 2, large) == HL_OK && variable.dims[0] == 100);
    memset(variable.data, 1, 700 * sizeof(double));
    hl_block_free(variable.data, variable.capacity);
}

/* Bytes just above and below what is copied in one piece, from addresses in the middle of a page. */
static void test_a_block_is_moved(void) {
    const int64_t piece = 4 << 20;
    for (int64_t bytes = HL_LARGE_BYTES; bytes <= 2 * piece + 5000; bytes = bytes * 2 - 77)
        for (int64_t offset = 0; offset < 8192; offset += 4032) {
            char *from = hl_block_new(bytes + 16384), *to = hl_block_new(bytes);
            CHECK(from && to && to[bytes - 1] == 0);
            for (int64_t k = 0; k < bytes + 16384; k++) from[k] = (char)(k * 7 + k / 256);
            hl_block_move(to, from + offset, bytes);
            for (int64_t k = 0; k < bytes; k += 13) CHECK(to[k] == (char)((k + offset) * 7 + (k + offset) / 256));
            for (int64_t k = 0; k < offset; k++) CHECK(from[k] == (char)(k * 7 + k / 256));
            for (int64_t k = offset + bytes; k < bytes + 16384; k++) CHECK(from[k] == (char)(k * 7 + k / 256));
            CHECK(from[offset + bytes / 2] == 0);
            hl_block_free(from, bytes + 16384), hl_block_free(to, bytes);
        }
}

int main(void) {
    test_a_size_may_change_between_runs();
    test_sizes_that_do_not_fit_are_reported();
    test_a_size_too_large_for_memory_is_an_error();
    test_a_loop_can_be_cancelled();
    test_a_branch_is_taken_or_not();
    test_a_traced_run();
    test_long_runs_of_several_threads_are_learned_from();
    test_a_variable_takes_another_shape();
    test_a_block_is_moved();
    hl_pool_stop();
    printf("plan: ok\n");
    return 0;
}
