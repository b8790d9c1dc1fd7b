"""Stages in real processes: what they can do to each other, to the run, and what they leave behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pivot_core.config import Settings
from pivot_core.errors import PivotError
from pivot_core.interfaces import Finished, Limits, Loaded, Lost, Started, Task, Withdrawn, Written
from pivot_core.model import FileState
from pivot_core.project import Project
from pivot_exec.local import LocalExecutor

MARKER = "PIVOT_EXEC_TEST_MARKER"


class FakeStore:
    """A store that only says what it was given."""

    def missing(self, digests: object) -> set[str]:
        return set()

    def put(self, path: Path) -> FileState:
        return FileState(f"stored:{path.name}", path.stat().st_size)

    def fetch(self, state: FileState, path: Path) -> None:
        raise AssertionError

    def state(self, path: str) -> FileState:
        return FileState(f"seen:{path}", 0)


class Bench:
    """An executor with a project of one pipeline file."""

    def __init__(self, root: Path, settings: Settings = Settings()) -> None:  # noqa: B008 - it is frozen
        self.root = root
        self.project = Project(root, settings)
        self.executor = LocalExecutor(self.project, FakeStore())
        self.loaded: Loaded | None = None

    def load(self, source: str) -> Loaded:
        head = "import os, sys, time\nfrom pathlib import Path\nfrom pivot import stage\n"
        (self.root / "pipeline.py").write_text(head + textwrap.dedent(source))
        self.loaded = self.executor.load(self.project)
        self.executor.start(self.loaded, Limits(2))
        return self.loaded

    def submit(self, stage: str, timeout: float | None = None) -> None:
        assert self.loaded is not None
        found = self.loaded.stages[stage]
        log, code = f".pivot/logs/{stage}.log", self.loaded.code[stage].digest
        variables = {"PIVOT_STAGE": stage}
        self.executor.submit(Task(stage, stage, code, found.params, {}, found.outs, log, variables, timeout))

    def wait(self, *stages: str) -> Mapping[str, Finished | Lost | Withdrawn]:
        ended: dict[str, Finished | Lost | Withdrawn] = {}
        while not ended.keys() >= set(stages):
            ended |= {r.task: r for r in self.executor.next(60) if not isinstance(r, Started | Written)}
        return ended

    def run(self, stage: str, timeout: float | None = None) -> Finished:
        self.submit(stage, timeout)
        finished = self.wait(stage)[stage]
        assert isinstance(finished, Finished)
        return finished

    def log(self, stage: str) -> str:
        return (self.root / f".pivot/logs/{stage}.log").read_text()

    def pid_of(self, kind: str) -> int:
        """The pid of the base or of the template."""
        assert self.executor._base is not None
        base = self.executor._base.pid
        if kind == "base":
            return base
        children = Path(f"/proc/{base}/task/{base}/children")
        told = children.read_text() if children.exists() else subprocess.check_output(["pgrep", "-P", str(base)])
        return int(told.split()[0])


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv(MARKER, str(tmp_path))
    bench = Bench(tmp_path)
    with bench.executor:
        yield bench
    assert until(lambda: not marked(tmp_path)), f"processes are left: {marked(tmp_path)}"


def marked(path: Path) -> list[int]:
    """The processes, apart from this one, that were started with the marker of a test."""
    wanted, found = f"{MARKER}={path}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):  # none where this is not Linux
        if int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def until(condition: Callable[[], object]) -> bool:
    """Wait until `condition` holds; False if it does not within the time that a stuck machine may need."""
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_a_stage_runs_with_its_params_in_the_root_and_its_outs_are_stored(bench: Bench) -> None:
    bench.load("""
        @stage(outs="out.txt", params={"n": 3})
        def one(n):
            print("working")
            Path("out.txt").write_text(f"{n} {os.environ['PIVOT_STAGE']} {sys.stdin.read()}")
    """)
    finished = bench.run("one")
    assert finished.error == ""
    assert finished.outs == {"out.txt": FileState("stored:out.txt", 6)}
    assert bench.log("one") == "working\n"


FOUR = """
    import time
    def work(name):
        Path(f"{name}.began").touch()
        while not Path(f"{name}.go").exists(): time.sleep(0.01)
        sys.exit(Path(f"{name}.go").read_text() or 0)
    for name in "abcd":
        stage(name=name, params={"name": name})(work)
