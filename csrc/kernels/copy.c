/* copy and fill: any strided value to any strided value of the same shape and element size. */
#include <stdlib.h>
#include <string.h>

#include "elementwise.h"
#include "few_columns.h"
#include "rows.h"
#include "simd.h"
#include "small_blocks.h"
#include "small_transposes.h"
#include "strided_copies.h"

/* The parameter says whether rows are streamed. */
#define COPY_LOOP(name, T)                                                                                     \
    static hl_status name(int64_t n, char *const *data, const int64_t *stride, const hl_value *param) {        \
        const char *from = data[0];                                                                            \
        char *to = data[1];                                                                                    \
        if (stride[0] == (int64_t)sizeof(T) && stride[1] == (int64_t)sizeof(T)) {                              \
            if (param->i) stream_bytes(to, from, n * (int64_t)sizeof(T));                                      \
            else move_row(to, from, n * (int64_t)sizeof(T));                                                   \
            if (param->i) fence_streams();                                                                     \
        } else if (stride[0] == 0 && stride[1] == (int64_t)sizeof(T)) {                                        \
            const T value = *(const T *)from;                                                                  \
            for (int64_t i = 0; i < n; i++) ((T *)to)[i] = value;                                              \
        } else if (stride[0] == -(int64_t)sizeof(T) && stride[1] == (int64_t)sizeof(T)) {                      \
            for (int64_t i = 0; i < n; i++) ((T *)to)[i] = ((const T *)from)[-i];                              \
        } else if (stride[1] == (int64_t)sizeof(T)) {                                                          \
            TOGETHER(name, T);                                                                                 \
        } else {                                                                                               \
            APART(name, T);                                                                                    \
        }                                                                                                      \
        return HL_OK;                                                                                          \
    }

/* Elements that lie together are one (join_elements): it may lie anywhere. */
#if SIMD_BYTES >= 32
#define ANYWHERE __attribute__((aligned(1), may_alias))
#define ANYWHERE_PAIR __attribute__((packed, may_alias))
#else
#define ANYWHERE
#define ANYWHERE_PAIR
#endif
typedef uint16_t ANYWHERE bytes2;
typedef uint32_t ANYWHERE bytes4;
typedef uint64_t ANYWHERE bytes8;
typedef struct ANYWHERE_PAIR bytes16 { uint64_t low, high; } bytes16;

#define TOGETHER(name, T) \
    for (int64_t i = 0; i < n; i++) ((T *)to)[i] = *(const T *)(from + i * stride[0])
#define APART(name, T) \
    for (int64_t i = 0; i < n; i++) *(T *)(to + i * stride[1]) = *(const T *)(from + i * stride[0])
COPY_LOOP(copy_16, bytes16)
#if SIMD_BYTES >= 32
#undef TOGETHER
#undef APART
#define TOGETHER(name, T) name##_together(n, from, stride[0], (T *)to)
#define APART(name, T) name##_apart(n, from, stride[0], to, stride[1])
STRIDED_COPIES(copy_1, uint8_t, 4)
STRIDED_COPIES(copy_2, bytes2, 4)
STRIDED_COPIES(copy_4, bytes4, 4)
STRIDED_COPIES(copy_8, bytes8, 2)
#endif
COPY_LOOP(copy_1, uint8_t)
COPY_LOOP(copy_2, bytes2)
COPY_LOOP(copy_4, bytes4)
COPY_LOOP(copy_8, bytes8)

static ew_loop copy_loop(size_t size) {
    switch (size) {
    case 1: return copy_1;
    case 2: return copy_2;
    case 4: return copy_4;
    case 8: return copy_8;
    default: return copy_16;
    }
}

static hl_status run_walk(const hl_instr *ins, hl_run *run) { return ew_run(ins->p[2].p, ins->arg, run); }

static hl_status run_bytes(const hl_instr *ins, hl_run *run) {
    (void)run;
    if (ins->p[0].i) move_row(ins->arg[1], ins->arg[0], ins->p[0].i);
    return HL_OK;
}

static hl_status run_word(const hl_instr *ins, hl_run *run) {
    (void)run;
    memcpy(ins->arg[1], ins->arg[0], 4);
    return HL_OK;
}

static hl_status prepare_walk(hl_prepare *prep) {
    ew_walk *walk = prep->params;
    hl_tensor *operands[] = {prep->in[0], prep->out[0]};
    const size_t size = hl_dtype_size(prep->out[0]->dtype);
    ew_collapse(walk, operands, 2, prep->out[0]);
    walk->loop = copy_loop(size);
    walk->param = (hl_value){.i = false};
    prep->cost_ns = walk->cost_ns = (double)prep->out[0]->size * (double)size * 0.1 + 5;
    prep->ins->fn = run_walk;
    return HL_OK;
}

