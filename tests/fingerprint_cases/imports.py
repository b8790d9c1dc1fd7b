"""Code in other modules of the project, by every form of import at the top of a file.

How a helper is imported is a matter of taste, and `module.NAME` is the attribute that is used: neither the form nor
the rest of the module counts.
"""

from fingerprint_cases.case import Case, Write, case, changed, project, stage

_UTILS = """
LIMIT = 3
SPARE = 4

def helper(x):
    return _inner(x) + LIMIT

def _inner(x):
    return x + 1

def unused(x):
    return x - 1
"""

_FORMS = {
    "import m": ("import utils", "utils.helper(1)"),
    "import m as": ("import utils as u", "u.helper(1)"),
    "from m import f": ("from utils import helper", "helper(1)"),
    "from m import f as": ("from utils import helper as h", "h(1)"),
    "from m import star": ("from utils import *", "helper(1)"),
    "import under try": ("try:\n    import utils\nexcept ImportError:\n    utils = None", "utils.helper(1)"),
    "import under if": ("if True:\n    from utils import helper", "helper(1)"),
    "import_module": ('import importlib\nutils = importlib.import_module("utils")', "utils.helper(1)"),
    "__import__": ('utils = __import__("utils")', "utils.helper(1)"),
    "getattr of a module": ("import utils", 'getattr(utils, "helper")(1)'),
}


def _form(name: str, top: str, call: str) -> list[Case]:
    files = project(top, stage("a", call), stage("b", "1"), utils=_UTILS)
    return [
        changed(f"{name}: helper", files, "+ LIMIT", "- LIMIT", "a", path="utils.py", why="the helper's body"),
        changed(
            f"{name}: helper of the helper", files, "x + 1", "x + 2", "a", path="utils.py", why="and what it calls"
        ),
        changed(f"{name}: constant", files, "LIMIT = 3", "LIMIT = 5", "a", path="utils.py", why="and what it reads"),
        changed(f"{name}: unused function", files, "x - 1", "x - 2", path="utils.py", why="not used from there"),
        changed(
            f"{name}: unused constant", files, "SPARE = 4", "SPARE = 5", path="utils.py", why="not used from there"
        ),
    ]


_ATTRIBUTE = project(
    "import settings", stage("a", "settings.RATE"), stage("b", "settings.DEPTH"), settings="RATE = 1\nDEPTH = 2\n"
)

_CHAIN = project(
    "from one import f", stage("a", "f()"), stage("b", "1"),
    one="from two import g\n\ndef f():\n    return g()\n",
    two="import three\n\ndef g():\n    return three.VALUE\n",
    three="VALUE = 1\nOTHER = 2\n",
)  # fmt: skip

_CYCLE = project(
    "import left", stage("a", "left.f(2)"), stage("b", "1"),
    left="import right\n\ndef f(n):\n    return right.g(n - 1) if n else 0\n",
    right="import left\n\ndef g(n):\n    return left.f(n) + 1\n",
)  # fmt: skip

_SAME_NAME = project(
    "import one\nimport two", stage("a", "one.f()"), stage("b", "two.f()"),
    one="def _impl():\n    return 1\n\ndef f():\n    return _impl()\n",
    two="def _impl():\n    return 2\n\ndef f():\n    return _impl()\n",
)  # fmt: skip

_TWO_NAMES = project(
    "from utils import f as one, g as two", stage("a", "one() - two()"),
    utils="def f():\n    return 1\n\ndef g():\n    return 2\n",
)  # fmt: skip

_FALLBACK = project(
    """
    try:
        from fast import work
    except ImportError:
        from slow import work
    """,
    stage("a", "work()"),
    stage("b", "1"),
    slow="def work():\n    return 1\n",
)

_GETATTR = project(
    "import config", stage("a", "config.ANYTHING"), stage("b", "config.FIXED"),
    config="FIXED = 1\n\ndef __getattr__(name):\n    return name.lower() + str(_suffix())\n\ndef _suffix():\n    return 1\n",
)  # fmt: skip

