"""Frequent sequences of baskets and the rules they give."""
