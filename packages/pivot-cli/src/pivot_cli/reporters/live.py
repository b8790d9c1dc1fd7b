"""On a terminal: finished stages scroll by, those that run stand below with their time."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pivot_core.events import (
    Event,
    LoadFinished,
    LoadStarted,
    Notice,
    Outcome,
    RunFinished,
    RunStarted,
    StageFinished,
    StageStarted,
)
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from pivot_cli import wording
from pivot_cli.reporters import lines
from pivot_cli.reporters.loading import A_MOMENT

_STYLES = {
    Outcome.RAN: "green",
    Outcome.UP_TO_DATE: "dim",
    Outcome.RESTORED: "cyan",
    Outcome.FAILED: "bold red",
    Outcome.BLOCKED: "yellow",
    Outcome.CANCELLED: "yellow",
}
_FPS = 4
_LEFT_FREE = 4  # lines of the terminal that the table never takes


class LiveTable:
    """Shows a run on `console`; a context manager, which leaves the terminal as it was.

    Loading the pipeline is shown while it lasts, if that is longer than a moment. `quiet`: no lines of stages that are
    up to date.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._clock = clock
        self._running: dict[str, tuple[float, str]] = {}
        self._width = 0
        self._total = 0
        self._done = 0
        self._loading: tuple[float, str] | None = None
        self._live = Live(self, console=console, refresh_per_second=_FPS, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def emit(self, event: Event) -> None:
        match event:
            case LoadStarted():
                self._loading = (self._clock(), event.pipeline)
            case LoadFinished():
                self._loading = None
            case RunStarted():
                self._width = lines.name_width(event.stages, self._console.width)
                self._total = len(event.stages)
            case StageStarted():
                self._running[event.stage] = (self._clock(), wording.short(event.reasons))
            case StageFinished():
                self._running.pop(event.stage, None)
                self._done += 1
                if not (self._quiet and event.outcome is Outcome.UP_TO_DATE):
                    self._print(lines.stage_line(event, self._width), _STYLES[event.outcome])
                if event.outcome is Outcome.FAILED:
                    self._print(lines.failure_text(event), "red")
            case Notice():
                self._print(lines.notice(event), "yellow")
            case RunFinished():
                self._end(event)

    def __rich__(self) -> Group:
        """What stands below: made anew for each line that is printed above, too."""
        return self.table()

    def table(self) -> Group:
        """What goes on now, cut to the height and width of the terminal."""
        now = self._clock()
        running = list(self._running.items())
        shown = running[: max(1, self._console.height - _LEFT_FREE)]
        rows = [(lines.running_line(stage, self._width, now - began, why), "") for stage, (began, why) in shown]
        if self._loading is not None and (seconds := now - self._loading[0]) >= A_MOMENT:
            rows.append((f"loading {self._loading[1]} {wording.seconds(seconds)}", "dim"))
        elif self._total:
            rows.append((f"{self._done}/{self._total} done, {len(running)} running", "dim"))
        return Group(*(Text(text, style, no_wrap=True, overflow="ellipsis") for text, style in rows))

    def _end(self, event: RunFinished) -> None:
        self._running.clear()
        self._live.stop()
        if not event.error:
            self._print(lines.summary(event), "bold")
        if advice := lines.advice(event):
            self._print(advice, "yellow")

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(text, style), soft_wrap=True)
