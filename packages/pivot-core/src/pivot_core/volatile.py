"""Volatile values: those that differ between two loads of the same code, such as the time of loading.

A computed value counts by what it is. So that one like `START = time.time()` does not make stages run for ever, the
pipeline is loaded twice, where that can be done, when a computed value is met for the first time or has another digest
than before; what differs counts by its statements from then on, as long as these stay the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, Self

import attrs
from pivot_fingerprint import Entry

from pivot_core.observation.model import Observed

if TYPE_CHECKING:
    from pivot_core.storage.state import StateDB

_FACT = "values"


@attrs.frozen
class Compared:
    """What loading twice has told of computed values so far, by "value:module.NAME".

    `volatile` has the digest of the statements for which the value differs between loads, "" if it does for any;
    `stable` that digest and the value's own, for those that came out the same.
    """

    volatile: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    stable: Mapping[str, tuple[str, str]] = attrs.field(factory=dict, hash=False)

    def is_known(self, value: Entry) -> bool:
        """Whether nothing new can be told of `value`: it is volatile, or still what it was when it was compared."""
        if self.is_volatile(value):
            return True
        return self.stable.get(value.key) == (value.fallback, value.digest)

    def is_volatile(self, value: Entry) -> bool:
        return self.volatile.get(value.key) in ("", value.fallback)

    def with_differing(self, values: Mapping[str, Entry], other: Mapping[str, Entry]) -> Self:
        """As told by the `values` of one load and those of the `other`; values that only one has are stable."""
        volatile = {
            name: value.fallback
            for name, value in values.items()
            if self.is_volatile(value) or _differs(value, other.get(name))
        }
        stable = {name: (value.fallback, value.digest) for name, value in values.items() if name not in volatile}
        return type(self)(volatile, stable)


@attrs.frozen
class SecondLoad:
    """What another load of the same project gave: its computed values, and what it depended on."""

    values: Mapping[str, Entry] = attrs.field(factory=dict, hash=False)
    observed: Observed = attrs.field(factory=Observed)


class LoadAgain(Protocol):
    """Loads the project once more, elsewhere."""

    def __call__(self) -> SecondLoad | None:
        """What that gave; None where it is not to be done now, so that nothing is known. Raises nothing."""


def compare(compared: Compared, values: Mapping[str, Entry], observed: Observed, load_again: LoadAgain) -> Compared:
    """What is known when the pipeline was loaded once more, if any of `values` gives cause for that."""
    if all(compared.is_known(value) for value in values.values()):
        return compared
    second = load_again()
    if second is None or _had_other_inputs(observed, second.observed):
        return compared
    return compared.with_differing(values, second.values)


def notices(compared: Compared, values: Mapping[str, Entry]) -> tuple[str, ...]:
    """What to tell of the volatile ones of `values`."""
    return tuple(
        f"{value.name} ({value.file}:{value.line}) differs between two loads of the same code: "
        "it counts by the statement that makes it"
        for _, value in sorted(values.items())
        if compared.is_volatile(value)
    )


def recall(state: StateDB) -> Compared:
    """What was saved; nothing where that cannot be read."""
    try:
        data = json.loads(state.fact(_FACT) or b"{}")
        return Compared(
            {str(name): str(statements) for name, statements in data["volatile"].items()},
            {str(name): (str(statements), str(digest)) for name, (statements, digest) in data["stable"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Compared()


def save(state: StateDB, compared: Compared) -> None:
    data = {"volatile": dict(compared.volatile), "stable": dict(compared.stable)}
    state.save_fact(_FACT, json.dumps(data, separators=(",", ":")).encode())


def _differs(value: Entry, other: Entry | None) -> bool:
    return other is not None and other.fallback == value.fallback and other.digest != value.digest


def _had_other_inputs(one: Observed, other: Observed) -> bool:
    """Whether anything that both loads depended on was something else for one of them, as after an edit in between."""
    pairs = (
        (one.files, other.files),
        (one.looked_up, other.looked_up),
        (one.listed, other.listed),
        (one.variables, other.variables),
    )
    return any(path in after and after[path] != found for before, after in pairs for path, found in before.items())
