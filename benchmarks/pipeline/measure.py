"""Run a command and say what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

LIMIT = 1800.0  # seconds that a command may take
_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in which the system counts ru_maxrss


class CommandFailed(Exception):  # noqa: N818 - reads as what happened
    """A tool did not do its work; with the end of its output."""


@attrs.frozen
class Cost:
    """Wall and CPU seconds of a command with all its children, and the bytes of the largest process among them."""

    seconds: float
    cpu: float
    memory: int


def run(command: Sequence[str], root: Path, environment: Mapping[str, str], *, codes: tuple[int, ...] = (0,)) -> Cost:
    """Run `command` in `root`. Raises CommandFailed if its exit code is none of `codes`."""
    log = log_of(root)
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
        raise CommandFailed(f"{' '.join(command)} in {root} ended with {process.returncode}:\n{tail}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _UNIT)


def log_of(root: Path) -> Path:
    """The file that holds what the last command in `root` printed."""
    return root.parent / f"{root.name}.log"
