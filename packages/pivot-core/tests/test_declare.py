"""`stage`: what it takes, what it refuses, and where it says the mistake is."""

from __future__ import annotations

import functools
import ntpath
import os
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from pathlib import Path, PureWindowsPath
from typing import Any, cast

import pytest
from pivot import stage
from pivot_core import given_paths
from pivot_core.declare import Declared, Registry, current_registry
from pivot_core.errors import PipelineError
from pivot_core.model import Dep, Location, Out


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    token = current_registry.set(made)
    yield made
    current_registry.reset(token)


def work(**_params: object) -> str:
    return "worked"


def declared(registry: Registry) -> Declared:
    (one,) = registry.declared.values()
    return one


def test_a_decorated_function_is_itself(registry: Registry) -> None:
    assert stage(deps="a", outs="b")(work) is work
    assert stage(work, name="again") is work
    assert work() == "worked"


def test_outside_of_a_load_nothing_happens() -> None:
    assert stage(work, deps="a") is work
    assert stage(outs=["b"])(work)() == "worked"


@pytest.mark.parametrize("value", ["a/b", Path("a/b"), ["a/b"], (Path("a/b"),), ["./a/b/", "a//b"], iter(["a/x/../b"])])
def test_paths_are_one_or_many_texts_or_paths(registry: Registry, value: Any) -> None:
    stage(work, deps=value)
    assert declared(registry).stage.deps == (Dep("a/b"),)


def test_deps_outside_of_the_project_are_absolute(registry: Registry) -> None:
    stage(work, deps=["../x", "/data/y", registry.root / "z"], outs="o")
    paths = [dep.path for dep in declared(registry).stage.deps]
    assert paths == [str(registry.root.parent / "x"), "/data/y", "z"]
    assert declared(registry).stage.outs == (Out("o"),)


def test_an_absolute_out_is_refused_with_what_to_write_instead(registry: Registry) -> None:
    """Such as `Path(__file__).parent / "plots"`."""
    with pytest.raises(PipelineError, match="is absolute\nWrite 'a/b'"):
        stage(work, outs=registry.root / "a/b")
    with pytest.raises(PipelineError, match="is absolute\nGive it relative to the project root"):
        stage(work, outs="/elsewhere/out")


def test_a_slash_at_the_end_of_an_out_asks_for_a_directory(registry: Registry) -> None:
    stage(work, outs=["a/", "b", "./b/", "c"])
    assert declared(registry).stage.outs == (Out("a", is_directory=True), Out("b", is_directory=True), Out("c"))


def test_an_out_may_be_one_that_is_not_cached(registry: Registry) -> None:
    stage(name="one", outs=Out("./metrics.json", cache=False))(work)
    stage(name="more", outs=["a", Out("plots/", cache=False), Out("b"), "b", Out("plots", cache=False)])(work)
    assert registry.declared["one"].stage.outs == (Out("metrics.json", cache=False),)
    assert registry.declared["more"].stage.outs == (
        Out("a"),
        Out("plots", cache=False, is_directory=True),
        Out("b"),
    )
    with pytest.raises(PipelineError, match="outs: 'a' is given twice, with and without cache=False"):
        stage(name="two", outs=["a", Out("a", cache=False)])(work)
    with pytest.raises(PipelineError, match="lies outside the project"):
        stage(name="outside", outs=Out("../a", cache=False))(work)


def test_stages_are_made_in_a_loop(registry: Registry) -> None:
    for n in range(3):
        stage(work, outs=f"{n}.txt", name=f"work_{n}", params={"n": n})
    assert list(registry.declared) == ["work_0", "work_1", "work_2"]


def test_a_partial_has_the_name_of_its_function(registry: Registry) -> None:
    stage(functools.partial(work))
    assert list(registry.declared) == ["work"]


