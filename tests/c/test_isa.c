/* Choosing an ISA level, and finding kernels by name. */
#include "harness.h"

int main(void) {
    CHECK(hl_isa_runs("baseline") && !hl_isa_runs("avx1024"));
    CHECK(hl_isa_choose("avx1024") == -1);
    CHECK(!strcmp(hl_isa_error(), "expected HOOKLOOP_ISA to be baseline, avx2 or avx512, got 'avx1024'"));
    const char *const levels[] = {"baseline", "avx2", "avx512"};
    for (int k = 0; k < 3; k++) {
        const bool runs = hl_isa_runs(levels[k]);
        CHECK((hl_isa_choose(levels[k]) == 0) == runs);
        if (runs) CHECK(!strcmp(hl_isa_name(), levels[k]));
        if (runs) CHECK(hl_find_kernel("matmul") && hl_find_kernel("add"));
    }
    CHECK(hl_find_kernel("no such kernel") == NULL);
    CHECK(hl_control_kernel("jump") && hl_control_kernel("add") == NULL);
    printf("isa: ok\n");
    return 0;
}
