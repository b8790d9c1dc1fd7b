"""What counts as the project's own code, and how its paths are shown."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import attrs

_PACKAGE_DIRECTORIES = frozenset({"site-packages", "dist-packages"})


class Sources(Protocol):
    """Where source files are read from."""

    def read(self, path: str) -> bytes:
        """The bytes of the file at the absolute `path`. Raises OSError if it cannot be read."""
        ...


class DiskSources:
    """Source files as they are on the disk now."""

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()


def _real(path: Path | str) -> Path:
    return Path(os.path.realpath(path))


def _real_all(paths: Iterable[Path | str]) -> tuple[Path, ...]:
    return tuple(_real(path) for path in paths)


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


@attrs.frozen
class Project:
    """The project at `root`: code under a source root is its own, code of distributions and of Python is not.

    A file counts by where it is. Under a source root it is project code, wherever that root lies, unless it is inside a
    virtual environment or a site-packages directory nested in the root. Elsewhere it is project code if it is neither
    in a site-packages directory nor part of Python, as are editable installs and directories on PYTHONPATH.
    """

    root: Path = attrs.field(converter=_real)
    source_roots: tuple[Path, ...] = attrs.field(
        converter=_real_all, default=attrs.Factory(lambda self: (self.root,), takes_self=True)
    )
    ignore_packages: frozenset[str] = attrs.field(converter=_names, default=frozenset[str]())
    """Top-level packages that never count, such as those of the tool that asks."""

    @classmethod
    def around(cls, path: Path) -> "Project":
        """The project that the source file `path` most likely belongs to: the nearest directory above it that has a
        pyproject.toml or a .git, else the one its outermost package lies in."""
        directory = _real(path).parent
        for parent in (directory, *directory.parents):
            if (parent / "pyproject.toml").exists() or (parent / ".git").exists():
                source = parent / "src"
                return cls(parent, (parent, source) if source.is_dir() else (parent,))
        while (directory / "__init__.py").exists():
            directory = directory.parent
        return cls(directory)

    def show(self, path: str) -> str:
        """`path` as entries show it: relative to the root with forward slashes, whole if it is outside."""
        root = f"{self.root}{os.sep}"
        return (path.removeprefix(root) if path.startswith(root) else path).replace(os.sep, "/")

    def ignores(self, module: str) -> bool:
        return module.partition(".")[0] in self.ignore_packages

    def owns(self, path: str) -> bool:
        """Whether the file at `path` is under a source root, and not in an environment nested there."""
        return any(_is_own(Path(path), root) for root in (self.root, *self.source_roots))


def _is_own(path: Path, root: Path) -> bool:
    if not path.is_relative_to(root):
        return False
    if _PACKAGE_DIRECTORIES.intersection(path.relative_to(root).parts[:-1]):
        return False
    for parent in path.parents:
        if parent == root:
            return True
        if (parent / "pyvenv.cfg").exists():
            return False
    return True


def site_directory(path: str) -> str | None:
    """The innermost site-packages directory that holds `path`."""
    parts = Path(path).parts
    for index in range(len(parts) - 2, 0, -1):
        if parts[index] in _PACKAGE_DIRECTORIES:
            return str(Path(*parts[: index + 1]))
    return None
