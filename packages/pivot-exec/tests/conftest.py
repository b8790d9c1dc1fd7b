"""Fixtures of the tests of pivot-exec."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from isolated import Runner  # found by way of the line above


@pytest.fixture(params=["stage", "worker"])
def runner(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Runner]:
    runner = Runner(tmp_path, request.param)
    with runner.executor:
        yield runner


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Runner]:
    """A runner whose workers serve many stages."""
    runner = Runner(tmp_path, "worker")
    with runner.executor:
        yield runner
