"""A process for stages: a session of its own, the output of a stage in its log, and an orderly end."""

from __future__ import annotations

import _io
import _signal  # type: ignore[import-not-found] # C: without turning each number into an enum
import atexit
import contextlib
import contextvars
import gc
import io
import os
import random
import signal
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from pivot_core.project import Project
from pivot_core.tracebacks import headline, user_traceback

from pivot_exec import system
from pivot_exec.messages import Work

_KEPT = {getattr(signal, name, None) for name in ("SIGKILL", "SIGSTOP", "SIGPIPE", "SIGXFSZ")}
_NOT_RUN = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
_TRACKERS = ("multiprocessing.resource_tracker", "joblib.externals.loky.backend.resource_tracker")
_SAID_LIMIT = 4000  # characters
_files_of_loading: list[weakref.ref[Any]] = []


def become(close: Iterable[int] = (), handled: Iterable[int] | None = None) -> None:
    """Make this process one for stages: a session of its own, without the descriptors and handlers of its parent.

    `handled` are the signals that are not handled as Python's processes do by default; None has them looked up.
    """
    for descriptor in close:
        os.close(descriptor)
    if sys.platform != "win32" and os.getsid(0) != os.getpid():
        os.setsid()
    for number in handled_signals() if handled is None else handled:
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    if sys.platform != "win32":
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    _forget_exit_handlers()


def handled_signals() -> tuple[int, ...]:
    """The signals that a stage would not find as in a new process."""
    return tuple(
        number
        for number in range(1, signal.NSIG)
        if number not in _KEPT and _signal.getsignal(number) != _signal.SIG_DFL
    )


def begin(project: Project, work: Work, *, renew: bool) -> None:
    """Make ready for `work`: its log, the working directory, variables, random numbers of its own. Raises OSError.

    `renew`: `renew_streams` too, which a process of one stage has been forked with.
    """
    _redirect(os.path.join(project.root, work.log))  # noqa: PTH118 - for every stage; Path costs more than the open
    if renew:
        renew_streams()
    os.chdir(project.root)
    os.environ.update(work.environment)
    # Child processes of multiprocessing import __main__ again: there is nothing to import.
    sys.modules["__main__"] = types.ModuleType("__main__")
    reseed()


def call(work: Work, function: Callable[..., object]) -> str:
    """Call `function`. Returns what is to be said of a failure, nothing if it succeeded.

    What it sets in context variables (decimal's context, numpy's error state) ends with it.
    """
    try:
        returned = contextvars.copy_context().run(function, **work.params)
    except SystemExit as exit_:
        code = _exit_code(exit_)
        return f"exit code {code}" if code else ""
    except BaseException as error:  # noqa: BLE001 - a stage may raise anything; it is shown and counts as a failure
        with contextlib.suppress(OSError):  # the disk may be full: then what is returned has to do
            print(user_traceback(error), file=sys.stderr, flush=True)  # noqa: T201 - fd 2 is the stage's log
        return headline(error)[:_SAID_LIMIT]
    if isinstance(returned, _NOT_RUN):
        return f"its function returned a {type(returned).__name__} that nobody runs; wrap it in a plain function"
    return ""


def _exit_code(exit_: SystemExit) -> int:
    if exit_.code is None:
        return 0
    if isinstance(exit_.code, int):
        return exit_.code & 0xFF or int(exit_.code != 0)  # 256 is no 0, whatever a shell makes of it
    print(exit_.code, file=sys.stderr)  # noqa: T201
    return 1


def finish() -> str:
    """What an interpreter does at its end: join threads, run exit handlers, flush. Returns what went wrong."""
    try:
        _join_threads()
        atexit._run_exitfuncs()  # noqa: SLF001
        complete = complete_files(file for known in _files_of_loading if (file := known()) is not None)
    except BaseException as error:  # noqa: BLE001 - nobody would see it
        return f"its process did not end in order: {headline(error)[:_SAID_LIMIT]}"
    return "" if complete else "not all that it wrote could be flushed"


def _join_threads() -> None:
    shutdown = threading._shutdown  # type: ignore[attr-defined]  # noqa: SLF001 - the only way to do as the interpreter
    try:
        shutdown()
    except OSError:
        # In Python 3.13.0 the thread of a ProcessPoolExecutor that ends at this moment may have closed what it is to
        # be woken by. Threads have not been joined then.
        shutdown()


