/* Steps of a chain whose values stay in registers: eight vectors at a time go through all of them, and nothing but what later
 * steps want is stored.
 *
 * A program is a row of operations, each of which ends by jumping to the next with the eight vectors as its arguments. They are
 * those of the kernels of the same names (elementwise_binary.c, elementwise_unary.c, select.c), with the same bits: each rounds
 * as its kernel does, and as each is a function of its own, no product of one is added unrounded by the next. What programs
 * have no operation for goes through its kernel's own loop, before and after.
 */
#ifndef HOOKLOOP_REGISTER_STEPS_H
#define HOOKLOOP_REGISTER_STEPS_H

#include "../plan.h"
#include "simd.h"
#include "vector_math.h"

/* Where a function gets eight vectors in registers, and loads, stores and turns of the loop are most of a step. */
#if defined(__AVX2__)
#define STEPS_IN_REGISTERS 1
#else
#define STEPS_IN_REGISTERS 0
#endif

#if STEPS_IN_REGISTERS

enum { REG_VECTORS = 8 };

typedef struct reg_step reg_step;
/* `base` has the addresses of the operands, `at` is the place of the first element. Doubles come as floats, too: bits are bits. */
#define REG_PARAMETERS                                                                                                  \
    const reg_step *s, char *const *base, int64_t at, simd_f32 a0, simd_f32 a1, simd_f32 a2, simd_f32 a3, simd_f32 a4, \
        simd_f32 a5, simd_f32 a6, simd_f32 a7
#define REG_NEXT s[1].run(s + 1, base, at, a0, a1, a2, a3, a4, a5, a6, a7)
typedef void (*reg_run)(REG_PARAMETERS);
struct reg_step {
    reg_run run;
    int32_t operand, other;
};


/* --- what operations do with a vector; those of two operands have the kernel's order --------------------------------- */

/* Where the mask is set a, else b. */
#if defined(__AVX512F__)
SIMD_INLINE simd_f32 reg_choice_f32(simd_i32 mask, simd_f32 a, simd_f32 b) {
    return (simd_f32)_mm512_mask_mov_ps((__m512)b, _mm512_movepi32_mask((__m512i)mask), (__m512)a);
}
SIMD_INLINE simd_f64 reg_choice_f64(simd_i64 mask, simd_f64 a, simd_f64 b) {
    return (simd_f64)_mm512_mask_mov_pd((__m512d)b, _mm512_movepi64_mask((__m512i)mask), (__m512d)a);
}
#define reg_bound_f32(bound, x, y) bound##_or_nan_f32(x, y)
#define reg_bound_f64(bound, x, y) bound##_or_nan_f64(x, y)
#else
SIMD_INLINE simd_f32 reg_choice_f32(simd_i32 mask, simd_f32 a, simd_f32 b) {
    return (simd_f32)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
}
SIMD_INLINE simd_f64 reg_choice_f64(simd_i64 mask, simd_f64 a, simd_f64 b) {
    return (simd_f64)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)mask);
}
#define reg_bound_f32(bound, x, y) reg_choice_f32(x != x, x, bound##_f32(x, y))
#define reg_bound_f64(bound, x, y) reg_choice_f64(x != x, x, bound##_f64(x, y))
#endif
/* x where the condition holds, else 0. */
#define REG_WHERE(condition, f, x) (simd_##f)((condition) & (__typeof__(condition))(x))

