"""Variables, their scopes and what fills them first, as in TensorFlow 1.15."""

import numpy as np
import pytest

import hookloop as tf


def values(*fetches):
    """The fetches of a new session whose variables are initialized."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


@pytest.mark.parametrize("resource", [False, True])
def test_a_variable_and_its_assignments(executor, resource):
    v = tf.Variable([1.0, 2.0], name="v", use_resource=resource)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(v.assign([3.0, 4.0])).tolist() == [3, 4]
        assert session.run(tf.assign_add(v, [1.0, 1.0])).tolist() == [4, 5]
        assert session.run(v.assign_sub([2.0, 2.0])).tolist() == [2, 3]
        v.load([9.0, 8.0], session)
        assert v.eval(session).tolist() == [9, 8]
        assert session.run(v * 2 + v[0]).tolist() == [27, 25]
    assert v.name == "v:0"
    assert v.op.type == ("VarHandleOp" if resource else "VariableV2")


def test_collections():
    a = tf.Variable(1.0, name="a")
    b = tf.Variable(1.0, trainable=False, name="b")
    c = tf.Variable(1.0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES], name="c")
    assert tf.trainable_variables() == [a]
    assert tf.global_variables() == [a, b]
    assert tf.local_variables() == [c]


def test_scopes_prefix_names_and_reuse():
    with tf.variable_scope("outer"):
        with tf.variable_scope("inner") as inner:
            v = tf.get_variable("v", [2])
        with tf.variable_scope(inner, reuse=True):
            assert tf.get_variable("v", [2]) is v
        with tf.variable_scope("inner", reuse=tf.AUTO_REUSE):
            assert tf.get_variable("v", [2]) is v
            assert tf.get_variable("w", [2]).name == "outer/inner/w:0"
    assert v.name == "outer/inner/v:0"


def test_a_second_variable_of_a_name_is_refused():
    tf.get_variable("v", [2])
    with pytest.raises(ValueError, match="Variable v already exists, disallowed. Did you mean to set reuse=True"):
        tf.get_variable("v", [2])
    with tf.variable_scope("", reuse=True), pytest.raises(ValueError, match="Variable w does not exist"):
        tf.get_variable("w", [2])
    with (
        tf.variable_scope("", reuse=True),
        pytest.raises(ValueError, match=r"specified shape \(3,\) and found shape \(2,\)"),
    ):
        tf.get_variable("v", [3])
    with (
        tf.variable_scope("", reuse=True),
        pytest.raises(ValueError, match="specified dtype float64 and found dtype float32"),
    ):
        tf.get_variable("v", [2], tf.float64)


def test_default_names_are_made_unique():
    names = []
    for _ in range(2):
        with tf.variable_scope(None, default_name="layer"):
            names.append(tf.get_variable("w", [1]).name)
    assert names == ["layer/w:0", "layer_1/w:0"]


def test_defaults_of_a_scope(executor):
    with tf.variable_scope("s", initializer=tf.constant_initializer(3.0), dtype=tf.float64) as scope:
        v = tf.get_variable("v", [2])
        scope.set_initializer(tf.zeros_initializer())
        w = tf.get_variable("w", [2])
    found = values(v, w)
    assert [x.tolist() for x in found] == [[3, 3], [0, 0]]
    assert found[0].dtype == np.float64


def test_the_constraint_of_a_scope_is_that_of_no_scope_inside():
    def identity(value):
        return value

    with tf.variable_scope("s", constraint=identity) as scope:
        own = tf.get_variable("w", [2])
        with tf.variable_scope("inside"):
            inside = tf.get_variable("w", [2])
    with tf.variable_scope(scope):
        again = tf.get_variable("v", [2])
    with tf.variable_scope(scope, constraint=identity):
        given = tf.get_variable("u", [2])
    assert [v.constraint for v in (own, inside, again, given)] == [identity, None, None, identity]


def test_custom_getters_wrap_each_other(executor):
    called = []

    def getter_of(mark):
        def getter(getter, name, *args, **kwargs):
            called.append((mark, name))
            return getter(name, *args, **kwargs) * 2.0

        return getter

    with tf.variable_scope("a", custom_getter=getter_of("outer")):
        v = tf.get_variable("v", [2], initializer=tf.ones_initializer(), custom_getter=getter_of("inner"))
    assert values(v)[0].tolist() == [4, 4]
    assert called == [("inner", "a/v"), ("outer", "a/v")]


def test_regularizers_make_losses(executor):
    with tf.variable_scope("a", regularizer=lambda v: 0.5 * tf.reduce_sum(tf.square(v))):
        tf.get_variable("v", [2], initializer=tf.constant_initializer(2.0))
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert [x.name for x in losses] == ["a/v/Regularizer/mul:0"]
    assert values(*losses)[0] == 4.0


def test_initial_values_of_functions_and_other_variables(executor):
    a = tf.Variable(lambda: tf.constant([2.0, 3.0]), name="a")
    b = tf.Variable(a.initialized_value() * 2, name="b")
    assert values(b)[0].tolist() == [4, 6]


def test_initialized_value_waits_for_nothing(executor):
    """A variable that is made of it behind a step was initialized by that step: it wanted its feeds."""
    x = tf.placeholder(tf.float32, [])
    a = tf.Variable(1.0)
    with tf.control_dependencies([a.assign_add(x)]):
        copy = tf.Variable(a.initialized_value())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([copy, a]) == [1, 1]


def test_an_initial_value_behind_thousands_of_operations():
    a = tf.Variable(1.0, name="a")
    value = a
    for _ in range(3000):
        value = value + 1.0
    b = tf.Variable(value * value, name="b")
    c = tf.Variable(tf.constant(2.0) - tf.constant(1.0), name="c")
    assert [float(x) for x in values(b, c)[:2]] == [3001.0**2, 1.0]


@pytest.mark.parametrize("make", [tf.glorot_uniform_initializer, tf.glorot_normal_initializer, tf.variance_scaling_initializer,
                                  tf.random_normal_initializer, tf.truncated_normal_initializer, tf.random_uniform_initializer])  # fmt: skip
def test_seeded_initializers_repeat(executor, make):
    a = tf.get_variable("a", [20, 30], initializer=make(seed=3))
    b = tf.get_variable("b", [20, 30], initializer=make(seed=3))
    first, second = values(a, b)
    np.testing.assert_array_equal(first, second)
    assert first.std() > 0.01


def test_constants(executor):
    a = tf.get_variable("a", [2, 2], initializer=tf.constant_initializer([1.0, 2.0, 3.0]))
    b = tf.get_variable("b", initializer=np.arange(3, dtype=np.int32))
    c = tf.get_variable("c", [2], tf.int32)
    assert [x.tolist() for x in values(a, b, c)] == [[[1, 2], [3, 3]], [0, 1, 2], [0, 0]]


def test_reports_of_what_is_not_initialized(executor):
    tf.Variable(1.0, name="a")
    v = tf.Variable(1.0, name="b")
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(tf.report_uninitialized_variables()).tolist() == [b"a"]
        assert bool(session.run(tf.is_variable_initialized(v)))


# --- in parts ---------------------------------------------------------------------------------------------


def test_a_variable_in_parts(executor):
    v = tf.get_variable("v", [5, 2], initializer=tf.constant_initializer(1.5), partitioner=tf.fixed_size_partitioner(2))
    assert [p.name for p in v] == ["v/part_0:0", "v/part_1:0"]
    assert [p.shape.as_list() for p in v] == [[3, 2], [2, 2]]
    assert [p._get_save_slice_info().spec for p in v] == ["5 2 0,3:0,2", "5 2 3,2:0,2"]
    whole, doubled = values(tf.convert_to_tensor(v), v * 2)
    assert whole.shape == (5, 2)
    assert doubled.tolist() == [[3.0, 3.0]] * 5
    assert tf.convert_to_tensor(v).op.type == "Identity"


def test_a_scope_divides_all_but_scalars():
    with tf.variable_scope("s", partitioner=tf.fixed_size_partitioner(3, axis=1)):
        assert len(tf.get_variable("v", [2, 6])) == 3
    with tf.variable_scope("t", partitioner=tf.fixed_size_partitioner(3)):
        assert tf.get_variable("scalar", []).name == "t/scalar:0"


def test_parts_of_a_constant_are_its_slices(executor):
    v = tf.get_variable("v", initializer=np.arange(6, dtype=np.float32).reshape(3, 2), partitioner=None)
    parts = tf.create_partitioned_variables(
        [3, 2], [3, 1], tf.constant(np.arange(6, dtype=np.float32).reshape(3, 2)), name="p"
    )
    assert [p.name for p in parts] == ["p/part_0:0", "p/part_1:0", "p/part_2:0"]
    found = values(v, *parts)
    np.testing.assert_array_equal(np.concatenate(found[1:]), found[0])


def test_parts_are_found_again():
    with tf.variable_scope("s", partitioner=tf.fixed_size_partitioner(2)):
        v = tf.get_variable("v", [4, 2])
        with pytest.raises(ValueError, match="Partitioned variable with name s/v already exists"):
            tf.get_variable("v", [4, 2])
    with tf.variable_scope("s", partitioner=tf.fixed_size_partitioner(2), reuse=True):
        assert tf.get_variable("v", [4, 2]) is v


def test_partitioners():
    def parts(partitioner, shape, dtype=tf.float32):
        return partitioner(shape=tf.TensorShape(shape), dtype=dtype)

    assert parts(tf.fixed_size_partitioner(4), [2, 3]) == [2, 1]
    assert parts(tf.variable_axis_size_partitioner(64), [32, 4]) == [8, 1]
    assert parts(tf.variable_axis_size_partitioner(64, max_shards=3), [32, 4]) == [3, 1]
    assert parts(tf.min_max_variable_partitioner(10, min_slice_size=64), [32, 4]) == [8, 1]
    assert parts(tf.min_max_variable_partitioner(2, axis=1, min_slice_size=64), [32, 4]) == [1, 2]


def test_a_tensor_as_first_value_is_divided_too(executor):
    with tf.variable_scope("s", partitioner=tf.fixed_size_partitioner(2)):
        v = tf.get_variable("v", initializer=tf.reshape(tf.range(6.0), [3, 2]))
        scalar = tf.get_variable("scalar", [], initializer=tf.ones_initializer())
    assert [part.op.name for part in v] == ["s/v/part_0", "s/v/part_1"] and scalar.op.name == "s/scalar"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(list(v))[1].tolist() == [[4, 5]]


@pytest.mark.parametrize(
    "options, text",
    [
        (
            {"initializer": [1.0, 2.0]},
            "Shape of a new partitioned variable must be fully defined, but instead was <unknown>",
        ),
        ({"shape": [4, None]}, r"must be fully defined, but instead was \(4, \?\)"),
        (
            {"initializer": tf.constant_initializer(1.0), "shape": tf.TensorShape([])},
            r"must have rank at least 1, shape: \(\)",
        ),
        ({"shape": [4], "partitioner": 3}, "Partitioner must be callable, but received: 3"),
    ],
)
def test_what_cannot_be_divided(options, text):
    with tf.variable_scope("s", partitioner=tf.fixed_size_partitioner(2)), pytest.raises(ValueError, match=text):
        tf.get_variable("v", **options)


def test_rows_are_looked_up_in_parts_and_trained(executor):
    table = tf.get_variable("t", [5, 2], initializer=tf.ones_initializer(), partitioner=tf.fixed_size_partitioner(2))
    rows = tf.nn.embedding_lookup(table, [0, 4, 2], partition_strategy="div")
    train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(rows))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(tf.convert_to_tensor(table)).tolist() == [[0.5, 0.5], [1, 1], [0.5, 0.5], [1, 1], [0.5, 0.5]]


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_rows_and_elements_change_through_the_variable_itself(executor, use_resource):
    variable = tf.get_variable("v", initializer=[[1.0, 2.0], [3.0, 4.0]], use_resource=use_resource)
    row = tf.IndexedSlices(tf.constant([[2.0, 5.0]]), [1])
    cases = {
        variable.scatter_mul(row): [6, 20], variable.scatter_div(row): [1.5, 0.8], variable.scatter_max(row): [3, 5],
        variable.scatter_min(row): [2, 4], variable.scatter_nd_add([[1, 0]], [10.0]): [13, 4],
        variable.scatter_nd_sub([[1, 0]], [10.0]): [-7, 4], variable.scatter_nd_update([[1, 0]], [10.0]): [10, 4],
    }  # fmt: skip
    parts = [variable.gather_nd([[0, 1]]), variable.sparse_read([1])]
    with tf.Session() as session:
        for changed, expected in cases.items():
            session.run(variable.initializer)
            np.testing.assert_allclose(session.run(changed), [[1, 2], expected], rtol=1e-6)
        session.run(variable.initializer)
        element, rows = session.run(parts)
    assert element.tolist() == [2] and rows.tolist() == [[3, 4]]


def test_a_resource_variable_after_a_write(executor):
    v = tf.get_variable("v", initializer=[1.0, 2.0], use_resource=True)
    after = v.assign_add([10.0, 10.0])
    assert after.op.type == "AssignAddVariableOp"
    assert after.name == after.op.name
    assert after.handle is v.handle
    twice = after.assign(after * 2.0)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(after).tolist() == [11.0, 12.0]
        session.run(after.op)
        assert session.run(v).tolist() == [21.0, 22.0]
        assert session.run(twice).tolist() == [62.0, 64.0]
        with tf.control_dependencies([v.assign([0.0, 1.0])]):
            last = tf.identity(v.value())
        assert session.run(last).tolist() == [0.0, 1.0]


def test_an_operation_that_fails_where_variables_are_not_initialized(executor):
    v, w = tf.Variable(1.0, name="v"), tf.Variable([2.0], name="w")
    check = tf.assert_variables_initialized()
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value w"):
            session.run(check)
        session.run(w.initializer)
        assert session.run(check).tolist() == [0, 1]


def test_a_variable_of_open_shape_may_be_a_scalar(executor):
    value = tf.placeholder(tf.float32)
    v = tf.Variable(value, validate_shape=False)
    change = tf.assign(v, value + 1.0, validate_shape=False)
    doubled = v * 2.0
    with tf.Session() as session:
        session.run(v.initializer, {value: 5.0})
        assert session.run([v, doubled]) == [5.0, 10.0]
        for number in (7.0, 8.0):
            result = session.run(change, {value: number})
            assert result == number + 1.0 and np.shape(result) == ()
        assert session.run(doubled) == 18.0
        assert session.buffer(v).shape == ()
    constant = tf.Variable(1.5, validate_shape=False)
    with tf.Session() as session:
        session.run(constant.initializer)
        assert session.run(constant) == 1.5


@pytest.mark.parametrize("how", ["run", "callable", "run_steps"])
def test_a_variable_whose_rank_changes_between_runs(how, executor):
    v = tf.Variable(tf.constant([1.0, 2.0]), validate_shape=False)
    p = tf.placeholder(tf.float32)
    write = tf.assign(v, p, validate_shape=False)
    doubled = v * 2.0
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        called = session.make_callable([doubled, v])
        for value in (
            np.float32(5),
            np.ones((2, 3), "f"),
            np.float32(7),
            np.arange(4, dtype="f"),
            np.zeros((0, 2), "f"),
        ):
            session.run(write, {p: value})
            if how == "run":
                found = session.run([doubled, v])
            else:
                found = called() if how == "callable" else session.run_steps([doubled, v], 2)
            np.testing.assert_array_equal(found[0], value * 2)
            np.testing.assert_array_equal(found[1], value)
            assert np.shape(found[1]) == np.shape(value)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_an_assignment_without_validation_changes_the_shape(executor, size):
    """Of a variable whose nodes tell another one, also in requests that were made before."""
    v = tf.Variable(tf.zeros([2]))
    wider = tf.assign(v, tf.fill([size], 2.0), validate_shape=False)
    twice, total = v * 2, tf.reduce_sum(v)
    with tf.Session() as session:
        call = session.make_callable([v, twice])
        session.run(v.initializer)
        for _ in range(2):
            assert [part.tolist() for part in call()] == [[0, 0], [0, 0]]
        assert session.run(total) == 0
        assert session.run(wider).tolist() == [2] * size
        assert [part.tolist() for part in call()] == [[2] * size, [4] * size]
        assert session.run(total) == 2 * size
        text = rf"Assign requires shapes of both tensors to match. lhs shape= \[{size}\] rhs shape= \[2\]"
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(v.initializer)
        session.run(tf.assign(v, tf.zeros([2]), validate_shape=False))
        assert session.run(twice).tolist() == [0, 0]
        session.run(v.initializer)


def _sharing(kind, *nodes):
    """Variables of one name, each with a node that assigns ones and one that reads it."""
    message = tf.GraphDef()
    for name, dtype, shape in nodes:
        number = dtype.as_datatype_enum
        variable = message.node.add(name=name, op=kind)
        variable.attr["dtype"].type = number
        variable.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
        variable.attr["shared_name"].s = b"v"
        variable.attr["container"].s = b""
        ones = message.node.add(name=name + "/ones", op="Const")
        ones.attr["dtype"].type = number
        ones.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.ones(shape), dtype=dtype))
        resource = kind == "VarHandleOp"
        type_name = "dtype" if resource else "T"
        assign = message.node.add(name=name + "/assign", op="AssignVariableOp" if resource else "Assign")
        assign.input.extend([name, name + "/ones"])
        assign.attr[type_name].type = number
        read = message.node.add(name=name + "/read", op="ReadVariableOp" if resource else "Identity", input=[name])
        read.attr[type_name].type = number
    tf.import_graph_def(message, name="")


@pytest.mark.parametrize("kind", ["VarHandleOp", "VariableV2"])
def test_nodes_that_share_a_variable_see_its_shape(executor, kind):
    _sharing(kind, ("a", tf.float32, [2]), ("b", tf.float32, [40]))
    with tf.Session() as session:
        session.run("a/assign")
        assert session.run("b/read:0").tolist() == [1, 1]
        assert session.run(["a/read:0", "b/read:0"])[1].tolist() == [1, 1]
        with pytest.raises(tf.errors.InvalidArgumentError, match="Assign requires shapes of both tensors to match"):
            session.run("b/assign")


@pytest.mark.parametrize("kind", ["VarHandleOp", "VariableV2"])
def test_nodes_that_share_a_variable_have_its_type(executor, kind):
    _sharing(kind, ("a", tf.float32, [2]), ("b", tf.float64, [2]))
    with tf.Session() as session:
        session.run("a/assign")
        for refused in ("b/read:0", "b/assign"):
            with pytest.raises(tf.errors.InvalidArgumentError, match="variable v is of several types"):
                session.run(refused)
        assert session.run("a/read:0").tolist() == [1, 1]


def test_an_op_for_another_type_than_the_variable_is_refused(executor):
    v = tf.Variable(tf.zeros([3, 7], tf.bfloat16), use_resource=True)
    message = v.graph.as_graph_def()
    for node in message.node:
        if node.op in ("AssignVariableOp", "ReadVariableOp"):
            node.attr["dtype"].type = tf.float32.as_datatype_enum
        elif node.name == "zeros":
            node.attr["dtype"].type = tf.float32.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.zeros((3, 7), np.float32)))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match="Trying to assign variable with wrong dtype. Expected bfloat16 got float32",
        ):
            session.run("Variable/Assign")
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match="Trying to read variable with wrong dtype. Expected float32 got bfloat16",
        ):
            session.run("Variable/Read/ReadVariableOp:0")


def test_whether_an_assignments_output_is_initialized(executor):
    v = tf.Variable([1.0, 2.0])
    asked = tf.is_variable_initialized(v)
    message = tf.get_default_graph().as_graph_def()
    node = next(node for node in message.node if node.name == asked.op.name)
    node.input[0] = "Variable/Assign"
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        assert session.run(asked.name)


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_first_value_from_inside_a_loop_is_refused(use_resource):
    def body(i):
        return i + tf.Variable(tf.constant(1), use_resource=use_resource)

    with pytest.raises(ValueError, match="is from inside a control-flow construct"):
        tf.while_loop(lambda i: i < 3, body, [0])
    function = lambda i: i + tf.Variable(lambda: tf.constant(1), use_resource=use_resource)
    count = tf.while_loop(lambda i: i < 3, function, [0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(count) == 3


@pytest.mark.parametrize("reuse", [False, tf.AUTO_REUSE])
def test_a_variable_in_parts_and_a_whole_one_do_not_share_a_name(reuse):
    with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(3)):
        tf.get_variable("v", [9, 2])
    with tf.variable_scope("p", reuse=reuse):
        with pytest.raises(
            ValueError,
            match="^No partitioner was provided, but a partitioned version of the variable was found: p/v/part_0. ",
        ):
            tf.get_variable("v", [9, 2])
    tf.get_variable("whole", [9, 2])
    with tf.variable_scope("", reuse=reuse):
        with pytest.raises(
            ValueError,
            match="^A partitioner was provided, but an unpartitioned version of the variable was found: whole. ",
        ):
            tf.get_variable("whole", [9, 2], partitioner=tf.fixed_size_partitioner(3))
    assert len(tf.global_variables()) == 4


def test_parts_of_another_number_are_not_those_of_the_variable():
    tf.get_variable("v", [9, 2], partitioner=tf.fixed_size_partitioner(3))
    with tf.variable_scope("", reuse=True):
        with pytest.raises(ValueError, match=r"but specified partitions \[2, 1\] and found partitions \[3, 1\]\.$"):
            tf.get_variable("v", [9, 2], partitioner=tf.fixed_size_partitioner(2))


def test_a_variable_in_parts_is_found_again_without_a_partitioner():
    with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(3)):
        whole = tf.get_variable("v", [7, 2])
    with tf.variable_scope("p", reuse=True):
        assert tf.get_variable("v", [7, 2]) is whole is tf.get_variable("v")


def test_rows_of_batches_by_slices(executor):
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    rows = tf.IndexedSlices(tf.constant([[7.0], [8.0]]), tf.constant([[1], [0]]))
    with tf.Session() as session:
        session.run(table.initializer)
        np.testing.assert_array_equal(session.run(table.batch_scatter_update(rows)), [[1, 7], [8, 4]])


def test_what_makes_a_resource():
    assert tf.Variable(1.0, use_resource=True).create.type == "AssignVariableOp"


def test_settings_of_initializers_that_only_have_a_seed():
    for kind in (tf.glorot_uniform_initializer, tf.glorot_normal_initializer):
        settings = kind(seed=3).get_config()
        assert settings == {"seed": 3, "dtype": "float32"} and kind.from_config(settings).seed == 3


def test_a_value_whose_type_is_checked_counts_in_names_and_seeds():
    def nodes(**given):
        with tf.Graph().as_default() as graph:
            tf.get_variable("a", **given)
            return [op.name for op in graph.get_operations()]

    variable = ["a/initial_value", "a", "a/Assign", "a/read"]
    assert nodes(initializer=3) == variable
    assert nodes(initializer=3, dtype=tf.int32) == ["Const", *variable]
    with pytest.raises(
        ValueError, match="Initializer type '<dtype: 'float32'>' and explicit dtype '<dtype: 'float64'>' don't match"
    ):
        nodes(initializer=3.0, dtype=tf.float64)
    with pytest.raises(
        ValueError, match="Initializer type '<dtype: 'float64'>' and explicit dtype '<dtype: 'float32'>' don't match"
    ):
        nodes(initializer=np.ones(2), dtype=tf.float32)
    with pytest.raises(
        ValueError, match="The initializer passed is not valid.*Shape of a new variable .a. must be fully defined"
    ):
        nodes(shape=[None, 2])


def test_names_of_variables_that_say_nothing():
    with pytest.raises(ValueError, match="'' is not a valid node name"):
        tf.get_variable("", [1])
    assert tf.get_variable(None, [1]).name == "Variable:0"
    with tf.variable_scope("s"):
        assert tf.get_variable("", [1]).name == "s:0"
        with pytest.raises(TypeError, match="can only concatenate str"):
            tf.get_variable(None, [1])


@pytest.mark.parametrize(
    "auxiliary, names",
    [(True, ["n/op", "n/op_1", "n/a/op", "n/a/op_1"]), (False, ["n/op", "n/op_1", "n/op_2", "n/op_3"])],
)
def test_the_root_scope_leaves_the_names_of_operations_as_they_are(auxiliary, names):
    root, found = tf.get_variable_scope(), []

    def enter(scope):
        with tf.variable_scope(scope, reuse=tf.AUTO_REUSE, auxiliary_name_scope=auxiliary) as entered:
            found.append(tf.no_op("op").name)
            return entered.name, tf.get_variable("v", []).name

    with tf.name_scope("n"):
        assert enter("") == enter(root) == ("", "v:0")
        with tf.variable_scope("a", auxiliary_name_scope=auxiliary):
            assert enter("")[0] == "a/"
            assert enter(root) == ("", "v:0")
        with tf.variable_scope(root) as entered:
            assert entered.original_name_scope == ""
    assert found == names


# --- devices through which variables are read -------------------------------------------------------------------


def test_a_variable_is_read_through_its_caching_device():
    with tf.device("/job:ps"):
        v = tf.Variable([1.0], caching_device="/job:worker", name="v")
        w = tf.get_variable("w", [4], partitioner=tf.fixed_size_partitioner(2), caching_device=lambda op: "/cpu:1")
    read = v.value().op
    assert (read.name, read.device, read.get_attr("T")) == ("v/read", "/job:worker", tf.float32)
    assert "_class" not in read.node_def.attr and v.device == "/job:ps"
    assert [part.value().op.device for part in w] == ["/job:ps/device:CPU:1"] * 2


def test_a_resource_variable_is_read_once_through_its_caching_device(executor):
    v = tf.Variable([1.0], caching_device="/cpu:0", name="v", use_resource=True)
    assert v.value() is tf.convert_to_tensor(v) and v.value().op.name == "v/Read/Identity"
    added = v.assign_add([1.0])
    assert added.op.inputs[1].op.control_inputs == [v.value().op]
    with tf.control_dependencies([added]):
        both = [v + 10.0, v.read_value() + 10.0]
    with tf.Session() as session:
        session.run(v.initializer)
        assert [x.tolist() for x in session.run(both)] == [[11], [12]]
        assert session.run(v) == 2
    written = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        tf.train.import_meta_graph(written)
        (found,) = tf.trainable_variables()
        assert found.value().op.name == "v/Read/Identity"


def test_variables_of_no_collection_are_reported_as_long_as_they_are_the_only_ones():
    tf.get_variable("v", initializer=1.0, collections=[])
    report = tf.report_uninitialized_variables()
    with tf.Session() as session:
        assert session.run(report).tolist() == [b"v"]
    tf.get_variable("w", initializer=1.0)
    report = tf.report_uninitialized_variables()
    with tf.Session() as session:
        assert session.run(report).tolist() == [b"w"]


@pytest.mark.parametrize("write", ["Assign", "AssignAdd"])
def test_a_variable_that_is_fed_cannot_be_written_in_the_same_run(write):
    v = tf.get_variable("v", initializer=1.0)
    op = v.initializer if write == "Assign" else tf.assign_add(v, 1.0)
    text = f"^Input 0 of node .*{write}.* was passed float32, which is fed, incompatible with expected float32_ref: "
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(op, {v: 5.0})


def test_a_variable_of_an_unknown_shape_that_has_no_value(executor):
    v = tf.Variable(tf.placeholder_with_default([1.0, 2.0], None), validate_shape=False, name="v")
    with tf.Session() as session:
        for fetches in (v, v + 1.0, v.read_value()):
            with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value v"):
                session.run(fetches)
        session.run(v.initializer)
        assert session.run([v, v + 1.0])[1].tolist() == [2, 3]


def test_parts_of_a_variable_are_counted():
    part = tf.Variable([0], name="part")
    whole = {"name": "whole", "shape": [2], "dtype": tf.int32}
    from hookloop.python.ops.variables import PartitionedVariable

    with pytest.raises(ValueError, match="variable_list may not be empty"):
        PartitionedVariable(variable_list=[], partitions=[2], **whole)
    with pytest.raises(ValueError, match=r"partition values must be positive: \[0\]"):
        PartitionedVariable(variable_list=[part], partitions=[0], **whole)


def test_a_resource_variable_may_have_a_first_value_of_unknown_shape(executor):
    first = tf.placeholder_with_default(tf.zeros([2, 3]), shape=[None, 3])
    variable = tf.Variable(first, use_resource=True)
    assert variable.shape.as_list() == [None, 3]
    other = tf.assign(variable, tf.ones([4, 3]), validate_shape=False)
    with tf.Session() as session:
        session.run(variable.initializer)
        assert session.run(variable).shape == (2, 3)
        session.run(other)
        assert session.run(tf.reduce_sum(variable)) == 12
    with pytest.raises(ValueError, match="initial_value must have a shape specified"):
        tf.Variable(first, use_resource=False)


def test_custom_getters_are_told_what_they_decide_by():
    told = []

    def getter(getter, name, **settings):
        told.append((name, settings["trainable"], settings["use_resource"], settings["dtype"].name))
        return getter(name, **settings)

    on_read = tf.VariableSynchronization.ON_READ
    with tf.variable_scope("s", custom_getter=getter):
        tf.get_variable("a", [2])
        tf.get_variable("b", [2], trainable=False)
        tf.get_variable("c", [2], synchronization=on_read)
        assert tf.get_variable("d", initializer=1, use_resource=True).dtype.base_dtype == tf.int32
    assert told == [
        ("s/a", True, None, "float32"), ("s/b", False, None, "float32"), ("s/c", False, None, "float32"),
        ("s/d", True, True, "float32"),
    ]  # fmt: skip


def test_creators_are_given_every_setting():
    given = []

    def creator(following, **settings):
        given.append(settings)
        return following(**settings)

    with tf.variable_creator_scope(creator):
        tf.Variable(1.0)
        tf.get_variable("a", [2])
    names = (
        "aggregation caching_device collections constraint dtype expected_shape import_scope initial_value name shape "
        "synchronization trainable use_resource validate_shape variable_def"
    )
    assert [sorted(settings) for settings in given] == [names.split()] * 2
    assert [(s["trainable"], s["use_resource"], s["name"]) for s in given] == [(None, None, None), (True, False, "a")]


def test_synchronization_and_aggregation():
    on_read = tf.VariableSynchronization.ON_READ
    assert not tf.Variable(1.0, synchronization=on_read).trainable
    assert tf.Variable(1.0, synchronization=on_read, trainable=True).trainable
    assert not tf.get_variable("a", [1], synchronization=on_read).trainable
    kept = tf.get_variable("b", [1], synchronization=1, aggregation=tf.VariableAggregation.SUM)
    assert kept.synchronization is tf.VariableSynchronization.NONE and kept.aggregation is tf.VariableAggregation.SUM
    with pytest.raises(ValueError, match="Invalid variable synchronization mode: 77 for variable: c"):
        tf.get_variable("c", [1], synchronization=77)
    with (
        tf.variable_scope("s"),
        pytest.raises(ValueError, match="Invalid variable aggregation mode: 77 for variable: s/c"),
    ):
        tf.get_variable("c", [1], aggregation=77)
    with pytest.raises(ValueError, match="Invalid variable aggregation mode: 77 for variable: c"):
        tf.Variable(1.0, aggregation=77, name="c")


def test_a_scope_says_whether_its_variables_are_resources():
    assert tf.get_variable_scope().use_resource is None
    with tf.variable_scope("r", use_resource=False), tf.variable_scope("s") as scope:
        assert scope.use_resource is False
    with tf.variable_scope("q", use_resource=True):
        assert type(tf.Variable(1.0)).__name__ == type(tf.get_variable("z", [1])).__name__ == "ResourceVariable"


@pytest.mark.parametrize("change", ["assign_add", "assign_sub"])
def test_what_does_not_fit_is_not_added_to_a_resource_variable(executor, change):
    v = tf.get_variable("v", initializer=np.zeros((3, 2), "float32"), use_resource=True)
    with pytest.raises(ValueError, match="Dimension 0 in both shapes must be equal, but are 3 and 1"):
        getattr(v, change)(np.ones((1, 2), "float32"))
    x = tf.placeholder(tf.float32, [None, None])
    changed = getattr(v, change)(x)
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=r"Cannot update variable with shape \[3,2\] using a Tensor with shape \[1,2\]",
        ):
            session.run(changed, {x: np.ones((1, 2))})
        assert not session.run(v).any()
        session.run(changed, {x: np.ones((3, 2))})
        assert session.run(v).all()


@pytest.mark.parametrize("use_resource", [False, True])
def test_the_error_of_a_value_of_another_rank_tells_its_sizes(executor, use_resource):
    v = tf.get_variable("v", initializer=np.zeros((3, 2), "float32"), use_resource=use_resource)
    x = tf.placeholder(tf.float32)
    assigned, added = tf.assign(v, x), tf.assign_add(v, x)
    with tf.Session() as session:
        session.run(v.initializer)
        for size in (2, 5):
            with pytest.raises(tf.errors.InvalidArgumentError, match=rf"lhs shape= \[3, 2\] rhs shape= \[{size}\]"):
                session.run(assigned, {x: np.ones(size)})
            with pytest.raises(
                tf.errors.InvalidArgumentError, match=rf"\[3,2\] (vs\.|using a Tensor with shape) \[{size}\]"
            ):
                session.run(added, {x: np.ones(size)})
        session.run(added, {x: np.ones((3, 2))})
        assert session.run(v).all()


def test_handles_that_are_handed_on_together_are_of_their_own_variables(executor):
    v = tf.get_variable("v", initializer=np.zeros((3, 2), "float32"), use_resource=True)
    w = tf.get_variable("w", initializer=np.zeros(4), use_resource=True)
    _, handle = tf.identity_n([v.handle, w.handle])
    added = tf.raw_ops.AssignAddVariableOp(resource=handle, value=np.ones(4))
    with pytest.raises(ValueError, match="Shapes must be equal rank, but are 1 and 2"):
        tf.raw_ops.AssignAddVariableOp(resource=handle, value=np.ones((3, 2)))
    read = tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float64)
    assert read.shape == [4]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(added)
        assert session.run([v, w, read])[0].tolist() == [[0, 0]] * 3
        assert session.run(read).tolist() == session.run(w).tolist() == [1] * 4


def test_nothing_is_known_of_the_shape_of_a_variable_that_a_branch_chooses():
    v = tf.get_variable("v", [3, 2], use_resource=True)
    w = tf.get_variable("w", [4, 5], use_resource=True)
    handle = tf.cond(tf.placeholder(tf.bool, []), lambda: tf.identity(v.handle), lambda: tf.identity(w.handle))
    assert tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32).shape.ndims is None
    tf.raw_ops.AssignAddVariableOp(resource=handle, value=np.ones((4, 5), "float32"))


def test_rows_that_are_not_one_for_each_index_are_refused_of_a_resource_variable():
    v = tf.get_variable("v", initializer=np.zeros((3, 2), "float32"), use_resource=True)
    with pytest.raises(ValueError, match="Dimension 0 in both shapes must be equal, but are 1 and 3"):
        tf.scatter_update(v, [0, 1, 2], np.ones((1, 2), "float32"))
