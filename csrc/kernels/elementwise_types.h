/* The element types of elementwise kernels: how they are stored, computed with, loaded and stored.
 *
 * EACH_FLOAT(X, ...) is X(tag, dtype, stored, computed, load, store, ...) for each floating type, EACH_INT and
 * so on likewise.
 */
#ifndef HOOKLOOP_ELEMENTWISE_TYPES_H
#define HOOKLOOP_ELEMENTWISE_TYPES_H

#include "half.h"
#include "simd.h"

#define PLAIN(x) (x)
#if SIMD_SHORT_LOOPS_CROSS_LINES
#define IVDEP _Pragma("GCC ivdep") _Pragma("GCC unroll 4")
#else
#define IVDEP _Pragma("GCC ivdep")
#endif
#define VARIANTS(op, rows) static const ew_variant op##_variants[] = {rows {0, 0, NULL}};

/* The loop of an op of one operand: S is stored, C computed with, R the result. EXPR is in x, of the computed type. */
#define UNARY_LOOP(name, S, C, LOAD, R, STORE, EXPR)                                                                  \
    static hl_status name(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {         \
        (void)param;                                                                                            \
        if (stride[0] == (int64_t)sizeof(S) && stride[1] == (int64_t)sizeof(R)) {                               \
            const S *a = (const S *)data[0];                                                                    \
            R *out = (R *)data[1];                                                                              \
            IVDEP for (int64_t i = 0; i < n; i++) {                                                             \
                const C x = LOAD(a[i]);                                                                         \
                out[i] = (R)STORE((EXPR));                                                                      \
            }                                                                                                   \
        } else {                                                                                                \
            for (int64_t i = 0; i < n; i++) {                                                                   \
                const C x = LOAD(*(const S *)(data[0] + i * stride[0]));                                        \
                *(R *)(data[1] + i * stride[1]) = (R)STORE((EXPR));                                             \
            }                                                                                                   \
        }                                                                                                       \
        return HL_OK;                                                                                           \
    }

/* x where y is above 0, and as much of it as the slope elsewhere. The slope comes as an argument, read once: a load in one
   arm of a condition would keep the loop from going by vectors. */
static inline float leaky_f(float x, float y, float slope) { return y > 0 ? x : x * slope; }
static inline double leaky_d(double x, double y, double slope) { return y > 0 ? x : x * slope; }
#define LEAKY(x, y, slope) _Generic((x), float: leaky_f, default: leaky_d)(x, y, slope)

#define EACH_WIDE_FLOAT(X, ...)                                  \
    X(f32, HL_FLOAT32, float, float, PLAIN, PLAIN, __VA_ARGS__)  \
    X(f64, HL_FLOAT64, double, double, PLAIN, PLAIN, __VA_ARGS__)
#define EACH_HALF(X, ...)                                                               \
    X(f16, HL_FLOAT16, uint16_t, float, half_to_float, float_to_half, __VA_ARGS__)      \
    X(bf16, HL_BFLOAT16, uint16_t, float, bfloat_to_float, float_to_bfloat, __VA_ARGS__)
#define EACH_FLOAT(X, ...) EACH_WIDE_FLOAT(X, __VA_ARGS__) EACH_HALF(X, __VA_ARGS__)
#define EACH_WIDE_SIGNED(X, ...)                                  \
    X(i32, HL_INT32, int32_t, int32_t, PLAIN, PLAIN, __VA_ARGS__) \
    X(i64, HL_INT64, int64_t, int64_t, PLAIN, PLAIN, __VA_ARGS__)
#define EACH_SMALL_SIGNED(X, ...)                                 \
    X(i8, HL_INT8, int8_t, int8_t, PLAIN, PLAIN, __VA_ARGS__)     \
    X(i16, HL_INT16, int16_t, int16_t, PLAIN, PLAIN, __VA_ARGS__)
#define EACH_SMALL_UNSIGNED(X, ...)                                  \
    X(u8, HL_UINT8, uint8_t, uint8_t, PLAIN, PLAIN, __VA_ARGS__)     \
    X(u16, HL_UINT16, uint16_t, uint16_t, PLAIN, PLAIN, __VA_ARGS__)
#define EACH_WIDE_UNSIGNED(X, ...)                                   \
    X(u32, HL_UINT32, uint32_t, uint32_t, PLAIN, PLAIN, __VA_ARGS__) \
    X(u64, HL_UINT64, uint64_t, uint64_t, PLAIN, PLAIN, __VA_ARGS__)
#define EACH_SIGNED(X, ...) EACH_WIDE_SIGNED(X, __VA_ARGS__) EACH_SMALL_SIGNED(X, __VA_ARGS__)
#define EACH_UNSIGNED(X, ...) EACH_SMALL_UNSIGNED(X, __VA_ARGS__) EACH_WIDE_UNSIGNED(X, __VA_ARGS__)
#define EACH_SMALL(X, ...) EACH_SMALL_SIGNED(X, __VA_ARGS__) EACH_SMALL_UNSIGNED(X, __VA_ARGS__)
#define EACH_INT(X, ...) EACH_SIGNED(X, __VA_ARGS__) EACH_UNSIGNED(X, __VA_ARGS__)
#define EACH_NUMBER(X, ...) EACH_FLOAT(X, __VA_ARGS__) EACH_INT(X, __VA_ARGS__)
#define EACH_BOOL(X, ...) X(b8, HL_BOOL, uint8_t, uint8_t, PLAIN, PLAIN, __VA_ARGS__)

#endif
