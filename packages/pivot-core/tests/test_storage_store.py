"""Putting files into the store, what is missing of it, and whoever is killed meanwhile."""

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
from pivot_core.errors import PivotError
from pivot_core.model import FileState
from pivot_core.storage.digests import TREE_SUFFIX, hash_bytes
from pivot_core.storage.listing import read_listing
from pivot_core.storage.store import MissingObjectError
from placing import NOWHERE, Place, tree


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


def test_putting_a_link_to_nowhere_says_where_it_leads(place: Place) -> None:
    (place.root / "a").symlink_to("gone/b")
    with pytest.raises(PivotError, match="a: a link to 'gone/b', which leads nowhere"):
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


def test_an_object_that_is_a_link_is_not_followed(place: Place) -> None:
    place.write("a", b"hello")
    state = place.put("a")
    (place.root / "a").unlink()
    place.object_of(state.digest).unlink()
    place.write("secret", b"hello")
    place.object_of(state.digest).symlink_to(place.root / "secret")
    with pytest.raises(MissingObjectError):
        place.fetch(state, "a")


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
