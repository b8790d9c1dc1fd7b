"""Ways of showing a run: what each writes, and where, for the same events."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Sequence
from contextlib import suppress

import pytest
from pivot_cli.reporters import lines
from pivot_cli.reporters.envelopes import Envelopes, Several
from pivot_cli.reporters.jsonl import JsonLines
from pivot_cli.reporters.live import LiveTable
from pivot_cli.reporters.loading import redraws
from pivot_cli.reporters.plain import Progress, Results
from pivot_core.events import (
    Envelope,
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
from pivot_core.interfaces import EventSink
from pivot_core.reasons import DepChanged, Forced, NeverRun
from rich.console import Console

RUN: list[Event] = [
    RunStarted(("prep", "train", "plot"), jobs=2),
    Notice("3 threads were left", "prep"),
    StageStarted("prep", (NeverRun(),), "logs/prep.log"),
    StageFinished("prep", Outcome.RAN, (NeverRun(),), 1.5, log="logs/prep.log"),
    StageStarted("train", (Forced(),), "logs/train.log"),
    StageFinished("train", Outcome.FAILED, (Forced(),), 0.25, "exit code 3", "one\ntwo\n", "logs/train.log"),
    StageFinished("plot", Outcome.BLOCKED),
    RunFinished({"ran": 1, "failed": 1, "blocked": 1, "restored": 0}, 2.0, 1.75, 0.25),
]
RESULTS = """\
prep   ran           1.50s  no record yet
train  failed        0.25s  exit code 3
plot   blocked
1 ran, 1 failed, 1 blocked in 2.00s (stages 1.75s, overhead 0.25s)
"""
PROGRESS = """\
note: prep: 3 threads were left
prep: running
train: running
error: stage 'train' failed: exit code 3
  | one
  | two
  log: logs/train.log
