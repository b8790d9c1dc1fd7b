"""A function's own logic, its helpers, closures, defaults, lambdas, generators and recursion.

The stage's own code, and whatever it can call, at any distance: a change two helpers away changes the result all the
same.
"""

from fingerprint_cases.case import Write, case, changed, project, stage

_TWO = project(
    """
    def helper(x):
        return x + 1

    def other(x):
        return x - 1

    def unused(x):
        return x * 100
    """,
    stage("a", "helper(1)"),
    stage("b", "other(1)"),
)

_CHAIN = project(
    """
    def low(x):
        return x + 1

    def middle(x):
        return low(x) * 2

    def high(x):
        return middle(x)
    """,
    stage("a", "high(1)"),
    stage("b", "2"),
)

_CLOSURE = project(
    """
    def make(n):
        def inner(x):
            return x + n
        return inner

    def unrelated():
        return 0

    add_one = make(1)
    add_two = make(2)
    """,
    stage("a", "add_one(1)"),
    stage("b", "add_two(1)"),
)

_SHAPES = project(
    """
    def default(x, k=3):
        return x + k

    def keyword(x, *, k=4):
        return x + k

    double, triple = lambda x: x * 2, lambda x: x * 3

    def generate(n):
        for i in range(n):
            yield i + 1

    async def fetch():
        return 5

    def gather():
        import asyncio
        return asyncio.run(fetch())

    def even(n):
        return True if n == 0 else odd(n - 1)

    def odd(n):
        return False if n == 0 else even(n - 1)

    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)
    """,
    stage("defaults", "default(1)"),
    stage("keywords", "keyword(1)"),
    stage("doubles", "double(1)"),
    stage("triples", "triple(1)"),
    stage("generates", "list(generate(3))"),
    stage("gathers", "gather()"),
    stage("evens", "even(2)"),
    stage("factorials", "factorial(3)"),
)

_NESTED = project(
    """
    def weigh(x):
        return x * 3

    def outer(values):
        def inner(x):
            return weigh(x)
        return [inner(v) for v in values]

    def in_generator(values):
        return sum(weigh(v) for v in values)

    def in_lambda(values):
        return sorted(values, key=lambda v: weigh(v))

    def in_class():
        class Local:
            weight = weigh(2)
            def method(self):
                return weigh(1)
        return Local().method() + Local.weight

    def in_default(values, by=weigh):
        return by(values[0])

    def in_fstring(x):
        return f"{weigh(x)}"
    """,
    stage("nested", "outer([1])"),
    stage("generator", "in_generator([1])"),
    stage("lambdas", "in_lambda([2, 1])"),
    stage("local_class", "in_class()"),
    stage("default", "in_default([1])"),
    stage("fstring", "in_fstring(1)"),
    stage("unrelated", "1"),
)

_CALLABLES = project(
    """
    from functools import partial, reduce

    def square(x):
        return x * x

    def cube(x):
        return x ** 3

    def scale(x, factor):
        return x * factor

    TABLE = {"square": square}
    STEPS = [cube]
    times_two = partial(scale, factor=2)
    alias = square

    def apply(f, x):
        return f(x)
    """,
    stage("dispatched", 'TABLE["square"](2)'),
    stage("listed", "STEPS[0](2)"),
    stage("partials", "times_two(2)"),
    stage("aliased", "alias(2)"),
    stage("passed", "apply(cube, 2)"),
    stage("mapped", "list(map(square, [1]))"),
)

_SHADOWED = project(
    """
    def compute(values):
        return sum(values)
    """,
    stage("a", "compute([1, 2])"),
    stage("b", "max([1, 2])"),
)

_SWAP = project(
    """
    def first(x):
        return x + 1

    def second(x):
        return x + 2

    one, two = first, second
    """,
    stage("a", "one(1) - two(1)"),
)

