"""Stages that load pickles depend on the code of the stages that wrote them; no others do."""

from __future__ import annotations

import pytest
from pivot_core.model import FunctionAction, Stage
from pivot_core.testing import make_stage
from pivot_core.unpickled import with_what_pickles_hold
from pivot_fingerprint import Entry, Fingerprint

NAME = "pack.module"
FILE = "/project/src/pack/module.py"
HEADER = (
    "import pickle, joblib\nimport pandas as pd\nimport joblib as jl\nfrom pickle import load as take, Unpickler as U\n"
)


def stage(name: str, deps: list[str], outs: list[str]) -> Stage:
    import attrs

    return attrs.evolve(make_stage(name, deps, outs), action=FunctionAction(NAME, name))


def code(*names: str) -> Fingerprint:
    return Fingerprint.of([Entry(kind, f"{NAME}.{name}", name) for kind, name in (n.split(":") for n in names)], "3.13")


def read_codes(reads: str, *uses: str) -> set[str]:
    """What counts for the stage `reads` of that text, which may use more; `makes` wrote what it reads."""
    source = HEADER + reads
    stages = {"makes": stage("makes", [], ["m.pkl"]), "reads": stage("reads", ["m.pkl"], ["r"])}
    codes = {"makes": code("func:makes", "class:Model", "func:Model.go"), "reads": code("func:reads", *uses)}
    found = with_what_pickles_hold(stages, codes, {FILE: source.encode()})
    assert found["makes"] == codes["makes"]
    assert found["reads"].manifest == {entry.key: entry.digest for entry in found["reads"].entries}
    return {key.replace(f"{NAME}.", "") for key in found["reads"].manifest}


LOADING = {
    "pickle": "def reads(): pickle.load(open('m.pkl', 'rb'))",
    "pickle of bytes": "def reads(): pickle.loads(b'')",
    "imported within": "def reads():\n    import pickle\n    pickle.load(open('m.pkl', 'rb'))",
    "joblib": "def reads(): return joblib.load('m.pkl')",
    "by another name": "def reads(): return jl.load('m.pkl')",
    "a function by another name": "def reads(): take(open('m.pkl', 'rb'))",
    "a class by another name": "def reads(): U(open('m.pkl', 'rb')).load()",
    "pandas": "def reads(): return pd.read_pickle('m.pkl')",
    "within a function within": "def reads():\n    return [(lambda: pickle.load(open(p)))() for p in 'm']",
    "a subclass": "def reads():\n    class Mine(pickle.Unpickler): ...\n    Mine(open('m.pkl')).load()",
    "in a branch": "try:\n    def reads(): pickle.load(0)\nexcept NameError:\n    def reads(): ...",
    "a definition that is not in the source": "exec('def reads(): ...')\ndef other(): pickle.load(0)",
    "decorated": (
        "import functools\ndef loud(f): return functools.wraps(f)(lambda: f())\n"
        "@loud\ndef reads(): return pickle.load(open('m.pkl'))"
    ),
}


@pytest.mark.parametrize("case", LOADING)
def test_who_loads_a_pickle_depends_on_the_code_of_who_wrote_it(case: str) -> None:
    """But for the function of that stage, which no pickle holds."""
    assert read_codes(LOADING[case]) == {"func:reads", "class:Model", "func:Model.go"}


def test_a_helper_that_loads_one_counts_too() -> None:
    text = (
        "def helper(): return pickle.load(open('m'))\nclass C:\n    @property\n    def p(self): return pickle.load(0)\n"
    )
    others = {"class:Model", "func:Model.go", "func:reads"}
    assert read_codes(f"{text}def reads(): helper()", "func:helper") == others | {"func:helper"}
    assert read_codes(f"{text}def reads(): C().p", "func:C.p") == others | {"func:C.p"}
    assert read_codes("LOADER = pickle.load\ndef reads(): LOADER(0)", "value:LOADER") == others | {"value:LOADER"}


OTHERS = {
    "writes one": "def reads():\n    with open('m', 'wb') as f: pickle.dump(1, f)",
    "other loading": "import json\ndef reads(): return json.load(open('m'))",
    "no pickle": "def reads(): open('m').read()",
    "another that loads": "def other(): pickle.load(0)\ndef reads(): open('m').read()",
    "both, of other kinds": "import json\ndef reads(): pickle.dump(json.load(0), 1)",
    "a name that stands for nothing": "def reads(): load(nowhere)",
    "an object of that name": "class O:\n    __name__ = 'load'\n    __module__ = 'pickle'\no = O()\ndef reads(): o",
}


@pytest.mark.parametrize("case", OTHERS)
def test_others_depend_on_their_own_code_alone(case: str) -> None:
    assert read_codes(OTHERS[case]) == {"func:reads"}


def test_what_is_loaded_and_written_again_counts_further_down() -> None:
    source = HEADER + "def again(): pickle.load(0)\ndef reads(): pickle.load(0)\n"
    stages = {
        "reads": stage("reads", ["again.pkl"], ["r"]),
        "again": stage("again", ["m.pkl"], ["again.pkl"]),
        "makes": stage("makes", [], ["m.pkl"]),
    }
    codes = {name: code(f"func:{name}", f"class:Of{name}") for name in stages}
    found = with_what_pickles_hold(stages, codes, {FILE: source.encode()})
    assert f"class:{NAME}.Ofmakes" in found["reads"].manifest
    assert [entry.via for entry in found["reads"].entries if entry.name == f"{NAME}.Ofagain"] == [(f"{NAME}.reads",)]


def test_where_the_writer_has_no_classes_what_it_wrote_tells_all() -> None:
    """So that a helper whose change leaves the pickle the same makes nothing run after it."""
    stages = {"makes": stage("makes", [], ["m.pkl"]), "reads": stage("reads", ["m.pkl"], ["r"])}
    codes = {"makes": code("func:makes", "func:helper"), "reads": code("func:reads")}
    source = HEADER + "def reads(): pickle.load(open('m.pkl'))"
    assert with_what_pickles_hold(stages, codes, {FILE: source.encode()})["reads"].manifest == codes["reads"].manifest


def test_where_there_is_no_graph_nothing_is_added() -> None:
    stages = {"a": stage("a", ["x"], ["y"]), "b": stage("b", ["y"], ["x"])}
    codes = {"a": code("func:a"), "b": code("func:b")}
    assert with_what_pickles_hold(stages, codes, {FILE: b"import pickle"}) == codes
