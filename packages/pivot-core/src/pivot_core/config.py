"""Settings: where they may stand, which win, and what is wrong with one that cannot be used.

An option wins over a `PIVOT_*` variable, and that over the file: `[tool.pivot]` in pyproject.toml, or
`.pivot/config.yaml` where there is no such table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import attrs

from pivot_core.errors import ProjectError

type LinkKind = Literal["auto", "reflink", "copy", "hardlink"]
type VersionRule = Literal["exact", "minor", "none"]
type Preload = Literal["auto", "none"] | tuple[str, ...]
type Isolation = Literal["stage", "worker"]

_PREFIX = "PIVOT_"
_ALIKE = 0.7  # of 1: as JOB and JOBS, or ISOLATE and ISOLATION; not as JOB_ID and JOBS
STAGE_VARIABLE = f"{_PREFIX}STAGE"  # what a stage finds its own name in
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@attrs.frozen
class Settings:
    """What a project can choose.

    `pipeline` is a file relative to the root, or a dotted module name; `pythonpath` are directories relative to the
    root; `jobs` is None for the number of CPUs; `link` says how outs are put in place from the store; `versions` how
    much of a distribution's version counts as code; `preload` which libraries are imported before the project is;
    `isolation` whether each stage gets a process of its own or one serves many, reset and checked in between;
    `keep_warm` for how many seconds the process that imported the libraries stays after a run.
    """

    pipeline: str = "pipeline.py"
    pythonpath: tuple[str, ...] = (".",)
    jobs: int | None = None
    link: LinkKind = "auto"
    versions: VersionRule = "exact"
    preload: Preload = "auto"
    isolation: Isolation = "stage"
    keep_warm: float | None = None


def read_settings(root: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the project at `root`, from its file and from `environ`. Raises ProjectError."""
    values = _file_values(root)
    for field in attrs.fields(Settings):
        text = environ.get(variable_name(field.name))
        if text:
            values[field.name] = _checked(field.name, _from_text(field.name, text), variable_name(field.name))
    return Settings(**values)


def variable_name(setting: str) -> str:
    return f"{_PREFIX}{setting.upper()}"


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """What to say of variables that are named nearly like one of Pivot's. Others may be the project's own."""
    known = {STAGE_VARIABLE, *(variable_name(field.name) for field in attrs.fields(Settings))}
    said: list[str] = []
    for name in environ:
        if name.startswith(_PREFIX) and name not in known:
            import difflib

            endings = [other.removeprefix(_PREFIX) for other in known]
            close = difflib.get_close_matches(name.removeprefix(_PREFIX), endings, 1, _ALIKE)
            said += [f"the variable {name} has no effect: did you mean {_PREFIX}{meant}?" for meant in close]
    return said


def _file_values(root: Path) -> dict[str, Any]:
    pyproject, config = root / "pyproject.toml", root / ".pivot" / "config.yaml"
    table = pyproject_table(pyproject)
    if table is not None and config.exists():
        raise ProjectError(
            "settings stand both in pyproject.toml ([tool.pivot]) and in .pivot/config.yaml",
            "Keep one of the two.",
        )
    if table is not None:
        return _checked_table(table, "pyproject.toml [tool.pivot]")
    if config.exists():
        return _checked_table(_read_yaml(config), ".pivot/config.yaml")
    return {}


def pyproject_table(path: Path) -> Mapping[str, Any] | None:
    """The `[tool.pivot]` table of a pyproject.toml, None where there is none. Raises ProjectError if it is not TOML."""
    try:
        text = path.read_bytes()
    except OSError:
        return None
    if b"pivot" not in text:
        return None
    import tomllib

    try:
        table = tomllib.loads(text.decode()).get("tool", {}).get("pivot")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path}: not valid TOML: {error}") from None
    if table is not None and not isinstance(table, Mapping):
        raise ProjectError(f"{path}: [tool.pivot] must be a table")
    return table


def _read_yaml(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        raise ProjectError(f".pivot/config.yaml: not valid YAML: {error}") from None
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise ProjectError(".pivot/config.yaml: must be a mapping of settings")
    return data


def _checked_table(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    known = [field.name for field in attrs.fields(Settings)]
    for key in table:
        if key not in known:
            import difflib

            close = difflib.get_close_matches(str(key), known, 1)
            hint = f"Did you mean {close[0]!r}?" if close else f"The settings are: {', '.join(known)}."
            raise ProjectError(f"{source}: unknown setting {key!r}", hint)
    return {key: _checked(key, value, source) for key, value in table.items()}


def _from_text(name: str, text: str) -> Any:
    if name == "jobs":
        return int(text) if text.isascii() and text.isdigit() else text
    if name == "pythonpath":
        return text.split(":")
    if name == "preload" and text not in ("auto", "none"):
        return text.split(",")
    return text


def _checked(name: str, value: Any, source: str) -> Any:
    given = value
    match name:
        case "jobs":
            valid, wanted = type(value) is int and value >= 1, "a whole number of at least 1"
        case "pythonpath":
            valid, wanted = _is_texts(value), "a list of directories"
            value = tuple(value) if valid else value
        case "preload":
            valid, wanted = value in ("auto", "none") or _is_texts(value), '"auto", "none" or a list of modules'
            value = tuple(value) if _is_texts(value) else value
        case "link":
            valid, wanted = value in get_args(LinkKind.__value__), "one of " + ", ".join(get_args(LinkKind.__value__))
        case "keep_warm":
            value = seconds_of(value)
            valid, wanted = value is not None, "a time such as 90s, 10m or 1h"
        case "versions" | "isolation":
            choices = get_args((VersionRule if name == "versions" else Isolation).__value__)
            valid, wanted = value in choices, "one of " + ", ".join(choices)
        case _:
            valid = isinstance(value, str) and ("/" in value or os.sep in value or all(value.split(".")))
            wanted = "a file, or the dotted name of a module"
    if not valid:
        raise ProjectError(f"{source}: {name} must be {wanted}, not {given!r}")
    return value


def seconds_of(value: object) -> float | None:
    """A time in seconds, given as a number of them or as text with a unit: "90s", "10m", "1h"; None if it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 <= value < float("inf") else None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", value) if isinstance(value, str) else None
    return float(match[1]) * _UNITS[match[2]] if match else None


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)
