"""What is told of stages whose last run failed or was interrupted, as long as that is not mended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from pivot_core.decide import Decision
from pivot_core.storage.state import Failure

from pivot_cli import wording
from pivot_cli.session import Opened


def open_failures(here: Opened, decisions: Mapping[str, Decision]) -> dict[str, Failure]:
    """How the last run of a stage failed, or was interrupted: of those that still have to run, with the files that are
    still there."""
    root, known = here.project.root, here.session.state.failures()
    unmended = {name for name, decision in decisions.items() if decision.verdict in ("run", "pending")}
    return {name: _what_is_left(failure, root) for name, failure in known.items() if name in unmended}


def in_a_word(failure: Failure) -> str:
    """How the last run of the stage ended."""
    return "interrupted" if failure.interrupted else "failed"


def in_short(failure: Failure) -> str:
    """The error, or for how long it ran; when that was, and where to read on."""
    log = f", log: {failure.log}" if failure.log else ""
    what = f"after {wording.seconds(failure.seconds)}" if failure.interrupted else _headline(failure)
    return f"{what} ({_age(failure)}{log})"


def to_lines(failure: Failure) -> Iterator[str]:
    """The lines of `pivot explain`."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(failure.time))
    yield f"  Last run: {in_a_word(failure)} {_age(failure)}, at {when}, after {wording.seconds(failure.seconds)}"
    if not failure.interrupted:
        yield f"    Error: {_headline(failure)}"
    if failure.log:
        yield f"    Log: {failure.log}"
    if failure.partial:
        yield f"    What it wrote: {failure.partial}/"


def to_data(failure: Failure | None) -> dict[str, Any]:
    """The field that JSON forms have where the last run of a stage failed or was interrupted."""
    return {} if failure is None else {"failure": attrs.asdict(failure)}


def _headline(failure: Failure) -> str:
    return failure.error.partition("\n")[0]


def _age(failure: Failure) -> str:
    return wording.ago(time.time() - failure.time)


def _what_is_left(failure: Failure, root: Path) -> Failure:
    def there(path: str) -> str:
        return path if path and (root / path).exists() else ""

    return attrs.evolve(failure, log=there(failure.log), partial=there(failure.partial))
