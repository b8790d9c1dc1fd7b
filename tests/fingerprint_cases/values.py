"""Constants by value, computed ones included.

A constant counts by what it is, not by how it is written or computed, and never by its address.
"""

from fingerprint_cases.case import Case, changed, project, stage


def _constant(name: str, old: str, new: str, *, imports: str = "", same: str = "") -> list[Case]:
    """A constant that changes its value, and one that is written differently and stays the same."""
    files = project(f"{imports}\nVALUE = {old}\nOTHER = 1", stage("a", "str(type(VALUE))"), stage("b", "OTHER"))
    found = [changed(f"value: {name}", files, f"VALUE = {old}", f"VALUE = {new}", "a", why="by value")]
    if same:
        found.append(changed(f"same value: {name}", files, f"VALUE = {old}", f"VALUE = {same}", why="the same value"))
    return found


_COMPUTED = project(
    """
    import json
    from pathlib import Path
    from build import table

    TABLE = table(3)
    CONFIG = json.loads(Path("config.json").read_text())
    CONFIG_PATH = Path(__file__).parent / "config.json"
    """,
    stage("a", "TABLE"),
    stage("b", "CONFIG"),
    stage("c", "CONFIG_PATH.name"),
    build="def table(n):\n    return {i: i * 2 for i in range(n)}\n",
) | {"config.json": '{"rate": 1}'}

_HANDLES = project(
    """
    import logging
    import threading
    import weakref
    from collections import Counter
    from contextvars import ContextVar

    import pandas as pd

    log = logging.getLogger("one")
    LOCK = threading.Lock()
    CACHE = {}
    COUNTS = Counter("ab")
    MODE = ContextVar("mode")
    MODE.set(1)

    class Key:
        pass

    KEY = Key()
    WEAK = weakref.WeakKeyDictionary()
    WEAK[KEY] = 1
    FRAME = pd.DataFrame({"a": [1]})
    FRAME.attrs["a"] = 1

    def use():
        with LOCK:
            log.debug("x")
            return CACHE.setdefault(1, 2)
    """,
    stage("a", "use()"),
    stage("b", "sorted(COUNTS)"),
    stage("c", "MODE.get(0)"),
    stage("d", "WEAK[KEY]"),
    stage("e", "FRAME.attrs"),
)

_CLASSES = project(
    """
    class Node:
        def __init__(self, name):
            self.name = name
            self.links = []

    A, B = Node("a"), Node("b")
    A.links.append(B)
    B.links.append(A)

    class Hostile:
        def __getattr__(self, name):
            raise RuntimeError(name)

        def __eq__(self, other):
            raise RuntimeError

        def __hash__(self):
            raise RuntimeError

        def __repr__(self):
            raise RuntimeError

        def __reduce__(self):
            raise RuntimeError

        value = 1

    HOSTILE = Hostile()
    HOSTILE.level = 1
    """,
    stage("a", "A.links[0].name"),
    stage("b", "HOSTILE.level"),
)

