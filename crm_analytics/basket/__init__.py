"""Baskets and product paths: what goes with what, what comes after what, what to offer next."""
