/* Ops on variables: assigning whole ones, and rows chosen by indices. Operand 0 is the variable's buffer. */
#include <string.h>

#include "complex_types.h"
#include "elementwise_types.h"
#include "plan.h"
#include "row_indices.h"

static hl_status run_assign(const hl_instr *ins, hl_run *run) {
    (void)run;
    memmove(ins->arg[0], ins->arg[1], (size_t)ins->p[0].i);
    return HL_OK;
}

static hl_status prepare_assign(hl_prepare *prep) {
    const int64_t bytes = prep->in[1]->size * (int64_t)hl_dtype_size(prep->in[1]->dtype);
    prep->ins->p[0].i = bytes;
    prep->cost_ns = (double)bytes * 0.1 + 2;
    prep->ins->fn = run_assign;
    return HL_OK;
}

#define UPDATE(tag, dtype, S, C, LOAD, STORE, op, EXPR)                          \
    static hl_status op##_##tag(const hl_instr *ins, hl_run *run) {             \
        S *variable = ins->arg[0];                                              \
        const S *value = ins->arg[1];                                           \
        const int64_t n = ins->p[0].i;                                          \
        (void)run;                                                              \
        IVDEP for (int64_t i = 0; i < n; i++) {                                 \
            const C x = LOAD(variable[i]), y = LOAD(value[i]);                  \
            variable[i] = (S)STORE((C)(EXPR));                                  \
        }                                                                       \
        return HL_OK;                                                           \
    }
EACH_NUMBER(UPDATE, assign_add, x + y)
EACH_COMPLEX(UPDATE, assign_add, x + y)
EACH_NUMBER(UPDATE, assign_sub, x - y)
EACH_COMPLEX(UPDATE, assign_sub, x - y)

#define UPDATE_CASE(tag, dtype, S, C, LOAD, STORE, op) \
    case dtype: prep->ins->fn = op##_##tag; return HL_OK;
#define PREPARE_UPDATE(op)                                                                        \
    static hl_status prepare_##op(hl_prepare *prep) {                                             \
        prep->ins->p[0].i = prep->in[0]->size;                                                    \
        prep->cost_ns = (double)prep->in[0]->size * 0.2 + 2;                                      \
        switch (prep->in[0]->dtype) {                                                             \
            EACH_NUMBER(UPDATE_CASE, op)                                                          \
            EACH_COMPLEX(UPDATE_CASE, op)                                                         \
        default: return hl_no_kernel(prep, NULL);                                                 \
        }                                                                                         \
    }
PREPARE_UPDATE(assign_add)
PREPARE_UPDATE(assign_sub)

/* count_up_to: (variable) -> its value, after which it is one more; the attribute is where counting ends. */
#define COUNT_UP(name, T)                                                                                          \
    static hl_status name(const hl_instr *ins, hl_run *run) {                                                      \
        T *variable = ins->arg[0];                                                                                 \
        if (*variable >= ins->p[0].i)                                                                              \
            return hl_fail(run, HL_OUT_OF_RANGE, "Reached limit of %lld", (long long)ins->p[0].i);                 \
        *(T *)ins->arg[1] = (*variable)++;                                                                         \
        return HL_OK;                                                                                              \
    }
COUNT_UP(count_up_32, int32_t)
COUNT_UP(count_up_64, int64_t)

