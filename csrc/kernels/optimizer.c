/* The update rules of the optimizers, dense and for chosen rows. Operands: the variable, its slots, the gradient, the
 * rule's scalars in TensorFlow's order, then the rows' indices where there are any.
 *
 * A rule is written once, for a span of elements: the dense form runs it over blocks, the sparse form over rows. */
#include <math.h>

#include "elementwise_types.h"
#include "plan.h"
#include "pool.h"
#include "row_indices.h"
#include "vector_math.h"

enum {
    BLOCK = 4096, /* elements that are updated as one, or a little less */
    EVEN = 4,     /* chunks are as many, or a multiple, so that two or four threads part where halves and quarters do */
    LINE = 64     /* elements that stay together: lines of the cache for any type */
};

/* at: where the span begins in the variable; grad_at: where it begins in the gradient. */
typedef void (*span_fn)(void *const *data, int64_t at, int64_t grad_at, int64_t n, bool flag);

typedef struct update update;
/* The rows of these indices, each with its row of the gradient. */
typedef void (*rows_fn)(const update *u, void *const *data, const void *indices);
typedef struct rule_of { span_fn span; rows_fn rows; } rule_of;

struct update {
    span_fn span;
    rows_fn rows_span;
    int64_t size;     /* elements of the variable */
    int64_t rows;     /* the variable's first dimension */
    int64_t row;      /* elements of one row */
    int64_t count;    /* indices */
    int n_operands;
    bool flag;        /* use_nesterov or update_slots; of rules that have neither, whether rows are chosen */
    bool wide;        /* int64 indices */
    double cost_ns;
};

/* --- rules --------------------------------------------------------------------------------------------------------- */

#define SPAN(rule, tag)                                                                                                  \
    static inline __attribute__((always_inline)) void rule##_span_##tag(void *const *data, int64_t at, int64_t grad_at, \
                                                                         int64_t n, bool flag);                         \
    static void rule##_##tag(void *const *data, int64_t at, int64_t grad_at, int64_t n, bool flag) {                    \
        rule##_span_##tag(data, at, grad_at, n, flag);                                                                  \
    }                                                                                                                   \
    static void rule##_rows_##tag(const update *u, void *const *data, const void *indices) {                            \
        if (u->row == 1)                                                                                                \
            for (int64_t i = 0; i < u->count; i++) rule##_span_##tag(data, index_at(indices, u->wide, i), i, 1, u->flag); \
        else                                                                                                            \
            for (int64_t i = 0; i < u->count; i++)                                                                      \
                rule##_span_##tag(data, index_at(indices, u->wide, i) * u->row, i * u->row, u->row, u->flag);           \
    }                                                                                                                   \
    static inline __attribute__((always_inline)) void rule##_span_##tag(void *const *data, int64_t at, int64_t grad_at, \
                                                                         int64_t n, bool flag)
#define ROOT(x) _Generic((x), float: sqrtf, double: sqrt)(x)
#define EACH IVDEP for (int64_t i = 0; i < n; i++)

#define GRADIENT_DESCENT(tag, dtype, S, C, LOAD, STORE, unused)          \
    SPAN(gradient_descent, tag) {                                        \
        S *variable = (S *)data[0] + at;                                 \
        const S *grad = (const S *)data[1] + grad_at;                    \
        const C rate = LOAD(((const S *)data[2])[0]);                    \
        (void)flag;                                                      \
        EACH variable[i] = STORE(LOAD(variable[i]) - rate * LOAD(grad[i])); \
    }
EACH_FLOAT(GRADIENT_DESCENT, 0)

#define MOMENTUM(tag, dtype, S, C, LOAD, STORE, unused)                                                        \
    SPAN(momentum, tag) {                                                                                      \
        S *variable = (S *)data[0] + at, *accumulator = (S *)data[1] + at;                                     \
        const S *grad = (const S *)data[2] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[3])[0]), momentum = LOAD(((const S *)data[4])[0]);                \
        if (flag) {                                                                                            \
            EACH {                                                                                             \
                const C g = LOAD(grad[i]), a = LOAD(accumulator[i]) * momentum + g;                            \
                accumulator[i] = STORE(a);                                                                     \
                variable[i] = STORE(LOAD(variable[i]) - (g * rate + a * momentum * rate));                     \
            }                                                                                                  \
        } else {                                                                                               \
            EACH {                                                                                             \
                const C a = LOAD(accumulator[i]) * momentum + LOAD(grad[i]);                                   \
                accumulator[i] = STORE(a);                                                                     \
                variable[i] = STORE(LOAD(variable[i]) - a * rate);                                             \
            }                                                                                                  \
        }                                                                                                      \
    }
