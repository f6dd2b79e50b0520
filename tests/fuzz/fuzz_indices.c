/* Chains of a dataset's stages with any numbers: indices are rows of the source, batches have their rows' bytes, and what is
 * skipped is what would have come. */
#include "../c/harness.h"

#include "batches.h"
#include "bytes.h"

enum { MOST_STAGES = 6, ELEMENTS = 12, WIDTH = 3 };

/* A stage as the data set ops let it through: sizes are positive where they have to be. Behind a shuffle the elements that
 * `work` says are drawn for each that is wanted: more would only take their time. No place is beyond 2 ** 63. */
static hl_stage_spec any_stage(bytes *b, bool batched, int64_t *work) {
    hl_stage_spec stage = {.number = any_number(b), .second = any_number(b)};
    const int64_t at_least_one = stage.number < 1 ? 1 : stage.number;
    switch (up_to(b, batched ? 3 : 5)) {
    case 0: stage.kind = HL_STAGE_REPEAT; break;
    case 1: stage.kind = HL_STAGE_TAKE; break;
    case 2:
        stage.kind = HL_STAGE_SKIP;
        stage.number = at_least_one % (*work ? 64 : 1024);
        break;
    case 3:
        stage.kind = HL_STAGE_SHARD;
        stage.number = 1 + at_least_one % (*work > 1 ? 1 : 64);
        stage.second = (int64_t)((uint64_t)stage.second % (uint64_t)stage.number);
        *work *= stage.number;
        break;
    case 4:
        stage.kind = HL_STAGE_SHUFFLE;
        stage.number = 1 + at_least_one % 64;
        stage.key = (uint64_t)any_number(b), stage.stream = (uint64_t)any_number(b);
        stage.reseeds = one_byte(b) & 1;
        if (stage.reseeds) stage.second = 1;
        if (!*work) *work = 1;
        break;
    default:
        stage.kind = HL_STAGE_BATCH;
        stage.number = at_least_one;
        stage.second &= 1;
    }
    return stage;
}

static float table[64][WIDTH];

/* The chain over arrays of `rows` rows, or over as many numbers. NULL: more memory than there is. */
static hl_batches *chain(const hl_stage_spec *stages, int n, bool arrays) {
    const hl_component components[2] = {
        {.start = INT64_MAX - 7, .step = 3, .row_bytes = 8, .dtype = HL_INT64},
        {.data = (const char *)table, .row_bytes = sizeof table[0], .dtype = HL_FLOAT32, .rank = 1, .dims = {WIDTH}},
    };
    hl_indices *indices = hl_indices_new(stages, n);
    if (!indices) return NULL;
    if (hl_indices_most(indices) > 1 << 16) return hl_indices_free(indices), NULL; /* the fuzzer's memory is small */
    return hl_batches_new(components, arrays ? 2 : 1, indices, 0, NULL, NULL);
}

static int64_t row_of(int64_t number) { return (int64_t)(((uint64_t)number - (INT64_MAX - 7)) * 0xAAAAAAAAAAAAAAABull); }

/* The first rows that an iterator hands out. */
static int go(hl_batches *batches, int64_t rows, int64_t *found, int most) {
    hl_iterator iterator = {0};
    hl_batch *batch = NULL;
    int n = 0;
    hl_iterator_open(&iterator);
    hl_iterator_start(&iterator, batches);
    while (n < most && hl_iterator_next(&iterator, NULL, &batch, NULL, NULL) == HL_OK) {
        CHECK(batch->rows > 0);
        for (int64_t k = 0; k < batch->rows; k++) {
            const int64_t row = row_of(((const int64_t *)batch->data[0])[k]);
            CHECK(row >= 0 && row < rows);
            if (hl_batches_count(batches) == 2)
                CHECK(!memcmp(batch->data[1] + k * (int64_t)sizeof table[0], table[row], sizeof table[0]));
        }
        found[n++] = row_of(((const int64_t *)batch->data[0])[0]);
    }
    hl_batch_free(batch);
    hl_iterator_close(&iterator);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int row = 0; row < 64; row++)
        for (int k = 0; k < WIDTH; k++) table[row][k] = (float)(row * WIDTH + k);
    bytes b = {data, data + size};
    hl_stage_spec stages[MOST_STAGES + 1] = {{.kind = HL_STAGE_ROWS}};
    const bool arrays = one_byte(&b) & 1;
    const int64_t rows = any_number(&b);
    stages[0].number = rows < 0 ? 0 : arrays ? rows % 64 : rows;
    const int n = 1 + (int)up_to(&b, MOST_STAGES);
    bool batched = false;
    int64_t work = 0;
    for (int k = 1; k < n; k++) {
        stages[k] = any_stage(&b, batched, &work);
        batched |= stages[k].kind == HL_STAGE_BATCH;
    }
    int64_t all[ELEMENTS], rest[ELEMENTS];
    hl_batches *batches = chain(stages, n, arrays);
    if (!batches) return 0;
    const int found = go(batches, stages[0].number, all, ELEMENTS);
    const int64_t skipped = up_to(&b, ELEMENTS);
    hl_batches *later = chain(stages, n, arrays);
    if (hl_batches_skip(later, skipped, 0)) {
        const int more = go(later, stages[0].number, rest, ELEMENTS - (int)skipped);
        CHECK(more == (found > skipped ? found - (int)skipped : 0));
        for (int k = 0; k < more; k++) CHECK(rest[k] == all[skipped + k]);
    } else {
        CHECK(found < skipped);
        hl_batches_unref(later);
    }
    if (arrays && n > 1 && stages[1].kind == HL_STAGE_REPEAT) { /* whole rounds cost nothing */
        hl_batches *far = chain(stages, 2, arrays);
        if (hl_batches_skip(far, any_number(&b) & INT64_MAX, 0)) go(far, stages[0].number, rest, 2);
        else hl_batches_unref(far);
    }
    return 0;
}
