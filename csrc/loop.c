/* The step loop: many steps of one frame, triggers between them. */
#include "loop.h"

#include <math.h>
#include <string.h>

#include "machine.h"
#include "runner.h"

/* The clock is read when steps of about so much estimated time have passed: what it costs is then nothing, and a signal
 * waits no longer than the steps take. */
enum { CLOCK_BUDGET_NS = 100000, STEP_NS = 20, HOOK_NS = CLOCK_BUDGET_NS / 8 /* nobody knows how long it takes */ };

static inline bool is_due(hl_trigger *trigger, double counter) {
    if (trigger->has_threshold) return counter >= trigger->limit;
    if (trigger->started) return counter - trigger->last >= trigger->limit;
    if (!trigger->first) {
        trigger->started = true;
        trigger->last = counter;
    }
    return trigger->first;
}

bool hl_trigger_due(hl_trigger *trigger, double counter) { return is_due(trigger, counter); }

bool hl_all_finite(const hl_tensor *tensor) {
    if (tensor->dtype == HL_FLOAT32) {
        const float *values = (const float *)tensor->data;
        for (int64_t i = 0; i < tensor->size; i++)
            if (!isfinite(values[i])) return false;
    } else if (tensor->dtype == HL_FLOAT64) {
        const double *values = (const double *)tensor->data;
        for (int64_t i = 0; i < tensor->size; i++)
            if (!isfinite(values[i])) return false;
    }
    return true;
}

int64_t hl_global_step(const hl_variable *variable) {
    if (!variable || !hl_variable_is_initialized(variable) || !variable->data) return 0;
    return variable->dtype == HL_INT64 ? *(const int64_t *)variable->data : *(const int32_t *)variable->data;
}

bool hl_triggers_due(hl_trigger *const *triggers, int32_t n, bool after, const hl_counters_now *now) {
    bool due = false;
    for (int32_t k = 0; k < n; k++) {
        hl_trigger *trigger = triggers[k];
        if (trigger->after != after) continue;
        switch (trigger->kind) {
        case HL_COUNT_RUNS: due |= is_due(trigger, (double)now->runs); break;
        case HL_COUNT_GLOBAL_STEP: due |= is_due(trigger, (double)hl_global_step(now->global_step)); break;
        case HL_COUNT_SECONDS: due |= is_due(trigger, now->seconds); break;
        case HL_WATCH_FINITE: due |= now->frame && !hl_all_finite(&now->frame->tensors[trigger->tensor]); break;
        }
    }
    return due;
}

static bool copy_values(const hl_loop *loop) {
    for (int32_t k = 0; k < loop->n_stacked; k++) {
        const hl_stacked *stacked = &loop->stacked[k];
        const hl_tensor *tensor = &loop->frame->tensors[stacked->tensor];
        if (tensor_bytes(tensor) != stacked->bytes) return false;
        for (int32_t axis = 0; axis < stacked->rank; axis++)
            if (tensor->dims[axis] != stacked->dims[axis]) return false;
    }
    for (int32_t k = 0; k < loop->n_stacked; k++) {
        const hl_stacked *stacked = &loop->stacked[k];
        const size_t bytes = (size_t)stacked->bytes;
        if (bytes) memcpy(stacked->data + (size_t)loop->steps_done * bytes, loop->frame->tensors[stacked->tensor].data, bytes);
    }
    return true;
}

/* Notes which native hooks are due after the step to come. */
static bool look_at_hooks(hl_loop *loop, const hl_counters_now *now) {
    bool any = false;
    for (int32_t k = 0; k < loop->n_hooks; k++) any |= loop->hooks[k].due = is_due(loop->hooks[k].trigger, (double)now->runs);
    return any;
}

/* Calls the native hooks that are due, in the caller's floating-point mode; HL_LOOP_DONE where none wants anything. */
static hl_loop_end call_hooks(hl_loop *loop, const hl_counters_now *now) {
    hl_frame *frame = loop->frame;
    hl_loop_end end = HL_LOOP_DONE;
    hl_restore_denormals(frame->caller_mode);
    for (int32_t k = 0; k < loop->n_hooks && end != HL_LOOP_HOOK_FAILED; k++) {
        hl_loop_hook *hook = &loop->hooks[k];
        if (!hook->due) continue;
        if (hook->native->in_call) { /* a hook ran this step itself: its own call is not over */
            end = HL_LOOP_HOOK_FAILED;
            break;
        }
        hook->due = false;
        hook->trigger->started = true;
        hook->trigger->last = (double)(now->runs - 1);
        for (int32_t i = 0; i < hook->native->n_fetches; i++)
            hl_native_view(&hook->native->fetches[i], &frame->tensors[hook->tensors[i]]);
        const int32_t result = hl_native_call(hook->native, now->runs, hl_global_step(now->global_step));
        if (result < 0 || (loop->raised && loop->raised())) end = HL_LOOP_HOOK_FAILED;
        else if (result > 0) end = HL_LOOP_HOOK_STOPPED;
    }
    hl_flush_denormals();
    return end;
}

