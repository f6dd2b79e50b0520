/* Pages that nobody may touch around the engine's own memory. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "fence.h"

#ifdef HL_FENCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void protect(const char *from, int64_t bytes, int mode) {
    if (bytes > 0 && mprotect((void *)from, (size_t)bytes, mode)) abort();
}

static void shut(const char *from, int64_t bytes) { protect(from, bytes, PROT_NONE); }
static void open_pages(const char *from, int64_t bytes) { protect(from, bytes, PROT_READ | PROT_WRITE); }

int64_t hl_fence_start(int64_t bytes) {
    const char *side = getenv("HOOKLOOP_FENCE");
    return side && !strcmp(side, "before") ? 0 : hl_fence_pages(bytes) - bytes;
}

/* A page that holds its size and is shut, then the data's, then one that is shut. */
char *hl_fence_new(int64_t bytes) {
    if (bytes < 1) bytes = 1;
    if (bytes > (int64_t)1 << 46) return NULL;
    const int64_t all = hl_fence_pages(bytes) + 2 * HL_FENCE_PAGE;
    char *block = mmap(NULL, (size_t)all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return NULL;
    memcpy(block, &all, sizeof all);
    shut(block, HL_FENCE_PAGE);
    shut(block + all - HL_FENCE_PAGE, HL_FENCE_PAGE);
    return block + HL_FENCE_PAGE + hl_fence_start(bytes);
}

void hl_fence_free(char *data) {
    if (!data) return;
    char *block = (char *)((uintptr_t)data / HL_FENCE_PAGE * HL_FENCE_PAGE) - HL_FENCE_PAGE;
    int64_t all;
    protect(block, HL_FENCE_PAGE, PROT_READ);
    memcpy(&all, block, sizeof all);
    munmap(block, (size_t)all);
}

/* The pages between a tensor's first and last element. */
static void open_tensor(const hl_tensor *tensor) {
    if (!tensor->data || tensor->size <= 0) return;
    int64_t first = 0, last = 0;
    for (int axis = 0; axis < tensor->rank; axis++) {
        const int64_t reach = (tensor->dims[axis] - 1) * tensor->strides[axis];
        if (reach < 0) first += reach;
        else last += reach;
    }
    const int64_t each = (int64_t)hl_dtype_size(tensor->dtype);
    const uintptr_t from = (uintptr_t)(tensor->data + first * each) / HL_FENCE_PAGE * HL_FENCE_PAGE;
    open_pages((char *)from, hl_fence_pages((int64_t)((uintptr_t)(tensor->data + (last + 1) * each) - from)));
}

void hl_fence_begin(hl_frame *frame) {
    hl_fence_end(frame);
    for (int32_t slot = 0; slot < frame->plan->n_arena_slots; slot++)
        memset(frame->arena_base + frame->slot_offset[slot], 0xff, (size_t)frame->slot_bytes[slot]);
}

void hl_fence_instr(hl_frame *frame, const hl_instr *ins) {
    const hl_plan *plan = frame->plan;
    const hl_instr_spec *spec = &plan->instrs[ins - frame->code];
    if (frame->arena_base) shut(frame->arena_base, frame->arena->capacity);
    for (int32_t k = 0; k < spec->n_in + spec->n_out; k++) {
        const int32_t tensor = plan->operands[spec->first_operand + k];
        if (plan->tensors[tensor].storage == HL_IN_ARENA) open_tensor(&frame->tensors[tensor]);
    }
}

void hl_fence_end(hl_frame *frame) {
    if (frame->arena_base) open_pages(frame->arena_base, frame->arena->capacity);
}

/* Each worker's scratch memory has a shut page before and behind it. */
void hl_fence_scratch(hl_frame *frame) {
    hl_run *run = &frame->run;
    char *at = frame->arena->scratch;
    if (!at) return;
    const int64_t pages = run->scratch_bytes - HL_FENCE_PAGE;
    open_pages(at, frame->arena->scratch_capacity);
    for (int worker = 0; worker < run->threads; worker++, at += run->scratch_bytes) shut(at + pages, HL_FENCE_PAGE);
    run->scratch = frame->arena->scratch + hl_fence_start(frame->scratch_need) / HL_ALIGNMENT * HL_ALIGNMENT;
    run->shared = at + hl_fence_start(frame->shared_need) / HL_ALIGNMENT * HL_ALIGNMENT;
}

#endif
