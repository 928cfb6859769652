"""How large segments will be, and what a customer in each is worth, if customers move on as they did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.segmentation.movement.chain import (
    chain_value,
    drawn_paths,
    expected_path,
    inflow_dispersion,
    moves_dispersion,
    posterior_weights,
)
from crm_analytics.segmentation.movement.migration import (
    GONE,
    NEW,
    Migration,
    as_names,
    migration_matrix,
    segments_of,
)


@dataclass(frozen=True, eq=False)
class SegmentForecast:
    """Sizes of the segments in the periods to come.

    Attributes
    ----------
    sizes : DataFrame
        A row for each period (1, 2, …) and segment: `period`, `segment`, `expected`, `lower`,
        `upper` (customers), `share` (of all who are expected in the period).
    transition : DataFrame
        Probability to go from each segment (rows) to each, or to be "gone" (last column), within a
        period: the posterior mean; rows sum to 1.
    inflow : Series
        New customers expected to enter each segment in a period.
    start : Series
        Customers of each segment now, at period 0.
    dispersion : float
        How much more the moves differed from one transition to the next than chance alone makes
        them, as a ratio of variances (Pearson's X² of equal chances over its degrees of freedom);
        about 1 if the chances stayed the same. NaN from one transition, which cannot tell.
    level : float
        Chance of the intervals.
    """

    sizes: pd.DataFrame
    transition: pd.DataFrame
    inflow: pd.Series
    start: pd.Series
    dispersion: float
    level: float

    def value(
        self, values: Mapping | pd.Series, *, discount: float = 0.0, periods: int | None = None
    ) -> pd.Series:
        """Expected discounted value of a customer who now is in each segment.

        Parameters
        ----------
        values : mapping or Series by segment
            What a customer brings in a period spent in each segment, less what is spent on
            them (currency). One who is gone brings nothing. NaN only for a segment that
            nobody can get into.
        discount : float >= 0
            Rate per period: a sum a period away counts 1 / (1 + discount).
        periods : int >= 1, optional
            How many periods count, the present one first. By default all to come, which
            needs a discount or customers who leave.

        Returns
        -------
        Series by segment, named "value" (currency); see `chain_value`.
        """
        segments = list(self.start.index)
        worth, chances = as_names(values, segments, "values"), self.transition.to_numpy()[:, :-1]
        unknown = ~np.isfinite(worth)
        if (unknown & chances.any(axis=0)).any():
            name = segments[int(np.flatnonzero(unknown & chances.any(axis=0))[0])]
            raise SchemaError(f"SegmentForecast.value: segment {name!r} has no finite value. Give it one.")
        found = chain_value(chances, np.where(unknown, 0.0, worth), discount=discount, periods=periods)
        found[unknown] = np.nan
        return pd.Series(found, self.start.index, name="value")


class ForecastCheck(NamedTuple):
    """What a forecast said against what happened.

    `table` has a row for each date held out and segment: `period`, `segment`, `now`, `expected`,
    `lower`, `upper`, `actual` (customers), `error` (expected − actual), `naive_error` (now −
    actual), `inside` (whether `actual` lies in the interval). `error` and `naive_error` are
    the means of their absolute values, `inside` the share inside, `message` all this in words.
    """

    table: pd.DataFrame
    error: float
    naive_error: float
    inside: float
    message: str


def forecast_sizes(
    moves: Migration | Sequence[Migration] | Sequence[pd.Series],
    periods: int = 4,
    *,
    start: Mapping | pd.Series | None = None,
    inflow: Mapping | pd.Series | None = None,
    prior: float = 1.0,
    level: float = 0.9,
    n_draws: int = 2_000,
    random_state: Any = 0,
) -> SegmentForecast:
    """Forecast the sizes of segments by a Markov chain: customers move on as they have moved.

    The chance to move depends on the present segment alone, and is the same in each period. Counts
    of several transitions are added up. Under a Dirichlet prior, the chances of a segment are
    its counts, plus `prior` customers spread evenly, over their sum: over all segments, and
    "gone", that anybody ever went to.

    Parameters
    ----------
    moves : Migration, or sequence of Migration, or sequence of at least two Series of segments
        Transitions of the same length, in order of time; Series by customer as
        `migration_matrix` takes them, a date each.
    periods : int >= 1
        How many to look ahead, each as long as a transition.
    start : mapping or Series by segment, optional
        Customers now; by default those of the last date.
    inflow : mapping or Series by segment, optional
        New customers of each period, as planned. By default the mean of the transitions.
    prior : float > 0
        Weight of the prior (customers).
    level : float in (0, 1)
        Chance of the intervals.
    n_draws : int >= 1
        Futures drawn for the intervals: chances from their Dirichlet distribution, the rate of
        newcomers from its gamma distribution, then the moves of each customer (multinomial) and the
        newcomers (Poisson). Where the transitions differed by more than chance, so do the periods
        drawn: their chances and rates vary around the mean as much as they did (`dispersion`).
    random_state : int or numpy Generator

    Returns
    -------
    SegmentForecast

    Raises
    ------
    SchemaError
        If there is no transition, or a segment has no number in `start` or `inflow`.

    Notes
    -----
    From one transition, the intervals hold only what is left to chance if that transition repeats
    itself; from a few, they know of no more change than those few have seen. Dates must be
    comparable: where the windows of the features reach back before the log began, customers seem to rise
    as the windows fill. `check_forecast` tells what became of such a forecast beside "as many as now",
    which is hard to beat where sizes have settled: look at the intervals, and at what newcomers bring.

    References
    ----------
    Pfeifer & Carraway (2000), Modeling customer relationships as Markov chains, Journal of
    Interactive Marketing 14(2). Anderson & Goodman (1957), Statistical inference about Markov
    chains, Annals of Mathematical Statistics 28, for the test of equal chances.

    Examples
    --------
    >>> dates = [pd.Series(list(word)) for word in ("aaaaaaaabb", "aaaaaabbbb")]
    >>> forecast_sizes(dates, 2).sizes[["period", "segment", "expected"]].round(2)
       period segment  expected
    0       1       a      5.00
    1       1       b      5.00
    2       2       a      4.44
    3       2       b      5.56
    """
    for name, number in (("periods", periods), ("n_draws", n_draws)):
        if not (isinstance(number, int | np.integer) and number >= 1):
            raise ValueError(f"{name} must be a whole number >= 1. Got {number!r} instead.")
    if not 0 < prior < np.inf:
        raise ValueError(f"prior must be > 0. Got {prior!r} instead.")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    segments, counts = _stacked_counts(moves)
    n, sizes_before = len(counts), counts[:, :-1].sum(axis=2).mean(axis=0)
    index = pd.Index(segments, dtype=object, name="segment")
    now = counts[-1, :, :-1].sum(axis=0).astype(float)
    if start is not None:
        now = _sizes(start, segments, "start")
    weight = posterior_weights(counts[:, :-1].sum(axis=0), prior)
    chances = weight / np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    shapes = counts[:, -1, :-1].sum(axis=0)
    rate = shapes / n if inflow is None else _sizes(inflow, segments, "inflow")
    expected = expected_path(now, chances[:, :-1], rate, periods)
    dispersion = moves_dispersion(counts[:, :-1])
    spread = (np.fmax(dispersion, 1.0), np.fmax(inflow_dispersion(counts[:, -1, :-1]), 1.0))
    rng = np.random.default_rng(random_state)
    rates = np.broadcast_to(rate, (n_draws, rate.size))
    if inflow is None:
        rates = rng.standard_gamma(shapes / spread[1], rates.shape) * spread[1] / n
    else:
        spread = (spread[0], 1.0)  # a plan is taken at its word, but for chance
    drawn = drawn_paths(now, weight, sizes_before, rates, spread, periods, rng)
    lower, upper = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    all_expected = expected.sum(axis=1, keepdims=True)
    share = np.divide(expected, all_expected, out=np.full(expected.shape, np.nan), where=all_expected > 0)
    sizes = pd.DataFrame(
        {
            "period": np.repeat(np.arange(1, periods + 1), len(segments)),
            "segment": pd.Categorical(segments * periods, categories=segments),
            "expected": expected.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
            "share": share.ravel(),
        }
    )
    return SegmentForecast(
        sizes,
        pd.DataFrame(
            chances,
            pd.Index(segments, dtype=object, name="from"),
            pd.Index([*segments, GONE], dtype=object, name="to"),
        ),
        pd.Series(rate, index, name="inflow"),
        pd.Series(now, index, name="customers"),
        dispersion,
        level,
    )


def check_forecast(labels: Sequence[pd.Series], *, periods: int = 1, **options: Any) -> ForecastCheck:
    """Forecast the last dates from those before them, and compare with what happened.

    Parameters
    ----------
    labels : sequence of at least `periods` + 2 Series of segments
        One a date, evenly spaced, in order of time; see `migration_matrix`.
    periods : int >= 1
        How many of the last dates are held out.
    **options
        What `forecast_sizes` takes.

    Returns
    -------
    ForecastCheck
        Beside the naive forecast, that all stays as it was at the last date known.

    Examples
    --------
    >>> dates = [pd.Series(list(word)) for word in ("aaaaaaaabb", "aaaaaabbbb", "aaaaabbbbb")]
    >>> check_forecast(dates).table[["segment", "now", "expected", "actual", "naive_error"]].round(2)
      segment  now  expected  actual  naive_error
    0       a    6       5.0       5            1
    1       b    4       5.0       5           -1
    """
    labels = list(labels)
    if not (isinstance(periods, int | np.integer) and periods >= 1):
        raise ValueError(f"periods must be a whole number >= 1. Got {periods!r} instead.")
    if len(labels) < periods + 2:
        raise ValueError(
            f"check_forecast: {periods} date(s) held out need at least {periods + 2} dates: two to learn a "
            f"transition from, the others to judge it by. Got {len(labels)} instead."
        )
    names = segments_of(labels, caller="check_forecast")
    seen = {name for some in labels for name in some.unique()}
    segments = [name for name in names if name in seen]  # one always empty is no feat to foresee
    kind = pd.CategoricalDtype(segments)
    known = [some.astype(object).astype(kind) for some in labels]  # all dates have the segments of all
    found = forecast_sizes(known[:-periods], periods, **options)
    table = found.sizes.drop(columns="share")
    sizes = [some.value_counts().reindex(segments).to_numpy() for some in known]
    table.insert(2, "now", np.tile(sizes[-periods - 1], periods))
    table["actual"] = np.concatenate(sizes[-periods:])
    table["error"] = table["expected"] - table["actual"]
    table["naive_error"] = table["now"] - table["actual"]
    table["inside"] = table["actual"].between(table["lower"], table["upper"])
    error, naive = (float(table[name].abs().mean()) for name in ("error", "naive_error"))
    inside = float(table["inside"].mean())
    message = (
        f"The forecast is {error:,.1f} customers off in a segment on average, {naive:,.1f} if all had stayed as "
        f"it was; {table['inside'].sum()} of {len(table)} sizes lie in the {found.level:.0%} interval."
    )
    return ForecastCheck(table, error, naive, inside, message)


def _stacked_counts(moves: Any) -> tuple[list, np.ndarray]:
    """Segments of all transitions, and their counts, shape (n_transitions, k + 1, k + 1)."""
    several: list[Any] = [moves] if isinstance(moves, Migration) else list(moves)
    if several and all(isinstance(some, pd.Series) for some in several):
        several = [migration_matrix(before, after) for before, after in pairwise(several)]
    if not (several and all(isinstance(some, Migration) for some in several)):
        raise SchemaError(
            "forecast_sizes: moves must be a Migration, several, or the segments (Series) of at least two dates."
        )
    segments = list(dict.fromkeys(name for some in several for name in some.segments))
    full = [
        some.counts.reindex(index=[*segments, NEW], columns=[*segments, GONE], fill_value=0)
        for some in several
    ]
    return segments, np.stack([some.to_numpy() for some in full])


def _sizes(given: Mapping | pd.Series, segments: list, name: str) -> np.ndarray:
    found = as_names(given, segments, f"forecast_sizes: {name}")
    if not ((found >= 0) & np.isfinite(found)).all():
        raise SchemaError(f"forecast_sizes: {name} must be finite and >= 0 for each segment.")
    return found
