"""Whom it pays to hold, and what a past experiment says."""