/* The clock and the host's signals, when the budget of estimated time is used up. */
static inline hl_status poll_now_and_then(hl_frame *frame, double *budget) {
    *budget -= frame->cost_ns + STEP_NS;
    if (*budget >= 0) return HL_OK;
    *budget = CLOCK_BUDGET_NS;
    return hl_frame_poll(frame);
}

static hl_status run_rows(hl_loop *loop) {
    hl_frame *frame = loop->frame;
    double budget = CLOCK_BUDGET_NS;
    while (loop->steps_done < loop->n_steps) {
        hl_status status = poll_now_and_then(frame, &budget);
        if (status != HL_OK) return status;
        for (int32_t k = 0; k < loop->n_row_feeds; k++) {
            const hl_row_feed *row = &loop->row_feeds[k];
            hl_frame_bind_feed(frame, row->feed, row->data + loop->steps_done * row->bytes);
        }
        status = hl_frame_step(frame);
        if (status != HL_OK) return status;
        if (!copy_values(loop)) return loop->end = HL_LOOP_RESIZED, HL_OK;
        loop->steps_done++;
    }
    return loop->end = HL_LOOP_DONE, HL_OK;
}

static hl_status run_steps(hl_loop *loop) {
    hl_frame *frame = loop->frame;
    hl_counters_now now = {loop->runs, loop->global_step, (double)hl_now_ns() * 1e-9, frame};
    double budget = 0;
    while (loop->steps_done < loop->n_steps) {
        if (loop->n_triggers && hl_triggers_due(loop->triggers, loop->n_triggers, false, &now))
            return loop->end = HL_LOOP_DUE_BEFORE, HL_OK;
        if (loop->stop && __atomic_load_n(loop->stop, __ATOMIC_RELAXED)) return loop->end = HL_LOOP_STOPPED, HL_OK;
        budget -= frame->cost_ns + STEP_NS;
        if (budget < 0) {
            hl_status status = hl_frame_poll(frame);
            if (status == HL_CANCELLED) return loop->end = HL_LOOP_STOPPED, HL_OK; /* no step was running */
            if (status != HL_OK) return status;
            budget = CLOCK_BUDGET_NS;
            now.seconds = (double)hl_now_ns() * 1e-9;
        }
        const bool hooks_due = loop->n_hooks && look_at_hooks(loop, &now);
        hl_status status = frame->plan->n_batches ? hl_frame_begin(frame, false) : HL_OK;
        if (status == HL_OK) status = hl_frame_step(frame);
        if (__builtin_expect(status != HL_OK, 0)) return status;
        const bool copied = !loop->n_stacked || copy_values(loop);
        loop->steps_done++;
        now.runs++;
        if (!copied) return loop->end = HL_LOOP_RESIZED, HL_OK;
        if (loop->n_triggers && hl_triggers_due(loop->triggers, loop->n_triggers, true, &now))
            return loop->end = HL_LOOP_DUE_AFTER, HL_OK;
        if (hooks_due) {
            const hl_loop_end end = call_hooks(loop, &now);
            if (end != HL_LOOP_DONE) return loop->end = end, HL_OK;
            budget -= HOOK_NS;
        }
    }
    return loop->end = HL_LOOP_DONE, HL_OK;
}

static hl_status run_in_loop(hl_loop *loop, hl_status (*run)(hl_loop *loop)) {
    hl_frame *frame = loop->frame;
    loop->steps_done = 0;
    frame->caller_mode = hl_flush_denormals();
    frame->in_loop = true;
    const hl_status status = run(loop);
    frame->in_loop = false;
    hl_restore_denormals(frame->caller_mode);
    if (status != HL_OK) loop->end = HL_LOOP_FAILED;
    return status;
}

hl_status hl_loop_run(hl_loop *loop) { return run_in_loop(loop, run_steps); }
hl_status hl_loop_run_rows(hl_loop *loop) { return run_in_loop(loop, run_rows); }
