"""Everything that a module not loaded for the pipeline defines: counted by its statements.

Where there is no live value to digest, what a name holds is all the statements that define or change it.
"""

from fingerprint_cases.case import Write, case, changed, project, stage

_LIB = project(
    "",
    stage("table", "lib.TABLE", "import lib"),
    stage("registry", "lib.dispatch('one')", "import lib"),
    stage("closure", "lib.add_one(1)", "import lib"),
    stage("model", "lib.MODEL.run()", "import lib"),
    stage("decorated", "wrapped(1)", "from lib import wrapped"),
    stage("cached", "cached(1)", "from lib import cached"),
    stage("partial", "twice(1)", "from lib import twice"),
    stage("config", "Config().rate", "from lib import Config"),
    stage("subclassed", "[c().f() for c in Base.registry]", "from lib import Base"),
    stage("plain", "plain()", "from lib import plain"),
    stage("total", "TOTAL", "from lib import TOTAL"),
    stage("dispatched", "show(1)", "from lib import show"),
    stage("conditional", "chosen()", "from lib import chosen"),
    stage("rebound", "current()", "from lib import current"),
    lib="""
    import functools
    from dataclasses import dataclass

    def build(n):
        return {i: i * 2 for i in range(n)}

    TABLE = build(3)
    TABLE[9] = 9

    HANDLERS = {}

    def handler(name):
        def register(f):
            HANDLERS[name] = f
            return f
        return register

    @handler("one")
    def one():
        return first()

    def first():
        return "one"

    def dispatch(name):
        return HANDLERS[name]()

    def make(n):
        def inner(x):
            return x + n
        return inner

    add_one = make(1)

    class Root:
        def hook(self):
            return 10

    class Model(Root):
        size = 20

        def run(self):
            return self.hook() + self.size

    MODEL = Model()

    def deco(f):
        @functools.wraps(f)
        def wrapper(x):
            return f(x) * 30
        return wrapper

    @deco
    def wrapped(x):
        return x + 31

    @functools.cache
    def cached(x):
        return x + 40

    def scale(x, by):
        return x * by

    twice = functools.partial(scale, by=50)

    @dataclass
    class Config:
        rate: float = 0.6

    class Base:
        registry = []

        def __init_subclass__(cls):
            Base.registry.append(cls)

    class Sub(Base):
        def f(self):
            return 70

    def plain():
        return 80

    TOTAL = 0
    for step in range(90):
        TOTAL += step

    @functools.singledispatch
    def show(x):
        return 100

    @show.register
    def _(x: int):
        return 101

    import sys
    if sys.version_info > (3,):
        def chosen():
            return 110
    else:
        def chosen():
            return 111

    STATE = None

    def set_state():
        global STATE
        STATE = 120

    set_state()

    def current():
        return STATE
    """,
)

_CHANGED = project(
    "",
    stage("items", "lib.ITEMS", "import lib"),
    stage("lists", "lib.LISTS", "import lib"),
    stage("kept", "lib.get().rate", "import lib"),
    stage("given", "lib.GIVEN", "import lib"),
    stage("put", "lib.PUT + names.SET", "import lib\nimport names"),
    lib="""
    import sys

    ITEMS = {"a": {}, "b": [0]}
    ITEMS["a"]["x"] = 10
    ITEMS["b"].append(20)

    LISTS = {}
    LISTS.setdefault("a", []).append(30)

    class Config:
        rate = 0

    _kept = Config()

    def get():
        return _kept

    get().rate = 40

    globals().update(GIVEN=50)
    setattr(sys.modules[__name__], "PUT", 60)
    """,
    names="exec('SET = 70')\n",
)

_PLUGINS = project(
    "import core",
    stage("a", "run('one')", "import plugins\nfrom core import run"),
    stage("b", "core.run_nothing()"),
    stage("c", "1", "import plugins"),
    core="HANDLERS = {}\n\ndef register(name, f):\n    HANDLERS[name] = f\n\ndef run(name):\n    return HANDLERS[name]()\n\n"
    "def run_nothing():\n    return 1\n",
    plugins="from core import register\n\ndef one():\n    return 2\n\nregister('one', one)\n",
)  # fmt: skip

_EFFECT = project(
    "", stage("a", "random.random()", "import random\nimport seeding"), stage("b", "1"),
    seeding="import random\n\nrandom.seed(1)\n\ndef unused():\n    return 2\n",
)  # fmt: skip

_GETATTR = project(
    "", stage("a", "config.ANYTHING", "import config"), stage("b", "config.FIXED", "import config"),
    config="FIXED = 1\n\ndef __getattr__(name):\n    return name.lower() + suffix()\n\ndef suffix():\n    return 'x'\n",
)  # fmt: skip

_SPREAD = project(
    "", stage("a", "work()", "from pkg import work"), stage("b", "1"),
    pkg____init__="import random\nfrom .impl import work\nrandom.seed(3)\n", pkg__impl="from .low import base\n\ndef work():\n    return base()\n",
    pkg__low="def base():\n    return 1\n\ndef spare():\n    return 2\n",
)  # fmt: skip