/* --- transposing copies: the input is dense along another axis than the output --------------------------------------- */

enum {
    TILE = 64,       /* rows of the output that are written together: what is read of the input stays in the cache */
    FEW_TILE = 2048, /* the same where rows have few elements */
    FAR = 4096,      /* bytes between rows of the input from which on each is on a page of its own */
    LONG = 2048      /* elements of the output's rows */
};

/* Copies from a few columns, apart by `stride`, to dense rows, and back; how many rows it has done: as many as are whole vectors. */
#if FEW_COLUMNS_SHUFFLE
#define FEW_COLUMNS_COPIES(size, suffix, LANES, REAL)                                                                          \
    SIMD_INLINE int64_t join_of_##size(const int columns, const REAL *from, int64_t stride, REAL *to, int64_t rows) {          \
        int64_t i = 0;                                                                                                         \
        for (; i + LANES <= rows; i += LANES, to += columns * LANES) {                                                         \
            simd_##suffix column[FEW_COLUMNS], v[FEW_COLUMNS];                                                                 \
            _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) column[j] = load_##suffix(from + j * stride + i);        \
            join_columns_##suffix(columns, column, v);                                                                         \
            _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) store_##suffix(to + j * LANES, v[j]);                    \
        }                                                                                                                      \
        return i;                                                                                                              \
    }                                                                                                                          \
    SIMD_INLINE int64_t part_of_##size(const int columns, const REAL *from, REAL *to, int64_t stride, int64_t rows) {          \
        int64_t i = 0;                                                                                                         \
        for (; i + LANES <= rows; i += LANES, from += columns * LANES) {                                                       \
            simd_##suffix column[FEW_COLUMNS];                                                                                 \
            part_columns_##suffix(columns, from, column);                                                                      \
            _Pragma("GCC unroll 4") for (int j = 0; j < columns; j++) store_##suffix(to + j * stride + i, column[j]);          \
        }                                                                                                                      \
        return i;                                                                                                              \
    }                                                                                                                          \
    static int64_t join_##size(int64_t columns, const void *from, int64_t stride, void *to, int64_t rows) {                    \
        return columns == 2   ? join_of_##size(2, from, stride, to, rows)                                                      \
               : columns == 3 ? join_of_##size(3, from, stride, to, rows)                                                      \
                              : join_of_##size(4, from, stride, to, rows);                                                     \
    }                                                                                                                          \
    static int64_t part_##size(int64_t columns, const void *from, void *to, int64_t stride, int64_t rows) {                    \
        return columns == 2   ? part_of_##size(2, from, to, stride, rows)                                                      \
               : columns == 3 ? part_of_##size(3, from, to, stride, rows)                                                      \
                              : part_of_##size(4, from, to, stride, rows);                                                     \
    }
#else
#define FEW_COLUMNS_COPIES(size, suffix, LANES, REAL)                                                                          \
    static int64_t join_##size(int64_t columns, const void *from, int64_t stride, void *to, int64_t rows) { return 0; }        \
    static int64_t part_##size(int64_t columns, const void *from, void *to, int64_t stride, int64_t rows) { return 0; }
#endif
FEW_COLUMNS_COPIES(4, f32, F32_LANES, float)
FEW_COLUMNS_COPIES(8, f64, F64_LANES, double)

/* Where a line of the cache is two vectors of doubles, blocks are of whole lines, read and written: rows whose distance is a power of
 * two share few places of the cache, which has dropped a line's second half before it is asked for. How many rows are done. (Blocks of
 * floats would be too many registers.) */
#if SIMD_BYTES == 32
#define LINES_BLOCK(name, T, suffix, LANES, REAL)                                                                     \
    SIMD_INLINE int64_t name##_lines(const T *from, int64_t from_stride, T *to, int64_t to_stride, int64_t rows,      \
                                     int64_t columns, bool streams) {                                                 \
        int64_t i = 0;                                                                                                \
        for (; i + 2 * LANES <= rows; i += 2 * LANES)                                                                 \
            for (int64_t j = 0; j < columns; j += 2 * LANES) {                                                        \
                _Pragma("GCC unroll 2") for (int64_t half = 0; half < 2 * LANES; half += LANES) {                     \
                    simd_##suffix a[LANES], b[LANES];                                                                 \
                    const T *at = from + j * from_stride + i + half;                                                  \
                    T *place = to + (i + half) * to_stride + j;                                                       \
                    _Pragma("GCC unroll 16") for (int k = 0; k < LANES; k++) a[k] = load_##suffix((const REAL *)(at + k * from_stride)); \
                    transpose_##suffix(a);                                                                            \
                    at += LANES * from_stride;                                                                        \
                    _Pragma("GCC unroll 16") for (int k = 0; k < LANES; k++) b[k] = load_##suffix((const REAL *)(at + k * from_stride)); \
                    transpose_##suffix(b);                                                                            \
                    _Pragma("GCC unroll 16") for (int k = 0; k < LANES; k++, place += to_stride) {                    \
                        if (streams) stream_##suffix((REAL *)place, a[k]), stream_##suffix((REAL *)(place + LANES), b[k]); \
                        else store_##suffix((REAL *)place, a[k]), store_##suffix((REAL *)(place + LANES), b[k]);      \
                    }                                                                                                 \
                }                                                                                                     \
            }                                                                                                         \
        return i;                                                                                                     \
    }
