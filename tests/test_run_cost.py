"""What a run costs is counted: imports, files, bytes."""

import time
from pathlib import Path

import pytest
from typed import Typed

HEAVY = """
    import os
    with open(os.environ["IMPORTS"], "a") as file:
        file.write("imported\\n")
    """

STAGES = """
    from pivot import stage

    def work(name):
        import heavy
        with open(f"out/{name}.txt", "w") as file:
            file.write(name)

    for number in range(COUNT):
        stage(work, name=f"s{number}", params={"name": f"s{number}"}, outs=[f"out/s{number}.txt"])
    """


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that notes each time it is imported."""
    place = tmp_path_factory.mktemp("library") / "site-packages"
    place.mkdir()
    Typed(place).write("heavy.py", HEAVY)
    time.sleep(0.3)  # what changed at the moment when it is imported may have been imported as it was before
    return place


def of_stages(project: Typed, count: int) -> None:
    project.write("pipeline.py", STAGES.replace("COUNT", str(count)))


def files(project: Typed) -> dict[str, int]:
    """The files of Pivot's own, with their sizes."""
    found = [path for path in (project.root / ".pivot").rglob("*") if path.is_file()]
    return {path.relative_to(project.root).as_posix(): path.stat().st_size for path in found}


@pytest.mark.parametrize("isolation", ["stage", "worker"])
def test_a_library_is_imported_once_a_run_whatever_the_number_of_stages(
    project: Typed, library: Path, isolation: str
) -> None:
    of_stages(project, 8)
    log = library / "imports.log"
    project.pivot("run", PYTHONPATH=str(library), IMPORTS=str(log), PIVOT_ISOLATION=isolation)
    assert log.read_text() == "imported\n"
    project.pivot("run", "--force", PYTHONPATH=str(library), IMPORTS=str(log), PIVOT_ISOLATION=isolation)
    assert log.read_text() == "imported\n" * 2


def test_a_run_with_nothing_to_do_imports_it_not_at_all(project: Typed, library: Path) -> None:
    of_stages(project, 2)
    log = library / "imports.log"
    for arguments in ((), (), ("-k",), ("s1",)):
        project.pivot("run", *arguments, PYTHONPATH=str(library), IMPORTS=str(log))
    assert log.read_text() == "imported\n"


def test_a_run_writes_three_files_a_stage_and_none_that_all_stages_share_grows_with_each(project: Typed) -> None:
    """A lock file, a log and an object; the database and the answer are written once, however many there are."""
    project.write("heavy.py", "")
    of_stages(project, 10)
    project.pivot("run")
    few = files(project)
    of_stages(project, 30)
    project.pivot("run")
    many = files(project)
    assert len(many) - len(few) == 3 * 20
    locks = {name: size for name, size in many.items() if name.startswith(".pivot/stages/")}
    assert len(locks) == 30
    assert max(locks.values()) <= max(size for name, size in few.items() if name in locks) + 4


def test_one_edit_rewrites_the_lock_file_of_that_stage_alone(project: Typed) -> None:
    project.write("heavy.py", "")
    of_stages(project, 10)
    project.pivot("run")
    locks = {path: path.stat().st_mtime_ns for path in (project.root / ".pivot/stages").iterdir()}
    (project.root / "out/s3.txt").unlink()
    assert project.ran("--force", "s3") == {"s3"}
    again = {path: path.stat().st_mtime_ns for path in (project.root / ".pivot/stages").iterdir()}
    changed = {path.name for path in locks if locks[path] != again[path]}
    assert changed <= {"s3.lock"}


def test_a_directory_is_walked_once_for_all_that_is_decided_and_once_after_a_stage(project: Typed) -> None:
    site = project.root.parent / f"{project.root.name}-hook"
    Typed(site).write(
        "sitecustomize.py",
        """
        import os, sys
        def note(event, arguments):
            if event == "os.scandir" and str(arguments[0]).endswith("data") and "pivot_core.workspace" in sys.modules:
                with open(os.environ["WALKS"], "a") as file:
                    file.write("x")
        sys.addaudithook(note)
        """,
    )

    def walks(*arguments: str) -> int:
        log = site / "walks"
        log.write_text("")
        project.pivot(*arguments, PYTHONPATH=str(site), WALKS=str(log))
        return len(log.read_text())

    stages = STAGES.replace("outs=", "deps='data', outs=")
    project.write("data/one", "1")
    project.write("data/deep/two", "2")
    project.write("pipeline.py", stages.replace("COUNT", "3"))
    project.write("heavy.py", "")
    walks("run")
    project.write("data/one", "other")
    assert walks("status") == 1
    project.write("pipeline.py", stages.replace("COUNT", "1"))
    walks("run")
    project.write("data/one", "another")
    time.sleep(0.05)  # what changed at the very moment is looked at again
    assert walks("run") == 2
    assert walks("run") == 0


def test_what_a_library_imported_late_in_one_run_is_there_from_the_start_in_the_next(project: Typed) -> None:
    """The first run learns it while it goes on: its later stages have it too."""
    site = project.root.parent / f"{project.root.name}-site" / "site-packages"
    (site / "somelib").mkdir(parents=True)
    (site / "somelib" / "__init__.py").touch()
    (site / "somelib" / "late.py").touch()
    project.write(
        "pipeline.py",
        """
        import importlib, sys
        from pathlib import Path
        import somelib
        from pivot import stage

        def look(at):
            Path(f"{at}.txt").write_text(str("somelib.late" in sys.modules))
            importlib.import_module("somelib.late")

        for at in range(20):
            stage(look, name=f"s{at}", deps=f"{at - 1}.txt" if at else "in.txt", outs=f"{at}.txt", params={"at": at})
        """,
    )
    project.write("in.txt", "1")
    assert len(project.ran(PYTHONPATH=str(site))) == 20
    assert (project.read("0.txt"), project.read("19.txt")) == ("False", "True")
    project.write("in.txt", "2")
    assert "s0" in project.ran(PYTHONPATH=str(site))
    assert project.read("0.txt") == "True"
