/* The same elements in another order or of another type: reversed sequences, bits taken as another dtype. */
#include <string.h>

#include "plan.h"
#include "pool.h"
#include "rows.h"
#include "stretches.h"

/* Rows are what lies behind the batch and the sequence axis. */
typedef struct sequence_params {
    int64_t rows, bytes;               /* how many, and of one */
    int64_t batch, batch_step;         /* size of the batch axis, rows between its elements */
    int64_t length, length_step;       /* the same of the sequence axis */
    bool wide;
    double cost_ns;
} sequence_params;

typedef struct sequence_job { const sequence_params *p; const char *x; const void *lengths; char *out; int64_t chunk; } sequence_job;

static void reverse_chunk(void *argument, int64_t chunk, int worker) {
    const sequence_job *job = argument;
    const sequence_params *p = job->p;
    const int64_t end = (chunk + 1) * job->chunk < p->rows ? (chunk + 1) * job->chunk : p->rows;
    (void)worker;
    for (int64_t r = chunk * job->chunk; r < end; r++) {
        const int64_t b = r / p->batch_step % p->batch, at = r / p->length_step % p->length;
        const int64_t count = p->wide ? ((const int64_t *)job->lengths)[b] : ((const int32_t *)job->lengths)[b];
        const int64_t from = at < count ? r + (count - 1 - 2 * at) * p->length_step : r;
        move_row(job->out + r * p->bytes, job->x + from * p->bytes, p->bytes);
    }
}

/* reverse_sequence: (x, lengths) -> x with the first elements of each sequence in reverse order. */
static hl_status run_reverse_sequence(const hl_instr *ins, hl_run *run) {
    const sequence_params *p = ins->p[2].p;
    for (int64_t b = 0; b < p->batch; b++) {
        const int64_t count = p->wide ? ((const int64_t *)ins->arg[1])[b] : ((const int32_t *)ins->arg[1])[b];
        if (count < 0) return hl_fail(run, HL_INVALID_ARGUMENT, "seq_lens(%lld) < 0", (long long)b);
        if (count > p->length)
            return hl_fail(run, HL_INVALID_ARGUMENT, "seq_lens(%lld) > input.dims(seq_dim): %lld > %lld", (long long)b,
                           (long long)count, (long long)p->length);
    }
    sequence_job job = {p, ins->arg[0], ins->arg[1], ins->arg[2], 1 + CHUNK_BYTES / (p->bytes + 1)};
    hl_parallel(run, (p->rows + job.chunk - 1) / job.chunk, p->cost_ns, reverse_chunk, &job);
    return HL_OK;
}

/* Attributes: the sequence axis, the batch axis. */
static hl_status prepare_reverse_sequence(hl_prepare *prep) {
    sequence_params *p = prep->params;
    const hl_tensor *x = prep->in[0];
    const int sequence = (int)prep->attr[0].i, batch = (int)prep->attr[1].i;
    const int last = sequence > batch ? sequence : batch;
    p->rows = p->batch_step = p->length_step = 1;
    for (int axis = 0; axis <= last; axis++) p->rows *= x->dims[axis];
    for (int axis = batch + 1; axis <= last; axis++) p->batch_step *= x->dims[axis];
    for (int axis = sequence + 1; axis <= last; axis++) p->length_step *= x->dims[axis];
    p->bytes = (int64_t)hl_dtype_size(x->dtype);
    for (int axis = last + 1; axis < x->rank; axis++) p->bytes *= x->dims[axis];
    p->batch = x->dims[batch];
    p->length = x->dims[sequence];
    p->wide = prep->in[1]->dtype == HL_INT64;
    p->cost_ns = prep->cost_ns = (double)(p->rows * p->bytes) * 0.1 + (double)p->rows * 10 + 5;
    prep->ins->fn = run_reverse_sequence;
    return HL_OK;
}

/* bitcast: the bytes as they are. */
static hl_status run_bitcast(const hl_instr *ins, hl_run *run) {
    if (ins->arg[1] == ins->arg[0]) return HL_OK;
    for (STRETCHES(run, first, end, ins->p[0].i))
        memcpy((char *)ins->arg[1] + first, (const char *)ins->arg[0] + first, (size_t)(end - first));
    return HL_OK;
}

static hl_status prepare_bitcast(hl_prepare *prep) {
    prep->ins->p[0].i = prep->in[0]->size * (int64_t)hl_dtype_size(prep->in[0]->dtype);
    prep->cost_ns = (double)prep->ins->p[0].i * 0.05 + 2;
    prep->ins->fn = run_bitcast;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"reverse_sequence", prepare_reverse_sequence, sizeof(sequence_params)},
    {"bitcast", prepare_bitcast, 0},
};

HL_FAMILY(rearrange, table);
