"""Changes that change nothing.

The syntax tree counts, without positions, comments, docstrings and hints: what cannot change a result runs nothing.
"""

from fingerprint_cases.case import Delete, Write, case, changed, project, stage

_FILES = project(
    '''
    """The pipeline."""
    import json  # unused

    # a comment
    LIMIT = 1000
    NAMES = ["a", 'b']

    def helper(x):
        """What it does."""
        # why
        return (x + LIMIT) if x else {"k": [1, 2]}

    def second(x: int) -> int:
        y: int = x
        return y + 1

    class Model:
        """A model."""

        size = 3

        def run(self):
            """Run it."""
            return self.size

        def stop(self):
            return None
    ''',
    stage("a", "helper(1)"),
    stage("b", "second(1)"),
    stage("c", "Model().run()"),
    stage("d", "NAMES"),
    helpers="def used(x):\n    return x\n",
)

_ORDER = project(
    """
    def first(x):
        return second(x) + 1

    def second(x):
        return x
    """,
    stage("a", "first(1)"),
    stage("b", "second(1)"),
)

CASES = (
    changed("comment above", _FILES, "# a comment", "# another\n# two lines now", why="comments do not count"),
    changed("comment inside", _FILES, "# why", "# because\n    # really", why="comments do not count"),
    changed("comment removed", _FILES, "    # why\n", "", why="comments do not count"),
    changed("blank lines", _FILES, "def helper", "\n\n\ndef helper", why="lines move, code does not"),
    changed("docstring of a function", _FILES, "What it does.", "Something else.", why="nobody reads it"),
    changed("docstring removed", _FILES, '    """What it does."""\n', "", why="nobody reads it"),
    changed("docstring added", _FILES, "    y: int = x", '    """New."""\n    y: int = x', why="nobody reads it"),
    changed("docstring of a module", _FILES, "The pipeline.", "A pipeline.", why="nobody reads it"),
    changed("docstring of a class", _FILES, "A model.", "The model.", why="nobody reads it"),
    changed("docstring of a method", _FILES, "Run it.", "Runs.", why="nobody reads it"),
    changed("quotes", _FILES, '["a", \'b\']', "['a', \"b\"]", why="the same strings"),
    changed("parentheses", _FILES, "(x + LIMIT) if x", "x + LIMIT if x", why="the same tree"),
    changed("trailing comma and line breaks", _FILES, '{"k": [1, 2]}', '{\n        "k": [\n            1, 2,\n        ],\n    }', why="layout"),
    changed("digits grouped", _FILES, "1000", "1_000", why="the same number"),
    changed("indentation", _FILES, "    y: int = x\n    return y + 1", "        y: int = x\n        return y + 1", why="layout"),
    changed("hints of a signature", _FILES, "(x: int) -> int", "(x: float) -> float", why="nobody reads them"),
    changed("hints removed", _FILES, "(x: int) -> int", "(x)", why="nobody reads them"),
    changed("hint of a variable", _FILES, "y: int = x", "y: float = x", why="nobody reads it"),
    changed("hint of a variable removed", _FILES, "y: int = x", "y = x", why="nobody reads it"),
    changed("unused import added", _FILES, "import json  # unused", "import json\nimport csv", why="nobody uses it"),
    changed("unused import removed", _FILES, "import json  # unused", "", why="nobody uses it"),
    changed("unused project import", _FILES, "import json  # unused", "import helpers", why="it does nothing"),
    changed("unused constant added", _FILES, "LIMIT =", "SPARE = 4\nLIMIT =", why="nobody uses it"),
    changed("function added", _FILES, "def helper", "def extra():\n    return 1\n\ndef helper", why="nobody calls it"),
    changed("pass added", _FILES, "    y: int = x", "    pass\n    y: int = x", why="it does nothing"),
    changed("ellipsis added", _FILES, "    y: int = x", "    ...\n    y: int = x", why="it does nothing"),
    changed("string as a comment", _FILES, "    y: int = x", "    y: int = x\n    'note'", why="it does nothing"),
    changed("other stage", _FILES, "second(1)", "second(2)", "b", why="stages are apart"),
    case(
        "order of methods",
        _FILES,
        Write(
            "pipeline.py",
            _FILES["pipeline.py"]
            .replace("    def stop(self):\n        return None\n", "")
            .replace("    size = 3\n", "    size = 3\n\n    def stop(self):\n        return None\n"),
        ),
        why="a class is the same in any order of its methods",
    ),
    case(
        "order of definitions",
        _ORDER,
        Write(
            "pipeline.py",
            project(
                """
                def second(x):
                    return x

                def first(x):
                    return second(x) + 1
                """,
                stage("b", "second(1)"),
                stage("a", "first(1)"),
            )["pipeline.py"],
        ),
        why="definitions may stand in any order",
    ),
    case("stage added", _ORDER, Write("pipeline.py", _ORDER["pipeline.py"] + stage("z", "1")), reruns="z", why="only it"),
    case("unrelated file", _ORDER, Write("notes.py", "X = 1\n"), why="nobody imports it"),
    case("unrelated text file", _ORDER, Write("README.md", "hello\n"), why="not code"),
    case("unused module deleted", _FILES, Delete("helpers.py"), why="nobody imports it"),
    changed(
        "type checking imports",
        project(
            """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                from helpers import Used

            def f(x: "Used") -> "Used":
                return x
            """,
            stage("a", "f(1)"),
            helpers="class Used:\n    size = 1\n",
        ),
        "size = 1", "size = 2", path="helpers.py", why="for type checkers only",
    ),
    changed(
        "type alias",
        project("type Number = int\n\ndef f(x: Number):\n    return x", stage("a", "f(1)")),
        "= int", "= int | float", why="nobody reads it",
    ),
    changed(
        "type parameters",
        project("def f[T](x: T) -> T:\n    return x", stage("a", "f(1)")),
        "[T]", "[T: int]", why="nobody reads them",
    ),
    changed(
        "overloads",
        project(
            """
            from typing import overload

            @overload
            def f(x: int) -> int: ...
            @overload
            def f(x: str) -> str: ...
            def f(x):
                return x
            """,
            stage("a", "f(1)"),
        ),
        "def f(x: str) -> str: ...", "def f(x: bytes) -> bytes: ...", why="for type checkers only",
    ),
    changed(
        "main block",
        project("def f(x):\n    return x", stage("a", "f(1)"), 'if __name__ == "__main__":\n    print("one")\n'),
        '"one"', '"two"', why="not run when the file is loaded as a pipeline",
    ),
    changed(
        "arguments of the stage decorator",
        project("X = 1", '@stage(outs=[\n    "a.txt",\n])\ndef a():\n    Path("a.txt").write_text("1")\n'),
        '[\n    "a.txt",\n]', '["a.txt"]', why="the decorator is the tool's",
    ),
    changed("line continuation", _FILES, "return self.size", "return \\\n            self.size", why="layout"),
    changed("implicit concatenation", project('TEXT = "ab"', stage("a", "TEXT")), '"ab"', '"a" "b"', why="the same string"),
    changed("raw string", project('TEXT = "a\\\\d"', stage("a", "TEXT")), '"a\\\\d"', 'r"a\\d"', why="the same string"),
    changed("import order", project("import json\nimport math", stage("a", "math.pi"), stage("b", "json.dumps(1)")),
            "import json\nimport math", "import math\nimport json", why="order of imports"),
    changed("semicolons", project("def f(x):\n    y = x\n    return y", stage("a", "f(1)")),
            "y = x\n    return y", "y = x; return y", why="layout"),
)  # fmt: skip
