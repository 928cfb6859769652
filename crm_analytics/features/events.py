"""What a customer complained of, called about or answered before a date: features of events."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_analytics.core.errors import choice
from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS, periods_per_year
from crm_analytics.features.periods import PERIOD, last_period, shift
from crm_analytics.transactions import TransactionLog

# One row a customer, origin and kind. An origin comes as `instant;last period seen;first instant
# of the window`. Times to resolution and scores are added exactly, whatever the order.
EVENTS_SQL = """
WITH listed AS (SELECT unnest(string_split($origins, ',')) AS item),
origins AS (
    SELECT CAST(split_part(item, ';', 1) AS TIMESTAMP) AS origin,
        CAST(split_part(item, ';', 2) AS BIGINT) AS now,
        CAST(split_part(item, ';', 3) AS TIMESTAMP) AS since
    FROM listed
),
scored AS (
    SELECT customer_id, occurred_at, kind, resolved_at, score, {period} AS period,
        min(score) OVER (PARTITION BY customer_id, kind, occurred_at) AS lowest
    FROM events
),
seen AS (
    SELECT customer_id, origin, kind, occurred_at, score, lowest, now - period AS ago,
        CASE WHEN resolved_at < origin THEN date_diff('microsecond', occurred_at, resolved_at) END AS took,
        occurred_at >= since AS recent
    FROM scored JOIN origins ON occurred_at < origin
)
SELECT customer_id, origin, kind,
    CAST(count(CASE WHEN recent THEN 1 END) AS BIGINT) AS n,
    CAST(min(ago) AS BIGINT) AS since_last,
    CAST(count(CASE WHEN recent THEN took END) AS BIGINT) AS n_resolved,
    CAST(sum(CASE WHEN recent THEN CAST(took AS DECIMAL(20, 0)) END) AS DOUBLE) AS took,
    CAST(count(*) - count(took) AS BIGINT) AS still_open,
    max_by(lowest, CASE WHEN score IS NOT NULL THEN occurred_at END) AS last_score,
    CAST(count(CASE WHEN recent THEN score END) AS BIGINT) AS n_scores,
    CAST(sum(CASE WHEN recent THEN CAST(score AS DECIMAL(18, 6)) END) AS DOUBLE) AS scores
