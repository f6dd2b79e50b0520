/* Sums, means and extrema over a middle axis of two to four elements, as over the corners of triangles or the ends of edges; included by reduce.c.
 * Each output is made in a register in the order of reduce_kernel.h's columns, so its bits are those of the loops for longer axes, whose
 * totals in memory took most of the time.
 */

#if defined(__AVX__)
#define FEW_BOUNDS 1
#else
#define FEW_BOUNDS 0 /* parts of vectors take longer there than one element after the other */
#endif

static bool has_few_rows(const reduction *r, hl_dtype dtype) {
    enum { WIDEST = 4096 /* elements of a row: wider ones are cut for threads */ };
    const bool sums = r->op == REDUCE_SUM && (r->finish == FINISH_PLAIN || r->finish == FINISH_MEAN);
    const bool bounds = FEW_BOUNDS && (r->op == REDUCE_MAX || r->op == REDUCE_MIN) && r->finish == FINISH_PLAIN;
    return (sums || bounds) && (dtype == HL_FLOAT32 || dtype == HL_FLOAT64) && !r->inner_reduced && r->inner <= WIDEST && r->reduced_rank == 1 &&
           r->reduced >= 2 && r->reduced <= 4 && r->reduced_strides[0] == r->inner && r->kept_rank == 1 &&
           r->kept_strides[0] == r->reduced * r->inner;
}

/* Outputs of kept rows first to end (excluded), each of m rows of so many columns. A sum begins with 0, so that none is -0. */
#define FEW_ROWS_OF(type, TYPE)                                                                                                 \
    SIMD_INLINE void few_rows_of_##type(const int m, const bool mean, const TYPE *x, TYPE *restrict out, int64_t rows,          \
                                        int64_t columns) {                                                                      \
        for (int64_t row = 0; row < rows; row++, x += m * columns, out += columns)                                              \
            for (int64_t c = 0; c < columns; c++) {                                                                             \
                const TYPE *at = x + c;                                                                                         \
                TYPE sum = 0;                                                                                                   \
                if (m == 4) sum += (at[0] + at[columns]) + (at[2 * columns] + at[3 * columns]);                                 \
                else sum = sum + at[0] + at[columns];                                                                           \
                if (m == 3) sum += at[2 * columns];                                                                             \
                out[c] = mean ? (TYPE)((double)sum / m) : sum;                                                                  \
            }                                                                                                                   \
    }                                                                                                                           \
    static void few_rows_##type(const reduction *r, const char *in, char *out, int64_t first, int64_t end) {                    \
        const TYPE *x = (const TYPE *)in + first * r->reduced * r->inner;                                                       \
        TYPE *to = (TYPE *)out + first * r->inner;                                                                              \
        switch (r->reduced * 2 + (r->finish == FINISH_MEAN)) {                                                                  \
        case 4: few_rows_of_##type(2, false, x, to, end - first, r->inner); break;                                              \
        case 5: few_rows_of_##type(2, true, x, to, end - first, r->inner); break;                                               \
        case 6: few_rows_of_##type(3, false, x, to, end - first, r->inner); break;                                              \
        case 7: few_rows_of_##type(3, true, x, to, end - first, r->inner); break;                                               \
        case 8: few_rows_of_##type(4, false, x, to, end - first, r->inner); break;                                              \
        default: few_rows_of_##type(4, true, x, to, end - first, r->inner);                                                     \
        }                                                                                                                       \
    }
FEW_ROWS_OF(f32, float)
FEW_ROWS_OF(f64, double)
#undef FEW_ROWS_OF

/* The same of extrema, whose comparisons the compiler makes no vectors of; in whatever order, the first NaN is kept, and of equal numbers
 * the last. */
