"""The nouns of Pivot: stages, what they read and write, and what is known about files.

All are plain frozen data: they cross process borders as they are. Paths are posix text relative to the project root,
without a trailing slash; only deps may lie outside the root, and those are absolute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

type Json = Any  # None, bool, int, float, str, or a list or str-keyed mapping of these
type Digest = str  # "xxh3:<32 hex digits>", with the suffix ".tree" for a directory

GLOB_CHARACTERS = frozenset("*?[")


@attrs.frozen
class Location:
    """A line of a file, the file as users know it: relative to the project root where it lies inside."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@attrs.frozen
class FunctionAction:
    """Run a Python function of the project."""

    module: str
    qualname: str


type Action = FunctionAction


@attrs.frozen
class Dep:
    """A file, directory or glob that a stage reads."""

    path: str

    @property
    def is_glob(self) -> bool:
        return not GLOB_CHARACTERS.isdisjoint(self.path)


@attrs.frozen
class Out:
    """A file or directory that a stage writes. With `cache=False` the store does not keep it, and git is not told to
    ignore it: it is never restored, so a stage without it runs.

    `is_directory` says that only a directory will do, as a slash at the end of the path does where stages are declared.
    """

    path: str
    kind: Literal["out"] = "out"
    cache: bool = True
    is_directory: bool = False


@attrs.frozen
class Stage:
    """One step of a pipeline: an action with what it reads, writes and is parametrised by."""

    name: str
    action: Action
    deps: tuple[Dep, ...] = ()
    outs: tuple[Out, ...] = ()
    params: Mapping[str, Json] = attrs.field(factory=dict, hash=False)
    location: Location = Location("", 0)

    @property
    def is_cached(self) -> bool:
        """Whether the run cache may know runs of it."""
        return bool(self.outs) and all(out.cache for out in self.outs)


@attrs.frozen
class FileState:
    """What is known of the bytes at a path: digest, size in bytes, and for a directory the number of files.

    `link` is the target text where an out is itself a symbolic link. For a directory, the listing that its digest is
    taken of says which files are `executable`.
    """

    digest: Digest
    size: int
    files: int | None = None
    link: str | None = None
    executable: bool = False

    @property
    def identity(self) -> str:
        """What differs wherever anything differs that counts: the digest, and whether the file can be executed."""
        return f"{self.digest} executable" if self.executable else self.digest

    @property
    def is_directory(self) -> bool:
        return self.digest.endswith(".tree")


@attrs.frozen
class Accepted:
    """The code that really made the outs of a record, where the user said that other code is equivalent."""

    code: Digest
    scheme: str


@attrs.frozen
class Record:
    """What the lock file of a stage says: the last run that this stage's outs came from."""

    stage: str
    code: Digest
    manifest: Mapping[str, str] = attrs.field(hash=False)
    params: Mapping[str, Json] = attrs.field(hash=False)
    deps: Mapping[str, FileState] = attrs.field(hash=False)
    outs: Mapping[str, FileState] = attrs.field(hash=False)
    scheme: str = ""  # of the fingerprint: "<scheme>/<python version>"; digests of other schemes cannot be compared
    accepted: Accepted | None = None
