"""Reasons, states and durations in words."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from pivot_core import reasons as why
from pivot_core.decide import differing
from pivot_core.enumerating import first_of
from pivot_core.model import Accepted, Json
from pivot_core.reasons import CodeChange, Reason

from pivot_cli.names import Named, shortened

DIGITS = 8
ABSENT = "(none)"


def short(reasons: Collection[Reason]) -> str:
    """The first reason in a few words, and how many more there are."""
    if not reasons:
        return ""
    first, *rest = reasons
    more = f"; {len(rest)} more reason{'s' if len(rest) > 1 else ''}" if rest else ""
    return _short(first) + more


def title(reason: Reason) -> str:
    """The kind of a reason, as `explain` heads it."""
    match reason:
        case why.NeverRun(detail=detail):
            return f"No record ({detail})" if detail else "No record yet"
        case why.CodeChanged():
            return "Code dependency changed"
        case why.FormatChanged(old=old, new=new):
            return f"Fingerprint format changed ({old} → {new})"
        case why.ParamChanged():
            return "Parameter changed"
        case why.DepAdded() | why.DepRemoved():
            return "Declared deps changed"
        case why.DepChanged():
            return "Input dependency changed"
        case why.DepMissing():
            return "Input dependency missing"
        case why.OutAdded() | why.OutRemoved():
            return "Declared outs changed"
        case why.OutMissing():
            return "Output missing"
        case why.OutChanged():
            return "Output changed since it was written"
        case why.Forced():
            return "Forced"
        case why.UpstreamPending(stages=stages):
            return f"Upstream must run first: {', '.join(stages)}"


def digits(digest: str | None) -> str:
    """The first digits of a digest, and what is said behind it; versions stay whole."""
    if digest is None:
        return ABSENT
    if not digest.startswith("xxh3:"):
        return digest[:DIGITS]
    number, *more = digest.removeprefix("xxh3:").split(" ")
    return " ".join([number[:DIGITS], *more])


def code_value(change: CodeChange, value: str | None) -> str:
    return value if change.kind == "dist" and value is not None else digits(value)


def param_changes(name: str, old: Json, new: Json) -> Iterator[tuple[str, Json, Json]]:
    """What differs between two values of a param: where both are mappings, only the parts of them that do."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield name, old, new
        return
    for key in differing(new, old):
        yield from param_changes(f"{name}.{key}", old.get(key), new.get(key))


def param_value(value: Json) -> str:
    return ABSENT if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def accepted_data(accepted: Accepted | None) -> dict[str, Any]:
    """The field that JSON forms have where the code of a stage was accepted: what really made its outs."""
    return {} if accepted is None else {"accepted": {"code": accepted.code, "scheme": accepted.scheme}}


def change_names(changes: Collection[CodeChange], others: Collection[Named] = ()) -> list[str]:
    names = shortened([(change.kind, change.name) for change in changes], others)
    return [names[change.kind, change.name] for change in changes]


def seconds(value: float) -> str:
    """A duration: 0.12s, 12.3s, 2m05s, 1h02m."""
    if value < 9.995:
        return f"{value:.2f}s"
    if value < 59.95:
        return f"{value:.1f}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m"


def ago(seconds: float) -> str:
    """How long ago something was, roughly: just now, 12 s ago, 3 min ago, 5 h ago, 2 days ago."""
    if seconds < 2:
        return "just now"
    for unit, size, limit in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48)):
        count = int(seconds // size)
        if count < limit:
            return f"{count} {unit} ago"
    return f"{int(seconds // 86400)} days ago"


def stages(count: int) -> str:
    return f"{count} stage" if count == 1 else f"{count} stages"


def _short(reason: Reason) -> str:
    match reason:
        case why.NeverRun(detail=detail):
            return detail or "no record yet"
        case why.CodeChanged(changes=changes):
            return _counted("code changed", change_names(changes))
        case why.FormatChanged():
            return "fingerprint format changed"
        case why.ParamChanged(name=name):
            return f"param changed: {name}"
        case why.DepAdded(path=path):
            return f"dep added: {path}"
        case why.DepRemoved(path=path):
            return f"dep removed: {path}"
        case why.DepChanged(path=path):
            return f"dep changed: {path}"
        case why.DepMissing(path=path):
            return f"dep missing: {path}"
        case why.OutAdded(path=path):
            return f"out added: {path}"
        case why.OutRemoved(path=path):
            return f"out removed: {path}"
        case why.OutMissing(path=path):
            return f"out missing: {path}"
        case why.OutChanged(path=path):
            return f"out changed: {path}"
        case why.Forced():
            return "forced"
        case why.UpstreamPending(stages=stages):
            return _counted("waits for", list(stages))


def _counted(what: str, names: list[str]) -> str:
    return f"{what}: {first_of(names, 1)}" if names else what
