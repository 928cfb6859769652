"""Generated holdings: the same for the same seed, lawful, and as their hazards say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from crm_analytics.datasets.product_holdings import PRODUCTS, SEGMENTS, STARTS, make_product_holdings


@pytest.fixture(scope="module")
def made():
    return make_product_holdings(30_000, random_state=1)


def test_the_same_seed_gives_the_same_customers_and_another_others():
    first, again, other = (make_product_holdings(300, random_state=seed) for seed in (7, 7, 8))
    assert first.table().equals(again.table())
    assert not first.table().equals(other.table())


def test_lines_are_lawful(made):
    assert (np.diff(made.customer) >= 0).all()
    same = np.diff(made.customer) == 0
    assert (np.diff(made.taken_at)[same] >= np.timedelta64(0)).all()
    assert (made.taken_at < np.datetime64(made.end)).all()
    assert np.unique(made.customer * len(PRODUCTS) + made.product).size == made.customer.size  # held once
    assert_array_equal(np.unique(made.customer), made.customers.index)
    assert made.log().n_customers == 30_000


def test_customers_begin_as_their_segment_does(made):
    first = made.product[np.diff(made.customer, prepend=-1) > 0]
    for segment in SEGMENTS:
        mine = (made.customers["segment"] == segment).to_numpy()
        share = np.bincount(first[mine], minlength=len(PRODUCTS)) / mine.sum()
        assert_allclose(share, STARTS[segment], atol=0.02)  # 4 standard errors


@pytest.mark.parametrize("segment", SEGMENTS)
def test_incidence_is_the_share_that_takes_each_product_first(made, segment):
    # Those who began with an account long enough ago to be seen for two years.
    begins = np.flatnonzero(np.diff(made.customer, prepend=-1) > 0)
    old = (np.datetime64(made.end) - made.taken_at[begins]) > np.timedelta64(731, "D")
    mine = (made.customers["segment"] == segment).to_numpy() & old & (made.product[begins] == 0)
    begins = begins[mine]
    following = np.minimum(begins + 1, made.customer.size - 1)
    soon = (made.customer[following] == made.customer[begins]) & (
        made.taken_at[following] - made.taken_at[begins] <= np.timedelta64(730, "D")
    )
    share = np.bincount(made.product[following[soon]], minlength=len(PRODUCTS)) / begins.size
    assert_allclose(made.incidence(segment, ["account"], 730), share, atol=0.02)


def test_incidence_adds_up_over_time_and_to_one_in_the_end(made):
    whole = made.incidence("family", ["account", "savings"], 1000)
    early = made.incidence("family", ["account", "savings"], 300)
    late = made.incidence("family", ["account", "savings"], 700, waited=300)
    assert_allclose(early + (1 - early.sum()) * late, whole, atol=1e-5)
    assert made.incidence("family", ["account"], 1e5).sum() == pytest.approx(1, abs=1e-4)
    assert (whole[["account", "savings"]] == 0).all()


def test_a_package_comes_at_once():
    made = make_product_holdings(2000, packages=0.5, random_state=2)
    log = made.log().to_frame()
    both = log[log["item_id"].isin(["account", "debit card"])].groupby(["customer_id", "occurred_at"]).size()
    assert 0.3 < (both == 2).sum() / 2000 < 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_customers": 0}, r"n_customers must be >= 1\. Got 0"),
        ({"n_customers": 5, "years": 0}, r"years must be > 0\. Got 0"),
        ({"n_customers": 5, "students": 1.5}, r"students must be in \[0, 1\]\. Got 1\.5"),
        ({"n_customers": 5, "packages": 1}, r"packages must be in \[0, 1\)\. Got 1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_product_holdings(**settings)
