"""Why a stage is not up to date. Reasons are data; how they are worded is for whoever shows them."""

from __future__ import annotations

from typing import ClassVar

import attrs

from pivot_core.model import Json


@attrs.frozen
class CodeChange:
    """One entry of the manifest that differs. `old` or `new` is None where it is only on one side."""

    kind: str  # "func", "class", "value", "dist", …
    name: str  # module and qualified name
    old: str | None
    new: str | None
    file: str = ""
    line: int = 0


@attrs.frozen
class NeverRun:
    """There is no lock file, or none that can be trusted (`detail` says what is wrong with it)."""

    code: ClassVar = "never_run"
    detail: str = ""


@attrs.frozen
class CodeChanged:
    code: ClassVar = "code_changed"
    changes: tuple[CodeChange, ...]


@attrs.frozen
class FormatChanged:
    """The fingerprint was taken under another scheme or Python, so old and new cannot be compared."""

    code: ClassVar = "format_changed"
    old: str
    new: str


@attrs.frozen
class ParamChanged:
    """A parameter has another value, is new (`old` is None) or is gone (`new` is None)."""

    code: ClassVar = "param_changed"
    name: str
    old: Json
    new: Json


@attrs.frozen
class DepAdded:
    code: ClassVar = "dep_added"
    path: str


@attrs.frozen
class DepRemoved:
    code: ClassVar = "dep_removed"
    path: str


@attrs.frozen
class DepChanged:
    """`old` and `new` are digests, with " executable" behind them for files that can be executed."""

    code: ClassVar = "dep_changed"
    path: str
    old: str
    new: str


@attrs.frozen
class DepMissing:
    code: ClassVar = "dep_missing"
    path: str


@attrs.frozen
class OutAdded:
    """The stage declares an out that its lock file does not have."""

    code: ClassVar = "out_added"
    path: str


@attrs.frozen
class OutRemoved:
    code: ClassVar = "out_removed"
    path: str


@attrs.frozen
class OutMissing:
    code: ClassVar = "out_missing"
    path: str


@attrs.frozen
class OutChanged:
    """An out is not what the stage wrote; `old` and `new` as in `DepChanged`."""

    code: ClassVar = "out_changed"
    path: str
    old: str
    new: str


@attrs.frozen
class Forced:
    code: ClassVar = "forced"


@attrs.frozen
class UpstreamPending:
    """These stages have to run first, and what they write is a dep of this one."""

    code: ClassVar = "upstream_pending"
    stages: tuple[str, ...]


type Reason = (
    NeverRun
    | CodeChanged
    | FormatChanged
    | ParamChanged
    | DepAdded
    | DepRemoved
    | DepChanged
    | DepMissing
    | OutAdded
    | OutRemoved
    | OutMissing
    | OutChanged
    | Forced
    | UpstreamPending
)
