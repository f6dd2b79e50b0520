/* Kernels alone: values, sizes that are no multiple of a vector, empty operands, refusals. */
#include "harness.h"

static float *ramp(int64_t n, float first, float step) {
    float *values = malloc(sizeof(float) * (size_t)(n ? n : 1));
    for (int64_t i = 0; i < n; i++) values[i] = first + step * (float)i;
    return values;
}

static void free_outputs(alone *result) {
    for (int k = 0; k < 4; k++) free(result->out[k]);
}

static void test_add_of_every_length(void) {
    for (int64_t n = 0; n < 70; n++) {
        float *x = ramp(n, 1, 1), *y = ramp(n, 0, 2);
        const operand operands[] = {{HL_FLOAT32, 1, {n}, x}, {HL_FLOAT32, 1, {n}, y}, {HL_FLOAT32, 1, {n}, NULL}};
        alone result = run_alone("add", 1, 3, operands, 0, NULL);
        CHECK(result.status == HL_OK);
        for (int64_t i = 0; i < n; i++) CHECK(((float *)result.out[0])[i] == x[i] + y[i]);
        free_outputs(&result), free(x), free(y);
    }
}

/* Halves go by blocks through the loops of floats; their last block is any part of one. Small numbers and their products are exact. */
static void test_halves_of_every_length(void) {
    const int64_t lengths[] = {0, 1, 7, 8, 9, 15, 511, 512, 513, 1030};
    for (int l = 0; l < 10; l++) {
        const int64_t n = lengths[l];
        uint16_t *x = malloc(sizeof(uint16_t) * (size_t)(n + 1)), two[] = {0x4000};
        for (int64_t i = 0; i < n; i++) x[i] = (uint16_t)(0x3c00 + (i % 500)); /* from 1 to below 1.5 */
        const operand operands[] = {{HL_FLOAT16, 1, {n}, x}, {HL_FLOAT16, 0, {0}, two}, {HL_FLOAT16, 1, {n}, NULL}};
        const operand tested[] = {{HL_FLOAT16, 1, {n}, x}, {HL_FLOAT16, 0, {0}, two}, {HL_BOOL, 1, {n}, NULL}};
        alone product = run_alone("mul", 1, 3, operands, 0, NULL), less = run_alone("less", 1, 3, tested, 0, NULL);
        CHECK(product.status == HL_OK && less.status == HL_OK);
        for (int64_t i = 0; i < n; i++) CHECK(((uint16_t *)product.out[0])[i] == x[i] + 0x400 && ((uint8_t *)less.out[0])[i] == 1);
        free_outputs(&product), free_outputs(&less), free(x);
    }
}

/* One divisor for all, few numbers and many, one near the least among them. */
static void test_quotients_of_every_length(void) {
    const int64_t divisors[] = {1, -1, 2, 3, 7, -7, 1000, INT64_MAX};
    for (int64_t n = 1; n < 140; n += 23)
        for (int d = 0; d < 8; d++) {
            int64_t *x = malloc(sizeof(int64_t) * (size_t)n);
            for (int64_t i = 0; i < n; i++) x[i] = i == 0 ? 2000 - INT64_MAX : i * i * 1234567 - 5000000000;
            const operand operands[] = {{HL_INT64, 1, {n}, x}, {HL_INT64, 0, {0}, (void *)&divisors[d]}, {HL_INT64, 1, {n}, NULL}};
            alone quotient = run_alone("floor_div", 1, 3, operands, 0, NULL), rest = run_alone("floor_mod", 1, 3, operands, 0, NULL);
            CHECK(quotient.status == HL_OK && rest.status == HL_OK);
            for (int64_t i = 0; i < n; i++) {
                const int64_t whole = ((int64_t *)quotient.out[0])[i], left = ((int64_t *)rest.out[0])[i];
                CHECK(whole * divisors[d] + left == x[i] && (left == 0 || (left < 0) == (divisors[d] < 0)));
                CHECK(divisors[d] > 0 ? left < divisors[d] : left > divisors[d]);
            }
            free_outputs(&quotient), free_outputs(&rest), free(x);
        }
}

/* Numbers far from each other, near ones, and near ones beside a far one. */
static void test_sorts_of_what_lies_apart(void) {
    const int64_t lengths[] = {65, 130, 1000, 5000, 9000};
    for (int l = 0; l < 5; l++)
        for (int kind = 0; kind < 3; kind++)
            for (int half = 0; half < 2; half++) {
                const int64_t n = lengths[l], k = half ? n / 2 : n;
                double *x = malloc(sizeof(double) * (size_t)n);
                float *y = malloc(sizeof(float) * (size_t)n);
                uint64_t s = 88172645463325252ull;
                for (int64_t i = 0; i < n; i++) {
                    s ^= s << 13, s ^= s >> 7, s ^= s << 17;
                    x[i] = kind == 0 ? (double)(int64_t)s : kind == 1 ? 1e9 + (double)(s % 1000) : i == 7 ? 1e30 : (double)(s % 4000);
                    y[i] = (float)x[i];
                }
                const operand wide[] = {{HL_FLOAT64, 1, {n}, x}, {HL_FLOAT64, 1, {k}, NULL}, {HL_INT32, 1, {k}, NULL}};
                const operand narrow[] = {{HL_FLOAT32, 1, {n}, y}, {HL_FLOAT32, 1, {k}, NULL}, {HL_INT32, 1, {k}, NULL}};
                alone a = run_alone("top_k", 1, 3, wide, 0, NULL), b = run_alone("top_k", 1, 3, narrow, 0, NULL);
                CHECK(a.status == HL_OK && b.status == HL_OK);
                alone c = run_alone("top_k", 1, 2, wide, 0, NULL), d = run_alone("top_k", 1, 2, narrow, 0, NULL); /* values alone */
                CHECK(c.status == HL_OK && d.status == HL_OK);
                CHECK(memcmp(a.out[0], c.out[0], sizeof(double) * (size_t)k) == 0 && memcmp(b.out[0], d.out[0], sizeof(float) * (size_t)k) == 0);
                free_outputs(&c), free_outputs(&d);
                for (int64_t i = 1; i < k; i++) CHECK(((double *)a.out[0])[i - 1] >= ((double *)a.out[0])[i]);
                for (int64_t i = 1; i < k; i++) CHECK(((float *)b.out[0])[i - 1] >= ((float *)b.out[0])[i]);
                for (int64_t i = 0; i < k; i++) CHECK(x[((int32_t *)a.out[1])[i]] == ((double *)a.out[0])[i]);
                free_outputs(&a), free_outputs(&b), free(x), free(y);
            }
}