EACH_FLOAT(MOMENTUM, 0)

#define ADAM_OPERANDS(S, C, LOAD)                                                                              \
    S *variable = (S *)data[0] + at, *mean = (S *)data[1] + at, *square = (S *)data[2] + at;                   \
    const S *grad = (const S *)data[3] + grad_at;                                                              \
    const C power1 = LOAD(((const S *)data[4])[0]), power2 = LOAD(((const S *)data[5])[0]);                    \
    const C beta1 = LOAD(((const S *)data[7])[0]), beta2 = LOAD(((const S *)data[8])[0]);                      \
    const C epsilon = LOAD(((const S *)data[9])[0]);                                                           \
    const C rate = LOAD(((const S *)data[6])[0]) * ROOT(1 - power2) / (1 - power1);
/* What a slot becomes; what is taken for the mean, divided by the root of the square. */
#define ADAM_MEAN(old, g) (old) + ((g) - (old)) * (1 - beta1)
#define ADAM_SQUARE(old, g) (old) + ((g) * (g) - (old)) * (1 - beta2)
#define ADAM_NESTEROV(m, g) ((g) * (1 - beta1) + beta1 * (m))

#define ADAM(tag, dtype, S, C, LOAD, STORE, unused)                                                            \
    SPAN(adam, tag) {                                                                                          \
        ADAM_OPERANDS(S, C, LOAD)                                                                              \
        if (flag) ADAM_LOOP(C, LOAD, STORE, ADAM_NESTEROV(m, g))                                               \
        else ADAM_LOOP(C, LOAD, STORE, m)                                                                      \
    }
#define ADAM_LOOP(C, LOAD, STORE, DIRECTION)                                                                   \
    EACH {                                                                                                     \
        const C g = LOAD(grad[i]), m = ADAM_MEAN(LOAD(mean[i]), g), v = ADAM_SQUARE(LOAD(square[i]), g);       \
        mean[i] = STORE(m);                                                                                    \
        square[i] = STORE(v);                                                                                  \
        variable[i] = STORE(LOAD(variable[i]) - DIRECTION * rate / (ROOT(v) + epsilon));                       \
    }
#if defined(__AVX512F__)
/* Floats by whole vectors, the last under a mask: what becomes of an element does not depend on where it lies. */
SPAN(adam, f32) {
    ADAM_OPERANDS(float, float, PLAIN)
    for (int64_t i = 0; i < n; i += F32_LANES) {
        const __mmask16 here = (__mmask16)(n - i < F32_LANES ? (1u << (n - i)) - 1 : 0xffff);
        const simd_f32 g = (simd_f32)_mm512_maskz_loadu_ps(here, grad + i);
        const simd_f32 old_mean = (simd_f32)_mm512_maskz_loadu_ps(here, mean + i), m = ADAM_MEAN(old_mean, g);
        const simd_f32 old_square = (simd_f32)_mm512_maskz_loadu_ps(here, square + i), v = ADAM_SQUARE(old_square, g);
        const simd_f32 old = (simd_f32)_mm512_maskz_loadu_ps(here, variable + i);
        const simd_f32 direction = flag ? ADAM_NESTEROV(m, g) : m;
        const simd_f32 step = quotient_f32(direction * rate, root_f32(v) + epsilon);
        _mm512_mask_storeu_ps(mean + i, here, (__m512)m);
        _mm512_mask_storeu_ps(square + i, here, (__m512)v);
        _mm512_mask_storeu_ps(variable + i, here, (__m512)(old - step));
    }
}
ADAM(f64, HL_FLOAT64, double, double, PLAIN, PLAIN, 0)
EACH_HALF(ADAM, 0)
#else
EACH_FLOAT(ADAM, 0)
#endif

