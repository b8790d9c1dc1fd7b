"""Isolation: nothing that a stage does is seen by another, whether each has a process of its own or one serves many."""

import os
import sys
import textwrap
from collections.abc import Iterator

import pytest
from isolated import Runner, is_alive

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
    "context of new threads": ("decimal.DefaultContext.prec = 3", "decimal.DefaultContext.prec", False),
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
    "default of a function": ("remember.__defaults__ = ([1],)", "len(remember.__defaults__[0])", False),
    "code of a function": ("remember.__code__ = (lambda seen: 7).__code__", "remember.__code__.co_name", False),
    "base of a class": ("Worker.__bases__ = (Holder,)", "Worker.__bases__", False),
    "name of an attribute": ("HOLDER.moved = HOLDER.value; del HOLDER.value", "sorted(vars(HOLDER))", False),
    "order of a dictionary": ("ORDERED.move_to_end('a')", "list(ORDERED)", False),
    "all globals": ("all_globals()", "NUMBER", False),
    "global and back": ("globals().update(NUMBER=2); globals().update(NUMBER=1)", "NUMBER", True),
    "decorator": ("functools.wraps(remember)(lambda: 1); collections.namedtuple('P', 'x')", "NUMBER", True),
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
    "thread local": ("LOCAL.x = 2", "vars(LOCAL)", False),
    "queue": ("QUEUE.put(1)", "QUEUE.qsize()", False),
    "builtin": ("import builtins; builtins.hex = lambda _: 5", "hex(1)", False),
    "function of Python": ("time.time = lambda: 5", "time.time() > 9", False),
    "module with another name": ("import os as system; system.getcwd = lambda: 'x'", "os.getcwd() == 'x'", False),
    "constant of a library": ("np.pi = 3", "np.pi", False),
    "class of a library": ("pd.DataFrame.mine = 1", "hasattr(pd.DataFrame, 'mine')", False),
    "extension of a library": (
        "pd.api.extensions.register_series_accessor('mine')(Holder)",
        "hasattr(pd.Series, 'mine')",
        False,
    ),
    "mock": ("unittest.mock.patch('time.time', lambda: 5).start()", "time.time() > 9", False),
    "module imported by the stage": ("import colorsys; colorsys.x = 1", "hasattr(__import__('colorsys'), 'x')", False),
    "entry of sys.modules": ("sys.modules['json'] = os", "'dumps' in vars(__import__('json'))", False),
    "array that may be written to": ("ARRAY.flags.writeable = False", "ARRAY.flags.writeable", False),
    "shape of an array": ("ARRAY.shape = (2, 5)", "ARRAY.shape", False),
    "option of scikit-learn": ("sklearn.set_config(assume_finite=True)", "sklearn.get_config()", False),
    "option of polars": ("pl.Config.set_float_precision(1)", "repr(pl.Series([1.234]))", False),
    "class of loggers": ("logging.setLoggerClass(Logger)", "logging.getLoggerClass().__name__", True),
    "name of a level": ("logging.addLevelName(33, 'MINE')", "logging.getLevelName(33)", False),
    "limit of csv": ("csv.field_size_limit(7)", "csv.field_size_limit()", True),
    "dialect of csv": ("csv.register_dialect('mine', delimiter=';')", "'mine' in csv.list_dialects()", False),
    "start method": ("mp.set_start_method('spawn')", "mp.get_start_method(allow_none=True)", True),
    "what looking needs": ("import builtins; builtins.open = None", "open", False),
    "option of pandas": ("pd.set_option('display.max_rows', 7)", "pd.get_option('display.max_rows')", False),
}
if hasattr(os, "sched_setaffinity"):
    CHANGES["affinity"] = ("os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})", "os.sched_getaffinity(0)", True)