CASES = (
    *(item for name, (top, call) in _FORMS.items() for item in _form(name, top, call)),
    changed("module attribute used", _ATTRIBUTE, "RATE = 1", "RATE = 9", "a", path="settings.py", why="by attribute"),
    changed("module attribute not used", _ATTRIBUTE, "DEPTH = 2", "DEPTH = 9", "b", path="settings.py", why="by attribute"),
    changed("constant three modules away", _CHAIN, "VALUE = 1", "VALUE = 2", "a", path="three.py", why="transitively"),
    changed("neighbour three modules away", _CHAIN, "OTHER = 2", "OTHER = 3", path="three.py", why="not reached"),
    changed("modules that import each other", _CYCLE, "+ 1", "+ 2", "a", path="right.py", why="cycles are walked once"),
    changed("same name in two modules", _SAME_NAME, "return 1", "return 3", "a", path="one.py", why="kept apart"),
    changed("same name in the other module", _SAME_NAME, "return 2", "return 3", "b", path="two.py", why="kept apart"),
    changed("imports swapped", _TWO_NAMES, "f as one, g as two", "g as one, f as two", "a", why="the names trade places"),
    case("optional module appears", _FALLBACK, Write("fast.py", "def work():\n    return 1 + 0\n"), reruns="a",
         why="the first import now works"),
    changed("fallback module", _FALLBACK, "return 1", "return 2", "a", path="slow.py", why="the import that worked"),
    changed("module __getattr__", _GETATTR, "lower()", "upper()", "a", path="config.py", why="it answers for the name"),
    changed("helper of a module __getattr__", _GETATTR, "return 1", "return 2", "a", path="config.py", why="and calls this"),
    changed("attribute beside a module __getattr__", _GETATTR, "FIXED = 1", "FIXED = 2", "b", path="config.py",
            why="found without it"),
    changed("star import with __all__",
            project("from utils import *", stage("a", "f()"), stage("b", "1"),
                    utils='__all__ = ["f"]\n\ndef f():\n    return 1\n\ndef g():\n    return 2\n'),
            "return 1", "return 3", "a", path="utils.py", why="given by __all__"),
    changed("star import of a star import",
            project("from one import *", stage("a", "f()"), stage("b", "1"),
                    one="from two import *\n", two="def f():\n    return 1\n\ndef g():\n    return 2\n"),
            "return 1", "return 3", "a", path="two.py", why="through two stars"),
    changed("module in a dict",
            project("import one, two\nMODELS = {'one': one}", stage("a", "MODELS['one'].f()"), stage("b", "two.f()"),
                    one="def f():\n    return 1\n", two="def f():\n    return 2\n"),
            "return 1", "return 3", "a", path="one.py", why="held as a whole: all of it counts"),
    changed("module handed on",
            project("import one\n\ndef run(module):\n    return module.f()", stage("a", "run(one)"), stage("b", "1"),
                    one="def f():\n    return 1\n"),
            "return 1", "return 3", "a", path="one.py", why="handed on as a whole: all of it counts"),
    changed("module under another local name",
            project("import one\n\ndef run():\n    m = one\n    return m.f()", stage("a", "run()"), stage("b", "1"),
                    one="def f():\n    return 1\n"),
            "return 1", "return 3", "a", path="one.py", why="used as a whole: all of it counts"),
    changed("re-exported constant",
            project("from one import LIMIT", stage("a", "LIMIT"), stage("b", "1"), one="from two import LIMIT\n",
                    two="LIMIT = 1\nOTHER = 2\n"),
            "LIMIT = 1", "LIMIT = 2", "a", path="two.py", why="by way of another module"),
    changed("import moved to another module of the same constant",
            project("from one import LIMIT", stage("a", "LIMIT + other()"), stage("b", "1"),
                    one="LIMIT = 1\n", two="def f():\n    return 1\n") | {"x.py": ""}
            | {"pipeline.py": project("from one import LIMIT\n\ndef other():\n    return 0", stage("a", "LIMIT + other()"),
                                      stage("b", "1"))["pipeline.py"]},
            "return 0", "return 1", "a", why="a helper beside an import"),
)  # fmt: skip
