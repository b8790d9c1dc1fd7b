"""What `pivot explain` prints of a stage: the form users and programs read."""

from __future__ import annotations

import json

import attrs
import pytest
from pivot_cli.explanation import Explained, Verdict, to_data, to_text
from pivot_core import reasons as why
from pivot_core.inside import Inside
from pivot_core.reasons import CodeChange, Reason

OLD, NEW = "xxh3:5995c853" + "0" * 24, "xxh3:a1b2c3d4" + "0" * 24
HELPER = CodeChange("func", "src.utils.helper_a", OLD, NEW, "src/utils.py", 15)

FORM = """\
Stage: train
  Status: WILL RUN
  Reason: Code dependency changed

  Changes:
    func:helper_a
      Old: 5995c853
      New: a1b2c3d4
      File: src/utils.py:15"""

CHANGES: list[tuple[Reason, list[str]]] = [
    (why.NeverRun(), []),
    (why.FormatChanged("1/3.13", "1/3.14"), []),
    (why.Forced(), []),
    (why.UpstreamPending(("a",)), []),
    (why.CodeChanged((HELPER,)), ["func:helper_a", "  Old: 5995c853", "  New: a1b2c3d4", "  File: src/utils.py:15"]),
    (why.ParamChanged("lr", 0.1, None), ["param:lr", "  Old: 0.1", "  New: (none)"]),
    (why.DepAdded("d"), ["dep:d (added)"]),
    (why.DepRemoved("d"), ["dep:d (removed)"]),
    (why.DepMissing("d"), ["dep:d (missing)"]),
    (why.DepChanged("d", OLD, NEW), ["dep:d", "  Old: 5995c853", "  New: a1b2c3d4"]),
    (why.OutAdded("o"), ["out:o (added)"]),
    (why.OutRemoved("o"), ["out:o (removed)"]),
    (why.OutMissing("o"), ["out:o (missing)"]),
    (why.OutChanged("o", OLD, NEW), ["out:o", "  Old: 5995c853", "  New: a1b2c3d4"]),
]


def test_the_form_of_an_explanation() -> None:
    assert to_text(Explained("train", "run", [why.CodeChanged((HELPER,))])) == FORM


def test_every_kind_of_reason_is_here() -> None:
    assert {type(reason) for reason, _ in CHANGES} == set(why.Reason.__value__.__args__)


@pytest.mark.parametrize(("reason", "changes"), CHANGES)
def test_what_a_reason_says_changed(reason: Reason, changes: list[str]) -> None:
    _, _, text = to_text(Explained("s", "run", [reason])).partition("\n\n  Changes:\n")
    assert [line.removeprefix("    ") for line in text.splitlines()] == changes


@pytest.mark.parametrize("reason", [reason for reason, _ in CHANGES])
def test_the_data_of_a_reason_is_json_with_all_its_fields(reason: Reason) -> None:
    [data] = json.loads(json.dumps(to_data(Explained("s", "run", [reason]))["reasons"]))
    assert data.pop("reason") == reason.code
    assert data == json.loads(json.dumps(attrs.asdict(reason)))


def test_data_tells_the_stage_and_the_verdict() -> None:
    assert to_data(Explained("s", "up_to_date")) == {"stage": "s", "verdict": "up_to_date", "reasons": []}


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("up_to_date", "UP TO DATE"), ("restore", "WILL RESTORE"), ("run", "WILL RUN"), ("pending", "PENDING")],
)
def test_a_verdict_is_shown_in_capitals(verdict: Verdict, status: str) -> None:
    assert to_text(Explained("s", verdict)).splitlines()[1] == f"  Status: {status}"


def test_nothing_changed_is_said_in_words() -> None:
    assert to_text(Explained("s", "up_to_date")).splitlines() == [
        "Stage: s",
        "  Status: UP TO DATE",
        "  Reason: Nothing changed",
    ]


def test_reasons_of_one_kind_have_one_heading_and_all_their_changes() -> None:
    text = to_text(
        Explained("s", "run", [why.DepChanged("a", OLD, NEW), why.DepMissing("b"), why.DepChanged("c", OLD, NEW)])
    )
    assert text.count("Reason: Input dependency changed") == 1
    assert text.count("Reason: Input dependency missing") == 1
    assert [line.strip() for line in text.splitlines() if "dep:" in line] == ["dep:a", "dep:b (missing)", "dep:c"]


def test_a_helper_is_told_from_another_of_its_name_that_the_stage_uses_unchanged() -> None:
    reasons = [why.CodeChanged((HELPER,))]
    assert "func:utils.helper_a\n" in to_text(Explained("s", "run", reasons, [("func", "src.more.helper_a")]))
    assert "func:helper_a\n" in to_text(Explained("s", "run", reasons, [("func", "src.more.helper_b")]))


def test_new_and_gone_code_has_one_side_only() -> None:
    new = CodeChange("func", "lib.f", None, NEW, "lib.py", 1)
    gone = CodeChange("func", "lib.g", OLD, None)
    lines = to_text(Explained("s", "run", [why.CodeChanged((new, gone))])).splitlines()
    assert [line.strip() for line in lines[5:]] == [
        "func:f", "Old: (none)", "New: a1b2c3d4", "File: lib.py:1", "func:g", "Old: 5995c853", "New: (none)",
    ]  # fmt: skip


def test_a_file_without_a_line_is_named_alone_and_versions_are_whole() -> None:
    file = CodeChange("file", "conf/a.json", OLD, NEW, "conf/a.json")
    library = CodeChange("dist", "pandas", "2.3.1", "2.10.0")
    text = to_text(Explained("s", "run", [why.CodeChanged((file, library))]))
    assert "File: conf/a.json\n" in text
    assert "Old: 2.3.1\n      New: 2.10.0" in text


def test_of_a_param_that_is_a_mapping_only_what_differs_is_shown() -> None:
    old = {"lr": 0.1, "same": 1, "deep": {"layers": [1, 2], "same": 2}, "gone": 3}
    new = {"lr": 0.2, "same": 1, "deep": {"layers": [1], "same": 2}, "new": None}
    lines = to_text(Explained("s", "run", [why.ParamChanged("cfg", old, new)])).splitlines()
    assert [line.strip() for line in lines if "param:" in line] == [
        "param:cfg.deep.layers",
        "param:cfg.gone",
        "param:cfg.lr",
        "param:cfg.new",
    ]
    assert "      Old: [1, 2]\n      New: [1]" in "\n".join(lines)


def test_of_a_directory_the_files_that_changed_are_named_up_to_a_number() -> None:
    reasons = [why.DepChanged("data", OLD, NEW), why.DepChanged("other", OLD, NEW)]
    found = Inside(added=tuple(f"data/{number}" for number in range(7)), changed=("data/x",))
    explained = Explained("s", "run", reasons, inside={"data": found})
    assert to_text(explained).splitlines()[5:] == [
        "    dep:data",
        "      Old: 5995c853",
        "      New: a1b2c3d4",
        "      Added: data/0, data/1, data/2, data/3, data/4 and 2 more",
        "      Changed: data/x",
        "    dep:other",
        "      Old: 5995c853",
        "      New: a1b2c3d4",
    ]
    told, other = to_data(explained)["reasons"]
    assert (len(told["inside"]["added"]), told["inside"]["removed"]) == (7, ())
    assert "inside" not in other
