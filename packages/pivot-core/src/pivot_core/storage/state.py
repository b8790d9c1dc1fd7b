"""state.db: what Pivot remembers to save time. Losing it costs time, never correctness.

So nothing about it is an error: a file that is damaged, of another version or not to be written is put aside or done
without, and `StateDB.problem` says so; a value of another type than was written is as good as absent. How it is opened,
read and written stands in `database`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from pivot_core.model import Accepted, FileState
from pivot_core.storage.database import Database
from pivot_core.storage.stamps import Row, Stamp

if TYPE_CHECKING:
    from pivot_core.interfaces import Store

VERSION = 2
KEPT_RUNS = 50
KEPT_OUTS = 100_000  # rows of the run cache
KEPT_SOURCES = 20_000  # texts, besides those of the present code
_ACCEPTED = ""  # a key of run-cache rows that is no path

_SCHEMA = """
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
        self._database = Database(path, _SCHEMA, VERSION, readonly=readonly)
        self._grew = False  # in what `prune` bounds

    @property
    def problem(self) -> str:
        """What is wrong with the file, for the user; "" if nothing."""
        return self._database.problem

    def commit(self) -> None:
        """Let others see what was written."""
        self._database.commit()

    def sync(self) -> None:
        """Have what was written put on the disk meanwhile, so that `close` need not wait for that."""
        self._database.sync()

    def close(self) -> None:
        self._database.close()

    # Stamps

    def stamps(self) -> list[Row]:
        rows = self._database.read(
            "SELECT path, digest, mtime_ns, ctime_ns, size, inode FROM stamps"
            " WHERE typeof(path) = 'blob' AND typeof(digest) = 'text'"
        )
        return [Row(os.fsdecode(path), Stamp(*stamp), digest) for path, digest, *stamp in rows]

    def save_stamps(self, rows: Iterable[Row], forgotten: Iterable[str] = ()) -> None:
        """Add or replace `rows`, and remove those of the paths in `forgotten`."""
        self._database.write("DELETE FROM stamps WHERE path = ?", [(os.fsencode(path),) for path in forgotten])
        self._database.write(
            "REPLACE INTO stamps (path, digest, mtime_ns, ctime_ns, size, inode) VALUES (?, ?, ?, ?, ?, ?)",
            [(os.fsencode(row.path), row.digest, *row.stamp) for row in rows],
        )

    # Durations

    def durations(self) -> dict[str, float]:
        """Seconds that stages took when they ran last."""
        return dict(self._database.read("SELECT stage, seconds FROM durations WHERE typeof(seconds) = 'real'"))

    def save_duration(self, stage: str, seconds: float) -> None:
        self._database.write("REPLACE INTO durations VALUES (?, ?)", [(stage, seconds)])

    # Source text

    def source(self, digest: str) -> str | None:
        """The normalised source that has this digest, if it was ever saved."""
        rows = self._database.read("SELECT text FROM sources WHERE digest = ? AND typeof(text) = 'text'", digest)
        return rows[0][0] if rows else None

    def save_sources(self, texts: Mapping[str, str]) -> None:
        """Keep source text by digest, for `explain` to show what changed."""
        self._grew |= self._database.write("INSERT OR IGNORE INTO sources VALUES (?, ?)", texts.items()) > 0

    # History

    def add_events(self, events: Iterable[tuple[str, int, Mapping[str, Any]]]) -> None:
        """Keep events, each with its run, its sequence number and its JSON form."""
        self._database.write(
            "REPLACE INTO runs VALUES (?, ?, ?)", [(run, number, json.dumps(data)) for run, number, data in events]
        )

    def runs(self) -> list[str]:
        """The runs that are kept, oldest first."""
        return [run for (run,) in self._database.read("SELECT run FROM runs GROUP BY run ORDER BY min(rowid)")]

    def events(self, run: str) -> list[dict[str, Any]]:
        """The events of a run, in order, as data."""
        return [
            json.loads(text)
            for (text,) in self._database.read("SELECT envelope FROM runs WHERE run = ? ORDER BY sequence", run)
        ]

    def forget_old_runs(self) -> None:
        """Keep the newest runs only."""
        self._database.write("DELETE FROM runs WHERE run = ?", [(run,) for run in self.runs()[:-KEPT_RUNS]])

    # Failures

    def failures(self) -> dict[str, Failure]:
        """The stages that failed last, with what is known of that."""
        try:
            rows = self._database.read("SELECT stage, failure FROM failures")
            return {stage: Failure(**json.loads(text)) for stage, text in rows}
        except (ValueError, TypeError):
            return {}

    def save_failure(self, stage: str, failure: Failure) -> None:
        self._database.write("REPLACE INTO failures VALUES (?, ?)", [(stage, json.dumps(attrs.asdict(failure)))])

    def forget_failure(self, stage: str) -> None:
        self._database.write("DELETE FROM failures WHERE stage = ?", [(stage,)])

    # Facts

    def fact(self, name: str) -> bytes | None:
        """A value of `save_fact`."""
        rows = self._database.read("SELECT value FROM facts WHERE name = ? AND typeof(value) = 'blob'", name)
        return bytes(rows[0][0]) if rows else None

    def save_fact(self, name: str, value: bytes) -> None:
        self._database.write("REPLACE INTO facts VALUES (?, ?)", [(name, value)])

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
        self._grew |= self._database.write("REPLACE INTO run_cache VALUES (?, ?)", [(key, json.dumps(data))]) > 0

    def _run(self, key: str) -> tuple[dict[str, FileState], Accepted | None] | None:
        """The outs of a row, and what code made them if the key's was only accepted for it."""
        rows = self._database.read("SELECT outs FROM run_cache WHERE key = ?", key)
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
        self._database.write(
            "DELETE FROM run_cache WHERE rowid <= (SELECT max(rowid) FROM run_cache) - ?", [(self.kept_outs,)]
        )
        counted = self._database.read("SELECT count(*) FROM sources") if present else []
        if counted and counted[0][0] > self.kept_sources + len(present):
            digests = [digest for (digest,) in self._database.read("SELECT digest FROM sources ORDER BY rowid")]
            old = [digest for digest in digests if digest not in present]
            self._database.write(
                "DELETE FROM sources WHERE digest = ?", [(digest,) for digest in old[: -self.kept_sources]]
            )


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
