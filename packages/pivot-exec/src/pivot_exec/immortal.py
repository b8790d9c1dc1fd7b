"""Objects that are not counted any more: a process that only uses one would have to copy the memory that it is in.

A fork shares memory with its parent until one of them writes there, and Python writes to each object that it uses: how
many references there are to it. Without counts (PEP 683) a stage that uses pandas has a third less to copy.
"""

from __future__ import annotations

import _io
import ctypes
import functools
import gc
import sys
import types
from typing import Any

_ENDED_IN_TIME = (_io._IOBase, types.FrameType, types.GeneratorType, types.CoroutineType)  # noqa: SLF001
_MOST = 200_000  # objects; to go through more takes as long as a run of few stages gains
_NOT_COUNTED = 0xFFFFFFFF  # in the lower half of the count, which Python then leaves as it is


def all_imported() -> None:
    """Never free what the libraries that are imported consist of, functions and classes above all, and do not count
    what refers to it; the first call with numpy does, by which that takes no longer than a few stages.

    With small libraries there is little to gain, and very large ones are left alone. Garbage collection does not list
    these objects from then on; it does files, and what runs.
    """
    if "numpy" in sys.modules:
        _make(sys.modules["numpy"])


@functools.cache
def _make(numpy: Any) -> None:
    objects = gc.get_objects()
    if len(objects) > _MOST or not _can_be():
        return
    apart = {kind for kind in set(map(type, objects)) if issubclass(kind, _ENDED_IN_TIME)}
    objects = [item for item in objects if type(item) not in apart]
    objects += [item.__code__ for item in objects if type(item) is types.FunctionType]
    places = numpy.fromiter(map(id, objects), numpy.int64, len(objects)) >> 2
    first = int(places.min())
    length = int(places.max()) - first + 1
    memory = numpy.frombuffer((ctypes.c_uint32 * length).from_address(first << 2), numpy.uint32)
    memory[places - first] = _NOT_COUNTED


def _can_be() -> bool:
    """Whether this Python keeps counts where CPython usually does; tried with an object."""
    if sys.implementation.name != "cpython" or getattr(sys, "abiflags", None) != "":
        return False  # of debugging, or of threads without a lock
    if sys.byteorder != "little" or sys.maxsize < 1 << 32:
        return False
    tried: list[object] = []
    ctypes.c_uint32.from_address(id(tried)).value = _NOT_COUNTED
    counted = sys.getrefcount(tried)
    others = [tried] * 3
    return sys.getrefcount(others[0]) == counted
