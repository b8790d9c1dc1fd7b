"""Files that code reads at a path which it tells: deps of the stages that say so, code of the others."""

from typed import Typed

PIPELINE = """
    from pathlib import Path

    from pivot import stage

    def limit():
        return Path("params.yaml").read_text()

    @stage(deps=["params.yaml", "*.csv"], outs=["declared.txt"])
    def declared():
        Path("declared.txt").write_text(limit())

    @stage(deps=["*.y?ml"], outs=["matched.txt"])
    def matched():
        Path("matched.txt").write_text(limit())

    @stage(outs=["named.txt"])
    def named():
        Path("named.txt").write_text(limit())

    @stage(deps=["*.csv"], outs=["query.txt"])
    def query():
        Path("query.txt").write_text(Path("query.sql").read_text())
    """


def test_a_file_counts_for_each_stage_that_reads_it(project: Typed) -> None:
    """What one stage declares is no business of another; a glob stands for what it matches, not for its directory."""
    project.write("pipeline.py", PIPELINE)
    project.write("params.yaml", "limit: 1\n")
    project.write("query.sql", "select 1\n")
    project.write("table.csv", "x\n")
    assert project.ran() == {"declared", "matched", "named", "query"}
    project.write("params.yaml", "limit: 2\n")
    explained = project.pivot("explain", "named").stdout
    assert "file:params.yaml" in explained
    assert "dep:params.yaml" in project.pivot("explain", "matched").stdout
    assert project.ran() == {"declared", "matched", "named"}
    project.write("query.sql", "select 2\n")
    assert project.ran() == {"query"}
    assert project.ran() == set()
