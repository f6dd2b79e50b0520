"""The command line: `hookloop demo`, also `python -m hookloop demo`."""

from __future__ import annotations

import argparse
import sys

from .version import VERSION

__all__ = ["main"]

_USAGE_ERROR = 2
_INTERRUPTED = 130


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
    parser.add_argument("--version", action="version", version=f"hookloop {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="train a small network on handwritten digits")
    demo.add_argument("--data", metavar="DIR", help="MNIST files in IDX format instead of scikit-learn's digits")
    demo.add_argument("--steps", type=_positive, default=3000, help="training steps (default: 3000)")
    demo.add_argument("--threads", type=_positive, help="threads of the session (default: all processors)")
    demo.add_argument("--seed", type=_seed, default=0, help="of the weights and the order of the batches (default: 0)")
    demo.add_argument("--plot", metavar="FILE.png", help="draw the loss curve into a file")
    demo.set_defaults(function=_demo)
    return parser


def _demo(arguments):
    from . import _core, logging
    from .demo.data import DataError, load_digits, load_idx
    from .demo.train import train

    try:
        digits = load_idx(arguments.data) if arguments.data else load_digits()
        draw = _plotter(arguments.plot) if arguments.plot else None
    except DataError as error:
        print(f"hookloop demo: {error}", file=sys.stderr)
        return _USAGE_ERROR
    logging.set_verbosity(logging.INFO)
    print(
        f"training {digits.pixels}-128-10 on {len(digits.train_x)} digits, {len(digits.test_x)} held out, "
        f"{arguments.steps} steps", flush=True,
    )  # fmt: skip
    result = train(digits, arguments.steps, arguments.threads, arguments.seed)
    steps = len(result.losses)
    print(f"accuracy on the held-out digits: {result.accuracy:.4f}")
    print(f"{steps / result.seconds:,.0f} steps per second, {result.seconds / steps * 1e6:.1f} microseconds per step")
    print(f"ISA level {_core.isa_name()}, OpenBLAS core {_blas_core()}")
    if draw is not None:
        draw(result.losses)
        print(f"loss curve: {arguments.plot}")
    return 0


def _blas_core():
    from . import blas

    try:
        return blas.core_name()
    except ImportError:
        return "none (scipy-openblas32 is not installed)"


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
        raise DataError("--plot needs matplotlib: pip install hookloop[demo]") from None
    kind = place.suffix[1:].lower() or "png"
    known = pyplot.Figure().canvas.get_supported_filetypes()
    if kind not in known:
        raise DataError(f"{path}: expected a name that ends in one of {', '.join(sorted(known))}, got {kind}")
    try:
        place.open("ab").close()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None

    def draw(losses):
        figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
        axes.semilogy(losses, linewidth=0.6, color="tab:blue", alpha=0.35)
        width = max(len(losses) // 100, 1)
        means = [sum(losses[i : i + width]) / width for i in range(0, len(losses) - width + 1, width)]
        axes.semilogy(range(width // 2, width // 2 + width * len(means), width), means, color="tab:blue")
        axes.set(xlabel="step", ylabel="loss", title="Training loss")
        axes.grid(alpha=0.3)
        figure.savefig(path, dpi=120, format=kind)
        pyplot.close(figure)

    return draw


def main(argv=None):
    """Runs a command.

    Returns:
      The exit status: 0, 2 for arguments or files that make no sense, 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.function(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return _INTERRUPTED
