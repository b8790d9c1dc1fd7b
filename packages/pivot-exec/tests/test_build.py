"""The loop of a run, with an executor and a workspace that do what each test says."""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import attrs
import pytest
from pivot_core.decide import Decision, Moment
from pivot_core.errors import PipelineError, PivotError, SnapshotError
from pivot_core.events import Event, Notice, Outcome, RunFinished, RunStarted, StageFinished, StageStarted
from pivot_core.interfaces import Finished, Limits, Loaded, Lost, Report, Started, Task, Withdrawn
from pivot_core.reasons import DepMissing, Forced, NeverRun
from pivot_exec.build import TAIL_BYTES, TAIL_LINES, RunResult, run, tail

CHAIN: Mapping[str, Collection[str]] = {"a": (), "b": ("a",), "c": ()}
RUNS = Decision("run", (NeverRun(),))


@attrs.define
class Files:
    """A workspace. Each stage runs, unless `decisions` says else; what is in the other mappings goes wrong."""

    decisions: Mapping[str, Decision | PivotError] = attrs.field(factory=dict)
    unrestorable: Mapping[str, PivotError] = attrs.field(factory=dict)
    unprepared: Mapping[str, PivotError] = attrs.field(factory=dict)
    unrecorded: Mapping[str, str | PivotError] = attrs.field(factory=dict)
    unabandoned: Mapping[str, PivotError] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)
    forced: list[str] = attrs.field(factory=list)
    done: list[str] = attrs.field(factory=list)
    at_rest: list[list[str]] = attrs.field(factory=list)
    moments: dict[str, Moment] = attrs.field(factory=dict)

    def decide(self, stage: str, *, force: bool, moment: Moment) -> Decision:
        self.moments[stage] = moment
        self.asked.append(stage)
        if force:
            self.forced.append(stage)
        decision = self.decisions.get(stage, RUNS)
        if isinstance(decision, PivotError):
            raise decision
        return decision

    def restore(self, stage: str) -> None:
        if stage in self.unrestorable:
            raise self.unrestorable[stage]
        self.done.append(f"restore {stage}")

    def prepare(self, stage: str) -> Task:
        if stage in self.unprepared:
            raise self.unprepared[stage]
        return Task(f"task of {stage}", stage, "code", {}, {}, (), f"{stage}.log")

    def record(self, task: Task, finished: Finished) -> str:
        error = self.unrecorded.get(task.stage, "")
        if isinstance(error, PivotError):
            raise error
        if not error:
            self.done.append(f"record {task.stage}")
        return error

    def instead(self, task: Task, finished: Finished) -> str:
        return f", but {task.stage}.txt" if finished.missing else ""

    def abandon(self, task: Task, why: str) -> str:
        if task.stage in self.unabandoned:
            raise self.unabandoned[task.stage]
        self.done.append(f"abandon {task.stage}: {why}")
        return f"failed/{task.stage}"

    def rest(self) -> None:
        self.at_rest.append(list(self.done))

    def settle(self) -> None:
        self.done.append("settle")


@attrs.define
class Hands:
    """An executor. Each task succeeds when it is waited for, unless `ends` says else; None: it runs until cancelled.

    Those beyond `jobs` wait: when one fails they are given back.
    """

    ends: Mapping[str, Callable[[Task], Report] | None] = attrs.field(factory=dict)
    on_start: Callable[[], None] = lambda: None
    on_wait: Callable[[], None] = lambda: None
    ready: bool = True
    more: int = 0
    jobs: int = 99
    started: int = 0
    submitted: list[str] = attrs.field(factory=list)
    cancelled: list[tuple[str, float]] = attrs.field(factory=list)
    most: int = 0
    _running: dict[str, Task] = attrs.field(factory=dict)
    _waiting: deque[Task] = attrs.field(factory=deque)
    _reports: deque[Report] = attrs.field(factory=deque)
    _woken: bool = False

    def expect(self) -> bool:
        return self.ready

    def start(self, loaded: Loaded, limits: Limits) -> None:
        self.started += 1
        self.on_start()

    def ahead(self) -> int:
        return self.more

    def submit(self, task: Task) -> None:
        self.submitted.append(task.stage)
        self._waiting.append(task)
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self.jobs:
            task = self._waiting.popleft()
            self._running[task.id] = task
            self.most = max(self.most, len(self._running))
            self._reports.append(Started(task.id, 1))

    def next(self, timeout: float | None) -> Sequence[Report]:
        if timeout is None:
            self.on_wait()
            for task in list(self._running.values()):
                end = self.ends.get(task.stage, succeed)
                if end is not None:
                    self._end(end(task))
            assert self._reports or self._woken, "the run waits for nothing"
        reports, self._woken = list(self._reports), False
        self._reports.clear()
        return reports

    def cancel(self, task: str, grace: float) -> None:
        for waiting in [waiting for waiting in self._waiting if waiting.id == task]:
            self._waiting.remove(waiting)
            self._reports.append(Withdrawn(task))
        if task not in self._running:
            return
        self.cancelled.append((self._running[task].stage, grace))
        self._end(Finished(task, 1.0, "cancelled"))

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        raise AssertionError("whoever made an executor closes it")

    def _end(self, report: Report) -> None:
        self._running.pop(report.task, None)
        self._reports.append(report)
        if isinstance(report, Finished) and report.error:
            self._reports.extend(Withdrawn(task.id) for task in self._waiting)
            self._waiting.clear()
        self._start_waiting()