#define ADAGRAD(tag, dtype, S, C, LOAD, STORE, unused)                                           \
    SPAN(adagrad, tag) {                                                                         \
        S *variable = (S *)data[0] + at, *accumulator = (S *)data[1] + at;                       \
        const S *grad = (const S *)data[2] + grad_at;                                            \
        const C rate = LOAD(((const S *)data[3])[0]);                                            \
        EACH {                                                                                   \
            const C g = LOAD(grad[i]), a = LOAD(accumulator[i]) + (flag ? g * g : 0);            \
            accumulator[i] = STORE(a);                                                           \
            variable[i] = STORE(LOAD(variable[i]) - g * rate / ROOT(a));                         \
        }                                                                                        \
    }
EACH_FLOAT(ADAGRAD, 0)

#define RMS_PROP(tag, dtype, S, C, LOAD, STORE, unused)                                                        \
    SPAN(rms_prop, tag) {                                                                                      \
        S *variable = (S *)data[0] + at, *square = (S *)data[1] + at, *moment = (S *)data[2] + at;             \
        const S *grad = (const S *)data[3] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[4])[0]), rho = LOAD(((const S *)data[5])[0]);                     \
        const C momentum = LOAD(((const S *)data[6])[0]), epsilon = LOAD(((const S *)data[7])[0]);             \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]);                                                                         \
            const C s = LOAD(square[i]) + (g * g - LOAD(square[i])) * (1 - rho);                               \
            const C m = LOAD(moment[i]) * momentum + g * rate / ROOT(s + epsilon);                             \
            square[i] = STORE(s);                                                                              \
            moment[i] = STORE(m);                                                                              \
            variable[i] = STORE(LOAD(variable[i]) - m);                                                        \
        }                                                                                                      \
    }
EACH_FLOAT(RMS_PROP, 0)

#define CENTERED(tag, dtype, S, C, LOAD, STORE, unused)                                                        \
    SPAN(centered_rms_prop, tag) {                                                                             \
        S *variable = (S *)data[0] + at, *mean = (S *)data[1] + at;                                            \
        S *square = (S *)data[2] + at, *moment = (S *)data[3] + at;                                            \
        const S *grad = (const S *)data[4] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[5])[0]), rho = LOAD(((const S *)data[6])[0]);                     \
        const C momentum = LOAD(((const S *)data[7])[0]), epsilon = LOAD(((const S *)data[8])[0]);             \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]);                                                                         \
            const C s = LOAD(square[i]) + (g * g - LOAD(square[i])) * (1 - rho);                               \
            const C a = LOAD(mean[i]) + (g - LOAD(mean[i])) * (1 - rho);                                       \
            const C m = LOAD(moment[i]) * momentum + g * rate / ROOT(s - a * a + epsilon);                     \
            square[i] = STORE(s);                                                                              \
            mean[i] = STORE(a);                                                                                \
            moment[i] = STORE(m);                                                                              \
            variable[i] = STORE(LOAD(variable[i]) - m);                                                        \
        }                                                                                                      \
    }
EACH_FLOAT(CENTERED, 0)

#define ADADELTA(tag, dtype, S, C, LOAD, STORE, unused)                                                        \
    SPAN(adadelta, tag) {                                                                                      \
        S *variable = (S *)data[0] + at, *square = (S *)data[1] + at, *update = (S *)data[2] + at;             \
        const S *grad = (const S *)data[3] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[4])[0]), rho = LOAD(((const S *)data[5])[0]);                     \
        const C epsilon = LOAD(((const S *)data[6])[0]);                                                       \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), u = LOAD(update[i]);                                                    \
            const C s = LOAD(square[i]) * rho + g * g * (1 - rho);                                             \
            const C step = ROOT(u + epsilon) / ROOT(s + epsilon) * g;                                          \
            square[i] = STORE(s);                                                                              \
            update[i] = STORE(u * rho + step * step * (1 - rho));                                              \
            variable[i] = STORE(LOAD(variable[i]) - step * rate);                                              \
        }                                                                                                      \
    }
EACH_FLOAT(ADADELTA, 0)

/* x moved towards 0 by an amount, and no further. */
#define SHRUNK(x, amount) ((x) > (amount) ? (x) - (amount) : (x) < -(amount) ? (x) + (amount) : 0 * (x))

