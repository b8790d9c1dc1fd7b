"""The project's files as a run sees them: what is stale, and how results get in place and on record."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Self

import attrs

from pivot_core.clearing import Cleared, Clearing, missed, partial_outs
from pivot_core.config import STAGE_VARIABLE
from pivot_core.decide import Decision, Moment, Present, code_digest, decide, run_key, scheme_of
from pivot_core.enumerating import first_of
from pivot_core.errors import PipelineError, PivotError
from pivot_core.events import Notice
from pivot_core.graph import Graph, guess_directory
from pivot_core.interfaces import EventSink, Finished, Loaded, Task
from pivot_core.missing import missing_deps, near
from pivot_core.model import GLOB_CHARACTERS, Accepted, Dep, FileState, Record, Stage
from pivot_core.project import Project
from pivot_core.session import Session
from pivot_core.storage.gitignore import ensure_ignored
from pivot_core.storage.globs import expand, matches
from pivot_core.storage.lockfile import file_name
from pivot_core.storage.remove import remove
from pivot_core.storage.store import put_outs

_NAMED = 5  # stages that a message names
_SEARCHES = 20  # for what stages wrote instead of their outs: each walks the project, and a run may have many that fail


@attrs.frozen
class _Decided:
    """The last answer about a stage, and what it was based on; all deps were there. `writes`: see `Stamps`."""

    decision: Decision
    deps: Mapping[str, FileState] = attrs.field(hash=False)
    writes: int


@attrs.frozen
class _Begun:
    """When a task began, in nanoseconds by the clock of the file system (0: unknown), and what was at its outs."""

    at: int
    cleared: Mapping[str, Cleared] = attrs.field(hash=False)
    writes: int


class Workspace:
    """Decides about the stages of a loaded pipeline, and records what runs of them gave; a context manager.

    It opens a `Session` of its own unless it is given one, which then stays open. `sink` takes notices.
    """

    def __init__(
        self,
        project: Project,
        loaded: Loaded,
        *,
        session: Session | None = None,
        readonly: bool = False,
        sink: EventSink | None = None,
    ) -> None:
        self.graph = Graph.of(
            loaded.stages,
            lambda path: guess_directory(path) or os.path.isdir(project.root / path),  # noqa: PTH112
        )
        self._project = project
        self.loaded = loaded
        self._own_session = session is None
        self.session = session or Session(project, readonly=readonly)
        self._sink = sink
        self._clearing = Clearing(project, self.session, sink)
        self._decided: dict[str, _Decided] = {}
        self._begun: dict[str, _Begun] = {}
        self._tasks = 0
        self._searches = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own_session:
            self.session.close()

    # Deciding

    def plan(self, stages: Collection[str] = (), *, force: Collection[str] = ()) -> dict[str, Decision]:
        """What a run of `stages` (default: all) with all that they wait for would do, in an order that works.

        Stages in `force` run in any case. Changes nothing. Raises PivotError where a file cannot be read.
        """
        plan, moment = dict[str, Decision](), Moment()
        for name in self.graph.with_upstreams(stages) if stages else self.graph.order:
            stage, recorded = self.graph.stages[name], self.session.locks.read(name)
            present = self.present(stage, plan, moment)
            plan[name] = decide(stage, present, recorded, self.session, force=name in force)
        return plan

    def check(self, stages: Collection[str] = ()) -> None:
        """Raise PipelineError if deps of `stages` (default: all) are missing that no stage writes."""
        missing: list[tuple[str, Stage]] = []
        for name in self.graph.with_upstreams(stages) if stages else self.graph.order:
            stage = self.graph.stages[name]
            missing += [
                (dep.path, stage)
                for dep in stage.deps
                if not self._is_there(dep.path) and not self._is_written(dep.path, name)
            ]
        if missing:
            known = [*self.graph.producers, *(path for dep, _ in missing for path in near(self._project.root, dep))]
            raise missing_deps(missing, known, self.graph.stages)

    def decide(self, stage: str, *, force: bool = False, moment: Moment | None = None) -> Decision:
        """Decide about a stage whose upstreams are done. Raises PipelineError if a dep is missing.

        Decisions of one `moment` share what is seen of deps: no time has passed between them, and no stage has ended.
        That others were restored or launched does no harm, as a stage waits for all that write in its deps.
        """
        declared = self.graph.stages[stage]
        recorded = self.session.locks.read(stage)
        present = self.present(declared, {}, moment)
        missing = [path for path, state in present.deps.items() if state is None]
        if missing:
            raise PipelineError(
                f"stage {stage!r} reads {', '.join(missing)}, which does not exist",
                "Correct the path, which is relative to the project root, or create the file.",
                declared.location,
            )
        decision = decide(declared, present, recorded, self.session, force=force)
        deps = {path: state for path, state in present.deps.items() if state is not None}
        self._decided[stage] = _Decided(decision, deps, self.session.stamps.writes)
        return decision

    def files_read(self, dep: Dep) -> list[str]:
        """The paths that a dep stands for at the moment: what a glob matches, else its own."""
        return self._expanded(dep.path)

    # Doing

    def restore(self, stage: str) -> None:
        """Put in place what the last decision about `stage` found, and record it. Raises PivotError."""
        decided = self._decided[stage]
        for out in self.graph.stages[stage].outs:
            if out.cache:
                self._clearing.save_unknown(stage, out)
                self.session.store.fetch(decided.decision.outs[out.path], self._project.root / out.path)
        record = self._record(stage, decided.deps, decided.decision.outs)
        self.session.locks.write(attrs.evolve(record, accepted=self._accepted_for(record)))

    def prepare(self, stage: str) -> Task:
        """Make way for a run of `stage`: unknown outs are stored, all outs are cleared. Raises PivotError."""
        declared = self.graph.stages[stage]
        self._tasks += 1
        task = Task(
            id=f"{self._tasks}:{stage}",
            stage=stage,
            code=code_digest(self.loaded.code[stage]),
            params=declared.params,
            deps=self._decided[stage].deps,
            outs=declared.outs,
            log=f".pivot/logs/{file_name(stage)}.log",
            environment={STAGE_VARIABLE: os.fsdecode(stage.encode())},  # UTF-8 also where the locale's names are not
        )
        cleared: dict[str, Cleared] = {}
        self._begun[task.id] = _Begun(self.session.now(), cleared, self._decided[stage].writes)
        try:
            for out in declared.outs:
                cleared[out.path] = self._clearing.clear(stage, out)
        except PivotError as error:
            self.abandon(task, error.message)
            raise
        return task

    def collect(self, task: Task, seconds: float) -> Finished:
        """Store what a task wrote: what an executor does, for those who run the stage's function themselves.

        An out that is not there is the error of the result. Raises PivotError where an out cannot be stored.
        """
        finished = put_outs(self.session.store, self._project.root, task, seconds)
        return attrs.evolve(finished, error=finished.error + self.instead(task, finished))

    def instead(self, task: Task, finished: Finished) -> str:
        """What to add to the error of a task: what was written in place of outs that are missing, or that it missed one
        which had made way; "" if nothing can be told."""
        if not finished.missing:
            return missed(finished.error, task.outs, self._project.root)
        since = self._begun[task.id].at
        if not since or self._searches == _SEARCHES:
            return ""
        self._searches += 1
        from pivot_core.instead import written_instead

        return written_instead(self._project.root, self.session.ignore, finished.missing, since, self.graph.producers)

    def record(self, task: Task, finished: Finished) -> str:
        """Record what a task wrote: a run-cache row, then the lock file. `finished.outs` are in the store already.

        Returns "", or why nothing was recorded that is to fail the stage.
        """
        begun = self._begun.pop(task.id)
        changed = self._changed_inputs(task)
        if changed:
            return f"input changed while it ran: {', '.join(changed)}"
        declared = self.graph.stages[task.stage]
        if absent := [out.path for out in declared.outs if out.path not in finished.outs]:
            return (
                f"what ran it does not say what it wrote: {first_of(absent, _NAMED)} (`put_outs` makes such a report)"
            )
        key = run_key(declared, task.code, task.deps)
        if (written := self._written_inputs(task, begun)) and self._is_in_doubt(key, finished):
            self._notice(
                f"{first_of(written, _NAMED)}: written to while it ran, and then as before; what it read is not known, "
                "so the next run runs it once more",
                task.stage,
            )
            return ""
        if declared.is_cached:
            self.session.runs.add(key, finished.outs)
        self.session.locks.write(self._record(task.stage, task.deps, finished.outs))
        self.session.state.save_duration(task.stage, finished.seconds)
        return ""

    def abandon(self, task: Task, why: str) -> str:  # noqa: ARG002 - for those who keep a record of failures
        """After a failure: move what the task wrote to `.pivot/failed/<stage>/`, and put back what was there before.

        Returns that directory, relative to the root, or "" if the task wrote nothing. Raises PivotError.
        """
        begun = self._begun.pop(task.id, None)
        return self._clearing.put_back(task.stage, begun.cleared if begun else {})

    def rest(self) -> None:
        """Nothing happens for a while: others may see what was recorded."""
        self.session.state.commit()

    def settle(self) -> None:
        """The end of a run: see that git ignores the outs, and that the next run need not read anything again."""
        ensure_ignored(self._project.root, (out for stage in self.graph.stages.values() for out in stage.outs))
        self.session.state.save_sources(self.loaded.source_text)
        self.session.state.prune(self.loaded.source_text)
        self.session.settle()
        for message in filter(None, (self._state_message(), self.gone_message())):
            self._notice(message)

    def _notice(self, message: str, stage: str = "") -> None:
        if self._sink is not None:
            self._sink.emit(Notice(message, stage))

    def _state_message(self) -> str:
        """What the user is told of the database that saves time; "" if it does."""
        problem = self.session.state.problem
        return f"{self._project.shown(self._project.directory)}/{problem}" if problem else ""

    # Stages that are no longer there

    def gone(self) -> list[str]:
        """The stages that have a lock file and are not in the pipeline: renamed or removed."""
        return self.session.locks.others(self.graph.stages)

    def gone_message(self) -> str:
        """What the user is told of them; "" if there are none."""
        names = self.gone()
        if not names:
            return ""
        shown = first_of(names, _NAMED)
        pipeline = self._project.settings.pipeline
        if len(names) == 1:
            return f"{shown} is no stage of {pipeline} any more, but has a lock file; `pivot forget` removes it"
        return f"{shown} are no stages of {pipeline} any more, but have lock files; `pivot forget` removes them"

    def forget(self, stage: str) -> tuple[str, ...]:
        """Remove the lock file of a stage that is `gone`, and what its last failure left. Its outs stay in place.

        Returns those that no stage writes now. Raises PivotError.
        """
        recorded = self.session.locks.read(stage)
        try:
            self.session.locks.remove(stage)
            remove(partial_outs(self._project, stage))
        except OSError as error:
            raise PivotError(f"{error.filename}: {error.strerror}") from None
        self.session.state.forget_failure(stage)
        outs = recorded.outs if recorded is not None else ()
        return tuple(out for out in outs if out not in self.graph.producers and self._is_there(out))

    # What is there

    def present(self, stage: Stage, plan: Mapping[str, Decision], moment: Moment | None = None) -> Present:
        """What there is for `stage`, once the stages in `plan` have done what it says."""
        moment = moment or Moment()
        known: dict[str, FileState | None] = {}
        pending: list[str] = []
        unknown: list[str] = []
        on_disk: list[str] = []
        for dep in stage.deps:
            coming = [
                name for name in self.graph.upstreams[stage.name] if self._is_coming(dep.path, plan.get(name), name)
            ]
            if not coming:
                if dep.path not in moment.matches:
                    moment.matches[dep.path] = self._expanded(dep.path)
                on_disk += moment.matches[dep.path]
            elif (state := self._state_to_come(dep.path, [plan[name] for name in coming])) is not None:
                known[dep.path] = state
            else:
                unknown.append(dep.path)
                pending += coming
        moment.states |= self.session.hasher.states(path for path in on_disk if path not in moment.states)
        known |= {path: moment.states[path] for path in on_disk}
        return Present(
            code=self.loaded.code[stage.name],
            deps=known,
            outs=self.session.hasher.states(out.path for out in stage.outs),
            pending=tuple(dict.fromkeys(pending)),
            unknown=lambda path: any(path == dep or matches(dep, path) for dep in unknown),
            problem=self.session.locks.problem(stage.name),
        )

    def _is_coming(self, dep: str, decision: Decision | None, name: str) -> bool:
        """Whether the stage `name` will still write or restore something of `dep`."""
        if decision is None or decision.verdict == "up_to_date":
            return False
        return any(_overlap(dep, out.path) for out in self.graph.stages[name].outs)

    def _state_to_come(self, dep: str, decisions: list[Decision]) -> FileState | None:
        """What a dep will be, where that is an out to be restored."""
        if len(decisions) == 1 and decisions[0].verdict == "restore":
            return decisions[0].outs.get(dep)
        return None

    def _expanded(self, path: str) -> list[str]:
        if not GLOB_CHARACTERS.isdisjoint(path):
            return expand(self._project.root, path, self.session.ignore, self.session.look) or [path]
        return [path]

    def _is_there(self, path: str) -> bool:
        if not GLOB_CHARACTERS.isdisjoint(path):
            return bool(expand(self._project.root, path, self.session.ignore))
        return os.path.exists(self._project.root / path)  # noqa: PTH110 - also where it cannot be looked at

    def _is_written(self, path: str, stage: str) -> bool:
        """Whether a stage writes the dep `path` of `stage`."""
        upstreams = (self.graph.stages[name] for name in self.graph.upstreams[stage])
        return any(_overlap(path, out.path) for upstream in upstreams for out in upstream.outs)

    def _changed_inputs(self, task: Task) -> list[str]:
        """Deps that are not what they were when the stage was decided about."""
        paths = [path for dep in self.graph.stages[task.stage].deps for path in self._expanded(dep.path)]
        states = self.session.hasher.states([*paths, *task.deps], remember=True)
        before = {path: state.identity for path, state in task.deps.items()}
        return sorted(path for path, state in states.items() if (state.identity if state else None) != before.get(path))

    def _written_inputs(self, task: Task, begun: _Begun) -> list[str]:
        """Files among the deps that were written to since the stage was decided about, though they are as before."""
        if begun.writes == self.session.stamps.writes:
            return []
        deps = [self.session.hasher.known_as(path) for path in task.deps]
        inside = tuple("" if path == "." else f"{path}/" for path in deps)
        since = self.session.stamps.written_since(begun.writes)
        return sorted(path for path in since if path in deps or path.startswith(inside))

    def _is_in_doubt(self, key: str, finished: Finished) -> bool:
        """Whether a run that may have read something else has to be made again: not if the last one was such too and
        gave the same. Then it is the stage itself that writes to its deps what they hold."""
        state, in_doubt = self.session.state, f"in doubt: {key}"
        if state.outs_of(in_doubt) == finished.outs:
            return False
        state.save_outs(in_doubt, finished.outs)
        return True

    # How it gets in place and on record

    def _record(self, stage: str, deps: Mapping[str, FileState], outs: Mapping[str, FileState]) -> Record:
        declared, code = self.graph.stages[stage], self.loaded.code[stage]
        return Record(
            stage=stage,
            code=code_digest(code),
            manifest=code.manifest,
            params=declared.params,
            deps=deps,
            outs={out.path: outs[out.path] for out in declared.outs},
            scheme=scheme_of(code),
        )

    def _accepted_for(self, record: Record) -> Accepted | None:
        """What code made the outs that are restored, if the present one was only accepted for it."""
        before = self.session.locks.read(record.stage)
        if before is not None and attrs.evolve(before, accepted=None) == record:
            return before.accepted
        return self.session.runs.accepted(run_key(self.graph.stages[record.stage], record.code, record.deps))


def _overlap(dep: str, out: str) -> bool:
    """Whether a dep, or what a glob names, is an out, lies in it or holds it."""
    if not GLOB_CHARACTERS.isdisjoint(dep):
        return matches(dep, out, directory=True)
    return dep in (out, ".") or dep.startswith(f"{out}/") or out.startswith(f"{dep}/")
