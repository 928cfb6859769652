"""Delimited text: encodings, delimiters, compression, and a number for every record."""

import bz2
import gzip

import pytest

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions import delimited, read_log

HEADER = "customer_id;occurred_at;amount\n"
TURKISH = "İĞÜŞÖÇığüşöç"


def line_numbers(log):
    """Line numbers of the kept lines, and of those set aside with the text of the malformed."""
    kept = log.query("SELECT line_number FROM lines ORDER BY line_number")["line_number"].to_pylist()
    aside = log.set_aside()
    return kept, dict(zip(aside["line_number"], aside["raw_line"], strict=True))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1254"])
@pytest.mark.parametrize("compress", [None, gzip.compress, bz2.compress])
def test_turkish_text_survives_every_encoding(write, encoding, compress):
    text = f"müşteri;tarih;tutar;ürün adı\n{TURKISH};31.12.2007 21:47;1.234,56;çay\nŞ;30.12.2007 08:05;-7,5;şeker\n"
    explicit = encoding if encoding in ("utf-16-le", "utf-16-be") else None  # no mark to know them by
    content = text.encode(encoding)
    name = {None: "log.csv", gzip.compress: "log.csv.gz", bz2.compress: "log.csv.bz2"}[compress]
    log = read_log(
        write(compress(content) if compress else content, name),
        columns={
            "customer_id": "müşteri",
            "occurred_at": "tarih",
            "amount": "tutar",
            "description": "ürün adı",
        },
        encoding=explicit,
    )
    lines = log.to_frame()
    assert lines["customer_id"].tolist() == [TURKISH, "Ş"]
    assert lines["description"].tolist() == ["çay", "şeker"]
    assert lines["amount"].tolist() == [1234.56, -7.5]
    assert [str(time) for time in lines["occurred_at"]] == ["2007-12-31 21:47:00", "2007-12-30 08:05:00"]
    (dialect,) = log.source.dialects.values()
    assert (dialect.encoding, dialect.delimiter) == (encoding, ";")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "~"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter_and_newlines_may_stand_within_quotes(write, delimiter, newline):
    fields = [f"a{delimiter}b", f"first{newline}second", 'says ""yes""']
    rows = [
        ["customer_id", "occurred_at", "amount"],
        *([f'"{field}"', "2024-01-05", "5"] for field in fields),
    ]
    path = write(newline.join(delimiter.join(row) for row in rows))  # no newline at the end
    log = read_log(path, delimiter=delimiter if delimiter == "~" else None)
    assert log.to_frame()["customer_id"].tolist() == [*fields[:2], 'says "yes"']
    assert line_numbers(log) == ([2, 3, 4], {})


def test_records_with_too_few_or_many_fields_are_set_aside_by_number(write):
    good = "a;2024-01-05;1\n"
    text = HEADER + good + "b;2024-01-05\n" + '"c\n\nc";2024-01-05;1\n' + "d;2024-01-05;1;9\n" + good + "e\n"
    log = read_log(write(text))
    assert log.counts.set_aside == {"wrong_field_count": 3}
    kept, aside = line_numbers(log)
    assert kept == [2, 4, 6]
    assert aside == {3: "b;2024-01-05", 5: "d;2024-01-05;1;9", 7: "e"}


def test_blank_lines_are_lines_without_a_customer(write):
    log = read_log(write(HEADER + "\n" + "a;2024-01-05;1\n" + "\n\n" + "b;2024-01-05;1\n" + "\n"))
    assert log.counts.set_aside == {"missing_customer": 4}
    kept, aside = line_numbers(log)
    assert kept == [3, 6]
    assert list(aside) == [2, 4, 5, 7]


@pytest.mark.parametrize("block", [128, 256, 1000])
def test_numbers_hold_across_the_blocks_of_a_large_file(write, monkeypatch, block):
    monkeypatch.setattr(delimited, "_BLOCK", block)

    def record(number):
        if number % 7 == 0:
            return f"c{number};too few\n"
        return f'"c{number}\n";2024-01-05;1\n' if number % 5 == 0 else f"c{number};2024-01-05;1\n"

    numbers = range(2, 500)
    log = read_log(write(HEADER + "".join(map(record, numbers))))
    found = log.query("SELECT customer_id, line_number FROM lines").to_pylist()
    assert {row["line_number"]: row["customer_id"].strip() for row in found} == {
        number: f"c{number}" for number in numbers if number % 7
    }
    assert line_numbers(log)[1] == {number: f"c{number};too few" for number in numbers if number % 7 == 0}


