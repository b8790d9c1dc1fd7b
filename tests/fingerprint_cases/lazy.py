"""Imports inside functions: followed by source, whether or not the module is loaded.

Pipelines import inside functions to start fast. Such modules are read, not imported, and count the same whether or
not somebody else has loaded them.
"""

from fingerprint_cases.case import Case, Delete, Write, case, changed, project, stage

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
    "lazy import m": ("import utils", "utils.helper(1)"),
    "lazy import m as": ("import utils as u", "u.helper(1)"),
    "lazy from m import f": ("from utils import helper", "helper(1)"),
    "lazy from m import f as": ("from utils import helper as h", "h(1)"),
    "lazy import under try": ("try:\n    import utils\nexcept ImportError:\n    utils = None", "utils.helper(1)"),
    "lazy import under if": ("if True:\n    from utils import helper", "helper(1)"),
    "lazy import_module": ('import importlib\nutils = importlib.import_module("utils")', "utils.helper(1)"),
    "lazy import_module, direct": ("import importlib", 'importlib.import_module("utils").helper(1)'),
    "lazy __import__": ("", '__import__("utils").helper(1)'),
    "lazy getattr": ("import utils", 'getattr(utils, "helper")(1)'),
}


def _form(name: str, before: str, call: str) -> list[Case]:
    files = project("", stage("a", call, before), stage("b", "1"), utils=_UTILS)
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


_IN_HELPER = project(
    "def f():\n    from utils import helper\n    return helper(1)", stage("a", "f()"), stage("b", "1"), utils=_UTILS
)

_PACKAGE = project(
    "", stage("a", "work(1)", "from lib import work"), stage("b", "lib.tools.f()", "import lib.tools"), stage("c", "1"),
    lib____init__="from .core import work\n", lib__core="from .constants import *\n\ndef work(x):\n    return x * N\n",
    lib__constants="N = 2\nM = 3\n", lib__tools="def f():\n    return 1\n",
)  # fmt: skip

_SHARED = project(
    "import utils", stage("a", "utils.unused(1)"), stage("b", "helper(1)", "from utils import helper"), utils=_UTILS
)

_NESTED = project(
    "",
    stage("a", "inner()", "import utils\ndef inner():\n    return utils.helper(1)"),
    stage("b", "[utils.LIMIT for _ in range(1)]", "import utils"),
    utils=_UTILS,
)

_OPTIONAL = project(
    """
    def work():
        try:
            import fast
        except ImportError:
            return 1
        return fast.work()
    """,
    stage("a", "work()"),
    stage("b", "1"),
)

_OPTIONAL_UNUSED = project(
    """
    def has_fast():
        try:
            import fast
        except ImportError:
            return False
        return True
    """,
    stage("a", "has_fast()"),
    stage("b", "1"),
)

_UNUSED = project("", stage("a", "1", "import utils"), stage("b", "1"), utils=_UTILS)

CASES = (
    *(item for name, (before, call) in _FORMS.items() for item in _form(name, before, call)),
    changed("lazy import in a helper", _IN_HELPER, "x + 1", "x + 2", "a", path="utils.py", why="inside a helper's body"),
    changed("lazy import in a helper, unused", _IN_HELPER, "x - 1", "x + 2", path="utils.py", why="not used from there"),
    changed("lazy re-export", _PACKAGE, "x * N", "x + N", "a", path="lib/core.py", why="through __init__"),
    changed("lazy star import", _PACKAGE, "N = 2", "N = 4", "a", path="lib/constants.py", why="through a star"),
    changed("lazy star import, unused", _PACKAGE, "M = 3", "M = 4", path="lib/constants.py", why="not used"),
    changed("lazy submodule", _PACKAGE, "return 1", "return 2", "b", path="lib/tools.py", why="lib.tools.f"),
    changed("module also loaded elsewhere", _SHARED, "x + 1", "x + 2", "b", path="utils.py", why="seen either way"),
    changed("unused top import of a lazily used module",
            project("import utils", stage("a", "TABLE", "from utils import TABLE"), stage("b", "1"),
                    utils="def build():\n    return {1: 2}\n\nTABLE = build()\n"),
            "import utils", "", why="whether the module is loaded already does not count"),
    changed("unused top import of a lazily used module added",
            project("", stage("a", "TABLE", "from utils import TABLE"), stage("b", "1"),
                    utils="def build():\n    return {1: 2}\n\nTABLE = build()\n"),
            "from pivot import stage", "from pivot import stage\nimport utils",
            why="whether the module is loaded already does not count"),
    changed("lazy import used in a nested function", _NESTED, "x + 1", "x + 2", "a", path="utils.py", why="nested scope"),
    changed("lazy import used in a comprehension", _NESTED, "LIMIT = 3", "LIMIT = 4", "a b", path="utils.py", why="nested scope"),
    case("lazily tried module appears", _OPTIONAL, Write("fast.py", "def work():\n    return 1 + 0\n"), reruns="a",
         why="the import now works"),
    case("lazily tried module goes", _OPTIONAL | {"fast.py": "def work():\n    return 1\n"}, Delete("fast.py"), reruns="a",
         why="the import no longer works"),
    case("lazily tried module appears, unused", _OPTIONAL_UNUSED, Write("fast.py", "X = 1\n"), reruns="a",
         why="whether the import works decides"),
    changed("unused lazy import", _UNUSED, "x + 1", "x + 2", path="utils.py", why="nothing of it is used"),
    changed("unused lazy import removed", _UNUSED, "    import utils\n", "", why="nothing of it was used"),
    changed("lazy import of another function", _IN_HELPER, "import helper\n    return helper(1)",
            "import unused as helper\n    return helper(1)", "a", why="the name means another one"),
    changed("lazy import cycle",
            project("START = 3\nSPARE = 4", stage("a", "f()", "from utils import f"), stage("b", "1"),
                    utils="def f():\n    from pipeline import START\n    return START\n"),
            "START = 3", "START = 4", "a", why="back to the pipeline file"),
    changed("lazy import cycle, unused",
            project("START = 3\nSPARE = 4", stage("a", "f()", "from utils import f"), stage("b", "1"),
                    utils="def f():\n    from pipeline import START\n    return START\n"),
            "SPARE = 4", "SPARE = 5", why="not used from there"),
)  # fmt: skip
