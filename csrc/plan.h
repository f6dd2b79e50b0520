/* What a plan is, and the interface between the runner and the kernels.
 *
 * A plan is a flat array of 64-byte instructions. The compiler (src/hookloop/compile) describes each
 * instruction by a kernel's name, its operands and its attributes; a frame holds one copy of the array,
 * "prepared" for the sizes of the moment: every kernel's prepare function has looked at the concrete
 * shapes once, chosen the variant that fits and written its small parameters. Running is then a loop over
 * function pointers. When a size changes, C works out all sizes anew and prepares again; no Python.
 *
 * A kernel is two functions: prepare (once per set of sizes) and run (each step).
 */
#ifndef HOOKLOOP_PLAN_H
#define HOOKLOOP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HL_MAX_RANK = 10, HL_DIRECT_ARGS = 4, HL_MESSAGE_BYTES = 384, HL_ALIGNMENT = 64 };

/* The numbers of TensorFlow's DataType. */
typedef enum hl_dtype {
    HL_FLOAT32 = 1, HL_FLOAT64 = 2, HL_INT32 = 3, HL_UINT8 = 4, HL_INT16 = 5, HL_INT8 = 6, HL_STRING = 7,
    HL_COMPLEX64 = 8, HL_INT64 = 9, HL_BOOL = 10, HL_BFLOAT16 = 14, HL_UINT16 = 17, HL_COMPLEX128 = 18,
    HL_FLOAT16 = 19, HL_RESOURCE = 20, HL_VARIANT = 21, HL_UINT32 = 22, HL_UINT64 = 23
} hl_dtype;

/* What an instruction returns. The positive numbers are the codes of tf.errors. */
typedef enum hl_status {
    HL_OK = 0,
    HL_CANCELLED = 1, HL_INVALID_ARGUMENT = 3, HL_DEADLINE_EXCEEDED = 4, HL_NOT_FOUND = 5,
    HL_RESOURCE_EXHAUSTED = 8, HL_FAILED_PRECONDITION = 9, HL_ABORTED = 10, HL_OUT_OF_RANGE = 11,
    HL_UNIMPLEMENTED = 12, HL_INTERNAL = 13,
    HL_JUMP = -1,         /* go on at run->next */
    HL_END = -2,          /* the plan's last instruction */
    HL_RAISED = -3,       /* a host call left a Python exception behind */
    HL_PAUSED = -5,       /* an iterator has passed over elements for a while: look for signals, and go on */
    HL_RESTART = -4       /* a host value's rank is not the assumed one: compile again and replay */
} hl_status;

typedef union hl_value { int64_t i; double f; float f32; void *p; } hl_value;

typedef struct hl_instr hl_instr;
typedef struct hl_run hl_run;
typedef hl_status (*hl_run_fn)(const hl_instr *ins, hl_run *run);

/* One instruction, one cache line. arg[] points at the data of the operands, inputs first, then outputs; with
 * more than HL_DIRECT_ARGS operands, arg[0] points at an array of those pointers (see hl_args). A fed operand's
 * pointer is patched in place on every run, so a run function must read it from here and prepare must not keep it.
 * p[] is free for the kernel; p[2].p is its parameter block where the kernel asks for one. */
struct hl_instr {
    hl_run_fn fn;
    void *arg[HL_DIRECT_ARGS];
    hl_value p[3];
};
_Static_assert(sizeof(hl_instr) == 64, "an instruction is one cache line");

static inline void **hl_args(const hl_instr *ins) { return (void **)ins->arg[0]; }

/* One operand as prepare sees it. Strides are in elements; a broadcast axis has stride 0. */
typedef struct hl_tensor {
    char *data;            /* may still be NULL in prepare (a feed) */
    int64_t size;          /* number of elements */
    hl_dtype dtype;
    int32_t rank;
    bool contiguous;       /* row-major without gaps */
    int64_t dims[HL_MAX_RANK];
    int64_t strides[HL_MAX_RANK];
} hl_tensor;

typedef struct hl_prepare {
    int n_in, n_out, n_attr;
    hl_tensor *const *in;
    hl_tensor *const *out;
    const hl_value *attr;  /* as the OpDef's params gave them: ints as i, floats as f */
    hl_instr *ins;         /* arg[] is set already; prepare sets fn and p[] */
    void *params;          /* hl_param_bytes zeroed bytes of this instruction in this frame, also ins->p[2].p */
    const int64_t *regs;   /* the size registers */
    int64_t blocks;        /* 0, or of how many blocks of rows these operands are one: what is large is told by all of them */
    /* What prepare reports: */
    int64_t scratch_bytes; /* of run->scratch, for each worker */
    int64_t shared_bytes;  /* of run->shared, for all of them together */
    double cost_ns;        /* estimated time; negative: unknown */
    const char *choice;    /* which of several ways was chosen and why, in words, or NULL */
    char message[HL_MESSAGE_BYTES]; /* for a status other than HL_OK */
} hl_prepare;

