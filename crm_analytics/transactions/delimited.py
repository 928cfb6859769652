"""Delimited text, streamed once into a columnar file of strings, line by line accounted for."""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions.schema import LINE_NUMBER, RAW_LINE, SOURCE_FILE, check_names

DELIMITERS = ",;\t|"
_BLOCK = 16 << 20


@dataclass(frozen=True)
class Dialect:
    """How a text file is written: its encoding and delimiter."""

    encoding: str
    delimiter: str


def stage(path: Path, target: Path, *, encoding: str | None, delimiter: str | None) -> Dialect:
    """Copy a delimited file into Parquet at `target`, every field as text, and say how it was read.

    Adds `source_file`, `line_number` (records counted from 1, the header included) and
    `raw_line`, the text of a record whose number of fields is wrong and whose fields are
    therefore null. Memory stays bounded by the block size. Compressed files (.gz, .bz2,
    .zst) are read as they are.
    """
    encoding = encoding or detect_encoding(path)
    try:
        return _stage(path, target, encoding, delimiter)
    except (UnicodeDecodeError, LookupError) as error:
        raise SchemaError(f"read_log: {path} is not {encoding} text ({error}). Pass encoding=.") from error
    except pa.ArrowInvalid as error:
        raise SchemaError(
            f"read_log: {path} cannot be split into records ({error}). Look for a quote that is not closed."
        ) from error


def _stage(path: Path, target: Path, encoding: str, delimiter: str | None) -> Dialect:
    header_line = _first_line(path, encoding)
    dialect = Dialect(encoding, delimiter or detect_delimiter(header_line, path))
    names = next(csv.reader([header_line], delimiter=dialect.delimiter))
    check_names(names, str(path))
    malformed: list[tuple[int, str]] = []

    def set_aside(row: pacsv.InvalidRow) -> str:
        malformed.append((row.number, row.text))
        return "skip"

    with pa.input_stream(str(path), compression="detect") as stream:
        reader = pacsv.open_csv(
            stream,
            # One thread, because only then does Arrow know the number of a malformed record.
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK,
                encoding=dialect.encoding,
                column_names=names,
                skip_rows=1,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                strings_can_be_null=False,
                null_values=[],
            ),
        )
        schema = pa.schema(
            [
                *((name, pa.string()) for name in names),
                (SOURCE_FILE, pa.string()),
                (LINE_NUMBER, pa.int64()),
                (RAW_LINE, pa.string()),
            ]
        )
        with pq.ParquetWriter(target, schema) as writer:
            next_number = 2  # the header is line 1
            for batch in reader:
                numbers, next_number = _number(batch.num_rows, next_number, {n for n, _ in malformed})
                writer.write_table(_with_lines(batch, numbers, path, schema))
            if malformed:
                writer.write_table(_malformed_lines(malformed, names, path, schema))
    return dialect


def read_table(path: Path, *, caller: str, dtype: Any = None, keep_empty: bool = False) -> pd.DataFrame:
    """Read a small delimited file that lies beside a log, written as logs are.

    Encoding and delimiter are found as those of a log. `dtype` is as in `pandas.read_csv`; with
    `keep_empty` a field without text is '' and no missing value. Raises SchemaError naming
    `caller` and the file if it is empty, has one column only, or cannot be split into records.
    """
    encoding = detect_encoding(path)
    try:
        delimiter = detect_delimiter(_first_line(path, encoding, caller), path, caller)
        too_long = _rows_beyond_the_header(path, encoding, delimiter)
        if too_long:
            more = f" and {len(too_long) - 1:,} more" if len(too_long) > 1 else ""
            raise ValueError(f"more fields than the header in line {too_long[0]:,}{more}")
        return pd.read_csv(
            path,
            sep=delimiter,
            encoding=encoding,
            dtype=dtype,
            keep_default_na=not keep_empty,
            index_col=False,
        )
    except SchemaError:
        raise
    except UnicodeDecodeError as error:
        raise SchemaError(f"{caller}: {path} is not {encoding} text ({error}). Save it as UTF-8.") from error
    except (ValueError, csv.Error) as error:
        said = " ".join(str(error).split())
        raise SchemaError(
            f"{caller}: {path} cannot be split into records ({said}). Look for rows with more fields than the "
            "header, or a quote that is not closed."
        ) from error


def _rows_beyond_the_header(path: Path, encoding: str, delimiter: str) -> list[int]:
    """Numbers of the rows (the header is 1) with text beyond the header's last field: pandas would lose it."""
    with path.open(encoding=encoding, newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        n = len(next(rows, []))
        return [number for number, row in enumerate(rows, 2) if any(field.strip() for field in row[n:])]


def detect_encoding(path: Path) -> str:
    """Return 'utf-8-sig', 'utf-16', 'utf-8', or 'cp1254' (Turkish Windows) if it is none of these."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with pa.input_stream(str(path), compression="detect") as stream:
        block = stream.read(_BLOCK)
        if block.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        try:
            while block:
                decoder.decode(block)
                block = stream.read(_BLOCK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1254"
    return "utf-8"


def detect_delimiter(header: str, path: Path, caller: str = "read_log") -> str:
    """Return the delimiter that splits the header into the most columns.

    >>> detect_delimiter('kart_no;tarih;"tutar, TL"', Path("x.csv"))
    ';'
    """
    counts = {d: len(next(csv.reader([header], delimiter=d))) for d in DELIMITERS}
    best = max(counts, key=lambda d: counts[d])
    if counts[best] == 1:
        remedy = (
            "Pass delimiter= if it is another sign."
            if caller == "read_log"
            else "Part columns by a comma, a semicolon, a tab or a |."
        )
        raise SchemaError(f"{caller}: {path} has one column only ({header[:60]!r}). {remedy}")
    return best


def _first_line(path: Path, encoding: str, caller: str = "read_log") -> str:
    with (
        pa.input_stream(str(path), compression="detect") as stream,
        io.TextIOWrapper(stream, encoding=encoding, newline="") as text,
    ):
        line = text.readline().rstrip("\r\n")
    if not line:
        raise SchemaError(f"{caller}: {path} is empty or begins with an empty line; a header line is needed.")
    return line


def _number(n_rows: int, start: int, skipped: set[int]) -> tuple[list[int], int]:
    """Line numbers of the next `n_rows` well-formed records, passing over the malformed."""
    numbers: list[int] = []
    while len(numbers) < n_rows:
        if start not in skipped:
            numbers.append(start)
        start += 1
    return numbers, start


def _with_lines(batch: pa.RecordBatch, numbers: list[int], path: Path, schema: pa.Schema) -> pa.Table:
    extra = [
        pa.repeat(pa.scalar(str(path)), batch.num_rows),
        pa.array(numbers, pa.int64()),
        pa.nulls(batch.num_rows, pa.string()),
    ]
    return pa.Table.from_arrays([*batch.columns, *extra], schema=schema)


def _malformed_lines(
    malformed: list[tuple[int, str]], names: list[str], path: Path, schema: pa.Schema
) -> pa.Table:
    n = len(malformed)
    columns = [pa.nulls(n, pa.string()) for _ in names]
    extra = [
        pa.repeat(pa.scalar(str(path)), n),
        pa.array([number for number, _ in malformed], pa.int64()),
        pa.array([text for _, text in malformed], pa.string()),
    ]
    return pa.Table.from_arrays([*columns, *extra], schema=schema)
