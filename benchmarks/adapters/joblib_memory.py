"""Each stage a function cached by joblib.Memory."""

from typing import Any

import joblib

_memory = joblib.Memory(".cache", verbose=0)
_stages: list[Any] = []


def stage(function: Any = None, **_options: Any) -> Any:
    if function is None:
        return stage
    cached = _memory.cache(function)
    _stages.append(cached)
    return cached


def run_all() -> None:
    __import__("pipeline")
    for cached in _stages:
        cached()
