"""Less common constructions, each of which has misled somebody's fingerprints.

Each of these is legal Python that somebody's project relies on, so none may be guessed at.
"""

from fingerprint_cases.case import Replace, Write, case, changed, project, stage

_SUBCLASSES = project(
    """
    class Step:
        @classmethod
        def all(cls):
            return [sub().run() for sub in cls.__subclasses__()]

        def run(self):
            return 0

    class One(Step):
        def run(self):
            return 1

    def first():
        return 2
    """,
    stage("a", "Step.all()"),
    stage("b", "first()"),
    stage("c", "all_of()", "from lib import all_of"),
    lib="class Step:\n    @classmethod\n    def all(cls):\n        return [sub().run() for sub in cls.__subclasses__()]\n\n"
    "class One(Step):\n    def run(self):\n        return 3\n\ndef all_of():\n    return Step.all()\n",
)

_LAZY_PACKAGE = project(
    "import pkg",
    stage("a", "pkg.load('one').f()"),
    stage("b", "pkg.two.f()", "import pkg.two"),
    stage("c", "pkg.Thing().f()"),
    pkg____init__="""
    import importlib

    def load(name):
        return importlib.import_module(f".{name}", __name__)

    def __getattr__(name):
        if name == "Thing":
            from .thing import Thing
            return Thing
        raise AttributeError(name)
    """,
    pkg__one="def f():\n    return 1\n",
    pkg__two="def f():\n    return 2\n",
    pkg__thing="class Thing:\n    def f(self):\n        return 3\n",
    outside="def f():\n    return 4\n",
)

_INDIRECT = project(
    """
    import operator
    from functools import reduce
    from types import MethodType, SimpleNamespace

    def add(x, y):
        return x + y

    def double(x):
        return x * 2

    class Tool:
        def run(self):
            return 10

    def free(self):
        return 20

    tool = Tool()
    tool.extra = MethodType(free, tool)
    space = SimpleNamespace(f=double)
    runner = operator.methodcaller("run")
    pairs = sorted([3, 1], key=double)

    class Meta(type):
        @property
        def label(cls):
            return 30

    class Labelled(metaclass=Meta):
        pass

    def compose(*functions):
        def composed(x):
            for f in functions:
                x = f(x)
            return x
        return composed

    both = compose(double, double)

    def recursive():
        def inner(n):
            return inner(n - 1) if n else 40
        return inner

    recurse = recursive()
    counter = iter([1, 2, 3])
    """,
    stage("reduces", "reduce(add, [1, 2])"),
    stage("method", "tool.extra()"),
    stage("spaces", "space.f(1)"),
    stage("calls", "runner(tool)"),
    stage("meta", "Labelled.label"),
    stage("composes", "both(1)"),
    stage("recurses", "recurse(2)"),
    stage("iterates", "type(counter).__name__"),
)

_CONFIG = project(
    """
    import json
    from pathlib import Path

    CONFIG = json.loads((Path(__file__).parent / "config.json").read_text())
    LEARNING = CONFIG["learning"]

    class Config:
        learning = CONFIG["learning"]
        batch = CONFIG["batch"]

    def default(rate=CONFIG["learning"]):
        return rate
    """,
    stage("a", "LEARNING"),
    stage("b", "Config.batch"),
    stage("c", "default()"),
    stage("d", "1"),
) | {"config.json": '{"learning": 1, "batch": 2}'}

_TYPED = project(
    """
    from __future__ import annotations
    from collections import namedtuple
    from dataclasses import dataclass, make_dataclass
    from typing import ClassVar, NewType

    UserId = NewType("UserId", int)
    Pair = namedtuple("Pair", ["x", "y"], defaults=[5])
    Made = make_dataclass("Made", [("size", int, 6)])

    @dataclass
    class Config:
        kind: ClassVar[str] = "k"
        size: int = 7

    @dataclass
    class Special(Config):
        extra: int = 8

    class Plain:
        size: int = 9

        def get(self) -> int:
            return self.size
    """,
    stage("pairs", "Pair(1)"),
    stage("made", "Made().size"),
    stage("special", "Special().extra"),
    stage("plain", "Plain().get()"),
    stage("new", "UserId(1)"),
)

