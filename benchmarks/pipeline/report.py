"""What was measured, as Markdown tables and a plot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.pipeline.locks import WRITE
from benchmarks.pipeline.plot import Bar, Panel, svg
from benchmarks.pipeline.results import Results, most
from benchmarks.pipeline.startup import YARDSTICK

COLUMNS = ("cold", "no-op", "edit")
SECTION = re.compile(r"(<!-- measured -->\n).*(?=<!-- /measured -->)", re.DOTALL)


def write(results: Results, to: Path) -> str:
    """Write the plot into the directory `to`, and the tables into the page beside it, or else into `results.md` there.

    Returns the tables.
    """
    text = "\n\n".join(section for section in _sections(results) if section) + "\n"
    panels = [row for work in ("pandas", "touch") if (row := _panels(results, work))]
    if panels:
        (to / "pipeline.svg").write_text(svg(panels), "utf-8")
    page = to.with_suffix(".md")
    if page.exists():
        page.write_text(SECTION.sub(lambda match: f"{match[1]}\n{text}\n", page.read_text("utf-8")), "utf-8")
    else:
        (to / "results.md").write_text(text, "utf-8")
    return text


def _sections(results: Results) -> Iterable[str]:
    yield _machine(results)
    yield _tools(results, "pandas", "Stages that read, transform and write a CSV of 2,000 rows with pandas")
    yield _tools(results, "touch", "Trivial stages")
    yield _startup(results)
    yield _phases(results)
    yield _locks(results)
    yield _scale(results)
    yield _directory(results)
    yield _bytes(results)


def _machine(results: Results) -> str:
    facts = results.facts
    return (
        f"{facts['machine']}; {facts['versions']}; {facts['workers']} workers. "
        f"Measured on {facts['day']} at commit {facts['commit']}, load of other work before: {facts['load']}."
    )


def _tools(results: Results, work: str, title: str) -> str:
    rows = []
    ideal = results.seconds(work, "ideal", "cold")
    for name in results.rows(work):
        cold = results.seconds(work, name, "cold")
        rows.append(
            [
                name,
                *(_seconds(results.seconds(work, name, column)) for column in COLUMNS),
                _ratio(cold, ideal),
                _seconds(results.cpu(work, name, "cold")),
                _megabytes(most(results.memory(work, name, column) for column in COLUMNS)),
                results.facts.get(f"helper:{name}", "–"),
                str(results.count(work, name, "cold")),
            ]
        )
    head = ["tool", *COLUMNS, "cold, × ideal", "CPU, cold", "memory, MB", "sees a helper edit", "rounds"]
    return _titled(title, _table(head, rows))


def _startup(results: Results) -> str:
    base = results.seconds("startup", YARDSTICK, "time")
    rows = [
        [f"`{name}`", _seconds(seconds := results.seconds("startup", name, "time")), _ratio(seconds, base)]
        for name in results.rows("startup")
    ]
    return _titled(
        "Starting, in a pandas project that is up to date", _table(["command", "time", "× import click"], rows)
    )


def _phases(results: Results) -> str:
    columns = list(dict.fromkeys(item.column for item in results.samples if item.table == "phases"))
    rows = [
        [phase, *(_seconds(results.seconds("phases", phase, column)) for column in columns)]
        for phase in results.rows("phases")
    ]
    return _titled("Where the time of a cold run goes, by `pivot run --profile`", _table(["phase", *columns], rows))


def _locks(results: Results) -> str:
    pivot, dvc = (results.seconds("locks", name, WRITE) for name in ("Pivot", "DVC"))
    rows = (
        [["writing the lock files of all stages", _seconds(dvc), _seconds(pivot), _ratio(dvc, pivot)]] if pivot else []
    )
    for work in ("pandas", "touch"):
        cold = {name: results.seconds(work, name, "cold") for name in ("ideal", "DVC", "Pivot")}
        ideal, others, own = cold["ideal"], cold["DVC"], cold["Pivot"]
        if ideal and others and own:
            rows.append(
                [
                    f"cold run, {work}: time over the work alone",
                    _seconds(others - ideal),
                    _seconds(own - ideal),
                    _ratio(others - ideal, own - ideal),
                ]
            )
    return _titled("Lock files and overhead, against DVC", _table(["", "DVC", "Pivot", "times less"], rows))


def _scale(results: Results) -> str:
    tables = list(dict.fromkeys(item.table for item in results.samples if item.table.startswith("scale ")))
    rows = []
    for table in tables:
        count = int(table.removeprefix("scale "))
        for name in results.rows(table):
            cold = results.seconds(table, name, "cold")
            rows.append(
                [
                    f"{count:,}",
                    name,
                    _seconds(cold),
                    _milliseconds(cold and cold / count),
                    _seconds(results.seconds(table, name, "no-op")),
                    _megabytes(results.memory(table, name, "cold")),
                ]
            )
    return _titled(
        "Large pipelines of trivial stages", _table(["stages", "tool", "cold", "a stage", "no-op", "memory, MB"], rows)
    )


def _directory(results: Results) -> str:
    rows = [
        [what, _seconds(results.seconds("directory", "Pivot", column))]
        for what, column in (("first run", "cold"), ("nothing changed", "no-op"), ("one file changed", "edit"))
    ]
    shown = rows if results.rows("directory") else []
    return _titled("A stage that reads a directory of 20,000 files", _table(["`pivot run`", "time"], shown))


def _bytes(results: Results) -> str:
    reading, hashing = (results.seconds("bytes", what, "time") for what in ("read", "hash"))
    if not reading or not hashing:
        return ""
    return (
        f"Hashing four files of 512 MiB takes {_seconds(hashing)}; reading them alone takes {_seconds(reading)} "
        f"({reading / hashing:.2f} of the speed of reading)."
    )


def _panels(results: Results, work: str) -> list[Panel]:
    panels = []
    for column in COLUMNS:
        bars = [
            Bar(name, seconds, "own" if name.startswith("Pivot") else "floor" if name.startswith("ideal") else "other")
            for name in results.rows(work)
            if (seconds := results.seconds(work, name, column)) is not None
        ]
        if bars:
            panels.append(Panel(f"{work}: {column}", tuple(sorted(bars, key=lambda bar: bar.seconds))))
    return panels


def _titled(title: str, table: str) -> str:
    return f"### {title}\n\n{table}" if table else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.2f} ms"


def _ratio(value: float | None, base: float | None) -> str:
    return "–" if value is None or not base else f"{value / base:.2f}" if value < 10 * base else f"{value / base:.0f}"


def _megabytes(size: float | None) -> str:
    return f"{size / 1e6:.0f}" if size else "–"
