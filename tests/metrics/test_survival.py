"""Survival curves against published values, the share seen by counting, and lifelines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crm_analytics.metrics.survival import cumulative_incidence, kaplan_meier, survival_quantile

# Freireich et al. (1963): weeks of remission of 21 children under 6-MP, as in Kalbfleisch & Prentice,
# Collett and the manuals of SAS and R. A minus sign: still in remission.
SIX_MP = np.array([6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35])
AT = [6, 7, 10, 13, 16, 22, 23]
AT_RISK = [21, 17, 15, 12, 11, 7, 6]
SURVIVAL = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
STANDARD_ERROR = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
LOWER = [0.620, 0.563, 0.503, 0.432, 0.368, 0.268, 0.188]  # log-log, 95 %
UPPER = [0.952, 0.923, 0.889, 0.849, 0.805, 0.747, 0.680]


def children():
    return kaplan_meier(np.abs(SIX_MP), SIX_MP > 0)


def test_remission_under_6_mp_is_the_published_curve():
    table = children()
    seen = table[table["events"] > 0]
    assert seen["time"].tolist() == AT
    assert seen["at_risk"].tolist() == AT_RISK
    assert_allclose(seen["survival"], SURVIVAL, atol=5.1e-5)  # as printed
    assert_allclose(seen["se"], STANDARD_ERROR, atol=5.1e-5)
    assert_allclose(seen["lower"], LOWER, atol=5.1e-4)
    assert_allclose(seen["upper"], UPPER, atol=5.1e-4)
    assert survival_quantile(table) == 23


def test_the_curve_begins_at_0_and_goes_on_to_the_longest_watch():
    table = children()
    assert table.iloc[0][["time", "at_risk", "survival", "lower", "upper"]].tolist() == [0, 21, 1, 1, 1]
    assert table.iloc[-1][["time", "at_risk", "events"]].tolist() == [35, 1, 0]
    assert table["survival"].iloc[-1] == table["survival"].iloc[-2]


def test_a_curve_that_does_not_reach_half_has_no_median():
    table = kaplan_meier([1, 2, 3, 4], [True, False, False, False])
    assert np.isnan(survival_quantile(table))
    assert survival_quantile(table, 0.25) == 1


def test_when_the_last_has_gone_nothing_is_left_and_no_interval_is_claimed():
    last = kaplan_meier([1, 2], [True, True]).iloc[-1]
    assert last["survival"] == last["se"] == 0
    assert np.isnan(last["lower"])


def test_nothing_that_happened_is_a_flat_curve():
    assert kaplan_meier([3, 1], [False, False])[["time", "survival"]].values.tolist() == [[0, 1], [3, 1]]
    assert cumulative_incidence([3, 1], [None, 0]).empty


watched = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from([0, 1, 2]), st.integers(1, 3)), min_size=1, max_size=25
)


@settings(max_examples=25)
@given(rows=watched)
def test_incidences_and_survival_add_up_to_one(rows):
    time, cause, weight = map(np.array, zip(*rows, strict=True))
    curve = kaplan_meier(time, cause > 0, weights=weight)
    table = cumulative_incidence(time, cause, weights=weight)
    total = table.groupby("time")["incidence"].sum()
    whole = curve.set_index("time")["survival"] + total.reindex(curve["time"]).fillna(0)
    assert_allclose(whole, 1, atol=1e-12)
    assert (table["incidence"].between(0, 1 + 1e-12)).all()


@settings(max_examples=25)
@given(rows=watched)
def test_a_weight_is_as_many_customers(rows):
    time, cause, weight = map(np.array, zip(*rows, strict=True))
    many = cumulative_incidence(np.repeat(time, weight), np.repeat(cause, weight))
    weighted = cumulative_incidence(time, cause, weights=weight)
    assert_allclose(
        weighted.drop(columns="cause").to_numpy(float), many.drop(columns="cause").to_numpy(float), atol=1e-9
    )


@settings(max_examples=25)
@given(rows=watched)
def test_if_all_are_watched_to_the_end_incidence_is_the_share_by_counting(rows):
    time, cause, _ = map(np.array, zip(*rows, strict=True))
    cause = np.where(cause == 0, 1, cause)
    for name, curve in cumulative_incidence(time, cause).groupby("cause"):
        share = [((time <= t) & (cause == name)).mean() for t in curve["time"]]
        assert_allclose(curve["incidence"], share, atol=1e-12)
        binomial = np.sqrt(np.array(share) * (1 - np.array(share)) / time.size)
        # Of one share without censoring the delta method is the binomial's standard error.
        assert_allclose(curve["se"], binomial, atol=1e-7)


def test_late_entry_recovers_what_the_early_did_not_show():
    rng = np.random.default_rng(3)
    life, entry = rng.exponential(10, 40_000), rng.uniform(0, 12, 40_000)
    seen = life > entry
    curve = kaplan_meier(life[seen], np.ones(seen.sum(), bool), entry=entry[seen])
    at = np.searchsorted(curve["time"], [5, 10, 20]) - 1
    assert_allclose(curve["survival"].iloc[at], np.exp([-0.5, -1, -2]), atol=0.02)  # se about .006
    naive = kaplan_meier(life[seen], np.ones(seen.sum(), bool))
    assert naive["survival"].iloc[np.searchsorted(naive["time"], 10)] > np.exp(-1) + 0.1


def test_curves_and_bands_are_those_of_lifelines():
    lifelines = pytest.importorskip("lifelines")
    rng = np.random.default_rng(5)
    time, cause = rng.gamma(2.0, 5.0, 300), rng.integers(0, 3, 300)  # continuous: no ties to break
    entry = np.where(rng.random(300) < 0.3, time * rng.uniform(0, 0.9, 300), 0)
    theirs = lifelines.KaplanMeierFitter().fit(time, cause > 0, entry=entry)
    ours = kaplan_meier(time, cause > 0, entry=np.where(entry > 0, entry, -1))
    at = ours["time"].to_numpy()[1:-1]
    assert_allclose(ours["survival"].iloc[1:-1], theirs.survival_function_at_times(at), rtol=1e-9)
    bands = theirs.confidence_interval_.reindex(at).to_numpy()
    assert_allclose(ours[["lower", "upper"]].iloc[1:-1], bands, rtol=1e-6)

    aj = lifelines.AalenJohansenFitter().fit(time, cause, event_of_interest=1)
    table = cumulative_incidence(time, cause)
    mine = table[(table["cause"] == 1) & (table["events"] > 0)]
    right = aj.cumulative_density_.reindex(mine["time"]).to_numpy().ravel()
    assert_allclose(mine["incidence"], right, rtol=1e-9)
    # Another estimate of the same variance, which counts the survivors a little differently.
    assert_allclose(mine["se"], np.sqrt(aj.variance_.reindex(mine["time"]).to_numpy().ravel()), rtol=0.03)


@pytest.mark.parametrize(
    ("durations", "observed", "more", "message"),
    [
        ([], [], {}, r"durations must be a list of at least one\. Got"),
        ([1.0, -2.0], [1, 1], {}, r"durations must be finite, >= 0 .* 1 of 2 break this \(first at row 1\)"),
        ([1.0, 2.0], [1, 1], {"entry": [0, 2.0]}, r"after their entry, .* 1 of 2"),
        ([1.0, 2.0], [1], {}, r"observed must be as long as durations, 2\. Got"),
        ([1.0], [1], {"level": 1.0}, r"level must be in \(0, 1\)\. Got 1\.0"),
    ],
)
def test_impossible_watches_are_refused(durations, observed, more, message):
    with pytest.raises(ValueError, match=message):
        kaplan_meier(durations, observed, **more)


def test_a_quantile_of_everyone_is_refused():
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\)\. Got 1 instead"):
        survival_quantile(children(), 1)