"""


def test_what_may_not_run_yet_waits_until_another_has_ended(bench: Bench) -> None:
    bench.load(FOUR)
    for name in "abcd":
        bench.submit(name)
    assert until(lambda: (bench.root / "a.began").exists() and (bench.root / "b.began").exists())
    (bench.root / "b.go").touch()
    bench.wait("b")
    assert until(lambda: (bench.root / "c.began").exists())
    assert not (bench.root / "d.began").exists()
    for name in "acd":
        (bench.root / f"{name}.go").touch()
    assert all(isinstance(end, Finished) and not end.error for end in bench.wait("a", "c", "d").values())


def test_after_a_failure_what_waits_is_given_back(bench: Bench) -> None:
    bench.load(FOUR)
    for name in "abcd":
        bench.submit(name)
    (bench.root / "b.go").write_text("no")
    ended = bench.wait("b", "c", "d")
    assert [type(ended[name]) for name in "bcd"] == [Finished, Withdrawn, Withdrawn]
    bench.submit("d")
    (bench.root / "d.go").touch()
    (bench.root / "a.go").touch()
    assert [type(end) for end in bench.wait("a", "d").values()] == [Finished, Finished]
    assert not (bench.root / "c.began").exists()


def test_what_waits_can_be_cancelled(bench: Bench) -> None:
    bench.load(FOUR)
    for name in "abc":
        bench.submit(name)
    bench.executor.cancel("c", 5.0)
    assert isinstance(bench.wait("c")["c"], Withdrawn)
    for name in "abc":
        (bench.root / f"{name}.go").touch()
    bench.wait("a", "b")
    assert not (bench.root / "c.began").exists()


def test_more_is_taken_only_while_stages_are_quick(bench: Bench) -> None:
    bench.load("""
        import time
        @stage()
        def quick(): pass
        @stage()
        def slow(): time.sleep(0.2)
    """)
    assert bench.executor.ahead() == 0
    assert until(lambda: not bench.run("quick").error and bench.executor.ahead() == 2)
    bench.run("slow")
    assert bench.executor.ahead() == 0


def test_a_missing_out_fails_the_stage_by_name(bench: Bench) -> None:
    bench.load("""
        @stage(outs=["a.txt", "b.txt"])
        def one(): Path("a.txt").touch()
    """)
    assert bench.run("one").error == "did not write b.txt"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise ValueError('bad row\\nmore')", "ValueError: bad row"),
        ("sys.exit(4)", "exit code 4"),
        ("sys.exit(0)", ""),
        ("sys.exit(256)", "exit code 1"),
        ("sys.exit(2**70)", "exit code 1"),
        ("sys.exit('no data')", "exit code 1"),
        ("os._exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 11)", "killed by SIGSEGV"),
        ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_how_a_stage_ends_is_told_and_the_next_one_still_runs(bench: Bench, body: str, error: str) -> None:
    bench.load(f"""
        @stage
        def one(): {body}
        @stage
        def two(): pass
    """)
    assert bench.run("one").error == error
    assert bench.run("two").error == ""


def test_the_log_of_a_failure_has_the_frames_of_the_user_only(bench: Bench) -> None:
    bench.load("""
        @stage
        def one(): raise ValueError("bad")
    """)
    bench.run("one")
    assert "pipeline.py" in bench.log("one")
    assert "pivot_exec" not in bench.log("one")


def test_stages_do_not_see_what_others_changed(bench: Bench) -> None:
    bench.load("""
        import random
        STATE = []
        @stage
        def one():
            os.chdir("/"); os.environ["X_LEAK"] = "1"; STATE.append(1); os.umask(0o077)
        @stage(outs="two.txt")
        def two():
            assert "X_LEAK" not in os.environ and not STATE
            Path("two.txt").write_text(os.getcwd())
    """)
    assert bench.run("one").error == ""
    assert bench.run("two").error == ""
    assert (bench.root / "two.txt").read_text() == str(bench.root)


def test_forks_draw_different_random_numbers(bench: Bench) -> None:
    bench.load("""
        import random
        import numpy as np
        @stage
        def one(): print(random.random(), np.random.rand())
        @stage
        def two(): print(random.random(), np.random.rand())
    """)
    bench.run("one")
    bench.run("two")
    assert not set(bench.log("one").split()) & set(bench.log("two").split())


def test_unflushed_writes_threads_and_exit_handlers_are_complete(bench: Bench) -> None:
    bench.load("""
        import atexit, threading
        atexit.register(lambda: Path("loader").touch())
        def later():
            time.sleep(0.3)
            Path("thread.txt").touch()
        @stage(outs=["exit.txt", "thread.txt"])
        def one():
            atexit.register(lambda: Path("exit.txt").touch())
            threading.Thread(target=later).start()
            sys.stdout.write("no newline")
    """)
    assert bench.run("one").error == ""
    assert bench.log("one") == "no newline"
    assert not (bench.root / "loader").exists()


def test_a_child_left_behind_does_not_delay_the_end_and_is_ended(bench: Bench) -> None:
    bench.load("""
        import subprocess
        @stage
        def one():
            for _ in range(2): print(subprocess.Popen(["sleep", "1000"]).pid)
    """)
    finished = bench.run("one")
    assert finished.error == ""
    [notice] = finished.notices  # one of the two may end by itself when the session does
    assert notice.startswith("left ")
    assert not any(Path(f"/proc/{pid}").exists() for pid in bench.log("one").split())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process adopts what is left")
def test_a_daemon_in_a_session_of_its_own_is_ended_when_nothing_runs(bench: Bench) -> None:
    bench.load("""
        import subprocess
        @stage
        def one():
            print(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
    """)
    assert bench.run("one").error == ""
    assert not Path(f"/proc/{bench.log('one').strip()}").exists()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works_in_a_stage(bench: Bench, method: str) -> None:
    bench.load(f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def double(x): return 2 * x
        @stage
        def one():
            with ProcessPoolExecutor(2, multiprocessing.get_context("{method}")) as pool:
                print(list(pool.map(double, [1, 2])))
    """)
    finished = bench.run("one")
    assert "[2, 4]" in bench.log("one")
    assert (finished.error, finished.notices) == ("", ())


