"""Names as short as they are unambiguous."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

type Named = tuple[str, str]  # kind, whole name

_DOTTED = frozenset({"func", "class", "value", "import", "mutation", "annotations", "doc"})


def shortened(wanted: Iterable[Named], others: Collection[Named] = ()) -> Mapping[Named, str]:
    """What to call each of `wanted` so that no two of them, and none of `others`, could be meant: "kind:name".

    Dotted Python names lose leading parts; names of files, modules and distributions stay as they are.
    """
    wanted = list(dict.fromkeys(wanted))
    known = set(wanted) | set(others)
    counts = Counter((kind, end) for kind, name in known for end in _endings(kind, name))
    return {
        (kind, name): f"{kind}:{next((end for end in _endings(kind, name) if counts[kind, end] == 1), name)}"
        for kind, name in wanted
    }


def _endings(kind: str, name: str) -> list[str]:
    """The ends of a dotted name, shortest first."""
    if kind not in _DOTTED:
        return [name]
    parts = name.split(".")
    return [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
