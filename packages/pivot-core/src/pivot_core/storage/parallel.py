"""Threads for large files, without the import time of concurrent.futures.

Small files are left to one thread: they keep the interpreter busy more than the disk, and two threads that pass the GIL
to and fro for each call take twice as long as one (measured).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator

LARGE = 1 << 20  # bytes
_MOST = 8  # threads


def in_parallel[T](work: Callable[[T], None], items: Iterable[tuple[T, int]]) -> None:
    """Do `work` on every item, given with its size in bytes. Raises the first error, once all threads have ended."""
    small: list[T] = []
    large: list[T] = []
    for item, size in items:
        (large if size >= LARGE else small).append(item)
    queue = _Queue(large)
    errors: list[BaseException] = []

    def run(todo: Iterable[T]) -> None:
        try:
            for item in todo:
                if errors:
                    return
                work(item)
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            errors.append(error)

    threads = min(len(large) - (not small), (os.process_cpu_count() or 1) - 1, _MOST)
    crew: list[threading.Thread] = []
    try:
        for _ in range(threads):
            thread = threading.Thread(target=run, args=(queue,))
            thread.start()
            crew.append(thread)
    except RuntimeError:
        pass  # the system allows no further one
    run(small)
    run(queue)
    for thread in crew:
        thread.join()
    if errors:
        raise errors[0]


class _Queue[T]:
    """Gives each item to one of the threads that iterate over it."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._lock:
            return next(self._items)