typedef hl_status (*hl_prepare_fn)(hl_prepare *prep);

typedef struct hl_kernel {
    const char *name;
    hl_prepare_fn prepare;
    size_t param_bytes;
    size_t (*more_param_bytes)(const hl_value *attr); /* of kernels that are made of others: what those need */
} hl_kernel;

/* The bytes of an instruction's parameter block. */
static inline size_t hl_param_bytes(const hl_kernel *kernel, const hl_value *attr) {
    return kernel->param_bytes + (kernel->more_param_bytes ? kernel->more_param_bytes(attr) : 0);
}

/* The kernels of one family, compiled for one ISA level. Each kernel file defines one with HL_FAMILY. */
typedef struct hl_family {
    const char *name;
    int count;
    const hl_kernel *kernels;
} hl_family;

#define HL_CONCAT_(a, b, c) a##b##_##c
#define HL_CONCAT(a, b, c) HL_CONCAT_(a, b, c)
/* HL_ISA is baseline, avx2 or avx512, given on the compiler's command line. */
#define HL_FAMILY(family, table)                                                                            \
    extern const hl_family HL_CONCAT(hl_family_, HL_ISA, family);                                              \
    const hl_family HL_CONCAT(hl_family_, HL_ISA, family) = {#family, sizeof(table) / sizeof((table)[0]), table}

typedef struct hl_pool hl_pool;

/* What a run carries along. */
struct hl_run {
    int64_t *regs;          /* size registers; value-dependent kernels write theirs */
    char *scratch;          /* at least scratch_bytes * threads, 64-byte aligned; valid for one instruction */
    int64_t scratch_bytes;  /* of one worker: worker w owns scratch + w * scratch_bytes */
    char *shared;           /* at least shared_bytes, aligned and valid like scratch */
    hl_pool *pool;
    int threads;            /* how many may work on this run, the caller included */
    double share_cost_ns;   /* instructions of less estimated time are not shared with workers */
    double unshared_ns;     /* of work that nobody helped with as all workers slept, in this run and those just before it */
    const hl_instr *next;   /* where HL_JUMP goes */
    hl_status (*poll)(hl_run *run); /* whether to go on, about every 10 ms; NULL where an instruction must not be left half done */
    hl_status stopped;      /* what poll said where that was not HL_OK: the instruction's results are not used */
    char message[HL_MESSAGE_BYTES];
    void *frame;            /* the runner's own */
};

/* Whether the run is to stop, asked by its caller's own thread: by a kernel every few ms at least. A kernel that is to stop returns
 * at once: no one uses its results. */
static inline bool hl_is_stopped(hl_run *run) { return run->poll && run->poll(run) != HL_OK; }

/* The same for a loop over many elements, which asks before each: every 65,536th looks at the clock. */
static inline bool hl_is_stopped_at(hl_run *run, int64_t i) { return (i & 0xffff) == 0 && hl_is_stopped(run); }

/* Writes the message and returns the status: return hl_fail(run, HL_INVALID_ARGUMENT, "...", ...). */
hl_status hl_fail(hl_run *run, hl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
hl_status hl_refuse(hl_prepare *prep, hl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Refuses the operands' types: "there is no kernel for a convolution of int32"; `what` may be NULL. */
hl_status hl_no_kernel(hl_prepare *prep, const char *what);

/* What an instruction runs whose operands have no elements. */
hl_status hl_run_nothing(const hl_instr *ins, hl_run *run);

/* The random stream of one op in one session: Philox key and counter, as in TensorFlow. An operand of dtype
 * HL_RESOURCE points at it. */
typedef struct hl_stream {
    uint64_t key;       /* graph seed */
    uint64_t counter;   /* block index: words 0 and 1 */
    uint64_t stream;    /* op seed: words 2 and 3 */
    int64_t *weights;   /* of a sampler that learns how likely classes are: see kernels/candidates.c; or NULL */
} hl_stream;

static inline size_t hl_dtype_size(hl_dtype t) {
    switch (t) {
    case HL_BOOL: case HL_UINT8: case HL_INT8: return 1;
    case HL_INT16: case HL_UINT16: case HL_FLOAT16: case HL_BFLOAT16: return 2;
    case HL_FLOAT32: case HL_INT32: case HL_UINT32: return 4;
    case HL_COMPLEX128: return 16;
    default: return 8;
    }
}

#endif
