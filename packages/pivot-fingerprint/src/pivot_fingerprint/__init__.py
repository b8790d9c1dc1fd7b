"""Which code does this function depend on, and did it change?"""

import importlib
from typing import TYPE_CHECKING, Any, Final

from pivot_fingerprint.compare import Comparison, compare, compare_manifests
from pivot_fingerprint.model import SCHEME, Computed, Entry, Fingerprint

if TYPE_CHECKING:
    from pivot_fingerprint.fingerprinter import Fingerprinter
    from pivot_fingerprint.project import DiskSources, Project, Sources

# Who only looks at fingerprints does without the machinery that makes them.
_MAKING: Final = {
    "DiskSources": "pivot_fingerprint.project",
    "Fingerprinter": "pivot_fingerprint.fingerprinter",
    "Project": "pivot_fingerprint.project",
    "Sources": "pivot_fingerprint.project",
}


def __getattr__(name: str) -> Any:
    if name not in _MAKING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_MAKING[name]), name)
    return found


def fingerprint(obj: object, **options: Any) -> Fingerprint:
    """What `obj` depends on, in the project around the file that it is defined in.

    `options` are those of `Fingerprinter.fingerprint`. To fingerprint many objects, make one `Fingerprinter`. Raises
    TypeError if `obj` is not defined in a source file.
    """
    from pivot_fingerprint.defined import file_of
    from pivot_fingerprint.fingerprinter import Fingerprinter
    from pivot_fingerprint.project import Project

    return Fingerprinter(Project.around(file_of(obj))).fingerprint(obj, **options)


__all__ = [
    "SCHEME",
    "Comparison",
    "Computed",
    "DiskSources",
    "Entry",
    "Fingerprint",
    "Fingerprinter",
    "Project",
    "Sources",
    "compare",
    "compare_manifests",
    "fingerprint",
]
