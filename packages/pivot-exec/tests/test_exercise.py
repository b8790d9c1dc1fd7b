"""Libraries are used ahead of stages, which changes nothing that a stage could tell but for the time it takes."""

import subprocess
import sys

import pytest

LEFT_ALONE = """
import os, sys, threading, warnings
import numpy, pandas
from pivot_exec import exercise

def state():
    return (
        sorted(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count(),
        sorted(os.listdir("/proc/self/fd")) if sys.platform == "linux" else None,
        repr(numpy.random.get_state()),
        {name: pandas.get_option(name) for name in pandas._config.config._registered_options},
        numpy.geterr(), numpy.get_printoptions(), dict(os.environ), os.getcwd(), warnings.filters[:],
        set(sys.modules) - {name for name in sys.modules if name.partition(".")[0] in ("pandas", "numpy", "pyarrow")},
    )

before = state()
exercise.all_imported()
assert state() == before, (state(), before)
assert exercise._use.cache_info().misses == 1
pandas.read_csv = None
exercise.all_imported()
assert exercise._use.cache_info().misses == 1, "used twice"
"""


def test_nothing_is_left_of_the_use() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEFT_ALONE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_use_works() -> None:
    """What a use raises is not told, since other versions may lack something: with this one all of it is there."""
    from pivot_exec import exercise

    for name, use in exercise._USES.items():
        use(pytest.importorskip(name))


def test_a_use_that_fails_is_left_to_stages() -> None:
    script = """
import sys, types
sys.modules["pandas"] = types.ModuleType("pandas")
from pivot_exec import exercise
exercise.all_imported()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
