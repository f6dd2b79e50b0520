/* Convolutions by fewer multiplications: which ones, and how they are cut, whatever the type of their elements.
 *
 * Minimal filtering (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for
 * Convolutional Neural Networks, 2015). A tile of the target is a product of polynomials: the 6 by 6 positions of the source that it
 * sees and the filter are transformed to their values at 6 by 6 points, multiplied there, summed over channels, and transformed back.
 * A window of 3 by 3 makes 4 by 4 positions from 36 multiplications instead of 144, one of 5 by 5 makes 2 by 2 from 36 instead of 100.
 * The multiplications are 36 matrix products, tiles by channels, of the tiles of conv_tile.h.
 *
 * The target's tiles are counted through all images and cut into blocks, by sizes alone. The gradient of the image is the same
 * convolution of another filter. The gradient of the filter sums the products over tiles instead of channels: the same points,
 * with the parts of filter and target exchanged.
 */
#ifndef HOOKLOOP_CONV_WINOGRAD_TYPES_H
#define HOOKLOOP_CONV_WINOGRAD_TYPES_H

#include "conv_geometry.h"
#include "simd.h"

/* Whether a filter that leaves the caches is transformed piece by piece where it is multiplied (conv_winograd_panels.h). */
#ifdef __AVX512F__
#define WINOGRAD_BY_PANELS 1
#else
#define WINOGRAD_BY_PANELS 0
#endif

enum {
    WINOGRAD_POINTS = 6, /* along an axis; as many positions of the source does a tile see */
    WINOGRAD_PRODUCTS = WINOGRAD_POINTS * WINOGRAD_POINTS,
    WINOGRAD_K_BLOCK = 128,    /* terms of one chain of additions: short chains keep the error down */
    WINOGRAD_GAP = SIMD_BYTES, /* behind the values of a point: powers of two apart they would push each other out of the cache */
    WINOGRAD_MAX_SUM_BLOCKS = 16,
    WINOGRAD_LARGE_FILTER = 4 << 20, /* bytes of a transformed one that no cache near a core keeps beside the rest, */
    WINOGRAD_FEW_TILES = 256,        /* beside many tiles, or with a window of 5, where it is not much larger than the filter, four times as many */
    WINOGRAD_PIECE_VECTORS = 4,      /* of channels that go together by panels */
    WINOGRAD_PANEL_TILES = 48,       /* whose products by a panel stay in the cache beside a piece of it, */
    WINOGRAD_GROUP_BLOCKS = 4        /* and so many blocks of them that are transformed at once */
};

/* How the convolution of one instruction is cut. Point strides and offsets are in elements and bytes. */
typedef struct conv_winograd {
    int window, tile;                 /* 3 and 4, or 5 and 2 */
    int64_t source[2], target[2];     /* rows and columns of images */
    int64_t first[2];                 /* where target position 0 sees the source under tap 0 */
    int64_t tiles[2], n_tiles;        /* of an image; of all */
    int64_t block_tiles, blocks;
    int64_t channels, columns;        /* of the source, and of the target */
    int64_t padded_channels;          /* whole vectors */
    int64_t panel_columns;            /* at most in a panel */
    int64_t part_columns, parts;      /* of the target's columns, for separate tasks */
    int64_t part_channels, channel_parts, sum_blocks; /* of a filter's gradient */
    int64_t filter_bytes;             /* of one transformed filter */
    int64_t piece;                    /* of channels, by panels; 0: not so */
    int64_t shared_bytes;             /* by panels: of the values of a group of tiles, or of all */
    double filter_ns, tiles_ns;       /* what transforming it costs, and the rest */
    int64_t values, products, rows, targets, zeros, packed, bytes; /* offsets in a worker's scratch; its size */
} conv_winograd;

/* A tile of the target: its image, its first position, and how many positions of it are inside. */
typedef struct winograd_tile { int64_t n, y, x, height, width; } winograd_tile;

/* Some columns of the target, and where their part of a transformed filter begins, in elements. */
typedef struct winograd_panel { int64_t column, columns, width, point, filter; int vectors; } winograd_panel;

