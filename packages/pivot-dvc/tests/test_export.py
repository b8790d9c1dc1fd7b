"""Exported pipelines, against YAML that was checked by hand, and as DVC's own parsers read them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_core.errors import ProjectError
from pivot_core.model import Dep, Out, Stage
from pivot_core.observation import Observed
from pivot_core.testing import make_stage
from pivot_dvc.export import HEADER, export, inputs_of_loading, stage_names, write
from pivot_fingerprint import Entry, Fingerprint
from ruamel.yaml import YAML

NOTHING = Fingerprint.of([], "3.13")


def itself(dep: Dep) -> list[str]:
    return [dep.path]


def code(*entries: tuple[str, str]) -> Fingerprint:
    """A fingerprint of entries, each a kind and the file it is in."""
    return Fingerprint.of(
        [Entry(kind, f"name{number}", "0" * 32, file) for number, (kind, file) in enumerate(entries)], "3.13"
    )


def exported(*stages: Stage, **fingerprints: Fingerprint) -> str:
    named = {stage.name: stage for stage in stages}
    return export(named, {name: fingerprints.get(name, NOTHING) for name in named}, itself)


def read_by_dvc(text: str) -> dict[str, Any]:
    """The stages of a dvc.yaml as DVC has them: YAML 1.2, and its templates filled in."""
    from dvc.parsing.context import Context  # type: ignore[import-untyped]  # DVC has no types

    loaded = YAML(typ="safe").load(text)["stages"]
    return {name: Context().resolve(stage) for name, stage in loaded.items()}


def test_a_pipeline_as_a_dvc_yaml() -> None:
    stages = [
        make_stage("preprocess", ["data.csv"], ["processed.parquet"]),
        attrs.evolve(
            make_stage(
                "train", ["processed.parquet", "conf"], lr=0.1, layers=[64, "64"], deep={"on": True, "no": None}
            ),
            outs=(Out("model.pkl"), Out("plots", cache=False)),
        ),
    ]
    train = code(("func", "pipeline.py"), ("func", "src/utils.py"), ("value", "src/utils.py"))
    assert exported(*stages, train=train) == HEADER + textwrap.dedent(
        """\
        stages:
          preprocess:
            cmd: pivot run preprocess
            deps:
            - data.csv
            - pipeline.py
            outs:
            - processed.parquet
          train:
            cmd: pivot run train
            deps:
            - conf
            - pipeline.py
            - processed.parquet
            - src/utils.py
            outs:
            - model.pkl
            - plots:
                cache: false
                persist: true
            meta:
              pivot:
                params:
                  lr: 0.1
                  layers:
                  - 64
                  - "64"
                  deep:
                    "on": true
                    "no": null
        """
    )


def test_a_stage_with_nothing_depends_on_the_file_that_declares_it() -> None:
    """DVC would never call a stage without deps and outs up to date."""
    assert read_by_dvc(exported(make_stage("a"))) == {"a": {"cmd": "pivot run a", "deps": ["pipeline.py"]}}


def test_libraries_are_no_files_to_depend_on() -> None:
    used = code(("dist", "site-packages/pandas"), ("python", "python3"), ("func", "lib.py"), ("missing", ""))
    assert read_by_dvc(exported(make_stage("a"), a=used))["a"]["deps"] == ["lib.py", "pipeline.py"]


def test_a_glob_is_the_files_that_it_matches_and_none_is_named_twice() -> None:
    stage = make_stage("a", ["in/*.csv", "in/1.csv", "gone/*.csv"])
    matches = {"in/*.csv": ["in/2.csv", "in/1.csv"], "in/1.csv": ["in/1.csv"], "gone/*.csv": []}
    text = export({"a": stage}, {"a": NOTHING}, lambda dep: matches[dep.path])
    assert read_by_dvc(text)["a"]["deps"] == ["in/1.csv", "in/2.csv", "pipeline.py"]


def test_a_glob_of_what_other_stages_write_is_their_outs_whether_or_not_they_are_there() -> None:
    makers = [make_stage("one", outs=["made/x.csv"]), make_stage("many", outs=["parts"])]
    text = {
        "made/*.csv": ["made/by_hand.csv", "made/x.csv"],
        "parts/**/*.csv": ["parts/**/*.csv"],
        "**/*.csv": ["made/by_hand.csv", "parts/1.csv", "top.csv"],
    }
    stages = [make_stage(f"use{number}", [glob], [f"{number}.txt"]) for number, glob in enumerate(text)]
    named = {stage.name: stage for stage in [*makers, *stages]}
    found = read_by_dvc(export(named, dict.fromkeys(named, NOTHING), lambda dep: text[dep.path]))
    assert [found[stage.name]["deps"] for stage in stages] == [
        ["made/by_hand.csv", "made/x.csv", "pipeline.py"],
        ["parts", "pipeline.py"],
        ["made/by_hand.csv", "made/x.csv", "parts", "pipeline.py", "top.csv"],
    ]


def test_the_same_pipeline_gives_the_same_bytes_whatever_the_order_of_its_deps() -> None:
    assert exported(make_stage("a", ["x", "y"], n=1)) == exported(make_stage("a", ["y", "x"], n=1))


def test_a_dvc_yaml_elsewhere_leads_to_the_root() -> None:
    text = export({"a": make_stage("a", ["x"])}, {"a": NOTHING}, itself, wdir="../..")
    stage = read_by_dvc(text)["a"]
    assert (stage["wdir"], stage["deps"]) == ("../..", ["pipeline.py", "x"])


ODD_PATHS = [
    "two words.csv", " leading", "trailing ", "it's", 'say "x"', "back\\slash", "tab\t", "a: b", "a #b", "#a", "- a",
    "-", "?", "[a]", "{a}", "a, b", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "~", "null", "NULL", "true", "Yes",
    "off", "n", "1", "1.10", "1e-3", "0x1", "0o7", "012", "12:30:00", "2026-01-01", ".5", ".inf", ".NaN", "._1", "_1",
    "...", "---", "${HOME}", "\\${a}", "$a", "${", "a${b}c${d}", "$(a)", "`a`", "été", "日本/語.csv", "\u2028", "\x7f",
    "🙂", "<<", "=", "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("path", ODD_PATHS)
def test_dvc_reads_odd_paths_as_they_are(path: str) -> None:
    stage = attrs.evolve(make_stage("a", [path]), outs=(Out(f"{path}.out"), Out(path, cache=False)))
    read = read_by_dvc(exported(stage))["a"]
    assert read["deps"] == sorted([path, "pipeline.py"])
    assert read["outs"] == [f"{path}.out", {path: {"cache": False, "persist": True}}]


@pytest.fixture(scope="module")
def dvc() -> None:
    """DVC, imported before hypothesis counts the seconds."""
    read_by_dvc(exported(make_stage("a")))


TEXT = st.text(
    st.one_of(
        st.sampled_from("._-/ ~aefinNoyY015:#'\"{}[]&*!|>%@`,\t$\\é="),
        st.characters(codec="utf-8", exclude_characters="\0\n"),
    ),
    min_size=1,
    max_size=8,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.just("${a\n}\0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXT, min_size=1, max_size=3, unique=True))
def test_dvc_reads_every_path_as_it_is(dvc: None, paths: list[str]) -> None:
    assert read_by_dvc(exported(make_stage("a", paths)))["a"]["deps"] == sorted({*paths, "pipeline.py"})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(TEXT, JSON, min_size=1, max_size=3))
def test_dvc_reads_every_param_as_it_is(dvc: None, params: Mapping[str, Any]) -> None:
    stage = attrs.evolve(make_stage("a"), params=params)
    read = read_by_dvc(exported(stage))["a"]["meta"]["pivot"]["params"]
    assert read == params
    assert types(read) == types(params)


def types(value: Any) -> Any:
    """True is not 1, and 1.0 is not 1, though Python calls them equal."""
    if isinstance(value, Mapping):
        return {key: types(item) for key, item in value.items()}
    return [types(item) for item in value] if isinstance(value, list) else type(value)


def test_names_that_dvc_takes_stay() -> None:
    names = ["train", "train_2", "v1.0-final", "été"]
    assert stage_names(names) == {name: name for name in names}


def test_what_dvc_misreads_in_names_is_mapped_and_the_command_has_the_real_name() -> None:
    read = read_by_dvc(exported(make_stage("train@a:1,x=+2")))
    assert read == {"train_a_1_x__2": {"cmd": "pivot run train@a:1,x=+2", "deps": ["pipeline.py"]}}


def test_names_that_become_the_same_are_told_apart() -> None:
    [first, second, third] = stage_names(["a@1", "a:1", "a_1"]).values()
    assert first == "a_1"
    assert len({first, second, third}) == 3


def test_even_a_name_that_looks_like_a_made_one_is_told_apart() -> None:
    made = stage_names(["a@1", "a:1"])["a:1"]
    assert len(set(stage_names([made, "a@1", "a:1"]).values())) == 3


NAMES = st.lists(st.text("ab@:_+", min_size=1, max_size=4), unique=True, max_size=20)


@given(NAMES)
def test_no_two_stages_share_a_name_and_all_are_harmless(names: list[str]) -> None:
    mapped = stage_names(names)
    assert list(mapped) == names
    assert len(set(mapped.values())) == len(names)
    assert all(set(name).isdisjoint("@:+/\\ ") for name in mapped.values())


def test_an_own_export_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "dvc.yaml", HEADER + "stages: {}\n", force=False)
    write(tmp_path / "dvc.yaml", HEADER + "stages:\n", force=False)
    assert (tmp_path / "dvc.yaml").read_text("utf-8") == HEADER + "stages:\n"


def test_an_own_export_that_git_gave_other_line_ends_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_bytes((HEADER + "stages: {}\n").replace("\n", "\r\n").encode())
    write(tmp_path / "dvc.yaml", HEADER, force=False)
    assert (tmp_path / "dvc.yaml").read_text("utf-8") == HEADER


@pytest.mark.parametrize(
    "there", [b"stages: {}\n", b"", b"\n" + HEADER.encode(), b"\xff\xfe\x00", HEADER[:-2].encode()]
)
def test_a_file_that_the_user_wrote_is_left_alone_unless_forced(tmp_path: Path, there: bytes) -> None:
    file = tmp_path / "dvc.yaml"
    file.write_bytes(there)
    with pytest.raises(ProjectError, match=r"exists, and Pivot did not write it(.|\n)*--force"):
        write(file, HEADER, force=False)
    assert file.read_bytes() == there
    write(file, HEADER, force=True)
    assert file.read_text("utf-8") == HEADER


@pytest.mark.parametrize("force", [False, True])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, force: bool) -> None:
    with pytest.raises(ProjectError, match=r"gone/dvc\.yaml cannot be written: No such file or directory"):
        write(tmp_path / "gone" / "dvc.yaml", HEADER, force=force)
    with pytest.raises(ProjectError, match="cannot be written: Is a directory"):
        write(tmp_path, HEADER, force=force)


def test_what_loading_read_is_a_dep_of_every_stage_unless_stages_write_or_follow_it() -> None:
    """An out among them would make stages wait for each other that do not."""
    read = ("params.yaml", "conf/a.json", "out/made.txt", "settings.py", "helpers.py", ".git/HEAD")
    observed = Observed(files={f"/p/{path}": "xxh3:1" for path in read} | {"/hosts": "xxh3:1", "/p/gone.txt": ""})
    stages = {"one": make_stage("one", [], ["out"]), "two": make_stage("two", [], ["b"])}
    prints = {"one": code(("value", "settings.py"), ("func", "helpers.py")), "two": NOTHING}
    inputs = inputs_of_loading(observed, prints.values(), Path("/p"))
    deps = {name: stage["deps"] for name, stage in read_by_dvc(export(stages, prints, itself, inputs=inputs)).items()}
    common = ["conf/a.json", "params.yaml", "pipeline.py", "settings.py"]
    assert deps == {"one": sorted([*common, "helpers.py"]), "two": common}


def test_what_loading_read_is_found_in_a_root_that_is_a_link(tmp_path: Path) -> None:
    """Relative paths are noted by where files really are, others as they were given."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    observed = Observed(files={str(tmp_path / "real" / "a.yaml"): "xxh3:1", str(link / "b.yaml"): "xxh3:1"})
    assert inputs_of_loading(observed, [], link) == ["a.yaml", "b.yaml"]
