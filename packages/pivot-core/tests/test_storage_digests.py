"""Digests and listings."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from pivot_core.storage.digests import CHUNK, copy_descriptor, hash_bytes, hash_descriptor, object_name
from pivot_core.storage.listing import Entry, ListingError, listing_bytes, listing_state, read_listing

NAME = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0") | st.sampled_from("\udc80\udcff\n\u2028\x85"), min_size=1
).filter(lambda name: name not in (".", ".."))
DIGEST = st.binary(max_size=4).map(hash_bytes)


def entries_from(paths: list[tuple[str, ...]], draw: st.DataObject) -> list[Entry]:
    """Entries at `paths`, without those that lie inside another."""
    texts = sorted({"/".join(path) for path in paths})
    leaves = [text for text in texts if not any(other.startswith(f"{text}/") for other in texts)]
    kinds = st.one_of(
        st.builds(lambda d, n, x: {"digest": d, "size": n, "executable": x}, DIGEST, st.integers(0), st.booleans()),
        st.builds(lambda target: {"link": target}, NAME),
        st.just({}),
    )
    return [Entry(leaf, **draw.draw(kinds)) for leaf in leaves]


@given(st.lists(st.lists(NAME, min_size=1, max_size=3).map(tuple), max_size=6), st.data())
def test_a_listing_reads_back_as_it_was_whatever_the_names(paths: list[tuple[str, ...]], data: st.DataObject) -> None:
    entries = entries_from(paths, data)
    assert sorted(read_listing(listing_bytes(entries)), key=lambda entry: entry.path) == entries


@given(
    st.permutations([Entry("a/b", hash_bytes(b"1"), 1), Entry("c", link="a"), Entry("d"), Entry("B", hash_bytes(b""))])
)
def test_the_order_of_entries_does_not_change_the_digest(entries: list[Entry]) -> None:
    assert listing_state(entries) == listing_state(sorted(entries, key=lambda entry: entry.path))


def test_everything_a_directory_can_hold_counts_in_its_digest() -> None:
    one = hash_bytes(b"1")
    variants = [
        [],
        [Entry("a", one, 1)],
        [Entry("b", one, 1)],
        [Entry("a", hash_bytes(b"2"), 1)],
        [Entry("a", one, 1, executable=True)],
        [Entry("a", link="b")],
        [Entry("a", link="c")],
        [Entry("a")],
        [Entry("a/a", one, 1)],
    ]
    assert len({listing_state(entries).digest for entries in variants}) == len(variants)


def test_the_state_of_a_listing_counts_files_and_their_bytes() -> None:
    state = listing_state(
        [Entry("a", hash_bytes(b"1"), 3), Entry("l", link="a"), Entry("e"), Entry("b", hash_bytes(b"2"), 4)]
    )
    assert (state.size, state.files, state.is_directory) == (7, 2, True)


DIGEST_TEXT = "xxh3:" + "0" * 32


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a//b", "./a", "a/.", "..", ".", "", "a/", "a\0b"]
)
def test_a_path_that_could_leave_the_directory_is_refused(path: str) -> None:
    with pytest.raises(ListingError, match="unsafe"):
        read_listing(listing_bytes([Entry(path, DIGEST_TEXT, 1)]))


@pytest.mark.parametrize("above", [Entry("a", link="/etc"), Entry("a", DIGEST_TEXT, 1), Entry("a")])
def test_an_entry_inside_what_is_no_directory_is_refused(above: Entry) -> None:
    with pytest.raises(ListingError):
        read_listing(listing_bytes([above, Entry("a/b/passwd", DIGEST_TEXT, 1)]))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"{",
        b"[1]\n",
        b"null\n",
        b'{"path": "a"}\n',
        b'{"path": 1, "directory": true}\n',
        b'{"path": "a", "digest": "md5:1", "size": 1}\n',
        b'{"path": "a", "digest": "xxh3:../../../../../../../etc/passwd00", "size": 1}\n',
        b'{"path": "a", "digest": "xxh3:00000000000000000000000000000000", "size": -1}\n',
        b'{"path": "a", "digest": "xxh3:00000000000000000000000000000000", "size": 1, "mode": 1}\n',
        b'{"path": "a", "link": ""}\n',
        b'{"path": "a", "directory": true}\n{"path": "a", "directory": true}\n',
        b"[" * 100_000,
    ],
)
def test_what_is_no_listing_is_refused(data: bytes) -> None:
    with pytest.raises(ListingError):
        read_listing(data)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_file_has_the_digest_of_its_bytes_whatever_size_was_expected(tmp_path: Path, size: int) -> None:
    data = (string.ascii_letters.encode() * (size // 52 + 1))[:size]
    (tmp_path / "file").write_bytes(data)
    wanted = "xxh3:" + xxhash.xxh3_128_hexdigest(data)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        for expected in (0, size - 1, size, size + 1, size + CHUNK):
            assert hash_descriptor(descriptor, max(expected, 0)) == wanted
        os.lseek(descriptor, 0, os.SEEK_SET)
        target = os.open(tmp_path / "copy", os.O_WRONLY | os.O_CREAT)
        assert copy_descriptor(descriptor, target) == wanted
        os.close(target)
    finally:
        os.close(descriptor)
    assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.parametrize(
    "text", ["", "xxh3:", "xxh3:" + "g" * 32, "xxh3:" + "0" * 31, "md5:" + "0" * 32, "xxh3:" + "0" * 32 + "\n"]
)
def test_other_text_is_no_digest(text: str) -> None:
    assert object_name(text) is None
