"""Elements and rows set, added to and subtracted from by coordinates, on both executors."""

import numpy as np
import pytest

import hookloop as tf

X = np.arange(24, dtype="float32").reshape(4, 3, 2)
INDICES = {1: [[1], [3], [1]], 2: [[[0, 1]], [[3, 2]], [[0, 1]]]}
FUNCTIONS = {"add": np.add.at, "sub": np.subtract.at, "update": lambda x, at, y: x.__setitem__(at, y)}


def run(fetch, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetch, feeds)


def updates_for(depth, dtype="float32"):
    shape = np.shape(INDICES[depth])[:-1] + X.shape[depth:]
    return (np.arange(np.prod(shape)).reshape(shape) * 10 + 100).astype(dtype)


def scattered(name, x, depth):
    out = x.copy()
    FUNCTIONS[name](out, tuple(np.moveaxis(np.array(INDICES[depth]), -1, 0)), updates_for(depth, x.dtype))
    return out


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "int64"])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_tensors(executor, name, depth, dtype):
    x = X.astype(dtype)
    found = run(getattr(tf, f"tensor_scatter_{name}")(x, INDICES[depth], updates_for(depth, dtype)))
    np.testing.assert_array_equal(found, scattered(name, x, depth))


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_variables(executor, name, use_resource):
    variable = tf.Variable(X, use_resource=use_resource)
    updated = getattr(tf, f"scatter_nd_{name}")(variable, INDICES[2], updates_for(2))
    with tf.Session() as session:
        session.run(variable.initializer)
        np.testing.assert_array_equal(session.run(updated), scattered(name, X, 2))
        np.testing.assert_array_equal(session.run(variable), scattered(name, X, 2))


def test_a_failed_update_changes_nothing(executor):
    variable = tf.Variable([1.0, 2.0, 3.0])
    indices = tf.placeholder(tf.int32, [2, 1])
    update = tf.scatter_nd_update(variable, indices, [7.0, 8.0])
    with tf.Session() as session:
        session.run(variable.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(update, {indices: [[0], [3]]})
        assert list(session.run(variable)) == [1, 2, 3]


def test_gradients(executor):
    x, y = tf.placeholder(tf.float64, [4]), tf.placeholder(tf.float64, [2])
    weights = [1.0, 2.0, 3.0, 4.0]
    wanted = {"add": (weights, [4, 2]), "sub": (weights, [-4, -2]), "update": ([1, 0, 3, 0], [4, 2])}
    for name, values in wanted.items():
        out = getattr(tf, f"tensor_scatter_nd_{name}")(x, [[3], [1]], y)
        found = run(tf.gradients(tf.reduce_sum(out * weights), [x, y]), {x: np.zeros(4), y: np.zeros(2)})
        assert [list(g) for g in found] == [list(v) for v in values]


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match="inner 1 dimensions of input.shape=.* must match the inner 1 dimensions of updates"
    ):
        tf.tensor_scatter_add(tf.ones([4, 2]), [[0]], [[1.0, 2.0, 3.0]])


def of_places(scattered, shape, indices, updates, known):
    """What is scattered into a tensor or variable of this shape, of shapes that the graph knows or not."""
    with tf.Graph().as_default():
        given = [
            tf.constant(v) if known else tf.placeholder_with_default(np.asarray(v), None) for v in (indices, updates)
        ]
        return run(scattered(np.zeros(shape, "float32"), *given))


SCATTERED = {
    "nd": lambda x, indices, updates: tf.scatter_nd(indices, updates, np.array(x.shape, "int32")),
    "tensor": lambda x, indices, updates: tf.tensor_scatter_add(tf.constant(x), indices, updates),
    "ref": lambda x, indices, updates: tf.scatter_nd_add(tf.get_variable("v", initializer=x), indices, updates),
    "resource": lambda x, indices, updates: tf.scatter_nd_update(
        tf.get_variable("v", initializer=x, use_resource=True), indices, updates
    ),
}


@pytest.mark.parametrize("kind", SCATTERED)
@pytest.mark.parametrize("known", [True, False])
def test_updates_that_are_not_a_slice_for_each_place_are_refused(executor, kind, known):
    error = ValueError if known else tf.errors.InvalidArgumentError
    ones = np.ones((3, 2), "float32")
    with pytest.raises(error, match="Shape must be at least rank 1 but is rank 0"):
        of_places(SCATTERED[kind], [2], np.int32([1]), np.float32(3), known)
    with pytest.raises(
        error, match=r"The outer 1 dimensions of indices.shape=.* must match the outer 1|sizes 3 and 2 do not fit"
    ):
        of_places(SCATTERED[kind], [3, 2], np.int32([[0], [1]]), ones, known)
    with pytest.raises(
        error, match=r"The outer 1 dimensions of indices.shape=.* must match the outer 1|sizes 1 and 3 do not fit"
    ):
        of_places(SCATTERED[kind], [3, 2], np.int32([[0], [1], [2]]), ones[:1], known)


