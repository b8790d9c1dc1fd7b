"""Waits in slices: on Windows no signal ends a wait, so Python calls its handlers between two slices."""

from __future__ import annotations

import select
import selectors
import socket
import time

_SLICE = 0.1  # seconds


class Selector(selectors.SelectSelector):
    """One that waits in slices."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE if until is None else max(0.0, min(_SLICE, until - time.monotonic()))
            ready = super().select(left)
            if ready or (until is not None and time.monotonic() >= until):
                return ready


def wait_for(end: socket.socket, *, wait: bool) -> None:
    """Wait until there is something to read; signals are heeded meanwhile. Raises BlockingIOError if it is not to
    `wait`, and TimeoutError after the time that is set for the socket."""
    timeout = end.gettimeout()
    until = None if timeout is None else time.monotonic() + timeout
    while not select.select([end], [], [], _SLICE if wait else 0)[0]:
        if not wait:
            raise BlockingIOError
        if until is not None and time.monotonic() >= until:
            raise TimeoutError
