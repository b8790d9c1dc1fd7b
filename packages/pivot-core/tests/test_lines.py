"""Lines of frames are those that Python tells."""

import sys
from types import FrameType

from pivot_core.lines import Lines


def test_the_line_is_the_one_that_python_tells() -> None:
    seen: list[tuple[int, int]] = []
    lines = Lines()

    def note() -> bool:
        frame = sys._getframe(1)
        seen.append((lines.at(frame), frame.f_lineno))
        return True

    source = """

for _ in range(3):
    note()
note(
)
[note(),
 note()]
(
 note
)()
if note() and \\
 note(): note()
"""
    exec(compile(source, "some.py", "exec"), {"note": note})
    assert len(seen) == 10
    assert all(found == told for found, told in seen)
    assert {told for _, told in seen} >= {4, 5, 7, 8, 12, 13}


def test_each_code_object_has_its_own_lines() -> None:
    lines, found = Lines(), []

    def note(frame: FrameType) -> None:
        found.append((lines.at(frame), frame.f_lineno))

    for before in range(5):
        exec("\n" * before + "import sys\nnote(sys._getframe())", {"note": note})
    assert found == [(number, number) for number in range(2, 7)]
