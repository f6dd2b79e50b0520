/* Runs a fuzz target where libFuzzer is not: on so many random inputs, of a seed; or on files. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

static uint64_t random_word(void) { /* splitmix64 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static int run_file(const char *path) {
    static uint8_t data[1 << 16];
    FILE *file = fopen(path, "rb");
    if (!file) return perror(path), 1;
    const size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    return LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv) {
    if (argc > 1 && strncmp(argv[1], "-runs=", 6)) return run_file(argv[1]);
    const long runs = argc > 1 ? atol(argv[1] + 6) : 1000;
    for (long n = 0; n < runs; n++) {
        state = (uint64_t)n;
        uint8_t data[96];
        const size_t size = random_word() % sizeof data;
        for (size_t k = 0; k < size; k++) data[k] = (uint8_t)random_word();
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%s: %ld inputs\n", argv[0], runs);
    return 0;
}
