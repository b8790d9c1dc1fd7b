"""Outs make way before a stage runs, and are put back if it fails. What no run has written is stored first."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from pivot_core.errors import PivotError
from pivot_core.events import Notice
from pivot_core.interfaces import EventSink
from pivot_core.model import FileState, Out
from pivot_core.project import Project
from pivot_core.session import Session
from pivot_core.storage.lockfile import file_name
from pivot_core.storage.remove import clear, remove

_NOT_THERE = re.compile(r"(?:No such file or directory|non-existent directory|Failed to open local file):? '(.+?)'")


@attrs.frozen
class Cleared:
    """What was at an out before it was cleared, and whether something stayed that is not the stage's."""

    state: FileState | None
    left: bool


class Clearing:
    """Clears outs of a project and puts them back. `sink` takes notices of what was stored for it."""

    def __init__(self, project: Project, session: Session, sink: EventSink | None) -> None:
        self._project = project
        self._session = session
        self._sink = sink

    def save_unknown(self, stage: str, out: Out) -> None:
        """Store what is at an out of `stage`, if the store does not have it. Raises PivotError."""
        saved = self._session.store.save_unknown(self._project.root / out.path)
        if saved is not None and self._sink is not None:
            what = "its listing is kept" if saved.is_directory else "they are kept"
            place = self._project.shown(self._session.store.place(saved.digest))
            message = f"{out.path} held bytes that no recorded run wrote; {what} as {place}"
            self._sink.emit(Notice(message, stage))

    def clear(self, stage: str, out: Out) -> Cleared:
        """Make way for an out of `stage`; returns what `put_back` needs. Raises PivotError."""
        place = self._project.root / out.path
        if not os.path.lexists(place):
            _make_directory_of(place, out)
            return Cleared(None, left=False)
        state = self._session.hasher.state(out.path)
        recorded = self._session.locks.read(stage)
        written = recorded.outs.get(out.path) if recorded else None
        if out.cache or (state and (written is None or written.digest != state.digest)):
            self.save_unknown(stage, out)
        clear(self._project.root, out.path, self._session.ignore)
        kept = state is not None and not self._session.missing([state.digest])
        return Cleared(state if kept else None, os.path.lexists(place))

    def put_back(self, stage: str, cleared: Mapping[str, Cleared]) -> str:
        """Move what `stage` wrote at the paths in `cleared` to `.pivot/failed/<stage>/`, and put back what was there.

        Returns that directory, relative to the root, or "" if the stage wrote nothing. Raises PivotError.
        """
        failed = partial_outs(self._project, stage)
        try:
            remove(failed)
            for path, before in cleared.items():
                self._put_aside(path, before, failed)
                if before.state is not None:
                    self._session.store.fetch(before.state, self._project.root / path)
        except OSError as error:
            raise PivotError(f"{error.filename}: {error.strerror}") from None
        return self._project.shown(failed) if failed.exists() else ""

    def _put_aside(self, path: str, before: Cleared, failed: Path) -> None:
        place = self._project.root / path
        if before.left:
            clear(self._project.root, path, self._session.ignore)
        elif os.path.lexists(place):
            import shutil

            (failed / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(place, failed / path)


def partial_outs(project: Project, stage: str) -> Path:
    """The directory for what a stage had written when it failed."""
    return project.directory / "failed" / file_name(stage)


def _make_directory_of(place: Path, out: Out) -> None:
    if os.path.isdir(os.path.dirname(place)):  # noqa: PTH112, PTH120 - for every out
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PivotError(f"{out.path}: its directory cannot be made: {error.strerror}") from None


def missed(error: str, outs: Iterable[Out], root: Path) -> str:
    """What to add to the error of a stage that looked for something in its own outs, which had made way; "" for others.

    Python and most libraries name the path.
    """
    found = _NOT_THERE.search(error)
    if found is None:
        return ""
    path = os.path.relpath(os.path.join(root, found[1]), root).replace(os.sep, "/")  # noqa: PTH118 - text in, text out
    out = next((out.path for out in outs if f"{path}/".startswith(f"{out.path}/")), None)
    if out is None:
        return ""
    return (
        f"\n{out} is an out, and a stage begins without its outs: make its directories in the stage, "
        "and keep elsewhere what the next run has to read."
    )
