/* What this machine can do, measured: the kernels that bench/kernels.py compares all others with. */
#include "../plan.h"
#include "../pool.h"
#include "simd.h"

enum { CHAINS = SIMD_BYTES == 64 ? 24 : 12 };

/* Multiply-adds of whole registers that wait for nothing. */
#define MULTIPLY_ADDS(suffix, type, LANES_)                                                        \
    static hl_status multiply_adds_##suffix(const hl_instr *ins, hl_run *run) {                    \
        simd_##suffix sum[CHAINS], x = splat_##suffix(*(const type *)ins->arg[0]);                 \
        (void)run;                                                                                 \
        _Pragma("GCC unroll 24") for (int i = 0; i < CHAINS; i++) sum[i] = splat_##suffix((type)i);  \
        for (int64_t round = ins->p[0].i; round > 0; round--)                                      \
            _Pragma("GCC unroll 24") for (int i = 0; i < CHAINS; i++) {                            \
                sum[i] = sum[i] * x + x;                                                           \
                __asm__ volatile("" : "+" REGISTER(sum[i]));                                       \
            }                                                                                      \
        _Pragma("GCC unroll 24") for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];                  \
        type lanes[LANES_];                                                                        \
        store_##suffix(lanes, sum[0]);                                                             \
        *(type *)ins->arg[1] = lanes[0];                                                           \
        return HL_OK;                                                                              \
    }
#if defined(__x86_64__) && defined(__AVX512F__)
#define REGISTER(x) "v"(x)
#elif defined(__x86_64__)
#define REGISTER(x) "x"(x)
#else
#define REGISTER(x) "w"(x)
#endif
MULTIPLY_ADDS(f32, float, F32_LANES)
MULTIPLY_ADDS(f64, double, F64_LANES)

/* Attribute: how many multiply-adds of numbers; what does not fill all registers is left out. */
static hl_status multiply_adds_prepare(hl_prepare *prep) {
    const bool single = prep->in[0]->dtype == HL_FLOAT32;
    if (!single && prep->in[0]->dtype != HL_FLOAT64)
        return hl_refuse(prep, HL_UNIMPLEMENTED, "no multiply-adds of dtype %d", (int)prep->in[0]->dtype);
    prep->ins->p[0].i = prep->attr[0].i / (CHAINS * (single ? F32_LANES : F64_LANES));
    prep->ins->fn = single ? multiply_adds_f32 : multiply_adds_f64;
    prep->cost_ns = (double)prep->attr[0].i * 0.05;
    return HL_OK;
}

/* out = x + 3 y: three streams, in pieces for the pool. */
enum { PIECE = 1 << 16 };

static void stream_piece(void *argument, int64_t chunk, int worker) {
    const hl_instr *ins = argument;
    const float *x = ins->arg[0], *y = ins->arg[1];
    float *out = ins->arg[2];
    (void)worker;
    for (int64_t i = chunk * PIECE; i < (chunk + 1) * PIECE; i += F32_LANES)
        store_f32(out + i, load_f32(x + i) + 3 * load_f32(y + i));
}

static hl_status stream_run(const hl_instr *ins, hl_run *run) {
    hl_parallel(run, ins->p[0].i, 1e9, stream_piece, (void *)ins);
    return HL_OK;
}

static hl_status stream_prepare(hl_prepare *prep) {
    if (prep->out[0]->dtype != HL_FLOAT32 || prep->out[0]->size % PIECE)
        return hl_refuse(prep, HL_UNIMPLEMENTED, "streams are float32, of a multiple of %d elements", PIECE);
    prep->ins->p[0].i = prep->out[0]->size / PIECE;
    prep->ins->fn = stream_run;
    prep->cost_ns = (double)prep->out[0]->size;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"multiply_adds", multiply_adds_prepare, 0},
    {"stream", stream_prepare, 0},
};
HL_FAMILY(measure, table);
