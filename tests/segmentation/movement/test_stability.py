"""Stability against segmenters whose stability is known, scikit-learn's index, and its own algebra."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression
from sklearn.metrics import adjusted_rand_score

from crm_analytics.core import SchemaError
from crm_analytics.segmentation import stability_report
from crm_analytics.segmentation.movement.stability import (
    adjusted_rand,
    best_jaccard,
    cross_counts,
    share_explained,
)


class FixedCuts(BaseEstimator):
    """Learns nothing, so it cannot change."""

    def __init__(self, *, cuts=(10.0, 20.0)):
        self.cuts = cuts

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return pd.Series(np.searchsorted(self.cuts, X["spend"]), X.index, name="segment")


class Dice(FixedCuts):
    """Segments by numbers drawn anew at each fit."""

    def fit(self, X, y=None):
        self.seed_ = int(X["spend"].sum() * 1e6) % 2**32
        return self

    def predict(self, X):
        return pd.Series(np.random.default_rng(self.seed_).integers(0, 3, len(X)), X.index)


class Quantiles(FixedCuts):
    """Thirds of the customers; keeps what it was fitted on for the tests to look at."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y=None):
        type(self).seen.append((X, y))
        self.cut_ = X["spend"].quantile([1 / 3, 2 / 3])
        return self

    def predict(self, X):
        names = np.array(["low", "middle", "high"])[np.searchsorted(self.cut_, X["spend"])]
        kind = pd.CategoricalDtype(["low", "middle", "high"], ordered=True)
        return pd.Series(names, X.index, name="segment").astype(kind)


class Predicted(BaseEstimator):
    """Above or below the mean of a supervised prediction."""

    def fit(self, X, y):
        self.model_ = LinearRegression().fit(X[["spend"]], y)
        self.cut_ = float(np.mean(y))
        return self

    def predict(self, X):
        return pd.Series(self.model_.predict(X[["spend"]]) > self.cut_, X.index)


def customers(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"spend": rng.gamma(2.0, 8.0, n)}, index=pd.Index(range(1000, 1000 + n), name="customer_id")
    )


@pytest.fixture(autouse=True)
def _nothing_seen():
    Quantiles.seen.clear()


def test_a_segmenter_that_cannot_change_is_perfectly_stable():
    report = stability_report(FixedCuts(), customers(), n_bootstrap=10, earlier=customers(seed=1))
    row = report.summary.iloc[0]
    assert row[["ari_mean", "ari_min", "refit_ari"]].to_list() == [1, 1, 1]
    assert row["ari_se"] == 0
    assert (report.segments["verdict"] == "stable").all()
    assert (report.segments["jaccard"] == 1).all()
    assert report.segments["share"].sum() == pytest.approx(1)
    assert row["smallest_share"] == report.segments["share"].min()
    assert "All segments are stable." in report.message


def test_a_segmenter_that_throws_dice_is_not_stable_at_all():
    report = stability_report(Dice(), customers(900), n_bootstrap=30)
    assert abs(report.summary["ari_mean"].item()) < 0.01
    # Thirds at random share about (1/9) / (1/3 + 1/3 − 1/9) = 1/5.
    assert_allclose(report.segments["jaccard"], 0.2, atol=0.04)
    assert (report.segments["verdict"] == "dissolved").all()
    assert (report.segments["lost"] == 1).all()
    assert "Dissolved: 0, 1, 2." in report.message


def test_names_of_clusters_do_not_matter():
    rng = np.random.default_rng(3)
    places = np.concatenate([rng.normal(centre, 0.1, (60, 2)) for centre in (0, 3, 6)])
    X = pd.DataFrame(places, columns=["a", "b"])
    report = stability_report(KMeans(3, n_init=3, random_state=None), X, n_bootstrap=5)
    assert report.summary["ari_min"].item() == 1  # numbered another way each time
    assert (report.segments["customers"] == 60).all()


@settings(max_examples=50)
@given(
    labels=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40),
)
def test_index_is_that_of_scikit_learn(labels):
    first, second = np.array(labels).T
    both = cross_counts(pd.factorize(first)[0], pd.factorize(second)[0])
    assert adjusted_rand(both) == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)
    assert adjusted_rand(both.T) == pytest.approx(adjusted_rand(both), abs=1e-12)
    sets = [{i for i, label in enumerate(second) if label == name} for name in set(second)]
    for name, found in zip(pd.unique(first), best_jaccard(both), strict=True):
        own = {i for i, label in enumerate(first) if label == name}
        assert found == pytest.approx(max(len(own & other) / len(own | other) for other in sets))


def test_one_segment_of_all_agrees_with_itself():
    assert adjusted_rand(np.array([[1_000_003]])) == 1
    assert adjusted_rand(np.eye(4)) == 1


def test_drawn_customers_have_labels_of_their_own_and_keep_their_rows_together():
    X = customers(40)
    twice = pd.concat([X, X * 2], keys=["2017-04-03", "2017-07-03"], names=["origin"]).swaplevel()
    stability_report(Quantiles(), X, fit_on=twice, n_bootstrap=4)
    (first, _), *drawn = Quantiles.seen
    pd.testing.assert_frame_equal(first, twice)
    assert len(drawn) == 4
    for table, _ in drawn:
        assert table.index.is_unique
        assert table.index.names == ["customer_id", "origin"]
        assert len(table) == 80
        pairs = table["spend"].unstack("origin")
        assert_allclose(pairs["2017-07-03"], 2 * pairs["2017-04-03"])
        assert 15 < pairs["2017-04-03"].nunique() < 36  # 63 % of 40 customers on average


