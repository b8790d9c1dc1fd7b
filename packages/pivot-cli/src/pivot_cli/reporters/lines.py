"""The line of a stage, the text of a failure and the summary of a run: what plain and live output have in common."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from pivot_core.events import Notice, Outcome, RunFinished, StageFinished

from pivot_cli import wording

_OUTCOME_WIDTH = max(len(outcome.value) for outcome in Outcome)
_NO_TERMINAL = ("bdb.BdbQuit", "EOFError: EOF when reading a line")  # how breakpoint() and input() end without one
_NAME_LIMIT = 40  # columns; longer names push their own line only
_BESIDE = 24  # columns that the outcome and the time take
_LEAST = 8
_ERROR_LIMIT = 100  # characters; all of it is told below the line


def name_width(stages: tuple[str, ...], columns: int = 200) -> int:
    """How wide the column of stage names is, where a line has so many `columns`."""
    return min(_NAME_LIMIT, max(_LEAST, columns - _BESIDE), max(map(_columns, stages), default=0))


def padded(name: str, width: int) -> str:
    """`name`, filled up to `width` columns of a terminal."""
    return name + " " * (width - _columns(name))


def _columns(text: str) -> int:
    """How many columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def stage_line(event: StageFinished, width: int) -> str:
    """One line: name, outcome, time where it ran, and why it ran, failed or did not."""
    time = wording.seconds(event.seconds) if event.outcome in (Outcome.RAN, Outcome.FAILED) else ""
    return f"{padded(event.stage, width)}  {event.outcome.value:<{_OUTCOME_WIDTH}}  {time:>7}  {_why(event)}".rstrip()


def running_line(stage: str, width: int, seconds: float, why: str) -> str:
    """The line of a stage that runs, in the columns of `stage_line`."""
    return f"{padded(stage, width)}  {'running':<{_OUTCOME_WIDTH}}  {wording.seconds(seconds):>7}  {why}".rstrip()


def _why(event: StageFinished) -> str:
    if event.outcome is Outcome.CANCELLED:
        return f"stopped after {wording.seconds(event.seconds)}" if event.log else "not started"
    error = event.error.partition("\n")[0]
    if len(error) > _ERROR_LIMIT:
        return f"{error[:_ERROR_LIMIT]}…"
    return error or wording.short(event.reasons)


def failure_text(event: StageFinished) -> str:
    """What a stage that failed printed last, why it failed, and where its whole log is and what it wrote."""
    error, _, what_to_do = event.error.partition("\n")
    parts = [f"error: stage {event.stage!r} failed: {error}"]
    if event.output:
        parts.append("".join(f"  | {line}\n" for line in event.output.splitlines()).rstrip("\n"))
    if event.log:
        parts.append(f"  log: {event.log}")
    if event.partial:
        parts.append(f"  what it wrote: {event.partial}/")
    parts += [f"hint: {hint}" for hint in (what_to_do, _hint(event)) if hint]
    return "\n".join(parts)


def _hint(event: StageFinished) -> str:
    if any(text in event.output for text in _NO_TERMINAL):
        return f"stages have no terminal to read from; `pivot run --debug {event.stage}` gives it one"
    if event.error.startswith("input changed while it ran"):
        return "run again if it was edited meanwhile; a stage that writes to its own dep must write an out instead"
    if event.error.endswith("killed by SIGKILL"):  # its process, or the one that it was forked from
        return "if nobody killed it, the machine may have run out of memory; `pivot run -j1` runs one stage at a time"
    return ""


def notice(event: Notice) -> str:
    """A notice with the stage it is about."""
    return f"note: {event.stage}: {event.message}" if event.stage else f"note: {event.message}"


def summary(event: RunFinished) -> str:
    """The last line of a run: how many stages came out how, and what took the time."""
    times = (wording.seconds(time) for time in (event.seconds, event.stage_seconds, event.overhead_seconds))
    return summary_text(event.outcomes, *times)


def advice(event: RunFinished) -> str:
    """What to know, or to do, after a run that did not come to its end; "" after others."""
    if event.interrupted is not None:
        name = signal.Signals(event.interrupted).name
        return (
            f"interrupted ({name}): what had finished is recorded, and stages that were stopped have their old outs "
            "back; `pivot run` goes on from here"
        )
    cancelled = event.outcomes.get(Outcome.CANCELLED.value, 0)
    if cancelled and not event.error:
        verb = "does" if cancelled == 1 else "do"
        return (
            f"hint: {wording.stages(cancelled)} that {verb} not depend on what failed did not start; "
            "`pivot run --keep-going` runs such stages too"
        )
    return ""


def summary_text(outcomes: Mapping[str, int], whole: str, stages: str, overhead: str) -> str:
    """The summary, from times in words."""
    counts = [f"{count} {outcome.value}" for outcome in Outcome if (count := outcomes.get(outcome.value, 0))]
    return f"{', '.join(counts) or 'nothing to do'} in {whole} (stages {stages}, overhead {overhead})"
