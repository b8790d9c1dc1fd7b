"""What a fingerprint is, and its stored form."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Self, overload

import attrs

from pivot_fingerprint.parts import digest_text

SCHEME: Final = 1
"""The version of how digests are made. Digests of different schemes say nothing about each other."""


@attrs.frozen
class Entry:
    """One thing that code depends on."""

    kind: str
    """func, class, value, import, effect, mutation, module, package, annotations, doc, dist, file, missing, root."""
    name: str
    """Module and qualified name."""
    digest: str
    """xxh3_128 of the thing's own content; the version for a distribution."""
    file: str = ""
    """Where it is defined, relative to the project's root; "" if that is nowhere in particular."""
    line: int = 0
    via: tuple[str, ...] = ()
    """The names through which it was reached, the fingerprinted object first."""
    note: str = ""
    """Why it counts more coarsely than by what it is; "" if it does not."""
    fallback: str = ""
    """For a value that is computed: the digest of the statements that do it, which stands in where it is volatile."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"


@attrs.frozen
class Computed:
    """Values that statements compute, as one load gave them: what a name holds, or what a definition holds beside its
    source, such as defaults, attributes and the variables of a closure."""

    kind: str
    name: str
    digest: str
    file: str
    line: int
    fallback: str
    """The digest of the statements that compute it."""
    parts: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """The digests of what it is made of, by what to write after the name: ".attribute", "['key']", ", default of x"."""
    volatile: tuple[str, ...] = ()
    """The parts that were named volatile, "" for all of it: these are not in the digest."""
    code: str = ""
    """Where something is volatile: the digest of all the code that it rests on."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"


class LazyEntries(Sequence[Entry]):
    """As many entries as `count` says, which `make` makes when somebody looks at them. Behaves like a tuple.

    Their manifest may be known before that.
    """

    def __init__(
        self, count: int, make: Callable[[], Iterable[Entry]], manifest: Mapping[str, str] | None = None
    ) -> None:
        self._count = count
        self._make = make
        self._manifest = manifest

    @property
    def manifest(self) -> dict[str, str]:
        """Digests by "kind:name", sorted."""
        return _manifest(self._made) if self._manifest is None else dict(self._manifest)

    @cached_property
    def _made(self) -> tuple[Entry, ...]:
        return _ordered(self._make())

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Entry, ...]: ...
    def __getitem__(self, index: int | slice) -> Entry | tuple[Entry, ...]:
        return self._made[index]

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return self._made == tuple(other) if isinstance(other, tuple | LazyEntries) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._made)

    def __repr__(self) -> str:
        return repr(self._made)

    def __reduce__(self) -> tuple[type, tuple[tuple[Entry, ...]]]:
        return tuple, (self._made,)


@attrs.frozen
class Fingerprint:
    """Everything one object depends on, and one digest over it."""

    digest: str
    entries: Sequence[Entry]
    scheme: int
    python: str
    """major.minor"""

    @classmethod
    def of(cls, entries: Iterable[Entry], python: str) -> Self:
        ordered = _ordered(entries)
        return cls(_digest(_manifest(ordered), python), ordered, SCHEME, python)

    @classmethod
    def lazy(cls, manifest: Mapping[str, str], make: Callable[[], Iterable[Entry]], python: str) -> Self:
        """As `of`, with entries that `make` makes when they are needed; `manifest` has their digests by name."""
        ordered = dict(sorted(manifest.items()))
        return cls(_digest(ordered, python), LazyEntries(len(ordered), make, ordered), SCHEME, python)

    @property
    def manifest(self) -> dict[str, str]:
        """Digests by "kind:name", sorted."""
        return self.entries.manifest if isinstance(self.entries, LazyEntries) else _manifest(self.entries)

    def to_data(self) -> dict[str, Any]:
        """Plain data for a JSON or YAML file; defaults are left out."""
        return {
            "scheme": self.scheme,
            "python": self.python,
            "digest": self.digest,
            "entries": [_entry_data(entry) for entry in self.entries],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_data`. Raises ValueError if `data` is not of that form."""
        try:
            entries = tuple(Entry(**{**item, "via": tuple(item.get("via", ()))}) for item in data["entries"])
            return cls(str(data["digest"]), entries, int(data["scheme"]), str(data["python"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a stored fingerprint: {error}") from error


def _manifest(entries: Iterable[Entry]) -> dict[str, str]:
    return {entry.key: entry.digest for entry in entries}


def _ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.key))


def _digest(manifest: Mapping[str, str], python: str) -> str:
    return digest_text([str(SCHEME), python, *itertools.chain.from_iterable(manifest.items())])


_FIELDS: Final = ("kind", "name", "digest", "file", "line", "note", "fallback")


def _entry_data(entry: Entry) -> dict[str, Any]:
    data: dict[str, Any] = {name: value for name in _FIELDS if (value := getattr(entry, name))}
    if entry.via:
        data["via"] = list(entry.via)
    return data


def merged_digest(digests: Iterable[str]) -> str:
    """One digest for several nodes of one name, in whichever order."""
    return digest_text(sorted(digests))
