/* Sorted segments of single numbers: a number waits for those of its segment before it, so several parts, each with segments of its own,
 * are gone through in turn, a number of each. Where a segment ends is not branched on.
 */
#ifndef HOOKLOOP_SEGMENT_NUMBERS_H
#define HOOKLOOP_SEGMENT_NUMBERS_H

#include <math.h>

#include "segment_rows.h"
#include "segment_vectors.h"

/* Rows between the bounds go into what `out` has of their segments. False where the run is to stop. */
typedef bool (*fold_numbers)(const segment_source *source, const int64_t *bound, void *out, hl_run *run, int worker);

/* What is made is kept in a vector register, where its bits can be chosen without a way through others. What a sum begins with is the zero
 * that changes no number; the largest and the least of several begin with an infinity, so a NaN is none of them. */
#define SEGMENT_NUMBERS(tag, S, BITS, NOTHING)                                                                               \
    typedef S values_##tag __attribute__((vector_size(16)));                                                                 \
    typedef BITS masks_##tag __attribute__((vector_size(16)));                                                               \
    typedef struct turn_##tag { int64_t before, count; values_##tag held; } turn_##tag;                                      \
    SIMD_INLINE values_##tag either_##tag(masks_##tag same, values_##tag a, values_##tag b) {                                \
        return (values_##tag)(((masks_##tag)a & same) | ((masks_##tag)b & ~same));                                           \
    }                                                                                                                        \
    SIMD_INLINE void take_number_##tag(const int fold, const bool mean, const bool picked, const segment_source *source,     \
                                       int64_t i, turn_##tag *turn, S *out) {                                                \
        const int64_t number = index_at(source->numbers, source->wide, i);                                                   \
        const values_##tag x = {((const S *)source->data)[picked ? index_at(source->indices, source->wide_index, i) : i]};   \
        const masks_##tag same = (masks_##tag){0} - (BITS)(number == turn->before);                                          \
        const values_##tag held = either_##tag(same, turn->held, (values_##tag){NOTHING(fold)});                             \
        values_##tag made;                                                                                                   \
        if (fold == FOLD_SUM) {                                                                                              \
            made = turn->held = held + x;                                                                                    \
            turn->count = (number == turn->before ? turn->count : 0) + 1;                                                    \
            if (mean) made[0] = made[0] / (S)(double)turn->count;                                                            \
        } else {                                                                                                             \
            turn->held = either_##tag((masks_##tag)(fold == FOLD_LARGEST ? x > held : x < held), x, held);                   \
            made = either_##tag(same, turn->held, x);                                                                        \
        }                                                                                                                    \
        out[number] = made[0];                                                                                               \
        turn->before = number;                                                                                               \
    }                                                                                                                        \
    SIMD_INLINE bool fold_numbers_##tag(const int fold, const bool mean, const bool picked, const segment_source *source,    \
                                        const int64_t *bound, S *out, hl_run *run, int worker) {                             \
        turn_##tag turn[TURNS];                                                                                              \
        const int64_t shortest = shortest_turn(bound);                                                                       \
        for (int part = 0; part < TURNS; part++) turn[part] = (turn_##tag){.before = -1};                                    \
        for (int64_t done = 0; done < shortest;) {                                                                           \
            const int64_t end = shortest - done < LOOK_ELEMENTS / TURNS ? shortest : done + LOOK_ELEMENTS / TURNS;           \
            turn_##tag a = turn[0], b = turn[1], c = turn[2], d = turn[3];                                                   \
            if (done && hl_is_stopped_for(run, worker)) return false;                                                        \
            for (; done < end; done++) {                                                                                     \
                take_number_##tag(fold, mean, picked, source, bound[0] + done, &a, out);                                     \
                take_number_##tag(fold, mean, picked, source, bound[1] + done, &b, out);                                     \
                take_number_##tag(fold, mean, picked, source, bound[2] + done, &c, out);                                     \
                take_number_##tag(fold, mean, picked, source, bound[3] + done, &d, out);                                     \
            }                                                                                                                \
            turn[0] = a, turn[1] = b, turn[2] = c, turn[3] = d;                                                              \
        }                                                                                                                    \
        for (int part = 0; part < TURNS; part++)                                                                             \
            for (int64_t i = bound[part] + shortest; i < bound[part + 1];) {                                                 \
                const int64_t end = bound[part + 1] - i < LOOK_ELEMENTS ? bound[part + 1] : i + LOOK_ELEMENTS;               \
                for (; i < end; i++) take_number_##tag(fold, mean, picked, source, i, &turn[part], out);                     \
                if (i < bound[part + 1] && hl_is_stopped_for(run, worker)) return false;                                     \
            }                                                                                                                \
        return true;                                                                                                         \
    }
#define SEGMENT_NUMBERS_FN(name, tag, S, fold, mean, picked)                                                                 \
    static bool name##_##tag(const segment_source *source, const int64_t *bound, void *out, hl_run *run, int worker) {       \
        return fold_numbers_##tag(fold, mean, picked, source, bound, out, run, worker);                                      \
    }
#define NO_FLOAT(fold) (fold == FOLD_SUM ? -0.0f : fold == FOLD_LARGEST ? -INFINITY : INFINITY)
#define NO_INTEGER(fold) 0
#define SUMS_OF_NUMBERS(tag, S)                                         \
    SEGMENT_NUMBERS_FN(sum_numbers, tag, S, FOLD_SUM, false, false)     \
    SEGMENT_NUMBERS_FN(sum_picked, tag, S, FOLD_SUM, false, true)
#define OTHERS_OF_NUMBERS(tag, S)                                       \
    SEGMENT_NUMBERS_FN(mean_numbers, tag, S, FOLD_SUM, true, false)     \
    SEGMENT_NUMBERS_FN(mean_picked, tag, S, FOLD_SUM, true, true)       \
    SEGMENT_NUMBERS_FN(largest_number, tag, S, FOLD_LARGEST, false, false) \
    SEGMENT_NUMBERS_FN(least_number, tag, S, FOLD_LEAST, false, false)
SEGMENT_NUMBERS(f32, float, uint32_t, NO_FLOAT)
SEGMENT_NUMBERS(f64, double, uint64_t, NO_FLOAT)
SEGMENT_NUMBERS(i32, uint32_t, uint32_t, NO_INTEGER)
SEGMENT_NUMBERS(i64, uint64_t, uint64_t, NO_INTEGER)
SUMS_OF_NUMBERS(f32, float)
SUMS_OF_NUMBERS(f64, double)
SUMS_OF_NUMBERS(i32, uint32_t)
SUMS_OF_NUMBERS(i64, uint64_t)
OTHERS_OF_NUMBERS(f32, float)
OTHERS_OF_NUMBERS(f64, double)

#endif
