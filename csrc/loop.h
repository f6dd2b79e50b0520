/* Many steps of one frame in one call, and the triggers that are looked at between them.
 *
 * The loop stays in C until a trigger is due, a step fails, somebody asks for a stop, or the steps are done.
 */
#ifndef HOOKLOOP_LOOP_H
#define HOOKLOOP_LOOP_H

#include "frame.h"
#include "native.h"

typedef enum hl_counter_kind { HL_COUNT_RUNS, HL_COUNT_GLOBAL_STEP, HL_COUNT_SECONDS, HL_WATCH_FINITE } hl_counter_kind;

/* When something is to happen: a counter, a period or a threshold, and what is remembered of the last time. */
typedef struct hl_trigger {
    hl_counter_kind kind;
    bool after;         /* looked at after a run; else before it */
    bool has_threshold; /* due at `limit` or past it; else when the counter has grown by `limit` since `last` */
    bool first;         /* with a period: due when it is looked at for the first time */
    bool started;       /* `last` is known */
    int32_t tensor;     /* HL_WATCH_FINITE: what is watched, in the frame that runs; -1 outside of a loop */
    double limit, last;
} hl_trigger;

bool hl_trigger_due(hl_trigger *trigger, double counter);

/* What the counters of triggers show at a moment. */
typedef struct hl_counters_now {
    int64_t runs;
    const hl_variable *global_step; /* or NULL: then it is 0 */
    double seconds;
    const hl_frame *frame; /* that has run, for HL_WATCH_FINITE; NULL: nothing is watched */
} hl_counters_now;

/* Whether any trigger of the phase is due. Each is looked at: those with a period note when that was for the first time. */
bool hl_triggers_due(hl_trigger *const *triggers, int32_t n, bool after, const hl_counters_now *now);

/* Whether every element is finite; true for what is not of a floating type. */
bool hl_all_finite(const hl_tensor *tensor);

/* Each step's value of a tensor is copied to data + steps_done * bytes. */
typedef struct hl_stacked {
    int32_t tensor, rank;
    int64_t bytes;
    char *data;
    int64_t dims[HL_MAX_RANK]; /* which a value that is copied has */
} hl_stacked;

/* A feed that is another row of an array in every step: data + steps_done * bytes. */
typedef struct hl_row_feed {
    int32_t feed;
    int64_t bytes;
    char *data;
} hl_row_feed;

/* A native hook in the loop: when it is due, and the tensors of the frame that it sees. */
typedef struct hl_loop_hook {
    hl_native *native;
    hl_trigger *trigger;    /* of runs, looked at before a step */
    const int32_t *tensors; /* native->n_fetches of them */
    bool due;               /* for the step just made: it was not called yet */
} hl_loop_hook;

typedef enum hl_loop_end {
    HL_LOOP_DONE,       /* n_steps */
    HL_LOOP_DUE_BEFORE, /* a trigger wants to be called before the next step */
    HL_LOOP_DUE_AFTER,  /* a trigger wants to be called after the step just made */
    HL_LOOP_STOPPED,    /* *stop was set */
    HL_LOOP_HOOK_STOPPED, /* a native hook wants to stop after the step just made */
    HL_LOOP_HOOK_FAILED,  /* a native hook returned an error, or left one behind, after the step just made */
    HL_LOOP_RESIZED,    /* the step just made has a value of another size than is stacked: it was not copied */
    HL_LOOP_FAILED      /* the status says how; the step that failed is not counted */
} hl_loop_end;

typedef struct hl_loop {
    hl_frame *frame;                /* prepared */
    int64_t n_steps;
    int64_t runs;                   /* what HL_COUNT_RUNS counts, before the first step */
    const hl_variable *global_step;
    hl_trigger *const *triggers;
    int32_t n_triggers;
    hl_loop_hook *hooks;
    int32_t n_hooks;
    void *(*raised)(void);          /* what a hook has left behind of an error, looked at after each call; or NULL */
    const hl_stacked *stacked;
    int32_t n_stacked;
    const hl_row_feed *row_feeds;   /* of hl_loop_run_rows */
    int32_t n_row_feeds;
    const int32_t *stop;            /* set by a host call or another thread; or NULL */
    /* What it reports: */
    int64_t steps_done;
    hl_loop_end end;
} hl_loop;

hl_status hl_loop_run(hl_loop *loop);

/* A step for each row of `row_feeds`: of a plan without iterators, without triggers and hooks. */
hl_status hl_loop_run_rows(hl_loop *loop);

/* The value of a global step's variable; 0 before it is initialized. */
int64_t hl_global_step(const hl_variable *variable);

#endif