#else
#define LINES_BLOCK(name, T, suffix, LANES, REAL)                                                                     \
    SIMD_INLINE int64_t name##_lines(const T *from, int64_t from_stride, T *to, int64_t to_stride, int64_t rows,      \
                                     int64_t columns, bool streams) {                                                 \
        return 0;                                                                                                     \
    }
#endif

#define TRANSPOSE_TILE(name, T, suffix, LANES, REAL)                                                                  \
    SIMD_INLINE void name##_block(const T *from, int64_t from_stride, T *to, int64_t to_stride, int count, bool streams) { \
        simd_##suffix block[LANES];                                                                                   \
        _Pragma("GCC unroll 16") for (int k = 0; k < LANES; k++)                                                      \
            block[k] = load_##suffix((const REAL *)(from + (k < count ? k : 0) * from_stride));                       \
        transpose_##suffix(block);                                                                                    \
        _Pragma("GCC unroll 16") for (int k = 0; k < LANES; k++)                                                      \
            if (streams) stream_##suffix((REAL *)(to + k * to_stride), block[k]);                                     \
            else if (count == LANES) store_##suffix((REAL *)(to + k * to_stride), block[k]);                          \
            else store_part_##suffix((REAL *)(to + k * to_stride), block[k], count);                                  \
    }                                                                                                                 \
    LINES_BLOCK(name, T, suffix, LANES, REAL)                                                                         \
    /* Whole lines of the output from some rows of the input, which are left when all that the tile wants of them is read. */  \
    SIMD_INLINE void name##_far(const T *from, int64_t from_stride, T *to, int64_t to_stride, int64_t rows,           \
                                int64_t columns, bool streams) {                                                      \
        enum { LINE = 64 / sizeof(T) };                                                                               \
        for (int64_t j = 0; j < columns; j += LINE)                                                                   \
            for (int64_t i = 0; i < rows; i += LANES)                                                                 \
                _Pragma("GCC unroll 4") for (int64_t k = j; k < j + LINE; k += LANES)                                 \
                    name##_block(from + k * from_stride + i, from_stride, to + i * to_stride + k, to_stride, LANES, streams);  \
    }                                                                                                                 \
    /* to[i, j] = from[j, i] for rows i and columns j; strides in elements. */                                        \
    static void name(const char *source, int64_t from_stride, char *target, int64_t to_stride, int64_t rows,          \
                     int64_t columns, bool large) {                                                                   \
        const T *from = (const T *)source;                                                                            \
        T *to = (T *)target;                                                                                          \
        const int64_t whole = columns / LANES * LANES;                                                                \
        if (columns <= FEW_COLUMNS && to_stride == columns) {                                                         \
            const int64_t done = sizeof(T) == 4 ? join_4(columns, from, from_stride, to, rows)                        \
                                                : join_8(columns, from, from_stride, to, rows);                       \
            from += done, to += done * to_stride, rows -= done;                                                       \
        }                                                                                                             \
        const bool streams = large && (uintptr_t)to % SIMD_BYTES == 0 && to_stride * sizeof(T) % SIMD_BYTES == 0;     \
        /* Rows at a multiple of FAR share few places of the cache, which drops a line that is read in several pieces between them. */  \
        const bool pieces = SIMD_BYTES == 16 || ((uintptr_t)from | from_stride * sizeof(T)) % 64 != 0;                \
        const bool shared = pieces && from_stride * sizeof(T) % FAR == 0 && (large || SIMD_BYTES < 64);               \
        const bool pays = shared || (columns >= LONG && (streams || SIMD_BYTES == 16));                               \
        const bool far = from_stride * (int64_t)sizeof(T) >= FAR && pays;                                             \
        const int64_t lines = columns / (64 / sizeof(T)) * (64 / sizeof(T));                                          \
        int64_t i = 0;                                                                                                \
        if (far && rows >= LANES && lines > 0) {                                                                      \
            const int64_t blocks = rows / LANES * LANES;                                                              \
            if (streams) name##_far(from, from_stride, to, to_stride, blocks, lines, true), fence_streams();          \
            else name##_far(from, from_stride, to, to_stride, blocks, lines, false);                                  \
            name((const char *)(from + lines * from_stride), from_stride, (char *)(to + lines), to_stride, blocks, columns - lines, false); \
            name((const char *)(from + blocks), from_stride, (char *)(to + blocks * to_stride), to_stride, rows - blocks, columns, false); \
            return;                                                                                                   \
        }                                                                                                             \
        if (SIMD_BYTES == 32 && sizeof(T) == 8 && whole == columns && columns % (2 * LANES) == 0)                     \
            i = streams ? name##_lines(from, from_stride, to, to_stride, rows, columns, true)                         \
                        : name##_lines(from, from_stride, to, to_stride, rows, columns, false);                       \
        for (; i + LANES <= rows; i += LANES) {                                                                       \
            if (streams)                                                                                              \
                for (int64_t j = 0; j < whole; j += LANES)                                                            \
                    name##_block(from + j * from_stride + i, from_stride, to + i * to_stride + j, to_stride, LANES, true);  \
            else                                                                                                      \
                for (int64_t j = 0; j < whole; j += LANES)                                                            \
                    name##_block(from + j * from_stride + i, from_stride, to + i * to_stride + j, to_stride, LANES, false); \
            if (SIMD_FREE_MASKS && columns - whole > 3)                                                               \
                name##_block(from + whole * from_stride + i, from_stride, to + i * to_stride + whole, to_stride,      \
                             (int)(columns - whole), false);                                                          \
        }                                                                                                             \
        if (!SIMD_FREE_MASKS || columns - whole <= 3)                                                                 \
            for (int64_t k = 0; k < i; k++)                                                                           \
                for (int64_t j = whole; j < columns; j++) to[k * to_stride + j] = from[j * from_stride + k];          \
        for (; i < rows; i++)                                                                                         \
            for (int64_t j = 0; j < columns; j++) to[i * to_stride + j] = from[j * from_stride + i];                  \
        if (streams) fence_streams();                                                                                 \
    }