#define PROXIMAL_GRADIENT_DESCENT(tag, dtype, S, C, LOAD, STORE, unused)                                       \
    SPAN(proximal_gradient_descent, tag) {                                                                     \
        S *variable = (S *)data[0] + at;                                                                       \
        const S *grad = (const S *)data[1] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[2])[0]), l1 = LOAD(((const S *)data[3])[0]);                      \
        const C l2 = LOAD(((const S *)data[4])[0]), less = l1 > 0 ? rate * l1 : 0;                             \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C moved = LOAD(variable[i]) - rate * LOAD(grad[i]);                                          \
            variable[i] = STORE(SHRUNK(moved, less) / (1 + rate * l2));                                        \
        }                                                                                                      \
    }
EACH_FLOAT(PROXIMAL_GRADIENT_DESCENT, 0)

#define PROXIMAL_ADAGRAD(tag, dtype, S, C, LOAD, STORE, unused)                                                \
    SPAN(proximal_adagrad, tag) {                                                                              \
        S *variable = (S *)data[0] + at, *accumulator = (S *)data[1] + at;                                     \
        const S *grad = (const S *)data[2] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[3])[0]), l1 = LOAD(((const S *)data[4])[0]);                      \
        const C l2 = LOAD(((const S *)data[5])[0]), kept = l1 > 0 ? l1 : 0;                                    \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), a = LOAD(accumulator[i]) + g * g, own = rate / ROOT(a);                 \
            const C moved = LOAD(variable[i]) - g * own;                                                       \
            accumulator[i] = STORE(a);                                                                         \
            variable[i] = STORE(SHRUNK(moved, own * kept) / (1 + l2 * own));                                   \
        }                                                                                                      \
    }
EACH_FLOAT(PROXIMAL_ADAGRAD, 0)

#define ADAGRAD_DA(tag, dtype, S, C, LOAD, STORE, unused)                                                      \
    SPAN(adagrad_da, tag) {                                                                                    \
        S *variable = (S *)data[0] + at, *total = (S *)data[1] + at, *square = (S *)data[2] + at;              \
        const S *grad = (const S *)data[3] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[4])[0]), l1 = LOAD(((const S *)data[5])[0]);                      \
        const C l2 = LOAD(((const S *)data[6])[0]), steps = (C)((const int64_t *)data[7])[0];                  \
        const C less = l1 > 0 ? l1 * steps : 0;                                                                \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), t = LOAD(total[i]) + g, s = LOAD(square[i]) + g * g;                    \
            total[i] = STORE(t);                                                                               \
            square[i] = STORE(s);                                                                              \
            variable[i] = STORE(-rate * SHRUNK(t, less) / (l2 * steps * rate + ROOT(s)));                      \
        }                                                                                                      \
    }
EACH_FLOAT(ADAGRAD_DA, 0)

/* The accumulator to -power: nearly always its root, whose loop goes by vectors. What is no number stays none in chosen rows
 * (the flag) and becomes 0 in a dense update, as in TensorFlow. */
#define POWER(x, power) _Generic((x), float: powf, double: pow)(x, -(power))
#define FTRL_LOOP(S, C, LOAD, STORE, GROWN, SET)                                                               \
    EACH {                                                                                                     \
        const C v = LOAD(variable[i]), g = LOAD(grad[i]), a = LOAD(accumulator[i]), next = a + g * g;          \
        const C root = GROWN(next), before = GROWN(a);                                                         \
        const C l = LOAD(linear[i]) + (g + 2 * shrinkage * v) - (root - before) / rate * v;                    \
        accumulator[i] = STORE(next);                                                                          \
        linear[i] = STORE(l);                                                                                  \
        const C held = l > l1 ? l1 : l < -l1 ? -l1 : l, moved = (held - l) / (root / rate + 2 * l2);           \
        variable[i] = STORE(SET);                                                                              \
    }
#define OWN_POWER(x) POWER(x, power)
#define ANY_MOVE moved
#define OWN_MOVE (l > l1 || l < -l1 ? moved : 0)
#define FTRL_OF(name, tag, S, C, LOAD, STORE, SHRINKAGE, POWER_AT)                                             \
    SPAN(name, tag) {                                                                                          \
        S *variable = (S *)data[0] + at, *accumulator = (S *)data[1] + at, *linear = (S *)data[2] + at;        \
        const S *grad = (const S *)data[3] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[4])[0]), l1 = LOAD(((const S *)data[5])[0]);                      \
        const C l2 = LOAD(((const S *)data[6])[0]), shrinkage = SHRINKAGE;                                     \
        const C power = LOAD(((const S *)data[POWER_AT])[0]);                                                  \
        const bool rows = flag;                                                                                \
        if (power != (C)-0.5) FTRL_LOOP(S, C, LOAD, STORE, OWN_POWER, rows ? ANY_MOVE : OWN_MOVE)              \
        else if (rows) FTRL_LOOP(S, C, LOAD, STORE, ROOT, ANY_MOVE)                                            \
        else FTRL_LOOP(S, C, LOAD, STORE, ROOT, OWN_MOVE)                                                      \
    }
