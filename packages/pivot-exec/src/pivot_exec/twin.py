"""The second load: a loader asks its base to fork another one, which says what computed values are there.

It is the base that forks, since nothing of the project is in it. What differs by chance alone is made to differ: the
twin has another number, its own random numbers, and its objects lie elsewhere in memory. It prints nothing.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from typing import NoReturn

from pivot_core.volatile import SecondLoad

from pivot_exec import child, system
from pivot_exec.messages import Setup
from pivot_exec.wire import Channel

ASKED, CLOSED = b"\0", b"\1"  # what a loader says with a descriptor: a twin shall answer there; close it
_SAME_SIZE = 200  # objects of a size: more than Python keeps for the next one that is made


def ask(base: int, seconds: float) -> SecondLoad:
    """From a loader: let the base at the socket `base` fork a twin, and wait for what it says.

    One that fails, or has not finished after `seconds`, is given up, and says nothing.
    """
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(seconds)
        channel = Channel(ours)
        twin: object = None
        said: object = None
        try:
            with theirs:  # macOS may lose what is closed here before it has arrived there
                _hand_over(base, ASKED, theirs.fileno())
                twin = channel.receive()
            said = channel.receive()
        except (OSError, EOFError):
            pass
        if isinstance(twin, int):  # the base has not waited for it, so the number is still its own
            system.kill_group(twin, signal.SIGKILL)
    return said if isinstance(said, SecondLoad) else SecondLoad()


def close_elsewhere(base: int, descriptor: int) -> None:
    """From a loader: close a descriptor, and let the base at the socket `base` wait for what the system does then.

    That is done by who closes it last.
    """
    _hand_over(base, CLOSED, descriptor)
    os.close(descriptor)


def _hand_over(base: int, what: bytes, descriptor: int) -> None:
    with socket.socket(fileno=os.dup(base)) as end:
        socket.send_fds(end, [what], [descriptor])


def start(answer: int, setup: Setup, close: tuple[int, ...]) -> None:
    """From the base: fork a twin that answers at the socket `answer` and keeps none of the descriptors in `close`."""
    base = os.getpid()
    try:
        if system.fork() == 0:
            try:
                system.die_with_parent(base)
                _serve(answer, setup, close)
            finally:
                os._exit(1)
    except OSError:
        pass  # the system allows none: the loader hears nothing
    os.close(answer)


def _serve(answer: int, setup: Setup, close: tuple[int, ...]) -> NoReturn:
    from pivot_core.load import load_to_compare

    os.set_inheritable(answer, False)
    child.become(close)
    channel = Channel(socket.socket(fileno=answer))
    channel.send(os.getpid())
    system.fall_silent()
    child.reseed()
    elsewhere = _fill_memory()
    gc.enable()
    channel.send(load_to_compare(setup.project, setup.compared))
    del elsewhere
    os._exit(0)


def _fill_memory() -> list[object]:
    """Objects of every small size, and of the kinds that Python keeps for reuse."""
    filled: list[object] = [bytes(size) for size in range(0, 480, 8) for _ in range(3)]
    for number in range(_SAME_SIZE):
        filled += [object(), number + 0.5, [], {}, (number,), [number], {number: number}, (number, number)]
    return filled
