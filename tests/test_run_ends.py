"""What is left of runs that did not end well, and what users are told of it."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import time
from contextlib import closing, suppress

import pytest
from pivot_core.storage.state import StateDB
from typed import PIVOT, Typed

PIPELINE = """
import os, time
from pivot import stage

@stage(outs="a.txt")
def a():
    open("a.txt", "w").write("half")
    if os.environ.get("A") == "fails":
        raise ValueError("no luck")
    if os.environ.get("A") == "waits":
        open("started", "w").close()
        time.sleep(60)

@stage(deps="a.txt", outs="b.txt")
def b():
    open("b.txt", "w").close()

@stage(outs="c.txt")
def c():
    open("c.txt", "w").close()
"""


@pytest.fixture
def three(project: Typed) -> Typed:
    """`b` needs `a`, and `c` needs neither."""
    project.write("pipeline.py", PIPELINE)
    return project


def rows(project: Typed) -> dict[str, str]:
    """The lines of `pivot status` by stage."""
    return dict(line.split(maxsplit=1) for line in project.pivot("status").stdout.splitlines())


def failing(project: Typed) -> None:
    project.pivot("run", "-j1", code=1, A="fails")


def test_status_and_explain_say_that_the_last_run_failed(three: Typed) -> None:
    failing(three)
    assert rows(three)["a"].startswith("failed       ValueError: no luck (")
    assert "log: .pivot/logs/a.log" in rows(three)["a"]
    assert rows(three)["b"].split() == ["never", "run", "waits", "for:", "a"]
    told = three.pivot("explain", "a").stdout
    assert "  Status: WILL RUN\n" in told
    assert "  Last run: failed " in told
    assert "    Error: ValueError: no luck\n" in told
    assert "    Log: .pivot/logs/a.log\n" in told
    assert "    What it wrote: .pivot/failed/a/\n" in told
    assert three.read(".pivot/failed/a/a.txt") == "half"


def test_a_failure_stands_in_both_json_forms_which_are_one(three: Typed) -> None:
    began = time.time()
    failing(three)
    told, status = (json.loads(three.pivot(command, "--json").stdout) for command in ("explain", "status"))
    assert told == status
    by_stage = {item["stage"]: item for item in told}
    assert by_stage["a"]["verdict"] == "run"
    failure = by_stage["a"]["failure"]
    assert began - 1 < failure["time"] < time.time() + 1
    assert (failure["error"], failure["partial"]) == ("ValueError: no luck", ".pivot/failed/a")
    assert "failure" not in by_stage["b"]


def test_a_success_takes_the_failure_and_what_it_wrote_away(three: Typed) -> None:
    failing(three)
    three.run()
    assert set(rows(three).values()) == {"up to date"}
    assert not (three.root / ".pivot" / "failed" / "a").exists()
    three.write("pipeline.py", PIPELINE.replace('"half"', '"other"'))
    assert rows(three)["a"] == "stale        code changed: func:a"


def test_a_stage_that_is_as_before_again_has_not_failed(three: Typed) -> None:
    """An edit fails and is taken back: neither status nor the next run speak of it."""
    three.run()
    three.write("pipeline.py", PIPELINE.replace('"half"', '"other"'))
    failing(three)
    assert rows(three)["a"].startswith("failed")
    three.write("pipeline.py", PIPELINE)
    assert rows(three)["a"] == "up to date"
    assert three.ran() == set()
    state = StateDB(three.root / ".pivot" / "state.db", readonly=True)
    assert state.failures() == {}
    state.close()


def test_a_failure_changes_no_verdict(three: Typed) -> None:
    failing(three)
    assert three.run("--keep-going", code=1, A="fails") == {"a": "failed", "b": "blocked", "c": "ran"}
    assert three.ran() == {"a", "b"}


def test_what_did_not_depend_on_the_failure_is_told_with_the_option_that_runs_it(three: Typed) -> None:
    done = three.pivot("run", "-j1", code=1, A="fails")
    assert "c  cancelled            not started\n" in done.stdout
    assert "hint: 1 stage that does not depend on what failed did not start; `pivot run --keep-going`" in done.stderr
    assert "--keep-going" not in three.pivot("run", "--keep-going", code=1, A="fails").stderr


def test_where_one_of_many_quick_stages_fails_those_that_had_not_started_keep_their_outs(project: Typed) -> None:
    """Quick stages are sent ahead of time: what had made way for them comes back."""
    project.write("bad.txt", "none")
    project.write(
        "pipeline.py",
        """
