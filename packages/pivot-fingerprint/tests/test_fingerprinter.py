"""What a fingerprint is made of: entries, what is added and left out, how often sources are read, what stands in."""

import ast
import functools
import importlib.metadata
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pivot_fingerprint import DiskSources, Fingerprint, Fingerprinter, Project, fingerprint
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.statics import StaticDefinitions

Load = Callable[..., types.ModuleType]
_OBJECTS = """
from functools import lru_cache, partial, update_wrapper

def f(x): return x

class C:
    def m(self): return f(1)
    @classmethod
    def make(cls): return f(2)
    p = property(f)

class W:
    def __init__(self, function): update_wrapper(self, function)
    def __call__(self): return 1
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Writes a module below the test's directory and imports it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(name: str, source: str) -> types.ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        module = types.ModuleType(name)
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(source, path, "exec"), vars(module))
        return module

    return load


def _names(found: Fingerprint) -> set[str]:
    return set(found.manifest)


def test_entries_say_where_and_how(load: Load, tmp_path: Path) -> None:
    """An entry has its file relative to the root, its line, and the chain of names that led to it."""
    module = load("m", "K = 1\n\n\ndef low():\n    return K\n\n\ndef high():\n    return low()\n")
    entries = {entry.key: entry for entry in Fingerprinter(Project(tmp_path)).fingerprint(module.high).entries}
    assert entries["value:m.K"].via == ("m.high", "m.low")
    assert (entries["func:m.low"].file, entries["func:m.low"].line) == ("m.py", 4)
    assert entries["func:m.high"].via == ()


def test_entries_say_where_the_code_is_of_what_another_module_made(load: Load, tmp_path: Path) -> None:
    """The line of a closure or class counts in the file where its code is, not where it is kept."""
    load(
        "factory",
        "def make():\n    class Local:\n        x = 1\n\n    def inner():\n        pass\n    return Local, inner\n",
    )
    module = load("m", "import factory\n\n\n\nKEPT, CALLED = factory.make()\n\ndef f():\n    CALLED(KEPT)\n")
    entries = {entry.key: entry for entry in Fingerprinter(Project(tmp_path)).fingerprint(module.f).entries}
    assert (entries["class:m.KEPT"].file, entries["class:m.KEPT"].line) == ("factory.py", 2)
    assert (entries["func:m.CALLED"].file, entries["func:m.CALLED"].line) == ("factory.py", 5)


def test_entries_say_where_a_function_is_that_a_decorator_replaced(load: Load, tmp_path: Path) -> None:
    """What the name holds is a wrapper; users look for the function below the decorator."""
    load("deco", "def timed(f):\n    def inner(x):\n        return f(x)\n    return inner\n")
    module = load(
        "m",
        "from deco import timed\n\n@timed\ndef low(x):\n    return x\n\n"
        "class C:\n    @timed\n    def m(x):\n        return x\n\n"
        "@timed\ndef high():\n    return low(1), C.m(2)\n",
    )
    entries = Fingerprinter(Project(tmp_path)).fingerprint(module.high).entries
    assert {entry.key: (entry.file, entry.line) for entry in entries} == {
        "func:deco.timed.<locals>.inner": ("deco.py", 2),
        "func:deco.timed": ("deco.py", 1),
        "func:m.high": ("m.py", 12),
        "func:m.low": ("m.py", 3),
        "func:m.C.m": ("m.py", 8),
        "class:m.C": ("m.py", 7),
    }


def test_entries_say_where_importing_has_an_effect_and_what_is_read_of_definitions(load: Load, tmp_path: Path) -> None:
    """Each statement that changes the world has a place of its own, and so have hints and docstrings that are read."""
    module = load(
        "m",
        "import os\nimport random\n\nos.environ['A'] = '1'\nos.environ['B'] = '2'\nrandom.seed(3)\n\n"
        "class C:\n    'Said.'\n    x: int\n\ndef f():\n    return C.__annotations__, C.__doc__\n",
    )
    entries = Fingerprinter(Project(tmp_path)).fingerprint(module.f).entries
    assert {entry.key: entry.line for entry in entries if entry.kind not in ("func", "class")} == {
        "import:m": 4,
        "effect:m:os.environ.A": 4,
        "effect:m:os.environ.B": 5,
        "effect:m:random.seed": 6,
        "annotations:m.C": 8,
        "doc:m.C": 8,
    }
    assert {entry.file for entry in entries} == {"m.py"}


def test_same_without_a_fingerprinter(load: Load, tmp_path: Path) -> None:
    """`fingerprint` finds the project around the function."""
    module = load("m", "def f():\n    return 1\n")
    assert fingerprint(module.f) == Fingerprinter(Project(tmp_path)).fingerprint(module.f)


@pytest.mark.parametrize(
    "what",
    ["partial(f, 1)", "partial(partial(f), x=1)", "C", "C()", "C().m", "C.make", "C.p", "lru_cache(f)", "W(f)"],
)
def test_whose_project_an_object_is_in(load: Load, tmp_path: Path, what: str) -> None:
    """Of a partial, a wrapper, a bound method and an instance too, where they are not made of what libraries define."""
    module = load("m", _OBJECTS)
    obj = eval(what, vars(module))
    assert fingerprint(obj) == Fingerprinter(Project(tmp_path)).fingerprint(obj)


@pytest.mark.parametrize("obj", [len, 3, int, "m", functools.partial(len, [])])
def test_what_is_in_no_project_is_refused_with_what_to_do(obj: object) -> None:
    with pytest.raises(TypeError, match="is not defined in a source file: give a Fingerprinter its project"):
        fingerprint(obj)


def test_each_file_is_read_and_parsed_once(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many functions there are, and however they reach the file."""
    read: list[str] = []
    parsed: list[int] = []

    class Counting(DiskSources):
        def read(self, path: str) -> bytes:
            read.append(Path(path).name)
            return super().read(path)

    (tmp_path / "lazy.py").write_text("def g():\n    return 3\n")
    load("shared", "def f():\n    return 1\n")
    stages = "\n".join(f"def s{i}():\n    import lazy\n    return shared.f() + lazy.g() + {i}\n" for i in range(30))
    module = load("m", f"import shared\n\n{stages}")
    parse = ast.parse

    def counting(*args: Any, **options: Any) -> Any:
        parsed.append(1)
        return parse(*args, **options)

    monkeypatch.setattr(ast, "parse", counting)
    prints = Fingerprinter(Project(tmp_path), sources=Counting())
    for i in range(30):
        prints.fingerprint(getattr(module, f"s{i}"))
    assert sorted(read) == ["lazy.py", "m.py", "shared.py"]
    assert len(parsed) == 3


