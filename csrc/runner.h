/* What the runner's files share: nobody else includes this. */
#ifndef HOOKLOOP_RUNNER_H
#define HOOKLOOP_RUNNER_H

#include "frame.h"

/* Elements of a tensor: its bytes can be counted, whatever its type. */
static const int64_t HL_MOST_ELEMENTS = INT64_MAX / 32;

static inline size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

static inline int64_t tensor_bytes(const hl_tensor *tensor) { return tensor->size * (int64_t)hl_dtype_size(tensor->dtype); }

/* Works out a group's sizes anew, makes room, and prepares its instructions. */
hl_status hl_frame_resize(hl_frame *frame, int32_t group);

/* Gives the results whose values have left with their memory other memory. */
hl_status hl_frame_renew_results(hl_frame *frame);

/* Runs the instructions once, in the floating-point mode of the moment. */
hl_status hl_frame_step(hl_frame *frame);

/* Calls the poll function if it is time again. */
hl_status hl_frame_poll(hl_frame *frame);

/* Points the run at its arena's scratch memory, which another plan may have moved. */
void hl_frame_point_scratch(hl_frame *frame);

/* Makes room for that many bytes; false where there is none. Addresses of before are valid no more where `base` has changed. */
bool hl_arena_reserve(hl_arena *arena, int64_t bytes);

/* Counts a run that used so many bytes. Gives back the pages that the last runs did not use; addresses stay valid. */
void hl_arena_note_use(hl_arena *arena, int64_t bytes);

#ifdef HL_DEBUG
extern hl_counters hl_counted;
#define HL_COUNT(what) __atomic_fetch_add(&hl_counted.what, 1, __ATOMIC_RELAXED)
#else
#define HL_COUNT(what) (void)0
#endif

#endif