#define REG_FUNCTIONS(f, one)                                                                                          \
    SIMD_INLINE simd_##f reg_add_##f(simd_##f x, simd_##f y) { return x + y; }                                         \
    SIMD_INLINE simd_##f reg_sub_##f(simd_##f x, simd_##f y) { return x - y; }                                         \
    SIMD_INLINE simd_##f reg_mul_##f(simd_##f x, simd_##f y) { return x * y; }                                         \
    SIMD_INLINE simd_##f reg_div_##f(simd_##f x, simd_##f y) { return x / y; }                                         \
    SIMD_INLINE simd_##f reg_maximum_##f(simd_##f x, simd_##f y) { return reg_bound_##f(max, x, y); }                  \
    SIMD_INLINE simd_##f reg_minimum_##f(simd_##f x, simd_##f y) { return reg_bound_##f(min, x, y); }                  \
    SIMD_INLINE simd_##f reg_squared_difference_##f(simd_##f x, simd_##f y) { return (x - y) * (x - y); }              \
    SIMD_INLINE simd_##f reg_tanh_grad_##f(simd_##f x, simd_##f y) { return y * (one - x * x); }                       \
    SIMD_INLINE simd_##f reg_sigmoid_grad_##f(simd_##f x, simd_##f y) { return y * x * (one - x); }                    \
    SIMD_INLINE simd_##f reg_relu_grad_##f(simd_##f x, simd_##f y) { return REG_WHERE(y > 0, f, x); }                  \
    SIMD_INLINE simd_##f reg_equal_##f(simd_##f x, simd_##f y) { return (simd_##f)(x == y); }                          \
    SIMD_INLINE simd_##f reg_not_equal_##f(simd_##f x, simd_##f y) { return (simd_##f)(x != y); }                      \
    SIMD_INLINE simd_##f reg_less_##f(simd_##f x, simd_##f y) { return (simd_##f)(x < y); }                            \
    SIMD_INLINE simd_##f reg_less_equal_##f(simd_##f x, simd_##f y) { return (simd_##f)(x <= y); }                     \
    SIMD_INLINE simd_##f reg_greater_##f(simd_##f x, simd_##f y) { return (simd_##f)(x > y); }                         \
    SIMD_INLINE simd_##f reg_greater_equal_##f(simd_##f x, simd_##f y) { return (simd_##f)(x >= y); }                  \
    SIMD_INLINE simd_##f reg_neg_##f(simd_##f x) { return -x; }                                                        \
    SIMD_INLINE simd_##f reg_abs_##f(simd_##f x) { return abs_##f(x); }                                                \
    SIMD_INLINE simd_##f reg_square_##f(simd_##f x) { return x * x; }                                                  \
    SIMD_INLINE simd_##f reg_reciprocal_##f(simd_##f x) { return one / x; }                                            \
    SIMD_INLINE simd_##f reg_relu_##f(simd_##f x) { return reg_maximum_##f(x, (simd_##f){0}); }
REG_FUNCTIONS(f32, 1.0f)
REG_FUNCTIONS(f64, 1.0)
/* --- operations: what is in the registers is their operand, and so is what lies in memory, along or the same for all ------ */

#define REG_MEMORY(f, i) load_##f(m + (i) * (int)(SIMD_BYTES / sizeof *m))
#define REG_IS(f, i, VALUE) a##i = (simd_f32)(VALUE);
#define REG_ALL(f, VALUE)                                                                                       \
    REG_IS(f, 0, VALUE(f, 0)) REG_IS(f, 1, VALUE(f, 1)) REG_IS(f, 2, VALUE(f, 2)) REG_IS(f, 3, VALUE(f, 3))     \
    REG_IS(f, 4, VALUE(f, 4)) REG_IS(f, 5, VALUE(f, 5)) REG_IS(f, 6, VALUE(f, 6)) REG_IS(f, 7, VALUE(f, 7))

/* Vectors one after the other: GCC begins with all of them, and then has too few registers. */
#define REG_IN_TURN(a) __asm__ volatile("" : "+v"(a));
#define REG_ONE_LINE(op, f, i) a##i = (simd_f32)reg_##op##_##f((simd_##f)a##i); REG_IN_TURN(a##i)
#define REG_OF_ONE(op, f)                                                                     \
    static void reg_##op##_run_##f(REG_PARAMETERS) {                                          \
        REG_ONE_LINE(op, f, 0) REG_ONE_LINE(op, f, 1) REG_ONE_LINE(op, f, 2)                  \
        REG_ONE_LINE(op, f, 3) REG_ONE_LINE(op, f, 4) REG_ONE_LINE(op, f, 5)                  \
        REG_ONE_LINE(op, f, 6) REG_ONE_LINE(op, f, 7)                                         \
        REG_NEXT;                                                                             \
    }