#define FTRL(tag, dtype, S, C, LOAD, STORE, unused) FTRL_OF(ftrl, tag, S, C, LOAD, STORE, 0, 7)
#define FTRL_V2(tag, dtype, S, C, LOAD, STORE, unused)                                                         \
    FTRL_OF(ftrl_v2, tag, S, C, LOAD, STORE, LOAD(((const S *)data[7])[0]), 8)
EACH_FLOAT(FTRL, 0)
EACH_FLOAT(FTRL_V2, 0)

#define ADA_MAX(tag, dtype, S, C, LOAD, STORE, unused)                                                         \
    SPAN(ada_max, tag) {                                                                                       \
        S *variable = (S *)data[0] + at, *mean = (S *)data[1] + at, *norm = (S *)data[2] + at;                 \
        const S *grad = (const S *)data[3] + grad_at;                                                          \
        const C power1 = LOAD(((const S *)data[4])[0]), rate = LOAD(((const S *)data[5])[0]) / (1 - power1);   \
        const C beta1 = LOAD(((const S *)data[6])[0]), beta2 = LOAD(((const S *)data[7])[0]);                  \
        const C epsilon = LOAD(((const S *)data[8])[0]);                                                       \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), size = g < 0 ? -g : g, old = beta2 * LOAD(norm[i]);                     \
            const C m = LOAD(mean[i]) + (g - LOAD(mean[i])) * (1 - beta1), u = old < size ? size : old;        \
            mean[i] = STORE(m);                                                                                \
            norm[i] = STORE(u);                                                                                \
            variable[i] = STORE(LOAD(variable[i]) - rate * (m / (u + epsilon)));                               \
        }                                                                                                      \
    }
EACH_FLOAT(ADA_MAX, 0)

/* The gradient is scaled by what its sign and that of its running mean say: three numbers. */
#define SIGN_RULE(name, tag, S, C, LOAD, STORE, ALIKE, NEITHER, OPPOSITE)                                      \
    SPAN(name, tag) {                                                                                          \
        S *variable = (S *)data[0] + at, *mean = (S *)data[1] + at;                                            \
        const S *grad = (const S *)data[2] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[3])[0]), own = LOAD(((const S *)data[4])[0]);                     \
        const C decay = LOAD(((const S *)data[5])[0]), beta = LOAD(((const S *)data[6])[0]);                   \
        const C alike = ALIKE, neither = NEITHER, opposite = OPPOSITE;                                         \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), m = LOAD(mean[i]) * beta + g * (1 - beta);                              \
            const C upwards = m > 0 ? alike : m < 0 ? opposite : neither;                                      \
            const C downwards = m > 0 ? opposite : m < 0 ? alike : neither;                                    \
            const C scale = g > 0 ? upwards : g < 0 ? downwards : neither;                                     \
            mean[i] = STORE(m);                                                                                \
            variable[i] = STORE(LOAD(variable[i]) - rate * scale * g);                                         \
        }                                                                                                      \
    }
#define GROWTH(x) _Generic((x), float: expf, double: exp)(x)
#define ADD_SIGN(tag, dtype, S, C, LOAD, STORE, unused)                                                        \
    SIGN_RULE(add_sign, tag, S, C, LOAD, STORE, own + decay, own, own - decay)
#define POWER_SIGN(tag, dtype, S, C, LOAD, STORE, unused)                                                      \
    SIGN_RULE(power_sign, tag, S, C, LOAD, STORE, GROWTH(own *decay), 1, GROWTH(-(own * decay)))
EACH_FLOAT(ADD_SIGN, 0)
EACH_FLOAT(POWER_SIGN, 0)