CASES = (
    *_constant("int", "3", "4", same="2 + 1"),
    *_constant("big int", "10 ** 30", "10 ** 31", same="10 ** 29 * 10"),
    *_constant("float", "0.1", "0.2", same="1 / 10"),
    *_constant("nan", 'float("nan")', "1.0", same='-float("nan")'),
    *_constant("minus zero", "0.0", "-0.0"),
    *_constant("int and bool", "1", "True"),
    *_constant("int and float", "1", "1.0"),
    *_constant("str", '"x"', '"y"', same='"".join(["x"])'),
    *_constant("str and bytes", '"x"', 'b"x"'),
    *_constant("none", "None", "0"),
    *_constant("list", "[1, 2]", "[1, 3]", same="list((1, 2))"),
    *_constant("list and tuple", "[1, 2]", "(1, 2)"),
    *_constant("order of a list", "[1, 2]", "[2, 1]"),
    *_constant("long list", "list(range(1000))", "list(range(1001))", same="[i for i in range(1000)]"),
    *_constant("nested", '{"a": [1, {"b": (2, 3)}]}', '{"a": [1, {"b": (2, 4)}]}', same='dict(a=[1, dict(b=(2, 3))])'),
    *_constant("set", '{"a", "b", "c"}', '{"a", "b", "d"}', same='{"c", "b", "a"}'),
    *_constant("frozenset", 'frozenset({"a", "b"})', 'frozenset({"a"})', same='frozenset({"b", "a"})'),
    *_constant("set of tuples", '{("a", 1), ("b", 2)}', '{("a", 1), ("b", 3)}', same='{("b", 2), ("a", 1)}'),
    *_constant("dict value", '{"a": 1}', '{"a": 2}', same="dict(a=1)"),
    *_constant("dict key", '{"a": 1}', '{"b": 1}'),
    *_constant("range", "range(3)", "range(4)"),
    *_constant("slice", "slice(1, 2)", "slice(1, 3)"),
    *_constant("ellipsis", "...", "None"),
    *_constant("complex", "1j", "2j"),
    *_constant("bytearray", 'bytearray(b"x")', 'bytearray(b"y")'),
    *_constant("regex", 're.compile("a")', 're.compile("b")', imports="import re", same="re.compile(chr(97))"),
    *_constant("regex flags", 're.compile("a")', 're.compile("a", re.I)', imports="import re"),
    *_constant("path", 'Path("x")', 'Path("y")', same='Path(".") / "x"'),
    *_constant("date", "date(2024, 1, 1)", "date(2024, 1, 2)", imports="from datetime import date"),
    *_constant("datetime", "datetime(2024, 1, 1, tzinfo=UTC)", "datetime(2024, 1, 1)", imports="from datetime import UTC, datetime"),
    *_constant("timedelta", "timedelta(days=1)", "timedelta(days=2)", imports="from datetime import timedelta", same="timedelta(hours=24)"),
    *_constant("Decimal", 'Decimal("0.1")', 'Decimal("0.10")', imports="from decimal import Decimal"),
    *_constant("Fraction", "Fraction(1, 3)", "Fraction(2, 3)", imports="from fractions import Fraction", same="Fraction(2, 6)"),
    *_constant("UUID", "UUID(int=1)", "UUID(int=2)", imports="from uuid import UUID"),
    *_constant("namespace", "SimpleNamespace(a=1)", "SimpleNamespace(a=2)", imports="from types import SimpleNamespace"),
    *_constant("counter", 'Counter("aab")', 'Counter("abb")', imports="from collections import Counter"),
    *_constant("defaultdict", "defaultdict(int, a=1)", "defaultdict(list, a=1)", imports="from collections import defaultdict"),
    *_constant("deque", "deque([1, 2])", "deque([1, 3])", imports="from collections import deque"),
    *_constant("deque length", "deque([1], 4)", "deque([1], 5)", imports="from collections import deque"),
    *_constant("namedtuple", 'namedtuple("P", "x y")(1, 2)', 'namedtuple("P", "x y")(1, 3)', imports="from collections import namedtuple"),
    *_constant("random state", "random.Random(1)", "random.Random(2)", imports="import random"),
    *_constant("operator", "operator.add", "operator.sub", imports="import operator"),
    *_constant("itemgetter", "operator.itemgetter(1)", "operator.itemgetter(2)", imports="import operator"),
    *_constant("library function", "math.sin", "math.cos", imports="import math"),
    *_constant("library function by name", "sin", "cos", imports="from math import sin, cos"),
    *_constant("type", "int", "float"),
    *_constant("generic alias", "list[int]", "list[str]"),
    *_constant("union", "int | None", "str | None"),
    *_constant("bound method", '"a,b".split', '"c,d".split'),
    *_constant("numpy array", "np.arange(4)", "np.arange(5)", imports="import numpy as np", same="np.array([0, 1, 2, 3])"),
    *_constant("numpy dtype", "np.zeros(3)", 'np.zeros(3, dtype="float32")', imports="import numpy as np"),
    *_constant("numpy shape", "np.zeros((2, 3))", "np.zeros((3, 2))", imports="import numpy as np"),
    *_constant("numpy scalar", "np.float64(1)", "np.float64(2)", imports="import numpy as np"),
    *_constant("numpy objects", 'np.array([{"a": 1}])', 'np.array([{"a": 2}])', imports="import numpy as np"),
    *_constant("numpy view", "np.arange(8)[::2]", "np.arange(8)[1::2]", imports="import numpy as np", same="np.array([0, 2, 4, 6])"),
    *_constant("numpy generator", "np.random.default_rng(1)", "np.random.default_rng(2)", imports="import numpy as np"),
    *_constant("pandas frame", 'pd.DataFrame({"a": [1, 2], "b": ["x", None]})', 'pd.DataFrame({"a": [1, 2], "b": ["y", None]})',
               imports="import pandas as pd", same='pd.DataFrame({"a": range(1, 3), "b": ["x", None]})'),
    *_constant("pandas column names", 'pd.DataFrame({"a": [1]})', 'pd.DataFrame({"b": [1]})', imports="import pandas as pd"),
    *_constant("pandas index", 'pd.Series([1, 2], index=["a", "b"])', 'pd.Series([1, 2], index=["a", "c"])', imports="import pandas as pd"),
    *_constant("numpy order", "np.ones((2, 2))", 'np.ones((2, 2), order="F")', imports="import numpy as np"),
    *_constant("pandas flags", 'pd.DataFrame({"a": [1]})', 'pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)',
               imports="import pandas as pd"),
    *_constant("second of two equal times", "datetime(2024, 1, 1)", "datetime(2024, 1, 1, fold=1)", imports="from datetime import datetime"),
    *_constant("pandas timestamp", 'pd.Timestamp("2024-01-01")', 'pd.Timestamp("2024-01-02")', imports="import pandas as pd"),
    changed("computed constant, other value", _COMPUTED, "i * 2", "i * 3", "a", path="build.py", why="the value changed"),
    changed("computed constant, same value", _COMPUTED, "i * 2", "i + i", path="build.py", why="the value is the same"),
    changed("computed constant, other argument", _COMPUTED, "table(3)", "table(4)", "a", why="the value changed"),
    changed("constant read from a file", _COMPUTED, "1}", "2}", "b", path="config.json", why="the value changed"),
    changed("layout of a file that is read", _COMPUTED, '{"rate": 1}', '{ "rate":  1 }', path="config.json", why="the value is the same"),
    changed("set context variable", _HANDLES, "MODE.set(1)", "MODE.set(2)", "c", why="by value"),
    changed("key of a weak dictionary", _HANDLES, "WEAK[KEY] = 1", "WEAK[KEY] = 2", "d", why="by the statements that make and change it"),
    changed("frame's notes", _HANDLES, 'FRAME.attrs["a"] = 1', 'FRAME.attrs["a"] = 2', "e", why="by value"),
    changed("lock", _HANDLES, "threading.Lock()", "threading.RLock()", "a", why="by type and statement"),
    changed("logger", _HANDLES, 'getLogger("one")', 'getLogger("two")', "a", why="by type and statement"),
    changed("initial content of a cache", _HANDLES, "CACHE = {}", "CACHE = {1: 3}", "a", why="by value"),
    changed("beside handles", _HANDLES, 'Counter("ab")', 'Counter("ac")', "b", why="kept apart"),
    changed("instances that hold each other", _CLASSES, 'Node("b")', 'Node("c")', "a", why="cycles end"),
    changed("instance that raises at everything", _CLASSES, "HOSTILE.level = 1", "HOSTILE.level = 2", "b", why="none of it is called"),
)  # fmt: skip
