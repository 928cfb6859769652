"""Claims against truths: what meets what, and the shares that follow."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.core import SchemaError
from crm_analytics.evaluation import check_claims, match_claims, score_claims

TRUTH = pd.DataFrame(
    {
        "household_id": [1, 1, 2],
        "kind": ["stay", "loyalty", "stay"],
        "subject": ["Marmaris", "cheese", ""],
        "start": [pd.Timestamp("2008-08-20"), None, None],
        "end": [pd.Timestamp("2008-09-05"), None, None],
        "lines": [(10, 11, 12, 13), (1, 2, 3), ()],
        "planted": [True, False, True],
    }
)


def claim(**changed):
    row = {
        "household_id": 1,
        "kind": "stay",
        "subject": "Marmaris",
        "start": None,
        "end": None,
        "lines": (10, 11),
    }
    return pd.DataFrame([row | changed])


@pytest.mark.parametrize(
    ("changed", "meets"),
    [
        ({}, True),
        ({"subject": "MARMARIS"}, True),
        ({"subject": "Bodrum"}, False),
        ({"household_id": 2, "subject": "anything"}, False),  # of household 2 the truth is row 2
        ({"kind": "second_home"}, False),
        ({"lines": (10, 98, 99)}, False),
        ({"lines": (10, 11, 98, 99)}, True),
        ({"lines": ()}, True),
        ({"start": pd.Timestamp("2008-09-04"), "end": pd.Timestamp("2008-09-10")}, True),
        ({"start": pd.Timestamp("2008-09-05"), "end": pd.Timestamp("2008-09-10")}, False),
    ],
)
def test_a_claim_meets_a_truth_of_its_kind_subject_period_and_lines(changed, meets):
    assert match_claims(claim(**changed), TRUTH)[0, 0] == meets


def test_an_association_is_met_from_either_side():
    truth = claim(kind="association", subject="alcohol -> nuts")
    assert match_claims(claim(kind="association", subject="nuts -> Alcohol"), truth).all()
    assert not match_claims(claim(kind="association", subject="nuts -> tea"), truth).any()


def test_a_truth_without_subject_takes_any():
    assert match_claims(claim(household_id=2, subject="x"), TRUTH)[0].tolist() == [False, False, True]


def test_only_what_was_planted_must_be_found_but_all_truths_count():
    said = pd.concat(
        [claim(), claim(kind="loyalty", subject="cheese", lines=(1, 2)), claim(subject="Bodrum")]
    )
    table = score_claims(said, TRUTH)
    assert table.loc["stay", ["truths", "found", "claims", "true"]].tolist() == [2, 1, 2, 1]
    assert table.loc["loyalty", "precision"] == 1
    assert np.isnan(table.loc["loyalty", "recall"])
    assert table.loc["all", ["truths", "found", "claims", "true"]].tolist() == [2, 1, 3, 2]


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "true"),
        ({"lines": ()}, "no lines"),
        ({"lines": (98, 99)}, "other lines"),
        ({"start": pd.Timestamp("2009-01-01"), "end": pd.Timestamp("2009-01-02")}, "other period"),
        ({"subject": "Bodrum", "lines": (98, 99)}, "other subject"),
        ({"kind": "second_home"}, "other kind"),
        ({"household_id": 3}, "other kind"),
    ],
)
def test_a_check_says_the_least_that_does_not_fit(changed, verdict):
    checked = check_claims(claim(**changed), TRUTH.assign(fact=["18", "4", "26"]))
    assert checked["verdict"].tolist() == [verdict]
    assert checked["facts"].tolist() == ["18" if verdict in ("true", "no lines") else ""]


def test_facts_are_named_in_order_and_truths_without_one_count():
    truth = pd.concat([TRUTH.iloc[:1]] * 4).assign(fact=["10", "2", "", None])
    assert check_claims(claim(), truth)["facts"].tolist() == ["2, 10"]
    assert check_claims(claim(), truth.iloc[2:])[["facts", "verdict"]].to_numpy().tolist() == [["", "true"]]
    assert check_claims(claim().drop(columns="lines"), truth)["verdict"].tolist() == ["no lines"]


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 12))
def test_the_truth_meets_itself(seed, n):
    rng = np.random.default_rng(seed)
    truth = pd.DataFrame(
        {
            "household_id": rng.integers(0, 3, n),
            "kind": rng.choice(["a", "b"], n),
            "subject": rng.choice(["x", "y"], n),
            "lines": [tuple(rng.choice(50, 4, replace=False).tolist()) for _ in range(n)],
        }
    )
    assert match_claims(truth, truth).diagonal().all()
    assert score_claims(truth, truth).loc["all", ["recall", "precision"]].tolist() == [1, 1]


def test_bad_tables_are_refused():
    with pytest.raises(SchemaError, match="match_claims: claims"):
        match_claims(claim().drop(columns="subject"), TRUTH)
    with pytest.raises(ValueError, match="least_shared must be in"):
        match_claims(claim(), TRUTH, least_shared=2)
    with pytest.raises(SchemaError, match="check_claims: truth"):
        check_claims(claim(), TRUTH)
