"""Anything that holds a log, as one lazy DuckDB relation with a line number on every row."""

import glob
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.core.files import sha256_of
from crm_analytics.transactions import delimited
from crm_analytics.transactions.delimited import LINE_NUMBER, RAW_LINE, SOURCE_FILE

ADDED_COLUMNS = (SOURCE_FILE, LINE_NUMBER, RAW_LINE)
_TEXT_ENDINGS = (".csv", ".tsv", ".txt")
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
        """SHA-256 over the content, in hexadecimal; equal content gives equal fingerprints."""
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
    taken = set(ADDED_COLUMNS).intersection(table.column_names)
    if taken:
        raise SchemaError(
            f"read_log: the table has a column {min(taken)!r}, a name read_log needs. Rename it."
        )
    numbered = table.append_column(
        LINE_NUMBER, pa.array(range(1, n + 1), pa.int64()) if n < 1000 else _range(n)
    )
    con.register("source_table", numbered)
    relation = con.table("source_table").select(
        duckdb.StarExpression(),
        duckdb.ConstantExpression(None).cast("VARCHAR").alias(SOURCE_FILE),
        duckdb.ConstantExpression(None).cast("VARCHAR").alias(RAW_LINE),
    )
    return Source(relation, name=f"a table of {n:,} rows", table=table)


def _range(n: int) -> pa.Array:
    import numpy as np

    return pa.array(np.arange(1, n + 1))


def _as_arrow(source: Any) -> pa.Table:
    """pandas, polars, pyarrow, or whatever speaks Arrow's C stream; never written to."""
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pd.DataFrame):
        twice = source.columns[source.columns.duplicated()]
        if len(twice):
            raise SchemaError(f"read_log: the table has two columns named {twice[0]!r}. Rename one.")
        columns = {}
        for name in source.columns:
            try:
                columns[str(name)] = pa.array(source[name], from_pandas=True)
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                # an object column of mixed types is read as the text a person would see
                columns[str(name)] = pa.array(
                    source[name].map(str, na_action="ignore"), pa.string(), from_pandas=True
                )
        return pa.table(columns)
    if hasattr(source, "collect") and hasattr(source, "lazy"):  # a polars LazyFrame
        source = source.collect()
    if hasattr(source, "__arrow_c_stream__"):
        return pa.table(source)
    raise SchemaError(
        f"read_log: a {type(source).__name__} cannot be read. Pass a path to CSV or Parquet, or a pandas, "
        "polars or pyarrow table."
    )


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


def _find_files(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
        files = [p for p in files if p.suffix == ".parquet" or _is_text(p)]
    elif path.is_file():
        files = [path]
    else:
        files = sorted(Path(name) for name in glob.glob(str(source), recursive=True) if Path(name).is_file())
    if not files:
        raise MissingDataError(
            f"read_log: no CSV or Parquet file at {str(source)!r}. Check the path or the pattern."
        )
    return files


def _is_text(file: Path) -> bool:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    if suffixes and suffixes[-1] in _TEXT_ENDINGS:
        return True
    if file.suffix.lower() in (".parquet", ".pq"):
        return False
    with file.open("rb") as stream:
        return stream.read(4) != b"PAR1"