/* x row + column: rows shorter than a block's go through a chain together, or one by one. */
static void test_chains_over_rows_of_every_length(void) {
    const int64_t heights[] = {0, 1, 2, 15, 17, 103};
    for (int64_t n = 1; n < 70; n++)
        for (int h = 0; h < 6; h++) {
            const int64_t m = heights[h];
            float *x = ramp(m * n, 1, 0.5f), *row = ramp(n, 2, 1), *column = ramp(m, 0, 3);
            const operand operands[] = {{HL_FLOAT32, 2, {m, n}, x}, {HL_FLOAT32, 2, {1, n}, row}, {HL_FLOAT32, 2, {m, 1}, column},
                                        {HL_FLOAT32, 2, {m, n}, NULL}};
            const hl_value attrs[] = {{.i = 1}, {.i = 2}, /* slots, steps; slot 4 is the first behind the operands */
                                      {.p = (void *)hl_find_kernel("mul")}, {.i = HL_FLOAT32}, {.i = 3}, {.i = 0}, {.i = 0}, {.i = 1}, {.i = 4},
                                      {.p = (void *)hl_find_kernel("add")}, {.i = HL_FLOAT32}, {.i = 3}, {.i = 0}, {.i = 4}, {.i = 2}, {.i = 3}};
            alone result = run_alone("fused", 1 + h % 2, 4, operands, 16, attrs);
            CHECK(result.status == HL_OK);
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < n; j++) CHECK(((float *)result.out[0])[i * n + j] == x[i * n + j] * row[j] + column[i]);
            free_outputs(&result), free(x), free(row), free(column);
        }
}

/* The product x row, which is kept, and the sum or mean of it and column: the sum kernel's own, whatever the rows and threads. */
static void test_sums_of_chains(void) {
    const int64_t widths[] = {1, 3, 70, 700, 1030}, heights[] = {0, 1, 2, 103, 701};
    for (int w = 0; w < 5; w++)
        for (int h = 0; h < 5; h++)
            for (int threads = 1; threads <= 2; threads++) {
                const int64_t m = heights[h], n = widths[w];
                float *x = ramp(m * n, 1, 0.5f), *row = ramp(n, 2, 1), *column = ramp(m, 0, 3), *total = malloc(sizeof(float) * (size_t)(m * n + 1));
                const operand operands[] = {{HL_FLOAT32, 2, {m, n}, x}, {HL_FLOAT32, 2, {1, n}, row}, {HL_FLOAT32, 2, {m, 1}, column},
                                            {HL_FLOAT32, 2, {m, n}, NULL}, {HL_FLOAT32, 0, {0}, NULL}};
                const hl_value attrs[] = {{.i = 1}, {.i = w % 2}, {.i = 2}, {.i = 0}, {.i = m}, {.i = 0}, {.i = n}, {.i = 0}, {.i = 2},
                                          {.p = (void *)hl_find_kernel("mul")}, {.i = HL_FLOAT32}, {.i = 3}, {.i = 0}, {.i = 0}, {.i = 1}, {.i = 3},
                                          {.p = (void *)hl_find_kernel("add")}, {.i = HL_FLOAT32}, {.i = 3}, {.i = 0}, {.i = 3}, {.i = 2}, {.i = 4}};
                alone result = run_alone("fused_sum", threads, 5, operands, sizeof attrs / sizeof *attrs, attrs);
                CHECK(result.status == HL_OK);
                for (int64_t i = 0; i < m; i++)
                    for (int64_t j = 0; j < n; j++) {
                        CHECK(((float *)result.out[0])[i * n + j] == x[i * n + j] * row[j]);
                        total[i * n + j] = x[i * n + j] * row[j] + column[i];
                    }
                const operand all[] = {{HL_FLOAT32, 2, {m, n}, total}, {HL_FLOAT32, 0, {0}, NULL}};
                const hl_value mask[] = {{.i = 3}};
                alone sum = run_alone(w % 2 ? "mean" : "sum", 1, 2, all, 1, mask);
                CHECK(sum.status == HL_OK && memcmp(sum.out[0], result.out[1], sizeof(float)) == 0);
                free_outputs(&result), free_outputs(&sum), free(x), free(row), free(column), free(total);
            }
}

