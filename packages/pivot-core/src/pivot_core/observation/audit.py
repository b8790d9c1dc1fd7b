"""What Python itself tells of: files that are opened, directories that are listed, processes, the network.

An audit hook cannot be taken away. Python gets one at most, which does nothing while nobody listens.
"""

from __future__ import annotations

import os
import stat as modes
import sys
from _thread import get_ident
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Final

from pivot_core.observation.looks import DATABASE_LOGS, KIND
from pivot_core.observation.places import is_import
from pivot_core.observation.recorder import Recorder

_STARTS: Final = "the pipeline starts a process while it is loaded"
_CONNECTS: Final = "the pipeline uses the network while it is loaded"
_PROBLEMS: Final = {
    **dict.fromkeys(("subprocess.Popen", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"), _STARTS),
    **dict.fromkeys(("os.system", "os.exec", "os.startfile", "pty.spawn"), _STARTS),
    **dict.fromkeys(("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"), _CONNECTS),
    **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), _CONNECTS),
    "socket.getnameinfo": _CONNECTS,
    "builtins.input": "the pipeline reads from the terminal while it is loaded",
    "os.getxattr": "the pipeline reads extended attributes while it is loaded",
    "os.listxattr": "the pipeline reads extended attributes while it is loaded",
}
_HARMLESS_DEVICES: Final = frozenset({"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/full"})
_METADATA: Final = os.path.join("importlib", "metadata", "__init__.py")  # noqa: PTH118 - text in, text out
_stat, _readlink = os.stat, os.readlink

type _Handler = Callable[["Listener", tuple[Any, ...], FrameType | None], None]

_listener: Listener | None = None
_is_hooked = False


