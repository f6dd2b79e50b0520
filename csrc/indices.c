/* The stages of a chain, each with where it stands. */
#include "indices.h"

#include "shuffle_ring.h"

enum {
    MOST_STAGES = 64,
    PATIENCE = 1 << 18 /* elements that are gone through before the caller is asked whether to go on: 1 to 3 ms */
};

typedef struct stage {
    hl_stage_kind kind;
    bool reseeds, grouped;
    int64_t number, second;
    words seeds, draws;  /* of a shuffle */
    /* Since it was opened: */
    int64_t at;          /* rows handed out; rounds done; elements left; elements to pass over; rows of a batch that was begun */
    bool open, started, empty, over;
    ring held;
} stage;

struct hl_indices {
    int n;
    bool failed;         /* memory was short */
    bool paused;         /* the patience of this call is used up: every stage keeps what it has, and goes on from there */
    int64_t patience;
    int64_t most, *spare; /* room for one element that nobody wants */
    int64_t *begun;      /* the rows of a batch that was begun, NULL before one was */
    stage stages[];
};

/* ---- opening: as TensorFlow's iterators start ---- */

static void open_stage(hl_indices *h, int i) {
    stage *s = &h->stages[i];
    s->started = s->over = false;
    s->empty = true;
    switch (s->kind) {
    case HL_STAGE_ROWS: s->at = 0; return;
    case HL_STAGE_SHUFFLE: /* its source is opened when the first element is wanted */
        s->at = 0;
        s->held.first = s->held.end = s->held.first_slot = s->held.end_slot = s->held.rounds = 0;
        if (s->reseeds) {
            const uint64_t key = next_word(&s->seeds);
            seed_words(&s->draws, key, next_word(&s->seeds), 0);
        } else seed_words(&s->draws, s->seeds.key, s->seeds.stream, 0);
        return;
    case HL_STAGE_REPEAT:
        s->at = s->number;
        s->open = false;
        if (s->number > 0) open_stage(h, i - 1);
        return;
    case HL_STAGE_TAKE:
        s->at = s->number;
        if (s->number) open_stage(h, i - 1);
        return;
    case HL_STAGE_SKIP: s->at = s->number, open_stage(h, i - 1); return;
    case HL_STAGE_SHARD: s->at = s->second, open_stage(h, i - 1); return;
    case HL_STAGE_BATCH: s->at = 0, open_stage(h, i - 1); return;
    }
}

/* ---- the next elements ---- */

static int64_t pull(hl_indices *h, int i, int64_t *out, int64_t n);
static int64_t pass_over(hl_indices *h, int i, int64_t count);

static inline void use_patience(hl_indices *h, int64_t elements) {
    h->patience -= elements;
    if (h->patience < 0) h->paused = true;
}

/* Takes an element into a shuffle's last round, or the first of the next one; false where there is none any more, or none yet. */
static bool fill(hl_indices *h, int i) {
    stage *s = &h->stages[i], *below = s - 1;
    int64_t index;
    while (s->at != s->second) {
        bool found;
        if (below->kind == HL_STAGE_ROWS) found = below->at < below->number && (index = below->at++, true);
        else found = pull(h, i - 1, &index, 1) > 0;
        if (h->failed) return false;
        if (found) {
            ring *r = &s->held;
            if (r->end - r->first == r->room && !grow_ring(r, s->number)) return h->failed = true, false;
            put(r, index);
            s->empty = false;
            use_patience(h, 1);
            return true;
        }
        if (h->paused) return false;
        if (s->empty) break; /* and so will every round be */
        s->at++;
        if (!end_round(&s->held)) return h->failed = true, false;
        open_stage(h, i - 1);
    }
    s->over = true;
    return false;
}

/* Draws that all find the ring as the first does: full, with rows of arrays to take for what goes (`refill`), or not to be filled
 * any more. So their places are worked out together. Returns their number. */
