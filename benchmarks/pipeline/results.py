"""What was measured, kept in a file: a report can be made of it again, and of a run that was cut short."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from benchmarks.pipeline.measure import Cost


@attrs.frozen
class Sample:
    """One measurement: `table` / `row` / `column`, in which round it was."""

    table: str
    row: str
    column: str
    cost: Cost


class Results:
    """Samples, facts (texts by name) and where they are kept; written after each sample."""

    def __init__(self, path: Path | None = None) -> None:
        self.samples: list[Sample] = []
        self.facts: dict[str, str] = {}
        self._path = path

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` of an earlier run left."""
        results = cls()
        data = json.loads(path.read_text("utf-8"))
        results.facts = data["facts"]
        results.samples = [Sample(table, row, column, Cost(*cost)) for table, row, column, cost in data["samples"]]
        return results

    def add(self, table: str, row: str, column: str, cost: Cost) -> None:
        self.samples.append(Sample(table, row, column, cost))
        self.write()

    def fact(self, name: str, text: str) -> None:
        self.facts[name] = text
        self.write()

    def write(self) -> None:
        if self._path is None:
            return
        samples = ",\n".join(
            json.dumps((item.table, item.row, item.column, attrs.astuple(item.cost))) for item in self.samples
        )
        text = f'{{"facts": {json.dumps(self.facts, indent=2)},\n"samples": [\n{samples}\n]}}\n'
        self._path.write_text(text, "utf-8")

    def rows(self, table: str) -> list[str]:
        """The rows of a table, in the order in which they were first measured."""
        return list(dict.fromkeys(item.row for item in self.samples if item.table == table))

    def seconds(self, table: str, row: str, column: str) -> float | None:
        """The median of the wall times; None where there is no sample."""
        return self._median(table, row, column, lambda cost: cost.seconds)

    def cpu(self, table: str, row: str, column: str) -> float | None:
        return self._median(table, row, column, lambda cost: cost.cpu)

    def memory(self, table: str, row: str, column: str) -> float | None:
        return self._median(table, row, column, lambda cost: cost.memory)

    def count(self, table: str, row: str, column: str) -> int:
        return len(self._costs(table, row, column))

    def _median(self, table: str, row: str, column: str, value: Callable[[Cost], float]) -> float | None:
        costs = self._costs(table, row, column)
        return statistics.median(map(value, costs)) if costs else None

    def _costs(self, table: str, row: str, column: str) -> list[Cost]:
        return [item.cost for item in self.samples if (item.table, item.row, item.column) == (table, row, column)]


def most(costs: Iterable[float | None]) -> float:
    """The largest of those that are there, or 0."""
    return max((cost for cost in costs if cost is not None), default=0.0)
