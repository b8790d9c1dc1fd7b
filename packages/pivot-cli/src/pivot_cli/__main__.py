"""`python -m pivot_cli` is `pivot`, but for its end, which is Python's own: profilers and debuggers tell then."""

import sys

from pivot_cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