/* The sum and the mean of all rows, a part by each block; rows that are one block, and blocks of which some are longer. */
static void test_sums_of_all_rows(void) {
    const int64_t heights[] = {1, 63, 64, 65, 513, 1601};
    const int64_t n = 700;
    for (int h = 0; h < 6; h++) {
        const int64_t m = heights[h];
        float *x = ramp(m * n, 1, 0.5f);
        const operand operands[] = {{HL_FLOAT32, 2, {m, n}, x}, {HL_FLOAT32, 1, {n}, NULL}, {HL_FLOAT32, 1, {n}, NULL}};
        const hl_value attrs[] = {
            {.i = 1}, {.i = 0}, {.i = 2}, {.i = 0}, {.i = 0}, /* first axes, the operand that tells the rows, steps, slots, views */
            {.p = (void *)hl_find_kernel("sum")}, {.i = 1}, {.i = 1}, {.i = 1}, {.i = 0},
            {.i = 0}, {.i = 1}, {.i = 1}, {.i = 1}, {.i = 2}, {.i = 0}, {.i = 1},
            {.p = (void *)hl_find_kernel("mean")}, {.i = 1}, {.i = 1}, {.i = 1}, {.i = 0},
            {.i = 0}, {.i = 1}, {.i = 1}, {.i = 2}, {.i = 3}, {.i = 0}, {.i = 1}};
        float first[2][700];
        for (int threads = 1; threads <= 2; threads++) {
            alone result = run_alone("row_block", threads, 3, operands, sizeof attrs / sizeof *attrs, attrs);
            CHECK(result.status == HL_OK);
            for (int64_t j = 0; j < n; j++) {
                double sum = 0, size = 0;
                for (int64_t i = 0; i < m; i++) sum += x[i * n + j], size += fabs(x[i * n + j]);
                CHECK(fabs(((float *)result.out[0])[j] - sum) <= 1e-6 * size);
                CHECK(fabs(((float *)result.out[1])[j] - sum / (double)m) <= 1e-6 * size / (double)m);
            }
            for (int k = 0; k < 2; k++) {
                if (threads == 1) memcpy(first[k], result.out[k], sizeof first[k]);
                CHECK(memcmp(first[k], result.out[k], sizeof first[k]) == 0);
            }
            free_outputs(&result);
        }
        free(x);
    }
}

/* x * 2 - the mean of its row: the mean in a slot, which a view shows as a column; few rows, and blocks of which some are longer. */
static void test_blocks_of_rows(void) {
    const int64_t heights[] = {0, 1, 63, 64, 65, 513, 1601};
    const int64_t n = 700;
    for (int h = 0; h < 7; h++) {
        const int64_t m = heights[h];
        float *x = ramp(m * n, 1, 0.5f), two = 2;
        const operand operands[] = {{HL_FLOAT32, 2, {m, n}, x}, {HL_FLOAT32, 0, {0}, &two}, {HL_FLOAT32, 2, {m, n}, NULL}};
        const hl_value attrs[] = {
            {.i = 1}, {.i = 0}, {.i = 3}, {.i = 2}, {.i = 3}, /* first axes, the operand that tells the rows, steps, slots, views */
            {.i = 1}, {.i = 4}, {.i = n}, {.i = 4}, /* rows of the slots */
            {.i = 3}, {.i = HL_FLOAT32}, {.i = 1}, {.i = 0}, /* slot 0, a number a row */
            {.i = 3}, {.i = HL_FLOAT32}, {.i = 1}, {.i = 1}, {.i = 1}, {.i = 1}, /* the same as a column */
            {.i = 4}, {.i = HL_FLOAT32}, {.i = n}, {.i = 1}, {.i = n}, {.i = 1}, /* slot 1 */
            {.p = (void *)hl_find_kernel("mean")}, {.i = 1}, {.i = 1}, {.i = 1}, {.i = 0},
            {.i = 0}, {.i = 1}, {.i = 1}, {.i = 3}, {.i = 1}, {.i = 1}, {.i = 2},
            {.p = (void *)hl_find_kernel("mul")}, {.i = 2}, {.i = 1}, {.i = 0}, {.i = 0},
            {.i = 0}, {.i = 1}, {.i = 1}, {.i = 1}, {.i = 0}, {.i = 0}, {.i = 5}, {.i = 1}, {.i = 1},
            {.p = (void *)hl_find_kernel("sub")}, {.i = 2}, {.i = 1}, {.i = 0}, {.i = 1},
            {.i = 5}, {.i = 1}, {.i = 1}, {.i = 4}, {.i = 1}, {.i = 1}, {.i = 2}, {.i = 1}, {.i = 1}};
        for (int threads = 1; threads <= 2; threads++) {
            alone result = run_alone("row_block", threads, 3, operands, sizeof attrs / sizeof *attrs, attrs);
            if (result.status != HL_OK) fprintf(stderr, "%s\n", result.message);
            CHECK(result.status == HL_OK);
            for (int64_t i = 0; i < m; i++) {
                const double mean = (x[i * n] + x[i * n + n - 1]) / 2.0;
                for (int64_t j = 0; j < n; j++)
                    CHECK(fabs(((float *)result.out[0])[i * n + j] - (2 * x[i * n + j] - mean)) <= 1e-6 * (mean + 1e3));
            }
            free_outputs(&result);
        }
        free(x);
    }
}