static int64_t draw_many(stage *s, int64_t *out, int64_t n) {
    ring *r = &s->held;
    stage *below = s - 1;
    words *w = &s->draws;
    const bool refill = !s->over, shrinks = !refill || r->rounds;
    const int64_t count = (r->rounds ? r->round_end[0] : r->end) - r->first;
    if (refill && (below->kind != HL_STAGE_ROWS || r->end - r->first < s->number)) return 0;
    if (refill && n > below->number - below->at) n = below->number - below->at;
    if (shrinks && n > count - 1) n = count - 1; /* the round's last index ends it */
    if (w->at == WORDS) more_words(w);
    if (n > WORDS - w->at) n = WORDS - w->at;
    if (n <= 0 || count < 2 || count >> 31) return 0;
    uint32_t place[WORDS + TOGETHER];
    hl_input_kernels()->places(place, w->word + w->at, n, (int32_t)count, shrinks);
    w->at += (int)n;
    int64_t *restrict slot = r->slot, first = r->first_slot, end = r->end_slot, row = below->at;
    const int64_t room = r->room;
    for (int64_t k = 0; k < n; k++) {
        int64_t at = first + (int64_t)place[k];
        if (at >= room) at -= room;
        out[k] = slot[at];
        slot[at] = slot[first];
        if (++first == room) first = 0;
        if (!refill) continue;
        slot[end] = row++;
        if (++end == room) end = 0;
    }
    r->first_slot = first;
    r->first += n;
    if (refill) {
        r->end_slot = end;
        r->end += n;
        below->at = row;
    }
    return n;
}

static int64_t pull_shuffled(hl_indices *h, int i, int64_t *out, int64_t n) {
    stage *s = &h->stages[i];
    ring *r = &s->held;
    if (!s->started) {
        s->started = true;
        open_stage(h, i - 1);
    }
    for (int64_t k = 0; k < n;) {
        while (r->end - r->first < s->number && !s->over && !h->paused && fill(h, i)) {}
        if (h->failed || r->end == r->first || (r->end - r->first < s->number && !s->over)) return k;
        const int64_t many = draw_many(s, out + k, n - k);
        k += many;
        if (!many) out[k++] = draw(r, &s->draws);
    }
    return n;
}

static int64_t pull_repeated(hl_indices *h, int i, int64_t *out, int64_t n) {
    stage *s = &h->stages[i];
    int64_t got = 0;
    bool whole = false; /* the round is gone through from its beginning */
    while (s->number < 0 || s->at > 0) {
        if (s->number < 0 && !s->open) {
            open_stage(h, i - 1);
            s->open = s->empty = true;
        }
        const int64_t more = pull(h, i - 1, out + got, n - got);
        if (h->failed) return got;
        got += more;
        if (more) s->empty = false;
        if (h->paused || (s->grouped ? more > 0 : got == n)) return got;
        if (s->number < 0) {
            s->open = false;
            if (s->empty) return got;
        } else {
            s->at = whole && !more ? 0 : s->at - 1; /* after an empty round all are */
            open_stage(h, i - 1);
            whole = true;
        }
    }
    return got;
}

static int64_t pull_taken(hl_indices *h, int i, int64_t *out, int64_t n) {
    stage *s = &h->stages[i];
    if (s->number < 0) return pull(h, i - 1, out, n);
    if (s->at == 0) return 0;
    const int64_t got = pull(h, i - 1, out, !s->grouped && s->at < n ? s->at : n);
    s->at -= s->grouped ? got > 0 : got;
    return got;
}

/* Passes over the elements that stage i still has to pass over; false where it has not come to the end of them. */
static bool discard(hl_indices *h, int i) {
    stage *s = &h->stages[i];
    if (s->at > 0) s->at -= pass_over(h, i - 1, s->at);
    return s->at <= 0;
}

static int64_t pull_after_skipped(hl_indices *h, int i, int64_t *out, int64_t n) { return discard(h, i) ? pull(h, i - 1, out, n) : 0; }

static int64_t pull_sharded(hl_indices *h, int i, int64_t *out, int64_t n) {
    stage *s = &h->stages[i];
    for (int64_t k = 0; k < n; k++) {
        if (!discard(h, i)) return k;
        const int64_t got = pull(h, i - 1, out + k, 1);
        if (got) s->at = s->number - 1;
        if (s->grouped || got == 0) return s->grouped ? got : k;
    }
    return n;
}

