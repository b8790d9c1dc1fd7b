"""`pivot accept`, typed after a refactoring."""

import json

import pytest
import yaml
from typed import Typed


@pytest.fixture
def chain(project: Typed) -> Typed:
    project.write("n.txt", "1")
    project.write("lib.py", "def double(x):\n    return x * 2\n")
    project.write(
        "pipeline.py",
        """
        from lib import double
        from pivot import stage

        @stage(deps="n.txt", outs="a.txt")
        def first():
            open("a.txt", "w").write(str(double(int(open("n.txt").read()))))

        @stage(deps="a.txt", outs="b.txt")
        def second():
            open("b.txt", "w").write(open("a.txt").read())
        """,
    )
    project.run()
    return project


def refactor(project: Typed) -> None:
    project.write("lib.py", "def double(x):\n    return x + x\n")


def lock(project: Typed) -> dict[str, object]:
    data = yaml.safe_load(project.read(".pivot/stages/first.lock"))
    assert isinstance(data, dict)
    return data


def test_a_refactoring_is_accepted_and_the_lock_file_says_so_until_the_stage_runs(chain: Typed) -> None:
    before = lock(chain)
    refactor(chain)
    chain.pivot("status", "--check", code=3)
    assert chain.pivot("accept", "first").stdout == "first  accepted  code changed: func:double\n"
    assert chain.ran() == set()
    chain.pivot("status", "--check")
    after = lock(chain)
    assert after["accepted"] == {"code": before["code"], "scheme": before["scheme"]}
    assert {name for name in before if before[name] != after[name]} == {"code", "manifest", "check"}
    shown = chain.pivot("explain", "first").stdout
    assert "  Status: UP TO DATE\n" in shown
    assert f"  Accepted: code {str(before['code'])[5:13]} made the outs;" in shown
    assert chain.pivot("status", "first").stdout == "first  up to date   code accepted\n"
    for command in ("explain", "status"):
        [told] = json.loads(chain.pivot(command, "first", "--json").stdout)
        assert told["accepted"] == after["accepted"]
    chain.write("lib.py", "def double(x):\n    return x * 3\n")
    diff = chain.pivot("explain", "first", "--diff").stdout
    assert "-    return x + x" in diff
    assert chain.ran() == {"first", "second"}
    assert "accepted" not in lock(chain)
    assert "Accepted" not in chain.pivot("explain", "first").stdout


def test_targets_are_names_globs_and_outs(chain: Typed) -> None:
    refactor(chain)
    assert chain.pivot("accept", "a.txt").stdout.startswith("first  accepted")
    assert chain.pivot("accept", "*").stdout == "first   up to date\nsecond  up to date\n"
    assert "Did you mean 'first'?" in chain.pivot("accept", "frist", code=2).stderr
    chain.pivot("accept", code=2)


def test_a_stage_that_never_ran_is_refused(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs='a.txt')\ndef a():\n    open('a.txt', 'w')\n")
    told = project.pivot("accept", "a", code=2).stderr
    assert "a: no record yet" in told
    assert "`pivot run a`" in told


def test_other_reasons_are_named_and_nothing_is_recorded(chain: Typed) -> None:
    before = lock(chain)
    refactor(chain)
    chain.write("n.txt", "2")
    told = chain.pivot("accept", "first", code=2).stderr
    assert "error: nothing was accepted, since not only code changed: first: dep changed: n.txt\n" in told
    assert "hint: Undo that, or run it: `pivot run first`." in told
    assert lock(chain) == before


def test_what_is_upstream_is_accepted_first_or_along(chain: Typed) -> None:
    refactor(chain)
    chain.write("pipeline.py", chain.read("pipeline.py").replace('open("a.txt").read()', 'open("a.txt").read() + ""'))
    told = chain.pivot("accept", "second", code=2).stderr
    assert "Accept or run first first, or name it too." in told
    chain.pivot("accept", "first", "second")
    assert chain.ran() == set()


def test_code_of_which_the_result_is_known_is_left_to_a_run(chain: Typed) -> None:
    before = chain.read("lib.py")
    refactor(chain)
    chain.run()
    chain.write("lib.py", before)
    assert "`pivot run first` puts that in place" in chain.pivot("accept", "first", code=2).stderr
    assert chain.run()["first"] == "restored"
