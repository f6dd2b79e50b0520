/* Elimination with pivots in one matrix of one type by vectors along its rows, a panel of columns at a time. Included by small_matrices.c
 * for each type.
 *
 * Expects what triangular_tiles.h does, and INTEGER (as wide as TYPE), INTEGER_LIMIT, INFINITE (an infinity's bits) and TRANSPOSE. Each
 * element sees what small_matrices_kernel.h does to it, in the same order.
 */
#include "triangular_tiles.h"

#ifndef HOOKLOOP_LU_KERNEL_H
#define HOOKLOOP_LU_KERNEL_H
enum {
    PANEL = 16, /* columns that are eliminated together: whole vectors at every level */
    STRIP_ROWS = 8,
};
/* Whole vectors of elements, and as many vectors that rows do not all fall on the same places of the cache. */
static inline int64_t whole_panels(int64_t count) { return (count + PANEL - 1) / PANEL * PANEL; }
static inline int64_t lu_row(int64_t n, int64_t columns) { return (whole_panels(n) + whole_panels(columns)) | PANEL; }
/* Elements of scratch: the matrix with its right side, a panel turned so that its columns lie together, the pivots. */
static inline int64_t lu_elements(int64_t n, int64_t columns) {
    const int64_t tall = whole_panels(n);
    return tall * lu_row(n, columns) + PANEL * (tall + PANEL) + tall;
}
#endif

/* One system in scratch. */
typedef struct NAME(system) {
    TYPE *at;           /* rows of `row` elements: the matrix, and from `right` on the right side */
    TYPE *panel;        /* PANEL columns, `tall` elements apart, from the panel's first row on */
    TYPE *pivot;
    int64_t n, row, right, tall;
    bool odd; /* whether an odd number of rows have been exchanged */
} NAME(system);

typedef INTEGER NAME(bits) __attribute__((vector_size(SIMD_BYTES)));

/* to[j, i] = from[i, j]. */
static void NAME(turn)(const TYPE *from, int64_t from_row, TYPE *to, int64_t to_row, int64_t rows, int64_t columns) {
    const int64_t whole_rows = rows / LANES * LANES, whole_columns = columns / LANES * LANES;
    for (int64_t i = 0; i < whole_rows; i += LANES)
        for (int64_t j = 0; j < whole_columns; j += LANES) {
            VEC block[LANES];
#pragma GCC unroll 16
            for (int k = 0; k < LANES; k++) block[k] = LOAD(from + (i + k) * from_row + j);
            TRANSPOSE(block);
#pragma GCC unroll 16
            for (int k = 0; k < LANES; k++) STORE(to + (j + k) * to_row + i, block[k]);
        }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
}

/* Where the largest element of a column from `first` on is, the first of several; what is no number is only found where it comes first. */
static int64_t NAME(largest)(const TYPE *column, int64_t first, int64_t rows) {
    NAME(bits) most = {0}, place = {0}, at;
    for (int k = 0; k < LANES; k++) at[k] = (INTEGER)(first + k);
    for (int64_t i = first; i < rows; i += LANES, at += (INTEGER)LANES) {
        const NAME(bits) size = (NAME(bits))LOAD(column + i) & INTEGER_LIMIT;
        const NAME(bits) larger = (NAME(bits))(size > most) & (NAME(bits))(size <= INFINITE) & (NAME(bits))(at < (INTEGER)rows);
        most = (larger & size) | (~larger & most);
        place = (larger & at) | (~larger & place);
    }
    INTEGER bits, largest = 0, found = (INTEGER)first;
    memcpy(&bits, column + first, sizeof bits);
    if ((bits & INTEGER_LIMIT) > INFINITE) return first;
    for (int k = 0; k < LANES; k++)
        if (most[k] > largest || (most[k] == largest && largest > 0 && place[k] < found)) largest = most[k], found = place[k];
    return found;
}

