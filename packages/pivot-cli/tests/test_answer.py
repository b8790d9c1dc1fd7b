"""The standing answer is given while all that it rests on is the same, and never else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pivot_cli import answer
from pivot_core.observation import always

WORDS = {("run",): f"all fine in {answer.TIME}\n", ("status", "--check"): "fine\n", ("run", "größe"): "one\n"}


def stamp(path: Path, *, follow: bool = True) -> tuple[int, int, int, int]:
    try:
        stat = path.stat(follow_symlinks=follow)
    except OSError:
        return (0, 0, 0, 0)
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an answer, and the working directory in it."""
    (tmp_path / ".pivot").mkdir()
    (tmp_path / "data.csv").write_text("a")
    (tmp_path / "link").symlink_to("data.csv")
    (tmp_path / "below").mkdir()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.write_text("b")
    followed = [(str(path), stamp(path)) for path in (tmp_path / "data.csv", tmp_path / "absent", outside)]
    there = (tmp_path / "below").stat()
    followed.append((str(tmp_path / "below"), (-1, there.st_mode, 0, there.st_ino)))
    links = [(str(tmp_path / "link"), stamp(tmp_path / "link", follow=False))]
    monkeypatch.setenv("SEEN", "1")
    monkeypatch.chdir(tmp_path)
    answer.write(str(tmp_path), WORDS, "note: careful\n", ["SEEN", "UNSET"], followed, links)
    return tmp_path


def test_it_is_given_to_the_command_lines_it_was_kept_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in WORDS.items():
        assert answer.give(arguments) == 0
        shown = capsys.readouterr()
        before, _, after = words.partition(answer.TIME)
        assert shown.out.startswith(before)
        assert shown.out.endswith(after)
        assert shown.err == "note: careful\n"
    assert "all fine in 0." in (answer.give(["run"]), capsys.readouterr().out)[1]
    assert Path.cwd() == root


@pytest.mark.parametrize(
    "arguments", [[], ["run", "--force"], ["status"], ["explain"], ["-C", ".", "run"], ["run", ""]]
)
def test_other_command_lines_go_their_ordinary_way(root: Path, arguments: list[str]) -> None:
    assert answer.give(arguments) is None


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file": lambda root: (root / "data.csv").write_text("b"),
    "only a time": lambda root: os.utime(root / "data.csv", ns=(1, 1)),
    "a file that was not there": lambda root: (root / "absent").touch(),
    "a file that is gone": lambda root: (root / "data.csv").unlink(),
    "a file outside": lambda root: (root.parent / f"{root.name}-outside").write_text("c"),
    "a directory that is another": lambda root: ((root / "below").rename(root / "old"), (root / "below").mkdir()),
    "where a link leads": lambda root: ((root / "link").unlink(), (root / "link").symlink_to("./data.csv")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_other_stamp_makes_it_void(root: Path, change: str) -> None:
    CHANGES[change](root)
    with pytest.raises(answer.Changed):
        answer.give(["run"])
    assert Path.cwd() == root


def test_what_is_in_a_directory_that_only_has_to_be_there_does_not_count(root: Path) -> None:
    (root / "below" / "new").touch()
    assert answer.give(["run"]) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEEN", "2"),
        ("SEEN", None),
        ("UNSET", ""),
        ("PIVOT_JOBS", "3"),
        ("PYTHONPATH", "/x"),
        ("TZ", "UTC+1"),
        ("LC_ALL", "x"),
    ],
)
def test_a_variable_that_counts_makes_it_void(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(answer.Changed):
        answer.give(["run"])


def test_other_variables_do_not_count_unless_all_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETHING", "else")
    assert answer.give(["run"]) == 0
    answer.write(str(root), WORDS, "", ["*"], [], [])
    assert answer.give(["run"]) == 0
    monkeypatch.setenv("SOMETHING", "new")
    with pytest.raises(answer.Changed):
        answer.give(["run"])


def test_all_variables_count_that_a_load_always_depends_on() -> None:
    assert set(always._PREFIXES) <= set(answer.PREFIXES)
    assert all(name.startswith(answer.PREFIXES) for name in always._VARIABLES)


def test_another_search_path_makes_it_void(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "below"))
    with pytest.raises(answer.Changed):
        answer.give(["run"])


def test_it_is_found_from_below_unless_another_project_is_nearer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "below")
    assert answer.give(["run"]) == 0
    assert Path.cwd() == root / "below"
    (root / "below" / "pipeline.py").touch()
    assert answer.give(["run"]) is None


@pytest.mark.parametrize("damage", ["cut", "zeros", "empty", "flip", "other"])
def test_a_damaged_file_is_no_answer(root: Path, damage: str) -> None:
    file = root / answer.NAME
    data = bytearray(file.read_bytes())
    match damage:
        case "cut":
            data = data[: len(data) // 2]
        case "zeros":
            data = bytearray(len(data))
        case "empty":
            data.clear()
        case "flip":
            data[-1] ^= 1
        case "other":
            data[13:14] = b"9"
    file.write_bytes(data)
    assert answer.give(["run"]) is None


def test_giving_it_imports_nothing_to_speak_of(root: Path) -> None:
    """Counted in a process of its own: what the entry adds to what Python itself has imported."""
    code = "import sys; before = set(sys.modules); import pivot_cli.entry; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(found) <= {"__future__", "zlib", "pivot_cli", "pivot_cli.answer", "pivot_cli.entry"}


def test_a_pipe_in_its_place_keeps_nobody_waiting(root: Path) -> None:
    (root / answer.NAME).unlink()
    os.mkfifo(root / answer.NAME)
    assert answer.give(["run"]) is None
