/* sdca: one epoch of stochastic dual coordinate ascent for a linear model with L1 and L2 regularization.
 *
 * Every example has a dual variable; a step changes one of them to the best value for the weights that all of them make. Proximal
 * SDCA: Shalev-Shwartz and Zhang, "Proximal Stochastic Dual Coordinate Ascent", 2012. Where the loss is one of several partitions,
 * trained at once, steps are as much shorter: Ma et al., "Adding vs. Averaging in Distributed Primal-Dual Optimization", 2015.
 * Examples far from their best value first: Csiba, Qu and Richtarik, "Stochastic Dual Coordinate Ascent with Adaptive
 * Probabilities", 2015.
 *
 * The order of the examples follows from what the kernel is given, so the same input gives the same result.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "philox.h"
#include "plan.h"
#include "stretches.h"

enum { MOST_GROUPS = 512, STATE = 4, DUAL = 0, PRIMAL_LOSS = 1, DUAL_LOSS = 2, WEIGHT = 3, MOST_STEPS = 100 };

typedef enum loss { LOGISTIC, SQUARED, HINGE, SMOOTH_HINGE, POISSON } loss;

/* What examples have of one kind: numbers in columns, or a list of features with their values. */
typedef struct group {
    int64_t features; /* of all examples, or columns */
    int64_t weights;
    int64_t values; /* that are given, of sparse features; -1 where each is 1 */
    int64_t known;  /* features that weights are for */
} group;

typedef struct sdca_params {
    loss loss;
    bool adaptive;
    int64_t examples, sparse, valued, dense, capacity;
    double partitions, l2, shrinkage;
    group groups[MOST_GROUPS]; /* the sparse ones first */
} sdca_params;

/* A sparse group by examples: the features of example i are starts[i] to starts[i + 1]. */
typedef struct rows {
    int64_t *starts, *columns;
    float *values;
} rows;

typedef struct place {
    int64_t feature, column;
} place;

typedef struct model {
    const sdca_params *p;
    const rows *rows;
    void *const *dense, *const *sparse_weights, *const *dense_weights, *const *sparse_deltas, *const *dense_deltas;
    const float *weights, *labels;
    const double *norms;
    float *state;
} model;

/* --- losses: y is the label, -1 or 1 where there are two classes ------------------------------------------------- */

static double signed_label(loss l, double label) { return l == SQUARED || l == POISSON || label != 0 ? label : -1; }

static double primal_loss(loss l, double y, double wx) {
    const double margin = y * wx;
    switch (l) {
    case LOGISTIC: return margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin;
    case SQUARED: return 0.5 * (wx - y) * (wx - y);
    case HINGE: return margin < 1 ? 1 - margin : 0;
    case SMOOTH_HINGE: return margin >= 1 ? 0 : margin <= 0 ? 0.5 - margin : 0.5 * (1 - margin) * (1 - margin);
    case POISSON: return exp(wx) - wx * y;
    }
    return 0;
}

static double primal_slope(loss l, double y, double wx) {
    const double margin = y * wx;
    switch (l) {
    case LOGISTIC: return -y * (margin > 0 ? exp(-margin) / (1 + exp(-margin)) : 1 / (1 + exp(margin)));
    case SQUARED: return wx - y;
    case HINGE: return margin < 1 ? -y : 0;
    case SMOOTH_HINGE: return margin >= 1 ? 0 : margin <= 0 ? -y : (margin - 1) * y;
    case POISSON: return exp(wx) - y;
    }
    return 0;
}

/* How fast the slope changes at most, inverted: 0 where it jumps. */
static double smoothness(loss l) { return l == LOGISTIC ? 4 : l == HINGE ? 0 : 1; }

static double times_log(double x) { return x > 0 ? x * log(x) : 0; }

