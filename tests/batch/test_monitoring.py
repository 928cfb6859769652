"""Two runs compared: what is looked at, what raises an alarm, and who left once it is known."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics import batch, read_log
from crm_analytics.batch.monitoring import comparable_columns
from crm_analytics.core import MissingDataError, SchemaError
from crm_analytics.datasets import make_purchases

CHURN = {"label": "silence", "unit": "D", "horizon": 28, "gap": 0, "windows": [28, 91, 182]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One model's scores in November and in December of a year and a half, and the log."""
    folder = tmp_path_factory.mktemp("runs")
    log = make_purchases(600, weeks=80, joining_weeks=70, random_state=3).log()
    model = batch.fit(log, horizon=90, purchases="Pareto/NBD", snapshot_date="2024-11-01")
    for name, date in (("november", "2024-11-01"), ("december", "2024-12-01")):
        batch.score(log, model, folder / name, snapshot_date=date)
    return folder


def write_run(folder, scores, snapshot_date, **told):
    """A folder as `score` writes it, by hand."""
    folder.mkdir()
    scores.rename_axis("customer_id").reset_index().to_parquet(folder / "scores.parquet")
    (folder / "manifest.json").write_text(json.dumps({"snapshot_date": snapshot_date} | told))
    return folder


@pytest.fixture
def shop(tmp_path):
    """Forty customers who bought in May, of whom the first thirty came again in June; June was scored before."""
    customers = np.arange(40)
    may = pd.DataFrame({"customer_id": customers, "occurred_at": pd.Timestamp("2024-05-20"), "amount": 5.0})
    june = may.head(30).assign(occurred_at=pd.Timestamp("2024-06-15"))
    july = may.tail(1).assign(occurred_at=pd.Timestamp("2024-07-05"))
    scores = pd.DataFrame({"p_churn": np.where(customers < 30, 0.1, 0.7)}, index=customers)
    scores.loc[40] = np.nan  # silent for so long that there was nothing to tell
    scored = write_run(tmp_path / "june", scores, "2024-06-01T00:00:00", churn=CHURN)
    return scored, pd.concat([may, june, july], ignore_index=True)


def test_two_runs_of_the_same_customers_raise_no_alarm(runs):
    found = batch.monitor(runs / "november", runs / "december")
    assert found.alarms() == []
    assert [f"{at:%Y-%m-%d}" for at in found.snapshots] == ["2024-11-01", "2024-12-01"]
    scored = batch.read_scores(runs / "november")
    assert set(found.drift["feature"]) | set(found.left_out) == {*scored.columns, "since_last"}
    assert set(found.left_out) == {"T", "recency", "clv_lower", "clv_upper"}
    assert found.customers[0] == len(scored)
    assert (found.label_window, found.realised) == (None, None)


def test_silence_that_grew_is_an_alarm_and_age_is_none(runs, tmp_path):
    older = shutil.copytree(runs / "december", tmp_path / "older")
    scores = batch.read_scores(older)
    for columns, alarms in ((["T", "recency"], []), (["T"], ["since_last"])):
        aged = scores.assign(**{name: scores[name] + 60 for name in columns})
        aged.reset_index().to_parquet(older / "scores.parquet")
        found = batch.monitor(runs / "november", older)
        assert found.drift.loc[found.drift["drifted"], "feature"].tolist() == alarms


def test_prices_that_trebled_raise_an_alarm_that_names_the_columns(runs, tmp_path):
    moved = shutil.copytree(runs / "december", tmp_path / "moved")
    scores = batch.read_scores(moved)
    spend = ["monetary_value", "expected_spend", "clv"]
    scores[spend] = 3 * scores[spend]
    scores.reset_index().to_parquet(moved / "scores.parquet")
    found = batch.monitor(runs / "november", moved)
    assert set(found.drift.loc[found.drift["drifted"], "feature"]) == set(spend)
    assert {alarm.split()[0] for alarm in found.alarms()} == set(spend)
    assert {
        alarm.split()[0] for alarm in batch.monitor(runs / "november", moved, exclude=["clv"]).alarms()
    } == {*spend} - {"clv"}
    limits = found.limits()
    assert (limits["psi"] > limits["critical"]).tolist() == found.drift["drifted"].tolist()


