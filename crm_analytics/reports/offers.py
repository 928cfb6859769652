"""What to offer next: the most valuable customers' next products, and what is bought together."""

from typing import Any

import pandas as pd

from crm_analytics.basket import AssociationRules
from crm_analytics.core.tables import require_columns
from crm_analytics.features import item_table, purchase_histories
from crm_analytics.reports.wording import Table, money, number, percent, several
from crm_analytics.transactions import TransactionLog

NEEDED = ("customer_id", "rank", "item_id", "score", "kind", "reason")
SHOWN = 10  # customers, and pairs
LEAST_TOGETHER = 20  # baskets; below it a pair is not looked for
MIN_CONFIDENCE = 0.1
NAMES = ("description", "category")  # what people call a product, finest first


def next_product_table(
    log: TransactionLog, scores: pd.DataFrame, products: pd.DataFrame, currency: str
) -> Table:
    """What the most valuable customers will probably buy again, and what anew, with the reasons."""
    top = scores["clv"].sort_values(ascending=False, kind="stable").head(SHOWN)
    named = products[products["customer_id"].isin(top.index)]
    names = _names(log, named["item_id"])
    best = {kind: rows.groupby("customer_id").first() for kind, rows in named.groupby("kind")}

    def cells(customer: Any, kind: str) -> list[str]:
        if kind not in best or customer not in best[kind].index:
            return ["–", "–"]
        row = best[kind].loc[customer]
        chance = f", {percent(row['score'], 0)}" if row["score"] else ""
        return [f"{names[row['item_id']]}{chance}", row["reason"]]

    rows = [
        [str(customer), money(value, currency, 0), *cells(customer, "repeat"), *cells(customer, "novel")]
        for customer, value in top.items()
    ]
    return Table(
        f"The {several(len(rows), 'most valuable customer')}: what each will probably buy again, and what anew, with "
        "the chance that it is in the next basket",
        ["Customer", "Value", "Again", "Why", "New to them", "Because"],
        rows,
        words=("Again", "Why", "New to them", "Because"),
    )


def in_short(products: pd.DataFrame, log: TransactionLog) -> str:
    """Say what is offered most, again and anew, and how likely it is bought."""
    require_columns(products, NEEDED, caller="portfolio_report")
    said = []
    for kind, what in [("repeat", "bought before"), ("novel", "new to the customer")]:
        best = products[products["kind"] == kind].drop_duplicates("customer_id")
        if best.empty:
            said.append(f"No product {what} is known for anyone.")
            continue
        favourite = best["item_id"].value_counts()
        name = _names(log, pd.Series(favourite.index[:1]))[favourite.index[0]]
        said.append(
            f"Of products {what}, the likeliest for each of {several(len(best), 'customer')} is in their next basket "
            f"with a chance of {percent(best['score'].mean(), 0)} on average; most often it is {name}."
        )
    return " ".join(said)


def pairs(log: TransactionLog, level: str) -> tuple[str, pd.DataFrame]:
    """What is bought together: at which level, and the significant pairs by falling lift, once each."""
    columns = log.reading.columns
    if level == "item_id":
        level = next((name for name in NAMES if name in columns), level)
    baskets = purchase_histories(log, level=level).baskets
    share = min(1.0, max(0.001, LEAST_TOGETHER / len(baskets)))
    rules = AssociationRules(share, MIN_CONFIDENCE, max_len=2, significant_only=True).fit(baskets).rules_
    sets = [left | right for left, right in zip(rules["antecedents"], rules["consequents"], strict=True)]
    return level, rules[~pd.Series(sets, dtype=object).duplicated().to_numpy()].sort_values(
        "lift", ascending=False, kind="stable"
    )


def pairs_table(found: pd.DataFrame) -> Table:
    """The strongest pairs in words."""
    rows = [
        [
            _word(row["antecedents"]),
            _word(row["consequents"]),
            number(row["count"]),
            percent(row["confidence"], 0),
            f"{number(row['lift'], 1)} ×",
        ]
        for row in found.head(SHOWN).to_dict("records")
    ]
    return Table(
        "Bought together far more often than chance would have it",
        ["Baskets with", "also hold", "Both", "How often", "As usual"],
        rows,
        words=("also hold",),
    )


def pairs_in_short(found: pd.DataFrame, level: str) -> str:
    """Say how many pairs hold up, and what that means."""
    what = {"item_id": "products", "description": "products", "category": "categories"}.get(
        level, level + "s"
    )
    if found.empty:
        return f"No two {what} are bought together more often than chance would have it."
    best = found.iloc[0]
    holds = "is" if len(found) == 1 else "are"
    return (
        f"{several(len(found), 'pair')} of {what} {holds} bought together more often than chance would have it, after "
        f"allowing for all pairs that were tried. Of the baskets with {_word(best['antecedents'])}, "
        f"{percent(best['confidence'], 0)} also hold {_word(best['consequents'])}, {number(best['lift'], 1)} times as "
        "many as usual."
    )


def _names(log: TransactionLog, items: pd.Series) -> dict[Any, str]:
    """What people call the items: a product's description with its number, or the item itself."""
    columns = log.reading.columns
    if "description" not in columns or "item_id" not in columns:
        return {item: str(item) for item in items}
    table = item_table(log)
    words = table["description"] if "description" in table else pd.Series(dtype=object)
    known = {item: words[item] for item in items if item in words.index and pd.notna(words[item])}
    return {item: f"{known[item]} ({item})" if item in known else str(item) for item in items}


def _word(items: frozenset) -> str:
    return ", ".join(sorted(map(str, items)))
