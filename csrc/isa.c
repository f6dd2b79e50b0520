/* Choosing the ISA level at load, by CPUID and by what the operating system saves. */
#include "isa.h"

#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { LEVELS = 3, BUCKETS = 1024 };

static const char *const level_names[LEVELS] = {"baseline", "avx2", "avx512"};

static int chosen = -1;
static char error_text[160];
static const hl_kernel *buckets[BUCKETS];
static hl_input input; /* of the chosen level */

#if defined(__x86_64__)
static unsigned long long saved_state(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((unsigned long long)high << 32) | low;
}

static int best_level(void) {
    enum { OSXSAVE = 1 << 27, FMA = 1 << 12, F16C = 1 << 29, AVX2 = 1 << 5 };
    enum { AVX512F = 1 << 16, AVX512DQ = 1 << 17, AVX512BW = 1 << 30 };
    enum { AVX_STATE = 0x6, AVX512_STATE = 0xe6 };
    const unsigned AVX512VL = 1u << 31;
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE) || !(c & FMA) || !(c & F16C)) return 0;
    unsigned long long state = saved_state();
    if ((state & AVX_STATE) != AVX_STATE) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & AVX2)) return 0;
    bool wide = (b & AVX512F) && (b & AVX512DQ) && (b & AVX512BW) && (b & AVX512VL);
    return wide && (state & AVX512_STATE) == AVX512_STATE ? 2 : 1;
}
#else
static int best_level(void) { return 0; }
#endif

static unsigned hash(const char *name) {
    unsigned h = 5381;
    for (; *name; name++) h = h * 33 + (unsigned char)*name;
    return h % BUCKETS;
}

static void fill_buckets(const hl_family *const *families) {
    memset(buckets, 0, sizeof buckets);
    for (; *families; families++)
        for (int k = 0; k < (*families)->count; k++) {
            const hl_kernel *kernel = &(*families)->kernels[k];
            unsigned at = hash(kernel->name);
            while (buckets[at]) at = (at + 1) % BUCKETS;
            buckets[at] = kernel;
            if (!strcmp(kernel->name, "input")) kernel->prepare(&(hl_prepare){.params = &input});
        }
}

int hl_isa_choose(const char *forced) {
    int best = best_level(), level = best;
    while (level > 0 && !hl_isa_families(level_names[level])) level--;
    if (forced && *forced) {
        level = -1;
        for (int k = 0; k < LEVELS; k++)
            if (!strcmp(forced, level_names[k])) level = k;
        if (level < 0 || !hl_isa_families(level_names[level])) {
            snprintf(error_text, sizeof error_text, "expected HOOKLOOP_ISA to be baseline, avx2 or avx512, got '%.40s'", forced);
            return -1;
        }
        if (level > best) {
            snprintf(error_text, sizeof error_text, "HOOKLOOP_ISA asks for %s, and this machine has no more than %s", forced,
                     level_names[best]);
            return -1;
        }
    }
    chosen = level;
    fill_buckets(hl_isa_families(level_names[level]));
    return 0;
}

bool hl_isa_runs(const char *level) {
    for (int k = 0; k <= best_level(); k++)
        if (!strcmp(level, level_names[k])) return hl_isa_families(level) != NULL;
    return false;
}

const char *hl_isa_error(void) { return error_text; }

static void choose_by_environment(void) {
    if (chosen < 0 && hl_isa_choose(getenv("HOOKLOOP_ISA")) != 0) hl_isa_choose(NULL);
}

const char *hl_isa_name(void) {
    choose_by_environment();
    return level_names[chosen];
}

const hl_kernel *hl_find_kernel(const char *name) {
    choose_by_environment();
    for (unsigned at = hash(name); buckets[at]; at = (at + 1) % BUCKETS)
        if (!strcmp(buckets[at]->name, name)) return buckets[at];
    return NULL;
}

const hl_input *hl_input_kernels(void) {
    choose_by_environment();
    return &input;
}