_SIBLINGS = project(
    """
    def shared(x):
        return left(x) + right(x)

    def left(x):
        return x + 1

    def right(x):
        return x + 2
    """,
    stage("a", "left(1)"),
    stage("b", "right(1)"),
    stage("c", "shared(1)"),
)

_STATE = project(
    """
    import collections

    class Registry:
        def __init__(self):
            self._items = {}
            self._order = []

        def add(self, name):
            def keep(f):
                self._items[name] = f
                self._order.append(name)
                return f
            return keep

        def run(self, name):
            return self._items[name]()

    registry = Registry()
    other = Registry()

    @registry.add("one")
    def one():
        return deep()

    def deep():
        return 1

    @other.add("two")
    def two():
        return 2
    """,
    stage("a", "registry.run('one')"),
    stage("b", "other.run('two')"),
    stage("c", "one()"),
)

_TRY = project(
    """
    try:
        import not_installed_anywhere as fast
    except ImportError:
        fast = None

    def work(x):
        if fast is not None:
            return fast.work(x)
        return slow(x)

    def slow(x):
        return x + 1
    """,
    stage("a", "work(1)"),
    stage("b", "1"),
)

_GLOBALS = project(
    """
    COUNT = 0
    LIMIT = 5

    def bump():
        global COUNT
        COUNT += 1
        return COUNT

    def over():
        return COUNT > LIMIT
    """,
    stage("a", "bump()"),
    stage("b", "over()"),
    stage("c", "1"),
)

_SETATTR = project(
    """
    import settings

    for key, value in {"RATE": 2, "DEPTH": 3}.items():
        setattr(settings, key, value)
    """,
    stage("a", "settings.RATE"),
    stage("b", "settings.FIXED"),
    settings="RATE = 1\nDEPTH = 1\nFIXED = 1\n",
)

_COPY = project(
    """
    from lib import original

    original = original
    renamed = original

    def original_plus(x):
        return renamed(x) + 1
    """,
    stage("a", "original_plus(1)"),
    stage("b", "original(1)"),
    lib="def original(x):\n    return x\n\ndef extra(x):\n    return -x\n",
)

_METHOD_STAGE = project(
    """
    class Job:
        def __init__(self, size):
            self.size = size

        def __call__(self):
            Path("job.txt").write_text(str(self.size))

    def fit(size):
        Path(f"{size}.txt").write_text(str(size))
    """,
    "job = Job(3)\njob.__name__ = 'job'\nstage(job, outs=['job.txt'])\n",
    stage("other", "1"),
)

_DUNDER = project(
    """
    def where():
        return __name__, __file__.endswith("pipeline.py")

    def version():
        return lib_version()

    from lib import __version__ as v, lib_version
    """,
    stage("a", "where()"),
    stage("b", "v"),
    stage("c", "version()"),
    lib='__version__ = "1.0"\n\ndef lib_version():\n    return __version__\n',
)

_LAZY_CLASS = project(
    """
    class Loader:
        def load(self):
            from heavy import read
            return read()

        @property
        def model(self):
            import heavy.models as m
            return m.Model()
    """,
    stage("a", "Loader().load()"),
    stage("b", "Loader().model.run()"),
    stage("c", "1"),
    heavy____init__="def read():\n    return 1\n\ndef write():\n    return 2\n",
    heavy__models="class Model:\n    def run(self):\n        return 3\n\nclass Other:\n    def run(self):\n        return 4\n",
)

_MADE = project(
    """
    from enum import Enum
    from typing import NamedTuple, TypedDict

    Color = Enum("Color", "RED GREEN")
    Point = NamedTuple("Point", [("x", int), ("y", int)])
    Row = TypedDict("Row", {"key": str})
    """,
    stage("a", "list(Color.__members__)"),
    stage("b", "Point(1, 2)"),
    stage("c", "sorted(Row.__annotations__)"),
)

_DICT = project(
    """
    import ops
    import operator

    def by_dict(name):
        return ops.__dict__[name]()

    def by_getter():
        return operator.attrgetter("one")(ops)()

    def load():
        global tools
        import tools

    def use():
        load()
        return tools.f()
    """,
    stage("a", "by_dict('one')"),
    stage("b", "by_getter()"),
    stage("c", "use()"),
    stage("d", "vars(ops)['one']()", "import ops"),
    stage("e", "1"),
    ops="def one():\n    return 1\n",
    tools="def f():\n    return 2\n",
)