static double dual_loss(loss l, double y, double dual) {
    const double share = dual * y, rest = y - dual;
    switch (l) {
    case LOGISTIC: return times_log(share) + times_log(1 - share);
    case SQUARED: return dual * (0.5 * dual - y);
    case HINGE: return share < 0 || share > 1 ? INFINITY : -share;
    case SMOOTH_HINGE: return share < 0 || share > 1 ? INFINITY : 0.5 * dual * dual - share;
    case POISSON: return rest < 0 ? INFINITY : times_log(rest) - rest;
    }
    return 0;
}

/* The zero of an increasing function between low and high: Newton's steps, halving where they leave the bounds. */
#define ZERO(x, low, high, value, slope)                             \
    for (int step = 0; step < MOST_STEPS; step++) {                  \
        const double f = (value), before = x;                        \
        if (f > 0) high = x;                                         \
        else low = x;                                                \
        x -= f / (slope);                                            \
        if (!(x >= low && x <= high)) x = 0.5 * (low + high);        \
        if (fabs(x - before) <= 1e-14 * (1 + fabs(x))) break;        \
    }

/* The dual variable is y times a probability, which is (1 + tanh(x)) / 2. */
static double logistic_dual(double y, double wx, double dual, double curvature) {
    double high = -0.5 * (y * wx - curvature * y * dual), low = high - 0.5 * curvature;
    double x = low > 0 ? low : high < 0 ? high : 0;
    ZERO(x, low, high, 2 * x + y * wx + curvature * (0.5 * (1 + tanh(x)) - y * dual), 2 + 0.5 * curvature * (1 - tanh(x) * tanh(x)))
    return 0.5 * (1 + tanh(x)) / y;
}

/* The dual variable is y - exp(x). */
static double poisson_dual(double y, double wx, double dual, double curvature) {
    const double most = wx + curvature * (y - dual);
    double high = most, low = most - curvature < 0 ? most - curvature : 0;
    if (low > high) low = high;
    double x = y > dual ? log(y - dual) : 0;
    x = x < low ? low : x > high ? high : x;
    ZERO(x, low, high, x - most + curvature * exp(x), 1 + curvature * exp(x))
    return y - exp(x);
}

static double clipped_dual(double y, double dual, double numerator, double denominator) {
    const double best = denominator != 0 ? dual + numerator / denominator : numerator * y > 0 ? y : numerator * y < 0 ? 0 : dual;
    return y * best < 0 ? 0 : y * best > 1 ? y : best;
}

/* The best value of an example's dual variable; curvature is its weight times its norm over l2. */
static double best_dual(loss l, double y, double wx, double dual, double curvature) {
    switch (l) {
    case LOGISTIC: return logistic_dual(y, wx, dual, curvature);
    case SQUARED: return dual + (y - dual - wx) / (1 + curvature);
    case HINGE: return clipped_dual(y, dual, y - wx, curvature);
    case SMOOTH_HINGE: return clipped_dual(y, dual, y - wx - dual, curvature + 1);
    case POISSON: return poisson_dual(y, wx, dual, curvature);
    }
    return dual;
}

/* --- products ---------------------------------------------------------------------------------------------------- */

/* What L1 leaves of a weight. */
static double shrunk(double weight, double by) {
    const double rest = fabs(weight) - by;
    return rest > 0 ? copysign(rest, weight) : 0;
}

/* w x of an example with the weights as they are (those of the other partitions change as much), and as they were. */
static double product(const model *m, int64_t i, double *before) {
    const sdca_params *p = m->p;
    double wx = 0, old = 0;
    for (int64_t g = 0; g < p->sparse; g++) {
        const rows *r = &m->rows[g];
        const float *weights = m->sparse_weights[g], *deltas = m->sparse_deltas[g];
        for (int64_t k = r->starts[i]; k < r->starts[i + 1]; k++) {
            const int64_t c = r->columns[k];
            old += r->values[k] * shrunk(weights[c], p->shrinkage);
            wx += r->values[k] * shrunk(weights[c] + deltas[c] * p->partitions, p->shrinkage);
        }
    }
    for (int64_t g = 0; g < p->dense; g++) {
        const int64_t columns = p->groups[p->sparse + g].features;
        const float *weights = m->dense_weights[g], *deltas = m->dense_deltas[g], *x = (const float *)m->dense[g] + i * columns;
        for (int64_t c = 0; c < columns; c++) {
            old += x[c] * shrunk(weights[c], p->shrinkage);
            wx += x[c] * shrunk(weights[c] + deltas[c] * p->partitions, p->shrinkage);
        }
    }
    *before = old;
    return wx;
}