def test_shared_code_is_walked_once(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nodes of helpers are made once, whatever the number of functions."""
    from pivot_fingerprint.nodes import Nodes

    made: list[Any] = []
    make = Nodes._make

    def counting(self: Nodes, key: Any) -> Any:
        made.append(key)
        return make(self, key)

    monkeypatch.setattr(Nodes, "_make", counting)
    module = load(
        "m", "K = 1\ndef low():\n    return K\n" + "".join(f"def s{i}():\n    return low()\n" for i in range(20))
    )
    prints = Fingerprinter(Project(tmp_path))
    for i in range(20):
        prints.fingerprint(getattr(module, f"s{i}"))
    assert len(made) == len(set(made)) == 20 + 3


def test_code_deps(load: Load, tmp_path: Path) -> None:
    """Objects, files and directories that are named count, with what they reach."""
    module = load("m", "K = 1\ndef used():\n    return 1\ndef named():\n    return K\n")
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "one.sql").write_text("select 1")
    prints = Fingerprinter(Project(tmp_path))
    plain = prints.fingerprint(module.used)
    more = prints.fingerprint(module.used, code_deps=[module.named, "q", Path("m.py")])
    assert _names(more) - _names(plain) == {"func:m.named", "value:m.K", "file:q/one.sql", "file:m.py"}
    (tmp_path / "q" / "one.sql").write_text("select 2")
    again = Fingerprinter(Project(tmp_path)).fingerprint(module.used, code_deps=["q"])
    assert again.manifest["file:q/one.sql"] != more.manifest["file:q/one.sql"]


def test_missing_code_dep(load: Load, tmp_path: Path) -> None:
    """A file that is not there is an entry that says so."""
    module = load("m", "def f():\n    return 1\n")
    found = Fingerprinter(Project(tmp_path)).fingerprint(module.f, code_deps=["absent.sql"])
    assert found.manifest["file:absent.sql"] == "unreadable"


@pytest.mark.parametrize("by_name", [True, False])
def test_ignore_code(load: Load, tmp_path: Path, *, by_name: bool) -> None:
    """What is left out is not there, nor what only it reaches."""
    module = load("m", "K = 1\ndef low():\n    return K\ndef high():\n    return low()\n")
    found = Fingerprinter(Project(tmp_path)).fingerprint(module.high, ignore_code=["m.low" if by_name else module.low])
    assert _names(found) == {"func:m.high"}


def test_ignored_module(load: Load, tmp_path: Path) -> None:
    """A module's name stands for all that is in it."""
    load("helpers", "K = 1\ndef f():\n    return K\n")
    module = load("m", "import helpers\n\ndef use():\n    return helpers.f()\n")
    found = Fingerprinter(Project(tmp_path)).fingerprint(module.use, ignore_code=["helpers"])
    assert _names(found) == {"func:m.use"}


def test_volatile_value(load: Load, tmp_path: Path) -> None:
    """A value that is named volatile counts by its statement, which is also the fallback of a computed value."""
    module = load("m", "import time\nSTART = time.time()\n\ndef f():\n    return START\n")
    plain = {e.key: e for e in Fingerprinter(Project(tmp_path)).fingerprint(module.f).entries}["value:m.START"]
    vars(module)["START"] += 1
    other = {e.key: e for e in Fingerprinter(Project(tmp_path)).fingerprint(module.f).entries}["value:m.START"]
    assert plain.digest != other.digest
    assert plain.fallback == other.fallback != ""
    named = [Fingerprinter(Project(tmp_path), volatile=["value:m.START"]).fingerprint(module.f).digest]
    vars(module)["START"] += 1
    named.append(Fingerprinter(Project(tmp_path), volatile=["m.START"]).fingerprint(module.f).digest)
    assert named[0] == named[1]


def test_volatile_only_for_a_statement(load: Load, tmp_path: Path) -> None:
    """Volatile for one statement: where another one computes the value, it counts again."""
    module = load("m", "import time\nSTART = time.time()\n\ndef f():\n    return START\n")

    def twice(volatile: dict[str, str]) -> list[str]:
        prints = []
        for _ in range(2):
            vars(module)["START"] += 1
            prints.append(Fingerprinter(Project(tmp_path), volatile=volatile).fingerprint(module.f).digest)
        return prints

    prints = Fingerprinter(Project(tmp_path))
    prints.fingerprint(module.f)
    [value] = prints.computed_values().values()
    assert len(set(twice({value.key: value.fallback}))) == 1
    assert len(set(twice({value.key: "another"}))) == 2


def test_computed_values(load: Load, tmp_path: Path) -> None:
    """Those that are reached, without literals, and also where they are volatile."""
    text = "import time\nA = time.time()\nB = [1, (-2, 3)]\nC = len(B)\nD = len(B)\nE = []\nE.append(C)\n\n"
    module = load("m", text + "def f():\n    return A, B, C, E\n")
    for volatile in ((), ("m.A",)):
        prints = Fingerprinter(Project(tmp_path), volatile=volatile)
        prints.fingerprint(module.f)
        values = prints.computed_values()
        assert set(values) == {"value:m.A", "value:m.C", "value:m.E"}
        assert all(value.fallback for value in values.values())
        assert (values["value:m.A"].file, values["value:m.A"].line) == ("m.py", 2)


def test_sources_by_digest(load: Load, tmp_path: Path) -> None:
    """The source of every entry, in normal form."""
    module = load("m", "K = 1 # one\ndef f():\n    '''Doc.'''\n    # why\n    return (K)\n")
    prints = Fingerprinter(Project(tmp_path))
    manifest = prints.fingerprint(module.f).manifest
    texts = prints.sources_by_digest
    assert texts[manifest["func:m.f"]] == "def f():\n    return K"
    assert texts[manifest["value:m.K"]] == "K = 1"


@pytest.mark.parametrize(("versions", "changes"), [("exact", True), ("minor", True), ("none", False)])
def test_versions(load: Load, tmp_path: Path, versions: Any, *, changes: bool) -> None:
    """How much of a distribution's version counts."""
    module = load("m", "import attrs\n\ndef f():\n    return attrs.define\n")
    found = Fingerprinter(Project(tmp_path), versions=versions).fingerprint(module.f)
    version = found.manifest["dist:attrs"]
    assert (version != "*") is changes
    if versions == "exact":
        assert version == importlib.metadata.version("attrs")


def test_parameters_of_the_function_itself(load: Load, tmp_path: Path) -> None:
    """Whoever calls the function makes what its parameters are annotated with; other hints nobody reads."""
    source = (
        "from dataclasses import dataclass\n\n@dataclass\nclass P:\n    size: int = 1\n\n"
        "def f(p: P, q: int = 1) -> int:\n    return p.size\n"
    )
    one = Fingerprinter(Project(tmp_path)).fingerprint(load("m", source).f)
    assert "class:m.P" in _names(one)
    other = Fingerprinter(Project(tmp_path)).fingerprint(
        load("m", source.replace("q: int = 1) -> int", "q: float = 1)")).f
    )
    assert other.digest == one.digest
    changed = Fingerprinter(Project(tmp_path)).fingerprint(load("m", source.replace("size: int", "size: float")).f)
    assert changed.digest != one.digest


def test_coarse_units_are_noted(load: Load, tmp_path: Path) -> None:
    """What is chosen at run time shows as a whole module, with the reason."""
    load("ops", "def one():\n    return 1\n")
    module = load("m", "import ops\n\ndef f(name):\n    return getattr(ops, name)()\n")
    entry = {e.key: e for e in Fingerprinter(Project(tmp_path)).fingerprint(module.f).entries}["module:ops"]
    assert "used as a whole" in entry.note


def test_the_methods_that_dataclass_writes_have_no_entries(load: Load, tmp_path: Path) -> None:
    """The statement of the class says all of them. One is wrapped by the standard library."""
    module = load(
        "m",
        "from dataclasses import dataclass\n\n"
        "@dataclass(order=True)\nclass C:\n    x: int = 1\n\n    def more(self):\n        return self.x\n\n"
        "def f():\n    return C(2).more()\n",
    )
    entries = Fingerprinter(Project(tmp_path)).fingerprint(module.f).entries
    assert [(entry.key, entry.note) for entry in entries] == [
        ("class:m.C", ""),
        ("func:m.C.more", ""),
        ("func:m.f", ""),
    ]


def test_variables_that_a_function_reads_are_noted(load: Load, tmp_path: Path) -> None:
    """Not those that it sets or passes on, nor those that are read while the module is loaded: these values count."""
    module = load(
        "m",
        "import os\nfrom os import environ, getenv\n\nHOME = os.environ.get('HOME')\n\n"
        "def reads():\n    return os.environ['A'], environ.get('B', '1'), [getenv('C') for _ in HOME]\n\n"
        "def computed(name):\n    return os.getenv(name)\n\n"
        "def sets():\n    os.environ['A'] = '1'\n    return dict(os.environ, B='2'), HOME\n",
    )
    notes = {
        name: {e.key: e.note for e in Fingerprinter(Project(tmp_path)).fingerprint(getattr(module, name)).entries}
        for name in ("reads", "computed", "sets")
    }
    assert notes["reads"]["func:m.reads"] == "; ".join(
        f"reads the variable {name} from the environment while it runs: its value does not count" for name in "ABC"
    )
    assert "variables with computed names" in notes["computed"]["func:m.computed"]
    assert not any(notes["sets"].values())


def test_ignored_packages_do_not_count(load: Load, tmp_path: Path) -> None:
    """Neither a decorator of an ignored package, nor its arguments, nor what is used from it."""
    load("tool", "def mark(**options):\n    return lambda f: f\n\ndef helper():\n    return 1\n")
    project = Project(tmp_path, ignore_packages={"tool"})
    source = "import tool\n\n@tool.mark(size=1)\ndef f():\n    return tool.helper()\n"
    one = Fingerprinter(project).fingerprint(load("m", source).f)
    other = Fingerprinter(project).fingerprint(load("m", source.replace("size=1", "size=2")).f)
    assert one.digest == other.digest
    assert _names(one) == {"func:m.f"}


def test_function_without_a_file(tmp_path: Path) -> None:
    """A function made by exec counts by its bytecode."""
    digests = []
    for text in ("def f(x):\n    return x + 1", "def f(x):\n    return x + 1  # same", "def f(x):\n    return x + 2"):
        space: dict[str, Any] = {"__name__": "made"}
        exec(text, space)
        digests.append(Fingerprinter(Project(tmp_path)).fingerprint(space["f"]).digest)
    assert digests[0] == digests[1] != digests[2]


_TYPED = """
import dataclasses

class C:
    z = 1
    def m(self): return 1

@dataclasses.dataclass
class D:
    a: int = 1
    def v(self): return self.a

K = D(3)

def helper(): return 5

def f(): return C().m(), K.v(), helper()
"""


@pytest.mark.parametrize("name", ["__main__", "typed"])
def test_what_is_typed_into_a_module_without_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `__main__` of a notebook or of `python -c` is: functions, classes and values count by what they hold."""

    def digest(text: str) -> str:
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(text, "<stdin>", "exec"), vars(module))
        return Fingerprinter(Project(tmp_path)).fingerprint(module.f).digest

    first = digest(_TYPED)
    assert digest(f"# a comment\n\n{_TYPED}") == first
    for old, new in [("z = 1", "z = 2"), ("return 1", "return 2"), ("D(3)", "D(4)"), ("return 5", "return 6")]:
        assert digest(_TYPED.replace(old, new)) != first, old
    for old, new in [("a: int = 1", "a: int = 2"), ("return self.a", "return -self.a"), ("return C", "return D(1), C")]:
        assert digest(_TYPED.replace(old, new)) != first, old


def test_source_that_is_gone(load: Load, tmp_path: Path) -> None:
    """A function whose source cannot be read counts by its bytecode, with a note."""
    module = load("m", "def f():\n    return 1\n")
    (tmp_path / "m.py").unlink()
    (entry,) = Fingerprinter(Project(tmp_path)).fingerprint(module.f).entries
    assert "no source" in entry.note


def test_definition_that_cannot_be_looked_at(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it leads to is not known: all of the project counts."""
    content = StaticDefinitions.content

    def fails(self: StaticDefinitions, source: SourceModule, name: str) -> Any:
        if name == "g":
            raise OSError("no reason")
        return content(self, source, name)

    def digest(low: str) -> str:
        load("low", low)
        source = "import low\n\ndef f():\n    from m import g\n    return g()\n\ndef g():\n    return low.h()\n"
        module = load("m", source)
        found = Fingerprinter(Project(tmp_path)).fingerprint(module.f)
        assert [entry.note for entry in found.entries if entry.key == "unseen:m.g"] == [
            "could not be looked at (OSError: no reason): all of the project counts"
        ]
        return found.digest

    monkeypatch.setattr(StaticDefinitions, "content", fails)
    assert digest("def h():\n    return 1\n") != digest("def h():\n    return 2\n")


def test_lambdas_on_one_line(load: Load, tmp_path: Path) -> None:
    """Each is found by where its body stands."""
    module = load("m", "PAIR = [lambda x: x + 1, lambda x: x + 2, lambda x: (lambda y: x + y)]\n")
    prints = Fingerprinter(Project(tmp_path))
    assert len({prints.fingerprint(f).digest for f in module.PAIR}) == 3


def test_functions_of_namespaces_without_a_name(load: Load, tmp_path: Path) -> None:
    """What each function made by `exec` reads counts, however many namespaces without a name there are."""
    source = (
        "def made(factor):\n"
        "    space = {'FACTOR': factor}\n"
        "    exec('def f(x):\\n    return x + FACTOR\\n', space)\n"
        "    return space['f']\n\n"
        "one, other = made(1), made({0})\n\n"
        "def first():\n    return one(1)\n\n"
        "def second():\n    return other(1)\n"
    )

    def digests(factor: str) -> tuple[str, str]:
        module = load("m", source.replace("{0}", factor))
        prints = Fingerprinter(Project(tmp_path))
        return prints.fingerprint(module.first).digest, prints.fingerprint(module.second).digest

    before, after = digests("2"), digests("3")
    assert before[0] == after[0]
    assert before[1] != after[1]


@pytest.mark.parametrize("steps", [30, 400])
def test_local_names_that_hold_each_other_are_looked_at_once_each(load: Load, tmp_path: Path, steps: int) -> None:
    """Each step names the one before twice: put together, the last would be as long as two to their number."""
    (tmp_path / "a.csv").touch()
    lines = ["first = 'a.csv'", "step0 = load_table(first)"]
    lines += [f"step{number + 1} = step{number}.merge(step{number})" for number in range(steps)]
    module = load("m", "def f():\n    " + "\n    ".join([*lines, f"return parse(step{steps})"]) + "\n")
    assert {"file:a.csv", "func:m.f"} <= _names(Fingerprinter(Project(tmp_path)).fingerprint(module.f))


def test_each_function_asks_of_the_files_that_it_reads_itself(load: Load, tmp_path: Path) -> None:
    """As many functions as read a file each: what all of them read together is not asked for each of them."""
    names = [f"read{number}" for number in range(30)]
    for name in names:
        (tmp_path / f"{name}.csv").touch()
    module = load("m", "\n".join(f"def {name}():\n    return open('{name}.csv').read()\n" for name in names))
    fingerprinter = Fingerprinter(Project(tmp_path), is_dep=lambda _path: True)
    for name in names:
        asked: set[str] = set()
        for is_dep in (True, False, True):

            def answer(path: str, asked: set[str] = asked, *, is_dep: bool = is_dep) -> bool:
                asked.add(path)
                return is_dep

            found = fingerprinter.fingerprint(getattr(module, name), is_dep=answer)
            assert (f"file:{name}.csv" in _names(found)) is not is_dep
        assert asked == {str(tmp_path / f"{name}.csv")}
