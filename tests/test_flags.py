"""The flags of a program: its own file has them."""

import subprocess
import sys

PROGRAM = '''"""The program's words."""
import hookloop as tf
tf.app.flags.DEFINE_integer("steps", 20, "how many steps")
try:
    tf.flags.DEFINE_string("steps", "", "again")
except tf.flags.DuplicateFlagError as error:
    print(error)
def main(arguments):
    print(tf.flags.FLAGS.steps, arguments[1:])
tf.app.run()
'''


def test_help_and_errors_are_of_the_programs_file(tmp_path):
    """They were of the module that passes them on: --help listed none."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    shown = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True).stdout
    assert "The program's words." in shown and "--steps: how many steps" in shown
    assert f"The flag 'steps' is defined twice. First from {path}, " in shown
    run = subprocess.run([sys.executable, path, "--steps=3", "rest"], capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == "3 ['rest']", run.stderr
