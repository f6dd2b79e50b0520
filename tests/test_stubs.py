"""What type checkers read of the compiled module is what it has: names, and the parameters of its functions."""

import ast
import inspect
from pathlib import Path

import pytest

from hookloop import _core

STUB = ast.parse((Path(_core.__file__).parent / "_core.pyi").read_text())
CLASSES = [node for node in STUB.body if isinstance(node, ast.ClassDef)]
FUNCTIONS = [node for node in STUB.body if isinstance(node, ast.FunctionDef)]


def declared(function, of_class):
    """(name, whether it may be left out) of each parameter in a stub."""
    named = [*function.args.posonlyargs, *function.args.args]
    named += [part for part in (function.args.vararg, function.args.kwarg) if part]
    plain = len(function.args.posonlyargs) + len(function.args.args)
    left_out = [plain - len(function.args.defaults) <= i < plain for i in range(len(named))]
    return [(a.arg, default) for a, default in zip(named, left_out)][of_class:]


def found(function, of_class):
    """The same of what is there."""
    parameters = list(inspect.signature(function).parameters.values())
    return [(p.name, p.default is not p.empty) for p in parameters if p.name not in ("self", "cls")]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda node: node.name)
def test_functions(function):
    assert declared(function, False) == found(getattr(_core, function.name), False)


@pytest.mark.parametrize("node", CLASSES, ids=lambda node: node.name)
def test_classes(node):
    kind = getattr(_core, node.name)
    for member in node.body:
        if isinstance(member, ast.AnnAssign):
            assert hasattr(kind, member.target.id), member.target.id
        if not isinstance(member, ast.FunctionDef):
            continue
        there = getattr(kind, member.name)
        if not member.decorator_list and not member.name.startswith("__"):
            assert declared(member, True) == found(there, True), member.name


@pytest.mark.parametrize("name", ["SessionRunArgs", "SessionRunContext", "SessionRunValues", "Trigger"])
def test_all_of_what_hooks_use_is_declared(name):
    kind = getattr(_core, name)
    known = {
        member.name if isinstance(member, ast.FunctionDef) else member.target.id
        for node in CLASSES
        if node.name in [c.__name__ for c in kind.__mro__]
        for member in node.body
        if isinstance(member, (ast.FunctionDef, ast.AnnAssign))
    }
    assert {n for n in dir(kind) if not n.startswith("_")} <= known
