"""Whatever a pipeline looks at while it is loaded: if it changes, the pipeline is loaded again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from observing import Watched
from pivot_core import discover
from pivot_core.observation import always_now

type Change = Callable[[Path], object]


def write(name: str, content: str | bytes = "new") -> Change:
    """A change that writes a file."""

    def change(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def remove(name: str) -> Change:
    return lambda root: (root / name).unlink()


def retarget(name: str, target: str) -> Change:
    def change(root: Path) -> None:
        (root / name).unlink()
        (root / name).symlink_to(target)

    return change


ARRAY = b"\0" * 64
READING = {
    "open": "open('in.txt').read()",
    "open of bytes": "open(b'in.txt', 'rb').read()",
    "io.open": "import io; io.open('in.txt').read()",
    "open to read and write": "open('in.txt', 'r+').read()",
    "open with an opener": "import os; open('in.txt', opener=lambda p, f: os.open(p, f)).read()",
    "os.open": "import os; os.read(os.open('in.txt', os.O_RDONLY), 9)",
    "os.open in an opened directory": "import os; os.open('in.txt', os.O_RDONLY, dir_fd=os.open('.', os.O_RDONLY))",
    "Path.open": "from pathlib import Path; Path('in.txt').open().read()",
    "Path.read_text": "from pathlib import Path; Path('in.txt').read_text()",
    "Path.read_bytes": "from pathlib import Path; Path('in.txt').read_bytes()",
    "FileIO": "import io; io.FileIO('in.txt').read()",
    "codecs": "import codecs; codecs.open('in.txt')" if sys.version_info < (3, 14) else "open('in.txt')",
    "tokenize": "import tokenize; tokenize.open('in.txt')",
    "linecache": "import linecache; linecache.getline('in.txt', 1)",
    "fileinput": "import fileinput; list(fileinput.input('in.txt'))",
    "shutil.copyfileobj": "import io, shutil; shutil.copyfileobj(open('in.txt'), io.StringIO())",
    "a mapped file": "import mmap; f = open('in.txt', 'rb'); mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)[:]",
    "a thread": "import threading; t = threading.Thread(target=lambda: open('in.txt').read()); t.start(); t.join()",
    "after chdir": "import os; os.chdir('..'); open('project/in.txt').read(); os.chdir('project')",
    "runpy": "import runpy; runpy.run_path('in.txt')",
    "exec": "exec(open('in.txt').read())",
    "sqlite": "import sqlite3; sqlite3.connect('in.txt').close()",
    "sqlite by URI": "import sqlite3; sqlite3.connect('file:in.txt?mode=ro', uri=True).close()",
    "numpy.load": "import numpy as np; np.fromfile('in.txt', dtype='uint8')",
    "numpy.memmap": "import numpy as np; np.memmap('in.txt', mode='r')[:].sum()",
    "numpy.loadtxt": "import numpy as np; np.loadtxt('in.txt')",
    "pandas.read_csv": "import pandas as pd; pd.read_csv('in.txt')",
    "polars.read_csv": "import polars as pl; pl.read_csv('in.txt')",
    "pyarrow": "import pyarrow.csv as pc; pc.read_csv('in.txt')",
    "ctypes": "import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'in.txt', 0))",
}


@pytest.mark.parametrize("how", READING)
def test_a_file_that_is_read_counts(watched: Watched, how: str) -> None:
    watched.write("in.txt", "1\n2\n")
    watched.pipeline(READING[how])
    observed = watched.reusable()
    watched.write("in.txt", "1\n3\n")
    assert watched.change(observed) == "in.txt changed"


@pytest.mark.parametrize("how", ["open", "numpy.loadtxt", "sqlite by URI", "ctypes"])
def test_a_file_that_is_read_and_then_removed_counts(watched: Watched, how: str) -> None:
    watched.write("in.txt", "1\n2\n")
    watched.pipeline(READING[how])
    observed = watched.reusable()
    (watched.root / "in.txt").unlink()
    assert watched.change(observed) == "in.txt changed"


LOOKING = {
    "os.path.exists": "import os; os.path.exists('in.txt')",
    "os.path.exists of bytes": "import os; os.path.exists(b'in.txt')",
    "os.path.lexists": "import os; os.path.lexists('in.txt')",
    "os.path.isfile": "import os; os.path.isfile('in.txt')",
    "os.path.islink": "import os; os.path.islink('in.txt')",
    "os.stat": "import os\ntry: os.stat('in.txt')\nexcept OSError: pass",
    "os.stat by name": "from os import stat\ntry: stat('in.txt')\nexcept OSError: pass",
    "os.stat in an opened directory": (
        "import os\ntry: os.stat('in.txt', dir_fd=os.open('.', 0))\nexcept OSError: pass"
    ),
    "os.access": "import os; os.access('in.txt', os.R_OK)",
    "os.readlink": "import os\ntry: os.readlink('in.txt')\nexcept OSError: pass",
    "Path.exists": "from pathlib import Path; Path('in.txt').exists()",
    "Path.is_file": "from pathlib import Path; Path('in.txt').is_file()",
    "Path.is_symlink": "from pathlib import Path; Path('in.txt').is_symlink()",
    "shutil.which": "import shutil; shutil.which('./in.txt')",
    "open that fails": "try: open('in.txt')\nexcept OSError: pass",
    "an opening that Python knows nothing of fails": (
        "import polars as pl\ntry: pl.read_csv('in.txt')\nexcept Exception: pass"
    ),
    "glob": "import glob; glob.glob('*.txt')",
    "glob of a name": "import glob; glob.glob('in.txt')",
    "Path.glob": "from pathlib import Path; list(Path('.').glob('**/*.txt'))",
    "os.listdir": "import os; os.listdir()",
    "os.listdir of a descriptor": "import os; os.listdir(os.open('.', os.O_RDONLY))",
    "os.scandir": "import os; list(os.scandir('.'))",
    "os.walk": "import os; list(os.walk('.'))",
    "os.fwalk": "import os; list(os.fwalk('.'))",
    "Path.iterdir": "from pathlib import Path; list(Path('.').iterdir())",
    "importlib.resources": "import importlib.resources as r, package; r.files(package).joinpath('../in.txt').is_file()",
}


@pytest.mark.parametrize("how", LOOKING)
def test_a_file_that_was_looked_for_and_now_is_there_counts(watched: Watched, how: str) -> None:
    watched.write("package/__init__.py")
    watched.pipeline(LOOKING[how])
    observed = watched.reusable()
    (watched.root / "in.txt").symlink_to("pipeline.py")
    assert watched.change(observed) in {
        *("in.txt changed", "package/../in.txt changed"),
        *("the names in . changed", ". changed"),
    }


MODULES: dict[str, tuple[str, str, Change]] = {
    "a module shadows one of Python's": ("import colorsys", "pass", write("colorsys.py")),
    "a package shadows a distribution": ("import yaml", "pass", write("yaml/__init__.py")),
    "a package shadows a module": ("import helpers", "pass", write("helpers/__init__.py")),
    "a compiled module shadows a module": ("import helpers", "pass", write("helpers.abi3.so")),
    "a namespace package becomes a package": ("import space.inner", "pass", write("space/__init__.py")),
    "a submodule appears": ("try: import space.late\nexcept ImportError: pass", "pass", write("space/late.py")),
    "a module that was looked for appears": ("try: import late\nexcept ImportError: pass", "pass", write("late.py")),
    "find_spec found nothing": ("import importlib.util as u; u.find_spec('late')", "pass", write("late.py")),
    "a package that was looked for appears": ("try: import late\nexcept ImportError: pass", "pass", write("late/x.py")),
    "a lazy import finds nothing yet": ("", "\n    try: import late\n    except ImportError: pass", write("late.py")),
    "a lazy import of a name finds nothing": (
        "import space.inner",
        "\n    try: from space import late\n    except ImportError: pass",
        write("space/late.py"),
    ),
    "a lazily imported helper is edited": ("", "import lazy; lazy.f()", write("lazy.py", "def f(): return 2\n")),
    "a helper of a lazily imported helper is edited": (
        "",
        "import chain; chain.f()",
        write("lazy.py", "def f(): return 2\n"),
    ),
    "a helper is edited": ("import helpers", "pass", write("helpers.py", "x = 2")),
    "a helper is removed": ("import helpers", "pass", remove("helpers.py")),
    "a namespace package's module is edited": ("import space.inner", "pass", write("space/inner.py", "x = 2")),
    "modules are listed": ("import pkgutil; list(pkgutil.iter_modules(['space']))", "pass", write("space/more.py")),
    "modules are listed below": (
        "import pkgutil, space; list(pkgutil.walk_packages(space.__path__))",
        "pass",
        write("space/more.py"),
    ),
    "a package's data is read": (
        "import importlib.resources as r, space.inner; r.files('space').joinpath('data.txt').read_text()",
        "pass",
        write("space/data.txt"),
    ),
    "a package's data is read by pkgutil": (
        "import pkgutil, full; pkgutil.get_data('full', 'data.txt')",
        "pass",
        write("full/data.txt"),
    ),
    "a module is loaded by its path": (
        (
            "import importlib.util as u; s = u.spec_from_file_location('odd', 'odd file.py'); "
            "s.loader.exec_module(u.module_from_spec(s))"
        ),
        "pass",
        write("odd file.py", "x = 2"),
    ),
    "a directory is put on the search path": (
        "import sys; sys.path.append('more'); import extra",
        "pass",
        write("more/extra.py", "x = 2"),
    ),
    "a directory before it gets the module": (
        "import sys; sys.path[:0] = ['first', 'more']; import extra",
        "pass",
        write("first/extra.py"),
    ),
}


@pytest.mark.parametrize("case", MODULES)
def test_modules_are_those_that_an_import_would_find(watched: Watched, case: str) -> None:
    text, body, change = MODULES[case]
    watched.write("helpers.py", "x = 1")
    watched.write("space/inner.py", "x = 1")
    watched.write("space/data.txt")
    watched.write("full/__init__.py")
    watched.write("full/data.txt")
    watched.write("more/extra.py", "x = 1")
    watched.write("odd file.py", "x = 1")
    watched.write("lazy.py", "def f(): return 1\n")
    watched.write("chain.py", "def f():\n    from lazy import f\n    return f()\n")
    watched.pipeline(text, body)
    observed = watched.reusable()
    change(watched.root)
    assert watched.change(observed) != ""


def test_a_zip_on_the_search_path_counts(watched: Watched) -> None:
    with zipfile.ZipFile(watched.root / "lib.zip", "w") as archive:
        archive.writestr("packed.py", "x = 1")
    watched.pipeline("import sys; sys.path.append('lib.zip'); import packed")
    observed = watched.reusable()
    with zipfile.ZipFile(watched.root / "lib.zip", "w") as archive:
        archive.writestr("packed.py", "x = 2")
    assert watched.change(observed) == "lib.zip changed"


def test_a_module_outside_of_the_project_counts(watched: Watched) -> None:
    """Directories on PYTHONPATH and editable installs hold code of the user's own."""
    (watched.outside / "mine.py").write_text("x = 1")
    watched.environ["PYTHONPATH"] = str(watched.outside)
    watched.pipeline("import mine")
    observed = watched.reusable()
    (watched.outside / "mine.py").write_text("x = 2")
    assert watched.change(observed) == f"{watched.outside}/mine.py changed"


