"""What the documents say of the project: the files, tests and passes that they name are there, and their examples run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hookloop as tf
from hookloop.compile.passes import PASSES

ROOT = Path(__file__).parent.parent
if not (ROOT / "docs").exists():
    pytest.skip("docs/ is not there: these are tests of a checkout", allow_module_level=True)
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "bench").glob("*.md")),
]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def blocks(language):
    """(document, text) of each block of a language, without the indentation of a list that it stands in."""
    for document in DOCUMENTS:
        for indentation, name, text in BLOCK.findall(document.read_text()):
            if name == language:
                yield document, re.sub(f"^{indentation}", "", text, flags=re.MULTILINE)


def named_in(text):
    return set(re.findall(r"`([^`\s]+?)/?`", text))


def rooms():
    """What stands in the package: its files and folders, but for what is generated or has no subject of its own."""
    left_out = {"__init__.py", "__main__.py", "__pycache__"}
    found = {
        path.name for path in (ROOT / "src" / "hookloop").iterdir() if path.is_dir() or path.suffix in (".py", ".pxi")
    }
    return sorted(found - left_out)


@pytest.mark.parametrize("name", rooms())
def test_each_room_is_described(name):
    assert any(path.split("/")[0] == name for path in named_in(ARCHITECTURE)), (
        f"docs/architecture.md does not name {name}"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "src/hookloop/compile").glob("[a-z]*.py")), ids=lambda path: path.name)
def test_each_file_of_the_compiler_is_described(path):
    assert {path.name, f"compile/{path.name}"} & named_in(ARCHITECTURE), (
        f"docs/architecture.md does not name {path.name}"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "csrc").rglob("*.[ch]")), ids=lambda path: path.name)
def test_each_file_of_c_is_described(path):
    name = path.relative_to(ROOT / "csrc").as_posix()
    assert {path.name, f"csrc/{name}"} & named_in(ARCHITECTURE), f"docs/architecture.md does not name {name}"


def test_the_passes_are_described_in_their_order():
    table = ARCHITECTURE.split("| pass, in this order |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [rule.__name__ for rule in PASSES]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_and_tests_that_are_named_exist(document):
    text = document.read_text()
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (document.parent / link).exists(), link
    for name, listed in re.findall(r"`(tests/[\w/]+\.py)` \(((?:`test_\w+`(?:, )?)+)\)", text):
        for test in re.findall(r"`(\w+)`", listed):
            assert f"def {test}(" in (ROOT / name).read_text(), f"{name}: {test}"
    for name, test in re.findall(r"`((?:tests|bench|csrc|src|docs|tools|examples)/[\w./]+)(?:::(\w+))?`", text):
        assert (ROOT / name).exists() or list(ROOT.glob(f"{name}.*")), name
        assert not test or f"def {test}(" in (ROOT / name).read_text(), f"{name}::{test}"


def test_each_difference_names_its_test():
    rows = [line for line in (ROOT / "docs" / "migrating.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 50
    for row in rows:
        assert re.search(r"\| `tests/[\w/]+\.py(::test_\w+`|` \((`test_\w+`(, )?)+\)) \|$", row), row


def anchors(document):
    """What a link may name within a document: its headings, in the form that they have in links."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_headings_that_are_linked_exist(document):
    for link, anchor in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", document.read_text()):
        assert anchor in anchors(document.parent / link if link else document), f"{link}#{anchor}"


def test_the_example_of_the_readme_trains(tmp_path):
    (text,) = [text for document, text in blocks("python") if document.name == "README.md"]
    report = "\nprint(session.stop_reason)\n"
    run = subprocess.run(
        [sys.executable, "-c", text + report], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout == "StopAtStepHook requested a stop\n"
    losses = [float(loss) for loss in re.findall(r"loss = ([\d.e+-]+)", run.stderr)]
    assert len(losses) == 5 and losses[-1] < 0.1 * losses[0], run.stderr


def test_what_the_readme_says_is_not_there_is_not_there():
    (listed,) = re.findall(r"^Not there yet: (.*?)\n\n", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    names = re.findall(r"`tf\.(\w+)`", listed)
    assert len(names) > 10
    assert [name for name in names if hasattr(tf, name)] == []


def test_the_loop_of_the_ways_to_end_runs():
    ((_, text),) = [block for block in blocks("python") if block[0].name == "how-a-run-ends.md"]
    A, B, C = (tf.train.SessionRunHook() for _ in range(3))
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    loop = text.replace("hooks=[A, B, C]", "hooks=[A, B, C, tf.train.StopAtStepHook(4)]")
    assert loop != text
    exec(loop, {"tf": tf, "A": A, "B": B, "C": C, "step": step})


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_first_native_hook_is_built_and_called(tmp_path):
    (function,) = [text for _, text in blocks("c")]
    (tmp_path / "first.c").write_text(function + "\nint32_t (*used)(hl_hook_ctx *, void *) = after_step;\n")
    command = ["cc", "-fsyntax-only", "-Wall", "-Werror", f"-I{tf.get_include()}", "first.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    (console,) = [text for _, text in blocks("console")]
    commands = re.findall(r"^\$ (.*)$", console, re.MULTILINE)
    assert commands.pop(0) == "cd examples/native_hooks"
    shutil.copy(ROOT / "examples" / "native_hooks" / "running_mean.c", tmp_path)
    script = "set -e\n" + "\n".join(commands).replace("$(python ", f"$({sys.executable} ")
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True)
    (text,) = [text for document, text in blocks("python") if document.name == "native-hooks.md"]
    run = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True)
    steps, *reason = run.stdout.split()
    assert 0 < int(steps) < 1000 and reason, run.stdout
