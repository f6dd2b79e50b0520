/* Running a prepared frame: walking its instructions. */
#include <stdlib.h>

#include "fence.h"
#include "machine.h"
#include "memory.h"
#include "runner.h"

enum {
    LONG_COST_NS = 10000,      /* plans estimated above this may share instructions with workers */
    POLL_COST_NS = 1000000,    /* plans estimated above this look at the clock between instructions */
    UNPOLLED_INSTRUCTIONS = 8, /* that they make in between */
    MOST_TRACED = 1 << 20      /* instructions of a run that are traced */
};

#ifdef HL_DEBUG
hl_counters hl_counted;
const hl_counters *hl_debug_counters(void) { return &hl_counted; }
#else
const hl_counters *hl_debug_counters(void) { return NULL; }
#endif

hl_status hl_frame_poll(hl_frame *frame) {
    int64_t now = hl_now_ns();
    if (now < frame->poll_at_ns) return HL_OK;
    frame->poll_at_ns = now + HL_POLL_PERIOD_NS;
    if (!frame->poll) return HL_OK;
    hl_restore_denormals(frame->caller_mode); /* the host's handlers compute in the caller's mode */
    hl_status status = frame->poll(frame);
    hl_flush_denormals();
    return status;
}

static inline __attribute__((always_inline)) hl_status call(hl_frame *frame, const hl_instr *pc) {
    HL_COUNT(instructions);
    hl_fence_instr(frame, pc);
    return pc->fn(pc, &frame->run);
}

static hl_status stopped(hl_frame *frame, const hl_instr *pc, hl_status status) {
    if (status == HL_END) return HL_OK;
    frame->failed_instr = (int32_t)(pc - frame->code);
    if (frame->failed_node < 0) frame->failed_node = frame->plan->instrs[frame->failed_instr].node;
    return status;
}

static hl_status poll_run(hl_run *run) {
    if (run->stopped == HL_OK) __atomic_store_n(&run->stopped, hl_frame_poll(run->frame), __ATOMIC_RELAXED); /* workers look at it */
    return run->stopped;
}

/* Looks at the clock between instructions and inside long ones, until the first write: a step that was interrupted
 * changed nothing. Long instructions look themselves, so a few short ones may pass without. */
static hl_status walk_polling(hl_frame *frame, const hl_instr *pc, const hl_instr *end) {
    hl_run *run = &frame->run;
    const hl_instr *commit = frame->code + frame->plan->commit;
    hl_status status = HL_OK;
    unsigned passed = 0;
    run->stopped = HL_OK;
    while (pc != end) {
        run->poll = pc < commit ? poll_run : NULL;
        if (run->poll && passed++ % UNPOLLED_INSTRUCTIONS == 0 && (status = poll_run(run)) != HL_OK) break;
        status = call(frame, pc);
        if (run->stopped != HL_OK) status = run->stopped;
        if (status == HL_OK) pc++;
        else if (status == HL_JUMP) pc = run->next;
        else break;
    }
    run->poll = NULL;
    run->stopped = HL_OK;
    return pc == end ? HL_OK : stopped(frame, pc, status);
}

static hl_status walk(hl_frame *frame, const hl_instr *pc) {
    hl_run *run = &frame->run;
    for (;;) {
        hl_status status = call(frame, pc);
        if (__builtin_expect(status == HL_OK, 1)) {
            pc++;
        } else if (status == HL_JUMP) {
            pc = run->next;
            if (frame->cost_ns > POLL_COST_NS) return walk_polling(frame, pc, NULL); /* sizes that were just told made it long */
        } else {
            return stopped(frame, pc, status);
        }
    }
}

/* A run that is long enough for its instructions to be shared, and timed for that reason. */
static hl_status walk_long(hl_frame *frame, const hl_instr *pc) {
    hl_run *run = &frame->run;
    const bool polling = frame->cost_ns > POLL_COST_NS;
    if (run->threads == 1 || frame->plan->interruptible) return polling ? walk_polling(frame, pc, NULL) : walk(frame, pc);
    run->share_cost_ns = hl_sharing_threshold_ns(&frame->sharing, frame->cost_ns);
    const int64_t begin = hl_now_ns();
    run->unshared_ns = hl_sharing_left_ns(&frame->sharing, begin);
    const hl_status status = polling ? walk_polling(frame, pc, NULL) : walk(frame, pc);
    const int64_t end = hl_now_ns();
    hl_sharing_note(&frame->sharing, (double)(end - begin), frame->cost_ns);
    hl_sharing_leave(&frame->sharing, end, run->unshared_ns);
    return status;
}

