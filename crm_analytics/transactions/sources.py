"""Anything that holds a log, as one lazy DuckDB relation with a line number on every row."""

import glob
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.core.files import sha256_of
from crm_analytics.transactions import delimited
from crm_analytics.transactions.schema import LINE_NUMBER, RAW_LINE, SOURCE_FILE, check_names

_TEXT_ENDINGS = (".csv", ".tsv", ".txt")
_PARQUET_ENDINGS = (".parquet", ".pq")
_COMPRESSED = (".gz", ".bz2", ".zst")


@dataclass
class Source:
    """A log as it came: its rows, and what is known of where they came from.

    Attributes
    ----------
    relation : DuckDBPyRelation
        The source's columns, with `source_file`, `line_number` (from 1; in a text file
        the header is line 1) and `raw_line` (text of a malformed record, else null).
    name : str
        For people.
    files : list of Path
        Empty for a table in memory.
    dialects : dict
        How each text file was read.
    table : pyarrow.Table or None
        The table in memory, if it was one.
    """

    relation: duckdb.DuckDBPyRelation
    name: str
    files: list[Path] = field(default_factory=list)
    dialects: dict[str, delimited.Dialect] = field(default_factory=dict)
    table: pa.Table | None = None

    @property
    def delimiter(self) -> str | None:
        """The text files' delimiter, or None if the source is not text."""
        return next((dialect.delimiter for dialect in self.dialects.values()), None)

    def fingerprint(self) -> str:
        """SHA-256 over the content, in hexadecimal; equal content gives equal fingerprints.

        Raises ValueError for a Spark DataFrame, whose content is not at hand.
        """
        if not self.files and self.table is None:
            raise ValueError(f"{self.name} has no fingerprint. Write it to Parquet, and read that.")
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(bytes.fromhex(sha256_of(file)))
        if self.table is not None:
            sink = _HashSink(digest)
            with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), self.table.schema) as stream:
                stream.write_table(self.table.combine_chunks())
        return digest.hexdigest()


class _HashSink:
    """A file that only hashes what is written to it."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest
        self.closed = False

    def write(self, data: Any) -> int:
        self._digest.update(memoryview(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def open_source(
    con: duckdb.DuckDBPyConnection,
    source: Any,
    scratch: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Source:
    """Open a path, folder, glob, or table. See `read_log` for what is understood."""
    if isinstance(source, str | Path):
        return _open_files(con, source, scratch, encoding, delimiter)
    table = _as_arrow(source)
    n = table.num_rows
    numbered = table.append_column(LINE_NUMBER, pa.array(np.arange(1, n + 1)))
    con.register("source_table", numbered)
    relation = con.table("source_table").select(
        duckdb.StarExpression(),
        duckdb.ConstantExpression(None).cast("VARCHAR").alias(SOURCE_FILE),
        duckdb.ConstantExpression(None).cast("VARCHAR").alias(RAW_LINE),
    )
    return Source(relation, name=f"a table of {n:,} rows", table=table)


def _as_arrow(source: Any) -> pa.Table:
    """pandas, polars, pyarrow, or whatever speaks Arrow's C stream; never written to."""
    if isinstance(source, pd.DataFrame):
        names = [str(name) for name in source.columns]
        check_names(names, "the table")
        columns = [_pandas_column(source[name]) for name in source.columns]
        return pa.Table.from_arrays(columns, names=names)
    if hasattr(source, "collect") and hasattr(source, "lazy"):  # a polars LazyFrame
        source = source.collect()
    if not hasattr(source, "__arrow_c_stream__"):
        raise SchemaError(
            f"read_log: a {type(source).__name__} cannot be read. Pass a path to CSV or Parquet, or a pandas, "
            "polars or pyarrow table."
        )
    table = pa.table(source)
    check_names(table.column_names, "the table")
    return table


def _pandas_column(values: pd.Series) -> pa.Array:
    """As Arrow reads it; a column of mixed types as the text a person would see."""
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError):
        return _as_text(values)
    # Arrow puts times with and without a zone into one column without a word.
    if values.dtype == object and pa.types.is_timestamp(array.type):
        zoned = {getattr(time, "tzinfo", None) is not None for time in values.dropna()}
        return _as_text(values) if len(zoned) > 1 else array
    return array


def _as_text(values: pd.Series) -> pa.Array:
    return pa.array(values.map(str, na_action="ignore"), pa.string(), from_pandas=True)


def _open_files(
    con: duckdb.DuckDBPyConnection,
    source: str | Path,
    scratch: Path,
    encoding: str | None,
    delimiter: str | None,
) -> Source:
    files = _find_files(source)
    is_text = [_is_text(file) for file in files]
    if all(is_text):
        staged, dialects = [], {}
        for i, file in enumerate(files):
            target = scratch / f"{i:06d}.parquet"
            dialects[str(file)] = delimited.stage(file, target, encoding=encoding, delimiter=delimiter)
            staged.append(str(target))
        relation = con.read_parquet(staged, union_by_name=True)
        return Source(relation, name=str(source), files=files, dialects=dialects)
    if any(is_text):
        raise SchemaError(
            f"read_log: {source} holds both text and Parquet files. Read them one kind at a time."
        )
    for file in files:
        _check_parquet(file)
    relation = con.read_parquet(
        [str(file) for file in files], file_row_number=True, filename=True, union_by_name=True
    )
    columns = [c for c in relation.columns if c not in ("file_row_number", "filename")]
    relation = relation.select(
        *(duckdb.ColumnExpression(c) for c in columns),
        duckdb.ColumnExpression("filename").alias(SOURCE_FILE),
        (duckdb.ColumnExpression("file_row_number") + duckdb.ConstantExpression(1)).alias(LINE_NUMBER),
        duckdb.ConstantExpression(None).cast("VARCHAR").alias(RAW_LINE),
    )
    return Source(relation, name=str(source), files=files)


def _check_parquet(file: Path) -> None:
    try:
        names = pq.read_schema(file).names
    except (pa.ArrowInvalid, OSError) as error:
        raise SchemaError(f"read_log: {file} cannot be read as Parquet: {error}") from error
    check_names(names, str(file), reserved=("file_row_number", "filename"))


def _find_files(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if _belongs(p, path))
    elif path.is_file():
        files = [path]
    else:
        files = sorted(Path(name) for name in glob.glob(str(source), recursive=True) if Path(name).is_file())
    if not files:
        raise MissingDataError(
            f"read_log: no CSV or Parquet file at {str(source)!r}. Check the path or the pattern."
        )
    return files


def _belongs(file: Path, folder: Path) -> bool:
    """Whether a file in a folder is part of a log: not a note beside it, nor hidden or unfinished."""
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and _ending(file) in _TEXT_ENDINGS + _PARQUET_ENDINGS


def _is_text(file: Path) -> bool:
    if _ending(file) in _TEXT_ENDINGS + _PARQUET_ENDINGS:
        return _ending(file) in _TEXT_ENDINGS
    with file.open("rb") as stream:
        return stream.read(4) != b"PAR1"


def _ending(file: Path) -> str:
    """The last suffix in small letters, beneath that of a compression."""
    name = file.with_suffix("") if file.suffix.lower() in _COMPRESSED else file
    return name.suffix.lower()