static int64_t pull_batch(hl_indices *h, int i, int64_t *out) {
    stage *s = &h->stages[i];
    if (s->at) memcpy(out, h->begun, (size_t)s->at * sizeof *out);
    const int64_t got = s->at + pull(h, i - 1, out + s->at, s->number - s->at);
    s->at = 0;
    if (got == s->number || !h->paused) return s->second && got < s->number ? 0 : got;
    if (!h->begun && !(h->begun = malloc((size_t)h->most * sizeof *h->begun))) return h->failed = true, 0;
    memcpy(h->begun, out, (size_t)got * sizeof *out);
    s->at = got;
    return 0;
}

/* Up to n elements of a stage (fewer: it is at its end); of a grouped one the indices of a single element. */
static int64_t pull(hl_indices *h, int i, int64_t *out, int64_t n) {
    stage *s = &h->stages[i];
    switch (s->kind) {
    case HL_STAGE_ROWS: {
        const int64_t first = s->at, left = s->number - first, count = n < left ? n : left;
        for (int64_t k = 0; k < count; k++) out[k] = first + k;
        s->at += count;
        return count;
    }
    case HL_STAGE_SHUFFLE: return pull_shuffled(h, i, out, n);
    case HL_STAGE_REPEAT: return pull_repeated(h, i, out, n);
    case HL_STAGE_TAKE: return pull_taken(h, i, out, n);
    case HL_STAGE_SKIP: return pull_after_skipped(h, i, out, n);
    case HL_STAGE_SHARD: return pull_sharded(h, i, out, n);
    case HL_STAGE_BATCH: return pull_batch(h, i, out);
    }
    return 0;
}

static void begin_call(hl_indices *h) {
    h->patience = PATIENCE;
    h->paused = false;
}

bool hl_indices_paused(const hl_indices *h) { return h->paused; }

int64_t hl_indices_next(hl_indices *h, int64_t *out) {
    begin_call(h);
    const int64_t got = pull(h, h->n - 1, out, 1);
    return h->failed ? -1 : got;
}

int64_t hl_indices_some(hl_indices *h, int64_t *out, int64_t n) {
    begin_call(h);
    const int64_t got = n > 0 ? pull(h, h->n - 1, out, n) : 0;
    return h->failed ? -1 : got;
}

void hl_indices_open(hl_indices *h) { open_stage(h, h->n - 1); }

/* ---- skipping ---- */

static int64_t times(int64_t count, int64_t rounds) {
    if (count == 0 || rounds == 0) return 0;
    if (count < 0 || rounds < 0) return -1;
    return count > INT64_MAX / rounds ? INT64_MAX : count * rounds;
}

/* The number of elements of a stage from its opening to its end; negative: there is none. */
static int64_t elements(const hl_indices *h, int i) {
    const stage *s = &h->stages[i];
    const int64_t below = i ? elements(h, i - 1) : 0;
    switch (s->kind) {
    case HL_STAGE_ROWS: return s->number;
    case HL_STAGE_SHUFFLE: return times(below, s->second);
    case HL_STAGE_REPEAT: return times(below, s->number);
    case HL_STAGE_TAKE: return s->number < 0 || (below >= 0 && below < s->number) ? below : s->number;
    case HL_STAGE_SKIP: return below < 0 ? below : below > s->number ? below - s->number : 0;
    case HL_STAGE_SHARD: return below < 0 ? below : below > s->second ? (below - s->second - 1) / s->number + 1 : 0;
    case HL_STAGE_BATCH: return below < 0 ? below : s->second ? below / s->number : below / s->number + (below % s->number != 0);
    }
    return 0;
}

/* Whether a stage or one below it draws seeds when it is opened. */
static bool draws_when_opened(const hl_indices *h, int i) {
    for (; i >= 0; i--)
        if (h->stages[i].kind == HL_STAGE_SHUFFLE && h->stages[i].reseeds) return true;
    return false;
}