def remember_files() -> None:
    """Write out what the files hold that libraries or loading have left open, once for all stages. `finish` completes
    these too: once garbage collection is to leave alone what there is, it does not list them any more.
    """
    if not system.holds_files():
        return  # to go through all objects of large libraries would take longer than to fork many stages
    files = _open_files()
    for file in files:
        if isinstance(file, io.TextIOWrapper | io.BufferedWriter | io.BufferedRandom):
            with contextlib.suppress(OSError, ValueError):  # the disk is full: stages say so; it is a reader, or closed
                file.flush()
    _files_of_loading.extend(map(weakref.ref, files))


def keeps_files() -> bool:
    """Whether a stage may have written to files that libraries or loading have left open: `finish` completes all."""
    return any(_may_be_written(file) for known in _files_of_loading if (file := known()) is not None)


def _may_be_written(file: Any) -> bool:
    try:
        return not isinstance(file, io.BytesIO | io.StringIO | io.FileIO) and file.writable() and file.fileno() > 2
    except (OSError, ValueError):
        return False  # it is closed, or of no file


def complete_files(others: Iterable[Any] = ()) -> bool:
    """Write out what open files still hold, and `others`, as the interpreter's end would; whether all could be.

    Text first, then files made of files (gzip), then the bytes below them.
    """
    files = [*others, *_open_files()]
    texts = [item for item in files if isinstance(item, io.TextIOWrapper)]
    bytes_ = [item for item in files if isinstance(item, io.BufferedWriter | io.BufferedRandom)]
    built = [item for item in files if type(item).__module__ not in ("_io", "io")]
    fine = True
    for item, finish in (
        *((sys.__stdout__, "flush"), (sys.__stderr__, "flush")),
        *((item, "flush") for item in texts),
        *((item, "close") for item in built),
        *((item, "flush") for item in bytes_),
    ):
        try:
            if item is not None and not item.closed:
                getattr(item, finish)()
        except ValueError:
            continue  # a reader, or detached
        except OSError:
            fine = fine and isinstance(item, io.IOBase) and not item.writable()
    return fine


def _open_files() -> list[Any]:
    """The file objects that garbage collection looks after, closed ones and readers included."""
    # `isinstance` would make a slow check of an ABC, and ask objects for their class, which may be code of the project.
    return [item for item in gc.get_objects() if issubclass(type(item), _io._IOBase)]  # noqa: SLF001


def let_go_of_shared() -> None:
    """Free what this process alone shares with others by multiprocessing, and let the trackers of the rest see that it
    is gone: they free what is left then, tell of it, and end.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        with contextlib.suppress(Exception):
            util._run_finalizers(0)  # noqa: SLF001 - as at the interpreter's end
    for name in _TRACKERS:
        descriptor = getattr(getattr(sys.modules.get(name), "_resource_tracker", None), "_fd", None)
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _redirect(log: str) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    while null <= 2:  # one of the three was closed
        null = os.open(os.devnull, os.O_RDONLY)
    file = _open_log(log)
    for descriptor, place in ((null, 0), (file, 1), (file, 2)):
        os.dup2(descriptor, place)
    os.close(null)
    os.close(file)


def renew_streams() -> None:
    """Give Python new objects for its standard streams. They may be made before the files that they will be of."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = _stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2)  # type: ignore[misc]


def _open_log(log: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    try:
        return os.open(log, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(log), exist_ok=True)  # noqa: PTH103, PTH120
        return os.open(log, flags, 0o666)


def _stream(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _forget_exit_handlers() -> None:
    """Drop what loading registered, it is the template's; keep what libraries need to end their own helpers."""
    atexit._clear()  # noqa: SLF001
    finalizers: dict[object, object] = weakref.finalize._registry  # type: ignore[attr-defined]  # noqa: SLF001
    finalizers.clear()
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]  # noqa: SLF001
    for module, name in (
        ("logging", "shutdown"),
        ("multiprocessing.util", "_exit_function"),
        ("joblib.externals.loky.process_executor", "_python_exit"),
    ):
        handler = getattr(sys.modules.get(module), name, None)
        if handler is not None:
            atexit.register(handler)


def reseed() -> None:
    """Forks share the state of the global generators; each stage is to draw numbers of its own."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(int.from_bytes(os.urandom(4)))  # without a number it takes four times as long
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()
