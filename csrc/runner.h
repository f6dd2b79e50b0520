/* What the runner's files share: nobody else includes this. */
#ifndef HOOKLOOP_RUNNER_H
#define HOOKLOOP_RUNNER_H

#include "frame.h"

static inline size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

static inline int64_t tensor_bytes(const hl_tensor *tensor) { return tensor->size * (int64_t)hl_dtype_size(tensor->dtype); }

/* Works out a group's sizes anew, makes room, and prepares its instructions. */
hl_status hl_frame_resize(hl_frame *frame, int32_t group);

/* Runs the instructions once, in the floating-point mode of the moment. */
hl_status hl_frame_step(hl_frame *frame);

/* Calls the poll function if it is time again. */
hl_status hl_frame_poll(hl_frame *frame);

/* Flushes denormals to zero in this thread and gives the mode before; the other restores it. */
unsigned hl_flush_denormals(void);
void hl_restore_denormals(unsigned mode);

#endif