/* FIRST and SECOND: which of `own`, of the registers, and `m`, of memory, are x and y. */
#define REG_LINE(op, f, i, MEMORY, FIRST, SECOND)                        \
    {                                                                    \
        const simd_##f own = (simd_##f)a##i, memory = MEMORY(f, i);      \
        a##i = (simd_f32)reg_##op##_##f(FIRST, SECOND);                  \
        REG_IN_TURN(a##i)                                                \
    }
#define REG_BODY(name, op, f, BEFORE, MEMORY, FIRST, SECOND)                                            \
    static void name(REG_PARAMETERS) {                                                                  \
        BEFORE                                                                                          \
        REG_LINE(op, f, 0, MEMORY, FIRST, SECOND) REG_LINE(op, f, 1, MEMORY, FIRST, SECOND)             \
        REG_LINE(op, f, 2, MEMORY, FIRST, SECOND) REG_LINE(op, f, 3, MEMORY, FIRST, SECOND)             \
        REG_LINE(op, f, 4, MEMORY, FIRST, SECOND) REG_LINE(op, f, 5, MEMORY, FIRST, SECOND)             \
        REG_LINE(op, f, 6, MEMORY, FIRST, SECOND) REG_LINE(op, f, 7, MEMORY, FIRST, SECOND)             \
        REG_NEXT;                                                                                       \
    }
#define REG_SPREAD(f, i) spread
#define REG_OF_TWO(op, f, REAL)                                                                                          \
    REG_BODY(reg_##op##_along_##f, op, f, const REAL *m = (const REAL *)base[s->operand] + at;, REG_MEMORY, own, memory) \
    REG_BODY(reg_##op##_still_##f, op, f, const simd_##f spread = splat_##f(*(const REAL *)base[s->operand]);,           \
             REG_SPREAD, own, memory)
/* Both operands from memory: what a program, or what it does not go on with, begins with. */
#define REG_FIRST_LINE(op, f, i, FIRST, SECOND) a##i = (simd_f32)reg_##op##_##f(FIRST(f, i), SECOND(f, i)); REG_IN_TURN(a##i)
#define REG_FIRST(name, op, f, BEFORE, FIRST, SECOND)                                                           \
    static void name(REG_PARAMETERS) {                                                                          \
        BEFORE                                                                                                  \
        REG_FIRST_LINE(op, f, 0, FIRST, SECOND) REG_FIRST_LINE(op, f, 1, FIRST, SECOND)                         \
        REG_FIRST_LINE(op, f, 2, FIRST, SECOND) REG_FIRST_LINE(op, f, 3, FIRST, SECOND)                         \
        REG_FIRST_LINE(op, f, 4, FIRST, SECOND) REG_FIRST_LINE(op, f, 5, FIRST, SECOND)                         \
        REG_FIRST_LINE(op, f, 6, FIRST, SECOND) REG_FIRST_LINE(op, f, 7, FIRST, SECOND)                         \
        REG_NEXT;                                                                                               \
    }
#define REG_OF_MEMORY(op, f, REAL)                                                                                      \
    REG_FIRST(reg_##op##_both_##f, op, f, const REAL *m = (const REAL *)base[s->operand] + at;                          \
              const REAL *other = (const REAL *)base[s->other] + at;, REG_MEMORY, REG_OTHER)                            \
    REG_FIRST(reg_##op##_first_still_##f, op, f, const simd_##f spread = splat_##f(*(const REAL *)base[s->operand]);    \
              const REAL *other = (const REAL *)base[s->other] + at;, REG_SPREAD, REG_OTHER)                            \
    REG_FIRST(reg_##op##_second_still_##f, op, f, const REAL *m = (const REAL *)base[s->operand] + at;                  \
              const simd_##f spread = splat_##f(*(const REAL *)base[s->other]);, REG_MEMORY, REG_SPREAD)
#define REG_OF_TWO_TURNED(op, f, REAL)                                                                                   \
    REG_BODY(reg_##op##_turned_##f, op, f, const REAL *m = (const REAL *)base[s->operand] + at;, REG_MEMORY, memory, own) \
    REG_BODY(reg_##op##_turned_still_##f, op, f, const simd_##f spread = splat_##f(*(const REAL *)base[s->operand]);,    \
             REG_SPREAD, memory, own)

/* Loads, stores, the choice between two operands by what is in the registers. */
#define REG_MOVES(f, REAL, LANES)                                                                                       \
    static void reg_load_along_##f(REG_PARAMETERS) {                                                                    \
        const REAL *m = (const REAL *)base[s->operand] + at;                                                            \
        REG_ALL(f, REG_MEMORY)                                                                                          \
        REG_NEXT;                                                                                                       \
    }                                                                                                                   \
    static void reg_load_still_##f(REG_PARAMETERS) {                                                                    \
        const simd_##f spread = splat_##f(*(const REAL *)base[s->operand]);                                             \
        REG_ALL(f, REG_SPREAD)                                                                                          \
        REG_NEXT;                                                                                                       \
    }                                                                                                                   \
    static void reg_store_##f(REG_PARAMETERS) {                                                                         \
        float *to = (float *)((REAL *)base[s->operand] + at);                                                           \
        store_f32(to, a0), store_f32(to + F32_LANES, a1), store_f32(to + 2 * F32_LANES, a2);                            \
        store_f32(to + 3 * F32_LANES, a3), store_f32(to + 4 * F32_LANES, a4), store_f32(to + 5 * F32_LANES, a5);        \
        store_f32(to + 6 * F32_LANES, a6), store_f32(to + 7 * F32_LANES, a7);                                           \
        REG_NEXT;                                                                                                       \
    }                                                                                                                   \
    /* Past the cache, where the last of the addresses says so. */                                                      \
    static void reg_store_past_##f(REG_PARAMETERS) {                                                                    \
        float *to = (float *)((REAL *)base[s->operand] + at);                                                           \
        if (!base[s->other]) {                                                                                          \
            reg_store_##f(s, base, at, a0, a1, a2, a3, a4, a5, a6, a7);                                                 \
            return;                                                                                                     \
        }                                                                                                               \
        stream_f32(to, a0), stream_f32(to + F32_LANES, a1), stream_f32(to + 2 * F32_LANES, a2);                         \
        stream_f32(to + 3 * F32_LANES, a3), stream_f32(to + 4 * F32_LANES, a4), stream_f32(to + 5 * F32_LANES, a5);     \
        stream_f32(to + 6 * F32_LANES, a6), stream_f32(to + 7 * F32_LANES, a7);                                         \
        REG_NEXT;                                                                                                       \
    }                                                                                                                   \
    REG_CHOOSE(reg_choose_##f, f, const REAL *m = (const REAL *)base[s->operand] + at;                                  \
               const REAL *other = (const REAL *)base[s->other] + at;, REG_MEMORY, REG_OTHER)                           \
    REG_CHOOSE(reg_choose_still_along_##f, f, const simd_##f spread = splat_##f(*(const REAL *)base[s->operand]);       \
               const REAL *other = (const REAL *)base[s->other] + at;, REG_SPREAD, REG_OTHER)                           \
    REG_CHOOSE(reg_choose_along_still_##f, f, const REAL *m = (const REAL *)base[s->operand] + at;                      \
               const simd_##f spread = splat_##f(*(const REAL *)base[s->other]);, REG_MEMORY, REG_SPREAD)
#define REG_MASK_f32 (simd_i32)
#define REG_MASK_f64 (simd_i64)
#define REG_OTHER(f, i) load_##f(other + (i) * (int)(SIMD_BYTES / sizeof *other))
#define REG_CHOSEN(f, i, FIRST, SECOND) a##i = (simd_f32)reg_choice_##f(REG_MASK_##f a##i, FIRST(f, i), SECOND(f, i)); REG_IN_TURN(a##i)
#define REG_CHOOSE(name, f, BEFORE, FIRST, SECOND)                                      \
    static void name(REG_PARAMETERS) {                                                  \
        BEFORE                                                                          \
        REG_CHOSEN(f, 0, FIRST, SECOND) REG_CHOSEN(f, 1, FIRST, SECOND)                 \
        REG_CHOSEN(f, 2, FIRST, SECOND) REG_CHOSEN(f, 3, FIRST, SECOND)                 \
        REG_CHOSEN(f, 4, FIRST, SECOND) REG_CHOSEN(f, 5, FIRST, SECOND)                 \
        REG_CHOSEN(f, 6, FIRST, SECOND) REG_CHOSEN(f, 7, FIRST, SECOND)                 \
        REG_NEXT;                                                                       \
    }
REG_MOVES(f32, float, F32_LANES)
REG_MOVES(f64, double, F64_LANES)

/* Behind the last operation: the next turn, which begins `operand` operations before, as long as there is one. */
#define REG_TURN(f, lanes)                                                                      \
    static void reg_turn_##f(REG_PARAMETERS) {                                                  \
        at += REG_VECTORS * lanes;                                                              \
        if (at < (int64_t)(intptr_t)base[s->other]) {                                           \
            s -= s->operand;                                                                    \
            s->run(s, base, at, a0, a1, a2, a3, a4, a5, a6, a7);                                \
        }                                                                                       \
    }
