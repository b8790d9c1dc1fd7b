"""Several cases in one project, so that one command serves them all: each keeps its stages, and gets names of its own.

The module `lib` of the third case becomes `lib_c3`, its stage `a` becomes `a_c3`, in its files as in its edits.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from fingerprint_cases.case import Case, Delete, Edit, Replace, Write

_STAGE = re.compile(r'@stage\(outs=\["(\w+)\.txt"\]\)')
_SHARED = re.compile(  # what a process has only one of
    r"\bsys\.(?:path|modules)\b|__main__|environ|chdir|builtins|random"
)


class Together:
    """A project of several cases."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._renamed = {case.name: _renamed(case, f"_c{number}") for number, case in enumerate(cases)}

    def write(self, root: Path) -> None:
        """Lay the project out below `root`."""
        modules = [PurePosixPath(path).stem for case in self._renamed.values() for path in case.files]
        pipelines = [name for name in modules if name.startswith("pipeline_c")]
        (root / "pipeline.py").write_text("".join(f"import {name}\n" for name in pipelines), "utf-8")
        for case in self._renamed.values():
            case.write(root)

    def apply(self, root: Path) -> None:
        """Make the edits of all cases. Raises ValueError, naming the case, if a text to replace is not there."""
        for case in self._renamed.values():
            case.apply(root)

    def wrong(self, again: set[str]) -> list[str]:
        """What is wrong with it if the stages `again` were not up to date after the edits: a text a case."""
        found = []
        for number, (name, case) in enumerate(self._renamed.items()):
            its = {stage for stage in again if stage.endswith(f"_c{number}")}
            if its != case.reruns:
                found.append(f"{name}: not up to date {sorted(its)}, should be {sorted(case.reruns)}: {case.why}")
        return found


def can_share(case: Case) -> bool:
    """Whether the case can be in a project with others: it says its stages plainly, and leaves the process alone."""
    texts = "\n".join(_texts(case))
    if _SHARED.search(texts) or not sys.stdlib_module_names.isdisjoint(_modules(case)):
        return False
    return len(re.findall(r"\bstage\b", texts)) == len(_STAGE.findall(texts)) + sum(
        text.count("from pivot import stage") for text in _texts(case)
    )


def stages(case: Case) -> int:
    """How many stages a case that can share a project has."""
    return sum(len(_STAGE.findall(text)) for text in case.files.values())


def _modules(case: Case) -> set[str]:
    """The names of its modules and packages, and of other files and directories, in the root."""
    paths = [*case.files, *(edit.path for edit in case.edits)]
    return {PurePosixPath(path).parts[0].partition(".")[0] for path in paths}


def _texts(case: Case) -> list[str]:
    texts = list(case.files.values())
    for edit in case.edits:
        if isinstance(edit, Write):
            texts.append(edit.text)
        elif isinstance(edit, Replace):
            texts += [edit.old, edit.new]
    return texts


def _renamed(case: Case, suffix: str) -> Case:
    modules = _modules(case)
    outs = {stage for text in _texts(case) for stage in _STAGE.findall(text)}
    module = re.compile(rf"\b({'|'.join(map(re.escape, sorted(modules)))})\b")
    out = re.compile(rf"(['\"])({'|'.join(sorted(outs))})\.txt\1")

    def in_text(text: str) -> str:
        text = module.sub(rf"\1{suffix}", text)
        text = _STAGE.sub(rf'@stage(name="\1{suffix}", outs=["\1.txt"])', text)
        return out.sub(rf"\1\2{suffix}.txt\1", text)

    return replace(
        case,
        files={_path(path, modules, suffix): in_text(text) for path, text in case.files.items()},
        edits=tuple(_edit(edit, _path(edit.path, modules, suffix), in_text) for edit in case.edits),
        reruns=frozenset(f"{stage}{suffix}" for stage in case.reruns),
    )


def _edit(edit: Edit, path: str, in_text: Callable[[str], str]) -> Edit:
    if isinstance(edit, Delete):
        return Delete(path)
    if isinstance(edit, Write):
        return Write(path, in_text(edit.text))
    return Replace(path, in_text(edit.old), in_text(edit.new))


def _path(path: str, modules: set[str], suffix: str) -> str:
    parts = []
    for part in PurePosixPath(path).parts:
        name, dot, ending = part.partition(".")
        parts.append(f"{name}{suffix}{dot}{ending}" if name in modules else part)
    return "/".join(parts)
