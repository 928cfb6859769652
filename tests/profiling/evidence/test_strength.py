"""Strengths: published calibrations of p-values, and the bound on false claims."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.strength import bayes_factor_bound, stands, strength

LINES = np.array([0])

# Sellke, Bayarri & Berger (2001), table 1: -e p ln p for p-values.
PUBLISHED = {0.2: 0.870, 0.1: 0.625, 0.05: 0.407, 0.01: 0.125, 0.005: 0.072, 0.001: 0.0188}


def claim(**given_strength):
    return Claim("stay", LINES, asked=given_strength.pop("asked", 1), null="x", **given_strength)


@pytest.mark.parametrize(("p", "bound"), PUBLISHED.items())
def test_bound_matches_the_published_table(p, bound):
    assert_allclose(1 / bayes_factor_bound(p), bound, rtol=0.01)


def test_p_values_that_fall_at_random_are_no_claims():
    # Under the null p is uniform: of a thousand such claims hardly any may look strong.
    p = np.random.default_rng(3).random(20_000)
    strong = [strength(claim(p_value=float(x))) >= 0.95 for x in p]
    assert np.mean(strong) < 0.003


@settings(max_examples=60)
@given(p=st.floats(1e-12, 1), asked=st.integers(1, 500))
def test_more_questions_never_make_a_claim_stronger(p, asked):
    assert strength(claim(p_value=p, asked=asked + 1)) <= strength(claim(p_value=p, asked=asked)) + 1e-12


@settings(max_examples=60)
@given(
    strengths=st.lists(st.floats(0, 1), max_size=30), share=st.floats(0.001, 0.5), least=st.floats(0.1, 0.99)
)
def test_claims_told_keep_the_expected_share_of_false_ones(strengths, share, least):
    values = np.array(strengths)
    told = stands(values, false_share=share, least=least)
    assert told.shape == values.shape
    if told.any():
        assert (1 - values[told]).mean() <= share + 1e-12
        assert values[told].min() >= least
        left = values[~told]
        assert left.size == 0 or left.max() <= values[told].min()


def test_a_bayes_factor_and_a_probability_are_taken_as_they_are():
    assert_allclose(strength(claim(bayes_factor=76.0)), 0.95)
    assert_allclose(strength(claim(bayes_factor=760.0, asked=10)), 0.95)
    assert strength(claim(probability=0.61, asked=7)) == 0.61
    assert strength(claim(bayes_factor=np.inf)) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lines": LINES, "asked": 1}, "needs one of p_value"),
        ({"lines": LINES, "asked": 1, "p_value": 0.1, "probability": 0.9}, "Got 2"),
        ({"lines": np.array([], int), "asked": 1, "p_value": 0.1}, "needs the lines it rests on"),
        ({"lines": LINES, "asked": 0, "p_value": 0.1}, "asked must be >= 1"),
    ],
)
def test_a_claim_without_test_or_evidence_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Claim("stay", null="x", **arguments)
