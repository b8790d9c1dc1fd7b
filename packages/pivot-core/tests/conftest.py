"""Fixtures of the tests of pivot-core."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from observing import Watched  # found by way of the line above


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A project of one stage, to be loaded while it is watched."""
    return Watched(tmp_path / "project")