REG_TURN(f32, F32_LANES)
REG_TURN(f64, F64_LANES)

/* --- the table --------------------------------------------------------------------------------------------------------- */

/* By whether the other operand stands still; turned: what is in the registers is y. */
typedef struct reg_operation {
    const char *name;
    int operands;
    bool compares;
    reg_run run[2][2], turned[2][2]; /* of floats and of doubles, along and still */
    reg_run first[2][3];             /* of two operands in memory: along both, the first still, the second still */
} reg_operation;

#define REG_UNARY(X) X(neg) X(abs) X(square) X(reciprocal) X(relu)
#define REG_EITHER_WAY(X) X(add, 0) X(mul, 0) X(equal, 1) X(not_equal, 1)
#define REG_ORDERED(X)                                                                                              \
    X(sub, 0) X(div, 0) X(maximum, 0) X(minimum, 0) X(squared_difference, 0) X(tanh_grad, 0) X(sigmoid_grad, 0)     \
    X(relu_grad, 0) X(less, 1) X(less_equal, 1) X(greater, 1) X(greater_equal, 1)

#define REG_DEFINE_ONE(op) REG_OF_ONE(op, f32) REG_OF_ONE(op, f64)
#define REG_DEFINE_TWO(op, compares)                        \
    REG_OF_TWO(op, f32, float) REG_OF_TWO(op, f64, double)  \
    REG_OF_MEMORY(op, f32, float) REG_OF_MEMORY(op, f64, double)
