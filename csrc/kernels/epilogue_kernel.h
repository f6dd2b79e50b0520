/* The steps of an epilogue over a block of one real type; included once for each type by what includes simd.h.
 *
 * The arithmetic is that of the elementwise kernels.
 *
 * Expects REAL, VEC, INDEX, LANES, NAME(x), LOAD, LOAD_PART, STORE, STORE_PART, SPLAT, SELECT, EXP, SIGMOID, TANH, ELU, SELU, SOFTPLUS.
 */

#define EACH_VECTOR(EXPRESSION)                                                                         \
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
    break
/* Applies one step to c[0:rows, 0:columns]; y is its operand at that block's first element. */
static void NAME(apply_step)(const step *s, const REAL *y_first, REAL *c, int64_t c_row, int64_t rows, int64_t columns) {
    static const REAL nothing;
    const REAL *y_row = y_first ? y_first : &nothing;
    const int64_t y_stride = y_first ? s->y.row : 0;
    const bool moves = y_first && s->y.column;
    const REAL parameter = (REAL)s->parameter;
    const VEC zero = {0};
    switch (s->kind) {
    case STEP_ADD: EACH_VECTOR(x + y);
    case STEP_MULTIPLY: EACH_VECTOR(x * y);
    case STEP_SCALE: EACH_VECTOR(x * parameter);
    case STEP_RELU: EACH_VECTOR(SELECT((x > zero) | (x != x), x, zero));
    case STEP_RELU6: EACH_VECTOR(SELECT(x > (REAL)6, SPLAT(6), SELECT((x > zero) | (x != x), x, zero)));
    case STEP_LEAKY_RELU: EACH_VECTOR(SELECT(x > zero, x, x * parameter));
    case STEP_ELU: EACH_VECTOR(ELU(x));
    case STEP_SELU: EACH_VECTOR(SELU(x));
    case STEP_SOFTPLUS: EACH_VECTOR(SOFTPLUS(x));
    case STEP_SOFTSIGN: EACH_VECTOR(x / (1 + SELECT(x < zero, -x, x)));
    case STEP_SIGMOID: EACH_VECTOR(SIGMOID(x));
    case STEP_TANH: EACH_VECTOR(TANH(x));
    case STEP_RELU_GRAD: EACH_VECTOR(SELECT(y > zero, x, zero));
    case STEP_RELU6_GRAD: EACH_VECTOR(SELECT((y > zero) & (y < (REAL)6), x, zero));
    case STEP_LEAKY_RELU_GRAD: EACH_VECTOR(SELECT(y > zero, x, x * parameter));
    case STEP_ELU_GRAD: EACH_VECTOR(SELECT(y < zero, (y + 1) * x, x));
    case STEP_SELU_GRAD:
        EACH_VECTOR(SELECT(y < zero, x * (y + (REAL)1.7580993408473766), x * (REAL)1.0507009873554805));
    case STEP_SOFTPLUS_GRAD: EACH_VECTOR(x / (1 + EXP(-y)));
    case STEP_SOFTSIGN_GRAD: EACH_VECTOR(x / ((1 + SELECT(y < zero, -y, y)) * (1 + SELECT(y < zero, -y, y))));
    case STEP_SIGMOID_GRAD: EACH_VECTOR(x * y * (1 - y));
    case STEP_TANH_GRAD: EACH_VECTOR(x * (1 - y * y));
    case STEP_SUBTRACT: EACH_VECTOR(x - y);
    case STEP_SUBTRACT_FROM: EACH_VECTOR(y - x);
    case STEP_DIVIDE: EACH_VECTOR(x / y);
    case STEP_KINDS: break;
    }
}

#undef EACH_VECTOR
