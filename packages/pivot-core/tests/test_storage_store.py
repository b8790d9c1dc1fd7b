"""Putting files into the store and fetching them back."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_core.config import LinkKind
from pivot_core.errors import PivotError
from pivot_core.model import FileState
from pivot_core.storage import objects
from pivot_core.storage.digests import TREE_SUFFIX, hash_bytes
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.listing import Entry, listing_bytes, read_listing
from pivot_core.storage.objects import Objects
from pivot_core.storage.stamps import FileClock, Stamps
from pivot_core.storage.store import MissingObjectError, ObjectStore

NOWHERE = "xxh3:" + "0" * 32

any_names = pytest.mark.skipif(sys.platform == "darwin", reason="APFS takes only UTF-8 names, and folds case")


class Place:
    """A project with a store."""

    def __init__(self, root: Path, link: LinkKind = "auto", ignore: Ignore | None = None) -> None:
        self.root = root
        self.cache = root / ".pivot" / "cache"
        self.hasher = Hasher(root, Stamps(), ignore or Ignore(), FileClock(root / ".pivot" / "clock"))
        self.store = ObjectStore(self.cache, self.hasher, link)

    def write(self, path: str, data: bytes = b"1", *, executable: bool = False) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if executable:
            place.chmod(0o755)
        return place

    def put(self, path: str) -> FileState:
        return self.store.put(Path(path))

    def fetch(self, state: FileState, path: str) -> None:
        self.store.fetch(state, Path(path))

    def object_of(self, digest: str) -> Path:
        name = digest.removeprefix("xxh3:")
        return self.cache / name[:2] / name[2:]

    def damage(self, digest: str, data: bytes) -> None:
        self.object_of(digest).chmod(0o644)
        self.object_of(digest).write_bytes(data)

    def objects(self) -> list[str]:
        return sorted(
            f"xxh3:{path.parent.name}{path.name}" for path in self.cache.glob("??/*") if not path.name.startswith(".")
        )

    def litter(self) -> list[Path]:
        return [*self.root.rglob(".pivot-tmp-*"), *self.cache.glob("tmp/*")]

    def look(self, path: str) -> dict[str, object]:
        """All there is at `path`, links not followed."""
        found: dict[str, object] = {}
        for place in [self.root / path, *(self.root / path).rglob("*")]:
            name = place.relative_to(self.root).as_posix()
            mode = place.lstat().st_mode
            if stat.S_ISLNK(mode):
                found[name] = ("link", os.readlink(place))
            elif stat.S_ISDIR(mode):
                found[name] = "directory"
            else:
                found[name] = (place.read_bytes(), bool(mode & stat.S_IXUSR))
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def is_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "can_protect", lambda: True)


@pytest.fixture(params=["auto", "copy", "hardlink"])
def any_link(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path, request.param)


def tree(place: Place) -> None:
    place.write("d/a", b"1")
    place.write("d/sub/b", b"22")
    place.write("d/sub/run", b"#!", executable=True)
    (place.root / "d" / "empty").mkdir()
    (place.root / "d" / "l").symlink_to("sub/b")


def test_what_was_put_can_be_fetched_after_it_is_gone(any_link: Place) -> None:
    path = any_link.write("a", b"hello")
    state = any_link.put("a")
    assert state == FileState(hash_bytes(b"hello"), 5)
    path.unlink()
    any_link.fetch(state, "a")
    assert path.read_bytes() == b"hello"
    assert any_link.hasher.state("a") == state
    assert any_link.litter() == []


def test_a_directory_comes_back_as_it_was(any_link: Place) -> None:
    tree(any_link)
    before = any_link.look("d")
    state = any_link.put("d")
    shutil.rmtree(any_link.root / "d")
    any_link.fetch(state, "d")
    assert any_link.look("d") == before
    assert any_link.hasher.state("d") == state
    assert any_link.litter() == []


def test_objects_are_read_only_and_hold_the_bytes(any_link: Place) -> None:
    any_link.write("a", b"hello", executable=True)
    path = any_link.object_of(any_link.put("a").digest)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert path.read_bytes() == b"hello"


def test_a_listing_is_an_object_beside_its_files(place: Place) -> None:
    tree(place)
    state = place.put("d")
    assert {entry.path for entry in read_listing(place.object_of(state.digest).read_bytes())} == {
        "a",
        "sub/b",
        "sub/run",
        "empty",
        "l",
    }
    assert place.store.missing([state.digest]) == set()


def test_paths_may_be_absolute(place: Place) -> None:
    path = place.write("sub/a")
    state = place.store.put(path)
    path.unlink()
    place.store.fetch(state, path)
    assert path.read_bytes() == b"1"


def test_putting_what_is_there_writes_nothing(place: Place) -> None:
    place.write("a")
    inode = place.object_of(place.put("a").digest).stat().st_ino
    place.write("b")
    assert place.object_of(place.put("b").digest).stat().st_ino == inode


def test_putting_nothing_is_an_error(place: Place) -> None:
    with pytest.raises(PivotError, match="a: does not exist"):
        place.put("a")


def test_missing_objects_are_told_apart(place: Place) -> None:
    tree(place)
    state = place.put("d")
    place.write("x", b"other")
    there = place.put("x").digest
    place.object_of(hash_bytes(b"22")).unlink()
    wanted = [state.digest, hash_bytes(b"22"), there, NOWHERE, NOWHERE + TREE_SUFFIX, "nonsense", "xxh3:../../etc"]
    assert place.store.missing(wanted) == set(wanted) - {there}


def test_an_object_cut_to_nothing_is_missing(place: Place) -> None:
    """As a power failure can leave it."""
    place.write("a", b"hello")
    place.write("empty", b"")
    digests = [place.put("a").digest, place.put("empty").digest]
    place.damage(digests[0], b"")
    assert place.store.missing(digests) == {digests[0]}


def test_putting_mends_an_object_of_the_wrong_size(place: Place) -> None:
    place.write("a", b"hello")
    state = place.put("a")
    place.damage(state.digest, b"hel")
    place.put("a")
    assert place.object_of(state.digest).read_bytes() == b"hello"


def test_fetching_an_object_that_is_gone_names_it_and_changes_nothing(place: Place) -> None:
    place.write("a", b"mine")
    with pytest.raises(MissingObjectError, match=rf"a: .*{NOWHERE}"):
        place.fetch(FileState(NOWHERE, 1), "a")
    assert place.look("a") == {"a": (b"mine", False)}
    assert place.litter() == []


def test_a_damaged_object_is_never_restored_and_set_aside(any_link: Place) -> None:
    any_link.write("a", b"hello")
    state = any_link.put("a")
    (any_link.root / "a").unlink()
    any_link.damage(state.digest, b"HELLO")
    with pytest.raises(MissingObjectError, match=f"a: .*{state.digest}.* damaged"):
        any_link.fetch(state, "a")
    assert not (any_link.root / "a").exists()
    assert any_link.store.missing([state.digest]) == {state.digest}
    assert [path.read_bytes() for path in any_link.cache.glob("damaged/*")] == [b"HELLO"]
    any_link.write("a", b"hello")
    assert any_link.put("a") == state
    assert any_link.object_of(state.digest).read_bytes() == b"hello"


def test_a_damaged_member_leaves_the_directory_as_it_was(any_link: Place) -> None:
    tree(any_link)
    state = any_link.put("d")
    any_link.damage(hash_bytes(b"22"), b"XX")
    shutil.rmtree(any_link.root / "d")
    any_link.write("d/mine", b"new")
    with pytest.raises(MissingObjectError, match="d/sub/b"):
        any_link.fetch(state, "d")
    assert any_link.look("d") == {"d": "directory", "d/mine": (b"new", False)}
    assert any_link.store.missing([state.digest]) == {state.digest}
    assert any_link.litter() == []


def test_a_damaged_listing_is_missing(place: Place) -> None:
    tree(place)
    state = place.put("d")
    place.damage(state.digest, b"x" * place.object_of(state.digest).stat().st_size)
    assert place.store.missing([state.digest]) == {state.digest}


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


def test_an_executable_comes_back_executable_and_a_plain_file_plain(any_link: Place) -> None:
    """Each also where the same bytes are there, with the other mode."""
    for executable in (True, False):
        path = any_link.write("tool", b"#!", executable=executable)
        state = any_link.put("tool")
        assert state.executable is executable
        path.unlink()
        any_link.fetch(state, "tool")
        assert bool(path.stat().st_mode & stat.S_IXUSR) is executable
        path.unlink()
        any_link.write("tool", b"#!", executable=not executable)
        any_link.fetch(state, "tool")
        assert bool(path.stat().st_mode & stat.S_IXUSR) is executable
        path.unlink()


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


def test_a_directory_that_holds_something_ignored_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    place = Place(tmp_path, ignore=Ignore.parse(["*.keep"]))
    place.write("w")
    state = place.put("w")
    place.write("o/mine.keep")
    with pytest.raises(PivotError, match="o: cannot be restored"):
        place.fetch(state, "o")
    assert (tmp_path / "o" / "mine.keep").exists()


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


def test_what_is_the_same_already_is_left_alone(place: Place) -> None:
    tree(place)
    place.write("a", b"hello")
    states = {"a": place.put("a"), "d": place.put("d")}
    before = {path: path.lstat() for path in place.root.rglob("*") if ".pivot" not in path.parts}
    for path, state in states.items():
        place.fetch(state, path)
    assert {path: path.lstat() for path in before} == before


def test_a_directory_is_brought_to_the_listing_and_keeps_what_is_right(place: Place) -> None:
    tree(place)
    state, before = place.put("d"), place.look("d")
    kept = (place.root / "d" / "a").stat().st_ino
    place.write("d/extra/deep/x")
    place.write("d/sub/b", b"XX")
    (place.root / "d" / "sub" / "run").chmod(0o644)
    (place.root / "d" / "empty").rmdir()
    (place.root / "d" / "l").unlink()
    place.write("d/l", b"no link")
    place.fetch(state, "d")
    assert place.look("d") == before
    assert (place.root / "d" / "a").stat().st_ino == kept
    assert place.litter() == []


def test_ignored_files_survive_a_restore(tmp_path: Path) -> None:
    place = Place(tmp_path, ignore=Ignore.parse(["*.keep", "mine/"]))
    tree(place)
    state = place.put("d")
    place.write("d/extra/a.keep", b"k")
    place.write("d/mine/x", b"m")
    place.write("d/extra/b")
    place.write("d/__pycache__/c")
    place.write("d/gone/a~")
    place.fetch(state, "d")
    look = place.look("d")
    assert look["d/extra/a.keep"] == (b"k", False)
    assert look["d/mine/x"] == (b"m", False)
    assert "d/__pycache__/c" in look
    assert not {"d/extra/b", "d/gone"} & look.keys()
    assert place.hasher.state("d") == FileState(state.digest, state.size, state.files)


def mess(place: Place, kind: str) -> None:
    path = place.root / "o"
    match kind:
        case "file":
            path.write_bytes(b"old")
        case "directory":
            place.write("o/x/y")
        case "link":
            place.write("target", b"target")
            path.symlink_to("target")
        case "link to directory":
            place.write("target/a", b"target")
            path.symlink_to("target")
        case "dangling":
            path.symlink_to("nowhere")
        case "pipe":
            os.mkfifo(path)


KINDS = ["nothing", "file", "directory", "link", "link to directory", "dangling", "pipe"]


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("wanted", ["file", "directory"])
def test_whatever_is_in_the_place_is_replaced_and_links_are_not_followed(place: Place, there: str, wanted: str) -> None:
    if wanted == "file":
        place.write("w", b"new")
    else:
        place.write("w/a/b", b"new")
    state = place.put("w")
    mess(place, there)
    place.fetch(state, "o")
    look = {path.replace("o", "w", 1): what for path, what in place.look("o").items()}
    assert look == place.look("w")
    if there.startswith("link"):
        assert place.look("target").popitem()[1] == (b"target", False)


def test_a_link_inside_the_place_does_not_lead_a_restore_out_of_it(place: Place, tmp_path: Path) -> None:
    place.write("d/sub/a", b"new")
    state = place.put("d")
    shutil.rmtree(place.root / "d" / "sub")
    place.write("precious/a", b"old")
    place.write("precious/keep", b"old")
    (place.root / "d" / "sub").symlink_to("../precious")
    place.fetch(state, "d")
    assert place.look("d")["d/sub"] == "directory"
    assert place.look("precious") == {
        "precious": "directory",
        "precious/a": (b"old", False),
        "precious/keep": (b"old", False),
    }


@pytest.mark.parametrize("path", ["../x", "/etc/x", ".", ".pivot/x", ".git/hooks/x", "a/../../x"])
def test_nothing_is_restored_outside_of_the_project(place: Place, path: str) -> None:
    place.write("a")
    with pytest.raises(PivotError, match="outside of the project"):
        place.fetch(place.put("a"), path)


@pytest.mark.parametrize(
    "entries",
    [
        [Entry("../evil", hash_bytes(b"1"), 1)],
        [Entry("/tmp/evil", hash_bytes(b"1"), 1)],
        [Entry("l", link="/tmp"), Entry("l/evil", hash_bytes(b"1"), 1)],
    ],
)
def test_a_listing_that_reaches_out_is_refused(place: Place, entries: list[Entry]) -> None:
    place.write("a", b"1")
    place.put("a")
    data = listing_bytes(entries)
    digest = hash_bytes(data) + TREE_SUFFIX
    Objects(place.cache, "copy").add_bytes(digest, data)
    with pytest.raises(PivotError, match="refused"):
        place.fetch(FileState(digest, 1, 1), "d")
    assert not (place.root / "d").exists()


def test_an_object_that_is_a_link_is_not_followed(place: Place) -> None:
    place.write("a", b"hello")
    state = place.put("a")
    (place.root / "a").unlink()
    place.object_of(state.digest).unlink()
    place.write("secret", b"hello")
    place.object_of(state.digest).symlink_to(place.root / "secret")
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


def test_a_file_that_changes_while_it_is_put_is_an_error(any_link: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = any_link.write("a", b"hello")
    real = any_link.hasher.contents

    def change_after(name: str) -> object:
        contents = real(name)
        path.write_bytes(b"HELLO")
        return contents

    monkeypatch.setattr(any_link.hasher, "contents", change_after)
    with pytest.raises(PivotError, match="a: changed while it was being stored"):
        any_link.put("a")
    assert any_link.objects() == []
    assert any_link.litter() == []


def test_a_file_that_vanishes_while_its_directory_is_put_is_an_error(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(place)
    real = place.hasher.contents

    def remove_after(name: str) -> object:
        contents = real(name)
        (place.root / "d" / "sub" / "b").unlink()
        return contents

    monkeypatch.setattr(place.hasher, "contents", remove_after)
    with pytest.raises(PivotError, match=r"d: cannot be stored: No such file or directory .*sub/b"):
        place.put("d")
    assert not any(digest.endswith(TREE_SUFFIX) for digest in place.objects())


@pytest.mark.parametrize("function", ["copy_descriptor"])
def test_a_full_disk_leaves_no_half_object(place: Place, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    place.write("a", b"hello")
    state = place.put("a")

    def full(source: int, target: int) -> str:
        os.write(target, b"hel")
        raise OSError(errno.ENOSPC, "No space left on device")

    place.write("b", b"other")
    (place.root / "a").unlink()
    monkeypatch.setattr(f"pivot_core.storage.objects.{function}", full)
    with pytest.raises(PivotError, match="b: cannot be stored: the disk is full"):
        place.put("b")
    with pytest.raises(PivotError, match="a: cannot be restored: the disk is full"):
        place.fetch(state, "a")
    assert place.objects() == [state.digest]
    assert not (place.root / "a").exists()
    assert place.litter() == []


def test_a_really_full_disk_is_an_error(tmp_path: Path) -> None:
    """The same with the kernel's own refusal: a limit on the size of files."""
    import resource
    import signal

    place = Place(tmp_path, "copy")
    place.write("a", b"x" * 100_000)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    old_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old_limit[1]))
        with pytest.raises(PivotError, match="a: cannot be stored: File too large"):
            place.put("a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_handler)
    assert place.objects() == []
    assert place.litter() == []


def test_what_the_store_has_not_is_saved_before_it_is_lost(place: Place) -> None:
    place.write("a", b"by hand")
    saved = place.store.save_unknown(Path("a"))
    assert saved is not None
    assert place.object_of(saved.digest).read_bytes() == b"by hand"
    assert place.store.save_unknown(Path("a")) is None
    assert place.store.save_unknown(Path("nothing")) is None


def test_threads_may_put_and_fetch_the_same_things(place: Place) -> None:
    tree(place)
    states: list[FileState] = []

    def work(number: int) -> None:
        for _ in range(10):
            states.append(place.put("d"))
            place.fetch(states[0], f"copy{number}")

    run_in_threads([lambda number=number: work(number) for number in range(4)])  # type: ignore[misc] # bound above
    assert len(set(states)) == 1
    assert place.litter() == []


def run_in_threads(work: list[Callable[[], None]]) -> None:
    errors: list[BaseException] = []

    def guarded(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


PUT_FOREVER = """
import sys, itertools
from pathlib import Path
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.stamps import FileClock, Stamps
from pivot_core.storage.store import ObjectStore
root, name = Path(sys.argv[1]), sys.argv[2]
hasher = Hasher(root, Stamps(), Ignore(), FileClock(root / ".pivot" / name))
store = ObjectStore(root / ".pivot" / "cache", hasher)
print(flush=True)
for number in itertools.count():
    (root / name).mkdir(exist_ok=True)
    for part in range(5):
        (root / name / str(part)).write_bytes(b"%d %d " % (number, part) * 20_000)
    store.put(root / name)
    store.fetch(store.put(root / name), root / (name + "-copy"))
"""


def test_killing_writers_leaves_only_whole_objects(place: Place) -> None:
    """Two processes put the same things and are killed at any moment: what is there can be fetched."""
    for round_ in range(4):
        command = [sys.executable, "-c", PUT_FOREVER, str(place.root)]
        writers = [subprocess.Popen([*command, f"w{n}"], stdout=subprocess.PIPE) for n in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        threading.Event().wait(0.02 * (round_ + 1))
        for writer in writers:
            writer.kill()
            writer.communicate()
        for digest in place.objects():
            data = place.object_of(digest).read_bytes()
            assert hash_bytes(data) == digest.removesuffix(TREE_SUFFIX)
        trees = [digest for digest in place.objects() if digest.endswith(TREE_SUFFIX)]
        assert place.store.missing(trees) == set()
        for digest in trees[:2]:
            place.fetch(FileState(digest, 0, 5), "w0-copy")
            assert place.hasher.state("w0-copy") is not None
        place.store.clean()
        assert list(place.root.rglob(".pivot-tmp-*")) == []
        assert list(place.cache.glob("tmp/*.mark")) == []


def test_a_directory_where_an_object_should_be_is_set_aside(place: Place) -> None:
    place.write("a")
    state = place.put("a")
    place.object_of(state.digest).unlink()
    place.object_of(state.digest).mkdir()
    place.put("a")
    assert place.object_of(state.digest).read_bytes() == b"1"
    assert [path.is_dir() for path in (place.cache / "damaged").iterdir()] == [True]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere it cannot be asked whether a process is there")
def test_what_a_writer_left_that_is_gone_is_cleaned_at_once(place: Place) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    host = os.uname().nodename
    left, ours, elsewhere = (f"{child.pid}-0123-{host}", f"{os.getpid()}-0123-{host}", f"{child.pid}-0123-elsewhere")
    for name in (left, ours, elsewhere, "notes"):
        place.write(f".pivot/cache/tmp/{name}")
    place.store.clean()
    assert sorted(path.name for path in (place.cache / "tmp").iterdir()) == sorted([ours, elsewhere, "notes"])


def test_what_killed_writers_left_is_cleaned_when_it_is_old(place: Place) -> None:
    place.write("a")
    place.put("a")
    for name in ("old", "new"):
        place.write(f".pivot/cache/tmp/{name}")
    os.utime(place.cache / "tmp" / "old", (0, 0))
    place.store.clean()
    assert [path.name for path in place.cache.glob("tmp/*")] == ["new"]


RESTORE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from pivot_core.model import FileState
from pivot_core.storage import restore
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.stamps import FileClock, Stamps
from pivot_core.storage.store import ObjectStore
root, digest, path = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
real = restore.remove
def die(*args):  # everything is in place, only the temporary is still there
    os.kill(os.getpid(), signal.SIGKILL)
restore.remove = die
hasher = Hasher(root, Stamps(), Ignore(), FileClock(root / ".pivot" / "clock"))
ObjectStore(root / ".pivot" / "cache", hasher).fetch(FileState(digest, 0), root / path)
"""


def test_what_a_restore_left_that_was_killed_when_all_was_done_is_cleaned(place: Place) -> None:
    """Nobody fetches that path again, since what is there is right."""
    tree(place)
    state = place.put("d")
    place.write("d/sub/b", b"changed")
    command = [sys.executable, "-c", RESTORE_AND_DIE, str(place.root), state.digest, "d"]
    assert subprocess.run(command, check=False).returncode == -9
    assert len(list(place.root.glob(".pivot-tmp-*"))) == 1
    assert place.hasher.state("d") == state
    place.fetch(state, "d")
    place.store.clean()
    assert place.litter() == []


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "{root}/precious", "{root}/../.pivot-tmp-x", "{root}/out/.pivot-tmp-x", ""]
)
def test_a_mark_removes_nothing_but_temporaries_in_the_project(tmp_path: Path, text: str) -> None:
    place = Place(tmp_path / "project")
    (tmp_path / ".pivot-tmp-x").mkdir()
    place.write("precious")
    (place.root / "out").symlink_to(tmp_path)
    Objects(place.cache, "copy").mark(text.format(root=place.root))
    place.store.clean()
    assert (tmp_path / ".pivot-tmp-x").is_dir()
    assert (place.root / "precious").exists()


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0") | st.just("\udcff"), min_size=1, max_size=8
).filter(lambda name: name not in (".", "..") and not Ignore().ignored(name, directory=True))

BYTES = st.binary(max_size=5)


@any_names
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.tuples(NAMES, NAMES), BYTES, max_size=4), st.dictionaries(NAMES, BYTES, max_size=3))
def test_any_directory_replaces_any_other(
    tmp_path: Path, deep: dict[tuple[str, str], bytes], flat: dict[str, bytes]
) -> None:
    place = Place(tmp_path)
    shutil.rmtree(tmp_path / "d", ignore_errors=True)
    shutil.rmtree(tmp_path / "e", ignore_errors=True)
    (tmp_path / "d").mkdir()
    (tmp_path / "e").mkdir()
    for (first, second), data in deep.items():
        place.write(f"d/{first}/{second}", data)
    for name, data in flat.items():
        place.write(f"e/{name}", data)
    d, e = place.put("d"), place.put("e")
    place.fetch(d, "e")
    assert place.hasher.state("e") == d
    place.fetch(e, "e")
    assert place.hasher.state("e") == e
    assert place.litter() == []


def test_names_of_the_longest_kind_can_be_restored(place: Place) -> None:
    name = "x" * 255
    path = place.write(name)
    state = place.put(name)
    path.unlink()
    place.fetch(state, name)
    assert path.read_bytes() == b"1"
