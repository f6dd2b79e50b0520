"""`explain`: what it says of a plan, in a program and on the command line."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest

import hookloop as tf


def explained(fetches, feed_dict=None, **more):
    text = io.StringIO()
    explanation = tf.explain(fetches, feed_dict, file=text, **more)
    assert text.getvalue() == f"{explanation}\n"
    return explanation


def layer(batch=64):
    x = tf.placeholder(tf.float32, [batch, 784], name="x")
    w = tf.get_variable("w", [784, 10])
    b = tf.get_variable("b", [10])
    return x, tf.nn.relu(tf.matmul(x, w) + b, name="y")


def test_it_names_kernel_sizes_places_and_what_was_fused():
    _, y = layer()
    text = str(explained(y))
    assert (
        "   0 matmul float32[64,784] fed for 'x:0', float32[784,10] of variable 'w', float32[10] of variable 'b' "
        "-> float32[64,10] in arena 0\n       from 'y'\n       fuse_epilogues: add is its last step\n"
        "       fuse_epilogues: relu is its last step" in text
    )
    assert text.startswith("1 instructions, 2,560 bytes for intermediate results\n")


def test_it_prints_to_standard_output(capsys):
    _, y = layer()
    explanation = tf.explain(y)
    assert capsys.readouterr().out == f"{explanation}\n"
    assert repr(explanation) == "<Explanation of a plan of 1 instructions>"


def test_it_shows_the_commit_point():
    _, y = layer()
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(y))
    explanation = explained(train)
    first = explanation.commit
    assert [step.writes for step in explanation.steps] == [False] * first + [True]
    assert explanation.writes_early == []
    lines = str(explanation).splitlines()
    assert lines[lines.index("     ---- commit point: nothing above writes a variable ----") + 1].startswith(
        f"{first:4} apply_"
    )
    assert lines[-1] == "A step that fails changes no variable: what can fail stands before the commit point."


def test_it_says_that_nothing_is_written():
    assert str(explained(layer()[1])).endswith("No variable is written.")


def test_it_names_a_plan_that_must_write_early():
    x = tf.placeholder(tf.int32, [2])
    v = tf.Variable([1.0, 2.0, 3.0])
    with tf.control_dependencies([tf.assign_add(v, [1.0, 1.0, 1.0])]):
        y = tf.gather(v.read_value(), x)
    explanation = explained(y)
    (early,) = explanation.writes_early
    assert explanation.steps[early].kernel == "gather" and early > explanation.commit
    assert str(explanation).endswith(
        f"This plan must write early: instructions behind the commit point may fail: {early} (gather)."
    )


def test_open_sizes_are_named():
    x, y = layer(None)
    explanation = explained(y, {x: (7, 784)})
    assert explanation.sizes == ["s0: size 0 of feed 'x:0', 7 here"]
    assert "float32[s0,10] result 0" in str(explanation)
    assert explained(y).sizes == ["s0: size 0 of feed 'x:0', 1 here"]


def test_values_give_their_shapes():
    x, y = layer(None)
    assert explained(y, {"x:0": np.zeros((5, 784))}).sizes == ["s0: size 0 of feed 'x:0', 5 here"]
    assert explained(y, {x: tf.TensorShape([5, 784])}).sizes == ["s0: size 0 of feed 'x:0', 5 here"]


def test_sizes_that_only_running_tells_are_said_to_be_so():
    x = tf.placeholder(tf.float32, [9])
    assert explained(tf.boolean_mask(x, x > 0)).sizes[0].endswith("told while the plan runs")


def test_regions_are_indented():
    text = str(explained(tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])))
    assert "     repeat:\n" in text and "     while bool[] in arena" in text
    x = tf.placeholder(tf.float32, [3])
    text = str(explained(tf.cond(x[0] > 0, lambda: tf.tanh(x), lambda: tf.exp(x))))
    assert "     if bool[] in arena" in text and "     else:\n" in text


def test_what_runs_once_stands_apart():
    x = tf.placeholder(tf.float32, [3])
    explanation = explained(x * tf.exp(tf.constant([1.0, 2.0, 3.0])))
    assert [step.kernel for step in explanation.prologue] == ["exp"]
    assert [step.kernel for step in explanation.steps] == ["mul"]


def test_places_are_those_of_the_arena():
    """Buffers whose lives meet have places that do not."""
    x = tf.placeholder(tf.float32, [100])
    explanation = explained(tf.tanh(x) * tf.exp(x) + tf.sin(x))
    assert explanation.arena_bytes >= 400
    assert explanation.arena_bytes % 64 == 0


def test_nothing_is_run_or_initialized():
    calls = []
    y = tf.py_func(lambda: calls.append(1) or np.float32(1), [], tf.float32)
    explained(y)
    assert not calls


def test_errors_say_what_is_wrong():
    x, y = layer()
    with pytest.raises(ValueError, match=r"expected a shape that fits \(64, 784\) at feed 'x:0', got \(64, 7\)"):
        tf.explain(y, {x: (64, 7)})
    z = tf.placeholder(tf.float32, name="z")
    with pytest.raises(ValueError, match="the rank of placeholder 'z:0' is not known: give its shape in feed_dict"):
        tf.explain(z * 2.0)
    with pytest.raises(ValueError, match="cannot be interpreted as a Tensor"):
        tf.explain("nowhere:0")


# --- the command line ---------------------------------------------------------------------------------------------

PROGRAM = """
import hookloop as tf

