"""What is chosen at run time: the coarsest safe unit counts.

Which name is meant is known only at run time, so everything that may be meant counts: the module, the package, the
class. It is reported as such.
"""

from fingerprint_cases.case import Write, case, changed, project, stage

_COMPUTED = project(
    """
    import ops

    def run(name):
        return getattr(ops, name)()
    """,
    stage("a", "run('one')"),
    stage("b", "1"),
    ops="def one():\n    return 1\n\ndef two():\n    return 2\n",
)

_IMPORT = project(
    """
    import importlib

    def run(name):
        return importlib.import_module(f"plugins.{name}").f()

    def fixed():
        return importlib.import_module(MODULE).f()

    MODULE = "extra"
    """,
    stage("a", "run('one')"),
    stage("b", "fixed()"),
    stage("c", "1"),
    plugins____init__="",
    plugins__one="def f():\n    return 1\n",
    plugins__two="from deep import g\n\ndef f():\n    return g()\n",
    extra="def f():\n    return 3\n",
    deep="def g():\n    return 4\n",
    outside="def f():\n    return 5\n",
)

_QUERIED = project(
    """
    import pandas as pd

    LOW = 1
    HIGH = 3
    ABOVE = "x > @LOW"
    UNUSED = 5

    def is_even(values):
        return values % 2 == 0

    def frame():
        return pd.DataFrame({"x": [1, 2, 3, 4]})

    def evens():
        return frame().query("@is_even(x)")["x"].tolist()

    def between(name):
        return frame().query(f"{name} < @HIGH")["x"].tolist()
    """,
    stage("a", "frame().query(ABOVE)['x'].tolist()"),
    stage("b", "between('x')"),
    stage("c", "evens()"),
    stage("d", "frame().eval('y = x + @LOW')['y'].tolist()"),
)

_NAMESPACE = project(
    """
    def run(name):
        return globals()[name]()

    def one():
        return 1

    def known():
        return globals()["one"]()

    def evaluated():
        return eval("one() + 1")

    def computed(text):
        return eval(text)
    """,
    stage("a", "run('one')"),
    stage("b", "known()"),
    stage("c", "evaluated()"),
    stage("d", "computed('one()')"),
    stage("e", "1"),
)

_EXEC = project(
    """
    SOURCE = "def made(x):\\n    return x + FACTOR\\n"
    FACTOR = 2
    space = {"FACTOR": FACTOR}
    exec(SOURCE, space)
    made = space["made"]
    Point = type("Point", (), {"size": 3, "grow": lambda self: self.size + 1})
    """,
    stage("a", "made(1)"),
    stage("b", "Point().grow()"),
    stage("c", "1"),
)

_METHODS = project(
    """
    class Tool:
        def do_one(self):
            return 1

        def do_two(self):
            return 2

    def run(name):
        return getattr(Tool(), "do_" + name)()
    """,
    stage("a", "run('one')"),
    stage("b", "1"),
)

_MODULES = project(
    """
    import sys
    import ops

    def known():
        return sys.modules["ops"].one()

    def own(name):
        return getattr(sys.modules[__name__], name)()

    def target():
        return 5
    """,
    stage("a", "known()"),
    stage("b", "own('target')"),
    stage("c", "1"),
    ops="def one():\n    return 1\n",
)

_RESOLVED = project(
    """
    import pkgutil

    def find(name):
        return pkgutil.resolve_name(name)
    """,
    stage("a", "find('plugins:one')()"),
    stage("b", "1"),
    plugins="def one():\n    return 1\n",
)

_LOCATED = project(
    """
    import pydoc

    def find(name):
        return pydoc.locate(name)
    """,
    stage("a", "find('plugins.one')()"),
    stage("b", "1"),
    plugins="def one():\n    return 1\n",
)

_BY_PATH = project(
    """
    import importlib.util
    from pathlib import Path

    def load(path):
        spec = importlib.util.spec_from_file_location("given_name", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    TOOL = load(Path(__file__).parent / "scripts" / "tool.py")
    OTHER = load(Path(__file__).parent / "scripts" / "other.py")
    """,
    stage("a", "TOOL.f()"),
    stage("b", "TOOL.SIZE"),
    stage("c", "OTHER.f()"),
    scripts__other="def f():\n    return helper() + 2\n\ndef helper():\n    return 17\n",
    scripts__tool="SIZE = 3\n\ndef f():\n    return helper() + 1\n\ndef helper():\n    return 7\n\ndef unused():\n    return 9\n",
)


def _made(name: str) -> dict[str, str]:
    """A project that puts together a module of this name."""
    return project(
        f"""
        from types import ModuleType

        def made(source):
            module = ModuleType("{name}")
            exec(source, vars(module))
            return module

        MADE = made("LIMIT = 3\\ndef f(): return LIMIT + 1\\ndef g(): return 2")
        """,
        stage("a", "MADE.f()"),
        stage("b", "MADE.g()"),
    )


_FOUND = project(
    """
    import importlib
    import pkgutil
    import plugins
    from core import HANDLERS

    for found in pkgutil.iter_modules(plugins.__path__):
        importlib.import_module(f"{plugins.__name__}.{found.name}")
    """,
    stage("a", "HANDLERS['one']()"),
    stage("b", "1"),
    core="HANDLERS = {}\n\ndef handler(f):\n    HANDLERS[f.__name__] = f\n    return f\n",
    plugins____init__="",
    plugins__one="from core import handler\n\n@handler\ndef one():\n    return 1\n",
    apart="def f():\n    return 1\n",
)

