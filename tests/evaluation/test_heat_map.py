"""The grid of customers of one age: which cells a model is asked about, and what it answers there."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics.clv import BetaGeoModel
from crm_analytics.datasets import load_cdnow
from crm_analytics.evaluation import frequency_recency_grid
from crm_analytics.features import customer_summary


class Echo:
    """Answers with what it was asked, and remembers it."""

    def probability_alive(self, X):
        self.asked = X
        return X["recency"] / X["T"]

    def predict(self, X, *, horizon):
        return (X["frequency"] * horizon).to_numpy()


def test_cells_go_by_frequency_then_recency_from_nothing_to_the_most():
    grid = frequency_recency_grid(Echo(), T=30, horizon=2, max_frequency=3, n_recency=30)
    assert list(grid.columns) == ["frequency", "recency", "p_alive", "expected_purchases"]
    assert_allclose(grid["frequency"], np.repeat([0, 1, 2, 3], 31))
    assert_allclose(grid["recency"], np.tile(np.arange(31), 4))


def test_the_model_is_asked_about_possible_customers_only_and_the_others_are_missing():
    model = Echo()
    grid = frequency_recency_grid(model, T=10, horizon=2, max_frequency=4, n_recency=5)
    assert list(model.asked.columns) == ["frequency", "recency", "T"]
    assert (model.asked["T"] == 10).all()
    impossible = (grid["frequency"] == 0) != (grid["recency"] == 0)
    assert impossible.sum() == 5 + 4
    assert (grid["p_alive"].isna() == impossible).all()
    assert (grid["expected_purchases"].isna() == impossible).all()


def test_answers_stand_in_the_cells_they_were_asked_for():
    grid = frequency_recency_grid(Echo(), T=10, horizon=2, max_frequency=4, n_recency=5).dropna()
    assert_allclose(grid["p_alive"], grid["recency"] / 10)
    assert_allclose(grid["expected_purchases"], grid["frequency"] * 2)


def test_on_cdnow_each_cell_is_what_the_model_says_of_such_a_customer():
    model = BetaGeoModel().fit(customer_summary(load_cdnow(), "1997-10-01"))
    grid = frequency_recency_grid(model, T=270, horizon=273)
    cell = grid[(grid["frequency"] == 4) & (grid["recency"] == 135.0)].iloc[0]
    customer = pd.DataFrame({"frequency": [4], "recency": [135.0], "T": [270.0]})
    assert_allclose(cell["p_alive"], model.probability_alive(customer)[0], rtol=1e-12)
    assert_allclose(cell["expected_purchases"], model.predict(customer, horizon=273)[0], rtol=1e-12)
    falls = grid.dropna().groupby("frequency")["p_alive"].apply(lambda p: p.is_monotonic_increasing)
    assert falls.all()  # the more recent the last purchase, the surer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"T": 0}, r"T must be > 0 and finite\. Got 0 instead"),
        ({"T": float("nan")}, r"T must be > 0 and finite\. Got nan"),
        ({"max_frequency": 0}, r"max_frequency must be a whole number >= 1\. Got 0"),
        ({"n_recency": 2.5}, r"n_recency must be a whole number >= 1\. Got 2\.5"),
    ],
)
def test_a_parameter_out_of_range_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        frequency_recency_grid(Echo(), **({"T": 10, "horizon": 5} | change))
