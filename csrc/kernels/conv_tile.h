/* Register tiles of one real type for convolutions, included once for float and once for double.
 *
 * A tile is up to ROWS rows by a few vectors of columns. Its sum runs over segments: sum[r] += A[row[r] + segment.a + k * a_step]
 * * B[segment.b + k] for k below the segment's length. One index serves all rows, so their pointers never move. In a forward
 * convolution rows are target positions, k runs over taps and channels; in a filter's gradient rows are taps and
 * channels, k runs over positions.
 *
 * Rows of B lie as far apart as the panel is wide: the pointers to a dozen rows leave no register for another stride, and a
 * masked load would cost a multiply-add. Where B is wider, or ends in part of a vector, its panel is packed. Where it is read in place
 * once, as the gradient of a target is, the tiles that stream ask for what lies ahead in it.
 *
 * In the names of float_names.h. Expects DOT_COLUMNS, the most columns that are taken as dots.
 */

/* What the tiles of one panel of columns have in common. Strides are in elements. */
typedef struct NAME(tiling) {
    const conv_segment *segments;
    int64_t n_segments;
    const REAL *b;
    int64_t a_step;
    const REAL *bias; /* of the panel's columns, or NULL */
    int64_t column;   /* of C, the panel's first */
    bool accumulate, relu;
    int last_lanes; /* of the last vector */
#if CONV_STREAMS
    bool passes_cache; /* C, whose rows are whole vectors at their place */
#endif
#if CONV_PACKS
    const char *next; /* what a tile that asks asks for, so many bytes a time */
    int64_t next_step;
#endif
} NAME(tiling);

typedef void (*NAME(tile_fn))(const NAME(tiling) *t, const REAL *const *a, REAL *const *c);

SIMD_INLINE void NAME(tile)(const int rows, const int vectors, const bool asks, const bool streams, const NAME(tiling) *t,
                            const REAL *const *a, REAL *const *c) {
    VEC sum[CONV_MAX_ROWS][CONV_MAX_VECTORS];
    const REAL *row[CONV_MAX_ROWS];
    const int lanes = t->last_lanes;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        row[i] = a[i];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[i][v] = (VEC){0};
    }
    const int64_t a_step = t->a_step, b_step = vectors * LANES;
    const conv_segment *segment = t->segments;
#if CONV_PACKS
    const char *next = t->next;
#endif
    for (const conv_segment *end = segment + t->n_segments; segment < end; segment++) {
        int64_t at = segment->a;
        const REAL *b = t->b + segment->b * b_step;
        int64_t end = at + segment->length * a_step;
        while (at != end) {
#if CONV_PACKS
            if (asks && at % CONV_ASKING_STEPS == 0) __builtin_prefetch(next), next += t->next_step;
#endif
            VEC b_row[CONV_MAX_VECTORS];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) b_row[v] = LOAD(b + v * LANES);
#if CONV_STREAMS
#pragma GCC unroll 4
            for (int v = 0; streams && v < vectors; v++) __builtin_prefetch((const char *)(b + v * LANES) + CONV_AHEAD_BYTES);
#endif
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                const VEC x = SPLAT(row[i][at]);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) sum[i][v] += x * b_row[v];
            }
            at += a_step;
            b += b_step;
            __asm__("" : "+m"(end)); /* stays in memory: the registers are for the rows */
        }
    }
    const bool part = lanes != LANES, plain = !t->accumulate && !t->bias && !t->relu;
    const int64_t column = t->column;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        const bool part_of_vector = v == vectors - 1 && (SIMD_FREE_MASKS || part);
        const VEC bias = !t->bias ? (VEC){0} : part_of_vector ? LOAD_PART(t->bias + v * LANES, lanes) : LOAD(t->bias + v * LANES);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            REAL *to = c[i] + column + v * LANES;
            VEC value = sum[i][v];
            if (!plain) {
                if (t->accumulate) value += part_of_vector ? LOAD_PART(to, lanes) : LOAD(to);
                value += bias;
                if (t->relu) value = SELECT((value > (VEC){0}) | (value != value), value, (VEC){0});
            }
#if CONV_STREAMS
            if (t->passes_cache) NAME(stream)(to, value);
            else
#endif
            if (part_of_vector) STORE_PART(to, value, lanes);
            else STORE(to, value);
        }
    }
}