static inline winograd_tile winograd_tile_at(const conv_winograd *w, int64_t index) {
    winograd_tile t = {.n = index / (w->tiles[0] * w->tiles[1])};
    t.y = index / w->tiles[1] % w->tiles[0] * w->tile;
    t.x = index % w->tiles[1] * w->tile;
    t.height = conv_min(w->tile, w->target[0] - t.y);
    t.width = conv_min(w->tile, w->target[1] - t.x);
    return t;
}

static inline int64_t winograd_align(int64_t bytes) { return conv_ceil(bytes, HL_ALIGNMENT) * HL_ALIGNMENT; }

/* Between the values of two points, for `rows` rows of `columns` elements. */
static inline int64_t winograd_stride(int64_t rows, int64_t columns, int64_t real_bytes) {
    return rows * columns + WINOGRAD_GAP / real_bytes;
}

/* Reads the geometry: whether it is one of these convolutions. */
static inline bool winograd_read(conv_winograd *w, const conv_axis *axis, bool transposed, int64_t batch, int64_t channels,
                                 int64_t columns) {
    *w = (conv_winograd){.window = (int)axis[0].window, .channels = channels, .columns = columns};
    if (axis[1].image != 1 || axis[1].window != 1 || axis[1].before != 0 || axis[1].target != 1) return false;
    if ((w->window != 3 && w->window != 5) || axis[2].window != w->window) return false;
    w->tile = WINOGRAD_POINTS + 1 - w->window;
    for (int i = 0; i < 2; i++) {
        const conv_axis *a = &axis[2 * i];
        if (a->stride != 1 || a->dilation != 1) return false;
        w->source[i] = transposed ? a->target : a->image;
        w->target[i] = transposed ? a->image : a->target;
        w->first[i] = transposed ? a->before - (a->window - 1) : -a->before;
        w->tiles[i] = conv_ceil(w->target[i], w->tile);
    }
    w->n_tiles = batch * w->tiles[0] * w->tiles[1];
    return true;
}

/* Cuts the tiles into blocks whose values fill `bytes` of the cache. */
static inline void winograd_cut_tiles(conv_winograd *w, int64_t bytes_of_tile, int64_t bytes, int64_t wanted_blocks) {
    enum { ROWS = 12 }; /* whole tiles of registers, whatever their width */
    const int64_t fitting = bytes / bytes_of_tile / ROWS * ROWS, few = conv_ceil(conv_ceil(w->n_tiles, wanted_blocks), ROWS) * ROWS;
    const int64_t most = conv_max(2 * ROWS, conv_min(fitting, few));
    w->blocks = conv_ceil(w->n_tiles, most);
    w->block_tiles = conv_ceil(w->n_tiles, w->blocks);
}

/* Lays out a worker's scratch: the values of `rows` elements a tile, the products of a panel of `columns`. */
static inline void winograd_lay_out(conv_winograd *w, int64_t rows, int64_t pointers, int64_t columns, int64_t real_bytes) {
    const int64_t points = WINOGRAD_PRODUCTS * real_bytes;
    w->values = 0;
    w->products = winograd_align(w->values + points * winograd_stride(w->block_tiles, rows, real_bytes));
    w->rows = winograd_align(w->products + points * winograd_stride(w->block_tiles, columns, real_bytes));
    w->targets = w->rows + pointers * (int64_t)sizeof(void *);
    w->zeros = winograd_align(w->targets + pointers * (int64_t)sizeof(void *));
    w->packed = winograd_align(w->zeros + w->padded_channels * real_bytes);
    w->bytes = winograd_align(w->packed + w->channels * SIMD_BYTES);
}

/* The size of a transformed filter, or of the sums of its gradient. */
static inline int64_t winograd_filter_bytes(const conv_winograd *w, int64_t real_bytes) {
    const int64_t lanes = SIMD_BYTES / real_bytes, panels = conv_ceil(w->columns, w->panel_columns);
    const int64_t columns = conv_ceil(w->columns, lanes) * lanes;
    return winograd_align(WINOGRAD_PRODUCTS * (w->channels * columns * real_bytes + panels * WINOGRAD_GAP));
}

