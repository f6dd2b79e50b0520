/* From which estimated time on an instruction of a plan is shared with the workers: learned from how long the plan's runs take.
 *
 * What it costs to hand work over depends on where the system put the threads: two processors that share a cache answer each other
 * in 50 ns, two that do not take ten times as long and fetch each other's results as slowly, and a virtual machine may be moved from
 * one to the other at any moment. So a frame tries a few thresholds, keeps the one with the shortest runs, and tries again
 * now and then, or when its runs become longer. Results do not depend on it: they are the same for any number of threads.
 *
 * Where another process has a worker's processor most runs are as short as ever, but now and then one waits for as long as that keeps
 * it. So what all runs take together decides as well whether sharing pays.
 *
 * Waking a worker takes longer than a short run does. But where one run follows the other the worker, once woken, waits for the next
 * one; so what such runs do alone adds up until waking pays.
 */
#ifndef HOOKLOOP_SHARING_H
#define HOOKLOOP_SHARING_H

#include <stdbool.h>
#include <stdint.h>

enum { HL_SPIN_NS = 60000 }; /* how long a worker without work looks for the next before it parks (pool.c) */

typedef enum hl_sharing_level { HL_SHARE_MOST, HL_SHARE_LARGE, HL_SHARE_NOTHING, HL_SHARING_LEVELS } hl_sharing_level;

/* Zeroed: nothing is known yet. Times are in units of the run's estimated time, so that runs of different sizes compare. */
typedef struct hl_sharing {
    hl_sharing_level level, kept; /* of the next run; of the trials' winner */
    bool holding;                 /* no trial goes on */
    int trials;                   /* of this level so far */
    int runs, hold;               /* since the trials; how many there are to be until the next ones */
    double least[HL_SHARING_LEVELS];
    double recent;                /* the least of the last few runs */
    double all, longest;          /* of the runs at this level since their number was last full */
    int summed;
    double left_ns;               /* estimated time of what the last runs did alone because all workers slept, */
    int64_t left_at_ns;           /* of which the last one ended then */
} hl_sharing;

/* The least estimated time of an instruction that the next run, of so much estimated time, shares. */
double hl_sharing_threshold_ns(const hl_sharing *sharing, double cost_ns);

/* Notes how long a run took and decides about the next one. */
void hl_sharing_note(hl_sharing *sharing, double elapsed_ns, double cost_ns);

/* What the runs before one that begins now have left to it: how much they did alone, or 0 where a worker woken for them would sleep again. */
double hl_sharing_left_ns(const hl_sharing *sharing, int64_t begin_ns);

/* Leaves to the run that comes next what this one and those before it did alone. */
void hl_sharing_leave(hl_sharing *sharing, int64_t end_ns, double unshared_ns);

#endif
