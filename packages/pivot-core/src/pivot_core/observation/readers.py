"""Libraries that read files without Python's knowledge, when project code itself calls them.

The operating system tells of the files of the project that they open, elsewhere nobody does. So what the call names is
noted here, and a call that names nothing that can be noted makes the load one that cannot be answered for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any, Final

from pivot_core.observation import looks
from pivot_core.observation.audit import Listener, absolute

_LIBRARIES: Final = frozenset(
    (
        *("pyarrow", "polars", "duckdb", "_duckdb", "h5py", "tables", "netCDF4", "rasterio", "fiona", "pyogrio"),
        *("osgeo", "cv2", "pyreadr", "pyreadstat", "fastparquet", "deltalake", "datasets", "lance", "vaex", "zarr"),
    )
)
_READS: Final = (
    "read",
    "scan",
    "open",
    "load",
    "from_file",
    "imread",
    "memory_map",
    "execute",
    "sql",
    "query",
    "connect",
)
_CLASSES: Final = frozenset(
    ("File", "Dataset", "dataset", "ParquetFile", "ParquetDataset", "OSFile", "VideoCapture", "HDFStore", "DeltaTable")
)


class Readers:
    """Watches the calls in the code that `watch` is given, from `start` to `stop`."""

    def __init__(self, listener: Listener, roots: Iterable[str]) -> None:
        self._listener = listener
        self._roots = tuple(f"{os.path.realpath(root)}{os.sep}" for root in roots)
        self._tool: int | None = None
        self._watched: list[CodeType] = []
        self.unknown: list[str] = []
        """Calls whose files are known only where the operating system tells of the whole project."""

    def start(self) -> None:
        monitoring = sys.monitoring
        free = [
            tool for tool in (3, 4) if monitoring.get_tool(tool) is None
        ]  # those that no debugger or profiler takes
        if not free:
            return
        self._tool = free[0]
        monitoring.use_tool_id(self._tool, "pivot")
        monitoring.register_callback(self._tool, monitoring.events.CALL, self._called)
        self._listener.on_code = self.watch

    def stop(self) -> None:
        self._listener.on_code = None
        if self._tool is None:
            return
        for code in self._watched:
            sys.monitoring.set_local_events(self._tool, code, 0)
        self._watched.clear()
        sys.monitoring.register_callback(self._tool, sys.monitoring.events.CALL, None)
        sys.monitoring.free_tool_id(self._tool)
        self._tool = None

    def watch(self, code: CodeType) -> None:
        """Watch the calls in `code` and in all that is defined in it."""
        if self._tool is None:
            return
        sys.monitoring.set_local_events(self._tool, code, sys.monitoring.events.CALL)
        self._watched.append(code)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self.watch(constant)

    def _called(self, _code: CodeType, _offset: int, called: Callable[..., Any], first: object) -> None:
        name = _reader(called, first)
        if name:
            self._listener.take(self._note, (name, first), None)

    def _note(self, listener: Listener, call: tuple[str, object], _frame: FrameType | None) -> None:
        name, first = call
        path = absolute(first) if isinstance(first, str | bytes | os.PathLike) else None
        kind = looks.look_in(path, looks.KIND) if path else ""
        if path is not None and kind == "file":
            if not listener.places.is_ignored(path):
                listener.recorder.file(path)
        elif path is not None and os.path.realpath(path).startswith(self._roots):
            self.unknown.append(name)
            while f"{os.path.realpath(path)}{os.sep}".startswith(self._roots):  # what is not there cannot be opened
                listener.recorder.look(path, looks.KIND)
                path = path.rpartition(os.sep)[0]
        else:
            listener.recorder.fail(f"{name} may read files of which nothing is told, while the pipeline is loaded")


def _reader(called: object, first: object) -> str:
    """The name of a function of such a library that reads; "" for any other."""
    name = getattr(called, "__name__", "")
    if not isinstance(name, str) or not (name in _CLASSES or name.startswith(_READS)):
        return ""
    for owner in (getattr(called, "__module__", None), type(first).__module__):
        if isinstance(owner, str) and owner.partition(".")[0] in _LIBRARIES:
            return f"{owner.partition('.')[0].strip('_')}.{name}"
    return ""
