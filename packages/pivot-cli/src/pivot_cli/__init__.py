"""The command line of Pivot: pip install pivot-cli."""

__version__ = "0.1.0"
