/* Trials of thresholds, one after the other, and what is kept of them. */
#include "sharing.h"

#include <math.h>

enum {
    TRIAL_RUNS = 8,           /* of each level; the first one, which finds caches and workers in another state, does not count */
    LEAST_HOLD = 128,         /* runs until the next trials, twice as many each time that they confirm what is kept */
    MOST_HOLD = 8192,
    WINDOW = 16,              /* runs whose least time is compared with that of the trials */
    SUMMED = 512,             /* runs whose mean, without the longest one, is compared with the least that shares nothing */
    SOON_NS = 30000,          /* a run that follows the last one so soon finds the workers awake that it woke */
    LONG_COST_NS = 2000000    /* longer runs are never tried alone: sharing pays, and finding out would be felt */
};
_Static_assert(SOON_NS < HL_SPIN_NS, "a worker that has parked would be taken for one that still looks for work");
static const double THRESHOLD_NS[HL_SHARING_LEVELS] = {0, 20000, INFINITY};
static const double LONGER = 1.25;   /* than in the trials: something has changed */
static const double DISADVANTAGE = 1.05; /* of all runs together, from which on they share nothing */
static const double ADVANTAGE = 0.97; /* a level that is no better than this does not replace the one that is kept */

double hl_sharing_threshold_ns(const hl_sharing *sharing, double cost_ns) {
    return sharing->level == HL_SHARE_NOTHING && cost_ns >= LONG_COST_NS ? 0 : THRESHOLD_NS[sharing->level];
}

static void begin_trials(hl_sharing *s) {
    s->holding = false;
    s->level = HL_SHARE_MOST;
    s->trials = 0;
}

static void hold(hl_sharing *s, int levels) {
    const bool first = s->hold == 0;
    hl_sharing_level best = s->kept < (hl_sharing_level)levels ? s->kept : HL_SHARE_MOST;
    for (int level = 0; level < levels; level++)
        if (s->least[level] < s->least[best] * (level == (int)s->kept || first ? 1 : ADVANTAGE)) best = (hl_sharing_level)level;
    s->hold = first || best != s->kept ? LEAST_HOLD : s->hold < MOST_HOLD ? 2 * s->hold : MOST_HOLD;
    if (best != s->kept) s->all = s->longest = s->summed = 0;
    s->kept = s->level = best;
    s->holding = true;
    s->runs = 0;
    s->recent = INFINITY;
}

static void note_trial(hl_sharing *s, double time, double cost_ns) {
    const int levels = cost_ns < LONG_COST_NS ? HL_SHARING_LEVELS : HL_SHARE_NOTHING;
    if (s->trials++ == 0) s->least[s->level] = INFINITY;
    else if (time < s->least[s->level]) s->least[s->level] = time;
    if (s->trials < TRIAL_RUNS) return;
    s->trials = 0;
    if ((int)s->level + 1 < levels) s->level++;
    else hold(s, levels);
}

/* Whether runs take longer together than if each did all by itself, although the shortest do not. */
static bool costs_more(hl_sharing *s, double time) {
    s->all += time;
    if (time > s->longest) s->longest = time;
    if (++s->summed < SUMMED) return false;
    const double mean = (s->all - s->longest) / (SUMMED - 1);
    s->all = s->longest = s->summed = 0;
    return mean > DISADVANTAGE * s->least[HL_SHARE_NOTHING];
}

static void note_held(hl_sharing *s, double time, double cost_ns) {
    if (s->kept != HL_SHARE_NOTHING && cost_ns < LONG_COST_NS && s->least[HL_SHARE_NOTHING] > 0 && costs_more(s, time)) {
        s->kept = s->level = HL_SHARE_NOTHING;
        s->hold = MOST_HOLD;
        s->runs = 0;
        s->recent = INFINITY;
        return;
    }
    if (time < s->recent) s->recent = time;
    if (++s->runs % WINDOW == 0) {
        if (s->recent > LONGER * s->least[s->kept]) {
            s->hold = LEAST_HOLD;
            begin_trials(s);
            return;
        }
        s->recent = INFINITY;
    }
    if (s->runs >= s->hold) begin_trials(s);
}

void hl_sharing_note(hl_sharing *sharing, double elapsed_ns, double cost_ns) {
    const double time = elapsed_ns / cost_ns;
    if (sharing->holding) note_held(sharing, time, cost_ns);
    else note_trial(sharing, time, cost_ns);
}

double hl_sharing_left_ns(const hl_sharing *sharing, int64_t begin_ns) {
    return begin_ns - sharing->left_at_ns < SOON_NS ? sharing->left_ns : 0;
}

void hl_sharing_leave(hl_sharing *sharing, int64_t end_ns, double unshared_ns) {
    sharing->left_at_ns = end_ns;
    sharing->left_ns = unshared_ns;
}
