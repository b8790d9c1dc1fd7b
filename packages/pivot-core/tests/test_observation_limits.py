"""What does not count, what cannot be answered for, and what user code sees of being observed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from observing import Watched
from pivot_core.observation import paths

STARTS = "starts a process"
CONNECTS = "uses the network"
PROBLEMS = {
    "subprocess": ("import subprocess; subprocess.run(['true'])", STARTS),
    "subprocess that is not waited for": ("import subprocess; kept = subprocess.Popen(['true'])", STARTS),
    "os.system": ("import os; os.system('true')", STARTS),
    "os.popen": ("import os; os.popen('true').read()", STARTS),
    "os.posix_spawn": ("import os; os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)", STARTS),
    "os.spawn": ("import os; os.spawnv(os.P_WAIT, '/bin/true', ['true'])", STARTS),
    "os.fork": ("import os\npid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)", STARTS),
    "a process without Python's knowledge": ("import ctypes; ctypes.CDLL(None).system(b'true')", STARTS),
    "a process that Python knows nothing of, and that is not waited for": (
        "import ctypes; c = ctypes.CDLL(None); c.popen.restype = ctypes.c_void_p; c.popen(b'sleep 1', b'r')",
        STARTS,
    ),
    "multiprocessing by fork": (
        "import multiprocessing as m; p = m.get_context('fork').Process(target=int); p.start(); p.join()",
        STARTS,
    ),
    "multiprocessing by spawn": (
        "import multiprocessing.util as u; import os; os.waitpid(u.spawnv_passfds(b'/bin/true', [b'true'], ()), 0)",
        STARTS,
    ),
    "a process pool": (
        (
            "from concurrent.futures import ProcessPoolExecutor as P\nimport multiprocessing as m\n"
            "with P(1, mp_context=m.get_context('fork')) as p: list(p.map(int, ['1']))"
        ),
        STARTS,
    ),
    "a connection": (
        "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError: pass",
        CONNECTS,
    ),
    "a server": ("import socket; s = socket.create_server(('127.0.0.1', 0)); s.close()", CONNECTS),
    "a datagram": (
        "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\ns.sendto(b'x', ('127.0.0.1', 9)); s.close()",
        CONNECTS,
    ),
    "a name that is resolved": ("import socket; socket.getaddrinfo('localhost', 1)", CONNECTS),
    "a download": (
        "import urllib.request as u\ntry: u.urlopen('http://127.0.0.1:9/x', timeout=1)\nexcept OSError: pass",
        CONNECTS,
    ),
    "the machine's state": ("open('/proc/meminfo').read()", "reads /proc/meminfo"),
    "a file that changes": (
        "open('in.txt').read()\nopen('in.txt', 'w').write('2')",
        "in.txt changed while the pipeline was loaded",
    ),
    "a file that is read twice and changes between": (
        "open('in.txt').read()\nopen('in.txt', 'w').write('2')\nopen('in.txt').read()",
        "in.txt changed while the pipeline was loaded",
    ),
    "a file that changes and keeps its size and time": (
        (
            "import os\nopen('in.txt').read(); s = os.lstat('/' if False else 'in.txt')\n"
            "with open('in.txt', 'r+') as f: f.write('3')\nos.utime('in.txt', ns=(s.st_atime_ns, s.st_mtime_ns))"
        ),
        "in.txt changed while the pipeline was loaded",
    ),
    "a file that is read by other means and changes": (
        "import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'in.txt', 0))\nc.rename(b'other.txt', b'in.txt')",
        "in.txt changed while the pipeline was loaded",
    ),
    "a file that was not there and is made": (
        "import os\nif not os.path.exists('new.txt'): open('new.txt', 'w').close()",
        "new.txt changed while the pipeline was loaded",
    ),
    "a module that was not there and is made": (
        "try: import made\nexcept ImportError: open('made.py', 'w').close()",
        "while the pipeline was loaded",
    ),
    "a listing that changes": (
        "import os; os.listdir('.'); open('new.txt', 'w').close()",
        "while the pipeline was loaded",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_load_that_cannot_be_answered_for_is_not_used_again(watched: Watched, case: str) -> None:
    text, why = PROBLEMS[case]
    watched.write("in.txt", "1")
    watched.write("other.txt", "2")
    watched.pipeline(text)
    observed = watched.load()
    assert why in observed.problem
    assert watched.change(observed) == observed.problem


UNSEEN = {
    "by keyword": "pl.read_parquet(n_rows=1, source=OUTSIDE)",
    "by a glob": "pl.scan_parquet(OUTSIDE.replace('in.', '*.')).collect()",
    "in a function": "def read():\n    return pl.read_parquet([OUTSIDE])\nread()",
    "in a comprehension": "frames = [pl.read_parquet([path]) for path in [OUTSIDE]]",
}


@pytest.mark.parametrize("case", UNSEEN)
def test_what_a_library_reads_elsewhere_without_pythons_knowledge_is_a_problem(watched: Watched, case: str) -> None:
    outside = parquet(watched.outside, 1)
    watched.pipeline(f"import polars as pl\nOUTSIDE = {outside!r}\n{UNSEEN[case]}")
    assert "may read files of which nothing is told" in watched.load().problem


def test_a_link_that_leads_elsewhere_is_elsewhere(watched: Watched) -> None:
    parquet(watched.outside, 1)
    (watched.root / "link").symlink_to(watched.outside)
    watched.pipeline("import polars as pl; pl.scan_parquet('link/*.parquet').collect()")
    assert "may read files of which nothing is told" in watched.load().problem


def test_a_module_that_changed_while_libraries_were_imported_is_a_problem(watched: Watched) -> None:
    """What was imported before the load, from an editable install for instance, may be older than its file."""
    (watched.outside / "mine.py").write_text("x = 1")
    watched.pipeline("import mine")
    observed = watched.load(before=f"import sys; sys.path.append({str(watched.outside)!r}); import mine")
    assert observed.problem == f"{watched.outside}/mine.py may have changed while it was imported"


def test_os_environ_that_is_replaced_is_left_alone(watched: Watched) -> None:
    watched.pipeline("import os; os.environ = {}")
    watched.load()


@pytest.mark.parametrize("call", ["pl.read_parquet", "pl.scan_parquet", "pq.read_table", "pq.ParquetFile"])
def test_a_file_elsewhere_that_is_named_to_such_a_library_counts(watched: Watched, call: str) -> None:
    outside = parquet(watched.outside, 1)
    watched.pipeline(f"import polars as pl, pyarrow.parquet as pq\n{call}({outside!r})")
    observed = watched.reusable()
    parquet(watched.outside, 2)
    assert watched.change(observed) == f"{outside} changed"


def test_using_such_a_library_without_reading_is_fine(watched: Watched) -> None:
    watched.pipeline("import polars as pl, pyarrow as pa\npl.DataFrame({'x': [1]}).select(pl.col('x')); pa.array([1])")
    watched.reusable()


def test_such_a_library_is_a_problem_where_the_operating_system_tells_of_nothing(watched: Watched) -> None:
    watched.write("data/a.csv", "x\n1\n")
    watched.pipeline("import polars as pl; pl.read_csv('data/*.csv')")
    nothing = "import pivot_core.observation.inotify as i; i._LIMIT = 0"
    assert "may read files of which nothing is told" in watched.load(before=nothing).problem
    watched.pipeline("import polars as pl; pl.DataFrame({'x': [1]})")
    assert watched.load(before=nothing).problem == ""


def parquet(directory: Path, value: int) -> str:
    import polars

    polars.DataFrame({"x": [value]}).write_parquet(directory / "in.parquet")
    return str(directory / "in.parquet")


def test_a_file_that_is_made_once_is_a_problem_once(watched: Watched) -> None:
    watched.pipeline("import os\nif not os.path.exists('new.txt'): open('new.txt', 'w').close()")
    watched.load()
    watched.reusable()


def compile_all(root: Path) -> None:
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(root)], check=True)


def touch(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, ns=(1, 1))


def copy_over(root: Path) -> None:
    """Other inodes with the same bytes, as git leaves when it goes to another branch and back."""
    for path in [path for path in root.rglob("*") if path.is_file()]:
        shutil.copy(path, root / "temporary")
        (root / "temporary").rename(path)


HARMLESS: dict[str, Callable[[Path], object]] = {
    "times": touch,
    "bytecode": compile_all,
    "other inodes": copy_over,
    "an unrelated file": lambda root: (root / "notes.txt").touch(),
    "an unrelated module": lambda root: (root / "unrelated.py").touch(),
    "an unrelated directory": lambda root: (root / "results").mkdir(),
    "a file beside those that match a glob": lambda root: (root / "notes.txt").touch(),
    "Pivot's own files": lambda root: [(root / ".pivot").mkdir(), (root / ".pivot" / "state.db").touch()],
    "an out of the stage": lambda root: (root / "out.txt").touch(),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_does_not_matter_does_not_count(watched: Watched, case: str) -> None:
    watched.write("helpers.py", "x = 1")
    watched.write("package/__init__.py")
    watched.write("lazy.py", "def f(): return 1\n")
    watched.write("data/in.csv", "x\n1\n")
    watched.pipeline(
        """
        import os, csv, json, helpers, package, pandas as pd, glob, importlib.metadata
        from pathlib import Path
        importlib.metadata.version("numpy")
        pd.read_csv("data/in.csv")
        glob.glob("data/*.csv")
        Path("settings.yaml").exists()
        os.environ.get("VARIABLE")
        """,
        "import lazy; lazy.f()",
    )
    observed = watched.reusable()
    HARMLESS[case](watched.root)
    assert watched.change(observed) == ""


def test_a_variable_that_nobody_read_does_not_count(watched: Watched) -> None:
    watched.pipeline("import os; os.environ.get('VARIABLE')")
    observed = watched.reusable()
    watched.environ |= {"OTHER": "1", "PIVOT_JOBS": "1", "PIVOT_LINK": "copy"}
    assert watched.change(observed) == ""


def test_a_variable_that_the_pipeline_sets_itself_does_not_count(watched: Watched) -> None:
    watched.pipeline("import os; os.environ['VARIABLE'] = '1'; os.environ['VARIABLE']")
    observed = watched.reusable()
    watched.environ["VARIABLE"] = "2"
    assert watched.change(observed) == ""


@pytest.mark.parametrize(
    "text",
    [
        "open('log.txt', 'a').write('x')",
        "import logging; logging.FileHandler('log.txt').close()",
        "import os; os.mkdir('made') if 'x' in os.getcwd() else None; open('x.txt', 'w').close()",
        "import os; os.makedirs('made', exist_ok=True); open('made/x', 'w').close()",
        "import tempfile; f = tempfile.NamedTemporaryFile(); f.write(b'x'); open(f.name).read(); f.close()",
        "import tempfile, os; d = tempfile.mkdtemp(); open(d + '/x', 'w').close(); open(d + '/x').read()",
        "open('/dev/null').read(); open('/dev/urandom', 'rb').read(1)",
        "import threading; threading.Event()",
        "import socket; a, b = socket.socketpair(); a.close(); b.close()",
    ],
)
def test_what_a_load_writes_is_not_what_it_depends_on(watched: Watched, text: str) -> None:
    watched.pipeline(text)
    watched.reusable()
    watched.reusable()


def test_reading_in_a_stage_does_not_count(watched: Watched) -> None:
    """Where the code told the path, the file would be a part of it."""
    watched.write("in.txt", "1")
    watched.pipeline("", "open(''.join(['in', '.txt'])).read()")
    observed = watched.load(after="functions['make']()")
    watched.write("in.txt", "2")
    assert watched.change(observed) == ""


def test_a_load_of_few_files_looks_at_few_paths(watched: Watched) -> None:
    """Importing libraries does not count path by path."""
    watched.pipeline("import json, csv, decimal, pydantic, email.mime.text")
    observed = watched.reusable()
    assert len(paths(observed)) < 80
    assert set(observed.files) == {str(watched.root / "pipeline.py")} | {
        path for path in observed.files if not path.startswith(str(watched.root))
    }


SEEN = """
    import builtins, copy, genericpath, os, pathlib, sys
    assert os.environ is sys.kept_environ
    assert isinstance(os.environ, os._Environ)
    assert type(os.environ).__name__ == "_Environ"
    os.environ["A"] = "1"
    assert os.environ["A"] == os.getenv("A") == os.environb[b"A"].decode() == "1"
    assert os.environ.pop("A") == "1"
    assert "A" not in os.environ
    assert dict(os.environ) == os.environ.copy() == {**os.environ}
    for call in (os.stat, os.lstat, os.access, os.open, os.readlink, os.fstat):
        original = getattr(sys.kept_posix, call.__name__)
        assert call == original and original == call and hash(call) == hash(original)
        assert call in {original} and call.__doc__ == original.__doc__ and repr(call) == repr(original)
        assert call.__module__ == original.__module__
    assert os.stat in os.supports_fd and os.stat in os.supports_follow_symlinks and os.open in os.supports_dir_fd
    class Keeps:
        stat = os.stat
    assert Keeps().stat(".").st_ino == os.stat(".").st_ino
    for wrong in ((), (1.5,), ("a\\0b",), (".", 1)):
        for call in (os.stat, sys.kept_posix.stat):
            try:
                call(*wrong)
            except (TypeError, ValueError) as error:
                kept = (type(error), str(error))
            if call is os.stat:
                first = kept
        assert kept == first
    try:
        os.stat("nothing")
    except FileNotFoundError as error:
        assert error.filename == "nothing"
    from os import stat
