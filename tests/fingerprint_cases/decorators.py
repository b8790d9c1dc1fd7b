"""Decorators, wrappers, caches, dispatch and registries.

What a name holds after decoration is a wrapper; the wrapper, what it wraps and what it was configured with all run.
"""

from fingerprint_cases.case import changed, project, stage

_WRAPPED = project(
    """
    import functools
    from deco import plain, counted, Wrapper

    @plain
    def wrapped(x):
        return x + 1

    @counted(3)
    def configured(x):
        return x + 2

    @Wrapper
    def by_class(x):
        return x + 3

    @functools.cache
    def cached(x):
        return helper(x)

    @functools.lru_cache(maxsize=16)
    def bounded(x):
        return x + 5

    def helper(x):
        return x + 6

    class Tool:
        @functools.cached_property
        def size(self):
            return 7

        half = functools.partialmethod(lambda self, x: x / 2, 8)
    """,
    stage("wraps", "wrapped(1)"),
    stage("configures", "configured(1)"),
    stage("classes", "by_class(1)"),
    stage("caches", "cached(1)"),
    stage("bounds", "bounded(1)"),
    stage("tools", "Tool().size + Tool().half()"),
    deco="""
    import functools

    def plain(f):
        @functools.wraps(f)
        def wrapper(*args):
            return before(f(*args))
        return wrapper

    def before(x):
        return x * 10

    def counted(times):
        def decorate(f):
            def wrapper(*args):
                return [f(*args)] * times
            return wrapper
        return decorate

    class Wrapper:
        def __init__(self, f):
            self.f = f

        def __call__(self, *args):
            return self.f(*args) * 20

    def unused(f):
        return f
    """,
)

_DISPATCH = project(
    """
    from functools import singledispatch

    @singledispatch
    def show(x):
        return "thing"

    @show.register
    def _(x: int):
        return number(x)

    @show.register(str)
    def show_text(x):
        return "text"

    def number(x):
        return "number"
    """,
    stage("a", "show(1)"),
    stage("b", "1"),
)

_REGISTRY = project(
    """
    from registry import HANDLERS, handler

    @handler("one")
    def one(x):
        return x + 1

    @handler("two")
    def two(x):
        return x + 2

    def dispatch(name, x):
        return HANDLERS[name](x)

    def direct(x):
        return x
    """,
    stage("a", "dispatch('one', 1)"),
    stage("b", "direct(1)"),
    registry="""
    HANDLERS = {}

    def handler(name):
        def register(f):
            HANDLERS[name] = f
            return f
        return register
    """,
)

_STAGE = project(
    """
    from deco import traced
    """,
    '@stage(outs=["a.txt"])\n@traced\ndef a():\n    Path("a.txt").write_text("1")\n\n',
    stage("b", "1"),
    deco="""
    import functools

    def traced(f):
        @functools.wraps(f)
        def wrapper():
            return f()
        return wrapper
    """,
)

_CALL = project(
    """
    from work import first, second

    stage(first, outs=["first.txt"])
    stage(second, outs=["second.txt"])
    """,
    work="""
    from pathlib import Path

    def first():
        Path("first.txt").write_text(str(helper()))

    def second():
        Path("second.txt").write_text("2")

    def helper():
        return 1
    """,
)

_ENTERED = """
class Registry:
    def __init__(self):
        self.items = {}

    def register(self, key):
        def enter(cls):
            self.items[normal(key)] = cls
            return cls
        return enter

def normal(key):
    return key.lower()

LOSSES = Registry()
TOOLS = []

def tool(function):
    TOOLS.append(function)
    return function

@LOSSES.register("L1")
class L1:
    def loss(self):
        return part()

def part():
    return 5

@LOSSES.register("L2")
class L2:
    def loss(self):
        return 6

@tool
def first():
    return 10

@tool
def second():
    return helped()

def helped():
    return 20
"""
_ENTERING = project(
    "import losses",
    stage("by_key", "losses.LOSSES.items['l1']().loss()"),
    stage("by_name", "losses.L2().loss()"),
    stage("all_tools", "[tool() for tool in losses.TOOLS]"),
    stage("one_tool", "losses.first()"),
    losses=_ENTERED,
)
_ENTERING_LATE = project(
    "",
    stage("by_key", "losses.LOSSES.items['l1']().loss()", "import losses"),
    stage("by_name", "losses.L2().loss()", "import losses"),
    stage("all_tools", "[tool() for tool in losses.TOOLS]", "import losses"),
    stage("one_tool", "losses.first()", "import losses"),
    losses=_ENTERED,
)
_MODES = project(
    "",
    stage("mode", "Mode.FAST.value", "from settings import Mode"),
    stage("size", "Settings().size", "from settings import Settings"),
    settings="""
    import enum

    class Mode(enum.Enum):
        FAST = 1

    class Base:
        pass

    class Settings(Base):
        mode = Mode.FAST
        size = 2
    """,
)

