"""Rules that several recommenders have for their parameters."""

from typing import Any


def judge(name: str, value: Any, ok: bool, rule: str) -> None:
    """Raise ValueError unless `ok`.

    >>> judge("alpha", 2.0, False, "in [0, 1]")
    Traceback (most recent call last):
    ValueError: alpha must be in [0, 1]. Got 2.0 instead.
    """
    if not ok:
        raise ValueError(f"{name} must be {rule}. Got {value!r} instead.")


def judge_half_life(value: Any, name: str = "half_life") -> None:
    """Raise ValueError unless `value` is None or > 0."""
    judge(name, value, value is None or value > 0, "> 0 days, or None")


def judge_count(name: str, value: Any, least: int = 1) -> None:
    """Raise ValueError unless `value` is a whole number >= `least`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    judge(name, value, whole and value >= least, f"a whole number >= {least}")
