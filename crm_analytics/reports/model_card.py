"""What the models are, what they assume and what they cannot know, in words."""

import math
import platform
from importlib.metadata import version

import pandas as pd

from crm_analytics.clv import LifetimeValueModel
from crm_analytics.clv.inference.discounting import continuous_rate
from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.reports.wording import NBSP, Table, day, number, rate, several, span
from crm_analytics.transactions import TransactionLog

NAMES = {
    "BetaGeoModel": "BG/NBD",
    "ModifiedBetaGeoModel": "MBG/NBD",
    "MBGCNBDModel": "MBG/CNBD-k",
    "ParetoNBDModel": "Pareto/NBD",
    "GammaGammaModel": "Gamma-Gamma",
}

STEADY = (
    "While active, a customer buys at random at a rate of their own that does not change: no season, no "
    "trend, no campaign. A forecast made before Christmas does not know that Christmas comes."
)

ASSUMPTIONS = {
    "ParetoNBDModel": [
        STEADY,
        "A customer may leave for good at any time, whether they buy or not. Silence is all there is to go by.",
    ],
    "ModifiedBetaGeoModel": [
        STEADY,
        "A customer may leave for good right after any purchase, the first included. Silence is all there is to "
        "go by.",
    ],
    "MBGCNBDModel": [
        STEADY,
        "The times between a customer's purchases are more regular than chance, all customers' equally so: who "
        "is late is soon taken for gone.",
        "A customer may leave for good right after any purchase, the first included.",
    ],
    "BetaGeoModel": [
        STEADY,
        "A customer may leave for good right after any repeat purchase. Silence is all there is to go by.",
        "Who has bought once only has had no chance to leave: P(alive) is 1 for them, however long ago it was.",
    ],
    "GammaGammaModel": [
        "What a customer spends per purchase varies around a mean of their own that does not change, and does "
        "not depend on how often they buy.",
    ],
}

VERSIONS = ("crm_analytics", "numpy", "scipy", "pandas", "scikit-learn", "duckdb")


def model_name(model: object) -> str:
    """Return the name that the literature knows the model by."""
    return NAMES.get(type(model).__name__, type(model).__name__)


def parameter_table(model: LifetimeValueModel) -> Table:
    """Estimates and standard errors of both models."""
    rows = []
    for part, what in [(model.purchases_, "purchases"), (model.spend_, "spend")]:
        for name, error in part.standard_errors_.items():
            estimate = getattr(part, f"{name}_")
            rows.append([name, f"{model_name(part)} ({what})", _digits(estimate), _digits(error)])
    return Table(
        "Parameters, by maximum likelihood",
        ["Parameter", "Model", "Estimate", "Standard error"],
        rows,
        words=["Model"],
    )


def facts(model: LifetimeValueModel, log: TransactionLog) -> list[tuple[str, str]]:
    """The model card's entries: a term and what there is to say of it."""
    unit = UNIT_WORDS[model.unit]
    fits = [f"{model_name(part)}: {part.fit_report_['message']}" for part in (model.purchases_, model.spend_)]
    rows = [
        ("Models", f"{model_name(model.purchases_)} for purchases, {model_name(model.spend_)} for spend"),
        ("Why this one", str(model.choice_["reason"])),
        ("Fitted on", several(model.purchases_.n_customers_, "customer")),
        ("Fit", "; ".join(fits)),
        (
            "Log",
            f"{day(log.start)} to {day(log.end)}, the first day not seen"
            if log.start and log.end
            else "none",
        ),
        ("One purchase", f"all of a customer's receipts of one {unit}"),
        ("Horizon", span(model.horizon, model.unit)),
        ("Discount rate", _discount(model)),
        ("Margin", f"{rate(model.margin)} of spend" + (": value is revenue" if model.margin == 1 else "")),
        ("Spend and frequency", correlation_in_words(model.spend_.frequency_correlation_)),
    ]
    if model.n_without_spend_:
        left_out = several(model.n_without_spend_, "repeat buyer")
        rows.append(
            ("Left out of the spend model", f"{left_out} whose purchases brought nothing; they are scored")
        )
    return rows


def limits(model: LifetimeValueModel, scores: pd.DataFrame) -> list[str]:
    """What the models assume, and what it means for these customers."""
    said = [*ASSUMPTIONS.get(type(model.purchases_).__name__, []), *model.choice_["warnings"]]
    once = unproven(scores)
    if once:
        said.append(
            f"{several(once, 'customer')} of {number(len(scores))} bought once only and count as active all the same."
        )
    said += ASSUMPTIONS.get(type(model.spend_).__name__, [])
    if (scores["p_alive"] > 0.95).mean() > 0.95:
        said.append(
            "P(alive) is above 95 % for nearly everyone: the model sees hardly anybody leave in this log, and "
            "cannot tell who has."
        )
    said.append(
        "Values are expectations: what a single customer brings will differ from theirs by a lot. The trial "
        "above judges purchases, not spend."
    )
    return said


def unproven(scores: pd.DataFrame) -> int:
    """Customers who bought once and are counted as surely active."""
    return int(((scores["frequency"] == 0) & (scores["p_alive"] >= 1)).sum())


def correlation_in_words(correlation: float) -> str:
    """Say what a correlation of spend with frequency means for the values.

    >>> correlation_in_words(0.03)
    'correlation 0.03 among repeat buyers: next to none, as the model assumes'
    """
    if not math.isfinite(correlation):
        return "their correlation is not defined for these customers; the model assumes none"
    begin = f"correlation {number(correlation, 2)} among repeat buyers"
    if abs(correlation) < 0.1:
        return f"{begin}: next to none, as the model assumes"
    more = "more" if correlation > 0 else "less"
    weak = "a weak one" if abs(correlation) < 0.3 else "not a weak one"
    low, high = ("high", "low") if correlation > 0 else ("low", "high")
    return (
        f"{begin}, {weak}, while the model assumes none: who buys often spends {more} at a time, so the "
        f"values of rare buyers tend to be too {low} and those of frequent buyers too {high}"
    )


def versions() -> str:
    """What computed the page."""
    found = [f"{name}{NBSP}{version(name)}" for name in VERSIONS]
    return ", ".join([*found, f"Python{NBSP}{platform.python_version()}"])


def _discount(model: LifetimeValueModel) -> str:
    if model.annual_discount_rate == 0:
        return "none: money later counts as money now"
    per_period = continuous_rate(model.annual_discount_rate, model.unit)
    return (
        f"{rate(model.annual_discount_rate)} a year (effective), compounded continuously at the equal "
        f"{100 * per_period:.3g}{NBSP}% per {UNIT_WORDS[model.unit]}"
    ).replace("-", "−")


def _digits(x: float) -> str:
    """Three to four significant digits, whatever the size."""
    if not math.isfinite(x) or x == 0:
        return number(x)
    return number(x, max(0, 3 - math.floor(math.log10(abs(x))))) if abs(x) >= 1e-4 else f"{x:.2e}"
