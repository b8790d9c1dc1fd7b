# ruff: noqa: PTH112, PTH113, PTH117, PTH118, PTH119, PTH120, PTH208 # plain strings: this runs for every module, and a Path costs several times as much
"""Where a module is, and whose it is: the project's, a distribution's, Python's or nobody's. Nothing is imported."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Final, Literal

import attrs

from pivot_fingerprint.distributions import Distribution, Distributions
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.project import Project, Sources, site_directory

_STANDARD: Final = os.path.realpath(os.path.dirname(os.__file__))


@attrs.frozen
class Location:
    """A module, and where it was found."""

    name: str
    owner: Literal["project", "file", "distribution", "python", "ignored", "missing"]
    """"file" is a module without source in the project, or one in site-packages that no distribution lists."""
    path: str = ""
    is_package: bool = False
    search: tuple[str, ...] = ()
    """For a package: the directories its modules are in."""
    distribution: Distribution | None = None


class Locator:
    """Finds modules and parses the project's, each once."""

    def __init__(self, project: Project, sources: Sources) -> None:
        self._project = project
        self._sources = sources
        self._distributions = Distributions()
        self._locations: dict[str, Location] = {}
        self._parsed: dict[str, SourceModule | None] = {}
        self._by_file: dict[str, SourceModule | None] = {}
        self._owned: dict[str, str] = {}

    def locate(self, name: str) -> Location:
        found = self._locations.get(name)
        if found is None:
            found = self._locations[name] = self._locate(name)
        return found

    def source(self, name: str) -> SourceModule | None:
        """The module `name` as parsed from its source; None if it is not the project's or cannot be parsed."""
        if name not in self._parsed:
            location = self.locate(name)
            is_source = location.owner == "project" and location.path.endswith(".py")
            self._parsed[name] = self.parse(location.path, name, is_package=location.is_package) if is_source else None
        return self._parsed[name]

    def parse(self, path: str, name: str, *, is_package: bool = False) -> SourceModule | None:
        """The source file at `path` as the module `name`, parsed once; None if that cannot be done."""
        if path not in self._by_file:
            try:
                self._by_file[path] = SourceModule(name, path, self._sources.read(path), is_package=is_package)
            except (OSError, SyntaxError, ValueError, RecursionError):
                self._by_file[path] = None
        return self._by_file[path]

    def show(self, path: str) -> str:
        """The file as users know it."""
        return self._project.show(path)

    def owner_of_file(self, path: str) -> str:
        """Whose the source file at `path` is: "project", "python", "distribution" or "nobody"."""
        found = self._owned.get(path)
        if found is None:
            found = self._owned[path] = self._owner_of(self._place_of(path)) if os.path.isabs(path) else "nobody"
        return found

    def _place_of(self, path: str) -> str:
        """Where a file is, by its real path, but for a link in a site-packages directory that leads out of it, as some
        installers make them for each file: that is where it is installed, not who keeps its bytes."""
        real = os.path.realpath(path)
        if real != path and site_directory(real) is None and not self._project.owns(real):
            installed = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            if site_directory(installed) is not None:
                return installed
        return real

    def _owner_of(self, path: str) -> Literal["project", "python", "distribution"]:
        in_standard = path.startswith(_STANDARD + os.sep) and site_directory(path) is None
        root = str(self._project.root)
        if in_standard and not (root + os.sep).startswith(_STANDARD + os.sep):
            return "python"
        if self._project.owns(path):
            return "project"
        if site_directory(path) is not None:
            return "distribution"
        return "python" if in_standard else "project"

    def modules_in(self, package: str) -> Iterator[str]:
        """The names of the project's modules in the package, its own included; of all of them for ""."""
        location = self.locate(package) if package else None
        roots = location.search if location else tuple(str(root) for root in self._project.source_roots)
        if location is not None and location.owner == "project":
            yield package
        for root in roots:
            yield from self._modules_below(root, package)

    def _modules_below(self, directory: str, package: str) -> Iterator[str]:
        for name in sorted(_listed(directory)):
            path = os.path.join(directory, name)
            stem = name.removesuffix(".py")
            full = f"{package}.{stem}" if package else stem
            if name.endswith(".py") and name != "__init__.py" and stem.isidentifier():
                yield full
            elif (
                name.isidentifier() and os.path.isdir(path) and self.owner_of_file(os.path.join(path, "_")) == "project"
            ):
                if os.path.isfile(os.path.join(path, "__init__.py")):
                    yield full
                yield from self._modules_below(path, full)

    # -- modules by name ----------------------------------------------------------------------------------------

    def _locate(self, name: str) -> Location:
        if self._project.ignores(name):
            return Location(name, "ignored")
        module = sys.modules.get(name)
        if isinstance(module, ModuleType):
            loaded = self._loaded(name, module)
            if loaded is not None:
                return loaded
        parent, _, last = name.rpartition(".")
        if not parent:
            return self._top_level(name)
        above = self.locate(parent)
        if above.search:
            found = self._in_directories(name, last, above.search)
            if found is not None:
                return found
        if above.owner == "project":
            return Location(name, "missing")
        return attrs.evolve(above, name=name)

    def _loaded(self, name: str, module: ModuleType) -> Location | None:
        space = vars(module)
        spec = space.get("__spec__")
        path = space.get("__file__") or getattr(spec, "origin", None)
        search = space.get("__path__")
        directories = tuple(str(item) for item in search) if search is not None else ()
        if isinstance(path, str) and os.path.isabs(path):
            return self._at(name, _source_of(path), directories, is_package=search is not None)
        if directories:
            return self._at(name, "", directories, is_package=True)
        if name.partition(".")[0] in sys.stdlib_module_names or name in sys.builtin_module_names:
            return Location(name, "python")
        return None

    def _top_level(self, name: str) -> Location:
        if name in sys.builtin_module_names:
            return Location(name, "python")
        found = self._in_directories(name, name, tuple(str(root) for root in self._project.source_roots))
        if found is not None and found.path:
            return found
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            spec = None
        if spec is None:
            return found or Location(name, "missing")
        search = tuple(spec.submodule_search_locations or ())
        if spec.origin in ("built-in", "frozen") or (spec.origin is None and not search):
            return Location(name, "python")
        path = spec.origin if spec.origin is not None and os.path.isabs(spec.origin) else ""
        return self._at(name, path, search, is_package=spec.submodule_search_locations is not None)

    def _in_directories(self, name: str, last: str, directories: tuple[str, ...]) -> Location | None:
        portions = []
        for directory in directories:
            base = os.path.join(directory, last)
            if os.path.isfile(os.path.join(base, "__init__.py")):
                return self._at(name, os.path.join(base, "__init__.py"), (base,), is_package=True)
            if os.path.isfile(base + ".py"):
                return self._at(name, base + ".py", (), is_package=False)
            binary = _extension_module(directory, last)
            if binary:
                return self._at(name, binary, (), is_package=False)
            if os.path.isdir(base):
                portions.append(base)
        return self._at(name, "", tuple(portions), is_package=True) if portions else None

    def _at(self, name: str, path: str, search: tuple[str, ...], *, is_package: bool) -> Location:
        real = self._place_of(path) if path else ""
        owner = self._owner_of(real or os.path.join(os.path.realpath(search[0]), "__init__.py"))
        if owner == "project":
            is_source = real.endswith(".py") or not real
            return Location(name, "project" if is_source else "file", real, is_package, search)
        if owner == "python":
            return Location(name, "python", real, is_package, search)
        distribution = self._distributions.owner(real) if real else None
        if distribution is None and real:
            return Location(name, "file", real, is_package, search)
        return Location(name, "distribution", real, is_package, search, distribution)


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _source_of(path: str) -> str:
    """The source of a module that was loaded from `path`: the .py beside it for a .pyc without source."""
    return path[:-1] if path.endswith(".pyc") else path


def _extension_module(directory: str, name: str) -> str:
    from importlib.machinery import EXTENSION_SUFFIXES

    for suffix in EXTENSION_SUFFIXES:
        path = os.path.join(directory, name + suffix)
        if os.path.isfile(path):
            return path
    return ""
