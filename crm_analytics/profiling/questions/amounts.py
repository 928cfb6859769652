"""Whether more of a habitual category is bought at certain times than at a household's other times."""

import numpy as np

LEAST_WINDOWS = 12  # other times to compare with


def amount_ratios(quantity: np.ndarray, window: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """How much likelier the amounts of each category within spans of days are, if more is bought then.

    Parameters
    ----------
    quantity : ndarray of float, shape (n_categories, n_days)
        Packs a day.
    window : ndarray of int, shape (n_days,)
        Number of the span that a day belongs to, -1 outside.
    lift : ndarray of float, shape (n_categories,)
        How many times more of it everybody buys then.

    Returns
    -------
    ndarray of float, shape (n_categories,)
        1 where fewer than two spans, or fewer than twelve other times, were shopped in.

    Each span is ranked among the household's other times of the same length, by how far the
    packs of a category exceed its share of all packs bought then; so neither an absence nor a large
    shop counts. With p the share of other times that exceed as far, the ratio of a span is
    (1 - p + p ln p) / (p (ln p)²): the mean over κ of κ p^(κ - 1), which has mean 1 under the
    null whatever κ is. Spans are multiplied.

    Source: Sellke, Bayarri & Berger (2001), The American Statistician 55; Vovk & Sellke's mixture as in
    Vovk & Wang (2021), E-values, Annals of Statistics 49.

    >>> days = np.ones((2, 400))
    >>> days[0, [100, 101, 300]] = 12
    >>> window = np.full(400, -1)
    >>> window[98:105], window[295:302] = 0, 1
    >>> amount_ratios(days, window, np.ones(2)).round(1)
    array([63.8,  0.3])
    """
    n_categories, n_days = quantity.shape
    done = np.concatenate([np.zeros((n_categories, 1)), quantity.cumsum(axis=1)], axis=1)
    whole = quantity.sum(axis=0)
    all_done = np.concatenate([[0.0], whole.cumsum()])
    numbers = np.unique(window[window >= 0])
    ratios, spans = np.ones(n_categories), 0
    if numbers.size < 2 or not all_done[-1] > 0:
        return ratios
    share = done[:, -1] / all_done[-1]
    within = np.concatenate([[0], (window >= 0).cumsum()])
    for number in numbers.tolist():
        days = np.flatnonzero(window == number)
        begin, length = int(days[0]), int(days[-1] - days[0]) + 1
        starts = np.arange(0, n_days - length + 1, max(length // 2, 1))
        # Other times: no day of any span, and something bought.
        free = within[starts + length] == within[starts]
        bought = all_done[starts + length] - all_done[starts]
        starts = starts[free & (bought > 0)]
        total = all_done[begin + length] - all_done[begin]
        if starts.size < LEAST_WINDOWS or not total > 0:
            continue
        theirs = _excess(
            done[:, starts + length] - done[:, starts], share, all_done[starts + length] - all_done[starts]
        )
        mine = _excess(
            (done[:, begin + length] - done[:, begin])[:, None],
            share * np.maximum(lift, 1.0),
            np.array([total]),
        )
        # Ties count half.
        above = (theirs > mine).sum(axis=1) + (theirs == mine).sum(axis=1) / 2
        p = (above + 0.5) / (starts.size + 1)
        ratios *= (1 - p + p * np.log(p)) / (p * np.log(p) ** 2)
        spans += 1
    return ratios if spans >= 2 else np.ones(n_categories)


def _excess(packs: np.ndarray, share: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Packs beyond a category's share of all, in standard deviations of a Poisson number."""
    expected = share[:, None] * total
    return np.asarray((packs - expected) / np.sqrt(expected + 0.5))
