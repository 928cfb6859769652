"""Segments that keep their meaning: by value, recency and frequency, behaviour, taste, and place."""

__all__: list[str] = []