static hl_status prepare_count_up(hl_prepare *prep) {
    prep->ins->p[0] = prep->attr[0];
    prep->cost_ns = 2;
    prep->ins->fn = prep->in[0]->dtype == HL_INT64 ? count_up_64 : count_up_32;
    return HL_OK;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

typedef struct scatter {
    int64_t rows;      /* of the variable */
    int64_t count;     /* indices */
    int64_t row;       /* elements of one row */
    bool wide;         /* int64 indices */
    bool scalar;       /* one update for all rows */
} scatter;

/* All indices are looked at before the first row is written: a step that fails changes nothing. */
static hl_status check_indices(const scatter *s, const void *indices, hl_run *run) {
    const int64_t unfit = first_unfit(indices, s->wide, s->count, s->rows);
    if (unfit >= 0)
        return hl_fail(run, HL_INVALID_ARGUMENT, "indices[%lld] = %lld is not in [0, %lld)", (long long)unfit,
                       (long long)index_at(indices, s->wide, unfit), (long long)s->rows);
    return HL_OK;
}

#define SCATTER_ROWS(S, C, LOAD, STORE, EXPR, columns, at)                                   \
    for (int64_t i = 0; i < s->count; i++) {                                                 \
        S *row = (S *)ins->arg[0] + index_at(ins->arg[1], s->wide, i) * (columns);           \
        for (int64_t k = 0; k < (columns); k++) {                                            \
            const C x = LOAD(row[k]), y = LOAD(updates[at]);                                 \
            (void)x;                                                                         \
            row[k] = (S)STORE((C)(EXPR));                                                    \
        }                                                                                    \
    }
#define SCATTER(tag, dtype, S, C, LOAD, STORE, op, EXPR)                                     \
    static hl_status op##_##tag(const hl_instr *ins, hl_run *run) {                          \
        const scatter *s = ins->p[2].p;                                                      \
        const hl_status status = check_indices(s, ins->arg[1], run);                         \
        if (status != HL_OK) return status;                                                  \
        const S *updates = ins->arg[2];                                                      \
        const int64_t columns = s->row;                                                      \
        if (s->scalar) SCATTER_ROWS(S, C, LOAD, STORE, EXPR, columns, 0)                     \
        else if (columns == 1) SCATTER_ROWS(S, C, LOAD, STORE, EXPR, 1, i)                   \
        else SCATTER_ROWS(S, C, LOAD, STORE, EXPR, columns, i * columns + k)                 \
        return HL_OK;                                                                        \
    }
EACH_NUMBER(SCATTER, scatter_update, y)
EACH_BOOL(SCATTER, scatter_update, y)
EACH_COMPLEX(SCATTER, scatter_update, y)
EACH_NUMBER(SCATTER, scatter_add, x + y)
EACH_COMPLEX(SCATTER, scatter_add, x + y)
EACH_NUMBER(SCATTER, scatter_sub, x - y)
EACH_COMPLEX(SCATTER, scatter_sub, x - y)
EACH_NUMBER(SCATTER, scatter_mul, x *y)
EACH_COMPLEX(SCATTER, scatter_mul, x *y)
EACH_COMPLEX(SCATTER, scatter_div, x / y)
EACH_FLOAT(SCATTER, scatter_div, x / y)
EACH_SIGNED(SCATTER, scatter_div, y == 0 ? 0 : y == -1 ? 0 - x : x / y)
EACH_UNSIGNED(SCATTER, scatter_div, y == 0 ? 0 : x / y)
EACH_NUMBER(SCATTER, scatter_min, y < x ? y : x)
EACH_NUMBER(SCATTER, scatter_max, y > x ? y : x)

/* scatter_sub of updates that are first multiplied by the last operand, a scalar: a learning rate. */
#define SCATTER_SCALED(tag, dtype, S, C, LOAD, STORE, op)                        \
    static hl_status op##_##tag(const hl_instr *ins, hl_run *run) {              \
        const scatter *s = ins->p[2].p;                                          \
        const hl_status status = check_indices(s, ins->arg[1], run);             \
        if (status != HL_OK) return status;                                      \
        const S *update = ins->arg[2], scale = *(const S *)ins->arg[3];          \
        S *variable = ins->arg[0];                                               \
        if (s->row == 1)                                                         \
            for (int64_t i = 0; i < s->count; i++) variable[index_at(ins->arg[1], s->wide, i)] -= update[i] * scale; \
        else                                                                     \
            for (int64_t i = 0; i < s->count; i++, update += s->row) {           \
                S *row = variable + index_at(ins->arg[1], s->wide, i) * s->row;  \
                IVDEP for (int64_t k = 0; k < s->row; k++) row[k] -= update[k] * scale; \
            }                                                                    \
        return HL_OK;                                                            \
    }
EACH_WIDE_FLOAT(SCATTER_SCALED, scatter_sub_scaled)

/* A variable without axes is one row. */
static int64_t rows_of(const hl_tensor *variable) { return variable->rank ? variable->dims[0] : 1; }

