/* Elimination with pivots in a group of small matrices of one type, each in a lane of its own. Included by small_matrices.c for each type.
 *
 * Expects TYPE, INTEGER (as wide), NAME(x), GROUP_LANES and INTEGER_LIMIT.
 */

typedef TYPE NAME(lanes) __attribute__((vector_size(GROUP_BYTES)));
typedef INTEGER NAME(integers) __attribute__((vector_size(GROUP_BYTES)));

/* A group of systems: a row has the matrix' columns and the right side's behind them. */
typedef struct NAME(group) {
    NAME(lanes) at[MOST_ROWS * MOST_COLUMNS];
    NAME(integers) odd;      /* where an odd number of rows have been exchanged: all bits set */
    NAME(integers) singular; /* where a pivot was 0: all bits set */
} NAME(group);

#define MAGNITUDE(x) ((NAME(lanes))((NAME(integers))(x) & INTEGER_LIMIT))

/* Takes the first matrix of a group for those behind the last. */
static inline __attribute__((always_inline)) void NAME(take)(NAME(group) *g, const TYPE *from, int64_t rows, int64_t columns, bool transposed,
                                                            int64_t first, int64_t width, int count) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            const TYPE *element = from + (transposed ? j * rows + i : i * columns + j);
            NAME(lanes) value;
            for (int lane = 0; lane < GROUP_LANES; lane++) value[lane] = element[lane < count ? lane * rows * columns : 0];
            g->at[i * width + first + j] = value;
        }
}

/* Makes the first n columns an upper triangle; what is below it is left as it happens to be. */
static inline __attribute__((always_inline)) void NAME(eliminate)(NAME(group) *g, const int64_t n, const int64_t width) {
    g->odd = (NAME(integers)){0}, g->singular = (NAME(integers)){0};
    for (int64_t k = 0; k < n; k++) {
        NAME(lanes) *top = g->at + k * width, largest = MAGNITUDE(top[k]);
        NAME(integers) place = (NAME(integers)){0} + (INTEGER)k;
        for (int64_t i = k + 1; i < n; i++) {
            const NAME(lanes) size = MAGNITUDE(g->at[i * width + k]);
            const NAME(integers) larger = (NAME(integers))(size > largest);
            largest = (NAME(lanes))((larger & (NAME(integers))size) | (~larger & (NAME(integers))largest));
            place = (larger & (INTEGER)i) | (~larger & place);
        }
        g->odd ^= (NAME(integers))(place != (INTEGER)k);
        for (int64_t i = k + 1; i < n; i++) {
            const NAME(integers) here = (NAME(integers))(place == (INTEGER)i);
            NAME(lanes) *row = g->at + i * width;
            for (int64_t j = k; j < width; j++) {
                const NAME(integers) change = ((NAME(integers))top[j] ^ (NAME(integers))row[j]) & here;
                top[j] = (NAME(lanes))((NAME(integers))top[j] ^ change);
                row[j] = (NAME(lanes))((NAME(integers))row[j] ^ change);
            }
        }
        const NAME(integers) none = (NAME(integers))(((NAME(integers))top[k] & INTEGER_LIMIT) == 0); /* not by ==, which flushes */
        g->singular |= none;
        for (int64_t i = k + 1; i < n; i++) {
            NAME(lanes) *row = g->at + i * width;
            const NAME(lanes) factor = (NAME(lanes))((NAME(integers))(row[k] / top[k]) & ~none);
            for (int64_t j = k + 1; j < width; j++) row[j] -= factor * top[j];
        }
    }
}

/* Makes the solutions of the right sides, in their place. */
static inline __attribute__((always_inline)) void NAME(substitute_group)(NAME(group) *g, const int64_t n, const int64_t width) {
    for (int64_t k = n - 1; k >= 0; k--) {
        NAME(lanes) *row = g->at + k * width;
        for (int64_t i = k + 1; i < n; i++)
            for (int64_t j = n; j < width; j++) row[j] -= row[i] * g->at[i * width + j];
        for (int64_t j = n; j < width; j++) row[j] /= row[k];
    }
}

