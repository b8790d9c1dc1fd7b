"""Plans, runs and records in real projects, with stages that are plain functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_core.errors import BusyError, PipelineError
from pivot_core.events import Event, Notice
from pivot_core.interfaces import Finished
from pivot_core.model import Out, Stage
from pivot_core.project import Project
from pivot_core.reasons import DepAdded, DepRemoved, FormatChanged, OutAdded, OutRemoved, UpstreamPending
from pivot_core.session import Session
from pivot_core.testing import make_code, make_loaded, make_stage, run_here
from pivot_core.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


class Notices:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def emit(self, event: Event) -> None:
        assert isinstance(event, Notice)
        self.texts.append(event.message)


def write(path: str, text: str) -> Callable[[], None]:
    def action() -> None:
        Path(path).write_text(text)

    return action


def copy(source: str, target: str) -> Callable[[], None]:
    return lambda: write(target, Path(source).read_text().strip())()


CHAIN = (make_stage("a", ["in"], ["mid"]), make_stage("b", ["mid"], ["end"]), make_stage("c", ["end"], ["last"]))
COPIES = {"a": copy("in", "mid"), "b": copy("mid", "end"), "c": copy("end", "last")}


def run(
    root: Path, *stages: Stage, functions: dict[str, Callable[[], None]] | None = None, **code: str
) -> dict[str, str]:
    with Workspace(Project(root), make_loaded(*stages, **code)) as workspace:
        return dict(run_here(workspace, functions or COPIES))


def plan(root: Path, *stages: Stage, **code: str) -> dict[str, str]:
    with Workspace(Project(root), make_loaded(*stages, **code), readonly=True) as workspace:
        return {name: decision.verdict for name, decision in workspace.plan().items()}


def test_what_waits_for_a_run_is_pending(root: Path) -> None:
    write("in", "1")()
    assert plan(root, *CHAIN) == {"a": "run", "b": "run", "c": "run"}
    run(root, *CHAIN)
    write("in", "2")()
    assert plan(root, *CHAIN) == {"a": "run", "b": "pending", "c": "pending"}
    assert plan(root, *CHAIN, c="new") == {"a": "run", "b": "pending", "c": "run"}
    with Workspace(Project(root), make_loaded(*CHAIN, b="new"), readonly=True) as workspace:
        reasons = workspace.plan()["b"].reasons
    assert [reason.code for reason in reasons] == ["code_changed", "upstream_pending"]
    assert reasons[1] == UpstreamPending(("a",))


def test_an_out_that_comes_out_the_same_stops_the_wave(root: Path) -> None:
    write("in", "1")()
    run(root, *CHAIN)
    write("in", "1\n")()
    assert run(root, *CHAIN) == {"a": "run", "b": "up_to_date", "c": "up_to_date"}


def test_going_back_restores_the_whole_chain_without_looking_at_what_is_there(root: Path) -> None:
    for text in ("1", "2"):
        write("in", text)()
        run(root, *CHAIN)
    write("in", "1")()
    assert plan(root, *CHAIN) == {"a": "restore", "b": "restore", "c": "restore"}
    assert run(root, *CHAIN) == {"a": "restore", "b": "restore", "c": "restore"}
    assert Path("last").read_text() == "1"


def test_a_renamed_stage_is_restored(root: Path) -> None:
    write("in", "1")()
    run(root, CHAIN[0])
    renamed = attrs.evolve(CHAIN[0], name="other")
    code = make_code(a="")
    loaded = attrs.evolve(make_loaded(renamed), code={"other": code})
    with Workspace(Project(root), loaded) as workspace:
        assert workspace.plan()["other"].verdict == "restore"


def test_planning_and_doing_nothing_write_nothing(root: Path) -> None:
    write("in", "1")()
    plan(root, *CHAIN)
    assert sorted(os.listdir()) == ["in"]
    run(root, *CHAIN)
    run(root, *CHAIN)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and path.name != "clock"}
    with Workspace(Project(root), make_loaded(*CHAIN), readonly=True) as workspace:
        assert {decision.verdict for decision in workspace.plan().values()} == {"up_to_date"}
        assert workspace.session.hasher.hashed == 0
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_forced_stages_run_and_no_others(root: Path) -> None:
    write("in", "1")()
    run(root, *CHAIN)
    with Workspace(Project(root), make_loaded(*CHAIN)) as workspace:
        assert workspace.plan(["b"], force=["b"])["b"].verdict == "run"
        assert "c" not in workspace.plan(["b"])
        assert run_here(workspace, COPIES, force=["b"]) == {"a": "up_to_date", "b": "run", "c": "up_to_date"}


def test_a_dep_that_changes_while_the_stage_runs_is_not_recorded(root: Path) -> None:
    write("in", "1")()

    def slow() -> None:
        copy("in", "mid")()
        write("in", "2")()

    assert run(root, CHAIN[0], functions={"a": slow}) == {"a": "input changed while it ran: in"}
    assert Path("mid").read_text() == "1"
    assert not list(Path(".pivot/stages").glob("*"))
    assert run(root, CHAIN[0]) == {"a": "run"}
    assert Path("mid").read_text() == "2"


@pytest.mark.parametrize("dep", ["d/in", "d", "d/*"])
def test_a_dep_that_is_as_before_only_when_the_stage_ends_is_in_doubt(root: Path, dep: str) -> None:
    """As with `git stash` or another branch meanwhile."""
    Path("d").mkdir()
    write("d/in", "1")()
    stage = make_stage("a", [dep], ["mid"])

    def disturbed() -> None:
        write("d/in", "2")()
        copy("d/in", "mid")()
        write("d/in", "1")()

    notices = Notices()
    with Workspace(Project(root), make_loaded(stage), sink=notices) as workspace:
        assert run_here(workspace, {"a": disturbed}) == {"a": "run"}
    assert [text for text in notices.texts if text.startswith("d/in: written to while it ran")]
    assert not list(Path(".pivot/stages").glob("*"))
    assert run(root, stage, functions={"a": copy("d/in", "mid")}) == {"a": "run"}
    assert Path("mid").read_text() == "1"
    assert run(root, stage) == {"a": "up_to_date"}


def test_a_stage_that_writes_to_its_dep_what_it_holds_is_run_twice_and_recorded(root: Path) -> None:
    write("in", "1")()

    def writes() -> None:
        copy("in", "mid")()
        write("in", "1")()

    assert [run(root, CHAIN[0], functions={"a": writes}) for _ in range(3)] == [
        {"a": "run"},
        {"a": "run"},
        {"a": "up_to_date"},
    ]


def test_what_is_written_before_a_stage_starts_leaves_no_doubt(root: Path) -> None:
    """Not by others, nor by a stage that it waits for and that writes the same as ever."""
    write("in", "1")()
    run(root, *CHAIN)
    write("in", "1 ")()
    assert run(root, *CHAIN) == {"a": "run", "b": "up_to_date", "c": "up_to_date"}
    write("in", "1")()
    Path("mid").write_text("1")
    assert run(root, *CHAIN, b="new") == {"a": "restore", "b": "run", "c": "up_to_date"}
    assert run(root, *CHAIN, b="new") == {"a": "up_to_date", "b": "up_to_date", "c": "up_to_date"}


def test_a_file_that_comes_to_a_glob_while_the_stage_runs_is_a_change(root: Path) -> None:
    Path("d").mkdir()
    write("d/1.csv", "1")()
    stage = make_stage("a", ["d/*.csv"], ["mid"])

    def slow() -> None:
        write("mid", "x")()
        write("d/2.csv", "1")()

    assert run(root, stage, functions={"a": slow}) == {"a": "input changed while it ran: d/2.csv"}


def test_a_glob_is_expanded_into_deps(root: Path) -> None:
    Path("d").mkdir()
    write("d/1.csv", "1")()
    stage = make_stage("a", ["d/*.csv"], ["mid"])
    functions = {"a": write("mid", "x")}
    assert run(root, stage, functions=functions) == {"a": "run"}
    assert run(root, stage, functions=functions) == {"a": "up_to_date"}
    Path("d/1.csv").rename("d/2.csv")
    write("d/other.txt", "1")()
    with Workspace(Project(root), make_loaded(stage), readonly=True) as workspace:
        assert workspace.plan()["a"].reasons == (DepAdded("d/2.csv"), DepRemoved("d/1.csv"))


def test_what_is_ignored_in_an_out_outlives_runs_and_failures(root: Path) -> None:
    write(".pivotignore", "*.note\n")()
    Path("mid").mkdir()
    write("mid/a.note", "mine")()
    write("mid/old", "by hand")()
    with Workspace(Project(root), make_loaded(make_stage("a", outs=["mid"]))) as workspace:
        workspace.decide("a")
        task = workspace.prepare("a")
        assert os.listdir("mid") == ["a.note"]
        write("mid/half", "")()
        workspace.abandon(task, "exit code 1")
    assert sorted(os.listdir("mid")) == ["a.note", "old"]


def test_what_a_glob_will_match_is_pending_and_not_removed(root: Path) -> None:
    Path("d").mkdir()
    write("in", "1")()
    stages = (make_stage("a", ["in"], ["d/1.csv"]), make_stage("b", ["d/*.csv"], ["end"]))
    functions = {"a": copy("in", "d/1.csv"), "b": write("end", "x")}
    run(root, *stages, functions=functions)
    write("in", "2")()
    Path("d/1.csv").unlink()
    assert plan(root, *stages) == {"a": "run", "b": "pending"}


def test_outs_added_and_removed_are_reasons(root: Path) -> None:
    run(root, make_stage("a", outs=["1", "2"]), functions={"a": lambda: (write("1", "")(), write("2", "")(), None)[2]})
    with Workspace(Project(root), make_loaded(make_stage("a", outs=["2", "3"])), readonly=True) as workspace:
        decision = workspace.plan()["a"]
    assert decision.reasons == (OutAdded("3"), OutRemoved("1"))
    assert decision.verdict == "run"


def test_a_fingerprint_of_another_python_cannot_be_compared(root: Path) -> None:
    stage = make_stage("a", outs=["1"])
    run(root, stage, functions={"a": write("1", "")})
    loaded = attrs.evolve(make_loaded(stage), code={"a": make_code(python="3.14", a="")})
    with Workspace(Project(root), loaded, readonly=True) as workspace:
        assert workspace.plan()["a"].reasons == (FormatChanged("1/3.13", "1/3.14"),)


def test_params_are_compared_by_type_too(root: Path) -> None:
    run(root, make_stage("a", outs=["1"], n=1), functions={"a": write("1", "")})
    assert plan(root, make_stage("a", outs=["1"], n=1)) == {"a": "up_to_date"}
    assert plan(root, make_stage("a", outs=["1"], n=1.0)) == {"a": "run"}
    assert plan(root, make_stage("a", outs=["1"], n=True)) == {"a": "run"}


def test_missing_deps_are_named_together(root: Path) -> None:
    stages = (make_stage("a", ["no", "mid"], ["x"], line=5), make_stage("b", ["nor/*.csv"], ["mid"], line=9))
    with Workspace(Project(root), make_loaded(*stages), readonly=True) as workspace:
        with pytest.raises(PipelineError) as caught:
            workspace.check()
        workspace.plan()
    text = str(caught.value)
    assert all(
        part in text for part in ("  no, which 'a' reads (pipeline.py:5)", "  nor/*.csv, which 'b'", "pipeline.py:9")
    )
    assert "  mid, " not in text


def test_a_dep_that_is_a_link_to_nowhere_is_told_as_such(root: Path) -> None:
    (root / "in.txt").symlink_to("nowhere")
    stage = make_stage("a", ["in.txt"], ["x"])
    with (
        Workspace(Project(root), make_loaded(stage), readonly=True) as workspace,
        pytest.raises(PipelineError, match="is a link that leads nowhere"),
    ):
        workspace.check()


def test_a_database_that_cannot_be_used_is_told_at_the_end(root: Path) -> None:
    notices = Notices()
    (root / ".pivot/state.db").mkdir(parents=True)
    with Workspace(Project(root), make_loaded(CHAIN[0]), sink=notices) as workspace:
        workspace.settle()
    (text,) = notices.texts
    assert text.startswith(".pivot/state.db cannot be used: ")
    assert text.endswith("; until it can be, runs take longer, and less is restored")


def test_what_a_user_made_is_stored_before_it_is_replaced(root: Path) -> None:
    write("in", "1")()
    write("mid", "precious")()
    notices = Notices()
    with Workspace(Project(root), make_loaded(CHAIN[0]), sink=notices) as workspace:
        run_here(workspace, COPIES)
        assert "mid" in notices.texts[0]
        assert Path(notices.texts[0].rsplit(" ", 1)[1]).read_text() == "precious"
    write("mid", "also precious")()
    with Workspace(Project(root), make_loaded(CHAIN[0]), sink=notices) as workspace:
        assert run_here(workspace, COPIES) == {"a": "restore"}
    assert len(notices.texts) == 2


def test_after_a_failure_the_old_outs_are_back_and_the_new_ones_aside(root: Path) -> None:
    write("in", "1")()
    Path("mid").mkdir()
    write("mid/old", "by hand")()
    with Workspace(Project(root), make_loaded(CHAIN[0])) as workspace:
        for part in ("half", "other half"):
            workspace.decide("a")
            task = workspace.prepare("a")
            assert not Path("mid").exists()
            write("mid", part)()
            workspace.abandon(task, "exit code 1")
            assert Path("mid/old").read_text() == "by hand"
            assert Path(".pivot/failed/a/mid").read_text() == part
    assert plan(root, CHAIN[0]) == {"a": "run"}


def test_an_out_that_was_not_written_is_an_error(root: Path) -> None:
    write("in", "1")()
    told = "did not write mid; no other file of the project changed while it ran"
    assert run(root, CHAIN[0], functions={"a": lambda: None}) == {"a": told}
    assert run(root, CHAIN[0], functions={"a": write("middle", "")}) == {"a": "did not write mid, but middle"}


def test_a_file_is_no_out_that_has_to_be_a_directory(root: Path) -> None:
    stage = attrs.evolve(make_stage("a"), outs=(Out("d", is_directory=True), Out("any")))

    def make_files() -> None:
        Path("d").touch()
        Path("any").touch()

    def make_directories() -> None:
        Path("d").mkdir()
        Path("any").mkdir()

    told = "wrote d as a file, where d/ says a directory"
    assert run(root, stage, functions={"a": make_files}) == {"a": told}
    assert run(root, stage, functions={"a": make_directories}) == {"a": "run"}


def test_the_project_is_searched_for_a_few_of_many_stages_that_did_not_write_their_outs(root: Path) -> None:
    stages = [make_stage(f"s{number}", [], [f"out{number}"]) for number in range(30)]
    errors = run(root, *stages, functions={stage.name: lambda: None for stage in stages}).values()
    assert sum("no other file" in error for error in errors) == 20
    assert all(error.startswith("did not write out") for error in errors)


def test_outs_that_are_not_cached_are_neither_stored_nor_restored(root: Path) -> None:
    stage = attrs.evolve(make_stage("a"), outs=(Out("1", cache=False), Out("2")))

    def action() -> None:
        write("1", "uncached")()
        write("2", "cached")()

    assert run(root, stage, functions={"a": action}) == {"a": "run"}
    Path("2").unlink()
    assert run(root, stage, functions={"a": action}) == {"a": "restore"}
    Path("1").unlink()
    assert run(root, stage, functions={"a": action}) == {"a": "run"}
    with Workspace(Project(root), make_loaded(stage)) as workspace:
        state = workspace.session.hasher.state("1")
        assert state is not None
        assert workspace.session.missing([state.digest])


def test_directories_of_outs_are_made_and_git_ignores_the_outs(root: Path) -> None:
    Path(".git").mkdir()
    run(root, make_stage("a", outs=["x/y/1"]), functions={"a": write("x/y/1", "")})
    assert Path("x/y/.gitignore").read_text() == "/1\n"
    assert Path(".pivot/.gitignore").exists()


def test_a_record_says_what_the_stage_depended_on(root: Path) -> None:
    write("in", "1")()
    stage = make_stage("a", ["in"], ["mid"], n=3)
    run(root, stage)
    with Session(Project(root), readonly=True) as session:
        record = session.locks.read("a")
        assert record is not None
        assert (set(record.deps), set(record.outs), record.params) == ({"in"}, {"mid"}, {"n": 3})
        assert record.manifest == make_code(a="").manifest


def test_a_result_without_the_outs_is_not_recorded(root: Path) -> None:
    """As an executor of somebody's own may report it."""
    with Workspace(Project(root), make_loaded(make_stage("a", [], ["a.txt"]))) as workspace:
        workspace.decide("a")
        task = workspace.prepare("a")
        assert "does not say what it wrote: a.txt" in workspace.record(task, Finished(task.id, 1.0))