static void add_example(const model *m, int64_t i, double by) {
    const sdca_params *p = m->p;
    for (int64_t g = 0; g < p->sparse; g++) {
        const rows *r = &m->rows[g];
        float *deltas = m->sparse_deltas[g];
        for (int64_t k = r->starts[i]; k < r->starts[i + 1]; k++)
            deltas[r->columns[k]] = (float)(deltas[r->columns[k]] + r->values[k] * by);
    }
    for (int64_t g = 0; g < p->dense; g++) {
        const int64_t columns = p->groups[p->sparse + g].features;
        const float *x = (const float *)m->dense[g] + i * columns;
        float *deltas = m->dense_deltas[g];
        for (int64_t c = 0; c < columns; c++) deltas[c] = (float)(deltas[c] + x[c] * by);
    }
}

/* --- reading the features ---------------------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t x) {
    x = (x ^ x >> 31) * 0x7FB5D329728EA185u;
    return x ^ x >> 29;
}

/* The column of a feature, or -1. */
static int64_t column_of(const place *table, int64_t capacity, int64_t feature) {
    for (uint64_t at = mixed((uint64_t)feature);; at++) {
        const place *found = &table[at & (uint64_t)(capacity - 1)];
        if (found->column < 0 || found->feature == feature) return found->column;
    }
}

/* Of features that are named twice the last column counts. */
static void fill_table(hl_run *run, place *table, int64_t capacity, const int64_t *features, int64_t n) {
    for (STRETCHES(run, first, end, capacity))
        for (int64_t k = first; k < end; k++) table[k].column = -1;
    for (STRETCHES(run, first, end, n))
        for (int64_t k = first; k < end; k++) {
            uint64_t at = mixed((uint64_t)features[k]);
            while (table[at & (uint64_t)(capacity - 1)].column >= 0 && table[at & (uint64_t)(capacity - 1)].feature != features[k]) at++;
            table[at & (uint64_t)(capacity - 1)] = (place){features[k], k};
        }
}

/* Sorts the features of a group by their examples. `seen` has a zero for each weight. */
static hl_status read_group(hl_run *run, const sdca_params *p, const group *g, const int64_t *examples, const int64_t *features,
                            const float *values, const place *table, rows *r, int64_t *seen) {
    const int64_t n = p->examples;
    memset(r->starts, 0, (size_t)(n + 1) * sizeof(int64_t));
    for (STRETCHES(run, first, end, g->features))
        for (int64_t k = first; k < end; k++) {
            if (examples[k] < 0 || examples[k] >= n)
                return hl_fail(run, HL_INVALID_ARGUMENT, "Example index out of valid range: %lld is not in [0, %lld)", (long long)examples[k], (long long)n);
            r->starts[examples[k] + 1]++;
        }
    for (int64_t i = 0; i < n; i++) r->starts[i + 1] += r->starts[i];
    for (STRETCHES(run, first, end, g->features))
        for (int64_t k = first; k < end; k++) {
            const int64_t column = column_of(table, p->capacity, features[k]);
            if (column < 0 || column >= g->weights)
                return hl_fail(run, HL_INVALID_ARGUMENT, "Found sparse feature indices out of valid range: %lld", (long long)features[k]);
            const int64_t at = r->starts[examples[k]]++;
            r->columns[at] = column;
            r->values[at] = values ? values[k] : 1;
        }
    if (run->stopped != HL_OK) return run->stopped;
    memmove(r->starts + 1, r->starts, (size_t)n * sizeof(int64_t));
    r->starts[0] = 0;
    for (STRETCHES(run, first, end, n))
        for (int64_t i = first; i < end; i++)
            for (int64_t k = r->starts[i]; k < r->starts[i + 1]; k++) {
                if (seen[r->columns[k]] == i + 1) return hl_fail(run, HL_INVALID_ARGUMENT, "Duplicate index in sparse vector.");
                seen[r->columns[k]] = i + 1;
            }
    return run->stopped;
}