/* Makes the panel from row and column b0 on two triangles, and notes the rows that are exchanged. False: a pivot is 0. */
static bool NAME(factor_panel)(NAME(system) *s, int64_t b0, int64_t size, int64_t *place) {
    const int64_t rows = s->n - b0, tall = s->tall;
    for (int64_t k = 0; k < size; k++) {
        TYPE *column = s->panel + k * tall;
        place[k] = NAME(largest)(column, k, rows);
        if (place[k] != k) {
            s->odd = !s->odd;
            for (int64_t j = 0; j < size; j++) {
                const TYPE old = s->panel[j * tall + k];
                s->panel[j * tall + k] = s->panel[j * tall + place[k]];
                s->panel[j * tall + place[k]] = old;
            }
        }
        const TYPE pivot = s->pivot[b0 + k] = column[k];
        INTEGER bits;
        memcpy(&bits, &pivot, sizeof bits);
        if ((bits & INTEGER_LIMIT) == 0) return false; /* not by ==, which flushes */
        for (int64_t i = k + 1; i < rows; i += LANES) { /* up to a vector beyond the last row, for which there is room */
            const VEC factor = LOAD(column + i) / SPLAT(pivot);
            STORE(column + i, factor);
            for (int64_t j = k + 1; j < size; j++) {
                TYPE *other = s->panel + j * tall;
                STORE(other + i, LOAD(other + i) - factor * SPLAT(other[k]));
            }
        }
    }
    return true;
}

/* `rows` rows of a vector's columns, the panel's from `first` on, become those of the upper triangle. */
SIMD_INLINE void NAME(solve_strip)(const int rows, const TYPE *panel, int64_t tall, int64_t first, TYPE *c, int64_t row) {
    VEC sum[STRIP_ROWS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) sum[i] = LOAD(c + (first + i) * row);
    for (int64_t k = 0; k < first; k++) {
        const VEC known = LOAD(c + k * row);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) sum[i] -= SPLAT(panel[k * tall + first + i]) * known;
    }
#pragma GCC unroll 8
    for (int k = 0; k < rows; k++)
#pragma GCC unroll 8
        for (int i = k + 1; i < rows; i++) sum[i] -= SPLAT(panel[(first + k) * tall + first + i]) * sum[k];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) STORE(c + (first + i) * row, sum[i]);
}

/* Does to the columns from `from` to the rows' end what was done to the panel. */
static void NAME(follow_panel)(const NAME(system) *s, int64_t b0, int64_t size, const int64_t *place, int64_t from) {
    TYPE *top = s->at + b0 * s->row;
    for (int64_t k = 0; k < size; k++) {
        if (place[k] == k) continue;
        TYPE *one = top + k * s->row, *other = top + place[k] * s->row;
        for (int64_t j = from; j < s->row; j += LANES) {
            const VEC old = LOAD(one + j);
            STORE(one + j, LOAD(other + j));
            STORE(other + j, old);
        }
    }
    for (int64_t j = from; j < s->row; j += LANES) {
        int64_t i = 0;
        for (; i + STRIP_ROWS <= size; i += STRIP_ROWS) NAME(solve_strip)(STRIP_ROWS, s->panel, s->tall, i, top + j, s->row);
        for (; i < size; i++) NAME(solve_strip)(1, s->panel, s->tall, i, top + j, s->row);
    }
    const NAME(coefficients) below = {s->panel, 1, s->tall, false};
    NAME(subtract_product)(&below, size, size, top + from, s->row, top + size * s->row + from, s->row, s->n - b0 - size, s->row - from);
}

/* Makes the matrix an upper triangle, its right side with it; what is below is left as it happens to be. False: a pivot is 0. */
static bool NAME(eliminate_rows)(NAME(system) *s, int64_t columns, hl_run *run, int worker) {
    int64_t place[PANEL];
    s->odd = false;
    for (int64_t b0 = 0; b0 < s->n && !hl_is_stopped_for(run, worker); b0 += PANEL) {
        const int64_t left = s->n - b0, size = left < PANEL ? left : PANEL;
        TYPE *own = s->at + b0 * (s->row + 1);
        NAME(turn)(own, s->row, s->panel, s->tall, whole_panels(left), PANEL);
        if (!NAME(factor_panel)(s, b0, size, place)) return false;
        if (columns == 0 && left <= PANEL) break;
        NAME(follow_panel)(s, b0, size, place, b0 + PANEL);
        if (columns) NAME(turn)(s->panel, s->tall, own, s->row, PANEL, PANEL);
    }
    return true;
}

