/* Rows by number: stitching them together by index, dealing them out to partitions. */
#include <string.h>

#include "plan.h"
#include "rows.h"

static int64_t number_at(const void *numbers, bool wide, int64_t i) {
    return wide ? ((const int64_t *)numbers)[i] : ((const int32_t *)numbers)[i];
}

typedef struct row_params {
    int64_t rows, bytes; /* how many rows there are, and of one */
    int64_t limit;       /* of the indices; partition_rows: the partition taken */
    int64_t capacity;    /* rows of the output */
    int count;           /* partition_count: the partitions */
    const hl_value *registers;
    bool wide;
} row_params;

static void prepare_rows(hl_prepare *prep, const hl_tensor *data, const hl_tensor *numbers) {
    row_params *p = prep->params;
    p->rows = numbers->size;
    p->bytes = hl_dtype_size(data->dtype);
    for (int axis = numbers->rank; axis < data->rank; axis++) p->bytes *= data->dims[axis];
    p->wide = numbers->dtype == HL_INT64;
    prep->cost_ns = (double)(p->rows * p->bytes) * 0.1 + (double)p->rows * 2 + 5;
}

/* Whether the run is to stop, asked before a row of any size. */
static bool stopped_at_row(const row_params *p, int64_t i, hl_run *run) {
    return (p->bytes >= 4096 || (i & 1023) == 0) && hl_is_stopped(run);
}

enum { AHEAD = 16 /* rows: so far ahead is what will be written asked for */ };

/* Rows of one element are the most frequent. */
SIMD_INLINE void put_row(char *to, const char *from, int64_t bytes) {
    if (bytes == 4) memcpy(to, from, 4);
    else if (bytes == 8) memcpy(to, from, 8);
    else copy_row(to, from, bytes);
}

/* stitch_count: (indices) -> the register of the attribute gets the largest index + 1. */
static hl_status run_stitch_count(const hl_instr *ins, hl_run *run) {
    const row_params *p = ins->p[2].p;
    int64_t highest = -1;
    for (int64_t i = 0; i < p->rows; i++) {
        if (hl_is_stopped_at(run, i)) return run->stopped;
        const int64_t index = number_at(ins->arg[0], p->wide, i);
        if (index > highest) highest = index;
    }
    run->regs[p->registers[0].i] = highest + 1;
    return HL_OK;
}

static hl_status prepare_stitch_count(hl_prepare *prep) {
    row_params *p = prep->params;
    prepare_rows(prep, prep->in[0], prep->in[0]);
    p->registers = prep->attr;
    prep->ins->fn = run_stitch_count;
    return HL_OK;
}

/* stitch_rows: (indices, data) -> out, of which other rows may be written by other instructions. */
static hl_status run_stitch_rows(const hl_instr *ins, hl_run *run) {
    const row_params *p = ins->p[2].p;
    for (int64_t i = 0; i < p->rows; i++) {
        if (stopped_at_row(p, i, run)) return run->stopped;
        const int64_t index = number_at(ins->arg[0], p->wide, i);
        if (index < 0 || index >= p->limit)
            return hl_fail(run, HL_INVALID_ARGUMENT, "indices[%lld] = %lld is out of range", (long long)i, (long long)index);
        const int64_t coming = i + AHEAD < p->rows ? number_at(ins->arg[0], p->wide, i + AHEAD) : 0;
        __builtin_prefetch((const char *)ins->arg[2] + coming * p->bytes, 1);
        put_row((char *)ins->arg[2] + index * p->bytes, (const char *)ins->arg[1] + i * p->bytes, p->bytes);
    }
    return HL_OK;
}

static hl_status prepare_stitch_rows(hl_prepare *prep) {
    row_params *p = prep->params;
    prepare_rows(prep, prep->in[1], prep->in[0]);
    p->limit = prep->out[0]->dims[0];
    prep->ins->fn = run_stitch_rows;
    return HL_OK;
}

/* partition_count: (partitions) -> each attribute is the register for the number of one partition's rows. */
static hl_status run_partition_count(const hl_instr *ins, hl_run *run) {
    const row_params *p = ins->p[2].p;
    for (int k = 0; k < p->count; k++) run->regs[p->registers[k].i] = 0;
    for (int64_t i = 0; i < p->rows; i++) {
        if (hl_is_stopped_at(run, i)) return run->stopped;
        const int64_t number = number_at(ins->arg[0], p->wide, i);
        if (number < 0 || number >= p->count)
            return hl_fail(run, HL_INVALID_ARGUMENT, "partitions[%lld] = %lld is not in [0, %d)", (long long)i,
                           (long long)number, p->count);
        run->regs[p->registers[number].i]++;
    }
    return HL_OK;
}

static hl_status prepare_partition_count(hl_prepare *prep) {
    row_params *p = prep->params;
    prepare_rows(prep, prep->in[0], prep->in[0]);
    p->count = prep->n_attr;
    p->registers = prep->attr;
    prep->ins->fn = run_partition_count;
    return HL_OK;
}

/* Single elements: each is written where the next one of the partition goes, and stays where it is one. */
#define PARTITION_ELEMENTS(T)                                                                                    \
    static hl_status partition_##T(const hl_instr *ins, hl_run *run) {                                           \
        const row_params *p = ins->p[2].p;                                                                       \
        const T *data = ins->arg[0];                                                                             \
        T *out = ins->arg[2];                                                                                    \
        int64_t taken = 0;                                                                                       \
        for (int64_t i = 0; i < p->rows && taken < p->capacity; i++) {                                           \
            if (hl_is_stopped_at(run, i)) return run->stopped;                                                   \
            out[taken] = data[i];                                                                                \
            taken += number_at(ins->arg[1], p->wide, i) == p->limit;                                             \
        }                                                                                                        \
        return HL_OK;                                                                                            \
    }
PARTITION_ELEMENTS(uint8_t)
PARTITION_ELEMENTS(uint16_t)
PARTITION_ELEMENTS(uint32_t)
PARTITION_ELEMENTS(uint64_t)

/* partition_rows: (data, partitions) -> the rows of the partition that the attribute names. */
static hl_status run_partition_rows(const hl_instr *ins, hl_run *run) {
    const row_params *p = ins->p[2].p;
    char *out = ins->arg[2];
    int64_t taken = 0;
    for (int64_t i = 0; i < p->rows && taken < p->capacity; i++) {
        if (stopped_at_row(p, i, run)) return run->stopped;
        if (number_at(ins->arg[1], p->wide, i) != p->limit) continue;
        copy_row(out + taken++ * p->bytes, (const char *)ins->arg[0] + i * p->bytes, p->bytes);
    }
    return HL_OK;
}

static hl_status prepare_partition_rows(hl_prepare *prep) {
    row_params *p = prep->params;
    prepare_rows(prep, prep->in[0], prep->in[1]);
    p->limit = prep->attr[0].i;
    p->capacity = prep->out[0]->dims[0];
    prep->ins->fn = p->bytes == 1   ? partition_uint8_t
                    : p->bytes == 2 ? partition_uint16_t
                    : p->bytes == 4 ? partition_uint32_t
                    : p->bytes == 8 ? partition_uint64_t
                                    : run_partition_rows;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"stitch_count", prepare_stitch_count, sizeof(row_params)},
    {"stitch_rows", prepare_stitch_rows, sizeof(row_params)},
    {"partition_count", prepare_partition_count, sizeof(row_params)},
    {"partition_rows", prepare_partition_rows, sizeof(row_params)},
};

HL_FAMILY(partition, table);