def test_a_joblib_pool_left_open_ends_with_its_stage(bench: Bench) -> None:
    bench.load("""
        from joblib import Parallel, delayed
        def double(x): return 2 * x
        @stage
        def one(): print(Parallel(n_jobs=2)(delayed(double)(x) for x in [1, 2]))
    """)
    finished = bench.run("one")
    assert "[2, 4]" in bench.log("one")
    assert finished.error == ""


def test_a_timeout_ends_a_stage_that_ignores_sigterm_not(bench: Bench) -> None:
    bench.load("""
        @stage
        def one(): time.sleep(1000)
    """)
    assert bench.run("one", timeout=0.2).error == "timed out after 0.2 s"


def test_cancel_ends_a_stage_that_ignores_sigterm_after_its_grace(bench: Bench) -> None:
    bench.load("""
        import signal
        @stage
        def one():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            Path("ready").touch()
            time.sleep(1000)
    """)
    bench.submit("one")
    assert until((bench.root / "ready").exists)
    bench.executor.cancel("one", 0.1)
    finished = bench.wait("one")["one"]
    assert isinstance(finished, Finished)
    assert finished.error == "cancelled"


@pytest.mark.parametrize("victim", ["base", "template"])
def test_when_the_base_or_template_is_killed_stages_are_lost_and_nothing_is_left(bench: Bench, victim: str) -> None:
    bench.load("""
        import subprocess
        @stage
        def one():
            subprocess.Popen(["sleep", "1000"])
            if sys.platform == "linux":  # elsewhere no process adopts what is left
                subprocess.Popen(["sleep", "1000"], start_new_session=True)
            Path("ready").touch()
            time.sleep(1000)
    """)
    bench.submit("one")
    assert until((bench.root / "ready").exists)
    os.kill(bench.pid_of(victim), signal.SIGKILL)
    lost = bench.wait("one")["one"]
    assert isinstance(lost, Lost)
    assert until(lambda: not marked(bench.root))
    bench.submit("one")  # as a run does that keeps going
    assert isinstance(bench.wait("one")["one"], Lost)


