"""One run at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pivot_core.errors import BusyError, ProjectError
from pivot_core.storage.mutex import RunLock

HOLD = """
import sys, time
from pathlib import Path
from pivot_core.storage.mutex import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
{then}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".pivot" / "run.lock"


def hold(path: Path, then: str = "time.sleep(100)") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD.format(then=then), str(path), "run", "train"]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


def test_a_lock_can_be_taken_and_given_back_again_and_again(path: Path) -> None:
    lock = RunLock(path)
    for _ in range(2):
        lock.acquire()
        lock.release()
        lock.release()
    with RunLock(path) as other:
        other.acquire()
    lock.acquire()
    lock.release()
    assert path.exists()


def test_a_second_run_is_told_who_runs(path: Path) -> None:
    holder = hold(path)
    try:
        with pytest.raises(
            BusyError, match=rf"another process runs this pipeline: '-c .*run train', pid {holder.pid}, started"
        ):
            RunLock(path).acquire()
    finally:
        end(holder)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"pid": "x", "command": 1, "started": 1e300}', "\0\xff"])
def test_what_stands_beside_the_lock_is_not_needed(path: Path, text: str) -> None:
    lock = RunLock(path)
    lock.acquire()
    try:
        path.with_name("run.lock.owner").write_text(text)
        with pytest.raises(BusyError, match="another process runs this pipeline"):
            RunLock(path).acquire()
    finally:
        lock.release()


def test_a_stale_note_of_an_owner_does_not_block(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    path.with_name("run.lock.owner").write_text(f'{{"pid": {os.getpid()}, "command": "pivot", "started": 1}}')
    lock = RunLock(path)
    lock.acquire()
    lock.release()


def test_a_killed_owner_does_not_block(path: Path) -> None:
    end(hold(path))
    lock = RunLock(path)
    lock.acquire()
    lock.release()


def test_children_that_a_killed_owner_forked_do_not_block(path: Path) -> None:
    then = "import os; os.fork() or print(os.getpid(), flush=True); time.sleep(100)"
    holder = hold(path, then)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        holder.kill()
        holder.wait()
        lock = RunLock(path)
        lock.acquire()
        lock.release()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()


def test_waiting_takes_the_lock_when_it_is_free(path: Path) -> None:
    holder = hold(path)
    ending = threading.Event()

    def end_it() -> None:
        ending.set()
        end(holder)

    timer = threading.Timer(0.2, end_it)
    timer.start()
    lock = RunLock(path)
    lock.acquire(wait=True)
    assert ending.is_set()
    lock.release()
    timer.join()


def test_a_place_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.lock").mkdir()
    with pytest.raises(ProjectError, match=r"run\.lock: cannot be locked"):
        RunLock(tmp_path / "run.lock").acquire()


def test_two_runs_never_hold_it_at_once(path: Path) -> None:
    """Four processes take turns; each sees itself alone."""
    then = """
for _ in range(10):
    lock.release()
    lock.acquire(wait=True)
    mark = Path(sys.argv[1] + ".mark")
    mark.touch(exist_ok=False)
    time.sleep(0.002)
    mark.unlink()
lock.release()
"""
    command = [sys.executable, "-c", HOLD.replace("acquire()", "acquire(wait=True)").format(then=then), str(path)]
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    assert time.time() > path.stat().st_mtime - 3600


def test_a_lock_that_is_free_is_taken_without_importing_filelock(path: Path) -> None:
    holder = hold(path, then="print('filelock' in sys.modules, flush=True)")
    assert holder.communicate()[0] == "False\n"


def test_who_takes_it_by_filelock_and_who_does_not_exclude_each_other(path: Path) -> None:
    import filelock

    lock = RunLock(path)
    lock.acquire()
    with pytest.raises(filelock.Timeout):
        filelock.FileLock(path).acquire(timeout=0)
    lock.release()
    with filelock.FileLock(path), pytest.raises(BusyError):
        lock.acquire()
