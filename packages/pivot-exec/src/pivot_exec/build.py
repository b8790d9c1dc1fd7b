"""The loop of a run: decide, launch, record. All waiting is done in the executor; all ordering in the schedule."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Protocol

import attrs
from pivot_core.decide import Decision, Moment
from pivot_core.errors import PivotError
from pivot_core.events import Notice, Outcome, RunFinished, RunStarted, StageFinished, StageStarted
from pivot_core.interfaces import (
    EventSink,
    Executor,
    Finished,
    Limits,
    Loaded,
    Lost,
    Report,
    Started,
    Task,
    Withdrawn,
    Written,
)
from pivot_core.reasons import Reason

from pivot_exec.schedule import Block, Decide, Drop, Instruction, Launch, Schedule

GRACE = 5.0  # seconds between SIGTERM and SIGKILL for the stages of a run that is interrupted
_SOON = 0.1  # seconds without a report, after which none is expected for a while
TAIL_BYTES = 64 << 10
TAIL_LINES = 100


class Workspace(Protocol):
    """What a run needs of the project's files and records. Upstreams are done whenever a stage is asked about."""

    def decide(self, stage: str, *, force: bool, moment: Moment) -> Decision:
        """Decisions of one `moment` may share what is seen of deps. Raises PivotError if there is no answer, as when a
        dep is missing."""

    def restore(self, stage: str) -> None:
        """Put the recorded outs in place and write the record. Raises PivotError; then the stage is run."""

    def prepare(self, stage: str) -> Task:
        """Save unknown outs, clear the outs, and say what to run. Raises PivotError."""

    def record(self, task: Task, finished: Finished) -> str:
        """Record what a stage wrote. Returns why it could not be, or nothing."""

    def instead(self, task: Task, finished: Finished) -> str:
        """What to add to the error of a task: what it did with its outs instead. Asked before `abandon`."""

    def abandon(self, task: Task, why: str) -> str:
        """The task did not succeed: put the old outs back. Returns the directory that holds what it wrote, or "".

        Raises PivotError.
        """

    def rest(self) -> None:
        """Nothing happens for a while."""

    def settle(self) -> None:
        """The run has ended."""


@attrs.frozen
class RunResult:
    """How each stage came out, in the order of the run's stages, and the number of the signal that ended the run."""

    outcomes: Mapping[str, Outcome] = attrs.field(hash=False)
    interrupted: int | None = None

    @property
    def ok(self) -> bool:
        bad = (Outcome.FAILED, Outcome.BLOCKED, Outcome.CANCELLED)
        return self.interrupted is None and not any(outcome in bad for outcome in self.outcomes.values())


def run(
    upstreams: Mapping[str, Collection[str]],
    workspace: Workspace,
    executor: Executor,
    sink: EventSink,
    *,
    loaded: Loaded,
    root: Path,
    jobs: int,
    force: Collection[str] = (),
    keep_going: bool = False,
    seconds: Mapping[str, float] | None = None,
    began: float | None = None,
) -> RunResult:
    """Bring the stages of `upstreams` (each with those it waits for) up to date.

    The executor is started with `loaded` when the first stage has to run, and what that raises ends the run. `force`
    names stages that run in any case, `seconds` what is known of how long stages take, `began` when what the user waits
    for began (default: now), by the monotonic clock. While it runs, SIGINT and SIGTERM ask the stages to end, and the
    second such signal ends them. What a stage raises is an outcome.
    """
    schedule = Schedule(upstreams, jobs, seconds=seconds, keep_going=keep_going)
    start = partial(executor.start, loaded, Limits(jobs))
    build = _Build(schedule, workspace, executor, sink, root, frozenset(force), start, began)
    sink.emit(RunStarted(tuple(upstreams), jobs))
    try:
        with _signals(build):
            build.loop()
    except Exception as error:
        build.give_up()
        workspace.settle()
        sink.emit(build.summary(str(error)))
        raise
    workspace.settle()
    sink.emit(build.summary())
    return RunResult({stage: build.outcomes[stage] for stage in upstreams}, build.interrupted)


class _InterruptedError(BaseException):
    """A signal came while the executor started."""


