"""Start the base of a run. That is done first of all: it comes up while this process imports the command line."""

from __future__ import annotations

import _socket  # socket itself would make an enum of each number
import os
import sys

from pivot_exec.process import Process

if sys.platform != "win32":
    from _socket import socketpair
else:
    from socket import socketpair

_MODULE = "pivot_exec.base" if sys.platform != "win32" else "pivot_exec.unforked"
TYPE_CHECKING = False  # importing typing takes as long as all the rest
if TYPE_CHECKING:
    from socket import socket

    from pivot_core.project import Project


class Base:
    """A base that was started, and this end of its socket pair. `prepared` is the project it was told of."""

    def __init__(self, *, attached: bool = False) -> None:
        ours, theirs = socketpair()
        self.prepared: Project | None = None
        self._end: socket | None = None
        self._descriptor = ours.detach()
        try:
            self.process = Process(_MODULE, theirs.fileno(), attached=attached)
        except OSError:
            _socket.close(self._descriptor)
            raise
        finally:
            theirs.close()

    @property
    def end(self) -> socket:
        """This process's end, to be closed by who takes it."""
        if self._end is None:
            from socket import socket

            self._end = socket(fileno=self._descriptor)
        return self._end

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
    base.process.end()  # what libraries have started included
    base.end.close()


def inherited() -> tuple[object, ...]:
    """What a process hands on to those that it starts, besides its variables: umask, priority, CPUs, limits."""
    if sys.platform == "win32":
        return ()
    import resource

    umask = os.umask(0o077)
    os.umask(umask)
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    limits = [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]
    return umask, os.getpriority(os.PRIO_PROCESS, 0), cpus, limits


def place_of_kept(root: str) -> str:
    """The socket at which the base waits that has stayed for the project at `root`. It need not be there."""
    from xxhash import xxh3_128_hexdigest

    return f"{directory_of_kept()}/{xxh3_128_hexdigest(os.fsencode(f'{root}\0{sys.executable}'))}"


def is_private(directory: str) -> bool:
    """Whether a directory is this user's, who alone can enter it."""
    if sys.platform == "win32":
        return False
    try:
        stat = os.lstat(directory)
    except OSError:
        return False
    return stat.st_uid == os.getuid() and stat.st_mode & 0o170077 == 0o040000


def directory_of_kept() -> str:
    """Where bases wait that stay after a run. It need not be there; empty where none stay."""
    if sys.platform == "win32":
        return ""
    given = os.environ.get("XDG_RUNTIME_DIR")
    return f"{given}/pivot" if given else f"{os.environ.get('TMPDIR') or '/tmp'}/pivot-{os.getuid()}"