#define ADAGRAD_V2(tag, dtype, S, C, LOAD, STORE, unused)                                                      \
    SPAN(adagrad_v2, tag) {                                                                                    \
        S *variable = (S *)data[0] + at, *accumulator = (S *)data[1] + at;                                     \
        const S *grad = (const S *)data[2] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[3])[0]), epsilon = LOAD(((const S *)data[4])[0]);                 \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), a = LOAD(accumulator[i]) + (flag ? g * g : 0);                          \
            accumulator[i] = STORE(a);                                                                         \
            variable[i] = STORE(LOAD(variable[i]) - g * rate / (ROOT(a) + epsilon));                           \
        }                                                                                                      \
    }
EACH_FLOAT(ADAGRAD_V2, 0)

#define KERAS_MOMENTUM(tag, dtype, S, C, LOAD, STORE, unused)                                                  \
    SPAN(keras_momentum, tag) {                                                                                \
        S *variable = (S *)data[0] + at, *accumulator = (S *)data[1] + at;                                     \
        const S *grad = (const S *)data[2] + grad_at;                                                          \
        const C rate = LOAD(((const S *)data[3])[0]), momentum = LOAD(((const S *)data[4])[0]);                \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), a = LOAD(accumulator[i]) * momentum - g * rate;                         \
            accumulator[i] = STORE(a);                                                                         \
            variable[i] = STORE(LOAD(variable[i]) + (flag ? a * momentum - g * rate : a));                     \
        }                                                                                                      \
    }
EACH_FLOAT(KERAS_MOMENTUM, 0)

#define ADAM_AMSGRAD(tag, dtype, S, C, LOAD, STORE, unused)                                                    \
    SPAN(adam_amsgrad, tag) {                                                                                  \
        S *variable = (S *)data[0] + at, *mean = (S *)data[1] + at, *square = (S *)data[2] + at;               \
        S *largest = (S *)data[3] + at;                                                                        \
        const S *grad = (const S *)data[4] + grad_at;                                                          \
        const C power1 = LOAD(((const S *)data[5])[0]), power2 = LOAD(((const S *)data[6])[0]);                \
        const C beta1 = LOAD(((const S *)data[8])[0]), beta2 = LOAD(((const S *)data[9])[0]);                  \
        const C epsilon = LOAD(((const S *)data[10])[0]);                                                      \
        const C rate = LOAD(((const S *)data[7])[0]) * ROOT(1 - power2) / (1 - power1);                        \
        (void)flag;                                                                                            \
        EACH {                                                                                                 \
            const C g = LOAD(grad[i]), m = ADAM_MEAN(LOAD(mean[i]), g), v = ADAM_SQUARE(LOAD(square[i]), g);   \
            const C old = LOAD(largest[i]), top = old < v ? v : old;                                           \
            mean[i] = STORE(m);                                                                                \
            square[i] = STORE(v);                                                                              \
            largest[i] = STORE(top);                                                                           \
            variable[i] = STORE(LOAD(variable[i]) - m * rate / (ROOT(top) + epsilon));                         \
        }                                                                                                      \
    }
EACH_FLOAT(ADAM_AMSGRAD, 0)

/* --- running a rule -------------------------------------------------------------------------------------------------- */

static int64_t chunks_of(int64_t size) { return size <= BLOCK ? 1 : (size + EVEN * BLOCK - 1) / (EVEN * BLOCK) * EVEN; }

/* Where a chunk of the variable begins. The same chunk of several variables, and of the product that makes a gradient, goes to the
 * same thread, in whose cache they are. */
static int64_t first_of(int64_t size, int64_t chunk, int64_t chunks) {
    const int64_t lines = (size + LINE - 1) / LINE, at = lines * chunk / chunks * LINE;
    return at < size ? at : size;
}

static void update_chunk(const update *u, void *const *data, int64_t chunk, int64_t chunks) {
    const int64_t at = first_of(u->size, chunk, chunks), end = first_of(u->size, chunk + 1, chunks);
    if (at < end) u->span(data, at, at, end - at, u->flag);
}

typedef struct dense_call {
    const update *u;
    void *const *data;
    int64_t chunks;
} dense_call;

static void dense_chunk(void *arg, int64_t chunk, int worker) {
    const dense_call *call = arg;
    (void)worker;
    update_chunk(call->u, call->data, chunk, call->chunks);
}

static hl_status run_dense(const hl_instr *ins, hl_run *run) {
    const update *u = ins->p[2].p;
    void *const *data = u->n_operands > HL_DIRECT_ARGS ? hl_args(ins) : (void *const *)ins->arg;
    if (u->size <= BLOCK) {
        u->span(data, 0, 0, u->size, u->flag);
    } else {
        dense_call call = {u, data, chunks_of(u->size)};
        hl_parallel(run, call.chunks, u->cost_ns, dense_chunk, &call);
    }
    return HL_OK;
}

