"""The portfolio report: what the customers are worth, who holds it, and whether to trust it."""

from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from sklearn.utils.validation import check_is_fitted

from crm_analytics.churn import ChurnClassifier
from crm_analytics.clv import LifetimeValueModel
from crm_analytics.core.tables import require, require_columns
from crm_analytics.evaluation import value_concentration
from crm_analytics.plotting import (
    plot_concentration,
    plot_gains,
    plot_holdout,
    plot_reliability,
    plot_tracking,
    svg_chart,
)
from crm_analytics.reports import data_card, leaving, model_card, offers
from crm_analytics.reports import segments as who
from crm_analytics.reports.trial import Trial, comparison_table, hold_trial, in_short, verdict
from crm_analytics.reports.wording import Table, day, money, number, percent, rate, several, span
from crm_analytics.segmentation import CustomerSegmenter
from crm_analytics.transactions import TransactionLog

NEEDED = ("frequency", "p_alive", "expected_purchases", "expected_spend", "clv")
SUMMARY = ("recency", "T", "monetary_value")  # with these it is said how sure the total is


def portfolio_report(
    log: TransactionLog,
    model: LifetimeValueModel,
    scores: pd.DataFrame,
    *,
    title: str,
    currency: str = "",
    next_products: pd.DataFrame | None = None,
    level: str = "item_id",
    churn: ChurnClassifier | None = None,
    segments: CustomerSegmenter | None = None,
    audit: bool = True,
) -> str:
    """Write what the customers are worth as one HTML page that needs nothing else.

    Parameters
    ----------
    log : TransactionLog
        The log that the scores rest on.
    model : LifetimeValueModel
        Fitted. A clone of its purchase model is put on trial on the last third of the log.
    scores : DataFrame indexed by customer_id
        What `model.predict_table` gives, and the summary's `frequency`. With the whole
        summary the page also says how sure the total is, and with `clv_lower` and `clv_upper`
        how sure the values of single customers; other columns are not looked at.
    title : str
        Heading of the page.
    currency : str
        A sign such as "$" is written before amounts, a code such as "EUR" behind.
    next_products : DataFrame, optional
        What a recommender's `recommend` gives, or `batch.read_next_products`; with it the page
        says what to offer next, and what is bought together. An empty one is none.
    level : str
        What counted as a product there, such as "item_id" or "category".
    churn : ChurnClassifier, optional
        That gave the `p_churn` of the scores, as `batch.fit_churn` fits it; with it the page says
        who will probably fall silent, and puts a clone on trial at the last date that can be judged.
    segments : CustomerSegmenter, optional
        That gave the segments of the scores, as `batch.fit_segments` fits it; with it the page says
        who the customers are, and which tiers they came from.
    audit : bool
        Whether to look for dirt in the log, which takes a while on a large one.

    Returns
    -------
    str
        A whole page without scripts or outside resources, for light and dark screens, phones
        and paper. The same log, model and scores give the same page.

    Raises
    ------
    SchemaError
        If `scores` lacks a column, or holds what is not a finite number.
    ValueError
        If `scores` has no rows.
    """
    check_is_fitted(model)
    require_columns(scores, NEEDED, caller="portfolio_report")
    if scores.empty:
        raise ValueError("portfolio_report: scores must have at least one row. Score the customers first.")
    for column in NEEDED:
        require(
            np.isfinite(scores[column].to_numpy(dtype=float)),
            column=column,
            rule="a finite number",
            caller="portfolio_report",
            remedy="Score the customers again.",
        )
    trial = hold_trial(log, model.purchases_, model_card.model_name(model.purchases_), model.unit)
    return _template().render(
        title=title,
        headline=_headline(log, model, scores, currency),
        trial_in_short=in_short(trial),
        value=_value(scores, currency),
        segments=_segments(log, scores, segments, currency),
        offers=_offers(log, scores, next_products, level, currency),
        leaving=_leaving(log, scores, churn, currency),
        trial=_trial(trial),
        facts=model_card.facts(model, log),
        parameters=model_card.parameter_table(model),
        limits=model_card.limits(model, scores),
        versions=model_card.versions(),
        data=data_card.summary(log, len(scores), currency),
        counts=data_card.counts_table(log),
        audit=data_card.audit_table(log) if audit else None,
    )


