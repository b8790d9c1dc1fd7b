"""The storage fills the seams that it is there for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pivot_core.interfaces import Records, RunCache, Store
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.lockfile import LockFiles
from pivot_core.storage.stamps import FileClock, Stamps
from pivot_core.storage.state import StateDB, StoredRuns
from pivot_core.storage.store import ObjectStore


def test_defaults_have_the_methods_of_their_seams(tmp_path: Path) -> None:
    """The annotations are what the type checker proves."""
    state = StateDB(tmp_path / "state.db")
    hasher = Hasher(tmp_path, Stamps(state.stamps()), Ignore.load(tmp_path), FileClock(tmp_path / "clock"))
    store: Store = ObjectStore(tmp_path / "cache", hasher)
    records: Records = LockFiles(tmp_path / "stages")
    runs: RunCache = StoredRuns(state, store)
    assert store.missing([]) == set()
    assert records.read("train") is None
    assert runs.find("key") is None
    state.close()


@pytest.mark.parametrize(
    "heavy", ["yaml", "cattrs", "filelock", "sqlite3", "shutil", "concurrent", "logging", "urllib"]
)
def test_what_a_run_that_does_nothing_does_not_need_is_not_imported(heavy: str) -> None:
    code = f"""
import sys
from pivot_core.storage import gitignore, globs, hasher, ignore, lockfile, mutex, remove, stamps, state, store
assert {heavy!r} not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
