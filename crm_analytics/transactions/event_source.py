"""Events as they come, in any form that a log may have, typed once into a table of their own."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from duckdb import CaseExpression, ConstantExpression, Expression

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions import canonical, engines, schema, sources, text_values

# One row is an event. The first three are required.
COLUMNS = ("customer_id", "occurred_at", "kind", "resolved_at", "score")
REQUIRED = ("customer_id", "occurred_at", "kind")

# What other systems call these columns; only to suggest, never to guess.
SYNONYMS = {
    "customer_id": schema.SYNONYMS["customer_id"],
    "occurred_at": schema.SYNONYMS["occurred_at"] + " opened_at created_at event_date event_time start_date "
    "complaint_date call_date acilis_tarihi olay_tarihi",
    "kind": "type event_type event category event_name tur tip olay_turu olay",
    "resolved_at": "closed_at resolution_date close_date end_date kapanis_tarihi cozum_tarihi",
    "score": "nps rating survey_score csat value puan skor",
}

TABLE = schema.ColumnTable(COLUMNS, REQUIRED, SYNONYMS, "event_columns", "events do", "the events have")


@dataclass(frozen=True)
class EventSource:
    """Events as they came, how they were read, and the Parquet file that holds them typed."""

    source: sources.Source
    reading: canonical.Reading
    typed: Path

    def fingerprint(self) -> str:
        """SHA-256 over the content and how it was read, in hexadecimal."""
        how = (sorted(self.reading.columns.items()), self.reading.date_formats, self.reading.decimal)
        return hashlib.sha256(f"{self.source.fingerprint()} {how}".encode()).hexdigest()


def read_events(
    events: Any,
    scratch: Path,
    *,
    columns: Mapping[str, str] | None,
    whole_numbers: bool,
    time_zone: str | None,
    date_formats: Sequence[str] = (),
    memory_limit: str | None = None,
) -> EventSource:
    """Read events, and write them typed to a Parquet file in `scratch`.

    Parameters
    ----------
    events : path, DataFrame or Arrow table
        As the `source` of `read_log`.
    scratch : Path
        An empty folder.
    columns : dict, optional
        Canonical name → the source's name.
    whole_numbers : bool
        Whether the log's customer ids are whole numbers, else text; those of the events become alike.
    time_zone : str or None
        Of the log's times, as its `Reading` has it.
    date_formats : list of str
        Of the log: where the events' dates can be read day first or month first, its order decides.

    Raises
    ------
    SchemaError
        If a required column has no source, a date cannot be told, or times carry a zone here and
        not in the log, or the reverse.
    """
    if type(events).__module__.startswith("pyspark."):
        events = events.toArrow()
    con = engines.connect(scratch, memory_limit)  # a log's own must not see a second table of that name
    opened = sources.open_source(con, events, scratch)
    available = [name for name in opened.relation.columns if name not in schema.ADDED]
    schema.check_mapped(columns or {}, TABLE)
    found = schema.resolve(available, columns or {}, TABLE)
    types = dict(zip(opened.relation.columns, map(str, opened.relation.types), strict=True))
    kinds = {name: types[source] for name, source in found.items()}
    named = opened.relation.select(
        *(duckdb.ColumnExpression(found[name]).alias(name) for name in found),
        *(duckdb.ColumnExpression(name) for name in schema.ADDED),
    )
    reading = canonical.Reading(columns=found)
    typed: dict[str, Expression] = {name: duckdb.ColumnExpression(name) for name in schema.ADDED}
    typed |= _customer(kinds["customer_id"], whole_numbers)
    for name in ("occurred_at", "resolved_at"):
        typed |= _instant(named, name, kinds.get(name), date_formats, reading, time_zone)
    typed["kind"] = canonical.trimmed(canonical.as_text("kind"))
    typed |= canonical.as_number(
        named, "score", kinds.get("score"), None, opened.delimiter, reading, found.get("score")
    )
    path = scratch / "events.parquet"
    named.select(*(column.alias(name) for name, column in typed.items())).write_parquet(str(path))
    con.close()
    return EventSource(opened, reading, path)


def _customer(kind: str, whole_numbers: bool) -> dict[str, Expression]:
    """The customer in the log's own type, so that 17 and '17' are one; as it came where it cannot be."""
    nothing = ConstantExpression(None).cast(canonical.VARCHAR)
    value = canonical.as_identifier("customer_id", kind)
    is_whole = kind in canonical.INTEGERS | canonical.FLOATS
    if is_whole == whole_numbers:
        return {"customer_id": value, "customer_id_text": nothing}
    if is_whole:
        return {"customer_id": value.cast(canonical.VARCHAR), "customer_id_text": nothing}
    digits = canonical.trimmed(value)
    fits = canonical.matches(digits, r"[+-]?[0-9]{1,18}([.]0*)?")  # 17.0 is an id that was a float
    number = CaseExpression(fits, canonical.replaced(digits, r"[.]0*$", "")).cast(canonical.BIGINT)
    return {"customer_id": number, "customer_id_text": value}