def model():
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    return tf.tanh(tf.matmul(x, tf.get_variable("w", [4, 5])), name="y"), {x: (3, 4)}

def nothing_returned():
    tf.exp(tf.placeholder(tf.float32, [3], name="x"), name="y")

def two_ends():
    x = tf.placeholder(tf.float32, [3], name="x")
    tf.exp(x, name="y"), tf.tanh(x, name="z")

def broken():
    return tf.zeros([2]) + tf.zeros([3])

number = 3
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def run(*arguments):
        command = [sys.executable, "-m", "hookloop", "explain", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    return run


def test_a_function_that_builds_a_graph(run):
    done = run("program:model")
    assert done.returncode == 0, done.stderr
    assert "matmul float32[s0,4] fed for 'x:0'" in done.stdout and "s0: size 0 of feed 'x:0', 3 here" in done.stdout


def test_fetches_and_shapes_from_the_command_line(run):
    assert "s0: size 0 of feed 'x:0', 8 here" in run("program:model", "--feed", "x=8,4").stdout
    assert "exp float32[3]" in run("program:two_ends", "--fetch", "y:0").stdout
    assert "exp float32[3]" in run("program:nothing_returned").stdout


@pytest.mark.parametrize("as_text", [True, False])
def test_the_file_of_a_graph(run, tmp_path, as_text):
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    y = tf.tanh(tf.matmul(x, tf.get_variable("w", [4, 5])), name="y")
    tf.train.write_graph(tf.get_default_graph(), str(tmp_path), "graph.pb", as_text)
    done = run("graph.pb", "--fetch", "y:0", "--feed", "x=3,4")
    assert done.returncode == 0, done.stderr
    assert "s0: size 0 of feed 'x:0', 3 here" in done.stdout and "fuse_epilogues: tanh is its last step" in done.stdout
    text = io.StringIO()
    tf.explain(y, {x: (3, 4)}, file=text)
    assert done.stdout.splitlines()[-5:] == text.getvalue().splitlines()[-5:]


@pytest.mark.parametrize("as_text", [True, False])
def test_the_file_of_a_meta_graph(run, tmp_path, as_text):
    x = tf.placeholder(tf.float32, [8, 4], name="x")
    w = tf.Variable(tf.zeros([4, 1]), name="w")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(tf.matmul(x, w))))
    tf.add_to_collection(tf.GraphKeys.TRAIN_OP, train)
    tf.train.export_meta_graph(str(tmp_path / "model.meta"), as_text=as_text)
    done = run("model.meta")
    assert done.returncode == 0, done.stderr
    assert "apply_gradient_descent" in done.stdout or "apply_all" in done.stdout
    assert "commit point" in done.stdout
    assert "matmul float32[8,4]" in run("model.meta", "--fetch", "MatMul:0").stdout


