"""A command line that runs in a fork of a base that has stayed, where all that it imports is imported already.

Who typed it waits at the other end of a socket, hands on the signals that he gets, and ends with the code that is told.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NoReturn, TextIO, cast

from pivot_exec import system


class Command(NamedTuple):
    """What a process of the command line begins with. `module` has the `main` that is called with `arguments`."""

    module: str
    arguments: list[str]
    directory: str
    environment: Mapping[str, str]
    inherited: tuple[object, ...]


def start(end: socket.socket, streams: Iterable[int], command: Command, close: Iterable[int]) -> int:
    """Fork the process of `command`, whose standard streams are `streams`; it has none of the descriptors in `close`.
    Returns its number, which the other end of `end` is told too."""
    pid = system.fork()
    if pid == 0:
        _become(end, streams, command, close)
    return pid


def _become(end: socket.socket, streams: Iterable[int], command: Command, close: Iterable[int]) -> NoReturn:
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        for descriptor in close:
            os.close(descriptor)
        os.chdir(command.directory)
        os.environ.clear()
        os.environ.update(command.environment)
        _renew_streams()
        sys.argv[:] = ["pivot", *command.arguments]
        end.settimeout(None)
        end.sendall(os.getpid().to_bytes(8, "big"))
        if not end.recv(1):
            os._exit(code)  # it took too long for who typed it, who runs it without us
        threading.Thread(target=_end_with, args=(end,), daemon=True).start()
        code = importlib.import_module(command.module).main(command.arguments)
        sys.stderr.flush()
        end.sendall(bytes([code]))
    finally:
        os._exit(code)


def _renew_streams() -> None:
    """Give Python the streams that it would have had, had it been started for this."""
    sys.stdin = _stream(0, "r", sys.stdin)
    sys.stdout = _stream(1, "w", sys.stdout, lines=os.isatty(1))
    sys.stderr = _stream(2, "w", sys.stderr, lines=True)


def _stream(descriptor: int, mode: str, like: TextIO, *, lines: bool = False) -> TextIO:
    errors = like.errors if like.encoding.lower() == "utf-8" else "backslashreplace"  # as in pivot_cli.entry
    stream = open(  # noqa: SIM115
        descriptor, mode, 1 if lines else -1, encoding=like.encoding, errors=errors, closefd=False
    )
    return cast("TextIO", stream)


def _end_with(end: socket.socket) -> None:
    """Where who typed the command is killed, this process is too."""
    if not end.recv(1):
        os.kill(os.getpid(), signal.SIGKILL)
