"""Segments by what customers are and where they live, and several axes crossed."""