/* check_rows: (variable, indices). Fails where one is no row. */
static hl_status run_check_rows(const hl_instr *ins, hl_run *run) { return check_indices(ins->p[2].p, ins->arg[1], run); }

static hl_status prepare_check_rows(hl_prepare *prep) {
    scatter *s = prep->params;
    s->rows = rows_of(prep->in[0]);
    s->count = prep->in[1]->size;
    s->wide = prep->in[1]->dtype == HL_INT64;
    prep->cost_ns = 5 + (double)s->count;
    prep->ins->fn = run_check_rows;
    return HL_OK;
}

static hl_status prepare_scatter(hl_prepare *prep) {
    scatter *s = prep->params;
    const hl_tensor *variable = prep->in[0], *updates = prep->in[2];
    s->rows = rows_of(variable);
    s->count = prep->in[1]->size;
    s->row = 1;
    for (int axis = 1; axis < variable->rank; axis++) s->row *= variable->dims[axis];
    s->wide = prep->in[1]->dtype == HL_INT64;
    s->scalar = updates->rank == 0;
    prep->cost_ns = (double)(s->count * s->row) * 0.4 + (double)s->count * 5 + 5;
    if (!s->scalar && updates->size != s->count * s->row)
        return hl_refuse(prep, HL_INVALID_ARGUMENT, "expected %lld updates, got %lld", (long long)(s->count * s->row),
                         (long long)updates->size);
    return HL_OK;
}

#define PREPARE_SCATTER(op, more)                                                                 \
    static hl_status prepare_##op(hl_prepare *prep) {                                             \
        const hl_status status = prepare_scatter(prep);                                           \
        if (status != HL_OK) return status;                                                       \
        switch (prep->in[0]->dtype) {                                                             \
            EACH_NUMBER(UPDATE_CASE, op)                                                          \
            more                                                                                  \
        default: return hl_no_kernel(prep, NULL);                                                 \
        }                                                                                         \
    }
PREPARE_SCATTER(scatter_update, EACH_BOOL(UPDATE_CASE, scatter_update) EACH_COMPLEX(UPDATE_CASE, scatter_update))
PREPARE_SCATTER(scatter_add, EACH_COMPLEX(UPDATE_CASE, scatter_add))
PREPARE_SCATTER(scatter_sub, EACH_COMPLEX(UPDATE_CASE, scatter_sub))
PREPARE_SCATTER(scatter_mul, EACH_COMPLEX(UPDATE_CASE, scatter_mul))
PREPARE_SCATTER(scatter_div, EACH_COMPLEX(UPDATE_CASE, scatter_div))
PREPARE_SCATTER(scatter_min, )
PREPARE_SCATTER(scatter_max, )

static hl_status prepare_scatter_sub_scaled(hl_prepare *prep) {
    const hl_status status = prepare_scatter(prep);
    if (status != HL_OK) return status;
    switch (prep->in[0]->dtype) {
        EACH_WIDE_FLOAT(UPDATE_CASE, scatter_sub_scaled)
    default: return hl_no_kernel(prep, NULL);
    }
}

static const hl_kernel table[] = {
    {"assign", prepare_assign, 0},
    {"count_up_to", prepare_count_up, 0},
    {"assign_add", prepare_assign_add, 0},
    {"assign_sub", prepare_assign_sub, 0},
    {"scatter_update", prepare_scatter_update, sizeof(scatter)},
    {"scatter_add", prepare_scatter_add, sizeof(scatter)},
    {"scatter_sub", prepare_scatter_sub, sizeof(scatter)},
    {"scatter_sub_scaled", prepare_scatter_sub_scaled, sizeof(scatter)},
    {"check_rows", prepare_check_rows, sizeof(scatter)},
    {"scatter_mul", prepare_scatter_mul, sizeof(scatter)},
    {"scatter_div", prepare_scatter_div, sizeof(scatter)},
    {"scatter_min", prepare_scatter_min, sizeof(scatter)},
    {"scatter_max", prepare_scatter_max, sizeof(scatter)},
};

HL_FAMILY(state, table);
