"""The public names: those of TensorFlow 1.15 at each place, and a few of our own."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

NAMES = json.loads((Path(__file__).parent / "fixtures" / "names.json").read_text())
OUR_OWN = {
    "": {"explain", "get_include"},
    "train": {"EvalHook", "NativeHook", "ProgressHook", "Trigger", "not_finite"},
    "compat": {"v1", "v2"},
}


def module_of(place):
    module = tf
    for part in place.split(".") if place else ():
        module = getattr(module, part)
    return module


@pytest.mark.parametrize("place", NAMES, ids=lambda place: place or "tf")
def test_what_a_namespace_lists(place):
    """Nothing that TensorFlow 1.15 has not at the same place; and all that is listed is there."""
    module = module_of(place)
    listed = {name for name in dir(module) if not name.startswith("_")}
    assert listed <= set(NAMES[place]) | OUR_OWN.get(place, set())
    for name in listed:
        getattr(module, name)


def undocumented(value):
    """The methods and properties of a class of ours, or the function, that do not say what they do."""
    if not inspect.isclass(value):
        return [] if inspect.getdoc(value) else [value.__qualname__]
    found = [] if value.__doc__ else [value.__qualname__]
    for name, member in vars(value).items():
        if not name.startswith("_") and (isinstance(member, property) or inspect.isroutine(member)):
            # What a class above says holds of a method that takes its place.
            if not any(inspect.getdoc(vars(above)[name]) for above in value.__mro__ if name in vars(above)):
                found.append(f"{value.__qualname__}.{name}")
    return found


@pytest.mark.parametrize("place", [place for place in NAMES if place != "raw_ops"], ids=lambda place: place or "tf")
def test_what_is_public_says_what_it_does(place):
    module, found = module_of(place), []
    for name in set(NAMES[place]) & set(dir(module)):
        value = getattr(module, name)
        if callable(value) and (getattr(value, "__module__", None) or "").startswith("hookloop"):
            if not name.startswith("_") and hasattr(value, "__qualname__") and not hasattr(value, "DESCRIPTOR"):
                found += undocumented(value)
    assert found == []


@pytest.mark.parametrize(
    "name", ["Identity", "MakeNdarray", "constant_value", "control_trigger", "he_normal", "TaggedRunMetadata"]
)
def test_names_of_other_places_are_not_at_the_top(name):
    with pytest.raises(AttributeError, match=name):
        getattr(tf, name)


def test_an_op_of_each_type(executor):
    raw = tf.raw_ops
    with tf.Session() as session:
        product = raw.MatMul(a=[[1.0], [2.0]], b=[[3.0], [4.0]], transpose_a=True, name="product")
        found = raw.Unique(x=[7, 8, 7])
        assert product.name == "product:0" and found._fields == ("y", "idx") and raw.MatMul.__name__ == "MatMul"
        assert session.run([product, found.y])[0].tolist() == [[11.0]]
        assert session.run(raw.Sum(input=[1.0, 2.0], axis=0)) == 3.0
    with pytest.raises(TypeError, match=r"Add only takes keyword args \(possible keys: \['x', 'y', 'name'\]\)"):
        raw.Add(1.0, 2.0)
    with pytest.raises(TypeError, match="without its arguments y"):
        raw.Add(x=1.0)
    with pytest.raises(AttributeError, match="no attribute 'BranchTaken'"):
        raw.BranchTaken  # noqa: B018


def test_values_known_before_a_run():
    assert tf.get_static_value(tf.constant([1, 2])).tolist() == [1, 2]
    assert tf.get_static_value(tf.shape(tf.placeholder(tf.float32, [2, 3]))).tolist() == [2, 3]
    assert tf.get_static_value(tf.placeholder(tf.float32)) is None
    assert tf.get_static_value(tf.constant(1) + 1) is None
    assert tf.get_static_value(7) == 7
    packed = tf.stack([tf.constant(3), tf.placeholder(tf.int32, [])])
    assert tf.get_static_value(packed) is None
    assert tf.get_static_value(packed, partial=True).tolist() == [3, None]


def test_a_template_shares_its_variables(executor):
    def scaled(x, factor):
        return x * tf.get_variable("w", [], initializer=tf.constant_initializer(factor))

    template = tf.make_template("layer", scaled, factor=3.0)
    assert template.variables == []
    first, second = template(tf.constant(2.0)), template(tf.constant(5.0))
    other = tf.make_template("layer", scaled, factor=2.0)(tf.constant(1.0))
    assert [v.name for v in template.trainable_variables] == ["layer/w:0"]
    assert [v.name for v in tf.global_variables()] == ["layer/w:0", "layer_1/w:0"]
    assert template.non_trainable_variables == []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([first, second, other]) == [6.0, 15.0, 2.0]


def test_scopes_of_templates():
    def make():
        return tf.get_variable("w", [])

    with tf.variable_scope("outer"):
        now = tf.make_template("layer", make, create_scope_now_=True)
        later = tf.make_template("layer", make)
    assert now.variable_scope_name == "outer/layer/"
    assert later.variable_scope is None
    with tf.variable_scope("elsewhere"):
        assert now().name == "outer/layer/w:0"
        assert later().name == "elsewhere/layer/w:0"
    assert tf.make_template("unused", make, unique_name_="exactly")().name == "exactly/w:0"
    with pytest.raises(ValueError, match="name cannot be None"):
        tf.make_template(None, make)


def test_a_template_that_makes_a_variable_each_time_is_refused():
    template = tf.make_template("layer", lambda: tf.Variable(1.0))
    template()
    with pytest.raises(ValueError, match="Trainable variable created when calling a template after the first time"):
        template()


def test_init_scope_lies_outside_of_conditionals(executor):
    x = tf.constant(1.0)
    made = []

    def branch():
        with tf.init_scope():
            made.append(tf.constant(4.0, name="outside"))
        return made[-1] * x

    with tf.control_dependencies([x]):
        y = tf.cond(tf.constant(True), branch, lambda: x)
    assert made[0].op.control_inputs == []
    with tf.Session() as session:
        assert session.run([y, made[0]]) == [4.0, 4.0]


def test_a_promise_that_a_tensor_is_constant(executor):
    v = tf.Variable(2.0)
    kept = tf.guarantee_const(v) * 3.0
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(kept) == 6.0
    with pytest.raises(LookupError, match="GuaranteeConst"):
        tf.gradients(kept, v)


def test_all_numbers_of_a_graph_are_checked(executor):
    x = tf.placeholder(tf.float32, [2], name="x")
    y = tf.log(x, name="y")
    check = tf.add_check_numerics_ops()
    with tf.Session() as session:
        session.run(check, {x: [1.0, 2.0]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="y:0 : Tensor had Inf"):
            session.run(check, {x: [1.0, 0.0]})
    tf.cond(tf.constant(True), lambda: y + 1, lambda: y)
    with pytest.raises(ValueError, match="not compatible with TensorFlow control flow"):
        tf.add_check_numerics_ops()


def test_rows_of_batches_are_set(executor):
    v = tf.Variable(np.zeros((2, 3, 2)))
    written = tf.batch_scatter_update(v, [[2, 0], [1, 1]], np.arange(8.0).reshape(2, 2, 2))
    with tf.Session() as session:
        session.run(v.initializer)
        found = session.run(written)
    assert found[0].tolist() == [[2, 3], [0, 0], [0, 1]]
    assert found[1].tolist() == [[0, 0], [6, 7], [0, 0]]
    with pytest.raises(ValueError, match="does not allow indices with unknown shape"):
        tf.batch_scatter_update(v, tf.placeholder(tf.int32), 1.0)


def test_gradients_by_differences(executor):
    x, y = tf.placeholder(tf.float64, [2, 3]), tf.placeholder(tf.float64, [3])
    z = tf.reduce_sum(tf.sin(x) * y, 1)
    with tf.Session():
        exact, near = tf.test.compute_gradient(x, [2, 3], z, [2], extra_feed_dict={y: [1.0, 2.0, 3.0]})
        assert exact.shape == near.shape == (6, 2)
        np.testing.assert_allclose(exact, near, atol=1e-5)
        assert tf.test.compute_gradient_error([x, y], [[2, 3], [3]], z, [2]) < 1e-5
        wrong = tf.stop_gradient(x) * x
        values = np.ones((2, 3))
        assert tf.test.compute_gradient_error(x, [2, 3], wrong, [2, 3], x_init_value=values) == pytest.approx(1.0)
        with pytest.raises(ValueError, match="does not depend on"):
            tf.test.compute_gradient(x, [2, 3], y, [3])
    with pytest.raises(ValueError, match="needs a default session"):
        tf.test.compute_gradient(x, [2, 3], z, [2])


def test_files_by_the_later_names(tmp_path):
    path = str(tmp_path / "a" / "b")
    tf.io.gfile.makedirs(path)
    with tf.io.gfile.GFile(path + "/f", "w") as file:
        file.write("text")
    tf.io.gfile.copy(path + "/f", path + "/g")
    assert sorted(tf.io.gfile.listdir(path)) == sorted(tf.gfile.ListDirectory(path)) == ["f", "g"]
    assert tf.io.gfile.exists(path + "/g")
    tf.io.gfile.rmtree(path)
    assert not tf.gfile.Exists(path)
    with pytest.raises(tf.errors.NotFoundError, match="No such file"):
        tf.io.gfile.remove(path)


def test_what_is_known_of_a_file(tmp_path):
    (tmp_path / "a").write_text("text")
    found = tf.gfile.Stat(str(tmp_path / "a"))
    assert (found.length, found.is_directory) == (4, False)
    assert found.mtime_nsec == (tmp_path / "a").stat().st_mtime_ns
    assert tf.io.gfile.stat(str(tmp_path)).is_directory
    with pytest.raises(tf.errors.NotFoundError):
        tf.gfile.Stat(str(tmp_path / "b"))


def test_files_that_are_read_and_written(tmp_path):
    path = str(tmp_path / "a")
    with tf.gfile.GFile(path, "w") as file:
        file.write("hé\r\n")
        file.write(b"two\n")
        assert file.tell() == 9
        with pytest.raises(tf.errors.PermissionDeniedError, match="File isn't open for reading"):
            file.read()
    with tf.gfile.GFile(path) as file:
        assert next(file) == "hé\r\n" and file.tell() == 5 and list(file) == ["two\n"] and file.readline() == ""
        file.seek(-4, 2)
        assert file.read(3) == "two" and file.size() == 9
        file.seek(position=0)
        assert file.readlines() == ["hé\r\n", "two\n"]
        with pytest.raises(tf.errors.PermissionDeniedError, match="File isn't open for writing"):
            file.write("x")
        with pytest.raises(TypeError, match="offset argument required"):
            file.seek()
        with pytest.raises(TypeError, match="may not be set simultaneously"):
            file.seek(1, position=1)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid whence argument: 9"):
            file.seek(0, 9)
    with tf.gfile.GFile(path, "rb") as file:
        assert file.read() == "hé\r\ntwo\n".encode()
    with tf.gfile.GFile(path, "a") as file:
        file.write("end")
    with tf.gfile.GFile(path, "r+") as file:
        assert file.read().endswith("two\nend")
        file.write("!")
    assert tf.gfile.GFile(path, "rb").read()[-4:] == b"end!"
    with pytest.raises(tf.errors.InvalidArgumentError, match="mode is not 'r' or 'w'"):
        tf.gfile.GFile(path, "zz")


def test_programs_that_ask_are_told_tensorflows_version():
    assert tf.__version__ == tf.VERSION == tf.version.VERSION == "1.15.0"
    assert (tf.__git_version__, tf.__compiler_version__) == (tf.version.GIT_VERSION, tf.version.COMPILER_VERSION)
    assert tf.__cxx11_abi_flag__ == tf.CXX11_ABI_FLAG == tf.__monolithic_build__ == tf.MONOLITHIC_BUILD