static void square_norms(hl_run *run, const model *m, double *norms) {
    const sdca_params *p = m->p;
    for (STRETCHES(run, first, end, p->examples))
        for (int64_t i = first; i < end; i++) {
            double sum = 0;
            for (int64_t g = 0; g < p->sparse; g++)
                for (int64_t k = m->rows[g].starts[i]; k < m->rows[g].starts[i + 1]; k++)
                    sum += (double)m->rows[g].values[k] * m->rows[g].values[k];
            for (int64_t g = 0; g < p->dense; g++) {
                const int64_t columns = p->groups[p->sparse + g].features;
                const float *x = (const float *)m->dense[g] + i * columns;
                for (int64_t c = 0; c < columns; c++) sum += (double)x[c] * x[c];
            }
            norms[i] = sum;
        }
}

static hl_status check_labels(hl_run *run, const sdca_params *p, const float *labels) {
    for (int64_t i = 0; i < p->examples; i++) {
        if (p->loss == POISSON && labels[i] < 0)
            return hl_fail(run, HL_INVALID_ARGUMENT, "Only non-negative labels can be used with the Poisson log loss. Found example with label: %g", (double)labels[i]);
        if (p->loss != POISSON && p->loss != SQUARED && labels[i] != 0 && labels[i] != 1)
            return hl_fail(run, HL_INVALID_ARGUMENT, "Only labels of 0.0 or 1.0 are supported right now. Found example with label: %g", (double)labels[i]);
    }
    return HL_OK;
}

/* --- the order of the examples ----------------------------------------------------------------------------------- */

/* A number that stands for what the examples' states are. */
static uint64_t key_of(const float *state, int64_t n) {
    uint64_t key = 0x9E3779B97F4A7C15u;
    for (int64_t k = 0; k < n; k++) {
        uint32_t bits;
        memcpy(&bits, state + k, sizeof bits);
        key = mixed(key ^ bits);
    }
    return key;
}

