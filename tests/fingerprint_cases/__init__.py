"""Code changes and what has to run again because of them, as data: `ALL_CASES`."""

from fingerprint_cases import (
    annotations,
    classes,
    corners,
    cosmetic,
    decorators,
    dynamic,
    effects,
    functions,
    imports,
    layout,
    lazy,
    projects,
    scopes,
    unloaded,
    values,
)
from fingerprint_cases.case import Case

_TOPICS = (
    annotations, classes, corners, cosmetic, decorators, dynamic, effects, functions, imports, layout, lazy, projects, scopes,
    unloaded, values,
)  # fmt: skip

ALL_CASES: tuple[Case, ...] = tuple(case for topic in _TOPICS for case in topic.CASES)

__all__ = ["ALL_CASES", "Case"]
