"""Segments by what is bought, who buys it and where, and several axes crossed."""