FROM seen GROUP BY customer_id, origin, kind ORDER BY customer_id, origin, kind""".replace("{period}", PERIOD)

_KINDS_SQL = "SELECT DISTINCT kind FROM events WHERE occurred_at < $first ORDER BY kind"

_MICROSECONDS_PER_YEAR = 365.25 * 24 * 3600e6


def event_features(
    log: TransactionLog,
    origins: Sequence[date | datetime | str],
    unit: str = "D",
    window: int | None = None,
    *,
    kinds: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Describe each customer's complaints, calls, surveys and so on, as seen from each origin.

    An origin sees events before it only, and of those only what was known then: a complaint that
    was resolved at the origin or later is still open. So nothing that happens at an origin or
    after it changes a value in its rows. Which columns there are depends on `kinds` and on the
    columns of the events' source, never on what happens later.

    Parameters
    ----------
    log : TransactionLog
        Read with `events`.
    origins : list of date, datetime or str
        First instants not seen, distinct.
    unit : {"D", "W", "M", "h"}
        Day, week, month or hour.
    window : int >= 1, optional
        Counts and means look at events in [origin - window, origin) only (periods); by default at
        all before the origin. The last event, the last score and what is open look at all of them.
    kinds : list of str, optional
        Kinds to describe, as the log has them; one without any event counts 0. By default those with an
        event before the earliest origin: give them where the columns must be those of another run.

    Returns
    -------
    DataFrame indexed by (customer_id, origin), in this order: a row for each customer with an event
    of any kind before the origin. For each kind, its name in small ASCII letters where it has
    them (`Şikâyet (web)` becomes `sikayet_web`):

    {kind}_count : int
        Events in the window.
    {kind}_since_last : float
        Age of the last event (periods, whole; 0 in the last period seen); NaN without one.
    {kind}_resolution_mean : float
        Mean time to resolution of the window's events that were resolved before the origin
        (periods of elapsed time; a month is 365.25 / 12 days); NaN without any.
    {kind}_open : int
        Events, the window's and earlier, not resolved before the origin.
    {kind}_last_score : float
        Score of the last event that has one, the lowest of those at one instant; NaN without any.
    {kind}_mean_score : float
        Mean score of the window's events (in millionths exactly); NaN without any.

    The two columns of resolution are there if the source of the events has `resolved_at`, the
    two of scores if it has `score`, for every kind. A customer without a row had no event: counts 0,
    all else NaN.

    Raises
    ------
    MissingDataError
        If the log has no events.
    ValueError
        If the unit is unknown, the window is no whole number >= 1, there is no origin or one comes
        twice or lies before the log's first line, or two kinds would have columns of one name.

    Examples
    --------
    >>> log = read_log(
    ...     pd.DataFrame({"customer_id": ["a", "b"], "occurred_at": ["2024-01-05", "2024-01-09"], "amount": 1.0}),
    ...     events=pd.DataFrame({"customer_id": ["a", "a", "b"], "kind": "complaint",
    ...         "occurred_at": ["2024-01-06", "2024-01-20", "2024-02-03"],
    ...         "resolved_at": ["2024-01-09", "2024-02-07", None]}))
    >>> found = event_features(log, ["2024-02-01", "2024-02-10"])
    >>> found.rename(columns=lambda name: name.removeprefix("complaint_"))
                            count  since_last  resolution_mean  open
    customer_id origin
    a           2024-02-01      2        11.0              3.0     1
                2024-02-10      2        20.0             10.5     0
    b           2024-02-10      1         6.0              NaN     1
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    if window is not None and not (window == int(window) and window >= 1):
        raise ValueError(
            f"window must be a whole number of {UNIT_WORDS[unit]}s >= 1. Got {window!r} instead."
        )
    columns = log.events.columns
    instants = _instants(log, origins)
    if kinds is None:
        kinds = log.query(_KINDS_SQL, first=instants[0])["kind"].to_pylist()
    words = column_words(kinds)
    found = log.query(EVENTS_SQL, origins=_listed(instants, unit, window), unit=unit)
    return _widened(found, words, unit, resolution="resolved_at" in columns, scores="score" in columns)


def column_words(kinds: Iterable[str]) -> dict[str, str]:
    """Return how each kind is named in a column: small letters without accents, `_` for all signs.

    Raises ValueError if two kinds would share a name.

    >>> column_words(["Şikâyet (web)", "NPS-Anketi", "contract_end"])
    {'Şikâyet (web)': 'sikayet_web', 'NPS-Anketi': 'nps_anketi', 'contract_end': 'contract_end'}
    """
    words: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for kind in dict.fromkeys([kinds] if isinstance(kinds, str) else kinds):
        letters = unicodedata.normalize("NFKD", str(kind).casefold().replace("ı", "i"))
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
        word = re.sub(r"[\W_]+", "_", plain).strip("_") or str(kind)
        if word in spelled:
            raise ValueError(
                f"the kinds {spelled[word]!r} and {kind!r} would share the columns {word}_…. Unify them at the "
                "source, or name one of them in kinds=."
            )
        spelled[word] = kind
        words[kind] = word
    return words


def _instants(log: TransactionLog, origins: Sequence[date | datetime | str]) -> list[datetime]:
    given = [origins] if isinstance(origins, str | date) else list(origins)
    instants = sorted(log.snapshot(origin) for origin in given)
    if not instants:
        raise ValueError("origins must name at least one date. Got none.")
    if len(set(instants)) < len(instants):
        twice = next(one for one, other in itertools.pairwise(instants) if one == other)
        raise ValueError(f"origins must be distinct. Got {twice} twice.")
    return instants


def _listed(instants: Sequence[datetime], unit: str, window: int | None) -> str:
    """The origins as the one text parameter that EVENTS_SQL takes apart."""
    since = [datetime(1, 1, 1) if window is None else shift(origin, -window, unit) for origin in instants]
    return ",".join(
        f"{origin};{last_period(origin, unit)};{start}" for origin, start in zip(instants, since, strict=True)
    )


def _widened(
    found: pa.Table, words: dict[str, str], unit: str, *, resolution: bool, scores: bool
) -> pd.DataFrame:
    """One row a customer and origin from one a customer, origin and kind, in that order."""
    begins = np.ones(found.num_rows, dtype=bool)
    begins[1:] = _changes(found["customer_id"]) | _changes(found["origin"])
    row = begins.cumsum() - 1
    index = pd.MultiIndex.from_frame(
        found.select(["customer_id", "origin"]).filter(pa.array(begins)).to_pandas()
    )
    microseconds = _MICROSECONDS_PER_YEAR / periods_per_year(unit)
    columns: dict[str, np.ndarray] = {}
    for kind, word in words.items():
        its = pc.equal(found["kind"], kind)
        part = found.drop_columns(["customer_id", "origin", "kind"]).filter(its).to_pandas()
        rows = row[its.to_numpy()]
        wide: dict[str, tuple[pd.Series, float]] = {
            "count": (part["n"], 0),
            "since_last": (part["since_last"], np.nan),
        }
        if resolution:
            mean = part["took"] / part["n_resolved"].where(part["n_resolved"] > 0) / microseconds
            wide |= {"resolution_mean": (mean, np.nan), "open": (part["still_open"], 0)}
        if scores:
            mean = part["scores"] / part["n_scores"].where(part["n_scores"] > 0)
            wide |= {"last_score": (part["last_score"], np.nan), "mean_score": (mean, np.nan)}
        for name, (values, default) in wide.items():
            column = columns[f"{word}_{name}"] = np.full(len(index), default)
            column[rows] = values.to_numpy()
    return pd.DataFrame(columns, index=index)


def _changes(values: pa.ChunkedArray) -> np.ndarray:
    """Whether each value but the first differs from the one before it."""
    return pc.not_equal(values[1:], values[:-1]).to_numpy()
