"""The listing of a directory: what its digest is taken of, and an object of its own in the store.

One line of JSON an entry, sorted by path. Files carry digest and size, links their target, and empty directories stand
for themselves:

    {"path": "a/run.sh", "digest": "xxh3:…", "size": 12, "executable": true}
    {"path": "empty", "directory": true}
    {"path": "latest", "link": "a"}

Other directories follow from the paths of their files. Text is ASCII with JSON escapes, so names that are not UTF-8
survive. A listing may come from elsewhere, so reading one refuses whatever could reach out of its directory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

import attrs

from pivot_core.model import Digest, FileState
from pivot_core.storage.digests import TREE_SUFFIX, hash_bytes, object_name


@attrs.frozen
class Entry:
    """One line: a file (with a digest), a link (with its target), or else an empty directory."""

    path: str
    digest: Digest = ""
    size: int = 0
    executable: bool = False
    link: str = ""


class ListingError(ValueError):
    """The bytes are not a listing, or one that must not be followed."""


def listing_bytes(entries: Iterable[Entry]) -> bytes:
    """The form that is hashed and stored, whatever the order of `entries`."""
    return "".join(map(_line, sorted(entries, key=lambda entry: entry.path))).encode("ascii")


def listing_state(entries: Collection[Entry], link: str | None = None) -> FileState:
    """What a directory with these entries is, reached by a `link` or not."""
    files = [entry for entry in entries if entry.digest]
    digest = hash_bytes(listing_bytes(entries)) + TREE_SUFFIX
    return FileState(digest, sum(entry.size for entry in files), len(files), link)


def read_listing(data: bytes) -> list[Entry]:
    """The entries of a listing. Raises ListingError."""
    try:
        entries = [_entry(json.loads(line)) for line in data.decode("ascii").splitlines()]
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ListingError(f"not a listing: {error}") from None
    leaves = {entry.path for entry in entries}
    if len(leaves) != len(entries):
        raise ListingError("a path is listed twice")
    for entry in entries:
        for parent in parents(entry.path):
            if parent in leaves:
                raise ListingError(f"{entry.path!r} lies inside {parent!r}, which is no directory")
    return entries


def parents(path: str) -> Iterable[str]:
    """The directories above a relative path, outermost first."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _line(entry: Entry) -> str:
    path = quoted(entry.path)
    if entry.digest:
        executable = ', "executable": true' if entry.executable else ""
        return f'{{"path": {path}, "digest": "{entry.digest}", "size": {entry.size}{executable}}}\n'
    if entry.link:
        return f'{{"path": {path}, "link": {quoted(entry.link)}}}\n'
    return f'{{"path": {path}, "directory": true}}\n'


def _entry(line: Mapping[str, Any] | object) -> Entry:
    match line:
        case {"path": str(path), "digest": str(digest), "size": int(size), **rest} if set(rest) <= {"executable"}:
            name = object_name(digest)
            if name is None or name.endswith(TREE_SUFFIX) or size < 0:
                raise ListingError(f"bad digest or size of {path!r}")
            return Entry(_safe(path), digest, size, executable=bool(rest))
        case {"path": str(path), "link": str(target)} if target and "\0" not in target:
            return Entry(_safe(path), link=target)
        case {"path": str(path), "directory": True}:
            return Entry(_safe(path))
    raise ListingError(f"not an entry: {line!r}")


def _safe(path: str) -> str:
    """`path` if it stays inside its directory on this system; else ListingError."""
    parts = path.split("/")
    if "\0" in path or not {"", ".", ".."}.isdisjoint(parts):
        raise ListingError(f"unsafe path {path!r}")
    if os.name == "nt" and not {"\\", ":"}.isdisjoint(path):
        raise ListingError(f"unsafe path {path!r}")
    return path