"""


def show(sink: EventSink, events: Sequence[Event] = RUN) -> None:
    for event in events:
        sink.emit(event)


def on_terminal(height: int = 25, width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Flushed(io.StringIO):
    """A stream that knows what would have arrived at its reader."""

    arrived = ""

    def flush(self) -> None:
        self.arrived = self.getvalue()


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError


class Kept:
    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    def send(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)


def test_plain_lines_tell_results_apart_from_progress() -> None:
    results, progress = io.StringIO(), io.StringIO()
    show(Several([Results(results), Progress(progress)]))
    assert results.getvalue() == RESULTS
    assert progress.getvalue() == PROGRESS


def test_each_plain_line_arrives_when_it_is_written() -> None:
    """A pipe is a buffer: what runs for an hour has to be told before it ends."""
    results, progress = Flushed(), Flushed()
    sink = Several([Results(results), Progress(progress)])
    for event in RUN:
        sink.emit(event)
        assert (results.arrived, progress.arrived) == (results.getvalue(), progress.getvalue())


def test_json_lines_are_one_whole_event_each_and_arrive_at_once() -> None:
    stream = Flushed()
    sink = Envelopes("r1", [JsonLines(stream)], clock=lambda: 12.5)
    for number, event in enumerate(RUN):
        sink.emit(event)
        told = json.loads(stream.arrived.splitlines()[-1])
        assert (told["version"], told["run"], told["sequence"], told["time"]) == (1, "r1", number, 12.5)
        assert told["event"] == event.kind
    assert len(stream.getvalue().splitlines()) == len(RUN)


def test_a_line_of_json_holds_what_a_stage_printed_whatever_that_is() -> None:
    stream = io.StringIO()
    printed = 'a "quoted"\nline\u2028\x1b[31m é'
    Envelopes("r", [JsonLines(stream)]).emit(StageFinished("s", Outcome.FAILED, output=printed))
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["output"] == printed
    assert json.loads(stream.getvalue())["outcome"] == "failed"


def test_envelopes_number_events_and_give_all_receivers_the_same() -> None:
    one, other = Kept(), Kept()
    show(Envelopes("r", [one, other]))
    assert [envelope.sequence for envelope in one.envelopes] == list(range(len(RUN)))
    assert [envelope.event for envelope in one.envelopes] == RUN
    assert one.envelopes == other.envelopes


def test_a_reader_that_has_gone_does_not_keep_others_from_reading() -> None:
    """Whoever has read enough of the results is still told what failed."""
    progress = io.StringIO()
    show(Several([Results(Gone()), Progress(progress)]))
    assert progress.getvalue() == PROGRESS


def test_what_a_sink_was_lost_to_can_be_asked_for_when_all_is_done() -> None:
    whole = Several([Results(io.StringIO())])
    show(whole)
    whole.check()
    cut = Several([Results(Gone())])
    show(cut)
    with pytest.raises(BrokenPipeError):
        cut.check()


def test_an_error_of_a_sink_that_is_no_matter_of_its_stream_is_not_hidden() -> None:
    closed = io.StringIO()
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        show(Several([Results(closed)]))


def test_the_columns_are_as_wide_as_the_longest_name_within_reason() -> None:
    assert lines.name_width(()) == 0
    assert lines.name_width(("a", "train")) == 5
    assert lines.name_width(("a", "n" * 200)) == 40


def test_names_leave_room_for_what_is_said_of_a_stage_on_a_narrow_terminal() -> None:
    assert lines.name_width(("n" * 50,), 60) == 36
    assert lines.name_width(("n" * 50,), 10) == 8
    console = on_terminal(width=40)
    with LiveTable(console) as table:
        table.emit(RunStarted(("s", "n" * 50), 1))
        table.emit(StageStarted("s", (Forced(),), ""))
        assert rendered(table)[0].startswith("s" + " " * 17 + "running")


@pytest.mark.parametrize(
    ("name", "filled"), [("Été", "Été     "), ("前処理", "前処理  "), ("E\u0301t", "E\u0301t      ")]
)
def test_columns_are_those_of_the_terminal_whatever_a_name_is_written_in(name: str, filled: str) -> None:
    assert lines.padded(name, 8) == filled
    assert lines.name_width((name,)) == 8 - filled.count(" ")


def test_a_long_name_is_shown_whole() -> None:
    assert lines.stage_line(StageFinished("n" * 60, Outcome.RAN), 40).startswith("n" * 60 + "  ran")


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_worked_has_a_time(outcome: Outcome) -> None:
    line = lines.stage_line(StageFinished("s", outcome, seconds=1.25), 1)
    assert ("1.25s" in line) == (outcome in (Outcome.RAN, Outcome.FAILED))
    assert line == line.rstrip()


def test_what_to_do_about_an_error_stands_below_what_the_stage_printed() -> None:
    event = StageFinished("s", Outcome.FAILED, error="did not write a.txt\nWrite it.", output="printed", log="s.log")
    assert "\n" not in lines.stage_line(event, 1)
    assert lines.failure_text(event).splitlines() == [
        "error: stage 's' failed: did not write a.txt",
        "  | printed",
        "  log: s.log",
        "hint: Write it.",
    ]


def test_a_long_error_is_cut_in_the_table_and_whole_below() -> None:
    event = StageFinished("s", Outcome.FAILED, error="e" * 300)
    assert lines.stage_line(event, 1).endswith(" " + "e" * 100 + "…")
    assert "e" * 300 in lines.failure_text(event)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("term", "can"), [("xterm", True), ("dumb", False)])
def test_where_a_terminal_can_only_print_lines_are_printed(
    term: str, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Emacs's shell, where a table that is redrawn would show nothing until a stage has ended."""
    monkeypatch.setenv("TERM", term)
    assert redraws(Terminal()) is can
    assert not redraws(io.StringIO())


def test_a_failure_without_output_or_log_is_one_line() -> None:
    event = StageFinished("s", Outcome.FAILED, error="exit code 1")
    assert lines.failure_text(event) == "error: stage 's' failed: exit code 1"


