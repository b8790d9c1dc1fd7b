"""Each stage a function under streamlit's cache_data, kept on disk as in a running app."""

import os
from pathlib import Path
from typing import Any

os.environ["HOME"] = str(Path.cwd())

import streamlit
from streamlit.runtime.caching.cache_data_api import DataCaches
from streamlit.runtime.caching.storage.local_disk_cache_storage import LocalDiskCacheStorageManager

DataCaches.get_storage_manager = lambda _: LocalDiskCacheStorageManager()

_stages: list[Any] = []


def stage(function: Any = None, **_options: Any) -> Any:
    if function is None:
        return stage
    cached = streamlit.cache_data(persist="disk", show_spinner=False)(function)
    _stages.append(cached)
    return cached


def run_all() -> None:
    __import__("pipeline")
    for cached in _stages:
        cached()