def test_the_outcome_is_never_shown_to_the_segmenter():
    X = customers()
    stability_report(Quantiles(), X, X["spend"], n_bootstrap=3)
    assert all(y is None for _, y in Quantiles.seen)


def test_targets_are_drawn_with_their_customers():
    X, past = customers(), customers(seed=5)
    report = stability_report(Quantiles(), X, fit_on=(past, past["spend"] * 3), n_bootstrap=3)
    assert len(Quantiles.seen) == 4
    for table, y in Quantiles.seen:
        assert_allclose(y, table["spend"] * 3)
        assert y.index.equals(table.index)
    assert report.summary["n_customers"].item() == 300


def test_a_supervised_segmenter_learns_from_the_past_and_is_judged_now():
    now, past, before = customers(seed=1), customers(seed=2), customers(seed=3)
    report = stability_report(
        Predicted(),
        now,
        now["spend"] * 2,
        fit_on=(past, past["spend"] * 2),
        earlier=(before, before["spend"].to_numpy()),
        n_bootstrap=5,
    )
    assert report.summary["r2"].item() == pytest.approx(
        share_explained((now["spend"] > past["spend"].mean()).to_numpy().astype(int), now["spend"].to_numpy())
    )
    assert report.summary["refit_ari"].item() > 0.5


def test_an_earlier_table_tells_who_stays_and_whether_a_refit_agrees():
    now = customers(6).assign(spend=[1.0, 2.0, 30.0, 4.0, 50.0, 60.0])
    then = now.iloc[:5].assign(spend=[1.0, 20.0, 30.0, 40.0, 50.0])
    row = stability_report(FixedCuts(cuts=(10.0,)), now, earlier=then, n_bootstrap=2).summary.iloc[0]
    assert row["stay"] == 3 / 5  # the second and the fourth have moved
    assert row["refit_ari"] == 1
    thirds = stability_report(Quantiles(), now, earlier=then, n_bootstrap=2)
    # Then cut at 23.3 and 36.7, now at 3.3 and 36.7: 1 2 | 4 30 | 50 60 against 1 2 4 | 30 | 50 60.
    assert thirds.summary["refit_ari"].item() == pytest.approx(
        adjusted_rand_score([0, 0, 1, 1, 2, 2], [0, 0, 1, 0, 2, 2])
    )


def test_explained_share_is_plain_capped_and_logged():
    X = customers(400)
    spend = X["spend"].copy()
    spend.iloc[0] = 1e6  # one giant rules the plain R²
    row = stability_report(Quantiles(), X, spend, n_bootstrap=2).summary.iloc[0]
    assert row["r2"] < 0.05
    assert row["r2_capped"] > 0.6
    assert row["r2_log"] > 0.4
    groups = X.groupby(pd.qcut(X["spend"], 3), observed=True)["spend"].transform("mean")
    plain = stability_report(Quantiles(), X, X["spend"], n_bootstrap=2)
    assert plain.summary["r2"].item() == pytest.approx(groups.var() / X["spend"].var(), rel=1e-3)
    assert plain.segments["outcome"].is_monotonic_increasing
    assert list(plain.segments.index) == ["low", "middle", "high"]  # in the order of the tiers


def test_an_outcome_by_customer_is_matched_by_its_index():
    X = customers()
    by_name = stability_report(Quantiles(), X, X["spend"].sample(frac=1, random_state=1), n_bootstrap=2)
    by_place = stability_report(Quantiles(), X, X["spend"].to_numpy(), n_bootstrap=2)
    pd.testing.assert_frame_equal(by_name.summary, by_place.summary)
    assert np.isnan(stability_report(Quantiles(), X, np.ones(300), n_bootstrap=2).summary["r2"].item())


def test_nothing_is_changed_and_the_same_seed_gives_the_same_report():
    X, segmenter = customers(), Quantiles()
    before = X.copy()
    first, again = (stability_report(segmenter, X, n_bootstrap=4, random_state=7) for _ in range(2))
    pd.testing.assert_frame_equal(first.summary, again.summary)
    pd.testing.assert_frame_equal(X, before)
    assert not hasattr(segmenter, "cut_")
    assert not first.summary.equals(stability_report(segmenter, X, n_bootstrap=4, random_state=8).summary)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": customers().iloc[:0]}, "X must be a DataFrame with a row a customer, and not empty"),
        ({"y": np.ones(3)}, "y has 3 values for 300 customers"),
        ({"y": pd.Series(1.0, customers().index[:-2])}, r"2 of 300 customers of X have none \(first 1298\)"),
        ({"fit_on": (customers(), np.ones(2))}, "300 rows to learn from, but 2 targets"),
        ({"earlier": [1]}, "fit_on and earlier must be a DataFrame"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change, message):
    with pytest.raises(SchemaError, match=message):
        stability_report(**({"segmenter": FixedCuts(), "X": customers(), "n_bootstrap": 2} | change))


def test_one_refit_is_no_distribution():
    with pytest.raises(ValueError, match="n_bootstrap must be a whole number >= 2"):
        stability_report(FixedCuts(), customers(), n_bootstrap=1)
