"""Projects that are opened to look at them: nothing is written, nothing but notices is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pivot_cli.session import Notices
from pivot_core.events import Notice, Outcome, RunFinished, RunStarted, StageFinished, StageStarted

PIPELINE = """
from pivot import stage
import functools

def loud(function):
    return functools.wraps(function)(lambda: function())

@loud
@stage(outs="a.txt")
def make():
    open("a.txt", "w").close()
"""


def test_notices_go_to_stderr_with_their_stage(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Notices()
    sink.emit(Notice("the lock file is of an older Pivot", "train"))
    sink.emit(Notice("threads were started by polars"))
    out, err = capsys.readouterr()
    assert err == "note: train: the lock file is of an older Pivot\nnote: threads were started by polars\n"
    assert out == ""


def test_other_events_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Notices()
    for event in (
        RunStarted(("a",), 1),
        StageStarted("a", (), ""),
        StageFinished("a", Outcome.FAILED, error="e"),
        RunFinished({}, 0, 0, 0),
    ):
        sink.emit(event)
    assert capsys.readouterr() == ("", "")


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", ["status", "explain", "explain --code", "list", "dag", "run --dry-run"])
def test_looking_writes_nothing_and_tells_notices_apart_from_results(command: str, tmp_path: Path) -> None:
    """Not even .pivot: whoever may only read a project can look at it."""
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    before = tree(tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIVOT_")}
    result = subprocess.run(
        [sys.executable, "-m", "pivot_cli", *command.split()],
        cwd=tmp_path,
        env=kept,
        capture_output=True,
        text=True,
        check=True,
    )
    assert tree(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {"pipeline.py"}
    assert "make" in result.stdout
    assert "decorator above @stage" not in result.stdout
    assert result.stderr.startswith("note: pipeline.py:")
