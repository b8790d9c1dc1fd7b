"""The script of each Python that Pivot starts: runs `main` of the module that it is told of.

That is `python -m`, without the time that takes: in a run with something to do, all waits for the first of these.
"""

import _signal  # type: ignore[import-not-found] # signal itself would make an enum of each number
import gc
import os
import sys
from importlib import import_module

if __name__ == "__main__":
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # the main process decides what an interrupt ends
    gc.disable()  # it would look again and again at all that is imported; who loads the pipeline switches it on
    if not sys.flags.safe_path:
        del sys.path[0]  # the directory of this file
    module, *arguments = sys.argv[1:]
    descriptor = int(arguments[0])  # the one that it is given; others are its starter's, and may be locks
    if sys.platform == "win32":
        from pivot_exec import windows

        arguments[0] = str(windows.take(descriptor))
    else:
        os.closerange(3, descriptor)
        os.closerange(
            descriptor + 1, min(os.sysconf("SC_OPEN_MAX"), 1 << 16)
        )  # without a limit macOS names 2 ** 63 - 1
        os.set_inheritable(descriptor, False)
    sys.argv[:] = ["pivot"]  # a stage that parses its command line is given none
    import_module(module).main(*arguments)
