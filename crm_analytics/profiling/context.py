"""What is known beside the log: whose cards, which stores, what products mean, the calendar."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.profiling.tagging.tag_table import TagTable
from crm_analytics.transactions import TransactionLog
from crm_analytics.transactions.calendar import holiday_calendar

STORE_COLUMNS = ("store_id", "name", "kind", "town", "district", "latitude", "longitude")


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
        `transactions.calendar.holiday_calendar`.
    forms : DataFrame, optional
        Application forms, one row a card: `customer_id` and any of `sex`, `birth_year`, `married`,
        `district`, `email_domain`, `work_phone_area`, `may_contact`.
    tags : TagTable, optional
        What products mean; the default table by default.

    Raises
    ------
    SchemaError
        If a table lacks its key column or repeats a key.

    Examples
    --------
    >>> cards = pd.DataFrame({"customer_id": ["Z", "O"], "household_id": ["home", "home"]})
    >>> Context(cards=cards).cards.shape
    (2, 2)
    """

    cards: pd.DataFrame | None = None
    stores: pd.DataFrame | None = None
    calendar: pd.DataFrame | None = None
    forms: pd.DataFrame | None = None
    tags: TagTable = field(default_factory=TagTable.default)

    def __post_init__(self) -> None:
        _check("cards", self.cards, ["customer_id", "household_id"], key="customer_id")
        _check("stores", self.stores, ["store_id"], key="store_id")
        _check("calendar", self.calendar, ["occasion", "kind", "start", "end"])
        _check("forms", self.forms, ["customer_id"], key="customer_id")


def read_context(folder: str | Path | None, log: TransactionLog, *, country: str | None = None) -> Context:
    """Read what a folder holds of cards, stores, calendar, forms (.parquet or .csv) and tags.csv.

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
        tags = tags.extended(own_tags) if own_tags.is_file() else tags
    if found["calendar"] is None and country is not None and log.start and log.end:
        found["calendar"] = holiday_calendar(country, range(log.start.year, log.end.year + 2))
    return Context(**found, tags=tags)


def _table(folder: Path, name: str) -> pd.DataFrame | None:
    """One table of a folder; text columns stay text, so that a card 007 is not 7."""
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    if parquet.is_file():
        return pq.read_table(parquet).to_pandas()
    if not csv.is_file():
        return None
    table = pd.read_csv(csv, dtype={"customer_id": str, "household_id": str, "store_id": str})
    return table.assign(**{day: pd.to_datetime(table[day]) for day in ("start", "end") if day in table})


def _check(name: str, table: pd.DataFrame | None, columns: Sequence[str], key: str | None = None) -> None:
    """Refuse a table without its columns, or with two rows for one key."""
    if table is None:
        return
    require_columns(table, columns, caller=f"Context: {name}")
    if key is None:
        return
    missing, repeated = table[key].isna(), table[key].duplicated(keep=False)
    if missing.any():
        raise SchemaError(
            f"Context: {name} has {missing.sum():,} of {len(table):,} rows without {key}. Leave them out."
        )
    if repeated.any():
        raise SchemaError(
            f"Context: {name} must have one row for each {key}, but {table.loc[repeated, key].nunique():,} of them "
            f"have more (first: {table.loc[repeated, key].iloc[0]!r}). Keep one row of each."
        )
