"""What cannot be seen in the code, and the way to name it.

Nothing in a function's source says which class a pickle holds or which script a command line starts. `deps` and
`code_deps` name such things, `ignore_code` takes away what does not matter.
"""

from fingerprint_cases.case import Write, case, changed, project, stage


def _declared(name: str, result: str, options: str, before: str = "") -> str:
    """The source of a stage as `stage` gives it, with more options."""
    return stage(name, result, before).replace('.txt"])', f'.txt"], {options})', 1)


_PICKLE = project(
    """
    import pickle

    STORED = b"cshapes\\nSquare\\n(tR."

    def load():
        return pickle.loads(STORED).area()
    """,
    stage("a", "load()"),
    _declared("b", "load()", 'code_deps=["shapes.py"]'),
    shapes="class Square:\n    def area(self):\n        return 1\n",
)

_SCRIPT = project(
    """
    import subprocess
    import sys

    def call():
        return subprocess.check_output([sys.executable, "tool.py"], text=True)
    """,
    stage("a", "call()"),
    _declared("b", "call()", 'code_deps=["tool.py"]'),
    tool="print(1)\n",
)

_QUERY = project(
    """
    def query(name):
        return Path(name + ".sql").read_text()
    """,
    stage("a", "query('query')"),
    _declared("b", "query('query')", 'code_deps=["query.sql"]'),
) | {"query.sql": "select 1"}

_WORLD = project(
    "import one\nimport two",
    one="""
    import random
    from pathlib import Path

    from pivot import stage

    @stage(outs=["a.txt"])
    def a():
        Path("a.txt").write_text(str(random.random()))
    """,
    two="import random\n\nrandom.seed(1)\n",
)

_STRINGS = project(
    """
    import registry

    def run(name):
        return registry.find(name)()
    """,
    stage("a", "run('plugins:one')"),
    "import plugins\n\n\n" + _declared("b", "run('plugins:one')", "code_deps=[plugins.one]"),
    registry="""
    from importlib.metadata import EntryPoint

    def find(name):
        return EntryPoint("one", name, "tools").load()
    """,
    plugins="def one():\n    return 1\n",
)

_IGNORED = project(
    """
    import tracing

    def traced(x):
        tracing.note(x)
        return x
    """,
    stage("a", "traced(1)"),
    _declared("b", "traced(1)", 'ignore_code=["tracing"]'),
    _declared("c", "traced(1)", "ignore_code=[tracing.note]"),
    tracing="def note(x):\n    return format(x)\n\ndef format(x):\n    return f'saw {x}'\n",
)

CASES = (
    changed("class that only a pickle names", _PICKLE, "return 1", "return 2", "b", path="shapes.py", why="b has the file in code_deps; a does not"),
    changed("script run by a subprocess", _SCRIPT, "print(1)", "print(2)", "b", path="tool.py", why="b has the file in code_deps; a does not"),
    changed("file read by a computed path", _QUERY, "select 1", "select 2", "b", path="query.sql", why="b has the file in code_deps; a does not"),
    changed("seed set by a module of another stage", _WORLD, "seed(1)", "seed(2)", path="two.py",
            why="only what the stage's own modules import counts; import two where it matters"),
    changed("function that a library looks up by a string", _STRINGS, "return 1", "return 2", "b", path="plugins.py", why="b has the function in code_deps; a does not"),
    changed("code left out on purpose", _IGNORED, "return format(x)", "return None", "a", path="tracing.py", why="b and c have it in ignore_code"),
    changed("what is called by code left out on purpose", _IGNORED, "saw", "seen", "a", path="tracing.py", why="b and c reach it no other way"),
    case("file added beside the files named", _SCRIPT, Write("other.py", "print(3)\n"), why="nobody names it"),
)  # fmt: skip