def test_params_are_plain_data_in_order_of_their_names(registry: Registry) -> None:
    stage(work, params={"b": (1, 2.5), "a": {"x": None}})
    assert list(declared(registry).stage.params.items()) == [("a", {"x": None}), ("b", [1, 2.5])]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: stage(work, deps=3), "deps must be a path or a list of paths"),  # type: ignore[call-overload] # wrong on purpose
        (lambda: stage(work, deps=[3]), "deps must be paths"),  # type: ignore[list-item] # wrong on purpose
        (lambda: stage(work, deps=b"x"), "deps must be"),  # type: ignore[arg-type] # wrong on purpose
        (lambda: stage(work, outs={"a": 1}), "outs must be"),
        (lambda: stage(work, deps=[""]), "empty path"),
        (lambda: stage(work, outs=" "), "empty path"),
        (lambda: stage(work, outs="a\nb"), "cannot be a path"),
        (lambda: stage(work, outs="/tmp/x"), "absolute"),
        (lambda: stage(work, deps=work), "deps must be paths, not the function work"),  # type: ignore[call-overload] # wrong on purpose
        (lambda: stage(work, deps=["a", work]), "deps must be paths, not the function work"),  # type: ignore[list-item] # wrong on purpose
        (lambda: stage(work, outs="../x"), "outside the project"),
        (lambda: stage(work, outs="a/../../x"), "outside the project"),
        (lambda: stage(work, outs="."), "the project itself"),
        (lambda: stage(work, outs=".pivot/x"), "not for stages to write"),
        (lambda: stage(work, outs="a/.git/x"), "not for stages to write"),
        (lambda: stage(work, outs="*.csv"), "is a glob"),
        (lambda: stage(work, name="a b"), "cannot be the name"),
        (lambda: stage(work, name=""), "cannot be the name"),
        (lambda: stage(work, name="a/b"), "cannot be the name"),
        (lambda: stage(work, name=3), "name must be a text"),  # type: ignore[call-overload] # wrong on purpose
        (lambda: stage(lambda: None), "a lambda has no name"),
        (lambda: stage(Path), "the class Path cannot be a stage"),
        (lambda: stage("deps"), "takes a function"),  # type: ignore[call-overload] # wrong on purpose
        (lambda: stage(work, params=[1]), "params must map"),  # type: ignore[call-overload] # wrong on purpose
        (lambda: stage(work, params={"a b": 1}), "params must map"),
        (lambda: stage(work, params={"a": object()}), "must be plain data"),
        (lambda: stage(work, params={"a": date(2026, 1, 1)}), "not datetime.date.2026, 1, 1.\nConvert it: numbers"),  # type: ignore[dict-item] # as YAML gives it
        (lambda: stage(work, params={"a": [float("nan")]}), r"params\['a'\]\[0\] is NaN"),
        (lambda: stage(work, params={"a": ["\ud800"]}), r"params\['a'\]\[0\]: '\\ud800' has half a character"),
        (lambda: stage(work, params={"a": {"\ud800": 1}}), r"params\['a'\], key: '\\ud800' has half a character"),
        (lambda: stage(work, deps="\ud800"), r"deps: '\\ud800' cannot be a path"),
        (lambda: stage(work, params={"a": {1: 2}}), "must be texts"),
    ],
)
def test_what_cannot_work_is_refused_at_its_line(
    declare: Callable[[], object], message: str, registry: Registry
) -> None:
    with pytest.raises(PipelineError, match=message) as caught:
        declare()
    where = caught.value.where
    assert where is not None
    assert Path(where.file).name == Path(__file__).name
    assert "stage(" in Path(__file__).read_text().splitlines()[where.line - 1]


def test_two_stages_of_one_name_are_told_of_each_other(registry: Registry) -> None:
    stage(work)
    first = declared(registry).stage.location
    with pytest.raises(PipelineError) as caught:
        stage(work)
    assert str(first) in str(caught.value)
    assert "name='work_2'" in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.line == first.line + 3


def test_the_line_is_that_of_the_decorator(registry: Registry) -> None:
    line = sys._getframe().f_lineno + 2

    @stage(deps="x")
    def inner() -> None: ...

    assert declared(registry).stage.location.line == line
    assert declared(registry).stage.action.qualname.endswith(".inner")


async def coroutine() -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def asynchronous_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("function", [coroutine, generator, asynchronous_generator])
def test_a_function_that_a_call_does_not_run_is_refused(function: Callable[[], object]) -> None:
    with pytest.raises(PipelineError, match=f"{function.__name__}.. is asynchronous or a generator") as raised:
        stage(function)
    assert raised.value.where is not None


