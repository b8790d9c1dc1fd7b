"""Values that differ from load to load: found, told, and no reason to run for ever."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from typed import Typed

NOTICE = "differs between two loads of the same code: it counts by the statement that makes it"


def pipeline(project: Typed, *statements: str, uses: str = "VALUE", before: str = "", last: str = "pass") -> None:
    lines = [before, "import os, random, time, uuid", "from pivot import stage", *statements]
    lines += ["", "@stage(deps='n.txt', outs='a.txt')", "def a():", f"    open('a.txt', 'w').write(repr({uses}))"]
    project.write("pipeline.py", "\n".join([*lines, "", "def unrelated():", f"    {last}", ""]))


@pytest.fixture
def here(project: Typed) -> Typed:
    project.write("n.txt", "1")
    return project


VALUES = {
    "CLOCK": "time.time()",
    "NAME": "uuid.uuid4()",
    "PROCESS": "os.getpid()",
    "CHANCE": "random.random()",
    "PLACES": "[id(object()) for _ in range(3)]",
    "MIXED": "{'at': time.time_ns(), 'n': 1}",
}


def test_volatile_values_are_told_and_run_nothing_again(here: Typed) -> None:
    statements, uses = [f"{name} = {value}" for name, value in VALUES.items()], ", ".join(VALUES)
    pipeline(here, *statements, "STABLE = len('abc')", uses=f"({uses}, STABLE)")
    first = here.pivot("run")
    for line, name in enumerate(VALUES, 4):
        part = "['at']" if name == "MIXED" else ""
        assert f"pipeline.{name}{part} (pipeline.py:{line}) {NOTICE}" in first.stderr
    assert first.stderr.count(NOTICE) == len(VALUES)
    pipeline(here, *statements, "STABLE = len('abc')", uses=f"({uses}, STABLE)", before="# a comment", last="return 1")
    again = here.pivot("run")
    assert "1 up to date" in again.stdout
    assert again.stderr.count(NOTICE) == len(VALUES)
    code = here.pivot("explain", "--code", "a").stdout
    assert code.count("volatile: by its defining statement") == len(VALUES) - 1
    assert code.count("volatile: ['at'] by its defining statement") == 1
    here.pivot("status", "--check")


def test_the_statement_of_a_volatile_value_counts_and_what_it_calls(here: Typed) -> None:
    now = "def now():\n    return time.time() + {}\n"
    pipeline(here, now.format(0), "VALUE = now()")
    here.run()
    pipeline(here, now.format(0), "VALUE = now() + 1")
    assert here.ran() == {"a"}
    assert here.ran("--reload") == set()
    pipeline(here, now.format(5), "VALUE = now() + 1")
    assert here.ran() == {"a"}
    assert here.ran("--reload") == set()


def test_a_value_that_is_volatile_no_more_counts_again(here: Typed) -> None:
    pipeline(here, "VALUE = time.time()")
    here.run()
    here.write("m.txt", "1")
    pipeline(here, "VALUE = open('m.txt').read()")
    assert here.ran() == {"a"}
    here.write("m.txt", "2")
    assert here.ran() == {"a"}


def test_a_stable_computed_value_counts_by_value(here: Typed) -> None:
    here.write("m.txt", "1")
    pipeline(here, "VALUE = [int(line) for line in open('m.txt')]")
    assert NOTICE not in here.pivot("run").stderr
    here.write("m.txt", "2")
    assert here.ran() == {"a"}
    pipeline(here, "VALUE = list(map(int, open('m.txt')))")
    assert here.ran() == set()


def test_a_value_that_turns_out_volatile_later_is_found_then(here: Typed) -> None:
    """A coarse clock gives the same for two loads in a row, so a computed value that changed is compared again."""
    here.write("coarse.txt", "yes")
    statements = "import pathlib\nVALUE = 1 if pathlib.Path('coarse.txt').exists() else time.time()"
    pipeline(here, statements)
    assert NOTICE not in here.pivot("run").stderr
    (here.root / "coarse.txt").unlink()
    assert NOTICE in here.pivot("run").stderr
    assert here.ran("--reload") == set()


def test_a_look_compares_without_writing(here: Typed) -> None:
    pipeline(here, "VALUE = time.time()")
    assert NOTICE in here.pivot("status").stderr
    assert not (here.root / ".pivot").exists()
    here.run()
    assert NOTICE in here.pivot("explain", "--reload").stderr


def test_a_snapshot_knows_what_is_volatile(here: Typed) -> None:
    """What is stale by its deps alone runs with the code of the snapshot: loading gives the same."""
    pipeline(here, "VALUE = time.time()")
    here.run()
    here.write("n.txt", "2")
    told = here.pivot("run")
    assert "1 ran" in told.stdout
    assert NOTICE in told.stderr
    assert here.ran("--reload") == set()


@pytest.mark.parametrize("how", ["raise ValueError", "os._exit(3)", "time.sleep(1000)", "os.kill(os.getpid(), 9)"])
def test_a_second_load_that_fails_or_hangs_is_given_up(here: Typed, how: str) -> None:
    script = f"try:\n    os.mkdir('claimed')\nexcept FileExistsError:\n    {how}"
    pipeline(here, script, "VALUE = time.time()")
    first = here.pivot("run")
    assert "1 ran" in first.stdout
    assert "Traceback" not in first.stderr


def test_a_second_load_prints_nothing_and_leaves_no_process(here: Typed) -> None:
    pipeline(here, "print('loaded', flush=True)", "print(os.getpid(), file=open('pids', 'a'))", "VALUE = time.time()")
    told = here.pivot("run")
    assert (told.stdout + told.stderr).count("loaded") == 1
    pids = here.read("pids").split()
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_without_computed_values_there_is_one_load(here: Typed) -> None:
    count = "print(file=open('loads', 'a'))"
    pipeline(here, count, "VALUE = [1, {'a': -2.5}]")
    here.run()
    assert len(here.read("loads")) == 1
    pipeline(here, count, "VALUE = len('abc')")
    here.run()
    assert len(here.read("loads")) == 3
    pipeline(here, count, "VALUE = len('abc')", before="# nothing new")
    here.run()
    assert len(here.read("loads")) == 4


def test_stages_that_load_for_themselves_know_what_is_volatile(here: Typed) -> None:
    """Where loading leaves a thread nothing is compared, but what was found before holds there too."""
    pipeline(here, "VALUE = time.time()")
    here.run()
    thread = "import threading\nT = threading.Thread(target=time.sleep, args=(1000,), daemon=True)\nT.start()"
    pipeline(here, thread, "VALUE = time.time()")
    assert here.ran() == set()
    assert here.ran("--force") == {"a"}


def test_the_values_that_were_found_are_in_the_events(here: Typed) -> None:
    pipeline(here, "VALUE = time.time()")
    events = [json.loads(line) for line in here.pivot("run", "--json").stdout.splitlines()]
    assert [event["message"] for event in events if event["event"] == "notice"] == [
        f"pipeline.VALUE (pipeline.py:4) {NOTICE}"
    ]


PARTS = {
    "pipeline.Kept.AT": ("class Kept:\n    AT = time.time()", "Kept.AT"),
    "pipeline.f, default of x": ("def f(x=time.time()):\n    return x", "f()"),
    "pipeline.g, default of x": ("def g(*, x=uuid.uuid4()):\n    return x", "g()"),
    "pipeline.h, start of its closure": (
        "def make():\n    start = time.time()\n    def inner():\n        return start\n    return inner\nh = make()",
        "h()",
    ),
    "pipeline.p, argument 1": ("import functools\np = functools.partial(print, 1, time.time())", "p()"),
    "pipeline.k.at": ("def k(): pass\nk.at = time.time()", "k.at"),
    "pipeline.INSTANCE.at": (
        "class Own:\n    def __init__(self):\n        self.at, self.n = time.time(), 1\nINSTANCE = Own()",
        "INSTANCE.n",
    ),
    "pipeline.w, at of its closure": (
        (
            "def timed(f):\n    at = time.time()\n    def wrapper():\n        return f(), at\n    return wrapper\n"
            "@timed\ndef w(): pass"
        ),
        "w()",
    ),
    "pipeline.Box.m, default of x": ("class Box:\n    def m(self, x=os.urandom(8)):\n        return x", "Box().m()"),
}


def test_what_a_stage_is_made_with_may_be_volatile(here: Typed) -> None:
    """Of a partial its arguments, of a bound method its object's attributes."""
    here.write(
        "pipeline.py",
        """
        import functools, time
        from pivot import stage

        def work(n, at):
            open("a.txt", "w").write("done")

        class Job:
            def __init__(self):
                self.at = time.time()

            def run(self):
                open("b.txt", "w").write("done")

        stage(functools.partial(work, 1, at=time.time()), name="a", outs=["a.txt"])
        stage(Job().run, name="b", outs=["b.txt"])
        """,
    )
    told = here.pivot("run").stderr
    assert "pipeline.work, argument at (pipeline.py:" in told
    assert "pipeline.Job.run, its object.at (pipeline.py:" in told
    assert here.ran("--reload") == set()


