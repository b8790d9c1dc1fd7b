"""The pipeline that every tool is given: chains of stages, some of which also read the neighbour chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

EVERY = 3  # which stages of a chain also read the neighbour chain


@attrs.frozen
class Step:
    """One stage: `name`, the files it reads and the file it writes, relative to the project."""

    name: str
    inputs: tuple[str, ...]
    out: str


@attrs.frozen
class Shape:
    """`count` stages in chains of `length`; the last chain may be shorter."""

    count: int = 176
    length: int = 11

    @property
    def chains(self) -> int:
        return -(-self.count // self.length)

    @property
    def raw(self) -> tuple[str, ...]:
        """The files that the chains begin with."""
        return tuple(f"data/raw{chain:04}.csv" for chain in range(self.chains))

    def steps(self) -> Iterator[Step]:
        """All stages; those that a stage waits for need not come first."""
        for number in range(self.count):
            chain, place = divmod(number, self.length)
            inputs = [self._before(chain, place)]
            if place % EVERY == EVERY - 1:
                inputs.append(self._before((chain + 1) % (self.count // self.length or 1), place))
            yield Step(_name(chain, place), tuple(dict.fromkeys(inputs)), _out(chain, place))

    def _before(self, chain: int, place: int) -> str:
        return _out(chain, place - 1) if place else self.raw[chain]


def _name(chain: int, place: int) -> str:
    return f"c{chain:04}s{place:02}"


def _out(chain: int, place: int) -> str:
    return f"out/{_name(chain, place)}.csv"


def raw_text(chain: int, version: int, rows: int) -> str:
    """What a raw file holds; another version has other numbers."""
    lines = [f"{i},{(i * 37 + chain * 11) % 1000 / 8},{(i * 101 + version * 7) % 1000 / 16}" for i in range(rows)]
    return "\n".join(["key,a,b", *lines, ""])


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write the files, given by their paths in `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