static void shuffled_order(uint64_t key, int64_t n, int64_t *order) {
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        const block b = philox(key, 0, (uint64_t)i);
        const int64_t j = (int64_t)((b.word[0] | (uint64_t)b.word[1] << 32) % (uint64_t)(i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

static double uniform(uint32_t low, uint32_t high) { return (double)((low | (uint64_t)high << 32) >> 11) * 0x1p-53; }

typedef struct likely {
    double probability;
    int64_t example;
} likely;

static int likelier(const void *a, const void *b) {
    const likely *x = a, *y = b;
    if (x->probability != y->probability) return x->probability > y->probability ? -1 : 1;
    return x->example < y->example ? -1 : 1;
}

/* Draws as many examples as there are, likelier where the dual variable is far from what the primal loss wants, each time it has
 * been drawn a tenth as likely as before; when too many draws were in vain, those not drawn yet follow, the likeliest first. */
static void adaptive_order(hl_run *run, const model *m, uint64_t key, int64_t *order, double *sums, int64_t *drawn, likely *rest) {
    const sdca_params *p = m->p;
    const int64_t n = p->examples;
    double total = 0;
    for (STRETCHES(run, first, end, n))
        for (int64_t i = first; i < end; i++) {
            double before;
            const double y = signed_label(p->loss, m->labels[i]), wx = product(m, i, &before);
            const double distance = fabs(m->state[i * STATE + DUAL] + primal_slope(p->loss, y, wx));
            rest[i].probability = m->weights[i] * sqrt(m->norms[i] + p->l2 * smoothness(p->loss)) * distance;
            total += rest[i].probability;
            sums[i] = total;
            drawn[i] = 0;
        }
    if (run->stopped != HL_OK) return;
    if (!(total > 0) || !(total < DBL_MAX)) {
        shuffled_order(key, n, order);
        return;
    }
    int64_t found = 0, vain = 0;
    for (uint64_t draw = 0; found < n && vain < n; draw++) {
        const block b = philox(key, 1, draw);
        const double at = uniform(b.word[0], b.word[1]) * total;
        int64_t low = 0, high = n - 1;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (sums[middle] > at) high = middle;
            else low = middle + 1;
        }
        if (uniform(b.word[2], b.word[3]) >= pow(0.1, (double)drawn[low])) {
            vain++;
            continue;
        }
        drawn[low]++;
        order[found++] = low;
    }
    int64_t left = 0;
    for (int64_t i = 0; i < n; i++)
        if (!drawn[i]) rest[left++] = (likely){rest[i].probability, i};
    qsort(rest, (size_t)left, sizeof *rest, likelier);
    for (int64_t k = 0; found < n; k++) order[found++] = rest[k].example;
}

/* --- running ----------------------------------------------------------------------------------------------------- */

static void take_steps(hl_run *run, const model *m, const int64_t *order) {
    const sdca_params *p = m->p;
    for (STRETCHES(run, first, end, p->examples))
        for (int64_t k = first; k < end; k++) {
            const int64_t i = order[k];
            float *state = m->state + i * STATE;
            double before;
            const double wx = product(m, i, &before), y = signed_label(p->loss, m->labels[i]), weight = m->weights[i];
            const double dual = state[DUAL], best = best_dual(p->loss, y, wx, dual, p->partitions * weight * m->norms[i] / p->l2);
            add_example(m, i, (best - dual) * weight / p->l2);
            state[DUAL] = (float)best;
            state[PRIMAL_LOSS] = (float)(primal_loss(p->loss, y, before) * weight);
            state[DUAL_LOSS] = (float)(dual_loss(p->loss, y, dual) * weight);
            state[WEIGHT] = (float)weight;
            if ((k & 1023) == 1023 && hl_is_stopped(run)) return;
        }
}

static char *take(char **memory, int64_t bytes) {
    char *taken = *memory;
    *memory += (bytes + 63) & ~(int64_t)63;
    return taken;
}

static hl_status run_sdca(const hl_instr *ins, hl_run *run) {
    const sdca_params *p = ins->p[2].p;
    void *const *data = hl_args(ins), *const *examples = data, *const *features = data + p->sparse, *const *values = features + p->sparse;
    void *const *dense = values + p->valued, *const *rest = dense + p->dense, *const *known = rest + 2;
    void *const *sparse_weights = known + p->sparse, *const *dense_weights = sparse_weights + p->sparse;
    void *const *state = dense_weights + p->dense;
    const int64_t n = p->examples;
    char *memory = run->scratch;
    rows *groups = (rows *)take(&memory, p->sparse * (int64_t)sizeof(rows));
    model m = {.p = p, .rows = groups, .dense = dense, .sparse_weights = sparse_weights, .dense_weights = dense_weights,
               .sparse_deltas = state + 2, .dense_deltas = state + 2 + p->sparse, .weights = rest[0], .labels = rest[1], .state = state[1]};
    hl_status status = check_labels(run, p, m.labels);
    place *table = (place *)take(&memory, p->capacity * (int64_t)sizeof(place));
    for (int64_t g = 0; g < p->sparse && status == HL_OK; g++) {
        const group *of = &p->groups[g];
        groups[g].starts = (int64_t *)take(&memory, (n + 1) * (int64_t)sizeof(int64_t));
        groups[g].columns = (int64_t *)take(&memory, of->features * (int64_t)sizeof(int64_t));
        groups[g].values = (float *)take(&memory, of->features * (int64_t)sizeof(float));
        int64_t *seen = (int64_t *)take(&memory, of->weights * (int64_t)sizeof(int64_t));
        clear_bytes(run, m.sparse_deltas[g], of->weights * (int64_t)sizeof(float));
        clear_bytes(run, seen, of->weights * (int64_t)sizeof(int64_t));
        fill_table(run, table, p->capacity, known[g], of->known);
        if (run->stopped != HL_OK) return run->stopped;
        status = read_group(run, p, of, examples[g], features[g], g < p->valued ? values[g] : NULL, table, &groups[g], seen);
    }
    if (status != HL_OK) return status;
    for (int64_t g = 0; g < p->dense; g++) clear_bytes(run, m.dense_deltas[g], p->groups[p->sparse + g].weights * (int64_t)sizeof(float));
    copy_bytes(run, state[1], state[0], n * STATE * (int64_t)sizeof(float));
    double *norms = (double *)take(&memory, n * (int64_t)sizeof(double)), *sums = (double *)take(&memory, n * (int64_t)sizeof(double));
    int64_t *order = (int64_t *)take(&memory, n * (int64_t)sizeof(int64_t)), *drawn = (int64_t *)take(&memory, n * (int64_t)sizeof(int64_t));
    likely *unseen = (likely *)take(&memory, n * (int64_t)sizeof(likely));
    square_norms(run, &m, norms);
    m.norms = norms;
    if (run->stopped != HL_OK) return run->stopped;
    const uint64_t key = key_of(m.state, n * STATE);
    if (p->adaptive) adaptive_order(run, &m, key, order, sums, drawn, unseen);
    else shuffled_order(key, n, order);
    if (run->stopped == HL_OK) take_steps(run, &m, order);
    return run->stopped;
}

/* --- preparing --------------------------------------------------------------------------------------------------- */

static int64_t room(int64_t count, size_t size) { return (count * (int64_t)size + 63) & ~(int64_t)63; }

static hl_status prepare_group(hl_prepare *prep, sdca_params *p, int64_t g) {
    group *of = &p->groups[g];
    hl_tensor *const *features = prep->in + p->sparse, *const *values = features + p->sparse, *const *weights = values + p->valued + p->dense + 2 + p->sparse;
    if (prep->in[g]->size != features[g]->size || (g < p->valued && values[g]->size != features[g]->size))
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "expected as many sparse example indices, feature indices and feature values, got %lld, %lld and %lld in group %lld",
                         (long long)prep->in[g]->size, (long long)features[g]->size, (long long)(g < p->valued ? values[g]->size : features[g]->size), (long long)g);
    of->features = features[g]->size;
    of->weights = weights[g]->size;
    of->known = (weights - p->sparse)[g]->size;
    while (p->capacity < 2 * of->known) p->capacity *= 2;
    prep->scratch_bytes += room(p->examples + 1, sizeof(int64_t)) + room(of->features, sizeof(int64_t)) + room(of->features, sizeof(float)) + room(of->weights, sizeof(int64_t));
    return HL_OK;
}

static hl_status prepare_dense(hl_prepare *prep, sdca_params *p, int64_t g) {
    const hl_tensor *x = prep->in[2 * p->sparse + p->valued + g], *w = prep->in[4 * p->sparse + p->valued + p->dense + 2 + g];
    if (x->rank != 2 || x->dims[0] != p->examples)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "expected dense features with a row for each of %lld examples in group %lld", (long long)p->examples, (long long)g);
    if (x->dims[1] > w->size)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "More dense features than we have parameters for: %lld", (long long)x->dims[1]);
    p->groups[p->sparse + g] = (group){.features = x->dims[1], .weights = w->size};
    return HL_OK;
}

