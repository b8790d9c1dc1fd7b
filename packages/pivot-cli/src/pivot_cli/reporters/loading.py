"""While a command that runs nothing loads the pipeline: a line on the terminal, if that takes longer than a moment."""

from __future__ import annotations

import os
import sys
import threading
from typing import TextIO

from pivot_core.events import Event, LoadFinished, LoadStarted

A_MOMENT = 0.3  # seconds of loading that nothing is said about
_ERASE = "\r\x1b[K"


def redraws(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that can show something else where something stands."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class LoadingLine:
    """An `EventSink` that writes to `stream` if that is a terminal, and leaves nothing there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._timer: threading.Timer | None = None
        self._shown = False
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        match event:
            case LoadStarted() if redraws(self._stream) and sys.platform != "win32":  # where not all erase by this
                self._timer = threading.Timer(A_MOMENT, self._show, [event.pipeline])
                self._timer.daemon = True
                self._timer.start()
            case LoadFinished():
                self._erase()

    def _show(self, pipeline: str) -> None:
        with self._lock:
            if self._timer is not None:
                self._shown = True
                self._write(f"{_ERASE}loading {pipeline} …")

    def _erase(self) -> None:
        with self._lock:
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            if self._shown:
                self._shown = False
                self._write(_ERASE)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