#if CONV_STREAMS
#define TILE(rows, vectors) TILE_OF(tile, rows, vectors, false) TILE_OF(stream, rows, vectors, true)
#else
#define TILE(rows, vectors) TILE_OF(tile, rows, vectors, false)
#endif
#define TILE_OF(name, rows, vectors, streams)                                                                                 \
    static void NAME(name##_##rows##x##vectors)(const NAME(tiling) *t, const REAL *const *a, REAL *const *c) {                \
        NAME(tile)(rows, vectors, false, streams, t, a, c);                                                                   \
    }
TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1)
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2)
#if CONV_MAX_ROWS == 12
TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) TILE(5, 2) TILE(6, 2)
#endif
#if CONV_MAX_VECTORS == 3
TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3)
#endif
#if CONV_MAX_VECTORS == 4
TILE(7, 2) TILE(8, 2) TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2)
TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3) TILE(5, 3) TILE(6, 3) TILE(7, 3) TILE(8, 3)
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4) TILE(5, 4) TILE(6, 4)
#endif

#undef TILE
#undef TILE_OF

/* By vectors - 1 and rows - 1. */
#define T1_TO_4(vectors) T_(1, vectors), T_(2, vectors), T_(3, vectors), T_(4, vectors)
#define T5_TO_8(vectors) T_(5, vectors), T_(6, vectors), T_(7, vectors), T_(8, vectors)
#define T9_TO_12(vectors) T_(9, vectors), T_(10, vectors), T_(11, vectors), T_(12, vectors)
#if CONV_MAX_VECTORS == 4
#define TILES {{T1_TO_4(1), T5_TO_8(1), T9_TO_12(1)}, {T1_TO_4(2), T5_TO_8(2), T9_TO_12(2)}, {T1_TO_4(3), T5_TO_8(3)}, {T1_TO_4(4), T_(5, 4), T_(6, 4)}}
#elif CONV_MAX_VECTORS == 3
#define TILES {{T1_TO_4(1), T5_TO_8(1), T9_TO_12(1)}, {T1_TO_4(2), T_(5, 2), T_(6, 2)}, {T1_TO_4(3)}}
#else
#define TILES {{T1_TO_4(1), T5_TO_8(1)}, {T1_TO_4(2)}}
#endif
#define T_(rows, vectors) NAME(tile_##rows##x##vectors)
static const NAME(tile_fn) NAME(tiles)[CONV_MAX_VECTORS][CONV_MAX_ROWS] = TILES;
#undef T_
#if CONV_STREAMS
#define T_(rows, vectors) NAME(stream_##rows##x##vectors)
static const NAME(tile_fn) NAME(streaming_tiles)[CONV_MAX_VECTORS][CONV_MAX_ROWS] = TILES;
#undef T_
#endif
#undef TILES
#undef T1_TO_4
#undef T5_TO_8
#undef T9_TO_12

#if CONV_PACKS
/* The tile of whole panels, which asks for what comes next. */
static void NAME(tile_that_asks)(const NAME(tiling) *t, const REAL *const *a, REAL *const *c) {
    NAME(tile)(CONV_PACKED_ROWS, CONV_PANEL_VECTORS, true, false, t, a, c);
}
#endif

/* --- a few columns: vectors along k, whose lanes are added at the end. B lies by columns, `b_step` elements apart. --- */

enum { NAME(DOT_SUMS) = LANES < 16 ? 16 : LANES };