TRANSPOSE_TILE(transpose_tile_4, bytes4, f32, F32_LANES, float)
TRANSPOSE_TILE(transpose_tile_8, bytes8, f64, F64_LANES, double)

/* `tiles` chunks go along the last outer axis; where one is all of it, `together` iterations of the others are a chunk. */
typedef struct copy_job { const ew_walk *walk; void *const *base; int64_t tiles, together, bytes; bool narrow; } copy_job;

/* Moves the addresses of both operands by so many iterations of the outer axes but the last. */
static void go_to(const ew_walk *walk, int64_t iteration, const char **from, char **to) {
    for (int axis = walk->outer - 2; axis >= 0; axis--) {
        *from += iteration % walk->dims[axis] * walk->strides[axis][0];
        *to += iteration % walk->dims[axis] * walk->strides[axis][1];
        iteration /= walk->dims[axis];
    }
}

/* How many rows of the output a chunk has. */
static int64_t tile_rows(const ew_walk *walk) { return walk->n <= FEW_COLUMNS ? FEW_TILE : TILE; }

/* The last outer axis is the one along which the input is dense. */
static void transpose_chunk(void *argument, int64_t chunk, int worker) {
    const copy_job *job = argument;
    const ew_walk *walk = job->walk;
    const int last = walk->outer - 1;
    const int64_t size = walk->inner[1], rows = tile_rows(walk);
    const int64_t first = chunk % job->tiles * rows, left = walk->dims[last] - first;
    const char *from = job->base[0];
    char *to = job->base[1];
    (void)worker;
    go_to(walk, chunk / job->tiles, &from, &to);
    from += first * walk->strides[last][0];
    to += first * walk->strides[last][1];
    if (size <= 2) {
        (size == 1 ? transpose_tile_1 : transpose_tile_2)(from, walk->inner[0] / size, to, walk->strides[last][1] / size,
                                                          left < rows ? left : rows, walk->n);
        return;
    }
    (size == 4 ? transpose_tile_4 : transpose_tile_8)(from, walk->inner[0] / size, to, walk->strides[last][1] / size,
                                                      left < rows ? left : rows, walk->n,
                                                      walk->n * walk->count * size >= STREAMED_BYTES);
}

static hl_status run_transpose(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    const int64_t rows = tile_rows(walk);
    copy_job job = {walk, ins->arg, (walk->dims[walk->outer - 1] + rows - 1) / rows, 1};
    hl_parallel(run, walk->count / walk->dims[walk->outer - 1] * job.tiles, walk->cost_ns, transpose_chunk, &job);
    return HL_OK;
}

