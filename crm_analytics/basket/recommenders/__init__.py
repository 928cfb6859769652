"""Recommenders: what to offer each customer now, and why."""
