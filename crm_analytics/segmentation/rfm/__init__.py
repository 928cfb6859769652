"""Recency, frequency, monetary: scores with stored cut points, and grids that name them."""
