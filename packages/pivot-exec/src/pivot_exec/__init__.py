"""Warm workers for Pivot: load once, fork for each stage, record what came out.

Importing this raises PivotError where there is no fork.
"""

import os

if not hasattr(os, "fork"):
    from pivot_core.errors import PivotError

    raise PivotError(
        "pipelines are loaded in a process that is forked, and this system cannot fork processes",
        "Use Linux, macOS, or Linux in Windows (WSL 2).",
    )