CASES = (
    changed("own body", _TWO, "helper(1)", "helper(2)", "a", why="the stage's own logic"),
    changed("helper body", _TWO, "x + 1", "x + 2", "a", why="a helper in the same module"),
    changed("other helper", _TWO, "x - 1", "x - 2", "b", why="only the stage that calls it"),
    changed("unused helper", _TWO, "x * 100", "x * 101", why="nobody calls it"),
    changed("operator", _TWO, "x + 1", "x * 1", "a", why="another operator"),
    changed("comparison", _SHAPES, "n < 2", "n <= 1", "factorials", why="another comparison is another program"),
    changed("helper two calls away", _CHAIN, "x + 1", "x + 2", "a", why="reached through another helper"),
    changed("helper in between", _CHAIN, "low(x) * 2", "low(x) * 3", "a", why="on the way to another helper"),
    changed("closure cell", _CLOSURE, "add_one = make(1)", "add_one = make(7)", "a", why="the value in the cell"),
    changed("closure body", _CLOSURE, "x + n", "x - n", "a b", why="both closures run this code"),
    changed("closure siblings", _CLOSURE, "return 0", "return 1", why="beside the factory"),
    changed(
        "closures swapped", _CLOSURE, "add_one = make(1)\nadd_two = make(2)", "add_one = make(2)\nadd_two = make(1)", "a b",
        why="each name now holds the other's value",
    ),
    changed("positional default", _SHAPES, "k=3", "k=30", "defaults", why="the default counts"),
    changed("keyword default", _SHAPES, "k=4", "k=40", "keywords", why="the keyword default counts"),
    changed("first lambda of a line", _SHAPES, "x * 2", "x * 20", "doubles", why="told apart by position"),
    changed("second lambda of a line", _SHAPES, "x * 3", "x * 30", "triples", why="told apart by position"),
    changed("generator", _SHAPES, "yield i + 1", "yield i + 2", "generates", why="generator bodies count"),
    changed("coroutine", _SHAPES, "return 5", "return 6", "gathers", why="coroutines count"),
    changed("mutual recursion", _SHAPES, "False if n == 0", "None if n == 0", "evens", why="the partner of a pair"),
    changed("recursion", _SHAPES, "n * factorial", "n + factorial", "factorials", why="calls itself"),
    changed(
        "helper called in nested code", _NESTED, "x * 3", "x * 4", "nested generator lambdas local_class default fstring",
        why="nested functions, comprehensions, lambdas, classes, defaults and f-strings are looked into",
    ),
    changed("function in a dict", _CALLABLES, "x * x", "x * x * 1", "dispatched aliased mapped", why="held by a dict"),
    changed("function in a list", _CALLABLES, "x ** 3", "x ** 3 + 0", "listed passed", why="held by a list, passed on"),
    changed("function in a partial", _CALLABLES, "x * factor", "x + factor", "partials", why="what a partial wraps"),
    changed("argument of a partial", _CALLABLES, "factor=2", "factor=3", "partials", why="what a partial binds"),
    changed("alias moved", _CALLABLES, "alias = square", "alias = cube", "aliased", why="the name means another one"),
    changed("dict entry moved", _CALLABLES, '{"square": square}', '{"square": cube}', "dispatched", why="another value"),
    changed("helper passed on", _CALLABLES, "return f(x)", "return f(x) + 1", "passed", why="who is given it counts too"),
    changed(
        "builtin shadowed", _SHADOWED, "def compute", "def sum(values):\n    return 0\n\ndef compute", "a",
        why="the name no longer means the builtin",
    ),
    changed("aliases swapped", _SWAP, "one, two = first, second", "one, two = second, first", "a", why="same parts, otherwise"),
    case(
        "partner of a pair becomes the stage's helper",
        project(
            """
            def even(n):
                return True if n == 0 else odd(n - 1)

            def odd(n):
                return False if n == 0 else even(n - 1)
            """,
            stage("a", "even(2)"),
        ),
        Write(
            "pipeline.py",
            project(
                """
                def even(n):
                    return True if n == 0 else odd(n - 1)

                def odd(n):
                    return False if n == 0 else even(n - 1)
                """,
                stage("a", "odd(2)"),
            )["pipeline.py"],
        ),
        reruns="a",
        why="the entry into a cycle counts",
    ),
    changed(
        "missing name appears",
        project(
            """
            def use():
                try:
                    return LATER
                except NameError:
                    return 0
            """,
            stage("a", "use()"),
            stage("b", "1"),
        ),
        "def use", "LATER = 3\n\ndef use", "a",
        why="a name that was not there is there now",
    ),
    changed(
        "constant in a nested default",
        project(
            """
            STEP = 2

            def outer(x):
                def inner(y, step=STEP):
                    return y + step
                return inner(x)
            """,
            stage("a", "outer(1)"),
            stage("b", "1"),
        ),
        "STEP = 2", "STEP = 3", "a", why="a default of a nested function",
    ),
    changed(
        "computed default",
        project(
            """
            def base():
                return 2

            def helper(x, k=base()):
                return x + k
            """,
            stage("a", "helper(1)"),
            stage("b", "1"),
        ),
        "return 2", "return 3", "a", why="a default that a call computes",
    ),
    changed(
        "walrus and match",
        project(
            """
            def label(x):
                if (y := weigh(x)) > 1:
                    match y:
                        case 2:
                            return names()
                        case _:
                            return "many"
                return "one"

            def weigh(x):
                return x * 2

            def names():
                return "two"
            """,
            stage("a", "label(1)"),
            stage("b", "1"),
        ),
        '"two"', '"pair"', "a", why="called inside a match",
    ),
    changed(
        "assert",
        project("def check(x):\n    assert x < 9, 'big'\n    return x", stage("a", "check(1)"), stage("b", "1")),
        "x < 9", "x < 8", "a", why="asserts do something",
    ),
    changed(
        "exception handler",
        project(
            """
            class Problem(Exception):
                code = 1

            def risky():
                try:
                    raise Problem
                except Problem as error:
                    return error.code
            """,
            stage("a", "risky()"),
            stage("b", "1"),
        ),
        "code = 1", "code = 2", "a", why="an exception class used by a helper",
    ),
    changed(
        "conditional definition",
        project(
            """
            FAST = True
            if FAST:
                def work(x):
                    return x + 1
            else:
                def work(x):
                    return x + 2
            """,
            stage("a", "work(1)"),
            stage("b", "1"),
        ),
        "x + 1", "x + 10", "a", why="the definition that was chosen",
    ),
    changed(
        "condition of a definition",
        project(
            """
            FAST = True
            if FAST:
                def work(x):
                    return x + 1
            else:
                def work(x):
                    return x + 2
            """,
            stage("a", "work(1)"),
            stage("b", "1"),
        ),
        "FAST = True", "FAST = False", "a", why="another definition is chosen",
    ),
    changed(
        "context manager",
        project(
            """
            from contextlib import contextmanager

            @contextmanager
            def doubled(x):
                yield x * 2

            def use():
                with doubled(2) as value:
                    return value
            """,
            stage("a", "use()"),
            stage("b", "1"),
        ),
        "x * 2", "x * 3", "a", why="behind a decorator of the standard library",
    ),
    changed(
        "global rebound by a helper",
        project(
            """
            _model = None

            def build():
                return 3

            def load():
                global _model
                _model = build()

            def use():
                load()
                return _model
            """,
            stage("a", "use()"),
            stage("b", "1"),
        ),
        "return 3", "return 4", "a", why="what the rebinding helper calls",
    ),
    changed(
        "global that only a function sets",
        project(
            """
            def load():
                global LATE
                LATE = 3

            def use():
                loader = globals()["load"]
                loader()
                return LATE
            """,
            stage("a", "use()"),
            stage("b", "1"),
        ),
        "LATE = 3", "LATE = 4", "a", why="the name has no value yet; the function that sets it counts",
    ),
)  # fmt: skip