/* Dense rows of a few elements to columns, which are the last outer axis. */
static void part_chunk(void *argument, int64_t chunk, int worker) {
    const copy_job *job = argument;
    const ew_walk *walk = job->walk;
    const int last = walk->outer - 1;
    const int64_t size = walk->inner[1], columns = walk->dims[last], stride = walk->strides[last][1];
    const int64_t first = chunk % job->tiles * FEW_TILE, left = walk->n - first, rows = left < FEW_TILE ? left : FEW_TILE;
    const char *from = job->base[0];
    char *to = job->base[1];
    (void)worker;
    go_to(walk, chunk / job->tiles, &from, &to);
    from += first * columns * size, to += first * size;
    const int64_t done = (size == 4 ? part_4 : part_8)(columns, from, to, stride / size, rows);
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = done; i < rows; i++) memcpy(to + j * stride + i * size, from + (i * columns + j) * size, (size_t)size);
}

static hl_status run_part(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    copy_job job = {walk, ins->arg, (walk->n + FEW_TILE - 1) / FEW_TILE, 1};
    hl_parallel(run, walk->count / walk->dims[walk->outer - 1] * job.tiles, walk->cost_ns, part_chunk, &job);
    return HL_OK;
}

/* Puts an outer axis last. */
static void turn_axis(ew_walk *walk, int axis) {
    const int last = walk->outer - 1;
    const int64_t dim = walk->dims[axis], from = walk->strides[axis][0], to = walk->strides[axis][1];
    for (int k = axis; k < last; k++) {
        walk->dims[k] = walk->dims[k + 1];
        for (int operand = 0; operand < 2; operand++) walk->strides[k][operand] = walk->strides[k + 1][operand];
    }
    walk->dims[last] = dim, walk->strides[last][0] = from, walk->strides[last][1] = to;
}

/* Puts the columns of dense rows of few elements last. Elements that are joined may lie apart by no whole number of them: then not. */
static bool turn_to_columns(ew_walk *walk, int64_t size) {
    if (!FEW_COLUMNS_SHUFFLE || (size != 4 && size != 8) || walk->inner[1] != size || walk->n < SIMD_BYTES / size) return false;
    for (int axis = 0; axis < walk->outer; axis++) {
        const int64_t dim = walk->dims[axis];
        if (walk->strides[axis][0] != size || dim < 2 || dim > FEW_COLUMNS || walk->inner[0] != dim * size) continue;
        if (walk->strides[axis][1] % size != 0) continue;
        turn_axis(walk, axis);
        return true;
    }
    return false;
}

/* Puts the outer axis along which the input is dense last, where it pays to go by tiles. */
static bool turn_to_tiles(ew_walk *walk, int64_t size) {
    const bool small = size <= 2;
    if ((size != 4 && size != 8 && !small) || walk->inner[1] != size || walk->inner[0] == size || walk->inner[0] == 0) return false;
    if (walk->n < (small ? SMALL_BLOCK : 2)) return false;
    if (walk->inner[0] % size != 0) return false;
    for (int axis = 0; axis < walk->outer; axis++) {
        if (walk->strides[axis][0] != size || walk->dims[axis] < 8 || walk->strides[axis][1] % size != 0) continue;
        turn_axis(walk, axis);
        return true;
    }
    return false;
}

/* --- short rows, and such as pass the cache ------------------------------------------------------------------------------- */

enum {
    SHORT_BYTES = 512,      /* of a row that is copied inline */
    NARROW = 8,             /* elements of a row that are taken one by one, of many rows each */
    ROWS_BYTES = 1 << 16    /* of the rows of a chunk */
};

static int64_t rows_of_chunk(const ew_walk *walk, int64_t bytes) {
    const int64_t dim = walk->dims[walk->outer - 1], rows = ROWS_BYTES / bytes;
    return dim < rows ? dim : rows;
}

/* Rows of at least `piece` bytes and at most two: the first and the last ones, which may overlap. */
#define ENDS_OF_ROWS(piece)                                             \
    for (; rows > 0; rows--, from += from_step, to += to_step) {        \
        char head[piece], tail[piece];                                  \
        memcpy(head, from, piece);                                      \
        memcpy(tail, from + bytes - piece, piece);                      \
        memcpy(to, head, piece);                                        \
        memcpy(to + bytes - piece, tail, piece);                        \
    }

static void copy_rows(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t rows, int64_t bytes) {
    if (bytes >= 8 && bytes <= 16) ENDS_OF_ROWS(8)
    else if (bytes > 16 && bytes <= 32) ENDS_OF_ROWS(16)
    else for (; rows > 0; rows--, from += from_step, to += to_step) copy_row(to, from, bytes);
}

/* Whether rows are copied backwards that fit a register. */
static bool turns_rows(const ew_walk *walk) {
#if SIMD_BYTES == 64
    const int64_t size = walk->inner[1];
    return (size == 4 || size == 8) && walk->inner[0] == -size && walk->n * size <= SIMD_BYTES;
#else
    (void)walk;
    return false;
#endif
}

