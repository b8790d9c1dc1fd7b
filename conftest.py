"""For all tests: bytecode is kept, an interrupt ends what they start, one more of them runs than there are CPUs, and
property tests check the same examples each time, so that what fails a change is the change.

Without bytecode each process that a test starts would compile all that it imports; and tests wait for processes, clocks
and signals now and then. `pytest --hypothesis-profile=search` looks at new examples, others each time.
"""

import os
import signal
import sys

from hypothesis import settings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as shells start what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine makes single examples slow; what hangs is ended by pytest's own timeout.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("same")


def pytest_xdist_auto_num_workers() -> int:
    return (os.process_cpu_count() or 1) + 1