BESIDE = [
    ("VALUE = {'at': time.time(), 'read': open('m.txt').read()}", "VALUE"),
    ("class C:\n    AT = time.time()\n    READ = open('m.txt').read()", "(C.AT, C.READ)"),
    ("def f(at=time.time(), read=open('m.txt').read()):\n    return read", "f()"),
    (
        "class O:\n    def __init__(self):\n        self.at, self.n = time.time(), open('m.txt').read()\nV = O()",
        "V.n",
    ),
]


def one_stage_each(project: Typed, parts: Iterable[tuple[str, str]]) -> set[str]:
    """Write a pipeline with a stage for each pair of statements and what uses them. Returns the names of the stages."""
    lines, stages = ["import functools, os, time, uuid", "from pivot import stage"], set()
    for number, (statements, uses) in enumerate(parts):
        lines += [statements, f"@stage(outs='{number}.txt')", f"def s{number}():"]
        lines += [f"    open('{number}.txt', 'w').write(repr({uses}))"]
        stages.add(f"s{number}")
    project.write("pipeline.py", "\n".join([*lines, ""]))
    return stages


def with_other_calls(statements: str) -> str:
    for before, after in (("time.time()", "time.time() + 1"), ("uuid4()", "uuid1()"), ("urandom(8)", "urandom(9)")):
        statements = statements.replace(before, after)
    return statements


