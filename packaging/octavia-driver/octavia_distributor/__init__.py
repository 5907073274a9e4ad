"""Octavia driver of the distributor pair: see docs/octavia.md."""
