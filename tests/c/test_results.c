/* Results: values that leave with their memory, and what becomes of the memory. */
#include "harness.h"
#include "results.h"

static const size_t LARGE = HL_LARGE_RESULT_BYTES;

/* out = x + x for a vector of any length, and the same vector as a matrix of one column. */
static builder *doubling(int32_t *n, int32_t *out, int32_t *column) {
    builder *b = calloc(1, sizeof *b);
    *n = new_register(b, 0);
    watch(b, *n);
    const int32_t x = new_feed(b, HL_FLOAT32, 1, n), dims[] = {*n, new_register(b, 1)};
    b->plan.n_results = 1;
    *out = new_tensor(b, HL_FLOAT32, HL_IN_RESULT, 0, 1, n);
    b->result_tensors[0] = *out;
    *column = new_tensor(b, HL_FLOAT32, HL_IN_RESULT, 0, 2, dims);
    const int32_t add[] = {x, x, *out};
    add_instr(b, hl_find_kernel("add"), 2, 1, add, 0, NULL);
    return b;
}

static void run(hl_frame *frame, int32_t n, int64_t length, float start) {
    float *data = malloc(sizeof(float) * (size_t)(length ? length : 1));
    for (int64_t i = 0; i < length; i++) data[i] = start + (float)i;
    frame->regs[n] = length;
    hl_frame_bind_feed(frame, 0, (char *)data);
    CHECK(hl_frame_prepare(frame, false) == HL_OK);
    CHECK(hl_frame_run(frame) == HL_OK);
    free(data);
}

static void check(const float *values, int64_t length, float start) {
    for (int64_t i = 0; i < length; i++) CHECK(values[i] == 2 * (start + (float)i));
}

static void test_a_large_result_leaves_once(void) {
    int32_t n, out, column;
    builder *b = doubling(&n, &out, &column);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    const int64_t lengths[] = {20000, 20000, 16384, 16383, 5, 0, 20000, 30000, 30001, 16384};
    float *taken[10];
    for (int k = 0; k < 10; k++) {
        run(frame, n, lengths[k], (float)k);
        check((const float *)frame->tensors[out].data, lengths[k], (float)k);
        taken[k] = (float *)hl_frame_take_result(frame, k % 2 ? column : out);
        CHECK(!taken[k] == ((size_t)lengths[k] * 4 < LARGE));
        CHECK(hl_frame_take_result(frame, out) == NULL && hl_frame_take_result(frame, column) == NULL);
        CHECK((uintptr_t)taken[k] % HL_ALIGNMENT == 0);
    }
    for (int k = 0; k < 10; k++) {
        if (taken[k]) check(taken[k], lengths[k], (float)k);
        hl_result_free((char *)taken[k]);
    }
    run(frame, n, 20000, 7);
    hl_frame_free(frame), hl_arena_free(arena), free(b);
}

static void test_a_result_too_large_for_memory_is_an_error(void) {
    int32_t n, out, column;
    builder *b = doubling(&n, &out, &column);
    hl_arena *arena = hl_arena_new();
    hl_frame *frame = finish(b, arena);
    frame->regs[n] = INT64_C(1) << 50;
    CHECK(hl_frame_prepare(frame, false) == HL_RESOURCE_EXHAUSTED);
    CHECK(!strcmp(frame->run.message, "OOM when allocating tensor with shape[1125899906842624]: 4503599627370496 bytes are needed"));
    CHECK(frame->failed_node == 0);
    run(frame, n, 20000, 3);
    check((const float *)frame->tensors[out].data, 20000, 3);
    hl_frame_free(frame), hl_arena_free(arena), free(b);
}

static void test_memory_that_was_freed_last_is_taken_next(void) {
    char *first = hl_result_new(3 * LARGE);
    memset(first, 1, 3 * LARGE);
    CHECK(hl_result_capacity(first) == 3 * LARGE);
    hl_result_free(first);
    char *small = hl_result_new(LARGE);
    CHECK(small != first); /* which is three times as large as wanted */
    char *second = hl_result_new(3 * LARGE - 100);
    CHECK(second == first && hl_result_capacity(second) == 3 * LARGE);
    char *third = hl_result_new(3 * LARGE);
    CHECK(third != second);
    hl_result_free(small), hl_result_free(second), hl_result_free(third), hl_result_free(NULL);
}

static void test_what_is_kept_has_a_limit(void) {
    enum { BLOCKS = 40 };
    char *blocks[BLOCKS];
    for (int k = 0; k < BLOCKS; k++) CHECK((blocks[k] = hl_result_new((4 << 20) + (size_t)k * (1 << 20))));
    for (int k = 0; k < BLOCKS; k++) {
        hl_result_free(blocks[k]);
        CHECK(hl_results_kept() <= HL_MOST_KEPT_BYTES && hl_results_kept() >= (size_t)(4 + k) << 20);
    }
    char *last = hl_result_new((4 << 20) + (BLOCKS - 1) * (size_t)(1 << 20));
    CHECK(last == blocks[BLOCKS - 1]); /* older ones made room for it */
    hl_result_free(last);
    hl_result_free(hl_result_new((size_t)1 << 27)); /* too large to be kept */
    CHECK(hl_result_new(SIZE_MAX - 5) == NULL && hl_result_new(SIZE_MAX / 2) == NULL);
}

int main(void) {
    test_a_large_result_leaves_once();
    test_a_result_too_large_for_memory_is_an_error();
    test_memory_that_was_freed_last_is_taken_next();
    test_what_is_kept_has_a_limit();
    return 0;
}
