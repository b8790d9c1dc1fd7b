"""`pivot accept`: the user vouches that changed code does the same as before."""

from __future__ import annotations

from pathlib import Path

import click
from pivot_core import reasons as why
from pivot_core.accepting import Acceptance, accept
from pivot_core.decide import Decision
from pivot_core.errors import PipelineError
from pivot_core.project import discover
from pivot_core.targets import select

from pivot_cli import wording
from pivot_cli.reporters.lines import name_width, padded
from pivot_cli.session import Notices, opened, without_preload
from pivot_cli.targets import complete


@click.command("accept")
@click.argument("targets", nargs=-1, required=True, shell_complete=complete)
@click.pass_obj
def command(directory: Path | None, targets: tuple[str, ...]) -> None:
    """Record the present code of TARGETS (stages, globs of them, outs) as equivalent to what made their outs.

    For a refactoring that you vouch for: nothing runs, and the lock files say that the code was accepted.
    """
    # A snapshot does not know the source text, which `explain --diff` will want.
    with opened(without_preload(discover(directory)), Notices(), reload=True) as here:
        chosen = select(here.workspace.graph, targets, here.project.root, Path.cwd())
        acceptance = accept(here.workspace, chosen)
    if acceptance.refused:
        raise _refusal(acceptance)
    width = name_width(tuple(acceptance.decisions))
    for name, decision in acceptance.decisions.items():
        said = f"accepted  {wording.short(decision.reasons)}" if decision.reasons else "up to date"
        click.echo(f"{padded(name, width)}  {said}")


def _refusal(acceptance: Acceptance) -> PipelineError:
    refused = {name: acceptance.decisions[name] for name in acceptance.refused}
    lines = [f"{name}: {_reason(decision)}" for name, decision in refused.items()]
    hints = dict.fromkeys(_hint(name, decision) for name, decision in refused.items())
    return PipelineError("nothing was accepted, since not only code changed: " + "; ".join(lines), " ".join(hints))


def _reason(decision: Decision) -> str:
    others = [reason for reason in decision.reasons if not isinstance(reason, why.CodeChanged | why.FormatChanged)]
    return (
        "; ".join(wording.short([reason]) for reason in others) or "what this code writes is known from an earlier run"
    )


def _hint(name: str, decision: Decision) -> str:
    for reason in decision.reasons:
        match reason:
            case why.NeverRun():
                return f"Run it: `pivot run {name}`; there is no earlier code to be equivalent to."
            case why.UpstreamPending(stages=stages):
                return f"Accept or run {', '.join(stages)} first, or name {'it' if len(stages) == 1 else 'them'} too."
            case why.OutMissing() | why.OutChanged():
                return f"Put its outs back as they were, or run it: `pivot run {name}`."
            case why.CodeChanged() | why.FormatChanged():
                continue
            case _:
                return f"Undo that, or run it: `pivot run {name}`."
    return f"`pivot run {name}` puts that in place without running it."
