"""How a command opens the log it is given."""

import inspect
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from crm_analytics.core import MissingDataError, SchemaError
from crm_analytics.core.errors import nearest
from crm_analytics.transactions import TransactionLog, read_log

Log = Annotated[str, typer.Argument(help="CSV or Parquet file, folder or glob of transactions")]
Columns = Annotated[
    Path | None,
    typer.Option(
        help="TOML file: [columns] canonical = 'source'; [reading] refunds, decimal, date_format, …"
    ),
]

# What a [reading] table may say: all of read_log's settings but those a command gives.
SETTINGS = sorted(set(inspect.signature(read_log).parameters) - {"source", "columns", "engine", "on_bad"})


def open_log(log: str, columns: Path | None) -> TransactionLog:
    """Open LOG as one TOML file describes it, the same file for every command.

    The file's `[columns]` table maps canonical names to the source's; its `[reading]` table
    holds settings of `read_log`, such as refunds, decimal, date_format, not_after.

    Raises
    ------
    SchemaError
        If the file is not TOML, or names an unknown column or setting.
    """
    if columns is None:
        return read_log(log)
    try:
        described = tomllib.loads(columns.read_text("utf-8"))
    except FileNotFoundError as error:
        raise MissingDataError(
            f"{columns} is not there. Give the TOML file that describes the log."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SchemaError(f"{columns} is not TOML: {error}.") from error
    reading = described.pop("reading", {})
    for name in reading:
        if name not in SETTINGS:
            near = nearest(name, SETTINGS)
            hint = f" Did you mean {near!r}?" if near else f" Known are {', '.join(SETTINGS)}."
            raise SchemaError(f"{columns}: [reading] has no setting {name!r}.{hint}")
    return read_log(log, columns=described.get("columns", described), **reading)
