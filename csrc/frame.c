/* Making and freeing frames. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "results.h"
#include "runner.h"

/* The arrays of a frame but its instructions and their parameter blocks, with their numbers of elements. */
#define EACH_ARRAY(X)                  \
    X(tensors, plan->n_tensors)        \
    X(operands, plan->n_operands)      \
    X(pointers, n_pointers)            \
    X(first_pointer, plan->n_instrs)   \
    X(first_param, plan->n_instrs)     \
    X(instr_cost, plan->n_instrs)      \
    X(regs, plan->n_regs)              \
    X(seen, plan->n_regs)              \
    X(group_prepared, plan->n_groups)  \
    X(group_changed, plan->n_groups)   \
    X(slot_offset, plan->n_arena_slots) \
    X(slot_bytes, plan->n_arena_slots) \
    X(grown, plan->n_grown)            \
    X(grown_bytes, plan->n_grown)      \
    X(folded, plan->n_folded)          \
    X(folded_bytes, plan->n_folded)    \
    X(feeds, plan->n_feeds)            \
    X(places, plan->n_uses)            \
    X(results, plan->n_results)        \
    X(variables, plan->n_variables)    \
    X(streams, plan->n_streams)        \
    X(iterators, plan->n_batches)      \
    X(batches, plan->n_batches)        \
    X(matches, plan->n_batches)        \
    X(stacks, plan->n_stacks)

static void *zeroed(size_t count, size_t size) { return calloc(count ? count : 1, size); }

static int64_t room_of_params(const hl_plan *plan, int32_t i) {
    return (int64_t)round_up(hl_param_bytes(plan->kernels[i], plan->attrs + plan->instrs[i].first_attr), 16);
}

/* Finds where feeds and results go once, as a step may bind each of them anew. */
static void find_places(hl_frame *frame) {
    const hl_plan *plan = frame->plan;
    for (int32_t k = 0; k < plan->n_uses; k++) {
        const hl_use *use = &plan->uses[k];
        const hl_tensor_spec *spec = &plan->tensors[use->tensor];
        const int32_t pointers = use->instr < 0 ? -1 : frame->first_pointer[use->instr];
        frame->places[k] = (hl_place){
            .tensor = &frame->tensors[use->tensor],
            .operand = use->instr < 0  ? NULL
                       : pointers >= 0 ? &frame->pointers[pointers + use->operand]
                                       : &frame->code[use->instr].arg[use->operand],
            .offset = &frame->regs[spec->offset],
            .element_bytes = (int64_t)hl_dtype_size(spec->dtype)};
    }
}

hl_frame *hl_frame_new(const hl_plan *plan, hl_arena *arena) {
    hl_frame *frame = calloc(1, sizeof *frame);
    if (!frame) return NULL;
    frame->plan = plan;
    frame->arena = arena;
    int64_t param_bytes = 0, n_pointers = 0;
    for (int32_t i = 0; i < plan->n_instrs; i++) {
        param_bytes += room_of_params(plan, i);
        int32_t n = plan->instrs[i].n_in + plan->instrs[i].n_out;
        if (n > HL_DIRECT_ARGS) n_pointers += n;
    }
    frame->code = (hl_instr *)hl_allocate((size_t)plan->n_instrs * sizeof(hl_instr));
    frame->params = hl_allocate((size_t)param_bytes);
    bool complete = frame->code && frame->params;
#define ALLOCATE(field, count) complete = (frame->field = zeroed((size_t)(count), sizeof *frame->field)) && complete;
    EACH_ARRAY(ALLOCATE)
#undef ALLOCATE
    if (!complete) {
        hl_frame_free(frame);
        return NULL;
    }
    memset(frame->code, 0, (size_t)plan->n_instrs * sizeof(hl_instr));
    memset(frame->params, 0, (size_t)param_bytes);
    memcpy(frame->regs, plan->initial_regs, (size_t)plan->n_regs * sizeof(int64_t));
    for (int32_t k = 0; k < plan->n_operands; k++) frame->operands[k] = &frame->tensors[plan->operands[k]];
    int64_t param = 0;
    int32_t pointer = 0;
    for (int32_t i = 0; i < plan->n_instrs; i++) {
        int32_t n = plan->instrs[i].n_in + plan->instrs[i].n_out;
        frame->first_param[i] = param;
        param += room_of_params(plan, i);
        frame->first_pointer[i] = n > HL_DIRECT_ARGS ? pointer : -1;
        if (n > HL_DIRECT_ARGS) pointer += n;
    }
    find_places(frame);
    frame->run.regs = frame->regs;
    frame->run.frame = frame;
    frame->run.threads = 1;
    frame->failed_instr = frame->failed_node = -1;
    return frame;
}

void hl_frame_free(hl_frame *frame) {
    if (!frame) return;
    const hl_plan *plan = frame->plan;
    if (frame->grown)
        for (int32_t i = 0; i < plan->n_grown; i++) hl_free(frame->grown[i]);
    if (frame->folded)
        for (int32_t i = 0; i < plan->n_folded; i++) hl_free(frame->folded[i]);
    if (frame->results)
        for (int32_t i = 0; i < plan->n_results; i++) hl_result_free(frame->results[i].data);
    if (frame->stacks)
        for (int32_t i = 0; i < plan->n_stacks; i++) free(frame->stacks[i].data);
    if (frame->batches)
        for (int32_t i = 0; i < plan->n_batches; i++) hl_batch_free(frame->batches[i]);
    hl_free((char *)frame->code);
    hl_free(frame->params);
#define FREE(field, count) free(frame->field);
    EACH_ARRAY(FREE)
#undef FREE
    free(frame);
}
