/* For work that takes more time in parts than as a whole: whether there will be threads for the parts. */
#ifndef HOOKLOOP_POOL_PARTS_H
#define HOOKLOOP_POOL_PARTS_H

#include "pool.h"

/* How many threads hl_parallel offers work of this estimated time to now; where that is 1, the work is done as one chunk. */
int hl_threads_for(hl_run *run, double cost_ns);

#endif
