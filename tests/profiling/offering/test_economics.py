"""What an offer earns: its algebra, its limits, and who is refused one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.profiling import Economics, expected_profit

CHANCE = st.floats(0, 1)


def by_cases(price, terms, *, margin, p_without, p_need, p_instead, usual_price, later):
    """The same expectation, case by case: bought anyway; won and instead of the usual; won and extra; not taken."""
    won = terms.response * p_need * (1 - p_without)
    anyway = p_without * -price * terms.discount
    instead = won * p_instead * (price * margin - usual_price * margin - price * terms.discount)
    extra = won * (1 - p_instead) * (price * margin - price * terms.discount)
    lasting = won * terms.keeps * later * (price * margin - p_instead * usual_price * margin)
    return anyway + instead + extra + lasting - terms.contact_cost


@settings(max_examples=60)
@given(
    price=st.floats(0.1, 500),
    p_without=CHANCE,
    p_need=CHANCE,
    p_instead=CHANCE,
    usual_price=st.floats(0, 500),
    later=st.floats(0, 50),
    response=CHANCE,
    margin=st.floats(0.01, 1),
)
def test_the_parts_add_up_to_the_expectation_over_cases(price, margin, response, **given_rest):
    terms = Economics(response=response)
    parts = expected_profit(price, terms, margin=margin, **given_rest)
    np.testing.assert_allclose(
        parts.profit, by_cases(price, terms, margin=margin, **given_rest), atol=1e-9 * price + 1e-9
    )
    assert 0 <= parts.p_without <= parts.p_with <= 1 + 1e-12


@settings(max_examples=40)
@given(p_without=CHANCE, price=st.floats(0.1, 500))
def test_an_offer_that_changes_nothing_never_pays(p_without, price):
    parts = expected_profit(price, Economics(response=0.0), margin=0.25, p_without=p_without, p_need=1.0)
    assert parts.profit <= -Economics().contact_cost


def test_what_replaces_its_like_never_pays_and_what_is_dearer_may():
    same = {"margin": 0.25, "p_without": 0.05, "p_need": 1.0, "p_instead": 1.0}
    assert expected_profit(10.0, Economics(), usual_price=10.0, later=9, **same).profit < 0
    assert expected_profit(30.0, Economics(), usual_price=10.0, later=9, **same).profit > 0


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"margin": 0}, r"margin must be in \(0, 1\]. Got 0 instead"),
        ({"margins": {"fuel": 3}}, r"margins must be in \(0, 1\]"),
        ({"discount": 1}, r"discount must be in \[0, 1\)"),
        ({"contact_cost": -1}, "contact_cost must be >= 0"),
        ({"response": 2}, r"response must be in \[0, 1\]"),
        ({"horizon": 0}, "horizon must be >= 1"),
        ({"keeps": -0.1}, r"keeps must be in \[0, 1\]"),
        ({"lasting": -1}, "lasting must be >= 0"),
    ],
)
def test_impossible_terms_are_refused(terms, message):
    with pytest.raises(ValueError, match=message):
        Economics(**terms)


def test_a_probability_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match=r"p_need must be in \[0, 1\]. Got 1.2 instead"):
        expected_profit(1.0, Economics(), margin=0.2, p_without=0.1, p_need=1.2)
