/* The kernels of the ISA level that this process runs. */
#ifndef HOOKLOOP_ISA_H
#define HOOKLOOP_ISA_H

#include "plan.h"

/* Chooses the level: `forced` (baseline, avx2, avx512), or the best that processor and operating system have where it
 * is NULL or empty. Returns 0, or -1 where the forced level is unknown or cannot run here; see hl_isa_error. */
int hl_isa_choose(const char *forced);

const char *hl_isa_error(void);

/* Whether a level was built and can run here. */
bool hl_isa_runs(const char *level);

/* The level chosen; choosing by the environment variable HOOKLOOP_ISA if nobody has chosen before. */
const char *hl_isa_name(void);

/* A kernel of the chosen level by its name, or NULL. */
const hl_kernel *hl_find_kernel(const char *name);

/* The families of a level that was built, ending with NULL; NULL for a level that was not. Written by setup.py. */
const hl_family *const *hl_isa_families(const char *level);

#endif
