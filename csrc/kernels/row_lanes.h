/* One row of more than VEC_LANES elements, in lanes: included once for each type by what adds rows up, or puts them together otherwise.
 *
 * Expects TYPE, VEC, VEC_LANES, NAME(x), ROW_ARGUMENTS with `const TYPE *x` and `int64_t n` among them, LANES_AT(at, count), which
 * is the lanes of `count` elements, COMBINED(a, b) and ASK_AHEAD(x).
 */
SIMD_INLINE VEC NAME(row_lanes)(ROW_ARGUMENTS) {
    VEC v = LANES_AT(0, VEC_LANES);
    int64_t at = VEC_LANES;
    if (n >= 4 * VEC_LANES) {
        VEC a = LANES_AT(at, VEC_LANES), b = LANES_AT(2 * VEC_LANES, VEC_LANES), c = LANES_AT(3 * VEC_LANES, VEC_LANES);
        ASK_AHEAD(x);
        for (at = 4 * VEC_LANES; at + 4 * VEC_LANES <= n; at += 4 * VEC_LANES) {
            ASK_AHEAD(x + at);
            v = COMBINED(v, LANES_AT(at, VEC_LANES));
            a = COMBINED(a, LANES_AT(at + VEC_LANES, VEC_LANES));
            b = COMBINED(b, LANES_AT(at + 2 * VEC_LANES, VEC_LANES));
            c = COMBINED(c, LANES_AT(at + 3 * VEC_LANES, VEC_LANES));
        }
        v = COMBINED(COMBINED(v, a), COMBINED(b, c));
    }
    for (; at + VEC_LANES <= n; at += VEC_LANES) v = COMBINED(v, LANES_AT(at, VEC_LANES));
    return at < n ? COMBINED(v, LANES_AT(at, (int)(n - at))) : v;
}
#undef ROW_ARGUMENTS
#undef LANES_AT
#undef COMBINED
