"""The same pipeline for Pivot and for other tools, run by each: how long, how much work, how much memory."""
