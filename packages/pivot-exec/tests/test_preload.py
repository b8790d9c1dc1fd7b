"""Which libraries are imported beforehand: told by the sources alone, none of which runs."""

import sys
from pathlib import Path

import pytest
from pivot_core.config import Settings
from pivot_core.project import Project
from pivot_exec.preload import absent, import_all, libraries


def scan(root: Path, pipeline: str, **modules: str) -> list[str]:
    """The libraries of a project: modules are named by their path, "__" standing for a slash."""
    return libraries(write(root, pipeline, None, **modules))


def write(root: Path, pipeline: str, settings: Settings | None = None, **modules: str) -> Project:
    for name, source in {"pipeline": pipeline, **modules}.items():
        path = root / f"{name.replace('__', '/').replace('/init', '/__init__')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return Project(root, settings or Settings())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pandas", ["pandas"]),
        ("import pandas as pd, numpy.linalg", ["pandas", "numpy.linalg"]),
        ("def f():\n    import pandas", ["pandas"]),
        ("class C:\n    def f(self):\n        import pandas", ["pandas"]),
        ("try:\n    import pandas\nexcept ImportError:\n    pandas = None", ["pandas"]),
        ("if False:\n    import pandas", ["pandas"]),
        ("from sklearn.linear_model import Ridge", ["sklearn.linear_model"]),
        ("from sklearn import linear_model", ["sklearn", "sklearn.linear_model"]),
        ("import os, json, xml.dom", []),
        ("from pivot import stage\nimport pivot_core.model, pivot_fingerprint", []),
        ("'import pandas'\n# import pandas", []),
        ("", []),
    ],
)
def test_imports_anywhere_in_the_pipeline_file_count(tmp_path: Path, source: str, found: list[str]) -> None:
    assert scan(tmp_path, source) == found


def test_project_modules_are_followed_and_are_no_libraries(tmp_path: Path) -> None:
    found = scan(
        tmp_path,
        "import one\nfrom pkg import two\nfrom pkg.three import f",
        one="import numpy",
        pkg__init="import pandas",
        pkg__two="import polars",
        pkg__three="import one, pyarrow",
        unused="import torch",
    )
    assert sorted(found) == ["numpy", "pandas", "polars", "pyarrow"]


@pytest.mark.parametrize(
    "statement", ["from . import near", "from .near import f", "from ..pkg import near", "from ..pkg.near import f"]
)
def test_relative_imports_are_followed_from_where_they_stand(tmp_path: Path, statement: str) -> None:
    """And never taken for a library of the same name."""
    found = scan(
        tmp_path,
        "import top.pkg.start",
        top__init="",
        top__pkg__init="",
        top__pkg__start=statement,
        top__pkg__near="import numpy",
    )
    assert found == ["numpy"]


def test_a_relative_import_of_what_is_not_there_is_no_library(tmp_path: Path) -> None:
    assert (
        scan(tmp_path, "import pkg.start", pkg__init="", pkg__start="from . import numpy\nfrom .pandas import f") == []
    )


def test_modules_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    assert scan(tmp_path, "import one", one="import two, numpy", two="import one, numpy") == ["numpy"]


def test_modules_of_pythonpath_are_followed(tmp_path: Path) -> None:
    project = write(tmp_path, "import one", Settings(pythonpath=("src",)), src__one="import numpy")
    assert libraries(project) == ["numpy"]


def test_a_pipeline_that_is_a_module_is_followed(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        "",
        Settings(pipeline="pkg.flow"),
        pkg__init="",
        pkg__flow="from . import one",
        pkg__one="import numpy",
    )
    assert libraries(project) == ["numpy"]


@pytest.mark.parametrize("broken", ["def (:", "x = '\0'", "\N{SNOWMAN}"])
def test_a_source_that_cannot_be_parsed_says_nothing(tmp_path: Path, broken: str) -> None:
    assert scan(tmp_path, "import numpy, one", one=broken) == ["numpy"]


def test_a_project_without_a_pipeline_has_no_libraries(tmp_path: Path) -> None:
    assert libraries(Project(tmp_path)) == []


@pytest.mark.parametrize(
    "writer",
    [
        "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
        "from os import environ\nenviron['OMP_NUM_THREADS'] = '1'",
        "import os\nos.environ.setdefault('A', '1')",
        "import os\nos.environ.update(A='1')",
        "import os\nos.environ.pop('A', None)",
        "import os\ndel os.environ['A']",
        "import os\nos.putenv('A', '1')",
        "import os\nif True:\n    with open('f') as f:\n        os.environ['A'] = f.read()",
        "import os\nclass C:\n    os.environ['A'] = '1'",
    ],
)
@pytest.mark.parametrize("where", ["pipeline", "one"])
def test_nothing_is_imported_before_what_writes_the_environment(tmp_path: Path, writer: str, where: str) -> None:
    """A library reads OPENBLAS_NUM_THREADS and the like when it is imported."""
    sources = {"pipeline": "import numpy, one", "one": "import pandas"}
    sources[where] += f"\n{writer}"
    assert scan(tmp_path, **sources) == []


@pytest.mark.parametrize(
    "reader",
    [
        "import os\nA = os.environ['A']",
        "import os\nA = os.environ.get('A')",
        "import os\ndef stage():\n    os.environ['A'] = '1'",
        "import os\nf = lambda: os.environ.pop('A')",
        "settings = {}\nsettings.update(a=1)\nsettings['a'] = 2",
    ],
)
def test_who_reads_the_environment_or_writes_it_when_called_prevents_nothing(tmp_path: Path, reader: str) -> None:
    assert scan(tmp_path, f"import numpy\n{reader}") == ["numpy"]


@pytest.mark.parametrize(
    ("settings", "found"),
    [(Settings(preload="none"), []), (Settings(preload=("numpy", "polars")), ["numpy", "polars"])],
    ids=["none", "names"],
)
def test_the_setting_decides(tmp_path: Path, settings: Settings, found: list[str]) -> None:
    assert libraries(write(tmp_path, "import pandas", settings)) == found


def test_a_library_that_cannot_be_imported_is_left_to_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "pivot_test_raises.py").write_text("raise RuntimeError('no')")
    (site / "pivot_test_exits.py").write_text("import sys; sys.exit(3)")
    (site / "pivot_test_fine.py").write_text("")
    monkeypatch.syspath_prepend(str(site))
    import_all(["pivot_test_raises", "pivot_test_exits", "pivot_test_nowhere", "pivot_test_fine"])
    assert sys.modules.pop("pivot_test_fine", None) is not None


def test_code_that_is_not_installed_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pivot_test_own.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import_all(["pivot_test_own"])
    assert "pivot_test_own" not in sys.modules


def test_what_the_setting_names_and_is_not_installed_is_told(tmp_path: Path) -> None:
    project = write(tmp_path, "", Settings(preload=("numpy.linalg", "nunpy", "json")))
    assert absent(project) == ["nunpy"]
    assert absent(write(tmp_path, "", Settings(preload="none"))) == []
