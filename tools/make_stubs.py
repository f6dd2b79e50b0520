"""Writes src/hookloop/__init__.pyi: every public name of the namespace, from where it is defined.

    python tools/make_stubs.py          writes the file
    python tools/make_stubs.py --check  says whether it is what it should be

Type checkers cannot see what is loaded when it is first asked for; the stub tells them.
"""

import re
import sys
from importlib import import_module
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "hookloop"
STUB = PACKAGE / "__init__.pyi"


def stub():
    """The text of the stub."""
    import hookloop
    from hookloop import messages

    lines = ["# Written by tools/make_stubs.py.", "from typing import Any", ""]
    source = (PACKAGE / "__init__.py").read_text()
    seen = set()
    for module in re.findall(r"^from \.([\w.]+) import \*", source, re.MULTILINE):
        names = [n for n in import_module(f"hookloop.{module}").__all__ if n not in seen]
        seen.update(names)
        if names:
            lines.append(f"from .{module} import (")
            lines += [f"    {name} as {name}," for name in sorted(names)]
            lines.append(")")
    later = sorted((name, module) for name, module in hookloop._later.names.items() if module != "messages")
    lines += [f"from .{module} import {name} as {name}" for name, module in later]
    lines += [f"from . import {name} as {name}" for name in sorted(hookloop._later.modules - seen)]
    lines += [
        "from . import dtypes as dtypes, errors as errors",
        "from .errors import OpError as OpError",
        "from .compat import dimension_at_index as dimension_at_index, dimension_value as dimension_value",
        "from .shapes import Dimension as Dimension, TensorShape as TensorShape",
        "",
        "__version__: str",
        "__git_version__: str",
        "__compiler_version__: str",
        "__cxx11_abi_flag__: int",
        "__monolithic_build__: int",
        "VERSION: str",
        "GIT_VERSION: str",
        "COMPILER_VERSION: str",
        "CXX11_ABI_FLAG: int",
        "GRAPH_DEF_VERSION: int",
        "GRAPH_DEF_VERSION_MIN_CONSUMER: int",
        "GRAPH_DEF_VERSION_MIN_PRODUCER: int",
        "MONOLITHIC_BUILD: int",
        "",
        "def get_logger() -> Any: ...",
        "def get_include() -> str: ...",
        "",
        "# Protocol buffers, loaded when they are first asked for.",
    ]
    lines += [f"{name}: Any" for name in sorted(messages.TOP_LEVEL) if name not in seen]
    return "\n".join(lines) + "\n"


def main():
    text = stub()
    if "--check" in sys.argv:
        if not STUB.exists() or STUB.read_text() != text:
            sys.exit(f"{STUB.name} is not what the namespace says: run python tools/make_stubs.py")
        return
    STUB.write_text(text)


if __name__ == "__main__":
    main()
