/* Epilogues: elementwise steps that a kernel applies to its result while that is still in registers or in the cache.
 *
 * Each step takes the value x so far and gives the next one; y is the step's own operand, of any shape that broadcasts to
 * the result's. A gradient step multiplies x by the activation's derivative: y is what the gradient op of TensorFlow
 * takes, the activation's result or (marked "of x") its argument. src/hookloop/compile/epilogue.py has the same list.
 *
 * In a kernel's attributes the steps are pairs (kind, parameter) behind the kernel's own attributes; the operands of those
 * that have one follow the kernel's own inputs. Only the operand of a first step STEP_ADD may be the result's own memory.
 */
#ifndef HOOKLOOP_EPILOGUE_H
#define HOOKLOOP_EPILOGUE_H

#include "plan.h"

typedef enum step_kind {
    STEP_ADD,             /* x + y */
    STEP_MULTIPLY,        /* x y */
    STEP_SCALE,           /* x parameter */
    STEP_RELU,
    STEP_RELU6,
    STEP_LEAKY_RELU,      /* parameter: the slope below 0 */
    STEP_ELU,
    STEP_SELU,
    STEP_SOFTPLUS,
    STEP_SOFTSIGN,
    STEP_SIGMOID,
    STEP_TANH,
    STEP_RELU_GRAD,       /* x where y > 0, else 0 */
    STEP_RELU6_GRAD,      /* x where 0 < y < 6, else 0 */
    STEP_LEAKY_RELU_GRAD, /* of x */
    STEP_ELU_GRAD,
    STEP_SELU_GRAD,
    STEP_SOFTPLUS_GRAD,   /* of x */
    STEP_SOFTSIGN_GRAD,   /* of x */
    STEP_SIGMOID_GRAD,    /* x y (1 - y) */
    STEP_TANH_GRAD,       /* x (1 - y y) */
    STEP_SUBTRACT,        /* x - y */
    STEP_SUBTRACT_FROM,   /* y - x */
    STEP_DIVIDE,          /* x / y */
    STEP_KINDS
} step_kind;

enum { MAX_STEPS = 6, EPILOGUE_BATCH_AXES = HL_MAX_RANK - 2 };

/* How a matrix of a batch lies in memory: strides of rows and columns in elements, those of the batch in bytes. */
typedef struct matrix {
    int64_t row, column;
    int64_t batch[EPILOGUE_BATCH_AXES];
} matrix;

typedef struct step {
    step_kind kind;
    int32_t operand; /* which of the kernel's inputs; 0: it has none */
    double parameter;
    matrix y;
} step;

static inline bool step_has_operand(step_kind kind) {
    return kind == STEP_ADD || kind == STEP_MULTIPLY || kind >= STEP_RELU_GRAD;
}

/* Reads the steps behind `first_attr` attributes, their operands behind `first_input` inputs. Strides of the batch are left
 * to the kernel. */
static inline hl_status epilogue_prepare(hl_prepare *prep, int first_attr, int first_input, step *steps, int *count) {
    const hl_tensor *out = prep->out[0];
    int input = first_input;
    *count = (prep->n_attr - first_attr) / 2;
    if (*count > MAX_STEPS) return hl_refuse(prep, HL_INTERNAL, "%d steps of an epilogue, at most %d", *count, MAX_STEPS);
    for (int i = 0; i < *count; i++) {
        step *s = &steps[i];
        *s = (step){.kind = (step_kind)prep->attr[first_attr + 2 * i].i, .parameter = prep->attr[first_attr + 2 * i + 1].f};
        if (!step_has_operand(s->kind)) continue;
        s->operand = input;
        const hl_tensor *y = prep->in[input++];
        if (y->dtype != out->dtype) return hl_refuse(prep, HL_INTERNAL, "an epilogue's operand of dtype %d", (int)y->dtype);
        s->y.row = y->rank < 2 || y->dims[y->rank - 2] == 1 ? 0 : y->strides[y->rank - 2];
        s->y.column = y->rank < 1 || y->dims[y->rank - 1] == 1 ? 0 : y->strides[y->rank - 1];
        if (s->y.column > 1) return hl_refuse(prep, HL_INTERNAL, "an epilogue's operand whose rows have gaps");
    }
    return HL_OK;
}

#endif
