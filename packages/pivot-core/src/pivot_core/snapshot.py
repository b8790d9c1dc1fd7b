"""The snapshot of loading: what it gave and all that it depended on, so that it need not be done again.

It is plain data in state.db. One that is damaged, or of another version, is as good as none: the pipeline is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pivot_fingerprint import Entry, Fingerprint
from pivot_fingerprint.model import SCHEME, LazyEntries

from pivot_core.interfaces import Loaded
from pivot_core.model import Dep, Digest, FunctionAction, Location, Out, Stage
from pivot_core.observation import Observed, first_change
from pivot_core.project import Project
from pivot_core.storage.digests import hash_bytes
from pivot_core.storage.state import StateDB

_FACT = "snapshot"
_VERSION = 2
_ENTRY = ("kind", "name", "digest", "file", "line", "note", "fallback")


def save(state: StateDB, project: Project, loaded: Loaded) -> None:
    """Keep what loading `project` gave, if loading it again could be known to give the same."""
    if loaded.observed is None or loaded.observed.problem:
        state.save_fact(_FACT, b"")
        return
    table: dict[tuple[str | int, ...], int] = {}
    stages = [
        {
            "stage": _stage_data(stage),
            "digest": (code := loaded.code[name]).digest,
            "scheme": code.scheme,
            "python": code.python,
            "entries": [table.setdefault(_row(entry), len(table)) for entry in code.entries],
        }
        for name, stage in loaded.stages.items()
    ]
    data = {
        "version": _VERSION,
        "settings": settings_of(project),
        "observed": loaded.observed.to_data(),
        "entries": list(table),
        "stages": stages,
        "notices": loaded.notices,
    }
    text = json.dumps(data, separators=(",", ":")).encode()
    state.save_fact(_FACT, hash_bytes(text).encode() + b"\n" + text)


def recall(state: StateDB, project: Project, digest: Callable[[str], Digest] | None = None) -> Loaded | None:
    """What loading `project` would give; None where that is not known, so that it must be loaded.

    `digest` gives the digest of a file, if that can be had cheaper than by reading it. How code was reached is not in
    the entries, and there are neither bundle nor source text.
    """
    check, _, text = (state.fact(_FACT) or b"").partition(b"\n")
    if not text or hash_bytes(text).encode() != check:
        return None
    try:
        data = json.loads(text)
        if data["version"] != _VERSION or data["settings"] != settings_of(project):
            return None
        loaded = _loaded(data)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    assert loaded.observed is not None
    if any(code.scheme != SCHEME for code in loaded.code.values()) or first_change(
        loaded.observed, project, digest=digest
    ):
        return None
    return loaded


def settings_of(project: Project) -> list[Any]:
    settings = project.settings
    return [str(project.root), settings.pipeline, list(settings.pythonpath), settings.versions]


def _row(entry: Entry) -> tuple[str | int, ...]:
    return tuple(getattr(entry, name) for name in _ENTRY)


def _stage_data(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "action": [stage.action.module, stage.action.qualname],
        "deps": [dep.path for dep in stage.deps],
        "outs": [[out.path, out.kind, out.cache, out.is_directory] for out in stage.outs],
        "params": stage.params,
        "location": [stage.location.file, stage.location.line],
    }


def _stage(data: Mapping[str, Any]) -> Stage:
    return Stage(
        name=data["name"],
        action=FunctionAction(*data["action"]),
        deps=tuple(map(Dep, data["deps"])),
        outs=tuple(Out(*out) for out in data["outs"]),
        params=data["params"],
        location=Location(*data["location"]),
    )


def _loaded(data: Mapping[str, Any]) -> Loaded:
    rows = data["entries"]
    stages = {item["stage"]["name"]: _stage(item["stage"]) for item in data["stages"]}
    code = {
        item["stage"]["name"]: Fingerprint(
            item["digest"],
            # Where nothing changed, nobody looks at them.
            LazyEntries(len(item["entries"]), partial(_entries, rows, item["entries"])),
            item["scheme"],
            item["python"],
        )
        for item in data["stages"]
    }
    observed = Observed.from_data(data["observed"])
    return Loaded(stages, code, notices=tuple(data["notices"]), observed=observed)


def _entries(rows: Sequence[Sequence[Any]], places: Sequence[int]) -> Iterator[Entry]:
    """What the rows at these places of the common table say."""
    return (Entry(**dict(zip(_ENTRY, rows[place], strict=True))) for place in places)
