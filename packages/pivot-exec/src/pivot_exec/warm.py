"""A base that stays after a run, so that the next one does not import the libraries again.

Nothing of the project is in a base: it forks a loader for each run, which imports the project anew. It waits at a
socket in a directory that only its user can enter, serves one run at a time, and ends when nobody came for as long as
it was asked to stay, or when somebody comes for whom it is not right: with other environment variables or limits,
another Python, other installed packages, or after a change of a module that it has imported. Command lines run in forks
of it, which come to it for their run.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import attrs
from pivot_core.observation.always import always_now
from pivot_core.project import Project
from pivot_core.storage.stamps import SECOND, Stamp, changed_at

from pivot_exec import preload, starting
from pivot_exec.command import Command, start
from pivot_exec.messages import Setup
from pivot_exec.wire import Channel

_CHECK = 5.0  # seconds for one end to say whether it takes the other
_MARGIN = 2 * SECOND  # how much older than a base its modules must be, for their stamps to say that they are the same
_OF_THE_SHELL = frozenset({"PWD", "OLDPWD", "SHLVL", "_"})  # variables that no library minds


@attrs.frozen
class Greeting:
    """What a main process says to a base that has stayed, with its stderr. The base says True, or hangs up."""

    setup: Setup
    environment: Mapping[str, str]
    inherited: tuple[object, ...]
    always: str


def connect(setup: Setup) -> socket.socket | None:
    """Reach the base that stayed for this project, if there is one and it is right for `setup`."""
    path = _place(setup.project)
    if path is None or not path.exists():
        return None
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end.settimeout(_CHECK)
        end.connect(str(path))
        socket.send_fds(end, [b"\0"], [2])
        channel = Channel(end)
        channel.send(Greeting(setup, dict(os.environ), starting.inherited(), always_now(setup.project)))
        if channel.receive() is not True:
            raise EOFError
    except (OSError, EOFError):
        end.close()
        return None
    end.settimeout(None)
    return end


def is_there(project: Project) -> bool:
    """Whether a base seems to have stayed for `project`."""
    path = _place(project)
    return path is not None and path.exists()


def dismiss(project: Project) -> None:
    """End the base that stayed for `project`, if there is one: it hears from somebody who hangs up."""
    path = _place(project)
    if path is None or not path.exists():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.settimeout(_CHECK)
        end.connect_ex(str(path))


class Stayed:
    """The base's side. Made before the libraries are imported."""

    def __init__(self, project: Project, *, imports_first: bool) -> None:
        """`imports_first`: whether it imports libraries before the project is."""
        self.commands: set[int] = set()  # the processes of command lines that run
        self._began = time.time_ns()
        self._environment = _compared(os.environ)
        self._inherited = starting.inherited()
        self._always = always_now(project)
        self._imports_first = imports_first
        self._modules: dict[str, Stamp] = {}
        self._listener: socket.socket | None = None

    def listen(self, project: Project) -> None:
        """From now on who comes waits for `next`."""
        path = _place(project)
        self._listener = None if path is None else _listen(path)

    def next(self, setup: Setup, seconds: float) -> tuple[Channel, Setup] | None:
        """Wait up to `seconds` for the run after that of `setup`, and take over its stderr; None if this process should
        end. `listen` comes first."""
        listener, self._listener = self._listener, None
        if listener is None:
            return None
        with listener:
            listener.settimeout(seconds)
            preload.import_command(setup.command)  # who comes meanwhile waits
            try:
                while self._remember_modules() and (first := self._received(listener.accept()[0])) is not None:
                    channel, descriptors, message = first
                    if isinstance(message, Greeting):
                        return self._taken(channel, descriptors, message)
                    if not self._runs(channel, descriptors, message, setup.project, listener.fileno()):
                        return None
            except TimeoutError:
                pass
            finally:
                Path(listener.getsockname()).unlink(missing_ok=True)
        return None

    def _received(self, end: socket.socket) -> tuple[socket.socket, list[int], object] | None:
        """What somebody who comes says first; None for who may not, or says nothing."""
        end.settimeout(_CHECK)
        if not _is_same_user(end):
            return None
        try:
            _, descriptors, _, _ = socket.recv_fds(end, 1, 3)
            return (end, descriptors, Channel(end).receive()) if descriptors else None
        except (OSError, EOFError):
            return None

    def _runs(self, end: socket.socket, streams: list[int], message: object, project: Project, listener: int) -> bool:
        """Have a command line run that somebody has typed; whether this base is right for it."""
        self._reap()
        try:
            command = Command._make(cast("Iterable[Any]", message))
        except TypeError:
            return False
        with end:
            if not self._is_same(command.environment, command.inherited, always_now(project)):
                return False
            self.commands.add(start(end, streams, command, (listener,)))
        for descriptor in streams:
            os.close(descriptor)
        return True

    def _reap(self) -> None:
        for pid in list(self.commands):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self.commands.remove(pid)

    def _taken(self, end: socket.socket, descriptors: list[int], greeting: Greeting) -> tuple[Channel, Setup] | None:
        if not self._is_right(greeting):
            return None
        channel = Channel(end)
        try:
            channel.send(True)
        except OSError:
            return None
        end.settimeout(None)
        for target in (1, 2):
            os.dup2(descriptors[0], target)
        os.close(descriptors[0])
        os.environ.clear()
        os.environ.update(greeting.environment)
        return channel, greeting.setup

    def _remember_modules(self) -> bool:
        """Note the stamps of the modules that are imported. False if one may have changed while it was."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if not isinstance(file, str) or file in self._modules:
                continue
            try:
                stat = os.stat(file)  # noqa: PTH116 - done for hundreds of files
            except OSError:
                continue  # in an archive, or not on disk at all
            if changed_at(stat) + _MARGIN > self._began:
                return False
            self._modules[file] = Stamp.of(stat)
        return True

    def _is_right(self, greeting: Greeting) -> bool:
        if not self._is_same(greeting.environment, greeting.inherited, greeting.always):
            return False
        # Or the project does not want libraries to be imported before it, not any more.
        return not self._imports_first or bool(preload.libraries(greeting.setup.project))

    def _is_same(self, environment: Mapping[str, str], inherited: tuple[object, ...], always: str) -> bool:
        if (_compared(environment), inherited, always) != (self._environment, self._inherited, self._always):
            return False
        try:
            return all(Stamp.of(os.stat(file)) == stamp for file, stamp in self._modules.items())  # noqa: PTH116
        except OSError:
            return False


def _place(project: Project) -> Path | None:
    """Where the base of `project` waits; None where only the user's own directory cannot be had."""
    if not hasattr(socket, "AF_UNIX") or not hasattr(socket, "send_fds"):
        return None
    directory = starting.directory_of_kept()
    try:
        Path(directory).mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    return Path(starting.place_of_kept(str(project.root))) if starting.is_private(directory) else None


def _listen(path: Path) -> socket.socket | None:
    """A socket at `path`; None if another base waits there already."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.setblocking(False)  # one that was stopped, and has others waiting, takes nobody
            if other.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT):
                listener.close()
                return None
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(1)
    except OSError:
        listener.close()
        return None
    return listener


def _is_same_user(end: socket.socket) -> bool:
    """Whether the process at the other end is this user's; where that cannot be asked the directory has to do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return bool(user == os.getuid())


def _compared(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in _OF_THE_SHELL}
