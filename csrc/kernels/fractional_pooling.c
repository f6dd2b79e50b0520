/* Pools over windows of two lengths in a random order (Graham 2014), and their gradients. */
#include <math.h>

#include "elementwise_types.h"
#include "philox.h"
#include "plan.h"
#include "pool.h"

typedef struct fraction {
    int64_t batch, high, wide, depth; /* of the images */
    int64_t rows, columns;            /* of windows */
    bool pseudo, overlapping, fixed;
    double cost_ns;
} fraction;

typedef struct window { int64_t top, bottom, left, right; } window;

/* What a kernel does with one image. */
typedef void (*image_fn)(const fraction *f, void *const *arg, const int64_t *rows, const int64_t *columns, int64_t image, int64_t first,
                         int64_t end);

/* --- where windows begin --------------------------------------------------------------------------------------- */

/* `count` lengths that are the whole part of size / count or one more, added up: TensorFlow's draws. How many blocks were drawn. */
static int64_t draw_places(const hl_stream *stream, uint64_t block_at, int64_t size, int64_t count, bool pseudo, int64_t *place) {
    const int64_t least = size / count;
    place[0] = 0;
    if (pseudo) {
        const double ratio = (double)size / (double)count;
        const double first = (double)(least + 2) / ratio - 1, last = (double)(size + 1 - least) / ratio - (double)(count - 1);
        const block words = philox(stream->key, stream->stream, block_at);
        const double u = uniform_double(words.word[0], words.word[1]) * (first < last ? first : last);
        for (int64_t i = 1; i < count; i++) place[i] = (int64_t)ceil(ratio * ((double)i + u)) - 1;
        place[count] = size;
        return 1;
    }
    for (int64_t i = 0; i < count; i++) place[i + 1] = least + (i < size % count);
    block words = {{0}};
    for (int64_t i = 0; i + 1 < count; i++) {
        if (i % BLOCK_WORDS == 0) words = philox(stream->key, stream->stream, block_at + (uint64_t)(i / BLOCK_WORDS));
        const int64_t other = i + words.word[i % BLOCK_WORDS] % (uint32_t)(count - i), held = place[i + 1];
        place[i + 1] = place[other + 1];
        place[other + 1] = held;
    }
    for (int64_t i = 0; i < count; i++) place[i + 1] += place[i];
    return (count + BLOCK_WORDS - 1) / BLOCK_WORDS;
}

static window window_of(const fraction *f, const int64_t *rows, const int64_t *columns, int64_t y, int64_t x) {
    const int64_t bottom = rows[y + 1] + f->overlapping, right = columns[x + 1] + f->overlapping;
    return (window){rows[y], bottom < f->high ? bottom : f->high, columns[x], right < f->wide ? right : f->wide};
}

/* Whether places that came as an input are windows of the image. */
static bool are_places(const int64_t *place, int64_t count, int64_t size) {
    for (int64_t i = 0; i <= count; i++)
        if (place[i] < 0 || place[i] > size || (i && place[i] < place[i - 1])) return false;
    return true;
}

/* --- kernels ------------------------------------------------------------------------------------------------------- */

#define EACH_WINDOW                                                          \
    for (int64_t y = first; y < end; y++)                                    \
        for (int64_t x = 0; x < f->columns; x++)
#define EACH_PIXEL                                                           \
    for (int64_t row = w.top; row < w.bottom; row++)                         \
        for (int64_t column = w.left; column < w.right; column++)
#define EACH_CHANNEL for (int64_t c = 0; c < f->depth; c++)
#define PIXEL (((image * f->high + row) * f->wide + column) * f->depth)
#define TARGET (((image * f->rows + y) * f->columns + x) * f->depth)
#define LOWEST(x) _Generic((x), float: -INFINITY, double: -INFINITY, int32_t: INT32_MIN, int64_t: INT64_MIN)

