"""state.db: it saves time, and nothing about it stops a run."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from pivot_core.model import FileState
from pivot_core.storage import database as database_module
from pivot_core.storage.database import is_local
from pivot_core.storage.stamps import Row, Stamp
from pivot_core.storage.state import KEPT_RUNS, Failure, StateDB, StoredRuns

ROWS = [Row("data/a.csv", Stamp(1, 2, 3, 4), "xxh3:1"), Row("\udcff\n", Stamp(2**62, 2**62, 0, 2**62), "xxh3:2")]
OUTS = {"a": FileState("xxh3:1", 3), "d\udcff": FileState("xxh3:2.tree", 4, files=2, link="x")}
FAILURE = Failure(1e9, "ValueError: no luck", 2.5, ".pivot/logs/train.log", ".pivot/failed/train")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".pivot" / "state.db"


@pytest.fixture
def db(path: Path) -> Iterator[StateDB]:
    with closing(StateDB(path)) as opened:
        yield opened


def fill(db: StateDB) -> None:
    db.save_stamps(ROWS)
    db.save_duration("train", 1.5)
    db.save_sources({"xxh3:1": "def f(): ..."})
    db.add_events([("run1", 0, {"event": "run_started"}), ("run1", 1, {"event": "run_finished"})])
    db.save_fact("snapshot", b"\0\xff")
    db.save_outs("key", OUTS)
    db.save_failure("train", FAILURE)


def is_full(db: StateDB) -> bool:
    return (
        sorted(db.stamps()) == sorted(ROWS)
        and db.durations() == {"train": 1.5}
        and db.source("xxh3:1") == "def f(): ..."
        and db.events("run1") == [{"event": "run_started"}, {"event": "run_finished"}]
        and db.fact("snapshot") == b"\0\xff"
        and db.outs_of("key") == OUTS
        and db.failures() == {"train": FAILURE}
    )


def is_empty(db: StateDB) -> bool:
    return (
        db.stamps() == []
        and db.durations() == {}
        and db.source("xxh3:1") is None
        and db.runs() == []
        and db.events("run1") == []
        and db.fact("snapshot") is None
        and db.outs_of("key") is None
        and db.failures() == {}
    )


def test_a_new_database_is_empty_and_keeps_what_it_is_given(path: Path) -> None:
    with closing(StateDB(path)) as db:
        assert is_empty(db)
        fill(db)
        assert is_full(db)
    with closing(StateDB(path)) as again:
        assert is_full(again)
        assert again.problem == ""


def test_stamps_are_replaced_and_forgotten_by_path(db: StateDB) -> None:
    db.save_stamps(ROWS)
    newer = Row(ROWS[0].path, Stamp(9, 9, 9, 9), "xxh3:9")
    db.save_stamps([newer], forgotten=[ROWS[1].path])
    assert db.stamps() == [newer]


def test_the_newest_runs_are_kept_in_order(db: StateDB) -> None:
    for number in range(KEPT_RUNS + 3):
        db.add_events([(f"run{number:03}", sequence, {"n": sequence}) for sequence in (1, 0)])
    db.forget_old_runs()
    assert db.runs() == [f"run{number:03}" for number in range(3, KEPT_RUNS + 3)]
    assert db.events("run010") == [{"n": 0}, {"n": 1}]


def test_a_failure_is_replaced_by_the_next_and_forgotten(db: StateDB) -> None:
    db.save_failure("train", FAILURE)
    db.save_failure("train", attrs.evolve(FAILURE, error="exit code 4"))
    assert db.failures()["train"].error == "exit code 4"
    db.forget_failure("train")
    assert db.failures() == {}


def test_only_the_newest_outs_and_the_present_and_newest_sources_are_kept(db: StateDB) -> None:
    db.kept_outs, db.kept_sources = 3, 2
    for number in range(5):
        db.save_outs(f"key{number}", OUTS)
        db.save_sources({f"text{number}": "…"})
    db.save_outs("key0", OUTS)
    db.prune({"text0": "…"})
    assert [number for number in range(5) if db.outs_of(f"key{number}")] == [0, 3, 4]
    assert [number for number in range(5) if db.source(f"text{number}")] == [0, 3, 4]


def test_where_the_present_sources_are_not_known_none_is_forgotten(db: StateDB) -> None:
    db.kept_sources = 1
    db.save_sources({"a": "…", "b": "…", "c": "…"})
    db.prune()
    assert all(db.source(name) for name in "abc")


def test_nothing_is_asked_about_bounds_where_no_row_came(db: StateDB, monkeypatch: pytest.MonkeyPatch) -> None:
    db.save_sources({"a": "…"})
    db.prune({"a": "…"})
    db.save_sources({"a": "…"})
    monkeypatch.setattr(db, "_database", None)
    db.prune({"a": "…"})


def test_names_that_are_not_utf8_do_no_harm(db: StateDB) -> None:
    db.save_duration("\udcff", 1.0)
    db.save_outs("\udcff", OUTS)
    assert db.outs_of("\udcff") == OUTS
    assert db.problem == ""


class FakeStore:
    """A store in which only `there` is."""

    def __init__(self, there: set[str]) -> None:
        self.there = there

    def missing(self, digests: object) -> set[str]:
        return set(digests) - self.there  # type: ignore[call-overload, no-any-return] # a collection

    def put(self, path: Path) -> FileState:
        raise NotImplementedError

    def fetch(self, state: FileState, path: Path) -> None:
        raise NotImplementedError


def test_a_run_is_found_while_the_store_has_all_its_objects(db: StateDB) -> None:
    store = FakeStore({out.digest for out in OUTS.values()})
    runs = StoredRuns(db, store)
    assert runs.find("key") is None
    runs.add("key", OUTS)
    assert runs.find("key") == OUTS
    store.there.pop()
    assert runs.find("key") is None


def test_another_thread_is_refused(db: StateDB) -> None:
    """Rather than that what it says is lost without a word."""
    errors: list[Exception] = []

    def use() -> None:
        try:
            db.stamps()
        except sqlite3.ProgrammingError as error:
            errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(errors) == 1


@pytest.mark.parametrize("outs", ["", "[]", "{", '{"a": {"digest": 1}}', '{"a": {"size": 1}}', '{"a": 1}', "null"])
def test_a_row_that_cannot_be_read_is_a_miss(db: StateDB, path: Path, outs: str) -> None:
    db.save_outs("key", OUTS)
    db.commit()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE run_cache SET outs = ?", [outs])
    assert StoredRuns(db, FakeStore(set())).find("key") is None


def damage_header(path: Path) -> None:
    path.write_bytes(b"SQLite format 4\0" + b"\xff" * 8000)


def damage_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[200:] = b"\xa5" * (len(data) - 200)
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def other_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize("damage", [damage_header, damage_pages, truncate, other_version])
def test_a_damaged_database_is_set_aside_and_a_new_one_started(path: Path, damage: object) -> None:
    with closing(StateDB(path)) as db:
        fill(db)
    damage(path)  # type: ignore[operator] # one of the functions above
    with closing(StateDB(path)) as db:
        db.stamps()
        db.durations()
        db.outs_of("key")
        assert "state.db cannot be used" in db.problem
        assert db.problem.endswith("; it is state.db.damaged now, and a new one was begun")
        fill(db)
        assert is_full(db)
    with closing(StateDB(path)) as db:
        assert is_full(db)
        assert db.problem == ""
    assert path.with_name("state.db.damaged").exists()


@pytest.mark.parametrize("value", ["NULL", "7", "'text'", "x'00'"])
@pytest.mark.parametrize(
    ("table", "column"),
    [("stamps", "path"), ("stamps", "digest"), ("durations", "seconds"), ("sources", "text"), ("facts", "value")],
)
def test_a_value_of_another_type_than_was_written_is_no_obstacle(
    path: Path, table: str, column: str, value: str
) -> None:
    """A flipped bit in a row leaves the database itself readable."""
    with closing(StateDB(path)) as db:
        fill(db)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute(f"UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = '{table}'")
        other.commit()
    with closing(sqlite3.connect(path)) as other, contextlib.suppress(sqlite3.IntegrityError):
        other.execute(f"UPDATE {table} SET {column} = {value}")
        other.commit()
    with closing(StateDB(path)) as db:
        assert all(isinstance(row.path, str) and isinstance(row.digest, str) for row in db.stamps())
        assert all(isinstance(seconds, float) for seconds in db.durations().values())
        assert isinstance(db.source("xxh3:1"), str | None)
        assert isinstance(db.fact("snapshot"), bytes | None)
        assert db.outs_of("key") == OUTS


def test_a_database_damaged_while_it_is_open_is_replaced(db: StateDB, path: Path) -> None:
    fill(db)
    db.commit()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    damage_pages(path)
    for _ in range(2):
        db.stamps(), db.durations(), db.runs(), db.outs_of("key"), db.fact("x"), db.source("y")
        fill(db)
    assert is_full(db)


@pytest.mark.parametrize("size", [0, 10])
def test_an_empty_or_short_file_is_no_obstacle(path: Path, size: int) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\0" * size)
    with closing(StateDB(path)) as db:
        fill(db)
        assert is_full(db)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no umask")
def test_those_who_share_a_project_may_write_to_it_as_the_umask_says(path: Path) -> None:
    before = os.umask(0o002)
    try:
        with closing(StateDB(path)) as db:
            fill(db)
            db.commit()
            assert {place.stat().st_mode & 0o777 for place in path.parent.iterdir()} == {0o664}
    finally:
        os.umask(before)


def test_where_nothing_can_be_read_nothing_is_forgotten(db: StateDB, path: Path) -> None:
    """As on a disk that fails: what is asked of it is nothing then, and no error."""
    fill(db)
    db.commit()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE sources")
    db.prune(["xxh3:1"])
    assert "state.db cannot be used" in db.problem


def test_a_directory_in_its_place_is_no_obstacle(path: Path) -> None:
    path.mkdir(parents=True)
    with closing(StateDB(path)) as db:
        assert "state.db cannot be used" in db.problem
        fill(db)
        assert is_full(db)


READ_ONLY = """
import os, sqlite3, sys
from pathlib import Path
from pivot_core.storage.state import StateDB
path = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
db = StateDB(path)
print([row.path for row in db.stamps()])
db.save_duration("x", 1.0)
db.close()
"""


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_read_only_project_can_be_read(mode: str) -> None:
    """By a user who is not root, as these tests may be: so not below pytest's own directory, which is private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        assert read_as_another_user(Path(name) / "p #?%20" / "state.db", mode) == ("['data/a.csv']\n", "")


