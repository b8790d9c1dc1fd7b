# ruff: noqa: PTH110, PTH118, PTH208 # plain strings: this runs for every module, and a Path costs several times as much
"""Which installed distribution a file belongs to, asked for one file at a time.

The names and versions are those of the `*.dist-info` directories beside the packages; reading only what is asked for
takes well under a millisecond, where an index of everything installed takes a hundred.
"""

import os
import re
from pathlib import Path

import attrs

from pivot_fingerprint.project import site_directory

_METADATA = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+?)(?:-py[\d.]+(?:-.+)?)?\.(?:dist|egg)-info")


@attrs.frozen
class Distribution:
    name: str
    version: str


@attrs.frozen
class _Metadata:
    distribution: Distribution
    path: str


class Distributions:
    """Looks up owners of files in site-packages directories, each once."""

    def __init__(self) -> None:
        self._sites: dict[str, tuple[_Metadata, ...]] = {}
        self._owners: dict[tuple[str, str], Distribution | None] = {}

    def owner(self, path: str) -> Distribution | None:
        """The distribution which installed the file at `path`, None if none did."""
        site = site_directory(path)
        if site is None:
            return None
        relative = Path(path).relative_to(site)
        top = relative.parts[0]
        is_shared = len(relative.parts) > 1 and not os.path.exists(os.path.join(site, top, "__init__.py"))
        wanted = relative.as_posix() if is_shared else top
        key = (site, wanted)
        if key not in self._owners:
            self._owners[key] = self._find(site, wanted, is_shared=is_shared)
        return self._owners[key]

    def _find(self, site: str, wanted: str, *, is_shared: bool) -> Distribution | None:
        installed = self._installed(site)
        package = wanted.partition(".")[0]
        if not is_shared:
            for metadata in installed:
                if _normal(metadata.distribution.name) == _normal(package) and _lists(metadata, wanted):
                    return metadata.distribution
            for metadata in installed:
                if package in _text(metadata, "top_level.txt").split():
                    return metadata.distribution
        for metadata in installed:
            if _lists(metadata, wanted):
                return metadata.distribution
        return None

    def _installed(self, site: str) -> tuple[_Metadata, ...]:
        found = self._sites.get(site)
        if found is None:
            try:
                names = sorted(os.listdir(site))
            except OSError:
                names = []
            matches = [(name, _METADATA.fullmatch(name)) for name in names if name.endswith("-info")]
            found = self._sites[site] = tuple(
                _Metadata(Distribution(_normal(match["name"]), match["version"]), os.path.join(site, name))
                for name, match in matches
                if match
            )
        return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _text(metadata: _Metadata, name: str) -> str:
    try:
        return Path(metadata.path, name).read_text("utf-8", "replace")
    except OSError:
        return ""


def _lists(metadata: _Metadata, wanted: str) -> bool:
    """Whether the distribution's list of files has the file or directory `wanted`; without a list its name decides."""
    record = _text(metadata, "RECORD")
    if not record:
        return _normal(metadata.distribution.name) == _normal(wanted.partition("/")[0].partition(".")[0])
    return re.search(rf"^\"?{re.escape(wanted)}[/,\"]", record, re.MULTILINE) is not None