/* Up to `most` rows, by so many columns; the sums of as many of both as a vector has lanes are added up together. */
SIMD_INLINE void NAME(dot_tile)(const int columns, const int most, const NAME(tiling) *t, int64_t b_step, const REAL *const *a, int64_t rows,
                                REAL *const *c) {
    VEC sum[NAME(DOT_SUMS)];
    REAL total[NAME(DOT_SUMS)];
    const REAL *row[DOT_MOST_ROWS];
    const int vectors = (columns * most + LANES - 1) / LANES;
    _Pragma("GCC unroll 8") for (int i = 0; i < most; i++) row[i] = a[i < rows ? i : 0];
    _Pragma("GCC unroll 16") for (int i = 0; i < vectors * LANES; i++) sum[i] = (VEC){0};
    for (const conv_segment *s = t->segments, *end = s + t->n_segments; s < end; s++) {
        const REAL *b = t->b + s->b, *at[DOT_MOST_ROWS];
        int64_t k = 0;
        _Pragma("GCC unroll 8") for (int i = 0; i < most; i++) at[i] = row[i] + s->a;
#define ADD_PRODUCTS(LOAD_K)                                                                                        \
    {                                                                                                               \
        VEC x[DOT_MOST_ROWS];                                                                                       \
        _Pragma("GCC unroll 8") for (int i = 0; i < most; i++) x[i] = LOAD_K(at[i] + k);                              \
        _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) {                                                 \
            const VEC y = LOAD_K(b + j * b_step + k);                                                               \
            _Pragma("GCC unroll 8") for (int i = 0; i < most; i++) sum[j * most + i] += x[i] * y;                   \
        }                                                                                                           \
    }
#define LOAD_REST(from) LOAD_PART(from, (int)(s->length - k))
        for (; k + LANES <= s->length; k += LANES) ADD_PRODUCTS(LOAD)
        if (k < s->length) ADD_PRODUCTS(LOAD_REST)
#undef LOAD_REST
#undef ADD_PRODUCTS
    }
    _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) STORE(total + v * LANES, NAME(sum_rows)(sum + v * LANES));
    for (int j = 0; j < columns; j++)
        for (int i = 0; i < rows; i++) {
            REAL *to = c[i] + t->column + j, value = total[j * most + i];
            if (t->accumulate) value += *to;
            if (t->bias) value += t->bias[j];
            *to = t->relu && !(value > 0 || value != value) ? 0 : value;
        }
}

/* Any number of rows. Apart from the code around it, so that the registers are for the sums. */
#define DOTS(columns)                                                                                                            \
    static __attribute__((noinline)) void NAME(dots_##columns)(const NAME(tiling) *t, int64_t b_step, const REAL *const *a,      \
                                                               int64_t rows, REAL *const *c) {                                   \
        enum { MOST = DOT_ROWS(columns) };                                                                                       \
        for (int64_t i = 0; i < rows; i += MOST)                                                                                 \
            NAME(dot_tile)(columns, MOST, t, b_step, a + i, conv_min(MOST, rows - i), c + i);                                    \
    }
#define DOT_ROWS(columns) (DOT_MOST_ROWS < 8 ? (LANES < 4 ? LANES : 4) : (columns) == 1 ? 8 : (columns) == 4 ? 2 : 4)
DOTS(1)
#if DOT_COLUMNS >= 2
DOTS(2)
#endif
#if DOT_COLUMNS >= 4
DOTS(3)
DOTS(4)
#endif
#undef DOTS
#undef DOT_ROWS

static void NAME(dots)(int columns, const NAME(tiling) *t, int64_t b_step, const REAL *const *a, int64_t rows, REAL *const *c) {
    switch (columns) {
    case 1: NAME(dots_1)(t, b_step, a, rows, c); break;
#if DOT_COLUMNS >= 2
    case 2: NAME(dots_2)(t, b_step, a, rows, c); break;
#endif
#if DOT_COLUMNS >= 4
    case 3: NAME(dots_3)(t, b_step, a, rows, c); break;
    default: NAME(dots_4)(t, b_step, a, rows, c);
#endif
    }
}

/* `rows` rows of B by columns. */
static void NAME(pack_columns)(const REAL *b, int64_t rows, int64_t columns, int64_t b_step, REAL *to) {
    for (int64_t j = 0; j < columns; j++)
        for (int64_t k = 0; k < rows; k++) to[j * b_step + k] = b[k * columns + j];
}

/* How the columns that are left are cut: the vectors of the next panel, which may be `packed`, and how full its last one is. */
static int NAME(panel_vectors)(int64_t columns, bool packed, int *last_lanes) {
    const int64_t all = conv_ceil(columns, LANES);
    const int vectors = packed ? conv_packed_vectors(all) : conv_panel_vectors(all);
    *last_lanes = columns < vectors * LANES ? (int)(columns - (vectors - 1) * LANES) : LANES;
    return vectors;
}

/* `rows` rows of B in rows of whole vectors. */
static void NAME(pack_rows)(const REAL *b, int64_t b_step, int64_t rows, int64_t columns, int64_t width, REAL *to) {
    columns = conv_min(columns, width);
    for (int64_t k = 0; k < rows; k++, b += b_step, to += width) {
#if CONV_PACKS
        __builtin_prefetch(b + 16 * b_step);
#endif
        int64_t j = 0;
        for (; j + LANES <= columns; j += LANES) STORE(to + j, LOAD(b + j));
        if (j < columns) STORE(to + j, LOAD_PART(b + j, (int)(columns - j)));
    }
}
