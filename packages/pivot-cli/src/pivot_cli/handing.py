"""Hand a command line to the base that has stayed: in a fork of it all that a run imports is imported already.

This process stays, for it is the one that the user's shell knows: it hands on the signals that it gets, and ends with
the code of the other. Like the standing answer it imports next to nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # signal itself would make an enum of each number
import _socket  # as would socket
import os
import sys

from pivot_exec import starting

TYPE_CHECKING = False  # importing typing takes as long as all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence

_HANDED_ON = ("SIGINT", "SIGTERM", "SIGHUP")
_KILLED = 128 + 9
_PATIENCE = 5.0  # seconds for the base to say that it takes it


def hand_over(root: str, arguments: Sequence[str]) -> int | None:
    """Have the command line run for the project at `root`, and return its exit code; None if no base takes it."""
    if not starting.is_private(starting.directory_of_kept()):
        return None
    end = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        end.settimeout(_PATIENCE)
        end.connect(starting.place_of_kept(root))
        _say(end, arguments)
        number = int.from_bytes(end.recv(8), "big")
        if number:
            end.sendall(b"\0")
    except OSError:
        number = 0
    if not number:
        end.close()
        return None
    _hand_on_signals(number)
    end.settimeout(None)
    try:
        code = end.recv(1)
    except OSError:
        code = b""
    return code[0] if code else _KILLED


def _hand_on_signals(process: int) -> None:
    def hand_on(signal: int, _frame: object) -> None:
        try:
            os.kill(process, signal)
        except ProcessLookupError:
            pass  # its code is on the way

    def stop_both(stop: int, _frame: object) -> None:
        hand_on(_signal.SIGSTOP, None)
        _signal.signal(stop, _signal.SIG_DFL)
        os.kill(os.getpid(), stop)  # until the user's shell lets it go on; where there is none, nothing happens
        _signal.signal(stop, stop_both)
        hand_on(_signal.SIGCONT, None)

    for name in (*_HANDED_ON, "SIGTSTP"):
        signal = getattr(_signal, name)
        if _signal.getsignal(signal) != _signal.SIG_IGN:
            _signal.signal(signal, stop_both if name == "SIGTSTP" else hand_on)


def _say(end: _socket.socket, arguments: Sequence[str]) -> None:
    from _pickle import dumps

    # As pivot_exec.command.Command has it.
    command = ("pivot_cli.app", list(arguments), os.getcwd(), dict(os.environ), starting.inherited())  # noqa: PTH109
    message = dumps(command)
    streams = b"".join(stream.to_bytes(4, sys.byteorder) for stream in (0, 1, 2))
    end.sendmsg([b"\0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    end.sendall(len(message).to_bytes(8, "big") + message)
