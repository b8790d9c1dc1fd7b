"""`pivot explain`: why each stage would run, or would not."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
from pivot_core.decide import Decision
from pivot_core.inside import inside
from pivot_core.reasons import CodeChange, CodeChanged, DepChanged, OutChanged
from pivot_core.storage.digests import TREE_SUFFIX
from pivot_core.storage.state import Failure
from pivot_core.targets import select

from pivot_cli.coarse import noted
from pivot_cli.explanation import Explained, to_data, to_text
from pivot_cli.lastrun import open_failures
from pivot_cli.session import Opened, opened_to_look
from pivot_cli.targets import complete


@click.command("explain")
@click.argument("targets", nargs=-1, shell_complete=complete)
@click.option("--json", "as_json", is_flag=True, help="Print the same as data.")
@click.option("--code", is_flag=True, help="List all code that is tracked, and what cannot be followed.")
@click.option("--diff", is_flag=True, help="Show the source of changed code before and after.")
@click.option("--reload", is_flag=True, help="Load the pipeline, even if nothing that loading depends on changed.")
@click.pass_obj
def command(
    directory: Path | None, targets: tuple[str, ...], *, as_json: bool, code: bool, diff: bool, reload: bool
) -> None:
    """Say why each of the TARGETS (stages, globs of them, outs; default: all) would run, or would not."""
    # A snapshot knows neither how code was reached nor its text.
    with opened_to_look(directory, reload=reload or code or diff) as here:
        chosen = select(here.workspace.graph, targets, here.project.root, Path.cwd())
        if code:
            _write_code(here, chosen, as_json=as_json)
            return
        plan = here.workspace.plan(chosen)
        failures = open_failures(here, plan)
        explained = [_explained(here, name, plan[name], failures.get(name)) for name in chosen]
        if as_json:
            click.echo(json.dumps([to_data(item) for item in explained], indent=2))
            return
        for number, item in enumerate(explained):
            click.echo(("\n" if number else "") + to_text(item))
            if diff:
                for line in _diffs(here, plan[item.stage]):
                    click.echo(line)


def _explained(here: Opened, stage: str, decision: Decision, failure: Failure | None) -> Explained:
    names = [(entry.kind, entry.name) for entry in here.loaded.code[stage].entries]
    changed = {
        reason.path: found
        for reason in decision.reasons
        if isinstance(reason, DepChanged | OutChanged)
        and reason.old.endswith(TREE_SUFFIX)
        and (found := inside(here.session, reason.path, reason.old, reason.new)) is not None
    }
    return Explained(stage, decision.verdict, decision.reasons, names, decision.accepted, failure, changed)


def _write_code(here: Opened, stages: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        data = {name: here.loaded.code[name].to_data() for name in stages}
        click.echo(json.dumps(data, indent=2))
        return
    for number, name in enumerate(stages):
        click.echo(("\n" if number else "") + f"Stage: {name}")
        for entry in here.loaded.code[name].entries:
            place = f"  {entry.file}:{entry.line}" if entry.file else ""
            via = f"  via {' → '.join(entry.via)}" if entry.via else ""
            click.echo(f"  {entry.kind}:{entry.name}  {entry.digest[:8]}{place}{via}")
            if entry.note:
                click.echo(f"    {entry.note}")
        count = sum(1 for _ in noted(here.loaded.code[name]))
        if count:
            click.echo(f"  {count} of these cannot be followed exactly: pivot check {shlex.quote(name)}")


def _diffs(here: Opened, decision: Decision) -> Iterator[str]:
    for reason in decision.reasons:
        if isinstance(reason, CodeChanged):
            for change in reason.changes:
                yield from _diff(here, change)


def _diff(here: Opened, change: CodeChange) -> Iterator[str]:
    name = f"{change.kind}:{change.name}"
    old = here.session.state.source(change.old) if change.old else ""
    new = here.loaded.source_text.get(change.new, "") if change.new else ""
    yield ""
    if old is None or not (old or new):
        yield f"  {name}: the source before is not known here; digests: {change.old} → {change.new}"
        return
    if old == new:
        yield f"  {name}: its source is the same, what it gives is not:"
        yield from (f"    {line}" for line in new.splitlines())
        return
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name} (before)", f"{name} (now)", lineterm="")
    yield from (f"  {line}" for line in lines)
