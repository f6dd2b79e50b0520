/* The k largest elements of each row, in order: of short rows each element is compared with each, else a heap for few of many, a radix
 * sort for the rest (tf.sort is k = all). Where nobody asks for the places, of all elements of a row the keys alone are sorted, by
 * vectors.
 *
 * An element becomes a key, an unsigned number that is smaller the larger the element is; a NaN has the largest. Equal keys stay
 * in the order of their places.
 */
#include <string.h>

#include "plan.h"
#include "pool.h"
#include "half.h"
#include "simd.h"
#include "sorted_keys.h"

enum { TASK_NS = 10000, BLOCK = 1024, DIGIT_BITS = 11, SHORT_DIGIT_BITS = 8, SHORT_ROW = 8192, LEAST_RADIX = 64, MOST_HEAP = 1024,
       MOST_COMPARED = 512 /* bytes of the keys of a row whose elements are compared with each other */, FEW = 32,
       /* more bits than there are keys, as those of floats lie close together; of how many digits; of how many keys that is seen before */
       SPARSE_BITS = 6, WIDE_SPARSE_BITS = 12, MOST_UPPER = 4, SAMPLES = 16,
       /* elements of a row whose values alone are sorted by vectors, of 8 bytes at most so many */
       LEAST_SORTED = 24, MOST_WIDE_SORTED = 8192 };

typedef struct top_k top_k;
typedef void (*key_fn)(const void *in, void *keys, int64_t first, int64_t end);
typedef void (*row_fn)(const top_k *t, const char *x, int32_t *places, char *scratch, char *spare, hl_run *run, int worker);

struct top_k {
    key_fn keys;             /* of elements from first to end of a row */
    row_fn row;              /* finds the places of one row's k largest */
    int64_t rows, length, k;
    int64_t size, key_size;  /* bytes of an element, of a key */
    bool spare;              /* whether the outputs of a row can hold keys and places while it is sorted */
    int64_t tasks, rows_per_task;
    double cost_ns;
    int64_t places_at;       /* in scratch, where the places are no output */
    unsigned (*signed_keys)(const void *in, void *keys, int64_t n); /* of a row whose values alone are sorted, or NULL */
    void (*values)(const void *keys, void *out, int64_t n);         /* of such keys */
};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- keys ---- */

/* By bits, for a run flushes denormals; zeros of both signs are one value. */
static uint32_t float_key(float x) {
    const uint32_t bits = bits_of_float(x), magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return UINT32_MAX;
    return bits > 0x80000000u ? bits : ~bits & 0x7fffffff;
}

static uint64_t double_key(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t sign = (uint64_t)1 << 63;
    if ((bits & ~sign) > (uint64_t)0x7ff << 52) return UINT64_MAX;
    return bits > sign ? bits : ~bits & ~sign;
}

#define HALF_KEY(x) float_key(half_to_float(x))
#define BFLOAT_KEY(x) float_key(bfloat_to_float(x))
#define SIGNED_KEY(x) ((uint32_t)INT32_MAX - (uint32_t)(int32_t)(x))
#define UNSIGNED_KEY(x) (UINT32_MAX - (uint32_t)(x))
#define WIDE_SIGNED_KEY(x) ((uint64_t)INT64_MAX - (uint64_t)(x))
#define WIDE_UNSIGNED_KEY(x) (UINT64_MAX - (x))

#define KEYS(suffix, type, key_type, KEY)                                                            \
    static void keys_##suffix(const void *in, void *keys, int64_t first, int64_t end) {              \
        const type *x = in;                                                                          \
        key_type *out = keys;                                                                        \
        for (int64_t i = first; i < end; i++) out[i - first] = KEY(x[i]);                            \
    }
KEYS(f32, float, uint32_t, float_key)
KEYS(f64, double, uint64_t, double_key)
KEYS(f16, uint16_t, uint32_t, HALF_KEY)
KEYS(bf16, uint16_t, uint32_t, BFLOAT_KEY)
KEYS(i64, int64_t, uint64_t, WIDE_SIGNED_KEY)
KEYS(i32, int32_t, uint32_t, SIGNED_KEY)
KEYS(i16, int16_t, uint32_t, SIGNED_KEY)
KEYS(i8, int8_t, uint32_t, SIGNED_KEY)
KEYS(u64, uint64_t, uint64_t, WIDE_UNSIGNED_KEY)
KEYS(u32, uint32_t, uint32_t, UNSIGNED_KEY)
KEYS(u16, uint16_t, uint32_t, UNSIGNED_KEY)
KEYS(u8, uint8_t, uint32_t, UNSIGNED_KEY)