/* Skips whole rounds of a stage that was just opened; returns how many elements that were. */
static int64_t skip_rounds(hl_indices *h, int i, int64_t count) {
    stage *s = &h->stages[i], *below = s - 1;
    const int64_t round = elements(h, i - 1);
    if (round <= 0) return 0;
    const int64_t most = s->kind == HL_STAGE_SHUFFLE ? s->second : s->number;
    const int64_t rounds = most >= 0 && count / round > most ? most : count / round;
    if (s->kind == HL_STAGE_SHUFFLE && !draws_when_opened(h, i - 1)) { /* every element draws one word */
        s->at += rounds;
        s->empty = rounds == 0;
        skip_words(&s->draws, (uint64_t)(rounds * round));
        return rounds * round;
    }
    if (s->kind != HL_STAGE_REPEAT) return 0;
    if (below->kind == HL_STAGE_SHUFFLE && below->reseeds && !draws_when_opened(h, i - 2)) {
        /* An opening draws two words. A finite repetition has made its first already: it is made again. */
        if (rounds == 0) return 0;
        skip_words(&below->seeds, 2 * (uint64_t)(s->number < 0 ? rounds : rounds - 1));
        if (s->number > 0) open_stage(h, i - 1);
    } else if (draws_when_opened(h, i - 1)) return 0;
    if (s->number > 0) s->at -= rounds;
    return rounds * round;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t pass_over_rounds(hl_indices *h, int i, int64_t count) {
    stage *s = &h->stages[i];
    int64_t passed = 0;
    bool whole = false;
    while (!h->paused && (s->number < 0 || s->at > 0)) {
        use_patience(h, 1);
        if (s->number < 0 && !s->open) {
            open_stage(h, i - 1);
            s->open = s->empty = true;
        }
        const int64_t got = pass_over(h, i - 1, count - passed);
        passed += got;
        if (got) s->empty = false;
        if (h->failed || h->paused || passed == count) return passed;
        if (s->number < 0) {
            s->open = false;
            if (s->empty) return passed;
        } else {
            s->at = whole && !got ? 0 : s->at - 1;
            open_stage(h, i - 1);
            whole = true;
        }
        const int64_t round = elements(h, i - 1);
        if (round <= 0 || draws_when_opened(h, i - 1)) continue;
        const int64_t rounds = s->number < 0 ? (count - passed) / round : smaller((count - passed) / round, s->at);
        passed += rounds * round; /* they are all alike */
        if (s->number > 0) s->at -= rounds;
        if (passed == count) return passed;
    }
    return passed;
}

static int64_t pass_over_shards(hl_indices *h, int i, int64_t count) {
    stage *s = &h->stages[i];
    const int64_t before = s->at, more = times(count - 1, s->number);
    const int64_t wanted = more > INT64_MAX - before - 1 ? INT64_MAX : before + 1 + more;
    const int64_t got = pass_over(h, i - 1, wanted), behind = got - before - 1; /* the first that counts */
    s->at = behind < 0 ? before - got : s->number - 1 - behind % s->number;
    return got == wanted ? count : behind < 0 ? 0 : 1 + behind / s->number;
}

static int64_t pass_over_batches(hl_indices *h, int i, int64_t count) {
    stage *s = &h->stages[i];
    const int64_t rows = times(count, s->number), got = s->at + pass_over(h, i - 1, rows - s->at);
    s->at = 0;
    if (got == rows) return count;
    if (h->paused) return s->at = got % s->number, got / s->number;
    return got / s->number + (!s->second && got % s->number);
}

/* Goes past elements that nobody wants, all at once where none of them draws a number; how many there were, at most count. */
static int64_t pass_over(hl_indices *h, int i, int64_t count) {
    stage *s = &h->stages[i];
    int64_t got = 0;
    if (count <= 0) return 0;
    switch (s->kind) {
    case HL_STAGE_ROWS:
        got = smaller(count, s->number - s->at);
        s->at += got;
        return got;
    case HL_STAGE_REPEAT: return pass_over_rounds(h, i, count);
    case HL_STAGE_TAKE:
        if (s->number < 0) return pass_over(h, i - 1, count);
        got = pass_over(h, i - 1, smaller(count, s->at));
        s->at -= got;
        return got;
    case HL_STAGE_SKIP: return discard(h, i) ? pass_over(h, i - 1, count) : 0;
    case HL_STAGE_SHARD: return pass_over_shards(h, i, count);
    case HL_STAGE_BATCH: return pass_over_batches(h, i, count);
    case HL_STAGE_SHUFFLE:
        while (got < count && !h->paused) {
            const int64_t more = pull(h, i, h->spare, s->grouped ? 1 : smaller(count - got, h->most));
            if (more == 0) return got;
            got += s->grouped ? 1 : more;
            use_patience(h, more);
        }
        return got;
    }
    return 0;
}

static bool skip(hl_indices *h, int i, int64_t count) {
    if (count > 0 && (h->stages[i].kind == HL_STAGE_SHUFFLE || h->stages[i].kind == HL_STAGE_REPEAT)) count -= skip_rounds(h, i, count);
    return count <= 0 || pass_over(h, i, count) == count;
}

int64_t hl_indices_pass(hl_indices *h, int64_t count) {
    begin_call(h);
    return pass_over(h, h->n - 1, count);
}

bool hl_indices_skip(hl_indices *h, int64_t count) {
    begin_call(h);
    h->patience = INT64_MAX;
    return skip(h, h->n - 1, count);
}

int64_t hl_indices_round(const hl_indices *h) {
    for (int i = h->n - 1; i > 0; i--) {
        const stage *s = &h->stages[i];
        if (s->kind == HL_STAGE_REPEAT || (s->kind == HL_STAGE_SHUFFLE && s->second != 1)) {
            for (int k = i - 1; k > 0; k--)
                if (h->stages[k].kind == HL_STAGE_BATCH) {
                    const int64_t rows = elements(h, k - 1);
                    return h->stages[k].second ? rows / h->stages[k].number * h->stages[k].number : rows;
                }
            return elements(h, i - 1);
        }
    }
    return 0;
}

/* ---- a chain ---- */

int64_t hl_indices_most(const hl_indices *h) { return h->most; }
int64_t hl_indices_source(const hl_indices *h) { return h->stages[0].number; }
bool hl_indices_grouped(const hl_indices *h) { return h->stages[h->n - 1].grouped; }

bool hl_indices_ascend(const hl_indices *h) {
    for (int i = 0; i < h->n; i++)
        if (h->stages[i].kind == HL_STAGE_SHUFFLE || (h->stages[i].kind == HL_STAGE_SHARD && !h->stages[i].grouped)) return false;
    return true;
}

hl_indices *hl_indices_new(const hl_stage_spec *specs, int n) {
    if (n < 1 || n > MOST_STAGES) return NULL;
    hl_indices *h = calloc(1, sizeof *h + (size_t)n * sizeof(stage));
    if (!h) return NULL;
    h->n = n;
    h->most = 1;
    bool grouped = false;
    for (int i = 0; i < n; i++) {
        stage *s = &h->stages[i];
        s->kind = (hl_stage_kind)specs[i].kind;
        s->number = specs[i].number;
        s->second = specs[i].second;
        s->reseeds = specs[i].reseeds;
        seed_words(&s->seeds, specs[i].key, specs[i].stream, 0);
        grouped = s->grouped = grouped || s->kind == HL_STAGE_BATCH;
        if (s->kind == HL_STAGE_BATCH) {
            const int64_t all = elements(h, i - 1);
            h->most = all >= 0 && all < s->number ? (all ? all : 1) : s->number;
        }
    }
    h->spare = h->most > INT64_MAX / 16 ? NULL : malloc((size_t)h->most * sizeof *h->spare);
    if (!h->spare) return free(h), NULL;
    open_stage(h, n - 1);
    return h;
}

void hl_indices_free(hl_indices *h) {
    if (!h) return;
    for (int i = 0; i < h->n; i++) free(h->stages[i].held.slot), free(h->stages[i].held.round_end);
    free(h->spare);
    free(h->begun);
    free(h);
}
