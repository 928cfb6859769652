"""The columns of a log, the words other systems use for them, and why a line is set aside."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_analytics.core.errors import MissingDataError, SchemaError, nearest, plain

# One row is a line of a receipt. The kind decides how a source column is read.
COLUMNS = {
    "customer_id": "id",
    "occurred_at": "time",
    "amount": "number",
    "transaction_id": "id",
    "item_id": "id",
    "quantity": "number",
    "unit_price": "number",
    "discount": "number",
    "store_id": "id",
    "description": "text",
    "category": "text",
    "department": "text",
    "brand": "text",
}

REQUIRED = ("customer_id", "occurred_at", "amount")

# What readers add beside the source's own columns.
SOURCE_FILE, LINE_NUMBER, RAW_LINE = ADDED = ("source_file", "line_number", "raw_line")

# Why a line is set aside, the first that applies. The words are for people; the keys are stable.
REASONS = {
    "wrong_field_count": "the line has more or fewer fields than the header",
    "missing_customer": "no customer",
    "missing_date": "no date",
    "unreadable_date": "the date cannot be read",
    "mixed_time_zone": "the time zone is given here and not elsewhere, or the reverse",
    "future_date": "dated after the log was read",
    "missing_amount": "no amount",
    "unreadable_amount": "the amount cannot be read as a number",
    "amount_out_of_range": "the amount is not a finite number below 1e12",
    "unreadable_quantity": "the quantity cannot be read as a number",
    "quantity_out_of_range": "the quantity is not a finite number below 1e12",
    "contradicting_signs": "a negative quantity with a positive amount",
}

# What other systems call these columns; only to suggest, never to guess.
SYNONYMS = {
    "customer_id": "customer custid client_id household_id household_key member_id card_no user_id "
    "musteri_no musteri_id musteri kart_no",
    "occurred_at": "invoice_date transaction_date transaction_timestamp order_date date timestamp datetime "
    "purchase_date tarih islem_tarihi fis_tarihi",
    "amount": "sales_value total line_total revenue price dollar_value net_amount sales tutar toplam ciro",
    "transaction_id": "invoice_no invoice basket_id order_id receipt_id fis_no fatura_no siparis_no",
    "item_id": "stock_code product_id sku article_id urun_kodu urun_no urun_id",
    "quantity": "qty units count number_of_cds miktar adet",
    "unit_price": "unitprice price birim_fiyat fiyat",
    "store_id": "store shop_id branch magaza sube",
    "description": "product_name product item_name urun_adi aciklama",
    "discount": "retail_disc indirim",
    "category": "product_category kategori",
    "department": "reyon",
    "brand": "marka",
}


@dataclass(frozen=True)
class ColumnTable:
    """The columns that a table may have, and how messages speak of it.

    Attributes
    ----------
    columns, required : collection of str
        All canonical names in order, and those that must be there.
    synonyms : dict of str to str
        What other systems call each.
    argument : str
        The argument of `read_log` that maps them.
    owner, source : str
        As in "a log does not have" and "the source has".
    """

    columns: Collection[str]
    required: Sequence[str]
    synonyms: Mapping[str, str]
    argument: str
    owner: str
    source: str


LINES = ColumnTable(COLUMNS, REQUIRED, SYNONYMS, "columns", "a log does", "the source has")


def read_mapping(columns: Mapping[str, str] | str | Path | None) -> dict[str, str]:
    """Return canonical name → source name from a dict, or from a TOML file's [columns] table."""
    if columns is None:
        return {}
    if isinstance(columns, str | Path):
        path = Path(columns)
        if not path.is_file():
            raise MissingDataError(
                f"read_log: no mapping at {str(path)!r}. Check the path given as columns=."
            )
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SchemaError(f"{path} is not TOML: {error}.") from error
        columns = dict(content.get("columns", content))
    check_mapped(columns)
    return {name: str(source) for name, source in columns.items()}


def check_mapped(columns: Mapping[str, str], table: ColumnTable = LINES) -> None:
    """Refuse a mapping of canonical names that the table does not have."""
    unknown = [name for name in columns if name not in table.columns]
    if unknown:
        near = nearest(unknown[0], table.columns)
        hint = f" Did you mean {near!r}?" if near else ""
        raise SchemaError(
            f"read_log: {table.argument}= names {unknown[0]!r}, which {table.owner} not have.{hint} "
            f"Write canonical = 'source', with canonical one of {', '.join(table.columns)}."
        )


def check_names(names: Sequence[str], where: str, *, reserved: Sequence[str] = ()) -> None:
    """Refuse columns that engines would take for one another; capitals do not tell them apart."""
    spelled = [name.lower() for name in names]
    twice = [name for name in names if spelled.count(name.lower()) > 1]
    if twice:
        raise SchemaError(
            f"read_log: {where} has two columns named {twice[0]!r} (capitals do not count). Rename one."
        )
    taken = [name for name in names if name.lower() in (*ADDED, *reserved, "*")]
    if taken:
        raise SchemaError(f"read_log: {where} has a column {taken[0]!r}, a name read_log needs. Rename it.")


def resolve(
    available: Sequence[str], columns: Mapping[str, str], table: ColumnTable = LINES
) -> dict[str, str]:
    """Match canonical names with the source's own columns.

    Raises SchemaError if a named column is absent, or a required one has no source; the
    message holds a mapping to paste.
    """
    for name, source in columns.items():
        if source not in available:
            near = nearest(source, available)
            hint = f"Did you mean {near!r}?" if near else f"{_capital(table.source)}: {', '.join(available)}."
            raise SchemaError(f"read_log: {name} = {source!r}, but {table.source} no such column. {hint}")
    taken = set(columns.values())
    found = {name: name for name in table.columns if name in available and name not in taken} | dict(columns)
    derivable = {"amount"} if {"quantity", "unit_price"} <= found.keys() else set()
    missing = [name for name in table.required if name not in found and name not in derivable]
    if missing:
        spare = [name for name in available if name not in found.values()]
        raise SchemaError(_missing_message(missing, spare, table))
    return {name: found[name] for name in table.columns if name in found}


def suggest(name: str, spare: Sequence[str], table: ColumnTable = LINES) -> str | None:
    """Return the spare source column that most likely is `name`, or None."""
    spelled = {plain(column): column for column in spare}
    for word in [name, *table.synonyms[name].split()]:
        column = spelled.get(plain(word))
        if column is not None:
            return column
    return nearest(name, spare)


def _missing_message(missing: Sequence[str], spare: Sequence[str], table: ColumnTable) -> str:
    wanted = list(missing)
    if "amount" in missing and all(suggest(name, spare, table) for name in ("quantity", "unit_price")):
        wanted = [name for name in missing if name != "amount"] + ["quantity", "unit_price"]
    guesses = {name: suggest(name, spare, table) for name in wanted}
    mapping = ", ".join(f"{name!r}: {guess or '?'!r}" for name, guess in guesses.items())
    toml = " (or the same as a TOML file)" if table is LINES else ""
    return (
        f"read_log: required columns missing: {', '.join(missing)}. {_capital(table.source)}: {', '.join(spare)}. "
        f"If these are meant, pass {table.argument}={{{mapping}}}{toml}."
    )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