#define FEW_BOUNDS_OF(type, TYPE, LANES)                                                                                        \
    SIMD_INLINE simd_##type few_bound_##type(const bool largest, simd_##type a, simd_##type b) {                                \
        return largest ? max_or_nan_##type(a, b) : min_or_nan_##type(a, b);                                                     \
    }                                                                                                                           \
    SIMD_INLINE void few_bounds_of_##type(const int m, const bool largest, const TYPE *x, TYPE *out, int64_t rows, int64_t columns) {\
        for (int64_t row = 0; row < rows; row++, x += m * columns, out += columns) {                                            \
            int64_t c = 0;                                                                                                      \
            for (; c + LANES <= columns; c += LANES) {                                                                          \
                simd_##type held = load_##type(x + c);                                                                          \
                for (int k = 1; k < m; k++) held = few_bound_##type(largest, held, load_##type(x + k * columns + c));           \
                store_##type(out + c, held);                                                                                    \
            }                                                                                                                   \
            const int rest = (int)(columns - c);                                                                                \
            if (rest == 0) continue;                                                                                            \
            simd_##type held = load_part_##type(x + c, rest);                                                                   \
            for (int k = 1; k < m; k++) held = few_bound_##type(largest, held, load_part_##type(x + k * columns + c, rest));    \
            store_part_##type(out + c, held, rest);                                                                             \
        }                                                                                                                       \
    }                                                                                                                           \
    static void few_bounds_##type(const reduction *r, const char *in, char *out, int64_t first, int64_t end) {                  \
        const TYPE *x = (const TYPE *)in + first * r->reduced * r->inner;                                                       \
        TYPE *to = (TYPE *)out + first * r->inner;                                                                              \
        switch (r->reduced * 2 + (r->op == REDUCE_MAX)) {                                                                       \
        case 4: few_bounds_of_##type(2, false, x, to, end - first, r->inner); break;                                            \
        case 5: few_bounds_of_##type(2, true, x, to, end - first, r->inner); break;                                             \
        case 6: few_bounds_of_##type(3, false, x, to, end - first, r->inner); break;                                            \
        case 7: few_bounds_of_##type(3, true, x, to, end - first, r->inner); break;                                             \
        case 8: few_bounds_of_##type(4, false, x, to, end - first, r->inner); break;                                            \
        default: few_bounds_of_##type(4, true, x, to, end - first, r->inner);                                                   \
        }                                                                                                                       \
    }
#if FEW_BOUNDS
FEW_BOUNDS_OF(f32, float, F32_LANES)
FEW_BOUNDS_OF(f64, double, F64_LANES)
#else
#define few_bounds_f32 few_rows_f32
#define few_bounds_f64 few_rows_f64
#endif
#undef FEW_BOUNDS_OF

static void few_rows_task(void *argument, int64_t chunk, int worker) {
    const reduce_task *task = argument;
    const reduction *r = task->r;
    const int64_t first = chunk * r->strips_per_task, end = first + r->strips_per_task;
    (void)worker;
    const bool single = r->reducer->size == sizeof(float);
    void (*const rows)(const reduction *, const char *, char *, int64_t, int64_t) =
        r->op == REDUCE_SUM ? (single ? few_rows_f32 : few_rows_f64) : (single ? few_bounds_f32 : few_bounds_f64);
    rows(r, task->in, task->out, first, end < r->kept ? end : r->kept);
}

static hl_status run_few_rows(const hl_instr *ins, hl_run *run) {
    const reduction *r = ins->p[2].p;
    reduce_task task = {r, ins->arg[0], NULL, ins->arg[r->operands - 1], NULL};
    hl_parallel(run, (r->kept + r->strips_per_task - 1) / r->strips_per_task, r->cost_ns, few_rows_task, &task);
    return HL_OK;
}

static hl_status prepare_few_rows(hl_prepare *prep, reduction *r, int64_t elements) {
    r->cost_ns = prep->cost_ns = 10 + (double)elements * 0.3;
    const int64_t tasks = (int64_t)(r->cost_ns / 10000) + 1;
    r->strips_per_task = (r->kept + tasks - 1) / tasks;
    prep->ins->fn = run_few_rows;
    return HL_OK;
}
