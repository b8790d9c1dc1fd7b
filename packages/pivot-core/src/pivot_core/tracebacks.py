"""What a user's code raised: the user's own frames, none of the machinery that called them, and the error in a line."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path

from pivot_core.project import OWN_PACKAGES


def user_traceback(error: BaseException) -> str:
    """The traceback of `error` as Python prints it, without the frames of Pivot and of the import system."""
    shown = traceback.TracebackException.from_exception(error)
    _strip(shown, _machinery(), set())
    return _writable("".join(shown.format()).rstrip("\n"))


def headline(error: BaseException) -> str:
    """The type of `error` and the first line of what it says; the type alone where it says nothing, or fails to."""
    try:
        text = _writable(str(error).strip().partition("\n")[0])
    except Exception:  # noqa: BLE001 - somebody else's __str__
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _writable(text: str) -> str:
    """The text with what no encoding has, halves of characters, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _machinery() -> tuple[str, ...]:
    places = ["<frozen importlib", "<frozen runpy", str(importlib.__file__)]
    for name in OWN_PACKAGES:
        module = sys.modules.get(name)
        origin = module.__spec__.origin if module and module.__spec__ else None
        if origin is None and (spec := find_spec(name) if module is None else None):
            origin = spec.origin
        if origin:
            places.append(str(Path(origin).parent) + os.sep)
    return tuple(places)


def _strip(shown: traceback.TracebackException, machinery: tuple[str, ...], seen: set[int]) -> None:
    if id(shown) in seen:
        return
    seen.add(id(shown))
    frames = [frame for frame in shown.stack if not frame.filename.startswith(machinery)]
    shown.stack = traceback.StackSummary.from_list(frames)
    for inner in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if inner is not None:
            _strip(inner, machinery, seen)
