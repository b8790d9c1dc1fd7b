"""What the storage costs: `python benchmarks/storage.py`. Prints one line a measurement, the best of several rounds."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pivot_core.model import FileState, Record
from pivot_core.storage.digests import hash_bytes
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.lockfile import LockFiles
from pivot_core.storage.lockschema import read_yaml
from pivot_core.storage.locktext import checked, emit, parse
from pivot_core.storage.stamps import FileClock, Row, Stamp, Stamps
from pivot_core.storage.state import StateDB
from pivot_core.storage.store import ObjectStore

FILES = 3000


def measure(
    what: str, work: Callable[[], object], *, prepare: Callable[[], object] = lambda: None, rounds: int = 5
) -> None:
    best = float("inf")
    for _ in range(rounds):
        prepare()
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    print(f"{what:<48} {best * 1e3:10.3f} ms")


def record(number: int) -> Record:
    digest = hash_bytes(b"%d" % number)
    manifest = {f"func:package.module{n % 7}.function_{n}": digest for n in range(50)}
    deps = {f"data/part{n}.parquet": FileState(digest, n * 1000) for n in range(5)}
    outs = {f"out/part{n}.parquet": FileState(digest, n * 1000) for n in range(3)}
    return Record(f"stage{number}", digest, manifest, {"lr": 0.1, "layers": [1, 2]}, deps, outs, "1/3.13")


def lock_files(root: Path) -> None:
    records = [record(number) for number in range(200)]
    locks = LockFiles(root / "stages")
    text = checked(emit(records[0])) or ""
    measure("lock: emit one", lambda: emit(records[0]))
    measure("lock: parse one", lambda: parse(text))
    measure("lock: parse one by YAML", lambda: read_yaml(text, "x"))

    def write() -> None:
        for each in records:
            locks.write(each)

    measure("lock: write 200 new", write, prepare=lambda: _empty(root / "stages"))
    measure("lock: write 200 that are there", write)
    measure("lock: read 200", lambda: [locks.read(each.stage) for each in records])


def _empty(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def files(root: Path) -> None:
    (root / "d").mkdir()
    for number in range(FILES):
        (root / "d" / f"file{number}").write_bytes(b"%d" % number * 500)
    (root / "big").write_bytes(os.urandom(1 << 20) * 100)
    for number in range(4):
        shutil.copy(root / "big", root / f"big{number}")
    time.sleep(0.05)
    clock = FileClock(root / "clock")

    def new() -> Hasher:
        return Hasher(root, Stamps(), Ignore.load(root), clock)

    warm = new()
    warm.states(["d", "big"])
    bigs = [f"big{number}" for number in range(4)]
    measure("hash: 100 MB", lambda: new().state("big"))
    measure("hash: 4 of 100 MB", lambda: new().states(bigs))
    measure(f"hash: directory of {FILES}", lambda: new().state("d"))
    measure(f"look: directory of {FILES}, known", lambda: warm.state("d"))
    measure("look: one file, known", lambda: [warm.state("big") for _ in range(1000)])

    def cleared() -> None:
        _empty(root / "cache")
        _empty(root / "e")

    store = ObjectStore(root / "cache", warm)
    measure("store: put 100 MB", lambda: store.put(root / "big"), prepare=cleared)
    measure(f"store: put directory of {FILES}", lambda: store.put(root / "d"), prepare=cleared)
    state = store.put(root / "d")
    measure(f"store: put directory of {FILES} again", lambda: store.put(root / "d"))
    measure(f"store: missing, directory of {FILES}", lambda: store.missing([state.digest]))
    measure(
        f"store: fetch directory of {FILES}", lambda: store.fetch(state, root / "e"), prepare=lambda: _empty(root / "e")
    )
    big = store.put(root / "big")
    target = root / "copy"
    measure("store: fetch 100 MB", lambda: store.fetch(big, target), prepare=lambda: target.unlink(missing_ok=True))


def state(root: Path) -> None:
    rows = [
        Row(f"data/file{number}", Stamp(number, number, number, number), "xxh3:" + "0" * 32) for number in range(10_000)
    ]
    db = StateDB(root / "state.db")
    measure("state: save 10,000 stamps", lambda: db.save_stamps(rows))
    measure("state: save a duration", lambda: db.save_duration("train", 1.0))
    db.close()

    def load() -> None:
        opened = StateDB(root / "state.db")
        opened.stamps()
        opened.close()

    measure("state: open and load 10,000 stamps", load)


if __name__ == "__main__":
    for part in (lock_files, files, state):
        with tempfile.TemporaryDirectory() as name:
            part(Path(name))
