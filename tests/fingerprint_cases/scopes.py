"""Names: what is local, what is global, what is shadowed, what is put together at the top of a module.

Only names that are looked up outside of a function can change it from outside.
"""

from fingerprint_cases.case import changed, project, stage

_LOCAL = project(
    """
    value = 1
    weight = 2
    size = 3
    rate = 4
    depth = 5
    name = 6
    state = 7

    def assigned():
        value = 10
        return value

    def parameter(weight):
        return weight

    def comprehended():
        return [size for size in range(2)]

    def excepted():
        try:
            raise ValueError
        except ValueError as rate:
            return str(rate)

    def looped():
        for depth in range(2):
            pass
        return depth

    class Holder:
        name = 20

        def get(self):
            return name

    def nested():
        state = 0
        def inner():
            nonlocal state
            state += 1
            return state
        return inner()
    """,
    stage("assigns", "assigned()"),
    stage("parameters", "parameter(1)"),
    stage("comprehends", "comprehended()"),
    stage("excepts", "excepted()"),
    stage("loops", "looped()"),
    stage("holds", "Holder().get()"),
    stage("nests", "nested()"),
)

_TOP = project(
    """
    FLAG = True

    def fast():
        return 1

    def slow():
        return 2

    work = fast if FLAG else slow
    adders = [lambda x, i=i: x + i for i in range(3)]
    A, (B, *C) = 1, (2, 3, 4)
    for X in range(3):
        pass
    with open(__file__) as source:
        FIRST = source.read(4)
    fast.threshold = 5

    def attribute():
        return fast.threshold

    def call(f=None, *args, **options):
        return (f or slow)(*args, **options)

    squares = {n: n * n for n in range(4)}
    total = sum(squares.values())
    del FLAG

    async def agenerate():
        yield 30

    async def collect():
        return [x async for x in agenerate()]

    def run():
        import asyncio
        return asyncio.run(collect())

    def formatted(x):
        return f"{x:>{WIDTH}}"

    WIDTH = 8

    def starred():
        return call(*ARGS, **OPTIONS)

    ARGS = ()
    OPTIONS = {}
    """,
    stage("works", "work()"),
    stage("adds", "adders[1](1)"),
    stage("unpacks", "(A, C)"),
    stage("lasts", "X"),
    stage("attributes", "attribute()"),
    stage("totals", "total"),
    stage("runs", "run()"),
    stage("formats", "formatted(1)"),
    stage("stars", "starred()"),
)

_CLASS = project(
    """
    from abc import ABC, abstractmethod
    from typing import Generic, Protocol, TypeVar

    T = TypeVar("T")

    def convert(x):
        return x + 1

    class Plugin(ABC):
        @abstractmethod
        def run(self): ...

        def all(self):
            return self.run()

    class Real(Plugin):
        convert = staticmethod(convert)
        steps = [convert]

        def run(self):
            return self.convert(1)

    class Box(Generic[T]):
        def __init__(self, item):
            self.item = item

        @property
        def content(self):
            return self.item

        @content.setter
        def content(self, item):
            self.item = check(item)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return closed()

        def __iter__(self):
            return iter(items())

        def __getattr__(self, name):
            return fallback(name)

    def check(item):
        return item * 2

    def closed():
        return None

    def items():
        return [40]

    def fallback(name):
        return name + "!"

    def box():
        b = Box(1)
        b.content = 2
        with b:
            return list(b), b.content, b.anything

    class Stack(list):
        limit = 50

        def push(self, x):
            self.append(x)

    STACK = Stack([1, 2])
    STACK.owner = "me"

    class Holder:
        def __init__(self, f):
            self.f = f

    HOLDER = Holder(lambda x: x + 60)
    """,
    stage("plugins", "Real().all()"),
    stage("boxes", "box()"),
    stage("stacks", "len(STACK)"),
    stage("holders", "HOLDER.f(1)"),
)

_MODULES = project(
    """
    import alpha
    import beta as chosen_module
    from gamma import *

    module = alpha if alpha.FLAG else chosen_module
    """,
    stage("a", "module.f()"),
    stage("b", "g()"),
    stage("c", "method()", "from delta import Tool\nmethod = Tool().work"),
    stage(
        "d",
        "work()",
        "class Inner:\n    from delta import helper\n    def work(self):\n        return Inner.helper()\nwork = Inner().work",
    ),
    alpha="FLAG = True\n\ndef f():\n    return 1\n",
    beta="def f():\n    return 2\n",
    gamma="from alpha import f as _f\n\ndef g():\n    return _f() + _private\n\n_private = 3\n",
    delta="class Tool:\n    def work(self):\n        from epsilon import low\n        return low()\n\ndef helper():\n    return 4\n",
    epsilon="def low():\n    return 5\n",
)

