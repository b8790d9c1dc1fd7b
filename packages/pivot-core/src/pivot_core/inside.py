"""What differs inside a directory that changed, as far as it is still known what was in it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from pivot_core.errors import PivotError
from pivot_core.model import Digest
from pivot_core.session import Session
from pivot_core.storage.listing import Entry, listing_state
from pivot_core.storage.stamps import Row


@attrs.frozen
class Inside:
    """What came into a directory, what went, and what is not as it was there; paths as users name them."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def inside(session: Session, path: str, old: Digest, new: Digest) -> Inside | None:
    """What makes the directory at `path` `new` where it was `old`; None where that cannot be told.

    What was in it is known of outs from the store, and of others from the stamps that the last run has left, if no run
    has looked since: what these amount to has to be `old`. Raises PivotError where a file cannot be read.
    """
    contents = session.hasher.contents(path)
    if contents is None or contents[0].digest != new:
        return None
    now = contents[1]
    try:
        before = session.store.listing(old)
    except PivotError:
        before = _by_stamps(session.state.stamps(), path, now)
        if listing_state(before).digest != old:
            return None
    return _compared(path, {entry.path: entry for entry in before}, {entry.path: entry for entry in now})


def _by_stamps(rows: Sequence[Row], path: str, now: Sequence[Entry]) -> list[Entry]:
    """What the directory held by the stamps of its files; all else is taken to be as it is now."""
    top = "" if path == "." else f"{path}/"
    executable = {entry.path for entry in now if entry.executable}
    files = [
        Entry(name, row.digest, row.stamp.size, executable=name in executable)
        for row in rows
        if row.path.startswith(top) and (name := row.path[len(top) :])
    ]
    return [*files, *(entry for entry in now if not entry.digest)]


def _compared(path: str, before: dict[str, Entry], now: dict[str, Entry]) -> Inside:
    def named(names: set[str]) -> tuple[str, ...]:
        return tuple(sorted(f"{path}/{name}" if path != "." else name for name in names))

    return Inside(
        named(now.keys() - before.keys()),
        named(before.keys() - now.keys()),
        named({name for name in before.keys() & now.keys() if before[name] != now[name]}),
    )
