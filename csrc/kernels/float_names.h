/* What simd.h and vector_math.h have for floats or for doubles, under one name for both: templates of kernels are written in these.
 *
 * A template is included with FLOATS defined as f32, and again as f64: NAME(x) is then x_f32 or x_f64, LOAD is load_f32 or
 * load_f64, and so on. */
#ifndef HOOKLOOP_FLOAT_NAMES_H
#define HOOKLOOP_FLOAT_NAMES_H

#include "simd.h"

typedef float real_f32;
typedef double real_f64;
typedef int32_t index_f32; /* integers as wide as the floats */
typedef int64_t index_f64;
enum { LANES_f32 = F32_LANES, LANES_f64 = F64_LANES };

#define JOINED_NAMES(name, floats) name##_##floats
#define JOINED(name, floats) JOINED_NAMES(name, floats)
#define NAME(name) JOINED(name, FLOATS)

#define REAL NAME(real)
#define INDEX NAME(index)
#define VEC NAME(simd)
#define LANES NAME(LANES)
#define LANE_INDEX NAME(lane_index)()
#define LOAD NAME(load)
#define LOAD_PART NAME(load_part)
#define LOAD_INTO NAME(load_into)
#define STORE NAME(store)
#define STORE_PART NAME(store_part)
#define STORE_FROM NAME(store_from)
#define SPLAT NAME(splat)
#define SELECT NAME(select)
#define MAX NAME(max)
#define ANY_NAN NAME(any_nan)
#define SUM_ROWS NAME(sum_rows)
#define SUM_LANES NAME(sum_lanes)
#define SUM_PARTS NAME(sum_parts)
#define TRANSPOSE NAME(transpose)
#define TRANSPOSE_HALVES NAME(transpose_halves)
#define EVEN_LANES NAME(even_lanes)
#define ODD_LANES NAME(odd_lanes)
#define INTERLEAVE_LOW NAME(interleave_low)
#define INTERLEAVE_HIGH NAME(interleave_high)

#endif
