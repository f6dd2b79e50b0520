/* A compiled plan as the compiler hands it over, and the frames that run it.
 *
 * hl_plan is immutable and shared. hl_frame is one copy of its instructions, prepared for the sizes of the moment; one
 * thread runs one frame at a time. The frames of one thread share an arena, grown to the largest plan.
 *
 * Sizes live in registers (constants included). They are computed in groups: group 0 from what is known before the
 * run (feeds and variables), each later group by a "resize" instruction once the values it depends on exist.
 */
#ifndef HOOKLOOP_FRAME_H
#define HOOKLOOP_FRAME_H

#include <stdatomic.h>

#include "batches.h"
#include "plan.h"
#include "sharing.h"

typedef enum hl_size_operation {
    HL_SIZE_ADD, HL_SIZE_SUB, HL_SIZE_MUL, HL_SIZE_FLOORDIV, HL_SIZE_MOD, HL_SIZE_MAX, HL_SIZE_MIN,
    HL_SIZE_BROADCAST, /* a and b, one of which may be 1 */
    HL_SIZE_EQUAL,     /* a check: a must equal b; writes a */
    HL_SIZE_INFER,     /* a / b, which must be exact: the -1 of a reshape */
    HL_SIZE_WRAP,      /* a, or a + b where a is negative */
    HL_SIZE_OR_ELSE,   /* a, or b where a is -1 */
    HL_SIZE_INDEX,     /* a check: -b <= a < b; writes the index from the start */
    HL_SIZE_WITHIN,    /* a check: 0 <= a <= b; writes a */
    HL_SIZE_NATURAL,   /* a check: 0 <= a; writes a */
    HL_SIZE_STEP,      /* a check: a is not 0; writes how large it is */
    HL_SIZE_ONCE       /* a check: an axis that is named a times is named b times at most; writes a */
} hl_size_operation;

typedef struct hl_size_op { int32_t operation, out, a, b, node; } hl_size_op;

typedef enum hl_storage {
    HL_IN_ARENA,    /* index: slot, sized by group 0 */
    HL_IN_GROWN,    /* index: a buffer of its own, sized by a later group */
    HL_IN_RESULT,   /* index: result; memory of its own, with which the value of a large one leaves */
    HL_IN_CONSTANT, /* index: a constant of the plan */
    HL_IN_FOLDED,   /* index: slot in the frame's own constant memory, written once by the prologue */
    HL_IN_VARIABLE, /* index: variable */
    HL_IN_FLAG,     /* index: variable; its byte "initialized" */
    HL_IN_FEED,     /* index: feed, the caller's first and then the components of batches */
    HL_IN_STREAM,   /* index: random stream */
    HL_IN_STACK,    /* index: stack of saved loop values */
    HL_IN_OBJECT    /* index: object slot of the host (strings, resources) */
} hl_storage;

typedef struct hl_tensor_spec {
    int32_t dtype, rank, storage, index;
    int32_t offset;    /* register with the offset in elements */
    int32_t strided;   /* 1: rank dims are followed by rank strides */
    int32_t first_dim; /* into plan->dims, which holds registers */
    int32_t group;
} hl_tensor_spec;

/* conditional: 1 in a branch or a loop's body. What cannot be prepared there fails only if it is reached. */
typedef struct hl_instr_spec {
    int32_t conditional, first_operand, n_in, n_out, first_attr, n_attr, node, group;
} hl_instr_spec;

typedef struct hl_group_spec {
    int32_t first_size_op, n_size_ops;
    int32_t first_tensor, n_tensors; /* into plan->tensor_order */
    int32_t first_instr, n_instrs;   /* into plan->instr_order */
    int32_t first_watch, n_watch;    /* into plan->watched: the registers whose change makes the group stale */
    int32_t first_dep, n_deps;       /* into plan->group_deps: earlier groups it also depends on */
} hl_group_spec;

/* An iterator's element that a run takes before all else; its components are feeds behind the caller's. In plan->batch_axes stand,
 * for each component, its dtype, its rank, and for each axis 2 * register, plus 1 where the element sets the register. */
