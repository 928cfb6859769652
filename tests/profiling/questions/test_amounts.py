"""Amounts at certain times: null, more than at other times, large shops and absences that are no evidence."""

import numpy as np
import pytest

from crm_analytics.profiling.questions.amounts import amount_ratios

DAYS = 900


def spans(*begins, length=10):
    window = np.full(DAYS, -1)
    for number, begin in enumerate(begins):
        window[begin : begin + length] = number
    return window


def packs(rng, rates=(0.3, 0.5, 2.0)):
    return rng.poisson(np.array(rates)[:, None] * (rng.random(DAYS) < 0.5), (len(rates), DAYS)).astype(float)


def test_under_the_null_the_mean_is_one():
    rng = np.random.default_rng(1)
    window = spans(200, 500, 800)
    found = np.array([amount_ratios(packs(rng), window, np.ones(3)) for _ in range(600)])
    assert np.all(found.mean(axis=0) < 1.3)
    assert np.quantile(found, 0.99) < 16


def test_more_of_a_habit_at_these_times_speaks_and_more_of_everything_does_not():
    rng = np.random.default_rng(2)
    window = spans(200, 500, 800)
    usual = packs(rng)
    more, larger = usual.copy(), usual.copy()
    more[0, window >= 0] += 2
    larger[:, window >= 0] += rng.poisson(
        3 * np.array([[0.15], [0.25], [1.0]]), (3, 30)
    )  # four times the shop
    assert amount_ratios(more, window, np.ones(3))[0] > 30
    assert amount_ratios(larger, window, np.ones(3)).max() < 10
    away = usual.copy()
    away[:, 300:450] = 0
    assert amount_ratios(away, window, np.ones(3)) == pytest.approx(
        amount_ratios(usual, window, np.ones(3)), rel=0.7
    )
    # What everybody does then is no custom of the household's.
    assert amount_ratios(more, window, np.array([8.0, 1.0, 1.0]))[0] < 5


@pytest.mark.parametrize("window", [np.full(DAYS, -1), spans(100), spans(*range(0, 900, 12))])
def test_too_few_spans_or_other_times_say_nothing(window):
    assert amount_ratios(packs(np.random.default_rng(3)), window, np.ones(3)).tolist() == [1, 1, 1]
