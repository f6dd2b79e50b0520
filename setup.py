"""Builds `hookloop._core`: Cython, the C runner, and every kernel file once for each ISA level.

Environment:
  HOOKLOOP_BUILD=debug         debug counters (-DHL_DEBUG), -O1 and symbols
  HOOKLOOP_BUILD=fence         values between pages that nobody may touch (csrc/fence.h)
  HOOKLOOP_SANITIZE=address,undefined   the given sanitizers (thread: the kernels are left out)
  HOOKLOOP_COVERAGE=1          gcov instrumentation
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
CSRC = Path("csrc")
KERNELS = CSRC / "kernels"
OBJECTS = Path("build") / f"csrc-{sys.implementation.cache_tag}"  # of every kind of build: pip's own are temporary
GENERATED = Path("src/hookloop/_core.c")
LEVELS = {"baseline": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    LEVELS["avx2"] = ["-mavx2", "-mfma", "-mf16c"]
    LEVELS["avx512"] = [
        "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx2", "-mfma", "-mf16c", "-mprefer-vector-width=512",
    ]  # fmt: skip
# Functions begin at lines of the cache, so that what stands before a kernel does not change how fast a short one is.
COMMON = [
    "-std=gnu11", "-falign-functions=64", "-fvisibility=hidden", "-fPIC", "-Wall", "-Wextra", "-Wno-unused-parameter",
    "-Wno-type-limits", "-Wno-missing-field-initializers",
]  # fmt: skip
KERNEL_FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]


def refuse_other_machines():
    """Says in a sentence what the C code is not written for, before anything is built."""
    if sys.platform == "win32":
        raise SystemExit("hookloop does not build on Windows: Linux on x86-64 and AArch64 are supported.")
    bits = (sys.maxsize + 1).bit_length()
    if bits != 64 or sys.byteorder != "little":
        raise SystemExit(
            f"hookloop needs a 64-bit little-endian Python, and this one is {bits}-bit, {sys.byteorder}-endian."
        )


def switches():
    """Compiler and linker flags of the build switches."""
    compile_flags, link_flags = [], []
    if os.environ.get("HOOKLOOP_BUILD") == "debug":
        compile_flags += ["-DHL_DEBUG", "-O1", "-g"]
    sanitizers = os.environ.get("HOOKLOOP_SANITIZE")
    if sanitizers:
        compile_flags += [f"-fsanitize={sanitizers}", "-g", "-fno-omit-frame-pointer"]
        link_flags += [f"-fsanitize={sanitizers}"]
    if os.environ.get("HOOKLOOP_COVERAGE"):
        compile_flags += ["--coverage"]
        link_flags += ["--coverage"]
    return compile_flags, link_flags


def families(source):
    """The names in a kernel file's HL_FAMILY lines."""
    return re.findall(r"^HL_FAMILY\((\w+),", source.read_text(), re.MULTILINE)


def level_table(names):
    """C source of hl_isa_families: which families each level has."""
    lines = ['#include "isa.h"', "#include <string.h>", ""]
    for level in LEVELS:
        lines += [f"extern const hl_family hl_family_{level}_{name};" for name in names]
        entries = "".join(f"    &hl_family_{level}_{name},\n" for name in names)
        lines += [f"static const hl_family *const {level}_families[] = {{\n{entries}    NULL}};", ""]
    lines += ["const hl_family *const *hl_isa_families(const char *level) {"]
    lines += [f'    if (!strcmp(level, "{level}")) return {level}_families;' for level in LEVELS]
    lines += ["    return NULL;", "}", ""]
    return "\n".join(lines)