#if SIMD_BYTES == 64
static void turn_short_rows(const ew_walk *walk, char *to, int64_t to_step, const char *from, int64_t from_step, int64_t rows) {
    const int words = (int)(walk->inner[1] / 4), last = (int)walk->n * words - 1;
    int32_t place[16];
    for (int i = 0; i < 16; i++) place[i] = words == 1 ? last - i : (last - i) ^ 1; /* the words of one element stay in their order */
    const __m512i places = _mm512_loadu_si512(place);
    const __mmask16 lanes = (__mmask16)((1u << (last + 1)) - 1);
    from += (walk->n - 1) * walk->inner[0];
    for (int64_t row = 0; row < rows; row++, from += from_step, to += to_step)
        _mm512_mask_storeu_epi32(to, lanes, _mm512_permutexvar_epi32(places, _mm512_maskz_loadu_epi32(lanes, from)));
}
#endif

/* Rows of few elements that are apart: those at one place of all rows, then at the next. */
static void copy_narrow_rows(const ew_walk *walk, char *to, int64_t to_step, char *from, int64_t from_step, int64_t rows) {
#if SIMD_BYTES == 64
    if (turns_rows(walk)) {
        turn_short_rows(walk, to, to_step, from, from_step, rows);
        return;
    }
#endif
    const int64_t steps[] = {from_step, to_step};
    for (int64_t k = 0; k < walk->n; k++) {
        char *const data[] = {from + k * walk->inner[0], to + k * walk->inner[1]};
        walk->loop(rows, data, steps, &walk->param);
    }
}

/* Rows along the last outer axis, of as many iterations of the others as a chunk has. */
static void rows_chunk(void *argument, int64_t chunk, int worker) {
    const copy_job *job = argument;
    const ew_walk *walk = job->walk;
    const int last = walk->outer - 1;
    const int64_t bytes = job->bytes, rows = rows_of_chunk(walk, bytes), first = chunk % job->tiles * rows;
    const int64_t end = first + rows < walk->dims[last] ? first + rows : walk->dims[last];
    const int64_t from_step = walk->strides[last][0], to_step = walk->strides[last][1], lines = walk->count / walk->dims[last];
    const int64_t line = chunk / job->tiles * job->together, left = lines - line < job->together ? lines - line : job->together;
    const char *from = (const char *)job->base[0] + first * from_step;
    char *to = (char *)job->base[1] + first * to_step;
    int64_t index[HL_MAX_RANK], rest = line;
    (void)worker;
    go_to(walk, line, &from, &to);
    for (int axis = last - 1; axis >= 0; rest /= walk->dims[axis], axis--) index[axis] = rest % walk->dims[axis];
    for (int64_t done = 0;;) {
        if (walk->param.i)
            for (int64_t row = 0; row < end - first; row++) stream_bytes(to + row * to_step, from + row * from_step, bytes);
        else if (job->narrow) copy_narrow_rows(walk, to, to_step, (char *)from, from_step, end - first);
        else copy_rows(to, to_step, from, from_step, end - first, bytes);
        if (++done >= left) break;
        for (int axis = last - 1; axis >= 0; axis--) {
            from += walk->strides[axis][0], to += walk->strides[axis][1];
            if (++index[axis] < walk->dims[axis]) break;
            from -= walk->dims[axis] * walk->strides[axis][0], to -= walk->dims[axis] * walk->strides[axis][1];
            index[axis] = 0;
        }
    }
    if (walk->param.i) fence_streams();
}

/* Goes along the last outer axis, whose rows have so many bytes, by chunks. */
static hl_status run_lines(const ew_walk *walk, int64_t bytes, void *const *base, hl_run *run, hl_chunk_fn chunk, bool narrow) {
    const int64_t dim = walk->dims[walk->outer - 1], rows = rows_of_chunk(walk, bytes);
    copy_job job = {walk, base, (dim + rows - 1) / rows, 1, bytes, narrow};
    if (job.tiles == 1 && rows * bytes < ROWS_BYTES) job.together = ROWS_BYTES / (rows * bytes);
    hl_parallel(run, (walk->count / dim + job.together - 1) / job.together * job.tiles, walk->cost_ns, chunk, &job);
    return HL_OK;
}

static hl_status run_rows(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    return run_lines(walk, walk->n * ins->p[0].i, ins->arg, run, rows_chunk, false);
}
static hl_status run_narrow_rows(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    return run_lines(walk, walk->n * ins->p[0].i, ins->arg, run, rows_chunk, true);
}

