"""Annotations and docstrings count where something reads them while the program runs.

A hint or a docstring is a note to people until the program reads it; then it is input like any other.
"""

from fingerprint_cases.case import changed, project, stage

_READ = project(
    """
    import inspect
    from typing import get_type_hints

    def read(x: int):
        return x

    def unread(x: int):
        return x

    def hints():
        return sorted(get_type_hints(read))

    def signature():
        return str(inspect.signature(unread))

    class Plain:
        size: int = 3

    class Read:
        size: int = 3
    """,
    stage("a", "hints()"),
    stage("b", "signature()"),
    stage("c", "unread(1)"),
    stage("d", "Plain.size"),
    stage("e", "sorted(Read.__annotations__)"),
)

_DOC = project(
    '''
    """Module text."""

    def usage():
        """How to use it."""
        return usage.__doc__

    def shown():
        return __doc__

    def other():
        """Nobody reads this."""
        return 1
    ''',
    stage("a", "usage()"),
    stage("b", "shown()"),
    stage("c", "other()"),
)

_DECORATED = project(
    """
    import functools
    import inspect

    def typed(f):
        kinds = inspect.signature(f).parameters
        @functools.wraps(f)
        def wrapper(*args):
            return f(*args), len(kinds)
        return wrapper

    def timed(f):
        @functools.wraps(f)
        def wrapper(*args):
            return f(*args)
        return wrapper

    @typed
    def checked(x: int):
        return x

    @timed
    def measured(x: int):
        return x
    """,
    stage("a", "checked(1)"),
    stage("b", "measured(1)"),
)

_GIVEN = project(
    """
    from asking import hints

    def given(x: int):
        return x

    def called(x: int):
        return x

    class Given:
        size: int = 1

    def text(definition):
        return definition.__doc__

    def spoken():
        "Something said."

    KEPT = []

    def keep(f):
        KEPT.append(f)
        return f

    @keep
    def kept(x: int):
        return x
    """,
    stage("a", "hints(given) + str(called(1))"),
    stage("b", "hints(Given)"),
    stage("c", "text(spoken)"),
    stage("d", "[hints(f) for f in KEPT]"),
    stage("e", "given(1)"),
    asking="import inspect\n\ndef hints(definition):\n    return str(inspect.get_annotations(definition))\n",
)

_ASKED_IN_OTHER_WAYS = project(
    """
    from asking import chained, methods, own, renamed, renamed_hints, text

    class Base:
        size: int = 1

    class Asked(Base):
        "Something said."

        def f(self, x: int):
            return x

    def asked(n: int):
        return n
    """,
    stage("a", "chained(asked)"),
    stage("b", "renamed(asked)"),
    stage("c", "renamed_hints(Asked)"),
    stage("d", "methods(Asked)"),
    stage("e", "own(Base)"),
    stage("f", "text(Asked)"),
    stage("g", "(asked(1), Asked.size)"),
    asking="""
    from inspect import signature as sig
    from typing import get_type_hints as hints_of

    def chained(definition):
        return list(definition.__annotations__.items())

    def renamed(definition):
        return str(sig(definition))

    def renamed_hints(definition):
        return hints_of(definition)

    def methods(cls):
        return cls.f.__annotations__

    def own(cls):
        return vars(cls)["__annotations__"]

    def text(definition):
        return definition.__doc__.strip()
    """,
)

_CHECKING = project(
    """
    import typing

    def checking(f):
        def wrapper(x):
            return typing.get_type_hints(f)["x"](x)
        return wrapper

    @checking
    def checked(x: int):
        return x
    """,
    stage("a", "checked(1)"),
)

_TEXT = project(
    "import inspect\nimport texts",
    stage("a", "inspect.getsource(texts.shown)"),
    stage("b", "texts.shown()"),
    texts="def shown():\n    return 1\n",
)

