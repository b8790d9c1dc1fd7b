"""The main job: what changed runs, and nothing else; and `pivot explain` says why before."""

import json
import os
from pathlib import Path

from typed import Typed

EXAMPLE = """
    from pivot import stage

    @stage(deps=["data.csv"], outs=["processed.parquet"])
    def preprocess():
        import pandas as pd
        df = pd.read_csv("data.csv")
        df = df.dropna()
        df.to_parquet("processed.parquet")

    @stage(deps=["processed.parquet"], outs=["model.pkl"])
    def train():
        import pandas as pd
        import pickle
        from lib.helpers import shape_of
        df = pd.read_parquet("processed.parquet")
        model = {"data": shape_of(df)}
        with open("model.pkl", "wb") as f:
            pickle.dump(model, f)
    """


def example(project: Typed) -> None:
    project.write("data.csv", "a,b\n1,2\n3,\n5,6\n")
    project.write("pipeline.py", EXAMPLE)
    project.write("lib/__init__.py", "")
    project.write("lib/helpers.py", "def shape_of(df):\n    return df.shape\n")


def test_the_example_runs_once(project: Typed) -> None:
    example(project)
    assert project.ran() == {"preprocess", "train"}
    assert project.ran() == set()


def test_a_helper_in_another_module_runs_only_what_uses_it_and_is_named_before(project: Typed) -> None:
    example(project)
    project.run()
    project.write("lib/helpers.py", "\n\ndef shape_of(df):\n    return tuple(df.shape)\n")
    text = project.pivot("explain", "train").stdout
    assert "Status: WILL RUN" in text
    assert "Reason: Code dependency changed" in text
    assert "func:shape_of" in text
    assert "File: lib/helpers.py:3" in text
    assert "UP TO DATE" in project.pivot("explain", "preprocess").stdout
    assert project.ran() == {"train"}


EXECUTABLES = """
    import os
    from pathlib import Path
    from pivot import stage

    @stage(outs=["tool.sh", "bin"])
    def make():
        for path in ("tool.sh", "bin/one.sh"):
            Path(path).parent.mkdir(exist_ok=True)
            Path(path).write_text("#!/bin/sh\\necho done > used.txt\\n")
            os.chmod(path, 0o755)
        Path("bin/plain.txt").write_text("plain")

    @stage(deps=["tool.sh"], outs=["used.txt"])
    def use():
        os.spawnl(os.P_WAIT, "tool.sh", "tool.sh")
    """


def test_executables_are_restored_executable(project: Typed) -> None:
    project.write("pipeline.py", EXECUTABLES)
    assert project.ran() == {"make", "use"}
    for path in ("tool.sh", "bin/one.sh", "bin/plain.txt", "used.txt"):
        (project.root / path).unlink()
    assert project.run() == {"make": "restored", "use": "restored"}
    modes = {path: os.access(project.root / path, os.X_OK) for path in ("tool.sh", "bin/one.sh", "bin/plain.txt")}
    assert modes == {"tool.sh": True, "bin/one.sh": True, "bin/plain.txt": False}
    assert project.run() == {"make": "up to date", "use": "up to date"}


def test_a_mode_that_is_changed_by_hand_is_a_change(project: Typed) -> None:
    project.write("pipeline.py", EXECUTABLES)
    project.run()
    (project.root / "tool.sh").chmod(0o644)
    assert " executable\n" in project.pivot("explain", "make").stdout
    assert project.run() == {"make": "restored", "use": "up to date"}
    assert os.access(project.root / "tool.sh", os.X_OK)


def test_a_comment_runs_nothing_and_a_reverted_edit_is_restored(project: Typed) -> None:
    example(project)
    project.run()
    before = project.read("lib/helpers.py")
    project.write("lib/helpers.py", "# a comment\n" + before)
    assert set(project.run().values()) == {"up to date"}
    project.write("lib/helpers.py", before.replace("df.shape", "df.size"))
    assert project.ran() == {"train"}
    project.write("lib/helpers.py", before)
    assert project.run() == {"preprocess": "up to date", "train": "restored"}
    assert project.ran() == set()


def test_data_and_early_cutoff(project: Typed) -> None:
    project.write("n.txt", "1")
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        @stage(deps="n.txt", outs="sign.txt")
        def sign():
            open("sign.txt", "w").write("+" if int(open("n.txt").read()) > 0 else "-")

        @stage(deps="sign.txt", outs="copy.txt")
        def copy():
            open("copy.txt", "w").write(open("sign.txt").read())
        """,
    )
    assert project.ran() == {"sign", "copy"}
    project.write("n.txt", "7")
    assert project.ran() == {"sign"}
    project.write("n.txt", "-7")
    assert project.ran() == {"sign", "copy"}
    project.write("n.txt", "7")
    assert project.run() == {"sign": "restored", "copy": "restored"}


def test_stages_cannot_hurt_each_other(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        import os
        from pivot import stage
        import state

        @stage(outs="a.txt")
        def a():
            state.VALUES.append(1)
            os.environ["HURT"] = "1"
            open("a.txt", "w").write("a")
            os.chdir("/")

        @stage(outs="b.txt")
        def b():
            state.VALUES.append(2)
            os.environ["HURT"] = "2"
            os.umask(0o777)
            open("/dev/null").close()
            os.chdir("/tmp")
            os.chdir(os.environ["HOME_OF_TEST"])
            os.umask(0o022)
            open("b.txt", "w").write("b")

        @stage(deps=["a.txt", "b.txt"], outs="c.txt")
        def c():
            open("c.txt", "w").write(repr((state.VALUES, os.environ.get("HURT"), os.path.exists("pipeline.py"))))
        """,
    )
    project.write("state.py", "VALUES = []\n")
    project.run("-j", "2", HOME_OF_TEST=str(project.root))
    assert project.read("c.txt") == "([], None, True)"


