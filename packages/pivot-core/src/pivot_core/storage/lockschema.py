"""Read a lock file as general YAML, and say exactly what is wrong with one that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pivot_core.errors import ProjectError
from pivot_core.model import Accepted, FileState, Record
from pivot_core.storage.locktext import FORMAT

_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FIELDS = {"pivot", "stage", "scheme", "code", "manifest", "params", "deps", "outs"}


def read_yaml(text: str, file: str) -> Record:
    """The record in `text`. Raises ProjectError, which names `file` and the place in it."""
    import yaml

    # libyaml refuses the escapes of names that are not UTF-8; the Python loader knows them.
    loader = yaml.SafeLoader if _LONE_SURROGATE.search(text) else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ProjectError(f"{file}: not valid YAML: {' '.join(str(error).split())}") from None
    problem = next(_problems(data), None)
    if problem is not None:
        raise ProjectError(f"{file}: {problem}", "Remove the file; the stage will run again and write it anew.")
    return _record(data)


def _problems(data: Any) -> Iterator[str]:
    if not isinstance(data, dict):
        yield "must be a mapping"
        return
    version = data.get("pivot")
    if type(version) is int and version > FORMAT:
        yield f"written by a newer Pivot (format {version}; this one reads up to {FORMAT}): upgrade Pivot"
    elif version != FORMAT or type(version) is not int:
        yield f"no format version of Pivot: {version!r} @ $.pivot"
    yield from _fields(data, _FIELDS, {"accepted"}, "$")
    for name in ("stage", "scheme", "code"):
        yield from _type(data[name], str, "text", f"$.{name}")
    for name, check in (
        ("manifest", _text),
        ("params", _anything),
        ("deps", _state),
        ("outs", _state),
    ):
        yield from _mapping(data[name], check, f"$.{name}")

    if "accepted" in data:
        yield from _accepted(data["accepted"], "$.accepted")


def _accepted(data: Any, where: str) -> Iterator[str]:
    yield from _type(data, dict, "a mapping", where)
    yield from _fields(data, {"code", "scheme"}, set(), where)
    for name, value in data.items():
        yield from _text(value, f"{where}.{name}")


def _mapping(data: Any, check: Callable[[Any, str], Iterator[str]], where: str) -> Iterator[str]:
    yield from _type(data, dict, "a mapping", where)
    for key, value in data.items():
        yield from _type(key, str, "text as key", where)
        yield from check(value, f"{where}[{key!r}]")


def _text(data: Any, where: str) -> Iterator[str]:
    yield from _type(data, str, "text", where)


def _anything(_data: Any, _where: str) -> Iterator[str]:
    yield from ()


def _state(data: Any, where: str) -> Iterator[str]:
    yield from _type(data, dict, "a mapping", where)
    yield from _fields(data, {"digest", "size"}, {"files", "link", "executable"}, where)
    for name, kind, wanted in (
        ("digest", str, "text"),
        ("link", str, "text"),
        ("size", int, "a number"),
        ("files", int, "a number"),
    ):
        if name in data:
            yield from _type(data[name], kind, wanted, f"{where}.{name}")
    if not isinstance(data.get("executable", False), bool):
        yield f"must be true or false, not {data['executable']!r} @ {where}.executable"


def _fields(data: dict[Any, Any], required: set[str], optional: set[str], where: str) -> Iterator[str]:
    for name in sorted(required - data.keys()):
        yield f"required field missing @ {where}.{name}"
    for name in data:
        if name not in required and name not in optional:
            yield f"unknown field @ {where}.{name}"


def _type(data: Any, kind: type, wanted: str, where: str) -> Iterator[str]:
    if not isinstance(data, kind) or isinstance(data, bool):
        yield f"must be {wanted}, not {data!r} @ {where}"


def _record(data: dict[str, Any]) -> Record:
    return Record(
        stage=data["stage"],
        code=data["code"],
        manifest=data["manifest"],
        params=data["params"],
        deps={path: FileState(**state) for path, state in data["deps"].items()},
        outs={path: FileState(**state) for path, state in data["outs"].items()},
        scheme=data["scheme"],
        accepted=Accepted(**data["accepted"]) if "accepted" in data else None,
    )
