"""What a user's code raised, as it is shown."""

from __future__ import annotations

import pytest
from pivot_core.tracebacks import headline, user_traceback


class SilentError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (ValueError("bad\nand more"), "ValueError: bad"),
        (ValueError("\n  bad"), "ValueError: bad"),
        (ValueError(), "ValueError"),
        (KeyError("a"), "KeyError: 'a'"),
        (SilentError(), "SilentError"),
        (ValueError("half \ud83d"), "ValueError: half \\ud83d"),
    ],
)
def test_an_error_in_one_line(error: Exception, line: str) -> None:
    assert headline(error) == line


def test_the_frames_of_causes_and_groups_are_shown() -> None:
    """What went wrong first is often the cause, or one error of several."""

    def inner() -> None:
        raise KeyError("inner")

    def outer() -> None:
        try:
            inner()
        except KeyError as error:
            raise ExceptionGroup("several", [ValueError("one"), TypeError("other")]) from error

    with pytest.raises(ExceptionGroup) as caught:
        outer()
    shown = user_traceback(caught.value)
    assert "in inner\n" in shown
    assert shown.index("KeyError: 'inner'") < shown.index("ExceptionGroup: several")
    assert "ValueError: one" in shown
    assert "TypeError: other" in shown


def test_an_error_that_is_its_own_context_is_shown_once() -> None:
    error = ValueError("round")
    error.__context__ = other = TypeError("trip")
    other.__context__ = error
    assert user_traceback(error).count("ValueError: round") == 1