static inline __attribute__((always_inline)) bool NAME(solve_group)(const small_params *p, const int64_t n, const int64_t columns,
                                                                   const TYPE *matrix, const TYPE *right, TYPE *result, int count) {
    NAME(group) g;
    const int64_t width = n + columns;
    NAME(take)(&g, matrix, n, n, p->adjoint && right, 0, width, count);
    if (right) NAME(take)(&g, right, n, columns, false, n, width, count);
    else
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) g.at[i * width + n + j] = (NAME(lanes)){0} + (TYPE)(i == j);
    NAME(eliminate)(&g, n, width);
    for (int lane = 0; lane < count; lane++)
        if (g.singular[lane]) return false;
    NAME(substitute_group)(&g, n, width);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < columns; j++) {
            TYPE *to = result + (p->adjoint && !right ? j * n + i : i * columns + j);
            for (int lane = 0; lane < count; lane++) to[lane * n * columns] = g.at[i * width + n + j][lane];
        }
    return true;
}

/* Solutions of a group of systems; its inverses where there is no right side. False: one has none. */
static bool NAME(solve_small)(const small_params *p, const void *matrix, const void *right, void *result, void *second, int count,
                              const workplace *where) {
    const int64_t n = p->n;
    (void)second, (void)where;
#define SOLVE(n, columns) NAME(solve_group)(p, n, columns, matrix, right, result, count)
    if (n == 2) return SOLVE(2, p->columns);
    if (n == 3) return SOLVE(3, p->columns);
    if (n == 4) return SOLVE(4, p->columns);
    return SOLVE(n, p->columns);
#undef SOLVE
}

/* The logarithm of a determinant's size, and its sign: of the product in double, and where that is too large or too small to tell, as a sum. */
static double NAME(logarithm)(const NAME(group) *g, int64_t n, int lane, double *sign) {
    double product = 1, sum = 0;
    bool negative = g->odd[lane];
    *sign = 0;
    if (g->singular[lane]) return -(double)INFINITY;
    for (int64_t k = 0; k < n; k++) {
        const double pivot = (double)g->at[k * n + k][lane];
        negative ^= pivot < 0;
        product *= fabs(pivot);
    }
    *sign = negative ? -1 : 1;
    if (product > 1e-300 && product < 1e300) return log(product);
    for (int64_t k = 0; k < n; k++) sum += log(fabs((double)g->at[k * n + k][lane]));
    return sum;
}

/* In double, where the product can be told; by the logarithm elsewhere. */
static TYPE NAME(determinant)(const NAME(group) *g, int64_t n, int lane) {
    double product = g->odd[lane] ? -1 : 1, sign;
    if (g->singular[lane]) return 0;
    for (int64_t k = 0; k < n; k++) product *= (double)g->at[k * n + k][lane];
    if (fabs(product) > 1e-300 && fabs(product) < 1e300) return (TYPE)product;
    const double logarithm = NAME(logarithm)(g, n, lane, &sign);
    return (TYPE)(sign * exp(logarithm));
}

static inline __attribute__((always_inline)) void NAME(triangles)(const small_params *p, const void *matrix, NAME(group) *g, int count) {
    const int64_t n = p->n;
    NAME(take)(g, matrix, n, n, false, 0, n, count);
    if (n == 2) NAME(eliminate)(g, 2, 2);
    else if (n == 3) NAME(eliminate)(g, 3, 3);
    else if (n == 4) NAME(eliminate)(g, 4, 4);
    else NAME(eliminate)(g, n, n);
}

static bool NAME(determinants_small)(const small_params *p, const void *matrix, const void *right, void *result, void *second, int count,
                              const workplace *where) {
    NAME(group) g;
    (void)right, (void)where;
    NAME(triangles)(p, matrix, &g, count);
    for (int lane = 0; lane < count; lane++) {
        double sign;
        if (!second) {
            ((TYPE *)result)[lane] = NAME(determinant)(&g, p->n, lane);
        } else {
            ((TYPE *)second)[lane] = (TYPE)NAME(logarithm)(&g, p->n, lane, &sign);
            ((TYPE *)result)[lane] = (TYPE)sign;
        }
    }
    return true;
}

#undef TYPE
#undef INTEGER
#undef NAME
#undef GROUP_LANES
#undef LANES
#undef INTEGER_LIMIT
#undef INFINITE
#undef VEC
#undef LOAD
#undef LOAD_PART
#undef STORE
#undef STORE_PART
#undef SPLAT
#undef TRANSPOSE
#undef CONJUGATE
#undef MAGNITUDE