#define POOLS(tag, dtype, S, C, LOAD, STORE, unused)                                                                           \
    static void maxima_##tag(const fraction *f, void *const *arg, const int64_t *rows, const int64_t *columns, int64_t image,  \
                             int64_t first, int64_t end) {                                                                     \
        const S *in = arg[1];                                                                                                  \
        EACH_WINDOW {                                                                                                          \
            S *out = (S *)arg[2] + TARGET;                                                                                     \
            const window w = window_of(f, rows, columns, y, x);                                                                \
            EACH_CHANNEL out[c] = (S)LOWEST(*out);                                                                             \
            EACH_PIXEL EACH_CHANNEL {                                                                                          \
                const S value = in[PIXEL + c];                                                                                 \
                out[c] = value > out[c] || value != value ? value : out[c];                                                    \
            }                                                                                                                  \
        }                                                                                                                      \
    }                                                                                                                          \
    static void means_##tag(const fraction *f, void *const *arg, const int64_t *rows, const int64_t *columns, int64_t image,   \
                            int64_t first, int64_t end) {                                                                      \
        const S *in = arg[1];                                                                                                  \
        EACH_WINDOW {                                                                                                          \
            S *out = (S *)arg[2] + TARGET;                                                                                     \
            const window w = window_of(f, rows, columns, y, x);                                                                \
            const S count = (S)((w.bottom - w.top) * (w.right - w.left));                                                      \
            EACH_CHANNEL out[c] = 0;                                                                                           \
            EACH_PIXEL EACH_CHANNEL out[c] += in[PIXEL + c];                                                                   \
            if (count != 0) EACH_CHANNEL out[c] /= count;                                                                      \
        }                                                                                                                      \
    }                                                                                                                          \
    static void slopes_of_maxima_##tag(const fraction *f, void *const *arg, const int64_t *rows, const int64_t *columns,       \
                                       int64_t image, int64_t first, int64_t end) {                                            \
        const S *in = arg[0], *grad = arg[2];                                                                                  \
        S *out = arg[5];                                                                                                       \
        memset(out + image * f->high * f->wide * f->depth, 0, sizeof(S) * (size_t)(f->high * f->wide * f->depth));             \
        EACH_WINDOW {                                                                                                          \
            const window w = window_of(f, rows, columns, y, x);                                                                \
            EACH_CHANNEL {                                                                                                     \
                int64_t at = -1;                                                                                               \
                S best = (S)LOWEST(*in);                                                                                       \
                EACH_PIXEL {                                                                                                   \
                    const S value = in[PIXEL + c];                                                                             \
                    if (at >= 0 && !(value > best) && !(value != value && best == best)) continue;                             \
                    best = value;                                                                                              \
                    at = PIXEL + c;                                                                                            \
                }                                                                                                              \
                if (at >= 0) out[at] += grad[TARGET + c];                                                                      \
            }                                                                                                                  \
        }                                                                                                                      \
    }                                                                                                                          \
    static void slopes_of_means_##tag(const fraction *f, void *const *arg, const int64_t *rows, const int64_t *columns,        \
                                      int64_t image, int64_t first, int64_t end) {                                             \
        const S *grad = arg[1];                                                                                                \
        S *out = arg[4];                                                                                                       \
        memset(out + image * f->high * f->wide * f->depth, 0, sizeof(S) * (size_t)(f->high * f->wide * f->depth));             \
        EACH_WINDOW {                                                                                                          \
            const window w = window_of(f, rows, columns, y, x);                                                                \
            const S count = (S)((w.bottom - w.top) * (w.right - w.left));                                                      \
            if (count == 0) continue;                                                                                          \
            EACH_PIXEL EACH_CHANNEL out[PIXEL + c] += grad[TARGET + c] / count;                                                \
        }                                                                                                                      \
    }
EACH_WIDE_FLOAT(POOLS, 0)
EACH_WIDE_SIGNED(POOLS, 0)

/* --- running ------------------------------------------------------------------------------------------------------- */

typedef struct job {
    const fraction *f;
    void *const *arg;
    const int64_t *rows, *columns;
    image_fn fn;
} job;

static void pool_row(void *argument, int64_t chunk, int worker) {
    const job *j = argument;
    (void)worker;
    j->fn(j->f, j->arg, j->rows, j->columns, chunk / j->f->rows, chunk % j->f->rows, chunk % j->f->rows + 1);
}

static void slope_image(void *argument, int64_t image, int worker) {
    const job *j = argument;
    (void)worker;
    j->fn(j->f, j->arg, j->rows, j->columns, image, 0, j->f->rows);
}

