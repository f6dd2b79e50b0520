/* select, add_n and check_numerics: elementwise ops with shapes of their own. */
#include "elementwise.h"
#include "elementwise_types.h"
#include "complex_types.h"
#include "stretches.h"

#include <string.h>

/* --- select ------------------------------------------------------------------------------------------------------- */

/* Dense conditions and results, with operands that move or stand still, are loops that GCC vectorises. */
#define SELECT(name, T)                                                                                       \
    static hl_status name(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {       \
        const int64_t size = (int64_t)sizeof(T), a_stride = stride[1], b_stride = stride[2];                  \
        const uint8_t *which = (const uint8_t *)data[0];                                                      \
        const T *a = (const T *)data[1], *b = (const T *)data[2];                                             \
        T *out = (T *)data[3];                                                                                \
        (void)param;                                                                                          \
        if (stride[0] == 0 && stride[3] == size) { /* one condition for a row */                              \
            const T *from = *which ? a : b;                                                                   \
            const int64_t step = (*which ? a_stride : b_stride) / size;                                       \
            if (step == 1) memmove(out, from, (size_t)(n * size));                                            \
            else for (int64_t i = 0; i < n; i++) out[i] = from[i * step];                                     \
        } else if (stride[0] == 1 && stride[3] == size && a_stride == size && b_stride == size) {             \
            IVDEP for (int64_t i = 0; i < n; i++) out[i] = which[i] ? a[i] : b[i];                            \
        } else if (stride[0] == 1 && stride[3] == size && a_stride == 0 && b_stride == size) {                \
            const T x = *a;                                                                                   \
            IVDEP for (int64_t i = 0; i < n; i++) out[i] = which[i] ? x : b[i];                               \
        } else if (stride[0] == 1 && stride[3] == size && a_stride == size && b_stride == 0) {                \
            const T y = *b;                                                                                   \
            IVDEP for (int64_t i = 0; i < n; i++) out[i] = which[i] ? a[i] : y;                               \
        } else if (stride[0] == 1 && stride[3] == size && a_stride == 0 && b_stride == 0) {                   \
            const T x = *a, y = *b;                                                                           \
            IVDEP for (int64_t i = 0; i < n; i++) out[i] = which[i] ? x : y;                                  \
        } else {                                                                                              \
            for (int64_t i = 0; i < n; i++) {                                                                 \
                const char *taken = data[0][i * stride[0]] ? data[1] + i * a_stride : data[2] + i * b_stride; \
                *(T *)(data[3] + i * stride[3]) = *(const T *)taken;                                          \
            }                                                                                                 \
        }                                                                                                     \
        return HL_OK;                                                                                         \
    }
SELECT(select_1, uint8_t)
SELECT(select_2, uint16_t)
SELECT(select_4, uint32_t)
SELECT(select_8, uint64_t)
SELECT(select_16, double complex)

/* Of 32 and 64 bits a vector at a time, where GCC takes as many conditions as a vector has bytes and puts them apart by steps. */
#if defined(__AVX2__) && !defined(__AVX512F__)
#define SELECT_VECTORS(name, REAL, V, LANES, BITS, load, spread, store, BLEND, V_REAL)                                  \
    SIMD_INLINE int64_t name##_run(int64_t n, const uint8_t *which, const REAL *a, const REAL *b, REAL *out,           \
                                   const bool a_moves, const bool b_moves) {                                           \
        V x = (V)spread(a), y = (V)spread(b); /* whatever bits they are */                                             \
        int64_t i = 0;                                                                                                 \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            uint64_t bytes = 0;                                                                                        \
            memcpy(&bytes, which + i, LANES);                                                                          \
            const __m256i wide = _mm256_cvtepu8_epi##BITS(_mm_cvtsi64_si128((int64_t)bytes));                          \
            const __m256i none = _mm256_cmpeq_epi##BITS(wide, _mm256_setzero_si256());                                 \
            if (a_moves) x = load(a + i);                                                                              \
            if (b_moves) y = load(b + i);                                                                              \
            store(out + i, (V)BLEND((V_REAL)x, (V_REAL)y, (V_REAL)none));                                              \
        }                                                                                                              \
        return i;                                                                                                      \
    }                                                                                                                  \
    static hl_status name##_vectors(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {      \
        const int64_t size = (int64_t)sizeof(REAL), a_step = stride[1], b_step = stride[2];                            \
        const bool a_moves = a_step == size, b_moves = b_step == size;                                                 \
        const uint8_t *which = (const uint8_t *)data[0];                                                               \
        const REAL *a = (const REAL *)data[1], *b = (const REAL *)data[2];                                             \
        REAL *out = (REAL *)data[3];                                                                                   \
        if (n < LANES || stride[0] != 1 || stride[3] != size || !(a_moves || a_step == 0) || !(b_moves || b_step == 0)) \
            return name(n, data, stride, param);                                                                       \
        const int64_t done = a_moves && b_moves ? name##_run(n, which, a, b, out, true, true)                          \
                             : a_moves          ? name##_run(n, which, a, b, out, true, false)                         \
                                                : name##_run(n, which, a, b, out, false, b_moves);                     \
        char *const rest[] = {data[0] + done, data[1] + done * a_step, data[2] + done * b_step, data[3] + done * size}; \
        return name(n - done, rest, stride, param);                                                                    \
    }