def _instant(
    named: duckdb.DuckDBPyRelation,
    name: str,
    kind: str | None,
    date_formats: Sequence[str],
    reading: canonical.Reading,
    time_zone: str | None,
) -> dict[str, Expression]:
    """A time, its text and whether its zone differs; nothing where the column holds nothing."""
    nothing = ConstantExpression(None)
    given = kind is not None and canonical.count_rows(named, canonical.as_text(name).isnotnull())[0]
    if kind is None or not given:
        text = nothing.cast(canonical.VARCHAR)
        no = ConstantExpression(False)
        return {name: nothing.cast(canonical.TIMESTAMP), f"{name}_text": text, f"{name}_zone_differs": no}
    source_name = reading.columns[name]
    own = canonical.Reading()
    try:
        found = canonical.as_time(named, name, kind, None, own, source_name)
    except SchemaError as error:
        # What looking cannot tell, the order of day and month elsewhere does: in the events, then in the log.
        text = canonical.as_identifier(name, kind).cast(canonical.VARCHAR)
        value = canonical.trimmed(text)
        alike = _same_order(reading.date_formats) or _same_order(date_formats)
        examples = [shown for shown, _ in canonical.shapes_of(named, value)]
        formats = text_values.fitting_formats(examples, alike)
        if not formats:
            dates = text_values.fitting_formats(examples, text_values.date_formats("day first"))
            wrong = "can be read day first or month first" if dates else "do not read as dates"
            raise SchemaError(
                f"read_log: values of the events' {source_name!r} (such as {examples[0]!r}) {wrong}. Name the "
                "right column in event_columns=, or write the dates year first."
            ) from error
        parsed = canonical.as_date(value, formats)
        own = canonical.Reading(text_columns=[name], date_formats=formats)
        found = {name: parsed, "date_text": text, "zone_differs": ConstantExpression(False)}
    if own.time_zone != time_zone:
        here, there = ("carry a", "do not") if own.time_zone else ("carry no", "do")
        raise SchemaError(
            f"read_log: the times of the events in {source_name!r} {here} time zone, and those of the log "
            f"{there}. Give both with their zone, or both without."
        )
    reading.date_formats += [fmt for fmt in own.date_formats if fmt not in reading.date_formats]
    reading.text_columns += own.text_columns
    reading.time_zone = own.time_zone
    return {
        name: found[name],
        f"{name}_text": found["date_text"],
        f"{name}_zone_differs": found["zone_differs"],
    }


def _same_order(formats: Sequence[str]) -> list[str]:
    """All formats of the order of day and month that some of the `formats` show; none if none does."""
    for order in ("day first", "month first"):
        alike = text_values.date_formats(order)
        if any(fmt in alike for fmt in formats):
            return alike
    return []