@attrs.define
class Events:
    seen: list[Event] = attrs.field(factory=list)

    def emit(self, event: Event) -> None:
        self.seen.append(event)

    def of[T](self, kind: type[T]) -> list[T]:
        return [event for event in self.seen if isinstance(event, kind)]

    def end_of(self, stage: str) -> StageFinished:
        (found,) = (event for event in self.of(StageFinished) if event.stage == stage)
        return found


def succeed(task: Task) -> Report:
    return Finished(task.id, 1.0)


def fail(task: Task) -> Report:
    return Finished(task.id, 1.0, "exit code 3")


@attrs.define
class Bench:
    root: Path
    files: Files = attrs.field(factory=Files)
    hands: Hands = attrs.field(factory=Hands)
    events: Events = attrs.field(factory=Events)

    def run(
        self,
        upstreams: Mapping[str, Collection[str]] = CHAIN,
        *,
        jobs: int = 1,
        keep_going: bool = False,
        force: Collection[str] = (),
        began: float | None = None,
    ) -> RunResult:
        return run(
            upstreams,
            self.files,
            self.hands,
            self.events,
            loaded=Loaded({}, {}),
            root=self.root,
            jobs=jobs,
            force=force,
            keep_going=keep_going,
            began=began,
        )

    def outcomes(self, *, keep_going: bool = False) -> dict[str, str]:
        return {stage: outcome.value for stage, outcome in self.run(keep_going=keep_going).outcomes.items()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# -- what goes well -------------------------------------------------------------------------------------------------


def test_stages_run_after_their_upstreams_and_are_recorded(bench: Bench) -> None:
    assert bench.run(jobs=2).ok
    assert bench.hands.submitted.index("a") < bench.hands.submitted.index("b")
    assert sorted(bench.files.done[:-1]) == ["record a", "record b", "record c"]
    assert bench.files.done[-1] == "settle"


def test_the_workspace_is_told_that_nothing_happens_while_a_stage_takes_its_time(bench: Bench) -> None:
    bench.run()
    assert [len(done) for done in bench.files.at_rest] == [0, 1, 2]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_no_more_stages_run_at_once_than_jobs(bench: Bench, jobs: int) -> None:
    bench.run(dict.fromkeys("abcdef", ()), jobs=jobs)
    assert bench.hands.most == jobs


def test_an_executor_is_given_more_where_it_takes_more(bench: Bench) -> None:
    bench.hands.more, bench.hands.jobs = 2, 1
    waiting: list[int] = []
    bench.hands.on_wait = lambda: waiting.append(len(bench.hands._waiting))
    assert bench.run(dict.fromkeys("abcdef", ())).ok
    assert waiting == [0, 2, 2, 2, 1, 0]
    assert bench.hands.most == 1


def test_a_stage_starts_when_the_executor_says_so(bench: Bench) -> None:
    bench.hands.more, bench.hands.jobs = 2, 1
    bench.run(dict.fromkeys("abc", ()))
    told = [(type(event).__name__, event.stage) for event in bench.events.seen[1:-1] if not isinstance(event, Notice)]
    assert told == [(kind, stage) for stage in "abc" for kind in ("StageStarted", "StageFinished")]


def test_events_begin_and_end_the_run_and_each_stage(bench: Bench) -> None:
    bench.run()
    events = bench.events.seen
    assert events[0] == RunStarted(("a", "b", "c"), 1)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].outcomes == {"ran": 3}
    assert events[-1].stage_seconds == 3.0
    assert [event.stage for event in bench.events.of(StageStarted)] == bench.hands.submitted
    assert bench.events.end_of("a").reasons == (NeverRun(),)