@pytest.mark.parametrize(
    "name", ["a.b", "a b", 'a"b', "a'b", "$amount", "[x]", "select", 'x"; DROP VIEW source_lines; --']
)
def test_a_column_may_have_any_name(write, name):
    quoted = name.replace('"', '""')
    log = read_log(write(f'customer_id,occurred_at,"{quoted}"\na,2024-01-05,7\n'), columns={"amount": name})
    assert log.to_frame()["amount"].tolist() == [7.0]
    assert log.reading.columns["amount"] == name


def test_a_column_without_a_name_does_no_harm(write):
    log = read_log(write(",customer_id,occurred_at,amount\n0,a,2024-01-05,7\n"))  # as pandas writes its index
    assert log.to_frame()["amount"].tolist() == [7.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"log\.csv is empty or begins with an empty line"),
        ("\na;b\n", r"is empty or begins with an empty line"),
        ("customer_id\na\n", r"has one column only \('customer_id'\)\. Pass delimiter="),
        (HEADER, r"no value of 'occurred_at' reads as a date \(found nothing\)"),
        (HEADER.encode() + b"a;2024-01-05;\x81\n", r"is not cp1254 text .*\. Pass encoding="),
    ],
)
def test_a_file_that_cannot_be_a_log_is_refused(write, content, message):
    with pytest.raises(SchemaError, match=message):
        read_log(write(content))


@pytest.mark.parametrize("encoding", ["utf-8", "klingon"])
def test_an_encoding_that_does_not_fit_is_refused(write, encoding):
    with pytest.raises(SchemaError, match=f"is not {encoding} text"):
        read_log(write(HEADER + TURKISH + ";2024-01-05;1\n", encoding="cp1254"), encoding=encoding)


def test_a_quote_that_is_never_closed_is_named_as_the_cause(write, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 100)
    lines = "a;2024-01-05;1\n" * 50
    with pytest.raises(SchemaError, match=r"cannot be split into records .* a quote that is not closed"):
        read_log(write(HEADER + '"' + lines))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1254"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_beside_a_log_is_read_as_a_log_is(write, encoding, delimiter):
    rows = [["customer_id", "district"], ["007", TURKISH], ["008", ""]]
    path = write("\n".join(delimiter.join(row) for row in rows), "cards.csv", encoding)
    table = delimited.read_table(path, caller="here", dtype={"customer_id": str})
    assert table["customer_id"].tolist() == ["007", "008"]
    assert table["district"].iloc[0] == TURKISH
    assert table["district"].isna().tolist() == [False, True]
    assert delimited.read_table(path, caller="here", keep_empty=True)["district"].tolist() == [TURKISH, ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty or begins"),
        ("customer_id\na\n", r"has one column only \('customer_id'\)\. Part columns by"),
        ("a,b\n1,2\n1,2,3\n", r"cannot be split into records .* line 3"),
        ("a,b\n1,2,3\n4,5,6\n", r"cannot be split into records .* more fields than the header"),
        (b"a;b\n1;\x81\n", r"is not cp1254 text .*\. Save it as UTF-8"),
    ],
)
def test_a_table_beside_a_log_that_cannot_be_read_is_named(write, content, message):
    with pytest.raises(SchemaError, match=rf"^here: .*cards\.csv {message}"):
        delimited.read_table(write(content, "cards.csv"), caller="here")


def test_a_sign_at_the_end_of_every_row_of_a_table_does_no_harm(write):
    path = write("customer_id;household_id\n007;home;\n008;home;\n", "cards.csv")
    table = delimited.read_table(path, caller="here", dtype=str)
    assert table.to_dict("list") == {"customer_id": ["007", "008"], "household_id": ["home", "home"]}
