"""`tf.app`: running a program's `main` with its flags parsed."""

from __future__ import annotations

import sys as _sys

from . import flags

__all__ = ["flags", "run"]


def run(main=None, argv=None):
    """Parses the flags, calls `main(argv)` with what is left over, and exits with what it returns.

    Args:
      main: a function; by default the `main` of the program.
      argv: the command line; by default the program's.
    """
    from absl import app

    def parse(arguments):
        return flags.FLAGS(_sys.argv if arguments is None else arguments, known_only=True)

    app.run(main=main or _sys.modules["__main__"].main, argv=argv, flags_parser=parse)