@pytest.mark.parametrize("kind", SCATTERED)
@pytest.mark.parametrize("known", [True, False])
def test_a_place_is_one_of_a_list(executor, kind, known):
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="The outermost dimension of updates and indices must match"
    ):
        of_places(SCATTERED[kind], [2, 3, 3], np.int32([1]), np.ones((3, 3), "float32"), known)


@pytest.mark.parametrize("kind", SCATTERED)
def test_nothing_is_put_into_nothing(executor, kind):
    with pytest.raises(ValueError, match="Indices and updates specified for empty output shape"):
        of_places(SCATTERED[kind], [3, 0], np.int32([[0]]), np.ones((1, 0), "float32"), True)
    none = of_places(SCATTERED[kind], [3, 0], np.zeros((0, 1), "int32"), np.ones((0, 0), "float32"), True)
    assert none is None or none.shape == (3, 0)


@pytest.mark.parametrize("rows", [0, 3])
def test_places_without_coordinates_are_refused(executor, rows):
    indices, updates = np.zeros((rows, 0), "i"), np.ones((rows, 2, 2), "f")
    texts = {0: r"Only indices.shape\[-1\] values between 1 and 5", 3: r"empty output.  indices shape: \[3,0\]"}
    variable = tf.get_variable("v", [2, 2], initializer=tf.ones_initializer(), use_resource=True)
    update = tf.raw_ops.ResourceScatterNdUpdate(ref=variable.handle, indices=indices, updates=updates)
    with tf.Session() as session:
        session.run(variable.initializer)
        for node in (
            update,
            tf.scatter_nd(indices, updates, [2, 2]),
            tf.tensor_scatter_add(variable, indices, updates),
        ):
            with pytest.raises(tf.errors.InvalidArgumentError, match=texts[rows]):
                session.run(node)
        assert session.run(variable).tolist() == [[1, 1], [1, 1]]
        assert session.run(tf.scatter_nd(indices, np.ones((rows, 0, 2), "f"), [0, 2])).shape == (0, 2)


@pytest.mark.parametrize(
    ("name", "wanted"), [("Add", 7), ("Sub", -1), ("Mul", 12), ("Div", 0.75), ("Min", 2), ("Max", 3), ("Update", 2)]
)
def test_a_resource_variable_without_axes_is_one_row(executor, name, wanted):
    variable = tf.get_variable("v", initializer=3.0, use_resource=True)
    function = getattr(tf.raw_ops, "ResourceScatter" + name)
    index = tf.placeholder(tf.int32, [None])
    changed = function(resource=variable.handle, indices=index, updates=tf.fill(tf.shape(index), 2.0))
    plain = tf.get_variable("plain", initializer=3.0, use_resource=False)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(changed, {index: [0, 0]})
        assert session.run(variable) == wanted
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = 1 is not in \[0, 1\)"):
            session.run(changed, {index: [0, 1]})
        assert session.run(variable) == wanted
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"params must be at least 1-D, got shape \[\]"):
            session.run(tf.scatter_add(plain, [0], [2.0]))


def test_rows_of_a_scalar_variable_are_refused():
    variable = tf.get_variable("v", initializer=3.0, use_resource=True)
    with pytest.raises(ValueError, match="Shape must be at least rank 1 but is rank 0"):
        tf.raw_ops.ResourceGather(resource=variable.handle, indices=[0], dtype=tf.float32)


def test_one_place_is_no_list_of_places(executor):
    with tf.Session() as session:
        for kind in ("add", "sub", "update"):
            node = getattr(tf, f"tensor_scatter_{kind}")(
                tf.zeros([2, 2]), tf.placeholder_with_default([1], None), tf.ones([2, 2])
            )
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="The outermost dimension of updates and indices must match"
            ):
                session.run(node)


def test_slices_without_axes_are_refused_whatever_the_places():
    places = tf.placeholder(tf.int32, None)
    for build in (lambda: tf.scatter_nd(places, 1.0, [3]), lambda: tf.tensor_scatter_add(tf.zeros([3]), places, 1.0)):
        with pytest.raises(ValueError, match="Shape must be at least rank 1 but is rank 0"):
            build()


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_rows_without_elements_may_be_changed(executor, use_resource):
    variable = tf.get_variable("v", initializer=np.zeros((2, 0, 4), np.float32), use_resource=use_resource)
    changed = tf.scatter_mul(variable, [0, 1, 0], np.zeros((3, 0, 4), np.float32))
    with tf.Session() as session:
        session.run(variable.initializer)
        assert session.run(changed).shape == (2, 0, 4)
