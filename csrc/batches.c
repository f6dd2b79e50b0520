/* Gathering rows into batches, now or ahead of the step. */
#include "batches.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "pool.h"
#include "runner.h"

enum {
    CHUNK_BYTES = 32768,    /* what a worker gathers before it looks for other work */
    MOST_AHEAD = 16,
    NEAR_BYTES = 1 << 20,   /* arrays up to this size stay in a core's cache */
    AHEAD_COST_NS = 3000    /* a batch that is gathered faster is gathered in the step */
};

struct hl_batches {
    atomic_int references; /* the iterator's, or the owner's of a pass not started; and one of each batch */
    int n_components;
    bool in_place;         /* rows that follow each other are handed out where they are */
    hl_component *components;
    hl_indices *indices;
    int64_t ahead, row_bytes;
    double row_cost_ns;
    void *owner;
    hl_release_fn release;
    uint64_t pass;
    /* Under the iterator's lock: */
    int64_t elements, rows; /* handed out */
    bool over;
    hl_batch *spare;
    hl_batch *ready[MOST_AHEAD];
    int first_ready, n_ready;
};

/* ---- batches ---- */

static void free_batches(hl_batches *b) {
    hl_indices_free(b->indices);
    free(b->components);
    if (b->release) b->release(b->owner);
    free(b);
}

static void drop_reference(hl_batches *b) {
    if (atomic_fetch_sub_explicit(&b->references, 1, memory_order_acq_rel) == 1) free_batches(b);
}

void hl_batch_free(hl_batch *batch) {
    if (!batch) return;
    if (batch->filling) hl_later_finish(batch->filling);
    hl_batches *of = batch->of;
    free(batch->memory);
    free(batch->index);
    free(batch->data);
    free(batch->room);
    free(batch);
    drop_reference(of);
}

static hl_batch *new_batch(hl_batches *b) {
    hl_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    batch->of = b;
    atomic_fetch_add_explicit(&b->references, 1, memory_order_relaxed);
    batch->data = calloc((size_t)b->n_components + 1, sizeof *batch->data);
    batch->room = calloc((size_t)b->n_components + 1, sizeof *batch->room);
    batch->index = malloc((size_t)hl_indices_most(b->indices) * sizeof *batch->index);
    if (!batch->data || !batch->room || !batch->index) return hl_batch_free(batch), NULL;
    return batch;
}

static bool make_room(hl_batches *b, hl_batch *batch) {
    const size_t most = (size_t)hl_indices_most(b->indices);
    size_t bytes = 0;
    for (int k = 0; k < b->n_components; k++) {
        size_t more;
        if (__builtin_mul_overflow(most, (size_t)b->components[k].row_bytes, &more) || more > PTRDIFF_MAX - bytes) return false;
        bytes += round_up(more, HL_ALIGNMENT);
        if (bytes > PTRDIFF_MAX) return false;
    }
    batch->memory = aligned_alloc(HL_ALIGNMENT, bytes ? bytes : HL_ALIGNMENT);
    if (!batch->memory) return false;
    char *at = batch->memory;
    for (int k = 0; k < b->n_components; k++) {
        batch->room[k] = at;
        at += round_up(most * (size_t)b->components[k].row_bytes, HL_ALIGNMENT);
    }
    return true;
}

/* ---- gathering ---- */

static void gather(char *to, const hl_component *c, const int64_t *index, int64_t rows) {
    if (c->data) {
        hl_input_kernels()->gather(to, c->data, index, rows, c->row_bytes);
        return;
    }
    for (int64_t k = 0; k < rows; k++) ((int64_t *)to)[k] = (int64_t)((uint64_t)c->start + (uint64_t)c->step * (uint64_t)index[k]);
}

static void gather_chunk(void *arg, int64_t chunk, int worker) {
    (void)worker;
    const hl_batch *batch = arg;
    const hl_batches *b = batch->of;
    const int64_t first = chunk * batch->chunk_rows;
    const int64_t rows = batch->rows - first < batch->chunk_rows ? batch->rows - first : batch->chunk_rows;
    for (int k = 0; k < b->n_components; k++) {
        const hl_component *c = &b->components[k];
        gather(batch->room[k] + first * c->row_bytes, c, batch->index + first, rows);
    }
}

static int64_t chunks_of(const hl_batch *batch) { return (batch->rows + batch->chunk_rows - 1) / batch->chunk_rows; }

/* ---- the next batch ---- */

