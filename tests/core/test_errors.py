"""Errors: every one is ours and also the standard one that a caller may expect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_analytics import core
from crm_analytics.core.errors import CrmAnalyticsError, MissingExtraError, choice, nearest


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("SchemaError", ValueError),
        ("ConvergenceError", ArithmeticError),
        ("ModelFileError", ValueError),
        ("OutputError", OSError),
        ("MissingDataError", FileNotFoundError),
        ("MissingExtraError", ImportError),
    ],
)
def test_every_error_can_be_caught_as_ours_and_as_the_standard_one(name, standard):
    error = getattr(core, name)
    assert issubclass(error, CrmAnalyticsError)
    assert issubclass(error, standard)


def test_a_missing_extra_says_how_to_install_it():
    message = "This dataset needs lifetimes, .*: pip install 'crm_analytics\\[samples\\]'\\."
    with pytest.raises(MissingExtraError, match=message):
        raise MissingExtraError("lifetimes", "samples", "This dataset")


@pytest.mark.parametrize(
    ("name", "candidates", "found"),
    [
        ("monetary_value", ["monetery_value", "T"], "monetery_value"),
        ("customer_id", ["CustomerID", "InvoiceNo"], "CustomerID"),
        ("occurred_at", ["OccuredAt", "amount"], "OccuredAt"),
        ("frequency", ["zzz", "T"], None),
        ("frequency", [], None),
    ],
)
def test_the_nearest_name_is_offered_and_none_that_is_far(name, candidates, found):
    assert nearest(name, candidates) == found


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_the_nearest_name_is_always_one_of_the_candidates(name, candidates):
    assert nearest(name, candidates) in [None, *candidates]


def test_a_choice_names_what_is_allowed():
    choice("D", name="unit", allowed=["D", "W"])
    with pytest.raises(ValueError, match=r"unit must be one of 'D', 'W'\. Got 'Y' instead\."):
        choice("Y", name="unit", allowed=["D", "W"])
    with pytest.raises(ValueError, match=r"unit must be one of 'D', 'W'\. Got \['D'\] instead\."):
        choice(["D"], name="unit", allowed=iter(["D", "W"]))
