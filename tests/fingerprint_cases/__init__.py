"""Code changes and what has to run again because of them, as data: `ALL_CASES`, and the same by theme: `THEMES`."""

from dataclasses import dataclass
from types import ModuleType

from fingerprint_cases import (
    annotations,
    blind,
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
    sought,
    unloaded,
    values,
)
from fingerprint_cases.case import Case


@dataclass(frozen=True)
class Theme:
    """Cases that belong together."""

    title: str
    why: str
    """Why they count, or do not, as they do."""
    cases: tuple[Case, ...]


def _theme(module: ModuleType) -> Theme:
    """A module's docstring says what its cases are about, and below that why."""
    title, _, why = (module.__doc__ or "").strip().partition("\n\n")
    return Theme(title.rstrip("."), " ".join(why.split()), module.CASES)


BLIND = _theme(blind)

THEMES: tuple[Theme, ...] = (
    *map(
        _theme,
        (
            functions, imports, lazy, unloaded, layout, classes, decorators, values, scopes, effects, annotations,
            dynamic, corners, sought, projects, cosmetic,
        ),
    ),
    BLIND,
)  # fmt: skip

ALL_CASES: tuple[Case, ...] = tuple(case for theme in THEMES for case in theme.cases)

__all__ = ["ALL_CASES", "BLIND", "THEMES", "Case", "Theme"]
