"""Isolation: nothing that a stage does is seen by another, whether each has a process of its own or one serves many."""

import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pivot_core.config import Isolation, Settings
from pivot_core.interfaces import Finished, Limits, Loaded, Lost, Started, Task
from pivot_core.model import FileState
from pivot_core.project import Project
from pivot_exec.local import LocalExecutor

HEAD = "import os, sys, time\nfrom pathlib import Path\nfrom pivot import stage\n"


class NoStore:
    """A store for stages without outs."""

    def missing(self, digests: object) -> set[str]:
        return set()

    def put(self, path: Path) -> FileState:
        raise AssertionError

    def fetch(self, state: FileState, path: Path) -> None:
        raise AssertionError

    def state(self, path: str) -> FileState | None:
        raise AssertionError


class Runner:
    """Runs stages of a pipeline file one after the other, or at once."""

    def __init__(self, root: Path, isolation: Isolation) -> None:
        self.root = root
        self.project = Project(root, Settings(isolation=isolation))
        self.executor = LocalExecutor(self.project, NoStore(), NoStore())
        self.loaded: Loaded | None = None
        self.count = 0
        self.pids: dict[str, int] = {}

    def load(self, source: str) -> Loaded:
        (self.root / "pipeline.py").write_text(HEAD + textwrap.dedent(source))
        self.loaded = self.executor.load(self.project)
        self.executor.start(self.loaded, Limits(2))
        return self.loaded

    def submit(self, stage: str, timeout: float | None = None) -> str:
        assert self.loaded is not None
        self.count += 1
        task = f"{stage}-{self.count}"
        found, code = self.loaded.stages[stage], self.loaded.code[stage].digest
        self.executor.submit(Task(task, stage, code, found.params, {}, (), f"logs/{task}", {}, timeout))
        return task

    def wait(self, task: str) -> Finished:
        while True:
            for report in self.executor.next(60):
                if isinstance(report, Started):
                    self.pids[report.task] = report.pid
                    continue
                assert not isinstance(report, Lost), report
                assert report.task == task
                return report

    def run(self, stage: str, timeout: float | None = None) -> str:
        """Run a stage; returns its error."""
        return self.wait(self.submit(stage, timeout)).error

    def printed(self, stage: str) -> str:
        """Run a stage that has to succeed; returns what it printed."""
        task = self.submit(stage)
        finished = self.wait(task)
        log = (self.root / "logs" / task).read_text()
        assert finished.error == "", log
        return log.strip()


