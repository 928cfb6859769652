"""Refuellings: how they are paid, what goes into the tank, and into how many tanks."""
