"""The stage model, planning and records of Pivot, and the seams between its parts."""