GLOBALS = """
    import collections, csv, ctypes, decimal, functools, gc, itertools, locale, logging, queue, random, resource, signal
    import tempfile, threading, unittest.mock, warnings
    import multiprocessing as mp
    import helper
    import numpy as np
    import pandas as pd
    import polars as pl
    import sklearn
    NUMBER, ITEMS, TABLE, KEYS = 1, [], {"a": {"b": {1, 2}}}, {"x": None}
    ARRAY, BUFFER, IDS = np.zeros(10), bytearray(4), itertools.count()
    LOCAL, QUEUE = threading.local(), queue.SimpleQueue()
    RNG, NUMPY_RNG = random.Random(1), np.random.default_rng(1)
    FRAME = pd.DataFrame({"a": [1, 2]})

    class Logger(logging.Logger): pass

    class Holder:
        shared = 1
        def __init__(self, inner=None):
            self.value, self.inner = 1, inner
    HOLDER = Holder(Holder())
    ORDERED = collections.OrderedDict(a=1, b=2)

    class Person: pass
    class Worker(Person): pass

    def all_globals():
        kept = dict(globals(), NUMBER=2)
        space = globals()
        space.clear()
        space.update(kept)

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


@pytest.fixture(scope="module", params=["stage", "worker"])
def changing(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Runner]:
    """All of CHANGES in one pipeline, each with a stage that makes the change and one that looks."""
    runner = Runner(tmp_path_factory.mktemp("changes"), request.param)
    (runner.root / "helper.py").write_text("STATE = {}\n")
    lines = [textwrap.dedent(GLOBALS)]
    for number, (change, shown, _) in enumerate(CHANGES.values()):
        lines += [f"@stage\ndef look{number}(): print(os.getpid(), {shown})"]
        lines += [f"@stage\ndef change{number}():", "    print(os.getpid())"]
        lines += ["    sys.stdout.flush()", f"    {change}"]
    with runner.executor:
        runner.load("\n".join(lines))
        yield runner


@pytest.mark.parametrize("case", CHANGES)
def test_what_a_stage_changes_the_next_does_not_see(changing: Runner, case: str) -> None:
    number = list(CHANGES).index(case)
    _, value = changing.printed(f"look{number}").split(" ", 1)
    changed = changing.printed(f"change{number}")
    after, value_after = changing.printed(f"look{number}").split(" ", 1)
    assert value_after == value
    if changing.project.settings.isolation == "worker":
        assert (after == changed) == CHANGES[case][2]


def test_a_stage_that_uses_up_all_descriptors_has_succeeded(runner: Runner) -> None:
    runner.load("""
        import resource
        HELD = []
        @stage
        def greedy():
            resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
            try:
                while True: HELD.append(os.open(os.devnull, os.O_RDONLY))
            except OSError: pass
        @stage
        def look(): print(len(HELD))
    """)
    assert runner.run("greedy") == ""
    assert runner.printed("look") == "0"


def test_a_stage_that_replaces_what_its_process_is_asked_with_has_succeeded(runner: Runner) -> None:
    runner.load("""
        @stage
        def replaces(): os.getpid = lambda: 1
    """)
    assert runner.run("replaces") == ""


def test_a_stage_that_parses_its_command_line_is_given_none(runner: Runner) -> None:
    runner.load("""
        import argparse
        @stage
        def parses(): print(argparse.ArgumentParser().parse_args(), sys.argv)
    """)
    assert runner.printed("parses") == "Namespace() ['pivot']"


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


def test_random_numbers_are_drawn_anew_in_each_stage(runner: Runner) -> None:
    runner.load("""
        import random
        import numpy as np
        @stage
        def one(): print(random.random(), np.random.rand())
        @stage
        def seeds(): random.seed(1); np.random.seed(1)
    """)
    seen = [runner.printed("one")]
    for _ in range(2):
        assert runner.run("seeds") == ""
        seen.append(runner.printed("one"))
    assert len(set(" ".join(seen).split())) == 6


# What a stage leaves behind, and a text of its file that has to be complete.
LEFT = {
    "thread": "threading.Thread(target=lambda: (time.sleep(0.3), file.write('end'))).start()",
    "daemon thread": "file.write('end'); threading.Thread(target=time.sleep, args=(300,), daemon=True).start()",
    "child": "file.write('end'); subprocess.Popen(['sleep', '300'])",
    "orphan": "file.write('end'); subprocess.run('sleep 300 &', shell=True, check=True)",
    "daemon": "file.write('end'); subprocess.Popen(['sleep', '300'], start_new_session=True)",
    "ended child": "file.write('end'); POOLS.append(subprocess.Popen(['true'])); "
    "os.waitid(os.P_PID, POOLS[0].pid, os.WEXITED | os.WNOWAIT)",
    "open file": "file.write('end')",
    "open file in a cycle": "cycle = [open('held', 'w')]; cycle.append(cycle); file.write('end')",
    "compressed file": "gzip.open('c.gz', 'wt').write('x'); file.write('end')",
    "exit handler": "atexit.register(lambda: file.write('end'))",
    "finalizer": "weakref.finalize(file, print); file.write('end')",
    "thread pool": "POOLS.append(ThreadPoolExecutor(2)); POOLS[0].submit(file.write, 'end').result()",
    "joblib pool": "file.write('end'); Parallel(n_jobs=2)(delayed(abs)(n) for n in range(4))",
    "process pool": "file.write('end'); POOLS.append(ProcessPoolExecutor(2)); POOLS[0].submit(abs, 1).result()",
    "event loop": "file.write('end'); asyncio.new_event_loop().run_in_executor(None, abs, 1)",
}


@pytest.fixture(scope="module", params=["stage", "worker"])
def leaving(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Runner]:
    """All of LEFT in one pipeline, each in a stage of its own."""
    runner = Runner(tmp_path_factory.mktemp("left"), request.param)
    source = """
        import asyncio, atexit, gzip, subprocess, threading, weakref
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        from joblib import Parallel, delayed
        POOLS = []
        @stage
        def look():
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            print(os.getpid(), threading.active_count(), len(children), len(os.listdir("/proc/self/fd")), POOLS)
        """
    for number, statements in enumerate(LEFT.values()):
        source += f"""
        @stage
        def leave{number}():
            file = open("file", "w")
            threading.current_thread().kept = file
            print(os.getpid())
            {statements}
        """
    with runner.executor:
        runner.load(source)
        yield runner


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system as Linux answers")
@pytest.mark.parametrize("case", LEFT)
def test_what_a_stage_leaves_behind_does_not_reach_the_next(leaving: Runner, case: str) -> None:
    before = leaving.printed("look").split(" ", 1)[1]
    task = leaving.submit(f"leave{list(LEFT).index(case)}")
    finished = leaving.wait(task)
    assert finished.error == ""
    assert (leaving.root / "file").read_text() == "end"
    left = int((leaving.root / "logs" / task).read_text().split()[0])
    pid, after = leaving.printed("look").split(" ", 1)
    assert after == before
    assert int(pid) != left
    assert not is_alive(left)
    assert case in ("child", "orphan") or finished.notices == ()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may change these, on Linux")
@pytest.mark.parametrize(
    "change",
    [
        "os.setgroups([5])",
        "os.setgid(5)",
        "os.setresuid(-1, -1, 65534)",
        "os.setuid(65534)",
        "os.chroot(os.getcwd())",
        "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
    ],
)
def test_another_user_group_or_root_directory_of_a_stage_is_its_own(warm: Runner, change: str) -> None:
    warm.load(f"""
        @stage
        def changes():
            {change}
        @stage
        def look():
            print(os.getresuid(), os.getresgid(), os.getgroups(), os.stat("/").st_ino, os.sched_getscheduler(0))
    """)
    before = warm.printed("look")
    assert warm.run("changes") == ""
    assert warm.printed("look") == before


def test_files_that_are_closed_and_children_that_were_waited_for_cost_no_worker(warm: Runner) -> None:
    warm.load("""
        import subprocess, tempfile, threading
        from concurrent.futures import ThreadPoolExecutor
        @stage
        def tidy():
            with open("file", "w") as file, tempfile.TemporaryDirectory() as place:
                subprocess.run(["true"], check=True, stdout=file, cwd=place)
            thread = threading.Thread(target=print)
            thread.start()
            thread.join()
            with ThreadPoolExecutor(2) as pool:
                pool.submit(abs, 1).result()
            print(os.getpid())
    """)
    assert warm.printed("tidy") == warm.printed("tidy")


def test_a_worker_that_grew_too_much_is_replaced(warm: Runner) -> None:
    warm.load("""
        @stage
        def grows():
            sys.modules["os"].path.held = b"x" * (900 << 20)
            print(os.getpid())
        @stage
        def look(): print(os.getpid(), hasattr(os.path, "held"))
    """)
    pid = warm.printed("grows")
    assert warm.printed("look").split() != [pid, "True"]
    assert warm.printed("look").endswith("False")


def test_the_log_of_a_stage_holds_what_it_printed_and_nothing_of_the_next(runner: Runner) -> None:
    runner.load("""
        import io, warnings
        @stage
        def one():
            sys.stdout = io.TextIOWrapper(sys.stdout.buffer)
            print("one", end="")
            os.write(1, b"raw ")
            warnings.warn("look")
        @stage
        def two(): print("two"); warn()
        def warn(): warnings.warn("again")
    """)
    first = runner.printed("one")
    assert "one" in first
    assert "raw" in first
    for _ in range(2):
        shown = runner.printed("two")
        assert "one" not in shown
        assert "again" in shown  # a warning is shown once a stage, not once a process
