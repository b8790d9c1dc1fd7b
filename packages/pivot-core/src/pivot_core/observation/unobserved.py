"""In the place of an observer where nothing tells what loading looks at: what was loaded stands for no other load."""

from __future__ import annotations

from collections.abc import Callable, Collection

from pivot_core.frozen import FrozenSources
from pivot_core.observation.model import Observed
from pivot_core.observation.places import Places
from pivot_core.project import Project


class Observer:
    """Sees nothing."""

    def __init__(self, project: Project, sources: FrozenSources, places: Places, close: Callable[[int], None]) -> None:
        """As the one that does."""

    def start(self) -> None:
        pass

    def imported(self) -> None:
        pass

    def stop(self, own: Collection[str] = ()) -> Observed:  # noqa: ARG002 - as the one that does
        return Observed(problem="this system does not tell what is looked at while the pipeline is loaded")
