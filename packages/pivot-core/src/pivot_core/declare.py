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
from pivot_core.given_paths import Outs, Paths, deps_of, is_broken, outs_of
from pivot_core.lines import Lines
from pivot_core.model import FunctionAction, Json, Location, Stage

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
    """The stages that one load declares, in order; `seen` has the variables that they read, as they were then.

    `unused` are decorators that no function was given to yet, with the file and line of each.
    """

    root: Path
    declared: dict[str, Declared] = attrs.field(factory=dict)
    seen: dict[str, Mapping[str, object]] = attrs.field(factory=dict)
    unused: dict[object, tuple[str, int]] = attrs.field(factory=dict)
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

    def notices(self) -> list[str]:
        """What to tell of decorators that are above no function."""
        return [
            f"{_shown(file, self.root)}:{line}: this stage(…) declares nothing: it is above no function. "
            "Write @stage(…) right above one, or stage(function, …)."
            for file, line in self.unused.values()
        ]


current_registry: ContextVar[Registry | None] = ContextVar("current_registry", default=None)


def _not_given() -> None:
    """Stands for the function where `stage` is used as a decorator: None may be what somebody's call returned."""


@overload
def stage[**P, R](
    function: Callable[P, R],
    /,
    *,
    deps: Paths = ...,
    outs: Outs = ...,
    params: Mapping[str, Json] | None = ...,
    name: str | None = ...,
    code_deps: Iterable[object] = ...,
    ignore_code: Iterable[object] = ...,
) -> Callable[P, R]: ...
@overload
def stage[F: Callable[..., object]](
    *,
    deps: Paths = ...,
    outs: Outs = ...,
    params: Mapping[str, Json] | None = ...,
    name: str | None = ...,
    code_deps: Iterable[object] = ...,
    ignore_code: Iterable[object] = ...,
) -> Callable[[F], F]: ...


def stage(
    function: Callable[..., object] = _not_given,
    /,
    *,
    deps: Paths = (),
    outs: Outs = (),
    params: Mapping[str, Json] | None = None,
    name: str | None = None,
    code_deps: Iterable[object] = (),
    ignore_code: Iterable[object] = (),
) -> Any:
    """Make a function a stage of the pipeline that is being loaded; use it as a decorator or as a plain call.

    `deps` are what the function reads: files, directories or globs; `outs` are the files or directories it writes. Both
    are paths from the project root, one or a list of them; deps may be absolute, and an out that is in git, so need not
    be in the store, an `Out(path, cache=False)`. `params` are plain values that are passed to the function by name.
    `name` is by default the function's own. `code_deps` adds files or objects to what counts as the stage's code,
    `ignore_code` leaves objects out of it.

    Returns the function itself, so it can be called as before. Raises PipelineError, with the line of the declaration,
    for anything that cannot work.
    """
    where = _caller(current_registry.get())

    def declare(target: Callable[..., object]) -> Callable[..., object]:
        registry = current_registry.get()
        if registry:
            registry.unused.pop(declare, None)
        root = registry.root if registry else None
        location = Location(_shown(where[0], root or Path.cwd()), where[1])
        if isinstance(target, type) or not callable(target):
            raise _not_a_function(target, location)
        declared = Declared(
            Stage(
                name=_checked_name(name, target, location),
                action=FunctionAction(*_address(target)),
                deps=deps_of(deps, root, location),
                outs=outs_of(outs, root, location),
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

    if function is not _not_given:
        return declare(function)
    if registry := current_registry.get():
        registry.unused[declare] = where
    return declare


def _not_a_function(target: object, location: Location) -> PipelineError:
    if isinstance(target, type):
        hint = "Make it a function, which makes an object of the class and calls what it should do."
        return PipelineError(f"the class {target.__qualname__} cannot be a stage", hint, location)
    if isinstance(target, classmethod | property):
        kind = type(target).__name__
        return PipelineError(f"a {kind} cannot be a stage", "Make it a function outside of the class.", location)
    return PipelineError(
        f"stage() takes a function, not {type(target).__name__} {target!r}",
        'Write @stage(deps=["data.csv"], outs=["result.csv"]) above the function, '
        "or pass the function itself, not what a call of it returns: stage(function, …).",
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
    if isinstance(target, FunctionType) and _certainly_takes(target, params):
        return
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


def _certainly_takes(target: FunctionType, params: Mapping[str, Json]) -> bool:
    """Whether a function can be called with `params` by name; True for plain ones only. What a signature tells of all
    takes twenty times as long.
    """
    code, count = target.__code__, target.__code__.co_argcount
    if code.co_posonlyargcount or hasattr(target, "__signature__"):
        return False
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    optional = {*names[count - len(target.__defaults__ or ()) : count], *(target.__kwdefaults__ or ())}
    return params.keys() <= set(names) <= params.keys() | optional


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
        raise PipelineError(
            f"params must map names of arguments to values, not {params!r}",
            'Give the values, params={"rate": 0.1}: what a file holds is read at the top of the pipeline file.',
            location,
        )
    return {key: _plain(value, f"params[{key!r}]", location) for key, value in sorted(params.items())}


def _plain(value: object, label: str, location: Location) -> Json:
    if type(value) is float and math.isnan(value):
        raise PipelineError(f"{label} is NaN, which never equals itself", "Use None for a missing value.", location)
    if type(value) is str and is_broken(value):
        raise PipelineError(f"{label}: {value!r} has half a character, which no file can hold", where=location)
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise PipelineError(f"{label}: the keys of a mapping must be texts: {value!r}", where=location)
        for key in value:
            _plain(key, f"{label}, key", location)
        return {key: _plain(item, f"{label}[{key!r}]", location) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{label}[{index}]", location) for index, item in enumerate(value)]
    raise PipelineError(
        f"{label} must be plain data (None, bool, int, float, str, or lists and mappings of these), "
        f"not {_brief(value)}",
        "Convert it: numbers with int() or float(), dates and paths with str().",
        location,
    )


def _brief(value: object) -> str:
    """A value where it is short, else its type."""
    text = repr(value)
    return text if len(text) <= _SHORT and "\n" not in text else f"a {type(value).__name__}"


def _objects(values: object) -> tuple[object, ...]:
    if isinstance(values, str | os.PathLike) or not isinstance(values, Iterable):
        return (values,)
    return tuple(values)
