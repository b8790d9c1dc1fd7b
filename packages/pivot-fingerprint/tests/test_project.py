"""Whose a file is."""

import importlib
import sys
from pathlib import Path

import pytest
from pivot_fingerprint import DiskSources, Fingerprinter, Project
from pivot_fingerprint.locate import Locator


@pytest.fixture
def locator(tmp_path: Path) -> Locator:
    return Locator(Project(tmp_path), DiskSources())


def test_under_the_root(locator: Locator, tmp_path: Path) -> None:
    """A file under the root is the project's."""
    assert locator.owner_of_file(str(tmp_path / "a" / "b.py")) == "project"


@pytest.mark.parametrize("place", ["venv/lib/python3.13/site-packages/x.py", "env/lib/x.py"])
def test_nested_environment(locator: Locator, tmp_path: Path, place: str) -> None:
    """A virtual environment in the project is not the project's."""
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    (tmp_path / place.split("/")[0] / "pyvenv.cfg").write_text("")
    assert locator.owner_of_file(str(path)) != "project" or "site-packages" not in place
    assert not Project(tmp_path).owns(str(path))


def test_project_inside_an_environment(tmp_path: Path) -> None:
    """A project may lie in a virtual environment or in a site-packages directory."""
    environment = tmp_path / "venv"
    root = environment / "lib" / "site-packages" / "project"
    root.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("")
    locator = Locator(Project(root), DiskSources())
    assert locator.owner_of_file(str(root / "m.py")) == "project"
    assert locator.owner_of_file(str(root.parent / "other.py")) == "distribution"


@pytest.mark.parametrize("root", [Path(sys.prefix), Path("/usr/src/app")])
def test_project_below_a_prefix(root: Path) -> None:
    """Where Python is installed says nothing about where projects are."""
    locator = Locator(Project(root / "project"), DiskSources())
    assert locator.owner_of_file(str(root / "project" / "m.py")) == "project"


def test_root_that_holds_python() -> None:
    """The standard library is Python's, also where the root is above it."""
    locator = Locator(Project(Path("/")), DiskSources())
    assert locator.locate("json").owner == "python"
    assert locator.locate("attrs").owner == "distribution"


@pytest.mark.parametrize(
    ("module", "owner", "distribution"),
    [
        ("json", "python", None),
        ("sys", "python", None),
        ("json.decoder", "python", None),
        ("attrs", "distribution", "attrs"),
        ("attr", "distribution", "attrs"),
        ("numpy.random", "distribution", "numpy"),
        ("yaml", "distribution", "pyyaml"),
        ("sklearn", "distribution", "scikit-learn"),
        ("no_such_module_here", "missing", None),
        ("json.no_such_module", "python", None),
    ],
)
def test_modules(locator: Locator, module: str, owner: str, distribution: str | None) -> None:
    """A module is found without being imported, and so is the distribution it came with."""
    location = locator.locate(module)
    assert location.owner == owner
    assert (location.distribution.name if location.distribution else None) == distribution


def test_elsewhere_on_the_path(
    locator: Locator, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module outside the root that no distribution installed is followed like project code."""
    place = tmp_path_factory.mktemp("elsewhere")
    (place / "editable_package").mkdir()
    (place / "editable_package" / "__init__.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(place))
    assert locator.locate("editable_package").owner == "project"


def test_editable_install(
    locator: Locator, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable install is project code: its files are where they are edited, whatever site-packages says of it."""
    site = tmp_path_factory.mktemp("env") / "site-packages"
    sources = tmp_path_factory.mktemp("checkout") / "src"
    (site / "edited_here-1.0.dist-info").mkdir(parents=True)
    (site / "edited_here-1.0.dist-info" / "direct_url.json").write_text('{"dir_info": {"editable": true}}')
    (sources / "edited_here").mkdir(parents=True)
    (sources / "edited_here" / "__init__.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.syspath_prepend(str(sources))
    assert locator.locate("edited_here").owner == "project"


def test_files_that_an_installer_has_linked_are_the_distributions(
    locator: Locator, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But a package whose directory is a link to a checkout is code that is edited there."""
    site = tmp_path_factory.mktemp("env") / "site-packages"
    cache, checkout = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("checkout")
    for place in (cache / "linked_lib", checkout / "linked_checkout", site / "linked_lib"):
        place.mkdir(parents=True)
    for kept in (cache / "linked_lib" / "__init__.py", cache / "linked_single.py"):
        kept.write_text("X = 1\n")
        (site / kept.relative_to(cache)).symlink_to(kept)
    (checkout / "linked_checkout" / "__init__.py").write_text("X = 1\n")
    (site / "linked_checkout").symlink_to(checkout / "linked_checkout", target_is_directory=True)
    for name in ("linked_lib-1.0.dist-info", "linked_single-1.0.dist-info"):
        (site / name).mkdir()
    monkeypatch.syspath_prepend(str(site))
    assert locator.locate("linked_lib").owner == "distribution"
    assert locator.locate("linked_single").owner == "distribution"
    assert locator.owner_of_file(str(site / "linked_lib" / "__init__.py")) == "distribution"
    assert locator.locate("linked_checkout").owner == "project"


def test_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution counts by its version: an upgrade shows."""
    site = tmp_path / "env" / "site-packages"
    (site / "installed_lib").mkdir(parents=True)
    (site / "installed_lib" / "__init__.py").write_text("def f():\n    return 1\n")
    (site / "installed_lib-1.0.dist-info").mkdir()
    root = tmp_path / "project"
    root.mkdir()
    (root / "uses_lib.py").write_text("def use():\n    import installed_lib\n    return installed_lib.f()\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.delitem(sys.modules, "uses_lib", raising=False)
    module = importlib.import_module("uses_lib")
    assert Fingerprinter(Project(root)).fingerprint(module.use).manifest["dist:installed-lib"] == "1.0"
    (site / "installed_lib-1.0.dist-info").rename(site / "installed_lib-2.0.dist-info")
    assert Fingerprinter(Project(root)).fingerprint(module.use).manifest["dist:installed-lib"] == "2.0"


def test_ignored(tmp_path: Path) -> None:
    """A package that never counts is not looked for."""
    locator = Locator(Project(tmp_path, ignore_packages={"json"}), DiskSources())
    assert locator.locate("json.decoder").owner == "ignored"


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
def test_around(tmp_path: Path, marker: str) -> None:
    """The project around a file is the nearest marked directory; `src` is a source root of it."""
    (tmp_path / marker).mkdir()
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    project = Project.around(tmp_path / "src" / "pkg" / "m.py")
    assert project.root == tmp_path
    assert project.source_roots == (tmp_path, tmp_path / "src")
