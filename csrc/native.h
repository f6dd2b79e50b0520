/* Native hooks: how the loop calls a function of the public interface (include/hookloop.h). */
#ifndef HOOKLOOP_NATIVE_H
#define HOOKLOOP_NATIVE_H

#include "frame.h"
#include "include/hookloop.h"

enum { HL_NATIVE_ERROR_BYTES = 384 };

/* One hook: its function, and what it has said last. */
typedef struct hl_native {
    hl_hook_fn fn;
    void *user_data;
    hl_hook_tensor *fetches; /* room for n_fetches */
    int32_t n_fetches;
    int32_t result;          /* of the last call */
    bool in_call;            /* a call has not returned yet: what it sees must stay */
    char error[HL_NATIVE_ERROR_BYTES];
} hl_native;

/* Calls the hook, whose `fetches` are filled and which is not `in_call`; returns what it returns. */
int32_t hl_native_call(hl_native *native, int64_t step, int64_t global_step);

/* Fills one of the fetches with a tensor of a frame, which must be contiguous. */
void hl_native_view(hl_hook_tensor *view, const hl_tensor *tensor);

#endif
