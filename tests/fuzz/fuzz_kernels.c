/* Kernels that go where their operands' values point: any indices, numbers of segments and sizes leave memory alone, and are
 * either used or refused with a message. */
#include "../c/harness.h"

#include "bytes.h"

enum { MOST = 256 };

typedef struct arguments {
    operand operands[5];
    int n, n_attr;
    hl_value attrs[2];
    int64_t values[5][MOST];
} arguments;

/* Numbers of a tensor, of `size` elements; int32 or int64. */
static void add_numbers(arguments *a, bytes *b, int rank, int64_t d0, int64_t d1) {
    const int64_t size = (rank > 0 ? d0 : 1) * (rank > 1 ? d1 : 1);
    const bool wide = one_byte(b) & 1;
    int64_t *values = a->values[a->n];
    for (int64_t k = 0; k < size; k++) {
        const int64_t value = any_number(b);
        if (wide) values[k] = value;
        else ((int32_t *)values)[k] = (int32_t)value;
    }
    a->operands[a->n++] = (operand){wide ? HL_INT64 : HL_INT32, rank, {d0, d1}, values};
}

static void add_floats(arguments *a, int rank, int64_t d0, int64_t d1, int64_t d2) {
    float *values = (float *)a->values[a->n];
    for (int k = 0; k < MOST; k++) values[k] = (float)k;
    a->operands[a->n++] = (operand){HL_FLOAT32, rank, {d0, d1, d2}, values};
}

static void add_out(arguments *a, hl_dtype dtype, int rank, int64_t d0, int64_t d1, int64_t d2) {
    a->operands[a->n++] = (operand){dtype, rank, {d0, d1, d2}, NULL};
}

static void same_kind(arguments *a, int of, int as) { /* of the type of another operand */
    a->operands[of].dtype = a->operands[as].dtype;
}

/* Makes the operands of one kernel; returns its name. */
static const char *any_kernel(arguments *a, bytes *b) {
    const uint8_t choice = one_byte(b);
    const int64_t rows = up_to(b, 5), width = up_to(b, 4), count = up_to(b, 6), depth = up_to(b, 2);
    static const char *const segments[] = {"unsorted_segment_sum", "unsorted_segment_prod", "unsorted_segment_max", "unsorted_segment_min"};
    static const char *const updates[] = {"scatter_update", "scatter_add", "scatter_sub", "scatter_mul", "scatter_div", "scatter_min", "scatter_max"};
    static const char *const into[] = {"scatter_nd", "scatter_nd_add", "scatter_nd_sub", "scatter_nd_update"};
    switch (choice % 13) {
    case 0:
        add_floats(a, 2, rows, width, 0), add_numbers(a, b, 1, count, 0);
        a->attrs[0].i = choice / 12 % 2, a->n_attr = 2;
        add_out(a, HL_FLOAT32, 2, a->attrs[0].i ? rows : count, a->attrs[0].i ? count : width, 0);
        return "gather";
    case 1:
        add_floats(a, 2, rows, width, 0), add_numbers(a, b, 2, count, depth);
        if (depth == 2) add_out(a, HL_FLOAT32, 1, count, 0, 0);
        else add_out(a, HL_FLOAT32, 3 - (int)depth, count, depth ? width : rows, width);
        return "gather_nd";
    case 2:
        add_numbers(a, b, 2, count, depth);
        add_floats(a, 3 - (int)depth, count, depth == 1 ? width : rows, width);
        add_out(a, HL_FLOAT32, 2, rows, width, 0);
        return into[choice / 12 % 4];
    case 3:
        add_floats(a, 2, count, width, 0), add_numbers(a, b, 1, count, 0), add_out(a, HL_FLOAT32, 2, rows, width, 0);
        return segments[choice / 12 % 4];
    case 4:
        add_floats(a, 2, count, width, 0), add_numbers(a, b, 1, count, 0), add_out(a, HL_FLOAT32, 2, rows, width, 0);
        a->attrs[0].i = choice / 12 % 6, a->n_attr = 1;
        return "segment_reduce";
    case 5:
        add_floats(a, 2, rows, width, 0), add_numbers(a, b, 1, count, 0), add_numbers(a, b, 1, count, 0);
        a->attrs[0].i = choice / 12 % 6, a->n_attr = 1;
        add_out(a, HL_FLOAT32, 2, up_to(b, 5), width, 0);
        return "segment_reduce";
    case 6:
        add_floats(a, 2, rows, width, 0), add_numbers(a, b, 1, count, 0), add_floats(a, 2, count, width, 0);
        return updates[choice / 12 % 7];
    case 7:
        add_numbers(a, b, 1, count, 0), add_out(a, HL_INT32, 1, count, 0, 0);
        same_kind(a, 1, 0);
        return "invert_permutation";
    case 8:
        add_numbers(a, b, 1, count, 0), add_floats(a, 0, 0, 0, 0), add_floats(a, 0, 0, 0, 0);
        a->attrs[0].i = choice / 12 % 2, a->n_attr = 1;
        add_out(a, HL_FLOAT32, 2, a->attrs[0].i ? count : rows, a->attrs[0].i ? rows : count, 0);
        return "one_hot";
    case 9:
        add_floats(a, 2, rows, width, 0), add_numbers(a, b, 1, rows, 0);
        add_out(a, HL_FLOAT32, 1, rows, 0, 0), add_out(a, HL_FLOAT32, 2, rows, width, 0);
        return "sparse_softmax_cross_entropy";
    case 10:
        add_floats(a, 3, rows, width, 2), add_numbers(a, b, 1, rows, 0), add_out(a, HL_FLOAT32, 3, rows, width, 2);
        a->attrs[0].i = 1, a->attrs[1].i = 0, a->n_attr = 2;
        return "reverse_sequence";
    case 11:
        add_floats(a, 2, rows, width, 0), add_numbers(a, b, 1, count, 0), add_floats(a, 2, count, depth, 0);
        add_out(a, HL_FLOAT32, 2, rows, width, 0), add_out(a, HL_FLOAT32, 2, rows, depth, 0);
        a->attrs[0].i = 1, a->n_attr = 1;
        return "sum_by_row";
    default:
        add_numbers(a, b, 1, count, 0), add_numbers(a, b, 1, depth, 0), add_out(a, HL_INT32, 2, depth, count, 0);
        same_kind(a, 1, 0), same_kind(a, 2, 0);
        return "unravel_index";
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bytes b = {data, data + size};
    arguments *a = calloc(1, sizeof *a);
    const char *name = any_kernel(a, &b);
    alone result = run_alone(name, 1, a->n, a->operands, a->n_attr, a->attrs);
    if (result.status != HL_OK) CHECK(result.message[0]);
    for (int k = 0; k < 4; k++) free(result.out[k]);
    free(a);
    return 0;
}
