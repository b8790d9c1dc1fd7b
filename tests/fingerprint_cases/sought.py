"""Cases that were sought to mislead: code that is reached by registration, by protocol or by way of the library.

None of these is called by name where it is used; each does what it does because something was put in place before.
"""

from fingerprint_cases.case import Replace, Write, case, changed, project, stage

_PROTOCOLS = project(
    """
    import functools
    from contextlib import asynccontextmanager

    class Named:
        def __set_name__(self, owner, name):
            self.label = prefix() + name

        def __get__(self, instance, owner):
            return self.label

    def prefix():
        return "x_"

    class Thing:
        field = Named()

        def __class_getitem__(cls, item):
            return item * 2

        def __new__(cls):
            return made(super().__new__(cls))

    def made(thing):
        thing.size = 3
        return thing

    @functools.total_ordering
    class Version:
        def __init__(self, n):
            self.n = n

        def __eq__(self, other):
            return self.n == other.n

        def __lt__(self, other):
            return smaller(self.n, other.n)

    def smaller(x, y):
        return x < y

    class Point:
        __match_args__ = ("x", "y")

        def __init__(self, x, y):
            self.x, self.y = x, y

    def match_point(point):
        match point:
            case Point(first, _):
                return first

    class Show:
        @functools.singledispatchmethod
        def show(self, x):
            return "thing"

        @show.register
        def _(self, x: int):
            return number()

    def number():
        return "number"

    @asynccontextmanager
    async def opened():
        yield 40

    async def use():
        async with opened() as value:
            return value

    def run():
        import asyncio
        return asyncio.run(use())

    class Prepared(type):
        @classmethod
        def __prepare__(cls, name, bases):
            return {"given": given()}

        def __call__(cls):
            return called()

    def given():
        return 50

    def called():
        return 60

    class Made(metaclass=Prepared):
        pass

    class Proxy:
        def __init__(self, inner):
            self._inner = inner

        def __getattribute__(self, name):
            return looked_up(object.__getattribute__(self, "_inner"), name)

    def looked_up(inner, name):
        return getattr(inner, name)

    PROXY = Proxy(Point(1, 2))

    def catch():
        try:
            raise ExceptionGroup("g", [ValueError(1)])
        except* ValueError:
            found = caught()
        return found

    def caught():
        return 70
    """,
    stage("names", "Thing.field"),
    stage("items", "Thing[2]"),
    stage("news", "Thing().size"),
    stage("orders", "Version(1) >= Version(2)"),
    stage("matches", "match_point(Point(1, 2))"),
    stage("shows", "Show().show(1)"),
    stage("opens", "run()"),
    stage("prepares", "(Made.given, Made())"),
    stage("proxies", "PROXY.x"),
    stage("catches", "catch()"),
)

_FIELDS = project(
    """
    import enum
    from dataclasses import dataclass, field
    from typing import Annotated

    import attrs
    from pydantic import AfterValidator, BaseModel, computed_field

    def names():
        return ["a"]

    @dataclass
    class Data:
        names: list = field(default_factory=names)
        size: int = 0

        def __post_init__(self):
            self.size = after(len(self.names))

    def after(n):
        return n + 1

    @attrs.define
    class Attrs:
        size: int = attrs.field(default=2, converter=lambda x: convert(x))
        tags: list = attrs.Factory(lambda: tags())

    def convert(x):
        return x + 10

    def tags():
        return [20]

    def check(x):
        return x + 30

    class Inner(BaseModel):
        depth: int = 4

    class Outer(BaseModel):
        size: Annotated[int, AfterValidator(check)] = 1
        inner: Inner | None = None

        @computed_field
        @property
        def twice(self) -> int:
            return doubled(self.size)

    def doubled(x):
        return x * 2

    def generated(name):
        return name.lower()

    def fallback(cls):
        return cls.ONE

    class Kind(enum.Enum):
        @staticmethod
        def _generate_next_value_(name, start, count, last):
            return generated(name)

        ONE = enum.auto()

        @classmethod
        def _missing_(cls, value):
            return fallback(cls)
    """,
    stage("data", "Data()"),
    stage("attributes", "Attrs(1)"),
    stage("outer", "Outer(size=1).model_dump()"),
    stage("nested", "Outer.model_validate({'inner': {}}).inner.depth"),
    stage("kinds", "Kind('other').value"),
)

