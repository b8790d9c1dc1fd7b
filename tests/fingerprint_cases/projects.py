"""Larger pieces, as they are found in projects: settings, experiments, plugins, base classes, test doubles.

The single rules above, put together as they meet in real projects.
"""

from fingerprint_cases.case import Delete, Replace, Write, case, changed, project, stage

_SRC = {
    "pipeline.py": project(
        "import sys\nsys.path.insert(0, str(Path(__file__).parent / 'src'))\nfrom features import build",
        stage("a", "build(1)"),
        stage("b", "score(1)", "from models.linear import score"),
    )["pipeline.py"],
    "src/features.py": "from common import scale\n\ndef build(x):\n    return scale(x)\n",
    "src/common.py": "FACTOR = 2\n\ndef scale(x):\n    return x * FACTOR\n\ndef clip(x):\n    return min(x, 9)\n",
    "src/models/__init__.py": "",
    "src/models/linear.py": "from common import clip\n\ndef score(x):\n    return clip(x)\n",
}

_EXPERIMENT = project(
    """
    from config import Settings, load
    from steps import STEPS, run_steps

    SETTINGS = load("fast")
    """,
    stage("trained", "run_steps(SETTINGS)"),
    stage("reported", "Settings.describe(SETTINGS)"),
    stage("apart", "1"),
    config="""
    from dataclasses import dataclass, replace

    @dataclass(frozen=True)
    class Settings:
        rate: float = 0.1
        epochs: int = 3

        def describe(self):
            return f"{self.rate}/{self.epochs}"

    PRESETS = {"fast": Settings(epochs=1), "slow": Settings(epochs=9)}

    def load(name):
        return replace(PRESETS[name], rate=0.2)
    """,
    steps="""
    from typing import Callable

    STEPS: list[Callable] = []

    def step(f):
        STEPS.append(f)
        return f

    @step
    def clean(settings):
        return settings.rate

    @step
    def fit(settings):
        return settings.epochs * _weight()

    def _weight():
        return 2

    def run_steps(settings):
        return [f(settings) for f in STEPS]
    """,
)

_TEMPLATE = project(
    """
    from base import Job

    class Train(Job):
        name = "train"

        def work(self):
            return 1

    class Test(Job):
        name = "test"

        def work(self):
            return 2

    JOBS = {cls.name: cls for cls in Job.known}
    """,
    stage("a", "Train().execute()"),
    stage("b", "Test().execute()"),
    stage("c", "JOBS['train']().execute()"),
    base="""
    class Job:
        known = []
        retries = 3

        def __init_subclass__(cls, **options):
            super().__init_subclass__(**options)
            Job.known.append(cls)

        def execute(self):
            return self.work() + self.retries

        def work(self):
            raise NotImplementedError
    """,
)

_LOOP = project(
    """
    from functools import partial

    def fit(size, extra=0):
        return size + helper() + extra

    def helper():
        return 1

    for size in (1, 2):
        def run(size=size):
            Path(f"fit{size}.txt").write_text(str(fit(size)))
        run.__name__ = f"fit{size}"
        stage(run, outs=[f"fit{size}.txt"])
    """,
    stage("other", "1"),
)

_BESIDE = project(
    "import lib.texts",
    stage("a", "lib.texts.query()"),
    stage("b", "lib.texts.table()"),
    stage("c", "packaged()", "from lib.texts import packaged"),
    stage("d", "lib.texts.remembered()"),
    stage("e", "later()", "from lib.unloaded import later"),
    lib____init__="",
    lib__texts="""
    import os
    from importlib.resources import files
    from pathlib import Path

    HERE = Path(__file__).parent
    CACHE = HERE / "cache.json"

    def query():
        name = "query.sql"
        return (HERE / name).read_text()

    def table():
        with open(os.path.join(os.path.dirname(__file__), "data", "table.csv")) as file:
            return file.read()

    def packaged():
        return files("lib").joinpath("packaged.txt").read_text()

    def remembered():
        remember()
        return CACHE.read_text()

    def remember():
        CACHE.write_text("1")
        with (HERE / "log.txt").open("a") as log:
            log.write("x")
    """,
    lib__unloaded="""
    from pathlib import Path

    def later():
        return Path(__file__).with_name("query.sql").read_text()
    """,
) | {"lib/query.sql": "select 1", "lib/data/table.csv": "x", "lib/packaged.txt": "one", "lib/cache.json": "1"}

_OPENED = project(
    """
    import json
    import os

    from settings import load_settings

    LIMITS = Path("conf") / "limits.json"

    def queried():
        path = "query.sql"
        with open(path) as file:
            return file.read()

    def cached():
        place = Path("cache.json")
        if not place.exists():
            place.write_text("1")
        return place.read_text()

    def named(path=os.path.join("conf", "names.txt")):
        return open(path).read()
    """,
    stage("a", "queried()"),
    stage("b", "json.loads(LIMITS.read_text())"),
    stage("c", "load_settings('conf/settings.json')"),
    stage("d", "named()"),
    stage("e", "cached()"),
    settings="""
    import json

    def load_settings(path):
        return json.loads(open(path).read())
    """,
) | {
    "query.sql": "select 1",
    "conf/limits.json": "1",
    "conf/settings.json": "1",
    "conf/names.txt": "one",
    "conf/other.txt": "one",
    "cache.json": "1",
}

