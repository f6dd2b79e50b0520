/* Casts from every type to every other. */
#include "elementwise.h"
#include "elementwise_types.h"
#include "complex_types.h"
#include "half_vectors.h"
#include "integers.h"

#define TO_FLOAT(x) ((float)(x))
#define TO_DOUBLE(x) ((double)(x))
#define TO_HALF(x) float_to_half((float)(x))
#define TO_BFLOAT(x) float_to_bfloat((float)(x))
#define TO_BOOL(x) ((x) != 0)
#define TO_I32(x) _Generic((x), float: float_to_i32, double: float_to_i32, default: as_i64)(x)
#define TO_I64(x) _Generic((x), float: float_to_i64, double: float_to_i64, default: as_i64)(x)
#define TO_U64(x) _Generic((x), float: float_to_u64, double: float_to_u64, default: as_i64)(x)
static inline int64_t as_i64(int64_t x) { return x; }

/* Casts from one type to every other. */
#define CASTS(tag, dtype, S, C, LOAD, STORE, unused)                       \
    UNARY_LOOP(cast_##tag##_f32, S, C, LOAD, float, PLAIN, TO_FLOAT(x))          \
    UNARY_LOOP(cast_##tag##_f64, S, C, LOAD, double, PLAIN, TO_DOUBLE(x))        \
    UNARY_LOOP(cast_##tag##_f16, S, C, LOAD, uint16_t, PLAIN, TO_HALF(x))        \
    UNARY_LOOP(cast_##tag##_bf16, S, C, LOAD, uint16_t, PLAIN, TO_BFLOAT(x))     \
    UNARY_LOOP(cast_##tag##_b8, S, C, LOAD, uint8_t, PLAIN, TO_BOOL(x))          \
    UNARY_LOOP(cast_##tag##_i32, S, C, LOAD, int32_t, PLAIN, TO_I32(x))          \
    UNARY_LOOP(cast_##tag##_i64, S, C, LOAD, int64_t, PLAIN, TO_I64(x))          \
    UNARY_LOOP(cast_##tag##_i8, S, C, LOAD, int8_t, PLAIN, TO_I64(x))            \
    UNARY_LOOP(cast_##tag##_i16, S, C, LOAD, int16_t, PLAIN, TO_I64(x))          \
    UNARY_LOOP(cast_##tag##_u8, S, C, LOAD, uint8_t, PLAIN, TO_I64(x))           \
    UNARY_LOOP(cast_##tag##_u16, S, C, LOAD, uint16_t, PLAIN, TO_I64(x))         \
    UNARY_LOOP(cast_##tag##_u32, S, C, LOAD, uint32_t, PLAIN, TO_I64(x))         \
    UNARY_LOOP(cast_##tag##_u64, S, C, LOAD, uint64_t, PLAIN, TO_U64(x))         \
    UNARY_LOOP(cast_##tag##_c64, S, C, LOAD, float complex, PLAIN, TO_FLOAT(x))  \
    UNARY_LOOP(cast_##tag##_c128, S, C, LOAD, double complex, PLAIN, TO_DOUBLE(x))
#define CAST_ROWS(tag, dtype, S, C, LOAD, STORE, unused)                                              \
    {dtype, HL_FLOAT32, cast_##tag##_f32}, {dtype, HL_FLOAT64, cast_##tag##_f64},                     \
    {dtype, HL_FLOAT16, cast_##tag##_f16}, {dtype, HL_BFLOAT16, cast_##tag##_bf16},                   \
    {dtype, HL_BOOL, cast_##tag##_b8}, {dtype, HL_INT32, cast_##tag##_i32},                           \
    {dtype, HL_INT64, cast_##tag##_i64}, {dtype, HL_INT8, cast_##tag##_i8},                           \
    {dtype, HL_INT16, cast_##tag##_i16}, {dtype, HL_UINT8, cast_##tag##_u8},                          \
    {dtype, HL_UINT16, cast_##tag##_u16}, {dtype, HL_UINT32, cast_##tag##_u32},                       \
    {dtype, HL_UINT64, cast_##tag##_u64}, {dtype, HL_COMPLEX64, cast_##tag##_c64},                    \
    {dtype, HL_COMPLEX128, cast_##tag##_c128},
EACH_NUMBER(CASTS, 0)
EACH_BOOL(CASTS, 0)

/* Of a complex number the real part is cast; its other part only counts where a complex number or a bool is asked for. */
#define COMPLEX_CASTS(tag, dtype, S, Z, LOAD, STORE, unused)                             \
    CASTS(tag##_real, dtype, S, __typeof__(CX(real, (S)0)), REAL_OF, STORE, unused)       \
    UNARY_LOOP(cast_##tag##_b8, S, Z, PLAIN, uint8_t, PLAIN, TO_BOOL(x))                 \
    UNARY_LOOP(cast_##tag##_c64, S, Z, PLAIN, float complex, PLAIN, x)                   \
    UNARY_LOOP(cast_##tag##_c128, S, Z, PLAIN, double complex, PLAIN, x)
#define REAL_OF(x) CX(real, x)
#define COMPLEX_ROWS(tag, dtype, S, Z, LOAD, STORE, unused)                                             \
    {dtype, HL_BOOL, cast_##tag##_b8}, {dtype, HL_COMPLEX64, cast_##tag##_c64},                         \
    {dtype, HL_COMPLEX128, cast_##tag##_c128}, CAST_ROWS(tag##_real, dtype, S, Z, LOAD, STORE, unused)
EACH_COMPLEX(COMPLEX_CASTS, 0)

/* Between floats of 16 and 32 bits by vectors, where both are dense. */
#define VECTOR_CAST(from_tag, S, to_tag, R)                                                                            \
    static hl_status cast_vectors_##from_tag##_##to_tag(int64_t n, char *const *data, const int64_t *stride,          \
                                                        const hl_value *param) {                                      \
        const S *from = (const S *)data[0];                                                                            \
        R *to = (R *)data[1];                                                                                          \
        int64_t i = 0;                                                                                                 \
        if (stride[0] != (int64_t)sizeof(S) || stride[1] != (int64_t)sizeof(R))                                        \
            return cast_##from_tag##_##to_tag(n, data, stride, param);                                                 \
        for (; i + F32_LANES <= n; i += F32_LANES) store_##to_tag(to + i, load_##from_tag(from + i));                  \
        if (i < n) store_part_##to_tag(to + i, load_part_##from_tag(from + i, (int)(n - i)), (int)(n - i));            \
        return HL_OK;                                                                                                  \
    }
VECTOR_CAST(f32, float, f16, uint16_t)
VECTOR_CAST(f16, uint16_t, f32, float)
VECTOR_CAST(f16, uint16_t, bf16, uint16_t)
VECTOR_CAST(bf16, uint16_t, f16, uint16_t)
/* From floats to integers of other sizes by way of those of 32 bits, where both are dense; what is out of their range one by one. */
#if defined(__AVX2__) && !defined(__AVX512F__)
#define STORE_WIDE(tag, T)                                                                                             \
    SIMD_INLINE void store_whole_##tag(T *to, simd_i32 whole) {                                                        \
        typedef T vector __attribute__((vector_size(F32_LANES * sizeof(T))));                                          \
        const vector value = __builtin_convertvector(whole, vector);                                                   \
        memcpy(to, &value, sizeof value);                                                                              \
    }
/* The lowest bytes of each integer. */
#define STORE_NARROW(tag, T, bits, ...)                                                                                \
    SIMD_INLINE void store_whole_##tag(T *to, simd_i32 whole) {                                                        \
        const __m256i low = _mm256_shuffle_epi8((__m256i)whole, _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))); \
        const __m128i both = _mm_unpacklo_epi##bits(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));    \
        memcpy(to, &both, F32_LANES * sizeof(T));                                                                      \
    }
STORE_NARROW(i8, int8_t, 32, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12)
STORE_NARROW(u8, uint8_t, 32, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12)
STORE_NARROW(i16, int16_t, 64, 0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13)
STORE_NARROW(u16, uint16_t, 64, 0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13)
STORE_WIDE(u32, uint32_t)
STORE_WIDE(i64, int64_t)
STORE_WIDE(u64, uint64_t)
SIMD_INLINE simd_i32 whole_f32(const float *from) { return (simd_i32)_mm256_cvttps_epi32(_mm256_loadu_ps(from)); }
SIMD_INLINE simd_i32 whole_f64(const double *from) {
    const __m128i low = _mm256_cvttpd_epi32(_mm256_loadu_pd(from)), high = _mm256_cvttpd_epi32(_mm256_loadu_pd(from + 4));
    return (simd_i32)_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
#define INTEGER_CAST(from_tag, S, to_tag, R, CONVERT)                                                                  \
    static hl_status cast_vectors_##from_tag##_##to_tag(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) { \
        const S *from = (const S *)data[0];                                                                            \
        R *to = (R *)data[1];                                                                                          \
        int64_t i = 0;                                                                                                 \
        if (stride[0] != (int64_t)sizeof(S) || stride[1] != (int64_t)sizeof(R))                                        \
            return cast_##from_tag##_##to_tag(n, data, stride, param);                                                 \
        for (; i + F32_LANES <= n; i += F32_LANES) {                                                                   \
            const simd_i32 whole = whole_##from_tag(from + i);                                                         \
            if (__builtin_expect(_mm256_movemask_ps((__m256)(whole == INT32_MIN)), 0)) {                               \
                for (int64_t k = i; k < i + F32_LANES; k++) to[k] = (R)CONVERT(from[k]);                               \
                continue;                                                                                              \
            }                                                                                                          \
            store_whole_##to_tag(to + i, whole);                                                                       \
        }                                                                                                              \
        for (; i < n; i++) to[i] = (R)CONVERT(from[i]);                                                                \
        return HL_OK;                                                                                                  \
    }
INTEGER_CAST(f32, float, i8, int8_t, TO_I64)
INTEGER_CAST(f32, float, i16, int16_t, TO_I64)
INTEGER_CAST(f32, float, i64, int64_t, TO_I64)
INTEGER_CAST(f32, float, u8, uint8_t, TO_I64)
INTEGER_CAST(f32, float, u16, uint16_t, TO_I64)
INTEGER_CAST(f32, float, u32, uint32_t, TO_I64)
INTEGER_CAST(f32, float, u64, uint64_t, TO_U64)
INTEGER_CAST(f64, double, i8, int8_t, TO_I64)
INTEGER_CAST(f64, double, i16, int16_t, TO_I64)
INTEGER_CAST(f64, double, u8, uint8_t, TO_I64)
INTEGER_CAST(f64, double, u16, uint16_t, TO_I64)
#define INTEGER_ROWS                                                                                                   \
    {HL_FLOAT32, HL_INT8, cast_vectors_f32_i8}, {HL_FLOAT32, HL_INT16, cast_vectors_f32_i16},                          \
    {HL_FLOAT32, HL_INT64, cast_vectors_f32_i64}, {HL_FLOAT32, HL_UINT8, cast_vectors_f32_u8},                         \
    {HL_FLOAT32, HL_UINT16, cast_vectors_f32_u16}, {HL_FLOAT32, HL_UINT32, cast_vectors_f32_u32},                      \
    {HL_FLOAT32, HL_UINT64, cast_vectors_f32_u64}, {HL_FLOAT64, HL_INT8, cast_vectors_f64_i8},                         \
    {HL_FLOAT64, HL_INT16, cast_vectors_f64_i16}, {HL_FLOAT64, HL_UINT8, cast_vectors_f64_u8},                         \
    {HL_FLOAT64, HL_UINT16, cast_vectors_f64_u16},
#else
#define INTEGER_ROWS
#endif
#define VECTOR_ROWS /* first, so that they are found */                                                                \
    {HL_FLOAT32, HL_FLOAT16, cast_vectors_f32_f16}, {HL_FLOAT16, HL_FLOAT32, cast_vectors_f16_f32},                    \
    {HL_FLOAT16, HL_BFLOAT16, cast_vectors_f16_bf16}, {HL_BFLOAT16, HL_FLOAT16, cast_vectors_bf16_f16},
VARIANTS(cast, VECTOR_ROWS INTEGER_ROWS EACH_NUMBER(CAST_ROWS, 0) EACH_BOOL(CAST_ROWS, 0) EACH_COMPLEX(COMPLEX_ROWS, 0))

static hl_status prepare_cast(hl_prepare *prep) {
    return ew_prepare(prep, cast_variants, 0.2, (hl_value){0});
}

static const hl_kernel table[] = {{"cast", prepare_cast, sizeof(ew_walk)}};

HL_FAMILY(cast, table);