def read_as_another_user(path: Path, mode: str) -> tuple[str, str]:
    with closing(StateDB(path)) as db:
        db.save_stamps(ROWS[:1])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        result = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=False
        )
    finally:
        path.parent.chmod(0o755)
    return result.stdout, result.stderr


@pytest.mark.parametrize("local", [True, False])
def test_a_readonly_database_reads_and_writes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, local: bool) -> None:
    """Not even the files beside it: left by root they would keep others from writing."""
    monkeypatch.setattr(database_module, "is_local", lambda _: local)
    with closing(StateDB(path)) as db:
        fill(db)
    before = {place.name: (place.stat().st_mtime_ns, place.read_bytes()) for place in path.parent.iterdir()}
    with closing(StateDB(path, readonly=True)) as db:
        assert is_full(db)
        db.save_duration("train", 9.0)
        assert db.durations() == {"train": 1.5}
    assert {place.name: (place.stat().st_mtime_ns, place.read_bytes()) for place in path.parent.iterdir()} == before


def test_a_readonly_database_that_is_not_there_is_empty_and_stays_away(path: Path) -> None:
    with closing(StateDB(path, readonly=True)) as db:
        assert is_empty(db)
        assert db.problem == ""
    assert not path.parent.exists()


def test_a_damaged_database_is_not_set_aside_by_a_reader(path: Path) -> None:
    with closing(StateDB(path)) as db:
        fill(db)
    damage_header(path)
    with closing(StateDB(path, readonly=True)) as db:
        assert is_empty(db)
        assert "cannot be used" in db.problem
    assert [place.name for place in path.parent.iterdir()] == ["state.db"]