@pytest.fixture(params=["stage", "worker"])
def runner(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Runner]:
    runner = Runner(tmp_path, request.param)
    with runner.executor:
        yield runner


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Runner]:
    """A runner whose workers serve many stages."""
    runner = Runner(tmp_path, "worker")
    with runner.executor:
        yield runner


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# What a stage does, and an expression of which it must change nothing for the next one. Those that are `reset` cost no
# process: the worker stays.
CHANGES = {
    "working directory": ("os.chdir('/')", "os.getcwd()", True),
    "variable": ("os.environ['X_LEAK'] = '1'; del os.environ['PATH']", "sorted(os.environ)", True),
    "variable of the system": ("import ctypes; os.environ['TZ'] = 'XYZ5'; time.tzset()", "time.timezone", True),
    "umask": ("os.umask(0o077)", "oct(os.umask(0o022))", True),
    "handler": ("import signal; signal.signal(signal.SIGTERM, print)", "signal.getsignal(15)", True),
    "blocked": ("signal.pthread_sigmask(0, {10})", "signal.pthread_sigmask(0, ())", True),
    "timer": ("signal.setitimer(signal.ITIMER_REAL, 0.3)", "time.sleep(0.5) or signal.getitimer(0)", True),
    "limit": ("resource.setrlimit(7, (50, resource.getrlimit(7)[1]))", "resource.getrlimit(7)", True),
    "affinity": ("os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})", "os.sched_getaffinity(0)", True),
    "stdout": ("sys.stdout = open(os.devnull, 'w')", "sys.stdout.name, os.stat(1).st_rdev", False),
    "closed stdout": ("os.close(1); os.close(0); sys.stdout.close()", "sys.stdout.name, sys.stdin.read()", True),
    "path": ("sys.path.insert(0, '/nowhere')", "sys.path", True),
    "other path": ("sys.path = ['/nowhere']", "sys.path", True),
    "arguments": ("sys.argv = ['x', 'y']", "sys.argv", True),
    "finders": ("sys.meta_path.clear()", "len(sys.meta_path)", True),
    "hook": ("sys.excepthook = print", "sys.excepthook is sys.__excepthook__", True),
    "tracing": ("sys.settrace(lambda *_: None)", "sys.gettrace()", True),
    "recursion": ("sys.setrecursionlimit(77)", "sys.getrecursionlimit()", True),
    "filters": ("import warnings; warnings.simplefilter('error')", "warnings.filters", True),
    "collector": ("import gc; gc.disable(); gc.set_threshold(7)", "gc.isenabled(), gc.get_threshold()", True),
    "locale": ("locale.setlocale(locale.LC_ALL, 'C')", "locale.setlocale(locale.LC_ALL)", True),
    "decimal": ("decimal.getcontext().prec = 3", "decimal.getcontext().prec", True),
    "temporary": ("tempfile.tempdir = '/nowhere'", "tempfile.gettempdir()", True),
    "root logger": ("logging.basicConfig(level=10, force=True)", "logging.root.level, logging.root.handlers", True),
    "logger": ("logging.getLogger('x').setLevel(10)", "logging.getLogger('x').level", True),
    "main module": ("sys.modules['__main__'].x = 1", "sorted(vars(sys.modules['__main__']))", True),
    "errors of numpy": ("np.seterr(all='raise')", "np.geterr()", True),
    "printing of numpy": ("np.set_printoptions(precision=2)", "np.get_printoptions()", True),
    "global": ("globals().update(NUMBER=2)", "NUMBER", False),
    "new global": ("globals().update(MORE=2)", "'MORE' in globals()", False),
    "list": ("ITEMS.append(1)", "ITEMS", False),
    "nested": ("TABLE['a']['b'].add(3)", "TABLE", False),
    "same key": ("TABLE.update({'a': 1})", "TABLE", False),
    "keys": ("KEYS['y'] = KEYS.pop('x')", "KEYS", False),
    "attribute": ("HOLDER.inner.value = 5", "HOLDER.inner.value", False),
    "class": ("Holder.shared = 5", "Holder.shared", False),
    "default": ("remember()", "remember()", False),
    "attribute of a function": ("remember.calls = 1", "vars(remember)", False),
    "closure": ("COUNTER()", "COUNTER()", False),
    "array": ("ARRAY[3] = 1", "ARRAY.sum()", False),
    "bytes": ("BUFFER[0] = 1", "BUFFER", False),
    "generator": ("RNG.random()", "RNG.random()", False),
    "numpy's generator": ("NUMPY_RNG.random()", "NUMPY_RNG.random()", False),
    "counted": ("next(IDS)", "next(IDS)", False),
    "cache": ("cached(1).append(2)", "cached(1)", True),
    "frame": ("FRAME.loc[0, 'a'] = 7", "FRAME.a.sum()", False),
    "helper": ("helper.STATE['x'] = 1", "helper.STATE", False),
    "module": ("sys.modules['helper'] = None", "sys.modules['helper']", False),
    "builtin": ("import builtins; builtins.len = lambda _: 5", "len([])", False),
    "option of pandas": ("pd.set_option('display.max_rows', 7)", "pd.get_option('display.max_rows')", False),
}
GLOBALS = """
    import ctypes, decimal, functools, gc, itertools, locale, logging, random, resource, signal, tempfile, warnings
    import helper
    import numpy as np
    import pandas as pd
    NUMBER, ITEMS, TABLE, KEYS = 1, [], {"a": {"b": {1, 2}}}, {"x": None}
    ARRAY, BUFFER, IDS = np.zeros(10), bytearray(4), itertools.count()
    RNG, NUMPY_RNG = random.Random(1), np.random.default_rng(1)
    FRAME = pd.DataFrame({"a": [1, 2]})

    class Holder:
        shared = 1
        def __init__(self, inner=None):
            self.value, self.inner = 1, inner
    HOLDER = Holder(Holder())

    def remember(seen=[]):
        seen.append(1)
        return len(seen)

    def counter():
        count = 0
        def more():
            nonlocal count
            count += 1
            return count
        return more
    COUNTER = counter()

    @functools.cache
    def cached(n): return [n]
"""


@pytest.mark.parametrize("case", CHANGES)
def test_what_a_stage_changes_the_next_does_not_see(runner: Runner, case: str) -> None:
    change, shown, stays = CHANGES[case]
    (runner.root / "helper.py").write_text("STATE = {}\n")
    runner.load(f"""{GLOBALS}
    @stage
    def look(): print(os.getpid(), {shown})
    @stage
    def change():
        print(os.getpid())
        sys.stdout.flush()
        {change}
    """)
    _, value = runner.printed("look").split(" ", 1)
    changed = runner.printed("change")
    after, value_after = runner.printed("look").split(" ", 1)
    assert value_after == value
    if runner.project.settings.isolation == "worker":
        assert (after == changed) == stays


def test_a_worker_serves_many_stages(warm: Runner) -> None:
    warm.load("""
        import numpy, pandas
        @stage
        def one(): print(os.getpid())
        @stage
        def two(): pandas.DataFrame({"a": [1, 2]}).to_csv("two.csv"); print(os.getpid())
        @stage
        def fails(): print(os.getpid()); raise ValueError("no")
        @stage
        def leaves(): sys.exit(4)
    """)
    first = warm.printed("one")
    assert warm.run("fails") == "ValueError: no"
    assert warm.run("leaves") == "exit code 4"
    assert warm.printed("two") == warm.printed("two") == warm.printed("one") == first