/* All indices are looked at before the first row is written: a step that fails changes nothing. */
static hl_status run_sparse(const hl_instr *ins, hl_run *run) {
    const update *u = ins->p[2].p;
    void *const *data = u->n_operands > HL_DIRECT_ARGS ? hl_args(ins) : (void *const *)ins->arg;
    const void *indices = data[u->n_operands - 1];
    const int64_t unfit = first_unfit(indices, u->wide, u->count, u->rows);
    if (unfit >= 0)
        return hl_fail(run, HL_INVALID_ARGUMENT, "indices[%lld] = %lld is not in [0, %lld)", (long long)unfit,
                       (long long)index_at(indices, u->wide, unfit), (long long)u->rows);
    u->rows_span(u, data, indices);
    return HL_OK;
}

/* attr[0]: whether rows are chosen; attr[1]: the rule's flag. */
static hl_status prepare_update(hl_prepare *prep, int slots, double ns, const rule_of *rules) {
    update *u = prep->params;
    const hl_tensor *variable = prep->in[0], *grad = prep->in[slots + 1];
    const bool sparse = prep->attr[0].i;
    static const hl_dtype dtypes[] = {HL_FLOAT32, HL_FLOAT64, HL_FLOAT16, HL_BFLOAT16};
    for (int i = 0; i < 4; i++)
        if (variable->dtype == dtypes[i]) u->span = rules[i].span, u->rows_span = rules[i].rows;
    if (!u->span) return hl_no_kernel(prep, NULL);
    for (int i = 1; i <= slots; i++)
        if (prep->in[i]->size != variable->size)
            return hl_refuse(prep, HL_INVALID_ARGUMENT, "expected a slot of %lld elements as the variable has, got %lld",
                             (long long)variable->size, (long long)prep->in[i]->size);
    u->flag = prep->attr[1].i;
    u->n_operands = prep->n_in;
    u->size = variable->size;
    u->rows = variable->rank ? variable->dims[0] : 1;
    u->row = u->rows ? variable->size / u->rows : 0;
    if (sparse) {
        const hl_tensor *indices = prep->in[prep->n_in - 1];
        u->wide = indices->dtype == HL_INT64;
        u->count = indices->size;
    }
    const int64_t expected = sparse ? u->count * u->row : u->size;
    if (grad->size != expected)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "expected a gradient of %lld elements, got %lld", (long long)expected,
                         (long long)grad->size);
    u->cost_ns = prep->cost_ns = (double)expected * ns + 5;
    prep->ins->fn = sparse ? run_sparse : run_dense;
    return HL_OK;
}

#define RULE(rule, tag) {rule##_##tag, rule##_rows_##tag}
#define PREPARE(rule, slots, ns)                                                                          \
    static hl_status prepare_##rule(hl_prepare *prep) {                                                   \
        static const rule_of rules[] = {RULE(rule, f32), RULE(rule, f64), RULE(rule, f16), RULE(rule, bf16)}; \
        return prepare_update(prep, slots, ns, rules);                                                    \
    }
PREPARE(gradient_descent, 0, 0.1)
PREPARE(momentum, 1, 0.15)
PREPARE(adam, 2, 0.35)
PREPARE(adagrad, 1, 0.3)
PREPARE(rms_prop, 2, 0.35)
PREPARE(centered_rms_prop, 3, 0.4)
PREPARE(adadelta, 2, 0.4)
PREPARE(proximal_gradient_descent, 0, 0.2)
PREPARE(proximal_adagrad, 1, 0.4)
PREPARE(adagrad_da, 2, 0.4)
PREPARE(ftrl, 2, 0.6)
PREPARE(ftrl_v2, 2, 0.6)
PREPARE(ada_max, 2, 0.4)
PREPARE(add_sign, 1, 0.3)
PREPARE(power_sign, 1, 0.3)
PREPARE(adagrad_v2, 1, 0.3)
PREPARE(keras_momentum, 1, 0.15)
PREPARE(adam_amsgrad, 3, 0.4)

/* --- the updates of several variables in one instruction ------------------------------------------------------------ */

