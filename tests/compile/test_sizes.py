"""Symbolic sizes: what is proven equal, and what the registers compute."""

import operator

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hookloop.compile import sizes
from hookloop.compile.sizes import Size, SizeTable

_OPERATIONS = {
    sizes.ADD: lambda a, b: a + b,
    sizes.SUB: lambda a, b: a - b,
    sizes.MUL: lambda a, b: a * b,
    sizes.FLOORDIV: lambda a, b: a // b if b else 0,
    sizes.MOD: lambda a, b: a % b if b else 0,
    sizes.MAX: max,
    sizes.MIN: min,
    sizes.BROADCAST: lambda a, b: b if a == 1 else a,
    sizes.EQUAL: lambda a, b: a,
    sizes.INFER: lambda a, b: a // b if b else 0,
}


_BY_OPERATOR = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def evaluate(table, values):
    """All registers, computed as the C runner computes them."""
    registers = list(table.initial)
    for size, value in values.items():
        registers[size.register] = value
    for group in table.operations:
        for operation, out, left, right, _ in group:
            registers[out] = _OPERATIONS[operation](registers[left], registers[right])
    return registers


def test_equal_polynomials_are_one_object():
    table = SizeTable()
    s, t = table.fresh(), table.fresh()
    assert s + t is t + s
    assert (s + 1) * (t + 2) is s * t + 2 * s + t + 2
    assert (s + 3) - 3 is s
    assert s - s == 0 and not isinstance(s - s, Size)


def test_exact_quotients_are_simplified_and_others_are_not():
    table = SizeTable()
    s = table.fresh()
    assert (s * 784) // 784 is s
    assert table.apply(sizes.INFER, s * 6, 3) is s * 2
    assert (s * 5) // 2 is not s
    assert isinstance(s // s, Size)  # s may be 0


def test_a_register_is_there_once_it_is_asked_for():
    table = SizeTable()
    s = table.fresh()
    half = table.apply(sizes.FLOORDIV, s, 2)
    ((own,),), ((made,),) = s.terms, half.terms
    assert table.register_of(own) == s.register and table.register_of(made) is None
    assert table.register(half) == table.register_of(made)


def test_the_order_of_open_sizes_is_no_python_value():
    s = SizeTable().fresh()
    with pytest.raises(TypeError, match="order of symbolic sizes is not known"):
        _ = s < 3
    with pytest.raises(TypeError, match="zero is not known"):
        bool(s)


def expressions():
    leaves = st.sampled_from([("s",), ("t",)]) | st.integers(0, 9).map(lambda n: ("n", n))
    return st.recursive(
        leaves, lambda e: st.tuples(st.sampled_from(["+", "-", "*", "//", "max", "min"]), e, e), max_leaves=8
    )


def _made(expression, table, leaves):
    """The size that an expression of other sizes is."""
    kind = expression[0]
    if kind in leaves:
        return leaves[kind]
    if kind == "n":
        return expression[1]
    left, right = (_made(e, table, leaves) for e in expression[1:])
    if kind in _BY_OPERATOR:
        return _BY_OPERATOR[kind](left, right)
    return table.apply({"//": sizes.FLOORDIV, "max": sizes.MAX, "min": sizes.MIN}[kind], left, right)


def _value(expression, leaves):
    """What the expression means for numbers."""
    kind = expression[0]
    if kind in leaves:
        return leaves[kind]
    if kind == "n":
        return expression[1]
    left, right = (_value(e, leaves) for e in expression[1:])
    if kind in _BY_OPERATOR:
        return _BY_OPERATOR[kind](left, right)
    return {"//": _OPERATIONS[sizes.FLOORDIV], "max": max, "min": min}[kind](left, right)


@given(expressions(), st.integers(0, 50), st.integers(0, 50))
def test_registers_compute_what_the_expression_means(expression, s_value, t_value):
    table = SizeTable()
    s, t = table.fresh(), table.fresh()

    size, value = _made(expression, table, {"s": s, "t": t}), _value(expression, {"s": s_value, "t": t_value})
    register = table.register(size)
    assert evaluate(table, {s: s_value, t: t_value})[register] == value


def test_an_axis_that_is_repeated_once_unless_it_is_empty_keeps_its_size():
    """What a mean's gradient says of an axis that was kept: d * (d // max(d, 1))."""
    table = SizeTable()
    d, e, signed = table.fresh(), table.fresh(), table.fresh(signed=True)
    once = table.apply(sizes.FLOORDIV, d, table.apply(sizes.MAX, d, 1))
    assert d * once is d and once * d is d
    assert e * d * once is e * d and d * once * once is d
    assert e * once is not e and once != 1
    for other in (table.apply(sizes.FLOORDIV, d, table.apply(sizes.MAX, d, 2)), table.apply(sizes.FLOORDIV, d, e)):
        assert d * other is not d
    negative = table.apply(sizes.FLOORDIV, signed, table.apply(sizes.MAX, signed, 1))
    assert signed * negative is not signed  # -3 * -3


@given(expressions(), st.lists(st.integers(0, 40), min_size=2, max_size=2))
def test_a_size_knows_the_groups_that_work_it_out(expression, spare):
    """Its own, and those of all that it is made of, in whatever order the groups were begun."""
    table = SizeTable()
    groups = [table.new_group() for _ in range(41)]
    leaves = {name: table.fresh(groups[g]) for name, g in zip("st", spare)}
    size = _made(expression, table, leaves)
    if isinstance(size, Size):
        wanted = {atom.group for atom in table.atoms_of(size)}
        assert {g for g in range(len(table.operations)) if table.groups_of(size) >> g & 1} == wanted


def test_a_check_of_what_was_checked_is_no_second_check():
    """A recurrence meets the same rows at every step."""
    table = SizeTable()
    s, t = table.fresh(), table.fresh()
    for operation in (sizes.BROADCAST, sizes.EQUAL):
        rows = table.apply(operation, s, t)
        assert table.apply(operation, rows, t) is rows and table.apply(operation, t, rows) is rows
        assert table.apply(operation, rows, s) is rows
        constant = table.apply(operation, s, 32)
        assert table.apply(operation, constant, 32) is constant and table.apply(operation, constant, s) is constant
        assert table.apply(operation, constant, 31) is not constant
        assert table.apply(operation, rows + 1, t) is not rows


def test_sizes_that_share_their_parts_take_no_walk_along_every_path():
    """Whether a size can be negative: along all paths, these 200 steps would take 2 ** 200 visits."""
    table = SizeTable()
    size, signed = table.fresh(), table.fresh(signed=True)
    for _ in range(200):
        size = table.apply(sizes.MAX, size + 1, size * 2)
        signed = table.apply(sizes.MIN, signed + 1, signed * 2)
    assert table.never_negative(size) and not table.never_negative(signed)
    assert table.never_negative(table.apply(sizes.MAX, signed, 0))
