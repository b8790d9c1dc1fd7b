"""The first command of the README, to the letter, in a copy that has nothing but the files of the repository."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OFFLINE = {"UV_OFFLINE": "1"}  # all that is needed was installed for this very test
# Hard links would give the files of this very environment new stamps, under the eyes of the tests beside this one.
COPIED = {"UV_LINK_MODE": "copy"}


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    root = tmp_path / "pivot"
    for name in filter(None, names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # deleted, or another test's that is gone by now
            shutil.copy2(ROOT / name, root / name)
    yield root
    shutil.rmtree(root)  # it holds a whole environment


def surroundings(**variables: str) -> dict[str, str]:
    """The environment of a shell outside of the one that the tests run in."""
    left = ("PIVOT_", "PYTEST_", "COV_", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_RUN", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left)}
    here = Path(sys.prefix).resolve()
    places = [place for place in kept["PATH"].split(os.pathsep) if here not in Path(place).resolve().parents]
    return {**kept, "PATH": os.pathsep.join(places), **variables}


def typed(command: str, place: Path) -> str:
    """What a shell prints; the network is used only for what is not on this machine."""
    for variables in (OFFLINE, {}):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=place,
            env=surroundings(**COPIED, **variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if "network was disabled" not in done.stderr:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_the_first_command_of_the_readme_and_what_it_says_to_do_next(clone: Path) -> None:
    """It runs the example; after an edit of `is_complete`, with `explain` in place of `run`, it names that function."""
    if subprocess.run(
        ["python3", "-m", "uv", "--version"], env=surroundings(), capture_output=True, check=False
    ).returncode:
        pytest.skip("this python3 has no uv, and a test installs nothing for its user")
    command = re.findall(r"^```bash\n(.*)\n```$", (clone / "README.md").read_text("utf-8"), re.MULTILINE)[0]
    assert " run pivot -C examples/quickstart run" in command
    assert "2 ran in" in typed(command, clone)
    assert (clone / "examples" / "quickstart" / "model.pkl").is_file()
    assert "2 up to date in" in typed(command, clone)

    measures = clone / "examples" / "quickstart" / "measures.py"
    before = measures.read_text("utf-8")
    measures.write_text(before.replace("notna().all(", "notna().any("), "utf-8")
    line = before.partition("def is_complete(")[0].count("\n") + 1
    told = typed(f"{command.removesuffix('run')}explain", clone)
    assert "func:is_complete\n" in told
    assert f"File: measures.py:{line}\n" in told
    assert "2 ran in" in typed(command, clone)
