"""Files that hookloop and TensorFlow write for each other: checkpoints of variables and of objects, meta graphs, SavedModels, event files.

python tests/exchange_with_tensorflow.py PYTHON [PYTHON ...]

PYTHON is the interpreter of an environment with TensorFlow, 1.15 or 2 (by its `compat.v1`). Each side trains a network and
writes all kinds of files; the other reads them, compares every number and trains on. One line for each kind of file and
each direction; the exit status is 1 where something differs. Both sides run the same code, this file.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

STEPS = 3
X = np.linspace(-1, 1, 24).reshape(2, 4, 3).astype("f")
LENGTHS = [4, 2]


# --- the network: an optimizer with slots, a conditional in a loop, a variable in parts ---------------------------------


def build(tf):
    x, n = tf.placeholder(tf.float32, [2, 4, 3], name="x"), tf.placeholder(tf.int32, [2], name="n")
    w = tf.get_variable("w", initializer=tf.constant(np.arange(10).reshape(5, 2) / 10.0 - 0.5, tf.float32))
    parts = tf.get_variable(
        "parts", [4, 2], initializer=tf.ones_initializer(), partitioner=tf.fixed_size_partitioner(2)
    )
    tf.get_variable("half", initializer=tf.constant([0.5, -1.5], tf.float16), trainable=False)
    tf.get_variable("words", initializer=tf.constant(["one", "two"]), trainable=False)
    inputs = tf.TensorArray(tf.float32, 4).unstack(tf.transpose(x, [1, 0, 2]))

    def body(time, state):
        def step():
            return tf.tanh(tf.matmul(tf.concat([inputs.read(time), state], 1), w))

        new = tf.cond(time < tf.reduce_min(n), step, lambda: tf.where(time < n, step(), state))
        return time + 1, new

    _, state = tf.while_loop(lambda time, _: time < tf.reduce_max(n), body, [0, tf.zeros([2, 2])])
    out = tf.matmul(state, tf.convert_to_tensor(parts)[:2], name="out")
    loss = tf.reduce_sum(tf.square(out - 1.0), name="loss")
    tf.train.AdamOptimizer(0.05).minimize(loss, global_step=tf.train.get_or_create_global_step(), name="train")
    return out, loss


def feeds():
    return {"x:0": X, "n:0": LENGTHS}


def train(session, steps=STEPS):
    return [float(session.run(["loss:0", "train"], feeds())[0]) for _ in range(steps)]


# --- writing --------------------------------------------------------------------------------------------------------


def write(tf, directory):
    """Writes files of every kind, and what is in them as plain data."""
    expected = {}
    with tf.Graph().as_default() as graph, tf.Session() as session:
        out, loss = build(tf)
        session.run(tf.global_variables_initializer())
        train(session)
        tf.train.Saver().save(session, os.path.join(directory, "model"), global_step=STEPS)
        tf.train.Saver(sharded=True).save(session, os.path.join(directory, "sharded"), write_meta_graph=False)
        tf.saved_model.simple_save(
            session, os.path.join(directory, "saved_model"), {"x": graph.get_tensor_by_name("x:0"), "n": graph.get_tensor_by_name("n:0")},
            {"out": out},
        )  # fmt: skip
        expected["out"] = session.run(out, feeds()).tolist()
        expected["slope"] = session.run(tf.gradients(loss, graph.get_tensor_by_name("x:0"))[0], feeds()).tolist()
        arrays = {v.op.name: session.run(v) for v in tf.global_variables()}
        arrays = {name: value for name, value in arrays.items() if value.dtype != object}
        np.savez(os.path.join(directory, "variables.npz"), **{k.replace("/", "|"): v for k, v in arrays.items()})
        expected["losses"] = train(session)
    expected["events"] = write_events(tf, os.path.join(directory, "events"))
    expected["objects"] = write_objects(tf, os.path.join(directory, "objects"))
    with tf.Graph().as_default():  # without gradients: the reader adds them
        build(tf)
        tf.train.export_meta_graph(os.path.join(directory, "graph.meta"))
    with open(os.path.join(directory, "expected.json"), "w") as file:
        json.dump(expected, file)


def objects(tf):
    """Variables of both kinds, an optimizer whose slots are made last: what is saved, the loss, and a function that makes the step."""
    v = tf.get_variable("v", initializer=tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    w = tf.get_variable("w", initializer=tf.constant([[0.5], [-0.5], [0.25]]), use_resource=True)
    optimizer = tf.train.AdamOptimizer(0.1)
    checkpoint = tf.train.Checkpoint(model=tf.train.Checkpoint(v=v, w=w), optimizer=optimizer)
    checkpoint.parts = [w, v]
    loss = tf.reduce_sum(tf.square(tf.matmul(v, w) - 1.0))
    return checkpoint, loss, lambda: optimizer.minimize(loss)


def train_objects(session, loss, step):
    return [float(session.run([loss, step])[0]) for _ in range(STEPS)]


def write_objects(tf, directory):
    with tf.Graph().as_default(), tf.Session() as session:
        checkpoint, loss, make = objects(tf)
        step = make()
        session.run(tf.global_variables_initializer())
        train_objects(session, loss, step)
        checkpoint.save(os.path.join(directory, "c"), session=session)
        return train_objects(session, loss, step)


def write_events(tf, directory):
    values = np.linspace(-2, 3, 20).astype("f")
    with tf.Graph().as_default() as graph, tf.Session() as session:
        with tf.name_scope("some"):
            merged = tf.summary.merge([
                tf.summary.scalar("a", 0.25), tf.summary.histogram("h", values),
                tf.summary.text("t", tf.constant("words")), tf.summary.image("i", tf.zeros([1, 2, 3, 3])),
            ])  # fmt: skip
        writer = tf.summary.FileWriter(directory, graph)
        for step in range(2):
            writer.add_summary(session.run(merged), step)
        writer.close()
    return {"a": 0.25, "h": [20.0, float(values.min()), float(values.max())], "t": "words", "i": [2, 3]}


# --- reading --------------------------------------------------------------------------------------------------------


def close(found, wanted):
    np.testing.assert_allclose(np.asarray(found, "d"), np.asarray(wanted, "d"), rtol=2e-5, atol=1e-6)


def read_checkpoint(tf, directory, expected):
    arrays = {key.replace("|", "/"): value for key, value in np.load(os.path.join(directory, "variables.npz")).items()}
    latest = tf.train.latest_checkpoint(directory)
    for prefix in (os.path.join(directory, "model-%d" % STEPS), os.path.join(directory, "sharded"), latest):
        reader = tf.train.load_checkpoint(prefix)
        names = {name for name, _ in tf.train.list_variables(prefix)}
        assert {"parts", "w/Adam", "half", "words"} <= names, names
        assert list(reader.get_tensor("words")) == [b"one", b"two"]
        parts = sorted(name for name in arrays if name.startswith("parts/part"))
        for name in ["w", "w/Adam", "w/Adam_1", "half", "global_step", "beta1_power"]:
            found = reader.get_tensor(name)
            assert found.dtype == arrays[name].dtype, name
            np.testing.assert_array_equal(found, arrays[name], err_msg=name)
        whole = np.concatenate([arrays[name] for name in parts if name.count("/") == 1])
        np.testing.assert_array_equal(reader.get_tensor("parts"), whole)


def read_objects(tf, directory, expected):
    with tf.Graph().as_default(), tf.Session() as session:
        checkpoint, loss, make = objects(tf)
        status = checkpoint.restore(tf.train.latest_checkpoint(os.path.join(directory, "objects")))
        step = make()
        status.assert_consumed().run_restore_ops(session)
        assert session.run(checkpoint.save_counter) == 1
        close(train_objects(session, loss, step), expected["objects"])


def read_meta_graph(tf, directory, expected):
    prefix = os.path.join(directory, "model-%d" % STEPS)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        saver = tf.train.import_meta_graph(prefix + ".meta")
        saver.restore(session, prefix)
        loss, x = graph.get_tensor_by_name("loss:0"), graph.get_tensor_by_name("x:0")
        close(session.run(tf.gradients(loss, x)[0], feeds()), expected["slope"])
        close(train(session), expected["losses"])
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(os.path.join(directory, "graph.meta"))
        tf.train.Saver().restore(session, prefix)
        close(train(session), expected["losses"])


def read_saved_model(tf, directory, expected):
    with tf.Graph().as_default(), tf.Session() as session:
        path = os.path.join(directory, "saved_model")
        signature = tf.saved_model.loader.load(session, ["serve"], path).signature_def["serving_default"]
        fed = {signature.inputs["x"].name: X, signature.inputs["n"].name: LENGTHS}
        close(session.run(signature.outputs["out"].name, fed), expected["out"])


def read_events(tf, directory, expected):
    wanted = expected["events"]
    (name,) = os.listdir(os.path.join(directory, "events"))
    events = list(tf.train.summary_iterator(os.path.join(directory, "events", name)))
    assert events[0].file_version == "brain.Event:2", events[0]
    nodes = {n.name for e in events if e.HasField("graph_def") for n in tf.GraphDef.FromString(e.graph_def).node}
    assert {"some/a", "some/h", "some/Merge/MergeSummary"} <= nodes, nodes
    assert any(e.HasField("meta_graph_def") for e in events)
    steps = [e for e in events if e.HasField("summary")]
    assert [e.step for e in steps] == [0, 1]
    for event in steps:
        values = {v.tag: v for v in event.summary.value}
        assert values["some/a"].simple_value == wanted["a"]
        histogram = values["some/h"].histo
        assert [histogram.num, histogram.min, histogram.max] == wanted["h"]
        assert values["some/t"].tensor.string_val[0] == wanted["t"].encode()
        image = values["some/i/image/0"].image
        assert [image.height, image.width] == wanted["i"] and image.encoded_image_string.startswith(b"\x89PNG")


READERS = {
    "checkpoint": read_checkpoint,
    "objects": read_objects,
    "meta graph": read_meta_graph,
    "SavedModel": read_saved_model,
    "event file": read_events,
}


def read(tf, directory):
    """Prints a line for each kind of file; returns how many differ."""
    with open(os.path.join(directory, "expected.json")) as file:
        expected = json.load(file)
    failed = 0
    for kind, reader in READERS.items():
        try:
            reader(tf, directory, expected)
        except Exception as error:
            failed += 1
            print("DIFFERS  %-12s %s: %s" % (kind, type(error).__name__, error))
        else:
            print("ok       %s" % kind)
    return failed


# --- both sides -----------------------------------------------------------------------------------------------------


def tensorflow():
    """TensorFlow's first API, of whatever version."""
    import tensorflow as tf

    if tf.__version__.startswith("1."):
        return tf
    tf.compat.v1.disable_v2_behavior()
    return tf.compat.v1


def as_child(python, task, directory):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("PYTHONPATH", None)
    command = [python, "-W", "ignore", os.path.abspath(__file__), "--" + task, directory]
    return subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=directory, timeout=600)


def exchange(python):
    """Returns whether everything was read as it was written."""
    import hookloop as tf

    fine = True
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        write(tf, ours)
        print("written by hookloop, read by TensorFlow (%s)" % python, flush=True)
        done = as_child(python, "read", ours)
        print("written by TensorFlow, read by hookloop", flush=True)
        written = as_child(python, "write", theirs)
        for child in (done, written):
            if child.returncode:
                fine = False
                print(child.stderr[-2000:])
        if not written.returncode:
            fine = not read(tf, theirs) and fine
    return fine


def main(arguments):
    if arguments[:1] == ["--write"]:
        return write(tensorflow(), arguments[1])
    if arguments[:1] == ["--read"]:
        return read(tensorflow(), arguments[1])
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    fine = [exchange(python) for python in arguments]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
