"""Words for a taste: the categories it is known by, as a marketer would write them."""

from collections.abc import Sequence

import numpy as np

_LEAST_LIFT = 1.2  # a category below it is bought by all alike, and says nothing
_TURKISH = str.maketrans("Iİ", "ıi")


def typical_categories(shares: np.ndarray, mean_shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Categories of a taste, the most telling first, and their lift.

    Telling is share × ln(lift), the part of a category in how far the taste lies from the mean
    (Kullback & Leibler 1951): a large share that all have alike says little, and so does a
    high lift of next to nothing.

    Parameters
    ----------
    shares, mean_shares : ndarray of shape (n_categories,)
        Of the spend of the taste's customers, and of all.

    Returns
    -------
    (order, lift), each of shape (n_categories,): places of the categories; lift by category.
    """
    lift = np.divide(shares, mean_shares, out=np.zeros_like(shares), where=mean_shares > 0)
    telling = shares * np.log(np.maximum(lift, 1e-300))
    return np.argsort(-telling, kind="stable"), lift


def taste_names(categories: Sequence[str], shares: np.ndarray, mean_shares: np.ndarray) -> list[str]:
    """A name for each taste from its most telling categories, all different.

    Up to three categories of which the taste buys at least 1.2 times the mean; more only where
    two tastes would have the same name.

    Parameters
    ----------
    categories : sequence of str
    shares : ndarray of shape (n_tastes, n_categories)
    mean_shares : ndarray of shape (n_categories,)

    Examples
    --------
    >>> taste_names(["BABY FOODS", "WINE", "MILK"], np.array([[0.4, 0.0, 0.6], [0.0, 0.5, 0.5]]),
    ...             np.array([0.2, 0.25, 0.55]))
    ['Baby foods', 'Wine']
    """
    turkish = any(letter in "İĞŞ" for name in categories for letter in name)
    names: list[str] = []
    for row in shares:
        order, lift = typical_categories(row, mean_shares)
        telling = [place for place in order if lift[place] >= _LEAST_LIFT] or list(order[:1])
        for many in range(3, len(telling) + 1):
            name = _listed([_spoken(categories[place], turkish) for place in telling[:many]])
            if name not in names:
                break
        else:
            name = _listed([_spoken(categories[place], turkish) for place in telling[:3]])
        number = 2
        while name in names:
            name = f"{name.removesuffix(f' ({number - 1})')} ({number})"
            number += 1
        names.append(name)
    return names


def _spoken(category: str, turkish: bool) -> str:
    """Without capitals throughout; other spellings are taken to be meant."""
    category = " ".join(category.split())
    if not category.isupper():
        return category
    return (category.translate(_TURKISH) if turkish else category).lower()


def _listed(words: list[str]) -> str:
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} & {words[-1]}"
    first = {"i": "İ"}.get(text[0]) if any(letter in "ığş" for letter in text) else None
    return (first or text[0].upper()) + text[1:]