/* Cuts a forward convolution by panels of so many vectors, `most` in the last one. */
static inline void winograd_cut(conv_winograd *w, int vectors, int most, int64_t real_bytes) {
    enum { CACHE_BYTES = 512 << 10, WANTED_TASKS = 16 };
    const int64_t lanes = SIMD_BYTES / real_bytes;
    w->padded_channels = conv_ceil(w->channels, lanes) * lanes;
    w->panel_columns = vectors * lanes;
    w->filter_bytes = winograd_filter_bytes(w, real_bytes);
    const int64_t width = conv_min(w->panel_columns, conv_ceil(w->columns, lanes) * lanes);
    winograd_cut_tiles(w, WINOGRAD_PRODUCTS * (w->padded_channels + width) * real_bytes, CACHE_BYTES, WANTED_TASKS);
    const int64_t panels = conv_ceil(w->columns, w->panel_columns);
    w->parts = conv_min(panels, conv_ceil(WANTED_TASKS, w->blocks));
    w->part_columns = conv_ceil(panels, w->parts) * w->panel_columns;
    w->parts = conv_ceil(w->columns, w->part_columns);
    winograd_lay_out(w, w->padded_channels, w->block_tiles, most * lanes, real_bytes);
}

/* Cuts the gradient of a filter. */
static inline void winograd_cut_filter(conv_winograd *w, int vectors, int most, int64_t real_bytes) {
    enum { CACHE_BYTES = 512 << 10, WANTED_TASKS = 16, SUM_BYTES = 4 << 20, GOOD_CHANNELS = 64 };
    const int64_t lanes = SIMD_BYTES / real_bytes;
    w->padded_channels = conv_ceil(w->channels, lanes) * lanes;
    w->panel_columns = vectors * lanes;
    w->part_columns = conv_ceil(w->columns, w->panel_columns) * w->panel_columns;
    w->parts = 1;
    w->filter_bytes = winograd_filter_bytes(w, real_bytes);
    w->sum_blocks = conv_max(1, conv_min(WANTED_TASKS, SUM_BYTES / w->filter_bytes));
    w->channel_parts = conv_min(conv_ceil(w->channels, GOOD_CHANNELS), conv_ceil(WANTED_TASKS, w->sum_blocks));
    w->part_channels = conv_ceil(conv_ceil(w->channels, w->channel_parts), lanes) * lanes;
    w->channel_parts = conv_ceil(w->channels, w->part_channels);
    const int64_t width = conv_min(w->panel_columns, conv_ceil(w->columns, lanes) * lanes);
    winograd_cut_tiles(w, WINOGRAD_PRODUCTS * (w->part_channels + width) * real_bytes, CACHE_BYTES, WANTED_TASKS);
    w->sum_blocks = conv_min(w->sum_blocks, w->blocks);
    winograd_lay_out(w, w->part_channels, conv_max(w->block_tiles, w->part_channels), most * lanes, real_bytes);
}

#if WINOGRAD_BY_PANELS
/* The values of a point for one piece of channels of a block of tiles, or for a panel of all tiles; in elements. */
static inline int64_t winograd_piece_point(const conv_winograd *w, int64_t real_bytes) { return winograd_stride(w->block_tiles, w->piece, real_bytes); }

/* Lays out the scratch of a task by panels: so many rows of a piece of the filter or of its gradient, and of products. */
static inline void winograd_lay_out_panels(conv_winograd *w, int64_t filter_rows, int64_t product_rows, int64_t pointers, int64_t real_bytes) {
    const int64_t points = WINOGRAD_PRODUCTS * real_bytes;
    w->values = 0;
    w->products = winograd_align(points * winograd_stride(filter_rows, w->panel_columns, real_bytes));
    w->rows = winograd_align(w->products + points * winograd_stride(product_rows, w->panel_columns, real_bytes));
    w->targets = w->rows + pointers * (int64_t)sizeof(void *);
    w->zeros = winograd_align(w->targets + pointers * (int64_t)sizeof(void *));
    w->packed = winograd_align(w->zeros + w->padded_channels * real_bytes);
    w->bytes = winograd_align(w->packed + w->channels * SIMD_BYTES);
}

