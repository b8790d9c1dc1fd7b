"""Decorators above `@stage`: told where they are certain to be at work, and never else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pivot_core import declare, replaced

NAME = "module_of_test_replaced"
FILE = f"/project/{NAME}.py"
HEADER = """\
import functools
from pivot import stage

def loud(f):
    return lambda *args: f(*args)

def same(f):
    return f

def other(): ...

"""


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    sys.modules.pop(NAME, None)


def told(text: str) -> list[str]:
    """The notices about a module of that text."""
    source = HEADER + text
    module = ModuleType(NAME)
    module.__file__ = FILE
    sys.modules[NAME] = module
    registry = declare.Registry(Path("/project"))
    token = declare.current_registry.set(registry)
    try:
        exec(compile(source, FILE, "exec"), vars(module))
    finally:
        declare.current_registry.reset(token)
    return list(replaced.notices(registry, {FILE: source.encode()}))


REPLACED = {
    "without functools.wraps": "@loud\n@stage\ndef f(): ...\n",
    "with functools.wraps": ("def tidy(f): return functools.wraps(f)(lambda: f())\n\n@tidy\n@stage\ndef f(): ...\n"),
    "by something that forgets the function": "def lose(f): return print\n\n@lose\n@stage\ndef f(): ...\n",
    "by nothing": "def register(f): pass\n\n@register\n@stage\ndef f(): ...\n",
    "by an object": (
        "class Task:\n    def __init__(self, f): self.f = f\n    def __call__(self): self.f()\n\n"
        "@Task\n@stage\ndef f(): ...\n"
    ),
    "by an object with slots": (
        "class Task:\n    __slots__ = ('f',)\n    def __init__(self, f): self.f = f\n\n@Task\n@stage\ndef f(): ...\n"
    ),
    "by a cache": "@functools.cache\n@stage\ndef f(): ...\n",
    "by a partial": "@functools.partial(functools.partial)\n@stage\ndef f(): ...\n",
    "a declaration over several lines": "@loud\n@stage(\n    outs=[\n        'a',\n    ],\n)\ndef f(): ...\n",
    "the upper one of two": "@loud\n@same\n@stage\ndef f(): ...\n",
    "the lower one of two": "@same\n@loud\n@stage\ndef f(): ...\n",
    "with another one below": "@loud\n@stage(name='f')\n@functools.wraps(other)\ndef f(): ...\n",
    "with one below that replaces too": "@loud\n@stage(name='f')\n@loud\ndef f(): ...\n",
    "under a condition": "if True:\n    @loud\n    @stage\n    def f(): ...\n",
    "in a handler": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    @loud\n    @stage\n    def f(): ...\n",
    "though another scope has the name": "@loud\n@stage\ndef f(): ...\n\ndef g():\n    f = 1\n    return f\n",
    "by an object, though another scope has the name": (
        "class Task:\n    def __init__(self, f): self.f = f\n\n@Task\n@stage\ndef f(): ...\n\ndef g(): f = 1\n"
    ),
    "by a cache, though another scope has the name": "@functools.cache\n@stage\ndef f(): ...\n\ndef g(): f = 1\n",
}

KEPT = {
    "no decorator above": "@stage\n@functools.cache\ndef f(): ...\n",
    "one that returns the function": "@same\n@stage\ndef f(): ...\n",
    "a plain call": "def f(): ...\nstage(f)\n",
    "a plain call, wrapped afterwards": "def f(): ...\nstage(f)\nf = functools.cache(f)\n",
    "plain calls in a loop": "def f(): ...\nfor n in range(3):\n    stage(f, name=f'f{n}')\n",
    "partials in a loop": "for n in range(3):\n    stage(functools.partial(other, n), name=f'f{n}')\n",
    "definitions in a loop": ("for n in range(3):\n    @stage(name=f'f{n}')\n    def f(): ...\n"),
    "decorated definitions in a loop": "for n in range(3):\n    @same\n    @stage(name=f'f{n}')\n    def f(): ...\n",
    "definitions in a loop, with names of their own": (
        "for n in range(3):\n    def f(): ...\n    f.__name__ = f'f{n}'\n    stage(f)\n"
    ),
    "deleted": "@same\n@stage\ndef f(): ...\ndel f\n",
    "deleted in a loop": "for n in range(3):\n    @same\n    @stage(name=f'f{n}')\n    def f(): ...\n    del f\n",
    "defined again": "@same\n@stage\ndef f(): ...\n\ndef f(): ...\n",
    "defined again, decorated": "@same\n@stage\ndef f(): ...\n\n@functools.cache\ndef f(): ...\n",
    "defined again as another stage": "@same\n@stage\ndef f(): ...\n\n@same\n@stage(name='g')\ndef f(): ...\n",
    "assigned": "@same\n@stage\ndef f(): ...\nf = print\n",
    "assigned in a function": "@same\n@stage\ndef f(): ...\ndef g():\n    global f\n    f = print\ng()\n",
    "imported": "@same\n@stage\ndef f(): ...\nfrom functools import cache as f\n",
    "maybe imported": "@same\n@stage\ndef cache(): ...\nfrom functools import *\n",
    "bound by a handler": "@same\n@stage\ndef f(): ...\ntry:\n    1 / 0\nexcept ZeroDivisionError as f:\n    pass\n",
    "another registered stage put in its place": (
        "@same\n@stage\ndef f(): ...\n\n@stage\ndef g(): ...\nimport sys\nsetattr(sys.modules[__name__], 'f', g)\n"
    ),
    "in a function": "def make():\n    @loud\n    @stage\n    def f(): ...\nmake()\n",
    "in a class": "class C:\n    @staticmethod\n    @stage\n    def f(): ...\n",
    "declared by a decorator of the user's": "def mine(f):\n    return loud(stage(f))\n\n@same\n@mine\ndef f(): ...\n",
}


@pytest.mark.parametrize("text", REPLACED.values(), ids=REPLACED)
def test_what_a_decorator_above_replaces_is_told(text: str) -> None:
    [notice] = told(text)
    assert "a decorator above @stage replaces 'f'; the stage 'f' runs the function without it." in notice


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_no_false_alarm(text: str) -> None:
    assert told(text) == []


def test_every_stage_of_a_loop_is_told_by_its_own_name() -> None:
    notices = told("for n in range(2):\n    @loud\n    @stage(name=f's{n}')\n    def f(): ...\n")
    assert [notice.partition("the stage ")[2].partition(" ")[0] for notice in notices] == ["'s0'", "'s1'"]


def test_the_place_is_the_line_of_stage_and_the_advice_keeps_the_name() -> None:
    """On top of a decorator without functools.wraps, @stage would name the stage after the decorator's function."""
    [notice] = told("@loud\n@stage\ndef f(): ...\n")
    line = HEADER.count("\n") + 2
    assert notice.startswith(f"{NAME}.py:{line}: ")
    assert notice.endswith("Put @stage(name='f', …) on top.")
    [notice] = told("@functools.cache\n@stage\ndef f(): ...\n")
    assert notice.endswith("Put @stage on top.")


def test_a_function_of_a_file_that_nobody_read_is_no_matter() -> None:
    registry = declare.Registry(Path("/project"))
    token = declare.current_registry.set(registry)
    try:
        namespace: dict[str, object] = {}
        exec(compile(HEADER + "@loud\n@stage\ndef f(): ...\n", "<made>", "exec"), namespace)
    finally:
        declare.current_registry.reset(token)
    assert list(registry.declared) == ["f"]
    assert list(replaced.notices(registry, {})) == []
