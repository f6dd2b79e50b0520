/* Memory between pages that nobody may touch, in a build with HOOKLOOP_BUILD=fence; nothing in any other.
 *
 * Values lie side by side in an arena, where a kernel that reads or writes past its operand meets another value and nobody notices.
 * In that build each ends where a forbidden page begins, an instruction may touch its own operands only, and what no instruction of
 * the run has written is 0xff, a NaN. The kernels are those of every build, at every ISA level: the processor looks, not the compiler. */
#ifndef HOOKLOOP_FENCE_H
#define HOOKLOOP_FENCE_H

#include "frame.h"

#ifdef HL_FENCE
enum { HL_FENCED = 1, HL_FENCE_PAGE = 4096 };

/* Where `bytes` begin that end with a whole page, or with HOOKLOOP_FENCE=before begin with one. */
int64_t hl_fence_start(int64_t bytes);
static inline int64_t hl_fence_pages(int64_t bytes) { return (bytes + HL_FENCE_PAGE - 1) / HL_FENCE_PAGE * HL_FENCE_PAGE; }

char *hl_fence_new(int64_t bytes); /* zeros; NULL where there is no room */
void hl_fence_free(char *data);    /* or nothing where it is NULL */

/* Before a run, before each of its instructions, and after it. */
void hl_fence_begin(hl_frame *frame);
void hl_fence_instr(hl_frame *frame, const hl_instr *ins);
void hl_fence_end(hl_frame *frame);
void hl_fence_scratch(hl_frame *frame);
#else
enum { HL_FENCED = 0 };
static inline void hl_fence_begin(hl_frame *frame) { (void)frame; }
static inline void hl_fence_instr(hl_frame *frame, const hl_instr *ins) { (void)frame, (void)ins; }
static inline void hl_fence_end(hl_frame *frame) { (void)frame; }
static inline void hl_fence_scratch(hl_frame *frame) { (void)frame; }
#endif

#endif
