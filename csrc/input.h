/* What input does for every row, by the vectors of the ISA level in force: kernels that no plan names (csrc/kernels/input.c). */
#ifndef HOOKLOOP_INPUT_H
#define HOOKLOOP_INPUT_H

#include <stdint.h>

/* Words that are drawn at once, and how many of their places are worked out together: what is computed beyond those counts for nothing. */
enum { HL_WORDS = 64, HL_PLACES_TOGETHER = 16 };

typedef struct hl_input {
    /* The HL_WORDS words of a shuffle's stream from block number `counter` on, of four words each. */
    void (*words)(uint64_t key, uint64_t stream, uint64_t counter, uint32_t *word);
    /* place[k] = word[k] % (count - k * step) for k from 0 to n - 1; step is 0 or 1, the moduli are 2 to 2 ** 31 - 1. Both arrays have
     * room for HL_PLACES_TOGETHER more. */
    void (*places)(uint32_t *place, const uint32_t *word, int64_t n, int32_t count, int32_t step);
    /* Copies rows of so many bytes, chosen by their indices, one behind the other. */
    void (*gather)(char *to, const char *from, const int64_t *index, int64_t rows, int64_t bytes);
} hl_input;

/* Those of the ISA level in force. */
const hl_input *hl_input_kernels(void);

#endif
