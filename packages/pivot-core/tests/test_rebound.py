"""Stages made in a loop: told where they share a variable that the loop binds anew, and never else."""

from __future__ import annotations

from pathlib import Path

import pytest
from pivot_core import declare, rebound


def told(text: str) -> list[str]:
    """The notices about a module of that text."""
    registry = declare.Registry(Path("/project"))
    token = declare.current_registry.set(registry)
    try:
        exec(compile("from pivot import stage\n" + text, "/project/pipeline.py", "exec"), {"__name__": "told"})
    finally:
        declare.current_registry.reset(token)
    return list(rebound.notices(registry))


REBOUND = {
    "a global": "for x in 'abc':\n    @stage(name=x, outs=x)\n    def f(): open(x, 'w')\n",
    "a variable of a closure": (
        "def build():\n    for x in 'abc':\n        @stage(name=x, outs=x)\n        def f(): open(x, 'w')\nbuild()\n"
    ),
    "by a function within it": "for x in 'abc':\n    @stage(name=x)\n    def f(): return lambda: [x for y in 'z']\n",
    "an object": "for x in ([1], [1]):\n    @stage(name=f's{id(x)}')\n    def f(): return x\n",
    "a function": "for x in (print, repr):\n    @stage(name=x.__name__)\n    def f(): x(1)\n",
    "by a lambda": "for x in 'abc':\n    stage(lambda: open(x), name=x)\n",
}


@pytest.mark.parametrize("case", REBOUND)
def test_a_variable_that_the_loop_binds_and_the_function_reads_is_told(case: str) -> None:
    [notice] = told(REBOUND[case])
    assert notice.startswith("pipeline.py:")
    assert "are made from one function, which reads 'x'" in notice
    assert "params={'x': x}" in notice


def test_the_notice_names_the_stages_and_the_value_they_see() -> None:
    [notice] = told("for x in 'abcde':\n    @stage(name=x)\n    def f(): return x\n")
    assert notice.startswith("pipeline.py:3: a, b, c and 2 more are made from one function")
    assert "all of them see its last value, 'e'." in notice


OTHERS = {
    "a param": "for x in 'abc':\n    @stage(name=x, params={'x': x})\n    def f(x): return x\n",
    "a default": "for x in 'abc':\n    @stage(name=x)\n    def f(x=x): return x\n",
    "a closure of its own": (
        "def make(x):\n    def f(): return x\n    return f\nfor x in 'abc':\n    stage(make(x), name=x)\n"
    ),
    "a global that stays": "N = 1\nfor x in 'abc':\n    @stage(name=x)\n    def f(): return N\n",
    "a global bound anew after the loop": "N = 1\nfor x in 'ab':\n    @stage(name=x)\n    def f(): return N\nN = 2\n",
    "an attribute of that name": "import os\nfor x in 'ab':\n    @stage(name=x)\n    def f(): return os.x\n",
    "a global from later on": "for x in 'ab':\n    @stage(name=x)\n    def f(): return N\nN = 2\n",
    "the same value": "for x, n in (('a', 1.5), ('b', 1.5)):\n    @stage(name=x)\n    def f(): return n\n",
    "one stage": "for x in 'a':\n    @stage(name=x)\n    def f(): return x\n",
    "functions of their own": "x = 1\n@stage\ndef f(): return x\nx = 2\n@stage\ndef g(): return x\n",
    "an empty cell": (
        "def build():\n    for name in 'ab':\n        @stage(name=name)\n        def f(): return late\n"
        "    late = 1\nbuild()\n"
    ),
    "other objects": "import functools\nfor x in 'ab':\n    stage(functools.partial(print, x), name=x)\n",
}


@pytest.mark.parametrize("case", OTHERS)
def test_others_are_not(case: str) -> None:
    assert told(OTHERS[case]) == []
