"""Plain lines, for pipes and logs: results to one stream, progress and errors to another, either of which may go."""

from __future__ import annotations

from typing import TextIO

from pivot_core.events import Event, Notice, Outcome, RunFinished, RunStarted, StageFinished, StageStarted

from pivot_cli.reporters import lines


class Results:
    """Writes each stage's line and the summary to `stream`; `quiet`: no lines of those that are up to date."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._width = 0

    def emit(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._width = lines.name_width(event.stages)
            case StageFinished(outcome=Outcome.UP_TO_DATE) if self._quiet:
                pass
            case StageFinished():
                _write(self._stream, lines.stage_line(event, self._width))
            case RunFinished(error=""):
                _write(self._stream, lines.summary(event))


class Progress:
    """Writes to `stream` what runs, what failed and what should be known."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def emit(self, event: Event) -> None:
        match event:
            case StageStarted():
                _write(self._stream, f"{event.stage}: running")
            case StageFinished(outcome=Outcome.FAILED):
                _write(self._stream, lines.failure_text(event))
            case Notice():
                _write(self._stream, lines.notice(event))
            case RunFinished() if advice := lines.advice(event):
                _write(self._stream, advice)


def _write(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()