/* A number for all, in rows that lie apart: one row of it is copied to each. */
static hl_status run_fill_rows(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    const int64_t size = ins->p[0].i;
    char row[SHORT_BYTES];
    for (int64_t i = 0; i < walk->n; i++) memcpy(row + i * size, ins->arg[0], (size_t)size);
    void *base[] = {row, ins->arg[1]};
    return run_lines(walk, walk->n * size, base, run, rows_chunk, false);
}

/* --- small blocks of the output ------------------------------------------------------------------------------------------- */

#if SMALL_BLOCKS
/* Which blocks these are is said by the walk: its row axes and the innermost one. */
static block_order order_of_blocks(const ew_walk *walk, const char **from) {
    const int words = (int)walk->inner[1] / 4;
    int64_t at[MOST_BLOCK_WORDS], least = 0, most = 0;
    block_order order = {.words = 0};
    at[order.words++] = 0;
    for (int axis = walk->outer + walk->row_axes; axis >= walk->outer; axis--) { /* the innermost first: what there is repeats along the next */
        const bool innermost = axis == walk->outer + walk->row_axes;
        const int64_t dim = innermost ? walk->n : walk->dims[axis], stride = (innermost ? walk->inner[0] : walk->strides[axis][0]) / 4;
        const int before = order.words;
        for (int64_t i = 1; i < dim; i++)
            for (int k = 0; k < before; k++) at[order.words++] = at[k] + i * stride;
    }
    for (int i = 0; i < order.words; i++) least = at[i] < least ? at[i] : least, most = at[i] > most ? at[i] : most;
    for (int i = order.words - 1; i >= 0; i--)
        for (int word = 0; word < words; word++) order.place[i * words + word] = (uint8_t)(at[i] - least + word);
    order.words *= words;
    order.span = (int)(most - least) + words;
    *from += least * 4;
    return order;
}

/* Blocks along the last outer axis. */
static void blocks_chunk(void *argument, int64_t chunk, int worker) {
    const copy_job *job = argument;
    const ew_walk *walk = job->walk;
    const int last = walk->outer - 1;
    const int64_t rows = rows_of_chunk(walk, job->bytes), first = chunk % job->tiles * rows, left = walk->dims[last] - first;
    const int64_t lines = walk->count / walk->dims[last], line = chunk / job->tiles * job->together;
    const char *base = job->base[0];
    const block_order order = order_of_blocks(walk, &base);
    (void)worker;
    for (int64_t i = line; i < lines && i < line + job->together; i++) {
        const char *from = base + first * walk->strides[last][0];
        char *to = (char *)job->base[1] + first * walk->strides[last][1];
        go_to(walk, i, &from, &to);
        copy_blocks(&order, from, walk->strides[last][0] / 4, to, left < rows ? left : rows);
    }
}

static hl_status run_blocks(const hl_instr *ins, hl_run *run) {
    const ew_walk *walk = ins->p[2].p;
    return run_lines(walk, walk->strides[walk->outer - 1][1], ins->arg, run, blocks_chunk, false);
}

/* Puts the innermost axes that are a small block of the output apart, where the blocks of the axis before them follow each other. Rows that
 * lie together in the input too are blocks where they are short and two are one load. */
static bool turn_to_blocks(ew_walk *walk, int64_t size) {
    enum { FEW_WORDS = 256, DENSE_BYTES = 32 };
    if ((size != 4 && size != 8) || walk->inner[1] != size || walk->outer == 0) return false;
    int64_t words = walk->n * size / 4, span = (walk->n - 1) * llabs(walk->inner[0] / 4) + size / 4;
    int axes = 0;
    if (walk->inner[0] % 4 != 0 || words > MOST_BLOCK_WORDS || span > F32_LANES) return false;
    for (int axis = walk->outer - 1; axis > 0; axis--, axes++) {
        const int64_t *stride = walk->strides[axis], more = (walk->dims[axis] - 1) * llabs(stride[0] / 4);
        if (stride[1] != words * 4 || stride[0] % 4 != 0) return false;
        if (words * walk->dims[axis] > MOST_BLOCK_WORDS || span + more > F32_LANES) break;
        words *= walk->dims[axis], span += more;
    }
    const int last = walk->outer - 1 - axes;
    const int64_t *stride = walk->strides[last];
    if (stride[1] != words * 4 || stride[0] % 4 != 0 || walk->dims[last] * words < FEW_WORDS || llabs(stride[0] / 4) > INT32_MAX) return false;
    const bool two_a_load = stride[0] >= 0 && stride[0] / 4 + words <= F32_LANES;
    if (axes == 0 && walk->inner[0] == size && (walk->n * size >= DENSE_BYTES || !two_a_load)) return false;
    walk->outer -= axes, walk->row_axes = axes;
    for (int axis = walk->outer; axis < walk->outer + axes; axis++) walk->count /= walk->dims[axis];
    return true;
}
#else
static bool turn_to_blocks(ew_walk *walk, int64_t size) { return false; }
static hl_status run_blocks(const hl_instr *ins, hl_run *run) { return HL_OK; }
#endif