@pytest.mark.parametrize(
    "head",
    [
        *("", "a", "a, b", "a, b=1", "a=1, b=2", "*, a", "*, a=1", "a, *, b=1", "a=1, *, b", "a, /", "a, /, b"),
        *("a=1, /, b=2", "*args", "a, *args, b", "**kwargs", "a, **kwargs"),
    ],
)
@pytest.mark.parametrize("given", ["", "a", "b", "ab", "c", "ac", "abc"])
def test_what_a_function_takes_is_what_a_call_would(head: str, given: str) -> None:
    space: dict[str, Any] = {}
    exec(f"def function({head}): pass", space)
    params = dict.fromkeys(given, 1)
    try:
        space["function"](**params)
    except TypeError:
        with pytest.raises(PipelineError, match="cannot be called with its params"):
            stage(space["function"], params=params)
    else:
        stage(space["function"], params=params)


def test_a_function_that_cannot_be_called_with_its_params_is_refused() -> None:
    def needs(topk: int) -> None: ...

    def takes_any(**named: object) -> None: ...

    with pytest.raises(
        PipelineError, match=r"needs\(topk: .*int.*\) cannot be called .* missing a required argument: 'topk'"
    ):
        stage(needs)
    with pytest.raises(PipelineError, match="got an unexpected keyword argument 'other'"):
        stage(needs, params={"topk": 1, "other": 2})
    stage(needs, params={"topk": 1})
    stage(takes_any, params={"other": 2})


def test_a_decorator_that_gives_arguments_of_its_own_may() -> None:
    def needs(topk: int) -> None: ...

    @functools.wraps(needs)
    def given(*arguments: object, **named: object) -> None: ...

    stage(given)
    stage(functools.partial(needs, 3), name="partly")


def test_what_belongs_to_a_class_is_refused_with_what_to_do() -> None:
    with pytest.raises(PipelineError, match="a classmethod cannot be a stage") as raised:

        class _Steps:
            @stage(outs="a")
            @classmethod
            def made(cls) -> None: ...

    assert "outside of the class" in str(raised.value.hint)
    with pytest.raises(PipelineError, match=r"_Others.run\(self\) cannot be called") as raised:

        class _Others:
            @stage(outs="a")
            def run(self) -> None: ...

    assert "outside of the class" in str(raised.value.hint)


def test_a_static_method_is_a_stage() -> None:
    class Steps:
        @stage(outs="a")
        @staticmethod
        def run() -> str:
            return "ran"

    assert Steps.run() == "ran"


WINDOWS_ROOT = r"C:\work\project"


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paths of Windows."""
    names = {"path": ntpath, "sep": "\\", "curdir": ".", "pardir": "..", "fspath": os.fspath, "PathLike": os.PathLike}
    monkeypatch.setattr(given_paths, "os", types.SimpleNamespace(**names))


@pytest.mark.usefixtures("on_windows")
@pytest.mark.parametrize("label", ["deps", "outs"])
@pytest.mark.parametrize(
    "text", [r"data\in.csv", "data/in.csv", r"data\.\more\..\in.csv", PureWindowsPath("data/in.csv")]
)
def test_paths_of_windows_are_kept_with_forward_slashes(label: str, text: object) -> None:
    assert checked(text, label) == "data/in.csv"


@pytest.mark.usefixtures("on_windows")
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (r"C:\work\project\data\in.csv", "data/in.csv"),
        (r"c:\WORK\Project\data\in.csv", "data/in.csv"),
        (r"C:\elsewhere\in.csv", "C:/elsewhere/in.csv"),
        (r"D:\in.csv", "D:/in.csv"),
        (r"..\in.csv", "C:/work/in.csv"),
        (r"\\server\share\in.csv", "//server/share/in.csv"),
    ],
)
def test_deps_on_any_drive_of_windows(text: str, kept: str) -> None:
    assert checked(text, "deps") == kept


@pytest.mark.usefixtures("on_windows")
@pytest.mark.parametrize(
    "text", [r"C:\work\a", r"D:\a", r"\a", "/a", "C:a", r"..\a", r"b\..\..\a", r".pivot\a", r"src\steps", "."]
)
def test_outs_of_windows_stay_inside_the_project(text: str) -> None:
    with pytest.raises(PipelineError):
        checked(text, "outs")


def checked(value: object, label: str) -> str:
    location = Location("src/steps/pipeline.py", 1)
    return given_paths.checked_path(value, label, cast("Path", PureWindowsPath(WINDOWS_ROOT)), location)
