"""Sources are read once, and served to whoever imports them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest
from pivot_core.frozen import FrozenFinder, FrozenLoader, FrozenSources


def test_a_source_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("x = 1\n")
    sources = FrozenSources()
    assert sources.read(str(file)) == b"x = 1\n"
    file.write_text("x = 2\n")
    assert sources.read(str(file)) == b"x = 1\n"
    assert sources.bundle() == {str(file): b"x = 1\n"}
    with pytest.raises(FileNotFoundError):
        sources.read(str(tmp_path / "nothing.py"))


@pytest.mark.parametrize("ours", [True, False])
def test_only_project_files_are_frozen(tmp_path: Path, ours: bool) -> None:
    (tmp_path / "some_module.py").write_text("x = 1\n")
    finder = FrozenFinder(FrozenSources(), lambda _path: ours)
    spec = finder.find_spec("some_module", [str(tmp_path)])
    assert spec is not None
    assert type(spec.loader) is (FrozenLoader if ours else importlib.machinery.SourceFileLoader)
    assert finder.find_spec("no_module", [str(tmp_path)]) is None


def test_a_package_keeps_where_its_modules_are(tmp_path: Path) -> None:
    package = tmp_path / "some_package"
    package.mkdir()
    (package / "__init__.py").touch()
    spec = FrozenFinder(FrozenSources(), lambda _path: True).find_spec("some_package", [str(tmp_path)])
    assert spec is not None
    assert spec.submodule_search_locations == [str(package)]


def test_what_a_later_finder_finds_is_frozen_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with editable installs that bring a finder of their own."""
    file = tmp_path / "elsewhere.py"
    file.write_text("")

    class Editable:
        @staticmethod
        def find_spec(name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
            return importlib.util.spec_from_file_location(name, file) if name == "pivot_test_editable" else None

    finder = FrozenFinder(FrozenSources(), lambda path: path == str(file))
    monkeypatch.setattr(sys, "meta_path", [finder, importlib.machinery.PathFinder, Editable])
    spec = finder.find_spec("pivot_test_editable")
    assert spec is not None
    assert isinstance(spec.loader, FrozenLoader)
    assert finder.find_spec("pivot_test_nowhere") is None
