"""Every command, typed as a user types it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from pivot_core.storage.state import StateDB
from typed import PIVOT, Typed


@pytest.fixture
def chain(project: Typed) -> Typed:
    project.write("n.txt", "1")
    project.write("lib.py", "def double(x):\n    return x * 2\n")
    project.write(
        "pipeline.py",
        """
        from lib import double
        from pivot import stage

        @stage(deps="n.txt", outs="a.txt")
        def first():
            open("a.txt", "w").write(str(double(int(open("n.txt").read()))))

        @stage(deps="a.txt", outs="b.txt")
        def second():
            open("b.txt", "w").write(open("a.txt").read())
        """,
    )
    return project


def test_list_and_dag(chain: Typed) -> None:
    assert chain.pivot("list").stdout.splitlines() == ["first   pipeline.py:5", "second  pipeline.py:9"]
    assert chain.pivot("dag").stdout.splitlines() == ["first", "second ← first"]
    assert "s0 --> s1" in chain.pivot("dag", "--format", "mermaid").stdout
    assert '"first" -> "second";' in chain.pivot("dag", "--format", "dot").stdout


def test_targets_name_stages_globs_and_outs(chain: Typed) -> None:
    assert chain.ran("a.txt") == {"first"}
    assert chain.ran("sec*") == {"second"}
    assert chain.run("first", "--force") == {"first": "ran"}


def test_a_stored_run_is_the_one_that_was_printed(chain: Typed) -> None:
    printed = [json.loads(line) for line in chain.pivot("run", "--json").stdout.splitlines()]
    state = StateDB(chain.root / ".pivot" / "state.db", readonly=True)
    assert state.runs() == [printed[0]["run"]]
    stored = state.events(printed[0]["run"])
    state.close()
    assert [event["event"] for event in stored] == [event["event"] for event in printed]


def test_explain_as_data_and_with_the_source(chain: Typed) -> None:
    chain.run()
    chain.write("lib.py", "def double(x):\n    return x + x\n")
    [told] = json.loads(chain.pivot("explain", "first", "--json").stdout)
    assert (told["stage"], told["verdict"]) == ("first", "run")
    [change] = told["reasons"][0]["changes"]
    assert (change["name"], change["file"], change["line"]) == ("lib.double", "lib.py", 1)
    diff = chain.pivot("explain", "first", "--diff").stdout
    assert "-    return x * 2" in diff
    assert "+    return x + x" in diff
    assert "func:lib.double" in chain.pivot("explain", "first", "--code").stdout


def test_a_value_that_changed_while_its_source_did_not_is_shown_with_it(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        import os
        from pivot import stage
        LEVEL = os.environ["LEVEL"]
        @stage(outs="a.txt")
        def a(): open("a.txt", "w").write(LEVEL)
        """,
    )
    project.run(LEVEL="1")
    told = project.pivot("explain", "--diff", LEVEL="2").stdout
    assert "pipeline.LEVEL: its source is the same, what it gives is not:\n    LEVEL = os.environ['LEVEL']\n" in told


def test_init_and_version(project: Typed) -> None:
    project.pivot("init")
    assert (project.root / ".pivot" / ".gitignore").exists()
    assert project.pivot("--version").stdout.startswith("pivot ")


