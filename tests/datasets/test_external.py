"""Real data beside the project: as counted where it lies, and asked for politely where it does not."""

import os

import pytest

from crm_analytics.core import MissingDataError
from crm_analytics.datasets import load_groceries, load_mlc_churn, load_online_retail, load_telco_churn
from crm_analytics.datasets.external import FILES, VARIABLE

LOADERS = {
    "online_retail.parquet": load_online_retail,
    "groceries.csv": load_groceries,
    "telco_churn.csv": load_telco_churn,
    "mlc_churn.parquet": load_mlc_churn,
}

needs_data = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} does not name the folder of real data"
)


@pytest.mark.parametrize("folder", [None, ""])
@pytest.mark.parametrize("name", LOADERS)
def test_data_that_is_not_there_is_asked_for_with_source_and_place(monkeypatch, name, folder):
    monkeypatch.delenv(VARIABLE, raising=False)
    if folder is not None:
        monkeypatch.setenv(VARIABLE, folder)
    with pytest.raises(
        MissingDataError, match=rf"^{name} is not part of .* {VARIABLE} to that folder\.$"
    ) as raised:
        LOADERS[name]()
    assert FILES[name] in str(raised.value)


@pytest.mark.parametrize("name", LOADERS)
def test_a_folder_without_the_file_is_named(monkeypatch, tmp_path, name):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(
        MissingDataError, match=rf"{name} is not there \({VARIABLE} names its folder\)\. Get"
    ) as raised:
        LOADERS[name]()
    assert str(tmp_path) in str(raised.value)
    assert FILES[name] in str(raised.value)


def test_every_file_has_a_loader():
    assert LOADERS.keys() == FILES.keys()


@needs_data
def test_online_retail_keeps_the_lines_with_a_customer():
    log = load_online_retail()
    assert log.counts.source == 541_909
    assert log.counts.set_aside["missing_customer"] == 135_080
    assert log.n_lines + sum(log.counts.set_aside.values()) == 541_909
    assert log.n_customers == 4_372
    assert log.counts.refunds > 8_000
    assert load_online_retail(refunds="keep").refunds == "keep"


@needs_data
def test_groceries_are_baskets_of_169_kinds():
    baskets = load_groceries()
    assert len(baskets) == 9_835
    assert len({item for basket in baskets for item in basket}) == 169
    assert all(basket and all(basket) for basket in baskets)


@needs_data
def test_telco_charges_are_numbers_missing_for_the_newest():
    table = load_telco_churn()
    assert table.shape == (7_043, 21)
    assert table["TotalCharges"].dtype == float
    assert table["TotalCharges"].isna().sum() == 11
    assert set(table["tenure"][table["TotalCharges"].isna()]) == {0}
    assert set(table["Churn"]) == {"Yes", "No"}


@needs_data
def test_mlc_has_5000_subscribers():
    table = load_mlc_churn()
    assert table.shape == (5_000, 20)
    assert set(table["churn"]) == {"yes", "no"}
