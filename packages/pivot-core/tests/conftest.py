"""Fixtures of the tests of pivot-core."""

import sys
from pathlib import Path

import pytest
from pivot_core.storage import objects

sys.path.insert(0, str(Path(__file__).parent))

from observing import Watched  # found by way of the line above
from placing import Place


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A project of one stage, to be loaded while it is watched."""
    return Watched(tmp_path / "project")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project with a store."""
    return Place(tmp_path)


@pytest.fixture
def is_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests, read-only files are safe from being written to."""
    monkeypatch.setattr(objects, "can_protect", lambda: True)


@pytest.fixture(params=["auto", "copy", "hardlink"])
def any_link(request: pytest.FixtureRequest, tmp_path: Path, is_no_root: None) -> Place:
    """A project with a store, by each way of having outs there."""
    return Place(tmp_path, request.param)
