"""Load projects in processes of their own, while what they look at is observed.

They are forked from one process that has imported the libraries, as Pivot's loader is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

from pivot_core import discover
from pivot_core.observation import Observed, first_change

_SERVER = """
import json, os, sys, traceback, warnings
from pathlib import Path
del sys.path[0]
warnings.simplefilter("ignore", DeprecationWarning)  # of fork, where a library has threads
import numpy, pandas, polars, pyarrow.csv, pyarrow.parquet, yaml
from pivot_core import discover, load_here

def load(root, environ, before, after, answer):
    os.environ.clear()
    os.environ.update(environ)
    sys.path[:0] = filter(None, environ.get("PYTHONPATH", "").split(":"))
    os.chdir(root)
    space = {}
    exec(before, space)
    loaded, functions = load_here(discover(Path(root)))
    space.update(loaded=loaded, functions=functions)
    exec(after, space)
    code = {name: code.digest for name, code in loaded.code.items()}
    answer.write(json.dumps([loaded.observed.to_data(), code, space.get("printed", "")]))

for line in sys.stdin:
    reader, writer = os.pipe()
    if not os.fork():
        with os.fdopen(writer, "w") as answer:
            try:
                load(*json.loads(line), answer)
            except BaseException as error:
                answer.write(json.dumps(getattr(error, "traceback", "") + traceback.format_exc()))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        print(answer.read(), flush=True)
    os.wait()
"""
_STAGE = "\n\nfrom pivot import stage\n@stage(outs='out.txt')\ndef make():\n    {body}\n"


class Watched:
    """A project below `root`, with a directory `outside` beside it that is no part of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.outside = root.parent / "outside"
        self.code: dict[str, str] = {}
        self.printed = ""
        root.mkdir()
        self.outside.mkdir()
        self.environ = {"LC_ALL": "C.UTF-8", "HOME": str(root.parent / "home"), "PATH": os.environ["PATH"]}

    def write(self, name: str, content: str | bytes = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
        return path

    def pipeline(self, text: str = "", body: str = "pass") -> None:
        """A pipeline file that starts with `text`, and declares a stage."""
        self.write("pipeline.py", textwrap.dedent(text) + _STAGE.format(body=body))

    def load(self, *, before: str = "", after: str = "") -> Observed:
        """Load in a new process, which runs `before` and `after`; tells what was observed, and what is in `printed`."""
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        request = [str(self.root), self.environ, textwrap.dedent(before), textwrap.dedent(after)]
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        assert isinstance(answer, list), answer
        data, self.code, self.printed = answer
        return Observed.from_data(data)

    def change(self, observed: Observed) -> str:
        """What a new load would find changed."""
        return first_change(observed, discover(self.root, self.environ), self.environ)

    def reusable(self) -> Observed:
        """Load, and check that the load can be used again as long as nothing changes."""
        observed = self.load()
        assert observed.problem == "", observed.problem
        assert self.change(observed) == "", self.change(observed)
        return observed


@cache
def _server() -> subprocess.Popen[str]:
    """Lives until its standard input is closed, which it is when this process ends."""
    command = [sys.executable, "-c", _SERVER]
    environ = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    return subprocess.Popen(
        command, env=environ, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, close_fds=True
    )
