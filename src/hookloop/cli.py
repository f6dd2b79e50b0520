"""The command line: `hookloop demo` and `hookloop explain`, also as `python -m hookloop`."""

from __future__ import annotations

import argparse
import os
import sys

from .version import HOOKLOOP_VERSION

__all__ = ["main"]

_USAGE_ERROR = 2
_INTERRUPTED = 130
_NO_READER = 141
_GRAPH_FILES = (".pb", ".pbtxt", ".meta")


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text}")
    return int(text)


def _seed(text):
    if not text.isdecimal() or int(text) >= 1 << 32:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to {(1 << 32) - 1}, got {text}")
    return int(text)


def _parser():
    parser = argparse.ArgumentParser(
        prog="hookloop", description="A training-session engine for the CPU with TensorFlow 1's public API."
    )
    parser.add_argument("--version", action="version", version=f"hookloop {HOOKLOOP_VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="train a small network on handwritten digits")
    demo.add_argument("--data", metavar="DIR", help="MNIST files in IDX format instead of scikit-learn's digits")
    demo.add_argument("--steps", type=_positive, default=3000, help="training steps (default: 3000)")
    demo.add_argument("--threads", type=_positive, help="threads of the session (default: all processors)")
    demo.add_argument("--seed", type=_seed, default=0, help="of the weights and the order of the batches (default: 0)")
    demo.add_argument(
        "--dir", metavar="DIR",
        help="write checkpoints and summaries (for TensorBoard) there, and go on from the latest checkpoint in it",
    )  # fmt: skip
    demo.add_argument("--plot", metavar="FILE.png", help="draw the loss curve into a file")
    demo.set_defaults(function=_demo)
    explain = commands.add_parser(
        "explain", help="print the plan of a graph in words",
        description="Prints the plan that a session would run: instructions, sizes, places, what was fused, the commit point.",
    )  # fmt: skip
    explain.add_argument(
        "source", metavar="MODULE:FUNCTION|FILE",
        help="a function that builds a graph and returns what to fetch, or (fetches, feed_dict); or a file with a GraphDef or a "
        "meta graph, binary or as text",
    )  # fmt: skip
    explain.add_argument(
        "--fetch", metavar="NAME", action="append", default=[], help="a tensor or an operation; may be repeated"
    )
    explain.add_argument(
        "--feed", metavar="NAME=SHAPE", action="append", default=[], type=_fed_shape,
        help="a placeholder's shape, as in x=64,784; may be repeated",
    )  # fmt: skip
    explain.set_defaults(function=_explain)
    return parser


def _fed_shape(text):
    name, equals, dims = text.partition("=")
    try:
        if not equals or not name:
            raise ValueError
        return name if ":" in name else name + ":0", tuple(int(d) for d in dims.split(",") if d)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected NAME=SHAPE as in x=64,784, got {text!r}") from None


class _UsageError(Exception):
    """The arguments make no sense; the message is for the user."""


class _ProgramError(Exception):
    """The user's own code failed: its cause is shown with the line that it comes from."""


def _explain(arguments):
    from . import errors
    from .explain import explain
    from .graph.graph import Graph

    try:
        with Graph().as_default() as graph:
            fetches, feed_dict = _read(arguments.source) if _is_file(arguments.source) else _built(arguments.source)
            fetches = arguments.fetch or fetches
            if fetches is None:
                fetches = _only_sink(graph)
            explain(fetches, {**(feed_dict or {}), **dict(arguments.feed)}, graph)
    except BrokenPipeError:
        raise
    except _ProgramError as error:
        import traceback

        traceback.print_exception(error.__cause__)
        print(f"hookloop explain: {arguments.source} failed", file=sys.stderr)
        return _USAGE_ERROR
    except (_UsageError, ValueError, TypeError, OSError, errors.OpError) as error:
        print(f"hookloop explain: {error}", file=sys.stderr)
        return _USAGE_ERROR
    return 0


def _is_file(source):
    """Whether a source is a file's name: one that exists, or that cannot be MODULE:FUNCTION."""
    return os.path.exists(source) or (":" not in source and (os.sep in source or source.endswith(_GRAPH_FILES)))


def _read(filename):
    """Adds the graph of a file to the default one: (fetches or None, None), as `_built`."""
    from .graph.collections import GraphKeys
    from .import_graph import import_graph_def
    from .train.graph_io import read_graph
    from .train.meta_graph import import_meta_graph

    if os.path.isdir(filename):
        raise _UsageError(f"expected a file with a GraphDef or a meta graph, got the directory {filename}")
    message = read_graph(filename)
    if message.DESCRIPTOR.name == "GraphDef":
        import_graph_def(message, name="")
        return None, None
    import_meta_graph(message)
    from .graph.stack import get_default_graph

    return get_default_graph().get_collection(GraphKeys.TRAIN_OP) or None, None


def _built(source):
    """What a function that builds a graph returns: (fetches or None, feed_dict or None)."""
    from importlib import import_module

    module, _, function = source.partition(":")
    if not module or not function:
        raise _UsageError(f"expected MODULE:FUNCTION or a file, got {source!r}")
    sys.path.insert(0, "")
    try:
        imported = import_module(module)
    except ModuleNotFoundError as error:
        raise _UsageError(error) from None
    except Exception as error:
        raise _ProgramError from error
    finally:
        sys.path.remove("")
    if not hasattr(imported, function):
        raise _UsageError(f"module {module!r} has no attribute {function!r}")
    build = getattr(imported, function)
    if not callable(build):
        raise _UsageError(f"expected a function as {source}, got an object of type {type(build).__name__!r}")
    try:
        made = build()
    except Exception as error:
        error.__traceback__ = error.__traceback__.tb_next  # from the user's code on
        raise _ProgramError from error
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], dict):
        return made
    return made, None