def test_what_waits_when_the_template_is_killed_is_given_back(bench: Bench) -> None:
    bench.load(FOUR)
    for name in "abc":
        bench.submit(name)
    assert until(lambda: (bench.root / "a.began").exists() and (bench.root / "b.began").exists())
    bench.executor.next(0)
    os.kill(bench.pid_of("template"), signal.SIGKILL)
    assert [type(end) for end in bench.wait("a", "b", "c").values()] == [Lost, Lost, Withdrawn]
    bench.submit("c")
    assert isinstance(bench.wait("c")["c"], Lost)


def test_when_the_main_process_is_killed_nothing_is_left(tmp_path: Path) -> None:
    """Neither stages nor what they started survive a kill -9 of `pivot`."""
    (tmp_path / "pipeline.py").write_text(
        "import subprocess, time\nfrom pathlib import Path\nfrom pivot import stage\n"
        "@stage\ndef one():\n    subprocess.Popen(['sleep', '1000'])\n"
        "    Path('ready').touch()\n    time.sleep(1000)\n"
    )
    program = (
        "import sys; from pathlib import Path; from pivot_core.project import Project\n"
        "from pivot_core.interfaces import Limits, Task; from pivot_exec.local import LocalExecutor\n"
        "project = Project(Path(sys.argv[1])); executor = LocalExecutor(project, None)\n"
        "executor.start(executor.load(project), Limits(1))\n"
        "executor.submit(Task('1', 'one', '', {}, {}, (), 'log'))\n"
        "while True: executor.next(None)\n"
    )
    main = subprocess.Popen([sys.executable, "-c", program, tmp_path], env={**os.environ, MARKER: str(tmp_path)})
    assert until((tmp_path / "ready").exists)
    main.kill()
    main.wait()
    assert until(lambda: not marked(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system as Linux answers")
def test_what_a_stage_prints_takes_no_memory_here(bench: Bench) -> None:
    bench.load("""
        @stage
        def one():
            for _ in range(100): os.write(1, b"x" * (1 << 20))
    """)

    def resident() -> int:
        pids = (os.getpid(), bench.pid_of("base"), bench.pid_of("template"))
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pids)

    before = resident()
    assert bench.run("one").error == ""
    assert resident() - before < 30 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system as Linux answers")
def test_what_loading_took_in_memory_is_given_back_before_stages_are_forked(bench: Bench) -> None:
    """Each page of it would cost each stage."""
    steps = [(f"stage{number:05}", [f"out/{number:05}"], f"out/{number + 1:05}") for number in range(4000)]
    bench.load(f"""
        STEPS = {steps}

        def step(): pass

        for name, deps, out in STEPS:
            stage(step, name=name, deps=deps, outs=out)
    """)
    assert bench.run("stage00000").error != ""  # it wrote nothing

    def resident(who: str) -> int:
        return int(Path(f"/proc/{bench.pid_of(who)}/statm").read_text().split()[1]) * 4096

    assert resident("template") - resident("base") < 12 << 20


def test_prints_while_loading_do_not_reach_stdout(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.load("""
        print("loading")
        @stage
        def one(): pass
    """)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "loading" in captured.err


def test_an_error_in_the_pipeline_arrives_as_an_error(bench: Bench) -> None:
    with pytest.raises(PivotError, match="ValueError"):
        bench.load("raise ValueError('no')")


def test_what_cannot_be_said_to_the_template_ends_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the system has no memory for a message: who waits for an answer would wait for ever."""
    bench.load("@stage\ndef one(): print('ran')\n")
    channel = bench.executor._channel
    assert channel is not None

    def refuse(*_: object) -> None:
        raise OSError(105, "No buffer space available")

    monkeypatch.setattr(channel, "send", refuse)
    bench.submit("one")
    assert isinstance(bench.wait("one")["one"], Lost | Withdrawn)


def test_a_crash_while_loading_is_told(bench: Bench) -> None:
    with pytest.raises(PivotError, match="ended"):
        bench.load("os._exit(9)")


@pytest.mark.parametrize(
    "source",
    [
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\npool.submit(int).result()",
        "import polars as pl\nX = pl.DataFrame({'a': range(1000)}).lazy().group_by('a').len().collect()",
        "import numpy\nfrom sklearn.cluster import KMeans\nX = KMeans(2, n_init=1).fit(numpy.random.rand(2000, 4))",
        "from joblib import Parallel, delayed\nX = Parallel(2)(delayed(abs)(x) for x in range(4))",
    ],
    ids=["threads", "polars", "openmp", "joblib"],
)
def test_threads_started_while_loading_do_not_hang_stages(bench: Bench, source: str) -> None:
    """Where loading left threads, stages are processes of their own, and the user is told."""
    loaded = bench.load(
        source
        + textwrap.dedent("""
        @stage(outs="out.txt")
        def one():
            import polars as pl
            pl.DataFrame({"a": range(10)}).lazy().group_by("a").len().collect()
            Path("out.txt").touch()
    """)
    )
    assert any("thread" in notice for notice in loaded.notices)
    assert bench.run("one").error == ""


THREADS = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"


@pytest.mark.parametrize(
    ("settings", "uses"), [(Settings(), 1), (Settings(preload="none"), 0), (Settings(isolation="worker"), 0)]
)
def test_pandas_was_used_before_stages_if_each_would_be_the_first_to_do_so(
    tmp_path: Path, settings: Settings, uses: int
) -> None:
    bench = Bench(tmp_path, settings)
    with bench.executor:
        bench.load("""
            import pandas
            @stage
            def one():
                exercise = sys.modules["pivot_exec.exercise"]
                print(exercise._use.cache_info().misses)
        """)
        assert bench.run("one").error == ""
        assert bench.log("one") == f"{uses}\n"


@pytest.mark.parametrize("where", ["pipeline", "pkg/threads", "pkg/__init__", "user"])
def test_the_module_that_left_threads_is_named(bench: Bench, where: str) -> None:
    """And not those that import it, nor those that were there when their threads had ended again."""
    sources = {
        "pkg/__init__": "",
        "pkg/threads": "",
        "user": "from pkg import threads\n",
        "ended": "import threading\nthread = threading.Thread(target=int)\nthread.start()\nthread.join()\n",
    }
    for name, source in sources.items():
        (bench.root / name).parent.mkdir(exist_ok=True)
        (bench.root / f"{name}.py").write_text(source + (THREADS if name == where else ""))
    loaded = bench.load(
        f"import ended, user\n{THREADS if where == 'pipeline' else ''}\n@stage\ndef one(): print('ran')\n"
    )
    (notice,) = loaded.notices
    assert notice.startswith(f"loading {where}.py left 1 thread running")
    assert bench.run("one").error == ""


def test_libraries_that_start_threads_on_import_are_moved_to_the_base(bench: Bench) -> None:
    """A write to os.environ forbids the preload, yet forks are used: the library was met and then loaded first."""
    loaded = bench.load("""
        os.environ["X_SETTING"] = "2"
        import numpy as np
        np.ones((500, 500)) @ np.ones((500, 500)) if False else None
        @stage
        def one(): print(os.environ["X_SETTING"], np.ones(2).sum())
    """)
    assert loaded.notices == ()
    assert bench.run("one").error == ""
    assert bench.log("one") == "2 2.0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what the base has open")
def test_what_is_closed_in_the_base_is_kept_open_until_the_loader_has_closed_it(bench: Bench) -> None:
    """Else it is the loader that waits for what the system does for the last who closes it."""
    bench.load("@stage\ndef one(): print('ran')\n")

    def watches(kind: str) -> list[str]:
        directory = Path(f"/proc/{bench.pid_of(kind)}/fd")
        return [link for entry in directory.iterdir() if "inotify" in (link := os.readlink(entry))]

    assert not watches("loader")
    assert until(lambda: not watches("base"))
    assert bench.run("one").error == ""
