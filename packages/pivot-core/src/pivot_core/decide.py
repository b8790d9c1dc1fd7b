"""Plan: is a stage out of date, and why exactly? The one answer for run, status, explain and dry run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal

import attrs
import xxhash
from pivot_fingerprint import Fingerprint

from pivot_core.model import FileState, Json, Record, Stage
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

type Verdict = Literal["up_to_date", "restore", "run", "pending"]
type Outs = Mapping[str, FileState]


@attrs.frozen
class Present:
    """What is there now. A state of None means missing; `pending` are the upstreams that have yet to run, and the deps
    they write are in `unknown` and not in `deps`."""

    code: Fingerprint
    deps: Mapping[str, FileState | None]
    outs: Mapping[str, FileState | None]
    unknown: frozenset[str] = frozenset()
    pending: tuple[str, ...] = ()


@attrs.frozen
class Decision:
    """What is to be done about a stage, and all the reasons. `outs` is what a restore puts in place."""

    stage: str
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    outs: Outs | None = None


def decide(
    stage: Stage,
    present: Present,
    recorded: Record | None,
    *,
    force: bool = False,
    problem: str = "",
    stored: Callable[[Outs], bool] = lambda _outs: False,
    earlier: Callable[[str], Outs | None] = lambda _key: None,
) -> Decision:
    """Compare what is there with what was recorded.

    `problem` says why a lock file was not trusted, `stored` whether the store holds all of some outs, and `earlier`
    finds the outs of an earlier run by its key.
    """
    inputs = _input_reasons(stage, present, recorded, problem)
    outs = _out_reasons(stage, present, recorded) if recorded else ()
    waiting: tuple[Reason, ...] = (UpstreamPending(present.pending),) if present.pending else ()
    reasons = (*inputs, *outs, *waiting)
    if force:
        return Decision(stage.name, "run", (Forced(), *reasons))
    if present.pending:
        return Decision(stage.name, "run" if inputs else "pending", reasons)
    if not reasons:
        return Decision(stage.name, "up_to_date")
    found: Outs | None = None
    if not inputs and recorded and set(recorded.outs) == {out.path for out in stage.outs}:
        found = recorded.outs if stored(recorded.outs) else None
    if found is None and restorable(stage) and None not in present.deps.values():
        found = earlier(run_key(stage, present))
    if found is not None and restorable(stage):
        return Decision(stage.name, "restore", reasons, found)
    return Decision(stage.name, "run", reasons)


def restorable(stage: Stage) -> bool:
    """Whether outs of the stage can come from the store at all."""
    return bool(stage.outs) and all(out.cache for out in stage.outs)


def run_key(stage: Stage, present: Present) -> str:
    """The key of the run cache: all that the outs depend on, but not the stage's name."""
    parts = [
        [present.code.scheme, present.code.python, present.code.digest],
        stage.params,
        sorted((path, state.digest if state else None) for path, state in present.deps.items()),
        sorted(out.path for out in stage.outs),
    ]
    return xxhash.xxh3_128_hexdigest(json.dumps(parts, sort_keys=True).encode())


def scheme_of(code: Fingerprint) -> str:
    return f"{code.scheme}/{code.python}"


def _input_reasons(stage: Stage, present: Present, recorded: Record | None, problem: str) -> tuple[Reason, ...]:
    missing = [DepMissing(path) for path, state in sorted(present.deps.items()) if state is None]
    if recorded is None:
        return (NeverRun(problem), *missing)
    return (
        *_code_reasons(present.code, recorded),
        *_param_reasons(stage.params, recorded.params),
        *missing,
        *_dep_reasons(present, recorded),
    )


def _code_reasons(code: Fingerprint, recorded: Record) -> tuple[Reason, ...]:
    if recorded.scheme != scheme_of(code):
        return (FormatChanged(recorded.scheme, scheme_of(code)),)
    if recorded.code == code.digest:
        return ()
    new, old = code.manifest, recorded.manifest
    entries = {f"{entry.kind}:{entry.name}": entry for entry in code.entries}
    changes = []
    for key in sorted(new.keys() | old.keys()):
        if new.get(key) != old.get(key):
            kind, _, name = key.partition(":")
            entry = entries.get(key)
            place = (entry.file, entry.line) if entry else ("", 0)
            changes.append(CodeChange(kind, name, old.get(key), new.get(key), *place))
    return (CodeChanged(tuple(changes)),)


def _param_reasons(new: Mapping[str, Json], old: Mapping[str, Json]) -> tuple[Reason, ...]:
    return tuple(
        ParamChanged(name, old.get(name), new.get(name))
        for name in sorted(new.keys() | old.keys())
        if (name in new) != (name in old) or not _same(new[name], old[name])
    )


def _same(new: Json, old: Json) -> bool:
    return json.dumps(new, sort_keys=True) == json.dumps(old, sort_keys=True)  # 1, 1.0 and True are not the same


def _dep_reasons(present: Present, recorded: Record) -> list[Reason]:
    reasons: list[Reason] = []
    for path, state in sorted(present.deps.items()):
        before = recorded.deps.get(path)
        if before is None:
            reasons.append(DepAdded(path))
        elif state is not None and state.digest != before.digest:
            reasons.append(DepChanged(path, before.digest, state.digest))
    if not present.pending:  # what a glob matches is not known before
        reasons.extend(DepRemoved(path) for path in sorted(recorded.deps.keys() - present.deps.keys()))
    return reasons


def _out_reasons(stage: Stage, present: Present, recorded: Record) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    for path, state in sorted(present.outs.items()):
        before = recorded.outs.get(path)
        if before is None:
            reasons.append(OutAdded(path))
        elif state is None:
            reasons.append(OutMissing(path))
        elif state.digest != before.digest:
            reasons.append(OutChanged(path, before.digest, state.digest))
    reasons.extend(OutRemoved(path) for path in sorted(recorded.outs.keys() - {out.path for out in stage.outs}))
    return tuple(reasons)