def test_the_wall_time_counts_from_when_it_is_said_to_have_begun(bench: Bench) -> None:
    bench.run()
    bench.run(began=time.monotonic() - 1000)
    [short, long] = bench.events.of(RunFinished)
    assert short.seconds < 1000 < long.seconds
    assert long.overhead_seconds > 1000 - 10


def test_where_nothing_runs_no_executor_is_started(bench: Bench) -> None:
    up_to_date, restored = Decision("up_to_date"), Decision("restore", (Forced(),))
    bench.files.decisions = {"a": up_to_date, "b": restored, "c": up_to_date}
    assert bench.outcomes() == {"a": "up to date", "b": "restored", "c": "up to date"}
    assert bench.hands.started == 0
    assert bench.files.done == ["restore b", "settle"]


@pytest.mark.parametrize(("ready", "decided"), [(False, 3), (True, 1)])
def test_while_the_executor_gets_ready_other_stages_are_decided_about(
    bench: Bench, *, ready: bool, decided: int
) -> None:
    asked = bench.files.asked
    bench.hands.ready = ready
    bench.hands.on_start = lambda: asked.append("start")
    bench.run(dict.fromkeys("abc", ()))
    assert asked.index("start") == decided


def test_decisions_share_what_they_see_of_deps_until_a_stage_has_ended(bench: Bench) -> None:
    bench.files.decisions = {"a": Decision("up_to_date"), "b": Decision("restore")}
    bench.run(dict.fromkeys("abcd", ()) | {"e": ("c",)}, jobs=2)
    moments = bench.files.moments
    assert moments["a"] is moments["b"] is not moments["e"]


def test_the_executor_is_started_once(bench: Bench) -> None:
    bench.run()
    assert bench.hands.started == 1


def test_force_is_of_the_stages_that_it_names(bench: Bench) -> None:
    bench.run(force=("b",))
    assert bench.files.forced == ["b"]


# -- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_failure_blocks_what_depends_on_it_and_stops_new_starts(bench: Bench) -> None:
    bench.hands.ends = {"a": fail}
    assert bench.outcomes() == {"a": "failed", "b": "blocked", "c": "cancelled"}
    assert bench.files.done == ["abandon a: exit code 3", "settle"]
    assert bench.events.end_of("b").error == "a failed"


def test_keep_going_runs_what_does_not_depend_on_the_failure(bench: Bench) -> None:
    bench.hands.ends = {"a": fail}
    assert bench.outcomes(keep_going=True) == {"a": "failed", "b": "blocked", "c": "ran"}


def test_what_is_given_back_after_a_failure_is_dropped(bench: Bench) -> None:
    """It has made way for its task: its old outs come back, and it was never said to have started."""
    bench.hands.more, bench.hands.jobs = 1, 1
    bench.hands.ends = {"b": fail}
    outcomes = bench.run(dict.fromkeys("abcd", ())).outcomes
    assert [outcome.value for outcome in outcomes.values()] == ["ran", "failed", "cancelled", "cancelled"]
    assert bench.files.done == ["record a", "abandon b: exit code 3", "abandon c: it was not started", "settle"]
    assert [event.stage for event in bench.events.of(StageStarted)] == ["a", "b"]
    assert bench.hands.submitted == ["a", "b", "c"]


def test_what_is_given_back_is_run_where_the_run_keeps_going(bench: Bench) -> None:
    bench.hands.more, bench.hands.jobs = 1, 1
    bench.hands.ends = {"b": fail}
    outcomes = bench.run(dict.fromkeys("abcd", ()), keep_going=True).outcomes
    assert [outcome.value for outcome in outcomes.values()] == ["ran", "failed", "ran", "ran"]
    assert bench.hands.submitted.count("c") == 2


