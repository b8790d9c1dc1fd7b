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


def test_children_are_there_until_somebody_has_waited_for_them() -> None:
    code = (
        "import os, subprocess; from pivot_exec import system\n"
        "print(system.has_children())\n"
        "process = subprocess.Popen(['cat'], stdin=subprocess.PIPE)\n"
        "print(system.has_children())\n"
        "process.stdin.close()\n"
        "os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)\n"
        "print(system.has_children())\n"
        "process.wait()\n"
        "print(system.has_children())\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["False", "True", "True", "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has children that end silently")
def test_a_child_that_tells_nobody_of_its_end_is_one() -> None:
    code = (
        "import ctypes, os, signal; from pivot_exec import system\n"
        "pid = ctypes.CDLL(None).syscall(56, 0, 0, 0, 0, 0) if os.uname().machine == 'x86_64' else os.fork()\n"
        "if pid == 0: signal.pause()\n"
        "print(system.has_children())\n"
        "os.kill(pid, signal.SIGKILL)\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["True"]


@pytest.mark.skipif(sys.platform != "linux", reason="about /proc")
def test_without_proc_python_is_asked() -> None:
    """As in a chroot where nobody has mounted it."""
    code = (
        "import os.path; os.path.isdir = lambda path, real=os.path.isdir: not path.startswith('/proc') and real(path)\n"
        "from pivot_exec import system\n"
        "print(system.threads(), system.descriptors(), system.children())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "1 {} []\n"
