"""Edges by path, what makes a graph impossible, and targets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pivot_core.errors import PipelineError
from pivot_core.graph import Graph
from pivot_core.model import Stage
from pivot_core.storage.globs import matches
from pivot_core.targets import select
from pivot_core.testing import make_stage


def graph(*stages: Stage) -> Graph:
    return Graph.of({stage.name: stage for stage in stages})


@pytest.mark.parametrize(
    ("dep", "out"),
    [
        ("a.csv", "a.csv"),
        ("data/a.csv", "data"),
        ("data", "data/a.csv"),
        ("data/x/y", "data"),
        (".", "data/a.csv"),
        ("data/*.csv", "data/a.csv"),
        ("data/*.csv", "data"),
        ("data/**/*.csv", "data/x"),
        ("*.csv", "a.csv"),
    ],
)
def test_a_stage_waits_for_whoever_writes_its_dep(dep: str, out: str) -> None:
    made = graph(make_stage("use", [dep]), make_stage("make", outs=[out]))
    assert made.upstreams == {"use": ("make",), "make": ()}
    assert made.order == ("make", "use")


@pytest.mark.parametrize(
    ("dep", "out"), [("data", "data2"), ("data.csv", "data"), ("a/b", "a/bc"), ("*.csv", "a.pkl"), ("/data", "data")]
)
def test_names_that_only_begin_alike_are_no_edge(dep: str, out: str) -> None:
    assert graph(make_stage("use", [dep]), make_stage("make", outs=[out])).upstreams["use"] == ()


def test_a_cycle_is_shown_whole() -> None:
    stages = [
        make_stage("a", ["3"], ["1"], line=11),
        make_stage("b", ["1"], ["2"], line=22),
        make_stage("c", ["2"], ["3"], line=33),
        make_stage("outside", ["3"], ["4"], line=44),
    ]
    with pytest.raises(PipelineError) as caught:
        graph(*stages)
    text = str(caught.value)
    for part in ("'a'", "'b'", "'c'", "pipeline.py:11", "pipeline.py:22", "pipeline.py:33", "'1'", "'2'", "'3'"):
        assert part in text
    assert "outside" not in text


@pytest.mark.parametrize(("one", "other"), [("x", "x"), ("d", "d/x"), ("d/x/y", "d"), ("Data.csv", "data.csv")])
def test_outs_that_collide_name_both_stages_and_paths(one: str, other: str) -> None:
    with pytest.raises(PipelineError) as caught:
        graph(make_stage("a", outs=[one], line=11), make_stage("b", outs=[other], line=22))
    for part in ("'a'", "'b'", one, other, "pipeline.py:11", "pipeline.py:22"):
        assert part in str(caught.value)


def test_outs_of_one_stage_do_not_lie_in_each_other() -> None:
    with pytest.raises(PipelineError, match=r"'a'.*'d/x'.*'d'"):
        graph(make_stage("a", outs=["d", "d/x"]))


@pytest.mark.parametrize(("dep", "out"), [("x", "x"), ("d", "d/x"), ("d/x", "d"), ("d/*", "d/x"), (".", "x")])
def test_a_stage_does_not_read_what_it_writes(dep: str, out: str) -> None:
    with pytest.raises(PipelineError, match=r"pipeline.py:7: stage 'a' reads what it writes"):
        graph(make_stage("a", [dep], [out], line=7))


def test_stages_keep_the_order_of_declaration_where_they_can() -> None:
    assert graph(*(make_stage(name) for name in "zxay")).order == tuple("zxay")


def test_upstreams_are_transitive() -> None:
    made = graph(make_stage("a", outs=["1"]), make_stage("b", ["1"], ["2"]), make_stage("c", ["2"]), make_stage("d"))
    assert made.with_upstreams(["c"]) == ("a", "b", "c")


def test_a_chain_of_twenty_thousand_stages() -> None:
    stages = [make_stage(f"s{n}", [f"d/{n}.csv", f"e/{n}-*"], [f"d/{n + 1}.csv"]) for n in range(20_000)]
    made = graph(*reversed(stages))
    assert made.order == tuple(stage.name for stage in stages)
    assert len(made.with_upstreams(["s19999"])) == 20_000


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)


@given(outs=st.sets(paths, max_size=6), deps=st.sets(paths | paths.map(lambda path: f"{path}/*"), max_size=4))
def test_edges_are_what_comparing_every_pair_gives(outs: set[str], deps: set[str]) -> None:
    outs = {out for out in outs if not any(out.startswith(f"{other}/") for other in outs)}
    made = graph(make_stage("use", sorted(deps)), *(make_stage(f"make {out}", outs=[out]) for out in sorted(outs)))
    expected = {
        f"make {out}"
        for out in outs
        for dep in deps
        if (
            matches(dep, out, directory=True)
            if "*" in dep
            else dep == out or dep.startswith(f"{out}/") or out.startswith(f"{dep}/")
        )
    }
    assert set(made.upstreams["use"]) == expected


@given(st.permutations(range(8)), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_every_stage_comes_after_those_it_waits_for(names: list[int], pairs: list[tuple[int, int]]) -> None:
    edges = {(low, high) for low, high in pairs if low < high}
    stages = [make_stage(f"s{n}", [f"o{low}" for low, high in edges if high == n], [f"o{n}"]) for n in names]
    order = graph(*stages).order
    assert sorted(order) == [f"s{n}" for n in range(8)]
    assert all(order.index(f"s{low}") < order.index(f"s{high}") for low, high in edges)


ROOT = Path("/project")
PIPELINE = graph(
    make_stage("clean", ["raw.csv"], ["data/clean.csv"]),
    make_stage("train_a", ["data/clean.csv"], ["models/a"]),
    make_stage("train_b", ["data/clean.csv"], ["models/b"]),
)


@pytest.mark.parametrize(
    ("target", "cwd", "expected"),
    [
        ("train_a", ROOT, ["train_a"]),
        ("train_*", ROOT, ["train_a", "train_b"]),
        ("data/clean.csv", ROOT, ["clean"]),
        ("clean.csv", ROOT / "data", ["clean"]),
        ("./clean.csv", ROOT / "data", ["clean"]),
        ("../models", ROOT / "data", ["train_a", "train_b"]),
        ("data/clean.csv", ROOT / "models", ["clean"]),
        ("/project/models/a", Path("/"), ["train_a"]),
        ("models/b/weights.bin", ROOT, ["train_b"]),
    ],
)
def test_a_target_is_a_stage_a_glob_or_a_path(target: str, cwd: Path, expected: list[str]) -> None:
    assert list(select(PIPELINE, [target], ROOT, cwd)) == expected


def test_no_targets_are_all_stages() -> None:
    assert select(PIPELINE, [], ROOT, ROOT) == PIPELINE.order


@pytest.mark.parametrize(("target", "meant"), [("trian_a", "train_a"), ("data/claen.csv", "data/clean.csv")])
def test_an_unknown_target_is_told_what_it_may_mean(target: str, meant: str) -> None:
    with pytest.raises(PipelineError, match=f"Did you mean '{meant}'"):
        select(PIPELINE, [target], ROOT, ROOT)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("raw.csv", "It is a dep of"),
        ("pipeline.py", "PIVOT_PIPELINE"),
        ("train_a,train_b", "spaces between the names"),
    ],
)
def test_what_is_no_target_is_told_what_to_name_instead(target: str, told: str) -> None:
    with pytest.raises(PipelineError, match=f"no stage is named '{target}'.*") as raised:
        select(PIPELINE, [target], ROOT, ROOT)
    assert told in raised.value.hint
