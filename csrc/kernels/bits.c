/* Comparisons of eight numbers as one byte. */
#include "elementwise_types.h"
#include "plan.h"
#include "stretches.h"

/* compare_and_bitpack: (numbers, a threshold) -> bytes; the first number above it sets the highest bit. Bools are taken as they are. */
#define PACK(tag, dtype, S, C, LOAD, STORE, ABOVE)                                                              \
    static hl_status pack_##tag(const hl_instr *ins, hl_run *run) {                                             \
        const S *in = ins->arg[0];                                                                              \
        const C threshold = LOAD(*(const S *)ins->arg[1]);                                                      \
        uint8_t *out = ins->arg[2];                                                                             \
        (void)threshold;                                                                                        \
        for (STRETCHES(run, first, end, ins->p[0].i))                                                           \
            for (int64_t i = first; i < end; i++) {                                                             \
                unsigned byte = 0;                                                                              \
                for (int bit = 0; bit < 8; bit++) {                                                             \
                    const C x = LOAD(in[8 * i + bit]);                                                          \
                    byte = byte << 1 | (unsigned)(ABOVE);                                                       \
                }                                                                                               \
                out[i] = (uint8_t)byte;                                                                         \
            }                                                                                                   \
        return HL_OK;                                                                                           \
    }
EACH_FLOAT(PACK, x > threshold)
EACH_SIGNED(PACK, x > threshold)
EACH_BOOL(PACK, x != 0)

#define CASE(tag, dtype, S, C, LOAD, STORE, unused) \
    case dtype: prep->ins->fn = pack_##tag; return HL_OK;

static hl_status prepare_compare_and_bitpack(hl_prepare *prep) {
    prep->ins->p[0].i = prep->out[0]->size;
    prep->cost_ns = (double)prep->in[0]->size * 0.5 + 5;
    switch (prep->in[0]->dtype) {
        EACH_FLOAT(CASE, 0)
        EACH_SIGNED(CASE, 0)
        EACH_BOOL(CASE, 0)
    default: return hl_no_kernel(prep, NULL);
    }
}

static const hl_kernel table[] = {
    {"compare_and_bitpack", prepare_compare_and_bitpack, 0},
};

HL_FAMILY(bits, table);
