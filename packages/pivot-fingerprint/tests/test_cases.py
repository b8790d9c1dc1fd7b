"""The table of cases: an edit changes the fingerprints of exactly the stages that depend on what was edited."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pivot_fingerprint import Fingerprint

sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))

from fingerprint_cases import ALL_CASES, Case  # type: ignore[import-not-found] # found by way of the line above  # found by way of the line above


class Server:
    """A process that loads projects and fingerprints their stages."""

    def __init__(self, seed: str) -> None:
        script = Path(__file__).with_name("case_server.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )

    def stages(self, root: Path, *, run: bool = False) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"root": str(root), "run": run}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert not answer["error"], answer["error"]
        return dict(answer["stages"])

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server("1")
    yield server
    server.close()


@pytest.fixture(scope="module")
def other_server() -> Iterator[Server]:
    server = Server("2")
    yield server
    server.close()


def _digests(stages: dict[str, Any]) -> dict[str, str]:
    return {name: data["digest"] for name, data in stages.items()}


def _explain(before: dict[str, Any], after: dict[str, Any]) -> str:
    lines = []
    for name in sorted(before.keys() & after.keys()):
        old = {f"{item['kind']}:{item['name']}": item["digest"][:8] for item in before[name]["entries"]}
        new = {f"{item['kind']}:{item['name']}": item["digest"][:8] for item in after[name]["entries"]}
        lines.append(f"{name}: {sorted(old.items() ^ new.items())} of {sorted(new)}")
    return "\n".join(lines)


def test_names_are_unique() -> None:
    """A case is known by its name."""
    names = [case.name for case in ALL_CASES]
    assert sorted(set(names)) == sorted(names)
    assert len(names) >= 200


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path, server: Server, other_server: Server) -> None:
    """The digest changes where the edit matters, and nowhere else.

    Before that it is the same in another process, another directory and under another hash seed.
    """
    here, elsewhere = tmp_path / "first", tmp_path / "another" / "second"
    case.write(here)
    case.write(elsewhere)
    before, other = server.stages(here, run=True), other_server.stages(elsewhere)
    old = _digests(before)
    assert old == _digests(other), _explain(before, other)
    for data in before.values():
        stored = Fingerprint.from_data(data)
        assert Fingerprint.of(stored.entries, stored.python).digest == stored.digest
    case.apply(here)
    after = server.stages(here, run=True)
    new = _digests(after)
    changed = {name for name in new if old.get(name) != new[name]}
    assert changed == case.reruns, _explain(before, after)
