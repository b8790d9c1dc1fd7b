"""What any load depends on: Python itself, what it starts with, the machine and the settings."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pivot_core.config import STAGE_VARIABLE
from pivot_core.project import Project
from pivot_core.storage.digests import hash_bytes

_PREFIXES = ("PYTHON", "PIVOT_", "LC_", "OPENBLAS_", "MKL_", "OMP_", "NUMEXPR_", "PANDAS_", "POLARS_", "ARROW_")
_VARIABLES = frozenset({"LANG", "LANGUAGE", "TZ"})
_WITHOUT_EFFECT = frozenset({"PIVOT_JOBS", "PIVOT_LINK", STAGE_VARIABLE, "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"})
# The first is Pivot's doing where the user chose no seed; no bytecode is read of what is loaded.
_FLAGS_WITHOUT_EFFECT = frozenset({"hash_randomization", "dont_write_bytecode"})
_SITE_NAMES = frozenset({"site-packages", "dist-packages"})
_AT_START = ("sitecustomize", "usercustomize")
_NAMES_INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth")


def always_now(project: Project, environ: Mapping[str, str] = os.environ) -> str:
    """The digest of what any load of `project` depends on, as it is now with the variables `environ`.

    sys.path counts by what it is made of, since the process that compares is not the one that will load.
    """
    lines = [*_python(), *_machine(), *_settings(project), *_variables(environ)]
    for place in (*site_directories(), *_path_variable(environ)):
        lines += _site(place)
    for path in start_files():
        lines.append(f"{path} {_content(path)}")
    return hash_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))


def matters(variable: str) -> bool:
    """Whether an environment variable is among what is always compared."""
    return variable not in _WITHOUT_EFFECT and (variable in _VARIABLES or variable.startswith(_PREFIXES))


def site_directories() -> tuple[str, ...]:
    """The directories that distributions are installed in, whether they are there or not."""
    places = [*site.getsitepackages()]
    if site.ENABLE_USER_SITE and site.USER_SITE:
        places.append(site.USER_SITE)
    places += [entry for entry in sys.path if os.path.basename(entry) in _SITE_NAMES]  # noqa: PTH119 - text in, text out
    return tuple(dict.fromkeys(places))


def start_files() -> Iterator[str]:
    """The files, other than those of a site directory, that Python reads when it starts."""
    yield os.path.join(sys.prefix, "pyvenv.cfg")  # noqa: PTH118 - text in, text out
    for name in _AT_START:
        path = getattr(sys.modules.get(name), "__file__", None)
        if path:
            yield path


def site_files(place: str) -> list[str]:
    """The files of a site directory that Python runs when it starts."""
    names = _names(place)
    return [f"{place}/{name}" for name in names if name.endswith(".pth") or _is_editable_finder(name)]


def _python() -> Iterator[str]:
    flags = [getattr(sys.flags, name) for name in sys.flags.__match_args__ if name not in _FLAGS_WITHOUT_EFFECT]
    yield from (sys.version, sys.executable, sys.prefix, sys.base_prefix, repr(flags))
    yield repr(sorted(set(sys.warnoptions)))


def _machine() -> Iterator[str]:
    yield repr((os.cpu_count(), os.process_cpu_count()))
    if sys.platform != "win32":
        yield repr((*os.uname(), os.getuid(), os.getgid()))


def _settings(project: Project) -> Iterator[str]:
    settings = project.settings
    yield f"{project.root} {settings.pipeline} {settings.pythonpath} {settings.versions}"


def _variables(environ: Mapping[str, str]) -> Iterable[str]:
    return sorted(f"{name}={value}" for name, value in environ.items() if matters(name))


def _path_variable(environ: Mapping[str, str]) -> list[str]:
    """The directories of PYTHONPATH that distributions may be installed in."""
    known = site_directories()
    return [place for place in environ.get("PYTHONPATH", "").split(os.pathsep) if place and place not in known]


def _site(place: str) -> Iterator[str]:
    names = _names(place)
    yield f"{place} {[name for name in names if name.endswith(_NAMES_INSTALLED) or name.startswith(_AT_START)]}"
    for path in site_files(place):
        yield f"{path} {_content(path)}"


def _is_editable_finder(name: str) -> bool:
    return name.startswith("__editable__") and name.endswith(".py")


def _names(place: str) -> list[str]:
    try:
        return sorted(os.listdir(place))  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []


def _content(path: str) -> str:
    try:
        return hash_bytes(Path(path).read_bytes())
    except OSError:
        return ""
