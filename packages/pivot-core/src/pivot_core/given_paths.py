"""The paths that a declaration gives: checked, and told from the root of the project."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FunctionType

import attrs

from pivot_core.errors import PipelineError
from pivot_core.model import GLOB_CHARACTERS, Dep, Location, Out

type PathLike = str | os.PathLike[str]
type Paths = PathLike | Iterable[PathLike]
type Outs = PathLike | Out | Iterable[PathLike | Out]


def outs_of(values: object, root: Path | None, location: Location) -> tuple[Out, ...]:
    """What is given as `outs`: paths, or `Out`s, one or many. Raises PipelineError.

    `root` is None outside of a load, where nobody knows it; `location` is where the stage is declared.
    """
    outs: dict[str, Out] = {}
    for value in [values] if isinstance(values, Out) else _listed(values, "outs", location):
        out = _out_of(value, root, location)
        if outs.setdefault(out.path, out).cache != out.cache:
            raise PipelineError(f"outs: {out.path!r} is given twice, with and without cache=False", where=location)
        if out.is_directory:
            outs[out.path] = out
    return tuple(outs.values())


def _out_of(value: object, root: Path | None, location: Location) -> Out:
    out = value if isinstance(value, Out) else None
    given: object = value if out is None else out.path
    path = checked_path(given, "outs", root, location)
    is_directory = isinstance(given, str) and given.endswith("/")
    if out is None:
        return Out(path, is_directory=is_directory)
    return attrs.evolve(out, path=path, is_directory=out.is_directory or is_directory)


def deps_of(values: object, root: Path | None, location: Location) -> tuple[Dep, ...]:
    """What is given as `deps`: as `outs_of`, but globs and paths outside of the project are fine too."""
    paths = (checked_path(value, "deps", root, location) for value in _listed(values, "deps", location))
    return tuple(dict.fromkeys(Dep(path) for path in paths))


def _listed(values: object, label: str, location: Location) -> list[object]:
    if isinstance(values, str | os.PathLike):
        return [values]
    if isinstance(values, FunctionType):
        raise _not_a_path(values, label, location)
    if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
        hint = f'Write {label}=["data.csv"], or leave {label} out where there is none.'
        raise PipelineError(f"{label} must be a path or a list of paths, not {values!r}", hint, location)
    return list(values)


def _not_a_path(function: FunctionType, label: str, location: Location) -> PipelineError:
    return PipelineError(
        f"{label} must be paths, not the function {function.__qualname__}",
        "Stages are joined by files: name what it writes.",
        location,
    )


def checked_path(value: object, label: str, root: Path | None, location: Location) -> str:
    """The path that `value` stands for, from the root of the project; outside of a load nobody knows that."""
    if isinstance(value, FunctionType):
        raise _not_a_path(value, label, location)
    if not isinstance(value, str | os.PathLike):
        raise PipelineError(f"{label} must be paths, not {value!r} ({type(value).__name__})", where=location)
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip():
        raise PipelineError(f"{label} has an empty path: {value!r}", where=location)
    if "\0" in text or "\n" in text or is_broken(text, "surrogateescape"):
        raise PipelineError(f"{label}: {text!r} cannot be a path", where=location)
    if "://" in text:
        raise PipelineError(
            f"{label}: {text!r} is no path of a file",
            "Transfer it in a stage, and let a file of the project be the dep or out.",
            location,
        )
    if text.startswith("~/"):
        hint = "Give a path relative to the project root, or for deps Path.home() / …"
        raise PipelineError(f"{label}: {text!r} has a ~, which only shells replace", hint, location)
    inside = os.path.normpath(text)
    drive, top, _ = os.path.splitroot(inside)
    if drive or top:
        if label == "outs":
            raise _absolute_out(text, inside, root, location)
        if root is None:
            return inside
        inside = _relative(inside, root)
    inside = inside.replace(os.sep, "/")
    if label == "outs":
        _check_out(text, inside, location)
    elif root is not None and inside.split("/", 1)[0] == os.pardir:
        inside = os.path.normpath(os.path.join(root, text)).replace(os.sep, "/")  # noqa: PTH118 - text in, text out
    return inside


def is_broken(text: str, errors: str = "strict") -> bool:
    """Whether the text holds halves of characters (surrogates), which UTF-8 has not."""
    try:
        text.encode("utf-8", errors)
    except UnicodeEncodeError:
        return True
    return False


def _absolute_out(text: str, path: str, root: Path | None, location: Location) -> PipelineError:
    inside = path if root is None else _relative(path, root)
    is_outside = inside.split(os.sep, 1)[0] == os.pardir or any(os.path.splitroot(inside)[:2])
    hint = "Give it relative to the project root, and inside the project."
    if not is_outside:
        hint = f"Write {inside.replace(os.sep, '/')!r}: paths count from the project root."
    return PipelineError(f"outs: {text!r} is absolute", hint, location)


def _relative(path: str, root: Path) -> str:
    """A path that begins at a root or drive, from the root of the project; whole if that is on another drive."""
    whole = os.path.abspath(path)  # noqa: PTH100 - text in, text out
    try:
        return os.path.relpath(whole, root)
    except ValueError:
        return whole


def _check_out(text: str, inside: str, location: Location) -> None:
    parts = inside.split("/")
    if parts[0] == os.pardir:
        raise PipelineError(f"outs: {text!r} lies outside the project", "Write inside the project.", location)
    if inside == os.curdir:
        raise PipelineError(f"outs: {text!r} is the project itself", "Name a file or directory inside it.", location)
    if ".pivot" in parts or ".git" in parts:
        raise PipelineError(f"outs: {text!r} is not for stages to write", "Write elsewhere in the project.", location)
    if f"{location.file}/".startswith(f"{inside}/"):
        raise PipelineError(
            f"outs: {text!r} would replace {location.file}, which declares the stage",
            "Outs are removed before a stage runs: name a file or directory of their own.",
            location,
        )
    if not GLOB_CHARACTERS.isdisjoint(inside):
        raise PipelineError(
            f"outs: {text!r} is a glob; outs must be known before the stage runs",
            "Declare the directory that the files are in.",
            location,
        )
