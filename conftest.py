"""For all tests: bytecode is kept, and one more of them runs than there are CPUs.

Without bytecode each process that a test starts would compile all that it imports; and tests wait for processes, clocks
and signals now and then.
"""

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_xdist_auto_num_workers() -> int:
    return (os.process_cpu_count() or 1) + 1
