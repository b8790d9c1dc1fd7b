"""The script `pivot`, before the command line is there."""

import pytest
from pivot_cli import answer, entry


def test_an_interrupt_before_the_command_line_is_imported_shows_no_frames(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(answer, "give", interrupted)
    with pytest.raises(SystemExit) as ended:
        entry.run()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"
