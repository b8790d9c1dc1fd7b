"""The line that a frame is at, which Python looks for from the first line on: in a large file that takes long."""

from __future__ import annotations

from bisect import bisect_right
from types import CodeType, FrameType


class Lines:
    """Remembers where the lines of code begin that it was asked about."""

    def __init__(self) -> None:
        # By number: comparing code objects takes long, too. They are kept, so that each number stays one's own.
        self._known: dict[int, tuple[CodeType, list[int], list[int | None]]] = {}

    def at(self, frame: FrameType) -> int:
        """What `frame.f_lineno` is."""
        code = frame.f_code
        known = self._known.get(id(code))
        if known is None:
            spans = list(code.co_lines())
            known = self._known[id(code)] = code, [start for start, _, _ in spans], [line for _, _, line in spans]
        _, starts, lines = known
        return lines[bisect_right(starts, frame.f_lasti) - 1] or frame.f_lineno