/* Small matrices go their own way, and a batch ends where memory does. */
static void test_batches_of_small_products(void) {
    const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17};
    for (int shape = 0; shape < 11 * 11 * 11; shape++)
        for (int transposed = 0; transposed < 4; transposed++) {
            const int64_t m = sizes[shape % 11], k = sizes[shape / 11 % 11], n = sizes[shape / 121], batch = 3;
            const bool ta = transposed & 1, tb = transposed & 2;
            float *x = ramp(batch * m * k, -1, 0.01f), *y = ramp(k * n, 1, -0.02f);
            const operand operands[] = {{HL_FLOAT32, 3, {batch, ta ? k : m, ta ? m : k}, x},
                                        {HL_FLOAT32, 3, {1, tb ? n : k, tb ? k : n}, y},
                                        {HL_FLOAT32, 3, {batch, m, n}, NULL}};
            const hl_value attrs[] = {{.i = ta}, {.i = tb}};
            alone result = run_alone("matmul", 2, 3, operands, 2, attrs);
            CHECK(result.status == HL_OK);
            for (int64_t i = 0; i < batch * m * n; i++) {
                const float *row = x + i / (m * n) * m * k;
                const int64_t r = i / n % m, j = i % n;
                double sum = 0;
                for (int64_t p = 0; p < k; p++) sum += (double)row[ta ? p * m + r : r * k + p] * y[tb ? j * k + p : p * n + j];
                CHECK(fabs(((float *)result.out[0])[i] - sum) <= 1e-4 * (fabs(sum) + (double)k));
            }
            free_outputs(&result), free(x), free(y);
        }
}

static void test_products_of_many_shapes(void) {
    const int64_t sizes[] = {0, 1, 2, 5, 6, 7, 16, 31, 64, 65, 66};
    const int64_t widths[] = {0, 2, 3, 5, 16, 18, 20, 65}; /* a few last columns go their own way */
    const int count = sizeof sizes / sizeof *sizes;
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++)
            for (int c = 0; c < (int)(sizeof widths / sizeof *widths); c++)
                for (int transposed = 0; transposed < 4; transposed++) {
                    const int64_t m = sizes[a], k = sizes[b], n = widths[c];
                    const bool ta = transposed & 1, tb = transposed & 2;
                    float *x = ramp(m * k, -1, 0.01f), *y = ramp(k * n, 1, -0.02f);
                    const operand operands[] = {{HL_FLOAT32, 2, {ta ? k : m, ta ? m : k}, x},
                                                {HL_FLOAT32, 2, {tb ? n : k, tb ? k : n}, y},
                                                {HL_FLOAT32, 2, {m, n}, NULL}};
                    const hl_value attrs[] = {{.i = ta}, {.i = tb}};
                    alone result = run_alone("matmul", 2, 3, operands, 2, attrs);
                    CHECK(result.status == HL_OK);
                    for (int64_t i = 0; i < m; i++)
                        for (int64_t j = 0; j < n; j++) {
                            double sum = 0;
                            for (int64_t p = 0; p < k; p++)
                                sum += (double)x[ta ? p * m + i : i * k + p] * y[tb ? j * k + p : p * n + j];
                            CHECK(fabs(((float *)result.out[0])[i * n + j] - sum) <= 1e-4 * (fabs(sum) + (double)k));
                        }
                    free_outputs(&result), free(x), free(y);
                }
}

/* What is made of a variable by its gradient A B, with the sums of B's columns. */
static void test_updates_by_products_of_many_shapes(void) {
    const int64_t rows[] = {1, 2, 6, 7, 13, 64, 65}, depths[] = {0, 1, 3, 4, 5, 65, 256, 900}, columns[] = {1, 2, 16, 17, 18, 24, 31, 40, 64};
    for (int a = 0; a < (int)(sizeof rows / sizeof *rows); a++)
        for (int b = 0; b < (int)(sizeof depths / sizeof *depths); b++)
            for (int c = 0; c < (int)(sizeof columns / sizeof *columns); c++)
                for (int transposed = 0; transposed < 4; transposed++) {
                    const int64_t m = rows[a], k = depths[b], n = columns[c];
                    const bool ta = transposed & 1, tb = transposed & 2;
                    const float rate = 0.5f;
                    float *x = ramp(m * k, -1, 0.01f), *y = ramp(k * n, 1, -0.02f), *variable = ramp(m * n, 3, 0.25f);
                    const operand operands[] = {{HL_FLOAT32, 2, {ta ? k : m, ta ? m : k}, x},
                                                {HL_FLOAT32, 2, {tb ? n : k, tb ? k : n}, y},
                                                {HL_FLOAT32, 2, {m, n}, variable},
                                                {HL_FLOAT32, 0, {0}, &rate},
                                                {.dtype = HL_FLOAT32, .rank = 2, .dims = {m, n}, .target_of = 3},
                                                {HL_FLOAT32, 1, {n}, NULL}};
                    const hl_value attrs[] = {{.i = ta}, {.i = tb}};
                    alone result = run_alone("matmul_update", 2, 6, operands, 2, attrs);
                    CHECK(result.status == HL_OK);
                    for (int64_t j = 0; j < n; j++) {
                        double total = 0;
                        for (int64_t p = 0; p < k; p++) total += (double)y[tb ? j * k + p : p * n + j];
                        CHECK(fabs(((float *)result.out[1])[j] - total) <= 1e-4 * (fabs(total) + (double)k));
                        for (int64_t i = 0; i < m; i++) {
                            double sum = 0;
                            for (int64_t p = 0; p < k; p++)
                                sum += (double)x[ta ? p * m + i : i * k + p] * y[tb ? j * k + p : p * n + j];
                            const double wanted = (double)variable[i * n + j] - 0.5 * sum;
                            CHECK(fabs(((float *)result.out[0])[i * n + j] - wanted) <= 1e-4 * (fabs(sum) + fabs(wanted) + (double)k));
                        }
                    }
                    free_outputs(&result), free(x), free(y), free(variable);
                }
}

