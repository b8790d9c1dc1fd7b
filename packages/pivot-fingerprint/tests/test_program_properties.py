"""Generated programs of several modules: what changes a result changes the digest, what is not reached does not.

The result is the judge: a program is run before and after an edit.
"""

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_fingerprint import Fingerprinter, Project

MODULES = ("pipeline", "first", "second", "pack.third", "pack.deep.fourth", "last")
"""Each uses only those after it."""


@attrs.frozen
class Program:
    """Statements by module, the first ones imports, and the definitions that `pipeline.stage` reaches."""

    statements: dict[str, list[str]]
    reached: frozenset[tuple[str, int]]

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self.statements).encode()).hexdigest()[:16]

    def write(self, root: Path) -> None:
        for module, statements in self.statements.items():
            path = root.joinpath(*module.split(".")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n\n".join(statements) + "\n", "utf-8")
        (root / "pack" / "__init__.py").write_text("from pack.third import d0 as exported\n", "utf-8")
        (root / "pack" / "deep" / "__init__.py").touch()

    def with_statement(self, module: str, index: int, text: str) -> "Program":
        statements = [*self.statements[module]]
        statements[index] = text
        return attrs.evolve(self, statements={**self.statements, module: statements})


class Writer:
    """Writes a program, backwards from the last module."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._statements: dict[str, list[str]] = {module: [] for module in MODULES}
        self._uses: dict[tuple[str, int], set[tuple[str, int]]] = {}
        self._functions: dict[str, list[tuple[str, int]]] = {module: [] for module in MODULES}

    def program(self) -> Program:
        for module in reversed(MODULES):
            for number in range(3):
                self._add_definitions(module, f"{'abcdef'[MODULES.index(module)]}{number}")
        root = self._functions["pipeline"][-1]
        self._statements["pipeline"].append(f"stage = {root[0]}")
        reached, queue = {("pipeline", root[1])}, [("pipeline", root[1])]
        for place in queue:
            new = self._uses.get(place, set()) - reached
            reached |= new
            queue += sorted(new)
        return Program(self._statements, frozenset(reached))

    def _add(self, module: str, text: str, uses: set[tuple[str, int]]) -> tuple[str, int]:
        self._statements[module].append(text)
        place = (module, len(self._statements[module]) - 1)
        self._uses[place] = uses
        return place

    def _add_definitions(self, module: str, name: str) -> None:
        """A function `name(x)`, and what it needs."""
        number = self._random.randint(1, 9)
        call, uses, lines = self._call(module)
        text = self._constant(name.upper(), number)
        constant = self._add(module, text, set())
        held = f"{name.upper()}[0]" if text.endswith(("]", ",)")) else name.upper()
        kind = self._random.choice(
            [
                "def",
                "default",
                "lambda",
                "closure",
                "class",
                "instance",
                "base",
                "partial",
                "wrapped",
                "table",
                "cached",
            ]
        )
        body = f"    return {held} * x + {call} + {number}"
        inner = "".join(f"    {line}\n" for line in lines)
        plain = f"def {name}(x):\n{inner}{body}"
        uses = {*uses, constant}
        if kind == "default":
            plain = f"def {name}(x, k={held}):\n{inner}    return k * x + {call} + {number}"
        elif kind == "lambda" and not lines:
            plain = f"{name} = lambda x: {held} * x + {call}"
        elif kind == "closure":
            nested = "\n".join(f"    {line}" for line in f"def inner(x):\n{inner}{body} + k".splitlines())
            made = self._add(module, f"def make_{name}(k):\n{nested}\n    return inner", uses)
            plain, uses = f"{name} = make_{name}({number})", {made}
        elif kind in ("class", "instance", "base"):
            method = f"    def go(self, x):\n        return self.k * x + self.own() + {call}\n"
            method = method.replace("        return", "".join(f"        {line}\n" for line in lines) + "        return")
            if kind == "base":
                base = self._add(module, f"class Base{name}:\n    k = {held}\n{method}", uses)
                text = f"class Class{name}(Base{name}):\n    def own(self):\n        return {number}\n"
                made = self._add(module, text, {base})
            else:
                text = f"class Class{name}:\n    k = {held}\n{method}    def own(self):\n        return {number}\n"
                made = self._add(module, text, uses)
            plain, uses = f"def {name}(x):\n    return Class{name}().go(x)", {made}
            if kind == "instance":
                instance = self._add(module, f"I{name} = Class{name}()\nI{name}.k = {number}", {made})
                plain, uses = f"{name} = I{name}.go", {instance}
        elif kind in ("partial", "wrapped", "table", "cached"):
            made = self._add(module, plain.replace(f"def {name}(x)", f"def raw_{name}(x, y={number})"), uses)
            uses = {made}
            if kind == "partial":
                plain = f"import functools\n{name} = functools.partial(raw_{name}, y={number})"
            elif kind == "cached":
                plain = f"import functools\n{name} = functools.lru_cache(raw_{name})"
            elif kind == "table":
                plain = f"T{name} = {{'a': raw_{name}, 'b': None}}\n\ndef {name}(x):\n    return T{name}['a'](x)"
            else:
                text = f"def deco_{name}(f):\n    def wrapper(x):\n        return f(x) + {number}\n    return wrapper"
                uses = {made, self._add(module, text, set())}
                plain = f"@deco_{name}\ndef {name}(x):\n    return raw_{name}(x)"
        self._functions[module].append((name, self._add(module, plain, uses)[1]))

    def _constant(self, name: str, number: int) -> str:
        return self._random.choice(
            [
                f"{name} = {number}",
                f"{name} = [{number}, 'a']",
                f"{name} = len('{'a' * number}')",
                f"{name} = sum(range({number}))",
                f"{name} = ({number},)",
            ]
        )

    def _call(self, module: str) -> tuple[str, set[tuple[str, int]], list[str]]:
        """A call of a function of a later module: the expression, what it uses, and imports inside the function."""
        later = MODULES[MODULES.index(module) + 1 :]
        near = self._functions[module]
        if not later or (near and self._random.random() < 0.3):
            if not near:
                return "0", set(), []
            name, index = self._random.choice(near)
            return f"{name}(x)", {(module, index)}, []
        other = self._random.choice(later)
        name, index = self._random.choice(self._functions[other])
        uses = {(other, index)}
        form = self._random.randrange(9)
        if form == 8 and other == "pack.third":
            index = self._functions[other][0][1]
            return self._at_top(module, "from pack import exported", "exported(x)"), {(other, index)}, []
        # With the module in it: a star import must not put an alias of another module over one of the importer's own.
        alias = f"as_{name}_in_{module.replace('.', '_')}_{len(self._statements[module])}"
        lines = {
            0: [f"from {other} import {name} as {alias}"],
            1: [f"import {other} as {alias}"],
            2: [f"import importlib\n    {alias} = importlib.import_module('{other}')"],
        }.get(form)
        if lines is not None:
            return (f"{alias}(x)" if form == 0 else f"{alias}.{name}(x)"), uses, lines[0].split("\n    ")
        top = {
            3: (f"from {other} import {name} as {alias}", f"{alias}(x)"),
            4: (f"import {other}", f"{other}.{name}(x)"),
            5: (f"import {other} as {alias}", f"getattr({alias}, '{name}')(x)"),
            6: (
                f"try:\n    from {other} import {name} as {alias}\nexcept ImportError:\n    {alias} = None",
                f"{alias}(x)",
            ),
        }.get(form, (f"from {other} import *", f"{name}(x)"))
        return self._at_top(module, *top), uses, []

    def _at_top(self, module: str, statement: str, call: str) -> str:
        self._add(module, statement, set())
        return call


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = sys.dont_write_bytecode, sys.path[:]
    sys.dont_write_bytecode = True
    yield tmp_path_factory.mktemp("programs")
    sys.dont_write_bytecode, sys.path[:] = before


def _load(root: Path, program: Program) -> tuple[str, list[object]]:
    """The digest of the stage before it ran, and what it returns."""
    place = root / program.digest  # the same one each time: hypothesis tells errors apart by where they are raised
    program.write(place)
    sys.path.insert(0, str(place))
    known = set(sys.modules)
    try:
        importlib.invalidate_caches()
        stage = importlib.import_module("pipeline").stage
        digest = Fingerprinter(Project(place)).fingerprint(stage).digest
        return digest, [stage(x) for x in (0, 1, 5)]
    finally:
        sys.path.remove(str(place))
        for name in set(sys.modules) - known:
            if name.partition(".")[0] in {module.partition(".")[0] for module in MODULES}:
                del sys.modules[name]


def _edited(text: str, random: Random) -> str | None:
    """The statement with another number, string or operator."""
    tree = ast.parse(text)
    numbers = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is int]
    operators = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp)]
    if not numbers and not operators:
        return None
    chosen = random.choice([*numbers, *operators])
    if isinstance(chosen, ast.Constant):
        assert isinstance(chosen.value, int)
        chosen.value += random.choice([1, 2, 10]) if chosen.value else 0
    elif isinstance(chosen, ast.BinOp):
        chosen.op = ast.Sub()
    return ast.unparse(tree)


_settings = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_no_example_has_a_deadline() -> None:
    """A busy machine makes single examples slow: the profile that the tests run with says so for all of them."""
    assert settings().deadline is None


@_settings
@given(seed=st.integers(0, 2**32))
def test_what_changes_the_result_changes_the_digest(root: Path, seed: int) -> None:
    random = Random(seed)
    program = Writer(random).program()
    digest, result = _load(root, program)
    module = random.choice(MODULES)
    index = random.randrange(len(program.statements[module]))
    text = _edited(program.statements[module][index], random)
    if text is None:
        return
    after, changed = _load(root, program.with_statement(module, index, text))
    if changed != result:
        assert after != digest, (module, text)
    if (module, index) not in program.reached:
        assert after == digest, (module, text)


@_settings
@given(seed=st.integers(0, 2**32))
def test_layout_and_what_is_not_used_do_not_count(root: Path, seed: int) -> None:
    random = Random(seed)
    program = Writer(random).program()
    digest, _ = _load(root, program)
    module = random.choice(MODULES)
    statements = program.statements[module]
    variants = [
        [ast.unparse(ast.parse(text)) for text in statements],
        [f"# a comment\n\n{text}" for text in statements],
        ['"""A module."""', *statements, "UNUSED = 17\n\ndef unused(x):\n    return UNUSED"],
        ["import json, os.path as p", *statements],
    ]
    for variant in variants:
        other = attrs.evolve(program, statements={**program.statements, module: variant})
        assert _load(root, other)[0] == digest, (module, variant)
