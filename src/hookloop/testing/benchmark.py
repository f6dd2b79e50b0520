"""`Benchmark`: methods that measure, found by their names, whose figures are printed or written to files."""

from __future__ import annotations

import inspect
import numbers
import os
import re
import statistics
import time

from ..graph.stack import get_default_session

# The environment's name for what the paths of the files of figures begin with.
_PREFIX = "TEST_REPORT_FILE_PREFIX"

_classes = []


class _Registering(type):
    """Remembers the classes that are derived from `Benchmark`."""

    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        if not cls.is_abstract():
            _classes.append(cls)


class Benchmark(metaclass=_Registering):
    """A class whose methods `benchmark...` are run by `tf.test.main` where the command line has `--benchmarks=PATTERN`."""

    @classmethod
    def is_abstract(cls):
        """Whether this is the class to derive from."""
        return len(cls.mro()) <= 2

    def report_benchmark(
        self, iters=None, cpu_time=None, wall_time=None, throughput=None, extras=None, name=None, metrics=None
    ):
        """Prints figures, or writes them where the environment has `TEST_REPORT_FILE_PREFIX`.

        Args:
          iters: how many times it was run.
          cpu_time, wall_time: seconds.
          throughput: megabytes a second.
          extras: a dict of further figures or texts.
          name: instead of the method's.
          metrics: a list of dicts: "name", "value" and, where known, "min_value" and "max_value".

        Raises:
          TypeError: extras is no dict, metrics no list, or one of these lacks its name or value.
          OSError: the file exists.
        """
        from ..files.messages import BenchmarkEntries

        entries = BenchmarkEntries()
        entry = entries.entry.add(name=f"{type(self).__name__}.{name or self._caller()}")
        figures = {"iters": iters, "cpu_time": cpu_time, "wall_time": wall_time, "throughput": throughput}
        for field, figure in figures.items():
            if figure is not None:
                setattr(entry, field, figure)
        _add_extras(entry, extras)
        _add_metrics(entry, metrics)
        prefix = os.environ.get(_PREFIX)
        if prefix is None:
            print(entries)
            return
        path = prefix + entry.name.replace("/", "__")
        if os.path.exists(path):
            raise OSError(f"File already exists: {path}")
        with open(path, "wb") as file:
            file.write(entries.SerializeToString())

    def _caller(self):
        """The name of the outermost method of this object that is being run."""
        frames = reversed(inspect.stack(context=0))
        return next(frame.function for frame in frames if frame.frame.f_locals.get("self") is self)

    def run_op_benchmark(
        self, sess, op_or_tensor, feed_dict=None, burn_iters=2, min_iters=10, store_trace=False,
        store_memory_usage=True, name=None, extras=None, mbs=0,
    ):  # fmt: skip
        """Runs what is given many times and reports the median of the times.

        Args:
          sess: a session.
          op_or_tensor: what is run.
          feed_dict: what is fed.
          burn_iters: runs before those that are measured.
          min_iters: runs that are measured.
          store_trace: whether the result has the trace of one run more, in the format of Chrome's trace viewer.
          store_memory_usage: whether the extras have the most bytes that were held at once in one run more.
          name: instead of the method's.
          extras: a dict of what is reported beside.
          mbs: megabytes that a run moves.

        Returns:
          What was reported, as a dict; the trace among its extras.
        """
        for _ in range(burn_iters):
            sess.run(op_or_tensor, feed_dict=feed_dict)
        times = [_time_of_run(sess, op_or_tensor, feed_dict) for _ in range(min_iters)]
        extras = {} if extras is None else extras
        unreported = {}
        if store_trace or store_memory_usage:
            timeline = _trace(sess, op_or_tensor, feed_dict)
            if store_trace:
                unreported["full_trace_chrome_format"] = timeline.generate_chrome_trace_format()
            if store_memory_usage:
                for allocator, most in timeline.analyze_step_stats(show_memory=True).allocator_maximums.items():
                    extras[f"allocator_maximum_num_bytes_{allocator}"] = most.num_bytes
        median = statistics.median(times) if times else -1
        values = {"iters": min_iters, "wall_time": median, "extras": extras, "name": name, "throughput": mbs / median}
        if name is None:
            name = self._caller()
        self.report_benchmark(**{**values, "name": name})
        extras.update(unreported)
        return values

    def evaluate(self, tensors):
        """The values of tensors in the default session.

        Raises:
          ValueError: there is none.
        """
        session = get_default_session()
        if session is None:
            raise ValueError("Cannot evaluate tensors in a benchmark: No default session is registered.")
        return session.run(tensors)


def _add_extras(entry, extras):
    if extras is None:
        return
    if not isinstance(extras, dict):
        raise TypeError("extras must be a dict")
    for key, value in extras.items():
        if isinstance(value, numbers.Number):
            entry.extras[key].double_value = value
        else:
            entry.extras[key].string_value = str(value)


def _add_metrics(entry, metrics):
    if metrics is None:
        return
    if not isinstance(metrics, list):
        raise TypeError("metrics must be a list")
    for metric in metrics:
        for field in ("name", "value"):
            if field not in metric:
                raise TypeError(f"metric must has a '{field}' field")
        added = entry.metrics.add(name=metric["name"], value=metric["value"])
        for field in ("min_value", "max_value"):
            if field in metric:
                getattr(added, field).value = metric[field]


def _time_of_run(sess, op_or_tensor, feed_dict):
    begin = time.perf_counter()
    sess.run(op_or_tensor, feed_dict=feed_dict)
    return time.perf_counter() - begin


def _trace(sess, op_or_tensor, feed_dict):
    from ..client.timeline import Timeline
    from ..messages import RunMetadata, RunOptions

    metadata = RunMetadata()
    options = RunOptions(trace_level=RunOptions.FULL_TRACE)
    sess.run(op_or_tensor, feed_dict=feed_dict, options=options, run_metadata=metadata)
    return Timeline(metadata.step_stats)


def benchmark_config():
    """A `ConfigProto` for benchmarks, by which TensorFlow's optimizer of dependencies is off."""
    from tensorboard.compat.proto.rewriter_config_pb2 import RewriterConfig

    from ..messages import ConfigProto

    config = ConfigProto()
    config.graph_options.rewrite_options.dependency_optimization = RewriterConfig.OFF
    return config


def run_benchmarks(pattern):
    """Runs the methods `benchmark...` of all classes of benchmarks whose names have a pattern; "all": all.

    Args:
      pattern: a regular expression, searched in `module.Class.method`.
    """
    for cls in list(_classes):
        methods = [
            method
            for method in dir(cls)
            if method.startswith("benchmark")
            and callable(getattr(cls, method))
            and (pattern == "all" or re.search(pattern, f"{cls.__module__}.{cls.__name__}.{method}"))
        ]
        instance = cls() if methods else None
        for method in methods:
            getattr(instance, method)()
