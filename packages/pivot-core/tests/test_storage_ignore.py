"""What does not count, and what globs name."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pivot_core.storage.globs import expand, matches
from pivot_core.storage.ignore import Ignore, is_litter
from placing import any_names


@pytest.mark.parametrize(
    "name", ["__pycache__", ".ipynb_checkpoints", ".DS_Store", "a~", ".a.swp", ".a.swo", ".#a", "#a#", ".pivot-tmp-0-1"]
)
def test_what_tools_leave_behind_never_counts(name: str) -> None:
    assert Ignore().ignored(f"data/{name}", directory=False)


@pytest.mark.parametrize("name", ["a.swp", ".swp", "a#", "#a", ".a.sww.b", "pycache", "~a", ".hidden", ".git", "swap"])
def test_files_that_only_look_like_it_count(name: str) -> None:
    assert not Ignore().ignored(name, directory=False)


@pytest.mark.parametrize("name", [".git", ".pivot"])
def test_directories_of_tools_never_count(name: str) -> None:
    assert Ignore().ignored(f"sub/{name}", directory=True)


@pytest.mark.parametrize(
    ("lines", "ignored", "kept"),
    [
        (["*.log"], ["a.log", "x/a.log", ".log"], ["a.logs", "log"]),
        (["/a.log"], ["a.log"], ["x/a.log"]),
        (["x/a"], ["x/a"], ["y/x/a"]),
        (["build/"], ["build/", "x/build/"], ["build", "x/build"]),
        (["*.log", "!keep.log"], ["a.log"], ["keep.log", "x/keep.log"]),
        (["!keep.log", "*.log"], ["keep.log"], []),
        (["a?c"], ["abc"], ["ac", "a/c", "abbc"]),
        (["a[0-9]"], ["a1"], ["ab", "a-"]),
        (["a[!0-9]"], ["ab"], ["a1"]),
        (["a[]]"], ["a]"], ["a["]),
        (["a[z-b--a]"], [], ["ac"]),
        (["a[b"], ["a[b"], ["ab"]),
        (["**/x"], ["x", "a/x", "a/b/x"], ["ax"]),
        (["a/**"], ["a/x", "a/x/y"], ["a", "b/a/x"]),
        (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
        (["a**b"], ["axb"], ["a/b"]),
        (["# a", "", "   "], [], ["# a", "a"]),
        (["\\#a", "\\!b"], ["#a", "!b"], ["b"]),
        (["a  ", "b\\ "], ["a", "b "], ["b", "a  "]),
        (["a\r"], ["a"], []),
        (["a.b"], ["a.b"], ["axb"]),
    ],
)
def test_patterns(lines: list[str], ignored: list[str], kept: list[str]) -> None:
    ignore = Ignore.parse(lines)
    assert [p for p in ignored if not ignore.ignored(p.rstrip("/"), directory=p.endswith("/"))] == []
    assert [p for p in kept if ignore.ignored(p.rstrip("/"), directory=p.endswith("/"))] == []


@given(st.text("ab*?[]!/\\-^#. &|~", max_size=8), st.text("ab/-]", min_size=1, max_size=6))
def test_no_pattern_makes_it_fail(line: str, path: str) -> None:
    Ignore.parse([line]).ignored(path, directory=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the reference here")
def test_git_agrees(tmp_path: Path) -> None:
    patterns = ["*.log", "/a", "b/", "c/d", "!x.log", "**/e", "f/**", "g/**/h", "i?", "j[a-c]", "k[!a]", "\\#l", "m*n"]
    patterns += ["/o/*"]
    paths = [
        "x.log",
        "y.log",
        "s/y.log",
        "a",
        "s/a",
        "b",
        "s/b",
        "c/d",
        "s/c/d",
        "e",
        "s/e",
        "f/q",
        "g/h",
        "g/s/h",
        "ix",
    ]
    paths += ["i", "jb", "jd", "kb", "ka", "#l", "mxn", "mn", "m", "o/p", "s/o/p"]
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("\n".join(patterns))
    command = ["git", "-C", str(tmp_path), "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin"]
    answer = subprocess.run(command, input="\n".join(paths), capture_output=True, text=True, check=False)
    ignore = Ignore.parse(patterns)
    assert [path for path in paths if ignore.ignored(path, directory=False)] == [
        re.sub(r'^"(.*)"$', r"\1", line) for line in answer.stdout.splitlines()
    ]


def test_the_file_in_the_root_is_read_and_may_be_missing(tmp_path: Path) -> None:
    assert Ignore.load(tmp_path) == Ignore()
    (tmp_path / ".pivotignore").write_bytes(b"\xef\xbb\xbf*.log\r\n\xff*\r\n")
    assert Ignore.load(tmp_path).ignored("x/a.log", directory=False)
    assert Ignore.load(tmp_path).ignored("\udcffx", directory=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    paths = ["a.csv", "b.txt", ".h.csv", "data/c.csv", "data/sub/d.csv", "data/.hid/e.csv", "data/[x].csv", "dir.csv/z"]
    paths += ["data/a~", "data/sub/__pycache__/f.csv", "venv/pyvenv.cfg", "venv/g.csv"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.csv", ["a.csv", "dir.csv"]),
        (".*.csv", [".h.csv"]),
        ("data/*.csv", ["data/[x].csv", "data/c.csv"]),
        ("data/[[]x].csv", ["data/[x].csv"]),
        ("data/*", ["data/[x].csv", "data/c.csv", "data/sub"]),
        ("**/*.csv", ["a.csv", "data/[x].csv", "data/c.csv", "data/sub/d.csv", "dir.csv"]),
        ("data/**", ["data/[x].csv", "data/c.csv", "data/sub/d.csv"]),
        ("data/**/d.csv", ["data/sub/d.csv"]),
        ("*/sub/?.csv", ["data/sub/d.csv"]),
        ("data/.*/e.csv", ["data/.hid/e.csv"]),
        ("*", ["a.csv", "b.txt", "data", "dir.csv"]),
        ("venv/*.csv", ["venv/g.csv"]),
        ("nothing/*", []),
        ("b.txt/*", []),
    ],
)
def test_a_glob_names_files_and_directories_sorted(tree: Path, pattern: str, found: list[str]) -> None:
    assert expand(tree, pattern, Ignore()) == found


def test_ignored_files_are_not_in_a_glob(tree: Path) -> None:
    assert expand(tree, "**/*.csv", Ignore.parse(["/data/"])) == ["a.csv", "dir.csv"]


def test_an_absolute_glob_names_absolute_paths(tree: Path) -> None:
    assert expand(Path("/"), f"{tree}/*.txt", Ignore()) == [f"{tree}/b.txt"]


def test_links_in_a_circle_do_not_hang_a_glob(tree: Path) -> None:
    (tree / "data" / "loop").symlink_to("..")
    assert "data/loop" in expand(tree, "data/**", Ignore())


@any_names
def test_names_that_are_not_utf8_are_found(tmp_path: Path) -> None:
    (tmp_path / "\udcff\n.csv").touch()
    assert expand(tmp_path, "*.csv", Ignore()) == ["\udcff\n.csv"]


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("data/*.csv", "data/a.csv"),
        ("data/*.csv", "data"),
        ("data/*/x.csv", "data/a"),
        ("*", "models/a.pkl"),
        ("data/*", "data/sub/x.csv"),
        ("**/*.csv", "a.csv"),
        ("**/*.csv", "x/y/a.csv"),
        ("data/**", "data/x/y"),
        ("data/**", "data"),
        ("**", "x"),
        ("a/**/b/*.csv", "a/x/b"),
    ],
)
def test_an_out_that_a_glob_will_name_matches(pattern: str, path: str) -> None:
    assert matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("data/*.csv", "data/a.txt"),
        ("data/*.csv", "other"),
        ("*.csv", "data/a.csv"),
        ("*.csv", ".a.csv"),
        ("**/*.csv", "model.pkl"),
        ("**/*.csv", "models/model.pkl"),
        ("**/*.csv", ".hid/a.csv"),
        ("data/**", "data/.hid"),
        ("data/**", "database"),
    ],
)
def test_an_out_that_a_glob_cannot_name_does_not_match(pattern: str, path: str) -> None:
    assert not matches(pattern, path)


def test_what_is_known_to_be_a_directory_may_hold_matches_of_a_recursive_glob() -> None:
    assert matches("**/*.csv", "models", directory=True)
    assert not matches("data/**/*.csv", "models", directory=True)


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small")
    for path in ["a", "b/a", "b/b.a", "b/.a/b", "ab/a/b/ab", "a.b"]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


@given(st.text("ab./*?", min_size=1, max_size=8).filter(lambda p: "//" not in p and p.strip("/") == p))
def test_what_a_glob_expands_to_matches_it(small_tree: Path, pattern: str) -> None:
    """The edge of the graph and the expansion can never disagree."""
    if any(part in (".", "..") for part in pattern.split("/")):
        return
    for path in expand(small_tree, pattern, Ignore()):
        assert matches(pattern, path), path


def test_litter_is_told_by_name_alone() -> None:
    assert is_litter(".x.swp")
    assert not is_litter(".git")
