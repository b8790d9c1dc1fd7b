"""Every exit code of the reference, brought about as a user would."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typed import PIVOT, Typed

ROOT = Path(__file__).parents[1]
PIPELINE = """
import os, time
from pivot import stage

@stage(outs="a.txt")
def a():
    open("a.txt", "w").write(os.environ.get("A", ""))
    if os.environ.get("A") == "fails":
        raise ValueError("as asked")
    if os.environ.get("A") == "waits":
        open("started", "w").close()
        time.sleep(60)
"""

# Makes the `pivot` of one process fail inside: an error that nobody foresaw.
BROKEN = "import pivot_core.project as p; p.is_root = lambda place: 1 / 0; from pivot_cli.entry import run; run()"


def ended(process: "subprocess.Popen[str]") -> int:
    process.communicate(timeout=60)
    return process.returncode


def signalled(project: Typed, number: int) -> int:
    process = project.start("run", A="waits")
    project.until_it_writes(process, "started")
    process.send_signal(number)
    return ended(process)


def unread(project: Typed, *arguments: str, **variables: str) -> int:
    """The code of a command whose stdout nobody reads."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as stdout:
        command = [PIVOT, *arguments]
        environment = project.environment(**variables)
        return subprocess.run(
            command, cwd=project.root, env=environment, stdout=stdout, stderr=subprocess.DEVNULL, check=False
        ).returncode


def code_of(project: Typed, *arguments: str, **variables: str) -> int:
    return project.pivot(*arguments, code=None, **variables).returncode


def broken(project: Typed) -> int:
    command = [sys.executable, "-c", BROKEN, "list"]
    environment = project.environment(TMPDIR=str(project.root))
    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    assert "Pivot itself failed (ZeroDivisionError" in done.stderr
    assert done.stderr.count("\n") == 1
    return done.returncode


WAYS: list[tuple[int, str, Callable[[Typed], int]]] = [
    (0, "a run", lambda project: code_of(project, "run")),
    (0, "a status of what is stale", lambda project: code_of(project, "status")),
    (0, "help", lambda project: code_of(project, "--help")),
    (1, "a failed stage", lambda project: code_of(project, "run", A="fails")),
    (1, "a failed stage that nobody reads of", lambda project: unread(project, "run", A="fails")),
    (2, "an unknown command", lambda project: code_of(project, "rnu")),
    (2, "an unknown stage", lambda project: code_of(project, "run", "b")),
    (2, "a wrong setting", lambda project: code_of(project, "run", PIVOT_JOBS="many")),
    (2, "no such pipeline", lambda project: code_of(project, "run", PIVOT_PIPELINE="gone.py")),
    (2, "an error of ours", broken),
    (3, "a check of what is stale", lambda project: code_of(project, "status", "--check")),
    (130, "an interrupt", lambda project: signalled(project, signal.SIGINT)),
    (141, "a list that nobody reads", lambda project: unread(project, "list")),
    (141, "a run that nobody reads of", lambda project: unread(project, "run")),
    (141, "a run that nobody reads of, unbuffered", lambda project: unread(project, "run", PYTHONUNBUFFERED="1")),
    (143, "a request to end", lambda project: signalled(project, signal.SIGTERM)),
]


@pytest.mark.parametrize(("code", "way"), [(code, way) for code, _, way in WAYS], ids=[name for _, name, _ in WAYS])
def test_an_exit_code_is_what_the_reference_says(project: Typed, code: int, way: Callable[[Typed], int]) -> None:
    project.write("pipeline.py", PIPELINE)
    assert way(project) == code


def test_the_reference_has_these_codes_and_no_others() -> None:
    _, _, section = (ROOT / "docs" / "reference.md").read_text("utf-8").partition("## Exit codes\n")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", section.partition("\n## ")[0], re.MULTILINE)}
    assert documented == {code for code, _, _ in WAYS}


def test_a_run_that_nobody_reads_of_is_done_and_recorded(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    assert unread(project, "run") == 141
    assert project.ran() == set()


def test_a_standing_answer_that_nobody_takes_is_no_traceback(project: Typed) -> None:
    """The quick way out of a run that has nothing to do meets closed and full streams too."""
    project.write("pipeline.py", PIPELINE)
    project.pivot("run")
    project.pivot("run")
    assert unread(project, "run") == 141
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            process = subprocess.run(
                [PIVOT, "run"],
                cwd=project.root,
                env=project.environment(),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert (process.returncode, process.stderr) == (2, "error: No space left on device\n")


@pytest.mark.parametrize("streams", ["2>&-", "<&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_change_no_result(project: Typed, streams: str) -> None:
    project.write("pipeline.py", PIPELINE)
    environment = project.environment(A="fine")
    command = ["sh", "-c", f'"$0" run --force {streams}', PIVOT]
    assert subprocess.run(command, cwd=project.root, env=environment, check=False).returncode == 0
    assert project.read("a.txt") == "fine"
    environment = project.environment(A="fails")
    assert subprocess.run(command, cwd=project.root, env=environment, check=False).returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_stderr_is_a_machine_that_refuses_but_the_stages_run(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    command = ["sh", "-c", '"$0" run --force 2>/dev/full', PIVOT]
    assert subprocess.run(command, cwd=project.root, env=project.environment(A="fine"), check=False).returncode == 2
    assert project.read("a.txt") == "fine"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are UTF-8 in any locale")
@pytest.mark.parametrize("command", ["run", "status", "explain"])
def test_a_name_that_the_locale_does_not_have_is_told_with_what_to_do(project: Typed, command: str) -> None:
    """The locale C means UTF-8 to Python, unless that is turned off."""
    project.write("pipeline.py", PIPELINE.replace("a.txt", "ä.txt"))
    done = project.pivot(command, code=2, LC_ALL="C", PYTHONUTF8="0")
    assert "xe4.txt': cannot be named here, since file names are ascii\nhint: Set LC_ALL=C.UTF-8" in done.stderr
    assert project.ran(LC_ALL="C") == {"a"}


def test_a_stage_of_a_name_that_the_locale_does_not_have_runs(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage\ndef größe(): ...\n")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert project.ran(**ascii_only) == {"größe"}
    for command in ("status", "explain"):
        assert json.loads(project.pivot(command, "--json", **ascii_only).stdout)


def test_what_an_encoding_lacks_is_printed_as_its_number(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage\ndef größe(): ...\n")
    assert project.pivot("run", PYTHONIOENCODING="ascii").stdout.startswith("gr\\xf6\\xdfe  ran ")
    for command in ("run", "status", "explain", "list", "dag"):
        project.pivot(command, PYTHONIOENCODING="ascii")


@pytest.mark.skipif(sys.platform == "win32", reason="there the directory that one is in stays")
def test_a_working_directory_that_was_removed_is_told(project: Typed) -> None:
    command = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && "$0" status', PIVOT]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the current directory was removed\nhint: ")
