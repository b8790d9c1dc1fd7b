"""The forms of the small commands: what `dag` and `status` make of a pipeline."""

from __future__ import annotations

import json
import re
import time

import pytest
from pivot_cli.commands.dag import _dot, _mermaid, _text
from pivot_cli.commands.status import status, write_plan
from pivot_core.decide import Decision, Verdict
from pivot_core.graph import Graph
from pivot_core.reasons import CodeChanged, DepMissing, Forced, NeverRun, OutMissing, Reason, UpstreamPending
from pivot_core.storage.state import Failure
from pivot_core.testing import make_stage

ODD = 'a "b"]\\;é'


@pytest.fixture
def graph() -> Graph:
    stages = [make_stage(ODD, outs=["o"]), make_stage("end", deps=["o", "p"]), make_stage("other", outs=["p"])]
    return Graph.of({stage.name: stage for stage in stages})


def test_the_graph_as_text_names_what_a_stage_waits_for(graph: Graph) -> None:
    lines = list(_text(graph, graph.order))
    assert lines[-1].startswith("end ← ")
    assert set(lines[-1].removeprefix("end ← ").split(", ")) == {ODD, "other"}
    assert lines[:-1] == [name for name in graph.order if name != "end"]


def test_a_name_cannot_end_its_quotes_in_dot(graph: Graph) -> None:
    text = "\n".join(_dot(graph, graph.order))
    names = [json.loads(name) for name in re.findall(r'"(?:[^"\\]|\\.)*"', text)]
    assert set(names) == set(graph.stages)
    assert text.count(" -> ") == 2


def test_a_name_cannot_end_its_quotes_in_mermaid(graph: Graph) -> None:
    lines = list(_mermaid(graph, graph.order))
    nodes = dict(re.findall(r'^    (s\d+)\["([^"]*)"\]$', "\n".join(lines), re.MULTILINE))
    assert {name.replace("#quot;", '"') for name in nodes.values()} == set(graph.stages)
    edges = [re.fullmatch(r"    (s\d+) --> (s\d+)", line) for line in lines]
    assert {nodes[edge[2]] for edge in edges if edge} == {"end"}


def test_only_the_chosen_stages_are_drawn(graph: Graph) -> None:
    assert list(_dot(graph, ("other",))) == ["digraph pipeline {", '    "other";', "}"]


@pytest.mark.parametrize(
    ("verdict", "reasons", "word"),
    [
        ("up_to_date", (), "up to date"),
        ("run", (NeverRun(),), "never run"),
        ("run", (OutMissing("o"),), "missing"),
        ("restore", (OutMissing("o"), OutMissing("p")), "missing"),
        ("run", (DepMissing("d"),), "missing"),
        ("run", (OutMissing("o"), CodeChanged(())), "stale"),
        ("run", (Forced(),), "stale"),
        ("pending", (UpstreamPending(("a",)),), "pending"),
        ("pending", (NeverRun(), UpstreamPending(("a",))), "never run"),
    ],
)
def test_a_decision_in_a_word(verdict: Verdict, reasons: tuple[Reason, ...], word: str) -> None:
    assert status(Decision(verdict, reasons)) == word


def test_the_lines_of_a_plan_stand_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    plan = {
        "prepare": Decision("up_to_date", ()),
        "train": Decision("restore", (OutMissing("o"),)),
        "test": Decision("restore", (NeverRun(),)),
        "plot": Decision("run", (NeverRun(), UpstreamPending(("test",)))),
        "show": Decision("run", (NeverRun("show.lock is cut off"),)),
        "send": Decision("run", (NeverRun(),)),
        "sign": Decision("run", (NeverRun(),)),
    }
    failure = Failure(time.time() - 300, "ValueError: no luck\nat all", 1.0, ".pivot/logs/sign.log", "")
    write_plan(plan, {"sign": failure}, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "prepare  up to date",
        "train    missing      out missing: o, can be restored",
        "test     stale        no record yet, can be restored",
        "plot     never run    waits for: test",
        "show     never run    show.lock is cut off",
        "send     never run",
        "sign     failed       ValueError: no luck (5 min ago, log: .pivot/logs/sign.log)",
    ]


def test_a_plan_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    write_plan({"train": Decision("run", (DepMissing("é"), NeverRun("cut off")))}, {}, as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {
            "stage": "train",
            "verdict": "run",
            "reasons": [{"reason": "dep_missing", "path": "é"}, {"reason": "never_run", "detail": "cut off"}],
        }
    ]


def test_a_plan_of_nothing_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    write_plan({}, {}, as_json=True)
    assert json.loads(capsys.readouterr().out) == []