CASES = (
    changed("decorated function", _WRAPPED, "x + 1", "x + 11", "wraps", why="what a decorator wraps"),
    changed("wrapper", _WRAPPED, "before(f(*args))", "before(f(*args)) + 1", "wraps", path="deco.py", why="what a decorator puts around"),
    changed("helper of a wrapper", _WRAPPED, "x * 10", "x * 11", "wraps", path="deco.py", why="what the wrapper calls"),
    changed("argument of a decorator", _WRAPPED, "counted(3)", "counted(4)", "configures", why="held by the wrapper"),
    changed("wrapper of a decorator with arguments", _WRAPPED, "* times", "* (times + 1)", "configures", path="deco.py", why="the wrapper"),
    changed("function under a decorator with arguments", _WRAPPED, "x + 2", "x + 22", "configures", why="wrapped"),
    changed("class as a decorator", _WRAPPED, "* 20", "* 21", "classes", path="deco.py", why="its __call__"),
    changed("function under a class decorator", _WRAPPED, "x + 3", "x + 33", "classes", why="held by the instance"),
    changed("helper of a cached function", _WRAPPED, "x + 6", "x + 66", "caches", why="behind functools.cache"),
    changed("function behind lru_cache", _WRAPPED, "x + 5", "x + 55", "bounds", why="behind functools.lru_cache"),
    changed("size of an lru_cache", _WRAPPED, "maxsize=16", "maxsize=17", "bounds", why="the decorator's argument"),
    changed("cached property", _WRAPPED, "return 7", "return 77", "tools", why="behind functools.cached_property"),
    changed("partial method", _WRAPPED, "x / 2, 8", "x / 2, 9", "tools", why="its bound argument"),
    changed("decorator nobody uses", _WRAPPED, "def unused(f):\n    return f", "def unused(f):\n    return None or f", path="deco.py",
            why="not used"),
    changed("decorator removed", _WRAPPED, "@plain\n", "", "wraps", why="no longer wrapped"),
    changed("singledispatch default", _DISPATCH, '"thing"', '"object"', "a", why="the generic function"),
    changed("singledispatch implementation", _DISPATCH, '"text"', '"string"', "a", why="registered with a type"),
    changed("helper of an implementation", _DISPATCH, '"number"', '"integer"', "a", why="registered by annotation"),
    changed("type of an implementation", _DISPATCH, "(x: int)", "(x: float)", "a", why="the annotation is read"),
    changed("handler in a registry", _REGISTRY, "x + 1", "x + 11", "a", why="put there by a decorator"),
    changed("other handler in a registry", _REGISTRY, "x + 2", "x + 22", "a", why="the registry is one value"),
    changed("beside a registry", _REGISTRY, "return x\n", "return x * 1\n", "b", why="not registered"),
    changed("handler added", _REGISTRY, "def direct", "@handler('three')\ndef three(x):\n    return x\n\ndef direct", "a",
            why="the registry grew; who does not use it does not care"),
    changed("wrapper around a stage", _STAGE, "return f()", "return (f(), 1)[0]", "a", path="deco.py", why="the stage is wrapped"),
    changed("body of a wrapped stage", _STAGE, 'write_text("1")\n\n', 'write_text("2")\n\n', "a", why="inside the wrapper"),
    changed("stage declared by a call", _CALL, "return 1", "return 3", "first", path="work.py", why="a helper of it"),
    changed("other stage declared by a call", _CALL, '"2"', '"3"', "second", path="work.py", why="only it"),
    changed("another class in a registry object", _ENTERING, "return 5", "return 3", "by_key", path="losses.py",
            why="who names a class does not look into the registry"),
    changed("class in a registry object", _ENTERING, "return 6", "return 3", "by_key by_name", path="losses.py", why="entered and named"),
    changed("another function in a registry list", _ENTERING, "return 20", "return 30", "all_tools", path="losses.py",
            why="who names a function does not look into the list"),
    changed("code of a registry", _ENTERING, "key.lower()", "key.upper().lower()", "by_key by_name", path="losses.py",
            why="it ran as the decorator"),
    changed("lazy another class in a registry object", _ENTERING_LATE, "return 5", "return 3", "by_key", path="losses.py",
            why="who names a class does not look into the registry"),
    changed("lazy another function in a registry list", _ENTERING_LATE, "return 20", "return 30", "all_tools", path="losses.py",
            why="who names a function does not look into the list"),
    changed("lazy class that only uses an enum", _MODES, "size = 2", "size = 3", "size", path="settings.py",
            why="to use a member is not to change it"),
)  # fmt: skip
