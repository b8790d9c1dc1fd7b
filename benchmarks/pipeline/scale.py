"""What grows with the pipeline: many stages, directories of many files, many bytes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pipeline.measure import Cost, run
from benchmarks.pipeline.project import ToolProject
from benchmarks.pipeline.results import Results
from benchmarks.pipeline.shape import Shape, write
from benchmarks.pipeline.tools import TOOLS, environment
from benchmarks.pipeline.work import TOUCH

NAMES = ("ideal", "Pivot", "Pivot, workers", "doit")
FILES = 20_000
BYTES = 512 << 20  # of each of four files
ROOT = Path(__file__).parents[2]


def stages(results: Results, directory: Path, counts: Sequence[int], *, jobs: int) -> None:
    """Cold and nothing to do, with trivial stages."""
    for count in counts:
        for tool in TOOLS:
            if tool.name not in NAMES or not tool.available:
                continue
            project = ToolProject(directory / f"scale-{count}", tool, TOUCH, Shape(count), jobs)
            cold = project.run()
            results.add(f"scale {count}", tool.name, "cold", cold)
            print(f"scale   {tool.name:15} {count} stages: cold {cold.seconds:.2f} s", flush=True)
            if not tool.tracks:
                continue
            for _ in range(3):
                results.add(f"scale {count}", tool.name, "no-op", project.run())
            print(
                f"scale   {tool.name:15} no-op {results.seconds(f'scale {count}', tool.name, 'no-op'):.3f} s",
                flush=True,
            )


_DIRECTORY = """\
from pivot import stage


@stage(deps="data", outs="count.txt")
def count():
    import os

    with open("count.txt", "w") as file:
        file.write(str(sum(os.path.getsize(f"data/{name}") for name in os.listdir("data"))))
"""


def large_directory(results: Results, directory: Path, *, rounds: int = 3) -> None:
    """A stage that reads a directory of many files: nothing changed, one file changed."""
    root = directory / "directory"
    write(root, {"pipeline.py": _DIRECTORY, **{f"data/{number:05}.txt": f"{number}\n" * 20 for number in range(FILES)}})
    variables = environment(directory)
    results.add("directory", "Pivot", "cold", run(("pivot", "run"), root, variables))
    for number in range(rounds):
        results.add("directory", "Pivot", "no-op", run(("pivot", "run"), root, variables))
        write(root, {"data/00007.txt": f"changed {number}\n"})
        results.add("directory", "Pivot", "edit", run(("pivot", "run"), root, variables))


def bytes_(results: Results, directory: Path, *, rounds: int = 3) -> None:
    """Reading and hashing the same files, in as many threads, when the system has them in memory."""
    root = directory / "bytes"
    root.mkdir()
    block = os.urandom(1 << 20)
    for number in range(4):
        with (root / f"big{number}").open("wb") as file:
            for _ in range(BYTES >> 20):
                file.write(block)
    variables = {**environment(directory), "PYTHONPATH": str(ROOT)}
    for _ in range(rounds):
        for what in ("read", "hash"):
            answer = root / "seconds"
            cost = run(("python", "-m", "benchmarks.pipeline.scale", what, str(answer)), root, variables)
            results.add("bytes", what, "time", Cost(float(answer.read_text()), cost.cpu, cost.memory))


def read_all(root: Path) -> float:
    """Read the files of `root` as fast as this process can; the seconds it took."""
    start = time.perf_counter()
    threads = [threading.Thread(target=_read, args=(path,)) for path in sorted(root.glob("big*"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def _read(path: Path) -> None:
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def hash_all(root: Path) -> float:
    """Have Pivot say what the files of `root` are; the seconds it took."""
    from pivot_core.storage.hasher import Hasher
    from pivot_core.storage.ignore import Ignore
    from pivot_core.storage.stamps import FileClock, Stamps

    hasher = Hasher(root, Stamps(), Ignore.load(root), FileClock(root / "clock"))
    names = [path.name for path in sorted(root.glob("big*"))]
    start = time.perf_counter()
    hasher.states(names)
    return time.perf_counter() - start


def scale(results: Results, directory: Path, counts: Sequence[int], *, jobs: int) -> None:
    """All of it, for pipelines of so many stages."""
    stages(results, directory, counts, jobs=jobs)
    large_directory(results, directory)
    bytes_(results, directory)


if __name__ == "__main__":
    does = {"read": read_all, "hash": hash_all}
    Path(sys.argv[2]).write_text(str(does[sys.argv[1]](Path.cwd())))