typedef struct hl_batch_spec { int32_t node, n_components, first_feed, first_axis; } hl_batch_spec;

/* The pass over arrays that was found to have the components that a plan expects, and the rows that its registers are set for. */
typedef struct hl_batch_match { uint64_t pass; int64_t rows; } hl_batch_match;

/* Where an instruction uses what is bound anew while its sizes stay: a feed, or, behind the feeds, a result. */
typedef struct hl_use { int32_t bound, instr, operand, tensor; } hl_use;

typedef struct hl_plan {
    int32_t n_regs, n_size_ops, n_tensors, n_instrs, n_operands, n_attrs, n_groups, n_dims;
    int32_t n_arena_slots, n_grown, n_constants, n_folded, n_variables, n_feeds, n_streams, n_stacks, n_objects;
    int32_t n_batches, n_results, n_uses;
    int32_t prologue_end;  /* instructions before it run once a frame */
    int32_t commit;        /* the first instruction that writes a variable */
    int32_t interruptible; /* has a loop, a blocking instruction or an unknown cost */
    const int64_t *initial_regs;
    const hl_size_op *size_ops;
    const hl_tensor_spec *tensors;
    const int32_t *dims;
    const hl_instr_spec *instrs;
    const int32_t *operands;
    const hl_value *attrs;
    const hl_kernel *const *kernels; /* by instruction */
    const hl_group_spec *groups;
    const int32_t *tensor_order, *instr_order, *watched, *group_deps;
    const hl_use *uses;              /* sorted by what is bound */
    const int32_t *first_use;        /* n_feeds + n_results + 1 */
    const int32_t *result_tensors;   /* for each result a tensor that is all of it, of the group that tells its size */
    void *const *constants;
    const int32_t *slot_dtype_size;  /* unused slots have 0 */
    const hl_batch_spec *batches;    /* the iterators that a run takes an element of, before all else */
    const int32_t *batch_axes;
} hl_plan;

/* One variable of a session. Readers of `data` bind again when `version` of the session has moved. */
typedef struct hl_variable {
    char *data;
    int64_t capacity; /* bytes */
    int64_t dims[HL_MAX_RANK];
    int32_t rank;     /* -1: no shape yet */
    int32_t dtype;
    uint8_t initialized;
} hl_variable;

/* Other steps of the session may set it meanwhile. */
static inline bool hl_variable_is_initialized(const hl_variable *variable) {
    return __atomic_load_n(&variable->initialized, __ATOMIC_ACQUIRE);
}

typedef struct hl_arena {
    char *base;
    int64_t capacity, recent_use, runs;
    char *scratch;
    int64_t scratch_capacity;
} hl_arena;

typedef struct hl_stack { char *data; int64_t used, capacity; } hl_stack;

/* A fetched value that has memory of its own (results.h). A large one leaves with it, which spares a copy; the next run
 * gets other memory. */
typedef struct hl_result { char *data; int64_t bytes; } hl_result;

enum { HL_LARGE_RESULT_BYTES = 1 << 16 };

/* Where the data pointer of what is bound goes, `*offset` elements further on: to a tensor and to an instruction's
 * operand, or NULL. */
typedef struct hl_place {
    hl_tensor *tensor;
    void **operand;
    const int64_t *offset;
    int64_t element_bytes;
} hl_place;

typedef struct hl_frame hl_frame;
/* instr: the instruction that calls; -1 for the element of iterator number `host` of plan->batches. */
typedef hl_status (*hl_host_fn)(hl_frame *frame, int32_t instr, int64_t host);
typedef hl_status (*hl_poll_fn)(hl_frame *frame);