CASES = (
    changed("global of a local's name", _LOCAL, "value = 1\n", "value = 100\n", why="the local hides it"),
    changed("global of a parameter's name", _LOCAL, "weight = 2", "weight = 200", why="the parameter hides it"),
    changed("global of a comprehension variable's name", _LOCAL, "size = 3", "size = 300", why="the variable hides it"),
    changed("global of an exception's name", _LOCAL, "rate = 4", "rate = 400", why="the name is bound"),
    changed("global of a loop variable's name", _LOCAL, "depth = 5", "depth = 500", why="the variable hides it"),
    changed("global of a class attribute's name", _LOCAL, "name = 6", "name = 600", "holds", why="methods do not see class scope"),
    changed("global of a nonlocal's name", _LOCAL, "state = 7", "state = 700", why="the outer function's hides it"),
    changed("chosen function", _TOP, "return 1", "return 11", "works attributes", why="what the condition chose"),
    changed("choice", _TOP, "FLAG = True", "FLAG = False", "works", why="the condition"),
    changed("lambdas made in a comprehension", _TOP, "x + i", "x - i", "adds", why="their code"),
    changed("values of lambdas made in a comprehension", _TOP, "i in range(3)]", "i in range(1, 4)]", "adds", why="their defaults"),
    changed("unpacked", _TOP, "(2, 3, 4)", "(2, 3, 5)", "unpacks", why="the parts that are used"),
    changed("unpacked, unused part", _TOP, "(2, 3, 4)", "(9, 3, 4)", why="by value: B is not used"),
    changed("loop variable at the top", _TOP, "for X in range(3)", "for X in range(4)", "lasts", why="it keeps its last value"),
    changed("attribute of a function", _TOP, "fast.threshold = 5", "fast.threshold = 6", "works attributes", why="state of the function"),
    changed("dict comprehension", _TOP, "n * n", "n * 2", "totals", why="the value of the total"),
    changed("async generator", _TOP, "yield 30", "yield 31", "runs", why="through an async comprehension"),
    changed("format specification", _TOP, "WIDTH = 8", "WIDTH = 9", "formats", why="inside an f-string"),
    changed("starred argument", _TOP, "ARGS = ()", "ARGS = (None,)", "stars", why="unpacked into the call"),
    changed("function behind staticmethod", _CLASS, "return x + 1", "return x + 2", "plugins", why="an alias in the class"),
    changed("abstract base", _CLASS, "return self.run()", "return (self.run(),)", "plugins", why="inherited"),
    changed("property setter", _CLASS, "item * 2", "item * 3", "boxes", why="called by an assignment"),
    changed("__exit__", _CLASS, "return None", "return False", "boxes", why="called by with"),
    changed("__iter__", _CLASS, "[40]", "[41]", "boxes", why="called by list()"),
    changed("__getattr__ of a class", _CLASS, '"!"', '"?"', "boxes", why="called for unknown attributes"),
    changed("items of a list subclass", _CLASS, "Stack([1, 2])", "Stack([1, 3])", "stacks", why="what it holds"),
    changed("attribute of a list subclass", _CLASS, '"me"', '"you"', "stacks", why="its state"),
    changed("class of a list subclass", _CLASS, "limit = 50", "limit = 51", "stacks", why="its type"),
    changed("lambda in an instance", _CLASS, "x + 60", "x + 61", "holders", why="held by the instance"),
    changed("chosen module", _MODULES, "return 1", "return 11", "a b", path="alpha.py", why="what the condition chose, and g calls it"),
    changed("module not chosen", _MODULES, "return 2", "return 22", path="beta.py", why="not used"),
    changed("condition in another module", _MODULES, "FLAG = True", "FLAG = False", "a", path="alpha.py", why="another module is chosen"),
    changed("private name behind a star import", _MODULES, "_private = 3", "_private = 33", "b", path="gamma.py", why="g reads it there"),
    changed("import in a method of a lazily imported class", _MODULES, "return 5", "return 55", "c", path="epsilon.py", why="two lazy imports"),
    changed("import in a local class", _MODULES, "return 4", "return 44", "d", path="delta.py", why="in its scope"),
)  # fmt: skip
