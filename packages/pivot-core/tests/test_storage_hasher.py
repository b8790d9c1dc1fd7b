"""What is at a path, and when it must be read to know."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest
from pivot_core.errors import PivotError
from pivot_core.model import FileState
from pivot_core.storage.digests import hash_bytes, hash_descriptor
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.listing import Entry
from pivot_core.storage.parallel import LARGE, in_parallel
from pivot_core.storage.stamps import OTHER_CLOCK_MARGIN, SECOND, FileClock, Row, Stamp, Stamps, changed_at, granularity
from placing import any_names

HOUR = 3600 * SECOND


class HandClock(FileClock):
    """A clock that stands where it is put. A time in the past makes no stamp trusted, one in the future all."""

    def __init__(self, path: Path, offset: int = HOUR) -> None:
        super().__init__(path)
        self.offset = offset

    def now(self) -> int:
        return super().now() + self.offset


def new_hasher(root: Path, clock: FileClock | None = None, ignore: Ignore | None = None) -> Hasher:
    return Hasher(root, Stamps(), ignore or Ignore(), clock or HandClock(root / ".pivot" / "clock"))


def entries(hasher: Hasher, path: str) -> dict[str, Entry]:
    contents = hasher.contents(path)
    assert contents is not None
    return {entry.path: entry for entry in contents[1]}


def test_a_file_is_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    assert new_hasher(tmp_path).state("a") == FileState(hash_bytes(b"hello"), 5)


def test_a_file_that_is_known_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    hasher, calls = new_hasher(tmp_path), list[str]()
    state = hasher.state("a")
    for name in ("lstat", "stat", "open"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, call=call: [calls.append(name), call(*given)][1])
    assert hasher.state("a") == state
    assert calls == ["lstat"]


def test_nothing_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")
    hasher = new_hasher(tmp_path)
    assert hasher.states(["a", "file/x", "dangling", "circle"]) == dict.fromkeys(["a", "file/x", "dangling", "circle"])


def test_what_is_neither_file_nor_directory_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PivotError, match=r"pipe: a named pipe, neither a file nor a directory"):
        new_hasher(tmp_path).state("pipe")


def test_what_is_neither_file_nor_directory_is_an_error_inside_a_directory_too(tmp_path: Path) -> None:
    """It would be missing when the directory is restored. It can be left out by name."""
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "d" / "pipe")
    with pytest.raises(PivotError, match=r"d/pipe: a named pipe, neither a file nor a directory"):
        new_hasher(tmp_path).state("d")
    (tmp_path / ".pivotignore").write_text("*/pipe\n")
    assert entries(new_hasher(tmp_path, ignore=Ignore.load(tmp_path)), "d") == {}


def test_a_link_to_what_is_neither_file_nor_directory_is_listed_as_a_link(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "null").symlink_to(os.devnull)
    assert [entry.link for entry in entries(new_hasher(tmp_path), "d").values()] == [os.devnull]


def test_a_file_is_read_once_while_its_stamp_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    hasher = new_hasher(tmp_path)
    assert hasher.state("a") == hasher.state(str(tmp_path / "a")) == hasher.state("./x/../a")
    assert hasher.hashed == 1


def test_a_stamp_of_an_earlier_session_saves_reading(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = new_hasher(tmp_path)
    state = first.state("a")
    second = Hasher(tmp_path, Stamps(first.stamps.take_unsaved()), Ignore(), HandClock(tmp_path / "clock"))
    assert second.state("a") == state
    assert second.hashed == 0
    assert second.stamps.take_unsaved() == []


@pytest.mark.parametrize("change", ["size", "mtime", "inode", "bytes"])
def test_a_changed_stamp_is_read_again(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    hasher = new_hasher(tmp_path)
    hasher.state("a")
    old = path.stat()
    if change == "inode":
        (tmp_path / "b").write_bytes(b"1")
        (tmp_path / "b").rename(path)
    elif change == "mtime":
        os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + 1))
    else:
        path.write_bytes(b"22" if change == "size" else b"2")
    state = hasher.state("a")
    assert hasher.hashed == 2
    assert state == FileState(hash_bytes(path.read_bytes()), path.stat().st_size)


def test_a_rewrite_with_the_same_size_and_mtime_is_seen(tmp_path: Path) -> None:
    """With the real clock: whatever the resolution of the file system is."""
    path = tmp_path / "a"
    hasher = new_hasher(tmp_path, FileClock(tmp_path / ".pivot" / "clock"))
    os.utime(tmp_path, ns=(0, 0))
    for number in range(300):
        data = b"%03d" % number
        path.write_bytes(data)
        os.utime(path, ns=(SECOND, SECOND))
        state = hasher.state("a")
        assert state is not None
        assert state.digest == hash_bytes(data)


def test_a_stamp_no_older_than_the_clock_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    hasher = new_hasher(tmp_path, HandClock(tmp_path / ".pivot" / "clock", -HOUR))
    hasher.state("a")
    hasher.state("a")
    assert hasher.hashed == 2
    assert hasher.stamps.take_unsaved() == []


def test_settling_makes_the_next_look_free(tmp_path: Path) -> None:
    for name in ("a", "b", "gone", "changed"):
        (tmp_path / name).write_bytes(b"1")
    clock = HandClock(tmp_path / ".pivot" / "clock", -HOUR)
    hasher = new_hasher(tmp_path, clock)
    hasher.states(["a", "b", "gone", "changed"])
    (tmp_path / "gone").unlink()
    (tmp_path / "changed").write_bytes(b"22")
    clock.offset = HOUR
    hasher.settle()
    assert hasher.hashed == 6
    assert {row.path for row in hasher.stamps.take_unsaved()} == {"a", "b"}
    hasher.states(["a", "b"])
    assert hasher.hashed == 6


def test_settling_with_the_real_clock_leaves_nothing_to_read(tmp_path: Path) -> None:
    hasher = new_hasher(tmp_path, FileClock(tmp_path / ".pivot" / "clock"))
    for number in range(20):
        (tmp_path / f"f{number}").write_bytes(b"1")
        hasher.state(f"f{number}")
        hasher.note(f"f{number}", hash_bytes(b"1"))
    hasher.settle()
    read = hasher.hashed
    hasher.states(f"f{number}" for number in range(20))
    assert hasher.hashed == read


def test_settling_notices_bytes_that_changed_under_the_same_stamp(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"2")
    clock = HandClock(tmp_path / ".pivot" / "clock", -HOUR)
    hasher = new_hasher(tmp_path, clock)
    hasher.note("a", hash_bytes(b"1"))
    clock.offset = HOUR
    hasher.settle()
    assert [row.digest for row in hasher.stamps.take_unsaved()] == [hash_bytes(b"2")]


def test_without_a_clock_nothing_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    hasher = new_hasher(tmp_path, FileClock(tmp_path / "a" / "clock"))
    hasher.states(["a"])
    hasher.settle()
    assert hasher.hashed == 1
    hasher.states(["a"])
    assert hasher.hashed == 2
    assert hasher.stamps.take_unsaved() == []


def fake_stat(mtime: int, ctime: int, device: int) -> os.stat_result:
    numbers = [0o100644, 1, device, 1, 0, 0, 1, 0, mtime // SECOND, ctime // SECOND]
    return os.stat_result(numbers, {"st_mtime_ns": mtime, "st_ctime_ns": ctime})


def test_whole_seconds_must_be_two_seconds_old() -> None:
    """FAT knows every second second only."""
    assert granularity(fake_stat(5 * SECOND, 7 * SECOND, 1)) == 2 * SECOND
    assert granularity(fake_stat(5 * SECOND, 7 * SECOND + 1, 1)) == 0


def test_another_file_system_may_have_another_clock(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    now = clock.now()
    device = tmp_path.stat().st_dev
    just_before = now - 1001
    assert clock.settled(fake_stat(just_before, just_before, device), now)
    assert not clock.settled(fake_stat(just_before, just_before, device + 1), now)
    assert clock.settled(fake_stat(just_before - OTHER_CLOCK_MARGIN, 1, device + 1), now)


@pytest.mark.parametrize("times", [(0, 1), (1, 0)])
def test_both_times_must_be_older(tmp_path: Path, times: tuple[int, int]) -> None:
    clock = FileClock(tmp_path / "clock")
    now = clock.now()
    mtime, ctime = (now - 1 + time for time in times)
    assert not clock.settled(fake_stat(mtime, ctime, tmp_path.stat().st_dev), now)


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    real = hash_descriptor
    writes = iter([b"22"])

    def hash_and_write(descriptor: int, size: int) -> str:
        digest = real(descriptor, size)
        if data := next(writes, None):
            path.write_bytes(data)
        return digest

    monkeypatch.setattr("pivot_core.storage.hasher.hash_descriptor", hash_and_write)
    assert new_hasher(tmp_path).state("a") == FileState(hash_bytes(b"22"), 2)


def test_a_file_that_never_keeps_still_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    real = hash_descriptor

    def hash_and_write(descriptor: int, size: int) -> str:
        digest = real(descriptor, size)
        with path.open("ab") as file:
            file.write(b"1")
        return digest

    monkeypatch.setattr("pivot_core.storage.hasher.hash_descriptor", hash_and_write)
    with pytest.raises(PivotError, match="a: changed each of the 3 times it was read"):
        new_hasher(tmp_path).state("a")


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"1")

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pivot_core.storage.hasher.os.open", refuse)
    with pytest.raises(PivotError, match="d/a: cannot be read: Permission denied"):
        new_hasher(tmp_path).state("d")


def test_a_directory_is_its_files_links_and_empty_directories(tmp_path: Path) -> None:
    top = tmp_path / "d"
    (top / "sub" / "empty").mkdir(parents=True)
    (top / "sub" / "x").write_bytes(b"1")
    (top / "run").write_bytes(b"22")
    (top / "run").chmod(0o755)
    (top / "l").symlink_to("sub/x")
    hasher = new_hasher(tmp_path)
    assert entries(hasher, "d") == {
        "sub/empty": Entry("sub/empty"),
        "sub/x": Entry("sub/x", hash_bytes(b"1"), 1),
        "run": Entry("run", hash_bytes(b"22"), 2, executable=True),
        "l": Entry("l", link="sub/x"),
    }
    state = hasher.state("d")
    assert state is not None
    assert (state.size, state.files) == (3, 2)


def test_an_empty_directory_is_there(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    state = new_hasher(tmp_path).state("d")
    assert state is not None
    assert state.is_directory
    assert state.files == 0


def test_a_look_at_an_unchanged_directory_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in range(20):
        (tmp_path / "d" / str(number)).write_bytes(b"%d" % number)
    hasher = new_hasher(tmp_path)
    state = hasher.state("d")
    assert hasher.state("d") == state
    assert hasher.hashed == 20
    (tmp_path / "d" / "3").write_bytes(b"x")
    assert hasher.state("d") != state
    assert hasher.hashed == 21


def test_the_project_itself_can_be_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    hasher = new_hasher(tmp_path, ignore=Ignore.parse(["/b"]))
    (tmp_path / "b").write_bytes(b"1")
    assert set(entries(hasher, ".")) == {"a"}
    hasher.state("a")
    assert hasher.hashed == 1


def test_what_is_ignored_does_not_count_in_a_directory(tmp_path: Path) -> None:
    for path in ["d/a", "d/a~", "d/__pycache__/x", "d/sub/.git/x", "d/x.log", "d/venv/pyvenv.cfg", "d/e/.DS_Store"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    hasher = new_hasher(tmp_path, ignore=Ignore.parse(["/d/*.log"]))
    assert set(entries(hasher, "d")) == {"a", "e"}


def test_what_is_named_itself_is_never_ignored(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").touch()
    hasher = new_hasher(tmp_path, ignore=Ignore.parse(["d/"]))
    assert set(entries(hasher, "d")) == {"a"}


def test_a_link_is_followed_and_named(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"1")
    (tmp_path / "dir").mkdir()
    (tmp_path / "l").symlink_to("real")
    (tmp_path / "ld").symlink_to("dir")
    hasher = new_hasher(tmp_path)
    assert hasher.state("l") == FileState(hash_bytes(b"1"), 1, link="real")
    state = hasher.state("ld")
    assert state is not None
    assert (state.is_directory, state.link) == (True, "dir")


def test_a_link_out_of_the_directory_counts_by_content(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_bytes(b"1")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "file").symlink_to("../out/x")
    (tmp_path / "d" / "dir").symlink_to(tmp_path / "out")
    one = hash_bytes(b"1")
    found = entries(new_hasher(tmp_path), "d")
    assert found == {"file": Entry("file", one, 1), "dir/x": Entry("dir/x", one, 1)}


def test_an_absolute_link_inside_the_directory_does_not_tie_it_to_its_place(tmp_path: Path) -> None:
    states = []
    for checkout in ("one", "two"):
        top = tmp_path / checkout / "d"
        (top / "sub").mkdir(parents=True)
        (top / "x").write_bytes(b"1")
        (top / "sub" / "l").symlink_to(top / "x")
        states.append(new_hasher(tmp_path / checkout).state("d"))
        assert entries(new_hasher(tmp_path / checkout), "d")["sub/l"].link == "../x"
    assert states[0] == states[1]


def test_links_that_lead_nowhere_or_round_are_listed_and_end(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "d" / "sub").mkdir(parents=True)
    links = {
        "nowhere": "../no",
        "self": "self",
        "here": ".",
        "above": "..",
        "root": "/",
        "sub/up": "..",
        "out": "../out",
    }
    for name, target in links.items():
        (tmp_path / "d" / name).symlink_to(target)
    (tmp_path / "out" / "back").symlink_to("../d")
    (tmp_path / "out" / "mine").symlink_to(".")
    found = entries(new_hasher(tmp_path), "d")
    assert {path: entry.link for path, entry in found.items()} == {
        "nowhere": "../no", "self": "self", "here": ".", "above": "..", "root": "/", "sub/up": "..",
        "out/back": "..", "out/mine": ".",
    }  # fmt: skip


def test_a_link_through_another_link_is_listed_by_where_it_leads(tmp_path: Path) -> None:
    """`b/../x` is not `x` where `b` is a link."""
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "x").write_bytes(b"outside")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"inside")
    (tmp_path / "d" / "b").symlink_to("../out/deep")
    (tmp_path / "d" / "l").symlink_to("b/../x")
    assert entries(new_hasher(tmp_path), "d")["l"].digest == hash_bytes(b"outside")


@any_names
def test_names_of_any_kind_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    names = ["ä", "new\nline", "\udcff\udc80", "sp ace", "'\"\\", "\N{PILE OF POO}"]
    for name in names:
        (tmp_path / "d" / name).write_bytes(b"1")
    hasher = new_hasher(tmp_path)
    assert set(entries(hasher, "d")) == set(names)
    hasher.state("d")
    assert hasher.hashed == len(names)


def test_many_files_of_all_sizes_are_read_at_once(tmp_path: Path) -> None:
    contents = [b"%d" % number * (LARGE if number % 4 == 0 else 1) for number in range(12)]
    for number, data in enumerate(contents):
        (tmp_path / str(number)).write_bytes(data)
    states = new_hasher(tmp_path).states(str(number) for number in range(12))
    assert [state and state.digest for state in states.values()] == [hash_bytes(data) for data in contents]


def test_the_first_error_of_a_thread_reaches_the_caller() -> None:
    def work(number: int) -> None:
        if number == 5:
            raise ValueError(number)

    for size in (0, LARGE):
        with pytest.raises(ValueError, match="5"):
            in_parallel(work, [(number, size) for number in range(10)])


def test_work_in_parallel_is_done_once_an_item() -> None:
    done: list[int] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        with lock:
            done.append(number)

    in_parallel(work, [(number, LARGE * (number % 3 == 0)) for number in range(1000)])
    assert sorted(done) == list(range(1000))


def test_work_is_done_where_the_system_allows_no_further_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[int] = []
    in_parallel(done.append, [(number, LARGE) for number in range(10)])
    assert sorted(done) == list(range(10))


def test_stamps_of_files_that_are_gone_are_forgotten_once_they_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pivot_core.storage.hasher.PRUNE_ABOVE", 2)
    (tmp_path / "here").write_bytes(b"1")
    stamp = Stamp.of((tmp_path / "here").stat())
    rows = [Row(path, stamp, "xxh3:1") for path in ("here", "gone", "lost")]
    hasher = Hasher(tmp_path, Stamps(rows), Ignore(), FileClock(tmp_path / "clock"))
    assert hasher.forgotten() == ["gone", "lost"]
    hasher.state("here")
    assert hasher.forgotten() == []


def test_mode_bits_are_those_of_the_file_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(b"1")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "l").symlink_to("../tool")
    assert entries(new_hasher(tmp_path), "d")["l"].executable
    assert stat.S_ISLNK((tmp_path / "d" / "l").lstat().st_mode)


def test_the_clock_of_the_file_system_goes_forward(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "deep" / "clock")
    first = clock.now()
    (tmp_path / "a").touch()
    assert clock.wait_past(changed_at((tmp_path / "a").stat())) > first > 0
