"""How errors are told: the user's frames, what is wrong, where, what to do; never a frame of ours."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from pivot_cli.failures import show_error, show_failure
from pivot_core.errors import BusyError, PipelineError, PivotError, ProjectError
from pivot_core.model import Location


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 - whatever it is, with its traceback
        return caught


def test_an_error_is_told_with_its_place_and_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(PipelineError("outs: '/x' is absolute", "Give it relative.", Location("pipeline.py", 2)))
    out, err = capsys.readouterr()
    assert err == "error: pipeline.py:2: outs: '/x' is absolute\nhint: Give it relative.\n"
    assert out == ""


def test_an_error_without_place_and_hint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(ProjectError("no pipeline.py"))
    assert capsys.readouterr().err == "error: no pipeline.py\n"


def test_the_users_traceback_comes_before_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line of a screen is the one that is read first."""
    show_error(PipelineError("could not be imported", "Mend it.", traceback="Traceback …\nKeyError: 1"))
    assert capsys.readouterr().err == "Traceback …\nKeyError: 1\n\nerror: could not be imported\nhint: Mend it.\n"


@pytest.mark.parametrize("error", [PivotError("m"), ProjectError("m"), PipelineError("m"), BusyError("m")])
def test_what_a_user_can_mend_is_misuse_and_has_no_frames(
    error: PivotError, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_failure(raised(error)) == 2
    assert capsys.readouterr().err == "error: m\n"


def test_an_internal_error_is_one_line_that_says_where_the_trace_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert show_failure(raised(RuntimeError("the first line\nand more"))) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "RuntimeError: the first line" in told
    assert "report" in told
    [saved] = re.findall(rf"{re.escape(str(tmp_path))}/\S+", told)
    trace = Path(saved).read_text("utf-8")
    assert "Traceback (most recent call last)" in trace
    assert "and more" in trace


def test_an_internal_error_is_told_even_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert show_failure(raised(KeyError())) == 2
    assert capsys.readouterr().err.startswith("error: Pivot itself failed (KeyError); please report it")


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


def test_an_error_that_cannot_be_shown_is_told_by_its_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert show_failure(raised(UnspeakableError())) == 2
    assert "(UnspeakableError)" in capsys.readouterr().err
