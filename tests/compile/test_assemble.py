"""Assembling: what the flat tables say of jumps, of tensors, of the sizes that an instruction waits for, and of the first write."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.assemble import Assembler, TooManyAxes
from hookloop.compile.ir import ARENA, Buffer, Value
from hookloop.compile.pipeline import Feed, Request, plan_program

from .programs import lowered

TARGET_OF_JUMP = 4  # the column of an instruction's row that says where its attributes begin
GROUP = 7


def assembled(fetches, feeds=None, targets=()):
    feeds = [Feed(tensor, np.shape(value), np.asarray(value)) for tensor, value in (feeds or {}).items()]
    request = Request(list(fetches), list(targets), feeds, lambda key: (2,), {})
    return Assembler(plan_program(request)[1]).run()


def places(plan, kernel):
    return [i for i, name in enumerate(plan["kernels"]) if name == kernel]


def goes_to(plan, place):
    return plan["attrs"][plan["instrs"][place][TARGET_OF_JUMP]]


def test_a_conditional_jumps_over_the_branch_that_is_not_taken():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [3])
    plan = assembled([tf.cond(p, lambda: tf.cumsum(x), lambda: tf.cumprod(x))], {p: True, x: np.ones(3)})
    (skip,), (leave,) = places(plan, "jump_unless"), places(plan, "jump")
    assert goes_to(plan, skip) == leave + 1  # the other branch begins behind what leaves the first
    (total,), (product,) = places(plan, "cumsum"), places(plan, "cumprod")
    assert skip < total < leave < product < goes_to(plan, leave)


def test_a_loop_jumps_back_to_its_condition_and_out_behind_its_body():
    n = tf.placeholder(tf.int32, [])
    plan = assembled([tf.while_loop(lambda i: i < n, lambda i: i + 1, [0])], {n: 3})
    (out,), (back,) = places(plan, "jump_unless"), places(plan, "jump_back")
    assert goes_to(plan, back) < out < back
    assert goes_to(plan, out) == back + 1
    assert plan["interruptible"]


def test_the_first_write_of_a_variable_is_the_commit_point():
    v, x = tf.Variable([1.0, 2.0]), tf.placeholder(tf.float32, [2])
    plan = assembled([tf.exp(x)], {x: np.ones(2)}, targets=[tf.assign_add(v, tf.cumsum(x)).op])
    assert plan["kernels"][plan["commit"]] == "assign_add"
    nothing_written = assembled([tf.exp(x)], {x: np.ones(2)})
    assert nothing_written["commit"] == len(nothing_written["kernels"])


def test_an_instruction_waits_for_the_last_of_its_sizes():
    x = tf.placeholder(tf.float32, [None])
    first = tf.boolean_mask(x, x > 0)
    second = tf.boolean_mask(first, first > 1)
    plan = assembled([tf.cumsum(x), tf.cumsum(first), tf.cumsum(second)], {x: np.arange(4)})
    groups = [plan["instrs"][i][GROUP] for i in places(plan, "cumsum")]
    assert groups[0] == 0 and 0 < groups[1] < groups[2]


def test_what_a_chain_of_sizes_waits_for_is_each_size_before():
    """Each length is read from data, and cut to the length before it."""
    x = tf.placeholder(tf.float32, [None])
    y = x
    for _ in range(5):
        y = tf.slice(y, [0], [tf.cast(y[0], tf.int32)])
    plan = assembled([tf.cumsum(y)], {x: np.full(9, 3.0)})
    (last,) = places(plan, "cumsum")
    waits = {g: list(plan["group_deps"][row[8] : row[8] + row[9]]) for g, row in enumerate(plan["groups"])}
    found, waiting = set(), [int(plan["instrs"][last][GROUP])]
    while waiting:
        found.add(group := waiting.pop())
        waiting += [g for g in waits[group] if g not in found]
    assert found == set(range(1, 6))


def test_values_of_one_place_are_one_tensor():
    x = tf.placeholder(tf.float32, [3])
    assembler = Assembler(lowered([tf.exp(x)], {x: np.ones(3)}))
    buffer = Buffer(ARENA, tf.float32, 6)
    whole, again, matrix = (Value(tf.float32, shape, buffer) for shape in ((6,), (6,), (2, 3)))
    start, end = (Value(tf.float32, (3,), buffer, offset=offset) for offset in (0, 3))
    assert assembler.tensor(whole) == assembler.tensor(again)
    assert len({assembler.tensor(value) for value in (whole, matrix, start, end)}) == 4


def test_tensors_of_too_many_axes_are_refused():
    x = tf.placeholder(tf.float32, [3])
    assembler = Assembler(lowered([tf.exp(x)], {x: np.ones(3)}))
    with pytest.raises(TooManyAxes, match="tensors of at most 10 axes are supported, this needs 11") as caught:
        assembler.instruction("exp", [Value(tf.float32, (1,) * 11, Buffer(ARENA, tf.float32, 1))], node=4)
    assert caught.value.node == 4