/* What comes next, with its rows still to be gathered where they are not in place. NULL: the end, or no memory. */
static hl_batch *take_next(hl_batches *b, hl_status *status) {
    *status = HL_OUT_OF_RANGE;
    if (b->over) return NULL;
    hl_batch *batch = b->spare;
    if (batch) b->spare = batch->next;
    else if (!(batch = new_batch(b))) return *status = HL_RESOURCE_EXHAUSTED, NULL;
    batch->rows = hl_indices_next(b->indices, batch->index);
    if (batch->rows <= 0) {
        const bool paused = batch->rows == 0 && hl_indices_paused(b->indices);
        b->over = batch->rows == 0 && !paused;
        *status = paused ? HL_PAUSED : batch->rows ? HL_RESOURCE_EXHAUSTED : HL_OUT_OF_RANGE;
        batch->next = b->spare;
        b->spare = batch;
        return NULL;
    }
    *status = HL_OK;
    if (b->in_place && batch->index[batch->rows - 1] - batch->index[0] == batch->rows - 1) {
        for (int k = 0; k < b->n_components; k++)
            batch->data[k] = (char *)b->components[k].data + batch->index[0] * b->components[k].row_bytes;
        batch->filled = true;
        return batch;
    }
    if (!batch->memory && !make_room(b, batch)) return *status = HL_RESOURCE_EXHAUSTED, hl_batch_free(batch), NULL;
    memcpy(batch->data, batch->room, (size_t)b->n_components * sizeof *batch->data);
    batch->chunk_rows = b->row_bytes > CHUNK_BYTES ? 1 : CHUNK_BYTES / (b->row_bytes ? b->row_bytes : 1);
    batch->filled = false;
    return batch;
}

/* Prepares more batches for the pool's workers, as many as the program allows, while steps are at work. */
static void look_ahead(hl_batches *b, hl_run *run) {
    hl_status status;
    while (b->n_ready < b->ahead) {
        hl_batch *batch = take_next(b, &status);
        if (!batch) return; /* the step that wants it says why */
        if (!batch->filled) batch->filling = hl_later_begin(run, chunks_of(batch), (double)batch->rows * b->row_cost_ns, gather_chunk, batch);
        b->ready[(b->first_ready + b->n_ready++) % MOST_AHEAD] = batch;
    }
}

static void fill_now(hl_batches *b, hl_run *run, hl_batch *batch) {
    if (batch->filled) return;
    batch->filled = true;
    if (batch->filling) {
        struct hl_later *filling = batch->filling;
        batch->filling = NULL;
        if (hl_later_finish(filling)) return;
    }
    if (batch->rows <= batch->chunk_rows) {
        gather_chunk(batch, 0, 0);
        return;
    }
    const int64_t chunks = chunks_of(batch);
    hl_run whole = {.pool = run ? run->pool : NULL, .threads = run ? run->threads : 1}; /* that nothing stops */
    hl_parallel(&whole, chunks, (double)batch->rows * b->row_cost_ns, gather_chunk, batch);
}

/* ---- iterators ---- */

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static hl_iterator *all;

static void lock_iterator(hl_iterator *it) {
    int free_lock = 0;
    while (!atomic_compare_exchange_weak_explicit(&it->lock, &free_lock, 1, memory_order_acquire, memory_order_relaxed)) {
        free_lock = 0;
        sched_yield();
    }
}

static void unlock_iterator(hl_iterator *it) { atomic_store_explicit(&it->lock, 0, memory_order_release); }

/* A child of fork must not find an iterator half moved on by a thread that it does not have. */
static void before_fork(void) {
    pthread_mutex_lock(&all_lock);
    for (hl_iterator *it = all; it; it = it->next) lock_iterator(it);
}

static void after_fork(void) {
    for (hl_iterator *it = all; it; it = it->next) unlock_iterator(it);
    pthread_mutex_unlock(&all_lock);
}

static void watch_fork(void) { pthread_atfork(before_fork, after_fork, after_fork); }

void hl_iterator_open(hl_iterator *it) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_fork);
    pthread_mutex_lock(&all_lock);
    it->previous = NULL;
    if ((it->next = all)) all->previous = it;
    all = it;
    pthread_mutex_unlock(&all_lock);
}

void hl_iterator_close(hl_iterator *it) {
    pthread_mutex_lock(&all_lock);
    if (it->next) it->next->previous = it->previous;
    if (it->previous) it->previous->next = it->next;
    else all = it->next;
    pthread_mutex_unlock(&all_lock);
    hl_iterator_start(it, NULL);
}

/* What a pass keeps for itself goes; batches that steps hold stay. */
static void retire(hl_batches *b) {
    while (b->spare) {
        hl_batch *batch = b->spare;
        b->spare = batch->next;
        hl_batch_free(batch);
    }
    for (; b->n_ready; b->n_ready--) {
        hl_batch_free(b->ready[b->first_ready]);
        b->first_ready = (b->first_ready + 1) % MOST_AHEAD;
    }
    drop_reference(b);
}

