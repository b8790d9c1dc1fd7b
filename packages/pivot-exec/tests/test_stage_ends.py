"""However a stage ends, its process and what it shared end with it, and other stages go on."""

import os
import signal
import sys
from pathlib import Path

import pytest
from isolated import Runner, is_alive, until


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("os._exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
        ("os.kill(os.getppid(), 0); os.abort()", "killed by SIGABRT"),
        ("import signal; signal.raise_signal(signal.SIGTERM)", "killed by SIGTERM"),
    ],
)
def test_a_crash_fails_its_own_stage_only(warm: Runner, body: str, error: str) -> None:
    warm.load(f"""
        @stage
        def fine(): print(os.getpid())
        @stage
        def crashes(): {body}
    """)
    first = warm.printed("fine")
    assert warm.run("crashes") == error
    assert warm.printed("fine") != first


def test_a_worker_that_is_killed_while_it_waits_fails_no_stage(warm: Runner) -> None:
    warm.load("""
        @stage
        def fine(): print(os.getpid())
    """)
    first = int(warm.printed("fine"))
    os.kill(first, signal.SIGKILL)
    until(lambda: not is_alive(first))
    assert int(warm.printed("fine")) != first


def test_kill_of_a_worker_in_a_stage_leaves_the_one_beside_it_alone(warm: Runner) -> None:
    warm.load("""
        @stage
        def slow():
            Path("slow").write_text(str(os.getpid()))
            while not Path("go").exists(): time.sleep(0.01)
        @stage
        def victim():
            Path("victim").write_text(str(os.getpid()))
            time.sleep(300)
    """)
    slow, victim = warm.submit("slow"), warm.submit("victim")
    until(lambda: (warm.root / "slow").exists() and (warm.root / "victim").exists())
    until((warm.root / "victim").read_text)
    os.kill(int((warm.root / "victim").read_text()), signal.SIGKILL)
    assert warm.wait(victim).error == "killed by SIGKILL"
    (warm.root / "go").touch()
    assert warm.wait(slow).error == ""


def test_a_timeout_ends_the_worker_and_the_next_stage_gets_another(runner: Runner) -> None:
    runner.load("""
        @stage
        def slow(): time.sleep(300)
        @stage
        def fine(): print(os.getpid())
    """)
    assert runner.run("slow", timeout=0.2) == "timed out after 0.2 s"
    assert runner.printed("fine")


def test_a_child_that_comes_back_from_the_stage_says_nothing_for_it(runner: Runner) -> None:
    """A stage that forks and lets both return has ended when its own process has."""
    runner.load("""
        @stage
        def forks():
            if os.fork() == 0:
                time.sleep(0.2)
                raise ValueError("in the child")
        @stage
        def fine(): pass
    """)
    assert [runner.run("forks"), runner.run("fine"), runner.run("fine")] == ["", "", ""]


def test_workers_that_load_for_themselves_serve_many_stages(runner: Runner) -> None:
    loaded = runner.load("""
        from concurrent.futures import ThreadPoolExecutor
        POOL = ThreadPoolExecutor(1)
        POOL.submit(int).result()
        ITEMS = []
        @stage
        def tidy(): print(os.getpid())
        @stage
        def changes(): ITEMS.append(1); os.environ["LEAK"] = "1"
        @stage
        def look(): print(os.getpid(), ITEMS, "LEAK" in os.environ)
    """)
    assert any("each for many stages" in notice for notice in loaded.notices)
    first = runner.printed("tidy")
    assert runner.printed("tidy") == first
    assert runner.printed("look") == f"{first} [] False"
    assert runner.run("changes") == ""
    pid, rest = runner.printed("look").split(" ", 1)
    assert (pid != first, rest) == (True, "[] False")


