"""Every row of docs/decisions.md, in a real workspace."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import attrs
import pytest
from pivot_core.errors import PipelineError
from pivot_core.project import Project
from pivot_core.testing import make_loaded, make_stage, run_here
from pivot_core.workspace import Workspace

PAGE = Path(__file__).parents[3] / "docs" / "decisions.md"
OUTS = ("there", "missing", "edited")
STORES = ("full", "empty")


@attrs.frozen
class Row:
    lock: str
    code: str
    params: str
    deps: str
    outs: str
    store: str
    does: str
    reasons: tuple[str, ...]


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][2:]
    found = []
    for line in lines:
        *cells, because = (cell.strip() for cell in line.strip("|").split("|"))
        lock, code, params, deps, outs, store, does = cells
        reasons = tuple(filter(None, because.split(", ")))
        for out, kept in itertools.product(OUTS if outs == "any" else [outs], STORES if store == "any" else [store]):
            found.append(Row(lock, code, params, deps, out, kept, does, reasons))
    return found


class World:
    """A project with one stage, whose out tells what it was made from."""

    def __init__(self, root: Path, row: Row) -> None:
        self.project = Project(root)
        self.row = row
        self.ran = 0

    def workspace(self, code: str, params: str, deps: str) -> Workspace:
        self.expected = f"{code} {params} {deps}"
        dep = self.project.root / "in.txt"
        dep.unlink(missing_ok=True)
        if deps != "missing":
            dep.write_text(deps)
        outs = [] if self.row.outs == "none" else ["out.txt"]
        return Workspace(self.project, make_loaded(make_stage("make", ["in.txt"], outs, p=params), make=code))

    def run(self, code: str, params: str, deps: str) -> str:
        with self.workspace(code, params, deps) as workspace:
            return run_here(workspace, {"make": self.write})["make"]

    def write(self) -> None:
        self.ran += 1
        if self.row.outs != "none":
            (self.project.root / "out.txt").write_text(self.expected)


def arrange(world: World) -> None:
    """An earlier run, the last run, and then what the row says of lock, outs and store."""
    row, root = world.row, world.project.root
    inputs = (row.code, row.params, row.deps)
    if "earlier" in inputs:
        world.run(*("earlier" if value == "earlier" else "same" for value in inputs))
    world.run("same", "same", "same")
    lock = root / ".pivot" / "stages" / "make.lock"
    if row.lock == "absent":
        lock.unlink()
    elif row.lock == "damaged":
        lock.write_bytes(lock.read_bytes()[:-30])
    if row.outs == "missing":
        (root / "out.txt").unlink()
    elif row.outs == "edited":
        (root / "out.txt").write_text("by hand")
    if row.store == "empty":
        shutil.rmtree(root / ".pivot" / "cache", ignore_errors=True)
    world.ran = 0


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join(attrs.astuple(row)[:6]))
def test_the_table_tells_what_happens(row: Row, tmp_path: Path) -> None:
    world = World(tmp_path, row)
    arrange(world)
    inputs = (row.code, row.params, row.deps)
    with world.workspace(*inputs) as workspace:
        planned = workspace.plan()["make"]
        found = [reason.code for reason in planned.reasons]
        of_outs = {"missing": ["out_missing"], "edited": ["out_changed"]}.get(row.outs, [])
        assert found[: len(row.reasons)] == list(row.reasons)
        assert found[len(row.reasons) :] in ([], of_outs)
        if row.does == "error":
            with pytest.raises(PipelineError, match=r"in\.txt"):
                workspace.check()
            with pytest.raises(PipelineError, match=r"in\.txt"):
                workspace.decide("make")
            return
        assert planned.verdict == {"nothing": "up_to_date"}.get(row.does, row.does)
    assert world.run(*inputs) == planned.verdict
    assert world.ran == (row.does == "run")
    if row.outs != "none":
        assert (tmp_path / "out.txt").read_text() == world.expected
    with world.workspace(*inputs) as workspace:
        assert workspace.plan()["make"].verdict == "up_to_date"


def test_the_table_is_there() -> None:
    assert {row.does for row in rows()} == {"nothing", "restore", "run", "error"}