/* One convolution and the gradient of its filter; a window of `window` by `window`, SAME. */
static void check_convolution(int64_t n, int64_t height, int64_t width, int64_t window, int64_t c, int64_t k, int threads) {
    const int64_t border = (window - 1) / 2, positions = n * height * width;
    const int64_t images = positions * c, filters = window * window * c * k, targets = positions * k;
    float *x = ramp(images, -1, 2.0f / (float)images), *f = ramp(filters, 1, -1.0f / (float)filters);
    float *dy = ramp(targets, -1, 3.0f / (float)targets);
    double *y = calloc((size_t)targets, sizeof *y), *df = calloc((size_t)filters, sizeof *df);
    for (int64_t i = 0; i < positions; i++)
        for (int64_t tap = 0; tap < window * window; tap++) {
            const int64_t row = i / width % height + tap / window - border, column = i % width + tap % window - border;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            const float *from = x + ((i / width / height * height + row) * width + column) * c;
            for (int64_t a = 0; a < c; a++)
                for (int64_t b = 0; b < k; b++) {
                    y[i * k + b] += (double)from[a] * f[(tap * c + a) * k + b];
                    df[(tap * c + a) * k + b] += (double)from[a] * dy[i * k + b];
                }
        }
    const hl_value attrs[] = {{.i = 1}, {.i = 1}, {.i = 1}, {.i = 0}, {.i = 1}, {.i = 1}, {.i = 0}};
    const operand forward[] = {{HL_FLOAT32, 4, {n, height, width, c}, x}, {HL_FLOAT32, 4, {window, window, c, k}, f},
                               {HL_FLOAT32, 4, {n, height, width, k}, NULL}};
    const operand gradient[] = {{HL_FLOAT32, 4, {n, height, width, c}, x}, {HL_FLOAT32, 4, {n, height, width, k}, dy},
                                {HL_FLOAT32, 4, {window, window, c, k}, NULL}};
    alone result = run_alone("conv", threads, 3, forward, 7, attrs);
    CHECK(result.status == HL_OK);
    for (int64_t i = 0; i < targets; i++) CHECK(fabs(((float *)result.out[0])[i] - y[i]) <= 1e-4 * (double)(window * window * c));
    free_outputs(&result);
    result = run_alone("conv_filter_gradient", threads, 3, gradient, 7, attrs);
    CHECK(result.status == HL_OK);
    for (int64_t i = 0; i < filters; i++) CHECK(fabs(((float *)result.out[0])[i] - df[i]) <= 1e-4 * (double)positions);
    free_outputs(&result), free(x), free(f), free(dy), free(y), free(df);
}

static void test_convolutions(void) {
    for (int64_t window = 1; window <= 5; window++) {
        check_convolution(1, 5, 4, window, 3, 5, 1);
        check_convolution(5, 9, 14, window, 61, 67, 2); /* all multiplications, or fewer */
        for (int64_t few = 1; few <= 4; few++) check_convolution(2, 5, 4, window, 29 + few, few, 1); /* along the source's channels */
    }
    check_convolution(3, 9, 14, 1, 64, 24, 2); /* a panel of three vectors alone */
    check_convolution(3, 9, 14, 1, 38, 136, 2);
}

static void check_runs(const char *name, int n, const operand *operands, int n_attr, const hl_value *attrs) {
    alone result = run_alone(name, 1, n, operands, n_attr, attrs);
    if (result.status != HL_OK) fprintf(stderr, "%s: %s\n", name, result.message);
    CHECK(result.status == HL_OK);
    free_outputs(&result);
}