def test_a_worker_that_loads_something_else_runs_nothing_of_it(runner: Runner) -> None:
    source = """
        from concurrent.futures import ThreadPoolExecutor
        POOL = ThreadPoolExecutor(1)
        POOL.submit(int).result()
        @stage
        def one(): print("old")
        @stage
        def other(): print("other")
    """
    runner.load(source)
    pipeline = runner.root / "pipeline.py"
    pipeline.write_text(pipeline.read_text().replace("old", "new"))
    assert runner.run("one") == "the code changed while the pipeline ran; run again"
    assert runner.printed("other") == "other"


def test_threads_are_joined_also_if_the_end_of_a_process_pool_gets_in_the_way(runner: Runner) -> None:
    """In Python 3.13.0 a pool that ends at the same moment makes the first attempt fail, now and then."""
    runner.load("""
        import threading
        @stage
        def one():
            failures = [OSError("handle is closed")]
            def wake():
                if failures: raise failures.pop()
            threading._register_atexit(wake)
            threading.Thread(target=lambda: (time.sleep(0.1), print("joined"))).start()
    """)
    assert runner.printed("one") == "joined"


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system as Linux answers")
def test_what_loading_started_and_shares_is_there_for_each_stage_and_freed_at_the_end(runner: Runner) -> None:
    runner.load("""
        import subprocess
        from multiprocessing import get_context, shared_memory
        LOCK = get_context("spawn").Lock()
        SHARED = shared_memory.SharedMemory(create=True, size=1)
        SERVER = subprocess.Popen(["sleep", "300"])
        def look():
            with LOCK: print(Path(f"/proc/{SERVER.pid}").exists(), SHARED.name)
        @stage
        def one(): look()
        @stage
        def two(): look()
    """)
    first = runner.printed("one")
    assert runner.printed("two") == first
    there, name = first.split()
    assert there == "True"
    assert Path("/dev/shm", name).exists()
    runner.executor.close()
    until(lambda: not Path("/dev/shm", name).exists())


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system as Linux answers")
@pytest.mark.parametrize("ends", ["os._exit(3)", "os.kill(os.getpid(), 9)", "time.sleep(300)"])
def test_what_a_stage_shared_is_freed_however_it_ends(runner: Runner, ends: str) -> None:
    """Python's own tracker does that, as soon as it is the last one that is left: else memory is lost for good."""
    runner.load(f"""
        from multiprocessing import shared_memory
        @stage
        def shares():
            print(shared_memory.SharedMemory(create=True, size=1).name, flush=True)
            {ends}
    """)
    task = runner.submit("shares")
    if "sleep" in ends:
        log = runner.root / "logs" / task
        until(lambda: log.exists() and log.read_text().endswith("\n"))
        runner.executor.cancel(task, 5.0)
    assert runner.wait(task).error
    name = (runner.root / "logs" / task).read_text().split()[0]
    assert not Path("/dev/shm", name).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system as Linux answers")
def test_what_a_stage_shared_is_freed_if_the_run_ends(runner: Runner) -> None:
    runner.load("""
        from multiprocessing import shared_memory
        @stage
        def shares():
            shared = shared_memory.SharedMemory(create=True, size=1)
            Path("new").write_text(shared.name)
            Path("new").rename("name")
            time.sleep(300)
    """)
    runner.submit("shares")
    until((runner.root / "name").exists)
    name = (runner.root / "name").read_text()
    assert Path("/dev/shm", name).exists()
    runner.executor.close()
    assert not Path("/dev/shm", name).exists()


def test_a_stage_ends_though_a_child_of_it_goes_on_that_knows_of_what_was_shared(
    runner: Runner,
) -> None:
    """Python's tracker waits for that child, and nobody for Python's tracker."""
    runner.load("""
        from multiprocessing import shared_memory
        @stage
        def shares():
            shared = shared_memory.SharedMemory(create=True, size=1)
            shared.close()
            shared.unlink()
            if os.fork() == 0:
                time.sleep(300)
                os._exit(0)
    """)
    assert runner.run("shares") == ""
