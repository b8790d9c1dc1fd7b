"""`stage`: how a function becomes a step of the pipeline.

The decorator only checks and notes what it is given; it returns the function itself. Outside of a load there is nothing
to note it for, so that importing a pipeline module in a test, a notebook or a script just works.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, overload

import attrs

from pivot_core import rebound
from pivot_core.errors import PipelineError
from pivot_core.lines import Lines
from pivot_core.model import GLOB_CHARACTERS, Dep, FunctionAction, Json, Location, Out, Stage

type PathLike = str | os.PathLike[str]
type Paths = PathLike | Iterable[PathLike]

_NAME = re.compile(r"\w[\w.@:=+,-]*")  # what a shell takes as one word, and a file system as one name
_NAME_LIMIT = 200
_SHORT = 60  # characters of a value that a message shows
_DEFERRED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@attrs.frozen
class Declared:
    """A stage with the function to call, the objects its author adds to its code, and those left out of it."""

    stage: Stage
    function: Callable[..., object]
    code_deps: tuple[object, ...] = ()
    ignore_code: tuple[object, ...] = ()


@attrs.define
class Registry:
    """The stages that one load declares, in order; `seen` has the variables that they read, as they were then."""

    root: Path
    declared: dict[str, Declared] = attrs.field(factory=dict)
    seen: dict[str, Mapping[str, object]] = attrs.field(factory=dict)
    lines: Lines = attrs.field(factory=Lines)

    def add(self, declared: Declared) -> None:
        name = declared.stage.name
        earlier = self.declared.get(name)
        if earlier is not None:
            where = declared.stage.location
            in_loop = where == earlier.stage.location
            raise PipelineError(
                f"there are two stages named {name!r}"
                + (", both declared here" if in_loop else f": the other is at {earlier.stage.location}"),
                "In a loop give each a name and params of its own: "
                'stage(function, name=f"…_{item}", params={"item": item}, …).'
                if in_loop
                else f"Give one of them another name: @stage(name={name + '_2'!r}, …).",
                where,
            )
        self.declared[name] = declared
        self.seen[name] = rebound.seen(declared.function)


current_registry: ContextVar[Registry | None] = ContextVar("current_registry", default=None)


@overload
def stage[**P, R](
    function: Callable[P, R],
    /,
    *,
    deps: Paths = ...,
    outs: Paths = ...,
    params: Mapping[str, Json] | None = ...,
    name: str | None = ...,
    code_deps: Iterable[object] = ...,
    ignore_code: Iterable[object] = ...,
) -> Callable[P, R]: ...
@overload
def stage[F: Callable[..., object]](
    *,
    deps: Paths = ...,
    outs: Paths = ...,
    params: Mapping[str, Json] | None = ...,
    name: str | None = ...,
    code_deps: Iterable[object] = ...,
    ignore_code: Iterable[object] = ...,
) -> Callable[[F], F]: ...


def stage(
    function: Callable[..., object] | None = None,
    /,
    *,
    deps: Paths = (),
    outs: Paths = (),
    params: Mapping[str, Json] | None = None,
    name: str | None = None,
    code_deps: Iterable[object] = (),
    ignore_code: Iterable[object] = (),
) -> Any:
    """Make a function a stage of the pipeline that is being loaded; use it as a decorator or as a plain call.

    `deps` are what the function reads: files, directories or globs; `outs` are the files or directories it writes. Both
    are paths relative to the project root, one or a list of them. `params` are plain values that are passed to the
    function by name. `name` is by default the function's own. `code_deps` adds files or objects to what counts as the
    stage's code, `ignore_code` leaves objects out of it.

    Returns the function itself, so it can be called as before. Raises PipelineError, with the line of the declaration,
    for anything that cannot work.
    """
    where = _caller(current_registry.get())

    def declare(target: Callable[..., object]) -> Callable[..., object]:
        registry = current_registry.get()
        root = registry.root if registry else None
        location = Location(_shown(where[0], root or Path.cwd()), where[1])
        if isinstance(target, type) or not callable(target):
            raise _not_a_function(target, location)
        declared = Declared(
            Stage(
                name=_checked_name(name, target, location),
                action=FunctionAction(*_address(target)),
                deps=tuple(dict.fromkeys(Dep(path) for path in _paths(deps, "deps", root, location))),
                outs=_outs(outs, root, location),
                params=_checked_params(params, location),
                location=location,
            ),
            target,
            _objects(code_deps),
            _objects(ignore_code),
        )
        _check_function(target, declared.stage.params, location)
        if registry:
            registry.add(declared)
        return target

    if function is None:
        return declare
    return declare(function)


def _not_a_function(target: object, location: Location) -> PipelineError:
    if isinstance(target, type):
        hint = "Make it a function, which makes an object of the class and calls what it should do."
        return PipelineError(f"the class {target.__qualname__} cannot be a stage", hint, location)
    if isinstance(target, classmethod | property):
        kind = type(target).__name__
        return PipelineError(f"a {kind} cannot be a stage", "Make it a function outside of the class.", location)
    return PipelineError(
        f"stage() takes a function, not {type(target).__name__} {target!r}",
        'Write @stage(deps=["data.csv"], outs=["result.csv"]) above the function.',
        location,
    )


def _check_function(target: Callable[..., object], params: Mapping[str, Json], location: Location) -> None:
    """Refuse a function that a call would not run, or that cannot be called with `params`."""
    code = getattr(target, "__code__", None)
    if isinstance(code, CodeType) and code.co_flags & _DEFERRED:
        raise PipelineError(
            f"{target.__qualname__}() is asynchronous or a generator, so calling it runs nothing of it",
            "Make the stage a plain function that runs it, with asyncio.run(…) or a loop for instance.",
            location,
        )
    try:
        signature = inspect.signature(target, follow_wrapped=False)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**params)
    except TypeError as error:
        given = f" ({', '.join(params)})" if params else ""
        shown = signature.replace(return_annotation=inspect.Signature.empty)
        is_method = next(iter(signature.parameters), "") in ("self", "cls") and "." in getattr(
            target, "__qualname__", ""
        )
        raise PipelineError(
            f"{getattr(target, '__qualname__', target)}{shown} cannot be called with its params{given}: {error}",
            "A stage is called without an object: make it a function outside of the class, which makes the object."
            if is_method
            else "A stage's function is called with its params by name: declare them as params={…}, or give defaults.",
            location,
        ) from None


def _caller(registry: Registry | None) -> tuple[str, int]:
    frame = sys._getframe(2)  # noqa: SLF001 - the declaration's own line; inspect would read and parse whole files
    return frame.f_code.co_filename, registry.lines.at(frame) if registry else frame.f_lineno


def _shown(file: str, root: Path) -> str:
    inside = file.removeprefix(os.path.join(root, ""))  # noqa: PTH118 - for each stage; Path takes ten times as long
    return file if inside == file else inside.replace(os.sep, "/")


def _address(target: Callable[..., object]) -> tuple[str, str]:
    inner = target
    while hasattr(inner, "func") and not hasattr(inner, "__qualname__"):  # functools.partial
        inner = inner.func
    kind = inner if hasattr(inner, "__qualname__") else type(inner)
    return getattr(kind, "__module__", "") or "", kind.__qualname__


def _checked_name(name: str | None, target: Callable[..., object], location: Location) -> str:
    if name is None:
        name = str(getattr(target, "__name__", None) or _address(target)[1].rpartition(".")[2])
        if name == "<lambda>":
            raise PipelineError("a lambda has no name to call the stage by", "Pass name=…", location)
    if not isinstance(name, str):
        raise PipelineError(f"name must be a text, not {name!r}", where=location)
    if not _NAME.fullmatch(name) or len(name) > _NAME_LIMIT:
        raise PipelineError(
            f"{name!r} cannot be the name of a stage",
            "A name starts with a letter, digit or _, goes on with those or . @ : = + , -, "
            f"and has at most {_NAME_LIMIT} characters.",
            location,
        )
    return name


def _checked_params(params: Mapping[str, Json] | None, location: Location) -> dict[str, Json]:
    if params is None:
        return {}
    plain: object = params  # callers need not be typed
    if not isinstance(plain, Mapping) or not all(isinstance(key, str) and key.isidentifier() for key in plain):
        raise PipelineError(f"params must map names of arguments to values, not {params!r}", where=location)
    return {key: _plain(value, f"params[{key!r}]", location) for key, value in sorted(params.items())}


def _plain(value: object, label: str, location: Location) -> Json:
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise PipelineError(f"{label}: the keys of a mapping must be texts: {value!r}", where=location)
        for key in value:
            _plain(key, f"{label}, key", location)
        return {key: _plain(item, f"{label}[{key!r}]", location) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{label}[{index}]", location) for index, item in enumerate(value)]
    if type(value) is float and math.isnan(value):
        raise PipelineError(f"{label} is NaN, which never equals itself", "Use None for a missing value.", location)
    if type(value) is str and _is_broken(value):
        raise PipelineError(f"{label}: {value!r} has half a character, which no file can hold", where=location)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise PipelineError(
        f"{label} must be plain data (None, bool, int, float, str, or lists and mappings of these), "
        f"not {_brief(value)}",
        "Convert it: numbers with int() or float(), dates and paths with str().",
        location,
    )


def _is_broken(text: str, errors: str = "strict") -> bool:
    """Whether the text holds halves of characters (surrogates), which UTF-8 has not."""
    try:
        text.encode("utf-8", errors)
    except UnicodeEncodeError:
        return True
    return False


def _brief(value: object) -> str:
    """A value where it is short, else its type."""
    text = repr(value)
    return text if len(text) <= _SHORT and "\n" not in text else f"a {type(value).__name__}"


def _objects(values: object) -> tuple[object, ...]:
    if isinstance(values, str | os.PathLike) or not isinstance(values, Iterable):
        return (values,)
    return tuple(values)


def _outs(values: Any, root: Path | None, location: Location) -> tuple[Out, ...]:
    given = _listed(values, "outs", location)
    paths = [_checked_path(value, "outs", root, location) for value in given]
    directories = {path for value, path in zip(given, paths, strict=True) if os.fspath(value).endswith("/")}
    return tuple(Out(path, is_directory=path in directories) for path in dict.fromkeys(paths))


def _paths(values: Any, label: str, root: Path | None, location: Location) -> list[str]:
    return [_checked_path(value, label, root, location) for value in _listed(values, label, location)]


def _listed(values: Any, label: str, location: Location) -> list[Any]:
    if isinstance(values, str | os.PathLike):
        return [values]
    if isinstance(values, FunctionType):
        raise _not_a_path(values, label, location)
    if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
        raise PipelineError(f"{label} must be a path or a list of paths, not {values!r}", where=location)
    return list(values)


def _not_a_path(function: FunctionType, label: str, location: Location) -> PipelineError:
    return PipelineError(
        f"{label} must be paths, not the function {function.__qualname__}",
        "Stages are joined by files: name what it writes.",
        location,
    )


def _checked_path(value: object, label: str, root: Path | None, location: Location) -> str:
    """The path that `value` stands for, from the root of the project; outside of a load nobody knows that."""
    if isinstance(value, FunctionType):
        raise _not_a_path(value, label, location)
    if not isinstance(value, str | os.PathLike):
        raise PipelineError(f"{label} must be paths, not {value!r} ({type(value).__name__})", where=location)
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip():
        raise PipelineError(f"{label} has an empty path: {value!r}", where=location)
    if "\0" in text or "\n" in text or _is_broken(text, "surrogateescape"):
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
        if root is None:
            return inside
        inside = _relative(inside, root)
    inside = inside.replace(os.sep, "/")
    if label == "outs":
        _check_out(text, inside, location)
    elif root is not None and inside.split("/", 1)[0] == os.pardir:
        inside = os.path.normpath(os.path.join(root, text)).replace(os.sep, "/")  # noqa: PTH118 - text in, text out
    return inside


def _relative(path: str, root: Path) -> str:
    """A path that begins at a root or drive, from the root of the project; whole if that is on another drive."""
    whole = os.path.abspath(path)  # noqa: PTH100 - text in, text out
    try:
        return os.path.relpath(whole, root)
    except ValueError:
        return whole


def _check_out(text: str, inside: str, location: Location) -> None:
    parts = inside.split("/")
    if parts[0] == os.pardir or any(os.path.splitroot(inside)[:2]):
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
