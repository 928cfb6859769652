"""Segments by what customers buy."""