def test_completion_knows_the_stages(chain: Typed) -> None:
    chain.run()
    assert "_PIVOT_COMPLETE" in chain.pivot("completion", "bash").stdout
    done = subprocess.run(
        [PIVOT],
        cwd=chain.root,
        env=chain.environment(_PIVOT_COMPLETE="bash_complete", COMP_WORDS="pivot run sec", COMP_CWORD="2"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "second" in done.stdout


def test_dvc_understands_the_export(chain: Typed) -> None:
    environment = chain.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def dvc(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=chain.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    chain.pivot("export")
    dvc("init", "--no-scm", "--quiet")
    dvc("repro", "--quiet")
    assert chain.read("b.txt") == "2"
    assert json.loads(dvc("status", "--json")) == {}
    chain.write("lib.py", "def double(x):\n    return x * 3\n")
    assert "first" in json.loads(dvc("status", "--json"))
    dvc("repro", "--quiet")
    assert chain.read("b.txt") == "3"
    assert chain.ran() == set()


def test_an_export_never_replaces_what_the_user_wrote(chain: Typed) -> None:
    chain.write("dvc.yaml", "stages: {}\n")
    assert "dvc.yaml" in chain.pivot("export", code=2).stderr
    assert chain.read("dvc.yaml") == "stages: {}\n"


def on_a_terminal(project: Typed, *arguments: str, typed: str = "") -> str:
    """What the terminal shows when `pivot` is typed there, with an answer to what it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PIVOT, *arguments],
        cwd=project.root,
        env=project.environment(TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown.decode()
    return shown.decode()


def test_a_terminal_shows_the_stages_and_the_summary(chain: Typed) -> None:
    shown = on_a_terminal(chain, "run")
    assert "no record yet" in shown
    assert "2 ran in" in shown


def test_breakpoints_work_when_debugging(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        @stage(outs="a.txt")
        def a():
            answer = 1
            breakpoint()
            open("a.txt", "w").write(str(answer))
        """,
    )
    shown = on_a_terminal(project, "run", "--debug", typed="answer = 42\nc\n")
    assert "(Pdb)" in shown
    assert project.read("a.txt") == "42"


def test_run_with_profile_says_where_the_time_went(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs='a')\ndef a():\n    open('a', 'w').close()\n")
    shown = project.pivot("run", "--profile").stderr.splitlines()
    table = shown[next(at for at, line in enumerate(shown) if line.startswith("phase")) :]
    calls = {" ".join(words[:-2]): int(words[-2]) for words in map(str.split, table[1:])}
    assert calls["dispatch"] == 2
    assert {"load", "plan", "wait", "hash", "store", "lock files", "record"} <= calls.keys()


def test_a_note_says_where_what_was_edited_by_hand_is_kept(chain: Typed) -> None:
    chain.run()
    chain.write("b.txt", "by hand")
    said = chain.pivot("run").stderr
    assert "held bytes that no recorded run wrote; they are kept as .pivot/cache/" in said
    assert chain.read(said.rpartition("kept as ")[2].strip()) == "by hand"
    assert chain.read("b.txt") == "2"


def test_an_out_that_is_not_cached_is_left_to_git(project: Typed) -> None:
    (project.root / ".git").mkdir()
    project.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import Out, stage

        @stage(outs=["model.txt", Out("metrics.json", cache=False)])
        def train():
            Path("model.txt").write_text("model")
            Path("metrics.json").write_text("{}")
        """,
    )
    assert project.ran() == {"train"}
    assert project.read(".gitignore") == "/model.txt\n"
    (project.root / "model.txt").unlink()
    assert project.run() == {"train": "restored"}
    (project.root / "metrics.json").unlink()
    assert project.ran() == {"train"}


def test_a_quiet_run_says_nothing_of_stages_that_are_up_to_date(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import stage

        @stage(deps="in.txt", outs="a.txt")
        def a(): Path("a.txt").write_text("a")

        @stage(outs="b.txt")
        def b(): Path("b.txt").write_text("b")
        """,
    )
    project.write("in.txt", "1")
    project.pivot("run")
    project.write("in.txt", "2")
    assert project.pivot("run", "-n", "-q").stdout == "a  stale        dep changed: in.txt\n"
    shown = project.pivot("run", "-q").stdout.splitlines()
    assert [line.partition(" ")[0] for line in shown] == ["a", "1"]
    assert "1 ran, 1 up to date" in shown[-1]
    for _ in range(2):  # the second is answered without a look at the pipeline
        assert project.pivot("run", "--quiet").stdout.startswith("2 up to date in ")