def test_one_session_at_a_time(root: Path) -> None:
    with Session(Project(root)):
        with pytest.raises(BusyError):
            Session(Project(root))
        Session(Project(root), readonly=True).close()
    Session(Project(root)).close()


def test_a_task_is_plain_data(root: Path) -> None:
    import pickle

    write("in", "1")()
    with Workspace(Project(root), make_loaded(CHAIN[0])) as workspace:
        workspace.decide("a")
        task = workspace.prepare("a")
        assert pickle.loads(pickle.dumps(task)) == task
        assert task.environment == {"PIVOT_STAGE": "a"}
        assert workspace.record(task, Finished(task.id, 0.0, outs=dict(task.deps) | {"mid": task.deps["in"]})) == ""


steps = st.lists(st.tuples(st.sampled_from(["in", "code_a", "code_b", "mid", "end"]), st.integers(0, 2)), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(steps=steps)
def test_after_any_edits_a_run_gives_what_a_first_run_would(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is edited: the outs are those of the present inputs, and the run after it does nothing."""
    root = tmp_path_factory.mktemp("project")
    state = {"in": 0, "code_a": 0, "code_b": 0}
    (root / "in").write_text("0")

    def made(code: int, source: str) -> str:
        return f"{code}({(root / source).read_text()})"

    functions = {
        "a": lambda: (root / "mid").write_text(made(state["code_a"], "in")),
        "b": lambda: (root / "end").write_text(made(state["code_b"], "mid")),
    }
    for what, value in steps:
        if what in state:
            state[what] = value
            (root / "in").write_text(str(state["in"]))
        else:
            (root / what).write_text(f"by hand {value}")
        loaded = make_loaded(*CHAIN[:2], a=str(state["code_a"]), b=str(state["code_b"]))
        with Workspace(Project(root), loaded) as workspace:
            run_here(workspace, functions)
        assert (root / "end").read_text() == f"{state['code_b']}({state['code_a']}({state['in']}))"
        with Workspace(Project(root), loaded, readonly=True) as workspace:
            assert {decision.verdict for decision in workspace.plan().values()} == {"up_to_date"}
