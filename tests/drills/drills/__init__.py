"""Drills: what the pair promises when something dies, pauses, is cut off, comes back or is changed. See docs/testing.md."""
