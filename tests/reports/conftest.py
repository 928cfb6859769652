"""Pages that the tests of reports share; each is made once."""

from types import SimpleNamespace

import pandas as pd
import pytest

from crm_analytics import read_log
from crm_analytics.clv import BetaGeoModel, LifetimeValueModel
from crm_analytics.datasets import load_cdnow, make_purchases
from crm_analytics.features import customer_summary
from crm_analytics.reports import portfolio_report

EVIL = "<script>alert(1)</script>"


def scored(log, **params):
    """Fit and score; the log, the model and the scores, as portfolio_report takes them."""
    summary = customer_summary(log, unit=params["unit"])
    model = LifetimeValueModel(purchases=BetaGeoModel(), **params).fit(summary)
    return log, model, summary.join(model.predict_table(summary, level=0.9))


@pytest.fixture(scope="session")
def score():
    return scored


@pytest.fixture(scope="session")
def cdnow():
    """CDNOW in weeks and its page."""
    log, model, scores = scored(load_cdnow(), unit="W", horizon=52, annual_discount_rate=0.15)
    page = portfolio_report(log, model, scores, title="CDNOW", currency="$")
    return SimpleNamespace(log=log, model=model, scores=scores, page=page)


@pytest.fixture(scope="session")
def evil():
    """A page of customers, items and words that would like to be HTML, with refunds and broken lines."""
    made = make_purchases(300, weeks=60, random_state=11).log().to_frame()
    lines = made.assign(
        customer_id=EVIL + made["customer_id"].astype(str),
        item_id='"><img src=x onerror=alert(2)>',
        description="{{ 7 * 7 }}" + EVIL,
    )
    refund = lines.iloc[[0]].assign(amount=lambda line: -line["amount"])
    refund["occurred_at"] += pd.Timedelta(hours=1)
    broken = lines.iloc[[1]].assign(customer_id=None)
    free = lines.iloc[[2]].assign(amount=0.0)
    log = read_log(pd.concat([lines, refund, broken, free]), not_after="2025-01-01")
    _, model, scores = scored(log, unit="D", horizon=90, margin=0.3)
    page = portfolio_report(log, model, scores, title=f"{EVIL} & sons", currency="<b>")
    return SimpleNamespace(log=log, model=model, scores=scores, page=page)
