"""Likelihoods and futures as numbers: loops over customers, compiled."""