def test_a_file_whose_graph_has_several_ends(run, tmp_path):
    tf.exp(tf.placeholder(tf.float32, [3], name="x"), name="y")
    tf.tanh(tf.zeros([2]), name="z")
    tf.train.write_graph(tf.get_default_graph(), str(tmp_path), "graph.pbtxt")
    done = run("graph.pbtxt")
    assert done.returncode == 2
    assert "say what to fetch with --fetch: the graph ends in 2 operations: y, z" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["program:two_ends"], "say what to fetch with --fetch: the graph ends in 2 operations: y, z"),
        (["program"], "expected MODULE:FUNCTION or a file, got 'program'"),
        (["nowhere.meta"], "File nowhere.meta does not exist."),
        (["program.py"], "Cannot parse file program.py: it holds no GraphDef and no MetaGraphDef with nodes."),
        (["."], "expected a file with a GraphDef or a meta graph, got the directory ."),
        (["nowhere:model"], "No module named 'nowhere'"),
        (["program:nothing"], "has no attribute 'nothing'"),
        (["program:number"], "expected a function as program:number, got an object of type 'int'"),
        (["program:model", "--fetch", "nowhere"], "cannot be interpreted as a Tensor"),
        (["program:model", "--feed", "x"], "expected NAME=SHAPE as in x=64,784, got 'x'"),
        (["program:model", "--feed", "x=a"], "expected NAME=SHAPE"),
    ],
)
def test_arguments_that_make_no_sense(run, arguments, text):
    done = run(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("of", ["program:broken", "unreadable:model"])
def test_what_fails_in_the_program_is_shown_with_its_line(run, tmp_path, of):
    (tmp_path / "unreadable.py").write_text("import program\nmodel = program.broken()\n")
    done = run(of)
    assert done.returncode == 2
    assert re.search(r'File "\S*program.py", line \d+, in broken', done.stderr)
    assert "ValueError: Dimensions must be equal, but are 2 and 3" in done.stderr
    assert done.stderr.splitlines()[-1] == f"hookloop explain: {of} failed"


def convolved(window=3, stride=1):
    x = tf.placeholder(tf.float32, [None, None, 14, 32], name="x")
    w = tf.get_variable("w", [window, window, 32, 64])
    return x, tf.nn.conv2d(x, w, stride, "SAME")


@pytest.mark.parametrize(
    ("window", "stride", "rows", "choice"),
    [
        (3, 1, 14, "minimal filtering: 36 multiplications instead of 144 for 4 by 4 positions"),
        (5, 1, 14, "minimal filtering: 36 multiplications instead of 100 for 2 by 2 positions"),
        (3, 2, 14, "all multiplications: fewer suffice for windows of 3 by 3 and 5 by 5 without strides"),
        (3, 1, 1, "all multiplications: saving some would cost more for so few channels or positions"),
    ],
)
def test_it_says_how_a_convolution_goes_about_it(window, stride, rows, choice):
    x, y = convolved(window, stride)
    assert f"       {choice}" in str(explained(y, {x: (8, rows, 14, 32)}))
    assert explained(y, {x: (8, rows, 14, 32)}).steps[-1].choice.startswith(choice)


def test_all_multiplications_may_be_asked_for(monkeypatch):
    x, y = convolved()
    monkeypatch.setenv("HOOKLOOP_CONVOLUTION", "direct")
    assert "all multiplications: HOOKLOOP_CONVOLUTION=direct asks" in str(explained(y, {x: (8, 14, 14, 32)}))
    monkeypatch.setenv("HOOKLOOP_CONVOLUTION", "fastest")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="expected HOOKLOOP_CONVOLUTION to be auto or direct, got 'fastest'"
    ):
        explained(y, {x: (8, 14, 14, 32)})
