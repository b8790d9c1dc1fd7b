"""Waits in slices end when there is something to read, when their time is over, and let handlers of signals run."""

from __future__ import annotations

import selectors
import signal
import socket
import threading
from collections.abc import Iterator

import pytest
from pivot_exec.waits import Selector, wait_for


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_what_is_there_is_told_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].send(b"x")
    wait_for(pair[1], wait=False)
    with Selector() as selector:
        selector.register(pair[1], selectors.EVENT_READ)
        assert len(selector.select(None)) == 1


def test_what_comes_later_ends_a_wait_of_many_slices(pair: tuple[socket.socket, socket.socket]) -> None:
    threading.Timer(0.3, pair[0].send, [b"x"]).start()
    wait_for(pair[1], wait=True)
    with Selector() as selector:
        selector.register(pair[1], selectors.EVENT_READ)
        assert len(selector.select(60)) == 1


def test_nothing_is_waited_for_that_is_not_to_be(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(BlockingIOError):
        wait_for(pair[1], wait=False)


def test_the_time_of_a_socket_holds(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].settimeout(0.01)
    with pytest.raises(TimeoutError):
        wait_for(pair[1], wait=True)


def test_a_selector_gives_up_after_its_time(pair: tuple[socket.socket, socket.socket]) -> None:
    with Selector() as selector:
        selector.register(pair[1], selectors.EVENT_READ)
        assert selector.select(0) == []
        assert selector.select(0.25) == []


class InterruptedHereError(Exception):
    pass


def test_a_signal_that_another_thread_takes_is_handled_meanwhile(pair: tuple[socket.socket, socket.socket]) -> None:
    """As on Windows, where the wait itself goes on."""

    def handle(*_: object) -> None:
        raise InterruptedHereError

    before = signal.signal(signal.SIGINT, handle)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        with pytest.raises(InterruptedHereError):
            wait_for(pair[1], wait=True)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
