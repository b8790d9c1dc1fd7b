"""Start processes like this one. The base of a run is started first of all, and comes up while this process imports.

Hashes are the same in all of them, so that sets have one order, unless the user chose a seed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from pivot_exec import starter

if TYPE_CHECKING:
    from pivot_core.project import Project


class Base:
    """A base that was started, and the end of its socket pair. `prepared` is the project it was told of."""

    def __init__(self, *, attached: bool = False) -> None:
        self.end, theirs = socket.socketpair()
        self.prepared: Project | None = None
        command, environment = interpreter("pivot_exec.base", str(theirs.fileno()))
        with theirs:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=None if attached else subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=not attached,
            )

    def prepare(self, project: Project, *, debug: bool = False) -> None:
        """Let it import the libraries of `project`, unless it did."""
        from pivot_exec.messages import Prepare
        from pivot_exec.wire import Channel

        if self.prepared != project:
            self.prepared = project
            try:
                Channel(self.end).send(Prepare(project, debug))
            except OSError:
                pass  # it has ended; reading from it says so


_early: list[Base] = []


def start_early() -> None:
    """Start a base for the run to come."""
    try:
        _early.append(Base())
    except OSError:
        pass  # the run will start one, or say why there is none


def prepare_early(project: Project) -> None:
    """Tell the base that was started early, if there is one, what it is for; end it where another has stayed."""
    if _early and os.path.isdir(directory_of_kept()):  # noqa: PTH112 - a Path is not needed otherwise
        from pivot_exec import warm

        if warm.is_there(project):
            end_early()
    for base in _early:
        base.prepare(project)


def base_for(project: Project, *, debug: bool) -> Base:
    """The base that was started early, if it is right for `project`, else a new one; prepared."""
    base = None if debug else take_early()
    if base is not None and base.prepared not in (None, project):
        end(base)
        base = None
    if base is None:
        base = Base(attached=debug)
    base.prepare(project, debug=debug)
    return base


def take_early() -> Base | None:
    return _early.pop() if _early else None


def end_early() -> None:
    """End the base that was started early, if nobody has taken it."""
    base = take_early()
    if base is not None:
        end(base)


def end(base: Base) -> None:
    """End a base that runs nothing yet."""
    from pivot_exec import system

    system.kill_group(base.process.pid, signal.SIGKILL)  # what libraries have started included
    base.process.wait()
    base.end.close()


def directory_of_kept() -> str:
    """Where bases wait that stay after a run. It need not be there."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    return f"{given}/pivot" if given else f"{os.environ.get('TMPDIR') or '/tmp'}/pivot-{os.getuid()}"


def interpreter(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command line and environment for a process like this one that runs `module`; it gets "hide" or "keep" last,
    for whether PYTHONHASHSEED is Pivot's doing."""
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
    environment, seed = dict(os.environ), "keep"
    if not environment.get("PYTHONHASHSEED"):
        environment["PYTHONHASHSEED"], seed = "0", "hide"
    return [sys.executable, *flags, starter.__file__, module, *arguments, seed], environment