_FILES = project(
    "",
    stage("a", "PARAMS['lr']", "from conf.settings import PARAMS"),
    stage("b", "settings.TEXT", "from conf import settings"),
    stage("c", "settings.SIZE", "from conf import settings"),
    conf____init__="",
    conf__settings="""
    import json
    from pathlib import Path

    HERE = Path(__file__).parent

    def load(name):
        with open(HERE / name) as file:
            return json.load(file)

    PARAMS = load("params.json")
    TEXT = Path("conf/text.txt").read_text() if (HERE / "text.txt").exists() else ""
    SIZE = 3
    """,
) | {"conf/params.json": '{"lr": 1}', "conf/other.json": "1", "conf/text.txt": "one"}

_VERSIONS = project(
    "",
    stage("a", "newer.tool()", "import newer"),
    newer="""
    import sys

    if sys.version_info >= (3, 9):
        from present import tool
    else:
        from past import tool
    """,
    present="def tool(): return 1",
    past="def tool(): return 2",
)

_MEANT = project(
    "",
    stage("a", "One.size", "from lib import One"),
    stage("b", "NAMES", "from lib import NAMES"),
    stage("c", "digits.given_1", "import digits"),
    stage("d", "One().__class__.__name__", "from apart import One"),
    stage("e", "REGISTRY.entries['seven']()", "import plugin\nfrom registry import REGISTRY"),
    registry="""
        class Registry:
            def __init__(self):
                self.entries = {}

            def register(self, name):
                def decorate(f):
                    self.entries[name] = f
                    return f

                return decorate

        REGISTRY = Registry()
    """,
    plugin="from registry import REGISTRY\n\ndef seven():\n    return 7\n\nREGISTRY.register('seven')(seven)\n",
    lib="""
        class One:
            pass

        class Other:
            pass

        for cls in (One, Other):
            cls.size = 5

        NAMES = ["one"]
        alias = NAMES
        alias.append("two")
        copy = sorted(["three"])
        copy.append("four")
    """,
    digits="for number in range(3):\n    globals()[f'given_{number}'] = number\n",
    apart="class One:\n    pass\n",
)

_LONG = project(
    "",
    stage("a", "TABLE", "from lib import TABLE"),
    stage("b", "1"),
    lib=f"""
        import low

        def read(path):
            "{"No file system takes this for a name. " * 9} and/or this"
            return open(__file__).read(1) + str(low.end())

        TABLE = read("x")

        def other():
            return 3
    """,
    low="def end():\n    return 1\n",
)

