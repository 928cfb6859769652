"""Names of columns: mapped, missed, misspelled, suggested, refused."""

import pandas as pd
import pytest

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.transactions import read_log
from crm_analytics.transactions.schema import COLUMNS, REQUIRED, SYNONYMS, resolve, suggest

ROW = {"musteri": ["a"], "tarih": ["2024-01-05"], "tutar": [7.5]}
TURKISH = {"customer_id": "musteri", "occurred_at": "tarih", "amount": "tutar"}


@pytest.mark.parametrize("header", ["[columns]\n", ""])
def test_a_toml_file_maps_as_a_dict_does(write, header):
    lines = "".join(f'{name} = "{source}"\n' for name, source in TURKISH.items())
    log = read_log(pd.DataFrame(ROW), columns=write(header + lines, "columns.toml"))
    assert log.reading.columns == read_log(pd.DataFrame(ROW), columns=TURKISH).reading.columns == TURKISH


def test_a_column_with_the_canonical_name_need_not_be_mentioned():
    assert resolve(["amount", "when", "customer_id", "x"], {"occurred_at": "when"}) == {
        "customer_id": "customer_id",
        "occurred_at": "when",
        "amount": "amount",
    }


def test_a_source_column_is_used_once_unless_asked_for():
    found = resolve(["customer_id", "occurred_at", "amount", "brand"], {"category": "brand"})
    assert found["category"] == "brand"
    assert "brand" not in found


def test_quantity_and_unit_price_stand_for_the_amount():
    assert "amount" not in resolve(["customer_id", "occurred_at", "quantity", "unit_price"], {})


@pytest.mark.parametrize(
    ("names", "proposal"),
    [
        (
            ["CustomerID", "InvoiceDate", "Total"],
            "'CustomerID', 'occurred_at': 'InvoiceDate', 'amount': 'Total'",
        ),
        (
            ["Müşteri No", "İşlem Tarihi", "TUTAR"],
            "'Müşteri No', 'occurred_at': 'İşlem Tarihi', 'amount': 'TUTAR'",
        ),
        (
            ["custmer_id", "ocurred_at", "amuont"],
            "'custmer_id', 'occurred_at': 'ocurred_at', 'amount': 'amuont'",
        ),
        (
            ["household_id", "zzz", "sales_value"],
            r"'household_id', 'occurred_at': '\?', 'amount': 'sales_value'",
        ),
        (["client_id", "date", "miktar", "fiyat"], "'date', 'quantity': 'miktar', 'unit_price': 'fiyat'"),
    ],
)
def test_missing_columns_come_with_a_mapping_to_paste(names, proposal):
    with pytest.raises(SchemaError, match=f"required columns missing: .*{proposal}"):
        read_log(pd.DataFrame([range(len(names))], columns=names))


def test_every_word_suggested_leads_to_its_column():
    assert set(SYNONYMS) == set(COLUMNS)
    for name in REQUIRED:
        for word in [name, *SYNONYMS[name].split()]:
            assert (
                suggest(name, ["unrelated", word.replace("_", " ").upper()]) == word.replace("_", " ").upper()
            )


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"custmer_id": "musteri"}, SchemaError, r"names 'custmer_id'.* Did you mean 'customer_id'\?"),
        (
            {"zzz": "musteri"},
            SchemaError,
            r"names 'zzz', which a log does not have\. Write canonical = 'source'",
        ),
        ({"amount": "tutra"}, SchemaError, r"amount = 'tutra'.* no such column\. Did you mean 'tutar'\?"),
        ({"amount": "zzz"}, SchemaError, r"amount = 'zzz'.* The source has: musteri, tarih, tutar\."),
        ("absent.toml", MissingDataError, r"no mapping at 'absent\.toml'"),
    ],
)
def test_a_mapping_of_unknown_names_is_refused(columns, error, message):
    with pytest.raises(error, match=message):
        read_log(pd.DataFrame(ROW), columns=columns)


def test_a_mapping_that_is_not_toml_is_refused(write):
    with pytest.raises(SchemaError, match=r"columns\.toml is not TOML"):
        read_log(pd.DataFrame(ROW), columns=write("customer_id: musteri", "columns.toml"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["amount", "amount"], "has two columns named 'amount'"),
        (["Tutar", "tutar"], r"has two columns named 'Tutar' \(capitals do not count\)"),
        (["line_number", "x"], "has a column 'line_number', a name read_log needs"),
        (["Raw_Line", "x"], "has a column 'Raw_Line', a name read_log needs"),
        (["*", "x"], r"has a column '\*', a name read_log needs"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "pandas", "pyarrow", "parquet"])
def test_names_that_would_be_mistaken_for_others_are_refused(form, names, message, write, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_arrays([pa.array([1])] * len(names), names=names)
    if form == "csv":
        source = write(",".join(names) + "\n1,1\n")
    elif form == "parquet":
        source = tmp_path / "log.parquet"
        pq.write_table(table, source)
    else:
        source = table if form == "pyarrow" else pd.DataFrame([[1] * len(names)], columns=names)
    with pytest.raises(SchemaError, match=message):
        read_log(source)