SELECT_VECTORS(select_4, float, simd_f32, F32_LANES, 32, load_f32, _mm256_broadcast_ss, store_f32, _mm256_blendv_ps, __m256)
SELECT_VECTORS(select_8, double, simd_f64, F64_LANES, 64, load_f64, _mm256_broadcast_sd, store_f64, _mm256_blendv_pd, __m256d)
#define SELECT_4 select_4_vectors
#define SELECT_8 select_8_vectors
#else
#define SELECT_4 select_4
#define SELECT_8 select_8
#endif

static hl_status prepare_select(hl_prepare *prep) {
    const hl_dtype dtype = prep->out[0]->dtype;
    const size_t size = hl_dtype_size(dtype);
    const ew_loop loop = size == 1 ? select_1 : size == 2 ? select_2 : size == 4 ? SELECT_4 : size == 8 ? SELECT_8 : select_16;
    const ew_variant variants[] = {{dtype, dtype, loop}, {0, 0, NULL}};
    return ew_prepare(prep, variants, 0.15, (hl_value){0});
}

/* --- add_n ---------------------------------------------------------------------------------------------------------- */

#define ADD_N(tag, dtype, S, C, LOAD, STORE, unused)                                                \
    static hl_status add_n_##tag(const hl_instr *ins, hl_run *run) {                                \
        const int64_t n = ins->p[0].i, count = ins->p[1].i;                                         \
        void *const *data = count + 1 > HL_DIRECT_ARGS ? hl_args(ins) : (void *const *)ins->arg;    \
        S *out = data[count];                                                                       \
        for (int64_t first = 0; first < n; first += 1024) {                                         \
            if (hl_is_stopped(run)) return run->stopped;                                            \
            const int64_t end = first + 1024 < n ? first + 1024 : n;                                \
            C sum[1024];                                                                            \
            for (int64_t i = first; i < end; i++) sum[i - first] = LOAD(((const S *)data[0])[i]);   \
            for (int64_t k = 1; k < count; k++)                                                     \
                for (int64_t i = first; i < end; i++) sum[i - first] += LOAD(((const S *)data[k])[i]); \
            for (int64_t i = first; i < end; i++) out[i] = STORE(sum[i - first]);                   \
        }                                                                                           \
        return HL_OK;                                                                               \
    }
EACH_NUMBER(ADD_N, 0)
EACH_COMPLEX(ADD_N, 0)

static hl_status prepare_add_n(hl_prepare *prep) {
    prep->ins->p[0].i = prep->out[0]->size;
    prep->ins->p[1].i = prep->n_in;
    prep->cost_ns = (double)prep->out[0]->size * 0.1 * prep->n_in + 3;
    switch (prep->out[0]->dtype) {
#define ADD_N_CASE(tag, dtype, S, C, LOAD, STORE, unused) \
    case dtype: prep->ins->fn = add_n_##tag; return HL_OK;
        EACH_NUMBER(ADD_N_CASE, 0)
        EACH_COMPLEX(ADD_N_CASE, 0)
    default: return hl_no_kernel(prep, NULL);
    }
}

/* --- check_numerics ---------------------------------------------------------------------------------------------------- */

enum { SAW_INF = 1, SAW_NAN = 2 };

#define CHECK(tag, dtype, S, C, LOAD, STORE, unused)                                   \
    static hl_status check_##tag(const hl_instr *ins, hl_run *run) {                   \
        const S *in = ins->arg[0];                                                     \
        S *out = ins->arg[1];                                                          \
        int seen = 0;                                                                  \
        for (STRETCHES(run, first, end, ins->p[0].i))                                  \
            for (int64_t i = first; i < end; i++) {                                    \
                const C x = LOAD(in[i]);                                               \
                seen |= x != x ? SAW_NAN : x - x != 0 ? SAW_INF : 0;                   \
                out[i] = in[i];                                                        \
            }                                                                          \
        if (!seen) return HL_OK;                                                       \
        return hl_fail(run, HL_INVALID_ARGUMENT, "Tensor had %s values",               \
                       seen == SAW_NAN ? "NaN" : seen == SAW_INF ? "Inf" : "Inf and NaN"); \
    }
EACH_FLOAT(CHECK, 0)

static hl_status prepare_check_numerics(hl_prepare *prep) {
    prep->ins->p[0].i = prep->out[0]->size;
    prep->cost_ns = (double)prep->out[0]->size * 0.3 + 3;
    switch (prep->out[0]->dtype) {
#define CHECK_CASE(tag, dtype, S, C, LOAD, STORE, unused) \
    case dtype: prep->ins->fn = check_##tag; return HL_OK;
        EACH_FLOAT(CHECK_CASE, 0)
    default: return hl_no_kernel(prep, NULL);
    }
}

static const hl_kernel table[] = {
    {"select", prepare_select, sizeof(ew_walk)},
    {"add_n", prepare_add_n, 0},
    {"check_numerics", prepare_check_numerics, 0},
};

HL_FAMILY(select, table);
