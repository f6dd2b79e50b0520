/* Fences: an instruction that reads or writes outside of its own operands ends the program, in a build that has them. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static int64_t reach; /* the float that the kernel of the test writes */

static hl_status run_reach(const hl_instr *ins, hl_run *run) {
    (void)run;
    ((volatile float *)ins->arg[0])[reach] = 1;
    return HL_OK;
}

static hl_status prepare_reach(hl_prepare *prep) {
    prep->scratch_bytes = 100;
    return prep->ins->fn = run_reach, HL_OK;
}

static hl_status run_reach_in_scratch(const hl_instr *ins, hl_run *run) {
    (void)ins;
    ((volatile float *)run->scratch)[reach] = 1;
    return HL_OK;
}

static hl_status prepare_reach_in_scratch(hl_prepare *prep) {
    prep->scratch_bytes = 128;
    return prep->ins->fn = run_reach_in_scratch, HL_OK;
}

/* Whether a run ends well whose instruction has the second of three values of 7 floats as its operand. */
static bool survives(const hl_kernel *kernel, int64_t at) {
    const pid_t child = fork();
    if (!child) {
        reach = at;
        builder *b = calloc(1, sizeof *b);
        const int32_t n = new_register(b, 7);
        b->plan.n_arena_slots = 3;
        int32_t values[3];
        for (int32_t k = 0; k < 3; k++) values[k] = new_tensor(b, HL_FLOAT32, HL_IN_ARENA, k, 1, &n);
        add_instr(b, kernel, 0, 1, &values[1], 0, NULL);
        hl_frame *frame = finish(b, hl_arena_new());
        CHECK(hl_frame_prepare(frame, false) == HL_OK);
        CHECK(hl_frame_run(frame) == HL_OK);
        const unsigned char *unwritten = (const unsigned char *)frame->tensors[values[0]].data;
        for (int k = 0; k < 28; k++) CHECK(unwritten[k] == 0xff);
        _exit(0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGSEGV);
    return WIFEXITED(status);
}

int main(void) {
    static const hl_kernel in_value = {"reach", prepare_reach, 0, NULL};
    static const hl_kernel in_scratch = {"reach_in_scratch", prepare_reach_in_scratch, 0, NULL};
    unsetenv("HOOKLOOP_FENCE");
    CHECK(survives(&in_value, 0) && survives(&in_value, 6));
    CHECK(!survives(&in_value, 7) && !survives(&in_value, 1024 + 6) && !survives(&in_value, 2048) && !survives(&in_value, -2048));
    CHECK(survives(&in_scratch, 31) && !survives(&in_scratch, 32));
    setenv("HOOKLOOP_FENCE", "before", 1);
    CHECK(survives(&in_value, 0) && !survives(&in_value, -1));
    CHECK(survives(&in_scratch, 0) && !survives(&in_scratch, -1));
    return 0;
}