/* Cuts again where the transformed filter would be large: a task is a panel of columns and a block of tiles. */
static inline void winograd_cut_panels(conv_winograd *w, int64_t real_bytes) {
    const bool often = w->n_tiles > WINOGRAD_FEW_TILES || w->window == 5;
    if (w->filter_bytes < (often ? 4 : 1) * WINOGRAD_LARGE_FILTER) return;
    w->piece = WINOGRAD_PIECE_VECTORS * (SIMD_BYTES / real_bytes);
    w->part_columns = w->panel_columns;
    w->parts = conv_ceil(w->columns, w->part_columns);
    w->blocks = conv_ceil(w->n_tiles, WINOGRAD_PANEL_TILES);
    w->block_tiles = conv_ceil(w->n_tiles, w->blocks);
    w->shared_bytes = conv_min(w->blocks, WINOGRAD_GROUP_BLOCKS) * conv_ceil(w->channels, w->piece) * WINOGRAD_PRODUCTS *
                      winograd_piece_point(w, real_bytes) * real_bytes;
    winograd_lay_out_panels(w, w->piece, w->block_tiles, w->block_tiles, real_bytes);
}

/* The same for the gradient of a filter, whose sums would be large: a task is a panel of columns and a piece of channels, for all tiles. */
static inline void winograd_cut_filter_panels(conv_winograd *w, int64_t real_bytes) {
    const int64_t panels = conv_ceil(w->columns, w->panel_columns), piece = WINOGRAD_PIECE_VECTORS * (SIMD_BYTES / real_bytes);
    const int64_t pieces = conv_ceil(w->channels, piece);
    const int64_t point = winograd_stride(w->n_tiles, conv_max(piece, w->panel_columns), real_bytes);
    const int64_t bytes = (panels + pieces) * WINOGRAD_PRODUCTS * point * real_bytes;
    if (w->filter_bytes < WINOGRAD_LARGE_FILTER || bytes > w->filter_bytes) return;
    w->piece = w->part_channels = piece;
    w->channel_parts = pieces;
    w->part_columns = w->panel_columns;
    w->parts = panels;
    w->blocks = w->sum_blocks = 1;
    w->block_tiles = w->n_tiles;
    w->shared_bytes = bytes;
    winograd_lay_out_panels(w, piece, 0, conv_max(piece, w->n_tiles), real_bytes);
}
#endif

/* What each of them costs, in multiply-adds of a vector: `direct` for all multiplications; returns how many times fewer it is. The
 * transforms are bound by loads and stores, which weigh more where two multiply-adds go beside them. */
static inline double winograd_gain(conv_winograd *w, double direct, double direct_ns, int64_t real_bytes) {
#if defined(__AVX512F__)
    const double OF_VECTOR = 300, OF_FILTER = 350, OF_TERMS = 6;
#elif defined(__AVX__)
    const double OF_VECTOR = 150, OF_TERMS = 6; /* and a large filter leaves the caches: */
    const double megabytes = 1e-6 * SIMD_BYTES * WINOGRAD_PRODUCTS * (double)w->channels * (double)conv_ceil(w->columns * real_bytes, SIMD_BYTES);
    const double OF_FILTER = 500 + 50 * (megabytes < 20 ? megabytes : 20);
#else
    const double OF_VECTOR = 450, OF_FILTER = 700, OF_TERMS = 6;
#endif
    const int64_t lanes = SIMD_BYTES / real_bytes;
    const double channels = (double)w->channels, in = (double)conv_ceil(w->channels, lanes), out = (double)conv_ceil(w->columns, lanes);
    const double filter = OF_FILTER * channels * out;
    const double tiles = (double)w->n_tiles * (WINOGRAD_PRODUCTS * (channels + OF_TERMS) * out + OF_VECTOR * (in + out));
    w->filter_ns = direct_ns * filter / direct;
    w->tiles_ns = direct_ns * tiles / direct;
    return direct / (filter + tiles);
}

#endif
