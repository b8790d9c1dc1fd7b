"""What the stages do: modules for the generated projects, as text. Every tool runs the same one."""

from __future__ import annotations

import attrs


@attrs.frozen
class Work:
    """A module `work` with `step(name, inputs, out)`, whose helper multiplies by `factor`; `rows` of the raw files."""

    name: str
    module: str
    rows: int
    factor: str = "1.01"

    def source(self, factor: str | None = None) -> str:
        """The module; another factor is an edit of the helper."""
        return self.module.replace("FACTOR", factor or self.factor)


_PANDAS = """\
import pandas as pd


def grow(column):
    return (column * FACTOR).round(4)


def step(name, inputs, out):
    frame = pd.read_csv(inputs[0])
    for other in inputs[1:]:
        frame["b"] = frame["b"] + pd.read_csv(other)["a"]
    frame["a"] = grow(frame["a"]) % 1000
    frame["b"] = frame["b"].rolling(5, min_periods=1).mean().round(4)
    frame.to_csv(out, index=False)
"""

_TOUCH = """\
import zlib


def grow(number):
    return int(number * FACTOR) % 1000003


def step(name, inputs, out):
    number = len(name)
    for path in inputs:
        with open(path, "rb") as file:
            number += zlib.crc32(file.read())
    with open(out, "w") as file:
        file.write(f"{name} {grow(number)}\\n")
"""

PANDAS = Work("pandas", _PANDAS, rows=2000)
TOUCH = Work("touch", _TOUCH, rows=5)
WORKS = (PANDAS, TOUCH)

SCRIPT = """\
import os
import sys

from work import step

out, *inputs = sys.argv[1:]
step(os.path.basename(out)[:-4], inputs, out)
"""
"""For tools that run commands: `python stage.py OUT INPUT...`."""
