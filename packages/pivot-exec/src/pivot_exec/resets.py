"""What a stage can change of the process that serves it, and that can be put back for the next one."""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found]
import gc
import logging
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

_SIGNALS = tuple(int(number) for number in signal.valid_signals())
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
_LISTS = ("path", "argv", "meta_path", "path_hooks")
_HOOKS = ("displayhook", "excepthook", "unraisablehook", "breakpointhook", "dont_write_bytecode")

type _Part = tuple[Callable[[], Any], Callable[[Any], object]]


class Resets:
    """The state of this process when this is made. Working directory, streams and random numbers are not kept here:
    each stage begins with its own."""

    def __init__(self) -> None:
        self._environment = _environment()
        self._expected = self._environment
        self._kept = [(part, part[0]()) for part in _parts()]

    def stage_begins(self) -> None:
        """The variables are now those that the stage is given."""
        self._expected, self._directory = _environment(), _directory()

    def changed(self) -> bool:
        """Whether the stage changed anything of this."""
        return (
            _environment() != self._expected
            or _directory() != self._directory
            or any(get() != kept for (get, _), kept in self._kept)
        )

    def put_back(self) -> bool:
        """Put everything back; whether that was possible."""
        _set_environment(self._environment)
        fine = True
        for (get, put), kept in self._kept:
            if get() != kept:
                try:
                    put(kept)
                except (OSError, ValueError):
                    return False
                fine = fine and get() == kept
        # Python shows a warning once a place: each stage is to see its own.
        shown = list(warnings.filters)
        warnings.resetwarnings()
        warnings.filters[:] = shown  # type: ignore[index]
        return fine


def stop_timers() -> None:
    """A timer that a stage has left must not go off later."""
    for timer in _TIMERS:
        signal.setitimer(timer, 0)


def _parts() -> Iterable[_Part]:
    yield _umask, os.umask
    yield _handlers, _set_handlers
    yield _mask, _set_mask
    yield _limits, _set_limits
    yield lambda: os.getpriority(os.PRIO_PROCESS, 0), lambda level: os.setpriority(os.PRIO_PROCESS, 0, level)
    if hasattr(os, "sched_getaffinity"):
        yield lambda: os.sched_getaffinity(0), lambda cpus: os.sched_setaffinity(0, cpus)
    for name in _LISTS:
        yield _list_part(sys, name)
    for name in _HOOKS:
        yield _attribute_part(sys, name)
    yield sys.getrecursionlimit, sys.setrecursionlimit
    yield sys.getswitchinterval, sys.setswitchinterval
    yield sys.get_int_max_str_digits, sys.set_int_max_str_digits
    yield sys.gettrace, sys.settrace
    yield sys.getprofile, sys.setprofile
    yield _attribute_part(threading, "excepthook")
    yield _list_part(warnings, "filters")
    yield _attribute_part(warnings, "showwarning")
    yield _attribute_part(warnings, "formatwarning")
    yield gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()
    yield gc.get_threshold, lambda threshold: gc.set_threshold(*threshold)
    yield gc.get_debug, gc.set_debug
    yield _list_part(gc, "callbacks")
    yield lambda: _locale.setlocale(_locale.LC_ALL, None), lambda names: _locale.setlocale(_locale.LC_ALL, names)
    yield lambda: (time.tzname, time.timezone), lambda _: time.tzset()
    yield _attribute_part(tempfile, "tempdir")
    if "decimal" in sys.modules:
        import decimal

        yield lambda: str(decimal.getcontext()), _context_setter(decimal)
        yield lambda: str(decimal.DefaultContext), _keep
    if "socket" in sys.modules:
        import socket

        yield socket.getdefaulttimeout, socket.setdefaulttimeout
    yield _attribute_part(logging.root.manager, "disable")
    for name in ("raiseExceptions", "lastResort", "_loggerClass"):
        yield _attribute_part(logging, name)
    yield logging.getLevelNamesMapping, _keep
    yield from _parts_of_libraries()
    yield _loggers, _set_loggers


def _parts_of_libraries() -> Iterable[_Part]:
    """Of those that are imported: what they keep out of sight, or what their own functions set."""
    modules = sys.modules
    if (csv := modules.get("csv")) is not None:
        yield csv.field_size_limit, csv.field_size_limit
        yield csv.list_dialects, _keep
    if (context := modules.get("multiprocessing.context")) is not None:
        yield _attribute_part(context._default_context, "_actual_context")  # noqa: SLF001
    if (request := modules.get("urllib.request")) is not None:
        yield _attribute_part(request, "_opener")
    if (polars := modules.get("polars")) is not None:
        yield polars.Config.state, _keep


def _keep(_: object) -> None:
    """There is no way to put this back."""


def _context_setter(decimal: ModuleType) -> Callable[[Any], object]:
    kept = decimal.getcontext().copy()
    return lambda _: decimal.setcontext(kept.copy())


def _attribute_part(owner: object, name: str) -> _Part:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


def _list_part(owner: object, name: str) -> _Part:
    """A list that is to stay the same object, with the same items."""
    kept = getattr(owner, name)

    def put(value: tuple[bool, tuple[object, ...]]) -> None:
        kept[:] = value[1]
        setattr(owner, name, kept)

    return lambda: (getattr(owner, name) is kept, tuple(getattr(owner, name))), put


def _environment() -> dict[bytes, bytes]:
    return dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001 - decoding it takes ten times as long


def _set_environment(wanted: dict[bytes, bytes]) -> None:
    now = _environment()
    if now == wanted:
        return
    for name in now.keys() - wanted.keys():
        del os.environb[name]
    for name, value in wanted.items():
        if now.get(name) != value:
            os.environb[name] = value


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return ""


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _handlers() -> tuple[object, ...]:
    return tuple(map(_signal.getsignal, _SIGNALS))


def _set_handlers(wanted: tuple[Any, ...]) -> None:
    for number, handler in zip(_SIGNALS, wanted, strict=True):
        if handler is not None and _signal.getsignal(number) != handler:
            _signal.signal(number, handler)


def _mask() -> set[int]:
    return set(_signal.pthread_sigmask(_signal.SIG_BLOCK, ()))


def _set_mask(wanted: set[int]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, wanted)


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(limit) for limit in _LIMITS]


def _set_limits(wanted: list[tuple[int, int]]) -> None:
    for limit, value in zip(_LIMITS, wanted, strict=True):
        if resource.getrlimit(limit) != value:
            resource.setrlimit(limit, value)


type _LoggerState = tuple[int, tuple[object, ...], tuple[object, ...], bool, bool]
_PLAIN: _LoggerState = (0, (), (), False, True)


def _loggers() -> dict[str, _LoggerState]:
    """The state of the root logger, and of all that are not as `getLogger` makes them."""
    found = {"": _logger_state(logging.root)}
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and (state := _logger_state(logger)) != _PLAIN:
            found[name] = state
    return found


def _logger_state(logger: logging.Logger) -> _LoggerState:
    return logger.level, tuple(logger.handlers), tuple(logger.filters), bool(logger.disabled), bool(logger.propagate)


def _set_loggers(wanted: dict[str, _LoggerState]) -> None:
    for name in _loggers().keys() | wanted.keys():
        logger = logging.getLogger(name) if name else logging.root
        level, handlers, filters, disabled, propagate = wanted.get(name, _PLAIN)
        logger.setLevel(level)
        logger.handlers[:], logger.filters[:] = handlers, filters  # type: ignore[assignment]
        logger.disabled, logger.propagate = disabled, propagate