def _only_sink(graph):
    """What to fetch of a graph that ends in one operation: its outputs, or itself."""
    taken = {t.op for op in graph.get_operations() for t in op.inputs}
    taken |= {before for op in graph.get_operations() for before in op.control_inputs}
    sinks = [op.name for op in graph.get_operations() if op not in taken and op.type not in ("Const", "Placeholder")]
    if not sinks:
        raise _UsageError("the graph has no operation to run")
    if len(sinks) == 1:
        (sink,) = map(graph.get_operation_by_name, sinks)
        return sink.outputs or sinks
    names = ", ".join(sinks[:10]) + (", ..." if len(sinks) > 10 else "")
    raise _UsageError(f"say what to fetch with --fetch: the graph ends in {len(sinks)} operations: {names}")


def _demo(arguments):
    from . import _core, errors, logging
    from .demo.data import DataError, load_digits, load_idx
    from .demo.train import train

    try:
        digits = load_idx(arguments.data) if arguments.data else load_digits()
        draw = _plotter(arguments.plot) if arguments.plot else None
        made_before = _steps_in(arguments.dir) if arguments.dir else None
    except DataError as error:
        print(f"hookloop demo: {error}", file=sys.stderr)
        return _USAGE_ERROR
    logging.set_verbosity(logging.INFO)
    print(
        f"training {digits.pixels}-128-10 on {len(digits.train_x)} digits, {len(digits.test_x)} held out, "
        f"{arguments.steps} steps", flush=True,
    )  # fmt: skip
    if made_before is not None:
        print(_resuming(arguments, made_before), flush=True)
    try:
        result = train(digits, arguments.steps, arguments.threads, arguments.seed, arguments.dir)
    except (errors.OpError, ValueError, OSError) as error:
        if not arguments.dir:
            raise
        print(f"hookloop demo: {arguments.dir}: {_in_a_line(error)}", file=sys.stderr)
        return _USAGE_ERROR
    print(f"accuracy on the held-out digits: {result.accuracy:.4f}")
    steps = len(result.losses)
    if steps:
        rate, each = steps / result.seconds, result.seconds / steps * 1e6
        print(f"{rate:,.0f} steps per second, {each:.1f} microseconds per step")
    print(f"ISA level {_core.isa_name()}")
    if arguments.dir:
        print(f"see its curves and its graph: tensorboard --logdir {arguments.dir}")
    if draw is not None and steps:
        draw(result.losses, result.first_step)
        print(f"loss curve: {arguments.plot}")
    return 0


def _steps_in(directory):
    """The step of the latest checkpoint in a directory, None where there is none."""
    from . import errors, train
    from .demo.data import DataError
    from .files.os_errors import make_directories
    from .train.checkpoint_management import checkpoint_state_to_go_on_from

    try:
        make_directories(directory)
    except errors.OpError as error:  # it names the directory
        raise DataError(_in_a_line(error)) from None
    try:
        checkpoint_state_to_go_on_from(directory)  # raises where it is damaged
        latest = train.latest_checkpoint(directory)
        return None if latest is None else int(train.load_variable(latest, "global_step"))
    except (errors.OpError, OSError, ValueError) as error:
        raise DataError(f"{directory}: {_in_a_line(error)}") from None


def _in_a_line(error):
    """The first line of an error that has something to tell."""
    text = str(error).rpartition("Original error:\n")[2].strip()
    return text.splitlines()[0] if text else type(error).__name__


def _resuming(arguments, made_before):
    """Says how a training goes on."""
    if made_before >= arguments.steps:
        return f"{arguments.dir} holds a training of {made_before} steps: there is none left to make"
    return f"resuming from step {made_before}, the latest checkpoint in {arguments.dir}"


def _plotter(path):
    """A function that draws losses; what it needs is looked for before the training."""
    from pathlib import Path

    from .demo.data import DataError

    place = Path(path)
    if not place.resolve().parent.is_dir():
        raise DataError(f"{path}: its directory does not exist")
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        raise DataError("--plot needs matplotlib: pip install 'hookloop[demo]'") from None
    kind = place.suffix[1:].lower() or "png"
    known = pyplot.Figure().canvas.get_supported_filetypes()
    if kind not in known:
        raise DataError(f"{path}: expected a name that ends in one of {', '.join(sorted(known))}, got {kind}")
    try:
        place.open("ab").close()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None

    def draw(losses, first_step):
        figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
        axes.semilogy(range(first_step, first_step + len(losses)), losses, linewidth=0.6, color="tab:blue", alpha=0.35)
        width = max(len(losses) // 100, 1)
        means = [sum(losses[i : i + width]) / width for i in range(0, len(losses) - width + 1, width)]
        middle = first_step + width // 2
        axes.semilogy(range(middle, middle + width * len(means), width), means, color="tab:blue")
        axes.set(xlabel="step", ylabel="loss", title="Training loss")
        axes.grid(alpha=0.3)
        figure.savefig(path, dpi=120, format=kind)
        pyplot.close(figure)

    return draw


def main(argv=None):
    """Runs a command.

    Returns:
      The exit status: 0, 2 for arguments or files that make no sense, 130 after Ctrl-C, 141 where nobody reads
      what is printed.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.function(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to print goes nowhere
        return _NO_READER