def test_a_failed_stage_comes_with_the_end_of_its_log(bench: Bench) -> None:
    (bench.root / "a.log").write_text("what it printed\n")
    bench.hands.ends = {"a": fail}
    assert not bench.run().ok
    event = bench.events.end_of("a")
    assert (event.error, event.output, event.log) == ("exit code 3", "what it printed\n", "a.log")
    assert event.partial == "failed/a"


def test_a_lost_task_is_a_failure_of_its_stage(bench: Bench) -> None:
    bench.hands.ends = {"a": lambda task: Lost(task.id, "the machine is gone")}
    assert bench.outcomes()["a"] == "failed"
    assert bench.events.end_of("a").error == "the machine is gone"
    assert bench.files.done == ["abandon a: the machine is gone", "settle"]


def test_outs_that_cannot_be_restored_are_made_anew(bench: Bench) -> None:
    bench.files.decisions = {"a": Decision("restore", (Forced(),))}
    bench.files.unrestorable = {"a": PivotError("a.txt: its bytes are damaged")}
    assert bench.outcomes() == {"a": "ran", "b": "ran", "c": "ran"}
    (notice,) = bench.events.of(Notice)
    assert notice.stage == "a"
    assert "a.txt: its bytes are damaged" in notice.message


@pytest.mark.parametrize(
    "error", ["data.csv changed while it ran", PivotError("the disk is full")], ids=["said", "raised"]
)
def test_a_stage_that_cannot_be_recorded_failed_and_keeps_its_outs(bench: Bench, error: str | PivotError) -> None:
    """Its output is not shown: the stage itself did well."""
    (bench.root / "a.log").write_text("fine\n")
    bench.files.unrecorded = {"a": error}
    assert bench.outcomes()["a"] == "failed"
    assert bench.events.end_of("a").error == str(error)
    assert bench.events.end_of("a").output == ""
    assert bench.files.done == ["settle"]


@pytest.mark.parametrize("where", ["decisions", "unprepared"])
def test_a_stage_that_cannot_be_decided_about_or_prepared_failed(bench: Bench, where: str) -> None:
    setattr(bench.files, where, {"a": PipelineError("no data.csv")})
    assert bench.outcomes(keep_going=True) == {"a": "failed", "b": "blocked", "c": "ran"}
    assert bench.events.end_of("a").error == "no data.csv"
    assert bench.hands.submitted == ["c"]


def test_old_outs_that_cannot_be_put_back_are_told(bench: Bench) -> None:
    bench.hands.ends = {"a": fail}
    bench.files.unabandoned = {"a": PivotError("a.txt: permission denied")}
    assert bench.outcomes()["a"] == "failed"
    assert [notice.message for notice in bench.events.of(Notice)] == [
        "its old outs could not be put back: a.txt: permission denied"
    ]


def test_notices_of_a_stage_are_told(bench: Bench) -> None:
    bench.hands.ends = {"a": lambda task: Finished(task.id, 1.0, notices=("left 2 processes running",))}
    bench.run()
    assert Notice("left 2 processes running", "a") in bench.events.seen


def test_an_executor_that_does_not_start_ends_the_run(bench: Bench) -> None:
    def refuse() -> None:
        raise SnapshotError("something else than a moment ago")

    bench.hands.on_start = refuse
    bench.files.decisions = {"a": Decision("up_to_date")}
    with pytest.raises(SnapshotError, match="something else"):
        bench.run()
    assert bench.hands.submitted == []
    assert bench.files.done == ["settle"]
    [end] = bench.events.of(RunFinished)
    assert (end.outcomes, end.error) == ({"up to date": 1}, "something else than a moment ago")


def test_an_error_of_the_executor_ends_what_runs_and_old_outs_return(bench: Bench) -> None:
    def fall() -> None:
        raise OSError("no such machine")

    bench.hands.on_wait = fall
    with pytest.raises(OSError, match="no such machine"):
        bench.run()
    assert bench.hands.cancelled == [("a", 0.0)]
    assert bench.files.done == ["abandon a: the run ended", "settle"]


def test_a_report_on_what_does_not_run_is_named(bench: Bench) -> None:
    bench.hands.ends = {"a": lambda task: attrs.evolve(succeed(task), task="other")}
    with pytest.raises(LookupError, match=r"reports Finished.*'other'.*but no such task runs"):
        bench.run()


