"""The one decision: is a stage up to date, and if not, why, and is there something to restore?

`decide` looks at nothing itself. Whoever asks (a run, `status`, `explain`, a dry run) gathers what is present and what
was recorded, so the answers cannot differ. docs/decisions.md has the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal, Protocol

import attrs
from pivot_fingerprint import Fingerprint, compare_manifests

from pivot_core.model import Accepted, Digest, FileState, Json, Record, Stage
from pivot_core.reasons import (
    CodeChange,
    CodeChanged,
    DepAdded,
    DepChanged,
    DepMissing,
    DepRemoved,
    Forced,
    FormatChanged,
    NeverRun,
    OutAdded,
    OutChanged,
    OutMissing,
    OutRemoved,
    ParamChanged,
    Reason,
    UpstreamPending,
)
from pivot_core.storage.digests import hash_bytes

type Verdict = Literal["up_to_date", "restore", "run", "pending"]


@attrs.frozen
class Decision:
    """What is to be done about a stage, and all reasons. `outs` are what "restore" would put in place; `accepted` says
    what code made the recorded outs, where that was not the recorded code."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    outs: Mapping[str, FileState] = attrs.field(factory=dict, hash=False)
    accepted: Accepted | None = None

    @property
    def may_be_accepted(self) -> bool:
        """Whether the stage would run, and only for its code or the format of its fingerprint."""
        by_code = all(isinstance(reason, CodeChanged | FormatChanged) for reason in self.reasons)
        return self.verdict == "run" and by_code


@attrs.frozen
class Present:
    """What there is now: code, deps and outs by path (None: nothing there), globs in deps being expanded.

    `pending` are the stages that a dep has to come from first. What cannot be known before is not in `deps`, and
    `unknown` says of a recorded dep whether it is such a one. `problem` says why a lock file is not trusted.
    """

    code: Fingerprint
    deps: Mapping[str, FileState | None] = attrs.field(hash=False)
    outs: Mapping[str, FileState | None] = attrs.field(hash=False)
    pending: tuple[str, ...] = ()
    unknown: Callable[[str], bool] = lambda _path: False
    problem: str = ""


class Moment:
    """What deps were at one moment: each is looked at once, however many stages read it."""

    def __init__(self) -> None:
        self.states: dict[str, FileState | None] = {}
        self.matches: dict[str, list[str]] = {}  # of globs, and other paths


class Kept(Protocol):
    """What decisions ask of the store and the run cache."""

    def missing(self, digests: Collection[Digest]) -> set[Digest]:
        """Which objects are not in the store."""

    def find(self, key: str) -> Mapping[str, FileState] | None:
        """The outs of an earlier run with this key, if all can be had."""


def decide(stage: Stage, present: Present, recorded: Record | None, kept: Kept, *, force: bool = False) -> Decision:
    """Decide about one stage. Reads nothing but its arguments; `kept` is asked only where there is cause."""
    accepted = recorded.accepted if recorded is not None else None
    inputs = tuple(_input_reasons(stage, present, recorded))
    outs = tuple(_out_reasons(stage, present, recorded))
    reasons = (*((Forced(),) if force else ()), *inputs, *outs)
    if present.pending:
        waits = (*reasons, UpstreamPending(present.pending))
        return Decision("run" if force or inputs else "pending", waits, accepted=accepted)
    if not reasons:
        return Decision("up_to_date", accepted=accepted)
    if force or any(state is None for state in present.deps.values()):
        return Decision("run", reasons, accepted=accepted)
    found = _restorable(stage, present, recorded, kept, same_inputs=not inputs)
    if found is None:
        return Decision("run", reasons, accepted=accepted)
    return Decision("restore", reasons, found, accepted)


def run_key(stage: Stage, code: Digest, deps: Mapping[str, FileState]) -> str:
    """The key of the run cache: everything that outs come from. The stage's name is not part of it."""
    parts = [
        code,
        _canonical(stage.params),
        sorted((path, state.identity) for path, state in deps.items()),
        sorted(out.path for out in stage.outs),
    ]
    return hash_bytes(json.dumps(parts).encode())


def code_digest(code: Fingerprint) -> Digest:
    """The digest of a fingerprint as records have it."""
    return f"xxh3:{code.digest}"


