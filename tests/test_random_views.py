"""Random programs of matrices that are turned, reversed, repeated, joined and taken apart: plan and reference executor agree.

Shapes are pairs of names, which feeds or the graph give sizes; each step may take any matrix of a shape that fits.
"""

import numpy as np
import pytest

import hookloop as tf

from .test_random_graphs import assert_equal_runs, outcomes, reference_executor

ELEMENTWISE = (tf.tanh, tf.sigmoid, tf.sin, tf.nn.softplus, lambda x: x * 0.5 + 1)
SIZES = (1, 2, 3, 5, 17, 40)


class Program:
    """Matrices over the sizes a, b and c, of which `known` says the numbers or None."""

    def __init__(self, random, known):
        self.random = random
        self.left = tf.placeholder(tf.float64, [known and known[0], known and known[1]])
        self.right = tf.placeholder(tf.float64, [known and known[1], known and known[2]])
        shapes = tf.shape(self.left), tf.shape(self.right)
        self.sizes = {"a": shapes[0][0], "b": shapes[0][1], "c": shapes[1][1], "1": 1}
        self.matrices = [(self.left, "ab"), (self.right, "bc")]
        for _ in range(random.randint(3, 12)):
            self.step()

    def choose(self, items):
        return items[self.random.randint(len(items))]

    def any_of(self, fits):
        return self.choose([found for found in self.matrices if fits(found[1])])[0]

    def same(self, shape):
        return self.any_of(lambda other: other == shape)

    def step(self):
        x, shape = self.choose(self.matrices[-5:])
        move = self.choose(
            (self.apply, self.turn, self.reverse, self.multiply, self.add, self.join, self.reduce, self.repeat)
        )
        self.matrices.append(move(x, shape))

    def apply(self, x, shape):
        return self.choose(ELEMENTWISE)(x), shape

    def turn(self, x, shape):
        return tf.transpose(x), shape[::-1]

    def reverse(self, x, shape):
        return tf.reverse(x, [self.random.randint(2)]), shape

    def multiply(self, x, shape):
        """A sum of products with what has the same shape, as they are or turned, of which one may be added several times."""

        def product():
            return tf.matmul(tf.sin(x), tf.sin(self.same(shape)), transpose_b=True)

        shared = product()
        terms = (
            lambda: shared, lambda: tf.transpose(shared), product, lambda: tf.transpose(product()), lambda: product()[::-1],
        )  # fmt: skip
        return tf.add_n([self.choose(terms)() for _ in range(self.random.randint(1, 5))]), shape[0] * 2

    def add(self, x, shape):
        return tf.add_n([x, self.same(shape), tf.tanh(self.same(shape)), x][: self.random.randint(2, 5)]), shape

    def join(self, x, shape):
        """A part of what is joined."""
        axis = self.random.randint(2)
        joined = self.choose(ELEMENTWISE)(tf.concat([x, self.same(shape)], axis))
        return tf.split(joined, 2, axis)[self.random.randint(2)], shape

    def reduce(self, x, shape):
        axis = self.random.randint(2)
        return tf.reduce_mean(x, axis, keepdims=True), shape[:axis] + "1" + shape[axis + 1 :]

    def repeat(self, x, shape):
        wanted = [self.choose("abc") if name == "1" else name for name in shape]
        return tf.broadcast_to(x, [self.sizes[name] for name in wanted]), "".join(wanted)


@pytest.mark.parametrize("are_known", [True, False], ids=["sizes of the graph", "sizes of feeds"])
@pytest.mark.parametrize("seed", range(60))
def test_executors_agree(seed, are_known):
    random = np.random.RandomState(seed)
    runs = [random.choice(SIZES, 3) for _ in range(1 if are_known else 3)]
    program = Program(random, [int(size) for size in runs[0]] if are_known else None)
    results = [matrix for matrix, _ in program.matrices[2:]]
    loss = tf.add_n([tf.reduce_sum(tf.sin(matrix)) for matrix in results[-3:]])
    gradients = [g for g in tf.gradients(loss, [program.left, program.right]) if g is not None]
    feeds = [
        {program.left: random.standard_normal((a, b)), program.right: random.standard_normal((b, c))}
        for a, b, c in runs
    ]
    found = outcomes([*results[-3:], loss, *gradients], feeds)
    with reference_executor():
        assert_equal_runs(found, outcomes([*results[-3:], loss, *gradients], feeds))
