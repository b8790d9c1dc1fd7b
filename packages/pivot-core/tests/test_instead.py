"""What is told of the files that were written in place of outs that are missing."""

import os
from pathlib import Path

import pytest
from pivot_core import instead
from pivot_core.instead import written_instead
from pivot_core.storage.ignore import Ignore

SINCE = 1_000_000_000_000_000_000  # nanoseconds


@pytest.fixture(autouse=True)
def old_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """ctime cannot be set: files here are told apart by mtime."""
    monkeypatch.setattr(instead, "changed_at", lambda stat: stat.st_mtime_ns)


def _write(root: Path, *paths: str, at: int = SINCE + 1) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
        os.utime(root / path, ns=(at, at))


def _told(root: Path, *missing: str, outs: tuple[str, ...] = ()) -> str:
    return written_instead(root, Ignore(), missing, SINCE, (*missing, *outs))


@pytest.mark.parametrize(
    ("missing", "written", "named"),
    [
        ("out", "out.csv", "out.csv"),
        ("Model.pkl", "model.pkl", "model.pkl"),
        ("c.txt", "sub/c.txt", "sub/c.txt"),
        ("plots", "work/plots/a.svg", "work/plots"),
        ("results/metrics.json", "results/metric.json", "results/metric.json"),
        ("model.pkl", "model.joblib", "model.joblib"),
    ],
)
def test_what_was_meant_is_named_alone(missing: str, written: str, named: str, tmp_path: Path) -> None:
    _write(tmp_path, written, "unrelated/0123456789")
    assert _told(tmp_path, missing) == f", but {named}"


def test_what_is_like_nothing_is_named_up_to_a_number(tmp_path: Path) -> None:
    _write(tmp_path, "1111", "2222", "3333", "4444", "5555")
    assert _told(tmp_path, "model.pkl") == "; written while it ran: 1111, 2222, 3333 and 2 more"


def test_what_stages_write_and_what_is_old_does_not_count(tmp_path: Path) -> None:
    _write(tmp_path, "other/model.pkl", "total.txt")
    _write(tmp_path, "data.csv", at=SINCE - 1)
    told = _told(tmp_path, "model.pkl", outs=("other", "total.txt"))
    assert told == "; no other file of the project changed while it ran"


def test_no_promise_is_made_of_a_project_too_large_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instead, "_MOST", 2)
    _write(tmp_path, "a", "b", "c", at=SINCE - 1)
    assert _told(tmp_path, "model.pkl") == ""
