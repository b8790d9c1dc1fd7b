"""For tests: pipelines made by hand, and a runner that calls plain functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from pivot_fingerprint import Entry, Fingerprint

from pivot_core.decide import Verdict
from pivot_core.interfaces import Loaded
from pivot_core.model import Dep, FunctionAction, Json, Location, Out, Stage
from pivot_core.storage.digests import hash_bytes
from pivot_core.workspace import Workspace


def make_stage(
    name: str, deps: Iterable[str] = (), outs: Iterable[str] = (), *, line: int = 1, **params: Json
) -> Stage:
    """A stage that is declared in line `line` of pipeline.py."""
    return Stage(
        name,
        FunctionAction("pipeline", name),
        tuple(map(Dep, deps)),
        tuple(map(Out, outs)),
        params,
        Location("pipeline.py", line),
    )


def make_code(*, python: str = "3.13", **functions: str) -> Fingerprint:
    """A fingerprint of functions by name, each with a text that stands for its source."""
    entries = [
        Entry("func", f"pipeline.{name}", hash_bytes(text.encode()).removeprefix("xxh3:"), "pipeline.py", 10)
        for name, text in functions.items()
    ]
    return Fingerprint.of(entries, python)


def make_loaded(*stages: Stage, **code: str) -> Loaded:
    """A pipeline of `stages`; `code` stands for the source of those that it names."""
    fingerprints = {stage.name: make_code(**{stage.name: code.get(stage.name, "")}) for stage in stages}
    return Loaded({stage.name: stage for stage in stages}, fingerprints)


def run_here(
    workspace: Workspace,
    functions: Mapping[str, Callable[[], object]],
    stages: Collection[str] = (),
    force: Collection[str] = (),
) -> dict[str, Verdict | str]:
    """Bring `stages` (default: all) up to date by calling `functions`; returns what was done about each stage.

    For a stage that was run but not recorded that is the error.
    """
    done: dict[str, Verdict | str] = {}
    for name in workspace.graph.with_upstreams(stages) if stages else workspace.graph.order:
        decision = workspace.decide(name, force=name in force)
        done[name] = decision.verdict
        if decision.verdict == "restore":
            workspace.restore(name)
        elif decision.verdict == "run":
            task = workspace.prepare(name)
            functions[name]()
            finished = workspace.collect(task, 0.0)
            if finished.error:
                workspace.abandon(task, finished.error)
            error = finished.error or workspace.record(task, finished)
            done[name] = error or "run"
    workspace.settle()
    return done
