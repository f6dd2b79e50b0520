/* What C asks the machine for itself: the clock, and how floating-point numbers near 0 are computed. */
#ifndef HOOKLOOP_MACHINE_H
#define HOOKLOOP_MACHINE_H

#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The monotonic clock. */
static inline int64_t hl_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* In a loop that waits for another thread: leaves the core to the thread beside this one for a moment. */
static inline void hl_relax(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#if defined(__x86_64__)
enum { HL_FLUSHES = 0x8040 }; /* of MXCSR: results (bit 15) and operands (bit 6) that are denormal are taken as 0 */
static inline unsigned hl_float_mode(void) { return _mm_getcsr(); }
static inline void hl_set_float_mode(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
enum { HL_FLUSHES = 1 << 24 }; /* of FPCR: both are */
static inline unsigned hl_float_mode(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return (unsigned)mode;
}
static inline void hl_set_float_mode(unsigned mode) { __asm__ volatile("msr fpcr, %0" ::"r"((uint64_t)mode)); }
#else
enum { HL_FLUSHES = 0 };
static inline unsigned hl_float_mode(void) { return 0; }
static inline void hl_set_float_mode(unsigned mode) { (void)mode; }
#endif

/* Flushes denormals to zero in this thread and gives the mode before. All threads of a run do, so that a result does not depend on
 * which of them made it. Setting the mode costs more than looking at it. */
static inline unsigned hl_flush_denormals(void) {
    const unsigned mode = hl_float_mode();
    if ((mode & HL_FLUSHES) != HL_FLUSHES) hl_set_float_mode(mode | HL_FLUSHES);
    return mode;
}

static inline void hl_restore_denormals(unsigned mode) {
    if ((mode & HL_FLUSHES) != HL_FLUSHES) hl_set_float_mode(mode);
}

#endif
