"""Generated programs: a change that keeps the meaning keeps the digest, one that does not changes it."""

import ast
import itertools
import sys
import types
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_fingerprint import Fingerprinter, Project

_COUNT = 5
_numbers = itertools.count()

_leaf = st.one_of(
    st.integers(0, 99).map(str),
    st.just("x"),
    st.sampled_from([f"K{i}" for i in range(3)]),
    st.text("ab c", max_size=3).map(lambda text: f"len({text!r})"),
)
_expression = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, inner).map(lambda parts: f"sum([{parts[0]}, {parts[1]}])"),
        st.tuples(inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else x)"),
        inner.map(lambda part: f"sum(y + {part} for y in range(3))"),
        inner.map(lambda part: f"(lambda z: z + {part})(x)"),
        st.tuples(st.integers(0, _COUNT - 1), inner).map(lambda parts: f"call({parts[0]}, {parts[1]})"),
    ),
    max_leaves=6,
)


@st.composite
def programs(draw: st.DrawFn) -> list[str]:
    """Definitions: constants, functions that call later ones, and a class. `f0` is what is fingerprinted."""
    constants = [f"K{i} = {draw(st.integers(0, 9))}" for i in range(3)]
    functions = []
    for i in range(_COUNT):
        body = draw(_expression)
        for called in range(_COUNT):
            body = body.replace(f"call({called},", f"f{called}(" if called > i else "max(x,")
        functions.append(f"def f{i}(x, k={draw(st.integers(0, 9))}):\n    return {body} + k")
    return constants + functions


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


def _digest(root: Path, source: str) -> str:
    name = "generated"
    path = root / f"{name}{next(_numbers)}.py"
    path.write_text(source, "utf-8")
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(source, path, "exec"), vars(module))
        return Fingerprinter(Project(root)).fingerprint(module.f0).digest
    finally:
        del sys.modules[name]
        path.unlink()


_quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_quick
@given(definitions=programs(), seed=st.randoms(use_true_random=False))
def test_meaning_kept(root: Path, definitions: list[str], seed: st.DataObject) -> None:
    """Layout, comments, docstrings, hints, unused code and the order of definitions do not count."""
    source = "\n\n".join(definitions)
    shuffled = list(definitions)
    seed.shuffle(shuffled)  # type: ignore[attr-defined] # it is a Random
    variants = [
        ast.unparse(ast.parse(source)),
        source.replace("\n\n", "\n\n# a comment\n\n\n"),
        source.replace("):\n    return", '):\n    """What it does."""\n    # why\n    return'),
        source.replace("(x, k=", "(x: int, k: int = ").replace("):\n", ") -> int:\n"),
        source.replace("'", '"'),
        source + "\n\ndef unused(x):\n    return f0(x)\n\nUNUSED = f0(1)\n",
        "import json, os.path as p\n" + source,
        source.replace("):\n    return ", "):\n    return (\n        ").replace(" + k", "\n        + k)"),
        "\n\n".join(shuffled),
    ]
    expected = _digest(root, source)
    for variant in variants:
        assert _digest(root, variant) == expected, variant


@_quick
@given(definitions=programs(), data=st.data())
def test_meaning_changed(root: Path, definitions: list[str], data: st.DataObject) -> None:
    """Another constant, operator, call or default in what is reached changes the digest."""
    tree = ast.parse("\n\n".join(definitions))
    reached = _reached(tree)
    edits = [edit for node in reached for edit in _edits(node)]
    before = _digest(root, ast.unparse(tree))
    target, attribute, value = data.draw(st.sampled_from(edits))
    setattr(target, attribute, value)
    assert _digest(root, ast.unparse(tree)) != before, ast.unparse(tree)


def _reached(tree: ast.Module) -> list[ast.stmt]:
    defined = {
        node.name if isinstance(node, ast.FunctionDef) else node.targets[0].id: node  # type: ignore[attr-defined] # K = 1
        for node in tree.body
    }
    found, queue = [], ["f0"]
    for name in queue:
        found.append(defined[name])
        names = {node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)}
        queue += sorted((names & defined.keys()) - set(queue))
    return found


def _edits(node: ast.stmt) -> list[tuple[ast.AST, str, object]]:
    edits: list[tuple[ast.AST, str, object]] = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, int):
            edits.append((inner, "value", inner.value + 1))
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            edits.append((inner, "value", inner.value + "!"))
        elif isinstance(inner, ast.BinOp):
            edits.append((inner, "op", ast.FloorDiv()))
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "sum":
            edits.append((inner.func, "id", "list"))
    return edits