class Listener:
    """Turns audit events, and calls that are watched, into notes."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.places = recorder.places
        self.on_code: Callable[[CodeType], None] | None = None
        """Is given the code of a user's module before it is run."""
        self._busy: set[int] = set()

    def start(self) -> None:
        global _listener, _is_hooked
        _listener = self
        if not _is_hooked:
            sys.addaudithook(_hook)
            _is_hooked = True

    def stop(self) -> None:
        global _listener
        _listener = None

    def take(self, handler: _Handler, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
        """Note an event. What noting it does itself is none, and it never raises."""
        me = get_ident()
        if me in self._busy:
            return
        self._busy.add(me)
        try:
            handler(self, arguments, frame)
        except Exception as error:  # noqa: BLE001 - the event is the user's, who must not see this
            self.recorder.fail(f"loading could not be observed: {type(error).__name__}: {error}")
        finally:
            self._busy.discard(me)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _listener is None:
        return
    handler = _HANDLERS.get(event)
    if handler is not None:
        _listener.take(handler, arguments, sys._getframe(1))  # noqa: SLF001 - the frame that the event is about
    elif event in _PROBLEMS:
        _listener.recorder.fail(_PROBLEMS[event])


def absolute(path: object, directory: int | None = None) -> str | None:
    """`path` as it is meant at this moment; None for what is no path. `directory` is a descriptor it is relative to."""
    if isinstance(path, int):
        return _opened_as(path)
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    text = os.fsdecode(path)
    if "\0" in text:
        return None
    if directory is not None and text[:1] != os.sep:
        text = os.path.join(_opened_as(directory) or "", text)  # noqa: PTH118 - text in, text out
    if text[:1] != os.sep:
        text = f"{os.getcwd()}{os.sep}{text}"  # noqa: PTH109 - text in, text out
    return text if os.pardir in text else os.path.normpath(text)  # behind a link, ".." is not what stands before it


def _opened_as(descriptor: int) -> str | None:
    """The path that a descriptor was opened with; None for a pipe, a socket and the like."""
    if sys.platform == "linux":
        path = _readlink(f"/proc/self/fd/{descriptor}")
    else:
        import fcntl

        path = os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return path if path.startswith(os.sep) else None


def opened(listener: Listener, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
    """`arguments` are the path, the mode or None, and the flags."""
    path = arguments[0] if not isinstance(arguments[0], int) else None
    place = absolute(path)
    if place is None or not listener.places.counts(place, frame):
        return
    note_open(listener, place, arguments[2] if isinstance(arguments[2], int) else 0, frame)


def note_open(listener: Listener, path: str, flags: int, frame: FrameType | None) -> None:
    """`path` is about to be opened. What is created by that is this load's own doing, and what is only written is not
    read."""
    recorder = listener.recorder
    if _is_temporary(listener, frame):
        if flags & os.O_EXCL:
            recorder.made(path)
    elif flags & os.O_CREAT and flags & os.O_EXCL:
        recorder.look(path, KIND)
        recorder.wrote(path)
    elif flags & (os.O_WRONLY | os.O_TRUNC):
        recorder.wrote(path)
    else:
        _read(listener, path)


def _read(listener: Listener, path: str) -> None:
    try:
        mode = _stat(path).st_mode
    except OSError:
        mode = modes.S_IFREG
    if modes.S_ISDIR(mode):
        listener.recorder.count_listing(path)
        listener.recorder.look(path, KIND)
    elif listener.places.is_machine(path) or not modes.S_ISREG(mode):
        if path not in _HARMLESS_DEVICES:
            listener.recorder.fail(f"the pipeline reads {path} while it is loaded")
    else:
        listener.recorder.file(path)


def _listed(listener: Listener, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
    path = absolute("." if arguments[0] is None else arguments[0])
    if path is None or frame is None:
        return
    listener.recorder.count_listing(path)
    if is_import(frame):
        return
    if frame.f_code.co_filename.endswith(_METADATA):
        if not listener.places.is_library(path):
            listener.recorder.search(path, ("*.dist-info", "*.egg-info", "*.dist-info/", "*.egg-info/"))
    elif listener.places.counts(path, frame):
        if listener.places.is_own(frame.f_code.co_filename):
            listener.recorder.search(path, ("*.py", "*/"))
        else:
            listener.recorder.listing(path)


def _scanned(listener: Listener, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
    """As for a listing; and who gets the entries may ask them for sizes and times, of which nothing is heard."""
    _listed(listener, arguments, frame)
    path = absolute("." if arguments[0] is None else arguments[0])
    if path is None or frame is None or listener.places.is_standard(frame.f_code.co_filename):
        return
    if listener.places.counts(path, frame):
        listener.recorder.look_inside(path)


def _run(listener: Listener, arguments: tuple[Any, ...], _frame: FrameType | None) -> None:
    code = arguments[0]
    if listener.on_code is None or not isinstance(code, CodeType):
        return
    name, places = code.co_filename, listener.places
    if not (places.is_standard(name) or places.is_library(name) or places.is_own(name)):
        listener.on_code(code)


def _database(listener: Listener, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
    text = os.fsdecode(arguments[0])
    if text.startswith("file:"):
        from urllib.parse import unquote  # which takes longer to import than all else here

        text = unquote(text.removeprefix("file:").partition("?")[0])
    path = absolute(text) if text not in ("", ":memory:") else None
    if path is not None and listener.places.counts(path, frame):
        for end in ("", *DATABASE_LOGS):
            listener.recorder.file(path + end)


def _library(listener: Listener, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
    name = arguments[0]
    if isinstance(name, str | bytes) and os.sep in os.fsdecode(name):
        opened(listener, (name, None, os.O_RDONLY), frame)


def _made_directory(listener: Listener, arguments: tuple[Any, ...], _frame: FrameType | None) -> None:
    path = absolute(arguments[0], arguments[2] if arguments[2] != -1 else None)
    if path is not None and not listener.places.is_ignored(path):
        listener.recorder.wrote(path)


def _is_temporary(listener: Listener, frame: FrameType | None) -> bool:
    """Whether a file is opened by `tempfile`, which gives it a name that nobody else knows."""
    while frame is not None and listener.places.is_standard(frame.f_code.co_filename):
        if frame.f_code.co_filename.endswith("tempfile.py"):
            return True
        frame = frame.f_back
    return False


_HANDLERS: Final[dict[str, _Handler]] = {
    "open": opened,
    "exec": _run,
    "os.listdir": _listed,
    "os.scandir": _scanned,
    "sqlite3.connect": _database,
    "ctypes.dlopen": _library,
    "os.mkdir": _made_directory,
}