/* The bits of the largest of some numbers. */
static int width(uint64_t number) {
    int bits = 0;
    for (; number; number >>= 1) bits++;
    return bits;
}

/* Counts become where each digit's elements begin. */
static void begins(int64_t *count, int64_t digits) {
    int64_t begin = 0;
    for (int64_t d = 0; d < digits; d++) {
        const int64_t own = count[d];
        count[d] = begin;
        begin += own;
    }
}

/* ---- by keys of either width ---- */

/* Bytes such that what follows them is aligned as a key of 8 bytes. */
static int64_t whole_words(int64_t bytes) { return (bytes + 7) / 8 * 8; }

#define TOP_K(W, K)                                                                                                     \
    /* Some keys with the places of their elements. */                                                                  \
    typedef struct pairs_##W { K *key; int32_t *place; } pairs_##W;                                                     \
                                                                                                                        \
    static pairs_##W pairs_at_##W(char *memory, int64_t n) { return (pairs_##W){(K *)memory, (int32_t *)((K *)memory + n)}; } \
                                                                                                                        \
    /* Lets the element at `at` of a heap whose last in order is on top sink to its place. */                           \
    static void sink_##W(pairs_##W heap, int64_t at, int64_t count) {                                                   \
        const K key = heap.key[at];                                                                                     \
        const int32_t place = heap.place[at];                                                                           \
        for (int64_t child; (child = 2 * at + 1) < count; at = child) {                                                 \
            if (child + 1 < count && (heap.key[child + 1] > heap.key[child] ||                                          \
                                      (heap.key[child + 1] == heap.key[child] && heap.place[child + 1] > heap.place[child]))) \
                child++;                                                                                                \
            if (key > heap.key[child] || (key == heap.key[child] && place > heap.place[child])) break;                  \
            heap.key[at] = heap.key[child], heap.place[at] = heap.place[child];                                         \
        }                                                                                                               \
        heap.key[at] = key, heap.place[at] = place;                                                                     \
    }                                                                                                                   \
                                                                                                                        \
    /* Each element comes behind as many as have a lesser key, and behind those before it that have the same. */        \
    static void compare_row_##W(const top_k *t, const char *x, int32_t *places, char *scratch, char *spare, hl_run *run, \
                                int worker) {                                                                           \
        enum { MOST = MOST_COMPARED / sizeof(K) };                                                                      \
        typedef int##W##_t vector __attribute__((vector_size(SIMD_BYTES)));                                             \
        enum { LANES = SIMD_BYTES / sizeof(K) };                                                                        \
        K key[MOST];                                                                                                    \
        int##W##_t with_sign[MOST + 2 * LANES], rank[MOST + 2 * LANES];                                                 \
        uint8_t taken[MOST] = {0};                                                                                      \
        const int64_t n = t->length;                                                                                    \
        (void)scratch, (void)spare, (void)run, (void)worker;                                                            \
        t->keys(x, key, 0, n);                                                                                          \
        for (int64_t i = 0; i < n; i++) with_sign[i] = (int##W##_t)(key[i] ^ (K)1 << (W - 1)); /* as vectors compare */ \
        memset(with_sign + n, 0, 2 * LANES * sizeof(K));                                                                \
        for (int64_t i = 0; i < n; i += 2 * LANES) {                                                                    \
            vector first, second, below_first = {0}, below_second = {0};                                                \
            memcpy(&first, with_sign + i, sizeof first);                                                                \
            memcpy(&second, with_sign + i + LANES, sizeof second);                                                      \
            for (int64_t other = 0; other < n; other++) {                                                               \
                const vector value = (vector){0} + with_sign[other];                                                    \
                below_first -= value < first, below_second -= value < second;                                           \
            }                                                                                                           \
            memcpy(rank + i, &below_first, sizeof below_first);                                                         \
            memcpy(rank + i + LANES, &below_second, sizeof below_second);                                               \
        }                                                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                                               \
            const int64_t place = rank[i] + taken[rank[i]]++;                                                           \
            if (place < t->k) places[place] = (int32_t)i;                                                               \
        }                                                                                                               \
    }                                                                                                                   \
                                                                                                                        \
    /* The first of the least keys of each of some rows that follow each other, as many as a block holds. */            \
    static void first_of_rows_##W(const top_k *t, const char *x, int32_t *places, int64_t rows) {                       \
        K block[BLOCK];                                                                                                 \
        const int64_t n = t->length;                                                                                    \
        t->keys(x, block, 0, rows * n);                                                                                 \
        for (int64_t row = 0; row < rows; row++) {                                                                      \
            const K *key = block + row * n;                                                                             \
            K least = key[0];                                                                                           \
            int32_t place = 0;                                                                                          \
            if (n <= FEW) {                                                                                             \
                for (int32_t i = 1; i < n; i++) {                                                                       \
                    const bool is_less = key[i] < least;                                                                \
                    least = is_less ? key[i] : least;                                                                   \
                    place = is_less ? i : place;                                                                        \
                }                                                                                                       \
            } else {                                                                                                    \
                for (int64_t i = 1; i < n; i++) least = key[i] < least ? key[i] : least;                                \
                while (key[place] != least) place++;                                                                    \
            }                                                                                                           \
            places[row] = place;                                                                                        \
        }                                                                                                               \
    }                                                                                                                   \
                                                                                                                        \
    static void heap_row_##W(const top_k *t, const char *x, int32_t *places, char *scratch, char *spare, hl_run *run,   \
                             int worker) {                                                                              \
        const int64_t k = t->k;                                                                                         \
        const pairs_##W heap = pairs_at_##W(scratch, k);                                                                \
        K block[BLOCK];                                                                                                 \
        (void)spare;                                                                                                    \
        t->keys(x, heap.key, 0, k);                                                                                     \
        for (int64_t i = 0; i < k; i++) heap.place[i] = (int32_t)i;                                                     \
        for (int64_t i = k / 2 - 1; i >= 0; i--) sink_##W(heap, i, k);                                                  \
        for (int64_t first = k; first < t->length; first += BLOCK) {                                                    \
            const int64_t count = smaller(BLOCK, t->length - first);                                                    \
            if (hl_is_stopped_for(run, worker)) return;                                                                 \
            t->keys(x, block, first, first + count);                                                                    \
            for (int64_t i = 0; i < count; i++) {                                                                       \
                if (block[i] >= heap.key[0]) continue;                                                                  \
                heap.key[0] = block[i], heap.place[0] = (int32_t)(first + i);                                           \
                sink_##W(heap, 0, k);                                                                                   \
            }                                                                                                           \
        }                                                                                                               \
        for (int64_t left = k - 1; left >= 0; left--) {                                                                 \
            places[left] = heap.place[0];                                                                               \
            heap.key[0] = heap.key[left], heap.place[0] = heap.place[left];                                             \
            sink_##W(heap, 0, left);                                                                                    \
        }                                                                                                               \
    }                                                                                                                   \
                                                                                                                        \
    /* The elements whose keys are at most `most`, in the order of their places; gives their number. */                 \
    static int64_t gather_##W(const top_k *t, const char *x, K most, pairs_##W to, hl_run *run, int worker) {           \
        int64_t count = 0;                                                                                              \
        K block[BLOCK];                                                                                                 \
        for (int64_t first = 0; first < t->length; first += BLOCK) {                                                    \
            const int64_t end = smaller(first + BLOCK, t->length);                                                      \
            if (hl_is_stopped_for(run, worker)) return 0;                                                               \
            t->keys(x, block, first, end);                                                                              \
            for (int64_t i = first; i < end; i++)                                                                       \
                if (block[i - first] <= most) to.key[count] = block[i - first], to.place[count++] = (int32_t)i;         \
        }                                                                                                               \
        return count;                                                                                                   \
    }                                                                                                                   \
                                                                                                                        \
    /* Finds the least key, and one that at least k keys do not exceed, as few more as one digit tells. */              \
    static bool limits_##W(const top_k *t, const char *x, K *least, K *most, hl_run *run, int worker) {                 \
        K low = (K)-1, high = 0, block[BLOCK];                                                                          \
        for (int64_t first = 0; first < t->length; first += BLOCK) {                                                    \
            const int64_t count = smaller(BLOCK, t->length - first);                                                    \
            if (hl_is_stopped_for(run, worker)) return false;                                                           \
            t->keys(x, block, first, first + count);                                                                    \
            for (int64_t i = 0; i < count; i++) {                                                                       \
                low = block[i] < low ? block[i] : low;                                                                  \
                high = block[i] > high ? block[i] : high;                                                               \
            }                                                                                                           \
        }                                                                                                               \
        *least = low, *most = high;                                                                                     \
        if (t->k == t->length) return true;                                                                             \
        const int bits = width(high - low), shift = bits > DIGIT_BITS ? bits - DIGIT_BITS : 0;                          \
        int64_t count[1 << DIGIT_BITS] = {0}, found = 0, digit = 0;                                                     \
        for (int64_t first = 0; first < t->length; first += BLOCK) {                                                    \
            const int64_t end = smaller(first + BLOCK, t->length);                                                      \
            if (hl_is_stopped_for(run, worker)) return false;                                                           \
            t->keys(x, block, first, end);                                                                              \
            for (int64_t i = first; i < end; i++) count[(block[i - first] - low) >> shift]++;                           \
        }                                                                                                               \
        while ((found += count[digit]) < t->k) digit++;                                                                 \
        const K reach = (K)((((K)digit + 1) << shift) - 1);                                                             \
        *most = reach > high - low ? high : low + reach;                                                                \
        return true;                                                                                                    \
    }                                                                                                                   \
                                                                                                                        \
    /* Puts n pairs into the order of one digit; where `to` has no keys, the first k places alone. */                   \
    static bool pass_##W(pairs_##W from, pairs_##W to, int64_t n, int64_t k, K least, int shift, int bits, hl_run *run, \
                         int worker) {                                                                                  \
        int64_t at[1 << DIGIT_BITS];                                                                                    \
        const K mask = ((K)1 << bits) - 1;                                                                              \
        memset(at, 0, ((size_t)mask + 1) * sizeof *at);                                                                 \
        for (int64_t first = 0; first < n; first += BLOCK) {                                                            \
            const int64_t end = smaller(first + BLOCK, n);                                                              \
            if (hl_is_stopped_for(run, worker)) return false;                                                           \
            for (int64_t i = first; i < end; i++) at[(from.key[i] - least) >> shift & mask]++;                          \
        }                                                                                                               \
        begins(at, (int64_t)mask + 1);                                                                                  \
        for (int64_t first = 0; first < n; first += BLOCK) {                                                            \
            const int64_t end = smaller(first + BLOCK, n);                                                              \
            if (hl_is_stopped_for(run, worker)) return false;                                                           \
            for (int64_t i = first; i < end; i++) {                                                                     \
                const int64_t place = at[(from.key[i] - least) >> shift & mask]++;                                      \
                if (to.key) to.key[place] = from.key[i], to.place[place] = from.place[i];                               \
                else if (place < k) to.place[place] = from.place[i];                                                    \
            }                                                                                                           \
        }                                                                                                               \
        return true;                                                                                                    \
    }                                                                                                                   \
                                                                                                                        \
    /* Puts n pairs whose upper bits are in order into that of their keys; whether that took few steps. */              \
    static bool insert_##W(pairs_##W pairs, int64_t n) {                                                                \
        int64_t left = 2 * n;                                                                                           \
        for (int64_t i = 1; i < n; i++) {                                                                               \
            const K key = pairs.key[i];                                                                                 \
            if (key >= pairs.key[i - 1]) continue;                                                                      \
            const int32_t place = pairs.place[i];                                                                       \
            int64_t at = i;                                                                                             \
            for (; at > 0 && pairs.key[at - 1] > key && left > 0; at--, left--)                                         \
                pairs.key[at] = pairs.key[at - 1], pairs.place[at] = pairs.place[at - 1];                               \
            if (left == 0) return false;                                                                                \
            pairs.key[at] = key, pairs.place[at] = place;                                                               \
        }                                                                                                               \
        return true;                                                                                                    \
    }                                                                                                                   \
                                                                                                                        \
    /* How many of n keys have each digit, of several digits at once: counting waits for the count before, where that is the same. */\
    static bool count_##W(const K *key, int64_t n, K least, int lower, int digit, int digits, int32_t (*count)[1 << DIGIT_BITS],\
                          hl_run *run, int worker) {                                                                    \
        const K mask = ((K)1 << digit) - 1;                                                                             \
        for (int d = 0; d < digits; d++) memset(count[d], 0, ((size_t)mask + 1) * sizeof **count);                      \
        for (int64_t first = 0; first < n; first += BLOCK) {                                                            \
            const int64_t end = smaller(first + BLOCK, n);                                                              \
            if (hl_is_stopped_for(run, worker)) return false;                                                           \
            for (int64_t i = first; i < end; i++) {                                                                     \
                const K upper = (key[i] - least) >> lower;                                                              \
                count[0][upper & mask]++, count[1][upper >> digit & mask]++;                                            \
                if (digits > 2) count[2][upper >> 2 * digit & mask]++;                                                  \
                if (digits > 3) count[3][upper >> 3 * digit & mask]++;                                                  \
            }                                                                                                           \
        }                                                                                                               \
        for (int d = 0; d < digits; d++)                                                                                \
            for (int32_t begin = 0, own, *c = count[d]; c <= count[d] + mask; c++) own = *c, *c = begin, begin += own;  \
        return true;                                                                                                    \
    }                                                                                                                   \
                                                                                                                        \
    /* Whether some of the keys tell that many are alike in their upper bits, but not the same. */                      \
    static bool are_alike_##W(const K *key, int64_t n, K least, int lower) {                                            \
        K sample[SAMPLES];                                                                                              \
        int alike = 0;                                                                                                  \
        for (int i = 0; i < SAMPLES; i++) sample[i] = key[n * i / SAMPLES] - least;                                     \
        for (int i = 1; i < SAMPLES; i++)                                                                               \
            for (int j = 0; j < i; j++) alike += (sample[i] != sample[j]) & ((sample[i] ^ sample[j]) >> lower == 0);    \
        return alike >= SAMPLES / 4;                                                                                    \
    }                                                                                                                   \
    /* By as many upper bits as tell most keys apart, and the rest by insertion; false where too many are alike in those. */\
    static bool upper_bits_##W(const top_k *t, const char *x, int32_t *places, pairs_##W last, pairs_##W other, K least,\
                               K most, int bits, int digit, hl_run *run, int worker) {                                  \
        int32_t at[MOST_UPPER][1 << DIGIT_BITS];                                                                        \
        const int apart = width((uint64_t)t->length) + (W == 64 ? WIDE_SPARSE_BITS : SPARSE_BITS);                      \
        const int passes = apart <= 2 * digit ? 2 : (apart + digit - 1) / digit, lower = bits - passes * digit;         \
        if (lower <= digit / 2 || passes > MOST_UPPER) return false;                                                    \
        pairs_##W from = passes % 2 ? other : last, to = passes % 2 ? last : other;                                     \
        const int64_t n = gather_##W(t, x, most, from, run, worker);                                                    \
        if (are_alike_##W(from.key, n, least, lower)) return false;                                                     \
        const K mask = ((K)1 << digit) - 1;                                                                             \
        if (!count_##W(from.key, n, least, lower, digit, passes, at, run, worker)) return true;                         \
        for (int pass = 0, shift = lower; pass < passes; pass++, shift += digit) {                                      \
            int32_t *const begin = at[pass];                                                                            \
            for (int64_t first = 0; first < n; first += BLOCK) {                                                        \
                const int64_t end = smaller(first + BLOCK, n);                                                          \
                if (hl_is_stopped_for(run, worker)) return true;                                                        \
                for (int64_t i = first; i < end; i++) {                                                                 \
                    const int32_t place = begin[(from.key[i] - least) >> shift & mask]++;                               \
                    to.key[place] = from.key[i], to.place[place] = from.place[i];                                       \
                }                                                                                                       \
            }                                                                                                           \
            const pairs_##W sorted = to;                                                                                \
            to = from, from = sorted;                                                                                   \
        }                                                                                                               \
        if (!insert_##W(last, n)) return false;                                                                         \
        memcpy(places, last.place, (size_t)t->k * sizeof *places);                                                      \
        return true;                                                                                                    \
    }                                                                                                                   \
    /* The pairs go to and fro, such that they come from the scratch at last, which is never where the places go. */    \
    static void radix_row_##W(const top_k *t, const char *x, int32_t *places, char *scratch, char *spare, hl_run *run,  \
                              int worker) {                                                                             \
        const pairs_##W last = pairs_at_##W(scratch, t->length);                                                        \
        const pairs_##W other = t->spare ? (pairs_##W){(K *)spare, places}                                              \
                                         : pairs_at_##W(scratch + whole_words(t->length * (int64_t)(sizeof(K) + 4)), t->length); \
        K least, most;                                                                                                  \
        if (!limits_##W(t, x, &least, &most, run, worker)) return;                                                      \
        const int bits = width(most - least), digit = t->length < SHORT_ROW ? SHORT_DIGIT_BITS : DIGIT_BITS;            \
        if (upper_bits_##W(t, x, places, last, other, least, most, bits, digit, run, worker)) return;                   \
        const int passes = bits ? (bits + digit - 1) / digit : 1;                                                       \
        const int64_t n = gather_##W(t, x, most, passes % 2 ? last : other, run, worker);                               \
        for (int pass = 0; pass < passes; pass++) {                                                                     \
            const bool from_last = (passes - pass) % 2;                                                                 \
            const pairs_##W to = pass == passes - 1 ? (pairs_##W){NULL, places} : from_last ? other : last;             \
            if (!pass_##W(from_last ? last : other, to, n, t->k, least, pass * digit, digit, run, worker)) return;      \
        }                                                                                                               \
    }
TOP_K(32, uint32_t)
TOP_K(64, uint64_t)

#if KEYS_ARE_SORTED
/* ---- values alone, all of a row, by vectors ---- */

/* Signed keys tell all values apart, unlike those above: what has no sign or several forms there is put back into the order of its
 * places afterwards, where a row has such elements. */
enum { HAS_NAN = 1, HAS_ZERO = 2, HAS_NEGATIVE_ZERO = 4, BOTH_ZEROS = HAS_ZERO | HAS_NEGATIVE_ZERO, STRETCH = 65536 };

#define FLOAT_KEYS(suffix, W, INFINITE)                                                                                \
    static unsigned signed_keys_##suffix(const void *in, void *keys, int64_t n) {                                      \
        const int##W##_t *x = in, least = (int##W##_t)((uint##W##_t)1 << (W - 1));                                     \
        int##W##_t *key = keys, nan = 0, zero = 0, negative_zero = 0;                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const int##W##_t bits = x[i], magnitude = bits & ~least, is_nan = -(int##W##_t)(magnitude > INFINITE);     \
            nan |= is_nan, zero |= -(int##W##_t)(bits == 0), negative_zero |= -(int##W##_t)(bits == least);            \
            key[i] = (~(bits ^ (-(int##W##_t)(bits < 0) & ~least)) | is_nan) & ~(is_nan & least);                      \
        }                                                                                                              \
        return (nan ? HAS_NAN : 0) | (zero ? HAS_ZERO : 0) | (negative_zero ? HAS_NEGATIVE_ZERO : 0);                  \
    }                                                                                                                  \
    static void values_##suffix(const void *keys, void *out, int64_t n) {                                              \
        const int##W##_t *key = keys, least = (int##W##_t)((uint##W##_t)1 << (W - 1));                                 \
        int##W##_t *value = out;                                                                                       \
        for (int64_t i = 0; i < n; i++) value[i] = ~key[i] ^ (-(int##W##_t)(~key[i] < 0) & ~least);                    \
    }
FLOAT_KEYS(f32, 32, 0x7f800000)
FLOAT_KEYS(f64, 64, ((int64_t)0x7ff << 52))

#define INTEGER_KEYS(suffix, W, FLIPPED)                                                                               \
    static unsigned signed_keys_##suffix(const void *in, void *keys, int64_t n) {                                      \
        const int##W##_t *x = in;                                                                                      \
        int##W##_t *key = keys;                                                                                        \
        for (int64_t i = 0; i < n; i++) key[i] = x[i] ^ FLIPPED;                                                       \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static void values_##suffix(const void *keys, void *out, int64_t n) { signed_keys_##suffix(keys, out, n); }
INTEGER_KEYS(i32, 32, -1)
INTEGER_KEYS(i64, 64, -1)
INTEGER_KEYS(u32, 32, INT32_MAX)
INTEGER_KEYS(u64, 64, INT64_MAX)

static bool choose_signed_keys(top_k *t, hl_dtype dtype) {
    switch (dtype) {
#define CASE(dtype, suffix) case dtype: t->signed_keys = signed_keys_##suffix, t->values = values_##suffix; return true
    CASE(HL_FLOAT32, f32); CASE(HL_FLOAT64, f64); CASE(HL_INT32, i32); CASE(HL_INT64, i64); CASE(HL_UINT32, u32); CASE(HL_UINT64, u64);
#undef CASE
    default: return false;
    }
}

#define SORTED_ROW(W, INFINITE)                                                                                        \
    /* Puts zeros, or what is not a number, as they lie in the row where such elements are in the sorted one. */       \
    static void put_back_##W(const uint##W##_t *x, uint##W##_t *out, int64_t n, bool zeros, hl_run *run, int worker) { \
        int64_t at = 0;                                                                                                \
        while (zeros ? out[at] << 1 != 0 : out[at] << 1 <= (uint##W##_t)INFINITE << 1) at++;                           \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            if (i % STRETCH == STRETCH - 1 && hl_is_stopped_for(run, worker)) return;                                  \
            if (zeros ? x[i] << 1 == 0 : x[i] << 1 > (uint##W##_t)INFINITE << 1) out[at++] = x[i];                     \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static void sorted_row_##W(const top_k *t, const char *x, char *out, char *scratch, hl_run *run, int worker) {     \
        const int64_t n = t->length, room = room_for_keys(n, W / 8), size = W / 8;                                     \
        __m256i *const memory = (__m256i *)(void *)scratch;                                                            \
        int##W##_t *const key = (int##W##_t *)(void *)scratch;                                                         \
        unsigned seen = 0;                                                                                             \
        for (int64_t i = 0; i < n; i += STRETCH) {                                                                     \
            if (i > 0 && hl_is_stopped_for(run, worker)) return;                                                       \
            seen |= t->signed_keys(x + i * size, key + i, smaller(STRETCH, n - i));                                    \
        }                                                                                                              \
        for (int64_t i = n; i < room * KEY_BYTES / size; i++) key[i] = INT##W##_MAX;                                   \
        const char *sorted = (const char *)sort_keys(W, memory, memory + room, vectors_of_keys(n, size), run, worker); \
        for (int64_t i = 0; i < n && sorted; i += STRETCH) {                                                           \
            if (i > 0 && hl_is_stopped_for(run, worker)) return;                                                       \
            t->values(sorted + i * size, out + i * size, smaller(STRETCH, n - i));                                     \
        }                                                                                                              \
        if (sorted && seen & HAS_NAN) put_back_##W((const void *)x, (void *)out, n, false, run, worker);               \
        if (sorted && (seen & BOTH_ZEROS) == BOTH_ZEROS) put_back_##W((const void *)x, (void *)out, n, true, run, worker); \
    }
SORTED_ROW(32, 0x7f800000)
SORTED_ROW(64, ((int64_t)0x7ff << 52))
#endif

/* ---- running ---- */

typedef struct top_k_task { const top_k *t; const char *in; char *values; int32_t *places; hl_run *run; } top_k_task;

#define PICK(T) for (int64_t i = first; i < end; i++) ((T *)out)[i] = ((const T *)x)[places[i]]

static void pick(const top_k *t, const char *x, const int32_t *places, char *out, hl_run *run, int worker) {
    for (int64_t first = 0, end; first < t->k; first = end) {
        end = smaller(first + BLOCK, t->k);
        if (first > 0 && hl_is_stopped_for(run, worker)) return;
        switch (t->size) {
        case 1: PICK(uint8_t); break;
        case 2: PICK(uint16_t); break;
        case 4: PICK(uint32_t); break;
        default: PICK(uint64_t);
        }
    }
}

#define PICK_FIRST(T) \
    for (int64_t row = 0; row < rows; row++) ((T *)out)[row] = ((const T *)x)[row * t->length + places[row]]

/* One of each row, where a block holds a row or several. */
static void run_first(const top_k_task *task, int64_t first, int64_t end, int worker) {
    const top_k *t = task->t;
    for (int64_t from = first, rows; from < end; from += rows) {
        const char *x = task->in + from * t->length * t->size;
        char *out = task->values + from * t->size;
        int32_t few[BLOCK], *places = task->places ? task->places + from : few;
        rows = smaller(BLOCK / t->length, end - from);
        if (hl_is_stopped_for(task->run, worker)) return;
        if (t->key_size == 8) first_of_rows_64(t, x, places, rows);
        else first_of_rows_32(t, x, places, rows);
        switch (t->size) {
        case 1: PICK_FIRST(uint8_t); break;
        case 2: PICK_FIRST(uint16_t); break;
        case 4: PICK_FIRST(uint32_t); break;
        default: PICK_FIRST(uint64_t);
        }
    }
}

static void run_task(void *argument, int64_t chunk, int worker) {
    const top_k_task *task = argument;
    const top_k *t = task->t;
    const int64_t end = smaller((chunk + 1) * t->rows_per_task, t->rows);
    if (t->k == 1 && t->length <= BLOCK) {
        run_first(task, chunk * t->rows_per_task, end, worker);
        return;
    }
    for (int64_t row = chunk * t->rows_per_task; row < end; row++) {
        const char *x = task->in + row * t->length * t->size;
        char *values = task->values + row * t->k * t->size;
        char *scratch = task->run->scratch + worker * task->run->scratch_bytes;
#if KEYS_ARE_SORTED
        if (t->signed_keys) {
            if (t->size == 4) sorted_row_32(t, x, values, scratch, task->run, worker);
            else sorted_row_64(t, x, values, scratch, task->run, worker);
            if (__atomic_load_n(&task->run->stopped, __ATOMIC_RELAXED) != HL_OK) return;
            continue;
        }
#endif
        int32_t *places = task->places ? task->places + row * t->k : (int32_t *)(void *)(scratch + t->places_at);
        t->row(t, x, places, scratch, values, task->run, worker);
        if (__atomic_load_n(&task->run->stopped, __ATOMIC_RELAXED) != HL_OK) return; /* some places are not known */
        pick(t, x, places, values, task->run, worker);
    }
}

static hl_status top_k_run(const hl_instr *ins, hl_run *run) {
    const top_k *t = ins->p[2].p;
    top_k_task task = {t, ins->arg[0], ins->arg[1], t->places_at < 0 ? ins->arg[2] : NULL, run};
    hl_parallel(run, t->tasks, t->cost_ns, run_task, &task);
    return HL_OK;
}

/* ---- preparing ---- */

static void choose_way(hl_prepare *prep, top_k *t) {
    const int64_t n = t->length, k = t->k, pair = t->key_size + 4;
    const bool wide = t->key_size == 8, radix = k >= LEAST_RADIX && (k > MOST_HEAP || n <= 8 * k);
    t->spare = radix && k == n && t->size == t->key_size;
    prep->scratch_bytes = radix ? whole_words(n * pair) * (t->spare ? 1 : 2) : k * pair;
    if (radix) t->row = wide ? radix_row_64 : radix_row_32;
    else t->row = wide ? heap_row_64 : heap_row_32;
    const bool compared = n * t->key_size <= MOST_COMPARED && (n <= FEW || 4 * k >= n);
    if (compared) t->row = wide ? compare_row_64 : compare_row_32;
    const double row_ns = compared ? 20 + (double)(n * n) * (wide ? 0.1 : 0.05) + (double)n * 2
                          : radix  ? 500 + (double)n * 3 + (double)k * (wide ? 25 : 12)
                                   : (double)n + (double)k * 20;
    t->cost_ns = prep->cost_ns = 10 + (double)t->rows * row_ns;
}

/* Sorts the values of whole rows by vectors where it can, which takes less than the other ways from a few elements on. */
static bool choose_values(hl_prepare *prep, top_k *t) {
#if KEYS_ARE_SORTED
    const bool wide = t->size == 8;
    if (t->k < t->length || t->length < LEAST_SORTED || (wide && t->length > MOST_WIDE_SORTED)) return false;
    if (!choose_signed_keys(t, prep->in[0]->dtype)) return false;
    prep->scratch_bytes = 2 * room_for_keys(t->length, t->size) * KEY_BYTES;
    t->cost_ns = prep->cost_ns = 10 + (double)t->rows * (40 + (double)t->length * (wide ? 0.7 : 0.4) * width((uint64_t)t->length / 8));
    return true;
#else
    (void)prep, (void)t;
    return false;
#endif
}

/* input -> values, places. k is the outputs' last size; the places may be left out. */
static hl_status top_k_prepare(hl_prepare *prep) {
    const hl_tensor *in = prep->in[0], *values = prep->out[0];
    top_k *t = prep->params;
    *t = (top_k){.length = in->dims[in->rank - 1], .k = values->dims[values->rank - 1], .rows = 1,
                 .size = (int64_t)hl_dtype_size(in->dtype)};
    t->key_size = t->size == 8 ? 8 : 4;
    switch (in->dtype) {
#define CASE(dtype, suffix) case dtype: t->keys = keys_##suffix; break
    CASE(HL_FLOAT32, f32); CASE(HL_FLOAT64, f64); CASE(HL_FLOAT16, f16); CASE(HL_BFLOAT16, bf16); CASE(HL_INT64, i64);
    CASE(HL_INT32, i32); CASE(HL_INT16, i16); CASE(HL_INT8, i8); CASE(HL_UINT64, u64); CASE(HL_UINT32, u32);
    CASE(HL_UINT16, u16); CASE(HL_UINT8, u8);
#undef CASE
    default: return hl_no_kernel(prep, "top_k");
    }
    if (t->k > t->length || t->k < 0)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "input must have at least k columns. Had %lld, needed %lld",
                         (long long)t->length, (long long)t->k);
    if (t->length > INT32_MAX)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "rows of at most %d elements are supported, got %lld", INT32_MAX, (long long)t->length);
    for (int axis = 0; axis < in->rank - 1; axis++) t->rows *= in->dims[axis];
    prep->ins->fn = t->rows * t->k > 0 ? top_k_run : hl_run_nothing;
    if (t->rows * t->k == 0) return HL_OK;
    t->places_at = -1;
    if (prep->n_out == 2) {
        choose_way(prep, t);
    } else if (!choose_values(prep, t)) {
        choose_way(prep, t);
        t->places_at = whole_words(prep->scratch_bytes);
        prep->scratch_bytes = t->places_at + t->k * (int64_t)sizeof(int32_t);
    } else {
        t->places_at = 0;
    }
    const int64_t wanted = (int64_t)(t->cost_ns / TASK_NS) + 1;
    t->rows_per_task = (t->rows + wanted - 1) / wanted;
    t->tasks = (t->rows + t->rows_per_task - 1) / t->rows_per_task;
    return HL_OK;
}

static const hl_kernel table[] = {{"top_k", top_k_prepare, sizeof(top_k)}};

HL_FAMILY(top_k, table);