_HELD = project(
    """
    import abc
    import contextvars
    import functools
    import itertools
    import weakref

    import numpy as np

    def compare(x, y):
        return x - y

    KEY = functools.cmp_to_key(compare)

    def referred():
        return 1

    REFERENCE = weakref.ref(referred)

    def mapped(x):
        return x + 2

    MAPPED = map(mapped, [1])
    CHAINED = itertools.starmap(mapped, [(1,)])

    def answered():
        return 3

    ANSWER = contextvars.ContextVar("ANSWER", default=answered)

    def vectorized(x):
        return x + 4

    VECTORIZED = np.vectorize(vectorized)

    def scalar(x):
        return x + 5

    UFUNC = np.frompyfunc(scalar, 1, 1)

    class Base(abc.ABC):
        pass

    class Other:
        pass

    Base.register(Other)

    def first(f):
        def wrapper(x):
            return f(x) + 1
        return wrapper

    def second(f):
        def wrapper(x):
            return f(x) * 2
        return wrapper

    @first
    @second
    def wrapped(x):
        return x

    def counter():
        n = 0
        def count():
            nonlocal n
            n += 1
            return n
        return count

    count = counter()
    count()
    count()

    def original(x):
        return x + 6

    def replaced(x):
        return x

    replaced.__code__ = original.__code__

    def defaulted(x=1):
        return x

    defaulted.__defaults__ = (7,)

    def removed():
        return 8

    kept = removed
    del removed

    HANDLERS = {name: value for name, value in list(globals().items()) if name.startswith("do_")}

    def get_area(self):
        return self.side * 9

    def make_base(n):
        class Base:
            depth = n
        return Base

    class Square(make_base(3)):
        side = 1
        area = property(get_area)

    NESTED = functools.partial(functools.partial(mapped), 10)
    OPTIONS = {"x": 1}
    """,
    stage("keys", "sorted([2, 1], key=KEY)"),
    stage("references", "REFERENCE()()"),
    stage("maps", "list(MAPPED)"),
    stage("chains", "list(CHAINED)"),
    stage("answers", "ANSWER.get()()"),
    stage("vectors", "VECTORIZED([1]).tolist()"),
    stage("ufuncs", "UFUNC(1)"),
    stage("registers", "isinstance(Other(), Base)"),
    stage("wraps", "wrapped(1)"),
    stage("counts", "count()"),
    stage("replaces", "replaced(1)"),
    stage("defaults", "defaulted()"),
    stage("keeps", "kept()"),
    stage("areas", "Square().area + Square.depth"),
    stage("nests", "NESTED()"),
    stage("options", "mapped(**OPTIONS)"),
)

_LIBRARY = project(
    """
    import atexit
    import json

    import pandas as pd

    import accessors

    def default(self, value):
        return as_text(value)

    def as_text(value):
        return str(value)

    json.JSONEncoder.default = default

    def finish():
        return last()

    def last():
        return 1

    atexit.register(finish)
    """,
    stage("frames", "pd.DataFrame({'x': [1]}).sizes.total"),
    stage("dumps", "json.dumps({'x': {1}})"),
    accessors="""
    import pandas as pd

    @pd.api.extensions.register_dataframe_accessor("sizes")
    class Sizes:
        def __init__(self, frame):
            self._frame = frame

        @property
        def total(self):
            return counted(self._frame)

    def counted(frame):
        return len(frame)
    """,
)

_DERIVED = project(
    """
    import datetime
    import decimal

    import numpy as np

    class Day(datetime.date):
        pass

    class Money(decimal.Decimal):
        pass

    class Array(np.ndarray):
        pass

    def gather(x, seen=[]):
        seen.append(x)
        return seen

    DAY = Day(2020, 1, 1)
    MONEY = Money("1.5")
    ARRAY = np.array([1, 2]).view(Array)
    UFUNC = np.add
    UFUNCS = {"f": np.add}
    gather(1)
    """,
    stage("days", "DAY"),
    stage("moneys", "MONEY"),
    stage("arrays", "ARRAY.tolist()"),
    stage("ufuncs", "(UFUNC(1, 2), UFUNCS)"),
    stage("gathers", "gather(2)"),
)

