"""Pipelines that cannot be imported: why, in one error, with what to do."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pivot_core.errors import PipelineError
from pivot_core.missing import siblings
from pivot_core.project import Project
from pivot_core.tracebacks import headline, user_traceback

_TAKES = (
    "stage() takes deps=, outs=, params=, name=, code_deps= and ignore_code=; "
    "what DVC calls a metric or plot is an out, and its cmd is the function."
)
_OUT_TAKES = (
    "Out() takes a path and cache=: what DVC calls a metric or plot is an out; a stage begins without its outs."
)
_MAIN = rb"""(?m)^if __name__ == ["']__main__["']:"""
_DISTRIBUTIONS = {  # where what is installed is named otherwise than what is imported
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dotenv": "python-dotenv",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def import_failure(project: Project, error: BaseException) -> PipelineError:
    """The error for what the pipeline raised while it was imported."""
    shown = user_traceback(error)
    if isinstance(error, SystemExit):
        return PipelineError(
            f"{project.settings.pipeline} called sys.exit({error.code!r}) while it was imported",
            'Put what only a script should do under `if __name__ == "__main__":`.',
            traceback=shown,
        )
    return PipelineError(
        f"{project.settings.pipeline} could not be imported: {headline(error)}", _hint(project, error), traceback=shown
    )


def _hint(project: Project, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_module_hint(project, error.name)
    if isinstance(error, ImportError) and "relative import" in str(error):
        return (
            "A pipeline file that uses relative imports must be loaded as a part of its package: "
            f"PIVOT_PIPELINE={_dotted_name(project)}, or the setting `pipeline`."
        )
    if isinstance(error, NameError) and error.name == "stage":
        return "Import it first: from pivot import stage"
    if isinstance(error, TypeError) and str(error).startswith("stage() "):
        return _TAKES
    if isinstance(error, TypeError) and str(error).startswith("Out.__init__() "):
        return _OUT_TAKES
    if isinstance(error, ImportError) and error.name == "pivot":
        return "A pipeline imports stage and Out; params are given as stage(params={…}), deps as paths."
    # Of a YAML file that cannot be read; the first line tells nothing of it.
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"
    return ""


def no_stages(project: Project, sources: Mapping[str, bytes], notices: Sequence[str]) -> PipelineError:
    """The error where no stage was declared; `sources` of the modules that were imported, by path."""
    hint = "Write @stage(deps=…, outs=…), from `from pivot import stage`, above a function."
    if notices:
        hint = "\n".join(notices)
    elif any(re.search(_MAIN, text) for text in sources.values()):
        hint = 'The file is imported, so what is under `if __name__ == "__main__":` does not run: declare stages above.'
    return PipelineError(f"{project.settings.pipeline} declares no stages", hint)


def no_pipeline_file(project: Project) -> PipelineError:
    """The error where the file that the setting `pipeline` names is not there."""
    wanted = project.settings.pipeline
    found = [path for path in siblings(project.root, wanted) if path.endswith(".py")]
    close = difflib.get_close_matches(wanted, found, 1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return PipelineError(
        f"no {wanted} in {project.root}",
        f"{meant}Create it, or name another file or module with the setting `pipeline` or PIVOT_PIPELINE.",
    )


def no_pipeline_module(project: Project, module: str) -> PipelineError:
    """The error where `module`, the one that the setting `pipeline` names or a package of it, is not there."""
    setting = f"the setting `pipeline` says {project.settings.pipeline}"
    parent, _, last = module.rpartition(".")
    close = difflib.get_close_matches(last, _modules(_places(project, parent)), 1)
    if close:
        meant = f"{parent}.{close[0]}" if parent else close[0]
        return PipelineError(f"there is no module {module}; {setting}", f"Did you mean {meant!r} for {module!r}?")
    looked = ", ".join(map(project.shown, project.source_roots))
    return PipelineError(
        f"there is no module {module}; {setting}",
        _place_hint(project, module) or f"It was looked for in {looked}: correct the setting, or `pythonpath`.",
    )


def _dotted_name(project: Project) -> str:
    file = project.root / project.settings.pipeline
    parts, parent = [file.stem], file.parent
    while (parent / "__init__.py").exists() and parent != parent.parent:
        parts.insert(0, parent.name)
        parent = parent.parent
    return ".".join(parts) if len(parts) > 1 else f"package.{file.stem}"


def _missing_module_hint(project: Project, module: str) -> str:
    parent, _, last = module.rpartition(".")
    places = _places(project, parent)
    holder = next((place for place in places if parent and place.is_dir()), None)
    close = difflib.get_close_matches(last, _modules(places), 1)
    meant = f"Did you mean {f'{parent}.' if parent else ''}{close[0]}? " if close else ""
    if holder is not None:
        return f"{meant}{project.shown(holder)}/ has no module {last!r}."
    files = (place.with_suffix(".py") for place in places if parent)
    if single := next((file for file in files if file.is_file()), None):
        return f"{project.shown(single)} is one module, and has none inside: import names from it."
    first = module.partition(".")[0]
    install = f"{meant}If it is a library, install it where Pivot runs: {sys.executable} -m pip install"
    return _place_hint(project, module) or f"{install} {_DISTRIBUTIONS.get(first, first)}"


def _places(project: Project, package: str) -> list[Path]:
    """The directories of the project that modules of `package` may be in, "" for those of none."""
    return [root.joinpath(*package.split(".")) for root in project.source_roots]


def _modules(places: Sequence[Path]) -> list[str]:
    return [path.stem for place in places for path in (*place.glob("*.py"), *place.glob("*/"))]


def _place_hint(project: Project, module: str) -> str:
    """Where in the project the module is, and what to do for it to be found there; "" if it is nowhere."""
    first = module.partition(".")[0]
    places = [project.root / "src", *sorted(place for place in project.root.iterdir() if place.is_dir())]
    for place in places:
        found = next((path for path in (place / f"{first}.py", place / first) if path.exists()), None)
        if found is not None and place not in project.source_roots and not place.name.startswith("."):
            return (
                f"{project.shown(found)} exists: add its directory to the setting `pythonpath`, "
                f'pythonpath = [".", "{place.name}"] under [tool.pivot] in pyproject.toml, '
                f"or PIVOT_PYTHONPATH=.:{place.name}"
            )
    return ""