/* Of channels that fill vectors and that do not: nothing is read or written beyond what there is, which the sanitizers see. */
static void test_channels_of_every_number(void) {
    const hl_value window[] = {{.i = 1}, {.i = 1}, {.i = 1}, {.i = 0}, {.i = 1}, {.i = 1}, {.i = 0}, {.i = 3}, {.i = 2}};
    const hl_value norm[] = {{.i = 3}, {.f = 1}, {.f = 0.5}, {.f = 0.75}}, rows[] = {{.i = 2}}, columns[] = {{.i = 1}};
    const hl_value bits[] = {{.i = 0}, {.i = 15}};
    for (int64_t c = 1; c < 70; c += c < 34 ? 1 : 7) {
        float *x = ramp(2 * 5 * 7 * c, 1, 0.01f), *f = ramp(9 * c, 1, 0.1f);
        const operand image = {HL_FLOAT32, 4, {2, 5, 7, c}, x}, image_out = {HL_FLOAT32, 4, {2, 5, 7, c}, NULL};
        const operand filter = {HL_FLOAT32, 3, {3, 3, c}, f};
        check_runs("max_pool", 2, (const operand[]){image, image_out}, 9, window);
        check_runs("max_pool_gradient", 3, (const operand[]){image, image, image_out}, 9, window);
        check_runs("mean_pool", 2, (const operand[]){image, image_out}, 9, window);
        check_runs("mean_pool_gradient", 2, (const operand[]){image, image_out}, 9, window);
        check_runs("conv_depthwise", 3, (const operand[]){image, filter, image_out}, 7, window);
        check_runs("conv_depthwise_image_gradient", 3, (const operand[]){image, filter, image_out}, 7, window);
        check_runs("lrn", 2, (const operand[]){image, image_out}, 4, norm);
        check_runs("lrn_gradient", 4, (const operand[]){image, image, image, image_out}, 4, norm);
        const operand table = {HL_FLOAT32, 2, {70, c}, x}, of_rows = {HL_FLOAT32, 1, {70}, x}, of_columns = {HL_FLOAT32, 1, {c}, x};
        const operand row_out = {HL_FLOAT32, 1, {70}, NULL}, column_out = {HL_FLOAT32, 1, {c}, NULL};
        check_runs("mean_distances", 3, (const operand[]){table, of_rows, row_out}, 1, rows);
        check_runs("mean_distances", 3, (const operand[]){table, of_columns, column_out}, 1, columns);
        const operand above = {HL_FLOAT32, 1, {c}, x + c}, one = {HL_FLOAT32, 0, {0}, x}, one_above = {HL_FLOAT32, 0, {0}, x + c};
        const operand table_out = {HL_FLOAT32, 2, {70, c}, NULL}, one_out = {HL_FLOAT32, 0, {0}, NULL};
        check_runs("fake_quant", 4, (const operand[]){table, of_columns, above, table_out}, 2, bits);
        check_runs("fake_quant", 4, (const operand[]){of_columns, one, one_above, column_out}, 2, bits);
        check_runs("fake_quant_gradient", 7, (const operand[]){table, table, of_columns, above, table_out, column_out, column_out}, 2, bits);
        check_runs("fake_quant_gradient", 7, (const operand[]){above, above, one, one_above, column_out, one_out, one_out}, 2, bits);
        for (int given = 0; given < 2; given++) {
            const hl_value scale[] = {{.f = -8}, {.f = 7}, {.i = given}, {.i = given}};
            check_runs("quantize", 4, (const operand[]){table, one, one_above, table_out}, 4, scale);
        }
        check_runs("cast", 2, (const operand[]){of_columns, {HL_FLOAT16, 1, {c}, NULL}}, 0, NULL);
        check_runs("cast", 2, (const operand[]){{HL_FLOAT16, 1, {c}, x}, column_out}, 0, NULL);
        check_runs("elu", 2, (const operand[]){of_columns, column_out}, 0, NULL);
        check_runs("floor_div", 3, (const operand[]){{HL_INT32, 1, {c}, x}, {HL_INT32, 1, {c}, x}, {HL_INT32, 1, {c}, NULL}}, 0, NULL);
        free(x), free(f);
    }
}

/* Sizes of matrices and of right sides beside the blocks' and the vectors' edges. */
static void test_triangles_of_every_size(void) {
    for (int64_t n = 1; n < 40; n += n < 34 ? 1 : 5)
        for (int64_t columns = 1; columns < 40; columns += columns < 4 ? 1 : 7) {
            float *x = ramp(2 * n * n, 0, 0), *right = ramp(2 * n * columns, 1, 0.1f);
            for (int64_t i = 0; i < 2 * n; i++) x[i * n + i % n] = 2;
            const operand matrix = {HL_FLOAT32, 3, {2, n, n}, x}, factor = {HL_FLOAT32, 3, {2, n, n}, NULL};
            const operand side = {HL_FLOAT32, 3, {2, n, columns}, right}, solution = {HL_FLOAT32, 3, {2, n, columns}, NULL};
            for (int64_t kind = 0; kind < 4; kind++) {
                const hl_value attrs[] = {{.i = kind & 1}, {.i = kind >> 1}};
                check_runs("triangular_solve", 3, (const operand[]){matrix, side, solution}, 2, attrs);
            }
            check_runs("cholesky", 2, (const operand[]){matrix, factor}, 0, NULL);
            free(x);
            free(right);
        }
}

/* Sizes of matrices, right sides and groups. */
static void test_small_matrices_of_every_size(void) {
    for (int64_t n = 1; n <= 16; n++)
        for (int64_t batch = 0; batch < 20; batch += batch < 9 ? 1 : 5) {
            const int64_t columns = 1 + (n + batch) % 16;
            float *x = ramp(batch * n * n + 1, 0, 0.01f), *right = ramp(batch * n * columns + 1, 1, 0.1f);
            for (int64_t i = 0; i < batch * n; i++) x[i * n + i % n] += 90;
            const operand matrix = {HL_FLOAT32, 3, {batch, n, n}, x}, inverse = {HL_FLOAT32, 3, {batch, n, n}, NULL};
            const operand side = {HL_FLOAT32, 3, {batch, n, columns}, right}, solution = {HL_FLOAT32, 3, {batch, n, columns}, NULL};
            check_runs("small_determinant", 2, (const operand[]){matrix, {HL_FLOAT32, 1, {batch}, NULL}}, 0, NULL);
            const operand signs = {HL_FLOAT32, 1, {batch}, NULL}, logarithms = {HL_FLOAT32, 1, {batch}, NULL};
            check_runs("small_log_determinant", 3, (const operand[]){matrix, signs, logarithms}, 0, NULL);
            for (int64_t adjoint = 0; adjoint < 2; adjoint++) {
                const hl_value attrs[] = {{.i = adjoint}};
                check_runs("small_inverse", 2, (const operand[]){matrix, inverse}, 1, attrs);
                check_runs("small_solve", 3, (const operand[]){matrix, side, solution}, 1, attrs);
            }
            free(x);
            free(right);
        }
}