_TOLD = project(
    """
    import importlib.resources
    import os
    import pkgutil

    import lib
    from lib import Query

    def _load(path):
        return open(path).read()

    def joined():
        directory = os.path.join("conf", "deep")
        place = os.path.join(directory, "a.sql")
        with open(place) as file:
            return file.read()
    """,
    stage("a", "joined()"),
    stage("b", "_load('conf/b.sql')"),
    stage("c", "_load(path='conf/c.sql')"),
    stage("d", "importlib.resources.read_text('lib', 'd.sql')"),
    stage("e", "pkgutil.get_data('lib', 'e.sql')"),
    stage("f", "importlib.resources.files(lib).joinpath('f.sql').read_text()"),
    stage("g", "Query.from_file('conf/g.sql')"),
    stage("h", "lib.own()"),
    stage("i", "len('conf/x.sql')"),
    lib____init__="""
    from importlib.resources import files

    class Query:
        @classmethod
        def from_file(cls, path):
            return open(path).read()

    def own():
        return (files(__package__) / "h.sql").read_text()
    """,
) | dict.fromkeys(
    ("conf/deep/a.sql", *(f"conf/{name}.sql" for name in "bcgx"), *(f"lib/{name}.sql" for name in "defh")), "one"
)

CASES = (
    changed("source directory on sys.path", _SRC, "x * FACTOR", "x + FACTOR", "a", path="src/common.py", why="project code"),
    changed("source directory, lazily", _SRC, "min(x, 9)", "min(x, 8)", "b", path="src/common.py", why="project code"),
    changed("preset that is used", _EXPERIMENT, "epochs=1", "epochs=2", "trained reported", path="config.py", why="the value of SETTINGS"),
    changed("preset that is not used", _EXPERIMENT, "epochs=9", "epochs=8", path="config.py", why="SETTINGS is the same"),
    changed("function that made the settings", _EXPERIMENT, "rate=0.2", "rate=0.3", "trained reported", path="config.py", why="another value"),
    changed("function that made the settings, same result", _EXPERIMENT, "rate=0.2", "rate=0.1 * 2", path="config.py", why="the same value"),
    changed("method of the settings", _EXPERIMENT, "{self.rate}/", "{self.rate}|", "trained reported", path="config.py",
                 why="the class of a value"),
    changed("registered step", _EXPERIMENT, "return settings.rate", "return -settings.rate", "trained", path="steps.py", why="in the list"),
    changed("helper of a registered step", _EXPERIMENT, "return 2", "return 3", "trained", path="steps.py", why="called by a step"),
    changed("step added", _EXPERIMENT, "def _weight", "@step\ndef save(settings):\n    return 0\n\ndef _weight", "trained", path="steps.py",
            why="the list grew"),
    changed("annotation of a registry", _EXPERIMENT, "list[Callable]", "list", path="steps.py", why="nobody reads it"),
    changed("template method", _TEMPLATE, "self.work() + self", "self.work() - self", "a b c", path="base.py", why="inherited"),
    changed("attribute of a template", _TEMPLATE, "retries = 3", "retries = 4", "a b c", path="base.py", why="inherited"),
    changed("stages declared in a loop", _LOOP, "return 1", "return 2", "fit1 fit2", why="all of them call it"),
    changed("one of the stages declared in a loop", _LOOP, "in (1, 2)", "in (1, 3)", "fit3", why="a new one; the first is the same"),
    changed("beside a loop", _LOOP, "extra=0", "extra=1", "fit1 fit2", why="a default of what they call"),
    case("helper renamed everywhere", _LOOP, Replace("pipeline.py", "helper", "assist"), reruns="fit1 fit2", why="other names, other text"),
    case("module deleted that nobody uses", _SRC | {"src/old.py": "X = 1\n"}, Delete("src/old.py"), why="nobody imports it"),
    case("file that shadows the standard library", project(
        "import colorsys", stage("a", "colorsys.rgb_to_hsv(0, 0, 0)"), stage("b", "1")
    ), Write("colorsys.py", "def rgb_to_hsv(*args):\n    return args\n"), reruns="a", why="the project comes first"),
    changed("query beside the code", _BESIDE, "1", "2", "a e", path="lib/query.sql", why="code names it by way of __file__, loaded or not"),
    changed("table below the code", _BESIDE, "x", "y", "b", path="lib/data/table.csv", why="code names it by way of __file__"),
    changed("text of a package", _BESIDE, "one", "two", "c", path="lib/packaged.txt", why="importlib.resources finds it in the package"),
    changed("file beside the code that is written", _BESIDE, "1", "2", path="lib/cache.json", why="the module writes it: it is no part of the code"),
    case("file beside the code that nothing names", _BESIDE, Write("lib/other.sql", "select 3"), why="not named"),
    changed("file opened at a constant path", _OPENED, "1", "2", "a", path="query.sql", why="the code names it, below the project's root"),
    changed("file at a path kept in a constant", _OPENED, "1", "2", "b", path="conf/limits.json", why="the code names it"),
    changed("file whose path is handed to a helper that loads", _OPENED, "1", "2", "c", path="conf/settings.json",
            why="by the helper's name, it reads what it is given"),
    changed("file at a path that is a default", _OPENED, "one", "two", "d", path="conf/names.txt", why="the code names it"),
    changed("file opened that the module also writes", _OPENED, "1", "2", path="cache.json", why="a cache is no part of the code"),
    case(
        "files that code tells in many ways",
        _TOLD,
        *(Replace(path, "one", "two") for path in _TOLD if path.endswith(".sql")),
        reruns="a b c d e f g h",
        why="by way of local names, keywords, packages and functions whose names say that they read",
    ),
    changed("file that nothing opens", _OPENED, "one", "two", path="conf/other.txt", why="not named"),
)  # fmt: skip
