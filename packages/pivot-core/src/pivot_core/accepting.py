"""Accept: the user vouches that changed code is equivalent to what made the outs, and that goes on record."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs

from pivot_core.decide import Decision, Moment, code_digest, decide, run_key, scheme_of
from pivot_core.model import Accepted
from pivot_core.workspace import Workspace


@attrs.frozen
class Acceptance:
    """What was decided about each stage that was to be accepted, in an order that works, and which of them cannot be:
    then nothing was recorded."""

    decisions: Mapping[str, Decision] = attrs.field(hash=False)
    refused: tuple[str, ...] = ()


def accept(workspace: Workspace, stages: Collection[str]) -> Acceptance:
    """Record that the present code of `stages` is equivalent to what made their outs: of all, or of none.

    Of a stage that is up to date nothing is recorded. Raises PivotError where a file cannot be read or written.
    """
    session, plan, decisions = workspace.session, dict[str, Decision](), dict[str, Decision]()
    moment = Moment()
    for name in workspace.graph.with_upstreams(stages):
        stage, recorded = workspace.graph.stages[name], session.locks.read(name)
        decision = decide(stage, workspace.present(stage, plan, moment), recorded, session)
        accepted = name in stages and decision.may_be_accepted
        plan[name] = Decision("up_to_date") if accepted else decision
        if name in stages:
            decisions[name] = decision
    refused = tuple(name for name in decisions if plan[name].verdict != "up_to_date")
    for name, decision in decisions.items():
        if decision.may_be_accepted and not refused:
            _record(workspace, name)
    if not refused:
        session.state.save_sources(workspace.loaded.source_text)
    return Acceptance(decisions, refused)


def _record(workspace: Workspace, stage: str) -> None:
    """The run cache learns it too: the same code and deps give these outs, so they may be restored."""
    declared, code = workspace.graph.stages[stage], workspace.loaded.code[stage]
    recorded = workspace.session.locks.read(stage)
    assert recorded is not None
    accepted = recorded.accepted or Accepted(recorded.code, recorded.scheme)
    digest = code_digest(code)
    if declared.is_cached:
        workspace.session.runs.add(run_key(declared, digest, recorded.deps), recorded.outs, accepted)
    workspace.session.locks.write(
        attrs.evolve(recorded, code=digest, manifest=code.manifest, scheme=scheme_of(code), accepted=accepted)
    )
