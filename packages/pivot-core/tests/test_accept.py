"""Code that the user vouches for: what is recorded, what is refused, and how long it is remembered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from pivot_core import accepting
from pivot_core.accepting import Acceptance
from pivot_core.decide import code_digest
from pivot_core.model import Accepted, Out, Record
from pivot_core.project import Project
from pivot_core.testing import make_code, make_loaded, make_stage, run_here
from pivot_core.workspace import Workspace

FIRST, SECOND = make_stage("first", ["in"], ["mid"], p=1), make_stage("second", ["mid"], ["end"])
OLD = code_digest(make_code(first="old"))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(tmp_path)
    Path("in").write_text("1")
    yield tmp_path
    os.chdir(before)


def work(root: Path, **code: str) -> Workspace:
    return Workspace(Project(root), make_loaded(FIRST, SECOND, **code))


def run(root: Path, **code: str) -> list[str]:
    functions = {"first": lambda: Path("mid").write_text("1"), "second": lambda: Path("end").write_text("1")}
    with work(root, **code) as workspace:
        return list(run_here(workspace, functions).values())


def accept(root: Path, *stages: str, **code: str) -> Acceptance:
    with work(root, **code) as workspace:
        return accepting.accept(workspace, stages)


def lock(root: Path, stage: str = "first") -> Record:
    with work(root) as workspace:
        record = workspace.session.locks.read(stage)
    assert record is not None
    return record


def test_accepting_records_the_code_and_nothing_else(root: Path) -> None:
    run(root, first="old")
    before, new = lock(root), make_code(first="new")
    accept(root, "first", first="new")
    assert lock(root) == attrs.evolve(
        before, code=code_digest(new), manifest=new.manifest, accepted=Accepted(OLD, before.scheme)
    )
    assert run(root, first="new") == ["up_to_date", "up_to_date"]


def test_code_that_is_accepted_again_still_names_what_made_the_outs(root: Path) -> None:
    run(root, first="old")
    accept(root, "first", first="new")
    accept(root, "first", first="newer")
    accepted = lock(root).accepted
    assert accepted is not None
    assert accepted.code == OLD


def test_a_run_takes_the_mark_away(root: Path) -> None:
    run(root, first="old")
    accept(root, "first", first="new")
    assert run(root, first="other") == ["run", "up_to_date"]
    assert lock(root).accepted is None


@pytest.mark.parametrize("how", ["the out is gone", "the code went back and came again"])
def test_a_restore_keeps_the_mark(root: Path, how: str) -> None:
    run(root, first="old")
    accept(root, "first", first="new")
    if how == "the out is gone":
        Path("mid").unlink()
    else:
        assert run(root, first="old") == ["restore", "up_to_date"]
        assert lock(root).accepted is None
    assert run(root, first="new") == ["restore", "up_to_date"]
    assert lock(root).accepted == Accepted(OLD, lock(root).scheme)


def test_what_a_forced_run_made_is_restored_without_the_mark(root: Path) -> None:
    run(root, first="old")
    accept(root, "first", first="new")
    with work(root, first="new") as workspace:
        run_here(workspace, {"first": lambda: Path("mid").write_text("2")}, ["first"], ["first"])
    run(root, first="old")
    run(root, first="new")
    assert Path("mid").read_text() == "2"
    assert lock(root).accepted is None


def test_code_of_another_python_can_be_accepted(root: Path) -> None:
    run(root, first="old")
    loaded = make_loaded(FIRST, SECOND)
    code = {**loaded.code, "first": make_code(first="old", python="3.99")}
    with Workspace(Project(root), attrs.evolve(loaded, code=code)) as workspace:
        assert accepting.accept(workspace, ["first"]).refused == ()
        assert workspace.plan()["first"].verdict == "up_to_date"


def test_a_chain_is_accepted_as_a_whole(root: Path) -> None:
    run(root, first="old", second="old")
    assert accept(root, "first", "second", first="new", second="new").refused == ()
    assert run(root, first="new", second="new") == ["up_to_date", "up_to_date"]


def test_a_stage_whose_upstream_must_run_is_refused(root: Path) -> None:
    run(root, first="old", second="old")
    assert accept(root, "second", first="new", second="new").refused == ("second",)
    assert run(root, first="new", second="old") == ["run", "up_to_date"]


def test_a_stage_that_is_up_to_date_is_left_as_it_is(root: Path) -> None:
    run(root)
    before = lock(root)
    assert accept(root, "first").refused == ()
    assert lock(root) == before


def edit_dep() -> None:
    Path("in").write_text("2")


def remove_dep() -> None:
    Path("in").unlink()


def edit_out() -> None:
    Path("mid").write_text("by hand")


def remove_out() -> None:
    Path("mid").unlink()


def forget() -> None:
    Path(".pivot/stages/first.lock").unlink()


@pytest.mark.parametrize("change", [edit_dep, remove_dep, edit_out, remove_out, forget], ids=lambda f: f.__name__)
def test_where_more_than_code_changed_nothing_is_recorded(root: Path, change: object) -> None:
    run(root, first="old", second="old")
    second = lock(root, "second")
    assert callable(change)
    change()
    refused = accept(root, "first", "second", first="new", second="new").refused
    assert "first" in refused
    assert lock(root, "second") == second


@pytest.mark.parametrize(
    ("field", "value"), [("params", {"p": 2}), ("deps", ()), ("outs", (Out("mid"), Out("more")))], ids=str
)
def test_another_declaration_is_refused(root: Path, field: str, value: Sequence[object]) -> None:
    run(root, first="old")
    declared = attrs.evolve(FIRST, **{field: value})
    with Workspace(Project(root), make_loaded(declared, SECOND, first="new")) as workspace:
        assert accepting.accept(workspace, ["first"]).refused == ("first",)


def test_code_whose_result_is_known_is_refused(root: Path) -> None:
    """It may have been another one: a run restores it, and nobody has to vouch."""
    run(root, first="old")
    run(root, first="new")
    assert accept(root, "first", first="old").refused == ("first",)


def test_outs_that_are_kept_out_of_the_store_can_be_accepted(root: Path) -> None:
    stage = attrs.evolve(FIRST, outs=(Out("mid", cache=False),))
    for code in ("old", "new"):
        with Workspace(Project(root), make_loaded(stage, first=code)) as workspace:
            if code == "old":
                run_here(workspace, {"first": lambda: Path("mid").write_text("1")})
            assert accepting.accept(workspace, ["first"]).refused == ()
            assert workspace.plan()["first"].verdict == "up_to_date"
