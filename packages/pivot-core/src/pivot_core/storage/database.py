"""An SQLite database whose loss costs no more than time: opened as far as it can be, put aside where it is damaged.

Only the main thread of a process opens it; other processes may read meanwhile. What is written is seen by them, and
outlives a crash, after `commit`, `close` or a moment.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

_WAIT = 2.0  # seconds for another writer
_MOMENT = 0.5  # seconds after which a write is committed with the next one
_ASIDE = ".damaged"
_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "fuse")


class Database:
    """The database at `path`, with the tables of `schema` in this `version`; one of another version is put aside.

    Nothing about it is an error: reading what cannot be read gives nothing, and `problem` is what the user may be told.
    With `readonly` nothing is written, the file itself included.
    """

    def __init__(self, path: Path, schema: str, version: int, *, readonly: bool = False) -> None:
        self._path = path
        self._schema = schema
        self._version = version
        self._readonly = readonly
        self.problem = ""
        self._began = 0.0  # when the first write that is not committed was made
        self._connection = self._open()
        self._syncing: Thread | None = None

    def commit(self) -> None:
        """Let others see what was written."""
        if self._connection.in_transaction:
            self._guarded(self._connection.commit, None)

    def sync(self) -> None:
        """Have all that was written put on the disk in a thread: `close` need not wait for the disk then."""
        self.commit()
        if not self._readonly and self._syncing is None:
            syncing = Thread(target=_checkpoint, args=(self._path,))
            try:
                syncing.start()
                self._syncing = syncing
            except RuntimeError:
                pass  # the system allows no further thread: `close` waits

    def close(self) -> None:
        if self._syncing is not None:
            self._syncing.join()
        self.commit()
        self._connection.close()

    def read(self, query: str, *values: str) -> list[Any]:
        """The rows that a query gives; none where they cannot be read."""
        return self._guarded(lambda: self._connection.execute(query, [_safe(value) for value in values]).fetchall(), [])

    def write(self, statement: str, rows: Iterable[Iterable[Any]]) -> int:
        """Have the statement done with each row of values; returns how many rows of the table that changed."""
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
            self._note(error)
            if _is_damaged(error):
                self._connection.close()
                self._connection = self._open()
            else:
                self._connection.rollback()
            return otherwise

    def _note(self, error: Exception, then: str = "until it can be, runs take longer, and less is restored") -> None:
        self.problem = f"{self._path.name} cannot be used: {error}; {then}"

    def _open(self) -> sqlite3.Connection:
        """The database, a new one, or where neither works an empty one in memory."""
        import sqlite3

        for number, attempt in enumerate(self._ways_to_read() if self._readonly else self._ways_to_write()):
            try:
                return attempt()
            except (sqlite3.Error, OSError) as error:
                if number == 0:  # the others would be in its place
                    self._note(error)
                if isinstance(error, sqlite3.Error) and _is_damaged(error) and not self._readonly and self._set_aside():
                    self._note(error, f"it is {self._path.name}{_ASIDE} now, and a new one was begun")
                    return self._open()
        return self._checked(sqlite3.connect(":memory:"))

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
        try:
            self._path.touch(exist_ok=False)  # as the umask has it: SQLite would let nobody but its owner write
        except FileExistsError:
            pass
        connection = sqlite3.connect(self._path, timeout=_WAIT)
        try:
            connection.execute("PRAGMA synchronous = OFF")  # nothing is lost with a new database
            connection.execute(f"PRAGMA journal_mode = {'WAL' if is_local(self._path.parent) else 'TRUNCATE'}")
            self._checked(connection).execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_readable(self) -> sqlite3.Connection:
        import sqlite3

        return self._checked(sqlite3.connect(_uri(self._path, "mode=ro"), timeout=_WAIT, uri=True))

    def _open_immutable(self) -> sqlite3.Connection:
        """Open a database where even the files that WAL needs cannot be written; nobody else can be writing then."""
        import sqlite3

        if Path(f"{self._path}-wal").exists():
            raise sqlite3.OperationalError("what was written last cannot be read here")
        return self._checked(sqlite3.connect(_uri(self._path, "mode=ro&immutable=1"), uri=True))

    def _set_aside(self) -> bool:
        try:
            for suffix in ("-wal", "-shm", "-journal"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            self._path.replace(f"{self._path}{_ASIDE}")
        except OSError:
            return False
        return True

    def _checked(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """The connection, with the tables made if the database is new. Raises sqlite3.Error, having closed it."""
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                connection.executescript(
                    f"BEGIN IMMEDIATE; {self._schema} PRAGMA user_version = {self._version}; COMMIT;"
                )
            elif version != self._version:
                import sqlite3

                raise sqlite3.DatabaseError(f"it has version {version}, not {self._version}")
        except BaseException:
            connection.close()
            raise
        return connection


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


def _checkpoint(path: Path) -> None:
    """Move what is in the log of a database into it, with all waits for the disk that this takes."""
    import sqlite3

    try:
        connection = sqlite3.connect(_uri(path, "mode=rw"), timeout=0, uri=True)
    except sqlite3.Error:
        return
    try:
        connection.execute("PRAGMA wal_checkpoint")
    except sqlite3.Error:
        pass  # who closes the database will do it
    finally:
        connection.close()


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
