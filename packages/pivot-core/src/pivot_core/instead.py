"""What was written in place of outs that a stage did not write, told by the times of files once that has happened."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from pivot_core.enumerating import first_of
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.listing import parents
from pivot_core.storage.stamps import changed_at
from pivot_core.storage.walk import walk

_MOST = 50_000  # things in the project that are looked at
_NAMED = 3
_NAMES: tuple[Callable[[PurePosixPath], str], ...] = (
    lambda path: path.name,
    lambda path: path.name.lower(),
    lambda path: path.stem.lower(),
)
_ALIKE = 0.6  # of 1: how alike paths must be for one to be written for the other


def written_instead(root: Path, ignore: Ignore, missing: Sequence[str], since: int, outs: Collection[str]) -> str:
    """How the sentence "did not write …" goes on: with files that changed under `root`, those that `missing` may mean
    first; "" where that cannot be told.

    `since` is in nanoseconds, by the clock of the file system. What lies in `outs`, those of any stage, does not count.
    """
    changed, whole = _changed(root, ignore, since)
    strange = [path for path in changed if path not in outs and not any(above in outs for above in parents(path))]
    meant = dict.fromkeys(found for path in missing if (found := _meant(path, strange)))
    if meant:
        return f", but {', '.join(meant)}"
    if strange:
        return f"; written while it ran: {first_of(strange, _NAMED)}"
    return "; no other file of the project changed while it ran" if whole else ""


def _changed(root: Path, ignore: Ignore, since: int) -> tuple[list[str], bool]:
    """The files that changed, and whether these are all."""
    changed: list[str] = []
    seen = 0
    try:
        for found in islice(walk(root, ignore), _MOST):
            seen += 1
            if found.stat is not None and changed_at(found.stat) >= since:
                changed.append(found.path)
    except OSError:
        return sorted(changed), False
    return sorted(changed), seen < _MOST


def _meant(path: str, changed: Sequence[str]) -> str:
    """Which of the paths that `changed`, or of the directories above them, was written for `path`; "" if none."""
    candidates = [other for file in changed for other in (file, *parents(file))]
    for part_of in _NAMES:
        wanted = part_of(PurePosixPath(path))
        for other in candidates:
            if part_of(PurePosixPath(other)) == wanted:
                return other
    return next(iter(difflib.get_close_matches(path, changed, 1, _ALIKE)), "")
