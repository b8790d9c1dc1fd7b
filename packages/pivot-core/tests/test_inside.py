"""What changed in a directory is told where it is known for certain what was in it."""

from pathlib import Path

import pytest
from pivot_core.config import Settings
from pivot_core.inside import Inside, inside
from pivot_core.project import Project
from pivot_core.session import Session


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("same", "edited", "gone", "sub/deep"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(name)
    (tmp_path / "data" / "same").chmod(0o755)
    (tmp_path / "data" / "empty").mkdir()
    (tmp_path / "data" / "link").symlink_to("same")
    return Project(tmp_path, Settings())


def _looked(project: Project) -> str:
    """A run looks at the directory; the digest that it has."""
    with Session(project) as session:
        state = session.hasher.state("data")
        session.settle()
    assert state is not None
    return state.digest


def _edit(project: Project) -> None:
    data = project.root / "data"
    (data / "edited").write_text("other")
    (data / "gone").unlink()
    (data / "new").write_text("new")
    (data / "sub" / "deep").write_text("other")


def _told(project: Project, old: str) -> Inside | None:
    with Session(project, readonly=True) as session:
        state = session.hasher.state("data")
        assert state is not None
        return inside(session, "data", old, state.digest)


CHANGED = Inside(("data/new",), ("data/gone",), ("data/edited", "data/sub/deep"))


def test_the_files_that_changed_since_the_last_run_are_told_each_time_it_is_asked(project: Project) -> None:
    old = _looked(project)
    _edit(project)
    assert _told(project, old) == CHANGED
    assert _told(project, old) == CHANGED


def test_nothing_is_told_where_a_run_has_looked_since(project: Project) -> None:
    old = _looked(project)
    _edit(project)
    _looked(project)
    assert _told(project, old) is None


def test_what_was_in_an_out_is_known_from_the_store_whoever_has_looked(project: Project) -> None:
    with Session(project) as session:
        old = session.store.put(project.root / "data").digest
    _edit(project)
    _looked(project)
    assert _told(project, old) == CHANGED


def test_nothing_is_told_of_what_is_not_there_as_it_was_said(project: Project) -> None:
    old = _looked(project)
    _edit(project)
    with Session(project, readonly=True) as session:
        assert inside(session, "data", old, old) is None
        assert inside(session, "nowhere", old, old) is None
