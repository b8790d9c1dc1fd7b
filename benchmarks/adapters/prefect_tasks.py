"""Each stage a Prefect task that is cached by its source, in one flow. (By its inputs alone no edit is ever seen.)"""

import os
from pathlib import Path
from typing import Any

os.environ["PREFECT_HOME"] = str(Path.cwd() / ".prefect")
os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

_stages: list[Any] = []


def stage(function: Any = None, **_options: Any) -> Any:
    if function is None:
        return stage
    cached = task(function, cache_policy=TASK_SOURCE + INPUTS, persist_result=True)
    _stages.append(cached)
    return cached


@flow
def _all() -> None:
    for cached in _stages:
        cached()


def run_all() -> None:
    __import__("pipeline")
    _all()