def test_volatile_parts_are_told_and_run_nothing_again(project: Typed) -> None:
    """Defaults, attributes of classes, functions and instances, and variables of closures, as values are."""
    stages = one_stage_each(project, PARTS.values())
    first = project.pivot("run")
    for name in PARTS:
        assert f"note: {name} (pipeline.py:" in first.stderr
    assert first.stderr.count(NOTICE) == len(PARTS)
    again = project.pivot("run", "--reload")
    assert f"{len(PARTS)} up to date" in again.stdout
    assert again.stderr.count(NOTICE) == len(PARTS)
    for told in project.pivot("explain", "--code").stdout.split("\n\n"):
        assert "volatile: " in told
    assert project.pivot("check", code=3).stdout.count("volatile: ") == len(PARTS)
    edited = [(with_other_calls(statements), uses) for statements, uses in PARTS.values()]
    assert one_stage_each(project, edited) == stages
    assert project.ran() == stages
    assert project.ran("--reload") == set()


def test_what_is_beside_a_volatile_part_counts_by_value(project: Typed) -> None:
    project.write("m.txt", "1")
    stages = one_stage_each(project, BESIDE)
    assert project.ran() == stages
    assert project.ran("--reload") == set()
    project.write("m.txt", "2")
    assert project.ran() == stages
    assert project.ran("--reload") == set()


def test_a_volatile_value_counts_again_when_what_makes_it_was_edited_elsewhere(here: Typed) -> None:
    """The statement is as before, the function that it calls is not, and its value may be the same each time now."""
    here.write("m.txt", "1")
    pipeline(here, "def now():\n    return time.time()\n", "VALUE = now()")
    here.run()
    pipeline(here, "def now():\n    return open('m.txt').read()\n", "VALUE = now()")
    assert here.ran() == {"a"}
    here.write("m.txt", "2")
    assert here.ran() == {"a"}
    assert here.ran("--reload") == set()
