"""What changed between two fingerprints."""

from collections.abc import Mapping
from typing import Any

import attrs

from pivot_fingerprint.model import Fingerprint


@attrs.frozen
class Comparison:
    """Manifest names, sorted. Where `format_changed`, digests were made in another way and the lists are empty: the
    fingerprints then say nothing about whether the code changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    format_changed: str = ""
    """"scheme 1 → 2", "Python 3.13 → 3.14", or ""."""

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.added or self.removed or self.changed or self.format_changed)


def compare(old: Fingerprint | Mapping[str, Any], new: Fingerprint | Mapping[str, Any]) -> Comparison:
    """Compare fingerprints, each as such or as stored data. Raises ValueError for other data."""
    before = old if isinstance(old, Fingerprint) else Fingerprint.from_data(old)
    after = new if isinstance(new, Fingerprint) else Fingerprint.from_data(new)
    if before.scheme != after.scheme:
        return Comparison(format_changed=f"scheme {before.scheme} → {after.scheme}")
    if before.python != after.python:
        return Comparison(format_changed=f"Python {before.python} → {after.python}")
    return compare_manifests(before.manifest, after.manifest)


def compare_manifests(old: Mapping[str, str], new: Mapping[str, str]) -> Comparison:
    """Compare manifests of the same scheme and Python."""
    return Comparison(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(key for key in old.keys() & new.keys() if old[key] != new[key])),
    )