_BUILTINS = project(
    "import builtins\nimport tools\n\nbuiltins.helper = tools.helper",
    stage("a", "helper()"),
    stage("b", "1"),
    tools="def helper():\n    return 1\n\ndef other():\n    return 2\n",
)

_MODULES = project(
    """
    import sys
    import settings
    import real

    sys.modules["alias"] = real

    import alias
    """,
    stage("a", "settings.RATE"),
    stage("b", "alias.f()"),
    stage("c", "f()", "from alias import f"),
    settings="""
    import sys
    import types

    class Settings(types.ModuleType):
        @property
        def RATE(self):
            return rate()

    def rate():
        return 1

    sys.modules[__name__].__class__ = Settings
    """,
    real="def f():\n    return 2\n",
)

_UNLOADED = project(
    "",
    stage("a", "settings.RATE", "import settings"),
    stage("b", "settings.FIXED", "import settings"),
    settings=_MODULES["settings.py"] + "\nFIXED = 1\n",
)

_DISCOVERED = project(
    "import core\nimport plugins",
    stage("a", "core.run()"),
    stage("b", "core.other()"),
    core="HANDLERS = {}\n\ndef handler(f):\n    HANDLERS[f.__name__] = f\n    return f\n\n"
    "def run():\n    return sorted(f() for f in HANDLERS.values())\n\ndef other():\n    return 0\n",
    plugins____init__="import importlib\nimport pkgutil\n\nfor found in pkgutil.iter_modules(__path__):\n"
    '    importlib.import_module(f"{__name__}.{found.name}")\n',
    plugins__one="from core import handler\n\n@handler\ndef one():\n    return helper()\n\ndef helper():\n    return 1\n",
)

_SNIPPET = project(
    'exec((Path(__file__).parent / "snippet.txt").read_text())',
    stage("a", "made(1)"),
    stage("b", "1"),
) | {"snippet.txt": "def made(x):\n    return x + 1\n"}

_PARAMS = project(
    """
    class Size(int):
        def twice(self):
            return self * 2

    class Unused(int):
        def twice(self):
            return self * 3
    """,
    '@stage(outs=["a.txt"], params={"size": 3})\ndef a(size: Size):\n    Path("a.txt").write_text(str(size))\n\n\n',
    stage("b", "1"),
)

_ELSE = project(
    """
    try:
        import json
    except ImportError:
        from slow import work
    else:
        from fast import work

    f = work if json else None
    """,
    stage("a", "f()"),
    stage("b", "1"),
    fast="def work():\n    return 1\n",
    slow="def work():\n    return 2\n",
)

_ENVIRONMENT = project(
    "import os\n\nMODE = os.environ.get('NOT_SET_BY_ANYBODY', 'fast')\n\ndef mode():\n"
    "    return os.environ.get('NOT_SET_BY_ANYBODY', chosen())\n\ndef chosen():\n    return 1",
    stage("a", "MODE"),
    stage("b", "mode()"),
    stage("c", "1"),
)

_ALIAS = project(
    "type Number = int\n\ndef kind():\n    return Number.__value__.__name__\n\ndef other(x: Number):\n    return x",
    stage("a", "kind()"),
    stage("b", "other(1)"),
)

