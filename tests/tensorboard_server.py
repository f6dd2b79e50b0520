"""A TensorBoard server on the loopback, for tests that look at what they wrote."""

import contextlib
import re
import subprocess
import sys
import urllib.parse
import urllib.request


@contextlib.contextmanager
def tensorboard(logdir):
    """Starts a server of a directory; gives a function that asks it for a path of its data."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", "0",
               "--load_fast", "false"]  # fmt: skip
    server = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        address = None
        for line in server.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                address = found.group()
                break
        assert address, "the server did not start"

        def get(path, **arguments):
            query = "?" + urllib.parse.urlencode(arguments) if arguments else ""
            with urllib.request.urlopen(f"{address}data/{path}{query}", timeout=60) as answer:
                return answer.read()

        yield get
    finally:
        server.terminate()
        server.wait()
        server.stderr.close()