/* Rows that go in groups, which read whole vectors, and those at the end, which must not. */
static void test_best_of_rows_of_every_size(void) {
    for (int64_t n = 1; n < 80; n += n < 36 ? 1 : 5)
        for (int64_t rows = 0; rows < 28; rows++) {
            float *x = ramp(rows * n, 0, 1);
            double *wide = malloc((size_t)(rows * n) * sizeof *wide + 1);
            for (int64_t i = 0; i < rows * n; i++) wide[i] = x[i];
            const hl_value axis[] = {{.i = 1}};
            check_runs("argmax", 2, (const operand[]){{HL_FLOAT32, 2, {rows, n}, x}, {HL_INT64, 1, {rows}, NULL}}, 1, axis);
            check_runs("argmin", 2, (const operand[]){{HL_FLOAT32, 2, {rows, n}, x}, {HL_INT32, 1, {rows}, NULL}}, 1, axis);
            check_runs("argmax", 2, (const operand[]){{HL_FLOAT64, 2, {rows, n}, wide}, {HL_INT64, 1, {rows}, NULL}}, 1, axis);
            check_runs("argmin", 2, (const operand[]){{HL_INT64, 2, {rows, n}, wide}, {HL_INT32, 1, {rows}, NULL}}, 1, axis);
            free(x), free(wide);
        }
}

static void test_softmax_rows_sum_to_one(void) {
    const int64_t heights[] = {3, 16, 35};
    for (int64_t width = 1; width < 40; width++)
        for (int h = 0; h < 3; h++) {
            const int64_t rows = heights[h];
            float *x = ramp(rows * width, -5, 0.7f / (float)rows);
            const operand operands[] = {{HL_FLOAT32, 2, {rows, width}, x}, {HL_FLOAT32, 2, {rows, width}, NULL}};
            alone result = run_alone("softmax", 1, 2, operands, 0, NULL);
            CHECK(result.status == HL_OK);
            for (int row = 0; row < rows; row++) {
                double sum = 0;
                for (int64_t i = 0; i < width; i++) sum += ((float *)result.out[0])[row * width + i];
                CHECK(fabs(sum - 1) < 1e-5);
            }
            free_outputs(&result), free(x);
        }
}

static void test_an_index_out_of_range_is_named(void) {
    const float rows[] = {1, 2, 3, 4, 5, 6};
    const int32_t indices[] = {2, 0, 3};
    const operand operands[] = {{HL_FLOAT32, 2, {3, 2}, rows}, {HL_INT32, 1, {3}, indices}, {HL_FLOAT32, 2, {3, 2}, NULL}};
    const hl_value attrs[] = {{.i = 0}, {.i = 0}};
    alone result = run_alone("gather", 1, 3, operands, 2, attrs);
    CHECK(result.status == HL_INVALID_ARGUMENT);
    CHECK(!strcmp(result.message, "indices[2] = 3 is not in [0, 3)"));
    free_outputs(&result);
}

static void test_a_dtype_without_a_kernel_is_refused(void) {
    const uint8_t flags[] = {1, 0};
    const operand operands[] = {{HL_BOOL, 1, {2}, flags}, {HL_BOOL, 1, {2}, NULL}};
    alone result = run_alone("tanh", 1, 2, operands, 0, NULL);
    CHECK(result.status == HL_UNIMPLEMENTED);
    CHECK(strstr(result.message, "no kernel"));
    free_outputs(&result);
}

static void test_an_update_that_fails_writes_nothing(void) {
    float variable[] = {1, 2, 3, 4};
    const float updates[] = {10, 20};
    const int32_t indices[] = {0, 9};
    const operand operands[] = {{HL_FLOAT32, 2, {4, 1}, variable}, {HL_INT32, 1, {2}, indices}, {HL_FLOAT32, 2, {2, 1}, updates}};
    alone result = run_alone("scatter_add", 1, 3, operands, 0, NULL);
    CHECK(result.status == HL_INVALID_ARGUMENT);
    CHECK(strstr(result.message, "indices[1] = 9 is not in [0, 4)"));
}

static void test_one_and_two_threads_agree_to_the_bit(void) {
    const int64_t n = 300000;
    float *x = ramp(n, -1, 1e-5f);
    float *sums[2];
    for (int threads = 1; threads <= 2; threads++) {
        const operand operands[] = {{HL_FLOAT32, 2, {3, n / 3}, x}, {HL_FLOAT32, 1, {3}, NULL}};
        const hl_value attrs[] = {{.i = 2}};
        alone result = run_alone("sum", threads, 2, operands, 1, attrs);
        if (result.status != HL_OK) fprintf(stderr, "%s\n", result.message);
        CHECK(result.status == HL_OK);
        sums[threads - 1] = result.out[0];
    }
    CHECK(!memcmp(sums[0], sums[1], 3 * sizeof(float)));
    free(sums[0]), free(sums[1]), free(x);
}

/* Sums of segments, in any order and ascending, by one thread and two, of rows that are parted and such that are not. */
static void test_segments_of_rows(void) {
    enum { ROWS = 4000, PLACES = 301 };
    const int64_t widths[] = {1, 2, 3, 5, 8, 13, 16, 21, 33, 65};
    static int32_t numbers[2][ROWS];
    for (int i = 0; i < ROWS; i++) numbers[0][i] = i * 7919 % (PLACES + 40) - 40, numbers[1][i] = i / 16;
    for (int w = 0; w < 10; w++)
        for (int run = 0; run < 8; run++) {
            const int64_t n = widths[w];
            const int ascending = run & 1, threads = 1 + (run >> 1 & 1);
            const bool sorted = run & 4 && ascending; /* by the kernel that wants them so */
            float *x = ramp(ROWS * n, -1, 0.01f), *wanted = calloc((size_t)(PLACES * n), sizeof *wanted);
            for (int i = 0; i < ROWS; i++)
                for (int64_t k = 0; numbers[ascending][i] >= 0 && k < n; k++) wanted[numbers[ascending][i] * n + k] += x[i * n + k];
            const operand operands[] = {{HL_FLOAT32, 2, {ROWS, n}, x}, {HL_INT32, 1, {ROWS}, numbers[ascending]},
                                        {HL_FLOAT32, 2, {PLACES, n}, NULL}};
            const hl_value attrs[] = {{.i = 0}};
            alone result = run_alone(sorted ? "segment_reduce" : "unsorted_segment_sum", threads, 3, operands, sorted, attrs);
            CHECK(result.status == HL_OK);
            for (int64_t i = 0; i < PLACES * n; i++) CHECK(((float *)result.out[0])[i] == wanted[i]);
            free_outputs(&result), free(x), free(wanted);
        }
}

