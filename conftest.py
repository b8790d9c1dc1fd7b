"""For all tests: bytecode is kept. Without it, each process that a test starts would compile all that it imports."""

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
