"""Which distribution a file belongs to."""

from pathlib import Path

import pytest
from pivot_fingerprint.distributions import Distribution, Distributions


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "lib" / "site-packages"
    site.mkdir(parents=True)
    return site


def _install(site: Path, name: str, version: str, *files: str, listed: bool = True, top_level: str = "") -> None:
    metadata = site / f"{name}-{version}.dist-info"
    metadata.mkdir()
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("")
    if listed:
        (metadata / "RECORD").write_text("".join(f"{file},sha256=x,0\n" for file in files))
    if top_level:
        (metadata / "top_level.txt").write_text(top_level + "\n")


def test_by_its_name(site: Path) -> None:
    """The common case: a package of the distribution's own name."""
    _install(site, "foo_bar", "1.2", "foo_bar/__init__.py")
    assert Distributions().owner(str(site / "foo_bar/__init__.py")) == Distribution("foo-bar", "1.2")


def test_by_its_list_of_files(site: Path) -> None:
    """A package of another name than its distribution, and a single module."""
    _install(site, "Py_Things", "3", "things/__init__.py", "thing.py")
    assert Distributions().owner(str(site / "things/__init__.py")) == Distribution("py-things", "3")
    assert Distributions().owner(str(site / "thing.py")) == Distribution("py-things", "3")


def test_without_a_list(site: Path) -> None:
    """Without a list of files, the name decides, or what is said to be top-level."""
    _install(site, "plain", "1", "plain/__init__.py", listed=False)
    _install(site, "other", "2", "odd/__init__.py", listed=False, top_level="odd")
    assert Distributions().owner(str(site / "plain/__init__.py")) == Distribution("plain", "1")
    assert Distributions().owner(str(site / "odd/__init__.py")) == Distribution("other", "2")


def test_shared_directory(site: Path) -> None:
    """Two distributions with parts of one namespace package are told apart."""
    _install(site, "space_one", "1", "space/one/__init__.py")
    _install(site, "space_two", "2", "space/two/__init__.py")
    found = Distributions()
    assert found.owner(str(site / "space/one/__init__.py")) == Distribution("space-one", "1")
    assert found.owner(str(site / "space/two/__init__.py")) == Distribution("space-two", "2")


def test_name_that_begins_another(site: Path) -> None:
    """`foo` is not the owner of `foobar`."""
    _install(site, "foo", "1", "foo/__init__.py")
    (site / "foobar.py").write_text("")
    assert Distributions().owner(str(site / "foobar.py")) is None


def test_not_installed(site: Path, tmp_path: Path) -> None:
    """A file that nobody installed has no owner, nor has one elsewhere."""
    (site / "stray.py").write_text("")
    assert Distributions().owner(str(site / "stray.py")) is None
    assert Distributions().owner(str(tmp_path / "m.py")) is None
