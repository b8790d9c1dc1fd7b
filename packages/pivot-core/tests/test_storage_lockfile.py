"""Lock files: what is written is read, and nothing else is believed."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pivot_core.errors import ProjectError
from pivot_core.model import Accepted, FileState, Record
from pivot_core.storage import lockfile, locktext
from pivot_core.storage.digests import hash_bytes
from pivot_core.storage.lockfile import LockFiles, file_name
from pivot_core.storage.lockschema import read_yaml
from pivot_core.storage.locktext import checked, emit, parse

YAML_WORDS = """on Off yes y N null ~ true 012 0x1f 1e5 1.0e+5 .inf .nan - = << 12:30:00 2024-01-01 1_000 a:b -a !a
    &a *a %a @a `a {a} [a] a,b "a" 'a' inf None _ e1 #a a\\b"""
AWKWARD = [
    *YAML_WORDS.split(),
    "",
    " ",
    "a: b",
    "a #b",
    "a:",
    ": a",
    "- a",
    "? a",
    "a ",
    " a",
    "a\nb",
    "a\tb",
    "\r\n",
    "\0",
]
AWKWARD += ["\x07", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff", "\ufffe", "\ud7ff", "\N{PILE OF POO}", "\U0010ffff"]
AWKWARD += ["\udcff", "ä", "x" * 2000, "Ünï cöde"]
CHARACTERS = st.characters() | st.sampled_from("\udc80\udcff\0\x85\u2028\ufeff")
TEXT = st.text(CHARACTERS, max_size=12) | st.sampled_from(AWKWARD)
FLOATS = st.floats() | st.sampled_from([1e-05, 1e22, 1e16, -0.0, math.inf, -math.inf, math.nan, 5e-324, 0.1])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
COUNT = st.integers(0, 2**63)
DIGESTS = st.binary(max_size=3).map(hash_bytes) | st.just(hash_bytes(b"") + ".tree")
STATES = st.builds(FileState, DIGESTS, COUNT, st.none() | COUNT, st.none() | TEXT, st.booleans())
RECORDS = st.builds(
    Record,
    stage=TEXT,
    code=TEXT,
    manifest=st.dictionaries(TEXT, TEXT, max_size=3),
    params=st.dictionaries(TEXT, JSON, max_size=3),
    deps=st.dictionaries(TEXT, STATES, max_size=3),
    outs=st.dictionaries(TEXT, STATES, max_size=3),
    scheme=TEXT,
    accepted=st.none() | st.builds(Accepted, TEXT, TEXT),
)


def record(stage: str = "train", **changes: Any) -> Record:
    fields: dict[str, Any] = {
        "stage": stage,
        "code": hash_bytes(b"code"),
        "manifest": {"func:pipeline.train": hash_bytes(b"train"), "dist:pandas": "2.3.1"},
        "params": {"lr": 0.1},
        "deps": {"data.csv": FileState(hash_bytes(b"data"), 5120)},
        "outs": {
            "plots": FileState(hash_bytes(b"plots") + ".tree", 10, files=3),
            "model.pkl": FileState(hash_bytes(b"m"), 88),
            "tool.sh": FileState(hash_bytes(b"t"), 12, executable=True),
        },
        "scheme": "1/3.13",
    }
    return Record(**{**fields, **changes})


def canonical(value: Any) -> Any:
    """A value that compares as what it is: 1 is not 1.0 is not True, nan is itself, 0.0 is not -0.0."""
    if isinstance(value, dict):
        return {key: canonical(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    return (type(value), repr(value))


def same(one: Record | None, other: Record) -> bool:
    return (
        one is not None
        and canonical(one.params) == canonical(other.params)
        and all(
            getattr(one, name) == getattr(other, name)
            for name in ("stage", "code", "manifest", "deps", "outs", "scheme", "accepted")
        )
    )


def text_of(written: Record) -> str:
    text = checked(emit(written))
    assert text is not None
    return text


@given(RECORDS)
@example(record(params={text: text for text in AWKWARD}, manifest=dict.fromkeys(AWKWARD, "x")))
@example(record(params={"f": [1e-05, math.inf, -math.inf, math.nan, 1e22, -0.0, 1.0, 1, True]}))
def test_a_record_reads_back_as_it_was_written(written: Record) -> None:
    """In our own way and in that of any YAML 1.1 reader, which never disagree."""
    text = text_of(written)
    assert same(read_yaml(text, "x.lock"), written)
    own = parse(text)
    assert own is None or same(own, written)


@given(RECORDS)
def test_our_own_reader_knows_nearly_all_that_we_write(written: Record) -> None:
    """It is given up only for numbers that JSON has not and for very long keys."""
    text = text_of(written)
    odd = any(word in text for word in (".inf", ".nan", "? "))
    assert odd or same(parse(text), written)


@given(RECORDS)
def test_the_order_of_keys_makes_no_difference(written: Record) -> None:
    turned = {name: dict(reversed(getattr(written, name).items())) for name in ("manifest", "params", "deps", "outs")}
    assert emit(attrs.evolve(written, **turned)) == emit(written)


@given(RECORDS)
def test_line_ends_that_git_turned_do_not_break_the_check(written: Record) -> None:
    data = emit(written).replace(b"\n", b"\r\n")
    assert checked(data) == text_of(written)


def test_the_form_is_what_users_and_diffs_see() -> None:
    text = emit(record()).decode()
    assert text.splitlines()[:-1] == [
        "pivot: 1",
        "stage: train",
        'scheme: "1/3.13"',
        f'code: "{hash_bytes(b"code")}"',
        "manifest:",
        '  dist:pandas: "2.3.1"',
        f'  func:pipeline.train: "{hash_bytes(b"train")}"',
        "params:",
        "  lr: 0.1",
        "deps:",
        f'  data.csv: {{digest: "{hash_bytes(b"data")}", size: 5120}}',
        "outs:",
        f'  model.pkl: {{digest: "{hash_bytes(b"m")}", size: 88}}',
        f'  plots: {{digest: "{hash_bytes(b"plots")}.tree", size: 10, files: 3}}',
        f'  tool.sh: {{digest: "{hash_bytes(b"t")}", size: 12, executable: true}}',
    ]
    assert text.splitlines()[-1].startswith('check: "xxh3:')
    assert yaml.safe_load(text)["stage"] == "train"


def test_plain_keys_are_text_to_every_reader() -> None:
    for word in sorted(locktext._WORDS):
        for form in (word, word.upper(), word.capitalize()):
            assert locktext._key(form).startswith('"')


@pytest.mark.parametrize("value", [{1: 2}, {"a": object()}, {"a": {1, 2}}, {"a": b"x"}])
def test_params_that_are_no_json_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        emit(record(params={"p": value}))


@pytest.fixture
def locks(tmp_path: Path) -> LockFiles:
    return LockFiles(tmp_path / ".pivot" / "stages")


def test_a_stage_without_a_lock_file_has_no_record_and_no_problem(locks: LockFiles) -> None:
    assert locks.read("train") is None
    assert locks.problem("train") == ""
    assert locks.stages() == []
    locks.remove("train")
    locks.clean()


def test_what_was_written_is_read(locks: LockFiles) -> None:
    locks.write(record())
    assert locks.read("train") == record()
    assert [path.name for path in locks.path("train").parent.iterdir()] == ["train.lock"]
    locks.write(record(code="xxh3:2"))
    assert locks.read("train") == record(code="xxh3:2")


def test_what_is_known_is_not_read_again_until_the_file_is_another(
    locks: LockFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = record(), record(code="xxh3:quite another one")
    locks.write(one)
    reads: list[str] = []
    inner = lockfile._stamped_bytes_of

    def counted(path: str) -> tuple[bytes, Any]:
        reads.append(path)
        return inner(path)

    monkeypatch.setattr(lockfile, "_stamped_bytes_of", counted)
    assert locks.read("train") == one
    assert reads == []
    for found in (other, one):  # as git does
        locks.path("train").unlink()
        locks.path("train").write_bytes(emit(found))
        assert locks.read("train") == locks.read("train") == found
    assert len(reads) == 2


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_record_that_stays_the_same_is_not_written(locks: LockFiles, ends: bytes) -> None:
    locks.write(record())
    path = locks.path("train")
    path.write_bytes(path.read_bytes().replace(b"\n", ends))
    before = path.stat()
    locks.write(record())
    assert path.stat() == before


GOOD = emit(record())
CONFLICT = b"<<<<<<< HEAD\n" + GOOD + b"=======\n" + GOOD + b">>>>>>> other\n"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "train.lock is empty"),
        (b"\0" * 400, "train.lock is empty"),
        (GOOD[:100], "train.lock is cut off"),
        (GOOD[:-1], "train.lock was changed by hand, or damaged"),
        (GOOD[:-20], "train.lock was changed by hand, or damaged"),
        (GOOD + b"\0\0", "train.lock was changed by hand, or damaged"),
        (GOOD.replace(b"lr: 0.1", b"lr: 0.2"), "train.lock was changed by hand, or damaged"),
        (GOOD.replace(b"stage: train", b"stage: \xff\xfe"), "train.lock was changed by hand, or damaged"),
        (CONFLICT, "train.lock has merge conflicts"),
        (b"\xff\xfe\x00", "train.lock is cut off"),
        (emit(record("other")), "train.lock is of another stage, other"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_absent_and_says_why(locks: LockFiles, data: bytes, problem: str) -> None:
    locks.path("train").parent.mkdir(parents=True)
    locks.path("train").write_bytes(data)
    assert locks.read("train") is None
    assert locks.problem("train") == problem
    locks.write(record())
    assert locks.read("train") == record()
    assert locks.problem("train") == ""


@given(st.data())
def test_no_single_changed_byte_is_believed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != GOOD[at]))
    assert checked_or_none(GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]) is None


def checked_or_none(data: bytes) -> str | None:
    try:
        return checked(data)
    except UnicodeDecodeError:
        return None


def signed(text: str) -> bytes:
    return text.encode() + f'check: "{hash_bytes(text.encode())}"\n'.encode()


TEXT_OF_GOOD = text_of(record())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (f'digest: "{hash_bytes(b"data")}", ', "", "train.lock: required field missing @ $.deps['data.csv'].digest"),
        ("size: 88", "size: eighty", "train.lock: must be a number, not 'eighty' @ $.outs['model.pkl'].size"),
        ("size: 88", "size: true", "must be a number, not True @ $.outs['model.pkl'].size"),
        ("size: 88", "size: 88, executable: 1", "must be true or false, not 1 @ $.outs['model.pkl'].executable"),
        ("size: 88", "size: 88, mode: 1", "unknown field @ $.outs['model.pkl'].mode"),
        (
            "pivot: 1",
            "pivot: 2",
            "train.lock: written by a newer Pivot (format 2; this one reads up to 1): upgrade Pivot",
        ),
        ("pivot: 1", "pivot: 0", "no format version of Pivot: 0 @ $.pivot"),
        ("pivot: 1", "pivot: true", "no format version of Pivot: True @ $.pivot"),
        ("pivot: 1\n", "", "no format version of Pivot: None @ $.pivot"),
        ("params:", "accepted: {code: a}\nparams:", "required field missing @ $.accepted.scheme"),
        ("params:", "accepted: 1\nparams:", "must be a mapping, not 1 @ $.accepted"),
        ("pivot: 1", "pivot: 1\nextra: 2", "train.lock: unknown field @ $.extra"),
        ("stage: train", "stage: [a]", "must be text, not ['a'] @ $.stage"),
        ("  lr: 0.1", "  - 1", "must be a mapping, not [1] @ $.params"),
        ("  lr: 0.1", "  1: 1", "must be text as key, not 1 @ $.params"),
        ('dist:pandas: "2.3.1"', "dist:pandas: 2.3", "must be text, not 2.3 @ $.manifest['dist:pandas']"),
        ("outs:", "outs: {", "train.lock: not valid YAML:"),
        (
            "  lr: 0.1",
            "  lr: !!python/object/apply:os.system [echo]",
            "train.lock: not valid YAML: could not determine",
        ),
    ],
)
def test_a_file_with_a_valid_check_that_cannot_be_used_is_an_error(
    locks: LockFiles, old: str, new: str, message: str
) -> None:
    assert old in TEXT_OF_GOOD
    locks.path("train").parent.mkdir(parents=True)
    locks.path("train").write_bytes(signed(TEXT_OF_GOOD.replace(old, new)))
    with pytest.raises(ProjectError) as caught:
        locks.read("train")
    assert message in caught.value.message


@pytest.mark.parametrize("text", ["[1]\n", "text\n", "\n", "1\n"])
def test_a_signed_file_that_is_no_mapping_is_an_error(locks: LockFiles, text: str) -> None:
    locks.path("train").parent.mkdir(parents=True)
    locks.path("train").write_bytes(signed(text))
    with pytest.raises(ProjectError, match=r"train\.lock: "):
        locks.read("train")


def test_another_layout_of_the_same_yaml_is_understood(locks: LockFiles) -> None:
    """A later Pivot may lay files out differently within this format."""
    locks.path("train").parent.mkdir(parents=True)
    locks.path("train").write_bytes(signed(yaml.safe_dump(yaml.safe_load(TEXT_OF_GOOD))))
    assert locks.read("train") == record()


def test_a_lock_file_that_cannot_be_written_is_named(locks: LockFiles) -> None:
    locks.path("train").mkdir(parents=True)
    with pytest.raises(ProjectError, match=r"train\.lock: cannot be written"):
        locks.write(record())
    assert list(locks.path("train").parent.iterdir()) == [locks.path("train")]


STAGES = [
    "train",
    "Train",
    "TRAIN",
    "a/b",
    "a\\b",
    "a b",
    "a:b",
    "train@lr-0.1",
    "con",
    "CON",
    "aux.x",
    ".hidden",
    "..",
]
STAGES += [
    "a%2Fb",
    "ä",
    "a~b",
    "x" * 300,
    "x" * 299 + "y",
    "\N{PILE OF POO}" * 60,
    "a\nb",
    "*",
    "\udcff",
    "dot.",
    "space ",
]


def test_every_stage_has_a_file_of_its_own_on_any_file_system(locks: LockFiles) -> None:
    names = [file_name(stage) for stage in STAGES]
    assert len({name.lower() for name in names}) == len(STAGES)
    assert max(len(name) for name in names) <= 220
    for stage in STAGES:
        locks.write(record(stage))
    assert [locks.read(stage) for stage in STAGES] == [record(stage) for stage in STAGES]
    assert locks.stages() == sorted(STAGES)


@given(st.lists(TEXT.filter(bool), unique=True, min_size=2, max_size=6))
def test_no_two_stages_share_a_file_name(stages: list[str]) -> None:
    names = {file_name(stage).lower() for stage in stages}
    assert len(names) == len(stages)
    assert all(not {"/", "\\", "\0", ":", "*", "?", '"', "<", ">", "|"} & set(name) for name in names)


def test_common_names_are_file_names_as_they_are() -> None:
    assert file_name("prep.data-2_x@a=1,b+c") == "prep.data-2_x@a=1,b+c"


def test_a_stage_with_an_infinite_param_is_listed(locks: LockFiles) -> None:
    locks.write(record("Train", params={"x": math.inf}))
    assert locks.stages() == ["Train"]


def test_removing_a_stage_leaves_the_others(locks: LockFiles) -> None:
    locks.write(record("a"))
    locks.write(record("b"))
    locks.remove("a")
    assert locks.stages() == ["b"]


def test_lock_files_of_stages_that_are_gone_are_told_apart(locks: LockFiles) -> None:
    assert locks.others(STAGES) == []
    for stage in STAGES:
        locks.write(record(stage))
    assert locks.others(STAGES) == []
    assert locks.others(STAGES[2:]) == sorted(STAGES[:2])


WRITE_FOREVER = """
import sys, itertools
from pathlib import Path
from pivot_core.model import Record
from pivot_core.storage.lockfile import LockFiles
locks = LockFiles(Path(sys.argv[1]))
print(flush=True)
for number in itertools.count():
    locks.write(Record("train", str(number), {f"func:{n}": str(number) for n in range(500)}, {}, {}, {}))
"""


def test_a_killed_writer_leaves_the_old_record_or_the_new_one(tmp_path: Path) -> None:
    locks = LockFiles(tmp_path)
    for round_ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        threading.Event().wait(0.01 * (round_ + 1))
        writer.kill()
        writer.communicate()
        found = locks.read("train")
        assert locks.problem("train") == ""
        assert found is None or set(found.manifest.values()) == {found.code}
        assert locks.stages() == (["train"] if found else [])
        locks.clean()
        assert {path.name for path in tmp_path.iterdir()} <= {"train.lock"}


def test_a_pipe_in_place_of_a_lock_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    locks = LockFiles(tmp_path)
    os.mkfifo(locks.path("a"))
    assert locks.read("a") is None
    assert locks.problem("a") == "a.lock is empty"


def test_a_directory_in_place_of_a_lock_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    locks = LockFiles(tmp_path)
    locks.path("a").mkdir()
    with pytest.raises(ProjectError, match="remove it: then the outs"):
        locks.read("a")
