"""Volatile values: those that differ between two loads of the same code, such as the time of loading.

A computed value counts by what it is. So that one like `START = time.time()` does not make stages run for ever, the
pipeline is loaded twice, where that can be done, when a computed value is met for the first time or has another digest
than before; what differs counts by its statements from then on, as long as the code that it rests on stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, Self

import attrs
from pivot_fingerprint import Computed

from pivot_core.observation.model import Observed

if TYPE_CHECKING:
    from pivot_core.storage.state import StateDB

_FACT = "values"


@attrs.frozen
class Compared:
    """What loading twice has told of computed values so far.

    `volatile` has, by "kind:module.name" and what follows for a part of it, the digest of the statements for which that
    differs between loads, and of all the code it rests on. `stable` has the digest of the statements and the value's
    own, for those that came out the same.
    """

    volatile: Mapping[str, tuple[str, str]] = attrs.field(factory=dict, hash=False)
    stable: Mapping[str, tuple[str, str]] = attrs.field(factory=dict, hash=False)

    @property
    def statements(self) -> dict[str, str]:
        """What is volatile, and for which statements."""
        return {name: statements for name, (statements, _) in self.volatile.items()}

    def is_known(self, value: Computed) -> bool:
        """Whether nothing new can be told of `value`: what is volatile of it still is made by the same code, and the
        rest is what it was when it was compared."""
        if "" not in value.volatile and self.stable.get(value.key) != (value.fallback, value.digest):
            return False
        return not any(self._is_outdated(value, part) for part in value.volatile)

    def without_outdated(self, values: Mapping[str, Computed]) -> Self:
        """Without what was volatile when other code made it: that may give the same each time now."""
        outdated = {
            value.key + part for value in values.values() for part in value.volatile if self._is_outdated(value, part)
        }
        kept = {name: said for name, said in self.volatile.items() if name not in outdated}
        return attrs.evolve(self, volatile=kept) if outdated else self

    def _is_outdated(self, value: Computed, part: str) -> bool:
        return self.volatile[value.key + part][1] not in ("", value.code)

    def with_differing(self, values: Mapping[str, Computed], other: Mapping[str, Computed]) -> Self:
        """As told by the `values` of one load and those of the `other`; values that only one has are stable."""
        volatile = {
            value.key + part: self.volatile[value.key + part] for value in values.values() for part in value.volatile
        }
        stable = {}
        for key, value in values.items():
            differing = tuple(_differing(value, other.get(key)))
            volatile.update((key + part, (value.fallback, "")) for part in differing)
            if not differing:
                stable[key] = (value.fallback, value.digest)
        return type(self)(volatile, stable)

    def with_code(self, values: Mapping[str, Computed]) -> Self:
        """With the code that what is newly volatile of `values` rests on."""
        code = {value.key + part: value.code for value in values.values() for part in value.volatile}
        volatile = {
            name: (statements, known or code.get(name, "")) for name, (statements, known) in self.volatile.items()
        }
        return attrs.evolve(self, volatile=volatile)


@attrs.frozen
class SecondLoad:
    """What another load of the same project gave: its computed values, and what it depended on."""

    values: Mapping[str, Computed] = attrs.field(factory=dict, hash=False)
    observed: Observed = attrs.field(factory=Observed)


class LoadAgain(Protocol):
    """Loads the project once more, elsewhere."""

    def __call__(self) -> SecondLoad | None:
        """What that gave; None where it is not to be done now, so that nothing is known. Raises nothing."""


def differing(one: SecondLoad, other: SecondLoad) -> dict[str, Computed]:
    """The values of one load that another gave differently, with the parts for which that is so."""
    found = {}
    for key, value in one.values.items():
        second = other.values.get(key)
        if second is not None and second.fallback == value.fallback and second.digest != value.digest:
            parts = {part: digest for part, digest in value.parts.items() if second.parts.get(part, digest) != digest}
            found[key] = attrs.evolve(value, parts=parts)
    return found


def had_same_inputs(one: Observed, other: Observed) -> bool:
    """Whether all that both loads depended on was the same for them: not so after an edit in between."""
    pairs = (
        (one.files, other.files),
        (one.looked_up, other.looked_up),
        (one.listed, other.listed),
        (one.variables, other.variables),
    )
    return all(path not in after or after[path] == found for before, after in pairs for path, found in before.items())


def notices(values: Mapping[str, Computed]) -> tuple[str, ...]:
    """What to tell of the volatile ones of `values`."""
    return tuple(
        f"{value.name}{part} ({value.file}:{value.line}) differs between two loads of the same code: "
        "it counts by the statement that makes it"
        for _, value in sorted(values.items())
        for part in sorted(value.volatile)
    )


def recall(state: StateDB) -> Compared:
    """What was saved; nothing where that cannot be read."""
    try:
        data = json.loads(state.fact(_FACT) or b"{}")
        return Compared(
            {str(name): (str(statements), str(code)) for name, (statements, code) in data["volatile"].items()},
            {str(name): (str(statements), str(digest)) for name, (statements, digest) in data["stable"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Compared()


def save(state: StateDB, compared: Compared) -> None:
    data = {"volatile": dict(compared.volatile), "stable": dict(compared.stable)}
    state.save_fact(_FACT, json.dumps(data, separators=(",", ":")).encode())


def _differing(value: Computed, other: Computed | None) -> Iterator[str]:
    """The innermost parts of a value that another load gave differently; "" if none says where the difference is."""
    if other is None or other.fallback != value.fallback or other.digest == value.digest:
        return
    parts = [part for part, digest in value.parts.items() if other.parts.get(part, digest) != digest]
    are_all = value.kind == "value" and all(part in parts or _is_inside(part, value.parts) for part in value.parts)
    if are_all or not parts:
        parts = [""]
    for part in parts:
        if not any(_is_inside(inner, (part,)) for inner in parts):
            yield part


def _is_inside(part: str, others: Iterable[str]) -> bool:
    return any(part != other and part.startswith(other) and part[len(other)] in ".[," for other in others)
