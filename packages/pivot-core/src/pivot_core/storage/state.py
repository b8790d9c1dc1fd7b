"""state.db: what Pivot remembers to save time. Losing it costs time, never correctness.

So nothing about it is an error: a file that is damaged, of another version or not to be written is put aside or done
without, and `StateDB.problem` says so; a value of another type than was written is as good as absent. Only the main
thread of a process opens it; other processes may read meanwhile. What is written is seen by them, and outlives a crash,
after `commit`, `close` or a moment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from pivot_core.model import Accepted, FileState
from pivot_core.storage.stamps import Row, Stamp

if TYPE_CHECKING:
    import sqlite3

    from pivot_core.interfaces import Store

VERSION = 2
KEPT_RUNS = 50
KEPT_OUTS = 100_000  # rows of the run cache
KEPT_SOURCES = 20_000  # texts, besides those of the present code
_WAIT = 2.0  # seconds for another writer
_MOMENT = 0.5  # seconds after which a write is committed with the next one
_ASIDE = ".damaged"
_ACCEPTED = ""  # a key of run-cache rows that is no path
_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "fuse")

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS stamps (
    path BLOB PRIMARY KEY, mtime_ns INT, ctime_ns INT, size INT, inode INT, digest TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run_cache (key TEXT PRIMARY KEY, outs TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS durations (stage TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (digest TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS failures (stage TEXT PRIMARY KEY, failure TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    run TEXT NOT NULL, sequence INT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (run, sequence)
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""


@attrs.frozen
class Failure:
    """How a stage failed last, and where what it printed and wrote then is, relative to the root ("" where nowhere).

    It did not fail by itself where it was `interrupted`: the run was ended, and the stage with it.
    """

    time: float  # of its end, in seconds since the epoch
    error: str
    seconds: float  # that it took
    log: str
    partial: str
    interrupted: bool = False


class StateDB:
    """The database at `path`. Reading one that is not there gives nothing; `problem` is what the user may be told.

    With `readonly` nothing is written, the file itself included.
    """

    kept_outs = KEPT_OUTS
    kept_sources = KEPT_SOURCES

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self._path = path
        self._readonly = readonly
        self._grew = False  # in what `prune` bounds
        self.problem = ""
        self._began = 0.0  # when the first write that is not committed was made
        self._connection = self._open()

    def commit(self) -> None:
        """Let others see what was written."""
        if self._connection.in_transaction:
            self._guarded(self._connection.commit, None)

    def close(self) -> None:
        self.commit()
        self._connection.close()

    # Stamps

    def stamps(self) -> list[Row]:
        rows = self._read(
            "SELECT path, digest, mtime_ns, ctime_ns, size, inode FROM stamps"
            " WHERE typeof(path) = 'blob' AND typeof(digest) = 'text'"
        )
        return [Row(os.fsdecode(path), Stamp(*stamp), digest) for path, digest, *stamp in rows]

    def save_stamps(self, rows: Iterable[Row], forgotten: Iterable[str] = ()) -> None:
        """Add or replace `rows`, and remove those of the paths in `forgotten`."""
        self._write("DELETE FROM stamps WHERE path = ?", [(os.fsencode(path),) for path in forgotten])
        self._write(
            "REPLACE INTO stamps (path, digest, mtime_ns, ctime_ns, size, inode) VALUES (?, ?, ?, ?, ?, ?)",
            [(os.fsencode(row.path), row.digest, *row.stamp) for row in rows],
        )

    # Durations

    def durations(self) -> dict[str, float]:
        """Seconds that stages took when they ran last."""
        return dict(self._read("SELECT stage, seconds FROM durations WHERE typeof(seconds) = 'real'"))

    def save_duration(self, stage: str, seconds: float) -> None:
        self._write("REPLACE INTO durations VALUES (?, ?)", [(stage, seconds)])

    # Source text

    def source(self, digest: str) -> str | None:
        """The normalised source that has this digest, if it was ever saved."""
        rows = self._read("SELECT text FROM sources WHERE digest = ? AND typeof(text) = 'text'", digest)
        return rows[0][0] if rows else None

    def save_sources(self, texts: Mapping[str, str]) -> None:
        """Keep source text by digest, for `explain` to show what changed."""
        self._grew |= self._write("INSERT OR IGNORE INTO sources VALUES (?, ?)", texts.items()) > 0

    # History

    def add_events(self, events: Iterable[tuple[str, int, Mapping[str, Any]]]) -> None:
        """Keep events, each with its run, its sequence number and its JSON form."""
        self._write(
            "REPLACE INTO runs VALUES (?, ?, ?)", [(run, number, json.dumps(data)) for run, number, data in events]
        )

    def runs(self) -> list[str]:
        """The runs that are kept, oldest first."""
        return [run for (run,) in self._read("SELECT run FROM runs GROUP BY run ORDER BY min(rowid)")]

    def events(self, run: str) -> list[dict[str, Any]]:
        """The events of a run, in order, as data."""
        return [
            json.loads(text) for (text,) in self._read("SELECT envelope FROM runs WHERE run = ? ORDER BY sequence", run)
        ]

    def forget_old_runs(self) -> None:
        """Keep the newest runs only."""
        self._write("DELETE FROM runs WHERE run = ?", [(run,) for run in self.runs()[:-KEPT_RUNS]])

    # Failures

    def failures(self) -> dict[str, Failure]:
        """The stages that failed last, with what is known of that."""
        try:
            rows = self._read("SELECT stage, failure FROM failures")
            return {stage: Failure(**json.loads(text)) for stage, text in rows}
        except (ValueError, TypeError):
            return {}

    def save_failure(self, stage: str, failure: Failure) -> None:
        self._write("REPLACE INTO failures VALUES (?, ?)", [(stage, json.dumps(attrs.asdict(failure)))])

    def forget_failure(self, stage: str) -> None:
        self._write("DELETE FROM failures WHERE stage = ?", [(stage,)])

    # Facts

    def fact(self, name: str) -> bytes | None:
        """A value of `save_fact`."""
        rows = self._read("SELECT value FROM facts WHERE name = ? AND typeof(value) = 'blob'", name)
        return bytes(rows[0][0]) if rows else None

    def save_fact(self, name: str, value: bytes) -> None:
        self._write("REPLACE INTO facts VALUES (?, ?)", [(name, value)])

    # Run cache: see StoredRuns

    def outs_of(self, key: str) -> dict[str, FileState] | None:
        row = self._run(key)
        return row[0] if row else None

    def accepted_of(self, key: str) -> Accepted | None:
        row = self._run(key)
        return row[1] if row else None

    def save_outs(self, key: str, outs: Mapping[str, FileState], accepted: Accepted | None = None) -> None:
        data = {path: attrs.asdict(state) for path, state in outs.items()}
        if accepted is not None:
            data[_ACCEPTED] = attrs.asdict(accepted)
        self._grew |= self._write("REPLACE INTO run_cache VALUES (?, ?)", [(key, json.dumps(data))]) > 0

    def _run(self, key: str) -> tuple[dict[str, FileState], Accepted | None] | None:
        """The outs of a row, and what code made them if the key's was only accepted for it."""
        rows = self._read("SELECT outs FROM run_cache WHERE key = ?", key)
        if not rows:
            return None
        try:
            data = json.loads(rows[0][0])
            accepted = data.pop(_ACCEPTED, None)
            outs = {path: FileState(**state) for path, state in data.items()}
            return outs, None if accepted is None else Accepted(**accepted)
        except (ValueError, TypeError, AttributeError):
            return None

    # Bounds

    def prune(self, present: Collection[str] = ()) -> None:
        """Where there are too many, forget the oldest rows of the run cache, and the oldest source texts besides the
        `present` ones (none if these are not known). Asks nothing if neither grew since this was opened."""
        if not self._grew:
            return
        self._grew = False
        self._write("DELETE FROM run_cache WHERE rowid <= (SELECT max(rowid) FROM run_cache) - ?", [(self.kept_outs,)])
        if present and self._read("SELECT count(*) FROM sources")[0][0] > self.kept_sources + len(present):
            digests = [digest for (digest,) in self._read("SELECT digest FROM sources ORDER BY rowid")]
            old = [digest for digest in digests if digest not in present]
            self._write("DELETE FROM sources WHERE digest = ?", [(digest,) for digest in old[: -self.kept_sources]])

    def _read(self, query: str, *values: str) -> list[Any]:
        return self._guarded(lambda: self._connection.execute(query, [_safe(value) for value in values]).fetchall(), [])

    def _write(self, statement: str, rows: Iterable[Iterable[Any]]) -> int:
        """Returns how many rows of the table that changed."""
        batch = [[_safe(value) for value in row] for row in rows]
        if not batch:
            return 0
        if not self._connection.in_transaction:
            self._began = time.monotonic()
        changed = self._guarded(lambda: self._connection.executemany(statement, batch).rowcount, 0)
        if time.monotonic() - self._began > _MOMENT:
            self.commit()
        return changed

    def _guarded[T](self, work: Callable[[], T], otherwise: T) -> T:
        import sqlite3

        try:
            return work()
        except sqlite3.ProgrammingError:
            raise  # our own mistake, such as another thread
        except sqlite3.Error as error:
            self.problem = f"{self._path.name} cannot be used: {error}"
            if _is_damaged(error):
                self._connection.close()
                self._connection = self._open()
            else:
                self._connection.rollback()
            return otherwise

    def _open(self) -> sqlite3.Connection:
        """The database, a new one, or where neither works an empty one in memory."""
        import sqlite3

        for attempt in self._ways_to_read() if self._readonly else self._ways_to_write():
            try:
                return attempt()
            except (sqlite3.Error, OSError) as error:
                self.problem = f"{self._path.name} cannot be used: {error}"
                if isinstance(error, sqlite3.Error) and _is_damaged(error) and not self._readonly and self._set_aside():
                    return self._open()
        return _checked(sqlite3.connect(":memory:"))

    def _ways_to_write(self) -> list[Callable[[], sqlite3.Connection]]:
        return [self._open_writable, self._open_readable, self._open_immutable]

    def _ways_to_read(self) -> list[Callable[[], sqlite3.Connection]]:
        """Merely opening a WAL database makes files beside it, unless nobody has it open and it is taken as it is."""
        if not self._path.is_file():
            return []
        at_rest = self._uses_wal() and not Path(f"{self._path}-wal").exists()
        return [self._open_immutable if at_rest else self._open_readable]

    def _uses_wal(self) -> bool:
        """Whether the header of the file says so."""
        try:
            with self._path.open("rb") as file:
                return file.read(20)[18:] == b"\2\2"
        except OSError:
            return False

    def _open_writable(self) -> sqlite3.Connection:
        import sqlite3

        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=_WAIT)
        try:
            connection.execute(f"PRAGMA journal_mode = {'WAL' if is_local(self._path.parent) else 'TRUNCATE'}")
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return _checked(connection)

    def _open_readable(self) -> sqlite3.Connection:
        import sqlite3

        return _checked(sqlite3.connect(_uri(self._path, "mode=ro"), timeout=_WAIT, uri=True))

    def _open_immutable(self) -> sqlite3.Connection:
        """Open a database where even the files that WAL needs cannot be written; nobody else can be writing then."""
        import sqlite3

        if Path(f"{self._path}-wal").exists():
            raise sqlite3.OperationalError("what was written last cannot be read here")
        return _checked(sqlite3.connect(_uri(self._path, "mode=ro&immutable=1"), uri=True))

    def _set_aside(self) -> bool:
        try:
            for suffix in ("-wal", "-shm", "-journal"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            self._path.replace(f"{self._path}{_ASIDE}")
        except OSError:
            return False
        return True


@attrs.frozen
class StoredRuns:
    """Implements `interfaces.RunCache`: a row counts only while the store has all its objects."""

    state: StateDB
    store: Store

    def find(self, key: str) -> Mapping[str, FileState] | None:
        outs = self.state.outs_of(key)
        if outs is None or self.store.missing([out.digest for out in outs.values()]):
            return None
        return outs

    def accepted(self, key: str) -> Accepted | None:
        return self.state.accepted_of(key)

    def add(self, key: str, outs: Mapping[str, FileState], accepted: Accepted | None = None) -> None:
        self.state.save_outs(key, outs, accepted)


def is_local(directory: Path) -> bool:
    """Whether `directory` is on a file system of this machine, where processes can share memory as WAL needs it."""
    if sys.platform != "linux":
        return False
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    place = f"{os.path.realpath(directory)}/"
    best, kind = "", ""
    for mount in mounts:
        _, point, found, *_ = mount.split(" ")
        point = point.replace("\\040", " ").rstrip("/") + "/"
        if place.startswith(point) and len(point) >= len(best):
            best, kind = point, found
    return bool(kind) and not kind.startswith(_NETWORK)


def _checked(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, with the tables made if the database is new. Raises sqlite3.Error, having closed it."""
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif version != VERSION:
            import sqlite3

            raise sqlite3.DatabaseError(f"it has version {version}, not {VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _uri(path: Path, options: str) -> str:
    text = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{text}?{options}"


def _is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, rather than locked, read-only or without space: those have own classes."""
    import sqlite3

    return type(error) is sqlite3.DatabaseError


def _safe(value: Any) -> Any:
    """Text as SQLite takes it: names that are not UTF-8 are escaped."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
