"""Write the tables of docs/fingerprints.md and docs/fingerprint-cases.md: from the cases that the tests run, and from
what benchmarks/code_changes.py observed of other tools.

    uv run python tests/write_fingerprint_pages.py

The first page keeps its prose: what is between the markers is replaced. The second is written as a whole.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fingerprint_cases import ALL_CASES, BLIND, THEMES, Case, Theme
from fingerprint_cases.case import Delete, Edit, Replace

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
OBSERVED = ROOT / "benchmarks" / "code_changes.json"
SUMMARY = DOCS / "fingerprints.md"
LIST = DOCS / "fingerprint-cases.md"
EXAMPLES = 4
RIGHT, STALE, NEEDLESS = "✓", "stale", "extra"
LONGEST = 46
"""Edits of more characters are not shown."""


def summary_page(present: str) -> str:
    """The text of the first page as it has to be; `present` is its text now."""
    text = _between(present, "themes", theme_table(theme for theme in THEMES if theme is not BLIND))
    text = _between(text, "blind", case_table(BLIND.cases))
    text = _between(text, "tools", tool_table(json.loads(OBSERVED.read_text("utf-8"))))
    counts = f"{len(ALL_CASES)} code changes, {sum(bool(case.reruns) for case in ALL_CASES)} of which re-run something."
    return _between(text, "counts", [counts])


def list_page() -> str:
    """The text of the second page."""
    lines = [
        "# Every code change that is tested",
        "",
        "Each line is a small project, an edit to it, and the stages that `pivot run` runs because of it; others are",
        "up to date.",
        "[Fingerprints](fingerprints.md) sums them up. Written by `tests/write_fingerprint_pages.py`: do not edit.",
    ]
    for theme in THEMES:
        lines += ["", f"## {theme.title}", "", theme.why, "", *case_table(theme.cases)]
    return "\n".join(lines) + "\n"


def theme_table(themes: Iterable[Theme]) -> Iterator[str]:
    """A line a theme: how many edits re-run something and how many do not, with examples, and why."""
    yield "| what | re-runs what uses it | re-runs nothing | why |"
    yield "| --- | --- | --- | --- |"
    for theme in themes:
        seen = [case for case in theme.cases if case.reruns]
        unseen = [case for case in theme.cases if not case.reruns]
        yield f"| {theme.title} | {_examples(seen)} | {_examples(unseen)} | {theme.why} |"


def _examples(cases: list[Case]) -> str:
    if not cases:
        return "–"
    step = max(1, len(cases) // EXAMPLES)
    shown = "; ".join(_cell(case.name) for case in cases[::step][:EXAMPLES])
    return f"**{len(cases)}**: {shown}" + ("; …" if len(cases) > EXAMPLES else "")


def case_table(cases: Iterable[Case]) -> Iterator[str]:
    """A line a case: what is edited, how, which stages run again, and why."""
    yield "| change | edit | runs again | why |"
    yield "| --- | --- | --- | --- |"
    for case in cases:
        edits = "; ".join(_edit(edit) for edit in case.edits)
        reruns = ", ".join(f"`{stage}`" for stage in sorted(case.reruns)) or "nothing"
        yield f"| {_cell(case.name)} | {edits} | {reruns} | {_cell(case.why)} |"


def tool_table(observed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line a change, a column a tool: whether just the stages ran again that had to."""
    by_name = {case.name: case for case in ALL_CASES}
    verdicts = {
        tool: {name: _verdict(by_name[name].reruns, ran) for name, ran in found["ran_again"].items()}
        for tool, found in observed.items()
    }
    yield "| change | " + " | ".join(observed) + " |"
    yield "| --- |" + " :-: |" * len(observed)
    for name in dict.fromkeys(name for found in verdicts.values() for name in found):
        yield f"| {_cell(name)} | " + " | ".join(found[name] for found in verdicts.values()) + " |"
    for title, verdict in (
        ("as it should be", RIGHT),
        ("out of date and not run", STALE),
        ("run for nothing", NEEDLESS),
    ):
        counts = (sum(item == verdict for item in found.values()) for found in verdicts.values())
        yield f"| **{title}** | " + " | ".join(f"**{count}**" for count in counts) + " |"
    yield ""
    versions = {f"{found['package']} {found['version']}" for found in observed.values()}
    [python] = {found["python"] for found in observed.values()}
    yield f"Observed with Python {python}, {', '.join(sorted(versions))}."


def _verdict(wanted: frozenset[str], ran: list[str] | None) -> str:
    if ran is None:
        return "–"
    if wanted - set(ran):
        return STALE
    return NEEDLESS if set(ran) - wanted else RIGHT


def _edit(edit: Edit) -> str:
    if isinstance(edit, Delete):
        return f"`{edit.path}` deleted"
    if not isinstance(edit, Replace):
        return f"`{edit.path}` written"
    old, new = edit.old.strip("\n"), edit.new.strip("\n")
    if not new and _is_short(old):
        return f"{edit.path}: {_code(old)} removed"
    if _is_short(old) and _is_short(new):
        return f"{edit.path}: {_code(old)} → {_code(new)}"
    return edit.path


def _is_short(text: str) -> bool:
    return "\n" not in text and 0 < len(text) <= LONGEST


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text.strip()}{fence}".replace("|", r"\|")


def _cell(text: str) -> str:
    """Prose in a table: what Markdown would read as something else is escaped."""
    return re.sub(r"([|_*<\[\]`])", r"\\\1", text)


def _between(text: str, name: str, lines: Iterable[str]) -> str:
    """`text` with the part between the markers of `name` replaced. Raises ValueError if they are not there."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{SUMMARY.name} has no markers {begin.strip()} and {end}")
    return before + begin + "\n".join(lines) + "\n" + end + after


def main() -> None:
    """Write both pages."""
    SUMMARY.write_text(summary_page(SUMMARY.read_text("utf-8")), "utf-8")
    LIST.write_text(list_page(), "utf-8")


if __name__ == "__main__":
    main()