/* Attributes: the loss, whether the order adapts, the numbers of sparse groups, of those with values and of dense groups, the number
 * of partitions, L1 and L2. */
static hl_status prepare_sdca(hl_prepare *prep) {
    sdca_params *p = prep->params;
    p->loss = (loss)prep->attr[0].i;
    p->adaptive = prep->attr[1].i;
    p->sparse = prep->attr[2].i, p->valued = prep->attr[3].i, p->dense = prep->attr[4].i;
    p->partitions = (double)prep->attr[5].i;
    p->l2 = prep->attr[7].f;
    p->shrinkage = prep->attr[6].f / prep->attr[7].f;
    p->capacity = 8;
    if (p->sparse + p->dense > MOST_GROUPS)
        return hl_refuse(prep, HL_UNIMPLEMENTED, "at most %d groups of features can be trained at once, got %lld", (int)MOST_GROUPS, (long long)(p->sparse + p->dense));
    const hl_tensor *weights = prep->in[2 * p->sparse + p->valued + p->dense], *labels = prep->in[2 * p->sparse + p->valued + p->dense + 1];
    const hl_tensor *state = prep->in[prep->n_in - 1];
    p->examples = weights->size;
    if (labels->size != p->examples)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "expected as many labels as weights of examples, got %lld and %lld", (long long)labels->size, (long long)p->examples);
    if (state->rank != 2 || state->dims[0] != p->examples || state->dims[1] != STATE) {
        char found[64] = "", *end = found;
        for (int axis = 0; axis < state->rank && end < found + 40; axis++) end += snprintf(end, 20, axis ? ",%lld" : "%lld", (long long)state->dims[axis]);
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "Expected shape [%lld,4] for example_state_data, got [%s]", (long long)p->examples, found);
    }
    int64_t work = p->examples * 40;
    prep->scratch_bytes = 64 + room(p->sparse, sizeof(rows)) + 4 * room(p->examples, sizeof(int64_t)) + room(p->examples, sizeof(likely));
    for (int64_t g = 0; g < p->sparse; g++) {
        const hl_status status = prepare_group(prep, p, g);
        if (status != HL_OK) return status;
        work += p->groups[g].features * 6 + p->groups[g].known * 2;
    }
    for (int64_t g = 0; g < p->dense; g++) {
        const hl_status status = prepare_dense(prep, p, g);
        if (status != HL_OK) return status;
        work += p->examples * p->groups[p->sparse + g].features * 2;
    }
    prep->scratch_bytes += room(p->capacity, sizeof(place));
    prep->cost_ns = (double)work + 20;
    prep->ins->fn = run_sdca;
    return HL_OK;
}

/* --- what L1 leaves of weights ----------------------------------------------------------------------------------- */

typedef struct shrink_params {
    int64_t size;
    float by;
} shrink_params;

static hl_status run_shrink(const hl_instr *ins, hl_run *run) {
    const shrink_params *p = ins->p[2].p;
    float *w = ins->arg[0];
    for (STRETCHES(run, first, end, p->size))
        for (int64_t i = first; i < end; i++) {
            const float rest = fabsf(w[i]) - p->by;
            w[i] = w[i] == 0 ? 0 : copysignf(rest > 0 ? rest : 0, w[i]);
        }
    return run->stopped;
}

/* shrink: moves the elements of a variable towards 0. Attribute: by how much. */
static hl_status prepare_shrink(hl_prepare *prep) {
    shrink_params *p = prep->params;
    p->size = prep->in[0]->size;
    p->by = (float)prep->attr[0].f;
    prep->cost_ns = (double)p->size * 0.3 + 5;
    prep->ins->fn = run_shrink;
    return HL_OK;
}

static const hl_kernel table[] = {
    {"sdca", prepare_sdca, sizeof(sdca_params)},
    {"shrink", prepare_shrink, sizeof(shrink_params)},
};

HL_FAMILY(sdca, table);