_ANCHORED = project(
    "from loading.loader import load, first, given",
    stage("a", 'load("one")'),
    stage("b", "first()"),
    stage("c", 'given(__import__("plugins"), "one")'),
    loading____init__="",
    loading__other="def f():\n    return 5\n",
    loading__loader="""
        import importlib
        import plugins

        NAME = "loading.other"

        def load(name):
            return importlib.import_module("." + name, package=plugins.__name__).f()

        def first():
            return importlib.import_module(".one", plugins.__name__).f()

        def given(plugins, NAME):
            return importlib.import_module(NAME if NAME.count(".") else f"{plugins.__name__}.{NAME}").f()
    """,
    plugins____init__="",
    plugins__one="def f():\n    return 1\n",
)

CASES = (
    changed("getattr with a computed name", _COMPUTED, "return 1", "return 11", "a", path="ops.py", why="all of the module counts"),
    changed("getattr with a computed name, another function", _COMPUTED, "return 2", "return 22", "a", path="ops.py", why="all of it"),
    case("getattr with a computed name, new function", _COMPUTED,
         Write("ops.py", "def one():\n    return 1\n\ndef two():\n    return 2\n\ndef three():\n    return 3\n"), reruns="a", why="all of it"),
    changed("comment in a module used as a whole", _COMPUTED, "def two", "# two\ndef two", path="ops.py", why="still normal form"),
    changed("import with a computed name", _IMPORT, "return 1", "return 11", "a", path="plugins/one.py", why="all of the package counts"),
    changed("import with a computed name, what it imports", _IMPORT, "return 4", "return 44", "a", path="deep.py", why="transitively"),
    changed("import with a name in a constant", _IMPORT, "return 3", "return 33", "b", path="extra.py", why="the constant is known"),
    changed("constant that a query names", _QUERIED, "LOW = 1", "LOW = 2", "a d", why="the text of the query names it"),
    changed("constant that part of a query names", _QUERIED, "HIGH = 3", "HIGH = 4", "b", why="whatever the rest is"),
    changed("function that a query calls", _QUERIED, "== 0", "== 1", "c", why="the text of the query names it"),
    changed("constant that no query names", _QUERIED, "UNUSED = 5", "UNUSED = 6", why="not named"),
    changed("outside the package", _IMPORT, "return 5", "return 55", path="outside.py", why="cannot be meant"),
    case("import with a computed name, new module", _IMPORT, Write("plugins/three.py", "def f():\n    return 3\n"), reruns="a",
         why="it may be meant"),
    changed("plugin that the pipeline looks for", _FOUND, "return 1", "return 2", "a b", path="plugins/one.py", why="all of the package counts"),
    changed("stage beside the search for plugins", _FOUND, "repr(1)", "repr(2)", "b", why="the search is in the package"),
    changed("module beside the package that is searched", _FOUND, "return 1", "return 2", path="apart.py", why="the search is in the package"),
    changed("import relative to another package", _ANCHORED, "return 1", "return 2", "a b c", path="plugins/one.py", why="the package is the one that is named"),
    changed("import relative to another package, beside it", _ANCHORED, "return 5", "return 6", "c", path="loading/other.py", why="c may be given any module"),
    changed("globals with a computed name", _NAMESPACE, "return 1", "return 11", "a b c d", why="all of the module counts"),
    changed("exec source", _EXEC, "return x + FACTOR", "return x - FACTOR", "a", why="by its bytecode"),
    changed("exec namespace", _EXEC, "FACTOR = 2", "FACTOR = 3", "a", why="what the made function reads"),
    changed("type() attribute", _EXEC, '"size": 3', '"size": 4', "b", why="a class without a statement"),
    changed("type() method", _EXEC, "self.size + 1", "self.size + 2", "b", why="a class without a statement"),
    changed("method with a computed name", _METHODS, "return 2", "return 22", "a", why="a class counts with all its methods"),
    changed("sys.modules with a known name", _MODULES, "return 1", "return 11", "a b", path="ops.py", why="as good as an import; b uses all of the pipeline file"),
    changed("pkgutil.resolve_name", _RESOLVED, "return 1", "return 2", "a", path="plugins.py", why="all of the project counts"),
    changed("pydoc.locate", _LOCATED, "return 1", "return 2", "a", path="plugins.py", why="all of the project counts"),
    changed("helper in a module loaded by its path", _BY_PATH, "return 7", "return 8", "a", path="scripts/tool.py", why="the file is the project's, whatever the module is called"),
    changed("helper in another one loaded under the same name", _BY_PATH, "return 17", "return 18", "c", path="scripts/other.py", why="the file tells them apart"),
    changed("constant in a module loaded by its path", _BY_PATH, "SIZE = 3", "SIZE = 4", "b", path="scripts/tool.py", why="the attribute that is used"),
    changed("unused in a module loaded by its path", _BY_PATH, "return 9", "return 10", path="scripts/tool.py", why="nobody calls it"),
    changed("sys.modules of oneself", _MODULES, "return 5", "return 55", "b", why="all of the module counts"),
    changed("constant of a module made at run time", _made("one"), "LIMIT = 3", "LIMIT = 4", "a", why="no import finds it: by what it holds"),
    changed("function of a module made at run time", _made("other"), "return 2", "return 3", "b", why="no import finds it: by what it holds"),
)  # fmt: skip
