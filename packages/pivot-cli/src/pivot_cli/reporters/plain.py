"""Plain lines, for pipes and logs: results to one stream, progress and errors to the other."""

from __future__ import annotations

from typing import TextIO

from pivot_core.events import Event, Notice, Outcome, RunFinished, RunStarted, StageFinished, StageStarted

from pivot_cli.reporters import lines


class PlainLines:
    """Writes each stage's line and the summary to `results`, what runs and what failed to `progress`."""

    def __init__(self, results: TextIO, progress: TextIO) -> None:
        self._results = results
        self._progress = progress
        self._width = 0

    def emit(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._width = lines.name_width(event.stages)
            case StageStarted():
                self._write(self._progress, f"{event.stage}: running")
            case StageFinished():
                self._write(self._results, lines.stage_line(event, self._width))
                if event.outcome is Outcome.FAILED:
                    self._write(self._progress, lines.failure_text(event))
            case Notice():
                self._write(self._progress, lines.notice(event))
            case RunFinished():
                self._write(self._results, lines.summary(event))

    def _write(self, stream: TextIO, text: str) -> None:
        stream.write(text + "\n")
        stream.flush()