CASES = (
    changed("unloaded: computed constant", _LIB, "i * 2", "i * 3", "table", path="lib.py", why="the code that computes it"),
    changed("unloaded: argument of a computed constant", _LIB, "build(3)", "build(4)", "table", path="lib.py", why="its statement"),
    changed("unloaded: constant changed by a second statement", _LIB, "TABLE[9] = 9", "TABLE[9] = 10", "table", path="lib.py", why="and the next"),
    changed("unloaded: helper of a registered handler", _LIB, 'return "one"', 'return "uno"', "registry", path="lib.py", why="put there by a decorator"),
    changed("unloaded: name of a registered handler", _LIB, '@handler("one")', '@handler("one" + "")', "registry", path="lib.py", why="the decorator"),
    changed("unloaded: closure body", _LIB, "x + n", "x - n", "closure", path="lib.py", why="the factory"),
    changed("unloaded: closure value", _LIB, "make(1)", "make(2)", "closure", path="lib.py", why="the statement"),
    changed("unloaded: inherited method", _LIB, "return 10\n", "return 11\n", "model", path="lib.py", why="the class of the instance and its base"),
    changed("unloaded: class attribute", _LIB, "size = 20", "size = 21", "model", path="lib.py", why="the class of the instance"),
    changed("unloaded: wrapper", _LIB, "f(x) * 30", "f(x) * 32", "decorated", path="lib.py", why="the decorator"),
    changed("unloaded: wrapped", _LIB, "x + 31", "x + 32", "decorated", path="lib.py", why="the function"),
    changed("unloaded: cached", _LIB, "x + 40", "x + 41", "cached", path="lib.py", why="the function"),
    changed("unloaded: partial argument", _LIB, "by=50", "by=51", "partial", path="lib.py", why="the statement"),
    changed("unloaded: function of a partial", _LIB, "x * by", "x + by", "partial", path="lib.py", why="what the statement names"),
    changed("unloaded: dataclass default", _LIB, "float = 0.6", "float = 0.7", "config", path="lib.py", why="the class"),
    changed("unloaded: dataclass annotation", _LIB, "rate: float", "rate: int", "config", path="lib.py", why="read by dataclass"),
    changed("unloaded: subclass in a registry", _LIB, "return 70", "return 71", "subclassed", path="lib.py", why="its base knows of it"),
    changed("unloaded: plain function", _LIB, "return 80", "return 81", "plain", path="lib.py", why="only its user"),
    changed("unloaded: loop", _LIB, "range(90)", "range(91)", "total", path="lib.py", why="all statements that set the name"),
    changed("unloaded: singledispatch", _LIB, "return 101", "return 102", "dispatched", path="lib.py", why="registered implementations"),
    changed("unloaded: condition", _LIB, "(3,)", "(4,)", "conditional", path="lib.py", why="conditions of a definition"),
    changed("unloaded: global set at import", _LIB, "STATE = 120", "STATE = 121", "rebound", path="lib.py", why="set by a function that is called"),
    changed("unloaded: item of an item", _CHANGED, "10", "11", "items given put", path="lib.py", why="it changes what the name holds"),
    changed("unloaded: method of an item", _CHANGED, "20", "21", "items given put", path="lib.py", why="it may change what the name holds"),
    changed("unloaded: method of what a method returns", _CHANGED, "30", "31", "lists given put", path="lib.py", why="it may change what the name holds"),
    changed("unloaded: attribute of what a function returns", _CHANGED, "40", "41", "kept given put", path="lib.py", why="it changes what is returned"),
    changed("unloaded: globals() with spaces", _MEANT, "globals()", "globals( )", path="digits.py", why="layout"),
    changed("unloaded: attribute set in a loop over classes", _MEANT, "= 5", "= 6", "a", path="lib.py", why="the loop changes both"),
    changed("unloaded: changed by another name", _MEANT, '"two"', '"three"', "b", path="lib.py", why="both names hold the same list"),
    changed("unloaded: registered without an @", _MEANT, "return 7", "return 8", "e", path="plugin.py", why="the call enters it in what the stage looks into"),
    changed("unloaded: made of it and changed", _MEANT, '"four"', '"five"', path="lib.py", why="the copy is another list"),
    changed("unloaded: name given to globals()", _CHANGED, "50", "51", "given put", path="lib.py", why="no statement says it: all of the module counts"),
    changed("unloaded: name set in sys.modules", _CHANGED, "60", "61", "given put", path="lib.py", why="no statement says it: all of the module counts"),
    changed("unloaded: name made by exec", _CHANGED, "70", "71", "put", path="names.py", why="no statement says it: all of the module counts"),
    changed("unloaded: comment", _LIB, "STATE = None", "# state\nSTATE = None", path="lib.py", why="comments do not count"),
    changed("unloaded: unused import", _LIB, "import functools", "import json\nimport functools", path="lib.py", why="not used"),
    changed("unloaded: plugin body", _PLUGINS, "return 2", "return 3", "a", path="plugins.py", why="registered by an import for its effect"),
    changed("unloaded: plugin registration", _PLUGINS, "'one', one", "'one', lambda: 4", "a", path="plugins.py", why="the registration"),
    changed("unloaded: seed at import", _EFFECT, "seed(1)", "seed(2)", "a", path="seeding.py", why="changes the library's state"),
    changed("unloaded: beside a seed", _EFFECT, "return 2", "return 3", path="seeding.py", why="nobody calls it"),
    changed("unloaded: module __getattr__", _GETATTR, "lower()", "upper()", "a", path="config.py", why="it answers for the name"),
    changed("unloaded: helper of a module __getattr__", _GETATTR, "'x'", "'y'", "a", path="config.py", why="and calls this"),
    changed("unloaded: package's effect", _SPREAD, "seed(3)", "seed(4)", "a", path="pkg/__init__.py", why="importing from a package runs it"),
    changed("unloaded: two relative imports", _SPREAD, "return 1", "return 3", "a", path="pkg/low.py", why="transitively"),
    changed("unloaded: beside it", _SPREAD, "return 2", "return 3", path="pkg/low.py", why="not used"),
    case("unloaded: module replaced by a package", _EFFECT | {"pipeline.py": project(
        "", stage("a", "f()", "from mod import f"), stage("b", "1"))["pipeline.py"], "mod.py": "def f():\n    return 1\n"},
        Write("mod/__init__.py", "def f():\n    return 2\n"), reruns="a", why="the package comes first"),
    changed("unloaded: file read by a helper", _FILES, "1", "2", "a", path="conf/params.json", why="read when the module is imported"),
    changed("unloaded: file read in a statement", _FILES, "one", "two", "b", path="conf/text.txt", why="read when the module is imported"),
    changed("unloaded: file beside it", _FILES, "1", "2", path="conf/other.json", why="no statement names it"),
    changed("unloaded: beside text too long for a path", _LONG, "return 1", "return 2", "a", path="low.py", why="what the code that holds it leads to"),
    changed("unloaded: in a module with text too long for a path", _LONG, "return 3", "return 4", path="lib.py", why="nobody calls it"),
    changed("unloaded: branch for this Python", _VERSIONS, "1", "3", "a", path="present.py", why="it is the one that is taken"),
    changed("unloaded: branch for another Python", _VERSIONS, "2", "3", path="past.py", why="Python's version counts by itself"),
)  # fmt: skip