#define REG_DEFINE_TURNED(op, compares) \
    REG_DEFINE_TWO(op, compares) REG_OF_TWO_TURNED(op, f32, float) REG_OF_TWO_TURNED(op, f64, double)
REG_UNARY(REG_DEFINE_ONE)
REG_EITHER_WAY(REG_DEFINE_TWO)
REG_ORDERED(REG_DEFINE_TURNED)

#define REG_ROW_ONE(op) \
    {#op, 1, false, {{reg_##op##_run_f32, reg_##op##_run_f32}, {reg_##op##_run_f64, reg_##op##_run_f64}}, {{NULL}}, {{NULL}}},
#define REG_ROW_WAYS(op) {{reg_##op##_along_f32, reg_##op##_still_f32}, {reg_##op##_along_f64, reg_##op##_still_f64}}
#define REG_ROW_FIRSTS(op)                                                                                  \
    {{reg_##op##_both_f32, reg_##op##_first_still_f32, reg_##op##_second_still_f32},                        \
     {reg_##op##_both_f64, reg_##op##_first_still_f64, reg_##op##_second_still_f64}}
#define REG_ROW_TWO(op, compares) {#op, 2, compares, REG_ROW_WAYS(op), REG_ROW_WAYS(op), REG_ROW_FIRSTS(op)},
#define REG_ROW_TURNED(op, compares)            \
    {#op, 2, compares, REG_ROW_WAYS(op),        \
     {{reg_##op##_turned_f32, reg_##op##_turned_still_f32}, {reg_##op##_turned_f64, reg_##op##_turned_still_f64}}, REG_ROW_FIRSTS(op)},
static const reg_operation reg_operations[] = {
    REG_EITHER_WAY(REG_ROW_TWO) REG_ORDERED(REG_ROW_TURNED) REG_UNARY(REG_ROW_ONE){"select", 3, false, {{NULL}}, {{NULL}}, {{NULL}}},
};

static inline const reg_operation *reg_operation_of(const char *name) {
    for (size_t i = 0; i < sizeof reg_operations / sizeof *reg_operations; i++) {
        const reg_operation *o = &reg_operations[i];
        if (o->name[0] == name[0] && strcmp(o->name, name) == 0) return o;
    }
    return NULL;
}

/* Sends n elements through a program, as many as eight vectors hold at a time. Returns how many have gone. `end` is where the
 * program looks for their number. */
static inline int64_t reg_run_program(const reg_step *program, int64_t n, int lanes, char **base, int end) {
    const simd_f32 none = {0};
    const int64_t turn = (int64_t)REG_VECTORS * lanes, whole = n / turn * turn;
    base[end] = (char *)(intptr_t)whole;
    if (whole) program->run(program, base, 0, none, none, none, none, none, none, none, none);
    return whole;
}

#endif
#endif
