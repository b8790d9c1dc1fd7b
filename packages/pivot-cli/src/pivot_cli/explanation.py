"""What `pivot explain` prints of a stage, as text and as data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
from pivot_core import reasons as why
from pivot_core.enumerating import first_of
from pivot_core.events import reason_to_data
from pivot_core.inside import Inside
from pivot_core.model import Accepted
from pivot_core.reasons import Reason
from pivot_core.storage.state import Failure

from pivot_cli import lastrun, wording
from pivot_cli.names import Named

_NAMED = 5  # files that a line names

type Verdict = Literal["up_to_date", "restore", "run", "pending"]

STATUS: dict[Verdict, str] = {
    "up_to_date": "UP TO DATE",
    "restore": "WILL RESTORE",
    "run": "WILL RUN",
    "pending": "PENDING",
}


@attrs.frozen
class Explained:
    """The decision about one stage; `names` is all that its code depends on, to shorten names against.

    `accepted` is what code made the outs, where the recorded one was only accepted for it; `failure` is how the last
    run failed, where that is not mended; `inside` says of deps and outs that are directories what changed in them.
    """

    stage: str
    verdict: Verdict
    reasons: Sequence[Reason] = ()
    names: Collection[Named] = ()
    accepted: Accepted | None = None
    failure: Failure | None = None
    inside: Mapping[str, Inside] = attrs.field(factory=dict, hash=False)


def to_data(explained: Explained) -> dict[str, Any]:
    """The JSON form, of `status` too: stage, verdict, each reason with its fields; "accepted" where the code was, and
    "failure" where the last run failed."""
    data: dict[str, Any] = {
        "stage": explained.stage,
        "verdict": explained.verdict,
        "reasons": [_reason_data(reason, explained.inside) for reason in explained.reasons],
    }
    return data | wording.accepted_data(explained.accepted) | lastrun.to_data(explained.failure)


def _reason_data(reason: Reason, inside: Mapping[str, Inside]) -> dict[str, Any]:
    data = reason_to_data(reason)
    if isinstance(reason, why.DepChanged | why.OutChanged) and reason.path in inside:
        data["inside"] = attrs.asdict(inside[reason.path])
    return data


def to_text(explained: Explained) -> str:
    """The form users read: status, every kind of reason once, then every change."""
    blocked = any(isinstance(reason, why.DepMissing) for reason in explained.reasons)
    lines = [f"Stage: {explained.stage}", f"  Status: {'CANNOT RUN' if blocked else STATUS[explained.verdict]}"]
    titles = dict.fromkeys(wording.title(reason) for reason in explained.reasons)
    lines += [f"  Reason: {title}" for title in titles] or ["  Reason: Nothing changed"]
    if explained.accepted is not None:
        made_by = wording.digits(explained.accepted.code)
        lines.append(f"  Accepted: code {made_by} made the outs; `pivot accept` vouched for the present code")
    if explained.failure is not None:
        lines += lastrun.to_lines(explained.failure)
    changes = [line for reason in explained.reasons for line in _changes(reason, explained)]
    if changes:
        lines += ["", "  Changes:", *changes]
    return "\n".join(lines)


def _changes(reason: Reason, explained: Explained) -> Iterator[str]:
    match reason:
        case why.CodeChanged(changes=changes):
            for change, name in zip(changes, wording.change_names(changes, explained.names), strict=True):
                old, new = wording.code_value(change, change.old), wording.code_value(change, change.new)
                yield from _change(name, old, new)
                if change.file:
                    yield f"      File: {change.file}:{change.line}" if change.line else f"      File: {change.file}"
        case why.ParamChanged(name=name, old=old, new=new):
            for part, before, now in wording.param_changes(name, old, new):
                yield from _change(f"param:{part}", wording.param_value(before), wording.param_value(now))
        case why.DepChanged(path=path, old=old, new=new):
            yield from _change(f"dep:{path}", wording.digits(old), wording.digits(new))
            yield from _inside(explained.inside.get(path, Inside()))
        case why.OutChanged(path=path, old=old, new=new):
            yield from _change(f"out:{path}", wording.digits(old), wording.digits(new))
            yield from _inside(explained.inside.get(path, Inside()))
        case why.DepAdded(path=path):
            yield f"    dep:{path} (added)"
        case why.DepRemoved(path=path):
            yield f"    dep:{path} (removed)"
        case why.DepMissing(path=path):
            yield f"    dep:{path} (missing)"
        case why.OutAdded(path=path):
            yield f"    out:{path} (added)"
        case why.OutRemoved(path=path):
            yield f"    out:{path} (removed)"
        case why.OutMissing(path=path):
            yield f"    out:{path} (missing)"
        case _:
            return


def _change(name: str, old: str, new: str) -> Iterator[str]:
    yield f"    {name}"
    yield f"      Old: {old}"
    yield f"      New: {new}"


def _inside(inside: Inside) -> Iterator[str]:
    for what, paths in (("Added", inside.added), ("Removed", inside.removed), ("Changed", inside.changed)):
        if paths:
            yield f"      {what}: {first_of(paths, _NAMED)}"
