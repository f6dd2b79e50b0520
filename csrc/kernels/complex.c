/* Complex numbers from their parts, and their parts. */
#include "elementwise.h"
#include "elementwise_types.h"
#include "complex_vectors.h"

/* Two real numbers a complex one; the conjugate; a real number of a complex one. */
#define EACH_PAIR(X, ...)                                                             \
    X(f32, HL_FLOAT32, float, HL_COMPLEX64, float complex, __VA_ARGS__)               \
    X(f64, HL_FLOAT64, double, HL_COMPLEX128, double complex, __VA_ARGS__)
#define JOIN(tag, real_dtype, R, complex_dtype, Z, unused)                                                       \
    static hl_status join_##tag(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {    \
        (void)param;                                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                                        \
            R *out = (R *)(data[2] + i * stride[2]);                                                             \
            out[0] = *(const R *)(data[0] + i * stride[0]);                                                      \
            out[1] = *(const R *)(data[1] + i * stride[1]);                                                      \
        }                                                                                                        \
        return HL_OK;                                                                                            \
    }
#define PART(tag, real_dtype, R, complex_dtype, Z, op, EXPR) UNARY_LOOP(op##_##tag, Z, Z, PLAIN, R, PLAIN, EXPR)
#define JOIN_ROW(tag, real_dtype, R, complex_dtype, Z, op) {real_dtype, complex_dtype, op##_##tag},
#define PART_ROW(tag, real_dtype, R, complex_dtype, Z, op) {complex_dtype, real_dtype, op##_##tag},
#define SAME(tag, dtype, S, C_, LOAD, STORE, op, EXPR) UNARY_LOOP(op##_##tag, S, C_, LOAD, S, STORE, EXPR)
#define ROW(tag, dtype, S, C_, LOAD, STORE, op) {dtype, dtype, op##_##tag},

EACH_PAIR(JOIN, 0)
VARIANTS(join, EACH_PAIR(JOIN_ROW, join))

EACH_PAIR(PART, real_part, CX(real, x))
VARIANTS(real_part, EACH_PAIR(PART_ROW, real_part))

EACH_PAIR(PART, imaginary_part, CX(imag, x))
VARIANTS(imaginary_part, EACH_PAIR(PART_ROW, imaginary_part))

#if COMPLEX_VECTORS
static hl_status complex_abs_f32(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {
    const bool dense = stride[0] == (int64_t)sizeof(float complex) && stride[1] == (int64_t)sizeof(float);
    (void)param;
    for (int64_t i = 0; i < n; i += C64_LANES) {
        const int rest = n - i < C64_LANES ? (int)(n - i) : C64_LANES;
        const char *from = data[0] + i * stride[0];
        char *to = data[1] + i * stride[1];
        if (dense && rest == C64_LANES) {
            store_lengths_c64((float *)to, load_c64((const float complex *)from));
            continue;
        }
        float complex x[C64_LANES] = {0};
        float lengths[C64_LANES];
        for (int k = 0; k < rest; k++) x[k] = *(const float complex *)(from + k * stride[0]);
        store_lengths_c64(lengths, load_c64(x));
        for (int k = 0; k < rest; k++) *(float *)(to + k * stride[1]) = lengths[k];
    }
    return HL_OK;
}
PART(f64, HL_FLOAT64, double, HL_COMPLEX128, double complex, complex_abs, CX(abs, x))
#else
EACH_PAIR(PART, complex_abs, CX(abs, x))
#endif
VARIANTS(complex_abs, EACH_PAIR(PART_ROW, complex_abs))

EACH_PAIR(PART, angle, CX(arg, x))
VARIANTS(angle, EACH_PAIR(PART_ROW, angle))

EACH_COMPLEX(SAME, conjugate, CX_CONJ(x))
VARIANTS(conjugate, EACH_COMPLEX(ROW, conjugate))

#define PREPARE(op, cost) \
    static hl_status prepare_##op(hl_prepare *prep) { return ew_prepare(prep, op##_variants, cost, (hl_value){0}); }
PREPARE(join, 0.5)
PREPARE(real_part, 0.5)
PREPARE(imaginary_part, 0.5)
PREPARE(complex_abs, 3)
PREPARE(angle, 15)
PREPARE(conjugate, 0.5)

static const hl_kernel table[] = {
    {"complex", prepare_join, sizeof(ew_walk)},
    {"real_part", prepare_real_part, sizeof(ew_walk)},
    {"imaginary_part", prepare_imaginary_part, sizeof(ew_walk)},
    {"complex_abs", prepare_complex_abs, sizeof(ew_walk)},
    {"angle", prepare_angle, sizeof(ew_walk)},
    {"conjugate", prepare_conjugate, sizeof(ew_walk)},
};

HL_FAMILY(complex_parts, table);