CASES = (
    changed("helper of __set_name__", _PROTOCOLS, '"x_"', '"y_"', "names items news", why="called when the class is made; it counts as a whole"),
    changed("__class_getitem__", _PROTOCOLS, "item * 2", "item * 3", "names items news", why="called by a subscript"),
    changed("helper of __new__", _PROTOCOLS, "thing.size = 3", "thing.size = 4", "names items news", why="called by making an instance"),
    changed("helper of a total ordering", _PROTOCOLS, "return x < y", "return x <= y", "orders", why="the decorator derives >= from it"),
    changed("__match_args__", _PROTOCOLS, '("x", "y")', '("y", "x")', "matches proxies", why="read by a class pattern"),
    changed("helper of a singledispatchmethod", _PROTOCOLS, 'return "number"', 'return "integer"', "shows", why="registered by annotation"),
    changed("asynchronous context manager", _PROTOCOLS, "yield 40", "yield 41", "opens", why="entered by async with"),
    changed("helper of __prepare__", _PROTOCOLS, "return 50", "return 51", "prepares", why="gives the class its names"),
    changed("helper of a metaclass's __call__", _PROTOCOLS, "return 60", "return 61", "prepares", why="called in place of the class"),
    changed("helper of __getattribute__", _PROTOCOLS, "return getattr(inner, name)", "return getattr(inner, name) + 1", "proxies", why="called for every attribute"),
    changed("what a proxy stands for", _PROTOCOLS, "Proxy(Point(1, 2))", "Proxy(Point(3, 2))", "proxies", why="state of the instance"),
    changed("handler of an exception group", _PROTOCOLS, "return 70", "return 71", "catches", why="called under except*"),
    changed("default factory", _FIELDS, 'return ["a"]', 'return ["b"]', "data", why="called for a field of a dataclass, of the same name"),
    changed("helper of __post_init__", _FIELDS, "return n + 1", "return n + 2", "data", why="called by the generated __init__"),
    changed("helper of a converter", _FIELDS, "x + 10", "x + 11", "attributes", why="called by attrs"),
    changed("helper of an attrs factory", _FIELDS, "[20]", "[21]", "attributes", why="called by attrs"),
    changed("validator in an annotation", _FIELDS, "x + 30", "x + 31", "outer nested", why="pydantic reads the annotation"),
    changed("default of a nested model", _FIELDS, "depth: int = 4", "depth: int = 5", "outer nested", why="named by an annotation that pydantic reads"),
    changed("helper of a computed field", _FIELDS, "x * 2", "x * 3", "outer nested", why="called by pydantic"),
    changed("helper of _generate_next_value_", _FIELDS, "name.lower()", "name.upper()", "kinds", why="gave the members their values"),
    changed("helper of _missing_", _FIELDS, "return cls.ONE", "return cls['ONE']", "kinds", why="called for unknown values"),
    changed("function behind cmp_to_key", _HELD, "x - y", "y - x", "keys", why="held by an object of the library"),
    changed("function behind a weak reference", _HELD, "return 1\n", "return 11\n", "references", why="by the statement that makes it"),
    changed("function behind map and partial", _HELD, "x + 2", "x + 22", "maps chains nests options", why="held by iterators of the library"),
    changed("default of a context variable", _HELD, "return 3\n", "return 33\n", "answers", why="by the statement that makes it"),
    changed("function behind numpy.vectorize", _HELD, "x + 4", "x + 44", "vectors", why="held by an object of the library"),
    changed("function behind numpy.frompyfunc", _HELD, "x + 5", "x + 55", "ufuncs", why="by the statement that makes it"),
    changed("virtual subclass", _HELD, "Base.register(Other)", "Base.register(int)", "registers", why="decides what isinstance says"),
    changed("order of decorators", _HELD, "@first\n@second", "@second\n@first", "wraps", why="the wrappers trade places"),
    changed("state of a closure when the stage starts", _HELD, "count()\ncount()\n", "count()\n", "counts", why="the value in the cell"),
    changed("code taken from another function", _HELD, "x + 6", "x + 66", "replaces", why="the code that runs"),
    changed("defaults set from outside", _HELD, "(7,)", "(77,)", "defaults", why="the defaults that are used"),
    changed("function whose name was deleted", _HELD, "return 8", "return 88", "keeps", why="another name holds it"),
    changed("function made a property", _HELD, "self.side * 9", "self.side * 99", "areas", why="held by the class"),
    changed("argument of a function that makes a base", _HELD, "make_base(3)", "make_base(4)", "areas", why="the base's attribute"),
    changed("keyword arguments from a dict", _HELD, 'OPTIONS = {"x": 1}', 'OPTIONS = {"x": 2}', "options", why="unpacked into the call"),
    changed("pandas accessor", _LIBRARY, "return counted(self._frame)", "return -counted(self._frame)", "frames dumps", path="accessors.py",
            why="put into the library by a decorator"),
    changed("helper of a pandas accessor", _LIBRARY, "len(frame)", "-len(frame)", "frames dumps", path="accessors.py", why="what the accessor calls"),
    changed("helper of a method put into a library", _LIBRARY, "return str(value)", "return repr(value)", "frames dumps", why="the library calls it"),
    changed("what runs at exit", _LIBRARY, "return 1\n", "return 2\n", why="stages do not inherit what was registered while loading"),
    changed("date of a class of one's own", _DERIVED, "2020, 1, 1", "2020, 1, 2", "days", why="what the base of the library holds"),
    changed("number of a class of one's own", _DERIVED, '"1.5"', '"1.50"', "moneys", why="what the base of the library holds"),
    changed("array of a class of one's own", _DERIVED, "[1, 2]", "[1, 3]", "arrays", why="what the base of the library holds"),
    changed("numpy function as a value", _DERIVED, "UFUNC = np.add", "UFUNC = np.multiply", "ufuncs", why="by its name"),
    changed("numpy function in a dict", _DERIVED, '"f": np.add', '"f": np.multiply', "ufuncs", why="by its name"),
    changed("state of a default when the stage starts", _DERIVED, "gather(1)", "gather(3)", "gathers", why="calls at the top put it there"),
    changed("name put into builtins", _BUILTINS, "return 1", "return 11", "a b", path="tools.py", why="the statement changes the world for all"),
    changed("beside a name put into builtins", _BUILTINS, "return 2", "return 22", path="tools.py", why="not put anywhere"),
    changed("property of a module", _MODULES, "return 1", "return 11", "a", path="settings.py", why="the module has a class of its own"),
    changed("unloaded: property of a module", _UNLOADED, "return 1", "return 11", "a", path="settings.py", why="the module has a class of its own"),
    changed("module under another name in sys.modules", _MODULES, "return 2", "return 22", "a b c", path="real.py", why="put into sys.modules for all to find"),
    changed("plugin found by iter_modules", _DISCOVERED, "return helper()", "return -helper()", "a b", path="plugins/one.py", why="any of the package may act when it is imported"),
    changed("helper of a plugin found by iter_modules", _DISCOVERED, "return 1", "return 2", "a b", path="plugins/one.py", why="any of the package may act when it is imported"),
    case("plugin added that iter_modules finds", _DISCOVERED, Write("plugins/two.py", "from core import handler\n\n@handler\ndef two():\n    return 2\n"),
         reruns="a b", why="it may act when it is imported"),
    changed("source executed from a file", _SNIPPET, "x + 1", "x + 2", "a", path="snippet.txt", why="by its bytecode"),
    changed("class of a typed parameter", _PARAMS, "self * 2", "self * 22", "a", why="who calls the stage may make one"),
    changed("class of no parameter", _PARAMS, "self * 3", "self * 33", why="nobody names it"),
    changed("import in the else of a try", _ELSE, "return 1", "return 11", "a", path="fast.py", why="the import that worked"),
    changed("import in a handler that did not run", _ELSE, "return 2", "return 22", path="slow.py", why="not what the name holds"),
    changed("default of an environment variable", _ENVIRONMENT, "'fast'", "'slow'", "a", why="the value changed"),
    changed("computed default of an environment variable", _ENVIRONMENT, "return 1", "return 2", "b", why="called where it is read"),
    changed("type alias that is read", _ALIAS, "= int", "= float", "a", why="read as a value"),
    case("name moved to another module and imported back", _BUILTINS, Write("tools.py", "from moved import helper\n\ndef other():\n    return 2\n"),
         Write("moved.py", "def helper():\n    return 1\n"), reruns="a b", why="another definition; `pivot accept` is for such moves"),
    case("two constants trade values", _ENVIRONMENT, Replace("pipeline.py", "return 1", "return 2"), Replace("pipeline.py", "repr(1)", "repr(2)"),
         reruns="b c", why="each is a change of its own"),
)  # fmt: skip