def test_the_reason_of_a_stage_stands_in_its_line() -> None:
    changed = DepChanged("data.csv", "xxh3:0", "xxh3:1")
    assert lines.stage_line(StageFinished("s", Outcome.RAN, (changed, Forced())), 1).endswith(
        "dep changed: data.csv; 1 more reason"
    )


def test_a_run_of_nothing_says_so() -> None:
    assert lines.summary(RunFinished({}, 0.01, 0.0, 0.01)) == "nothing to do in 0.01s (stages 0.00s, overhead 0.01s)"


def test_a_summary_counts_every_outcome() -> None:
    text = lines.summary(RunFinished({outcome.value: 7 for outcome in Outcome}, 1.0, 1.0, 0.0))
    assert all(f"7 {outcome.value}" in text for outcome in Outcome)


CANCELLED = [
    (StageFinished("s", Outcome.CANCELLED, (Forced(),)), "not started"),
    (StageFinished("s", Outcome.CANCELLED, (Forced(),), 1.5, "cancelled", log="s.log"), "stopped after 1.50s"),
]


@pytest.mark.parametrize(("event", "why"), CANCELLED)
def test_a_cancelled_stage_was_stopped_or_never_started(event: StageFinished, why: str) -> None:
    assert lines.stage_line(event, 1).split(maxsplit=2)[2] == why


def test_a_failure_names_what_the_stage_wrote() -> None:
    event = StageFinished("s", Outcome.FAILED, error="e", partial=".pivot/failed/s")
    assert lines.failure_text(event).endswith("what it wrote: .pivot/failed/s/")


@pytest.mark.parametrize(
    ("error", "output", "told"),
    [
        ("input changed while it ran: in.txt", "", "write an out instead"),
        ("killed by SIGKILL", "", "out of memory"),
        ("BdbQuit", "bdb.BdbQuit\n", "--debug s"),
        ("EOFError: EOF when reading a line", "EOFError: EOF when reading a line\n", "--debug s"),
    ],
)
def test_a_failure_that_many_meet_ends_with_what_to_do(error: str, output: str, told: str) -> None:
    *_, last = lines.failure_text(StageFinished("s", Outcome.FAILED, error=error, output=output)).splitlines()
    assert last.startswith("hint: ")
    assert told in last


def ended(interrupted: int | None = None, error: str = "", **outcomes: int) -> RunFinished:
    return RunFinished(outcomes, 1.0, 1.0, 0.0, interrupted, error)


def test_what_to_do_after_a_run_that_did_not_come_to_its_end() -> None:
    assert lines.advice(ended(ran=3, failed=1, blocked=2)) == ""
    assert "--keep-going" in lines.advice(ended(failed=1, cancelled=2))
    assert "2 stages that do not depend" in lines.advice(ended(failed=1, cancelled=2))
    assert "interrupted (SIGTERM)" in lines.advice(ended(signal.SIGTERM, cancelled=2))
    assert "--keep-going" not in lines.advice(ended(signal.SIGINT, failed=1, cancelled=2))


def test_a_run_that_could_not_start_any_stage_has_no_summary() -> None:
    """Why it could not is the error of the command."""
    results, progress, console = io.StringIO(), io.StringIO(), on_terminal()
    show(Several([Results(results), Progress(progress)]), [ended(error="no such module", cancelled=1)])
    assert results.getvalue() + progress.getvalue() == ""
    with LiveTable(console) as table:
        table.emit(ended(error="no such module", cancelled=1))
    assert " in " not in written(console)


def test_a_terminal_shows_that_the_pipeline_is_loaded_once_it_takes_long() -> None:
    now = 100.0
    table = LiveTable(on_terminal(), clock=lambda: now)
    table.emit(LoadStarted("pipeline.py"))
    assert rendered(table) == []
    now = 101.0
    assert rendered(table) == ["loading pipeline.py 1.00s"]
    table.emit(LoadFinished(1.0))
    assert rendered(table) == []


