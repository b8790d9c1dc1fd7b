"""What a case is: a small project, one edit to it, and the stages that have to run again because of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class Write:
    """The file gets this whole new text."""

    path: str
    text: str


@dataclass(frozen=True)
class Replace:
    """Every occurrence of `old` in the file becomes `new`; there is at least one."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Delete:
    """The file goes away."""

    path: str


Edit = Write | Replace | Delete


@dataclass(frozen=True)
class Case:
    name: str
    files: Mapping[str, str]
    """Texts by path. `pipeline.py` declares the stages."""
    edits: tuple[Edit, ...]
    reruns: frozenset[str]
    """The stages whose code the edit changed; all others must not run again."""
    why: str

    def write(self, root: Path) -> None:
        """Lay the project out below `root`."""
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")

    def apply(self, root: Path) -> None:
        """Edit the project below `root`. Raises ValueError if a text to replace is not there."""
        for edit in self.edits:
            path = root / edit.path
            if isinstance(edit, Delete):
                path.unlink()
            elif isinstance(edit, Write):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(edit.text, "utf-8")
            else:
                text = path.read_text("utf-8")
                if edit.old not in text:
                    raise ValueError(f"{self.name}: {edit.path} has no {edit.old!r}")
                path.write_text(text.replace(edit.old, edit.new), "utf-8")


def stage(name: str, result: str, before: str = "") -> str:
    """The source of a stage that runs `before`, then writes the value of the expression `result` to its out."""
    lines = [f'@stage(outs=["{name}.txt"])', f"def {name}():"]
    lines += [f"    {line}" for line in dedent(before).strip().splitlines()]
    lines += [f'    Path("{name}.txt").write_text(repr({result}))', "", ""]
    return "\n".join(lines)


def pipeline(top: str, *stages: str) -> str:
    """The source of a pipeline file: what `top` has to start with, imports, the rest of `top`, the stages."""
    body = dedent(top).strip()
    first = ""
    if body.startswith(('"""', "from __future__")):
        first, _, body = body.partition("\n")
    return "\n".join([first, "from pathlib import Path", "", "from pivot import stage", body, "", "", *stages])


def project(top: str, *stages: str, **modules: str) -> dict[str, str]:
    """A project's files: `pipeline.py`, and modules by name, "__" standing for the slash of a path."""
    files = {"pipeline.py": pipeline(top, *stages)}
    for name, text in modules.items():
        package = name.removesuffix("____init__")
        path = package.replace("__", "/")
        files[f"{path}.py" if package == name else f"{path}/__init__.py"] = dedent(text).strip() + "\n"
    return files


def case(name: str, files: Mapping[str, str], *edits: Edit, reruns: str = "", why: str) -> Case:
    """A case of any edits. `reruns` names stages, separated by spaces."""
    return Case(name, dict(files), edits, frozenset(reruns.split()), why)


def changed(
    name: str, files: Mapping[str, str], old: str, new: str, reruns: str = "", *, why: str, path: str = "pipeline.py"
) -> Case:
    """A case whose edit replaces one text in one file."""
    return case(name, files, Replace(path, old, new), reruns=reruns, why=why)
