"""Observe what loading a pipeline depends on."""

from __future__ import annotations

import glob
import os
import resource
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from types import ModuleType

from pivot_core.frozen import FrozenSources
from pivot_core.observation import inotify, looks, variables
from pivot_core.observation.always import always_now
from pivot_core.observation.audit import Listener
from pivot_core.observation.began import began
from pivot_core.observation.calls import Calls
from pivot_core.observation.imports import RecordingFinder
from pivot_core.observation.model import Observed
from pivot_core.observation.places import Places, space_of
from pivot_core.observation.readers import Readers
from pivot_core.observation.recorder import Recorder
from pivot_core.project import OWN_PACKAGES, Project
from pivot_core.storage.digests import hash_bytes

_DATABASE_FILES = (*looks.DATABASE_LOGS, "-shm")


class Observer:
    """Watches one load of `project`, whose sources are read through `sources`, in a process that does nothing else.

    What user code sees stays the same, os.environ the same object. Not seen are the clock, the network where a library
    in another language uses it, variables that such a library reads, what libraries looked at that were imported
    earlier, and files outside of the project that are read without Python's knowledge.

    `close` is given a descriptor whose closing takes long.
    """

    def __init__(
        self, project: Project, sources: FrozenSources, places: Places, close: Callable[[int], None] = os.close
    ) -> None:
        self._project = project
        self._sources = sources
        self._always = ""
        self._children: tuple[object, ...] = ()
        self._modules: set[str] = set()
        self._recorder = Recorder(places)
        self._listener = Listener(self._recorder)
        self._calls = Calls(self._listener)
        self._finder = RecordingFinder(self._listener)
        self._variables = variables.Watch()
        roots = [str(place) for place in (project.root, *project.source_roots)]
        self._watch = inotify.Watch(roots, close)
        self._readers = Readers(self._listener, roots)

    def start(self) -> None:
        """From now on all that this process looks at counts."""
        self._always = always_now(self._project)
        self._children = _children()
        self._modules = set(sys.modules)
        self._note_modules(list(sys.modules.values()), not_since=began())
        self._note_libraries()
        self._watch.start()
        self._finder.start()
        self._variables.start()
        self._calls.start()
        self._readers.start()
        self._listener.start()

    def imported(self) -> None:
        """The pipeline is imported, and from now on only Pivot looks at anything."""
        self._readers.stop()
        self._calls.leave(self._new_modules())

    def stop(self, own: Collection[str] = ()) -> Observed:
        """Stop watching, and tell what was seen. `own` are paths that Pivot itself opened and that do not count."""
        self._listener.stop()
        self._readers.stop()
        self._calls.stop()
        read = self._variables.stop()
        self._finder.stop()
        self._note_modules(self._new_modules())
        self._note_seen(self._watch.stop(), own)
        if _children() != self._children:
            self._recorder.fail("the pipeline starts a process while it is loaded")
        frozen = {path: hash_bytes(data) for path, data in self._sources.bundle().items()}
        files = self._recorder.files(frozen)
        return Observed(
            files={path: digest for path, digest in sorted(files.items()) if path not in own},
            looked_up=dict(sorted(self._recorder.looked_up().items())),
            listed=dict(sorted(self._recorder.listed().items())),
            searched=dict(sorted(self._recorder.searched().items())),
            variables=read,
            always=self._always,
            problem=self._recorder.problem,  # the last, since each of the others may find one
        )

    def _note_modules(self, modules: Iterable[ModuleType], not_since: int | None = None) -> None:
        """The files of loaded modules that are neither Python's nor a distribution's, nor Pivot's.

        One that changed after `not_since` (nanoseconds) may not be what was imported.
        """
        places = self._recorder.places
        for module in modules:
            space = space_of(module)
            path = getattr(space.get("__spec__"), "origin", None) or space.get("__file__")
            if not isinstance(path, str) or not path.startswith("/") or self._recorder.is_read(path):
                continue
            if places.is_library(path) or places.is_own(path):
                continue
            self._recorder.file(path)
            if not_since is not None and self._recorder.changed_since(path, not_since):
                self._recorder.fail(f"{path} may have changed while it was imported")

    def _new_modules(self) -> list[ModuleType]:
        return [module for name, module in list(sys.modules.items()) if name not in self._modules]

    def _note_libraries(self) -> None:
        """Libraries are imported beforehand only where the project has no module of the name."""
        tops = {name.partition(".")[0] for name in self._modules}
        libraries = tops - sys.stdlib_module_names - OWN_PACKAGES - {"__main__"}
        for root in self._project.source_roots:
            self._recorder.search(str(root), libraries)

    def _note_seen(self, seen: inotify.Seen, own: Collection[str]) -> None:
        """What the operating system saw in the project: files that nobody told of were read by other means."""
        places, recorder = self._recorder.places, self._recorder
        if not seen.whole and self._readers.unknown:
            recorder.fail(
                f"{self._readers.unknown[0]} may read files of which nothing is told, while the pipeline is loaded"
            )
        for path in sorted(seen.opened):
            if path in own or places.is_ignored(path) or path.endswith(_DATABASE_FILES) or recorder.is_written(path):
                continue
            recorder.file(path)
            if path in seen.changed:
                recorder.fail(f"{path} changed while the pipeline was loaded")
        for directory, count in seen.listed.items():
            if count > recorder.counted(directory) and not places.is_ignored(directory):
                recorder.listing(directory)


def _children() -> tuple[object, ...]:
    """What changes when a child is started: those that are there, and what all that ended have used together."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    present = []
    for path in glob.glob("/proc/self/task/*/children"):  # noqa: PTH207 - text in, text out
        try:
            present += Path(path).read_text("ascii").split()
        except OSError:  # the thread ended
            continue
    return sorted(present), usage.ru_minflt, usage.ru_utime + usage.ru_stime
