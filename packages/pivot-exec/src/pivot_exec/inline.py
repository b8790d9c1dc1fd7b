"""Debugging: stages run one at a time in the loader itself, with the terminal attached, so that breakpoints work."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pivot_core.interfaces import Started
from pivot_core.project import Project
from pivot_core.tracebacks import headline, user_traceback

from pivot_exec.messages import Ended, Run, Work
from pivot_exec.wire import Channel, unpacked


def serve(channel: Channel, project: Project, functions: Mapping[str, Callable[..., object]]) -> NoReturn:
    """Run each task as it comes, until the main process is gone."""
    try:
        while True:
            message = channel.receive()
            if isinstance(message, Run):
                work = unpacked(message.work)
                assert isinstance(work, Work)
                channel.send(Started(message.task, os.getpid()))
                channel.send(_run(project, message.task, work, functions[work.stage]))
    except (EOFError, OSError):
        os._exit(0)


def _note_in(log: Path) -> None:
    """The log of an earlier run must not be taken for that of this one."""
    with suppress(OSError):  # the stage runs all the same
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("it ran for debugging: what it printed went to the terminal\n", "utf-8")


def _run(project: Project, task: str, work: Work, function: Callable[..., object]) -> Ended:
    os.chdir(project.root)
    _note_in(Path(project.root, work.log))
    before = dict(os.environ)
    os.environ.update(work.environment)
    began, error = time.monotonic(), ""
    try:
        function(**work.params)
    except SystemExit as exit_:
        error = "" if exit_.code in (None, 0) else f"exit code {exit_.code}"
    except BaseException as raised:  # noqa: BLE001 - a stage may raise anything, a debugger's quit too
        print(user_traceback(raised), file=sys.stderr)  # noqa: T201 - the terminal is the stage's
        error = headline(raised)
    finally:
        os.environ.clear()
        os.environ.update(before)
        sys.stdout.flush()
        sys.stderr.flush()
    return Ended(task, time.monotonic() - began, error)
