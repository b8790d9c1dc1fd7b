"""What is not followed exactly: entries of fingerprints that have a note, each once, with the stages that use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
from pivot_fingerprint import Entry, Fingerprint


@attrs.frozen
class Coarse:
    """Code, or a value, that counts more coarsely than by what it is; the entry's note says how."""

    entry: Entry
    stages: tuple[str, ...]


def coarse(code: Mapping[str, Fingerprint], stages: Iterable[str]) -> list[Coarse]:
    """Everything that is not followed exactly in the code of `stages`, ordered by its place."""
    entries: dict[str, Entry] = {}
    users: dict[str, list[str]] = {}
    for stage in stages:
        for entry in noted(code[stage]):
            entries.setdefault(entry.key, entry)
            users.setdefault(entry.key, []).append(stage)
    found = [Coarse(entry, tuple(users[key])) for key, entry in entries.items()]
    return sorted(found, key=lambda item: (item.entry.file, item.entry.line, item.entry.key))


def noted(code: Fingerprint) -> Iterator[Entry]:
    """The entries that are not followed exactly."""
    return (entry for entry in code.entries if entry.note)


def to_data(found: Iterable[Coarse]) -> list[dict[str, Any]]:
    """The JSON form: one object for each thing."""
    return [
        {
            "entry": item.entry.key,
            "file": item.entry.file,
            "line": item.entry.line,
            "note": item.entry.note,
            "via": list(item.entry.via),
            "stages": list(item.stages),
        }
        for item in found
    ]


def to_lines(found: Iterable[Coarse]) -> Iterator[str]:
    """The form users read: each thing with its place, what counts instead, and for which stages."""
    for item in found:
        yield f"{place(item.entry)}{item.entry.key}"
        yield f"  {item.entry.note}"
        if item.entry.via:
            yield f"  used by: {item.entry.via[-1]}"
        yield f"  stages: {', '.join(item.stages)}"


def place(entry: Entry) -> str:
    """ "file:line: ", or "" for what is nowhere in particular."""
    return f"{entry.file}:{entry.line}: " if entry.file and entry.line else f"{entry.file}: " if entry.file else ""
