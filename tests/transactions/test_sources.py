"""One log in many forms: the same summaries and counts whatever holds it."""

from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.features import customer_summary
from crm_analytics.transactions import read_log

LINES = 400


@pytest.fixture(scope="module")
def table():
    """Lines of 30 customers with leading zeros in their ids, some without customer or amount."""
    rng = np.random.default_rng(5)
    ids = pd.Series(rng.integers(1, 31, LINES)).map("{:04d}".format)
    times = np.datetime64("2024-01-01", "us") + rng.integers(0, 90 * 86_400, LINES).astype("timedelta64[s]")
    amount = rng.integers(-500, 5_000, LINES) / 100
    return pd.DataFrame(
        {
            "customer_id": ids.mask(rng.random(LINES) < 0.05),
            "occurred_at": times,
            "amount": pd.Series(amount).mask(rng.random(LINES) < 0.05),
            "item_id": rng.integers(0, 3, LINES),
        }
    )


@pytest.fixture(scope="module")
def forms(table, tmp_path_factory):
    """Every form of the same table."""
    folder = tmp_path_factory.mktemp("forms")
    parts = folder / "parts" / "year=2024"  # nested, as Spark writes it
    parts.mkdir(parents=True)
    table.to_parquet(folder / "one.parquet")
    table.to_csv(folder / "one.csv", index=False)
    for i, begin in enumerate(range(0, LINES, 150)):
        table.iloc[begin : begin + 150].to_parquet(parts / f"part-{i}.PARQUET")
    (parts / "_SUCCESS").touch()
    (folder / "parts" / "README.md").write_text("not a log")
    (folder / "parts" / ".hidden").mkdir()
    table.to_parquet(folder / "parts" / ".hidden" / "part.parquet")
    arrow = pa.Table.from_pandas(table)
    return {
        "pandas": table,
        "pandas of objects": table.astype(object),
        "pandas of categories": table.astype({"customer_id": "category", "item_id": "category"}),
        "polars": pl.from_arrow(arrow),
        "polars lazy": pl.from_arrow(arrow).lazy(),
        "polars with NaN": pl.from_arrow(arrow).with_columns(pl.col("amount").fill_null(float("nan"))),
        "pyarrow": arrow,
        "pyarrow dictionary": arrow.set_column(0, "customer_id", arrow["customer_id"].dictionary_encode()),
        "pyarrow batches": arrow.to_reader(max_chunksize=37),
        "parquet": folder / "one.parquet",
        "folder": folder / "parts",
        "glob": str(folder / "parts" / "**" / "part-*.PARQUET"),
        "csv": str(folder / "one.csv"),
    }


FORMS = ["pandas of objects", "pandas of categories", "polars", "polars lazy", "polars with NaN", "pyarrow"]
FORMS += ["pyarrow dictionary", "pyarrow batches", "parquet", "folder", "glob", "csv"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_summary_and_counts(form, forms):
    expected, found = read_log(forms["pandas"]), read_log(forms[form])
    assert found.counts == expected.counts
    assert 0 < found.counts.refunds < found.counts.kept < LINES
    assert_frame_equal(customer_summary(found), customer_summary(expected), check_exact=True)
    assert customer_summary(found).index[0] == "0001"


def test_lines_are_numbered_from_1_in_a_table_and_by_file_in_a_folder(forms):
    in_table = read_log(forms["pandas"]).set_aside()
    in_folder = read_log(forms["folder"]).set_aside()
    assert in_table["source_file"].isna().all()
    place = in_folder["source_file"].str.extract(r"part-(\d)")[0].astype(int) * 150 + in_folder["line_number"]
    assert place.tolist() == in_table["line_number"].tolist()
    missing = forms["pandas"]["customer_id"].isna() | forms["pandas"]["amount"].isna()
    assert in_table["line_number"].tolist() == (np.flatnonzero(missing) + 1).tolist()


def test_files_whose_columns_differ_are_joined_by_name(write):
    write("customer_id,occurred_at,amount\na,2024-01-05,1\n", "part/1.csv")
    folder = write("amount;customer_id;occurred_at;brand\n2;a;2024-01-06;x\n", "part/2.csv").parent
    log = read_log(folder)
    assert log.to_frame()["amount"].tolist() == [1.0, 2.0]
    assert log.to_frame()["brand"].tolist()[1:] == ["x"]


def test_equal_content_has_equal_fingerprints_and_other_content_another(table, forms):
    prints = {form: read_log(forms[form]).fingerprint() for form in ("pandas", "parquet", "csv", "folder")}
    assert len(set(prints.values())) == 4
    assert read_log(table.copy(deep=True)).fingerprint() == prints["pandas"]
    assert read_log(forms["parquet"]).fingerprint() == prints["parquet"]
    assert read_log(table.assign(amount=table["amount"] + 1)).fingerprint() != prints["pandas"]


@pytest.mark.parametrize("source", [[1, 2], None, {"customer_id": [1]}, 7])
def test_what_is_no_table_is_refused(source):
    with pytest.raises(
        SchemaError, match=rf"a {type(source).__name__} cannot be read\. Pass a path to CSV or Parquet"
    ):
        read_log(source)


@pytest.mark.parametrize("name", ["absent.csv", "absent/*.parquet", "."])
def test_a_path_without_a_log_is_refused(tmp_path, name):
    (tmp_path / "README.md").write_text("not a log")
    with pytest.raises(MissingDataError, match=r"no CSV or Parquet file at .* Check the path or the pattern"):
        read_log(tmp_path / name)


def test_text_and_parquet_in_one_folder_are_refused(write, table, tmp_path):
    table.to_parquet(tmp_path / "a.parquet")
    write("customer_id,occurred_at,amount\n", "b.csv")
    with pytest.raises(SchemaError, match="holds both text and Parquet files"):
        read_log(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_damaged_parquet_file_is_refused_by_name(write, content):
    with pytest.raises(SchemaError, match=r"broken\.parquet cannot be read as Parquet"):
        read_log(write(content, "broken.parquet"))


@pytest.mark.parametrize("name", ["filename", "file_row_number", "Source_File"])
def test_a_parquet_column_named_as_one_of_ours_is_refused(tmp_path, name):
    columns = {"customer_id": [1], "occurred_at": [datetime(2024, 1, 5)], "amount": [1.0], name: [9]}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    with pytest.raises(SchemaError, match=f"has a column '{name}', a name read_log needs"):
        read_log(tmp_path / "log.parquet")
