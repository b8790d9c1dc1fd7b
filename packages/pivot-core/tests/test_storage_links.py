"""Outs that are links, and objects that are in place as hard links or reflinks."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from pivot_core.config import LinkKind
from pivot_core.errors import PivotError
from pivot_core.model import FileState
from pivot_core.storage import objects
from pivot_core.storage.digests import hash_bytes
from pivot_core.storage.store import MissingObjectError
from placing import Place

pytestmark = pytest.mark.usefixtures("is_no_root")


def test_writing_through_a_hard_link_is_seen_and_never_restored(tmp_path: Path) -> None:
    place = Place(tmp_path, "hardlink")
    path = place.write("a", b"right")
    state = place.put("a")
    assert path.stat().st_ino == place.object_of(state.digest).stat().st_ino
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    with path.open("r+b") if os.geteuid() == 0 else _writable(path) as file:
        file.write(b"wrong")
    there = place.hasher.state("a")
    assert there is not None
    assert there.digest == hash_bytes(b"wrong")
    with pytest.raises(MissingObjectError):
        place.fetch(state, "a")
    assert path.read_bytes() == b"wrong"
    assert place.store.missing([state.digest]) == {state.digest}


def test_root_whom_nothing_stops_from_writing_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "can_protect", lambda: False)
    place = Place(tmp_path, "hardlink")
    path = place.write("a", b"right")
    state = place.put("a")
    path.unlink()
    place.fetch(state, "a")
    path.write_bytes(b"wrong")
    assert place.object_of(state.digest).read_bytes() == b"right"


def _writable(path: Path):  # type: ignore[no-untyped-def]
    path.chmod(0o644)
    return path.open("r+b")


def test_a_restored_hard_link_shares_the_object_and_clearing_it_spares_the_object(tmp_path: Path) -> None:
    place = Place(tmp_path, "hardlink")
    path = place.write("a", b"right")
    state = place.put("a")
    path.unlink()
    place.fetch(state, "a")
    assert path.stat().st_ino == place.object_of(state.digest).stat().st_ino
    path.unlink()
    path.write_bytes(b"new")
    assert place.object_of(state.digest).read_bytes() == b"right"


def test_executables_and_files_with_other_links_are_not_hard_linked(tmp_path: Path) -> None:
    place = Place(tmp_path, "hardlink")
    tool = place.write("tool", b"#!", executable=True)
    twin = place.write("twin", b"2")
    os.link(twin, tmp_path / "other")
    for path in (tool, twin):
        assert path.stat().st_ino != place.object_of(place.store.put(path).digest).stat().st_ino
    assert stat.S_IMODE(tool.stat().st_mode) == 0o755
    assert stat.S_IMODE(twin.stat().st_mode) & 0o200


def test_a_file_that_a_link_leads_to_is_not_hard_linked(tmp_path: Path) -> None:
    """It may be anybody's, and must not become read-only."""
    place = Place(tmp_path / "project", "hardlink")
    theirs = [tmp_path / "outside", tmp_path / "directory" / "x", place.write("own", b"3")]
    theirs[1].parent.mkdir()
    for number, path in enumerate(theirs):
        path.write_bytes(b"%d" % number)
    (place.root / "d").mkdir()
    (place.root / "d" / "outside").symlink_to(theirs[0])
    (place.root / "d" / "directory").symlink_to(theirs[1].parent)
    (place.root / "latest").symlink_to("own")
    place.put("d")
    place.put("latest")
    assert [(path.stat().st_nlink, path.stat().st_mode & 0o200) for path in theirs] == [(1, 0o200)] * 3


@pytest.mark.parametrize("link", ["auto", "copy"])
def test_by_default_outs_are_never_hard_links(tmp_path: Path, link: LinkKind) -> None:
    place = Place(tmp_path, link)
    path = place.write("a", b"right")
    state = place.put("a")
    path.unlink()
    place.fetch(state, "a")
    assert path.stat().st_nlink == 1
    with path.open("r+b") as file:
        file.write(b"wrong")
    assert place.object_of(state.digest).read_bytes() == b"right"


def test_reflink_insists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pivot_core.storage.objects.clone", lambda *_: False)
    place = Place(tmp_path, "reflink")
    place.write("a")
    with pytest.raises(PivotError, match="a: the file system cannot make reflinks"):
        place.put("a")
    assert place.objects() == []
    assert place.litter() == []


def test_a_reflink_is_checked_like_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def clone(source: int, target: int) -> bool:
        os.write(target, os.read(source, 1000))
        return True

    monkeypatch.setattr("pivot_core.storage.objects.clone", clone)
    place = Place(tmp_path, "reflink")
    path = place.write("a", b"right")
    state = place.put("a")
    path.unlink()
    place.fetch(state, "a")
    assert path.read_bytes() == b"right"
    place.damage(state.digest, b"wrong")
    path.unlink()
    with pytest.raises(MissingObjectError):
        place.fetch(state, "a")


def test_an_out_that_is_a_link_comes_back_as_a_link(place: Place) -> None:
    place.write("versions/2", b"two")
    link = place.root / "latest"
    link.symlink_to("versions/2")
    state = place.put("latest")
    assert state == FileState(hash_bytes(b"two"), 3, link="versions/2")
    link.unlink()
    place.fetch(state, "latest")
    assert os.readlink(link) == "versions/2"
    inode = link.lstat().st_ino
    place.fetch(state, "latest")
    assert link.lstat().st_ino == inode


@pytest.mark.parametrize("target", ["versions/2", "/etc/hostname", "../outside", "latest", "gone"])
def test_a_link_to_other_bytes_or_out_of_the_project_comes_back_as_a_file(place: Place, target: str) -> None:
    place.write("w", b"two")
    digest = place.put("w").digest
    place.write("versions/2", b"changed")
    place.fetch(FileState(digest, 3, link=target), "latest")
    assert place.look("latest") == {"latest": (b"two", False)}