/* A system in scratch: the matrix or its transpose beside the right side, or beside ones on the diagonal, and zeros between them. */
static NAME(system) NAME(system_of)(const small_params *p, const TYPE *matrix, const TYPE *right, void *scratch) {
    const int64_t n = p->n, columns = p->columns, tall = whole_panels(n);
    NAME(system) s = {.at = scratch, .n = n, .row = lu_row(n, columns), .right = tall, .tall = tall + PANEL};
    s.panel = s.at + tall * s.row;
    s.pivot = s.panel + PANEL * s.tall;
    for (int64_t i = 0; i < tall; i++) {
        TYPE *row = s.at + i * s.row;
        memset(row + (i < n ? n : 0), 0, (size_t)(s.row - (i < n ? n : 0)) * sizeof(TYPE));
        if (i < n && right) memcpy(row + tall, right + i * columns, (size_t)columns * sizeof(TYPE));
        else if (i < n && columns) row[tall + i] = 1;
    }
    if (p->adjoint && right) NAME(turn)(matrix, n, s.at, s.row, n, n);
    else
        for (int64_t i = 0; i < n; i++) memcpy(s.at + i * s.row, matrix + i * n, (size_t)n * sizeof(TYPE));
    return s;
}

/* The solution of one system; the inverse where there is no right side. False: it has none. */
static bool NAME(solve_rows)(const small_params *p, const void *matrix, const void *right, void *result, void *second, int count,
                             const workplace *where) {
    NAME(system) s = NAME(system_of)(p, matrix, right, where->scratch);
    TYPE *solution = s.at + s.right, *to = result;
    (void)second, (void)count;
    if (!NAME(eliminate_rows)(&s, p->columns, where->run, where->worker)) return false;
    const NAME(coefficients) upper = {s.at, s.row, 1, false};
    NAME(substitute)(&upper, false, p->n, solution, s.row, s.row - s.right, where->run, where->worker);
    if (p->adjoint && !right) NAME(turn)(solution, s.row, to, p->n, p->n, p->n);
    else
        for (int64_t i = 0; i < p->n; i++) memcpy(to + i * p->columns, solution + i * s.row, (size_t)p->columns * sizeof(TYPE));
    return true;
}

/* The logarithm of a determinant's size: of products in double, as long as these can be told. */
static double NAME(logarithm_of_pivots)(const NAME(system) *s, double *sign) {
    double product = 1, sum = 0;
    bool negative = s->odd;
    for (int64_t k = 0; k < s->n; k++) {
        const double pivot = (double)s->pivot[k], next = product * fabs(pivot);
        negative ^= pivot < 0;
        const bool can_be_told = next > 1e-300 && next < 1e300;
        if (!can_be_told) sum += log(product);
        product = can_be_told ? next : fabs(pivot);
    }
    *sign = negative ? -1 : 1;
    return sum + log(product);
}

/* The determinant of one matrix, or its sign and the logarithm of its size. */
static bool NAME(determinant_by_rows)(const small_params *p, const void *matrix, const void *right, void *result, void *second, int count,
                                      const workplace *where) {
    NAME(system) s = NAME(system_of)(p, matrix, NULL, where->scratch);
    double sign = 0, product = 1, logarithm = -(double)INFINITY;
    (void)right, (void)count;
    const bool regular = NAME(eliminate_rows)(&s, 0, where->run, where->worker);
    if (regular) logarithm = NAME(logarithm_of_pivots)(&s, &sign);
    if (second) {
        *(TYPE *)second = (TYPE)logarithm;
        *(TYPE *)result = (TYPE)sign;
        return true;
    }
    product = s.odd ? -1 : 1;
    for (int64_t k = 0; regular && k < p->n; k++) product *= (double)s.pivot[k];
    const bool can_be_told = fabs(product) > 1e-300 && fabs(product) < 1e300;
    *(TYPE *)result = !regular ? 0 : can_be_told ? (TYPE)product : (TYPE)(sign * exp(logarithm));
    return true;
}
