"""The pages about fingerprints say what the tests check."""

from fingerprint_cases import ALL_CASES
from write_fingerprint_pages import LIST, SUMMARY, list_page, summary_page

HOW = "run: uv run python tests/write_fingerprint_pages.py"


def test_the_summary_is_made_from_the_cases() -> None:
    present = SUMMARY.read_text("utf-8")
    assert summary_page(present) == present, HOW


def test_the_list_is_made_from_the_cases() -> None:
    assert list_page() == LIST.read_text("utf-8"), HOW


def test_the_list_has_a_line_for_every_case() -> None:
    lines = [line for line in LIST.read_text("utf-8").splitlines() if line.startswith("| ") and "---" not in line]
    heads = [line for line in lines if line.startswith("| change |")]
    assert len(lines) - len(heads) == len(ALL_CASES)
