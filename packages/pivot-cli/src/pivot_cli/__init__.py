"""The command line of Pivot: pip install pivot-cli."""
