"""Fixtures of the end-to-end tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from typed import Typed  # found by way of the line above


@pytest.fixture
def project(tmp_path: Path) -> Typed:
    """An empty directory that is no part of any project or git work tree."""
    return Typed(tmp_path)