def test_a_reader_sees_what_a_run_has_committed(db: StateDB, path: Path) -> None:
    fill(db)
    db.commit()
    with closing(StateDB(path, readonly=True)) as reader:
        assert is_full(reader)
        db.save_duration("train", 2.5)
        assert reader.durations() != {"train": 2.5} == db.durations()
        db.commit()
        assert reader.durations() == {"train": 2.5}


def test_a_write_after_a_moment_takes_those_before_it_along(
    db: StateDB, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.save_duration("train", 2.5)
    monkeypatch.setattr(database_module, "_MOMENT", 0.0)
    db.save_duration("score", 1.5)
    with closing(StateDB(path, readonly=True)) as reader:
        assert reader.durations() == {"train": 2.5, "score": 1.5}


def test_another_process_can_read_during_a_run(db: StateDB, path: Path) -> None:
    fill(db)
    db.commit()
    with closing(StateDB(path)) as reader:
        assert is_full(reader)
        db.save_duration("train", 2.5)
        db.commit()
        assert reader.durations() == {"train": 2.5}
        assert reader.problem == db.problem == ""


def test_a_database_locked_by_another_process_is_not_set_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_WAIT", 0.05)
    with closing(StateDB(path)) as first:
        fill(first)
    with closing(sqlite3.connect(path)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with closing(StateDB(path)) as db:
            db.save_duration("train", 9.0)
            assert "locked" in db.problem
        holder.rollback()
    with closing(StateDB(path)) as again:
        assert is_full(again)


@pytest.mark.parametrize("local", [True, False])
def test_wal_is_used_where_the_file_system_is_local(path: Path, monkeypatch: pytest.MonkeyPatch, local: bool) -> None:
    monkeypatch.setattr(database_module, "is_local", lambda _: local)
    with closing(StateDB(path)) as db:
        mode = db._database._connection.execute("PRAGMA journal_mode").fetchone()[0]
        assert mode == ("wal" if local else "truncate")


@pytest.mark.parametrize(
    ("mounts", "local"),
    [
        ("/dev/vda / ext4 rw 0 0\n", True),
        ("/dev/vda / ext4 rw 0 0\nserver:/home {} nfs4 rw 0 0\n", False),
        ("server:/ / nfs rw 0 0\n/dev/b {} xfs rw 0 0\n", True),
        ("/dev/vda / ext4 rw 0 0\nx {} fuse.sshfs rw 0 0\n", False),
        ("/dev/vda / ext4 rw 0 0\nx {}x nfs rw 0 0\n", True),
        ("", False),
    ],
)
def test_file_systems_are_told_by_the_innermost_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, local: bool
) -> None:
    text = mounts.format(os.path.realpath(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_options: text)
    assert is_local(tmp_path) is local


WRITE_FOREVER = """
import sys, itertools
from pathlib import Path
from pivot_core.model import FileState
from pivot_core.storage.state import StateDB
db = StateDB(Path(sys.argv[1]))
for number in itertools.count():
    db.save_outs(str(number), {"a": FileState(f"xxh3:{number}", number)})
    db.save_duration("train", float(number))
    db.commit()
    if number == 0:
        print(flush=True)
"""


def test_killed_writers_leave_a_database_that_opens(path: Path) -> None:
    for round_ in range(4):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path)], stdout=subprocess.PIPE) for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        threading.Event().wait(0.02 * (round_ + 1))
        for writer in writers:
            writer.kill()
            writer.communicate()
        with closing(StateDB(path)) as db:
            last = int(db.durations()["train"])
            assert db.problem == ""
            assert db.outs_of(str(last)) is not None


def test_what_was_written_is_put_on_the_disk_before_the_database_is_closed(db: StateDB, path: Path) -> None:
    """So that nobody waits for the disk when it is: then all of it is in the file itself, without its log."""
    fill(db)
    db.sync()
    assert db._database._syncing is not None
    db._database._syncing.join()
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    with closing(StateDB(copy)) as other:
        assert is_full(other)


def test_where_the_system_allows_no_further_thread_closing_puts_it_on_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with closing(StateDB(path)) as db:
        fill(db)
        db.sync()
    with closing(StateDB(path)) as again:
        assert is_full(again)


@pytest.mark.parametrize("readonly", [True, False])
def test_where_there_is_no_database_putting_it_on_the_disk_makes_none(path: Path, readonly: bool) -> None:
    path.mkdir(parents=True)
    with closing(StateDB(path, readonly=readonly)) as db:
        fill(db)
        db.sync()
    assert list(path.parent.iterdir()) == [path]
