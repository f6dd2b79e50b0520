/* hookloop's public C interface: native hooks. docs/native-hooks.md leads from nothing to a running one.
 *
 * A native hook is a function that a monitored session calls after a step, without entering Python. It is handed over as a
 * PyCapsule whose name is HOOKLOOP_HOOK_CAPSULE, whose pointer is the function, and whose context is `user_data`.
 */
#ifndef HOOKLOOP_H
#define HOOKLOOP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOOKLOOP_ABI_VERSION 1
#define HOOKLOOP_HOOK_CAPSULE "hookloop.hook.v1"

/* The types of elements: TensorFlow's numbers. */
typedef enum hl_hook_dtype {
    HL_HOOK_FLOAT32 = 1, HL_HOOK_FLOAT64 = 2, HL_HOOK_INT32 = 3, HL_HOOK_UINT8 = 4, HL_HOOK_INT16 = 5, HL_HOOK_INT8 = 6,
    HL_HOOK_COMPLEX64 = 8, HL_HOOK_INT64 = 9, HL_HOOK_BOOL = 10, HL_HOOK_BFLOAT16 = 14, HL_HOOK_UINT16 = 17,
    HL_HOOK_COMPLEX128 = 18, HL_HOOK_FLOAT16 = 19, HL_HOOK_UINT32 = 22, HL_HOOK_UINT64 = 23
} hl_hook_dtype;

typedef enum hl_hook_phase {
    HL_HOOK_AFTER_RUN = 1 /* a step has been made; its values are in `fetches` */
} hl_hook_phase;

/* A value that the hook fetches: contiguous, the last axis fastest. Read-only, and valid until the hook returns. */
typedef struct hl_hook_tensor {
    const void *data;
    const int64_t *dims; /* `rank` of them */
    int64_t size;        /* elements */
    int32_t rank;
    int32_t dtype;       /* hl_hook_dtype */
} hl_hook_tensor;

/* What a hook is called with. Fields are only ever added at the end: `struct_size` tells which there are. */
typedef struct hl_hook_ctx {
    uint32_t abi_version;          /* HOOKLOOP_ABI_VERSION of the engine */
    uint32_t struct_size;
    int64_t step;                  /* runs of the session so far, the one just made included */
    int64_t global_step;           /* 0 where there is none */
    int32_t phase;                 /* hl_hook_phase */
    int32_t n_fetches;
    const hl_hook_tensor *fetches; /* in the order in which the hook asked for them */
    char *error;                   /* where a hook that returns a negative number may put a sentence, with a 0 at its end */
    int64_t error_size;            /* bytes there */
} hl_hook_ctx;

/* What a hook returns; any negative number is an error and ends the run with the sentence in `error`. */
enum { HL_HOOK_CONTINUE = 0, HL_HOOK_STOP = 1 };

/* A hook may be called with or without Python's lock: it takes it (PyGILState_Ensure) before it touches Python, and gives it
 * back. It may be called from any thread, by one at a time. */
typedef int32_t (*hl_hook_fn)(hl_hook_ctx *ctx, void *user_data);

#ifdef __cplusplus
}
#endif

#endif