static hl_status run_pool(const hl_instr *ins, hl_run *run) {
    void *const *arg = hl_args(ins);
    const fraction *f = ins->p[2].p;
    hl_stream *stream = arg[0];
    const uint64_t blocks = (uint64_t)(2 + (f->rows + f->columns) / BLOCK_WORDS + 2);
    uint64_t at = f->fixed ? 0 : reserve(stream, blocks);
    at += (uint64_t)draw_places(stream, at, f->high, f->rows, f->pseudo, arg[3]);
    draw_places(stream, at, f->wide, f->columns, f->pseudo, arg[4]);
    job j = {f, arg, arg[3], arg[4], (image_fn)ins->p[1].p};
    hl_parallel(run, f->batch * f->rows, f->cost_ns, pool_row, &j);
    return HL_OK;
}

static hl_status run_slopes(const hl_instr *ins, hl_run *run) {
    void *const *arg = hl_args(ins);
    const fraction *f = ins->p[2].p;
    const int sequences = (int)ins->p[0].i;
    job j = {f, arg, arg[sequences], arg[sequences + 1], (image_fn)ins->p[1].p};
    if (!are_places(j.rows, f->rows, f->high) || !are_places(j.columns, f->columns, f->wide))
        return hl_fail(run, HL_INVALID_ARGUMENT, "pooling sequences do not fit an image of %lld x %lld", (long long)f->high,
                       (long long)f->wide);
    hl_parallel(run, f->batch, f->cost_ns, slope_image, &j);
    return HL_OK;
}

static void set_sizes(hl_prepare *prep, const hl_tensor *image, const hl_tensor *target) {
    fraction *f = prep->params;
    f->batch = image->dims[0];
    f->high = image->dims[1];
    f->wide = image->dims[2];
    f->depth = image->dims[3];
    f->rows = target->dims[1];
    f->columns = target->dims[2];
    f->cost_ns = prep->cost_ns = 50 + (double)image->size * 1.5;
}

#define CASE(tag, dtype, S, C, LOAD, STORE, kernel) \
    case dtype: fn = kernel##_##tag; break;
#define CHOOSE(type, kernel)                           \
    switch (type) {                                    \
        EACH_WIDE_FLOAT(CASE, kernel)                  \
        EACH_WIDE_SIGNED(CASE, kernel)                 \
    default: return hl_no_kernel(prep, NULL);          \
    }

/* fractional_pool: (stream, images) -> pooled, where rows and columns of windows begin and end. Attributes: whether maxima are taken,
 * whether places are drawn by one number, whether windows share their borders, whether every run draws the same. */
static hl_status prepare_pool(hl_prepare *prep) {
    fraction *f = prep->params;
    image_fn fn = NULL;
    set_sizes(prep, prep->in[1], prep->out[0]);
    f->pseudo = prep->attr[1].i;
    f->overlapping = prep->attr[2].i;
    f->fixed = prep->attr[3].i;
    if (prep->attr[0].i) CHOOSE(prep->in[1]->dtype, maxima)
    else CHOOSE(prep->in[1]->dtype, means)
    prep->ins->p[1].p = (void *)fn;
    prep->ins->fn = run_pool;
    return HL_OK;
}

/* fractional_max_slope: (images, pooled, gradient, rows, columns) -> slopes. Attribute: whether windows share their borders. */
static hl_status prepare_max_slope(hl_prepare *prep) {
    fraction *f = prep->params;
    image_fn fn = NULL;
    set_sizes(prep, prep->in[0], prep->in[2]);
    f->overlapping = prep->attr[0].i;
    CHOOSE(prep->in[0]->dtype, slopes_of_maxima)
    prep->ins->p[0].i = 3;
    prep->ins->p[1].p = (void *)fn;
    prep->ins->fn = run_slopes;
    return HL_OK;
}

/* fractional_mean_slope: (the images' shape, gradient, rows, columns) -> slopes. Attribute: as above. */
static hl_status prepare_mean_slope(hl_prepare *prep) {
    fraction *f = prep->params;
    image_fn fn = NULL;
    set_sizes(prep, prep->out[0], prep->in[1]);
    f->overlapping = prep->attr[0].i;
    CHOOSE(prep->in[1]->dtype, slopes_of_means)
    prep->ins->p[0].i = 2;
    prep->ins->p[1].p = (void *)fn;
    prep->ins->fn = run_slopes;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"fractional_pool", prepare_pool, sizeof(fraction)},
    {"fractional_max_slope", prepare_max_slope, sizeof(fraction)},
    {"fractional_mean_slope", prepare_mean_slope, sizeof(fraction)},
};

HL_FAMILY(fractional_pooling, table);
