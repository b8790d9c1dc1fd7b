"""Looks: whatever a state or an expansion rests on is noted, with a stamp from before it was read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pivot_core.project import Project
from pivot_core.session import Session
from pivot_core.storage import hasher
from pivot_core.storage.globs import expand
from pivot_core.storage.looks import ABSENT, Looks
from pivot_core.storage.stamps import FileClock, Stamp
from pivot_core.storage.walk import Found


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    (tmp_path / ".pivot").mkdir()
    for name in ("data/a.csv", "data/deep/b.csv", "data/venv/pyvenv.cfg", "other/c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "data/link").symlink_to("../other")
    (tmp_path / "name.csv").symlink_to("data/a.csv")
    with Session(Project(tmp_path)) as opened:
        yield opened


def again(looks: Looks) -> bool:
    """Whether all that was noted still has the same stamp."""
    return all(
        now(path, follow) == stamp
        for stamps, follow in ((looks.followed, True), (looks.links, False))
        for path, stamp in stamps.items()
    )


def now(path: str, follow: bool) -> Stamp:
    try:
        return Stamp.of(os.stat(path, follow_symlinks=follow))
    except OSError:
        return ABSENT


def let_time_pass(session: Session) -> None:
    """What changes from now on has another time than what has been looked at."""
    clock = FileClock(session.hasher.root / ".pivot" / "clock of the test")
    began = clock.now()
    while clock.now() <= began:
        time.sleep(0.001)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file that is rewritten": lambda root: (root / "data/a.csv").write_text("other bytes"),
    "a file deeper down": lambda root: (root / "data/deep/b.csv").write_text("other bytes"),
    "a new file": lambda root: (root / "data/new.csv").touch(),
    "a new file deeper down": lambda root: (root / "data/deep/new.csv").touch(),
    "a file that is gone": lambda root: (root / "data/a.csv").unlink(),
    "what a link leads to": lambda root: (root / "other/c.csv").write_text("other bytes"),
    "a new file where a link leads to": lambda root: (root / "other/new.csv").touch(),
    "a link that leads elsewhere": lambda root: (
        (root / "data/link").unlink(),
        (root / "data/link").symlink_to("../empty"),
    ),
    "a virtual environment that is none any more": lambda root: (root / "data/venv/pyvenv.cfg").unlink(),
    "what was not there": lambda root: (root / "absent").touch(),
    "a file in an empty directory": lambda root: (root / "empty/new").touch(),
    "a declared link that leads elsewhere": lambda root: (
        (root / "name.csv").unlink(),
        (root / "name.csv").symlink_to("other/c.csv"),
    ),
    "what is ignored": lambda root: (root / ".pivotignore").write_text("*.csv"),
    "only the mode": lambda root: (root / "data/a.csv").chmod(0o755),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_state_rests_on_is_noted(session: Session, change: str) -> None:
    looks = session.take_notes()
    session.hasher.states(["data", "empty", "absent", "name.csv"])
    assert again(looks)
    os.utime(session.hasher.root / ".pivot", ns=(1, 1))
    assert again(looks), "what nobody asked about is noted"
    let_time_pass(session)
    CHANGES[change](session.hasher.root)
    assert not again(looks)


IN_DIRECTORIES = CHANGES.keys() - {"a declared link that leads elsewhere", "what was not there", "what is ignored"}


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The directories that are walked."""
    walked: list[Path] = []
    walk = hasher.walk

    def counted(top: Path, *arguments: Any) -> Iterator[Found]:
        walked.append(top)
        return walk(top, *arguments)

    monkeypatch.setattr(hasher, "walk", counted)
    return walked