def test_below_a_line_that_is_printed_stands_what_goes_on_then() -> None:
    console = on_terminal()
    table = LiveTable(console)
    with table:
        show(table, [RunStarted(("s", "t"), 1), StageStarted("s", (), ""), Notice("here")])
        assert "s  running" in written(console).partition("note: here")[2]


def test_a_quiet_table_counts_what_is_up_to_date_without_a_line_for_it() -> None:
    console = on_terminal()
    with LiveTable(console, quiet=True) as table:
        ended_stages = [StageFinished("old", Outcome.UP_TO_DATE), StageFinished("new", Outcome.RAN)]
        show(table, [RunStarted(("old", "new"), 1), *ended_stages])
        assert rendered(table) == ["2/2 done, 0 running"]
    assert "new  " in written(console)
    assert "old  " not in written(console)


def test_a_run_that_ends_leaves_no_running_stage_on_the_terminal() -> None:
    table = LiveTable(on_terminal())
    show(table, [RunStarted(("s",), 1), StageStarted("s", (), ""), ended(signal.SIGINT)])
    assert [row for row in rendered(table) if "running" in row] == ["0/1 done, 0 running"]


def test_a_terminal_scrolls_finished_stages_failures_and_the_summary() -> None:
    console = on_terminal()
    with LiveTable(console) as table:
        show(table)
    shown = written(console)
    told = [*RESULTS.splitlines(), "note: prep: 3 threads were left", "error: stage 'train' failed", "  | two"]
    assert [line for line in told if line not in shown] == []
    assert (
        shown.index("prep   ran")
        < shown.index("train  failed")
        < shown.index("plot   blocked")
        < shown.index("in 2.00s")
    )


def test_a_terminal_shows_each_running_stage_with_its_time_and_reason() -> None:
    now = 100.0
    table = LiveTable(on_terminal(), clock=lambda: now)
    show(
        table,
        [RunStarted(("prep", "train"), 2), StageStarted("prep", (NeverRun(),), ""), StageStarted("train", (), "")],
    )
    now = 102.5
    rows = rendered(table)
    assert rows[0].split() == ["prep", "running", "2.50s", "no", "record", "yet"]
    assert rows[1].split() == ["train", "running", "2.50s"]
    assert rows[2] == "0/2 done, 2 running"
    table.emit(StageFinished("prep", Outcome.RAN, seconds=2.5))
    assert [row.split()[0] for row in rendered(table)] == ["train", "1/2"]


def test_more_running_stages_than_lines_are_counted_not_shown() -> None:
    """A table higher than the terminal would push what it replaces out of reach."""
    table = LiveTable(on_terminal(height=10))
    names = tuple(f"s{number}" for number in range(50))
    show(table, [RunStarted(names, 50), *(StageStarted(name, (), "") for name in names)])
    rows = rendered(table)
    assert len(rows) <= 10
    assert rows[-1] == "0/50 done, 50 running"


def test_square_brackets_and_colons_are_text_on_a_terminal() -> None:
    console = on_terminal()
    with LiveTable(console) as table:
        table.emit(StageFinished("s", Outcome.FAILED, error="[red]KeyError: ['a']", output="[/] :smile:"))
    assert "[red]KeyError: ['a']" in written(console)
    assert "  | [/] :smile:" in written(console)


def test_long_lines_are_not_cut_on_a_narrow_terminal() -> None:
    """What a failed stage printed can be copied as it is."""
    console = on_terminal(width=20)
    with LiveTable(console) as table:
        table.emit(StageFinished("s", Outcome.FAILED, error="e", output="x" * 70))
    assert "x" * 70 in written(console)


def test_the_cursor_is_back_when_a_run_is_interrupted() -> None:
    console = on_terminal()
    with suppress(KeyboardInterrupt), LiveTable(console):
        raise KeyboardInterrupt
    hide, show_again = "\x1b[?25l", "\x1b[?25h"
    assert written(console).rindex(show_again) > written(console).rindex(hide)


def rendered(table: LiveTable) -> list[str]:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(table.table())
    return [row.rstrip() for row in written(console).splitlines()]
