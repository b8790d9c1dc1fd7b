"""Observe what loading a pipeline depends on."""

from __future__ import annotations

from collections.abc import Collection

from pivot_core.frozen import FrozenSources
from pivot_core.observation.always import always_now
from pivot_core.observation.model import Observed
from pivot_core.project import Project
from pivot_core.storage.digests import hash_bytes


class Observer:
    """Watches one load of `project`, whose sources are read through `sources`."""

    def __init__(self, project: Project, sources: FrozenSources) -> None:
        self._project = project
        self._sources = sources
        self._always = ""

    def start(self) -> None:
        """From now on all that this process looks at counts."""
        self._always = always_now(self._project)

    def stop(self, own: Collection[str] = ()) -> Observed:
        """Stop watching, and tell what was seen. `own` are paths that Pivot itself opened and that do not count."""
        files = {path: hash_bytes(data) for path, data in self._sources.bundle().items() if path not in own}
        return Observed(files, always=self._always, problem="what loading looked at was not watched")
