"""How a command begins and ends: what is started before anything else, and what is left undone at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pivot_cli import entry


@pytest.mark.parametrize(
    ("arguments", "changed", "early"),
    [
        (["run"], False, False),
        (["run"], True, True),
        (["run", "-f", "one"], False, True),
        (["run", "--force"], False, True),
        (["run", "-f", "-n"], False, False),
        (["run", "--dry-run"], True, False),
        (["run", "--help"], True, False),
        (["run", "--debug"], True, False),
        (["status"], True, False),
        ([], True, False),
    ],
)
def test_what_will_run_stages_is_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], *, changed: bool, early: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".pivot" / "stages").mkdir(parents=True)
    assert entry._will_run_stages(arguments, changed=changed) == early


def test_the_first_run_of_a_project_will(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry._will_run_stages(["run"], changed=False)


def test_exit_handlers_run_and_nothing_is_taken_apart() -> None:
    script = """
import atexit, sys
class Told:
    def __del__(self):
        print("taken apart")
sys.kept = Told()
atexit.register(lambda: print("handled"))
sys.argv = ["pivot", "--version"]
from pivot_cli.entry import run
run()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["handled"]


def test_as_a_module_it_ends_as_python_does(tmp_path: Path) -> None:
    """So that what runs it, such as a profiler, can tell of it; and quietly where nobody takes what is printed."""
    command = [sys.executable, "-m", "cProfile", "-m", "pivot_cli", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "function calls" in done.stdout
    with open("/dev/full", "w") if Path("/dev/full").exists() else open(os.devnull, "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pivot_cli", "--help"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert "Exception ignored" not in done.stderr
    assert done.returncode in (0, 2)
