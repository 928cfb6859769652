"""The case study: a couple about whom 26 things can be known, in a city of ordinary households."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.core.errors import MissingDataError
from crm_analytics.datasets.city.city import OF_PRODUCT, City, Lived, assemble, live
from crm_analytics.datasets.city.couple import couple
from crm_analytics.datasets.city.couple_plan import O, Z, without_old_brand
from crm_analytics.datasets.city.truths import ordinary_truths
from crm_analytics.datasets.city.world import make_world

FOLDER = Path(__file__).parent / "data" / "case_study"  # written by datasets/case_study/make.py
START, END = date(2006, 12, 1), date(2009, 10, 1)
SEED, NEIGHBOURS = 2009, 300
OWN_SWITCH = 12  # every so manieth neighbour changes a brand of its own accord
TABLES = (
    "lines",
    "cards",
    "stores",
    "products",
    "calendar",
    "forms",
    "withdrawn",
    "promotions",
    "truth",
    "members",
    "refused",
)


def load_case_study() -> City:
    """The couple of the transaction-profiling assignment and its neighbours, with the truth about them.

    Two loyalty cards, Z (she) and O (he), of household `ZO`: about 2,000 lines from December 2006
    to September 2009 in supermarkets, at fuel stations and in restaurants, among those of 300
    ordinary households. All of it is invented. `truth` has the 26 facts of the assignment, its
    column `fact` being their numbers "1" to "26", with the lines that carry them.

    Returns
    -------
    City
        `table` (one row a line; `log` is the same as a TransactionLog), `cards`, `stores`,
        `products`, `calendar`, `forms`, `withdrawn`, `promotions`, `truth`, `members`.

    Raises
    ------
    MissingDataError
        If a file of the case study is missing from the installation.

    Examples
    --------
    >>> city = load_case_study()
    >>> city.cards[city.cards["household_id"] == "ZO"]["customer_id"].tolist()
    ['Z', 'O']
    >>> set(map(str, range(1, 27))) <= set(city.truth["fact"])
    True
    """
    return from_files({name: _read(name) for name in TABLES})


def make_case_study(random_state: Any = SEED, *, neighbours: int = NEIGHBOURS) -> City:
    """Simulate the case study anew; by default to the same city that `load_case_study` gives.

    Parameters
    ----------
    random_state : int or numpy Generator
    neighbours : int >= 1
        Ordinary households; every twelfth changes its brand of something of its own accord.

    Returns
    -------
    City
    """
    if neighbours < 1:
        raise ValueError(f"neighbours must be >= 1. Got {neighbours!r} instead.")
    seed = int(np.random.default_rng(random_state).integers(2**31))
    world = without_old_brand(make_world(START, END, np.random.default_rng([seed, 0])))
    plan, lines, claims = couple(world, np.random.default_rng([seed, 1]))
    made = [Lived(plan, lines, claims + ordinary_truths(world, plan, lines, claims), [])]
    for number in range(1, neighbours + 1):
        wishes = ("brand_switch",) if number % OWN_SWITCH == 0 else ()
        made.append(live(world, number, seed, wishes, 0))
    city = assemble(world, made)
    return replace(city, forms=_forms(city.forms))


def _forms(forms: pd.DataFrame) -> pd.DataFrame:
    """The couple's forms as the assignment has them: a school near home, an office on the other shore."""
    forms = forms.copy()
    for card, area, channels in ((Z, "216", "post e-mail"), (O, "212", "e-mail sms")):
        mine = forms["customer_id"] == card
        for column, value in (("work_phone_area", area), ("may_contact", True), ("channels", channels)):
            forms[column] = forms[column].mask(mine, value)
    return forms.astype({"may_contact": bool})


def to_files(city: City) -> dict[str, pa.Table]:
    """Tables of a city as they are stored: lines without what the products say already."""
    found = {}
    for name in TABLES:
        table = (city.table if name == "lines" else getattr(city, name)).copy()
        if name == "lines":
            table = table.drop(columns=OF_PRODUCT)
            for column in ("amount", "unit_price", "discount"):
                table[column] = np.round(table[column] * 100).astype("int32")  # cents take less room
            table["quantity"] = np.round(table["quantity"] * 1000).astype("int32")
        stored = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
        found[name] = stored.cast(pa.schema([(field.name, _kind(field.type)) for field in stored.schema]))
    return found


def _kind(kind: pa.DataType) -> pa.DataType:
    """One type for all text, whatever pandas held it in."""
    if pa.types.is_list(kind):
        return pa.list_(_kind(kind.value_type))
    return pa.string() if pa.types.is_large_string(kind) else kind


def from_files(tables: dict[str, pa.Table]) -> City:
    """The city of stored tables."""
    found = {name: table.to_pandas() for name, table in tables.items()}
    lines = found.pop("lines")
    for column in ("amount", "unit_price", "discount"):
        lines[column] = lines[column] / 100
    lines["quantity"] = lines["quantity"] / 1000
    lines["occurred_at"] = lines["occurred_at"].astype("datetime64[s]")
    of_product = found["products"].set_index("item_id").loc[lines["item_id"], OF_PRODUCT]
    found["products"]["tags"] = found["products"]["tags"].map(tuple)
    found["truth"]["lines"] = found["truth"]["lines"].map(lambda numbers: tuple(numbers.tolist()))
    return City(table=pd.concat([lines, of_product.reset_index(drop=True)], axis=1), **found)


def write(city: City, folder: Path = FOLDER) -> None:
    """Write a city's tables as Parquet files, the same bytes for the same city and version of pyarrow."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in to_files(city).items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=12)


def _read(name: str) -> pa.Table:
    path = FOLDER / f"{name}.parquet"
    if not path.exists():
        raise MissingDataError(
            f"{path} is not there. Reinstall crm_analytics, or run datasets/case_study/make.py in its repository."
        )
    return pq.read_table(path)
