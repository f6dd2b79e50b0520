/* Beginning a run: the elements of a program's iterators become feeds, and what depends on their sizes is prepared.
 *
 * An iterator that stands on a pass over arrays hands out its batch here; of any other the host is asked, in Python.
 */
#include "batches.h"
#include "machine.h"
#include "runner.h"

typedef struct expected { hl_frame *frame; int32_t at; } expected;

/* Compares the components of a pass with those that the plan has for an iterator. `rows` < 0: what is known before a batch is
 * taken; else the batch's rows: sets the registers that they decide, and compares the others. */
static bool match(hl_frame *frame, const hl_batch_spec *spec, const hl_batches *batches, int64_t rows) {
    const bool grouped = hl_batches_grouped(batches), before = rows < 0;
    const int32_t *axes = frame->plan->batch_axes + spec->first_axis;
    int64_t first_register = -1, first = -1; /* of components whose first sizes must be equal */
    if (hl_batches_count(batches) != spec->n_components) return false;
    for (int k = 0; k < spec->n_components; k++) {
        const hl_component *c = hl_batches_component(batches, k);
        const int rank = c->rank + grouped;
        if (axes[0] != c->dtype || axes[1] != rank) return false;
        axes += 2;
        for (int axis = 0; axis < rank; axis++, axes++) {
            const int64_t dim = !grouped ? c->dims[axis] : axis ? c->dims[axis - 1] : rows;
            const int32_t reg = *axes >> 1;
            if (before && grouped && axis == 0) continue;
            if (*axes & 1) {
                if (axis == 0) first_register = reg, first = dim;
                if (!before) frame->regs[reg] = dim;
            } else if (dim != (reg == first_register ? first : frame->regs[reg])) return false;
        }
    }
    return true;
}

static bool fits(const hl_batches *batches, void *arg) {
    const expected *e = arg;
    hl_batch_match *found = &e->frame->matches[e->at];
    if (found->pass == hl_batches_pass(batches)) return true;
    if (!match(e->frame, &e->frame->plan->batches[e->at], batches, -1)) return false;
    *found = (hl_batch_match){hl_batches_pass(batches), -1};
    return true;
}

/* Whether every iterator stands on a pass that the plan expects. If not, the host hands out all elements of this run: it may find
 * that another plan is needed, and give it what was taken already. */
static bool all_on_arrays(hl_frame *frame) {
    for (int32_t k = 0; k < frame->plan->n_batches; k++) {
        hl_iterator *iterator = frame->iterators[k];
        const uint64_t pass = atomic_load_explicit(&iterator->pass, memory_order_relaxed);
        if (!pass) return false;
        if (pass == frame->matches[k].pass) continue;
        expected e = {frame, k};
        if (!hl_iterator_fits(iterator, fits, &e)) return false;
    }
    return true;
}

/* In the middle of a loop denormals are flushed, which is not for the host. */
static hl_status ask_host(hl_frame *frame, int32_t k) {
    if (!frame->in_loop) return frame->host(frame, -1, k);
    hl_restore_denormals(frame->caller_mode);
    const hl_status status = frame->host(frame, -1, k);
    hl_flush_denormals();
    return status;
}

/* Between the parts of a long wait for an element: signals, the time limit. */
static hl_status poll_waiting(hl_frame *frame) {
    const unsigned mode = hl_flush_denormals();
    if (!frame->in_loop) frame->caller_mode = mode;
    const hl_status status = hl_frame_poll(frame);
    if (!frame->in_loop) hl_restore_denormals(mode);
    return status;
}

static hl_status take_batch(hl_frame *frame, int32_t k) {
    const hl_batch_spec *spec = &frame->plan->batches[k];
    hl_batch **held = &frame->batches[k];
    expected e = {frame, k};
    hl_status status;
    while ((status = hl_iterator_next(frame->iterators[k], &frame->run, held, fits, &e)) == HL_PAUSED)
        if ((status = poll_waiting(frame)) != HL_OK) return status;
    if (status == HL_UNIMPLEMENTED) return ask_host(frame, k); /* another thread has started it anew just now */
    if (status != HL_OK) return hl_fail(&frame->run, status, status == HL_OUT_OF_RANGE ? "End of sequence" : "out of memory for a batch");
    const hl_batch *batch = *held;
    if (frame->matches[k].rows != batch->rows) {
        frame->matches[k].rows = -1;
        if (!match(frame, spec, batch->of, batch->rows))
            return hl_fail(&frame->run, HL_INVALID_ARGUMENT, "a batch of %lld rows is not of the size that was promised", (long long)batch->rows);
        frame->matches[k].rows = batch->rows;
    }
    for (int32_t c = 0; c < spec->n_components; c++)
        if (frame->feeds[spec->first_feed + c] != batch->data[c]) hl_frame_bind_feed(frame, spec->first_feed + c, batch->data[c]);
    return HL_OK;
}

static hl_status take_batches(hl_frame *frame) {
    const bool host = frame->asks_host || !all_on_arrays(frame);
    for (int32_t k = 0; k < frame->plan->n_batches; k++) {
        if (host) {
            hl_batch_free(frame->batches[k]);
            frame->batches[k] = NULL;
            frame->matches[k].rows = -1;
        }
        const hl_status status = host ? ask_host(frame, k) : take_batch(frame, k);
        if (status == HL_OK) continue;
        frame->failed_node = frame->plan->batches[k].node;
        return status;
    }
    return HL_OK;
}

hl_status hl_frame_begin(hl_frame *frame, bool force) {
    if (frame->plan->n_batches) {
        frame->failed_instr = frame->failed_node = -1;
        const hl_status status = take_batches(frame);
        if (status != HL_OK) return status;
    }
    return hl_frame_prepare(frame, force);
}