struct hl_frame {
    const hl_plan *plan;
    hl_arena *arena;
    char *arena_base;       /* what the pointers were made from */
    hl_instr *code;
    hl_tensor *tensors;
    hl_tensor **operands;   /* n_operands */
    void **pointers;        /* argument arrays of instructions with many operands */
    int32_t *first_pointer; /* by instruction, -1 with direct arguments */
    char *params;
    int64_t *first_param;   /* by instruction */
    int64_t *regs;
    int64_t *seen;          /* the registers' values at the last preparation */
    int64_t *group_prepared, *group_changed;
    int64_t clock;
    int64_t *slot_offset, *slot_bytes;
    char **grown; int64_t *grown_bytes;
    char **folded; int64_t *folded_bytes;
    char **feeds;           /* data pointers of this run */
    hl_place *places;       /* by use of what is bound */
    hl_result *results;
    bool lacks_results;     /* values have left with their memory */
    hl_variable **variables;
    int64_t *variables_seen; /* the session's version when the pointers were taken */
    hl_stream **streams;
    hl_iterator **iterators; /* by hl_batch_spec */
    hl_batch **batches;      /* the same: what this run took, if it is no value of the host's */
    hl_batch_match *matches; /* the same */
    hl_stack *stacks;
    int64_t scratch_need, shared_need;
    double cost_ns;
    double *instr_cost;
    bool prepared, folded_done;
    hl_sharing sharing;     /* of its runs with workers */
    bool in_loop;           /* of hl_loop_run, which has flushed denormals already */
    bool asks_host;         /* for the elements of all iterators: it replays those of a run that starts again */
    hl_run run;
    int32_t failed_instr;   /* or -1 */
    int32_t failed_node;    /* of a size operation or an instruction, or -1 */
    int64_t failed_sizes[2];
    hl_host_fn host;
    hl_poll_fn poll;
    void *owner;            /* the host's */
    int64_t poll_at_ns;
    unsigned caller_mode;   /* floating-point mode to restore */
};

hl_arena *hl_arena_new(void);
void hl_arena_free(hl_arena *arena);

hl_frame *hl_frame_new(const hl_plan *plan, hl_arena *arena);
void hl_frame_free(hl_frame *frame);

/* Works out sizes, offsets and kernels where a size or a buffer has changed: before the run, and after the caller has
 * written the registers of feeds and variables. */
hl_status hl_frame_prepare(hl_frame *frame, bool force);

/* Whether a frame is prepared for every run to come, whatever is fed: no size of it is open. */
static inline bool hl_frame_is_settled(const hl_frame *frame) {
    return frame->prepared && frame->plan->groups[0].n_watch == 0 && frame->arena_base == frame->arena->base;
}

/* Points the instructions at a feed's data. */
void hl_frame_bind_feed(hl_frame *frame, int32_t feed, char *data);

/* The memory of a tensor that is all of a large result: the caller frees it by `hl_result_free`. Until the next run the tensor's
 * data points there still. NULL where it is to be copied. */
char *hl_frame_take_result(hl_frame *frame, int32_t tensor);

/* Begins a run: takes the iterators' next elements, then prepares. To be called once before every hl_frame_run. */
hl_status hl_frame_begin(hl_frame *frame, bool force);

enum { HL_POLL_PERIOD_NS = 10000000 }; /* how often a long run asks its host whether to go on */

hl_status hl_frame_run(hl_frame *frame);

/* When each instruction of a run began and ended, in their order. */
typedef struct hl_trace_entry {
    int64_t begin_ns, end_ns;
    int32_t instr;
} hl_trace_entry;

typedef struct hl_trace {
    hl_trace_entry *entries; /* the caller frees them */
    int64_t count, capacity;
    int64_t dropped;         /* instructions that ran after the trace was full */
} hl_trace;

/* As hl_frame_run, taking the time of each instruction. */
hl_status hl_frame_run_traced(hl_frame *frame, hl_trace *trace);

hl_status hl_variable_reshape(hl_variable *variable, int rank, const int64_t *dims);

/* Gives its rank, below 0 before it has a shape, and up to HL_MAX_RANK dimensions. Another thread's run may give it another shape meanwhile:
 * who goes by what is told here looks again in the run. */
int hl_variable_shape(const hl_variable *variable, int64_t *dims);

const hl_kernel *hl_control_kernel(const char *name); /* jump, resize, load_sizes, ...: the runner's own */

/* What a debug build counts, over all frames; NULL in any other build. */
typedef struct hl_counters { uint64_t runs, instructions, preparations; } hl_counters;
const hl_counters *hl_debug_counters(void);

#endif
