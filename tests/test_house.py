"""The rules of the house: which room may import which, and how long a file may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "hookloop"

# From the bottom up: a module may import, when it is loaded, only what stands before it or beside it.
FLOORS = [
    ["_core", "errors", "dtypes", "shapes", "version", "preambles", "messages", "later", "nest", "trackable"],
    ["files"],
    ["graph"],
    ["ops"],
    [
        "gradients",
        "region_gradients",
        "custom_gradient",
        "jacobians",
        "variables",
        "variable_def",
        "variable_scope",
        "partitioned",
        "initializers",
        "initial_values",
    ],
    ["compile"],
    [
        "_reference",
        "_reference_arrays",
        "_reference_shapes",
        "fetches",
        "session_conversions",
        "plan_table",
        "partial_run",
        "callable_options",
        "host_calls",
    ],
    ["session"],
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
TOP = len(FLOORS)


def modules():
    return sorted(p for p in ROOT.rglob("*.py") if "__pycache__" not in p.parts)


def parts_of(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return parts


def imported_rooms(path, everywhere=False):
    """The rooms of the house that a module imports: when it is loaded, or anywhere in it."""
    tree = ast.parse(path.read_text(), str(path))
    nodes = ast.walk(tree) if everywhere else loaded_nodes(tree)
    package = parts_of(path)[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from (name[1] for name in names if name[0] == "hookloop" and len(name) > 1)
        elif isinstance(node, ast.ImportFrom):
            yield from rooms_of_import_from(node, package)


def rooms_of_import_from(node, package):
    module = (node.module or "").split(".") if node.module else []
    if node.level == 0:
        if module[:1] != ["hookloop"]:
            return
        target = module[1:]
    else:
        target = package[: len(package) - (node.level - 1)] + module
    if target:
        yield target[0]
    else:
        yield from (alias.name for alias in node.names)


def loaded_nodes(tree):
    """The nodes that run when a module is loaded: not those inside functions."""
    stack = list(ast.iter_child_nodes(tree))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", modules(), ids=lambda p: "/".join(parts_of(p)))
def test_imports_go_downwards(path):
    room = parts_of(path)[0]
    floor = FLOOR_OF.get(room, TOP)
    if path.name == "__init__.py" and path.parent == ROOT:
        return
    for other in imported_rooms(path):
        if other in FLOOR_OF:
            assert FLOOR_OF[other] <= floor, f"{room} imports {other}, which is above it"
        else:
            assert floor == TOP or other == room, f"{room} imports {other}, which is above it"


def test_compile_never_imports_core():
    for path in modules():
        if parts_of(path)[0] == "compile":
            assert "_core" not in list(imported_rooms(path, everywhere=True)), path


def test_core_imports_no_module_of_the_house():
    for path in [*ROOT.glob("_core*.py[xd]"), *ROOT.glob("_core*.pxi")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert not words[1].startswith((".", "hookloop")), f"{path.name}:{number}: {line}"


def test_reference_executor_is_imported_by_its_switch_and_by_what_explains_a_nan_only():
    importers = {
        "/".join(parts_of(path)) for path in modules() if "_reference" in list(imported_rooms(path, everywhere=True))
    }
    assert importers <= {"session", "train/nan_inside"}


def test_hooks_import_neither_core_nor_compile():
    for path in (ROOT / "train").rglob("*.py"):
        if "hook" in path.stem:
            rooms = set(imported_rooms(path, everywhere=True))
            assert not rooms & {"_core", "compile"}, path


def sources():
    """All that people write: Python, Cython and C, the tests too. Stubs are generated."""
    house = ROOT.parent.parent
    written = (
        "src/**/*.py",
        "src/**/*.px*",
        "csrc/**/*.[ch]",
        "tests/**/*.py",
        "tests/**/*.[ch]",
        "bench/**/*.py",
        "tools/*.py",
    )
    found = {path for pattern in written for path in house.glob(pattern)}
    return sorted(str(path.relative_to(house)) for path in found if "__pycache__" not in path.parts)


@pytest.mark.parametrize("name", sources())
def test_every_file_says_its_subject_on_a_few_pages(name):
    text = (ROOT.parent.parent / name).read_text()
    if name.endswith(".py"):
        assert ast.get_docstring(ast.parse(text)) or not text.strip(), f"{name} has no docstring"
    else:
        assert text.startswith(("/*", "#", "//")), f"{name} does not begin by saying what it is for"
    assert len(text.splitlines()) <= 800, f"{name} has {len(text.splitlines())} lines"