enum { MAX_UPDATES = 16 }; /* as in src/hookloop/compile/passes/merge_updates.py */

typedef struct updates {
    int count;
    int64_t chunks;
    double cost_ns;
    struct { update u; int64_t first_operand; } each[MAX_UPDATES];
} updates;

typedef struct updates_call { const updates *all; void *const *data; } updates_call;

/* The same part of each variable. */
static void updates_chunk(void *arg, int64_t chunk, int worker) {
    const updates_call *call = arg;
    (void)worker;
    for (int i = 0; i < call->all->count; i++)
        update_chunk(&call->all->each[i].u, call->data + call->all->each[i].first_operand, chunk, call->all->chunks);
}

static hl_status run_updates(const hl_instr *ins, hl_run *run) {
    updates_call call = {ins->p[2].p, hl_args(ins)};
    hl_parallel(run, call.all->chunks, call.all->cost_ns, updates_chunk, &call);
    return HL_OK;
}

static hl_status run_few_updates(const hl_instr *ins, hl_run *run) {
    const updates *all = ins->p[2].p;
    (void)run;
    for (int i = 0; i < all->count; i++) {
        const update *u = &all->each[i].u;
        u->span(hl_args(ins) + all->each[i].first_operand, 0, 0, u->size, u->flag);
    }
    return HL_OK;
}

/* Attributes: how many updates, then of each its kernel, the numbers of its operands and attributes, the attributes. */
static hl_status prepare_updates(hl_prepare *prep) {
    updates *all = prep->params;
    const hl_value *attr = prep->attr;
    int64_t operand = 0, size = 0;
    bool few = true;
    *all = (updates){.count = (int)(attr++)->i};
    if (all->count > MAX_UPDATES || prep->n_in <= HL_DIRECT_ARGS)
        return hl_refuse(prep, HL_INTERNAL, "%d updates in one instruction", all->count);
    for (int i = 0; i < all->count; i++) {
        hl_instr instr = {0};
        const hl_kernel *kernel = (attr++)->p;
        const int n_in = (int)(attr++)->i, n_attr = (int)(attr++)->i;
        hl_prepare one = {.n_in = n_in, .n_attr = n_attr, .in = prep->in + operand, .attr = attr, .ins = &instr,
                          .params = &all->each[i].u, .regs = prep->regs};
        const hl_status status = kernel->prepare(&one);
        if (status != HL_OK) return hl_refuse(prep, status, "%s", one.message);
        all->each[i].first_operand = operand;
        size += all->each[i].u.size;
        all->cost_ns += one.cost_ns;
        few = few && all->each[i].u.size <= BLOCK;
        operand += n_in;
        attr += n_attr;
    }
    all->chunks = chunks_of(size);
    prep->cost_ns = all->cost_ns;
    prep->ins->fn = few ? run_few_updates : run_updates;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"apply_gradient_descent", prepare_gradient_descent, sizeof(update)},
    {"apply_momentum", prepare_momentum, sizeof(update)},
    {"apply_adam", prepare_adam, sizeof(update)},
    {"apply_adagrad", prepare_adagrad, sizeof(update)},
    {"apply_rms_prop", prepare_rms_prop, sizeof(update)},
    {"apply_centered_rms_prop", prepare_centered_rms_prop, sizeof(update)},
    {"apply_adadelta", prepare_adadelta, sizeof(update)},
    {"apply_proximal_gradient_descent", prepare_proximal_gradient_descent, sizeof(update)},
    {"apply_proximal_adagrad", prepare_proximal_adagrad, sizeof(update)},
    {"apply_adagrad_da", prepare_adagrad_da, sizeof(update)},
    {"apply_ftrl", prepare_ftrl, sizeof(update)},
    {"apply_ftrl_v2", prepare_ftrl_v2, sizeof(update)},
    {"apply_ada_max", prepare_ada_max, sizeof(update)},
    {"apply_add_sign", prepare_add_sign, sizeof(update)},
    {"apply_power_sign", prepare_power_sign, sizeof(update)},
    {"apply_adagrad_v2", prepare_adagrad_v2, sizeof(update)},
    {"apply_keras_momentum", prepare_keras_momentum, sizeof(update)},
    {"apply_adam_amsgrad", prepare_adam_amsgrad, sizeof(update)},
    {"apply_all", prepare_updates, sizeof(updates)},
};

HL_FAMILY(optimizer, table);
