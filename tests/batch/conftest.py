"""What tests of scoring runs share: a log of customers who buy regularly, and a value model of it."""

import pytest

from crm_analytics.clv import BetaGeoModel, LifetimeValueModel
from crm_analytics.datasets import make_purchases
from crm_analytics.features import customer_summary

REGULAR = {"r": 2.0, "alpha": 6.0, "a": 0.6, "b": 3.0}


@pytest.fixture(scope="module")
def regular_log():
    made = make_purchases(500, weeks=60, joining_weeks=30, params=REGULAR, end="2025-01-01", random_state=4)
    return made.log()


@pytest.fixture(scope="module")
def value_model(regular_log):
    model = LifetimeValueModel(unit="D", horizon=91, purchases=BetaGeoModel())
    model.fit(customer_summary(regular_log))
    model.choice_ = {"reason": "Chosen by the test.", "warnings": [], "log_ratios": []}
    return model
