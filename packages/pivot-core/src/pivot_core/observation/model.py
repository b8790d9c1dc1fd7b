"""What one load depended on, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs


@attrs.frozen
class Searched:
    """What was looked for in a directory by way of its names.

    `names` are those of modules, or "*" with the end of the names that were wanted; `found` is the digest of what
    there was of these, "" where the directory could not be read.
    """

    names: tuple[str, ...]
    found: str


@attrs.frozen
class Observed:
    """What one load depended on. All paths are absolute, all digests "xxh3:…".

    `files`: the digests of files that were read; "" for one that could not be, or was not there.
    `looked_up`: what a look at a path without reading it told: "" (nothing there), "file", "directory" or "other", or
    how it was looked at with what that told.
    `listed`: the digests of the names in directories that were listed; "" for one that could not be.
    `searched`: the names that were looked for in directories.
    `variables`: environment variables that were read, None for one that was not set; "*" is the digest of all of them.
    `always`: the digest of what any load depends on.
    `problem`: why this load cannot stand for another one; "" if it can.
    """

    files: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    looked_up: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    listed: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    searched: Mapping[str, Searched] = attrs.field(factory=dict, hash=False)
    variables: Mapping[str, str | None] = attrs.field(factory=dict, hash=False)
    always: str = ""
    problem: str = ""

    def to_data(self) -> dict[str, Any]:
        """As values that JSON knows; `from_data` gives the same again."""
        return {
            "files": dict(self.files),
            "looked_up": dict(self.looked_up),
            "listed": dict(self.listed),
            "searched": {path: [each.found, *each.names] for path, each in self.searched.items()},
            "variables": dict(self.variables),
            "always": self.always,
            "problem": self.problem,
        }

    @classmethod
    def from_data(cls, data: object) -> Self:
        """The inverse of `to_data`. Raises ValueError for anything else."""
        if not isinstance(data, dict) or data.keys() != _FIELDS:
            raise ValueError("not an observation of a load")
        searched = {
            path: Searched(tuple(each[1:]), each[0]) for path, each in _mapping(data, "searched", _is_texts).items()
        }
        return cls(
            files=_mapping(data, "files", _is_text),
            looked_up=_mapping(data, "looked_up", _is_look),
            listed=_mapping(data, "listed", _is_text),
            searched=searched,
            variables=_mapping(data, "variables", _is_text_or_none),
            always=_text(data, "always"),
            problem=_text(data, "problem"),
        )


_FIELDS = {field.name for field in attrs.fields(Observed)}


def _mapping(data: dict[str, Any], key: str, is_valid: Any) -> dict[str, Any]:
    value = data[key]
    if not isinstance(value, dict) or not all(type(path) is str and is_valid(item) for path, item in value.items()):
        raise ValueError(f"{key} of an observation is malformed")
    return value


def _text(data: dict[str, Any], key: str) -> str:
    value = data[key]
    if type(value) is not str:
        raise ValueError(f"{key} of an observation must be a text")
    return value


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_look(value: object) -> bool:
    from pivot_core.observation.looks import hows_of

    return type(value) is str and bool(hows_of(value))


def _is_text_or_none(value: object) -> bool:
    return value is None or type(value) is str


def _is_texts(value: object) -> bool:
    return type(value) is list and bool(value) and all(type(item) is str for item in value)
