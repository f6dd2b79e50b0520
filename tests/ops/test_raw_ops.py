"""Ops that only `tf.raw_ops` has: TensorFlow 1.15's values and gradients (fixtures/raw_ops.json.gz, by raw_ops_program.py)."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..fixtures import raw_ops_program as program

RECORDED = json.loads(gzip.decompress((Path(__file__).parent.parent / "fixtures" / "raw_ops.json.gz").read_bytes()))
# A few units in the last place; 16-bit numbers are rounded after every step there.
ROUNDING = {
    "float32": 3e-6,
    "float64": 1e-12,
    "float16": 4e-3,
    "bfloat16": 3e-2,
    "complex64": 3e-6,
    "complex128": 1e-12,
}


@pytest.mark.parametrize("key", RECORDED["updates"])
def test_updates_of_variables(key, executor):
    name, dtype = key.split("-")
    for state, value in program.updated(tf, name, dtype).items():
        wanted = RECORDED["updates"][key][state]
        np.testing.assert_allclose(value, wanted, ROUNDING[dtype], ROUNDING[dtype], err_msg=state)


@pytest.mark.parametrize("key", RECORDED["cases"])
def test_values_and_gradients(key, executor):
    name, dtype = key.rsplit("-", 1)
    found, wanted = program.found(tf, name, dtype), RECORDED["cases"][key]
    assert found["dtypes"] == wanted["dtypes"] and found["shapes"] == wanted["shapes"]
    assert found["slopes"].keys() == wanted["slopes"].keys()
    pairs = list(zip(found["values"], wanted["values"]))
    pairs += [(found["slopes"][key], wanted["slopes"][key]) for key in wanted["slopes"]]
    for (shape, values), (wanted_shape, wanted_values) in pairs:
        assert shape == wanted_shape
        if dtype in ROUNDING and not any(isinstance(value, str) for value in wanted_values):
            np.testing.assert_allclose(values, wanted_values, ROUNDING[dtype], ROUNDING[dtype])
        else:
            assert values == wanted_values


@pytest.mark.parametrize("open_shape", (False, True))
@pytest.mark.parametrize("name", [name for name in program.CASES if name.startswith(("diag", "set_diag"))])
def test_gradients_that_tensorflow_has_not_or_wrongly(name, open_shape, executor):
    case = program.CASES[name]
    inputs = {}
    for key, value in case.inputs.items():
        value = np.asarray(value)
        inputs[key] = tf.placeholder_with_default(value, [None] * value.ndim if open_shape else value.shape)
    made = eval(case.expression, {"raw": tf.raw_ops, "tf": tf}, inputs)
    weights = tf.placeholder(tf.float64, None)
    slopes = tf.gradients(tf.reduce_sum(made * weights), list(inputs.values()))
    with tf.Session() as session:
        chosen = np.cos(np.arange(session.run(tf.size(made)))).reshape(session.run(tf.shape(made)))
        found = session.run(slopes, {weights: chosen})
        for (key, tensor), slope in zip(inputs.items(), found):
            value, wanted = np.asarray(case.inputs[key]), np.zeros(np.shape(case.inputs[key]))
            for place in np.ndindex(*value.shape):
                ahead, behind = np.array(value), np.array(value)
                ahead[place] += 0.5
                behind[place] -= 0.5
                up, down = (session.run(made, {tensor: moved}) for moved in (ahead, behind))
                wanted[place] = np.sum((up - down) * chosen)
            np.testing.assert_allclose(slope, wanted, 1e-9, 1e-9)


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ("Dimension must be 3 but is 2|must be equal, but are 2 and 3",
         lambda raw: raw.TridiagonalSolve(diagonals=np.zeros((2, 4)), rhs=np.zeros((4, 1)))),
        ("Dimensions must be equal, but are 4 and 5", lambda raw: raw.TridiagonalSolve(diagonals=np.zeros((3, 4)), rhs=np.zeros((5, 1)))),
        ("Shapes must be equal rank, but are 1 and 0", lambda raw: raw.TridiagonalSolve(diagonals=np.zeros((2, 3, 4)), rhs=np.zeros((4, 1)))),
        ("Dimension 0 in both shapes must be equal, but are 2 and 1",
         lambda raw: raw.TridiagonalMatMul(superdiag=np.zeros((2, 4)), maindiag=np.zeros((1, 4)), subdiag=np.zeros((1, 4)), rhs=np.zeros((4, 2)))),
        ("Input must have last dimension > n = 3 but is 3", lambda raw: raw.NthElement(input=[3.0, 1.0, 2.0], n=3)),
        ("must be non-negative but is -1", lambda raw: raw.NthElement(input=[3.0, 1.0], n=-1)),
        ("Input must be scalar but has rank 1", lambda raw: raw.NthElement(input=[3.0, 1.0], n=[1])),
        ("Dimension size must be evenly divisible by 8 but is 7", lambda raw: raw.CompareAndBitpack(input=np.zeros((2, 7)), threshold=np.float64(1))),
        ("Shapes must be equal rank, but are 1 and 0", lambda raw: raw.ApproximateEqual(x=[1.0], y=1.0)),
        ("Shape must be rank 1 but is rank 2", lambda raw: raw.Reverse(tensor=np.zeros((2, 3)), dims=[True])),
        ("Unsupported method: x", lambda raw: raw.Fingerprint(data=["a"], method="x")),
        ("lower_diag_index is out of bound", lambda raw: raw.MatrixDiagPartV2(input=np.zeros((3, 4)), k=4, padding_value=np.float64(0))),
        ("lower_diag_index is greater than upper_diag_index", lambda raw: raw.MatrixDiagPartV2(input=np.zeros((3, 4)), k=[2, 1], padding_value=np.float64(0))),
        ("It has 3 elements", lambda raw: raw.MatrixDiagPartV2(input=np.zeros((3, 4)), k=[1, 2, 3], padding_value=np.float64(0))),
        ("num_rows is too small", lambda raw: raw.MatrixDiagV2(diagonal=np.zeros(3), k=1, num_rows=2, num_cols=6, padding_value=np.float64(0))),
        ("num_rows and num_cols are not consistent", lambda raw: raw.MatrixDiagV2(diagonal=np.zeros(3), k=1, num_rows=5, num_cols=6, padding_value=np.float64(0))),
        ("doesn't match the number of diagonals", lambda raw: raw.MatrixDiagV2(diagonal=np.zeros((2, 3)), k=[-1, 1], num_rows=-1, num_cols=-1, padding_value=np.float64(0))),
    ],
)  # fmt: skip
def test_what_is_refused_while_the_graph_is_built(said, make):
    with pytest.raises(ValueError, match=said):
        make(tf.raw_ops)


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ("The matrix is not invertible: it is a scalar with value zero.", lambda raw: tf.linalg.tridiagonal_solve([[0.0]] * 3, [3.0])),
        ("The matrix is not invertible.", lambda raw: tf.linalg.tridiagonal_solve([[1.0, 0], [1.0, 1], [0.0, 1]], [3.0, 4])),
        ("requires pivoting. Try setting partial_pivoting = True.",
         lambda raw: tf.linalg.tridiagonal_solve([[1.0, 0], [0.0, 1], [0.0, 1]], [3.0, 4], partial_pivoting=False)),
        ("Source format must of length 4, received src_format = NHW", lambda raw: raw.DataFormatDimMap(x=[1], src_format="NHW")),
        ("must be of the same letters", lambda raw: raw.DataFormatDimMap(x=[1], dst_format="NCHX")),
        ("1D input must be of size 4, but got shape \\[5\\]", lambda raw: raw.DataFormatVecPermute(x=[1, 2, 3, 4, 5])),
        ("First dimension of 2D input must be of size 4", lambda raw: raw.DataFormatVecPermute(x=[[1, 2], [3, 4]])),
        ("input must be a vector or 2D tensor", lambda raw: raw.DataFormatVecPermute(x=4)),
        ("Unsupported (fingerprint )?method: x", lambda raw: raw.Fingerprint(data=["a"], method=tf.placeholder_with_default("x", None))),
        ("The number of diagonals provided in `diag` is not consistent",
         lambda raw: raw.MatrixSetDiagV2(input=np.zeros((3, 4)), diagonal=np.zeros((4, 3)), k=[-1, 1])),
        ("sizes 2 and 1 do not fit|index 1 is out of bounds for axis 0 with size 1",
         lambda raw: raw.FractionalMaxPoolGrad(orig_input=np.ones((2, 4, 4, 3)), orig_output=np.ones((1, 2, 2, 3)),
                                               out_backprop=np.ones((1, 2, 2, 3)), row_pooling_sequence=[0, 2, 4],
                                               col_pooling_sequence=[0, 2, 4])),
        ("Either first dimensions of diagonal don't match", lambda raw: raw.MatrixSetDiagV2(input=np.zeros((3, 4)), diagonal=np.zeros(2), k=0)),
    ],
)  # fmt: skip
def test_what_is_refused_when_it_is_run(said, make, executor):
    tensor = make(tf.raw_ops)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=said):
        session.run(tensor)


def test_the_matrices_formats_of_three_diagonals_that_are_none():
    with pytest.raises(ValueError, match="Unrecognized diagonals_format: rows"):
        tf.linalg.tridiagonal_solve(np.zeros((3, 2)), np.zeros(2), "rows")
    with pytest.raises(ValueError, match="Expected diagonals to be a sequence of length 3."):
        tf.linalg.tridiagonal_solve([np.zeros(2)], np.zeros(2), "sequence")
    with pytest.raises(ValueError, match="Expected superdiagonal to be have length 4 or 3, got 2."):
        tf.linalg.tridiagonal_solve([np.zeros(2), np.zeros(4), np.zeros(4)], np.zeros(4), "sequence")
    with pytest.raises(ValueError, match="Expected 3 diagonals got 2"):
        tf.linalg.tridiagonal_solve(np.zeros((2, 4)), np.zeros(4))
    with pytest.raises(
        ValueError, match="Expected number of left-hand sided and right-hand sides to be equal, got 4 and 5"
    ):
        tf.linalg.tridiagonal_solve(np.zeros((3, 4)), np.zeros((5, 2)))
    with pytest.raises(ValueError, match="The size of the matrix needs to be known"):
        tf.linalg.tridiagonal_matmul(tf.placeholder(tf.float32, [None, None]), np.zeros((4, 2), np.float32), "matrix")


def test_what_is_fed_says_which_diagonal_and_which_element():
    x, k, n = tf.placeholder(tf.float32, None), tf.placeholder(tf.int32, None), tf.placeholder(tf.int32, [])
    part = tf.raw_ops.MatrixDiagPartV2(input=x, k=k, padding_value=0.0)
    element = tf.raw_ops.NthElement(input=x, n=n)
    value = np.arange(12.0).reshape(3, 4)[::-1]
    with tf.Session() as session:
        assert session.run(part, {x: value, k: 1}).tolist() == [9.0, 6.0, 3.0]
        assert session.run(part, {x: value, k: [-1, 0]}).tolist() == [[8.0, 5.0, 2.0], [4.0, 1.0, 0.0]]
        assert [session.run(element, {x: value, n: i}).tolist() for i in (0, 3)] == [[8.0, 4.0, 0.0], [11.0, 7.0, 3.0]]
        with pytest.raises(tf.errors.InvalidArgumentError, match="Expected a size in"):
            session.run(element, {x: value, n: 4})


@pytest.mark.parametrize("threads", (1, 2))
@pytest.mark.parametrize("columns", (1, 5, 64))
def test_large_systems_of_three_diagonals(columns, threads):
    random = np.random.RandomState(3)
    diagonals, right = random.randn(7, 3, 300), random.randn(7, 300, columns)
    x = tf.linalg.tridiagonal_solve(diagonals, right)
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        found, back = session.run([x, tf.linalg.tridiagonal_matmul(diagonals, x)])
    full = np.zeros((7, 300, 300))
    index = np.arange(300)
    full[:, index, index] = diagonals[:, 1]
    full[:, index[:-1], index[1:]] = diagonals[:, 0, :-1]
    full[:, index[1:], index[:-1]] = diagonals[:, 2, 1:]
    np.testing.assert_allclose(found, np.linalg.solve(full, right), 1e-6, 1e-8)
    np.testing.assert_allclose(back, right, 1e-7, 1e-8)


@pytest.mark.parametrize(("op", "more"), [("ApplyAdagrad", {}), ("ApplyAdagradV2", {"epsilon": 0.5})])
def test_slots_that_are_not_updated_stay_beside_an_infinite_gradient(op, more, executor):
    variable, accumulator = tf.Variable([1.0, 2.0, 3.0]), tf.Variable([4.0, 9.0, 16.0])
    made = getattr(tf.raw_ops, op)(
        var=variable._ref(), accum=accumulator._ref(), lr=0.5, grad=[np.inf, 1.0, 2.0], update_slots=False, **more
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(made)[0] == -np.inf
        assert session.run(accumulator).tolist() == [4.0, 9.0, 16.0]
