"""What libraries consist of is not counted any more: forks have less to copy, and all else is as it was."""

import subprocess
import sys

import pytest
from pivot_exec import immortal

pytestmark = pytest.mark.skipif(not immortal._can_be(), reason="this Python keeps counts in another way")

COPIED = """
import gc, io, os, resource, sys
import pandas
from pivot_exec import exercise, immortal

def copied():
    pid = os.fork()
    if pid == 0:
        exercise._USES["pandas"](pandas)
        os._exit(0)
    _, status, used = os.wait4(pid, 0)
    assert status == 0
    return used.ru_minflt

exercise.all_imported()
gc.disable()
gc.collect()
gc.freeze()
before = copied()
gc.unfreeze()
immortal.all_imported()
gc.freeze()
print(before, copied())
"""

AS_BEFORE = """
import gc, io, sys, tempfile, weakref
import numpy
from pivot_exec import immortal

class Given: ...

def running():
    yield Given()

file, generator = tempfile.TemporaryFile("w"), running()
given = weakref.ref(next(generator))
known = weakref.ref(Given)
immortal.all_imported()

count = sys.getrefcount(numpy.matrix)
more = [numpy.matrix] * 100
assert sys.getrefcount(numpy.matrix) == count, "counted"
made = Given()
assert sys.getrefcount(made) == 2, "what is made later is counted"
gone = weakref.ref(made)
del made
assert gone() is None
gc.collect()
assert any(item is file for item in gc.get_objects()), "files must be found when a stage ends"
count = sys.getrefcount(file)
more = [file]
assert sys.getrefcount(file) == count + 1

def raised():
    try:
        numpy.zeros(2) + numpy.zeros(3)
    except ValueError as error:
        return str(error)

assert "broadcast" in raised()
exec("class Later(Given): x = numpy.float64(1)\\nassert Given.__subclasses__() == [Later]")
"""


def test_a_fork_has_less_to_copy() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", COPIED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert after < 0.85 * before


def test_all_else_is_as_it_was() -> None:
    done = subprocess.run([sys.executable, "-c", AS_BEFORE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_is_done_before_numpy_is_there() -> None:
    script = """
import sys
from pivot_exec import immortal
class Given: ...
immortal.all_imported()
count = sys.getrefcount(Given)
more = [Given]
assert sys.getrefcount(Given) == count + 1
import numpy
immortal.all_imported()
count = sys.getrefcount(Given)
more.append(Given)
assert sys.getrefcount(Given) == count
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_very_large_libraries_are_left_alone() -> None:
    script = """
import sys, numpy
from pivot_exec import immortal
class Given: ...
many = [[] for _ in range(immortal._MOST)]
immortal.all_imported()
count = sys.getrefcount(Given)
more = [Given]
assert sys.getrefcount(Given) == count + 1
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