from pivot import stage

def make(number):
    if open("bad.txt").read() == str(number):
        raise ValueError("no luck")
    open(f"out{number}.txt", "w").write(str(number))

for number in range(60):
    stage(name=f"s{number:02}", deps="bad.txt", outs=f"out{number}.txt", params={"number": number})(make)
""",
    )
    project.pivot("run", "-j2")
    with closing(sqlite3.connect(project.root / ".pivot/state.db", autocommit=True)) as state:
        state.execute("DELETE FROM durations")  # then stages run in the order in which they are declared
    project.write("bad.txt", "30")
    told = project.pivot("run", "-j2", "--json", code=1)
    events = [json.loads(line) for line in told.stdout.splitlines()]
    started = {event["stage"] for event in events if event["event"] == "stage_started"}
    ended = {event["stage"]: event["outcome"] for event in events if event["event"] == "stage_finished"}
    assert ended.keys() - started == {stage for stage, outcome in ended.items() if outcome == "cancelled"}
    assert 20 < len(started) < 40
    assert (ended["s30"], ended["s59"]) == ("failed", "cancelled")
    assert all(project.read(f"out{number}.txt") == str(number) for number in range(60))
    project.write("bad.txt", "none")
    assert set(project.run().values()) == {"restored", "up to date"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_happened_and_what_stays(three: Typed, number: signal.Signals) -> None:
    process = three.start("run", "-j1", A="waits")
    three.until_it_writes(process, "started")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    shown = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert shown["a"].startswith("cancelled            stopped after ")
    assert shown["b"] == shown["c"] == "cancelled            not started"
    assert "interrupt again to end them at once" in err
    assert err.splitlines()[-1].startswith(f"interrupted ({number.name}): what had finished is recorded")
    assert rows(three)["a"].startswith("interrupted  after ")
    assert "log: .pivot/logs/a.log" in rows(three)["a"]
    assert rows(three)["c"] == "never run"
    told = three.pivot("explain", "a").stdout
    assert "  Last run: interrupted " in told
    assert "    What it wrote: .pivot/failed/a/\n" in told
    assert "Error" not in told
    [data] = json.loads(three.pivot("status", "a", "--json").stdout)
    assert data["failure"]["interrupted"]
    three.run()
    assert set(rows(three).values()) == {"up to date"}


def test_ctrl_c_while_debugging_shows_the_frames_of_the_user_and_none_of_ours(three: Typed) -> None:
    """The terminal sends it to all processes that are attached to it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(three.root)
        os.execve(PIVOT, [PIVOT, "run", "--debug"], three.environment(A="waits", TERM="xterm"))
    while not (three.root / "started").exists():
        time.sleep(0.01)
    os.write(terminal, b"\x03")
    shown = b""
    with suppress(OSError):  # the terminal has no end: it fails when all have let it go
        while chunk := os.read(terminal, 4096):
            shown += chunk
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert b"interrupted (SIGINT)" in shown
    assert b"pivot_exec" not in shown
    assert rows(three)["a"].startswith("interrupted  after ")


def test_the_time_of_a_run_includes_loading(project: Typed) -> None:
    slow = "import time\ntime.sleep(0.5)\n"
    project.write("pipeline.py", f"{slow}from pivot import stage\n@stage(outs='a')\ndef a(): open('a', 'w').close()\n")
    events = [json.loads(line) for line in project.pivot("run", "--json").stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[:3] == ["load_started", "load_finished", "run_started"]
    end = events[-1]
    assert end["seconds"] >= end["overhead_seconds"] >= events[1]["seconds"] >= 0.5
    assert (end["interrupted"], end["error"]) == (None, "")


def test_loading_is_not_told_where_there_is_no_terminal(project: Typed) -> None:
    slow = "import time\ntime.sleep(0.5)\n"
    project.write("pipeline.py", f"{slow}from pivot import stage\n@stage(outs='a')\ndef a(): open('a', 'w').close()\n")
    shown = [project.pivot(command, "--reload") for command in ("status", "run")]
    assert [line for done in shown for line in (done.stdout + done.stderr).splitlines() if "loading" in line] == []


def test_a_damaged_record_of_failures_is_none(three: Typed) -> None:
    failing(three)
    import sqlite3

    with sqlite3.connect(three.root / ".pivot" / "state.db") as connection:
        connection.execute("UPDATE failures SET failure = '[1'")
    connection.close()
    assert rows(three)["a"] == "never run"
    assert os.path.exists(three.root / ".pivot" / "failed" / "a")