_ASKED_OF_INSTANCES = project(
    """
    from typing import get_type_hints

    class Base:
        def described(self):
            return sorted(get_type_hints(type(self)))

    class Point(Base):
        x: int

    class Row:
        '''Of numbers.'''
        size: int

    class Other:
        size: str

    ROW = Row()

    def hints_of(thing):
        return sorted(get_type_hints(type(thing)))

    def doc_of(thing):
        return type(thing).__doc__
    """,
    stage("a", "Point().described()"),
    stage("b", "hints_of(Row())"),
    stage("c", "doc_of(ROW)"),
    stage("d", "Row().__class__.__name__"),
)

CASES = (
    changed("get_type_hints", _READ, "def read(x: int)", "def read(x: float)", "a", why="the hints are read"),
    changed("inspect.signature", _READ, "def unread(x: int)", "def unread(x: float)", "b", why="read there, not where it is called"),
    changed("annotation in a plain class", _READ, "class Plain:\n    size: int", "class Plain:\n    size: float", why="nobody reads it"),
    changed("__annotations__", _READ, "class Read:\n    size: int", "class Read:\n    size: float", "e", why="read as an attribute"),
    changed("__doc__ of a function", _DOC, "How to use it.", "How it is used.", "a", why="the docstring is read"),
    changed("__doc__ of a module", _DOC, "Module text.", "Another text.", "b", why="the docstring is read"),
    changed("docstring nobody reads", _DOC, "Nobody reads this.", "Really nobody.", why="not read"),
    changed("hints read by a helper in another module", _GIVEN, "given(x: int)", "given(x: float)", "a", why="it is given the function"),
    changed("beside what a helper reads the hints of", _GIVEN, "called(x: int)", "called(x: float)", why="called, not given"),
    changed("hints of a class read by a helper", _GIVEN, "size: int", "size: float", "b", why="it is given the class"),
    changed("docstring read by a helper", _GIVEN, "Something said.", "Something else.", "c", why="it is given the function"),
    changed("hints of what is kept in a list", _GIVEN, "kept(x: int)", "kept(x: float)", "d", why="who looks into the list may ask"),
    changed("hints read by a wrapper", _CHECKING, "x: int", "x: float", "a", why="the wrapper holds the function and reads them"),
    changed("hints read on the way to something else, or by another name", _ASKED_IN_OTHER_WAYS, "n: int", "n: float", "a b", why="they are read all the same"),
    changed("hints of a base", _ASKED_IN_OTHER_WAYS, "size: int", "size: float", "c d e", why="those of a class are those of its bases too"),
    changed("hints of a method", _ASKED_IN_OTHER_WAYS, "x: int", "x: float", "c d", why="they are reached by way of the class"),
    changed("docstring read on the way to something else", _ASKED_IN_OTHER_WAYS, "thing said", "thing else", "f", why="strip() of it reads it"),
    changed("hints that a base reads of its subclass", _ASKED_OF_INSTANCES, "x: int", "y: int", "a", why="type(self) is the subclass"),
    changed("hints of the class of an instance", _ASKED_OF_INSTANCES, "size: int", "width: int", "b", why="a helper is given an instance of it"),
    changed("docstring of the class of an instance", _ASKED_OF_INSTANCES, "Of numbers.", "Of more.", "c", why="a helper is given an instance of it"),
    changed("hints of a class that is not used", _ASKED_OF_INSTANCES, "size: str", "width: str", why="nobody makes one"),
    changed("comment that is read as text", _TEXT, "return 1", "return 1  # one", "a", path="texts.py", why="inspect.getsource: the whole file counts"),
    changed("decorator that reads hints", _DECORATED, "def checked(x: int)", "def checked(x: float)", "a", why="the decorator reads them"),
    changed("decorator that does not", _DECORATED, "def measured(x: int)", "def measured(x: float)", why="nobody reads them"),
    changed("quoted annotation", project(
        "from dataclasses import dataclass\n\n@dataclass\nclass C:\n    x: int = 1", stage("a", "C().x")
    ), "x: int", 'x: "int"', why="the same annotation in quotes"),
)  # fmt: skip
