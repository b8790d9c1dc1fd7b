"""Packages: relative imports, re-exports, subpackages, and where the project lies.

Code is known by its module and name: packages, re-exports and the place of the checkout are ways to get there.
"""

from fingerprint_cases.case import Write, case, changed, project, stage

_PACKAGE = project(
    "from lib import work\nimport lib.tools.text as text",
    stage("a", "work(1)"),
    stage("b", "text.clean('x')"),
    stage("c", "1"),
    lib____init__="from .core import work\nfrom .core import spare\n",
    lib__core="from . import constants\nfrom .tools.text import clean\n\ndef work(x):\n    return clean(str(x * constants.N))\n\n"
    "def spare():\n    return 1\n",
    lib__constants="N = 2\nM = 3\n",
    lib__tools____init__="",
    lib__tools__text="from ..constants import M\n\ndef clean(s):\n    return s.strip() + suffix()\n\ndef suffix():\n    return str(M)\n\n"
    "def other():\n    return 0\n",
)

_SUBMODULE = project(
    "import lib\nimport lib.sub", stage("a", "lib.sub.f()"), stage("b", "lib.g()"),
    lib____init__="def g():\n    return 1\n", lib__sub="def f():\n    return 2\n",
)  # fmt: skip

_NAMESPACE = project(
    "from space.mod import f",
    stage("a", "f()"),
    stage("b", "1"),
    space__mod="def f():\n    return 1\n\ndef g():\n    return 2\n",
)

_SPLIT = project(
    "from stages import one, two", stage("a", "1"),
    stages____init__="",
    stages__one="from pathlib import Path\nfrom pivot import stage\nfrom lib import f\n\n" + stage("s1", "f()"),
    stages__two="from pathlib import Path\nfrom pivot import stage\n\n" + stage("s2", "g()", "from lib import g"),
    lib="def f():\n    return 1\n\ndef g():\n    return 2\n",
)  # fmt: skip

_HERE = project(
    """
    from pathlib import Path as P
    HERE = P(__file__).parent
    DATA = str(HERE / "data")
    """,
    stage("a", "HERE.name and DATA.endswith('data')"),
    stage("b", "1"),
)

CASES = (
    changed("re-export through __init__", _PACKAGE, "x * constants.N", "x + constants.N", "a", path="lib/core.py",
            why="the function behind the re-export"),
    changed("unused re-export", _PACKAGE, "return 1", "return 2", path="lib/core.py", why="beside the one that is used"),
    changed("relative import of a module", _PACKAGE, "N = 2", "N = 4", "a", path="lib/constants.py", why="from . import"),
    changed("relative import two levels up", _PACKAGE, "M = 3", "M = 4", "a b", path="lib/constants.py", why="from ..constants"),
    changed("import a.b.c as d", _PACKAGE, "s.strip()", "s.lstrip()", "a b", path="lib/tools/text.py", why="deep import"),
    changed("unused in a deep module", _PACKAGE, "return 0", "return 9", path="lib/tools/text.py", why="not reached"),
    changed("re-export now from elsewhere", _PACKAGE, "from .core import work", "from .constants import N as work_n\nfrom .core import spare as work\n"
            "from .core import work", path="lib/__init__.py", why="rebound to the same function at once"),
    changed("submodule attribute", _SUBMODULE, "return 2", "return 3", "a", path="lib/sub.py", why="lib.sub.f"),
    changed("package attribute", _SUBMODULE, "return 1", "return 3", "b", path="lib/__init__.py", why="lib.g"),
    changed("namespace package", _NAMESPACE, "return 1", "return 3", "a", path="space/mod.py", why="without __init__"),
    changed("namespace package, unused", _NAMESPACE, "return 2", "return 3", path="space/mod.py", why="not reached"),
    changed("stages in modules, top import", _SPLIT, "return 1", "return 3", "s1", path="lib.py", why="only the user"),
    changed("stages in modules, lazy import", _SPLIT, "return 2", "return 3", "s2", path="lib.py", why="only the user"),
    changed("stage module, other stage", _SPLIT, "f()", "f() + 1", "s1", path="stages/one.py", why="only that stage"),
    changed("other stage module drops its import", _SPLIT, "from lib import f\n", "def f():\n    return 1\n", "s1",
            path="stages/one.py", why="whether somebody else loads lib does not count for s2"),
    changed("path below the root", _HERE, '"data"', '"data2"', "a", why="the path changed"),
    changed("unused code beside paths", _HERE, "HERE = ", "X = 1\nHERE = ", why="the root is the same"),
    case("empty __init__ gains a function", _PACKAGE, Write("lib/tools/__init__.py", "def extra():\n    return 1\n"),
         why="nobody calls it"),
    case("new module in a package", _PACKAGE, Write("lib/new.py", "X = 1\n"), why="nobody imports it"),
)  # fmt: skip
