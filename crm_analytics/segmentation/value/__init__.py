"""Segments by worth: tiers of recent spend, and rules of a tree in words."""
