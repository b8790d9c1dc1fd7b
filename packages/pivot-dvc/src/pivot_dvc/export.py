"""A pipeline as a dvc.yaml: what DVC shows, watches and runs stays in step with what Pivot knows.

Each stage's command is `pivot run STAGE`: Pivot restores or runs it, so the two tools agree on what is out of date. The
deps are the stage's own, every source file that its fingerprint followed, and the files that loading the pipeline read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import xxhash
import yaml
from pivot_core.errors import ProjectError
from pivot_core.graph import guess_directory
from pivot_core.model import Dep, Stage
from pivot_core.observation import Observed
from pivot_core.storage.globs import matches
from pivot_core.storage.listing import parents
from pivot_fingerprint import Fingerprint

HEADER = "# Written by `pivot export`; edit the pipeline, not this file.\n"
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./ -]*")
_TOOLS = frozenset({".git", ".dvc", ".pivot"})  # directories of files that tools keep for themselves
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def export(
    stages: Mapping[str, Stage],
    code: Mapping[str, Fingerprint],
    files_read: Callable[[Dep], Iterable[str]],
    wdir: str = ".",
    inputs: Iterable[str] = (),
) -> str:
    """The text of a dvc.yaml for `stages`.

    `files_read` gives the paths that a dep stands for at the moment, `wdir` is the way from the directory of the
    dvc.yaml to the root of the project; `inputs` are the files that loading read, see `inputs_of_loading`.
    """
    names = stage_names(stages)
    outs = {out.path for stage in stages.values() for out in stage.outs}
    common = {path for path in inputs if outs.isdisjoint((path, *parents(path)))}

    def paths(stage: Stage) -> set[str]:
        own = {path for dep in stage.deps for path in _paths(dep, _outs_read(stages, stage, dep), files_read)}
        return own | common

    data = {names[name]: _escaped(_stage(stage, paths(stage), code[name], wdir)) for name, stage in stages.items()}
    return HEADER + yaml.dump({"stages": data}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 16)


def inputs_of_loading(observed: Observed | None, code: Iterable[Fingerprint], root: Path) -> list[str]:
    """The files of the project that loading read and that may hold what any stage is given, such as params.yaml.

    Modules of which a stage uses functions or classes are not among them, else each stage would have each of them as a
    dep: they count where fingerprints have followed them.
    """
    roots = (root, root.resolve())  # a file that is opened by a relative path is noted by where it really is
    files = observed.files if observed else {}
    paths = [_inside(path, roots) for path, digest in files.items() if digest]
    followed = {entry.file for prints in code for entry in prints.entries if entry.kind != "value"}
    return [path for path in paths if path and path not in followed and _TOOLS.isdisjoint(path.split("/"))]


def _inside(path: str, roots: Iterable[Path]) -> str:
    """An absolute path from the first root that it lies in; "" if that is none."""
    found = next((root for root in roots if Path(path).is_relative_to(root)), None)
    return Path(path).relative_to(found).as_posix() if found is not None else ""


def write(path: Path, text: str, *, force: bool) -> None:
    """Write an exported dvc.yaml.

    Raises ProjectError where it cannot be written, and rather than replace one that the user wrote, unless `force`.
    """
    try:
        if path.exists() and not force and not path.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
            raise ProjectError(f"{path} exists, and Pivot did not write it", "Give --force to replace it, or -o FILE.")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        hint = "See that its directory is there and can be written to, or name another file with -o FILE."
        raise ProjectError(f"{path} cannot be written: {error.strerror}", hint) from None


def stage_names(stages: Iterable[str]) -> dict[str, str]:
    """Names that DVC takes, which refuses or misreads `@`, `:` and others; no two stages get the same."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in stages:
        safe = re.sub(r"[^\w.-]", "_", name)
        while safe in taken:
            safe += f"_{xxhash.xxh3_64_hexdigest(name.encode())[:8]}"
        taken.add(safe)
        found[name] = safe
    return found


def _outs_read(stages: Mapping[str, Stage], stage: Stage, dep: Dep) -> set[str]:
    """The outs that a glob stands for, in part or whole; what it matches in them may not be there yet."""
    if not dep.is_glob:
        return set()
    outs = (out.path for other in stages.values() if other is not stage for out in other.outs)
    return {out for out in outs if matches(dep.path, out, directory=guess_directory(out))}


def _paths(dep: Dep, outs: set[str], files_read: Callable[[Dep], Iterable[str]]) -> Iterable[str]:
    """What DVC takes for a dep: it knows no globs."""
    yield from outs
    for path in files_read(dep):
        is_written = not outs.isdisjoint((path, *parents(path)))
        if not is_written and not (outs and path == dep.path):  # which is itself where it matches nothing yet
            yield path


def _stage(stage: Stage, deps: set[str], code: Fingerprint, wdir: str) -> dict[str, Any]:
    deps |= {entry.file for entry in code.entries if entry.file and entry.kind not in ("dist", "python")}
    deps.add(stage.location.file)
    # DVC removes outs before a command, and these the store cannot give back to a stage that is up to date.
    outs = [out.path if out.cache else {out.path: {"cache": False, "persist": True}} for out in stage.outs]
    data: dict[str, Any] = {"cmd": f"pivot run {shlex.quote(stage.name)}"}
    if wdir != ".":
        data["wdir"] = wdir
    data["deps"] = sorted(deps)
    if outs:
        data["outs"] = outs
    if stage.params:
        data["meta"] = {"pivot": {"params": dict(stage.params)}}
    return data


def _escaped(data: Any) -> Any:
    """What DVC reads as `data`, which takes `${…}` in any text for a template."""
    if isinstance(data, str):
        return data.replace("${", "\\${")
    if isinstance(data, Mapping):
        return {_escaped(key): _escaped(value) for key, value in data.items()}
    return [_escaped(item) for item in data] if isinstance(data, list | tuple) else data


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.2, as DVC reads it, could take for something else."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.endswith(" ")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _represent_text)
