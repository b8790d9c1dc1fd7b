"""Outs and Pivot's own files stay out of git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pivot_core.errors import ProjectError
from pivot_core.model import Out
from pivot_core.storage.gitignore import ensure_ignored, ensure_own_rules
from placing import any_names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "data").mkdir()
    return tmp_path


def test_each_out_has_a_line_beside_it(root: Path) -> None:
    outs = [Out("model.pkl"), Out("data/a.csv"), Out("data/plots")]
    assert ensure_ignored(root, outs) == [".gitignore", "data/.gitignore"]
    assert (root / ".gitignore").read_text() == "/model.pkl\n"
    assert (root / "data" / ".gitignore").read_text() == "/a.csv\n/plots\n"
    assert ensure_ignored(root, outs) == []


def test_uncached_outs_stay_in_git(root: Path) -> None:
    assert ensure_ignored(root, [Out("metrics.json", cache=False)]) == []


def test_outside_of_a_work_tree_nothing_is_written(tmp_path: Path) -> None:
    assert ensure_ignored(tmp_path, [Out("a")]) == []
    assert list(tmp_path.iterdir()) == []


def test_a_project_below_the_work_tree_counts(root: Path) -> None:
    assert ensure_ignored(root / "data", [Out("a")]) == [".gitignore"]


def test_a_worktree_whose_git_is_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    assert ensure_ignored(tmp_path, [Out("a")]) == [".gitignore"]


def test_a_directory_that_is_not_there_yet_is_not_made(root: Path) -> None:
    assert ensure_ignored(root, [Out("later/a")]) == []
    assert not (root / "later").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"# mine\n*.log\n", b"# mine\n*.log\n/a\n"),
        (b"*.log", b"*.log\n/a\n"),
        (b"x\r\n\r\ny\r\n", b"x\r\n\r\ny\r\n/a\r\n"),
        (b"\xff\n", b"\xff\n/a\n"),
        (b"z\n/a\nb\n", b"z\n/a\nb\n"),
        (b"/a/\n", b"/a/\n"),
    ],
)
def test_the_lines_of_the_user_stay_as_they_are(root: Path, before: bytes, after: bytes) -> None:
    (root / ".gitignore").write_bytes(before)
    ensure_ignored(root, [Out("a")])
    assert (root / ".gitignore").read_bytes() == after


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")
@any_names
def test_git_ignores_outs_with_awkward_names_and_only_those(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    names = ["a*b", "a?b", "a[b]", "!a", "#a", "back\\slash", "sp ", "ä", "\udcff", "data"]
    ensure_ignored(tmp_path, [Out(name) for name in names])
    for name in [*names[:-1], "axb", "ab", "data/x"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    command = ["git", "-C", str(tmp_path), "status", "--porcelain", "-z", "--untracked-files=all"]
    status = subprocess.run(command, capture_output=True, check=True).stdout
    assert status == b"?? .gitignore\0?? ab\0?? axb\0"


def test_a_name_that_no_line_can_hold_is_passed_over(root: Path) -> None:
    assert ensure_ignored(root, [Out("a\nb")]) == []


def test_a_file_that_cannot_be_written_is_named(root: Path) -> None:
    (root / ".gitignore").mkdir()
    with pytest.raises(ProjectError, match=r"\.gitignore, which keeps outs out of git, cannot be written"):
        ensure_ignored(root, [Out("a")])
    (root / "taken").touch()
    with pytest.raises(ProjectError, match="taken is no directory"):
        ensure_own_rules(root / "taken")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")
def test_of_pivots_own_files_git_sees_lock_files_and_settings(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    own = tmp_path / ".pivot"
    ensure_own_rules(own)
    files = [
        "config.yaml",
        "stages/train.lock",
        "stages/.tmp-1",
        "cache/ab/c",
        "state.db",
        "state.db-wal",
        "run.lock",
        "logs/x",
    ]
    for name in [*files, "tmp/x", "failed/x", "run.lock.owner"]:
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).touch()
    command = ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"]
    status = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert status.split("\n")[:-1] == ["?? .pivot/.gitignore", "?? .pivot/config.yaml", "?? .pivot/stages/train.lock"]


def test_a_users_own_rules_for_pivots_directory_stay(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    ensure_own_rules(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"