def _leaving(
    log: TransactionLog, scores: pd.DataFrame, churn: ChurnClassifier | None, currency: str
) -> dict[str, Any] | None:
    if churn is None or "p_churn" not in scores.columns:
        return None
    trial = leaving.hold_leaving_trial(log, churn)
    section: dict[str, Any] = {
        "answer": leaving.in_short(scores, churn, currency),
        "table": leaving.at_stake_table(scores, currency),
        "verdict": None,
        "charts": [],
    }
    if trial is not None:
        section["verdict"] = leaving.verdict(trial)
        section["charts"] = [
            (
                "Those who fell silent, found among the likeliest",
                _chart(lambda ax: plot_gains(trial.gains, ax=ax), "gains", leaving.verdict(trial)),
            ),
            (
                "Chances foretold, and what came of them",
                _chart(
                    lambda ax: plot_reliability(trial.calibration, ax=ax),
                    "reliability",
                    leaving.in_groups(trial),
                ),
            ),
        ]
    return section


def _segments(
    log: TransactionLog, scores: pd.DataFrame, model: CustomerSegmenter | None, currency: str
) -> dict[str, Any] | None:
    if model is None or "value_segment" not in scores.columns:
        return None
    now = who.look(log, scores, model)
    section: dict[str, Any] = {
        "answer": who.in_short(now, model, currency),
        "tiers": who.tier_table(now, model, currency),
        "behaviour": None,
        "charts": [],
    }
    if not now.active.empty:
        section["behaviour"] = who.behaviour_table(now)
        section["charts"] = [
            (caption, _chart(draw, name, label)) for caption, name, draw, label in who.charts(now, model)
        ]
    return section


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("crm_analytics.reports", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("portfolio.html.j2")


def _headline(
    log: TransactionLog, model: LifetimeValueModel, scores: pd.DataFrame, currency: str
) -> dict[str, Any]:
    n, ahead = len(scores), span(model.horizon, model.unit)
    total, purchases, active = (
        scores["clv"].sum(),
        scores["expected_purchases"].sum(),
        scores["p_alive"].sum(),
    )
    once = model_card.unproven(scores)
    earned = "revenue" if model.margin == 1 else f"a margin of {rate(model.margin)}"
    discounted = (
        f"discounted at {rate(model.annual_discount_rate)} a year"
        if model.annual_discount_rate
        else "not discounted"
    )
    before = f" before {day(log.end)}" if log.end else ""
    cards = [
        ("Customers", number(n), f"with a purchase{before}"),
        (
            "Probably active",
            number(active),
            f"{percent(active / n)} of them, the sum of P(alive)"
            + (f"; {number(once)} bought once and count in full" if once else ""),
        ),
        (
            "Expected purchases",
            number(purchases),
            f"in the next {ahead}, {number(purchases / n, 1)} a customer",
        ),
        ("Expected value", money(total, currency), f"over {ahead}: {earned}, {discounted}"),
        ("Median customer", money(scores["clv"].median(), currency), "half are worth less, half more"),
        ("Top customer", money(scores["clv"].max(), currency), f"customer {scores['clv'].idxmax()}"),
    ]
    answer = (
        f"In the next {ahead}, {several(n, 'customer')} are expected to buy {number(purchases)} times more, "
        f"worth {money(total, currency)} today ({earned}, {discounted})."
    )
    return {"answer": f"{answer}{_how_sure(model, scores, currency)}", "cards": cards}


def _how_sure(model: LifetimeValueModel, scores: pd.DataFrame, currency: str) -> str:
    """The 90 % interval of the total in a sentence, with and without the doubt of the model itself."""
    if not set(SUMMARY) <= set(scores.columns):
        return ""
    try:
        found = model.total_interval(scores)
    except ValueError as error:
        return f" How sure that is cannot be said: {error}"
    low, high = (money(float(found[side]["model"]), currency) for side in ("lower", "upper"))
    near, far = (money(float(found[side]["purchases"]), currency) for side in ("lower", "upper"))
    n = len(model.choice_["log_ratios"])
    learnt = f"at {several(n, 'earlier date')} of this log" if n else "on logs like this one"
    return (
        f" With 90{chr(160)}% certainty it will be {low} to {high}, by how far off totals were {learnt}; were the "
        f"model exactly right, {near} to {far}."
    )


def _value(scores: pd.DataFrame, currency: str) -> dict[str, Any]:
    value = scores["clv"]
    top = scores.sort_values("clv", ascending=False, kind="stable").head(10)
    digits = 0 if top["clv"].max() >= 1000 else 2
    spend_digits = 0 if top["expected_spend"].max() >= 1000 else 2
    bounded = {"clv_lower", "clv_upper"} <= set(scores.columns)
    rows = [
        [
            str(customer),
            money(row["clv"], currency, digits),
            *(
                [f"{money(row['clv_lower'], currency, digits)} – {money(row['clv_upper'], currency, digits)}"]
                if bounded
                else []
            ),
            number(row["expected_purchases"], 1),
            money(row["expected_spend"], currency, spend_digits),
            percent(row["p_alive"]),
            number(row["frequency"]),
        ]
        for customer, row in top.iterrows()
    ]
    table = Table(
        f"The {several(len(top), 'most valuable customer')}",
        [
            "Customer",
            "Value",
            *([f"90{chr(160)}% of cases"] if bounded else []),
            "Purchases expected",
            "Spend per purchase",
            "P(alive)",
            "Repeats so far",
        ],
        rows,
    )
    if (value < 0).any() or value.sum() == 0:
        return {
            "answer": "There is no positive value that could be shared out.",
            "chart": None,
            "table": table,
        }
    shares = value_concentration(value)
    held = shares.set_index("customers")["value"]
    answer = (
        f"The most valuable 20{chr(160)}% of the customers hold {percent(held[0.2])} of the expected value, "
        f"the top 1{chr(160)}% hold {percent(held[0.01])}."
    )
    chart = _chart(lambda ax: plot_concentration(shares, ax=ax), "concentration", answer)
    return {"answer": answer, "chart": chart, "table": table}


def _offers(
    log: TransactionLog, scores: pd.DataFrame, products: pd.DataFrame | None, level: str, currency: str
) -> dict[str, Any] | None:
    if products is None or products.empty:
        return None
    level, pairs = offers.pairs(log, level)
    return {
        "answer": offers.in_short(products, log),
        "table": offers.next_product_table(log, scores, products, currency),
        "pairs": offers.pairs_in_short(pairs, level),
        "pairs_table": None if pairs.empty else offers.pairs_table(pairs),
    }


def _trial(trial: Trial | str) -> dict[str, Any]:
    if isinstance(trial, str):
        return {"why_not": trial}
    weeks, period = trial.tracking, trial.tracking.index.name
    last = weeks.iloc[-1]
    charts = [
        (
            f"Repeat purchases by {period}, by those who were customers before {day(trial.begin)}, the dashed line",
            _chart(
                lambda ax: plot_tracking(weeks, ax=ax),
                "tracking",
                f"Actual and expected repeat purchases in each {period}, {day(weeks.index[0])} to {day(trial.end)}.",
            ),
        ),
        (
            "The same, added up. Right of the dashed line the model had seen nothing",
            _chart(
                lambda ax: plot_tracking(weeks, cumulative=True, ax=ax),
                "cumulative",
                f"Running totals, which end at {number(last['actual_cumulative'])} actual and "
                f"{number(last['expected_cumulative'])} expected repeat purchases.",
            ),
        ),
    ]
    means = "; ".join(
        f"{name} repeat purchases before: {number(row['actual'], 1)} actual, {number(row[trial.name], 1)} expected"
        for name, row in trial.by_frequency.iterrows()
    )
    return {
        "why_not": None,
        "answer": verdict(trial),
        "table": comparison_table(trial),
        "by_frequency": _chart(lambda ax: plot_holdout(trial.by_frequency, ax=ax), "holdout", means),
        "charts": charts,
    }


def _chart(draw: Any, name: str, label: str) -> Markup:
    return Markup(svg_chart(draw, name=name, label=label))  # noqa: S704  drawn and escaped by us
