"""Would loading again see the same?"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from pivot_core.observation import looks
from pivot_core.observation.always import always_now, site_directories, site_files, start_files
from pivot_core.observation.model import Observed
from pivot_core.observation.variables import ALL, all_variables
from pivot_core.project import Project


def first_change(
    observed: Observed,
    project: Project,
    environ: Mapping[str, str] = os.environ,
    digest: Callable[[str], str] | None = None,
) -> str:
    """What loading `project` again would find changed, in a few words; "" if nothing.

    `environ` is what the loader would get. `digest` gives the digest of a file, "" for one that cannot be read;
    by default the file is read.
    """
    if observed.problem:
        return observed.problem
    if observed.always != always_now(project, environ):
        return "Python, its environment, the installed packages or the settings changed"
    return (
        _variable(observed, environ)
        or _place(observed, project)
        or _file(observed, project, digest or looks.file_digest)
    )


def paths(observed: Observed) -> set[str]:
    """Every path that comparing looks at, with those where there is nothing: for stamps."""
    places = site_directories()
    found = {*places, *start_files(), *observed.files, *observed.looked_up, *observed.listed, *observed.searched}
    for place in places:
        found.update(site_files(place))
    return found


def _variable(observed: Observed, environ: Mapping[str, str]) -> str:
    for name, value in observed.variables.items():
        if name == ALL:
            if value != all_variables(environ):
                return "the environment, which loading reads all of, changed"
        elif environ.get(name) != value:
            return f"the environment variable {name} changed"
    return ""


def _place(observed: Observed, project: Project) -> str:
    for path, text in observed.looked_up.items():
        if looks.look(path, looks.hows_of(text)) != text:
            return f"{project.shown(path)} changed"
    for path, each in observed.searched.items():
        if looks.search_digest(looks.entries(path), each.names) != each.found:
            return f"modules in {project.shown(path)} were added or removed"
    for path, listing in observed.listed.items():
        if looks.listing_digest(looks.entries(path)) != listing:
            return f"the names in {project.shown(path)} changed"
    return ""


def _file(observed: Observed, project: Project, digest: Callable[[str], str]) -> str:
    for path, known in observed.files.items():
        if digest(path) != known:
            return f"{project.shown(path)} changed"
    return ""
