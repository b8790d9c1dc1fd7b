"""Exports that DVC itself runs: odd names and paths, and a dvc.yaml that is not in the root."""

import json
import os
import subprocess
import sys
from pathlib import Path

from typed import Typed

PIPELINE = """
from pivot import Out, stage

@stage(deps="in/*.txt", outs=["it's ${here}/first.txt", Out(".5", cache=False)], name="first@1:a")
def first():
    import pathlib
    pathlib.Path("it's ${here}").mkdir(exist_ok=True)
    text = "".join(file.read_text() for file in sorted(pathlib.Path("in").glob("*.txt")))
    pathlib.Path("it's ${here}/first.txt").write_text(text)
    pathlib.Path(".5").write_text(text)

@stage(deps=["it's ${here}/*.txt", ".?", "in/[12].txt"], outs="directory", params={"pattern": "${x}"})
def second(pattern):
    import pathlib
    pathlib.Path("directory").mkdir(exist_ok=True)
    pathlib.Path("directory/second.txt").write_text(pattern)
"""


def dvc(project: Typed, *arguments: str, place: str = ".") -> str:
    environment = project.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(
        command, cwd=project.root / place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_dvc_runs_an_export_with_odd_names_and_paths_from_another_directory(project: Typed) -> None:
    """Then it calls everything up to date, and so does Pivot."""
    project.write("pipeline.py", PIPELINE)
    project.write("in/1.txt", "1")
    project.write("in/2.txt", "2")
    place = "exchange/deep"
    (project.root / place).mkdir(parents=True)
    assert project.pivot("export", "-o", f"{place}/dvc.yaml").stdout == f"wrote {place}/dvc.yaml\n"
    dvc(project, "init", "--no-scm", "--quiet")
    dvc(project, "repro", "--quiet", place=place)
    assert project.read("it's ${here}/first.txt") == "12"
    assert project.read("directory/second.txt") == "${x}"
    assert json.loads(dvc(project, "status", "--json", place=place)) == {}
    assert project.ran() == set()


def test_an_export_is_written_from_wherever_it_is_typed(project: Typed) -> None:
    """A relative -o means the place where it was typed, as with every command."""
    project.write("pipeline.py", PIPELINE)
    project.write("in/1.txt", "1")
    project.pivot("-C", "in", "export", "-o", "out.yaml")
    assert "wdir" not in project.read("out.yaml")
    assert "gone" in project.pivot("export", "-o", "gone/dvc.yaml", code=2).stderr


def test_dvc_sees_an_edit_of_a_file_that_the_pipeline_reads(project: Typed) -> None:
    """As params.yaml is: what a stage gets of it comes as params, or as a value that its code uses."""
    project.write(
        "pipeline.py",
        """
        import json
        from pathlib import Path
        from pivot import stage
        import seeds

        PARAMS = json.loads(Path("params.json").read_text())
        SCALE = json.loads(Path("conf/scale.json").read_text())

        @stage(outs="model.txt", params={**PARAMS, "seed": seeds.SEED})
        def train(rate, seed):
            Path("model.txt").write_text(f"{rate} {seed}")

        @stage(outs="scaled.txt")
        def scale():
            Path("scaled.txt").write_text(f"{SCALE}")
        """,
    )
    project.write("params.json", '{"rate": 1}')
    project.write("conf/scale.json", "1")
    project.write("seeds.py", "SEED = 1")
    project.pivot("export")
    dvc(project, "init", "--no-scm", "--quiet")
    dvc(project, "repro", "--quiet")
    assert json.loads(dvc(project, "status", "--json")) == {}
    project.write("params.json", '{"rate": 2}')
    project.write("conf/scale.json", "2")
    dvc(project, "repro", "--quiet")
    assert (project.read("model.txt"), project.read("scaled.txt")) == ("2 1", "2")
    project.write("seeds.py", "SEED = 2")
    dvc(project, "repro", "--quiet")
    assert project.read("model.txt") == "2 2"
    assert project.ran() == set()


def test_dvc_does_not_make_a_stage_run_that_is_up_to_date(project: Typed) -> None:
    """It removes outs before it runs a command; those that the store has not would have to be made again."""
    project.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import Out, stage

        @stage(outs=["model.txt", Out("metrics.json", cache=False)])
        def train():
            Path("model.txt").write_text("m")
            Path("metrics.json").write_text("{}")
        """,
    )
    project.run()
    project.pivot("export")
    dvc(project, "init", "--no-scm", "--quiet")
    assert "restored" in dvc(project, "repro")
    project.write("pipeline.py", project.read("pipeline.py") + "# a comment\n")
    assert "restored" in dvc(project, "repro")
