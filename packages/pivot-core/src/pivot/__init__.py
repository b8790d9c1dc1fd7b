"""What a pipeline module imports: `from pivot import stage`."""

from pivot_core.declare import stage
from pivot_core.model import Out

__all__ = ["Out", "stage"]