def test_columns_that_name_things_or_give_reasons_are_left_out_and_why_is_said():
    n = 60
    scores = pd.DataFrame(
        {
            "T": np.arange(n),
            "p_churn": np.linspace(0, 1, n),
            "clv": 1.0,
            "clv_lower": 0.5,
            "price_lower": 0.5,  # no bound of anything
            "next_product": np.arange(n),
            "next_product_chance": 0.1,
            "next_product_reason": "bought",
            "reason_1": "late",
            "churn_reasons": "late; dear",
            "treason": 1.0,
            "city": [f"city {i}" for i in range(n)],
            "tier": pd.Categorical(["gold", "silver"] * (n // 2)),
            "member": [True, False] * (n // 2),
            "since": pd.Timestamp("2024-01-01"),
        }
    )
    columns, left_out = comparable_columns(scores, scores.drop(columns="tier"), exclude=["member"])
    assert columns == ["p_churn", "clv", "price_lower", "next_product_chance", "treason", "tier"]
    assert left_out == {
        "T": "the calendar moves it",
        "clv_lower": "bound of an interval",
        "next_product": "names a product",
        "next_product_reason": "gives reasons",
        "reason_1": "gives reasons",
        "churn_reasons": "gives reasons",
        "city": "more than 20 different words",
        "member": "excluded",
        "since": "holds dates",
    }


def test_scores_of_another_horizon_are_an_alarm(runs, tmp_path):
    other = shutil.copytree(runs / "december", tmp_path / "other")
    told = json.loads((other / "manifest.json").read_text())
    told["model"]["horizon"] = 365
    told["churn"] = CHURN  # only in one of the runs: nothing to compare
    (other / "manifest.json").write_text(json.dumps(told))
    assert batch.monitor(runs / "november", other).alarms() == [
        "horizon of the model scores was 90 and is 365: what depends on it cannot be compared."
    ]


def test_who_left_is_held_against_the_probabilities_when_the_window_has_closed(shop):
    scored, lines = shop
    found = batch.monitor(scored, scored, log=read_log(lines))
    assert found.label == "silence"
    assert [f"{at:%Y-%m-%d}" for at in found.label_window] == ["2024-06-01", "2024-06-29"]
    # The ten who stayed away until July have left, whatever they did then.
    assert (found.realised.customers, found.realised.actual, found.realised.auc) == (40, 10, 1.0)
    assert_allclose(found.realised.expected, 30 * 0.1 + 10 * 0.7)
    assert found.realised.without_outcome == 0
    assert found.alarms() == []


def test_probabilities_that_were_far_off_are_an_alarm(shop, tmp_path):
    scored, lines = shop
    scores = batch.read_scores(scored)
    wrong = write_run(tmp_path / "wrong", 1 - scores, "2024-06-01", churn=CHURN | {"gap": 0})
    alarms = batch.monitor(wrong, wrong, log=read_log(lines)).alarms()
    assert alarms[0].startswith("10 of 40 customers left, but 30 were expected")
    assert alarms[1].startswith("Those who left had no higher scores than the others")


@pytest.mark.parametrize(("last", "closed"), [("2024-06-27", False), ("2024-06-28", True)])
def test_the_window_closes_on_the_day_it_ends(shop, last, closed):
    scored, lines = shop
    later = lines[lines["occurred_at"] < "2024-07-01"]
    later = pd.concat([later, later.head(1).assign(occurred_at=pd.Timestamp(last))], ignore_index=True)
    found = batch.monitor(scored, scored, log=read_log(later))
    assert (found.realised is not None) == closed
    assert found.label_window[1] == pd.Timestamp("2024-06-29")


def test_gap_and_label_are_those_of_the_earlier_run(shop, tmp_path):
    scored, lines = shop
    scores = batch.read_scores(scored)
    # Looked at from 13 June for 21 days; then nobody was silent but the nine who never came.
    told = CHURN | {"gap": 14, "horizon": 21}
    gapped = write_run(tmp_path / "gapped", scores, "2024-06-01", churn=told)
    assert batch.monitor(gapped, gapped, log=read_log(lines)).realised.actual == 9
    partial = write_run(
        tmp_path / "partial", scores, "2024-06-01", churn=CHURN | {"label": "partial", "partial_share": 0.5}
    )
    found = batch.monitor(partial, scored, log=read_log(lines))
    assert found.label == "partial"
    assert found.settings == [
        "label of the churn scores was 'partial' and is 'silence': what depends on it cannot be compared."
    ]


def test_runs_that_cannot_be_compared_are_refused_with_a_remedy(runs, shop, tmp_path):
    scored, lines = shop
    november, december = runs / "november", runs / "december"
    with pytest.raises(
        ValueError, match=r"december was scored as of 2024-12-01, .*november as of 2024-11-01\. Swap"
    ):
        batch.monitor(december, november)
    with pytest.raises(MissingDataError, match="have no churn probabilities"):
        batch.monitor(november, december, log=read_log(lines))
    with pytest.raises(MissingDataError, match=r"scores\.parquet is not there"):
        batch.monitor(tmp_path, december)
    with pytest.raises(SchemaError, match=r"exclude names 'p_alve', .* Did you mean 'p_alive'\?"):
        batch.monitor(november, december, exclude=["p_alve"])
    with pytest.raises(ValueError, match=r"no column is left to compare\. Left out are p_churn"):
        batch.monitor(scored, scored, exclude=["p_churn"])
    others = read_log(lines.assign(customer_id=lines["customer_id"] + 1_000))
    with pytest.raises(SchemaError, match="none of 40 scored customers has a known outcome"):
        batch.monitor(scored, scored, log=others)
    for text, error, message in (
        ("{", SchemaError, r"manifest\.json is not JSON"),
        (None, MissingDataError, r"manifest\.json is not there"),
    ):
        (scored / "manifest.json").unlink() if text is None else (scored / "manifest.json").write_text(text)
        with pytest.raises(error, match=message):
            batch.monitor(scored, scored)
