"""What can go wrong, one class for each remedy a caller may take."""

import difflib
import unicodedata
from collections.abc import Iterable


class CrmAnalyticsError(Exception):
    """Base of every error that this library raises on purpose."""


class SchemaError(CrmAnalyticsError, ValueError):
    """Data breaks the contract: a column is missing, or values are impossible."""


class LeakageError(CrmAnalyticsError, ValueError):
    """A model would be judged on what it was told."""


class LeakageWarning(UserWarning):
    """A column tells the outcome so well that it may have been written after it."""


class ConvergenceError(CrmAnalyticsError, ArithmeticError):
    """No usable parameters exist for this data, or the search did not find them."""


class SearchLimitError(CrmAnalyticsError, ValueError):
    """A search would give more than it was allowed to."""


class ModelFileError(CrmAnalyticsError, ValueError):
    """A saved model is damaged, altered, or written by a newer version."""


class OutputError(CrmAnalyticsError, OSError):
    """A place to write to is unusable, or holds something that is not ours."""


class MissingDataError(CrmAnalyticsError, FileNotFoundError):
    """A data file that is not part of the library was not found."""


class MissingExtraError(CrmAnalyticsError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed. "
            f"Install it with: pip install 'crm_analytics[{extra}]'."
        )


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate spelled most like `name`, or None if none is near.

    >>> nearest("monetary_value", ["monetery_value", "T"])
    'monetery_value'
    """
    spelled = {plain(candidate): candidate for candidate in candidates}
    found = difflib.get_close_matches(plain(name), spelled, n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def plain(name: str) -> str:
    """Return a name without case, signs, blanks and accents, as people mistype it.

    >>> plain("Müşteri No"), plain("customer_ID"), plain("FİŞ")
    ('musterino', 'customerid', 'fis')
    """
    letters = unicodedata.normalize("NFKD", str(name).casefold().replace("ı", "i"))
    return "".join(letter for letter in letters if letter.isalnum())


def choice(value: object, *, name: str, allowed: Iterable[str]) -> None:
    """Raise ValueError unless `value` is one of the `allowed` words.

    >>> choice("Y", name="unit", allowed=["D", "W"])
    Traceback (most recent call last):
    ValueError: unit must be one of 'D', 'W'. Got 'Y' instead.
    """
    allowed = list(allowed)
    if value not in allowed:
        words = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} must be one of {words}. Got {value!r} instead.")