def test_an_upgraded_distribution_counts(watched: Watched) -> None:
    site = watched.outside / "site-packages"
    (site / "some-1.0.dist-info").mkdir(parents=True)
    watched.environ["PYTHONPATH"] = str(site)
    watched.pipeline()
    observed = watched.reusable()
    (site / "some-1.0.dist-info").rename(site / "some-1.1.dist-info")
    assert "installed packages" in watched.change(observed)


@pytest.mark.parametrize(
    "name", ["new-1.0.dist-info/METADATA", "some.pth", "new.pth", "sitecustomize.py", "__editable___some_finder.py"]
)
def test_what_is_installed_counts(watched: Watched, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Distributions by name and version, and what Python runs at its start by content."""
    (watched.outside / "some.pth").touch()
    monkeypatch.setattr("site.getsitepackages", lambda: [str(watched.outside)])
    watched.pipeline()
    project = discover(watched.root)
    before = always_now(project)
    assert before == always_now(project)
    write(name)(watched.outside)
    assert before != always_now(project)


def test_a_retargeted_link_counts(watched: Watched) -> None:
    watched.write("a.txt", "a")
    watched.write("b.txt", "b")
    (watched.root / "link").symlink_to("a.txt")
    watched.pipeline("open('link').read()")
    observed = watched.reusable()
    retarget("link", "b.txt")(watched.root)
    assert watched.change(observed) == "link changed"


def test_a_path_that_goes_up_again_behind_a_link_is_where_the_link_leads(watched: Watched) -> None:
    (watched.outside / "deep").mkdir()
    (watched.outside / "in.txt").write_text("1")
    (watched.root / "link").symlink_to(watched.outside / "deep")
    watched.pipeline("open('link/../in.txt').read()")
    observed = watched.reusable()
    (watched.outside / "in.txt").write_text("2")
    assert watched.change(observed) == "link/../in.txt changed"


def test_pivots_own_directory_hides_no_other(watched: Watched) -> None:
    watched.write(".pivot/x")
    watched.write("in.txt", "1")
    watched.pipeline("open('.pivot/../in.txt').read()")
    observed = watched.reusable()
    watched.write("in.txt", "2")
    assert watched.change(observed) != ""


def test_a_file_in_a_hidden_directory_that_is_read_by_other_means_than_pythons_counts(watched: Watched) -> None:
    watched.write(".settings/in.txt", "1")
    watched.pipeline("import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'.settings/in.txt', 0))")
    observed = watched.reusable()
    watched.write(".settings/in.txt", "2")
    assert watched.change(observed) == ".settings/in.txt changed"


def test_a_file_that_a_stage_names_as_its_code_counts(watched: Watched) -> None:
    path = watched.outside / "query.sql"
    path.write_text("SELECT 1")
    text = f"from pathlib import Path\nfrom pivot import stage\n@stage(code_deps=[Path({str(path)!r})])\ndef f(): ...\n"
    watched.pipeline(text)
    observed = watched.reusable()
    path.write_text("SELECT 2")
    assert watched.change(observed) != ""


def test_a_retargeted_link_to_a_directory_counts(watched: Watched) -> None:
    watched.write("a/in.txt", "a")
    watched.write("b/in.txt", "b")
    (watched.root / "link").symlink_to("a")
    watched.pipeline("open('link/in.txt').read()")
    observed = watched.reusable()
    retarget("link", "b")(watched.root)
    assert watched.change(observed) == "link/in.txt changed"


@pytest.mark.parametrize(
    "text",
    [
        "os.path.getmtime('in.txt')",
        "os.stat('in.txt').st_mtime",
        "Path('in.txt').stat()",
        "[e.stat() for e in os.scandir()]",
        "os.fstat(os.open('in.txt', 0))",
    ],
)
def test_the_time_of_a_file_counts_where_it_is_asked_for(watched: Watched, text: str) -> None:
    path = watched.write("in.txt", "1")
    watched.pipeline(f"import os\nfrom pathlib import Path\n{text}")
    observed = watched.reusable()
    os.utime(path, ns=(1, 1))
    assert watched.change(observed) == "in.txt changed"


def test_the_size_of_a_file_counts_without_its_time(watched: Watched) -> None:
    path = watched.write("in.txt", "1")
    watched.pipeline("import os; os.path.getsize('in.txt')")
    observed = watched.reusable()
    os.utime(path, ns=(1, 1))
    assert watched.change(observed) == ""
    watched.write("in.txt", "11")
    assert watched.change(observed) == "in.txt changed"


def test_a_database_with_a_log_counts(watched: Watched) -> None:
    """What is not in the database file yet is in the log beside it."""
    with sqlite3.connect(watched.root / "in.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
    database.close()
    watched.pipeline("import sqlite3\nc = sqlite3.connect('in.db'); c.execute('SELECT * FROM t').fetchall(); c.close()")
    observed = watched.reusable()
    writer = sqlite3.connect(watched.root / "in.db")
    writer.execute("INSERT INTO t VALUES (1)")
    writer.commit()
    assert watched.change(observed) != ""
    writer.close()


def test_a_parquet_file_that_is_read_by_other_means_than_pythons_counts(watched: Watched) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"x": [1]}).to_parquet(watched.root / "in.parquet")
    watched.pipeline("import pyarrow.parquet as pq; pq.read_table('in.parquet')")
    observed = watched.reusable()
    pandas.DataFrame({"x": [2]}).to_parquet(watched.root / "in.parquet")
    assert watched.change(observed) == "in.parquet changed"


def test_a_directory_that_is_not_there_for_other_means_than_pythons_counts(watched: Watched) -> None:
    watched.pipeline("import polars as pl\ntry: pl.read_csv('data/*.csv')\nexcept Exception: pass")
    observed = watched.reusable()
    watched.write("data/a.csv", "x\n1\n")
    assert watched.change(observed) == "data changed"


def test_a_directory_that_is_listed_by_other_means_than_pythons_counts(watched: Watched) -> None:
    watched.write("data/a.csv", "x\n1\n")
    watched.pipeline("import polars as pl; pl.read_csv('data/*.csv')")
    observed = watched.reusable()
    watched.write("data/b.csv", "x\n2\n")
    assert watched.change(observed) == "the names in data changed"


READ_VARIABLES = {
    "[]": "try: os.environ['V']\nexcept KeyError: pass",
    "get": "os.environ.get('V')",
    "getenv": "os.getenv('V')",
    "getenvb": "os.getenvb(b'V')",
    "in": "'V' in os.environ",
    "environb": "os.environb.get(b'V')",
    "setdefault": "os.environ.setdefault('V', 'x')",
    "pop": "os.environ.pop('V', None)",
    "del": "try: del os.environ['V']\nexcept KeyError: pass",
    "expandvars": "os.path.expandvars('$V')",
    "iteration": "list(os.environ)",
    "items": "list(os.environ.items())",
    "copy": "os.environ.copy()",
    "dict": "dict(os.environ)",
    "or": "os.environ | {}",
    "len": "len(os.environ)",
    "repr": "repr(os.environ)",
    "equality": "os.environ == {}",
    "by name": "from os import environ; environ.get('V')",
    "kept before loading": "import sys; sys.kept.get('V')",
}


@pytest.mark.parametrize("how", READ_VARIABLES)
@pytest.mark.parametrize("before", [None, "1"], ids=["unset", "set"])
def test_a_variable_that_is_read_counts(watched: Watched, how: str, before: str | None) -> None:
    if before is not None:
        watched.environ["V"] = before
    watched.pipeline(f"import os\n{READ_VARIABLES[how]}")
    observed = watched.load(before="import os, sys; sys.kept = os.environ")
    assert observed.problem == ""
    assert watched.change(observed) == ""
    watched.environ["V"] = "2"
    assert watched.change(observed) in (
        "the environment variable V changed",
        "the environment, which loading reads all of, changed",
    )


@pytest.mark.parametrize(
    "name", ["PYTHONPATH", "PYTHONOPTIMIZE", "TZ", "LC_ALL", "LANG", "PIVOT_OTHER", "OMP_NUM_THREADS"]
)
def test_what_python_and_libraries_read_by_themselves_always_counts(watched: Watched, name: str) -> None:
    watched.pipeline()
    observed = watched.reusable()
    watched.environ[name] = "1"
    assert watched.change(observed) != ""


def test_a_setting_that_is_changed_counts(watched: Watched) -> None:
    watched.pipeline()
    observed = watched.reusable()
    watched.write("pyproject.toml", "[tool.pivot]\nversions = 'minor'\n")
    assert watched.change(observed) != ""


def test_a_directory_that_is_removed_counts(watched: Watched) -> None:
    watched.write("data/in.txt")
    watched.pipeline("import os; os.listdir('data')")
    observed = watched.reusable()
    shutil.rmtree(watched.root / "data")
    assert watched.change(observed) == "the names in data changed"
