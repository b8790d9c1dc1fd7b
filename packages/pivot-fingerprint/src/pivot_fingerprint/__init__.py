"""Which code does this function depend on, and did it change?"""

import inspect
from pathlib import Path
from typing import Any

from pivot_fingerprint.compare import Comparison, compare, compare_manifests
from pivot_fingerprint.fingerprinter import Fingerprinter
from pivot_fingerprint.model import SCHEME, Entry, Fingerprint
from pivot_fingerprint.project import DiskSources, Project, Sources


def fingerprint(obj: object, **options: Any) -> Fingerprint:
    """What `obj` depends on, in the project around the file that it is defined in.

    `options` are those of `Fingerprinter.fingerprint`. To fingerprint many objects, make one `Fingerprinter`. Raises
    TypeError if `obj` is not defined in a source file.
    """
    return Fingerprinter(Project.around(Path(inspect.getfile(inspect.unwrap(obj))))).fingerprint(obj, **options)  # type: ignore[arg-type] # it says so by TypeError


__all__ = [
    "SCHEME",
    "Comparison",
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