class BuildCore(build_ext):
    """Compiles kernel files into one object directory an ISA level; setuptools would compile each only once."""

    def build_extension(self, extension):
        import numpy

        self.include_flags = [f"-I{CSRC}", f"-I{KERNELS}", f"-I{CSRC / 'include'}"]
        extra, link = switches()
        extension.include_dirs = [numpy.get_include(), str(CSRC)]
        extension.define_macros = [
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"),
        ]
        extension.extra_compile_args = ["-O2", "-fvisibility=hidden", "-Wno-unused-function", *extra]
        extension.extra_link_args = [*link, "-lm", "-lpthread"]
        extension.extra_objects = self.build_c(extra)
        extension.depends = [*extension.depends, *extension.extra_objects]
        linked = OBJECTS / "linked"
        self.force = self.force or not linked.exists()  # the same for the extension module
        linked.unlink(missing_ok=True)
        super().build_extension(extension)
        linked.touch()

    def build_c(self, extra):
        compiler = os.environ.get("CC") or "cc"
        if shutil.which(compiler.split()[0]) is None:
            raise SystemExit(f"hookloop needs a C compiler: there is no {compiler}; install gcc or clang, or set CC")
        table = OBJECTS / "isa_families.c"
        table.parent.mkdir(parents=True, exist_ok=True)
        kernels = sorted(KERNELS.glob("*.c"))
        text = level_table([name for source in kernels for name in families(source)])
        if not table.exists() or table.read_text() != text:
            table.write_text(text)
        headers = max(h.stat().st_mtime for h in [*CSRC.rglob("*.h"), *KERNELS.glob("*.inl"), Path(__file__)])
        # What kernels do to a session's variables from several threads at once is a race by contract.
        kernel_extra = [] if os.environ.get("HOOKLOOP_SANITIZE") == "thread" else extra
        fence = ["-DHL_FENCE"] if os.environ.get("HOOKLOOP_BUILD") == "fence" else []
        jobs = []
        for source in [*sorted(CSRC.glob("*.c")), table]:
            jobs.append((source, OBJECTS / "runner" / (source.stem + ".o"), ["-O2", *fence, *extra]))
        for level, flags in LEVELS.items():
            for source in kernels:
                level_flags = [*KERNEL_FLAGS, *flags, f"-DHL_ISA={level}", *kernel_extra]
                jobs.append((source, OBJECTS / level / (source.stem + ".o"), level_flags))
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(lambda job: self.compile_one(compiler, headers, *job), jobs))
        return [str(target) for _, target, _ in jobs]

    def compile_one(self, compiler, headers, source, target, flags):
        command = [*compiler.split(), *COMMON, *self.include_flags, *flags, "-c", str(source), "-o", str(target)]
        note = target.with_suffix(".cmd")
        newest = max(headers, source.stat().st_mtime)
        if (
            target.exists()
            and target.stat().st_mtime > newest
            and note.exists()
            and note.read_text() == " ".join(command)
        ):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)  # half a file, left by a build that is killed, is not taken for a whole one
        subprocess.run(command, check=True)
        note.write_text(" ".join(command))


class BuildPython(build_py):
    """Installs the public C header with the package."""

    def run(self):
        super().run()
        header = CSRC / "include" / "hookloop.h"
        if header.exists():
            target = Path(self.build_lib) / "hookloop" / "include"
            self.mkpath(str(target))
            self.copy_file(str(header), str(target / header.name))


def extensions():
    from Cython.Build import cythonize

    core = Extension(
        "hookloop._core", ["src/hookloop/_core.pyx"], depends=[str(p) for p in Path("src/hookloop").glob("*.px[di]")]
    )
    modules = cythonize([core], language_level=3, force=stale_core())
    if not GENERATED.read_bytes().endswith(last_line()):
        with GENERATED.open("ab") as file:
            file.write(last_line())
    return modules


def last_line():
    """What ends the generated C: that it is whole, and the libraries by whose versions it differs."""
    import Cython
    import numpy

    return f"/* Made by Cython {Cython.__version__} for NumPy {numpy.__version__}. */\n".encode()


def stale_core():
    """Whether the generated C is half a file, of other libraries, or older than an included file: Cython does not look at these."""
    if not GENERATED.exists() or not GENERATED.read_bytes().endswith(last_line()):
        return True
    return any(p.stat().st_mtime > GENERATED.stat().st_mtime for p in Path("src/hookloop").glob("*.px[di]"))


if __name__ == "__main__":
    refuse_other_machines()
    os.chdir(ROOT)
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildCore, "build_py": BuildPython})
