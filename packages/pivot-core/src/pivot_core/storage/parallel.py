"""Threads for work that waits for files, without the import time of concurrent.futures."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence


def in_parallel[T](work: Callable[[T], None], items: Sequence[T]) -> None:
    """Do `work` on every item, in as many threads as there are CPUs. Raises the first error, after all have ended."""
    threads = min(len(items), os.process_cpu_count() or 1, 8)
    if threads < 2:
        for item in items:
            work(item)
        return
    todo = iter(items)
    lock = threading.Lock()
    errors: list[BaseException] = []

    def run() -> None:
        while not errors:
            with lock:
                item = next(todo, todo)
            if item is todo:
                return
            try:
                work(item)  # type: ignore[arg-type] # the sentinel was ruled out above
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                errors.append(error)

    crew = [threading.Thread(target=run) for _ in range(threads - 1)]
    for thread in crew:
        thread.start()
    run()
    for thread in crew:
        thread.join()
    if errors:
        raise errors[0]
