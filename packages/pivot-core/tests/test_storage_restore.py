"""Fetching files from the store to where something else may be."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_core.errors import PivotError
from pivot_core.model import FileState
from pivot_core.storage.digests import TREE_SUFFIX, hash_bytes
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.listing import Entry, listing_bytes
from pivot_core.storage.objects import Objects
from placing import Place, any_names, tree


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


def test_a_directory_that_holds_something_ignored_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    place = Place(tmp_path, ignore=Ignore.parse(["*.keep"]))
    place.write("w")
    state = place.put("w")
    place.write("o/mine.keep")
    with pytest.raises(PivotError, match="o: cannot be restored"):
        place.fetch(state, "o")
    assert (tmp_path / "o" / "mine.keep").exists()


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