def scheme_of(code: Fingerprint) -> str:
    """What the fingerprint was made by; those made by another cannot be compared with it."""
    return f"{code.scheme}/{code.python}"


def differing(new: Mapping[str, Json], old: Mapping[str, Json]) -> list[str]:
    """The names, sorted, that are on one side only or have another value there: 1.0 and True are others than 1."""
    return [
        name
        for name in sorted(new.keys() | old.keys())
        if name not in new or name not in old or _canonical(new[name]) != _canonical(old[name])
    ]


def _restorable(
    stage: Stage, present: Present, recorded: Record | None, kept: Kept, *, same_inputs: bool
) -> Mapping[str, FileState] | None:
    if not stage.outs:
        return None
    if same_inputs and recorded is not None and recorded.outs.keys() == present.outs.keys():
        return recorded.outs if _can_be_had(stage, present, recorded.outs, kept) else None
    deps = {path: state for path, state in present.deps.items() if state is not None}
    return kept.find(run_key(stage, code_digest(present.code), deps))


def _can_be_had(stage: Stage, present: Present, outs: Mapping[str, FileState], kept: Kept) -> bool:
    """Whether each out is in the store, or kept out of it and in place."""
    cached = [outs[out.path].digest for out in stage.outs if out.cache]
    in_place = all(_identity(present.outs[out.path]) == outs[out.path].identity for out in stage.outs if not out.cache)
    return in_place and not kept.missing(cached)


def _input_reasons(stage: Stage, present: Present, recorded: Record | None) -> Iterator[Reason]:
    if recorded is None:
        yield NeverRun(present.problem)
        yield from (DepMissing(path) for path, state in present.deps.items() if state is None)
        return
    yield from _code_reasons(present.code, recorded)
    yield from _param_reasons(stage.params, recorded.params)
    yield from _dep_reasons(present, recorded.deps)


def _code_reasons(code: Fingerprint, recorded: Record) -> Iterator[Reason]:
    if scheme_of(code) != recorded.scheme:
        yield FormatChanged(recorded.scheme, scheme_of(code))
    elif code_digest(code) != recorded.code:
        yield CodeChanged(tuple(_code_changes(code, recorded.manifest)))


def _code_changes(code: Fingerprint, old: Mapping[str, str]) -> Iterator[CodeChange]:
    new = code.manifest
    entries = {entry.key: entry for entry in code.entries}
    difference = compare_manifests(old, new)
    for key in sorted((*difference.added, *difference.removed, *difference.changed)):
        kind, _, name = key.partition(":")
        entry = entries.get(key)
        place = (entry.file, entry.line) if entry else ("", 0)
        yield CodeChange(kind, name, old.get(key), new.get(key), *place)


def _param_reasons(new: Mapping[str, Json], old: Mapping[str, Json]) -> Iterator[Reason]:
    if _canonical(new) != _canonical(old):
        yield from (ParamChanged(name, old.get(name), new.get(name)) for name in differing(new, old))


def _dep_reasons(present: Present, old: Mapping[str, FileState]) -> Iterator[Reason]:
    for path, state in present.deps.items():
        if state is None:
            yield DepMissing(path)
        elif path not in old:
            yield DepAdded(path)
        elif old[path].identity != state.identity:
            yield DepChanged(path, old[path].identity, state.identity)
    for path in old:
        if path not in present.deps and not present.unknown(path):
            yield DepRemoved(path)


def _out_reasons(stage: Stage, present: Present, recorded: Record | None) -> Iterator[Reason]:
    if recorded is None:
        return
    for out in stage.outs:
        old, new = recorded.outs.get(out.path), present.outs[out.path]
        if old is None:
            yield OutAdded(out.path)
        elif new is None:
            yield OutMissing(out.path)
        elif new.identity != old.identity:
            yield OutChanged(out.path, old.identity, new.identity)
    yield from (OutRemoved(path) for path in recorded.outs if path not in present.outs)


def _identity(state: FileState | None) -> str | None:
    return None if state is None else state.identity


def _canonical(value: Json) -> str:
    """Text that tells 1 from 1.0 and from True, which `==` does not."""
    return json.dumps(value, sort_keys=True)
