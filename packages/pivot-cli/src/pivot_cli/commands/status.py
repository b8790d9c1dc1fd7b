"""`pivot status`: one line a stage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from pivot_core.decide import Decision
from pivot_core.events import Notice
from pivot_core.reasons import DepMissing, NeverRun, OutMissing
from pivot_core.storage.state import Failure
from pivot_core.targets import select

from pivot_cli import wording
from pivot_cli.app import STALE
from pivot_cli.explanation import Explained, to_data
from pivot_cli.lastrun import in_a_word, in_short, open_failures
from pivot_cli.reporters.lines import name_width, notice, padded
from pivot_cli.session import opened_to_look
from pivot_cli.targets import complete

_WORDS_WIDTH = len("interrupted")


@click.command("status")
@click.argument("targets", nargs=-1, shell_complete=complete)
@click.option("--json", "as_json", is_flag=True, help="Print the same as data.")
@click.option("--check", is_flag=True, help="Exit with 3 if anything is not up to date.")
@click.option("--reload", is_flag=True, help="Load the pipeline, even if nothing that loading depends on changed.")
@click.pass_obj
def command(directory: Path | None, targets: tuple[str, ...], *, as_json: bool, check: bool, reload: bool) -> int:
    """Show which stages are up to date, and the first reason why one is not."""
    with opened_to_look(directory, reload=reload) as here:
        chosen = set(select(here.workspace.graph, targets, here.project.root, Path.cwd()))
        plan = here.workspace.plan(chosen)
        decisions = {name: decision for name, decision in plan.items() if name in chosen}
        write_plan(decisions, open_failures(here, decisions), as_json=as_json)
        if message := here.workspace.gone_message():
            click.echo(notice(Notice(message)), err=True)
    return STALE if check and any(decision.verdict != "up_to_date" for decision in decisions.values()) else 0


def write_plan(decisions: Mapping[str, Decision], failures: Mapping[str, Failure], *, as_json: bool) -> None:
    """One line a stage, or as JSON what `explain --json` gives; `failures` as in `plan_lines`."""
    if as_json:
        rows = [
            to_data(Explained(name, item.verdict, item.reasons, (), item.accepted, failures.get(name)))
            for name, item in decisions.items()
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for line in plan_lines(decisions, failures):
        click.echo(line)


def plan_lines(decisions: Mapping[str, Decision], failures: Mapping[str, Failure]) -> Iterator[str]:
    """One line a stage; `failures` are how those failed, or were interrupted, whose last run did."""
    width = name_width(tuple(decisions))
    for name, decision in decisions.items():
        failure = failures.get(name)
        word = status(decision) if failure is None else in_a_word(failure)
        why = _why(decision) if failure is None else in_short(failure)
        yield f"{padded(name, width)}  {word:<{_WORDS_WIDTH}}  {why}".rstrip()


def _why(decision: Decision) -> str:
    if decision.verdict == "up_to_date":
        return "" if decision.accepted is None else "code accepted"
    if decision.verdict == "restore":
        return f"{wording.short(decision.reasons)}, can be restored"
    if status(decision) == "never run":  # the word says it already
        return wording.short([reason for reason in decision.reasons if reason != NeverRun()])
    # What keeps a stage from running comes before what it would run for.
    return wording.short(sorted(decision.reasons, key=lambda reason: not isinstance(reason, DepMissing)))


def status(decision: Decision) -> str:
    """A decision in a word: up to date, never run, missing, pending or stale."""
    if decision.verdict == "up_to_date":
        return "up to date"
    if any(isinstance(reason, DepMissing) for reason in decision.reasons):
        return "missing"
    if decision.verdict != "restore" and any(isinstance(reason, NeverRun) for reason in decision.reasons):
        return "never run"
    if decision.reasons and all(isinstance(reason, OutMissing) for reason in decision.reasons):
        return "missing"
    return "pending" if decision.verdict == "pending" else "stale"
