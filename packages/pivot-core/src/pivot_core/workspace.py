"""A project's files and records, as a run sees them: decide, restore, prepare, record."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Self

import attrs

from pivot_core.decide import Decision, Present, decide, restorable, run_key, scheme_of
from pivot_core.errors import PipelineError
from pivot_core.graph import Graph, outs_read
from pivot_core.interfaces import Finished, Loaded, Task
from pivot_core.model import Dep, FileState, Record, Stage
from pivot_core.project import Project
from pivot_core.storage.gitignore import ensure_ignored, ensure_own_rules
from pivot_core.storage.globs import expand
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.lockfile import LockFiles, file_name
from pivot_core.storage.remove import clear, remove
from pivot_core.storage.stamps import FileClock, Stamps
from pivot_core.storage.state import StateDB, StoredRuns
from pivot_core.storage.store import ObjectStore


@attrs.frozen
class Storage:
    """What Pivot keeps for a project, opened; a context manager."""

    state: StateDB
    hasher: Hasher
    store: ObjectStore
    locks: LockFiles
    runs: StoredRuns

    @classmethod
    def open(cls, project: Project) -> Storage:
        """Open what is there; nothing is written before something is recorded."""
        directory = project.directory
        state = StateDB(directory / "state.db")
        hasher = Hasher(
            project.root, Stamps(state.stamps()), Ignore.load(project.root), FileClock(directory / "tmp" / "clock")
        )
        store = ObjectStore(directory / "cache", hasher, project.settings.link)
        return cls(state, hasher, store, LockFiles(directory / "stages"), StoredRuns(state, store))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.state.close()


class Workspace:
    """The stages of a loaded pipeline against the files and records of their project.

    `notice` takes what the user should know, with the stage it is about.
    """

    def __init__(
        self,
        project: Project,
        storage: Storage,
        loaded: Loaded,
        notice: Callable[[str, str], None] = lambda _message, _stage: None,
    ) -> None:
        self.project = project
        self.storage = storage
        self.loaded = loaded
        self.graph = Graph.of(loaded.stages)
        self._notice = notice
        self._decisions: dict[str, Decision] = {}
        self._present: dict[str, Present] = {}
        self._recorded: dict[str, Record | None] = {}
        self._saved: dict[str, dict[str, FileState]] = {}

    def plan(self, stages: Iterable[str], force: Collection[str] = ()) -> dict[str, Decision]:
        """What would be done about `stages`, given with all their upstreams and in topological order."""
        planned: dict[str, Decision] = {}
        for name in stages:
            pending = tuple(up for up in self.graph.upstreams[name] if planned[up].verdict in ("run", "pending"))
            expected = {
                path: state
                for up in self.graph.upstreams[name]
                if planned[up].verdict == "restore"
                for path, state in (planned[up].outs or {}).items()
            }
            planned[name] = self._decide(name, force=name in force, pending=pending, expected=expected)
        return planned

    def check_deps(self, stages: Iterable[str]) -> None:
        """Raise PipelineError if a dep is missing that no stage writes, naming all of them."""
        problems = []
        for name in stages:
            stage = self.graph.stages[name]
            for dep in stage.deps:
                produced = any(self._written_by(up, dep.path) for up in self.graph.upstreams[name])
                missing = not self._expand(dep.path) if dep.is_glob else not (self.project.root / dep.path).exists()
                if missing and not produced:
                    what = "nothing matches" if dep.is_glob else "there is no"
                    problems.append(f"{stage.location}: stage {name!r}: {what} {dep.path!r}, and no stage writes it")
        if problems:
            raise PipelineError("\n".join(problems), "Create it, or correct the path in deps.")

    def decide(self, stage: str, *, force: bool) -> Decision:
        """What to do about a stage whose upstreams are done. Raises PivotError if a dep is missing."""
        decision = self._decisions[stage] = self._decide(stage, force=force)
        missing = [path for path, state in self._present[stage].deps.items() if state is None]
        if missing:
            raise PipelineError(
                f"dep {', '.join(missing)} does not exist",
                "No stage has written it: create it, or correct the path in deps.",
                self.graph.stages[stage].location,
            )
        return decision

    def restore(self, stage: str) -> None:
        """Put the outs that `decide` found in place, and write the record. Raises PivotError."""
        outs = self._decisions[stage].outs
        assert outs is not None
        self._save_unknown(stage)
        for path, state in outs.items():
            (self.project.root / path).parent.mkdir(parents=True, exist_ok=True)
            self.storage.store.fetch(state, Path(path))
        self.storage.locks.write(self._record(stage, outs))
        ensure_ignored(self.project.root, self.graph.stages[stage].outs)

    def prepare(self, stage: str) -> Task:
        """Save outs that the store does not have, clear all outs, and say what to run. Raises PivotError."""
        declared = self.graph.stages[stage]
        present = self._present[stage]
        ensure_own_rules(self.project.directory)
        self._save_unknown(stage)
        for out in declared.outs:
            clear(self.project.root, out.path, self.storage.hasher.ignore)
            (self.project.root / out.path).parent.mkdir(parents=True, exist_ok=True)
        ensure_ignored(self.project.root, declared.outs)
        log = self.project.directory / "logs" / f"{file_name(stage)}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        return Task(
            id=uuid.uuid4().hex,
            stage=stage,
            code=present.code.digest,
            params=declared.params,
            deps={path: state for path, state in present.deps.items() if state is not None},
            outs=declared.outs,
            log=log.relative_to(self.project.root).as_posix(),
        )

    def record(self, task: Task, finished: Finished) -> str:
        """Write the run-cache row, then the lock file. Returns why there is nothing to record, or nothing."""
        present = self._present[task.stage]
        changed = self._changed_deps(task.stage, present)
        if changed:
            return f"input changed while it ran: {', '.join(changed)}"
        stage = self.graph.stages[task.stage]
        if restorable(stage):
            self.storage.runs.add(run_key(stage, present), finished.outs)
        self.storage.state.save_duration(task.stage, finished.seconds)
        self.storage.locks.write(self._record(task.stage, finished.outs))
        failed = self._failed_directory(task.stage)
        if failed.exists():
            remove(failed)
        return ""

    def abandon(self, task: Task, why: str) -> None:  # noqa: ARG002 - the run protocol says why
        """Move what the stage wrote to .pivot/failed/, and put the old outs back. Raises PivotError."""
        saved = self._saved.get(task.stage, {})
        failed = self._failed_directory(task.stage)
        if failed.exists():
            remove(failed)
        moved = False
        for out in task.outs:
            place = self.project.root / out.path
            if os.path.lexists(place):
                target = failed / out.path
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    place.replace(target)
                except OSError:
                    clear(self.project.root, out.path, self.storage.hasher.ignore)
                else:
                    moved = True
            if out.path in saved:
                self.storage.store.fetch(saved[out.path], Path(out.path))
        if moved:
            self._notice(f"what it had written is in {self.project.shown(failed)}", task.stage)

    def settle(self) -> None:
        """Save what was learned, at the end of a run."""
        self.storage.hasher.settle()
        self.save()
        texts = self.loaded.source_text
        if any(decision.verdict != "up_to_date" for decision in self._decisions.values()):
            self.storage.state.save_sources(texts)

    def save(self) -> None:
        """Save the stamps that were taken, if there is a project directory to save them in."""
        rows = self.storage.hasher.stamps.take_unsaved()
        if rows and self.project.directory.is_dir():
            self.storage.state.save_stamps(rows, self.storage.hasher.forgotten())

    def _decide(
        self,
        name: str,
        *,
        force: bool,
        pending: tuple[str, ...] = (),
        expected: Mapping[str, FileState] | None = None,
    ) -> Decision:
        stage = self.graph.stages[name]
        present = self._present[name] = self._look(stage, pending, expected or {})
        recorded = self._recorded[name] = self.storage.locks.read(name)
        return decide(
            stage,
            present,
            recorded,
            force=force,
            problem=self.storage.locks.problem(name),
            stored=lambda outs: not self.storage.store.missing([out.digest for out in outs.values()]),
            earlier=self.storage.runs.find,
        )

    def _look(self, stage: Stage, pending: tuple[str, ...], expected: Mapping[str, FileState]) -> Present:
        deps: dict[str, FileState | None] = {}
        unknown = set()
        for dep in stage.deps:
            if any(self._written_by(up, dep.path) for up in pending):
                unknown.add(dep.path)
                continue
            if dep.is_glob:
                deps.update(self.storage.hasher.states(self._expand(dep.path)))
            elif dep.path in expected:
                deps[dep.path] = expected[dep.path]
            else:
                deps[dep.path] = self.storage.hasher.state(dep.path)
        outs = self.storage.hasher.states(out.path for out in stage.outs)
        return Present(self.loaded.code[stage.name], deps, outs, frozenset(unknown), pending)

    def _written_by(self, stage: str, path: str) -> bool:
        outs = {out.path: stage for out in self.graph.stages[stage].outs}
        return any(True for _ in outs_read(Dep(path), outs, sorted(outs)))

    def _expand(self, pattern: str) -> list[str]:
        return expand(self.project.root, pattern, self.storage.hasher.ignore)

    def _changed_deps(self, name: str, before: Present) -> list[str]:
        stage = self.graph.stages[name]
        now = self._look(stage, (), {})
        return sorted(
            path for path in now.deps.keys() | before.deps.keys() if now.deps.get(path) != before.deps.get(path)
        )

    def _save_unknown(self, name: str) -> None:
        stage = self.graph.stages[name]
        saved = self._saved[name] = {}
        for out in stage.outs:
            state = self._present[name].outs.get(out.path)
            if state is None:
                continue
            kept = self.storage.store.save_unknown(Path(out.path)) if out.cache else None
            recorded = self._recorded.get(name)
            if kept is not None and (recorded is None or recorded.outs.get(out.path) != kept):
                self._notice(
                    f"{out.path} was not made by Pivot; its bytes are kept in the store as {kept.digest}", name
                )
            saved[out.path] = kept or state

    def _record(self, name: str, outs: Mapping[str, FileState]) -> Record:
        present = self._present[name]
        return Record(
            stage=name,
            code=present.code.digest,
            manifest=present.code.manifest,
            params=self.graph.stages[name].params,
            deps={path: state for path, state in present.deps.items() if state is not None},
            outs=dict(outs),
            scheme=scheme_of(present.code),
        )

    def _failed_directory(self, stage: str) -> Path:
        return self.project.directory / "failed" / file_name(stage)