void hl_batches_unref(hl_batches *batches) { if (batches) retire(batches); }

void hl_iterator_start(hl_iterator *it, hl_batches *batches) {
    lock_iterator(it);
    hl_batches *before = it->batches;
    it->batches = batches;
    atomic_store_explicit(&it->pass, batches ? batches->pass : 0, memory_order_relaxed);
    unlock_iterator(it);
    if (before) retire(before); /* may ask Python for its lock */
}

static int64_t plus(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

hl_status hl_iterator_next(hl_iterator *it, hl_run *run, hl_batch **held, hl_fits_fn fits, void *arg) {
    hl_batch *old = *held, *batch = NULL;
    hl_status status = HL_UNIMPLEMENTED;
    *held = NULL;
    lock_iterator(it);
    hl_batches *b = it->batches;
    if (old && old->of == b) {
        old->next = b->spare;
        b->spare = old;
        old = NULL;
    }
    if (b && (!fits || fits(b, arg))) {
        status = HL_OK;
        if (b->n_ready) {
            batch = b->ready[b->first_ready];
            b->first_ready = (b->first_ready + 1) % MOST_AHEAD;
            b->n_ready--;
        } else batch = take_next(b, &status);
    }
    if (batch) {
        b->elements = plus(b->elements, 1);
        b->rows = plus(b->rows, batch->rows);
        if (b->ahead && run && run->threads > 1) look_ahead(b, run);
    }
    unlock_iterator(it);
    if (old) hl_batch_free(old);
    if (batch) fill_now(b, run, batch); /* which keeps b, whatever becomes of the iterator */
    *held = batch;
    return status;
}

bool hl_iterator_fits(hl_iterator *it, hl_fits_fn fits, void *arg) {
    lock_iterator(it);
    const bool found = it->batches && fits(it->batches, arg);
    unlock_iterator(it);
    return found;
}

bool hl_iterator_progress(hl_iterator *it, hl_progress *progress) {
    lock_iterator(it);
    const hl_batches *b = it->batches;
    if (b) *progress = (hl_progress){b->elements, b->rows, hl_indices_round(b->indices)};
    unlock_iterator(it);
    return b != NULL;
}

/* ---- a pass ---- */

int hl_batches_count(const hl_batches *b) { return b->n_components; }
const hl_component *hl_batches_component(const hl_batches *b, int k) { return &b->components[k]; }
uint64_t hl_batches_pass(const hl_batches *b) { return b->pass; }
bool hl_batches_grouped(const hl_batches *b) { return hl_indices_grouped(b->indices); }

bool hl_batches_skip(hl_batches *b, int64_t elements, int64_t rows) {
    if (!hl_indices_skip(b->indices, elements)) return false;
    b->elements = elements;
    b->rows = rows;
    return true;
}

/* What gathering a row takes: near data at the speed of the cache, far data with a miss for every row. */
static double row_cost(const hl_batches *b, double total_bytes) {
    const bool near = total_bytes <= NEAR_BYTES;
    return (near ? 2.0 : 30.0) * b->n_components + (double)b->row_bytes * (near ? 0.03 : 0.12);
}

hl_batches *hl_batches_new(const hl_component *components, int n, hl_indices *indices, int64_t ahead, void *owner, hl_release_fn release) {
    hl_batches *b = calloc(1, sizeof *b);
    hl_component *own = b ? malloc((size_t)(n + 1) * sizeof *own) : NULL;
    if (!own) {
        free(b);
        hl_indices_free(indices);
        return NULL;
    }
    memcpy(own, components, (size_t)n * sizeof *own);
    atomic_init(&b->references, 1);
    static _Atomic uint64_t passes;
    b->pass = atomic_fetch_add(&passes, 1) + 1;
    b->components = own;
    b->n_components = n;
    b->indices = indices;
    b->in_place = hl_indices_ascend(indices) || !hl_indices_grouped(indices);
    for (int k = 0; k < n; k++) {
        b->row_bytes += own[k].row_bytes;
        if (!own[k].data) b->in_place = false;
    }
    b->row_cost_ns = row_cost(b, (double)b->row_bytes * (double)hl_indices_source(indices));
    b->owner = owner;
    b->release = release;
    const bool pays = !b->in_place && (double)hl_indices_most(indices) * b->row_cost_ns >= AHEAD_COST_NS;
    b->ahead = !pays || ahead < 0 ? 0 : ahead < MOST_AHEAD ? ahead : MOST_AHEAD;
    return b;
}
