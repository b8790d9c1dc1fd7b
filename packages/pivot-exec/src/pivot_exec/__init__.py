"""Warm workers for Pivot: load once, fork for each stage, record what came out."""
