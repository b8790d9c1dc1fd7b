"""The snapshot gives what loading gave, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from pivot_core import snapshot
from pivot_core.config import Settings
from pivot_core.interfaces import Loaded
from pivot_core.model import Dep, FunctionAction, Location, Out, Stage
from pivot_core.observation import Observed
from pivot_core.observation.always import always_now
from pivot_core.project import Project
from pivot_core.storage.digests import hash_bytes
from pivot_core.storage.state import StateDB
from pivot_fingerprint import Entry, Fingerprint

SHARED = Entry("func", "helpers.f", "aa" * 16, "helpers.py", 3, via=("pipeline.train", "helpers.f"), note="coarse")
ONE = Stage(
    "train",
    FunctionAction("pipeline", "train"),
    deps=(Dep("in.csv"), Dep("raw/*.csv")),
    outs=(Out("model.pkl"), Out("plots", cache=False, is_directory=True)),
    params={"lr": 0.1, "names": ["a"], "none": None},
    location=Location("pipeline.py", 7),
)
OTHER = Stage("größe", FunctionAction("pipeline", "size"))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDB]:
    database = StateDB(tmp_path / ".pivot" / "state.db")
    yield database
    database.close()


def project_at(root: Path, **settings: str) -> Project:
    return Project(root, Settings(**settings))  # type: ignore[arg-type]


def loaded_at(root: Path, problem: str = "") -> Loaded:
    source = root / "pipeline.py"
    source.write_text("the code")
    observed = Observed({str(source): hash_bytes(b"the code")}, always=always_now(project_at(root)), problem=problem)
    code = {
        "train": Fingerprint.of([SHARED, Entry("func", "pipeline.train", "bb" * 16)], "3.13"),
        "größe": Fingerprint.of([SHARED], "3.13"),
    }
    return Loaded({"train": ONE, "größe": OTHER}, code, notices=("a notice",), observed=observed)


def test_what_loading_gave_comes_back(state: StateDB, tmp_path: Path) -> None:
    loaded = loaded_at(tmp_path)
    snapshot.save(state, project_at(tmp_path), loaded)
    known = snapshot.recall(state, project_at(tmp_path))
    assert known is not None
    assert known.stages == loaded.stages
    assert list(known.stages) == ["train", "größe"]
    assert known.notices == loaded.notices
    assert known.observed == loaded.observed
    for name, code in loaded.code.items():
        assert known.code[name].digest == code.digest
        assert known.code[name].manifest == code.manifest
        assert [attrs.evolve(entry, via=()) for entry in code.entries] == list(known.code[name].entries)


def test_nothing_is_known_of_a_project_that_was_never_loaded(state: StateDB, tmp_path: Path) -> None:
    assert snapshot.recall(state, project_at(tmp_path)) is None


def test_a_load_that_may_give_something_else_is_not_kept_and_takes_the_place_of_the_one_before(
    state: StateDB, tmp_path: Path
) -> None:
    snapshot.save(state, project_at(tmp_path), loaded_at(tmp_path))
    snapshot.save(state, project_at(tmp_path), loaded_at(tmp_path, problem="it started a process"))
    assert snapshot.recall(state, project_at(tmp_path)) is None


def test_a_source_that_changed_makes_it_void(state: StateDB, tmp_path: Path) -> None:
    snapshot.save(state, project_at(tmp_path), loaded_at(tmp_path))
    (tmp_path / "pipeline.py").write_text("new code")
    assert snapshot.recall(state, project_at(tmp_path)) is None


@pytest.mark.parametrize("settings", [{"pipeline": "other.py"}, {"versions": "none"}])
def test_other_settings_make_it_void(state: StateDB, tmp_path: Path, settings: dict[str, str]) -> None:
    snapshot.save(state, project_at(tmp_path), loaded_at(tmp_path))
    assert snapshot.recall(state, project_at(tmp_path, **settings)) is None


def test_a_fingerprint_of_another_scheme_makes_it_void(state: StateDB, tmp_path: Path) -> None:
    loaded = loaded_at(tmp_path)
    code = {name: attrs.evolve(each, scheme=each.scheme - 1) for name, each in loaded.code.items()}
    snapshot.save(state, project_at(tmp_path), attrs.evolve(loaded, code=code))
    assert snapshot.recall(state, project_at(tmp_path)) is None


@pytest.mark.parametrize("at", [0, 20, 200, -1])
def test_one_damaged_byte_makes_it_void(state: StateDB, tmp_path: Path, at: int) -> None:
    snapshot.save(state, project_at(tmp_path), loaded_at(tmp_path))
    data = bytearray(state.fact("snapshot") or b"")
    data[at] ^= 1
    state.save_fact("snapshot", bytes(data))
    assert snapshot.recall(state, project_at(tmp_path)) is None


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]", b"null", b'{"version": 0}', b'{"version": 1}'])
def test_what_is_none_of_this_version_is_no_snapshot(state: StateDB, tmp_path: Path, text: bytes) -> None:
    state.save_fact("snapshot", hash_bytes(text).encode() + b"\n" + text)
    assert snapshot.recall(state, project_at(tmp_path)) is None