"""


def test_user_code_sees_no_difference(watched: Watched) -> None:
    watched.pipeline(SEEN)
    watched.load(before="import os, posix, sys; sys.kept_environ, sys.kept_posix = os.environ, posix")


def test_after_loading_everything_is_as_before(watched: Watched) -> None:
    watched.pipeline("from os import stat, environ")
    before = """
        import os, sys, _posixsubprocess
        kept = [os.stat, os.lstat, os.fstat, os.access, os.readlink, os.open, _posixsubprocess.fork_exec]
    """
    after = """
        import pipeline
        now = [os.stat, os.lstat, os.fstat, os.access, os.readlink, os.open, _posixsubprocess.fork_exec]
        assert all(a is b for a, b in zip(kept, now))
        assert pipeline.stat is kept[0]
        assert type(os.environ) is type(os.environb) is os._Environ
        assert not any(sys.monitoring.get_tool(tool) for tool in range(6))
        assert not any(sys.monitoring.get_local_events(tool, functions["make"].__code__) for tool in (3, 4))
        assert not any("Recording" in type(finder).__name__ for finder in sys.meta_path)
    """
    watched.load(before=before, after=after)


def test_being_observed_changes_no_fingerprint(watched: Watched) -> None:
    watched.pipeline(
        "import os\nfrom os import stat, environ\ncall = os.path.exists", "return stat, environ, call, os.access"
    )
    watched.load()
    observed = watched.code
    watched.load(
        before="""
            import pivot_core.load
            class Nobody:
                def __init__(self, *_): pass
                def start(self): pass
                def imported(self): pass
                def stop(self):
                    from pivot_core.observation import Observed
                    return Observed()
            pivot_core.load.Observer = Nobody
        """
    )
    assert watched.code == observed


def test_a_load_that_fails_leaves_everything_as_before(watched: Watched) -> None:
    watched.pipeline("raise ValueError")
    with pytest.raises(AssertionError, match="ValueError"):
        watched.load()
    watched.pipeline()
    before = """
        import os, sys
        from pathlib import Path
        from pivot_core import PivotError, discover, load_here
        kept = os.stat
        Path("pipeline.py").rename("good.py")
        Path("pipeline.py").write_text("raise ValueError")
        try:
            load_here(discover(Path(".")))
        except PivotError:
            pass
        assert os.stat is kept and type(os.environ) is os._Environ
        Path("good.py").rename("pipeline.py")
        del sys.modules["pipeline"]
    """
    watched.load(before=before)
