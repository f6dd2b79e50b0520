/* What is shared with workers follows from the times of runs: the shortest wins, changes are noticed, long runs never wait alone. */
#include "harness.h"
#include "sharing.h"

typedef struct machine { double ns[HL_SHARING_LEVELS]; } machine; /* how long a run takes that shares so much */

enum { SHORT_NS = 100000, LONG_NS = 3000000, SETTLED = 64, MANY = 100000 };

static hl_sharing_level level_of(const hl_sharing *s, double cost_ns) {
    const double threshold = hl_sharing_threshold_ns(s, cost_ns);
    return threshold == 0 ? HL_SHARE_MOST : isinf(threshold) ? HL_SHARE_NOTHING : HL_SHARE_LARGE;
}

/* Runs, and how many of them were not at the level. */
static int runs(hl_sharing *s, const machine *m, int count, double cost_ns, hl_sharing_level level) {
    int others = 0;
    for (int k = 0; k < count; k++) {
        const hl_sharing_level now = level_of(s, cost_ns);
        others += now != level;
        hl_sharing_note(s, m->ns[now], cost_ns);
    }
    return others;
}

static void test_the_shortest_runs_win(void) {
    for (int best = 0; best < HL_SHARING_LEVELS; best++) {
        machine m = {{200000, 200000, 200000}};
        m.ns[best] = 150000;
        hl_sharing s = {0};
        runs(&s, &m, SETTLED, SHORT_NS, best);
        CHECK((int)level_of(&s, SHORT_NS) == best);
        CHECK(runs(&s, &m, MANY, SHORT_NS, best) < MANY / 200);
    }
}

static void test_a_change_of_the_machine_is_noticed_soon(void) {
    const machine near = {{100000, 130000, 160000}}, far = {{300000, 200000, 160000}};
    hl_sharing s = {0};
    runs(&s, &near, MANY, SHORT_NS, HL_SHARE_MOST);
    CHECK(level_of(&s, SHORT_NS) == HL_SHARE_MOST);
    runs(&s, &far, 2 * SETTLED, SHORT_NS, HL_SHARE_NOTHING);
    CHECK(level_of(&s, SHORT_NS) == HL_SHARE_NOTHING);
    runs(&s, &near, 20000, SHORT_NS, HL_SHARE_MOST);
    CHECK(level_of(&s, SHORT_NS) == HL_SHARE_MOST);
}

static void test_one_slow_run_changes_nothing(void) {
    const machine m = {{100000, 130000, 160000}};
    hl_sharing s = {0};
    runs(&s, &m, SETTLED, SHORT_NS, HL_SHARE_MOST);
    hl_sharing_note(&s, 1e9, SHORT_NS);
    CHECK(runs(&s, &m, 32, SHORT_NS, HL_SHARE_MOST) == 0);
}

static void test_runs_of_other_sizes_compare_by_their_estimates(void) {
    const machine m = {{100000, 130000, 160000}}, ten = {{1000000, 1300000, 1600000}};
    hl_sharing s = {0};
    runs(&s, &m, SETTLED, SHORT_NS, HL_SHARE_MOST);
    CHECK(runs(&s, &ten, 48, 10 * SHORT_NS, HL_SHARE_MOST) == 0);
}

static void test_long_runs_are_never_alone(void) {
    const machine m = {{2000000, 2100000, 1}}, alone = {{300000, 200000, 100000}};
    hl_sharing s = {0};
    CHECK(runs(&s, &m, MANY, LONG_NS, HL_SHARE_NOTHING) == MANY);
    s = (hl_sharing){0};
    runs(&s, &alone, SETTLED, SHORT_NS, HL_SHARE_NOTHING);
    CHECK(level_of(&s, SHORT_NS) == HL_SHARE_NOTHING);
    CHECK(runs(&s, &m, MANY, LONG_NS, HL_SHARE_NOTHING) == MANY);
}

/* Of many runs that are shared a few wait for milliseconds, as beside a process that has the worker's processor half of the time. */
static void test_runs_that_wait_now_and_then_are_not_shared(void) {
    const machine m = {{30000, 35000, 50000}};
    const double stalled_ns = 3e6, cost_ns = 50000;
    hl_sharing s = {0};
    int shared = 0;
    for (int k = 0; k < MANY; k++) {
        const hl_sharing_level now = level_of(&s, cost_ns);
        shared += now != HL_SHARE_NOTHING;
        hl_sharing_note(&s, now != HL_SHARE_NOTHING && k % 90 == 0 ? stalled_ns : m.ns[now], cost_ns);
    }
    CHECK(shared < MANY / 10);
    s = (hl_sharing){0};
    runs(&s, &m, SETTLED, cost_ns, HL_SHARE_MOST);
    CHECK(runs(&s, &m, MANY, cost_ns, HL_SHARE_MOST) < MANY / 100);
}

static void test_runs_that_follow_one_another_add_up_what_they_do_alone(void) {
    hl_sharing s = {0};
    CHECK(hl_sharing_left_ns(&s, 1000000) == 0);
    hl_sharing_leave(&s, 1000000, 20000);
    CHECK(hl_sharing_left_ns(&s, 1000000 + 29999) == 20000);
    CHECK(hl_sharing_left_ns(&s, 1000000 + 30000) == 0);
    hl_sharing_leave(&s, 2000000, 0); /* which woke workers */
    CHECK(hl_sharing_left_ns(&s, 2000001) == 0);
}

int main(void) {
    test_the_shortest_runs_win();
    test_a_change_of_the_machine_is_noticed_soon();
    test_one_slow_run_changes_nothing();
    test_runs_of_other_sizes_compare_by_their_estimates();
    test_long_runs_are_never_alone();
    test_runs_that_wait_now_and_then_are_not_shared();
    test_runs_that_follow_one_another_add_up_what_they_do_alone();
    return 0;
}