static void note_time(hl_trace *trace, int32_t instr, int64_t begin_ns, int64_t end_ns) {
    if (trace->count == trace->capacity) {
        const int64_t capacity = trace->capacity ? 2 * trace->capacity : 256;
        hl_trace_entry *entries = capacity > MOST_TRACED ? NULL : realloc(trace->entries, (size_t)capacity * sizeof *entries);
        if (!entries) {
            trace->dropped++;
            return;
        }
        trace->entries = entries;
        trace->capacity = capacity;
    }
    trace->entries[trace->count++] = (hl_trace_entry){begin_ns, end_ns, instr};
}

/* Takes the time of each instruction; looks at the clock for the host too. */
static hl_status walk_traced(hl_frame *frame, const hl_instr *pc, hl_trace *trace) {
    hl_run *run = &frame->run;
    const hl_instr *commit = frame->code + frame->plan->commit;
    for (;;) {
        if (pc < commit) {
            hl_status status = hl_frame_poll(frame);
            if (status != HL_OK) return stopped(frame, pc, status);
        }
        const int64_t begin = hl_now_ns();
        hl_status status = call(frame, pc);
        if (status == HL_END) return HL_OK;
        note_time(trace, (int32_t)(pc - frame->code), begin, hl_now_ns());
        if (status == HL_OK) pc++;
        else if (status == HL_JUMP) pc = run->next;
        else return stopped(frame, pc, status);
    }
}

static inline __attribute__((always_inline)) hl_status step(hl_frame *frame, hl_trace *trace) {
    HL_COUNT(runs);
    const hl_plan *plan = frame->plan;
    frame->failed_instr = frame->failed_node = -1;
    frame->run.unshared_ns = 0;
    if (HL_FENCED || frame->run.scratch != frame->arena->scratch) hl_frame_point_scratch(frame); /* another plan of the arena needed more and moved it */
    if (__builtin_expect(!frame->folded_done, 0)) {
        hl_fence_begin(frame);
        hl_status status = walk_polling(frame, frame->code, frame->code + plan->prologue_end);
        hl_fence_end(frame);
        if (status != HL_OK) return status;
        frame->folded_done = true;
    }
    if (__builtin_expect(frame->lacks_results, 0)) {
        hl_status status = hl_frame_renew_results(frame);
        if (status != HL_OK) return status;
    }
    for (int32_t k = 0; k < plan->n_stacks; k++) frame->stacks[k].used = 0;
    hl_fence_begin(frame);
    const hl_instr *start = frame->code + plan->prologue_end;
    hl_status status = trace                           ? walk_traced(frame, start, trace)
                       : frame->cost_ns > LONG_COST_NS ? walk_long(frame, start)
                                                       : walk(frame, start);
    hl_fence_end(frame);
    if (frame->arena->capacity >= HL_LARGE_BYTES) {
        int32_t last = plan->n_arena_slots - 1;
        hl_arena_note_use(frame->arena, last < 0 ? 0 : frame->slot_offset[last] + frame->slot_bytes[last]);
    }
    return status;
}

hl_status hl_frame_step(hl_frame *frame) { return step(frame, NULL); }

hl_status hl_frame_run_traced(hl_frame *frame, hl_trace *trace) {
    unsigned mode = frame->caller_mode = hl_flush_denormals();
    hl_status status = step(frame, trace);
    hl_restore_denormals(mode);
    return status;
}

hl_status hl_frame_run(hl_frame *frame) {
    if (frame->folded_done && frame->plan->prologue_end + 1 == frame->plan->n_instrs) return HL_OK; /* all of it was folded */
    unsigned mode = frame->caller_mode = hl_flush_denormals();
    hl_status status = hl_frame_step(frame);
    hl_restore_denormals(mode);
    return status;
}
