/* The steps of an epilogue over a block of one real type; included once for each type by what includes simd.h.
 *
 * The arithmetic is that of the elementwise kernels.
 *
 * In the names of float_names.h; vector_math.h has the functions.
 */

SIMD_INLINE VEC NAME(relu_step)(VEC x) { return SELECT(x <= (VEC){0}, (VEC){0}, x); } /* NaN stays */
SIMD_INLINE VEC NAME(relu_grad_step)(VEC x, VEC y) { return SELECT(y > (VEC){0}, x, (VEC){0}); }

/* What each step makes of x and its operand y. */
#define EACH_STEP(CASE)                                                                                                              \
    CASE(STEP_ADD, x + y)                                                                                                            \
    CASE(STEP_MULTIPLY, x * y)                                                                                                       \
    CASE(STEP_SCALE, x * parameter)                                                                                                  \
    CASE(STEP_RELU, NAME(relu_step)(x))                                                                                              \
    CASE(STEP_RELU6, SELECT(x > (REAL)6, SPLAT(6), SELECT((x > zero) | (x != x), x, zero)))                                          \
    CASE(STEP_LEAKY_RELU, SELECT(x > zero, x, x * parameter))                                                                        \
    CASE(STEP_ELU, NAME(elu)(x))                                                                                                     \
    CASE(STEP_SELU, NAME(selu)(x))                                                                                                   \
    CASE(STEP_SOFTPLUS, NAME(softplus)(x))                                                                                           \
    CASE(STEP_SOFTSIGN, x / (1 + SELECT(x < zero, -x, x)))                                                                           \
    CASE(STEP_SIGMOID, NAME(sigmoid)(x))                                                                                             \
    CASE(STEP_TANH, NAME(tanh)(x))                                                                                                   \
    CASE(STEP_RELU_GRAD, NAME(relu_grad_step)(x, y))                                                                                 \
    CASE(STEP_RELU6_GRAD, SELECT((y > zero) & (y < (REAL)6), x, zero))                                                               \
    CASE(STEP_LEAKY_RELU_GRAD, SELECT(y > zero, x, x * parameter))                                                                   \
    CASE(STEP_ELU_GRAD, SELECT(y < zero, (y + 1) * x, x))                                                                            \
    CASE(STEP_SELU_GRAD, SELECT(y < zero, x * (y + (REAL)1.7580993408473766), x * (REAL)1.0507009873554805))                         \
    CASE(STEP_SOFTPLUS_GRAD, x / (1 + NAME(exp)(-y)))                                                                                \
    CASE(STEP_SOFTSIGN_GRAD, x / ((1 + SELECT(y < zero, -y, y)) * (1 + SELECT(y < zero, -y, y))))                                    \
    CASE(STEP_SIGMOID_GRAD, x * y * (1 - y))                                                                                         \
    CASE(STEP_TANH_GRAD, x * (1 - y * y))                                                                                            \
    CASE(STEP_SUBTRACT, x - y)                                                                                                       \
    CASE(STEP_SUBTRACT_FROM, y - x)                                                                                                  \
    CASE(STEP_DIVIDE, x / y)

#define ON_BLOCK(KIND, EXPRESSION)                                                                          \
    case KIND:                                                                                              \
        for (int64_t i = 0; i < rows; i++, c += c_row, y_row += y_stride) {                                 \
            int64_t j = 0;                                                                                  \
            for (; j + LANES <= columns; j += LANES) {                                                      \
                const VEC y = moves ? LOAD(y_row + j) : SPLAT(*y_row), x = LOAD(c + j);                     \
                (void)y;                                                                                    \
                STORE(c + j, (EXPRESSION));                                                                 \
            }                                                                                               \
            if (j < columns) {                                                                              \
                const int rest = (int)(columns - j);                                                        \
                const VEC y = moves ? LOAD_PART(y_row + j, rest) : SPLAT(*y_row), x = LOAD_PART(c + j, rest); \
                (void)y;                                                                                    \
                STORE_PART(c + j, (EXPRESSION), rest);                                                      \
            }                                                                                               \
        }                                                                                                   \
        break;
/* Applies one step to c[0:rows, 0:columns]; y is its operand at that block's first element. */
static void NAME(apply_step)(const step *s, const REAL *y_first, REAL *c, int64_t c_row, int64_t rows, int64_t columns) {
    static const REAL nothing;
    const REAL *y_row = y_first ? y_first : &nothing;
    const int64_t y_stride = y_first ? s->y.row : 0;
    const bool moves = y_first && s->y.column;
    const REAL parameter = (REAL)s->parameter;
    const VEC zero = {0};
    if (rows > 1 && c_row == columns && y_stride == (moves ? columns : 0)) columns *= rows, rows = 1; /* rows may be short */
    switch (s->kind) {
        EACH_STEP(ON_BLOCK)
    case STEP_KINDS: break;
    }
}

#define ON_VECTOR(KIND, EXPRESSION) \
    case KIND: return EXPRESSION;
/* Applies one step to the elements of a vector; y has its operand's. */
SIMD_INLINE VEC NAME(step_vector)(const step *s, VEC x, VEC y) {
    const VEC zero = {0};
    const REAL parameter = (REAL)s->parameter;
    switch (s->kind) {
        EACH_STEP(ON_VECTOR)
    case STEP_KINDS: break;
    }
    return x;
}

static __attribute__((noinline)) VEC NAME(long_step)(const step *s, VEC x, VEC y) { return NAME(step_vector)(s, x, y); }

/* The steps that cost less than looking up which one it is: of several vectors at once. */
#define EACH_SHORT_STEP(CASE)                   \
    CASE(STEP_ADD, x + y)                       \
    CASE(STEP_MULTIPLY, x * y)                  \
    CASE(STEP_SCALE, x * parameter)             \
    CASE(STEP_RELU, NAME(relu_step)(x))         \
    CASE(STEP_RELU_GRAD, NAME(relu_grad_step)(x, y)) \
    CASE(STEP_SUBTRACT, x - y)                  \
    CASE(STEP_SUBTRACT_FROM, y - x)

enum { NAME(STEP_VECTORS) = 4 };
#define ON_VECTORS(KIND, EXPRESSION)                           \
    case KIND:                                                 \
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) { \
            const VEC x = sums[v], y = operand[v];             \
            (void)y;                                           \
            sums[v] = (EXPRESSION);                            \
        }                                                      \
        break;
/* Applies one step to whole vectors that lie side by side; y is its operand at the first, or NULL. */
SIMD_INLINE void NAME(step_vectors)(const int vectors, const step *s, const REAL *y_first, VEC *sums) {
    const REAL parameter = (REAL)s->parameter;
    VEC operand[NAME(STEP_VECTORS)];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        operand[v] = !y_first ? (VEC){0} : s->y.column ? LOAD(y_first + v * LANES) : SPLAT(*y_first);
    switch (s->kind) {
        EACH_SHORT_STEP(ON_VECTORS)
    default:
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sums[v] = NAME(long_step)(s, sums[v], operand[v]);
    }
}

#undef EACH_STEP
#undef EACH_SHORT_STEP
#undef ON_BLOCK
#undef ON_VECTOR
#undef ON_VECTORS