def test_reasons_are_kept_for_the_end_of_a_stage(bench: Bench) -> None:
    reasons = (DepMissing("x"), Forced())
    bench.files.decisions = {"c": Decision("run", reasons)}
    bench.run()
    assert bench.events.end_of("c").reasons == reasons


# -- signals --------------------------------------------------------------------------------------------------------


def send(*numbers: int) -> Callable[[], None]:
    """Sends signals to this process, all at the first call."""
    todo = deque(numbers)

    def send_now() -> None:
        while todo:
            os.kill(os.getpid(), todo.popleft())

    return send_now


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_what_runs_to_end_and_starts_nothing(bench: Bench, number: int) -> None:
    bench.hands.ends = {"a": None}
    bench.hands.on_wait = send(number)
    result = bench.run()
    assert result.interrupted == number
    assert not result.ok
    assert set(result.outcomes.values()) == {Outcome.CANCELLED}
    assert bench.hands.submitted == ["a"]
    ((stage, grace),) = bench.hands.cancelled
    assert stage == "a"
    assert grace > 0
    assert bench.files.done == ["abandon a: cancelled", "settle"]


def test_a_signal_drops_what_has_not_started(bench: Bench) -> None:
    bench.hands.more, bench.hands.jobs = 1, 1
    bench.hands.ends = {"b": None}
    stop = send(signal.SIGINT)
    bench.hands.on_wait = lambda: stop() if "c" in bench.hands.submitted else None
    outcomes = bench.run(dict.fromkeys("abcd", ())).outcomes
    assert [outcome.value for outcome in outcomes.values()] == ["ran", "cancelled", "cancelled", "cancelled"]
    assert "abandon c: it was not started" in bench.files.done
    assert [event.stage for event in bench.events.of(StageStarted)] == ["a", "b"]


def test_a_second_signal_ends_at_once_what_runs(bench: Bench) -> None:
    """The first one is what the run says it was ended by."""
    bench.hands.ends = {"a": None}
    bench.hands.on_wait = send(signal.SIGTERM, signal.SIGINT)
    assert bench.run().interrupted == signal.SIGTERM
    assert bench.hands.cancelled == [("a", 0.0)]


def test_what_had_finished_when_the_signal_came_is_recorded(bench: Bench) -> None:
    bench.hands.ends = {"b": None}
    stop = send(signal.SIGINT)
    bench.hands.on_wait = lambda: stop() if "b" in bench.hands.submitted else None
    outcomes = bench.run().outcomes
    assert outcomes["a"] is Outcome.RAN
    assert outcomes["b"] is Outcome.CANCELLED
    assert "record a" in bench.files.done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_start_of_the_executor_that_takes_long(bench: Bench, number: int) -> None:
    def take_long() -> None:
        send(number)()
        raise AssertionError("the signal did not end it")

    bench.hands.on_start = take_long
    result = bench.run()
    assert result.interrupted == number
    assert set(result.outcomes.values()) == {Outcome.CANCELLED}
    assert bench.hands.submitted == []
    [end] = bench.events.of(RunFinished)
    assert end.interrupted == number


def test_the_handlers_of_signals_are_put_back(bench: Bench) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    bench.run()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_run_in_another_thread_leaves_signals_alone(bench: Bench) -> None:
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(bench.run()))
    thread.start()
    thread.join()
    assert results[0].ok


# -- the end of a log -----------------------------------------------------------------------------------------------


def test_the_end_of_a_log_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a short one\n" + "x" * 1000 + "\n" + ("y" * (TAIL_BYTES // 50) + "\n") * 50)
    lines = tail(path).splitlines()
    assert set(lines) == {"y" * (TAIL_BYTES // 50)}


def test_the_end_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{number}\n" for number in range(TAIL_LINES + 5)))
    lines = tail(path).splitlines()
    assert (len(lines), lines[0], lines[-1]) == (TAIL_LINES, "5", str(TAIL_LINES + 4))


def test_one_endless_line_is_shown_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (2 * TAIL_BYTES) + b"\xff end")
    assert tail(path).endswith("x\N{REPLACEMENT CHARACTER} end")
    assert tail(tmp_path / "none") == ""