@pytest.mark.parametrize("when", ["before it is asked for", "after it was"])
@pytest.mark.parametrize("change", sorted(IN_DIRECTORIES))
def test_a_directory_that_is_remembered_is_given_with_the_stamps_of_then(
    session: Session, walks: list[Path], change: str, when: str
) -> None:
    paths = ["data", "empty", "absent", "name.csv"]
    states = session.hasher.states(paths, remember=True)
    let_time_pass(session)
    walks.clear()
    if when.startswith("before"):
        CHANGES[change](session.hasher.root)
    looks = session.take_notes()
    recalled = session.hasher.states(paths)
    if when.startswith("after"):
        assert (recalled, walks) == (states, [])
        assert again(looks)
        CHANGES[change](session.hasher.root)
    assert not again(looks)


def test_what_is_remembered_is_given_once_and_only_while_the_same_is_ignored(
    session: Session, walks: list[Path]
) -> None:
    session.hasher.states(["data"], remember=True)
    (session.hasher.root / ".pivotignore").write_text("*.csv")
    session.take_notes()
    ignoring = session.hasher.states(["data"])
    assert len(walks) == 2
    session.take_notes()
    assert session.hasher.states(["data"]) == ignoring
    assert len(walks) == 3


def test_what_was_remembered_and_is_seen_to_be_other_by_then_counts_as_changed_just_now(session: Session) -> None:
    session.hasher.states(["data"], remember=True)
    let_time_pass(session)
    (session.hasher.root / "data/a.csv").write_text("other bytes")
    let_time_pass(session)
    looks = session.take_notes()
    session.hasher.states(["data/a.csv"])
    assert not looks.newest
    session.hasher.states(["data"])
    assert looks.newest


GLOBS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a new match": ("data/*.csv", lambda root: (root / "data/new.csv").touch()),
    "a new match at any depth": ("data/**/*.csv", lambda root: (root / "data/deep/new.csv").touch()),
    "a match in a new directory": ("*/x/*.csv", lambda root: (root / "other/x").mkdir()),
    "a directory that comes to be": ("absent/*.csv", lambda root: (root / "absent").mkdir()),
    "a virtual environment that is none any more": ("data/*/*", lambda root: (root / "data/venv/pyvenv.cfg").unlink()),
}


@pytest.mark.parametrize("case", GLOBS)
def test_whatever_an_expansion_rests_on_is_noted(session: Session, case: str) -> None:
    pattern, change = GLOBS[case]
    looks = session.take_notes()
    expand(session.hasher.root, pattern, session.ignore, session.look)
    assert again(looks)
    let_time_pass(session)
    change(session.hasher.root)
    assert not again(looks)


def test_a_lock_file_that_is_read_is_noted_and_so_is_one_that_is_not_there(session: Session) -> None:
    looks = session.take_notes()
    assert session.locks.read("train") is None
    assert looks.followed[str(session.locks.path("train"))] == ABSENT


def test_what_changed_just_now_is_told_apart_from_what_has_rested(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    (tmp_path / "file").touch()
    clock.wait_past((tmp_path / "file").stat().st_ctime_ns)
    rested = Looks(clock)
    rested.at(str(tmp_path / "file"))
    assert not rested.newest
    fresh = Looks(clock)
    (tmp_path / "file").write_text("now")
    fresh.at(str(tmp_path / "file"))
    assert fresh.newest == (tmp_path / "file").stat().st_mtime_ns


def test_a_directory_that_only_has_to_be_there_is_noted_without_its_times_until_somebody_reads_it(
    session: Session,
) -> None:
    looks = session.take_notes()
    place = session.hasher.root / "data"
    looks.there(str(place))
    mode = place.stat().st_mode
    assert looks.followed[str(place)] == (-1, mode, 0, place.stat().st_ino)
    looks.at(str(place))
    looks.there(str(place))
    assert looks.followed[str(place)] == Stamp.of(place.stat())


def test_there_takes_a_file_or_what_is_absent_as_at_does(session: Session) -> None:
    looks = session.take_notes()
    for name in ("data/a.csv", "name.csv", "absent"):
        looks.there(str(session.hasher.root / name))
    again_at = session.take_notes()
    for name in ("data/a.csv", "name.csv", "absent"):
        again_at.at(str(session.hasher.root / name))
    assert looks.followed == again_at.followed
    assert looks.links == again_at.links