_STARS = project(
    "from left import *\nfrom right import *",
    stage("a", "f()"),
    stage("b", "mixed.f()", "import mixed"),
    left="def f():\n    return 1\n",
    right="def f():\n    return 2\n",
    mixed="from left import *\nfrom right import *\n",
)

_BROKEN = project(
    """
    def use():
        try:
            import broken
        except SyntaxError:
            return 0
        return broken.f()
    """,
    stage("a", "use()"),
    stage("b", "1"),
    broken="def f(:\n",
)

_FORMS = project(
    """
    from functools import partial

    def write(name, value):
        Path(name).write_text(str(value))

    def five():
        return 5

    stage(partial(write, "p.txt", 3), name="p", outs=["p.txt"])
    stage(lambda: write("l.txt", five()), name="l", outs=["l.txt"])

    class Job:
        value = 4

        def run(self):
            write("m.txt", self.value)

    job = Job()
    stage(job.run, name="m", outs=["m.txt"])
    """,
    stage("other", "1"),
)

CASES = (
    changed("functional enum", _MADE, "RED GREEN", "RED BLUE", "a", why="a made class"),
    changed("functional named tuple", _MADE, '("y", int)', '("z", int)', "b", why="a made class"),
    changed("functional typed dict", _MADE, '"key"', '"name"', "c", why="a made class"),
    changed("__dict__ of a module", _DICT, "return 1", "return 11", "a b d", path="ops.py", why="all of the module counts"),
    changed("import by way of global", _DICT, "return 2", "return 22", "c", path="tools.py", why="bound for others to use"),
    changed("name given by two stars", _STARS, "return 2", "return 22", "a b", path="right.py", why="the last one wins"),
    changed("name hidden by another star", _STARS, "return 1", "return 11", path="left.py", why="the last one wins"),
    changed("module that cannot be parsed", _BROKEN, "def f(:", "def f():\n    return 1", "a", path="broken.py", why="it counts as a file"),
    changed("partial as a stage", _FORMS, '"p.txt", 3', '"p.txt", 33', "p", why="what it binds"),
    changed("lambda as a stage", _FORMS, "return 5", "return 55", "l", why="what it calls"),
    changed("bound method as a stage", _FORMS, "value = 4", "value = 44", "m", why="its class"),
    changed("helper of all kinds of stages", _FORMS, "str(value)", "repr(value)", "p l m", why="what they call"),
    changed("subclasses asked for by a class method", _SUBCLASSES, "return 1", "return 11", "a", why="cls.__subclasses__()"),
    changed("subclass added", _SUBCLASSES, "def first", "class Two(Step):\n    pass\n\ndef first", "a", why="it is found as well"),
    changed("subclasses asked for, unloaded", _SUBCLASSES, "return 3", "return 33", "c", path="lib.py", why="cls.__subclasses__()"),
    changed("beside subclasses", _SUBCLASSES, "return 2", "return 22", "b", why="no subclass"),
    changed("relative import_module with a computed name", _LAZY_PACKAGE, "return 1", "return 11", "a", path="pkg/one.py", why="the package counts"),
    changed("outside the computed package", _LAZY_PACKAGE, "return 4", "return 44", path="outside.py", why="cannot be meant"),
    changed("lazily answered attribute of a package", _LAZY_PACKAGE, "return 3", "return 33", "a c", path="pkg/thing.py", why="module __getattr__"),
    changed("reduce", _INDIRECT, "x + y", "x - y", "reduces", why="passed to the library"),
    changed("method put on an instance", _INDIRECT, "return 20", "return 21", "method calls", why="state of the instance"),
    changed("function in a namespace", _INDIRECT, "x * 2", "x * 3", "spaces composes", why="held by it"),
    changed("method by name", _INDIRECT, "return 10", "return 11", "method calls", why="the class of the instance"),
    changed("property of a metaclass", _INDIRECT, "return 30", "return 31", "meta", why="the class of the class"),
    changed("composed function", _INDIRECT, "compose(double, double)", "compose(double)", "composes", why="held by the closure"),
    changed("closure that calls itself", _INDIRECT, "else 40", "else 41", "recurses", why="a cell that holds its own function"),
    changed("iterator", _INDIRECT, "iter([1, 2, 3])", "iter([1, 2])", "iterates", why="by its statement"),
    changed("config file, used key", _CONFIG, '"learning": 1', '"learning": 3', "a c b", path="config.json", why="values; a class counts as a whole"),
    changed("config file, class attribute", _CONFIG, '"batch": 2', '"batch": 3', "b", path="config.json", why="a computed class attribute"),
    changed("namedtuple default", _TYPED, "defaults=[5]", "defaults=[4]", "pairs", why="a made class"),
    changed("namedtuple field", _TYPED, '"y"]', '"z"]', "pairs", why="a made class"),
    changed("make_dataclass default", _TYPED, "int, 6", "int, 5", "made", why="a made class"),
    changed("inherited dataclass field", _TYPED, "size: int = 7", "size: int = 6", "special", why="the base's field"),
    changed("class variable of a dataclass", _TYPED, '"k"', '"j"', "special", why="the base's attribute"),
    changed("annotation under the annotations future", _TYPED, "size: int = 9", "size: float = 9", why="nobody reads it"),
    changed("return annotation of a method", _TYPED, "get(self) -> int", "get(self) -> float", why="nobody reads it"),
    changed("dataclass annotation under the future", _TYPED, "extra: int", "extra: float", "special", why="dataclass reads it"),
    changed("one of two helpers", _SIBLINGS, "x + 1", "x + 3", "a c", why="who calls it, directly or not"),
    changed("the other of two helpers", _SIBLINGS, "x + 2", "x + 3", "b c", why="who calls it, directly or not"),
    changed("their common caller", _SIBLINGS, "left(x) + right(x)", "left(x) - right(x)", "c", why="only who calls it"),
    changed("helper of a function registered with an instance", _STATE, "return 1", "return 11", "a c", why="state of the registry"),
    changed("function registered with another instance", _STATE, "return 2", "return 22", "b", why="registries are apart"),
    changed("fallback of a missing module", _TRY, "x + 1", "x + 2", "a", why="what is used without it"),
    case("missing module appears", _TRY, Write("not_installed_anywhere.py", "def work(x):\n    return x + 1\n"), reruns="a", why="it is used now"),
    changed("global counter", _GLOBALS, "COUNT = 0", "COUNT = 10", "a b", why="its value at the start"),
    changed("global limit", _GLOBALS, "LIMIT = 5", "LIMIT = 6", "b", why="only who reads it"),
    changed("setattr on a module", _SETATTR, "RATE = 1", "RATE = 7", path="settings.py", why="overwritten at import"),
    changed("alias of an import", _COPY, "import original\n", "import extra as original\n", "a b", why="it means another function"),
    changed("aliased import", _COPY, "return x\n", "return x * 1\n", "a b", path="lib.py", why="through two names"),
    changed("beside an aliased import", _COPY, "return -x", "return +x", path="lib.py", why="not used"),
    changed("callable instance as a stage", _METHOD_STAGE, "Job(3)", "Job(4)", "job", why="its state"),
    changed("__call__ of a stage", _METHOD_STAGE, "str(self.size)", "repr(self.size)", "job", why="its class"),
    changed("dunder name", _DUNDER, '"1.0"', '"1.1"', "b c", path="lib.py", why="a constant like any other"),
    changed("lazy import in a method", _LAZY_CLASS, "return 1", "return 11", "a b", path="heavy/__init__.py", why="a class counts with all its methods"),
    changed("lazy import in a property", _LAZY_CLASS, "return 3", "return 33", "a b", path="heavy/models.py", why="a class counts with all its methods"),
    changed("beside a lazy import in a method", _LAZY_CLASS, "return 2", "return 22", path="heavy/__init__.py", why="not used"),
    changed("class beside a lazily used one", _LAZY_CLASS, "return 4", "return 44", path="heavy/models.py", why="not used"),
    case("two edits that cancel out", _SIBLINGS, Replace("pipeline.py", "x + 1", "x + 9"), Replace("pipeline.py", "x + 9", "x + 1"), why="the same text"),
)  # fmt: skip