static bool is_dense(const ew_walk *walk, int64_t size) { return walk->inner[0] == size && walk->inner[1] == size; }

/* Whether what is written is more than the cache should keep, in rows of several lines. */
static bool is_streamed(const ew_walk *walk, int64_t size) {
    return is_dense(walk, size) && walk->n * size >= STREAMED_ROW && walk->n * size * walk->count >= STREAMED_BYTES;
}

/* Puts the axis before the last outer one last where that has few iterations and the other more. How many the last one has then. */
static int64_t turn_to_rows(ew_walk *walk) {
    const int last = walk->outer - 1;
    if (last > 0 && walk->dims[last] < 8 && walk->dims[last - 1] > walk->dims[last]) turn_axis(walk, last - 1);
    return walk->dims[last];
}

/* An outer axis of few rows is not worth it: the walk's own loop has less to do between two of them. */
static bool has_rows(ew_walk *walk, int64_t size) {
    if (walk->outer == 0 || !is_dense(walk, size) || walk->n * size > (walk->param.i ? ROWS_BYTES : SHORT_BYTES)) return false;
    return turn_to_rows(walk) >= 4;
}

static bool has_narrow_rows(ew_walk *walk) {
    return SIMD_BYTES >= 32 && walk->outer > 0 && (walk->n <= NARROW || turns_rows(walk)) && turn_to_rows(walk) > walk->n;
}

/* Elements that lie together on both sides are one where they fill a word: rows of two floats are copied as doubles are. How large an
 * element is then. */
static int64_t join_elements(ew_walk *walk, int64_t size) {
    const int64_t bytes = walk->n * size;
    if (SIMD_BYTES < 32 || walk->outer == 0 || walk->n < 2 || !is_dense(walk, size)) return size;
    if (bytes != 2 && bytes != 4 && bytes != 8 && bytes != 16) return size;
    walk->n = walk->dims[--walk->outer];
    walk->count /= walk->n;
    for (int operand = 0; operand < 2; operand++) walk->inner[operand] = walk->strides[walk->outer][operand];
    walk->loop = copy_loop((size_t)bytes);
    return bytes;
}

static bool same_dims(const hl_tensor *a, const hl_tensor *b) {
    if (a->rank != b->rank) return false;
    for (int axis = 0; axis < a->rank; axis++)
        if (a->dims[axis] != b->dims[axis]) return false;
    return true;
}

static hl_status prepare_copy(hl_prepare *prep) {
    const hl_tensor *in = prep->in[0], *out = prep->out[0];
    if (in->contiguous && out->contiguous && same_dims(in, out)) {
        const int64_t bytes = in->size * (int64_t)hl_dtype_size(in->dtype);
        prep->ins->p[0].i = bytes;
        prep->ins->fn = bytes == 4 ? run_word : run_bytes;
        prep->cost_ns = (double)bytes * 0.05 + 2;
        if (bytes < 1 << 18) return HL_OK;
    }
    const hl_status status = prepare_walk(prep);
    ew_walk *walk = prep->params;
    if (in->size == 0) return status;
    const int64_t size = join_elements(walk, (int64_t)hl_dtype_size(in->dtype));
    walk->param.i = is_streamed(walk, size);
    if (turn_to_blocks(walk, size)) prep->ins->fn = run_blocks;
    else if (turn_to_columns(walk, size)) prep->ins->fn = run_part;
    else if (turn_to_tiles(walk, size)) prep->ins->fn = run_transpose;
    else if (has_rows(walk, size)) prep->ins->fn = run_rows;
    else if (has_narrow_rows(walk)) prep->ins->fn = run_narrow_rows;
    prep->ins->p[0].i = size;
    return status;
}

static hl_status prepare_fill(hl_prepare *prep) {
    const hl_status status = prepare_walk(prep);
    ew_walk *walk = prep->params;
    const int64_t size = (int64_t)hl_dtype_size(prep->out[0]->dtype);
    if (walk->outer == 0 || walk->n < 2 || walk->inner[0] != 0 || walk->inner[1] != size || walk->n * size > SHORT_BYTES) return status;
    if (turn_to_rows(walk) >= 4) prep->ins->fn = run_fill_rows;
    prep->ins->p[0].i = size;
    return status;
}

static const hl_kernel table[] = {
    {"copy", prepare_copy, sizeof(ew_walk)},
    {"fill", prepare_fill, sizeof(ew_walk)},
};

HL_FAMILY(copy, table);
