"""Segments of like behaviour: k-means and k-prototypes, their number, and labels that stay."""