class _Build:
    def __init__(
        self,
        schedule: Schedule,
        workspace: Workspace,
        executor: Executor,
        sink: EventSink,
        root: Path,
        force: frozenset[str],
        start: Callable[[], None],
        began: float | None,
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.interrupted: int | None = None
        self._signals = 0
        self._signals_seen = 0
        self._schedule = schedule
        self._workspace = workspace
        self._executor = executor
        self._sink = sink
        self._root = root
        self._force = force
        self._start: Callable[[], None] | None = start
        self._starting = False
        self._reasons: dict[str, tuple[Reason, ...]] = {}
        self._moment = Moment()
        self._tasks: dict[str, Task] = {}
        self._began = time.monotonic() if began is None else began
        self._stage_seconds = 0.0
        self._busy_seconds = 0.0
        self._busy_since = 0.0

    def signalled(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted = self.interrupted or number
        self._signals += 1
        if self._starting:
            raise _InterruptedError
        self._executor.wake()

    def loop(self) -> None:
        todo: deque[Instruction] = deque(self._schedule.begin())
        while todo or not self._schedule.done:
            todo.extend(self._heed_signals())
            if todo:
                instruction = todo.popleft()
                todo.extend([instruction] if self._can_wait(instruction, todo) else self._follow(instruction))
                reports = self._executor.next(0) if self._tasks else ()
            elif self._schedule.done:
                break
            else:
                reports = self._wait()
            for report in reports:
                todo.extend(self._take(report))

    def give_up(self) -> None:
        """The run ends at an error that is no stage's: what runs is ended, and old outs return."""
        for task in self._tasks.values():
            with suppress(Exception):  # the executor may be what is at fault
                self._executor.cancel(task.id, 0.0)
            self._abandon(task, "the run ended")

    def _can_wait(self, instruction: Instruction, others: Iterable[Instruction]) -> bool:
        """Whether there is something to decide before the first launch, for which the executor is not ready yet."""
        if self._start is None or not isinstance(instruction, Launch) or self._executor.expect():
            return False
        return any(isinstance(other, Decide) for other in others)

    def _wait(self) -> Sequence[Report]:
        reports = self._executor.next(_SOON)
        if reports or self._signals != self._signals_seen:
            return reports
        self._workspace.rest()
        return self._executor.next(None)

    def summary(self, error: str = "") -> RunFinished:
        wall = time.monotonic() - self._began
        counts = Counter(outcome.value for outcome in self.outcomes.values())
        overhead = max(0.0, wall - self._busy_seconds)
        return RunFinished(dict(counts), wall, self._stage_seconds, overhead, self.interrupted, error)

    def _heed_signals(self) -> list[Instruction]:
        if self._signals == self._signals_seen:
            return []
        first = self._signals_seen == 0
        self._signals_seen = self._signals
        grace = GRACE if first and self._signals == 1 else 0.0
        if self._tasks and grace:
            self._sink.emit(Notice("the stages that run are asked to end; interrupt again to end them at once"))
        for task in self._tasks:
            self._executor.cancel(task, grace)
        return self._schedule.interrupt()

    def _follow(self, instruction: Instruction) -> list[Instruction]:
        match instruction:
            case Decide(stage):
                return self._decide(stage)
            case Launch(stage):
                return self._launch(stage)
            case Block(stage, because):
                self._finish(stage, Outcome.BLOCKED, error=f"{because} failed")
            case Drop(stage):
                self._finish(stage, Outcome.CANCELLED)
        return []

    def _decide(self, stage: str) -> list[Instruction]:
        try:
            decision = self._workspace.decide(stage, force=stage in self._force, moment=self._moment)
        except PivotError as error:
            self._finish(stage, Outcome.FAILED, error=str(error))
            return self._schedule.finished(stage, ok=False)
        self._reasons[stage] = decision.reasons
        if decision.verdict == "up_to_date":
            self._finish(stage, Outcome.UP_TO_DATE)
            return self._schedule.up_to_date(stage)
        if decision.verdict == "restore" and self._restored(stage):
            self._finish(stage, Outcome.RESTORED)
            return self._schedule.up_to_date(stage)
        return self._schedule.must_run(stage)

    def _restored(self, stage: str) -> bool:
        try:
            self._workspace.restore(stage)
        except PivotError as error:
            self._sink.emit(Notice(f"its outs could not be restored, so it runs: {error}", stage))
            return False
        return True

    def _launch(self, stage: str) -> list[Instruction]:
        if self._signals or not self._started():
            self._finish(stage, Outcome.CANCELLED)
            return self._ended_badly(stage)
        try:
            task = self._workspace.prepare(stage)
        except PivotError as error:
            self._finish(stage, Outcome.FAILED, error=str(error))
            return self._schedule.finished(stage, ok=False)
        if not self._tasks:
            self._busy_since = time.monotonic()
        self._tasks[task.id] = task
        self._executor.submit(task)
        return []

    def _started(self) -> bool:
        """Start the executor, at the first stage that runs; whether it has. It may load the pipeline, for as long as
        that takes: a signal must end that."""
        if self._start is not None:
            self._starting, start, self._start = True, self._start, None
            self._moment = Moment()
            try:
                start()
                self._starting = False
            except _InterruptedError:
                self._starting = False
                return False
        return True

    def _take(self, report: Report) -> list[Instruction]:
        if report.task not in self._tasks:
            raise LookupError(
                f"the executor reports {report!r}, but no such task runs: it was never sent, or has ended"
            )
        self._moment = Moment()
        if isinstance(report, Started):
            task = self._tasks[report.task]
            self._sink.emit(StageStarted(task.stage, self._reasons.get(task.stage, ()), task.log))
            return []
        if isinstance(report, Written):
            return self._schedule.written(self._tasks[report.task].stage)
        if isinstance(report, Withdrawn) and not self._schedule.stopped:
            self._executor.submit(self._tasks[report.task])
            return []
        task = self._tasks.pop(report.task)
        if not self._tasks:
            self._busy_seconds += time.monotonic() - self._busy_since
        if isinstance(report, Withdrawn):
            return self._drop(task)
        if isinstance(report, Lost):
            return self._fail(task, report.why, 0.0)
        self._schedule.ahead = self._executor.ahead()
        self._stage_seconds += report.seconds
        for notice in report.notices:
            self._sink.emit(Notice(notice, task.stage))
        if report.error:
            return self._fail(task, report.error + self._workspace.instead(task, report), report.seconds)
        try:
            error = self._workspace.record(task, report)
        except PivotError as failure:
            error = str(failure)
        # The outs stay where a stage succeeded: only its record is missing, and the next run decides anew.
        self._finish(
            task.stage, Outcome.FAILED if error else Outcome.RAN, report.seconds, error, task.log, with_output=False
        )
        return self._schedule.finished(task.stage, ok=not error)

    def _drop(self, task: Task) -> list[Instruction]:
        """The run ends before the task, which made ready already, could start."""
        self._abandon(task, "it was not started")
        self._finish(task.stage, Outcome.CANCELLED)
        return self._ended_badly(task.stage)

    def _fail(self, task: Task, why: str, seconds: float) -> list[Instruction]:
        partial = self._abandon(task, why)
        outcome = Outcome.CANCELLED if self._signals else Outcome.FAILED
        self._finish(task.stage, outcome, seconds, why, task.log, partial=partial)
        return self._ended_badly(task.stage)

    def _abandon(self, task: Task, why: str) -> str:
        try:
            return self._workspace.abandon(task, why)
        except PivotError as error:
            self._sink.emit(Notice(f"its old outs could not be put back: {error}", task.stage))
            return ""

    def _ended_badly(self, stage: str) -> list[Instruction]:
        """What waits for a stage that a signal ended is not blocked by it: it is dropped like all the rest."""
        return [*self._heed_signals(), *self._schedule.finished(stage, ok=False)]

    def _finish(
        self,
        stage: str,
        outcome: Outcome,
        seconds: float = 0.0,
        error: str = "",
        log: str = "",
        *,
        with_output: bool = True,
        partial: str = "",
    ) -> None:
        self.outcomes[stage] = outcome
        output = tail(self._root / log) if outcome is Outcome.FAILED and log and with_output else ""
        reasons = self._reasons.get(stage, ())
        self._sink.emit(StageFinished(stage, outcome, reasons, seconds, error, output, log, partial))


def tail(path: Path) -> str:
    """The last lines of a log, at most TAIL_LINES and TAIL_BYTES; nothing where there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
    lines = text.splitlines(keepends=True)
    if size > TAIL_BYTES and len(lines) > 1:
        del lines[0]
    return "".join(lines[-TAIL_LINES:])


@contextmanager
def _signals(build: _Build) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    before = {number: signal.signal(number, build.signalled) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