def test_a_failure_stops_what_depends_on_it_and_keeps_the_old_outs(project: Typed) -> None:
    pipeline = """
        from pivot import stage

        @stage(outs="a.txt")
        def a():
            with open("a.txt", "w") as file:
                file.write("half")
                FAIL
                file.write(" whole")

        @stage(deps="a.txt", outs="b.txt")
        def b():
            open("b.txt", "w").write(open("a.txt").read())

        @stage(outs="c.txt")
        def c():
            open("c.txt", "w").write("c")
        """
    project.write("pipeline.py", pipeline.replace("FAIL", "pass"))
    project.run()
    project.write("pipeline.py", pipeline.replace("FAIL", "raise ValueError('no luck')"))
    done = project.pivot("run", "--keep-going", code=1)
    assert "ValueError: no luck" in done.stderr
    assert "pivot_exec" not in done.stderr
    assert project.read("a.txt") == "half whole"
    assert project.run("--keep-going", code=1)["b"] == "blocked"


def test_a_missing_out_fails_the_stage_and_what_was_written_instead_is_named(project: Typed) -> None:
    pipeline = "import os, pivot\n@pivot.stage(outs='a.txt')\ndef a(): os.chdir('sub'); open('a.txt', 'w')\n"
    project.write("pipeline.py", pipeline)
    project.write("sub/old.txt", "")
    told = "did not write a.txt, but sub/a.txt"
    assert told in project.pivot("run", code=1).stdout
    assert told in project.pivot("status").stdout


def test_dry_run_and_status_change_nothing(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n@stage(outs='a.txt')\ndef a(): open('a.txt', 'w').close()\n")
    project.pivot("run", "--dry-run")
    project.pivot("status")
    assert sorted(path.name for path in project.root.iterdir()) == ["pipeline.py"]
    project.pivot("status", "--check", code=3)
    project.run()
    rows = json.loads(project.pivot("status", "--json", "--check").stdout)
    assert [(row["stage"], row["verdict"]) for row in rows] == [("a", "up_to_date")]


def test_found_from_below_and_by_option(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n@stage(outs='a.txt')\ndef a(): open('a.txt', 'w').close()\n")
    below = project.root / "deep" / "down"
    below.mkdir(parents=True)
    assert Typed(below).ran() == {"a"}
    Typed(Path("/")).pivot("-C", str(project.root), "status", "--check")


def test_graph_errors_name_all_involved(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        @stage(deps="b.txt", outs="a.txt")
        def a(): pass

        @stage(deps="a.txt", outs="b.txt")
        def b(): pass
        """,
    )
    text = project.pivot("run", code=2).stderr
    assert all(part in text for part in ("a.txt", "b.txt", "pipeline.py:"))
    project.write("pipeline.py", "from pivot import stage\n@stage(deps='gone.csv', outs='a.txt')\ndef a(): pass\n")
    assert "gone.csv" in project.pivot("run", code=2).stderr
    project.write("pipeline.py", "from pivot import stage\n@stage(outs='/abs.txt')\ndef a(): pass\n")
    assert "pipeline.py:2" in project.pivot("run", code=2).stderr
    project.write("pipeline.py", "from pivot import stage\n@stage(outs='a.txt')\ndef train(): pass\n")
    assert "Did you mean 'train'" in project.pivot("run", "trian", code=2).stderr


def test_a_module_under_src_is_named_with_the_setting(project: Typed) -> None:
    project.write("src/tools.py", "X = 1\n")
    project.write("pipeline.py", "import tools\nfrom pivot import stage\n@stage(outs='a')\ndef a(): pass\n")
    text = project.pivot("run", code=2).stderr
    assert "importlib" not in text
    assert all(part in text for part in ("src", "pythonpath", "PIVOT_PYTHONPATH"))


def test_more_stages_than_a_process_may_have_files_open(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        def make(number):
            def work():
                print("x" * 10_000)
                with open(f"out/{number}", "w") as file:
                    file.write(str(number))
            stage(work, outs=f"out/{number}", name=f"s{number}")

        for number in range(1200):
            make(number)
        """,
    )
    assert len(project.ran()) == 1200
    assert project.ran() == set()
