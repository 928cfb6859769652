"""Ask every question of a household, or of all of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.parallel import Parallel, delayed

from crm_analytics.core.errors import choice
from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import TOPICS
from crm_analytics.profiling.profile import Profile, findings_table
from crm_analytics.profiling.questions.registry import QUESTIONS
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.telling.formatting import LANGUAGES
from crm_analytics.transactions import TransactionLog

CHUNK = 50  # households that a worker profiles before it says so

Progress = Callable[[Iterable[int]], Iterable[int]]


def profile_household(
    log: TransactionLog | Population,
    household: Any,
    *,
    context: Context | None = None,
    as_of: date | datetime | str | None = None,
    sensitive: Sequence[str] = (),
    lang: str = "en",
    show_cards: bool = False,
) -> Profile:
    """Say who a household is, as far as its lines say, each claim with the lines that carry it.

    Parameters
    ----------
    log : TransactionLog or Population
        The lines of everybody: whether a household is special, others must tell. A `Population`
        is a log already read (`Population.read(log, context, as_of)`): read it once to profile many.
    household : hashable
        Its household_id in the context's cards, or a customer_id where there are none.
    context : Context, optional
        Cards, stores, calendar, forms and tags beside the log. Questions that need a table that
        is not there are not asked.
    as_of : date, datetime or str, optional
        First instant not seen; by default all of the log is.
    sensitive : sequence of {'health', 'religion', 'pregnancy'}
        Topics that may be told. None by default: profiling is intimate.
    lang : {'en', 'tr'}
        Language of the statements.
    show_cards : bool
        Name cards by number in statements, instead of "card 1", "card 2".

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        If the household has no line before `as_of`, or a word is not one of those allowed.
    TypeError
        If `log` is neither of the two, such as a DataFrame, or `context` is no Context.
    SchemaError
        If the context's cards miss a customer of the log.

    Examples
    --------
    >>> from crm_analytics.datasets import make_city
    >>> city = make_city(12, start="2008-01-01", end="2009-01-01", random_state=1)
    >>> context = Context(cards=city.cards, stores=city.stores, calendar=city.calendar)
    >>> profile = profile_household(city.log, city.cards["household_id"].iloc[0], context=context)
    >>> home = profile.find("home")[0]
    >>> len(profile.evidence(home)) == len(home.rows)
    True
    """
    _check(sensitive, lang)
    population = _population(log, context, as_of)
    found = population.household(household)
    return Profile(found, ask(found, sensitive), lang, show_cards)


def profile_households(
    log: TransactionLog | Population,
    households: Iterable[Any] | None = None,
    *,
    context: Context | None = None,
    as_of: date | datetime | str | None = None,
    sensitive: Sequence[str] = (),
    lang: str = "en",
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Profile many households: one row a finding.

    Parameters
    ----------
    households : iterable, optional
        Those to profile; all of them by default.
    n_jobs : int
        Processes to work in.
    progress : callable, optional
        Wraps the iterable of chunks done, as `tqdm.tqdm` does.
    log, context, as_of, sensitive, lang
        As in `profile_household`.

    Returns
    -------
    DataFrame with `household_id`, the columns of `Profile.table`, and `lines`: the line numbers of
    the source that each finding rests on. A household without a finding has no row.
    """
    _check(sensitive, lang)
    if isinstance(households, str) or not (households is None or isinstance(households, Iterable)):
        raise ValueError(
            f"households must be a list of households. Got {households!r} instead: write [{households!r}]."
        )
    population = _population(log, context, as_of)
    if households is None:
        places = np.arange(len(population.households))
    else:
        places = np.array([population.place(household) for household in households], dtype=np.int64)
    chunks = [places[i : i + CHUNK] for i in range(0, len(places), CHUNK)]
    if not chunks:
        return pd.DataFrame(columns=["household_id", *findings_table([]).columns, "lines"])
    if n_jobs == 1:
        done: Iterable[pd.DataFrame] = (
            _profiled(population, chunk, tuple(sensitive), lang) for chunk in chunks
        )
    else:
        _profiled(
            population, chunks[0], tuple(sensitive), lang
        )  # so that what questions learn is learnt once
        bare = replace(population, table=population.table.iloc[:0])
        work = (delayed(_profiled)(bare, chunk, tuple(sensitive), lang) for chunk in chunks)
        done = Parallel(n_jobs=n_jobs, return_as="generator")(work)
    steps = range(len(chunks))
    tables = [table for _, table in zip(progress(steps) if progress else steps, done, strict=True)]
    found = pd.concat(tables, ignore_index=True)
    numbers = population.table["line_number"].to_numpy()
    found["lines"] = [tuple(numbers[rows].tolist()) for rows in found["lines"]]
    return found


def ask(household: Household, sensitive: Sequence[str] = ()) -> tuple[Claim, ...]:
    """Ask all questions of one household; answers on topics not in `sensitive` are left out.

    So are alternatives that are such a topic: whoever asked for health did not ask for pregnancy.
    """
    claims = [_with_topic(claim, household) for question in QUESTIONS for claim in question(household)]
    unasked = {topic for topic in TOPICS if topic not in sensitive}
    return tuple(
        replace(claim, alternatives=tuple(key for key in claim.alternatives if key not in unasked))
        for claim in claims
        if claim.topic not in unasked
    )


def _with_topic(claim: Claim, household: Household) -> Claim:
    """The claim with the topic of its lines, if most of them are of one: a favourite brand of pads is intimate too."""
    if claim.topic:
        return claim
    bought = household.lines.product[claim.lines]
    topics = household.population.learn(product_topics)
    return next((replace(claim, topic=t) for t, of in topics.items() if of[bought].mean() > 0.5), claim)


def product_topics(population: Population) -> dict[str, np.ndarray]:
    """Which products are of a sensitive topic, by topic; boolean arrays of shape (n_products,)."""
    names = population.context.tags.names["topic"]
    return {
        topic: population.tagged(
            *[tag for tag in names.index[names == topic] if tag in population.tags.columns]
        )
        for topic in TOPICS
    }


def _profiled(
    population: Population, places: np.ndarray, sensitive: tuple[str, ...], lang: str
) -> pd.DataFrame:
    """Findings of some households, with the rows of the population's table as `lines`."""
    tables = []
    for place in places:
        household = population.household_at(place)
        findings = Profile(household, ask(household, sensitive), lang).findings
        table = findings_table(findings)
        table.insert(0, "household_id", household.household_id)
        table["lines"] = [household.lines.row[finding.rows] for finding in findings]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _population(
    log: TransactionLog | Population, context: Context | None, as_of: date | datetime | str | None
) -> Population:
    if not isinstance(log, TransactionLog | Population):
        raise TypeError(
            f"log must be a TransactionLog (read_log(frame)) or a Population. Got {type(log).__name__} instead."
        )
    if not isinstance(log, Population):
        return Population.read(log, context, as_of)
    if context is not None or as_of is not None:
        raise ValueError(
            "context and as_of belong to the Population that was read. Give them to Population.read."
        )
    return log


def _check(sensitive: Sequence[str], lang: str) -> None:
    choice(lang, name="lang", allowed=LANGUAGES)
    if isinstance(sensitive, str):
        raise ValueError(f"sensitive must be a sequence of topics. Got the text {sensitive!r} instead.")
    for topic in sensitive:
        choice(topic, name="sensitive", allowed=TOPICS)
