"""What is asked of the operating system."""

import os
import subprocess
import sys

import pytest
from pivot_exec import system

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its processes are not looked at")


def test_a_process_that_is_just_becoming_another_program_is_no_helper() -> None:
    """In the middle of that it has no command line; whether one of these is met there is up to the system."""
    for _ in range(200):
        process = subprocess.Popen(["sleep", "60"])
        try:
            assert not system.is_helper(process.pid)
        finally:
            process.kill()
            process.wait()


def test_a_process_that_has_ended_is_not_counted() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert system.is_helper(pid)
    os.waitpid(pid, 0)
    assert system.is_helper(pid)


def test_what_multiprocessing_keeps_for_itself_is_a_helper() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()  # resource_tracker"], stdin=subprocess.PIPE)
    try:
        assert system.is_helper(process.pid)
    finally:
        process.communicate(b"\n")
