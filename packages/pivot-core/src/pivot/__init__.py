"""What a pipeline module imports: `from pivot import stage`."""

from pivot_core.declare import stage

__all__ = ["stage"]