/* Rows of few places, and short rows that are repeated: many of them together. */
static void test_one_hot_and_repeated_rows_of_every_length(void) {
    enum { ROWS = 77 };
    int32_t at[ROWS];
    for (int i = 0; i < ROWS; i++) at[i] = i % 21 - 1;
    const float on = 3, off = 2;
    const hl_value axis[] = {{.i = 1}};
    for (int64_t n = 1; n < 70; n++) {
        const operand places[] = {{HL_INT32, 1, {ROWS}, at}, {HL_FLOAT32, 0, {0}, &on}, {HL_FLOAT32, 0, {0}, &off},
                                  {HL_FLOAT32, 2, {ROWS, n}, NULL}};
        alone result = run_alone("one_hot", 1, 4, places, 1, axis);
        CHECK(result.status == HL_OK);
        for (int64_t i = 0; i < ROWS * n; i++) CHECK(((float *)result.out[0])[i] == (at[i / n] == i % n ? on : off));
        free_outputs(&result);
        const operand repeated[] = {{HL_INT32, 3, {ROWS / 7, 1, 7}, at}, {HL_INT32, 3, {ROWS / 7, n, 7}, NULL}};
        const operand spread[] = {{HL_INT32, 2, {ROWS, 1}, at}, {HL_INT32, 2, {ROWS, n}, NULL}};
        alone rows = run_alone("copy", 1, 2, repeated, 0, NULL), numbers = run_alone("copy", 1, 2, spread, 0, NULL);
        CHECK(rows.status == HL_OK && numbers.status == HL_OK);
        for (int64_t i = 0; i < ROWS * n; i++) {
            CHECK(((int32_t *)rows.out[0])[i] == at[i / (7 * n) * 7 + i % 7]);
            CHECK(((int32_t *)numbers.out[0])[i] == at[i / n]);
        }
        free_outputs(&rows), free_outputs(&numbers);
    }
}

/* The largest of columns of which several rows are taken as one, and bands of matrices whose rows behind them are one piece. */
static void test_columns_and_bands_of_every_number(void) {
    enum { MOST = 9000 };
    const hl_value first_axis[] = {{.i = 0}};
    const int64_t none = 0, all = -1;
    float *x = malloc(MOST * sizeof *x);
    for (int i = 0; i < MOST; i++) x[i] = (float)(i * 7919 % 1009);
    for (int64_t n = 1; n < 140; n += n < 40 ? 1 : 9)
        for (int64_t rows = 1; rows * n <= MOST; rows = rows * 3 + 1) {
            const operand columns[] = {{HL_FLOAT32, 2, {rows, n}, x}, {HL_INT32, 1, {n}, NULL}};
            const operand band[] = {{HL_FLOAT32, 2, {rows, n}, x}, {HL_INT64, 0, {0}, &none}, {HL_INT64, 0, {0}, &all}, {HL_FLOAT32, 2, {rows, n}, NULL}};
            alone best = run_alone("argmax", 1, 2, columns, 1, first_axis), upper = run_alone("band_part", 1, 4, band, 0, NULL);
            CHECK(best.status == HL_OK && upper.status == HL_OK);
            for (int64_t i = 0; i < rows * n; i++) {
                const int32_t at = ((int32_t *)best.out[0])[i % n];
                CHECK(at < i / n ? x[at * n + i % n] >= x[i] : at == i / n || x[at * n + i % n] > x[i]);
                CHECK(((float *)upper.out[0])[i] == (i / n <= i % n ? x[i] : 0));
            }
            free_outputs(&best), free_outputs(&upper);
        }
    free(x);
}

int main(void) {
    test_columns_and_bands_of_every_number();
    test_add_of_every_length();
    test_halves_of_every_length();
    test_quotients_of_every_length();
    test_sorts_of_what_lies_apart();
    test_chains_over_rows_of_every_length();
    test_sums_of_chains();
    test_blocks_of_rows();
    test_sums_of_all_rows();
    test_products_of_many_shapes();
    test_updates_by_products_of_many_shapes();
    test_batches_of_small_products();
    test_convolutions();
    test_channels_of_every_number();
    test_triangles_of_every_size();
    test_small_matrices_of_every_size();
    test_best_of_rows_of_every_size();
    test_softmax_rows_sum_to_one();
    test_segments_of_rows();
    test_one_hot_and_repeated_rows_of_every_length();
    test_an_index_out_of_range_is_named();
    test_a_dtype_without_a_kernel_is_refused();
    test_an_update_that_fails_writes_nothing();
    test_one_and_two_threads_agree_to_the_bit();
    hl_pool_stop();
    printf("kernels at %s: ok\n", hl_isa_name());
    return 0;
}
