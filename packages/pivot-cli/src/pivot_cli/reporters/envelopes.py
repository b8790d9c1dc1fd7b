"""Events get their run, number and time here, on their way to whoever keeps or forwards them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pivot_core.events import Envelope, Event
from pivot_core.interfaces import EventSink


class Receiver(Protocol):
    def send(self, envelope: Envelope) -> None: ...


class Envelopes:
    """An `EventSink` that numbers the events of `run` and sends them on."""

    def __init__(self, run: str, receivers: Sequence[Receiver], clock: Callable[[], float] = time.time) -> None:
        self._run = run
        self._receivers = receivers
        self._clock = clock
        self._sequence = 0

    def emit(self, event: Event) -> None:
        envelope = Envelope(self._run, self._sequence, self._clock(), event)
        self._sequence += 1
        for receiver in self._receivers:
            receiver.send(envelope)


class Several:
    """An `EventSink` that gives each event to several. One that cannot write any more (its reader has gone, the disk is
    full) is left out from then on: the run matters more than its report."""

    def __init__(self, sinks: Sequence[EventSink]) -> None:
        self._sinks = list(sinks)
        self._lost: OSError | None = None

    def emit(self, event: Event) -> None:
        for sink in list(self._sinks):
            try:
                sink.emit(event)
            except OSError as error:
                self._sinks.remove(sink)
                self._lost = self._lost or error

    def check(self) -> None:
        """Raise what the first sink that was left out had raised, if there was one."""
        if self._lost is not None:
            raise self._lost
