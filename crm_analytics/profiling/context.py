"""What is known beside the log: whose cards, which stores, what products mean, the calendar."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.profiling.tagging.tag_table import TagTable
from crm_analytics.transactions import TransactionLog
from crm_analytics.transactions.calendar import holiday_calendar
from crm_analytics.transactions.delimited import read_table

STORE_COLUMNS = ("store_id", "name", "kind", "town", "district", "latitude", "longitude")
FORM_COLUMNS = ("sex", "birth_year", "married", "district", "email_domain", "work_phone_area", "may_contact")

# The columns that a table must have, and the one that tells its rows apart.
_NEEDED = {
    "cards": ["customer_id", "household_id"],
    "stores": ["store_id"],
    "calendar": ["occasion", "kind", "start", "end"],
    "forms": ["customer_id"],
}
_KEYS = {"cards": "customer_id", "stores": "store_id", "forms": "customer_id"}
_IDENTIFIERS = {"customer_id": str, "household_id": str, "store_id": str}


@dataclass(frozen=True)
class Context:
    """Tables beside the log. Each is optional: a question that needs one it does not find asks nothing.

    Parameters
    ----------
    cards : DataFrame, optional
        One row a card: `customer_id` (the log's), `household_id`. Without it every customer is a
        household of one card.
    stores : DataFrame, optional
        One row a store: `store_id` and any of `name`, `kind` ('supermarket', 'fuel', 'restaurant', ...),
        `town`, `district`, `latitude`, `longitude` (degrees). Without it a place is a store.
    calendar : DataFrame, optional
        One row a span: `occasion`, `kind`, `start`, `end` (dates, half open), as made by
        `transactions.calendar.holiday_calendar`. Dates in text are year-month-day.
    forms : DataFrame, optional
        Application forms, one row a card: `customer_id` and any of `sex`, `birth_year`, `married`,
        `district`, `email_domain`, `work_phone_area`, `may_contact`.
    tags : TagTable, optional
        What products mean; the default table by default.

    Raises
    ------
    SchemaError
        If a table lacks its key column or repeats a key, if forms have none of their columns, or if a
        day of the calendar is no date.
    TypeError
        If a table is no DataFrame, or `tags` no TagTable.

    Examples
    --------
    >>> cards = pd.DataFrame({"customer_id": ["Z", "O"], "household_id": ["home", "home"]})
    >>> Context(cards=cards).cards.shape
    (2, 2)
    >>> Context(cards=cards)
    Context: cards 2, no stores, no calendar, no forms
    """

    cards: pd.DataFrame | None = None
    stores: pd.DataFrame | None = None
    calendar: pd.DataFrame | None = None
    forms: pd.DataFrame | None = None
    tags: TagTable = field(default_factory=TagTable.default)

    def __post_init__(self) -> None:
        for name in _NEEDED:
            table = getattr(self, name)
            if not (table is None or isinstance(table, pd.DataFrame)):
                raise TypeError(
                    f"Context: {name} must be a DataFrame. Got {type(table).__name__} instead. Make it one: "
                    f"pd.DataFrame with {', '.join(_NEEDED[name])}."
                )
            if table is not None:
                _check(name, table, f"Context: {name}")
        if not isinstance(self.tags, TagTable):
            raise TypeError(
                f"Context: tags must be a TagTable. Got {type(self.tags).__name__} instead. Own rows are added by "
                "TagTable.default().extended(rows)."
            )

    def __repr__(self) -> str:
        counts = {name: None if (t := getattr(self, name)) is None else len(t) for name in _NEEDED}
        unit = {"calendar": " rows"}
        said = (
            f"no {name}" if n is None else f"{name} {n:,}{unit.get(name, '')}" for name, n in counts.items()
        )
        return f"Context: {', '.join(said)}"


def read_context(folder: str | Path | None, log: TransactionLog, *, country: str | None = None) -> Context:
    """Read what a folder holds of cards, stores, calendar, forms (.parquet or .csv) and tags.csv.

    CSV files may be in the encodings, and with the delimiters, that `read_log` knows by itself.

    Parameters
    ----------
    folder : path or None
        Other files in it are not looked at. None: no table but the calendar.
    log : TransactionLog
        Whose years the calendar is made for.
    country : str, optional
        Such as 'TR': makes the calendar, one year ahead too, where the folder has none.

    Raises
    ------
    MissingDataError
        If there is no such folder, or none of the files is in it.
    SchemaError
        If a file cannot be read, or is not as `Context` and `TagTable.extended` want it; its name is said.
    """
    found: dict[str, pd.DataFrame | None] = dict.fromkeys(("cards", "stores", "calendar", "forms"))
    tags = TagTable.default()
    if folder is not None:
        folder = Path(folder)
        if not folder.is_dir():
            raise MissingDataError(f"{folder} is no folder. Give the one that cards, stores, ... lie in.")
        found = {name: _table(folder, name) for name in found}
        own_tags = folder / "tags.csv"
        if all(table is None for table in found.values()) and not own_tags.is_file():
            raise MissingDataError(
                f"{folder} has none of cards, stores, calendar, forms (.parquet or .csv) and tags.csv."
            )
        tags = _with_own(tags, own_tags) if own_tags.is_file() else tags
    if found["calendar"] is None and country is not None and log.start and log.end:
        found["calendar"] = holiday_calendar(country, range(log.start.year, log.end.year + 2))
    return Context(**found, tags=tags)


def _with_own(tags: TagTable, file: Path) -> TagTable:
    """The tags with those of a file, which errors name."""
    rows = read_table(file, caller="read_context", dtype=str, keep_empty=True)
    try:
        return tags.extended(rows)
    except SchemaError as error:
        raise SchemaError(f"read_context: {file}: {error}") from error


def _table(folder: Path, name: str) -> pd.DataFrame | None:
    """One table of a folder; text columns stay text, so that a card 007 is not 7."""
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    file = parquet if parquet.is_file() else csv
    if not file.is_file():
        return None
    if file == parquet:
        table = pq.read_table(parquet).to_pandas()
    else:
        table = read_table(csv, caller="read_context", dtype=_IDENTIFIERS)
    where = f"read_context: {file}"
    _check(name, table, where)
    days = {day: _dates(table[day], where) for day in ("start", "end") if name == "calendar"}
    degrees = {
        column: _degrees(table[column], where)
        for column in ("latitude", "longitude")
        if name == "stores" and column in table
    }
    return table.assign(**days, **degrees)


def _check(name: str, table: pd.DataFrame, where: str) -> None:
    """Refuse a table without its columns, with two rows for one key, or with days that are no dates."""
    require_columns(table, _NEEDED[name], caller=where)
    if name == "forms" and not set(FORM_COLUMNS) & set(table.columns):
        others = ", ".join(str(column) for column in table.columns if column != "customer_id") or "none"
        raise SchemaError(
            f"{where}: none of the columns {', '.join(FORM_COLUMNS)} is there; found beside customer_id: {others}. "
            "Rename the answers that are meant, or leave forms out."
        )
    if name == "calendar":
        for day in ("start", "end"):
            _dates(table[day], where)
    key = _KEYS.get(name)
    if key is None:
        return
    missing, repeated = table[key].isna(), table[key].duplicated(keep=False)
    if missing.any():
        raise SchemaError(
            f"{where}: {missing.sum():,} of {len(table):,} rows are without {key}. Leave them out."
        )
    if repeated.any():
        raise SchemaError(
            f"{where}: there must be one row for each {key}, but {table.loc[repeated, key].nunique():,} of them "
            f"have more (first: {table.loc[repeated, key].iloc[0]!r}). Keep one row of each."
        )


def _dates(days: pd.Series, where: str) -> pd.Series:
    """The days as dates. Text is year-month-day: pandas reads 01.06.2025 as the sixth of January."""
    if days.dtype.kind == "M":
        return days
    text = days.astype(str).str.strip()
    found = pd.to_datetime(text.where(text.str.match(r"\d{4}-\d\d-\d\d")), format="ISO8601", errors="coerce")
    _refuse(days, found.isna() & days.notna(), where, "a date as 2025-06-01 (year-month-day)")
    return found


def _degrees(column: pd.Series, where: str) -> pd.Series:
    """Numbers, of which text may have a decimal comma."""
    if column.dtype.kind in "iuf":
        return column
    text = column.astype(str).str.strip().str.replace(",", ".", regex=False)
    found = pd.to_numeric(text.where(column.notna() & (text != "")), errors="coerce")
    _refuse(column, found.isna() & column.notna() & (text != ""), where, "degrees, such as 41.0082")
    return found.astype(float)


def _refuse(column: pd.Series, bad: pd.Series, where: str, rule: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise SchemaError(
            f"{where}: {column.name} must be {rule}, but {bad.sum():,} of {len(bad):,} rows are not (first at row "
            f"{row}: {column.iloc[row]!r}). Mend them."
        )
